package source

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/plan"
)

// detailTypeS3 is the type of the event of a version that was put.
const detailTypeS3 = "Object Created"

// detailTypeS3Deleted is the type of the event of an object that was deleted, or
// of a delete marker.
const detailTypeS3Deleted = "Object Deleted"

// maxSpec bounds what is read of a spec: one byte more than a spec may have,
// so that its decoder sees and says that it is too long.
const maxSpec = 256<<10 + 1

// S3 reads specs from a versioned bucket.
type S3 struct {
	Objects func() awsapi.Objects
}

// Read returns the content of a revision.
func (s *S3) Read(ctx context.Context, r revision.Revision) ([]byte, error) {
	in := &s3.GetObjectInput{Bucket: aws.String(r.Repository), Key: aws.String(r.Path)}
	if r.Version != "" {
		in.VersionId = aws.String(r.Version)
	}
	out, err := s.Objects().GetObject(ctx, in)
	if err != nil {
		err = fmt.Errorf("reading s3://%s/%s version %s: %w", r.Repository, r.Path, r.Version, err)
		if failure.IsNotFound(err) {
			return nil, failure.As(plan.Superseded, "", err)
		}
		return nil, err
	}
	defer func() { _ = out.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(out.Body, maxSpec))
	if err != nil {
		return nil, failure.As(plan.Transient, "", fmt.Errorf("reading s3://%s/%s: %w", r.Repository, r.Path, err))
	}
	return data, nil
}

// Newest says whether no version of a revision's path is newer.
func (s *S3) Newest(ctx context.Context, r revision.Revision) (bool, error) {
	newest, err := s.head(ctx, r)
	return newest == r.Version && err == nil, err
}

// Exists says whether the newest version of a revision's path is an object.
func (s *S3) Exists(ctx context.Context, r revision.Revision) (bool, error) {
	newest, err := s.head(ctx, r)
	return newest != "", err
}

// head returns the newest version of a revision's path; empty if there is none
// any more.
func (s *S3) head(ctx context.Context, r revision.Revision) (string, error) {
	out, err := s.Objects().HeadObject(ctx, &s3.HeadObjectInput{Bucket: aws.String(r.Repository), Key: aws.String(r.Path)})
	if err != nil {
		if failure.IsNotFound(err) {
			return "", nil
		}
		return "", fmt.Errorf("reading the newest version of s3://%s/%s: %w", r.Repository, r.Path, err)
	}
	return aws.ToString(out.VersionId), nil
}

// objectChanged is the detail of an Object Created or Object Deleted event.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
type objectChanged struct {
	Bucket struct {
		Name string `json:"name"`
	} `json:"bucket"`
	Object struct {
		Key       string `json:"key"`
		VersionID string `json:"version-id"`
		ETag      string `json:"etag"`
	} `json:"object"`
}

// changedObject reads which spec below a prefix an Object Created event says has
// changed, or an Object Deleted event that is gone.
func changedObject(prefix string, deleted bool, detail json.RawMessage) ([]Change, error) {
	var d objectChanged
	if err := json.Unmarshal(detail, &d); err != nil {
		return nil, fmt.Errorf("decoding detail of %s: %w", detailTypeS3, err)
	}
	if d.Bucket.Name == "" || d.Object.Key == "" {
		return nil, fmt.Errorf("decoding detail of %s: it names no bucket or no key", detailTypeS3)
	}
	if !isSpec(prefix, d.Object.Key) {
		return nil, nil
	}
	return []Change{{
		Workspace: WorkspaceOf(d.Object.Key),
		Revision: revision.Revision{
			Source: plan.S3, Repository: d.Bucket.Name, Path: d.Object.Key, Version: d.Object.VersionID,
		},
		Content: d.Object.ETag, Deleted: deleted,
	}}, nil
}

// otherLeft returns what the deletion of an object means: of two files for one
// workspace the other one is left, which is applied then.
func (s *S3) otherLeft(ctx context.Context, deleted Change) ([]Change, error) {
	if !workspacePath.MatchString(deleted.Revision.Path) {
		return nil, nil
	}
	b := &Bucket{S3: s, Name: deleted.Revision.Repository}
	other, err := b.head(ctx, OtherEnding(deleted.Revision).Path)
	if err != nil || other == nil {
		return []Change{deleted}, err
	}
	// It has been refused as one of two before.
	other.Push = deleted.Revision.Version
	return []Change{*other}, nil
}
