package source_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/smithy-go"
	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/internal/source"
	"lakegate/lambda/plan"
)

// updated is an event as AWS CodeCommit sends it.
// https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
const updated = `{"version":"0","id":"01234567-0123-0123-0123-012345678901","detail-type":"CodeCommit Repository State Change",
"source":"aws.codecommit","account":"123456789012","time":"2026-11-12T00:00:00Z","region":"ap-northeast-1",
"resources":["arn:aws:codecommit:ap-northeast-1:123456789012:specs"],
"detail":{"callerUserArn":"arn:aws:iam::123456789012:user/author","commitId":"2","event":"referenceUpdated","oldCommitId":"1",
"referenceFullName":"refs/heads/main","referenceName":"main","referenceType":"branch",
"repositoryId":"12345678-1234-5678-abcd-12345678abcd","repositoryName":"specs"}}`

// tree is the content of each file of a commit. The content is the id of its
// blob, too.
type tree map[string]string

// repository is a CodeCommit with one repository, whose commits are trees.
type repository struct {
	commits map[string]tree
	// head is the commit of main; empty if there is no such branch.
	head string
	// page is how many differences a reply has.
	page int
	// message of every commit.
	message string
	calls   int
	// said are the comments on pull requests, by their tokens.
	said map[string]string
}

func newRepository() *repository {
	return &repository{commits: map[string]tree{}, page: 400, message: "Change a spec\n\nFor good reasons.\n"}
}

func (g *repository) source() *source.CodeCommit {
	return &source.CodeCommit{Repositories: func() awsapi.Repositories { return g }}
}

// commit puts a commit on the branch.
func (g *repository) commit(id string, files tree) {
	g.commits[id], g.head = files, id
}

// PostCommentForPullRequest keeps a comment.
func (g *repository) PostCommentForPullRequest(_ context.Context, in *codecommit.PostCommentForPullRequestInput, _ ...func(*codecommit.Options)) (*codecommit.PostCommentForPullRequestOutput, error) {
	if g.said == nil {
		g.said = map[string]string{}
	}
	g.said[aws.ToString(in.ClientRequestToken)] = aws.ToString(in.Content)
	return &codecommit.PostCommentForPullRequestOutput{}, nil
}

func refused(code string) error { return &smithy.GenericAPIError{Code: code + "Exception"} }

func (g *repository) resolve(specifier *string) (string, tree, error) {
	id := aws.ToString(specifier)
	if id == "refs/heads/main" {
		id = g.head
	}
	files, ok := g.commits[id]
	if !ok {
		return "", nil, refused("CommitDoesNotExist")
	}
	return id, files, nil
}

func (g *repository) GetFile(_ context.Context, in *codecommit.GetFileInput, _ ...func(*codecommit.Options)) (*codecommit.GetFileOutput, error) {
	if aws.ToString(in.RepositoryName) != "specs" {
		return nil, refused("RepositoryDoesNotExist")
	}
	id, files, err := g.resolve(in.CommitSpecifier)
	if err != nil {
		return nil, err
	}
	content, ok := files[aws.ToString(in.FilePath)]
	switch {
	case !ok:
		return nil, refused("FileDoesNotExist")
	case content == "huge":
		return nil, refused("FileTooLarge")
	}
	return &codecommit.GetFileOutput{CommitId: &id, BlobId: &content, FileContent: []byte(content)}, nil
}

func (g *repository) GetBranch(_ context.Context, in *codecommit.GetBranchInput, _ ...func(*codecommit.Options)) (*codecommit.GetBranchOutput, error) {
	switch {
	case aws.ToString(in.RepositoryName) != "specs":
		return nil, refused("RepositoryDoesNotExist")
	case g.head == "" || aws.ToString(in.BranchName) != "main":
		return nil, refused("BranchDoesNotExist")
	}
	return &codecommit.GetBranchOutput{Branch: &types.BranchInfo{BranchName: in.BranchName, CommitId: &g.head}}, nil
}

func (g *repository) GetFolder(_ context.Context, in *codecommit.GetFolderInput, _ ...func(*codecommit.Options)) (*codecommit.GetFolderOutput, error) {
	id, files, err := g.resolve(in.CommitSpecifier)
	if err != nil {
		return nil, err
	}
	out, exists := &codecommit.GetFolderOutput{CommitId: &id}, false
	for _, path := range slices.Sorted(maps.Keys(files)) {
		name, ok := strings.CutPrefix(path, aws.ToString(in.FolderPath))
		exists = exists || ok
		if ok && !strings.Contains(name, "/") {
			content := files[path]
			out.Files = append(out.Files, types.File{AbsolutePath: &path, BlobId: &content})
		}
	}
	if !exists {
		return nil, refused("FolderDoesNotExist")
	}
	return out, nil
}

func (g *repository) GetCommit(_ context.Context, in *codecommit.GetCommitInput, _ ...func(*codecommit.Options)) (*codecommit.GetCommitOutput, error) {
	g.calls++
	if _, _, err := g.resolve(in.CommitId); err != nil {
		return nil, refused("CommitIdDoesNotExist")
	}
	return &codecommit.GetCommitOutput{Commit: &types.Commit{
		Author: &types.UserInfo{Name: aws.String("An Author"), Email: aws.String("author@example.com")}, Message: &g.message,
	}}, nil
}

func (g *repository) GetDifferences(_ context.Context, in *codecommit.GetDifferencesInput, _ ...func(*codecommit.Options)) (*codecommit.GetDifferencesOutput, error) {
	_, after, err := g.resolve(in.AfterCommitSpecifier)
	if err != nil {
		return nil, err
	}
	var before tree
	if in.BeforeCommitSpecifier != nil {
		if _, before, err = g.resolve(in.BeforeCommitSpecifier); err != nil {
			return nil, err
		}
	}
	var all []types.Difference
	paths := maps.Clone(before)
	if paths == nil {
		paths = tree{}
	}
	maps.Copy(paths, after)
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		d := types.Difference{BeforeBlob: blob(before, path), AfterBlob: blob(after, path), ChangeType: types.ChangeTypeEnumModified}
		if d.BeforeBlob == nil || d.AfterBlob == nil || *d.BeforeBlob.BlobId != *d.AfterBlob.BlobId {
			all = append(all, d)
		}
	}
	first, _ := strconv.Atoi(aws.ToString(in.NextToken))
	last := min(first+g.page, len(all))
	out := &codecommit.GetDifferencesOutput{Differences: all[first:last]}
	if last < len(all) {
		out.NextToken = aws.String(strconv.Itoa(last))
	}
	return out, nil
}

func blob(files tree, path string) *types.BlobMetadata {
	content, ok := files[path]
	if !ok {
		return nil
	}
	return &types.BlobMetadata{BlobId: &content, Path: &path}
}

func TestChangesOfPush(t *testing.T) {
	t.Parallel()
	replace := func(pairs ...string) string {
		if r := strings.NewReplacer(pairs...).Replace(updated); r != updated {
			return r
		}
		panic("nothing was replaced")
	}
	first := replace("referenceUpdated", "referenceCreated", `"oldCommitId":"1",`, "")
	tokyo, osaka := "workspaces/tokyo.yaml", "workspaces/osaka.yml"
	for name, test := range map[string]struct {
		before, after tree
		event         string
		// want are path and content of each change; - is before those of a deletion.
		want []string
	}{
		"first push":            {nil, tree{tokyo: "a", osaka: "b", "README.md": "c"}, first, []string{osaka + " b", tokyo + " a"}},
		"branch created":        {tree{tokyo: "a"}, tree{tokyo: "a"}, first, []string{tokyo + " a"}},
		"modified":              {tree{tokyo: "a", osaka: "b"}, tree{tokyo: "c", osaka: "b"}, updated, []string{tokyo + " c"}},
		"added":                 {tree{osaka: "b"}, tree{tokyo: "a", osaka: "b"}, updated, []string{tokyo + " a"}},
		"deleted":               {tree{tokyo: "a", osaka: "b"}, tree{osaka: "b"}, updated, []string{"-" + tokyo + " a"}},
		"all deleted":           {tree{tokyo: "a", osaka: "b"}, tree{}, updated, []string{"-" + osaka + " b", "-" + tokyo + " a"}},
		"no spec deleted":       {tree{"workspaces/README.md": "a", "workspaces/NOTES.yaml": "a", "workspaces/a/b.yaml": "a"}, tree{}, updated, nil},
		"other ending":          {tree{tokyo: "a"}, tree{"workspaces/tokyo.yml": "b"}, updated, []string{"workspaces/tokyo.yml b"}},
		"one of two deleted":    {tree{tokyo: "a", "workspaces/tokyo.yml": "b"}, tree{"workspaces/tokyo.yml": "b"}, updated, []string{"workspaces/tokyo.yml b"}},
		"both deleted":          {tree{tokyo: "a", "workspaces/tokyo.yml": "b"}, tree{}, updated, []string{"-" + tokyo + " a"}},
		"swapped":               {tree{tokyo: "a", osaka: "b"}, tree{tokyo: "b", osaka: "a"}, updated, []string{osaka + " a", tokyo + " b"}},
		"renamed":               {tree{tokyo: "a"}, tree{osaka: "a"}, updated, []string{osaka + " a", "-" + tokyo + " a"}},
		"nothing":               {tree{tokyo: "a"}, tree{tokyo: "a"}, updated, nil},
		"elsewhere":             {tree{tokyo: "a"}, tree{tokyo: "a", "x.yaml": "a", "old/" + tokyo: "a"}, updated, nil},
		"no spec":               {tree{}, tree{"workspaces/README.md": "a", tokyo + ".orig": "b"}, updated, nil},
		"in a folder":           {tree{}, tree{"workspaces/a/b.yaml": "a"}, updated, []string{"workspaces/a/b.yaml a"}},
		"forced, with the rest": {tree{tokyo: "a", osaka: "b"}, tree{tokyo: "c"}, updated, []string{"-" + osaka + " b", tokyo + " c"}},
		"forced, and the old commit is gone": {
			nil, tree{tokyo: "a", osaka: "b"}, updated, []string{osaka + " b", tokyo + " a"},
		},
		"merge": {
			tree{tokyo: "a"}, tree{tokyo: "b"},
			replace(`"commitId":"2"`, `"commitId":"2","baseCommitId":"0","sourceCommitId":"2","destinationCommitId":"1","mergeOption":"FAST_FORWARD_MERGE"`),
			[]string{tokyo + " b"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newRepository()
			if test.before != nil {
				g.commit("1", test.before)
			}
			g.commit("2", test.after)
			d := source.Dispatcher{CodeCommit: g.source()}
			changes, err := d.Changes(t.Context(), []byte(test.event))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range changes {
				sign := ""
				if c.Deleted {
					sign = "-"
				}
				got = append(got, sign+c.Revision.Path+" "+c.Content)
				want := revision.Revision{
					Source: plan.CodeCommit, Repository: "specs", Branch: "main", Path: c.Revision.Path, Version: "2",
					Author: "An Author <author@example.com>", Message: "Change a spec",
				}
				if diff := gocmp.Diff(want, c.Revision); diff != "" || c.Workspace != source.WorkspaceOf(c.Revision.Path) {
					t.Errorf("workspace %s:\n%s", c.Workspace, diff)
				}
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	for name, event := range map[string]string{
		"deleted branch": replace("referenceUpdated", "referenceDeleted"),
		"tag":            replace(`"referenceType":"branch"`, `"referenceType":"tag"`),
		"no repository":  replace(`"repositoryName":"specs"`, `"repositoryName":""`),
		"no branch":      replace(`"referenceName":"main"`, `"referenceName":""`),
		"no commit":      replace(`"commitId":"2"`, `"commitId":""`),
		"detail is text": replace(`"detail":{`, `"detail":"x","more":{`),
		"other type":     replace("Repository State", "Pull Request State"),
		"unknown commit": replace(`"commitId":"2"`, `"commitId":"3"`),
	} {
		g := newRepository()
		g.commit("1", tree{tokyo: "a"})
		g.commit("2", tree{tokyo: "b"})
		d := source.Dispatcher{CodeCommit: g.source()}
		if got, err := d.Changes(t.Context(), []byte(event)); err == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// All pages are read, who made the commit is asked once, and not at all if it
// changed no spec.
func TestChangesOfLargePush(t *testing.T) {
	t.Parallel()
	g := newRepository()
	g.message = strings.Repeat("長", 500)
	files := tree{}
	for i := range 1300 {
		files[fmt.Sprintf("docs/%d.md", i)] = "x"
		files[fmt.Sprintf("workspaces/w%d.yaml", i)] = "x"
	}
	g.commit("1", tree{})
	g.commit("2", files)
	d := source.Dispatcher{CodeCommit: g.source()}
	changes, err := d.Changes(t.Context(), []byte(updated))
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, c := range changes {
		names[source.ExecutionName(c)] = true
	}
	if len(names) != 1300 || g.calls != 1 {
		t.Errorf("%d executions would be started, after %d looks at the commit", len(names), g.calls)
	}
	if got := []rune(changes[0].Revision.Message); len(got) != 120 || got[119] != '…' {
		t.Errorf("the message is %q", string(got))
	}
	g.commit("2", tree{"docs/1.md": "x"})
	if changes, err = d.Changes(t.Context(), []byte(updated)); err != nil || len(changes) > 0 || g.calls != 1 {
		t.Errorf("a push without a spec: %v, %v, %d looks", changes, err, g.calls)
	}
}

func TestCodeCommit(t *testing.T) {
	t.Parallel()
	const path = "workspaces/tokyo.yaml"
	g := newRepository()
	g.commit("1", tree{path: "a"})
	g.commit("2", tree{path: "b"})
	g.commit("3", tree{path: "b", "README.md": "x"})
	all := source.Sources{plan.CodeCommit: g.source()}
	at := func(commit string) revision.Revision {
		return revision.Revision{Source: plan.CodeCommit, Repository: "specs", Branch: "main", Path: path, Version: commit}
	}
	for commit, want := range map[string]bool{"1": false, "2": true, "3": true, "gone": false} {
		if got, err := all.Newest(t.Context(), at(commit)); err != nil || got != want {
			t.Errorf("commit %s is the newest: %t, %v", commit, got, err)
		}
	}
	if data, err := all.Read(t.Context(), at("1")); err != nil || string(data) != "a" {
		t.Errorf("it read %q, %v", data, err)
	}
	if ok, err := all.Exists(t.Context(), at("gone")); err != nil || !ok {
		t.Errorf("the path exists: %t, %v", ok, err)
	}
	if _, err := all.Read(t.Context(), at("gone")); !failure.Is(err, plan.Superseded) {
		t.Errorf("reading a commit that is gone: %v", err)
	}
	g.commit("4", tree{path: "huge"})
	if _, err := all.Read(t.Context(), at("4")); !failure.Is(err, plan.SpecInvalid) {
		t.Errorf("reading what is too large: %v", err)
	}
	g.commit("5", tree{})
	if _, err := all.Read(t.Context(), at("5")); !failure.Is(err, plan.Superseded) {
		t.Errorf("reading what is not there: %v", err)
	}
	for _, gone := range []func(){func() {}, func() { g.head = "" }} {
		gone()
		newest, err := all.Newest(t.Context(), at("3"))
		exists, err2 := all.Exists(t.Context(), at("3"))
		if newest || exists || err != nil || err2 != nil {
			t.Errorf("a spec that was deleted is the newest: %t, %v; exists: %t, %v", newest, err, exists, err2)
		}
	}
	other := at("1")
	other.Repository = "other"
	unknown := at("1")
	unknown.Source = "svn"
	for _, r := range []revision.Revision{other, unknown} {
		_, err := all.Read(t.Context(), r)
		_, err2 := all.Newest(t.Context(), r)
		_, err3 := all.Exists(t.Context(), r)
		if err == nil || err2 == nil || err3 == nil || failure.Is(err, plan.Superseded) {
			t.Errorf("%v: %v, %v, %v", r, err, err2, err3)
		}
	}
}

// machine takes executions, each name once.
type machine struct {
	awsapi.Executions
	mu      sync.Mutex
	started []started
	names   map[string]bool
}

// started is the input of an execution, and whether it retires.
type started struct {
	document.Input
	retires bool
}

func (m *machine) StartExecution(_ context.Context, in *sfn.StartExecutionInput, _ ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.names[*in.Name] {
		return nil, &smithy.GenericAPIError{Code: "ExecutionAlreadyExists"}
	}
	m.names[*in.Name] = true
	var input document.Input
	if err := json.Unmarshal([]byte(*in.Input), &input); err != nil {
		return nil, err
	}
	m.started = append(m.started, started{input, *in.StateMachineArn == "retire"})
	return &sfn.StartExecutionOutput{}, nil
}

// Whatever is pushed, also by force, and however late, often and disordered its
// events come: each change of a spec and each deletion has exactly one
// execution, and what is applied in the end is what the branch has.
func TestPushes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		ctx := context.Background()
		g := newRepository()
		g.page = rapid.IntRange(1, 4).Draw(t, "page")
		m := &machine{names: map[string]bool{}}
		d := source.Dispatcher{CodeCommit: g.source(), Starter: source.Starter{
			Executions: func() awsapi.Executions { return m }, StateMachine: "make", Retirement: "retire",
		}}
		d.Renamed = func(context.Context, source.Rename, string) error { return nil }
		paths := []string{"workspaces/osaka.yaml", "workspaces/nara.yml", "workspaces/kobe.yaml", "README.md"}
		var events []string
		want, run := 0, 0
		applied := tree{}
		apply := func() {
			r, retires := m.started[run].Revision, m.started[run].retires
			run++
			if retires {
				exists, err := g.source().Exists(ctx, r)
				if err != nil {
					t.Fatal(err)
				}
				if !exists {
					delete(applied, r.Path)
				}
				return
			}
			newest, err := g.source().Newest(ctx, r)
			if err != nil {
				t.Fatal(err)
			}
			if !newest {
				return
			}
			data, err := g.source().Read(ctx, r)
			if err != nil {
				t.Fatal(err)
			}
			applied[r.Path] = string(data)
		}
		deliver := func(event string) {
			if _, err := d.Dispatch(ctx, []byte(event)); err != nil {
				t.Fatal(err)
			}
		}
		push := func(t *rapid.T) {
			old, files := g.head, tree{}
			id := strconv.Itoa(len(g.commits) + 1)
			if old != "" && rapid.Bool().Draw(t, "back") {
				id = rapid.SampledFrom(slices.Sorted(maps.Keys(g.commits))).Draw(t, "to")
				files = g.commits[id]
			} else {
				for _, path := range paths {
					if content := rapid.SampledFrom([]string{"", "x", "y", "z"}).Draw(t, path); content != "" {
						files[path] = content
					}
				}
			}
			if id == old {
				return
			}
			for path, content := range files {
				if g.commits[old][path] != content && path != "README.md" {
					want++
				}
			}
			for path := range g.commits[old] {
				if _, there := files[path]; !there && path != "README.md" {
					want++
				}
			}
			g.commit(id, files)
			detail := map[string]string{
				"event": "referenceUpdated", "repositoryName": "specs", "referenceType": "branch", "referenceName": "main",
				"commitId": id, "oldCommitId": old,
			}
			if old == "" {
				detail["event"] = "referenceCreated"
				delete(detail, "oldCommitId")
			}
			text, err := json.Marshal(map[string]any{
				"source": "aws.codecommit", "detail-type": "CodeCommit Repository State Change",
				"time": fmt.Sprint(len(events)), "detail": detail,
			})
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, string(text))
		}
		t.Repeat(map[string]func(*rapid.T){
			"push": push,
			"deliver": func(t *rapid.T) {
				if len(events) > 0 {
					deliver(rapid.SampledFrom(events).Draw(t, "event"))
				}
			},
			"apply": func(*rapid.T) {
				if run < len(m.started) {
					apply()
				}
			},
		})
		if len(events) == 0 {
			return
		}
		for _, event := range rapid.Permutation(events).Draw(t, "order") {
			deliver(event)
		}
		// Which of those that wait is next is up to the machine.
		if rest := m.started[run:]; len(rest) > 1 {
			m.started = append(m.started[:run], rapid.Permutation(rest).Draw(t, "rest")...)
		}
		for run < len(m.started) {
			apply()
		}
		if len(m.started) != want {
			t.Fatalf("%d executions were started, want %d", len(m.started), want)
		}
		head := maps.Clone(g.commits[g.head])
		delete(head, "README.md")
		if diff := gocmp.Diff(head, applied); diff != "" {
			t.Fatalf("what was applied last differs from what the branch has:\n%s", diff)
		}
	})
}

// An error of the state machine is that of the dispatch, so that the event is
// delivered again.
func TestDispatchFails(t *testing.T) {
	t.Parallel()
	g := newRepository()
	g.commit("1", tree{})
	g.commit("2", tree{"workspaces/tokyo.yaml": "a"})
	broken := errors.New("broken")
	d := source.Dispatcher{CodeCommit: g.source(), Starter: source.Starter{
		Executions: func() awsapi.Executions { return failing{err: broken} }, StateMachine: "arn",
	}}
	if _, err := d.Dispatch(t.Context(), []byte(updated)); !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

// A push of a thousand specs loses none and starts none twice, wherever its
// dispatch is stopped, as long as its event is delivered again.
func TestDispatchOfMany(t *testing.T) {
	t.Parallel()
	files := tree{}
	for i := range 1000 {
		files[fmt.Sprintf("workspaces/w%d.yaml", i)] = "x"
	}
	for name, answered := range map[string][]int{
		"at once": nil, "at the first": {0}, "at the last": {999}, "in the middle": {500}, "again and again": {300, 250, 999, 1, 300},
	} {
		for _, code := range []string{"ThrottlingException", "lost"} {
			t.Run(name+" "+code, func(t *testing.T) {
				t.Parallel()
				g := newRepository()
				g.commit("1", tree{})
				g.commit("2", files)
				m := &breaking{machine: machine{names: map[string]bool{}}, code: code}
				d := source.Dispatcher{CodeCommit: g.source(), Starter: source.Starter{
					Executions: func() awsapi.Executions { return m }, StateMachine: "make", Retirement: "retire",
					Pause: func(context.Context, time.Duration) error { return context.DeadlineExceeded },
				}}
				for _, left := range append(answered, 1000) {
					m.left = left
					if _, err := d.Dispatch(t.Context(), []byte(updated)); (err == nil) != (left == 1000) {
						t.Fatalf("with %d answers it ended with %v", left, err)
					}
				}
				if len(m.started) != 1000 || len(m.names) != 1000 {
					t.Errorf("%d executions were started, of %d names", len(m.started), len(m.names))
				}
			})
		}
	}
}

// breaking is a machine that answers some calls only. Where the reply is lost the
// execution was started.
type breaking struct {
	machine
	left int
	code string
}

func (b *breaking) answers() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left--
	return b.left >= 0
}

func (b *breaking) StartExecution(ctx context.Context, in *sfn.StartExecutionInput, o ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	if b.answers() {
		return b.machine.StartExecution(ctx, in, o...)
	}
	if b.code == "lost" {
		_, _ = b.machine.StartExecution(ctx, in, o...)
	}
	return nil, &smithy.GenericAPIError{Code: b.code}
}

type failing struct {
	awsapi.Executions
	err error
}

func (f failing) StartExecution(context.Context, *sfn.StartExecutionInput, ...func(*sfn.Options)) (*sfn.StartExecutionOutput, error) {
	return nil, f.err
}

// A pull request changes what its source has and its destination has not, and a
// comment that is made again is the same one.
func TestPullRequest(t *testing.T) {
	t.Parallel()
	g := newRepository()
	g.commit("1", tree{"workspaces/a.yaml": "1", "workspaces/b.yaml": "1"})
	g.commit("2", tree{"workspaces/a.yaml": "1", "workspaces/b.yaml": "2", "workspaces/c.yaml": "1", "README.md": "1"})
	event := `{"source":"aws.codecommit","detail-type":"CodeCommit Pull Request State Change","account":"123456789012","detail":{
"pullRequestId":"7","repositoryNames":["specs"],"destinationReference":"refs/heads/main","destinationCommit":"1","sourceCommit":"2"}}`
	p, err := g.source().Proposals(t.Context(), []byte(event))
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for _, c := range p.Changes {
		paths = append(paths, c.Revision.String())
	}
	slices.Sort(paths)
	if want := []string{"workspaces/b.yaml@2", "workspaces/c.yaml@2"}; !slices.Equal(paths, want) || p.Account != "123456789012" {
		t.Errorf("it changes %v of %s", paths, p.Account)
	}
	if diff := gocmp.Diff(&source.PullRequest{ID: "7", Repository: "specs", Before: "1", After: "2"}, p.PullRequest); diff != "" {
		t.Error(diff)
	}
	for range 2 {
		if err := g.source().Comment(t.Context(), *p.PullRequest, "It is fine."); err != nil {
			t.Fatal(err)
		}
	}
	if len(g.said) != 1 {
		t.Errorf("it was said: %v", g.said)
	}
}
