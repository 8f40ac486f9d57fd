package emulator_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// A spec that changes changes the workspace in place, by the steps that it
// concerns, and is verified again; pushed once more, it changes nothing.
func TestChange(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		// before and after are appended to the spec of Tokyo.
		before, after string
		steps         []string
		// there and gone are lines of the inventory.
		there, gone []string
	}{
		"role": {
			after: "  crossAccountRole: {name: other-hands}\n",
			steps: []string{"EnsureCrossAccountRole", "RegisterCredentials", "CreateWorkspace"},
			there: []string{"role other-hands", "databricks credentials tokyo-"},
		},
		"tags": {
			before: "  tags: {team: data, stage: test}\n", after: "  tags: {team: platform}\n",
			steps: []string{
				"EnsureVpc", "EnsureSubnets", "EnsureSecurityGroups", "EnsureRouteTables", "EnsureWorkspaceEndpoint", "EnsureRelayEndpoint",
				"EnsureS3Endpoint", "EnsureStsEndpoint", "EnsureKinesisEndpoint", "EnsureGlueEndpoint",
				"EnsureGlueInstanceProfile", "EnsureCrossAccountRole", "EnsureRootBucket", "CreateWorkspace",
			},
			there: []string{"team:platform"}, gone: []string{"stage:test"},
		},
		"keys": {
			after: "  encryption: {managedServicesKey: {}, storageKey: {}}\n",
			steps: []string{"EnsureCustomerManagedKeys", "RegisterCustomerManagedKeys", "CreateWorkspace"},
			there: []string{"key alias/lakegate-tokyo-storage"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.push(append(slices.Clone(s.text), test.before...))
			s.mustBeReady()
			id := s.status().Objects["databricksWorkspace"]
			text := append(slices.Clone(s.text), test.after...)
			s.push(text)
			s.mustBeReady()
			var ready report.ReadyData
			s.sent(report.Ready, &ready)
			// Compute that checks again is started and stopped.
			changed := slices.DeleteFunc(ready.Changed, func(step string) bool { return strings.HasPrefix(step, "Verify") || step == "StopCompute" })
			slices.Sort(changed)
			slices.Sort(test.steps)
			if diff := cmp.Diff(test.steps, changed); diff != "" {
				t.Errorf("the steps that changed something differ:\n%s", diff)
			}
			if diff := cmp.Diff(id, s.status().Objects["databricksWorkspace"]); diff != "" {
				t.Errorf("the workspace is another one:\n%s", diff)
			}
			all := strings.Join(s.Inventory(), "\n")
			for _, line := range test.there {
				if !strings.Contains(all, line) {
					t.Errorf("there is no %s in\n%s", line, all)
				}
			}
			for _, line := range test.gone {
				if strings.Contains(all, line) {
					t.Errorf("there still is %s in\n%s", line, all)
				}
			}
			if n := strings.Count(all, "databricks credentials "); n != 1 {
				t.Errorf("there are %d credential configurations", n)
			}
			before := len(s.Hub.Calls())
			s.push(text)
			s.mustBeReady()
			if calls := s.Changes(before); len(calls) > 0 {
				t.Errorf("the run after it made %v", calls)
			}
		})
	}
}

// A workspace that lives cannot be moved: nothing is made in the other region.
func TestRegionStays(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	want := s.Inventory()
	moved := strings.NewReplacer("region: ap-northeast-1", "region: eu-west-1", "ap-northeast-1a", "eu-west-1a", "ap-northeast-1c", "eu-west-1c")
	s.push([]byte(moved.Replace(string(s.text))))
	s.mustHaveFailed(plan.SpecInvalid, "AcquireLease")
	if diff := cmp.Diff(want, s.Inventory()); diff != "" {
		t.Errorf("the world differs:\n%s", diff)
	}
	s.push(s.text)
	s.mustBeReady()
}
