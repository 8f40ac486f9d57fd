package emulator_test

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/internal/emulator/databricks"
	"lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// scene is a world with a spec at hand.
type scene struct {
	*testing.T
	*emulator.World
	text []byte
	spec *spec.Workspace
	sfn  *sfn.Client
}

func newScene(t *testing.T) *scene {
	t.Helper()
	return newSceneOf(t, example(t, "tokyo"))
}

func example(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile("../../../spec/examples/" + name + ".yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func newSceneOf(t *testing.T, text []byte) *scene {
	t.Helper()
	parsed, err := spec.Load("spec.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	cfg := emulator.ConfigFor(parsed.Spec)
	cfg.Seed = 7
	return newSceneIn(t, cfg, text)
}

// newSceneIn is a scene in a world of a test's choice.
func newSceneIn(t *testing.T, cfg emulator.Config, text []byte) *scene {
	t.Helper()
	parsed, err := spec.Load("spec.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	w, err := emulator.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	// A test keeps what it has cleaned up until all tests have ended.
	open := w
	t.Cleanup(func() {
		for _, err := range open.Invalid() {
			t.Errorf("an event is not as the catalogue says: %v", err)
		}
		open.Close()
		open = nil
	})
	return &scene{t, w, text, parsed, sfn.New(sfn.Options{
		Region: w.Config.Region, BaseEndpoint: aws.String(w.AWSURL),
		HTTPClient: &http.Client{Transport: wire.Buffered{}}, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})}
}

// push commits a text as the spec and waits until all that follows is done.
func (s *scene) push(text []byte) {
	s.Helper()
	if _, err := s.Commit("workspaces/"+s.spec.Metadata.Name+".yaml", text); err != nil {
		s.Fatal(err)
	}
	s.settle()
}

func (s *scene) settle() {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), time.Minute)
	defer cancel()
	if err := s.Clock.Idle(ctx); err != nil {
		s.Fatal(err)
	}
}

// last returns the newest execution.
func (s *scene) last() *sfn.DescribeExecutionOutput {
	s.Helper()
	list, err := s.sfn.ListExecutions(s.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(s.StateMachineARN())})
	if err != nil {
		s.Fatal(err)
	}
	if len(list.Executions) == 0 {
		s.Fatal("there is no execution")
	}
	out, err := s.sfn.DescribeExecution(s.Context(), &sfn.DescribeExecutionInput{ExecutionArn: list.Executions[0].ExecutionArn})
	if err != nil {
		s.Fatal(err)
	}
	return out
}

func (s *scene) redrive() {
	s.Helper()
	arn := s.last().ExecutionArn
	if _, err := s.sfn.RedriveExecution(s.Context(), &sfn.RedriveExecutionInput{ExecutionArn: arn}); err != nil {
		s.Fatal(err)
	}
	s.settle()
}

func (s *scene) status() report.Status {
	s.Helper()
	o, ok := s.S3.Get(s.StateBucket, "status/"+s.spec.Metadata.Name+".json")
	if !ok {
		s.Fatal("there is no status")
	}
	var out report.Status
	if err := json.Unmarshal(o.Body, &out); err != nil {
		s.Fatal(err)
	}
	return out
}

// sent returns the newest event of a detail type.
func (s *scene) sent(detailType string, data any) {
	s.Helper()
	events := s.World.Events.Events(plan.EventBusName)
	for _, e := range slices.Backward(events) {
		if e.DetailType == detailType {
			if err := json.Unmarshal(e.Detail, &struct{ Data any }{data}); err != nil {
				s.Fatal(err)
			}
			return
		}
	}
	s.Fatalf("no event %q was sent", detailType)
}

// mustBeReady checks everything that a run that went well leaves.
func (s *scene) mustBeReady() {
	s.Helper()
	if x := s.last(); x.Status != sfntypes.ExecutionStatusSucceeded {
		s.Fatalf("the execution is %s: %s %s", x.Status, aws.ToString(x.Error), aws.ToString(x.Cause))
	}
	status := s.status()
	if c := status.Condition(report.ConditionReady); c == nil || c.Status != "True" || len(status.Conditions) != 1 {
		s.Errorf("conditions are %+v", status.Conditions)
	}
	if status.LastAppliedRevision == "" || status.LastAppliedRevision != status.LastAttemptedRevision {
		s.Errorf("revisions are %q and %q", status.LastAppliedRevision, status.LastAttemptedRevision)
	}
	if n := len(s.World.Events.DeadLetters()); n > 0 {
		s.Errorf("%d events were not delivered", n)
	}
}

// mustHaveFailed checks what a run that failed leaves.
func (s *scene) mustHaveFailed(class, step string) report.FailedData {
	s.Helper()
	x := s.last()
	if x.Status != sfntypes.ExecutionStatusFailed || aws.ToString(x.Error) != class {
		s.Fatalf("the execution is %s with %s, want %s: %s", x.Status, aws.ToString(x.Error), class, aws.ToString(x.Cause))
	}
	var data report.FailedData
	kind := report.Failed
	if class == plan.SpecInvalid {
		kind = report.Rejected
	}
	s.sent(kind, &data)
	if data.Class != class || data.Step != step || data.Remedy == "" {
		s.Errorf("the event says %+v, want class %s, step %s and a remedy", data, class, step)
	}
	if c := s.statusOf(report.ConditionStalled); c == nil || c.Status != "True" {
		s.Errorf("the status says nothing of it")
	}
	return data
}

func (s *scene) statusOf(kind string) *report.Condition {
	status := s.status()
	return status.Condition(kind)
}

// wanted is what the Tokyo spec makes.
func wanted(t *testing.T) []string {
	t.Helper()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	return s.Inventory()
}

func TestReady(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	var mu sync.Mutex
	var path []string
	s.Executions.Watch(func(_ string, e asl.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Type == "TaskStateExited" {
			name, _ := e.Details["name"].(string)
			if !slices.Contains(path, name) {
				path = append(path, name)
			}
		}
	})
	s.push(s.text)
	s.mustBeReady()
	var ready report.ReadyData
	s.sent(report.Ready, &ready)
	if !strings.HasPrefix(ready.URL, "https://") || len(ready.Changed) == 0 {
		t.Errorf("the event says %+v", ready)
	}
	var steps []string
	for _, step := range plan.Workspace().Steps() {
		steps = append(steps, step.Name)
	}
	slices.Sort(steps)
	slices.Sort(path)
	if diff := cmp.Diff(steps, path); diff != "" {
		t.Errorf("the steps that ran are not those of the plan:\n%s", diff)
	}
	before := len(s.Hub.Calls())
	s.push(s.text)
	s.mustBeReady()
	if calls := s.Changes(before); len(calls) > 0 {
		t.Errorf("the second run made %v", calls)
	}
	if n := s.Looks(before); n > 38 {
		t.Errorf("the second run made %d calls", n)
	}
	s.sent(report.Ready, &ready)
	if len(ready.Changed) > 0 {
		t.Errorf("the second run says it changed %v", ready.Changed)
	}
}

func TestPrivateLinkHasToBeEnabled(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Databricks.SetPrivateLink("", false)
	s.push(s.text)
	x := s.last()
	if aws.ToString(x.Error) != plan.ActionRequired {
		t.Fatalf("it ended with %s: %s", aws.ToString(x.Error), aws.ToString(x.Cause))
	}
	var data report.FailedData
	s.sent(report.Failed, &data)
	for _, part := range []string{"ap-northeast-1", emulator.ExampleAWSAccount, s.Config.DatabricksAccount} {
		if !strings.Contains(data.Remedy, part) {
			t.Errorf("the remedy does not name %s: %s", part, data.Remedy)
		}
	}
	s.Databricks.SetPrivateLink("", true)
	s.redrive()
	s.mustBeReady()
	if diff := cmp.Diff(wanted(t), s.Inventory()); diff != "" {
		t.Errorf("the world differs from one that went well:\n%s", diff)
	}
}

func TestBadSpec(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push([]byte(strings.Replace(string(s.text), "region: ap-northeast-1", "region: mars-1", 1)))
	data := s.mustHaveFailed(plan.SpecInvalid, "LoadSpec")
	if !strings.Contains(data.Message, "mars-1") || !strings.Contains(data.Message, "tokyo.yaml:") {
		t.Errorf("the message is %q", data.Message)
	}
	if calls := s.Changes(0); len(calls) > 0 {
		t.Errorf("it made %v", calls)
	}
	// A workspace that is ready stays so when a later spec is rejected.
	s.push(s.text)
	s.mustBeReady()
	s.push([]byte("nonsense"))
	s.mustHaveFailed(plan.SpecInvalid, "LoadSpec")
	if c := s.statusOf(report.ConditionReady); c == nil || c.Status != "True" {
		t.Errorf("the workspace is not ready any more: %+v", c)
	}
}

func TestOtherAccount(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push([]byte(strings.Replace(string(s.text), emulator.ExampleAWSAccount, "210987654321", 1)))
	s.mustHaveFailed(plan.SpecInvalid, "LoadSpec")
}

func TestFailedEndpoint(t *testing.T) {
	t.Parallel()
	region, _ := spec.LookupRegion("ap-northeast-1")
	s := newScene(t)
	if err := s.EC2.FailNextEndpoint(region.Name, region.RelayService, ec2.EndpointFailure{Code: "InternalError", Message: "it broke"}); err != nil {
		t.Fatal(err)
	}
	s.push(s.text)
	data := s.mustHaveFailed(plan.Conflict, "AwaitEndpoints")
	if !strings.Contains(data.Message, "failed") || !strings.Contains(data.Message, "it broke") || !strings.Contains(data.Remedy, "delete") {
		t.Errorf("it says %+v", data)
	}
}

func TestBrokenNetwork(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	networkName := s.spec.Spec.Databricks.NetworkName
	brokenSubnet := databricks.NetworkHealth{ErrorType: "subnet", ErrorMessage: "The subnet has no free addresses."}
	s.Databricks.BreakNetwork(networkName, brokenSubnet)
	s.push(s.text)
	data := s.mustHaveFailed(plan.ActionRequired, "AwaitWorkspace")
	if !strings.Contains(data.Message, "BROKEN") || !strings.Contains(data.Message, brokenSubnet.ErrorMessage) {
		t.Errorf("it says %+v", data)
	}
	// The workspace is kept, and a push repairs it once the cause is gone.
	workspaces := func() (n int) {
		for _, line := range s.Inventory() {
			if strings.HasPrefix(line, "databricks workspaces ") {
				n++
			}
		}
		return n
	}
	if n := workspaces(); n != 1 {
		t.Fatalf("there are %d workspaces", n)
	}
	s.Databricks.MendNetwork(networkName)
	s.push(s.text)
	s.mustBeReady()
	if n := workspaces(); n != 1 {
		t.Errorf("there are %d workspaces", n)
	}
}

func TestFailedWorkspace(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Databricks.FailWorkspace(s.spec.Spec.Databricks.WorkspaceName, "The control plane had no room.")
	s.push(s.text)
	data := s.mustHaveFailed(plan.ActionRequired, "AwaitWorkspace")
	if !strings.Contains(data.Message, "The control plane had no room.") {
		t.Errorf("it says %+v", data)
	}
}

// An event that is delivered twice starts nothing new.
func TestEventDeliveredTwice(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.World.Events.Duplicate(3)
	s.push(s.text)
	s.mustBeReady()
	list, err := s.sfn.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(s.StateMachineARN())})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Executions) != 1 {
		t.Errorf("there are %d executions", len(list.Executions))
	}
}

// An event whose function fails for good ends in the dead-letter queue, and the
// world goes on.
func TestDeadLetter(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Hub.Inject(&wire.Fault{Kind: wire.Refuse, Service: "lambda", Action: "Invoke", Caller: plan.FunctionPrefix + "Dispatch", Times: -1})
	s.push(s.text)
	letters := s.Queues.Messages(s.Queues.ARN(s.Config.Region, plan.DeadLetterQueueName))
	if len(letters) != 1 || !strings.Contains(letters[0].Body, "workspaces/tokyo.yaml") || letters[0].Attributes["EXHAUSTED_RETRY_CONDITION"] == "" {
		t.Fatalf("the dead letters are %+v", letters)
	}
	s.Hub.Clear()
	s.push(s.text)
	if x := s.last(); x.Status != sfntypes.ExecutionStatusSucceeded {
		t.Errorf("the next execution is %s", x.Status)
	}
}

// Of two revisions the newer one is applied, whatever the order of events, and
// the older one ends as Superseded.
func TestTwoRevisions(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	release := s.Clock.Hold()
	if _, err := s.Commit("workspaces/tokyo.yaml", s.text); err != nil {
		t.Fatal(err)
	}
	s.Clock.After(3*time.Minute, func() {
		if _, err := s.Commit("workspaces/tokyo.yaml", append([]byte("# newer\n"), s.text...)); err != nil {
			t.Error(err)
		}
	})
	release()
	s.settle()
	s.mustBeReady()
	list, err := s.sfn.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(s.StateMachineARN())})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Executions) != 2 {
		t.Fatalf("there are %d executions", len(list.Executions))
	}
	older, err := s.sfn.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: list.Executions[1].ExecutionArn})
	if err != nil {
		t.Fatal(err)
	}
	if older.Status != sfntypes.ExecutionStatusFailed || aws.ToString(older.Error) != plan.Superseded {
		t.Errorf("the older execution is %s: %s", older.Status, aws.ToString(older.Error))
	}
	if diff := cmp.Diff(wanted(t), s.Inventory()); diff != "" {
		t.Errorf("the world differs from one with one revision:\n%s", diff)
	}
	// A redrive of the older one touches nothing.
	before := len(s.Hub.Calls())
	if _, err := s.sfn.RedriveExecution(t.Context(), &sfn.RedriveExecutionInput{ExecutionArn: older.ExecutionArn}); err != nil {
		t.Fatal(err)
	}
	s.settle()
	if calls := s.Changes(before); len(calls) > 0 {
		t.Errorf("the redriven older execution made %v", calls)
	}
}

// Stopped at any step and started again, the world holds one of everything.
func TestStoppedAtEveryStep(t *testing.T) {
	t.Parallel()
	want := wanted(t)
	for _, step := range plan.Workspace().Steps() {
		t.Run(step.Name, func(t *testing.T) {
			t.Parallel()
			for _, way := range []string{"redrive", "push"} {
				s := newScene(t)
				// The function's work is done, but nobody hears of it, and the
				// execution ends.
				fault := &wire.Fault{Kind: wire.LoseReply, Service: "lambda", Action: "Invoke", Caller: plan.FunctionPrefix + step.Name, Times: -1}
				s.Hub.Inject(fault)
				s.push(s.text)
				if s.Hub.Struck(fault) == 0 {
					t.Fatal("it was not stopped")
				}
				if x := s.last(); x.Status != sfntypes.ExecutionStatusFailed {
					t.Fatalf("the execution is %s", x.Status)
				}
				s.Hub.Clear()
				if way == "redrive" {
					s.redrive()
				} else {
					s.push(s.text)
				}
				s.mustBeReady()
				if diff := cmp.Diff(want, s.Inventory()); diff != "" {
					t.Errorf("after a %s the world differs:\n%s", way, diff)
				}
			}
		})
	}
}

// The secret of the service principal is in no document, event, log line or
// object.
func TestSecretIsNowhere(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	var all strings.Builder
	for _, e := range append(s.World.Events.Events(plan.EventBusName), s.World.Events.Events("default")...) {
		all.Write(e.JSON())
	}
	for _, key := range s.S3.Keys(s.StateBucket, "") {
		o, _ := s.S3.Get(s.StateBucket, key)
		all.Write(o.Body)
	}
	history := sfn.NewGetExecutionHistoryPaginator(s.sfn, &sfn.GetExecutionHistoryInput{ExecutionArn: s.last().ExecutionArn, MaxResults: 1000})
	for history.HasMorePages() {
		page, err := history.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page.Events {
			if e.StateEnteredEventDetails != nil {
				all.WriteString(aws.ToString(e.StateEnteredEventDetails.Input))
			}
			if e.StateExitedEventDetails != nil {
				all.WriteString(aws.ToString(e.StateExitedEventDetails.Output))
			}
		}
	}
	if strings.Contains(all.String(), s.Secret()) {
		t.Error("the secret was found")
	}
	if !strings.Contains(all.String(), "tokyo") {
		t.Error("nothing was searched")
	}
}
