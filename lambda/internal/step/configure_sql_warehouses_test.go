package step_test

import (
	"testing"

	"github.com/databricks/databricks-sdk-go/service/sql"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/emulator"
)

// workspace is how somebody else reaches the workspace of a run.
func (r *run) workspace() *databricksapi.Workspace {
	r.t.Helper()
	var w struct{ ID, URL string }
	r.result("CreateWorkspace", &w)
	accounts := &databricksapi.Accounts{
		Secrets:  func() awsapi.Secrets { return awsapi.NewClients(r.author(tokyoRegion)).Secrets() },
		SecretID: "lakegate/databricks", Host: r.world.DatabricksURL,
	}
	out, err := accounts.Workspace(r.t.Context(), emulator.ExampleDatabricksAccount, w.URL, w.ID)
	if err != nil {
		r.t.Fatal(err)
	}
	return out
}

// The profile and the metastore are set, and all other settings stay.
func TestConfigureSqlWarehouses(t *testing.T) {
	t.Parallel()
	const step = "ConfigureSqlWarehouses"
	r := newRun(t, "tokyo.yaml")
	r.upTo(step)
	api := r.workspace().Warehouses
	before := sql.SetWorkspaceWarehouseConfigRequest{
		SecurityPolicy:        sql.SetWorkspaceWarehouseConfigRequestSecurityPolicyDataAccessControl,
		DataAccessConfig:      []sql.EndpointConfPair{{Key: "spark.sql.shuffle.partitions", Value: "8"}, {Key: "spark.databricks.hive.metastore.glueCatalog.enabled", Value: "false"}},
		EnabledWarehouseTypes: []sql.WarehouseTypePair{{WarehouseType: sql.WarehouseTypePairWarehouseTypePro, Enabled: true}},
		SqlConfigurationParameters: &sql.RepeatedEndpointConfPairs{
			ConfigurationPairs: []sql.EndpointConfPair{{Key: "ANSI_MODE", Value: "false"}},
		},
	}
	if err := api.SetWorkspaceWarehouseConfig(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	found, err := api.GetWorkspaceWarehouseConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r.does(step, "Updated", "databricks:SetWarehouseConfig")
	want := *found
	want.InstanceProfileArn = "arn:aws:iam::123456789012:instance-profile/databricks-glue-access"
	want.DataAccessConfig = []sql.EndpointConfPair{before.DataAccessConfig[0], {Key: before.DataAccessConfig[1].Key, Value: "true"}}
	got, err := api.GetWorkspaceWarehouseConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ignore := cmpopts.IgnoreFields(sql.EndpointConfPair{}, "ForceSendFields")
	if diff := cmp.Diff(&want, got, ignore, cmpopts.IgnoreFields(sql.GetWorkspaceWarehouseConfigResponse{}, "ForceSendFields"), cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the configuration differs (-want +got):\n%s", diff)
	}
	r.does(step, "Found")
}
