package eventbridge_test

import (
	"slices"
	"strings"
	"testing"

	"lakegate/lambda/internal/emulator/eventbridge"
	"lakegate/lambda/plan"
)

const (
	sourceBucket = "lakegate-specs"
	stateMachine = "arn:aws:states:eu-west-1:123456789012:stateMachine:lakegate-workspace"
)

// objectCreated is what Amazon S3 emits.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
const objectCreated = `{"version":"0","id":"17793124-05d4-b198-2fde-7ededc63b103","detail-type":"Object Created","source":"aws.s3",
"account":"111122223333","time":"2021-11-12T00:00:00Z","region":"eu-west-1","resources":["arn:aws:s3:::lakegate-specs"],
"detail":{"version":"0","event-version":"1.0","bucket":{"name":"lakegate-specs"},
"object":{"key":"workspaces/team-a.yaml","size":5,"etag":"b1946ac92492d2347c6235b4d2611184","version-id":"IYV3p45BT0ac8hjHg1houSdS1a.Mro8e","sequencer":"617f08299329d189"},
"request-id":"N4N7GDK58NMKJ12R","requester":"123456789012","source-ip-address":"1.2.3.4","reason":"PutObject"}}`

const objectDeleted = `{"version":"0","id":"2ee9cc15-d022-99ea-1fb8-1b1bac4850f9","detail-type":"Object Deleted","source":"aws.s3",
"account":"111122223333","time":"2021-11-12T00:00:00Z","region":"eu-west-1","resources":["arn:aws:s3:::lakegate-specs"],
"detail":{"version":"0","bucket":{"name":"lakegate-specs"},
"object":{"key":"workspaces/team-a.yaml","etag":"d41d8cd98f00b204e9800998ecf8427e","version-id":"1QW9g1Z99LUNbvaaYVpW9xDlOLU.qxgF","sequencer":"617f0837b476e463"},
"request-id":"0BH729840619AG5K","requester":"123456789012","source-ip-address":"1.2.3.4","reason":"DeleteObject","deletion-type":"Delete Marker Created"}}`

// executionEnded is what AWS Step Functions emits.
// https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
const executionEnded = `{"version":"0","id":"315c1398-40ff-a850-213b-158f73e60175","detail-type":"Step Functions Execution Status Change","source":"aws.states",
"account":"123456789012","time":"2019-02-26T19:42:21Z","region":"eu-west-1","resources":["arn:aws:states:eu-west-1:123456789012:execution:lakegate-workspace:team-a-1"],
"detail":{"executionArn":"arn:aws:states:eu-west-1:123456789012:execution:lakegate-workspace:team-a-1",
"stateMachineArn":"arn:aws:states:eu-west-1:123456789012:stateMachine:lakegate-workspace",
"name":"team-a-1","status":"FAILED","startDate":1551225146847,"stopDate":1551225151881,"input":"{}","inputDetails":{"included":true},"output":null,"outputDetails":null,"error":"Conflict","cause":"two networks"}}`

// branchPushed is what AWS CodeCommit emits.
// https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
const branchPushed = `{"version":"0","id":"01234567-0123-0123-0123-012345678901","detail-type":"CodeCommit Repository State Change",
"source":"aws.codecommit","account":"123456789012","time":"2019-06-12T10:23:43Z","region":"eu-west-1",
"resources":["arn:aws:codecommit:eu-west-1:123456789012:lakegate-specs"],
"detail":{"callerUserArn":"arn:aws:iam::123456789012:user/author","commitId":"3e5983EXAMPLE","event":"referenceUpdated",
"oldCommitId":"3e5983DESTINATION","referenceFullName":"refs/heads/main","referenceName":"main","referenceType":"branch",
"repositoryId":"12345678-1234-5678-abcd-12345678abcd","repositoryName":"lakegate-specs"}}`

// pullRequested is what AWS CodeCommit emits for a pull request.
// https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
const pullRequested = `{"version":"0","id":"01234567-0123-0123-0123-012345678901","detail-type":"CodeCommit Pull Request State Change",
"source":"aws.codecommit","account":"123456789012","time":"2019-06-12T10:23:43Z","region":"eu-west-1",
"resources":["arn:aws:codecommit:eu-west-1:123456789012:lakegate-specs"],
"detail":{"event":"pullRequestCreated","pullRequestId":"1","pullRequestStatus":"Open","isMerged":"False","repositoryNames":["lakegate-specs"],
"destinationReference":"refs/heads/main","sourceReference":"refs/heads/change","destinationCommit":"1","sourceCommit":"2"}}`

// stepCompleted is what Lakegate itself says on its bus.
const stepCompleted = `{"version":"0","id":"315c1398-40ff-a850-213b-158f73e60175","detail-type":"Workspace Step Completed","source":"lakegate",
"account":"123456789012","time":"2026-11-02T09:00:00Z","region":"eu-west-1","resources":[],
"detail":{"metadata":{"workspace":"team-a","announced":true},"data":{"step":"EnsureVpc","outcome":"Created"}}}`

func TestPlanRules(t *testing.T) {
	t.Parallel()
	type testCase struct {
		name, rule, event string
		// with stands instead of what in the event; both empty for as it is.
		what, with string
		want       bool
	}
	tests := []testCase{
		{name: "spec", rule: "SpecPushed", event: objectCreated, want: true},
		{name: "spec with the short suffix", rule: "SpecPushed", event: objectCreated, what: "team-a.yaml", with: "team-a.yml", want: true},
		{name: "spec in a folder", rule: "SpecPushed", event: objectCreated, what: "team-a.yaml", with: "eu/team-a.yaml", want: true},
		{name: "no event version", rule: "SpecPushed", event: objectCreated, what: `"event-version":"1.0",`, want: true},
		{name: "other bucket", rule: "SpecPushed", event: objectCreated, what: `{"name":"lakegate-specs"}`, with: `{"name":"lakegate-state"}`},
		{name: "other prefix", rule: "SpecPushed", event: objectCreated, what: "workspaces/", with: "status/"},
		{name: "prefix further down", rule: "SpecPushed", event: objectCreated, what: "workspaces/", with: "old/workspaces/"},
		{name: "other suffix", rule: "SpecPushed", event: objectCreated, what: "team-a.yaml", with: "team-a.json"},
		{name: "suffix further up", rule: "SpecPushed", event: objectCreated, what: "team-a.yaml", with: "team-a.yaml.orig"},
		{name: "upper case suffix", rule: "SpecPushed", event: objectCreated, what: "team-a.yaml", with: "team-a.YAML"},
		{name: "deletion", rule: "SpecPushed", event: objectCreated, what: "Object Created", with: "Object Deleted"},
		{name: "not from S3", rule: "SpecPushed", event: objectCreated, what: "aws.s3", with: "lakegate"},
		{name: "execution", rule: "SpecPushed", event: executionEnded},
		{name: "opened", rule: "PullRequestProposed", event: pullRequested, want: true},
		{name: "other commits", rule: "PullRequestProposed", event: pullRequested, what: "pullRequestCreated", with: "pullRequestSourceBranchUpdated", want: true},
		{name: "closed", rule: "PullRequestProposed", event: pullRequested, what: "pullRequestCreated", with: "pullRequestStatusChanged"},
		{name: "to another branch", rule: "PullRequestProposed", event: pullRequested, what: "refs/heads/main", with: "refs/heads/trunk"},
		{name: "of another repository", rule: "PullRequestProposed", event: pullRequested, what: `["lakegate-specs"]`, with: `["site"]`},
		{name: "push", rule: "PullRequestProposed", event: branchPushed},
		{name: "proposal", rule: "SpecProposed", event: objectCreated, what: "workspaces/", with: "proposed/", want: true},
		{name: "spec", rule: "SpecProposed", event: objectCreated},
		{name: "proposal", rule: "SpecPushed", event: objectCreated, what: "workspaces/", with: "proposed/"},
		{name: "push", rule: "BranchPushed", event: branchPushed, want: true},
		{name: "first push", rule: "BranchPushed", event: branchPushed, what: "referenceUpdated", with: "referenceCreated", want: true},
		{name: "deleted branch", rule: "BranchPushed", event: branchPushed, what: "referenceUpdated", with: "referenceDeleted"},
		{name: "other branch", rule: "BranchPushed", event: branchPushed, what: `"main"`, with: `"trunk"`},
		{name: "tag", rule: "BranchPushed", event: branchPushed, what: `"branch"`, with: `"tag"`},
		{name: "other repository", rule: "BranchPushed", event: branchPushed, what: `"lakegate-specs"`, with: `"site"`},
		{name: "pull request", rule: "BranchPushed", event: branchPushed, what: "Repository State", with: "Pull Request State"},
		{name: "spec", rule: "BranchPushed", event: objectCreated},
		{name: "push", rule: "SpecPushed", event: branchPushed},
		{name: "failed", rule: "ExecutionFailed", event: executionEnded, want: true},
		{name: "timed out", rule: "ExecutionFailed", event: executionEnded, what: "FAILED", with: "TIMED_OUT", want: true},
		{name: "aborted", rule: "ExecutionFailed", event: executionEnded, what: "FAILED", with: "ABORTED", want: true},
		{name: "succeeded", rule: "ExecutionFailed", event: executionEnded, what: "FAILED", with: "SUCCEEDED"},
		{name: "running", rule: "ExecutionFailed", event: executionEnded, what: "FAILED", with: "RUNNING"},
		{name: "other state machine", rule: "ExecutionFailed", event: executionEnded, what: "stateMachine:lakegate-workspace", with: "stateMachine:other"},
		{name: "deletion", rule: "SpecDeleted", event: objectDeleted, want: true},
		{name: "deletion for good", rule: "SpecDeleted", event: objectDeleted, what: "Delete Marker Created", with: "Permanently Deleted", want: true},
		{name: "deletion elsewhere", rule: "SpecDeleted", event: objectDeleted, what: "workspaces/", with: "status/"},
		{name: "expired version", rule: "SpecDeleted", event: objectDeleted, what: `"DeleteObject"`, with: `"Lifecycle Expiration"`},
		{name: "creation", rule: "SpecDeleted", event: objectCreated},
		{name: "retirement failed", rule: "ExecutionFailed", event: executionEnded, what: stateMachine, with: stateMachine + "-retirement", want: true},
		{name: "retirement failed", rule: "ComputeAbandoned", event: executionEnded, what: stateMachine, with: stateMachine + "-retirement"},
		{name: "failed", rule: "ComputeAbandoned", event: executionEnded, want: true},
		{name: "succeeded", rule: "ComputeAbandoned", event: executionEnded, what: "FAILED", with: "SUCCEEDED"},
		{name: "spec for the report", rule: "ExecutionFailed", event: objectCreated},
	}
	for _, rule := range []string{"TellSlack", "TellAmazonQ", "TellTeams", "TellWebhook"} {
		threads := rule == "TellSlack" || rule == "TellAmazonQ"
		tests = append(tests, []testCase{
			{name: "step", rule: rule, event: stepCompleted, want: threads},
			{name: "step that found everything", rule: rule, event: stepCompleted, what: "Created", with: "Found"},
			{name: "step of an execution that was not told of", rule: rule, event: stepCompleted, what: "true", with: "false"},
			{name: "news", rule: rule, event: stepCompleted, what: "Workspace Step Completed", with: "Workspace Ready", want: true},
			{name: "news of an execution that was not told of", rule: rule, event: strings.Replace(stepCompleted, "true", "false", 1), what: "Workspace Step Completed", with: "Spec Rejected", want: true},
			{name: "news that are replayed", rule: rule, event: strings.Replace(stepCompleted, "Workspace Step Completed", "Workspace Ready", 1), what: `"resources"`, with: `"replay-name":"monday","resources"`},
			{name: "steps that are replayed", rule: rule, event: stepCompleted, what: `"resources"`, with: `"replay-name":"monday","resources"`},
			{name: "of somebody else", rule: rule, event: stepCompleted, what: `"source":"lakegate"`, with: `"source":"aws.states"`},
		}...)
	}
	patterns := map[string]*eventbridge.Pattern{}
	for _, rule := range plan.Rules() {
		text := strings.NewReplacer(plan.SourceBucket, sourceBucket, plan.SourceRepository, "lakegate-specs", plan.SourceBranch, "main", plan.StateMachine, stateMachine, plan.RetirementMachine, stateMachine+"-retirement").Replace(rule.Pattern)
		if strings.Contains(text, "${") {
			t.Fatalf("%s has a placeholder that is not known here: %s", rule.Name, text)
		}
		p, err := eventbridge.Compile(text)
		if err != nil {
			t.Fatalf("%s: %v", rule.Name, err)
		}
		patterns[rule.Name] = p
	}
	for name := range patterns {
		if !slices.ContainsFunc(tests, func(tt testCase) bool { return tt.rule == name && tt.want }) {
			t.Errorf("no event that should match %s is known here", name)
		}
	}
	for _, tt := range tests {
		t.Run(tt.rule+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			if !strings.Contains(tt.event, tt.what) {
				t.Fatalf("the event has no %q to replace", tt.what)
			}
			event := tt.event
			if tt.what != "" {
				event = strings.ReplaceAll(event, tt.what, tt.with)
			}
			got, err := patterns[tt.rule].Match([]byte(event))
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("match is %t, want %t", got, tt.want)
			}
		})
	}
}
