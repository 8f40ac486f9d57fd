package ec2

import "slices"

// RouteTable says where the traffic of its subnets goes.
type RouteTable struct {
	Resource
	VPCID        string
	Routes       []Route
	Associations []RouteAssociation
}

// RouteAssociation binds a route table to a subnet, or to the VPC as its main
// table.
type RouteAssociation struct {
	ID string
	// SubnetID is empty for the main table.
	SubnetID string
}

func (t *RouteTable) main() bool {
	return slices.ContainsFunc(t.Associations, func(a RouteAssociation) bool { return a.SubnetID == "" })
}

func (t *RouteTable) dissociate(subnetID string) {
	t.Associations = slices.DeleteFunc(t.Associations, func(a RouteAssociation) bool { return a.SubnetID == subnetID })
}

func (r *request) addMainTable(v *VPC) {
	t := r.newTable(v, nil)
	t.Associations = []RouteAssociation{{ID: r.newID("rtbassoc-")}}
}

func (r *request) newTable(v *VPC, tags map[string]string) *RouteTable {
	t := &RouteTable{Resource: r.fresh("rtb-", tags), VPCID: v.ID}
	for _, cidr := range v.blocks() {
		t.Routes = append(t.Routes, localRoute(cidr))
	}
	r.tables.add(t)
	return t
}

type routeTableXML struct {
	RouteTableID    string                   `xml:"routeTableId"`
	VpcID           string                   `xml:"vpcId"`
	OwnerID         string                   `xml:"ownerId"`
	Routes          set[routeXML]            `xml:"routeSet"`
	Associations    set[routeAssociationXML] `xml:"associationSet"`
	PropagatingVgws set[string]              `xml:"propagatingVgwSet"`
	Tags            set[tagXML]              `xml:"tagSet"`
}

type routeAssociationXML struct {
	ID           string   `xml:"routeTableAssociationId"`
	RouteTableID string   `xml:"routeTableId"`
	SubnetID     string   `xml:"subnetId,omitempty"`
	Main         bool     `xml:"main"`
	State        stateXML `xml:"associationState"`
}

func (r *request) routeTableXML(t *RouteTable) routeTableXML {
	out := routeTableXML{RouteTableID: t.ID, VpcID: t.VPCID, OwnerID: r.account, Tags: tagSet(t.Tags)}
	for _, route := range t.Routes {
		out.Routes.add(r.routeXML(t, route))
	}
	for _, a := range t.Associations {
		out.Associations.add(routeAssociationXML{
			ID: a.ID, RouteTableID: t.ID, SubnetID: a.SubnetID, Main: a.SubnetID == "", State: stateXML{"associated"},
		})
	}
	return out
}

var routeTables = listing[*RouteTable]{kind: tableKind, parent: "vpc-id", least: 5, fields: fields[*RouteTable]{
	"route-table-id": func(_ *request, t *RouteTable) []string { return []string{t.ID} },
	"vpc-id":         func(_ *request, t *RouteTable) []string { return []string{t.VPCID} },
	"owner-id":       owner[*RouteTable],
	"tag-key":        tagKeys[*RouteTable],
	"association.main": func(_ *request, t *RouteTable) []string {
		return each(t.Associations, func(a RouteAssociation) string { return flag(a.SubnetID == "")[0] })
	},
	"association.subnet-id": func(_ *request, t *RouteTable) []string {
		return each(t.Associations, func(a RouteAssociation) string { return a.SubnetID })
	},
	"association.route-table-association-id": func(_ *request, t *RouteTable) []string {
		return each(t.Associations, func(a RouteAssociation) string { return a.ID })
	},
	"association.route-table-id": func(_ *request, t *RouteTable) []string {
		return each(t.Associations, func(RouteAssociation) string { return t.ID })
	},
	"route.destination-cidr-block":          routeField(func(x routeXML) string { return x.CidrBlock }),
	"route.destination-ipv6-cidr-block":     routeField(func(x routeXML) string { return x.Ipv6CidrBlock }),
	"route.destination-prefix-list-id":      routeField(func(x routeXML) string { return x.PrefixListID }),
	"route.gateway-id":                      routeField(func(x routeXML) string { return x.GatewayID }),
	"route.nat-gateway-id":                  routeField(func(x routeXML) string { return x.NATGatewayID }),
	"route.vpc-peering-connection-id":       routeField(func(x routeXML) string { return x.PeeringID }),
	"route.transit-gateway-id":              routeField(func(x routeXML) string { return x.TransitID }),
	"route.egress-only-internet-gateway-id": routeField(func(x routeXML) string { return x.EgressOnlyID }),
	"route.origin":                          routeField(func(x routeXML) string { return x.Origin }),
	"route.state":                           routeField(func(x routeXML) string { return x.State }),
}}

// each maps a list to texts, for a filter over a list of an object.
func each[T any](items []T, text func(T) string) []string {
	var out []string
	for _, item := range items {
		out = append(out, text(item))
	}
	return out
}

type createRouteTableInput struct {
	VpcID       string             `ec2:"VpcId,required"`
	ClientToken string             `ec2:"ClientToken"`
	Tags        []tagSpecification `ec2:"TagSpecification"`
}

func createRouteTable(r *request, in *createRouteTableInput) (any, error) {
	v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
	if err != nil {
		return nil, err
	}
	tags, err := tagsFor("route-table", in.Tags)
	if err != nil {
		return nil, err
	}
	t, again, err := repeated[*RouteTable](r, "CreateRouteTable", in.ClientToken)
	if err != nil {
		return nil, err
	}
	if !again {
		t = r.newTable(v, tags)
		r.remember("CreateRouteTable", in.ClientToken, t)
	}
	return struct {
		Table routeTableXML `xml:"routeTable"`
		Token string        `xml:"clientToken,omitempty"`
	}{r.routeTableXML(t), in.ClientToken}, nil
}

type describeRouteTablesInput struct {
	query
	RouteTableIDs []string `ec2:"RouteTableId"`
}

func describeRouteTables(r *request, in *describeRouteTablesInput) (any, error) {
	page, next, err := routeTables.describe(r, &r.tables, in.RouteTableIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Tables set[routeTableXML] `xml:"routeTableSet"`
		Next   string             `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, t := range page {
		out.Tables.add(r.routeTableXML(t))
	}
	return out, nil
}

type associateRouteTableInput struct {
	RouteTableID string `ec2:"RouteTableId,required"`
	SubnetID     string `ec2:"SubnetId,required"`
}

type associatedXML struct {
	ID    string   `xml:"associationId,omitempty"`
	NewID string   `xml:"newAssociationId,omitempty"`
	State stateXML `xml:"associationState"`
}

func associateRouteTable(r *request, in *associateRouteTableInput) (any, error) {
	t, err := find(r, &r.tables, tableKind, in.RouteTableID)
	if err != nil {
		return nil, err
	}
	s, err := find(r, &r.subnets, subnetKind, in.SubnetID)
	if err != nil {
		return nil, err
	}
	if s.VPCID != t.VPCID {
		return nil, differentNetworks("Route table", t.ID, "subnet", s.ID)
	}
	for _, other := range r.tables.of(t.VPCID) {
		for _, a := range other.Associations {
			if a.SubnetID != s.ID {
				continue
			}
			if other.ID == t.ID {
				return associatedXML{ID: a.ID, State: stateXML{"associated"}}, nil
			}
			return nil, fault("Resource.AlreadyAssociated", "the specified association for route table %s conflicts with an existing association", t.ID)
		}
	}
	a := RouteAssociation{ID: r.newID("rtbassoc-"), SubnetID: s.ID}
	t.Associations = append(t.Associations, a)
	return associatedXML{ID: a.ID, State: stateXML{"associated"}}, nil
}

// differentNetworks refuses to bring together what is in two VPCs.
func differentNetworks(what, id, other, otherID string) error {
	return fault("InvalidParameter", "%s %s and %s %s belong to different networks.", what, id, other, otherID)
}

// routeAssociation finds an association and the table that has it.
func (r *request) routeAssociation(id string) (*RouteTable, RouteAssociation, error) {
	for _, t := range r.tables.all() {
		for _, a := range t.Associations {
			if a.ID == id {
				return t, a, nil
			}
		}
	}
	return nil, RouteAssociation{}, fault("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", id)
}

type replaceRouteTableAssociationInput struct {
	AssociationID string `ec2:"AssociationId,required"`
	RouteTableID  string `ec2:"RouteTableId,required"`
}

// replaceRouteTableAssociation moves a subnet, or the role of the main table,
// to another table.
func replaceRouteTableAssociation(r *request, in *replaceRouteTableAssociationInput) (any, error) {
	from, a, err := r.routeAssociation(in.AssociationID)
	if err != nil {
		return nil, err
	}
	to, err := find(r, &r.tables, tableKind, in.RouteTableID)
	if err != nil {
		return nil, err
	}
	if from.VPCID != to.VPCID {
		return nil, differentNetworks("Route table", to.ID, "route table", from.ID)
	}
	from.dissociate(a.SubnetID)
	a.ID = r.newID("rtbassoc-")
	to.Associations = append(to.Associations, a)
	return associatedXML{NewID: a.ID, State: stateXML{"associated"}}, nil
}

type associationInput struct {
	AssociationID string `ec2:"AssociationId,required"`
}

func disassociateRouteTable(r *request, in *associationInput) (any, error) {
	t, a, err := r.routeAssociation(in.AssociationID)
	if err != nil {
		return nil, err
	}
	if a.SubnetID == "" {
		return nil, fault("InvalidParameterValue", "cannot disassociate the main route table association %s", a.ID)
	}
	t.dissociate(a.SubnetID)
	return done, nil
}

type routeTableInput struct {
	RouteTableID string `ec2:"RouteTableId,required"`
}

func deleteRouteTable(r *request, in *routeTableInput) (any, error) {
	t, err := find(r, &r.tables, tableKind, in.RouteTableID)
	if err != nil {
		return nil, err
	}
	if len(t.Associations) > 0 {
		return nil, fault("DependencyViolation", "The routeTable '%s' has dependencies and cannot be deleted.", t.ID)
	}
	for _, e := range r.endpoints.of(t.VPCID) {
		e.RouteTableIDs = without(e.RouteTableIDs, t.ID)
	}
	r.tables.remove(t.ID)
	return done, nil
}

func without(ids []string, gone ...string) []string {
	return slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return slices.Contains(gone, id) })
}
