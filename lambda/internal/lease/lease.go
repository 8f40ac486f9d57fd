// Package lease gives one execution at a time the right to change a workspace.
//
// A lease is an object in the state bucket that is only written with S3's
// conditional writes. It fences: every step reads it before it acts. Its
// generation counts the executions that have held it, so that an execution
// that was redriven, delivered twice or very late notices that another one has
// worked since, and does no harm.
package lease

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// Prefix of the leases in the state bucket.
const Prefix = "leases/"

// Lease is the object in the state bucket.
type Lease struct {
	Workspace string `json:"workspace"`
	// Generation counts the executions that have held the lease.
	Generation int `json:"generation"`
	// Execution that holds the lease; empty when it is free.
	Execution string `json:"execution,omitempty"`
	// Successor is the execution of a newer revision that waits for it.
	Successor string `json:"successor,omitempty"`
	// Since when the lease has been held or free.
	Since time.Time `json:"since"`
}

// Store keeps leases in the state bucket.
type Store struct {
	Objects func() awsapi.Objects
	Bucket  string
	Now     func() time.Time
}

// Acquire takes the lease for an execution of the newest revision. If another
// execution holds it and still runs, that one is told to stop at its next step,
// and held is its ARN: ask again later.
func (s *Store) Acquire(ctx context.Context, workspace, execution string, running func(context.Context, string) (bool, error)) (l Lease, held string, err error) {
	return s.acquire(ctx, workspace, execution, running, true)
}

func (s *Store) acquire(ctx context.Context, workspace, execution string, running func(context.Context, string) (bool, error), succeed bool) (l Lease, held string, err error) {
	l, etag, err := s.read(ctx, workspace)
	if err != nil {
		return l, "", err
	}
	if l.Execution == execution {
		return l, "", nil
	}
	if l.Execution != "" {
		alive, err := running(ctx, l.Execution)
		if err != nil {
			return l, "", fmt.Errorf("looking at execution %s, which holds the lease of %s: %w", l.Execution, workspace, err)
		}
		if alive {
			if l.Successor == execution || !succeed {
				return l, l.Execution, nil
			}
			l.Successor = execution
			return l, l.Execution, s.write(ctx, l, etag)
		}
	}
	l.Generation++
	l.Execution, l.Successor, l.Since = execution, "", s.Now()
	return l, "", s.write(ctx, l, etag)
}

// AcquireFree takes the lease if no other execution that runs holds it; else held
// is the ARN of that one. Unlike Acquire, it tells nobody to stop: what is looked
// at and what is written is one version of the lease.
func (s *Store) AcquireFree(ctx context.Context, workspace, execution string, running func(context.Context, string) (bool, error)) (l Lease, held string, err error) {
	return s.acquire(ctx, workspace, execution, running, false)
}

// Check fails as Superseded unless the execution still holds the lease of this
// generation. It takes the lease again if it is free and nobody else has held
// it since: that is a redrive.
func (s *Store) Check(ctx context.Context, workspace, execution string, generation int) error {
	l, etag, err := s.read(ctx, workspace)
	if err != nil {
		return err
	}
	switch {
	case l.Generation != generation, l.Execution != "" && l.Execution != execution:
		return superseded(workspace, "execution %s has taken over", l.Execution)
	case l.Successor != "":
		return superseded(workspace, "execution %s of a newer revision waits to take over", l.Successor)
	case l.Execution == execution:
		return nil
	}
	l.Execution, l.Since = execution, s.Now()
	err = s.write(ctx, l, etag)
	if failure.Code(err) == "PreconditionFailed" {
		// Another branch of the same execution may have been faster.
		return failure.As(plan.Transient, "", err)
	}
	return err
}

// Release frees the lease if the execution holds it.
func (s *Store) Release(ctx context.Context, workspace, execution string) error {
	l, etag, err := s.read(ctx, workspace)
	if err != nil || l.Execution != execution {
		return err
	}
	l.Execution, l.Successor, l.Since = "", "", s.Now()
	return s.write(ctx, l, etag)
}

func superseded(workspace, format string, args ...any) error {
	return failure.New(plan.Superseded, "", "changing workspace %s: %w", workspace, fmt.Errorf(format, args...))
}

// read returns the lease and its ETag; a lease that was never taken is free and
// has no ETag.
func (s *Store) read(ctx context.Context, workspace string) (Lease, string, error) {
	l := Lease{Workspace: workspace}
	out, err := s.Objects().GetObject(ctx, &s3.GetObjectInput{Bucket: &s.Bucket, Key: aws.String(key(workspace))})
	if err != nil {
		if failure.Code(err) == "NoSuchKey" {
			return l, "", nil
		}
		return l, "", fmt.Errorf("reading lease of %s: %w", workspace, err)
	}
	defer func() { _ = out.Body.Close() }()
	if err := json.NewDecoder(out.Body).Decode(&l); err != nil {
		return l, "", fmt.Errorf("decoding lease of %s: %w", workspace, err)
	}
	return l, aws.ToString(out.ETag), nil
}

func (s *Store) write(ctx context.Context, l Lease, etag string) error {
	if l.Workspace == "" {
		return errors.New("writing lease: it names no workspace")
	}
	body, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("encoding lease of %s: %w", l.Workspace, err)
	}
	in := &s3.PutObjectInput{
		Bucket: &s.Bucket, Key: aws.String(key(l.Workspace)),
		Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	}
	if etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = aws.String(etag)
	}
	if _, err := s.Objects().PutObject(ctx, in); err != nil {
		return fmt.Errorf("writing lease of %s: %w", l.Workspace, err)
	}
	return nil
}

func key(workspace string) string { return Prefix + workspace + ".json" }
