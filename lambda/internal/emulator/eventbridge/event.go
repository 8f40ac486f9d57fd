package eventbridge

import (
	"bytes"
	"encoding/json"
	"time"
)

// Event is an event on a bus.
// https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
type Event struct {
	// ID is given by the service.
	ID string
	// Bus is the name of the bus that the event is on.
	Bus string
	// Source such as aws.s3, and DetailType such as Object Created.
	Source, DetailType string
	Account, Region    string
	// Time at which it happened, to the second.
	Time time.Time
	// Resources are ARNs.
	Resources []string
	// Detail is a JSON object.
	Detail json.RawMessage
	// ReplayName is the replay that has put the event on the bus again; empty the
	// first time.
	ReplayName string
}

// JSON is the event as targets get it and patterns see it.
func (e Event) JSON() []byte {
	return mustJSON(struct {
		Version    string          `json:"version"`
		ID         string          `json:"id"`
		DetailType string          `json:"detail-type"`
		Source     string          `json:"source"`
		Account    string          `json:"account"`
		Time       string          `json:"time"`
		Region     string          `json:"region"`
		Resources  []string        `json:"resources"`
		Detail     json.RawMessage `json:"detail"`
		ReplayName string          `json:"replay-name,omitempty"`
	}{"0", e.ID, e.DetailType, e.Source, e.Account, stamp(e.Time), e.Region, append([]string{}, e.Resources...), e.Detail, e.ReplayName})
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// isObject says whether a text is one JSON object.
func isObject(text []byte) bool {
	return json.Valid(text) && bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{"))
}

// mustJSON encodes what cannot fail to be encoded, without escaping for HTML.
func mustJSON(v any) []byte {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic("eventbridge: encoding JSON: " + err.Error())
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// Loss is an event that no bus took.
type Loss struct {
	Event  Event
	Reason string
}

// Dead is an event that a target did not get, however often it was tried.
type Dead struct {
	Event Event
	// Rule and Target are ARNs.
	Rule, Target string
	// Failure of the last attempt, and how many retries there were.
	Failure Failure
	Retries int
	// Exhausted is MaximumRetryAttempts or MaximumEventAgeInSeconds; empty if the
	// failure was not one to try again.
	Exhausted string
	// Queue is the ARN of the dead-letter queue that took the event; empty if
	// none did.
	Queue string
}

// maxLog is how many events the logs keep at least.
const maxLog = 10_000

// keep adds to a log and forgets the oldest half if it has twice as many
// entries as it keeps.
func keep[T any](log []T, x T) []T {
	if len(log) == 2*maxLog {
		log = append([]T(nil), log[maxLog:]...)
	}
	return append(log, x)
}
