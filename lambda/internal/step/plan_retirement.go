package step

import (
	"context"
	"errors"
	"fmt"

	"lakegate/lambda/internal/awsapi"
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
		return d.planRetirement(ctx, c, account, renamed)
	}
	return d.planProposal(ctx, c.Revision, account, renamed)
}

// planRetirement says what would become of the workspace of a spec: it looks for
// the same objects as the end of a retirement does.
func (d *Deps) planRetirement(ctx context.Context, c source.Change, account string, renamed *report.RenamedData) (*report.Plan, error) {
	record, err := d.Records.Read(ctx, c.Workspace)
	if err != nil {
		return nil, err
	}
	f, err := fateOf(record)
	if err != nil {
		return nil, err
	}
	out := &report.Plan{Workspace: c.Workspace, Revision: c.Revision.String(), Time: d.Now().UTC(), Renamed: renamed}
	// Clients that only look need no tokens, but some of its ARN.
	f.doc.Execution = document.Execution{ARN: "arn:aws:states::" + account + ":execution:" + report.PlanOnly, Name: report.PlanOnly}
	refused := ofThatSource(record, c.Revision)
	var found []string
	if refused == nil && f.kind != report.OldNone {
		if refused = d.mayWorkIn(f.doc.Spec.AWS, account); refused == nil {
			found, err = d.in("PlanProposal", f.doc).everything(ctx, f.doc)
		}
		if errors.Is(err, awsapi.ErrRefused) {
			refused, err = err, nil
		}
		if err != nil {
			return nil, fmt.Errorf("planning the retirement of %s: %w", c.Workspace, err)
		}
	}
	if refused != nil {
		out.Refused = failure.Message(refused)
		return out, d.keepPlan(ctx, c.Revision, out)
	}
	out.Retirement = &report.PlannedRetirement{Old: f.kind, Message: f.text}
	for _, what := range found {
		if f.kind == report.OldDeleted {
			out.Retirement.Removed = append(out.Retirement.Removed, what)
		} else {
			out.Retirement.Left = append(out.Retirement.Left, report.Left{What: what, Why: f.why})
		}
	}
	return out, d.keepPlan(ctx, c.Revision, out)
}
