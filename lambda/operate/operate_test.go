package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go/encoding/cbor"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/telemetry"
	"lakegate/spec"
)

var update = flag.Bool("update", false, "write the golden files anew")

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(telemetry.NewHandler(io.Discard)))
	os.Exit(m.Run())
}

// start makes a world of the Tokyo example, and a stack that looks at it.
func start(t *testing.T) (*emulator.World, *stack, []byte) {
	t.Helper()
	text, err := os.ReadFile("../../spec/examples/tokyo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := spec.Load("tokyo.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	cfg := emulator.ConfigFor(parsed.Spec)
	cfg.Seed, cfg.Logs = 7, true
	w, err := emulator.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w, newStack(aws.Config{
		Region: w.Config.Region, BaseEndpoint: aws.String(w.AWSURL), HTTPClient: &http.Client{Transport: emulator.Guard{}},
		Credentials: credentials.NewStaticCredentialsProvider("operator", "emulated", ""),
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}, w.Clock.Now), text
}

func push(t *testing.T, w *emulator.World, path string, text []byte) {
	t.Helper()
	if _, err := w.Commit(path, text); err != nil {
		t.Fatal(err)
	}
	settle(t, w)
}

func settle(t *testing.T, w *emulator.World) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := w.Clock.Idle(ctx); err != nil {
		t.Fatal(err)
	}
}

// drawn is what differs from run to run: ids, versions, and times in seconds,
// which depend on how steps that run side by side draw their durations.
var drawn = regexp.MustCompile(`\b[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.]+Z?|\b((vpc|vpce|subnet|sg|rtb|eni)-)?[0-9a-f-]*[0-9][0-9a-f-]{7,}\b|@[\w.-]{16,}|\bdbc-[\w.-]+|[0-9]+ s\b|\b[0-9]{13,}\b`)

func checkGolden(t *testing.T, name string, got string) {
	t.Helper()
	got = drawn.ReplaceAllString(got, "…")
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

// What operators see of one workspace that is ready, and of one whose spec is
// not valid.
func TestStatus(t *testing.T) {
	t.Parallel()
	w, s, text := start(t)
	push(t, w, "workspaces/tokyo.yaml", text)
	push(t, w, "workspaces/osaka.yaml", []byte("kind: Workspace\n"))
	if _, err := w.Invoke(t.Context(), "Survey", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	settle(t, w)
	var out bytes.Buffer
	if err := s.overview(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"tokyo", "Ready", "osaka", "Stalled", "What to do: ", "dead letters  0", ", 2 workspaces, 0 failed",
		"https://ap-northeast-1.console.aws.amazon.com/cloudwatch/home?region=ap-northeast-1#dashboards/dashboard/Lakegate",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
	checkGolden(t, "status.txt", out.String())
	out.Reset()
	if err := s.describe(t.Context(), &out, "tokyo"); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "status-tokyo.txt", out.String())
	if err := s.describe(t.Context(), io.Discard, "kyoto"); err == nil || !strings.Contains(err.Error(), "osaka, tokyo") {
		t.Errorf("of a workspace that does not exist: %v", err)
	}
}

// Alarms are read where CloudWatch has them, which the emulator has not.
func TestRinging(t *testing.T) {
	t.Parallel()
	for want, names := range map[string][]string{"none": nil, "lakegate-DeadLetters, lakegate-SurveyMissed": {"lakegate-DeadLetters", "lakegate-SurveyMissed"}} {
		var alarms cbor.List
		for _, name := range names {
			alarms = append(alarms, cbor.Map{"AlarmName": cbor.String(name)})
		}
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			// https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
			w.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
			w.Header().Set("Content-Type", "application/cbor")
			_, _ = w.Write(cbor.Encode(cbor.Map{"MetricAlarms": alarms}))
		}))
		defer server.Close()
		s := newStack(aws.Config{
			Region: "eu-west-1", BaseEndpoint: &server.URL, Credentials: credentials.NewStaticCredentialsProvider("operator", "emulated", ""),
		}, time.Now)
		if got := s.ringing(t.Context()); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// While an execution works, the steps that it is in are shown.
func TestStatusAtWork(t *testing.T) {
	t.Parallel()
	w, s, text := start(t)
	var out, one bytes.Buffer
	var err error
	// Held, since with nothing else to wait for that time comes at once.
	release := w.Clock.Hold()
	// By then the endpoints are not available yet.
	w.Clock.After(3*time.Minute, func() {
		err = errors.Join(s.overview(t.Context(), &out), s.describe(t.Context(), &one, "tokyo"))
	})
	if _, err := w.Commit("workspaces/tokyo.yaml", text); err != nil {
		t.Fatal(err)
	}
	release()
	settle(t, w)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Reconciling", "AwaitEndpoints (waits)"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("there is no %q in\n%s", want, out.String())
		}
	}
	if !strings.Contains(one.String(), "at work in AwaitEndpoints (waits)") {
		t.Errorf("where it is at work is not in\n%s", one.String())
	}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	w, s, text := start(t)
	push(t, w, "workspaces/tokyo.yaml", text)
	push(t, w, "workspaces/osaka.yaml", []byte("kind: Workspace\n"))
	read := func(q query) string {
		t.Helper()
		var out bytes.Buffer
		if err := s.logs(t.Context(), &out, q); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	all := read(query{workspace: "tokyo", since: 24 * time.Hour})
	for _, want := range []string{"execution tokyo-", "LoadSpec", "ReportReady", "step done", "outcome=Created"} {
		if !strings.Contains(all, want) {
			t.Errorf("there is no %q in\n%s", want, all)
		}
	}
	if strings.Contains(all, "_aws") || strings.Contains(all, "osaka") || strings.Contains(all, "platform.") {
		t.Errorf("there is more than the lines of the workspace in\n%s", all)
	}
	if first, last := strings.Index(all, "LoadSpec"), strings.Index(all, "ReportReady"); first > last {
		t.Error("the lines are not in the order of time")
	}
	failed := read(query{workspace: "osaka", since: 24 * time.Hour})
	if !strings.Contains(failed, "class=SpecInvalid") || !strings.Contains(failed, "ERROR") {
		t.Errorf("what failed is not in\n%s", failed)
	}
	if got := read(query{workspace: "tokyo", execution: "tokyo-none", since: 24 * time.Hour}); !strings.HasPrefix(got, "no function has written") {
		t.Errorf("of an execution that does not exist: %s", got)
	}
	if got := read(query{workspace: "tokyo", since: time.Nanosecond}); !strings.HasPrefix(got, "no function has written") {
		t.Errorf("of no time at all: %s", got)
	}
	if err := s.logs(t.Context(), io.Discard, query{workspace: `x" || $.workspace = "osaka`}); err == nil {
		t.Error("a name that is more than that is taken")
	}
}

// Who follows is told what is new, once, until he stops.
func TestFollow(t *testing.T) {
	t.Parallel()
	w, s, text := start(t)
	push(t, w, "workspaces/tokyo.yaml", text)
	ctx, stop := context.WithCancel(t.Context())
	out := &stopping{stop: stop}
	if err := s.logs(ctx, out, query{workspace: "tokyo", since: 24 * time.Hour, follow: true}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "ReportReady") {
		t.Errorf("it ended with\n%s", out.String())
	}
}

// stopping stops when the last step has been printed.
type stopping struct {
	bytes.Buffer
	stop func()
}

func (s *stopping) Write(text []byte) (int, error) {
	if bytes.Contains(text, []byte("ReportReady")) {
		s.stop()
	}
	return s.Buffer.Write(text)
}

func TestUsage(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{nil, {"nothing"}, {"logs"}} {
		if err := run(t.Context(), io.Discard, args); !errors.Is(err, errUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
}
