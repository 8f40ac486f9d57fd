package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"time"
)

// machineTimeout ends an execution that no deadline of a step has ended.
// Longest is the wait for a slot.
const machineTimeout = 8 * 24 * time.Hour

// Definition renders the machine as Amazon States Language with a ${Name}
// placeholder for the ARN of each step's function. It panics on a graph that
// is not well formed, since that is a defect of this package.
//
// Source: https://states-language.net/spec.html
func (machine Machine) Definition() []byte {
	if err := machine.Graph.check(); err != nil {
		panic(err)
	}
	m := renderSequence(machine.Graph, "")
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(aslMachine{
		Comment:        machine.Doc,
		TimeoutSeconds: seconds(machineTimeout),
		StartAt:        m.StartAt,
		States:         m.States,
	}); err != nil {
		panic(err)
	}
	return out.Bytes()
}

type aslMachine struct {
	Comment        string    `json:",omitempty"`
	TimeoutSeconds int       `json:",omitempty"`
	StartAt        string    `json:"StartAt"`
	States         aslStates `json:"States"`
}

// aslStates keeps the order of the graph, so that the definition reads from
// top to bottom.
type aslStates []aslState

type aslState struct {
	name           string
	Type           string
	Comment        string            `json:",omitempty"`
	Resource       string            `json:",omitempty"`
	Parameters     map[string]any    `json:",omitempty"`
	TimeoutSeconds int               `json:",omitempty"`
	Branches       []aslMachine      `json:",omitempty"`
	Choices        []aslChoice       `json:",omitempty"`
	Default        string            `json:",omitempty"`
	SecondsPath    string            `json:",omitempty"`
	ResultSelector map[string]string `json:",omitempty"`
	ResultPath     string            `json:",omitempty"`
	OutputPath     string            `json:",omitempty"`
	Retry          []aslRetrier      `json:",omitempty"`
	Next           string            `json:",omitempty"`
	End            bool              `json:",omitempty"`
}

type aslChoice struct {
	Variable      string
	BooleanEquals bool
	Next          string
}

type aslRetrier struct {
	ErrorEquals     []string
	IntervalSeconds int
	MaxAttempts     int
	BackoffRate     float64
	MaxDelaySeconds int
	JitterStrategy  string
}

func (s aslStates) MarshalJSON() ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	out.WriteByte('{')
	for i, state := range s {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := enc.Encode(state.name); err != nil {
			return nil, err
		}
		out.WriteByte(':')
		if err := enc.Encode(state); err != nil {
			return nil, err
		}
	}
	out.WriteByte('}')
	return out.Bytes(), nil
}

// renderSequence renders nodes one after the other; after the last one comes
// next, or the end if next is empty.
func renderSequence(nodes Sequence, next string) aslMachine {
	m := aslMachine{StartAt: nodeName(nodes[0])}
	for i, n := range nodes {
		following := next
		if i+1 < len(nodes) {
			following = nodeName(nodes[i+1])
		}
		switch n := n.(type) {
		case Step:
			m.States = append(m.States, renderStep(n, following)...)
		case Parallel:
			m.States = append(m.States, renderParallel(n, following))
		}
	}
	return m
}

func nodeName(n Node) string {
	switch n := n.(type) {
	case Step:
		return n.Name
	case Parallel:
		return n.Name
	default:
		panic(fmt.Sprintf("plan: unknown node %T", n))
	}
}

func renderStep(s Step, next string) []aslState {
	task := aslState{
		name: s.Name, Type: "Task", Comment: s.Doc,
		Resource:   "${" + s.Name + "}",
		Parameters: s.Input,
		// The function ends first, with an error of its own.
		TimeoutSeconds: seconds(s.Timeout) + 10,
		ResultPath:     "$",
		Retry:          renderRetriers(),
		Next:           next, End: next == "",
	}
	if s.Result != "" {
		task.ResultPath = "$." + s.Result
	}
	if s.Final {
		task.OutputPath = task.ResultPath
	}
	if s.Await == nil && s.Leave == nil {
		return []aslState{task}
	}
	choice := aslState{Type: "Choice", Default: next, Comment: s.choiceDoc()}
	if l := s.Leave; l != nil {
		choice.name = l.Choice
		choice.Choices = append(choice.Choices, aslChoice{Variable: "$." + s.Result + "." + l.Key, BooleanEquals: true, Next: l.Name})
	}
	if s.Await != nil {
		after := next
		if after == "" {
			after = s.Await.done()
		}
		choice.name, choice.Default = s.Await.choice(), s.Await.Pause()
		choice.Choices = append(choice.Choices, aslChoice{Variable: "$." + s.Result + ".ready", BooleanEquals: true, Next: after})
	}
	task.Next, task.End = choice.name, false
	states := []aslState{task, choice}
	if s.Await != nil {
		states = append(states, aslState{
			name: s.Await.Pause(), Type: "Wait",
			Comment:     "As long as " + s.Name + " proposes, from how long it usually takes.",
			SecondsPath: "$." + s.Result + ".pauseSeconds",
			Next:        s.Name,
		})
	}
	if l := s.Leave; l != nil {
		states = append(states, aslState{name: l.Name, Type: "Succeed", Comment: l.Doc})
	}
	if s.Await != nil && next == "" {
		// A Choice cannot be the end of a branch.
		states = append(states, aslState{name: s.Await.done(), Type: "Succeed", Comment: "Ends this branch."})
	}
	return states
}

// choiceDoc says what the state after the step decides.
func (s Step) choiceDoc() string {
	switch {
	case s.Leave == nil:
		return "Goes on when " + s.Name + " says that it is ready; otherwise it looks again after a pause."
	case s.Await == nil:
		return "Goes on, or ends the execution if " + s.Name + " says that there is nothing to do."
	default:
		return "Goes on when " + s.Name + " says that it is ready, or ends the execution if there is nothing to do; otherwise it looks again after a pause."
	}
}

// renderParallel merges what the branches added to their copies of the
// document; JsonMerge takes two objects, so it is nested once per branch.
func renderParallel(p Parallel, next string) aslState {
	state := aslState{
		name: p.Name, Type: "Parallel", Comment: p.Doc,
		OutputPath: "$.document",
		Next:       next, End: next == "",
	}
	merged := "$[0]"
	for i, b := range p.Branches {
		state.Branches = append(state.Branches, renderSequence(b, ""))
		if i > 0 {
			merged = fmt.Sprintf("States.JsonMerge(%s, $[%d], false)", merged, i)
		}
	}
	state.ResultSelector = map[string]string{"document.$": merged}
	return state
}

func renderRetriers() []aslRetrier {
	var out []aslRetrier
	for _, r := range Retriers() {
		out = append(out, aslRetrier{
			ErrorEquals:     r.Errors,
			IntervalSeconds: seconds(r.Interval),
			MaxAttempts:     r.MaxAttempts,
			BackoffRate:     r.BackoffRate,
			MaxDelaySeconds: seconds(r.MaxDelay),
			JitterStrategy:  "FULL",
		})
	}
	return out
}

func seconds(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
