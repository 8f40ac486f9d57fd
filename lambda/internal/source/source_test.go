package source_test

import (
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lakegate/lambda/internal/revision"
	"lakegate/lambda/internal/source"
)

// What is logged is not looked at here, and there is much of it.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

// created is an event as Amazon S3 sends it.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html
const created = `{"version":"0","id":"17793124-05d4-b198-2fde-7ededc63b103","detail-type":"Object Created","source":"aws.s3",
"account":"123456789012","time":"2026-11-12T00:00:00Z","region":"ap-northeast-1","resources":["arn:aws:s3:::specs"],
"detail":{"version":"0","bucket":{"name":"specs"},"object":{"key":"workspaces/tokyo.yaml","size":5,
"etag":"b1946ac92492d2347c6235b4d2611184","version-id":"IYV3p45BT0ac8hjHg1houSdS1a.Mro8e","sequencer":"617f08299329d189"},
"request-id":"N4N7GDK58NMKJ12R","requester":"123456789012","source-ip-address":"1.2.3.4","reason":"PutObject"}}`

func TestChanges(t *testing.T) {
	t.Parallel()
	var d source.Dispatcher
	got, err := d.Changes(t.Context(), []byte(created))
	if err != nil {
		t.Fatal(err)
	}
	want := []source.Change{{
		Workspace: "tokyo",
		Revision: revision.Revision{
			Source: "s3", Repository: "specs", Path: "workspaces/tokyo.yaml", Version: "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
		},
		Content: "b1946ac92492d2347c6235b4d2611184",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for name, event := range map[string]string{
		"no JSON":        "{",
		"other source":   strings.Replace(created, "aws.s3", "aws.sqs", 1),
		"other type":     strings.Replace(created, "Object Created", "Object Tagged", 1),
		"no bucket":      strings.Replace(created, `"name":"specs"`, `"name":""`, 1),
		"detail is text": strings.Replace(created, `"detail":{`, `"detail":"x","more":{`, 1),
	} {
		if got, err := d.Changes(t.Context(), []byte(event)); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
	elsewhere := strings.Replace(created, "workspaces/tokyo.yaml", "proposed/tokyo.yaml", 1)
	if got, err := d.Changes(t.Context(), []byte(elsewhere)); err != nil || len(got) > 0 {
		t.Errorf("a spec elsewhere: %v, %v", got, err)
	}
}

func TestWorkspaceOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"workspaces/tokyo.yaml":                           "tokyo",
		"workspaces/team-a.yml":                           "team-a",
		"workspaces/Tokyo.yaml":                           "rejected-",
		"workspaces/a/tokyo.yaml":                         "rejected-",
		"workspaces/.yaml":                                "rejected-",
		"workspaces/t.yaml":                               "rejected-",
		"workspaces/to kyo.yaml":                          "rejected-",
		"workspaces/tokyo.yaml.yaml":                      "rejected-",
		"workspaces/" + strings.Repeat("a", 33) + ".yaml": "rejected-",
	} {
		if got := source.WorkspaceOf(path); got != want && (want != "rejected-" || !strings.HasPrefix(got, want)) {
			t.Errorf("%s defines %s, want %s", path, got, want)
		}
	}
}

var (
	// https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
	executionName = regexp.MustCompile(`^[0-9A-Za-z_-]{1,80}$`)
	safeName      = regexp.MustCompile(`^[a-z][a-z0-9-]{0,63}$`)
)

// Whatever the path, the names that are made of it are legal, the same change
// has the same execution, and another revision or content has another.
func TestNames(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := source.Change{
			Revision: revision.Revision{
				Source: "s3", Repository: "specs",
				Path:    "workspaces/" + rapid.String().Draw(t, "path") + ".yaml",
				Version: rapid.String().Draw(t, "version"),
			},
			Content: rapid.String().Draw(t, "content"),
		}
		c.Workspace = source.WorkspaceOf(c.Revision.Path)
		name := source.ExecutionName(c)
		if !executionName.MatchString(name) || !safeName.MatchString(c.Workspace) {
			t.Fatalf("%q has workspace %q and execution %q", c.Revision.Path, c.Workspace, name)
		}
		if source.ExecutionName(c) != name {
			t.Fatal("the same change has two names")
		}
		other := c
		other.Revision.Version += "x"
		if source.ExecutionName(other) == name {
			t.Fatal("another revision has the same name")
		}
		other = c
		other.Push += "x"
		if source.ExecutionName(other) == name {
			t.Fatal("another push has the same name")
		}
		other = c
		other.Content += "x"
		if source.ExecutionName(other) == name {
			t.Fatal("another content has the same name")
		}
	})
}

func FuzzChanges(f *testing.F) {
	f.Add([]byte(created))
	f.Add([]byte(`{"source":"aws.s3","detail-type":"Object Created","detail":null}`))
	f.Add([]byte(`{"source":"aws.s3","detail-type":"Object Deleted","detail":{"bucket":{"name":"b"},"object":{"key":"workspaces/tokyo.yaml"}}}`))
	f.Add([]byte(updated))
	f.Add([]byte(`{"source":"aws.codecommit","detail-type":"CodeCommit Repository State Change","detail":{"event":"referenceDeleted"}}`))
	g := newRepository()
	g.commit("1", tree{"workspaces/a/tokyo.yaml": "one"})
	d := source.Dispatcher{S3: bucket{}.source(), CodeCommit: g.source()}
	f.Fuzz(func(t *testing.T, event []byte) {
		changes, err := d.Changes(t.Context(), event)
		if err != nil {
			return
		}
		for _, c := range changes {
			if !safeName.MatchString(c.Workspace) {
				t.Errorf("workspace %q", c.Workspace)
			}
		}
	})
}

// A spec that is proposed is no change, and one that changed is no proposal.
func TestProposals(t *testing.T) {
	t.Parallel()
	git := &source.CodeCommit{}
	proposed := strings.Replace(created, "workspaces/tokyo.yaml", "proposed/tokyo.yaml", 1)
	got, err := git.Proposals(t.Context(), []byte(proposed))
	if err != nil || len(got.Changes) != 1 || got.Changes[0].Revision.Path != "proposed/tokyo.yaml" || got.Account != "123456789012" || got.PullRequest != nil {
		t.Errorf("a proposal: %+v, %v", got, err)
	}
	if got, err := git.Proposals(t.Context(), []byte(created)); err != nil || len(got.Changes) > 0 {
		t.Errorf("a change: %+v, %v", got, err)
	}
	for name, event := range map[string]string{
		"no JSON":                   "{",
		"other source":              strings.Replace(created, "aws.s3", "aws.sqs", 1),
		"a pull request of nothing": strings.NewReplacer("aws.s3", "aws.codecommit", "Object Created", "CodeCommit Pull Request State Change").Replace(created),
	} {
		if got, err := git.Proposals(t.Context(), []byte(event)); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
