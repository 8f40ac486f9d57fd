package emulator_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// What takes the place of something whose name is unique has a digest after its
// own.
var digest = regexp.MustCompile(`-[0-9a-f]{8}\b`)

// plain is an inventory without digests in names.
func plain(inventory []string) []string {
	out := make([]string, 0, len(inventory))
	for _, line := range inventory {
		// What its users have is not of the spec.
		if !strings.HasSuffix(line, " etl") && !strings.HasSuffix(line, " dashboards") {
			out = append(out, digest.ReplaceAllString(line, ""))
		}
	}
	slices.Sort(out)
	return out
}

// mustBeAs checks that the world is that of a workspace that was made from a spec
// at once.
func (s *scene) mustBeAs(text []byte) {
	s.Helper()
	if diff := cmp.Diff(plain(s.wantedOf(text)), plain(s.Inventory())); diff != "" {
		s.Errorf("the world differs from one that was made at once:\n%s", diff)
	}
}

// otherSubnets is the spec of Tokyo with other workspace subnets in the same VPC.
func otherSubnets(text []byte) []byte {
	return []byte(strings.NewReplacer("cidr: 10.0.1.0/24", "cidr: 10.0.0.0/25", "cidr: 10.0.2.0/24", "cidr: 10.0.0.128/25").Replace(string(text)))
}

// otherVPC is the spec of Tokyo in another VPC.
func otherVPC(text []byte) []byte { return []byte(strings.ReplaceAll(string(text), "10.0.", "10.8.")) }

// givenNetwork is the spec of Tokyo in a network that is given by id.
func givenNetwork(text []byte) []byte {
	start, end := strings.Index(string(text), "\n  network:\n"), strings.Index(string(text), "\n  privateLink:\n")
	return slices.Concat(text[:start], []byte(`
  network:
    vpc: {id: vpc-0a1b2c3d4e5f60718}
    workspaceSubnets: [{id: subnet-0a1b2c3d4e5f60711}, {id: subnet-0a1b2c3d4e5f60712}]
    endpointSubnet: {id: subnet-0a1b2c3d4e5f60713}
    endpointRouteTable: {id: rtb-0a1b2c3d4e5f60718}
    securityGroups: {workspace: {id: sg-0a1b2c3d4e5f60711}, endpoint: {id: sg-0a1b2c3d4e5f60712}}
`), text[end:])
}

// provided has what a spec gives by id made by somebody.
func (s *scene) provided(text []byte) {
	s.Helper()
	parsed, err := spec.Load("tokyo.yaml", text)
	if err != nil {
		s.Fatal(err)
	}
	if err := s.Provide(s.Context(), parsed); err != nil {
		s.Fatal(err)
	}
}

// A workspace moves into another network by one commit, and back by another: it
// stays the same one, what was given stays as it was, and what is left is what
// there would be if the last spec had been the first.
func TestOtherNetwork(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]byte) []byte{
		"other subnets": otherSubnets, "other VPC": otherVPC, "given": givenNetwork,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			text := change(s.text)
			s.provided(text)
			given := s.belongings()
			s.push(s.text)
			s.mustBeReady()
			id := s.status().Objects["databricksWorkspace"]
			for i, push := range [][]byte{text, s.text, text} {
				s.push(push)
				s.mustBeReady()
				want := newSceneOf(t, push)
				want.provided(text)
				want.push(push)
				want.mustBeReady()
				inventory, begun := want.Inventory(), len(want.Hub.Calls())
				want.push(push)
				if diff := cmp.Diff(plain(inventory), plain(s.Inventory())); diff != "" {
					t.Fatalf("after push %d the world differs from one that was made at once:\n%s", i+1, diff)
				}
				if diff := cmp.Diff(id, s.status().Objects["databricksWorkspace"]); diff != "" {
					t.Fatalf("the workspace is another one:\n%s", diff)
				}
				before := len(s.Hub.Calls())
				s.push(push)
				s.mustBeReady()
				if calls := s.Changes(before); len(calls) > 0 {
					t.Errorf("the run after push %d made %v", i+1, calls)
				}
				if n, most := s.Looks(before), want.Looks(begun); n > most {
					t.Errorf("the run after push %d made %d calls, in place of %d", i+1, n, most)
				}
			}
			s.push(s.text)
			s.mustBeReady()
			after := s.belongings()
			for id, text := range given {
				if after[id] != text {
					t.Errorf("%s was %s and is %s", id, text, after[id])
				}
			}
		})
	}
}

// What runs in the present network is stopped only if the spec says so; otherwise
// nothing is touched, and the refusal lists it.
func TestRunningCompute(t *testing.T) {
	t.Parallel()
	const workspace = "privatelink-test"
	text := func(s *scene) []byte { return otherSubnets(s.text) }
	busy := func(t *testing.T) *scene {
		s := newScene(t)
		s.push(s.text)
		s.mustBeReady()
		s.Databricks.RunCompute(workspace, "etl", "dashboards")
		s.Databricks.AddPool(workspace, "warm")
		return s
	}
	lost := func(s *scene) {
		s.Helper()
		if n := s.Databricks.Lost(workspace); n > 0 {
			s.Errorf("%d clusters and warehouses were lost", n)
		}
	}
	t.Run("refused, then stopped by its users", func(t *testing.T) {
		t.Parallel()
		s := busy(t)
		s.push(text(s))
		failed := s.mustHaveFailed(plan.Conflict, "StopRunningCompute")
		for _, part := range []string{"cluster etl (", "SQL warehouse dashboards (", "pool warm (", "1 idle"} {
			if !strings.Contains(failed.Message, part) {
				t.Errorf("the message does not name %s: %s", part, failed.Message)
			}
		}
		if !strings.Contains(failed.Remedy, "spec.change.stopCompute: true") {
			t.Errorf("the remedy is %s", failed.Remedy)
		}
		// The users go on, and the network is as it was.
		s.push(s.text)
		s.mustBeReady()
		lost(s)
		s.mustBeAs(s.text)
		s.Databricks.StopAll(workspace)
		s.push(text(s))
		s.mustBeReady()
		s.mustBeAs(text(s))
	})
	t.Run("stopped", func(t *testing.T) {
		t.Parallel()
		s := busy(t)
		before := s.Databricks.Pools(workspace)
		s.push(append(text(s), "  change: {stopCompute: true}\n"...))
		s.mustBeReady()
		lost(s)
		s.mustBeAs(text(s))
		if diff := cmp.Diff(before, s.Databricks.Pools(workspace)); diff != "" {
			t.Errorf("the pools differ:\n%s", diff)
		}
	})
	for _, step := range []string{"StopRunningCompute", "CreateWorkspace", "VerifyCluster"} {
		t.Run("stopped, and the execution at "+step, func(t *testing.T) {
			t.Parallel()
			s := busy(t)
			before := s.Databricks.Pools(workspace)
			moved := append(text(s), "  change: {stopCompute: true}\n"...)
			s.stopAt(step, func() { s.push(moved) })
			// Another execution knows what the pools kept ready.
			s.push(moved)
			s.mustBeReady()
			if diff := cmp.Diff(before, s.Databricks.Pools(workspace)); diff != "" {
				t.Errorf("the pools differ:\n%s", diff)
			}
		})
	}
	t.Run("not for another change", func(t *testing.T) {
		t.Parallel()
		s := busy(t)
		s.push(append(slices.Clone(s.text), "  tags: {team: data}\n"...))
		s.mustBeReady()
		lost(s)
	})
}

// turning are the steps that a move turns on.
var turning = []string{
	"EnsureSubnets", "EnsureSecurityGroups", "EnsureStsEndpoint", "RegisterNetwork", "StopRunningCompute", "CreateWorkspace", "AwaitWorkspace",
	"DeleteFormerNetwork",
}

// An execution that moves a workspace is stopped at any step: redriven, or
// followed by another one, it comes to the same end, and so does one that takes
// the change back.
func TestMoveStoppedAtEveryStep(t *testing.T) {
	t.Parallel()
	for i, step := range plan.Workspace().Steps() {
		t.Run(step.Name, func(t *testing.T) {
			t.Parallel()
			change := otherSubnets
			if i%2 == 0 {
				change = otherVPC
			}
			ways := []string{"redrive", "push", "back"}
			if !slices.Contains(turning, step.Name) {
				// Here it makes little difference.
				ways = ways[i%3 : i%3+1]
			}
			for _, way := range ways {
				s := newScene(t)
				s.push(s.text)
				s.mustBeReady()
				text := change(s.text)
				s.stopAt(step.Name, func() { s.push(text) })
				switch way {
				case "redrive":
					s.redrive()
				case "push":
					s.push(text)
				case "back":
					text = s.text
					s.push(text)
				}
				s.mustBeReady()
				s.mustBeAs(text)
				before := len(s.Hub.Calls())
				s.push(text)
				s.mustBeReady()
				if calls := s.Changes(before); len(calls) > 0 {
					t.Errorf("after a %s the next run made %v", way, calls)
				}
			}
		})
	}
}

// Whatever call goes wrong while a workspace moves, another push comes to the
// same end.
func TestMoveWithFaults(t *testing.T) {
	t.Parallel()
	for after := range 16 {
		t.Run(fmt.Sprint(after), func(t *testing.T) {
			t.Parallel()
			change, kind := otherSubnets, wire.LoseReply
			if after%2 == 0 {
				change = otherVPC
			}
			if after%3 == 0 {
				kind = wire.Throttle
			}
			s := newScene(t)
			s.push(s.text)
			s.mustBeReady()
			text := change(s.text)
			fault := &wire.Fault{Kind: kind, Mutating: true, After: 5 * after}
			s.Hub.Inject(fault)
			s.push(text)
			struck := s.Hub.Struck(fault)
			s.Hub.Clear()
			s.push(text)
			s.mustBeReady()
			s.mustBeAs(text)
			t.Logf("it struck %d times", struck)
		})
	}
}

// Two changes follow each other while the first is under way: the second wins,
// whenever it comes, also if it takes the first back.
func TestMovesInARow(t *testing.T) {
	t.Parallel()
	for _, minutes := range []int{1, 4, 8, 12, 25} {
		t.Run(fmt.Sprint(minutes), func(t *testing.T) {
			t.Parallel()
			for _, second := range []func([]byte) []byte{slices.Clone[[]byte], otherSubnets} {
				s := newScene(t)
				s.push(s.text)
				s.mustBeReady()
				path, text := "workspaces/tokyo.yaml", second(s.text)
				release := s.Clock.Hold()
				if _, err := s.Commit(path, otherVPC(s.text)); err != nil {
					t.Fatal(err)
				}
				s.Clock.After(time.Duration(minutes)*time.Minute, func() {
					if _, err := s.Commit(path, text); err != nil {
						t.Error(err)
					}
				})
				release()
				s.settle()
				s.mustBeReady()
				s.mustBeAs(text)
			}
		})
	}
}

// A workspace that is closed to the public network moves too: compute of both
// networks is admitted meanwhile, and the users' endpoint stays.
func TestMoveLockedDown(t *testing.T) {
	t.Parallel()
	text := example(t, "locked-down")
	moved := append(slices.Clone(text), "  network: {vpc: {cidr: 10.8.0.0/22}}\n"...)
	s := newSceneOf(t, text)
	if err := s.Provide(t.Context(), s.spec); err != nil {
		t.Fatal(err)
	}
	given := s.belongings()
	s.push(text)
	s.mustBeReady()
	door := s.status().Objects["frontEndEndpoint"]
	for _, push := range [][]byte{moved, text} {
		s.push(push)
		s.mustBeReady()
		s.mustBeAs(push)
		if diff := cmp.Diff(door, s.status().Objects["frontEndEndpoint"]); diff != "" {
			t.Errorf("the users' endpoint is another one:\n%s", diff)
		}
		before := len(s.Hub.Calls())
		s.push(push)
		if calls := s.Changes(before); len(calls) > 0 {
			t.Errorf("the run after it made %v", calls)
		}
	}
	after := s.belongings()
	for id, text := range given {
		if after[id] != text {
			t.Errorf("%s was %s and is %s", id, text, after[id])
		}
	}
}

// A workspace whose move was stopped half-way is taken down with both networks.
func TestRetireWhileMoving(t *testing.T) {
	t.Parallel()
	for i, step := range turning {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			change := otherSubnets
			if i%2 == 0 {
				change = otherVPC
			}
			s := retirable(t, "tokyo")
			before, inventory := s.belongings(), s.Inventory()
			s.push(s.text)
			s.mustBeReady()
			s.stopAt(step, func() { s.push(change(s.text)) })
			s.remove()
			if data := s.mustBeRetired(); len(data.Left) > 0 {
				t.Errorf("%+v is left", data.Left)
			}
			s.mustBeBare(before, inventory)
		})
	}
}

// The plan of a change of the network says what is replaced, with both values,
// and changes nothing; a block that cannot be had is forbidden.
func TestPlanMove(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	for name, test := range map[string]struct {
		text []byte
		want map[string]string
		says []string
	}{
		"other subnets": {
			otherSubnets(s.text),
			map[string]string{"EnsureSubnets": "Replace", "EnsureSecurityGroups": "Replace", "RegisterNetwork": "Replace", "CreateWorkspace": "Update"},
			[]string{"| CIDR | 10.0.1.0/24 | 10.0.0.0/25 |", "moved it to another network"},
		},
		"other VPC": {
			otherVPC(s.text),
			map[string]string{"EnsureVpc": "Replace", "EnsureSubnets": "Create", "RegisterNetwork": "Replace", "CreateWorkspace": "Update"},
			[]string{"| CIDR | 10.0.0.0/22 | 10.8.0.0/22 |"},
		},
		"a block that is taken": {
			[]byte(strings.Replace(string(s.text), "cidr: 10.0.1.0/24", "cidr: 10.0.0.0/23", 1)),
			map[string]string{"EnsureSubnets": "Forbidden"},
			[]string{"has 10.0.1.0/24", "spec.network.workspaceSubnets[0].cidr"},
		},
	} {
		p := s.propose(test.text)
		did := wouldDo(p)
		for step, action := range test.want {
			if did[step] != action {
				t.Errorf("%s: %s is planned as %q, want %s", name, step, did[step], action)
			}
		}
		// What is no markup is escaped.
		page := strings.ReplaceAll(string(p.Markdown()), `\[`, "[")
		for _, text := range test.says {
			if !strings.Contains(page, text) {
				t.Errorf("%s: the plan does not say %q:\n%s", name, text, page)
			}
		}
	}
}

// What another workspace has in a VPC of ours stays, and so does the VPC: that is
// said, and tried again by the next execution without changing anything.
func TestMoveOfOneOfTwo(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	ctx, api, vpc := t.Context(), s.ec2(), s.status().Objects["vpc"][0]
	tags := func(key, value string) []types.Tag {
		return []types.Tag{{Key: aws.String(key), Value: aws.String(value)}}
	}
	if _, err := api.CreateTags(ctx, &awsec2.CreateTagsInput{Resources: []string{vpc}, Tags: tags(plan.TagShared+"osaka", plan.Used)}); err != nil {
		t.Fatal(err)
	}
	made, err := api.CreateSubnet(ctx, &awsec2.CreateSubnetInput{VpcId: aws.String(vpc), CidrBlock: aws.String("10.0.0.0/26")})
	if err != nil {
		t.Fatal(err)
	}
	s.push(otherVPC(s.text))
	s.mustBeReady()
	subnets := func() (in []string) {
		for _, x := range s.EC2.Subnets(s.Config.Region) {
			if x.VPCID == vpc {
				in = append(in, x.ID)
			}
		}
		return in
	}
	if got := subnets(); len(got) != 1 || got[0] != aws.ToString(made.Subnet.SubnetId) {
		t.Errorf("the VPC has the subnets %v", got)
	}
	var done report.StepCompletedData
	for _, e := range s.World.Events.Events(plan.EventBusName) {
		var data struct{ Data report.StepCompletedData }
		if e.DetailType == report.StepCompleted && json.Unmarshal(e.Detail, &data) == nil && data.Data.Step == "DeleteFormerNetwork" {
			done = data.Data
		}
	}
	if !strings.Contains(done.Reason, vpc) || !strings.Contains(done.Reason, "workspace osaka uses it") {
		t.Errorf("it says %+v", done)
	}
	before := len(s.Hub.Calls())
	s.push(otherVPC(s.text))
	s.mustBeReady()
	if calls := s.Changes(before); len(calls) > 0 {
		t.Errorf("the run after it made %v", calls)
	}
}

// What somebody has put into a former network without telling keeps it, and the
// failure names what is still there.
func TestFormerNetworkInUse(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	ctx, api, vpc := t.Context(), s.ec2(), s.status().Objects["vpc"][0]
	made, err := api.CreateSubnet(ctx, &awsec2.CreateSubnetInput{VpcId: aws.String(vpc), CidrBlock: aws.String("10.0.0.0/26")})
	if err != nil {
		t.Fatal(err)
	}
	text := otherVPC(s.text)
	s.push(text)
	failed := s.mustHaveFailed(plan.TimedOut, "DeleteFormerNetwork")
	if !strings.Contains(failed.Message, "VPC "+vpc+" is used by something else") {
		t.Errorf("it says %s", failed.Message)
	}
	if _, err := api.DeleteSubnet(ctx, &awsec2.DeleteSubnetInput{SubnetId: made.Subnet.SubnetId}); err != nil {
		t.Fatal(err)
	}
	s.redrive()
	s.mustBeReady()
	s.mustBeAs(text)
}

// Parts of a network that no configuration holds change without a move: the
// workspace stays in its network, and nothing of its users' is stopped.
func TestNetworkParts(t *testing.T) {
	t.Parallel()
	for name, edit := range map[string]*strings.Replacer{
		"endpoint subnet": strings.NewReplacer("cidr: 10.0.3.0/24", "cidr: 10.0.0.0/26"),
		"endpoint group":  strings.NewReplacer("name: pl-sg-2", "name: pl-doors"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.push(s.text)
			s.mustBeReady()
			network := s.status().Objects["network"]
			for _, text := range [][]byte{[]byte(edit.Replace(string(s.text))), s.text} {
				s.push(text)
				s.mustBeReady()
				s.mustBeAs(text)
				if diff := cmp.Diff(network, s.status().Objects["network"]); diff != "" {
					t.Errorf("the network configuration is another one:\n%s", diff)
				}
				before := len(s.Hub.Calls())
				s.push(text)
				if calls := s.Changes(before); len(calls) > 0 {
					t.Errorf("the run after it made %v", calls)
				}
			}
		})
	}
}

// Only some of the subnets cannot change: nothing is touched, and it says so.
func TestOneOtherSubnet(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	before := len(s.Hub.Calls())
	s.push([]byte(strings.Replace(string(s.text), "cidr: 10.0.1.0/24", "cidr: 10.0.0.0/25", 1)))
	failed := s.mustHaveFailed(plan.Conflict, "PlanChanges")
	if !strings.Contains(failed.Remedy, "replaced as a whole") {
		t.Errorf("it says %s: %s", failed.Message, failed.Remedy)
	}
	if calls := s.Changes(before); len(calls) > 0 {
		t.Errorf("it made %v", calls)
	}
}

// A workspace of another account moves with what the role there allows.
func TestMoveElsewhere(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func([]byte) []byte{"other subnets": otherSubnets, "other VPC": otherVPC} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSceneElsewhere(t, "tokyo")
			s.push(s.text)
			s.mustBeReady()
			s.Databricks.RunCompute("privatelink-test", "etl", "dashboards")
			s.litter()
			text := append(change(s.text), "\n  change: {stopCompute: true}\n"...)
			s.push(text)
			s.mustBeReady()
			s.mustBeAs(text)
		})
	}
}
