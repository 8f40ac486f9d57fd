package step

import (
	"context"
	"slices"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/report"
)

// planChanges compares the spec with what exists before anything is touched. To
// apply is to say what will be changed, and to change nothing at all if one of
// the steps is bound to refuse. To verify is to say what has drifted.
func planChanges(ctx context.Context, d *Deps, doc *document.Document) (*document.Plan, error) {
	switch {
	case doc.Mode == document.Verify && !settled(doc):
		// What was never brought to its end has not drifted.
		return &document.Plan{Leave: true, Outcome: skipped("this spec was not applied yet, or something was attempted since")},
			d.release(ctx, doc)
	case doc.Mode == document.Verify:
		return d.compare(ctx, doc)
	case settled(doc):
		// The steps compare for themselves; to do it twice would tell nothing.
		return &document.Plan{Outcome: skipped("the spec means the same as the one that was applied last")}, d.attempting(ctx, doc, nil)
	}
	changes, _, refused := d.Preview(ctx, doc)
	changes, err := planOf(changes, refused)
	if err != nil {
		return nil, err
	}
	p := report.Plan{Workspace: doc.Workspace, Revision: doc.Revision.String(), Time: d.Now().UTC(), Changes: reportedChanges(changes)}
	out := &document.Plan{Outcome: document.Outcome{Outcome: document.Planned, Reason: p.Summary()}, Changes: wanted(changes)}
	if len(out.Changes) == 0 {
		out.Outcome.Outcome = document.Found
		return out, d.attempting(ctx, doc, nil)
	}
	key, err := d.Evidence.WritePlan(ctx, &p)
	if err != nil {
		return nil, err
	}
	if err := d.Publisher.Publish(ctx, report.Planned, "planned", subject(doc), p.Data(key)); err != nil {
		return nil, err
	}
	summary := &report.PlanSummary{Revision: p.Revision, Summary: p.Summary(), Key: key}
	if refused != nil {
		status, err := d.Statuses.Read(ctx, doc.Workspace)
		if err != nil {
			return nil, err
		}
		status.Plan = summary
		if err := d.Statuses.Write(ctx, status); err != nil {
			return nil, err
		}
		return nil, refused
	}
	return out, d.attempting(ctx, doc, summary)
}

// attempting notes what is about to be made, before it is: also what an
// execution that stops half-way has made can then be found and taken down. The
// last verification is taken out of the status until this execution has come to
// its end: one that changes something and stops half-way leaves it out, and so
// the next one verifies again.
func (d *Deps) attempting(ctx context.Context, doc *document.Document, p *report.PlanSummary) error {
	record, err := d.Records.Read(ctx, doc.Workspace)
	if err != nil {
		return err
	}
	if record.Attempted, err = attemptOf(doc); err != nil {
		return err
	}
	if err := d.Records.Write(ctx, record); err != nil {
		return err
	}
	status, err := d.Statuses.Read(ctx, doc.Workspace)
	if err != nil {
		return err
	}
	status.Verified, status.TagKeys, status.Plan = nil, doc.Lease.TagKeys, p
	if doc.Mode == document.Verify {
		return d.working(ctx, doc, status, "mends what has drifted from")
	}
	return d.Statuses.Write(ctx, status)
}

// wanted are the changes that will be made, as the document has them.
func wanted(changes []document.PlannedChange) []document.PlannedChange {
	out := slices.DeleteFunc(slices.Clone(changes), func(c document.PlannedChange) bool {
		return c.Action == document.Keep || c.Action == document.Unwanted
	})
	for i := range out {
		out[i].Calls = nil
	}
	return out
}

// reportedChanges converts changes to the form of the report.
func reportedChanges(changes []document.PlannedChange) []report.PlannedChange {
	out := make([]report.PlannedChange, 0, len(changes))
	for _, c := range changes {
		out = append(out, report.PlannedChange{
			Step: c.Step, Action: c.Action, Object: c.Object, Reason: c.Reason, Differences: reportedDifferences(c.Differences), Calls: c.Calls,
		})
	}
	return out
}

func reportedDifferences(differences []document.Difference) []report.Difference {
	var out []report.Difference
	for _, one := range differences {
		out = append(out, report.Difference(one))
	}
	return out
}
