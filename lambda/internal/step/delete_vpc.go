package step

import (
	"context"

	"lakegate/lambda/internal/document"
)

// deleteVpc deletes the VPC, with its main route table, its default network ACL
// and its default security group.
func deleteVpc(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	api := d.AWS.EC2(doc.Spec.Region)
	all, err := ownedVPCs(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	return deleteEach(ctx, doc, all, removeVPC(api))
}
