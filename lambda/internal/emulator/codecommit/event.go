package codecommit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Event tells that a reference or a pull request has changed.
// https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
type Event struct {
	// Time at which it happened.
	Time time.Time
	// Region and ARN of the repository.
	Region, ARN string
	// DetailType is "CodeCommit Repository State Change", "CodeCommit Pull
	// Request State Change" or "CodeCommit Comment on Pull Request".
	DetailType string
	// Detail is a JSON object.
	Detail json.RawMessage
}

func (q *request) emit(r *repository, detailType string, detail any) {
	text, err := json.Marshal(detail)
	if err != nil {
		panic("encoding an event: " + err.Error())
	}
	q.events = append(q.events, Event{Time: q.Time, Region: r.region, ARN: r.arn, DetailType: detailType, Detail: text})
}

// merge is what an event says of a merge that moved a reference.
type merge struct {
	BaseCommitID        string `json:"baseCommitId"`
	DestinationCommitID string `json:"destinationCommitId"`
	MergeOption         string `json:"mergeOption"`
	SourceCommitID      string `json:"sourceCommitId"`
}

const fastForward = "FAST_FORWARD_MERGE"

type referenceDetail struct {
	CallerUserARN     string `json:"callerUserArn"`
	CommitID          string `json:"commitId,omitempty"`
	Event             string `json:"event"`
	OldCommitID       string `json:"oldCommitId,omitempty"`
	ReferenceFullName string `json:"referenceFullName"`
	ReferenceName     string `json:"referenceName"`
	ReferenceType     string `json:"referenceType"`
	RepositoryID      string `json:"repositoryId"`
	RepositoryName    string `json:"repositoryName"`
	*merge
}

// settle takes notice of what git has changed in a repository, and tells of
// each reference and of the pull requests that it means. What is neither branch
// nor tag has no event.
func (s *Service) settle(q *request, r *repository, m *merge) error {
	refs, err := r.readRefs()
	if err != nil {
		return err
	}
	old := r.refs
	r.refs = refs
	all := maps.Clone(old)
	maps.Copy(all, refs)
	for _, ref := range slices.Sorted(maps.Keys(all)) {
		if old[ref] == refs[ref] {
			continue
		}
		r.modified = q.Time
		d := referenceDetail{
			CallerUserARN: q.caller, CommitID: refs[ref], Event: "referenceUpdated", OldCommitID: old[ref],
			ReferenceFullName: ref, RepositoryID: r.id, RepositoryName: r.name, merge: m,
		}
		switch {
		case d.OldCommitID == "":
			d.Event = "referenceCreated"
		case d.CommitID == "":
			d.Event = "referenceDeleted"
		}
		if name, ok := strings.CutPrefix(ref, heads); ok {
			d.ReferenceType, d.ReferenceName = "branch", name
		} else if name, ok := strings.CutPrefix(ref, tags); ok {
			d.ReferenceType, d.ReferenceName = "tag", name
		} else {
			continue
		}
		q.emit(r, "CodeCommit Repository State Change", d)
	}
	// The first branch becomes the default branch.
	if names := r.branches(); r.branch == "" && len(names) > 0 {
		if _, err := r.git(nil, "symbolic-ref", "HEAD", heads+names[0]); err != nil {
			return err
		}
		r.branch = names[0]
	}
	return s.follow(q, r)
}

// follow lets the open pull requests of a repository know where its branches
// are now.
func (s *Service) follow(q *request, r *repository) error {
	for _, p := range s.pulls {
		if p.repository != r || p.closed {
			continue
		}
		source, destination := r.refs[p.source], r.refs[p.destination]
		if source == "" || destination == "" || source == p.sourceCommit && destination == p.destinationCommit {
			continue
		}
		pushed := source != p.sourceCommit
		if err := p.aim(source, destination); err != nil {
			return err
		}
		if pushed {
			p.active = q.Time
			p.tell(q, "pullRequestSourceBranchUpdated", fmt.Sprintf("Commits were pushed to the source branch %s.", strings.TrimPrefix(p.source, heads)))
		}
	}
	return nil
}

// pullRequestDetail has the texts of what it says written as in Java.
type pullRequestDetail struct {
	Author               string   `json:"author"`
	CallerUserARN        string   `json:"callerUserArn"`
	CreationDate         string   `json:"creationDate"`
	Description          string   `json:"description,omitempty"`
	DestinationCommit    string   `json:"destinationCommit"`
	DestinationReference string   `json:"destinationReference"`
	Event                string   `json:"event"`
	IsMerged             string   `json:"isMerged"`
	LastModifiedDate     string   `json:"lastModifiedDate"`
	MergeOption          string   `json:"mergeOption,omitempty"`
	NotificationBody     string   `json:"notificationBody"`
	PullRequestID        string   `json:"pullRequestId"`
	PullRequestStatus    string   `json:"pullRequestStatus"`
	RepositoryNames      []string `json:"repositoryNames"`
	RevisionID           string   `json:"revisionId"`
	SourceCommit         string   `json:"sourceCommit"`
	SourceReference      string   `json:"sourceReference"`
	Title                string   `json:"title"`
}

// tell emits an event of a pull request.
func (p *pullRequest) tell(q *request, event, what string) {
	date := func(t time.Time) string { return t.UTC().Format("Mon Jan 02 15:04:05 UTC 2006") }
	d := pullRequestDetail{
		Author: p.author, CallerUserARN: q.caller, CreationDate: date(p.created), Description: p.description,
		DestinationCommit: p.destinationCommit, DestinationReference: p.destination, Event: event, IsMerged: "False",
		LastModifiedDate: date(p.active), NotificationBody: p.body(q, what), PullRequestID: p.id, PullRequestStatus: "Open",
		RepositoryNames: []string{p.repository.name}, RevisionID: p.revision(), SourceCommit: p.sourceCommit,
		SourceReference: p.source, Title: p.title,
	}
	if p.closed {
		d.PullRequestStatus = "Closed"
	}
	if p.merged != nil {
		d.IsMerged, d.MergeOption = "True", fastForward
	}
	q.emit(p.repository, "CodeCommit Pull Request State Change", d)
}

// body is the text for people in an event of a pull request, with the address of
// the console at its end.
func (p *pullRequest) body(q *request, what string) string {
	region, name := p.repository.region, p.repository.name
	return fmt.Sprintf("Pull request %s, %s, of the AWS CodeCommit repository %s. User: %s. %s "+
		"https://%s.console.aws.amazon.com/codesuite/codecommit/repositories/%s/pull-requests/%s?region=%s",
		p.id, p.title, name, q.caller, what, region, name, p.id, region)
}
