package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/telemetry"
	"lakegate/lambda/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

const traceHeader = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a87bd80c:0"

var subject = telemetry.Subject{Workspace: "tokyo", Revision: "workspaces/tokyo.yaml@v1", Execution: "tokyo-1f2e3d4c5b6a", Mode: "Apply"}

// ticking is a clock that passes a second each time it is asked.
func ticking() func() time.Time {
	now := time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)
	return func() time.Time { now = now.Add(time.Second); return now }
}

// begin begins an invocation whose lines go to the buffer.
func begin(t *testing.T, step string, lines *bytes.Buffer) (context.Context, *telemetry.Invocation) {
	t.Helper()
	return telemetry.Begin(telemetry.To(t.Context(), telemetry.Output{Lines: lines}), step, "request-1", traceHeader, ticking())
}

// Every line of an invocation says what it is about, by whichever logger it is
// written, and its metrics are as CloudWatch wants them.
func TestLines(t *testing.T) {
	t.Parallel()
	var lines, otherwise bytes.Buffer
	log := slog.New(telemetry.NewHandler(&otherwise))

	ctx, invocation := begin(t, "VerifyCluster", &lines)
	log.InfoContext(ctx, "before it is known what it is about")
	telemetry.About(ctx, subject)
	log.With("attempt", 2).WithGroup("cluster").WarnContext(ctx, "it does not run yet", "state", "PENDING")
	telemetry.Did(ctx, "Verified", 7*time.Minute, true)
	telemetry.Count(ctx, plan.MetricExecutions, 1, telemetry.Values{plan.DimensionOutcome: plan.OutcomeReady})
	telemetry.Count(ctx, plan.MetricTimeToReady, 1260, nil)
	invocation.End(ctx, "")

	ctx, invocation = begin(t, "EnsureVpc", &lines)
	telemetry.About(ctx, subject)
	invocation.End(ctx, plan.Throttled)

	ctx, invocation = begin(t, "NotifySlack", &lines)
	invocation.End(ctx, plan.Transient)

	ctx, invocation = begin(t, "NotifySlack", &lines)
	telemetry.Did(ctx, plan.OutcomeSent, 0, false)
	invocation.End(ctx, "")

	// It has nothing to say of this event.
	ctx, invocation = begin(t, "NotifySlack", &lines)
	invocation.End(ctx, "")

	log.Info("outside of any invocation")
	if !strings.Contains(otherwise.String(), "outside of any invocation") || strings.Count(otherwise.String(), "\n") != 1 {
		t.Errorf("lines without a context are %s", otherwise.String())
	}
	checkGolden(t, "lines.txt", lines.Bytes())
	embedded := 0
	for line := range strings.Lines(lines.String()) {
		if strings.Contains(line, `"_aws"`) {
			embedded++
			checkEmbedded(t, line)
		}
	}
	if embedded != 6 {
		t.Errorf("there are %d lines with metrics", embedded)
	}
}

func checkGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, diff)
	}
}

// units are those that CloudWatch knows.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
var units = []string{"Seconds", "Milliseconds", "Count", "Percent", "Bytes", "None"}

// checkEmbedded checks a line against the rules of the embedded metric format;
// without all of them CloudWatch drops the metrics and says nothing.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
func checkEmbedded(t *testing.T, line string) {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal([]byte(line), &root); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	var head struct {
		Metadata struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	if err := json.Unmarshal([]byte(line), &head); err != nil {
		t.Fatalf("%s: %v", line, err)
	}
	// Seconds or nanoseconds would be in another century.
	if at := time.UnixMilli(head.Metadata.Timestamp).UTC(); at.Year() != 2026 {
		t.Errorf("the time is %s in %s", at, line)
	}
	if len(head.Metadata.CloudWatchMetrics) == 0 {
		t.Errorf("there are no metrics in %s", line)
	}
	for _, d := range head.Metadata.CloudWatchMetrics {
		if d.Namespace != plan.MetricNamespace {
			t.Errorf("the namespace is %q in %s", d.Namespace, line)
		}
		if len(d.Metrics) < 1 || len(d.Metrics) > 100 || len(d.Dimensions) < 1 {
			t.Errorf("there are %d metrics and %d sets of dimensions in %s", len(d.Metrics), len(d.Dimensions), line)
		}
		for _, set := range d.Dimensions {
			if len(set) > 30 {
				t.Errorf("a set has %d dimensions in %s", len(set), line)
			}
			for _, name := range set {
				if value, ok := root[name].(string); !ok || value == "" || len(value) > 1024 {
					t.Errorf("dimension %s is %v in %s", name, root[name], line)
				}
			}
		}
		for _, m := range d.Metrics {
			if _, ok := root[m.Name].(float64); !ok || len(m.Name) > 1024 || !slices.Contains(units, m.Unit) {
				t.Errorf("metric %s in %q is %v in %s", m.Name, m.Unit, root[m.Name], line)
			}
		}
	}
}

// Metrics that are not wanted by anybody, and subjects of no invocation, do
// nothing.
func TestNobodyListens(t *testing.T) {
	t.Parallel()
	telemetry.About(t.Context(), subject)
	telemetry.Did(t.Context(), "Created", 0, true)
	telemetry.Count(t.Context(), plan.MetricDispatched, 1, nil)
	ctx, invocation := telemetry.Begin(t.Context(), "EnsureVpc", "", traceHeader, ticking())
	invocation.End(ctx, plan.Internal)
}

// segment is what the daemon of X-Ray gets.
type segment struct {
	Name        string            `json:"name"`
	ID          string            `json:"id"`
	TraceID     string            `json:"trace_id"`
	ParentID    string            `json:"parent_id"`
	Type        string            `json:"type"`
	StartTime   float64           `json:"start_time"`
	EndTime     float64           `json:"end_time"`
	Error       bool              `json:"error"`
	Fault       bool              `json:"fault"`
	Throttle    bool              `json:"throttle"`
	Annotations map[string]string `json:"annotations"`
}

func TestSegments(t *testing.T) {
	t.Parallel()
	daemon, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = daemon.Close() }()
	to, err := net.Dial("udp", daemon.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = to.Close() }()
	invoke := func(header, outcome, class string) {
		ctx, invocation := telemetry.Begin(telemetry.To(t.Context(), telemetry.Output{Segments: to}), "EnsureVpc", "request-1", header, ticking())
		telemetry.About(ctx, subject)
		if outcome != "" {
			telemetry.Did(ctx, outcome, 0, true)
		}
		invocation.End(ctx, class)
	}
	// None of these is sent, so that the first one that comes is that which follows.
	for _, header := range []string{"", "nonsense", strings.Replace(traceHeader, "Sampled=1", "Sampled=0", 1), "Root=1-5759e988-bd862e3fe1be46a994272793"} {
		invoke(header, "Created", "")
	}
	for _, c := range []struct {
		outcome, class         string
		error, fault, throttle bool
	}{
		{outcome: "Created"},
		{class: plan.Throttled, error: true, throttle: true},
		{class: plan.Conflict, error: true},
		{class: plan.Transient, fault: true},
		{class: plan.Internal, fault: true},
	} {
		invoke(traceHeader, c.outcome, c.class)
		packet := make([]byte, 64<<10)
		if err := daemon.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
			t.Fatal(err)
		}
		n, _, err := daemon.ReadFrom(packet)
		if err != nil {
			t.Fatal(err)
		}
		header, document, _ := strings.Cut(string(packet[:n]), "\n")
		if header != `{"format":"json","version":1}` {
			t.Errorf("the header is %s", header)
		}
		var got segment
		if err := json.Unmarshal([]byte(document), &got); err != nil {
			t.Fatal(err)
		}
		if len(got.ID) != 16 || got.EndTime <= got.StartTime {
			t.Errorf("id %q, from %f to %f", got.ID, got.StartTime, got.EndTime)
		}
		want := segment{
			Name: "EnsureVpc", ID: got.ID, TraceID: "1-5759e988-bd862e3fe1be46a994272793", ParentID: "53995c3f42cd8ad8", Type: "subsegment",
			StartTime: got.StartTime, EndTime: got.EndTime, Error: c.error, Fault: c.fault, Throttle: c.throttle,
			Annotations: map[string]string{"workspace": "tokyo", "step": "EnsureVpc", "execution": subject.Execution, "mode": "Apply"},
		}
		for name, value := range map[string]string{"outcome": c.outcome, "class": c.class} {
			if value != "" {
				want.Annotations[name] = value
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s%s (-want +got):\n%s", c.outcome, c.class, diff)
		}
	}
}
