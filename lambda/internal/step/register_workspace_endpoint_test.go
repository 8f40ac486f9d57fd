package step_test

import (
	"testing"

	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/emulator"
)

func TestRegisterWorkspaceEndpoint(t *testing.T) {
	t.Parallel()
	t.Run("made, then found", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterWorkspaceEndpoint")
		r.does("RegisterWorkspaceEndpoint", "Created", "databricks:CreateVpcEndpoint")
		r.does("RegisterWorkspaceEndpoint", "Found")
		var made struct{ UseCase string }
		r.result("RegisterWorkspaceEndpoint", &made)
		same(t, "use case", "WORKSPACE_ACCESS", made.UseCase)
	})
	t.Run("registered already, under another name", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterWorkspaceEndpoint")
		found, err := r.console().VPCEndpoints.Create(t.Context(), provisioning.CreateVpcEndpointRequest{
			VpcEndpointName: "somebody was faster", AwsVpcEndpointId: r.id("EnsureWorkspaceEndpoint"), Region: tokyoRegion,
		})
		if err != nil {
			t.Fatal(err)
		}
		r.does("RegisterWorkspaceEndpoint", "Found")
		same(t, "id", found.VpcEndpointId, r.id("RegisterWorkspaceEndpoint"))
	})
	t.Run("its name is another endpoint's", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterWorkspaceEndpoint")
		if err := r.persist("EnsureRelayEndpoint"); err != nil {
			t.Fatal(err)
		}
		other := r.id("EnsureRelayEndpoint")
		if _, err := r.console().VPCEndpoints.Create(t.Context(), provisioning.CreateVpcEndpointRequest{
			VpcEndpointName: "mito-to-workspace", AwsVpcEndpointId: other, Region: tokyoRegion,
		}); err != nil {
			t.Fatal(err)
		}
		r.refuses("RegisterWorkspaceEndpoint", "Conflict", "mito-to-workspace", other, r.id("EnsureWorkspaceEndpoint"), "registrationName")
	})
	t.Run("PrivateLink is off", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterWorkspaceEndpoint")
		r.world.Databricks.SetPrivateLink(tokyoRegion, false)
		err := r.step("RegisterWorkspaceEndpoint")
		c, m := class(err)
		same(t, "class", "ActionRequired", c)
		contains(t, m, tokyoRegion, emulator.ExampleAWSAccount, emulator.ExampleDatabricksAccount, "redrive")
	})
	t.Run("swapped with the relay's", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterWorkspaceEndpoint")
		r.doc["workspaceEndpoint"] = r.doc["relayEndpoint"]
		if r.doc["workspaceEndpoint"] == nil {
			if err := r.persist("EnsureRelayEndpoint"); err != nil {
				t.Fatal(err)
			}
			r.doc["workspaceEndpoint"] = r.doc["relayEndpoint"]
		}
		err := r.step("RegisterWorkspaceEndpoint")
		c, m := class(err)
		same(t, "class", "Conflict", c)
		contains(t, m, "DATAPLANE_RELAY_ACCESS", "swapped")
	})
}
