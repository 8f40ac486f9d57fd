package step

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
)

// ensureWorkspaceEndpoint finds or creates the VPC endpoint to the web application and REST API of the workspace.
// It may stay pendingAcceptance until it is registered with Databricks.
func ensureWorkspaceEndpoint(ctx context.Context, d *Deps, doc *document.Document) (*document.Endpoint, error) {
	services, _, err := databricksServices(doc)
	if err != nil {
		return nil, err
	}
	want := doc.Spec.PrivateLink.WorkspaceEndpoint
	return ensureEndpoint(ctx, d, doc, endpointWish{
		object: "workspace-endpoint", path: "spec.privateLink.workspaceEndpoint", vpc: doc.VPC.ID,
		id: want.ID, name: want.Name,
		services: services, servicePath: "spec.privateLink.workspaceEndpoint.service",
		kind:    types.VpcEndpointTypeInterface,
		subnets: []string{doc.Subnets.Endpoint.ID},
		groups:  []string{doc.SecurityGroups.Endpoint.ID},
	})
}
