package step

import (
	"context"

	"lakegate/lambda/internal/document"
)

// deletePrivateAccessSettings deletes the private access settings, before the
// registrations of the endpoints that they admit.
// https://docs.databricks.com/api/account/privateaccess/delete
func deletePrivateAccessSettings(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	all, err := settingsOf(ctx, account, doc)
	if err != nil {
		return nil, err
	}
	return deregister(ctx, all)
}
