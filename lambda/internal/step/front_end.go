package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// closed says whether the spec wants the workspace closed to the public network.
func closed(doc *document.Document) bool {
	public := doc.Spec.PrivateLink.PrivateAccessSettings.PublicAccess
	return public != nil && !*public
}

// frontEndVPC is the VPC of the users as far as the spec says.
func frontEndVPC(doc *document.Document) string {
	if doc.Spec.PrivateLink.FrontEnd == nil {
		return ""
	}
	return doc.Spec.PrivateLink.FrontEnd.VPC
}

// lockOut refuses a workspace that would be closed to the functions that call
// it. The VPC of the users' endpoint is empty as long as it is not known.
func (d *Deps) lockOut(doc *document.Document, vpc string) error {
	if !closed(doc) || d.FunctionsVPC != "" && (vpc == "" || vpc == d.FunctionsVPC) {
		return nil
	}
	door, where := "the VPC of the front-end endpoint", "outside of any VPC"
	if vpc != "" {
		door = vpc + ", the VPC of the front-end endpoint"
	}
	if d.FunctionsVPC != "" {
		where = "in " + d.FunctionsVPC
	}
	return failure.New(plan.ActionRequired,
		fmt.Sprintf("Deploy the stack with its functions in %s (-c functionsVpc, functionsSubnets and functionsSecurityGroups, see the README), then redrive the execution; or set spec.privateLink.privateAccessSettings.publicAccess to true and push.", door),
		"turning off public access: the workspace would admit only what comes through its endpoints, and lock out these functions, which run %s and not in %s: %s; nothing could be configured in the workspace, verified or stopped",
		where, door, strings.Join(callers(), ", "))
}

// callers are the functions that call the workspace itself.
func callers() []string {
	var names []string
	for _, s := range plan.Steps() {
		if s.CallsWorkspace {
			names = append(names, s.Name)
		}
	}
	for _, f := range plan.Functions() {
		if f.CallsWorkspace {
			names = append(names, f.Name)
		}
	}
	return names
}

// hostOf is the host of the workspace's URL.
func hostOf(doc *document.Document) string {
	return strings.TrimPrefix(doc.DatabricksWorkspace.URL, "https://")
}

// frontEndHosts are the hosts that users call: that of the workspace, and that
// of what runs on the drivers of its clusters, such as web terminals.
func frontEndHosts(doc *document.Document) []string {
	return []string{hostOf(doc), "dbc-dp-" + doc.DatabricksWorkspace.ID + ".cloud.databricks.com"}
}

// regionHost is the name that the hosts of all workspaces of a region with
// PrivateLink are a CNAME of.
// https://docs.databricks.com/aws/en/security/network/classic/privatelink-dns
func regionHost(doc *document.Document) (string, error) {
	region, ok := spec.LookupRegion(doc.Spec.Region)
	if !ok {
		return "", fmt.Errorf("looking for region %s: it is not in the table", doc.Spec.Region)
	}
	return region.DatabricksName + ".privatelink.cloud.databricks.com", nil
}

// vpcZone is a private hosted zone that holds in a VPC. Its name has no dot at
// the end.
type vpcZone struct{ id, name string }

// vpcZones lists the zones that hold in a VPC, of whichever account.
func vpcZones(ctx context.Context, api awsapi.Zones, region, vpc string) ([]vpcZone, error) {
	summaries, err := pages(func(token *string) ([]types.HostedZoneSummary, *string, error) {
		out, err := api.ListHostedZonesByVPC(ctx, &route53.ListHostedZonesByVPCInput{
			VPCId: aws.String(vpc), VPCRegion: types.VPCRegion(region), NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		return out.HostedZoneSummaries, out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the hosted zones of VPC %s: %w", vpc, err)
	}
	var zones []vpcZone
	for _, s := range summaries {
		zones = append(zones, vpcZone{aws.ToString(s.HostedZoneId), bare(aws.ToString(s.Name))})
	}
	return zones, nil
}

// bare is a name as comparisons need it: in lower case, with no dot at the end.
func bare(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// answering is the zone that answers for a name: of those that hold it the one
// with the longest name, whether it has a record or not.
func answering(zones []vpcZone, name string) (vpcZone, bool) {
	var best vpcZone
	for _, z := range zones {
		if (z.name == name || strings.HasSuffix(name, "."+z.name)) && len(z.name) > len(best.name) {
			best = z
		}
	}
	return best, best.name != ""
}

// recordOf returns the record of a name with which a zone answers for an IPv4
// address.
func recordOf(ctx context.Context, api awsapi.Zones, zone vpcZone, name string) (*types.ResourceRecordSet, error) {
	// Records are sorted by name and type, and A comes before CNAME.
	out, err := api.ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(zone.id), StartRecordName: aws.String(name), StartRecordType: types.RRTypeA, MaxItems: aws.Int32(5),
	})
	if err != nil {
		return nil, fmt.Errorf("looking for a record of %s in hosted zone %s: %w", name, zone.id, err)
	}
	for _, r := range out.ResourceRecordSets {
		if bare(aws.ToString(r.Name)) == name && (r.Type == types.RRTypeA || r.Type == types.RRTypeCname) {
			return &r, nil
		}
	}
	return nil, nil
}

// door is the users' endpoint as names can lead to it.
type door struct {
	// names of the endpoint, the regional one first, and the hosted zone that an
	// alias of it refers to.
	names     []string
	zone      string
	addresses []string
}

// has says whether a record leads to the endpoint and nowhere else, and where
// it leads.
func (d door) has(r *types.ResourceRecordSet) (bool, string) {
	if r.AliasTarget != nil {
		name := bare(aws.ToString(r.AliasTarget.DNSName))
		return slices.Contains(d.names, name), name
	}
	var values []string
	for _, v := range r.ResourceRecords {
		values = append(values, bare(aws.ToString(v.Value)))
	}
	wanted := d.addresses
	if r.Type == types.RRTypeCname {
		wanted = d.names
	}
	return len(values) > 0 && len(without(values, wanted)) == 0, strings.Join(values, ", ")
}

// way is how the zones of a VPC lead a host.
type way struct {
	// zone that answers; empty if none does, and the host is public.
	zone vpcZone
	// leads says whether it leads to the endpoint, seen what it leads to.
	leads bool
	seen  string
}

// wayOf follows a host of the workspace: through a zone that holds it, or else
// through one that holds the name of its region.
func wayOf(ctx context.Context, api awsapi.Zones, zones []vpcZone, to door, host, region string) (way, error) {
	for _, name := range []string{host, region} {
		zone, ok := answering(zones, name)
		if !ok {
			continue
		}
		record, err := recordOf(ctx, api, zone, name)
		if err != nil {
			return way{}, err
		}
		if record == nil {
			return way{zone: zone, seen: fmt.Sprintf("hosted zone %s (%s) has no record of %s, and so hides it", zone.name, zone.id, name)}, nil
		}
		leads, where := to.has(record)
		return way{zone: zone, leads: leads, seen: fmt.Sprintf("hosted zone %s (%s) leads it to %s", zone.name, zone.id, where)}, nil
	}
	return way{seen: "no private hosted zone of the VPC answers for it, so it leads to the public network"}, nil
}
