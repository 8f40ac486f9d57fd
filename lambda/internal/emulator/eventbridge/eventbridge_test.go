package eventbridge_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/eventbridge"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/wire"
)

// A target that fails is tried again until the rule's bounds; then the event is
// a dead letter.
func TestDelivery(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		failures, most int
		maxAge         time.Duration
		calls          int64
		dead           int
	}{
		{"at once", 0, 3, time.Hour, 1, 0},
		{"after two failures", 2, 3, time.Hour, 3, 0},
		{"too many failures", 99, 3, time.Hour, 4, 1},
		{"too old", 99, 185, 10 * time.Second, 4, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := clock.NewVirtual(time.Unix(0, 0))
			var calls atomic.Int64
			s := eventbridge.New(wire.NewHub(c), latency.NewSource(1), "123456789012", func(context.Context, string, []byte) error {
				if calls.Add(1) <= int64(tt.failures) {
					return errors.New("not now")
				}
				return nil
			})
			if err := s.AddRule(eventbridge.Rule{Name: "r", Bus: "default", Pattern: `{"source":["x"]}`, TargetARN: "t", MaxAttempts: tt.most, MaxAge: tt.maxAge}); err != nil {
				t.Fatal(err)
			}
			s.Emit(eventbridge.Event{Source: "x", Detail: []byte(`{}`)})
			s.Emit(eventbridge.Event{Source: "y", Detail: []byte(`{}`)})
			if err := c.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if calls.Load() != tt.calls || len(s.DeadLetters()) != tt.dead {
				t.Errorf("%d calls and %d dead letters, want %d and %d", calls.Load(), len(s.DeadLetters()), tt.calls, tt.dead)
			}
		})
	}
}
