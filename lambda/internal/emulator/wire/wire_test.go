package wire_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/wire"
)

// serve returns a hub and a request to a service that counts what it does.
func serve(t *testing.T) (hub *wire.Hub, did *atomic.Int64, ask func(service, target string) (int, string, error)) {
	t.Helper()
	hub = wire.NewHub(clock.NewVirtual(time.Unix(0, 0)))
	did = new(atomic.Int64)
	router := wire.NewRouter(hub)
	router.Serve(&wire.Service{Name: "things", Protocol: wire.JSON11, Operations: map[string]wire.Operation{
		"MakeThing":     func(*wire.Call) (any, error) { return map[string]int64{"n": did.Add(1)}, nil },
		"DescribeThing": func(*wire.Call) (any, error) { return nil, &wire.Error{Code: "NoThing", Message: "none"} },
	}})
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	return hub, did, func(service, target string) (int, string, error) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if service != "" {
			r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=maker/20261102/eu-west-1/"+service+"/aws4_request, SignedHeaders=host")
		}
		r.Header.Set("X-Amz-Target", "Things."+target)
		client := &http.Client{Transport: wire.Buffered{}}
		reply, err := client.Do(r)
		if err != nil {
			return 0, "", err
		}
		defer func() { _ = reply.Body.Close() }()
		text, err := io.ReadAll(reply.Body)
		return reply.StatusCode, string(text), err
	}
}

func TestRouting(t *testing.T) {
	t.Parallel()
	hub, _, ask := serve(t)
	for _, tt := range []struct {
		service, target string
		status          int
		text            string
	}{
		{"things", "MakeThing", 200, `{"n":1}`},
		{"things", "DescribeThing", 400, "NoThing"},
		{"things", "PaintThing", 501, "things:PaintThing is not emulated"},
		{"others", "MakeThing", 501, `"others" is not emulated`},
		{"", "MakeThing", 403, "not signed"},
	} {
		status, text, err := ask(tt.service, tt.target)
		if err != nil || status != tt.status || !strings.Contains(text, tt.text) {
			t.Errorf("%s %s: %d %s, %v", tt.service, tt.target, status, text, err)
		}
	}
	calls := hub.Calls()
	if len(calls) != 2 || calls[0].Caller != "maker" || !calls[0].Mutating || calls[1].Mutating {
		t.Errorf("the log is %+v", calls)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind   wire.FaultKind
		status int
		did    int64
	}{{wire.Refuse, 503, 0}, {wire.Throttle, 400, 0}, {wire.LoseReply, 0, 1}} {
		hub, did, ask := serve(t)
		fault := &wire.Fault{Kind: tt.kind, Service: "things", Action: "Make*", After: 1}
		hub.Inject(fault)
		if status, _, err := ask("things", "MakeThing"); err != nil || status != 200 {
			t.Errorf("%s strikes too early: %d, %v", tt.kind, status, err)
		}
		status, _, err := ask("things", "MakeThing")
		if status != tt.status || (err != nil) != (tt.kind == wire.LoseReply) || did.Load() != 1+tt.did || hub.Struck(fault) != 1 {
			t.Errorf("%s: %d, %v, done %d times", tt.kind, status, err, did.Load())
		}
		if status, _, err := ask("things", "MakeThing"); err != nil || status != 200 {
			t.Errorf("%s strikes twice: %d, %v", tt.kind, status, err)
		}
	}
}

func TestLimitAndStaleReads(t *testing.T) {
	t.Parallel()
	hub, _, ask := serve(t)
	hub.Enforce([]wire.Limit{{Service: "things", Actions: []string{"Make*"}, Burst: 2, PerSecond: 1}})
	var statuses []int
	for range 3 {
		status, _, err := ask("things", "MakeThing")
		if err != nil {
			t.Fatal(err)
		}
		statuses = append(statuses, status)
	}
	if text, _ := json.Marshal(statuses); string(text) != "[200,200,400]" {
		t.Errorf("a burst of two answers %s", text)
	}
	hub.StaleReads(2)
	hub.Created("new")
	for read, want := range []bool{false, false, true, true} {
		if hub.Visible("new") != want {
			t.Errorf("read %d sees what is new: %t", read+1, !want)
		}
	}
	if !hub.Visible("old") {
		t.Error("what is old is not seen")
	}
}

// An input has no member that the operation does not know, and the operation
// has the lock for itself.
func TestDecoded(t *testing.T) {
	t.Parallel()
	type input struct{ Name string }
	var mu sync.Mutex
	for name, tt := range map[string]struct {
		lock   sync.Locker
		body   string
		locked bool
		says   string
	}{
		"an input":         {&mu, `{"Name":"a"}`, true, ""},
		"without a lock":   {nil, `{"Name":"a"}`, false, ""},
		"a foreign member": {&mu, `{"Name":"a","Size":1}`, false, `the input of MakeThing is not understood: json: unknown field "Size"`},
		"another type":     {&mu, `{"Name":1}`, false, "the input of MakeThing is not understood"},
		"no JSON":          {&mu, ``, false, "EOF"},
	} {
		locked := false
		made, err := wire.Decoded(tt.lock, func(_ *wire.Call, in input) (any, error) {
			if locked = !mu.TryLock(); !locked {
				mu.Unlock()
			}
			return in.Name, nil
		})(&wire.Call{Action: "MakeThing", Body: []byte(tt.body)})
		if locked != tt.locked || (tt.says == "") != (made == "a") {
			t.Errorf("%s: made %v, locked %t", name, made, locked)
		}
		refusal, refused := errors.AsType[*wire.Error](err)
		if refused != (tt.says != "") || refused && (refusal.Code != "SerializationException" || !strings.Contains(refusal.Message, tt.says)) {
			t.Errorf("%s: %v", name, err)
		}
		if !mu.TryLock() {
			t.Fatalf("%s: the lock is kept", name)
		}
		mu.Unlock()
	}
}
