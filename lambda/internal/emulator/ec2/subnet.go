package ec2

import (
	"net/netip"
	"strconv"
	"strings"
)

// Subnet is a part of a VPC in one availability zone.
type Subnet struct {
	Resource
	VPCID string
	CIDR  netip.Prefix
	// CIDR6 is the range of IPv6, not valid if there is none.
	CIDR6 netip.Prefix
	// Zone is the name of the availability zone, ZoneID its id.
	Zone, ZoneID string
	// PublicIPs is the attribute mapPublicIpOnLaunch.
	PublicIPs bool

	// cidr6ID is the id of the association of CIDR6.
	cidr6ID string
}

// subnetLimit is the quota of subnets per VPC.
// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
const subnetLimit = 200

// reservedAddresses are kept by AWS in every subnet: the first four and the last.
// https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
const reservedAddresses = 5

type subnetXML struct {
	SubnetID           string            `xml:"subnetId"`
	SubnetArn          string            `xml:"subnetArn"`
	State              string            `xml:"state"`
	OwnerID            string            `xml:"ownerId"`
	VpcID              string            `xml:"vpcId"`
	CidrBlock          string            `xml:"cidrBlock"`
	Ipv6CidrBlocks     set[ipv6BlockXML] `xml:"ipv6CidrBlockAssociationSet"`
	AvailableIPs       int               `xml:"availableIpAddressCount"`
	AvailabilityZone   string            `xml:"availabilityZone"`
	AvailabilityZoneID string            `xml:"availabilityZoneId"`
	DefaultForAz       bool              `xml:"defaultForAz"`
	MapPublicIP        bool              `xml:"mapPublicIpOnLaunch"`
	MapCustomerOwnedIP bool              `xml:"mapCustomerOwnedIpOnLaunch"`
	AssignIpv6         bool              `xml:"assignIpv6AddressOnCreation"`
	EnableDNS64        bool              `xml:"enableDns64"`
	Ipv6Native         bool              `xml:"ipv6Native"`
	HostnameType       string            `xml:"privateDnsNameOptionsOnLaunch>hostnameType"`
	ResourceNameA      bool              `xml:"privateDnsNameOptionsOnLaunch>enableResourceNameDnsARecord"`
	ResourceNameAAAA   bool              `xml:"privateDnsNameOptionsOnLaunch>enableResourceNameDnsAAAARecord"`
	BlockPublicAccess  blockPublicAccess `xml:"blockPublicAccessStates"`
	Tags               *set[tagXML]      `xml:"tagSet"`
}

func (r *request) subnetXML(s *Subnet) subnetXML {
	out := subnetXML{
		SubnetID: s.ID, SubnetArn: r.arn("subnet", s.ID), State: "available", OwnerID: r.account, VpcID: s.VPCID,
		CidrBlock: s.CIDR.String(), AvailableIPs: r.freeAddresses(s), AvailabilityZone: s.Zone, AvailabilityZoneID: s.ZoneID,
		MapPublicIP: s.PublicIPs, HostnameType: "ip-name", BlockPublicAccess: blockPublicAccess{"off"}, Tags: optionalTagSet(s.Tags),
	}
	if s.CIDR6.IsValid() {
		out.Ipv6CidrBlocks.add(s.block6().xml6("associated"))
	}
	return out
}

// freeAddresses is how many addresses of a subnet are left.
func (r *request) freeAddresses(s *Subnet) int {
	return 1<<(32-s.CIDR.Bits()) - reservedAddresses - len(r.interfaces.of(s.ID))
}

var subnets = listing[*Subnet]{kind: subnetKind, parent: "vpc-id", least: 5, fields: fields[*Subnet]{
	"subnet-id":  func(_ *request, s *Subnet) []string { return []string{s.ID} },
	"subnet-arn": func(r *request, s *Subnet) []string { return []string{r.arn("subnet", s.ID)} },
	"vpc-id":     func(_ *request, s *Subnet) []string { return []string{s.VPCID} },
	"cidr":       func(_ *request, s *Subnet) []string { return []string{s.CIDR.String()} },
	"cidrBlock":  func(_ *request, s *Subnet) []string { return []string{s.CIDR.String()} },
	"cidr-block": func(_ *request, s *Subnet) []string { return []string{s.CIDR.String()} },
	"ipv6-cidr-block-association.association-id": func(_ *request, s *Subnet) []string { return given(s.cidr6ID) },
	"ipv6-cidr-block-association.ipv6-cidr-block": func(_ *request, s *Subnet) []string {
		if !s.CIDR6.IsValid() {
			return nil
		}
		return []string{s.CIDR6.String()}
	},
	"availability-zone":          func(_ *request, s *Subnet) []string { return []string{s.Zone} },
	"availabilityZone":           func(_ *request, s *Subnet) []string { return []string{s.Zone} },
	"availability-zone-id":       func(_ *request, s *Subnet) []string { return []string{s.ZoneID} },
	"state":                      func(*request, *Subnet) []string { return []string{"available"} },
	"default-for-az":             func(*request, *Subnet) []string { return flag(false) },
	"map-public-ip-on-launch":    func(_ *request, s *Subnet) []string { return flag(s.PublicIPs) },
	"available-ip-address-count": func(r *request, s *Subnet) []string { return []string{strconv.Itoa(r.freeAddresses(s))} },
	"owner-id":                   owner[*Subnet],
	"tag-key":                    tagKeys[*Subnet],
}}

type createSubnetInput struct {
	VpcID     string             `ec2:"VpcId,required"`
	CidrBlock string             `ec2:"CidrBlock,required"`
	Ipv6Block string             `ec2:"Ipv6CidrBlock"`
	Zone      string             `ec2:"AvailabilityZone"`
	ZoneID    string             `ec2:"AvailabilityZoneId"`
	Tags      []tagSpecification `ec2:"TagSpecification"`
}

func createSubnet(r *request, in *createSubnetInput) (any, error) {
	v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
	if err != nil {
		return nil, err
	}
	cidr, err := parseCIDR("cidrBlock", in.CidrBlock)
	if err != nil {
		return nil, err
	}
	if cidr.Bits() < 16 || cidr.Bits() > 28 || !v.holds(cidr) {
		return nil, fault("InvalidSubnet.Range", "The CIDR '%s' is invalid.", in.CidrBlock)
	}
	z, err := r.zone(in.Zone, in.ZoneID)
	if err != nil {
		return nil, err
	}
	tags, err := tagsFor("subnet", in.Tags)
	if err != nil {
		return nil, err
	}
	var cidr6 netip.Prefix
	if in.Ipv6Block != "" {
		if cidr6, err = r.checkSubnetBlock6(v, in.Ipv6Block); err != nil {
			return nil, err
		}
	}
	siblings := r.subnets.of(v.ID)
	for _, s := range siblings {
		if s.CIDR.Overlaps(cidr) {
			return nil, fault("InvalidSubnet.Conflict", "The CIDR '%s' conflicts with another subnet", in.CidrBlock)
		}
	}
	if len(siblings) >= subnetLimit {
		return nil, fault("SubnetLimitExceeded", "The maximum number of subnets has been reached.")
	}
	s := &Subnet{Resource: r.fresh("subnet-", tags), VPCID: v.ID, CIDR: cidr, Zone: z.name, ZoneID: z.id}
	if cidr6.IsValid() {
		r.setSubnetBlock6(s, cidr6)
	}
	r.subnets.add(s)
	r.joinDefaultACL(s)
	return struct {
		Subnet subnetXML `xml:"subnet"`
	}{r.subnetXML(s)}, nil
}

// zone finds an availability zone by name or id; without either, AWS chooses.
func (r *request) zone(name, id string) (zone, error) {
	if name != "" && id != "" {
		return zone{}, fault("InvalidParameterCombination", "You cannot specify both AvailabilityZone and AvailabilityZoneId")
	}
	var names []string
	for _, z := range r.zones {
		if (name == "" && id == "") || z.name == name || z.id == id {
			return z, nil
		}
		names = append(names, z.name)
	}
	parameter := "availabilityZone"
	if id != "" {
		parameter += "Id"
	}
	return zone{}, fault("InvalidParameterValue", "Value (%s) for parameter %s is invalid. Subnets can currently only be created in the following availability zones: %s.",
		name+id, parameter, strings.Join(names, ", "))
}

type describeSubnetsInput struct {
	query
	SubnetIDs []string `ec2:"SubnetId"`
}

func describeSubnets(r *request, in *describeSubnetsInput) (any, error) {
	page, next, err := subnets.describe(r, &r.subnets, in.SubnetIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Subnets set[subnetXML] `xml:"subnetSet"`
		Next    string         `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, s := range page {
		out.Subnets.add(r.subnetXML(s))
	}
	return out, nil
}

type subnetInput struct {
	SubnetID string `ec2:"SubnetId,required"`
}

func deleteSubnet(r *request, in *subnetInput) (any, error) {
	s, err := find(r, &r.subnets, subnetKind, in.SubnetID)
	if err != nil {
		return nil, err
	}
	if len(r.interfaces.of(s.ID)) > 0 {
		return nil, fault("DependencyViolation", "The subnet '%s' has dependencies and cannot be deleted.", s.ID)
	}
	for _, t := range r.tables.of(s.VPCID) {
		t.dissociate(s.ID)
	}
	for _, a := range r.acls.of(s.VPCID) {
		a.dissociate(s.ID)
	}
	r.subnets.remove(s.ID)
	return done, nil
}

type modifySubnetAttributeInput struct {
	SubnetID  string        `ec2:"SubnetId,required"`
	PublicIPs *booleanParam `ec2:"MapPublicIpOnLaunch"`
}

func modifySubnetAttribute(r *request, in *modifySubnetAttributeInput) (any, error) {
	s, err := find(r, &r.subnets, subnetKind, in.SubnetID)
	if err != nil {
		return nil, err
	}
	if in.PublicIPs == nil {
		return nil, fault("MissingParameter", "The request must contain one of the attributes to modify")
	}
	s.PublicIPs = in.PublicIPs.Value
	return done, nil
}

// freeAddress returns the lowest address of a subnet that is not in use.
func (r *request) freeAddress(s *Subnet) (netip.Addr, error) {
	taken := map[netip.Addr]bool{}
	for _, n := range r.interfaces.of(s.ID) {
		taken[n.Address] = true
	}
	last := 1<<(32-s.CIDR.Bits()) - 1
	addr := s.CIDR.Addr()
	for i := range last {
		if i >= reservedAddresses-1 && !taken[addr] {
			return addr, nil
		}
		addr = addr.Next()
	}
	return netip.Addr{}, fault("InsufficientFreeAddressesInSubnet", "The specified subnet does not have enough free addresses to satisfy the request.")
}
