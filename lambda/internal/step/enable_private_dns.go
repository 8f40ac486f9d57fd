package step

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// enablePrivateDNS turns on the private DNS names of both endpoints to the
// control plane, which AWS allows once they are available.
func enablePrivateDNS(ctx context.Context, d *Deps, doc *document.Document) (*document.PrivateDNS, error) {
	api := d.AWS.EC2(doc.Spec.Region)
	given := map[string]bool{}
	out := &document.PrivateDNS{Outcome: document.Outcome{Outcome: document.Found}}
	for _, e := range []*document.Endpoint{doc.WorkspaceEndpoint, doc.RelayEndpoint} {
		out.Endpoints = append(out.Endpoints, e.ID)
		given[e.ID] = e.Outcome.Outcome == document.Given
	}
	all, err := describeEndpoints(ctx, api, &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: out.Endpoints})
	if err != nil {
		return nil, fmt.Errorf("looking at VPC endpoints %s: %w", strings.Join(out.Endpoints, ", "), err)
	}
	for _, e := range all {
		if aws.ToBool(e.PrivateDnsEnabled) {
			continue
		}
		id := aws.ToString(e.VpcEndpointId)
		if given[id] {
			return nil, failure.New(plan.Conflict,
				fmt.Sprintf("Turn them on (aws ec2 modify-vpc-endpoint --vpc-endpoint-id %s --private-dns-enabled), then redrive the execution.", id),
				"checking VPC endpoint %s: its private DNS names are off", id)
		}
		if _, err := api.ModifyVpcEndpoint(ctx, &ec2.ModifyVpcEndpointInput{
			VpcEndpointId: e.VpcEndpointId, PrivateDnsEnabled: aws.Bool(true),
		}); err != nil {
			return nil, fmt.Errorf("turning on private DNS names of VPC endpoint %s: %w", id,
				explainPrivateDNS(ctx, api, doc, aws.ToString(e.ServiceName), id, err))
		}
		out.Outcome = document.Outcome{Outcome: document.Updated, Reason: "turned on private DNS names"}
	}
	return out, nil
}
