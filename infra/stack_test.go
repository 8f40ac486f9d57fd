package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/constructs-go/constructs/v10"
	"github.com/aws/jsii-runtime-go"
	gocmp "github.com/google/go-cmp/cmp"

	"lakegate/lambda/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

// synthesised is the template that most tests read, with both sources: one
// synthesis takes longer than all tests together.
var synthesised template

// placed is the template with functions in the VPC of the users, for workspaces
// of other accounts too, and with the source that is watched if nothing is chosen.
var placed template

// fromGit is the template for a branch of a repository that exists.
var fromGit template

var otherRoles = []string{"arn:aws:iam::210987654321:role/lakegate", "arn:aws:iam::555566667777:role/team/lakegate"}

// chats are the settings that tell every product of chat.
var chats = map[string]any{
	"slackSecret": "lakegate/slack", "teamsSecret": "lakegate/teams", "webhookSecret": "lakegate/webhook",
	"amazonQSlack": "T07EA123LEP/C07EZ1ABC23",
	"amazonQTeams": "11111111-2222-4333-8444-555555555555/66666666-7777-4888-9999-000000000000/19%3Aab%40thread.tacv2",
}

// operatorsTopic is one that an operator has.
const operatorsTopic = "arn:aws:sns:eu-west-1:123456789012:on-call"

const usersVPC = "vpc-0a1b2c3d4e5f60718"

func TestMain(m *testing.M) {
	flag.Parse()
	code, err := synthesiseAndRun(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "infra:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

func synthesiseAndRun(m *testing.M) (int, error) {
	if err := checkNode(); err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "infra-test-")
	if err != nil {
		return 0, err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	asset, out := filepath.Join(dir, "asset"), filepath.Join(dir, "cdk.out")
	if err := os.Mkdir(asset, 0o755); err != nil {
		return 0, err
	}
	if err := os.WriteFile(filepath.Join(asset, "bootstrap"), nil, 0o755); err != nil {
		return 0, err
	}

	// The value is the version whose end of life jsii would warn of.
	if err := os.Setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20"); err != nil {
		return 0, err
	}
	// jsii unpacks itself here and goes with the folder: its Close, once the
	// process runs, has a data race that fails go test -race.
	if err := os.Setenv("TMPDIR", dir); err != nil {
		return 0, err
	}
	// It took the environment when it was loaded; closed, it takes it again.
	jsii.Close()
	config, err := readConfig()
	if err != nil {
		return 0, err
	}
	config.Context["asset"] = asset
	config.Context["source"] = both
	maps.Copy(config.Context, chats)
	if synthesised, err = synthesise(config.Context, out); err != nil {
		return 0, err
	}
	config.Context["source"] = plan.CodeCommit
	for key := range chats {
		delete(config.Context, key)
	}
	config.Context["sourceRepository"], config.Context["sourceBranch"] = "network-specs", "trunk"
	config.Context["driftSchedule"] = never
	if fromGit, err = synthesise(config.Context, out+"-from-git"); err != nil {
		return 0, err
	}
	delete(config.Context, "source")
	maps.Copy(config.Context, chats)
	config.Context["driftSchedule"] = "cron(0 6 * * ? *)"
	config.Context["functionsVpc"] = usersVPC
	config.Context["functionsSubnets"] = "subnet-0a1b2c3d4e5f60711,subnet-0a1b2c3d4e5f60712"
	config.Context["functionsSecurityGroups"] = []string{"sg-0a1b2c3d4e5f60711"}
	config.Context["targetRoles"] = strings.Join(otherRoles, ",")
	config.Context["alarmTopic"] = operatorsTopic
	if placed, err = synthesise(config.Context, out+"-placed"); err != nil {
		return 0, err
	}
	return m.Run(), nil
}

// synthesise makes the template of the stack for a context.
func synthesise(context map[string]any, out string) (template, error) {
	var t template
	app := awscdk.NewApp(&awscdk.AppProps{AnalyticsReporting: jsii.Bool(false), Context: &context, Outdir: &out})
	if err := newStack(app, settingsFrom(app.Node())); err != nil {
		return t, err
	}
	t.taggable = map[string]bool{}
	for _, c := range *app.Node().FindChild(jsii.String(stackName)).Node().FindAll(constructs.ConstructOrder_PREORDER) {
		// All resources are at the top of the stack, so that their ids are the logical ones.
		if id := *c.Node().Id(); id != stackName && awscdk.TagManager_Of(c) != nil {
			t.taggable[id] = true
		}
	}
	app.Synth(nil)
	text, err := os.ReadFile(filepath.Join(out, stackName+".template.json"))
	if err != nil {
		return t, err
	}
	return t, json.Unmarshal(text, &t)
}

func checkNode() error {
	const need = "the CDK tests need Node.js 20 or newer on the PATH"
	out, err := exec.Command(cmp.Or(os.Getenv("JSII_NODE"), "node"), "--version").Output()
	if err != nil {
		return fmt.Errorf("%s: %w", need, err)
	}
	version := strings.TrimSpace(string(out))
	major, _, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	if n, err := strconv.Atoi(major); err != nil || n < 20 {
		return fmt.Errorf("%s: found %s", need, version)
	}
	return nil
}

// config is cdk.json.
type config struct {
	App     string
	Context map[string]any
}

func readConfig() (config, error) {
	var c config
	text, err := os.ReadFile("../cdk.json")
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(text, &c)
}

// template is the part of a CloudFormation template that the tests read.
type template struct {
	Resources map[string]resource
	Outputs   map[string]any
	// taggable are the logical ids of what takes tags.
	taggable map[string]bool
}

type resource struct {
	Type           string
	Properties     map[string]any
	Metadata       map[string]any
	DeletionPolicy string
}

// ofType returns the resources of a type by logical id.
func (t template) ofType(name string) map[string]resource {
	found := map[string]resource{}
	for id, r := range t.Resources {
		if r.Type == name {
			found[id] = r
		}
	}
	return found
}

// at returns what is found along a path of keys and indexes, or nil.
func at(value any, path ...any) any {
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := value.(map[string]any)
			value = object[step]
		case int:
			list, _ := value.([]any)
			if step >= len(list) {
				return nil
			}
			value = list[step]
		}
	}
	return value
}

// readable replaces CloudFormation's functions by text: ${Id} for a Ref,
// ${Id.Attribute} for a GetAtt, and joined texts.
func readable(value any) any {
	switch value := value.(type) {
	case []any:
		out := make([]any, len(value))
		for i, v := range value {
			out[i] = readable(v)
		}
		return out
	case map[string]any:
		if id, ok := value["Ref"].(string); ok {
			return "${" + id + "}"
		}
		if path, ok := value["Fn::GetAtt"].([]any); ok {
			return fmt.Sprintf("${%s.%s}", path...)
		}
		if join, ok := value["Fn::Join"].([]any); ok {
			var out strings.Builder
			for _, part := range join[1].([]any) {
				fmt.Fprint(&out, readable(part))
			}
			return out.String()
		}
		out := map[string]any{}
		for k, v := range value {
			out[k] = readable(v)
		}
		return out
	default:
		return value
	}
}

// list makes one value a list of one, as IAM does.
func list(value any) []any {
	if l, ok := value.([]any); ok {
		return l
	}
	return []any{value}
}

// statements returns the statements of a policy document.
func statements(document any) []map[string]any {
	var out []map[string]any
	for _, s := range list(at(readable(document), "Statement")) {
		out = append(out, s.(map[string]any))
	}
	return out
}

// arnOf is the ARN of a state machine, made readable.
func arnOf(machine string) string {
	return "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:stateMachine:" + machine
}

func functionNames() []string {
	var names []string
	for _, s := range plan.Steps() {
		names = append(names, s.Name)
	}
	for _, f := range plan.Functions() {
		names = append(names, f.Name)
	}
	return names
}

func TestEachStepAndFunctionHasItsFunctionRoleAndLog(t *testing.T) {
	t.Parallel()
	names := functionNames()
	for _, name := range names {
		function := synthesised.Resources[name+"Function"]
		want := map[string]any{
			"FunctionName":  plan.FunctionPrefix + name,
			"Runtime":       "provided.al2023",
			"Architectures": []any{"arm64"},
			"Handler":       "bootstrap",
			"MemorySize":    256.0,
			"Role":          "${" + name + "Role.Arn}",
			"LoggingConfig": map[string]any{"LogFormat": "JSON", "LogGroup": "${" + name + "Logs}"},
			"TracingConfig": map[string]any{"Mode": "Active"},
		}
		got, _ := readable(function.Properties).(map[string]any)
		for key, value := range want {
			if diff := gocmp.Diff(value, got[key]); diff != "" {
				t.Errorf("%s of function %s (-want +got):\n%s", key, name, diff)
			}
		}
		logs := synthesised.Resources[name+"Logs"]
		if got := logs.Properties["LogGroupName"]; got != "/aws/lambda/"+plan.FunctionPrefix+name {
			t.Errorf("function %s logs to %v", name, got)
		}
		if days, _ := logs.Properties["RetentionInDays"].(float64); days < 14 {
			t.Errorf("log of function %s is kept for %v days, less than an execution can be redriven", name, days)
		}
	}
	// A state machine has a role and a log group too, a schedule and channels of chat
	// have a role.
	machines := len(plan.Machines())
	for kind, want := range map[string]int{
		"AWS::Lambda::Function": len(names),
		"AWS::IAM::Role":        len(names) + machines + len(plan.Schedules()) + 1,
		"AWS::Logs::LogGroup":   len(names) + machines,
	} {
		if got := len(synthesised.ofType(kind)); got != want {
			t.Errorf("got %d of %s, want %d", got, kind, want)
		}
	}
}

func TestTimeoutsAreThoseOfThePlan(t *testing.T) {
	t.Parallel()
	want, got := map[string]any{}, map[string]any{}
	for _, s := range plan.Steps() {
		want[s.Name] = s.Timeout.Seconds()
	}
	for _, f := range plan.Functions() {
		want[f.Name] = f.Timeout.Seconds()
	}
	for name := range want {
		got[name] = synthesised.Resources[name+"Function"].Properties["Timeout"]
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("timeouts in seconds (-plan +template):\n%s", diff)
	}
}

// A function that may use a thing is told its name, and no other is.
func TestEnvironmentFollowsPermissions(t *testing.T) {
	t.Parallel()
	for _, name := range functionNames() {
		role, err := json.Marshal(readable(synthesised.Resources[name+"Role"].Properties["Policies"]))
		if err != nil {
			t.Fatal(err)
		}
		env, _ := readable(at(synthesised.Resources[name+"Function"].Properties, "Environment", "Variables")).(map[string]any)
		want := map[string]any{plan.EnvStep: name}
		for _, v := range []struct{ name, mention, value string }{
			{plan.EnvStateBucket, "${StateBucket}", "${StateBucket}"},
			{plan.EnvEventBus, "${EventBus.Arn}", "${EventBus}"},
			{plan.EnvSourceBucket, "${SourceBucket}", "${SourceBucket}"},
			{plan.EnvSourceRepository, "${SourceRepository.Name}", "${SourceRepository.Name}"},
			{plan.EnvSourceBranch, "${SourceRepository.Name}", "main"},
			{plan.EnvDatabricksSecret, ":secret:lakegate/databricks-??????", "lakegate/databricks"},
			{plan.EnvChatSecret, ":secret:lakegate/slack-??????", "lakegate/slack"},
			{plan.EnvChatSecret, ":secret:lakegate/teams-??????", "lakegate/teams"},
			{plan.EnvChatSecret, ":secret:lakegate/webhook-??????", "lakegate/webhook"},
			{plan.EnvChatTopic, "${ChatTopic}", "${ChatTopic}"},
			{plan.EnvSlots, plan.SlotsKey, "200"},
			{plan.EnvEndpointsPerSecond, plan.SlotsKey, "0.3"},
			{plan.EnvStateMachine, arnOf(plan.StateMachineName), arnOf(plan.StateMachineName)},
			{plan.EnvRetirementMachine, arnOf(plan.RetirementMachineName), arnOf(plan.RetirementMachineName)},
		} {
			if bytes.Contains(role, []byte(v.mention)) {
				want[v.name] = v.value
			}
		}
		if diff := gocmp.Diff(want, env); diff != "" {
			t.Errorf("environment of %s (-want +got):\n%s", name, diff)
		}
	}
}

func TestEmptyVariablesAreLeftOut(t *testing.T) {
	t.Parallel()
	f := plan.Function{Name: "Look", Allow: []plan.Permission{{Resources: []string{plan.DatabricksSecret}}}}
	for host, want := range map[string]map[string]string{
		"":                   {plan.EnvStep: "Look", plan.EnvDatabricksSecret: "s"},
		"https://other.test": {plan.EnvStep: "Look", plan.EnvDatabricksSecret: "s", plan.EnvDatabricksHost: "https://other.test"},
	} {
		props := functionProps{variables: []variable{
			{plan.EnvDatabricksSecret, plan.DatabricksSecret, "s"},
			{plan.EnvDatabricksHost, plan.DatabricksSecret, host},
			{plan.EnvStateMachine, plan.StateMachine, "m"},
		}}
		if diff := gocmp.Diff(want, props.environment(f)); diff != "" {
			t.Errorf("environment with host %q (-want +got):\n%s", host, diff)
		}
	}
}

// The golden file shows a reviewer what each role may do.
func TestRoles(t *testing.T) {
	t.Parallel()
	roles := synthesised.ofType("AWS::IAM::Role")
	var golden strings.Builder
	for _, id := range slices.Sorted(maps.Keys(roles)) {
		role := roles[id].Properties
		policies := list(role["Policies"])
		if len(policies) != 1 || role["ManagedPolicyArns"] != nil {
			t.Errorf("role %s has other policies than the one from the plan", id)
		}
		document, err := json.Marshal(at(readable(policies[0]), "PolicyDocument"))
		if err != nil {
			t.Fatal(err)
		}
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
		if size := len(document); size > 10240 {
			t.Errorf("the policy of role %s has %d characters, IAM takes 10240", id, size)
		}
		trust := statements(role["AssumeRolePolicyDocument"])
		fmt.Fprintf(&golden, "%s, assumed by %v\n", id, at(trust[0], "Principal", "Service"))
		for _, s := range statements(at(policies[0], "PolicyDocument")) {
			if s["Effect"] != "Allow" {
				t.Errorf("role %s: a statement has the effect %v", id, s["Effect"])
			}
			for _, action := range list(s["Action"]) {
				if strings.Contains(action.(string), "*") {
					t.Errorf("role %s allows the pattern %v", id, action)
				}
			}
			writeStatement(&golden, s)
		}
		golden.WriteByte('\n')
	}
	checkGolden(t, "testdata/roles.txt", golden.String())
}

func writeStatement(out *strings.Builder, s map[string]any) {
	const indent = "  "
	for _, action := range list(s["Action"]) {
		fmt.Fprintf(out, "%s%v\n", indent, action)
	}
	for _, r := range list(s["Resource"]) {
		fmt.Fprintf(out, "%son %v\n", indent+indent, r)
	}
	conditions, _ := s["Condition"].(map[string]any)
	for _, operator := range slices.Sorted(maps.Keys(conditions)) {
		keys := conditions[operator].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(keys)) {
			fmt.Fprintf(out, "%sif %s %s %v\n", indent+indent, key, operator, keys[key])
		}
	}
}

func checkGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := gocmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got; -update writes it anew):\n%s", path, diff)
	}
}

func TestDefinitionIsThatOfThePlan(t *testing.T) {
	t.Parallel()
	for _, m := range plan.Machines() {
		machine := synthesised.Resources[m.ID].Properties
		if diff := gocmp.Diff(string(m.Definition()), machine["DefinitionString"]); diff != "" {
			t.Errorf("definition of %s (-plan +template):\n%s", m.Name, diff)
		}
		want := map[string]any{}
		for _, s := range m.Graph.Steps() {
			want[s.Name] = "${" + s.Name + "Function.Arn}"
		}
		if diff := gocmp.Diff(want, readable(machine["DefinitionSubstitutions"])); diff != "" {
			t.Errorf("substitutions of %s (-want +got):\n%s", m.Name, diff)
		}
	}
}

func TestStateMachines(t *testing.T) {
	t.Parallel()
	if got, want := len(synthesised.ofType("AWS::StepFunctions::StateMachine")), len(plan.Machines()); got != want {
		t.Errorf("got %d state machines, want %d", got, want)
	}
	for _, m := range plan.Machines() {
		got := readable(synthesised.Resources[m.ID].Properties).(map[string]any)
		delete(got, "DefinitionString")
		delete(got, "DefinitionSubstitutions")
		want := map[string]any{
			"StateMachineName": m.Name,
			"StateMachineType": "STANDARD",
			"RoleArn":          "${" + m.ID + "Role.Arn}",
			"LoggingConfiguration": map[string]any{
				"Level": "ALL", "IncludeExecutionData": true,
				"Destinations": []any{map[string]any{"CloudWatchLogsLogGroup": map[string]any{"LogGroupArn": "${" + m.ID + "Logs.Arn}"}}},
			},
			"TracingConfiguration": map[string]any{"Enabled": true},
			"Tags":                 []any{map[string]any{"Key": tagStack, "Value": stackName}},
		}
		if diff := gocmp.Diff(want, got); diff != "" {
			t.Errorf("state machine %s (-want +got):\n%s", m.Name, diff)
		}
		if got := synthesised.Resources[m.ID+"Logs"].Properties["LogGroupName"]; got != "/aws/vendedlogs/states/"+m.Name {
			t.Errorf("%s logs to %v", m.Name, got)
		}
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	if got, want := len(synthesised.ofType("AWS::Events::Rule")), len(plan.Rules()); got != want {
		t.Errorf("got %d rules, want %d", got, want)
	}
	var senders []any
	for _, r := range plan.Rules() {
		filled := placeholders{
			plan.SourceBucket:     "${SourceBucket}",
			plan.SourceRepository: "${SourceRepository.Name}",
			plan.SourceBranch:     "main",
			plan.StateMachine:     arnOf(plan.StateMachineName), plan.RetirementMachine: arnOf(plan.RetirementMachineName),
		}.fill(r.Pattern)
		var pattern any
		if err := json.Unmarshal([]byte(filled), &pattern); err != nil {
			t.Fatal(err)
		}
		want := map[string]any{
			"Name":         plan.FunctionPrefix + r.Name,
			"Description":  r.Doc,
			"State":        "ENABLED",
			"EventPattern": pattern,
			"Targets": []any{map[string]any{
				"Id":  r.Target,
				"Arn": "${" + r.Target + "Function.Arn}",
				"RetryPolicy": map[string]any{
					"MaximumEventAgeInSeconds": r.MaxAge.Seconds(),
					"MaximumRetryAttempts":     float64(r.MaxAttempts),
				},
				"DeadLetterConfig": map[string]any{"Arn": "${DeadLetterQueue.Arn}"},
			}},
			"Tags": []any{map[string]any{"Key": tagStack, "Value": stackName}},
		}
		if r.Bus != "" {
			want["EventBusName"] = "${EventBus}"
		}
		if diff := gocmp.Diff(want, readable(synthesised.Resources[r.Name+"Rule"].Properties)); diff != "" {
			t.Errorf("rule %s (-want +got):\n%s", r.Name, diff)
		}
		permission := map[string]any{
			"Action":       "lambda:InvokeFunction",
			"FunctionName": "${" + r.Target + "Function.Arn}",
			"Principal":    "events.amazonaws.com",
			"SourceArn":    "${" + r.Name + "Rule.Arn}",
		}
		if diff := gocmp.Diff(permission, readable(synthesised.Resources[r.Name+"Permission"].Properties)); diff != "" {
			t.Errorf("permission of rule %s (-want +got):\n%s", r.Name, diff)
		}
		senders = append(senders, "${"+r.Name+"Rule.Arn}")
	}

	send := statements(synthesised.Resources["DeadLetterQueuePolicy"].Properties["PolicyDocument"])[0]
	if diff := gocmp.Diff(senders, at(send, "Condition", "ArnEquals", "aws:SourceArn")); diff != "" {
		t.Errorf("rules that may send dead letters (-want +got):\n%s", diff)
	}
}

func TestSchedules(t *testing.T) {
	t.Parallel()
	if got, want := len(synthesised.ofType("AWS::Scheduler::Schedule")), len(plan.Schedules()); got != want {
		t.Errorf("got %d schedules, want %d", got, want)
	}
	for _, s := range plan.Schedules() {
		want := map[string]any{
			"Name":                       plan.FunctionPrefix + s.Name,
			"Description":                s.Doc,
			"State":                      "ENABLED",
			"ScheduleExpression":         s.Expression,
			"ScheduleExpressionTimezone": "UTC",
			"FlexibleTimeWindow":         map[string]any{"Mode": "FLEXIBLE", "MaximumWindowInMinutes": s.Window.Minutes()},
			"Target": map[string]any{
				"Arn":     "${" + s.Target + "Function.Arn}",
				"RoleArn": "${" + s.Name + "ScheduleRole.Arn}",
				"Input":   s.Input,
				"RetryPolicy": map[string]any{
					"MaximumEventAgeInSeconds": s.MaxAge.Seconds(),
					"MaximumRetryAttempts":     float64(s.MaxAttempts),
				},
				"DeadLetterConfig": map[string]any{"Arn": "${DeadLetterQueue.Arn}"},
			},
		}
		if diff := gocmp.Diff(want, readable(synthesised.Resources[s.Name+"Schedule"].Properties)); diff != "" {
			t.Errorf("schedule %s (-want +got):\n%s", s.Name, diff)
		}
		trust := statements(synthesised.Resources[s.Name+"ScheduleRole"].Properties["AssumeRolePolicyDocument"])[0]
		if got := at(trust, "Condition", "StringEquals", "aws:SourceArn"); got != "arn:${AWS::Partition}:scheduler:${AWS::Region}:${AWS::AccountId}:schedule-group/default" {
			t.Errorf("the role of schedule %s may be assumed for %v", s.Name, got)
		}
	}
}

// An operator chooses when, or never; what the service would refuse is refused at
// once.
func TestDriftSchedule(t *testing.T) {
	t.Parallel()
	if got := placed.Resources["SurveySchedule"].Properties["ScheduleExpression"]; got != "cron(0 6 * * ? *)" {
		t.Errorf("the schedule is %v", got)
	}
	if n := len(fromGit.ofType("AWS::Scheduler::Schedule")); n > 0 || fromGit.Resources["SurveyScheduleRole"].Type != "" {
		t.Errorf("there are %d schedules", n)
	}
	for text, ok := range map[string]bool{
		"": true, "none": true, "rate(1 day)": true, "rate(12 hours)": true, "cron(0 6 ? * MON-FRI *)": true,
		"daily": false, "rate(0 days)": false, "rate(1 week)": false, "cron(0 6 * * ?)": false, "at(2027-01-01T00:00:00)": false,
	} {
		if err := (settings{Source: plan.S3, DriftSchedule: text}).check(); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A source that is not watched leaves nothing in the template: no rule, no
// permission, no output, and nothing that the stack would make for it.
func TestSources(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		template template
		// actions are those on sources, of all roles.
		actions, rules, made, outputs []string
		repository, branch            string
	}{
		"s3": {
			template: placed, actions: []string{"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"},
			rules: []string{"SpecPushedRule"}, made: []string{"SourceBucket", "SourceBucketPolicy"}, outputs: []string{"SourceBucketName"},
		},
		"codecommit": {
			template: fromGit, actions: []string{"codecommit:GetBranch", "codecommit:GetCommit", "codecommit:GetDifferences", "codecommit:GetFile", "codecommit:GetFolder", "codecommit:PostCommentForPullRequest"},
			rules: []string{"BranchPushedRule"}, outputs: []string{"SourceCloneUrl"},
			repository: "network-specs", branch: "trunk",
		},
		"both": {
			template: synthesised,
			actions: []string{
				"codecommit:GetBranch", "codecommit:GetCommit", "codecommit:GetDifferences", "codecommit:GetFile", "codecommit:GetFolder", "codecommit:PostCommentForPullRequest",
				"s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket",
			},
			rules: []string{"BranchPushedRule", "SpecPushedRule"}, made: []string{"SourceBucket", "SourceBucketPolicy", "SourceRepository"},
			outputs: []string{"SourceBucketName", "SourceCloneUrl"}, repository: "${SourceRepository.Name}", branch: "main",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var actions, rules, made, outputs []string
			for id, r := range test.template.Resources {
				if strings.HasPrefix(id, "Source") {
					made = append(made, id)
				}
				if strings.HasSuffix(id, "PushedRule") {
					rules = append(rules, id)
				}
				if r.Type != "AWS::IAM::Role" {
					continue
				}
				for _, s := range statements(at(list(r.Properties["Policies"])[0], "PolicyDocument")) {
					resource := fmt.Sprint(list(s["Resource"])[0])
					if !strings.Contains(resource, "SourceBucket") && !strings.Contains(resource, ":codecommit:") {
						continue
					}
					for _, a := range list(s["Action"]) {
						actions = append(actions, a.(string))
					}
					if want := ":codecommit:${AWS::Region}:${AWS::AccountId}:" + test.repository; strings.Contains(resource, ":codecommit:") && !strings.HasSuffix(resource, want) {
						t.Errorf("%s may read %s", id, resource)
					}
				}
			}
			for id := range test.template.Outputs {
				if strings.HasPrefix(id, "Source") {
					outputs = append(outputs, id)
				}
			}
			for what, pair := range map[string][2][]string{
				"actions": {test.actions, actions}, "rules": {test.rules, rules}, "resources": {test.made, made}, "outputs": {test.outputs, outputs},
			} {
				slices.Sort(pair[1])
				if diff := gocmp.Diff(pair[0], slices.Compact(pair[1])); diff != "" {
					t.Errorf("%s (-want +got):\n%s", what, diff)
				}
			}
			if test.repository != "" {
				detail := at(readable(test.template.Resources["BranchPushedRule"].Properties), "EventPattern", "detail")
				if diff := gocmp.Diff([]any{[]any{test.repository}, []any{test.branch}}, []any{at(detail, "repositoryName"), at(detail, "referenceName")}); diff != "" {
					t.Errorf("what is watched (-want +got):\n%s", diff)
				}
			}
		})
	}
	if got := synthesised.Resources["SourceRepository"].DeletionPolicy; got != "Retain" {
		t.Error("the source repository goes with the stack")
	}
}

// What a function fails on after Lambda's own retries must not be lost.
func TestFailedEventsAreKept(t *testing.T) {
	t.Parallel()
	for _, f := range plan.Functions() {
		config := readable(synthesised.Resources[f.Name+"Async"].Properties)
		if got := at(config, "FunctionName"); got != "${"+f.Name+"Function}" {
			t.Errorf("invocations of %s are configured for %v", f.Name, got)
		}
		if got := at(config, "DestinationConfig", "OnFailure", "Destination"); got != "${DeadLetterQueue.Arn}" {
			t.Errorf("what %s fails on goes to %v", f.Name, got)
		}
	}
	queue := synthesised.Resources["DeadLetterQueue"].Properties
	if queue["SqsManagedSseEnabled"] != true {
		t.Error("the dead-letter queue is not encrypted")
	}
	if got := queue["MessageRetentionPeriod"]; got != 14*24*60*60.0 {
		t.Errorf("dead letters are kept for %v seconds", got)
	}
}

func TestBuckets(t *testing.T) {
	t.Parallel()
	all := synthesised.ofType("AWS::S3::Bucket")
	if got, want := slices.Sorted(maps.Keys(all)), []string{"LogBucket", "SourceBucket", "StateBucket"}; !slices.Equal(got, want) {
		t.Errorf("got buckets %v, want %v", got, want)
	}
	for id, bucket := range all {
		want := map[string]any{
			"VersioningConfiguration": map[string]any{"Status": "Enabled"},
			"PublicAccessBlockConfiguration": map[string]any{
				"BlockPublicAcls": true, "BlockPublicPolicy": true, "IgnorePublicAcls": true, "RestrictPublicBuckets": true,
			},
			"OwnershipControls": map[string]any{"Rules": []any{map[string]any{"ObjectOwnership": "BucketOwnerEnforced"}}},
			"BucketEncryption": map[string]any{"ServerSideEncryptionConfiguration": []any{
				map[string]any{"ServerSideEncryptionByDefault": map[string]any{"SSEAlgorithm": "AES256"}},
			}},
		}
		for key, value := range want {
			if diff := gocmp.Diff(value, bucket.Properties[key]); diff != "" {
				t.Errorf("%s of %s (-want +got):\n%s", key, id, diff)
			}
		}
		if bucket.DeletionPolicy != "Retain" {
			t.Errorf("%s goes with the stack", id)
		}
	}
	source := all["SourceBucket"].Properties
	if at(source, "NotificationConfiguration", "EventBridgeConfiguration", "EventBridgeEnabled") != true {
		t.Error("the source bucket tells EventBridge nothing")
	}
	for _, rule := range list(at(source, "LifecycleConfiguration", "Rules")) {
		if at(rule, "NoncurrentVersionExpiration") != nil || at(rule, "ExpirationInDays") != nil {
			t.Error("the source bucket forgets revisions")
		}
	}
	for id, holds := range map[string]string{"SourceBucket": "specs", "StateBucket": "state"} {
		if got, want := readable(all[id].Properties["BucketName"]), "lakegate-"+holds+"-${AWS::AccountId}-${AWS::Region}"; got != want {
			t.Errorf("%s is called %v, want %s", id, got, want)
		}
		if got := readable(at(all[id].Properties, "LoggingConfiguration", "DestinationBucketName")); got != "${LogBucket}" {
			t.Errorf("access to %s is logged to %v", id, got)
		}
	}
}

func TestPlainHTTPIsRefused(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		policy    string
		action    string
		resources []any
	}{
		"source":       {"SourceBucketPolicy", "s3:*", []any{"${SourceBucket.Arn}", "${SourceBucket.Arn}/*"}},
		"state":        {"StateBucketPolicy", "s3:*", []any{"${StateBucket.Arn}", "${StateBucket.Arn}/*"}},
		"logs":         {"LogBucketPolicy", "s3:*", []any{"${LogBucket.Arn}", "${LogBucket.Arn}/*"}},
		"dead letters": {"DeadLetterQueuePolicy", "sqs:*", []any{"${DeadLetterQueue.Arn}"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := map[string]any{
				"Effect":    "Deny",
				"Principal": map[string]any{"AWS": "*"},
				"Action":    test.action,
				"Resource":  test.resources,
				"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
			}
			all := statements(synthesised.Resources[test.policy].Properties["PolicyDocument"])
			if !slices.ContainsFunc(all, func(s map[string]any) bool { return gocmp.Equal(want, s) }) {
				t.Errorf("got %v, want one of them to be %v", all, want)
			}
		})
	}
}

// CloudFormation replaces ${Name} in the definition, by its substitutions, and
// in Fn::Sub, which only the address of the asset uses.
func TestNoPlaceholderIsLeft(t *testing.T) {
	t.Parallel()
	left := regexp.MustCompile(`\$\{[A-Za-z]+\}`)
	var walk func(where string, value any)
	walk = func(where string, value any) {
		switch value := value.(type) {
		case map[string]any:
			for k, v := range value {
				if k != "DefinitionString" {
					walk(where+"."+k, v)
				}
				walk(where, k)
			}
		case []any:
			for i, v := range value {
				walk(fmt.Sprintf("%s[%d]", where, i), v)
			}
		case string:
			if name := left.FindString(value); name != "" {
				t.Errorf("%s has %s left", where, name)
			}
		}
	}
	for id, r := range synthesised.Resources {
		walk(id, r.Properties)
	}
}

// Whatever has tags, as CloudFormation's own description of each type says, has
// that of the stack; and a function the name of its step.
func TestEverythingIsTagged(t *testing.T) {
	t.Parallel()
	tagged := func(id, key, value string) bool {
		want := map[string]any{"Key": key, "Value": value}
		return slices.ContainsFunc(list(synthesised.Resources[id].Properties["Tags"]), func(tag any) bool { return gocmp.Equal(want, tag) })
	}
	for id, r := range synthesised.Resources {
		if has := tagged(id, tagStack, stackName); has != synthesised.taggable[id] {
			t.Errorf("%s (%s) has tags: %t, and the type takes them: %t", id, r.Type, has, synthesised.taggable[id])
		}
	}
	if n := len(synthesised.taggable); n < 3*len(functionNames()) {
		t.Errorf("only %d resources take tags", n)
	}
	for _, name := range functionNames() {
		if !tagged(name+"Function", tagStep, name) {
			t.Errorf("function %s does not say which step it is of", name)
		}
	}
}

// cdk-nag takes no suppression with a reason of less than ten characters.
func TestSuppressionsHaveReasons(t *testing.T) {
	t.Parallel()
	for id, r := range synthesised.Resources {
		rules, _ := at(r.Metadata, "cdk_nag", "rules_to_suppress").([]any)
		for _, rule := range rules {
			if reason, _ := at(rule, "reason").(string); len(reason) < 10 {
				t.Errorf("%s suppresses %v because of %q", id, at(rule, "id"), reason)
			}
		}
	}
}

func TestNothingBesideCloudFormationsOwn(t *testing.T) {
	t.Parallel()
	for id, r := range synthesised.Resources {
		if !strings.HasPrefix(r.Type, "AWS::") || r.Type == "AWS::CloudFormation::CustomResource" {
			t.Errorf("%s is a %s", id, r.Type)
		}
	}
}

// Services refuse longer texts, and IAM those outside of Latin-1.
func TestDescriptionsFit(t *testing.T) {
	t.Parallel()
	limits := map[string]int{
		"AWS::Lambda::Function": 256, "AWS::IAM::Role": 1000, "AWS::Events::Rule": 512, "AWS::Events::EventBus": 512,
		"AWS::Scheduler::Schedule": 512,
	}
	for id, r := range synthesised.Resources {
		limit, ok := limits[r.Type]
		if !ok {
			continue
		}
		text, _ := r.Properties["Description"].(string)
		if n := utf8.RuneCountInString(text); n == 0 || n > limit {
			t.Errorf("%s has a description of %d characters, want 1 to %d", id, n, limit)
		}
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > 0xff }) {
			t.Errorf("%s has a description with characters outside of Latin-1: %q", id, text)
		}
	}
}

// Who is not told by a product needs nothing for it; what is said is kept all the
// same.
func TestChatIsThereIfSomebodyWantsIt(t *testing.T) {
	t.Parallel()
	for id, r := range fromGit.Resources {
		if strings.Contains(id, "Notify") || strings.Contains(id, "Tell") || strings.Contains(id, "Chat") || strings.HasPrefix(r.Type, "AWS::Chatbot") || id == "SlackChannel" {
			t.Errorf("there is %s (%s)", id, r.Type)
		}
	}
	archive := readable(synthesised.Resources["EventArchive"].Properties)
	if diff := gocmp.Diff(map[string]any{
		"ArchiveName": plan.ArchiveName, "Description": "What Lakegate has said about its workspaces.",
		"SourceArn": "${EventBus.Arn}", "RetentionDays": float64(plan.ArchiveDays),
	}, archive); diff != "" {
		t.Errorf("the archive (-want +got):\n%s", diff)
	}
	slack := readable(synthesised.Resources["SlackChannel"].Properties).(map[string]any)
	for key, want := range map[string]any{
		"SlackWorkspaceId": "T07EA123LEP", "SlackChannelId": "C07EZ1ABC23", "SnsTopicArns": []any{"${ChatTopic}"},
		"GuardrailPolicies": []any{"arn:${AWS::Partition}:iam::aws:policy/AWSDenyAll"},
	} {
		if diff := gocmp.Diff(want, slack[key]); diff != "" {
			t.Errorf("%s of the channel (-want +got):\n%s", key, diff)
		}
	}
}

func TestOutputs(t *testing.T) {
	t.Parallel()
	got := map[string]any{}
	for name, output := range synthesised.Outputs {
		got[name] = readable(at(output, "Value"))
	}
	want := map[string]any{
		"SourceBucketName":     "${SourceBucket}",
		"SourceCloneUrl":       "https://git-codecommit.${AWS::Region}.${AWS::URLSuffix}/v1/repos/${SourceRepository.Name}",
		"StateBucketName":      "${StateBucket}",
		"StateMachineArn":      "${StateMachine}",
		"RetirementMachineArn": "${RetirementMachine}",
		"EventBusName":         "${EventBus}",
		"DeadLetterQueueUrl":   "${DeadLetterQueue}",
		"ChatTopicArn":         "${ChatTopic}",
		"AlarmTopicArn":        "${AlarmTopic}",
	}
	if diff := gocmp.Diff(want, got); diff != "" {
		t.Errorf("outputs (-want +got):\n%s", diff)
	}
}

func TestCheckAsset(t *testing.T) {
	t.Parallel()
	empty, folder, good := t.TempDir(), t.TempDir(), t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "bootstrap"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(good, "bootstrap"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	err := checkAsset(empty)
	if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), "make build") {
		t.Errorf("without bootstrap: got %v, want what is missing and what to run", err)
	}
	if err := checkAsset(folder); err == nil || !strings.Contains(err.Error(), "make build") {
		t.Errorf("with a folder called bootstrap: got %v, want what to run", err)
	}
	if err := checkAsset(good); err != nil {
		t.Errorf("with bootstrap: %v", err)
	}
}

// Not parallel: it talks to the CDK's process.
func TestSettings(t *testing.T) {
	tests := []struct {
		name    string
		context map[string]any
		want    settings
	}{
		{"defaults", map[string]any{}, settings{Asset: "dist", DatabricksSecret: "lakegate/databricks", Source: "s3", SourceBranch: "main", Slots: "200", EndpointsPerSecond: "0.3"}},
		{
			"all chosen",
			map[string]any{
				"source": "both", "sourceRepository": "k", "sourceBranch": "l",
				"asset": "a", "sourceBucket": "b", "stateBucket": "c", "logBucket": "d",
				"databricksSecret": "e", "databricksHost": "f", "slots": "300", "endpointsPerSecond": 1.5,
				"functionsVpc": "g", "functionsSubnets": "h, i", "functionsSecurityGroups": []string{"j"},
				"targetRoles": "m,n", "alarmTopic": "o",
			},
			settings{
				Asset: "a", SourceBucket: "b", StateBucket: "c", LogBucket: "d", DatabricksSecret: "e", DatabricksHost: "f",
				Source: "both", SourceRepository: "k", SourceBranch: "l", Slots: "300", EndpointsPerSecond: "1.5",
				FunctionsVPC: "g", FunctionsSubnets: []string{"h", "i"}, FunctionsSecurityGroups: []string{"j"},
				TargetRoles: []string{"m", "n"}, AlarmTopic: "o",
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			app := awscdk.NewApp(&awscdk.AppProps{Context: &test.context})
			if diff := gocmp.Diff(test.want, settingsFrom(app.Node())); diff != "" {
				t.Errorf("settings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSettingsThatDoNotFitTogether(t *testing.T) {
	t.Parallel()
	whole := settings{Source: plan.S3, FunctionsVPC: "v", FunctionsSubnets: []string{"s"}, FunctionsSecurityGroups: []string{"g"}}
	for name, breaks := range map[string]func(*settings){
		"no VPC":     func(s *settings) { s.FunctionsVPC = "" },
		"no subnets": func(s *settings) { s.FunctionsSubnets = nil },
		"no groups":  func(s *settings) { s.FunctionsSecurityGroups = nil },
		"no source":  func(s *settings) { s.Source = "git" },
		"no role":    func(s *settings) { s.TargetRoles = []string{"arn:aws:iam::210987654321:user/me"} },
		"a pattern":  func(s *settings) { s.TargetRoles = []string{"arn:aws:iam::210987654321:role/*"} },
		"many roles": func(s *settings) { s.TargetRoles = slices.Repeat(otherRoles, 50) },
		"no number":  func(s *settings) { s.Slots = "many" },
		"negative":   func(s *settings) { s.EndpointsPerSecond = "-1" },
		"no topic":   func(s *settings) { s.AlarmTopic = "arn:aws:sqs:eu-west-1:123456789012:queue" },
	} {
		s := whole
		if breaks(&s); s.check() == nil {
			t.Errorf("%s: it is not refused", name)
		}
	}
	for _, s := range []settings{{Source: both}, {Source: plan.CodeCommit}, whole, {Source: plan.S3, TargetRoles: otherRoles}} {
		if err := s.check(); err != nil {
			t.Error(err)
		}
	}
}

// The functions that call workspaces, and no others, run in the VPC of the
// users; all steps know which one it is.
func TestFunctionsInVPC(t *testing.T) {
	t.Parallel()
	calls := map[string]bool{}
	for _, s := range plan.Steps() {
		calls[s.Name] = s.CallsWorkspace
	}
	for _, f := range plan.Functions() {
		calls[f.Name] = f.CallsWorkspace
	}
	want := map[string]any{
		"SubnetIds":        []any{"subnet-0a1b2c3d4e5f60711", "subnet-0a1b2c3d4e5f60712"},
		"SecurityGroupIds": []any{"sg-0a1b2c3d4e5f60711"},
	}
	for name, in := range calls {
		properties := placed.Resources[name+"Function"].Properties
		if got := at(properties, "Environment", "Variables", plan.EnvFunctionsVPC); got != usersVPC {
			t.Errorf("%s is told that functions run in %v", name, got)
		}
		role, err := json.Marshal(placed.Resources[name+"Role"].Properties["Policies"])
		if err != nil {
			t.Fatal(err)
		}
		if may := bytes.Contains(role, []byte("ec2:CreateNetworkInterface")); may != in {
			t.Errorf("role of %s may stand in a VPC: %t", name, may)
		}
		if !in {
			if got := properties["VpcConfig"]; got != nil {
				t.Errorf("%s runs in %v", name, got)
			}
			continue
		}
		if diff := gocmp.Diff(want, properties["VpcConfig"]); diff != "" {
			t.Errorf("network of %s (-want +got):\n%s", name, diff)
		}
	}
	for id, r := range synthesised.ofType("AWS::Lambda::Function") {
		if got := r.Properties["VpcConfig"]; got != nil {
			t.Errorf("without settings %s runs in %v", id, got)
		}
	}
}

// The functions that work in the accounts of workspaces, and no others, may
// assume the roles that are allowed, and no others; without any none may.
func TestTargetRoles(t *testing.T) {
	t.Parallel()
	for _, name := range functionNames() {
		var may []any
		for _, s := range statements(at(placed.Resources[name+"Role"].Properties, "Policies", 0, "PolicyDocument")) {
			if slices.Contains(list(s["Action"]), any("sts:AssumeRole")) {
				may = append(may, list(s["Resource"])...)
			}
		}
		var want []any
		if len(plan.TargetActions(name)) > 0 {
			want = []any{otherRoles[0], otherRoles[1]}
		}
		if diff := gocmp.Diff(want, may); diff != "" {
			t.Errorf("roles that %s may assume (-want +got):\n%s", name, diff)
		}
		if got := at(placed.Resources[name+"Function"].Properties, "Environment", "Variables", plan.EnvTargetRoles); got != strings.Join(otherRoles, " ") {
			t.Errorf("%s is told that it may assume %v", name, got)
		}
	}
	text, err := json.Marshal(synthesised.Resources)
	if err != nil {
		t.Fatal(err)
	}
	// The trust policies of the stack's own roles have it too.
	if n := bytes.Count(text, []byte("sts:AssumeRole")); n != len(synthesised.ofType("AWS::IAM::Role")) {
		t.Errorf("without settings sts:AssumeRole is %d times in the template", n)
	}
}

// The golden file is what is deployed in another account.
func TestTargetTemplate(t *testing.T) {
	t.Parallel()
	text, err := targetTemplate()
	if err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "testdata/target-role.template.json", string(text))
	var made template
	if err := json.Unmarshal(text, &made); err != nil {
		t.Fatal(err)
	}
	for id, p := range made.ofType("AWS::IAM::ManagedPolicy") {
		document, err := json.Marshal(resolved(p.Properties["PolicyDocument"]))
		if err != nil {
			t.Fatal(err)
		}
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
		if len(document) > 6144 {
			t.Errorf("%s has %d characters, IAM takes 6144", id, len(document))
		}
	}
}

// resolved fills in what CloudFormation does.
func resolved(value any) any {
	switch value := value.(type) {
	case []any:
		out := make([]any, len(value))
		for i, v := range value {
			out[i] = resolved(v)
		}
		return out
	case map[string]any:
		if text, ok := value["Fn::Sub"].(string); ok {
			return strings.NewReplacer("${AWS::Partition}", "aws", "${AWS::AccountId}", "210987654321").Replace(text)
		}
		out := map[string]any{}
		for k, v := range value {
			out[k] = resolved(v)
		}
		return out
	}
	return value
}

func TestUnknownPlaceholderPanics(t *testing.T) {
	t.Parallel()
	defer func() {
		if got, want := recover(), `infra: unknown placeholder ${Acount} in "arn:${Acount}"`; got != want {
			t.Errorf("got panic %v, want %q", got, want)
		}
	}()
	placeholders{plan.Account: "1"}.fill("arn:${Acount}")
}

func TestPolicyVariablesStay(t *testing.T) {
	t.Parallel()
	const text = "${aws:PrincipalAccount} of ${Account}"
	if got, want := (placeholders{plan.Account: "1"}).fill(text), "${aws:PrincipalAccount} of 1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
