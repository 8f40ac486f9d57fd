package ec2

import "slices"

// InternetGateway is a way from a VPC to the internet. A closed VPC has none.
type InternetGateway struct {
	Resource
	// VPCID is empty while the gateway is detached.
	VPCID string
}

type internetGatewayXML struct {
	ID          string             `xml:"internetGatewayId"`
	OwnerID     string             `xml:"ownerId"`
	Attachments set[attachmentXML] `xml:"attachmentSet"`
	Tags        set[tagXML]        `xml:"tagSet"`
}

type attachmentXML struct {
	VpcID string `xml:"vpcId"`
	State string `xml:"state"`
}

func (r *request) internetGatewayXML(g *InternetGateway) internetGatewayXML {
	out := internetGatewayXML{ID: g.ID, OwnerID: r.account, Tags: tagSet(g.Tags)}
	if g.VPCID != "" {
		out.Attachments.add(attachmentXML{VpcID: g.VPCID, State: "available"})
	}
	return out
}

var internetGateways = listing[*InternetGateway]{kind: gatewayKind, least: 5, fields: fields[*InternetGateway]{
	"internet-gateway-id": func(_ *request, g *InternetGateway) []string { return []string{g.ID} },
	"attachment.vpc-id": func(_ *request, g *InternetGateway) []string {
		return slices.DeleteFunc([]string{g.VPCID}, func(id string) bool { return id == "" })
	},
	"attachment.state": func(_ *request, g *InternetGateway) []string {
		if g.VPCID == "" {
			return nil
		}
		return []string{"available"}
	},
	"owner-id": owner[*InternetGateway],
	"tag-key":  tagKeys[*InternetGateway],
}}

type createInternetGatewayInput struct {
	Tags []tagSpecification `ec2:"TagSpecification"`
}

func createInternetGateway(r *request, in *createInternetGatewayInput) (any, error) {
	tags, err := tagsFor("internet-gateway", in.Tags)
	if err != nil {
		return nil, err
	}
	g := &InternetGateway{Resource: r.fresh("igw-", tags)}
	r.gateways.add(g)
	return struct {
		Gateway internetGatewayXML `xml:"internetGateway"`
	}{r.internetGatewayXML(g)}, nil
}

type describeInternetGatewaysInput struct {
	query
	GatewayIDs []string `ec2:"InternetGatewayId"`
}

func describeInternetGateways(r *request, in *describeInternetGatewaysInput) (any, error) {
	page, next, err := internetGateways.describe(r, &r.gateways, in.GatewayIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Gateways set[internetGatewayXML] `xml:"internetGatewaySet"`
		Next     string                  `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, g := range page {
		out.Gateways.add(r.internetGatewayXML(g))
	}
	return out, nil
}

type attachmentInput struct {
	GatewayID string `ec2:"InternetGatewayId,required"`
	VpcID     string `ec2:"VpcId,required"`
}

func attachInternetGateway(r *request, in *attachmentInput) (any, error) {
	g, err := find(r, &r.gateways, gatewayKind, in.GatewayID)
	if err != nil {
		return nil, err
	}
	v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
	if err != nil {
		return nil, err
	}
	if g.VPCID != "" {
		return nil, fault("Resource.AlreadyAssociated", "resource %s is already attached to network %s", g.ID, g.VPCID)
	}
	for _, other := range r.gateways.all() {
		if other.VPCID == v.ID {
			return nil, fault("InvalidParameterValue", "Network %s already has an internet gateway attached", v.ID)
		}
	}
	g.VPCID = v.ID
	return done, nil
}

// detachInternetGateway leaves routes to the gateway behind as black holes.
func detachInternetGateway(r *request, in *attachmentInput) (any, error) {
	g, err := find(r, &r.gateways, gatewayKind, in.GatewayID)
	if err != nil {
		return nil, err
	}
	if g.VPCID != in.VpcID {
		return nil, fault("Gateway.NotAttached", "resource %s is not attached to network %s", g.ID, in.VpcID)
	}
	mapped := r.nats.where(func(n *NATGateway) bool { return n.VPCID == g.VPCID && n.PublicIP != "" && n.State == StateAvailable })
	if len(mapped) > 0 {
		return nil, fault("DependencyViolation", "Network %s has some mapped public address(es). Please unmap those public address(es) before detaching the gateway.", g.VPCID)
	}
	g.VPCID = ""
	return done, nil
}

type internetGatewayInput struct {
	GatewayID string `ec2:"InternetGatewayId,required"`
}

func deleteInternetGateway(r *request, in *internetGatewayInput) (any, error) {
	g, err := find(r, &r.gateways, gatewayKind, in.GatewayID)
	if err != nil {
		return nil, err
	}
	if g.VPCID != "" {
		return nil, fault("DependencyViolation", "The internetGateway '%s' has dependencies and cannot be deleted.", g.ID)
	}
	r.gateways.remove(g.ID)
	return done, nil
}
