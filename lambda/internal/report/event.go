// Package report tells people and programs what happened: events on the bus,
// and the status document of each workspace in the state bucket.
package report

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	ebtypes "github.com/aws/aws-sdk-go-v2/service/eventbridge/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/plan"
)

// Detail types of the events.
const (
	// Started is sent when an execution begins to apply a spec, or to take a
	// workspace down. One that finds its spec applied already starts nothing.
	Started = "Workspace Started"
	// StepCompleted is sent when a step has done its work.
	StepCompleted = "Workspace Step Completed"
	// Ready is sent when a workspace is as its spec wants it.
	Ready = "Workspace Ready"
	// Failed is sent when an execution ended otherwise.
	Failed = "Workspace Failed"
	// Superseded is sent when an execution ended because a newer revision of its
	// spec was pushed.
	Superseded = "Workspace Superseded"
	// Suspended is sent when a spec stops reconciling.
	Suspended = "Workspace Suspended"
	// Planned is sent when a proposed spec was planned, and when a pushed one
	// changes something.
	Planned = "Workspace Planned"
	// Drifted is sent when the world was found to differ from what was applied.
	Drifted = "Workspace Drifted"
	// Retired is sent when the workspace of a deleted spec was taken down, or left
	// as its spec wanted it.
	Retired = "Workspace Retired"
	// Renamed is sent when a spec was renamed, before its workspace is retired and
	// the other one is made.
	Renamed = "Workspace Renamed"
	// Surveyed is sent when all sources and workspaces were looked at. It is about no
	// workspace.
	Surveyed = "Survey Completed"
	// Rejected is sent when a spec cannot be read or is not valid.
	Rejected = "Spec Rejected"
)

// EventVersion is the version of the events' form. Within one version members
// are only added.
const EventVersion = "1"

// Event is the detail of every event.
type Event struct {
	Metadata Metadata `json:"metadata"`
	Data     any      `json:"data"`
}

// Metadata is the same for every event.
type Metadata struct {
	// ID of the event; EventBridge's own changes when an event is forwarded.
	ID string `json:"id"`
	// Version is EventVersion.
	Version   string    `json:"version"`
	Timestamp time.Time `json:"timestamp"`
	// Workspace is metadata.name of the spec; empty in an event that is about none.
	Workspace string `json:"workspace"`
	// Revision of the spec, as path@version.
	Revision string `json:"revision"`
	// Change is the revision in full: where it is, and who made it.
	Change revision.Revision `json:"change"`
	// ExecutionARN leads to the console.
	ExecutionARN string `json:"executionArn"`
	// CorrelationID is the same for all events of one execution.
	CorrelationID string `json:"correlationId"`
	// IdempotencyKey is the same for an event that is sent again.
	IdempotencyKey string `json:"idempotencyKey"`
	// Announced says that Started was sent for the execution, so that there is
	// something which its steps belong to.
	Announced bool `json:"announced"`
}

// StartedData is the data of Started.
type StartedData struct {
	// Retires says that the workspace is taken down, and not made or changed.
	Retires bool `json:"retires"`
	// Applied is the revision that was applied before, as path@version; empty if
	// there was none.
	Applied string `json:"applied,omitempty"`
}

// StepCompletedData is the data of StepCompleted.
type StepCompletedData struct {
	Step    string `json:"step"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason,omitempty"`
	// IDs are those of the objects that it is about.
	IDs []string `json:"ids,omitempty"`
	// Result is what the step added to the document.
	Result any `json:"result"`
	// DurationSeconds since the start of the execution.
	DurationSeconds int `json:"durationSeconds"`
}

// SuspendedData is the data of Suspended.
type SuspendedData struct {
	Message string `json:"message"`
	// URL of the workspace, if it has come so far.
	URL string `json:"url,omitempty"`
	// Already says that the spec was suspended before, and only pushed again.
	Already bool `json:"already"`
}

// ReadyData is the data of Ready.
type ReadyData struct {
	URL string `json:"url"`
	// Changed lists the steps that changed the world.
	Changed []string `json:"changed"`
	// Objects are the ids of all that exists, by result key.
	Objects         map[string][]string `json:"objects"`
	DurationSeconds int                 `json:"durationSeconds"`
	// Settled says that the spec meant what was applied and verified before.
	Settled bool `json:"settled"`
	// Recovered says that before this execution the last one had failed, or the
	// world was found to differ from the spec.
	Recovered bool `json:"recovered"`
	// Report is the key of the verification report in the state bucket,
	// ReportDigest the SHA-256 of its JSON.
	Report       string `json:"report"`
	ReportDigest string `json:"reportDigest"`
}

// RetiredData is the data of Retired.
type RetiredData struct {
	// Deleted says whether anything was to be deleted.
	Deleted bool `json:"deleted"`
	// Message says in one sentence what became of it.
	Message string `json:"message"`
	// Removed is what was taken down, Left what stays and why.
	Removed         []string `json:"removed"`
	Left            []Left   `json:"left"`
	DurationSeconds int      `json:"durationSeconds"`
}

// RenamedData is the data of Renamed.
type RenamedData struct {
	// From is the workspace whose spec was renamed, To the one that it is now of.
	From string `json:"from"`
	To   string `json:"to"`
	// Old is what becomes of the old workspace: Deleted, Retained, Protected, or
	// None if there is none.
	Old string `json:"old"`
	// Message says in words what follows.
	Message string `json:"message"`
}

// What becomes of the workspace of a spec that is deleted.
const (
	OldDeleted   = "Deleted"
	OldRetained  = "Retained"
	OldProtected = "Protected"
	OldNone      = "None"
)

// SurveyedData is the data of Surveyed.
type SurveyedData struct {
	// Time that the survey was due at.
	Time string `json:"time"`
	// Workspaces counts those that were looked at, Decisions what was decided of
	// them.
	Workspaces int            `json:"workspaces"`
	Decisions  map[string]int `json:"decisions"`
	// Failed counts the workspaces of which nothing could be decided or done,
	// Failures are the first of them.
	Failed          int             `json:"failed"`
	Failures        []SurveyFailure `json:"failures,omitempty"`
	DurationSeconds int             `json:"durationSeconds"`
}

// SurveyFailure is a workspace of which nothing could be decided or done.
type SurveyFailure struct {
	Workspace string `json:"workspace"`
	Class     string `json:"class"`
	Message   string `json:"message"`
}

// Left is something that stays.
type Left struct {
	What string `json:"what"`
	Why  string `json:"why"`
}

// FailedData is the data of Failed, Rejected and Superseded.
type FailedData struct {
	// Step that failed; empty if the execution was stopped or timed out as a whole.
	Step string `json:"step,omitempty"`
	// Class of the failure: it says who acts.
	Class string `json:"class"`
	// Message says what was being done, to what, and what came back.
	Message string `json:"message"`
	// Remedy says what to do next.
	Remedy string `json:"remedy"`
	// Report is the key of the report of what was checked, if anything was.
	Report string `json:"report,omitempty"`
	// Status of the execution: FAILED, TIMED_OUT or ABORTED.
	Status          string `json:"status"`
	DurationSeconds int    `json:"durationSeconds"`
}

// Publisher puts events on the bus.
type Publisher struct {
	Events func() awsapi.Events
	Bus    string
	Now    func() time.Time
	// Observe is told of each event that the bus has taken; nil means nobody is.
	Observe func(ctx context.Context, detailType string, data any)
}

// Subject is what an event is about.
type Subject struct {
	Workspace     string
	Revision      revision.Revision
	ExecutionARN  string
	ExecutionName string
	// Announced is as in Metadata.
	Announced bool
}

// correlation is the name of the execution, or of what stands for it where there
// is none: a proposal is planned by no execution.
func (s Subject) correlation() string {
	if s.ExecutionName != "" {
		return s.ExecutionName
	}
	r := s.Revision
	sum := sha256.Sum256([]byte(strings.Join([]string{r.Source, r.Repository, r.Path, r.Version}, "\x00")))
	return fmt.Sprintf("proposal-%x", sum[:6])
}

// Publish sends one event. The key tells apart the events of one execution:
// the same key means the same event, sent again.
func (p *Publisher) Publish(ctx context.Context, detailType, key string, about Subject, data any) error {
	var resources []string
	if about.ExecutionARN != "" {
		resources = []string{about.ExecutionARN}
	}
	named := ""
	if about.Revision.Path != "" {
		named = about.Revision.String()
	}
	detail, err := json.Marshal(Event{
		Metadata: Metadata{
			ID: rand.Text(), Version: EventVersion, Timestamp: p.Now().UTC(),
			Workspace: about.Workspace, Revision: named, Change: about.Revision,
			ExecutionARN: about.ExecutionARN, CorrelationID: about.correlation(),
			IdempotencyKey: about.correlation() + "/" + key, Announced: about.Announced,
		},
		Data: data,
	})
	if err != nil {
		return fmt.Errorf("encoding event %s: %w", detailType, err)
	}
	out, err := p.Events().PutEvents(ctx, &eventbridge.PutEventsInput{Entries: []ebtypes.PutEventsRequestEntry{{
		EventBusName: aws.String(p.Bus), Source: aws.String(plan.EventSource),
		DetailType: aws.String(detailType), Detail: aws.String(string(detail)),
		Resources: resources,
	}}})
	if err != nil {
		return fmt.Errorf("sending event %s: %w", detailType, err)
	}
	// A refused entry is reported in a reply with status 200.
	for _, entry := range out.Entries {
		if code := aws.ToString(entry.ErrorCode); code != "" {
			return failure.New(plan.Transient, "", "sending event %s: %s: %s", detailType, code, aws.ToString(entry.ErrorMessage))
		}
	}
	if p.Observe != nil {
		p.Observe(ctx, detailType, data)
	}
	return nil
}
