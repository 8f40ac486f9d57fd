// Package chat tells people in chat what happens to workspaces. An event becomes
// a message that is the same for every product, and each product has a file that
// renders and posts it: Slack, Microsoft Teams, Amazon Q Developer in chat
// applications. The fourth, a webhook, gets the event as it is, signed.
//
// What a spec, a commit or a service says reaches a message only as literal text:
// nothing in it can be markup, a mention or a link.
package chat

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// Message is what is said, before a product gives it a form. All texts are
// literal.
type Message struct {
	// Key is the same for a message that is sent again, and Thread for all messages
	// of one execution.
	Key, Thread string
	// Kind is the detail type of the event, Time when it was sent.
	Kind string
	Time time.Time
	// Mark says at a glance how it stands.
	Mark Mark
	// Title is one line, Text a paragraph, Detail what was found, as it was found.
	Title, Text, Detail string
	// Next says what to do.
	Next string
	// Facts are names and values.
	Facts []Fact
	// Links lead to the console. Their texts and addresses are ours.
	Links []Link
	// Workspace and Revision, and Resources that it is about, as ARNs.
	Workspace, Revision string
	Resources           []string
	// Reply says that the message belongs under that which has told of the start,
	// Aside that it is of no interest anywhere else.
	Reply, Aside bool
}

// Fact is a name and its value.
type Fact struct{ Name, Value string }

// Link is a text and the address that it leads to.
type Link struct{ Text, URL string }

// Mark says at a glance how it stands.
type Mark string

// Marks.
const (
	Going     Mark = "🔵"
	Good      Mark = "✅"
	Bad       Mark = "❌"
	Attention Mark = "⚠️"
	Quiet     Mark = "⚪"
)

// event is an event as a rule delivers it.
type event struct {
	DetailType string          `json:"detail-type"`
	Time       time.Time       `json:"time"`
	Resources  []string        `json:"resources"`
	Detail     json.RawMessage `json:"detail"`
}

// From makes the message of an event; nil if there is nothing to say, as of an
// execution that has changed nothing.
func From(payload []byte) (*Message, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("decoding event: %w", err)
	}
	var detail struct {
		Metadata report.Metadata `json:"metadata"`
		Data     json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(e.Detail, &detail); err != nil {
		return nil, fmt.Errorf("decoding detail of event %s: %w", e.DetailType, err)
	}
	compose, ok := composers[e.DetailType]
	if !ok {
		return nil, nil
	}
	about := detail.Metadata
	m := &Message{
		Key: about.IdempotencyKey, Thread: about.CorrelationID, Kind: e.DetailType, Time: e.Time, Workspace: about.Workspace, Revision: about.Revision,
		Resources: e.Resources, Links: linksOf(about), Reply: about.Announced,
	}
	said, err := compose(m, detail.Data)
	if err != nil {
		return nil, fmt.Errorf("decoding data of event %s: %w", e.DetailType, err)
	}
	if !said {
		return nil, nil
	}
	// A step is said of under a message that has all this.
	if m.Aside {
		m.Links = nil
		return m, nil
	}
	if about.Revision != "" {
		m.Facts = append(m.Facts, Fact{"Revision", about.Revision})
	}
	if change := about.Change; change.Author != "" {
		m.Facts = append(m.Facts, Fact{"Change", strings.TrimSpace(change.Author + ": " + change.Message)})
	}
	return m, nil
}

// composers complete a message, by the kind of event; false means that there is
// nothing to say.
var composers = map[string]func(m *Message, data json.RawMessage) (bool, error){
	report.Planned:       composed(planned),
	report.Started:       composed(started),
	report.StepCompleted: composed(stepCompleted),
	report.Ready:         composed(ready),
	report.Failed:        composed(failed),
	report.Rejected:      composed(failed),
	report.Superseded:    composed(superseded),
	report.Drifted:       composed(drifted),
	report.Suspended:     composed(suspended),
	report.Renamed:       composed(renamed),
	report.Retired:       composed(retired),
	report.Surveyed:      composed(surveyed),
}

func composed[D any](compose func(*Message, D) bool) func(*Message, json.RawMessage) (bool, error) {
	return func(m *Message, data json.RawMessage) (bool, error) {
		var d D
		if err := json.Unmarshal(data, &d); err != nil {
			return false, err
		}
		return compose(m, d), nil
	}
}

func planned(m *Message, d report.PlannedData) bool {
	m.Mark, m.Title, m.Text = Going, m.Workspace+": plan", d.Summary()
	// Before what is pushed is planned, its start was told.
	if !m.Reply {
		m.Title = m.Workspace + ": proposed change"
	}
	var lines []string
	switch {
	case d.Refused != "":
		m.Mark, m.Text, m.Detail = Bad, "It would be refused.", d.Refused
		return true
	case d.Renamed != nil:
		m.Mark, m.Text = Attention, d.Renamed.Message
	case d.Retirement != nil:
		m.Mark, m.Text = Attention, d.Retirement.Message
		for _, what := range d.Retirement.Removed {
			lines = append(lines, "Delete "+what)
		}
	}
	for _, c := range d.Changes {
		if c.Action == "Keep" || c.Action == "Unwanted" {
			continue
		}
		if c.Action == "Replace" || c.Action == "Forbidden" {
			m.Mark = Attention
		}
		lines = append(lines, strings.TrimSpace(strings.Join([]string{c.Action, c.Step, c.Object, c.Reason}, " ")))
		for _, one := range c.Differences {
			lines = append(lines, fmt.Sprintf("  %s: found %s, wanted %s", one.Field, cmp.Or(one.Found, "nothing"), cmp.Or(one.Wanted, "nothing")))
		}
	}
	m.Detail = few(lines)
	return true
}

func started(m *Message, d report.StartedData) bool {
	m.Mark, m.Title = Going, m.Workspace+": started"
	switch {
	case d.Retires:
		m.Text = "Its spec was deleted. The workspace is taken down."
	case d.Applied == "":
		m.Text = "A new workspace is made. That usually takes about 25 minutes."
	default:
		m.Text = "Its spec has changed, and is applied."
		m.Facts = []Fact{{"Applied before", d.Applied}}
	}
	m.Reply = false
	return true
}

// stepCompleted is of interest only if it belongs to an execution that was told
// of, and if something was done.
func stepCompleted(m *Message, d report.StepCompletedData) bool {
	if !m.Reply || d.Outcome == "Found" || d.Outcome == "Skipped" {
		return false
	}
	m.Aside, m.Mark = true, Good
	m.Title = d.Step + ": " + d.Outcome
	m.Text = d.Reason
	// What names none of the objects that it is about names them all.
	if !slices.ContainsFunc(d.IDs, func(id string) bool { return strings.Contains(d.Reason, id) }) {
		m.Text = strings.TrimSpace(d.Reason + " " + strings.Join(d.IDs, ", "))
	}
	return true
}

func ready(m *Message, d report.ReadyData) bool {
	if d.Settled && len(d.Changed) == 0 && !d.Recovered {
		return false
	}
	m.Mark, m.Title = Good, m.Workspace+" is ready"
	if d.Recovered {
		m.Title = m.Workspace + " has recovered"
	}
	m.Text = "Everything is as the spec wants it; nothing had to be changed."
	if n := len(d.Changed); n > 0 {
		m.Text = fmt.Sprintf("Steps that changed something: %d. The workspace was verified.", n)
	}
	m.Facts = []Fact{{"URL", d.URL}, {"Took", took(d.DurationSeconds)}, {"Verification", d.Report}}
	return true
}

func failed(m *Message, d report.FailedData) bool {
	m.Mark, m.Title = Bad, m.Workspace+" failed"
	if m.Kind == report.Rejected {
		m.Title = m.Workspace + ": spec rejected"
	}
	if d.Step != "" && m.Kind != report.Rejected {
		m.Title += " at " + d.Step
	}
	m.Detail, m.Next = d.Message, d.Remedy
	m.Facts = []Fact{{"Who acts", actors[d.Class]}, {"Class", d.Class}, {"After", took(d.DurationSeconds)}}
	if d.Report != "" {
		m.Facts = append(m.Facts, Fact{"What was checked", d.Report})
	}
	return true
}

// actors say who acts on a class of failure.
var actors = map[string]string{
	plan.SpecInvalid: "author", plan.Conflict: "author or operator", plan.AccessDenied: "operator", plan.QuotaExceeded: "operator",
	plan.ActionRequired: "operator", plan.TimedOut: "operator", plan.VerificationFailed: "operator", plan.Transient: "operator",
	plan.Throttled: "operator", plan.NotReady: "operator", plan.Internal: "those who maintain Lakegate",
}

func superseded(m *Message, _ report.FailedData) bool {
	m.Mark, m.Title = Quiet, m.Workspace+": superseded"
	m.Text = "A newer revision of this workspace took over. Nothing is to be done."
	return true
}

func drifted(m *Message, d report.DriftedData) bool {
	m.Mark, m.Title, m.Text = Attention, m.Workspace+" differs from its spec", d.Message
	var lines []string
	for _, one := range d.Deviations {
		lines = append(lines, fmt.Sprintf("%s, %s: found %s, wanted %s", one.Object, one.Field, cmp.Or(one.Found, "nothing"), cmp.Or(one.Wanted, "nothing")))
		if h := one.By; h != nil {
			lines = append(lines, fmt.Sprintf("  by %s, %s, %s", h.Who, h.Call, h.Time.UTC().Format(time.RFC3339)))
		}
	}
	m.Detail = few(lines)
	return true
}

func suspended(m *Message, d report.SuspendedData) bool {
	if d.Already {
		return false
	}
	m.Mark, m.Title, m.Text = Quiet, m.Workspace+" is suspended", d.Message
	return true
}

func renamed(m *Message, d report.RenamedData) bool {
	m.Mark, m.Title, m.Text = Attention, d.From+" is renamed to "+d.To, d.Message
	return true
}

func retired(m *Message, d report.RetiredData) bool {
	m.Mark, m.Title, m.Text = Good, m.Workspace+" is retired", d.Message
	if !d.Deleted {
		m.Mark = Quiet
	}
	var lines []string
	for _, l := range d.Left {
		m.Mark = Attention
		lines = append(lines, l.What+" stays: "+l.Why)
	}
	m.Detail = few(lines)
	m.Facts = []Fact{{"Taken down", fmt.Sprint(len(d.Removed))}, {"Took", took(d.DurationSeconds)}}
	return true
}

// surveyed is of interest only if something could not be looked at.
func surveyed(m *Message, d report.SurveyedData) bool {
	if d.Failed == 0 {
		return false
	}
	m.Mark, m.Title = Bad, "Survey failed"
	m.Text = fmt.Sprintf("Of %d workspaces %d could not be looked at.", d.Workspaces, d.Failed)
	var lines []string
	for _, f := range d.Failures {
		lines = append(lines, fmt.Sprintf("%s: %s: %s", f.Workspace, f.Class, f.Message))
	}
	m.Detail = few(lines)
	m.Next = "Remove the cause. The next survey looks again, and lambda:InvokeFunction on lakegate-Survey does at once."
	return true
}

// few joins lines, of which there may be more than anybody reads.
func few(lines []string) string {
	const most = 20
	if len(lines) > most {
		lines = append(lines[:most:most], fmt.Sprintf("… and %d more", len(lines)-most))
	}
	return strings.Join(lines, "\n")
}

func took(seconds int) string { return (time.Duration(seconds) * time.Second).String() }
