package asl_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/plan"
)

// stage runs executions on a virtual clock with functions of the test's own.
type stage struct {
	clock  *clock.Clock
	mu     sync.Mutex
	calls  []string
	events []asl.Event
	invoke func(resource string, payload []byte) ([]byte, *asl.TaskError)
}

func (s *stage) start(t *testing.T, definition, input string) *asl.Execution {
	t.Helper()
	s.clock = clock.NewVirtual(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))
	m, err := asl.Parse([]byte(definition))
	if err != nil {
		t.Fatal(err)
	}
	e, err := asl.New(asl.Config{
		Clock: s.clock, Delays: latency.NewSource(1), Seed: 1,
		Invoke: func(_ context.Context, resource string, payload []byte) ([]byte, *asl.TaskError) {
			s.mu.Lock()
			s.calls = append(s.calls, resource)
			s.mu.Unlock()
			return s.invoke(resource, payload)
		},
		Record: func(ev asl.Event) { s.events = append(s.events, ev) },
	}, m, "arn:aws:states:eu-west-1:1:execution:m:x", "x", "arn:aws:states:eu-west-1:1:stateMachine:m", "m", []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func (s *stage) run(e *asl.Execution) (string, *asl.TaskError) {
	release := s.clock.Hold()
	defer release()
	out, failed := e.Run(context.Background())
	return string(out), failed
}

// echo returns its input with a mark.
func echo(_ string, payload []byte) ([]byte, *asl.TaskError) { return payload, nil }

func TestConformance(t *testing.T) {
	t.Parallel()
	fails := func(name string) func(string, []byte) ([]byte, *asl.TaskError) {
		return func(string, []byte) ([]byte, *asl.TaskError) {
			return nil, &asl.TaskError{Error: name, Cause: "because"}
		}
	}
	for _, tt := range []struct {
		name, definition, input string
		invoke                  func(string, []byte) ([]byte, *asl.TaskError)
		want, wantError         string
		calls                   int
	}{
		{"pass", `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`, `{"x":1}`, echo, `{"x":1}`, "", 0},
		{"pass with result", `{"StartAt":"A","States":{"A":{"Type":"Pass","Result":{"y":2},"End":true}}}`, `{"x":1}`, echo, `{"y":2}`, "", 0},
		{"succeed", `{"StartAt":"A","States":{"A":{"Type":"Succeed"}}}`, `{"x":1}`, echo, `{"x":1}`, "", 0},
		{"fail", `{"StartAt":"A","States":{"A":{"Type":"Fail","Error":"E","Cause":"c"}}}`, `{}`, echo, "", "E", 0},
		{"task", `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"f","End":true}}}`, `{"x":1}`, echo, `{"x":1}`, "", 1},
		{"result path", `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"f","ResultPath":"$.r","End":true}}}`, `{"x":1}`, echo, `{"r":{"x":1},"x":1}`, "", 1},
		{"result path over text", `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"f","ResultPath":"$.r","End":true}}}`, `"x"`, echo, "", "States.ResultPathMatchFailure", 1},
		{"output path", `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"f","ResultPath":"$.r","OutputPath":"$.r","Next":"B"},"B":{"Type":"Succeed","OutputPath":"$.x"}}}`, `{"x":1}`, echo, `1`, "", 1},
		{"output path leads nowhere", `{"StartAt":"A","States":{"A":{"Type":"Succeed","OutputPath":"$.y"}}}`, `{"x":1}`, echo, "", "States.Runtime", 0},
		{"parameters", `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"f","Parameters":{"a.$":"$.x","b":{"c.$":"$$.Execution.Name"},"d":3},"End":true}}}`, `{"x":1}`, echo, `{"a":1,"b":{"c":"x"},"d":3}`, "", 1},
		{"parameters lead nowhere", `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"f","Parameters":{"a.$":"$.y"},"End":true}}}`, `{"x":1}`, echo, "", "States.ParameterPathFailure", 0},
		{"task fails", `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"f","End":true}}}`, `{}`, fails("E"), "", "E", 1},
		{"retried", `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"f","Retry":[{"ErrorEquals":["E"],"MaxAttempts":3}],"End":true}}}`, `{}`, fails("E"), "", "E", 4},
		{"not retried", `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"f","Retry":[{"ErrorEquals":["F"]}],"End":true}}}`, `{}`, fails("E"), "", "E", 1},
		{"retried whatever it is", `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"f","Retry":[{"ErrorEquals":["States.ALL"],"MaxAttempts":1}],"End":true}}}`, `{}`, fails("E"), "", "E", 2},
		{"choice", `{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.ok","BooleanEquals":true,"Next":"B"}],"Default":"C"},"B":{"Type":"Pass","Result":"b","End":true},"C":{"Type":"Pass","Result":"c","End":true}}}`, `{"ok":true}`, echo, `"b"`, "", 0},
		{"choice default", `{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.n","NumericEquals":1,"Next":"B"}],"Default":"C"},"B":{"Type":"Pass","Result":"b","End":true},"C":{"Type":"Pass","Result":"c","End":true}}}`, `{"n":2}`, echo, `"c"`, "", 0},
		{"no choice", `{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[{"Variable":"$.s","StringEquals":"x","Next":"B"}]},"B":{"Type":"Succeed"}}}`, `{"s":"y"}`, echo, "", "States.NoChoiceMatched", 0},
		{"wait", `{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":60,"End":true}}}`, `{}`, echo, `{}`, "", 0},
		{"takes too long", `{"TimeoutSeconds":60,"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":61,"End":true}}}`, `{}`, echo, "", "States.Timeout", 0},
		{"wait by path", `{"StartAt":"A","States":{"A":{"Type":"Wait","SecondsPath":"$.s","End":true}}}`, `{"s":60}`, echo, `{"s":60}`, "", 0},
		{"wait for text", `{"StartAt":"A","States":{"A":{"Type":"Wait","SecondsPath":"$.s","End":true}}}`, `{"s":"x"}`, echo, "", "States.Runtime", 0},
		{"parallel", `{"StartAt":"A","States":{"A":{"Type":"Parallel","Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","Result":1,"End":true}}},{"StartAt":"C","States":{"C":{"Type":"Pass","Result":2,"End":true}}}],"End":true}}}`, `{}`, echo, `[1,2]`, "", 0},
		{"parallel merged", `{"StartAt":"A","States":{"A":{"Type":"Parallel","ResultSelector":{"d.$":"States.JsonMerge($[0], $[1], false)"},"OutputPath":"$.d","Branches":[{"StartAt":"B","States":{"B":{"Type":"Pass","Result":{"a":1},"End":true}}},{"StartAt":"C","States":{"C":{"Type":"Pass","Result":{"b":2},"End":true}}}],"End":true}}}`, `{}`, echo, `{"a":1,"b":2}`, "", 0},
		{"parallel fails", `{"StartAt":"A","States":{"A":{"Type":"Parallel","Branches":[{"StartAt":"B","States":{"B":{"Type":"Fail","Error":"E"}}},{"StartAt":"C","States":{"C":{"Type":"Wait","Seconds":9999,"End":true}}}],"End":true}}}`, `{}`, echo, "", "E", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &stage{invoke: tt.invoke}
			e := s.start(t, tt.definition, tt.input)
			out, failed := s.run(e)
			name := ""
			if failed != nil {
				name = failed.Error
			}
			if out != tt.want || name != tt.wantError || len(s.calls) != tt.calls {
				t.Errorf("output %s, error %q, %d calls; want %s, %q, %d", out, name, len(s.calls), tt.want, tt.wantError, tt.calls)
			}
			checkHistory(t, s.events)
		})
	}
}

// checkHistory checks what every history has: ids from 1, predecessors that
// come earlier, times that do not go back, a beginning and an end.
func checkHistory(t *testing.T, events []asl.Event) {
	t.Helper()
	for i, e := range events {
		if e.ID != int64(i+1) || e.PreviousID >= e.ID || i > 0 && e.Time.Before(events[i-1].Time) {
			t.Errorf("event %d is %+v", i+1, e)
		}
	}
	if events[0].Type != "ExecutionStarted" || !strings.HasPrefix(events[len(events)-1].Type, "Execution") {
		t.Errorf("it runs from %s to %s", events[0].Type, events[len(events)-1].Type)
	}
}

func TestWaitTakesItsTime(t *testing.T) {
	t.Parallel()
	s := &stage{invoke: echo}
	e := s.start(t, `{"StartAt":"A","States":{"A":{"Type":"Wait","Seconds":600,"End":true}}}`, `{}`)
	before := s.clock.Now()
	if _, failed := s.run(e); failed != nil {
		t.Fatal(failed)
	}
	if d := s.clock.Now().Sub(before); d < 600*time.Second || d > 601*time.Second {
		t.Errorf("it took %s", d)
	}
}

// A redrive resumes at the state that failed; branches that had ended keep
// their output and do not run again.
func TestRedrive(t *testing.T) {
	t.Parallel()
	const definition = `{"StartAt":"First","States":{
	  "First":{"Type":"Task","Resource":"first","Next":"Both"},
	  "Both":{"Type":"Parallel","Next":"Last","Branches":[
	    {"StartAt":"Good","States":{"Good":{"Type":"Task","Resource":"good","End":true}}},
	    {"StartAt":"Before","States":{"Before":{"Type":"Task","Resource":"before","Next":"Bad"},"Bad":{"Type":"Task","Resource":"bad","End":true}}}]},
	  "Last":{"Type":"Task","Resource":"last","End":true}}}`
	broken := true
	s := &stage{}
	s.invoke = func(resource string, payload []byte) ([]byte, *asl.TaskError) {
		if resource == "bad" && broken {
			return nil, &asl.TaskError{Error: "E", Cause: "c"}
		}
		return payload, nil
	}
	e := s.start(t, definition, `{"x":1}`)
	if _, failed := s.run(e); failed == nil || failed.Error != "E" {
		t.Fatalf("it ended with %v", failed)
	}
	broken = false
	s.calls = nil
	out, failed := s.run(e)
	if failed != nil || out != `[{"x":1},{"x":1}]` {
		t.Fatalf("the redrive ended with %s, %v", out, failed)
	}
	if diff := cmp.Diff([]string{"bad", "last"}, s.calls); diff != "" {
		t.Errorf("the redrive called:\n%s", diff)
	}
	if !slices.ContainsFunc(s.events, func(e asl.Event) bool { return e.Type == "ExecutionRedriven" }) {
		t.Error("the history does not tell of the redrive")
	}
}

func TestStop(t *testing.T) {
	t.Parallel()
	s := &stage{}
	var e *asl.Execution
	s.invoke = func(_ string, payload []byte) ([]byte, *asl.TaskError) {
		e.Stop(asl.TaskError{Error: "Stopped", Cause: "by hand"})
		return payload, nil
	}
	e = s.start(t, `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"f","Next":"B"},"B":{"Type":"Wait","Seconds":9999,"End":true}}}`, `{}`)
	if _, failed := s.run(e); failed == nil || failed.Error != "Stopped" {
		t.Errorf("it ended with %v", failed)
	}
	if last := s.events[len(s.events)-1].Type; last != "ExecutionAborted" {
		t.Errorf("the last event is %s", last)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for name, definition := range map[string]string{
		"no JSON":           `{`,
		"unknown field":     `{"StartAt":"A","States":{"A":{"Type":"Pass","End":true,"Colour":"red"}}}`,
		"unknown type":      `{"StartAt":"A","States":{"A":{"Type":"Dance","End":true}}}`,
		"Map":               `{"StartAt":"A","States":{"A":{"Type":"Map","End":true}}}`,
		"JSONata":           `{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`,
		"start is missing":  `{"StartAt":"B","States":{"A":{"Type":"Pass","End":true}}}`,
		"next is missing":   `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"}}}`,
		"leads nowhere":     `{"StartAt":"A","States":{"A":{"Type":"Pass"}}}`,
		"branch is broken":  `{"StartAt":"A","States":{"A":{"Type":"Parallel","End":true,"Branches":[{"StartAt":"B","States":{}}]}}}`,
		"default is absent": `{"StartAt":"A","States":{"A":{"Type":"Choice","Choices":[],"Default":"B"}}}`,
	} {
		if _, err := asl.Parse([]byte(definition)); err == nil {
			t.Errorf("%s: it was accepted", name)
		}
	}
}

// The definition that is deployed runs, waits where it waits, and merges what
// its branches add.
func TestPlan(t *testing.T) {
	t.Parallel()
	results := map[string]plan.Step{}
	for _, step := range plan.Workspace().Steps() {
		results["${"+step.Name+"}"] = step
	}
	var mu sync.Mutex
	looks := map[string]int{}
	// last is the document that the last step gets.
	var last []byte
	s := &stage{}
	s.invoke = func(resource string, payload []byte) ([]byte, *asl.TaskError) {
		step := results[resource]
		if step.Result == "" {
			return payload, nil
		}
		mu.Lock()
		defer mu.Unlock()
		looks[step.Name]++
		if step.Final {
			last = payload
		}
		leave := ""
		if step.Leave != nil {
			leave = fmt.Sprintf(`,%q:false`, step.Leave.Key)
		}
		if step.Await != nil {
			return fmt.Appendf(nil, `{"ready":%t,"pauseSeconds":30%s}`, looks[step.Name] == 3, leave), nil
		}
		return []byte(`{"outcome":"Found"` + leave + `}`), nil
	}
	e := s.start(t, string(plan.Machines()[0].Definition()), `{"workspace":"w","revision":{"path":"p"}}`)
	out, failed := s.run(e)
	if failed != nil {
		t.Fatal(failed)
	}
	var document map[string]any
	if err := json.Unmarshal(last, &document); err != nil {
		t.Fatal(err)
	}
	if out != `{"outcome":"Found"}` {
		t.Errorf("the execution leaves %s, and not what its last step says", out)
	}
	for _, step := range plan.Workspace().Steps() {
		if step.Result != "" && !step.Final && document[step.Result] == nil {
			t.Errorf("what %s added is lost", step.Name)
		}
		if step.Await != nil && looks[step.Name] != 3 {
			t.Errorf("%s looked %d times", step.Name, looks[step.Name])
		}
	}
	if e.Transitions() < len(results) {
		t.Errorf("%d transitions were counted", e.Transitions())
	}
}

func FuzzParse(f *testing.F) {
	f.Add(string(plan.Machines()[0].Definition()))
	f.Add(`{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}`)
	f.Add(`{"StartAt":"A","States":{"A":null}}`)
	f.Fuzz(func(t *testing.T, definition string) {
		if m, err := asl.Parse([]byte(definition)); err == nil && m.States[m.StartAt] == nil {
			t.Error("it starts nowhere")
		}
	})
}

func BenchmarkPlan(b *testing.B) {
	definition := plan.Machines()[0].Definition()
	for b.Loop() {
		if _, err := asl.Parse(definition); err != nil {
			b.Fatal(err)
		}
	}
}

// An execution ends when its history has no room left.
func TestHistoryIsFull(t *testing.T) {
	t.Parallel()
	s := &stage{}
	e := s.start(t, `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"B"},"B":{"Type":"Pass","Next":"A"}}}`, `{}`)
	if _, failed := s.run(e); failed == nil || failed.Error != "States.Runtime" || len(s.events) < 25000 || len(s.events) > 25010 {
		t.Errorf("it ends with %+v after %d events", failed, len(s.events))
	}
}
