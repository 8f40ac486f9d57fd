package emulator_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/eventbridge"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/survey"
	"lakegate/lambda/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

// life tells the story of a workspace, chapter by chapter: what is done, and what
// follows from it.
type life struct {
	*scene
	clone *clone
	out   strings.Builder
	// What has been told.
	calls, events int
	world         []string
}

// chapter does something and writes down what came of it.
func (l *life) chapter(title string, do func()) {
	l.Helper()
	do()
	l.settle()
	fmt.Fprintf(&l.out, "# %s\n", title)
	events := l.fresh()
	l.tellEvents(events)
	l.tellPlan(events)
	l.tellCalls()
	l.tellWorld()
	l.out.WriteString("\n")
}

func (l *life) section(name string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintf(&l.out, "%s\n", name)
	for _, line := range lines {
		fmt.Fprintf(&l.out, "  %s\n", line)
	}
}

// volatile are ids and digests, which differ between two tellings of the same:
// they come from the time of a commit.
var volatile = regexp.MustCompile(`\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b|\b[0-9a-f]{17}\b|\b[0-9]{13,16}\b|\b[0-9a-f]{8}-[0-9a-f]{4}\b|\b[0-9a-f]{8}\b|\bZ[A-Z0-9]{12,31}\b`)

// fresh are the events since the last chapter.
func (l *life) fresh() []eventbridge.Event {
	all := l.World.Events.Events("")
	out := all[l.events:]
	l.events = len(all)
	return out
}

func (l *life) tellEvents(events []eventbridge.Event) {
	var executions, sent []string
	for _, e := range events {
		switch {
		case e.DetailType == "Step Functions Execution Status Change":
			var d struct {
				Status, StateMachineArn string
				Error                   *string
			}
			if err := json.Unmarshal(e.Detail, &d); err != nil {
				l.Fatal(err)
			}
			if d.Status != "RUNNING" {
				executions = append(executions, strings.TrimSpace(d.StateMachineArn[strings.LastIndex(d.StateMachineArn, ":")+1:]+" "+d.Status+" "+aws.ToString(d.Error)))
			}
		case e.Bus == plan.EventBusName && e.DetailType != report.StepCompleted:
			sent = append(sent, e.DetailType)
		}
	}
	l.section("executions", executions)
	l.section("events", sent)
}

// tellPlan tells what was planned, and what has drifted.
func (l *life) tellPlan(events []eventbridge.Event) {
	for _, e := range events {
		var lines []string
		switch e.DetailType {
		case report.Planned:
			var d struct{ Data report.PlannedData }
			if err := json.Unmarshal(e.Detail, &d); err != nil {
				l.Fatal(err)
			}
			for _, c := range d.Data.Changes {
				if c.Action == "Keep" || c.Action == "Unwanted" {
					continue
				}
				lines = append(lines, c.Action+" "+c.Step)
				for _, one := range c.Differences {
					lines = append(lines, fmt.Sprintf("  %s, %s: %q to %q", one.Object, one.Field, one.Found, one.Wanted))
				}
			}
			l.section("plan: "+d.Data.Summary(), lines)
		case report.Drifted:
			var d struct{ Data report.DriftedData }
			if err := json.Unmarshal(e.Detail, &d); err != nil {
				l.Fatal(err)
			}
			for _, v := range d.Data.Deviations {
				by := "nobody knows who"
				if v.By != nil {
					by = v.By.Who + " by " + v.By.Call
				}
				lines = append(lines, fmt.Sprintf("%s found %s, %s: %q, not %q; %s", v.Step, v.Object, v.Field, v.Found, v.Wanted, by))
			}
			l.section("drift: "+d.Data.Message, lines)
		}
	}
}

// tellCalls tells what functions changed. How often they did depends on when
// others were ready.
func (l *life) tellCalls() {
	var lines []string
	for _, c := range l.Changes(l.calls) {
		if c.Caller != "jane" {
			lines = append(lines, c.Caller+" "+c.Service+":"+c.Action)
		}
	}
	l.calls = len(l.Hub.Calls())
	slices.Sort(lines)
	l.section("calls", slices.Compact(lines))
}

// tellWorld tells what came into being, and what went.
func (l *life) tellWorld() {
	now := l.Inventory()
	var lines []string
	for _, line := range now {
		if !slices.Contains(l.world, line) {
			lines = append(lines, "+ "+line)
		}
	}
	for _, line := range l.world {
		if !slices.Contains(now, line) {
			lines = append(lines, "- "+line)
		}
	}
	l.world = now
	l.section("world", lines)
}

// The whole life of a workspace, by git push alone but for what somebody does
// behind its back with the AWS CLI: what was planned, called, told and made in
// each chapter is golden.
func TestLife(t *testing.T) {
	t.Parallel()
	edit := func(text, from, to string) string {
		t.Helper()
		if !strings.Contains(text, from) {
			t.Fatalf("the spec has no %q", from)
		}
		return strings.Replace(text, from, to, 1)
	}
	closed := strings.ReplaceAll(string(example(t, "locked-down")), "locked-down", "life")
	text := edit(closed, "publicAccess: false", "publicAccess: true") + "  deletionPolicy: Delete\n  bucketDeletion: Force\n"
	l := &life{scene: newSceneOf(t, []byte(closed))}
	if err := l.Provide(t.Context(), l.spec); err != nil {
		t.Fatal(err)
	}
	l.world = l.Inventory()
	first := l.world
	l.clone = cloneOf(t, l.World, l.SourceRepository)
	l.calls, l.events = len(l.Hub.Calls()), len(l.World.Events.Events(""))
	push := func(title string) {
		l.chapter(title, func() { l.clone.push(title, map[string][]byte{"workspaces/life.yaml": []byte(text)}) })
	}

	push("create")
	text = "# Nothing but a comment.\n" + text
	push("no-op")
	text = edit(text, "team: risk", "team: fraud\n    stage: test")
	push("tags")
	text += "  network:\n    securityGroups:\n      endpoint:\n        rules:\n" +
		"          - {direction: ingress, protocol: tcp, ports: \"443\", peer: vpc}\n          - {direction: ingress, protocol: tcp, ports: \"6666\", peer: vpc}\n" +
		"          - {direction: egress, protocol: tcp, ports: \"443\", peer: vpc}\n"
	push("rules")
	text = edit(text, "  network:\n", "  change: {stopCompute: true}\n  network:\n    workspaceSubnets: [{cidr: 10.0.0.128/26}, {cidr: 10.0.0.192/26}]\n")
	l.Databricks.RunCompute("life", "etl", "dashboards")
	push("network")
	text = edit(text, "publicAccess: true", "publicAccess: false")
	push("lock-down")
	text += "  suspend: true\n"
	push("suspend")
	text = edit(text, "  suspend: true\n", "")
	push("resume")
	l.chapter("drift", func() {
		l.behind()
		l.survey(only(survey.Verify))
	})
	text += "  drift: Repair\n"
	l.chapter("repair", func() {
		l.clone.push("repair", map[string][]byte{"workspaces/life.yaml": []byte(text)})
		l.settle()
		l.behind()
		l.survey(only(survey.Verify))
	})
	text = edit(text, "metadata:\n", "metadata:\n  annotations: {lakegate.dev/protected: \"true\"}\n")
	push("protect")
	remove := func() {
		l.clone.git("rm", "--quiet", "workspaces/life.yaml")
		l.clone.push("Delete", nil)
	}
	l.chapter("delete what is protected", remove)
	text = edit(text, `protected: "true"`, `protected: "false"`)
	push("put back, unprotected")
	l.chapter("retire", remove)
	// Keys are deleted some days later.
	left := slices.DeleteFunc(slices.Clone(l.world), func(line string) bool { return strings.HasPrefix(line, "key  ") })
	if diff := cmp.Diff(first, left); diff != "" {
		t.Errorf("the world is not as it was before:\n%s", diff)
	}

	const golden = "testdata/life.txt"
	got := volatile.ReplaceAllString(l.out.String(), "…")
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("the story differs (go test ./lambda/internal/emulator -run TestLife -update writes it anew):\n%s", diff)
	}
}

// behind opens the endpoints to everybody and takes the name off the VPC, by the
// AWS CLI, or by the SDK where there is none.
func (l *life) behind() {
	l.Helper()
	objects := l.status().Objects
	group, vpc := objects["securityGroups"][1], objects["vpc"][0]
	program, err := exec.LookPath("aws")
	if err == nil {
		for _, args := range [][]string{
			{"ec2", "authorize-security-group-ingress", "--group-id", group, "--protocol", "tcp", "--port", "443", "--cidr", "0.0.0.0/0"},
			{"ec2", "delete-tags", "--resources", vpc, "--tags", "Key=Name"},
		} {
			cmd := exec.CommandContext(l.Context(), program, append(args, "--endpoint-url", l.AWSURL)...)
			cmd.Env = append(cmd.Environ(),
				"AWS_ACCESS_KEY_ID=jane", "AWS_SECRET_ACCESS_KEY=test", "AWS_SESSION_TOKEN=", "AWS_DEFAULT_REGION="+l.Config.Region,
				"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull)
			if out, err := cmd.CombinedOutput(); err != nil {
				l.Fatalf("aws %v: %v\n%s", args, err, out)
			}
		}
		return
	}
	api := awsec2.NewFromConfig(l.somebody())
	if _, err := api.AuthorizeSecurityGroupIngress(l.Context(), &awsec2.AuthorizeSecurityGroupIngressInput{
		GroupId: &group, IpPermissions: []types.IpPermission{{
			IpProtocol: aws.String("tcp"), FromPort: aws.Int32(443), ToPort: aws.Int32(443), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}},
		}},
	}); err != nil {
		l.Fatal(err)
	}
	if _, err := api.DeleteTags(l.Context(), &awsec2.DeleteTagsInput{Resources: []string{vpc}, Tags: []types.Tag{{Key: aws.String("Name")}}}); err != nil {
		l.Fatal(err)
	}
}
