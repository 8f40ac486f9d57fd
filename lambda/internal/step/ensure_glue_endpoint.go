package step

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
)

// ensureGlueEndpoint finds or creates the interface endpoint to Glue, if Glue
// is the metastore.
func ensureGlueEndpoint(ctx context.Context, d *Deps, doc *document.Document) (*document.Endpoint, error) {
	if doc.Spec.Metastore.Glue == nil {
		return &document.Endpoint{Object: document.Object{Outcome: skipped("Glue is not the metastore")}}, nil
	}
	return ensureEndpoint(ctx, d, doc, glueWish(doc))
}

func glueWish(doc *document.Document) endpointWish {
	glue := doc.Spec.Metastore.Glue
	return endpointWish{
		object: "glue-endpoint", path: "spec.metastore.glue.endpoint", vpc: doc.VPC.ID,
		id: glue.Endpoint.ID, name: glue.Endpoint.Name,
		services: []string{awsService(doc.Spec.Region, "glue")}, servicePath: "spec.metastore.glue.endpoint.id",
		kind:       types.VpcEndpointTypeInterface,
		subnets:    doc.Subnets.WorkspaceIDs(),
		groups:     []string{doc.SecurityGroups.Workspace.ID},
		privateDNS: true,
		policy:     restricted(doc, glueEndpointPolicy),
	}
}
