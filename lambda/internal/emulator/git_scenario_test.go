package emulator_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	cctypes "github.com/aws/aws-sdk-go-v2/service/codecommit/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/plan"
)

// executions lists what was started, newest first.
func (s *scene) executions() []sfntypes.ExecutionListItem {
	s.Helper()
	list, err := s.sfn.ListExecutions(s.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(s.StateMachineARN())})
	if err != nil {
		s.Fatal(err)
	}
	return list.Executions
}

// A push to the watched branch makes a workspace; what does not change its spec
// starts nothing; and events, status and report say whose commit it was.
func TestPush(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	c := cloneOf(t, s.World, s.SourceRepository)
	commit := c.push("Add a workspace for Tokyo\n\nIt is for the sales team.", map[string][]byte{"workspaces/tokyo.yaml": s.text, "README.md": []byte("Specs.\n")})
	s.settle()
	s.mustBeReady()
	want := revision.Revision{
		Source: plan.CodeCommit, Repository: s.SourceRepository, Branch: "main", Path: "workspaces/tokyo.yaml", Version: commit,
		Author: "An Author <author@example.com>", Message: "Add a workspace for Tokyo",
	}
	status := s.status()
	if diff := cmp.Diff(want, status.LastAttempt); diff != "" {
		t.Errorf("the status says:\n%s", diff)
	}
	if status.LastAppliedRevision != "workspaces/tokyo.yaml@"+commit[:8] {
		t.Errorf("the status says that %s was applied", status.LastAppliedRevision)
	}
	for _, e := range s.World.Events.Events(plan.EventBusName) {
		var d struct{ Metadata report.Metadata }
		if err := json.Unmarshal(e.Detail, &d); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, d.Metadata.Change); diff != "" || d.Metadata.Revision != "workspaces/tokyo.yaml@"+commit[:8] {
			t.Fatalf("%s is about %s:\n%s", e.DetailType, d.Metadata.Revision, diff)
		}
	}
	var ready report.ReadyData
	s.sent(report.Ready, &ready)
	text, ok := s.S3.Get(s.StateBucket, strings.TrimSuffix(ready.Report, "json")+"md")
	if !ok || !strings.Contains(string(text.Body), "| commit | "+commit+" by An Author \\<author@example.com>: Add a workspace for Tokyo |") {
		t.Errorf("the report does not name the commit:\n%s", text.Body)
	}

	started := len(s.executions())
	c.push("Say more", map[string][]byte{"README.md": []byte("Specs of workspaces.\n")})
	c.git("update-index", "--chmod=+x", "workspaces/tokyo.yaml")
	c.push("Change a mode", nil)
	c.git("push", "--quiet", "origin", "HEAD:refs/heads/other")
	s.settle()
	if n := len(s.executions()); n != started {
		t.Errorf("%d executions were started for nothing", n-started)
	}

	before := len(s.Hub.Calls())
	c.push("Say why", map[string][]byte{"workspaces/tokyo.yaml": append([]byte("# For sales.\n"), s.text...)})
	s.settle()
	s.mustBeReady()
	if calls := s.Changes(before); len(calls) > 0 || len(s.executions()) != started+1 {
		t.Errorf("a comment led to %d executions and %v", len(s.executions())-started, calls)
	}
}

// While a spec is being applied, commits that do not touch it let it go on, and
// one that does takes over.
func TestPushWhileOneIsApplied(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	c := cloneOf(t, s.World, s.SourceRepository)
	release := s.Clock.Hold()
	c.push("First", map[string][]byte{"workspaces/tokyo.yaml": s.text})
	s.Clock.After(10*time.Second, func() { c.push("Say more", map[string][]byte{"README.md": []byte("Specs.\n")}) })
	var newer string
	s.Clock.After(3*time.Minute, func() {
		newer = c.push("Second", map[string][]byte{"workspaces/tokyo.yaml": append([]byte("# newer\n"), s.text...)})
	})
	release()
	s.settle()
	s.mustBeReady()
	all := s.executions()
	if len(all) != 2 {
		t.Fatalf("there are %d executions", len(all))
	}
	older, err := s.sfn.DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: all[1].ExecutionArn})
	if err != nil {
		t.Fatal(err)
	}
	if older.Status != sfntypes.ExecutionStatusFailed || aws.ToString(older.Error) != plan.Superseded {
		t.Errorf("the older execution is %s: %s", older.Status, aws.ToString(older.Error))
	}
	if got := s.status().LastAttempt.Version; got != newer {
		t.Errorf("commit %s was applied last, want %s", got, newer)
	}
	if diff := cmp.Diff(wanted(t), s.Inventory()); diff != "" {
		t.Errorf("the world differs from one with one revision:\n%s", diff)
	}
}

// A spec that cannot be read is reported with its commit and author.
func TestPushOfBadSpec(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	c := cloneOf(t, s.World, s.SourceRepository)
	commit := c.push("Try", map[string][]byte{"workspaces/tokyo.yaml": []byte("nonsense")})
	s.settle()
	data := s.mustHaveFailed(plan.SpecInvalid, "LoadSpec")
	if want := "workspaces/tokyo.yaml@" + commit[:8] + " by An Author <author@example.com>"; !strings.Contains(data.Message, want) {
		t.Errorf("the message is %q, want it to name %s", data.Message, want)
	}
	// A file that was renamed is one file, however late the first is looked at.
	c.git("mv", "workspaces/tokyo.yaml", "workspaces/tokyo.yml")
	c.push("Rename", map[string][]byte{"workspaces/tokyo.yml": s.text})
	s.settle()
	s.mustBeReady()
}

// A pull request gets what it would change as a comment, and starts nothing; when
// other commits are pushed to it, it gets another one.
func TestPullRequest(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	c := cloneOf(t, s.World, s.SourceRepository)
	c.push("Add a workspace", map[string][]byte{"workspaces/tokyo.yaml": s.text})
	s.settle()
	s.mustBeReady()
	started, before := len(s.executions()), len(s.Hub.Calls())
	c.git("checkout", "--quiet", "-b", "change")
	c.commit("Restrict the endpoints", map[string][]byte{
		"workspaces/tokyo.yaml": bytes.Replace(s.text, []byte("\n  privateLink:\n"), []byte("\n  privateLink:\n    endpointPolicies: restricted\n"), 1),
	})
	c.git("push", "--quiet", "origin", "HEAD:refs/heads/change")
	api := codecommit.New(codecommit.Options{
		Region: s.Config.Region, BaseEndpoint: aws.String(s.AWSURL), HTTPClient: &http.Client{Transport: wire.Buffered{}},
		Credentials: credentials.NewStaticCredentialsProvider("author", "test", ""),
	})
	made, err := api.CreatePullRequest(t.Context(), &codecommit.CreatePullRequestInput{
		Title: aws.String("Restrict the endpoints"),
		Targets: []cctypes.Target{{
			RepositoryName: aws.String(s.SourceRepository), SourceReference: aws.String("change"), DestinationReference: aws.String("main"),
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	comments := func() []string {
		s.settle()
		out, err := api.GetCommentsForPullRequest(t.Context(), &codecommit.GetCommentsForPullRequestInput{PullRequestId: made.PullRequest.PullRequestId})
		if err != nil {
			t.Fatal(err)
		}
		var texts []string
		for _, group := range out.CommentsForPullRequestData {
			for _, one := range group.Comments {
				texts = append(texts, aws.ToString(one.Content))
			}
		}
		return texts
	}
	texts := comments()
	if len(texts) != 1 || !strings.Contains(texts[0], "# Plan of workspace tokyo") || !strings.Contains(texts[0], "0 to create, 4 to update") ||
		!strings.Contains(texts[0], "| Update | EnsureS3Endpoint |") {
		t.Fatalf("the comments are %q", texts)
	}
	c.commit("Rename the region", map[string][]byte{"workspaces/tokyo.yaml": bytes.Replace(s.text, []byte("ap-northeast-1"), []byte("nowhere"), 1)})
	c.git("push", "--quiet", "origin", "HEAD:refs/heads/change")
	if texts = comments(); len(texts) != 2 || !strings.Contains(strings.Join(texts, ""), "It would be refused") {
		t.Errorf("the comments are %q", texts)
	}
	if changes := s.Changes(before); len(changes) > 0 || len(s.executions()) != started {
		t.Errorf("the pull request made %v and %d executions", changes, len(s.executions())-started)
	}
}
