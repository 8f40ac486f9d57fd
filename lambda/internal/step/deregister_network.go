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

// owned is an object of EC2 that was created here.
type owned struct {
	// kind as in "subnet", object as in its tag.
	kind, id, vpc, object string
}

func (o owned) what() string { return o.kind + " " + o.id }

func idsOf(all []owned) []string {
	ids := make([]string, 0, len(all))
	for _, o := range all {
		ids = append(ids, o.id)
	}
	return ids
}

func ownedVPCs(ctx context.Context, api awsapi.EC2, doc *document.Document) ([]owned, error) {
	found, err := pages(func(token *string) ([]types.Vpc, *string, error) {
		out, err := api.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: awsapi.AllOwnedBy(doc.Workspace), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Vpcs, out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for VPCs: %w", err)
	}
	var all []owned
	for _, v := range found {
		all = append(all, owned{"VPC", aws.ToString(v.VpcId), aws.ToString(v.VpcId), awsapi.OfEC2(v.Tags)[plan.TagObject]})
	}
	return all, nil
}
