package codecommit_test

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cc "github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var specs = aws.String("specs")

func TestRepository(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	created := must(k.client.CreateRepository(ctx, &cc.CreateRepositoryInput{RepositoryName: specs, RepositoryDescription: aws.String("of workspaces")}))(t).RepositoryMetadata
	got := must(k.client.GetRepository(ctx, &cc.GetRepositoryInput{RepositoryName: specs}))(t).RepositoryMetadata
	if diff := cmp.Diff(created, got, cmpopts.IgnoreUnexported(types.RepositoryMetadata{})); diff != "" {
		t.Error(diff)
	}
	if *got.Arn != "arn:aws:codecommit:eu-west-1:123456789012:specs" || *got.AccountId != account || *got.RepositoryDescription != "of workspaces" ||
		*got.CloneUrlHttp != k.server.URL+"/v1/repos/specs" || got.CloneUrlSsh != nil || got.DefaultBranch != nil || !got.CreationDate.Equal(start) {
		t.Errorf("got %+v", got)
	}
	k.pass()
	for _, name := range []string{"b", "a"} {
		must(k.client.CreateRepository(ctx, &cc.CreateRepositoryInput{RepositoryName: &name}))(t)
		k.pass()
	}
	for _, x := range []struct {
		sort  types.SortByEnum
		order types.OrderEnum
		want  string
	}{
		{"", "", "a b specs"},
		{types.SortByEnumRepositoryName, types.OrderEnumDescending, "specs b a"},
		{types.SortByEnumModifiedDate, types.OrderEnumAscending, "specs b a"},
	} {
		var names []string
		for _, r := range must(k.client.ListRepositories(ctx, &cc.ListRepositoriesInput{SortBy: x.sort, Order: x.order}))(t).Repositories {
			names = append(names, *r.RepositoryName)
		}
		if strings.Join(names, " ") != x.want {
			t.Errorf("by %s %s: got %v, want %s", x.sort, x.order, names, x.want)
		}
	}
	elsewhere := k.of("us-east-1", "author")
	if out := must(elsewhere.ListRepositories(ctx, &cc.ListRepositoriesInput{}))(t); len(out.Repositories) > 0 {
		t.Errorf("another region has %v", out.Repositories)
	}
	long := strings.Repeat("x", 101)
	for _, x := range []struct {
		call error
		want string
	}{
		{of(elsewhere.GetRepository(ctx, &cc.GetRepositoryInput{RepositoryName: specs})), "RepositoryDoesNotExist"},
		{of(elsewhere.CreateRepository(ctx, &cc.CreateRepositoryInput{RepositoryName: specs})), "NotImplemented"},
		{of(k.client.GetRepository(ctx, &cc.GetRepositoryInput{RepositoryName: aws.String("none")})), "RepositoryDoesNotExist"},
		{of(k.client.GetRepository(ctx, &cc.GetRepositoryInput{RepositoryName: aws.String("")})), "RepositoryNameRequired"},
		{of(k.client.GetRepository(ctx, &cc.GetRepositoryInput{RepositoryName: aws.String("a b")})), "InvalidRepositoryName"},
		{of(k.client.CreateRepository(ctx, &cc.CreateRepositoryInput{RepositoryName: specs})), "RepositoryNameExists"},
		{of(k.client.CreateRepository(ctx, &cc.CreateRepositoryInput{RepositoryName: &long})), "InvalidRepositoryName"},
		{of(k.client.CreateRepository(ctx, &cc.CreateRepositoryInput{RepositoryName: aws.String("x.git")})), "InvalidRepositoryName"},
		{of(k.client.CreateRepository(ctx, &cc.CreateRepositoryInput{RepositoryName: aws.String("x"), RepositoryDescription: aws.String(strings.Repeat("x", 1001))})),
			"InvalidRepositoryDescription"},
		{of(k.client.CreateRepository(ctx, &cc.CreateRepositoryInput{RepositoryName: aws.String("x"), KmsKeyId: aws.String("x")})), "NotImplemented"},
		{of(k.client.CreateRepository(ctx, &cc.CreateRepositoryInput{RepositoryName: aws.String("x"), Tags: map[string]string{"a": "b"}})), "NotImplemented"},
		{of(k.client.ListRepositories(ctx, &cc.ListRepositoriesInput{SortBy: "size"})), "InvalidSortBy"},
		{of(k.client.ListRepositories(ctx, &cc.ListRepositoriesInput{Order: "none"})), "InvalidOrder"},
		{of(k.client.ListRepositories(ctx, &cc.ListRepositoriesInput{NextToken: aws.String("x")})), "InvalidContinuationToken"},
		{of(k.client.UpdateRepositoryName(ctx, &cc.UpdateRepositoryNameInput{OldName: specs, NewName: aws.String("x")})), "NotImplemented"},
	} {
		want(t, x.call, x.want)
	}
	for _, id := range []*string{created.RepositoryId, nil} {
		out := must(k.client.DeleteRepository(ctx, &cc.DeleteRepositoryInput{RepositoryName: specs}))(t)
		if aws.ToString(out.RepositoryId) != aws.ToString(id) {
			t.Errorf("deleted %s, want %s", aws.ToString(out.RepositoryId), aws.ToString(id))
		}
	}
	again := must(k.client.CreateRepository(ctx, &cc.CreateRepositoryInput{RepositoryName: specs}))(t).RepositoryMetadata
	if *again.RepositoryId == *created.RepositoryId || len(k.told()) > 0 {
		t.Errorf("a repository that was deleted is back: %+v", again)
	}
}

// of is the error of a call whose result does not count.
func of[T any](_ T, err error) error { return err }

func TestPutFile(t *testing.T) {
	t.Parallel()
	ids := map[string]bool{}
	for range 2 {
		k := newStack(t).add()
		first := k.put("workspaces/a.yaml", "a: 1\n")
		k.pass()
		second := k.put("/workspaces/a.yaml", "a: 2\n")
		events := k.told()
		if !slices.Equal(names(events, "event"), []string{"referenceCreated", "referenceUpdated"}) ||
			!slices.Equal(names(events, "commitId"), []string{first, second}) || !slices.Equal(names(events, "oldCommitId"), []string{"", first}) ||
			events[0]["callerUserArn"] != "arn:aws:sts::123456789012:assumed-role/author/author" {
			t.Errorf("got the events %v", events)
		}
		ids[first+second] = true
		got := must(k.client.GetCommit(t.Context(), &cc.GetCommitInput{RepositoryName: specs, CommitId: &second}))(t).Commit
		who := &types.UserInfo{
			Name: aws.String("arn:aws:sts::123456789012:assumed-role/author/author"), Email: aws.String(""), Date: aws.String("1772366401 +0000"),
		}
		expected := &types.Commit{
			CommitId: &second, Parents: []string{first}, Author: who, Committer: who, Message: aws.String("Edited workspaces/a.yaml"), AdditionalData: aws.String(""),
			TreeId: got.TreeId,
		}
		if diff := cmp.Diff(expected, got, cmpopts.IgnoreUnexported(types.Commit{}, types.UserInfo{})); diff != "" {
			t.Error(diff)
		}
		// git agrees with what was made without it.
		c := k.clone("specs")
		if tree := c.git("rev-parse", "HEAD^{tree}"); tree != *got.TreeId {
			t.Errorf("the tree is %s, want %s", *got.TreeId, tree)
		}
		c.git("fsck", "--strict")
	}
	if len(ids) != 1 {
		t.Errorf("two runs made different commits: %v", ids)
	}
}

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	k := newStack(t).add()
	ctx := t.Context()
	put := func(change func(*cc.PutFileInput)) string {
		in := &cc.PutFileInput{RepositoryName: specs, BranchName: aws.String("main"), FilePath: aws.String("new"), FileContent: []byte("x")}
		if b, err := k.client.GetBranch(ctx, &cc.GetBranchInput{RepositoryName: specs, BranchName: aws.String("main")}); err == nil {
			in.ParentCommitId = b.Branch.CommitId
		}
		change(in)
		return code(of(k.client.PutFile(ctx, in)))
	}
	zeros := aws.String(strings.Repeat("0", 40))
	if got := put(func(in *cc.PutFileInput) { in.ParentCommitId = zeros }); got != "ParentCommitDoesNotExist" {
		t.Errorf("in an empty repository: got %q", got)
	}
	old := k.put("folder/file", "x")
	k.put("plain", "x")
	c := k.clone("specs")
	c.git("update-index", "--add", "--cacheinfo", "160000,"+old+",module")
	c.git("commit", "--quiet", "--message", "submodule")
	c.git("tag", "v1")
	c.git("push", "--quiet", "origin", "HEAD:main", "v1")
	k.told()
	for _, x := range []struct {
		want   string
		change func(*cc.PutFileInput)
	}{
		{"RepositoryDoesNotExist", func(in *cc.PutFileInput) { in.RepositoryName = aws.String("none") }},
		{"BranchNameRequired", func(in *cc.PutFileInput) { in.BranchName = aws.String("") }},
		{"InvalidBranchName", func(in *cc.PutFileInput) { in.BranchName = aws.String("a..b") }},
		{"BranchDoesNotExist", func(in *cc.PutFileInput) { in.BranchName = aws.String("none") }},
		{"BranchNameIsTagName", func(in *cc.PutFileInput) { in.BranchName = aws.String("v1") }},
		{"ParentCommitIdRequired", func(in *cc.PutFileInput) { in.ParentCommitId = nil }},
		{"InvalidParentCommitId", func(in *cc.PutFileInput) { in.ParentCommitId = aws.String("main") }},
		{"ParentCommitDoesNotExist", func(in *cc.PutFileInput) { in.ParentCommitId = zeros }},
		{"ParentCommitIdOutdated", func(in *cc.PutFileInput) { in.ParentCommitId = &old }},
		{"PathRequired", func(in *cc.PutFileInput) { in.FilePath = aws.String("") }},
		{"InvalidPath", func(in *cc.PutFileInput) { in.FilePath = aws.String("a/../b") }},
		{"InvalidPath", func(in *cc.PutFileInput) { in.FilePath = aws.String("a//b") }},
		{"InvalidPath", func(in *cc.PutFileInput) { in.FilePath = aws.String("a/") }},
		{"InvalidPath", func(in *cc.PutFileInput) { in.FilePath = aws.String(".git/config") }},
		{"InvalidPath", func(in *cc.PutFileInput) { in.FilePath = aws.String(strings.Repeat("a/", 21) + "b") }},
		{"InvalidPath", func(in *cc.PutFileInput) { in.FilePath = aws.String(strings.Repeat("a", 4097)) }},
		{"FileContentRequired", func(in *cc.PutFileInput) { in.FileContent = []byte{} }},
		{"FileContentSizeLimitExceeded", func(in *cc.PutFileInput) { in.FileContent = make([]byte, 6<<20+1) }},
		{"InvalidFileMode", func(in *cc.PutFileInput) { in.FileMode = "OTHER" }},
		{"NameLengthExceeded", func(in *cc.PutFileInput) { in.Name = aws.String(strings.Repeat("x", 1025)) }},
		{"InvalidEmail", func(in *cc.PutFileInput) { in.Email = aws.String(strings.Repeat("x", 257)) }},
		{"CommitMessageLengthExceeded", func(in *cc.PutFileInput) { in.CommitMessage = aws.String(strings.Repeat("x", 256<<10+1)) }},
		{"SameFileContent", func(in *cc.PutFileInput) { in.FilePath = aws.String("plain") }},
		{"FileNameConflictsWithDirectoryName", func(in *cc.PutFileInput) { in.FilePath = aws.String("folder") }},
		{"DirectoryNameConflictsWithFileName", func(in *cc.PutFileInput) { in.FilePath = aws.String("plain/x") }},
		{"FilePathConflictsWithSubmodulePath", func(in *cc.PutFileInput) { in.FilePath = aws.String("module") }},
		{"FilePathConflictsWithSubmodulePath", func(in *cc.PutFileInput) { in.FilePath = aws.String("module/x") }},
		{"", func(in *cc.PutFileInput) {
			in.FilePath, in.FileMode, in.Name, in.CommitMessage = aws.String(`odd "name" \ ü`), types.FileModeTypeEnumExecutable, aws.String("A <b>\nc"), aws.String("m\n\nn\n")
			in.FileContent = make([]byte, 6<<20)
		}},
	} {
		if got := put(x.change); got != x.want {
			t.Errorf("got %q, want %q", got, x.want)
		}
	}
	if events := k.told(); len(events) != 1 {
		t.Errorf("got the events %v", events)
	}
	out := must(k.client.GetFile(ctx, &cc.GetFileInput{RepositoryName: specs, FilePath: aws.String(`odd "name" \ ü`)}))(t)
	made := must(k.client.GetCommit(ctx, &cc.GetCommitInput{RepositoryName: specs, CommitId: out.CommitId}))(t).Commit
	if out.FileMode != types.FileModeTypeEnumExecutable || out.FileSize != 6<<20 || *made.Author.Name != "A b c" || *made.Message != "m\n\nn\n" {
		t.Errorf("got the mode %s of %d bytes, by %q: %q", out.FileMode, out.FileSize, *made.Author.Name, *made.Message)
	}
}

func TestCreateCommit(t *testing.T) {
	t.Parallel()
	k := newStack(t).add()
	ctx := t.Context()
	put := func(path, content string) types.PutFileEntry {
		return types.PutFileEntry{FilePath: &path, FileContent: []byte(content)}
	}
	remove := func(path string) types.DeleteFileEntry { return types.DeleteFileEntry{FilePath: &path} }
	from := func(path, source string, move bool) types.PutFileEntry {
		return types.PutFileEntry{FilePath: &path, SourceFile: &types.SourceFileSpecifier{FilePath: &source, IsMove: move}}
	}
	tip := must(k.client.CreateCommit(ctx, &cc.CreateCommitInput{
		RepositoryName: specs, BranchName: aws.String("main"), AuthorName: aws.String("Bob"), Email: aws.String("bob@example.com"), CommitMessage: aws.String("one"),
		PutFiles: []types.PutFileEntry{put("a", "1"), put("d/b", "2"), put("d/c", "3"), put("e/.gitkeep", "x")},
	}))(t).CommitId
	if events := k.told(); !slices.Equal(names(events, "event"), []string{"referenceCreated"}) || events[0]["commitId"] != *tip {
		t.Errorf("got the events %v", events)
	}
	many := func(n int) []types.PutFileEntry {
		var out []types.PutFileEntry
		for i := range n {
			out = append(out, put(strings.Repeat("x", i+1), "x"))
		}
		return out
	}
	large := put("large", string(bytes.Repeat([]byte("x"), 4<<20)))
	other := put("other", string(bytes.Repeat([]byte("y"), 4<<20)))
	for _, x := range []struct {
		want string
		in   cc.CreateCommitInput
	}{
		{"FileEntryRequired", cc.CreateCommitInput{}},
		{"MaximumFileEntriesExceeded", cc.CreateCommitInput{PutFiles: many(101)}},
		{"FileContentSizeLimitExceeded", cc.CreateCommitInput{PutFiles: []types.PutFileEntry{large, other}}},
		{"SourceFileOrContentRequired", cc.CreateCommitInput{PutFiles: []types.PutFileEntry{{FilePath: aws.String("x")}}}},
		{"NotImplemented", cc.CreateCommitInput{PutFiles: []types.PutFileEntry{put("x", "")}}},
		{"FileContentAndSourceFileSpecified", cc.CreateCommitInput{PutFiles: []types.PutFileEntry{
			{FilePath: aws.String("x"), FileContent: []byte("x"), SourceFile: &types.SourceFileSpecifier{FilePath: aws.String("a")}}}}},
		{"FileDoesNotExist", cc.CreateCommitInput{PutFiles: []types.PutFileEntry{from("x", "none", false)}}},
		{"RestrictedSourceFile", cc.CreateCommitInput{PutFiles: []types.PutFileEntry{from("x", "e/.gitkeep", true)}}},
		{"PutFileEntryConflict", cc.CreateCommitInput{PutFiles: []types.PutFileEntry{put("x", "x"), put("x/y", "x")}}},
		{"SamePathRequest", cc.CreateCommitInput{PutFiles: []types.PutFileEntry{put("x", "x"), put("/x", "y")}}},
		{"SamePathRequest", cc.CreateCommitInput{PutFiles: []types.PutFileEntry{put("a", "x")}, DeleteFiles: []types.DeleteFileEntry{remove("a")}}},
		{"SamePathRequest", cc.CreateCommitInput{PutFiles: []types.PutFileEntry{from("x", "a", true)}, DeleteFiles: []types.DeleteFileEntry{remove("a")}}},
		{"FileDoesNotExist", cc.CreateCommitInput{DeleteFiles: []types.DeleteFileEntry{remove("none")}}},
		{"FileDoesNotExist", cc.CreateCommitInput{DeleteFiles: []types.DeleteFileEntry{remove("d")}}},
		{"FileDoesNotExist", cc.CreateCommitInput{SetFileModes: []types.SetFileModeEntry{{FilePath: aws.String("none"), FileMode: types.FileModeTypeEnumNormal}}}},
		{"InvalidFileMode", cc.CreateCommitInput{SetFileModes: []types.SetFileModeEntry{{FilePath: aws.String("a"), FileMode: "x"}}}},
		{"NoChange", cc.CreateCommitInput{PutFiles: []types.PutFileEntry{put("a", "1")}}},
		{"NoChange", cc.CreateCommitInput{SetFileModes: []types.SetFileModeEntry{{FilePath: aws.String("a"), FileMode: types.FileModeTypeEnumNormal}}}},
		{"FileNameConflictsWithDirectoryName", cc.CreateCommitInput{PutFiles: []types.PutFileEntry{put("d", "x")}}},
		{"DirectoryNameConflictsWithFileName", cc.CreateCommitInput{PutFiles: []types.PutFileEntry{put("a/b", "x")}}},
	} {
		x.in.RepositoryName, x.in.BranchName, x.in.ParentCommitId = specs, aws.String("main"), tip
		want(t, of(k.client.CreateCommit(ctx, &x.in)), x.want)
	}
	if events := k.told(); len(events) > 0 {
		t.Errorf("what was refused told of %v", events)
	}
	for _, x := range []struct {
		name                    string
		in                      cc.CreateCommitInput
		added, updated, deleted []string
		left                    string
	}{
		{"add, change, delete", cc.CreateCommitInput{
			PutFiles: []types.PutFileEntry{put("new", "x"), put("a", "x")}, DeleteFiles: []types.DeleteFileEntry{remove("d/b")},
		}, []string{"new"}, []string{"a"}, []string{"d/b"}, "a d/c e/.gitkeep new"},
		{"move and copy", cc.CreateCommitInput{
			PutFiles: []types.PutFileEntry{from("moved", "d/b", true), from("copy", "a", false)},
		}, []string{"copy", "moved"}, nil, []string{"d/b"}, "a copy d/c e/.gitkeep moved"},
		{"a folder instead of a file", cc.CreateCommitInput{
			PutFiles: []types.PutFileEntry{put("a/b", "x")}, DeleteFiles: []types.DeleteFileEntry{remove("a")},
		}, []string{"a/b"}, nil, []string{"a"}, "a/b d/b d/c e/.gitkeep"},
		{"a folder that vanishes", cc.CreateCommitInput{
			DeleteFiles: []types.DeleteFileEntry{remove("d/b"), remove("d/c")},
		}, nil, nil, []string{"d/b", "d/c"}, "a e/.gitkeep"},
		{"a folder that is kept", cc.CreateCommitInput{
			DeleteFiles: []types.DeleteFileEntry{remove("d/b"), remove("d/c")}, KeepEmptyFolders: true,
		}, []string{"d/.gitkeep"}, nil, []string{"d/b", "d/c"}, "a d/.gitkeep e/.gitkeep"},
		{"a mode", cc.CreateCommitInput{
			SetFileModes: []types.SetFileModeEntry{{FilePath: aws.String("a"), FileMode: types.FileModeTypeEnumExecutable}},
		}, nil, []string{"a"}, nil, "a d/b d/c e/.gitkeep"},
	} {
		// Each on a branch of its own, from the first commit.
		branch := strings.ReplaceAll(x.name, " ", "-")
		must(k.client.CreateBranch(ctx, &cc.CreateBranchInput{RepositoryName: specs, BranchName: &branch, CommitId: tip}))(t)
		x.in.RepositoryName, x.in.BranchName, x.in.ParentCommitId = specs, &branch, tip
		out := must(k.client.CreateCommit(ctx, &x.in))(t)
		for _, y := range []struct {
			files []types.FileMetadata
			want  []string
		}{{out.FilesAdded, x.added}, {out.FilesUpdated, x.updated}, {out.FilesDeleted, x.deleted}} {
			var got []string
			for _, f := range y.files {
				got = append(got, *f.AbsolutePath)
			}
			if !slices.Equal(got, y.want) {
				t.Errorf("%s: got %v, want %v", x.name, got, y.want)
			}
		}
		var left []string
		for _, line := range differences(k, &cc.GetDifferencesInput{RepositoryName: specs, AfterCommitSpecifier: out.CommitId}) {
			left = append(left, strings.TrimPrefix(line, "A "))
		}
		if strings.Join(left, " ") != x.left {
			t.Errorf("%s: %v is left, want %s", x.name, left, x.left)
		}
	}
	deleted := must(k.client.DeleteFile(ctx, &cc.DeleteFileInput{RepositoryName: specs, BranchName: aws.String("main"), FilePath: aws.String("a"), ParentCommitId: tip}))(t)
	if *deleted.FilePath != "a" || *deleted.BlobId != "56a6051ca2b02b04ef92d5150c9ef600403cb1de" {
		t.Errorf("got %+v", deleted)
	}
	for path, expected := range map[string]string{"none": "FileDoesNotExist", "": "PathRequired", "d/b": "ParentCommitIdOutdated"} {
		in := &cc.DeleteFileInput{RepositoryName: specs, BranchName: aws.String("main"), FilePath: &path, ParentCommitId: deleted.CommitId}
		if path == "d/b" {
			in.ParentCommitId = tip
		}
		want(t, of(k.client.DeleteFile(ctx, in)), expected)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	k := newStack(t).add()
	ctx := t.Context()
	want(t, of(k.client.GetFile(ctx, &cc.GetFileInput{RepositoryName: specs, FilePath: aws.String("a")})), "CommitDoesNotExist")
	c := k.clone("specs")
	c.git("symbolic-ref", "HEAD", "refs/heads/trunk")
	c.commit("one", map[string]string{"a": "old", "workspaces/sub/b": "b", "empty": "", "large": strings.Repeat("x", 6<<20+1)})
	c.git("tag", "--annotate", "v1", "--message", "first")
	first := c.git("rev-parse", "HEAD")
	c.git("update-index", "--add", "--cacheinfo", "160000,"+first+",workspaces/module")
	c.git("update-index", "--add", "--cacheinfo", "120000,"+c.git("rev-parse", "HEAD:a")+",workspaces/link")
	c.git("update-index", "--chmod=+x", "a")
	c.git("commit", "--quiet", "--message", "two")
	second := c.git("rev-parse", "HEAD")
	c.git("push", "--quiet", "origin", "trunk", "v1")

	for _, x := range []struct{ specifier, commit, mode string }{
		{"", second, "EXECUTABLE"}, {"HEAD", second, "EXECUTABLE"}, {"trunk", second, "EXECUTABLE"}, {"refs/heads/trunk", second, "EXECUTABLE"},
		{second, second, "EXECUTABLE"}, {"v1", first, "NORMAL"}, {"refs/tags/v1", first, "NORMAL"}, {first, first, "NORMAL"},
	} {
		in := &cc.GetFileInput{RepositoryName: specs, FilePath: aws.String("/a")}
		if x.specifier != "" {
			in.CommitSpecifier = &x.specifier
		}
		out := must(k.client.GetFile(ctx, in))(t)
		if *out.CommitId != first && x.specifier == "v1" || string(out.FileContent) != "old" || string(out.FileMode) != x.mode || *out.FilePath != "a" || out.FileSize != 3 {
			t.Errorf("%s: got %+v", x.specifier, out)
		}
		blob := must(k.client.GetBlob(ctx, &cc.GetBlobInput{RepositoryName: specs, BlobId: out.BlobId}))(t)
		if string(blob.Content) != "old" {
			t.Errorf("got the blob %q", blob.Content)
		}
	}
	if out := must(k.client.GetFile(ctx, &cc.GetFileInput{RepositoryName: specs, FilePath: aws.String("empty")}))(t); len(out.FileContent) > 0 || out.FileSize != 0 {
		t.Errorf("got %+v", out)
	}
	top := must(k.client.GetFolder(ctx, &cc.GetFolderInput{RepositoryName: specs, FolderPath: aws.String("/")}))(t)
	if len(top.Files) != 3 || len(top.SubFolders) != 1 || *top.FolderPath != "" || *top.TreeId != c.git("rev-parse", "HEAD^{tree}") {
		t.Errorf("got %+v", top)
	}
	sub := must(k.client.GetFolder(ctx, &cc.GetFolderInput{RepositoryName: specs, FolderPath: aws.String("workspaces/")}))(t)
	ignored := cmpopts.IgnoreUnexported(types.Folder{}, types.SubModule{}, types.SymbolicLink{})
	if diff := cmp.Diff([]types.Folder{{AbsolutePath: aws.String("workspaces/sub"), RelativePath: aws.String("sub"), TreeId: aws.String(c.git("rev-parse", "HEAD:workspaces/sub"))}},
		sub.SubFolders, ignored); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]types.SubModule{{AbsolutePath: aws.String("workspaces/module"), RelativePath: aws.String("module"), CommitId: &first}}, sub.SubModules, ignored); diff != "" {
		t.Error(diff)
	}
	if len(sub.SymbolicLinks) != 1 || sub.SymbolicLinks[0].FileMode != types.FileModeTypeEnumSymlink || len(sub.Files) != 0 {
		t.Errorf("got %+v", sub)
	}
	tree := sub.TreeId
	for _, x := range []struct {
		err  error
		want string
	}{
		{of(k.client.GetFile(ctx, &cc.GetFileInput{RepositoryName: specs, FilePath: aws.String("none")})), "FileDoesNotExist"},
		{of(k.client.GetFile(ctx, &cc.GetFileInput{RepositoryName: specs, FilePath: aws.String("workspaces")})), "FileDoesNotExist"},
		{of(k.client.GetFile(ctx, &cc.GetFileInput{RepositoryName: specs, FilePath: aws.String("a/b")})), "FileDoesNotExist"},
		{of(k.client.GetFile(ctx, &cc.GetFileInput{RepositoryName: specs, FilePath: aws.String("workspaces/module")})), "FileDoesNotExist"},
		{of(k.client.GetFile(ctx, &cc.GetFileInput{RepositoryName: specs, FilePath: aws.String("")})), "PathRequired"},
		{of(k.client.GetFile(ctx, &cc.GetFileInput{RepositoryName: specs, FilePath: aws.String("./a")})), "InvalidPath"},
		{of(k.client.GetFile(ctx, &cc.GetFileInput{RepositoryName: specs, FilePath: aws.String("large")})), "FileTooLarge"},
		{of(k.client.GetFile(ctx, &cc.GetFileInput{RepositoryName: specs, FilePath: aws.String("a"), CommitSpecifier: aws.String("none")})), "CommitDoesNotExist"},
		{of(k.client.GetFile(ctx, &cc.GetFileInput{RepositoryName: specs, FilePath: aws.String("a"), CommitSpecifier: aws.String("a^")})), "InvalidCommit"},
		{of(k.client.GetFolder(ctx, &cc.GetFolderInput{RepositoryName: specs, FolderPath: aws.String("none")})), "FolderDoesNotExist"},
		{of(k.client.GetFolder(ctx, &cc.GetFolderInput{RepositoryName: specs, FolderPath: aws.String("a")})), "FolderDoesNotExist"},
		{of(k.client.GetFolder(ctx, &cc.GetFolderInput{RepositoryName: specs, FolderPath: aws.String("a//b")})), "InvalidPath"},
		{of(k.client.GetBlob(ctx, &cc.GetBlobInput{RepositoryName: specs, BlobId: aws.String("")})), "BlobIdRequired"},
		{of(k.client.GetBlob(ctx, &cc.GetBlobInput{RepositoryName: specs, BlobId: aws.String("x")})), "InvalidBlobId"},
		{of(k.client.GetBlob(ctx, &cc.GetBlobInput{RepositoryName: specs, BlobId: tree})), "BlobIdDoesNotExist"},
		{of(k.client.GetBlob(ctx, &cc.GetBlobInput{RepositoryName: specs, BlobId: aws.String(c.git("rev-parse", "HEAD:large"))})), "FileTooLarge"},
		{of(k.client.GetCommit(ctx, &cc.GetCommitInput{RepositoryName: specs, CommitId: aws.String("")})), "CommitIdRequired"},
		{of(k.client.GetCommit(ctx, &cc.GetCommitInput{RepositoryName: specs, CommitId: aws.String("trunk")})), "InvalidCommitId"},
		{of(k.client.GetCommit(ctx, &cc.GetCommitInput{RepositoryName: specs, CommitId: tree})), "CommitIdDoesNotExist"},
	} {
		want(t, x.err, x.want)
	}
}
