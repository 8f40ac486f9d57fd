package emulator

import (
	"context"
	"fmt"
	"net/netip"
	"slices"

	"lakegate/lambda/internal/emulator/network"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// Placement is where functions run in a VPC. It need not exist yet.
type Placement struct {
	VPC             string
	Subnets, Groups []string
}

// PlacementFor is where an operator has to deploy the functions for a spec: in
// the VPC of its users, if the workspace is closed to the public network and the
// spec says which one that is.
func PlacementFor(l spec.PrivateLink) *Placement {
	if f := l.FrontEnd; f != nil && f.VPC != "" && !*l.PrivateAccessSettings.PublicAccess {
		return &Placement{VPC: f.VPC, Subnets: f.Subnets, Groups: f.SecurityGroups}
	}
	return nil
}

func (w *World) functionsVPC() string {
	if w.Config.Functions == nil {
		return ""
	}
	return w.Config.Functions.VPC
}

// machine returns where a function stands in the network; false means outside
// of any VPC.
func (w *World) machine(function string) (network.Machine, bool) {
	at := w.Config.Functions
	if at == nil || !callsWorkspace(function) {
		return network.Machine{}, false
	}
	m := network.Machine{Region: w.Config.Region, Subnet: at.Subnets[0], Groups: at.Groups}
	for _, s := range (everyEC2{w}).Subnets(m.Region) {
		if s.ID == m.Subnet {
			m.Address = hostOf(s.CIDR)
		}
	}
	return m, true
}

// hostOf is an address of a subnet far enough from those that AWS keeps and
// endpoints get.
func hostOf(subnet netip.Prefix) netip.Addr {
	address := subnet.Addr()
	for range 200 {
		if next := address.Next(); subnet.Contains(next) {
			address = next
		}
	}
	return address
}

// callsWorkspace says whether the plan has a function call workspaces.
func callsWorkspace(name string) bool {
	return slices.ContainsFunc(plan.Steps(), func(s plan.Step) bool { return s.Name == name && s.CallsWorkspace }) ||
		slices.ContainsFunc(plan.Functions(), func(f plan.Function) bool { return f.Name == name && f.CallsWorkspace })
}

// resolver resolves names as a function does; nil means as this machine does.
func (w *World) resolver(function string) func(context.Context, string) ([]string, error) {
	if w.Config.Functions == nil || !callsWorkspace(function) {
		return nil
	}
	return func(_ context.Context, host string) ([]string, error) {
		m, _ := w.machine(function)
		addresses, ok := w.Databricks.Resolve(m, host)
		if !ok {
			return nil, fmt.Errorf("there is no such host")
		}
		var out []string
		for _, a := range addresses {
			out = append(out, a.String())
		}
		return out, nil
	}
}

// reach says whether a call to AWS finds its way out of the VPC that the caller
// stands in. Databricks follows the calls to its own hosts.
func (w *World) reach(c *wire.Call) bool {
	if c.Service == "databricks" {
		return true
	}
	m, placed := w.machine(c.Caller)
	if !placed {
		return true
	}
	host := c.Service + "." + m.Region + ".amazonaws.com"
	addresses, ok := w.Network.Resolve(m, host)
	return ok && w.Network.Connect(m, addresses[0], 443, network.TLS, host) == network.Connected
}
