// Package logs emulates Amazon CloudWatch Logs: groups, streams and events in
// bounded memory. It evaluates filter patterns of plain terms and of members of
// JSON objects, and refuses all others.
package logs

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// ErrNoGroup is the refusal of an event for a log group that does not exist.
var ErrNoGroup = errors.New("the log group does not exist")

// maxStored is how many bytes a group keeps; older events go first.
const maxStored = 4 << 20

// overhead is what the service adds to the size of a message.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
const overhead = 26

// Service is the emulated CloudWatch Logs of one account in all regions. It is
// safe for concurrent use.
type Service struct {
	hub     *wire.Hub
	account string

	mu sync.Mutex
	// groups by ARN.
	groups map[string]*group
	// taken counts events, which orders those of the same time.
	taken int
}

type group struct {
	arn, name, class string
	created          time.Time
	streams          map[string]*stream
	// events of all streams in the order of arrival.
	events []*event
	stored int
}

type stream struct {
	arn, name string
	created   time.Time
	// first and last are the times of the earliest and the latest event, arrived
	// that of the last arrival; zero if there was none.
	first, last, arrived time.Time
}

type event struct {
	stream  string
	at      time.Time
	arrived time.Time
	number  int
	message string
}

func (e *event) size() int { return len(e.message) + overhead }

// before orders events by time and then by arrival.
func before(a, b *event) int { return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.number, b.number)) }

// New returns a CloudWatch Logs without groups.
func New(hub *wire.Hub, account string) *Service {
	return &Service{hub: hub, account: account, groups: map[string]*group{}}
}

// Wire is the service as the router serves it.
func (s *Service) Wire() *wire.Service {
	return &wire.Service{Name: "logs", Protocol: wire.JSON11, Operations: map[string]wire.Operation{
		"CreateLogGroup":     wire.Decoded(&s.mu, s.createLogGroup),
		"DescribeLogGroups":  wire.Decoded(&s.mu, s.describeLogGroups),
		"DeleteLogGroup":     wire.Decoded(&s.mu, s.deleteLogGroup),
		"CreateLogStream":    wire.Decoded(&s.mu, s.createLogStream),
		"DescribeLogStreams": wire.Decoded(&s.mu, s.describeLogStreams),
		"PutLogEvents":       wire.Decoded(&s.mu, s.putLogEvents),
		"GetLogEvents":       wire.Decoded(&s.mu, s.getLogEvents),
		"FilterLogEvents":    wire.Decoded(&s.mu, s.filterLogEvents),
	}}
}

// Write adds a line to a stream and creates the group and the stream if they
// are missing, as AWS Lambda does.
func (s *Service) Write(region, groupName, streamName, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.hub.Clock.Now()
	arn := s.ARN(region, groupName)
	g, ok := s.groups[arn]
	if !ok {
		g = s.create(arn, groupName, "STANDARD", now)
	}
	g.write(s, streamName, message, now)
}

// Deliver adds a line to a stream of a group that exists, as Amazon EventBridge
// does. The error is ErrNoGroup.
func (s *Service) Deliver(groupARN, streamName, message string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.groups[strings.TrimSuffix(groupARN, ":*")]
	if !ok {
		return fmt.Errorf("writing to %s: %w", groupARN, ErrNoGroup)
	}
	g.write(s, streamName, message, s.hub.Clock.Now())
	return nil
}

// Line is a line of a log.
type Line struct {
	Stream  string
	Time    time.Time
	Message string
}

// Lines returns what a group has kept, in the order of the times.
func (s *Service) Lines(region, groupName string) []Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	g, ok := s.groups[s.ARN(region, groupName)]
	if !ok {
		return nil
	}
	var out []Line
	for _, e := range g.read(func(*event) bool { return true }) {
		out = append(out, Line{e.stream, e.at, e.message})
	}
	return out
}

func (g *group) write(s *Service, streamName, message string, now time.Time) {
	if g.streams[streamName] == nil {
		g.createStream(streamName, now)
	}
	s.taken++
	g.add(&event{stream: streamName, at: now, arrived: now, number: s.taken, message: message})
}

// ARN is the ARN of a log group, without the :* that stands for its streams.
func (s *Service) ARN(region, groupName string) string {
	return fmt.Sprintf("arn:aws:logs:%s:%s:log-group:%s", region, s.account, groupName)
}

func (s *Service) create(arn, name, class string, now time.Time) *group {
	g := &group{arn: arn, name: name, class: class, created: now, streams: map[string]*stream{}}
	s.groups[arn] = g
	return g
}

func (g *group) createStream(name string, now time.Time) {
	g.streams[name] = &stream{arn: g.arn + ":log-stream:" + name, name: name, created: now}
}

// add adds an event and forgets the oldest ones beyond what a group keeps.
func (g *group) add(e *event) {
	st := g.streams[e.stream]
	if st.first.IsZero() || e.at.Before(st.first) {
		st.first = e.at
	}
	if e.at.After(st.last) {
		st.last = e.at
	}
	st.arrived = e.arrived
	g.events = append(g.events, e)
	g.stored += e.size()
	if g.stored <= maxStored {
		return
	}
	// A quarter goes at once, so that the copy is paid for rarely.
	n := 0
	for ; g.stored > maxStored/4*3; n++ {
		g.stored -= g.events[n].size()
	}
	g.events = slices.Clone(g.events[n:])
}

// find returns the group that a call names in one of two ways.
func (s *Service) find(c *wire.Call, name, identifier string) (*group, error) {
	if (name == "") == (identifier == "") {
		return nil, invalid("Exactly one of logGroupName and logGroupIdentifier must be specified.")
	}
	arn := s.ARN(c.Region, cmp.Or(name, identifier))
	if strings.HasPrefix(identifier, "arn:") {
		arn = strings.TrimSuffix(identifier, ":*")
	}
	g, ok := s.groups[arn]
	if !ok {
		return nil, &wire.Error{Code: "ResourceNotFoundException", Message: "The specified log group does not exist."}
	}
	return g, nil
}

var (
	groupPattern  = regexp.MustCompile(`^[.\-_/#A-Za-z0-9]{1,512}$`)
	streamPattern = regexp.MustCompile(`^[^:*]{1,512}$`)
)

func noSuchStream() error {
	return &wire.Error{Code: "ResourceNotFoundException", Message: "The specified log stream does not exist."}
}

func exists(what string) error {
	return &wire.Error{Code: "ResourceAlreadyExistsException", Message: "The specified " + what + " already exists"}
}

func invalid(message string) error {
	return &wire.Error{Code: "InvalidParameterException", Message: message}
}

func constraint(value, member, rule string) error {
	return invalid(fmt.Sprintf("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: %s", value, member, rule))
}

func notEmulated(what string) error {
	return &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "logs: " + what + " is not emulated"}
}

// limit returns how many items a reply has, or a refusal.
func limit(asked *int, most int) (int, error) {
	if asked == nil {
		return most, nil
	}
	if *asked < 1 || *asked > most {
		return 0, constraint(fmt.Sprint(*asked), "limit", fmt.Sprintf("Member must have value between 1 and %d", most))
	}
	return *asked, nil
}
