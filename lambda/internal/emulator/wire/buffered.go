package wire

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// Buffered is a transport for clients of the AWS SDK that talk to a server on
// the same machine. The SDK closes the body of a request as soon as the reply
// begins. If that is before the transport has seen the body's end, which only
// happens over loopback, the transport takes it for a failed write and closes
// the connection in the middle of the reply. So it gets a body of its own.
type Buffered struct {
	// Next sends the request; nil means the default transport.
	Next http.RoundTripper
}

// RoundTrip sends a request with a copy of its body.
func (b Buffered) RoundTrip(r *http.Request) (*http.Response, error) {
	next := b.Next
	if next == nil {
		next = http.DefaultTransport
	}
	if r.Body == nil || r.Body == http.NoBody {
		return next.RoundTrip(r)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("reading request body: %w", err)
	}
	r = r.Clone(r.Context())
	r.Body = io.NopCloser(bytes.NewReader(body))
	return next.RoundTrip(r)
}
