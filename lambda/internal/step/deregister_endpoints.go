package step

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/plan"
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

// ownedEndpoints lists the endpoints of the workspace that are not deleted yet.
func ownedEndpoints(ctx context.Context, api awsapi.EC2, doc *document.Document) ([]owned, error) {
	found, err := describeEndpoints(ctx, api, &ec2.DescribeVpcEndpointsInput{Filters: awsapi.AllOwnedBy(doc.Workspace)})
	if err != nil {
		return nil, fmt.Errorf("looking for VPC endpoints: %w", err)
	}
	var all []owned
	for _, e := range found {
		if !isGone(e) {
			all = append(all, owned{"VPC endpoint", aws.ToString(e.VpcEndpointId), aws.ToString(e.VpcId), awsapi.OfEC2(e.Tags)[plan.TagObject]})
		}
	}
	return all, nil
}
