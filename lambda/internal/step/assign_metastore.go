package step

import (
	"context"
	"fmt"
	"strconv"

	"github.com/databricks/databricks-sdk-go/service/catalog"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// assignMetastore assigns the metastore of Unity Catalog, if the spec names
// one. A workspace that has another one keeps it.
// https://docs.databricks.com/api/account/accountmetastoreassignments/create
func assignMetastore(ctx context.Context, d *Deps, doc *document.Document) (*document.Object, error) {
	want := doc.Spec.Metastore.UnityCatalog
	if want == nil {
		return &document.Object{Outcome: skipped("Unity Catalog is not the metastore")}, nil
	}
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(doc.DatabricksWorkspace.ID, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("reading workspace id %q: %w", doc.DatabricksWorkspace.ID, err)
	}
	what := entity{"metastore of workspace " + doc.DatabricksWorkspace.Name, doc.DatabricksWorkspace.ID}
	found, created, err := ensure(ctx, what.String(),
		func(ctx context.Context) ([]string, error) {
			out, err := account.Metastores.GetByWorkspaceId(ctx, id)
			if failure.IsNotFound(err) {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			return []string{out.MetastoreAssignment.MetastoreId}, nil
		},
		func(id string) string { return id },
		func(ctx context.Context) (string, error) {
			_, err := account.Metastores.Create(ctx, catalog.AccountsCreateMetastoreAssignment{
				WorkspaceId: id, MetastoreId: want.MetastoreID,
				MetastoreAssignment: &catalog.CreateMetastoreAssignment{MetastoreId: want.MetastoreID, WorkspaceId: id},
			})
			switch {
			case failure.IsNotFound(err):
				return "", missing("metastore", want.MetastoreID, "region "+doc.Spec.Region, "spec.metastore.unityCatalog.metastoreId")
			case failure.Code(err) == "INVALID_PARAMETER_VALUE":
				return "", failure.As(plan.Conflict, "A region has one metastore: correct spec.metastore.unityCatalog.metastoreId.", err)
			}
			return want.MetastoreID, err
		})
	if err != nil {
		return nil, err
	}
	if found != want.MetastoreID {
		return nil, differs(what, "id", found, want.MetastoreID, "spec.metastore.unityCatalog.metastoreId")
	}
	return &document.Object{ID: found, Outcome: made(created)}, nil
}
