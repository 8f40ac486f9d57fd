package codecommit

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"lakegate/lambda/internal/emulator/wire"
)

// names of repositories; the suffix .git is refused besides.
// https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html
var names = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,100}$`)

// Add makes an empty repository, as a deployment does. It is put on the disk
// when it is first used: many worlds never do, and need no git.
func (s *Service) Add(region, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(&request{Call: &wire.Call{Region: region, Time: s.hub.Clock.Now()}}, name, "")
}

func (s *Service) add(q *request, name, description string) *repository {
	r := &repository{
		name: name, id: s.identifier(q.Region + "/" + name), region: q.Region,
		arn:         fmt.Sprintf("arn:aws:codecommit:%s:%s:%s", q.Region, s.account, name),
		description: description, created: q.Time, modified: q.Time, refs: map[string]string{},
	}
	s.repositories[name] = r
	return r
}

// place puts a repository on the disk, if it is not there yet.
func (s *Service) place(r *repository) error {
	if r.folder != "" {
		return nil
	}
	if s.program == "" {
		program, err := exec.LookPath("git")
		if err != nil {
			return &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: noGit}
		}
		if s.folder, err = os.MkdirTemp("", "lakegate-codecommit-"); err != nil {
			return fmt.Errorf("making a folder of repositories: %w", err)
		}
		s.program = program
	}
	folder := filepath.Join(s.folder, r.id)
	if err := os.Mkdir(folder, 0o700); err != nil {
		return fmt.Errorf("making repository %s: %w", r.name, err)
	}
	r.program, r.folder = s.program, folder
	_, err := r.git(nil, "init", "--quiet", "--bare", "--template=")
	return err
}

// lookup returns the repository of a name in the region of the call.
func (s *Service) lookup(q *request, name string) (*repository, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	r, ok := s.repositories[name]
	if !ok || r.region != q.Region {
		return nil, refused("RepositoryDoesNotExist", "%s does not exist", name)
	}
	return r, s.place(r)
}

func checkName(name string) error {
	switch {
	case name == "":
		return refused("RepositoryNameRequired", "The name of a repository is required.")
	case !names.MatchString(name) || strings.HasSuffix(name, ".git"):
		return refused("InvalidRepositoryName", "The name of the repository is not valid: %s.", name)
	}
	return nil
}

// metadata is a RepositoryMetadata. There is no SSH here, so its address for
// that is left out.
// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_RepositoryMetadata.html
type metadata struct {
	AccountID     string  `json:"accountId"`
	ARN           string  `json:"Arn"`
	CloneURL      string  `json:"cloneUrlHttp"`
	Created       float64 `json:"creationDate"`
	DefaultBranch string  `json:"defaultBranch,omitempty"`
	Modified      float64 `json:"lastModifiedDate"`
	Description   string  `json:"repositoryDescription,omitempty"`
	ID            string  `json:"repositoryId"`
	Name          string  `json:"repositoryName"`
}

type repositoryOutput struct {
	Metadata metadata `json:"repositoryMetadata"`
}

func (s *Service) describe(q *request, r *repository) repositoryOutput {
	// The client reaches git where it reached this.
	clone := url.URL{Scheme: "http", Host: q.HTTP.Host, Path: GitPath + r.name}
	return repositoryOutput{metadata{
		AccountID: s.account, ARN: r.arn, CloneURL: clone.String(), Created: seconds(r.created), DefaultBranch: r.branch,
		Modified: seconds(r.modified), Description: r.description, ID: r.id, Name: r.name,
	}}
}

type createRepositoryInput struct {
	RepositoryName, RepositoryDescription, KmsKeyID string
	Tags                                            map[string]string
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_CreateRepository.html
func (s *Service) createRepository(q *request, in createRepositoryInput) (any, error) {
	if err := checkName(in.RepositoryName); err != nil {
		return nil, err
	}
	taken, ok := s.repositories[in.RepositoryName]
	switch {
	case ok && taken.region == q.Region:
		return nil, refused("RepositoryNameExists", "The repository %s exists already.", in.RepositoryName)
	case ok:
		return nil, notEmulated("a repository of a name that another region has")
	case utf8.RuneCountInString(in.RepositoryDescription) > 1000:
		return nil, refused("InvalidRepositoryDescription", "The description of a repository has at most 1000 characters.")
	case in.KmsKeyID != "":
		return nil, notEmulated("a customer managed key")
	case len(in.Tags) > 0:
		return nil, notEmulated("a tag of a repository")
	}
	r := s.add(q, in.RepositoryName, in.RepositoryDescription)
	if err := s.place(r); err != nil {
		delete(s.repositories, r.name)
		return nil, err
	}
	return s.describe(q, r), nil
}

type repositoryInput struct{ RepositoryName string }

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetRepository.html
func (s *Service) getRepository(q *request, in repositoryInput) (any, error) {
	r, err := s.lookup(q, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	return s.describe(q, r), nil
}

type listRepositoriesInput struct{ NextToken, SortBy, Order string }

type repositoryPair struct {
	ID   string `json:"repositoryId"`
	Name string `json:"repositoryName"`
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_ListRepositories.html
func (s *Service) listRepositories(q *request, in listRepositoriesInput) (any, error) {
	found := slices.DeleteFunc(slices.Collect(maps.Values(s.repositories)), func(r *repository) bool { return r.region != q.Region })
	switch in.SortBy {
	case "", "repositoryName":
		slices.SortFunc(found, func(a, b *repository) int { return cmp.Compare(a.name, b.name) })
	case "lastModifiedDate":
		slices.SortFunc(found, func(a, b *repository) int {
			return cmp.Or(a.modified.Compare(b.modified), cmp.Compare(a.name, b.name))
		})
	default:
		return nil, refused("InvalidSortBy", "Repositories cannot be sorted by %s.", in.SortBy)
	}
	switch in.Order {
	case "", "ascending":
	case "descending":
		slices.Reverse(found)
	default:
		return nil, refused("InvalidOrder", "The order is not valid: %s.", in.Order)
	}
	all := make([]repositoryPair, 0, len(found))
	for _, r := range found {
		all = append(all, repositoryPair{r.id, r.name})
	}
	part, next, err := page(all, in.NextToken, nil, 1000)
	if err != nil {
		return nil, err
	}
	return struct {
		Repositories []repositoryPair `json:"repositories"`
		NextToken    string           `json:"nextToken,omitempty"`
	}{part, next}, nil
}

// deleteRepository succeeds also if there is nothing to delete.
// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_DeleteRepository.html
func (s *Service) deleteRepository(q *request, in repositoryInput) (any, error) {
	if err := checkName(in.RepositoryName); err != nil {
		return nil, err
	}
	out := struct {
		ID string `json:"repositoryId,omitempty"`
	}{}
	if r, ok := s.repositories[in.RepositoryName]; ok && r.region == q.Region {
		if err := os.RemoveAll(r.folder); err != nil {
			return nil, fmt.Errorf("deleting repository %s: %w", r.name, err)
		}
		delete(s.repositories, r.name)
		s.pulls = slices.DeleteFunc(s.pulls, func(p *pullRequest) bool { return p.repository == r })
		out.ID = r.id
	}
	return out, nil
}
