// Package clock is the time of the emulated services.
//
// A virtual clock stands still while anything runs and jumps to the next timer
// when nothing else can run, so that twenty minutes of provisioning pass in a
// second and every run of the same seed sees the same times. A scaled clock
// runs by itself, some times faster than the wall.
package clock

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// Clock is the time of the emulated services. It is safe for concurrent use.
type Clock struct {
	mu     sync.Mutex
	now    time.Time // virtual: the time; scaled: the time at origin
	origin time.Time // scaled: the wall time at which now was the time
	speed  float64   // 0 means virtual
	holds  int
	timers timers
	order  int
	idle   []chan struct{}
}

// NewVirtual returns a clock that starts at the given time and moves only when
// nothing is held.
func NewVirtual(start time.Time) *Clock { return &Clock{now: start} }

// NewScaled returns a clock that starts at the given time and runs speed times
// as fast as the wall.
func NewScaled(start time.Time, speed float64) *Clock {
	return &Clock{now: start, origin: time.Now(), speed: speed}
}

// Now is the time of the emulated services.
func (c *Clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.read()
}

func (c *Clock) read() time.Time {
	if c.speed == 0 {
		return c.now
	}
	return c.now.Add(time.Duration(float64(time.Since(c.origin)) * c.speed))
}

// After runs f in a goroutine of its own once d has passed. The clock is held
// while f runs.
func (c *Clock) After(d time.Duration, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.speed > 0 {
		c.holds++
		time.AfterFunc(time.Duration(float64(max(d, 0))/c.speed), func() {
			defer c.release()
			f()
		})
		return
	}
	c.order++
	heap.Push(&c.timers, timer{at: c.now.Add(max(d, 0)), order: c.order, run: f})
	c.advance()
}

// Hold says that something runs: until the returned function is called, a
// virtual clock stands still. The function may be called more than once.
func (c *Clock) Hold() (release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holds++
	return sync.OnceFunc(c.release)
}

func (c *Clock) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holds--
	c.advance()
}

// Sleep waits until d has passed or the context is done. The caller must hold
// the clock exactly once; the hold is suspended while it sleeps.
func (c *Clock) Sleep(ctx context.Context, d time.Duration) error {
	awake := make(chan struct{})
	var once sync.Once
	resume := func() {
		once.Do(func() {
			c.mu.Lock()
			c.holds++
			c.mu.Unlock()
			close(awake)
		})
	}
	c.After(d, resume)
	c.release()
	select {
	case <-awake:
		return nil
	case <-ctx.Done():
		resume()
		return ctx.Err()
	}
}

// Idle waits until nothing is held and no timer is left.
func (c *Clock) Idle(ctx context.Context) error {
	c.mu.Lock()
	if c.holds == 0 && len(c.timers) == 0 {
		c.mu.Unlock()
		return nil
	}
	idle := make(chan struct{})
	c.idle = append(c.idle, idle)
	c.mu.Unlock()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// advance runs the next timer if nothing is held. Timers of the same instant
// run one after the other, in the order in which they were set, so that a run
// can be repeated.
func (c *Clock) advance() {
	if c.holds > 0 {
		return
	}
	if len(c.timers) == 0 {
		for _, idle := range c.idle {
			close(idle)
		}
		c.idle = nil
		return
	}
	next := heap.Pop(&c.timers).(timer)
	if next.at.After(c.now) {
		c.now = next.at
	}
	c.holds++
	go func() {
		defer c.release()
		next.run()
	}()
}

type timer struct {
	at    time.Time
	order int
	run   func()
}

type timers []timer

func (t timers) Len() int { return len(t) }
func (t timers) Less(i, j int) bool {
	if t[i].at.Equal(t[j].at) {
		return t[i].order < t[j].order
	}
	return t[i].at.Before(t[j].at)
}
func (t timers) Swap(i, j int) { t[i], t[j] = t[j], t[i] }
func (t *timers) Push(x any)   { *t = append(*t, x.(timer)) }
func (t *timers) Pop() any {
	old := *t
	last := old[len(old)-1]
	*t = old[:len(old)-1]
	return last
}
