package network

import (
	"net/netip"
	"slices"

	"lakegate/lambda/internal/emulator/ec2"
)

// ephemeral is a port from which a client connects.
const ephemeral = 41000

// groupAdmits says whether rules of groups let traffic to an address out.
// Security groups remember connections, so answers need no rule.
func (n *Network) groupAdmits(region string, groups []string, egress bool, peer netip.Addr, port int, protocol string) bool {
	return slices.ContainsFunc(n.rules(region, groups, egress), func(r ec2.Rule) bool {
		return covers(r, port, protocol) && n.isPeer(region, r, peer)
	})
}

// admitsFrom says whether the groups of an interface let a machine in.
func (n *Network) admitsFrom(m Machine, groups []string, port int, protocol string) bool {
	return slices.ContainsFunc(n.rules(m.Region, groups, false), func(r ec2.Rule) bool {
		return covers(r, port, protocol) && (slices.Contains(m.Groups, r.PeerGroupID) || inBlock(r.CIDR, m.Address))
	})
}

// rules are those of groups in one direction.
func (n *Network) rules(region string, groups []string, egress bool) []ec2.Rule {
	return n.world.EC2.Rules(region, func(r *ec2.Rule) bool { return r.Egress == egress && slices.Contains(groups, r.GroupID) })
}

func covers(r ec2.Rule, port int, protocol string) bool {
	return r.Protocol == "-1" || r.Protocol == protocol && r.FromPort <= port && port <= r.ToPort
}

// isPeer says whether an address is on the other side of a rule.
func (n *Network) isPeer(region string, r ec2.Rule, peer netip.Addr) bool {
	switch {
	case r.PeerGroupID != "":
		return len(n.world.EC2.NetworkInterfaces(region, func(i *ec2.NetworkInterface) bool {
			return i.Address == peer && slices.Contains(i.GroupIDs, r.PeerGroupID)
		})) > 0
	case r.PrefixListID != "":
		return slices.ContainsFunc(n.world.EC2.PrefixListCIDRs(region, r.PrefixListID), func(b string) bool { return inBlock(b, peer) })
	default:
		return inBlock(r.CIDR, peer) || inBlock(r.CIDR6, peer)
	}
}

func inBlock(block string, a netip.Addr) bool {
	p, err := netip.ParsePrefix(block)
	return err == nil && p.Contains(a)
}

// aclPasses says whether the ACL of a subnet lets a packet out and the answer
// in: ACLs remember nothing.
func (n *Network) aclPasses(region, subnet string, peer netip.Addr, port int, protocol string) bool {
	acl := n.acl(region, subnet)
	return allows(acl, true, peer, port, protocol) && allows(acl, false, peer, ephemeral, protocol)
}

// aclAdmits says whether the ACL of a subnet lets a packet in and the answer
// out.
func (n *Network) aclAdmits(region, subnet string, peer netip.Addr, port int, protocol string) bool {
	acl := n.acl(region, subnet)
	return allows(acl, false, peer, port, protocol) && allows(acl, true, peer, ephemeral, protocol)
}

func (n *Network) acl(region, subnet string) []ec2.ACLEntry {
	acl, _ := first(n.world.EC2.NetworkACLs(region, ec2.OfSubnet(subnet)))
	return acl.Entries
}

var protocolNumbers = map[string]string{TCP: "6", UDP: "17"}

// allows evaluates entries in the order of their numbers; the first that
// matches decides.
func allows(entries []ec2.ACLEntry, egress bool, peer netip.Addr, port int, protocol string) bool {
	for _, e := range entries {
		switch {
		case e.Egress != egress, !e.CIDR.Contains(peer):
		case e.Protocol == "-1":
			return e.Allow
		case e.Protocol != protocolNumbers[protocol]:
		case e.FromPort == nil || e.ToPort == nil || *e.FromPort <= port && port <= *e.ToPort:
			return e.Allow
		}
	}
	return false
}
