package ec2

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// The states of a VPC peering connection that no endpoint has.
// https://docs.aws.amazon.com/vpc/latest/peering/vpc-peering-basics.html
const (
	PeeringPendingAcceptance = "pending-acceptance"
	PeeringActive            = "active"
)

// peeringLife is how long a request for a peering connection can be accepted.
const peeringLife = 7 * 24 * time.Hour

// PeeringConnection joins two VPCs. Between two regions of the account it
// exists in both, with tags of its own in each. One that has ended stays for an
// hour.
type PeeringConnection struct {
	Resource
	Requester, Accepter PeeredVPC
	// Status is PeeringPendingAcceptance, PeeringActive, StateDeleted,
	// StateExpired or StateFailed; Message says it in the service's words.
	Status, Message string

	expires time.Time
	// twin is the same connection in the other region.
	twin *PeeringConnection
}

// PeeredVPC is one end of a peering connection.
type PeeredVPC struct {
	VPCID, OwnerID, Region string
}

// become changes the status, in both regions.
func (p *PeeringConnection) become(status, message string) {
	for _, side := range []*PeeringConnection{p, p.twin} {
		if side != nil {
			side.Status, side.Message = status, message
		}
	}
}

// ended says that the connection only is described.
func (p *PeeringConnection) ended() bool {
	return p.Status != PeeringPendingAcceptance && p.Status != PeeringActive
}

// joins says whether a VPC of this account and region is one of the ends.
func (r *request) joins(p *PeeringConnection, vpcID string) bool {
	end := PeeredVPC{VPCID: vpcID, OwnerID: r.account, Region: r.name}
	return p.Requester == end || p.Accepter == end
}

type peeringXML struct {
	ID        string        `xml:"vpcPeeringConnectionId"`
	Requester peeredXML     `xml:"requesterVpcInfo"`
	Accepter  peeredXML     `xml:"accepterVpcInfo"`
	Status    peeringStatus `xml:"status"`
	Expires   string        `xml:"expirationTime,omitempty"`
	Tags      set[tagXML]   `xml:"tagSet"`
}

type peeringStatus struct {
	Code    string `xml:"code"`
	Message string `xml:"message"`
}

type peeredXML struct {
	OwnerID    string              `xml:"ownerId"`
	VpcID      string              `xml:"vpcId"`
	Region     string              `xml:"region"`
	CidrBlock  string              `xml:"cidrBlock,omitempty"`
	CidrBlocks *set[peeredCIDRXML] `xml:"cidrBlockSet"`
	Ipv6Blocks *set[peeredIpv6XML] `xml:"ipv6CidrBlockSet"`
}

type peeredCIDRXML struct {
	CidrBlock string `xml:"cidrBlock"`
}

type peeredIpv6XML struct {
	CidrBlock string `xml:"ipv6CidrBlock"`
}

func (r *request) peeringXML(p *PeeringConnection) peeringXML {
	out := peeringXML{
		ID: p.ID, Requester: r.peeredXML(p.Requester, true), Accepter: r.peeredXML(p.Accepter, p.Status == PeeringActive),
		Status: peeringStatus{p.Status, p.Message}, Tags: tagSet(p.Tags),
	}
	if p.Status == PeeringPendingAcceptance {
		out.Expires = timestamp(p.expires)
	}
	return out
}

// peeredXML tells of the blocks of a VPC only what the other side may know.
func (r *request) peeredXML(end PeeredVPC, known bool) peeredXML {
	out := peeredXML{OwnerID: end.OwnerID, VpcID: end.VPCID, Region: end.Region}
	if v, ok := r.peered(end); ok && known {
		out.CidrBlock = v.CIDR.String()
		out.CidrBlocks = &set[peeredCIDRXML]{}
		for _, a := range v.associations() {
			out.CidrBlocks.add(peeredCIDRXML{a.text()})
		}
		if len(v.CIDR6) > 0 {
			out.Ipv6Blocks = &set[peeredIpv6XML]{}
		}
		for _, a := range v.CIDR6 {
			out.Ipv6Blocks.add(peeredIpv6XML{a.text()})
		}
	}
	return out
}

// peered finds an end that belongs to this account.
func (r *request) peered(end PeeredVPC) (*VPC, bool) {
	other, ok := r.regions[end.Region]
	if !ok || end.OwnerID != r.account {
		return nil, false
	}
	return other.vpcs.get(end.VPCID)
}

var peerings = listing[*PeeringConnection]{kind: peeringKind, least: 5, fields: fields[*PeeringConnection]{
	"vpc-peering-connection-id":   func(_ *request, p *PeeringConnection) []string { return []string{p.ID} },
	"requester-vpc-info.vpc-id":   func(_ *request, p *PeeringConnection) []string { return []string{p.Requester.VPCID} },
	"requester-vpc-info.owner-id": func(_ *request, p *PeeringConnection) []string { return []string{p.Requester.OwnerID} },
	"accepter-vpc-info.vpc-id":    func(_ *request, p *PeeringConnection) []string { return []string{p.Accepter.VPCID} },
	"accepter-vpc-info.owner-id":  func(_ *request, p *PeeringConnection) []string { return []string{p.Accepter.OwnerID} },
	"status-code":                 func(_ *request, p *PeeringConnection) []string { return []string{p.Status} },
	"status-message":              func(_ *request, p *PeeringConnection) []string { return []string{p.Message} },
	"tag-key":                     tagKeys[*PeeringConnection],
}}

type createPeeringInput struct {
	VpcID       string             `ec2:"VpcId,required"`
	PeerVpcID   string             `ec2:"PeerVpcId,required"`
	PeerOwnerID string             `ec2:"PeerOwnerId"`
	PeerRegion  string             `ec2:"PeerRegion"`
	Tags        []tagSpecification `ec2:"TagSpecification"`
}

// createPeering asks for a connection. VPCs with overlapping blocks cannot be
// joined, which shows as the status failed.
func createPeering(r *request, in *createPeeringInput) (any, error) {
	v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
	if err != nil {
		return nil, err
	}
	tags, err := tagsFor("vpc-peering-connection", in.Tags)
	if err != nil {
		return nil, err
	}
	end := PeeredVPC{VPCID: in.PeerVpcID, OwnerID: in.PeerOwnerID, Region: in.PeerRegion}
	if end.OwnerID == "" {
		end.OwnerID = r.account
	}
	if end.Region == "" {
		end.Region = r.name
	}
	// there is the peer's region. What another account has is unknown.
	there, err := r.open(end.Region)
	if err != nil {
		return nil, err
	}
	var peer *VPC
	if end.OwnerID == r.account {
		if peer, err = find(there, &there.vpcs, vpcKind, end.VPCID); err != nil {
			return nil, err
		}
	}
	for _, other := range r.peerings.all() {
		if !other.ended() && r.joins(other, v.ID) && (other.Requester == end || other.Accepter == end) {
			return nil, fault("VpcPeeringConnectionAlreadyExists", "A VPC peering connection between %s and %s already exists: %s", v.ID, end.VPCID, other.ID)
		}
	}
	p := &PeeringConnection{
		Resource:  r.fresh("pcx-", tags),
		Requester: PeeredVPC{VPCID: v.ID, OwnerID: r.account, Region: r.name}, Accepter: end,
		Status: PeeringPendingAcceptance, Message: "Pending Acceptance by " + end.OwnerID, expires: r.now.Add(peeringLife),
	}
	r.peerings.add(p)
	if end.OwnerID == r.account && end.Region != r.name {
		twin := *p
		twin.Resource, twin.twin = Resource{ID: p.ID, Tags: map[string]string{}}, p
		p.twin = &twin
		there.peerings.add(&twin)
	}
	if peer != nil && v.overlaps(peer) {
		p.become(StateFailed, "Failed due to incorrect VPC-ID, Account ID, or overlapping CIDR range")
		r.forgetPeering(p, r.now)
	}
	r.later(p.expires, func() {
		if p.Status == PeeringPendingAcceptance {
			p.become(StateExpired, "Expired")
			r.forgetPeering(p, p.expires)
		}
	})
	return struct {
		Peering peeringXML `xml:"vpcPeeringConnection"`
	}{r.peeringXML(p)}, nil
}

// overlaps says whether two VPCs have addresses in common.
func (v *VPC) overlaps(other *VPC) bool {
	return slices.ContainsFunc(v.blocks(), func(a netip.Prefix) bool {
		return slices.ContainsFunc(other.blocks(), a.Overlaps)
	})
}

// forgetPeering lets a connection that has ended be described for a while.
func (s *Service) forgetPeering(p *PeeringConnection, from time.Time) {
	s.later(from.Add(deletedLife), func() {
		for _, end := range []PeeredVPC{p.Requester, p.Accepter} {
			if other, ok := s.regions[end.Region]; ok {
				other.peerings.remove(p.ID)
			}
		}
	})
}

type describePeeringsInput struct {
	query
	PeeringIDs []string `ec2:"VpcPeeringConnectionId"`
}

func describePeerings(r *request, in *describePeeringsInput) (any, error) {
	page, next, err := peerings.describe(r, &r.peerings, in.PeeringIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Peerings set[peeringXML] `xml:"vpcPeeringConnectionSet"`
		Next     string          `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, p := range page {
		out.Peerings.add(r.peeringXML(p))
	}
	return out, nil
}

type peeringInput struct {
	PeeringID string `ec2:"VpcPeeringConnectionId,required"`
}

// acceptPeering accepts what this account was asked for, in the region in which
// it was asked.
func acceptPeering(r *request, in *peeringInput) (any, error) {
	p, err := find(r, &r.peerings, peeringKind, in.PeeringID)
	if err != nil {
		return nil, err
	}
	switch {
	case p.Accepter.OwnerID != r.account:
		return nil, fault("OperationNotPermitted", "User %s cannot accept peering %s", r.account, p.ID)
	case p.Accepter.Region != r.name:
		return nil, fault("OperationNotPermitted", "Incorrect region (%s) specified for this request. VPC peering connection %s must be accepted in region %s",
			r.name, p.ID, p.Accepter.Region)
	case p.Status != PeeringPendingAcceptance:
		return nil, peeringTransition(p, PeeringActive)
	}
	p.become(PeeringActive, "Active")
	return struct {
		Peering peeringXML `xml:"vpcPeeringConnection"`
	}{r.peeringXML(p)}, nil
}

func peeringTransition(p *PeeringConnection, to string) error {
	return fault("InvalidStateTransition", "Invalid state transition for %s, attempting to transition from %s to %s", p.ID, p.Status, to)
}

// AcceptPeeringConnection lets another account accept the connection to its VPC.
func (s *Service) AcceptPeeringConnection(region, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.open(region)
	if err != nil {
		return fmt.Errorf("accepting peering connection %s: %w", id, err)
	}
	p, ok := r.peerings.get(id)
	switch {
	case !ok:
		return fmt.Errorf("accepting peering connection %s: it does not exist", id)
	case p.Accepter.OwnerID == s.account:
		return fmt.Errorf("accepting peering connection %s: the other VPC is not another account's", id)
	case p.Status != PeeringPendingAcceptance:
		return fmt.Errorf("accepting peering connection %s: it is %s", id, p.Status)
	}
	p.become(PeeringActive, "Active")
	return nil
}

// deletePeering ends a connection. Routes to it stay behind as black holes.
func deletePeering(r *request, in *peeringInput) (any, error) {
	p, err := find(r, &r.peerings, peeringKind, in.PeeringID)
	if err != nil {
		return nil, err
	}
	if p.ended() {
		return nil, peeringTransition(p, "deleting")
	}
	r.endPeering(p)
	return done, nil
}

func (r *request) endPeering(p *PeeringConnection) {
	p.become(StateDeleted, "Deleted by "+r.account)
	r.forgetPeering(p, r.now)
}
