package report_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/plan"
)

var now = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// bus keeps what is put on it, or refuses it.
type bus struct {
	entries []types.PutEventsRequestEntry
	code    string
	err     error
}

func (b *bus) PutEvents(_ context.Context, in *eventbridge.PutEventsInput, _ ...func(*eventbridge.Options)) (*eventbridge.PutEventsOutput, error) {
	b.entries = append(b.entries, in.Entries...)
	out := types.PutEventsResultEntry{EventId: aws.String("1")}
	if b.code != "" {
		out = types.PutEventsResultEntry{ErrorCode: aws.String(b.code)}
	}
	return &eventbridge.PutEventsOutput{Entries: []types.PutEventsResultEntry{out}}, b.err
}

func publisher(b *bus) *report.Publisher {
	return &report.Publisher{Events: func() awsapi.Events { return b }, Bus: "lakegate", Now: func() time.Time { return now }}
}

var tokyo = revision.Revision{Source: plan.S3, Repository: "specs", Path: "workspaces/tokyo.yaml", Version: "v1"}

var about = report.Subject{Workspace: "tokyo", ExecutionARN: "arn:x", ExecutionName: "tokyo-1", Revision: tokyo}

func TestPublish(t *testing.T) {
	t.Parallel()
	b := &bus{}
	for range 2 {
		if err := publisher(b).Publish(t.Context(), report.Ready, "ready", about, report.ReadyData{URL: "https://x.test"}); err != nil {
			t.Fatal(err)
		}
	}
	var first, second struct {
		Metadata report.Metadata
		Data     report.ReadyData
	}
	for i, into := range []any{&first, &second} {
		if err := json.Unmarshal([]byte(aws.ToString(b.entries[i].Detail)), into); err != nil {
			t.Fatal(err)
		}
	}
	if first.Metadata.ID == "" || first.Metadata.ID == second.Metadata.ID {
		t.Error("two events have the same id")
	}
	first.Metadata.ID = ""
	want := report.Metadata{
		Version: "1", Timestamp: now, Workspace: "tokyo", Revision: "workspaces/tokyo.yaml@v1", Change: tokyo,
		ExecutionARN: "arn:x", CorrelationID: "tokyo-1", IdempotencyKey: "tokyo-1/ready",
	}
	if diff := cmp.Diff(want, first.Metadata); diff != "" {
		t.Error(diff)
	}
	e := b.entries[0]
	if aws.ToString(e.Source) != plan.EventSource || aws.ToString(e.EventBusName) != "lakegate" || first.Data.URL != "https://x.test" {
		t.Errorf("the entry is %+v", e)
	}
}

// A refused entry comes in a reply that says 200.
func TestPublishRefused(t *testing.T) {
	t.Parallel()
	if err := publisher(&bus{code: "InternalFailure"}).Publish(t.Context(), report.Ready, "ready", about, nil); !failure.Is(err, plan.Transient) {
		t.Errorf("a refused entry: %v", err)
	}
	broken := errors.New("broken")
	if err := publisher(&bus{err: broken}).Publish(t.Context(), report.Ready, "ready", about, nil); !errors.Is(err, broken) {
		t.Errorf("a call that fails: %v", err)
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	var s report.Status
	ready := report.Condition{Type: report.ConditionReady, Status: "True", Reason: "WorkspaceReady"}
	s.Set(now, ready)
	ready.Reason = "WorkspaceUnchanged"
	s.Set(now.Add(time.Hour), ready, report.Condition{Type: report.ConditionStalled, Status: "True"})
	if c := s.Condition(report.ConditionReady); c.Reason != "WorkspaceUnchanged" || !c.LastTransitionTime.Equal(now) {
		t.Errorf("a condition that stays true is %+v", c)
	}
	if c := s.Condition(report.ConditionStalled); !c.LastTransitionTime.Equal(now.Add(time.Hour)) {
		t.Errorf("a new condition is %+v", c)
	}
	ready.Status = "False"
	s.Set(now.Add(2*time.Hour), ready)
	if c := s.Condition(report.ConditionReady); !c.LastTransitionTime.Equal(now.Add(2*time.Hour)) || s.Condition(report.ConditionStalled) != nil {
		t.Errorf("the conditions are %+v", s.Conditions)
	}
}
