package ec2

import (
	"net/netip"
	"slices"
	"strings"
)

// Route is one line of a route table.
type Route struct {
	// Destination is a CIDR block or the id of a prefix list.
	Destination string
	// Target is local, or the id of a gateway, an endpoint, a peering connection
	// or a network interface.
	Target string
	// Origin is how the route came to be, such as CreateRoute.
	Origin string
}

func localRoute(cidr netip.Prefix) Route {
	return Route{Destination: cidr.String(), Target: "local", Origin: "CreateRouteTable"}
}

func (r Route) toPrefixList() bool {
	_, err := netip.ParsePrefix(r.Destination)
	return err != nil
}

type routeXML struct {
	CidrBlock     string `xml:"destinationCidrBlock,omitempty"`
	Ipv6CidrBlock string `xml:"destinationIpv6CidrBlock,omitempty"`
	PrefixListID  string `xml:"destinationPrefixListId,omitempty"`
	GatewayID     string `xml:"gatewayId,omitempty"`
	NATGatewayID  string `xml:"natGatewayId,omitempty"`
	PeeringID     string `xml:"vpcPeeringConnectionId,omitempty"`
	TransitID     string `xml:"transitGatewayId,omitempty"`
	EgressOnlyID  string `xml:"egressOnlyInternetGatewayId,omitempty"`
	InterfaceID   string `xml:"networkInterfaceId,omitempty"`
	State         string `xml:"state"`
	Origin        string `xml:"origin"`
}

// routeXML puts destination and target into the element of their kind.
func (r *request) routeXML(t *RouteTable, route Route) routeXML {
	x := routeXML{State: r.routeState(t, route), Origin: route.Origin}
	switch {
	case route.toPrefixList():
		x.PrefixListID = route.Destination
	case strings.Contains(route.Destination, ":"):
		x.Ipv6CidrBlock = route.Destination
	default:
		x.CidrBlock = route.Destination
	}
	switch id := route.Target; {
	case strings.HasPrefix(id, natKind.prefix):
		x.NATGatewayID = id
	case strings.HasPrefix(id, peeringKind.prefix):
		x.PeeringID = id
	case strings.HasPrefix(id, transitKind.prefix):
		x.TransitID = id
	case strings.HasPrefix(id, egressOnlyKind.prefix):
		x.EgressOnlyID = id
	case strings.HasPrefix(id, interfaceKind.prefix):
		x.InterfaceID = id
	default:
		x.GatewayID = id
	}
	return x
}

// routeField is a filter over one element of the routes of a table.
func routeField(element func(routeXML) string) func(*request, *RouteTable) []string {
	return func(r *request, t *RouteTable) []string {
		values := each(t.Routes, func(route Route) string { return element(r.routeXML(t, route)) })
		return slices.DeleteFunc(values, func(value string) bool { return value == "" })
	}
}

// routeState is blackhole if the target is not there any more, or not there for
// this VPC.
func (r *request) routeState(t *RouteTable, route Route) string {
	if r.reachable(t.VPCID, route.Target) {
		return "active"
	}
	return "blackhole"
}

func (r *request) reachable(vpcID, target string) bool {
	kind, _, _ := strings.Cut(target, "-")
	switch kind + "-" {
	case gatewayKind.prefix:
		g, ok := r.gateways.get(target)
		return ok && g.VPCID == vpcID
	case vpnKind.prefix:
		g, ok := r.vpns.get(target)
		return ok && g.VPCID == vpcID
	case natKind.prefix:
		g, ok := r.nats.get(target)
		return ok && g.State == StateAvailable
	case peeringKind.prefix:
		p, ok := r.peerings.get(target)
		return ok && p.Status == PeeringActive
	case transitKind.prefix:
		return slices.ContainsFunc(r.attachments(target), func(a *TransitGatewayAttachment) bool { return a.VPCID == vpcID })
	case egressOnlyKind.prefix:
		_, ok := r.egressOnly.get(target)
		return ok
	case interfaceKind.prefix:
		_, ok := r.interfaces.get(target)
		return ok
	case endpointKind.prefix:
		_, ok := r.endpoints.get(target)
		return ok
	}
	return target == "local"
}

// destinationInput says where the traffic of a route goes to in the end.
type destinationInput struct {
	CidrBlock     string `ec2:"DestinationCidrBlock"`
	Ipv6CidrBlock string `ec2:"DestinationIpv6CidrBlock"`
}

func (in destinationInput) parse() (netip.Prefix, error) {
	switch {
	case in.CidrBlock != "" && in.Ipv6CidrBlock != "":
		return netip.Prefix{}, fault("InvalidParameterCombination", "Only one of destinationCidrBlock and destinationIpv6CidrBlock can be specified")
	case in.CidrBlock != "":
		return parseCIDR("destinationCidrBlock", in.CidrBlock)
	case in.Ipv6CidrBlock != "":
		return parseCIDR6("destinationIpv6CidrBlock", in.Ipv6CidrBlock)
	}
	return netip.Prefix{}, fault("MissingParameter", "The request must contain a destination")
}

// targetInput says through what the traffic of a route leaves; one must be set.
type targetInput struct {
	GatewayID    string `ec2:"GatewayId"`
	NATGatewayID string `ec2:"NatGatewayId"`
	PeeringID    string `ec2:"VpcPeeringConnectionId"`
	TransitID    string `ec2:"TransitGatewayId"`
	EgressOnlyID string `ec2:"EgressOnlyInternetGatewayId"`
	InterfaceID  string `ec2:"NetworkInterfaceId"`
}

// routeTarget checks that a table can have a route to a target, which it
// returns. A target of the VPC that does not work yet is good enough.
func (r *request) routeTarget(t *RouteTable, in targetInput, destination netip.Prefix) (string, error) {
	set := slices.DeleteFunc(
		[]string{in.GatewayID, in.NATGatewayID, in.PeeringID, in.TransitID, in.EgressOnlyID, in.InterfaceID},
		func(id string) bool { return id == "" },
	)
	switch {
	case len(set) == 0:
		return "", fault("MissingParameter", "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId")
	case len(set) > 1:
		return "", fault("InvalidParameterCombination", "The request must contain exactly one of gatewayId, natGatewayId, networkInterfaceId, vpcPeeringConnectionId, egressOnlyInternetGatewayId, transitGatewayId")
	}
	id := set[0]
	what, same := "", false
	switch {
	case strings.HasPrefix(in.GatewayID, vpnKind.prefix):
		g, err := r.vpnGateway(id)
		if err != nil {
			return "", err
		}
		what, same = "network gateway", g.VPCID == t.VPCID
	case in.GatewayID != "":
		g, ok := r.gateways.get(id)
		if !ok || !r.visible(id) {
			return "", fault("InvalidGatewayID.NotFound", "The gateway ID '%s' does not exist", id)
		}
		what, same = "network gateway", g.VPCID == t.VPCID
	case in.NATGatewayID != "":
		g, ok := r.nats.get(id)
		if !ok || g.State != StateAvailable || !r.visible(id) {
			return "", fault("InvalidNatGatewayID.NotFound", "The natGateway ID '%s' does not exist", id)
		}
		what, same = "NAT gateway", g.VPCID == t.VPCID
	case in.PeeringID != "":
		p, err := find(r, &r.peerings, peeringKind, id)
		if err != nil {
			return "", err
		}
		if p.ended() {
			return "", fault(peeringKind.notFound, peeringKind.message, id)
		}
		what, same = "vpc peering connection", r.joins(p, t.VPCID)
	case in.TransitID != "":
		// AWS does not tell a transit gateway without an attachment to the VPC from
		// one that does not exist.
		if !strings.HasPrefix(id, transitKind.prefix) || !r.reachable(t.VPCID, id) {
			return "", fault(transitKind.notFound, "The transitGateway ID '%s' does not exist", id)
		}
		return id, nil
	case in.EgressOnlyID != "":
		g, err := find(r, &r.egressOnly, egressOnlyKind, id)
		if err != nil {
			return "", err
		}
		if destination.Addr().Is4() {
			return "", fault("InvalidParameterValue", "The destination CIDR block %s is not an IPv6 block, which is all that egress-only internet gateway %s takes", destination, id)
		}
		what, same = "egress-only internet gateway", g.VPCID == t.VPCID
	default:
		n, err := find(r, &r.interfaces, interfaceKind, id)
		if err != nil {
			return "", err
		}
		what, same = "interface", n.VPCID == t.VPCID
	}
	if !same {
		return "", fault("InvalidParameterValue", "route table %s and %s %s belong to different networks", t.ID, what, id)
	}
	return id, nil
}

func (t *RouteTable) route(destination string) int {
	return slices.IndexFunc(t.Routes, func(route Route) bool { return route.Destination == destination })
}

type routeInput struct {
	destinationInput
	targetInput
	RouteTableID string `ec2:"RouteTableId,required"`
}

// resolve reads the parts of a request about one route.
func (r *request) resolve(in *routeInput) (t *RouteTable, destination, target string, err error) {
	if t, err = find(r, &r.tables, tableKind, in.RouteTableID); err != nil {
		return nil, "", "", err
	}
	cidr, err := in.parse()
	if err != nil {
		return nil, "", "", err
	}
	target, err = r.routeTarget(t, in.targetInput, cidr)
	return t, cidr.String(), target, err
}

func createRoute(r *request, in *routeInput) (any, error) {
	t, destination, target, err := r.resolve(in)
	if err != nil {
		return nil, err
	}
	if t.route(destination) >= 0 {
		return nil, fault("RouteAlreadyExists", "The route identified by %s already exists.", destination)
	}
	t.Routes = append(t.Routes, Route{Destination: destination, Target: target, Origin: "CreateRoute"})
	return done, nil
}

// replaceRoute gives a route another target.
func replaceRoute(r *request, in *routeInput) (any, error) {
	t, destination, target, err := r.resolve(in)
	if err != nil {
		return nil, err
	}
	i := t.route(destination)
	switch {
	case i < 0:
		return nil, fault("InvalidParameterValue", "There is no route defined for '%s' in the route table. Use CreateRoute instead.", destination)
	case t.Routes[i].Target == "local":
		return nil, notEmulated("replacing the local route %s", destination)
	}
	t.Routes[i].Target = target
	return done, nil
}

type deleteRouteInput struct {
	destinationInput
	RouteTableID string `ec2:"RouteTableId,required"`
	PrefixListID string `ec2:"DestinationPrefixListId"`
}

func deleteRoute(r *request, in *deleteRouteInput) (any, error) {
	t, err := find(r, &r.tables, tableKind, in.RouteTableID)
	if err != nil {
		return nil, err
	}
	destination := in.PrefixListID
	if destination == "" {
		cidr, err := in.parse()
		if err != nil {
			return nil, err
		}
		destination = cidr.String()
	}
	i := t.route(destination)
	switch {
	case i < 0:
		return nil, fault("InvalidRoute.NotFound", "no route with destination %s in route table %s", destination, t.ID)
	case t.Routes[i].Target == "local":
		return nil, fault("InvalidParameterValue", "cannot remove local route %s in route table %s", destination, t.ID)
	case t.Routes[i].toPrefixList():
		return nil, fault("InvalidParameterValue", "cannot remove VPC endpoint route %s in route table %s", destination, t.ID)
	}
	t.Routes = slices.Delete(t.Routes, i, i+1)
	return done, nil
}
