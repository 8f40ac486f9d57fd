package step

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
)

// ensureStsEndpoint finds or creates the interface endpoint to
// STS, from which compute gets its credentials.
func ensureStsEndpoint(ctx context.Context, d *Deps, doc *document.Document) (*document.Endpoint, error) {
	return ensureEndpoint(ctx, d, doc, stsWish(doc))
}

func stsWish(doc *document.Document) endpointWish {
	want := doc.Spec.Network.Endpoints.STS
	return endpointWish{
		object: "sts-endpoint", path: "spec.network.endpoints.sts", vpc: doc.VPC.ID,
		id: want.ID, name: want.Name,
		services: []string{awsService(doc.Spec.Region, "sts")}, servicePath: "spec.network.endpoints.sts.id",
		kind:    types.VpcEndpointTypeInterface,
		subnets: doc.Subnets.WorkspaceIDs(),
		// The workspace group lets its members talk to each other.
		groups:     []string{doc.SecurityGroups.Workspace.ID},
		privateDNS: true,
		policy:     restricted(doc, stsEndpointPolicy),
	}
}
