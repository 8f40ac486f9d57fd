package step

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
)

// ensureS3Endpoint finds or creates the gateway endpoint to S3 on the route
// tables of the workspace subnets.
func ensureS3Endpoint(ctx context.Context, d *Deps, doc *document.Document) (*document.Endpoint, error) {
	return ensureEndpoint(ctx, d, doc, s3Wish(doc))
}

func s3Wish(doc *document.Document) endpointWish {
	want := doc.Spec.Network.Endpoints.S3
	return endpointWish{
		object: "s3-endpoint", path: "spec.network.endpoints.s3", vpc: doc.VPC.ID,
		id: want.ID, name: want.Name,
		services: []string{awsService(doc.Spec.Region, "s3")}, servicePath: "spec.network.endpoints.s3.id",
		kind:        types.VpcEndpointTypeGateway,
		routeTables: doc.RouteTables.Workspace,
		policy:      restricted(doc, s3EndpointPolicy),
	}
}
