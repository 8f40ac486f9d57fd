package handler

import (
	"context"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/source"
	"lakegate/lambda/internal/telemetry"
	"lakegate/lambda/plan"
)

// begin begins an invocation as the runtime describes it.
func begin(ctx context.Context, name string, now func() time.Time) (context.Context, *telemetry.Invocation) {
	requestID := ""
	if lc, ok := lambdacontext.FromContext(ctx); ok {
		requestID = lc.AwsRequestID
	}
	// The runtime's own key, which is a plain text.
	header, _ := ctx.Value("x-amzn-trace-id").(string)
	return telemetry.Begin(ctx, name, requestID, header, now)
}

// observe counts what events tell, after the bus has taken them.
func observe(ctx context.Context, detailType string, data any) {
	ended := func(outcome string) {
		telemetry.Count(ctx, plan.MetricExecutions, 1, telemetry.Values{plan.DimensionOutcome: outcome})
	}
	switch data := data.(type) {
	case report.ReadyData:
		if len(data.Changed) == 0 {
			ended(plan.OutcomeUnchanged)
			return
		}
		ended(plan.OutcomeReady)
		telemetry.Count(ctx, plan.MetricTimeToReady, float64(data.DurationSeconds), nil)
	case report.FailedData:
		switch {
		case data.Class == plan.Superseded:
			ended(plan.OutcomeSuperseded)
		case detailType == report.Rejected:
			ended(plan.OutcomeRejected)
		default:
			ended(plan.OutcomeFailed)
			telemetry.Count(ctx, plan.MetricFailures, 1, telemetry.Values{plan.DimensionClass: data.Class})
		}
	case report.RetiredData:
		ended(plan.OutcomeRetired)
	case report.SuspendedData:
		ended(plan.OutcomeSuspended)
	case report.DriftedData:
		telemetry.Count(ctx, plan.MetricDeviations, float64(len(data.Deviations)), nil)
	case *report.SurveyedData:
		telemetry.Count(ctx, plan.MetricSurveys, 1, telemetry.Values{plan.DimensionOutcome: plan.OutcomeCompleted})
		telemetry.Count(ctx, plan.MetricUnsurveyed, float64(data.Failed), nil)
	}
}

// countDispatched counts the executions that an event has led to; one that was
// delivered again leads to none.
func countDispatched(ctx context.Context, started []source.Started) {
	fresh := 0
	for _, s := range started {
		if !s.Already {
			fresh++
		}
	}
	if fresh > 0 {
		telemetry.Count(ctx, plan.MetricDispatched, float64(fresh), nil)
	}
}

// countFailed counts an invocation that failed, of a function whose failures are
// of interest by themselves.
func countFailed(ctx context.Context, name string) {
	if name == surveyName {
		telemetry.Count(ctx, plan.MetricSurveys, 1, telemetry.Values{plan.DimensionOutcome: plan.OutcomeFailed})
	}
}
