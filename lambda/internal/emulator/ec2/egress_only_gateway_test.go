package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func (w *world) egressOnly(vpc string) string {
	w.t.Helper()
	out := must[*awsec2.CreateEgressOnlyInternetGatewayOutput](w.t)(w.CreateEgressOnlyInternetGateway(w.t.Context(), &awsec2.CreateEgressOnlyInternetGatewayInput{
		VpcId: &vpc, TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeEgressOnlyInternetGateway, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("out")}},
		}},
	}))
	return *out.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId
}

func TestEgressOnlyGateways(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	id := w.egressOnly(vpc)
	find := func(pairs ...string) ([]types.EgressOnlyInternetGateway, error) {
		out, err := w.DescribeEgressOnlyInternetGateways(t.Context(), &awsec2.DescribeEgressOnlyInternetGatewaysInput{Filters: filters(pairs...)})
		if err != nil {
			return nil, err
		}
		return out.EgressOnlyInternetGateways, nil
	}
	got, err := find("tag:Name", "out")
	if err != nil || len(got) != 1 || *got[0].Attachments[0].VpcId != vpc || got[0].Attachments[0].State != types.AttachmentStatusAttached {
		t.Errorf("the gateway is %+v (%v)", got, err)
	}
	_, err = find("vpc-id", vpc)
	wantMessage(t, err, "InvalidParameterValue", "The filter 'vpc-id' is invalid")
	_, err = w.DeleteVpc(t.Context(), &awsec2.DeleteVpcInput{VpcId: &vpc})
	wantCode(t, err, "DependencyViolation")
	in := &awsec2.CreateEgressOnlyInternetGatewayInput{VpcId: &vpc, ClientToken: aws.String("once")}
	first := must[*awsec2.CreateEgressOnlyInternetGatewayOutput](t)(w.CreateEgressOnlyInternetGateway(t.Context(), in))
	again := must[*awsec2.CreateEgressOnlyInternetGatewayOutput](t)(w.CreateEgressOnlyInternetGateway(t.Context(), in))
	second := *first.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId
	if *again.EgressOnlyInternetGateway.EgressOnlyInternetGatewayId != second {
		t.Error("the repeated request created another gateway")
	}
	_, err = w.CreateEgressOnlyInternetGateway(t.Context(), &awsec2.CreateEgressOnlyInternetGatewayInput{VpcId: aws.String("vpc-1")})
	wantCode(t, err, "InvalidVpcID.NotFound")
	for _, id := range []string{id, second} {
		remove := &awsec2.DeleteEgressOnlyInternetGatewayInput{EgressOnlyInternetGatewayId: &id}
		if out := must[*awsec2.DeleteEgressOnlyInternetGatewayOutput](t)(w.DeleteEgressOnlyInternetGateway(t.Context(), remove)); !*out.ReturnCode {
			t.Errorf("deleting %s returns false", id)
		}
		_, err = w.DeleteEgressOnlyInternetGateway(t.Context(), remove)
		wantCode(t, err, "InvalidGatewayID.NotFound")
	}
	if left := w.service.EgressOnlyGateways(tokyo); len(left) != 0 {
		t.Errorf("gateways that are left: %+v", left)
	}
}
