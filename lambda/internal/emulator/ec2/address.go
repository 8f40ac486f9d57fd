package ec2

import "strconv"

// Address is an Elastic IP address. The id is that of its allocation.
type Address struct {
	Resource
	PublicIP string
	// NATGatewayID is the NAT gateway that uses the address, if one does.
	NATGatewayID string

	associationID, interfaceID, privateIP string
}

type addressXML struct {
	AllocationID       string      `xml:"allocationId"`
	PublicIP           string      `xml:"publicIp"`
	Domain             string      `xml:"domain"`
	AssociationID      string      `xml:"associationId,omitempty"`
	InterfaceID        string      `xml:"networkInterfaceId,omitempty"`
	InterfaceOwnerID   string      `xml:"networkInterfaceOwnerId,omitempty"`
	PrivateIP          string      `xml:"privateIpAddress,omitempty"`
	PublicIpv4Pool     string      `xml:"publicIpv4Pool"`
	NetworkBorderGroup string      `xml:"networkBorderGroup"`
	Tags               set[tagXML] `xml:"tagSet"`
}

func (r *request) addressXML(a *Address) addressXML {
	out := addressXML{
		AllocationID: a.ID, PublicIP: a.PublicIP, Domain: "vpc", AssociationID: a.associationID, InterfaceID: a.interfaceID,
		PrivateIP: a.privateIP, PublicIpv4Pool: "amazon", NetworkBorderGroup: r.name, Tags: tagSet(a.Tags),
	}
	if a.associationID != "" {
		out.InterfaceOwnerID = r.account
	}
	return out
}

// release frees the address of what used it.
func (a *Address) release() {
	a.NATGatewayID, a.associationID, a.interfaceID, a.privateIP = "", "", "", ""
}

var addresses = listing[*Address]{kind: addressKind, least: 5, fields: fields[*Address]{
	"allocation-id":        func(_ *request, a *Address) []string { return []string{a.ID} },
	"public-ip":            func(_ *request, a *Address) []string { return []string{a.PublicIP} },
	"domain":               func(*request, *Address) []string { return []string{"vpc"} },
	"association-id":       func(_ *request, a *Address) []string { return given(a.associationID) },
	"network-interface-id": func(_ *request, a *Address) []string { return given(a.interfaceID) },
	"private-ip-address":   func(_ *request, a *Address) []string { return given(a.privateIP) },
	"network-border-group": func(r *request, _ *Address) []string { return []string{r.name} },
	"tag-key":              tagKeys[*Address],
}}

// given is the value of a field that an object may not have.
func given(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

type allocateAddressInput struct {
	Domain string             `ec2:"Domain"`
	Tags   []tagSpecification `ec2:"TagSpecification"`
}

func allocateAddress(r *request, in *allocateAddressInput) (any, error) {
	if in.Domain != "" && in.Domain != "vpc" {
		return nil, notEmulated("Domain %s", in.Domain)
	}
	tags, err := tagsFor("elastic-ip", in.Tags)
	if err != nil {
		return nil, err
	}
	a := &Address{Resource: r.fresh("eipalloc-", tags), PublicIP: r.publicIP()}
	r.addresses.add(a)
	return r.addressXML(a), nil
}

// publicIP returns an address that was not given out before. 198.18.0.0/15 is
// never routed on the internet.
func (r *request) publicIP() string {
	r.issued["public address"]++
	n := r.issued["public address"]
	return "198." + strconv.Itoa(18+n>>16&1) + "." + strconv.Itoa(n>>8&255) + "." + strconv.Itoa(n&255)
}

// describeAddressesInput has no pages: the action has none.
type describeAddressesInput struct {
	Filters       []filter `ec2:"Filter"`
	AllocationIDs []string `ec2:"AllocationId"`
	PublicIPs     []string `ec2:"PublicIp"`
}

func describeAddresses(r *request, in *describeAddressesInput) (any, error) {
	asked := in.Filters
	if len(in.PublicIPs) > 0 {
		for _, ip := range in.PublicIPs {
			if len(r.addresses.where(func(a *Address) bool { return a.PublicIP == ip })) == 0 {
				return nil, fault("InvalidAddress.NotFound", "Address '%s' not found.", ip)
			}
		}
		asked = append(asked, filter{Name: "public-ip", Values: in.PublicIPs})
	}
	found, _, err := addresses.describe(r, &r.addresses, in.AllocationIDs, query{Filters: asked})
	if err != nil {
		return nil, err
	}
	out := struct {
		Addresses set[addressXML] `xml:"addressesSet"`
	}{}
	for _, a := range found {
		out.Addresses.add(r.addressXML(a))
	}
	return out, nil
}

type releaseAddressInput struct {
	AllocationID string `ec2:"AllocationId,required"`
}

func releaseAddress(r *request, in *releaseAddressInput) (any, error) {
	a, err := find(r, &r.addresses, addressKind, in.AllocationID)
	if err != nil {
		return nil, err
	}
	if a.associationID != "" {
		return nil, fault("InvalidIPAddress.InUse", "Address %s is in use.", a.PublicIP)
	}
	r.addresses.remove(a.ID)
	return done, nil
}
