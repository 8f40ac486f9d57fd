package source_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/smithy-go"
	"pgregory.net/rapid"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/source"
	"lakegate/lambda/plan"
)

// service is Step Functions with a bucket of tokens, which a pause fills.
type service struct {
	awsapi.Executions
	mu      sync.Mutex
	tokens  int
	refill  int
	names   map[string]int
	refused map[string]bool
	running int
	most    int
	pauses  []time.Duration
	patient int
}

func (s *service) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	s.enter(1)
	defer s.enter(-1)
	s.mu.Lock()
	defer s.mu.Unlock()
	name := aws.ToString(in.Name)
	if s.tokens == 0 {
		return nil, &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded"}
	}
	s.tokens--
	if s.refused[workspaceOf(name)] {
		return nil, &smithy.GenericAPIError{Code: "InvalidName"}
	}
	if s.names[name]++; s.names[name] > 1 {
		return nil, &smithy.GenericAPIError{Code: "ExecutionAlreadyExists"}
	}
	return &sfn.StartExecutionOutput{}, nil
}

func (s *service) enter(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running += n
	s.most = max(s.most, s.running)
}

func (s *service) pause(_ context.Context, d time.Duration) error {
	s.pauses = append(s.pauses, d)
	s.tokens += s.refill
	if s.patient--; s.patient < 0 {
		return context.DeadlineExceeded
	}
	return nil
}

func workspaceOf(execution string) string { return execution[:strings.LastIndex(execution, "-")] }

// pushed dispatches a push that adds so many specs.
func pushed(s *service, specs int, pause func(context.Context, time.Duration) error) func(context.Context) ([]source.Started, error) {
	g, files := newRepository(), tree{}
	for i := range specs {
		files[fmt.Sprintf("workspaces/spec-%d.yaml", i)] = "x"
	}
	g.commit("1", tree{})
	g.commit("2", files)
	d := source.Dispatcher{
		Starter: source.Starter{Executions: func() awsapi.Executions { return s }, StateMachine: "make", Pause: pause}, CodeCommit: g.source(),
	}
	return func(ctx context.Context) ([]source.Started, error) { return d.Dispatch(ctx, []byte(updated)) }
}

// However few starts are granted, and whichever executions are refused: each of
// the others is started exactly once, not all at once, and again changes nothing.
func TestManyStarts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		specs := rapid.IntRange(1, 60).Draw(t, "specs")
		s := &service{
			tokens: rapid.IntRange(0, 40).Draw(t, "tokens"), refill: rapid.IntRange(1, 20).Draw(t, "refill"),
			names: map[string]int{}, refused: map[string]bool{}, patient: 1000,
		}
		for _, i := range rapid.SliceOfN(rapid.IntRange(0, specs-1), 0, 3).Draw(t, "refused") {
			s.refused[fmt.Sprintf("spec-%d", i)] = true
		}
		dispatch := pushed(s, specs, s.pause)
		for range 2 {
			started, err := dispatch(context.Background())
			if (err != nil) != (len(s.refused) > 0) || failure.Is(err, plan.Throttled) {
				t.Fatalf("%d are refused: %v", len(s.refused), err)
			}
			if err == nil && len(started) != specs || len(s.names) != specs-len(s.refused) {
				t.Fatalf("%d of %d are started, %d refused", len(s.names), specs, len(s.refused))
			}
		}
		if s.most > 16 {
			t.Fatalf("%d are started at the same time", s.most)
		}
	})
}

// Nothing is granted: the pauses grow, and in the end the event comes again.
func TestNoStarts(t *testing.T) {
	t.Parallel()
	s := &service{names: map[string]int{}, patient: 9}
	_, err := pushed(s, 20, s.pause)(t.Context())
	if !failure.Is(err, plan.Throttled) || !strings.Contains(err.Error(), "starting 20 of 20 executions") {
		t.Fatalf("it ends with %v", err)
	}
	for i, p := range s.pauses {
		if least := min(time.Second<<i, 15*time.Second); p < least || p >= 2*least {
			t.Errorf("pause %d is %s", i, p)
		}
	}
}

// A pause ends with the invocation.
func TestPauseEndsWithTheInvocation(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := pushed(&service{}, 1, func(ctx context.Context, _ time.Duration) error { return ctx.Err() })(ctx); !failure.Is(err, plan.Throttled) {
		t.Fatalf("it ends with %v", err)
	}
}

// One start alone waits for Step Functions as well, and only for that.
func TestStartPatiently(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		s       *service
		want    string
		pauses  int
		started int
	}{
		"granted":                     {&service{tokens: 1, patient: 9}, "", 0, 1},
		"never granted":               {&service{refill: 0, patient: 9}, plan.Throttled, 10, 0},
		"granted after a pause":       {&service{refill: 1, patient: 9}, "", 1, 1},
		"refused for another reason":  {&service{tokens: 1, patient: 9, refused: map[string]bool{"osaka": true}}, plan.Internal, 0, 0},
		"no time left for any pauses": {&service{}, plan.Throttled, 1, 0},
	} {
		s := test.s
		s.names = map[string]int{}
		starter := source.Starter{Executions: func() awsapi.Executions { return s }, StateMachine: "make", Pause: s.pause}
		_, err := starter.StartPatiently(t.Context(), source.Change{Workspace: "osaka"}, "osaka-1", "")
		if got := classOf(err); got != test.want || len(s.pauses) != test.pauses || len(s.names) != test.started {
			t.Errorf("%s: it ends with %q after %d pauses, %d started: %v", name, got, len(s.pauses), len(s.names), err)
		}
	}
}

func classOf(err error) string {
	if err == nil {
		return ""
	}
	return failure.Classify(err).Class
}
