package plan

import (
	"encoding/json"
	"fmt"
	"time"
)

// Step is one Task state of the state machine and one Lambda function.
type Step struct {
	// Name in CamelCase: the state's name, the function's suffix, the value of
	// STEP and, in snake_case, the name of its file.
	Name string
	// Doc is one sentence: the state's Comment and the README's row.
	Doc string
	// Result is the top-level key that the step adds to the document. Empty
	// means that the step makes the whole document.
	Result string
	// Input is what the function gets; nil means the document as it is.
	// Keys ending in ".$" are JSONPath, as in the Parameters of a state.
	Input map[string]any
	// Timeout of one invocation of the function.
	Timeout time.Duration
	// CallsWorkspace says that the function calls the API of the workspace
	// itself, and so has to run where the workspace admits callers.
	CallsWorkspace bool
	// Await makes the state a loop that is left when the step reports ready.
	Await *Await
	// Leave ends the execution early; nil means that it goes on.
	Leave *Leave
	// Final says that what the step adds is all that the execution leaves as its
	// output: the last step of a machine sums it up.
	Final bool
	// Patient says that the step only waits for what was begun: a newer execution
	// waits for it, too, so it is not superseded.
	Patient bool
	// Allow is what the function's role may do, beside what Common allows.
	Allow []Permission
}

// ResultIn finds what the step has added in what its state leaves. It is nil if
// there is nothing, as of a step that makes the whole document.
func (s Step) ResultIn(output []byte) json.RawMessage {
	var document map[string]json.RawMessage
	switch {
	case s.Result == "" || json.Unmarshal(output, &document) != nil:
		return nil
	case s.Final:
		return output
	}
	return document[s.Result]
}

// Await describes a loop of Task, Choice and Wait.
type Await struct {
	// Noun in CamelCase completes the names of the loop's other states:
	// <Noun>Ready (Choice) and WaitFor<Noun> (Wait).
	Noun string
	// Within is how long the loop may last before the step fails as TimedOut.
	Within time.Duration
}

// Leave ends an execution as a success when a step has found that there is
// nothing to do.
type Leave struct {
	// Name in CamelCase: the name of the state that ends the execution.
	Name string
	// Doc is one sentence.
	Doc string
	// Key of the step's result that says so.
	Key string
	// Choice is the name of the state that decides it; empty if that of Await does.
	Choice string
}

// Parallel is a state whose branches run side by side.
type Parallel struct {
	Name     string
	Doc      string
	Branches []Sequence
}

// Machine is a state machine.
type Machine struct {
	// ID in CamelCase: what the stack calls it.
	ID string
	// Name of the state machine in AWS.
	Name string
	// Doc is one sentence: the Comment of its definition.
	Doc string
	// Placeholder of its ARN, and the variable that holds it.
	Placeholder, Env string
	// Key of its diagram and table in the README, and of golden files.
	Key string
	// Graph of its steps.
	Graph Sequence
}

// Sequence is a list of nodes that run one after the other.
type Sequence []Node

// Node is a Step or a Parallel.
type Node interface{ node() }

func (Step) node()     {}
func (Parallel) node() {}

// Function is a Lambda function that is no state: it is invoked by a rule or a
// schedule.
type Function struct {
	// Name in CamelCase: the function's suffix and the value of STEP.
	Name string
	// Doc is one sentence.
	Doc string
	// Timeout of one invocation.
	Timeout time.Duration
	// CallsWorkspace is as that of a step.
	CallsWorkspace bool
	// Product of chat that it is for; empty means none. It is there if an operator
	// wants that.
	Product string
	// OnError says what it means when it fails, and what to do first: a part of the
	// description of its alarm.
	OnError string
	// Allow is what the function's role may do.
	Allow []Permission
}

// Rule is an EventBridge rule that invokes a function.
type Rule struct {
	// Name in CamelCase.
	Name string
	// Doc is one sentence: the rule's description.
	Doc string
	// Pattern is the event pattern, JSON with placeholders.
	Pattern string
	// Target is the name of the function that is invoked.
	Target string
	// MaxAge and MaxAttempts bound the retries before an event goes to the
	// dead-letter queue.
	MaxAge      time.Duration
	MaxAttempts int
	// Source that it watches; empty means that it watches none.
	Source string
	// Bus that it watches; empty means the account's default one.
	Bus string
	// Product of chat that it is for; empty means none.
	Product string
}

// Schedule is a schedule of EventBridge Scheduler that invokes a function.
type Schedule struct {
	// Name in CamelCase.
	Name string
	// Doc is one sentence: the schedule's description.
	Doc string
	// Expression says when, if an operator does not say otherwise: rate(1 day), or
	// cron with six fields, in UTC.
	Expression string
	// Window in which the function is invoked, beginning at that time.
	Window time.Duration
	// Target is the name of the function that is invoked.
	Target string
	// Input of the function, JSON with the scheduler's own attributes, such as
	// <aws.scheduler.scheduled-time>.
	Input string
	// MaxAge and MaxAttempts bound the retries before an invocation goes to the
	// dead-letter queue.
	MaxAge      time.Duration
	MaxAttempts int
}

// Steps returns the steps of a sequence in the order in which they are written.
func (s Sequence) Steps() []Step {
	var steps []Step
	for _, n := range s {
		switch n := n.(type) {
		case Step:
			steps = append(steps, n)
		case Parallel:
			for _, b := range n.Branches {
				steps = append(steps, b.Steps()...)
			}
		}
	}
	return steps
}

// check reports what makes a graph unusable: a name or result key that is used
// twice, an empty branch, a step without a sentence or a deadline.
func (s Sequence) check() error {
	names, results := map[string]bool{}, map[string]bool{}
	claim := func(kind, name string, taken map[string]bool) error {
		if name == "" || taken[name] {
			return fmt.Errorf("plan: %s %q is empty or used twice", kind, name)
		}
		taken[name] = true
		return nil
	}
	var walk func(Sequence) error
	walk = func(s Sequence) error {
		if len(s) == 0 {
			return fmt.Errorf("plan: a sequence is empty")
		}
		for _, n := range s {
			switch n := n.(type) {
			case Step:
				if err := claim("state", n.Name, names); err != nil {
					return err
				}
				if n.Result != "" {
					if err := claim("result", n.Result, results); err != nil {
						return err
					}
				}
				if n.Doc == "" || n.Timeout <= 0 {
					return fmt.Errorf("plan: step %s has no sentence or no timeout", n.Name)
				}
				var more []string
				if n.Await != nil {
					more = append(more, n.Await.choice(), n.Await.Pause())
				}
				if n.Leave != nil {
					more = append(more, n.Leave.Name)
					if n.Await == nil {
						more = append(more, n.Leave.Choice)
					}
				}
				for _, name := range more {
					if err := claim("state", name, names); err != nil {
						return err
					}
				}
			case Parallel:
				if err := claim("state", n.Name, names); err != nil {
					return err
				}
				for _, b := range n.Branches {
					if err := walk(b); err != nil {
						return err
					}
				}
			}
		}
		return nil
	}
	return walk(s)
}

func (a *Await) choice() string { return a.Noun + "Ready" }

// Pause is the name of the state that waits until the next look.
func (a *Await) Pause() string { return "WaitFor" + a.Noun }

func (a *Await) done() string { return a.Noun + "Done" }
