package survey

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/source"
	"lakegate/lambda/plan"
)

// What is decided of a workspace.
const (
	// Apply starts an execution for a spec that was not attempted as it is.
	Apply = "Apply"
	// Verify starts one that looks whether the world is still as the spec wants it.
	Verify = "Verify"
	// Retry starts another one after a failure that passes by itself.
	Retry = "Retry"
	// Retire starts the retirement of a workspace whose spec is nowhere any more.
	Retire = "Retire"
	// Report tells of an execution that died without a report.
	Report = "Report"

	// UnderWay leaves a workspace to the execution that works on it.
	UnderWay = "UnderWay"
	// Suspended leaves it alone because its spec says so.
	Suspended = "Suspended"
	// Stalled leaves it to people: the last failure does not pass by itself, and
	// nobody has touched anything since.
	Stalled = "Stalled"
	// Settled leaves it alone because it has been retired, or because its spec is
	// in no place that is watched.
	Settled = "Settled"
)

// grace is how long the event of an execution that has ended may take.
const grace = 15 * time.Minute

// look is one workspace that is looked at.
type look struct {
	*Survey
	// due is the time of the survey: it names what is started by it alone.
	due       time.Time
	known     []source.Place
	workspace string
	heads     []head
	// decided is what was decided: more than one thing if an execution is reported
	// and another one started.
	decided []string
}

// note keeps a decision, and why it was made.
func (l *look) note(ctx context.Context, decision, why string) {
	slog.InfoContext(ctx, "workspace surveyed", "workspace", l.workspace, "decision", decision, "reason", why)
	l.decided = append(l.decided, decision)
}

// decide looks at a workspace and does what is due.
func (l *look) decide(ctx context.Context) error {
	status, err := l.Statuses.Read(ctx, l.workspace)
	if err != nil {
		return err
	}
	if len(l.heads) == 0 {
		return l.gone(ctx, status)
	}
	// Of several the one counts that was attempted last: a workspace belongs in one
	// place, and the last push wins.
	h := l.heads[max(0, slices.IndexFunc(l.heads, func(h head) bool {
		return h.place.Holds(status.LastAttempt) && h.Revision.Path == status.LastAttempt.Path
	}))]
	same, err := h.place.Same(ctx, h.Change, status.LastAttempt)
	if err != nil {
		return err
	}
	same = same && !l.retires(status.ExecutionARN)
	if status.Condition(report.ConditionReconciling) != nil {
		return l.reconciling(ctx, h, status, same)
	}
	if !same {
		return l.apply(ctx, h, status)
	}
	return l.attempted(ctx, h, status)
}

// attempted decides of a spec that is as it was attempted last, by an execution
// that has come to its end.
func (l *look) attempted(ctx context.Context, h head, status *report.Status) error {
	stalled := status.Condition(report.ConditionStalled)
	switch {
	case status.Condition(report.ConditionSuspended) != nil:
		l.note(ctx, Suspended, "the spec is suspended")
		return nil
	case stalled != nil && !passes(stalled):
		l.note(ctx, Stalled, stalled.Message)
		return nil
	case ready(status):
		c := h.Change
		// It is the same content, and says whose it is.
		c.Revision = status.LastAttempt
		return l.start(ctx, c, l.workspace+"-verify-"+stamp(l.due), Verify, "it is ready")
	case stalled != nil:
		return l.start(ctx, h.Change, l.again(h.Change), Retry, "the last attempt ended with "+stalled.Class)
	}
	return l.start(ctx, h.Change, l.again(h.Change), Apply, "its status says nothing of how the last attempt ended")
}

// ready says whether a workspace is as what was attempted last wanted it. It
// stays ready while that has touched nothing, so the last applied one has to be
// the same.
func ready(status *report.Status) bool {
	c := status.Condition(report.ConditionReady)
	return c != nil && c.Status == "True" && status.LastAppliedRevision == status.LastAttempt.String()
}

// passes says whether a failure passes by itself.
func passes(stalled *report.Condition) bool {
	return slices.Contains([]string{plan.Transient, plan.Throttled, plan.NotReady}, stalled.Class)
}

// reconciling decides of a spec on whose workspace an execution works, or has
// died without a word.
func (l *look) reconciling(ctx context.Context, h head, status *report.Status, same bool) error {
	ended, err := l.ended(ctx, status.ExecutionARN)
	if err != nil {
		return err
	}
	switch {
	case ended == running && same:
		l.note(ctx, UnderWay, "execution "+status.ExecutionARN+" is at work")
		return nil
	case ended == running:
		return l.apply(ctx, h, status)
	case ended == failed:
		if err := l.report(ctx, status.ExecutionARN); err != nil || same {
			return err
		}
		return l.apply(ctx, h, status)
	}
	return l.start(ctx, h.Change, l.again(h.Change), Apply, "execution "+status.ExecutionARN+" has left it half-way")
}

// apply starts an execution for a spec that was not attempted as it is. Its name
// is that which the event would have given it, where a head tells all that the
// name is made of, so that an event which comes late starts nothing.
func (l *look) apply(ctx context.Context, h head, status *report.Status) error {
	return l.once(ctx, h.Change, headName(h.Change), Apply, "it was not attempted as "+h.Revision.String(), l.retires(status.ExecutionARN))
}

// gone decides of a workspace that has a record and no spec.
func (l *look) gone(ctx context.Context, status *report.Status) error {
	record, err := l.Records.Read(ctx, l.workspace)
	if err != nil {
		return err
	}
	if record.Attempted == nil || !slices.ContainsFunc(l.known, func(p source.Place) bool { return p.Holds(record.Attempted.Change) }) {
		l.note(ctx, Settled, "its spec is in no place that is watched")
		return nil
	}
	c := source.Change{Workspace: l.workspace, Revision: record.Attempted.Change, Deleted: true}
	if !l.retires(status.ExecutionARN) {
		// The attempt tells one deletion from another: nobody saw this one.
		c.Content = record.Attempted.ExecutionARN
		return l.once(ctx, c, headName(c), Retire, "its spec is nowhere any more", false)
	}
	if status.Condition(report.ConditionReconciling) != nil {
		ended, err := l.ended(ctx, status.ExecutionARN)
		switch {
		case err != nil:
			return err
		case ended == running:
			l.note(ctx, UnderWay, "execution "+status.ExecutionARN+" is at work")
			return nil
		case ended == failed:
			return l.report(ctx, status.ExecutionARN)
		}
		return l.start(ctx, c, l.again(c), Retire, "execution "+status.ExecutionARN+" has left it half-way")
	}
	if stalled := status.Condition(report.ConditionStalled); stalled != nil {
		if passes(stalled) {
			return l.start(ctx, c, l.again(c), Retry, "the retirement ended with "+stalled.Class)
		}
		l.note(ctx, Stalled, stalled.Message)
		return nil
	}
	l.note(ctx, Settled, "it has been retired")
	return nil
}

// headName names the execution of a head. To git a revision is a commit, and the
// head of the branch another one after each push, so that there the content alone
// counts.
func headName(c source.Change) string {
	if c.Revision.Branch != "" {
		c.Revision.Version = ""
	}
	return source.ExecutionName(c)
}

// again names an execution that is started by this survey alone.
func (l *look) again(c source.Change) string {
	c.Push = stamp(l.due)
	return headName(c)
}

// once starts an execution under a name that surveys and events share. Where
// there was one of that name already, it depends on how that ended: one that
// nobody has heard of is reported, unless it is older than what the status says.
func (l *look) once(ctx context.Context, c source.Change, name, decision, why string, older bool) error {
	already, err := l.Starter.StartPatiently(ctx, c, name, document.Apply)
	if err != nil {
		return err
	}
	if !already {
		l.note(ctx, decision, why)
		return nil
	}
	arn := source.ExecutionARN(l.Starter.Machine(c), name)
	ended, err := l.ended(ctx, arn)
	switch {
	case err != nil:
		return err
	case ended == running:
		l.note(ctx, UnderWay, "execution "+arn+" is at work or has just ended")
		return nil
	case ended == failed && !older:
		return l.report(ctx, arn)
	}
	return l.start(ctx, c, l.again(c), decision, why)
}

// start starts an execution under a name that no event gives. A survey that is
// run again starts nothing twice.
func (l *look) start(ctx context.Context, c source.Change, name, decision, why string) error {
	mode := document.Apply
	if decision == Verify {
		mode = document.Verify
	}
	if _, err := l.Starter.StartPatiently(ctx, c, name, mode); err != nil {
		return err
	}
	l.note(ctx, decision, why)
	return nil
}

// report tells of an execution that died without a word.
func (l *look) report(ctx context.Context, arn string) error {
	if err := l.Failures.ReportUnreported(ctx, arn); err != nil {
		return fmt.Errorf("reporting execution %s: %w", arn, err)
	}
	l.note(ctx, Report, "execution "+arn+" died without a report")
	return nil
}

// retires says whether an execution is one that retires.
func (l *look) retires(arn string) bool {
	return strings.HasPrefix(arn, source.ExecutionARN(l.Starter.Retirement, ""))
}

// end is how an execution ended.
type end int

const (
	// running has not ended, or just now: its event may still be on the way.
	running end = iota
	// failed has failed, and not because another one took over.
	failed
	// other ends need no report; what is forgotten after 90 days is one of them.
	other
)

func (l *look) ended(ctx context.Context, arn string) (end, error) {
	x, err := l.Executions().DescribeExecution(ctx, &sfn.DescribeExecutionInput{ExecutionArn: &arn})
	switch {
	case failure.Code(err) == "ExecutionDoesNotExist":
		return other, nil
	case err != nil:
		return other, fmt.Errorf("looking at execution %s: %w", arn, err)
	case x.Status == sfntypes.ExecutionStatusRunning, l.Now().Sub(aws.ToTime(x.StopDate)) < grace:
		return running, nil
	case x.Status == sfntypes.ExecutionStatusSucceeded, aws.ToString(x.Error) == plan.Superseded:
		return other, nil
	}
	return failed, nil
}
