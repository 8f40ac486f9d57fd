package step_test

import (
	"fmt"
	"strings"
	"testing"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/plan"
)

// The workspace subnets of mito, and others in the same VPC.
var otherSubnets = []string{"cidr: 10.0.1.0/24", "cidr: 10.0.0.0/25", "cidr: 10.0.2.0/24", "cidr: 10.0.0.128/25"}

// leaving is a run of mito that is about to move its workspace into other
// subnets, after something has been done in the present ones.
func leaving(t *testing.T, before func(*run), pairs ...string) *run {
	t.Helper()
	r := begin(t)
	r.upTo("")
	before(r)
	r.revise("StopRunningCompute", append(append([]string(nil), otherSubnets...), pairs...)...)
	return r
}

const mayStop = "  change: {stopCompute: true}\n  tags: {team"

func TestStopRunningCompute(t *testing.T) {
	t.Parallel()
	const step = "StopRunningCompute"

	t.Run("a workspace that stays, or is new", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.does(step, "Skipped")
		r.upTo("")
		r.world.Databricks.RunCompute("mito", "etl", "dashboards")
		r.revise(step, "  tags: {team: data,", "  tags: {team: risk,")
		r.does(step, "Skipped")
	})

	t.Run("refused", func(t *testing.T) {
		t.Parallel()
		r := leaving(t, func(r *run) { r.world.Databricks.RunCompute("mito", "etl", "dashboards") })
		r.refuses(step, plan.Conflict, "cluster etl (", "SQL warehouse dashboards (", "RUNNING", "spec.change.stopCompute: true", "redrive")
		r.world.Databricks.StopAll("mito")
		r.does(step, "Ready")
	})

	t.Run("many", func(t *testing.T) {
		t.Parallel()
		r := leaving(t, func(r *run) {
			for i := range 8 {
				r.world.Databricks.RunCompute("mito", fmt.Sprintf("etl-%d", i), fmt.Sprintf("dashboards-%d", i))
			}
		})
		r.refuses(step, plan.Conflict, "and 6 more")
	})

	t.Run("stopped, with pools emptied and refilled", func(t *testing.T) {
		t.Parallel()
		r := leaving(t, func(r *run) {
			r.world.Databricks.RunCompute("mito", "etl", "dashboards")
			r.world.Databricks.AddPool("mito", "warm")
		}, "  tags: {team", mayStop)
		pools := r.world.Databricks.Pools("mito")
		r.does(step, "Ready", "databricks:TerminateCluster", "databricks:StopWarehouse", "databricks:EditInstancePool")
		var out document.RunningCompute
		r.result(step, &out)
		contains(t, out.Reason, "cluster ", "SQL warehouse ", "idle instances of pool ")
		contains(t, strings.Join(r.world.Databricks.Pools("mito"), ""), "keeps 0", "has 0")
		r.after(step)
		same(t, "pools", pools, r.world.Databricks.Pools("mito"))
		same(t, "lost", 0, r.world.Databricks.Lost("mito"))
	})

	t.Run("what was started for the checks is nobody's", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		r.upTo("StopCompute")
		r.revise(step, otherSubnets...)
		// The SQL warehouse has stopped by itself meanwhile.
		r.does(step, "Ready", "databricks:TerminateCluster")
	})

	t.Run("the way to the control plane moves", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		r.upTo("")
		r.world.Databricks.RunCompute("mito", "etl", "dashboards")
		r.revise(step, "cidr: 10.0.3.0/24", "cidr: 10.0.0.0/26")
		r.refuses(step, plan.Conflict, "cluster etl (")
	})
}
