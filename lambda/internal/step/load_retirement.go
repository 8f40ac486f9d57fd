package step

import (
	"context"
	"fmt"
	"strings"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/revision"
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
	out := &document.Document{
		APIVersion: document.Version, Workspace: doc.Workspace, Revision: doc.Revision, Mode: doc.Mode, Execution: doc.Execution,
		Retirement: &document.Retirement{Delete: true, Force: true},
	}
	if record.Attempted == nil {
		out.Retirement = &document.Retirement{Reason: "nothing was ever made from this spec"}
		return out, nil
	}
	if now := record.Attempted.Change; now.Source != "" && (now.Source != doc.Revision.Source || now.Repository != doc.Revision.Repository) {
		return nil, failure.New(plan.Superseded, "", "retiring workspace %s: its spec is in %s %s now, as %s", doc.Workspace, now.Source, now.Repository, now)
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
			return nil, err
		}
		if a == record.Attempted {
			out.Spec, out.Digest = s, a.Digest
		} else {
			out.Retirement.Applied = &s
		}
		if a.Protected {
			return nil, protected(doc, a)
		}
		if s.DeletionPolicy != spec.Delete {
			out.Retirement.Delete = false
			out.Retirement.Reason = fmt.Sprintf("spec.deletionPolicy of %s is %s", a.Revision, spec.Retain)
		}
		out.Retirement.Force = out.Retirement.Force && s.BucketDeletion == spec.Force
	}
	if out.Retirement.Delete {
		// The stack may have been told otherwise since.
		if err := d.mayWorkIn(out.Spec.AWS, accountOf(doc.Execution.ARN)); err != nil {
			return nil, fmt.Errorf("retiring workspace %s: %w", doc.Workspace, err)
		}
	}
	return out, nil
}

func protected(doc *document.Document, a *report.Attempt) error {
	return failure.New(plan.ActionRequired,
		fmt.Sprintf("Put the spec back. To delete the workspace, set the annotation %s to \"false\" there, push, wait for Workspace Ready, and delete the file again.", spec.Protected),
		"retiring workspace %s: it is protected by the annotation %s of %s; nothing was touched, and as long as there is no spec nothing is changed", doc.Workspace, spec.Protected, a.Revision)
}

// stillDeleted fails as Superseded if there is a spec again, also under the
// other ending.
func (d *Deps) stillDeleted(ctx context.Context, r revision.Revision) error {
	for _, one := range []revision.Revision{r, sibling(r)} {
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

// sibling is the revision's path with the other ending.
func sibling(r revision.Revision) revision.Revision {
	if base, ok := strings.CutSuffix(r.Path, ".yaml"); ok {
		r.Path = base + ".yml"
	} else {
		r.Path = strings.TrimSuffix(r.Path, ".yml") + ".yaml"
	}
	return r
}
