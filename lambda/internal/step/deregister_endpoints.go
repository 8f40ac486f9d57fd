package step

import (
	"context"

	"lakegate/lambda/internal/document"
)

// deregisterEndpoints deletes the registrations of the endpoints to the control
// plane. An endpoint that the spec gives stays, and is not connected any more.
// https://docs.databricks.com/api/account/vpcendpoints/delete
func deregisterEndpoints(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	made, err := ownedEndpoints(ctx, d.AWS.EC2(doc.Spec.Region), doc)
	if err != nil {
		return nil, err
	}
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	all, err := registrationsOf(ctx, account, doc, idsOf(made))
	if err != nil {
		return nil, err
	}
	return deregister(ctx, all)
}
