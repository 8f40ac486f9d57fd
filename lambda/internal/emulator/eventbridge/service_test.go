package eventbridge_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseb "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/eventbridge"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/logs"
	"lakegate/lambda/internal/emulator/sqs"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	region   = "eu-west-1"
	account  = "123456789012"
	function = "arn:aws:lambda:eu-west-1:123456789012:function:lakegate-Dispatch"
)

// stack is the service with a Lambda function that the test scripts.
type stack struct {
	*awseb.Client
	clock   *clock.Clock
	delays  *latency.Source
	service *eventbridge.Service
	queues  *sqs.Service
	groups  *logs.Service
	reach   func(region string) aws.Config

	mu    sync.Mutex
	calls []call
	// answer is what the function answers to its nth invocation, from 1.
	answer func(n int) error
}

type call struct {
	at      time.Duration
	target  string
	payload string
}

var want = wiretest.Want

func newStack(t *testing.T) *stack {
	t.Helper()
	k := &stack{clock: clock.NewVirtual(start), delays: latency.NewSource(1), answer: func(int) error { return nil }}
	hub := wire.NewHub(k.clock)
	k.queues, k.groups = sqs.New(hub, account), logs.New(hub, account)
	k.service = eventbridge.New(hub, k.delays, account, eventbridge.Targets{
		Queues: k.queues, Groups: k.groups,
		Others: map[string]eventbridge.Deliver{"lambda": k.invoke, "states": k.invoke},
	})
	k.reach = wiretest.Serve(t, hub, k.service.Wire(), k.queues.Wire())
	k.Client = awseb.NewFromConfig(k.reach(region))
	return k
}

func (k *stack) invoke(_ context.Context, targetARN string, payload []byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.calls = append(k.calls, call{k.clock.Now().Sub(start), targetARN, string(payload)})
	return k.answer(len(k.calls))
}

// invocations waits until nothing is on its way and returns what the function
// was called with.
func (k *stack) invocations(t *testing.T) []call {
	t.Helper()
	if err := k.clock.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.calls)
}

func (k *stack) rule(t *testing.T, bus, name, pattern string, targets ...types.Target) string {
	t.Helper()
	out, err := k.PutRule(t.Context(), &awseb.PutRuleInput{Name: &name, EventBusName: &bus, EventPattern: &pattern})
	want(t, err, "")
	if len(targets) > 0 {
		_, err = k.PutTargets(t.Context(), &awseb.PutTargetsInput{Rule: &name, EventBusName: &bus, Targets: targets})
		want(t, err, "")
	}
	return *out.RuleArn
}

func (k *stack) bus(t *testing.T, name string) string {
	t.Helper()
	out, err := k.CreateEventBus(t.Context(), &awseb.CreateEventBusInput{Name: &name})
	want(t, err, "")
	return *out.EventBusArn
}

func (k *stack) queue(t *testing.T, name string) string {
	t.Helper()
	client := awssqs.NewFromConfig(k.reach(region))
	_, err := client.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: &name})
	want(t, err, "")
	return k.queues.ARN(region, name)
}

func (k *stack) put(t *testing.T, entries ...types.PutEventsRequestEntry) *awseb.PutEventsOutput {
	t.Helper()
	out, err := k.PutEvents(t.Context(), &awseb.PutEventsInput{Entries: entries})
	want(t, err, "")
	return out
}

func entry(bus, detail string) types.PutEventsRequestEntry {
	return types.PutEventsRequestEntry{EventBusName: aws.String(bus), Source: aws.String("lakegate"), DetailType: aws.String("Workspace Ready"), Detail: &detail}
}

func target(arn string) types.Target { return types.Target{Id: aws.String("t"), Arn: &arn} }

const all = `{"source": [{"prefix": ""}]}`

func TestBuses(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	arn := k.bus(t, "lakegate")
	if want := "arn:aws:events:eu-west-1:123456789012:event-bus/lakegate"; arn != want {
		t.Errorf("the ARN is %s, want %s", arn, want)
	}
	_, err := k.CreateEventBus(ctx, &awseb.CreateEventBusInput{Name: aws.String("lakegate")})
	want(t, err, "ResourceAlreadyExistsException")
	_, err = k.CreateEventBus(ctx, &awseb.CreateEventBusInput{Name: aws.String("default")})
	want(t, err, "ResourceAlreadyExistsException")
	for _, name := range []string{"lakegate", arn} {
		out, err := k.DescribeEventBus(ctx, &awseb.DescribeEventBusInput{Name: &name})
		want(t, err, "")
		if *out.Arn != arn || !out.CreationTime.Equal(start) {
			t.Errorf("%s is %+v", name, out)
		}
	}
	out, err := k.ListEventBuses(ctx, &awseb.ListEventBusesInput{Limit: aws.Int32(1)})
	want(t, err, "")
	if len(out.EventBuses) != 1 || *out.EventBuses[0].Name != "default" {
		t.Errorf("the first page is %v", out.EventBuses)
	}
	out, err = k.ListEventBuses(ctx, &awseb.ListEventBusesInput{NextToken: out.NextToken})
	want(t, err, "")
	if len(out.EventBuses) != 1 || *out.EventBuses[0].Name != "lakegate" || out.NextToken != nil {
		t.Errorf("the second page is %v", out.EventBuses)
	}
	k.rule(t, "lakegate", "all", all)
	remove := func(name string) error {
		_, err := k.DeleteEventBus(ctx, &awseb.DeleteEventBusInput{Name: &name})
		return err
	}
	want(t, remove("lakegate"), "ValidationException")
	want(t, remove("default"), "ValidationException")
	_, err = k.DeleteRule(ctx, &awseb.DeleteRuleInput{Name: aws.String("all"), EventBusName: &arn})
	want(t, err, "")
	want(t, remove("lakegate"), "")
	want(t, remove("lakegate"), "")
	_, err = k.DescribeEventBus(ctx, &awseb.DescribeEventBusInput{Name: aws.String("lakegate")})
	want(t, err, "ResourceNotFoundException")
}

func TestRules(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	k.bus(t, "lakegate")
	if got, want := k.rule(t, "default", "b", all), "arn:aws:events:eu-west-1:123456789012:rule/b"; got != want {
		t.Errorf("the ARN is %s, want %s", got, want)
	}
	if got, want := k.rule(t, "lakegate", "b", all), "arn:aws:events:eu-west-1:123456789012:rule/lakegate/b"; got != want {
		t.Errorf("the ARN is %s, want %s", got, want)
	}
	k.rule(t, "default", "a", all, target(function))
	_, err := k.DisableRule(ctx, &awseb.DisableRuleInput{Name: aws.String("b")})
	want(t, err, "")
	rule, err := k.DescribeRule(ctx, &awseb.DescribeRuleInput{Name: aws.String("b")})
	want(t, err, "")
	if rule.State != types.RuleStateDisabled || *rule.EventPattern != all || *rule.EventBusName != "default" || *rule.CreatedBy != account {
		t.Errorf("the rule is %+v", rule)
	}
	_, err = k.EnableRule(ctx, &awseb.EnableRuleInput{Name: aws.String("b")})
	want(t, err, "")
	rules, err := k.ListRules(ctx, &awseb.ListRulesInput{})
	want(t, err, "")
	var names []string
	for _, r := range rules.Rules {
		names = append(names, *r.Name+" "+string(r.State))
	}
	if diff := cmp.Diff([]string{"a ENABLED", "b ENABLED"}, names); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	byTarget, err := k.ListRuleNamesByTarget(ctx, &awseb.ListRuleNamesByTargetInput{TargetArn: aws.String(function)})
	want(t, err, "")
	if diff := cmp.Diff([]string{"a"}, byTarget.RuleNames); diff != "" {
		t.Errorf("rules of the target (-want +got):\n%s", diff)
	}
	_, err = k.DeleteRule(ctx, &awseb.DeleteRuleInput{Name: aws.String("a")})
	want(t, err, "ValidationException")
	_, err = k.RemoveTargets(ctx, &awseb.RemoveTargetsInput{Rule: aws.String("a"), Ids: []string{"t", "unknown"}})
	want(t, err, "")
	for range 2 {
		_, err = k.DeleteRule(ctx, &awseb.DeleteRuleInput{Name: aws.String("a")})
		want(t, err, "")
	}
	_, err = k.DescribeRule(ctx, &awseb.DescribeRuleInput{Name: aws.String("a")})
	want(t, err, "ResourceNotFoundException")
}

func TestTargets(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	put := func(targets ...types.Target) error {
		_, err := k.PutTargets(ctx, &awseb.PutTargetsInput{Rule: aws.String("r"), Targets: targets})
		return err
	}
	want(t, put(target(function)), "ResourceNotFoundException")
	k.rule(t, "default", "r", all)
	var five []types.Target
	for i := range 5 {
		five = append(five, types.Target{Id: aws.String(fmt.Sprint(i)), Arn: aws.String(function)})
	}
	want(t, put(five...), "")
	want(t, put(target(function)), "LimitExceededException")
	full := types.Target{
		Id: aws.String("0"), Arn: aws.String("arn:aws:states:eu-west-1:123456789012:stateMachine:m"), RoleArn: aws.String("arn:aws:iam::123456789012:role/r"),
		InputTransformer: &types.InputTransformer{InputPathsMap: map[string]string{"a": "$.detail.a"}, InputTemplate: aws.String(`{"a": <a>}`)},
		RetryPolicy:      &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(0), MaximumEventAgeInSeconds: aws.Int32(60)},
		DeadLetterConfig: &types.DeadLetterConfig{Arn: aws.String("arn:aws:sqs:eu-west-1:123456789012:dead")},
	}
	want(t, put(full), "")
	out, err := k.ListTargetsByRule(ctx, &awseb.ListTargetsByRuleInput{Rule: aws.String("r")})
	want(t, err, "")
	if len(out.Targets) != 5 {
		t.Fatalf("there are %d targets", len(out.Targets))
	}
	if diff := cmp.Diff(fmt.Sprintf("%+v", *full.InputTransformer.InputTemplate), *out.Targets[0].InputTransformer.InputTemplate); diff != "" {
		t.Errorf("template (-want +got):\n%s", diff)
	}
	if got := out.Targets[0]; *got.RetryPolicy.MaximumRetryAttempts != 0 || *got.DeadLetterConfig.Arn != *full.DeadLetterConfig.Arn || *got.RoleArn != *full.RoleArn {
		t.Errorf("the target is %+v", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	k.rule(t, "default", "r", all)
	rule := func(in awseb.PutRuleInput) error {
		in.Name = aws.String("x")
		_, err := k.PutRule(ctx, &in)
		return err
	}
	change := func(f func(*types.Target)) error {
		x := target(function)
		f(&x)
		_, err := k.PutTargets(ctx, &awseb.PutTargetsInput{Rule: aws.String("r"), Targets: []types.Target{x}})
		return err
	}
	template := func(text string) func(*types.Target) {
		return func(x *types.Target) {
			x.InputTransformer = &types.InputTransformer{InputPathsMap: map[string]string{"a": "$.detail.a"}, InputTemplate: &text}
		}
	}
	arn := func(text string) func(*types.Target) { return func(x *types.Target) { x.Arn = &text } }
	event := func(pattern, event string) error {
		_, err := k.TestEventPattern(ctx, &awseb.TestEventPatternInput{EventPattern: &pattern, Event: &event})
		return err
	}
	tests := []struct {
		name, want string
		err        error
	}{
		{"pattern", "InvalidEventPatternException", rule(awseb.PutRuleInput{EventPattern: aws.String(`{"source": "a"}`)})},
		{"combinations", "LimitExceededException", rule(awseb.PutRuleInput{EventPattern: aws.String(`{"detail": {` + alternatives(32) + `}, ` + alternatives(32) + `}`)})},
		{"long pattern", "ValidationException", rule(awseb.PutRuleInput{EventPattern: aws.String(strings.Repeat(" ", 4097))})},
		{"no pattern", "ValidationException", rule(awseb.PutRuleInput{})},
		{"schedule", "NotImplemented", rule(awseb.PutRuleInput{ScheduleExpression: aws.String("rate(1 hour)")})},
		{"state", "NotImplemented", rule(awseb.PutRuleInput{EventPattern: aws.String(all), State: types.RuleStateEnabledWithAllCloudtrailManagementEvents})},
		{"unknown bus", "ResourceNotFoundException", rule(awseb.PutRuleInput{EventPattern: aws.String(all), EventBusName: aws.String("x")})},
		{"bus name", "ValidationException", func() error {
			_, err := k.CreateEventBus(ctx, &awseb.CreateEventBusInput{Name: aws.String("a b")})
			return err
		}()},
		{"rule name", "ValidationException", func() error {
			_, err := k.PutRule(ctx, &awseb.PutRuleInput{Name: aws.String("a b"), EventPattern: aws.String(all)})
			return err
		}()},
		{"no rule", "ResourceNotFoundException", func() error {
			_, err := k.EnableRule(ctx, &awseb.EnableRuleInput{Name: aws.String("x")})
			return err
		}()},
		{"page size", "ValidationException", func() error {
			_, err := k.ListRules(ctx, &awseb.ListRulesInput{Limit: aws.Int32(101)})
			return err
		}()},
		{"page token", "ValidationException", func() error {
			_, err := k.ListRules(ctx, &awseb.ListRulesInput{NextToken: aws.String("x")})
			return err
		}()},
		{"connection", "NotImplemented", func() error {
			_, err := k.ListConnections(ctx, &awseb.ListConnectionsInput{})
			return err
		}()},
		{"target id", "ValidationException", change(func(x *types.Target) { x.Id = aws.String("a b") })},
		{"target that is no ARN", "ValidationException", change(arn("lakegate-Dispatch"))},
		{"target of another service", "NotImplemented", change(arn("arn:aws:ecs:eu-west-1:123456789012:cluster/c"))},
		{"API destination", "NotImplemented", change(arn("arn:aws:events:eu-west-1:123456789012:api-destination/d/1"))},
		{"FIFO queue", "NotImplemented", change(arn("arn:aws:sqs:eu-west-1:123456789012:q.fifo"))},
		{"state machine without a role", "ValidationException", change(arn("arn:aws:states:eu-west-1:123456789012:stateMachine:m"))},
		{"ECS parameters", "SerializationException", change(func(x *types.Target) { x.EcsParameters = &types.EcsParameters{TaskDefinitionArn: aws.String("a")} })},
		{"two inputs", "ValidationException", change(func(x *types.Target) { x.Input, x.InputPath = aws.String("{}"), aws.String("$") })},
		{"input that is no JSON", "ValidationException", change(func(x *types.Target) { x.Input = aws.String("{") })},
		{"input path", "ValidationException", change(func(x *types.Target) { x.InputPath = aws.String("detail") })},
		{"input path with a wildcard", "ValidationException", change(func(x *types.Target) { x.InputPath = aws.String("$.resources[*]") })},
		{"template that is no JSON", "ValidationException", change(template(`{"a": <a>`))},
		{"template with plain words", "ValidationException", change(template(`a is <a>`))},
		{"undefined variable", "ValidationException", change(template(`{"a": <b>}`))},
		{"empty template", "ValidationException", change(template(``))},
		{"reserved variable", "ValidationException", change(func(x *types.Target) {
			x.InputTransformer = &types.InputTransformer{InputPathsMap: map[string]string{"aws.a": "$.detail"}, InputTemplate: aws.String(`"a"`)}
		})},
		{"too many retries", "ValidationException", change(func(x *types.Target) { x.RetryPolicy = &types.RetryPolicy{MaximumRetryAttempts: aws.Int32(186)} })},
		{"too short a life", "ValidationException", change(func(x *types.Target) { x.RetryPolicy = &types.RetryPolicy{MaximumEventAgeInSeconds: aws.Int32(59)} })},
		{"dead-letter queue elsewhere", "ValidationException", change(func(x *types.Target) {
			x.DeadLetterConfig = &types.DeadLetterConfig{Arn: aws.String("arn:aws:sqs:us-east-1:123456789012:q")}
		})},
		{"event that is no JSON", "ValidationException", event(all, `{`)},
		{"event without an id", "ValidationException", event(all, `{"source": "a"}`)},
		{"pattern to test", "InvalidEventPatternException", event(`{}`, instance)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want(t, tt.err, tt.want)
		})
	}
}

func TestTestEventPattern(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	for pattern, match := range map[string]bool{`{"detail": {"state": ["terminated"]}}`: true, `{"detail": {"state": ["running"]}}`: false} {
		out, err := k.TestEventPattern(t.Context(), &awseb.TestEventPatternInput{EventPattern: &pattern, Event: aws.String(instance)})
		want(t, err, "")
		if out.Result != match {
			t.Errorf("%s: got %t", pattern, out.Result)
		}
	}
}

func TestPutEventsRefusesEntries(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	change := func(f func(*types.PutEventsRequestEntry)) types.PutEventsRequestEntry {
		e := entry("default", `{}`)
		f(&e)
		return e
	}
	out := k.put(t,
		entry("default", `{"a": 1}`),
		change(func(e *types.PutEventsRequestEntry) { e.Source = nil }),
		change(func(e *types.PutEventsRequestEntry) { e.DetailType = nil }),
		change(func(e *types.PutEventsRequestEntry) { e.Detail = nil }),
		change(func(e *types.PutEventsRequestEntry) { e.Source = aws.String("aws.s3") }),
		entry("default", `{"a": `), entry("default", `[]`), entry("default", `"text"`),
		entry("missing", `{}`),
	)
	var got []string
	for _, e := range out.Entries {
		got = append(got, aws.ToString(e.ErrorCode)+aws.ToString(e.ErrorMessage))
	}
	if diff := cmp.Diff([]string{
		"",
		"InvalidArgumentParameter Source is not valid. Reason: Source is a required argument.",
		"InvalidArgumentParameter DetailType is not valid. Reason: DetailType is a required argument.",
		"InvalidArgumentParameter Detail is not valid. Reason: Detail is a required argument.",
		"NotAuthorizedForSourceExceptionNot authorized for the source.",
		"MalformedDetailDetail is malformed.", "MalformedDetailDetail is malformed.", "MalformedDetailDetail is malformed.",
		"",
	}, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
	if out.FailedEntryCount != 7 {
		t.Errorf("FailedEntryCount is %d", out.FailedEntryCount)
	}
	if events := k.service.Events(""); len(events) != 1 || events[0].ID != *out.Entries[0].EventId {
		t.Errorf("the buses have %v", events)
	}
	// As in the service, an event for a bus that does not exist is taken.
	if lost := k.service.Lost(); len(lost) != 1 || lost[0].Event.ID != *out.Entries[8].EventId || out.Entries[8].EventId == nil {
		t.Errorf("lost are %v", lost)
	}
}

func TestPutEventsRefusesRequests(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	// detail makes an entry of n bytes, with its source and its detail type.
	detail := func(n int) string {
		return `{"a":"` + strings.Repeat("a", n-len("lakegate")-len("Workspace Ready")-len(`{"a":""}`)) + `"}`
	}
	tests := []struct {
		name, want string
		entries    []types.PutEventsRequestEntry
	}{
		{"none", "ValidationException", []types.PutEventsRequestEntry{}},
		{"eleven", "ValidationException", slices.Repeat([]types.PutEventsRequestEntry{entry("default", `{}`)}, 11)},
		{"ten", "", slices.Repeat([]types.PutEventsRequestEntry{entry("default", `{}`)}, 10)},
		{"256 KiB", "", []types.PutEventsRequestEntry{entry("default", detail(128<<10)), entry("default", detail(128<<10))}},
		{"a byte more", "ValidationException", []types.PutEventsRequestEntry{entry("default", detail(128<<10)), entry("default", detail(128<<10+1))}},
		{"bus name", "ValidationException", []types.PutEventsRequestEntry{entry("a b", `{}`)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := k.PutEvents(t.Context(), &awseb.PutEventsInput{Entries: tt.entries})
			want(t, err, tt.want)
		})
	}
}

func alternatives(n int) string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf(`{"a": [%d]}`, i))
	}
	return `"$or": [` + strings.Join(list, ",") + `]`
}
