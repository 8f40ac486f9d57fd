package page

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/internal/emulator/stepfunctions"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// States of a step.
const (
	running   = "running"
	waiting   = "waiting"
	retrying  = "retrying"
	succeeded = "succeeded"
	failed    = "failed"
	// stopped is a step that was at work when another one failed.
	stopped = "stopped"
)

// step is how far a step or a frame of an execution has come. One that was not
// entered has none.
type step struct {
	State string `json:"state"`
	// Outcome and Reason are what the step says that it did.
	Outcome string `json:"outcome,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// Entered first, and Exited last.
	Entered time.Time `json:"entered"`
	Exited  time.Time `json:"exited,omitzero"`
	// Visits counts how often it was entered, which is more than once for one
	// that waits or was redriven, Attempts the invocations of its function.
	Visits   int `json:"visits,omitempty"`
	Attempts int `json:"attempts,omitempty"`
	// Failures are those of its function, the latest last.
	Failures []stepFailure `json:"failures,omitempty"`

	// input, payload and output are the numbers of the events that have them, and
	// one more.
	input, payload, output int
}

// stepFailure is an invocation that failed.
type stepFailure struct {
	Time time.Time `json:"time"`
	// Class says who acts.
	Class   string `json:"class"`
	Message string `json:"message"`
	// Remedy says what to do.
	Remedy string `json:"remedy"`
	// Again says that the step was tried again.
	Again bool `json:"again"`
}

// progress is how far an execution has come, read from its history.
type progress struct {
	steps map[string]*step
	// left is the state that ended the execution early.
	left string
	read int
	// owner is the state in which an event happened, by the event's id.
	owner map[int64]string
}

// stepOf has the steps and, without anything, the frames by their names; leaves
// are the states that end an execution early.
var stepOf, leaves = func() (map[string]plan.Step, map[string]bool) {
	steps, ends := map[string]plan.Step{}, map[string]bool{}
	var walk func(plan.Sequence)
	walk = func(s plan.Sequence) {
		for _, n := range s {
			switch n := n.(type) {
			case plan.Step:
				steps[n.Name] = n
				if n.Leave != nil {
					ends[n.Leave.Name] = true
				}
			case plan.Parallel:
				steps[n.Name] = plan.Step{}
				for _, b := range n.Branches {
					walk(b)
				}
			}
		}
	}
	for _, m := range plan.Machines() {
		walk(m.Graph)
	}
	return steps, ends
}()

func newProgress() *progress {
	return &progress{steps: map[string]*step{}, owner: map[int64]string{}}
}

// follow reads what is new in the history of an execution.
func (p *progress) follow(s *stepfunctions.Service, arn string) {
	for _, e := range s.History(arn, p.read) {
		p.read++
		p.event(e)
	}
}

func (p *progress) event(e asl.Event) {
	text := func(key string) string { return textOf(e, key) }
	name := p.owner[e.PreviousID]
	if strings.HasSuffix(e.Type, "StateEntered") || strings.HasSuffix(e.Type, "StateExited") {
		name = text("name")
	}
	p.owner[e.ID] = name
	switch e.Type {
	case "ExecutionFailed", "ExecutionTimedOut", "ExecutionAborted":
		p.end(e, name, text("error"), text("cause"))
		return
	case "SucceedStateEntered":
		if leaves[name] {
			p.left = name
		}
		return
	}
	if _, known := stepOf[name]; !known {
		return
	}
	s := p.steps[name]
	if s == nil {
		s = &step{Entered: e.Time}
		p.steps[name] = s
	}
	switch e.Type {
	case "TaskStateEntered", "ParallelStateEntered":
		s.State, s.Exited, s.Outcome, s.Reason = running, time.Time{}, "", ""
		s.Visits++
		s.input, s.output = p.read, 0
	case "LambdaFunctionScheduled":
		s.State = running
		s.Attempts++
		s.payload = p.read
		if n := len(s.Failures); n > 0 {
			s.Failures[n-1].Again = true
		}
	case "LambdaFunctionFailed":
		s.State = retrying
		s.Failures = append(s.Failures, failureOf(e.Time, text("error"), text("cause")))
	case "TaskStateExited", "ParallelStateExited":
		s.exit(e.Time, name, text("output"))
		s.output = p.read
	}
}

// exit notes what a step says that it did.
func (s *step) exit(at time.Time, name, output string) {
	s.State, s.Exited = succeeded, at
	var did struct{ Outcome, Reason string }
	if json.Unmarshal(stepOf[name].ResultIn([]byte(output)), &did) != nil {
		return
	}
	s.Outcome, s.Reason = did.Outcome, did.Reason
	if did.Outcome == "Waiting" {
		s.State = waiting
	}
}

// end says of all that was at work why it goes on no more. Last is the state in
// which the execution failed.
func (p *progress) end(e asl.Event, last, class, cause string) {
	for name, s := range p.steps {
		switch {
		case s.State == succeeded || s.State == failed || s.State == stopped:
			continue
		case name == last && e.Type == "ExecutionFailed":
			if s.State != retrying {
				s.Failures = append(s.Failures, failureOf(e.Time, class, cause))
			}
			s.State = failed
		default:
			s.State = stopped
		}
		s.Exited = e.Time
	}
	// A frame fails with what is in it.
	for name, inner := range within {
		frame := p.steps[name]
		if frame != nil && frame.State == stopped && slices.ContainsFunc(inner, func(name string) bool {
			return p.steps[name] != nil && p.steps[name].State == failed
		}) {
			frame.State = failed
		}
	}
}

// within are the steps in each frame.
var within = func() map[string][]string {
	all := map[string][]string{}
	var walk func(plan.Sequence)
	walk = func(s plan.Sequence) {
		for _, n := range s {
			if frame, ok := n.(plan.Parallel); ok {
				for _, b := range frame.Branches {
					for _, inner := range b.Steps() {
						all[frame.Name] = append(all[frame.Name], inner.Name)
					}
					walk(b)
				}
			}
		}
	}
	for _, m := range plan.Machines() {
		walk(m.Graph)
	}
	return all
}()

// failureOf takes apart how a function failed.
func failureOf(at time.Time, class, cause string) stepFailure {
	var c struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal([]byte(cause), &c) == nil && c.Message != "" {
		cause = c.Message
	}
	f := stepFailure{Time: at, Class: class}
	f.Message, f.Remedy = failure.Split(failure.Scrub(cause))
	if f.Remedy == "" {
		f.Remedy = failure.Remedy(class)
	}
	return f
}
