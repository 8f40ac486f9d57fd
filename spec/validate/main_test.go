package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRun(t *testing.T) {
	t.Parallel()
	const header = `apiVersion: lakegate.dev/v1
kind: Workspace
metadata:
  name: %NAME
spec:
  region: eu-west-1
  aws:
    accountId: "123456789012"
  databricks: {workspaceName: 東京分析, accountId: %ACCOUNT}
`
	text := func(name, account string) []byte {
		return bytes.ReplaceAll(bytes.ReplaceAll([]byte(header), []byte("%NAME"), []byte(name)), []byte("%ACCOUNT"), []byte(account))
	}
	const account = "8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34"
	dir := t.TempDir()
	file := func(name string, data []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	good := file("team-a.yml", text("team-a", account))
	bad := file("team-b.yaml", text("Team-B", "none"))
	misnamed := file("team-c.yaml", text("team-d", account))
	control := file("team-e.yaml", []byte("kind:\t\x1b[31m\n"))
	long := file("team-f.yaml", append([]byte("kind: "), bytes.Repeat([]byte("x"), 10_000)...))
	missing := filepath.Join(dir, "team-g.yaml")
	folder, empty := filepath.Join(dir, "folder"), filepath.Join(dir, "empty")
	for _, path := range []string{filepath.Join(folder, "asia"), filepath.Join(folder, ".git"), empty} {
		if err := os.MkdirAll(path, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	first, again := file("folder/asia/team-h.yml", text("team-h", account)), file("folder/team-h.yaml", text("team-h", account))
	file("folder/README.md", nil)
	file("folder/.git/team-i.yaml", nil)
	file("folder/.team-j.yaml", nil)

	for _, test := range []struct {
		name           string
		files          []string
		valid          bool
		stdout, stderr string
	}{
		{
			name: "valid", files: []string{good}, valid: true,
			stdout: good + ": valid: workspace team-a in eu-west-1, 2 workspace subnets in new VPC team-a-vpc 10.0.0.0/22\n",
		},
		{
			name: "every error has its line and a caret, past wide characters", files: []string{bad},
			stderr: bad + `:4:9: metadata.name: "Team-B" is not a workspace's name: want 2 to 32 lower-case letters, digits and single hyphens, beginning with a letter and not ending with a hyphen
      name: Team-B
            ^
` + bad + `:9:48: spec.databricks.accountId: "none" is not a UUID: want the UUID in lower case, such as 0d26daa6-5e44-4c97-a497-ef015f91254a
      databricks: {workspaceName: 東京分析, accountId: none}
                                  　　　　             ^
`,
		},
		{
			name: "one bad file does not hide a good one", files: []string{misnamed, good},
			stdout: good + ": valid: workspace team-a in eu-west-1, 2 workspace subnets in new VPC team-a-vpc 10.0.0.0/22\n",
			stderr: misnamed + ` holds the workspace "team-d": call the file team-d.yaml, or change metadata.name` + "\n",
		},
		{
			name: "terminals are not obeyed", files: []string{control},
			stderr: control + ":1:7: has the control character U+001B: want plain text in UTF-8\n" +
				"    kind:\t\uFFFD[31m\n         \t^\n",
		},
		{
			name: "long lines are not shown", files: []string{long},
			stderr: long + `:1:7: kind: "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…" is not a kind that is read here: want Workspace` + "\n",
		},
		{
			name: "missing", files: []string{missing},
			stderr: "stat " + missing + ": no such file or directory\n",
		},
		{
			name: "a folder, and one workspace in two files", files: []string{folder, first},
			stdout: first + ": valid: workspace team-h in eu-west-1, 2 workspace subnets in new VPC team-h-vpc 10.0.0.0/22\n" +
				first + ": valid: workspace team-h in eu-west-1, 2 workspace subnets in new VPC team-h-vpc 10.0.0.0/22\n",
			stderr: again + ` holds the workspace "team-h", and so does ` + first + ": remove one of them\n",
		},
		{
			name: "an empty folder", files: []string{empty}, valid: true,
			stdout: empty + ": no specs\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if got := run(test.files, &stdout, terminal{&stderr}); got != test.valid {
				t.Errorf("valid: got %v, want %v", got, test.valid)
			}
			if diff := cmp.Diff(test.stdout, stdout.String()); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.stderr, stderr.String()); diff != "" {
				t.Errorf("errors (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSummaryOfGivenVPC(t *testing.T) {
	t.Parallel()
	const file = "../examples/existing-vpc.yaml"
	var stdout, stderr bytes.Buffer
	run([]string{file}, &stdout, terminal{&stderr})
	want := file + ": valid: workspace existing-vpc in us-east-1, 2 workspace subnets in existing VPC vpc-0a1b2c3d4e5f60718\n"
	if got := stdout.String() + stderr.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAnnotations(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "100%, team:a.yaml")
	if err := os.WriteFile(file, []byte("apiVersion: lakegate.dev/v1\nkind: Workspace\nmetadata: {name: 50%}\n::stop-commands::x: {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(dir, "team-b.yaml")
	escaped := strings.NewReplacer("%", "%25", ",", "%2C", ":", "%3A").Replace(file)
	var out bytes.Buffer
	if run([]string{file, missing, "../examples/minimal.yaml"}, &out, workflow{&out}) {
		t.Error("it is valid")
	}
	for _, want := range []string{
		"::error file=" + escaped + `,line=3,col=18::metadata.name: "50%25" is not a workspace's name: want `,
		"::error file=" + escaped + ",line=4,col=1::",
		"::error file=" + missing + "::stat " + missing + ": no such file or directory\n",
		"../examples/minimal.yaml: valid: workspace minimal in eu-west-1",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %s", want)
		}
	}
	for line := range strings.Lines(out.String()) {
		if command := strings.TrimSpace(line); strings.HasPrefix(command, "::") && !strings.HasPrefix(command, "::error file=") {
			t.Errorf("it lets a spec give the command %s", command)
		}
	}
	if got, want := message("a\r\nb%"), "a%0D%0Ab%25"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestExitStatus(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args           []string
		actions        bool
		status         int
		stdout, stderr string
	}{
		{[]string{"../examples/minimal.yaml", "../examples/tokyo.yaml"}, false, 0, "valid", ""},
		{[]string{"../examples"}, false, 0, "valid", ""},
		{[]string{"../examples/minimal.yaml", "none.yaml"}, false, 1, "valid", "no such file"},
		{[]string{"none.yaml"}, true, 1, "::error file=none.yaml::", ""},
		{nil, false, 2, "", "usage"},
	} {
		program, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(t.Context(), program, test.args...)
		cmd.Env = []string{asCommand + "=1", fmt.Sprintf("GITHUB_ACTIONS=%v", test.actions)}
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Run(); cmd.ProcessState == nil {
			t.Fatal(err)
		}
		if got := cmd.ProcessState.ExitCode(); got != test.status {
			t.Errorf("%v: status %d, want %d: %s", test.args, got, test.status, stderr.String())
		}
		if !strings.Contains(stdout.String(), test.stdout) || !strings.Contains(stderr.String(), test.stderr) || test.stderr == "" && stderr.Len() > 0 {
			t.Errorf("%v: it says %s and %s", test.args, stdout.String(), stderr.String())
		}
	}
}

// asCommand makes the test binary the command that it tests.
const asCommand = "LAKEGATE_TEST_AS_COMMAND"

func TestMain(m *testing.M) {
	if os.Getenv(asCommand) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestNoFileNameIsACommand(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../examples/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	folder := filepath.Join(t.TempDir(), "a\n::add-mask::b\x1b[2J")
	if err := os.MkdirAll(filepath.Join(folder, "empty"), 0o750); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"minimal.yaml": string(text), "bad.yaml": "kind: nothing\n"} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var stdout, stderr bytes.Buffer
	run([]string{folder, filepath.Join(folder, "empty"), filepath.Join(folder, "missing")}, &stdout, terminal{&stderr})
	for _, out := range []string{stdout.String(), stderr.String()} {
		if strings.Contains("\n"+out, "\n::") || strings.Contains(out, "\x1b") || !strings.Contains(out, "add-mask") {
			t.Errorf("it prints %q", out)
		}
	}
}
