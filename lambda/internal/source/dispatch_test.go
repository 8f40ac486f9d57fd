package source_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/source"
)

// starts notes which state machines are started.
type starts struct {
	awsapi.Executions
	machines []string
}

func (s *starts) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	s.machines = append(s.machines, aws.ToString(in.StateMachineArn))
	return &sfn.StartExecutionOutput{}, nil
}

// A spec that was deleted is retired; a file that never was one is not.
func TestDispatch(t *testing.T) {
	t.Parallel()
	deleted := strings.NewReplacer("Object Created", "Object Deleted", `"reason":"PutObject"`,
		`"reason":"DeleteObject","deletion-type":"Delete Marker Created"`).Replace(created)
	elsewhere := func(event string) string { return strings.ReplaceAll(event, "tokyo.yaml", "NOTES.yaml") }
	for name, test := range map[string]struct {
		event string
		want  []string
	}{
		"created":        {created, []string{"make"}},
		"deleted":        {deleted, []string{"retire"}},
		"no spec":        {elsewhere(created), []string{"make"}},
		"no spec, again": {elsewhere(deleted), nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &starts{}
			d := source.Dispatcher{Starter: source.Starter{
				Executions: func() awsapi.Executions { return s }, StateMachine: "make", Retirement: "retire",
			}}
			if _, err := d.Dispatch(t.Context(), []byte(test.event)); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, s.machines); diff != "" {
				t.Error(diff)
			}
		})
	}
}
