package step

import (
	"context"

	"lakegate/lambda/internal/document"
)

// deregisterNetwork deletes the network configuration.
// https://docs.databricks.com/api/account/networks/delete
func deregisterNetwork(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	made, err := ownedVPCs(ctx, d.AWS.EC2(doc.Spec.Region), doc)
	if err != nil {
		return nil, err
	}
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	all, err := networksOf(ctx, account, doc, idsOf(made))
	if err != nil {
		return nil, err
	}
	return deregister(ctx, all)
}
