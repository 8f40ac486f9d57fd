package ec2_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

const everywhere, everywhere6 = "0.0.0.0/0", "::/0"

func (w *world) table(vpc string) string {
	w.t.Helper()
	return *must[*awsec2.CreateRouteTableOutput](w.t)(w.CreateRouteTable(w.t.Context(), &awsec2.CreateRouteTableInput{VpcId: &vpc})).RouteTable.RouteTableId
}

// route finds the route of a table to a destination.
func (w *world) route(table, destination string) types.Route {
	w.t.Helper()
	out := must[*awsec2.DescribeRouteTablesOutput](w.t)(w.DescribeRouteTables(w.t.Context(), &awsec2.DescribeRouteTablesInput{RouteTableIds: []string{table}}))
	for _, r := range out.RouteTables[0].Routes {
		if aws.ToString(r.DestinationCidrBlock) == destination || aws.ToString(r.DestinationIpv6CidrBlock) == destination {
			return r
		}
	}
	return types.Route{}
}

func (w *world) dualStackVPC(cidr string) (id, cidr6 string) {
	w.t.Helper()
	out := must[*awsec2.CreateVpcOutput](w.t)(w.CreateVpc(w.t.Context(), &awsec2.CreateVpcInput{CidrBlock: &cidr, AmazonProvidedIpv6CidrBlock: aws.Bool(true)}))
	return *out.Vpc.VpcId, *out.Vpc.Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock
}

// TestRouteTargets creates a route to every kind of target, finds it where the
// reply has that kind, and takes the target away.
func TestRouteTargets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc, peer := w.vpc("10.0.0.0/22"), w.vpc("10.1.0.0/22")
	subnet := w.subnet(vpc, "10.0.1.0/24", "a")
	table := w.table(vpc)
	internet, address := w.online(vpc), w.address()
	nat := *w.nat(&awsec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: &address}).NatGatewayId
	peering := *w.peering(&awsec2.CreateVpcPeeringConnectionInput{VpcId: &vpc, PeerVpcId: &peer}).VpcPeeringConnectionId
	must[*awsec2.AcceptVpcPeeringConnectionOutput](t)(w.AcceptVpcPeeringConnection(t.Context(), &awsec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: &peering}))
	transit, egressOnly, vpn := w.transit(), w.egressOnly(vpc), w.vpn()
	attachment := w.attach(transit, vpc, subnet)
	must[*awsec2.AttachVpnGatewayOutput](t)(w.AttachVpnGateway(t.Context(), &awsec2.AttachVpnGatewayInput{VpnGatewayId: &vpn, VpcId: &vpc}))
	endpoint := w.endpoint(interfaceTo(stsService, vpc, "sts", subnet))
	tests := []struct {
		name, destination, id string
		in                    awsec2.CreateRouteInput
		got                   func(types.Route) *string
		// gone takes the target away.
		gone func() error
	}{
		{"NAT gateway", everywhere, nat, awsec2.CreateRouteInput{NatGatewayId: &nat}, func(r types.Route) *string { return r.NatGatewayId }, func() error {
			_, err := w.DeleteNatGateway(t.Context(), &awsec2.DeleteNatGatewayInput{NatGatewayId: &nat})
			return err
		}},
		{"internet gateway", everywhere6, internet, awsec2.CreateRouteInput{GatewayId: &internet}, func(r types.Route) *string { return r.GatewayId }, func() error {
			_, err := w.DetachInternetGateway(t.Context(), &awsec2.DetachInternetGatewayInput{InternetGatewayId: &internet, VpcId: &vpc})
			return err
		}},
		{"VPN gateway", "172.16.0.0/16", vpn, awsec2.CreateRouteInput{GatewayId: &vpn}, func(r types.Route) *string { return r.GatewayId }, func() error {
			_, err := w.DetachVpnGateway(t.Context(), &awsec2.DetachVpnGatewayInput{VpnGatewayId: &vpn, VpcId: &vpc})
			return err
		}},
		{"peering connection", "10.1.0.0/22", peering, awsec2.CreateRouteInput{VpcPeeringConnectionId: &peering}, func(r types.Route) *string { return r.VpcPeeringConnectionId }, func() error {
			_, err := w.DeleteVpcPeeringConnection(t.Context(), &awsec2.DeleteVpcPeeringConnectionInput{VpcPeeringConnectionId: &peering})
			return err
		}},
		{"transit gateway", "10.0.0.0/8", transit, awsec2.CreateRouteInput{TransitGatewayId: &transit}, func(r types.Route) *string { return r.TransitGatewayId }, func() error {
			_, err := w.DeleteTransitGatewayVpcAttachment(t.Context(), &awsec2.DeleteTransitGatewayVpcAttachmentInput{TransitGatewayAttachmentId: &attachment})
			return err
		}},
		{"egress-only gateway", "2000::/3", egressOnly, awsec2.CreateRouteInput{EgressOnlyInternetGatewayId: &egressOnly}, func(r types.Route) *string { return r.EgressOnlyInternetGatewayId }, func() error {
			_, err := w.DeleteEgressOnlyInternetGateway(t.Context(), &awsec2.DeleteEgressOnlyInternetGatewayInput{EgressOnlyInternetGatewayId: &egressOnly})
			return err
		}},
		{"network interface", "192.168.0.0/16", endpoint.NetworkInterfaceIds[0], awsec2.CreateRouteInput{NetworkInterfaceId: &endpoint.NetworkInterfaceIds[0]}, func(r types.Route) *string { return r.NetworkInterfaceId }, func() error {
			_, err := w.DeleteVpcEndpoints(t.Context(), &awsec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{*endpoint.VpcEndpointId}})
			w.pass(time.Hour)
			return err
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			in := test.in
			in.RouteTableId = &table
			if test.destination == everywhere6 || test.destination == "2000::/3" {
				in.DestinationIpv6CidrBlock = &test.destination
			} else {
				in.DestinationCidrBlock = &test.destination
			}
			must[*awsec2.CreateRouteOutput](t)(w.CreateRoute(t.Context(), &in))
			if r := w.route(table, test.destination); aws.ToString(test.got(r)) != test.id || r.State != types.RouteStateActive || r.Origin != types.RouteOriginCreateRoute {
				t.Errorf("the route is %+v", r)
			}
			_, err := w.CreateRoute(t.Context(), &in)
			wantCode(t, err, "RouteAlreadyExists")
			if err := test.gone(); err != nil {
				t.Fatal(err)
			}
			if r := w.route(table, test.destination); aws.ToString(test.got(r)) != test.id || r.State != types.RouteStateBlackhole {
				t.Errorf("without its target the route is %+v", r)
			}
			remove := &awsec2.DeleteRouteInput{RouteTableId: &table, DestinationCidrBlock: in.DestinationCidrBlock, DestinationIpv6CidrBlock: in.DestinationIpv6CidrBlock}
			must[*awsec2.DeleteRouteOutput](t)(w.DeleteRoute(t.Context(), remove))
			_, err = w.DeleteRoute(t.Context(), remove)
			wantCode(t, err, "InvalidRoute.NotFound")
		})
	}
}

func TestRouteRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc, other := w.vpc("10.0.0.0/22"), w.vpc("10.1.0.0/22")
	third := w.vpc("10.2.0.0/22")
	table := w.table(vpc)
	internet, elsewhere := w.online(vpc), w.online(other)
	foreign := w.egressOnly(other)
	own := w.egressOnly(vpc)
	subnet, address := w.subnet(other, "10.1.1.0/24", "a"), w.address()
	nat := *w.nat(&awsec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: &address}).NatGatewayId
	interfaceID := w.service.NetworkInterfaces(tokyo)[0].ID
	transit, vpn := w.transit(), w.vpn()
	peering := *w.peering(&awsec2.CreateVpcPeeringConnectionInput{VpcId: &other, PeerVpcId: &third}).VpcPeeringConnectionId
	for name, test := range map[string]struct {
		in   awsec2.CreateRouteInput
		code string
	}{
		"no target":                {awsec2.CreateRouteInput{}, "MissingParameter"},
		"two targets":              {awsec2.CreateRouteInput{GatewayId: &internet, NatGatewayId: &nat}, "InvalidParameterCombination"},
		"two destinations":         {awsec2.CreateRouteInput{GatewayId: &internet, DestinationIpv6CidrBlock: aws.String(everywhere6)}, "InvalidParameterCombination"},
		"gateway elsewhere":        {awsec2.CreateRouteInput{GatewayId: &elsewhere}, "InvalidParameterValue"},
		"no gateway":               {awsec2.CreateRouteInput{GatewayId: aws.String("igw-1")}, "InvalidGatewayID.NotFound"},
		"VPN gateway not attached": {awsec2.CreateRouteInput{GatewayId: &vpn}, "InvalidParameterValue"},
		"no VPN gateway":           {awsec2.CreateRouteInput{GatewayId: aws.String("vgw-1")}, "InvalidVpnGatewayID.NotFound"},
		"NAT gateway elsewhere":    {awsec2.CreateRouteInput{NatGatewayId: &nat}, "InvalidParameterValue"},
		"no NAT gateway":           {awsec2.CreateRouteInput{NatGatewayId: aws.String("nat-1")}, "InvalidNatGatewayID.NotFound"},
		"peering of others":        {awsec2.CreateRouteInput{VpcPeeringConnectionId: &peering}, "InvalidParameterValue"},
		"no peering":               {awsec2.CreateRouteInput{VpcPeeringConnectionId: aws.String("pcx-1")}, "InvalidVpcPeeringConnectionID.NotFound"},
		"transit not attached":     {awsec2.CreateRouteInput{TransitGatewayId: &transit}, "InvalidTransitGatewayID.NotFound"},
		"transit that is none":     {awsec2.CreateRouteInput{TransitGatewayId: &internet}, "InvalidTransitGatewayID.NotFound"},
		"egress-only with IPv4":    {awsec2.CreateRouteInput{EgressOnlyInternetGatewayId: &own}, "InvalidParameterValue"},
		"interface elsewhere":      {awsec2.CreateRouteInput{NetworkInterfaceId: &interfaceID}, "InvalidParameterValue"},
		"no interface":             {awsec2.CreateRouteInput{NetworkInterfaceId: aws.String("eni-1")}, "InvalidNetworkInterfaceID.NotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			in := test.in
			in.RouteTableId, in.DestinationCidrBlock = &table, aws.String(everywhere)
			_, err := w.CreateRoute(t.Context(), &in)
			wantCode(t, err, test.code)
		})
	}
	_, err := w.CreateRoute(t.Context(), &awsec2.CreateRouteInput{RouteTableId: &table, DestinationIpv6CidrBlock: aws.String(everywhere6), EgressOnlyInternetGatewayId: &foreign})
	wantCode(t, err, "InvalidParameterValue")
	for _, destination := range []string{"fd00::", everywhere} {
		_, err = w.CreateRoute(t.Context(), &awsec2.CreateRouteInput{RouteTableId: &table, DestinationIpv6CidrBlock: &destination, GatewayId: &internet})
		wantCode(t, err, "InvalidParameterValue")
	}
	_, err = w.CreateRoute(t.Context(), &awsec2.CreateRouteInput{RouteTableId: &table, GatewayId: &internet})
	wantCode(t, err, "MissingParameter")
}

func TestReplaceRoute(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	subnet, table := w.subnet(vpc, "10.0.1.0/24", "a"), w.table(vpc)
	internet, address := w.online(vpc), w.address()
	nat := *w.nat(&awsec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: &address}).NatGatewayId
	in := &awsec2.ReplaceRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String(everywhere), NatGatewayId: &nat}
	_, err := w.ReplaceRoute(t.Context(), in)
	wantMessage(t, err, "InvalidParameterValue", "There is no route defined for '0.0.0.0/0' in the route table. Use CreateRoute instead.")
	must[*awsec2.CreateRouteOutput](t)(w.CreateRoute(t.Context(), &awsec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String(everywhere), GatewayId: &internet}))
	must[*awsec2.ReplaceRouteOutput](t)(w.ReplaceRoute(t.Context(), in))
	if r := w.route(table, everywhere); aws.ToString(r.NatGatewayId) != nat || r.GatewayId != nil {
		t.Errorf("the replaced route is %+v", r)
	}
	in.DestinationCidrBlock = aws.String("10.0.0.0/22")
	_, err = w.ReplaceRoute(t.Context(), in)
	wantCode(t, err, "NotImplemented")
	in.DestinationCidrBlock, in.NatGatewayId = aws.String(everywhere), nil
	_, err = w.ReplaceRoute(t.Context(), in)
	wantCode(t, err, "MissingParameter")
}

// TestRouteToPeeringWaits has a route to a connection before it is accepted.
func TestRouteToPeeringWaits(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc, peer := w.vpc("10.0.0.0/22"), w.vpc("10.1.0.0/22")
	table := w.table(vpc)
	id := w.peering(&awsec2.CreateVpcPeeringConnectionInput{VpcId: &vpc, PeerVpcId: &peer}).VpcPeeringConnectionId
	in := &awsec2.CreateRouteInput{RouteTableId: &table, DestinationCidrBlock: aws.String("10.1.0.0/22"), VpcPeeringConnectionId: id}
	must[*awsec2.CreateRouteOutput](t)(w.CreateRoute(t.Context(), in))
	if r := w.route(table, "10.1.0.0/22"); r.State != types.RouteStateBlackhole {
		t.Errorf("before the acceptance the route is %s", r.State)
	}
	must[*awsec2.AcceptVpcPeeringConnectionOutput](t)(w.AcceptVpcPeeringConnection(t.Context(), &awsec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: id}))
	if r := w.route(table, "10.1.0.0/22"); r.State != types.RouteStateActive {
		t.Errorf("after the acceptance the route is %s", r.State)
	}
	must[*awsec2.DeleteVpcPeeringConnectionOutput](t)(w.DeleteVpcPeeringConnection(t.Context(), &awsec2.DeleteVpcPeeringConnectionInput{VpcPeeringConnectionId: id}))
	in.DestinationCidrBlock = aws.String("10.1.0.0/24")
	_, err := w.CreateRoute(t.Context(), in)
	wantCode(t, err, "InvalidVpcPeeringConnectionID.NotFound")
}
