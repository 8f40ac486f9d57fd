package step_test

import (
	"testing"

	"lakegate/lambda/internal/emulator/ec2"
)

// Endpoints stay in the former subnets and groups until the workspace has left
// them, let the new ones in before that, and are in the new ones alone after.
func TestAwaitMovedEndpoints(t *testing.T) {
	t.Parallel()
	const step = "AwaitMovedEndpoints"
	r := begin(t)
	r.upTo("")
	sts := func() ec2.Endpoint {
		for _, e := range r.world.EC2.Endpoints(tokyoRegion) {
			if e.ID == r.id("EnsureStsEndpoint") {
				return e
			}
		}
		t.Fatal("there is no endpoint to STS")
		return ec2.Endpoint{}
	}
	before := sts()
	r.revise(step, otherSubnets...)
	meanwhile, groups, subnets := sts(), r.groups(), r.subnets()
	same(t, "subnets meanwhile", before.SubnetIDs, meanwhile.SubnetIDs)
	same(t, "groups meanwhile", append(before.GroupIDs, groups.Workspace.ID), meanwhile.GroupIDs)
	if err := r.persist(step); err != nil {
		t.Fatal(err)
	}
	after := sts()
	same(t, "how many subnets", len(subnets.Workspace), len(after.SubnetIDs))
	for _, id := range after.SubnetIDs {
		if id != subnets.Workspace[0].ID && id != subnets.Workspace[1].ID {
			t.Errorf("the endpoint is in %s", id)
		}
	}
	same(t, "groups", []string{groups.Workspace.ID}, after.GroupIDs)
	r.does(step, "Ready")
	// Where nothing moves, nothing is looked at.
	r.upTo("")
	r.revise(step, otherSubnets...)
	r.does(step, "Skipped")
}
