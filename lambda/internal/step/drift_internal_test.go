package step

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// trail answers with events, or with an error.
type trail struct {
	events []types.Event
	err    error
}

func (t trail) LookupEvents(context.Context, *cloudtrail.LookupEventsInput, ...func(*cloudtrail.Options)) (*cloudtrail.LookupEventsOutput, error) {
	return &cloudtrail.LookupEventsOutput{Events: t.events}, t.err
}

func TestLastHand(t *testing.T) {
	t.Parallel()
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	event := func(minute int, who, name, more string) types.Event {
		return types.Event{
			EventTime: aws.Time(noon.Add(time.Duration(minute) * time.Minute)), Username: aws.String("root"),
			CloudTrailEvent: aws.String(fmt.Sprintf(`{"eventSource":"ec2.amazonaws.com","eventName":%q,"userIdentity":{"arn":%q}%s}`, name, who, more)),
		}
	}
	const jane = "arn:aws:iam::123456789012:user/jane"
	hand := func(minute int, who, call string) *report.Hand {
		return &report.Hand{Who: who, Call: call, Time: noon.Add(time.Duration(minute) * time.Minute)}
	}
	for name, test := range map[string]struct {
		events []types.Event
		want   *report.Hand
	}{
		"nothing known": {},
		"the newest, in whatever order": {
			[]types.Event{event(1, jane, "CreateTags", ""), event(3, jane, "DeleteTags", ""), event(2, jane, "CreateTags", "")}, hand(3, jane, "ec2:DeleteTags"),
		},
		"none that only looked, was refused or is ours": {
			[]types.Event{
				event(9, jane, "DescribeVpcs", `,"readOnly":true`), event(8, jane, "DeleteVpc", `,"errorCode":"DependencyViolation"`),
				event(7, "arn:aws:sts::123456789012:assumed-role/anything/"+plan.FunctionPrefix+"EnsureVpc", "CreateTags", ""), event(1, jane, "CreateTags", ""),
			}, hand(1, jane, "ec2:CreateTags"),
		},
		"whoever has no ARN": {[]types.Event{event(1, "", "CreateTags", "")}, hand(1, "root", "ec2:CreateTags")},
	} {
		got, err := lastHand(t.Context(), trail{events: test.events}, "vpc-1", noon)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	for name, api := range map[string]trail{
		"no answer": {err: errors.New("refused")},
		"no JSON":   {events: []types.Event{{CloudTrailEvent: aws.String("nonsense")}}},
	} {
		if _, err := lastHand(t.Context(), api, "vpc-1", noon); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	this := entity{"role", "hands"}
	statement := func(sid string) string { return `{"Effect":"Allow","Sid":"` + sid + `"}` }
	policy := func(sids ...string) string {
		var all []string
		for _, sid := range sids {
			all = append(all, statement(sid))
		}
		return `{"Version":"2012-10-17","Statement":[` + strings.Join(all, ",") + `]}`
	}
	for name, test := range map[string]struct{ found, wanted, wantFound, wantWanted string }{
		"what only one side has": {policy("a", "b"), policy("b", "c"), statement("a"), statement("c")},
		"none":                   {"", policy("a"), "", statement("a")},
		"no policy":              {"nonsense", policy("a"), "nonsense", statement("a")},
		"one that is no list":    {`{"Statement":` + statement("a") + `}`, policy("a", "b"), "", statement("b")},
		"one that is long":       {strings.Repeat("x", 2*maxValue), "", strings.Repeat("x", maxValue-1) + "…", ""},
	} {
		want := document.Difference{Object: "role hands", ID: "hands", Field: "policy", Found: test.wantFound, Wanted: test.wantWanted}
		if diff := cmp.Diff(want, this.differsInPolicy("policy", test.found, test.wanted)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	one := this.differs("tag team", "data", "risk")
	for name, test := range map[string]struct {
		got, want document.Outcome
	}{
		"created":         {made(true, changing("changed its tags", one)), document.Outcome{Outcome: document.Created}},
		"found":           {made(false, change{}, changing("changed nothing")), document.Outcome{Outcome: document.Found}},
		"changed":         {made(false, changing("changed its tags", one)), document.Outcome{Outcome: document.Updated, Reason: "changed its tags", Differences: []document.Difference{one}}},
		"changed in both": {made(false, changing("a", one), changing("b", one)), document.Outcome{Outcome: document.Updated, Reason: "a; b", Differences: []document.Difference{one, one}}},
	} {
		if diff := cmp.Diff(test.want, test.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if got := mismatchOf(differs(this, "trust", "a", "b", "spec.x")); len(got) != 1 || got[0] != this.differs("trust", "a", "b") {
		t.Errorf("a Conflict says %+v", got)
	}
}

func TestTrailRegion(t *testing.T) {
	t.Parallel()
	for object, want := range map[string]string{
		"VPC vpc-1": "eu-west-1", "bucket a": "eu-west-1", "role hands": "us-east-1", "instance profile hands": "us-east-1", "hosted zone Z1": "us-east-1",
	} {
		if got := trailRegion(object, "eu-west-1"); got != want {
			t.Errorf("events about %s are looked up in %s, want %s", object, got, want)
		}
	}
}
