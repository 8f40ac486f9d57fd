package step

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/aws/aws-sdk-go-v2/service/route53/types"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/spec"
)

// deleteFrontEndDNS deletes the private hosted zones of the workspace's hosts,
// after the records in them.
// https://docs.aws.amazon.com/Route53/latest/APIReference/API_DeleteHostedZone.html
func deleteFrontEndDNS(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	zones, err := d.ownedZones(ctx, doc)
	if err != nil {
		return nil, err
	}
	if zones == nil {
		return &document.Removal{Outcome: skipped("the spec wants no zones")}, nil
	}
	api := d.AWS.Zones()
	var removed []string
	for _, z := range zones {
		if err := emptyZone(ctx, d, z); err != nil {
			return nil, err
		}
		_, err := api.DeleteHostedZone(ctx, &route53.DeleteHostedZoneInput{Id: aws.String(z.id)})
		if failure.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, stillUsed(zoneText(z), err)
		}
		removed = append(removed, zoneText(z))
	}
	return removal(removed, nil), nil
}

func zoneText(z vpcZone) string { return "hosted zone " + z.name + " (" + z.id + ")" }

// ownedZones lists the zones that were created for the workspace; nil if no spec
// wants any. They are told by the reference they were created with.
func (d *Deps) ownedZones(ctx context.Context, doc *document.Document) ([]vpcZone, error) {
	vpcs, err := d.frontEndVPCs(ctx, doc)
	if err != nil || len(vpcs) == 0 {
		return nil, err
	}
	api := d.AWS.Zones()
	ours := []vpcZone{}
	for _, vpc := range vpcs {
		zones, err := vpcZones(ctx, api, doc.Spec.Region, vpc)
		if err != nil {
			return nil, err
		}
		for _, z := range zones {
			if !strings.HasSuffix(z.name, ".cloud.databricks.com") {
				continue
			}
			got, err := api.GetHostedZone(ctx, &route53.GetHostedZoneInput{Id: aws.String(z.id)})
			if failure.IsNotFound(err) || withheld(err) {
				// It is gone, or of another account.
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("looking at hosted zone %s: %w", z.id, err)
			}
			if strings.HasPrefix(aws.ToString(got.HostedZone.CallerReference), "lakegate:"+doc.Workspace+":") {
				ours = append(ours, z)
			}
		}
	}
	return ours, nil
}

// frontEndVPCs are the VPCs of the users in which zones may have been made.
func (d *Deps) frontEndVPCs(ctx context.Context, doc *document.Document) ([]string, error) {
	vpcs := ofSpecs(doc, func(s spec.Spec) []string { return []string{frontEndOf(s).VPC} })
	given := ofSpecs(doc, func(s spec.Spec) []string {
		if frontEndOf(s).HostedZone != "" {
			return nil
		}
		return []string{frontEndOf(s).ID}
	})
	if len(given) == 0 {
		return vpcs, nil
	}
	found, err := describeEndpoints(ctx, d.AWS.EC2(doc.Spec.Region), &ec2.DescribeVpcEndpointsInput{
		Filters: []ec2types.Filter{{Name: aws.String("vpc-endpoint-id"), Values: given}},
	})
	if err != nil {
		return nil, fmt.Errorf("looking for VPC endpoints %s: %w", strings.Join(given, ", "), err)
	}
	for _, e := range found {
		vpcs = append(vpcs, aws.ToString(e.VpcId))
	}
	return vpcs, nil
}

// emptyZone deletes the record by which a zone leads its own name somewhere.
func emptyZone(ctx context.Context, d *Deps, z vpcZone) error {
	api := d.AWS.Zones()
	record, err := recordOf(ctx, api, z, z.name)
	if failure.IsNotFound(err) || err == nil && record == nil {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := api.ChangeResourceRecordSets(ctx, &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: aws.String(z.id),
		ChangeBatch:  &types.ChangeBatch{Changes: []types.Change{{Action: types.ChangeActionDelete, ResourceRecordSet: record}}},
	}); err != nil && !failure.IsNotFound(err) {
		return fmt.Errorf("deleting the record of %s: %w", zoneText(z), err)
	}
	return nil
}
