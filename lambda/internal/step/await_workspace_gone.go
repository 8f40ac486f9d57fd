package step

import (
	"context"
	"fmt"
	"slices"

	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/document"
)

// awaitWorkspaceGone waits until the workspace is gone and the network that it
// was in is free: until then Databricks refuses to delete what it is made of.
func awaitWorkspaceGone(ctx context.Context, d *Deps, doc *document.Document) (*document.RemovalWait, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	all, err := account.Workspaces.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing workspaces: %w", err)
	}
	ours, _, err := d.workspacesOf(ctx, account, doc)
	if err != nil {
		return nil, err
	}
	var there []string
	for _, w := range ours {
		there = append(there, fmt.Sprintf("%s is %s", workspaceText(w), w.WorkspaceStatus))
	}
	networks, err := account.Networks.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing network configurations: %w", err)
	}
	for _, n := range networks {
		of := slices.IndexFunc(all, func(w provisioning.Workspace) bool { return w.WorkspaceId == n.WorkspaceId })
		ours := slices.ContainsFunc(networkNames(doc), func(name string) bool { return isNetworkName(n, name) })
		if n.WorkspaceId != 0 && of < 0 && ours {
			there = append(there, fmt.Sprintf("network configuration %s still belongs to workspace %d", n.NetworkName, n.WorkspaceId))
		}
	}
	seen := list(there)
	out := d.removing(doc.WorkspaceGone, len(there) == 0, paceGone, nil, nil, seen)
	return out, late("AwaitWorkspaceGone", out.Wait, "workspace "+doc.Spec.Databricks.WorkspaceName+" to be gone", seen)
}
