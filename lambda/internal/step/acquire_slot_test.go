package step_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/slot"
	"lakegate/lambda/plan"
)

// slotOf is what the step has found.
func (r *run) slotOf() (s document.Slot) {
	r.t.Helper()
	r.result("AcquireSlot", &s)
	return s
}

// line writes the object that says who may work.
func (r *run) line(l slot.Line) {
	r.t.Helper()
	body, err := json.Marshal(l)
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.world.S3.Put(r.world.StateBucket, plan.SlotsKey, body); err != nil {
		r.t.Fatal(err)
	}
}

// inLine returns the object that says who may work.
func (r *run) inLine() (l slot.Line) {
	r.t.Helper()
	o, ok := r.world.S3.Get(r.world.StateBucket, plan.SlotsKey)
	if !ok {
		return l
	}
	if err := json.Unmarshal(o.Body, &l); err != nil {
		r.t.Fatal(err)
	}
	return l
}

// mitosLane is the account and region of the examples.
const mitosLane = "123456789012/ap-northeast-1"

// looks runs the step once and compares for how long it wants to wait.
func (r *run) looks(pause int, reason string) {
	r.t.Helper()
	if err := r.step("AcquireSlot"); err != nil {
		r.t.Fatal(err)
	}
	s := r.slotOf()
	if s.PauseSeconds != pause || s.Ready != (pause == 0) || !strings.Contains(s.Reason, reason) {
		r.t.Errorf("it waits for %d s (ready: %t), want %d: %s", s.PauseSeconds, s.Ready, pause, s.Reason)
	}
}

func TestAcquireSlot(t *testing.T) {
	t.Parallel()
	t.Run("room for one", func(t *testing.T) {
		t.Parallel()
		r := at(t, "AcquireSlot")
		r.looks(0, "room")
		l := r.inLine()
		same(t, "places", 1, len(l.Places))
		// Five endpoints at 0.3 per second.
		if got := l.Next[mitosLane].Sub(r.world.Clock.Now()).Round(time.Second); got != 17*time.Second {
			t.Errorf("the next turn is in %s", got)
		}
		r.upTo("ReportReady")
		r.does("ReportReady", "Ready")
		same(t, "places at the end", 0, len(r.inLine().Places))
		// The same spec needs none, and one with another tag makes no endpoint.
		r.revise("AcquireSlot")
		r.looks(0, "needs no slot")
		same(t, "places of the same spec", 0, len(r.inLine().Places))
		r.spec = nil
		r.pass(time.Minute)
		r.commit("mito.yaml", edited(t, "  tags: {team", "  tags: {floor: first, team"))
		r.upTo("AcquireSlot")
		r.looks(0, "room")
		if got := r.inLine().Next[mitosLane].Sub(r.world.Clock.Now()).Round(time.Second); got != 3*time.Second {
			t.Errorf("the turn after that of a change is in %s", got)
		}
	})
	t.Run("its turn", func(t *testing.T) {
		t.Parallel()
		r := at(t, "AcquireSlot")
		r.line(slot.Line{Next: map[string]time.Time{mitosLane: r.world.Clock.Now().Add(11 * time.Minute)}})
		r.looks(600, "its turn is at")
		booked := r.inLine().Next[mitosLane]
		r.pass(10 * time.Minute)
		r.looks(60, "its turn is at")
		r.pass(time.Minute)
		r.looks(0, "room")
		if got := r.inLine().Next[mitosLane]; !got.IsZero() && !got.Equal(booked) {
			t.Errorf("it has booked twice: %s and %s", booked, got)
		}
	})
	t.Run("no slot", func(t *testing.T) {
		t.Parallel()
		r := at(t, "AcquireSlot")
		var l slot.Line
		for i := range plan.DefaultSlots + 20 {
			l.Places = append(l.Places, slot.Place{Execution: r.world.ExecutionARN(fmt.Sprint("other-", i)), Pool: "8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34"})
		}
		r.line(l)
		// The one before it does not run, and has lost its place.
		r.looks(40, "20 stand before it")
		// Those before it are gone, though they have not said so.
		l = r.inLine()
		l.Places = l.Places[19:]
		r.line(l)
		r.pass(time.Minute)
		r.looks(0, "room")
		if n := len(r.inLine().Places); n >= plan.DefaultSlots {
			t.Errorf("%d places are left", n)
		}
	})
	t.Run("others were faster", func(t *testing.T) {
		t.Parallel()
		r := at(t, "AcquireSlot")
		r.world.Hub.Inject(&wire.Fault{
			Kind: wire.Refuse, Caller: "AcquireSlot", Service: "s3", Action: "PutObject",
			Error: &wire.Error{Status: 412, Code: "PreconditionFailed", Message: "At least one of the pre-conditions you specified did not hold"},
		})
		if err := r.step("AcquireSlot"); err != nil {
			t.Fatal(err)
		}
		if s := r.slotOf(); s.Ready || s.PauseSeconds < 1 || s.PauseSeconds > 61 || !s.Turn.IsZero() {
			t.Errorf("it waits with %+v", s)
		}
		r.looks(0, "room")
	})
	t.Run("too late", func(t *testing.T) {
		t.Parallel()
		r := at(t, "AcquireSlot")
		now := r.world.Clock.Now()
		r.line(slot.Line{Next: map[string]time.Time{mitosLane: now.Add(8 * 24 * time.Hour)}})
		r.looks(600, "its turn is at")
		s := r.slotOf()
		s.Since = now.Add(-8 * 24 * time.Hour)
		text, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		r.doc["slot"] = text
		r.refuses("AcquireSlot", plan.TimedOut, "a slot for mito")
	})
	t.Run("nothing is deleted", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		r.remove("mito.yaml")
		r.upTo("AcquireSlot")
		r.does("AcquireSlot", "Skipped")
	})
}
