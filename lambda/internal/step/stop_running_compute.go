package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/compute"
	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/databricks/databricks-sdk-go/service/sql"

	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// stopRunningCompute stops what runs in the network that a workspace is about to
// leave, or that is about to lose its way to the control plane for some minutes: Databricks wants clusters, instances of pools and classic SQL warehouses
// gone before it moves a workspace. Without the author's word nothing of the
// users' is stopped, and the workspace stays where it is.
// https://docs.databricks.com/api/workspaces/v1/update-workspace-public
func stopRunningCompute(ctx context.Context, d *Deps, doc *document.Document) (*document.RunningCompute, error) {
	mover := doc.Network.Mover
	why := ""
	switch {
	case mover == nil:
		why = "the workspace stays in its network"
	case mover.Status != string(provisioning.WorkspaceStatusRunning):
		why = "nothing can run in a workspace that is " + mover.Status
	}
	if why != "" {
		return &document.RunningCompute{Outcome: skipped(why), Wait: d.wait(nil, true, pace{})}, nil
	}
	api, err := d.Databricks.Workspace(ctx, doc.Spec.Databricks.AccountID, mover.URL, mover.ID)
	if err != nil {
		return nil, err
	}
	out := &document.RunningCompute{}
	var previous *document.Wait
	if before := doc.RunningCompute; before != nil {
		previous, out.Stopped = &before.Wait, before.Stopped
	}
	if out.Emptied, err = d.emptied(ctx, doc); err != nil {
		return nil, err
	}
	noted := len(out.Emptied)
	there, err := running(ctx, api, out)
	switch {
	case isDenied(err):
		return nil, d.lockedOut(mover.URL, err)
	case err != nil:
		return nil, d.unreached(mover.URL, err)
	}
	if !doc.Spec.Change.StopCompute {
		if err := inTheWay(*mover, there); err != nil {
			return nil, err
		}
	}
	var seen []string
	for _, r := range there {
		seen = append(seen, r.what)
		if r.stop == nil {
			continue
		}
		did, err := r.stop(ctx)
		if err != nil && !failure.IsNotFound(err) {
			return nil, fmt.Errorf("stopping %s: %w", r.what, err)
		}
		if did != "" {
			out.Stopped = append(out.Stopped, did)
		}
	}
	if len(out.Emptied) > noted {
		if err := d.Evidence.Empty(ctx, doc.Workspace, reportedPools(out.Emptied)); err != nil {
			return nil, err
		}
	}
	text := bounded(seen)
	out.Wait = d.wait(previous, len(there) == 0, paceStopping)
	out.Outcome = outcomeOf(out.Wait, text)
	if out.Ready {
		out.Reason = "nothing runs"
		if len(out.Stopped) > 0 {
			out.Reason = "stopped " + bounded(out.Stopped)
		}
	}
	return out, late("StopRunningCompute", out.Wait, "compute of "+mover.Name+" to stop", text)
}

// runner is something that takes up instances in the network.
type runner struct {
	what string
	// ours was started for the checks and is nobody's.
	ours bool
	// stop begins to stop it and says what it stopped; nil if it is stopping.
	stop func(context.Context) (did string, err error)
}

// running lists what takes up instances in the network of a workspace. Serverless
// warehouses are elsewhere.
func running(ctx context.Context, w *databricksapi.Workspace, out *document.RunningCompute) ([]runner, error) {
	var there []runner
	clusters, err := w.Clusters.ListAll(ctx, compute.ListClustersRequest{})
	if err != nil {
		return nil, fmt.Errorf("listing clusters of %s: %w", w.URL, err)
	}
	for _, c := range clusters {
		if c.State == compute.StateTerminated || c.State == compute.StateError {
			continue
		}
		r := runner{what: fmt.Sprintf("cluster %s (%s, %s)", c.ClusterName, c.ClusterId, c.State), ours: forVerification(c.ClusterName)}
		if c.State != compute.StateTerminating {
			r.stop = func(ctx context.Context) (string, error) {
				_, err := w.Clusters.Delete(ctx, compute.DeleteCluster{ClusterId: c.ClusterId})
				return "cluster " + c.ClusterId, err
			}
		}
		there = append(there, r)
	}
	warehouses, err := w.Warehouses.ListAll(ctx, sql.ListWarehousesRequest{})
	if err != nil {
		return nil, fmt.Errorf("listing SQL warehouses of %s: %w", w.URL, err)
	}
	for _, e := range warehouses {
		if e.EnableServerlessCompute || e.State == sql.StateStopped || e.State == sql.StateDeleted {
			continue
		}
		r := runner{what: fmt.Sprintf("SQL warehouse %s (%s, %s)", e.Name, e.Id, e.State), ours: forVerification(e.Name)}
		if e.State != sql.StateStopping && e.State != sql.StateDeleting {
			r.stop = func(ctx context.Context) (string, error) {
				_, err := w.Warehouses.Stop(ctx, sql.StopRequest{Id: e.Id})
				return "SQL warehouse " + e.Id, err
			}
		}
		there = append(there, r)
	}
	pools, err := w.InstancePools.ListAll(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing pools of %s: %w", w.URL, err)
	}
	for _, p := range pools {
		idle := 0
		if p.Stats != nil {
			idle = p.Stats.IdleCount + p.Stats.PendingIdleCount
		}
		if idle == 0 || p.State == compute.InstancePoolStateDeleted {
			continue
		}
		there = append(there, runner{
			what: fmt.Sprintf("pool %s (%s, %d idle instances)", p.InstancePoolName, p.InstancePoolId, idle),
			stop: func(ctx context.Context) (string, error) { return drain(ctx, w, out, p) },
		})
	}
	return there, nil
}

// inTheWay is the Conflict of compute that the author has not allowed to stop.
func inTheWay(mover document.Workspace, there []runner) error {
	var theirs []string
	for _, r := range there {
		if !r.ours && r.stop != nil {
			theirs = append(theirs, r.what)
		}
	}
	if len(theirs) == 0 {
		return nil
	}
	return failure.New(plan.Conflict,
		"Stop it and redrive the execution, or set spec.change.stopCompute: true and push, so that it is stopped; or set spec.network back.",
		"changing the network of workspace %s (%s): %s run in the present one and would be lost", mover.Name, mover.ID, bounded(theirs))
}

// bounded is a list that stays readable.
func bounded(all []string) string {
	const most = 10
	if len(all) <= most {
		return strings.Join(all, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(all[:most], ", "), len(all)-most)
}

// emptied are the pools that were emptied and not refilled, by this execution or
// by one that did not come to its end.
func (d *Deps) emptied(ctx context.Context, doc *document.Document) ([]document.Pool, error) {
	pools, err := d.Evidence.Emptied(ctx, doc.Workspace)
	if err != nil {
		return nil, err
	}
	var out []document.Pool
	for _, p := range pools {
		out = append(out, document.Pool(p))
	}
	return out, nil
}

func reportedPools(pools []document.Pool) []report.Pool {
	out := []report.Pool{}
	for _, p := range pools {
		out = append(out, report.Pool(p))
	}
	return out
}

// drain lets the idle instances of a pool go. What it kept ready before is noted
// first, and changed at the next look, so that no crash can lose it.
func drain(ctx context.Context, w *databricksapi.Workspace, out *document.RunningCompute, p compute.InstancePoolAndStats) (did string, err error) {
	if !slices.ContainsFunc(out.Emptied, func(e document.Pool) bool { return e.ID == p.InstancePoolId }) {
		out.Emptied = append(out.Emptied, document.Pool{
			ID: p.InstancePoolId, MinIdle: p.MinIdleInstances, IdleMinutes: p.IdleInstanceAutoterminationMinutes,
		})
		return "", nil
	}
	if p.MinIdleInstances == 0 && p.IdleInstanceAutoterminationMinutes == 0 {
		return "", nil
	}
	return "idle instances of pool " + p.InstancePoolId, editPool(ctx, w, p, document.Pool{})
}

// refill makes pools keep ready what they did before they were emptied.
func refill(ctx context.Context, w *databricksapi.Workspace, emptied []document.Pool) error {
	pools, err := w.InstancePools.ListAll(ctx)
	if err != nil {
		return fmt.Errorf("listing pools of %s: %w", w.URL, err)
	}
	for _, p := range pools {
		for _, was := range emptied {
			// Somebody may have changed it since.
			if was.ID != p.InstancePoolId || p.MinIdleInstances != 0 || p.IdleInstanceAutoterminationMinutes != 0 {
				continue
			}
			if err := editPool(ctx, w, p, was); err != nil && !failure.IsNotFound(err) {
				return fmt.Errorf("refilling pool %s: %w", was.ID, err)
			}
		}
	}
	return nil
}

// editPool changes what a pool keeps ready. What is left out would be reset.
// https://docs.databricks.com/api/workspace/instancepools/edit
func editPool(ctx context.Context, w *databricksapi.Workspace, p compute.InstancePoolAndStats, keep document.Pool) error {
	return w.InstancePools.Edit(ctx, compute.EditInstancePool{
		InstancePoolId: p.InstancePoolId, InstancePoolName: p.InstancePoolName, NodeTypeId: p.NodeTypeId,
		MaxCapacity: p.MaxCapacity, CustomTags: p.CustomTags,
		MinIdleInstances: keep.MinIdle, IdleInstanceAutoterminationMinutes: keep.IdleMinutes,
		ForceSendFields: []string{"MinIdleInstances", "IdleInstanceAutoterminationMinutes"},
	})
}
