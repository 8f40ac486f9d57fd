package spec

import (
	"fmt"
	"net/netip"
)

// defaultCIDR of a VPC that is created: its quarters have room for 125 nodes
// each.
const defaultCIDR = "10.0.0.0/22"

// Default fills in what the author left out, as the comments of the fields say.
// What is given by id gets nothing: it is read from AWS. Default changes
// nothing that is there, so doing it twice is doing it once.
func (w *Workspace) Default() {
	name, s := w.Metadata.Name, &w.Spec
	s.Databricks.setDefaults(name)
	s.Network.setDefaults(name)
	s.PrivateLink.setDefaults(name)
	if s.CrossAccountRole.ARN == "" {
		set(&s.CrossAccountRole.Name, "lakegate-"+name+"-cross-account")
	}
	if s.RootBucket.ARN == "" {
		set(&s.RootBucket.Name, "lakegate-"+name+"-root-"+s.AWS.AccountID)
	}
}

// set gives an empty text a value.
func set(text *string, value string) {
	if *text == "" {
		*text = value
	}
}

// objectName is the default name of an object in the Databricks account, where
// names have at least four characters.
func objectName(workspace string) string {
	if len(workspace) < minObjectName {
		return "lakegate-" + workspace
	}
	return workspace
}

func (d *Databricks) setDefaults(name string) {
	set(&d.WorkspaceName, name)
	set(&d.CredentialsName, objectName(name))
	set(&d.StorageName, objectName(name))
	set(&d.NetworkName, objectName(name))
}

func (n *Network) setDefaults(name string) {
	if n.VPC.ID == "" {
		set(&n.VPC.Name, name+"-vpc")
		set(&n.VPC.CIDR, defaultCIDR)
	}
	if len(n.WorkspaceSubnets) == 0 {
		n.WorkspaceSubnets = make([]Subnet, 2)
	}
	quarters := quartersOf(n.VPC.CIDR)
	for i := range n.WorkspaceSubnets {
		subnet := &n.WorkspaceSubnets[i]
		if subnet.ID != "" {
			continue
		}
		set(&subnet.Name, fmt.Sprintf("%s-workspace-%d", name, i+1))
		if quarters != nil && len(n.WorkspaceSubnets) == 2 {
			set(&subnet.CIDR, quarters[i+1])
		}
	}
	if n.EndpointSubnet.ID == "" {
		set(&n.EndpointSubnet.Name, name+"-endpoints")
		if quarters != nil {
			set(&n.EndpointSubnet.CIDR, quarters[3])
		}
	}
	if n.EndpointRouteTable.ID == "" {
		set(&n.EndpointRouteTable.Name, name+"-endpoints")
	}
	n.SecurityGroups.setDefaults(name)
	for _, e := range []struct {
		endpoint *Endpoint
		name     string
	}{{&n.Endpoints.S3, "s3"}, {&n.Endpoints.STS, "sts"}, {&n.Endpoints.Kinesis, "kinesis"}} {
		if e.endpoint.ID == "" {
			set(&e.endpoint.Name, name+"-"+e.name)
		}
	}
}

// quartersOf divides a VPC in four. Nothing comes of a block that cannot be
// divided into subnets that AWS allows.
func quartersOf(cidr string) []string {
	block, err := netip.ParsePrefix(cidr)
	if err != nil || !block.Addr().Is4() || block.Bits() > 26 {
		return nil
	}
	bits := block.Bits() + 2
	base := block.Masked().Addr().As4()
	start := uint32(base[0])<<24 | uint32(base[1])<<16 | uint32(base[2])<<8 | uint32(base[3])
	quarters := make([]string, 4)
	for i := range quarters {
		at := start + uint32(i)<<(32-bits) //nolint:gosec // i is at most 3
		quarters[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{byte(at >> 24), byte(at >> 16), byte(at >> 8), byte(at)}), bits).String()
	}
	return quarters
}

func (g *SecurityGroups) setDefaults(name string) {
	if g.Workspace.ID == "" {
		set(&g.Workspace.Name, name+"-workspace")
		set(&g.Workspace.Description, "Compute of "+name)
		if g.Workspace.Rules == nil {
			g.Workspace.Rules = WorkspaceRules()
		}
	}
	if g.Endpoint.ID == "" {
		set(&g.Endpoint.Name, name+"-endpoints")
		set(&g.Endpoint.Description, "Control-plane endpoints of "+name)
		if g.Endpoint.Rules == nil {
			g.Endpoint.Rules = EndpointRules()
		}
	}
}

// controlPlanePorts are the TCP ports on which compute reaches the control
// plane: REST API and AWS services; secure cluster connectivity relay; compute
// to control plane; Unity Catalog's logs and lineage; what will come.
// https://docs.databricks.com/aws/en/security/network/classic/customer-managed-vpc#security-groups
var controlPlanePorts = []string{"443", "6666", "8443", "8444", "8445-8451"}

// WorkspaceRules are the rules of the workspace group that the Databricks
// documentation asks for: nodes talk to each other, and to the control plane.
// 3306 (the legacy Hive metastore) and 2443 (FIPS) are not among them.
func WorkspaceRules() []Rule {
	var rules []Rule
	for _, direction := range []string{Ingress, Egress} {
		for _, protocol := range []string{"tcp", "udp"} {
			rules = append(rules, Rule{Direction: direction, Protocol: protocol, Ports: "all", Peer: PeerSelf})
		}
	}
	for _, ports := range controlPlanePorts {
		rules = append(rules, Rule{Direction: Egress, Protocol: "tcp", Ports: ports, Peer: "0.0.0.0/0"})
	}
	return rules
}

// EndpointRules are the rules of the endpoint group: the workspace group may
// come in on the ports of the control plane; endpoints send nothing of their
// own.
func EndpointRules() []Rule {
	var rules []Rule
	for _, ports := range controlPlanePorts {
		rules = append(rules, Rule{Direction: Ingress, Protocol: "tcp", Ports: ports, Peer: PeerWorkspace})
	}
	return rules
}

func (p *PrivateLink) setDefaults(name string) {
	for _, e := range []struct {
		endpoint *DatabricksEndpoint
		name     string
	}{{&p.WorkspaceEndpoint, name + "-workspace"}, {&p.RelayEndpoint, name + "-relay"}} {
		if e.endpoint.ID == "" {
			set(&e.endpoint.Name, e.name)
		}
		set(&e.endpoint.RegistrationName, e.name)
	}
	if p.PrivateAccessSettings.ID == "" {
		set(&p.PrivateAccessSettings.Name, objectName(name))
		if p.PrivateAccessSettings.PublicAccess == nil {
			p.PrivateAccessSettings.PublicAccess = new(true)
		}
	}
}
