package page

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/eventbridge"
)

// line is an event in a list.
type line struct {
	ID        string    `json:"id"`
	Time      time.Time `json:"time"`
	Bus       string    `json:"bus"`
	Source    string    `json:"source"`
	Type      string    `json:"type"`
	Workspace string    `json:"workspace,omitempty"`
	// Text says what it is about.
	Text string `json:"text,omitempty"`
}

// lines are those after an event; Whole says that they are all, because that
// event is not known, or no longer.
type lines struct {
	Whole  bool   `json:"whole"`
	Events []line `json:"events"`
}

// events answers with the events after that of an id.
func (p *page) events(r *http.Request) (any, error) {
	all := p.world.Events.Events("")
	after := r.FormValue("after")
	from := 0
	for i, e := range slices.Backward(all) {
		if e.ID == after {
			from = i + 1
			break
		}
	}
	out := lines{Whole: from == 0, Events: []line{}}
	for _, e := range all[from:] {
		out.Events = append(out.Events, lineOf(e))
	}
	return out, nil
}

func lineOf(e eventbridge.Event) line {
	l := line{ID: e.ID, Time: e.Time, Bus: e.Bus, Source: e.Source, Type: e.DetailType}
	var d struct {
		Metadata struct{ Workspace string }
		Data     struct{ Step, Outcome, Reason, Class, Message, URL string }
		Object   struct{ Key string }
		Name     string
		Status   string
		Branch   string `json:"referenceName"`
	}
	// What has another form is shown without more.
	_ = json.Unmarshal(e.Detail, &d)
	l.Workspace = d.Metadata.Workspace
	message, _, _ := strings.Cut(d.Data.Message, "\n")
	var parts []string
	for _, part := range []string{
		d.Data.Class, d.Data.Step, d.Data.Outcome, d.Data.Reason, message, d.Data.URL, d.Object.Key, d.Name, d.Status, d.Branch,
	} {
		if part != "" {
			parts = append(parts, part)
		}
	}
	l.Text = strings.Join(parts, " · ")
	return l
}

// event answers with the whole of an event, as targets get it.
func (p *page) event(r *http.Request) (any, error) {
	for _, e := range slices.Backward(p.world.Events.Events("")) {
		if e.ID == r.FormValue("id") {
			return json.RawMessage(e.JSON()), nil
		}
	}
	return nil, unknown("the event " + r.FormValue("id"))
}
