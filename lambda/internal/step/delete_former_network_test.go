package step_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/document"
)

func TestDeleteFormerNetwork(t *testing.T) {
	t.Parallel()
	const step = "DeleteFormerNetwork"

	t.Run("there is none", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.does(step, "Skipped")
	})

	t.Run("perhaps an earlier execution has left one", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		r.upTo("CreateWorkspace")
		r.revise(step)
		r.does(step, "Absent")
	})

	t.Run("subnets of a VPC that stays", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		r.upTo("")
		before, groups, network := r.subnets(), r.groups(), r.id("RegisterNetwork")
		r.revise(step, otherSubnets...)
		if err := r.persist(step); err != nil {
			t.Fatal(err)
		}
		var out document.RemovalWait
		r.result(step, &out)
		contains(t, strings.Join(out.Removed, ", "), network, groups.Workspace.ID, before.Workspace[0].ID, before.Workspace[1].ID)
		same(t, "how much", 4, len(out.Removed))
		if len(out.Kept) > 0 {
			t.Errorf("it keeps %+v", out.Kept)
		}
		if all, err := r.console().Networks.List(t.Context()); err != nil || len(all) != 1 || all[0].NetworkId != r.id("RegisterNetwork") {
			t.Errorf("the networks are %+v: %v", all, err)
		}
	})

	t.Run("what Databricks has left there", func(t *testing.T) {
		t.Parallel()
		r := newMove(t, step)
		r.upTo(step)
		if err := r.persist(step); err != nil {
			t.Fatal(err)
		}
		var out document.RemovalWait
		r.result(step, &out)
		contains(t, strings.Join(out.Removed, ", "), "instance i-", "network interface eni-", "VPC vpc-", "registration workspace-rest-api", "VPC endpoint vpce-")
	})

	t.Run("a workspace of somebody else's in the former VPC", func(t *testing.T) {
		t.Parallel()
		r := newMove(t, "")
		r.upTo(step)
		var vpc document.VPC
		r.result("EnsureVpc", &vpc)
		before := vpc.Former[0]
		all := must(r.console().Networks.List(t.Context()))
		ours := all[slices.IndexFunc(all, func(n provisioning.Network) bool { return n.VpcId == before })]
		made := must(r.ec2().CreateSubnet(t.Context(), &ec2.CreateSubnetInput{VpcId: aws.String(before), CidrBlock: aws.String("10.0.0.0/26")}))
		if _, err := r.console().Networks.Create(t.Context(), provisioning.CreateNetworkRequest{
			NetworkName: "theirs", VpcId: before, SubnetIds: []string{*made.Subnet.SubnetId, "subnet-2"}, SecurityGroupIds: []string{r.newGroup(before, "theirs")},
			VpcEndpoints: ours.VpcEndpoints,
		}); err != nil {
			t.Fatal(err)
		}
		if err := r.persist(step); err != nil {
			t.Fatal(err)
		}
		var out document.RemovalWait
		r.result(step, &out)
		if !out.Ready {
			t.Errorf("it waits for %s", out.Reason)
		}
		contains(t, out.Reason, "VPC endpoint vpce-", " stays: network configuration theirs (", "refers to its VPC", "VPC "+before+" stays")
		if text := strings.Join(out.Removed, ", "); strings.Contains(text, "vpce-") || strings.Contains(text, "registration") {
			t.Errorf("it removed %s", text)
		}
	})
}
