package source

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"lakegate/lambda/plan"
)

// Dispatcher starts one execution for each spec that was changed or deleted.
type Dispatcher struct {
	Starter
	S3         *S3
	CodeCommit *CodeCommit
	// Renamed tells of a rename before anything is started for it, and which
	// execution will make the new workspace.
	Renamed func(ctx context.Context, r Rename, execution string) error
}

// Started is one execution that an event led to.
type Started struct {
	Workspace string `json:"workspace"`
	Execution string `json:"execution"`
	// Already says that the event had been delivered before.
	Already bool `json:"already"`
}

// Dispatch starts the executions that an event asks for. Events are delivered
// at least once; the name of an execution depends on revision, content and
// push, so that a redelivery starts nothing new.
func (d *Dispatcher) Dispatch(ctx context.Context, payload []byte) ([]Started, error) {
	changes, err := d.Changes(ctx, payload)
	if err != nil {
		return nil, err
	}
	for _, r := range Renames(changes) {
		if err := d.Renamed(ctx, r, ExecutionARN(d.StateMachine, ExecutionName(r.To))); err != nil {
			return nil, err
		}
	}
	return d.startAll(ctx, changes)
}

// event is the envelope of every EventBridge event.
type event struct {
	Source     string `json:"source"`
	DetailType string `json:"detail-type"`
	Account    string `json:"account"`
	// Time at which it happened; it is the same in every delivery.
	Time   string          `json:"time"`
	Detail json.RawMessage `json:"detail"`
}

// Changes finds out which specs an event says have changed.
func (d *Dispatcher) Changes(ctx context.Context, payload []byte) ([]Change, error) {
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, fmt.Errorf("decoding event: %w", err)
	}
	switch {
	case e.Source == "aws.s3" && (e.DetailType == detailTypeS3 || e.DetailType == detailTypeS3Deleted):
		changes, err := changedObject(plan.SourcePrefix, e.DetailType == detailTypeS3Deleted, e.Detail)
		if err != nil || len(changes) == 0 || !changes[0].Deleted {
			return changes, err
		}
		return d.S3.otherLeft(ctx, changes[0])
	case e.Source == "aws.codecommit" && e.DetailType == detailTypeCodeCommit:
		return d.CodeCommit.changes(ctx, e)
	}
	return nil, fmt.Errorf("decoding event: source %q with detail-type %q is not known", e.Source, e.DetailType)
}

// ExecutionName names the execution of a change: the workspace, so that people
// can read it, and a digest of revision, content and push.
func ExecutionName(c Change) string {
	r := c.Revision
	sum := sha256.Sum256([]byte(strings.Join([]string{r.Source, r.Repository, r.Path, r.Version, c.Content, c.Push}, "\x00")))
	return c.Workspace + "-" + hex.EncodeToString(sum[:6])
}

// ExecutionARN is the ARN of an execution of a state machine.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsstepfunctions.html
func ExecutionARN(machine, name string) string {
	return strings.Replace(machine, ":stateMachine:", ":execution:", 1) + ":" + name
}

// NameOf is the name of an execution, the last part of its ARN.
func NameOf(executionARN string) string {
	return executionARN[strings.LastIndexByte(executionARN, ':')+1:]
}

// workspacePath is a path that defines a workspace, and its name.
var workspacePath = regexp.MustCompile(`^` + regexp.QuoteMeta(plan.SourcePrefix) + `([a-z][a-z0-9-]{1,31})\.ya?ml$`)

// WorkspaceOf returns the name of the workspace that a path defines. A path
// that can be no workspace's gets a name of its own, which is safe everywhere
// and nobody else's: the first step refuses it, and reports under this name.
func WorkspaceOf(path string) string {
	if m := workspacePath.FindStringSubmatch(path); m != nil {
		return m[1]
	}
	sum := sha256.Sum256([]byte(path))
	return "rejected-" + hex.EncodeToString(sum[:4])
}
