package ec2

import "slices"

// The methods of this file tell what exists, for tests, for people and for the
// emulated Databricks. They do not count as reads of a fresh object. Some take
// conditions, so that of a large world only what is wanted is copied.

// VPCs returns a copy of all VPCs of a region.
func (s *Service) VPCs(region string, only ...func(*VPC) bool) []VPC {
	return snapshot(s, region, vpcsOf, func(v *VPC) VPC {
		out := *v
		out.Resource, out.Secondary, out.CIDR6 = v.clone(), slices.Clone(v.Secondary), slices.Clone(v.CIDR6)
		return out
	}, only...)
}

// Subnets returns a copy of all subnets of a region.
func (s *Service) Subnets(region string, only ...func(*Subnet) bool) []Subnet {
	return snapshot(s, region, subnetsOf, func(v *Subnet) Subnet {
		out := *v
		out.Resource = v.clone()
		return out
	}, only...)
}

// RouteTables returns a copy of all route tables of a region.
func (s *Service) RouteTables(region string, only ...func(*RouteTable) bool) []RouteTable {
	return snapshot(s, region, tablesOf, func(v *RouteTable) RouteTable {
		out := *v
		out.Resource, out.Routes, out.Associations = v.clone(), slices.Clone(v.Routes), slices.Clone(v.Associations)
		return out
	}, only...)
}

// NetworkACLs returns a copy of all network ACLs of a region.
func (s *Service) NetworkACLs(region string, only ...func(*NetworkACL) bool) []NetworkACL {
	return snapshot(s, region, aclsOf, func(v *NetworkACL) NetworkACL {
		out := *v
		out.Resource, out.Entries, out.Associations = v.clone(), slices.Clone(v.Entries), slices.Clone(v.Associations)
		return out
	}, only...)
}

// OfSubnet is the condition that an ACL is that of a subnet.
func OfSubnet(subnet string) func(*NetworkACL) bool {
	return func(a *NetworkACL) bool {
		return slices.ContainsFunc(a.Associations, func(as ACLAssociation) bool { return as.SubnetID == subnet })
	}
}

// SecurityGroups returns a copy of all security groups of a region.
func (s *Service) SecurityGroups(region string, only ...func(*SecurityGroup) bool) []SecurityGroup {
	return snapshot(s, region, groupsOf, func(v *SecurityGroup) SecurityGroup {
		out := *v
		out.Resource = v.clone()
		return out
	}, only...)
}

// Rules returns a copy of all security group rules of a region.
func (s *Service) Rules(region string, only ...func(*Rule) bool) []Rule {
	return snapshot(s, region, rulesOf, func(v *Rule) Rule {
		out := *v
		out.Resource = v.clone()
		return out
	}, only...)
}

// NetworkInterfaces returns a copy of all network interfaces of a region.
func (s *Service) NetworkInterfaces(region string, only ...func(*NetworkInterface) bool) []NetworkInterface {
	return snapshot(s, region, interfacesOf, func(v *NetworkInterface) NetworkInterface {
		out := *v
		out.Resource, out.GroupIDs = v.clone(), slices.Clone(v.GroupIDs)
		return out
	}, only...)
}

// InternetGateways returns a copy of all internet gateways of a region.
func (s *Service) InternetGateways(region string) []InternetGateway {
	return snapshot(s, region, gatewaysOf, func(v *InternetGateway) InternetGateway {
		out := *v
		out.Resource = v.clone()
		return out
	})
}

// Addresses returns a copy of all Elastic IP addresses of a region.
func (s *Service) Addresses(region string) []Address {
	return snapshot(s, region, addressesOf, func(v *Address) Address {
		out := *v
		out.Resource = v.clone()
		return out
	})
}

// NATGateways returns a copy of all NAT gateways of a region, with the deleted
// ones that are still described.
func (s *Service) NATGateways(region string, only ...func(*NATGateway) bool) []NATGateway {
	return snapshot(s, region, natsOf, func(v *NATGateway) NATGateway {
		out := *v
		out.Resource = v.clone()
		return out
	}, only...)
}

// PeeringConnections returns a copy of all VPC peering connections of a region,
// with the ended ones that are still described.
func (s *Service) PeeringConnections(region string) []PeeringConnection {
	return snapshot(s, region, peeringsOf, func(v *PeeringConnection) PeeringConnection {
		out := *v
		out.Resource, out.twin = v.clone(), nil
		return out
	})
}

// TransitGateways returns a copy of all transit gateways of a region, with the
// deleted ones that are still described.
func (s *Service) TransitGateways(region string) []TransitGateway {
	return snapshot(s, region, transitsOf, func(v *TransitGateway) TransitGateway {
		out := *v
		out.Resource = v.clone()
		return out
	})
}

// TransitGatewayAttachments returns a copy of all attachments of VPCs to transit
// gateways of a region, with the deleted ones that are still described.
func (s *Service) TransitGatewayAttachments(region string) []TransitGatewayAttachment {
	return snapshot(s, region, transitAttachmentsOf, func(v *TransitGatewayAttachment) TransitGatewayAttachment {
		out := *v
		out.Resource, out.SubnetIDs, out.interfaceIDs = v.clone(), slices.Clone(v.SubnetIDs), nil
		return out
	})
}

// EgressOnlyGateways returns a copy of all egress-only internet gateways of a
// region.
func (s *Service) EgressOnlyGateways(region string) []EgressOnlyGateway {
	return snapshot(s, region, egressOnlyOf, func(v *EgressOnlyGateway) EgressOnlyGateway {
		out := *v
		out.Resource = v.clone()
		return out
	})
}

// VPNGateways returns a copy of all virtual private gateways of a region, with
// the deleted ones that are still described.
func (s *Service) VPNGateways(region string) []VPNGateway {
	return snapshot(s, region, vpnsOf, func(v *VPNGateway) VPNGateway {
		out := *v
		out.Resource = v.clone()
		return out
	})
}

// PrefixListCIDRs returns the address ranges in a prefix list, none if there is
// no such list.
func (s *Service) PrefixListCIDRs(region, id string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(region)
	if err != nil {
		return nil
	}
	list, ok := r.prefixList(id)
	if !ok {
		return nil
	}
	return slices.Clone(list.cidrs)
}

// Endpoints returns a copy of all endpoints of a region.
func (s *Service) Endpoints(region string, only ...func(*Endpoint) bool) []Endpoint {
	return snapshot(s, region, endpointsOf, copyOfEndpoint, only...)
}

// Endpoint returns a copy of one endpoint.
func (s *Service) Endpoint(region, id string) (Endpoint, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(region)
	if err != nil {
		return Endpoint{}, false
	}
	e, ok := r.endpoints.get(id)
	if !ok {
		return Endpoint{}, false
	}
	return copyOfEndpoint(e), true
}

func copyOfEndpoint(e *Endpoint) Endpoint {
	out := *e
	out.Resource = e.clone()
	out.SubnetIDs, out.GroupIDs = slices.Clone(e.SubnetIDs), slices.Clone(e.GroupIDs)
	out.InterfaceIDs, out.RouteTableIDs = slices.Clone(e.InterfaceIDs), slices.Clone(e.RouteTableIDs)
	out.DNS = slices.Clone(e.DNS)
	return out
}

func vpcsOf(r *region) *store[*VPC]                                    { return &r.vpcs }
func subnetsOf(r *region) *store[*Subnet]                              { return &r.subnets }
func tablesOf(r *region) *store[*RouteTable]                           { return &r.tables }
func aclsOf(r *region) *store[*NetworkACL]                             { return &r.acls }
func groupsOf(r *region) *store[*SecurityGroup]                        { return &r.groups }
func rulesOf(r *region) *store[*Rule]                                  { return &r.rules }
func interfacesOf(r *region) *store[*NetworkInterface]                 { return &r.interfaces }
func gatewaysOf(r *region) *store[*InternetGateway]                    { return &r.gateways }
func addressesOf(r *region) *store[*Address]                           { return &r.addresses }
func natsOf(r *region) *store[*NATGateway]                             { return &r.nats }
func peeringsOf(r *region) *store[*PeeringConnection]                  { return &r.peerings }
func transitsOf(r *region) *store[*TransitGateway]                     { return &r.transits }
func transitAttachmentsOf(r *region) *store[*TransitGatewayAttachment] { return &r.transitAttachments }
func egressOnlyOf(r *region) *store[*EgressOnlyGateway]                { return &r.egressOnly }
func vpnsOf(r *region) *store[*VPNGateway]                             { return &r.vpns }
func endpointsOf(r *region) *store[*Endpoint]                          { return &r.endpoints }

// snapshot copies the objects of one type that satisfy all conditions.
func snapshot[T object, V any](s *Service, name string, of func(*region) *store[T], clone func(T) V, only ...func(T) bool) []V {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(name)
	if err != nil {
		return nil
	}
	var out []V
	for _, v := range of(r.region).order {
		if !slices.ContainsFunc(only, func(wanted func(T) bool) bool { return !wanted(v) }) {
			out = append(out, clone(v))
		}
	}
	return out
}
