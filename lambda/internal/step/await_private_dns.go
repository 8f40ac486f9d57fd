package step

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
)

// awaitPrivateDNS waits until every endpoint is available, the interface
// endpoints with their private DNS names on.
func awaitPrivateDNS(ctx context.Context, d *Deps, doc *document.Document) (*document.Endpoints, error) {
	ids := []string{doc.WorkspaceEndpoint.ID, doc.RelayEndpoint.ID, doc.S3Endpoint.ID, doc.STSEndpoint.ID, doc.KinesisEndpoint.ID}
	if doc.GlueEndpoint != nil && doc.GlueEndpoint.ID != "" {
		ids = append(ids, doc.GlueEndpoint.ID)
	}
	return awaitAvailable(ctx, d, doc, "AwaitPrivateDns", doc.PrivateDNSStatus, pacePrivateDNS, ids,
		func(e types.VpcEndpoint) bool {
			return available(e) && (e.VpcEndpointType == types.VpcEndpointTypeGateway || aws.ToBool(e.PrivateDnsEnabled))
		})
}
