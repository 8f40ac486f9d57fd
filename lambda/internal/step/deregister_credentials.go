package step

import (
	"context"

	"lakegate/lambda/internal/document"
)

// deregisterCredentials deletes the credential configuration.
// https://docs.databricks.com/api/account/credentials/delete
func deregisterCredentials(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	all, _, err := d.credentialsOf(ctx, account, doc)
	if err != nil {
		return nil, err
	}
	return deregister(ctx, all)
}
