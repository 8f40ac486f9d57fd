package emulator_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// A suspended spec touches nothing and says so, stops an execution that runs,
// and goes on when it is not suspended any more.
func TestSuspend(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	suspended := bytes.Replace(s.text, []byte("\nspec:\n"), []byte("\nspec:\n  suspend: true\n"), 1)
	s.push(suspended)
	if x := s.last(); x.Status != sfntypes.ExecutionStatusSucceeded {
		t.Fatalf("the execution is %s: %s", x.Status, aws.ToString(x.Cause))
	}
	if changes := s.Changes(0); len(changes) > 0 {
		t.Errorf("it made %v", changes)
	}
	var said report.SuspendedData
	s.sent(report.Suspended, &said)
	if c := s.statusOf(report.ConditionSuspended); c == nil || c.Status != "True" || c.Message != said.Message {
		t.Errorf("the status says %+v, the event %q", c, said.Message)
	}

	// An execution that runs stops at its next step.
	release := s.Clock.Hold()
	if _, err := s.Commit("workspaces/tokyo.yaml", s.text); err != nil {
		t.Fatal(err)
	}
	s.Clock.After(3*time.Minute, func() {
		if _, err := s.Commit("workspaces/tokyo.yaml", suspended); err != nil {
			t.Error(err)
		}
	})
	release()
	s.settle()
	if s.sent(report.Suspended, &said); said.Already {
		t.Errorf("the event says %+v", said)
	}
	if c := s.statusOf(report.ConditionSuspended); c == nil || s.statusOf(report.ConditionReconciling) != nil {
		t.Errorf("the status is %+v", s.status())
	}
	before := len(s.Hub.Calls())
	s.push(suspended)
	if changes := s.Changes(before); len(changes) > 0 {
		t.Errorf("a suspended spec led to %v", changes)
	}
	// To push what is suspended is no news.
	if s.sent(report.Suspended, &said); !said.Already {
		t.Errorf("the event says %+v", said)
	}

	s.push(s.text)
	s.mustBeReady()
	if diff := cmp.Diff(wanted(t), s.Inventory()); diff != "" {
		t.Errorf("the world differs from one that was never suspended:\n%s", diff)
	}
}

// holders watches which execution works on a workspace.
type holders struct {
	*scene
	mu     sync.Mutex
	faults []string
}

// watch notes every step that was done by an execution that does not hold the
// lease.
func (h *holders) watch(execution string, e asl.Event) {
	name, _ := e.Details["name"].(string)
	if e.Type != "TaskStateExited" || name == "LoadSpec" || name == "AcquireLease" || name == "ReportReady" {
		return
	}
	o, _ := h.S3.Get(h.StateBucket, "leases/"+h.spec.Metadata.Name+".json")
	var lease struct{ Execution string }
	err := json.Unmarshal(o.Body, &lease)
	// One that only verifies gives the lease back there.
	gave := name == "PlanChanges" && lease.Execution == ""
	if err != nil || lease.Execution != execution && !gave {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.faults = append(h.faults, fmt.Sprintf("%s of %s while %s holds the lease", name, execution, lease.Execution))
	}
}

// change is something that happens at a time: a push of a variant of the spec, a
// late event of an old revision, the end of an execution, a call that is
// refused, something that is changed behind the spec's back, a look for that.
type change struct {
	At      int // minutes
	Kind    string
	Variant int
}

func changes() *rapid.Generator[[]change] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) change {
		return change{
			At:      rapid.IntRange(0, 45).Draw(t, "at"),
			Kind:    rapid.SampledFrom([]string{"push", "push", "push", "late", "stop", "refuse", "lose", "redrive", "drift", "verify"}).Draw(t, "kind"),
			Variant: rapid.IntRange(0, 3).Draw(t, "variant"),
		}
	}), 2, 7)
}

var orders = flag.Int("orders", 12, "how many sequences of changes TestOrder tries")

// Whatever the order of pushes, late and repeated events, executions that are
// stopped or fail, redrives, drift and its repair: only the holder of the lease works, the newest
// revision is what is applied in the end, there is one of everything, and what
// was given is as it was.
func TestOrder(t *testing.T) {
	t.Parallel()
	base := example(t, "existing-vpc")
	// What differs is what the endpoints let through.
	variant := func(n int) []byte {
		if n == 0 {
			return append(bytes.Clone(base), "  drift: Repair\n"...)
		}
		return bytes.Replace(base, []byte("\n  privateLink:\n"),
			fmt.Appendf(nil, "\n  privateLink:\n    endpointPolicies: restricted\n    dataBuckets: [lake-%d]\n", n), 1)
	}
	for seed := range *orders {
		sequence := changes().Example(seed)
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			inOrder(t, sequence, base, variant)
		})
	}
}

func inOrder(t *testing.T, sequence []change, base []byte, variant func(int) []byte) {
	s := newSceneOf(t, base)
	if err := s.Provide(t.Context(), s.spec); err != nil {
		t.Fatal(err)
	}
	given := s.belongings()
	h := &holders{scene: s}
	s.Executions.Watch(h.watch)
	s.World.Events.Duplicate(2)
	path := plan.SourcePrefix + s.spec.Metadata.Name + ".yaml"
	var mu sync.Mutex
	var versions []string
	newest := 0
	commit := func(n int) {
		mu.Lock()
		defer mu.Unlock()
		v, err := s.Commit(path, variant(n))
		if err != nil {
			t.Error(err)
		}
		versions, newest = append(versions, v), n
	}
	release := s.Clock.Hold()
	for _, c := range sequence {
		s.Clock.After(time.Duration(c.At)*time.Minute, func() {
			switch c.Kind {
			case "push":
				commit(c.Variant)
			case "late":
				mu.Lock()
				defer mu.Unlock()
				if len(versions) > 0 {
					s.lateEvent(path, versions[c.Variant%len(versions)])
				}
			case "stop":
				if x := s.newest(); x != "" {
					_, _ = s.sfn.StopExecution(context.Background(), &sfn.StopExecutionInput{ExecutionArn: aws.String(x)})
				}
			case "refuse":
				s.Hub.Inject(&wire.Fault{Kind: wire.Refuse, Mutating: true, Service: "ec2", After: c.Variant,
					Error: &wire.Error{Status: 403, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation."}})
			case "lose":
				s.Hub.Inject(&wire.Fault{Kind: wire.LoseReply, Mutating: true, After: c.Variant})
			case "drift":
				s.untag()
			case "verify":
				if len(versions) > 0 {
					s.startVerification()
				}
			case "redrive":
				if x := s.newest(); x != "" {
					_, _ = s.sfn.RedriveExecution(context.Background(), &sfn.RedriveExecutionInput{ExecutionArn: aws.String(x)})
				}
			}
		})
	}
	release()
	s.settle()
	s.Hub.Clear()
	// Whatever had failed: the author pushes the newest once more.
	commit(newest)
	s.settle()
	s.mustBeReady()
	if got, want := s.status().LastAppliedRevision, path+"@"+versions[len(versions)-1]; got != want {
		t.Errorf("%s is applied, the newest is %s", got, want)
	}
	for _, f := range h.faults {
		t.Error(f)
	}
	if diff := cmp.Diff(s.wantedOf(variant(newest)), s.Inventory()); diff != "" {
		t.Errorf("the world differs from one with one push:\n%s", diff)
	}
	after := s.belongings()
	for id, text := range given {
		if after[id] != text {
			t.Errorf("%s was %s and is %s", id, text, after[id])
		}
	}
}

// untag takes the names off all endpoints of the workspace.
func (s *scene) untag() {
	api := awsec2.NewFromConfig(s.somebody())
	for _, e := range s.EC2.Endpoints(s.Config.Region) {
		if e.Tags[plan.TagManaged] != plan.Owned {
			continue
		}
		// One that is gone meanwhile is none of the workspace's.
		_, _ = api.DeleteTags(context.Background(), &awsec2.DeleteTagsInput{Resources: []string{e.ID}, Tags: []ec2types.Tag{{Key: aws.String("Name")}}})
	}
}

// lateEvent delivers the event of a revision once more, with another digest of
// its content, so that it starts an execution.
func (s *scene) lateEvent(path, version string) {
	payload, err := json.Marshal(map[string]any{
		"source": "aws.s3", "detail-type": "Object Created", "detail": map[string]any{
			"bucket": map[string]string{"name": s.SourceBucket},
			"object": map[string]string{"key": path, "version-id": version, "etag": "late"},
		},
	})
	if err != nil {
		s.Error(err)
	}
	// Its failure is that of an event, which is delivered again.
	_, _ = s.Invoke(context.Background(), "Dispatch", payload)
}

// newest is the ARN of the newest execution, or empty.
func (s *scene) newest() string {
	list, err := s.sfn.ListExecutions(context.Background(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(s.StateMachineARN())})
	if err != nil || len(list.Executions) == 0 {
		return ""
	}
	return aws.ToString(list.Executions[0].ExecutionArn)
}

// wantedOf is what one push of a spec makes.
func (s *scene) wantedOf(text []byte) []string {
	w := newSceneOf(s.T, text)
	defer w.Close()
	if err := w.Provide(context.Background(), w.spec); err != nil {
		s.Fatal(err)
	}
	w.push(text)
	w.mustBeReady()
	return w.Inventory()
}
