package step

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
)

// awaitPrivateDNS waits until every endpoint is available, the interface
// endpoints with their private DNS names on. One that could not be changed before,
// because it was not available, is now.
func awaitPrivateDNS(ctx context.Context, d *Deps, doc *document.Document) (*document.Endpoints, error) {
	ids := []string{doc.WorkspaceEndpoint.ID, doc.RelayEndpoint.ID, doc.S3Endpoint.ID, doc.STSEndpoint.ID, doc.KinesisEndpoint.ID}
	if doc.GlueEndpoint != nil && doc.GlueEndpoint.ID != "" {
		ids = append(ids, doc.GlueEndpoint.ID)
	}
	wishes, err := wishesOf(doc)
	if err != nil {
		return nil, err
	}
	return awaitAvailable(ctx, d, doc, "AwaitPrivateDns", doc.PrivateDNSStatus, pacePrivateDNS, ids,
		func(e types.VpcEndpoint) (bool, error) {
			if !available(e) {
				return false, nil
			}
			if want, ours := wishes[aws.ToString(e.VpcEndpointId)]; ours {
				want.former = formerPlaces(doc)
				if changed, err := convergeEndpoint(ctx, d.AWS.EC2(doc.Spec.Region), e, want); changed.did != "" || err != nil {
					return false, err
				}
			}
			return e.VpcEndpointType == types.VpcEndpointTypeGateway || aws.ToBool(e.PrivateDnsEnabled), nil
		})
}
