package step

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
)

// verifyNetwork looks at the network from both sides without starting anything:
// what Databricks says of it, and the endpoints, routes, security groups and
// attributes of the VPC. What is wrong here would show as a cluster that does
// not start half an hour later.
func verifyNetwork(ctx context.Context, d *Deps, doc *document.Document) (*document.Checks, error) {
	why, err := holds(doc)
	if err != nil {
		return nil, err
	}
	if why != "" {
		return &document.Checks{Outcome: skipped(why)}, nil
	}
	p := d.newProof()
	if err := checkNetwork(ctx, d, doc, p); err != nil {
		return nil, err
	}
	out, err := d.conclude(ctx, doc, "VerifyNetwork", p)
	return &out, err
}

func checkNetwork(ctx context.Context, d *Deps, doc *document.Document, p *proof) error {
	if err := d.checkConfiguration(ctx, doc, p); err != nil {
		return err
	}
	api := d.AWS.EC2(doc.Spec.Region)
	for _, look := range []func(context.Context, awsapi.EC2, *document.Document, *proof) error{
		checkAttributes, checkEndpoints, checkS3Routes, checkGroups, checkACLs,
	} {
		if err := look(ctx, api, doc, p); err != nil {
			return err
		}
	}
	return nil
}

// checkConfiguration looks at the network configuration in Databricks.
func (d *Deps) checkConfiguration(ctx context.Context, doc *document.Document, p *proof) error {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return err
	}
	n, err := account.Networks.GetByNetworkId(ctx, doc.Network.ID)
	if err != nil {
		return fmt.Errorf("looking at network configuration %s: %w", doc.Network.ID, err)
	}
	const how = "GET /networks of the account API"
	p.check(n.VpcStatus == provisioning.VpcStatusValid || n.VpcStatus == provisioning.VpcStatusWarned, document.Check{
		ID: "network.status", What: "Databricks finds the network valid", Object: n.NetworkId, How: how, Seen: string(n.VpcStatus),
		Remedy: "Correct what the messages below name.",
	})
	for _, e := range n.ErrorMessages {
		object, remedy := blamed(doc, string(e.ErrorType))
		p.check(false, document.Check{
			ID: "network.error." + string(e.ErrorType), What: "Databricks has no error about it", Object: object, How: how,
			Seen: e.ErrorMessage, Remedy: remedy,
		})
	}
	for _, w := range n.WarningMessages {
		object, remedy := blamed(doc, string(w.WarningType))
		p.note(document.Check{
			ID: "network.warning." + string(w.WarningType), What: "Databricks has a warning about it", Object: object, How: how,
			Seen: w.WarningMessage, Remedy: remedy,
		})
	}
	endpoints := n.VpcEndpoints
	if endpoints == nil {
		endpoints = &provisioning.NetworkVpcEndpoints{}
	}
	for _, e := range []struct {
		id, what   string
		found      []string
		wanted     string
		other, own string
	}{
		{"network.rest-api", "rest_api is the endpoint of the workspace", endpoints.RestApi, doc.WorkspaceRegistration.ID, doc.RelayRegistration.ID, "the relay's"},
		{"network.relay", "dataplane_relay is the endpoint of the relay", endpoints.DataplaneRelay, doc.RelayRegistration.ID, doc.WorkspaceRegistration.ID, "the workspace's"},
	} {
		seen := "it is"
		if slices.Contains(e.found, e.other) {
			seen = "it holds " + e.own
		} else if !slices.Contains(e.found, e.wanted) {
			seen = "it holds " + strings.Join(e.found, ", ")
		}
		p.check(slices.Equal(e.found, []string{e.wanted}), document.Check{
			ID: e.id, What: e.what, Object: n.NetworkId, How: how, Seen: seen,
			Remedy: "A network configuration cannot be changed: set spec.databricks.networkName to a new name.",
		})
	}
	return nil
}

// blamed is the object of AWS that a kind of message is about.
func blamed(doc *document.Document, kind string) (object, remedy string) {
	switch kind {
	case "subnet":
		return strings.Join(doc.Subnets.WorkspaceIDs(), ", "), "Two subnets in two zones are needed, each /17 to /26 and with free addresses."
	case "securityGroup":
		return doc.SecurityGroups.Workspace.ID, "The group has to admit all TCP and UDP from itself, and let out TCP 443 and 6666."
	case "networkAcl":
		acls := doc.VPC.ID
		if doc.NetworkACLs != nil {
			// Drift is looked for without them.
			acls = strings.Join(doc.NetworkACLs.IDs, ", ")
		}
		return acls, "The first inbound rule has to allow everything, and outbound TCP 443 and 6666 have to be allowed."
	case "credentials":
		return doc.CrossAccountRole.ARN, "Compare trust and permissions of the role with the documentation."
	default:
		return doc.VPC.ID, "Look at the VPC, its DNS attributes and its endpoints."
	}
}

func checkAttributes(ctx context.Context, api awsapi.EC2, doc *document.Document, p *proof) error {
	for _, a := range []struct {
		name types.VpcAttributeName
		on   func(*ec2.DescribeVpcAttributeOutput) *types.AttributeBooleanValue
	}{
		{types.VpcAttributeNameEnableDnsSupport, func(o *ec2.DescribeVpcAttributeOutput) *types.AttributeBooleanValue { return o.EnableDnsSupport }},
		{types.VpcAttributeNameEnableDnsHostnames, func(o *ec2.DescribeVpcAttributeOutput) *types.AttributeBooleanValue { return o.EnableDnsHostnames }},
	} {
		out, err := api.DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: aws.String(doc.VPC.ID), Attribute: a.name})
		if err != nil {
			return fmt.Errorf("reading %s of VPC %s: %w", a.name, doc.VPC.ID, err)
		}
		v := a.on(out)
		on := v != nil && aws.ToBool(v.Value)
		p.check(on, document.Check{
			ID: "vpc." + string(a.name), What: string(a.name) + " is on", Object: doc.VPC.ID, How: "ec2 DescribeVpcAttribute", Seen: fmt.Sprint(on),
			Remedy: fmt.Sprintf("Turn it on (aws ec2 modify-vpc-attribute --vpc-id %s --%s): private DNS names need it.", doc.VPC.ID,
				map[types.VpcAttributeName]string{
					types.VpcAttributeNameEnableDnsSupport:   "enable-dns-support",
					types.VpcAttributeNameEnableDnsHostnames: "enable-dns-hostnames",
				}[a.name]),
		})
	}
	return nil
}

// named is an endpoint with its part in the network.
type named struct {
	name string
	*document.Endpoint
}

// endpointsOf lists the endpoints of the workspace's VPC.
func endpointsOf(doc *document.Document) []named {
	all := []named{
		{"workspace", doc.WorkspaceEndpoint},
		{"relay", doc.RelayEndpoint},
		{"s3", doc.S3Endpoint},
		{"sts", doc.STSEndpoint},
		{"kinesis", doc.KinesisEndpoint},
	}
	if doc.GlueEndpoint != nil && doc.GlueEndpoint.ID != "" {
		all = append(all, named{"glue", doc.GlueEndpoint})
	}
	return all
}

func checkEndpoints(ctx context.Context, api awsapi.EC2, doc *document.Document, p *proof) error {
	wanted := endpointsOf(doc)
	found, err := describeEndpoints(ctx, api, &ec2.DescribeVpcEndpointsInput{
		Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{doc.VPC.ID}}},
	})
	if err != nil {
		return fmt.Errorf("looking at the endpoints of VPC %s: %w", doc.VPC.ID, err)
	}
	for _, want := range wanted {
		i := slices.IndexFunc(found, func(e types.VpcEndpoint) bool { return aws.ToString(e.VpcEndpointId) == want.ID })
		state, private := "it does not exist", false
		if i >= 0 {
			state, private = "its state is "+stateOf(found[i]), aws.ToBool(found[i].PrivateDnsEnabled)
		}
		ok := i >= 0 && available(found[i])
		p.check(ok, document.Check{
			ID: "endpoint." + want.name, What: "The endpoint to " + want.Service + " is available", Object: want.ID, How: "ec2 DescribeVpcEndpoints", Seen: state,
			Remedy: "Push the spec again, and the endpoint is made anew; compute cannot reach the service without it.",
		})
		if ok && found[i].VpcEndpointType == types.VpcEndpointTypeInterface {
			seen := "they are on"
			if !private {
				seen = "they are off"
			}
			p.check(private, document.Check{
				ID: "endpoint." + want.name + ".private-dns", What: "The private DNS names of the endpoint are on", Object: want.ID,
				How: "ec2 DescribeVpcEndpoints", Seen: seen,
				Remedy: fmt.Sprintf("Turn them on (aws ec2 modify-vpc-endpoint --vpc-endpoint-id %s --private-dns-enabled).", want.ID),
			})
		}
	}
	return nil
}

func checkS3Routes(ctx context.Context, api awsapi.EC2, doc *document.Document, p *proof) error {
	tables, err := routeTablesOf(ctx, api, doc)
	if err != nil {
		return err
	}
	for _, s := range doc.Subnets.Workspace {
		table, has := tables[s.ID]
		seen, leads := "it has no route table", false
		if has {
			seen = "route table " + aws.ToString(table.RouteTableId) + " has no route to it"
		}
		for _, r := range table.Routes {
			if aws.ToString(r.GatewayId) == doc.S3Endpoint.ID {
				leads, seen = true, "route table "+aws.ToString(table.RouteTableId)+" sends "+aws.ToString(r.DestinationPrefixListId)+" there"
			}
		}
		p.check(leads, document.Check{
			ID: "route.s3." + s.AvailabilityZone, What: "The subnet has a route to the S3 endpoint " + doc.S3Endpoint.ID, Object: s.ID,
			How: "ec2 DescribeRouteTables", Seen: seen,
			Remedy: "Push the spec again: the endpoint is associated with the tables of the workspace subnets.",
		})
	}
	return nil
}

// routeTablesOf returns the route table of each workspace subnet: the one that
// is associated with it, or else the VPC's main table.
func routeTablesOf(ctx context.Context, api awsapi.EC2, doc *document.Document) (map[string]types.RouteTable, error) {
	all, err := pages(func(token *string) ([]types.RouteTable, *string, error) {
		out, err := api.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{
			Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{doc.VPC.ID}}}, NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		return out.RouteTables, out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading route tables of VPC %s: %w", doc.VPC.ID, err)
	}
	tables := map[string]types.RouteTable{}
	for _, t := range all {
		for _, a := range t.Associations {
			for _, s := range doc.Subnets.Workspace {
				if _, own := tables[s.ID]; aws.ToString(a.SubnetId) == s.ID || aws.ToBool(a.Main) && !own {
					tables[s.ID] = t
				}
			}
		}
	}
	return tables, nil
}

// checkGroups looks whether the security groups let compute talk among itself,
// to the control plane and to AWS.
func checkGroups(ctx context.Context, api awsapi.EC2, doc *document.Document, p *proof) error {
	compute, doors := doc.SecurityGroups.Workspace.ID, doc.SecurityGroups.Endpoint.ID
	rules, err := groupRules(ctx, api, []string{compute, doors})
	if err != nil {
		return err
	}
	var inside []string
	for _, s := range doc.Subnets.Workspace {
		inside = append(inside, s.CIDR)
	}
	outward := []string{doc.Subnets.Endpoint.CIDR}
	for _, c := range []struct {
		id, what, group, remedy string
		egress                  bool
		protocol                string
		from, to                int32
		peer                    string
		blocks                  []string
	}{
		{"group.self.tcp", "The group admits all TCP from itself", compute, "Add ingress of all TCP from the group itself: nodes of a cluster talk to each other.", false, "tcp", 0, 65535, compute, inside},
		{"group.self.udp", "The group admits all UDP from itself", compute, "Add ingress of all UDP from the group itself: nodes of a cluster talk to each other.", false, "udp", 0, 65535, compute, inside},
		{"group.egress.443", "The group lets TCP 443 out to the workspace endpoint", compute, "Add egress of TCP 443.", true, "tcp", 443, 443, doors, outward},
		{"group.egress.6666", "The group lets TCP 6666 out to the relay endpoint", compute, "Add egress of TCP 6666.", true, "tcp", 6666, 6666, doors, outward},
		{"group.doors.443", "The endpoints admit TCP 443 from compute", doors, "Add ingress of TCP 443 from " + compute + ".", false, "tcp", 443, 443, compute, inside},
		{"group.doors.6666", "The endpoints admit TCP 6666 from compute", doors, "Add ingress of TCP 6666 from " + compute + ".", false, "tcp", 6666, 6666, compute, inside},
	} {
		ok := admitted(rules, c.group, c.egress, c.protocol, c.from, c.to, c.peer, c.blocks)
		seen := "it does"
		if !ok {
			seen = "no rule does"
		}
		p.check(ok, document.Check{ID: c.id, What: c.what, Object: c.group, How: "ec2 DescribeSecurityGroupRules", Seen: seen, Remedy: c.remedy})
	}
	return nil
}

// groupRules reads the rules of security groups.
func groupRules(ctx context.Context, api awsapi.EC2, groups []string) ([]types.SecurityGroupRule, error) {
	rules, err := pages(func(token *string) ([]types.SecurityGroupRule, *string, error) {
		out, err := api.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{
			Filters: []types.Filter{{Name: aws.String("group-id"), Values: groups}}, NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		return out.SecurityGroupRules, out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the rules of security groups %s: %w", strings.Join(groups, ", "), err)
	}
	return rules, nil
}

// admitted says whether rules of a group let ports pass to or from a peer group,
// or all of some blocks.
func admitted(rules []types.SecurityGroupRule, group string, egress bool, protocol string, from, to int32, peer string, blocks []string) bool {
	left := slices.Clone(blocks)
	for _, r := range rules {
		if aws.ToString(r.GroupId) != group || aws.ToBool(r.IsEgress) != egress {
			continue
		}
		all := aws.ToString(r.IpProtocol) == "-1"
		if !all && (aws.ToString(r.IpProtocol) != protocol || aws.ToInt32(r.FromPort) > from || aws.ToInt32(r.ToPort) < to) {
			continue
		}
		if r.ReferencedGroupInfo != nil && aws.ToString(r.ReferencedGroupInfo.GroupId) == peer {
			return true
		}
		outer, err := netip.ParsePrefix(aws.ToString(r.CidrIpv4))
		if err != nil {
			continue
		}
		left = slices.DeleteFunc(left, func(b string) bool {
			inner, err := netip.ParsePrefix(b)
			return err == nil && outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
		})
	}
	return len(blocks) > 0 && len(left) == 0
}

// checkACLs looks at the network ACLs once more: they were looked at before the
// workspace was made, which is a while ago.
func checkACLs(ctx context.Context, api awsapi.EC2, doc *document.Document, p *proof) error {
	ids := append(doc.Subnets.WorkspaceIDs(), doc.Subnets.Endpoint.ID)
	acls, err := describeACLs(ctx, api, ids)
	if err != nil {
		return fmt.Errorf("reading network ACLs of VPC %s: %w", doc.VPC.ID, err)
	}
	for _, acl := range acls {
		problem := aclProblem(acl.Entries, doc.VPC.CIDR)
		seen := problem
		if problem == "" {
			seen = "they do"
		}
		p.check(problem == "", document.Check{
			ID: "acl", What: "The rules of the network ACL let through what Databricks needs", Object: aws.ToString(acl.NetworkAclId),
			How: "ec2 DescribeNetworkAcls", Seen: seen,
			Remedy: "Change the ACL so that inbound everything is allowed first, and outbound the VPC and TCP 443, 6666 and 8443-8451 to 0.0.0.0/0.",
		})
	}
	return nil
}
