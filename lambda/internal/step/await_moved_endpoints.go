package step

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
)

// awaitMovedEndpoints takes the endpoints of the VPC out of former subnets and
// groups, once the workspace has left these, and waits until they are available
// again: what is verified then is what stays.
func awaitMovedEndpoints(ctx context.Context, d *Deps, doc *document.Document) (*document.Endpoints, error) {
	if len(formerPlaces(doc)) == 0 {
		return &document.Endpoints{Outcome: skipped("no endpoint is in a former subnet"), Wait: d.wait(nil, true, pace{})}, nil
	}
	wishes, err := wishesOf(doc)
	if err != nil {
		return nil, err
	}
	ids := slices.Sorted(maps.Keys(wishes))
	if len(ids) == 0 {
		return &document.Endpoints{Outcome: skipped("all endpoints are given"), Wait: d.wait(nil, true, pace{})}, nil
	}
	return awaitAvailable(ctx, d, doc, "AwaitMovedEndpoints", doc.MovedEndpoints, paceMoving, ids, func(e types.VpcEndpoint) (bool, error) {
		if !available(e) {
			return false, nil
		}
		did, err := convergeEndpoint(ctx, d.AWS.EC2(doc.Spec.Region), e, wishes[aws.ToString(e.VpcEndpointId)])
		return did.did == "", err
	})
}
