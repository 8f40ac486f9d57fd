package step

import (
	"context"
	"fmt"

	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
)

// cancelling is the status of a workspace that is being deleted.
const cancelling = provisioning.WorkspaceStatusCancelling

// deleteWorkspace deletes the workspace. Databricks takes it down after the
// reply.
// https://docs.databricks.com/api/account/workspaces/delete
func deleteWorkspace(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	ours, foreign, err := d.workspacesOf(ctx, account, doc)
	if err != nil {
		return nil, err
	}
	var removed []string
	for _, w := range ours {
		removed = append(removed, workspaceText(w))
		if w.WorkspaceStatus == cancelling {
			continue
		}
		if _, err := account.Workspaces.DeleteByWorkspaceId(ctx, w.WorkspaceId); err != nil && !failure.IsNotFound(err) {
			return nil, fmt.Errorf("deleting %s: %w", workspaceText(w), err)
		}
	}
	return removal(removed, foreign), nil
}
