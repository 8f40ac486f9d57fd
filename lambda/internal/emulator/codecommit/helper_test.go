package codecommit_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	cc "github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/smithy-go"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/codecommit"
	"lakegate/lambda/internal/emulator/wire"
)

const (
	account = "123456789012"
	region  = "eu-west-1"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stack is a CodeCommit that is served, and what it has told.
type stack struct {
	*testing.T
	hub     *wire.Hub
	service *codecommit.Service
	server  *httptest.Server
	client  *cc.Client

	mu     sync.Mutex
	events []codecommit.Event
}

func newStack(t *testing.T) *stack {
	t.Helper()
	k := &stack{T: t, hub: wire.NewHub(clock.NewVirtual(start))}
	k.service = codecommit.New(k.hub, account, func(e codecommit.Event) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.events = append(k.events, e)
	})
	router := wire.NewRouter(k.hub)
	router.Serve(k.service.Wire())
	k.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, codecommit.GitPath) {
			k.service.ServeHTTP(w, r)
			return
		}
		router.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		k.server.Close()
		if err := k.service.Close(); err != nil {
			t.Error(err)
		}
	})
	k.client = k.of(region, "author")
	return k
}

// of is a client of a region and an access key.
func (k *stack) of(region, key string) *cc.Client {
	return cc.New(cc.Options{
		Region: region, BaseEndpoint: aws.String(k.server.URL),
		HTTPClient: &http.Client{Transport: wire.Buffered{}}, Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider(key, "secret", ""),
	})
}

// add makes the repository specs.
func (k *stack) add() *stack {
	k.Helper()
	k.service.Add(region, "specs")
	return k
}

// pass lets a second pass, so that what is next has another time.
func (k *stack) pass() {
	done := make(chan struct{})
	k.hub.Clock.After(time.Second, func() { close(done) })
	<-done
}

// told returns the details of the events since it was called last.
func (k *stack) told() []map[string]any {
	k.Helper()
	k.mu.Lock()
	defer k.mu.Unlock()
	var out []map[string]any
	for _, e := range k.events {
		if e.Region != region || e.ARN != "arn:aws:codecommit:eu-west-1:123456789012:specs" || e.Time.IsZero() {
			k.Errorf("got the event %+v", e)
		}
		var d map[string]any
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			k.Fatal(err)
		}
		d["detail-type"] = e.DetailType
		out = append(out, d)
	}
	k.events = nil
	return out
}

// names are the values of a member of each event.
func names(events []map[string]any, member string) []string {
	var out []string
	for _, e := range events {
		text, _ := e[member].(string)
		out = append(out, text)
	}
	return out
}

// put adds or changes a file on main and returns the commit.
func (k *stack) put(path, content string) string {
	k.Helper()
	in := &cc.PutFileInput{RepositoryName: specs, BranchName: aws.String("main"), FilePath: &path, FileContent: []byte(content)}
	if b, err := k.client.GetBranch(k.Context(), &cc.GetBranchInput{RepositoryName: specs, BranchName: aws.String("main")}); err == nil {
		in.ParentCommitId = b.Branch.CommitId
	}
	return *must(k.client.PutFile(k.Context(), in))(k).CommitId
}

// must returns the result of a call that has to succeed.
func must[T any](out T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return strings.TrimSuffix(e.ErrorCode(), "Exception")
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func want(t testing.TB, err error, expected string) {
	t.Helper()
	if got := code(err); got != expected {
		t.Errorf("got the error %q (%v), want %q", got, err, expected)
	}
}

// clone is a clone of a repository, as an author has it.
type clone struct {
	*testing.T
	folder string
}

// clone clones a repository as pusher does.
func (k *stack) clone(name string, flags ...string) *clone {
	k.Helper()
	c := &clone{k.T, filepath.Join(k.TempDir(), "clone")}
	c.mustIn(filepath.Dir(c.folder), append(append([]string{"clone", "--quiet"}, flags...), k.address(name), c.folder)...)
	return c
}

func (k *stack) address(name string) string {
	return strings.Replace(k.server.URL, "://", "://pusher-at-"+account+":secret@", 1) + codecommit.GitPath + name
}

func (c *clone) git(args ...string) string {
	c.Helper()
	return c.mustIn(c.folder, args...)
}

func (c *clone) mustIn(folder string, args ...string) string {
	c.Helper()
	out, err := git(c, folder, args...)
	if err != nil {
		c.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

// commit writes files, by path, and commits everything.
func (c *clone) commit(message string, files map[string]string) string {
	c.Helper()
	for path, content := range files {
		path = filepath.Join(c.folder, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			c.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			c.Fatal(err)
		}
	}
	c.git("add", "--all")
	c.git("commit", "--quiet", "--allow-empty", "--message", message)
	return c.git("rev-parse", "HEAD")
}

// git runs git as it is on any machine, whatever this one's configuration says.
func git(t testing.TB, folder string, args ...string) (string, error) {
	t.Helper()
	program, err := exec.LookPath("git")
	if err != nil {
		t.Fatalf("these tests need git, and it is not on the PATH: %v", err)
	}
	cmd := exec.Command(program, args...)
	cmd.Dir = folder
	cmd.Env = []string{
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Pusher", "GIT_AUTHOR_EMAIL=pusher@example.com", "GIT_AUTHOR_DATE=1772366400 +0000",
		"GIT_COMMITTER_NAME=Pusher", "GIT_COMMITTER_EMAIL=pusher@example.com", "GIT_COMMITTER_DATE=1772366400 +0000",
	}
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}
