package codecommit

import (
	"regexp"
	"slices"
	"strings"
)

// objectID is the form of a full id.
var objectID = regexp.MustCompile(`^[0-9a-f]{40}$`)

// badName is what no reference contains, begins or ends with.
// https://git-scm.com/docs/git-check-ref-format
var badName = regexp.MustCompile(`^$|^@$|^[/.]|[/.]$|\.\.|//|/\.|@\{|\.lock$|\.lock/|[\x00-\x20\x7f?^*\[\\~:]`)

// checkBranch says whether a branch may have this name.
// https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html
func checkBranch(name string) error {
	switch {
	case name == "":
		return refused("BranchNameRequired", "The name of a branch is required.")
	case len(name) > 256 || badName.MatchString(name) || objectID.MatchString(name):
		return refused("InvalidBranchName", "The name of the branch is not valid: %s.", name)
	}
	return nil
}

// resolve returns the commit that a specifier names: a full id, a full name of a
// reference, HEAD, a branch or a tag.
func (r *repository) resolve(specifier string) (*commit, error) {
	if specifier == "" {
		return nil, refused("CommitRequired", "A commit is required.")
	}
	if badName.MatchString(specifier) {
		return nil, refused("InvalidCommit", "The commit is not valid: %s.", specifier)
	}
	id := specifier
	if !objectID.MatchString(id) {
		ref := specifier
		if specifier == "HEAD" {
			ref = heads + r.branch
		}
		for _, prefix := range []string{"", heads, tags} {
			if id = r.refs[prefix+ref]; id != "" {
				break
			}
		}
	}
	if id != "" {
		c, err := r.commit(id)
		if c != nil || err != nil {
			return c, err
		}
	}
	return nil, refused("CommitDoesNotExist", "The commit %s does not exist.", specifier)
}

// head resolves a specifier that may be missing.
func (r *repository) head(specifier string) (*commit, error) {
	if specifier == "" {
		specifier = "HEAD"
	}
	return r.resolve(specifier)
}

type branchInput struct{ RepositoryName, BranchName string }

type branchInfo struct {
	BranchName string `json:"branchName"`
	CommitID   string `json:"commitId"`
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetBranch.html
func (s *Service) getBranch(q *request, in branchInput) (any, error) {
	r, err := s.lookup(q, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if err := checkBranch(in.BranchName); err != nil {
		return nil, err
	}
	id, ok := r.refs[heads+in.BranchName]
	if !ok {
		return nil, noBranch(in.BranchName)
	}
	return struct {
		Branch branchInfo `json:"branch"`
	}{branchInfo{in.BranchName, id}}, nil
}

func noBranch(name string) error {
	return refused("BranchDoesNotExist", "The branch %s does not exist.", name)
}

type listBranchesInput struct{ RepositoryName, NextToken string }

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_ListBranches.html
func (s *Service) listBranches(q *request, in listBranchesInput) (any, error) {
	r, err := s.lookup(q, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	part, next, err := page(r.branches(), in.NextToken, nil, 1000)
	if err != nil {
		return nil, err
	}
	return struct {
		Branches  []string `json:"branches"`
		NextToken string   `json:"nextToken,omitempty"`
	}{part, next}, nil
}

type createBranchInput struct{ RepositoryName, BranchName, CommitID string }

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_CreateBranch.html
func (s *Service) createBranch(q *request, in createBranchInput) (any, error) {
	r, err := s.lookup(q, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if err := checkBranch(in.BranchName); err != nil {
		return nil, err
	}
	switch {
	case r.refs[heads+in.BranchName] != "":
		return nil, refused("BranchNameExists", "The branch %s exists already.", in.BranchName)
	case in.CommitID == "":
		return nil, refused("CommitIdRequired", "The id of a commit is required.")
	case !objectID.MatchString(in.CommitID):
		return nil, refused("InvalidCommitId", "The id of the commit is not valid: %s.", in.CommitID)
	case slices.ContainsFunc(r.branches(), func(other string) bool {
		return strings.HasPrefix(other, in.BranchName+"/") || strings.HasPrefix(in.BranchName, other+"/")
	}):
		return nil, notEmulated("a branch whose name is a folder of another branch, or the other way around,")
	}
	c, err := r.resolve(in.CommitID)
	if err != nil {
		return nil, err
	}
	if _, err := r.git(nil, "update-ref", heads+in.BranchName, c.id, ""); err != nil {
		return nil, err
	}
	return nil, s.settle(q, r, nil)
}

// deleteBranch succeeds also if there is nothing to delete.
// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_DeleteBranch.html
func (s *Service) deleteBranch(q *request, in branchInput) (any, error) {
	r, err := s.lookup(q, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	if err := checkBranch(in.BranchName); err != nil {
		return nil, err
	}
	if in.BranchName == r.branch {
		return nil, refused("DefaultBranchCannotBeDeleted", "The branch %s is the default branch.", in.BranchName)
	}
	out := struct {
		Deleted *branchInfo `json:"deletedBranch,omitempty"`
	}{}
	id, ok := r.refs[heads+in.BranchName]
	if !ok {
		return out, nil
	}
	if _, err := r.git(nil, "update-ref", "-d", heads+in.BranchName, id); err != nil {
		return nil, err
	}
	out.Deleted = &branchInfo{in.BranchName, id}
	return out, s.settle(q, r, nil)
}

type mergeBranchesInput struct {
	RepositoryName, SourceCommitSpecifier, DestinationCommitSpecifier, TargetBranch string
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_MergeBranchesByFastForward.html
func (s *Service) mergeBranchesByFastForward(q *request, in mergeBranchesInput) (any, error) {
	r, err := s.lookup(q, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	source, err := r.resolve(in.SourceCommitSpecifier)
	if err != nil {
		return nil, err
	}
	destination, err := r.resolve(in.DestinationCommitSpecifier)
	if err != nil {
		return nil, err
	}
	branch := in.TargetBranch
	if branch == "" {
		branch = strings.TrimPrefix(in.DestinationCommitSpecifier, heads)
		if branch == "HEAD" {
			branch = r.branch
		}
	}
	if err := checkBranch(branch); err != nil {
		return nil, err
	}
	switch r.refs[heads+branch] {
	case destination.id:
	case "":
		if r.refs[tags+branch] != "" {
			return nil, refused("BranchNameIsTagName", "The name is that of a tag: %s.", branch)
		}
		return nil, noBranch(branch)
	default:
		return nil, notEmulated("a merge whose target branch is not at the destination")
	}
	if err := s.advance(q, r, branch, source.id); err != nil {
		return nil, err
	}
	return struct {
		CommitID string `json:"commitId"`
		TreeID   string `json:"treeId"`
	}{source.id, source.tree}, nil
}

// advance moves a branch to a commit that has its tip among its ancestors.
func (s *Service) advance(q *request, r *repository, branch, source string) error {
	tip := r.refs[heads+branch]
	base, err := r.mergeBase(tip, source)
	if err != nil {
		return err
	}
	if base != tip {
		return refused("ManualMergeRequired", "The branch %s cannot be moved forward to %s: both have commits that the other has not.", branch, source)
	}
	if _, err := r.git(nil, "update-ref", heads+branch, source, tip); err != nil {
		return err
	}
	return s.settle(q, r, &merge{BaseCommitID: base, DestinationCommitID: tip, MergeOption: fastForward, SourceCommitID: source})
}
