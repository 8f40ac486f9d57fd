package stepfunctions

import (
	"slices"
	"time"

	"lakegate/lambda/internal/emulator/asl"
)

// View is an execution as it is, for people to look at.
type View struct {
	ARN, Name, MachineARN string
	// Input is JSON.
	Input string
	// Status is RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED.
	Status string
	// Error and Cause are those of an execution that failed.
	Error, Cause string
	// Start, and Stop of one that has ended.
	Start, Stop time.Time
	Redrives    int
	// Events counts those of its history.
	Events int
}

// Views returns the latest executions of all machines, the newest first, and at
// most a number of them.
func (s *Service) Views(most int) []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []View
	for _, arn := range slices.Backward(s.order) {
		if len(out) == most {
			break
		}
		out = append(out, s.executions[arn].view())
	}
	return out
}

// View returns one execution.
func (s *Service) View(arn string) (View, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.executions[arn]
	if x == nil {
		return View{}, false
	}
	return x.view(), true
}

func (x *execution) view() View {
	v := View{
		ARN: x.arn, Name: x.name, MachineARN: x.machineARN, Input: x.input, Status: x.status,
		Start: x.start, Redrives: x.redrives, Events: x.recorded,
	}
	switch x.status {
	case "RUNNING":
	case "ABORTING":
		v.Status = "RUNNING"
	default:
		v.Stop = x.stop
	}
	if x.failed != nil {
		v.Error, v.Cause = x.failed.Error, x.failed.Cause
	}
	return v
}

// History returns the events of an execution from the n-th, in the order in
// which they happened.
func (s *Service) History(arn string, n int) []asl.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.executions[arn]
	if x == nil || n >= len(x.events) {
		return nil
	}
	return slices.Clone(x.events[n:])
}
