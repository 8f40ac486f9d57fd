package step

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
)

// deleteEndpoints deletes the VPC endpoints, unless what stays in the Databricks
// account refers to them or to their VPC.
func deleteEndpoints(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	api := d.AWS.EC2(doc.Spec.Region)
	all, err := ownedEndpoints(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	going, left := apart(doc, all)
	if len(going) == 0 {
		return removal(nil, left), nil
	}
	if err := removeEndpoints(ctx, api, idsOf(going)); err != nil {
		return nil, err
	}
	return removal(whats(going), left), nil
}

// apart tells what is to be deleted from what something that stays refers to.
func apart(doc *document.Document, all []owned) (going []owned, left []document.Left) {
	for _, o := range all {
		if why, yes := needed(doc, o.id, o.vpc); yes {
			left = append(left, document.Left{What: o.what(), Why: why})
			continue
		}
		going = append(going, o)
	}
	return going, left
}

func whats(all []owned) []string {
	var out []string
	for _, o := range all {
		out = append(out, o.what())
	}
	return out
}

// deleteEach deletes objects one after the other, unless something that stays
// refers to them or to their VPC.
func deleteEach(ctx context.Context, doc *document.Document, all []owned, remove remover) (*document.Removal, error) {
	going, left := apart(doc, all)
	var removed []string
	for _, o := range going {
		err := remove(ctx, aws.String(o.id))
		if failure.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, stillUsed(o.what(), err)
		}
		removed = append(removed, o.what())
	}
	return removal(removed, left), nil
}
