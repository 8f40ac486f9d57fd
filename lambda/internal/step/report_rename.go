package step

import (
	"context"
	"fmt"

	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/source"
)

// ReportRename says what a rename leads to, before any of it is begun. About is
// the execution that will make the new workspace.
func (d *Deps) ReportRename(ctx context.Context, r source.Rename, about report.Subject) error {
	data, err := d.renaming(ctx, r.From.Workspace, r.To.Workspace)
	if err != nil {
		return fmt.Errorf("saying what follows from renaming %s to %s: %w", r.From.Workspace, r.To.Workspace, err)
	}
	return d.Publisher.Publish(ctx, report.Renamed, "renamed", about, data)
}

// renaming is what is said of a rename.
func (d *Deps) renaming(ctx context.Context, from, to string) (*report.RenamedData, error) {
	record, err := d.Records.Read(ctx, from)
	if err != nil {
		return nil, err
	}
	f, err := fateOf(record)
	if err != nil {
		return nil, err
	}
	data := &report.RenamedData{From: from, To: to, Old: f.kind}
	data.Message = fmt.Sprintf("A workspace cannot be renamed: %s is retired, and %s is made anew. Nothing is moved from one to the other, neither objects nor data. %s",
		from, to, f.text)
	switch f.kind {
	case report.OldDeleted:
		data.Message += fmt.Sprintf(" Where both specs have the same name for something, %s ends in a Conflict as long as %s has it: redrive its execution after the Workspace Retired event of %s.", to, from, from)
	case report.OldRetained, report.OldProtected:
		data.Message += fmt.Sprintf(" Where both specs have the same name for something, %s ends in a Conflict: choose another name, or give by id or ARN what is to be used by both.", to)
	}
	return data, nil
}
