//go:build readme

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestCommands runs the commands of the README: make readme. What needs the AWS
// CLI is not run where there is none, and said so.
func TestCommands(t *testing.T) {
	scratch := t.TempDir()
	keep(t, root+"/"+environment)
	execute(t, scratch, "make build", "")
	stop := serveStack(t, scratch, "make local", "execution succeeded")
	for _, c := range commands {
		if c.way == served && c.text != "make local" && !strings.Contains(c.text, "TARGET_ROLE_ARN") {
			t.Run(c.text, func(t *testing.T) { execute(t, scratch, "source .local/env; "+c.line(), c.says) })
		}
	}
	stop()
	// A workspace of another account.
	osaka := filepath.Join(scratch, "osaka.yaml")
	if err := os.WriteFile(osaka, []byte(otherAccount), 0o600); err != nil {
		t.Fatal(err)
	}
	stop = serveStack(t, scratch, `make local SPEC="`+osaka+`"`, "Ctrl-C ends")
	for _, c := range commands {
		if strings.Contains(c.text, "TARGET_ROLE_ARN") {
			t.Run(c.text, func(t *testing.T) { execute(t, scratch, "source .local/env; "+c.line(), c.says) })
		}
	}
	stop()
	for _, c := range commands {
		if c.way == alone || c.way == dry {
			t.Run(c.text, func(t *testing.T) { execute(t, scratch, c.line(), c.says) })
		}
	}
}

const otherAccount = `apiVersion: lakegate.dev/v1
kind: Workspace
metadata:
  name: osaka
spec:
  region: ap-northeast-1
  aws:
    accountId: "210987654321"
    roleArn: arn:aws:iam::210987654321:role/lakegate
  databricks:
    accountId: 8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34
`

// line is what is run for a command.
func (c command) line() string {
	if c.tried != "" {
		return c.tried
	}
	return strings.NewReplacer(c.with...).Replace(c.text)
}

// prelude keeps what the user has set up out, and has what commands need first.
const prelude = `set -euo pipefail
export AWS_CONFIG_FILE=/dev/null AWS_SHARED_CREDENTIALS_FILE=/dev/null AWS_PAGER= npm_config_yes=true
unset AWS_PROFILE AWS_ENDPOINT_URL AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN
failed() {
  echo 'kind: Nothing' > "$SCRATCH/broken.yaml"
  aws s3 cp "$SCRATCH/broken.yaml" s3://lakegate-specs/workspaces/ >&2
  local arn=None
  while [ "$arn" = None ]; do
    arn=$(aws stepfunctions list-executions --state-machine-arn "$STATE_MACHINE_ARN" --status-filter FAILED --query 'executions[0].executionArn' --output text)
  done
  echo "$arn"
}
`

// shell is a command line in the repository's folder.
func shell(t *testing.T, scratch, line string) *exec.Cmd {
	cmd := exec.CommandContext(t.Context(), "bash", "-c", prelude+line) //nolint:gosec // a command of the README
	cmd.Dir = root
	cmd.Env = append(cmd.Environ(), "SCRATCH="+scratch, "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=20")
	return cmd
}

func execute(t *testing.T, scratch, line, says string) {
	t.Helper()
	if _, err := exec.LookPath("aws"); err != nil && strings.Contains(line, "aws ") {
		t.Logf("the AWS CLI is not installed: this was NOT run: %s", line)
		return
	}
	out, err := shell(t, scratch, line).CombinedOutput()
	if err != nil {
		t.Fatalf("running %s: %v\n%s", line, err, out)
	}
	if !strings.Contains(string(out), says) {
		t.Errorf("%s does not say %q:\n%s", line, says, out)
	}
}

// serveStack starts a stack by a command, on ports that are free, and waits until
// it says something. What it returns ends it.
func serveStack(t *testing.T, scratch, command, until string) (stop func()) {
	t.Helper()
	var ports []any
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
		_ = l.Close()
	}
	cmd := shell(t, scratch, command+fmt.Sprintf(" AWS_PORT=%d DATABRICKS_PORT=%d PAGE_PORT=%d", ports...))
	// make and what it runs end together.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := false
	stop = func() {
		if !ended {
			ended = true
			_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
			_ = cmd.Wait()
		}
	}
	t.Cleanup(stop)
	lines := bufio.NewScanner(out)
	var said bytes.Buffer
	for lines.Scan() {
		fmt.Fprintln(&said, lines.Text())
		if strings.Contains(lines.Text(), until) {
			go func() {
				for lines.Scan() {
				}
			}()
			return stop
		}
	}
	t.Fatalf("%s ended:\n%s", command, said.String())
	return nil
}

// keep puts a file back as it was when the test has ended.
func keep(t *testing.T, path string) {
	t.Helper()
	before, err := os.ReadFile(path) //nolint:gosec // a path of this test
	t.Cleanup(func() {
		if err != nil {
			_ = os.Remove(path)
			return
		}
		_ = os.WriteFile(path, before, 0o600)
	})
}
