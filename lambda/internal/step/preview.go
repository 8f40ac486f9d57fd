package step

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// Preview says what the steps would do for a document, and does nothing: it runs
// them with clients that only look. What would be created has no id yet, and
// what lies in it does not exist either. To verify, settings of the workspace
// itself are compared as well, if it admits callers from anywhere. It returns the
// document as the steps would leave it, too, as far as none forbids what follows.
func (d *Deps) Preview(ctx context.Context, doc *document.Document) ([]document.PlannedChange, *document.Document, error) {
	rehearsal := &awsapi.Rehearsal{}
	only := *d
	only.AWS = d.AWS.Rehearse(rehearsal)
	copied, err := copyOf(doc)
	if err != nil {
		return nil, nil, err
	}
	only.Databricks = d.Databricks.Rehearse(rehearsal.Note, func(kind string, answer map[string]any) {
		if kind == "vpc-endpoints" {
			answer["use_case"] = "WORKSPACE_ACCESS"
			if copied.RelayEndpoint != nil && answer["aws_vpc_endpoint_id"] == copied.RelayEndpoint.ID {
				answer["use_case"] = relayUse
			}
		}
	})
	var changes []document.PlannedChange
	for _, s := range plan.Workspace().Steps() {
		if !s.Makes() && (!s.Configures() || !admitsAll(copied)) {
			continue
		}
		result, err := only.rehearse(ctx, s.Name, copied)
		calls := rehearsal.Take()
		switch {
		case err == nil:
			changes = append(changes, planned(s.Name, result, calls))
			if copied, err = with(copied, s.Result, result); err != nil {
				return nil, nil, err
			}
		case forbids(err):
			// What depends on it is not known.
			return append(changes, document.PlannedChange{
				Step: s.Name, Action: document.Forbidden, Reason: failure.Message(err), Differences: mismatchOf(err),
			}), copied, &forbidden{s.Name, err}
		default:
			return nil, nil, fmt.Errorf("planning step %s: %w", s.Name, err)
		}
	}
	return changes, copied, nil
}

// admitsAll says whether the workspace of a verification admits callers from
// anywhere, so that its own settings can be compared as well. Planned are only
// those of a workspace that may not exist yet.
func admitsAll(doc *document.Document) bool {
	w := doc.DatabricksWorkspace
	return doc.Mode == document.Verify && !closed(doc) && w != nil && w.ID != "0" && w.Status == string(provisioning.WorkspaceStatusRunning)
}

// forbidden is why a plan goes no further than a step: it found something that
// will not be changed.
type forbidden struct {
	step string
	err  error
}

func (f *forbidden) Error() string { return "planning step " + f.step + ": " + f.err.Error() }

func (f *forbidden) Unwrap() error { return f.err }

// planOf is the plan of a preview; one that goes no further is a plan as well.
func planOf(changes []document.PlannedChange, err error) ([]document.PlannedChange, error) {
	if _, ok := errors.AsType[*forbidden](err); ok {
		return changes, nil
	}
	return changes, err
}

// forbids says whether a step has found something that it will not change.
func forbids(err error) bool {
	switch failure.Classify(err).Class {
	case plan.Conflict, plan.ActionRequired, plan.QuotaExceeded, plan.SpecInvalid:
		return true
	}
	return false
}

// rehearse runs a step on a document.
func (d *Deps) rehearse(ctx context.Context, name string, doc *document.Document) (r result, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = failure.New(plan.Internal, "", "rehearsing step %s: it panicked", name)
		}
	}()
	return Registry[name](ctx, d, doc)
}

// planned is the change of a step that would end well.
func planned(step string, r result, calls []string) document.PlannedChange {
	did := r.Did()
	c := document.PlannedChange{Step: step, Action: document.Keep, Object: idOf(r), Reason: did.Reason, Differences: did.Differences, Calls: calls}
	switch did.Outcome {
	case document.Created:
		c.Action = document.Create
		if len(did.Differences) > 0 {
			c.Action = document.Replace
		}
	case document.Updated:
		c.Action = document.Update
	case document.Skipped:
		c.Action = document.Unwanted
	}
	return c
}

// idOf is the id of a result that has one and is not new.
func idOf(r result) string {
	text, err := json.Marshal(r)
	if err != nil {
		return ""
	}
	var o struct{ ID, Name string }
	// The id of a new workspace is a number, and none yet.
	if json.Unmarshal(text, &o) != nil || awsapi.IsNew(o.ID) || o.ID == "0" || o.ID == o.Name {
		return o.Name
	}
	return strings.TrimSpace(o.ID + " " + o.Name)
}

// copyOf copies a document.
func copyOf(doc *document.Document) (*document.Document, error) {
	text, err := json.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("encoding document: %w", err)
	}
	return document.Decode(text)
}

// with adds the result of a step to a document, as the state machine does.
func with(doc *document.Document, key string, r result) (*document.Document, error) {
	members, err := membersOf(doc)
	if err != nil {
		return nil, err
	}
	if members[key], err = json.Marshal(r); err != nil {
		return nil, fmt.Errorf("encoding %s of document: %w", key, err)
	}
	text, err := json.Marshal(members)
	if err != nil {
		return nil, fmt.Errorf("encoding document: %w", err)
	}
	return document.Decode(text)
}
