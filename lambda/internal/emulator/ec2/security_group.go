package ec2

import (
	"slices"
	"strings"
)

// SecurityGroup is a stateful firewall around network interfaces.
type SecurityGroup struct {
	Resource
	VPCID       string
	Name        string
	Description string
}

// defaultGroup is the name of the group that every VPC comes with.
const defaultGroup = "default"

func (r *request) addDefaultGroup(v *VPC) {
	g := r.newGroup(v, defaultGroup, "default VPC security group", nil)
	r.addRule(&Rule{GroupID: g.ID, Protocol: "-1", FromPort: -1, ToPort: -1, PeerGroupID: g.ID}, nil)
}

// newGroup makes a group as the service does: all traffic may leave it.
func (r *request) newGroup(v *VPC, name, description string, tags map[string]string) *SecurityGroup {
	g := &SecurityGroup{Resource: r.fresh("sg-", tags), VPCID: v.ID, Name: name, Description: description}
	r.groups.add(g)
	r.addRule(&Rule{GroupID: g.ID, Egress: true, Protocol: "-1", FromPort: -1, ToPort: -1, CIDR: everywhere.String()}, nil)
	return g
}

func (r *request) removeGroup(g *SecurityGroup) {
	for _, rule := range r.rules.of(g.ID) {
		r.rules.remove(rule.ID)
	}
	r.groups.remove(g.ID)
}

type securityGroupXML struct {
	OwnerID     string               `xml:"ownerId"`
	GroupID     string               `xml:"groupId"`
	GroupArn    string               `xml:"securityGroupArn"`
	Name        string               `xml:"groupName"`
	Description string               `xml:"groupDescription"`
	VpcID       string               `xml:"vpcId"`
	Ingress     set[ipPermissionXML] `xml:"ipPermissions"`
	Egress      set[ipPermissionXML] `xml:"ipPermissionsEgress"`
	Tags        *set[tagXML]         `xml:"tagSet"`
}

func (r *request) securityGroupXML(g *SecurityGroup) securityGroupXML {
	rules := r.rules.of(g.ID)
	return securityGroupXML{
		OwnerID: r.account, GroupID: g.ID, GroupArn: r.arn("security-group", g.ID), Name: g.Name, Description: g.Description,
		VpcID: g.VPCID, Ingress: r.permissionsXML(rules, false), Egress: r.permissionsXML(rules, true), Tags: optionalTagSet(g.Tags),
	}
}

var securityGroups = listing[*SecurityGroup]{kind: groupKind, parent: "vpc-id", least: 5, fields: groupFields()}

// groupFields are the filters of groups; those over rules exist for both
// directions.
func groupFields() fields[*SecurityGroup] {
	f := fields[*SecurityGroup]{
		"group-id":    func(_ *request, g *SecurityGroup) []string { return []string{g.ID} },
		"group-name":  func(_ *request, g *SecurityGroup) []string { return []string{g.Name} },
		"description": func(_ *request, g *SecurityGroup) []string { return []string{g.Description} },
		"vpc-id":      func(_ *request, g *SecurityGroup) []string { return []string{g.VPCID} },
		"owner-id":    owner[*SecurityGroup],
		"tag-key":     tagKeys[*SecurityGroup],
	}
	for prefix, egress := range map[string]bool{"ip-permission.": false, "egress.ip-permission.": true} {
		for name, text := range map[string]func(*Rule) string{
			"cidr":           func(rule *Rule) string { return rule.CIDR },
			"ipv6-cidr":      func(rule *Rule) string { return rule.CIDR6 },
			"prefix-list-id": func(rule *Rule) string { return rule.PrefixListID },
			"group-id":       func(rule *Rule) string { return rule.PeerGroupID },
			"protocol":       func(rule *Rule) string { return rule.Protocol },
			"from-port":      func(rule *Rule) string { return rule.port(rule.FromPort) },
			"to-port":        func(rule *Rule) string { return rule.port(rule.ToPort) },
		} {
			f[prefix+name] = func(r *request, g *SecurityGroup) []string {
				rules := slices.DeleteFunc(r.rules.of(g.ID), func(rule *Rule) bool { return rule.Egress != egress || text(rule) == "" })
				return each(rules, text)
			}
		}
	}
	return f
}

type createSecurityGroupInput struct {
	Name        string             `ec2:"GroupName,required"`
	Description string             `ec2:"GroupDescription,required"`
	VpcID       string             `ec2:"VpcId"`
	Tags        []tagSpecification `ec2:"TagSpecification"`
}

// groupCharacters are allowed in names and descriptions beside letters and
// digits.
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
const groupCharacters = "._-:/()#,@[]+=&;{}!$* "

func checkGroupText(parameter, text string) error {
	odd := strings.ContainsFunc(text, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
		return !letter && !strings.ContainsRune(groupCharacters, c)
	})
	if odd || text == "" || len(text) > 255 {
		return fault("InvalidParameterValue", "Value (%s) for parameter %s is invalid. It must have 1 to 255 characters from a-zA-Z0-9 and %s", text, parameter, groupCharacters)
	}
	return nil
}

func createSecurityGroup(r *request, in *createSecurityGroupInput) (any, error) {
	if err := checkGroupText("GroupName", in.Name); err != nil {
		return nil, err
	}
	if err := checkGroupText("GroupDescription", in.Description); err != nil {
		return nil, err
	}
	if strings.HasPrefix(in.Name, "sg-") {
		return nil, fault("InvalidParameterValue", "Invalid value '%s' for groupName. Group names cannot start with sg-", in.Name)
	}
	if in.Name == defaultGroup {
		return nil, fault("InvalidParameterValue", "Cannot use reserved security group name: %s", in.Name)
	}
	if in.VpcID == "" {
		return nil, fault("VPCIdNotSpecified", "No default VPC for this user")
	}
	v, err := find(r, &r.vpcs, vpcKind, in.VpcID)
	if err != nil {
		return nil, err
	}
	tags, err := tagsFor("security-group", in.Tags)
	if err != nil {
		return nil, err
	}
	for _, g := range r.groups.of(v.ID) {
		if g.Name == in.Name {
			return nil, fault("InvalidGroup.Duplicate", "The security group '%s' already exists for VPC '%s'", in.Name, v.ID)
		}
	}
	g := r.newGroup(v, in.Name, in.Description, tags)
	return struct {
		Return bool         `xml:"return"`
		ID     string       `xml:"groupId"`
		Arn    string       `xml:"securityGroupArn"`
		Tags   *set[tagXML] `xml:"tagSet"`
	}{true, g.ID, r.arn("security-group", g.ID), optionalTagSet(g.Tags)}, nil
}

type describeSecurityGroupsInput struct {
	query
	GroupIDs   []string `ec2:"GroupId"`
	GroupNames []string `ec2:"GroupName"`
}

func describeSecurityGroups(r *request, in *describeSecurityGroupsInput) (any, error) {
	if len(in.GroupNames) > 0 {
		// Names select groups of the default VPC, and there is none.
		return nil, fault("InvalidGroup.NotFound", "The security group '%s' does not exist in default VPC", in.GroupNames[0])
	}
	page, next, err := securityGroups.describe(r, &r.groups, in.GroupIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Groups set[securityGroupXML] `xml:"securityGroupInfo"`
		Next   string                `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, g := range page {
		out.Groups.add(r.securityGroupXML(g))
	}
	return out, nil
}

type deleteSecurityGroupInput struct {
	GroupID string `ec2:"GroupId,required"`
}

func deleteSecurityGroup(r *request, in *deleteSecurityGroupInput) (any, error) {
	g, err := find(r, &r.groups, groupKind, in.GroupID)
	if err != nil {
		return nil, err
	}
	if g.Name == defaultGroup {
		return nil, fault("CannotDelete", `the specified group: "%s" name: "%s" cannot be deleted by a user`, g.ID, g.Name)
	}
	attached := slices.ContainsFunc(r.endpoints.of(g.VPCID), func(e *Endpoint) bool { return slices.Contains(e.GroupIDs, g.ID) }) ||
		slices.ContainsFunc(r.interfaces.all(), func(n *NetworkInterface) bool { return slices.Contains(n.GroupIDs, g.ID) })
	referenced := slices.ContainsFunc(r.groups.of(g.VPCID), func(other *SecurityGroup) bool {
		return other != g && slices.ContainsFunc(r.rules.of(other.ID), func(rule *Rule) bool { return rule.PeerGroupID == g.ID })
	})
	if attached || referenced {
		return nil, fault("DependencyViolation", "resource %s has a dependent object", g.ID)
	}
	r.removeGroup(g)
	return struct {
		Return bool   `xml:"return"`
		ID     string `xml:"groupId"`
	}{true, g.ID}, nil
}
