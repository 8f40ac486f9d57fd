package step_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/plan"
)

// acl is the network ACL of a subnet.
func (r *run) acl(subnet string) (id, association string) {
	r.t.Helper()
	for _, acl := range r.world.EC2.NetworkACLs(tokyoRegion) {
		for _, a := range acl.Associations {
			if a.SubnetID == subnet {
				return acl.ID, a.ID
			}
		}
	}
	r.t.Fatalf("subnet %s has no ACL", subnet)
	return "", ""
}

// rule puts a rule for everything into a network ACL.
func (r *run) rule(acl string, number int32, egress bool, action types.RuleAction, cidr string) {
	r.t.Helper()
	must(r.ec2().CreateNetworkAclEntry(r.t.Context(), &ec2.CreateNetworkAclEntryInput{
		NetworkAclId: aws.String(acl), RuleNumber: aws.Int32(number), Egress: aws.Bool(egress),
		RuleAction: action, CidrBlock: aws.String(cidr), Protocol: aws.String("-1"),
	}))
}

func TestVerifyNetworkAcls(t *testing.T) {
	t.Parallel()

	t.Run("the default ACL", func(t *testing.T) {
		t.Parallel()
		r := at(t, "VerifyNetworkAcls")
		r.does("VerifyNetworkAcls", "Verified")
		var got struct{ IDs []string }
		r.result("VerifyNetworkAcls", &got)
		id, _ := r.acl(r.subnets().Endpoint.ID)
		same(t, "ids", []string{id}, got.IDs)
	})

	for name, test := range map[string]struct {
		egress bool
		text   string
	}{
		"inbound":  {false, "inbound, rule 50 (deny 10.0.0.0/8) comes before a rule that allows everything"},
		"outbound": {true, "outbound, rule 50 (deny 10.0.0.0/8) blocks traffic to the VPC (10.0.0.0/22)"},
	} {
		t.Run("a denial, "+name, func(t *testing.T) {
			t.Parallel()
			r := at(t, "VerifyNetworkAcls")
			id, _ := r.acl(r.subnets().Endpoint.ID)
			r.rule(id, 50, test.egress, types.RuleActionDeny, "10.0.0.0/8")
			r.refuses("VerifyNetworkAcls", plan.Conflict, id, test.text, "8443-8451 to 0.0.0.0/0; then redrive")
		})
	}

	t.Run("every subnet's own ACL", func(t *testing.T) {
		t.Parallel()
		r := at(t, "VerifyNetworkAcls")
		subnet := r.subnets().Workspace[1].ID
		_, association := r.acl(subnet)
		own := *must(r.ec2().CreateNetworkAcl(t.Context(), &ec2.CreateNetworkAclInput{VpcId: aws.String(r.id("EnsureVpc"))})).NetworkAcl.NetworkAclId
		must(r.ec2().ReplaceNetworkAclAssociation(t.Context(), &ec2.ReplaceNetworkAclAssociationInput{
			AssociationId: aws.String(association), NetworkAclId: aws.String(own),
		}))
		r.refuses("VerifyNetworkAcls", plan.Conflict, own, "the final rule (*)")
		r.rule(own, 100, false, types.RuleActionAllow, "0.0.0.0/0")
		r.rule(own, 100, true, types.RuleActionAllow, "0.0.0.0/0")
		r.does("VerifyNetworkAcls", "Verified")
		var got struct{ IDs []string }
		r.result("VerifyNetworkAcls", &got)
		same(t, "number of ACLs", 2, len(got.IDs))
	})

	t.Run("an ACL of no subnet of ours", func(t *testing.T) {
		t.Parallel()
		r := at(t, "VerifyNetworkAcls")
		must(r.ec2().CreateNetworkAcl(t.Context(), &ec2.CreateNetworkAclInput{VpcId: aws.String(r.id("EnsureVpc"))}))
		r.does("VerifyNetworkAcls", "Verified")
	})
}
