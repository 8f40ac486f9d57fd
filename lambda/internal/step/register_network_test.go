package step_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/document"
)

func TestRegisterNetwork(t *testing.T) {
	t.Parallel()
	const step = "RegisterNetwork"
	t.Run("made, then found", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.does(step, "Created", "databricks:CreateNetwork")
		r.does(step, "Found")
		n, err := r.console().Networks.GetByNetworkId(t.Context(), r.id(step))
		if err != nil {
			t.Fatal(err)
		}
		same(t, "VPC", r.id("EnsureVpc"), n.VpcId)
		same(t, "workspace endpoint", []string{r.id("RegisterWorkspaceEndpoint")}, n.VpcEndpoints.RestApi)
		same(t, "relay endpoint", []string{r.id("RegisterRelayEndpoint")}, n.VpcEndpoints.DataplaneRelay)
		if len(n.SubnetIds) != 2 || len(n.SecurityGroupIds) != 1 {
			t.Errorf("it has %v and %v", n.SubnetIds, n.SecurityGroupIds)
		}
	})
	t.Run("of other objects", func(t *testing.T) {
		t.Parallel()
		r := at(t, "CreateWorkspace")
		r.doc["workspaceRegistration"] = json.RawMessage(`{"id":"another"}`)
		r.refuses(step, "Conflict", "workspace endpoint", "another", "spec.databricks.networkName")
	})
	t.Run("in the place of another one", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		r.upTo("")
		before, workspace := r.id(step), r.id("CreateWorkspace")
		r.revise(step, otherSubnets...)
		r.does(step, "Created", "databricks:CreateNetwork")
		var out document.Network
		r.result(step, &out)
		if !strings.HasPrefix(out.Name, "mito-") {
			t.Errorf("it is called %s", out.Name)
		}
		same(t, "former", []string{before}, out.Former)
		same(t, "workspace", workspace, out.Mover.ID)
		var fields []string
		for _, f := range out.Differences {
			fields = append(fields, f.Field)
		}
		same(t, "differences", []string{"subnets", "security groups"}, fields)
		r.does(step, "Found")
		// And back, while the workspace is where it was.
		r.revise(step)
		r.does(step, "Found")
		same(t, "id", before, r.id(step))
	})
	t.Run("a name that somebody else has", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		if _, err := r.console().Networks.Create(t.Context(), provisioning.CreateNetworkRequest{
			NetworkName: "mito", VpcId: "vpc-0123456789abcdef0", SubnetIds: []string{"subnet-1", "subnet-2"}, SecurityGroupIds: []string{"sg-1"},
		}); err != nil {
			t.Fatal(err)
		}
		r.refuses(step, "Conflict", "vpc-0123456789abcdef0", "was not made by this workspace", "spec.databricks.networkName")
	})
	t.Run("subnets in another one", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		var subnets struct{ Workspace []struct{ ID string } }
		r.result("EnsureSubnets", &subnets)
		var groups struct{ Workspace struct{ ID string } }
		r.result("EnsureSecurityGroups", &groups)
		if _, err := r.console().Networks.Create(t.Context(), provisioning.CreateNetworkRequest{
			NetworkName: "somebody was faster", VpcId: r.id("EnsureVpc"),
			SubnetIds:        []string{subnets.Workspace[0].ID, subnets.Workspace[1].ID},
			SecurityGroupIds: []string{groups.Workspace.ID},
		}); err != nil {
			t.Fatal(err)
		}
		r.refuses(step, "Conflict", "somebody was faster", subnets.Workspace[0].ID)
	})
	t.Run("PrivateLink is off", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.world.Databricks.SetPrivateLink("", false)
		err := r.step(step)
		c, m := class(err)
		same(t, "class", "ActionRequired", c)
		contains(t, m, tokyoRegion, emulatedAccount)
	})
}
