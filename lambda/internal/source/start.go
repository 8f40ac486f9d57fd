package source

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// Starter starts executions, for events and for what no event has told of.
type Starter struct {
	Executions func() awsapi.Executions
	// StateMachine and Retirement are the ARNs of the state machines for specs that
	// are there and that are not.
	StateMachine, Retirement string
	// Pause waits within an invocation.
	Pause func(context.Context, time.Duration) error
}

// shortestPause is in which Step Functions grants some hundred more starts,
// longestPause how rarely it is asked when it grants none.
const shortestPause, longestPause = time.Second, 30 * time.Second

// Machine is the ARN of the state machine for a change.
func (s *Starter) Machine(c Change) string {
	if c.Deleted {
		return s.Retirement
	}
	return s.StateMachine
}

// Start starts the execution of a change under a name. Already says that there
// is, or was, one of that name.
func (s *Starter) Start(ctx context.Context, c Change, name, mode string) (already bool, err error) {
	input, err := json.Marshal(document.Input{Workspace: c.Workspace, Revision: c.Revision, Mode: mode})
	if err != nil {
		return false, fmt.Errorf("encoding input of execution %s: %w", name, err)
	}
	_, err = s.Executions().StartExecution(ctx, &sfn.StartExecutionInput{
		StateMachineArn: aws.String(s.Machine(c)), Name: aws.String(name), Input: aws.String(string(input)),
	})
	already = failure.Code(err) == "ExecutionAlreadyExists"
	if err != nil && !already {
		return false, fmt.Errorf("starting execution %s: %w", name, err)
	}
	return already, nil
}

// StartPatiently is Start, repeated as long as Step Functions asks for fewer
// calls and there is time.
func (s *Starter) StartPatiently(ctx context.Context, c Change, name, mode string) (already bool, err error) {
	for pause := shortestPause; ; pause = min(2*pause, longestPause) {
		already, err = s.Start(ctx, c, name, mode)
		if !failure.Is(err, plan.Throttled) || s.pause(ctx, pause) != nil {
			return already, err
		}
	}
}

// pause waits for half of a time and something: others may be waiting for the
// same.
func (s *Starter) pause(ctx context.Context, about time.Duration) error {
	d := about/2 + rand.N(about/2) //nolint:gosec // spreads calls
	return s.Pause(ctx, d)
}
