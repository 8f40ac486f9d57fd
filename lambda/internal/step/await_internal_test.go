package step

import (
	"testing"
	"time"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

var start = time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)

// A wait begins with one long pause, then looks in intervals that grow.
func TestWaitPauses(t *testing.T) {
	t.Parallel()
	endpoints := pace{earliest: 4 * time.Minute, shortest: 5 * time.Second, share: 0.03}
	for name, test := range map[string]struct {
		p      pace
		passed time.Duration
		want   int
	}{
		"first look":              {endpoints, 0, 240},
		"woken early":             {endpoints, 3 * time.Minute, 60},
		"just before":             {endpoints, 4*time.Minute - time.Second, 8},
		"at the earliest":         {endpoints, 4 * time.Minute, 8},
		"later":                   {endpoints, 10 * time.Minute, 18},
		"much later":              {endpoints, 30 * time.Minute, 54},
		"no earliest":             {paceLease, 0, 10},
		"the share of no earlier": {paceLease, 10 * time.Minute, 30},
		"rounded up":              {pace{shortest: time.Second, share: 0.1}, 15 * time.Second, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now := start.Add(test.passed)
			d := &Deps{Now: func() time.Time { return now }}
			w := d.wait(&document.Wait{Since: start, Looked: now}, false, test.p)
			if w.PauseSeconds != test.want || w.Ready || !w.Since.Equal(start) || !w.Looked.Equal(now) {
				t.Errorf("got %+v, want a pause of %d", w, test.want)
			}
		})
	}
}

// Since when something is waited for outlives looks, but not a redrive.
func TestWaitSince(t *testing.T) {
	t.Parallel()
	now := start.Add(time.Hour)
	for name, test := range map[string]struct {
		previous *document.Wait
		want     time.Time
	}{
		"first look":     {nil, now},
		"empty":          {&document.Wait{}, now},
		"next look":      {&document.Wait{Since: start, Looked: now.Add(-time.Minute), PauseSeconds: 60}, start},
		"a late look":    {&document.Wait{Since: start, Looked: now.Add(-10 * time.Minute), PauseSeconds: 60}, start},
		"a redrive":      {&document.Wait{Since: start, Looked: now.Add(-12 * time.Minute), PauseSeconds: 60}, now},
		"just a redrive": {&document.Wait{Since: start, Looked: now.Add(-time.Minute - slack), PauseSeconds: 60}, now},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &Deps{Now: func() time.Time { return now.In(time.FixedZone("JST", 9*3600)) }}
			for _, ready := range []bool{false, true} {
				w := d.wait(test.previous, ready, paceEndpoints)
				if !w.Since.Equal(test.want) || w.Ready != ready || ready != (w.PauseSeconds == 0) || w.Looked.Location() != time.UTC {
					t.Errorf("ready %t: got %+v, want since %s", ready, w, test.want)
				}
			}
		})
	}
}

func TestLate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		step   string
		passed time.Duration
		ready  bool
		late   bool
	}{
		"in time":                  {"AwaitEndpoints", 29 * time.Minute, false, false},
		"at the deadline":          {"AwaitEndpoints", 30 * time.Minute, false, false},
		"after it":                 {"AwaitEndpoints", 30*time.Minute + time.Second, false, true},
		"ready after the deadline": {"AwaitEndpoints", 2 * time.Hour, true, false},
		"another deadline":         {"AwaitWorkspace", 35 * time.Minute, false, false},
		"after the other deadline": {"AwaitWorkspace", 41 * time.Minute, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			err := late(test.step, document.Wait{Ready: test.ready, Since: start, Looked: start.Add(test.passed)}, "the thing", "pending")
			if failure.Is(err, plan.TimedOut) != test.late || (err == nil) == test.late {
				t.Fatalf("got %v", err)
			}
			if want := "waiting for the thing: after " + test.passed.String() + " it is still pending"; test.late && err.Error() != want {
				t.Errorf("got %q, want %q", err, want)
			}
		})
	}
}

// Every step that waits has a pace that fits its deadline, and no other step
// has a deadline.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	paces := map[string]pace{
		// A slot is waited for by the turn and the place in line, not by a pace.
		"AcquireSlot": {shortest: perPlace}, "AcquireLease": paceLease, "AwaitEndpoints": paceEndpoints, "AwaitWorkspace": paceWorkspace, "AwaitPrivateDns": pacePrivateDNS,
		"VerifyCluster": paceCluster, "VerifySqlWarehouse": paceWarehouse, "VerifyPrivateDns": paceProbe, "VerifyPorts": paceProbe,
		"VerifyMetastore": paceProbe, "VerifyIsolation": paceProbe,
		"StopRunningCompute": paceStopping, "AwaitMovedEndpoints": paceMoving, "DeleteFormerNetwork": paceVanishing,
		"AwaitWorkspaceGone": paceGone, "AwaitEndpointsGone": paceVanishing, "DeleteLeftovers": paceVanishing, "DeleteRootBucket": paceBucket,
	}
	for _, s := range plan.Steps() {
		p, waits := paces[s.Name]
		if waits != (s.Await != nil) {
			t.Errorf("%s: waits in the plan is %t, here %t", s.Name, s.Await != nil, waits)
			continue
		}
		if waits && (deadline(s.Name) != s.Await.Within || p.earliest >= s.Await.Within/2 || p.shortest <= 0) {
			t.Errorf("%s: the pace %+v does not fit %s", s.Name, p, s.Await.Within)
		}
		if !waits {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s has a deadline", s.Name)
					}
				}()
				deadline(s.Name)
			}()
		}
	}
}
