package ec2

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Rule is one rule of a security group. Exactly one peer is set.
type Rule struct {
	Resource
	GroupID string
	Egress  bool
	// Protocol is tcp, udp, icmp, icmpv6, -1 for all, or a number as text.
	Protocol string
	// FromPort and ToPort are -1 where ports mean nothing.
	FromPort, ToPort int
	Description      string

	// CIDR and CIDR6 are IPv4 and IPv6 blocks.
	CIDR, CIDR6 string
	// PrefixListID is a prefix list (pl-…).
	PrefixListID string
	// PeerGroupID is a security group, possibly the group itself.
	PeerGroupID string
}

// ruleLimit is the quota of rules per group and direction.
// https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html
const ruleLimit = 60

// peer is whoever is on the other side.
func (rule *Rule) peer() string {
	return rule.CIDR + rule.CIDR6 + rule.PrefixListID + rule.PeerGroupID
}

// same says whether two rules let the same traffic through.
func (rule *Rule) same(other *Rule) bool {
	return rule.GroupID == other.GroupID && rule.Egress == other.Egress && rule.Protocol == other.Protocol &&
		rule.FromPort == other.FromPort && rule.ToPort == other.ToPort && rule.peer() == other.peer()
}

// port renders a port for a filter; it is empty where ports mean nothing.
func (rule *Rule) port(n int) string {
	if rule.Protocol == "-1" {
		return ""
	}
	return strconv.Itoa(n)
}

func (rule *Rule) String() string {
	if rule.Protocol == "-1" {
		return fmt.Sprintf("peer: %s, ALL, ALLOW", rule.peer())
	}
	return fmt.Sprintf("peer: %s, %s, from port: %d, to port: %d, ALLOW", rule.peer(), strings.ToUpper(rule.Protocol), rule.FromPort, rule.ToPort)
}

// addRule gives a rule its id and adds it.
func (r *request) addRule(rule *Rule, tags map[string]string) {
	rule.Resource = r.fresh("sgr-", tags)
	r.rules.add(rule)
}

// ipPermission is a rule, or several, as requests and older replies have them.
type ipPermission struct {
	Protocol string `ec2:"IpProtocol,required"`
	FromPort *int   `ec2:"FromPort"`
	ToPort   *int   `ec2:"ToPort"`
	Groups   []struct {
		GroupID     string `ec2:"GroupId,required"`
		UserID      string `ec2:"UserId"`
		VpcID       string `ec2:"VpcId"`
		Description string `ec2:"Description"`
	} `ec2:"Groups"`
	Ranges []struct {
		CIDR        string `ec2:"CidrIp,required"`
		Description string `ec2:"Description"`
	} `ec2:"IpRanges"`
	Ranges6 []struct {
		CIDR        string `ec2:"CidrIpv6,required"`
		Description string `ec2:"Description"`
	} `ec2:"Ipv6Ranges"`
	PrefixLists []struct {
		ID          string `ec2:"PrefixListId,required"`
		Description string `ec2:"Description"`
	} `ec2:"PrefixListIds"`
}

var protocolNames = map[string]string{"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6", "all": "-1"}

// expand validates a permission and splits it into rules with one peer each.
func (r *request) expand(g *SecurityGroup, egress bool, p ipPermission) ([]*Rule, error) {
	base := Rule{GroupID: g.ID, Egress: egress, Protocol: strings.ToLower(p.Protocol), FromPort: -1, ToPort: -1}
	if name, ok := protocolNames[base.Protocol]; ok {
		base.Protocol = name
	}
	switch base.Protocol {
	case "-1":
	case "tcp", "udp":
		if p.FromPort == nil || p.ToPort == nil {
			return nil, fault("InvalidParameterValue", "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.")
		}
		base.FromPort, base.ToPort = *p.FromPort, *p.ToPort
		if base.FromPort == -1 && base.ToPort == -1 {
			base.FromPort, base.ToPort = 0, 65535
		}
		if base.FromPort < 0 || base.FromPort > base.ToPort || base.ToPort > 65535 {
			return nil, fault("InvalidParameterValue", "Invalid value '%d-%d' for portRange.", base.FromPort, base.ToPort)
		}
	case "icmp", "icmpv6":
		if p.FromPort != nil && p.ToPort != nil {
			base.FromPort, base.ToPort = *p.FromPort, *p.ToPort
		}
	default:
		if n, err := strconv.Atoi(base.Protocol); err != nil || n < 0 || n > 255 {
			return nil, fault("InvalidParameterValue", "Invalid value '%s' for IP protocol. Unknown protocol.", p.Protocol)
		}
	}
	var rules []*Rule
	add := func(description string, setPeer func(*Rule)) {
		rule := base
		rule.Description = description
		setPeer(&rule)
		rules = append(rules, &rule)
	}
	for _, x := range p.Ranges {
		cidr, err := netip.ParsePrefix(x.CIDR)
		if err != nil || !cidr.Addr().Is4() {
			return nil, fault("InvalidParameterValue", "CIDR block %s is malformed", x.CIDR)
		}
		add(x.Description, func(rule *Rule) { rule.CIDR = cidr.Masked().String() })
	}
	for _, x := range p.Ranges6 {
		cidr, err := netip.ParsePrefix(x.CIDR)
		if err != nil || !cidr.Addr().Is6() {
			return nil, fault("InvalidParameterValue", "CIDR block %s is malformed", x.CIDR)
		}
		add(x.Description, func(rule *Rule) { rule.CIDR6 = cidr.Masked().String() })
	}
	for _, x := range p.PrefixLists {
		if _, ok := r.prefixList(x.ID); !ok {
			return nil, fault(prefixKind.notFound, prefixKind.message, x.ID)
		}
		add(x.Description, func(rule *Rule) { rule.PrefixListID = x.ID })
	}
	for _, x := range p.Groups {
		peer, err := find(r, &r.groups, groupKind, x.GroupID)
		if err != nil {
			return nil, err
		}
		if peer.VPCID != g.VPCID || (x.UserID != "" && x.UserID != r.account) {
			return nil, fault("InvalidGroup.NotFound", "You have specified two resources that belong to different networks.")
		}
		add(x.Description, func(rule *Rule) { rule.PeerGroupID = peer.ID })
	}
	if len(rules) == 0 {
		return nil, fault("InvalidParameterValue", "Invalid value 'null' for a peer: a CIDR block, prefix list or security group is required.")
	}
	return rules, nil
}

// permissionsInput is what the Authorize and Revoke actions share. The members
// above Permissions are an older way to say one permission.
type permissionsInput struct {
	GroupID     string         `ec2:"GroupId,required"`
	Protocol    *string        `ec2:"IpProtocol"`
	FromPort    *int           `ec2:"FromPort"`
	ToPort      *int           `ec2:"ToPort"`
	CIDR        *string        `ec2:"CidrIp"`
	Permissions []ipPermission `ec2:"IpPermissions"`
}

// rules reads the group and the rules that a request names.
func (in *permissionsInput) rules(r *request, egress bool) (*SecurityGroup, []*Rule, error) {
	g, err := find(r, &r.groups, groupKind, in.GroupID)
	if err != nil {
		return nil, nil, err
	}
	permissions := in.Permissions
	if in.Protocol != nil {
		p := ipPermission{Protocol: *in.Protocol, FromPort: in.FromPort, ToPort: in.ToPort}
		if in.CIDR != nil {
			p.Ranges = append(p.Ranges, struct {
				CIDR        string `ec2:"CidrIp,required"`
				Description string `ec2:"Description"`
			}{CIDR: *in.CIDR})
		}
		permissions = append(permissions, p)
	}
	var rules []*Rule
	for _, p := range permissions {
		more, err := r.expand(g, egress, p)
		if err != nil {
			return nil, nil, err
		}
		rules = append(rules, more...)
	}
	return g, rules, nil
}

type authorizeInput struct {
	permissionsInput
	Tags []tagSpecification `ec2:"TagSpecification"`
}

type ruleXML struct {
	ID              string        `xml:"securityGroupRuleId"`
	Arn             string        `xml:"securityGroupRuleArn"`
	GroupID         string        `xml:"groupId"`
	GroupOwnerID    string        `xml:"groupOwnerId"`
	Egress          bool          `xml:"isEgress"`
	Protocol        string        `xml:"ipProtocol"`
	FromPort        int           `xml:"fromPort"`
	ToPort          int           `xml:"toPort"`
	CIDR            string        `xml:"cidrIpv4,omitempty"`
	CIDR6           string        `xml:"cidrIpv6,omitempty"`
	PrefixListID    string        `xml:"prefixListId,omitempty"`
	ReferencedGroup *peerGroupXML `xml:"referencedGroupInfo"`
	Description     string        `xml:"description,omitempty"`
	Tags            set[tagXML]   `xml:"tagSet"`
}

type peerGroupXML struct {
	GroupID string `xml:"groupId"`
	UserID  string `xml:"userId"`
}

func (r *request) ruleXML(rule *Rule) ruleXML {
	out := ruleXML{
		ID: rule.ID, Arn: r.arn("security-group-rule", rule.ID), GroupID: rule.GroupID, GroupOwnerID: r.account,
		Egress: rule.Egress, Protocol: rule.Protocol, FromPort: rule.FromPort, ToPort: rule.ToPort,
		CIDR: rule.CIDR, CIDR6: rule.CIDR6, PrefixListID: rule.PrefixListID, Description: rule.Description, Tags: tagSet(rule.Tags),
	}
	if rule.PeerGroupID != "" {
		out.ReferencedGroup = &peerGroupXML{GroupID: rule.PeerGroupID, UserID: r.account}
	}
	return out
}

func authorizeIngress(r *request, in *authorizeInput) (any, error) { return r.authorize(in, false) }

func authorizeEgress(r *request, in *authorizeInput) (any, error) { return r.authorize(in, true) }

// authorize adds all rules or, if one of them exists, none.
func (r *request) authorize(in *authorizeInput, egress bool) (any, error) {
	g, rules, err := in.rules(r, egress)
	if err != nil {
		return nil, err
	}
	if len(rules) == 0 {
		return nil, fault("MissingParameter", "The request must contain the parameter ipPermissions")
	}
	tags, err := tagsFor("security-group-rule", in.Tags)
	if err != nil {
		return nil, err
	}
	present := slices.DeleteFunc(r.rules.of(g.ID), func(rule *Rule) bool { return rule.Egress != egress })
	for _, rule := range rules {
		if slices.ContainsFunc(present, rule.same) {
			return nil, fault("InvalidPermission.Duplicate", `the specified rule "%s" already exists`, rule)
		}
		present = append(present, rule)
	}
	if len(present) > ruleLimit {
		return nil, fault("RulesPerSecurityGroupLimitExceeded", "The maximum number of rules per security group has been reached.")
	}
	out := struct {
		Return bool         `xml:"return"`
		Rules  set[ruleXML] `xml:"securityGroupRuleSet"`
	}{Return: true}
	for _, rule := range rules {
		own := map[string]string{}
		for k, v := range tags {
			own[k] = v
		}
		r.addRule(rule, own)
		out.Rules.add(r.ruleXML(rule))
	}
	return out, nil
}

type revokeInput struct {
	permissionsInput
	RuleIDs []string `ec2:"SecurityGroupRuleId"`
}

type revokedXML struct {
	ID              string `xml:"securityGroupRuleId"`
	GroupID         string `xml:"groupId"`
	Egress          bool   `xml:"isEgress"`
	Protocol        string `xml:"ipProtocol"`
	FromPort        int    `xml:"fromPort"`
	ToPort          int    `xml:"toPort"`
	CIDR            string `xml:"cidrIpv4,omitempty"`
	CIDR6           string `xml:"cidrIpv6,omitempty"`
	PrefixListID    string `xml:"prefixListId,omitempty"`
	ReferencedGroup string `xml:"referencedGroupId,omitempty"`
	Description     string `xml:"description,omitempty"`
}

func revokeIngress(r *request, in *revokeInput) (any, error) { return r.revoke(in, false) }

func revokeEgress(r *request, in *revokeInput) (any, error) { return r.revoke(in, true) }

// revoke removes rules, by id or by what they say: all of them or none.
func (r *request) revoke(in *revokeInput, egress bool) (any, error) {
	g, wanted, err := in.rules(r, egress)
	if err != nil {
		return nil, err
	}
	if len(wanted) == 0 && len(in.RuleIDs) == 0 {
		return nil, fault("MissingParameter", "The request must contain the parameter ipPermissions or securityGroupRuleIds")
	}
	if len(wanted) > 0 && len(in.RuleIDs) > 0 {
		return nil, fault("InvalidParameterCombination", "The parameters ipPermissions and securityGroupRuleIds cannot be used together")
	}
	var gone []*Rule
	for _, id := range in.RuleIDs {
		rule, err := find(r, &r.rules, ruleKind, id)
		if err != nil {
			return nil, err
		}
		if rule.GroupID != g.ID || rule.Egress != egress {
			return nil, fault(ruleKind.notFound, ruleKind.message, id)
		}
		gone = append(gone, rule)
	}
	for _, rule := range wanted {
		i := slices.IndexFunc(r.rules.of(g.ID), rule.same)
		if i < 0 {
			return nil, fault("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		gone = append(gone, r.rules.of(g.ID)[i])
	}
	out := struct {
		Return  bool                 `xml:"return"`
		Unknown set[ipPermissionXML] `xml:"unknownIpPermissionSet"`
		Revoked set[revokedXML]      `xml:"revokedSecurityGroupRuleSet"`
	}{Return: true}
	for _, rule := range gone {
		r.rules.remove(rule.ID)
		out.Revoked.add(revokedXML{
			ID: rule.ID, GroupID: g.ID, Egress: egress, Protocol: rule.Protocol, FromPort: rule.FromPort, ToPort: rule.ToPort,
			CIDR: rule.CIDR, CIDR6: rule.CIDR6, PrefixListID: rule.PrefixListID, ReferencedGroup: rule.PeerGroupID, Description: rule.Description,
		})
	}
	return out, nil
}

type describeRulesInput struct {
	permissionsInput
	Descriptions []struct {
		ID          string `ec2:"SecurityGroupRuleId,required"`
		Description string `ec2:"Description"`
	} `ec2:"SecurityGroupRuleDescription"`
}

func describeIngressRules(r *request, in *describeRulesInput) (any, error) {
	return r.updateDescriptions(in, false)
}

func describeEgressRules(r *request, in *describeRulesInput) (any, error) {
	return r.updateDescriptions(in, true)
}

// updateDescriptions changes the only thing of a rule that can be changed.
func (r *request) updateDescriptions(in *describeRulesInput, egress bool) (any, error) {
	g, wanted, err := in.rules(r, egress)
	if err != nil {
		return nil, err
	}
	texts := map[*Rule]string{}
	for _, d := range in.Descriptions {
		rule, err := find(r, &r.rules, ruleKind, d.ID)
		if err != nil {
			return nil, err
		}
		if rule.GroupID != g.ID || rule.Egress != egress {
			return nil, fault(ruleKind.notFound, ruleKind.message, d.ID)
		}
		texts[rule] = d.Description
	}
	for _, rule := range wanted {
		i := slices.IndexFunc(r.rules.of(g.ID), rule.same)
		if i < 0 {
			return nil, fault("InvalidPermission.NotFound", "The specified rule does not exist in this security group.")
		}
		texts[r.rules.of(g.ID)[i]] = rule.Description
	}
	if len(texts) == 0 {
		return nil, fault("MissingParameter", "The request must contain the parameter ipPermissions or securityGroupRuleDescriptions")
	}
	for rule, text := range texts {
		rule.Description = text
	}
	return done, nil
}

var securityGroupRules = listing[*Rule]{kind: ruleKind, parent: "group-id", least: 5, fields: fields[*Rule]{
	"security-group-rule-id": func(_ *request, rule *Rule) []string { return []string{rule.ID} },
	"group-id":               func(_ *request, rule *Rule) []string { return []string{rule.GroupID} },
	"is-egress":              func(_ *request, rule *Rule) []string { return flag(rule.Egress) },
	"tag-key":                tagKeys[*Rule],
}}

type describeSecurityGroupRulesInput struct {
	query
	RuleIDs []string `ec2:"SecurityGroupRuleId"`
}

func describeSecurityGroupRules(r *request, in *describeSecurityGroupRulesInput) (any, error) {
	page, next, err := securityGroupRules.describe(r, &r.rules, in.RuleIDs, in.query)
	if err != nil {
		return nil, err
	}
	out := struct {
		Rules set[ruleXML] `xml:"securityGroupRuleSet"`
		Next  string       `xml:"nextToken,omitempty"`
	}{Next: next}
	for _, rule := range page {
		out.Rules.add(r.ruleXML(rule))
	}
	return out, nil
}

type ipPermissionXML struct {
	Protocol    string           `xml:"ipProtocol"`
	FromPort    *int             `xml:"fromPort"`
	ToPort      *int             `xml:"toPort"`
	Groups      set[pairXML]     `xml:"groups"`
	Ranges      set[rangeXML]    `xml:"ipRanges"`
	Ranges6     set[range6XML]   `xml:"ipv6Ranges"`
	PrefixLists set[listPeerXML] `xml:"prefixListIds"`
}

type pairXML struct {
	UserID      string `xml:"userId"`
	GroupID     string `xml:"groupId"`
	Description string `xml:"description,omitempty"`
}

type rangeXML struct {
	CIDR        string `xml:"cidrIp"`
	Description string `xml:"description,omitempty"`
}

type range6XML struct {
	CIDR        string `xml:"cidrIpv6"`
	Description string `xml:"description,omitempty"`
}

type listPeerXML struct {
	ID          string `xml:"prefixListId"`
	Description string `xml:"description,omitempty"`
}

// permissionsXML groups the rules of one direction by protocol and ports.
func (r *request) permissionsXML(rules []*Rule, egress bool) set[ipPermissionXML] {
	type key struct {
		protocol string
		from, to int
	}
	var out set[ipPermissionXML]
	index := map[key]int{}
	for _, rule := range rules {
		if rule.Egress != egress {
			continue
		}
		k := key{rule.Protocol, rule.FromPort, rule.ToPort}
		i, ok := index[k]
		if !ok {
			i = len(out.Items)
			index[k] = i
			x := ipPermissionXML{Protocol: rule.Protocol}
			if rule.Protocol != "-1" {
				x.FromPort, x.ToPort = &rule.FromPort, &rule.ToPort
			}
			out.add(x)
		}
		p := &out.Items[i]
		switch {
		case rule.PeerGroupID != "":
			p.Groups.add(pairXML{UserID: r.account, GroupID: rule.PeerGroupID, Description: rule.Description})
		case rule.PrefixListID != "":
			p.PrefixLists.add(listPeerXML{ID: rule.PrefixListID, Description: rule.Description})
		case rule.CIDR6 != "":
			p.Ranges6.add(range6XML{CIDR: rule.CIDR6, Description: rule.Description})
		default:
			p.Ranges.add(rangeXML{CIDR: rule.CIDR, Description: rule.Description})
		}
	}
	return out
}
