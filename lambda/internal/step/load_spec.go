package step

import (
	"context"
	"fmt"
	"path"
	"strings"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/internal/source"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// loadSpec reads the committed spec, fills in its defaults and validates it.
func loadSpec(ctx context.Context, d *Deps, doc *document.Document) (*document.Document, error) {
	r := doc.Revision
	file := path.Base(r.Path)
	if source.WorkspaceOf(r.Path) != doc.Workspace || strings.HasPrefix(doc.Workspace, "rejected-") {
		return nil, failure.New(plan.SpecInvalid,
			fmt.Sprintf("Put the spec at %s<name>.yaml, where <name> is its metadata.name: 2 to 32 lower-case letters, digits and hyphens.", plan.SourcePrefix),
			"loading spec %s: its path does not name a workspace", r.Signed())
	}
	data, err := d.Source.Read(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("loading spec %s: %w", r.Signed(), err)
	}
	w, err := spec.Load(file, data)
	if err != nil {
		return nil, failure.As(plan.SpecInvalid, "", fmt.Errorf("loading spec %s:\n%w", r.Signed(), err))
	}
	if err := spec.CheckFileName(file, w.Metadata.Name); err != nil {
		return nil, failure.As(plan.SpecInvalid, "", fmt.Errorf("loading spec %s: %w", r.Signed(), err))
	}
	if err := d.mayWorkIn(w.Spec.AWS, accountOf(doc.Execution.ARN)); err != nil {
		return nil, fmt.Errorf("loading spec %s: %w", r.Signed(), err)
	}
	if err := d.onlyOne(ctx, r); err != nil {
		return nil, err
	}
	out := &document.Document{
		APIVersion: document.Version,
		Workspace:  doc.Workspace,
		Revision:   r,
		Mode:       doc.Mode,
		Execution:  doc.Execution,
		Spec:       w.Spec,
		Digest:     spec.Digest(w),
		Adopt:      w.Adopts(),
		Protected:  w.Metadata.Annotations[spec.Protected] == "true",
	}
	if out.Spec.Suspend {
		// Nothing is closed or called.
		return out, nil
	}
	return out, d.lockOut(out, frontEndVPC(out))
}

// onlyOne refuses a workspace that is defined both as .yaml and as .yml.
func (d *Deps) onlyOne(ctx context.Context, r revision.Revision) error {
	other := source.OtherEnding(r)
	exists, err := d.Source.Exists(ctx, other)
	if err != nil || !exists {
		return err
	}
	// A file that was renamed in the meantime is no second one.
	newest, err := d.Source.Newest(ctx, r)
	if err != nil {
		return err
	}
	if !newest {
		return failure.New(plan.Superseded, "", "loading spec %s: it is not the newest revision any more", r.Signed())
	}
	return failure.New(plan.SpecInvalid,
		fmt.Sprintf("Delete one of %s and %s.", path.Base(r.Path), path.Base(other.Path)),
		"loading spec %s: %s defines the same workspace", r.Signed(), other.Path)
}

// accountOf returns the account of an ARN.
func accountOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// partitionOf returns the partition of an ARN, such as aws.
func partitionOf(arn string) string {
	parts := strings.SplitN(arn, ":", 3)
	if len(parts) < 3 {
		return "aws"
	}
	return parts[1]
}
