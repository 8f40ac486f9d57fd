package chat

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// Ledger notes in the state bucket what was posted, one object for each message:
// events are delivered at least once, and are to be told once.
type Ledger struct {
	Objects func() awsapi.Objects
	Bucket  string
	// Product whose messages it notes.
	Product string
	Now     func() time.Time
}

// entry is what is noted of a message.
type entry struct {
	// Claimed is when somebody began to post it.
	Claimed time.Time `json:"claimed"`
	// Posted says that it is there, under the name Receipt where the product gives
	// one; or that it is not to be told any more.
	Posted  bool   `json:"posted"`
	Receipt string `json:"receipt,omitempty"`
}

// claimHolds is longer than an invocation can last.
const claimHolds = 2 * time.Minute

func (l *Ledger) key(message string) string {
	return plan.ChatPrefix + l.Product + "/" + message + ".json"
}

// read returns what is noted of a message, and the version of the note; both are
// empty if there is none.
func (l *Ledger) read(ctx context.Context, message string) (e entry, etag string, err error) {
	out, err := l.Objects().GetObject(ctx, &s3.GetObjectInput{Bucket: &l.Bucket, Key: aws.String(l.key(message))})
	if err != nil {
		if failure.Code(err) == "NoSuchKey" {
			return entry{}, "", nil
		}
		return entry{}, "", fmt.Errorf("reading what was posted of %s: %w", message, err)
	}
	defer func() { _ = out.Body.Close() }()
	if err := json.NewDecoder(out.Body).Decode(&e); err != nil {
		return entry{}, "", fmt.Errorf("decoding what was posted of %s: %w", message, err)
	}
	return e, aws.ToString(out.ETag), nil
}

// write stores a note if it is still the version that was read.
func (l *Ledger) write(ctx context.Context, message string, e entry, etag string) (written string, err error) {
	body, err := json.Marshal(e)
	if err != nil {
		return "", fmt.Errorf("encoding what was posted of %s: %w", message, err)
	}
	in := &s3.PutObjectInput{Bucket: &l.Bucket, Key: aws.String(l.key(message)), Body: bytes.NewReader(body), ContentType: aws.String("application/json")}
	if etag == "" {
		in.IfNoneMatch = aws.String("*")
	} else {
		in.IfMatch = &etag
	}
	out, err := l.Objects().PutObject(ctx, in)
	if err != nil {
		return "", fmt.Errorf("noting what is posted of %s: %w", message, err)
	}
	return aws.ToString(out.ETag), nil
}

// claim takes the right to post a message. It is false if it was posted; while
// somebody else posts it, that is an error, and the event comes again.
func (l *Ledger) claim(ctx context.Context, message string) (etag string, ok bool, err error) {
	e, etag, err := l.read(ctx, message)
	switch {
	case err != nil:
		return "", false, err
	case e.Posted:
		return "", false, nil
	case l.Now().Sub(e.Claimed) < claimHolds:
		return "", false, failure.New(plan.Transient, "", "posting %s: somebody else is at it", message)
	}
	etag, err = l.write(ctx, message, entry{Claimed: l.Now().UTC()}, etag)
	switch failure.Code(err) {
	case "PreconditionFailed", "ConditionalRequestConflict":
		return "", false, failure.As(plan.Transient, "", err)
	}
	return etag, err == nil, err
}
