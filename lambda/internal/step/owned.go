package step

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// owned is an object of EC2 that was created here.
type owned struct {
	// kind as in "subnet", object as in its tag.
	kind, id, vpc, object string
	// users are the other workspaces whose specs give it.
	users []string
}

func (o owned) what() string { return o.kind + " " + o.id }

func idsOf(all []owned) []string {
	ids := make([]string, 0, len(all))
	for _, o := range all {
		ids = append(ids, o.id)
	}
	return ids
}

// allOwned lists the objects of one kind that a workspace owns.
func allOwned[T any](doc *document.Document, kind string, list func(filters []types.Filter, token *string) ([]T, *string, error), label func(T) (id, vpc *string, tags []types.Tag)) ([]owned, error) {
	found, err := pages(func(token *string) ([]T, *string, error) { return list(awsapi.AllOwnedBy(doc.Workspace), token) })
	if err != nil {
		return nil, fmt.Errorf("looking for a %s of workspace %s: %w", kind, doc.Workspace, err)
	}
	var all []owned
	for _, x := range found {
		id, vpc, given := label(x)
		tags := awsapi.OfEC2(given)
		o := owned{kind: kind, id: aws.ToString(id), vpc: aws.ToString(vpc), object: tags[plan.TagObject]}
		for _, user := range tags.Users() {
			if user != doc.Workspace {
				o.users = append(o.users, user)
			}
		}
		all = append(all, o)
	}
	return all, nil
}

func ownedVPCs(ctx context.Context, api awsapi.EC2, doc *document.Document) ([]owned, error) {
	return allOwned(doc, "VPC", func(filters []types.Filter, token *string) ([]types.Vpc, *string, error) {
		out, err := api.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: filters, NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Vpcs, out.NextToken, nil
	}, func(v types.Vpc) (id, vpc *string, tags []types.Tag) { return v.VpcId, v.VpcId, v.Tags })
}

func ownedSubnets(ctx context.Context, api awsapi.EC2, doc *document.Document) ([]owned, error) {
	return allOwned(doc, "subnet", func(filters []types.Filter, token *string) ([]types.Subnet, *string, error) {
		out, err := api.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: filters, NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Subnets, out.NextToken, nil
	}, func(s types.Subnet) (id, vpc *string, tags []types.Tag) { return s.SubnetId, s.VpcId, s.Tags })
}

func ownedGroups(ctx context.Context, api awsapi.EC2, doc *document.Document) ([]owned, error) {
	return allOwned(doc, "security group", func(filters []types.Filter, token *string) ([]types.SecurityGroup, *string, error) {
		out, err := api.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: filters, NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.SecurityGroups, out.NextToken, nil
	}, func(g types.SecurityGroup) (id, vpc *string, tags []types.Tag) { return g.GroupId, g.VpcId, g.Tags })
}

func ownedTables(ctx context.Context, api awsapi.EC2, doc *document.Document) ([]owned, error) {
	return allOwned(doc, "route table", func(filters []types.Filter, token *string) ([]types.RouteTable, *string, error) {
		out, err := api.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: filters, NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.RouteTables, out.NextToken, nil
	}, func(t types.RouteTable) (id, vpc *string, tags []types.Tag) { return t.RouteTableId, t.VpcId, t.Tags })
}

// ownedEndpoints lists the endpoints of the workspace that are not deleted yet.
func ownedEndpoints(ctx context.Context, api awsapi.EC2, doc *document.Document) ([]owned, error) {
	return allOwned(doc, "VPC endpoint", func(filters []types.Filter, token *string) ([]types.VpcEndpoint, *string, error) {
		out, err := api.DescribeVpcEndpoints(ctx, &ec2.DescribeVpcEndpointsInput{Filters: filters, NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return matching(out.VpcEndpoints, func(e types.VpcEndpoint) bool { return !isGone(e) }), out.NextToken, nil
	}, func(e types.VpcEndpoint) (id, vpc *string, tags []types.Tag) { return e.VpcEndpointId, e.VpcId, e.Tags })
}

// remover deletes one object by its id.
type remover func(context.Context, *string) error

func removeGroup(api awsapi.EC2) remover {
	return func(ctx context.Context, id *string) error {
		_, err := api.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: id})
		return err
	}
}

func removeSubnet(api awsapi.EC2) remover {
	return func(ctx context.Context, id *string) error {
		_, err := api.DeleteSubnet(ctx, &ec2.DeleteSubnetInput{SubnetId: id})
		return err
	}
}

func removeTable(api awsapi.EC2) remover {
	return func(ctx context.Context, id *string) error {
		_, err := api.DeleteRouteTable(ctx, &ec2.DeleteRouteTableInput{RouteTableId: id})
		return err
	}
}

func removeVPC(api awsapi.EC2) remover {
	return func(ctx context.Context, id *string) error {
		_, err := api.DeleteVpc(ctx, &ec2.DeleteVpcInput{VpcId: id})
		return err
	}
}

// removeEndpoints deletes endpoints; they are gone some minutes later.
func removeEndpoints(ctx context.Context, api awsapi.EC2, ids []string) error {
	out, err := api.DeleteVpcEndpoints(ctx, &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: ids})
	if err != nil {
		return fmt.Errorf("deleting VPC endpoints %v: %w", ids, err)
	}
	for _, u := range out.Unsuccessful {
		if u.Error == nil {
			continue
		}
		if err := withCode(u.Error.Code, u.Error.Message); !failure.IsNotFound(err) {
			return fmt.Errorf("deleting VPC endpoint %s: %w", aws.ToString(u.ResourceId), err)
		}
	}
	return nil
}
