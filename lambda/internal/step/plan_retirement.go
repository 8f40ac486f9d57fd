package step

import (
	"context"
	"fmt"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/source"
)

// Propose plans one change of a proposal: what a spec would change, or what its
// deletion would. Of a rename both plans say so.
func (d *Deps) Propose(ctx context.Context, c source.Change, account string) (*report.Plan, error) {
	var renamed *report.RenamedData
	var err error
	switch {
	case c.RenamedFrom != "":
		renamed, err = d.renaming(ctx, c.RenamedFrom, c.Workspace)
	case c.RenamedTo != "":
		renamed, err = d.renaming(ctx, c.Workspace, c.RenamedTo)
	}
	if err != nil {
		return nil, fmt.Errorf("planning %s: %w", c.Revision, err)
	}
	if c.Deleted {
		return d.planRetirement(ctx, c, renamed)
	}
	return d.planProposal(ctx, c.Revision, account, renamed)
}

// planRetirement says what would become of the workspace of a spec: it looks for
// the same objects as the end of a retirement does.
func (d *Deps) planRetirement(ctx context.Context, c source.Change, renamed *report.RenamedData) (*report.Plan, error) {
	record, err := d.Records.Read(ctx, c.Workspace)
	if err != nil {
		return nil, err
	}
	f, err := fateOf(record)
	if err != nil {
		return nil, err
	}
	out := &report.Plan{Workspace: c.Workspace, Revision: c.Revision.String(), Time: d.Now().UTC(), Renamed: renamed}
	if err := ofThatSource(record, c.Revision); err != nil {
		out.Refused = failure.Message(err)
		return out, d.keepPlan(ctx, c.Revision, out)
	}
	out.Retirement = &report.PlannedRetirement{Old: f.kind, Message: f.text}
	if f.kind != report.OldNone {
		// Clients that only look need no tokens, but some of its ARN.
		f.doc.Execution = document.Execution{ARN: "arn:aws:states:::execution:" + report.PlanOnly, Name: report.PlanOnly}
		found, err := d.everything(ctx, f.doc)
		if err != nil {
			return nil, fmt.Errorf("planning the retirement of %s: %w", c.Workspace, err)
		}
		for _, what := range found {
			if f.kind == report.OldDeleted {
				out.Retirement.Removed = append(out.Retirement.Removed, what)
			} else {
				out.Retirement.Left = append(out.Retirement.Left, report.Left{What: what, Why: f.why})
			}
		}
	}
	return out, d.keepPlan(ctx, c.Revision, out)
}
