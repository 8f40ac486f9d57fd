package ec2_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/emulator/ec2"
)

// post sends a form as it is and returns the reply.
func (w *world) post(form url.Values) (int, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.url, strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential=tester/20260105/"+tokyo+"/ec2/aws4_request")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

func TestEveryActionRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for action := range w.service.Wire().Operations {
		status, body := w.post(url.Values{"Action": {action}, "Surprise": {"1"}})
		if want := "the parameter Surprise of ec2:" + action + " is not emulated"; status != http.StatusNotImplemented || !strings.Contains(body, want) {
			t.Errorf("%s with an unknown parameter answers %d %s", action, status, body)
		}
		if !strings.HasPrefix(action, "Describe") || action == "DescribeVpcAttribute" {
			continue
		}
		_, body = w.post(url.Values{"Action": {action}, "Filter.1.Name": {"surprise"}, "Filter.1.Value.1": {"1"}})
		if !strings.Contains(body, "<Code>InvalidParameterValue</Code><Message>The filter &#39;surprise&#39; is invalid") {
			t.Errorf("%s with an unknown filter answers %s", action, body)
		}
		_, body = w.post(url.Values{"Action": {action}, "Filter.1.Name": {"tag-key"}})
		if !strings.Contains(body, "<Code>InvalidParameterValue</Code>") {
			t.Errorf("%s with a filter without values answers %s", action, body)
		}
	}
	status, body := w.post(url.Values{"Action": {"CreateRoute"}, "RouteTableId": {"rtb-1"}, "DestinationCidrBlock": {"0.0.0.0/0"}, "CarrierGatewayId": {"cagw-1"}})
	if status != http.StatusNotImplemented || !strings.Contains(body, "the parameter CarrierGatewayId of ec2:CreateRoute is not emulated") {
		t.Errorf("an unknown parameter answers %d %s", status, body)
	}
}

func TestEveryFilterSelects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.resolvingVPC("10.0.0.0/22")
	block := must[*awsec2.AssociateVpcCidrBlockOutput](t)(w.AssociateVpcCidrBlock(t.Context(), &awsec2.AssociateVpcCidrBlockInput{
		VpcId: &vpc, AmazonProvidedIpv6CidrBlock: aws.Bool(true),
	})).Ipv6CidrBlockAssociation.Ipv6CidrBlock
	subnet, group := w.subnet(vpc, "10.0.1.0/24", "a"), w.group(vpc, "g")
	must[*awsec2.AssociateSubnetCidrBlockOutput](t)(w.AssociateSubnetCidrBlock(t.Context(), &awsec2.AssociateSubnetCidrBlockInput{
		SubnetId: &subnet, Ipv6CidrBlock: aws.String(strings.Replace(*block, "/56", "/64", 1)),
	}))
	table := must[*awsec2.CreateRouteTableOutput](t)(w.CreateRouteTable(t.Context(), &awsec2.CreateRouteTableInput{VpcId: &vpc})).RouteTable.RouteTableId
	must[*awsec2.AssociateRouteTableOutput](t)(w.AssociateRouteTable(t.Context(), &awsec2.AssociateRouteTableInput{RouteTableId: table, SubnetId: &subnet}))
	endpoint := w.endpoint(interfaceTo(stsService, vpc, "sts", subnet))
	gateway, address := w.online(vpc), w.address()
	nat := w.nat(&awsec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: &address})
	peering := w.peering(&awsec2.CreateVpcPeeringConnectionInput{VpcId: &vpc, PeerVpcId: aws.String(w.vpc("10.4.0.0/22"))})
	transit, egressOnly, vpn := w.transit(), w.egressOnly(vpc), w.vpn()
	attachment := w.attach(transit, vpc, subnet)
	must[*awsec2.AttachVpnGatewayOutput](t)(w.AttachVpnGateway(t.Context(), &awsec2.AttachVpnGatewayInput{VpnGatewayId: &vpn, VpcId: &vpc}))
	for destination, route := range map[string]awsec2.CreateRouteInput{
		"10.8.0.0/16": {NatGatewayId: nat.NatGatewayId}, "10.9.0.0/16": {VpcPeeringConnectionId: peering.VpcPeeringConnectionId},
		"10.10.0.0/16": {TransitGatewayId: &transit}, "10.11.0.0/16": {GatewayId: &vpn},
	} {
		route.RouteTableId, route.DestinationCidrBlock = table, &destination
		must[*awsec2.CreateRouteOutput](t)(w.CreateRoute(t.Context(), &route))
	}
	must[*awsec2.CreateRouteOutput](t)(w.CreateRoute(t.Context(), &awsec2.CreateRouteInput{
		RouteTableId: table, DestinationIpv6CidrBlock: aws.String(everywhere6), EgressOnlyInternetGatewayId: &egressOnly,
	}))
	w.endpoint(&awsec2.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: aws.String(s3Service), RouteTableIds: []string{*table}})
	list := w.prefixList(s3Service)
	rule := types.IpPermission{
		IpProtocol: aws.String("tcp"), FromPort: aws.Int32(1), ToPort: aws.Int32(2), IpRanges: []types.IpRange{{CidrIp: aws.String("10.0.0.0/8")}},
		Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: aws.String("fd00::/8")}}, PrefixListIds: []types.PrefixListId{{PrefixListId: &list}},
		UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &group}},
	}
	must[*awsec2.AuthorizeSecurityGroupIngressOutput](t)(w.AuthorizeSecurityGroupIngress(t.Context(), &awsec2.AuthorizeSecurityGroupIngressInput{GroupId: &group, IpPermissions: []types.IpPermission{rule}}))
	must[*awsec2.AuthorizeSecurityGroupEgressOutput](t)(w.AuthorizeSecurityGroupEgress(t.Context(), &awsec2.AuthorizeSecurityGroupEgressInput{GroupId: &group, IpPermissions: []types.IpPermission{rule}}))
	rules := w.service.Rules(tokyo)
	instance, err := w.service.Launch(tokyo, subnet, []string{group}, map[string]string{"k": "v"})
	if err != nil {
		t.Fatal(err)
	}
	must[*awsec2.CreateTagsOutput](t)(w.CreateTags(t.Context(), &awsec2.CreateTagsInput{
		Resources: []string{
			vpc, subnet, *table, w.service.NetworkACLs(tokyo)[0].ID, group, rules[len(rules)-1].ID,
			*endpoint.VpcEndpointId, endpoint.NetworkInterfaceIds[0], gateway, address, *nat.NatGatewayId,
			*peering.VpcPeeringConnectionId, transit, attachment, egressOnly, vpn, instance,
		},
		Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}},
	}))

	empty := map[string]bool{"DescribeManagedPrefixLists tag-key": true}
	for action := range w.service.Wire().Operations {
		known, ok := ec2.FilterNames[action]
		if !ok && strings.HasPrefix(action, "Describe") && action != "DescribeVpcAttribute" {
			t.Errorf("the filters of %s are not tested", action)
		}
		for _, name := range known {
			_, all := w.post(url.Values{"Action": {action}, "Filter.1.Name": {name}, "Filter.1.Value.1": {"*"}})
			_, none := w.post(url.Values{"Action": {action}, "Filter.1.Name": {name}, "Filter.1.Value.1": {"surprise"}})
			found := strings.Contains(all, "<item>")
			if want := !empty[action] && !empty[action+" "+name]; found != want {
				t.Errorf("%s with %s=* finds something: %t, want %t", action, name, found, want)
			}
			if strings.Contains(none, "<item>") || strings.Contains(none, "<Error>") {
				t.Errorf("%s with %s=surprise answers %s", action, name, none)
			}
		}
	}
}

func TestIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tests := map[string]struct{ action, parameter, id, code string }{
		"no vpc":           {"DescribeVpcs", "VpcId.1", "vpc-1", "InvalidVpcID.NotFound"},
		"bad vpc":          {"DescribeVpcs", "VpcId.1", "1", "InvalidVpcID.Malformed"},
		"no subnet":        {"DescribeSubnets", "SubnetId.1", "subnet-1", "InvalidSubnetID.NotFound"},
		"no table":         {"DescribeRouteTables", "RouteTableId.1", "rtb-1", "InvalidRouteTableID.NotFound"},
		"no acl":           {"DescribeNetworkAcls", "NetworkAclId.1", "acl-1", "InvalidNetworkAclID.NotFound"},
		"no group":         {"DescribeSecurityGroups", "GroupId.1", "sg-1", "InvalidGroup.NotFound"},
		"no group of name": {"DescribeSecurityGroups", "GroupName.1", "g", "InvalidGroup.NotFound"},
		"no rule":          {"DescribeSecurityGroupRules", "SecurityGroupRuleId.1", "sgr-1", "InvalidSecurityGroupRuleId.NotFound"},
		"no endpoint":      {"DescribeVpcEndpoints", "VpcEndpointId.1", "vpce-1", "InvalidVpcEndpointId.NotFound"},
		"no interface":     {"DescribeNetworkInterfaces", "NetworkInterfaceId.1", "eni-1", "InvalidNetworkInterfaceID.NotFound"},
		"no gateway":       {"DescribeInternetGateways", "InternetGatewayId.1", "igw-1", "InvalidInternetGatewayID.NotFound"},
		"no nat gateway":   {"DescribeNatGateways", "NatGatewayId.1", "nat-1", "NatGatewayNotFound"},
		"no address":       {"DescribeAddresses", "AllocationId.1", "eipalloc-1", "InvalidAllocationID.NotFound"},
		"no peering":       {"DescribeVpcPeeringConnections", "VpcPeeringConnectionId.1", "pcx-1", "InvalidVpcPeeringConnectionID.NotFound"},
		"no transit":       {"DescribeTransitGateways", "TransitGatewayIds.1", "tgw-1", "InvalidTransitGatewayID.NotFound"},
		"no attachment":    {"DescribeTransitGatewayVpcAttachments", "TransitGatewayAttachmentIds.1", "tgw-attach-1", "InvalidTransitGatewayAttachmentID.NotFound"},
		"no egress-only":   {"DescribeEgressOnlyInternetGateways", "EgressOnlyInternetGatewayId.1", "eigw-1", "InvalidGatewayID.NotFound"},
		"no vpn gateway":   {"DescribeVpnGateways", "VpnGatewayId.1", "vgw-1", "InvalidVpnGatewayID.NotFound"},
		"no instance":      {"DescribeInstances", "InstanceId.1", "i-1", "InvalidInstanceID.NotFound"},
		"no prefix list":   {"DescribeManagedPrefixLists", "PrefixListId.1", "pl-1", "InvalidPrefixListID.NotFound"},
		"no association":   {"DisassociateRouteTable", "AssociationId", "rtbassoc-1", "InvalidAssociationID.NotFound"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if _, body := w.post(url.Values{"Action": {test.action}, test.parameter: {test.id}}); !strings.Contains(body, "<Code>"+test.code+"</Code>") {
				t.Errorf("%s of %s answers %s, want %s", test.action, test.id, body, test.code)
			}
		})
	}
}

func TestDryRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.CreateVpc(t.Context(), &awsec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/22"), DryRun: aws.Bool(true)})
	wantMessage(t, err, "DryRunOperation", "Request would have succeeded, but DryRun flag is set.")
	if n := len(w.service.VPCs(tokyo)); n != 0 {
		t.Errorf("a dry run created %d VPCs", n)
	}
}

func TestPaging(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/16")
	for i := range 12 {
		w.subnet(vpc, fmt.Sprintf("10.0.%d.0/24", i), "a")
	}
	seen := map[string]bool{}
	pages := awsec2.NewDescribeSubnetsPaginator(w, &awsec2.DescribeSubnetsInput{MaxResults: aws.Int32(5)})
	var sizes []int
	for pages.HasMorePages() {
		page := must[*awsec2.DescribeSubnetsOutput](t)(pages.NextPage(t.Context()))
		sizes = append(sizes, len(page.Subnets))
		for _, s := range page.Subnets {
			seen[*s.SubnetId] = true
		}
	}
	if fmt.Sprint(sizes) != "[5 5 2]" || len(seen) != 12 {
		t.Errorf("pages of %v with %d different subnets", sizes, len(seen))
	}
	for _, in := range []*awsec2.DescribeSubnetsInput{{MaxResults: aws.Int32(4)}, {MaxResults: aws.Int32(1001)}} {
		_, err := w.DescribeSubnets(t.Context(), in)
		wantCode(t, err, "InvalidParameterValue")
	}
	_, err := w.DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{MaxResults: aws.Int32(5), SubnetIds: []string{"subnet-1"}})
	wantCode(t, err, "InvalidParameterCombination")
	_, err = w.DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{NextToken: aws.String("?")})
	wantCode(t, err, "InvalidNextToken")
}

func TestTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	tag := func(key, value string) []types.Tag { return []types.Tag{{Key: &key, Value: &value}} }
	create := func(id string, tags []types.Tag) error {
		_, err := w.CreateTags(t.Context(), &awsec2.CreateTagsInput{Resources: []string{id}, Tags: tags})
		return err
	}
	wantCode(t, create(vpc, tag("Name", "a*b")), "")
	wantCode(t, create(vpc, tag("aws:x", "y")), "InvalidParameterValue")
	wantCode(t, create("vpc-1", tag("Name", "x")), "InvalidVpcID.NotFound")
	wantCode(t, create("ami-1", tag("Name", "x")), "InvalidID")
	found := func(pairs ...string) int {
		return len(must[*awsec2.DescribeVpcsOutput](t)(w.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{Filters: filters(pairs...)})).Vpcs)
	}
	for filter, want := range map[string]int{"a*b": 1, "a?b": 1, "*": 1, `a\*b`: 1, "a*c": 0, "b": 0, "": 0} {
		if got := found("tag:Name", filter); got != want {
			t.Errorf("the value %q finds %d VPCs, want %d", filter, got, want)
		}
	}
	if found("tag-key", "Name", "vpc-id", vpc) != 1 || found("tag-key", "Name", "vpc-id", "vpc-1") != 0 {
		t.Error("all filters must hold")
	}
	described := must[*awsec2.DescribeTagsOutput](t)(w.DescribeTags(t.Context(), &awsec2.DescribeTagsInput{Filters: filters("tag:Name", "a*b", "resource-type", "vpc")}))
	if len(described.Tags) != 1 || *described.Tags[0].ResourceId != vpc {
		t.Errorf("described tags: %+v", described.Tags)
	}
	remove := func(tags ...types.Tag) {
		must[*awsec2.DeleteTagsOutput](t)(w.DeleteTags(t.Context(), &awsec2.DeleteTagsInput{Resources: []string{vpc}, Tags: tags}))
	}
	remove(tag("Name", "other")...)
	if found("tag-key", "Name") != 1 {
		t.Error("a tag with another value was deleted")
	}
	remove(types.Tag{Key: aws.String("Name")})
	if found("tag-key", "Name") != 0 {
		t.Error("the tag is still there")
	}
	_, err := w.CreateVpc(t.Context(), &awsec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/22"),
		TagSpecifications: []types.TagSpecification{{ResourceType: types.ResourceTypeSubnet, Tags: tag("Name", "x")}}})
	wantMessage(t, err, "InvalidParameterValue", "'subnet' is not a valid taggable resource type for this operation.")
}

func TestStaleReads(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.hub.StaleReads(2)
	vpc := w.vpc("10.0.0.0/22")
	_, err := w.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{VpcIds: []string{vpc}})
	wantCode(t, err, "InvalidVpcID.NotFound")
	byFilter := func() int {
		return len(must[*awsec2.DescribeVpcsOutput](t)(w.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{Filters: filters("vpc-id", vpc)})).Vpcs)
	}
	if byFilter() != 0 || byFilter() != 1 {
		t.Error("a VPC must be seen by the third read")
	}
	create := func() error {
		_, err := w.CreateSubnet(t.Context(), &awsec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.0.0.0/24")})
		return err
	}
	wantCode(t, create(), "")
	if len(w.service.Subnets(tokyo)) != 1 {
		t.Error("snapshots must see what exists")
	}
	w.hub.StaleReads(0)
	other := w.vpc("10.0.0.0/22")
	if _, err := w.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{VpcIds: []string{other}}); err != nil {
		t.Errorf("without stale reads: %v", err)
	}
}
