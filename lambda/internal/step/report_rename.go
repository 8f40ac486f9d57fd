package step

import (
	"context"
	"fmt"

	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/source"
	"lakegate/spec"
)

// ReportRename says what a rename leads to, before any of it is begun. About is
// the execution that will make the new workspace.
func (d *Deps) ReportRename(ctx context.Context, r source.Rename, about report.Subject) error {
	data, err := d.renamed(ctx, r.From.Workspace, r.To.Workspace)
	if err != nil {
		return fmt.Errorf("saying what follows from renaming %s to %s: %w", r.From.Workspace, r.To.Workspace, err)
	}
	return d.Publisher.Publish(ctx, report.Renamed, "renamed", about, data)
}

func (d *Deps) renamed(ctx context.Context, from, to string) (report.RenamedData, error) {
	fate, err := d.fate(ctx, from)
	if err != nil {
		return report.RenamedData{}, err
	}
	data := report.RenamedData{From: from, To: to, Old: fate.kind}
	data.Message = fmt.Sprintf("A workspace cannot be renamed: %s is retired, and %s is made anew. Nothing is moved from one to the other, neither objects nor data. %s",
		from, to, fate.text)
	switch fate.kind {
	case report.OldDeleted:
		data.Message += fmt.Sprintf(" Where both specs have the same name for something, %s ends in a Conflict as long as %s has it: redrive its execution after the Workspace Retired event of %s.", to, from, from)
	case report.OldRetained, report.OldProtected:
		data.Message += fmt.Sprintf(" Where both specs have the same name for something, %s ends in a Conflict: choose another name, or give by id or ARN what is to be used by both.", to)
	}
	return data, nil
}

// fate is what becomes of a workspace once its spec is deleted.
type fate struct {
	// kind is one of report's, text says it in sentences.
	kind, text string
}

// fate reads the record of a workspace, as its retirement will.
func (d *Deps) fate(ctx context.Context, workspace string) (fate, error) {
	record, err := d.Records.Read(ctx, workspace)
	if err != nil {
		return fate{}, err
	}
	doc, protectedBy, err := retirementOf(record)
	if err != nil {
		return fate{}, err
	}
	switch r := doc.Retirement; {
	case record.Attempted == nil:
		return fate{report.OldNone, fmt.Sprintf("Of %s nothing was ever made.", workspace)}, nil
	case protectedBy != nil:
		return fate{report.OldProtected, fmt.Sprintf("The retirement of %s will be refused, because %s has the annotation %s: all of it stays, and nobody applies a spec to it.",
			workspace, protectedBy.Revision, spec.Protected)}, nil
	case !r.Delete:
		return fate{report.OldRetained, fmt.Sprintf("All of %s stays, and nobody applies a spec to it: %s.", workspace, r.Reason)}, nil
	case r.Force:
		return fate{report.OldDeleted, fmt.Sprintf("All that was created for %s is deleted, its root bucket with all objects in it.", workspace)}, nil
	default:
		return fate{report.OldDeleted, fmt.Sprintf("All that was created for %s is deleted, its root bucket only if that is empty.", workspace)}, nil
	}
}
