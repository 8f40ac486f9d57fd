package step

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
)

// awaitEndpointsGone waits until the endpoints are gone: as long as they are not,
// their network interfaces are in the subnets and security groups.
func awaitEndpointsGone(ctx context.Context, d *Deps, doc *document.Document) (*document.RemovalWait, error) {
	found, err := describeEndpoints(ctx, d.AWS.EC2(doc.Spec.Region), &ec2.DescribeVpcEndpointsInput{Filters: awsapi.AllOwnedBy(doc.Workspace)})
	if err != nil {
		return nil, fmt.Errorf("looking for VPC endpoints: %w", err)
	}
	var there []string
	for _, e := range found {
		if stateOf(e) == "deleting" {
			there = append(there, aws.ToString(e.VpcEndpointId)+" is deleting")
		}
	}
	seen := list(there)
	out := d.removing(doc.EndpointsGone, len(there) == 0, paceVanishing, nil, nil, seen)
	return out, late("AwaitEndpointsGone", out.Wait, "the VPC endpoints to be gone", seen)
}
