package report

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/plan"
)

// Record is what a workspace was made from: all that is known of it once its
// spec is deleted.
type Record struct {
	Workspace string `json:"workspace"`
	// Attempted is what an execution worked on last, Applied what one has brought
	// to Ready last.
	Attempted *Attempt `json:"attempted,omitempty"`
	Applied   *Attempt `json:"applied,omitempty"`
}

// Attempt is one spec that an execution has worked on.
type Attempt struct {
	// Change is the revision in full: a workspace is retired by the source alone
	// that it is defined in.
	Change       revision.Revision `json:"change,omitzero"`
	Revision     string            `json:"revision"`
	ExecutionARN string            `json:"executionArn"`
	// Digest of the spec with its defaults.
	Digest string `json:"digest"`
	// Protected says that the workspace stays when its spec is deleted.
	Protected bool `json:"protected,omitempty"`
	// Spec with its defaults. This package does not read it.
	Spec json.RawMessage `json:"spec"`
	// Objects are the ids of all that exists, by result key.
	Objects map[string][]string `json:"objects,omitempty"`
}

// Records keeps records in the state bucket.
type Records struct {
	Objects func() awsapi.Objects
	Bucket  string
}

// Read returns the record of a workspace; one that was never written is empty.
func (r *Records) Read(ctx context.Context, workspace string) (*Record, error) {
	record := &Record{Workspace: workspace}
	out, err := r.Objects().GetObject(ctx, &s3.GetObjectInput{Bucket: &r.Bucket, Key: aws.String(recordKey(workspace))})
	if err != nil {
		if failure.Code(err) == "NoSuchKey" {
			return record, nil
		}
		return nil, fmt.Errorf("reading record of %s: %w", workspace, err)
	}
	defer func() { _ = out.Body.Close() }()
	if err := json.NewDecoder(out.Body).Decode(record); err != nil {
		return nil, fmt.Errorf("decoding record of %s: %w", workspace, err)
	}
	return record, nil
}

// Write stores the record of a workspace. Only the execution that holds the
// lease writes.
func (r *Records) Write(ctx context.Context, record *Record) error {
	body, err := json.MarshalIndent(record, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding record of %s: %w", record.Workspace, err)
	}
	if _, err := r.Objects().PutObject(ctx, &s3.PutObjectInput{
		Bucket: &r.Bucket, Key: aws.String(recordKey(record.Workspace)),
		Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	}); err != nil {
		return fmt.Errorf("writing record of %s: %w", record.Workspace, err)
	}
	return nil
}

// Workspaces returns the names of those that have a record.
func (r *Records) Workspaces(ctx context.Context) ([]string, error) {
	return namesUnder(ctx, r.Objects(), r.Bucket, plan.RecordPrefix)
}

// namesUnder returns the names of the documents under a prefix.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func namesUnder(ctx context.Context, objects awsapi.Objects, bucket, prefix string) ([]string, error) {
	var names []string
	in := &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix}
	for {
		out, err := objects.ListObjectsV2(ctx, in)
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", prefix, err)
		}
		for _, o := range out.Contents {
			if name, ok := strings.CutSuffix(strings.TrimPrefix(aws.ToString(o.Key), prefix), ".json"); ok {
				names = append(names, name)
			}
		}
		if !aws.ToBool(out.IsTruncated) {
			return names, nil
		}
		in.ContinuationToken = out.NextContinuationToken
	}
}

// Forget deletes the record of a workspace of which nothing is left.
func (r *Records) Forget(ctx context.Context, workspace string) error {
	if _, err := r.Objects().DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &r.Bucket, Key: aws.String(recordKey(workspace))}); err != nil {
		return fmt.Errorf("deleting record of %s: %w", workspace, err)
	}
	return nil
}

func recordKey(workspace string) string { return plan.RecordPrefix + workspace + ".json" }
