package eventbridge

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

type putEventsInput struct {
	Entries []putEventsEntry
}

type putEventsEntry struct {
	// Time in seconds since 1970.
	Time         *float64
	Source       string
	Resources    []string
	DetailType   string
	Detail       string
	EventBusName *string
	TraceHeader  string
}

type putEventsResult struct {
	EventID      string `json:"EventId,omitempty"`
	ErrorCode    string `json:",omitempty"`
	ErrorMessage string `json:",omitempty"`
}

type putEventsOutput struct {
	FailedEntryCount int
	Entries          []putEventsResult
}

// Limits of one PutEvents.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
const (
	maxEntries = 10
	maxSize    = 256 << 10
)

// size of an entry as it counts toward the limit.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
func (e putEventsEntry) size() int {
	n := len(e.Source) + len(e.DetailType) + len(e.Detail)
	if e.Time != nil {
		n += 14
	}
	for _, r := range e.Resources {
		n += len(r)
	}
	return n
}

func (s *Service) putEvents(c *wire.Call, in putEventsInput) (any, error) {
	if n := len(in.Entries); n < 1 || n > maxEntries {
		return nil, constraint(fmt.Sprintf("%d entries", n), "entries", "Member must have length between 1 and 10")
	}
	size := 0
	for i, e := range in.Entries {
		size += e.size()
		if e.EventBusName != nil && !putBusPattern.MatchString(*e.EventBusName) {
			return nil, constraint(*e.EventBusName, fmt.Sprintf("entries.%d.member.eventBusName", i+1),
				`Member must satisfy regular expression pattern: (arn:aws[\w-]*:events:[a-z]+-[a-z]+-[\w-]+:[0-9]{12}:event-bus\/)?[\.\-_A-Za-z0-9]+`)
		}
	}
	if size > maxSize {
		return nil, invalid("Total size of the entries in the request is over the limit.")
	}
	var out putEventsOutput
	for _, entry := range in.Entries {
		result, ok := entry.check()
		if ok && s.inspect != nil {
			if err := s.inspect(entry.Source, entry.DetailType, []byte(entry.Detail)); err != nil {
				ok, result = false, putEventsResult{ErrorCode: "InvalidArgument", ErrorMessage: err.Error()}
			}
		}
		if !ok {
			out.FailedEntryCount++
			out.Entries = append(out.Entries, result)
			continue
		}
		e := Event{
			Source: entry.Source, DetailType: entry.DetailType, Account: s.account, Region: c.Region,
			Time: c.Time, Resources: entry.Resources, Detail: json.RawMessage(entry.Detail),
		}
		if entry.Time != nil {
			whole, part := math.Modf(*entry.Time)
			e.Time = time.Unix(int64(whole), int64(part*1e9)).UTC()
		}
		busARN := s.arnOf(c.Region, "")
		if entry.EventBusName != nil {
			busARN = s.arnOf(c.Region, *entry.EventBusName)
		}
		out.Entries = append(out.Entries, putEventsResult{EventID: s.accept(busARN, e, false)})
	}
	return out, nil
}

// check says why an entry is refused.
func (e putEventsEntry) check() (result putEventsResult, ok bool) {
	required := func(name string) putEventsResult {
		return putEventsResult{ErrorCode: "InvalidArgument",
			ErrorMessage: fmt.Sprintf("Parameter %s is not valid. Reason: %s is a required argument.", name, name)}
	}
	switch {
	case e.Source == "":
		return required("Source"), false
	case strings.HasPrefix(e.Source, "aws."):
		return putEventsResult{ErrorCode: "NotAuthorizedForSourceException", ErrorMessage: "Not authorized for the source."}, false
	case e.DetailType == "":
		return required("DetailType"), false
	case e.Detail == "":
		return required("Detail"), false
	case !isObject([]byte(e.Detail)):
		return putEventsResult{ErrorCode: "MalformedDetail", ErrorMessage: "Detail is malformed."}, false
	}
	return putEventsResult{}, true
}

// Emit puts an event of an AWS service, such as aws.s3, on the default bus of
// its region and returns its id, which is empty if the event was dropped. Account
// and time may be empty; source, detail type, region and a detail that is a JSON
// object are required.
func (s *Service) Emit(e Event) (id string) {
	if e.Source == "" || e.DetailType == "" || e.Region == "" || !isObject(e.Detail) {
		panic(fmt.Sprintf("eventbridge: a service emits an event that is not complete: %+v", e))
	}
	if e.Account == "" {
		e.Account = s.account
	}
	if e.Time.IsZero() {
		e.Time = s.hub.Clock.Now()
	}
	if s.drop(e) {
		return ""
	}
	return s.accept(s.busARN(e.Region, defaultBus), e, false)
}

// drop says whether an event is one of those that are to be lost.
func (s *Service) drop(e Event) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	left := s.drops[e.Source]
	if left == 0 {
		return false
	}
	s.drops[e.Source] = max(left-1, -1)
	s.lost = keep(s.lost, Loss{Event: e, Reason: "dropped on the way to the bus"})
	return true
}

// accept puts an event on a bus, logs it and starts its deliveries. An event
// for a bus that does not exist is taken and lost, as in the service.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html
func (s *Service) accept(busARN string, e Event, forwarded bool) (id string) {
	s.mu.Lock()
	if e.ID == "" {
		e.ID = s.newID(busARN, e)
	}
	b := s.bus(busARN)
	if b == nil {
		s.lost = keep(s.lost, Loss{Event: e, Reason: "no bus " + busARN})
		s.mu.Unlock()
		return e.ID
	}
	e.Bus = b.name
	s.events = keep(s.events, e)
	s.keepInArchives(b, e)
	deliveries := s.match(b, e, forwarded)
	watchers := s.watchers
	s.mu.Unlock()
	for _, watch := range watchers {
		watch(e)
	}
	for _, d := range deliveries {
		s.schedule(d, 0)
	}
	return e.ID
}

// newID makes an id from the content of an event and how often there was one of
// the same content, so that it does not depend on what else happens.
func (s *Service) newID(busARN string, e Event) string {
	h := sha256.New()
	for _, part := range append([]string{busARN, e.Source, e.DetailType, string(e.Detail)}, e.Resources...) {
		fmt.Fprintf(h, "%d:%s", len(part), part)
	}
	content := string(h.Sum(nil))
	s.seen[content]++
	fmt.Fprintf(h, "#%d", s.seen[content])
	sum := h.Sum(nil)
	return fmt.Sprintf("%x-%x-4%03x-9%03x-%x", sum[0:4], sum[4:6],
		uint16(sum[6])<<4|uint16(sum[7])>>4, uint16(sum[8])<<4|uint16(sum[9])>>4, sum[10:16])
}
