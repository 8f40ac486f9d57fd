package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lakegate/lambda/internal/readme"
)

// root is the folder of the repository.
const root = "../.."

// The README says what things cost, and which targets there are.
func TestREADMEIsDerived(t *testing.T) {
	t.Parallel()
	var files []string
	for _, f := range paidFor {
		files = append(files, root+"/"+f)
	}
	var paid bytes.Buffer
	if err := costs(t.Context(), &paid, files, costSeeds); err != nil {
		t.Fatal(err)
	}
	help, err := exec.CommandContext(t.Context(), "make", "--no-print-directory", "-C", root, "help").Output()
	if err != nil {
		t.Fatalf("running make help: %v", err)
	}
	var targets strings.Builder
	targets.WriteString("| command | what it does |\n| --- | --- |\n")
	for line := range strings.Lines(string(help)) {
		_, rest, _ := strings.Cut(line, "make ")
		target, doc, _ := strings.Cut(rest, " ")
		fmt.Fprintf(&targets, "| make %s | %s |\n", target, strings.TrimSpace(doc))
	}
	readme.Derive(t, root+"/README.md", map[string]string{
		"costs":        strings.ReplaceAll(paid.String(), root+"/", ""),
		"make targets": targets.String(),
	}, *update)
}

func readREADME(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile(root + "/README.md")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What the README leads to is there.
func TestLinks(t *testing.T) {
	t.Parallel()
	missing, files := readme.Links(readREADME(t))
	for _, f := range files {
		if _, err := os.Stat(root + "/" + f); err != nil {
			missing = append(missing, f)
		}
	}
	if len(missing) > 0 || len(files) == 0 {
		t.Errorf("README.md leads to %d files, and to what is not there: %v", len(files), missing)
	}
}

// Every setting of the stack is listed.
func TestSettingsAreListed(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile(root + "/infra/settings.go")
	if err != nil {
		t.Fatal(err)
	}
	text := readREADME(t)
	settings := regexp.MustCompile(`\b(?:get|list)\("(\w+)"`).FindAllStringSubmatch(string(code), -1)
	if len(settings) < 10 {
		t.Fatalf("only %d settings were found", len(settings))
	}
	for _, s := range settings {
		if !strings.Contains(text, "\n| `"+s[1]+"` |") {
			t.Errorf("README.md does not list the setting %s", s[1])
		}
	}
}

// way is how it is known that a command of the README works.
type way int

const (
	// served is run against a stack that make local serves.
	served way = iota
	// alone is run as it stands.
	alone
	// landing is run before each change lands, by .ci/run or what that runs.
	landing
	// dry would need an AWS account or far too long, and is tried as far as it goes
	// without.
	dry
)

// command is a command of the README, and how it is run.
type command struct {
	text string
	way  way
	// with replaces what stands for something: what is written, and by what.
	with []string
	// tried is what is run instead, if it is something else; empty if not.
	tried string
	// says is a part of what it has to print.
	says string
	// why it is not run as it stands.
	why string
}

// cdk is the CDK as the README and the Makefile have it.
const cdk = "npx aws-cdk@2.1148.1"

// commands are all commands of the README. A command that is not here fails the
// test: whoever writes one down says how it is known to work.
var commands = []command{
	{text: "make local", way: served},
	{text: "source .local/env", way: served},
	{text: "aws ec2 describe-vpc-endpoints", way: served, says: "VpcEndpointId"},
	{text: "aws s3 cp spec/examples/minimal.yaml s3://lakegate-specs/workspaces/", way: served, says: "upload: "},
	{text: `git clone "$GIT_CLONE_URL" specs`, way: served, with: []string{" specs", ` "$SCRATCH/specs" && ls "$SCRATCH/specs/.git/HEAD"`}, says: "HEAD"},
	{text: `aws stepfunctions list-executions --state-machine-arn "$STATE_MACHINE_ARN"`, way: served, says: "executionArn"},
	{
		text: `AWS_ACCESS_KEY_ID=EnsureVpc aws sts assume-role --role-arn "$TARGET_ROLE_ARN" --role-session-name me --external-id <workspace>`,
		way:  served, with: []string{"<workspace>", "osaka"}, says: "SessionToken",
	},
	{
		text: "aws stepfunctions list-executions --state-machine-arn <StateMachineArn> --status-filter RUNNING",
		way:  served, with: []string{"<StateMachineArn>", `"$STATE_MACHINE_ARN"`}, says: `"executions"`,
	},
	{
		text: "aws stepfunctions list-executions --state-machine-arn <RetirementMachineArn> --status-filter RUNNING",
		way:  served, with: []string{"<RetirementMachineArn>", `"${STATE_MACHINE_ARN%:*}:lakegate-retirement"`}, says: `"executions"`,
	},
	{
		text: "aws stepfunctions redrive-execution --execution-arn <ExecutionArn>", way: served,
		// One that has failed, of a spec that is none.
		with: []string{"<ExecutionArn>", `"$(failed)"`}, says: "redriveDate",
	},
	{
		text: "aws s3 cp my-workspace.yaml s3://lakegate-specs-<account>-<region>/workspaces/", way: served,
		with: []string{"my-workspace.yaml", "spec/examples/existing-vpc.yaml", "-<account>-<region>", ""}, says: "upload: ",
	},

	{text: "make demo SOURCE=git", way: alone, says: "nothing changed"},
	{text: "make demo SPEC=spec/examples/existing-vpc.yaml", way: alone, says: "nothing changed"},
	{text: "make demo RETIRE=1", way: alone, says: "Workspace Retired"},
	{text: "make plan SPEC=spec/examples/locked-down.yaml", way: alone, says: "plan of spec/examples/locked-down.yaml"},
	{text: "make validate SPEC=spec/examples/tokyo.yaml", way: alone},
	{text: "make validate", way: alone, with: []string{"validate", "validate SPEC=spec/examples/minimal.yaml"}},
	{text: "make target-role", way: landing},

	{text: "make new NAME=osaka REGION=ap-northeast-1", way: alone, with: []string{"ap-northeast-1", `ap-northeast-1 OUT="$(mktemp -d -p "$SCRATCH")/osaka.yaml"`}, says: "osaka.yaml"},
	{text: "make status", way: served, says: "tokyo"},
	{text: "make status WORKSPACE=tokyo", way: served, says: "Ready"},
	{text: "make logs WORKSPACE=tokyo", way: served, says: "EnsureVpc"},
	{
		text: "aws events start-replay --replay-name monday --event-start-time 2026-11-02T00:00:00Z --event-end-time 2026-11-03T00:00:00Z " +
			"--event-source-arn arn:aws:events:<region>:<account>:archive/lakegate-events --destination Arn=arn:aws:events:<region>:<account>:event-bus/lakegate",
		way: served, with: []string{"<region>", "ap-northeast-1", "<account>", "123456789012"}, says: "ReplayArn",
	},
	{
		text: `aws secretsmanager create-secret --name lakegate/slack --secret-string '{"token": "xoxb-…", "channel": "C0…"}'`, way: served,
		// The emulator has that one already.
		with: []string{"lakegate/slack", "lakegate/slack-of-another"}, says: "lakegate/slack-of-another",
	},
	{
		text: cdk + " deploy -c slackSecret=lakegate/slack", way: dry,
		tried: cdk + ` synth -o "$SCRATCH/chat" -c slackSecret=lakegate/slack`, says: "lakegate-NotifySlack", why: "it deploys to an AWS account",
	},

	{text: "make demo", way: landing},
	{text: "make test", way: landing},
	{text: "make check", way: landing},
	{text: "make synth", way: landing},
	{text: "make readme", way: landing},
	{text: "make chat", way: landing},

	{text: "make generate", way: dry, tried: "make -n generate", says: "go generate ./spec", why: "it writes files; make test and make check compare them with what it would write"},
	{text: "make bench", way: dry, tried: "make -n bench", says: "bin/local bench", why: "it takes a quarter of an hour"},
	{text: "bin/local many -workspaces 1000", way: dry, tried: "bin/local many -workspaces 12", says: "12, 0, 0", why: "it takes a quarter of an hour"},
	{text: "make diff", way: dry, tried: "make -n diff", says: cdk[len("npx "):] + " diff", why: "it compares with an AWS account"},
	{text: "make deploy", way: dry, tried: "make -n deploy", says: cdk[len("npx "):] + " deploy", why: "it deploys to an AWS account"},
	{text: cdk + " bootstrap", way: dry, tried: cdk + " bootstrap --show-template", says: "CdkBootstrapVersion", why: "it deploys to an AWS account"},
	{
		text: cdk + " deploy -c functionsVpc=vpc-… -c functionsSubnets=subnet-…,subnet-… -c functionsSecurityGroups=sg-…", way: dry,
		tried: cdk + ` synth -o "$SCRATCH/placed" -c functionsVpc=vpc-0a1b2c3d4e5f60718 -c functionsSubnets=subnet-0a1b2c3d4e5f60711,subnet-0a1b2c3d4e5f60712 -c functionsSecurityGroups=sg-0a1b2c3d4e5f60718`,
		says:  "sg-0a1b2c3d4e5f60718", why: "it deploys to an AWS account",
	},
	{
		text: cdk + " deploy -c targetRoles=arn:aws:iam::210987654321:role/lakegate", way: dry,
		tried: cdk + ` synth -o "$SCRATCH/targets" -c targetRoles=arn:aws:iam::210987654321:role/lakegate`,
		says:  "arn:aws:iam::210987654321:role/lakegate", why: "it deploys to an AWS account",
	},
	{
		text: "aws cloudformation deploy --template-file cdk.out/target-role.template.json --stack-name lakegate-target-role --capabilities CAPABILITY_NAMED_IAM --parameter-overrides LakegateAccount=123456789012 Workspaces=osaka,kobe",
		way:  dry,
		// It reads the template and its parameters, and then finds nobody to send them to.
		tried: `make target-role && ! AWS_ENDPOINT_URL=http://127.0.0.1:9 AWS_MAX_ATTEMPTS=1 AWS_ACCESS_KEY_ID=none AWS_SECRET_ACCESS_KEY=none AWS_REGION=eu-west-1 AWS_DEFAULT_REGION=eu-west-1 ` +
			`aws cloudformation deploy --template-file cdk.out/target-role.template.json --stack-name lakegate-target-role --capabilities CAPABILITY_NAMED_IAM --parameter-overrides LakegateAccount=123456789012 Workspaces=osaka,kobe`,
		says: "Could not connect to the endpoint URL", why: "it deploys to an AWS account",
	},
}

// Every command of the README is in the table, and the other way round.
func TestCommandsAreKnown(t *testing.T) {
	t.Parallel()
	written := readme.Commands(readREADME(t))
	for _, w := range written {
		if !slices.ContainsFunc(commands, func(c command) bool { return c.text == w }) {
			t.Errorf("nothing runs this command of README.md: %s", w)
		}
	}
	for _, c := range commands {
		if !slices.Contains(written, c.text) {
			t.Errorf("README.md has no command %s", c.text)
		}
		if (c.way == dry) != (c.why != "" && c.tried != "") {
			t.Errorf("%s: a command is run, or it is said why not and what is tried instead", c.text)
		}
	}
}

// What is said to run before a change lands, does.
func TestCommandsOfLanding(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile(root + "/.ci/run")
	if err != nil {
		t.Fatal(err)
	}
	var run strings.Builder
	for line := range strings.Lines(string(script)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "make ") {
			run.WriteString(recipe(t, line))
		}
	}
	for _, c := range commands {
		if c.way != landing {
			continue
		}
		for line := range strings.Lines(recipe(t, c.text)) {
			if !strings.Contains(run.String(), line) {
				t.Errorf("%s is said to be run by .ci/run, which does not run %s", c.text, line)
			}
		}
	}
}

// recipe is what make would run for a command.
func recipe(t *testing.T, command string) string {
	t.Helper()
	args := slices.Concat([]string{"--dry-run", "--no-print-directory", "-C", root}, strings.Fields(command)[1:])
	out, err := exec.CommandContext(t.Context(), "make", args...).CombinedOutput() //nolint:gosec // a command of the README
	if err != nil {
		t.Fatalf("asking what %s does: %v\n%s", command, err, out)
	}
	return string(out)
}
