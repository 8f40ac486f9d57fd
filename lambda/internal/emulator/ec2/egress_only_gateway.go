package ec2

// EgressOnlyGateway lets instances with IPv6 addresses open connections to the
// internet. It belongs to one VPC for all its life.
type EgressOnlyGateway struct {
	Resource
	VPCID string
}

type egressOnlyGatewayXML struct {
	ID          string             `xml:"egressOnlyInternetGatewayId"`
	Attachments set[attachmentXML] `xml:"attachmentSet"`
	Tags        set[tagXML]        `xml:"tagSet"`
}

func egressOnlyGatewayXMLOf(g *EgressOnlyGateway) egressOnlyGatewayXML {
	return egressOnlyGatewayXML{ID: g.ID, Attachments: setOf([]attachmentXML{{VpcID: g.VPCID, State: "attached"}}), Tags: tagSet(g.Tags)}
}

// egressOnlyGateways can be selected by nothing but tags.
var egressOnlyGateways = listing[*EgressOnlyGateway]{kind: egressOnlyKind, least: 5, fields: fields[*EgressOnlyGateway]{
	"tag-key": tagKeys[*EgressOnlyGateway],
}}

type createEgressOnlyGatewayInput struct {
	VpcID       string             `ec2:"VpcId,required"`
	ClientToken string             `ec2:"ClientToken"`
	Tags        []tagSpecification `ec2:"TagSpecification"`
}

func createEgressOnlyGateway(r *request, in *createEgressOnlyGatewayInput) (any, error) {
	g, again, err := repeated[*EgressOnlyGateway](r, "CreateEgressOnlyInternetGateway", in.ClientToken)
	if err != nil {
		return nil, err
	}
	if !again {
		v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
		if err != nil {
			return nil, err
		}
		tags, err := tagsFor("egress-only-internet-gateway", in.Tags)
		if err != nil {
			return nil, err
		}
		g = &EgressOnlyGateway{Resource: r.fresh("eigw-", tags), VPCID: v.ID}
		r.egressOnly.add(g)
		r.remember("CreateEgressOnlyInternetGateway", in.ClientToken, g)
	}
	return struct {
		Gateway egressOnlyGatewayXML `xml:"egressOnlyInternetGateway"`
		Token   string               `xml:"clientToken,omitempty"`
	}{egressOnlyGatewayXMLOf(g), in.ClientToken}, nil
}

type describeEgressOnlyGatewaysInput struct {
	query
	GatewayIDs []string `ec2:"EgressOnlyInternetGatewayId"`
}

func describeEgressOnlyGateways(r *request, in *describeEgressOnlyGatewaysInput) (any, error) {
	page, next, err := egressOnlyGateways.describe(r, &r.egressOnly, in.GatewayIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Gateways set[egressOnlyGatewayXML] `xml:"egressOnlyInternetGatewaySet"`
		Next     string                    `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, g := range page {
		out.Gateways.add(egressOnlyGatewayXMLOf(g))
	}
	return out, nil
}

type egressOnlyGatewayInput struct {
	GatewayID string `ec2:"EgressOnlyInternetGatewayId,required"`
}

// deleteEgressOnlyGateway leaves routes to the gateway behind as black holes.
func deleteEgressOnlyGateway(r *request, in *egressOnlyGatewayInput) (any, error) {
	g, err := find(r, &r.egressOnly, egressOnlyKind, in.GatewayID)
	if err != nil {
		return nil, err
	}
	r.egressOnly.remove(g.ID)
	return struct {
		Code bool `xml:"returnCode"`
	}{true}, nil
}
