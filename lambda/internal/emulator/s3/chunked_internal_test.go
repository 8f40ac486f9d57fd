package s3

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeChunked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, body, want string
		trailer          http.Header
		fails            bool
	}{
		{name: "empty", body: "0\r\n\r\n"},
		{name: "unsigned", body: "3\r\nabc\r\n2\r\nde\r\n0\r\nx-amz-checksum-crc32: AAAA\r\n\r\n", want: "abcde",
			trailer: http.Header{"X-Amz-Checksum-Crc32": {"AAAA"}}},
		{name: "signed", body: "A;chunk-signature=f\r\n0123\r\n6789\r\n0;chunk-signature=f\r\nx-amz-checksum-crc32c:AAAA\n\r\nx-amz-trailer-signature:f\r\n\r\n",
			want: "0123\r\n6789", trailer: http.Header{"X-Amz-Checksum-Crc32c": {"AAAA"}, "X-Amz-Trailer-Signature": {"f"}}},
		{name: "nothing", body: "", fails: true},
		{name: "no end", body: "3\r\nabc\r\n", fails: true},
		{name: "cut", body: "3\r\nab", fails: true},
		{name: "too long", body: "2\r\nabc\r\n0\r\n\r\n", fails: true},
		{name: "huge", body: "FFFFFFFFFFFFFFFF\r\nabc\r\n0\r\n\r\n", fails: true},
		{name: "negative", body: "-1\r\nabc\r\n0\r\n\r\n", fails: true},
		{name: "no size", body: "\r\nabc\r\n0\r\n\r\n", fails: true},
		{name: "trailer without a name", body: "0\r\n:x\r\n\r\n", fails: true},
	} {
		got, trailer, err := decodeChunked([]byte(c.body))
		if (err != nil) != c.fails {
			t.Errorf("%s: got the error %v", c.name, err)
		}
		if err != nil {
			continue
		}
		if c.trailer == nil {
			c.trailer = http.Header{}
		}
		if diff := cmp.Diff(c.trailer, trailer); string(got) != c.want || diff != "" {
			t.Errorf("%s: got %q, %s", c.name, got, diff)
		}
	}
}

// Whatever is decoded is not longer than what was sent, and what was encoded is
// decoded again.
func FuzzDecodeChunked(f *testing.F) {
	f.Add([]byte("3\r\nabc\r\n0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n"), 2)
	f.Add([]byte("a;chunk-signature=00\r\n0123456789\r\n0\r\n\r\n"), 3)
	f.Add([]byte(""), 1)
	f.Fuzz(func(t *testing.T, data []byte, size int) {
		if got, _, err := decodeChunked(data); err == nil && len(got) >= len(data) {
			t.Errorf("%d bytes were decoded from %d", len(got), len(data))
		}
		size = max(1, size%64)
		var encoded strings.Builder
		for rest := data; len(rest) > 0; {
			n := min(size, len(rest))
			fmt.Fprintf(&encoded, "%x\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		encoded.WriteString("0\r\nx-amz-checksum-crc32:AAAA\r\n\r\n")
		got, trailer, err := decodeChunked([]byte(encoded.String()))
		if err != nil || string(got) != string(data) || trailer.Get("X-Amz-Checksum-Crc32") != "AAAA" {
			t.Errorf("decoding %q: %q, %v, %v", encoded.String(), got, trailer, err)
		}
	})
}
