package step

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

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
	return deleteEach(ctx, doc, all, func(ctx context.Context, id *string) error {
		_, err := api.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: id})
		return err
	})
}
