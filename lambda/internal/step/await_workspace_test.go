package step_test

import (
	"testing"

	"lakegate/lambda/internal/emulator/databricks"
)

func TestAwaitWorkspace(t *testing.T) {
	t.Parallel()
	const step = "AwaitWorkspace"
	t.Run("waits, then is ready", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		if err := r.step(step); err != nil {
			t.Fatal(err)
		}
		same(t, "outcome", "Waiting", r.outcome(step))
		r.does(step, "Ready")
		var w struct{ Status, NetworkStatus string }
		r.result(step, &w)
		same(t, "status", "RUNNING VALID", w.Status+" "+w.NetworkStatus)
	})
	t.Run("a broken network", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.world.Databricks.BreakNetwork("mito", databricks.NetworkHealth{ErrorType: "securityGroup", ErrorMessage: "lacks a rule"})
		err := r.settle(step)
		c, m := class(err)
		same(t, "class", "ActionRequired", c)
		contains(t, m, "BROKEN", "securityGroup", "lacks a rule")
	})
}
