package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// ensureFrontEndDNS leads the hosts of the workspace to the users' endpoint, in
// the VPC of that endpoint. Each host gets a zone of exactly its name: one of a
// shorter name would hide other names of Databricks.
// https://docs.databricks.com/aws/en/security/network/classic/privatelink-dns
func ensureFrontEndDNS(ctx context.Context, d *Deps, doc *document.Document) (*document.FrontEndDNS, error) {
	want := doc.Spec.PrivateLink.FrontEnd
	if want == nil {
		return &document.FrontEndDNS{Outcome: skipped("the spec wants no front end")}, nil
	}
	to, err := doorOf(ctx, d.AWS.EC2(doc.Spec.Region), doc.FrontEndEndpoint.ID)
	if err != nil {
		return nil, err
	}
	if len(to.names) == 0 {
		return nil, failure.New(plan.NotReady, "", "looking at VPC endpoint %s: it has no DNS names yet", doc.FrontEndEndpoint.ID)
	}
	out := &document.FrontEndDNS{Hosts: frontEndHosts(doc), Addresses: to.addresses}
	api := d.AWS.Zones()
	zones, err := vpcZones(ctx, api, doc.Spec.Region, doc.FrontEndEndpoint.VPC)
	if err != nil {
		return nil, err
	}
	if want.HostedZone != "" {
		return out, givenZone(ctx, api, doc, zones, to, out)
	}
	created, differences := false, []document.Difference(nil)
	for _, host := range out.Hosts {
		find := remembering(zones, func(ctx context.Context) ([]vpcZone, error) {
			return vpcZones(ctx, api, doc.Spec.Region, doc.FrontEndEndpoint.VPC)
		})
		zone, err := ensureZone(ctx, api, doc, find, to, host)
		if err != nil {
			return nil, err
		}
		out.Zones = append(out.Zones, *zone)
		created = created || zone.Outcome.Outcome == document.Created
		differences = append(differences, zone.Outcome.Differences...)
	}
	out.Outcome = made(created, changing("changed its records or tags", differences...))
	return out, nil
}

// doorOf reads the names and addresses of an endpoint; one that does not exist
// has none.
func doorOf(ctx context.Context, api awsapi.EC2, id string) (door, error) {
	found, err := describeEndpoints(ctx, api, &ec2.DescribeVpcEndpointsInput{
		Filters: []ec2types.Filter{{Name: aws.String("vpc-endpoint-id"), Values: []string{id}}},
	})
	if err != nil {
		return door{}, fmt.Errorf("looking at VPC endpoint %s: %w", id, err)
	}
	var to door
	for _, e := range found {
		for _, entry := range e.DnsEntries {
			to.names = append(to.names, bare(aws.ToString(entry.DnsName)))
			if to.zone == "" {
				to.zone = aws.ToString(entry.HostedZoneId)
			}
		}
	}
	addresses, err := interfaceAddresses(ctx, api, found)
	to.addresses = addresses[id]
	slices.Sort(to.addresses)
	return to, err
}

// givenZone checks the zone of the author.
func givenZone(ctx context.Context, api awsapi.Zones, doc *document.Document, zones []vpcZone, to door, out *document.FrontEndDNS) error {
	id := doc.Spec.PrivateLink.FrontEnd.HostedZone
	i := slices.IndexFunc(zones, func(z vpcZone) bool { return z.id == id })
	if i < 0 {
		return failure.New(plan.Conflict,
			"Associate the zone with the VPC, correct spec.privateLink.frontEnd.hostedZone, or remove it so that zones are created; then redrive or push.",
			"looking for hosted zone %s: VPC %s has no such zone", id, doc.FrontEndEndpoint.VPC)
	}
	region, err := regionHost(doc)
	if err != nil {
		return err
	}
	for _, host := range out.Hosts {
		p, err := wayOf(ctx, api, zones, to, host, region)
		if err != nil {
			return err
		}
		if !p.leads {
			return failure.New(plan.ActionRequired,
				fmt.Sprintf("Add an A record to hosted zone %s that is an alias of %s (zone %s): of %s or, for all workspaces of the region, of %s. Then redrive the execution.", id, to.names[0], to.zone, host, region),
				"checking hosted zone %s: %s does not lead to endpoint %s: %s", id, host, doc.FrontEndEndpoint.ID, p.seen)
		}
	}
	tags, err := tagsOfZone(ctx, api, id)
	if err != nil {
		return err
	}
	if out.Outcome, err = zoneTagger(api, id, tags).share(ctx, doc); err != nil {
		return err
	}
	out.Zones = []document.Object{{ID: id, Name: zones[i].name, Outcome: out.Outcome}}
	return nil
}

// ensureZone finds or creates the zone of one host. It is ours by the reference
// it was created with: a zone gets its tags only after it exists.
func ensureZone(ctx context.Context, api awsapi.Zones, doc *document.Document, list func(context.Context) ([]vpcZone, error), to door, host string) (*document.Object, error) {
	ours := "lakegate:" + doc.Workspace + ":"
	vpc := doc.FrontEndEndpoint.VPC
	found, created, err := ensure(ctx, "hosted zone "+host,
		func(ctx context.Context) ([]vpcZone, error) {
			all, err := list(ctx)
			return matching(all, func(z vpcZone) bool { return z.name == host }), err
		},
		func(z vpcZone) string { return z.id },
		func(ctx context.Context) (vpcZone, error) {
			out, err := api.CreateHostedZone(ctx, &route53.CreateHostedZoneInput{
				Name: aws.String(host), CallerReference: aws.String(ours + token(doc, "zone", host, vpc)),
				VPC: &types.VPC{VPCId: aws.String(vpc), VPCRegion: types.VPCRegion(doc.Spec.Region)},
				HostedZoneConfig: &types.HostedZoneConfig{
					PrivateZone: true, Comment: aws.String("Leads workspace " + doc.Workspace + " to " + doc.FrontEndEndpoint.ID),
				},
			})
			if err != nil {
				return vpcZone{}, err
			}
			return vpcZone{strings.TrimPrefix(aws.ToString(out.HostedZone.Id), "/hostedzone/"), host}, nil
		})
	if err != nil {
		return nil, err
	}
	mine := created
	if !created {
		got, err := api.GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: aws.String(found.id)})
		if err != nil {
			return nil, fmt.Errorf("looking at hosted zone %s: %w", found.id, err)
		}
		mine = strings.HasPrefix(aws.ToString(got.HostedZone.CallerReference), ours)
	}
	tags, err := tagsOfZone(ctx, api, found.id)
	if err != nil {
		return nil, err
	}
	if !mine {
		if err := claim(doc, "hosted zone "+host, found.id+" of VPC "+vpc, "spec.privateLink.frontEnd.hostedZone", tags); err != nil {
			return nil, err
		}
	}
	tagged, err := zoneTagger(api, found.id, tags).own(ctx, doc, "front-end-zone", host)
	if err != nil {
		return nil, err
	}
	led, err := leadTo(ctx, api, found, to)
	if err != nil {
		return nil, err
	}
	return &document.Object{ID: found.id, Name: host, Outcome: made(created, tagged, led)}, nil
}

// tagsOfZone reads the tags of a zone.
func tagsOfZone(ctx context.Context, api awsapi.Zones, id string) (awsapi.Tags, error) {
	got, err := api.ListTagsForResource(ctx, &route53.ListTagsForResourceInput{ResourceType: types.TagResourceTypeHostedzone, ResourceId: aws.String(id)})
	if err != nil {
		return nil, fmt.Errorf("reading the tags of hosted zone %s: %w", id, err)
	}
	if got.ResourceTagSet == nil {
		return awsapi.Tags{}, nil
	}
	return awsapi.OfRoute53(got.ResourceTagSet.Tags), nil
}

// leadTo makes a zone of ours lead its own name to the endpoint.
func leadTo(ctx context.Context, api awsapi.Zones, zone vpcZone, to door) (change, error) {
	record, err := recordOf(ctx, api, zone, zone.name)
	if err != nil {
		return change{}, err
	}
	found := ""
	if record != nil {
		leads, where := to.has(record)
		if leads {
			return change{}, nil
		}
		found = where
	}
	if _, err := api.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: aws.String(zone.id),
		ChangeBatch: &types.ChangeBatch{Changes: []types.Change{{
			Action: types.ChangeActionUpsert,
			ResourceRecordSet: &types.ResourceRecordSet{
				Name: aws.String(zone.name), Type: types.RRTypeA,
				AliasTarget: &types.AliasTarget{DNSName: aws.String(to.names[0]), HostedZoneId: aws.String(to.zone)},
			},
		}}},
	}); err != nil {
		return change{}, fmt.Errorf("leading %s to %s in hosted zone %s: %w", zone.name, to.names[0], zone.id, err)
	}
	return changing("changed its record", entity{"hosted zone", zone.id}.differs("record of "+zone.name, found, to.names[0])), nil
}
