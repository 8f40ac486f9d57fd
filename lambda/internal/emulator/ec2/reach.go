package ec2

import "strings"

// The methods of this file tell the emulated network where packets end up.

// ServiceCIDRs returns the blocks of a service that has a gateway endpoint.
func (s *Service) ServiceCIDRs(region, service string) []string {
	return s.PrefixListCIDRs(region, newPrefixList("com.amazonaws."+region+"."+service, nil).ID)
}

// LeadsOut says whether a route of a VPC to a target ends in the public network
// or in whatever a company has behind its gateways.
func (s *Service) LeadsOut(region, vpc, target string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(region)
	if err != nil || !r.reachable(vpc, target) {
		return false
	}
	switch kind, _, _ := strings.Cut(target, "-"); kind + "-" {
	case natKind.prefix:
		g, _ := r.nats.get(target)
		return !g.Private
	case peeringKind.prefix:
		// A peering connection ends in the other VPC.
		return false
	default:
		return true
	}
}
