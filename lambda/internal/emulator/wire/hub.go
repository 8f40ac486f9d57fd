package wire

import (
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/clock"
)

// Hub sees every call to every emulated service: it keeps the log, injects the
// faults that a test asks for, enforces rate limits, and makes fresh objects
// invisible for a while. It is safe for concurrent use.
type Hub struct {
	Clock *clock.Clock
	// Reach says whether a call finds a way to the service; nil means that all
	// do. It is set before the first call.
	Reach func(*Call) bool

	// Lean keeps no log of calls, for worlds in which there are very many. It is
	// set before the first call.
	Lean bool

	mu      sync.Mutex
	watch   []func(*Call, bool, *Response)
	log     []Record
	faults  []*Fault
	limits  []Limit
	buckets map[pool]*bucket
	stale   int
	unseen  map[string]int
}

// NewHub returns a hub without faults and limits.
func NewHub(c *clock.Clock) *Hub {
	return &Hub{Clock: c, buckets: map[pool]*bucket{}, unseen: map[string]int{}}
}

// Record is one line of the log of calls.
type Record struct {
	Time    time.Time
	Caller  string
	Service string
	Action  string
	Region  string
	// Account that the call was for.
	Account string
	// Mutating says whether the action can change something.
	Mutating bool
	Status   int
	// Fault names the fault that was injected, if any.
	Fault FaultKind
}

// FaultKind is a way in which a call goes wrong.
type FaultKind string

// The ways in which a call goes wrong.
const (
	// Refuse answers with an error and does nothing.
	Refuse FaultKind = "refuse"
	// LoseReply does what was asked and cuts the connection.
	LoseReply FaultKind = "lose-reply"
	// Throttle answers as the service does when it is asked too often.
	Throttle FaultKind = "throttle"
	// Unreachable is a call that finds no way to the service. It cannot be
	// injected: see Hub.Reach.
	Unreachable FaultKind = "unreachable"
)

// Fault is one injected fault.
type Fault struct {
	Kind FaultKind
	// Service, Action and Caller select calls; an empty one selects all.
	Service, Action, Caller string
	// Mutating selects only calls that can change something.
	Mutating bool
	// After is how many selected calls pass before the fault strikes.
	After int
	// Times is how often the fault strikes; 0 means once, -1 always.
	Times int
	// Error is the reply of Refuse; nil means 503 ServiceUnavailable.
	Error *Error

	seen, struck int
}

// Inject adds a fault. The hub keeps the pointer; Struck tells what it did.
func (h *Hub) Inject(f *Fault) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = append(h.faults, f)
}

// Clear removes all faults.
func (h *Hub) Clear() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.faults = nil
}

// Struck says how often a fault has struck.
func (h *Hub) Struck(f *Fault) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return f.struck
}

// StaleReads makes every object that is created from now on invisible to its
// first n reads. 0 turns it off.
func (h *Hub) StaleReads(n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stale = n
}

// Created tells the hub that an object with this id has come into being.
func (h *Hub) Created(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.stale > 0 {
		h.unseen[id] = h.stale
	}
}

// Visible says whether a read sees the object, and counts the read.
func (h *Hub) Visible(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	n, fresh := h.unseen[id]
	switch {
	case !fresh:
		return true
	case n > 1:
		h.unseen[id] = n - 1
	default:
		delete(h.unseen, id)
	}
	return false
}

// Watch shows every call that was served to somebody: whether it can change
// something, and its reply, which is nil if none came. It is set before the
// first call.
func (h *Hub) Watch(f func(c *Call, mutating bool, reply *Response)) { h.watch = append(h.watch, f) }

// Calls returns a copy of the log.
func (h *Hub) Calls() []Record {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Record(nil), h.log...)
}

// Do serves one call: act does what was asked, refuse encodes an error. A nil
// response means that no reply comes and the connection must be cut.
func (h *Hub) Do(c *Call, mutating bool, act func() *Response, refuse func(*Error) *Response) *Response {
	kind, fault := h.strike(c, mutating)
	var reply *Response
	if h.Reach != nil && !h.Reach(c) {
		kind = Unreachable
	}
	switch kind {
	case Unreachable:
	case Refuse:
		e := fault.Error
		if e == nil {
			e = &Error{Status: 503, Code: "ServiceUnavailable", Message: "The service is unavailable. Please try again shortly."}
		}
		reply = refuse(e)
	case Throttle:
		reply = refuse(throttled(c.Service))
	case LoseReply:
		act()
	default:
		reply = act()
	}
	for _, watch := range h.watch {
		watch(c, mutating, reply)
	}
	record := Record{
		Time: c.Time, Caller: c.Caller, Service: c.Service, Action: c.Action,
		Region: c.Region, Account: c.Account, Mutating: mutating, Fault: kind,
	}
	if reply != nil {
		record.Status = reply.Status
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.Lean {
		h.log = append(h.log, record)
	}
	return reply
}

// strike decides whether a fault or a rate limit hits the call.
func (h *Hub) strike(c *Call, mutating bool) (FaultKind, *Fault) {
	now := h.Clock.Now()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, f := range h.faults {
		if !f.selects(c, mutating) {
			continue
		}
		f.seen++
		if f.seen <= f.After || (f.Times >= 0 && f.struck >= max(f.Times, 1)) {
			continue
		}
		f.struck++
		return f.Kind, f
	}
	if !h.admits(c, now) {
		return Throttle, nil
	}
	return "", nil
}

func (f *Fault) selects(c *Call, mutating bool) bool {
	return (f.Service == "" || f.Service == c.Service) &&
		(f.Action == "" || matches(f.Action, c.Action)) &&
		(f.Caller == "" || f.Caller == c.Caller) &&
		(!f.Mutating || mutating)
}

func matches(pattern, s string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(s, prefix)
	}
	return pattern == s
}

// throttled is the error by which a service asks for fewer calls.
func throttled(service string) *Error {
	switch service {
	case "ec2":
		return &Error{Status: 503, Code: "RequestLimitExceeded", Message: "Request limit exceeded."}
	case "s3":
		return &Error{Status: 503, Code: "SlowDown", Message: "Please reduce your request rate."}
	case "databricks":
		return &Error{Status: 429, Code: "RESOURCE_EXHAUSTED", Message: "Too many requests. Please try again later."}
	case "lambda":
		return &Error{Status: 429, Code: "TooManyRequestsException", Message: "Rate Exceeded."}
	default:
		return &Error{Status: 400, Code: "ThrottlingException", Message: "Rate exceeded"}
	}
}
