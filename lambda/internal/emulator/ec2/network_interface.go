package ec2

import (
	"net/netip"
	"slices"
	"strings"
)

// NetworkInterface is the presence of an endpoint, a gateway or an instance in a
// subnet.
type NetworkInterface struct {
	Resource
	// EndpointID is the endpoint that it belongs to, if it belongs to one.
	EndpointID string
	// HolderID is the endpoint, the NAT gateway, the transit gateway attachment or
	// the instance that it belongs to; empty if it belongs to nothing any more.
	HolderID string
	// Description of one that belongs to nothing.
	Description string
	VPCID       string
	SubnetID    string
	Zone        string
	ZoneID      string
	Address     netip.Addr
	GroupIDs    []string
}

func (n *NetworkInterface) description() string {
	switch n.interfaceType() {
	case "nat_gateway":
		return "Interface for NAT Gateway " + n.HolderID
	case "transit_gateway":
		return "Network Interface for Transit Gateway Attachment " + n.HolderID
	case "interface":
		return n.Description
	}
	return "VPC Endpoint Interface " + n.HolderID
}

func (n *NetworkInterface) interfaceType() string {
	switch {
	case strings.HasPrefix(n.HolderID, natKind.prefix):
		return "nat_gateway"
	case n.ofCustomer():
		return "interface"
	case n.EndpointID == "":
		return "transit_gateway"
	}
	return "vpc_endpoint"
}

// ofCustomer says whether no service of AWS has made the interface.
func (n *NetworkInterface) ofCustomer() bool {
	return n.HolderID == "" || strings.HasPrefix(n.HolderID, instanceKind.prefix)
}

func (n *NetworkInterface) status() string {
	if n.HolderID == "" {
		return "available"
	}
	return "in-use"
}

// addInterface puts an endpoint into a subnet.
func (r *request) addInterface(e *Endpoint, s *Subnet) error {
	n, err := r.newInterface(s, e.ID, e.GroupIDs)
	if err != nil {
		return err
	}
	n.EndpointID = e.ID
	e.SubnetIDs = append(e.SubnetIDs, s.ID)
	e.InterfaceIDs = append(e.InterfaceIDs, n.ID)
	return nil
}

// newInterface takes the next free address of a subnet.
func (r *request) newInterface(s *Subnet, holder string, groupIDs []string) (*NetworkInterface, error) {
	addr, err := r.freeAddress(s)
	if err != nil {
		return nil, err
	}
	n := &NetworkInterface{
		Resource: r.fresh("eni-", nil), HolderID: holder, VPCID: s.VPCID, SubnetID: s.ID,
		Zone: s.Zone, ZoneID: s.ZoneID, Address: addr, GroupIDs: slices.Clone(groupIDs),
	}
	r.interfaces.add(n)
	return n, nil
}

// removeInterface takes an endpoint out of a subnet.
func (r *request) removeInterface(e *Endpoint, n *NetworkInterface) {
	r.interfaces.remove(n.ID)
	e.SubnetIDs = without(e.SubnetIDs, n.SubnetID)
	e.InterfaceIDs = without(e.InterfaceIDs, n.ID)
}

// requester is the service of AWS that made the interface.
func (n *NetworkInterface) requester() string {
	if n.EndpointID != "" {
		return "vpce-requester"
	}
	return "amazon-aws"
}

// mac is an address that depends on nothing but the interface.
func (n *NetworkInterface) mac() string {
	digits := fingerprint(n.ID)
	return strings.Join([]string{"06", digits[0:2], digits[2:4], digits[4:6], digits[6:8], digits[8:10]}, ":")
}

func (n *NetworkInterface) hostName(region string) string {
	return "ip-" + strings.ReplaceAll(n.Address.String(), ".", "-") + "." + region + ".compute.internal"
}

type networkInterfaceXML struct {
	ID               string                 `xml:"networkInterfaceId"`
	SubnetID         string                 `xml:"subnetId"`
	VpcID            string                 `xml:"vpcId"`
	AvailabilityZone string                 `xml:"availabilityZone"`
	ZoneID           string                 `xml:"availabilityZoneId"`
	Description      string                 `xml:"description"`
	OwnerID          string                 `xml:"ownerId"`
	RequesterID      string                 `xml:"requesterId"`
	RequesterManaged bool                   `xml:"requesterManaged"`
	Status           string                 `xml:"status"`
	MacAddress       string                 `xml:"macAddress"`
	PrivateIP        string                 `xml:"privateIpAddress"`
	PrivateDNS       string                 `xml:"privateDnsName"`
	SourceDestCheck  bool                   `xml:"sourceDestCheck"`
	Groups           set[groupXML]          `xml:"groupSet"`
	Attachment       interfaceAttachmentXML `xml:"attachment"`
	PrivateIPs       set[privateIPXML]      `xml:"privateIpAddressesSet"`
	Ipv6Addresses    set[string]            `xml:"ipv6AddressesSet"`
	InterfaceType    string                 `xml:"interfaceType"`
	Tags             set[tagXML]            `xml:"tagSet"`
}

type groupXML struct {
	ID   string `xml:"groupId"`
	Name string `xml:"groupName"`
}

type interfaceAttachmentXML struct {
	ID                  string `xml:"attachmentId"`
	InstanceOwnerID     string `xml:"instanceOwnerId"`
	DeviceIndex         int    `xml:"deviceIndex"`
	Status              string `xml:"status"`
	DeleteOnTermination bool   `xml:"deleteOnTermination"`
}

type privateIPXML struct {
	Address string `xml:"privateIpAddress"`
	DNSName string `xml:"privateDnsName"`
	Primary bool   `xml:"primary"`
}

func (r *request) networkInterfaceXML(n *NetworkInterface) networkInterfaceXML {
	return networkInterfaceXML{
		ID: n.ID, SubnetID: n.SubnetID, VpcID: n.VPCID, AvailabilityZone: n.Zone, ZoneID: n.ZoneID, Description: n.description(),
		OwnerID: r.account, RequesterID: n.requester(), RequesterManaged: !n.ofCustomer(), Status: n.status(), MacAddress: n.mac(),
		PrivateIP: n.Address.String(), PrivateDNS: n.hostName(r.name), SourceDestCheck: true, Groups: r.groupSet(n.GroupIDs),
		Attachment: interfaceAttachmentXML{
			ID: "ela-attach-0" + fingerprint(n.ID)[:16], InstanceOwnerID: "amazon-aws", DeviceIndex: 1, Status: "attached",
		},
		PrivateIPs:    setOf([]privateIPXML{{n.Address.String(), n.hostName(r.name), true}}),
		InterfaceType: n.interfaceType(), Tags: tagSet(n.Tags),
	}
}

// groupSet names security groups.
func (r *request) groupSet(ids []string) set[groupXML] {
	var out set[groupXML]
	for _, id := range ids {
		if g, ok := r.groups.get(id); ok {
			out.add(groupXML{ID: g.ID, Name: g.Name})
		}
	}
	return out
}

var networkInterfaces = listing[*NetworkInterface]{kind: interfaceKind, parent: "subnet-id", least: 5, fields: fields[*NetworkInterface]{
	"network-interface-id": func(_ *request, n *NetworkInterface) []string { return []string{n.ID} },
	"vpc-id":               func(_ *request, n *NetworkInterface) []string { return []string{n.VPCID} },
	"subnet-id":            func(_ *request, n *NetworkInterface) []string { return []string{n.SubnetID} },
	"availability-zone":    func(_ *request, n *NetworkInterface) []string { return []string{n.Zone} },
	"group-id":             func(_ *request, n *NetworkInterface) []string { return n.GroupIDs },
	"group-name": func(r *request, n *NetworkInterface) []string {
		return each(r.groupSet(n.GroupIDs).Items, func(g groupXML) string { return g.Name })
	},
	"description":        func(_ *request, n *NetworkInterface) []string { return []string{n.description()} },
	"interface-type":     func(_ *request, n *NetworkInterface) []string { return []string{n.interfaceType()} },
	"private-ip-address": func(_ *request, n *NetworkInterface) []string { return []string{n.Address.String()} },
	"addresses.private-ip-address": func(_ *request, n *NetworkInterface) []string {
		return []string{n.Address.String()}
	},
	"requester-managed": func(_ *request, n *NetworkInterface) []string { return flag(!n.ofCustomer()) },
	"status":            func(_ *request, n *NetworkInterface) []string { return []string{n.status()} },
	"owner-id":          owner[*NetworkInterface],
	"tag-key":           tagKeys[*NetworkInterface],
}}

type describeNetworkInterfacesInput struct {
	query
	InterfaceIDs []string `ec2:"NetworkInterfaceId"`
}

func describeNetworkInterfaces(r *request, in *describeNetworkInterfacesInput) (any, error) {
	page, next, err := networkInterfaces.describe(r, &r.interfaces, in.InterfaceIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Interfaces set[networkInterfaceXML] `xml:"networkInterfaceSet"`
		Next       string                   `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, n := range page {
		out.Interfaces.add(r.networkInterfaceXML(n))
	}
	return out, nil
}
