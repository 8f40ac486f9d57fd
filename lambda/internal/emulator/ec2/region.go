package ec2

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// zone is an availability zone.
type zone struct{ name, id string }

// zonesOf lists the availability zones of each region, as an account sees them.
// Which letter an account has for a zone id differs between accounts; which ids
// exist does not.
// https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html
var zonesOf = map[string][]zone{
	"ap-northeast-1": zones("ap-northeast-1", "apne1", "a4 c1 d2"),
	"ap-northeast-2": zones("ap-northeast-2", "apne2", "a1 b2 c3 d4"),
	"ap-south-1":     zones("ap-south-1", "aps1", "a1 b3 c2"),
	"ap-southeast-1": zones("ap-southeast-1", "apse1", "a2 b1 c3"),
	"ap-southeast-2": zones("ap-southeast-2", "apse2", "a3 b1 c2"),
	"ap-southeast-3": zones("ap-southeast-3", "apse3", "a1 b2 c3"),
	"ca-central-1":   zones("ca-central-1", "cac1", "a1 b2 d4"),
	"eu-central-1":   zones("eu-central-1", "euc1", "a2 b3 c1"),
	"eu-north-1":     zones("eu-north-1", "eun1", "a1 b2 c3"),
	"eu-west-1":      zones("eu-west-1", "euw1", "a1 b2 c3"),
	"eu-west-2":      zones("eu-west-2", "euw2", "a2 b3 c1"),
	"eu-west-3":      zones("eu-west-3", "euw3", "a1 b2 c3"),
	"sa-east-1":      zones("sa-east-1", "sae1", "a1 b2 c3"),
	"us-east-1":      zones("us-east-1", "use1", "a1 b2 c4 d6 e3 f5"),
	"us-east-2":      zones("us-east-2", "use2", "a1 b2 c3"),
	"us-gov-west-1":  zones("us-gov-west-1", "usgw1", "a1 b2 c3"),
	"us-west-1":      zones("us-west-1", "usw1", "a1 c3"),
	"us-west-2":      zones("us-west-2", "usw2", "a1 b2 c3 d4"),
}

// zones expands the shorthand "a4" to the zone <region>a with the id <short>-az4.
func zones(region, short, letters string) []zone {
	var out []zone
	for _, z := range strings.Fields(letters) {
		out = append(out, zone{name: region + z[:1], id: short + "-az" + z[1:]})
	}
	return out
}

// partition is the second part of every ARN in a region.
func partition(region string) string {
	if strings.HasPrefix(region, "us-gov-") {
		return "aws-us-gov"
	}
	return "aws"
}

// region holds everything that the account owns in one region.
type region struct {
	name  string
	zones []zone

	vpcs               store[*VPC]
	subnets            store[*Subnet]
	tables             store[*RouteTable]
	acls               store[*NetworkACL]
	groups             store[*SecurityGroup]
	rules              store[*Rule]
	endpoints          store[*Endpoint]
	interfaces         store[*NetworkInterface]
	gateways           store[*InternetGateway]
	addresses          store[*Address]
	nats               store[*NATGateway]
	peerings           store[*PeeringConnection]
	transits           store[*TransitGateway]
	transitAttachments store[*TransitGatewayAttachment]
	egressOnly         store[*EgressOnlyGateway]
	vpns               store[*VPNGateway]
	instances          store[*Instance]

	// services are the endpoint services that are offered here, by name.
	services map[string]*endpointService
	// doomed are the failures in store for the next endpoints to a service.
	doomed map[string][]EndpointFailure
	// tokens are the client tokens that were used here.
	tokens map[string]replay
	// reserved are the ids of the next objects, by prefix.
	reserved map[string][]string
	// due is when the first endpoint changes by itself; zero if none does.
	due time.Time
}

func newRegion(name string, zones []zone) *region {
	return &region{
		name: name, zones: zones,
		vpcs:               newStore(func(*VPC) string { return "" }),
		subnets:            newStore(func(s *Subnet) string { return s.VPCID }),
		tables:             newStore(func(t *RouteTable) string { return t.VPCID }),
		acls:               newStore(func(a *NetworkACL) string { return a.VPCID }),
		groups:             newStore(func(g *SecurityGroup) string { return g.VPCID }),
		rules:              newStore(func(rule *Rule) string { return rule.GroupID }),
		endpoints:          newStore(func(e *Endpoint) string { return e.VPCID }),
		interfaces:         newStore(func(n *NetworkInterface) string { return n.SubnetID }),
		gateways:           newStore(func(*InternetGateway) string { return "" }),
		addresses:          newStore(func(*Address) string { return "" }),
		nats:               newStore(func(g *NATGateway) string { return g.VPCID }),
		peerings:           newStore(func(*PeeringConnection) string { return "" }),
		transits:           newStore(func(*TransitGateway) string { return "" }),
		transitAttachments: newStore(func(a *TransitGatewayAttachment) string { return a.TransitGatewayID }),
		egressOnly:         newStore(func(g *EgressOnlyGateway) string { return g.VPCID }),
		vpns:               newStore(func(*VPNGateway) string { return "" }),
		instances:          newStore(func(i *Instance) string { return i.SubnetID }),
		services:           builtinServices(name, zones), doomed: map[string][]EndpointFailure{}, tokens: map[string]replay{},
		reserved: map[string][]string{},
	}
}

// Resource is what every object of the API has.
type Resource struct {
	ID   string
	Tags map[string]string
}

func (r *Resource) self() *Resource { return r }

func (r Resource) clone() Resource { return Resource{ID: r.ID, Tags: maps.Clone(r.Tags)} }

type object interface{ self() *Resource }

// store holds objects by id and by what they belong to, in the order of their
// creation. Large worlds have tens of thousands of objects, few in each VPC.
type store[T object] struct {
	byID  map[string]T
	order []T
	// parent tells what an object belongs to; it never changes.
	parent   func(T) string
	byParent map[string][]T
}

func newStore[T object](parent func(T) string) store[T] {
	return store[T]{byID: map[string]T{}, parent: parent, byParent: map[string][]T{}}
}

func (s *store[T]) add(v T) {
	s.byID[v.self().ID] = v
	s.order = append(s.order, v)
	s.byParent[s.parent(v)] = append(s.byParent[s.parent(v)], v)
}

func (s *store[T]) get(id string) (T, bool) {
	v, ok := s.byID[id]
	return v, ok
}

func (s *store[T]) remove(id string) {
	v, ok := s.byID[id]
	if !ok {
		return
	}
	is := func(other T) bool { return other.self().ID == id }
	delete(s.byID, id)
	s.order = slices.DeleteFunc(s.order, is)
	parent := s.parent(v)
	s.byParent[parent] = slices.DeleteFunc(s.byParent[parent], is)
	if len(s.byParent[parent]) == 0 {
		delete(s.byParent, parent)
	}
}

// all returns all objects. The list is the caller's.
func (s *store[T]) all() []T { return slices.Clone(s.order) }

// of returns what belongs to a parent. The list is the caller's.
func (s *store[T]) of(parent string) []T { return slices.Clone(s.byParent[parent]) }

// where returns the objects that satisfy a condition.
func (s *store[T]) where(cond func(T) bool) []T {
	return slices.DeleteFunc(s.all(), func(v T) bool { return !cond(v) })
}

// kind says how the API speaks about one type of object.
type kind struct {
	// prefix of the ids.
	prefix string
	// notFound and malformed are error codes.
	// https://docs.aws.amazon.com/ec2/latest/devguide/errors-overview.html
	notFound, malformed string
	// message of notFound, with %s for the id.
	message string
}

var (
	vpcKind               = kind{"vpc-", "InvalidVpcID.NotFound", "InvalidVpcID.Malformed", "The vpc ID '%s' does not exist"}
	subnetKind            = kind{"subnet-", "InvalidSubnetID.NotFound", "InvalidSubnetID.Malformed", "The subnet ID '%s' does not exist"}
	tableKind             = kind{"rtb-", "InvalidRouteTableID.NotFound", "InvalidRouteTableId.Malformed", "The routeTable ID '%s' does not exist"}
	aclKind               = kind{"acl-", "InvalidNetworkAclID.NotFound", "InvalidNetworkAclId.Malformed", "The networkAcl ID '%s' does not exist"}
	groupKind             = kind{"sg-", "InvalidGroup.NotFound", "InvalidGroupId.Malformed", "The security group '%s' does not exist"}
	ruleKind              = kind{"sgr-", "InvalidSecurityGroupRuleId.NotFound", "InvalidSecurityGroupRuleId.Malformed", "The security group rule ID '%s' does not exist"}
	endpointKind          = kind{"vpce-", "InvalidVpcEndpointId.NotFound", "InvalidVpcEndpointId.Malformed", "The Vpc Endpoint Id '%s' does not exist"}
	interfaceKind         = kind{"eni-", "InvalidNetworkInterfaceID.NotFound", "InvalidNetworkInterfaceId.Malformed", "The networkInterface ID '%s' does not exist"}
	gatewayKind           = kind{"igw-", "InvalidInternetGatewayID.NotFound", "InvalidInternetGatewayId.Malformed", "The internetGateway ID '%s' does not exist"}
	prefixKind            = kind{"pl-", "InvalidPrefixListID.NotFound", "InvalidPrefixListId.Malformed", "The prefix list ID '%s' does not exist"}
	natKind               = kind{"nat-", "NatGatewayNotFound", "NatGatewayMalformed", "The Nat Gateway %s was not found"}
	addressKind           = kind{"eipalloc-", "InvalidAllocationID.NotFound", "InvalidAllocationID.Malformed", "The allocation ID '%s' does not exist"}
	peeringKind           = kind{"pcx-", "InvalidVpcPeeringConnectionID.NotFound", "InvalidVpcPeeringConnectionId.Malformed", "The vpcPeeringConnection ID '%s' does not exist"}
	transitKind           = kind{"tgw-", "InvalidTransitGatewayID.NotFound", "InvalidTransitGatewayID.Malformed", "Transit Gateway %s was deleted or does not exist."}
	transitAttachmentKind = kind{"tgw-attach-", "InvalidTransitGatewayAttachmentID.NotFound", "InvalidTransitGatewayAttachmentID.Malformed", "Transit Gateway Attachment %s was deleted or does not exist."}
	egressOnlyKind        = kind{"eigw-", "InvalidGatewayID.NotFound", "InvalidGatewayID.Malformed", "The gateway ID '%s' does not exist"}
	vpnKind               = kind{"vgw-", "InvalidVpnGatewayID.NotFound", "InvalidVpnGatewayId.Malformed", "The vpnGateway ID '%s' does not exist"}
	instanceKind          = kind{"i-", "InvalidInstanceID.NotFound", "InvalidInstanceID.Malformed", "The instance ID '%s' does not exist"}
)

// find looks an object up by an id that the caller gave.
func find[T object](r *request, s *store[T], k kind, id string) (T, error) {
	v, ok := s.get(id)
	if ok && r.visible(id) {
		return v, nil
	}
	var none T
	if !strings.HasPrefix(id, k.prefix) {
		return none, fault(k.malformed, `Invalid id: "%s" (expecting "%s...")`, id, k.prefix)
	}
	return none, fault(k.notFound, k.message, id)
}

// findAll looks several objects up.
func findAll[T object](r *request, s *store[T], k kind, ids []string) ([]T, error) {
	var out []T
	for _, id := range ids {
		v, err := find(r, s, k, id)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

type describeAvailabilityZonesInput struct {
	ZoneNames []string `ec2:"ZoneName"`
	ZoneIDs   []string `ec2:"ZoneId"`
	Filters   []filter `ec2:"Filter"`
	All       bool     `ec2:"AllAvailabilityZones"`
}

type availabilityZoneXML struct {
	OptInStatus        string   `xml:"optInStatus"`
	Messages           set[int] `xml:"messageSet"`
	RegionName         string   `xml:"regionName"`
	ZoneName           string   `xml:"zoneName"`
	ZoneID             string   `xml:"zoneId"`
	GroupName          string   `xml:"groupName"`
	NetworkBorderGroup string   `xml:"networkBorderGroup"`
	ZoneType           string   `xml:"zoneType"`
	ZoneState          string   `xml:"zoneState"`
}

var zoneFields = fields[zone]{
	"zone-name":     func(_ *request, z zone) []string { return []string{z.name} },
	"zone-id":       func(_ *request, z zone) []string { return []string{z.id} },
	"region-name":   func(r *request, _ zone) []string { return []string{r.name} },
	"group-name":    func(r *request, _ zone) []string { return []string{r.name + "-zg-1"} },
	"state":         func(*request, zone) []string { return []string{"available"} },
	"opt-in-status": func(*request, zone) []string { return []string{"opt-in-not-required"} },
	"zone-type":     func(*request, zone) []string { return []string{"availability-zone"} },
}

func describeAvailabilityZones(r *request, in *describeAvailabilityZonesInput) (any, error) {
	match, err := zoneFields.compile(r, in.Filters)
	if err != nil {
		return nil, err
	}
	for _, name := range in.ZoneNames {
		if !slices.ContainsFunc(r.zones, func(z zone) bool { return z.name == name }) {
			return nil, fault("InvalidParameterValue", "Invalid availability zone: [%s]", name)
		}
	}
	for _, id := range in.ZoneIDs {
		if !slices.ContainsFunc(r.zones, func(z zone) bool { return z.id == id }) {
			return nil, fault("InvalidParameterValue", "Invalid availability zone-id: [%s]", id)
		}
	}
	out := struct {
		Zones set[availabilityZoneXML] `xml:"availabilityZoneInfo"`
	}{}
	for _, z := range r.zones {
		named := len(in.ZoneNames) == 0 || slices.Contains(in.ZoneNames, z.name)
		identified := len(in.ZoneIDs) == 0 || slices.Contains(in.ZoneIDs, z.id)
		if named && identified && match(z) {
			out.Zones.add(availabilityZoneXML{
				OptInStatus: "opt-in-not-required", RegionName: r.name, ZoneName: z.name, ZoneID: z.id,
				GroupName: r.name + "-zg-1", NetworkBorderGroup: r.name, ZoneType: "availability-zone", ZoneState: "available",
			})
		}
	}
	return out, nil
}
