package step

import (
	"context"
	"fmt"

	"github.com/databricks/databricks-sdk-go/service/compute"
	"github.com/databricks/databricks-sdk-go/service/sql"

	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
)

// stopCompute stops the cluster and the SQL warehouse that were started for the
// checks. They stay, stopped, for the next time. Pools that were emptied so that
// the workspace could move keep instances ready again.
func stopCompute(ctx context.Context, d *Deps, doc *document.Document) (*document.Compute, error) {
	if doc.ClusterCheck != nil && doc.ClusterCheck.Outcome.Outcome == document.Skipped {
		// Whoever empties a pool verifies the workspace in the end.
		return &document.Compute{Outcome: skipped("none was started")}, nil
	}
	pools, err := d.emptied(ctx, doc)
	if err != nil {
		return nil, err
	}
	w, err := d.workspace(ctx, doc)
	if err != nil {
		return nil, err
	}
	if len(pools) > 0 {
		if err := refill(ctx, w, pools); err != nil {
			return nil, err
		}
		if err := d.Evidence.Empty(ctx, doc.Workspace, []report.Pool{}); err != nil {
			return nil, err
		}
	}
	stopped, err := stopAll(ctx, w, forVerification)
	if err != nil {
		return nil, err
	}
	return &document.Compute{Outcome: document.Outcome{Outcome: document.Ready, Reason: "stopped " + list(stopped)}, Stopped: stopped}, nil
}

// StopAbandoned stops the compute of a workspace whose execution has ended
// without doing so. It does nothing if none was ever started.
func (d *Deps) StopAbandoned(ctx context.Context, workspace, execution string) ([]string, error) {
	ledger, err := d.Evidence.Ledger(ctx, workspace)
	if err != nil || ledger == nil || ledger.Execution != execution {
		// Another execution has taken over, and stops it in its turn.
		return nil, err
	}
	if runs, err := d.running(ctx, execution); err != nil || runs {
		// It was redriven in the meantime.
		return nil, err
	}
	w, err := d.Databricks.Workspace(ctx, ledger.Account, ledger.URL, ledger.WorkspaceID)
	if err != nil {
		return nil, err
	}
	return stopAll(ctx, w, forVerification)
}

// forVerification tells the compute that was started for checks by its name, so
// that also what is found whose creation was not answered.
func forVerification(name string) bool { return name == verificationName }

// stopAll stops the clusters and SQL warehouses whose names are meant.
func stopAll(ctx context.Context, w *databricksapi.Workspace, meant func(name string) bool) (stopped []string, err error) {
	clusters, err := w.Clusters.ListAll(ctx, compute.ListClustersRequest{})
	if err != nil {
		return nil, fmt.Errorf("listing clusters of %s: %w", w.URL, err)
	}
	for _, c := range matching(clusters, func(c compute.ClusterDetails) bool { return meant(c.ClusterName) }) {
		if c.State == compute.StateTerminated || c.State == compute.StateTerminating || c.State == compute.StateError {
			continue
		}
		if _, err := w.Clusters.Delete(ctx, compute.DeleteCluster{ClusterId: c.ClusterId}); err != nil && !failure.IsNotFound(err) {
			return stopped, fmt.Errorf("stopping cluster %s: %w", c.ClusterId, err)
		}
		stopped = append(stopped, "cluster "+c.ClusterId)
	}
	warehouses, err := w.Warehouses.ListAll(ctx, sql.ListWarehousesRequest{})
	if err != nil {
		return stopped, fmt.Errorf("listing SQL warehouses of %s: %w", w.URL, err)
	}
	for _, e := range matching(warehouses, func(e sql.EndpointInfo) bool { return meant(e.Name) }) {
		if e.State == sql.StateStopped || e.State == sql.StateStopping || e.State == sql.StateDeleted {
			continue
		}
		if _, err := w.Warehouses.Stop(ctx, sql.StopRequest{Id: e.Id}); err != nil && !failure.IsNotFound(err) {
			return stopped, fmt.Errorf("stopping SQL warehouse %s: %w", e.Id, err)
		}
		stopped = append(stopped, "SQL warehouse "+e.Id)
	}
	return stopped, nil
}
