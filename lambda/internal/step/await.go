package step

import (
	"fmt"
	"time"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// pace proposes when to look again at something that usually takes so long: one
// long sleep until it can be expected at the earliest, then short ones that
// grow with the time that has passed, so that neither time nor transitions are
// wasted.
type pace struct {
	earliest time.Duration
	shortest time.Duration
	// share of the time that has passed.
	share float64
}

// Durations are what field reports give, see package latency of the emulator:
// the earliest is about half of what is usual.
var (
	paceEndpoints = pace{earliest: 4 * time.Minute, shortest: 5 * time.Second, share: 0.03}
	paceWorkspace = pace{earliest: 210 * time.Second, shortest: 5 * time.Second, share: 0.03}
	paceCluster   = pace{earliest: 160 * time.Second, shortest: 5 * time.Second, share: 0.035}
	// The workspace takes longer than private DNS, and the cluster with its
	// probes than the SQL warehouse: there is time.
	pacePrivateDNS = pace{earliest: 120 * time.Second, shortest: 30 * time.Second, share: 0.2}
	paceWarehouse  = pace{earliest: 140 * time.Second, shortest: 12 * time.Second, share: 0.05}
	paceProbe      = pace{shortest: 5 * time.Second, share: 0.05}
	paceGone       = pace{earliest: 100 * time.Second, shortest: 10 * time.Second, share: 0.05}
	paceVanishing  = pace{earliest: 50 * time.Second, shortest: 10 * time.Second, share: 0.05}
	paceMoving     = pace{shortest: 10 * time.Second, share: 0.05}
	paceStopping   = pace{shortest: 10 * time.Second, share: 0.05}
	paceBucket     = pace{shortest: time.Second}
	paceLease      = pace{shortest: 10 * time.Second, share: 0.05}
)

// slack is how much later than proposed a look may come before it is taken for
// a redrive, from which on the deadline counts anew.
const slack = 10 * time.Minute

// wait continues a wait. Something that is ready is ready also after the
// deadline, so that a redrive need not wait for anything.
func (d *Deps) wait(previous *document.Wait, ready bool, p pace) document.Wait {
	now := d.Now().UTC()
	w := document.Wait{Ready: ready, Since: now, Looked: now}
	if previous != nil && !previous.Since.IsZero() &&
		now.Sub(previous.Looked) < time.Duration(previous.PauseSeconds)*time.Second+slack {
		w.Since = previous.Since
	}
	if ready {
		return w
	}
	passed := now.Sub(w.Since)
	pause := max(p.shortest, time.Duration(p.share*float64(passed)))
	if early := p.earliest - passed; early > pause {
		pause = early
	}
	w.PauseSeconds = int((pause + time.Second - 1) / time.Second)
	return w
}

// late fails as TimedOut when a wait has lasted longer than the plan allows.
func late(step string, w document.Wait, what, seen string) error {
	if w.Ready {
		return nil
	}
	within := deadline(step)
	if passed := w.Looked.Sub(w.Since); passed > within {
		return failure.New(plan.TimedOut, "", "waiting for %s: after %s it is still %s",
			what, passed.Round(time.Second), seen)
	}
	return nil
}

func deadline(step string) time.Duration {
	if await := inPlan()[step].Await; await != nil {
		return await.Within
	}
	panic(fmt.Sprintf("step %s waits for nothing", step))
}

// outcomeOf is the outcome of a wait.
func outcomeOf(w document.Wait, reason string) document.Outcome {
	if w.Ready {
		return document.Outcome{Outcome: document.Ready, Reason: reason}
	}
	return document.Outcome{Outcome: document.Waiting, Reason: reason}
}
