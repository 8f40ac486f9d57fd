package ec2_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func (w *world) vpn() string {
	w.t.Helper()
	out := must[*awsec2.CreateVpnGatewayOutput](w.t)(w.CreateVpnGateway(w.t.Context(), &awsec2.CreateVpnGatewayInput{Type: types.GatewayTypeIpsec1}))
	return *out.VpnGateway.VpnGatewayId
}

func TestVpnGateways(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc, other := w.vpc("10.0.0.0/22"), w.vpc("10.1.0.0/22")
	id, second := w.vpn(), w.vpn()
	attach := func(id, vpc string) error {
		_, err := w.AttachVpnGateway(t.Context(), &awsec2.AttachVpnGatewayInput{VpnGatewayId: &id, VpcId: &vpc})
		return err
	}
	remove := func(id string) error {
		_, err := w.DeleteVpnGateway(t.Context(), &awsec2.DeleteVpnGatewayInput{VpnGatewayId: &id})
		return err
	}
	detach := func(id, vpc string) error {
		_, err := w.DetachVpnGateway(t.Context(), &awsec2.DetachVpnGatewayInput{VpnGatewayId: &id, VpcId: &vpc})
		return err
	}
	find := func(pairs ...string) []types.VpnGateway {
		return must[*awsec2.DescribeVpnGatewaysOutput](t)(w.DescribeVpnGateways(t.Context(), &awsec2.DescribeVpnGatewaysInput{Filters: filters(pairs...)})).VpnGateways
	}
	wantCode(t, attach(id, vpc), "")
	if got := find("attachment.vpc-id", vpc, "attachment.state", "attached", "state", "available"); len(got) != 1 || *got[0].VpcAttachments[0].VpcId != vpc || *got[0].AmazonSideAsn != 64512 {
		t.Errorf("the attached gateway: %+v", got)
	}
	wantCode(t, attach(id, other), "VpnGatewayAttachmentLimitExceeded")
	wantCode(t, attach(second, vpc), "InvalidParameterValue")
	wantCode(t, attach("vgw-1", vpc), "InvalidVpnGatewayID.NotFound")
	wantCode(t, attach(second, "vpc-1"), "InvalidVpcID.NotFound")
	wantCode(t, remove(id), "IncorrectState")
	wantCode(t, detach(id, other), "InvalidVpnGatewayAttachment.NotFound")
	_, err := w.DeleteVpc(t.Context(), &awsec2.DeleteVpcInput{VpcId: &vpc})
	wantCode(t, err, "DependencyViolation")
	wantCode(t, detach(id, vpc), "")
	wantCode(t, remove(id), "")
	wantCode(t, remove(id), "InvalidVpnGatewayID.NotFound")
	wantCode(t, attach(id, vpc), "InvalidVpnGatewayID.NotFound")
	if got := find("state", "deleted"); len(got) != 1 || *got[0].VpnGatewayId != id {
		t.Errorf("deleted gateways: %+v", got)
	}
	_, err = w.DeleteVpc(t.Context(), &awsec2.DeleteVpcInput{VpcId: &vpc})
	wantCode(t, err, "")
	w.pass(time.Hour)
	if got := w.service.VPNGateways(tokyo); len(got) != 1 {
		t.Errorf("gateways after an hour: %+v", got)
	}
	_, err = w.CreateVpnGateway(t.Context(), &awsec2.CreateVpnGatewayInput{Type: "x"})
	wantCode(t, err, "InvalidParameterValue")
	_, err = w.CreateVpnGateway(t.Context(), &awsec2.CreateVpnGatewayInput{Type: types.GatewayTypeIpsec1, AvailabilityZone: aws.String("x")})
	wantCode(t, err, "InvalidParameterValue")
}
