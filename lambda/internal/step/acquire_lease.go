package step

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// acquireLease takes the lease of the workspace. An execution of an older
// revision is told to stop at its next step, and waited for; one that is itself
// older than the newest revision ends as Superseded.
func acquireLease(ctx context.Context, d *Deps, doc *document.Document) (*document.Lease, error) {
	if err := d.newest(ctx, doc); err != nil {
		return nil, fmt.Errorf("taking the lease of %s: %w", doc.Workspace, err)
	}
	acquire := d.Leases.Acquire
	if doc.Mode == document.Verify {
		acquire = d.Leases.AcquireFree
	}
	l, holder, err := acquire(ctx, doc.Workspace, doc.Execution.ARN, d.running)
	if err != nil {
		if failure.Code(err) == "PreconditionFailed" {
			// Somebody else was faster; look again.
			return nil, failure.As(plan.Transient, "", err)
		}
		return nil, fmt.Errorf("taking the lease of %s: %w", doc.Workspace, err)
	}
	if doc.Mode == document.Verify && holder != "" {
		return &document.Lease{
			Leave: true, Wait: d.wait(nil, true, paceLease), Holder: holder,
			Outcome: skipped("there is nothing to verify while execution " + holder + " is at work"),
		}, nil
	}
	out := &document.Lease{Generation: l.Generation, Holder: holder}
	var previous *document.Wait
	if doc.Lease != nil {
		previous = &doc.Lease.Wait
	}
	out.Wait = d.wait(previous, holder == "", paceLease)
	if holder != "" {
		out.Outcome = outcomeOf(out.Wait, "execution "+holder+" is at work")
		return out, late("AcquireLease", out.Wait, "the lease of "+doc.Workspace, "held by "+holder)
	}
	out.Outcome = outcomeOf(out.Wait, fmt.Sprintf("nobody else works on it; lease of generation %d", l.Generation))
	if doc.Retirement == nil && doc.Spec.Suspend {
		return out, d.suspend(ctx, doc, out)
	}
	return out, d.reconciling(ctx, doc, out)
}

// newest fails as Superseded unless the revision is the newest one: of a spec
// that was deleted, that there is still none.
func (d *Deps) newest(ctx context.Context, doc *document.Document) error {
	if doc.Retirement != nil {
		return d.stillDeleted(ctx, doc.Revision)
	}
	newest, err := d.Source.Newest(ctx, doc.Revision)
	if err != nil {
		return err
	}
	if !newest {
		return failure.New(plan.Superseded, "", "revision %s is not the newest any more", doc.Revision.Signed())
	}
	return nil
}

func attemptOf(doc *document.Document) (*report.Attempt, error) {
	text, err := json.Marshal(doc.Spec)
	if err != nil {
		return nil, fmt.Errorf("encoding spec of %s: %w", doc.Workspace, err)
	}
	return &report.Attempt{
		Change: doc.Revision, Revision: doc.Revision.String(), ExecutionARN: doc.Execution.ARN, Digest: doc.Digest, Protected: doc.Protected, Spec: text,
	}, nil
}

// running says whether an execution runs.
func (d *Deps) running(ctx context.Context, arn string) (bool, error) {
	out, err := d.AWS.Executions().DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: aws.String(arn)})
	if err != nil {
		// Executions are forgotten after 90 days.
		if failure.Code(err) == "ExecutionDoesNotExist" {
			return false, nil
		}
		return false, err
	}
	return out.Status == sfntypes.ExecutionStatusRunning, nil
}

// suspend tells that the spec stops reconciling, and frees the lease again. It
// was taken so that an older execution has stopped.
func (d *Deps) suspend(ctx context.Context, doc *document.Document, out *document.Lease) error {
	out.Leave, out.Outcome = true, skipped("spec.suspend is true: what exists stays as it is")
	status, err := d.Statuses.Read(ctx, doc.Workspace)
	if err != nil {
		return err
	}
	conditions := []report.Condition{{
		Type: report.ConditionSuspended, Status: "True", Reason: "SpecSuspended",
		Message: fmt.Sprintf("%s stops reconciling. Remove spec.suspend to go on.", doc.Revision),
	}}
	if ready := status.Condition(report.ConditionReady); ready != nil {
		conditions = append(conditions, *ready)
	}
	// It is told before it is noted as told.
	if err := d.Publisher.Publish(ctx, report.Suspended, "suspended", subject(doc), report.SuspendedData{
		Message: conditions[0].Message, URL: status.URL, Already: status.Condition(report.ConditionSuspended) != nil,
	}); err != nil {
		return err
	}
	status.Attempt(doc.Revision, doc.Execution.ARN)
	status.Set(d.Now(), conditions...)
	if err := d.Statuses.Write(ctx, status); err != nil {
		return err
	}
	return d.Leases.Release(ctx, doc.Workspace, doc.Execution.ARN)
}

// reconciling writes down that this revision is being worked on. To verify is no
// work on it.
func (d *Deps) reconciling(ctx context.Context, doc *document.Document, out *document.Lease) error {
	status, err := d.Statuses.Read(ctx, doc.Workspace)
	if err != nil {
		return err
	}
	if v := status.Verified; v != nil {
		proof := document.Proof(*v)
		out.Verified = &proof
	} else {
		out.Interrupted = status.LastAttemptedRevision != ""
	}
	out.Recovers = troubled(status)
	if doc.Retirement != nil {
		status.Verified = nil
		if err := d.started(ctx, doc, out, status); err != nil {
			return err
		}
		return d.working(ctx, doc, status, "retires the workspace after")
	}
	if err := sameIdentity(status.Applied, doc); err != nil {
		return err
	}
	out.TagKeys = slices.Compact(slices.Sorted(slices.Values(slices.AppendSeq(status.TagKeys, maps.Keys(doc.Spec.Tags)))))
	if doc.Mode == document.Verify {
		return nil
	}
	// It is told before it is noted: the note takes away from the status what a
	// second attempt has to know, that the last execution failed.
	if err := d.started(ctx, doc, out, status); err != nil {
		return err
	}
	return d.working(ctx, doc, status, "applies")
}

// troubled says whether the last execution failed, or drift was found.
func troubled(status *report.Status) bool {
	return status.Condition(report.ConditionStalled) != nil || status.Condition(report.ConditionDrifted) != nil
}

// started tells that something begins, if anything does.
func (d *Deps) started(ctx context.Context, doc *document.Document, lease *document.Lease, status *report.Status) error {
	begun := *doc
	begun.Lease = lease
	if !announced(&begun) {
		return nil
	}
	return d.Publisher.Publish(ctx, report.Started, "started", subject(&begun), report.StartedData{
		Retires: doc.Retirement != nil, Applied: status.LastAppliedRevision,
	})
}

// announced says whether people are told that an execution begins: not if all
// that it can find is that its spec was applied already, and not before the lease
// says so.
func announced(doc *document.Document) bool {
	switch {
	case doc.Lease == nil || !doc.Lease.Ready || doc.Lease.Leave || doc.Mode == document.Verify:
		return false
	case doc.Retirement != nil:
		return doc.Retirement.Delete
	default:
		return !settled(doc)
	}
}

// working writes the status of a workspace that an execution does something to.
func (d *Deps) working(ctx context.Context, doc *document.Document, status *report.Status, does string) error {
	conditions := []report.Condition{{
		Type: report.ConditionReconciling, Status: "True", Reason: "Progressing",
		Message: fmt.Sprintf("Execution %s %s %s.", doc.Execution.Name, does, doc.Revision.Signed()),
	}}
	if ready := status.Condition(report.ConditionReady); ready != nil {
		conditions = append(conditions, *ready)
	}
	status.Attempt(doc.Revision, doc.Execution.ARN)
	status.Set(d.Now(), conditions...)
	return d.Statuses.Write(ctx, status)
}

// identityOf is what a spec says that can never change.
func identityOf(doc *document.Document) report.Identity {
	return report.Identity{
		Region: doc.Spec.Region, AWSAccount: doc.Spec.AWS.AccountID,
		DatabricksAccount: doc.Spec.Databricks.AccountID, WorkspaceName: doc.Spec.Databricks.WorkspaceName,
	}
}

// sameIdentity refuses a spec that has been made that of another workspace:
// everything would be created a second time, and the first left behind.
func sameIdentity(applied *report.Identity, doc *document.Document) error {
	if applied == nil {
		return nil
	}
	wanted := identityOf(doc)
	for _, f := range []struct{ path, was, is string }{
		{"spec.region", applied.Region, wanted.Region},
		{"spec.aws.accountId", applied.AWSAccount, wanted.AWSAccount},
		{"spec.databricks.accountId", applied.DatabricksAccount, wanted.DatabricksAccount},
		{"spec.databricks.workspaceName", applied.WorkspaceName, wanted.WorkspaceName},
	} {
		if f.was != f.is {
			return failure.New(plan.SpecInvalid,
				fmt.Sprintf("Set %s back to %s. For a workspace elsewhere or of another name, push a spec of another metadata.name.", f.path, f.was),
				"comparing %s with what was applied last: it was %s and is %s, and a workspace cannot change it", f.path, f.was, f.is)
		}
	}
	return nil
}
