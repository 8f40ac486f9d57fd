package spec

import (
	"fmt"
	"net/netip"
	"strings"
)

const (
	networkPath        = "spec.network"
	vpcPath            = networkPath + ".vpc"
	subnetsPath        = networkPath + ".workspaceSubnets"
	endpointSubnetPath = networkPath + ".endpointSubnet"
	routeTablePath     = networkPath + ".endpointRouteTable"
	endpointsPath      = networkPath + ".endpoints"
)

const (
	// A VPC of AWS, and a subnet in it, is /16 to /28.
	// https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
	maxBlock, minBlock = 16, 28
	// A subnet that compute runs in is /17 to /26: each node takes two
	// addresses.
	// https://docs.databricks.com/aws/en/security/network/classic/customer-managed-vpc#subnets
	maxWorkspaceBlock, minWorkspaceBlock = 17, 26
	// No region has more zones than this, and each takes one subnet.
	maxWorkspaceSubnets = 6
)

func (c checker) checkNetwork() {
	c.exclusive(vpcPath, "id", "name")
	c.exclusive(routeTablePath, "id", "name")
	for _, service := range []string{"s3", "sts", "kinesis"} {
		c.exclusive(join(endpointsPath, service), "id", "name")
	}
	if c.Spec.Network.EndpointSubnet.ID != "" && c.given(join(routeTablePath, "name")) {
		c.add(join(routeTablePath, "name"), "is given, but the endpoint subnet exists and keeps its route table: remove name")
	}
	c.checkExisting()
	c.checkVPC()
	c.checkSubnets()
	c.checkZones()
}

// blockAt returns the block at a path, and false if there is none to rely on.
func (c checker) blockAt(path, cidr string) (netip.Prefix, bool) {
	block, refusal := parseCIDR(cidr)
	return block, refusal == "" && c.sound(path)
}

func (c checker) checkVPC() {
	path := join(vpcPath, "cidr")
	vpc, ok := c.blockAt(path, c.Spec.Network.VPC.CIDR)
	if !ok {
		return
	}
	if vpc.Bits() < maxBlock || vpc.Bits() > minBlock {
		c.add(path, "is a /%d: want a VPC of /%d to /%d", vpc.Bits(), maxBlock, minBlock)
		return
	}
	// A VPC that exists may hold a reserved block, as long as no subnet does.
	if reason := reserved(vpc); reason != "" && c.Spec.Network.VPC.ID == "" {
		c.add(path, "%s: choose another block", reason)
		return
	}
	least := minBlock
	for _, s := range c.subnets() {
		if s.derived {
			least = min(least, s.least-2)
		}
	}
	if vpc.Bits() > least {
		c.add(path, "is a /%d, too small to derive subnets from its quarters: want a /%d or larger, or give every subnet a cidr", vpc.Bits(), least)
	}
}

// subnet is one subnet of the spec, with what is demanded of it.
type subnet struct {
	Subnet
	path string
	// most and least are the shortest and longest prefix that its block may
	// have.
	most, least int
	// derived says that the block is a quarter of the VPC.
	derived bool
}

func (c checker) subnets() []subnet {
	var all []subnet
	for i, s := range c.Spec.Network.WorkspaceSubnets {
		all = append(all, subnet{Subnet: s, path: item(subnetsPath, i), most: maxWorkspaceBlock, least: minWorkspaceBlock})
	}
	all = append(all, subnet{Subnet: c.Spec.Network.EndpointSubnet, path: endpointSubnetPath, most: maxBlock, least: minBlock})
	for i, s := range all {
		all[i].derived = s.CIDR != "" && !c.given(join(s.path, "cidr"))
	}
	return all
}

// describe names a subnet in a message.
func (s subnet) describe() string { return fmt.Sprintf("%s (%s)", quote(s.Name), s.CIDR) }

func (c checker) checkSubnets() {
	n := c.Spec.Network
	if n := len(n.WorkspaceSubnets); n < 2 || n > maxWorkspaceSubnets {
		c.add(subnetsPath, "has %d subnets: want 2 to %d, each in a zone of its own", n, maxWorkspaceSubnets)
	}
	vpc, vpcKnown := c.blockAt(join(vpcPath, "cidr"), n.VPC.CIDR)

	all := c.subnets()
	for i, s := range all {
		path := join(s.path, "cidr")
		c.exclusive(s.path, "id", "name", "cidr", "availabilityZone")
		if s.ID != "" {
			continue
		}
		c.checkSubnetName(all[:i], s)
		if s.CIDR == "" {
			c.missingBlock(s)
			continue
		}
		block, ok := c.blockAt(path, s.CIDR)
		if !ok {
			continue
		}
		if !s.derived {
			if reason := c.refuseBlock(s, block, vpc, vpcKnown); reason != "" {
				c.add(path, "%s", reason)
				continue
			}
		}
		for _, before := range all[:i] {
			other, ok := c.blockAt(join(before.path, "cidr"), before.CIDR)
			if !ok || !other.Overlaps(block) {
				continue
			}
			if s.derived && before.derived {
				continue
			}
			if s.derived {
				s, before, path = before, s, join(before.path, "cidr")
			}
			c.add(path, "%s overlaps the subnet %s: choose blocks that have nothing in common", s.CIDR, before.describe())
		}
	}
}

// refuseBlock says what is wrong with the block that a subnet is given, or
// nothing.
func (c checker) refuseBlock(s subnet, block, vpc netip.Prefix, vpcKnown bool) string {
	switch {
	case block.Bits() < s.most || block.Bits() > s.least:
		return fmt.Sprintf("is a /%d: want /%d to /%d", block.Bits(), s.most, s.least)
	case vpcKnown && !contains(vpc, block):
		origin := ""
		if !c.given(join(vpcPath, "cidr")) {
			origin = " by default"
		}
		return fmt.Sprintf("%s lies outside of the VPC, which is %s%s: choose a block inside of it, or another spec.network.vpc.cidr", block, vpc, origin)
	case reserved(block) != "":
		return reserved(block) + ": choose another block"
	}
	return ""
}

func (c checker) checkSubnetName(before []subnet, s subnet) {
	for _, b := range before {
		if b.ID == "" && b.Name == s.Name {
			at := s.path
			if !c.given(join(at, "name")) {
				at = b.path
			}
			c.add(join(at, "name"), "%s is the name of another subnet too: choose another", quote(s.Name))
		}
	}
}

// missingBlock notes a subnet that could not be given a quarter of the VPC.
func (c checker) missingBlock(s subnet) {
	vpc := c.Spec.Network.VPC
	switch {
	case vpc.ID != "" && vpc.CIDR == "":
		// Said once for all subnets that are left out altogether.
		path := s.path
		if !c.given(path) && !c.given(subnetsPath) && path != endpointSubnetPath {
			path = subnetsPath
		}
		c.add(path, "has neither id nor cidr, and the VPC exists: give the id of an existing subnet, the cidr of one to create, or spec.network.vpc.cidr")
	case c.sound(join(vpcPath, "cidr")):
		c.add(s.path, "is missing its cidr: only the first %d workspace subnets get one by default", derivedSubnets)
	}
}

func (c checker) checkZones() {
	taken := map[string]bool{}
	for _, s := range c.subnets() {
		path, zone := join(s.path, "availabilityZone"), s.AvailabilityZone
		if zone == "" || !c.sound(path) {
			continue
		}
		if region := zone[:len(zone)-1]; c.sound("spec.region") && region != c.Spec.Region {
			c.add(path, "%s is in the region %s, but spec.region is %s: want a zone such as %sa", zone, region, c.Spec.Region, c.Spec.Region)
			continue
		}
		if s.path == endpointSubnetPath {
			continue
		}
		if taken[zone] {
			c.add(path, "%s has another workspace subnet already: Databricks wants each in a zone of its own", zone)
		}
		taken[zone] = true
	}
}

// existing is an object of the VPC that is given by id.
type existing struct{ path, id string }

// existing returns everything that lies in a VPC and is given by id, by kind.
func (c checker) existing() [][]existing {
	n, l := c.Spec.Network, c.Spec.PrivateLink
	var subnets []existing
	for _, s := range c.subnets() {
		subnets = append(subnets, existing{join(s.path, "id"), s.ID})
	}
	glue := ""
	if m := c.Spec.Metastore.Glue; m != nil {
		glue = m.Endpoint.ID
	}
	return [][]existing{
		subnets,
		{{join(routeTablePath, "id"), n.EndpointRouteTable.ID}},
		{
			{join(workspaceGroupPath, "id"), n.SecurityGroups.Workspace.ID},
			{join(endpointGroupPath, "id"), n.SecurityGroups.Endpoint.ID},
		},
		{
			{endpointsPath + ".s3.id", n.Endpoints.S3.ID},
			{endpointsPath + ".sts.id", n.Endpoints.STS.ID},
			{endpointsPath + ".kinesis.id", n.Endpoints.Kinesis.ID},
			{gluePath + ".endpoint.id", glue},
			{join(workspaceEndpointPath, "id"), l.WorkspaceEndpoint.ID},
			{join(relayEndpointPath, "id"), l.RelayEndpoint.ID},
		},
	}
}

// checkExisting checks ids against each other: nothing can exist in a VPC that
// is yet to be created, and no object can be in two places.
func (c checker) checkExisting() {
	vpcGiven := c.Spec.Network.VPC.ID != "" || !c.sound(join(vpcPath, "id"))
	for _, kind := range c.existing() {
		first := map[string]string{}
		for _, e := range kind {
			if e.id == "" || !c.sound(e.path) {
				continue
			}
			if !vpcGiven {
				c.add(e.path, "%s exists, so its VPC does too: give spec.network.vpc.id", e.id)
			}
			if before, repeated := first[e.id]; repeated {
				c.add(e.path, "%s is given at %s too: want different ids", e.id, before)
			} else {
				first[e.id] = e.path
			}
		}
	}
}

// sameRegion reports whether the name of an endpoint service is one of the
// region.
func sameRegion(service, region string) bool {
	return strings.HasPrefix(service, "com.amazonaws.vpce."+region+".")
}
