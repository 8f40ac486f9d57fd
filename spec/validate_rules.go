package spec

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

const (
	groupsPath         = networkPath + ".securityGroups"
	workspaceGroupPath = groupsPath + ".workspace"
	endpointGroupPath  = groupsPath + ".endpoint"
)

// maxRules of a security group in one direction, unless AWS has raised the
// quota: https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
const maxRules = 60

func (c checker) checkSecurityGroups() {
	groups := c.Spec.Network.SecurityGroups
	c.exclusive(workspaceGroupPath, "id", "name", "description", "rules")
	c.exclusive(endpointGroupPath, "id", "name", "description", "rules")

	workspace, endpoint := groups.Workspace, groups.Endpoint
	// EC2 does not tell apart names that differ in case only.
	if workspace.ID == "" && endpoint.ID == "" && strings.EqualFold(workspace.Name, endpoint.Name) {
		at := endpointGroupPath
		if !c.given(join(at, "name")) {
			at = workspaceGroupPath
		}
		c.add(join(at, "name"), "%s is the name of the other security group too: choose another", quote(endpoint.Name))
	}

	if rules := join(workspaceGroupPath, "rules"); workspace.ID == "" && c.checkRules(rules, workspace.Rules) {
		for i, r := range workspace.Rules {
			if r.Peer == "workspace" {
				c.add(item(rules, i)+".peer", "is the group itself: write self")
			}
		}
		c.checkWorkspaceRules(rules, workspace.Rules)
	}
	if rules := join(endpointGroupPath, "rules"); endpoint.ID == "" && c.checkRules(rules, endpoint.Rules) {
		c.checkEndpointRules(rules, endpoint.Rules)
	}
}

// checkRules checks the rules of one group against each other, and reports
// whether every single one can be understood.
func (c checker) checkRules(path string, rules []Rule) bool {
	understood := c.sound(path)
	count := map[string]int{}
	first := map[string]int{}
	for i, r := range rules {
		at := item(path, i)
		for _, field := range []string{"", ".direction", ".protocol", ".ports", ".peer"} {
			understood = understood && c.sound(at+field)
		}
		count[r.Direction]++
		// EC2 refuses what amounts to the same rule, however it is written.
		key := strings.Join([]string{r.Direction, r.Protocol, r.Ports, c.peer(r.Peer)}, " ")
		if before, repeated := first[key]; repeated {
			c.add(at, "is the same as rule [%d]: remove one", before)
		} else {
			first[key] = i
		}
	}
	for _, direction := range []string{"ingress", "egress"} {
		if n := count[direction]; n > maxRules {
			c.add(path, "has %d %s rules: want at most %d, the quota of AWS", n, direction, maxRules)
		}
	}
	return understood
}

// peer returns the block that a peer stands for, or the peer as it is written.
func (c checker) peer(peer string) string {
	if peer == "vpc" && c.Spec.Network.VPC.CIDR != "" {
		return c.Spec.Network.VPC.CIDR
	}
	return peer
}

// checkWorkspaceRules checks that clusters can work with the rules.
//
// https://docs.databricks.com/aws/en/security/network/classic/customer-managed-vpc#security-groups
func (c checker) checkWorkspaceRules(path string, rules []Rule) {
	for _, protocol := range []string{"tcp", "udp"} {
		in := want{"ingress", protocol, portRange{1, 65535}}
		if !slices.ContainsFunc(rules, func(r Rule) bool { return r.Peer == "self" && in.metBy(r) }) {
			c.lacks(path, Rule{"ingress", protocol, "all", "self"}, "the nodes of a cluster talk to each other")
		}
		out := want{"egress", protocol, portRange{1, 65535}}
		if !c.reaches(rules, out, []string{"self", "vpc"}, c.workspaceBlocks()) {
			c.lacks(path, Rule{"egress", protocol, "all", "self"}, "the nodes of a cluster talk to each other")
		}
	}
	for _, p := range endpointPorts {
		if !c.reaches(rules, want{"egress", "tcp", p.ports()}, []string{"vpc"}, c.endpointBlocks()) {
			c.lacks(path, Rule{"egress", "tcp", fmt.Sprint(p.port), "0.0.0.0/0"}, "compute reaches "+p.use+" there")
		}
	}
	// The S3 gateway endpoint keeps the public addresses of S3.
	if !c.reachesPublic(rules, 443) {
		c.lacks(path, Rule{"egress", "tcp", "443", "0.0.0.0/0"}, "S3 has public addresses, also behind its gateway endpoint")
	}
	if c.Spec.Metastore.Hive != nil && !c.reachesPublic(rules, 3306) {
		c.lacks(path, Rule{"egress", "tcp", "3306", "0.0.0.0/0"}, "the Hive metastore of Databricks has public addresses")
	}
}

// reachesPublic reports whether a rule lets a TCP port out to addresses beyond
// the VPC and all private networks.
func (c checker) reachesPublic(rules []Rule, port int) bool {
	out := want{"egress", "tcp", portRange{port, port}}
	return slices.ContainsFunc(rules, func(r Rule) bool { return out.metBy(r) && c.public(r.Peer) })
}

// checkEndpointRules checks that the endpoints let compute in.
func (c checker) checkEndpointRules(path string, rules []Rule) {
	for _, p := range endpointPorts {
		if !c.reaches(rules, want{"ingress", "tcp", p.ports()}, []string{"workspace", "vpc"}, c.workspaceBlocks()) {
			c.lacks(path, Rule{"ingress", "tcp", fmt.Sprint(p.port), "workspace"}, "compute reaches "+p.use+" there")
		}
	}
}

// endpointPorts are the ports without which no cluster starts.
var endpointPorts = []endpointPort{
	{443, "the REST API of the workspace"},
	{6666, "the secure cluster connectivity relay"},
}

type endpointPort struct {
	port int
	use  string
}

func (p endpointPort) ports() portRange { return portRange{p.port, p.port} }

func (c checker) lacks(path string, r Rule, why string) {
	c.add(path, "lack a rule that covers {direction: %s, protocol: %s, ports: %q, peer: %s}: %s", r.Direction, r.Protocol, r.Ports, r.Peer, why)
}

// want is traffic that has to be let through.
type want struct {
	direction, protocol string
	ports               portRange
}

func (w want) metBy(r Rule) bool {
	ports, refusal := parsePorts(r.Ports)
	return refusal == "" && r.Direction == w.direction && r.Protocol == w.protocol && ports.includes(w.ports)
}

// reaches reports whether rules let traffic through to one of the peers, or
// else to every one of the blocks.
func (c checker) reaches(rules []Rule, w want, peers []string, blocks []netip.Prefix) bool {
	var open []netip.Prefix
	for _, r := range rules {
		if !w.metBy(r) {
			continue
		}
		if slices.Contains(peers, r.Peer) {
			return true
		}
		if block, err := netip.ParsePrefix(r.Peer); err == nil {
			open = append(open, block)
		}
	}
	if len(open) == 0 {
		return false
	}
	for _, inner := range blocks {
		if !slices.ContainsFunc(open, func(outer netip.Prefix) bool { return contains(outer, inner) }) {
			return false
		}
	}
	return true
}

// workspaceBlocks returns the blocks of compute, as far as the spec has them.
func (c checker) workspaceBlocks() []netip.Prefix {
	all := c.subnets()
	return c.blocks(all[:len(all)-1])
}

// endpointBlocks returns the block of the endpoints, if the spec has it.
func (c checker) endpointBlocks() []netip.Prefix {
	all := c.subnets()
	return c.blocks(all[len(all)-1:])
}

func (c checker) blocks(subnets []subnet) []netip.Prefix {
	var blocks []netip.Prefix
	for _, s := range subnets {
		if block, ok := c.blockAt(join(s.path, "cidr"), s.CIDR); ok {
			blocks = append(blocks, block)
		}
	}
	return blocks
}

// public reports whether a peer is a block with addresses beyond the VPC and
// all private networks.
func (c checker) public(peer string) bool {
	block, err := netip.ParsePrefix(peer)
	if err != nil {
		return false
	}
	inside := privateBlocks
	if vpc, refusal := parseCIDR(c.Spec.Network.VPC.CIDR); refusal == "" {
		inside = append(slices.Clone(inside), vpc)
	}
	return !slices.ContainsFunc(inside, func(outer netip.Prefix) bool { return contains(outer, block) })
}
