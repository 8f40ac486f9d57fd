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
	if err := w.Repositories.Add(w.Config.Region, "specs"); err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "clone")
	git := func(args ...string) string {
		t.Helper()
		program, err := exec.LookPath("git")
		if err != nil {
			t.Fatalf("this test needs git, and it is not on the PATH: %v", err)
		}
		cmd := exec.CommandContext(t.Context(), program, args...)
		cmd.Env = []string{
			"GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
			"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
		}
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	git("clone", "--quiet", w.CloneURL("specs"), folder)
	git("-C", folder, "commit", "--quiet", "--allow-empty", "--message", "first")
	git("-C", folder, "push", "--quiet", "origin", "HEAD:main")
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
	if d["event"] != "referenceCreated" || d["referenceName"] != "main" || d["commitId"] != git("-C", folder, "rev-parse", "HEAD") {
		t.Errorf("got %v", d)
	}
	w.Close()
	if left, err := os.ReadDir(temporary); err != nil || len(left) > 0 {
		t.Errorf("%v is left (%v)", left, err)
	}
}
