package handler

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/source"
	"lakegate/lambda/internal/telemetry"
	"lakegate/lambda/plan"
)

// counted returns the metrics that f publishes, as name, value and dimensions.
func counted(t *testing.T, f func(ctx context.Context)) []string {
	t.Helper()
	var lines bytes.Buffer
	f(telemetry.To(t.Context(), telemetry.Output{Lines: &lines}))
	var out []string
	for line := range strings.Lines(lines.String()) {
		var root map[string]any
		var head struct {
			AWS struct {
				CloudWatchMetrics []struct {
					Dimensions [][]string
					Metrics    []struct{ Name string }
				}
			} `json:"_aws"`
		}
		if err := errors.Join(json.Unmarshal([]byte(line), &root), json.Unmarshal([]byte(line), &head)); err != nil {
			t.Fatal(err)
		}
		for _, d := range head.AWS.CloudWatchMetrics {
			text := fmt.Sprintf("%s %v", d.Metrics[0].Name, root[d.Metrics[0].Name])
			for _, name := range d.Dimensions[0] {
				text += fmt.Sprintf(" %v", root[name])
			}
			out = append(out, text)
		}
	}
	return out
}

func TestObserve(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		detailType string
		data       any
		want       []string
	}{
		{report.Ready, report.ReadyData{Changed: []string{"EnsureVpc"}, DurationSeconds: 900}, []string{"Executions 1 Ready", "TimeToReady 900"}},
		{report.Ready, report.ReadyData{DurationSeconds: 30}, []string{"Executions 1 Unchanged"}},
		{report.Failed, report.FailedData{Class: plan.QuotaExceeded}, []string{"Executions 1 Failed", "Failures 1 QuotaExceeded"}},
		{report.Rejected, report.FailedData{Class: plan.SpecInvalid}, []string{"Executions 1 Rejected"}},
		{report.Superseded, report.FailedData{Class: plan.Superseded}, []string{"Executions 1 Superseded"}},
		{report.Retired, report.RetiredData{}, []string{"Executions 1 Retired"}},
		{report.Suspended, report.SuspendedData{}, []string{"Executions 1 Suspended"}},
		{report.Drifted, report.DriftedData{Drift: report.Drift{Deviations: make([]report.Deviation, 3)}}, []string{"Deviations 3"}},
		{report.Surveyed, &report.SurveyedData{Failed: 2}, []string{"Surveys 1 Completed", "Unsurveyed 2"}},
		{report.StepCompleted, report.StepCompletedData{}, nil},
	} {
		got := counted(t, func(ctx context.Context) { observe(ctx, test.detailType, test.data) })
		if !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.detailType, got, test.want)
		}
	}
}

func TestDispatchedOnce(t *testing.T) {
	t.Parallel()
	got := counted(t, func(ctx context.Context) {
		countDispatched(ctx, []source.Started{{Workspace: "a"}, {Workspace: "b", Already: true}, {Workspace: "c"}})
		countDispatched(ctx, []source.Started{{Workspace: "b", Already: true}})
	})
	if !slices.Equal(got, []string{"Dispatched 2"}) {
		t.Errorf("%q", got)
	}
}

// The edge says of every invocation how it went, under the ids of the runtime.
func TestEdge(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]string{
		"NotifySlack": {"Retries 1 Transient", "Messages 1 NotifySlack Failed"},
		surveyName:    {"Surveys 1 Failed", "Retries 1 Transient"},
	} {
		got := counted(t, func(ctx context.Context) {
			ctx = lambdacontext.NewContext(ctx, &lambdacontext.LambdaContext{AwsRequestID: "request-1"})
			h := edge(name, func() time.Time { return time.Unix(0, 0) }, func(context.Context, []byte) (any, error) {
				return nil, failure.New(plan.Transient, "", "it does not answer")
			})
			if _, err := h(ctx, nil); err == nil {
				t.Error("the error is lost")
			}
		})
		if !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
