package codecommit_test

import (
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cc "github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/codecommit"
	"lakegate/lambda/internal/emulator/wire"
)

const (
	stateChange = "CodeCommit Repository State Change"
	pusher      = "arn:aws:iam::123456789012:user/pusher"
)

// reference is the detail of an event of a reference that pusher pushed.
func reference(k *stack, event, kind, name, old, now string) map[string]any {
	id := must(k.client.GetRepository(k.Context(), &cc.GetRepositoryInput{RepositoryName: specs}))(k).RepositoryMetadata.RepositoryId
	full := map[string]string{"branch": "refs/heads/", "tag": "refs/tags/"}[kind] + name
	d := map[string]any{
		"detail-type": stateChange, "callerUserArn": pusher, "event": event, "referenceFullName": full, "referenceName": name,
		"referenceType": kind, "repositoryId": *id, "repositoryName": "specs",
	}
	if old != "" {
		d["oldCommitId"] = old
	}
	if now != "" {
		d["commitId"] = now
	}
	return d
}

func TestPush(t *testing.T) {
	t.Parallel()
	k := newStack(t).add()
	c := k.clone("specs")
	check := func(expected ...map[string]any) {
		t.Helper()
		if diff := cmp.Diff(expected, k.told()); diff != "" {
			t.Error(diff)
		}
	}
	check()

	first := c.commit("one", map[string]string{"workspaces/a.yaml": "a\n", "README.md": "x\n"})
	c.git("push", "--quiet", "origin", "HEAD:main")
	check(reference(k, "referenceCreated", "branch", "main", "", first))
	c.git("push", "--quiet", "origin", "HEAD:main")
	check()
	if b := must(k.client.GetRepository(t.Context(), &cc.GetRepositoryInput{RepositoryName: specs}))(t).RepositoryMetadata.DefaultBranch; *b != "main" {
		t.Errorf("the default branch is %s", *b)
	}

	second := c.commit("two", map[string]string{"workspaces/a.yaml": "b\n"})
	c.git("tag", "v1")
	c.git("branch", "team/b")
	c.git("push", "--quiet", "origin", "HEAD:main", "team/b", "v1")
	check(reference(k, "referenceUpdated", "branch", "main", first, second),
		reference(k, "referenceCreated", "branch", "team/b", "", second),
		reference(k, "referenceCreated", "tag", "v1", "", second))

	c.git("reset", "--quiet", "--hard", first)
	forced := c.commit("two again", map[string]string{"workspaces/c.yaml": "c\n"})
	if out, err := git(t, c.folder, "push", "origin", "HEAD:main"); err == nil || !strings.Contains(out, "rejected") {
		t.Errorf("a push that loses a commit was taken: %s", out)
	}
	check()
	c.git("push", "--quiet", "--force", "origin", "HEAD:main")
	check(reference(k, "referenceUpdated", "branch", "main", second, forced))

	c.git("push", "--quiet", "origin", "--delete", "team/b", "v1")
	check(reference(k, "referenceDeleted", "branch", "team/b", second, ""), reference(k, "referenceDeleted", "tag", "v1", second, ""))
	if out, err := git(t, c.folder, "push", "origin", "--delete", "main"); err == nil {
		t.Errorf("the default branch was deleted: %s", out)
	}
	check()

	// What git tells of no branch and no tag is taken and has no event.
	c.git("push", "--quiet", "origin", "HEAD:refs/notes/x")
	check()
	other := k.clone("specs", "--depth", "1")
	if head := other.git("rev-parse", "HEAD"); head != forced {
		t.Errorf("a shallow clone is at %s, want %s", head, forced)
	}
	k.put("workspaces/d.yaml", "d")
	other.git("pull", "--quiet", "--ff-only")
	if text := other.git("show", "HEAD:workspaces/d.yaml"); text != "d" {
		t.Errorf("after a pull the file is %q", text)
	}
}

func TestDifferencesOfPushes(t *testing.T) {
	t.Parallel()
	k := newStack(t).add()
	c := k.clone("specs")
	ids := []string{
		c.commit("one", map[string]string{"workspaces/a.yaml": "a long enough text\n", "workspaces/gone.yaml": "g", "README.md": "x"}),
	}
	c.git("mv", "workspaces/a.yaml", "workspaces/ü \"b\".yaml")
	c.git("rm", "--quiet", "workspaces/gone.yaml")
	ids = append(ids, c.commit("two", map[string]string{"README.md": "y"}))
	c.git("mv", "workspaces", "specs")
	c.git("update-index", "--chmod=+x", "README.md")
	c.git("commit", "--quiet", "--message", "three")
	ids = append(ids, c.git("rev-parse", "HEAD"))
	c.git("push", "--quiet", "origin", "HEAD:main")

	odd := "ü \"b\".yaml"
	for _, x := range []struct {
		name                                 string
		before, after, beforePath, afterPath string
		want                                 []string
	}{
		{"everything", "", ids[0], "", "", []string{"A README.md", "A workspaces/a.yaml", "A workspaces/gone.yaml"}},
		{"a rename is a deletion and an addition", ids[0], ids[1], "", "",
			[]string{"M README.md", "D workspaces/a.yaml", "D workspaces/gone.yaml", "A workspaces/" + odd}},
		{"a mode, and a folder that was renamed", ids[1], "HEAD", "", "",
			[]string{"M README.md", "A specs/" + odd, "D workspaces/" + odd}},
		{"below a folder", ids[0], ids[1], "workspaces", "/workspaces/", []string{"D a.yaml", "D gone.yaml", "A " + odd}},
		{"below a folder that was renamed", ids[1], ids[2], "workspaces", "specs", nil},
		{"below a folder of one commit", "", "refs/heads/main", "", "specs", []string{"A " + odd}},
		{"nothing", ids[0], ids[0], "", "", nil},
		{"backwards", "main", ids[0], "", "", []string{"M README.md", "D specs/" + odd, "A workspaces/a.yaml", "A workspaces/gone.yaml"}},
	} {
		in := &cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: &x.after}
		for p, text := range map[**string]string{&in.BeforeCommitSpecifier: x.before, &in.BeforePath: x.beforePath, &in.AfterPath: x.afterPath} {
			if text != "" {
				*p = &text
			}
		}
		if diff := cmp.Diff(x.want, differences(k, in)); diff != "" {
			t.Errorf("%s: %s", x.name, diff)
		}
	}
	out := must(k.client.GetDifferences(t.Context(), &cc.GetDifferencesInput{
		RepositoryName: specs, BeforeCommitSpecifier: &ids[1], AfterCommitSpecifier: aws.String("main"),
	}))(t)
	if d := out.Differences[0]; *d.BeforeBlob.Mode != "100644" || *d.AfterBlob.Mode != "100755" || *d.BeforeBlob.BlobId != *d.AfterBlob.BlobId || out.NextToken != nil {
		t.Errorf("got %+v", d)
	}

	for _, x := range []struct {
		in   *cc.GetDifferencesInput
		want string
	}{
		{&cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: aws.String("none")}, "CommitDoesNotExist"},
		{&cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: aws.String("a b")}, "InvalidCommit"},
		{&cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: aws.String("")}, "CommitRequired"},
		{&cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: aws.String(ids[0][:7])}, "CommitDoesNotExist"},
		{&cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: aws.String(strings.Repeat("0", 40))}, "CommitDoesNotExist"},
		{&cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: aws.String("main"), BeforeCommitSpecifier: aws.String("none")}, "CommitDoesNotExist"},
		{&cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: aws.String("main"), AfterPath: aws.String("none")}, "PathDoesNotExist"},
		{&cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: aws.String("main"), AfterPath: aws.String("a//b")}, "InvalidPath"},
		{&cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: aws.String("main"), AfterPath: aws.String("README.md")}, "NotImplemented"},
		{&cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: aws.String("main"), BeforeCommitSpecifier: &ids[0], AfterPath: specs}, "NotImplemented"},
		{&cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: aws.String("main"), MaxResults: aws.Int32(0)}, "InvalidMaxResults"},
		{&cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: aws.String("main"), NextToken: aws.String("x")}, "InvalidContinuationToken"},
		{&cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: aws.String("main"), NextToken: aws.String("99")}, "InvalidContinuationToken"},
		{&cc.GetDifferencesInput{RepositoryName: aws.String("none"), AfterCommitSpecifier: aws.String("main")}, "RepositoryDoesNotExist"},
	} {
		_, err := k.client.GetDifferences(t.Context(), x.in)
		want(t, err, x.want)
	}
}

// differences returns all pages, a line for each difference.
func differences(k *stack, in *cc.GetDifferencesInput) []string {
	k.Helper()
	var out []string
	for pages := cc.NewGetDifferencesPaginator(k.client, in); pages.HasMorePages(); {
		page := must(pages.NextPage(k.Context()))(k)
		for _, d := range page.Differences {
			b := d.AfterBlob
			if d.ChangeType == types.ChangeTypeEnumDeleted {
				b = d.BeforeBlob
			}
			if (d.BeforeBlob == nil) != (d.ChangeType == types.ChangeTypeEnumAdded) || (d.AfterBlob == nil) != (d.ChangeType == types.ChangeTypeEnumDeleted) {
				k.Errorf("got %+v", d)
			}
			out = append(out, fmt.Sprintf("%s %s", d.ChangeType, *b.Path))
		}
	}
	return out
}

func TestManyFiles(t *testing.T) {
	t.Parallel()
	k := newStack(t).add()
	c := k.clone("specs")
	first := c.commit("one", map[string]string{"README.md": "x"})
	files := map[string]string{}
	var expected []string
	for i := range 1050 {
		path := fmt.Sprintf("workspaces/team-%04d.yaml", i)
		files[path] = strings.Repeat(path+"\n", 10)
		expected = append(expected, "A "+path)
	}
	second := c.commit("many", files)
	c.git("push", "--quiet", "origin", "HEAD:main")
	for _, size := range []int32{0, 7, 400, 5000} {
		in := &cc.GetDifferencesInput{RepositoryName: specs, BeforeCommitSpecifier: &first, AfterCommitSpecifier: &second}
		before := len(k.hub.Calls())
		if size > 0 {
			in.MaxResults = &size
		}
		if diff := cmp.Diff(expected, differences(k, in)); diff != "" {
			t.Errorf("%d on a page: %s", size, diff)
		}
		pages := map[int32]int{0: 3, 7: 150, 400: 3, 5000: 3}[size]
		if got := len(k.hub.Calls()) - before; got != pages {
			t.Errorf("%d on a page: %d pages, want %d", size, got, pages)
		}
	}
	for path, content := range files {
		out := must(k.client.GetFile(t.Context(), &cc.GetFileInput{RepositoryName: specs, CommitSpecifier: &second, FilePath: &path}))(t)
		if string(out.FileContent) != content {
			t.Fatalf("%s is %q", path, out.FileContent)
		}
	}
}

func TestGitOverHTTP(t *testing.T) {
	t.Parallel()
	k := newStack(t).add()
	base := k.server.URL + codecommit.GitPath
	for _, x := range []struct {
		path   string
		signed bool
		want   int
	}{
		{"specs/info/refs?service=git-upload-pack", false, http.StatusUnauthorized},
		{"specs/info/refs?service=git-upload-pack", true, http.StatusOK},
		{"specs/info/refs?service=git-receive-pack", true, http.StatusOK},
		{"specs/info/refs", true, http.StatusNotFound},
		{"specs/HEAD", true, http.StatusNotFound},
		{"specs/../specs/config", true, http.StatusNotFound},
		{"none/info/refs?service=git-upload-pack", true, http.StatusNotFound},
	} {
		req := must(http.NewRequestWithContext(t.Context(), http.MethodGet, base+x.path, nil))(t)
		if x.signed {
			req.SetBasicAuth("anyone", "anything")
		}
		resp := must(http.DefaultClient.Do(req))(t)
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		if resp.StatusCode != x.want || (x.want == http.StatusUnauthorized) != (resp.Header.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: got %d and %v, want %d", x.path, resp.StatusCode, resp.Header, x.want)
		}
	}
	folder := t.TempDir()
	for _, address := range []string{k.address("none"), k.server.URL + codecommit.GitPath + "specs"} {
		if out, err := git(t, folder, "clone", address, "x"); err == nil {
			t.Errorf("cloned %s: %s", address, out)
		}
	}

	c := k.clone("specs")
	pushed := c.commit("one", map[string]string{"a": "1", "large": strings.Repeat("0123456789abcdef", 200_000)})
	k.hub.Inject(&wire.Fault{Kind: wire.Refuse, Service: "codecommit", Action: "GitPush", Caller: "pusher-at-" + account, Mutating: true})
	if out, err := git(t, c.folder, "push", "origin", "HEAD:main"); err == nil || len(k.told()) > 0 {
		t.Errorf("a push that was refused succeeded: %s", out)
	}
	k.hub.Inject(&wire.Fault{Kind: wire.LoseReply, Service: "codecommit", Action: "GitPush", Mutating: true})
	if out, err := git(t, c.folder, "push", "origin", "HEAD:main"); err == nil {
		t.Errorf("a push whose reply was lost succeeded: %s", out)
	}
	if got := names(k.told(), "commitId"); !slices.Equal(got, []string{pushed}) {
		t.Errorf("a push whose reply was lost told of %v, want %s", got, pushed)
	}
	// What is more than git keeps in memory comes in chunks.
	c.git("reset", "--quiet", "--hard", pushed)
	c.commit("two", map[string]string{"random": randomText(3 << 20)})
	c.git("-c", "http.postBuffer=65536", "push", "--quiet", "origin", "HEAD:main")
	actions := map[string]int{}
	for _, r := range k.hub.Calls() {
		if r.Service != "codecommit" || r.Region != region || r.Caller == "" || r.Mutating && r.Action != "GitPush" {
			t.Errorf("got the record %+v", r)
		}
		actions[r.Action]++
	}
	if actions["GitPull"] == 0 || actions["GitPush"] == 0 || len(actions) != 2 {
		t.Errorf("got the actions %v", actions)
	}
}

// randomText cannot be compressed much.
func randomText(n int) string {
	var out strings.Builder
	x := uint64(88172645463325252)
	for out.Len() < n {
		x ^= x << 13
		x ^= x >> 7
		x ^= x << 17
		fmt.Fprintf(&out, "%016x", x)
	}
	return out.String()
}

// TestWithoutGit checks what a machine without git says; everything else
// here runs only where it is.
func TestWithoutGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatalf("these tests need git: %v", err)
	}
	t.Setenv("PATH", t.TempDir())
	k := newStack(t)
	_, err := k.client.CreateRepository(t.Context(), &cc.CreateRepositoryInput{RepositoryName: specs})
	want(t, err, "NotImplemented")
	if err == nil || !strings.Contains(err.Error(), "install git") {
		t.Errorf("got %v", err)
	}
}
