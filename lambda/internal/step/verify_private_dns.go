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
	"lakegate/lambda/internal/probe"
)

// host is a host that compute calls, and the endpoint that has to answer.
type host struct {
	name string
	host string
	*document.Endpoint
}

// hostsOf lists the hosts that compute calls through interface endpoints.
func hostsOf(doc *document.Document) []host {
	region := doc.Spec.Region
	hosts := []host{
		{"workspace", hostOf(doc), doc.WorkspaceEndpoint},
		{"relay", "tunnel.privatelink." + region + ".cloud.databricks.com", doc.RelayEndpoint},
		{"sts", "sts." + region + ".amazonaws.com", doc.STSEndpoint},
		{"kinesis", "kinesis." + region + ".amazonaws.com", doc.KinesisEndpoint},
	}
	if doc.Spec.Metastore.Glue != nil {
		hosts = append(hosts, host{"glue", "glue." + region + ".amazonaws.com", doc.GlueEndpoint})
	}
	return hosts
}

// verifyPrivateDNS checks that inside the VPC the hosts of the control plane and
// of AWS are the addresses of their endpoints, and that workspace and relay are
// not the same.
func verifyPrivateDNS(ctx context.Context, d *Deps, doc *document.Document) (*document.Probe, error) {
	if done, err := d.unneeded(doc, doc.PrivateDNSCheck); done != nil || err != nil {
		return done, err
	}
	hosts := hostsOf(doc)
	var attempts []probe.Attempt
	for _, h := range hosts {
		attempts = append(attempts, probe.Attempt{ID: h.name, Kind: probe.Resolve, Host: h.host})
	}
	out, results, err := d.onCluster(ctx, doc, "VerifyPrivateDns", doc.PrivateDNSCheck, attempts)
	if err != nil || results == nil {
		return out, err
	}
	addresses, err := addressesOf(ctx, d.AWS.EC2(doc.Spec.Region), hosts)
	if err != nil {
		return nil, err
	}
	p := d.newProof()
	for _, h := range hosts {
		found, wanted := results[h.name].Addresses, addresses[h.ID]
		seen := strings.Join(found, ", ")
		if len(found) == 0 {
			seen = results[h.name].Outcome
		}
		p.check(len(found) > 0 && len(without(found, wanted)) == 0, document.Check{
			ID: "dns." + h.name, What: fmt.Sprintf("%s leads to the endpoint (%s)", h.host, strings.Join(wanted, ", ")), Object: h.ID,
			How: "the cluster resolved the name", Seen: seen,
			Remedy: fmt.Sprintf("Turn on the private DNS names of %s, and look for a private hosted zone that hides the name.", h.ID),
		})
	}
	workspace, relay := results["workspace"].Addresses, results["relay"].Addresses
	shared := common(workspace, relay)
	seen := "they have nothing in common"
	if len(shared) > 0 {
		seen = "both are " + strings.Join(shared, ", ")
	}
	p.check(len(shared) == 0, document.Check{
		ID: "dns.distinct", What: "Workspace and relay are different addresses", Object: doc.VPC.ID, How: "the cluster resolved both names", Seen: seen,
		Remedy: "Look for a private hosted zone that leads both names to one endpoint.",
	})
	out.Checks, err = d.conclude(ctx, doc, "VerifyPrivateDns", p)
	return out, err
}

// unneeded is the result of a probe that need not be made, or not again.
func (d *Deps) unneeded(doc *document.Document, previous *document.Probe) (*document.Probe, error) {
	if previous != nil && previous.Ready {
		return previous, nil
	}
	why, err := holds(doc)
	if err != nil || why == "" {
		return nil, err
	}
	out := &document.Probe{Wait: d.wait(nil, true, paceProbe)}
	out.Outcome = skipped(why)
	return out, nil
}

// addressesOf returns the addresses of endpoints, by endpoint id.
func addressesOf(ctx context.Context, api awsapi.EC2, hosts []host) (map[string][]string, error) {
	var ids []string
	for _, h := range hosts {
		ids = append(ids, h.ID)
	}
	endpoints, err := describeEndpoints(ctx, api, &ec2.DescribeVpcEndpointsInput{Filters: []types.Filter{
		{Name: aws.String("vpc-endpoint-id"), Values: ids},
	}})
	if err != nil {
		return nil, fmt.Errorf("looking at VPC endpoints %s: %w", strings.Join(ids, ", "), err)
	}
	return interfaceAddresses(ctx, api, endpoints)
}

// interfaceAddresses returns the addresses of the interfaces of endpoints, by
// endpoint id.
func interfaceAddresses(ctx context.Context, api awsapi.EC2, endpoints []types.VpcEndpoint) (map[string][]string, error) {
	owner := map[string]string{}
	for _, e := range endpoints {
		for _, i := range e.NetworkInterfaceIds {
			owner[i] = aws.ToString(e.VpcEndpointId)
		}
	}
	var interfaces []string
	for i := range owner {
		interfaces = append(interfaces, i)
	}
	slices.Sort(interfaces)
	if len(interfaces) == 0 {
		return map[string][]string{}, nil
	}
	found, err := pages(func(token *string) ([]types.NetworkInterface, *string, error) {
		out, err := api.DescribeNetworkInterfaces(ctx, &ec2.DescribeNetworkInterfacesInput{
			Filters:   []types.Filter{{Name: aws.String("network-interface-id"), Values: interfaces}},
			NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		return out.NetworkInterfaces, out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking at network interfaces %s: %w", strings.Join(interfaces, ", "), err)
	}
	addresses := map[string][]string{}
	for _, i := range found {
		id := owner[aws.ToString(i.NetworkInterfaceId)]
		addresses[id] = append(addresses[id], aws.ToString(i.PrivateIpAddress))
	}
	return addresses, nil
}
