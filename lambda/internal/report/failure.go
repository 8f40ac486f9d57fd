package report

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/internal/telemetry"
	"lakegate/lambda/plan"
)

// Failures reports executions that failed, from outside: no state catches an
// error, so that the console shows the one that failed and a redrive resumes
// exactly there.
type Failures struct {
	Executions func() awsapi.Executions
	Publisher  *Publisher
	Statuses   *Statuses
	Evidence   *Evidence
	// Release frees the lease of a workspace if the execution holds it, and its
	// slot.
	Release func(ctx context.Context, workspace, execution string) error
	Now     func() time.Time
}

// statusChange is the event of a status change of an execution.
// https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
type statusChange struct {
	Detail ended `json:"detail"`
}

// ended is an execution that has come to an end.
type ended struct {
	ExecutionARN string `json:"executionArn"`
	Name         string `json:"name"`
	Status       string `json:"status"`
	Input        string `json:"input"`
	Error        string `json:"error"`
	Cause        string `json:"cause"`
	// StartDate and StopDate are milliseconds since 1970.
	StartDate int64 `json:"startDate"`
	StopDate  int64 `json:"stopDate"`
}

// input is the part of an execution's input that is needed here.
type input struct {
	Workspace string            `json:"workspace"`
	Revision  revision.Revision `json:"revision"`
}

func readInput(text string) (in input, ok bool) {
	err := json.Unmarshal([]byte(text), &in)
	return in, err == nil && in.Workspace != ""
}

// AbandonedBy reads from the event of an execution that has ended the workspace
// that it worked on, and its ARN. The workspace is empty if there was none.
func AbandonedBy(payload []byte) (workspace, execution string, err error) {
	var e statusChange
	if err := json.Unmarshal(payload, &e); err != nil {
		return "", "", fmt.Errorf("decoding event: %w", err)
	}
	in, _ := readInput(e.Detail.Input)
	return in.Workspace, e.Detail.ExecutionARN, nil
}

// Report sends the event of a failed execution, writes the workspace's status
// and frees its lease and slot.
func (f *Failures) Report(ctx context.Context, payload []byte) error {
	var e statusChange
	if err := json.Unmarshal(payload, &e); err != nil {
		return fmt.Errorf("decoding event: %w", err)
	}
	now, err := f.describe(ctx, e.Detail.ExecutionARN)
	if err != nil {
		return err
	}
	return f.report(ctx, e.Detail, now)
}

// ReportUnreported does the same for a failed execution of which no event has
// come, or not yet: both send the same event.
func (f *Failures) ReportUnreported(ctx context.Context, arn string) error {
	now, err := f.describe(ctx, arn)
	if err != nil || now.StopDate == nil {
		return err
	}
	return f.report(ctx, ended{
		ExecutionARN: arn, Name: aws.ToString(now.Name), Status: string(now.Status), Input: aws.ToString(now.Input),
		Error: aws.ToString(now.Error), Cause: aws.ToString(now.Cause),
		StartDate: aws.ToTime(now.StartDate).UnixMilli(), StopDate: now.StopDate.UnixMilli(),
	}, now)
}

func (f *Failures) describe(ctx context.Context, arn string) (*sfn.DescribeExecutionOutput, error) {
	out, err := f.Executions().DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(arn)})
	if err != nil {
		return nil, fmt.Errorf("looking at execution %s: %w", arn, err)
	}
	return out, nil
}

// report tells of an execution as it ended. Now is how it is.
func (f *Failures) report(ctx context.Context, e ended, now *sfn.DescribeExecutionOutput) error {
	arn := e.ExecutionARN
	in, ok := readInput(aws.ToString(now.Input))
	if !ok {
		// Started by hand with something else: there is no workspace to report on.
		slog.WarnContext(ctx, "execution failed that has no workspace", "execution", arn)
		return nil
	}
	telemetry.About(ctx, telemetry.Subject{Workspace: in.Workspace, Revision: in.Revision.String(), Execution: e.Name})
	step, err := f.failedStep(ctx, arn)
	if err != nil {
		return err
	}
	data := failedData(e, step)
	about := Subject{
		Workspace: in.Workspace, Revision: in.Revision,
		ExecutionARN: arn, ExecutionName: e.Name,
	}
	if data.Report, err = f.verification(ctx, about, data); err != nil {
		return err
	}
	kind := Failed
	switch data.Class {
	case plan.SpecInvalid:
		kind = Rejected
	case plan.Superseded:
		kind = Superseded
	}
	// A redriven execution can fail again; that is another event.
	key := fmt.Sprintf("failed/%d", e.StopDate)
	if err := f.Publisher.Publish(ctx, kind, key, about, data); err != nil {
		return err
	}
	if now.Status == sfntypes.ExecutionStatusRunning {
		// It was redriven before this event arrived, and works again.
		return nil
	}
	if data.Class != plan.Superseded {
		if err := f.stalled(ctx, about, data, time.UnixMilli(e.StopDate)); err != nil {
			return err
		}
	}
	return f.Release(ctx, in.Workspace, arn)
}

// verification writes the report of what the execution had checked before it
// failed, if it had come that far.
func (f *Failures) verification(ctx context.Context, about Subject, data FailedData) (key string, err error) {
	var steps []string
	for _, s := range plan.Workspace().Steps() {
		if strings.HasPrefix(s.Name, "Verify") {
			steps = append(steps, s.Name)
		}
	}
	sections, err := f.Evidence.Kept(ctx, about.Workspace, about.ExecutionName, steps)
	if err != nil || len(sections) == 0 {
		return "", err
	}
	key, _, err = f.Evidence.Write(ctx, &Verification{
		Workspace: about.Workspace, Revision: about.Revision.String(), Change: about.Revision, Execution: about.ExecutionARN, Time: f.Now().UTC(),
		Verdict: "Failed", Cause: data.Step + ": " + data.Message,
		Egress:   []string{"The execution failed: what follows is what had been checked by then."},
		Sections: sections,
	})
	return key, err
}

func failedData(e ended, step string) FailedData {
	d := FailedData{
		Step: step, Status: e.Status,
		DurationSeconds: int((e.StopDate - e.StartDate) / 1000),
	}
	var cause struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	text := e.Cause
	if json.Unmarshal([]byte(text), &cause) == nil && cause.Message != "" {
		text = cause.Message
	}
	d.Message, d.Remedy = failure.Split(failure.Scrub(text))
	switch {
	case slices.Contains(plan.Classes(), e.Error):
		d.Class = e.Error
	case e.Status == "TIMED_OUT", e.Error == "States.Timeout":
		d.Class = plan.TimedOut
		d.Message = "the execution took longer than it may: " + d.Message
	case e.Status == "ABORTED":
		d.Class = plan.ActionRequired
		d.Message = "the execution was stopped: " + d.Message
		d.Remedy = "Redrive the execution, or push the spec again, to go on."
	default:
		d.Class = plan.Internal
		d.Message = fmt.Sprintf("%s: %s", e.Error, d.Message)
	}
	if d.Remedy == "" {
		d.Remedy = failure.Remedy(d.Class)
	}
	return d
}

// stalled writes down what went wrong. A workspace that was ready stays so when
// a later spec was rejected or its plan forbidden, or when it must not be retired.
// What ended before the last attempt began says nothing of the workspace any more.
func (f *Failures) stalled(ctx context.Context, about Subject, data FailedData, ended time.Time) error {
	status, err := f.Statuses.Read(ctx, about.Workspace)
	if err != nil {
		return err
	}
	if last := status.ExecutionARN; last != "" && last != about.ExecutionARN {
		x, err := f.describe(ctx, last)
		if err != nil && failure.Code(err) != "ExecutionDoesNotExist" {
			return err
		}
		if err == nil && aws.ToTime(x.StartDate).After(ended) {
			return nil
		}
	}
	reason := "StepFailed"
	if data.Class == plan.SpecInvalid {
		reason = "SpecRejected"
	}
	untouched := data.Class == plan.SpecInvalid
	switch data.Step {
	case "LoadSpec", "AcquireLease":
		untouched = true
	case "LoadRetirement":
		reason, untouched = "RetirementRefused", true
	case "PlanChanges":
		reason, untouched = "PlanFailed", true
	}
	ready := Condition{Type: ConditionReady, Status: "False", Reason: data.Class, Message: data.Message}
	if old := status.Condition(ConditionReady); old != nil && untouched {
		ready = *old
	}
	status.Attempt(about.Revision, about.ExecutionARN)
	status.Set(f.Now(), ready, Condition{
		Type: ConditionStalled, Status: "True", Reason: reason, Class: data.Class, Message: data.Message + " What to do: " + data.Remedy,
	})
	return f.Statuses.Write(ctx, status)
}

// failedStep reads the history backwards for the state that failed.
func (f *Failures) failedStep(ctx context.Context, arn string) (string, error) {
	events := map[int64]sfntypes.HistoryEvent{}
	var last int64
	in := &sfn.GetExecutionHistoryInput{ExecutionArn: aws.String(arn), ReverseOrder: true, IncludeExecutionData: aws.Bool(false)}
	for {
		out, err := f.Executions().GetExecutionHistory(ctx, in)
		if err != nil {
			return "", fmt.Errorf("reading the history of execution %s: %w", arn, err)
		}
		for _, e := range out.Events {
			events[e.Id] = e
			if last == 0 && failedEvent(e) {
				last = e.Id
			}
		}
		// Follow the failure back to the state that was entered.
		for id := last; id != 0; {
			e, ok := events[id]
			if !ok {
				break
			}
			if e.StateEnteredEventDetails != nil {
				return aws.ToString(e.StateEnteredEventDetails.Name), nil
			}
			id = e.PreviousEventId
		}
		if aws.ToString(out.NextToken) == "" {
			return "", nil
		}
		in.NextToken = out.NextToken
	}
}

// failedEvent says whether an event is the failure of a task.
func failedEvent(e sfntypes.HistoryEvent) bool {
	switch e.Type {
	case sfntypes.HistoryEventTypeLambdaFunctionFailed, sfntypes.HistoryEventTypeLambdaFunctionTimedOut,
		sfntypes.HistoryEventTypeLambdaFunctionScheduleFailed, sfntypes.HistoryEventTypeLambdaFunctionStartFailed:
		return true
	default:
		return false
	}
}
