package step_test

import (
	"strings"
	"testing"

	"lakegate/lambda/internal/document"
)

func TestDeleteFormerNetwork(t *testing.T) {
	t.Parallel()
	const step = "DeleteFormerNetwork"

	t.Run("there is none", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.does(step, "Skipped")
	})

	t.Run("perhaps an earlier execution has left one", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		r.upTo("CreateWorkspace")
		r.revise(step)
		r.does(step, "Absent")
	})

	t.Run("subnets of a VPC that stays", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		r.upTo("")
		before, groups, network := r.subnets(), r.groups(), r.id("RegisterNetwork")
		r.revise(step, otherSubnets...)
		if err := r.persist(step); err != nil {
			t.Fatal(err)
		}
		var out document.RemovalWait
		r.result(step, &out)
		contains(t, strings.Join(out.Removed, ", "), network, groups.Workspace.ID, before.Workspace[0].ID, before.Workspace[1].ID)
		same(t, "how much", 4, len(out.Removed))
		if len(out.Kept) > 0 {
			t.Errorf("it keeps %+v", out.Kept)
		}
		if all, err := r.console().Networks.List(t.Context()); err != nil || len(all) != 1 || all[0].NetworkId != r.id("RegisterNetwork") {
			t.Errorf("the networks are %+v: %v", all, err)
		}
	})

	t.Run("what Databricks has left there", func(t *testing.T) {
		t.Parallel()
		r := newMove(t, step)
		r.upTo(step)
		if err := r.persist(step); err != nil {
			t.Fatal(err)
		}
		var out document.RemovalWait
		r.result(step, &out)
		contains(t, strings.Join(out.Removed, ", "), "instance i-", "network interface eni-", "VPC vpc-", "registration workspace-rest-api", "VPC endpoint vpce-")
	})
}
