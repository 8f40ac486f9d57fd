package lambdaservice_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/lambdaservice"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/telemetry"
)

type brokenPipe struct{}

func (*brokenPipe) Error() string { return "broken" }

func newService(t *testing.T) (*lambdaservice.Service, *wire.Hub, string) {
	t.Helper()
	hub := wire.NewHub(clock.NewVirtual(time.Unix(0, 0)))
	s := lambdaservice.New(hub, "123456789012", "eu-west-1")
	fail := func(err error) lambdaservice.Handler {
		return func(context.Context, []byte) ([]byte, error) { return nil, err }
	}
	s.Register("echo", time.Minute, nil, func(_ context.Context, p []byte) ([]byte, error) { return p, nil })
	s.Register("class", time.Minute, nil, fail(messages.InvokeResponse_Error{Type: "NotReady", Message: "wait"}))
	s.Register("wrapped", time.Minute, nil, fail(fmt.Errorf("doing: %w", errors.New("x"))))
	s.Register("pointer", time.Minute, nil, fail(&brokenPipe{}))
	s.Register("panics", time.Minute, nil, func(context.Context, []byte) ([]byte, error) { panic("oh") })
	s.Register("slow", time.Millisecond, nil, func(ctx context.Context, _ []byte) ([]byte, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	})
	s.Register("context", time.Minute, nil, func(ctx context.Context, _ []byte) ([]byte, error) {
		c, _ := lambdacontext.FromContext(ctx)
		_, bounded := ctx.Deadline()
		return fmt.Appendf(nil, `"%s %t"`, c.InvokedFunctionArn, bounded), nil
	})
	router := wire.NewRouter(hub)
	router.Serve(s.Wire())
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	return s, hub, server.URL
}

// What a function writes goes into its log, between the service's own lines.
func TestLog(t *testing.T) {
	t.Parallel()
	s, _, _ := newService(t)
	var lines []string
	s.Log = func(function, stream, line string) { lines = append(lines, function+" "+stream+" "+line) }
	s.Register("writes", time.Minute, nil, func(ctx context.Context, _ []byte) ([]byte, error) {
		slog.New(telemetry.NewHandler(io.Discard)).InfoContext(ctx, "hello")
		return nil, errors.New("fails")
	})
	_, _ = s.Invoke(t.Context(), "writes", nil)
	if len(lines) != 3 {
		t.Fatalf("the log has %q", lines)
	}
	for i, want := range []string{`"type":"platform.start"`, `"message":"hello"`, `"status":"error"`} {
		if !strings.HasPrefix(lines[i], "writes 1970/01/01/[$LATEST]") || !strings.Contains(lines[i], want) {
			t.Errorf("line %d is %s", i, lines[i])
		}
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	s, _, url := newService(t)
	s.Register("told", 90*time.Second, map[string]string{"STEP": "told"}, nil)
	for path, want := range map[string]string{
		"/2015-03-31/functions/told/configuration": `"Environment":{"Variables":{"STEP":"told"}},"FunctionArn":"arn:aws:lambda:eu-west-1:123456789012:function:told"`,
		"/2015-03-31/functions/none/configuration": `Function not found`,
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=me/20261102/eu-west-1/lambda/aws4_request, SignedHeaders=host, Signature=0")
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(reply.Body)
		_ = reply.Body.Close()
		if err != nil || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, %v", path, body, err)
		}
	}
}

// Time passes while a function pauses, and others can run.
func TestPause(t *testing.T) {
	t.Parallel()
	s, hub, _ := newService(t)
	s.Register("pauses", time.Minute, nil, func(ctx context.Context, _ []byte) ([]byte, error) {
		return []byte(`{}`), s.Pause(ctx, time.Hour)
	})
	begin, between := hub.Clock.Now(), time.Time{}
	release := hub.Clock.Hold()
	hub.Clock.After(time.Second, func() {
		if _, failed := s.Invoke(t.Context(), "pauses", []byte(`{}`)); failed != nil {
			t.Errorf("it ends with %+v", failed)
		}
	})
	hub.Clock.After(time.Minute, func() { between = hub.Clock.Now() })
	release()
	if err := hub.Clock.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	if passed := hub.Clock.Now().Sub(begin); passed != time.Hour+time.Second || between.Sub(begin) != time.Minute {
		t.Errorf("%s have passed, and something else happened after %s", passed, between.Sub(begin))
	}
	if err := s.Pause(t.Context(), time.Second); err == nil {
		t.Error("who is not invoked can pause")
	}
}

// Errors get the names that the Lambda runtime for Go gives them.
func TestErrorNames(t *testing.T) {
	t.Parallel()
	s, _, _ := newService(t)
	for name, want := range map[string]string{
		"echo": "", "class": "NotReady", "wrapped": "wrapError", "pointer": "brokenPipe", "panics": "string",
		"slow": "Sandbox.Timedout", "nobody": "Lambda.ResourceNotFoundException",
	} {
		out, failed := s.Invoke(t.Context(), s.ARN(name), []byte(`{"x":1}`))
		got := ""
		if failed != nil {
			got = failed.Error
		}
		if got != want || want == "" && string(out) != `{"x":1}` {
			t.Errorf("%s: %s, %q", name, out, got)
		}
	}
	if out, _ := s.Invoke(t.Context(), "context", nil); string(out) != `"`+s.ARN("context")+` true"` {
		t.Errorf("the context is %s", out)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for kind, want := range map[wire.FaultKind]string{
		wire.Refuse: "Lambda.ServiceException", wire.Throttle: "Lambda.TooManyRequestsException", wire.LoseReply: "Lambda.SdkClientException",
	} {
		s, hub, _ := newService(t)
		hub.Inject(&wire.Fault{Kind: kind, Service: "lambda", Action: "Invoke", Caller: "echo"})
		if _, failed := s.Invoke(t.Context(), "echo", []byte(`1`)); failed == nil || failed.Error != want {
			t.Errorf("%s: %+v", kind, failed)
		}
		if _, failed := s.Invoke(t.Context(), "echo", []byte(`1`)); failed != nil {
			t.Errorf("%s strikes twice", kind)
		}
	}
}

func TestHTTP(t *testing.T) {
	t.Parallel()
	s, _, address := newService(t)
	do := func(method, path, body string) (int, string, http.Header) {
		r, err := http.NewRequestWithContext(t.Context(), method, address+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=a/20261102/eu-west-1/lambda/aws4_request")
		reply, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = reply.Body.Close() }()
		text, err := io.ReadAll(reply.Body)
		if err != nil {
			t.Fatal(err)
		}
		return reply.StatusCode, string(text), reply.Header
	}
	const functions = "/2015-03-31/functions/"
	if status, text, _ := do("POST", functions+url.PathEscape(s.ARN("echo"))+"/invocations", `{"x":1}`); status != 200 || text != `{"x":1}` {
		t.Errorf("by ARN: %d %s", status, text)
	}
	if _, text, header := do("POST", functions+"class/invocations", `{}`); header.Get("X-Amz-Function-Error") != "Unhandled" || !strings.Contains(text, `"errorType":"NotReady"`) {
		t.Errorf("an error: %s %v", text, header)
	}
	if status, _, _ := do("POST", functions+"nobody/invocations", `{}`); status != 404 {
		t.Errorf("an unknown function: %d", status)
	}
	if status, text, _ := do("GET", functions+"echo", ""); status != 200 || !strings.Contains(text, s.ARN("echo")) {
		t.Errorf("get: %d %s", status, text)
	}
	if status, text, _ := do("GET", "/2015-03-31/functions/", ""); status != 200 || strings.Count(text, "FunctionArn") != 7 {
		t.Errorf("list: %d %s", status, text)
	}
	if status, _, _ := do("DELETE", functions+"echo", ""); status != 501 {
		t.Errorf("an operation that is not emulated: %d", status)
	}
}
