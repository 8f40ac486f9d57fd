package step

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"lakegate/lambda/internal/document"
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
			return nil, privateDNSOff(id)
		}
		resolves, err := turnOnPrivateDNS(ctx, api, e)
		if err != nil {
			return nil, err
		}
		out.Outcome = also(out.Outcome, resolves)
	}
	return out, nil
}
