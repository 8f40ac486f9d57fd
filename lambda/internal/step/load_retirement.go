package step

import (
	"context"
	"fmt"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/internal/source"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// loadRetirement decides what becomes of the workspace of a deleted spec by what
// was applied last. A later spec that was attempted and not applied can make the
// decision stricter, but no looser.
func loadRetirement(ctx context.Context, d *Deps, doc *document.Document) (*document.Document, error) {
	if err := d.stillDeleted(ctx, doc.Revision); err != nil {
		return nil, fmt.Errorf("retiring workspace %s: %w", doc.Workspace, err)
	}
	record, err := d.Records.Read(ctx, doc.Workspace)
	if err != nil {
		return nil, err
	}
	if err := ofThatSource(record, doc.Revision); err != nil {
		return nil, err
	}
	out, by, err := retirementOf(record)
	if err != nil {
		return nil, err
	}
	if by != nil {
		return nil, protected(doc, by)
	}
	if out.Retirement.Delete {
		// The stack may have been told otherwise since.
		if err := d.mayWorkIn(out.Spec.AWS, accountOf(doc.Execution.ARN)); err != nil {
			return nil, fmt.Errorf("retiring workspace %s: %w", doc.Workspace, err)
		}
	}
	out.Workspace, out.Revision, out.Mode, out.Execution = doc.Workspace, doc.Revision, doc.Mode, doc.Execution
	return out, nil
}

// ofThatSource fails as Superseded if a workspace was last attempted from another
// source than the one in which its spec was deleted.
func ofThatSource(record *report.Record, r revision.Revision) error {
	if record.Attempted == nil {
		return nil
	}
	if now := record.Attempted.Change; now.Source != "" && (now.Source != r.Source || now.Repository != r.Repository) {
		return failure.New(plan.Superseded, "", "retiring workspace %s: its spec is in %s %s now, as %s", record.Workspace, now.Source, now.Repository, now)
	}
	return nil
}

// retirementOf says what becomes of a workspace by its record: a document with
// the spec and the decision, or the attempt that forbids it.
func retirementOf(record *report.Record) (out *document.Document, protectedBy *report.Attempt, err error) {
	out = &document.Document{
		APIVersion: document.Version, Workspace: record.Workspace, Retirement: &document.Retirement{Delete: true, Force: true},
	}
	if record.Attempted == nil {
		out.Retirement = &document.Retirement{Reason: "nothing was ever made from this spec"}
		return out, nil, nil
	}
	attempts := []*report.Attempt{record.Attempted}
	if record.Applied != nil {
		out.Retirement.Objects = record.Applied.Objects
		if record.Applied.Digest != record.Attempted.Digest || record.Applied.Revision != record.Attempted.Revision {
			attempts = append(attempts, record.Applied)
		}
	}
	for _, a := range attempts {
		s, err := attempted(a)
		if err != nil {
			return nil, nil, err
		}
		if a == record.Attempted {
			out.Spec, out.Digest = s, a.Digest
		} else {
			out.Retirement.Applied = &s
		}
		if a.Protected {
			return out, a, nil
		}
		if s.DeletionPolicy != spec.Delete {
			out.Retirement.Delete = false
			out.Retirement.Reason = fmt.Sprintf("spec.deletionPolicy of %s is %s", a.Revision, spec.Retain)
		}
		out.Retirement.Force = out.Retirement.Force && s.BucketDeletion == spec.Force
	}
	return out, nil, nil
}

func protected(doc *document.Document, a *report.Attempt) error {
	return failure.New(plan.ActionRequired,
		fmt.Sprintf("Put the spec back. To delete the workspace, set the annotation %s to \"false\" there, push, wait for Workspace Ready, and delete the file again.", spec.Protected),
		"retiring workspace %s: it is protected by the annotation %s of %s; nothing was touched, and as long as there is no spec nothing is changed", doc.Workspace, spec.Protected, a.Revision)
}

// stillDeleted fails as Superseded if there is a spec again, also under the
// other ending.
func (d *Deps) stillDeleted(ctx context.Context, r revision.Revision) error {
	for _, one := range []revision.Revision{r, source.OtherEnding(r)} {
		exists, err := d.Source.Exists(ctx, one)
		if err != nil {
			return err
		}
		if exists {
			return failure.New(plan.Superseded, "", "%s exists", one.Path)
		}
	}
	return nil
}
