package step

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
)

// ensureWorkspaceEndpoint finds or creates the VPC endpoint to the web application and REST API of the workspace.
// It may stay pendingAcceptance until it is registered with Databricks.
func ensureWorkspaceEndpoint(ctx context.Context, d *Deps, doc *document.Document) (*document.Endpoint, error) {
	want, err := workspaceWish(doc)
	if err != nil {
		return nil, err
	}
	return ensureEndpoint(ctx, d, doc, want)
}

// workspaceObject is the object tag of the endpoint to the workspace.
const workspaceObject = "workspace-endpoint"

func workspaceWish(doc *document.Document) (endpointWish, error) {
	services, _, err := databricksServices(doc)
	if err != nil {
		return endpointWish{}, err
	}
	want := doc.Spec.PrivateLink.WorkspaceEndpoint
	return endpointWish{
		object: workspaceObject, path: "spec.privateLink.workspaceEndpoint", vpc: doc.VPC.ID,
		id: want.ID, name: want.Name,
		services: services, servicePath: "spec.privateLink.workspaceEndpoint.service",
		kind:    types.VpcEndpointTypeInterface,
		subnets: []string{doc.Subnets.Endpoint.ID},
		groups:  []string{doc.SecurityGroups.Endpoint.ID},
	}, nil
}
