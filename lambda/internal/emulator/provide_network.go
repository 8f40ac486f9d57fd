package emulator

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"lakegate/lambda/internal/emulator/network"
	"lakegate/spec"
)

// network makes the VPC of compute and what is given in it.
func (p *provider) network(ctx context.Context) error {
	n := p.want.Network
	if n.VPC.ID == "" {
		return nil
	}
	services := []string{p.workspaceService(), p.relayService()}
	for _, s := range []string{"sts", "kinesis-streams", "glue"} {
		services = append(services, p.awsService(s))
	}
	v, err := p.newSite(ctx, n.VPC.ID, p.computeBlock(), services)
	if err != nil {
		return err
	}
	for _, s := range p.subnets() {
		if s.ID == "" {
			// It is yet to be created, and needs its block and zone then.
			v.taken = append(v.taken, netip.MustParsePrefix(s.CIDR))
			v.free = slices.DeleteFunc(v.free, func(zone string) bool { return zone == s.AvailabilityZone })
		}
	}
	for _, s := range n.WorkspaceSubnets {
		if s.ID == "" {
			continue
		}
		if _, err := v.subnet(ctx, s.ID); err != nil {
			return err
		}
	}
	if id := n.EndpointSubnet.ID; id != "" {
		if _, err := v.subnetIn(ctx, id, v.offered[0]); err != nil {
			return err
		}
	}
	if err := v.endpointTable(ctx); err != nil {
		return err
	}
	if err := v.groups(ctx); err != nil {
		return err
	}
	if err := v.endpoints(ctx); err != nil {
		return err
	}
	return v.egress(ctx)
}

func (p *provider) awsService(name string) string {
	return "com.amazonaws." + p.want.Region + "." + name
}

// workspaceService is the one of the names in the table that is offered here.
func (p *provider) workspaceService() string { return p.region().WorkspaceServices[0] }

func (p *provider) relayService() string { return p.region().RelayService }

func (p *provider) region() spec.Region {
	r, _ := spec.LookupRegion(p.want.Region)
	return r
}

// subnets are those of compute and that of the endpoints.
func (p *provider) subnets() []spec.Subnet {
	return append(slices.Clone(p.want.Network.WorkspaceSubnets), p.want.Network.EndpointSubnet)
}

// computeBlock is the block of the VPC of compute: what the spec says, or one
// that holds a subnet that is yet to be created.
func (p *provider) computeBlock() netip.Prefix {
	if cidr := p.want.Network.VPC.CIDR; cidr != "" {
		return netip.MustParsePrefix(cidr)
	}
	for _, s := range p.subnets() {
		if s.CIDR != "" {
			return netip.PrefixFrom(netip.MustParsePrefix(s.CIDR).Addr(), 16).Masked()
		}
	}
	return netip.MustParsePrefix("10.0.0.0/16")
}

// endpointTable makes the route table of the endpoint subnet, which has the
// local route only.
func (v *site) endpointTable(ctx context.Context) error {
	id, subnet := v.want.Network.EndpointRouteTable.ID, v.want.Network.EndpointSubnet.ID
	if id == "" {
		return nil
	}
	if err := v.reserve(id); err != nil {
		return err
	}
	if _, err := v.ec2.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: aws.String(v.vpc)}); err != nil {
		return fmt.Errorf("creating route table %s: %w", id, err)
	}
	if subnet == "" {
		return nil
	}
	if _, err := v.ec2.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: aws.String(id), SubnetId: aws.String(subnet)}); err != nil {
		return fmt.Errorf("associating route table %s with subnet %s: %w", id, subnet, err)
	}
	return nil
}

// groups makes the groups of compute and of the endpoints, with the rules that
// the spec has by default.
func (v *site) groups(ctx context.Context) error {
	compute, doors := v.want.Network.SecurityGroups.Workspace.ID, v.want.Network.SecurityGroups.Endpoint.ID
	if compute != "" {
		rules := spec.WorkspaceRules()
		if v.want.Metastore.Hive != nil {
			rules = append(rules, spec.Rule{Direction: "egress", Protocol: "tcp", Ports: "3306", Peer: "0.0.0.0/0"})
		}
		if _, err := v.group(ctx, compute, "compute", rules); err != nil {
			return err
		}
		if err := v.closeEgress(ctx, compute); err != nil {
			return err
		}
	}
	if doors != "" {
		if _, err := v.group(ctx, doors, "endpoints", spec.EndpointRules()); err != nil {
			return err
		}
		return v.closeEgress(ctx, doors)
	}
	return nil
}

// endpoints makes the endpoints in the VPC of compute. Those to Databricks wait
// for their registration, which is for the run to make.
func (v *site) endpoints(ctx context.Context) error {
	n, l := v.want.Network, v.want.PrivateLink
	var workspaceSubnets []string
	for _, s := range n.WorkspaceSubnets {
		workspaceSubnets = append(workspaceSubnets, s.ID)
	}
	glue := ""
	if g := v.want.Metastore.Glue; g != nil {
		glue = g.Endpoint.ID
	}
	for _, e := range []struct {
		id, service string
		subnets     []string
		group       string
	}{
		{n.Endpoints.STS.ID, v.awsService("sts"), workspaceSubnets, n.SecurityGroups.Workspace.ID},
		{n.Endpoints.Kinesis.ID, v.awsService("kinesis-streams"), workspaceSubnets, n.SecurityGroups.Workspace.ID},
		{glue, v.awsService("glue"), workspaceSubnets, n.SecurityGroups.Workspace.ID},
		{l.WorkspaceEndpoint.ID, v.workspaceService(), []string{n.EndpointSubnet.ID}, n.SecurityGroups.Endpoint.ID},
		{l.RelayEndpoint.ID, v.relayService(), []string{n.EndpointSubnet.ID}, n.SecurityGroups.Endpoint.ID},
	} {
		if e.id == "" {
			continue
		}
		subnets, err := v.orOwnSubnet(ctx, e.subnets)
		if err != nil {
			return err
		}
		groups, err := v.orOwnGroup(ctx, e.group)
		if err != nil {
			return err
		}
		if _, err := v.endpoint(ctx, e.id, e.service, subnets, groups, true); err != nil {
			return err
		}
	}
	if id := n.Endpoints.S3.ID; id != "" {
		return v.s3Gateway(ctx, id)
	}
	return nil
}

// orOwnSubnet returns the subnets that the spec gives, or else one of the network
// team's own.
func (v *site) orOwnSubnet(ctx context.Context, subnets []string) ([]string, error) {
	subnets = slices.DeleteFunc(slices.Clone(subnets), func(id string) bool { return id == "" })
	if len(subnets) > 0 {
		return subnets, nil
	}
	if v.ownSubnet == "" {
		made, err := v.subnetIn(ctx, "", v.offered[0])
		if err != nil {
			return nil, err
		}
		v.ownSubnet = made
	}
	return []string{v.ownSubnet}, nil
}

// orOwnGroup returns the group that the spec gives, or else one of the network
// team's own that lets the VPC in.
func (v *site) orOwnGroup(ctx context.Context, group string) ([]string, error) {
	if group != "" {
		return []string{group}, nil
	}
	if v.ownGroup == "" {
		rules := spec.EndpointRules()
		for i := range rules {
			rules[i].Peer = "vpc"
		}
		made, err := v.group(ctx, "", "own", rules)
		if err != nil {
			return nil, err
		}
		v.ownGroup = made
	}
	return []string{v.ownGroup}, nil
}

// egress makes the routes that the spec allows and the transit gateways that they
// lead to, behind which a firewall lets the hosts of the spec through.
func (v *site) egress(ctx context.Context) error {
	hosts := slices.Clone(v.want.Egress.Hosts)
	if hive := v.want.Metastore.Hive; hive != nil {
		hosts = append(hosts, cmp.Or(hive.Host, v.region().HiveHost))
	}
	made := map[string]bool{}
	for _, r := range v.want.Egress.Routes {
		if !strings.HasPrefix(r.Target, "tgw-") {
			return fmt.Errorf("making the route target %s: a transit gateway is the only one that is made here", r.Target)
		}
		if !made[r.Target] {
			if err := v.transitGateway(ctx, r.Target); err != nil {
				return err
			}
			v.w.Firewall(r.Target, network.Firewall{Hosts: hosts})
			made[r.Target] = true
		}
		if _, err := v.ec2.CreateRoute(ctx, &ec2.CreateRouteInput{
			RouteTableId: aws.String(v.mainTable), DestinationCidrBlock: aws.String(r.Destination), TransitGatewayId: aws.String(r.Target),
		}); err != nil {
			return fmt.Errorf("creating the route %s to %s: %w", r.Destination, r.Target, err)
		}
	}
	return nil
}

// transitGateway makes a transit gateway with an attachment to the VPC.
func (v *site) transitGateway(ctx context.Context, id string) error {
	subnets, err := v.orOwnSubnet(ctx, nil)
	if err != nil {
		return err
	}
	if err := v.reserve(id); err != nil {
		return err
	}
	if _, err := v.ec2.CreateTransitGateway(ctx, &ec2.CreateTransitGatewayInput{}); err != nil {
		return fmt.Errorf("creating transit gateway %s: %w", id, err)
	}
	if _, err := v.ec2.CreateTransitGatewayVpcAttachment(ctx, &ec2.CreateTransitGatewayVpcAttachmentInput{
		TransitGatewayId: aws.String(id), VpcId: aws.String(v.vpc), SubnetIds: subnets,
	}); err != nil {
		return fmt.Errorf("attaching transit gateway %s to VPC %s: %w", id, v.vpc, err)
	}
	return nil
}
