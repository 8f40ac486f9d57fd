package step

import (
	"context"

	"lakegate/lambda/internal/document"
)

// deregisterStorage deletes the storage configuration.
// https://docs.databricks.com/api/account/storage/delete
func deregisterStorage(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	all, _, err := d.storageOf(ctx, account, doc)
	if err != nil {
		return nil, err
	}
	return deregister(ctx, all)
}
