package codecommit

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// pullRequest asks for the merge of one branch into another.
type pullRequest struct {
	id, author, token  string
	title, description string
	repository         *repository
	created, active    time.Time
	closed             bool
	// source and destination are full names of branches, and the commits are
	// where they are, or were when it was closed.
	source, destination             string
	sourceCommit, destinationCommit string
	base                            string
	// merged is nil if it was not.
	merged   *mergeMetadata
	comments []*comment
}

// aim takes notice of where the branches are.
func (p *pullRequest) aim(source, destination string) error {
	base, err := p.repository.mergeBase(source, destination)
	if err != nil {
		return err
	}
	p.sourceCommit, p.destinationCommit, p.base = source, destination, base
	return nil
}

// revision is the id of what the pull request asks for now.
func (p *pullRequest) revision() string {
	return fmt.Sprintf("%x", sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s", p.repository.id, p.id, p.sourceCommit)))
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_MergeMetadata.html
type mergeMetadata struct {
	IsMerged      bool   `json:"isMerged"`
	MergeCommitID string `json:"mergeCommitId,omitempty"`
	MergedBy      string `json:"mergedBy,omitempty"`
	MergeOption   string `json:"mergeOption,omitempty"`
}

type pullRequestTarget struct {
	DestinationCommit    string        `json:"destinationCommit"`
	DestinationReference string        `json:"destinationReference"`
	MergeBase            string        `json:"mergeBase,omitempty"`
	MergeMetadata        mergeMetadata `json:"mergeMetadata"`
	RepositoryName       string        `json:"repositoryName"`
	SourceCommit         string        `json:"sourceCommit"`
	SourceReference      string        `json:"sourceReference"`
}

// pullRequestInfo has no approval rules: there are none here.
// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_PullRequest.html
type pullRequestInfo struct {
	ApprovalRules      []struct{}          `json:"approvalRules"`
	AuthorARN          string              `json:"authorArn"`
	ClientRequestToken string              `json:"clientRequestToken"`
	CreationDate       float64             `json:"creationDate"`
	Description        string              `json:"description,omitempty"`
	LastActivityDate   float64             `json:"lastActivityDate"`
	ID                 string              `json:"pullRequestId"`
	Status             string              `json:"pullRequestStatus"`
	Targets            []pullRequestTarget `json:"pullRequestTargets"`
	RevisionID         string              `json:"revisionId"`
	Title              string              `json:"title"`
}

type pullRequestOutput struct {
	PullRequest pullRequestInfo `json:"pullRequest"`
}

func (p *pullRequest) status() string {
	if p.closed {
		return "CLOSED"
	}
	return "OPEN"
}

func (p *pullRequest) describe() pullRequestOutput {
	target := pullRequestTarget{
		DestinationCommit: p.destinationCommit, DestinationReference: p.destination, MergeBase: p.base,
		RepositoryName: p.repository.name, SourceCommit: p.sourceCommit, SourceReference: p.source,
	}
	if p.merged != nil {
		target.MergeMetadata = *p.merged
	}
	return pullRequestOutput{pullRequestInfo{
		ApprovalRules: []struct{}{}, AuthorARN: p.author, ClientRequestToken: p.token, CreationDate: seconds(p.created),
		Description: p.description, LastActivityDate: seconds(p.active), ID: p.id, Status: p.status(),
		Targets: []pullRequestTarget{target}, RevisionID: p.revision(), Title: p.title,
	}}
}

// pull finds a pull request of the region of the call.
func (s *Service) pull(q *request, id string) (*pullRequest, error) {
	if id == "" {
		return nil, refused("PullRequestIdRequired", "The id of a pull request is required.")
	}
	if _, err := strconv.ParseUint(id, 10, 32); err != nil {
		return nil, refused("InvalidPullRequestId", "The id of the pull request is not valid: %s.", id)
	}
	for _, p := range s.pulls {
		if p.id == id && p.repository.region == q.Region {
			return p, nil
		}
	}
	return nil, refused("PullRequestDoesNotExist", "The pull request %s does not exist.", id)
}

// pullOf finds a pull request of a repository.
func (s *Service) pullOf(q *request, id, repositoryName string) (*pullRequest, error) {
	p, err := s.pull(q, id)
	if err != nil {
		return nil, err
	}
	r, err := s.lookup(q, repositoryName)
	if err != nil {
		return nil, err
	}
	if p.repository != r {
		return nil, refused("RepositoryNotAssociatedWithPullRequest", "The repository %s has no pull request %s.", repositoryName, id)
	}
	return p, nil
}

// reference returns the full name of a branch that exists.
func (r *repository) reference(name string) (string, error) {
	switch {
	case name == "":
		return "", refused("ReferenceNameRequired", "The name of a branch is required.")
	case badName.MatchString(name):
		return "", refused("InvalidReferenceName", "The name of the reference is not valid: %s.", name)
	case strings.HasPrefix(name, "refs/") && !strings.HasPrefix(name, heads):
		return "", refused("ReferenceTypeNotSupported", "%s is not a branch.", name)
	}
	full := heads + strings.TrimPrefix(name, heads)
	if r.refs[full] == "" {
		return "", refused("ReferenceDoesNotExist", "The branch %s does not exist.", name)
	}
	return full, nil
}

type createPullRequestInput struct {
	Title, Description, ClientRequestToken string
	Targets                                []targetInput
}

type targetInput struct{ RepositoryName, SourceReference, DestinationReference string }

const maxOpen = 1000

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_CreatePullRequest.html
func (s *Service) createPullRequest(q *request, in createPullRequestInput) (any, error) {
	switch {
	case in.Title == "":
		return nil, refused("TitleRequired", "The title of a pull request is required.")
	case utf8.RuneCountInString(in.Title) > 150:
		return nil, refused("InvalidTitle", "The title of a pull request has at most 150 characters.")
	case utf8.RuneCountInString(in.Description) > 10240:
		return nil, refused("InvalidDescription", "The description of a pull request has at most 10240 characters.")
	case len(in.Targets) == 0:
		return nil, refused("TargetsRequired", "A target is required.")
	case len(in.Targets) > 1:
		return nil, refused("InvalidTargets", "A pull request has one target.")
	case in.ClientRequestToken == "":
		return nil, refused("ClientRequestTokenRequired", "A client request token is required.")
	}
	t := in.Targets[0]
	r, err := s.lookup(q, t.RepositoryName)
	if err != nil {
		return nil, err
	}
	source, err := r.reference(t.SourceReference)
	if err != nil {
		return nil, err
	}
	if t.DestinationReference == "" {
		t.DestinationReference = r.branch
	}
	destination, err := r.reference(t.DestinationReference)
	if err != nil {
		return nil, err
	}
	open := 0
	for _, p := range s.pulls {
		if p.token == in.ClientRequestToken && p.author == q.caller && p.repository.region == q.Region {
			if p.repository != r || p.source != source || p.destination != destination || p.title != in.Title || p.description != in.Description {
				return nil, refused("IdempotencyParameterMismatch", "The client request token was used for another pull request.")
			}
			return p.describe(), nil
		}
		if p.repository == r && !p.closed {
			open++
		}
	}
	switch {
	case source == destination:
		return nil, refused("SourceAndDestinationAreSame", "The source and the destination are the same branch: %s.", source)
	case open >= maxOpen:
		return nil, refused("MaximumOpenPullRequestsExceeded", "A repository has at most %d open pull requests.", maxOpen)
	}
	p := &pullRequest{
		author: q.caller, token: in.ClientRequestToken, title: in.Title, description: in.Description,
		repository: r, created: q.Time, active: q.Time, source: source, destination: destination,
	}
	if err := p.aim(r.refs[source], r.refs[destination]); err != nil {
		return nil, err
	}
	s.asked++
	p.id = strconv.Itoa(s.asked)
	s.pulls = append(s.pulls, p)
	p.tell(q, "pullRequestCreated", "It was created.")
	return p.describe(), nil
}

type pullRequestInput struct{ PullRequestID string }

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetPullRequest.html
func (s *Service) getPullRequest(q *request, in pullRequestInput) (any, error) {
	p, err := s.pull(q, in.PullRequestID)
	if err != nil {
		return nil, err
	}
	return p.describe(), nil
}

type listPullRequestsInput struct {
	RepositoryName, AuthorARN, PullRequestStatus, NextToken string
	MaxResults                                              *int
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_ListPullRequests.html
func (s *Service) listPullRequests(q *request, in listPullRequestsInput) (any, error) {
	r, err := s.lookup(q, in.RepositoryName)
	switch {
	case err != nil:
		return nil, err
	case in.AuthorARN != "" && !strings.HasPrefix(in.AuthorARN, "arn:"):
		return nil, refused("InvalidAuthorArn", "The ARN of the author is not valid: %s.", in.AuthorARN)
	case in.PullRequestStatus != "":
		if err := checkStatus(in.PullRequestStatus); err != nil {
			return nil, err
		}
	}
	var ids []string
	for _, p := range s.pulls {
		if p.repository == r && (in.AuthorARN == "" || in.AuthorARN == p.author) &&
			(in.PullRequestStatus == "" || in.PullRequestStatus == p.status()) {
			ids = append(ids, p.id)
		}
	}
	part, next, err := page(ids, in.NextToken, in.MaxResults, 100)
	if err != nil {
		return nil, err
	}
	return struct {
		IDs       []string `json:"pullRequestIds"`
		NextToken string   `json:"nextToken,omitempty"`
	}{part, next}, nil
}

func checkStatus(status string) error {
	switch status {
	case "":
		return refused("PullRequestStatusRequired", "The status of a pull request is required.")
	case "OPEN", "CLOSED":
		return nil
	}
	return refused("InvalidPullRequestStatus", "The status of a pull request is OPEN or CLOSED, not %s.", status)
}

type updatePullRequestStatusInput struct{ PullRequestID, PullRequestStatus string }

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_UpdatePullRequestStatus.html
func (s *Service) updatePullRequestStatus(q *request, in updatePullRequestStatusInput) (any, error) {
	p, err := s.pull(q, in.PullRequestID)
	if err != nil {
		return nil, err
	}
	if err := checkStatus(in.PullRequestStatus); err != nil {
		return nil, err
	}
	switch {
	case in.PullRequestStatus == p.status():
	case p.closed:
		return nil, refused("InvalidPullRequestStatusUpdate", "The pull request %s is closed and cannot be opened again.", p.id)
	default:
		p.closed, p.active = true, q.Time
		p.tell(q, "pullRequestStatusChanged", "It was closed.")
	}
	return p.describe(), nil
}

type mergePullRequestInput struct{ PullRequestID, RepositoryName, SourceCommitID string }

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_MergePullRequestByFastForward.html
func (s *Service) mergePullRequestByFastForward(q *request, in mergePullRequestInput) (any, error) {
	p, err := s.pullOf(q, in.PullRequestID, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	r := p.repository
	source := r.refs[p.source]
	switch {
	case p.closed:
		return nil, refused("PullRequestAlreadyClosed", "The pull request %s is closed.", p.id)
	case source == "" || r.refs[p.destination] == "":
		return nil, refused("ReferenceDoesNotExist", "A branch of the pull request %s does not exist any more.", p.id)
	case in.SourceCommitID == "":
	case !objectID.MatchString(in.SourceCommitID):
		return nil, refused("InvalidCommitId", "The id of the commit is not valid: %s.", in.SourceCommitID)
	case in.SourceCommitID != source:
		return nil, refused("TipOfSourceReferenceIsDifferent", "The source branch is at %s and not at %s.", source, in.SourceCommitID)
	}
	// It is closed first, so that it does not follow its own merge.
	p.closed = true
	if err := s.advance(q, r, strings.TrimPrefix(p.destination, heads), source); err != nil {
		p.closed = false
		return nil, err
	}
	p.active = q.Time
	p.merged = &mergeMetadata{IsMerged: true, MergeCommitID: source, MergedBy: q.caller, MergeOption: fastForward}
	p.tell(q, "pullRequestMergeStatusUpdated", "It was merged.")
	p.destinationCommit = source
	return p.describe(), nil
}

// comment is a comment on a pull request.
type comment struct {
	id, author, token, content string
	created                    time.Time
	thread
}

// thread is what comments that belong together have in common. A location
// without a path is that of a comment on the whole.
type thread struct {
	before, after string
	location
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_Location.html
type location struct {
	FilePath            string `json:"filePath"`
	FilePosition        int    `json:"filePosition,omitempty"`
	RelativeFileVersion string `json:"relativeFileVersion,omitempty"`
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_Comment.html
type commentInfo struct {
	AuthorARN          string         `json:"authorArn"`
	CallerReactions    []string       `json:"callerReactions"`
	ClientRequestToken string         `json:"clientRequestToken"`
	ID                 string         `json:"commentId"`
	Content            string         `json:"content"`
	CreationDate       float64        `json:"creationDate"`
	Deleted            bool           `json:"deleted"`
	LastModifiedDate   float64        `json:"lastModifiedDate"`
	ReactionCounts     map[string]int `json:"reactionCounts"`
}

func (c *comment) describe() commentInfo {
	return commentInfo{
		AuthorARN: c.author, CallerReactions: []string{}, ClientRequestToken: c.token, ID: c.id, Content: c.content,
		CreationDate: seconds(c.created), LastModifiedDate: seconds(c.created), ReactionCounts: map[string]int{},
	}
}

// threadInfo is a CommentsForPullRequest; a reply to a post has one comment.
type threadInfo struct {
	AfterBlobID    string        `json:"afterBlobId,omitempty"`
	AfterCommitID  string        `json:"afterCommitId"`
	BeforeBlobID   string        `json:"beforeBlobId,omitempty"`
	BeforeCommitID string        `json:"beforeCommitId"`
	Comment        *commentInfo  `json:"comment,omitempty"`
	Comments       []commentInfo `json:"comments,omitempty"`
	Location       *location     `json:"location,omitempty"`
	PullRequestID  string        `json:"pullRequestId"`
	RepositoryName string        `json:"repositoryName"`
}

func (p *pullRequest) describeThread(t thread) (threadInfo, error) {
	out := threadInfo{AfterCommitID: t.after, BeforeCommitID: t.before, PullRequestID: p.id, RepositoryName: p.repository.name}
	if t.FilePath == "" {
		return out, nil
	}
	out.Location = &t.location
	for id, blob := range map[string]*string{t.before: &out.BeforeBlobID, t.after: &out.AfterBlobID} {
		e, err := p.repository.file(id, t.FilePath)
		if err != nil {
			return out, err
		}
		*blob = e.id
	}
	return out, nil
}

// file returns a file of a commit; none if it has no such file.
func (r *repository) file(commitID, path string) (entry, error) {
	c, err := r.resolve(commitID)
	if err != nil {
		return entry{}, err
	}
	e, ok, err := r.find(c.tree, path)
	if err != nil || !ok || e.mode == folder {
		return entry{}, err
	}
	return e, nil
}

type postCommentInput struct {
	PullRequestID, RepositoryName, BeforeCommitID, AfterCommitID string
	Content, ClientRequestToken                                  string
	Location                                                     *location
}

type commentDetail struct {
	AfterCommitID    string `json:"afterCommitId"`
	BeforeCommitID   string `json:"beforeCommitId"`
	CallerUserARN    string `json:"callerUserArn"`
	CommentID        string `json:"commentId"`
	Event            string `json:"event"`
	NotificationBody string `json:"notificationBody"`
	PullRequestID    string `json:"pullRequestId"`
	RepositoryID     string `json:"repositoryId"`
	RepositoryName   string `json:"repositoryName"`
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_PostCommentForPullRequest.html
func (s *Service) postCommentForPullRequest(q *request, in postCommentInput) (any, error) {
	p, err := s.pullOf(q, in.PullRequestID, in.RepositoryName)
	switch {
	case err != nil:
		return nil, err
	case in.ClientRequestToken == "":
		return nil, refused("ClientRequestTokenRequired", "A client request token is required.")
	case in.Content == "":
		return nil, refused("CommentContentRequired", "The content of a comment is required.")
	case utf8.RuneCountInString(in.Content) > 10240:
		return nil, refused("CommentContentSizeLimitExceeded", "A comment has at most 10240 characters.")
	}
	t, err := p.thread(in)
	if err != nil {
		return nil, err
	}
	var posted *comment
	for _, c := range p.comments {
		if c.token == in.ClientRequestToken && c.author == q.caller {
			if c.content != in.Content || c.thread != t {
				return nil, refused("IdempotencyParameterMismatch", "The client request token was used for another comment.")
			}
			posted = c
		}
	}
	if posted == nil {
		posted = &comment{id: s.identifier("comment"), author: q.caller, token: in.ClientRequestToken, content: in.Content, created: q.Time, thread: t}
		p.comments = append(p.comments, posted)
		p.active = q.Time
		q.emit(p.repository, "CodeCommit Comment on Pull Request", commentDetail{
			AfterCommitID: t.after, BeforeCommitID: t.before, CallerUserARN: q.caller, CommentID: posted.id, Event: "commentOnPullRequestCreated",
			NotificationBody: p.body(q, "A comment was made."), PullRequestID: p.id, RepositoryID: p.repository.id, RepositoryName: p.repository.name,
		})
	}
	out, err := p.describeThread(t)
	if err != nil {
		return nil, err
	}
	info := posted.describe()
	out.Comment = &info
	return out, nil
}

// thread checks where a comment belongs.
func (p *pullRequest) thread(in postCommentInput) (thread, error) {
	t := thread{before: in.BeforeCommitID, after: in.AfterCommitID}
	if err := p.checkCommits(t.before, t.after); err != nil {
		return t, err
	}
	if t.before == t.after {
		return t, refused("BeforeCommitIdAndAfterCommitIdAreSame", "Both commits are %s.", t.before)
	}
	if in.Location == nil {
		return t, nil
	}
	t.location = *in.Location
	path, err := cleanPath(t.FilePath)
	if err != nil {
		return t, err
	}
	t.FilePath = path
	id, ok := map[string]string{"BEFORE": t.before, "AFTER": t.after, "": t.after}[t.RelativeFileVersion]
	if !ok {
		return t, refused("InvalidRelativeFileVersionEnum", "The version of a file is BEFORE or AFTER, not %s.", t.RelativeFileVersion)
	}
	e, err := p.repository.file(id, path)
	if err != nil {
		return t, err
	}
	if e.id == "" {
		return t, refused("PathDoesNotExist", "The path %s does not exist in commit %s.", path, id)
	}
	_, content, err := p.repository.object(e.id)
	if err != nil {
		return t, err
	}
	if lines := strings.Count(string(content), "\n") + 1; t.FilePosition < 0 || t.FilePosition > lines {
		return t, refused("InvalidFilePosition", "%s has no line %d.", path, t.FilePosition)
	}
	return t, nil
}

func (p *pullRequest) checkCommits(ids ...string) error {
	for _, id := range ids {
		if id == "" {
			return refused("CommitIdRequired", "The id of a commit is required.")
		}
		if !objectID.MatchString(id) {
			return refused("InvalidCommitId", "The id of the commit is not valid: %s.", id)
		}
		if _, err := p.repository.resolve(id); err != nil {
			return err
		}
	}
	return nil
}

type getCommentsInput struct {
	PullRequestID, RepositoryName, BeforeCommitID, AfterCommitID, NextToken string
	MaxResults                                                              *int
}

// getCommentsForPullRequest groups comments by the commits and the location to
// which they belong.
// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetCommentsForPullRequest.html
func (s *Service) getCommentsForPullRequest(q *request, in getCommentsInput) (any, error) {
	p, err := s.pull(q, in.PullRequestID)
	if err != nil {
		return nil, err
	}
	if in.RepositoryName != "" || in.BeforeCommitID != "" || in.AfterCommitID != "" {
		if _, err := s.pullOf(q, in.PullRequestID, in.RepositoryName); err != nil {
			return nil, err
		}
		if err := p.checkCommits(in.BeforeCommitID, in.AfterCommitID); err != nil {
			return nil, err
		}
	}
	size := in.MaxResults
	if size == nil {
		size = new(100)
	}
	found := slices.DeleteFunc(slices.Clone(p.comments), func(c *comment) bool {
		return in.RepositoryName != "" && (c.before != in.BeforeCommitID || c.after != in.AfterCommitID)
	})
	part, next, err := page(found, in.NextToken, size, 500)
	if err != nil {
		return nil, err
	}
	data := []threadInfo{}
	at := map[thread]int{}
	for _, c := range part {
		i, ok := at[c.thread]
		if !ok {
			info, err := p.describeThread(c.thread)
			if err != nil {
				return nil, err
			}
			i = len(data)
			at[c.thread] = i
			data = append(data, info)
		}
		data[i].Comments = append(data[i].Comments, c.describe())
	}
	return struct {
		Data      []threadInfo `json:"commentsForPullRequestData"`
		NextToken string       `json:"nextToken,omitempty"`
	}{data, next}, nil
}
