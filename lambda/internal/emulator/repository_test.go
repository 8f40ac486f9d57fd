package emulator_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator"
)

// clone is a working copy of a repository.
type clone struct {
	*testing.T
	folder string
}

// cloneOf clones a repository with git, from the address that the world gives.
func cloneOf(t *testing.T, w *emulator.World, repository string) *clone {
	t.Helper()
	c := &clone{t, t.TempDir()}
	c.git("clone", "--quiet", w.CloneURL(repository), ".")
	c.git("checkout", "--quiet", "-b", "main")
	return c
}

// git runs git in the working copy and returns what it printed.
func (c *clone) git(args ...string) string {
	c.Helper()
	program, err := exec.LookPath("git")
	if err != nil {
		c.Fatalf("this test needs git, and it is not on the PATH: %v", err)
	}
	cmd := exec.CommandContext(c.Context(), program, args...)
	cmd.Dir = c.folder
	cmd.Env = []string{
		"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=An Author", "GIT_AUTHOR_EMAIL=author@example.com",
		"GIT_COMMITTER_NAME=An Author", "GIT_COMMITTER_EMAIL=author@example.com",
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		c.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit writes files and commits them.
func (c *clone) commit(message string, files map[string][]byte) {
	c.Helper()
	for path, text := range files {
		file := filepath.Join(c.folder, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			c.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			c.Fatal(err)
		}
	}
	c.git("add", "--all")
	c.git("commit", "--quiet", "--allow-empty", "--message", message)
}

// push commits files and pushes the commit to the branch main, whatever it has.
func (c *clone) push(message string, files map[string][]byte) string {
	c.Helper()
	c.commit(message, files)
	c.git("push", "--quiet", "--force", "origin", "HEAD:main")
	return c.git("rev-parse", "HEAD")
}

// TestPushIsAnEvent pushes with git to the address that the world gives, and
// finds the event on the default bus.
func TestPushIsAnEvent(t *testing.T) {
	// Where temporary folders are made, to see that none is left.
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	w, err := emulator.Start(emulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	w.Repositories.Add(w.Config.Region, "specs")
	c := cloneOf(t, w, "specs")
	c.git("commit", "--quiet", "--allow-empty", "--message", "first")
	c.git("push", "--quiet", "origin", "HEAD:main")
	if err := w.Clock.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := w.Events.Events("default")
	if len(events) != 1 {
		t.Fatalf("got the events %v", events)
	}
	e := events[0]
	if e.Source != "aws.codecommit" || e.DetailType != "CodeCommit Repository State Change" || e.Region != w.Config.Region || !e.Time.Equal(w.Config.Start) {
		t.Errorf("got %+v", e)
	}
	if diff := cmp.Diff([]string{"arn:aws:codecommit:ap-northeast-1:123456789012:specs"}, e.Resources); diff != "" {
		t.Error(diff)
	}
	var d map[string]string
	if err := json.Unmarshal(e.Detail, &d); err != nil {
		t.Fatal(err)
	}
	if d["event"] != "referenceCreated" || d["referenceName"] != "main" || d["commitId"] != c.git("rev-parse", "HEAD") {
		t.Errorf("got %v", d)
	}
	w.Close()
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
}
