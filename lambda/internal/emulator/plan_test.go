package emulator_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// mustHavePlanned checks that the last execution did what it had planned.
func (s *scene) mustHavePlanned() {
	s.Helper()
	var p report.PlannedData
	s.sent(report.Planned, &p)
	// What works in the workspace cannot be planned.
	did := slices.DeleteFunc(s.changed(), func(step string) bool {
		return slices.ContainsFunc(plan.Steps(), func(one plan.Step) bool { return one.Name == step && !one.Makes() })
	})
	if diff := cmp.Diff(slices.Sorted(maps.Keys(wouldDo(p))), did); diff != "" {
		s.Errorf("what was done differs from what was planned:\n%s", diff)
	}
	if got := s.status().Plan; got == nil || got.Summary != p.Summary() || got.Key != p.Key {
		s.Errorf("the status has the plan %+v", got)
	}
}

// A push is planned before anything is changed; one that changes nothing tells
// nothing, and one of which a part is forbidden is not applied in part.
func TestPlanOfPush(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	s.mustHavePlanned()
	calls := s.Hub.Calls()
	for _, c := range calls {
		if c.Caller == "PlanChanges" && c.Action == "PutEvents" {
			break
		}
		if c.Mutating && slices.Contains([]string{"ec2", "iam", "kms", "databricks", "route53"}, c.Service) && c.Caller != "" && c.Action != "token" {
			t.Errorf("%s called %s:%s before the plan was told", c.Caller, c.Service, c.Action)
		}
	}
	told := s.count(report.Planned)
	s.push(s.text)
	s.push(append([]byte("# A comment.\n"), s.text...))
	s.mustBeReady()
	if n := s.count(report.Planned) - told; n != 0 {
		t.Errorf("%d plans were told of runs without change", n)
	}

	before := len(s.Hub.Calls())
	text := strings.Replace(string(s.text), "  databricks:\n", "  tags: {team: data}\n  databricks:\n    deploymentName: elsewhere\n", 1)
	s.push([]byte(text))
	failed := s.mustHaveFailed(plan.Conflict, "PlanChanges")
	if !strings.Contains(failed.Message, "deployment name") {
		t.Errorf("it says %s", failed.Message)
	}
	if made := s.Changes(before); len(made) > 0 {
		t.Errorf("it made %v", made)
	}
	if c := s.statusOf(report.ConditionReady); c == nil || c.Status != "True" {
		t.Errorf("the workspace is not ready any more: %+v", s.status().Conditions)
	}
	var p report.PlannedData
	s.sent(report.Planned, &p)
	last := p.Changes[len(p.Changes)-1]
	if last.Action != "Forbidden" || last.Step != "CreateWorkspace" || len(last.Differences) != 1 || last.Differences[0].Wanted != "elsewhere" {
		t.Errorf("the plan ends with %+v", last)
	}
	// What was verified still holds.
	s.push(s.text)
	s.mustBeReady()
	if got := s.changed(); len(got) > 0 {
		t.Errorf("the run after it changed %v", got)
	}
	var ready report.ReadyData
	s.sent(report.Ready, &ready)
	if slices.Contains(ready.Changed, "VerifyCluster") {
		t.Error("the run after it started compute")
	}
}
