// Package eventbridge is the emulated Amazon EventBridge: buses, rules, and the
// delivery of events to functions, with retries and a dead-letter queue.
package eventbridge

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/wire"
)

// Event is one event on a bus.
type Event struct {
	ID, Bus, Source, DetailType string
	Account, Region             string
	Time                        time.Time
	Resources                   []string
	Detail                      json.RawMessage
}

// JSON is the event as rules see it and targets get it.
func (e Event) JSON() []byte {
	resources := e.Resources
	if resources == nil {
		resources = []string{}
	}
	text, err := json.Marshal(map[string]any{
		"version": "0", "id": e.ID, "detail-type": e.DetailType, "source": e.Source, "account": e.Account,
		"time": e.Time.UTC().Format(time.RFC3339), "region": e.Region, "resources": resources, "detail": e.Detail,
	})
	if err != nil {
		panic(err)
	}
	return text
}

// Rule is a rule with its one target.
type Rule struct {
	Name, Bus, Pattern, Description string
	// TargetARN is the function that is invoked.
	TargetARN   string
	MaxAttempts int
	MaxAge      time.Duration
	Disabled    bool

	compiled *Pattern
}

// Dead is an event that could not be delivered.
type Dead struct {
	Rule, Target, Error string
	// Attempts that were made after the first one, and which bound ended them:
	// MaximumRetryAttempts or MaximumEventAgeInSeconds.
	Attempts  int
	Exhausted string
	Event     Event
}

// Service is the emulated API. It is safe for concurrent use.
type Service struct {
	hub     *wire.Hub
	delays  *latency.Source
	account string
	deliver func(ctx context.Context, targetARN string, payload []byte) error

	mu     sync.Mutex
	buses  []string
	rules  []*Rule
	events []Event
	dead   []Dead
	count  int
	copies int
	watch  []func(Event)
	sink   func(Dead)
}

// maxEvents bounds the log of events.
const maxEvents = 20_000

// New returns a service with the default bus. deliver hands an event to a
// target.
func New(hub *wire.Hub, delays *latency.Source, account string, deliver func(ctx context.Context, targetARN string, payload []byte) error) *Service {
	return &Service{hub: hub, delays: delays, account: account, deliver: deliver, buses: []string{"default"}, copies: 1}
}

// AddBus adds an event bus.
func (s *Service) AddBus(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buses = append(s.buses, name)
}

// AddRule adds a rule; its pattern must be valid.
func (s *Service) AddRule(r Rule) error {
	var err error
	if r.compiled, err = Compile(r.Pattern); err != nil {
		return fmt.Errorf("adding rule %s: %w", r.Name, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rules = append(s.rules, &r)
	return nil
}

// Duplicate makes every event be delivered n times from now on, as a service
// that delivers at least once may.
func (s *Service) Duplicate(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copies = n
}

// Watch calls f for every event.
func (s *Service) Watch(f func(Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = append(s.watch, f)
}

// Events returns the events on a bus, oldest first.
func (s *Service) Events(bus string) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.events), func(e Event) bool { return e.Bus != bus })
}

// DeadLetters returns what could not be delivered.
func (s *Service) DeadLetters() []Dead {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.dead)
}

// Emit puts an event on a bus, as the services of AWS do.
func (s *Service) Emit(e Event) string {
	s.mu.Lock()
	s.count++
	e.ID = fmt.Sprintf("00000000-0000-4000-9000-%012x", s.count)
	if e.Bus == "" {
		e.Bus = "default"
	}
	e.Account = s.account
	if e.Time.IsZero() {
		e.Time = s.hub.Clock.Now()
	}
	s.events = append(s.events, e)
	if len(s.events) > maxEvents {
		s.events = slices.Delete(s.events, 0, len(s.events)-maxEvents)
	}
	rules, copies, watch := slices.Clone(s.rules), s.copies, slices.Clone(s.watch)
	s.mu.Unlock()
	for _, f := range watch {
		f(e)
	}
	text := e.JSON()
	for _, r := range rules {
		if r.Bus != e.Bus || r.Disabled {
			continue
		}
		if ok, err := r.compiled.Match(text); err != nil || !ok {
			continue
		}
		for i := range copies {
			key := fmt.Sprintf("%s/%s/%d", r.Name, e.ID, i)
			s.hub.Clock.After(s.delays.Draw(latency.EventDelivery, key), func() { s.try(r, e, 0, s.hub.Clock.Now()) })
		}
	}
	return e.ID
}

// try delivers an event and, when that fails, tries again later, until the
// rule's bounds are reached.
func (s *Service) try(r *Rule, e Event, attempt int, since time.Time) {
	err := s.deliver(context.Background(), r.TargetARN, e.JSON()) //nolint:forbidigo // a delivery has no caller
	if err == nil {
		return
	}
	pause := min(time.Second<<min(attempt, 10), 10*time.Minute)
	if attempt+1 > r.MaxAttempts || s.hub.Clock.Now().Add(pause).Sub(since) > r.MaxAge {
		exhausted := "MaximumRetryAttempts"
		if attempt+1 <= r.MaxAttempts {
			exhausted = "MaximumEventAgeInSeconds"
		}
		s.bury(Dead{Rule: r.Name, Target: r.TargetARN, Error: err.Error(), Attempts: attempt, Exhausted: exhausted, Event: e})
		return
	}
	s.hub.Clock.After(pause, func() { s.try(r, e, attempt+1, since) })
}

// bury keeps a dead letter and hands it to the dead-letter queue.
func (s *Service) bury(d Dead) {
	s.mu.Lock()
	s.dead = append(s.dead, d)
	sink := s.sink
	s.mu.Unlock()
	if sink != nil {
		sink(d)
	}
}

// OnDeadLetter hands every dead letter to f as well.
func (s *Service) OnDeadLetter(f func(Dead)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sink = f
}

// Wire returns the API as the router serves it.
func (s *Service) Wire() *wire.Service {
	return &wire.Service{Name: "events", Protocol: wire.JSON11, Operations: map[string]wire.Operation{
		"PutEvents": s.putEvents, "ListRules": s.listRules, "ListEventBuses": s.listEventBuses, "TestEventPattern": s.testEventPattern,
	}}
}

func (s *Service) putEvents(c *wire.Call) (any, error) {
	var in struct {
		Entries []struct {
			EventBusName, Source, DetailType, Detail string
			Resources                                []string
		}
	}
	if err := json.Unmarshal(c.Body, &in); err != nil {
		return nil, &wire.Error{Code: "SerializationException", Message: err.Error()}
	}
	if len(in.Entries) == 0 || len(in.Entries) > 10 {
		return nil, &wire.Error{Code: "ValidationException", Message: "Member must have length between 1 and 10"}
	}
	out := struct {
		FailedEntryCount int
		Entries          []map[string]string
	}{}
	refuse := func(code, message string) {
		out.FailedEntryCount++
		out.Entries = append(out.Entries, map[string]string{"ErrorCode": code, "ErrorMessage": message})
	}
	for _, e := range in.Entries {
		bus := e.EventBusName[strings.LastIndex(e.EventBusName, "/")+1:]
		if bus == "" {
			bus = "default"
		}
		s.mu.Lock()
		known := slices.Contains(s.buses, bus)
		s.mu.Unlock()
		var detail map[string]any
		switch {
		case e.Source == "":
			refuse("InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument.")
		case strings.HasPrefix(e.Source, "aws."):
			refuse("NotAuthorizedForSource", "Not authorized for the source.")
		case e.DetailType == "":
			refuse("InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument.")
		case json.Unmarshal([]byte(e.Detail), &detail) != nil:
			refuse("MalformedDetail", "Detail is malformed.")
		case len(e.Detail)+len(e.Source)+len(e.DetailType) > 256<<10:
			refuse("InvalidArgument", "Total size of the entry is greater than 262144 bytes.")
		case !known:
			refuse("ResourceNotFoundException", "Event bus "+bus+" does not exist.")
		default:
			id := s.Emit(Event{Bus: bus, Source: e.Source, DetailType: e.DetailType, Region: c.Region, Resources: e.Resources, Detail: json.RawMessage(e.Detail)})
			out.Entries = append(out.Entries, map[string]string{"EventId": id})
		}
	}
	return out, nil
}

func (s *Service) listRules(c *wire.Call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []map[string]string{}
	for _, r := range s.rules {
		list = append(list, map[string]string{
			"Name": r.Name, "Arn": fmt.Sprintf("arn:aws:events:%s:%s:rule/%s", c.Region, s.account, r.Name),
			"EventPattern": r.Pattern, "State": "ENABLED", "Description": r.Description, "EventBusName": r.Bus,
		})
	}
	return map[string]any{"Rules": list}, nil
}

func (s *Service) listEventBuses(c *wire.Call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []map[string]string{}
	for _, b := range s.buses {
		list = append(list, map[string]string{"Name": b, "Arn": fmt.Sprintf("arn:aws:events:%s:%s:event-bus/%s", c.Region, s.account, b)})
	}
	return map[string]any{"EventBuses": list}, nil
}

func (s *Service) testEventPattern(c *wire.Call) (any, error) {
	var in struct{ EventPattern, Event string }
	if err := json.Unmarshal(c.Body, &in); err != nil {
		return nil, &wire.Error{Code: "SerializationException", Message: err.Error()}
	}
	pattern, err := Compile(in.EventPattern)
	if err != nil {
		return nil, &wire.Error{Code: "InvalidEventPatternException", Message: err.Error()}
	}
	ok, err := pattern.Match([]byte(in.Event))
	if err != nil {
		return nil, &wire.Error{Code: "ValidationException", Message: err.Error()}
	}
	return map[string]bool{"Result": ok}, nil
}
