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

// deleteRouteTables deletes the route table of the endpoint subnet. The main
// table goes with the VPC.
func deleteRouteTables(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	api := d.AWS.EC2(doc.Spec.Region)
	all, err := ownedTables(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	return deleteEach(ctx, doc, all, func(ctx context.Context, id *string) error {
		_, err := api.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: id})
		return err
	})
}

func ownedTables(ctx context.Context, api awsapi.EC2, doc *document.Document) ([]owned, error) {
	found, err := pages(func(token *string) ([]types.RouteTable, *string, error) {
		out, err := api.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: awsapi.AllOwnedBy(doc.Workspace), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.RouteTables, out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for route tables: %w", err)
	}
	var all []owned
	for _, t := range found {
		all = append(all, owned{"route table", aws.ToString(t.RouteTableId), aws.ToString(t.VpcId), awsapi.OfEC2(t.Tags)[plan.TagObject]})
	}
	return all, nil
}
