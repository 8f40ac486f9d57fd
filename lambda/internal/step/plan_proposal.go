package step

import (
	"context"
	"errors"
	"path"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/internal/source"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// planProposal says what a proposed spec would change: in a document of the
// state bucket, and in an event. Account is the AWS account of this Lakegate.
func (d *Deps) planProposal(ctx context.Context, r revision.Revision, account string, renamed *report.RenamedData) (*report.Plan, error) {
	data, err := d.Source.Read(ctx, r)
	if err != nil {
		return nil, err
	}
	file := path.Base(r.Path)
	out := &report.Plan{Revision: r.String(), Time: d.Now().UTC(), Renamed: renamed}
	w, err := spec.Load(file, data)
	if err == nil {
		err = spec.CheckFileName(file, w.Metadata.Name)
	}
	if err != nil {
		out.Workspace = source.WorkspaceOf(plan.SourcePrefix + file)
		out.Refused = err.Error()
		if invalid, ok := errors.AsType[spec.Errors](err); ok {
			out.Refused = invalid.Error()
		}
		return out, d.keepPlan(ctx, r, out)
	}
	out.Workspace = w.Metadata.Name
	status, err := d.Statuses.Read(ctx, w.Metadata.Name)
	if err != nil {
		return nil, err
	}
	doc := &document.Document{
		APIVersion: document.Version, Workspace: w.Metadata.Name, Revision: r, Spec: w.Spec, Digest: spec.Digest(w), Adopt: w.Adopts(),
		Lease: &document.Lease{TagKeys: status.TagKeys},
		// Clients that only look need no tokens, but steps make some of its ARN.
		Execution: document.Execution{ARN: "arn:aws:states::" + account + ":execution:" + report.PlanOnly, Name: report.PlanOnly},
	}
	switch {
	case w.Spec.Suspend:
		out.Refused = "spec.suspend is true: nothing would be changed"
	default:
		if err := errors.Join(d.mayWorkIn(w.Spec.AWS, account), sameIdentity(status.Applied, doc), d.lockOut(doc, frontEndVPC(doc))); err != nil {
			out.Refused = failure.Message(err)
			break
		}
		changes, _, err := d.in("PlanProposal", doc).Preview(ctx, doc)
		if errors.Is(err, awsapi.ErrRefused) {
			out.Refused = failure.Message(err)
			break
		}
		if changes, err = planOf(changes, err); err != nil {
			return nil, err
		}
		out.Changes = reportedChanges(changes)
	}
	return out, d.keepPlan(ctx, r, out)
}

func (d *Deps) keepPlan(ctx context.Context, r revision.Revision, p *report.Plan) error {
	key, err := d.Evidence.WritePlan(ctx, p)
	if err != nil {
		return err
	}
	return d.Publisher.Publish(ctx, report.Planned, "planned", report.Subject{Workspace: p.Workspace, Revision: r}, p.Data(key))
}
