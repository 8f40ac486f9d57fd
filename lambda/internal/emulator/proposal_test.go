package emulator_test

import (
	"bytes"
	"strings"
	"testing"

	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// propose puts a text under the prefix of proposals and returns its plan, after
// a look that nothing was changed and nothing started.
func (s *scene) propose(text []byte) report.PlannedData {
	s.Helper()
	before, executions := len(s.Hub.Calls()), s.newest()
	name := s.spec.Metadata.Name
	if _, err := s.Commit(plan.ProposalPrefix+name+".yaml", text); err != nil {
		s.Fatal(err)
	}
	s.settle()
	if changes := s.Changes(before); len(changes) > 0 {
		s.Errorf("a proposal made %v", changes)
	}
	if s.newest() != executions {
		s.Error("a proposal started an execution")
	}
	for _, l := range s.World.Events.DeadLetters() {
		s.Errorf("dead letter of %s: %+v", l.Rule, l.Failure)
	}
	var data report.PlannedData
	s.sent(report.Planned, &data)
	page, ok := s.S3.Get(s.StateBucket, plan.PlanPrefix+name+".md")
	if !ok || data.Key != plan.PlanPrefix+name+".md" || !bytes.Contains(page.Body, []byte("# Plan of workspace "+name)) {
		s.Errorf("the page %s is %s", data.Key, page.Body)
	}
	return data
}

// actions are what a plan would do, by step, without what is kept or unwanted.
func wouldDo(p report.PlannedData) map[string]string {
	out := map[string]string{}
	for _, c := range p.Changes {
		if c.Action != "Keep" && c.Action != "Unwanted" {
			out[c.Step] = c.Action
		}
	}
	return out
}

// A proposal is planned for what exists: all is created, or nothing is done, or
// what differs is updated or forbidden; and then what was planned is done.
func TestPlanProposal(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tokyo", "minimal", "existing-vpc", "restricted", "locked-down"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text := example(t, name)
			s := newSceneOf(t, text)
			if err := s.Provide(t.Context(), s.spec); err != nil {
				t.Fatal(err)
			}
			first := s.propose(text)
			if first.Refused != "" {
				t.Fatalf("it is refused: %s", first.Refused)
			}
			s.push(text)
			s.mustBeReady()
			var ready report.ReadyData
			s.sent(report.Ready, &ready)
			planned := wouldDo(first)
			for _, step := range plan.Workspace().Steps() {
				if !step.Makes() {
					continue
				}
				done := false
				for _, changed := range ready.Changed {
					done = done || changed == step.Name
				}
				if _, would := planned[step.Name]; would != done {
					t.Errorf("%s was planned: %t, and done: %t", step.Name, would, done)
				}
			}
			again := s.propose(text)
			if got := wouldDo(again); len(got) > 0 || again.Refused != "" {
				t.Errorf("of the same spec it plans %v %s", got, again.Refused)
			}
		})
	}
}

func TestPlanOfChanges(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	edit := func(from, to string) []byte {
		if !bytes.Contains(s.text, []byte(from)) {
			t.Fatalf("the spec has no %q", from)
		}
		return bytes.Replace(s.text, []byte(from), []byte(to), 1)
	}
	for name, test := range map[string]struct {
		text []byte
		want map[string]string
		says string
	}{
		"endpoint policies": {
			edit("\n  privateLink:\n", "\n  privateLink:\n    endpointPolicies: restricted\n"),
			map[string]string{
				"EnsureS3Endpoint": "Update", "EnsureStsEndpoint": "Update", "EnsureKinesisEndpoint": "Update", "EnsureGlueEndpoint": "Update",
			}, "changed its subnets, groups, route tables or policy",
		},
		"a block that overlaps the present one": {
			edit("cidr: 10.0.1.0/24", "cidr: 10.0.0.0/23"),
			map[string]string{"EnsureSubnets": "Forbidden"}, "has 10.0.1.0/24 in ap-northeast-1a",
		},
	} {
		p := s.propose(test.text)
		got := wouldDo(p)
		if len(got) != len(test.want) {
			t.Errorf("%s: it plans %v", name, got)
		}
		for step, action := range test.want {
			if got[step] != action {
				t.Errorf("%s: it plans %v", name, got)
			}
		}
		if page := p.Plan.Markdown(); !strings.Contains(string(page), test.says) {
			t.Errorf("%s: the page does not say %q:\n%s", name, test.says, page)
		}
	}
	for name, test := range map[string]struct {
		text []byte
		says string
	}{
		"invalid":         {edit("region: ap-northeast-1", "region: nowhere"), "spec.region"},
		"another account": {edit(`accountId: "123456789012"`, `accountId: "210987654321"`), "this Lakegate runs in account 123456789012"},
		"suspended":       {edit("\nspec:\n", "\nspec:\n  suspend: true\n"), "spec.suspend is true"},
	} {
		if p := s.propose(test.text); !strings.Contains(p.Refused, test.says) {
			t.Errorf("%s: it says %q", name, p.Refused)
		}
	}
}
