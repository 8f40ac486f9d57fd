package emulator_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
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
	"lakegate/lambda/plan"
)

const tokyoPath = "workspaces/tokyo.yaml"

// retirements counts the executions that retire.
func (s *scene) retirements() int {
	s.Helper()
	list, err := s.sfn.ListExecutions(s.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(s.RetirementMachineARN())})
	if err != nil {
		s.Fatal(err)
	}
	return len(list.Executions)
}

// A spec that is deleted in a push, a merge or by force is retired, and the event
// says whose commit it was.
func TestDeleteInGit(t *testing.T) {
	t.Parallel()
	for name, take := range map[string]func(c *clone){
		"push": func(c *clone) {
			c.git("rm", "--quiet", tokyoPath)
			c.push("Retire Tokyo", nil)
		},
		"merge": func(c *clone) {
			c.git("checkout", "--quiet", "-b", "retire")
			c.git("rm", "--quiet", tokyoPath)
			c.commit("Retire Tokyo", nil)
			c.git("checkout", "--quiet", "main")
			c.commit("Go on", map[string][]byte{"README.md": []byte("Specs.\n")})
			c.git("merge", "--quiet", "--no-ff", "--message", "Retire Tokyo", "retire")
			c.git("push", "--quiet", "origin", "main")
		},
		"force": func(c *clone) {
			c.git("checkout", "--quiet", "--orphan", "anew")
			c.git("rm", "--quiet", "-r", "--force", ".")
			c.push("Retire Tokyo", map[string][]byte{"README.md": []byte("Specs.\n")})
		},
		"back": func(c *clone) {
			c.git("reset", "--quiet", "--hard", "HEAD~1")
			c.git("commit", "--quiet", "--amend", "--allow-empty", "--message", "Retire Tokyo")
			c.git("push", "--quiet", "--force", "origin", "HEAD:main")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := retirable(t, "tokyo")
			before, inventory := s.belongings(), s.Inventory()
			c := cloneOf(t, s.World, s.SourceRepository)
			c.push("Begin", map[string][]byte{"README.md": []byte("Workspaces.\n")})
			c.push("Add Tokyo", map[string][]byte{tokyoPath: s.text})
			s.settle()
			s.mustBeReady()
			take(c)
			s.settle()
			if data := s.mustBeRetired(); !data.Deleted || len(data.Left) > 0 {
				t.Errorf("the event says %+v", data)
			}
			s.mustBeBare(before, inventory)
			events := s.World.Events.Events(plan.EventBusName)
			var e struct{ Metadata report.Metadata }
			if err := json.Unmarshal(events[len(events)-1].Detail, &e); err != nil {
				t.Fatal(err)
			}
			if got := e.Metadata.Change; got.Version != c.git("rev-parse", "HEAD") || got.Message != "Retire Tokyo" || got.Author != "An Author <author@example.com>" || got.Path != tokyoPath {
				t.Errorf("the event is about %+v", got)
			}
			if n := s.retirements(); n != 1 {
				t.Errorf("there are %d retirements", n)
			}
		})
	}
}

// What is no deletion retires nothing: another ending, files that are swapped, a
// branch that is deleted.
func TestNoDeletionInGit(t *testing.T) {
	t.Parallel()
	t.Run("other ending", func(t *testing.T) {
		t.Parallel()
		s := retirable(t, "tokyo")
		c := cloneOf(t, s.World, s.SourceRepository)
		c.push("Add Tokyo", map[string][]byte{tokyoPath: s.text})
		s.settle()
		before := len(s.Hub.Calls())
		c.git("mv", tokyoPath, "workspaces/tokyo.yml")
		c.push("Shorten the ending", nil)
		s.settle()
		s.mustBeReady()
		if changes := s.Changes(before); len(changes) > 0 || s.retirements() > 0 {
			t.Errorf("it led to %d retirements and %v", s.retirements(), changes)
		}
		if got := s.status().LastAttempt.Path; got != "workspaces/tokyo.yml" {
			t.Errorf("%s was applied", got)
		}
	})
	t.Run("one of two", func(t *testing.T) {
		t.Parallel()
		s := retirable(t, "tokyo")
		c := cloneOf(t, s.World, s.SourceRepository)
		c.push("Add Tokyo twice", map[string][]byte{tokyoPath: []byte("nonsense"), "workspaces/tokyo.yml": s.text})
		s.settle()
		c.git("rm", "--quiet", tokyoPath)
		c.push("Leave one", nil)
		s.settle()
		s.mustBeReady()
		if s.retirements() > 0 {
			t.Error("it was retired")
		}
	})
	t.Run("swapped", func(t *testing.T) {
		t.Parallel()
		s := retirable(t, "tokyo")
		c := cloneOf(t, s.World, s.SourceRepository)
		minimal := withPolicy([]byte(strings.ReplaceAll(string(example(t, "minimal")), "eu-west-1", "ap-northeast-1")), deletion)
		c.push("Add both", map[string][]byte{tokyoPath: s.text, "workspaces/minimal.yaml": minimal})
		s.settle()
		before := len(s.Hub.Calls())
		c.push("Swap them", map[string][]byte{tokyoPath: minimal, "workspaces/minimal.yaml": s.text})
		s.settle()
		s.mustHaveFailed(plan.SpecInvalid, "LoadSpec")
		if changes := s.Changes(before); len(changes) > 0 || s.retirements() > 0 {
			t.Errorf("it led to %d retirements and %v", s.retirements(), changes)
		}
		for _, name := range []string{"tokyo", "minimal"} {
			o, _ := s.S3.Get(s.StateBucket, "status/"+name+".json")
			if !bytes.Contains(o.Body, []byte("SpecRejected")) {
				t.Errorf("the status of %s is %s", name, o.Body)
			}
		}
	})
	t.Run("branch", func(t *testing.T) {
		t.Parallel()
		s := retirable(t, "tokyo")
		c := cloneOf(t, s.World, s.SourceRepository)
		// The default branch cannot be deleted.
		c.commit("Begin", map[string][]byte{"README.md": []byte("Workspaces.\n")})
		c.git("push", "--quiet", "origin", "HEAD:refs/heads/other")
		c.push("Add Tokyo", map[string][]byte{tokyoPath: s.text})
		s.settle()
		before, started := len(s.Hub.Calls()), len(s.executions())
		c.git("push", "--quiet", "origin", "--delete", "main")
		s.settle()
		if changes := s.Changes(before); len(changes) > 0 || s.retirements() > 0 || len(s.executions()) != started {
			t.Errorf("it led to %d retirements and %v", s.retirements(), changes)
		}
		s.mustBeReady()
	})
}

// A spec that is put back by another push wins, whenever that is.
func TestDeleteInGitAndPutBack(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, time.Second, 40 * time.Second, 5 * time.Minute} {
		t.Run(after.String(), func(t *testing.T) {
			t.Parallel()
			s := retirable(t, "tokyo")
			c := cloneOf(t, s.World, s.SourceRepository)
			c.push("Add Tokyo", map[string][]byte{tokyoPath: s.text})
			s.settle()
			s.mustBeReady()
			want := s.Inventory()
			release := s.Clock.Hold()
			c.git("rm", "--quiet", tokyoPath)
			c.push("Retire Tokyo", nil)
			back := func() { c.push("Keep Tokyo", map[string][]byte{tokyoPath: s.text}) }
			if after == 0 {
				back()
			} else {
				s.Clock.After(after, back)
			}
			release()
			s.settle()
			s.mustBeReady()
			if diff := cmp.Diff(want, s.Inventory()); diff != "" {
				t.Errorf("the world differs:\n%s", diff)
			}
			if x := s.lastRetirement(); x.Status == sfntypes.ExecutionStatusFailed && aws.ToString(x.Error) != plan.Superseded {
				t.Errorf("the retirement ended with %s: %s", aws.ToString(x.Error), aws.ToString(x.Cause))
			}
		})
	}
}

// A rename says what follows before anything is begun; then the old workspace
// is retired as its own spec says, and the new one is made.
func TestRenameInGit(t *testing.T) {
	t.Parallel()
	tokyo := example(t, "tokyo")
	// Its names are made from that of the workspace.
	minimal := bytes.ReplaceAll(bytes.ReplaceAll(example(t, "minimal"), []byte("minimal"), []byte("tokyo")), []byte("eu-west-1"), []byte("ap-northeast-1"))
	for name, test := range map[string]struct {
		text []byte
		old  string
		// ready says that the new workspace is made at once.
		ready bool
	}{
		"deleted":              {withPolicy(minimal, deletion), report.OldDeleted, true},
		"deleted, same names":  {withPolicy(tokyo, deletion), report.OldDeleted, false},
		"retained":             {minimal, report.OldRetained, true},
		"retained, same names": {tokyo, report.OldRetained, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSceneOf(t, test.text)
			c := cloneOf(t, s.World, s.SourceRepository)
			c.push("Add Tokyo", map[string][]byte{tokyoPath: s.text})
			s.settle()
			s.mustBeReady()
			c.git("mv", tokyoPath, "workspaces/kyoto.yaml")
			seen := len(s.World.Events.Events(plan.EventBusName))
			c.push("Rename Tokyo", map[string][]byte{"workspaces/kyoto.yaml": bytes.Replace(s.text, []byte("name: tokyo"), []byte("name: kyoto"), 1)})
			s.settle()
			if first := s.World.Events.Events(plan.EventBusName)[seen]; first.DetailType != report.Renamed {
				t.Fatalf("the first event is %s", first.DetailType)
			}
			var data report.RenamedData
			s.sent(report.Renamed, &data)
			if data.From != "tokyo" || data.To != "kyoto" || data.Old != test.old || !strings.Contains(data.Message, "Nothing is moved") {
				t.Errorf("it says %+v", data)
			}
			if retired := s.mustBeRetired(); retired.Deleted != (test.old == report.OldDeleted) {
				t.Errorf("of the old one it says %+v", retired)
			}
			x := s.last()
			if test.ready {
				if x.Status != sfntypes.ExecutionStatusSucceeded {
					t.Errorf("the new one is %s %s", x.Status, aws.ToString(x.Cause))
				}
				return
			}
			if class := aws.ToString(x.Error); class != plan.Conflict || !strings.Contains(data.Message, plan.Conflict) {
				t.Errorf("the new one ended with %s: %s", class, aws.ToString(x.Cause))
			}
			if test.old != report.OldDeleted {
				return
			}
			// As the event says.
			s.redrive()
			if x = s.last(); x.Status != sfntypes.ExecutionStatusSucceeded {
				t.Errorf("redriven it is %s %s", x.Status, aws.ToString(x.Cause))
			}
			for _, line := range s.Inventory() {
				if strings.Contains(line, plan.TagWorkspace+":tokyo") {
					t.Errorf("%s is left", line)
				}
			}
		})
	}
}

// request opens a pull request of what is checked out, from a branch to main, and
// returns the comments that it gets.
func (s *scene) request(c *clone, branch string) []string {
	s.Helper()
	c.git("push", "--quiet", "origin", "HEAD:refs/heads/"+branch)
	api := codecommit.New(codecommit.Options{
		Region: s.Config.Region, BaseEndpoint: aws.String(s.AWSURL), HTTPClient: &http.Client{Transport: wire.Buffered{}},
		Credentials: credentials.NewStaticCredentialsProvider("author", "test", ""),
	})
	made, err := api.CreatePullRequest(s.Context(), &codecommit.CreatePullRequestInput{
		Title: aws.String(branch),
		Targets: []cctypes.Target{{
			RepositoryName: aws.String(s.SourceRepository), SourceReference: aws.String(branch), DestinationReference: aws.String("main"),
		}},
	})
	if err != nil {
		s.Fatal(err)
	}
	s.settle()
	out, err := api.GetCommentsForPullRequest(s.Context(), &codecommit.GetCommentsForPullRequestInput{PullRequestId: made.PullRequest.PullRequestId})
	if err != nil {
		s.Fatal(err)
	}
	var texts []string
	for _, group := range out.CommentsForPullRequestData {
		for _, one := range group.Comments {
			texts = append(texts, aws.ToString(one.Content))
		}
	}
	return texts
}

// A pull request that deletes or renames a spec gets what becomes of the
// workspace as a comment, and then that is what happens.
func TestPullRequestOfDeletion(t *testing.T) {
	t.Parallel()
	protected := func(text []byte) []byte {
		return bytes.Replace(text, []byte("metadata:\n"), []byte("metadata:\n  annotations: {lakegate.dev/protected: \"true\"}\n"), 1)
	}
	for name, test := range map[string]struct {
		text   func(text []byte) []byte
		rename bool
		old    string
		says   []string
	}{
		"deleted":   {func(text []byte) []byte { return withPolicy(text, deletion) }, false, report.OldDeleted, []string{"only if that is empty", "| Delete | bucket lakegate-"}},
		"forced":    {func(text []byte) []byte { return withPolicy(text, deletion, "bucketDeletion: Force") }, false, report.OldDeleted, []string{"with all objects in it", "0 to keep"}},
		"retained":  {func(text []byte) []byte { return text }, false, report.OldRetained, []string{"0 to delete", "| Keep | VPC ", "spec.deletionPolicy of workspaces/minimal.yaml"}},
		"protected": {func(text []byte) []byte { return protected(withPolicy(text, deletion)) }, false, report.OldProtected, []string{"will be refused", "0 to delete", "| Keep | VPC "}},
		"renamed": {
			func(text []byte) []byte { return withPolicy(text, deletion) }, true, report.OldDeleted,
			[]string{"**minimal would be renamed to other.** A workspace cannot be renamed", "# Plan of workspace other", "18 to create"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSceneOf(t, test.text(example(t, "minimal")))
			c := cloneOf(t, s.World, s.SourceRepository)
			c.push("Add it", map[string][]byte{"workspaces/minimal.yaml": s.text})
			s.settle()
			s.mustBeReady()
			before, started := len(s.Hub.Calls()), len(s.executions())
			c.git("checkout", "--quiet", "-b", "change")
			if test.rename {
				c.git("mv", "workspaces/minimal.yaml", "workspaces/other.yaml")
				c.commit("Rename it", map[string][]byte{"workspaces/other.yaml": bytes.ReplaceAll(s.text, []byte("name: minimal"), []byte("name: other"))})
			} else {
				c.git("rm", "--quiet", "workspaces/minimal.yaml")
				c.commit("Delete it", nil)
			}
			texts := s.request(c, "change")
			if len(texts) != 1 || !strings.Contains(texts[0], "# Plan of workspace minimal") || !strings.Contains(texts[0], "The spec would be deleted.") {
				t.Fatalf("the comments are %q", texts)
			}
			for _, part := range test.says {
				if !strings.Contains(texts[0], part) {
					t.Errorf("the comment does not say %q:\n%s", part, texts[0])
				}
			}
			if changes := s.Changes(before); len(changes) > 0 || s.retirements() > 0 || len(s.executions()) != started {
				t.Errorf("it led to %d retirements and %v", s.retirements(), changes)
			}
			var planned report.PlannedData
			o, _ := s.S3.Get(s.StateBucket, plan.PlanPrefix+"minimal.json")
			if err := json.Unmarshal(o.Body, &planned); err != nil {
				t.Fatal(err)
			}
			if planned.Retirement == nil || planned.Retirement.Old != test.old || (planned.Renamed != nil) != test.rename {
				t.Fatalf("the plan is %s", o.Body)
			}
			c.git("push", "--quiet", "origin", "HEAD:main")
			s.settle()
			if test.old == report.OldProtected {
				if x := s.lastRetirement(); aws.ToString(x.Error) != plan.ActionRequired {
					t.Errorf("the retirement is %s %s", x.Status, aws.ToString(x.Cause))
				}
				return
			}
			done := s.mustBeRetired()
			var kept []string
			for _, l := range done.Left {
				kept = append(kept, l.What)
			}
			var stays []string
			for _, l := range planned.Retirement.Left {
				stays = append(stays, l.What)
			}
			slices.Sort(kept)
			slices.Sort(stays)
			if diff := cmp.Diff(stays, kept); diff != "" {
				t.Errorf("what stays is not what was planned:\n%s", diff)
			}
			for _, what := range planned.Retirement.Removed {
				if !slices.Contains(done.Removed, what) {
					t.Errorf("%s was planned to go, and went are %q", what, done.Removed)
				}
			}
		})
	}
}
