package logs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// sequenceToken is what PutLogEvents returns. The service has ignored what it
// gets back since 2023.
const sequenceToken = "49590302938479509000000000000000000000000000000000000001"

// maxBatch is the greatest size of a batch, overhead included, in bytes.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
const maxBatch = 1 << 20

type putLogEventsInput struct {
	LogGroupName  string `json:"logGroupName"`
	LogStreamName string `json:"logStreamName"`
	SequenceToken string `json:"sequenceToken"`
	LogEvents     []struct {
		Timestamp int64  `json:"timestamp"`
		Message   string `json:"message"`
	} `json:"logEvents"`
}

type rejected struct {
	TooNewLogEventStartIndex *int `json:"tooNewLogEventStartIndex,omitempty"`
	TooOldLogEventEndIndex   *int `json:"tooOldLogEventEndIndex,omitempty"`
}

type putLogEventsOutput struct {
	NextSequenceToken     string    `json:"nextSequenceToken"`
	RejectedLogEventsInfo *rejected `json:"rejectedLogEventsInfo,omitempty"`
}

func (s *Service) putLogEvents(c *wire.Call, in putLogEventsInput) (any, error) {
	g, err := s.find(c, in.LogGroupName, "")
	if err != nil {
		return nil, err
	}
	if g.streams[in.LogStreamName] == nil {
		return nil, noSuchStream()
	}
	if n := len(in.LogEvents); n < 1 || n > 10000 {
		return nil, constraint(fmt.Sprintf("%d events", n), "logEvents", "Member must have length between 1 and 10000")
	}
	size := 0
	for i, e := range in.LogEvents {
		size += len(e.Message) + overhead
		switch {
		case e.Message == "":
			return nil, constraint("", fmt.Sprintf("logEvents.%d.member.message", i+1), "Member must have length greater than or equal to 1")
		case i > 0 && e.Timestamp < in.LogEvents[i-1].Timestamp:
			return nil, invalid("Log events in a single PutLogEvents request must be in chronological order.")
		}
	}
	if size > maxBatch {
		return nil, invalid(fmt.Sprintf("Upload too large: %d bytes exceeds limit of %d", size, maxBatch))
	}
	out := putLogEventsOutput{NextSequenceToken: sequenceToken}
	reject := func() *rejected {
		if out.RejectedLogEventsInfo == nil {
			out.RejectedLogEventsInfo = &rejected{}
		}
		return out.RejectedLogEventsInfo
	}
	for i, e := range in.LogEvents {
		at := time.UnixMilli(e.Timestamp).UTC()
		if at.Before(c.Time.Add(-14 * 24 * time.Hour)) {
			end := i + 1
			reject().TooOldLogEventEndIndex = &end
			continue
		}
		if at.After(c.Time.Add(2 * time.Hour)) {
			reject().TooNewLogEventStartIndex = &i
			break
		}
		s.taken++
		g.add(&event{stream: in.LogStreamName, at: at, arrived: c.Time, number: s.taken, message: e.Message})
	}
	return out, nil
}

// span is the time that a reader asks for, in milliseconds.
type span struct {
	StartTime *int64 `json:"startTime"`
	EndTime   *int64 `json:"endTime"`
}

// has says whether an event is in the span, which ends before its end.
func (s span) has(e *event) bool {
	at := e.at.UnixMilli()
	return (s.StartTime == nil || at >= *s.StartTime) && (s.EndTime == nil || at < *s.EndTime)
}

// place is the place of an event in the order of a reader.
type place struct {
	at     int64
	number int
}

func placeOf(e *event) place { return place{e.at.UnixMilli(), e.number} }

func (p place) String() string { return fmt.Sprintf("%d/%d", p.at, p.number) }

func parsePlace(s string) (p place, err error) {
	if _, err := fmt.Sscanf(s, "%d/%d", &p.at, &p.number); err != nil || p.String() != s {
		return place{}, invalid("The specified nextToken is invalid.")
	}
	return p, nil
}

// compare orders places as before orders events.
func (p place) compare(e *event) int {
	return before(&event{at: time.UnixMilli(p.at), number: p.number}, e)
}

type getLogEventsInput struct {
	LogGroupName       string `json:"logGroupName"`
	LogGroupIdentifier string `json:"logGroupIdentifier"`
	LogStreamName      string `json:"logStreamName"`
	span
	NextToken     string `json:"nextToken"`
	Limit         *int   `json:"limit"`
	StartFromHead bool   `json:"startFromHead"`
}

type outputLogEvent struct {
	Timestamp     int64  `json:"timestamp"`
	IngestionTime int64  `json:"ingestionTime"`
	Message       string `json:"message"`
}

type getLogEventsOutput struct {
	Events            []outputLogEvent `json:"events"`
	NextForwardToken  string           `json:"nextForwardToken"`
	NextBackwardToken string           `json:"nextBackwardToken"`
}

// getLogEvents reads forward with f/ tokens and backward with b/ tokens. At the
// end it returns the token that it got.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
func (s *Service) getLogEvents(c *wire.Call, in getLogEventsInput) (any, error) {
	g, err := s.find(c, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if g.streams[in.LogStreamName] == nil {
		return nil, noSuchStream()
	}
	most, err := limit(in.Limit, 10000)
	if err != nil {
		return nil, err
	}
	events := g.read(func(e *event) bool { return e.stream == in.LogStreamName && in.has(e) })
	forward, at := in.StartFromHead, place{}
	if in.NextToken != "" {
		direction, token, _ := strings.Cut(in.NextToken, "/")
		if direction != "f" && direction != "b" {
			return nil, invalid("The specified nextToken is invalid.")
		}
		if at, err = parsePlace(token); err != nil {
			return nil, err
		}
		forward = direction == "f"
		events = slices.DeleteFunc(events, func(e *event) bool {
			if forward {
				return at.compare(e) >= 0
			}
			return at.compare(e) <= 0
		})
	}
	if len(events) > most {
		if forward {
			events = events[:most]
		} else {
			events = events[len(events)-most:]
		}
	}
	first, last := at, at
	out := getLogEventsOutput{Events: []outputLogEvent{}}
	for i, e := range events {
		if i == 0 {
			first = placeOf(e)
		}
		last = placeOf(e)
		out.Events = append(out.Events, outputLogEvent{e.at.UnixMilli(), e.arrived.UnixMilli(), e.message})
	}
	out.NextForwardToken, out.NextBackwardToken = "f/"+last.String(), "b/"+first.String()
	return out, nil
}

// read returns the wanted events in the order of their times.
func (g *group) read(wanted func(*event) bool) []*event {
	var out []*event
	for _, e := range g.events {
		if wanted(e) {
			out = append(out, e)
		}
	}
	slices.SortFunc(out, before)
	return out
}

type filterLogEventsInput struct {
	LogGroupName        string   `json:"logGroupName"`
	LogGroupIdentifier  string   `json:"logGroupIdentifier"`
	LogStreamNames      []string `json:"logStreamNames"`
	LogStreamNamePrefix string   `json:"logStreamNamePrefix"`
	span
	FilterPattern string `json:"filterPattern"`
	NextToken     string `json:"nextToken"`
	Limit         *int   `json:"limit"`
	Interleaved   bool   `json:"interleaved"`
}

type filteredLogEvent struct {
	LogStreamName string `json:"logStreamName"`
	Timestamp     int64  `json:"timestamp"`
	IngestionTime int64  `json:"ingestionTime"`
	Message       string `json:"message"`
	EventID       string `json:"eventId"`
}

type filterLogEventsOutput struct {
	Events             []filteredLogEvent `json:"events"`
	SearchedLogStreams []struct{}         `json:"searchedLogStreams"`
	NextToken          string             `json:"nextToken,omitempty"`
}

// filterLogEvents reads several streams interleaved, which is the only way
// since 2019.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
func (s *Service) filterLogEvents(c *wire.Call, in filterLogEventsInput) (any, error) {
	g, err := s.find(c, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	most, err := limit(in.Limit, 10000)
	if err != nil {
		return nil, err
	}
	if len(in.LogStreamNames) > 0 && in.LogStreamNamePrefix != "" {
		return nil, invalid("logStreamNamePrefix and logStreamNames are mutually exclusive.")
	}
	for _, name := range in.LogStreamNames {
		if g.streams[name] == nil {
			return nil, noSuchStream()
		}
	}
	match, err := compileFilter(in.FilterPattern)
	if err != nil {
		return nil, err
	}
	var from place
	if in.NextToken != "" {
		if from, err = parsePlace(in.NextToken); err != nil {
			return nil, err
		}
	}
	events := g.read(func(e *event) bool {
		return in.has(e) && strings.HasPrefix(e.stream, in.LogStreamNamePrefix) &&
			(len(in.LogStreamNames) == 0 || slices.Contains(in.LogStreamNames, e.stream)) &&
			(in.NextToken == "" || from.compare(e) < 0) && match(e.message)
	})
	out := filterLogEventsOutput{Events: []filteredLogEvent{}, SearchedLogStreams: []struct{}{}}
	for i, e := range events {
		if i == most {
			out.NextToken = placeOf(events[i-1]).String()
			break
		}
		out.Events = append(out.Events, filteredLogEvent{e.stream, e.at.UnixMilli(), e.arrived.UnixMilli(), e.message, fmt.Sprintf("%056d", e.number)})
	}
	return out, nil
}
