package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// TestHook commits specs to a repository whose git hook runs the entry that
// .pre-commit-hooks.yaml names.
func TestHook(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, ".pre-commit-hooks.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	// https://pre-commit.com/#creating-new-hooks
	var hooks []struct {
		ID            string `yaml:"id"`
		Name          string `yaml:"name"`
		Description   string `yaml:"description"`
		Language      string `yaml:"language"`
		Entry         string `yaml:"entry"`
		Files         string `yaml:"files"`
		RequireSerial bool   `yaml:"require_serial"`
	}
	if err := yaml.UnmarshalWithOptions(text, &hooks, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if len(hooks) != 1 || hooks[0].ID != "lakegate-validate" || hooks[0].Name == "" || hooks[0].Language != "script" || !hooks[0].RequireSerial {
		t.Fatalf("the hooks are %+v", hooks)
	}
	files := regexp.MustCompile(hooks[0].Files)
	for path, want := range map[string]bool{
		"workspaces/tokyo.yaml": true, "workspaces/asia/tokyo.yml": true,
		"workspaces/README.md": false, "other/workspaces/tokyo.yaml": false, ".github/workflows/lakegate.yaml": false,
	} {
		if files.MatchString(path) != want {
			t.Errorf("%s: checked %v, want %v", path, !want, want)
		}
	}

	if text, err = os.ReadFile("../examples/repository/.pre-commit-config.yaml"); err != nil {
		t.Fatal(err)
	}
	var config struct {
		Repos []struct {
			Repo, Rev string
			Hooks     []struct{ ID string }
		}
	}
	if err := yaml.UnmarshalWithOptions(text, &config, yaml.Strict()); err != nil {
		t.Fatal(err)
	}
	if len(config.Repos) != 1 || config.Repos[0].Rev == "" || len(config.Repos[0].Hooks) != 1 || config.Repos[0].Hooks[0].ID != hooks[0].ID {
		t.Errorf("the example repository has the hooks %+v", config.Repos)
	}

	repository := t.TempDir()
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir = repository
		cmd.Env = append(cmd.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_NAME=Spec Author", "GIT_AUTHOR_EMAIL=author@example.com",
			"GIT_COMMITTER_NAME=Spec Author", "GIT_COMMITTER_EMAIL=author@example.com")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := git("init", "--quiet"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// As pre-commit runs a script: by its path in the hook's repository, in the
	// author's, with the paths that are to be committed.
	hook := "#!/bin/sh\nexec " + filepath.Join(root, hooks[0].Entry) + " $(git diff --cached --name-only --diff-filter=ACMR)\n"
	if err := os.WriteFile(filepath.Join(repository, ".git", "hooks", "pre-commit"), []byte(hook), 0o755); err != nil {
		t.Fatal(err)
	}
	minimal, err := os.ReadFile("../examples/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(repository, "workspaces"), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, text, says string
		passes           bool
	}{
		{"a good one", string(minimal), "workspaces/minimal.yaml: valid", true},
		{"a bad one", strings.Replace(string(minimal), "eu-west-1", "mars-1", 1), `workspaces/minimal.yaml:9:11: spec.region: "mars-1"`, false},
	} {
		if err := os.WriteFile(filepath.Join(repository, "workspaces", "minimal.yaml"), []byte(test.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if out, err := git("add", "--all"); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		out, err := git("commit", "--message", test.name)
		if (err == nil) != test.passes || !strings.Contains(out, test.says) {
			t.Errorf("%s: passes %v, want %v: %s", test.name, err == nil, test.passes, out)
		}
	}
}
