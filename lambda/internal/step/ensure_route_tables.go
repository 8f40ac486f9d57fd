package step

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// ensureRouteTables finds or creates the table of the endpoint subnet, which
// has the local route only, and finds the table of each workspace subnet: the
// VPC's main one, unless a subnet of the author's has another.
func ensureRouteTables(ctx context.Context, d *Deps, doc *document.Document) (*document.RouteTables, error) {
	api := d.AWS.EC2(doc.Spec.Region)
	list := func(ctx context.Context) ([]types.RouteTable, error) {
		return pages(func(token *string) ([]types.RouteTable, *string, error) {
			out, err := api.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{
				Filters:   []types.Filter{{Name: aws.String("vpc-id"), Values: []string{doc.VPC.ID}}},
				NextToken: token,
			})
			if err != nil {
				return nil, nil, err
			}
			return out.RouteTables, out.NextToken, nil
		})
	}
	tables, err := list(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing route tables of VPC %s: %w", doc.VPC.ID, err)
	}
	out := &document.RouteTables{}
	for _, subnet := range doc.Subnets.Workspace {
		table := tableOf(tables, subnet.ID)
		if table == "" {
			return nil, failure.New(plan.NotReady, "", "looking for the route table of subnet %s: VPC %s has no main table", subnet.ID, doc.VPC.ID)
		}
		if !slices.Contains(out.Workspace, table) {
			out.Workspace = append(out.Workspace, table)
		}
	}
	endpoint, err := ensureEndpointTable(ctx, api, doc, tables, list)
	if err != nil {
		return nil, err
	}
	out.Endpoint = endpoint
	out.Outcome = endpoint.Outcome
	return out, nil
}

// tableOf returns the id of the table of a subnet: the one that is associated
// with it, or else the main one.
func tableOf(tables []types.RouteTable, subnet string) string {
	main := ""
	for _, t := range tables {
		for _, a := range t.Associations {
			if aws.ToString(a.SubnetId) == subnet {
				return aws.ToString(t.RouteTableId)
			}
			if aws.ToBool(a.Main) {
				main = aws.ToString(t.RouteTableId)
			}
		}
	}
	return main
}

func ensureEndpointTable(ctx context.Context, api awsapi.EC2, doc *document.Document, tables []types.RouteTable, list func(context.Context) ([]types.RouteTable, error)) (document.Object, error) {
	want, subnet := doc.Spec.Network.EndpointRouteTable, doc.Subnets.Endpoint
	out := document.Object{ID: want.ID, Name: want.Name}
	associated := associatedTable(tables, subnet.ID)
	// A subnet of the author's keeps its table.
	if want.ID == "" && subnet.Outcome.Outcome == document.Given {
		out.ID, out.Name = tableOf(tables, subnet.ID), ""
		out.Outcome = document.Outcome{Outcome: document.Given, Reason: "the table of the given subnet"}
		return out, nil
	}
	i := -1
	if want.ID != "" {
		i = slices.IndexFunc(tables, func(t types.RouteTable) bool { return aws.ToString(t.RouteTableId) == want.ID })
		if i < 0 {
			return out, missing("route table", want.ID, "VPC "+doc.VPC.ID, "spec.network.endpointRouteTable.id")
		}
	} else {
		this := thing[types.RouteTable]{
			kind: "route table", object: "endpoint-route-table", name: want.Name, path: "spec.network.endpointRouteTable",
			label: func(t types.RouteTable) (string, string, awsapi.Tags) {
				tags := awsapi.OfEC2(t.Tags)
				return aws.ToString(t.RouteTableId), tags["Name"], tags
			},
		}
		found, created, err := ensure(ctx, "route table "+want.Name,
			picking(doc, this, remembering(tables, list)),
			func(t types.RouteTable) string { return aws.ToString(t.RouteTableId) },
			func(ctx context.Context) (types.RouteTable, error) {
				tags := awsapi.Owned(doc.Spec.Tags, doc.Workspace, "endpoint-route-table", want.Name)
				out, err := api.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{
					VpcId:             aws.String(doc.VPC.ID),
					ClientToken:       aws.String(token(doc, "endpoint-route-table", doc.VPC.ID)),
					TagSpecifications: tags.EC2(types.ResourceTypeRouteTable),
				})
				if err != nil {
					return types.RouteTable{}, err
				}
				return *out.RouteTable, nil
			})
		if err != nil {
			return out, err
		}
		out.ID = aws.ToString(found.RouteTableId)
		if route := wayOut(found); route != "" {
			return out, failure.New(plan.Conflict,
				"Remove the route, or give the table as spec.network.endpointRouteTable.id if it is meant to be there.",
				"checking route table %s: it has a route %s, the spec wants the local route only", out.ID, route)
		}
		tagged := change{}
		if !created {
			if tagged, err = ec2Tagger(api, "route table", out.ID, found.Tags).own(ctx, doc, "endpoint-route-table", want.Name); err != nil {
				return out, err
			}
		}
		out.Outcome = made(created, tagged)
	}
	switch {
	case associated == out.ID:
	case associated == "" && subnet.Outcome.Outcome == document.Given:
		return out, failure.New(plan.Conflict,
			fmt.Sprintf("Associate them (aws ec2 associate-route-table --route-table-id %s --subnet-id %s), or remove spec.network.endpointRouteTable.id.", out.ID, subnet.ID),
			"comparing subnet %s: its route table is the main one, %s, the spec wants %s", subnet.ID, tableOf(tables, subnet.ID), out.ID)
	case associated != "":
		return out, differs(entity{"subnet", subnet.ID}, "route table", associated, out.ID, "spec.network.endpointRouteTable.id")
	}
	if i >= 0 {
		var err error
		if out.Outcome, err = ec2Tagger(api, "route table", out.ID, tables[i].Tags).share(ctx, doc); err != nil {
			return out, err
		}
	}
	if associated == out.ID {
		return out, nil
	}
	if _, err := api.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{
		RouteTableId: aws.String(out.ID), SubnetId: aws.String(subnet.ID),
	}); err != nil {
		return out, fmt.Errorf("associating route table %s with subnet %s: %w", out.ID, subnet.ID, err)
	}
	out.Outcome = also(out.Outcome, changing("associated with "+subnet.ID, entity{"subnet", subnet.ID}.differs("route table", "the main one", out.ID)))
	return out, nil
}

// associatedTable returns the id of the table that is associated with a subnet
// explicitly, or an empty string.
func associatedTable(tables []types.RouteTable, subnet string) string {
	for _, t := range tables {
		for _, a := range t.Associations {
			if aws.ToString(a.SubnetId) == subnet {
				return aws.ToString(t.RouteTableId)
			}
		}
	}
	return ""
}

// wayOut describes a route that leads out of the VPC, if there is one. Routes
// to a prefix list are those of a gateway endpoint.
func wayOut(t types.RouteTable) string {
	for _, r := range t.Routes {
		if aws.ToString(r.GatewayId) == "local" || r.DestinationPrefixListId != nil {
			continue
		}
		destination := aws.ToString(r.DestinationCidrBlock) + aws.ToString(r.DestinationIpv6CidrBlock)
		for _, target := range []*string{r.GatewayId, r.NatGatewayId, r.TransitGatewayId, r.VpcPeeringConnectionId, r.NetworkInterfaceId, r.InstanceId, r.EgressOnlyInternetGatewayId} {
			if target != nil {
				return destination + " to " + *target
			}
		}
		return destination
	}
	return ""
}
