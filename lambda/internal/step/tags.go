package step

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	route53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// tagger writes the tags of one object.
type tagger struct {
	entity
	// has are the tags that it has.
	has awsapi.Tags
	// write removes keys and then puts tags: IAM does not tell Team from team.
	write func(ctx context.Context, drop []string, put awsapi.Tags) error
}

// writing is the write of a service that has one action for each.
func writing(remove func(context.Context, []string) error, add func(context.Context, awsapi.Tags) error) func(context.Context, []string, awsapi.Tags) error {
	return func(ctx context.Context, drop []string, put awsapi.Tags) error {
		if len(drop) > 0 {
			if err := remove(ctx, drop); err != nil {
				return err
			}
		}
		if len(put) > 0 {
			return add(ctx, put)
		}
		return nil
	}
}

// own makes the tags of an object those of one of ours, and says in a few words
// what it did; nothing if that was nothing. Tags that somebody else has put on
// it stay: only keys that an earlier spec had are removed.
func (t tagger) own(ctx context.Context, doc *document.Document, object, name string) (change, error) {
	return t.ownWith(ctx, doc, object, name, nil)
}

// ownWith is own for an object that gets further marks when it becomes ours.
func (t tagger) ownWith(ctx context.Context, doc *document.Document, object, name string, marks awsapi.Tags) (change, error) {
	want, did := awsapi.Owned(doc.Spec.Tags, doc.Workspace, object, name), "changed its tags"
	var former []string
	if !t.has.IsOwnedBy(doc.Workspace) {
		did = "adopted it"
		maps.Copy(want, marks)
	} else {
		former = formerTags(doc)
	}
	put, drop := t.has.Diff(want, former)
	if len(put)+len(drop) == 0 {
		return change{}, nil
	}
	if err := t.write(ctx, drop, put); err != nil {
		return change{}, fmt.Errorf("tagging %s: %w", t.entity, err)
	}
	return changing(did, t.tagsDiffer(t.has, put, drop)...), nil
}

// tagsDiffer are the differences of tags, by their keys.
func (s entity) tagsDiffer(has map[string]string, put awsapi.Tags, drop []string) []document.Difference {
	var out []document.Difference
	for _, key := range slices.Sorted(maps.Keys(put)) {
		out = append(out, s.differs("tag "+key, has[key], put[key]))
	}
	for _, key := range drop {
		out = append(out, s.differs("tag "+key, has[key], ""))
	}
	return out
}

// formerTags are the keys of the author's tags that may have been written.
func formerTags(doc *document.Document) []string {
	if doc.Lease == nil {
		return nil
	}
	return doc.Lease.TagKeys
}

// share marks an object that the spec gives as used by this workspace. It may
// be a network team's, or another account's, which lets nobody else tag it: that
// is noted and fails nothing.
func (t tagger) share(ctx context.Context, doc *document.Document) (document.Outcome, error) {
	given := document.Outcome{Outcome: document.Given}
	key := plan.TagShared + doc.Workspace
	if t.has[key] == plan.Used || t.has.IsOwnedBy(doc.Workspace) {
		return given, nil
	}
	err := t.write(ctx, nil, awsapi.Tags{key: plan.Used})
	if err == nil {
		return given, nil
	}
	switch class := failure.Classify(err).Class; class {
	case plan.Transient, plan.Throttled, plan.NotReady:
		return given, fmt.Errorf("tagging %s as used: %w", t.entity, err)
	default:
		given.Reason = fmt.Sprintf("%s does not have the tag %s: %s", t.entity, key, class)
		return given, nil
	}
}

func ec2Tagger(api awsapi.EC2, kind, id string, has []ec2types.Tag) tagger {
	return tagger{entity: entity{kind, id}, has: awsapi.OfEC2(has), write: writing(
		func(ctx context.Context, keys []string) error {
			in := &ec2.DeleteTagsInput{Resources: []string{id}}
			for _, k := range keys {
				in.Tags = append(in.Tags, ec2types.Tag{Key: aws.String(k)})
			}
			_, err := api.DeleteTags(ctx, in)
			return err
		},
		func(ctx context.Context, tags awsapi.Tags) error {
			_, err := api.CreateTags(ctx, &ec2.CreateTagsInput{Resources: []string{id}, Tags: tags.EC2Tags()})
			return err
		},
	)}
}

func roleTagger(api awsapi.IAM, name string, has awsapi.Tags) tagger {
	return tagger{entity: entity{"role", name}, has: has, write: writing(
		func(ctx context.Context, keys []string) error {
			_, err := api.UntagRole(ctx, &iam.UntagRoleInput{RoleName: aws.String(name), TagKeys: keys})
			return err
		},
		func(ctx context.Context, tags awsapi.Tags) error {
			_, err := api.TagRole(ctx, &iam.TagRoleInput{RoleName: aws.String(name), Tags: tags.IAM()})
			return err
		},
	)}
}

func profileTagger(api awsapi.IAM, name string, has awsapi.Tags) tagger {
	return tagger{entity: entity{"instance profile", name}, has: has, write: writing(
		func(ctx context.Context, keys []string) error {
			_, err := api.UntagInstanceProfile(ctx, &iam.UntagInstanceProfileInput{InstanceProfileName: aws.String(name), TagKeys: keys})
			return err
		},
		func(ctx context.Context, tags awsapi.Tags) error {
			_, err := api.TagInstanceProfile(ctx, &iam.TagInstanceProfileInput{InstanceProfileName: aws.String(name), Tags: tags.IAM()})
			return err
		},
	)}
}

func keyTagger(api awsapi.Keys, arn string, has awsapi.Tags) tagger {
	return tagger{entity: entity{"key", arn}, has: has, write: writing(
		func(ctx context.Context, keys []string) error {
			_, err := api.UntagResource(ctx, &kms.UntagResourceInput{KeyId: aws.String(arn), TagKeys: keys})
			return err
		},
		func(ctx context.Context, tags awsapi.Tags) error {
			_, err := api.TagResource(ctx, &kms.TagResourceInput{KeyId: aws.String(arn), Tags: tags.KMS()})
			return err
		},
	)}
}

func zoneTagger(api awsapi.Zones, id string, has awsapi.Tags) tagger {
	return tagger{entity: entity{"hosted zone", id}, has: has, write: func(ctx context.Context, drop []string, put awsapi.Tags) error {
		_, err := api.ChangeTagsForResource(ctx, &route53.ChangeTagsForResourceInput{
			ResourceType: route53types.TagResourceTypeHostedzone, ResourceId: aws.String(id), RemoveTagKeys: drop, AddTags: put.Route53(),
		})
		return err
	}}
}

// bucketTagger writes all tags of a bucket at once, since S3 knows no other way;
// tags of AWS stay by themselves and are refused.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutBucketTagging.html
func bucketTagger(api awsapi.Buckets, name string, has awsapi.Tags) tagger {
	return tagger{entity: entity{"bucket", name}, has: has, write: func(ctx context.Context, drop []string, put awsapi.Tags) error {
		all := awsapi.Tags(changedTags(has, put, drop))
		maps.DeleteFunc(all, func(k, _ string) bool { return strings.HasPrefix(k, "aws:") })
		_, err := api.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: aws.String(name), Tagging: &s3types.Tagging{TagSet: all.S3()}})
		return err
	}}
}

// changedTags are all tags of an object after a change; those of others stay.
func changedTags(has map[string]string, put awsapi.Tags, drop []string) map[string]string {
	all := map[string]string{}
	maps.Copy(all, has)
	maps.DeleteFunc(all, func(k, _ string) bool { return slices.Contains(drop, k) })
	maps.Copy(all, put)
	return all
}
