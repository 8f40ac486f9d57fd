package ec2

import (
	"net/netip"
	"slices"
)

// CIDRAssociation is an address range of a VPC.
type CIDRAssociation struct {
	ID   string
	CIDR netip.Prefix
}

// blockLimit is the quota of ranges per VPC, of IPv4 and of IPv6 each.
// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
const blockLimit = 5

func (a CIDRAssociation) id() string { return a.ID }

func (a CIDRAssociation) text() string { return a.CIDR.String() }

// associations are the IPv4 ranges of a VPC, the primary one first.
func (v *VPC) associations() []CIDRAssociation {
	return append([]CIDRAssociation{{ID: v.cidrID, CIDR: v.CIDR}}, v.Secondary...)
}

// blocks are all address ranges of a VPC, the primary one first.
func (v *VPC) blocks() []netip.Prefix {
	var out []netip.Prefix
	for _, a := range slices.Concat(v.associations(), v.CIDR6) {
		out = append(out, a.CIDR)
	}
	return out
}

// holds says whether a range lies within one of the VPC's.
func (v *VPC) holds(cidr netip.Prefix) bool {
	return slices.ContainsFunc(v.blocks(), func(block netip.Prefix) bool {
		return block.Bits() <= cidr.Bits() && block.Contains(cidr.Addr())
	})
}

type cidrBlockXML struct {
	AssociationID string   `xml:"associationId"`
	CidrBlock     string   `xml:"cidrBlock"`
	State         stateXML `xml:"cidrBlockState"`
}

type ipv6BlockXML struct {
	AssociationID      string   `xml:"associationId"`
	CidrBlock          string   `xml:"ipv6CidrBlock"`
	State              stateXML `xml:"ipv6CidrBlockState"`
	NetworkBorderGroup string   `xml:"networkBorderGroup,omitempty"`
	Pool               string   `xml:"ipv6Pool,omitempty"`
	AddressAttribute   string   `xml:"ipv6AddressAttribute"`
	Source             string   `xml:"ipSource"`
}

func (a CIDRAssociation) xml(state string) cidrBlockXML {
	return cidrBlockXML{AssociationID: a.ID, CidrBlock: a.CIDR.String(), State: stateXML{state}}
}

func (a CIDRAssociation) xml6(state string) ipv6BlockXML {
	return ipv6BlockXML{AssociationID: a.ID, CidrBlock: a.CIDR.String(), State: stateXML{state}, AddressAttribute: "public", Source: "amazon"}
}

// vpcBlock6 is a range as a VPC has it.
func (r *request) vpcBlock6(a CIDRAssociation, state string) ipv6BlockXML {
	out := a.xml6(state)
	out.NetworkBorderGroup, out.Pool = r.name, "Amazon"
	return out
}

// parseCIDR6 reads an IPv6 block and clears its host bits.
func parseCIDR6(parameter, text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is6() || p.Addr().Is4In6() {
		return p, fault("InvalidParameterValue", "Value (%s) for parameter %s is invalid. This is not a valid IPv6 CIDR block.", text, parameter)
	}
	return p.Masked(), nil
}

type associateVpcBlockInput struct {
	VpcID     string `ec2:"VpcId,required"`
	CidrBlock string `ec2:"CidrBlock"`
	Ipv6      bool   `ec2:"AmazonProvidedIpv6CidrBlock"`
}

type vpcBlockXML struct {
	VpcID string        `xml:"vpcId"`
	Block *cidrBlockXML `xml:"cidrBlockAssociation"`
	Ipv6  *ipv6BlockXML `xml:"ipv6CidrBlockAssociation"`
}

func associateVpcBlock(r *request, in *associateVpcBlockInput) (any, error) {
	v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
	if err != nil {
		return nil, err
	}
	switch {
	case in.CidrBlock == "" && !in.Ipv6:
		return nil, fault("MissingParameter", "Either 'cidrBlock' or 'amazonProvidedIpv6CidrBlock' should be provided.")
	case in.CidrBlock != "" && in.Ipv6:
		return nil, fault("InvalidParameterCombination", "Only one of 'cidrBlock' and 'amazonProvidedIpv6CidrBlock' can be provided.")
	case in.Ipv6:
		if len(v.CIDR6) >= blockLimit {
			return nil, tooManyBlocks(v)
		}
		x := r.vpcBlock6(r.addBlock6(v), "associating")
		return vpcBlockXML{VpcID: v.ID, Ipv6: &x}, nil
	}
	cidr, err := parseVPCBlock(in.CidrBlock)
	if err != nil {
		return nil, err
	}
	if slices.ContainsFunc(v.blocks(), cidr.Overlaps) {
		return nil, fault("InvalidVpc.Range", "The CIDR '%s' conflicts with another CIDR block of the VPC '%s'.", in.CidrBlock, v.ID)
	}
	if len(v.Secondary)+1 >= blockLimit {
		return nil, tooManyBlocks(v)
	}
	a := CIDRAssociation{ID: r.newID("vpc-cidr-assoc-"), CIDR: cidr}
	v.Secondary = append(v.Secondary, a)
	r.addLocalRoutes(v, cidr)
	x := a.xml("associating")
	return vpcBlockXML{VpcID: v.ID, Block: &x}, nil
}

func tooManyBlocks(v *VPC) error {
	return fault("CidrLimitExceeded", "This network '%s' has met its maximum number of allowed CIDRs: %d", v.ID, blockLimit)
}

// addBlock6 gives a VPC a range that no other VPC has. Those of 2001:db8::/32
// are never routed on the internet.
func (r *request) addBlock6(v *VPC) CIDRAssociation {
	r.issued["ipv6 block"]++
	n := r.issued["ipv6 block"]
	addr := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(n >> 16), byte(n >> 8), byte(n)})
	a := CIDRAssociation{ID: r.newID("vpc-cidr-assoc-"), CIDR: netip.PrefixFrom(addr, 56)}
	v.CIDR6 = append(v.CIDR6, a)
	r.addLocalRoutes(v, a.CIDR)
	return a
}

// addLocalRoutes makes a range known to every route table of its VPC.
func (r *request) addLocalRoutes(v *VPC, cidr netip.Prefix) {
	for _, t := range r.tables.of(v.ID) {
		t.Routes = append(t.Routes, localRoute(cidr))
	}
}

// disassociateVpcBlock takes a range away from the VPC that has it.
func disassociateVpcBlock(r *request, in *associationInput) (any, error) {
	for _, v := range r.vpcs.all() {
		if v.cidrID == in.AssociationID {
			return nil, fault("OperationNotPermitted", "The vpc CIDR block with association ID %s may not be disassociated. It is the primary IPv4 CIDR block of the VPC", v.cidrID)
		}
		for _, list := range []*[]CIDRAssociation{&v.Secondary, &v.CIDR6} {
			i := slices.IndexFunc(*list, func(a CIDRAssociation) bool { return a.ID == in.AssociationID })
			if i < 0 {
				continue
			}
			a := (*list)[i]
			if err := r.dropBlock(v, a); err != nil {
				return nil, err
			}
			*list = slices.Delete(slices.Clone(*list), i, i+1)
			out := vpcBlockXML{VpcID: v.ID}
			if a.CIDR.Addr().Is4() {
				x := a.xml("disassociating")
				out.Block = &x
			} else {
				x := r.vpcBlock6(a, "disassociating")
				out.Ipv6 = &x
			}
			return out, nil
		}
	}
	return nil, fault("InvalidVpcCidrBlockAssociationID.NotFound", "The vpc CIDR block association ID '%s' does not exist", in.AssociationID)
}

// dropBlock removes the local routes of a range that no subnet uses.
func (r *request) dropBlock(v *VPC, a CIDRAssociation) error {
	for _, s := range r.subnets.of(v.ID) {
		if s.CIDR.Overlaps(a.CIDR) || s.CIDR6.Overlaps(a.CIDR) {
			return fault("InvalidCidrBlock.InUse", "The vpc CIDR block with association ID %s is in use by the subnet %s", a.ID, s.ID)
		}
	}
	for _, t := range r.tables.of(v.ID) {
		t.Routes = slices.DeleteFunc(t.Routes, func(route Route) bool { return route == localRoute(a.CIDR) })
	}
	return nil
}

type associateSubnetBlockInput struct {
	SubnetID  string `ec2:"SubnetId,required"`
	CidrBlock string `ec2:"Ipv6CidrBlock,required"`
}

type subnetBlockXML struct {
	SubnetID string       `xml:"subnetId"`
	Ipv6     ipv6BlockXML `xml:"ipv6CidrBlockAssociation"`
}

func associateSubnetBlock(r *request, in *associateSubnetBlockInput) (any, error) {
	s, err := find(r, &r.subnets, subnetKind, in.SubnetID)
	if err != nil {
		return nil, err
	}
	if s.CIDR6.IsValid() {
		return nil, fault("InvalidParameterValue", "The subnet '%s' already has an IPv6 CIDR block associated.", s.ID)
	}
	v, _ := r.vpcs.get(s.VPCID)
	cidr, err := r.checkSubnetBlock6(v, in.CidrBlock)
	if err != nil {
		return nil, err
	}
	r.setSubnetBlock6(s, cidr)
	return subnetBlockXML{s.ID, s.block6().xml6("associating")}, nil
}

func (r *request) setSubnetBlock6(s *Subnet, cidr netip.Prefix) {
	s.CIDR6, s.cidr6ID = cidr, r.newID("subnet-cidr-assoc-")
}

// block6 is the IPv6 range of a subnet that has one.
func (s *Subnet) block6() CIDRAssociation { return CIDRAssociation{ID: s.cidr6ID, CIDR: s.CIDR6} }

// checkSubnetBlock6 reads an IPv6 range that a subnet of a VPC can have.
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
func (r *request) checkSubnetBlock6(v *VPC, text string) (netip.Prefix, error) {
	cidr, err := parseCIDR6("ipv6CidrBlock", text)
	if err != nil {
		return cidr, err
	}
	if cidr.Bits() < 44 || cidr.Bits() > 64 || cidr.Bits()%4 != 0 || !v.holds(cidr) {
		return cidr, fault("InvalidSubnet.Range", "The CIDR '%s' is invalid.", text)
	}
	for _, other := range r.subnets.of(v.ID) {
		if other.CIDR6.Overlaps(cidr) {
			return cidr, fault("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", text)
		}
	}
	return cidr, nil
}

func disassociateSubnetBlock(r *request, in *associationInput) (any, error) {
	for _, s := range r.subnets.all() {
		if s.cidr6ID != "" && s.cidr6ID == in.AssociationID {
			out := subnetBlockXML{s.ID, s.block6().xml6("disassociating")}
			s.CIDR6, s.cidr6ID = netip.Prefix{}, ""
			return out, nil
		}
	}
	return nil, fault("InvalidSubnetCidrBlockAssociationID.NotFound", "The subnet CIDR block association ID '%s' does not exist", in.AssociationID)
}
