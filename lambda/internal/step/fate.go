package step

import (
	"fmt"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/report"
	"lakegate/spec"
)

// fate is what becomes of a workspace once its spec is deleted.
type fate struct {
	// kind is one of report's, text says it in sentences, and why what stays stays.
	kind, text, why string
	// doc has the spec and the decision, as the retirement will.
	doc *document.Document
}

// fateOf reads it from the record of a workspace.
func fateOf(record *report.Record) (fate, error) {
	doc, protectedBy, err := retirementOf(record)
	if err != nil {
		return fate{}, err
	}
	f, workspace := fate{doc: doc}, record.Workspace
	switch r := doc.Retirement; {
	case record.Attempted == nil:
		f.kind, f.text = report.OldNone, fmt.Sprintf("Of %s nothing was ever made.", workspace)
	case protectedBy != nil:
		f.why = "the annotation " + spec.Protected
		f.kind, f.text = report.OldProtected, fmt.Sprintf("The retirement of %s will be refused, because %s has the annotation %s: all of it stays, and nobody applies a spec to it.",
			workspace, protectedBy.Revision, spec.Protected)
	case !r.Delete:
		f.why = r.Reason
		f.kind, f.text = report.OldRetained, fmt.Sprintf("All of %s stays, and nobody applies a spec to it: %s.", workspace, r.Reason)
	case len(bucketNames(doc)) == 0:
		f.kind, f.text = report.OldDeleted, fmt.Sprintf("All that was created for %s is deleted.", workspace)
	case r.Force:
		f.kind, f.text = report.OldDeleted, fmt.Sprintf("All that was created for %s is deleted, its root bucket with all objects in it.", workspace)
	default:
		f.kind, f.text = report.OldDeleted, fmt.Sprintf("All that was created for %s is deleted, its root bucket only if that is empty.", workspace)
	}
	return f, nil
}
