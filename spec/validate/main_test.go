package main

import (
	"bytes"
	"os"
	"path/filepath"
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
			stderr: "open " + missing + ": no such file or directory\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if got := run(test.files, &stdout, &stderr); got != test.valid {
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
	run([]string{file}, &stdout, &stderr)
	want := file + ": valid: workspace existing-vpc in us-east-1, 2 workspace subnets in existing VPC vpc-0a1b2c3d4e5f60718\n"
	if got := stdout.String() + stderr.String(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
