package step_test

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	route53types "github.com/aws/aws-sdk-go-v2/service/route53/types"

	"lakegate/lambda/internal/emulator/databricks"
	"lakegate/lambda/internal/emulator/network"
	"lakegate/lambda/plan"
)

// brokenNetworks are the ways in which a network is broken, by name.
func brokenNetworks(ctx context.Context, off *types.AttributeBooleanValue) map[string]broken {
	route := func(in *ec2.CreateRouteInput) func(*breaker) {
		return func(b *breaker) {
			in.RouteTableId = aws.String(b.mainTable())
			_, err := b.api.CreateRoute(ctx, in)
			b.must(err)
		}
	}
	everywhere := aws.String("0.0.0.0/0")
	leak := []string{"isolation.outside.1.1.1.1", "isolation.outside.example.com", "isolation.outside.other-region", "isolation.outside.pypi.org"}
	routes := []string{"isolation.routes.ap-northeast-1a", "isolation.routes.ap-northeast-1c"}
	cluster, warehouse := []string{"cluster.runs"}, []string{"sql.runs"}
	return map[string]broken{
		"nothing": {breaks: func(*breaker) {}, fails: map[string][]string{}},

		// Probes that find no cluster make one anew.
		"cluster deleted": {breaks: func(b *breaker) { b.deleteCluster() }, fails: map[string][]string{}},

		"Glue endpoint deleted": {
			breaks: func(b *breaker) { b.deleteEndpoint("EnsureGlueEndpoint") },
			fails: map[string][]string{
				"VerifyNetwork": {"endpoint.glue"}, "VerifyPrivateDns": {"dns.glue"}, "VerifyPorts": {"port.glue.443"},
				"VerifyMetastore": {"metastore.databases"}, "VerifySqlWarehouse": {"sql.databases"},
			},
			says: "Connect to glue.ap-northeast-1.amazonaws.com:443 failed: timeout",
		},
		"Glue endpoint without private DNS": {
			breaks: func(b *breaker) { b.privateDNSOff("EnsureGlueEndpoint") },
			fails: map[string][]string{
				"VerifyNetwork": {"endpoint.glue.private-dns"}, "VerifyPrivateDns": {"dns.glue"}, "VerifyPorts": {"port.glue.443"},
				"VerifyMetastore": {"metastore.databases"}, "VerifySqlWarehouse": {"sql.databases"},
			},
			says: "Turn on the private DNS names of vpce-",
		},
		"STS endpoint deleted": {
			breaks: func(b *breaker) { b.deleteEndpoint("EnsureStsEndpoint") },
			fails: map[string][]string{
				"VerifyNetwork": {"endpoint.sts"}, "VerifyPrivateDns": {"dns.sts"}, "VerifyPorts": {"port.sts.443"},
				"VerifyIsolation": {"isolation.needed.sts"},
			},
			says: "The network is dead, which proves nothing",
		},
		"Kinesis endpoint deleted": {
			breaks: func(b *breaker) { b.deleteEndpoint("EnsureKinesisEndpoint") },
			fails: map[string][]string{
				"VerifyNetwork": {"endpoint.kinesis"}, "VerifyPrivateDns": {"dns.kinesis"}, "VerifyPorts": {"port.kinesis.443"},
			},
			says: "kinesis.ap-northeast-1.amazonaws.com leads to the endpoint",
		},
		"S3 endpoint deleted": {
			breaks: func(b *breaker) { b.deleteEndpoint("EnsureS3Endpoint") },
			fails: map[string][]string{
				"VerifyNetwork":   {"endpoint.s3", "route.s3.ap-northeast-1a", "route.s3.ap-northeast-1c"},
				"VerifyIsolation": {"isolation.needed.s3"},
			},
			says: "has no route to it",
		},
		"S3 endpoint off the table": {
			breaks: func(b *breaker) {
				_, err := b.api.ModifyVpcEndpoint(ctx, &ec2.ModifyVpcEndpointInput{
					VpcEndpointId: aws.String(b.idOf("EnsureS3Endpoint")), RemoveRouteTableIds: []string{b.mainTable()},
				})
				b.must(err)
			},
			fails: map[string][]string{
				"VerifyNetwork":   {"route.s3.ap-northeast-1a", "route.s3.ap-northeast-1c"},
				"VerifyIsolation": {"isolation.needed.s3"},
			},
			says: "Push the spec again: the endpoint is associated with the tables",
		},
		"relay endpoint without private DNS": {
			breaks: func(b *breaker) { b.privateDNSOff("EnsureRelayEndpoint") },
			fails: map[string][]string{
				"VerifyNetwork": {"endpoint.relay.private-dns"}, "VerifyPrivateDns": {"dns.relay"}, "VerifyPorts": {"port.relay.6666"},
			},
			says: "tunnel.privatelink.ap-northeast-1.cloud.databricks.com leads to the endpoint",
		},
		"workspace endpoint without private DNS": {
			breaks: func(b *breaker) { b.privateDNSOff("EnsureWorkspaceEndpoint") },
			fails: map[string][]string{
				"VerifyNetwork": {"endpoint.workspace.private-dns"}, "VerifyPrivateDns": {"dns.workspace"}, "VerifyPorts": {"port.workspace.443"},
			},
			says: "--private-dns-enabled",
		},
		"TCP 6666 closed to compute": {
			breaks: func(b *breaker) { compute, _ := b.groups(); b.revoke(compute, true, "tcp", 6666) },
			fails:  map[string][]string{"VerifyNetwork": {"group.egress.6666", "network.error.securityGroup", "network.status"}, "VerifyPorts": {"port.relay.6666"}},
			says:   "Add egress of TCP 6666",
		},
		"TCP 6666 closed at the endpoints": {
			breaks: func(b *breaker) { _, doors := b.groups(); b.revoke(doors, false, "tcp", 6666) },
			fails:  map[string][]string{"VerifyNetwork": {"group.doors.6666"}, "VerifyPorts": {"port.relay.6666"}},
			says:   "Add ingress of TCP 6666 from sg-",
		},
		"TCP 443 closed at the endpoints": {
			breaks: func(b *breaker) { _, doors := b.groups(); b.revoke(doors, false, "tcp", 443) },
			fails:  map[string][]string{"VerifyNetwork": {"group.doors.443"}, "VerifyPorts": {"port.workspace.443"}},
			says:   "Add ingress of TCP 443 from sg-",
		},
		"TCP 443 closed to compute": {
			breaks: func(b *breaker) { compute, _ := b.groups(); b.revoke(compute, true, "tcp", 443) },
			fails: map[string][]string{
				"VerifyNetwork":   {"group.egress.443", "network.error.securityGroup", "network.status"},
				"VerifyPorts":     {"port.workspace.443"},
				"VerifyIsolation": {"isolation.needed.s3"},
			},
			says: "Databricks has no error about it: not true of sg-",
		},
		"newer ports closed": {
			breaks: func(b *breaker) { compute, _ := b.groups(); b.revoke(compute, true, "tcp", 8443) },
			// They fail nothing: they are noted.
			fails: map[string][]string{},
			notes: 9,
		},
		"nodes cannot talk to each other": {
			breaks: func(b *breaker) { compute, _ := b.groups(); b.revoke(compute, false, "udp", 0) },
			fails:  map[string][]string{"VerifyNetwork": {"group.self.udp", "network.error.securityGroup", "network.status"}},
			says:   "all UDP from the group itself",
		},
		"AWS endpoints closed to compute": {
			breaks: func(b *breaker) { compute, _ := b.groups(); b.revoke(compute, false, "tcp", 0) },
			fails: map[string][]string{
				"VerifyNetwork": {"group.self.tcp", "network.error.securityGroup", "network.status"},
				"VerifyPorts":   {"port.glue.443", "port.kinesis.443", "port.sts.443"}, "VerifyMetastore": {"metastore.databases"},
				"VerifyIsolation": {"isolation.needed.sts"}, "VerifySqlWarehouse": {"sql.databases"},
			},
			says: "Add ingress of all TCP from the group itself",
		},
		"network ACL denies 6666 out": {
			breaks: func(b *breaker) { b.acl(true, 6666, types.RuleActionDeny) },
			fails: map[string][]string{
				"VerifyNetwork": {"acl", "network.error.networkAcl", "network.error.networkAcl", "network.status"}, "VerifyPorts": {"port.relay.6666"},
			},
			says: "outbound, rule 50 (deny 0.0.0.0/0) blocks",
		},
		"network ACL denies before it allows": {
			breaks: func(b *breaker) { b.acl(false, 22, types.RuleActionDeny) },
			fails:  map[string][]string{"VerifyNetwork": {"acl", "network.error.networkAcl", "network.error.networkAcl", "network.status"}},
			says:   "inbound, rule 50",
		},
		"DNS hostnames off": {
			breaks: func(b *breaker) { b.attribute(&ec2.ModifyVpcAttributeInput{EnableDnsHostnames: off}) },
			fails: map[string][]string{
				"VerifyNetwork":    {"vpc.enableDnsHostnames"},
				"VerifyPrivateDns": {"dns.glue", "dns.kinesis", "dns.relay", "dns.sts", "dns.workspace"},
				"VerifyPorts":      {"port.glue.443", "port.kinesis.443", "port.relay.6666", "port.sts.443", "port.workspace.443"},
				"VerifyMetastore":  {"metastore.databases"}, "VerifyIsolation": {"isolation.needed.sts"}, "VerifySqlWarehouse": {"sql.databases"},
			},
			says: "--enable-dns-hostnames",
		},
		"DNS resolution off": {
			breaks: func(b *breaker) { b.attribute(&ec2.ModifyVpcAttributeInput{EnableDnsSupport: off}) },
			fails: map[string][]string{
				"VerifyNetwork":    {"vpc.enableDnsSupport"},
				"VerifyPrivateDns": {"dns.glue", "dns.kinesis", "dns.relay", "dns.sts", "dns.workspace"},
				"VerifyPorts":      {"port.glue.443", "port.kinesis.443", "port.relay.6666", "port.sts.443", "port.workspace.443"},
				"VerifyMetastore":  {"metastore.databases"}, "VerifyIsolation": {"isolation.needed.s3", "isolation.needed.sts"}, "VerifySqlWarehouse": {"sql.databases"},
			},
			says: "unresolved",
		},
		"NAT route": {
			breaks: func(b *breaker) {
				nat := b.nat()
				route(&ec2.CreateRouteInput{DestinationCidrBlock: everywhere, NatGatewayId: aws.String(nat)})(b)
			},
			fails: map[string][]string{"VerifyIsolation": sorted(leak, routes, "isolation.internet-gateway", "isolation.nat-gateway")},
			says:  "it reaches 0.0.0.0/0 by nat-",
		},
		"NAT route that leads nowhere": {
			breaks: func(b *breaker) {
				b.internet()
				nat := b.natIn(b.endpointSubnet())
				route(&ec2.CreateRouteInput{DestinationCidrBlock: everywhere, NatGatewayId: aws.String(nat)})(b)
			},
			fails: map[string][]string{"VerifyIsolation": sorted(routes, nil, "isolation.internet-gateway", "isolation.nat-gateway")},
			says:  "it reaches 0.0.0.0/0 by nat-",
		},
		"NAT gateway without a route": {
			breaks: func(b *breaker) { b.nat() },
			fails:  map[string][]string{"VerifyIsolation": {"isolation.internet-gateway", "isolation.nat-gateway"}},
			says:   "The VPC has no NAT gateway: not true of vpc-",
		},
		"internet gateway route": {
			breaks: func(b *breaker) {
				route(&ec2.CreateRouteInput{DestinationCidrBlock: everywhere, GatewayId: aws.String(b.internet())})(b)
			},
			fails: map[string][]string{"VerifyIsolation": sorted(routes, nil, "isolation.internet-gateway")},
			says:  "by igw-",
		},
		"transit gateway route": {
			breaks: func(b *breaker) {
				route(&ec2.CreateRouteInput{DestinationCidrBlock: everywhere, TransitGatewayId: aws.String(b.transit())})(b)
			},
			fails: map[string][]string{"VerifyIsolation": sorted(leak, routes, "isolation.transit-gateway")},
			says:  "to tgw-",
		},
		"a transit gateway that leads to one host": {
			breaks: func(b *breaker) {
				id := b.transit()
				b.world.Firewall(id, network.Firewall{Hosts: []string{"pypi.org"}})
				route(&ec2.CreateRouteInput{DestinationCidrBlock: everywhere, TransitGatewayId: aws.String(id)})(b)
			},
			fails: map[string][]string{"VerifyIsolation": sorted(routes, nil, "isolation.outside.pypi.org", "isolation.transit-gateway")},
			says:  "Compute does not reach pypi.org, TCP 443: not true of pypi.org: connected",
		},
		"a transit gateway that leads to one host, by name": {
			breaks: func(b *breaker) {
				id := b.transit()
				b.world.Firewall(id, network.Firewall{Hosts: []string{"pypi.org"}, ByName: true})
				route(&ec2.CreateRouteInput{DestinationCidrBlock: everywhere, TransitGatewayId: aws.String(id)})(b)
			},
			fails: map[string][]string{"VerifyIsolation": sorted(routes, nil, "isolation.outside.pypi.org", "isolation.transit-gateway")},
			says:  "Compute does not reach pypi.org, TCP 443: not true of pypi.org: connected",
		},
		"peering": {
			breaks: func(b *breaker) {
				other, err := b.api.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String("10.9.0.0/16")})
				b.must(err)
				p, err := b.api.CreateVpcPeeringConnection(ctx, &ec2.CreateVpcPeeringConnectionInput{VpcId: aws.String(b.vpc()), PeerVpcId: other.Vpc.VpcId})
				b.must(err)
				_, err = b.api.AcceptVpcPeeringConnection(ctx, &ec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: p.VpcPeeringConnection.VpcPeeringConnectionId})
				b.must(err)
				route(&ec2.CreateRouteInput{DestinationCidrBlock: aws.String("10.9.0.0/16"), VpcPeeringConnectionId: p.VpcPeeringConnection.VpcPeeringConnectionId})(b)
			},
			fails: map[string][]string{"VerifyIsolation": sorted(routes, nil, "isolation.peering")},
			says:  "10.9.0.0/16 by pcx-",
		},
		"virtual private gateway": {
			breaks: func(b *breaker) {
				g, err := b.api.CreateVpnGateway(ctx, &ec2.CreateVpnGatewayInput{Type: types.GatewayTypeIpsec1})
				b.must(err)
				_, err = b.api.AttachVpnGateway(ctx, &ec2.AttachVpnGatewayInput{VpnGatewayId: g.VpnGateway.VpnGatewayId, VpcId: aws.String(b.vpc())})
				b.must(err)
			},
			fails: map[string][]string{"VerifyIsolation": {"isolation.vpn-gateway"}},
			says:  "virtual private gateway",
		},
		"IPv6 with an egress-only gateway": {
			breaks: func(b *breaker) {
				_, err := b.api.AssociateVpcCidrBlock(ctx, &ec2.AssociateVpcCidrBlockInput{VpcId: aws.String(b.vpc()), AmazonProvidedIpv6CidrBlock: aws.Bool(true)})
				b.must(err)
				v, err := b.api.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{b.vpc()}})
				b.must(err)
				block := aws.ToString(v.Vpcs[0].Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock)
				_, err = b.api.AssociateSubnetCidrBlock(ctx, &ec2.AssociateSubnetCidrBlockInput{
					SubnetId: aws.String(b.subnets()[0]), Ipv6CidrBlock: aws.String(block[:len(block)-2] + "64"),
				})
				b.must(err)
				_, err = b.api.CreateEgressOnlyInternetGateway(ctx, &ec2.CreateEgressOnlyInternetGatewayInput{VpcId: aws.String(b.vpc())})
				b.must(err)
			},
			fails: map[string][]string{"VerifyIsolation": {"isolation.egress-only", "isolation.ipv6.ap-northeast-1a"}},
			says:  "The subnet has no IPv6: not true of subnet-",
		},
		"a table of its own with a way out": {
			breaks: func(b *breaker) {
				nat := b.nat()
				own, err := b.api.CreateRouteTable(ctx, &ec2.CreateRouteTableInput{VpcId: aws.String(b.vpc())})
				b.must(err)
				table := own.RouteTable.RouteTableId
				_, err = b.api.AssociateRouteTable(ctx, &ec2.AssociateRouteTableInput{RouteTableId: table, SubnetId: aws.String(b.subnets()[1])})
				b.must(err)
				_, err = b.api.CreateRoute(ctx, &ec2.CreateRouteInput{RouteTableId: table, DestinationCidrBlock: everywhere, NatGatewayId: aws.String(nat)})
				b.must(err)
			},
			fails: map[string][]string{
				"VerifyNetwork":   {"route.s3.ap-northeast-1c"},
				"VerifyIsolation": {"isolation.internet-gateway", "isolation.nat-gateway", "isolation.routes.ap-northeast-1c"},
			},
			says: "it reaches 0.0.0.0/0 by nat-",
		},
		"workspace and relay swapped": {
			before: true,
			breaks: func(b *breaker) { b.world.Databricks.SwapEndpoints("databricks-privatelink") },
			fails: map[string][]string{
				"VerifyNetwork": {"network.relay", "network.rest-api"}, "VerifyCluster": cluster, "VerifySqlWarehouse": warehouse,
			},
			says: "rest_api is the endpoint of the workspace: not true of",
		},
		"Databricks finds the network broken": {
			breaks: func(b *breaker) {
				b.world.Databricks.BreakNetwork("databricks-privatelink", databricks.NetworkHealth{ErrorType: "subnet", ErrorMessage: "no free addresses"})
			},
			fails: map[string][]string{"VerifyNetwork": {"network.error.subnet", "network.status"}},
			says:  "no free addresses",
		},
		"6666 closed before the cluster starts": {
			before: true,
			breaks: func(b *breaker) { _, doors := b.groups(); b.revoke(doors, false, "tcp", 6666) },
			fails:  map[string][]string{"VerifyNetwork": {"group.doors.6666"}, "VerifyCluster": cluster, "VerifySqlWarehouse": warehouse},
			says:   "it ended with NPIP_TUNNEL_SETUP_FAILURE (SERVICE_FAULT)",
		},
		"PrivateLink settles late": {
			before: true,
			breaks: func(b *breaker) { b.settleLate(12 * time.Minute) },
			fails:  map[string][]string{},
		},
		"PrivateLink never settles": {
			before: true,
			breaks: func(b *breaker) { b.settleLate(3 * time.Hour) },
			fails:  map[string][]string{"VerifyCluster": cluster, "VerifySqlWarehouse": warehouse},
			says:   "The relay does not know the endpoint",
		},
		"the role of the profile is not passed": {
			before: true,
			breaks: func(b *breaker) { b.dropPassRole() },
			fails:  map[string][]string{"VerifyCluster": {plan.AccessDenied}, "VerifySqlWarehouse": {plan.AccessDenied}},
			says:   "iam:PassRole",
		},
		"the role may not use Glue": {
			breaks: func(b *breaker) { b.dropGlue() },
			fails:  map[string][]string{"VerifyMetastore": {"metastore.databases"}, "VerifySqlWarehouse": {"sql.databases"}},
			says:   "is not authorized to perform: glue:GetDatabases",
		},
		"a policy that blocks the runtime": {
			before: true,
			breaks: func(b *breaker) {
				b.policy("EnsureS3Endpoint", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::other","arn:aws:s3:::other/*"]}]}`)
			},
			fails: map[string][]string{"VerifyCluster": cluster, "VerifySqlWarehouse": warehouse},
			says:  "the artifact buckets of Databricks in the region have to be allowed",
		},
		"a policy that blocks the catalog": {
			breaks: func(b *breaker) {
				b.policy("EnsureGlueEndpoint", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"glue:GetTable","Resource":"*"}]}`)
			},
			fails: map[string][]string{"VerifyMetastore": {"metastore.databases"}, "VerifySqlWarehouse": {"sql.databases"}},
			says:  "no VPC endpoint policy allows the action",
		},
		"a private zone hides the control plane": {
			breaks: func(b *breaker) {
				_, err := b.zones().CreateHostedZone(ctx, &route53.CreateHostedZoneInput{
					Name: aws.String("cloud.databricks.com"), CallerReference: aws.String("network-team"),
					VPC: &route53types.VPC{VPCId: aws.String(b.vpc()), VPCRegion: tokyoRegion},
				})
				b.must(err)
			},
			fails: map[string][]string{
				"VerifyPrivateDns": {"dns.relay", "dns.workspace"}, "VerifyPorts": {"port.relay.6666", "port.workspace.443"},
			},
			says: "look for a private hosted zone that hides the name",
		},
		"legacy access disabled": {
			breaks: func(b *breaker) { b.world.Databricks.DisableLegacyAccess("privatelink-test") },
			fails: map[string][]string{
				"VerifyMetastore": {"metastore.databases", "metastore.legacy-access"}, "VerifySqlWarehouse": {"sql.databases"},
			},
			says: "Turn off Disable legacy access",
		},
		"STS closed before the cluster starts": {
			before: true,
			breaks: func(b *breaker) { b.deleteEndpoint("EnsureStsEndpoint") },
			fails:  map[string][]string{"VerifyNetwork": {"endpoint.sts"}, "VerifyCluster": cluster, "VerifySqlWarehouse": warehouse},
			says:   "The node did not reach STS",
		},
	}
}

func sorted(a, b []string, more ...string) []string {
	all := slices.Concat(a, b, more)
	slices.Sort(all)
	return all
}
