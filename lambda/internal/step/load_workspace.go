package step

import (
	"context"
	"strconv"

	"lakegate/lambda/internal/document"
)

// loadWorkspace finds the workspace. The next step runs where the workspace
// admits callers, which may have no way to the account console.
func loadWorkspace(ctx context.Context, d *Deps, doc *document.Document) (*document.Workspaces, error) {
	if !doc.Retirement.Delete {
		return &document.Workspaces{Outcome: skipped(doc.Retirement.Reason)}, nil
	}
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	ours, _, err := d.workspacesOf(ctx, account, doc)
	if err != nil {
		return nil, err
	}
	out := &document.Workspaces{Outcome: document.Outcome{Outcome: document.Absent, Reason: "there is no such workspace any more"}}
	for _, w := range ours {
		out.Outcome = document.Outcome{Outcome: document.Found, Reason: string(w.WorkspaceStatus)}
		out.Workspaces = append(out.Workspaces, document.Workspace{
			Object:         document.Object{ID: strconv.FormatInt(w.WorkspaceId, 10), Name: w.WorkspaceName, Outcome: out.Outcome},
			DeploymentName: w.DeploymentName, URL: urlOf(w), Status: string(w.WorkspaceStatus),
		})
	}
	return out, nil
}
