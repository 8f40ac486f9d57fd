package page

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/databricks"
	"lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// world is what exists: the networks of one workspace, to be drawn, and all
// objects.
type world struct {
	Networks []network `json:"networks"`
	Objects  []object  `json:"objects"`
}

type object struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	ID   string `json:"id"`
	More string `json:"more"`
}

// network is a VPC that a workspace uses, with what is in it and what it leads
// to.
type network struct {
	Account    string      `json:"account"`
	Region     string      `json:"region"`
	ID         string      `json:"id"`
	Name       string      `json:"name"`
	CIDR       string      `json:"cidr"`
	Subnets    []subnet    `json:"subnets"`
	Groups     []group     `json:"groups"`
	Endpoints  []endpoint  `json:"endpoints"`
	Exits      []exit      `json:"exits"`
	Workspaces []workspace `json:"workspaces"`
}

type subnet struct {
	ID   string `json:"id"`
	Name string `json:"name"`
	CIDR string `json:"cidr"`
	Zone string `json:"zone"`
	// Compute says that the workspace runs its compute here.
	Compute bool `json:"compute"`
}

// group is a security group, with its rules in words.
type group struct {
	ID   string   `json:"id"`
	Name string   `json:"name"`
	In   []string `json:"in"`
	Out  []string `json:"out"`
	// Of is compute or endpoints, or empty for one that is used by neither.
	Of string `json:"of"`
}

type endpoint struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Service string `json:"service"`
	// Role is workspace, relay or frontEnd, the way of the users, for those to the
	// control plane, and otherwise the service of AWS, such as s3.
	Role       string   `json:"role"`
	Gateway    bool     `json:"gateway"`
	State      string   `json:"state"`
	PrivateDNS bool     `json:"privateDns"`
	Groups     []string `json:"groups"`
	// Addresses by subnet.
	Addresses map[string]string `json:"addresses"`
}

// exit is a way out of the VPC that is no endpoint.
type exit struct {
	Target      string `json:"target"`
	Destination string `json:"destination"`
}

// workspace is one at Databricks.
type workspace struct {
	ID      string `json:"id"`
	Name    string `json:"name"`
	Status  string `json:"status"`
	Message string `json:"message"`
	URL     string `json:"url"`
}

// Roles of endpoints to the control plane.
const (
	toWorkspace = "workspace"
	toRelay     = "relay"
	frontEnd    = "frontEnd"
)

func (p *page) network(r *http.Request) (any, error) {
	out := world{Networks: []network{}, Objects: []object{}}
	for _, o := range p.world.Objects() {
		out.Objects = append(out.Objects, object(o))
	}
	name := r.FormValue("workspace")
	if name == "" {
		return out, nil
	}
	for _, a := range p.world.Accounts {
		for _, region := range spec.RegionNames() {
			// The users' endpoint may be in a VPC that the workspace has nothing else in.
			with := map[string]bool{}
			for _, e := range a.EC2.Endpoints(region, func(e *ec2.Endpoint) bool { return of(name, e.Tags) }) {
				with[e.VPCID] = true
			}
			for _, v := range a.EC2.VPCs(region) {
				if with[v.ID] || of(name, v.Tags) {
					out.Networks = append(out.Networks, p.draw(a, region, v, name))
				}
			}
		}
	}
	// First that of compute.
	slices.SortStableFunc(out.Networks, func(a, b network) int {
		switch {
		case a.hasCompute() == b.hasCompute():
			return 0
		case a.hasCompute():
			return -1
		}
		return 1
	})
	// Who comes by the users' endpoint comes to the workspace of the other VPC.
	for i := range out.Networks {
		for _, other := range out.Networks {
			if len(out.Networks[i].Workspaces) == 0 {
				out.Networks[i].Workspaces = other.Workspaces
			}
		}
	}
	return out, nil
}

func (n network) hasCompute() bool {
	return slices.ContainsFunc(n.Subnets, func(s subnet) bool { return s.Compute })
}

// of says whether an object is a workspace's, or is given to it.
func of(workspace string, tags map[string]string) bool {
	_, shared := tags[plan.TagShared+workspace]
	return shared || tags[plan.TagWorkspace] == workspace
}

// draw collects what a workspace has in a VPC.
func (p *page) draw(a *emulator.Account, region string, v ec2.VPC, name string) network {
	n := network{
		Account: a.ID, Region: region, ID: v.ID, Name: v.Tags["Name"], CIDR: v.CIDR.String(),
		Subnets: []subnet{}, Groups: []group{}, Endpoints: []endpoint{}, Exits: []exit{},
	}
	for _, g := range a.EC2.SecurityGroups(region, func(g *ec2.SecurityGroup) bool { return g.VPCID == v.ID && of(name, g.Tags) }) {
		drawn := group{ID: g.ID, Name: g.Name, In: []string{}, Out: []string{}}
		for _, rule := range a.EC2.Rules(region, func(r *ec2.Rule) bool { return r.GroupID == g.ID }) {
			if rule.Egress {
				drawn.Out = append(drawn.Out, ruleText(rule))
			} else {
				drawn.In = append(drawn.In, ruleText(rule))
			}
		}
		n.Groups = append(n.Groups, drawn)
	}
	// A subnet that only holds an endpoint has no tag that says so.
	holds := map[string]bool{}
	for _, e := range a.EC2.Endpoints(region, func(e *ec2.Endpoint) bool { return e.VPCID == v.ID && of(name, e.Tags) }) {
		drawn := endpoint{
			ID: e.ID, Name: e.Tags["Name"], Service: e.Service, Role: roleOf(region, e.Service), Gateway: e.Type == "Gateway",
			State: e.State, PrivateDNS: e.PrivateDNS, Groups: slices.Concat([]string{}, e.GroupIDs), Addresses: map[string]string{},
		}
		for _, i := range a.EC2.NetworkInterfaces(region, func(i *ec2.NetworkInterface) bool { return i.EndpointID == e.ID }) {
			drawn.Addresses[i.SubnetID], holds[i.SubnetID] = i.Address.String(), true
		}
		if e.Tags[plan.TagObject] == "front-end-endpoint" {
			drawn.Role = frontEnd
		}
		n.Endpoints = append(n.Endpoints, drawn)
	}
	for _, s := range a.EC2.Subnets(region, func(s *ec2.Subnet) bool { return s.VPCID == v.ID && (holds[s.ID] || of(name, s.Tags)) }) {
		n.Subnets = append(n.Subnets, subnet{s.ID, s.Tags["Name"], s.CIDR.String(), s.Zone, false})
	}
	for _, t := range a.EC2.RouteTables(region, func(t *ec2.RouteTable) bool { return t.VPCID == v.ID }) {
		for _, route := range t.Routes {
			way := exit{route.Target, route.Destination}
			if route.Target != "local" && !strings.HasPrefix(route.Target, "vpce-") && !slices.Contains(n.Exits, way) {
				n.Exits = append(n.Exits, way)
			}
		}
	}
	p.register(&n)
	return n
}

// register adds what Databricks knows of a network: where compute runs, and
// which workspaces have it.
func (p *page) register(n *network) {
	n.Workspaces = []workspace{}
	objects := p.world.Databricks.Objects()
	in, groups, registrations, backEnd := map[string]bool{}, map[string]bool{}, map[string]string{}, map[string]bool{}
	for _, o := range objects {
		if e, ok := o.Value.(databricks.VPCEndpoint); ok {
			registrations[e.VPCEndpointID] = e.AWSVPCEndpointID
		}
	}
	for _, o := range objects {
		registered, ok := o.Value.(databricks.Network)
		if !ok || registered.VPCID != n.ID {
			continue
		}
		for i := range n.Subnets {
			if slices.Contains(registered.SubnetIDs, n.Subnets[i].ID) {
				n.Subnets[i].Compute, in[registered.NetworkID] = true, true
			}
		}
		for _, id := range registered.SecurityGroupIDs {
			groups[id] = true
		}
		if registered.VPCEndpoints != nil {
			for _, id := range registered.VPCEndpoints.RESTAPI {
				backEnd[registrations[id]] = true
			}
		}
	}
	for i, e := range n.Endpoints {
		if e.Role == toWorkspace && len(backEnd) > 0 && !backEnd[e.ID] {
			n.Endpoints[i].Role = frontEnd
		}
	}
	for i, g := range n.Groups {
		switch {
		case groups[g.ID]:
			n.Groups[i].Of = "compute"
		case slices.ContainsFunc(n.Endpoints, func(e endpoint) bool { return slices.Contains(e.Groups, g.ID) }):
			n.Groups[i].Of = "endpoints"
		}
	}
	for _, o := range objects {
		if w, ok := o.Value.(databricks.Workspace); ok && in[w.NetworkID] {
			n.Workspaces = append(n.Workspaces, workspace{
				strconv.FormatInt(w.WorkspaceID, 10), w.WorkspaceName, w.WorkspaceStatus, w.WorkspaceStatusMessage, w.URL(),
			})
		}
	}
}

// roleOf says what an endpoint leads to.
func roleOf(region, service string) string {
	r, _ := spec.LookupRegion(region)
	switch {
	case service == r.RelayService:
		return toRelay
	case slices.Contains(r.WorkspaceServices, service):
		return toWorkspace
	}
	return strings.TrimPrefix(service, "com.amazonaws."+region+".")
}

// ruleText is a rule in words, such as tcp 443 0.0.0.0/0.
func ruleText(r ec2.Rule) string {
	protocol, ports := r.Protocol, ""
	switch {
	case protocol == "-1":
		protocol = "all traffic"
	case r.FromPort == 0 && r.ToPort == 65535:
		ports = " all ports"
	case r.FromPort == r.ToPort && r.FromPort >= 0:
		ports = fmt.Sprintf(" %d", r.FromPort)
	case r.FromPort >= 0:
		ports = fmt.Sprintf(" %d–%d", r.FromPort, r.ToPort)
	}
	peer := r.CIDR + r.CIDR6 + r.PrefixListID + r.PeerGroupID
	if r.PeerGroupID == r.GroupID {
		peer = "the group itself"
	}
	return protocol + ports + " " + peer
}
