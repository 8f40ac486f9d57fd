// Package stepfunctions is the emulated AWS Step Functions API.
package stepfunctions

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/wire"
)

// Invoker invokes a Lambda function by its ARN.
type Invoker interface {
	Invoke(ctx context.Context, resource string, payload []byte) ([]byte, *asl.TaskError)
}

// Service is the emulated API.
type Service struct {
	hub     *wire.Hub
	delays  *latency.Source
	account string
	invoker Invoker
	notify  func(StatusChange)
	watch   func(string, asl.Event)
	// Lean leaves the data that flows out of histories, and forgets those of
	// executions that succeeded: it is for very many. It is set before the first
	// one.
	Lean bool

	mu         sync.Mutex
	machines   map[string]*machine
	executions map[string]*execution
	order      []string
}

type machine struct {
	name, arn, definition, role string
	parsed                      *asl.Machine
	created                     time.Time
}

type execution struct {
	run                   *asl.Execution
	arn, name, machineARN string
	input, output         string
	status                string
	failed                *asl.TaskError
	start, stop           time.Time
	redrives              int
	redriven              time.Time
	events                []asl.Event
	recorded              int
}

// StatusChange is the event of a status change.
type StatusChange struct {
	Region string
	Time   time.Time
	Detail json.RawMessage
	ARN    string
}

// New returns the API without state machines.
func New(hub *wire.Hub, delays *latency.Source, account string, invoker Invoker, notify func(StatusChange)) *Service {
	return &Service{hub: hub, delays: delays, account: account, invoker: invoker, notify: notify,
		machines: map[string]*machine{}, executions: map[string]*execution{}}
}

// Watch makes every history event known as it happens.
func (s *Service) Watch(f func(executionARN string, e asl.Event)) { s.watch = f }

// Transitions of an execution.
func (s *Service) Transitions(arn string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.executions[arn]; x != nil {
		return x.run.Transitions()
	}
	return 0
}

// Tally is what became of executions.
type Tally struct {
	// ByStatus counts them.
	ByStatus map[string]int
	// Longest is how many events the longest history has.
	Longest int
}

// Tally counts the executions of all machines.
func (s *Service) Tally() Tally {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := Tally{ByStatus: map[string]int{}}
	for _, x := range s.executions {
		t.ByStatus[x.status]++
		t.Longest = max(t.Longest, x.recorded)
	}
	return t
}

// Wire is the service as the router serves it.
func (s *Service) Wire() *wire.Service {
	op := func(f func(*wire.Call, map[string]any) (any, error)) wire.Operation {
		return func(c *wire.Call) (any, error) {
			in := map[string]any{}
			if err := json.Unmarshal(c.Body, &in); err != nil {
				return nil, &wire.Error{Code: "SerializationException", Message: err.Error()}
			}
			return f(c, in)
		}
	}
	return &wire.Service{Name: "states", Protocol: wire.JSON10, Operations: map[string]wire.Operation{
		"CreateStateMachine": op(s.createStateMachine), "DescribeStateMachine": op(s.describeStateMachine),
		"StartExecution": op(s.startExecution), "DescribeExecution": op(s.describeExecution),
		"GetExecutionHistory": op(s.getExecutionHistory), "RedriveExecution": op(s.redriveExecution),
		"StopExecution": op(s.stopExecution), "ListExecutions": op(s.listExecutions),
	}}
}

// Add makes a state machine, as a deployment does.
func (s *Service) Add(region, name string, definition []byte) error {
	m, err := asl.Parse(definition)
	if err != nil {
		return fmt.Errorf("adding state machine %s: %w", name, err)
	}
	arn := fmt.Sprintf("arn:aws:states:%s:%s:stateMachine:%s", region, s.account, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machines[arn] = &machine{name: name, arn: arn, definition: string(definition), parsed: m, created: s.hub.Clock.Now(),
		role: fmt.Sprintf("arn:aws:iam::%s:role/%s", s.account, name)}
	return nil
}

func str(in map[string]any, key string) string { v, _ := in[key].(string); return v }

func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

func (s *Service) createStateMachine(c *wire.Call, in map[string]any) (any, error) {
	m, err := asl.Parse([]byte(str(in, "definition")))
	if err != nil {
		return nil, &wire.Error{Code: "InvalidDefinition", Message: err.Error()}
	}
	name := str(in, "name")
	arn := fmt.Sprintf("arn:aws:states:%s:%s:stateMachine:%s", c.Region, s.account, name)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machines[arn] = &machine{name: name, arn: arn, definition: str(in, "definition"), role: str(in, "roleArn"), parsed: m, created: c.Time}
	return map[string]any{"stateMachineArn": arn, "creationDate": epoch(c.Time)}, nil
}

func (s *Service) describeStateMachine(_ *wire.Call, in map[string]any) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.machines[str(in, "stateMachineArn")]
	if m == nil {
		return nil, &wire.Error{Code: "StateMachineDoesNotExist", Message: "State Machine Does Not Exist: '" + str(in, "stateMachineArn") + "'"}
	}
	return map[string]any{"stateMachineArn": m.arn, "name": m.name, "status": "ACTIVE", "definition": m.definition,
		"roleArn": m.role, "type": "STANDARD", "creationDate": epoch(m.created)}, nil
}

var validName = regexp.MustCompile(`^[0-9A-Za-z_-]{1,80}$`)

func (s *Service) startExecution(c *wire.Call, in map[string]any) (any, error) {
	s.mu.Lock()
	m := s.machines[str(in, "stateMachineArn")]
	if m == nil {
		s.mu.Unlock()
		return nil, &wire.Error{Code: "StateMachineDoesNotExist", Message: "State Machine Does Not Exist: '" + str(in, "stateMachineArn") + "'"}
	}
	name, input := str(in, "name"), str(in, "input")
	if name == "" {
		name = fmt.Sprintf("execution-%d", len(s.order)+1)
	}
	if input == "" {
		input = "{}"
	}
	if !validName.MatchString(name) {
		s.mu.Unlock()
		return nil, &wire.Error{Code: "InvalidName", Message: "Invalid Name: '" + name + "'"}
	}
	arn := strings.Replace(m.arn, ":stateMachine:", ":execution:", 1) + ":" + name
	if old := s.executions[arn]; old != nil {
		defer s.mu.Unlock()
		if old.status == "RUNNING" && old.input == input {
			return map[string]any{"executionArn": arn, "startDate": epoch(old.start)}, nil
		}
		return nil, &wire.Error{Code: "ExecutionAlreadyExists", Message: "Execution Already Exists: '" + arn + "'"}
	}
	x := &execution{arn: arn, name: name, machineARN: m.arn, input: input, status: "RUNNING", start: c.Time}
	run, err := asl.New(asl.Config{
		Clock: s.hub.Clock, Delays: s.delays, Invoke: s.invoker.Invoke, Seed: seedOf(arn), Lean: s.Lean,
		Record: func(e asl.Event) {
			s.mu.Lock()
			x.events = append(x.events, e)
			x.recorded++
			watch := s.watch
			s.mu.Unlock()
			if watch != nil {
				watch(arn, e)
			}
		},
	}, m.parsed, arn, name, m.arn, m.name, []byte(input))
	if err != nil {
		s.mu.Unlock()
		return nil, &wire.Error{Code: "InvalidExecutionInput", Message: err.Error()}
	}
	x.run = run
	s.executions[arn] = x
	s.order = append(s.order, arn)
	s.mu.Unlock()
	s.begin(x)
	return map[string]any{"executionArn": arn, "startDate": epoch(c.Time)}, nil
}

// seedOf makes executions draw each its own jitter.
func seedOf(arn string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(arn))
	return h.Sum64()
}

// begin runs an execution, or runs it on after a redrive.
func (s *Service) begin(x *execution) {
	s.changed(x)
	s.hub.Clock.After(0, func() {
		out, failed := x.run.Run(context.Background()) //nolint:forbidigo // an execution has no caller
		s.mu.Lock()
		x.stop = s.hub.Clock.Now()
		x.failed = failed
		x.output = string(out)
		switch {
		case failed == nil:
			x.status = "SUCCEEDED"
			if s.Lean {
				x.events = nil
			}
		case x.status == "ABORTING":
			x.status = "ABORTED"
		case x.run.TimedOut():
			x.status = "TIMED_OUT"
		default:
			x.status = "FAILED"
		}
		s.mu.Unlock()
		s.changed(x)
	})
}

func (s *Service) changed(x *execution) {
	s.mu.Lock()
	d := map[string]any{
		"executionArn": x.arn, "stateMachineArn": x.machineARN, "name": x.name, "status": x.status,
		"startDate": x.start.UnixMilli(), "stopDate": nil, "input": x.input, "output": nil,
		"inputDetails": map[string]any{"included": true}, "outputDetails": nil,
		"redriveCount": x.redrives, "error": nil, "cause": nil,
	}
	if x.status != "RUNNING" {
		d["stopDate"] = x.stop.UnixMilli()
		if x.failed != nil {
			d["error"], d["cause"] = x.failed.Error, x.failed.Cause
		} else {
			d["output"] = x.output
		}
	}
	text, _ := json.Marshal(d)
	region := strings.Split(x.arn, ":")[3]
	s.mu.Unlock()
	if s.notify != nil {
		s.notify(StatusChange{Region: region, Time: s.hub.Clock.Now(), Detail: text, ARN: x.arn})
	}
}

func (s *Service) find(in map[string]any) (*execution, error) {
	x := s.executions[str(in, "executionArn")]
	if x == nil {
		return nil, &wire.Error{Code: "ExecutionDoesNotExist", Message: "Execution Does Not Exist: '" + str(in, "executionArn") + "'"}
	}
	return x, nil
}

func (s *Service) describeExecution(_ *wire.Call, in map[string]any) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.find(in)
	if err != nil {
		return nil, err
	}
	d := map[string]any{"executionArn": x.arn, "stateMachineArn": x.machineARN, "name": x.name, "status": x.status,
		"startDate": epoch(x.start), "input": x.input, "inputDetails": map[string]any{"included": true}, "redriveCount": x.redrives}
	if x.status != "RUNNING" {
		d["stopDate"] = epoch(x.stop)
		if x.failed != nil {
			d["error"], d["cause"] = x.failed.Error, x.failed.Cause
			d["redriveStatus"] = "REDRIVABLE"
		} else {
			d["output"], d["outputDetails"] = x.output, map[string]any{"included": true}
			d["redriveStatus"] = "NOT_REDRIVABLE"
		}
	}
	return d, nil
}

func (s *Service) getExecutionHistory(_ *wire.Call, in map[string]any) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.find(in)
	if err != nil {
		return nil, err
	}
	var all []map[string]any
	for _, e := range x.events {
		d := map[string]any{"id": e.ID, "previousEventId": e.PreviousID, "timestamp": epoch(e.Time), "type": e.Type}
		if e.DetailsName != "" {
			d[e.DetailsName] = e.Details
		}
		all = append(all, d)
	}
	if in["reverseOrder"] == true {
		for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
			all[i], all[j] = all[j], all[i]
		}
	}
	from, _ := strconv.Atoi(str(in, "nextToken"))
	size := 100
	if n, ok := in["maxResults"].(float64); ok && n > 0 {
		size = int(n)
	}
	to := min(from+size, len(all))
	out := map[string]any{"events": all[from:to]}
	if to < len(all) {
		out["nextToken"] = strconv.Itoa(to)
	}
	return out, nil
}

func (s *Service) redriveExecution(c *wire.Call, in map[string]any) (any, error) {
	s.mu.Lock()
	x, err := s.find(in)
	if err == nil && (x.status == "RUNNING" || x.status == "SUCCEEDED") {
		err = &wire.Error{Code: "ExecutionNotRedrivable", Message: "Execution is " + x.status}
	}
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	x.status, x.failed, x.redriven = "RUNNING", nil, c.Time
	x.redrives++
	s.mu.Unlock()
	s.begin(x)
	return map[string]any{"redriveDate": epoch(c.Time)}, nil
}

func (s *Service) stopExecution(c *wire.Call, in map[string]any) (any, error) {
	s.mu.Lock()
	x, err := s.find(in)
	if err == nil && x.status == "RUNNING" {
		x.status = "ABORTING"
	}
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	x.run.Stop(asl.TaskError{Error: str(in, "error"), Cause: str(in, "cause")})
	return map[string]any{"stopDate": epoch(c.Time)}, nil
}

func (s *Service) listExecutions(_ *wire.Call, in map[string]any) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []map[string]any{}
	for _, arn := range slices.Backward(s.order) {
		x := s.executions[arn]
		if x.machineARN != str(in, "stateMachineArn") || str(in, "statusFilter") != "" && str(in, "statusFilter") != x.status {
			continue
		}
		d := map[string]any{"executionArn": x.arn, "stateMachineArn": x.machineARN, "name": x.name, "status": x.status, "startDate": epoch(x.start), "redriveCount": x.redrives}
		if x.status != "RUNNING" {
			d["stopDate"] = epoch(x.stop)
		}
		list = append(list, d)
	}
	return map[string]any{"executions": list}, nil
}
