package eventbridge_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseb "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/eventbridge"
	"lakegate/lambda/internal/emulator/latency"
)

// fastest and slowest bound the time from an event to its target.
const fastest, slowest = 300 * time.Millisecond, 700 * time.Millisecond

func TestDelivery(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	queue := k.queue(t, "events")
	group := k.groups.ARN(region, "/aws/events/lakegate")
	k.groups.Write(region, "/aws/events/lakegate", "made by hand", "first")
	other := k.bus(t, "other")
	k.bus(t, "lakegate")
	k.rule(t, "lakegate", "ready", `{"detail-type": ["Workspace Ready"]}`,
		types.Target{Id: aws.String("function"), Arn: aws.String(function)},
		types.Target{Id: aws.String("queue"), Arn: &queue},
		types.Target{Id: aws.String("group"), Arn: &group},
		types.Target{Id: aws.String("bus"), Arn: &other},
	)
	k.rule(t, "lakegate", "failed", `{"detail-type": ["Workspace Failed"]}`, target(function))
	k.rule(t, "default", "all", all, target(function))
	k.rule(t, "other", "all", all, types.Target{Id: aws.String("t"), Arn: aws.String(strings.Replace(function, "Dispatch", "Other", 1))})

	e := entry("lakegate", `{"workspace": "team-a", "url": "https://a?b&c", "big": 12345678901234567890}`)
	e.Time, e.Resources = aws.Time(start.Add(-time.Hour)), []string{"arn:a"}
	id := *k.put(t, e).Entries[0].EventId

	doc := fmt.Sprintf(`{"version":"0","id":%q,"detail-type":"Workspace Ready","source":"lakegate","account":"123456789012","time":"2026-03-01T11:00:00Z",`+
		`"region":"eu-west-1","resources":["arn:a"],"detail":{"workspace":"team-a","url":"https://a?b&c","big":12345678901234567890}}`, id)
	calls := k.invocations(t)
	if len(calls) != 2 {
		t.Fatalf("the functions were invoked %d times: %v", len(calls), calls)
	}
	if diff := cmp.Diff(doc, calls[0].payload); diff != "" || calls[0].target != function {
		t.Errorf("payload for %s (-want +got):\n%s", calls[0].target, diff)
	}
	if calls[0].at < fastest || calls[0].at > slowest {
		t.Errorf("the delivery took %s", calls[0].at)
	}
	if !strings.HasSuffix(calls[1].target, "Other") || calls[1].payload != doc || calls[1].at < 2*fastest {
		t.Errorf("the other bus delivered %v", calls[1])
	}
	if got := k.queues.Messages(queue); len(got) != 1 || got[0].Body != doc {
		t.Errorf("the queue has %v", got)
	}
	if got := k.groups.Lines(region, "/aws/events/lakegate"); len(got) != 2 || got[1].Stream != "ready" || got[1].Message != doc {
		t.Errorf("the log group has %v", got)
	}
	if events := k.service.Events(""); len(events) != 2 || events[0].Bus != "lakegate" || events[1].Bus != "other" || events[1].ID != id {
		t.Errorf("the buses had %v", events)
	}
	if lost, dead := k.service.Lost(), k.service.DeadLetters(); len(lost)+len(dead) != 0 {
		t.Errorf("lost are %v and %v", lost, dead)
	}
}

func TestForwardedOnce(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	a, b := k.bus(t, "a"), k.bus(t, "b")
	k.rule(t, "a", "to-b", all, target(b))
	k.rule(t, "b", "to-a", all, target(a))
	k.put(t, entry("a", `{}`))
	k.invocations(t)
	if events := k.service.Events(""); len(events) != 2 {
		t.Errorf("the event was on %d buses", len(events))
	}
}

func TestDisabledRuleAndOtherRegion(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	k.rule(t, "default", "on", all, target(function))
	k.rule(t, "default", "off", all, target(function))
	_, err := k.DisableRule(t.Context(), &awseb.DisableRuleInput{Name: aws.String("off")})
	want(t, err, "")
	k.put(t, entry("default", `{"n": 1}`))
	// The default bus of another region has no rules.
	k.service.Emit(eventbridge.Event{Source: "aws.s3", DetailType: "Object Created", Region: "us-east-1", Detail: json.RawMessage(`{}`)})
	if got := k.invocations(t); len(got) != 1 {
		t.Errorf("the function was invoked %d times", len(got))
	}
}

func TestInputs(t *testing.T) {
	t.Parallel()
	const detail = `{"name": "say \"hi\"", "n": 5, "list": [{"a": true}], "none": null}`
	transformer := func(template string) types.Target {
		return types.Target{InputTransformer: &types.InputTransformer{
			InputPathsMap: map[string]string{
				"name": "$.detail.name", "n": "$.detail.n", "list": "$.detail.list", "first": "$.detail.list[0].a", "none": "$.detail.none",
				"missing": "$.detail.missing", "beyond": "$.detail.list[1]", "type": "$.detail-type",
			},
			InputTemplate: &template,
		}}
	}
	tests := []struct {
		name   string
		target types.Target
		// want is the payload; empty if the event is not delivered.
		want string
	}{
		{"constant", types.Target{Input: aws.String(`{"a": 1}`)}, `{"a": 1}`},
		{"part", types.Target{InputPath: aws.String("$.detail.list[0]")}, `{"a":true}`},
		{"text", types.Target{InputPath: aws.String("$.detail.name")}, `"say \"hi\""`},
		{"missing part", types.Target{InputPath: aws.String("$.detail.missing")}, ""},
		{"JSON template", transformer(`{"name": <name>, "list": <list>, "first": <first>, "n": "<n> of <type>", "none": <none>}`),
			`{"name": "say \"hi\"", "list": [{"a":true}], "first": true, "n": "5 of Workspace Ready", "none": null}`},
		{"text template", transformer(`"<name> \"<type>\" <list>"`), `"say \"hi\" \"Workspace Ready\" [{\"a\":true}]"`},
		{"lines", transformer("\"<type>\"\n\"<n>\""), "\"Workspace Ready\"\n\"5\""},
		{"missing in a text", transformer(`"<missing>, <n>"`), `", 5"`},
		{"missing in JSON", transformer(`{"a": <missing>}`), ""},
		{"beyond the end of a list", transformer(`{"a": <beyond>}`), ""},
		{"predefined", transformer(`{"rule": <aws.events.rule-arn>, "name": "<aws.events.rule-name>", "at": <aws.events.event.ingestion-time>}`),
			`{"rule": "arn:aws:events:eu-west-1:123456789012:rule/r", "name": "r", "at": "2026-03-01T12:00:00Z"}`},
		{"whole event", transformer(`{"event": <aws.events.event.json>}`),
			`{"event": {"version":"0","id":"ID","detail-type":"Workspace Ready","source":"lakegate","account":"123456789012","time":"2026-03-01T12:00:00Z","region":"eu-west-1","resources":[],"detail":{"name":"say \"hi\"","n":5,"list":[{"a":true}],"none":null}}}`},
		{"event without detail", transformer(`<aws.events.event>`),
			`{"account":"123456789012","detail-type":"Workspace Ready","id":"ID","region":"eu-west-1","resources":[],"source":"lakegate","time":"2026-03-01T12:00:00Z","version":"0"}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newStack(t)
			dead := k.queue(t, "dead")
			tt.target.Id, tt.target.Arn, tt.target.DeadLetterConfig = aws.String("t"), aws.String(function), &types.DeadLetterConfig{Arn: &dead}
			k.rule(t, "default", "r", all, tt.target)
			id := *k.put(t, entry("default", detail)).Entries[0].EventId
			calls, letters := k.invocations(t), k.queues.Messages(dead)
			if tt.want == "" {
				if len(calls) != 0 || len(letters) != 1 || letters[0].Attributes["ERROR_CODE"] != eventbridge.InvalidJSON {
					t.Errorf("invoked with %v, dead letters %v", calls, letters)
				}
				return
			}
			if len(calls) != 1 || len(letters) != 0 {
				t.Fatalf("invoked with %v, dead letters %v", calls, letters)
			}
			if diff := cmp.Diff(strings.ReplaceAll(tt.want, "ID", id), calls[0].payload); diff != "" {
				t.Errorf("payload (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRetries(t *testing.T) {
	t.Parallel()
	broken := errors.New("the function is broken")
	limits := func(retries, age int32) *types.RetryPolicy {
		return &types.RetryPolicy{MaximumRetryAttempts: &retries, MaximumEventAgeInSeconds: &age}
	}
	tests := []struct {
		name   string
		policy *types.RetryPolicy
		answer func(n int) error
		// calls is how often the function is invoked.
		calls int
		// letter has the attributes of the dead letter that vary; nil for none.
		letter map[string]string
	}{
		{"works at once", nil, func(int) error { return nil }, 1, nil},
		{"works in the end", nil, func(n int) error {
			if n < 4 {
				return broken
			}
			return nil
		}, 4, nil},
		{"never works", limits(3, 86400), func(int) error { return broken }, 4, map[string]string{
			"ERROR_CODE": "ERROR_FROM_TARGET", "ERROR_MESSAGE": "the function is broken", "RETRY_ATTEMPTS": "3", "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts"}},
		{"no retries", limits(0, 86400), func(int) error { return &eventbridge.Failure{Code: eventbridge.Throttling} }, 1, map[string]string{
			"ERROR_CODE": "THROTTLING", "ERROR_MESSAGE": "THROTTLING", "RETRY_ATTEMPTS": "0", "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts"}},
		{"too old", limits(185, 60), func(int) error { return broken }, 6, map[string]string{
			"ERROR_CODE": "ERROR_FROM_TARGET", "ERROR_MESSAGE": "the function is broken", "RETRY_ATTEMPTS": "5", "EXHAUSTED_RETRY_CONDITION": "MaximumEventAgeInSeconds"}},
		{"usual limits", nil, func(int) error { return broken }, 186, map[string]string{
			"ERROR_CODE": "ERROR_FROM_TARGET", "ERROR_MESSAGE": "the function is broken", "RETRY_ATTEMPTS": "185", "EXHAUSTED_RETRY_CONDITION": "MaximumRetryAttempts"}},
		{"no such function", nil, func(int) error {
			return fmt.Errorf("invoking: %w", &eventbridge.Failure{Code: eventbridge.NoResource, Message: "Function not found"})
		}, 1, map[string]string{"ERROR_CODE": "NO_RESOURCE", "ERROR_MESSAGE": "Function not found", "RETRY_ATTEMPTS": "0"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k := newStack(t)
			k.answer = tt.answer
			dead := k.queue(t, "dead")
			x := target(function)
			x.RetryPolicy, x.DeadLetterConfig = tt.policy, &types.DeadLetterConfig{Arn: &dead}
			rule := k.rule(t, "default", "r", all, x)
			k.put(t, entry("default", `{"workspace": "team-a"}`))
			calls, letters := k.invocations(t), k.queues.Messages(dead)
			if len(calls) != tt.calls {
				t.Errorf("the function was invoked %d times, want %d", len(calls), tt.calls)
			}
			for i := 2; i < len(calls); i++ {
				before, after := calls[i-1].at-calls[i-2].at, calls[i].at-calls[i-1].at
				if after < before && after < 8*time.Minute {
					t.Errorf("retry %d came after %s, the one before after %s", i, after, before)
				}
			}
			if last := calls[len(calls)-1].at; last > 24*time.Hour {
				t.Errorf("the last attempt was after %s", last)
			}
			if tt.letter == nil {
				if len(letters) != 0 {
					t.Errorf("dead letters are %v", letters)
				}
				return
			}
			if len(letters) != 1 {
				t.Fatalf("dead letters are %v", letters)
			}
			expected := maps.Clone(tt.letter)
			expected["RULE_ARN"], expected["TARGET_ARN"] = rule, function
			if diff := cmp.Diff(expected, letters[0].Attributes); diff != "" {
				t.Errorf("attributes (-want +got):\n%s", diff)
			}
			if letters[0].Body != calls[0].payload {
				t.Errorf("the dead letter is %s", letters[0].Body)
			}
		})
	}
}

// TestDeadLetterIsTheEvent: a dead letter is the event, not what the target
// would have got.
func TestDeadLetterIsTheEvent(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	dead := k.queue(t, "dead")
	for i, arn := range []string{k.queues.ARN(region, "no-queue"), k.groups.ARN(region, "no-group"), "arn:aws:events:eu-west-1:123456789012:event-bus/no-bus"} {
		x := target(arn)
		x.Input, x.DeadLetterConfig = aws.String(`{}`), &types.DeadLetterConfig{Arn: &dead}
		k.rule(t, "default", fmt.Sprintf("r%d", i), all, x)
	}
	id := *k.put(t, entry("default", `{}`)).Entries[0].EventId
	k.invocations(t)
	letters := k.queues.Messages(dead)
	if len(letters) != 3 {
		t.Fatalf("dead letters are %v", letters)
	}
	for _, letter := range letters {
		if !strings.Contains(letter.Body, id) || letter.Attributes["ERROR_CODE"] != eventbridge.NoResource {
			t.Errorf("a dead letter is %v", letter)
		}
	}
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	failure := eventbridge.Failure{Code: eventbridge.NoPermissions, Message: "no policy"}
	k.answer = func(int) error { return &failure }
	dead, missing := k.queue(t, "dead"), k.queues.ARN(region, "missing")
	var want []eventbridge.Dead
	for _, queue := range []string{"", dead, missing} {
		x := target(function)
		if queue != "" {
			x.DeadLetterConfig = &types.DeadLetterConfig{Arn: &queue}
		}
		rule := k.rule(t, "default", fmt.Sprintf("r%d", len(want)), all, x)
		letter := eventbridge.Dead{Rule: rule, Target: function, Failure: failure}
		if queue == dead {
			letter.Queue = dead
		}
		want = append(want, letter)
	}
	k.put(t, entry("default", `{}`))
	k.invocations(t)
	got := k.service.DeadLetters()
	for i := range got {
		if string(got[i].Event.Detail) != `{}` {
			t.Errorf("the event is %v", got[i].Event)
		}
		got[i].Event = eventbridge.Event{}
	}
	slices.SortFunc(got, func(a, b eventbridge.Dead) int { return strings.Compare(a.Rule, b.Rule) })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
}

func TestDuplicate(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	k.rule(t, "default", "r", all, target(function))
	k.service.Duplicate(3)
	k.put(t, entry("default", `{"n": 1}`))
	k.invocations(t)
	k.service.Duplicate(1)
	k.put(t, entry("default", `{"n": 2}`))
	times := map[bool]int{}
	for _, c := range k.invocations(t) {
		times[strings.Contains(c.payload, `{"n":1}`)]++
	}
	if times[true] != 3 || times[false] != 1 {
		t.Errorf("the first event came %d times, the second %d times", times[true], times[false])
	}
	if events := k.service.Events("default"); len(events) != 2 {
		t.Errorf("the bus had %d events", len(events))
	}
	if drawn := k.delays.Drawn(latency.EventDelivery); len(drawn) != 4 {
		t.Errorf("%d durations were drawn for 4 deliveries", len(drawn))
	}
}

func TestDeploy(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	dead := k.queue(t, "dead")
	k.answer = func(int) error { return errors.New("broken") }
	k.service.AddBus(region, "lakegate")
	k.service.AddBus(region, "lakegate")
	usual := eventbridge.Rule{Name: "r", Bus: "lakegate", Pattern: all, Description: "All of them.", TargetARN: function, DeadLetterARN: dead, MaxAttempts: 2, MaxAge: time.Hour}
	if err := k.service.AddRule(region, usual); err != nil {
		t.Fatal(err)
	}
	rule, err := k.DescribeRule(t.Context(), &awseb.DescribeRuleInput{Name: aws.String("r"), EventBusName: aws.String("lakegate")})
	want(t, err, "")
	if *rule.EventPattern != all || *rule.Description != "All of them." || rule.State != types.RuleStateEnabled {
		t.Errorf("the rule is %+v", rule)
	}
	k.put(t, entry("lakegate", `{}`))
	if calls := k.invocations(t); len(calls) != 3 {
		t.Errorf("the function was invoked %d times", len(calls))
	}
	if letters := k.queues.Messages(dead); len(letters) != 1 || letters[0].Attributes["RETRY_ATTEMPTS"] != "2" {
		t.Errorf("dead letters are %v", letters)
	}
	for name, change := range map[string]func(*eventbridge.Rule){
		"no bus":            func(r *eventbridge.Rule) { r.Bus = "other" },
		"pattern":           func(r *eventbridge.Rule) { r.Pattern = `{}` },
		"target":            func(r *eventbridge.Rule) { r.TargetARN = "Dispatch" },
		"retries":           func(r *eventbridge.Rule) { r.MaxAttempts = 186 },
		"age":               func(r *eventbridge.Rule) { r.MaxAge = time.Second },
		"no role":           func(r *eventbridge.Rule) { r.TargetARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:m" },
		"queue is no queue": func(r *eventbridge.Rule) { r.DeadLetterARN = function },
	} {
		bad := usual
		change(&bad)
		if err := k.service.AddRule(region, bad); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEmitAndDrop(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	k.rule(t, "default", "specs", `{"source": ["aws.s3"]}`, target(function))
	var watched []string
	k.service.Watch(func(e eventbridge.Event) { watched = append(watched, e.Source+" "+e.Bus) })
	emit := func(source string) {
		k.service.Emit(eventbridge.Event{Source: source, DetailType: "Something", Region: region, Detail: json.RawMessage(`{"a": 1}`)})
		k.invocations(t)
	}
	k.service.Drop("aws.s3", 1)
	emit("aws.s3")
	emit("aws.states")
	emit("aws.s3")
	if got := k.invocations(t); len(got) != 1 {
		t.Errorf("the function was invoked %d times", len(got))
	}
	if diff := cmp.Diff([]string{"aws.states default", "aws.s3 default"}, watched); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
	if events := k.service.Events(""); len(events) != 2 || events[0].Account != account || events[0].Time.Before(start) || events[0].ID == "" {
		t.Errorf("the events are %v", events)
	}
	if lost := k.service.Lost(); len(lost) != 1 || lost[0].Event.Source != "aws.s3" {
		t.Errorf("lost are %v", lost)
	}
	defer func() {
		if recover() == nil {
			t.Error("an event without a region was taken")
		}
	}()
	k.service.Emit(eventbridge.Event{Source: "aws.s3", DetailType: "Something", Detail: json.RawMessage(`{}`)})
}

// TestRepeatable runs the same events twice, in another order the second time:
// ids and durations are the same.
func TestRepeatable(t *testing.T) {
	t.Parallel()
	run := func(details ...string) (ids []string, drawn map[string]time.Duration) {
		k := newStack(t)
		k.rule(t, "default", "r", all, target(function))
		for _, d := range details {
			ids = append(ids, *k.put(t, entry("default", d)).Entries[0].EventId)
		}
		k.invocations(t)
		slices.Sort(ids)
		return ids, k.delays.Drawn(latency.EventDelivery)
	}
	ids1, drawn1 := run(`{"n": 1}`, `{"n": 2}`, `{"n": 1}`)
	ids2, drawn2 := run(`{"n": 2}`, `{"n": 1}`, `{"n": 1}`)
	if diff := cmp.Diff(ids1, ids2); diff != "" {
		t.Errorf("ids (-first +second):\n%s", diff)
	}
	if diff := cmp.Diff(drawn1, drawn2); diff != "" {
		t.Errorf("durations (-first +second):\n%s", diff)
	}
	if len(slices.Compact(ids1)) != 3 || len(drawn1) != 3 {
		t.Errorf("%d ids and %d durations for 3 events", len(slices.Compact(ids1)), len(drawn1))
	}
}

func TestConcurrentUse(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	queue := k.queue(t, "events")
	k.rule(t, "default", "r", all, target(queue))
	var running sync.WaitGroup
	const writers, each = 8, 10
	for i := range writers {
		running.Go(func() {
			for j := range each {
				k.service.Emit(eventbridge.Event{Source: "aws.s3", DetailType: "x", Region: region, Detail: fmt.Appendf(nil, `{"n": [%d, %d]}`, i, j)})
				_ = k.service.Events("")
			}
		})
	}
	running.Wait()
	k.invocations(t)
	if got := len(k.queues.Messages(queue)); got != writers*each {
		t.Errorf("the queue has %d messages", got)
	}
}
