// Package network says what a machine in an emulated VPC can reach: it resolves
// names and follows a packet through security groups, network ACLs, routes,
// gateways and endpoints, as they are at that moment in the emulated EC2 and
// Route 53. It keeps no state of its own and knows no answer in advance.
package network

import (
	"cmp"
	"hash/fnv"
	"net/netip"
	"slices"
	"strings"

	"lakegate/lambda/internal/emulator/ec2"
)

// Machine is where a connection begins: an address in a subnet, behind security
// groups, without a public address.
type Machine struct {
	Region  string
	Subnet  string
	Groups  []string
	Address netip.Addr
}

// Outcome is what becomes of an attempt to connect.
type Outcome string

// The outcomes, as a client sees them.
const (
	// Connected is a connection that was accepted.
	Connected Outcome = "connected"
	// Refused is an address that answers, with nothing on the port.
	Refused Outcome = "refused"
	// Timeout is silence: something on the way dropped the packet.
	Timeout Outcome = "timeout"
	// Unreachable is no way at all: the machine itself has no network of that
	// kind, such as IPv6.
	Unreachable Outcome = "unreachable"
)

// The protocols of attempts to connect.
const (
	// UDP is one question and its answer.
	UDP = "udp"
	// TCP is a connection that is opened, on which nothing is said.
	TCP = "tcp"
	// TLS is a TCP connection on which the client says whom it wants.
	TLS = "tls"
)

// Firewall is what stands behind the target of a route.
type Firewall struct {
	// Hosts that it lets through.
	Hosts []string
	// ByName says that it reads the names in what is said, as AWS Network
	// Firewall does by default: connections to any host are opened, and nothing
	// comes back on those to others.
	// https://docs.aws.amazon.com/network-firewall/latest/developerguide/suricata-rule-evaluation-order.html
	ByName bool
}

func (f Firewall) passes(host, protocol string) bool {
	return slices.Contains(f.Hosts, host) || f.ByName && protocol == TCP
}

// EC2 is the part of Amazon EC2 that decides what a packet reaches. What satisfies
// all conditions is returned.
type EC2 interface {
	VPCs(region string, only ...func(*ec2.VPC) bool) []ec2.VPC
	Subnets(region string, only ...func(*ec2.Subnet) bool) []ec2.Subnet
	RouteTables(region string, only ...func(*ec2.RouteTable) bool) []ec2.RouteTable
	NetworkACLs(region string, only ...func(*ec2.NetworkACL) bool) []ec2.NetworkACL
	Rules(region string, only ...func(*ec2.Rule) bool) []ec2.Rule
	NetworkInterfaces(region string, only ...func(*ec2.NetworkInterface) bool) []ec2.NetworkInterface
	Endpoints(region string, only ...func(*ec2.Endpoint) bool) []ec2.Endpoint
	Endpoint(region, id string) (ec2.Endpoint, bool)
	NATGateways(region string, only ...func(*ec2.NATGateway) bool) []ec2.NATGateway
	LeadsOut(region, vpc, target string) bool
	ServiceCIDRs(region, service string) []string
	PrefixListCIDRs(region, id string) []string
}

// World is what a machine stands in.
type World struct {
	EC2 EC2
	// Zones are the hosted zones of the account; nil means that there are none.
	Zones func() []Zone
	// Alias returns what a public name is a CNAME of.
	Alias func(host string) (string, bool)
	// Ports are those that an endpoint service listens on.
	Ports func(service string) []int
	// Firewall returns what stands behind a target of a route; nil means that
	// every public host can be reached through all of them.
	Firewall func(target string) (Firewall, bool)
}

// Zone is a private hosted zone.
type Zone struct {
	// Name without a dot at its end.
	Name    string
	VPCs    []VPC
	Records []Record
}

// VPC is a VPC in which a zone holds.
type VPC struct{ Region, ID string }

// Record is a record of a zone. Names have no dot at their ends.
type Record struct {
	Name, Type string
	Values     []string
	// Alias is the name that the record stands for; empty if it has values.
	Alias string
}

// Network is the network as it is now.
type Network struct{ world World }

// New returns the network of a world.
func New(world World) *Network { return &Network{world} }

// Resolve returns the addresses that a name has for a machine, and false if the
// resolver of the VPC is off or knows nothing: private zones come first, then
// the private DNS of endpoints, then the public network.
func (n *Network) Resolve(m Machine, host string) ([]netip.Addr, bool) {
	vpc, ok := n.vpc(m)
	if !ok || !vpc.DNSSupport {
		return nil, false
	}
	host = strings.TrimSuffix(strings.ToLower(host), ".")
	for range 8 {
		if addresses, next, found := n.zoned(m.Region, vpc, host); found {
			if next == "" {
				return addresses, len(addresses) > 0
			}
			host = next
			continue
		}
		if addresses := n.endpointNamed(m.Region, vpc, host); len(addresses) > 0 {
			return addresses, true
		}
		next, ok := n.alias(host)
		if !ok {
			return n.public(m.Region, host), true
		}
		host = next
	}
	return nil, false
}

func (n *Network) alias(host string) (string, bool) {
	if n.world.Alias == nil {
		return "", false
	}
	return n.world.Alias(host)
}

// zoned answers from the private zone with the longest name that holds a host:
// a zone that does not have the name answers that there is none. Private zones
// hold where both DNS attributes of the VPC are on.
// https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/hosted-zone-private-considerations.html
func (n *Network) zoned(region string, vpc ec2.VPC, host string) (addresses []netip.Addr, next string, found bool) {
	if n.world.Zones == nil || !vpc.DNSHostnames {
		return nil, "", false
	}
	var best *Zone
	for _, z := range n.world.Zones() {
		name := strings.TrimSuffix(z.Name, ".")
		in := slices.ContainsFunc(z.VPCs, func(v VPC) bool { return v.Region == region && v.ID == vpc.ID })
		if !in || host != name && !strings.HasSuffix(host, "."+name) {
			continue
		}
		if best == nil || len(z.Name) > len(best.Name) {
			best = &z
		}
	}
	if best == nil {
		return nil, "", false
	}
	for _, r := range best.Records {
		if strings.TrimSuffix(r.Name, ".") != host {
			continue
		}
		switch {
		case r.Alias != "":
			return nil, strings.TrimSuffix(strings.ToLower(r.Alias), "."), true
		case r.Type == "CNAME" && len(r.Values) > 0:
			return nil, strings.TrimSuffix(strings.ToLower(r.Values[0]), "."), true
		case r.Type == "A":
			for _, v := range r.Values {
				if a, err := netip.ParseAddr(v); err == nil {
					addresses = append(addresses, a)
				}
			}
			return addresses, "", true
		}
	}
	return nil, "", true
}

// endpointNamed returns the addresses of the endpoint that has a name: its
// private DNS names hold inside its VPC only, its own names everywhere.
func (n *Network) endpointNamed(region string, vpc ec2.VPC, host string) []netip.Addr {
	own := strings.HasSuffix(host, ".vpce.amazonaws.com")
	all := n.world.EC2.Endpoints(region, func(e *ec2.Endpoint) bool {
		here := e.VPCID == vpc.ID && vpc.DNSHostnames && e.State == ec2.StateAvailable
		return (own || here) && slices.ContainsFunc(e.DNS, func(d ec2.DNSEntry) bool { return d.Name == host })
	})
	if e, ok := first(all); ok {
		return n.addresses(region, e)
	}
	return nil
}

func (n *Network) addresses(region string, e ec2.Endpoint) []netip.Addr {
	var out []netip.Addr
	for _, i := range n.world.EC2.NetworkInterfaces(region, func(i *ec2.NetworkInterface) bool { return slices.Contains(e.InterfaceIDs, i.ID) }) {
		out = append(out, i.Address)
	}
	return out
}

// outside are the addresses of everything public that is not S3; they stand for
// the real ones.
var outside = netip.MustParsePrefix("44.192.0.0/11")

// public returns the address of a name in the public network. That of S3 lies
// in the addresses of the region's service.
func (n *Network) public(region, host string) []netip.Addr {
	h := fnv.New32a()
	_, _ = h.Write([]byte(host))
	within := outside
	if strings.HasSuffix(host, ".s3."+region+".amazonaws.com") || host == "s3."+region+".amazonaws.com" {
		within = netip.MustParsePrefix(n.world.EC2.ServiceCIDRs(region, "s3")[0])
	}
	base := within.Addr().As4()
	size := uint32(1) << (32 - within.Bits())
	v := uint32(base[0])<<24 | uint32(base[1])<<16 | uint32(base[2])<<8 | uint32(base[3])
	v += 1 + h.Sum32()%(size-2)
	return []netip.Addr{netip.AddrFrom4([4]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})}
}

// Connect follows a packet from a machine to an address and port, and its
// answer back. The host is the name by which the client found the address; a
// firewall may look at it.
func (n *Network) Connect(m Machine, to netip.Addr, port int, protocol, host string) Outcome {
	carrier := protocol
	if protocol == TLS {
		carrier = TCP
	}
	vpc, ok := n.vpc(m)
	subnet, found := n.subnet(m.Region, m.Subnet)
	if !ok || !found {
		return Unreachable
	}
	if to.IsLoopback() {
		return Refused
	}
	if to.Is4() != m.Address.Is4() {
		return Unreachable
	}
	// The router of a VPC says nothing of a packet for which it has no route.
	route, ok := n.route(m.Region, subnet, to)
	if !ok || !n.groupAdmits(m.Region, m.Groups, true, to, port, carrier) {
		return Timeout
	}
	if route.Target == "local" {
		return n.local(m, vpc, to, port, carrier)
	}
	if !n.aclPasses(m.Region, subnet.ID, to, port, carrier) {
		return Timeout
	}
	switch target := route.Target; {
	case strings.HasPrefix(target, "vpce-"):
		return n.gatewayEndpoint(m.Region, target)
	case strings.HasPrefix(target, "igw-"):
		// Compute has no public address, so no answer finds the way back.
		return Timeout
	default:
		return n.beyond(m.Region, vpc.ID, target, to, host, protocol)
	}
}

// beyond is what a NAT gateway, a transit gateway and the like lead to: the
// public network, unless a firewall stands there or the target is gone. A NAT
// gateway leads where the route of its own subnet does.
func (n *Network) beyond(region, vpc, target string, to netip.Addr, host, protocol string) Outcome {
	const mostGateways = 4
	for range mostGateways {
		if !n.world.EC2.LeadsOut(region, vpc, target) {
			return Timeout
		}
		if n.world.Firewall != nil {
			if f, stands := n.world.Firewall(target); stands && !f.passes(host, protocol) {
				return Timeout
			}
		}
		nats := n.world.EC2.NATGateways(region)
		i := slices.IndexFunc(nats, func(g ec2.NATGateway) bool { return g.ID == target })
		if i < 0 {
			return Connected
		}
		subnet, ok := n.subnet(region, nats[i].SubnetID)
		if !ok {
			return Timeout
		}
		route, ok := n.route(region, subnet, to)
		if !ok || nats[i].Private && strings.HasPrefix(route.Target, "igw-") {
			return Timeout
		}
		target = route.Target
	}
	return Timeout
}

// local is a packet to another address of the VPC.
func (n *Network) local(m Machine, vpc ec2.VPC, to netip.Addr, port int, protocol string) Outcome {
	if i, ok := n.interfaceAt(m.Region, vpc.ID, to); ok {
		// An ACL stands at the border of a subnet, not within it.
		within := i.SubnetID == m.Subnet
		if !within && (!n.aclPasses(m.Region, m.Subnet, to, port, protocol) || !n.aclAdmits(m.Region, i.SubnetID, m.Address, port, protocol)) {
			return Timeout
		}
		if !n.admitsFrom(m, i.GroupIDs, port, protocol) {
			return Timeout
		}
		e, ok := n.world.EC2.Endpoint(m.Region, i.EndpointID)
		if !ok || e.State != ec2.StateAvailable {
			return Timeout
		}
		if protocol != TCP || !slices.Contains(n.world.Ports(e.Service), port) {
			return Refused
		}
		return Connected
	}
	return Timeout
}

func (n *Network) gatewayEndpoint(region, id string) Outcome {
	if e, ok := n.world.EC2.Endpoint(region, id); ok && e.State == ec2.StateAvailable {
		return Connected
	}
	return Timeout
}

// Endpoint returns the endpoint that a machine's traffic to an address passes.
func (n *Network) Endpoint(m Machine, to netip.Addr) (ec2.Endpoint, bool) {
	subnet, ok := n.subnet(m.Region, m.Subnet)
	if !ok {
		return ec2.Endpoint{}, false
	}
	route, ok := n.route(m.Region, subnet, to)
	if !ok {
		return ec2.Endpoint{}, false
	}
	if strings.HasPrefix(route.Target, "vpce-") {
		return n.world.EC2.Endpoint(m.Region, route.Target)
	}
	if i, ok := n.interfaceAt(m.Region, subnet.VPCID, to); ok {
		return n.world.EC2.Endpoint(m.Region, i.EndpointID)
	}
	return ec2.Endpoint{}, false
}

// interfaceAt is the one of a VPC that has an address.
func (n *Network) interfaceAt(region, vpc string, address netip.Addr) (ec2.NetworkInterface, bool) {
	return first(n.world.EC2.NetworkInterfaces(region, func(i *ec2.NetworkInterface) bool { return i.VPCID == vpc && i.Address == address }))
}

func first[T any](all []T) (one T, ok bool) {
	if len(all) == 0 {
		return one, false
	}
	return all[0], true
}

func (n *Network) subnet(region, id string) (ec2.Subnet, bool) {
	return first(n.world.EC2.Subnets(region, func(s *ec2.Subnet) bool { return s.ID == id }))
}

func (n *Network) vpc(m Machine) (ec2.VPC, bool) {
	s, ok := n.subnet(m.Region, m.Subnet)
	if !ok {
		return ec2.VPC{}, false
	}
	return first(n.world.EC2.VPCs(m.Region, func(v *ec2.VPC) bool { return v.ID == s.VPCID }))
}

// route is the route with the longest prefix that holds an address, in the
// table of the subnet or else the main one.
func (n *Network) route(region string, s ec2.Subnet, to netip.Addr) (ec2.Route, bool) {
	var table, main *ec2.RouteTable
	for _, t := range n.world.EC2.RouteTables(region, func(t *ec2.RouteTable) bool { return t.VPCID == s.VPCID }) {
		for _, a := range t.Associations {
			switch a.SubnetID {
			case s.ID:
				table = &t
			case "":
				main = &t
			}
		}
	}
	if table = cmp.Or(table, main); table == nil {
		return ec2.Route{}, false
	}
	longest, best := -1, ec2.Route{}
	for _, r := range table.Routes {
		blocks := []string{r.Destination}
		if strings.HasPrefix(r.Destination, "pl-") {
			blocks = n.world.EC2.PrefixListCIDRs(region, r.Destination)
		}
		for _, b := range blocks {
			if p, err := netip.ParsePrefix(b); err == nil && p.Contains(to) && p.Bits() > longest {
				longest, best = p.Bits(), r
			}
		}
	}
	return best, longest >= 0
}
