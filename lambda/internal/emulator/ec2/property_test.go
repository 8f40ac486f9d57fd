package ec2_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"pgregory.net/rapid"

	"lakegate/lambda/internal/emulator/ec2"
)

// reporter is what the checks need of *testing.T and *rapid.T.
type reporter interface {
	Errorf(format string, args ...any)
}

// checkInvariants checks that everything refers to what exists, in its own VPC,
// and that every VPC and subnet has what it cannot be without.
func checkInvariants(t reporter, s *ec2.Service) {
	vpcOf := map[string]string{}
	for _, v := range s.VPCs(tokyo) {
		vpcOf[v.ID] = v.ID
	}
	belongs := func(what, id, vpc string) {
		if vpc == "" || vpcOf[id] != vpc {
			t.Errorf("%s refers to %s, which is not in %s", what, id, vpc)
		}
	}
	subnets, interfaces := s.Subnets(tokyo), s.NetworkInterfaces(tokyo)
	for _, v := range subnets {
		belongs(v.ID, v.VPCID, v.VPCID)
		vpcOf[v.ID] = v.VPCID
	}
	for i, a := range subnets {
		for _, b := range subnets[:i] {
			if a.VPCID == b.VPCID && a.CIDR.Overlaps(b.CIDR) {
				t.Errorf("%s and %s overlap", a.ID, b.ID)
			}
		}
	}
	for _, g := range s.SecurityGroups(tokyo) {
		belongs(g.ID, g.VPCID, g.VPCID)
		vpcOf[g.ID] = g.VPCID
	}
	said := map[string]bool{}
	for _, rule := range s.Rules(tokyo) {
		belongs(rule.ID, rule.GroupID, vpcOf[rule.GroupID])
		if rule.PeerGroupID != "" {
			belongs(rule.ID, rule.PeerGroupID, vpcOf[rule.GroupID])
		}
		text := fmt.Sprint(rule.GroupID, rule.Egress, rule.String())
		if said[text] {
			t.Errorf("two rules of %s say %s", rule.GroupID, text)
		}
		said[text] = true
	}
	mains, associated := map[string]int{}, map[string]int{}
	tables := map[string]ec2.RouteTable{}
	for _, table := range s.RouteTables(tokyo) {
		belongs(table.ID, table.VPCID, table.VPCID)
		vpcOf[table.ID], tables[table.ID] = table.VPCID, table
		for _, a := range table.Associations {
			if a.SubnetID == "" {
				mains[table.VPCID]++
				continue
			}
			belongs(table.ID, a.SubnetID, table.VPCID)
			if associated[a.SubnetID]++; associated[a.SubnetID] > 1 {
				t.Errorf("%s has two route tables", a.SubnetID)
			}
		}
	}
	filtered := map[string]int{}
	for _, acl := range s.NetworkACLs(tokyo) {
		belongs(acl.ID, acl.VPCID, acl.VPCID)
		for _, a := range acl.Associations {
			belongs(acl.ID, a.SubnetID, acl.VPCID)
			filtered[a.SubnetID]++
		}
	}
	for _, v := range s.VPCs(tokyo) {
		if mains[v.ID] != 1 {
			t.Errorf("%s has %d main route tables", v.ID, mains[v.ID])
		}
	}
	for _, v := range subnets {
		if filtered[v.ID] != 1 {
			t.Errorf("%s has %d network ACLs", v.ID, filtered[v.ID])
		}
	}
	owned := map[string]bool{}
	for _, e := range s.Endpoints(tokyo) {
		belongs(e.ID, e.VPCID, e.VPCID)
		for _, id := range slices.Concat(e.SubnetIDs, e.GroupIDs, e.RouteTableIDs) {
			belongs(e.ID, id, e.VPCID)
		}
		for _, id := range e.InterfaceIDs {
			owned[id] = true
		}
		for _, id := range e.RouteTableIDs {
			if !slices.ContainsFunc(tables[id].Routes, func(r ec2.Route) bool { return r.Target == e.ID }) {
				t.Errorf("%s has no route to %s", id, e.ID)
			}
		}
		if len(e.InterfaceIDs) != len(e.SubnetIDs) {
			t.Errorf("%s has %d interfaces in %d subnets", e.ID, len(e.InterfaceIDs), len(e.SubnetIDs))
		}
	}
	for _, g := range s.NATGateways(tokyo) {
		if g.State == ec2.StateAvailable {
			belongs(g.ID, g.SubnetID, g.VPCID)
		}
	}
	for _, a := range s.TransitGatewayAttachments(tokyo) {
		if a.State == ec2.StateAvailable {
			for _, id := range a.SubnetIDs {
				belongs(a.ID, id, a.VPCID)
			}
		}
	}
	for _, g := range s.EgressOnlyGateways(tokyo) {
		belongs(g.ID, g.VPCID, g.VPCID)
	}
	for _, p := range s.PeeringConnections(tokyo) {
		if p.Status == ec2.PeeringActive || p.Status == ec2.PeeringPendingAcceptance {
			belongs(p.ID, p.Requester.VPCID, p.Requester.VPCID)
			belongs(p.ID, p.Accepter.VPCID, p.Accepter.VPCID)
		}
	}
	addresses := map[string]bool{}
	for _, n := range interfaces {
		belongs(n.ID, n.SubnetID, n.VPCID)
		for _, id := range n.GroupIDs {
			belongs(n.ID, id, n.VPCID)
		}
		at := n.SubnetID + " " + n.Address.String()
		if owned[n.ID] != (n.EndpointID != "") || n.HolderID == "" || addresses[at] {
			t.Errorf("%s has no holder or the address of another interface, %s", n.ID, at)
		}
		addresses[at] = true
	}
	ofEndpoints := slices.DeleteFunc(slices.Clone(interfaces), func(n ec2.NetworkInterface) bool { return n.EndpointID == "" })
	if len(owned) != len(ofEndpoints) {
		t.Errorf("endpoints have %d interfaces, there are %d", len(owned), len(ofEndpoints))
	}
}

// TestRandomHistories makes and deletes things in any order. Whatever is
// refused, nothing may end up dangling, and what the service lets go of must be
// what nothing depends on.
func TestRandomHistories(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t)
		defer w.close()
		ctx := t.Context()
		var made []string
		pick := func(prefix string) string {
			var fit []string
			for _, id := range made {
				if len(id) > len(prefix) && id[:len(prefix)] == prefix {
					fit = append(fit, id)
				}
			}
			if len(fit) == 0 {
				return prefix + "00000000000000000"
			}
			return rapid.SampledFrom(fit).Draw(rt, prefix)
		}
		keep := func(id *string) { made = append(made, *id) }
		acts := map[string]func() error{
			"vpc": func() error {
				out, err := w.CreateVpc(ctx, &awsec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/22")})
				if err == nil {
					keep(out.Vpc.VpcId)
				}
				return err
			},
			"subnet": func() error {
				out, err := w.CreateSubnet(ctx, &awsec2.CreateSubnetInput{
					VpcId: aws.String(pick("vpc-")), CidrBlock: aws.String(fmt.Sprintf("10.0.%d.0/24", rapid.IntRange(0, 4).Draw(rt, "block"))),
					AvailabilityZone: aws.String(tokyo + rapid.SampledFrom([]string{"a", "c", "d"}).Draw(rt, "zone")),
				})
				if err == nil {
					keep(out.Subnet.SubnetId)
				}
				return err
			},
			"table": func() error {
				out, err := w.CreateRouteTable(ctx, &awsec2.CreateRouteTableInput{VpcId: aws.String(pick("vpc-"))})
				if err == nil {
					keep(out.RouteTable.RouteTableId)
				}
				return err
			},
			"associate": func() error {
				_, err := w.AssociateRouteTable(ctx, &awsec2.AssociateRouteTableInput{RouteTableId: aws.String(pick("rtb-")), SubnetId: aws.String(pick("subnet-"))})
				return err
			},
			"move": func() error {
				for _, table := range w.service.RouteTables(tokyo) {
					for _, a := range table.Associations {
						if rapid.Bool().Draw(rt, "this") {
							_, err := w.ReplaceRouteTableAssociation(ctx, &awsec2.ReplaceRouteTableAssociationInput{AssociationId: &a.ID, RouteTableId: aws.String(pick("rtb-"))})
							return err
						}
					}
				}
				return nil
			},
			"group": func() error {
				out, err := w.CreateSecurityGroup(ctx, &awsec2.CreateSecurityGroupInput{
					VpcId: aws.String(pick("vpc-")), Description: aws.String("x"), GroupName: aws.String(rapid.SampledFrom([]string{"g", "h"}).Draw(rt, "name")),
				})
				if err == nil {
					keep(out.GroupId)
				}
				return err
			},
			"rule": func() error {
				_, err := w.AuthorizeSecurityGroupEgress(ctx, &awsec2.AuthorizeSecurityGroupEgressInput{
					GroupId: aws.String(pick("sg-")), IpPermissions: []types.IpPermission{{
						IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: aws.String(pick("sg-"))}},
					}},
				})
				return err
			},
			"endpoint": func() error {
				in := interfaceTo(rapid.SampledFrom([]string{stsService, workspaceService}).Draw(rt, "service"), pick("vpc-"), "e", pick("subnet-"))
				if rapid.Bool().Draw(rt, "own group") {
					in.SecurityGroupIds = []string{pick("sg-")}
				}
				out, err := w.CreateVpcEndpoint(ctx, in)
				if err == nil {
					keep(out.VpcEndpoint.VpcEndpointId)
				}
				return err
			},
			"gateway endpoint": func() error {
				out, err := w.CreateVpcEndpoint(ctx, &awsec2.CreateVpcEndpointInput{VpcId: aws.String(pick("vpc-")), ServiceName: aws.String(s3Service), RouteTableIds: []string{pick("rtb-")}})
				if err == nil {
					keep(out.VpcEndpoint.VpcEndpointId)
				}
				return err
			},
			"subnets of an endpoint": func() error {
				_, err := w.ModifyVpcEndpoint(ctx, &awsec2.ModifyVpcEndpointInput{VpcEndpointId: aws.String(pick("vpce-")), AddSubnetIds: []string{pick("subnet-")}, RemoveSubnetIds: []string{pick("subnet-")}})
				return err
			},
			"nat gateway": func() error {
				out, err := w.CreateNatGateway(ctx, &awsec2.CreateNatGatewayInput{SubnetId: aws.String(pick("subnet-")), ConnectivityType: types.ConnectivityTypePrivate})
				if err == nil {
					keep(out.NatGateway.NatGatewayId)
				}
				return err
			},
			"delete nat gateway": func() error {
				_, err := w.DeleteNatGateway(ctx, &awsec2.DeleteNatGatewayInput{NatGatewayId: aws.String(pick("nat-"))})
				return err
			},
			"attachment": func() error {
				transit := w.service.TransitGateways(tokyo)
				if len(transit) == 0 {
					_, err := w.CreateTransitGateway(ctx, &awsec2.CreateTransitGatewayInput{})
					return err
				}
				out, err := w.CreateTransitGatewayVpcAttachment(ctx, &awsec2.CreateTransitGatewayVpcAttachmentInput{
					TransitGatewayId: &transit[0].ID, VpcId: aws.String(pick("vpc-")), SubnetIds: []string{pick("subnet-")},
				})
				if err == nil {
					keep(out.TransitGatewayVpcAttachment.TransitGatewayAttachmentId)
				}
				return err
			},
			"delete attachment": func() error {
				_, err := w.DeleteTransitGatewayVpcAttachment(ctx, &awsec2.DeleteTransitGatewayVpcAttachmentInput{TransitGatewayAttachmentId: aws.String(pick("tgw-attach-"))})
				return err
			},
			"egress-only gateway": func() error {
				_, err := w.CreateEgressOnlyInternetGateway(ctx, &awsec2.CreateEgressOnlyInternetGatewayInput{VpcId: aws.String(pick("vpc-"))})
				return err
			},
			"peering": func() error {
				_, err := w.CreateVpcPeeringConnection(ctx, &awsec2.CreateVpcPeeringConnectionInput{VpcId: aws.String(pick("vpc-")), PeerVpcId: aws.String(pick("vpc-"))})
				return err
			},
			"ipv6": func() error {
				_, err := w.AssociateVpcCidrBlock(ctx, &awsec2.AssociateVpcCidrBlockInput{VpcId: aws.String(pick("vpc-")), AmazonProvidedIpv6CidrBlock: aws.Bool(true)})
				return err
			},
			"accept": func() error {
				_ = w.service.AcceptEndpoint(tokyo, pick("vpce-"), databricks)
				return nil
			},
			"time": func() error {
				w.pass(time.Duration(rapid.IntRange(1, 600).Draw(rt, "seconds")) * time.Second)
				return nil
			},
			"delete vpc": func() error {
				_, err := w.DeleteVpc(ctx, &awsec2.DeleteVpcInput{VpcId: aws.String(pick("vpc-"))})
				return err
			},
			"delete subnet": func() error {
				_, err := w.DeleteSubnet(ctx, &awsec2.DeleteSubnetInput{SubnetId: aws.String(pick("subnet-"))})
				return err
			},
			"delete table": func() error {
				_, err := w.DeleteRouteTable(ctx, &awsec2.DeleteRouteTableInput{RouteTableId: aws.String(pick("rtb-"))})
				return err
			},
			"delete group": func() error {
				_, err := w.DeleteSecurityGroup(ctx, &awsec2.DeleteSecurityGroupInput{GroupId: aws.String(pick("sg-"))})
				return err
			},
			"delete endpoint": func() error {
				_, err := w.DeleteVpcEndpoints(ctx, &awsec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{pick("vpce-")}})
				return err
			},
		}
		names := make([]string, 0, len(acts))
		for name := range acts {
			names = append(names, name)
		}
		slices.Sort(names)
		// A world with something in it is one in which a deletion can go wrong.
		history := []string{"vpc", "subnet", "subnet", "group", "table", "endpoint"}
		history = append(history, rapid.SliceOfN(rapid.SampledFrom(names), 0, 50).Draw(rt, "history")...)
		for _, name := range history {
			if err := acts[name](); err != nil && slices.Contains([]string{"InternalFailure", "NotImplemented", "", err.Error()}, code(err)) {
				rt.Errorf("%s: %v", name, err)
			}
			checkInvariants(rt, w.service)
		}
		w.tearDown(rt)
	})
}

// tearDown deletes everything in an order that nothing may refuse.
func (w *world) tearDown(t reporter) {
	ctx := w.t.Context()
	check := func(what string, err error) {
		if err != nil {
			t.Errorf("deleting %s: %v", what, err)
		}
	}
	for _, e := range w.service.Endpoints(tokyo) {
		_, err := w.DeleteVpcEndpoints(ctx, &awsec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{e.ID}})
		check(e.ID, err)
	}
	for _, g := range w.service.NATGateways(tokyo) {
		if g.State == ec2.StateAvailable {
			_, err := w.DeleteNatGateway(ctx, &awsec2.DeleteNatGatewayInput{NatGatewayId: &g.ID})
			check(g.ID, err)
		}
	}
	for _, a := range w.service.TransitGatewayAttachments(tokyo) {
		if a.State == ec2.StateAvailable {
			_, err := w.DeleteTransitGatewayVpcAttachment(ctx, &awsec2.DeleteTransitGatewayVpcAttachmentInput{TransitGatewayAttachmentId: &a.ID})
			check(a.ID, err)
		}
	}
	for _, g := range w.service.EgressOnlyGateways(tokyo) {
		_, err := w.DeleteEgressOnlyInternetGateway(ctx, &awsec2.DeleteEgressOnlyInternetGatewayInput{EgressOnlyInternetGatewayId: &g.ID})
		check(g.ID, err)
	}
	w.pass(time.Hour)
	for _, rule := range w.service.Rules(tokyo) {
		if rule.PeerGroupID != "" && rule.Egress {
			_, err := w.RevokeSecurityGroupEgress(ctx, &awsec2.RevokeSecurityGroupEgressInput{GroupId: &rule.GroupID, SecurityGroupRuleIds: []string{rule.ID}})
			check(rule.ID, err)
		}
	}
	for _, g := range w.service.SecurityGroups(tokyo) {
		if g.Name != "default" {
			_, err := w.DeleteSecurityGroup(ctx, &awsec2.DeleteSecurityGroupInput{GroupId: &g.ID})
			check(g.ID, err)
		}
	}
	for _, s := range w.service.Subnets(tokyo) {
		_, err := w.DeleteSubnet(ctx, &awsec2.DeleteSubnetInput{SubnetId: &s.ID})
		check(s.ID, err)
	}
	for _, table := range w.service.RouteTables(tokyo) {
		if len(table.Associations) == 0 {
			_, err := w.DeleteRouteTable(ctx, &awsec2.DeleteRouteTableInput{RouteTableId: &table.ID})
			check(table.ID, err)
		}
	}
	for _, v := range w.service.VPCs(tokyo) {
		_, err := w.DeleteVpc(ctx, &awsec2.DeleteVpcInput{VpcId: &v.ID})
		check(v.ID, err)
	}
	left := len(w.service.VPCs(tokyo)) + len(w.service.Subnets(tokyo)) + len(w.service.RouteTables(tokyo)) + len(w.service.NetworkACLs(tokyo)) +
		len(w.service.SecurityGroups(tokyo)) + len(w.service.Rules(tokyo)) + len(w.service.NetworkInterfaces(tokyo)) + len(w.service.Endpoints(tokyo))
	left += len(w.service.NATGateways(tokyo)) + len(w.service.TransitGatewayAttachments(tokyo)) + len(w.service.EgressOnlyGateways(tokyo))
	if left > 0 {
		t.Errorf("%d objects are left", left)
	}
}
