package step

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// verifyNetworkAcls checks that the ACLs of the subnets let through what
// Databricks needs: everything inbound, before any denial, and outbound the
// VPC and the ports of the control plane. The default ACL does.
// https://docs.databricks.com/aws/en/security/network/classic/customer-managed-vpc
func verifyNetworkAcls(ctx context.Context, d *Deps, doc *document.Document) (*document.NetworkACLs, error) {
	api := d.AWS.EC2(doc.Spec.Region)
	ids := append(doc.Subnets.WorkspaceIDs(), doc.Subnets.Endpoint.ID)
	acls, err := describeACLs(ctx, api, ids)
	if err != nil {
		return nil, fmt.Errorf("reading network ACLs of VPC %s: %w", doc.VPC.ID, err)
	}
	covered := map[string]bool{}
	out := &document.NetworkACLs{Outcome: document.Outcome{Outcome: document.Verified}}
	for _, acl := range acls {
		id := aws.ToString(acl.NetworkAclId)
		out.IDs = append(out.IDs, id)
		for _, a := range acl.Associations {
			covered[aws.ToString(a.SubnetId)] = true
		}
		if problem := aclProblem(acl.Entries, doc.VPC.CIDR); problem != "" {
			return nil, failure.New(plan.Conflict,
				"Change the ACL so that inbound everything is allowed first, and outbound the VPC and TCP 443, 6666 and 8443-8451 to 0.0.0.0/0; then redrive the execution.",
				"checking network ACL %s: %s", id, problem)
		}
	}
	slices.Sort(out.IDs)
	for _, subnet := range ids {
		if !covered[subnet] {
			return nil, failure.New(plan.NotReady, "", "checking network ACLs: subnet %s has none yet", subnet)
		}
	}
	return out, nil
}

// describeACLs returns the network ACLs of subnets.
func describeACLs(ctx context.Context, api awsapi.EC2, subnets []string) ([]types.NetworkAcl, error) {
	return pages(func(token *string) ([]types.NetworkAcl, *string, error) {
		out, err := api.DescribeNetworkAcls(ctx, &ec2.DescribeNetworkAclsInput{
			Filters:   []types.Filter{{Name: aws.String("association.subnet-id"), Values: subnets}},
			NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		return out.NetworkAcls, out.NextToken, nil
	})
}

var anywhere = netip.MustParsePrefix("0.0.0.0/0")

// aclProblem returns what an ACL blocks that has to pass, or an empty string.
// AWS evaluates entries by number; the first that matches decides.
func aclProblem(entries []types.NetworkAclEntry, vpc string) string {
	sorted := slices.Clone(entries)
	slices.SortFunc(sorted, func(a, b types.NetworkAclEntry) int {
		return cmp.Compare(aws.ToInt32(a.RuleNumber), aws.ToInt32(b.RuleNumber))
	})
	inside, err := netip.ParsePrefix(vpc)
	if err != nil {
		inside = anywhere
	}
	if e := decides(sorted, false, 0, anywhere); e == nil || e.RuleAction != types.RuleActionAllow || aws.ToString(e.Protocol) != "-1" {
		return fmt.Sprintf("inbound, %s comes before a rule that allows everything", entryName(e))
	}
	if e := decides(sorted, true, 0, inside); e == nil || e.RuleAction != types.RuleActionAllow {
		return fmt.Sprintf("outbound, %s blocks traffic to the VPC (%s)", entryName(e), vpc)
	}
	for _, port := range []int32{443, 6666, 8443, 8444, 8445, 8451} {
		if e := decides(sorted, true, port, anywhere); e == nil || e.RuleAction != types.RuleActionAllow {
			return fmt.Sprintf("outbound, %s blocks TCP %d", entryName(e), port)
		}
	}
	return ""
}

// decides returns the first entry that decides about some of the traffic: an
// allowance that covers all of it, or a denial of any of it. Port 0 stands for
// all protocols and ports.
func decides(sorted []types.NetworkAclEntry, egress bool, port int32, peer netip.Prefix) *types.NetworkAclEntry {
	for i, e := range sorted {
		if aws.ToBool(e.Egress) != egress || e.CidrBlock == nil {
			continue
		}
		block, err := netip.ParsePrefix(aws.ToString(e.CidrBlock))
		if err != nil {
			continue
		}
		all := aws.ToString(e.Protocol) == "-1"
		hit := all || port == 0 || aws.ToString(e.Protocol) == "6" &&
			(e.PortRange == nil || aws.ToInt32(e.PortRange.From) <= port && port <= aws.ToInt32(e.PortRange.To))
		if e.RuleAction == types.RuleActionDeny {
			if hit && block.Overlaps(peer) {
				return &sorted[i]
			}
			continue
		}
		if hit && (port > 0 || all) && block.Bits() <= peer.Bits() && block.Contains(peer.Addr()) {
			return &sorted[i]
		}
	}
	return nil
}

func entryName(e *types.NetworkAclEntry) string {
	switch {
	case e == nil:
		return "the absence of a rule"
	case aws.ToInt32(e.RuleNumber) == 32767:
		return "the final rule (*)"
	default:
		return fmt.Sprintf("rule %d (%s %s)", aws.ToInt32(e.RuleNumber), e.RuleAction, aws.ToString(e.CidrBlock))
	}
}
