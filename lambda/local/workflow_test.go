//go:build awscli

// These tests need the AWS CLI: `make workflow` runs them where it is installed.
package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// repository is what people push, as the workflow of the example finds it.
type repository struct {
	t     *testing.T
	world *emulator.World
	jobs  map[string]job
	// specs by file name.
	specs map[string]string
}

// job is what the tests look at in a job of a workflow.
type job struct {
	Needs string
	Steps []struct{ Name, Run string }
}

// push lets the workflow run on a fresh checkout, and returns what it printed
// and what it led to.
func (r *repository) push() (out string, events []string, err error) {
	r.t.Helper()
	checkout, temp := r.t.TempDir(), r.t.TempDir()
	root, err := filepath.Abs("../..")
	if err != nil {
		r.t.Fatal(err)
	}
	if err := os.Symlink(root, filepath.Join(checkout, ".lakegate")); err != nil {
		r.t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(checkout, "workspaces"), 0o755); err != nil {
		r.t.Fatal(err)
	}
	for name, text := range r.specs {
		if err := os.WriteFile(filepath.Join(checkout, "workspaces", name), []byte(text), 0o644); err != nil {
			r.t.Fatal(err)
		}
	}
	seen := len(r.world.Events.Events(plan.EventBusName))
	for _, name := range []string{"validate", "sync"} {
		for _, step := range r.jobs[name].Steps {
			if step.Run == "" {
				continue
			}
			// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#jobsjob_idstepsshell
			cmd := exec.CommandContext(r.t.Context(), "bash", "-e", "-c", step.Run)
			cmd.Dir = checkout
			cmd.Env = append(r.environment(), "RUNNER_TEMP="+temp)
			text, err := cmd.CombinedOutput()
			out += string(text)
			if err != nil {
				return out, nil, fmt.Errorf("running %s: %w", step.Name, err)
			}
		}
	}
	if err := r.world.Clock.Idle(r.t.Context()); err != nil {
		r.t.Fatal(err)
	}
	for _, e := range r.world.Events.Events(plan.EventBusName)[seen:] {
		events = append(events, e.DetailType)
	}
	return out, events, nil
}

// environment points the AWS CLI at the world, whoever the user is otherwise.
func (r *repository) environment() []string {
	var all []string
	for _, variable := range os.Environ() {
		if !strings.HasPrefix(variable, "AWS_") {
			all = append(all, variable)
		}
	}
	for line := range strings.Lines(r.world.Environment()) {
		all = append(all, strings.TrimPrefix(strings.TrimSpace(line), "export "))
	}
	return append(all, "AWS_CONFIG_FILE="+os.DevNull, "GITHUB_ACTIONS=true", "BUCKET="+r.world.SourceBucket)
}

func count(all []string, one string) (n int) {
	for _, s := range all {
		if s == one {
			n++
		}
	}
	return n
}

func TestWorkflow(t *testing.T) {
	t.Parallel()
	const example = "../../spec/examples/repository/"
	text, err := os.ReadFile(example + ".github/workflows/lakegate.yaml")
	if err != nil {
		t.Fatal(err)
	}
	// The world is a day behind, so that it never comes to the time of this
	// machine, by which files are newer than objects.
	w, err := emulator.Start(emulator.Config{Seed: 1, Region: "eu-west-1", Start: time.Now().AddDate(0, 0, -1)})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var workflow struct{ Jobs map[string]job }
	if err := yaml.Unmarshal(text, &workflow); err != nil {
		t.Fatal(err)
	}
	r := &repository{t: t, world: w, jobs: workflow.Jobs, specs: map[string]string{}}
	if r.jobs["sync"].Needs != "validate" {
		t.Errorf("the job sync does not need validate: %+v", r.jobs)
	}
	for _, name := range []string{"analytics.yaml", "README.md"} {
		text, err := os.ReadFile(example + "workspaces/" + name)
		if err != nil {
			t.Fatal(err)
		}
		r.specs[name] = string(text)
	}
	original := r.specs["analytics.yaml"]
	for _, test := range []struct {
		name   string
		change func()
		want   string
		none   bool
	}{
		{"the first push", func() {}, report.Ready, false},
		{"a push without change", func() {}, "", true},
		{"a change of another file", func() { r.specs["README.md"] += "More.\n" }, "", true},
		{"a change that leaves the size", func() {
			r.specs["analytics.yaml"] = strings.Replace(original, "    team: analytics", "    team: marketing", 1)
		}, report.Ready, false},
		{"a second workspace", func() {
			r.specs["science.yml"] = strings.Replace(original, "name: analytics", "name: science", 1)
		}, report.Ready, false},
		{"a deletion", func() { delete(r.specs, "analytics.yaml") }, report.Retired, false},
		{"the last deletion", func() { delete(r.specs, "science.yml") }, report.Retired, false},
	} {
		test.change()
		out, events, err := r.push()
		if err != nil {
			t.Fatalf("%s: %v: %s", test.name, err, out)
		}
		if test.none && len(events) > 0 || !test.none && count(events, test.want) != 1 {
			t.Errorf("%s leads to %v", test.name, events)
		}
	}
	if _, there := w.S3.Get(w.SourceBucket, plan.SourcePrefix+"README.md"); there {
		t.Error("what is no spec is in the bucket")
	}

	r.specs["bad.yaml"] = strings.Replace(original, "name: analytics", "name: Bad", 1)
	out, _, err := r.push()
	if err == nil || !strings.Contains(out, "::error file=workspaces/bad.yaml,line=5,col=9::metadata.name: ") {
		t.Errorf("a bad spec passes: %v: %s", err, out)
	}
	if _, there := w.S3.Get(w.SourceBucket, plan.SourcePrefix+"bad.yaml"); there {
		t.Error("a bad spec is in the bucket")
	}
	if strings.Contains(out, "upload:") {
		t.Errorf("after a bad spec something is uploaded: %s", out)
	}
}
