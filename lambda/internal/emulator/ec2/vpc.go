package ec2

import (
	"net/netip"
	"slices"
)

// VPC is a virtual network.
type VPC struct {
	Resource
	// CIDR is the primary range, Secondary are those of IPv4 besides it.
	CIDR      netip.Prefix
	Secondary []CIDRAssociation
	// CIDR6 are the ranges of IPv6.
	CIDR6 []CIDRAssociation
	// Tenancy is default or dedicated.
	Tenancy string
	// DNSSupport and DNSHostnames are the attributes enableDnsSupport and
	// enableDnsHostnames.
	DNSSupport, DNSHostnames bool

	addressMetrics bool
	cidrID         string
}

type vpcXML struct {
	VpcID           string             `xml:"vpcId"`
	OwnerID         string             `xml:"ownerId"`
	State           string             `xml:"state"`
	CidrBlock       string             `xml:"cidrBlock"`
	CidrBlocks      set[cidrBlockXML]  `xml:"cidrBlockAssociationSet"`
	Ipv6CidrBlocks  *set[ipv6BlockXML] `xml:"ipv6CidrBlockAssociationSet"`
	DhcpOptionsID   string             `xml:"dhcpOptionsId"`
	InstanceTenancy string             `xml:"instanceTenancy"`
	IsDefault       bool               `xml:"isDefault"`
	PublicAccess    blockPublicAccess  `xml:"blockPublicAccessStates"`
	Tags            *set[tagXML]       `xml:"tagSet"`
}

type blockPublicAccess struct {
	InternetGateway string `xml:"internetGatewayBlockMode"`
}

func (r *request) vpcXML(v *VPC) vpcXML {
	out := vpcXML{
		VpcID: v.ID, OwnerID: r.account, State: "available", CidrBlock: v.CIDR.String(),
		DhcpOptionsID: r.dhcpOptionsID(), InstanceTenancy: v.Tenancy,
		PublicAccess: blockPublicAccess{"off"}, Tags: optionalTagSet(v.Tags),
	}
	for _, a := range v.associations() {
		out.CidrBlocks.add(a.xml("associated"))
	}
	if len(v.CIDR6) > 0 {
		out.Ipv6CidrBlocks = &set[ipv6BlockXML]{}
	}
	for _, a := range v.CIDR6 {
		out.Ipv6CidrBlocks.add(r.vpcBlock6(a, "associated"))
	}
	return out
}

// dhcpOptionsID is the default set of DHCP options, one per region.
func (r *request) dhcpOptionsID() string {
	return "dopt-0" + fingerprint(r.account + "/dopt/" + r.name)[:16]
}

var vpcs = listing[*VPC]{kind: vpcKind, least: 5, fields: fields[*VPC]{
	"vpc-id":                                func(_ *request, v *VPC) []string { return []string{v.ID} },
	"cidr":                                  func(_ *request, v *VPC) []string { return []string{v.CIDR.String()} },
	"cidr-block":                            func(_ *request, v *VPC) []string { return []string{v.CIDR.String()} },
	"state":                                 func(*request, *VPC) []string { return []string{"available"} },
	"is-default":                            func(*request, *VPC) []string { return flag(false) },
	"isDefault":                             func(*request, *VPC) []string { return flag(false) },
	"dhcp-options-id":                       func(r *request, _ *VPC) []string { return []string{r.dhcpOptionsID()} },
	"owner-id":                              owner[*VPC],
	"tag-key":                               tagKeys[*VPC],
	"cidr-block-association.association-id": func(_ *request, v *VPC) []string { return each(v.associations(), CIDRAssociation.id) },
	"cidr-block-association.cidr-block":     func(_ *request, v *VPC) []string { return each(v.associations(), CIDRAssociation.text) },
	"cidr-block-association.state":          func(*request, *VPC) []string { return []string{"associated"} },
	"ipv6-cidr-block-association.association-id":  func(_ *request, v *VPC) []string { return each(v.CIDR6, CIDRAssociation.id) },
	"ipv6-cidr-block-association.ipv6-cidr-block": func(_ *request, v *VPC) []string { return each(v.CIDR6, CIDRAssociation.text) },
	"ipv6-cidr-block-association.state": func(_ *request, v *VPC) []string {
		return each(v.CIDR6, func(CIDRAssociation) string { return "associated" })
	},
}}

// parseCIDR reads an IPv4 block and clears its host bits, as the service does.
func parseCIDR(parameter, text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	if err != nil || !p.Addr().Is4() {
		return p, fault("InvalidParameterValue", "Value (%s) for parameter %s is invalid. This is not a valid CIDR block.", text, parameter)
	}
	return p.Masked(), nil
}

// parseVPCBlock reads an IPv4 range that a VPC can have.
func parseVPCBlock(text string) (netip.Prefix, error) {
	cidr, err := parseCIDR("cidrBlock", text)
	if err != nil {
		return cidr, err
	}
	if cidr.Bits() < 16 || cidr.Bits() > 28 {
		return cidr, fault("InvalidVpc.Range", "The CIDR '%s' is invalid.", text)
	}
	return cidr, nil
}

type createVpcInput struct {
	CidrBlock string             `ec2:"CidrBlock,required"`
	Tenancy   string             `ec2:"InstanceTenancy"`
	Ipv6      bool               `ec2:"AmazonProvidedIpv6CidrBlock"`
	Tags      []tagSpecification `ec2:"TagSpecification"`
}

func createVpc(r *request, in *createVpcInput) (any, error) {
	cidr, err := parseVPCBlock(in.CidrBlock)
	if err != nil {
		return nil, err
	}
	if in.Tenancy == "" {
		in.Tenancy = "default"
	}
	if in.Tenancy != "default" && in.Tenancy != "dedicated" {
		return nil, fault("InvalidParameterValue", "Value (%s) for parameter instanceTenancy is invalid.", in.Tenancy)
	}
	tags, err := tagsFor("vpc", in.Tags)
	if err != nil {
		return nil, err
	}
	if len(r.vpcs.order) >= r.vpcLimit {
		return nil, fault("VpcLimitExceeded", "The maximum number of VPCs has been reached.")
	}
	v := &VPC{
		Resource: r.fresh("vpc-", tags), CIDR: cidr, Tenancy: in.Tenancy,
		DNSSupport: true, cidrID: r.newID("vpc-cidr-assoc-"),
	}
	r.vpcs.add(v)
	r.addMainTable(v)
	r.addDefaultACL(v)
	r.addDefaultGroup(v)
	if in.Ipv6 {
		r.addBlock6(v)
	}
	return struct {
		Vpc vpcXML `xml:"vpc"`
	}{r.vpcXML(v)}, nil
}

type describeVpcsInput struct {
	query
	VpcIDs []string `ec2:"VpcId"`
}

func describeVpcs(r *request, in *describeVpcsInput) (any, error) {
	page, next, err := vpcs.describe(r, &r.vpcs, in.VpcIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Vpcs set[vpcXML] `xml:"vpcSet"`
		Next string      `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, v := range page {
		out.Vpcs.add(r.vpcXML(v))
	}
	return out, nil
}

type vpcInput struct {
	VpcID string `ec2:"VpcId,required"`
}

// deleteVpc deletes a VPC with the objects that came with it; whatever was
// added to it must be gone.
func deleteVpc(r *request, in *vpcInput) (any, error) {
	v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
	if err != nil {
		return nil, err
	}
	tables := r.tables.of(v.ID)
	acls := r.acls.of(v.ID)
	groups := r.groups.of(v.ID)
	busy := slices.ContainsFunc(tables, func(t *RouteTable) bool { return !t.main() }) ||
		slices.ContainsFunc(acls, func(a *NetworkACL) bool { return !a.Default }) ||
		slices.ContainsFunc(groups, func(g *SecurityGroup) bool { return g.Name != defaultGroup }) ||
		len(r.subnets.of(v.ID)) > 0 ||
		len(r.endpoints.of(v.ID)) > 0 ||
		len(r.egressOnly.of(v.ID)) > 0 ||
		len(r.gateways.where(func(g *InternetGateway) bool { return g.VPCID == v.ID })) > 0 ||
		len(r.vpns.where(func(g *VPNGateway) bool { return g.VPCID == v.ID })) > 0
	if busy {
		return nil, fault("DependencyViolation", "The vpc '%s' has dependencies and cannot be deleted.", v.ID)
	}
	for _, t := range tables {
		r.tables.remove(t.ID)
	}
	for _, a := range acls {
		r.acls.remove(a.ID)
	}
	for _, g := range groups {
		r.removeGroup(g)
	}
	// The VPC takes its peering connections along.
	for _, p := range r.peerings.all() {
		if !p.ended() && r.joins(p, v.ID) {
			r.endPeering(p)
		}
	}
	r.vpcs.remove(v.ID)
	return done, nil
}

type describeVpcAttributeInput struct {
	VpcID     string `ec2:"VpcId,required"`
	Attribute string `ec2:"Attribute,required"`
}

func describeVpcAttribute(r *request, in *describeVpcAttributeInput) (any, error) {
	v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
	if err != nil {
		return nil, err
	}
	out := struct {
		VpcID          string     `xml:"vpcId"`
		DNSHostnames   *attribute `xml:"enableDnsHostnames"`
		DNSSupport     *attribute `xml:"enableDnsSupport"`
		AddressMetrics *attribute `xml:"enableNetworkAddressUsageMetrics"`
	}{VpcID: v.ID}
	switch in.Attribute {
	case "enableDnsHostnames":
		out.DNSHostnames = &attribute{v.DNSHostnames}
	case "enableDnsSupport":
		out.DNSSupport = &attribute{v.DNSSupport}
	case "enableNetworkAddressUsageMetrics":
		out.AddressMetrics = &attribute{v.addressMetrics}
	default:
		return nil, fault("InvalidParameterValue", "Value (%s) for parameter attribute is invalid. Unknown attribute.", in.Attribute)
	}
	return out, nil
}

type booleanParam struct {
	Value bool `ec2:"Value,required"`
}

type modifyVpcAttributeInput struct {
	VpcID          string        `ec2:"VpcId,required"`
	DNSHostnames   *booleanParam `ec2:"EnableDnsHostnames"`
	DNSSupport     *booleanParam `ec2:"EnableDnsSupport"`
	AddressMetrics *booleanParam `ec2:"EnableNetworkAddressUsageMetrics"`
}

// modifyVpcAttribute sets one attribute; the service takes only one at a time.
func modifyVpcAttribute(r *request, in *modifyVpcAttributeInput) (any, error) {
	v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
	if err != nil {
		return nil, err
	}
	switch {
	case in.DNSHostnames == nil && in.DNSSupport == nil && in.AddressMetrics == nil:
		return nil, fault("MissingParameter", "The request must contain one of the attributes to modify")
	case in.DNSHostnames != nil && in.DNSSupport != nil:
		return nil, fault("InvalidParameterCombination", "Fields for multiple attribute types specified: enableDnsHostnames, enableDnsSupport")
	case in.AddressMetrics != nil && (in.DNSHostnames != nil || in.DNSSupport != nil):
		return nil, fault("InvalidParameterCombination", "Fields for multiple attribute types specified")
	case in.DNSHostnames != nil:
		if in.DNSHostnames.Value && !v.DNSSupport {
			return nil, fault("InvalidParameterValue", "DNS hostnames can only be enabled if DNS support is enabled for vpc '%s'", v.ID)
		}
		v.DNSHostnames = in.DNSHostnames.Value
	case in.DNSSupport != nil:
		v.DNSSupport = in.DNSSupport.Value
	default:
		v.addressMetrics = in.AddressMetrics.Value
	}
	return done, nil
}
