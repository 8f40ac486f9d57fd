package source

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

const (
	// atOnce is how many executions are started at the same time.
	atOnce = 16
	// shortestPause is in which Step Functions grants some hundred more starts,
	// longestPause how rarely it is asked when it grants none.
	shortestPause, longestPause = time.Second, 30 * time.Second
)

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
		// Another push may be waiting for the same.
		if d.pause(ctx, pause/2+rand.N(pause/2)) != nil { //nolint:gosec // spreads calls
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
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i := range orders {
		o := &orders[i]
		if !o.left() {
			continue
		}
		group.Go(func() error {
			if throttled.Load() != nil {
				return nil
			}
			if o.start(ctx, d); o.left() {
				throttled.Store(&o.err)
			}
			return nil
		})
	}
	// No function returns an error: each is kept with its order.
	_ = group.Wait()
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

func (d *Dispatcher) pause(ctx context.Context, pause time.Duration) error {
	if d.Pause != nil {
		return d.Pause(ctx, pause)
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
