package ec2_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/emulator/ec2"
)

func (w *world) transit() string {
	w.t.Helper()
	out := must[*awsec2.CreateTransitGatewayOutput](w.t)(w.CreateTransitGateway(w.t.Context(), &awsec2.CreateTransitGatewayInput{Description: aws.String("hub")}))
	return *out.TransitGateway.TransitGatewayId
}

func (w *world) attach(transit, vpc string, subnets ...string) string {
	w.t.Helper()
	out := must[*awsec2.CreateTransitGatewayVpcAttachmentOutput](w.t)(w.CreateTransitGatewayVpcAttachment(w.t.Context(), &awsec2.CreateTransitGatewayVpcAttachmentInput{
		TransitGatewayId: &transit, VpcId: &vpc, SubnetIds: subnets,
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeTransitGatewayAttachment, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("a")}},
		}},
	}))
	return *out.TransitGatewayVpcAttachment.TransitGatewayAttachmentId
}

func TestTransitGateways(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	a, c := w.subnet(vpc, "10.0.1.0/24", "a"), w.subnet(vpc, "10.0.2.0/24", "c")
	transit := w.transit()
	id := w.attach(transit, vpc, a, c)
	gateways := must[*awsec2.DescribeTransitGatewaysOutput](t)(w.DescribeTransitGateways(t.Context(), &awsec2.DescribeTransitGatewaysInput{TransitGatewayIds: []string{transit}})).TransitGateways
	if len(gateways) != 1 || gateways[0].State != types.TransitGatewayStateAvailable || *gateways[0].Options.AmazonSideAsn != 64512 || *gateways[0].Description != "hub" {
		t.Errorf("transit gateways: %+v", gateways)
	}
	find := func(pairs ...string) []types.TransitGatewayVpcAttachment {
		return must[*awsec2.DescribeTransitGatewayVpcAttachmentsOutput](t)(w.DescribeTransitGatewayVpcAttachments(t.Context(),
			&awsec2.DescribeTransitGatewayVpcAttachmentsInput{Filters: filters(pairs...)})).TransitGatewayVpcAttachments
	}
	if got := find("vpc-id", vpc, "state", "available", "transit-gateway-id", transit, "tag:Name", "a"); len(got) != 1 || len(got[0].SubnetIds) != 2 || got[0].Options.Ipv6Support != "disable" {
		t.Errorf("attachments: %+v", got)
	}
	if n := len(w.service.NetworkInterfaces(tokyo)); n != 2 {
		t.Errorf("the attachment has %d interfaces", n)
	}
	checkInvariants(t, w.service)

	_, err := w.DeleteTransitGateway(t.Context(), &awsec2.DeleteTransitGatewayInput{TransitGatewayId: &transit})
	wantMessage(t, err, "IncorrectState", transit+" has non-deleted VPC Attachments: "+id+".")
	_, err = w.DeleteSubnet(t.Context(), &awsec2.DeleteSubnetInput{SubnetId: &a})
	wantCode(t, err, "DependencyViolation")
	_, err = w.DeleteVpc(t.Context(), &awsec2.DeleteVpcInput{VpcId: &vpc})
	wantCode(t, err, "DependencyViolation")
	detach := &awsec2.DeleteTransitGatewayVpcAttachmentInput{TransitGatewayAttachmentId: &id}
	must[*awsec2.DeleteTransitGatewayVpcAttachmentOutput](t)(w.DeleteTransitGatewayVpcAttachment(t.Context(), detach))
	_, err = w.DeleteTransitGatewayVpcAttachment(t.Context(), detach)
	wantMessage(t, err, "InvalidTransitGatewayAttachmentID.NotFound", "Transit Gateway Attachment "+id+" was deleted or does not exist.")
	if got := w.service.TransitGatewayAttachments(tokyo); len(got) != 1 || got[0].State != ec2.StateDeleted {
		t.Errorf("attachments after the deletion: %+v", got)
	}
	must[*awsec2.DeleteSubnetOutput](t)(w.DeleteSubnet(t.Context(), &awsec2.DeleteSubnetInput{SubnetId: &a}))
	must[*awsec2.DeleteTransitGatewayOutput](t)(w.DeleteTransitGateway(t.Context(), &awsec2.DeleteTransitGatewayInput{TransitGatewayId: &transit}))
	if got := w.service.TransitGateways(tokyo); len(got) != 1 || got[0].State != ec2.StateDeleted {
		t.Errorf("transit gateways after the deletion: %+v", got)
	}
	w.pass(time.Hour)
	if n := len(w.service.TransitGateways(tokyo)) + len(w.service.TransitGatewayAttachments(tokyo)); n != 0 {
		t.Errorf("%d objects are described after an hour", n)
	}
}

func TestTransitGatewayRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc, other := w.vpc("10.0.0.0/22"), w.vpc("10.1.0.0/22")
	a, twin, foreign := w.subnet(vpc, "10.0.1.0/24", "a"), w.subnet(vpc, "10.0.2.0/24", "a"), w.subnet(other, "10.1.0.0/24", "c")
	transit, used, gone := w.transit(), w.transit(), w.transit()
	w.attach(used, vpc, a)
	must[*awsec2.DeleteTransitGatewayOutput](t)(w.DeleteTransitGateway(t.Context(), &awsec2.DeleteTransitGatewayInput{TransitGatewayId: &gone}))
	for name, test := range map[string]struct {
		transit, vpc string
		subnets      []string
		code         string
	}{
		"no gateway":       {"tgw-1", vpc, []string{a}, "InvalidTransitGatewayID.NotFound"},
		"deleted gateway":  {gone, vpc, []string{a}, "InvalidTransitGatewayID.NotFound"},
		"no vpc":           {transit, "vpc-1", []string{a}, "InvalidVpcID.NotFound"},
		"no subnet":        {transit, vpc, []string{}, "MissingParameter"},
		"unknown subnet":   {transit, vpc, []string{"subnet-1"}, "InvalidSubnetID.NotFound"},
		"subnet elsewhere": {transit, vpc, []string{foreign}, "InvalidParameter"},
		"one zone twice":   {transit, vpc, []string{a, twin}, "DuplicateSubnetsInSameZone"},
		"attached already": {used, vpc, []string{a}, "DuplicateTransitGatewayAttachment"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.CreateTransitGatewayVpcAttachment(t.Context(), &awsec2.CreateTransitGatewayVpcAttachmentInput{
				TransitGatewayId: &test.transit, VpcId: &test.vpc, SubnetIds: test.subnets,
			})
			wantCode(t, err, test.code)
		})
	}
	_, err := w.CreateTransitGateway(t.Context(), &awsec2.CreateTransitGatewayInput{Options: &types.TransitGatewayRequestOptions{DnsSupport: "x"}})
	wantCode(t, err, "InvalidParameterValue")
}
