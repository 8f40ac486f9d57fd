package emulator_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/internal/emulator/kms"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// withPolicy adds lines to the spec of an example.
func withPolicy(text []byte, lines ...string) []byte {
	return []byte(strings.TrimRight(string(text), "\n") + "\n  " + strings.Join(lines, "\n  ") + "\n")
}

const deletion = "deletionPolicy: Delete"

// remove deletes the spec and waits until all that follows is done.
func (s *scene) remove() {
	s.Helper()
	if _, err := s.Remove("workspaces/" + s.spec.Metadata.Name + ".yaml"); err != nil {
		s.Fatal(err)
	}
	s.settle()
}

// lastRetirement returns the newest execution that retires.
func (s *scene) lastRetirement() *sfn.DescribeExecutionOutput {
	s.Helper()
	list, err := s.sfn.ListExecutions(s.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(s.RetirementMachineARN())})
	if err != nil {
		s.Fatal(err)
	}
	if len(list.Executions) == 0 {
		s.Fatal("nothing is retired")
	}
	out, err := s.sfn.DescribeExecution(s.Context(), &sfn.DescribeExecutionInput{ExecutionArn: list.Executions[0].ExecutionArn})
	if err != nil {
		s.Fatal(err)
	}
	return out
}

// mustBeRetired checks what a retirement that went well leaves, and returns what
// it said.
func (s *scene) mustBeRetired() report.RetiredData {
	s.Helper()
	if x := s.lastRetirement(); x.Status != sfntypes.ExecutionStatusSucceeded {
		s.Fatalf("the retirement is %s: %s %s", x.Status, aws.ToString(x.Error), aws.ToString(x.Cause))
	}
	var data report.RetiredData
	s.sent(report.Retired, &data)
	if n := len(s.World.Events.DeadLetters()); n > 0 {
		s.Errorf("%d events were not delivered", n)
	}
	return data
}

// mustBeBare checks that nothing is left but what was there before, unchanged.
func (s *scene) mustBeBare(before map[string]string, inventory []string) {
	s.Helper()
	after := s.belongings()
	for id, text := range before {
		if after[id] != text {
			s.Errorf("%s was %s\nand is %s", id, text, after[id])
		}
	}
	for _, k := range s.there().KMS.Keys(s.Config.Region) {
		if k.Tags[plan.TagManaged] == plan.Owned && (k.State != kms.PendingDeletion || len(k.Aliases) > 0) {
			s.Errorf("key %s is %s, called %v", k.ARN, k.State, k.Aliases)
		}
	}
	// Keys are had back for 30 days, and what is given has got accepted.
	var now []string
	for _, line := range s.Inventory() {
		if !strings.HasPrefix(line, "key ") || !strings.Contains(line, plan.TagManaged) {
			now = append(now, line)
		}
	}
	if diff := cmp.Diff(inventory, now); diff != "" {
		s.Errorf("something is left:\n%s", diff)
	}
	for _, prefix := range []string{plan.RecordPrefix} {
		if keys := s.S3.Keys(s.StateBucket, prefix); len(keys) > 0 {
			s.Errorf("the state bucket has %v", keys)
		}
	}
}

// litter leaves what people and Databricks leave: a pool, an instance and a
// network interface in a subnet of the workspace, an object in its bucket.
func (s *scene) litter() {
	s.Helper()
	s.Databricks.AddPool(s.spec.Spec.Databricks.WorkspaceName, "idle")
	region, vendor := s.Config.Region, map[string]string{"Vendor": "Databricks"}
	for _, x := range s.there().EC2.Subnets(region) {
		if x.Tags[plan.TagObject] != "workspace-subnet-1" {
			continue
		}
		if _, err := s.there().EC2.Launch(region, x.ID, nil, vendor); err != nil {
			s.Fatal(err)
		}
		if _, err := s.there().EC2.Abandon(region, x.ID, "databricks_netif", nil, vendor); err != nil {
			s.Fatal(err)
		}
	}
	if _, err := s.there().S3.Put(s.spec.Spec.RootBucket.Name, "oregon-prod/0.jar", []byte("x")); err != nil {
		s.Fatal(err)
	}
}

// there is the account of the workspace.
func (s *scene) there() *emulator.Account { return s.In(s.spec.Spec.AWS.AccountID) }

func retirable(t *testing.T, name string) *scene {
	t.Helper()
	s := newSceneOf(t, withPolicy(example(t, name), deletion))
	if err := s.Provide(t.Context(), s.spec); err != nil {
		t.Fatal(err)
	}
	return s
}

// What was made goes, and what was given stays as it was.
func TestRetire(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"tokyo", "minimal", "restricted", "existing-vpc", "locked-down"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := retirable(t, name)
			before, inventory := s.belongings(), s.Inventory()
			s.push(s.text)
			s.mustBeReady()
			s.remove()
			data := s.mustBeRetired()
			if !data.Deleted || len(data.Removed) == 0 || len(data.Left) > 0 {
				t.Errorf("the event says %+v", data)
			}
			s.mustBeBare(before, inventory)
			if c := s.statusOf(report.ConditionReady); c == nil || c.Status != "False" || c.Reason != "Retired" {
				t.Errorf("the status says %+v", c)
			}
			calls := len(s.Hub.Calls())
			s.remove()
			if data := s.mustBeRetired(); data.Deleted || len(data.Removed) > 0 {
				t.Errorf("the second time it says %+v", data)
			}
			if changes := s.Changes(calls); len(changes) > 0 {
				t.Errorf("the second time it made %v", changes)
			}
		})
	}
}

// Where subnets and groups are given, instances of other workspaces run too, and
// go on to run.
func TestRetireLeavesInstancesInGivenSubnets(t *testing.T) {
	t.Parallel()
	s := retirable(t, "existing-vpc")
	n := s.spec.Spec.Network
	id, err := s.EC2.Launch(s.Config.Region, n.WorkspaceSubnets[0].ID, []string{n.SecurityGroups.Workspace.ID}, map[string]string{"Vendor": "Databricks"})
	if err != nil {
		t.Fatal(err)
	}
	s.push(s.text)
	s.mustBeReady()
	s.remove()
	s.mustBeRetired()
	for _, i := range s.EC2.Instances(s.Config.Region) {
		if i.ID == id && i.State == ec2.InstanceRunning {
			return
		}
	}
	t.Error("the instance does not run any more")
}

// A first provisioning that was stopped after any step can be retired: what was
// attempted is known from before it made anything.
func TestRetireWhatWasStopped(t *testing.T) {
	t.Parallel()
	for _, step := range plan.Workspace().Steps() {
		t.Run(step.Name, func(t *testing.T) {
			t.Parallel()
			name := "tokyo"
			if strings.Contains(step.Name, "FrontEnd") || strings.Contains(step.Name, "Keys") {
				name = "locked-down"
			}
			s := retirable(t, name)
			before, inventory := s.belongings(), s.Inventory()
			s.stopAt(step.Name, s.push1)
			s.remove()
			s.mustBeRetired()
			s.mustBeBare(before, inventory)
		})
	}
}

// push1 commits the scene's spec.
func (s *scene) push1() { s.push(s.text) }

// stopAt does something that ends when a step has done its work and nobody hears
// of it.
func (s *scene) stopAt(step string, do func()) {
	s.Helper()
	fault := &wire.Fault{Kind: wire.LoseReply, Service: "lambda", Action: "Invoke", Caller: plan.FunctionPrefix + step, Times: -1}
	s.Hub.Inject(fault)
	do()
	if s.Hub.Struck(fault) == 0 {
		s.Fatal("it was not stopped")
	}
	s.Hub.Clear()
}

// A retirement that was stopped after any step goes on when it is redriven,
// another one comes to the same end, and a push makes all anew that is gone.
func TestRetirementStoppedAtEveryStep(t *testing.T) {
	t.Parallel()
	for i, step := range plan.Retirement().Steps() {
		t.Run(step.Name, func(t *testing.T) {
			t.Parallel()
			ways := []string{"redrive", "push"}
			if i%3 == 0 {
				// Another retirement differs from a redriven one in its first steps only.
				ways = append(ways, "again")
			}
			for _, way := range ways {
				s := retirable(t, "tokyo")
				before, inventory := s.belongings(), s.Inventory()
				s.push(s.text)
				s.mustBeReady()
				want := s.Inventory()
				s.stopAt(step.Name, s.remove)
				if x := s.lastRetirement(); x.Status != sfntypes.ExecutionStatusFailed {
					t.Fatalf("the retirement is %s", x.Status)
				}
				var failed report.FailedData
				s.sent(report.Failed, &failed)
				if failed.Step != step.Name || failed.Remedy == "" {
					t.Errorf("the event says %+v", failed)
				}
				if c := s.statusOf(report.ConditionStalled); c == nil || c.Status != "True" {
					t.Error("the status says nothing of it")
				}
				switch way {
				case "push":
					s.push(s.text)
					s.mustBeReady()
					if diff := cmp.Diff(want, s.Inventory()); diff != "" {
						t.Errorf("after a push the world differs:\n%s", diff)
					}
					continue
				case "redrive":
					s.redriveRetirement()
				case "again":
					s.remove()
				}
				s.mustBeRetired()
				s.mustBeBare(before, inventory)
			}
		})
	}
}

func (s *scene) redriveRetirement() {
	s.Helper()
	if _, err := s.sfn.RedriveExecution(s.Context(), &sfn.RedriveExecutionInput{ExecutionArn: s.lastRetirement().ExecutionArn}); err != nil {
		s.Fatal(err)
	}
	s.settle()
}

// Without the author's word nothing is deleted, and what stays is listed.
func TestRetain(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	want, calls := s.Inventory(), len(s.Hub.Calls())
	s.remove()
	data := s.mustBeRetired()
	if data.Deleted || len(data.Removed) > 0 || len(data.Left) < 20 || !strings.Contains(data.Left[0].Why, spec.Retain) {
		t.Errorf("the event says %+v", data)
	}
	if changes := s.Changes(calls); len(changes) > 0 {
		t.Errorf("it made %v", changes)
	}
	if diff := cmp.Diff(want, s.Inventory()); diff != "" {
		t.Errorf("the world differs:\n%s", diff)
	}
	if c := s.statusOf(report.ConditionReady); c == nil || c.Status != "True" || c.Reason != "Retained" {
		t.Errorf("the status says %+v", c)
	}
	// The workspace is taken up again, as it is.
	calls = len(s.Hub.Calls())
	s.push(s.text)
	s.mustBeReady()
	for _, c := range s.Changes(calls) {
		if c.Service != "databricks" {
			t.Errorf("taking it up again made %s:%s", c.Service, c.Action)
		}
	}
}

// A later spec that did not come to its end makes the decision stricter, but no
// looser.
func TestPolicyOfLastApplied(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		applied, attempted []string
		deleted            bool
	}{
		"both delete":        {[]string{deletion}, []string{deletion, "bucketDeletion: Force"}, true},
		"delete was applied": {[]string{deletion}, []string{"deletionPolicy: Retain"}, false},
		"retain was applied": {[]string{"deletionPolicy: Retain"}, []string{deletion}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.push(withPolicy(s.text, test.applied...))
			s.mustBeReady()
			s.stopAt("EnsureVpc", func() { s.push(withPolicy(s.text, test.attempted...)) })
			s.remove()
			if data := s.mustBeRetired(); data.Deleted != test.deleted {
				t.Errorf("the event says %+v", data)
			}
		})
	}
}

// A protected workspace stays as it is, and the failure says how to delete it.
func TestProtected(t *testing.T) {
	t.Parallel()
	s := retirable(t, "tokyo")
	text := strings.Replace(string(s.text), "metadata:\n", "metadata:\n  annotations: {lakegate.dev/protected: \"true\"}\n", 1)
	s.push([]byte(text))
	s.mustBeReady()
	calls := len(s.Hub.Calls())
	s.remove()
	x := s.lastRetirement()
	if x.Status != sfntypes.ExecutionStatusFailed || aws.ToString(x.Error) != plan.ActionRequired {
		t.Fatalf("the retirement is %s with %s", x.Status, aws.ToString(x.Error))
	}
	var data report.FailedData
	s.sent(report.Failed, &data)
	if data.Step != "LoadRetirement" || !strings.Contains(data.Remedy, spec.Protected) || !strings.Contains(data.Message, "protected") {
		t.Errorf("the event says %+v", data)
	}
	if changes := s.Changes(calls); len(changes) > 0 {
		t.Errorf("it made %v", changes)
	}
	if c := s.statusOf(report.ConditionReady); c == nil || c.Status != "True" {
		t.Errorf("the workspace is not ready any more: %+v", c)
	}
	// As the remedy says.
	s.push(s.text)
	s.mustBeReady()
	s.remove()
	if data := s.mustBeRetired(); !data.Deleted || len(data.Left) > 0 {
		t.Errorf("the event says %+v", data)
	}
}

// A root bucket with objects stays with the key that they are encrypted with,
// unless the spec forces its deletion.
func TestRootBucketWithObjects(t *testing.T) {
	t.Parallel()
	for _, force := range []bool{false, true} {
		t.Run(fmt.Sprint(force), func(t *testing.T) {
			t.Parallel()
			s := retirable(t, "restricted")
			if force {
				s.text = withPolicy(s.text, "bucketDeletion: Force")
			}
			before, inventory := s.belongings(), s.Inventory()
			s.push(s.text)
			s.mustBeReady()
			bucket := s.spec.Spec.RootBucket.Name
			for i := range 2500 {
				if _, err := s.S3.Put(bucket, fmt.Sprintf("oregon-prod/%d", i), []byte("x")); err != nil {
					t.Fatal(err)
				}
			}
			s.remove()
			data := s.mustBeRetired()
			if force {
				if len(data.Left) > 0 {
					t.Errorf("%+v is left", data.Left)
				}
				s.mustBeBare(before, inventory)
				return
			}
			if len(data.Left) != 2 || data.Left[1].What != "bucket "+bucket || !strings.Contains(data.Left[1].Why, spec.Refuse) || !strings.HasPrefix(data.Left[0].What, "key ") {
				t.Errorf("%+v is left", data.Left)
			}
			if keys := s.S3.Keys(bucket, ""); len(keys) != 2500 {
				t.Errorf("%d objects are left", len(keys))
			}
		})
	}
}

// What another workspace is made of stays, and with it what it needs.
func TestUsedElsewhere(t *testing.T) {
	t.Parallel()
	s := retirable(t, "tokyo")
	s.push(s.text)
	s.mustBeReady()
	role, name := s.spec.Spec.CrossAccountRole.Name, s.spec.Spec.Databricks.CredentialsName
	osaka := strings.Replace(givenHeader, "{name: given}", "{name: osaka}", 1)
	osaka = strings.Replace(osaka, "databricks: {", "databricks: {credentialsName: "+name+", ", 1)
	osaka += "  crossAccountRole: {arn: \"arn:aws:iam::123456789012:role/" + role + "\"}\n"
	if _, err := s.Commit("workspaces/osaka.yaml", []byte(osaka)); err != nil {
		t.Fatal(err)
	}
	s.settle()
	s.mustBeReady()
	s.remove()
	data := s.mustBeRetired()
	if len(data.Left) != 2 || !strings.HasPrefix(data.Left[0].What, "credential configuration "+name) ||
		!strings.Contains(data.Left[0].Why, "being used by active workspace") || data.Left[1].What != "role "+role {
		t.Errorf("%+v is left", data.Left)
	}
	for _, line := range s.Inventory() {
		if strings.Contains(line, "tokyo") && !strings.Contains(line, name) && !strings.Contains(line, role) {
			t.Errorf("%s is left", line)
		}
	}
}

// A spec that is pushed again while its workspace is taken down wins, whenever
// that is, and the retirement ends as Superseded.
func TestPushedWhileRetiring(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Second, 10 * time.Second, 40 * time.Second, 3 * time.Minute, 6 * time.Minute, 8 * time.Minute} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			s := retirable(t, "tokyo")
			s.push(s.text)
			s.mustBeReady()
			want := s.Inventory()
			release := s.Clock.Hold()
			if _, err := s.Remove("workspaces/tokyo.yaml"); err != nil {
				t.Fatal(err)
			}
			s.Clock.After(after, func() {
				if _, err := s.Commit("workspaces/tokyo.yaml", append([]byte("# again\n"), s.text...)); err != nil {
					t.Error(err)
				}
			})
			release()
			s.settle()
			s.mustBeReady()
			if diff := cmp.Diff(want, s.Inventory()); diff != "" {
				t.Errorf("the world differs:\n%s", diff)
			}
			x := s.lastRetirement()
			if x.Status == sfntypes.ExecutionStatusFailed && aws.ToString(x.Error) != plan.Superseded {
				t.Errorf("the retirement ended with %s: %s", aws.ToString(x.Error), aws.ToString(x.Cause))
			}
			t.Logf("the retirement is %s %s", x.Status, aws.ToString(x.Cause))
		})
	}
}

// A file that never was a spec, and a spec that was never valid, leave nothing to
// retire.
func TestDeleteWhatNeverWas(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push([]byte("nonsense"))
	s.mustHaveFailed(plan.SpecInvalid, "LoadSpec")
	s.remove()
	if data := s.mustBeRetired(); data.Deleted || len(data.Left) > 0 || !strings.Contains(data.Message, "nothing was ever made") {
		t.Errorf("the event says %+v", data)
	}
	if calls := s.Changes(0); len(calls) > 0 {
		t.Errorf("it made %v", calls)
	}
	if _, err := s.Remove("workspaces/NOTES.yaml"); err != nil {
		t.Fatal(err)
	}
	s.settle()
	list, err := s.sfn.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(s.RetirementMachineARN())})
	if err != nil {
		t.Fatal(err)
	}
	if len(list.Executions) != 1 {
		t.Errorf("there are %d retirements", len(list.Executions))
	}
}

// Of two files for one workspace either can be deleted: the other one is applied.
func TestDeleteOneOfTwo(t *testing.T) {
	t.Parallel()
	for _, gone := range []string{"workspaces/tokyo.yaml", "workspaces/tokyo.yml"} {
		s := retirable(t, "tokyo")
		for _, path := range []string{"workspaces/tokyo.yaml", "workspaces/tokyo.yml"} {
			if _, err := s.Commit(path, s.text); err != nil {
				t.Fatal(err)
			}
		}
		s.settle()
		s.mustHaveFailed(plan.SpecInvalid, "LoadSpec")
		if _, err := s.Remove(gone); err != nil {
			t.Fatal(err)
		}
		s.settle()
		s.mustBeReady()
		if s.retirements() > 0 {
			t.Error("it was retired")
		}
	}
}

// A spec that has moved to git is not retired when its old copy in the bucket is
// deleted.
func TestRetireByAnotherSource(t *testing.T) {
	t.Parallel()
	s := retirable(t, "tokyo")
	s.push(s.text)
	s.mustBeReady()
	c := cloneOf(t, s.World, s.SourceRepository)
	c.push("Move the workspace to git", map[string][]byte{"workspaces/tokyo.yaml": s.text})
	s.settle()
	s.mustBeReady()
	before := len(s.Hub.Calls())
	s.remove()
	if changes := s.Changes(before); len(changes) > 0 {
		t.Errorf("it made %v", changes)
	}
	if c := s.statusOf(report.ConditionReady); c == nil || c.Status != "True" {
		t.Errorf("the status says %+v", c)
	}
}
