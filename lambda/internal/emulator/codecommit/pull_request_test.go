package codecommit_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	cc "github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/aws/aws-sdk-go-v2/service/codecommit/types"
	"github.com/google/go-cmp/cmp"
)

func TestPullRequest(t *testing.T) {
	t.Parallel()
	k := newStack(t).add()
	ctx := t.Context()
	c := k.clone("specs")
	base := c.commit("one", map[string]string{"a": "1\n"})
	c.git("push", "--quiet", "origin", "HEAD:main")
	c.git("checkout", "--quiet", "-b", "feature")
	first := c.commit("two", map[string]string{"a": "2\n", "b": "1\n"})
	c.git("tag", "v1")
	c.git("push", "--quiet", "origin", "feature", "v1")
	k.told()
	in := func() *cc.CreatePullRequestInput {
		return &cc.CreatePullRequestInput{
			Title: aws.String("Add b"), Description: aws.String("because"), ClientRequestToken: aws.String("t1"),
			Targets: []types.Target{{RepositoryName: specs, SourceReference: aws.String("feature")}},
		}
	}
	for _, x := range []struct {
		want   string
		change func(*cc.CreatePullRequestInput)
	}{
		{"TitleRequired", func(in *cc.CreatePullRequestInput) { in.Title = aws.String("") }},
		{"InvalidTitle", func(in *cc.CreatePullRequestInput) { in.Title = aws.String(strings.Repeat("x", 151)) }},
		{"InvalidDescription", func(in *cc.CreatePullRequestInput) { in.Description = aws.String(strings.Repeat("x", 10241)) }},
		{"TargetsRequired", func(in *cc.CreatePullRequestInput) { in.Targets = []types.Target{} }},
		{"InvalidTargets", func(in *cc.CreatePullRequestInput) { in.Targets = append(in.Targets, in.Targets...) }},
		{"RepositoryDoesNotExist", func(in *cc.CreatePullRequestInput) { in.Targets[0].RepositoryName = aws.String("none") }},
		{"ReferenceNameRequired", func(in *cc.CreatePullRequestInput) { in.Targets[0].SourceReference = aws.String("") }},
		{"InvalidReferenceName", func(in *cc.CreatePullRequestInput) { in.Targets[0].SourceReference = aws.String("a b") }},
		{"ReferenceDoesNotExist", func(in *cc.CreatePullRequestInput) { in.Targets[0].SourceReference = aws.String("none") }},
		{"ReferenceDoesNotExist", func(in *cc.CreatePullRequestInput) { in.Targets[0].DestinationReference = aws.String("none") }},
		{"ReferenceTypeNotSupported", func(in *cc.CreatePullRequestInput) { in.Targets[0].SourceReference = aws.String("refs/tags/v1") }},
		{"SourceAndDestinationAreSame", func(in *cc.CreatePullRequestInput) {
			in.Targets[0].DestinationReference = aws.String("refs/heads/feature")
		}},
	} {
		i := in()
		x.change(i)
		want(t, of(k.client.CreatePullRequest(ctx, i)), x.want)
	}
	p := must(k.client.CreatePullRequest(ctx, in()))(t).PullRequest
	again := must(k.client.CreatePullRequest(ctx, in()))(t).PullRequest
	if *p.PullRequestId != "1" || *again.PullRequestId != "1" || *p.RevisionId != *again.RevisionId || len(*p.RevisionId) != 64 {
		t.Errorf("got %+v, then %+v", p, again)
	}
	other := in()
	other.Title = aws.String("Other")
	want(t, of(k.client.CreatePullRequest(ctx, other)), "IdempotencyParameterMismatch")
	target := p.PullRequestTargets[0]
	if *target.SourceReference != "refs/heads/feature" || *target.DestinationReference != "refs/heads/main" || *target.SourceCommit != first ||
		*target.DestinationCommit != base || *target.MergeBase != base || target.MergeMetadata.IsMerged || p.PullRequestStatus != types.PullRequestStatusEnumOpen {
		t.Errorf("got %+v", target)
	}

	k.pass()
	second := c.commit("three", map[string]string{"b": "2\n"})
	c.git("push", "--quiet", "origin", "feature")
	k.pass()
	merge := &cc.MergePullRequestByFastForwardInput{RepositoryName: specs, PullRequestId: aws.String("1"), SourceCommitId: &first}
	want(t, of(k.client.MergePullRequestByFastForward(ctx, merge)), "TipOfSourceReferenceIsDifferent")
	merge.SourceCommitId = &second
	merged := must(k.of(region, "operator").MergePullRequestByFastForward(ctx, merge))(t).PullRequest
	target = merged.PullRequestTargets[0]
	if m := target.MergeMetadata; !m.IsMerged || *m.MergeCommitId != second || m.MergeOption != types.MergeOptionTypeEnumFastForwardMerge ||
		*m.MergedBy != "arn:aws:sts::123456789012:assumed-role/operator/operator" || merged.PullRequestStatus != types.PullRequestStatusEnumClosed || *target.DestinationCommit != second {
		t.Errorf("got %+v", merged)
	}
	want(t, of(k.client.MergePullRequestByFastForward(ctx, merge)), "PullRequestAlreadyClosed")
	if b := must(k.client.GetBranch(ctx, &cc.GetBranchInput{RepositoryName: specs, BranchName: aws.String("main")}))(t).Branch; *b.CommitId != second {
		t.Errorf("main is at %s, want %s", *b.CommitId, second)
	}

	events := k.told()
	if diff := cmp.Diff([]string{"pullRequestCreated", "referenceUpdated", "pullRequestSourceBranchUpdated", "referenceUpdated", "pullRequestMergeStatusUpdated"}, names(events, "event")); diff != "" {
		t.Fatal(diff)
	}
	author := "arn:aws:sts::123456789012:assumed-role/author/author"
	expected := map[string]any{
		"detail-type": "CodeCommit Pull Request State Change", "author": author, "callerUserArn": author, "creationDate": "Sun Mar 01 12:00:00 UTC 2026",
		"description": "because", "destinationCommit": base, "destinationReference": "refs/heads/main", "event": "pullRequestCreated", "isMerged": "False",
		"lastModifiedDate": "Sun Mar 01 12:00:00 UTC 2026", "pullRequestId": "1", "pullRequestStatus": "Open", "repositoryNames": []any{"specs"},
		"revisionId": *p.RevisionId, "sourceCommit": first, "sourceReference": "refs/heads/feature", "title": "Add b", "notificationBody": events[0]["notificationBody"],
	}
	if diff := cmp.Diff(expected, events[0]); diff != "" {
		t.Error(diff)
	}
	if u := "https://eu-west-1.console.aws.amazon.com/codesuite/codecommit/repositories/specs/pull-requests/1?region=eu-west-1"; !strings.HasSuffix(events[0]["notificationBody"].(string), u) {
		t.Errorf("got the body %v", events[0]["notificationBody"])
	}
	if e := events[2]; e["callerUserArn"] != pusher || e["sourceCommit"] != second || e["revisionId"] == *p.RevisionId || e["lastModifiedDate"] != "Sun Mar 01 12:00:01 UTC 2026" {
		t.Errorf("got %v", e)
	}
	if e := events[3]; e["sourceCommitId"] != second || e["destinationCommitId"] != base || e["commitId"] != second || e["oldCommitId"] != base {
		t.Errorf("got %v", e)
	}
	if e := events[4]; e["isMerged"] != "True" || e["pullRequestStatus"] != "Closed" || e["mergeOption"] != "FAST_FORWARD_MERGE" || e["destinationCommit"] != base {
		t.Errorf("got %v", e)
	}
}

func TestPullRequestStatus(t *testing.T) {
	t.Parallel()
	k := newStack(t).add()
	ctx := t.Context()
	c := k.clone("specs")
	c.commit("one", map[string]string{"a": "1"})
	c.git("push", "--quiet", "origin", "HEAD:main")
	c.commit("two", map[string]string{"a": "2"})
	c.git("push", "--quiet", "origin", "HEAD:one", "HEAD:two", "HEAD:three")
	c.git("checkout", "--quiet", "--orphan", "apart")
	c.commit("apart", nil)
	c.git("push", "--quiet", "origin", "apart")
	for _, source := range []string{"one", "two", "apart"} {
		must(k.client.CreatePullRequest(ctx, &cc.CreatePullRequestInput{
			Title: &source, Targets: []types.Target{{RepositoryName: specs, SourceReference: &source, DestinationReference: aws.String("main")}},
		}))(t)
	}
	k.told()
	update := func(id, status string) error {
		return of(k.client.UpdatePullRequestStatus(ctx, &cc.UpdatePullRequestStatusInput{PullRequestId: &id, PullRequestStatus: types.PullRequestStatusEnum(status)}))
	}
	list := func(in cc.ListPullRequestsInput) []string {
		in.RepositoryName = specs
		var out []string
		for pages := cc.NewListPullRequestsPaginator(k.client, &in); pages.HasMorePages(); {
			out = append(out, must(pages.NextPage(ctx))(t).PullRequestIds...)
		}
		return out
	}
	merge := func(id, repository string) error {
		return of(k.client.MergePullRequestByFastForward(ctx, &cc.MergePullRequestByFastForwardInput{PullRequestId: &id, RepositoryName: &repository}))
	}
	must(k.client.CreateRepository(ctx, &cc.CreateRepositoryInput{RepositoryName: aws.String("other")}))(t)
	for _, x := range []struct {
		err  error
		want string
	}{
		{update("1", "OPEN"), ""},
		{update("1", "CLOSED"), ""},
		{update("1", "CLOSED"), ""},
		{update("1", "OPEN"), "InvalidPullRequestStatusUpdate"},
		{update("1", "x"), "InvalidPullRequestStatus"},
		{update("", "CLOSED"), "PullRequestIdRequired"},
		{update("x", "CLOSED"), "InvalidPullRequestId"},
		{update("9", "CLOSED"), "PullRequestDoesNotExist"},
		{of(k.of("us-east-1", "author").GetPullRequest(ctx, &cc.GetPullRequestInput{PullRequestId: aws.String("2")})), "PullRequestDoesNotExist"},
		{merge("2", "other"), "RepositoryNotAssociatedWithPullRequest"},
		{merge("3", "specs"), "ManualMergeRequired"},
		{of(k.client.ListPullRequests(ctx, &cc.ListPullRequestsInput{RepositoryName: specs, AuthorArn: aws.String("x")})), "InvalidAuthorArn"},
		{of(k.client.ListPullRequests(ctx, &cc.ListPullRequestsInput{RepositoryName: specs, PullRequestStatus: "x"})), "InvalidPullRequestStatus"},
		{of(k.client.ListPullRequests(ctx, &cc.ListPullRequestsInput{RepositoryName: specs, MaxResults: aws.Int32(-1)})), "InvalidMaxResults"},
	} {
		want(t, x.err, x.want)
	}
	if got := names(k.told(), "event"); !slices.Equal(got, []string{"pullRequestStatusChanged"}) {
		t.Errorf("got the events %v", got)
	}
	for _, x := range []struct {
		in   cc.ListPullRequestsInput
		want string
	}{
		{cc.ListPullRequestsInput{MaxResults: aws.Int32(2)}, "1 2 3"},
		{cc.ListPullRequestsInput{PullRequestStatus: types.PullRequestStatusEnumOpen}, "2 3"},
		{cc.ListPullRequestsInput{AuthorArn: aws.String("arn:aws:sts::123456789012:assumed-role/author/author"), PullRequestStatus: types.PullRequestStatusEnumClosed}, "1"},
		{cc.ListPullRequestsInput{AuthorArn: aws.String(pusher)}, ""},
	} {
		if got := strings.Join(list(x.in), " "); got != x.want {
			t.Errorf("got %q, want %q", got, x.want)
		}
	}
	// A source branch that is gone leaves the pull request as it was.
	c.git("push", "--quiet", "origin", "--delete", "two")
	want(t, merge("2", "specs"), "ReferenceDoesNotExist")
	if got := names(k.told(), "event"); !slices.Equal(got, []string{"referenceDeleted"}) {
		t.Errorf("got the events %v", got)
	}
}

func TestComments(t *testing.T) {
	t.Parallel()
	k := newStack(t).add()
	ctx := t.Context()
	c := k.clone("specs")
	base := c.commit("one", map[string]string{"a": "1\n"})
	c.git("push", "--quiet", "origin", "HEAD:main")
	tip := c.commit("two", map[string]string{"a": "2\n", "b": "1\n2\n"})
	c.git("push", "--quiet", "origin", "HEAD:feature")
	must(k.client.CreatePullRequest(ctx, &cc.CreatePullRequestInput{
		Title: aws.String("x"), Targets: []types.Target{{RepositoryName: specs, SourceReference: aws.String("feature")}},
	}))(t)
	k.told()
	in := func(token, content string, location *types.Location) *cc.PostCommentForPullRequestInput {
		return &cc.PostCommentForPullRequestInput{
			PullRequestId: aws.String("1"), RepositoryName: specs, BeforeCommitId: &base, AfterCommitId: &tip, Content: &content, ClientRequestToken: &token, Location: location,
		}
	}
	at := func(path string, line int64, version types.RelativeFileVersionEnum) *types.Location {
		return &types.Location{FilePath: &path, FilePosition: &line, RelativeFileVersion: version}
	}
	first := must(k.client.PostCommentForPullRequest(ctx, in("1", "The plan: nothing.", nil)))(t)
	again := must(k.client.PostCommentForPullRequest(ctx, in("1", "The plan: nothing.", nil)))(t)
	if *first.Comment.CommentId != *again.Comment.CommentId || first.Location != nil || *first.AfterCommitId != tip {
		t.Errorf("got %+v, then %+v", first, again)
	}
	must(k.client.PostCommentForPullRequest(ctx, in("2", "Second.", nil)))(t)
	placed := must(k.client.PostCommentForPullRequest(ctx, in("3", "Here.", at("b", 2, types.RelativeFileVersionEnumAfter))))(t)
	if placed.BeforeBlobId != nil || *placed.AfterBlobId != c.git("rev-parse", tip+":b") || *placed.Location.FilePosition != 2 {
		t.Errorf("got %+v", placed)
	}
	events := k.told()
	if got := names(events, "event"); !slices.Equal(got, slices.Repeat([]string{"commentOnPullRequestCreated"}, 3)) ||
		events[0]["detail-type"] != "CodeCommit Comment on Pull Request" || events[0]["commentId"] != *first.Comment.CommentId || events[0]["afterCommitId"] != tip {
		t.Errorf("got the events %v", events)
	}
	change := func(change func(*cc.PostCommentForPullRequestInput)) error {
		i := in("9", "x", nil)
		change(i)
		return of(k.client.PostCommentForPullRequest(ctx, i))
	}
	for _, x := range []struct {
		err  error
		want string
	}{
		{change(func(in *cc.PostCommentForPullRequestInput) { in.Content = aws.String("") }), "CommentContentRequired"},
		{change(func(in *cc.PostCommentForPullRequestInput) { in.Content = aws.String(strings.Repeat("x", 10241)) }), "CommentContentSizeLimitExceeded"},
		{change(func(in *cc.PostCommentForPullRequestInput) { in.ClientRequestToken = aws.String("1") }), "IdempotencyParameterMismatch"},
		{change(func(in *cc.PostCommentForPullRequestInput) { in.AfterCommitId = &base }), "BeforeCommitIdAndAfterCommitIdAreSame"},
		{change(func(in *cc.PostCommentForPullRequestInput) { in.AfterCommitId = aws.String("") }), "CommitIdRequired"},
		{change(func(in *cc.PostCommentForPullRequestInput) { in.AfterCommitId = aws.String("x") }), "InvalidCommitId"},
		{change(func(in *cc.PostCommentForPullRequestInput) { in.AfterCommitId = aws.String(strings.Repeat("0", 40)) }), "CommitDoesNotExist"},
		{change(func(in *cc.PostCommentForPullRequestInput) { in.PullRequestId = aws.String("2") }), "PullRequestDoesNotExist"},
		{change(func(in *cc.PostCommentForPullRequestInput) { in.Location = at("none", 1, "AFTER") }), "PathDoesNotExist"},
		{change(func(in *cc.PostCommentForPullRequestInput) { in.Location = at("b", 1, "BEFORE") }), "PathDoesNotExist"},
		{change(func(in *cc.PostCommentForPullRequestInput) { in.Location = at("", 1, "AFTER") }), "PathRequired"},
		{change(func(in *cc.PostCommentForPullRequestInput) { in.Location = at("b", 9, "AFTER") }), "InvalidFilePosition"},
		{change(func(in *cc.PostCommentForPullRequestInput) { in.Location = at("b", 1, "NEVER") }), "InvalidRelativeFileVersionEnum"},
		{of(k.client.GetCommentsForPullRequest(ctx, &cc.GetCommentsForPullRequestInput{PullRequestId: aws.String("1"), RepositoryName: specs})), "CommitIdRequired"},
		{of(k.client.GetCommentsForPullRequest(ctx, &cc.GetCommentsForPullRequestInput{PullRequestId: aws.String("1"), MaxResults: aws.Int32(0)})), "InvalidMaxResults"},
	} {
		want(t, x.err, x.want)
	}
	read := func(in cc.GetCommentsForPullRequestInput) []string {
		in.PullRequestId = aws.String("1")
		var out []string
		for pages := cc.NewGetCommentsForPullRequestPaginator(k.client, &in); pages.HasMorePages(); {
			for _, group := range must(pages.NextPage(ctx))(t).CommentsForPullRequestData {
				line := ""
				if group.Location != nil {
					line = *group.Location.FilePath + ":"
				}
				for _, c := range group.Comments {
					line += " " + *c.Content
				}
				out = append(out, line)
			}
		}
		return out
	}
	all := []string{" The plan: nothing. Second.", "b: Here."}
	if diff := cmp.Diff(all, read(cc.GetCommentsForPullRequestInput{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(all, read(cc.GetCommentsForPullRequestInput{RepositoryName: specs, BeforeCommitId: &base, AfterCommitId: &tip})); diff != "" {
		t.Error(diff)
	}
	if got := read(cc.GetCommentsForPullRequestInput{RepositoryName: specs, BeforeCommitId: &tip, AfterCommitId: &base}); len(got) > 0 {
		t.Errorf("got %v", got)
	}
	if got := read(cc.GetCommentsForPullRequestInput{MaxResults: aws.Int32(1)}); len(got) != 3 {
		t.Errorf("got %v", got)
	}
}
