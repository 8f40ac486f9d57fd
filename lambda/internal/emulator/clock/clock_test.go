package clock_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"lakegate/lambda/internal/emulator/clock"
)

var start = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

// However timers are set, they run in the order of their times, each at its own.
func TestTimersRunInOrder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := clock.NewVirtual(start)
		release := c.Hold()
		var mu sync.Mutex
		var ran []time.Duration
		delays := rapid.SliceOfN(rapid.Int64Range(0, 1000), 1, 20).Draw(t, "delays")
		for _, d := range delays {
			delay := time.Duration(d) * time.Second
			c.After(delay, func() {
				mu.Lock()
				defer mu.Unlock()
				ran = append(ran, delay)
				if now := c.Now().Sub(start); now != delay {
					t.Errorf("the timer of %s ran at %s", delay, now)
				}
			})
		}
		if len(ran) > 0 {
			t.Fatal("a timer ran while the clock was held")
		}
		release()
		if err := c.Idle(context.Background()); err != nil {
			t.Fatal(err)
		}
		if len(ran) != len(delays) || !slices.IsSorted(ran) {
			t.Fatalf("they ran as %v", ran)
		}
	})
}

func TestSleep(t *testing.T) {
	t.Parallel()
	c := clock.NewVirtual(start)
	release := c.Hold()
	if err := c.Sleep(t.Context(), time.Hour); err != nil || c.Now().Sub(start) != time.Hour {
		t.Errorf("after an hour it is %s: %v", c.Now(), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := c.Sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled sleep: %v", err)
	}
	release()
	if err := c.Idle(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestScaled(t *testing.T) {
	t.Parallel()
	c := clock.NewScaled(start, 1_000_000)
	done := make(chan struct{})
	c.After(time.Hour, func() { close(done) })
	<-done
	if d := c.Now().Sub(start); d < time.Hour {
		t.Errorf("an hour took %s", d)
	}
}
