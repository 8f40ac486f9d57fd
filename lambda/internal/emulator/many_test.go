package emulator_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/internal/emulator/limits"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/plan"
)

// crowd is a world in which many workspaces are made, and who is at work.
type crowd struct {
	*testing.T
	*emulator.World

	mu      sync.Mutex
	working map[string]bool
	most    int
	again   map[string]int
}

func newCrowd(t *testing.T, cfg emulator.Config) *crowd {
	t.Helper()
	cfg.Seed, cfg.Many = 7, true
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
	c := &crowd{T: t, World: w, working: map[string]bool{}, again: map[string]int{}}
	w.Executions.Watch(c.event)
	return c
}

// event follows an execution from its first change to its end.
func (c *crowd) event(arn string, e asl.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	name, _ := e.Details["name"].(string)
	switch {
	case e.Type == "TaskStateEntered" && name == "EnsureVpc":
		c.working[arn] = true
		c.most = max(c.most, len(c.working))
	case e.Type == "TaskStateEntered" && name == "ReportReady", e.Type == "ExecutionFailed", e.Type == "ExecutionAborted":
		delete(c.working, arn)
	case e.Type == "LambdaFunctionFailed":
		class, _ := e.Details["error"].(string)
		c.again[class]++
	}
}

// settle waits until nothing happens any more.
func (c *crowd) settle() {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), 5*time.Minute)
	defer cancel()
	if err := c.Clock.Idle(ctx); err != nil {
		c.Fatal(err)
	}
}

// crowdSpecs are the smallest specs, one for each name.
func crowdSpecs(names ...string) map[string][]byte {
	files := map[string][]byte{}
	for _, name := range names {
		files[plan.SourcePrefix+name+".yaml"] = fmt.Appendf(nil, "apiVersion: lakegate.dev/v1\nkind: Workspace\nmetadata: {name: %s}\nspec:\n"+
			"  region: ap-northeast-1\n  aws: {accountId: %q}\n  databricks: {accountId: %s}\n",
			name, emulator.ExampleAWSAccount, emulator.ExampleDatabricksAccount)
	}
	return files
}

func numbered(n int) []string {
	var names []string
	for i := range n {
		names = append(names, fmt.Sprintf("team-%02d", i))
	}
	return names
}

// mustAllBeReady checks that no workspace is lost and nobody has kept a slot.
func (c *crowd) mustAllBeReady(n int) {
	c.Helper()
	tally := c.Executions.Tally()
	if tally.ByStatus["SUCCEEDED"] < n {
		c.Errorf("executions: %v", tally.ByStatus)
	}
	ready := map[string]bool{}
	for _, w := range c.Databricks.Objects() {
		if w.Kind == "workspaces" {
			ready[w.Name] = true
		}
	}
	if len(ready) != n {
		c.Errorf("%d workspaces exist, want %d", len(ready), n)
	}
	if o, ok := c.S3.Get(c.StateBucket, plan.SlotsKey); ok && strings.Contains(string(o.Body), `"places"`) {
		c.Errorf("at the end slots are %s", o.Body)
	}
	if n := len(c.Events.DeadLetters()); n > 0 {
		c.Errorf("%d events were not delivered", n)
	}
}

// One commit adds twenty specs: three at a time are worked on, and all end Ready.
func TestSlotsBoundHowManyWork(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, emulator.Config{Slots: 3})
	cloneOf(t, c.World, c.SourceRepository).push("Add", crowdSpecs(numbered(20)...))
	c.settle()
	c.mustAllBeReady(20)
	if c.most != 3 {
		t.Errorf("%d were at work at the same time", c.most)
	}
}

// Under the services' limits nobody fails, though all are throttled at times;
// nor without turns and slots, when all ask at once.
func TestNobodyFailsOfThrottling(t *testing.T) {
	t.Parallel()
	for name, cfg := range map[string]emulator.Config{
		"with turns": {}, "all at once": {Slots: -1, EndpointsPerSecond: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cfg.Limits = limits.Services()
			// Of twenty starts fifteen are granted later, as of a thousand some hundred.
			cfg.Limits = append([]wire.Limit{{Service: "states", Actions: []string{"StartExecution"}, Burst: 5, PerSecond: 5}}, cfg.Limits...)
			c := newCrowd(t, cfg)
			cloneOf(t, c.World, c.SourceRepository).push("Add", crowdSpecs(numbered(20)...))
			c.settle()
			c.mustAllBeReady(20)
			if c.again[plan.Throttled] == 0 {
				t.Error("nobody was throttled")
			}
			for class := range c.again {
				if class != plan.Throttled && class != plan.NotReady {
					t.Errorf("steps were run again because of %s", class)
				}
			}
		})
	}
}
