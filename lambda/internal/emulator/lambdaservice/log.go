package lambdaservice

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/asl"
)

// invocationLog is what one invocation writes into the log of its function.
type invocationLog struct {
	service                   *Service
	function, stream, request string
	began                     time.Time
}

// begin writes the first line of an invocation. A function has one environment
// here, and so one stream on a day.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-view.html
func (s *Service) begin(function, request string) *invocationLog {
	now := s.hub.Clock.Now().UTC()
	sum := sha256.Sum256([]byte(s.ARN(function)))
	l := &invocationLog{s, function, now.Format("2006/01/02") + "/[$LATEST]" + hex.EncodeToString(sum[:16]), request, now}
	l.platform("platform.start", map[string]any{"requestId": request, "version": "$LATEST"})
	return l
}

// end writes the last line of an invocation.
func (l *invocationLog) end(failed *asl.TaskError) {
	status := "success"
	switch {
	case failed != nil && failed.Error == "Sandbox.Timedout":
		status = "timeout"
	case failed != nil:
		status = "error"
	}
	took := float64(l.service.hub.Clock.Now().Sub(l.began).Microseconds()) / 1000
	l.platform("platform.report", map[string]any{
		"requestId": l.request, "status": status, "metrics": map[string]any{"durationMs": took},
	})
}

// platform writes a line of the service's own.
// https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
func (l *invocationLog) platform(kind string, record map[string]any) {
	text, err := json.Marshal(map[string]any{"time": l.service.hub.Clock.Now().UTC().Format(time.RFC3339Nano), "type": kind, "record": record})
	if err != nil {
		panic(err)
	}
	l.service.Log(l.function, l.stream, string(text))
}

// Write takes a line of the function.
func (l *invocationLog) Write(line []byte) (int, error) {
	l.service.Log(l.function, l.stream, strings.TrimRight(string(line), "\n"))
	return len(line), nil
}
