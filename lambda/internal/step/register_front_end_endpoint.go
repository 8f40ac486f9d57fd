package step

import (
	"context"

	"lakegate/lambda/internal/document"
)

// registerFrontEndEndpoint registers the users' endpoint with the Databricks
// account.
func registerFrontEndEndpoint(ctx context.Context, d *Deps, doc *document.Document) (*document.Registration, error) {
	if doc.Spec.PrivateLink.FrontEnd == nil {
		return &document.Registration{Object: document.Object{Outcome: skipped("the spec wants no front end")}}, nil
	}
	return registerEndpoint(ctx, d, doc, doc.FrontEndEndpoint, frontEndObject, doc.Spec.PrivateLink.FrontEnd.RegistrationName)
}
