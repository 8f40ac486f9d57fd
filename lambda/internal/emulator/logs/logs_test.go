package logs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/logs"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const region = "eu-west-1"

type stack struct {
	*cloudwatchlogs.Client
	clock   *clock.Clock
	service *logs.Service
}

var want = wiretest.Want

func newStack(t *testing.T) *stack {
	t.Helper()
	k := &stack{clock: clock.NewVirtual(start)}
	hub := wire.NewHub(k.clock)
	k.service = logs.New(hub, "123456789012")
	k.Client = cloudwatchlogs.NewFromConfig(wiretest.Serve(t, hub, k.service.Wire())(region))
	return k
}

func (k *stack) create(t *testing.T, group string, streams ...string) {
	t.Helper()
	_, err := k.CreateLogGroup(t.Context(), &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group})
	want(t, err, "")
	for _, stream := range streams {
		_, err := k.CreateLogStream(t.Context(), &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream})
		want(t, err, "")
	}
}

// put writes messages of the given ages.
func (k *stack) put(t *testing.T, group, stream string, messages ...aged) *cloudwatchlogs.PutLogEventsOutput {
	t.Helper()
	var events []types.InputLogEvent
	for _, m := range messages {
		events = append(events, types.InputLogEvent{Timestamp: aws.Int64(start.Add(-m.age).UnixMilli()), Message: &m.text})
	}
	out, err := k.PutLogEvents(t.Context(), &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream, LogEvents: events})
	want(t, err, "")
	return out
}

type aged struct {
	text string
	age  time.Duration
}

func TestGroups(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	for _, name := range []string{"/aws/lambda/b", "/aws/lambda/a", "/aws/events/lakegate"} {
		k.create(t, name)
	}
	_, err := k.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/aws/lambda/a")})
	want(t, err, "ResourceAlreadyExistsException")
	var got []string
	pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(k, &cloudwatchlogs.DescribeLogGroupsInput{Limit: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		want(t, err, "")
		for _, g := range page.LogGroups {
			got = append(got, *g.Arn)
		}
	}
	arn := "arn:aws:logs:eu-west-1:123456789012:log-group:"
	if diff := cmp.Diff([]string{arn + "/aws/events/lakegate:*", arn + "/aws/lambda/a:*", arn + "/aws/lambda/b:*"}, got); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	some, err := k.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePattern: aws.String("EVENTS")})
	want(t, err, "")
	if len(some.LogGroups) != 1 || *some.LogGroups[0].CreationTime != start.UnixMilli() {
		t.Errorf("got %v", some.LogGroups)
	}
	_, err = k.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/aws/events/lakegate")})
	want(t, err, "")
	_, err = k.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/aws/events/lakegate")})
	want(t, err, "ResourceNotFoundException")
}

func TestStreams(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	k.create(t, "g", "b", "a", "c")
	k.put(t, "g", "a", aged{"one", time.Minute})
	k.put(t, "g", "c", aged{"two", time.Hour})
	names := func(in cloudwatchlogs.DescribeLogStreamsInput) []string {
		in.LogGroupName, in.Limit = aws.String("g"), aws.Int32(2)
		var got []string
		pages := cloudwatchlogs.NewDescribeLogStreamsPaginator(k, &in)
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			want(t, err, "")
			for _, s := range page.LogStreams {
				got = append(got, *s.LogStreamName)
			}
		}
		return got
	}
	if diff := cmp.Diff([]string{"a", "b", "c"}, names(cloudwatchlogs.DescribeLogStreamsInput{})); diff != "" {
		t.Errorf("by name (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"a", "c", "b"}, names(cloudwatchlogs.DescribeLogStreamsInput{OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true)})); diff != "" {
		t.Errorf("by time (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"c"}, names(cloudwatchlogs.DescribeLogStreamsInput{LogStreamNamePrefix: aws.String("c")})); diff != "" {
		t.Errorf("by prefix (-want +got):\n%s", diff)
	}
}

func TestPutRejectsByTime(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	k.create(t, "g", "s")
	day := 24 * time.Hour
	out := k.put(t, "g", "s", aged{"too old", 15 * day}, aged{"old", 13 * day}, aged{"future", -time.Hour}, aged{"too new", -3 * time.Hour})
	if r := out.RejectedLogEventsInfo; r == nil || *r.TooOldLogEventEndIndex != 1 || *r.TooNewLogEventStartIndex != 3 {
		t.Errorf("rejected are %+v", r)
	}
	got, err := k.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s")})
	want(t, err, "")
	if len(got.Events) != 2 || *got.Events[0].Message != "old" || *got.Events[0].IngestionTime != start.UnixMilli() {
		t.Errorf("got %v", got.Events)
	}
}

func TestGetLogEvents(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	k.create(t, "g", "s", "other")
	k.put(t, "g", "other", aged{"not this", time.Minute})
	k.put(t, "g", "s", aged{"2", 2 * time.Minute}, aged{"3", 2 * time.Minute}, aged{"4", 0})
	k.put(t, "g", "s", aged{"1", 3 * time.Minute})
	get := func(in cloudwatchlogs.GetLogEventsInput) (messages, forward, backward string) {
		in.LogGroupName, in.LogStreamName = aws.String("g"), aws.String("s")
		out, err := k.GetLogEvents(t.Context(), &in)
		want(t, err, "")
		for _, e := range out.Events {
			messages += *e.Message
		}
		return messages, *out.NextForwardToken, *out.NextBackwardToken
	}
	steps := []struct {
		name, want string
		in         func(forward, backward string) cloudwatchlogs.GetLogEventsInput
	}{
		{"tail", "34", func(_, _ string) cloudwatchlogs.GetLogEventsInput {
			return cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(2)}
		}},
		{"before", "12", func(_, backward string) cloudwatchlogs.GetLogEventsInput {
			return cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(2), NextToken: &backward}
		}},
		{"before all", "", func(_, backward string) cloudwatchlogs.GetLogEventsInput {
			return cloudwatchlogs.GetLogEventsInput{NextToken: &backward}
		}},
		{"head", "123", func(_, _ string) cloudwatchlogs.GetLogEventsInput {
			return cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(3), StartFromHead: aws.Bool(true)}
		}},
		{"after", "4", func(forward, _ string) cloudwatchlogs.GetLogEventsInput {
			return cloudwatchlogs.GetLogEventsInput{NextToken: &forward}
		}},
		{"after all", "", func(forward, _ string) cloudwatchlogs.GetLogEventsInput {
			return cloudwatchlogs.GetLogEventsInput{NextToken: &forward}
		}},
		{"span", "23", func(_, _ string) cloudwatchlogs.GetLogEventsInput {
			return cloudwatchlogs.GetLogEventsInput{StartTime: aws.Int64(start.Add(-2 * time.Minute).UnixMilli()), EndTime: aws.Int64(start.UnixMilli())}
		}},
	}
	forward, backward := "", ""
	for _, step := range steps {
		in := step.in(forward, backward)
		var got string
		got, forward, backward = get(in)
		if got != step.want {
			t.Fatalf("%s: got %q, want %q", step.name, got, step.want)
		}
		if got == "" && in.NextToken != nil && *in.NextToken != forward && *in.NextToken != backward {
			t.Fatalf("%s: at the end the token is not the same", step.name)
		}
	}
}

// A pattern for JSON matches objects whose members are all as it says.
func TestFilterMembers(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	k.create(t, "g", "a")
	k.put(t, "g", "a", aged{`{"step":"x","level":"INFO","n":1}`, 3 * time.Minute}, aged{`{"step":"x","level":"ERROR"}`, 2 * time.Minute},
		aged{"step x ERROR", time.Minute})
	for pattern, want := range map[string]int{
		`{ $.step = "x" }`: 2, `{$.step="x"}`: 2, `{ $.step = "x" && $.level = "ERROR" }`: 1, `{ $.step = "y" }`: 0, `{ $.n = "1" }`: 0, `{ $.none = "x" }`: 0,
	} {
		out, err := k.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g"), FilterPattern: &pattern})
		if err != nil {
			t.Fatal(err)
		}
		if len(out.Events) != want {
			t.Errorf("%s: %d events, want %d", pattern, len(out.Events), want)
		}
	}
}

func TestFilterLogEvents(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	k.create(t, "g", "a-1", "a-2", "b")
	k.put(t, "g", "a-1", aged{"ERROR no route", 4 * time.Minute}, aged{"INFO all well", 2 * time.Minute})
	k.put(t, "g", "a-2", aged{`WARN "slow" route`, 3 * time.Minute})
	k.put(t, "g", "b", aged{"ERROR timeout", time.Minute})
	tests := []struct {
		name string
		in   cloudwatchlogs.FilterLogEventsInput
		want []string
	}{
		{"all", cloudwatchlogs.FilterLogEventsInput{}, []string{"a-1 ERROR no route", `a-2 WARN "slow" route`, "a-1 INFO all well", "b ERROR timeout"}},
		{"a term", cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String("ERROR")}, []string{"a-1 ERROR no route", "b ERROR timeout"}},
		{"another case", cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String("error")}, nil},
		{"two terms", cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String("ERROR route")}, []string{"a-1 ERROR no route"}},
		{"not a term", cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String("route -ERROR")}, []string{`a-2 WARN "slow" route`}},
		{"one of two", cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String("?INFO ?timeout")}, []string{"a-1 INFO all well", "b ERROR timeout"}},
		{"a phrase", cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String(`"no route"`)}, []string{"a-1 ERROR no route"}},
		{"quotes", cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String(`"\"slow\""`)}, []string{`a-2 WARN "slow" route`}},
		{"streams", cloudwatchlogs.FilterLogEventsInput{LogStreamNames: []string{"a-2", "b"}}, []string{`a-2 WARN "slow" route`, "b ERROR timeout"}},
		{"prefix and pages", cloudwatchlogs.FilterLogEventsInput{LogStreamNamePrefix: aws.String("a-"), Limit: aws.Int32(1)},
			[]string{"a-1 ERROR no route", `a-2 WARN "slow" route`, "a-1 INFO all well"}},
		{"span", cloudwatchlogs.FilterLogEventsInput{StartTime: aws.Int64(start.Add(-3 * time.Minute).UnixMilli()), EndTime: aws.Int64(start.Add(-time.Minute).UnixMilli())},
			[]string{`a-2 WARN "slow" route`, "a-1 INFO all well"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.in.LogGroupIdentifier = aws.String(k.service.ARN(region, "g"))
			var got []string
			pages := cloudwatchlogs.NewFilterLogEventsPaginator(k, &tt.in)
			for pages.HasMorePages() {
				page, err := pages.NextPage(t.Context())
				want(t, err, "")
				for _, e := range page.Events {
					got = append(got, *e.LogStreamName+" "+*e.Message)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("events (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	k.create(t, "g", "s")
	group := func(in cloudwatchlogs.CreateLogGroupInput) error {
		_, err := k.CreateLogGroup(ctx, &in)
		return err
	}
	filter := func(pattern string) error {
		_, err := k.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g"), FilterPattern: &pattern})
		return err
	}
	get := func(in cloudwatchlogs.GetLogEventsInput) error {
		in.LogGroupName = aws.String("g")
		_, err := k.GetLogEvents(ctx, &in)
		return err
	}
	put := func(stream string, events ...types.InputLogEvent) error {
		_, err := k.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: &stream, LogEvents: events})
		return err
	}
	event := func(at int64, message string) types.InputLogEvent {
		return types.InputLogEvent{Timestamp: aws.Int64(start.UnixMilli() + at), Message: &message}
	}
	tests := []struct {
		name, want string
		err        error
	}{
		{"group name", "InvalidParameterException", group(cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("a b")})},
		{"group class", "NotImplemented", group(cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("a"), LogGroupClass: types.LogGroupClassInfrequentAccess})},
		{"key", "NotImplemented", group(cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("a"), KmsKeyId: aws.String("k")})},
		{"JSON pattern", "NotImplemented", filter(`{ $.level != "ERROR" }`)},
		{"JSON pattern with wildcards", "NotImplemented", filter(`{ $.level = "E*" }`)},
		{"JSON pattern without end", "InvalidParameterException", filter(`{ $.level = "ERROR"`)},
		{"columns", "NotImplemented", filter(`[ip, user]`)},
		{"regular expression", "NotImplemented", filter(`%a+%`)},
		{"optional and plain terms", "NotImplemented", filter(`?a b`)},
		{"unquoted characters", "InvalidParameterException", filter(`a.b`)},
		{"open quote", "InvalidParameterException", filter(`"a`)},
		{"no such stream to read", "ResourceNotFoundException", get(cloudwatchlogs.GetLogEventsInput{LogStreamName: aws.String("x")})},
		{"bad token", "InvalidParameterException", get(cloudwatchlogs.GetLogEventsInput{LogStreamName: aws.String("s"), NextToken: aws.String("f/x")})},
		{"bad limit", "InvalidParameterException", get(cloudwatchlogs.GetLogEventsInput{LogStreamName: aws.String("s"), Limit: aws.Int32(10001)})},
		{"no such stream to write", "ResourceNotFoundException", put("x", event(0, "a"))},
		{"order", "InvalidParameterException", put("s", event(1, "a"), event(0, "b"))},
		{"empty message", "InvalidParameterException", put("s", event(0, ""))},
		{"large batch", "InvalidParameterException", put("s", event(0, strings.Repeat("a", 1<<20)))},
		{"existing stream", "ResourceAlreadyExistsException", func() error {
			_, err := k.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s")})
			return err
		}()},
		{"retention", "NotImplemented", func() error {
			_, err := k.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("g"), RetentionInDays: aws.Int32(1)})
			return err
		}()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want(t, tt.err, tt.want)
		})
	}
}

func TestWriteAndDeliver(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	k.service.Write(region, "/aws/lambda/f", "2026/03/01", "START")
	if err := k.service.Deliver(k.service.ARN(region, "/aws/lambda/f")+":*", "events", "{}"); err != nil {
		t.Fatal(err)
	}
	if err := k.service.Deliver(k.service.ARN(region, "missing"), "events", "{}"); !errors.Is(err, logs.ErrNoGroup) {
		t.Errorf("got %v, want %v", err, logs.ErrNoGroup)
	}
	if diff := cmp.Diff([]logs.Line{{"2026/03/01", start, "START"}, {"events", start, "{}"}}, k.service.Lines(region, "/aws/lambda/f")); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if got := k.service.Lines(region, "missing"); got != nil {
		t.Errorf("a missing group has %v", got)
	}
	out, err := k.FilterLogEvents(t.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/f")})
	want(t, err, "")
	if len(out.Events) != 2 || *out.Events[0].Message != "START" || *out.Events[1].LogStreamName != "events" {
		t.Errorf("got %v", out.Events)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	line := strings.Repeat("x", 1000)
	const written = 20_000
	for i := range written {
		k.service.Write(region, "g", "s", fmt.Sprintf("%s %d", line, i))
	}
	groups, err := k.DescribeLogGroups(t.Context(), &cloudwatchlogs.DescribeLogGroupsInput{})
	want(t, err, "")
	if got := *groups.LogGroups[0].StoredBytes; got > 4<<20 || got < 2<<20 {
		t.Errorf("%d bytes are stored", got)
	}
	out, err := k.GetLogEvents(t.Context(), &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("s"), Limit: aws.Int32(1)})
	want(t, err, "")
	if got := *out.Events[0].Message; got != fmt.Sprintf("%s %d", line, written-1) {
		t.Errorf("the last line is %q", got[len(line):])
	}
}
