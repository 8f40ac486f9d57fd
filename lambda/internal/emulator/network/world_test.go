package network_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/network"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
)

const (
	region = "ap-northeast-1"
	// laboratory is an endpoint service of somebody else, with a private name.
	laboratory     = "com.amazonaws.vpce.ap-northeast-1.vpce-svc-0123456789abcdef0"
	laboratoryName = "tokyo.privatelink.lab.example"
	stsName        = "sts.ap-northeast-1.amazonaws.com"
	s3Name         = "s3.ap-northeast-1.amazonaws.com"
	everywhere     = "0.0.0.0/0"
)

// world is a VPC with four subnets. Compute is in the first, whose route table
// leads to a NAT gateway and S3; a sibling has the main table, which leads
// nowhere; behind the doors is an endpoint to STS, beside compute one to
// Kinesis; the public subnet has the NAT gateway. Another VPC has the same
// addresses, and an endpoint to the laboratory.
type world struct {
	*awsec2.Client
	t       *testing.T
	clock   *clock.Clock
	service *ec2.Service

	zones     []network.Zone
	aliases   map[string]string
	firewalls map[string]network.Firewall

	vpc, elsewhere                           string
	compute, sibling, doors, public, foreign string
	// nodes is the group of compute, gates that of the endpoints.
	nodes, gates                  string
	main, own, outer              string
	sts, kinesis, s3, lab         string
	internet, nat, transit, peers string
}

// must returns the value of a call that cannot fail in a test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, clock: clock.NewVirtual(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)),
		aliases: map[string]string{}, firewalls: map[string]network.Firewall{},
	}
	hub := wire.NewHub(w.clock)
	w.service = ec2.New(hub, latency.NewSource(1), "123456789012")
	w.service.OfferService(region, ec2.ServiceDetail{Name: laboratory, Owner: "210987654321", PrivateDNSName: laboratoryName})
	w.Client = awsec2.NewFromConfig(wiretest.Serve(t, hub, w.service.Wire())(region))

	w.vpc, w.elsewhere = w.newVPC(), w.newVPC()
	w.compute, w.doors = w.newSubnet(w.vpc, "10.0.1.0/24"), w.newSubnet(w.vpc, "10.0.2.0/24")
	w.public, w.sibling = w.newSubnet(w.vpc, "10.0.3.0/24"), w.newSubnet(w.vpc, "10.0.4.0/24")
	w.foreign = w.newSubnet(w.elsewhere, "10.0.2.0/24")
	w.nodes, w.gates = w.newGroup(w.vpc, "nodes"), w.newGroup(w.vpc, "gates")
	w.admit(w.gates, false, "tcp", 443, w.nodes)
	w.main, w.own, w.outer = w.mainTable(), w.newTable(w.compute), w.newTable(w.public)

	w.sts = w.endpointTo("com.amazonaws.ap-northeast-1.sts", w.vpc, w.doors, w.gates)
	w.kinesis = w.endpointTo("com.amazonaws.ap-northeast-1.kinesis-streams", w.vpc, w.compute, w.gates)
	others := w.newGroup(w.elsewhere, "gates")
	w.admit(others, false, "tcp", 6666, "10.0.0.0/16")
	w.lab = w.endpointTo(laboratory, w.elsewhere, w.foreign, others)
	w.s3 = *must(w.CreateVpcEndpoint(t.Context(), &awsec2.CreateVpcEndpointInput{
		VpcId: &w.vpc, ServiceName: aws.String("com.amazonaws.ap-northeast-1.s3"), RouteTableIds: []string{w.own},
	})).VpcEndpoint.VpcEndpointId

	w.internet = *must(w.CreateInternetGateway(t.Context(), &awsec2.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
	must(w.AttachInternetGateway(t.Context(), &awsec2.AttachInternetGatewayInput{InternetGatewayId: &w.internet, VpcId: &w.vpc}))
	w.route(w.outer, everywhere, w.internet)
	w.nat = w.newNAT(w.public, types.ConnectivityTypePublic)
	w.route(w.own, everywhere, w.nat)
	w.transit = *must(w.CreateTransitGateway(t.Context(), &awsec2.CreateTransitGatewayInput{})).TransitGateway.TransitGatewayId
	must(w.CreateTransitGatewayVpcAttachment(t.Context(), &awsec2.CreateTransitGatewayVpcAttachmentInput{
		TransitGatewayId: &w.transit, VpcId: &w.vpc, SubnetIds: []string{w.public},
	}))
	third := *must(w.CreateVpc(t.Context(), &awsec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})).Vpc.VpcId
	w.peers = *must(w.CreateVpcPeeringConnection(t.Context(), &awsec2.CreateVpcPeeringConnectionInput{VpcId: &w.vpc, PeerVpcId: &third})).VpcPeeringConnection.VpcPeeringConnectionId
	must(w.AcceptVpcPeeringConnection(t.Context(), &awsec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: &w.peers}))
	w.settle()
	return w
}

// settle lets pending things become available.
func (w *world) settle() {
	w.t.Helper()
	w.clock.After(time.Hour, func() {})
	if err := w.clock.Idle(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// network is what is tested, over the world as it is.
func (w *world) network() *network.Network {
	return network.New(network.World{
		EC2:   w.service,
		Zones: func() []network.Zone { return w.zones },
		Alias: func(host string) (string, bool) { name, ok := w.aliases[host]; return name, ok },
		Ports: func(service string) []int {
			if service == laboratory {
				return []int{6666}
			}
			return []int{443}
		},
		Firewall: func(target string) (network.Firewall, bool) { f, ok := w.firewalls[target]; return f, ok },
	})
}

// machine is one in a subnet.
func (w *world) machine(subnet string) network.Machine {
	for _, s := range w.service.Subnets(region) {
		if s.ID == subnet {
			return network.Machine{Region: region, Subnet: subnet, Groups: []string{w.nodes}, Address: s.CIDR.Addr().Next().Next()}
		}
	}
	return network.Machine{Region: region, Subnet: subnet, Groups: []string{w.nodes}, Address: netip.MustParseAddr("10.0.1.2")}
}

// addressOf is the address of an interface endpoint.
func (w *world) addressOf(endpoint string) netip.Addr {
	w.t.Helper()
	for _, i := range w.service.NetworkInterfaces(region) {
		if i.EndpointID == endpoint {
			return i.Address
		}
	}
	w.t.Fatalf("%s has no interface", endpoint)
	return netip.Addr{}
}

func (w *world) newVPC() string {
	id := must(w.CreateVpc(w.t.Context(), &awsec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})).Vpc.VpcId
	w.hostnames(*id, true)
	return *id
}

func (w *world) hostnames(vpc string, on bool) {
	must(w.ModifyVpcAttribute(w.t.Context(), &awsec2.ModifyVpcAttributeInput{VpcId: &vpc, EnableDnsHostnames: &types.AttributeBooleanValue{Value: &on}}))
}

func (w *world) newSubnet(vpc, cidr string) string {
	return *must(w.CreateSubnet(w.t.Context(), &awsec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: aws.String(region + "a")})).Subnet.SubnetId
}

func (w *world) newGroup(vpc, name string) string {
	return *must(w.CreateSecurityGroup(w.t.Context(), &awsec2.CreateSecurityGroupInput{VpcId: &vpc, GroupName: &name, Description: &name})).GroupId
}

func (w *world) endpointTo(service, vpc, subnet, group string) string {
	return *must(w.CreateVpcEndpoint(w.t.Context(), &awsec2.CreateVpcEndpointInput{
		VpcEndpointType: types.VpcEndpointTypeInterface, VpcId: &vpc, ServiceName: &service, SubnetIds: []string{subnet},
		SecurityGroupIds: []string{group}, PrivateDnsEnabled: aws.Bool(true),
	})).VpcEndpoint.VpcEndpointId
}

func (w *world) mainTable() string {
	for _, t := range w.service.RouteTables(region) {
		if t.VPCID == w.vpc {
			return t.ID
		}
	}
	return ""
}

// newTable makes a route table of a subnet.
func (w *world) newTable(subnet string) string {
	id := must(w.CreateRouteTable(w.t.Context(), &awsec2.CreateRouteTableInput{VpcId: &w.vpc})).RouteTable.RouteTableId
	must(w.AssociateRouteTable(w.t.Context(), &awsec2.AssociateRouteTableInput{RouteTableId: id, SubnetId: &subnet}))
	return *id
}

// route makes a route.
func (w *world) route(table, to, target string) {
	in := &awsec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: &to}
	switch target[:3] {
	case "nat":
		in.NatGatewayId = &target
	case "tgw":
		in.TransitGatewayId = &target
	case "pcx":
		in.VpcPeeringConnectionId = &target
	default:
		in.GatewayId = &target
	}
	must(w.CreateRoute(w.t.Context(), in))
}

func (w *world) unroute(table, to string) {
	must(w.DeleteRoute(w.t.Context(), &awsec2.DeleteRouteInput{RouteTableId: &table, DestinationCidrBlock: &to}))
}

func (w *world) newNAT(subnet string, kind types.ConnectivityType) string {
	in := &awsec2.CreateNatGatewayInput{SubnetId: &subnet, ConnectivityType: kind}
	if kind == types.ConnectivityTypePublic {
		in.AllocationId = must(w.AllocateAddress(w.t.Context(), &awsec2.AllocateAddressInput{Domain: types.DomainTypeVpc})).AllocationId
	}
	return *must(w.CreateNatGateway(w.t.Context(), in)).NatGateway.NatGatewayId
}

// admit adds a rule to a group. The peer is a group, a prefix list or a block.
func (w *world) admit(group string, egress bool, protocol string, port int32, peer string) {
	p := types.IpPermission{IpProtocol: &protocol, FromPort: &port, ToPort: &port}
	switch peer[:3] {
	case "sg-":
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: &peer}}
	case "pl-":
		p.PrefixListIds = []types.PrefixListId{{PrefixListId: &peer}}
	default:
		p.IpRanges = []types.IpRange{{CidrIp: &peer}}
	}
	if egress {
		must(w.AuthorizeSecurityGroupEgress(w.t.Context(), &awsec2.AuthorizeSecurityGroupEgressInput{GroupId: &group, IpPermissions: []types.IpPermission{p}}))
	} else {
		must(w.AuthorizeSecurityGroupIngress(w.t.Context(), &awsec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []types.IpPermission{p}}))
	}
}

// shut removes the rules of a group in one direction.
func (w *world) shut(group string, egress bool) {
	var ids []string
	for _, r := range w.service.Rules(region) {
		if r.GroupID == group && r.Egress == egress {
			ids = append(ids, r.ID)
		}
	}
	if egress {
		must(w.RevokeSecurityGroupEgress(w.t.Context(), &awsec2.RevokeSecurityGroupEgressInput{GroupId: &group, SecurityGroupRuleIds: ids}))
	} else {
		must(w.RevokeSecurityGroupIngress(w.t.Context(), &awsec2.RevokeSecurityGroupIngressInput{GroupId: &group, SecurityGroupRuleIds: ids}))
	}
}

// rule is one of a network ACL.
type rule struct {
	number   int32
	egress   bool
	action   types.RuleAction
	protocol string
	from, to int32
	peer     string
}

// acl gives a subnet an ACL with these rules, or else all that is allowed.
func (w *world) acl(subnet string, rules ...rule) {
	own := *must(w.CreateNetworkAcl(w.t.Context(), &awsec2.CreateNetworkAclInput{VpcId: &w.vpc})).NetworkAcl.NetworkAclId
	for _, egress := range []bool{false, true} {
		rules = append(rules, rule{number: 100, egress: egress, action: types.RuleActionAllow, protocol: "-1", peer: everywhere})
	}
	for _, r := range rules {
		in := &awsec2.CreateNetworkAclEntryInput{
			NetworkAclId: &own, RuleNumber: &r.number, Egress: &r.egress, RuleAction: r.action, Protocol: &r.protocol, CidrBlock: &r.peer,
		}
		if r.protocol != "-1" {
			in.PortRange = &types.PortRange{From: &r.from, To: &r.to}
		}
		must(w.CreateNetworkAclEntry(w.t.Context(), in))
	}
	for _, a := range w.service.NetworkACLs(region) {
		for _, as := range a.Associations {
			if as.SubnetID == subnet {
				must(w.ReplaceNetworkAclAssociation(w.t.Context(), &awsec2.ReplaceNetworkAclAssociationInput{AssociationId: &as.ID, NetworkAclId: &own}))
			}
		}
	}
}
