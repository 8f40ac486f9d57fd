package spec

import (
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// groupText is what EC2 allows in names and descriptions of security groups.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
var groupText = regexp.MustCompile(`^[a-zA-Z0-9. _\-:/()#,@\[\]+=&;{}!$*]*$`)

// maxRules is the quota of rules per group and direction.
// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
const maxRules = 60

func (v *validation) securityGroups() {
	g, written := v.spec.Spec.Network.SecurityGroups, v.written.Spec.Network.SecurityGroups
	const workspace, endpoint = "spec.network.securityGroups.workspace", "spec.network.securityGroups.endpoint"
	v.securityGroup(workspace, g.Workspace, written.Workspace)
	v.securityGroup(endpoint, g.Endpoint, written.Endpoint)
	v.distinct(endpoint+".name", g.Endpoint.Name, workspace+".name", g.Workspace.Name)
	v.distinct(endpoint+".id", g.Endpoint.ID, workspace+".id", g.Workspace.ID)
	if g.Workspace.ID == "" && v.clean(workspace+".rules") {
		for _, protocol := range []string{"tcp", "udp"} {
			want := Rule{Direction: Ingress, Protocol: protocol, Ports: "all", Peer: PeerSelf}
			if !slices.Contains(g.Workspace.Rules, want) {
				v.add(workspace+".rules", "do not let nodes talk to each other: add {direction: ingress, protocol: %s, ports: all, peer: self}", protocol)
			}
		}
		v.lets(workspace+".rules", g.Workspace.Rules, Egress, "out to the control plane")
	}
	if g.Endpoint.ID == "" && v.clean(endpoint+".rules") {
		v.lets(endpoint+".rules", g.Endpoint.Rules, Ingress, "in from compute")
	}
}

// lets checks that rules let the two ports pass without which no cluster
// starts.
func (v *validation) lets(path string, rules []Rule, direction, what string) {
	for _, port := range []int{443, 6666} {
		if !slices.ContainsFunc(rules, func(r Rule) bool {
			first, last, ok := portsOf(r.Ports)
			return ok && r.Direction == direction && r.Protocol == "tcp" && first <= port && port <= last && r.Peer != PeerSelf
		}) {
			v.add(path, "do not let TCP %d %s: add {direction: %s, protocol: tcp, ports: %q, peer: …}", port, what, direction, strconv.Itoa(port))
		}
	}
}

func (v *validation) securityGroup(path string, g, written SecurityGroup) {
	v.id(path+".id", g.ID, "sg")
	v.needsVPC(path+".id", g.ID)
	v.alone(path, g.ID, map[string]bool{
		"name": written.Name != "", "description": written.Description != "", "rules": written.Rules != nil,
	})
	if g.ID != "" {
		return
	}
	v.length(path+".name", g.Name, 1, 255)
	if strings.HasPrefix(strings.ToLower(g.Name), "sg-") {
		v.add(path+".name", "is %s: AWS refuses names that begin with sg-", quote(g.Name))
	} else if g.Name == "default" {
		v.add(path+".name", `is "default", which every VPC has already: want another name`)
	}
	v.pattern(path+".name", g.Name, groupText, "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*")
	v.length(path+".description", g.Description, 1, 255)
	v.pattern(path+".description", g.Description, groupText, "letters, digits, spaces and ._-:/()#,@[]+=&;{}!$*")
	count := map[string]int{}
	for i, r := range g.Rules {
		at := item(path+".rules", i)
		v.rule(at, r)
		count[r.Direction]++
		if first := slices.Index(g.Rules, r); first < i {
			v.add(at, "is the same as rule %d: remove one", first)
		}
	}
	for _, direction := range []string{Ingress, Egress} {
		if n := count[direction]; n > maxRules {
			v.add(path+".rules", "has %d %s rules: AWS allows %d", n, direction, maxRules)
		}
	}
}

func (v *validation) rule(path string, r Rule) {
	if v.required(path+".direction", r.Direction, "ingress or egress") && r.Direction != Ingress && r.Direction != Egress {
		v.add(path+".direction", "is %s: want ingress or egress", quote(r.Direction))
	}
	if v.required(path+".protocol", r.Protocol, "tcp or udp") && r.Protocol != "tcp" && r.Protocol != "udp" {
		v.add(path+".protocol", "is %s: want tcp or udp", quote(r.Protocol))
	}
	const wantPorts = `a port ("443"), a range ("8445-8451") or all`
	if v.required(path+".ports", r.Ports, wantPorts) {
		if _, _, ok := portsOf(r.Ports); !ok {
			v.add(path+".ports", "is %s: want %s", quote(r.Ports), wantPorts)
		}
	}
	const wantPeer = "self, workspace, vpc or an IPv4 block such as 10.0.0.0/22"
	if !v.required(path+".peer", r.Peer, wantPeer) || slices.Contains([]string{PeerSelf, PeerWorkspace, PeerVPC}, r.Peer) {
		return
	}
	block, err := netip.ParsePrefix(r.Peer)
	switch {
	case err != nil || !block.Addr().Is4():
		v.add(path+".peer", "is %s: want %s", quote(r.Peer), wantPeer)
	case block.Masked() != block:
		v.add(path+".peer", "is %s, which is an address inside of a block: want %s", quote(r.Peer), block.Masked())
	}
}

// portsOf reads a port, a range or all.
func portsOf(ports string) (first, last int, ok bool) {
	if ports == "all" {
		return 0, 65535, true
	}
	a, b, isRange := strings.Cut(ports, "-")
	if !isRange {
		b = a
	}
	first, errA := strconv.Atoi(a)
	last, errB := strconv.Atoi(b)
	canonical := strconv.Itoa(first) == a && strconv.Itoa(last) == b
	return first, last, errA == nil && errB == nil && canonical && 1 <= first && first <= last && last <= 65535
}
