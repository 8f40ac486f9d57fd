package step

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// relayUse is the use case of an endpoint to the relay. That of an endpoint to
// the workspace is WORKSPACE_ACCESS in older accounts and GENERAL_ACCESS in
// newer ones.
const relayUse = string(provisioning.EndpointUseCaseDataplaneRelayAccess)

// registerEndpoint registers a VPC endpoint with the Databricks account, which
// thereby accepts its connection. Object is the value of the object tag.
// https://docs.databricks.com/api/account/vpcendpoints/create
func registerEndpoint(ctx context.Context, d *Deps, doc *document.Document, endpoint *document.Endpoint, object, name string) (*document.Registration, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	var all []provisioning.VpcEndpoint
	found, created, err := ensure(ctx, "registration of "+endpoint.ID,
		func(ctx context.Context) ([]provisioning.VpcEndpoint, error) {
			all, err = account.VPCEndpoints.List(databricksapi.Mentioning(ctx, endpoint.ID, name))
			return matching(all, func(e provisioning.VpcEndpoint) bool { return e.AwsVpcEndpointId == endpoint.ID }), privateLinkOff(doc, err)
		},
		func(e provisioning.VpcEndpoint) string { return e.VpcEndpointId },
		func(ctx context.Context) (provisioning.VpcEndpoint, error) {
			free, err := d.freeRegistrationName(ctx, doc, all, endpoint.ID, object, name)
			if err != nil {
				return provisioning.VpcEndpoint{}, err
			}
			out, err := account.VPCEndpoints.Create(ctx, provisioning.CreateVpcEndpointRequest{
				VpcEndpointName: free, AwsVpcEndpointId: endpoint.ID, Region: doc.Spec.Region,
			})
			if err != nil {
				return provisioning.VpcEndpoint{}, privateLinkOff(doc, err)
			}
			return *out, nil
		})
	if err != nil {
		return nil, err
	}
	out := &document.Registration{
		Object:  document.Object{ID: found.VpcEndpointId, Name: found.VpcEndpointName, Outcome: made(created)},
		UseCase: string(found.UseCase), State: found.State,
	}
	switch strings.ToLower(found.State) {
	case "rejected", "failed", "expired", "deleting", "deleted":
		return nil, failure.New(plan.Conflict,
			"Delete the registration in the account console (Cloud resources, Network, VPC endpoint registrations) and the endpoint in AWS, then push the spec again: both will be made anew.",
			"checking registration %s (%s) of %s: its state is %s", found.VpcEndpointId, found.VpcEndpointName, endpoint.ID, found.State)
	}
	if (out.UseCase == relayUse) != (object == relayObject) {
		return nil, failure.New(plan.Conflict,
			"The endpoints of workspace and relay are swapped: correct the ids or the service names in spec.privateLink.",
			"checking registration %s of %s: its use case is %s", found.VpcEndpointId, endpoint.ID, out.UseCase)
	}
	return out, nil
}

// freeRegistrationName is the spec's name, or one with a digest of the endpoint
// where the name is that of a former endpoint of this workspace.
func (d *Deps) freeRegistrationName(ctx context.Context, doc *document.Document, all []provisioning.VpcEndpoint, endpoint, object, name string) (string, error) {
	i := slices.IndexFunc(all, func(e provisioning.VpcEndpoint) bool { return e.VpcEndpointName == name })
	if i < 0 {
		return name, nil
	}
	former, err := describeEndpoints(ctx, d.AWS.EC2(doc.Spec.Region), &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{all[i].AwsVpcEndpointId}})
	if err != nil && !failure.IsNotFound(err) {
		return "", fmt.Errorf("looking at VPC endpoint %s, which has the name %s: %w", all[i].AwsVpcEndpointId, name, err)
	}
	for _, e := range former {
		if tags := awsapi.OfEC2(e.Tags); tags.IsOwnedBy(doc.Workspace) && tags[plan.TagObject] == object || tags[plan.TagShared+doc.Workspace] == plan.Used {
			return nameFor(name, endpoint), nil
		}
	}
	return "", failure.New(plan.Conflict,
		"Choose another registrationName for the endpoint in spec.privateLink, or delete that registration in the account console if its endpoint is gone; then push or redrive.",
		"registering %s: the name %s belongs to registration %s of %s", endpoint, name, all[i].VpcEndpointId, all[i].AwsVpcEndpointId)
}

// privateLinkOff turns the bare 403 with which the account API refuses
// PrivateLink into what has to be sent to Databricks.
func privateLinkOff(doc *document.Document, err error) error {
	api, ok := errors.AsType[*apierr.APIError](err)
	if !ok || api.StatusCode != http.StatusForbidden {
		return err
	}
	return failure.As(plan.ActionRequired,
		fmt.Sprintf("Ask your Databricks representative to enable PrivateLink, and send these three: AWS region %s, AWS account id %s, Databricks account id %s. The account must be on the Enterprise tier, and the service principal an account admin. When that is done, redrive the execution.",
			doc.Spec.Region, doc.Spec.AWS.AccountID, doc.Spec.Databricks.AccountID),
		fmt.Errorf("PrivateLink is not enabled for Databricks account %s: %w", doc.Spec.Databricks.AccountID, err))
}

func matching[T any](all []T, want func(T) bool) []T {
	var found []T
	for _, one := range all {
		if want(one) {
			found = append(found, one)
		}
	}
	return found
}
