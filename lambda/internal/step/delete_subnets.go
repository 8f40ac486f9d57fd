package step

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/plan"
)

// deleteSubnets deletes the subnets, and with them their associations.
func deleteSubnets(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	api := d.AWS.EC2(doc.Spec.Region)
	all, err := ownedSubnets(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	return deleteEach(ctx, doc, all, func(ctx context.Context, id *string) error {
		_, err := api.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: id})
		return err
	})
}

func ownedSubnets(ctx context.Context, api awsapi.EC2, doc *document.Document) ([]owned, error) {
	found, err := pages(func(token *string) ([]types.Subnet, *string, error) {
		out, err := api.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: awsapi.AllOwnedBy(doc.Workspace), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Subnets, out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for subnets: %w", err)
	}
	var all []owned
	for _, s := range found {
		all = append(all, owned{"subnet", aws.ToString(s.SubnetId), aws.ToString(s.VpcId), awsapi.OfEC2(s.Tags)[plan.TagObject]})
	}
	return all, nil
}
