package ec2

import (
	"maps"
	"slices"
)

// FilterNames are the filters that each Describe action knows.
var FilterNames = map[string][]string{
	"DescribeAvailabilityZones":            names(zoneFields),
	"DescribeVpcs":                         names(vpcs.fields),
	"DescribeSubnets":                      names(subnets.fields),
	"DescribeRouteTables":                  names(routeTables.fields),
	"DescribeNetworkAcls":                  names(networkACLs.fields),
	"DescribeSecurityGroups":               names(securityGroups.fields),
	"DescribeSecurityGroupRules":           names(securityGroupRules.fields),
	"DescribeVpcEndpointServices":          names(serviceFields),
	"DescribeVpcEndpoints":                 names(vpcEndpoints.fields),
	"DescribeNetworkInterfaces":            names(networkInterfaces.fields),
	"DescribePrefixLists":                  names(prefixLists.fields),
	"DescribeManagedPrefixLists":           names(managedPrefixLists.fields),
	"DescribeInternetGateways":             names(internetGateways.fields),
	"DescribeNatGateways":                  names(natGateways.fields),
	"DescribeAddresses":                    names(addresses.fields),
	"DescribeVpcPeeringConnections":        names(peerings.fields),
	"DescribeTransitGateways":              names(transitGateways.fields),
	"DescribeTransitGatewayVpcAttachments": names(transitAttachments.fields),
	"DescribeEgressOnlyInternetGateways":   names(egressOnlyGateways.fields),
	"DescribeVpnGateways":                  names(vpnGateways.fields),
	"DescribeInstances":                    names(instances.fields),
	"DescribeTags":                         names(tagFields),
}

func names[T any](f fields[T]) []string { return slices.Sorted(maps.Keys(f)) }
