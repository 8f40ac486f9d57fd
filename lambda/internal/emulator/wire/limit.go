package wire

import (
	"cmp"
	"slices"
	"time"
)

// Limit is how often an action may be called in an account and region. It is a
// token bucket, the way in which AWS limits calls: a call takes one token, and
// one that finds none is refused.
type Limit struct {
	// Service is the signing name, such as ec2, or databricks.
	Service string
	// Actions that it is for; one may end in *. None means all.
	Actions []string
	// Each says that every action has a bucket of its own.
	Each bool
	// Burst is what a bucket holds, PerSecond what is put into it.
	Burst, PerSecond float64
	// Source says where the figures are from.
	Source string
}

// pool is what one bucket is for.
type pool struct {
	limit                   int
	account, region, action string
}

// Use is what became of the calls that one bucket is for.
type Use struct {
	Limit Limit
	// Account and Region of the calls, and their action if each has a bucket of
	// its own.
	Account, Region, Action string
	// Served and Throttled count them.
	Served, Throttled int
}

// Enforce makes services refuse what goes beyond limits. Of those that are for a
// call only the first one counts, so the particular stand before the general.
func (h *Hub) Enforce(limits []Limit) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.limits = slices.Clone(limits)
	clear(h.buckets)
}

// Uses returns what became of the calls that limits are for, by limit, region
// and action.
func (h *Hub) Uses() []Use {
	h.mu.Lock()
	defer h.mu.Unlock()
	pools := make([]pool, 0, len(h.buckets))
	for p := range h.buckets {
		pools = append(pools, p)
	}
	slices.SortFunc(pools, func(a, b pool) int {
		return cmp.Or(a.limit-b.limit, cmp.Compare(a.account, b.account), cmp.Compare(a.region, b.region), cmp.Compare(a.action, b.action))
	})
	uses := make([]Use, 0, len(pools))
	for _, p := range pools {
		b := h.buckets[p]
		uses = append(uses, Use{Limit: h.limits[p.limit], Account: p.account, Region: p.region, Action: p.action, Served: b.served, Throttled: b.throttled})
	}
	return uses
}

// admits takes a token for a call. The caller holds the lock.
func (h *Hub) admits(c *Call, now time.Time) bool {
	i := slices.IndexFunc(h.limits, func(l Limit) bool { return l.covers(c) })
	if i < 0 {
		return true
	}
	l, p := h.limits[i], pool{limit: i, account: c.Account, region: c.Region}
	if l.Each {
		p.action = c.Action
	}
	b := h.buckets[p]
	if b == nil {
		b = &bucket{capacity: l.Burst, tokens: l.Burst, rate: l.PerSecond, at: now}
		h.buckets[p] = b
	}
	return b.take(now)
}

func (l Limit) covers(c *Call) bool {
	return l.Service == c.Service &&
		(len(l.Actions) == 0 || slices.ContainsFunc(l.Actions, func(pattern string) bool { return matches(pattern, c.Action) }))
}

// bucket is a token bucket.
type bucket struct {
	capacity, tokens, rate float64
	at                     time.Time
	served, throttled      int
}

func (b *bucket) take(now time.Time) bool {
	b.tokens = min(b.capacity, b.tokens+now.Sub(b.at).Seconds()*b.rate)
	b.at = now
	if b.tokens < 1 {
		b.throttled++
		return false
	}
	b.tokens--
	b.served++
	return true
}
