package emulator_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"

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
	for _, k := range s.KMS.Keys(s.Config.Region) {
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

var _ = fmt.Sprint
var _ = wire.Fault{}
var _ = spec.Retain
