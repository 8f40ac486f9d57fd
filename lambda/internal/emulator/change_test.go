package emulator_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
	"lakegate/spec"
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
			s.mustHavePlanned()
			slices.Sort(test.steps)
			if diff := cmp.Diff(test.steps, s.changed()); diff != "" {
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

// changed are the steps of the last execution that changed the world, sorted,
// without those that start and stop compute to check it again.
func (s *scene) changed() []string {
	s.Helper()
	var ready report.ReadyData
	s.sent(report.Ready, &ready)
	steps := slices.DeleteFunc(ready.Changed, func(step string) bool { return strings.HasPrefix(step, "Verify") || step == "StopCompute" })
	slices.Sort(steps)
	return steps
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

// A VPC that somebody has made under the wanted name is not made a second time:
// it is refused, and adopted if the spec says so.
func TestAdoptVPC(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	api := awsec2.New(awsec2.Options{
		Region: s.Config.Region, BaseEndpoint: aws.String(s.AWSURL), Retryer: aws.NopRetryer{},
		HTTPClient:  &http.Client{Transport: wire.Buffered{}},
		Credentials: credentials.NewStaticCredentialsProvider("network-team", "test", ""),
	})
	made, err := api.CreateVpc(t.Context(), &awsec2.CreateVpcInput{
		CidrBlock: aws.String("10.0.0.0/22"),
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeVpc, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("privatelink-test")}},
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	id := aws.ToString(made.Vpc.VpcId)
	s.push(s.text)
	failed := s.mustHaveFailed(plan.Conflict, "PlanChanges")
	if !strings.Contains(failed.Message+failed.Remedy, id) || !strings.Contains(failed.Remedy, spec.AdoptAnnotation) {
		t.Errorf("it says %s: %s", failed.Message, failed.Remedy)
	}
	s.push([]byte(strings.Replace(string(s.text), "metadata:\n", "metadata:\n  annotations: {"+spec.AdoptAnnotation+": \"true\"}\n", 1)))
	s.mustBeReady()
	vpcs := s.EC2.VPCs(s.Config.Region)
	if len(vpcs) != 1 || vpcs[0].ID != id || vpcs[0].Tags[plan.TagManaged] != plan.Owned {
		t.Errorf("the VPCs are %+v", vpcs)
	}
	// What is adopted stays so without the annotation.
	s.push(s.text)
	s.mustBeReady()
	if changed := s.changed(); len(changed) > 0 {
		t.Errorf("the run after it changed %v", changed)
	}
}

// However much of a workspace changes at once, the document stays within what
// Step Functions carries through parallel branches.
func TestManyTags(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	text := append(slices.Clone(s.text), "  tags:\n"...)
	for i := range 40 {
		text = fmt.Appendf(text, "    %s-%d: %s\n", strings.Repeat("k", 40), i, strings.Repeat("v", 80))
	}
	s.push(text)
	s.mustBeReady()
	var planned report.PlannedData
	s.sent(report.Planned, &planned)
	if n := len(planned.Changes[0].Differences); n != 40 {
		t.Errorf("the plan has %d differences of the VPC", n)
	}
}
