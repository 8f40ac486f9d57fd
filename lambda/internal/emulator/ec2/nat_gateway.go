package ec2

import (
	"net/netip"
	"time"
)

// NATGateway lets the instances of private subnets open connections to the
// internet, or, if it is private, to other networks. A deleted one stays for an
// hour.
type NATGateway struct {
	Resource
	VPCID    string
	SubnetID string
	// State is StateAvailable, StateFailed or StateDeleted.
	State string
	// Private says that the gateway has no public address.
	Private bool
	// AllocationID is the Elastic IP address of a public gateway, PublicIP what
	// it is.
	AllocationID string
	PublicIP     string
	// PrivateIP is the gateway's address in its subnet.
	PrivateIP netip.Addr
	// Failure says why the gateway is failed.
	Failure EndpointFailure

	interfaceID, associationID string
	created, deleted           time.Time
}

type natGatewayXML struct {
	ID             string                    `xml:"natGatewayId"`
	VpcID          string                    `xml:"vpcId"`
	SubnetID       string                    `xml:"subnetId"`
	State          string                    `xml:"state"`
	Connectivity   string                    `xml:"connectivityType"`
	Addresses      set[natGatewayAddressXML] `xml:"natGatewayAddressSet"`
	Created        string                    `xml:"createTime"`
	Deleted        string                    `xml:"deleteTime,omitempty"`
	FailureCode    string                    `xml:"failureCode,omitempty"`
	FailureMessage string                    `xml:"failureMessage,omitempty"`
	Tags           set[tagXML]               `xml:"tagSet"`
}

type natGatewayAddressXML struct {
	AllocationID  string `xml:"allocationId,omitempty"`
	AssociationID string `xml:"associationId,omitempty"`
	PublicIP      string `xml:"publicIp,omitempty"`
	InterfaceID   string `xml:"networkInterfaceId,omitempty"`
	PrivateIP     string `xml:"privateIp,omitempty"`
	Primary       bool   `xml:"isPrimary"`
	Status        string `xml:"status"`
}

func natGatewayXMLOf(g *NATGateway) natGatewayXML {
	out := natGatewayXML{
		ID: g.ID, VpcID: g.VPCID, SubnetID: g.SubnetID, State: g.State, Connectivity: g.connectivity(), Created: timestamp(g.created),
		FailureCode: g.Failure.Code, FailureMessage: g.Failure.Message, Tags: tagSet(g.Tags),
	}
	if !g.deleted.IsZero() {
		out.Deleted = timestamp(g.deleted)
	}
	address := natGatewayAddressXML{
		AllocationID: g.AllocationID, AssociationID: g.associationID, PublicIP: g.PublicIP, InterfaceID: g.interfaceID,
		Primary: true, Status: "succeeded",
	}
	if g.PrivateIP.IsValid() {
		address.PrivateIP = g.PrivateIP.String()
	}
	if g.State == StateFailed {
		address.Status = "failed"
	}
	out.Addresses.add(address)
	return out
}

func (g *NATGateway) connectivity() string {
	if g.Private {
		return "private"
	}
	return "public"
}

var natGateways = listing[*NATGateway]{kind: natKind, parent: "vpc-id", least: 5, fields: fields[*NATGateway]{
	"nat-gateway-id": func(_ *request, g *NATGateway) []string { return []string{g.ID} },
	"state":          func(_ *request, g *NATGateway) []string { return []string{g.State} },
	"subnet-id":      func(_ *request, g *NATGateway) []string { return []string{g.SubnetID} },
	"vpc-id":         func(_ *request, g *NATGateway) []string { return []string{g.VPCID} },
	"tag-key":        tagKeys[*NATGateway],
}}

type createNatGatewayInput struct {
	SubnetID     string             `ec2:"SubnetId,required"`
	AllocationID string             `ec2:"AllocationId"`
	Connectivity string             `ec2:"ConnectivityType"`
	ClientToken  string             `ec2:"ClientToken"`
	Tags         []tagSpecification `ec2:"TagSpecification"`
}

// createNatGateway answers before AWS has tried to build the gateway: what its
// network lacks shows as the state failed, not as an error.
// https://docs.aws.amazon.com/vpc/latest/userguide/nat-gateway-troubleshooting.html
func createNatGateway(r *request, in *createNatGatewayInput) (any, error) {
	g, again, err := repeated[*NATGateway](r, "CreateNatGateway", in.ClientToken)
	if err != nil {
		return nil, err
	}
	if !again {
		if g, err = r.newNATGateway(in); err != nil {
			return nil, err
		}
		r.remember("CreateNatGateway", in.ClientToken, g)
	}
	return struct {
		Gateway natGatewayXML `xml:"natGateway"`
		Token   string        `xml:"clientToken,omitempty"`
	}{natGatewayXMLOf(g), in.ClientToken}, nil
}

func (r *request) newNATGateway(in *createNatGatewayInput) (*NATGateway, error) {
	s, err := find(r, &r.subnets, subnetKind, in.SubnetID)
	if err != nil {
		return nil, err
	}
	private := in.Connectivity == "private"
	switch {
	case in.Connectivity != "" && in.Connectivity != "public" && !private:
		return nil, fault("InvalidParameterValue", "Value (%s) for parameter connectivityType is invalid.", in.Connectivity)
	case private && in.AllocationID != "":
		return nil, fault("InvalidParameterCombination", "AllocationId cannot be specified for a private NAT gateway.")
	case !private && in.AllocationID == "":
		return nil, fault("MissingParameter", "The request must include the AllocationId parameter. Add the required parameter and retry the request.")
	}
	var address *Address
	if !private {
		if address, err = find(r, &r.addresses, addressKind, in.AllocationID); err != nil {
			return nil, err
		}
	}
	tags, err := tagsFor("natgateway", in.Tags)
	if err != nil {
		return nil, err
	}
	g := &NATGateway{
		Resource: r.fresh("nat-", tags), VPCID: s.VPCID, SubnetID: s.ID, State: StateAvailable,
		Private: private, AllocationID: in.AllocationID, created: r.now,
	}
	r.nats.add(g)
	if code, message := r.connectNAT(g, s, address); code != "" {
		g.State, g.Failure = StateFailed, EndpointFailure{Code: code, Message: message}
		g.deleted = r.now
		r.later(r.now.Add(deletedLife), func() { r.nats.remove(g.ID) })
	}
	return g, nil
}

// connectNAT gives a gateway its addresses, or says why it cannot have them.
func (r *request) connectNAT(g *NATGateway, s *Subnet, address *Address) (code, message string) {
	if !g.Private {
		attached := r.gateways.where(func(other *InternetGateway) bool { return other.VPCID == g.VPCID })
		switch {
		case len(attached) == 0:
			return "Gateway.NotAttached", "Network " + g.VPCID + " has no Internet gateway attached"
		case address.associationID != "":
			return "Resource.AlreadyAssociated", "Elastic IP address [" + address.ID + "] is already associated"
		}
	}
	n, err := r.newInterface(s, g.ID, nil)
	if err != nil {
		return "InsufficientFreeAddressesInSubnet", "Subnet has insufficient free addresses to create this NAT gateway"
	}
	g.interfaceID, g.PrivateIP = n.ID, n.Address
	if address != nil {
		g.PublicIP, g.associationID = address.PublicIP, r.newID("eipassoc-")
		address.NATGatewayID, address.associationID = g.ID, g.associationID
		address.interfaceID, address.privateIP = n.ID, n.Address.String()
	}
	return "", ""
}

type describeNatGatewaysInput struct {
	query
	NatGatewayIDs []string `ec2:"NatGatewayId"`
}

func describeNatGateways(r *request, in *describeNatGatewaysInput) (any, error) {
	page, next, err := natGateways.describe(r, &r.nats, in.NatGatewayIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		NatGateways set[natGatewayXML] `xml:"natGatewaySet"`
		Next        string             `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, g := range page {
		out.NatGateways.add(natGatewayXMLOf(g))
	}
	return out, nil
}

type natGatewayInput struct {
	NatGatewayID string `ec2:"NatGatewayId,required"`
}

// deleteNatGateway frees the gateway's addresses. Routes to it stay behind as
// black holes.
func deleteNatGateway(r *request, in *natGatewayInput) (any, error) {
	g, err := find(r, &r.nats, natKind, in.NatGatewayID)
	if err != nil {
		return nil, err
	}
	if g.State == StateDeleted {
		return nil, fault(natKind.notFound, natKind.message, g.ID)
	}
	if g.State == StateAvailable {
		r.interfaces.remove(g.interfaceID)
		if a, ok := r.addresses.get(g.AllocationID); ok {
			a.release()
		}
		r.later(r.now.Add(deletedLife), func() { r.nats.remove(g.ID) })
	}
	g.State, g.deleted = StateDeleted, r.now
	return struct {
		ID string `xml:"natGatewayId"`
	}{g.ID}, nil
}
