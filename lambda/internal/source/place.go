package source

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/plan"
)

// Place is where specs are watched. What events say of a place can be missed, so
// it can also be asked what it has.
type Place interface {
	// Heads returns the specs that the place has now, each as its event would have
	// told of it. A path that can be no workspace's is left to its event. Nothing
	// is known of a place that does not exist.
	Heads(context.Context) (heads []Change, known bool, err error)
	// Same says whether a head has the content of a revision of its path.
	Same(ctx context.Context, head Change, r revision.Revision) (bool, error)
	// Holds says whether a revision is of this place.
	Holds(r revision.Revision) bool
	// String names the place for people.
	String() string
}

// Bucket is a bucket that is watched.
type Bucket struct {
	*S3
	Name string
}

// Heads returns the newest versions of the specs in the bucket.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func (b *Bucket) Heads(ctx context.Context) ([]Change, bool, error) {
	var paths []string
	in := &s3.ListObjectsV2Input{Bucket: &b.Name, Prefix: aws.String(plan.SourcePrefix)}
	for {
		out, err := b.Objects().ListObjectsV2(ctx, in)
		if err != nil {
			return nil, false, fmt.Errorf("listing s3://%s/%s: %w", b.Name, plan.SourcePrefix, err)
		}
		for _, o := range out.Contents {
			if path := aws.ToString(o.Key); workspacePath.MatchString(path) {
				paths = append(paths, path)
			}
		}
		if !aws.ToBool(out.IsTruncated) {
			break
		}
		in.ContinuationToken = out.NextContinuationToken
	}
	// A listing does not say which version it shows.
	found, errs := make([]*Change, len(paths)), make([]error, len(paths))
	SideBySide(len(paths), reading, func(i int) { found[i], errs[i] = b.head(ctx, paths[i]) })
	var heads []Change
	for i, head := range found {
		if errs[i] != nil {
			return nil, false, errs[i]
		}
		if head != nil {
			heads = append(heads, *head)
		}
	}
	return heads, true, nil
}

// head returns the newest version of a path, or nil if it is gone.
func (b *Bucket) head(ctx context.Context, path string) (*Change, error) {
	out, err := b.Objects().HeadObject(ctx, &s3.HeadObjectInput{Bucket: &b.Name, Key: &path})
	if failure.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the newest version of s3://%s/%s: %w", b.Name, path, err)
	}
	return &Change{
		Workspace: WorkspaceOf(path),
		Revision:  revision.Revision{Source: plan.S3, Repository: b.Name, Path: path, Version: aws.ToString(out.VersionId)},
		// Events have it without quotes.
		Content: strings.Trim(aws.ToString(out.ETag), `"`),
	}, nil
}

// Same compares versions: a version is never changed.
func (b *Bucket) Same(_ context.Context, head Change, r revision.Revision) (bool, error) {
	return b.Holds(r) && head.Revision.Path == r.Path && head.Revision.Version == r.Version, nil
}

// Holds says whether a revision is of this bucket.
func (b *Bucket) Holds(r revision.Revision) bool {
	return r.Source == plan.S3 && r.Repository == b.Name
}

// String is the address of the bucket.
func (b *Bucket) String() string { return "s3://" + b.Name }

// Branch is a branch of a git repository that is watched.
type Branch struct {
	*CodeCommit
	Repository, Name string
}

// Heads returns the specs in the commit that the branch is at. A branch that does
// not exist has not lost its specs.
// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetFolder.html
func (b *Branch) Heads(ctx context.Context) ([]Change, bool, error) {
	at, err := b.Repositories().GetBranch(ctx, &codecommit.GetBranchInput{RepositoryName: &b.Repository, BranchName: &b.Name})
	if failure.Code(err) == "BranchDoesNotExistException" {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("reading branch %s of repository %s: %w", b.Name, b.Repository, err)
	}
	commit := aws.ToString(at.Branch.CommitId)
	folder, err := b.Repositories().GetFolder(ctx, &codecommit.GetFolderInput{
		RepositoryName: &b.Repository, CommitSpecifier: &commit, FolderPath: aws.String(plan.SourcePrefix),
	})
	if failure.Code(err) == "FolderDoesNotExistException" {
		// Git has no empty folders.
		return nil, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("listing %s of repository %s at %s: %w", plan.SourcePrefix, b.Repository, commit, err)
	}
	var heads []Change
	for _, file := range folder.Files {
		path := aws.ToString(file.AbsolutePath)
		if !workspacePath.MatchString(path) {
			continue
		}
		heads = append(heads, Change{
			Workspace: WorkspaceOf(path), Content: aws.ToString(file.BlobId),
			Revision: revision.Revision{
				Source: plan.CodeCommit, Repository: b.Repository, Branch: b.Name, Path: path, Version: commit,
			},
		})
	}
	return heads, true, nil
}

// Same compares contents: most commits leave most specs as they are.
func (b *Branch) Same(ctx context.Context, head Change, r revision.Revision) (bool, error) {
	if !b.Holds(r) || head.Revision.Path != r.Path {
		return false, nil
	}
	if head.Revision.Version == r.Version {
		return true, nil
	}
	file, err := b.find(ctx, r, r.Version)
	if err != nil || file == nil {
		return false, err
	}
	return aws.ToString(file.BlobId) == head.Content, nil
}

// Holds says whether a revision is of this branch.
func (b *Branch) Holds(r revision.Revision) bool {
	return r.Source == plan.CodeCommit && r.Repository == b.Repository && r.Branch == b.Name
}

// String names repository and branch.
func (b *Branch) String() string { return "branch " + b.Name + " of repository " + b.Repository }
