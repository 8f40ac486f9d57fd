package emulator_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/metrics"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/telemetry"
	"lakegate/lambda/plan"
)

func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(telemetry.NewHandler(io.Discard)))
	os.Exit(m.Run())
}

// newLoggedScene is a scene whose functions' lines and metrics are kept.
func newLoggedScene(t *testing.T) *scene {
	t.Helper()
	s := newSceneOf(t, example(t, "tokyo"))
	cfg := emulator.ConfigFor(s.spec.Spec)
	cfg.Seed, cfg.Logs = 7, true
	return newSceneIn(t, cfg, s.text)
}

// A first provisioning publishes what the dashboard shows, and every line of a
// step says what it is about.
func TestTelemetry(t *testing.T) {
	t.Parallel()
	s := newLoggedScene(t)
	s.push(s.text)
	s.push(s.text)
	all := s.Metrics.All()
	of := func(m plan.Metric, dimensions map[string]string) metrics.Statistics {
		return all[metrics.Key(m.Namespace, m.Name, dimensions)]
	}
	for outcome, want := range map[string]float64{plan.OutcomeReady: 1, plan.OutcomeUnchanged: 1, plan.OutcomeFailed: 0} {
		if got := of(plan.MetricExecutions, map[string]string{plan.DimensionOutcome: outcome}).Sum; got != want {
			t.Errorf("%g executions ended %s, want %g", got, outcome, want)
		}
	}
	if got := of(plan.MetricDispatched, nil).Sum; got != 2 {
		t.Errorf("%g executions were dispatched", got)
	}
	var ready report.ReadyData
	for _, e := range s.Events.Events(plan.EventBusName) {
		var d struct{ Data report.ReadyData }
		if e.DetailType == report.Ready && json.Unmarshal(e.Detail, &d) == nil && len(d.Data.Changed) > 0 {
			ready = d.Data
		}
	}
	took := of(plan.MetricTimeToReady, nil)
	if took.Count != 1 || took.Sum != float64(ready.DurationSeconds) || took.Sum < 600 {
		t.Errorf("time to Ready is %+v, and the event says %d s", took, ready.DurationSeconds)
	}
	// A step that waits took as long as it has waited.
	cluster := map[string]string{plan.DimensionStep: "VerifyCluster"}
	if is := of(plan.MetricStepTime, cluster); is.Count != 2 || is.Max < 60 || is.Max > took.Sum {
		t.Errorf("VerifyCluster took %+v", is)
	}
	for _, step := range plan.Workspace().Steps() {
		if of(plan.MetricStepTime, map[string]string{plan.DimensionStep: step.Name}).Count == 0 {
			t.Errorf("nothing says how long %s took", step.Name)
		}
	}
	checkLines(t, s)
}

// checkLines looks at each line of the functions.
func checkLines(t *testing.T, s *scene) {
	t.Helper()
	lines := 0
	for _, step := range plan.Workspace().Steps() {
		for _, l := range s.Logs.Lines(s.Config.Region, plan.LogGroupPrefix+plan.FunctionPrefix+step.Name) {
			var line map[string]any
			if err := json.Unmarshal([]byte(l.Message), &line); err != nil {
				t.Errorf("%s: %v", l.Message, err)
			}
			if strings.Contains(l.Message, s.Secret()) {
				t.Errorf("a line of %s has the secret", step.Name)
			}
			if line["type"] != nil {
				continue
			}
			lines++
			for _, member := range []string{"workspace", "revision", "execution", "step", "requestId"} {
				if line[member] == nil {
					t.Errorf("a line of %s does not say the %s: %s", step.Name, member, l.Message)
				}
			}
		}
	}
	if lines == 0 {
		t.Error("the functions have written nothing")
	}
}

// What goes wrong is counted, too: calls that are throttled, an execution that
// fails, a survey.
func TestTelemetryOfFailures(t *testing.T) {
	t.Parallel()
	s := newLoggedScene(t)
	s.Hub.Inject(&wire.Fault{
		Kind: wire.Refuse, Service: "ec2", Action: "CreateVpc", Times: 2, Error: &wire.Error{Status: 503, Code: "RequestLimitExceeded"},
	})
	s.push(s.text)
	s.push([]byte("kind: Nonsense\n"))
	if _, err := s.Invoke(s.Context(), "Survey", []byte(`{}`)); err != nil {
		t.Fatal(err)
	}
	s.settle()
	all := s.Metrics.All()
	for key, want := range map[string]float64{
		metrics.Key(plan.MetricNamespace, plan.MetricRetries.Name, map[string]string{plan.DimensionClass: plan.Throttled}):            2,
		metrics.Key(plan.MetricNamespace, plan.MetricExecutions.Name, map[string]string{plan.DimensionOutcome: plan.OutcomeRejected}): 1,
		metrics.Key(plan.MetricNamespace, plan.MetricSurveys.Name, map[string]string{plan.DimensionOutcome: plan.OutcomeCompleted}):   1,
	} {
		if all[key].Sum != want {
			t.Errorf("%s is %g, want %g", key, all[key].Sum, want)
		}
	}
	if t.Failed() {
		t.Log(slices.Sorted(maps.Keys(all)))
	}
}
