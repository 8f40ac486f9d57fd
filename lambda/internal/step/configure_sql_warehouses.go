package step

import (
	"context"
	"fmt"

	"github.com/databricks/databricks-sdk-go/service/sql"

	"lakegate/lambda/internal/document"
)

// glueConf is the setting of Spark that makes Glue its metastore.
const glueConf = "spark.databricks.hive.metastore.glueCatalog.enabled"

// configureSQLWarehouses gives all SQL warehouses of the workspace the instance
// profile and the metastore. The API replaces all settings at once and restarts
// what runs, so they are read, changed, and written only if they differ.
// https://docs.databricks.com/api/workspace/warehouses/setworkspacewarehouseconfig
func configureSQLWarehouses(ctx context.Context, d *Deps, doc *document.Document) (*document.Object, error) {
	if doc.Spec.Metastore.Glue == nil {
		return &document.Object{Outcome: skipped("Glue is not the metastore")}, nil
	}
	w, err := d.workspace(ctx, doc)
	if err != nil {
		return nil, err
	}
	found, err := w.Warehouses.GetWorkspaceWarehouseConfig(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the configuration of SQL warehouses: %w", err)
	}
	out := &document.Object{ID: doc.GlueInstanceProfile.ARN, Outcome: document.Outcome{Outcome: document.Found}}
	want, differences := warehouseConfig(found, doc.GlueInstanceProfile.ARN, entity{"SQL warehouses of workspace", doc.DatabricksWorkspace.ID})
	if len(differences) == 0 {
		return out, nil
	}
	if err := w.Warehouses.SetWorkspaceWarehouseConfig(ctx, want); err != nil {
		return nil, fmt.Errorf("writing the configuration of SQL warehouses: %w", err)
	}
	out.Outcome = made(false, changing("set the instance profile and "+glueConf, differences...))
	return out, nil
}

// warehouseConfig is the configuration that was found, with the profile and the
// metastore in it and all else as it was.
func warehouseConfig(found *sql.GetWorkspaceWarehouseConfigResponse, profile string, this entity) (want sql.SetWorkspaceWarehouseConfigRequest, differences []document.Difference) {
	want = sql.SetWorkspaceWarehouseConfigRequest{
		Channel:               found.Channel,
		EnabledWarehouseTypes: found.EnabledWarehouseTypes,
		// Deprecated, but an old workspace may have them, and PUT would clear them.
		ConfigParam: found.ConfigParam, GlobalParam: found.GlobalParam, //nolint:staticcheck // kept as they were
		EnableServerlessCompute: found.EnableServerlessCompute, //nolint:staticcheck // kept as it was
		GoogleServiceAccount:    found.GoogleServiceAccount, InstanceProfileArn: profile,
		SecurityPolicy:             sql.SetWorkspaceWarehouseConfigRequestSecurityPolicy(found.SecurityPolicy),
		SqlConfigurationParameters: found.SqlConfigurationParameters,
		// false would be left out, and so turned into whatever is the default.
		ForceSendFields: []string{"EnableServerlessCompute"},
	}
	if found.InstanceProfileArn != profile {
		differences = append(differences, this.differs("instance profile", found.InstanceProfileArn, profile))
	}
	set := false
	for _, pair := range found.DataAccessConfig {
		if pair.Key == glueConf {
			set = true
			if pair.Value != "true" {
				differences = append(differences, this.differs(glueConf, pair.Value, "true"))
				pair.Value = "true"
			}
		}
		want.DataAccessConfig = append(want.DataAccessConfig, pair)
	}
	if !set {
		want.DataAccessConfig = append(want.DataAccessConfig, sql.EndpointConfPair{Key: glueConf, Value: "true"})
		differences = append(differences, this.differs(glueConf, "", "true"))
	}
	return want, differences
}
