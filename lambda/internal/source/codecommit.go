package source

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/plan"
)

// CodeCommit reads specs from a branch of a git repository.
//
// A revision is a commit, but most commits leave most specs as they are: one
// that does not touch a spec does not supersede it. So contents are compared,
// by the ids of their blobs, and not commits.
type CodeCommit struct {
	Repositories func() awsapi.Repositories
}

// Read returns the content of a spec in the commit of a revision.
func (c *CodeCommit) Read(ctx context.Context, r revision.Revision) ([]byte, error) {
	out, err := c.file(ctx, r, r.Version)
	switch failure.Code(err) {
	case "FileDoesNotExistException", "CommitDoesNotExistException":
		return nil, failure.As(plan.Superseded, "", err)
	case "FileTooLargeException":
		return nil, failure.As(plan.SpecInvalid, "", err)
	}
	if err != nil {
		return nil, err
	}
	return out.FileContent, nil
}

// Newest says whether the spec is at the head of the branch as it is in the
// commit of the revision.
func (c *CodeCommit) Newest(ctx context.Context, r revision.Revision) (bool, error) {
	head, err := c.find(ctx, r, "refs/heads/"+r.Branch)
	if err != nil || head == nil {
		return false, err
	}
	if aws.ToString(head.CommitId) == r.Version {
		return true, nil
	}
	own, err := c.find(ctx, r, r.Version)
	if err != nil || own == nil {
		return false, err
	}
	return aws.ToString(own.BlobId) == aws.ToString(head.BlobId), nil
}

// Exists says whether the path is at the head of the branch.
func (c *CodeCommit) Exists(ctx context.Context, r revision.Revision) (bool, error) {
	head, err := c.find(ctx, r, "refs/heads/"+r.Branch)
	return head != nil, err
}

// find is file, or nil if there is no such file, commit or branch.
func (c *CodeCommit) find(ctx context.Context, r revision.Revision, specifier string) (*codecommit.GetFileOutput, error) {
	out, err := c.file(ctx, r, specifier)
	switch failure.Code(err) {
	case "FileDoesNotExistException", "CommitDoesNotExistException":
		return nil, nil
	}
	return out, err
}

// file returns the spec of a revision as it is in a commit or branch.
// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetFile.html
func (c *CodeCommit) file(ctx context.Context, r revision.Revision, specifier string) (*codecommit.GetFileOutput, error) {
	out, err := c.Repositories().GetFile(ctx, &codecommit.GetFileInput{
		RepositoryName: &r.Repository, CommitSpecifier: &specifier, FilePath: &r.Path,
	})
	if err != nil {
		return nil, fmt.Errorf("reading %s of repository %s at %s: %w", r.Path, r.Repository, specifier, err)
	}
	return out, nil
}

// detailTypeCodeCommit is the type of the event of a reference that moved.
const detailTypeCodeCommit = "CodeCommit Repository State Change"

// stateChange is the detail of such an event. A reference that was created has
// no old commit.
// https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
type stateChange struct {
	Event          string `json:"event"`
	RepositoryName string `json:"repositoryName"`
	ReferenceType  string `json:"referenceType"`
	ReferenceName  string `json:"referenceName"`
	CommitID       string `json:"commitId"`
	OldCommitID    string `json:"oldCommitId"`
}

// changes finds out which specs a branch has that it had not, or not so, before
// a push. However the branch came to its commit - by commits, by a merge, by
// force - the trees are compared, not the history between them.
func (c *CodeCommit) changes(ctx context.Context, e event) ([]Change, error) {
	var d stateChange
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		return nil, fmt.Errorf("decoding detail of %s: %w", e.DetailType, err)
	}
	if d.Event != "referenceCreated" && d.Event != "referenceUpdated" || d.ReferenceType != "branch" {
		return nil, fmt.Errorf("decoding detail of %s: %s of a %s is not known", e.DetailType, d.Event, d.ReferenceType)
	}
	if d.RepositoryName == "" || d.ReferenceName == "" || d.CommitID == "" {
		return nil, fmt.Errorf("decoding detail of %s: it names no repository, no branch or no commit", e.DetailType)
	}
	return c.changed(ctx, d, e.Time)
}

// changed are the specs that are new, differ or are gone between the two commits
// of a push that was made at a time.
func (c *CodeCommit) changed(ctx context.Context, d stateChange, at string) ([]Change, error) {
	differences, err := c.differences(ctx, d)
	if err != nil {
		return nil, err
	}
	var changes []Change
	for _, difference := range differences {
		before, after := difference.BeforeBlob, difference.AfterBlob
		// A mode that changed is a difference too.
		if before != nil && after != nil && aws.ToString(before.BlobId) == aws.ToString(after.BlobId) {
			continue
		}
		blob := cmp.Or(after, before)
		changes = append(changes, d.change(aws.ToString(blob.Path), aws.ToString(blob.BlobId), at))
		last := &changes[len(changes)-1]
		last.Added, last.Deleted = before == nil, after == nil
	}
	if changes, err = c.deletions(ctx, d, at, changes); err != nil || len(changes) == 0 {
		return nil, err
	}
	if err := c.renames(ctx, d, changes); err != nil {
		return nil, err
	}
	author, message, err := c.signature(ctx, d)
	if err != nil {
		return nil, err
	}
	for i := range changes {
		changes[i].Revision.Author, changes[i].Revision.Message = author, message
	}
	return changes, nil
}

// change is that of a path to a content by a push.
func (d stateChange) change(path, content, at string) Change {
	return Change{
		Workspace: WorkspaceOf(path),
		Revision: revision.Revision{
			Source: plan.CodeCommit, Repository: d.RepositoryName, Branch: d.ReferenceName, Path: path, Version: d.CommitID,
		},
		Content: content,
		Push:    d.OldCommitID + "@" + at,
	}
}

// deletions leaves only those of workspaces among the changes of a push. A file
// that is there under the other ending is none: it was renamed, or of two files
// for one workspace the other one is left, which is applied then.
func (c *CodeCommit) deletions(ctx context.Context, d stateChange, at string, changes []Change) ([]Change, error) {
	there := map[string]bool{}
	for _, one := range changes {
		if !one.Deleted {
			there[one.Workspace] = true
		}
	}
	var out []Change
	for _, one := range changes {
		switch {
		case !one.Deleted:
			out = append(out, one)
		case !workspacePath.MatchString(one.Revision.Path), there[one.Workspace]:
		default:
			other := OtherEnding(one.Revision)
			file, err := c.find(ctx, other, d.CommitID)
			if err != nil {
				return nil, err
			}
			if file != nil {
				one = d.change(other.Path, aws.ToString(file.BlobId), at)
			}
			there[one.Workspace] = true
			out = append(out, one)
		}
	}
	return out, nil
}

// differences are those of specs between the two commits of a push; without an
// old commit everything is added. Of a spec that was deleted there is no blob
// after, and a renamed one is a deleted and an added one.
//
// The whole trees are compared: paths in the reply are said to be relative to
// the paths of the request, if it has any.
// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetDifferences.html
func (c *CodeCommit) differences(ctx context.Context, d stateChange) ([]types.Difference, error) {
	in := &codecommit.GetDifferencesInput{RepositoryName: &d.RepositoryName, AfterCommitSpecifier: &d.CommitID}
	if d.OldCommitID != "" {
		in.BeforeCommitSpecifier = &d.OldCommitID
	}
	var specs []types.Difference
	for {
		out, err := c.Repositories().GetDifferences(ctx, in)
		if failure.Code(err) == "CommitDoesNotExistException" && in.BeforeCommitSpecifier != nil {
			// What a forced push took off the branch may be gone. Then nobody
			// knows what it had, and every spec counts as changed.
			in.BeforeCommitSpecifier, in.NextToken, specs = nil, nil, nil
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("comparing commits %s and %s of repository %s: %w", cmp.Or(d.OldCommitID, "none"), d.CommitID, d.RepositoryName, err)
		}
		for _, difference := range out.Differences {
			blob := cmp.Or(difference.AfterBlob, difference.BeforeBlob)
			if blob != nil && isSpec(plan.SourcePrefix, aws.ToString(blob.Path)) {
				specs = append(specs, difference)
			}
		}
		if aws.ToString(out.NextToken) == "" {
			return specs, nil
		}
		in.NextToken = out.NextToken
	}
}

// maxText bounds what is kept of the words of a commit, in runes: they go
// through the input of an execution and into every event.
const maxText = 120

// signature returns who made the commit that was pushed, and the first line of
// its message.
func (c *CodeCommit) signature(ctx context.Context, d stateChange) (author, message string, err error) {
	out, err := c.Repositories().GetCommit(ctx, &codecommit.GetCommitInput{RepositoryName: &d.RepositoryName, CommitId: &d.CommitID})
	if err != nil {
		return "", "", fmt.Errorf("reading commit %s of repository %s: %w", d.CommitID, d.RepositoryName, err)
	}
	if by := out.Commit.Author; by != nil {
		author = aws.ToString(by.Name)
		if email := aws.ToString(by.Email); email != "" {
			author = strings.TrimSpace(author + " <" + email + ">")
		}
	}
	message, _, _ = strings.Cut(strings.TrimSpace(aws.ToString(out.Commit.Message)), "\n")
	return shorten(author), shorten(message), nil
}

// shorten keeps a text within maxText.
func shorten(text string) string {
	runes := []rune(strings.TrimSpace(text))
	if len(runes) <= maxText {
		return string(runes)
	}
	return string(runes[:maxText-1]) + "…"
}
