package ec2

import "slices"

// VPNGateway is the VPC's side of a private connection to another network. A
// deleted one stays for an hour.
type VPNGateway struct {
	Resource
	// VPCID is empty while the gateway is detached.
	VPCID string
	// State is StateAvailable or StateDeleted.
	State string

	asn  int
	zone string
}

type vpnGatewayXML struct {
	ID          string             `xml:"vpnGatewayId"`
	State       string             `xml:"state"`
	Type        string             `xml:"type"`
	Zone        string             `xml:"availabilityZone,omitempty"`
	Attachments set[attachmentXML] `xml:"attachments"`
	ASN         int                `xml:"amazonSideAsn"`
	Tags        set[tagXML]        `xml:"tagSet"`
}

func vpnGatewayXMLOf(g *VPNGateway) vpnGatewayXML {
	out := vpnGatewayXML{ID: g.ID, State: g.State, Type: "ipsec.1", Zone: g.zone, ASN: g.asn, Tags: tagSet(g.Tags)}
	if g.VPCID != "" {
		out.Attachments.add(attachmentXML{VpcID: g.VPCID, State: "attached"})
	}
	return out
}

var vpnGateways = listing[*VPNGateway]{kind: vpnKind, least: 5, fields: fields[*VPNGateway]{
	"vpn-gateway-id":    func(_ *request, g *VPNGateway) []string { return []string{g.ID} },
	"state":             func(_ *request, g *VPNGateway) []string { return []string{g.State} },
	"type":              func(*request, *VPNGateway) []string { return []string{"ipsec.1"} },
	"attachment.vpc-id": func(_ *request, g *VPNGateway) []string { return given(g.VPCID) },
	"attachment.state": func(_ *request, g *VPNGateway) []string {
		if g.VPCID == "" {
			return nil
		}
		return []string{"attached"}
	},
	"tag-key": tagKeys[*VPNGateway],
}}

type createVpnGatewayInput struct {
	Type string             `ec2:"Type,required"`
	Zone string             `ec2:"AvailabilityZone"`
	ASN  int                `ec2:"AmazonSideAsn"`
	Tags []tagSpecification `ec2:"TagSpecification"`
}

func createVpnGateway(r *request, in *createVpnGatewayInput) (any, error) {
	if in.Type != "ipsec.1" {
		return nil, fault("InvalidParameterValue", "Value (%s) for parameter type is invalid.", in.Type)
	}
	if in.Zone != "" && !slices.ContainsFunc(r.zones, func(z zone) bool { return z.name == in.Zone }) {
		return nil, fault("InvalidParameterValue", "Invalid availability zone: [%s]", in.Zone)
	}
	if in.ASN == 0 {
		in.ASN = 64512
	}
	tags, err := tagsFor("vpn-gateway", in.Tags)
	if err != nil {
		return nil, err
	}
	g := &VPNGateway{Resource: r.fresh("vgw-", tags), State: StateAvailable, asn: in.ASN, zone: in.Zone}
	r.vpns.add(g)
	return struct {
		Gateway vpnGatewayXML `xml:"vpnGateway"`
	}{vpnGatewayXMLOf(g)}, nil
}

// describeVpnGatewaysInput has no pages: the action has none.
type describeVpnGatewaysInput struct {
	Filters    []filter `ec2:"Filter"`
	GatewayIDs []string `ec2:"VpnGatewayId"`
}

func describeVpnGateways(r *request, in *describeVpnGatewaysInput) (any, error) {
	found, _, err := vpnGateways.describe(r, &r.vpns, in.GatewayIDs, query{Filters: in.Filters})
	if err != nil {
		return nil, err
	}
	out := struct {
		Gateways set[vpnGatewayXML] `xml:"vpnGatewaySet"`
	}{}
	for _, g := range found {
		out.Gateways.add(vpnGatewayXMLOf(g))
	}
	return out, nil
}

// vpnGateway finds a gateway that is not deleted.
func (r *request) vpnGateway(id string) (*VPNGateway, error) {
	g, err := find(r, &r.vpns, vpnKind, id)
	if err == nil && g.State == StateDeleted {
		err = fault(vpnKind.notFound, vpnKind.message, id)
	}
	return g, err
}

type vpnAttachmentInput struct {
	GatewayID string `ec2:"VpnGatewayId,required"`
	VpcID     string `ec2:"VpcId,required"`
}

// attachVpnGateway joins a gateway and a VPC, each of which can have one other
// at a time.
func attachVpnGateway(r *request, in *vpnAttachmentInput) (any, error) {
	g, err := r.vpnGateway(in.GatewayID)
	if err != nil {
		return nil, err
	}
	v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
	if err != nil {
		return nil, err
	}
	taken := r.vpns.where(func(other *VPNGateway) bool { return other.VPCID == v.ID })
	switch {
	case g.VPCID != "":
		return nil, fault("VpnGatewayAttachmentLimitExceeded", "The vpnGateway '%s' is already attached to the vpc '%s'.", g.ID, g.VPCID)
	case len(taken) > 0:
		return nil, fault("InvalidParameterValue", "The vpc '%s' already has the vpnGateway '%s' attached.", v.ID, taken[0].ID)
	}
	g.VPCID = v.ID
	return struct {
		Attachment attachmentXML `xml:"attachment"`
	}{attachmentXML{VpcID: v.ID, State: "attaching"}}, nil
}

// detachVpnGateway leaves routes to the gateway behind as black holes.
func detachVpnGateway(r *request, in *vpnAttachmentInput) (any, error) {
	g, err := r.vpnGateway(in.GatewayID)
	if err != nil {
		return nil, err
	}
	if g.VPCID != in.VpcID {
		return nil, fault("InvalidVpnGatewayAttachment.NotFound", "The attachment with vpn gateway ID '%s' and vpc ID '%s' does not exist", g.ID, in.VpcID)
	}
	g.VPCID = ""
	return done, nil
}

type vpnGatewayInput struct {
	GatewayID string `ec2:"VpnGatewayId,required"`
}

func deleteVpnGateway(r *request, in *vpnGatewayInput) (any, error) {
	g, err := r.vpnGateway(in.GatewayID)
	if err != nil {
		return nil, err
	}
	if g.VPCID != "" {
		return nil, fault("IncorrectState", "The vpnGateway '%s' is attached to the vpc '%s' and cannot be deleted.", g.ID, g.VPCID)
	}
	g.State = StateDeleted
	r.later(r.now.Add(deletedLife), func() { r.vpns.remove(g.ID) })
	return done, nil
}
