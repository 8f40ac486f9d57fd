package step_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/plan"
)

func (r *run) groups() document.SecurityGroups {
	r.t.Helper()
	var out document.SecurityGroups
	r.result("EnsureSecurityGroups", &out)
	return out
}

// newGroup makes a security group of the author's.
func (r *run) newGroup(vpc, name string) string {
	r.t.Helper()
	out := must(r.ec2().CreateSecurityGroup(r.t.Context(), &ec2.CreateSecurityGroupInput{
		VpcId: aws.String(vpc), GroupName: aws.String(name), Description: aws.String("Of somebody."),
	}))
	return *out.GroupId
}

// rules are the rules of a group, sorted.
func (r *run) rules(group string) []string {
	var out []string
	for _, rule := range r.world.EC2.Rules(tokyoRegion) {
		if rule.GroupID != group {
			continue
		}
		direction := "in"
		if rule.Egress {
			direction = "out"
		}
		out = append(out, fmt.Sprintf("%s %s %d-%d %s%s%s", direction, rule.Protocol, rule.FromPort, rule.ToPort, rule.CIDR, rule.CIDR6, rule.PeerGroupID))
	}
	slices.Sort(out)
	return out
}

// rulesOfMito are the rules that the spec has for both groups.
func rulesOfMito(workspace string) (compute, doors []string) {
	return []string{
			"in tcp 0-65535 " + workspace,
			"in udp 0-65535 " + workspace,
			"out tcp 0-65535 " + workspace,
			"out tcp 443-443 0.0.0.0/0",
			"out tcp 6666-6666 0.0.0.0/0",
			"out tcp 8443-8451 0.0.0.0/0",
			"out udp 0-65535 " + workspace,
		}, []string{
			"in tcp 443-443 " + workspace,
			"in tcp 6666-6666 " + workspace,
			"in tcp 8443-8451 " + workspace,
			"out tcp 6666-6666 10.0.0.0/22",
		}
}

func tcp(from, to int32, peer string) []types.IpPermission {
	p := types.IpPermission{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(from), ToPort: aws.Int32(to)}
	if peer[:3] == "sg-" {
		p.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: aws.String(peer)}}
	} else {
		p.IpRanges = []types.IpRange{{CidrIp: aws.String(peer)}}
	}
	return []types.IpPermission{p}
}

func TestEnsureSecurityGroups(t *testing.T) {
	t.Parallel()
	const next = "EnsureRouteTables"

	t.Run("made, then found", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSecurityGroups")
		r.does("EnsureSecurityGroups", "Created",
			"ec2:CreateSecurityGroup", "ec2:CreateSecurityGroup",
			"ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupEgress",
			"ec2:AuthorizeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupEgress")
		groups := r.groups()
		compute, doors := rulesOfMito(groups.Workspace.ID)
		same(t, "rules of compute", compute, r.rules(groups.Workspace.ID))
		same(t, "rules of endpoints", doors, r.rules(groups.Endpoint.ID))
		for _, g := range r.world.EC2.SecurityGroups(tokyoRegion) {
			switch g.ID {
			case groups.Workspace.ID:
				want := owned("workspace-security-group", "mito-compute")
				var subnets document.Subnets
				r.result("EnsureSubnets", &subnets)
				want[plan.TagSubnets] = strings.Join(slices.Sorted(slices.Values(subnets.WorkspaceIDs())), " ")
				same(t, "tags", want, g.Tags)
				same(t, "description", "mito-compute: Compute of mito.", g.Name+": "+g.Description)
			case groups.Endpoint.ID:
				same(t, "tags", owned("endpoint-security-group", "mito-doors"), g.Tags)
				same(t, "description", "mito-doors: Doors of mito.", g.Name+": "+g.Description)
			default:
				same(t, "other group", "default", g.Name)
			}
			same(t, "VPC", r.id("EnsureVpc"), g.VPCID)
		}
		r.revise("EnsureSecurityGroups")
		r.does("EnsureSecurityGroups", "Found")
		same(t, "ids", []string{groups.Workspace.ID, groups.Endpoint.ID}, []string{r.groups().Workspace.ID, r.groups().Endpoint.ID})
	})

	for name, test := range map[string]struct {
		drift func(*run, *ec2.Client, document.SecurityGroups)
		calls []string
	}{
		"rule added": {
			func(r *run, api *ec2.Client, g document.SecurityGroups) {
				must(api.AuthorizeSecurityGroupIngress(r.t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
					GroupId: aws.String(g.Endpoint.ID), IpPermissions: tcp(22, 22, "0.0.0.0/0"),
				}))
			},
			[]string{"ec2:RevokeSecurityGroupIngress"},
		},
		"rule for IPv6 added": {
			func(r *run, api *ec2.Client, g document.SecurityGroups) {
				must(api.AuthorizeSecurityGroupEgress(r.t.Context(), &ec2.AuthorizeSecurityGroupEgressInput{
					GroupId: aws.String(g.Workspace.ID), IpPermissions: []types.IpPermission{{
						IpProtocol: aws.String("-1"), Ipv6Ranges: []types.Ipv6Range{{CidrIpv6: aws.String("::/0")}},
					}},
				}))
			},
			[]string{"ec2:RevokeSecurityGroupEgress"},
		},
		"rule removed": {
			func(r *run, api *ec2.Client, g document.SecurityGroups) {
				must(api.RevokeSecurityGroupEgress(r.t.Context(), &ec2.RevokeSecurityGroupEgressInput{
					GroupId: aws.String(g.Workspace.ID), IpPermissions: tcp(443, 443, "0.0.0.0/0"),
				}))
			},
			[]string{"ec2:AuthorizeSecurityGroupEgress"},
		},
		"peer changed": {
			func(r *run, api *ec2.Client, g document.SecurityGroups) {
				must(api.RevokeSecurityGroupIngress(r.t.Context(), &ec2.RevokeSecurityGroupIngressInput{
					GroupId: aws.String(g.Endpoint.ID), IpPermissions: tcp(443, 443, g.Workspace.ID),
				}))
				must(api.AuthorizeSecurityGroupIngress(r.t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{
					GroupId: aws.String(g.Endpoint.ID), IpPermissions: tcp(443, 443, g.Endpoint.ID),
				}))
			},
			[]string{"ec2:AuthorizeSecurityGroupIngress", "ec2:RevokeSecurityGroupIngress"},
		},
	} {
		t.Run(name+" behind its back", func(t *testing.T) {
			t.Parallel()
			r := at(t, next)
			groups := r.groups()
			test.drift(r, r.ec2(), groups)
			r.does("EnsureSecurityGroups", "Updated", test.calls...)
			compute, doors := rulesOfMito(groups.Workspace.ID)
			same(t, "rules of compute", compute, r.rules(groups.Workspace.ID))
			same(t, "rules of endpoints", doors, r.rules(groups.Endpoint.ID))
			r.does("EnsureSecurityGroups", "Found")
		})
	}

	t.Run("rules of the spec changed", func(t *testing.T) {
		t.Parallel()
		r := at(t, next)
		r.revise("EnsureSecurityGroups", `ports: "6666", peer: vpc`, `ports: "6666-6670", peer: vpc`)
		r.does("EnsureSecurityGroups", "Updated", "ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupEgress")
		_, doors := rulesOfMito(r.groups().Workspace.ID)
		doors[len(doors)-1] = "out tcp 6666-6670 10.0.0.0/22"
		same(t, "rules of endpoints", doors, r.rules(r.groups().Endpoint.ID))
	})

	t.Run("a rule that is written twice is made once", func(t *testing.T) {
		t.Parallel()
		again := `{direction: egress, protocol: tcp, ports: "443", peer: 0.0.0.0/0}`
		r := at(t, next, again, again+"\n          - "+again)
		compute, _ := rulesOfMito(r.groups().Workspace.ID)
		same(t, "rules of compute", compute, r.rules(r.groups().Workspace.ID))
		r.does("EnsureSecurityGroups", "Found")
	})

	// group is the part of the spec about a group.
	between := func(from, to string) string {
		_, rest, _ := strings.Cut(mito, from)
		text, _, _ := strings.Cut(rest, to)
		return from + text
	}
	group := map[string]string{
		"workspace": between("workspace:\n", "      endpoint:\n"),
		"endpoint":  between("endpoint:\n", "    endpoints:\n"),
	}
	for which, text := range group {
		path := "spec.network.securityGroups." + which
		t.Run("given, "+which, func(t *testing.T) {
			t.Parallel()
			r := at(t, next)
			id := r.newGroup(r.id("EnsureVpc"), "somebody")
			before := r.rules(id)
			r.revise("EnsureSecurityGroups", text, which+": {id: "+id+"}\n")
			if err := r.persist("EnsureSecurityGroups"); err != nil {
				t.Fatal(err)
			}
			same(t, "rules", before, r.rules(id))
			given := r.groups().Endpoint
			if which == "workspace" {
				given = r.groups().Workspace
				// What points at the workspace group points at the given one.
				if doors := r.rules(r.groups().Endpoint.ID); !slices.Contains(doors, "in tcp 443-443 "+id) {
					t.Errorf("the rules of the endpoints are %v", doors)
				}
			}
			same(t, "given", document.Object{ID: id, Name: "somebody", Outcome: document.Outcome{Outcome: document.Given}}, given)
		})
		t.Run("given in another VPC, "+which, func(t *testing.T) {
			t.Parallel()
			r := at(t, next)
			vpc := r.newVPC("10.9.0.0/22")
			id := r.newGroup(vpc, "somebody")
			r.revise("EnsureSecurityGroups", text, which+": {id: "+id+"}\n")
			r.refuses("EnsureSecurityGroups", plan.Conflict, id, vpc, r.id("EnsureVpc"), path+".id")
		})
		t.Run("given but missing, "+which, func(t *testing.T) {
			t.Parallel()
			r := at(t, next)
			r.revise("EnsureSecurityGroups", text, which+": {id: sg-0123456789abcdef0}\n")
			r.refuses("EnsureSecurityGroups", plan.Conflict, "sg-0123456789abcdef0", "does not exist in ap-northeast-1", path+".id")
		})
	}

	t.Run("both given", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSecurityGroups")
		compute, doors := r.newGroup(r.id("EnsureVpc"), "one"), r.newGroup(r.id("EnsureVpc"), "two")
		r.revise("EnsureSecurityGroups", group["workspace"], "workspace: {id: "+compute+"}\n", group["endpoint"], "endpoint: {id: "+doors+"}\n")
		r.does("EnsureSecurityGroups", "Given", "ec2:CreateTags", "ec2:CreateTags")
		r.does("EnsureSecurityGroups", "Given")
	})

	t.Run("another name", func(t *testing.T) {
		t.Parallel()
		r := at(t, next)
		before := r.groups()
		r.revise("EnsureSecurityGroups", "name: mito-compute\n", "name: mito-machines\n")
		if err := r.persist("EnsureSecurityGroups"); err != nil {
			t.Fatal(err)
		}
		now := r.groups()
		same(t, "name", "mito-machines", now.Workspace.Name)
		same(t, "former", []string{before.Workspace.ID}, now.Former)
		// What runs in the former group is still let in.
		_, old := rulesOfMito(before.Workspace.ID)
		_, doors := rulesOfMito(now.Workspace.ID)
		for _, rule := range append(old, doors...) {
			if !slices.Contains(r.rules(now.Endpoint.ID), rule) {
				t.Errorf("the endpoints do not have the rule %s", rule)
			}
		}
		r.does("EnsureSecurityGroups", "Found")
	})

	t.Run("another description", func(t *testing.T) {
		t.Parallel()
		r := at(t, next)
		before := r.groups()
		r.revise("EnsureSecurityGroups", "Doors of mito.", "Gates of mito.")
		if err := r.persist("EnsureSecurityGroups"); err != nil {
			t.Fatal(err)
		}
		now := r.groups()
		same(t, "former", []string{before.Endpoint.ID}, now.Former)
		same(t, "differences", []document.Difference{{
			Object: "security group " + before.Endpoint.ID, ID: before.Endpoint.ID, Field: "description", Found: "Doors of mito.", Wanted: "Gates of mito.",
		}}, now.Endpoint.Differences)
		if !strings.HasPrefix(now.Endpoint.Name, "mito-doors-") {
			t.Errorf("the group is called %s", now.Endpoint.Name)
		}
		r.does("EnsureSecurityGroups", "Found")
		same(t, "id", now.Endpoint.ID, r.groups().Endpoint.ID)
	})

	t.Run("name taken by somebody", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSecurityGroups")
		id := r.newGroup(r.id("EnsureVpc"), "mito-compute")
		before := r.rules(id)
		name, message := class(r.step("EnsureSecurityGroups"))
		same(t, "class", plan.Conflict, name)
		contains(t, message, "mito-compute", "was not made by this workspace", "spec.network.securityGroups.workspace.id")
		same(t, "rules", before, r.rules(id))
		for _, g := range r.world.EC2.SecurityGroups(tokyoRegion) {
			same(t, "tags", map[string]string{}, g.Tags)
		}
	})

	t.Run("name taken by another workspace", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSecurityGroups")
		id := r.newGroup(r.id("EnsureVpc"), "mito-compute")
		tags := []types.Tag{{Key: aws.String(plan.TagWorkspace), Value: aws.String("nara")}, {Key: aws.String(plan.TagManaged), Value: aws.String(plan.Owned)}}
		must(r.ec2().CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{id}, Tags: tags}))
		name, message := class(r.step("EnsureSecurityGroups"))
		same(t, "class", plan.Conflict, name)
		contains(t, message, id, "but by nara", "spec.network.securityGroups.workspace.id")
	})

	t.Run("another one of ours", func(t *testing.T) {
		t.Parallel()
		r := at(t, next)
		other := must(r.ec2().CreateSecurityGroup(t.Context(), &ec2.CreateSecurityGroupInput{
			VpcId: aws.String(r.id("EnsureVpc")), GroupName: aws.String("copy"), Description: aws.String("A copy."),
			TagSpecifications: ownedByMito(types.ResourceTypeSecurityGroup, "endpoint-security-group"),
		}))
		// It does not fit, and so is nothing to hold the two apart.
		r.does("EnsureSecurityGroups", "Found")
		same(t, "former", []string{*other.GroupId}, r.groups().Former)
	})
}
