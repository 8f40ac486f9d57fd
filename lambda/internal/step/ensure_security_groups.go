package step

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// ensureSecurityGroups finds or creates the groups of compute and of the
// endpoints, with exactly the rules of the spec. A group of compute goes with its
// subnets: with others there is another group.
func ensureSecurityGroups(ctx context.Context, d *Deps, doc *document.Document) (*document.SecurityGroups, error) {
	g := &grouping{api: d.AWS.EC2(doc.Spec.Region), doc: doc, rehearsed: d.AWS.Rehearsed()}
	all, err := g.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for security groups of VPC %s: %w", doc.VPC.ID, err)
	}
	want := doc.Spec.Network.SecurityGroups
	out := &document.SecurityGroups{}
	if out.Workspace, err = g.ensure(ctx, want.Workspace, workspaceGroup, "spec.network.securityGroups.workspace"); err != nil {
		return nil, err
	}
	if out.Endpoint, err = g.ensure(ctx, want.Endpoint, "endpoint-security-group", "spec.network.securityGroups.endpoint"); err != nil {
		return nil, err
	}
	out.Former = g.replaced(all, out)
	g.former = out.Former
	// A rule may name the other group, so both exist before any is written.
	for _, group := range []struct {
		object *document.Object
		rules  []spec.Rule
	}{{&out.Workspace, want.Workspace.Rules}, {&out.Endpoint, want.Endpoint.Rules}} {
		if group.object.Outcome.Outcome == document.Given {
			continue
		}
		differences, err := g.converge(ctx, group.object.ID, group.rules, out.Workspace.ID)
		if err != nil {
			return nil, err
		}
		group.object.Outcome = also(group.object.Outcome, changing("changed its rules", differences...))
	}
	out.Outcome = together([]document.Object{out.Workspace, out.Endpoint}, func(o document.Object) document.Outcome { return o.Outcome })
	return out, nil
}

// grouping makes the security groups of one workspace.
type grouping struct {
	api awsapi.EC2
	doc *document.Document
	// all are the groups of the VPC.
	all []types.SecurityGroup
	// former are those that are not used any more. As long as they are there,
	// what runs in them is let in as before.
	former []string
	// rehearsed says that what is changed is not seen afterwards.
	rehearsed bool
}

func (g *grouping) list(ctx context.Context) (all []types.SecurityGroup, err error) {
	g.all, err = g.describe(ctx, &ec2.DescribeSecurityGroupsInput{
		Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{g.doc.VPC.ID}}},
	})
	return g.all, err
}

func (g *grouping) describe(ctx context.Context, in *ec2.DescribeSecurityGroupsInput) ([]types.SecurityGroup, error) {
	return pages(func(token *string) ([]types.SecurityGroup, *string, error) {
		in.NextToken = token
		out, err := g.api.DescribeSecurityGroups(ctx, in)
		if err != nil {
			return nil, nil, err
		}
		return out.SecurityGroups, out.NextToken, nil
	})
}

func (g *grouping) ensure(ctx context.Context, want spec.SecurityGroup, object, path string) (document.Object, error) {
	if want.ID != "" {
		return g.given(ctx, want.ID, path+".id")
	}
	this := g.thing(want, object, path)
	found, created, err := ensure(ctx, "security group "+want.Name,
		picking(g.doc, this, remembering(g.all, g.list)),
		func(x types.SecurityGroup) string { return aws.ToString(x.GroupId) },
		func(ctx context.Context) (types.SecurityGroup, error) { return g.create(ctx, want, object, path) })
	if err != nil {
		return document.Object{}, err
	}
	out := document.Object{ID: aws.ToString(found.GroupId), Name: aws.ToString(found.GroupName), Outcome: document.Outcome{Outcome: document.Created}}
	if created {
		return out, nil
	}
	// AWS does not let it be changed.
	if text := aws.ToString(found.Description); text != want.Description {
		return out, differs(entity{"security group", out.ID}, "description", text, want.Description, path+".description")
	}
	tagged, err := ec2Tagger(g.api, "security group", out.ID, found.Tags).ownWith(ctx, g.doc, object, out.Name, g.marks(object))
	out.Outcome = made(false, tagged)
	return out, err
}

func (g *grouping) thing(want spec.SecurityGroup, object, path string) thing[types.SecurityGroup] {
	return thing[types.SecurityGroup]{
		kind: "security group", object: object, name: want.Name, path: path,
		label: func(x types.SecurityGroup) (string, string, awsapi.Tags) {
			return aws.ToString(x.GroupId), aws.ToString(x.GroupName), awsapi.OfEC2(x.Tags)
		},
		// AWS lets neither name nor description be changed.
		fits: func(x types.SecurityGroup) bool {
			name := aws.ToString(x.GroupName)
			return (name == want.Name || name == g.otherName(want, object)) && aws.ToString(x.Description) == want.Description &&
				(object != workspaceGroup || g.goesWithSubnets(x))
		},
	}
}

// workspaceGroup is the object tag of the group of compute.
const workspaceGroup = "workspace-security-group"

// subnetsText is the value of the tag that says for which subnets the group of
// compute is. A tag holds no commas.
func (g *grouping) subnetsText() string {
	return strings.Join(slices.Sorted(slices.Values(g.doc.Subnets.WorkspaceIDs())), " ")
}

// marks are what a group has beside the tags of all that is ours.
func (g *grouping) marks(object string) awsapi.Tags {
	if object != workspaceGroup {
		return nil
	}
	return awsapi.Tags{plan.TagSubnets: g.subnetsText()}
}

// goesWithSubnets says whether a group is for the workspace subnets. One without
// the tag was adopted or made before there was the tag; it is for them as long as
// there are no others.
func (g *grouping) goesWithSubnets(x types.SecurityGroup) bool {
	is, tagged := awsapi.OfEC2(x.Tags)[plan.TagSubnets]
	if !tagged {
		return len(g.doc.Subnets.Former) == 0
	}
	return is == g.subnetsText()
}

// otherName is the name of a group where the spec's is that of a former one:
// names are unique in a VPC.
func (g *grouping) otherName(want spec.SecurityGroup, object string) string {
	what := want.Description
	if object == workspaceGroup {
		what += "\x00" + g.subnetsText()
	}
	return nameFor(want.Name, what)
}

// replaced lists the other groups of this workspace in the VPC, and notes at
// those that take the place of one how they differ from it.
func (g *grouping) replaced(all []types.SecurityGroup, out *document.SecurityGroups) (former []string) {
	for _, x := range g.thing(spec.SecurityGroup{}, "", "").former(g.doc, all, out.Workspace.ID, out.Endpoint.ID) {
		id, tags := aws.ToString(x.GroupId), awsapi.OfEC2(x.Tags)
		former = append(former, id)
		now, want, subnets := &out.Endpoint, g.doc.Spec.Network.SecurityGroups.Endpoint, ""
		if tags[plan.TagObject] == workspaceGroup {
			now, want, subnets = &out.Workspace, g.doc.Spec.Network.SecurityGroups.Workspace, g.subnetsText()
		}
		if !tags.IsOwnedBy(g.doc.Workspace) || now.Outcome.Outcome != document.Created {
			continue
		}
		for _, f := range []struct{ name, was, is string }{
			{"description", aws.ToString(x.Description), want.Description},
			{"subnets", tags[plan.TagSubnets], subnets},
		} {
			if f.was != f.is {
				now.Outcome = inPlaceOf(now.Outcome, entity{"security group", id}, f.name, f.was, f.is)
			}
		}
		if len(now.Outcome.Differences) == 0 {
			now.Outcome = inPlaceOf(now.Outcome, entity{"security group", id}, "name", aws.ToString(x.GroupName), now.Name)
		}
	}
	return former
}

func (g *grouping) create(ctx context.Context, want spec.SecurityGroup, object, path string) (types.SecurityGroup, error) {
	for _, x := range g.all {
		if aws.ToString(x.GroupName) == want.Name && awsapi.OfEC2(x.Tags).IsOwnedBy(g.doc.Workspace) {
			want.Name = g.otherName(want, object)
			break
		}
	}
	tags := awsapi.Owned(g.doc.Spec.Tags, g.doc.Workspace, object, want.Name)
	maps.Copy(tags, g.marks(object))
	out, err := g.api.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		VpcId: aws.String(g.doc.VPC.ID), GroupName: aws.String(want.Name), Description: aws.String(want.Description),
		TagSpecifications: tags.EC2(types.ResourceTypeSecurityGroup),
	})
	if failure.Code(err) == "InvalidGroup.Duplicate" {
		// Other than in the rest of EC2, names of groups are unique in a VPC.
		for _, x := range g.all {
			tags := awsapi.OfEC2(x.Tags)
			if owner := tags.Owner(); aws.ToString(x.GroupName) == want.Name && owner != "" && owner != g.doc.Workspace {
				return types.SecurityGroup{}, claim(g.doc, "security group "+want.Name, aws.ToString(x.GroupId), path+".id", tags)
			}
		}
		return types.SecurityGroup{}, foreign("security group "+want.Name, "a group of that name in VPC "+g.doc.VPC.ID, path+".id")
	}
	if err != nil {
		return types.SecurityGroup{}, err
	}
	return types.SecurityGroup{GroupId: out.GroupId, GroupName: aws.String(want.Name)}, nil
}

func (g *grouping) given(ctx context.Context, id, path string) (document.Object, error) {
	found, err := g.describe(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: []string{id}})
	if failure.IsNotFound(err) || err == nil && len(found) == 0 {
		return document.Object{}, missing("security group", id, g.doc.Spec.Region, path)
	}
	if err != nil {
		return document.Object{}, fmt.Errorf("looking for security group %s: %w", id, err)
	}
	if vpc := aws.ToString(found[0].VpcId); vpc != g.doc.VPC.ID {
		return document.Object{}, unfit(entity{"security group", id}, "VPC", vpc, g.doc.VPC.ID, path)
	}
	outcome, err := ec2Tagger(g.api, "security group", id, found[0].Tags).share(ctx, g.doc)
	return document.Object{ID: id, Name: aws.ToString(found[0].GroupName), Outcome: outcome}, err
}

// rule is one rule of a group, comparable.
type rule struct {
	egress   bool
	protocol string
	from, to int32
	// peer is a CIDR block, a prefix list or a group id.
	peer string
}

// converge makes the rules of a group those of the spec: what is missing is
// added, what is too much, such as the rule by which AWS lets a new group send
// anywhere, is removed. It reads again what it has changed, since a first read
// may not show every rule.
func (g *grouping) converge(ctx context.Context, id string, want []spec.Rule, workspaceGroup string) (differences []document.Difference, err error) {
	for range 3 {
		found, err := g.rules(ctx, id)
		if err != nil {
			return differences, err
		}
		absent, surplus, now := g.compare(found, want, id, workspaceGroup)
		if len(absent)+len(surplus) == 0 {
			return differences, nil
		}
		if differences == nil {
			differences = now
		}
		if err := g.apply(ctx, id, absent, surplus); err != nil {
			return differences, err
		}
		if g.rehearsed {
			return differences, nil
		}
	}
	return differences, failure.New(plan.NotReady, "", "changing rules of security group %s: the changes are not visible yet", id)
}

func (g *grouping) rules(ctx context.Context, id string) ([]types.SecurityGroupRule, error) {
	found, err := pages(func(token *string) ([]types.SecurityGroupRule, *string, error) {
		out, err := g.api.DescribeSecurityGroupRules(ctx, &ec2.DescribeSecurityGroupRulesInput{
			Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{id}}}, NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		return out.SecurityGroupRules, out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading rules of security group %s: %w", id, err)
	}
	return found, nil
}

// compare returns the rules that are missing and the ids of those that are too
// much, both by direction: true is egress; and both as differences.
func (g *grouping) compare(found []types.SecurityGroupRule, want []spec.Rule, id, workspaceGroup string) (absent map[bool][]types.IpPermission, surplus map[bool][]string, differences []document.Difference) {
	this := entity{"security group", id}
	absent, surplus = map[bool][]types.IpPermission{}, map[bool][]string{}
	wanted := map[rule]bool{}
	for _, r := range want {
		wanted[g.resolve(r, id, workspaceGroup)] = true
	}
	for _, f := range found {
		r := ruleOf(f)
		if wanted[r] {
			delete(wanted, r)
			continue
		}
		if slices.Contains(g.former, r.peer) {
			continue
		}
		surplus[r.egress] = append(surplus[r.egress], aws.ToString(f.SecurityGroupRuleId))
		differences = append(differences, this.differs(r.direction()+" rule", r.String(), ""))
	}
	for _, r := range want {
		// In the order of the spec; a rule that is written twice is added once.
		key := g.resolve(r, id, workspaceGroup)
		if wanted[key] {
			delete(wanted, key)
			absent[key.egress] = append(absent[key.egress], key.permission())
			differences = append(differences, this.differs(key.direction()+" rule", "", key.String()))
		}
	}
	return absent, surplus, differences
}

// apply adds before it removes, so that what is wanted never fails meanwhile.
func (g *grouping) apply(ctx context.Context, id string, absent map[bool][]types.IpPermission, surplus map[bool][]string) error {
	if len(absent[false]) > 0 {
		if _, err := g.api.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
			GroupId: aws.String(id), IpPermissions: absent[false],
		}); except(err, "InvalidPermission.Duplicate") != nil {
			return fmt.Errorf("adding ingress rules to security group %s: %w", id, err)
		}
	}
	if len(absent[true]) > 0 {
		if _, err := g.api.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{
			GroupId: aws.String(id), IpPermissions: absent[true],
		}); except(err, "InvalidPermission.Duplicate") != nil {
			return fmt.Errorf("adding egress rules to security group %s: %w", id, err)
		}
	}
	if len(surplus[false]) > 0 {
		if _, err := g.api.RevokeSecurityGroupIngress(ctx, &ec2.RevokeSecurityGroupIngressInput{
			GroupId: aws.String(id), SecurityGroupRuleIds: surplus[false],
		}); err != nil {
			return fmt.Errorf("removing ingress rules of security group %s: %w", id, err)
		}
	}
	if len(surplus[true]) > 0 {
		if _, err := g.api.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{
			GroupId: aws.String(id), SecurityGroupRuleIds: surplus[true],
		}); err != nil {
			return fmt.Errorf("removing egress rules of security group %s: %w", id, err)
		}
	}
	return nil
}

// except drops an error of a code that is no failure here.
func except(err error, code string) error {
	if failure.Code(err) == code {
		return nil
	}
	return err
}

// resolve puts ids and blocks in the place of the spec's words.
func (g *grouping) resolve(r spec.Rule, self, workspace string) rule {
	out := rule{egress: r.Direction == "egress", protocol: r.Protocol, from: 0, to: 65535, peer: r.Peer}
	if r.Ports != "all" {
		first, last, isRange := strings.Cut(r.Ports, "-")
		if !isRange {
			last = first
		}
		out.from, out.to = port(first), port(last)
	}
	switch r.Peer {
	case "self":
		out.peer = self
	case "workspace":
		out.peer = workspace
	case "vpc":
		out.peer = g.doc.VPC.CIDR
	}
	return out
}

// port reads a number that the spec's validation has accepted.
func port(s string) int32 {
	n, _ := strconv.ParseInt(s, 10, 32)
	return int32(n)
}

func ruleOf(r types.SecurityGroupRule) rule {
	out := rule{
		egress: aws.ToBool(r.IsEgress), protocol: aws.ToString(r.IpProtocol),
		from: aws.ToInt32(r.FromPort), to: aws.ToInt32(r.ToPort),
	}
	switch {
	case r.CidrIpv4 != nil:
		out.peer = aws.ToString(r.CidrIpv4)
	case r.CidrIpv6 != nil:
		out.peer = aws.ToString(r.CidrIpv6)
	case r.PrefixListId != nil:
		out.peer = aws.ToString(r.PrefixListId)
	case r.ReferencedGroupInfo != nil:
		out.peer = aws.ToString(r.ReferencedGroupInfo.GroupId)
	}
	return out
}

func (r rule) direction() string {
	if r.egress {
		return "egress"
	}
	return "ingress"
}

// String is the rule without its direction.
func (r rule) String() string {
	ports := fmt.Sprintf("%d-%d", r.from, r.to)
	switch {
	case r.protocol == "-1":
		ports = "all"
	case r.from == r.to:
		ports = strconv.Itoa(int(r.from))
	}
	return strings.Join([]string{r.protocol, ports, r.peer}, " ")
}

func (r rule) permission() types.IpPermission {
	p := types.IpPermission{IpProtocol: aws.String(r.protocol), FromPort: aws.Int32(r.from), ToPort: aws.Int32(r.to)}
	if strings.HasPrefix(r.peer, "sg-") {
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: aws.String(r.peer)}}
	} else {
		p.IpRanges = []types.IpRange{{CidrIp: aws.String(r.peer)}}
	}
	return p
}
