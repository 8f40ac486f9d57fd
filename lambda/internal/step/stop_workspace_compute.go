package step

import (
	"context"
	"fmt"

	"github.com/databricks/databricks-sdk-go/service/compute"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
)

// stopWorkspaceCompute stops all that runs in the workspace, so that no instance
// outlives it. One that does not let this function in is deleted all the same:
// DeleteLeftovers finds what it leaves.
func stopWorkspaceCompute(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	out := removal(nil, nil)
	for _, w := range doc.LoadedWorkspace.Workspaces {
		if w.Status != string(provisioning.WorkspaceStatusRunning) {
			out.Reason = fmt.Sprintf("workspace %s is %s", w.Name, w.Status)
			continue
		}
		api, err := d.Databricks.Workspace(ctx, doc.Spec.Databricks.AccountID, w.URL, w.ID)
		if err != nil {
			return nil, err
		}
		stopped, err := stopEverything(ctx, api)
		switch {
		case isDenied(err):
			out.Reason = fmt.Sprintf("workspace %s does not let this function in: what runs there ends with it", w.Name)
		case failure.IsNotFound(err):
			out.Reason = fmt.Sprintf("workspace %s is gone", w.Name)
		case err != nil:
			return nil, d.unreached(w.URL, err)
		}
		out.Removed = append(out.Removed, stopped...)
	}
	if len(out.Removed) > 0 {
		out.Outcome.Outcome = document.Deleted
	}
	return out, nil
}

// stopEverything stops clusters and SQL warehouses and deletes pools, whose idle
// instances run until then.
func stopEverything(ctx context.Context, w *databricksapi.Workspace) (stopped []string, err error) {
	stopped, err = stopAll(ctx, w, func(string) bool { return true })
	if err != nil {
		return stopped, err
	}
	pools, err := w.InstancePools.ListAll(ctx)
	if err != nil {
		return stopped, fmt.Errorf("listing pools of %s: %w", w.URL, err)
	}
	for _, p := range pools {
		if p.State == compute.InstancePoolStateDeleted {
			continue
		}
		if err := w.InstancePools.Delete(ctx, compute.DeleteInstancePool{InstancePoolId: p.InstancePoolId}); err != nil && !failure.IsNotFound(err) {
			return stopped, fmt.Errorf("deleting pool %s: %w", p.InstancePoolId, err)
		}
		stopped = append(stopped, "pool "+p.InstancePoolId)
	}
	return stopped, nil
}
