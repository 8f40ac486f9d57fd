package step

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
)

// awaitEndpoints waits until the endpoints to the control plane are available,
// that of the users too: a network configuration is made of available ones only.
func awaitEndpoints(ctx context.Context, d *Deps, doc *document.Document) (*document.Endpoints, error) {
	ids := []string{doc.WorkspaceEndpoint.ID, doc.RelayEndpoint.ID}
	if doc.Spec.PrivateLink.FrontEnd != nil {
		ids = append(ids, doc.FrontEndEndpoint.ID)
	}
	return awaitAvailable(ctx, d, doc, "AwaitEndpoints", doc.Endpoints, paceEndpoints, ids, func(e types.VpcEndpoint) (bool, error) { return available(e), nil })
}

func available(e types.VpcEndpoint) bool { return stateOf(e) == "available" }

// awaitAvailable looks at endpoints once and says when to look again.
func awaitAvailable(ctx context.Context, d *Deps, doc *document.Document, step string, previous *document.Endpoints, p pace, ids []string, good func(types.VpcEndpoint) (bool, error)) (*document.Endpoints, error) {
	all, err := describeEndpoints(ctx, d.AWS.EC2(doc.Spec.Region), &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: ids})
	if err != nil {
		return nil, fmt.Errorf("looking at VPC endpoints %s: %w", strings.Join(ids, ", "), err)
	}
	out := &document.Endpoints{States: map[string]string{}}
	ready := len(all) == len(ids)
	for _, e := range all {
		if err := badEndpoint(e); err != nil {
			return nil, err
		}
		out.States[aws.ToString(e.VpcEndpointId)] = string(e.State)
		fine, err := good(e)
		if err != nil {
			return nil, err
		}
		ready = ready && fine
	}
	var before *document.Wait
	if previous != nil {
		before = &previous.Wait
	}
	out.Wait = d.wait(before, ready, p)
	out.Outcome = outcomeOf(out.Wait, seen(out.States))
	return out, late(step, out.Wait, "VPC endpoints "+strings.Join(ids, ", "), seen(out.States))
}

// seen lists the states, in the order of the ids.
func seen(states map[string]string) string {
	var parts []string
	for _, id := range slices.Sorted(maps.Keys(states)) {
		parts = append(parts, id+" "+states[id])
	}
	return strings.Join(parts, ", ")
}
