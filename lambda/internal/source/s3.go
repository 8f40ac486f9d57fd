// Package source finds out which specs changed and reads them: events of a
// source become executions, one per changed spec.
package source

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// SourceS3 is the value of Revision.Source for the S3 source.
const SourceS3 = "s3"

// maxSpec bounds what is read of a spec: one byte more than a spec may have,
// so that its decoder sees and says that it is too long.
const maxSpec = 256<<10 + 1

// S3 reads specs from a versioned bucket.
type S3 struct {
	Objects func() awsapi.Objects
}

// Read returns the content of a revision.
func (s *S3) Read(ctx context.Context, r document.Revision) ([]byte, error) {
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

// Head returns the newest version of a revision's path; empty if there is none
// any more.
func (s *S3) Head(ctx context.Context, r document.Revision) (string, error) {
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

// Change is a spec that changed.
type Change struct {
	Workspace string
	Revision  document.Revision
	// Content tells contents apart; it need not be read for that.
	Content string
	// Deleted says that the spec was deleted; its revision is the deletion.
	Deleted bool
}

// event is the envelope of every EventBridge event.
type event struct {
	Source     string          `json:"source"`
	DetailType string          `json:"detail-type"`
	Detail     json.RawMessage `json:"detail"`
}

// Changes reads which specs an event says have changed.
func Changes(payload []byte) ([]Change, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("decoding event: %w", err)
	}
	deleted := e.DetailType == "Object Deleted"
	if e.Source != "aws.s3" || e.DetailType != "Object Created" && !deleted {
		return nil, fmt.Errorf("decoding event: source %q with detail-type %q is not known", e.Source, e.DetailType)
	}
	var d objectChanged
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return nil, fmt.Errorf("decoding detail of %s: %w", e.DetailType, err)
	}
	if d.Bucket.Name == "" || d.Object.Key == "" {
		return nil, fmt.Errorf("decoding detail of %s: it names no bucket or no key", e.DetailType)
	}
	if !strings.HasPrefix(d.Object.Key, plan.SourcePrefix) {
		return nil, nil
	}
	return []Change{{
		Workspace: WorkspaceOf(d.Object.Key),
		Revision: document.Revision{
			Source: SourceS3, Repository: d.Bucket.Name, Path: d.Object.Key, Version: d.Object.VersionID,
		},
		Content: d.Object.ETag, Deleted: deleted,
	}}, nil
}
