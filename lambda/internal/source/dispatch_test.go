package source_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/source"
)

// starts notes which state machines are started.
type starts struct {
	awsapi.Executions
	mu       sync.Mutex
	machines []string
}

func (s *starts) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machines = append(s.machines, aws.ToString(in.StateMachineArn))
	return &sfn.StartExecutionOutput{}, nil
}

// bucket is an Amazon S3 with one bucket: versions by key.
type bucket map[string]string

func (b bucket) source() *source.S3 {
	return &source.S3{Objects: func() awsapi.Objects { return objects{b: b} }}
}

type objects struct {
	awsapi.Objects
	b bucket
}

func (o objects) HeadObject(_ context.Context, in *s3.HeadObjectInput, _ ...func(*s3.Options)) (*s3.HeadObjectOutput, error) {
	version, ok := o.b[aws.ToString(in.Key)]
	if !ok {
		return nil, &smithy.GenericAPIError{Code: "NotFound"}
	}
	return &s3.HeadObjectOutput{VersionId: &version, ETag: aws.String(`"` + version + `"`)}, nil
}

// A spec that was deleted is retired; a file that never was one is not; and of two
// files for one workspace the other one is applied, anew.
func TestDispatch(t *testing.T) {
	t.Parallel()
	deleted := strings.NewReplacer("Object Created", "Object Deleted", `"reason":"PutObject"`,
		`"reason":"DeleteObject","deletion-type":"Delete Marker Created"`).Replace(created)
	elsewhere := func(event string) string { return strings.ReplaceAll(event, "tokyo.yaml", "NOTES.yaml") }
	for name, test := range map[string]struct {
		event string
		there bucket
		want  []string
	}{
		"created":        {created, nil, []string{"make"}},
		"deleted":        {deleted, nil, []string{"retire"}},
		"no spec":        {elsewhere(created), nil, []string{"make"}},
		"no spec, again": {elsewhere(deleted), nil, nil},
		"one of two":     {deleted, bucket{"workspaces/tokyo.yml": "1"}, []string{"make"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &starts{}
			d := source.Dispatcher{S3: test.there.source(), Starter: source.Starter{
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
