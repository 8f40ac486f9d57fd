package report

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/revision"
)

// StatusPrefix of the status documents in the state bucket.
const StatusPrefix = "status/"

// Status is what is known of a workspace.
type Status struct {
	Workspace string `json:"workspace"`
	// LastAttemptedRevision is the newest one that an execution worked on,
	// LastAppliedRevision the newest one that ended Ready.
	LastAttemptedRevision string `json:"lastAttemptedRevision"`
	LastAppliedRevision   string `json:"lastAppliedRevision,omitempty"`
	// LastAttempt is the revision of the last attempt in full: where it is, and
	// who made it.
	LastAttempt revision.Revision `json:"lastAttempt"`
	// ExecutionARN of the last attempt.
	ExecutionARN string      `json:"executionArn"`
	Conditions   []Condition `json:"conditions"`
	URL          string      `json:"url,omitempty"`
	// Objects are the ids of all that exists, by result key.
	Objects map[string][]string `json:"objects,omitempty"`
	// Verified is the last verification that passed, unless something was
	// attempted since then that has not come to its end.
	Verified *Proof `json:"verified,omitempty"`
	// TagKeys are the keys of the author's tags that may be on objects: those of
	// the last applied spec and of all that were attempted since.
	TagKeys []string `json:"tagKeys,omitempty"`
	// Plan is that of the last attempt.
	Plan *PlanSummary `json:"plan,omitempty"`
	// Applied is what the last applied spec said that can never change.
	Applied *Identity `json:"applied,omitempty"`
}

// PlanSummary is a plan in one line, and where the whole of it is.
type PlanSummary struct {
	Revision string `json:"revision"`
	Summary  string `json:"summary"`
	// Key of the page in the state bucket.
	Key string `json:"key"`
}

// Identity is what makes a workspace another one if it changes.
type Identity struct {
	Region            string `json:"region"`
	AWSAccount        string `json:"awsAccount"`
	DatabricksAccount string `json:"databricksAccount"`
	WorkspaceName     string `json:"workspaceName"`
}

// Proof is a verification that passed.
type Proof struct {
	// SpecDigest of the spec that was verified.
	SpecDigest string `json:"specDigest"`
	// Report is the key of the report in the state bucket, Digest the SHA-256 of
	// its JSON.
	Report string    `json:"report"`
	Digest string    `json:"digest"`
	Time   time.Time `json:"time"`
}

// Condition is one aspect of a workspace. All but Ready are present only while
// they are true.
type Condition struct {
	// Type is Ready, Reconciling, Stalled, Suspended or Drifted.
	Type string `json:"type"`
	// Status is True or False.
	Status string `json:"status"`
	// Reason in CamelCase.
	Reason string `json:"reason"`
	// Class of the failure, of Stalled: it says who acts.
	Class string `json:"class,omitempty"`
	// Message for people.
	Message string `json:"message"`
	// LastTransitionTime is when the status changed.
	LastTransitionTime time.Time `json:"lastTransitionTime"`
}

// Types of conditions.
const (
	ConditionReady       = "Ready"
	ConditionReconciling = "Reconciling"
	ConditionStalled     = "Stalled"
	ConditionSuspended   = "Suspended"
	ConditionDrifted     = "Drifted"
)

// Set puts conditions in the place of the present ones; the time of one whose
// status does not change is kept.
func (s *Status) Set(now time.Time, conditions ...Condition) {
	for i := range conditions {
		conditions[i].LastTransitionTime = now.UTC()
		for _, old := range s.Conditions {
			if old.Type == conditions[i].Type && old.Status == conditions[i].Status {
				conditions[i].LastTransitionTime = old.LastTransitionTime
			}
		}
	}
	s.Conditions = conditions
}

// Condition returns the condition of a type, or nil.
func (s *Status) Condition(kind string) *Condition {
	for i := range s.Conditions {
		if s.Conditions[i].Type == kind {
			return &s.Conditions[i]
		}
	}
	return nil
}

// Statuses keeps status documents in the state bucket.
type Statuses struct {
	Objects func() awsapi.Objects
	Bucket  string
}

// Attempt writes down which revision an execution works on.
func (s *Status) Attempt(r revision.Revision, execution string) {
	s.LastAttemptedRevision, s.LastAttempt, s.ExecutionARN = r.String(), r, execution
}

// Workspaces returns the names of those that have a status.
func (s *Statuses) Workspaces(ctx context.Context) ([]string, error) {
	return namesUnder(ctx, s.Objects(), s.Bucket, StatusPrefix)
}

// Read returns the status of a workspace; one that was never written is empty.
func (s *Statuses) Read(ctx context.Context, workspace string) (*Status, error) {
	status := &Status{Workspace: workspace}
	out, err := s.Objects().GetObject(ctx, &s3.GetObjectInput{Bucket: &s.Bucket, Key: aws.String(statusKey(workspace))})
	if err != nil {
		if failure.Code(err) == "NoSuchKey" {
			return status, nil
		}
		return nil, fmt.Errorf("reading status of %s: %w", workspace, err)
	}
	defer func() { _ = out.Body.Close() }()
	if err := json.NewDecoder(out.Body).Decode(status); err != nil {
		return nil, fmt.Errorf("decoding status of %s: %w", workspace, err)
	}
	return status, nil
}

// Write stores the status of a workspace. Only the execution that holds the
// lease writes, so that the last writer is right.
func (s *Statuses) Write(ctx context.Context, status *Status) error {
	body, err := json.MarshalIndent(status, "", "  ")
	if err != nil {
		return fmt.Errorf("encoding status of %s: %w", status.Workspace, err)
	}
	_, err = s.Objects().PutObject(ctx, &s3.PutObjectInput{
		Bucket: &s.Bucket, Key: aws.String(statusKey(status.Workspace)),
		Body: bytes.NewReader(body), ContentType: aws.String("application/json"),
	})
	if err != nil {
		return fmt.Errorf("writing status of %s: %w", status.Workspace, err)
	}
	return nil
}

func statusKey(workspace string) string { return StatusPrefix + workspace + ".json" }
