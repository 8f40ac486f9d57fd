package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// databricksServices returns the names under which the two services of the
// control plane may be offered: the spec's, or else the table's, which has
// several where public sources disagree.
func databricksServices(doc *document.Document) (workspace, relay []string, err error) {
	region, ok := spec.LookupRegion(doc.Spec.Region)
	if !ok {
		return nil, nil, fmt.Errorf("looking for region %s: it is not in the table", doc.Spec.Region)
	}
	workspace, relay = region.WorkspaceServices, []string{region.RelayService}
	if name := doc.Spec.PrivateLink.WorkspaceEndpoint.Service; name != "" {
		workspace = []string{name}
	}
	if name := doc.Spec.PrivateLink.RelayEndpoint.Service; name != "" {
		relay = []string{name}
	}
	return workspace, relay, nil
}

// awsService is the name of the endpoint service of an AWS service.
func awsService(region, service string) string { return "com.amazonaws." + region + "." + service }

// offeredService returns the first of several names that AWS offers to this
// account, and the zones in which it does.
func offeredService(ctx context.Context, api awsapi.EC2, names []string, region, path string) (string, []string, error) {
	for _, name := range names {
		out, err := api.DescribeVpcEndpointServices(ctx, &ec2.DescribeVpcEndpointServicesInput{ServiceNames: []string{name}})
		if code := failure.Code(err); code == "InvalidServiceName" || code == "InvalidServiceNameException" {
			continue
		}
		if err != nil {
			return "", nil, fmt.Errorf("looking for endpoint service %s: %w", name, err)
		}
		for _, detail := range out.ServiceDetails {
			if aws.ToString(detail.ServiceName) == name {
				return name, detail.AvailabilityZones, nil
			}
		}
	}
	return "", nil, failure.New(plan.ActionRequired,
		fmt.Sprintf("Compare the name with the Databricks documentation (PrivateLink VPC endpoint services) and, if it has changed, set %s; otherwise ask Databricks to offer the service to this account. Then redrive the execution.", path),
		"looking for endpoint service %s: it is not offered in %s to this account", strings.Join(names, " or "), region)
}

// offeredZones returns the zones, in order, in which every service is offered
// that has an endpoint in these subnets.
func offeredZones(ctx context.Context, api awsapi.EC2, doc *document.Document) ([]string, error) {
	workspace, relay, err := databricksServices(doc)
	if err != nil {
		return nil, err
	}
	var zones []string
	for i, service := range []struct {
		names []string
		path  string
	}{
		{workspace, "spec.privateLink.workspaceEndpoint.service"},
		{relay, "spec.privateLink.relayEndpoint.service"},
		{[]string{awsService(doc.Spec.Region, "sts")}, "spec.region"},
		{[]string{awsService(doc.Spec.Region, "kinesis-streams")}, "spec.region"},
	} {
		_, offered, err := offeredService(ctx, api, service.names, doc.Spec.Region, service.path)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			zones = slices.Clone(offered)
			continue
		}
		zones = slices.DeleteFunc(zones, func(z string) bool { return !slices.Contains(offered, z) })
	}
	slices.Sort(zones)
	// A zone may be offered by a service but not open to this account.
	out, err := api.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{
		Filters: []types.Filter{{Name: aws.String("state"), Values: []string{"available"}}},
	})
	if err != nil {
		return nil, fmt.Errorf("listing the zones of %s: %w", doc.Spec.Region, err)
	}
	open := map[string]bool{}
	for _, zone := range out.AvailabilityZones {
		open[aws.ToString(zone.ZoneName)] = true
	}
	return slices.DeleteFunc(zones, func(z string) bool { return !open[z] }), nil
}
