package ec2_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func (w *world) peering(in *awsec2.CreateVpcPeeringConnectionInput) types.VpcPeeringConnection {
	w.t.Helper()
	return *must[*awsec2.CreateVpcPeeringConnectionOutput](w.t)(w.CreateVpcPeeringConnection(w.t.Context(), in)).VpcPeeringConnection
}

// peerings are the ids of the connections that the filters select.
func (w *world) peerings(c *awsec2.Client, pairs ...string) []string {
	w.t.Helper()
	var ids []string
	out := must[*awsec2.DescribeVpcPeeringConnectionsOutput](w.t)(c.DescribeVpcPeeringConnections(w.t.Context(), &awsec2.DescribeVpcPeeringConnectionsInput{Filters: filters(pairs...)}))
	for _, p := range out.VpcPeeringConnections {
		ids = append(ids, *p.VpcPeeringConnectionId)
	}
	return ids
}

func TestPeering(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc, peer := w.vpc("10.0.0.0/22"), w.vpc("10.1.0.0/22")
	in := &awsec2.CreateVpcPeeringConnectionInput{VpcId: &vpc, PeerVpcId: &peer}
	p := w.peering(in)
	if p.Status.Code != types.VpcPeeringConnectionStateReasonCodePendingAcceptance || p.ExpirationTime == nil || p.AccepterVpcInfo.CidrBlock != nil {
		t.Errorf("the new connection is %+v, its accepter %+v", p, p.AccepterVpcInfo)
	}
	_, err := w.CreateVpcPeeringConnection(t.Context(), in)
	wantCode(t, err, "VpcPeeringConnectionAlreadyExists")
	accept := &awsec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: p.VpcPeeringConnectionId}
	active := must[*awsec2.AcceptVpcPeeringConnectionOutput](t)(w.AcceptVpcPeeringConnection(t.Context(), accept)).VpcPeeringConnection
	if active.Status.Code != types.VpcPeeringConnectionStateReasonCodeActive || *active.AccepterVpcInfo.CidrBlock != "10.1.0.0/22" {
		t.Errorf("the accepted connection is %+v", active)
	}
	_, err = w.AcceptVpcPeeringConnection(t.Context(), accept)
	wantCode(t, err, "InvalidStateTransition")
	for _, pairs := range [][]string{
		{"requester-vpc-info.vpc-id", vpc}, {"accepter-vpc-info.vpc-id", peer}, {"status-code", "active"}, {"vpc-peering-connection-id", *p.VpcPeeringConnectionId},
	} {
		if got := w.peerings(w.Client, pairs...); len(got) != 1 {
			t.Errorf("%v selects %v", pairs, got)
		}
	}
	remove := &awsec2.DeleteVpcPeeringConnectionInput{VpcPeeringConnectionId: p.VpcPeeringConnectionId}
	must[*awsec2.DeleteVpcPeeringConnectionOutput](t)(w.DeleteVpcPeeringConnection(t.Context(), remove))
	_, err = w.DeleteVpcPeeringConnection(t.Context(), remove)
	wantMessage(t, err, "InvalidStateTransition", "Invalid state transition for "+*p.VpcPeeringConnectionId+", attempting to transition from deleted to deleting")

	// A VPC takes its connections along.
	w.peering(in)
	must[*awsec2.DeleteVpcOutput](t)(w.DeleteVpc(t.Context(), &awsec2.DeleteVpcInput{VpcId: &peer}))
	if got := w.peerings(w.Client, "status-code", "deleted"); len(got) != 2 {
		t.Errorf("deleted connections: %v", got)
	}
	w.pass(time.Hour)
	if got := w.service.PeeringConnections(tokyo); len(got) != 0 {
		t.Errorf("connections after an hour: %+v", got)
	}
}

func TestPeeringRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc, same := w.vpc("10.0.0.0/22"), w.vpc("10.0.2.0/24")
	for name, test := range map[string]struct {
		in   awsec2.CreateVpcPeeringConnectionInput
		code string
	}{
		"no vpc":        {awsec2.CreateVpcPeeringConnectionInput{VpcId: aws.String("vpc-1"), PeerVpcId: &same}, "InvalidVpcID.NotFound"},
		"no peer":       {awsec2.CreateVpcPeeringConnectionInput{VpcId: &vpc}, "MissingParameter"},
		"unknown peer":  {awsec2.CreateVpcPeeringConnectionInput{VpcId: &vpc, PeerVpcId: aws.String("vpc-1")}, "InvalidVpcID.NotFound"},
		"peer not here": {awsec2.CreateVpcPeeringConnectionInput{VpcId: &vpc, PeerVpcId: &same, PeerRegion: aws.String("us-east-1")}, "InvalidVpcID.NotFound"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.CreateVpcPeeringConnection(t.Context(), &test.in)
			wantCode(t, err, test.code)
		})
	}
	if p := w.peering(&awsec2.CreateVpcPeeringConnectionInput{VpcId: &vpc, PeerVpcId: &same}); p.Status.Code != types.VpcPeeringConnectionStateReasonCodeFailed {
		t.Errorf("VPCs that overlap are joined: %+v", p.Status)
	}
	// Another account's VPC is taken on trust.
	foreign := w.peering(&awsec2.CreateVpcPeeringConnectionInput{VpcId: &vpc, PeerVpcId: aws.String("vpc-1"), PeerOwnerId: aws.String(databricks)})
	_, err := w.AcceptVpcPeeringConnection(t.Context(), &awsec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: foreign.VpcPeeringConnectionId})
	wantCode(t, err, "OperationNotPermitted")
	if err := w.service.AcceptPeeringConnection(tokyo, *foreign.VpcPeeringConnectionId); err != nil {
		t.Error(err)
	}
	if err := w.service.AcceptPeeringConnection(tokyo, *foreign.VpcPeeringConnectionId); err == nil {
		t.Error("the other account accepted twice")
	}
	waiting := w.peering(&awsec2.CreateVpcPeeringConnectionInput{VpcId: &vpc, PeerVpcId: aws.String("vpc-2"), PeerOwnerId: aws.String(databricks)})
	w.pass(7 * 24 * time.Hour)
	if got := w.peerings(w.Client, "status-code", "expired"); len(got) != 1 || got[0] != *waiting.VpcPeeringConnectionId {
		t.Errorf("expired connections: %v", got)
	}
	if got := w.peerings(w.Client, "status-code", "active"); len(got) != 1 {
		t.Errorf("active connections: %v", got)
	}
}

func TestPeeringBetweenRegions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	there := w.in("us-east-1")
	vpc := w.vpc("10.0.0.0/22")
	peer := must[*awsec2.CreateVpcOutput](t)(there.CreateVpc(t.Context(), &awsec2.CreateVpcInput{CidrBlock: aws.String("10.1.0.0/22")})).Vpc.VpcId
	id := w.peering(&awsec2.CreateVpcPeeringConnectionInput{VpcId: &vpc, PeerVpcId: peer, PeerRegion: aws.String("us-east-1")}).VpcPeeringConnectionId
	accept := &awsec2.AcceptVpcPeeringConnectionInput{VpcPeeringConnectionId: id}
	_, err := w.AcceptVpcPeeringConnection(t.Context(), accept)
	wantMessage(t, err, "OperationNotPermitted", "Incorrect region (ap-northeast-1) specified for this request. VPC peering connection "+*id+" must be accepted in region us-east-1")
	must[*awsec2.AcceptVpcPeeringConnectionOutput](t)(there.AcceptVpcPeeringConnection(t.Context(), accept))
	if got := w.peerings(w.Client, "status-code", "active"); len(got) != 1 {
		t.Errorf("active connections here: %v", got)
	}
	must[*awsec2.CreateTagsOutput](t)(w.CreateTags(t.Context(), &awsec2.CreateTagsInput{Resources: []string{*id}, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}))
	if got := w.peerings(there, "tag:k", "v"); len(got) != 0 {
		t.Errorf("the tag of one region is seen in the other: %v", got)
	}
	must[*awsec2.DeleteVpcPeeringConnectionOutput](t)(w.DeleteVpcPeeringConnection(t.Context(), &awsec2.DeleteVpcPeeringConnectionInput{VpcPeeringConnectionId: id}))
	if got := w.peerings(there, "status-code", "deleted"); len(got) != 1 {
		t.Errorf("deleted connections there: %v", got)
	}
	w.pass(time.Hour)
	if got := w.peerings(there); len(got) != 0 {
		t.Errorf("connections there after an hour: %v", got)
	}
}
