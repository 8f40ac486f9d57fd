package ec2

import (
	"slices"
	"strings"
	"time"
)

// TransitGateway is a router between networks. Its own route tables are not
// emulated. A deleted one stays for an hour.
type TransitGateway struct {
	Resource
	Description string
	// State is StateAvailable or StateDeleted.
	State string

	options transitOptions
	created time.Time
}

// TransitGatewayAttachment connects a VPC with a transit gateway. A deleted one
// stays for an hour.
type TransitGatewayAttachment struct {
	Resource
	TransitGatewayID string
	VPCID            string
	SubnetIDs        []string
	// State is StateAvailable or StateDeleted.
	State string

	interfaceIDs []string
	options      transitAttachmentOptions
	created      time.Time
}

// transitOptions are both what a request says and what a reply tells.
type transitOptions struct {
	AmazonSideAsn                int    `ec2:"AmazonSideAsn" xml:"amazonSideAsn"`
	AutoAcceptSharedAttachments  string `ec2:"AutoAcceptSharedAttachments" xml:"autoAcceptSharedAttachments"`
	DefaultRouteTableAssociation string `ec2:"DefaultRouteTableAssociation" xml:"defaultRouteTableAssociation"`
	DefaultRouteTablePropagation string `ec2:"DefaultRouteTablePropagation" xml:"defaultRouteTablePropagation"`
	VpnEcmpSupport               string `ec2:"VpnEcmpSupport" xml:"vpnEcmpSupport"`
	DNSSupport                   string `ec2:"DnsSupport" xml:"dnsSupport"`
	MulticastSupport             string `ec2:"MulticastSupport" xml:"multicastSupport"`
}

type transitAttachmentOptions struct {
	DNSSupport           string `ec2:"DnsSupport" xml:"dnsSupport"`
	Ipv6Support          string `ec2:"Ipv6Support" xml:"ipv6Support"`
	ApplianceModeSupport string `ec2:"ApplianceModeSupport" xml:"applianceModeSupport"`
}

// choose sets an option that was left out, and refuses what is no choice.
func choose(name string, option *string, standard string) error {
	switch *option {
	case "":
		*option = standard
	case "enable", "disable":
	default:
		return fault("InvalidParameterValue", "Value (%s) for parameter %s is invalid.", *option, name)
	}
	return nil
}

type transitGatewayXML struct {
	ID          string         `xml:"transitGatewayId"`
	Arn         string         `xml:"transitGatewayArn"`
	State       string         `xml:"state"`
	OwnerID     string         `xml:"ownerId"`
	Description string         `xml:"description,omitempty"`
	Created     string         `xml:"creationTime"`
	Options     transitOptions `xml:"options"`
	Tags        set[tagXML]    `xml:"tagSet"`
}

func (r *request) transitGatewayXML(g *TransitGateway) transitGatewayXML {
	return transitGatewayXML{
		ID: g.ID, Arn: r.arn("transit-gateway", g.ID), State: g.State, OwnerID: r.account, Description: g.Description,
		Created: timestamp(g.created), Options: g.options, Tags: tagSet(g.Tags),
	}
}

var transitGateways = listing[*TransitGateway]{kind: transitKind, least: 5, fields: fields[*TransitGateway]{
	"transit-gateway-id": func(_ *request, g *TransitGateway) []string { return []string{g.ID} },
	"state":              func(_ *request, g *TransitGateway) []string { return []string{g.State} },
	"owner-id":           owner[*TransitGateway],
	"tag-key":            tagKeys[*TransitGateway],
}}

type createTransitGatewayInput struct {
	Description string             `ec2:"Description"`
	Options     transitOptions     `ec2:"Options"`
	Tags        []tagSpecification `ec2:"TagSpecification"`
}

func createTransitGateway(r *request, in *createTransitGatewayInput) (any, error) {
	o := in.Options
	if o.AmazonSideAsn == 0 {
		o.AmazonSideAsn = 64512
	}
	for _, option := range []struct {
		name, standard string
		value          *string
	}{
		{"AutoAcceptSharedAttachments", "disable", &o.AutoAcceptSharedAttachments},
		{"DefaultRouteTableAssociation", "enable", &o.DefaultRouteTableAssociation},
		{"DefaultRouteTablePropagation", "enable", &o.DefaultRouteTablePropagation},
		{"VpnEcmpSupport", "enable", &o.VpnEcmpSupport},
		{"DnsSupport", "enable", &o.DNSSupport},
		{"MulticastSupport", "disable", &o.MulticastSupport},
	} {
		if err := choose(option.name, option.value, option.standard); err != nil {
			return nil, err
		}
	}
	tags, err := tagsFor("transit-gateway", in.Tags)
	if err != nil {
		return nil, err
	}
	g := &TransitGateway{Resource: r.fresh("tgw-", tags), Description: in.Description, State: StateAvailable, options: o, created: r.now}
	r.transits.add(g)
	return struct {
		Gateway transitGatewayXML `xml:"transitGateway"`
	}{r.transitGatewayXML(g)}, nil
}

type describeTransitGatewaysInput struct {
	query
	GatewayIDs []string `ec2:"TransitGatewayIds"`
}

func describeTransitGateways(r *request, in *describeTransitGatewaysInput) (any, error) {
	page, next, err := transitGateways.describe(r, &r.transits, in.GatewayIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Gateways set[transitGatewayXML] `xml:"transitGatewaySet"`
		Next     string                 `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, g := range page {
		out.Gateways.add(r.transitGatewayXML(g))
	}
	return out, nil
}

// transitGateway finds a transit gateway that is not deleted.
func (r *request) transitGateway(id string) (*TransitGateway, error) {
	g, err := find(r, &r.transits, transitKind, id)
	if err == nil && g.State == StateDeleted {
		err = fault(transitKind.notFound, transitKind.message, id)
	}
	return g, err
}

// attachments are the VPCs that a transit gateway is attached to.
func (r *request) attachments(transitID string) []*TransitGatewayAttachment {
	return slices.DeleteFunc(r.transitAttachments.of(transitID), func(a *TransitGatewayAttachment) bool { return a.State == StateDeleted })
}

type transitGatewayInput struct {
	GatewayID string `ec2:"TransitGatewayId,required"`
}

func deleteTransitGateway(r *request, in *transitGatewayInput) (any, error) {
	g, err := r.transitGateway(in.GatewayID)
	if err != nil {
		return nil, err
	}
	if left := r.attachments(g.ID); len(left) > 0 {
		ids := each(left, func(a *TransitGatewayAttachment) string { return a.ID })
		return nil, fault("IncorrectState", "%s has non-deleted VPC Attachments: %s.", g.ID, strings.Join(ids, ", "))
	}
	g.State = StateDeleted
	r.later(r.now.Add(deletedLife), func() { r.transits.remove(g.ID) })
	reply := r.transitGatewayXML(g)
	reply.State = StateDeleting
	return struct {
		Gateway transitGatewayXML `xml:"transitGateway"`
	}{reply}, nil
}

type transitAttachmentXML struct {
	ID               string                   `xml:"transitGatewayAttachmentId"`
	TransitGatewayID string                   `xml:"transitGatewayId"`
	VpcID            string                   `xml:"vpcId"`
	VpcOwnerID       string                   `xml:"vpcOwnerId"`
	State            string                   `xml:"state"`
	SubnetIDs        set[string]              `xml:"subnetIds"`
	Created          string                   `xml:"creationTime"`
	Options          transitAttachmentOptions `xml:"options"`
	Tags             set[tagXML]              `xml:"tagSet"`
}

func (r *request) transitAttachmentXML(a *TransitGatewayAttachment) transitAttachmentXML {
	return transitAttachmentXML{
		ID: a.ID, TransitGatewayID: a.TransitGatewayID, VpcID: a.VPCID, VpcOwnerID: r.account, State: a.State,
		SubnetIDs: setOf(a.SubnetIDs), Created: timestamp(a.created), Options: a.options, Tags: tagSet(a.Tags),
	}
}

var transitAttachments = listing[*TransitGatewayAttachment]{kind: transitAttachmentKind, parent: "transit-gateway-id", least: 5, fields: fields[*TransitGatewayAttachment]{
	"transit-gateway-attachment-id": func(_ *request, a *TransitGatewayAttachment) []string { return []string{a.ID} },
	"transit-gateway-id":            func(_ *request, a *TransitGatewayAttachment) []string { return []string{a.TransitGatewayID} },
	"vpc-id":                        func(_ *request, a *TransitGatewayAttachment) []string { return []string{a.VPCID} },
	"state":                         func(_ *request, a *TransitGatewayAttachment) []string { return []string{a.State} },
	"tag-key":                       tagKeys[*TransitGatewayAttachment],
}}

type createTransitAttachmentInput struct {
	TransitGatewayID string                   `ec2:"TransitGatewayId,required"`
	VpcID            string                   `ec2:"VpcId,required"`
	SubnetIDs        []string                 `ec2:"SubnetIds,required"`
	Options          transitAttachmentOptions `ec2:"Options"`
	Tags             []tagSpecification       `ec2:"TagSpecifications"`
}

// createTransitAttachment puts an interface of the transit gateway into one
// subnet of each zone.
func createTransitAttachment(r *request, in *createTransitAttachmentInput) (any, error) {
	g, err := r.transitGateway(in.TransitGatewayID)
	if err != nil {
		return nil, err
	}
	v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
	if err != nil {
		return nil, err
	}
	subnets, err := findAll(r, &r.subnets, subnetKind, in.SubnetIDs)
	if err != nil {
		return nil, err
	}
	taken := map[string]bool{}
	for _, s := range subnets {
		switch {
		case s.VPCID != v.ID:
			return nil, differentNetworks("Subnet", s.ID, "VPC", v.ID)
		case taken[s.Zone]:
			return nil, fault("DuplicateSubnetsInSameZone", "Duplicate Subnets for same AZ")
		case r.freeAddresses(s) == 0:
			_, err := r.freeAddress(s)
			return nil, err
		}
		taken[s.Zone] = true
	}
	if slices.ContainsFunc(r.attachments(g.ID), func(a *TransitGatewayAttachment) bool { return a.VPCID == v.ID }) {
		return nil, fault("DuplicateTransitGatewayAttachment", "%s has non-deleted Transit Gateway Attachments with same VPC ID.", g.ID)
	}
	o := in.Options
	for _, option := range []struct {
		name, standard string
		value          *string
	}{
		{"DnsSupport", "enable", &o.DNSSupport},
		{"Ipv6Support", "disable", &o.Ipv6Support},
		{"ApplianceModeSupport", "disable", &o.ApplianceModeSupport},
	} {
		if err := choose(option.name, option.value, option.standard); err != nil {
			return nil, err
		}
	}
	tags, err := tagsFor("transit-gateway-attachment", in.Tags)
	if err != nil {
		return nil, err
	}
	a := &TransitGatewayAttachment{
		Resource: r.fresh("tgw-attach-", tags), TransitGatewayID: g.ID, VPCID: v.ID, State: StateAvailable, options: o, created: r.now,
	}
	for _, s := range subnets {
		n, err := r.newInterface(s, a.ID, nil)
		if err != nil {
			return nil, err
		}
		a.SubnetIDs, a.interfaceIDs = append(a.SubnetIDs, s.ID), append(a.interfaceIDs, n.ID)
	}
	r.transitAttachments.add(a)
	return struct {
		Attachment transitAttachmentXML `xml:"transitGatewayVpcAttachment"`
	}{r.transitAttachmentXML(a)}, nil
}

type describeTransitAttachmentsInput struct {
	query
	AttachmentIDs []string `ec2:"TransitGatewayAttachmentIds"`
}

func describeTransitAttachments(r *request, in *describeTransitAttachmentsInput) (any, error) {
	page, next, err := transitAttachments.describe(r, &r.transitAttachments, in.AttachmentIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Attachments set[transitAttachmentXML] `xml:"transitGatewayVpcAttachments"`
		Next        string                    `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, a := range page {
		out.Attachments.add(r.transitAttachmentXML(a))
	}
	return out, nil
}

type transitAttachmentInput struct {
	AttachmentID string `ec2:"TransitGatewayAttachmentId,required"`
}

// deleteTransitAttachment frees the subnets. Routes to the transit gateway stay
// behind as black holes.
func deleteTransitAttachment(r *request, in *transitAttachmentInput) (any, error) {
	a, err := find(r, &r.transitAttachments, transitAttachmentKind, in.AttachmentID)
	if err != nil {
		return nil, err
	}
	if a.State == StateDeleted {
		return nil, fault(transitAttachmentKind.notFound, transitAttachmentKind.message, a.ID)
	}
	for _, id := range a.interfaceIDs {
		r.interfaces.remove(id)
	}
	a.State, a.interfaceIDs = StateDeleted, nil
	r.later(r.now.Add(deletedLife), func() { r.transitAttachments.remove(a.ID) })
	reply := r.transitAttachmentXML(a)
	reply.State = StateDeleting
	return struct {
		Attachment transitAttachmentXML `xml:"transitGatewayVpcAttachment"`
	}{reply}, nil
}
