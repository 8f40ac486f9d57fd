package eventbridge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awseb "github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
)

func TestWhatAnArchiveHasKeptIsPutOnItsBusAgain(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	bus := k.bus(t, "lakegate")
	first := k.rule(t, "lakegate", "first", all, target(function))
	k.rule(t, "lakegate", "second", all, target(function))
	// What is repeated can be told from what is new.
	k.rule(t, "lakegate", "news", `{"source": ["lakegate"], "replay-name": [{"exists": false}]}`, target(function))
	archive, err := k.CreateArchive(ctx, &awseb.CreateArchiveInput{
		ArchiveName: aws.String("events"), EventSourceArn: &bus, RetentionDays: aws.Int32(1),
		EventPattern: aws.String(`{"detail": {"kept": [true]}}`),
	})
	want(t, err, "")
	k.put(t, entry("lakegate", `{"kept": true}`), entry("lakegate", `{"kept": false}`))
	if calls := k.invocations(t); len(calls) != 6 {
		t.Fatalf("%d deliveries, want one of each of two events to three rules", len(calls))
	}

	replay := func(name string, filters ...string) {
		t.Helper()
		_, err := k.StartReplay(ctx, &awseb.StartReplayInput{
			ReplayName: &name, EventSourceArn: archive.ArchiveArn, EventStartTime: aws.Time(start.Add(-time.Hour)), EventEndTime: aws.Time(start.Add(time.Hour)),
			Destination: &types.ReplayDestination{Arn: &bus, FilterArns: filters},
		})
		want(t, err, "")
	}
	replay("for-all")
	calls := k.invocations(t)[6:]
	if len(calls) != 2 {
		t.Fatalf("%d deliveries of what was replayed, want one for each rule that takes it", len(calls))
	}
	for _, c := range calls {
		if !strings.Contains(c.payload, `"replay-name":"for-all"`) || !strings.Contains(c.payload, `"detail":{"kept":true}`) {
			t.Errorf("it delivered %s", c.payload)
		}
	}
	replay("for-one", first)
	if n := len(k.invocations(t)) - 8; n != 1 {
		t.Errorf("%d deliveries of what was replayed for one rule", n)
	}

	done, err := k.DescribeReplay(ctx, &awseb.DescribeReplayInput{ReplayName: aws.String("for-one")})
	want(t, err, "")
	if done.State != types.ReplayStateCompleted || done.EventLastReplayedTime == nil {
		t.Errorf("the replay is %+v", done)
	}
	kept, err := k.DescribeArchive(ctx, &awseb.DescribeArchiveInput{ArchiveName: aws.String("events")})
	want(t, err, "")
	if kept.EventCount != 1 {
		t.Errorf("the archive has %d events, and what was replayed must not be in it again", kept.EventCount)
	}
	replays, err := k.ListReplays(ctx, &awseb.ListReplaysInput{EventSourceArn: archive.ArchiveArn})
	want(t, err, "")
	archives, err := k.ListArchives(ctx, &awseb.ListArchivesInput{NamePrefix: aws.String("ev")})
	want(t, err, "")
	if len(replays.Replays) != 2 || len(archives.Archives) != 1 {
		t.Errorf("there are %d replays and %d archives", len(replays.Replays), len(archives.Archives))
	}

	if err := k.clock.Sleep(ctx, 48*time.Hour); err != nil {
		t.Fatal(err)
	}
	before := len(k.invocations(t))
	replay("too-late")
	if n := len(k.invocations(t)) - before; n != 0 {
		t.Errorf("%d deliveries of what was kept for a day, after two", n)
	}
	_, err = k.DeleteArchive(ctx, &awseb.DeleteArchiveInput{ArchiveName: aws.String("events")})
	want(t, err, "")
}

func TestReplaysThatTheServiceRefuses(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	bus := k.bus(t, "lakegate")
	archive, err := k.CreateArchive(ctx, &awseb.CreateArchiveInput{ArchiveName: aws.String("events"), EventSourceArn: &bus})
	want(t, err, "")
	for name, c := range map[string]struct {
		code   string
		change func(*awseb.StartReplayInput)
	}{
		"no archive":    {"ResourceNotFoundException", func(in *awseb.StartReplayInput) { in.EventSourceArn = aws.String(*archive.ArchiveArn + "x") }},
		"another bus":   {"ValidationException", func(in *awseb.StartReplayInput) { in.Destination.Arn = aws.String(bus + "x") }},
		"end before it": {"ValidationException", func(in *awseb.StartReplayInput) { in.EventEndTime = in.EventStartTime }},
		"name":          {"ValidationException", func(in *awseb.StartReplayInput) { in.ReplayName = aws.String("a b") }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := &awseb.StartReplayInput{
				ReplayName: aws.String("r"), EventSourceArn: archive.ArchiveArn, EventStartTime: aws.Time(start), EventEndTime: aws.Time(start.Add(time.Hour)),
				Destination: &types.ReplayDestination{Arn: &bus},
			}
			c.change(in)
			_, err := k.StartReplay(ctx, in)
			want(t, err, c.code)
		})
	}
	_, err = k.CreateArchive(ctx, &awseb.CreateArchiveInput{ArchiveName: aws.String("events"), EventSourceArn: &bus})
	want(t, err, "ResourceAlreadyExistsException")
}
