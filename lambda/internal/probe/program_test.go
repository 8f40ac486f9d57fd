//go:build python

package probe_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/probe"
)

// The program itself, run by Python against this machine's own network.
func TestProgram(t *testing.T) {
	t.Parallel()
	open := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusForbidden) }))
	defer open.Close()
	port := open.Listener.Addr().(*net.TCPAddr).Port
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := free.Addr().(*net.TCPAddr).Port
	_ = free.Close()
	secure := httptest.NewTLSServer(open.Config.Handler)
	defer secure.Close()
	securePort := secure.Listener.Addr().(*net.TCPAddr).Port
	// What a firewall does that goes by names: the connection is opened, and what
	// is said on it is answered by nothing, or by its end.
	silent := serve(t, func(c net.Conn) { _, _ = io.Copy(io.Discard, c) })
	abrupt := serve(t, func(c net.Conn) { _, _ = c.Read(make([]byte, 512)) })
	echo := serve(t, func(c net.Conn) { _, _ = io.Copy(c, c) })
	attempts := []probe.Attempt{
		{ID: "name", Kind: probe.Resolve, Host: "localhost"},
		{ID: "no name", Kind: probe.Resolve, Host: "no-such-host.invalid"},
		{ID: "open", Kind: probe.Connect, Host: "127.0.0.1", Port: port, Seconds: 2},
		{ID: "closed", Kind: probe.Connect, Host: "127.0.0.1", Port: closed, Seconds: 2},
		{ID: "tls", Kind: probe.TLS, Host: "127.0.0.1", Port: securePort, Seconds: 2},
		{ID: "tls to a name", Kind: probe.TLS, Host: "localhost", Port: securePort, Seconds: 2},
		{ID: "tls, answered otherwise", Kind: probe.TLS, Host: "127.0.0.1", Port: port, Seconds: 2},
		{ID: "tls, silence", Kind: probe.TLS, Host: "127.0.0.1", Port: silent, Seconds: 1},
		{ID: "tls, ended", Kind: probe.TLS, Host: "127.0.0.1", Port: abrupt, Seconds: 2},
		{ID: "tls, closed", Kind: probe.TLS, Host: "127.0.0.1", Port: closed, Seconds: 2},
		{ID: "dns", Kind: probe.DNSOverTCP, Host: "127.0.0.1", Port: echo, Seconds: 2},
		{ID: "dns, silence", Kind: probe.DNSOverTCP, Host: "127.0.0.1", Port: silent, Seconds: 1},
		{ID: "dns, ended", Kind: probe.DNSOverTCP, Host: "127.0.0.1", Port: abrupt, Seconds: 2},
		{ID: "get", Kind: probe.Get, URL: open.URL, Seconds: 2},
		{ID: "databases", Kind: probe.Databases},
		{ID: "conf", Kind: probe.Conf, Key: "a"},
		{ID: "no conf", Kind: probe.Conf, Key: "b"},
	}
	text, err := probe.Command(attempts)
	if err != nil {
		t.Fatal(err)
	}
	// Stands for what a cluster puts into every command.
	const spark = `
class Spark:
    class conf:
        get = staticmethod(lambda key, default: {"a": "1"}.get(key, default))
    sql = staticmethod(lambda text: type("Rows", (), {"collect": lambda self: [("sales",), ("default",)]})())
spark = Spark
`
	cmd := exec.CommandContext(t.Context(), "python3", "-")
	cmd.Stdin = strings.NewReader(spark + text)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	got, err := probe.Parse(string(out))
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	outcomes := map[string]string{}
	for id, r := range got {
		outcomes[id] = r.Outcome
	}
	want := map[string]string{
		"name": probe.Resolved, "no name": probe.Unresolved, "open": probe.Connected, "closed": probe.Refused,
		"tls": probe.Connected, "tls to a name": probe.Connected, "tls, answered otherwise": probe.Connected,
		"tls, silence": probe.Timeout, "tls, ended": probe.Refused, "tls, closed": probe.Refused,
		"dns": probe.Answered, "dns, silence": probe.Timeout, "dns, ended": probe.Refused,
		"get": probe.Answered, "databases": probe.Answered, "conf": probe.Answered, "no conf": probe.Answered,
	}
	if diff := cmp.Diff(want, outcomes); diff != "" {
		t.Error(diff)
	}
	values, err := json.Marshal([]any{got["databases"].Values, got["conf"].Values, got["no conf"].Values, got["get"].Status})
	if err != nil {
		t.Fatal(err)
	}
	if string(values) != `[["default","sales"],["1"],[],403]` {
		t.Errorf("the values are %s", values)
	}
}

// serve answers connections on loopback, each in its own way, and returns the
// port.
func serve(t *testing.T, answer func(net.Conn)) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				answer(c)
			}()
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}
