package step

import (
	"context"
	"fmt"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/report"
)

// reportRetired tells what became of the workspace. As in reportReady, the lease
// is released last.
func reportRetired(ctx context.Context, d *Deps, doc *document.Document) (*document.RetiredReport, error) {
	now := d.Now()
	out := &document.RetiredReport{
		Outcome: document.Outcome{Outcome: document.Ready}, DurationSeconds: int(now.Sub(doc.Execution.StartTime).Seconds()),
		Left: doc.RetirementAudit.Left,
	}
	for _, r := range doc.Removals() {
		out.Removed = append(out.Removed, r.Removed...)
	}
	reason := "Retained"
	switch left := len(out.Left); {
	case !doc.Retirement.Delete && left == 0:
		reason = "Retired"
		out.Reason = "Nothing was deleted: " + doc.Retirement.Reason + "."
	case !doc.Retirement.Delete:
		out.Reason = fmt.Sprintf("The workspace and its %d objects stay, and nobody applies a spec to them: %s.", left, doc.Retirement.Reason)
	case left > 0:
		reason = "Retired"
		out.Reason = fmt.Sprintf("The workspace was taken down; %d objects stay.", left)
	default:
		reason = "Retired"
		out.Reason = "The workspace was taken down, and nothing is left."
	}
	status, err := d.Statuses.Read(ctx, doc.Workspace)
	if err != nil {
		return nil, err
	}
	condition := report.Condition{Type: report.ConditionReady, Status: "False", Reason: reason, Message: out.Reason}
	if before := status.Condition(report.ConditionReady); before != nil && reason == "Retained" {
		condition.Status = before.Status
	}
	status.Attempt(doc.Revision, doc.Execution.ARN)
	if reason == "Retired" {
		status.LastAppliedRevision, status.URL, status.Objects = "", "", nil
	}
	status.Set(now, condition)
	if err := d.Statuses.Write(ctx, status); err != nil {
		return nil, err
	}
	data := report.RetiredData{
		Deleted: doc.Retirement.Delete, Message: out.Reason, Removed: append([]string{}, out.Removed...), Left: []report.Left{},
		DurationSeconds: out.DurationSeconds,
	}
	for _, l := range out.Left {
		data.Left = append(data.Left, report.Left{What: l.What, Why: l.Why})
	}
	if err := d.Publisher.Publish(ctx, report.Retired, "retired", subject(doc), data); err != nil {
		return nil, err
	}
	if len(out.Left) == 0 {
		if err := d.Records.Forget(ctx, doc.Workspace); err != nil {
			return nil, err
		}
	}
	return out, d.release(ctx, doc)
}
