package eventbridge

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// archive keeps the events of a bus that match its pattern.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
type archive struct {
	arn, name, bus, description string
	text                        string
	pattern                     *Pattern
	// days for which events are kept; 0 means for ever.
	days    int
	created time.Time
	events  []Event
	size    int
}

// replay puts the events of an archive on its bus again.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-replay-archived-event.html
type replay struct {
	arn, name, description, archive, destination string
	filters                                      []string
	from, to                                     time.Time
	state                                        string
	started, ended                               time.Time
	last                                         time.Time
}

const (
	// everything is the pattern of an archive that has none.
	everything = `{"source": [{"prefix": ""}]}`
	// replayPause is how long a replay takes to begin.
	replayPause = 10 * time.Second
)

var (
	archivePattern = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,48}$`)
	replayPattern  = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,64}$`)
)

// AddArchive makes an archive of everything on a bus, as a deployment does.
func (s *Service) AddArchive(region, name, busName string, days int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bus(s.busARN(region, busName))
	if b == nil {
		return fmt.Errorf("adding archive %s: no event bus %s in %s", name, busName, region)
	}
	_, err := s.addArchive(b, createArchiveInput{ArchiveName: name, RetentionDays: days})
	return err
}

func (s *Service) addArchive(b *bus, in createArchiveInput) (*archive, error) {
	text := cmp.Or(in.EventPattern, everything)
	pattern, err := compile(text)
	if err != nil {
		return nil, err
	}
	a := &archive{
		arn: s.arn(b.region, "archive/"+in.ArchiveName), name: in.ArchiveName, bus: b.arn, description: in.Description,
		text: in.EventPattern, pattern: pattern, days: in.RetentionDays, created: s.hub.Clock.Now(),
	}
	s.archives[a.arn] = a
	return a, nil
}

func (s *Service) arn(region, resource string) string {
	return fmt.Sprintf("arn:aws:events:%s:%s:%s", region, s.account, resource)
}

// keepInArchives keeps an event that a bus took. What is replayed is not kept a
// second time. The caller holds the lock.
func (s *Service) keepInArchives(b *bus, e Event) {
	if e.ReplayName != "" || len(s.archives) == 0 {
		return
	}
	doc := e.JSON()
	for _, a := range s.archives {
		if a.bus != b.arn {
			continue
		}
		if match, err := a.pattern.Match(doc); err == nil && match {
			a.events, a.size = keep(a.events, e), a.size+len(doc)
		}
	}
}

// kept are the events of an archive between two times, without those whose days
// are over.
func (a *archive) kept(from, to, now time.Time) []Event {
	return slices.DeleteFunc(slices.Clone(a.events), func(e Event) bool {
		return e.Time.Before(from) || !e.Time.Before(to) || a.days > 0 && now.Sub(e.Time) > time.Duration(a.days)*24*time.Hour
	})
}

type createArchiveInput struct {
	ArchiveName, EventSourceArn, Description, EventPattern string
	RetentionDays                                          int
	KmsKeyIdentifier                                       string
}

// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateArchive.html
func (s *Service) createArchive(c *wire.Call, in createArchiveInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !archivePattern.MatchString(in.ArchiveName):
		return nil, constraint(in.ArchiveName, "archiveName", `Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`)
	case in.RetentionDays < 0:
		return nil, constraint(fmt.Sprint(in.RetentionDays), "retentionDays", "Member must have value greater than or equal to 0")
	case in.KmsKeyIdentifier != "":
		return nil, notEmulated("KmsKeyIdentifier")
	case s.archives[s.arn(c.Region, "archive/"+in.ArchiveName)] != nil:
		return nil, &wire.Error{Code: "ResourceAlreadyExistsException", Message: "Archive " + in.ArchiveName + " already exists."}
	}
	b, err := s.findBus(c, in.EventSourceArn)
	if err != nil {
		return nil, err
	}
	a, err := s.addArchive(b, in)
	if err != nil {
		return nil, err
	}
	return struct {
		ArchiveArn, State string
		CreationTime      float64
	}{a.arn, "ENABLED", seconds(a.created)}, nil
}

// archiveOutput is an archive in a reply.
type archiveOutput struct {
	ArchiveArn            string `json:",omitempty"`
	ArchiveName           string
	Description           string `json:",omitempty"`
	EventPattern          string `json:",omitempty"`
	EventSourceArn, State string
	RetentionDays         int
	SizeBytes, EventCount int
	CreationTime          float64
}

func (a *archive) output() archiveOutput {
	return archiveOutput{
		ArchiveArn: a.arn, ArchiveName: a.name, Description: a.description, EventPattern: a.text, EventSourceArn: a.bus, State: "ENABLED",
		RetentionDays: a.days, SizeBytes: a.size, EventCount: len(a.events), CreationTime: seconds(a.created),
	}
}

type archiveInput struct{ ArchiveName string }

func (s *Service) findArchive(c *wire.Call, name string) (*archive, error) {
	if a := s.archives[s.arn(c.Region, "archive/"+name)]; a != nil {
		return a, nil
	}
	return nil, notFound("Archive %s does not exist.", name)
}

func (s *Service) describeArchive(c *wire.Call, in archiveInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.findArchive(c, in.ArchiveName)
	if err != nil {
		return nil, err
	}
	return a.output(), nil
}

type listArchivesInput struct {
	NamePrefix, EventSourceArn, State, NextToken string
	Limit                                        *int
}

func (s *Service) listArchives(c *wire.Call, in listArchivesInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []archiveOutput
	for _, arn := range slices.Sorted(maps.Keys(s.archives)) {
		a := s.archives[arn]
		if !strings.HasPrefix(arn, s.arn(c.Region, "archive/")) || !strings.HasPrefix(a.name, in.NamePrefix) ||
			in.EventSourceArn != "" && a.bus != in.EventSourceArn || in.State != "" && in.State != "ENABLED" {
			continue
		}
		out := a.output()
		// A list has neither.
		out.ArchiveArn, out.EventPattern = "", ""
		all = append(all, out)
	}
	list, next, err := page(all, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	return struct {
		Archives  []archiveOutput
		NextToken string `json:",omitempty"`
	}{list, next}, nil
}

func (s *Service) deleteArchive(c *wire.Call, in archiveInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.findArchive(c, in.ArchiveName)
	if err != nil {
		return nil, err
	}
	delete(s.archives, a.arn)
	return nil, nil
}

type startReplayInput struct {
	ReplayName, Description, EventSourceArn string
	EventStartTime, EventEndTime            float64
	Destination                             struct {
		Arn        string
		FilterArns []string
	}
}

// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_StartReplay.html
func (s *Service) startReplay(c *wire.Call, in startReplayInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	arn := s.arn(c.Region, "replay/"+in.ReplayName)
	a := s.archives[in.EventSourceArn]
	switch {
	case !replayPattern.MatchString(in.ReplayName):
		return nil, constraint(in.ReplayName, "replayName", `Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`)
	case s.replays[arn] != nil:
		return nil, &wire.Error{Code: "ResourceAlreadyExistsException", Message: "Replay " + in.ReplayName + " already exists."}
	case a == nil:
		return nil, notFound("Archive %s does not exist.", in.EventSourceArn[strings.LastIndex(in.EventSourceArn, "/")+1:])
	case in.Destination.Arn != a.bus:
		return nil, invalid("Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.")
	case in.EventStartTime >= in.EventEndTime:
		return nil, invalid("Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.")
	}
	r := &replay{
		arn: arn, name: in.ReplayName, description: in.Description, archive: a.arn, destination: a.bus, filters: in.Destination.FilterArns,
		from: time.UnixMilli(int64(in.EventStartTime * 1000)), to: time.UnixMilli(int64(in.EventEndTime * 1000)),
		state: "STARTING", started: s.hub.Clock.Now(),
	}
	s.replays[arn] = r
	s.hub.Clock.After(replayPause, func() { s.run(r, a) })
	return struct {
		ReplayArn, State string
		ReplayStartTime  float64
	}{r.arn, r.state, seconds(r.started)}, nil
}

// run puts the events of a replay on the bus, each with the name of the replay.
func (s *Service) run(r *replay, a *archive) {
	s.mu.Lock()
	events := a.kept(r.from, r.to, s.hub.Clock.Now())
	b := s.buses[r.destination]
	r.state = "RUNNING"
	var deliveries []*delivery
	for _, e := range events {
		e.ReplayName = r.name
		r.last = e.Time
		if b == nil {
			continue
		}
		s.events = keep(s.events, e)
		for _, d := range s.match(b, e, false) {
			if len(r.filters) == 0 || slices.Contains(r.filters, d.rule.arn) {
				d.key += "/" + r.arn
				deliveries = append(deliveries, d)
			}
		}
	}
	r.state, r.ended = "COMPLETED", s.hub.Clock.Now()
	s.mu.Unlock()
	for _, d := range deliveries {
		s.schedule(d, 0)
	}
}

// replayOutput is a replay in a reply.
type replayOutput struct {
	ReplayArn             string `json:",omitempty"`
	ReplayName            string
	Description           string `json:",omitempty"`
	EventSourceArn, State string
	Destination           *struct {
		Arn        string
		FilterArns []string `json:",omitempty"`
	} `json:",omitempty"`
	EventStartTime, EventEndTime, ReplayStartTime float64
	ReplayEndTime                                 float64 `json:",omitempty"`
	EventLastReplayedTime                         float64 `json:",omitempty"`
}

func (r *replay) output() replayOutput {
	out := replayOutput{
		ReplayName: r.name, EventSourceArn: r.archive, State: r.state,
		EventStartTime: seconds(r.from), EventEndTime: seconds(r.to), ReplayStartTime: seconds(r.started),
	}
	if !r.ended.IsZero() {
		out.ReplayEndTime = seconds(r.ended)
	}
	if !r.last.IsZero() {
		out.EventLastReplayedTime = seconds(r.last)
	}
	return out
}

type replayInput struct{ ReplayName string }

func (s *Service) describeReplay(c *wire.Call, in replayInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.replays[s.arn(c.Region, "replay/"+in.ReplayName)]
	if r == nil {
		return nil, notFound("Replay %s does not exist.", in.ReplayName)
	}
	out := r.output()
	out.ReplayArn, out.Description = r.arn, r.description
	out.Destination = &struct {
		Arn        string
		FilterArns []string `json:",omitempty"`
	}{r.destination, r.filters}
	return out, nil
}

type listReplaysInput struct {
	NamePrefix, EventSourceArn, State, NextToken string
	Limit                                        *int
}

func (s *Service) listReplays(c *wire.Call, in listReplaysInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []replayOutput
	for _, arn := range slices.Sorted(maps.Keys(s.replays)) {
		r := s.replays[arn]
		if strings.HasPrefix(arn, s.arn(c.Region, "replay/")) && strings.HasPrefix(r.name, in.NamePrefix) &&
			(in.EventSourceArn == "" || r.archive == in.EventSourceArn) && (in.State == "" || r.state == in.State) {
			all = append(all, r.output())
		}
	}
	list, next, err := page(all, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	return struct {
		Replays   []replayOutput
		NextToken string `json:",omitempty"`
	}{list, next}, nil
}
