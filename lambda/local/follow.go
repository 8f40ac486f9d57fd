package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/plan"
)

// follower prints what executions do, as they do it.
type follower struct {
	out  io.Writer
	mu   sync.Mutex
	runs map[string]*followed
}

// followed is one execution.
type followed struct {
	start   time.Time
	waiting map[string]bool
}

// results are the keys under which steps store what they did, by step.
var results = func() map[string]string {
	keys := map[string]string{}
	for _, s := range plan.Steps() {
		keys[s.Name] = s.Result
	}
	return keys
}()

// follow prints the executions of a world from now on.
func follow(w *emulator.World, out io.Writer) {
	f := &follower{out: out, runs: map[string]*followed{}}
	w.Executions.Watch(f.event)
}

func (f *follower) event(arn string, e asl.Event) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := f.runs[arn]
	if r == nil {
		r = &followed{start: e.Time, waiting: map[string]bool{}}
		f.runs[arn] = r
	}
	at := clockTime(e.Time.Sub(r.start))
	name := arn[strings.LastIndex(arn, ":")+1:]
	text := func(key string) string { s, _ := e.Details[key].(string); return s }
	switch e.Type {
	case "ExecutionStarted":
		fmt.Fprintf(f.out, "\nexecution %s\n", name)
	case "ExecutionRedriven":
		fmt.Fprintf(f.out, "%s    redriven\n", at)
	case "TaskStateExited":
		f.step(r, at, text("name"), text("output"))
	case "LambdaFunctionFailed":
		what, _, _ := strings.Cut(message(text("cause")), "\n")
		fmt.Fprintf(f.out, "%s  ! %-28s %s\n", at, text("error"), what)
	case "ExecutionFailed", "ExecutionAborted", "ExecutionTimedOut":
		fmt.Fprintf(f.out, "%s  ✗ %s %s\n%s\n", at, e.Type, text("error"), message(text("cause")))
	case "ExecutionSucceeded":
		fmt.Fprintf(f.out, "%s  ✓ execution succeeded\n", at)
	}
}

// step prints what a step did: each once, and a wait when it begins and ends.
func (f *follower) step(r *followed, at, name, output string) {
	var document map[string]json.RawMessage
	if json.Unmarshal([]byte(output), &document) != nil {
		return
	}
	did := struct{ Outcome, Reason string }{Outcome: "Verified"}
	if key := results[name]; key != "" {
		if json.Unmarshal(document[key], &did) != nil {
			return
		}
	}
	mark := "✓"
	if did.Outcome == "Waiting" {
		if r.waiting[name] {
			return
		}
		r.waiting[name], mark = true, "…"
	}
	fmt.Fprintf(f.out, "%s  %s %-28s %-9s %s\n", at, mark, name, did.Outcome, shorten(did.Reason))
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
