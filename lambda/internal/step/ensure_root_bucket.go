package step

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// ensureRootBucket finds or creates the bucket of the workspace's root storage:
// closed to the public, open to Databricks on behalf of this account. S3
// encrypts by itself; versioning stays off, as Databricks advises.
func ensureRootBucket(ctx context.Context, d *Deps, doc *document.Document) (*document.Object, error) {
	api := d.AWS.Buckets(doc.Spec.Region)
	name, given := doc.Spec.RootBucket.Name, false
	if arn := doc.Spec.RootBucket.ARN; arn != "" {
		name, given = bucketOf(arn), true
	}
	out := &document.Object{ID: name, Name: name, ARN: "arn:" + partitionOf(doc.Execution.ARN) + ":s3:::" + name}
	wanted := bucketPolicy(name, doc.Spec.Databricks.AccountID).String()
	if given {
		found, err := headBucket(ctx, api, name, doc.Spec.Region, "spec.rootBucket.arn")
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			return nil, missing("bucket", name, "", "spec.rootBucket.arn")
		}
		// Its tags stay as they are: they can be written only all together, which
		// would undo what its owner writes meanwhile.
		out.Outcome = document.Outcome{Outcome: document.Given}
		return out, checkGivenBucket(ctx, api, name, wanted)
	}
	_, created, err := ensure(ctx, "bucket "+name,
		func(ctx context.Context) ([]string, error) {
			return headBucket(ctx, api, name, doc.Spec.Region, "spec.rootBucket.name")
		},
		func(s string) string { return s },
		func(ctx context.Context) (string, error) { return name, createBucket(ctx, api, doc, name) })
	if err != nil {
		return nil, err
	}
	tagged := change{}
	if !created {
		tags, err := tagsOfBucket(ctx, api, name)
		if err != nil {
			return nil, err
		}
		if err := claim(doc, "bucket "+name, out.ARN, "spec.rootBucket.arn", tags); err != nil {
			return nil, err
		}
		if tagged, err = bucketTagger(api, name, tags).own(ctx, doc, "root-bucket", ""); err != nil {
			return nil, err
		}
	}
	differences, err := convergeBucket(ctx, api, name, wanted)
	if err != nil {
		return nil, err
	}
	out.Outcome = made(created, tagged, changing("changed its policy or public access block", differences...))
	return out, nil
}

func tagsOfBucket(ctx context.Context, api awsapi.Buckets, name string) (awsapi.Tags, error) {
	out, err := api.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: aws.String(name)})
	if failure.Code(err) == "NoSuchTagSet" {
		return awsapi.Tags{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the tags of bucket %s: %w", name, err)
	}
	return awsapi.OfS3(out.TagSet), nil
}

// bucketOf is the name in the ARN of a bucket.
func bucketOf(arn string) string { return arn[strings.LastIndex(arn, ":")+1:] }

// headBucket looks for a bucket and refuses one that cannot be used.
func headBucket(ctx context.Context, api awsapi.Buckets, name, region, path string) ([]string, error) {
	out, err := api.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String(name)})
	if failure.IsNotFound(err) {
		return nil, nil
	}
	// A HEAD has no body, so there is nothing but the status.
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		switch response.HTTPStatusCode() {
		case http.StatusForbidden:
			if !withheld(err) {
				return nil, err
			}
			return nil, failure.As(plan.Conflict,
				"Choose another "+path+": the name belongs to another AWS account, or a policy forbids to look at it.",
				fmt.Errorf("looking for bucket %s: %w", name, err))
		case http.StatusMovedPermanently:
			return nil, elsewhere(name, response.Response.Header.Get("x-amz-bucket-region"), region, path)
		}
	}
	if err != nil {
		return nil, err
	}
	if found := aws.ToString(out.BucketRegion); found != "" && found != region {
		return nil, elsewhere(name, found, region, path)
	}
	return []string{name}, nil
}

// elsewhere is the Conflict of a bucket in another region than the workspace.
func elsewhere(name, found, wanted, path string) error {
	return failure.New(plan.Conflict,
		fmt.Sprintf("Choose another %s, or set spec.region to %s, then push.", path, found),
		"comparing bucket %s: its region is %s, the spec wants %s", name, found, wanted)
}

func createBucket(ctx context.Context, api awsapi.Buckets, doc *document.Document, name string) error {
	configuration := &types.CreateBucketConfiguration{
		// Tagged in the create call: a bucket without our tags is not ours.
		Tags: awsapi.Owned(doc.Spec.Tags, doc.Workspace, "root-bucket", "").S3(),
	}
	if doc.Spec.Region != "us-east-1" {
		configuration.LocationConstraint = types.BucketLocationConstraint(doc.Spec.Region)
	}
	_, err := api.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String(name), CreateBucketConfiguration: configuration})
	switch failure.Code(err) {
	case "BucketAlreadyOwnedByYou":
		// The two looks may not have seen what an earlier attempt made.
		return failure.As(plan.NotReady, "", err)
	case "BucketAlreadyExists":
		return failure.As(plan.Conflict, "Choose another spec.rootBucket.name: the name belongs to another AWS account.", err)
	}
	return err
}

// convergeBucket closes the bucket to the public and opens it to Databricks.
func convergeBucket(ctx context.Context, api awsapi.Buckets, name, wanted string) (differences []document.Difference, err error) {
	this := entity{"bucket", name}
	closed, err := publicAccessBlocked(ctx, api, name)
	if err != nil {
		return nil, err
	}
	if !closed {
		if _, err := api.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
			Bucket: aws.String(name),
			PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
				BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true),
				IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
			},
		}); err != nil {
			return nil, fmt.Errorf("blocking public access to bucket %s: %w", name, err)
		}
		differences = append(differences, this.differs("public access block", "not complete", "complete"))
	}
	found, err := readPolicy(ctx, api, name)
	if err != nil {
		return differences, err
	}
	if sameJSON(found, wanted) {
		return differences, nil
	}
	if _, err := api.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String(name), Policy: aws.String(wanted)}); err != nil {
		return differences, fmt.Errorf("writing the policy of bucket %s: %w", name, err)
	}
	return append(differences, this.differsInPolicy("policy", found, wanted)), nil
}

func publicAccessBlocked(ctx context.Context, api awsapi.Buckets, name string) (bool, error) {
	out, err := api.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: aws.String(name)})
	if failure.Code(err) == "NoSuchPublicAccessBlockConfiguration" {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the public access block of bucket %s: %w", name, err)
	}
	c := out.PublicAccessBlockConfiguration
	return c != nil && aws.ToBool(c.BlockPublicAcls) && aws.ToBool(c.BlockPublicPolicy) &&
		aws.ToBool(c.IgnorePublicAcls) && aws.ToBool(c.RestrictPublicBuckets), nil
}

func readPolicy(ctx context.Context, api awsapi.Buckets, name string) (string, error) {
	out, err := api.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: aws.String(name)})
	if failure.Code(err) == "NoSuchBucketPolicy" {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading the policy of bucket %s: %w", name, err)
	}
	return aws.ToString(out.Policy), nil
}

// checkGivenBucket refuses a bucket of the author's that is open to the public
// or has no policy. The policy may say more than ours, so it is not compared.
func checkGivenBucket(ctx context.Context, api awsapi.Buckets, name, wanted string) error {
	closed, err := publicAccessBlocked(ctx, api, name)
	if err != nil {
		return err
	}
	if !closed {
		return failure.New(plan.Conflict,
			"Block all public access to the bucket, then redrive the execution.",
			"checking bucket %s: its public access block is not complete", name)
	}
	found, err := readPolicy(ctx, api, name)
	if err != nil {
		return err
	}
	if !strings.Contains(found, databricksPrincipal) {
		return failure.New(plan.Conflict,
			"Add this to its policy, then redrive the execution: "+wanted,
			"checking bucket %s: its policy does not name %s", name, databricksPrincipal)
	}
	return nil
}
