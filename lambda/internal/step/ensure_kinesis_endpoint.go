package step

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
)

// ensureKinesisEndpoint finds or creates the interface endpoint to
// Kinesis, to which compute sends its logs.
func ensureKinesisEndpoint(ctx context.Context, d *Deps, doc *document.Document) (*document.Endpoint, error) {
	return ensureEndpoint(ctx, d, doc, kinesisWish(doc))
}

func kinesisWish(doc *document.Document) endpointWish {
	want := doc.Spec.Network.Endpoints.Kinesis
	return endpointWish{
		object: "kinesis-endpoint", path: "spec.network.endpoints.kinesis", vpc: doc.VPC.ID,
		id: want.ID, name: want.Name,
		services: []string{awsService(doc.Spec.Region, "kinesis-streams")}, servicePath: "spec.network.endpoints.kinesis.id",
		kind:    types.VpcEndpointTypeInterface,
		subnets: doc.Subnets.WorkspaceIDs(),
		// The workspace group lets its members talk to each other.
		groups:     []string{doc.SecurityGroups.Workspace.ID},
		privateDNS: true,
		policy:     restricted(doc, kinesisEndpointPolicy),
	}
}
