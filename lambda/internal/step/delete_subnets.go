package step

import (
	"context"

	"lakegate/lambda/internal/document"
)

// deleteSubnets deletes the subnets, and with them their associations.
func deleteSubnets(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	api := d.AWS.EC2(doc.Spec.Region)
	all, err := ownedSubnets(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	return deleteEach(ctx, doc, all, removeSubnet(api))
}
