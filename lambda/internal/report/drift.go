package report

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"time"

	"lakegate/lambda/plan"
)

// Drift says how the world differs from the spec that was applied last.
type Drift struct {
	Workspace string    `json:"workspace"`
	Revision  string    `json:"revision"`
	Time      time.Time `json:"time"`
	// Repair says that it is mended by the same execution.
	Repair     bool        `json:"repair"`
	Deviations []Deviation `json:"deviations"`
}

// Deviation is one difference that was found in what was as the spec wanted it.
type Deviation struct {
	Difference
	// Step that has found it.
	Step string `json:"step"`
	// By says who made the object differ, where CloudTrail knows.
	By *Hand `json:"by,omitempty"`
}

// Hand is a call that changed an object.
type Hand struct {
	// Who made the call, as an ARN where there is one.
	Who string `json:"who"`
	// Call such as ec2:RevokeSecurityGroupEgress.
	Call string    `json:"call"`
	Time time.Time `json:"time"`
}

// DriftedData is the data of Drifted. Of very many deviations it has the first
// ones; the page has all.
type DriftedData struct {
	Drift
	// Message says it in one sentence.
	Message string `json:"message"`
	// Key of the page in the state bucket.
	Key string `json:"key"`
}

// Same says whether two drifts are of the same revision and deviate in the same
// ways, whoever has made them so.
func (d *Drift) Same(other *Drift) bool {
	if other == nil || d.Revision != other.Revision || d.Repair != other.Repair {
		return false
	}
	return slices.EqualFunc(d.Deviations, other.Deviations, func(a, b Deviation) bool { return a.Difference == b.Difference })
}

// Message says in one sentence how much differs, and what becomes of it.
func (d *Drift) Message() string {
	next := "Nothing is changed: mend it, push a spec that wants it so, or set spec.drift to Repair."
	if d.Repair {
		next = "It is mended now."
	}
	return fmt.Sprintf("The world differs from %s in %d ways. %s", d.Revision, len(d.Deviations), next)
}

// Markdown is the drift for people.
func (d *Drift) Markdown() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Drift of workspace %s\n\n%s, %s\n\n", d.Workspace, cell(d.Revision), d.Time.UTC().Format(time.RFC3339))
	if len(d.Deviations) == 0 {
		fmt.Fprint(&out, "Everything is as the spec wants it.\n")
		return out.Bytes()
	}
	fmt.Fprintf(&out, "%s\n\n| object | field | found | wanted | by | found by |\n| --- | --- | --- | --- | --- | --- |\n", d.Message())
	var rows [][]string
	for _, v := range d.Deviations {
		by := ""
		if h := v.By; h != nil {
			by = fmt.Sprintf("%s, %s, %s", h.Who, h.Call, h.Time.UTC().Format(time.RFC3339))
		}
		rows = append(rows, []string{v.Object, v.Field, v.Found, v.Wanted, by, v.Step})
	}
	writeRows(&out, rows)
	return out.Bytes()
}

// Drift returns what was found last, or nil.
func (e *Evidence) Drift(ctx context.Context, workspace string) (*Drift, error) {
	var d Drift
	found, err := e.get(ctx, plan.DriftPrefix+workspace+".json", &d)
	if err != nil || !found {
		return nil, err
	}
	return &d, nil
}

// Key of the page in the state bucket.
func (d *Drift) Key() string { return plan.DriftPrefix + d.Workspace + ".md" }

// WriteDrift stores drift as Markdown and as JSON, by which the next look knows
// what was told.
func (e *Evidence) WriteDrift(ctx context.Context, d *Drift) error {
	if err := e.store(ctx, d.Key(), d.Markdown()); err != nil {
		return err
	}
	_, err := e.put(ctx, plan.DriftPrefix+d.Workspace+".json", d)
	return err
}
