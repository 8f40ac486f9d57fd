package step_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/plan"
)

// What steps log is not looked at here, and there is much of it.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// run is one execution whose steps a test runs one by one, in the plan's order,
// without a state machine.
type run struct {
	t     testing.TB
	world *emulator.World
	// graph of the machine whose steps are run, file of the spec.
	graph plan.Sequence
	file  string
	// first is what the first step gets.
	first map[string]json.RawMessage
	doc   map[string]json.RawMessage
	// spec, if any, takes the place of what LoadSpec has read: a step must also
	// stand a spec that validation would refuse.
	spec json.RawMessage
}

// newRun starts a world of its own and commits a spec to it.
func newRun(t testing.TB, specFile string) *run {
	t.Helper()
	text, err := os.ReadFile("../../../spec/examples/" + specFile)
	if err != nil {
		t.Fatal(err)
	}
	return newRunOf(t, specFile, string(text), emulator.Config{Seed: 1})
}

func newRunOf(t testing.TB, file, text string, cfg emulator.Config) *run {
	t.Helper()
	cfg.Manual = true
	r := newRunIn(t, cfg)
	// Time passes only when the test lets it.
	t.Cleanup(r.world.Clock.Hold())
	r.commit(file, text)
	return r
}

// newRunIn starts a world to which nothing is committed yet.
func newRunIn(t testing.TB, cfg emulator.Config) *run {
	t.Helper()
	w, err := emulator.Start(cfg)
	if err != nil {
		t.Fatal(err)
	}
	// A test keeps what it has cleaned up until all tests have ended.
	open := w
	t.Cleanup(func() {
		open.Close()
		open = nil
	})
	return &run{t: t, world: w}
}

// commit begins a new execution for a new version of the spec.
func (r *run) commit(file, text string) {
	r.t.Helper()
	path := plan.SourcePrefix + file
	version, err := r.world.Commit(path, []byte(text))
	if err != nil {
		r.t.Fatal(err)
	}
	name := fmt.Sprintf("%s-%s", file, version)
	r.start(plan.Workspace(), file, version, r.world.ExecutionARN(name), name)
}

// remove begins the execution that retires the workspace of a spec.
func (r *run) remove(file string) {
	r.t.Helper()
	version, err := r.world.Remove(plan.SourcePrefix + file)
	if err != nil {
		r.t.Fatal(err)
	}
	name := fmt.Sprintf("%s-%s", file, version)
	r.start(plan.Retirement(), file, version, strings.Replace(r.world.ExecutionARN(name), plan.StateMachineName, plan.RetirementMachineName, 1), name)
}

func (r *run) start(graph plan.Sequence, file, version, arn, name string) {
	r.t.Helper()
	r.graph, r.file, r.first, r.doc = graph, file, map[string]json.RawMessage{}, map[string]json.RawMessage{}
	input, err := json.Marshal(map[string]any{
		"input": document.Input{
			Workspace: file[:len(file)-len(".yaml")],
			Revision:  revision.Revision{Source: plan.S3, Repository: r.world.SourceBucket, Path: plan.SourcePrefix + file, Version: version},
		},
		"execution": map[string]any{"arn": arn, "name": name, "startTime": r.world.Clock.Now()},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	if err := json.Unmarshal(input, &r.first); err != nil {
		r.t.Fatal(err)
	}
}

// step runs a step once and stores what it returns, as the state machine does.
func (r *run) step(name string) error {
	r.t.Helper()
	s, in := stepOf(r.t, name), r.doc
	if s.Input != nil {
		in = r.first
	}
	payload, err := json.Marshal(in)
	if err != nil {
		r.t.Fatal(err)
	}
	out, err := r.world.Invoke(context.Background(), name, payload)
	if err != nil {
		return err
	}
	if s.Result == "" {
		r.doc = map[string]json.RawMessage{}
		if err := json.Unmarshal(out, &r.doc); err != nil {
			r.t.Fatal(err)
		}
		if r.spec != nil {
			r.doc["spec"] = r.spec
		}
		return nil
	}
	r.doc[s.Result] = out
	return nil
}

// settle runs a step until it is ready, waiting as it asks to.
func (r *run) settle(name string) error {
	r.t.Helper()
	for range 200 {
		if err := r.step(name); err != nil {
			return err
		}
		s := stepOf(r.t, name)
		if s.Await == nil {
			return nil
		}
		var w struct {
			Ready        bool
			PauseSeconds int
		}
		if err := json.Unmarshal(r.doc[s.Result], &w); err != nil {
			r.t.Fatal(err)
		}
		if w.Ready {
			return nil
		}
		if w.PauseSeconds <= 0 {
			r.t.Fatalf("%s is not ready and proposes no pause", name)
		}
		r.pass(time.Duration(w.PauseSeconds) * time.Second)
	}
	return fmt.Errorf("%s is never ready", name)
}

// persist settles a step as the state machine does: errors of the classes that
// the machine acts on are retried.
func (r *run) persist(name string) error {
	r.t.Helper()
	var err error
	for range 40 {
		if err = r.settle(name); err == nil || !retried(err) {
			return err
		}
		r.pass(5 * time.Second)
	}
	return err
}

// upTo persists every step before the named one; all if the name is empty.
func (r *run) upTo(name string) {
	r.t.Helper()
	for _, s := range r.graph.Steps() {
		if s.Name == name {
			return
		}
		err := r.persist(s.Name)
		kind, _ := class(err)
		if s.Name == "PlanChanges" && slices.Contains([]string{plan.Conflict, plan.ActionRequired, plan.QuotaExceeded}, kind) {
			// It refuses what a later step is bound to refuse, which the tests of that
			// step are about.
			r.doc[s.Result] = json.RawMessage(`{"outcome":"Planned","leave":false}`)
			continue
		}
		if err != nil {
			r.t.Fatalf("%s: %v", s.Name, err)
		}
	}
}

// pass lets time pass.
func (r *run) pass(d time.Duration) {
	r.t.Helper()
	if err := r.world.Clock.Sleep(context.Background(), d); err != nil {
		r.t.Fatal(err)
	}
}

// result decodes what a step has added to the document.
func (r *run) result(name string, into any) {
	r.t.Helper()
	if err := json.Unmarshal(r.doc[stepOf(r.t, name).Result], into); err != nil {
		r.t.Fatal(err)
	}
}

// outcome is the outcome of a step.
func (r *run) outcome(name string) string {
	r.t.Helper()
	var o struct{ Outcome string }
	r.result(name, &o)
	return o.Outcome
}

// after persists every step after the named one.
func (r *run) after(name string) {
	r.t.Helper()
	past := false
	for _, s := range r.graph.Steps() {
		if past {
			if err := r.persist(s.Name); err != nil {
				r.t.Fatalf("%s: %v", s.Name, err)
			}
		}
		past = past || s.Name == name
	}
}

func stepOf(t testing.TB, name string) plan.Step {
	t.Helper()
	for _, s := range plan.Steps() {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("there is no step %s", name)
	return plan.Step{}
}

// class is the error name that Step Functions sees, and the message.
func class(err error) (name, message string) {
	if e, ok := errors.AsType[messages.InvokeResponse_Error](err); ok {
		return e.Type, e.Message
	}
	return "", fmt.Sprint(err)
}

// retried says whether the state machine runs a step again after an error.
func retried(err error) bool {
	name, _ := class(err)
	for _, r := range plan.Retriers() {
		for _, e := range r.Errors {
			if e == name {
				return true
			}
		}
	}
	return false
}
