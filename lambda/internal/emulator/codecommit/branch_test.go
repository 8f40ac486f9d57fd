package codecommit_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cc "github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/google/go-cmp/cmp"
)

func TestBranch(t *testing.T) {
	t.Parallel()
	k := newStack(t).add()
	ctx := t.Context()
	if out := must(k.client.ListBranches(ctx, &cc.ListBranchesInput{RepositoryName: specs}))(t); len(out.Branches) > 0 {
		t.Errorf("got %v", out.Branches)
	}
	first := k.put("a", "1")
	second := k.put("a", "2")
	k.told()
	must(k.client.CreateBranch(ctx, &cc.CreateBranchInput{RepositoryName: specs, BranchName: aws.String("team/x"), CommitId: &first}))(t)
	if b := must(k.client.GetBranch(ctx, &cc.GetBranchInput{RepositoryName: specs, BranchName: aws.String("team/x")}))(t).Branch; *b.CommitId != first || *b.BranchName != "team/x" {
		t.Errorf("got %+v", b)
	}
	if out := must(k.client.ListBranches(ctx, &cc.ListBranchesInput{RepositoryName: specs}))(t); !slices.Equal(out.Branches, []string{"main", "team/x"}) {
		t.Errorf("got %v", out.Branches)
	}
	create := func(name, id string) error {
		return of(k.client.CreateBranch(ctx, &cc.CreateBranchInput{RepositoryName: specs, BranchName: &name, CommitId: &id}))
	}
	for _, x := range []struct {
		err  error
		want string
	}{
		{create("main", first), "BranchNameExists"},
		{create("", first), "BranchNameRequired"},
		{create("a b", first), "InvalidBranchName"},
		{create("@", first), "InvalidBranchName"},
		{create("a@{b", first), "InvalidBranchName"},
		{create("a.lock", first), "InvalidBranchName"},
		{create("/a", first), "InvalidBranchName"},
		{create("a.", first), "InvalidBranchName"},
		{create(first, first), "InvalidBranchName"},
		{create(strings.Repeat("x", 257), first), "InvalidBranchName"},
		{create("x", ""), "CommitIdRequired"},
		{create("x", "main"), "InvalidCommitId"},
		{create("x", strings.Repeat("0", 40)), "CommitDoesNotExist"},
		{create("main/x", first), "NotImplemented"},
		{create("team", first), "NotImplemented"},
		{of(k.client.GetBranch(ctx, &cc.GetBranchInput{RepositoryName: specs, BranchName: aws.String("none")})), "BranchDoesNotExist"},
		{of(k.client.GetBranch(ctx, &cc.GetBranchInput{RepositoryName: specs})), "BranchNameRequired"},
		{of(k.client.GetBranch(ctx, &cc.GetBranchInput{BranchName: specs})), "RepositoryNameRequired"},
		{of(k.client.DeleteBranch(ctx, &cc.DeleteBranchInput{RepositoryName: specs, BranchName: aws.String("main")})), "DefaultBranchCannotBeDeleted"},
		{of(k.client.ListBranches(ctx, &cc.ListBranchesInput{RepositoryName: specs, NextToken: aws.String("1000")})), "InvalidContinuationToken"},
	} {
		want(t, x.err, x.want)
	}
	for _, id := range []string{first, ""} {
		out := must(k.client.DeleteBranch(ctx, &cc.DeleteBranchInput{RepositoryName: specs, BranchName: aws.String("team/x")}))(t)
		got := ""
		if out.DeletedBranch != nil {
			got = *out.DeletedBranch.CommitId
		}
		if got != id {
			t.Errorf("deleted %q, want %q", got, id)
		}
	}
	events := k.told()
	if !slices.Equal(names(events, "event"), []string{"referenceCreated", "referenceDeleted"}) || !slices.Equal(names(events, "commitId"), []string{first, ""}) ||
		!slices.Equal(names(events, "oldCommitId"), []string{"", first}) {
		t.Errorf("got the events %v", events)
	}
	// An author who has cloned sees what was made without git.
	if log := k.clone("specs").git("log", "--format=%H"); log != second+"\n"+first {
		t.Errorf("got the log %s", log)
	}
}

func TestMergeBranches(t *testing.T) {
	t.Parallel()
	k := newStack(t).add()
	ctx := t.Context()
	c := k.clone("specs")
	base := c.commit("one", map[string]string{"a": "1"})
	c.git("branch", "other")
	c.git("branch", "still")
	tip := c.commit("two", map[string]string{"a": "2"})
	c.git("branch", "feature")
	c.git("checkout", "--quiet", "other")
	apart := c.commit("apart", map[string]string{"b": "1"})
	c.git("tag", "v1")
	c.git("push", "--quiet", "origin", base+":refs/heads/main", "feature", "other", "still", "v1")
	k.told()
	merge := func(source, destination, target string) (*cc.MergeBranchesByFastForwardOutput, error) {
		in := &cc.MergeBranchesByFastForwardInput{RepositoryName: specs, SourceCommitSpecifier: &source, DestinationCommitSpecifier: &destination}
		if target != "" {
			in.TargetBranch = &target
		}
		return k.client.MergeBranchesByFastForward(ctx, in)
	}
	for _, x := range []struct{ source, destination, target, want string }{
		{"feature", "other", "", "ManualMergeRequired"},
		{"main", "feature", "", "ManualMergeRequired"},
		{"none", "main", "", "CommitDoesNotExist"},
		{"feature", "none", "", "CommitDoesNotExist"},
		{"feature", "v1", "", "BranchNameIsTagName"},
		{"feature", base, "", "InvalidBranchName"},
		{"feature", base, "none", "BranchDoesNotExist"},
		{"feature", "main", "other", "NotImplemented"},
		{"", "main", "", "CommitRequired"},
	} {
		want(t, of(merge(x.source, x.destination, x.target)), x.want)
	}
	if events := k.told(); len(events) > 0 {
		t.Errorf("what was refused told of %v", events)
	}
	out := must(merge("feature", "main", ""))(t)
	if *out.CommitId != tip || *out.TreeId != c.git("rev-parse", tip+"^{tree}") {
		t.Errorf("got %+v", out)
	}
	expected := reference(k, "referenceUpdated", "branch", "main", base, tip)
	expected["callerUserArn"] = "arn:aws:sts::123456789012:assumed-role/author/author"
	for member, value := range map[string]string{
		"baseCommitId": base, "destinationCommitId": base, "sourceCommitId": tip, "mergeOption": "FAST_FORWARD_MERGE",
	} {
		expected[member] = value
	}
	if diff := cmp.Diff([]map[string]any{expected}, k.told()); diff != "" {
		t.Error(diff)
	}
	must(merge(apart, base, "still"))(t)
	if got := names(k.told(), "referenceName"); !slices.Equal(got, []string{"still"}) {
		t.Errorf("got events of %v", got)
	}
}
