package s3

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
)

var errChunked = errors.New("the aws-chunked body is malformed")

// decodeChunked undoes the content encoding aws-chunked: each chunk is its size
// in hexadecimal, perhaps with a signature, and its bytes; a chunk of size zero
// is followed by trailing headers. Signatures are not checked, as they are not
// anywhere here.
//
// https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming-trailers.html
func decodeChunked(body []byte) (payload []byte, trailer http.Header, err error) {
	payload, trailer = []byte{}, http.Header{}
	for {
		line, rest, ok := bytes.Cut(body, []byte("\r\n"))
		if !ok {
			return nil, nil, errChunked
		}
		digits, _, _ := bytes.Cut(line, []byte(";"))
		size, err := strconv.ParseUint(string(digits), 16, 31)
		if err != nil {
			return nil, nil, errChunked
		}
		if size == 0 {
			body = rest
			break
		}
		if uint64(len(rest)) < size+2 || !bytes.HasPrefix(rest[size:], []byte("\r\n")) {
			return nil, nil, errChunked
		}
		payload = append(payload, rest[:size]...)
		body = rest[size+2:]
	}
	// A signed trailer ends its lines with a bare line feed.
	for line := range bytes.Lines(body) {
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			continue
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) == 0 {
			return nil, nil, errChunked
		}
		trailer.Set(string(name), string(bytes.TrimSpace(value)))
	}
	return payload, trailer, nil
}
