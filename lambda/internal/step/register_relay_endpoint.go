package step

import (
	"context"

	"lakegate/lambda/internal/document"
)

// registerRelayEndpoint registers the relay endpoint with the Databricks
// account.
func registerRelayEndpoint(ctx context.Context, d *Deps, doc *document.Document) (*document.Registration, error) {
	return registerEndpoint(ctx, d, doc, doc.RelayEndpoint, relayObject, doc.Spec.PrivateLink.RelayEndpoint.RegistrationName)
}
