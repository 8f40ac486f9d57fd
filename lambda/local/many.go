package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/internal/emulator/limits"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// manyOptions are how many workspaces are made, and how.
type manyOptions struct {
	workspaces, regions, slots int
	endpointsPerSecond         float64
	seed                       uint64
}

// many pushes one commit that adds very many specs, with the limits of the
// services in force, and prints how long it takes beside how long they make it
// take. It fails if one of them does not come to its end.
func many(ctx context.Context, out io.Writer, o manyOptions) error {
	began := time.Now()
	one, err := measureMany(ctx, manyOptions{1, 1, o.slots, o.endpointsPerSecond, o.seed})
	if err != nil {
		return err
	}
	m, err := measureMany(ctx, o)
	if err != nil {
		return err
	}
	needed, by := limits.Longest(one.uses, func(u wire.Use) int {
		if u.Limit.Service == "ec2" {
			// Each region serves its share at the same time as the others.
			return (o.workspaces + o.regions - 1) / o.regions
		}
		return o.workspaces
	})
	bound := needed + one.took
	fmt.Fprintf(out, "%d workspaces in one commit, %d region(s), the services' limits in force, virtual clock\n", o.workspaces, o.regions)
	row := func(what, figure, aim string) { fmt.Fprintf(out, "  %-72s %-34s aim: %s\n", what, figure, aim) }
	row("Ready, failed, lost", fmt.Sprintf("%d, %d, %d", m.ready, m.failed, o.workspaces-m.ready-m.failed), fmt.Sprintf("%d, 0, 0", o.workspaces))
	row("commit to the last Ready, simulated", m.took.Round(time.Second).String(), "-")
	row(fmt.Sprintf("what %s grants (%g/s), and then one provisioning", nameOf(by), by.Limit.PerSecond), bound.Round(time.Second).String(), "-")
	row("the one over the other", fmt.Sprintf("%.3f", m.took.Seconds()/bound.Seconds()), "at most 1.1")
	row("at work at the same time", fmt.Sprintf("at most %d", m.most), fmt.Sprintf("at most %d", o.slots))
	row("calls that were throttled", listOf(m.throttled()), "-")
	row("steps that ran again, by class of error", listOf(m.again), "-")
	row("executions in which a step ran again", strconv.Itoa(m.disturbed), "-")
	row("events of the longest history", strconv.Itoa(m.longest), "at most 25000")
	row("real time, peak memory", fmt.Sprintf("%s, %d MB", time.Since(began).Round(time.Second), peakMemory()>>20), "-")
	if m.ready != o.workspaces {
		return fmt.Errorf("%d of %d workspaces are Ready", m.ready, o.workspaces)
	}
	return nil
}

// manyMeasured is what was seen of very many executions.
type manyMeasured struct {
	took                     time.Duration
	ready, failed, disturbed int
	most, longest            int
	again                    map[string]int
	uses                     []wire.Use
	// ends of executions, by workspace.
	ends map[string]end
}

// end is how an execution ended, and when.
type end struct {
	how string
	at  time.Time
}

// throttled counts the calls that were refused, by what they asked for.
func (m *manyMeasured) throttled() map[string]int {
	all := map[string]int{}
	for _, u := range m.uses {
		if u.Throttled > 0 {
			all[nameOf(u)] += u.Throttled
		}
	}
	return all
}

// nameOf is what a bucket is for.
func nameOf(u wire.Use) string {
	if what := cmp.Or(u.Action, strings.Join(u.Limit.Actions, " ")); what != "" && len(u.Limit.Actions) < 4 {
		return u.Limit.Service + ":" + what
	}
	return u.Limit.Service
}

func listOf(counts map[string]int) string {
	if len(counts) == 0 {
		return "none"
	}
	var parts []string
	for _, key := range slices.Sorted(maps.Keys(counts)) {
		parts = append(parts, fmt.Sprintf("%s %d", key, counts[key]))
	}
	return strings.Join(parts, ", ")
}

// theRegion is where the stack is.
const theRegion = "eu-west-1"

// minimalSpec is the fewest lines that work.
const minimalSpec = `apiVersion: lakegate.dev/v1
kind: Workspace
metadata:
  name: %s
spec:
  region: %s
  aws:
    accountId: "` + emulator.ExampleAWSAccount + `"
  databricks:
    accountId: ` + emulator.ExampleDatabricksAccount + `
`

func measureMany(ctx context.Context, o manyOptions) (*manyMeasured, error) {
	w, err := emulator.Start(emulator.Config{
		Seed: o.seed, Region: theRegion, Slots: o.slots, EndpointsPerSecond: o.endpointsPerSecond,
		Limits: limits.Services(), Many: true,
	})
	if err != nil {
		return nil, err
	}
	defer w.Close()
	regions := spec.RegionNames()
	// The region of the stack is one of them.
	i := slices.Index(regions, theRegion)
	regions[0], regions[i] = regions[i], regions[0]
	files, names := map[string][]byte{}, []string{}
	for i := range o.workspaces {
		name := fmt.Sprintf("team-%04d", i)
		names = append(names, name)
		files[plan.SourcePrefix+name+".yaml"] = fmt.Appendf(nil, minimalSpec, name, regions[i%o.regions])
	}
	by, err := newCommitter(ctx, w)
	if err != nil {
		return nil, err
	}
	defer by.close()
	m := &manyMeasured{again: map[string]int{}, ends: map[string]end{}}
	watch(w, m)
	began := w.Clock.Now()
	if err := by.pushAll(ctx, files, "Add the workspaces of all teams"); err != nil {
		return nil, err
	}
	if err := w.Clock.Idle(ctx); err != nil {
		return nil, err
	}
	last := began
	for _, name := range names {
		ended, ready := m.ends[name], isReady(w, name)
		switch {
		case ready && ended.how == "ExecutionSucceeded":
			m.ready++
		case ended.how != "":
			m.failed++
		}
		if ended.at.After(last) {
			last = ended.at
		}
	}
	m.took, m.uses, m.longest = last.Sub(began), w.Hub.Uses(), w.Executions.Tally().Longest
	return m, nil
}

// isReady says whether the status of a workspace does.
func isReady(w *emulator.World, name string) bool {
	o, ok := w.S3.Get(w.StateBucket, "status/"+name+".json")
	var status report.Status
	if !ok || json.Unmarshal(o.Body, &status) != nil {
		return false
	}
	c := status.Condition(report.ConditionReady)
	return c != nil && c.Status == "True"
}

// watch counts how many executions are at work, and what is run again.
func watch(w *emulator.World, m *manyMeasured) {
	var mu sync.Mutex
	working, disturbed := map[string]bool{}, map[string]bool{}
	w.Executions.Watch(func(arn string, e asl.Event) {
		mu.Lock()
		defer mu.Unlock()
		name, _ := e.Details["name"].(string)
		switch {
		case e.Type == "TaskStateEntered" && name == "EnsureVpc":
			working[arn] = true
			m.most = max(m.most, len(working))
		case strings.HasPrefix(e.Type, "Execution") && e.Type != "ExecutionStarted":
			delete(working, arn)
			workspace := arn[strings.LastIndex(arn, ":")+1:]
			m.ends[workspace[:strings.LastIndex(workspace, "-")]] = end{e.Type, e.Time}
		case e.Type == "LambdaFunctionFailed":
			class, _ := e.Details["error"].(string)
			m.again[class]++
			disturbed[arn] = true
			m.disturbed = len(disturbed)
		}
	})
}

// peakMemory is the most memory that the process has had.
func peakMemory() uint64 {
	text, err := os.ReadFile("/proc/self/status")
	if err == nil {
		for line := range bytes.Lines(text) {
			var kilobytes uint64
			if _, err := fmt.Sscanf(string(line), "VmHWM: %d kB", &kilobytes); err == nil {
				return kilobytes << 10
			}
		}
	}
	// Where there is no such file, what the runtime has asked for.
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.Sys
}
