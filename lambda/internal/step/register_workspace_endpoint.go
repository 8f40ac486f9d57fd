package step

import (
	"context"

	"lakegate/lambda/internal/document"
)

// registerWorkspaceEndpoint registers the workspace endpoint with the Databricks
// account.
func registerWorkspaceEndpoint(ctx context.Context, d *Deps, doc *document.Document) (*document.Registration, error) {
	return registerEndpoint(ctx, d, doc, doc.WorkspaceEndpoint, workspaceObject, doc.Spec.PrivateLink.WorkspaceEndpoint.RegistrationName)
}
