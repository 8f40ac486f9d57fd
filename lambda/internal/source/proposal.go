package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"

	"lakegate/lambda/plan"
)

// Proposal is what somebody would like to push.
type Proposal struct {
	// Changes are the specs in it.
	Changes []Change
	// Account is the AWS account that it is from.
	Account string
	// PullRequest it is in; nil if it is none.
	PullRequest *PullRequest
}

// PullRequest is a pull request of CodeCommit at one time.
type PullRequest struct {
	ID, Repository string
	// Before is the commit of the destination, After that of the source.
	Before, After string
}

// Proposals reads an object below the prefix of proposals, or a pull request to
// the watched branch.
func (c *CodeCommit) Proposals(ctx context.Context, payload []byte) (*Proposal, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("decoding event: %w", err)
	}
	out := &Proposal{Account: e.Account}
	var err error
	switch {
	case e.Source == "aws.s3" && e.DetailType == detailTypeS3:
		out.Changes, err = changedObject(plan.ProposalPrefix, false, e.Detail)
	case e.Source == "aws.codecommit" && e.DetailType == "CodeCommit Pull Request State Change":
		out.Changes, out.PullRequest, err = c.pullRequest(ctx, e)
	default:
		return nil, fmt.Errorf("decoding event: source %q with detail-type %q is no proposal", e.Source, e.DetailType)
	}
	return out, err
}

// pullRequestState is the detail of the event of a pull request.
// https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
type pullRequestState struct {
	PullRequestID        string   `json:"pullRequestId"`
	RepositoryNames      []string `json:"repositoryNames"`
	DestinationReference string   `json:"destinationReference"`
	DestinationCommit    string   `json:"destinationCommit"`
	SourceCommit         string   `json:"sourceCommit"`
}

// pullRequest finds out which specs a pull request would change.
func (c *CodeCommit) pullRequest(ctx context.Context, e event) ([]Change, *PullRequest, error) {
	var d pullRequestState
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return nil, nil, fmt.Errorf("decoding detail of %s: %w", e.DetailType, err)
	}
	if d.PullRequestID == "" || len(d.RepositoryNames) == 0 || d.DestinationCommit == "" || d.SourceCommit == "" {
		return nil, nil, fmt.Errorf("decoding detail of %s: it names no pull request, no repository or no commits", e.DetailType)
	}
	pushed := stateChange{
		RepositoryName: d.RepositoryNames[0], ReferenceName: strings.TrimPrefix(d.DestinationReference, "refs/heads/"),
		CommitID: d.SourceCommit, OldCommitID: d.DestinationCommit,
	}
	changes, err := c.changed(ctx, pushed, e.Time)
	return changes, &PullRequest{ID: d.PullRequestID, Repository: pushed.RepositoryName, Before: d.DestinationCommit, After: d.SourceCommit}, err
}

// Comment says something in a pull request, once for each pair of commits.
// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_PostCommentForPullRequest.html
func (c *CodeCommit) Comment(ctx context.Context, p PullRequest, text string) error {
	sum := sha256.Sum256([]byte(strings.Join([]string{p.ID, p.Repository, p.Before, p.After, text}, "\x00")))
	_, err := c.Repositories().PostCommentForPullRequest(ctx, &codecommit.PostCommentForPullRequestInput{
		PullRequestId: &p.ID, RepositoryName: &p.Repository, BeforeCommitId: &p.Before, AfterCommitId: &p.After,
		Content: aws.String(text), ClientRequestToken: aws.String(hex.EncodeToString(sum[:])),
	})
	if err != nil {
		return fmt.Errorf("commenting on pull request %s of repository %s: %w", p.ID, p.Repository, err)
	}
	return nil
}
