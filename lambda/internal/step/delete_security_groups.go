package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/plan"
)

// deleteSecurityGroups deletes the security groups: that of the endpoints first,
// whose rules name that of compute.
func deleteSecurityGroups(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	api := d.AWS.EC2(doc.Spec.Region)
	all, err := ownedGroups(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b owned) int { return strings.Compare(a.object, b.object) })
	return deleteEach(ctx, doc, all, func(ctx context.Context, id *string) error {
		_, err := api.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: id})
		return err
	})
}

func ownedGroups(ctx context.Context, api awsapi.EC2, doc *document.Document) ([]owned, error) {
	found, err := pages(func(token *string) ([]types.SecurityGroup, *string, error) {
		out, err := api.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: awsapi.AllOwnedBy(doc.Workspace), NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.SecurityGroups, out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for security groups: %w", err)
	}
	var all []owned
	for _, g := range found {
		all = append(all, owned{"security group", aws.ToString(g.GroupId), aws.ToString(g.VpcId), awsapi.OfEC2(g.Tags)[plan.TagObject]})
	}
	return all, nil
}
