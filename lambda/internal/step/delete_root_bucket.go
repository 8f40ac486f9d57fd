package step

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/spec"
)

// batches bounds how many times 1,000 versions one invocation deletes, so that
// it ends long before its timeout.
const batches = 5

// deleteRootBucket deletes the root bucket once it is empty. One that is not is
// emptied if the spec forces that, with all versions, and stays otherwise.
func deleteRootBucket(ctx context.Context, d *Deps, doc *document.Document) (*document.RemovalWait, error) {
	api := d.AWS.Buckets(doc.Spec.Region)
	var removed []string
	var left []document.Left
	ready, deleted := true, 0
	for _, name := range bucketNames(doc) {
		what := "bucket " + name
		ours, err := isOurBucket(ctx, api, doc, name)
		if err != nil {
			return nil, err
		}
		if !ours {
			continue
		}
		if why, yes := needed(doc, name); yes {
			left = append(left, document.Left{What: what, Why: why, Needs: storageAliases(doc)})
			continue
		}
		empty, n, err := emptied(ctx, api, name, doc.Retirement.Force)
		deleted += n
		switch {
		case err != nil:
			return nil, err
		case !empty && !doc.Retirement.Force:
			left = append(left, document.Left{
				What: what, Why: "it has objects, and spec.bucketDeletion is " + spec.Refuse, Needs: storageAliases(doc),
			})
			continue
		case !empty:
			ready = false
			continue
		}
		_, err = api.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: aws.String(name)})
		switch {
		case failure.Code(err) == "BucketNotEmpty":
			// Something has been written since; the next turn sees it.
			ready = false
		case err != nil && !failure.IsNotFound(err):
			return nil, fmt.Errorf("deleting %s: %w", what, err)
		default:
			removed = append(removed, what)
		}
	}
	out := d.removing(doc.DeletedRootBucket, ready, paceBucket, removed, left, "")
	out.Objects += deleted
	if !ready {
		out.Reason = fmt.Sprintf("%d versions deleted", out.Objects)
	}
	return out, late("DeleteRootBucket", out.Wait, "the root bucket to be empty", out.Reason)
}

// storageAliases are the aliases of the keys with which what stays in the bucket
// is encrypted.
func storageAliases(doc *document.Document) []string {
	return aliasesOf(doc, func(s spec.Spec) *spec.Key { return s.Encryption.StorageKey })
}

// isOurBucket says whether a bucket exists and is ours. A name may belong to
// another account or region, which S3 does not let this one look into.
func isOurBucket(ctx context.Context, api awsapi.Buckets, doc *document.Document, name string) (bool, error) {
	tags, err := api.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: aws.String(name)})
	switch {
	case failure.IsNotFound(err), failure.Code(err) == "PermanentRedirect", withheld(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("reading the tags of bucket %s: %w", name, err)
	}
	return awsapi.OfS3(tags.TagSet).IsOwnedBy(doc.Workspace), nil
}

// emptied deletes up to some thousand versions of objects, if that is forced,
// and says whether the bucket is empty.
func emptied(ctx context.Context, api awsapi.Buckets, name string, force bool) (empty bool, deleted int, err error) {
	for range batches {
		page, err := api.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: aws.String(name)})
		if failure.IsNotFound(err) {
			return true, deleted, nil
		}
		if err != nil {
			return false, deleted, fmt.Errorf("listing the objects of bucket %s: %w", name, err)
		}
		var all []types.ObjectIdentifier
		for _, v := range page.Versions {
			all = append(all, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, m := range page.DeleteMarkers {
			all = append(all, types.ObjectIdentifier{Key: m.Key, VersionId: m.VersionId})
		}
		if len(all) == 0 || !force {
			return len(all) == 0, deleted, nil
		}
		out, err := api.DeleteObjects(ctx, &s3.DeleteObjectsInput{
			Bucket: aws.String(name), Delete: &types.Delete{Objects: all, Quiet: aws.Bool(true)},
		})
		if err != nil {
			return false, deleted, fmt.Errorf("emptying bucket %s: %w", name, err)
		}
		for _, e := range out.Errors {
			return false, deleted, fmt.Errorf("deleting %s in bucket %s: %w", aws.ToString(e.Key), name, withCode(e.Code, e.Message))
		}
		deleted += len(all)
	}
	return false, deleted, nil
}
