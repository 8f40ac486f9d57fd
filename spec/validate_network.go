package spec

import (
	"net/netip"
	"regexp"
	"slices"
)

// reserved are blocks that a VPC of Databricks must not touch: Databricks and
// its containers use them on every node.
// https://docs.databricks.com/aws/en/security/network/classic/customer-managed-vpc
var reserved = []struct {
	block netip.Prefix
	why   string
}{
	{netip.MustParsePrefix("127.187.216.0/24"), "which Databricks uses on every node"},
	{netip.MustParsePrefix("192.168.216.0/24"), "which Databricks uses on every node"},
	{netip.MustParsePrefix("198.18.216.0/24"), "which Databricks uses on every node"},
	{netip.MustParsePrefix("172.17.0.0/16"), "which containers use on every node"},
	{netip.MustParsePrefix("127.0.0.0/8"), "the addresses of the host itself"},
	{netip.MustParsePrefix("169.254.0.0/16"), "the link-local addresses"},
	{netip.MustParsePrefix("224.0.0.0/4"), "the multicast addresses"},
	{netip.MustParsePrefix("240.0.0.0/4"), "which are reserved"},
	{netip.MustParsePrefix("0.0.0.0/8"), "which means this network"},
}

func (v *validation) network() {
	const vpcPath, endpointPath = "spec.network.vpc", "spec.network.endpointSubnet"
	n, written := v.spec.Spec.Network, v.written.Spec.Network
	v.id(vpcPath+".id", n.VPC.ID, "vpc")
	v.alone(vpcPath, n.VPC.ID, map[string]bool{"name": written.VPC.Name != ""})
	v.nameTag(vpcPath+".name", n.VPC.Name)
	vpc, known := v.block(vpcPath+".cidr", n.VPC.CIDR, 16, 28)
	var blocks []placed
	if len(n.WorkspaceSubnets) == 1 {
		v.add("spec.network.workspaceSubnets", "has one subnet: want two or more, in different zones")
	}
	zones := map[string]string{}
	for i, s := range n.WorkspaceSubnets {
		path := item("spec.network.workspaceSubnets", i)
		var as Subnet
		if i < len(written.WorkspaceSubnets) {
			as = written.WorkspaceSubnets[i]
		}
		if block, ok := v.subnet(path, s, as, 17, 26); ok {
			blocks = append(blocks, placed{path, block})
		}
		if s.AvailabilityZone == "" {
			continue
		}
		if other, taken := zones[s.AvailabilityZone]; taken {
			v.add(path+".availabilityZone", "is %s, as that of %s: want a different zone for each workspace subnet", s.AvailabilityZone, other)
		} else {
			zones[s.AvailabilityZone] = path
		}
	}
	if block, ok := v.subnet(endpointPath, n.EndpointSubnet, written.EndpointSubnet, 16, 28); ok {
		blocks = append(blocks, placed{endpointPath, block})
	}
	v.layout(vpc, known, blocks)
	v.unique(n)
	v.id("spec.network.endpointRouteTable.id", n.EndpointRouteTable.ID, "rtb")
	v.needsVPC("spec.network.endpointRouteTable.id", n.EndpointRouteTable.ID)
	v.alone("spec.network.endpointRouteTable", n.EndpointRouteTable.ID, map[string]bool{"name": written.EndpointRouteTable.Name != ""})
	v.nameTag("spec.network.endpointRouteTable.name", n.EndpointRouteTable.Name)
	for _, e := range []struct {
		path              string
		endpoint, written Endpoint
	}{
		{"spec.network.endpoints.s3", n.Endpoints.S3, written.Endpoints.S3},
		{"spec.network.endpoints.sts", n.Endpoints.STS, written.Endpoints.STS},
		{"spec.network.endpoints.kinesis", n.Endpoints.Kinesis, written.Endpoints.Kinesis},
	} {
		v.id(e.path+".id", e.endpoint.ID, "vpce")
		v.needsVPC(e.path+".id", e.endpoint.ID)
		v.alone(e.path, e.endpoint.ID, map[string]bool{"name": e.written.Name != ""})
		v.nameTag(e.path+".name", e.endpoint.Name)
	}
}

// placed is a block and where the spec has it.
type placed struct {
	path  string
	block netip.Prefix
}

// needsVPC notes an id of something inside a VPC that is yet to be created.
func (v *validation) needsVPC(path, id string) {
	if id != "" && v.spec.Spec.Network.VPC.ID == "" {
		v.add(path, "is %s, which is in a VPC that exists, but spec.network.vpc.id is not given: give it, or remove this id", quote(id))
	}
}

var zoneName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]+[a-z]$`)

// subnet checks one subnet and returns its block if that can be compared with
// others.
func (v *validation) subnet(path string, s, written Subnet, largest, smallest int) (netip.Prefix, bool) {
	v.id(path+".id", s.ID, "subnet")
	v.alone(path, s.ID, map[string]bool{
		"name": written.Name != "", "cidr": written.CIDR != "", "availabilityZone": written.AvailabilityZone != "",
	})
	if s.ID != "" {
		v.needsVPC(path+".id", s.ID)
		return netip.Prefix{}, false
	}
	v.nameTag(path+".name", s.Name)
	if zone := s.AvailabilityZone; zone != "" {
		switch {
		case !zoneName.MatchString(zone):
			v.add(path+".availabilityZone", "is %s: want a zone such as %sa", quote(zone), v.spec.Spec.Region)
		case zone[:len(zone)-1] != v.spec.Spec.Region:
			v.add(path+".availabilityZone", "is %s, which is in another region: want a zone of %s", zone, v.spec.Spec.Region)
		}
	}
	if s.CIDR == "" {
		if v.spec.Spec.Network.VPC.ID != "" || v.sound("spec.network.vpc.cidr") {
			v.add(path+".cidr", "is missing: it is derived only for a VPC of which the CIDR is given or created, with two workspace subnets; want a block inside the VPC")
		}
		return netip.Prefix{}, false
	}
	return v.block(path+".cidr", s.CIDR, largest, smallest)
}

// block reads an IPv4 block of a size between two masks. What was derived is
// blamed on the VPC's block.
func (v *validation) block(path, cidr string, largest, smallest int) (netip.Prefix, bool) {
	if cidr == "" {
		return netip.Prefix{}, false
	}
	derived := !v.given(path) && path != "spec.network.vpc.cidr"
	if derived && !v.sound("spec.network.vpc.cidr") {
		return netip.Prefix{}, false
	}
	block, err := netip.ParsePrefix(cidr)
	switch {
	case err != nil:
		v.add(path, "is %s: want an IPv4 block such as 10.0.0.0/22", quote(cidr))
		return block, false
	case !block.Addr().Is4():
		v.add(path, "is %s: want an IPv4 block, not IPv6", quote(cidr))
		return block, false
	case block.Masked() != block:
		v.add(path, "is %s, which is an address inside of a block: want %s", quote(cidr), block.Masked())
		return block, false
	case block.Bits() < largest || block.Bits() > smallest:
		if derived {
			v.add("spec.network.vpc.cidr", "is too large or too small to be divided: %s would be %s, and has to be /%d to /%d; want a VPC of /16 to /24, or give %s", path, cidr, largest, smallest, path)
		} else {
			v.add(path, "is a /%d: want /%d to /%d", block.Bits(), largest, smallest)
		}
		return block, false
	}
	for _, r := range reserved {
		if block.Overlaps(r.block) {
			v.add(path, "is %s, which overlaps %s, %s: want another block", cidr, r.block, r.why)
			return block, false
		}
	}
	return block, true
}

// layout checks that the subnets are inside the VPC and apart from each other.
func (v *validation) layout(vpc netip.Prefix, known bool, blocks []placed) {
	for i, b := range blocks {
		if known && (vpc.Bits() > b.block.Bits() || !vpc.Contains(b.block.Addr())) {
			v.add(b.path+".cidr", "is %s, which is not inside of the VPC %s: want a part of it", b.block, vpc)
		}
		for _, other := range blocks[:i] {
			if b.block.Overlaps(other.block) {
				v.add(b.path+".cidr", "is %s, which overlaps %s of %s: want blocks that are apart", b.block, other.block, other.path)
			}
		}
	}
}

// unique checks ids and names that may be used once.
func (v *validation) unique(n Network) {
	ids, names := map[string]string{}, map[string]string{}
	claim := func(path string, s Subnet) {
		if other, taken := ids[s.ID]; taken && s.ID != "" {
			v.add(path+".id", "is %s, as that of %s: want each subnet once", s.ID, other)
		}
		if other, taken := names[s.Name]; taken && s.Name != "" {
			v.add(path+".name", "is %s, as that of %s: want a name of its own", quote(s.Name), other)
		}
		ids[s.ID], names[s.Name] = path, path
	}
	for i, s := range n.WorkspaceSubnets {
		claim(item("spec.network.workspaceSubnets", i), s)
	}
	claim("spec.network.endpointSubnet", n.EndpointSubnet)
	if max := 16; len(n.WorkspaceSubnets) > max {
		v.add("spec.network.workspaceSubnets", "has %d subnets: want at most %d", len(n.WorkspaceSubnets), max)
	}
	endpoints := []string{n.Endpoints.S3.ID, n.Endpoints.STS.ID, n.Endpoints.Kinesis.ID}
	paths := []string{"spec.network.endpoints.s3.id", "spec.network.endpoints.sts.id", "spec.network.endpoints.kinesis.id"}
	for i, id := range endpoints {
		if at := slices.Index(endpoints, id); id != "" && at < i {
			v.add(paths[i], "is %s, as %s: want an endpoint of its own", id, paths[at])
		}
	}
}
