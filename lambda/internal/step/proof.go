package step

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// proof collects what a step looks at.
type proof struct {
	now    time.Time
	checks []document.Check
}

func (d *Deps) newProof() *proof { return &proof{now: d.Now().UTC()} }

// check adds a check that passed or failed. The remedy is kept only if it
// failed.
func (p *proof) check(ok bool, c document.Check) {
	c.Result = document.Passed
	if !ok {
		c.Result = document.Failed
	} else {
		c.Remedy = ""
	}
	p.add(c)
}

// note adds something that people should know and that fails nothing.
func (p *proof) note(c document.Check) {
	c.Result = document.Noted
	p.add(c)
}

// failed says whether one of the checks has failed.
func (p *proof) failed() bool {
	return slices.ContainsFunc(p.checks, func(c document.Check) bool { return c.Result == document.Failed })
}

func (p *proof) add(c document.Check) {
	c.Time = p.now
	p.checks = append(p.checks, c)
}

// conclude keeps the checks for the report, and fails if one of them has.
func (d *Deps) conclude(ctx context.Context, doc *document.Document, step string, p *proof) (document.Checks, error) {
	out := document.Checks{
		Checks:  p.checks,
		Outcome: document.Outcome{Outcome: document.Verified, Reason: fmt.Sprintf("%d checks, none failed", len(p.checks))},
	}
	if err := d.Evidence.Keep(ctx, doc.Workspace, doc.Execution.Name, step, reported(p.checks)); err != nil {
		return out, err
	}
	var seen, remedies []string
	for _, c := range p.checks {
		if c.Result != document.Failed {
			continue
		}
		seen = append(seen, fmt.Sprintf("%s: not true of %s: %s", c.What, c.Object, c.Seen))
		if c.Remedy != "" && !slices.Contains(remedies, c.Remedy) {
			remedies = append(remedies, c.Remedy)
		}
	}
	if len(seen) == 0 {
		return out, nil
	}
	remedy := strings.Join(append(remedies, "Then redrive the execution: it checks again."), " ")
	return out, failure.New(plan.VerificationFailed, remedy, "verifying workspace %s: %d of %d checks failed: %s",
		doc.Workspace, len(seen), len(p.checks), strings.Join(seen, "; "))
}

// reported converts checks to the form of the report.
func reported(checks []document.Check) []report.Check {
	out := make([]report.Check, 0, len(checks))
	for _, c := range checks {
		out = append(out, report.Check(c))
	}
	return out
}

// holds says why no compute is needed to prove the workspace again: the last
// verification was of the same spec and nothing has changed since. Empty means
// that there is something to prove.
func holds(doc *document.Document) (string, error) {
	last := doc.Lease.Verified
	if last == nil || last.SpecDigest != doc.Digest {
		return "", nil
	}
	changed, err := changedSteps(doc)
	if err != nil || len(changed) > 0 {
		return "", err
	}
	return "verified on " + last.Time.Format(time.DateOnly) + ", and nothing has changed since", nil
}

// changedSteps lists the steps that changed the world, in the plan's order.
func changedSteps(doc *document.Document) ([]string, error) {
	changed := []string{}
	err := eachResult(doc, func(step string, result json.RawMessage) error {
		var did document.Outcome
		if err := json.Unmarshal(result, &did); err != nil {
			return err
		}
		if did.Changed() {
			changed = append(changed, step)
		}
		return nil
	})
	return changed, err
}

// checksOf returns the checks of every step that has made some, in the plan's
// order.
func checksOf(doc *document.Document) ([]report.Section, error) {
	var sections []report.Section
	err := eachResult(doc, func(step string, result json.RawMessage) error {
		var made struct{ Checks []report.Check }
		if err := json.Unmarshal(result, &made); err != nil {
			return err
		}
		if len(made.Checks) > 0 {
			sections = append(sections, report.Section{Step: step, Checks: made.Checks})
		}
		return nil
	})
	return sections, err
}

// eachResult calls f for the result of each step that has one, in the plan's
// order.
func eachResult(doc *document.Document, f func(step string, result json.RawMessage) error) error {
	results, err := membersOf(doc)
	if err != nil {
		return err
	}
	for _, s := range plan.Workspace().Steps() {
		if s.Result == "" || results[s.Result] == nil {
			continue
		}
		if err := f(s.Name, results[s.Result]); err != nil {
			return fmt.Errorf("decoding %s of document: %w", s.Result, err)
		}
	}
	return nil
}

// membersOf are the top-level keys of a document with what is under them.
func membersOf(doc *document.Document) (map[string]json.RawMessage, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encoding document: %w", err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil {
		return nil, fmt.Errorf("decoding document: %w", err)
	}
	return members, nil
}
