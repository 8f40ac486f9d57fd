package step

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
)

// ensureRelayEndpoint finds or creates the VPC endpoint to the secure cluster connectivity relay.
// It may stay pendingAcceptance until it is registered with Databricks.
func ensureRelayEndpoint(ctx context.Context, d *Deps, doc *document.Document) (*document.Endpoint, error) {
	want, err := relayWish(doc)
	if err != nil {
		return nil, err
	}
	return ensureEndpoint(ctx, d, doc, want)
}

// relayObject is the object tag of the endpoint to the relay.
const relayObject = "relay-endpoint"

func relayWish(doc *document.Document) (endpointWish, error) {
	_, services, err := databricksServices(doc)
	if err != nil {
		return endpointWish{}, err
	}
	want := doc.Spec.PrivateLink.RelayEndpoint
	return endpointWish{
		object: relayObject, path: "spec.privateLink.relayEndpoint", vpc: doc.VPC.ID,
		id: want.ID, name: want.Name,
		services: services, servicePath: "spec.privateLink.relayEndpoint.service",
		kind:    types.VpcEndpointTypeInterface,
		subnets: []string{doc.Subnets.Endpoint.ID},
		groups:  []string{doc.SecurityGroups.Endpoint.ID},
	}, nil
}
