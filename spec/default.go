package spec

import (
	"fmt"
	"net/netip"
	"strings"
)

// defaultCIDR of a VPC that is created.
const defaultCIDR = "10.0.0.0/22"

// Default fills in what the comments of the types promise for what is left
// out. Nothing is filled in beside an id or ARN, since AWS and Databricks know
// the rest. Availability zones and service names stay empty: they depend on
// what is offered when they are needed. Doing it twice changes nothing.
func (w *Workspace) Default() {
	name := w.Metadata.Name
	// Databricks wants at least 4 characters, metadata.name has at least 2.
	longName := name
	if len(name) < 4 {
		longName = "lakegate-" + name
	}

	d := &w.Spec.Databricks
	set(&d.WorkspaceName, name)
	set(&d.CredentialsName, longName)
	set(&d.StorageName, longName)
	set(&d.NetworkName, longName)

	w.Spec.Network.setDefaults(name, w.Spec.Metastore.Hive != nil)

	l := &w.Spec.PrivateLink
	l.WorkspaceEndpoint.setDefaults(name + "-workspace")
	l.RelayEndpoint.setDefaults(name + "-relay")
	if l.FrontEnd != nil {
		l.FrontEnd.setDefaults(name + "-front-end")
		if l.PrivateAccessSettings.ID == "" {
			set(&l.PrivateAccessSettings.Level, "ENDPOINT")
		}
	}
	if l.PrivateAccessSettings.ID == "" {
		set(&l.PrivateAccessSettings.Name, longName)
	}
	if l.PrivateAccessSettings.PublicAccess == nil {
		l.PrivateAccessSettings.PublicAccess = new(true)
	}

	if glue := w.Spec.Metastore.Glue; glue != nil {
		glue.Endpoint.setDefaults(name + "-glue")
		if glue.InstanceProfile.ARN == "" {
			set(&glue.InstanceProfile.Name, "lakegate-"+name+"-glue")
		}
	}
	w.Spec.Encryption.ManagedServicesKey.setDefaults("lakegate-" + name + "-managed-services")
	w.Spec.Encryption.StorageKey.setDefaults("lakegate-" + name + "-storage")

	if w.Spec.CrossAccountRole.ARN == "" {
		set(&w.Spec.CrossAccountRole.Name, "lakegate-"+name+"-cross-account")
	}
	if w.Spec.RootBucket.ARN == "" {
		set(&w.Spec.RootBucket.Name, "lakegate-"+name+"-root-"+w.Spec.AWS.AccountID)
	}
	set(&w.Spec.Drift, Report)
	set(&w.Spec.DeletionPolicy, Retain)
	set(&w.Spec.BucketDeletion, Refuse)
}

func (n *Network) setDefaults(name string, hive bool) {
	if n.VPC.ID == "" {
		set(&n.VPC.Name, name+"-vpc")
		set(&n.VPC.CIDR, defaultCIDR)
	}

	vpc, _ := parseCIDR(n.VPC.CIDR)
	if len(n.WorkspaceSubnets) == 0 {
		n.WorkspaceSubnets = make([]Subnet, 2)
	}
	for i := range n.WorkspaceSubnets {
		cidr := ""
		if i < derivedSubnets {
			cidr = derive(vpc, i+1)
		}
		n.WorkspaceSubnets[i].setDefaults(fmt.Sprintf("%s-workspace-%d", name, i+1), cidr)
	}
	n.EndpointSubnet.setDefaults(name+"-endpoints", derive(vpc, 3))
	if n.EndpointRouteTable.ID == "" && n.EndpointSubnet.ID == "" {
		set(&n.EndpointRouteTable.Name, name+"-endpoints")
	}

	// AWS takes a name that begins with sg- for an id.
	group := name
	if strings.HasPrefix(name+"-", "sg-") {
		group = "lakegate-" + name
	}
	n.SecurityGroups.Workspace.setDefaults(group+"-workspace", "Compute of "+name, workspaceRules(hive))
	n.SecurityGroups.Endpoint.setDefaults(group+"-endpoints", "Control-plane endpoints of "+name, EndpointRules())

	n.Endpoints.S3.setDefaults(name + "-s3")
	n.Endpoints.STS.setDefaults(name + "-sts")
	n.Endpoints.Kinesis.setDefaults(name + "-kinesis")
}

// derivedSubnets is how many workspace subnets get a quarter of the VPC. The
// first quarter stays free, and the fourth is for the
// endpoints.
const derivedSubnets = 2

// derive returns the nth quarter of the VPC, from 0, or nothing if the VPC's
// block is unknown or too small.
func derive(vpc netip.Prefix, n int) string {
	if !vpc.IsValid() {
		return ""
	}
	block, ok := quarter(vpc, n)
	if !ok {
		return ""
	}
	return block.String()
}

func (s *Subnet) setDefaults(name, cidr string) {
	if s.ID == "" {
		set(&s.Name, name)
		set(&s.CIDR, cidr)
	}
}

func (g *SecurityGroup) setDefaults(name, description string, rules []Rule) {
	if g.ID != "" {
		return
	}
	set(&g.Name, name)
	set(&g.Description, description)
	if len(g.Rules) == 0 {
		g.Rules = rules
	}
}

func (e *Endpoint) setDefaults(name string) {
	if e.ID == "" {
		set(&e.Name, name)
	}
}

func (e *DatabricksEndpoint) setDefaults(name string) {
	if e.ID == "" {
		set(&e.Name, name)
		name = e.Name
	}
	set(&e.RegistrationName, name)
}

func (f *FrontEnd) setDefaults(name string) {
	if f.ID == "" {
		set(&f.Name, name)
		name = f.Name
	}
	set(&f.RegistrationName, name)
}

func (k *Key) setDefaults(alias string) {
	if k != nil && k.ARN == "" {
		set(&k.Alias, alias)
	}
}

// set gives a value to what has none.
func set(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// controlPlanePorts are the TCP ports on which compute calls the control
// plane. Two more that the documentation names are left out: 3306 leads to the
// legacy Hive metastore in the public network, 2443 is for FIPS only.
//
// https://docs.databricks.com/aws/en/security/network/classic/customer-managed-vpc#security-groups
var controlPlanePorts = []string{
	"443",       // the REST API, and the AWS services behind their endpoints
	"6666",      // the secure cluster connectivity relay over PrivateLink
	"8443",      // calls from compute to the control plane's API
	"8444",      // Unity Catalog: logs and lineage
	"8445-8451", // kept by Databricks for what is to come
}

// WorkspaceRules returns the default rules of the workspace group: nodes talk
// freely among themselves, and reach the control plane and AWS services. Where
// 0.0.0.0/0 really leads is the routes' affair, and they lead to endpoints.
func WorkspaceRules() []Rule {
	rules := []Rule{
		{Direction: "ingress", Protocol: "tcp", Ports: "all", Peer: "self"},
		{Direction: "ingress", Protocol: "udp", Ports: "all", Peer: "self"},
		{Direction: "egress", Protocol: "tcp", Ports: "all", Peer: "self"},
		{Direction: "egress", Protocol: "udp", Ports: "all", Peer: "self"},
	}
	for _, ports := range controlPlanePorts {
		rules = append(rules, Rule{Direction: "egress", Protocol: "tcp", Ports: ports, Peer: "0.0.0.0/0"})
	}
	return rules
}

// workspaceRules adds the port of the Hive metastore that Databricks runs,
// where it is used.
func workspaceRules(hive bool) []Rule {
	rules := WorkspaceRules()
	if hive {
		rules = append(rules, Rule{Direction: "egress", Protocol: "tcp", Ports: "3306", Peer: "0.0.0.0/0"})
	}
	return rules
}

// EndpointRules returns the default rules of the endpoint group: compute gets
// in, and nothing goes out, since endpoints answer but never call.
func EndpointRules() []Rule {
	var rules []Rule
	for _, ports := range controlPlanePorts {
		rules = append(rules, Rule{Direction: "ingress", Protocol: "tcp", Ports: ports, Peer: "workspace"})
	}
	return rules
}
