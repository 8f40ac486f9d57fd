package asl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/latency"
)

// TaskError is how a task or an execution failed.
type TaskError struct{ Error, Cause string }

// Event is one event of an execution's history.
type Event struct {
	ID, PreviousID int64
	Time           time.Time
	Type           string
	// Details by the name of their member, such as stateEnteredEventDetails.
	DetailsName string
	Details     map[string]any
}

// Config is what an execution runs with.
type Config struct {
	Clock  *clock.Clock
	Delays *latency.Source
	Invoke func(ctx context.Context, resource string, payload []byte) ([]byte, *TaskError)
	// Record takes each event; calls are made one at a time.
	Record func(Event)
	Seed   uint64
	// Lean leaves the data that flows out of the events.
	Lean bool
}

// Execution is one run of a machine.
type Execution struct {
	cfg                                Config
	machine                            *Machine
	ARN, Name, MachineARN, MachineName string
	start                              time.Time

	mu          sync.Mutex
	lastID      int64
	transitions int
	redrives    int
	root        *frame
	input       any
	cancel      context.CancelFunc
	stopped     *TaskError
	// deadline of the execution; zero if it has none.
	deadline time.Time
	late     bool
}

// frame is how far a machine or branch has come, so that a redrive resumes
// there.
type frame struct {
	state    string
	input    any
	branches []*frame
	done     bool
	output   any
	// last is the id of the last event of the branch.
	last int64
}

// New returns an execution that has not been started.
func New(cfg Config, m *Machine, arn, name, machineARN, machineName string, input []byte) (*Execution, error) {
	e := &Execution{cfg: cfg, machine: m, ARN: arn, Name: name, MachineARN: machineARN, MachineName: machineName}
	if err := json.Unmarshal(input, &e.input); err != nil {
		return nil, fmt.Errorf("decoding input: %w", err)
	}
	return e, nil
}

// Transitions counts the states that were entered, retries included.
func (e *Execution) Transitions() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.transitions
}

// Stop ends a running execution.
func (e *Execution) Stop(why TaskError) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.stopped = &why
	if e.cancel != nil {
		e.cancel()
	}
}

// Run runs the execution, or after a failure runs it on from there, and returns
// its output or how it failed. The caller holds the clock once.
func (e *Execution) Run(ctx context.Context) (json.RawMessage, *TaskError) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	e.mu.Lock()
	e.cancel, e.late = cancel, false
	if e.stopped != nil {
		cancel()
	}
	if e.machine.TimeoutSeconds > 0 {
		e.deadline = e.cfg.Clock.Now().Add(time.Duration(e.machine.TimeoutSeconds) * time.Second)
	}
	again := e.root != nil
	e.mu.Unlock()
	if again {
		e.redrives++
		e.event(e.root, "ExecutionRedriven", "executionRedrivenEventDetails", map[string]any{"redriveCount": e.redrives})
	} else {
		e.start = e.cfg.Clock.Now()
		e.root = &frame{input: e.input}
		e.event(e.root, "ExecutionStarted", "executionStartedEventDetails", map[string]any{
			"input": e.data(e.input), "inputDetails": included, "roleArn": "arn:aws:iam::123456789012:role/lakegate-state-machine",
		})
	}
	out, failed := e.machineRun(ctx, e.machine, e.root)
	e.mu.Lock()
	stopped, late := e.stopped, e.late
	e.stopped = nil
	e.mu.Unlock()
	switch {
	case late:
		e.event(e.root, "ExecutionTimedOut", "executionTimedOutEventDetails", map[string]any{})
		return nil, timedOut
	case stopped != nil:
		e.event(e.root, "ExecutionAborted", "executionAbortedEventDetails", map[string]any{"error": stopped.Error, "cause": stopped.Cause})
		return nil, stopped
	case failed != nil:
		e.event(e.root, "ExecutionFailed", "executionFailedEventDetails", map[string]any{"error": failed.Error, "cause": failed.Cause})
		return nil, failed
	}
	output := text(out)
	e.event(e.root, "ExecutionSucceeded", "executionSucceededEventDetails", map[string]any{"output": e.kept(output), "outputDetails": included})
	// There is nothing to redrive.
	e.root.branches, e.root.input, e.root.output = nil, nil, nil
	return json.RawMessage(output), nil
}

var included = map[string]any{"truncated": false}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// data is a value as events have it.
func (e *Execution) data(v any) string {
	if e.cfg.Lean {
		return ""
	}
	return text(v)
}

func (e *Execution) kept(s string) string {
	if e.cfg.Lean {
		return ""
	}
	return s
}

func (e *Execution) event(f *frame, kind, name string, details map[string]any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lastID++
	ev := Event{ID: e.lastID, PreviousID: f.last, Time: e.cfg.Clock.Now(), Type: kind, DetailsName: name, Details: details}
	f.last = e.lastID
	if e.cfg.Record != nil {
		e.cfg.Record(ev)
	}
}

func (e *Execution) machineRun(ctx context.Context, m *Machine, f *frame) (any, *TaskError) {
	if f.done {
		return f.output, nil
	}
	name, input := m.StartAt, f.input
	if f.state != "" {
		name = f.state
	}
	for {
		s := m.States[name]
		f.state, f.input = name, input
		if e.full() {
			return nil, tooManyEvents
		}
		e.mu.Lock()
		e.transitions++
		e.mu.Unlock()
		if !e.sleep(ctx, e.cfg.Delays.Draw(latency.Transition, name)) {
			return nil, aborted
		}
		kind := s.Type
		e.event(f, kind+"StateEntered", "stateEnteredEventDetails", map[string]any{"name": name, "input": e.data(input), "inputDetails": included})
		out, next, failed := e.stateRun(ctx, s, f, input)
		if failed != nil {
			return nil, failed
		}
		if s.OutputPath != nil {
			var err error
			if out, err = read(*s.OutputPath, out, nil); err != nil {
				return nil, &TaskError{"States.Runtime", err.Error()}
			}
		}
		e.event(f, kind+"StateExited", "stateExitedEventDetails", map[string]any{"name": name, "output": e.data(out), "outputDetails": included})
		f.branches = nil
		if s.End || s.Type == "Succeed" {
			f.done, f.output = true, out
			return out, nil
		}
		name, input = next, out
	}
}

var aborted = &TaskError{Error: "States.Runtime", Cause: "the execution was stopped"}

// maxEvents is how many events a history can have.
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
const maxEvents = 25000

// tooManyEvents is how an execution ends whose history has no room left.
var tooManyEvents = &TaskError{Error: "States.Runtime", Cause: "The execution reached the maximum number of history events (25000)."}

func (e *Execution) full() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.lastID >= maxEvents
}

// timedOut is how an execution ends that takes longer than its machine allows.
var timedOut = &TaskError{Error: "States.Timeout", Cause: ""}

// TimedOut says whether the execution ended because it took too long.
func (e *Execution) TimedOut() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.late
}

// sleep lets simulated time pass; false means that the execution is stopped or
// has come to its deadline.
func (e *Execution) sleep(ctx context.Context, d time.Duration) bool {
	if left := e.deadline.Sub(e.cfg.Clock.Now()); !e.deadline.IsZero() && d > left {
		_ = e.cfg.Clock.Sleep(ctx, left)
		e.mu.Lock()
		defer e.mu.Unlock()
		e.late = true
		e.cancel()
		return false
	}
	return e.cfg.Clock.Sleep(ctx, d) == nil
}

func (e *Execution) contextObject(s *State, retries int, entered time.Time) map[string]any {
	return map[string]any{
		"Execution": map[string]any{
			"Id": e.ARN, "Name": e.Name, "Input": e.input, "RedriveCount": float64(e.redrives),
			"StartTime": e.start.UTC().Format("2006-01-02T15:04:05.000Z"),
		},
		"StateMachine": map[string]any{"Id": e.MachineARN, "Name": e.MachineName},
		"State":        map[string]any{"Name": s.Name, "EnteredTime": entered.UTC().Format("2006-01-02T15:04:05.000Z"), "RetryCount": float64(retries)},
	}
}

func (e *Execution) stateRun(ctx context.Context, s *State, f *frame, input any) (any, string, *TaskError) {
	entered := e.cfg.Clock.Now()
	obj := e.contextObject(s, 0, entered)
	fail := func(name string, err error) (any, string, *TaskError) {
		return nil, "", &TaskError{Error: name, Cause: err.Error()}
	}
	switch s.Type {
	case "Succeed", "Pass":
		out := input
		if s.Result != nil {
			if err := json.Unmarshal(s.Result, &out); err != nil {
				return fail("States.Runtime", err)
			}
		}
		return out, s.Next, nil
	case "Fail":
		return nil, "", &TaskError{Error: s.Error, Cause: s.Cause}
	case "Wait":
		seconds := 0.0
		if s.Seconds != nil {
			seconds = *s.Seconds
		} else {
			v, err := read(s.SecondsPath, input, obj)
			if err != nil {
				return fail("States.Runtime", err)
			}
			n, ok := v.(float64)
			if !ok {
				return fail("States.Runtime", errors.New("SecondsPath does not lead to a number"))
			}
			seconds = n
		}
		if !e.sleep(ctx, time.Duration(seconds*float64(time.Second))) {
			return nil, "", aborted
		}
		return input, s.Next, nil
	case "Choice":
		for _, c := range s.Choices {
			v, err := read(c.Variable, input, obj)
			if err != nil {
				return fail("States.Runtime", err)
			}
			if c.holds(v) {
				return input, c.Next, nil
			}
		}
		if s.Default == "" {
			return fail("States.NoChoiceMatched", errors.New("no choice matched"))
		}
		return input, s.Default, nil
	case "Task":
		out, failed := e.task(ctx, s, f, input, entered)
		return out, s.Next, failed
	case "Parallel":
		out, failed := e.parallel(ctx, s, f, input)
		return out, s.Next, failed
	}
	return fail("States.Runtime", fmt.Errorf("type %s", s.Type))
}

func (c Choice) holds(v any) bool {
	switch {
	case c.BooleanEquals != nil:
		return v == *c.BooleanEquals
	case c.StringEquals != nil:
		return v == *c.StringEquals
	case c.NumericEquals != nil:
		return v == *c.NumericEquals
	}
	return false
}

func (e *Execution) task(ctx context.Context, s *State, f *frame, input any, entered time.Time) (any, *TaskError) {
	attempts := make([]int, len(s.Retry))
	for n := 0; ; n++ {
		payload := input
		if s.Parameters != nil {
			var t any
			if err := json.Unmarshal(s.Parameters, &t); err != nil {
				return nil, &TaskError{"States.Runtime", err.Error()}
			}
			var err error
			if payload, err = template(t, input, e.contextObject(s, n, entered)); err != nil {
				return nil, &TaskError{"States.ParameterPathFailure", err.Error()}
			}
		}
		sent := text(payload)
		e.event(f, "LambdaFunctionScheduled", "lambdaFunctionScheduledEventDetails", map[string]any{
			"resource": s.Resource, "input": e.kept(sent), "inputDetails": included, "timeoutInSeconds": s.TimeoutSeconds,
		})
		e.event(f, "LambdaFunctionStarted", "", nil)
		result, failed := e.cfg.Invoke(ctx, s.Resource, []byte(sent))
		if !e.sleep(ctx, e.cfg.Delays.Draw(latency.Invocation, fmt.Sprintf("%s/%d", s.Name, n))) {
			return nil, aborted
		}
		if failed == nil {
			e.event(f, "LambdaFunctionSucceeded", "lambdaFunctionSucceededEventDetails", map[string]any{"output": e.kept(string(result)), "outputDetails": included})
			out, err := assign(s, input, result)
			if err != nil {
				return nil, &TaskError{"States.ResultPathMatchFailure", err.Error()}
			}
			return out, nil
		}
		e.event(f, "LambdaFunctionFailed", "lambdaFunctionFailedEventDetails", map[string]any{"error": failed.Error, "cause": failed.Cause})
		pause, ok := e.retry(s, attempts, failed.Error, n)
		if !ok {
			return nil, failed
		}
		e.mu.Lock()
		e.transitions++
		e.mu.Unlock()
		if !e.sleep(ctx, pause) {
			return nil, aborted
		}
	}
}

// retry says whether a retrier takes the error, and after which pause.
func (e *Execution) retry(s *State, attempts []int, name string, n int) (time.Duration, bool) {
	for i, r := range s.Retry {
		if !slices.Contains(r.ErrorEquals, name) && !slices.Contains(r.ErrorEquals, "States.ALL") {
			continue
		}
		limit, interval, rate := 3, 1.0, 2.0
		if r.MaxAttempts != nil {
			limit = *r.MaxAttempts
		}
		if r.IntervalSeconds != nil {
			interval = *r.IntervalSeconds
		}
		if r.BackoffRate != nil {
			rate = *r.BackoffRate
		}
		if attempts[i] >= limit {
			return 0, false
		}
		d := interval * math.Pow(rate, float64(attempts[i]))
		attempts[i]++
		if r.MaxDelaySeconds > 0 {
			d = min(d, r.MaxDelaySeconds)
		}
		if r.JitterStrategy == "FULL" {
			h := fnv.New64a()
			_, _ = h.Write([]byte(s.Name))
			d *= rand.New(rand.NewPCG(e.cfg.Seed^h.Sum64(), uint64(n))).Float64()
		}
		return time.Duration(d * float64(time.Second)), true
	}
	return 0, false
}

// assign puts a result where ResultPath says.
func assign(s *State, input any, result []byte) (any, error) {
	var v any
	if err := json.Unmarshal(result, &v); err != nil {
		return nil, err
	}
	if s.ResultPath == nil || *s.ResultPath == "$" {
		return v, nil
	}
	object, ok := input.(map[string]any)
	if !ok {
		return nil, errors.New("the input is no object")
	}
	out := map[string]any{}
	for k, x := range object {
		out[k] = x
	}
	out[(*s.ResultPath)[2:]] = v
	return out, nil
}

// maxData is how long the result of a state may be, before anything is selected
// from it.
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
const maxData = 256 << 10

func (e *Execution) parallel(ctx context.Context, s *State, f *frame, input any) (any, *TaskError) {
	e.event(f, "ParallelStateStarted", "", nil)
	if f.branches == nil {
		for range s.Branches {
			f.branches = append(f.branches, &frame{input: input, last: f.last})
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	outs := make([]any, len(s.Branches))
	var first *TaskError
	var mu sync.Mutex
	left := len(s.Branches)
	done := make(chan struct{})
	// Each branch holds the clock; one of them by the hold of this goroutine,
	// which the last one to end leaves to it.
	holds := make(chan func(), len(s.Branches))
	for range len(s.Branches) - 1 {
		holds <- e.cfg.Clock.Hold()
	}
	for i, b := range s.Branches {
		go func() {
			out, failed := e.machineRun(ctx, b, f.branches[i])
			mu.Lock()
			defer mu.Unlock()
			outs[i] = out
			if failed != nil && first == nil {
				first = failed
				f.last = f.branches[i].last
				cancel()
			}
			if left--; left == 0 {
				close(done)
				return
			}
			(<-holds)()
		}()
	}
	<-done
	if first != nil {
		e.event(f, "ParallelStateFailed", "", nil)
		return nil, first
	}
	if text, err := json.Marshal(outs); err != nil || len(text) > maxData {
		e.event(f, "ParallelStateFailed", "", nil)
		return nil, &TaskError{"States.DataLimitExceeded", fmt.Sprintf("the branches return %d bytes, more than the service limit of %d", len(text), maxData)}
	}
	e.event(f, "ParallelStateSucceeded", "", nil)
	var out any = outs
	if s.ResultSelector != nil {
		var t any
		if err := json.Unmarshal(s.ResultSelector, &t); err != nil {
			return nil, &TaskError{"States.Runtime", err.Error()}
		}
		var err error
		if out, err = template(t, out, nil); err != nil {
			return nil, &TaskError{"States.Runtime", err.Error()}
		}
	}
	return out, nil
}
