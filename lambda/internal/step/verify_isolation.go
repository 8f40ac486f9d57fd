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
	"lakegate/spec"
)

// outsideSeconds is how long an attempt to reach the outside may take. The
// nearest of them answer within a tenth of it.
const outsideSeconds = 3

// outside are places that a closed network does not reach: a package index, a
// web site, public resolvers by address, over IPv4 and IPv6. Something is said
// to each: a firewall that goes by names lets connections to all be opened, and
// none to others be answered.
// https://docs.aws.amazon.com/network-firewall/latest/developerguide/suricata-rule-evaluation-order.html
var outside = []probe.Attempt{
	{ID: "pypi.org", Kind: probe.TLS, Host: "pypi.org", Port: 443, Seconds: outsideSeconds},
	{ID: "example.com", Kind: probe.TLS, Host: "example.com", Port: 443, Seconds: outsideSeconds},
	{ID: "1.1.1.1", Kind: probe.TLS, Host: "1.1.1.1", Port: 443, Seconds: outsideSeconds},
	{ID: "8.8.8.8-tcp", Kind: probe.DNSOverTCP, Host: "8.8.8.8", Port: 53, Seconds: outsideSeconds},
	{ID: "8.8.8.8-udp", Kind: probe.DNS, Host: "8.8.8.8", Port: 53, Seconds: outsideSeconds},
	{ID: "ipv6", Kind: probe.TLS, Host: "2606:4700:4700::1111", Port: 443, Seconds: outsideSeconds},
}

// verifyIsolation checks that compute reaches what it needs and nothing else:
// by the API, that no route and no gateway leads out; from the cluster, that
// attempts to get out fail while those to needed services succeed, so that a
// dead network is not taken for a closed one.
func verifyIsolation(ctx context.Context, d *Deps, doc *document.Document) (*document.Probe, error) {
	if done, err := d.unneeded(doc, doc.IsolationCheck); done != nil || err != nil {
		return done, err
	}
	out, results, err := d.onCluster(ctx, doc, "VerifyIsolation", doc.IsolationCheck, isolationAttempts(doc))
	if err != nil || results == nil {
		return out, err
	}
	p := d.newProof()
	if err := checkWaysOut(ctx, d, doc, p); err != nil {
		return nil, err
	}
	checkNeeded(doc, p, results)
	checkOutside(doc, p, results)
	checkChannels(doc, p, results)
	out.Checks, err = d.conclude(ctx, doc, "VerifyIsolation", p)
	return out, err
}

// checkWaysOut looks at what leads out of the VPC, by the API alone.
func checkWaysOut(ctx context.Context, d *Deps, doc *document.Document, p *proof) error {
	api := d.AWS.EC2(doc.Spec.Region)
	for _, look := range []func(context.Context, awsapi.EC2, *document.Document, *proof) error{checkRoutes, checkGateways, checkIPv6} {
		if err := look(ctx, api, doc, p); err != nil {
			return err
		}
	}
	return nil
}

func isolationAttempts(doc *document.Document) []probe.Attempt {
	region := doc.Spec.Region
	attempts := []probe.Attempt{
		{ID: "s3", Kind: probe.Connect, Host: "s3." + region + ".amazonaws.com", Port: 443, Seconds: outsideSeconds},
		{ID: "sts", Kind: probe.Connect, Host: "sts." + region + ".amazonaws.com", Port: 443, Seconds: outsideSeconds},
		{ID: "other-region", Kind: probe.TLS, Host: "s3." + otherRegion(region) + ".amazonaws.com", Port: 443, Seconds: outsideSeconds},
		{ID: "public-name", Kind: probe.Resolve, Host: "example.com"},
		{ID: "foreign-bucket", Kind: probe.Get, URL: foreignObject(region), Seconds: outsideSeconds},
	}
	for _, h := range doc.Spec.Egress.Hosts {
		attempts = append(attempts, probe.Attempt{ID: "allowed." + h, Kind: probe.TLS, Host: h, Port: 443, Seconds: outsideSeconds})
	}
	return append(attempts, outside...)
}

// otherRegion is a region whose S3 a gateway endpoint does not lead to.
func otherRegion(region string) string {
	for _, r := range spec.RegionNames() {
		if r != region {
			return r
		}
	}
	return ""
}

// foreignObject is a public object in a bucket of AWS, which every region has:
// the version of the agent of AWS Systems Manager.
// https://docs.aws.amazon.com/systems-manager/latest/userguide/agent-install-al2.html
func foreignObject(region string) string {
	return "https://amazon-ssm-" + region + ".s3." + region + ".amazonaws.com/latest/VERSION"
}

// checkRoutes looks at every route of the workspace subnets: there are those to
// the VPC, to S3, and those that the spec allows.
func checkRoutes(ctx context.Context, api awsapi.EC2, doc *document.Document, p *proof) error {
	tables, err := routeTablesOf(ctx, api, doc)
	if err != nil {
		return err
	}
	what := "No route of the subnet leads out of the VPC"
	if len(doc.Spec.Egress.Routes) > 0 {
		what += " but those of spec.egress.routes"
	}
	for _, s := range doc.Subnets.Workspace {
		var beyond, allowed []string
		for _, r := range tables[s.ID].Routes {
			target := targetOf(r)
			switch route := destinationOf(r) + " by " + target; {
			case target == "local" || target == doc.S3Endpoint.ID:
			case allowedRoute(doc, r, target):
				allowed = append(allowed, route)
			default:
				beyond = append(beyond, route)
			}
		}
		seen := "it has those of the VPC and to S3 only"
		switch {
		case len(beyond) > 0:
			seen = "it reaches " + strings.Join(beyond, ", ")
		case len(allowed) > 0:
			seen = "beside those of the VPC and to S3 it has " + strings.Join(allowed, ", ")
		}
		p.check(len(beyond) == 0, document.Check{
			ID: "isolation.routes." + s.AvailabilityZone, What: what, Object: s.ID,
			How: "ec2 DescribeRouteTables, " + aws.ToString(tables[s.ID].RouteTableId), Seen: seen,
			Remedy: "Remove the route, or allow it in spec.egress.routes.",
		})
	}
	return nil
}

func targetOf(r types.Route) string {
	for _, id := range []*string{
		r.GatewayId, r.NatGatewayId, r.TransitGatewayId, r.VpcPeeringConnectionId, r.EgressOnlyInternetGatewayId,
		r.NetworkInterfaceId, r.InstanceId, r.LocalGatewayId, r.CarrierGatewayId, r.CoreNetworkArn,
	} {
		if aws.ToString(id) != "" {
			return aws.ToString(id)
		}
	}
	return "a target that is not known here"
}

func destinationOf(r types.Route) string {
	for _, d := range []*string{r.DestinationCidrBlock, r.DestinationIpv6CidrBlock, r.DestinationPrefixListId} {
		if aws.ToString(d) != "" {
			return aws.ToString(d)
		}
	}
	return "everything"
}

func allowedRoute(doc *document.Document, r types.Route, target string) bool {
	return slices.Contains(doc.Spec.Egress.Routes, spec.EgressRoute{Destination: destinationOf(r), Target: target})
}

// gateway is something by which a VPC can be left.
type gateway struct{ kind, id string }

// checkGateways looks for everything by which the VPC could be left. In a VPC
// that was created here there is no such thing; in one that is given there may
// be, for other subnets, as long as no route of the workspace leads there.
func checkGateways(ctx context.Context, api awsapi.EC2, doc *document.Document, p *proof) error {
	found, err := gatewaysOf(ctx, api, doc.VPC.ID)
	if err != nil {
		return err
	}
	for _, kind := range []struct{ id, name string }{
		{"internet-gateway", "internet gateway"},
		{"nat-gateway", "NAT gateway"},
		{"peering", "peering connection"},
		{"transit-gateway", "transit gateway attachment"},
		{"egress-only", "egress-only internet gateway"},
		{"vpn-gateway", "virtual private gateway"},
	} {
		var ids []string
		for _, g := range found {
			if g.kind == kind.id {
				ids = append(ids, g.id)
			}
		}
		c := document.Check{
			ID: "isolation." + kind.id, What: "The VPC has no " + kind.name, Object: doc.VPC.ID, How: "ec2 Describe", Seen: list(ids),
			Remedy: "Remove it, or use a VPC of a network team and allow its routes in spec.egress.",
		}
		if len(ids) > 0 && doc.Spec.Network.VPC.ID != "" {
			c.Remedy = "The VPC is not of this workspace alone. What counts is that no route of the workspace subnets leads there."
			p.note(c)
			continue
		}
		p.check(len(ids) == 0, c)
	}
	return nil
}

func gatewaysOf(ctx context.Context, api awsapi.EC2, vpc string) ([]gateway, error) {
	var found []gateway
	of := func(name string) []types.Filter {
		return []types.Filter{{Name: aws.String(name), Values: []string{vpc}}}
	}
	internet, err := api.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{Filters: of("attachment.vpc-id")})
	if err != nil {
		return nil, fmt.Errorf("looking for internet gateways of VPC %s: %w", vpc, err)
	}
	for _, g := range internet.InternetGateways {
		found = append(found, gateway{"internet-gateway", aws.ToString(g.InternetGatewayId)})
	}
	nat, err := api.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{Filter: of("vpc-id")})
	if err != nil {
		return nil, fmt.Errorf("looking for NAT gateways of VPC %s: %w", vpc, err)
	}
	for _, g := range nat.NatGateways {
		if g.State == types.NatGatewayStateAvailable || g.State == types.NatGatewayStatePending {
			found = append(found, gateway{"nat-gateway", aws.ToString(g.NatGatewayId)})
		}
	}
	for _, side := range []string{"requester-vpc-info.vpc-id", "accepter-vpc-info.vpc-id"} {
		peering, err := api.DescribeVpcPeeringConnections(ctx, &ec2.DescribeVpcPeeringConnectionsInput{Filters: of(side)})
		if err != nil {
			return nil, fmt.Errorf("looking for peering connections of VPC %s: %w", vpc, err)
		}
		for _, g := range peering.VpcPeeringConnections {
			if g.Status != nil && g.Status.Code == types.VpcPeeringConnectionStateReasonCodeActive {
				found = append(found, gateway{"peering", aws.ToString(g.VpcPeeringConnectionId)})
			}
		}
	}
	transit, err := api.DescribeTransitGatewayVpcAttachments(ctx, &ec2.DescribeTransitGatewayVpcAttachmentsInput{Filters: of("vpc-id")})
	if err != nil {
		return nil, fmt.Errorf("looking for transit gateway attachments of VPC %s: %w", vpc, err)
	}
	for _, g := range transit.TransitGatewayVpcAttachments {
		if g.State == types.TransitGatewayAttachmentStateAvailable || g.State == types.TransitGatewayAttachmentStatePending {
			found = append(found, gateway{"transit-gateway", aws.ToString(g.TransitGatewayAttachmentId) + " to " + aws.ToString(g.TransitGatewayId)})
		}
	}
	// There is no filter by VPC for this one.
	egress, err := pages(func(token *string) ([]types.EgressOnlyInternetGateway, *string, error) {
		out, err := api.DescribeEgressOnlyInternetGateways(ctx, &ec2.DescribeEgressOnlyInternetGatewaysInput{NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.EgressOnlyInternetGateways, out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for egress-only internet gateways of VPC %s: %w", vpc, err)
	}
	for _, g := range egress {
		if slices.ContainsFunc(g.Attachments, func(a types.InternetGatewayAttachment) bool { return aws.ToString(a.VpcId) == vpc }) {
			found = append(found, gateway{"egress-only", aws.ToString(g.EgressOnlyInternetGatewayId)})
		}
	}
	vpn, err := api.DescribeVpnGateways(ctx, &ec2.DescribeVpnGatewaysInput{Filters: of("attachment.vpc-id")})
	if err != nil {
		return nil, fmt.Errorf("looking for virtual private gateways of VPC %s: %w", vpc, err)
	}
	for _, g := range vpn.VpnGateways {
		if slices.ContainsFunc(g.VpcAttachments, func(a types.VpcAttachment) bool {
			return aws.ToString(a.VpcId) == vpc && a.State == types.AttachmentStatusAttached
		}) {
			found = append(found, gateway{"vpn-gateway", aws.ToString(g.VpnGatewayId)})
		}
	}
	return found, nil
}

// checkIPv6 looks whether the subnets of compute have IPv6, which is another
// network with ways out of its own.
func checkIPv6(ctx context.Context, api awsapi.EC2, doc *document.Document, p *proof) error {
	out, err := api.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: doc.Subnets.WorkspaceIDs()})
	if err != nil {
		return fmt.Errorf("looking at subnets %s: %w", strings.Join(doc.Subnets.WorkspaceIDs(), ", "), err)
	}
	for _, s := range out.Subnets {
		var blocks []string
		for _, b := range s.Ipv6CidrBlockAssociationSet {
			if b.Ipv6CidrBlockState != nil && b.Ipv6CidrBlockState.State == types.SubnetCidrBlockStateCodeAssociated {
				blocks = append(blocks, aws.ToString(b.Ipv6CidrBlock))
			}
		}
		p.check(len(blocks) == 0, document.Check{
			ID: "isolation.ipv6." + aws.ToString(s.AvailabilityZone), What: "The subnet has no IPv6", Object: aws.ToString(s.SubnetId),
			How: "ec2 DescribeSubnets", Seen: list(blocks), Remedy: "Take the IPv6 block from the subnet.",
		})
	}
	return nil
}

// checkNeeded checks that the cluster reaches what it needs: only then does it
// mean anything that it does not reach the rest.
func checkNeeded(doc *document.Document, p *proof, results map[string]probe.Result) {
	for _, n := range []struct{ id, host, object string }{
		{"s3", "s3." + doc.Spec.Region + ".amazonaws.com", doc.S3Endpoint.ID},
		{"sts", "sts." + doc.Spec.Region + ".amazonaws.com", doc.STSEndpoint.ID},
	} {
		p.check(results[n.id].Outcome == probe.Connected, document.Check{
			ID: "isolation.needed." + n.id, What: "Compute reaches " + n.host + ", so its network is alive", Object: n.object,
			How: "the cluster connected to TCP 443", Seen: seenOf(results[n.id]),
			Remedy: "The network is dead, which proves nothing: look at the endpoint " + n.object + ".",
		})
	}
	for _, h := range doc.Spec.Egress.Hosts {
		r := results["allowed."+h]
		p.check(r.Outcome == probe.Connected, document.Check{
			ID: "isolation.allowed." + h, What: "Compute reaches " + h + ", as spec.egress allows", Object: h,
			How: "the cluster began TLS on TCP 443", Seen: seenOf(r), Remedy: "Look at the firewall and the routes of spec.egress.",
		})
	}
}

// checkOutside checks that attempts to leave the network fail.
func checkOutside(doc *document.Document, p *proof, results map[string]probe.Result) {
	other := probe.Attempt{ID: "other-region", Kind: probe.TLS, Host: "s3." + otherRegion(doc.Spec.Region) + ".amazonaws.com", Port: 443}
	for _, a := range append(slices.Clone(outside), other) {
		if slices.Contains(doc.Spec.Egress.Hosts, a.Host) {
			continue
		}
		r := results[a.ID]
		protocol := "TCP"
		if a.Kind == probe.DNS {
			protocol = "UDP"
		}
		// Something must have come back that says no: silence of the probe itself
		// is no proof.
		no := slices.Contains([]string{probe.Refused, probe.Timeout, probe.Unreachable, probe.Unresolved}, r.Outcome)
		p.check(no, document.Check{
			ID: "isolation.outside." + a.ID, What: fmt.Sprintf("Compute does not reach %s, %s %d", a.Host, protocol, a.Port), Object: a.Host,
			How: fmt.Sprintf("the cluster tried for %d s", outsideSeconds), Seen: seenOf(r),
			Remedy: "Data can leave by this way: look at the routes of the workspace subnets, at gateways, and at what stands behind them.",
		})
	}
}

// checkChannels reports the two channels that a network without a way out still
// has.
func checkChannels(doc *document.Document, p *proof, results map[string]probe.Result) {
	dns := results["public-name"]
	c := document.Check{
		ID: "isolation.channel.dns", What: "Public names are not resolved", Object: doc.VPC.ID, How: "the cluster resolved example.com",
		Seen:   seenOf(dns),
		Remedy: "The resolver of the VPC answers for public names without any route out: little data can leave inside of questions. Route 53 Resolver DNS Firewall closes this channel.",
	}
	if dns.Outcome == probe.Resolved {
		c.What = "A channel that remains: questions to the DNS resolver of the VPC"
		p.note(c)
	} else {
		p.check(dns.Outcome == probe.Unresolved, c)
	}
	bucket := results["foreign-bucket"]
	c = document.Check{
		ID: "isolation.channel.s3", What: "A bucket of somebody else in the region is refused", Object: doc.S3Endpoint.ID,
		How: "the cluster asked for " + foreignObject(doc.Spec.Region), Seen: seenOf(bucket),
		Remedy: "The S3 endpoint admits every bucket of the region, so data can leave to one of somebody else. spec.privateLink.endpointPolicies: restricted closes this channel.",
	}
	refused := bucket.Outcome == probe.Answered && bucket.Status == 403
	if !refused && doc.Spec.PrivateLink.EndpointPolicies != "restricted" {
		c.What = "A channel that remains: buckets of others in the region, by the S3 endpoint"
		p.note(c)
		return
	}
	if doc.Spec.PrivateLink.EndpointPolicies == "restricted" {
		c.Remedy = "The policy of the S3 endpoint admits more than the spec wants: push the spec again, or correct the policy of an endpoint that is given."
	}
	p.check(refused, c)
}
