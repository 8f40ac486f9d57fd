// Package catalogue describes every event that Lakegate puts on its bus: what it
// says, the JSON Schema of its detail, and an example. Schemas are derived from
// the types of package report and their comments. Consumers find here what they
// may rely on, and the emulator holds every event against it.
package catalogue

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/plan"
)

// Kind is one kind of event.
type Kind struct {
	DetailType string
	// Doc is one sentence: when the event is sent.
	Doc string
	// Example is the detail of an event of this kind; Example.Data has the type of
	// the data of all of them.
	Example report.Event
	// New returns a pointer to data of that type.
	New func() any
}

// Name of the kind's files, such as workspace-ready.
func (k Kind) Name() string { return strings.ReplaceAll(strings.ToLower(k.DetailType), " ", "-") }

// Kinds returns every kind of event, in the order in which a workspace meets them.
func Kinds() []Kind {
	planned := report.Plan{
		Workspace: name, Revision: change.String(), Time: began,
		Changes: []report.PlannedChange{{
			Step: "EnsureSecurityGroups", Action: "Update", Object: "sg-0a1b2c3d4e5f60718", Reason: "its rules differ",
			Differences: []report.Difference{{
				Object: "security group pl-sg-2 sg-0a1b2c3d4e5f60718", ID: "sg-0a1b2c3d4e5f60718", Field: "rules",
				Found: "out tcp 443 0.0.0.0/0", Wanted: "out tcp 443 10.0.0.0/22",
			}},
			Calls: []string{"ec2:AuthorizeSecurityGroupEgress", "ec2:RevokeSecurityGroupEgress"},
		}},
	}
	return []Kind{
		kind(report.Planned, "A proposed spec was planned, or a pushed one changes something.", "planned",
			report.PlannedData{Plan: planned, Key: plan.PlanPrefix + name + ".md"}),
		kind(report.Started, "An execution begins to apply a spec, or to take a workspace down.", "started",
			report.StartedData{Applied: "workspaces/tokyo.yaml@4f1d2c3b"}),
		kind(report.StepCompleted, "A step has done its work; one that only waits is silent until it is done.", "EnsureVpc",
			report.StepCompletedData{
				Step: "EnsureVpc", Outcome: "Created", IDs: []string{"vpc-0a1b2c3d4e5f60718"}, DurationSeconds: 4,
				Result: map[string]any{"outcome": "Created", "id": "vpc-0a1b2c3d4e5f60718"},
			}),
		kind(report.Ready, "A workspace is as its spec wants it, and was verified.", "ready", report.ReadyData{
			URL: "https://dbc-0a1b2c3d-4e5f.cloud.databricks.com", Changed: []string{"EnsureVpc", "EnsureSubnets"},
			Objects: map[string][]string{"vpc": {"vpc-0a1b2c3d4e5f60718"}}, DurationSeconds: 1325,
			Report: plan.ReportPrefix + name + "/" + execution + ".md", ReportDigest: strings.Repeat("9f86d081", 8),
		}),
		kind(report.Failed, "An execution failed, was stopped or took too long.", "failed/1793610125000", report.FailedData{
			Step: "EnsureVpc", Class: plan.QuotaExceeded, Status: "FAILED", DurationSeconds: 3,
			Message: "creating VPC privatelink-test: VpcLimitExceeded: The maximum number of VPCs has been reached.",
			Remedy:  "Raise the quota that is named above or remove what is no longer used, then redrive the execution.",
		}),
		kind(report.Rejected, "A spec cannot be read, or is not valid.", "failed/1793610001000", report.FailedData{
			Step: "LoadSpec", Class: plan.SpecInvalid, Status: "FAILED", DurationSeconds: 1,
			Message: `workspaces/tokyo.yaml:9:11: spec.region is "tokyo": it must be a region, such as ap-northeast-1`,
			Remedy:  "Correct the spec and push it again.",
		}),
		kind(report.Superseded, "An execution stopped because a newer revision of its spec was pushed.", "failed/1793610225000", report.FailedData{
			Step: "EnsureSubnets", Class: plan.Superseded, Status: "FAILED", DurationSeconds: 100,
			Message: "revision workspaces/tokyo.yaml@8c5a3d21 is not the newest any more",
			Remedy:  "Nothing: a newer revision of this workspace took over.",
		}),
		kind(report.Drifted, "The world was found to differ from the applied spec, in ways that were not told before.", "drifted", report.DriftedData{
			Drift: report.Drift{
				Workspace: name, Revision: change.String(), Time: began,
				Deviations: []report.Deviation{{
					Step: "EnsureSecurityGroups", Difference: planned.Changes[0].Differences[0],
					By: &report.Hand{Who: "arn:aws:iam::123456789012:user/operator", Call: "ec2:AuthorizeSecurityGroupEgress", Time: began.Add(-time.Hour)},
				}},
			},
			Message: "The world differs from workspaces/tokyo.yaml@8c5a3d21 in 1 ways. Nothing is changed.", Key: plan.DriftPrefix + name + ".md",
		}),
		kind(report.Suspended, "A spec stops reconciling; what exists stays as it is.", "suspended", report.SuspendedData{
			Message: "workspaces/tokyo.yaml@8c5a3d21 stops reconciling. Remove spec.suspend to go on.",
			URL:     "https://dbc-0a1b2c3d-4e5f.cloud.databricks.com",
		}),
		kind(report.Renamed, "A spec was renamed: one workspace will be retired, and another one made.", "renamed", report.RenamedData{
			From: "osaka", To: name, Old: report.OldRetained,
			Message: "A workspace cannot be renamed: osaka is retired, and tokyo is made anew.",
		}),
		kind(report.Retired, "The workspace of a deleted spec was taken down, or left as its spec wanted it.", "retired", report.RetiredData{
			Deleted: true, Message: "The workspace was taken down; 1 objects stay.", Removed: []string{"workspace tokyo"},
			Left: []report.Left{{What: "bucket tokyo-root", Why: "it has objects, and spec.bucketDeletion is Refuse"}}, DurationSeconds: 900,
		}),
		surveyed(),
	}
}

// What the examples are about.
const (
	name      = "tokyo"
	execution = "tokyo-3f9a1c7e5b20"
)

var (
	began  = time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)
	change = revision.Revision{
		Source: plan.CodeCommit, Repository: "lakegate-specs", Branch: "main", Path: "workspaces/tokyo.yaml",
		Version: "8c5a3d21f0b94e7c6a5d4e3f2b1a09876543210f", Author: "author", Message: "Close the endpoints' group",
	}
)

func kind[D any](detailType, doc, key string, data D) Kind {
	return Kind{
		DetailType: detailType, Doc: doc, New: func() any { return new(D) },
		Example: report.Event{
			Metadata: report.Metadata{
				ID: "4TSPVKRUI7ZRZCVSBMZTXJXJ2D", Version: report.EventVersion, Timestamp: began, Workspace: name,
				Revision: change.String(), Change: change,
				ExecutionARN:  "arn:aws:states:ap-northeast-1:123456789012:execution:" + plan.StateMachineName + ":" + execution,
				CorrelationID: execution, IdempotencyKey: execution + "/" + key, Announced: true,
			},
			Data: data,
		},
	}
}

// surveyed is about no workspace.
func surveyed() Kind {
	k := kind(report.Surveyed, "All sources and workspaces were looked at, for what no event had told of.", "completed", report.SurveyedData{
		Time: "2026-11-02T09:00:00Z", Workspaces: 2, Decisions: map[string]int{"verify": 2}, DurationSeconds: 3,
	})
	m := &k.Example.Metadata
	m.Workspace, m.Revision, m.Change, m.ExecutionARN, m.Announced = "", "", revision.Revision{}, "", false
	m.CorrelationID = "survey-20261102T090000Z"
	m.IdempotencyKey = m.CorrelationID + "/completed"
	return k
}

//go:embed *.schema.json
var schemas embed.FS

// Schema is the JSON Schema of the detail of an event of a kind.
func (k Kind) Schema() ([]byte, error) { return schemas.ReadFile(k.Name() + ".schema.json") }

// compiled are the schemas by detail type.
var compiled = sync.OnceValues(func() (map[string]*jsonschema.Schema, error) {
	out := map[string]*jsonschema.Schema{}
	for _, k := range Kinds() {
		text, err := k.Schema()
		if errors.Is(err, fs.ErrNotExist) {
			continue // It is being made.
		}
		if err != nil {
			return nil, err
		}
		parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return nil, fmt.Errorf("decoding the schema of %s: %w", k.DetailType, err)
		}
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		if err := c.AddResource(k.Name(), parsed); err != nil {
			return nil, fmt.Errorf("reading the schema of %s: %w", k.DetailType, err)
		}
		if out[k.DetailType], err = c.Compile(k.Name()); err != nil {
			return nil, fmt.Errorf("compiling the schema of %s: %w", k.DetailType, err)
		}
	}
	return out, nil
})

// Check says what is wrong with the detail of an event: its kind is not known, it
// does not keep the schema, or it has members that the schema does not know.
// Consumers must let those pass; whoever sends must not invent them.
func Check(detailType string, detail []byte) error {
	all, err := compiled()
	if err != nil {
		return err
	}
	schema, ok := all[detailType]
	if !ok {
		return fmt.Errorf("checking an event: the catalogue has no %q", detailType)
	}
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(detail))
	if err != nil {
		return fmt.Errorf("decoding the detail of %s: %w", detailType, err)
	}
	if err := schema.Validate(parsed); err != nil {
		return fmt.Errorf("checking the detail of %s: %w", detailType, err)
	}
	for _, k := range Kinds() {
		if k.DetailType != detailType {
			continue
		}
		strict := json.NewDecoder(bytes.NewReader(detail))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&report.Event{Data: k.New()}); err != nil {
			return fmt.Errorf("checking the members of %s: %w", detailType, err)
		}
	}
	return nil
}
