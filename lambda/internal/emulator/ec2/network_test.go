package ec2_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var ignoreUnexported = cmpopts.IgnoreUnexported(
	types.ServiceDetail{}, types.ServiceTypeDetail{}, types.PrivateDnsDetails{}, types.IpPermission{}, types.IpRange{}, types.UserIdGroupPair{}, types.PrefixListId{},
)

func TestVpcComesWithItsParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.vpc("10.0.0.7/22")
	if v := w.service.VPCs(tokyo)[0]; v.CIDR.String() != "10.0.0.0/22" || !v.DNSSupport || v.DNSHostnames {
		t.Errorf("the new VPC is %+v", v)
	}
	tables := must[*awsec2.DescribeRouteTablesOutput](t)(w.DescribeRouteTables(t.Context(), &awsec2.DescribeRouteTablesInput{
		Filters: filters("vpc-id", id, "association.main", "true"),
	}))
	if len(tables.RouteTables) != 1 || *tables.RouteTables[0].Routes[0].GatewayId != "local" {
		t.Errorf("main tables: %+v", tables.RouteTables)
	}
	acls := must[*awsec2.DescribeNetworkAclsOutput](t)(w.DescribeNetworkAcls(t.Context(), &awsec2.DescribeNetworkAclsInput{Filters: filters("default", "true")}))
	if len(acls.NetworkAcls) != 1 || len(acls.NetworkAcls[0].Entries) != 4 {
		t.Errorf("default ACLs: %+v", acls.NetworkAcls)
	}
	groups := must[*awsec2.DescribeSecurityGroupsOutput](t)(w.DescribeSecurityGroups(t.Context(), &awsec2.DescribeSecurityGroupsInput{Filters: filters("group-name", "default")}))
	g := groups.SecurityGroups[0]
	ingress := []types.IpPermission{{
		IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{}, Ipv6Ranges: []types.Ipv6Range{}, PrefixListIds: []types.PrefixListId{},
		UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: g.GroupId, UserId: aws.String("123456789012")}},
	}}
	egress := []types.IpPermission{{
		IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}, Ipv6Ranges: []types.Ipv6Range{},
		PrefixListIds: []types.PrefixListId{}, UserIdGroupPairs: []types.UserIdGroupPair{},
	}}
	if diff := cmp.Diff(ingress, g.IpPermissions, ignoreUnexported); diff != "" {
		t.Errorf("ingress of the default group (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(egress, g.IpPermissionsEgress, ignoreUnexported); diff != "" {
		t.Errorf("egress of the default group (-want +got):\n%s", diff)
	}
	_, err := w.DeleteSecurityGroup(t.Context(), &awsec2.DeleteSecurityGroupInput{GroupId: g.GroupId})
	wantCode(t, err, "CannotDelete")
	_, err = w.DeleteNetworkAcl(t.Context(), &awsec2.DeleteNetworkAclInput{NetworkAclId: acls.NetworkAcls[0].NetworkAclId})
	wantCode(t, err, "InvalidParameterValue")
	_, err = w.DeleteRouteTable(t.Context(), &awsec2.DeleteRouteTableInput{RouteTableId: tables.RouteTables[0].RouteTableId})
	wantCode(t, err, "DependencyViolation")
	_, err = w.DeleteVpc(t.Context(), &awsec2.DeleteVpcInput{VpcId: &id})
	wantCode(t, err, "")
	if n := len(w.service.RouteTables(tokyo)) + len(w.service.NetworkACLs(tokyo)) + len(w.service.SecurityGroups(tokyo)) + len(w.service.Rules(tokyo)); n > 0 {
		t.Errorf("the VPC left %d objects behind", n)
	}
}

func TestCreateVpcRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for cidr, want := range map[string]string{
		"10.0.0.0/8": "InvalidVpc.Range", "10.0.0.0/29": "InvalidVpc.Range", "10.0.0/22": "InvalidParameterValue", "fd00::/56": "InvalidParameterValue",
	} {
		_, err := w.CreateVpc(t.Context(), &awsec2.CreateVpcInput{CidrBlock: &cidr})
		wantCode(t, err, want)
	}
	_, err := w.CreateVpc(t.Context(), &awsec2.CreateVpcInput{})
	wantCode(t, err, "MissingParameter")
	for range 5 {
		w.vpc("10.0.0.0/16")
	}
	_, err = w.CreateVpc(t.Context(), &awsec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")})
	wantMessage(t, err, "VpcLimitExceeded", "The maximum number of VPCs has been reached.")
	w.service.LimitVPCs(6)
	w.vpc("10.0.0.0/16")
	if _, err := w.in("us-east-1").CreateVpc(t.Context(), &awsec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")}); err != nil {
		t.Errorf("the limit of one region holds in another: %v", err)
	}
	_, err = w.in("mars-1").DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{})
	wantCode(t, err, "NotImplemented")
}

func TestVpcAttributes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.vpc("10.0.0.0/22")
	get := func(name types.VpcAttributeName) *awsec2.DescribeVpcAttributeOutput {
		return must[*awsec2.DescribeVpcAttributeOutput](t)(w.DescribeVpcAttribute(t.Context(), &awsec2.DescribeVpcAttributeInput{VpcId: &id, Attribute: name}))
	}
	set := func(hostnames, support *bool) error {
		in := &awsec2.ModifyVpcAttributeInput{VpcId: &id}
		if hostnames != nil {
			in.EnableDnsHostnames = &types.AttributeBooleanValue{Value: hostnames}
		}
		if support != nil {
			in.EnableDnsSupport = &types.AttributeBooleanValue{Value: support}
		}
		_, err := w.ModifyVpcAttribute(t.Context(), in)
		return err
	}
	yes, no := aws.Bool(true), aws.Bool(false)
	if *get(types.VpcAttributeNameEnableDnsHostnames).EnableDnsHostnames.Value || !*get(types.VpcAttributeNameEnableDnsSupport).EnableDnsSupport.Value {
		t.Error("a new VPC must have DNS support and no DNS hostnames")
	}
	wantMessage(t, set(yes, yes), "InvalidParameterCombination", "Fields for multiple attribute types specified: enableDnsHostnames, enableDnsSupport")
	wantCode(t, set(nil, no), "")
	wantCode(t, set(yes, nil), "InvalidParameterValue")
	wantCode(t, set(nil, yes), "")
	wantCode(t, set(yes, nil), "")
	if !*get(types.VpcAttributeNameEnableDnsHostnames).EnableDnsHostnames.Value {
		t.Error("DNS hostnames are still off")
	}
}

func TestCreateSubnetRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	w.subnet(vpc, "10.0.1.0/24", "a")
	tests := map[string]struct{ cidr, zone, code, message string }{
		"outside":    {"10.1.0.0/24", "a", "InvalidSubnet.Range", "The CIDR '10.1.0.0/24' is invalid."},
		"too large":  {"10.0.0.0/21", "a", "InvalidSubnet.Range", "The CIDR '10.0.0.0/21' is invalid."},
		"too small":  {"10.0.0.0/29", "a", "InvalidSubnet.Range", "The CIDR '10.0.0.0/29' is invalid."},
		"overlap":    {"10.0.1.128/25", "a", "InvalidSubnet.Conflict", "The CIDR '10.0.1.128/25' conflicts with another subnet"},
		"no zone":    {"10.0.2.0/24", "b", "InvalidParameterValue", "Value (ap-northeast-1b) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: ap-northeast-1a, ap-northeast-1c, ap-northeast-1d."},
		"no address": {"10.0.2/24", "a", "InvalidParameterValue", "Value (10.0.2/24) for parameter cidrBlock is invalid. This is not a valid CIDR block."},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := w.CreateSubnet(t.Context(), &awsec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: &test.cidr, AvailabilityZone: aws.String(tokyo + test.zone)})
			wantMessage(t, err, test.code, test.message)
		})
	}
	zones := must[*awsec2.DescribeAvailabilityZonesOutput](t)(w.DescribeAvailabilityZones(t.Context(), &awsec2.DescribeAvailabilityZonesInput{Filters: filters("zone-name", "*c")}))
	if len(zones.AvailabilityZones) != 1 || *zones.AvailabilityZones[0].ZoneId != "apne1-az1" {
		t.Errorf("zone c is %+v", zones.AvailabilityZones)
	}
}

func TestRouteTables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	subnet := w.subnet(vpc, "10.0.3.0/24", "a")
	create := func() string {
		return *must[*awsec2.CreateRouteTableOutput](t)(w.CreateRouteTable(t.Context(), &awsec2.CreateRouteTableInput{VpcId: &vpc})).RouteTable.RouteTableId
	}
	first, second := create(), create()
	associate := func(table string) (string, error) {
		out, err := w.AssociateRouteTable(t.Context(), &awsec2.AssociateRouteTableInput{RouteTableId: &table, SubnetId: &subnet})
		if err != nil {
			return "", err
		}
		return *out.AssociationId, nil
	}
	id := must[string](t)(associate(first))
	if again := must[string](t)(associate(first)); again != id {
		t.Errorf("associating twice gave %s and %s", id, again)
	}
	_, err := associate(second)
	wantCode(t, err, "Resource.AlreadyAssociated")
	_, err = w.DeleteRouteTable(t.Context(), &awsec2.DeleteRouteTableInput{RouteTableId: &first})
	wantMessage(t, err, "DependencyViolation", "The routeTable '"+first+"' has dependencies and cannot be deleted.")
	moved := must[*awsec2.ReplaceRouteTableAssociationOutput](t)(w.ReplaceRouteTableAssociation(t.Context(), &awsec2.ReplaceRouteTableAssociationInput{AssociationId: &id, RouteTableId: &second}))
	found := must[*awsec2.DescribeRouteTablesOutput](t)(w.DescribeRouteTables(t.Context(), &awsec2.DescribeRouteTablesInput{Filters: filters("association.subnet-id", subnet)}))
	if len(found.RouteTables) != 1 || *found.RouteTables[0].RouteTableId != second {
		t.Errorf("the subnet's table is %+v, want %s", found.RouteTables, second)
	}

	gateway := must[*awsec2.CreateInternetGatewayOutput](t)(w.CreateInternetGateway(t.Context(), &awsec2.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
	route := &awsec2.CreateRouteInput{RouteTableId: &second, DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: gateway}
	_, err = w.CreateRoute(t.Context(), route)
	wantCode(t, err, "InvalidParameterValue")
	must[*awsec2.AttachInternetGatewayOutput](t)(w.AttachInternetGateway(t.Context(), &awsec2.AttachInternetGatewayInput{InternetGatewayId: gateway, VpcId: &vpc}))
	must[*awsec2.CreateRouteOutput](t)(w.CreateRoute(t.Context(), route))
	_, err = w.CreateRoute(t.Context(), route)
	wantCode(t, err, "RouteAlreadyExists")
	_, err = w.DeleteInternetGateway(t.Context(), &awsec2.DeleteInternetGatewayInput{InternetGatewayId: gateway})
	wantCode(t, err, "DependencyViolation")
	must[*awsec2.DetachInternetGatewayOutput](t)(w.DetachInternetGateway(t.Context(), &awsec2.DetachInternetGatewayInput{InternetGatewayId: gateway, VpcId: &vpc}))
	black := must[*awsec2.DescribeRouteTablesOutput](t)(w.DescribeRouteTables(t.Context(), &awsec2.DescribeRouteTablesInput{Filters: filters("route.state", "blackhole")}))
	if len(black.RouteTables) != 1 {
		t.Errorf("tables with a route to a detached gateway: %+v", black.RouteTables)
	}
	must[*awsec2.DeleteRouteOutput](t)(w.DeleteRoute(t.Context(), &awsec2.DeleteRouteInput{RouteTableId: &second, DestinationCidrBlock: aws.String("0.0.0.0/0")}))
	_, err = w.DeleteRoute(t.Context(), &awsec2.DeleteRouteInput{RouteTableId: &second, DestinationCidrBlock: aws.String("10.0.0.0/22")})
	wantCode(t, err, "InvalidParameterValue")
	must[*awsec2.DisassociateRouteTableOutput](t)(w.DisassociateRouteTable(t.Context(), &awsec2.DisassociateRouteTableInput{AssociationId: moved.NewAssociationId}))
	for _, table := range []string{first, second} {
		must[*awsec2.DeleteRouteTableOutput](t)(w.DeleteRouteTable(t.Context(), &awsec2.DeleteRouteTableInput{RouteTableId: &table}))
	}
	checkInvariants(t, w.service)
}

func TestNetworkAcls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	subnet := w.subnet(vpc, "10.0.1.0/24", "a")
	id := must[*awsec2.CreateNetworkAclOutput](t)(w.CreateNetworkAcl(t.Context(), &awsec2.CreateNetworkAclInput{VpcId: &vpc})).NetworkAcl.NetworkAclId
	entry := &awsec2.CreateNetworkAclEntryInput{
		NetworkAclId: id, RuleNumber: aws.Int32(50), Egress: aws.Bool(false), Protocol: aws.String("6"), RuleAction: types.RuleActionDeny,
		CidrBlock: aws.String("0.0.0.0/0"), PortRange: &types.PortRange{From: aws.Int32(443), To: aws.Int32(443)},
	}
	must[*awsec2.CreateNetworkAclEntryOutput](t)(w.CreateNetworkAclEntry(t.Context(), entry))
	_, err := w.CreateNetworkAclEntry(t.Context(), entry)
	wantCode(t, err, "NetworkAclEntryAlreadyExists")
	_, err = w.ReplaceNetworkAclEntry(t.Context(), &awsec2.ReplaceNetworkAclEntryInput{
		NetworkAclId: id, RuleNumber: aws.Int32(60), Egress: aws.Bool(false), Protocol: aws.String("-1"), RuleAction: types.RuleActionAllow, CidrBlock: aws.String("0.0.0.0/0"),
	})
	wantCode(t, err, "InvalidNetworkAclEntry.NotFound")
	noPorts := *entry
	noPorts.RuleNumber, noPorts.PortRange = aws.Int32(51), nil
	_, err = w.CreateNetworkAclEntry(t.Context(), &noPorts)
	wantCode(t, err, "MissingParameter")

	bySubnet := func() types.NetworkAcl {
		out := must[*awsec2.DescribeNetworkAclsOutput](t)(w.DescribeNetworkAcls(t.Context(), &awsec2.DescribeNetworkAclsInput{Filters: filters("association.subnet-id", subnet)}))
		if len(out.NetworkAcls) != 1 {
			t.Fatalf("the subnet has %d ACLs", len(out.NetworkAcls))
		}
		return out.NetworkAcls[0]
	}
	old := bySubnet()
	must[*awsec2.ReplaceNetworkAclAssociationOutput](t)(w.ReplaceNetworkAclAssociation(t.Context(), &awsec2.ReplaceNetworkAclAssociationInput{
		AssociationId: old.Associations[0].NetworkAclAssociationId, NetworkAclId: id,
	}))
	if got := bySubnet(); *got.NetworkAclId != *id || *got.Entries[1].RuleNumber != 50 || *got.Entries[1].PortRange.From != 443 {
		t.Errorf("the subnet's ACL is %+v", got)
	}
	_, err = w.DeleteNetworkAcl(t.Context(), &awsec2.DeleteNetworkAclInput{NetworkAclId: id})
	wantCode(t, err, "DependencyViolation")
	must[*awsec2.DeleteNetworkAclEntryOutput](t)(w.DeleteNetworkAclEntry(t.Context(), &awsec2.DeleteNetworkAclEntryInput{NetworkAclId: id, RuleNumber: aws.Int32(50), Egress: aws.Bool(false)}))
	must[*awsec2.ReplaceNetworkAclAssociationOutput](t)(w.ReplaceNetworkAclAssociation(t.Context(), &awsec2.ReplaceNetworkAclAssociationInput{
		AssociationId: bySubnet().Associations[0].NetworkAclAssociationId, NetworkAclId: old.NetworkAclId,
	}))
	must[*awsec2.DeleteNetworkAclOutput](t)(w.DeleteNetworkAcl(t.Context(), &awsec2.DeleteNetworkAclInput{NetworkAclId: id}))
	checkInvariants(t, w.service)
}

func permission(protocol string, from, to int32, cidr string) types.IpPermission {
	return types.IpPermission{IpProtocol: &protocol, FromPort: &from, ToPort: &to, IpRanges: []types.IpRange{{CidrIp: &cidr}}}
}

func TestSecurityGroupRules(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	group, peer := w.group(vpc, "pl-sg-1"), w.group(vpc, "pl-sg-2")
	self := types.IpPermission{IpProtocol: aws.String("udp"), FromPort: aws.Int32(0), ToPort: aws.Int32(65535), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &group}}}
	in := &awsec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []types.IpPermission{self, permission("tcp", 443, 443, "10.0.0.9/22")},
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSecurityGroupRule, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}}}
	added := must[*awsec2.AuthorizeSecurityGroupIngressOutput](t)(w.AuthorizeSecurityGroupIngress(t.Context(), in))
	if len(added.SecurityGroupRules) != 2 || *added.SecurityGroupRules[1].CidrIpv4 != "10.0.0.0/22" || *added.SecurityGroupRules[0].ReferencedGroupInfo.GroupId != group {
		t.Errorf("added rules: %+v", added.SecurityGroupRules)
	}
	_, err := w.AuthorizeSecurityGroupIngress(t.Context(), &awsec2.AuthorizeSecurityGroupIngressInput{GroupId: &group,
		IpPermissions: []types.IpPermission{permission("tcp", 6666, 6666, "10.0.0.0/22"), permission("6", 443, 443, "10.0.0.0/22")}})
	wantMessage(t, err, "InvalidPermission.Duplicate", `the specified rule "peer: 10.0.0.0/22, TCP, from port: 443, to port: 443, ALLOW" already exists`)

	rules := func(filter ...string) []types.SecurityGroupRule {
		return must[*awsec2.DescribeSecurityGroupRulesOutput](t)(w.DescribeSecurityGroupRules(t.Context(), &awsec2.DescribeSecurityGroupRulesInput{Filters: filters(filter...)})).SecurityGroupRules
	}
	if got := rules("group-id", group); len(got) != 3 {
		t.Errorf("after a refusal the group has %d rules, want 3", len(got))
	}
	if got := rules("group-id", group, "tag:k", "v"); len(got) != 2 {
		t.Errorf("%d rules have the tag, want 2", len(got))
	}
	var egress types.SecurityGroupRule
	for _, rule := range rules("group-id", group) {
		if *rule.IsEgress {
			egress = rule
		}
	}
	must[*awsec2.RevokeSecurityGroupEgressOutput](t)(w.RevokeSecurityGroupEgress(t.Context(), &awsec2.RevokeSecurityGroupEgressInput{GroupId: &group, SecurityGroupRuleIds: []string{*egress.SecurityGroupRuleId}}))
	_, err = w.RevokeSecurityGroupEgress(t.Context(), &awsec2.RevokeSecurityGroupEgressInput{GroupId: &group, SecurityGroupRuleIds: []string{*egress.SecurityGroupRuleId}})
	wantCode(t, err, "InvalidSecurityGroupRuleId.NotFound")
	revoked := must[*awsec2.RevokeSecurityGroupIngressOutput](t)(w.RevokeSecurityGroupIngress(t.Context(), &awsec2.RevokeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []types.IpPermission{self}}))
	if len(revoked.RevokedSecurityGroupRules) != 1 || *revoked.RevokedSecurityGroupRules[0].ReferencedGroupId != group {
		t.Errorf("revoked: %+v", revoked.RevokedSecurityGroupRules)
	}
	_, err = w.RevokeSecurityGroupIngress(t.Context(), &awsec2.RevokeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []types.IpPermission{self}})
	wantCode(t, err, "InvalidPermission.NotFound")

	list := w.prefixList(s3Service)
	toPeer := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443),
		UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &peer}}, PrefixListIds: []types.PrefixListId{{PrefixListId: &list}}}
	must[*awsec2.AuthorizeSecurityGroupEgressOutput](t)(w.AuthorizeSecurityGroupEgress(t.Context(), &awsec2.AuthorizeSecurityGroupEgressInput{GroupId: &group, IpPermissions: []types.IpPermission{toPeer}}))
	_, err = w.DeleteSecurityGroup(t.Context(), &awsec2.DeleteSecurityGroupInput{GroupId: &peer})
	wantCode(t, err, "DependencyViolation")
	for _, id := range []string{group, peer} {
		must[*awsec2.DeleteSecurityGroupOutput](t)(w.DeleteSecurityGroup(t.Context(), &awsec2.DeleteSecurityGroupInput{GroupId: &id}))
	}
	checkInvariants(t, w.service)
}

func TestSecurityGroupRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc, other := w.vpc("10.0.0.0/22"), w.vpc("10.1.0.0/22")
	group, foreign := w.group(vpc, "g"), w.group(other, "g")
	create := func(name, description string, vpc *string) error {
		_, err := w.CreateSecurityGroup(t.Context(), &awsec2.CreateSecurityGroupInput{GroupName: &name, Description: &description, VpcId: vpc})
		return err
	}
	wantMessage(t, create("g", "x", &vpc), "InvalidGroup.Duplicate", "The security group 'g' already exists for VPC '"+vpc+"'")
	wantCode(t, create("default", "x", &vpc), "InvalidParameterValue")
	wantCode(t, create("sg-x", "x", &vpc), "InvalidParameterValue")
	wantCode(t, create("h", "ünicode", &vpc), "InvalidParameterValue")
	wantCode(t, create("h", "x", nil), "VPCIdNotSpecified")
	authorize := func(p types.IpPermission) error {
		_, err := w.AuthorizeSecurityGroupIngress(t.Context(), &awsec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []types.IpPermission{p}})
		return err
	}
	wantCode(t, authorize(permission("tcp", 444, 443, "0.0.0.0/0")), "InvalidParameterValue")
	wantCode(t, authorize(permission("tcp", 443, 443, "0.0.0.0")), "InvalidParameterValue")
	wantCode(t, authorize(permission("carrier-pigeon", 443, 443, "0.0.0.0/0")), "InvalidParameterValue")
	wantCode(t, authorize(types.IpPermission{IpProtocol: aws.String("tcp"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}), "InvalidParameterValue")
	wantCode(t, authorize(types.IpPermission{IpProtocol: aws.String("-1")}), "InvalidParameterValue")
	wantCode(t, authorize(types.IpPermission{IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &foreign}}}), "InvalidGroup.NotFound")
	wantCode(t, authorize(types.IpPermission{IpProtocol: aws.String("-1"), PrefixListIds: []types.PrefixListId{{PrefixListId: aws.String("pl-0")}}}), "InvalidPrefixListID.NotFound")
	var err error
	for i := range int32(61) {
		err = authorize(permission("udp", i, i, "0.0.0.0/0"))
	}
	wantCode(t, err, "RulesPerSecurityGroupLimitExceeded")
}

func TestEndpointInterfacesTakeAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	subnet := w.subnet(vpc, "10.0.1.0/28", "a")
	roomy := w.subnet(vpc, "10.0.2.0/24", "a")
	for range 11 {
		w.endpoint(interfaceTo(stsService, vpc, "sts", subnet))
	}
	_, err := w.CreateVpcEndpoint(t.Context(), interfaceTo(stsService, vpc, "sts", subnet))
	wantCode(t, err, "InsufficientFreeAddressesInSubnet")
	for range 39 {
		w.endpoint(interfaceTo(stsService, vpc, "sts", roomy))
	}
	_, err = w.CreateVpcEndpoint(t.Context(), interfaceTo(stsService, vpc, "sts", roomy))
	wantCode(t, err, "VpcEndpointLimitExceeded")
	out := must[*awsec2.DescribeSubnetsOutput](t)(w.DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{SubnetIds: []string{subnet}}))
	if got := *out.Subnets[0].AvailableIpAddressCount; got != 0 {
		t.Errorf("%d addresses are left, want 0", got)
	}
	interfaces := must[*awsec2.DescribeNetworkInterfacesOutput](t)(w.DescribeNetworkInterfaces(t.Context(), &awsec2.DescribeNetworkInterfacesInput{Filters: filters("subnet-id", subnet)}))
	var addresses []string
	for _, n := range interfaces.NetworkInterfaces {
		addresses = append(addresses, *n.PrivateIpAddress)
	}
	if addresses[0] != "10.0.1.4" || len(slices.Compact(addresses)) != 11 {
		t.Errorf("the interfaces have the addresses %v", addresses)
	}
	checkInvariants(t, w.service)
}

func TestSmallChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	subnet, group := w.subnet(vpc, "10.0.1.0/24", "a"), w.group(vpc, "g")
	must[*awsec2.ModifySubnetAttributeOutput](t)(w.ModifySubnetAttribute(t.Context(), &awsec2.ModifySubnetAttributeInput{
		SubnetId: &subnet, MapPublicIpOnLaunch: &types.AttributeBooleanValue{Value: aws.Bool(true)},
	}))
	if !w.service.Subnets(tokyo)[0].PublicIPs {
		t.Error("the subnet gives no public addresses")
	}
	// The older way to say one permission.
	must[*awsec2.AuthorizeSecurityGroupIngressOutput](t)(w.AuthorizeSecurityGroupIngress(t.Context(), &awsec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &group, IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), CidrIp: aws.String("10.0.0.0/22"),
	}))
	described := permission("tcp", 443, 443, "10.0.0.0/22")
	described.IpRanges[0].Description = aws.String("for the relay")
	must[*awsec2.UpdateSecurityGroupRuleDescriptionsIngressOutput](t)(w.UpdateSecurityGroupRuleDescriptionsIngress(t.Context(), &awsec2.UpdateSecurityGroupRuleDescriptionsIngressInput{
		GroupId: &group, IpPermissions: []types.IpPermission{described},
	}))
	_, err := w.UpdateSecurityGroupRuleDescriptionsEgress(t.Context(), &awsec2.UpdateSecurityGroupRuleDescriptionsEgressInput{GroupId: &group, IpPermissions: []types.IpPermission{described}})
	wantCode(t, err, "InvalidPermission.NotFound")
	rules := w.service.Rules(tokyo)
	if got := rules[len(rules)-1].Description; got != "for the relay" {
		t.Errorf("the rule says %q", got)
	}
	_, err = w.AttachInternetGateway(t.Context(), &awsec2.AttachInternetGatewayInput{InternetGatewayId: aws.String("igw-1"), VpcId: &vpc})
	wantCode(t, err, "InvalidInternetGatewayID.NotFound")
}

func TestPartition(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	gov := w.in("us-gov-west-1")
	v := must[*awsec2.CreateVpcOutput](t)(gov.CreateVpc(t.Context(), &awsec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/22")}))
	s := must[*awsec2.CreateSubnetOutput](t)(gov.CreateSubnet(t.Context(), &awsec2.CreateSubnetInput{VpcId: v.Vpc.VpcId, CidrBlock: aws.String("10.0.0.0/24"), AvailabilityZoneId: aws.String("usgw1-az2")}))
	if want := "arn:aws-us-gov:ec2:us-gov-west-1:123456789012:subnet/" + *s.Subnet.SubnetId; *s.Subnet.SubnetArn != want || *s.Subnet.AvailabilityZone != "us-gov-west-1b" {
		t.Errorf("subnet %s in %s, want %s in us-gov-west-1b", *s.Subnet.SubnetArn, *s.Subnet.AvailabilityZone, want)
	}
}

// Ids that are reserved are those of the next objects of their kinds, and of no
// others.
func TestReserve(t *testing.T) {
	t.Parallel()
	other := newWorld(t)
	next := other.vpc("10.0.0.0/22")
	w := newWorld(t)
	const first, second = "subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"
	// One of them is the id that would have come next.
	if err := w.service.Reserve(tokyo, first, second, next); err != nil {
		t.Fatal(err)
	}
	vpc := w.vpc("10.0.0.0/22")
	if vpc != next {
		t.Errorf("the VPC is %s, want %s", vpc, next)
	}
	for i, want := range []string{first, second} {
		if got := w.subnet(vpc, fmt.Sprintf("10.0.%d.0/24", i), "a"); got != want {
			t.Errorf("subnet %d is %s, want %s", i, got, want)
		}
	}
	if got := w.subnet(vpc, "10.0.2.0/24", "a"); got == first || got == second {
		t.Errorf("%s is there twice", got)
	}
	if got := w.vpc("10.1.0.0/22"); got == next {
		t.Errorf("%s is there twice", got)
	}
	for _, taken := range []string{first, vpc} {
		if err := w.service.Reserve(tokyo, taken); err == nil {
			t.Errorf("%s, which exists, was reserved", taken)
		}
	}
	if err := w.service.Reserve("mars-1", "vpc-0a1b2c3d4e5f60718"); err == nil {
		t.Error("an id was reserved in a region that does not exist")
	}
	checkInvariants(t, w.service)
}
