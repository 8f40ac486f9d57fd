package step

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// frontEndObject is the object tag of the users' endpoint.
const frontEndObject = "front-end-endpoint"

// ensureFrontEndEndpoint finds or creates the VPC endpoint through which users
// reach the workspace. Its private DNS names stay off: they would lead users of
// that VPC to every workspace of the region by this endpoint, so EnsureFrontEndDns
// leads the hosts of this one workspace there.
// https://docs.databricks.com/aws/en/security/network/front-end/front-end-private-connect
func ensureFrontEndEndpoint(ctx context.Context, d *Deps, doc *document.Document) (*document.Endpoint, error) {
	want := doc.Spec.PrivateLink.FrontEnd
	if want == nil {
		return &document.Endpoint{Object: document.Object{Outcome: skipped("the spec wants no front end")}}, nil
	}
	services, _, err := databricksServices(doc)
	if err != nil {
		return nil, err
	}
	out, err := ensureEndpoint(ctx, d, doc, endpointWish{
		object: frontEndObject, path: "spec.privateLink.frontEnd", vpc: want.VPC,
		id: want.ID, name: want.Name,
		services: services, servicePath: "spec.privateLink.workspaceEndpoint.service",
		kind:    types.VpcEndpointTypeInterface,
		subnets: want.Subnets,
		groups:  want.SecurityGroups,
	})
	if failure.IsNotFound(err) {
		// All that is named here is the author's, and exists before.
		return nil, failure.As(plan.Conflict, "Correct spec.privateLink.frontEnd: its VPC, subnets and security groups must exist in this account and region.", err)
	}
	if err != nil {
		return nil, err
	}
	if out.VPC == doc.VPC.ID {
		return nil, failure.New(plan.Conflict,
			"Set spec.privateLink.frontEnd to an endpoint in the VPC that users reach, such as a transit VPC; the workspace's own has its endpoint already.",
			"looking at VPC endpoint %s: it is in %s, the VPC of the workspace's clusters", out.ID, out.VPC)
	}
	return out, d.lockOut(doc, out.VPC)
}
