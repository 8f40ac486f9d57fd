// Package eventbridge emulates Amazon EventBridge: buses, rules with complete
// content filtering, targets, and delivery at least once with retries and
// dead-letter queues, archives and their replay. Schedules and pipes are refused.
package eventbridge

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/logs"
	"lakegate/lambda/internal/emulator/sqs"
	"lakegate/lambda/internal/emulator/wire"
)

// Deliver hands a payload to a target. A *Failure tells the dead-letter queue
// what went wrong, and whether to try again; any other error is ErrorFromTarget.
type Deliver func(ctx context.Context, targetARN string, payload []byte) error

// Targets are what rules can deliver to, beside other buses.
type Targets struct {
	Queues *sqs.Service
	Groups *logs.Service
	// Others by the service in the ARN, such as lambda and states. Targets of
	// services that are not here are refused.
	Others map[string]Deliver
}

// Service is the emulated EventBridge of one account in all regions. It is safe
// for concurrent use.
type Service struct {
	hub     *wire.Hub
	delays  *latency.Source
	account string
	targets Targets

	mu sync.Mutex
	// buses by ARN.
	buses map[string]*bus
	// archives and replays by ARN.
	archives map[string]*archive
	replays  map[string]*replay
	// inspect says why an entry must not be put; nil takes all.
	inspect func(source, detailType string, detail []byte) error
	// seen counts events of the same content; their ids come from it.
	seen     map[string]int
	events   []Event
	lost     []Loss
	dead     []Dead
	watchers []func(Event)
	// copies is how often a delivery is made.
	copies int
	// drops is how many events of a source are still to be lost; -1 for all.
	drops map[string]int
}

type bus struct {
	arn, region, name, description string
	created, modified              time.Time
	// rules by name.
	rules map[string]*rule
}

// New returns an EventBridge with the default bus of every region.
func New(hub *wire.Hub, delays *latency.Source, account string, targets Targets) *Service {
	return &Service{
		hub: hub, delays: delays, account: account, targets: targets,
		buses: map[string]*bus{}, archives: map[string]*archive{}, replays: map[string]*replay{}, seen: map[string]int{}, drops: map[string]int{}, copies: 1,
	}
}

// Wire is the service as the router serves it.
func (s *Service) Wire() *wire.Service {
	return &wire.Service{Name: "events", Protocol: wire.JSON11, Operations: map[string]wire.Operation{
		"PutEvents":             wire.Decoded(nil, s.putEvents),
		"CreateEventBus":        wire.Decoded(nil, s.createEventBus),
		"DescribeEventBus":      wire.Decoded(nil, s.describeEventBus),
		"ListEventBuses":        wire.Decoded(nil, s.listEventBuses),
		"DeleteEventBus":        wire.Decoded(nil, s.deleteEventBus),
		"PutRule":               wire.Decoded(nil, s.putRule),
		"DescribeRule":          wire.Decoded(nil, s.describeRule),
		"ListRules":             wire.Decoded(nil, s.listRules),
		"DeleteRule":            wire.Decoded(nil, s.deleteRule),
		"EnableRule":            wire.Decoded(nil, s.enableRule),
		"DisableRule":           wire.Decoded(nil, s.disableRule),
		"PutTargets":            wire.Decoded(nil, s.putTargets),
		"ListTargetsByRule":     wire.Decoded(nil, s.listTargetsByRule),
		"RemoveTargets":         wire.Decoded(nil, s.removeTargets),
		"ListRuleNamesByTarget": wire.Decoded(nil, s.listRuleNamesByTarget),
		"TestEventPattern":      wire.Decoded(nil, s.testEventPattern),
		"CreateArchive":         wire.Decoded(nil, s.createArchive),
		"DescribeArchive":       wire.Decoded(nil, s.describeArchive),
		"ListArchives":          wire.Decoded(nil, s.listArchives),
		"DeleteArchive":         wire.Decoded(nil, s.deleteArchive),
		"StartReplay":           wire.Decoded(nil, s.startReplay),
		"DescribeReplay":        wire.Decoded(nil, s.describeReplay),
		"ListReplays":           wire.Decoded(nil, s.listReplays),
	}}
}

// Events returns the latest events of the buses of a name, or of all buses if
// it is empty, in the order in which they were taken. At least 10,000 are kept.
func (s *Service) Events(busName string) []Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.events), func(e Event) bool { return busName != "" && e.Bus != busName })
}

// Lost returns the latest events that no bus took: put on one that does not
// exist, or dropped.
func (s *Service) Lost() []Loss {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lost)
}

// DeadLetters returns the latest events that a target did not get, whether or
// not there was a queue for them.
func (s *Service) DeadLetters() []Dead {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.dead)
}

// Inspect lets a function refuse entries of PutEvents, which the service itself
// takes as they are. It is called before the first call.
func (s *Service) Inspect(check func(source, detailType string, detail []byte) error) {
	s.inspect = check
}

// Watch calls a function for every event that a bus takes from now on. The
// function must not block.
func (s *Service) Watch(watcher func(Event)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers = append(s.watchers, watcher)
}

// Duplicate makes every delivery happen n times from now on, as delivery at
// least once allows; 1 is as usual.
func (s *Service) Duplicate(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copies = max(n, 1)
}

// Drop loses the next n events that a service of AWS emits, as best-effort
// delivery allows; -1 all, 0 none. The source is such as aws.states.
func (s *Service) Drop(source string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drops[source] = n
}

const defaultBus = "default"

func (s *Service) busARN(region, name string) string {
	return fmt.Sprintf("arn:aws:events:%s:%s:event-bus/%s", region, s.account, name)
}

// arnOf is the ARN of a bus that a call names by name or ARN, or not at all.
func (s *Service) arnOf(region, nameOrARN string) string {
	if strings.HasPrefix(nameOrARN, "arn:") {
		return nameOrARN
	}
	return s.busARN(region, cmp.Or(nameOrARN, defaultBus))
}

// bus returns a bus, or nil. The default bus of a region is always there.
func (s *Service) bus(arn string) *bus {
	if b := s.buses[arn]; b != nil {
		return b
	}
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[3] == "" || arn != s.busARN(parts[3], defaultBus) {
		return nil
	}
	return s.addBus(parts[3], defaultBus, "")
}

func (s *Service) addBus(region, name, description string) *bus {
	now := s.hub.Clock.Now()
	b := &bus{
		arn: s.busARN(region, name), region: region, name: name, description: description,
		created: now, modified: now, rules: map[string]*rule{},
	}
	s.buses[b.arn] = b
	return b
}

// findBus returns a bus that a call names.
func (s *Service) findBus(c *wire.Call, nameOrARN string) (*bus, error) {
	if b := s.bus(s.arnOf(c.Region, nameOrARN)); b != nil {
		return b, nil
	}
	return nil, notFound("Event bus %s does not exist.", nameOrARN[strings.LastIndex(nameOrARN, "/")+1:])
}

var (
	rulePattern = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)
	busPattern  = regexp.MustCompile(`^[/.\-_A-Za-z0-9]{1,256}$`)
	// putBusPattern is of the bus that an event is put on.
	putBusPattern = regexp.MustCompile(`^(arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus/)?[.\-_A-Za-z0-9]+$`)
)

type createEventBusInput struct {
	Name        string
	Description string
	Tags        []tag
}

type tag struct{ Key, Value string }

type createEventBusOutput struct {
	EventBusArn string
	Description string `json:",omitempty"`
}

// maxBuses and maxRules are the quotas of a new account; targets cannot be raised.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
const (
	maxBuses   = 100
	maxRules   = 300
	maxTargets = 5
)

// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html
func (s *Service) createEventBus(c *wire.Call, in createEventBusInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !busPattern.MatchString(in.Name) || strings.Contains(in.Name, "/") {
		return nil, constraint(in.Name, "name", `Member must satisfy regular expression pattern: [/\.\-_A-Za-z0-9]+`)
	}
	if s.bus(s.busARN(c.Region, in.Name)) != nil {
		return nil, &wire.Error{Code: "ResourceAlreadyExistsException", Message: "Event bus " + in.Name + " already exists."}
	}
	if len(s.busesOf(c.Region)) >= maxBuses {
		return nil, limitExceeded()
	}
	b := s.addBus(c.Region, in.Name, in.Description)
	return createEventBusOutput{b.arn, b.description}, nil
}

// busesOf returns the buses of a region by name.
func (s *Service) busesOf(region string) []*bus {
	s.bus(s.busARN(region, defaultBus))
	var out []*bus
	for _, arn := range slices.Sorted(maps.Keys(s.buses)) {
		if b := s.buses[arn]; b.region == region {
			out = append(out, b)
		}
	}
	return out
}

// busOutput is a bus in a reply; times are seconds since 1970.
type busOutput struct {
	Name, Arn        string
	Description      string `json:",omitempty"`
	CreationTime     float64
	LastModifiedTime float64
}

func (b *bus) output() busOutput {
	return busOutput{b.name, b.arn, b.description, seconds(b.created), seconds(b.modified)}
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

type nameInput struct{ Name string }

func (s *Service) describeEventBus(c *wire.Call, in nameInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.findBus(c, in.Name)
	if err != nil {
		return nil, err
	}
	return b.output(), nil
}

type listInput struct {
	NamePrefix   string
	EventBusName string
	NextToken    string
	Limit        *int
}

func (s *Service) listEventBuses(c *wire.Call, in listInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []busOutput
	for _, b := range s.busesOf(c.Region) {
		if strings.HasPrefix(b.name, in.NamePrefix) {
			all = append(all, b.output())
		}
	}
	list, next, err := page(all, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	return struct {
		EventBuses []busOutput
		NextToken  string `json:",omitempty"`
	}{list, next}, nil
}

func (s *Service) deleteEventBus(c *wire.Call, in nameInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.Name == defaultBus {
		return nil, invalid("Cannot delete event bus default.")
	}
	b := s.bus(s.busARN(c.Region, in.Name))
	switch {
	case b == nil:
		// As in the service, that is what was asked for.
		return nil, nil
	case len(b.rules) > 0:
		return nil, invalid("Event bus %s can't be deleted since it has rules.", in.Name)
	}
	delete(s.buses, b.arn)
	return nil, nil
}

// page returns the items of one reply and the token of the next.
func page[T any](all []T, token string, limit *int) (list []T, next string, err error) {
	from, most := 0, 100
	if token != "" {
		if from, err = strconv.Atoi(token); err != nil || from < 0 || from > len(all) {
			return nil, "", invalid("Parameter NextToken is not valid.")
		}
	}
	if limit != nil {
		if most = *limit; most < 1 || most > 100 {
			return nil, "", constraint(strconv.Itoa(most), "limit", "Member must have value between 1 and 100")
		}
	}
	to := min(from+most, len(all))
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return append([]T{}, all[from:to]...), next, nil
}

func notFound(format string, args ...any) error {
	return &wire.Error{Code: "ResourceNotFoundException", Message: fmt.Sprintf(format, args...)}
}

func invalid(format string, args ...any) error {
	return &wire.Error{Code: "ValidationException", Message: fmt.Sprintf(format, args...)}
}

func constraint(value, member, rule string) error {
	return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, member, rule)
}

func limitExceeded() error {
	return &wire.Error{Code: "LimitExceededException", Message: "The requested resource exceeds the maximum number allowed."}
}

func notEmulated(what string) error {
	return &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "events: " + what + " is not emulated"}
}
