package ec2

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
)

// NetworkACL is a stateless firewall around subnets.
type NetworkACL struct {
	Resource
	VPCID        string
	Default      bool
	Entries      []ACLEntry
	Associations []ACLAssociation
}

// ACLEntry is one rule of a network ACL. The lowest number that matches decides.
type ACLEntry struct {
	Number int
	Egress bool
	// Protocol is a number as text, -1 for all.
	Protocol string
	// Allow or deny.
	Allow bool
	CIDR  netip.Prefix
	// FromPort and ToPort are set for TCP and UDP only.
	FromPort, ToPort *int
	// ICMPType and ICMPCode are set for ICMP only.
	ICMPType, ICMPCode *int
}

// ACLAssociation binds a network ACL to a subnet. Every subnet has one.
type ACLAssociation struct{ ID, SubnetID string }

// lastEntry is the number of the rule that denies all the rest.
const lastEntry = 32767

var everywhere = netip.MustParsePrefix("0.0.0.0/0")

func (a *NetworkACL) dissociate(subnetID string) {
	a.Associations = slices.DeleteFunc(a.Associations, func(as ACLAssociation) bool { return as.SubnetID == subnetID })
}

func (a *NetworkACL) entry(number int, egress bool) int {
	return slices.IndexFunc(a.Entries, func(e ACLEntry) bool { return e.Number == number && e.Egress == egress })
}

func (a *NetworkACL) put(e ACLEntry) {
	a.Entries = append(a.Entries, e)
	slices.SortStableFunc(a.Entries, func(x, y ACLEntry) int {
		if x.Egress != y.Egress {
			return map[bool]int{true: -1, false: 1}[x.Egress]
		}
		return cmp.Compare(x.Number, y.Number)
	})
}

func (r *request) newACL(v *VPC, tags map[string]string) *NetworkACL {
	a := &NetworkACL{Resource: r.fresh("acl-", tags), VPCID: v.ID}
	for _, egress := range []bool{true, false} {
		a.put(ACLEntry{Number: lastEntry, Egress: egress, Protocol: "-1", CIDR: everywhere})
	}
	r.acls.add(a)
	return a
}

func (r *request) addDefaultACL(v *VPC) {
	a := r.newACL(v, nil)
	a.Default = true
	for _, egress := range []bool{true, false} {
		a.put(ACLEntry{Number: 100, Egress: egress, Protocol: "-1", Allow: true, CIDR: everywhere})
	}
}

func (r *request) joinDefaultACL(s *Subnet) {
	for _, a := range r.acls.of(s.VPCID) {
		if a.Default {
			a.Associations = append(a.Associations, ACLAssociation{ID: r.newID("aclassoc-"), SubnetID: s.ID})
		}
	}
}

type networkACLXML struct {
	NetworkACLID string                 `xml:"networkAclId"`
	VpcID        string                 `xml:"vpcId"`
	OwnerID      string                 `xml:"ownerId"`
	Default      bool                   `xml:"default"`
	Entries      set[aclEntryXML]       `xml:"entrySet"`
	Associations set[aclAssociationXML] `xml:"associationSet"`
	Tags         set[tagXML]            `xml:"tagSet"`
}

type aclEntryXML struct {
	Number    int           `xml:"ruleNumber"`
	Protocol  string        `xml:"protocol"`
	Action    string        `xml:"ruleAction"`
	Egress    bool          `xml:"egress"`
	CidrBlock string        `xml:"cidrBlock"`
	Icmp      *icmpXML      `xml:"icmpTypeCode"`
	Ports     *portRangeXML `xml:"portRange"`
}

type icmpXML struct {
	Type int `xml:"type"`
	Code int `xml:"code"`
}

type portRangeXML struct {
	From int `xml:"from"`
	To   int `xml:"to"`
}

type aclAssociationXML struct {
	ID           string `xml:"networkAclAssociationId"`
	NetworkACLID string `xml:"networkAclId"`
	SubnetID     string `xml:"subnetId"`
}

func (r *request) networkACLXML(a *NetworkACL) networkACLXML {
	out := networkACLXML{NetworkACLID: a.ID, VpcID: a.VPCID, OwnerID: r.account, Default: a.Default, Tags: tagSet(a.Tags)}
	for _, e := range a.Entries {
		x := aclEntryXML{Number: e.Number, Protocol: e.Protocol, Action: e.action(), Egress: e.Egress, CidrBlock: e.CIDR.String()}
		if e.ICMPType != nil {
			x.Icmp = &icmpXML{*e.ICMPType, *e.ICMPCode}
		}
		if e.FromPort != nil {
			x.Ports = &portRangeXML{*e.FromPort, *e.ToPort}
		}
		out.Entries.add(x)
	}
	for _, as := range a.Associations {
		out.Associations.add(aclAssociationXML{ID: as.ID, NetworkACLID: a.ID, SubnetID: as.SubnetID})
	}
	return out
}

func (e ACLEntry) action() string {
	if e.Allow {
		return "allow"
	}
	return "deny"
}

var networkACLs = listing[*NetworkACL]{kind: aclKind, parent: "vpc-id", least: 5, fields: fields[*NetworkACL]{
	"network-acl-id": func(_ *request, a *NetworkACL) []string { return []string{a.ID} },
	"vpc-id":         func(_ *request, a *NetworkACL) []string { return []string{a.VPCID} },
	"default":        func(_ *request, a *NetworkACL) []string { return flag(a.Default) },
	"owner-id":       owner[*NetworkACL],
	"tag-key":        tagKeys[*NetworkACL],
	"association.association-id": func(_ *request, a *NetworkACL) []string {
		return each(a.Associations, func(as ACLAssociation) string { return as.ID })
	},
	"association.network-acl-id": func(_ *request, a *NetworkACL) []string {
		return each(a.Associations, func(ACLAssociation) string { return a.ID })
	},
	"association.subnet-id": func(_ *request, a *NetworkACL) []string {
		return each(a.Associations, func(as ACLAssociation) string { return as.SubnetID })
	},
	"entry.cidr": func(_ *request, a *NetworkACL) []string {
		return each(a.Entries, func(e ACLEntry) string { return e.CIDR.String() })
	},
	"entry.egress": func(_ *request, a *NetworkACL) []string {
		return each(a.Entries, func(e ACLEntry) string { return flag(e.Egress)[0] })
	},
	"entry.protocol": func(_ *request, a *NetworkACL) []string {
		return each(a.Entries, func(e ACLEntry) string { return e.Protocol })
	},
	"entry.rule-action": func(_ *request, a *NetworkACL) []string { return each(a.Entries, ACLEntry.action) },
	"entry.rule-number": func(_ *request, a *NetworkACL) []string {
		return each(a.Entries, func(e ACLEntry) string { return strconv.Itoa(e.Number) })
	},
}}

type createNetworkACLInput struct {
	VpcID       string             `ec2:"VpcId,required"`
	ClientToken string             `ec2:"ClientToken"`
	Tags        []tagSpecification `ec2:"TagSpecification"`
}

func createNetworkACL(r *request, in *createNetworkACLInput) (any, error) {
	v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
	if err != nil {
		return nil, err
	}
	tags, err := tagsFor("network-acl", in.Tags)
	if err != nil {
		return nil, err
	}
	a, again, err := repeated[*NetworkACL](r, "CreateNetworkAcl", in.ClientToken)
	if err != nil {
		return nil, err
	}
	if !again {
		a = r.newACL(v, tags)
		r.remember("CreateNetworkAcl", in.ClientToken, a)
	}
	return struct {
		ACL   networkACLXML `xml:"networkAcl"`
		Token string        `xml:"clientToken,omitempty"`
	}{r.networkACLXML(a), in.ClientToken}, nil
}

type describeNetworkACLsInput struct {
	query
	NetworkACLIDs []string `ec2:"NetworkAclId"`
}

func describeNetworkACLs(r *request, in *describeNetworkACLsInput) (any, error) {
	page, next, err := networkACLs.describe(r, &r.acls, in.NetworkACLIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		ACLs set[networkACLXML] `xml:"networkAclSet"`
		Next string             `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, a := range page {
		out.ACLs.add(r.networkACLXML(a))
	}
	return out, nil
}

type aclEntryInput struct {
	NetworkACLID string `ec2:"NetworkAclId,required"`
	Number       int    `ec2:"RuleNumber,required"`
	Egress       bool   `ec2:"Egress,required"`
	Protocol     string `ec2:"Protocol,required"`
	Action       string `ec2:"RuleAction,required"`
	CidrBlock    string `ec2:"CidrBlock,required"`
	Ports        *struct {
		From int `ec2:"From,required"`
		To   int `ec2:"To,required"`
	} `ec2:"PortRange"`
	Icmp *struct {
		Type int `ec2:"Type,required"`
		Code int `ec2:"Code,required"`
	} `ec2:"Icmp"`
}

// entry validates a rule.
func (in *aclEntryInput) entry() (ACLEntry, error) {
	cidr, err := parseCIDR("cidrBlock", in.CidrBlock)
	if err != nil {
		return ACLEntry{}, err
	}
	if in.Number < 1 || in.Number >= lastEntry {
		return ACLEntry{}, fault("InvalidParameterValue", "Value (%d) for parameter ruleNumber is invalid. The rule number must be between 1 and %d.", in.Number, lastEntry-1)
	}
	if in.Action != "allow" && in.Action != "deny" {
		return ACLEntry{}, fault("InvalidParameterValue", "Value (%s) for parameter ruleAction is invalid.", in.Action)
	}
	names := map[string]string{"tcp": "6", "udp": "17", "icmp": "1", "all": "-1"}
	if number, ok := names[in.Protocol]; ok {
		in.Protocol = number
	}
	if n, err := strconv.Atoi(in.Protocol); err != nil || n < -1 || n > 255 {
		return ACLEntry{}, fault("InvalidParameterValue", "Value (%s) for parameter protocol is invalid. Unknown protocol.", in.Protocol)
	}
	e := ACLEntry{Number: in.Number, Egress: in.Egress, Protocol: in.Protocol, Allow: in.Action == "allow", CIDR: cidr}
	switch in.Protocol {
	case "6", "17":
		if in.Ports == nil {
			return ACLEntry{}, fault("MissingParameter", "The request must contain the parameter portRange")
		}
		if in.Ports.From > in.Ports.To || in.Ports.From < 0 || in.Ports.To > 65535 {
			return ACLEntry{}, fault("InvalidParameterValue", "Value (%d-%d) for parameter portRange is invalid.", in.Ports.From, in.Ports.To)
		}
		e.FromPort, e.ToPort = &in.Ports.From, &in.Ports.To
	case "1":
		if in.Icmp == nil {
			return ACLEntry{}, fault("MissingParameter", "The request must contain the parameter icmpTypeCode")
		}
		e.ICMPType, e.ICMPCode = &in.Icmp.Type, &in.Icmp.Code
	}
	return e, nil
}

func createNetworkACLEntry(r *request, in *aclEntryInput) (any, error) {
	a, err := find(r, &r.acls, aclKind, in.NetworkACLID)
	if err != nil {
		return nil, err
	}
	e, err := in.entry()
	if err != nil {
		return nil, err
	}
	if a.entry(e.Number, e.Egress) >= 0 {
		return nil, fault("NetworkAclEntryAlreadyExists", "The network acl entry identified by %d already exists.", e.Number)
	}
	a.put(e)
	return done, nil
}

func replaceNetworkACLEntry(r *request, in *aclEntryInput) (any, error) {
	a, err := find(r, &r.acls, aclKind, in.NetworkACLID)
	if err != nil {
		return nil, err
	}
	e, err := in.entry()
	if err != nil {
		return nil, err
	}
	i := a.entry(e.Number, e.Egress)
	if i < 0 {
		return nil, noSuchEntry(e.Number)
	}
	a.Entries[i] = e
	return done, nil
}

func noSuchEntry(number int) error {
	return fault("InvalidNetworkAclEntry.NotFound", "The network acl entry identified by rule number %d does not exist.", number)
}

type deleteNetworkACLEntryInput struct {
	NetworkACLID string `ec2:"NetworkAclId,required"`
	Number       int    `ec2:"RuleNumber,required"`
	Egress       bool   `ec2:"Egress,required"`
}

func deleteNetworkACLEntry(r *request, in *deleteNetworkACLEntryInput) (any, error) {
	a, err := find(r, &r.acls, aclKind, in.NetworkACLID)
	if err != nil {
		return nil, err
	}
	i := a.entry(in.Number, in.Egress)
	if i < 0 || in.Number == lastEntry {
		return nil, noSuchEntry(in.Number)
	}
	a.Entries = slices.Delete(a.Entries, i, i+1)
	return done, nil
}

type replaceNetworkACLAssociationInput struct {
	AssociationID string `ec2:"AssociationId,required"`
	NetworkACLID  string `ec2:"NetworkAclId,required"`
}

func replaceNetworkACLAssociation(r *request, in *replaceNetworkACLAssociationInput) (any, error) {
	to, err := find(r, &r.acls, aclKind, in.NetworkACLID)
	if err != nil {
		return nil, err
	}
	for _, from := range r.acls.all() {
		for _, as := range from.Associations {
			if as.ID != in.AssociationID {
				continue
			}
			if from.VPCID != to.VPCID {
				return nil, differentNetworks("Network ACL", to.ID, "subnet", as.SubnetID)
			}
			from.dissociate(as.SubnetID)
			as.ID = r.newID("aclassoc-")
			to.Associations = append(to.Associations, as)
			return struct {
				ID string `xml:"newAssociationId"`
			}{as.ID}, nil
		}
	}
	return nil, fault("InvalidAssociationID.NotFound", "The association ID '%s' does not exist", in.AssociationID)
}

type networkACLInput struct {
	NetworkACLID string `ec2:"NetworkAclId,required"`
}

func deleteNetworkACL(r *request, in *networkACLInput) (any, error) {
	a, err := find(r, &r.acls, aclKind, in.NetworkACLID)
	if err != nil {
		return nil, err
	}
	if a.Default {
		return nil, fault("InvalidParameterValue", "cannot delete default network ACL %s", a.ID)
	}
	if len(a.Associations) > 0 {
		return nil, fault("DependencyViolation", "The networkAcl '%s' has dependencies and cannot be deleted.", a.ID)
	}
	r.acls.remove(a.ID)
	return done, nil
}
