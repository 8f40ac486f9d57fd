package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// history is what an execution has done.
type history struct {
	// open are the steps that it is in, with a remark on those that wait.
	open []string
	// done are the steps that it has done, oldest first; a step that waits is there
	// once, as it was seen last.
	done []done
}

// history reads the history of an execution; one that is not known any more has
// none. Without outcomes it is a fraction of the data.
// https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
func (s *stack) history(ctx context.Context, execution string, outcomes bool) (history, error) {
	var h history
	if execution == "" {
		return h, nil
	}
	steps, waits := map[string]plan.Step{}, map[string]string{}
	for _, step := range plan.Steps() {
		steps[step.Name] = step
		if step.Await != nil {
			waits[step.Await.Pause()] = step.Name
		}
	}
	entered := map[string]bool{}
	pages := sfn.NewGetExecutionHistoryPaginator(s.executions, &sfn.GetExecutionHistoryInput{
		ExecutionArn: &execution, MaxResults: 1000, IncludeExecutionData: &outcomes,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			if failure.Code(err) == "ExecutionDoesNotExist" {
				return history{}, nil
			}
			return h, fmt.Errorf("reading the history of execution %s: %w", execution, err)
		}
		for _, e := range page.Events {
			switch {
			case e.StateEnteredEventDetails != nil:
				entered[aws.ToString(e.StateEnteredEventDetails.Name)] = true
			case e.StateExitedEventDetails != nil:
				name := aws.ToString(e.StateExitedEventDetails.Name)
				delete(entered, name)
				if step, ok := steps[name]; ok {
					h.done = slices.DeleteFunc(h.done, func(d done) bool { return d.step == name })
					h.done = append(h.done, done{aws.ToTime(e.Timestamp), name, outcomeOf(step, e.StateExitedEventDetails.Output)})
				}
			case ended(e.Type):
				clear(entered)
			}
		}
	}
	for name := range entered {
		if _, ok := steps[name]; ok {
			h.open = append(h.open, name)
		}
		if step, ok := waits[name]; ok {
			h.open = append(h.open, step+" (waits)")
		}
	}
	slices.Sort(h.open)
	return h, nil
}

// ended says whether an event is the end of an execution, in whichever state it
// was.
func ended(kind types.HistoryEventType) bool {
	switch kind {
	case types.HistoryEventTypeExecutionFailed, types.HistoryEventTypeExecutionAborted, types.HistoryEventTypeExecutionTimedOut,
		types.HistoryEventTypeExecutionSucceeded:
		return true
	default:
		return false
	}
}
