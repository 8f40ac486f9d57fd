package step

import (
	"context"

	"lakegate/lambda/internal/document"
)

// deleteRouteTables deletes the route table of the endpoint subnet. The main
// table goes with the VPC.
func deleteRouteTables(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	api := d.AWS.EC2(doc.Spec.Region)
	all, err := ownedTables(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	return deleteEach(ctx, doc, all, removeTable(api))
}
