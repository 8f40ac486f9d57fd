package report

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/plan"
)

// PlanOnly is in the place of an execution where there is none.
const PlanOnly = "plan"

// PlannedChange is what a step would do.
type PlannedChange struct {
	Step string `json:"step"`
	// Action is Create, Replace, Update, Keep, Forbidden or Unwanted.
	Action string `json:"action"`
	// Object is the id or name of what it is about.
	Object string `json:"object,omitempty"`
	// Reason says more, for people.
	Reason string `json:"reason,omitempty"`
	// Differences are those that it would mend, or that forbid it.
	Differences []Difference `json:"differences,omitempty"`
	// Calls are those that would be made, as service:Operation.
	Calls []string `json:"calls,omitempty"`
}

// Difference is one way in which an object is not as the spec wants it.
type Difference struct {
	// Object says what it is, with its id, and ID is that by which the service
	// knows it.
	Object string `json:"object"`
	ID     string `json:"id"`
	// Field such as tags, rules or policy.
	Field string `json:"field"`
	// Found and Wanted are both values; empty where there is none.
	Found  string `json:"found,omitempty"`
	Wanted string `json:"wanted,omitempty"`
}

// Plan says what a spec would change.
type Plan struct {
	Workspace string    `json:"workspace"`
	Revision  string    `json:"revision"`
	Time      time.Time `json:"time"`
	// Refused says why the spec would change nothing.
	Refused string          `json:"refused,omitempty"`
	Changes []PlannedChange `json:"changes,omitempty"`
	// Retirement is there if the spec would be deleted, Renamed if it would be
	// renamed.
	Retirement *PlannedRetirement `json:"retirement,omitempty"`
	Renamed    *RenamedData       `json:"renamed,omitempty"`
}

// PlannedRetirement says what becomes of a workspace whose spec would be deleted.
type PlannedRetirement struct {
	// Old is Deleted, Retained, Protected or None, as when a spec is renamed.
	Old string `json:"old"`
	// Message says it in words.
	Message string `json:"message"`
	// Removed is what would be taken down, Left what would stay and why.
	Removed []string `json:"removed,omitempty"`
	Left    []Left   `json:"left,omitempty"`
}

// PlannedData is the data of Planned. Of very many differences it has the first
// ones; the page has all.
type PlannedData struct {
	Plan
	// Key of the page in the state bucket.
	Key string `json:"key"`
}

// maxDifferences bounds the differences in an event, which may have 256 KB.
const maxDifferences = 50

// Data is the plan as the event has it. Key is that of the page.
func (p *Plan) Data(key string) PlannedData {
	short := *p
	short.Changes = slices.Clone(p.Changes)
	left := maxDifferences
	for i, c := range short.Changes {
		short.Changes[i].Differences = c.Differences[:min(len(c.Differences), left)]
		left -= len(short.Changes[i].Differences)
	}
	return PlannedData{Plan: short, Key: key}
}

// Markdown is the plan for people.
func (p *Plan) Markdown() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Plan of workspace %s\n\n%s, %s\n\n", p.Workspace, cell(p.Revision), p.Time.UTC().Format(time.RFC3339))
	if p.Renamed != nil {
		fmt.Fprintf(&out, "**%s would be renamed to %s.** %s\n\n", p.Renamed.From, p.Renamed.To, cell(p.Renamed.Message))
	}
	if p.Retirement != nil {
		p.Retirement.write(&out, p.Summary())
		return out.Bytes()
	}
	if p.Refused != "" {
		fmt.Fprintf(&out, "It would be refused:\n\n    %s\n", strings.ReplaceAll(p.Refused, "\n", "\n    "))
		return out.Bytes()
	}
	fmt.Fprintf(&out, "%s\n\n| action | step | object | why | calls |\n| --- | --- | --- | --- | --- |\n", p.Summary())
	for _, c := range p.Changes {
		if c.Action != "Unwanted" {
			fmt.Fprintf(&out, "| %s | %s | %s | %s | %s |\n", c.Action, c.Step, cell(c.Object), cell(c.Reason), cell(strings.Join(c.Calls, ", ")))
		}
	}
	var differ [][]string
	for _, c := range p.Changes {
		for _, d := range c.Differences {
			differ = append(differ, []string{d.Object, d.Field, d.Found, d.Wanted})
		}
	}
	if len(differ) > 0 {
		fmt.Fprint(&out, "\n## What differs\n\n| object | field | found | wanted |\n| --- | --- | --- | --- |\n")
		writeRows(&out, differ)
	}
	return out.Bytes()
}

// write writes what becomes of a workspace, for people.
func (r *PlannedRetirement) write(out *bytes.Buffer, summary string) {
	fmt.Fprintf(out, "The spec would be deleted. %s\n", cell(r.Message))
	if len(r.Removed)+len(r.Left) == 0 {
		return
	}
	fmt.Fprintf(out, "\n%s\n\n| action | object | why |\n| --- | --- | --- |\n", summary)
	for _, what := range r.Removed {
		writeRows(out, [][]string{{"Delete", what, ""}})
	}
	for _, l := range r.Left {
		writeRows(out, [][]string{{"Keep", l.What, l.Why}})
	}
}

// writeRows writes the rows of a table.
func writeRows(out *bytes.Buffer, rows [][]string) {
	for _, row := range rows {
		for _, text := range row {
			fmt.Fprintf(out, "| %s ", cell(text))
		}
		out.WriteString("|\n")
	}
}

// Summary counts what would be done.
func (p *Plan) Summary() string {
	if p.Retirement != nil {
		return fmt.Sprintf("%d to delete, %d to keep", len(p.Retirement.Removed), len(p.Retirement.Left))
	}
	count := map[string]int{}
	for _, c := range p.Changes {
		count[c.Action]++
	}
	replace := ""
	if n := count["Replace"]; n > 0 {
		replace = fmt.Sprintf("%d to replace, ", n)
	}
	return fmt.Sprintf("%d to create, %s%d to update, %d to keep, %d forbidden", count["Create"], replace, count["Update"], count["Keep"], count["Forbidden"])
}

// WritePlan stores a plan as JSON and as Markdown, and returns the key of the
// Markdown.
func (e *Evidence) WritePlan(ctx context.Context, p *Plan) (key string, err error) {
	if _, err := e.put(ctx, plan.PlanPrefix+p.Workspace+".json", p); err != nil {
		return "", err
	}
	key = plan.PlanPrefix + p.Workspace + ".md"
	return key, e.store(ctx, key, p.Markdown())
}
