package stepfunctions_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/stepfunctions"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
)

const definition = `{"StartAt":"Work","States":{"Work":{"Type":"Task","Resource":"arn:aws:lambda:eu-west-1:123456789012:function:work","Next":"Rest"},"Rest":{"Type":"Wait","Seconds":60,"End":true}}}`

// api is the emulated API with a client of the SDK.
type api struct {
	*sfn.Client
	clock *clock.Clock
	mu    sync.Mutex
	fail  bool
	// statuses are the events of status changes.
	statuses []string
}

func (a *api) Invoke(_ context.Context, _ string, payload []byte) ([]byte, *asl.TaskError) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.fail {
		return nil, &asl.TaskError{Error: "Conflict", Cause: `{"errorMessage":"no"}`}
	}
	return payload, nil
}

func newAPI(t *testing.T) (*api, string) {
	t.Helper()
	a := &api{clock: clock.NewVirtual(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))}
	hub := wire.NewHub(a.clock)
	s := stepfunctions.New(hub, latency.NewSource(1), "123456789012", a, func(c stepfunctions.StatusChange) {
		var d struct{ Status string }
		if err := json.Unmarshal(c.Detail, &d); err != nil {
			t.Error(err)
		}
		a.mu.Lock()
		defer a.mu.Unlock()
		a.statuses = append(a.statuses, d.Status)
	})
	a.Client = sfn.NewFromConfig(wiretest.Serve(t, hub, s.Wire())("eu-west-1"))
	machine, err := a.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("m"), Definition: aws.String(definition), RoleArn: aws.String("arn:aws:iam::123456789012:role/m"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return a, *machine.StateMachineArn
}

func (a *api) start(t *testing.T, machine, name, input string) string {
	t.Helper()
	out, err := a.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &machine, Name: &name, Input: &input})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ExecutionArn
}

func (a *api) idle(t *testing.T) {
	t.Helper()
	if err := a.clock.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestExecution(t *testing.T) {
	t.Parallel()
	a, machine := newAPI(t)
	arn := a.start(t, machine, "one", `{"x":1}`)
	a.idle(t)
	x, err := a.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &arn})
	if err != nil {
		t.Fatal(err)
	}
	if x.Status != types.ExecutionStatusSucceeded || aws.ToString(x.Output) != `{"x":1}` || x.StopDate.Sub(*x.StartDate) < time.Minute {
		t.Errorf("it is %s with %s after %s", x.Status, aws.ToString(x.Output), x.StopDate.Sub(*x.StartDate))
	}
	var kinds []string
	for token := (*string)(nil); ; {
		page, err := a.GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: &arn, MaxResults: 4, NextToken: token})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			kinds = append(kinds, string(e.Type))
		}
		if token = page.NextToken; token == nil {
			break
		}
	}
	want := []string{
		"ExecutionStarted", "TaskStateEntered", "LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded",
		"TaskStateExited", "WaitStateEntered", "WaitStateExited", "ExecutionSucceeded",
	}
	if diff := cmp.Diff(want, kinds); diff != "" {
		t.Errorf("the history:\n%s", diff)
	}
	back, err := a.GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: &arn, ReverseOrder: true})
	if err != nil || back.Events[0].Type != types.HistoryEventTypeExecutionSucceeded {
		t.Errorf("backwards it begins with %v, %v", back.Events[0].Type, err)
	}
	if diff := cmp.Diff([]string{"RUNNING", "SUCCEEDED"}, a.statuses); diff != "" {
		t.Errorf("the status changes:\n%s", diff)
	}
}

func TestNamesAreIdempotent(t *testing.T) {
	t.Parallel()
	a, machine := newAPI(t)
	release := a.clock.Hold()
	first := a.start(t, machine, "one", `{"x":1}`)
	if again := a.start(t, machine, "one", `{"x":1}`); again != first {
		t.Errorf("the same start made %s and %s", first, again)
	}
	start := func(name, input, machine string) string {
		_, err := a.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &machine, Name: &name, Input: &input})
		return wiretest.Code(err)
	}
	if c := start("one", `{"x":2}`, machine); c != "ExecutionAlreadyExists" {
		t.Errorf("another input while it runs: %q", c)
	}
	release()
	a.idle(t)
	for _, tt := range []struct{ name, input, machine, want string }{
		{"one", `{"x":1}`, machine, "ExecutionAlreadyExists"},
		{"no spaces", `{}`, machine, "InvalidName"},
		{strings.Repeat("n", 81), `{}`, machine, "InvalidName"},
		{"two", `{`, machine, "InvalidExecutionInput"},
		{"two", `{}`, machine + "x", "StateMachineDoesNotExist"},
	} {
		if c := start(tt.name, tt.input, tt.machine); c != tt.want {
			t.Errorf("%s %s: %q, want %q", tt.name, tt.input, c, tt.want)
		}
	}
}

func TestRedriveAndStop(t *testing.T) {
	t.Parallel()
	a, machine := newAPI(t)
	a.fail = true
	arn := a.start(t, machine, "one", `{"x":1}`)
	a.idle(t)
	x, err := a.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &arn})
	if err != nil || x.Status != types.ExecutionStatusFailed || aws.ToString(x.Error) != "Conflict" || x.RedriveStatus != types.ExecutionRedriveStatusRedrivable {
		t.Fatalf("it is %s with %s, %s, %v", x.Status, aws.ToString(x.Error), x.RedriveStatus, err)
	}
	a.mu.Lock()
	a.fail = false
	a.mu.Unlock()
	if _, err := a.RedriveExecution(t.Context(), &sfn.RedriveExecutionInput{ExecutionArn: &arn}); err != nil {
		t.Fatal(err)
	}
	a.idle(t)
	x, err = a.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &arn})
	if err != nil || x.Status != types.ExecutionStatusSucceeded || aws.ToInt32(x.RedriveCount) != 1 {
		t.Fatalf("redriven it is %s, %d times, %v", x.Status, aws.ToInt32(x.RedriveCount), err)
	}
	if _, err := a.RedriveExecution(t.Context(), &sfn.RedriveExecutionInput{ExecutionArn: &arn}); wiretest.Code(err) != "ExecutionNotRedrivable" {
		t.Errorf("a redrive of one that succeeded: %v", err)
	}
	release := a.clock.Hold()
	two := a.start(t, machine, "two", `{}`)
	if _, err := a.StopExecution(t.Context(), &sfn.StopExecutionInput{ExecutionArn: &two, Error: aws.String("Enough")}); err != nil {
		t.Fatal(err)
	}
	release()
	a.idle(t)
	x, err = a.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &two})
	if err != nil || x.Status != types.ExecutionStatusAborted {
		t.Errorf("stopped it is %s, %v", x.Status, err)
	}
	failed, err := a.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &machine, StatusFilter: types.ExecutionStatusAborted})
	if err != nil || len(failed.Executions) != 1 || !slices.Contains(a.statuses, "ABORTED") {
		t.Errorf("%d are listed as aborted, %v", len(failed.Executions), err)
	}
}

func TestUnknown(t *testing.T) {
	t.Parallel()
	a, _ := newAPI(t)
	arn := "arn:aws:states:eu-west-1:123456789012:execution:m:none"
	if _, err := a.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &arn}); wiretest.Code(err) != "ExecutionDoesNotExist" {
		t.Error(err)
	}
	if _, err := a.CreateActivity(t.Context(), &sfn.CreateActivityInput{Name: aws.String("a")}); wiretest.Code(err) != "NotImplemented" {
		t.Error(err)
	}
	if _, err := a.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("bad"), Definition: aws.String(`{"StartAt":"A"}`), RoleArn: aws.String("arn:aws:iam::123456789012:role/m"),
	}); wiretest.Code(err) != "InvalidDefinition" {
		t.Error(err)
	}
}
