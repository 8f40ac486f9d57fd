package step

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// releaseGiven takes the mark of this workspace off what its spec gave by id or
// ARN: that stays, and the workspace uses it no more.
func releaseGiven(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	var given []tagger
	for _, look := range []func(context.Context, *document.Document) ([]tagger, error){
		d.givenInEC2, d.givenInIAM, d.givenKeys, d.givenZones,
	} {
		some, err := look(ctx, doc)
		if err != nil {
			return nil, err
		}
		given = append(given, some...)
	}
	removed, left, err := release(ctx, doc, given)
	if err != nil {
		return nil, err
	}
	return removal(removed, left), nil
}

// release takes the mark of a workspace off objects.
func release(ctx context.Context, doc *document.Document, given []tagger) (removed []string, left []document.Left, err error) {
	key := plan.TagShared + doc.Workspace
	for _, t := range given {
		if t.has[key] != plan.Used {
			continue
		}
		what := "the mark of " + t.entity.String()
		err := t.write(ctx, []string{key}, nil)
		switch {
		case withheld(err):
			left = append(left, document.Left{What: what, Why: "this Lakegate may not remove its tag " + key})
		case failure.IsNotFound(err):
		case err != nil:
			return nil, nil, fmt.Errorf("removing the tag %s of %s: %w", key, t.entity, err)
		default:
			removed = append(removed, what)
		}
	}
	return removed, left, nil
}

// givenInEC2 are the objects of EC2 that have the mark, whichever spec gave them.
func (d *Deps) givenInEC2(ctx context.Context, doc *document.Document) ([]tagger, error) {
	api, key := d.AWS.EC2(doc.Spec.Region), plan.TagShared+doc.Workspace
	found, err := pages(func(token *string) ([]types.TagDescription, *string, error) {
		out, err := api.DescribeTags(ctx, &ec2.DescribeTagsInput{
			Filters: []types.Filter{{Name: aws.String("key"), Values: []string{key}}}, NextToken: token,
		})
		if err != nil {
			return nil, nil, err
		}
		return out.Tags, out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for objects with the tag %s: %w", key, err)
	}
	var given []tagger
	for _, t := range found {
		given = append(given, ec2Tagger(api, string(t.ResourceType), aws.ToString(t.ResourceId), []types.Tag{{Key: t.Key, Value: t.Value}}))
	}
	return given, nil
}

func (d *Deps) givenInIAM(ctx context.Context, doc *document.Document) ([]tagger, error) {
	api := d.AWS.IAM()
	var given []tagger
	for _, arn := range ofSpecs(doc, func(s spec.Spec) []string { return []string{s.CrossAccountRole.ARN} }) {
		out, err := api.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(nameOf(arn))})
		if failure.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("looking for role %s: %w", arn, err)
		}
		given = append(given, roleTagger(api, nameOf(arn), awsapi.OfIAM(out.Role.Tags)))
	}
	for _, arn := range ofSpecs(doc, func(s spec.Spec) []string {
		if s.Metastore.Glue == nil {
			return nil
		}
		return []string{s.Metastore.Glue.InstanceProfile.ARN}
	}) {
		out, err := api.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: aws.String(nameOf(arn))})
		if failure.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("looking for instance profile %s: %w", arn, err)
		}
		given = append(given, profileTagger(api, nameOf(arn), awsapi.OfIAM(out.InstanceProfile.Tags)))
	}
	return given, nil
}

func (d *Deps) givenKeys(ctx context.Context, doc *document.Document) ([]tagger, error) {
	api := d.AWS.Keys(doc.Spec.Region)
	var given []tagger
	for _, arn := range ofSpecs(doc, func(s spec.Spec) []string {
		var arns []string
		for _, k := range []*spec.Key{s.Encryption.ManagedServicesKey, s.Encryption.StorageKey} {
			if k != nil {
				arns = append(arns, k.ARN)
			}
		}
		return arns
	}) {
		tags, err := tagsOfKey(ctx, api, arn)
		if failure.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		given = append(given, keyTagger(api, arn, tags))
	}
	return given, nil
}

func (d *Deps) givenZones(ctx context.Context, doc *document.Document) ([]tagger, error) {
	api := d.AWS.Zones()
	var given []tagger
	for _, id := range ofSpecs(doc, func(s spec.Spec) []string {
		if s.PrivateLink.FrontEnd == nil {
			return nil
		}
		return []string{s.PrivateLink.FrontEnd.HostedZone}
	}) {
		tags, err := tagsOfZone(ctx, api, id)
		if failure.IsNotFound(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		given = append(given, zoneTagger(api, id, tags))
	}
	return given, nil
}
