// Package codecommit emulates AWS CodeCommit: repositories, branches, commits,
// files, differences, pull requests and their comments, git over HTTP, and the
// events that EventBridge gets.
//
// Repositories are kept and served by the git of this machine, because the
// server of go-git has no shallow clones, no protocol 2 and no negotiation of
// what a client has, and would bring eighteen modules.
//
// Reads are consistent with what was pushed before. Nobody's permission is
// checked.
package codecommit

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// Service is the emulated CodeCommit of one account in all regions. It is safe
// for concurrent use.
type Service struct {
	hub     *wire.Hub
	account string
	notify  func(Event)

	mu sync.Mutex
	// program is the path of git, and folder where repositories are; both are
	// empty until the first repository is used.
	program, folder string
	// repositories by name. A name is taken in one region only, because the
	// addresses that git uses have no region here.
	repositories map[string]*repository
	// pulls are the pull requests in the order of their ids.
	pulls []*pullRequest
	// made counts what identifiers are given to, and asked pull requests.
	made, asked int
}

// New returns a CodeCommit without repositories. notify is called after each
// change of a reference or a pull request, in the order of the changes of one
// caller; nil means that nobody listens. The caller closes the service.
func New(hub *wire.Hub, account string, notify func(Event)) *Service {
	if notify == nil {
		notify = func(Event) {}
	}
	return &Service{hub: hub, account: account, notify: notify, repositories: map[string]*repository{}}
}

// Close removes all repositories from the disk.
func (s *Service) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.repositories)
	if s.folder == "" {
		return nil
	}
	folder := s.folder
	s.folder = ""
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("removing repositories in %s: %w", folder, err)
	}
	return nil
}

// Wire is the service as the router serves it.
func (s *Service) Wire() *wire.Service {
	return &wire.Service{Name: "codecommit", Protocol: wire.JSON11, Operations: map[string]wire.Operation{
		"CreateRepository":              serve(s, s.createRepository),
		"GetRepository":                 serve(s, s.getRepository),
		"ListRepositories":              serve(s, s.listRepositories),
		"DeleteRepository":              serve(s, s.deleteRepository),
		"CreateBranch":                  serve(s, s.createBranch),
		"GetBranch":                     serve(s, s.getBranch),
		"ListBranches":                  serve(s, s.listBranches),
		"DeleteBranch":                  serve(s, s.deleteBranch),
		"MergeBranchesByFastForward":    serve(s, s.mergeBranchesByFastForward),
		"GetCommit":                     serve(s, s.getCommit),
		"CreateCommit":                  serve(s, s.createCommit),
		"PutFile":                       serve(s, s.putFile),
		"DeleteFile":                    serve(s, s.deleteFile),
		"GetFile":                       serve(s, s.getFile),
		"GetFolder":                     serve(s, s.getFolder),
		"GetBlob":                       serve(s, s.getBlob),
		"GetDifferences":                serve(s, s.getDifferences),
		"CreatePullRequest":             serve(s, s.createPullRequest),
		"GetPullRequest":                serve(s, s.getPullRequest),
		"ListPullRequests":              serve(s, s.listPullRequests),
		"UpdatePullRequestStatus":       serve(s, s.updatePullRequestStatus),
		"MergePullRequestByFastForward": serve(s, s.mergePullRequestByFastForward),
		"PostCommentForPullRequest":     serve(s, s.postCommentForPullRequest),
		"GetCommentsForPullRequest":     serve(s, s.getCommentsForPullRequest),
	}}
}

// request is a call and what happened while it was served.
type request struct {
	*wire.Call
	// caller is the ARN of who calls.
	caller string
	events []Event
}

// serve decodes the input of a call, of which it knows every member, and serves
// it while nothing else changes. Events are told after that, so that who
// listens may call back.
func serve[In any](s *Service, op func(*request, In) (any, error)) wire.Operation {
	return func(c *wire.Call) (any, error) {
		var in In
		decoder := json.NewDecoder(bytes.NewReader(c.Body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			return nil, &wire.Error{Code: "SerializationException", Message: fmt.Sprintf("the input of %s is not understood: %v", c.Action, err)}
		}
		q := &request{Call: c, caller: s.arn(c.Caller)}
		out, err := func() (any, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return op(q, in)
		}()
		s.tell(q)
		return out, err
	}
}

func (s *Service) tell(q *request) {
	for _, e := range q.events {
		s.notify(e)
	}
}

// arn is the ARN of who calls: a user, if the name is one of git credentials for
// CodeCommit, else the session of the role that has the access key's name, as
// the emulated IAM has it.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_ssh-keys.html
func (s *Service) arn(name string) string {
	// The credential helper of the AWS CLI puts the session token after a %.
	name, _, _ = strings.Cut(name, "%")
	if user, ok := strings.CutSuffix(name, "-at-"+s.account); ok {
		return fmt.Sprintf("arn:aws:iam::%s:user/%s", s.account, user)
	}
	return fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", s.account, name, name)
}

// identifier makes the id of something new, which looks random and is the same
// in every run.
func (s *Service) identifier(of string) string {
	s.made++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%d", s.account, of, s.made))
	return fmt.Sprintf("%x-%x-4%03x-9%03x-%x", sum[0:4], sum[4:6],
		uint16(sum[6])<<4|uint16(sum[7])>>4, uint16(sum[8])<<4|uint16(sum[9])>>4, sum[10:16])
}

// refused is an error of the service. The names of all of them end in Exception.
func refused(name, format string, args ...any) error {
	return &wire.Error{Code: name + "Exception", Message: fmt.Sprintf(format, args...)}
}

func notEmulated(what string) error {
	return &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "codecommit: " + what + " is not emulated"}
}

// page cuts what a reply holds out of a list. The token is where the next page
// begins; a size of nil means the usual one, which is also the largest.
func page[T any](all []T, token string, size *int, usual int) (part []T, next string, err error) {
	first := 0
	if token != "" {
		if first, err = strconv.Atoi(token); err != nil || first < 1 || first >= len(all) {
			return nil, "", refused("InvalidContinuationToken", "The continuation token is not valid.")
		}
	}
	count := usual
	if size != nil {
		if *size < 1 {
			return nil, "", refused("InvalidMaxResults", "The maximum number of results is not valid: %d.", *size)
		}
		count = min(*size, usual)
	}
	last := min(first+count, len(all))
	if last < len(all) {
		next = strconv.Itoa(last)
	}
	return append([]T{}, all[first:last]...), next, nil
}

// seconds is a time as the JSON documents of the service have it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// noGit says that there is no git here.
const noGit = "git is not on the PATH, and the emulated CodeCommit keeps its repositories with it: install git"
