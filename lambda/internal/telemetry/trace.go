package telemetry

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"strings"
	"time"

	"lakegate/lambda/plan"
)

// trace is the trace that an invocation belongs to.
type trace struct {
	root, parent string
	sampled      bool
}

// parseTrace reads a tracing header, such as
// Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html#xray-concepts-tracingheader
func parseTrace(header string) trace {
	var t trace
	for part := range strings.SplitSeq(header, ";") {
		switch name, value, _ := strings.Cut(strings.TrimSpace(part), "="); name {
		case "Root":
			t.root = value
		case "Parent":
			t.parent = value
		case "Sampled":
			t.sampled = value == "1"
		}
	}
	return t
}

// segmentHeader goes before each document that the daemon of X-Ray gets.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html#xray-api-daemon
const segmentHeader = `{"format":"json","version":1}` + "\n"

// segment is the part of a trace that is one invocation. Times are seconds since
// 1970.
// https://docs.aws.amazon.com/xray/latest/devguide/xray-api-segmentdocuments.html
type segment struct {
	Name        string            `json:"name"`
	ID          string            `json:"id"`
	TraceID     string            `json:"trace_id"`
	ParentID    string            `json:"parent_id"`
	Type        string            `json:"type"`
	StartTime   float64           `json:"start_time"`
	EndTime     float64           `json:"end_time"`
	Error       bool              `json:"error,omitempty"`
	Fault       bool              `json:"fault,omitempty"`
	Throttle    bool              `json:"throttle,omitempty"`
	Annotations map[string]string `json:"annotations"`
}

// send sends the segment of an invocation to the daemon, which answers nothing.
func (i *Invocation) send(daemon io.Writer, end time.Time, outcome, class string) {
	if daemon == nil || !i.trace.sampled || i.trace.root == "" || i.trace.parent == "" {
		return
	}
	id := make([]byte, 8)
	_, _ = rand.Read(id)
	i.mu.Lock()
	s := i.subject
	i.mu.Unlock()
	out := segment{
		Name: i.step, ID: hex.EncodeToString(id), TraceID: i.trace.root, ParentID: i.trace.parent, Type: "subsegment",
		StartTime: seconds(i.began), EndTime: seconds(end), Annotations: map[string]string{},
	}
	out.Error, out.Fault, out.Throttle = flags(class)
	for name, value := range map[string]string{
		"workspace": s.Workspace, "step": i.step, "execution": s.Execution, "mode": s.Mode, "outcome": outcome, "class": class,
	} {
		if value != "" {
			out.Annotations[name] = value
		}
	}
	text, err := json.Marshal(out)
	if err != nil {
		return
	}
	_, _ = daemon.Write(append([]byte(segmentHeader), text...))
}

// flags say whose failure a class is, as X-Ray tells them apart: an error is the
// caller's, a fault the service's, and a throttled call is an error, too.
func flags(class string) (isError, fault, throttle bool) {
	switch class {
	case "":
		return false, false, false
	case plan.Throttled:
		return true, false, true
	case plan.Transient, plan.Internal, plan.TimedOut:
		return false, true, false
	}
	return true, false, false
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }
