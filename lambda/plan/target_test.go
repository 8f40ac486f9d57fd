package plan_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"lakegate/lambda/plan"
)

// What is the stack's own is never asked of another account, and the other way
// round nothing of a workspace is left out.
func TestInTarget(t *testing.T) {
	t.Parallel()
	stacks := []string{
		plan.StateBucket, plan.SourceBucket, plan.SourceRepository, plan.EventBus, plan.DatabricksSecret, plan.StateMachine, plan.RetirementMachine,
		plan.StateMachineName, plan.RetirementMachineName, plan.SlackSecret, plan.TeamsSecret, plan.WebhookSecret, plan.ChatTopic,
	}
	permissions := plan.Common()
	for _, s := range plan.Steps() {
		permissions = append(permissions, s.Allow...)
	}
	for _, f := range plan.Functions() {
		permissions = append(permissions, f.Allow...)
	}
	for _, p := range permissions {
		for _, r := range p.Resources {
			own := slices.ContainsFunc(stacks, func(s string) bool { return strings.Contains(r, s) })
			if own == p.InTarget() {
				t.Errorf("%v on %s is in the account of the workspace: %t", p.Actions, r, p.InTarget())
			}
		}
	}
}

// The role of another account allows each step what the step's own role allows,
// and each of its statements is some step's.
func TestTargetIsWhatStepsDo(t *testing.T) {
	t.Parallel()
	type grant struct{ action, resource, conditions string }
	grants := func(permissions []plan.Permission) map[grant]bool {
		out := map[grant]bool{}
		for _, p := range permissions {
			conditions, err := json.Marshal(p.Conditions)
			if err != nil {
				t.Fatal(err)
			}
			for _, a := range p.Actions {
				for _, r := range p.Resources {
					out[grant{a, r, string(conditions)}] = true
				}
			}
		}
		return out
	}
	var all []plan.Permission
	for _, s := range plan.Steps() {
		all = append(all, s.Allow...)
	}
	for _, f := range plan.Functions() {
		all = append(all, f.Allow...)
	}
	all = slices.DeleteFunc(all, func(p plan.Permission) bool { return !p.InTarget() })
	want, got := grants(all), grants(slices.Concat(plan.TargetPolicies()...))
	for g := range want {
		if !got[g] {
			t.Errorf("the role lacks %+v", g)
		}
	}
	for g := range got {
		if !want[g] {
			t.Errorf("the role has %+v, which no step has", g)
		}
	}
	if n := len(plan.TargetPolicies()); n > 10 {
		t.Errorf("there are %d policies, and a role takes 10", n)
	}
}

// A session policy may have 2,048 characters.
func TestSessionPolicies(t *testing.T) {
	t.Parallel()
	names := []string{}
	for _, s := range plan.Steps() {
		names = append(names, s.Name)
	}
	for _, f := range plan.Functions() {
		names = append(names, f.Name)
	}
	for _, name := range names {
		text := plan.SessionPolicy(name)
		if len(text) > 2048 {
			t.Errorf("the session policy of %s has %d characters", name, len(text))
		}
		if (text == "") != (len(plan.TargetActions(name)) == 0) {
			t.Errorf("the session policy of %s is %q", name, text)
		}
	}
	if text := plan.SessionPolicy("DeleteSubnets"); text != `{"Statement":[{"Action":["ec2:DeleteSubnet","ec2:DescribeSubnets"],"Effect":"Allow","Resource":"*"}],"Version":"2012-10-17"}` {
		t.Errorf("that of DeleteSubnets is %s", text)
	}
}
