package codecommit

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"
)

// Event tells that a reference has changed.
// https://docs.aws.amazon.com/codecommit/latest/userguide/monitoring-events.html
type Event struct {
	// Time at which it happened.
	Time time.Time
	// Region and ARN of the repository.
	Region, ARN string
	// DetailType is "CodeCommit Repository State Change".
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
// each reference. What is neither branch nor tag has no event.
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
	return nil
}
