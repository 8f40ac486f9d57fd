package databricks

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
)

// BreakNetwork makes the network with this name BROKEN for the given reason as
// soon as it is attached to a workspace, whatever AWS looks like. The network
// need not exist yet.
func (s *Server) BreakNetwork(name string, reason NetworkHealth) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken[name] = append(s.broken[name], reason)
}

// MendNetwork undoes BreakNetwork.
func (s *Server) MendNetwork(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.broken, name)
}

// examine looks at the VPC of a network and sets its status. A network without
// a workspace is not looked at.
// https://docs.databricks.com/aws/en/security/network/classic/customer-managed-vpc
func (s *Server) examine(n *Network) {
	n.VPCStatus, n.ErrorMessages, n.WarningMessages = vpcUnattached, nil, nil
	ws, ok := s.workspaces.byID[n.workspaceID()]
	if !ok {
		return
	}
	h := health{network: n, errors: slices.Clone(s.broken[n.NetworkName])}
	// Databricks looks with the cross-account role, and so into its account alone.
	account := s.awsAccount(ws)
	h.subnets(s.cfg.AWS, account, ws.AWSRegion)
	h.securityGroups(s.cfg.AWS, account, ws.AWSRegion)
	if n.VPCEndpoints != nil {
		for _, id := range slices.Concat(n.VPCEndpoints.RESTAPI, n.VPCEndpoints.DataplaneRelay) {
			e := s.endpointNow(s.vpcEndpoints.byID[id])
			if dead(e.State) {
				h.fail("vpc", "VPC endpoint %s is in state %s", e.AWSVPCEndpointID, e.State)
			}
		}
	}
	n.ErrorMessages, n.WarningMessages = h.errors, h.warnings
	switch {
	case len(h.errors) > 0:
		n.VPCStatus = vpcBroken
	case len(h.warnings) > 0:
		n.VPCStatus = vpcWarned
	default:
		n.VPCStatus = vpcValid
	}
}

// health collects what is found in the VPC of a network.
type health struct {
	network  *Network
	blocks   []netip.Prefix
	errors   []NetworkHealth
	warnings []NetworkWarning
}

func (h *health) fail(kind, format string, args ...any) {
	h.errors = append(h.errors, NetworkHealth{ErrorType: kind, ErrorMessage: fmt.Sprintf(format, args...)})
}

func (h *health) subnets(aws AWS, account, region string) {
	zones := map[string]string{}
	for _, id := range h.network.SubnetIDs {
		subnet, ok := aws.Subnet(account, region, id)
		if !ok {
			h.fail("subnet", "Subnet %s does not exist in region %s", id, region)
			continue
		}
		if subnet.VPCID != h.network.VPCID {
			h.fail("vpc", "Subnet %s is in VPC %s, not in %s", id, subnet.VPCID, h.network.VPCID)
			continue
		}
		if other, taken := zones[subnet.AvailabilityZone]; taken {
			h.fail("subnet", "Subnets %s and %s are both in availability zone %s", other, id, subnet.AvailabilityZone)
		}
		zones[subnet.AvailabilityZone] = id
		h.mask(id, subnet.CIDR)
		h.acl(id, subnet.ACL)
	}
}

// mask checks that a subnet is /17 to /26.
func (h *health) mask(id, cidr string) {
	block, err := netip.ParsePrefix(cidr)
	if err != nil {
		h.fail("subnet", "Subnet %s has no IPv4 block: %v", id, err)
		return
	}
	h.blocks = append(h.blocks, block)
	switch bits := block.Bits(); {
	case bits < 17 || bits > 26:
		h.fail("subnet", "Subnet %s has netmask /%d; it must be between /17 and /26", id, bits)
	case bits == 26:
		h.warnings = append(h.warnings, NetworkWarning{
			WarningType:    "subnet",
			WarningMessage: fmt.Sprintf("Subnet %s has netmask /26 and can hold few nodes", id),
		})
	}
}

// The ports that compute needs to the control plane and its relay.
const (
	portREST  = 443
	portRelay = 6666
)

func (h *health) ports() []int {
	if h.network.VPCEndpoints == nil {
		return []int{portREST}
	}
	return []int{portREST, portRelay}
}

// acl checks the network ACL of a subnet: the first inbound rule lets
// everything in, and no outbound rule stops the needed ports.
func (h *health) acl(subnet string, entries []ACLEntry) {
	sorted := slices.SortedFunc(slices.Values(entries), func(a, b ACLEntry) int { return cmp.Compare(a.Number, b.Number) })
	inbound := slices.IndexFunc(sorted, func(e ACLEntry) bool { return !e.Egress })
	if inbound < 0 || !sorted[inbound].Allow || sorted[inbound].Protocol != "-1" || sorted[inbound].CIDR != anywhere {
		h.fail("networkAcl", "The first inbound rule of the network ACL of subnet %s must allow all traffic from %s", subnet, anywhere)
	}
	for _, port := range h.ports() {
		if !passes(sorted, port) {
			h.fail("networkAcl", "The network ACL of subnet %s does not allow outbound TCP %d to %s", subnet, port, anywhere)
		}
	}
}

const anywhere = "0.0.0.0/0"

// passes says whether sorted rules let TCP to a port out to anywhere. A rule
// that denies a part of it before that stops it.
func passes(sorted []ACLEntry, port int) bool {
	for _, e := range sorted {
		if !e.Egress || (e.Protocol != "-1" && e.Protocol != "6") {
			continue
		}
		if e.Protocol == "6" && (port < e.FromPort || port > e.ToPort) {
			continue
		}
		if !e.Allow {
			return false
		}
		if e.CIDR == anywhere {
			return true
		}
	}
	return false
}

func (h *health) securityGroups(aws AWS, account, region string) {
	var rules []SecurityRule
	for _, id := range h.network.SecurityGroupIDs {
		group, ok := aws.SecurityGroup(account, region, id)
		if !ok {
			h.fail("securityGroup", "Security group %s does not exist in region %s", id, region)
			return
		}
		if group.VPCID != h.network.VPCID {
			h.fail("vpc", "Security group %s is in VPC %s, not in %s", id, group.VPCID, h.network.VPCID)
			return
		}
		rules = append(rules, group.Rules...)
	}
	groups := h.network.SecurityGroupIDs
	for _, protocol := range []string{"tcp", "udp"} {
		for _, egress := range []bool{false, true} {
			open := func(r SecurityRule) bool {
				return r.Egress == egress && r.admits(protocol, 0, 65535) && h.internal(r)
			}
			if !slices.ContainsFunc(rules, open) {
				h.fail("securityGroup", "Security groups %v must allow all %s %s of the group itself", groups, protocol, direction(egress))
			}
		}
	}
	for _, port := range h.ports() {
		open := func(r SecurityRule) bool { return r.Egress && r.admits("tcp", port, port) && !h.self(r) }
		if !slices.ContainsFunc(rules, open) {
			h.fail("securityGroup", "Security groups %v must allow egress on TCP port %d", groups, port)
		}
	}
}

func direction(egress bool) string {
	if egress {
		return "egress"
	}
	return "ingress"
}

func (r SecurityRule) admits(protocol string, from, to int) bool {
	switch r.Protocol {
	case "-1":
		return true
	case protocol:
		return r.FromPort <= from && r.ToPort >= to
	default:
		return false
	}
}

func (h *health) self(r SecurityRule) bool {
	return slices.Contains(h.network.SecurityGroupIDs, r.GroupID)
}

// internal says whether the other side of a rule holds all nodes: the group
// itself or a block around all subnets.
func (h *health) internal(r SecurityRule) bool {
	if h.self(r) {
		return true
	}
	outer, err := netip.ParsePrefix(r.CIDR)
	if err != nil {
		return false
	}
	return !slices.ContainsFunc(h.blocks, func(inner netip.Prefix) bool {
		return outer.Bits() > inner.Bits() || !outer.Contains(inner.Addr())
	})
}
