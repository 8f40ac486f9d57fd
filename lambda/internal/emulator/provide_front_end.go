package emulator

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	zonetypes "github.com/aws/aws-sdk-go-v2/service/route53/types"

	"lakegate/lambda/plan"
	"lakegate/spec"
)

// usersRules let the users' VPC in; what leaves is not limited.
var usersRules = []spec.Rule{{Direction: "ingress", Protocol: "tcp", Ports: "443", Peer: "vpc"}}

// frontEnd makes the VPC of the users, and in it the endpoints by which functions
// reach AWS: those that verify a workspace without public access run there.
func (p *provider) frontEnd(ctx context.Context) error {
	f := p.want.PrivateLink.FrontEnd
	if f == nil {
		return nil
	}
	services := []string{p.workspaceService()}
	callers := plan.ServicesOfCallers()
	if p.want.AWS.RoleARN != "" {
		callers = append(callers, "sts")
	}
	for _, s := range callers {
		// S3 has a gateway.
		if s != "s3" {
			services = append(services, p.awsService(s))
		}
	}
	v, err := p.newSite(ctx, f.VPC, netip.MustParsePrefix("10.20.0.0/20"), services)
	if err != nil {
		return err
	}
	// The spec names neither where it gives the endpoint.
	wantSubnets, wantGroups := f.Subnets, f.SecurityGroups
	if f.ID != "" {
		wantSubnets, wantGroups = []string{"", ""}, []string{""}
	}
	var subnets, groups []string
	for _, id := range wantSubnets {
		made, err := v.subnet(ctx, id)
		if err != nil {
			return err
		}
		subnets = append(subnets, made)
	}
	for i, id := range wantGroups {
		made, err := v.group(ctx, id, fmt.Sprintf("users-%d", i+1), usersRules)
		if err != nil {
			return err
		}
		groups = append(groups, made)
	}
	for _, s := range services[1:] {
		if _, err := v.endpoint(ctx, "", s, subnets, groups, true); err != nil {
			return err
		}
	}
	if err := v.s3Gateway(ctx, ""); err != nil {
		return err
	}
	var door *types.VpcEndpoint
	if f.ID != "" {
		// A hosted zone leads to it, and not its private names.
		if door, err = v.endpoint(ctx, f.ID, p.workspaceService(), subnets, groups, false); err != nil {
			return err
		}
	}
	if f.HostedZone == "" {
		return nil
	}
	return v.hostedZone(ctx, f.HostedZone, door)
}

// hostedZone makes the private zone that leads the name of the region to the
// front-end endpoint. It stays empty where that is yet to be created.
func (v *site) hostedZone(ctx context.Context, id string, door *types.VpcEndpoint) error {
	name := v.region().DatabricksName + ".privatelink.cloud.databricks.com"
	v.at.Zones.Reserve(id)
	if _, err := v.zones.CreateHostedZone(ctx, &route53.CreateHostedZoneInput{
		Name: aws.String(name), CallerReference: aws.String(networkTeam + " " + id),
		VPC: &zonetypes.VPC{VPCId: aws.String(v.vpc), VPCRegion: zonetypes.VPCRegion(v.want.Region)},
	}); err != nil {
		return fmt.Errorf("creating hosted zone %s: %w", id, err)
	}
	if door == nil {
		return nil
	}
	if _, err := v.zones.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: aws.String(id),
		ChangeBatch: &zonetypes.ChangeBatch{Changes: []zonetypes.Change{{
			Action: zonetypes.ChangeActionCreate,
			ResourceRecordSet: &zonetypes.ResourceRecordSet{
				Name: aws.String(name), Type: zonetypes.RRTypeA,
				AliasTarget: &zonetypes.AliasTarget{DNSName: door.DnsEntries[0].DnsName, HostedZoneId: door.DnsEntries[0].HostedZoneId},
			},
		}}},
	}); err != nil {
		return fmt.Errorf("writing the record %s of hosted zone %s: %w", name, id, err)
	}
	return nil
}
