package source

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// atOnce is how many executions are started at the same time.
const atOnce = 16

// order is one execution to start, and what became of it.
type order struct {
	change  Change
	started *Started
	err     error
}

// startAll starts executions, as many at once as is good. When Step Functions
// asks for fewer calls, those that are left wait together. An error in one keeps
// no other from being started.
func (d *Dispatcher) startAll(ctx context.Context, changes []Change) ([]Started, error) {
	orders := make([]order, len(changes))
	for i, c := range changes {
		orders[i].change = c
	}
	pause := shortestPause
	for {
		left := countLeft(orders)
		throttled := d.startSome(ctx, orders)
		if throttled == nil {
			break
		}
		pause = min(2*pause, longestPause)
		if countLeft(orders) < left {
			pause = shortestPause
		}
		if d.pause(ctx, pause) != nil {
			return nil, fmt.Errorf("starting %d of %d executions: %w", countLeft(orders), len(orders), throttled)
		}
	}
	started := make([]Started, 0, len(orders))
	var failed []error
	for _, o := range orders {
		if o.err != nil {
			failed = append(failed, o.err)
			continue
		}
		started = append(started, *o.started)
	}
	if len(failed) > 0 {
		return nil, fmt.Errorf("starting %d of %d executions: %w", len(failed), len(orders), failed[0])
	}
	return started, nil
}

// startSome starts what is left until Step Functions asks for fewer calls, and
// returns how it did.
func (d *Dispatcher) startSome(ctx context.Context, orders []order) error {
	var throttled atomic.Pointer[error]
	SideBySide(len(orders), atOnce, func(i int) {
		o := &orders[i]
		if !o.left() || throttled.Load() != nil {
			return
		}
		if o.start(ctx, d); o.left() {
			throttled.Store(&o.err)
		}
	})
	if err := throttled.Load(); err != nil {
		return *err
	}
	return nil
}

// left says whether an execution has still to be started.
func (o *order) left() bool {
	return o.started == nil && (o.err == nil || failure.Classify(o.err).Class == plan.Throttled)
}

func countLeft(orders []order) int {
	n := 0
	for i := range orders {
		if orders[i].left() {
			n++
		}
	}
	return n
}

func (o *order) start(ctx context.Context, d *Dispatcher) {
	c, name := o.change, ExecutionName(o.change)
	already, err := d.Start(ctx, c, name, "")
	if o.err = err; err != nil {
		return
	}
	slog.InfoContext(ctx, "execution started", "workspace", c.Workspace, "revision", c.Revision.String(), "execution", name, "already", already)
	o.started = &Started{Workspace: c.Workspace, Execution: name, Already: already}
}
