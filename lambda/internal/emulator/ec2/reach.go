package ec2

import "strings"

// The methods of this file tell the emulated network where packets end up.

// ServiceCIDRs returns the blocks of a service that has a gateway endpoint.
func (s *Service) ServiceCIDRs(region, service string) []string {
	return s.PrefixListCIDRs(region, newPrefixList("com.amazonaws."+region+"."+service, nil).ID)
}

// LeadsOut says whether a route of a VPC to a target leads to the public network
// or to whatever a company has behind its gateways. A NAT gateway leads where
// the route of its subnet does.
func (s *Service) LeadsOut(region, vpc, target string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(region)
	if err != nil || !r.reachable(vpc, target) {
		return false
	}
	// A peering connection ends in the other VPC, an endpoint at its service.
	kind, _, _ := strings.Cut(target, "-")
	return target != "local" && kind+"-" != peeringKind.prefix && kind+"-" != endpointKind.prefix
}
