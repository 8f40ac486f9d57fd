package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/terminal"
	"lakegate/lambda/plan"
)

// follower knows what the executions of a world do.
type follower struct {
	out io.Writer
	now func() time.Time

	mu sync.Mutex
	// live means that lines wait until a view takes them; else they are written
	// as they come.
	live bool
	// stopped means that nobody wants to know what executions do now.
	stopped bool
	// runs that have not succeeded, in the order in which they began.
	runs []*execution
	// lines that the view has not taken, and the beginning of one that was
	// written here.
	lines []line
	begun []byte
}

// execution is one that has not succeeded.
type execution struct {
	arn, name string
	start     time.Time
	// active are the steps that run or wait, in the order in which they began.
	active []*activity
	// steps by the id of the last event of what runs side by side: a function's
	// failure says of no state to which it belongs.
	steps map[int64]string
	// troubled is the step whose function failed last.
	troubled string
	// failed is how the execution ended, nil while it has not failed.
	failed *line
}

// activity is a step that has not ended.
type activity struct {
	step  string
	since time.Time
	// did is what it says: why it waits, or how it failed before it was tried
	// again.
	did line
}

// line is one thing that an execution did.
type line struct {
	// who is the workspace, where more than one execution is at work.
	who string
	// title begins an execution; text is what others wrote. Such lines have
	// nothing else.
	title, text string
	at          time.Duration
	mark        string
	step        string
	// outcome of a step, or the class of a failure.
	outcome, reason string
	// remedy, of a failure that ended an execution.
	remedy string
}

// The marks of lines.
const (
	done    = "✓"
	waiting = "…"
	trouble = "!"
	failed  = "✗"
)

// stepOf has the steps by their names.
var stepOf = func() map[string]plan.Step {
	steps := map[string]plan.Step{}
	for _, s := range plan.Steps() {
		steps[s.Name] = s
	}
	return steps
}()

// follow shows the executions of a world from now on: on a terminal in a view
// that moves, else as lines. Until stop has returned, all else has to be written
// to the writer, which puts it between the lines.
func follow(w *emulator.World, out io.Writer) (writer io.Writer, stop func()) {
	f := &follower{out: out, now: w.Clock.Now}
	hide := func() {}
	if isTerminal(out) {
		hide = f.show()
	}
	w.Executions.Watch(f.event)
	return f, func() {
		f.mu.Lock()
		f.stopped = true
		f.mu.Unlock()
		hide()
	}
}

// Write takes what else there is to say.
func (f *follower) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.live {
		return terminal.Writer{Out: f.out}.Write(p)
	}
	f.begun = append(f.begun, p...)
	for {
		text, rest, found := bytes.Cut(f.begun, []byte("\n"))
		if !found {
			return len(p), nil
		}
		f.lines, f.begun = append(f.lines, line{text: terminal.Literal(string(text))}), rest
	}
}

// take returns the lines that have not been shown.
func (f *follower) take() []line {
	f.mu.Lock()
	defer f.mu.Unlock()
	lines := f.lines
	f.lines = nil
	return lines
}

// settle ends a view: what it has not shown is written, and so is what comes.
func (f *follower) settle() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.lines {
		fmt.Fprintln(f.out, l.plain())
	}
	_, _ = terminal.Writer{Out: f.out}.Write(f.begun)
	f.lines, f.begun, f.live = nil, nil, false
}

func (f *follower) event(arn string, e asl.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stopped {
		return
	}
	r := f.execution(arn, e.Time)
	text := func(key string) string { s, _ := e.Details[key].(string); return s }
	step := r.steps[e.PreviousID]
	delete(r.steps, e.PreviousID)
	switch e.Type {
	case "ExecutionStarted":
		f.tell(r, line{title: "execution " + r.name})
	case "ExecutionRedriven":
		r.failed = nil
		f.tell(r, line{at: e.Time.Sub(r.start), mark: " ", step: "redriven"})
	case "TaskStateEntered":
		r.steps[e.ID] = text("name")
		r.enter(text("name"), e.Time)
	case "LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionSucceeded":
		r.steps[e.ID] = step
	case "LambdaFunctionFailed":
		r.steps[e.ID], r.troubled = step, step
		what, _, _ := strings.Cut(message(text("cause")), "\n")
		l := line{at: e.Time.Sub(r.start), mark: trouble, step: step, outcome: text("error"), reason: what}.literal()
		r.note(step, l)
		f.tell(r, l)
	case "TaskStateExited":
		f.exit(r, e.Time, text("name"), text("output"))
	case "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut":
		what, remedy := failure.Split(message(text("cause")))
		where := e.Type
		if e.Type == "ExecutionFailed" && r.troubled != "" {
			where += " in " + r.troubled
		}
		l := line{at: e.Time.Sub(r.start), mark: failed, step: where, outcome: text("error"), reason: what, remedy: remedy}.literal()
		r.active, r.failed = nil, &l
		f.tell(r, l)
	case "ExecutionSucceeded":
		f.tell(r, line{at: e.Time.Sub(r.start), mark: done, step: "execution succeeded"})
		f.runs = slices.DeleteFunc(f.runs, func(other *execution) bool { return other == r })
	}
}

// execution returns one by its ARN. A new one takes the place of failed ones of its
// workspace.
func (f *follower) execution(arn string, at time.Time) *execution {
	for _, r := range f.runs {
		if r.arn == arn {
			return r
		}
	}
	r := &execution{arn: arn, name: arn[strings.LastIndex(arn, ":")+1:], start: at, steps: map[int64]string{}}
	f.runs = slices.DeleteFunc(f.runs, func(other *execution) bool {
		return other.failed != nil && other.workspace() == r.workspace()
	})
	f.runs = append(f.runs, r)
	return r
}

// workspace that the execution works on: its name has the workspace's first.
func (r *execution) workspace() string { return r.name[:max(0, strings.LastIndex(r.name, "-"))] }

func (r *execution) enter(step string, at time.Time) {
	if !slices.ContainsFunc(r.active, func(a *activity) bool { return a.step == step }) {
		r.active = append(r.active, &activity{step: step, since: at})
	}
}

func (r *execution) note(step string, l line) {
	for _, a := range r.active {
		if a.step == step {
			a.did = l
		}
	}
}

// exit tells what a step did: each once, and a wait when it begins and ends.
func (f *follower) exit(r *execution, at time.Time, name, output string) {
	did := struct{ Outcome, Reason string }{Outcome: "Verified"}
	if s := stepOf[name]; s.Result != "" && json.Unmarshal(s.ResultIn([]byte(output)), &did) != nil {
		return
	}
	l := line{at: at.Sub(r.start), mark: done, step: name, outcome: did.Outcome, reason: did.Reason}.literal()
	if did.Outcome != "Waiting" {
		r.active = slices.DeleteFunc(r.active, func(a *activity) bool { return a.step == name })
		f.tell(r, l)
		return
	}
	l.mark = waiting
	known := slices.ContainsFunc(r.active, func(a *activity) bool { return a.step == name && a.did.mark == waiting })
	r.note(name, l)
	if !known {
		f.tell(r, l)
	}
}

// literal is a line of which a terminal obeys nothing.
func (l line) literal() line {
	for _, text := range []*string{&l.outcome, &l.reason, &l.remedy} {
		*text = terminal.Literal(*text)
	}
	return l
}

func (f *follower) tell(r *execution, l line) {
	if len(f.runs) > 1 && l.title == "" {
		l.who = r.workspace()
	}
	if f.live {
		f.lines = append(f.lines, l)
		return
	}
	fmt.Fprintln(f.out, l.plain())
}

// plain is the line where no terminal shows it.
func (l line) plain() string {
	switch {
	case l.title != "":
		return "\n" + l.title
	case l.mark == "":
		return l.text
	}
	text := clockTime(l.at) + "  " + l.mark + " "
	if l.who != "" {
		text += l.who + "  "
	}
	switch {
	case l.mark == failed:
		text += l.step + " " + l.outcome + "\n" + l.reason
		if l.remedy != "" {
			text += "\n\nWhat to do: " + l.remedy
		}
		return text
	case l.outcome == "":
		return text + l.step
	}
	reason := l.reason
	if l.mark != trouble {
		reason = shorten(reason)
	}
	return text + fmt.Sprintf("%-28s %-9s %s", l.step, l.outcome, reason)
}

// message takes the text for people out of the cause of a function's failure.
func message(cause string) string {
	var c struct {
		Message string `json:"errorMessage"`
	}
	if json.Unmarshal([]byte(cause), &c) == nil && c.Message != "" {
		return c.Message
	}
	return cause
}

func clockTime(d time.Duration) string {
	s := int(d.Seconds())
	return fmt.Sprintf("%3d:%02d", s/60, s%60)
}

// shorten keeps a line on a line.
func shorten(s string) string {
	const most = 90
	if r := []rune(s); len(r) > most {
		return string(r[:most-1]) + "…"
	}
	return s
}
