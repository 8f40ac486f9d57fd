package source

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
)

// Starter starts executions, for events and for what no event has told of.
type Starter struct {
	Executions func() awsapi.Executions
	// StateMachine and Retirement are the ARNs of the state machines for specs that
	// are there and that are not.
	StateMachine, Retirement string
}

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
