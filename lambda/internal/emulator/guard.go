package emulator

import (
	"fmt"
	"net"
	"net/http"

	"lakegate/lambda/internal/emulator/databricks"
	"lakegate/lambda/internal/emulator/wire"
)

// Guard is a transport that refuses every address outside this machine, so that
// nothing that runs here can ever reach a real account.
type Guard struct {
	// Next sends what is allowed; nil means a transport of its own.
	Next http.RoundTripper
	// Caller, if set, is named in a header: the functions share one service
	// principal, and the log of calls tells them apart by it.
	Caller string
}

// RoundTrip sends a request to this machine or refuses it.
func (g Guard) RoundTrip(r *http.Request) (*http.Response, error) {
	ip := net.ParseIP(r.URL.Hostname())
	if ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("refusing %s %s://%s: only this machine may be reached here", r.Method, r.URL.Scheme, r.URL.Host)
	}
	if g.Caller != "" {
		r = r.Clone(r.Context())
		r.Header.Set(databricks.CallerHeader, g.Caller)
	}
	return wire.Buffered{Next: g.next()}.RoundTrip(r)
}

func (g Guard) next() http.RoundTripper {
	if g.Next != nil {
		return g.Next
	}
	return direct
}

// direct never uses a proxy.
var direct = &http.Transport{MaxIdleConnsPerHost: 64}
