package page

import (
	"encoding/json"
	"net/http"
	"strings"

	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/internal/emulator/stepfunctions"
)

func executionOf(v stepfunctions.View) execution {
	var in struct{ Workspace string }
	// One that was started by hand may have any input, and then has no workspace.
	_ = json.Unmarshal([]byte(v.Input), &in)
	return execution{
		ARN: v.ARN, Name: v.Name, Machine: v.MachineARN[strings.LastIndex(v.MachineARN, ":")+1:], Workspace: in.Workspace,
		Status: v.Status, Start: v.Start, Stop: v.Stop, Redrives: v.Redrives, Events: v.Events,
	}
}

// detail is an execution with how far it has come.
type detail struct {
	execution
	// Input is JSON, as text.
	Input string `json:"input"`
	// Left is the state by which it ended early.
	Left string `json:"left,omitempty"`
	// Failure is how it failed.
	Failure *stepFailure    `json:"failure,omitempty"`
	Steps   map[string]step `json:"steps"`
}

func (p *page) execution(r *http.Request) (any, error) {
	v, ok := p.world.Executions.View(r.FormValue("arn"))
	if !ok {
		return nil, unknown("the execution " + r.FormValue("arn"))
	}
	out := detail{execution: executionOf(v), Input: v.Input, Steps: map[string]step{}}
	if v.Error != "" || v.Cause != "" {
		f := failureOf(v.Stop, v.Error, v.Cause)
		out.Failure = &f
	}
	p.follow(v.ARN, func(now *progress) {
		out.Left = now.left
		for name, s := range now.steps {
			out.Steps[name] = *s
		}
	})
	return out, nil
}

// follow shows how far an execution has come.
func (p *page) follow(arn string, show func(*progress)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.progress[arn]
	if now == nil {
		now = newProgress()
		p.progress[arn] = now
	}
	now.follow(p.world.Executions, arn)
	show(now)
}

// data is what flowed into a step and out of it, as the console's view of a
// state shows it.
type data struct {
	step
	// Input of the state, what its function was invoked with and the output of the
	// state are JSON, as text.
	Input   string `json:"input"`
	Payload string `json:"payload,omitempty"`
	Output  string `json:"output,omitempty"`
}

func (p *page) step(r *http.Request) (any, error) {
	arn, name := r.FormValue("arn"), r.FormValue("name")
	var out data
	if _, ok := p.world.Executions.View(arn); !ok {
		return nil, unknown("the execution " + arn)
	}
	p.follow(arn, func(now *progress) {
		if s := now.steps[name]; s != nil {
			out.step = *s
		}
	})
	if out.State == "" {
		return nil, unknown("the state " + name + " of " + arn)
	}
	at := func(n int, key string) string {
		if n == 0 {
			return ""
		}
		events := p.world.Executions.History(arn, n-1)
		if len(events) == 0 {
			return ""
		}
		return textOf(events[0], key)
	}
	out.Input, out.Payload, out.Output = at(out.input, "input"), at(out.payload, "input"), at(out.output, "output")
	return out, nil
}

func textOf(e asl.Event, key string) string {
	s, _ := e.Details[key].(string)
	return s
}
