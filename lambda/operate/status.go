package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/errgroup"

	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// summary is a workspace in one line.
type summary struct {
	status *report.Status
	// state is the most important condition that holds, since when it does, and
	// message what it says.
	state   string
	since   time.Time
	message string
	// running are the states that its execution is in.
	running []string
}

// precedence of conditions: the first that holds names the state.
var precedence = []string{report.ConditionSuspended, report.ConditionReconciling, report.ConditionStalled, report.ConditionDrifted}

func summarise(status *report.Status) summary {
	out := summary{status: status, state: "Unknown"}
	if ready := status.Condition(report.ConditionReady); ready != nil {
		out.state, out.since, out.message = "Ready", ready.LastTransitionTime, ready.Message
		if ready.Status != "True" {
			out.state = ready.Reason
		}
	}
	for _, kind := range precedence {
		if c := status.Condition(kind); c != nil && c.Status == "True" {
			out.state, out.since, out.message = kind, c.LastTransitionTime, c.Message
			break
		}
	}
	return out
}

// overview prints one line for each workspace, what to do about those that are
// stalled, and how the stack itself is.
func (s *stack) overview(ctx context.Context, out io.Writer) error {
	statuses, err := s.statuses(ctx)
	if err != nil {
		return err
	}
	names, err := statuses.Workspaces(ctx)
	if err != nil {
		return err
	}
	all := make([]summary, len(names))
	g, inGroup := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, name := range names {
		g.Go(func() error {
			var err error
			all[i], err = s.summary(inGroup, statuses, name)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "WORKSPACE\tSTATE\tREVISION\tSINCE\tAT WORK IN\tURL")
	for _, w := range all {
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", w.status.Workspace, w.state, w.status.LastAttemptedRevision, stamp(w.since),
			orNone(strings.Join(w.running, ", ")), orNone(w.status.URL))
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, w := range all {
		if w.state == report.ConditionStalled || w.state == report.ConditionDrifted {
			fmt.Fprintf(out, "\n%s is %s: %s\n", w.status.Workspace, w.state, w.message)
		}
	}
	return s.health(ctx, out)
}

// summary reads how a workspace is and, if an execution works on it, where that
// is.
func (s *stack) summary(ctx context.Context, statuses *report.Statuses, name string) (summary, error) {
	status, err := statuses.Read(ctx, name)
	if err != nil {
		return summary{}, err
	}
	w := summarise(status)
	if status.Condition(report.ConditionReconciling) != nil {
		h, err := s.history(ctx, status.ExecutionARN, false)
		if err != nil {
			return summary{}, err
		}
		w.running = h.open
	}
	return w, nil
}

// surveyed is how far back the last survey is looked for.
const surveyed = 8 * 24 * time.Hour

// health prints how the stack itself is.
func (s *stack) health(ctx context.Context, out io.Writer) error {
	letters, err := s.deadLetters(ctx)
	if err != nil {
		return err
	}
	surveys, err := s.findIn(ctx, plan.LogGroupPrefix+plan.FunctionPrefix+"Survey", `{ $.message = "survey completed" }`, s.now().Add(-surveyed))
	if err != nil {
		return err
	}
	last := "none in the last 8 days"
	if n := len(surveys); n > 0 {
		l := surveys[n-1]
		last = fmt.Sprintf("%s, %v workspaces, %v failed", stamp(l.at), l.members["workspaces"], l.members["failed"])
	}
	_, err = fmt.Fprintf(out, "\nalarms        %s\ndead letters  %s\nlast survey   %s\ndashboard     %s\n", s.ringing(ctx), letters, last, s.console("cloudwatch", "#dashboards/dashboard/"+plan.StackName))
	return err
}

// lastSteps is how many of the steps that were done last are shown.
const lastSteps = 12

// describe prints all that is known of one workspace.
func (s *stack) describe(ctx context.Context, out io.Writer, name string) error {
	statuses, err := s.statuses(ctx)
	if err != nil {
		return err
	}
	status, err := statuses.Read(ctx, name)
	if err != nil {
		return err
	}
	if len(status.Conditions) == 0 {
		names, err := statuses.Workspaces(ctx)
		if err != nil {
			return err
		}
		return fmt.Errorf("there is no workspace %q; there are: %s", name, orNone(strings.Join(names, ", ")))
	}
	w := summarise(status)
	fmt.Fprintf(out, "%s is %s since %s\n", name, w.state, stamp(w.since))
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	row := func(what string, value string) { fmt.Fprintf(table, "  %s\t%s\n", what, orNone(value)) }
	row("url", status.URL)
	row("attempted", status.LastAttempt.Signed())
	row("applied", status.LastAppliedRevision)
	if status.Plan != nil {
		row("plan", status.Plan.Summary+" (s3://"+statuses.Bucket+"/"+status.Plan.Key+")")
	}
	if status.Verified != nil {
		row("verified", stamp(status.Verified.Time)+" (s3://"+statuses.Bucket+"/"+status.Verified.Report+")")
	}
	if status.Condition(report.ConditionDrifted) != nil {
		row("drift", "s3://"+statuses.Bucket+"/"+plan.DriftPrefix+name+".md")
	}
	row("execution", status.ExecutionARN)
	row("console", s.console("states", "#/v2/executions/details/"+status.ExecutionARN))
	fmt.Fprintf(table, "\nconditions\n")
	for _, c := range status.Conditions {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", c.Type, c.Status, c.Reason, stamp(c.LastTransitionTime), c.Message)
	}
	if len(status.Objects) > 0 {
		fmt.Fprintf(table, "\nobjects\n")
		for _, key := range slices.Sorted(maps.Keys(status.Objects)) {
			fmt.Fprintf(table, "  %s\t%s\n", key, strings.Join(status.Objects[key], ", "))
		}
	}
	h, err := s.history(ctx, status.ExecutionARN, true)
	if err != nil {
		return errors.Join(table.Flush(), err)
	}
	if len(h.open) > 0 {
		fmt.Fprintf(table, "\nat work in %s\n", strings.Join(h.open, ", "))
	}
	fmt.Fprintf(table, "\nlast steps\n")
	for _, d := range h.done[max(0, len(h.done)-lastSteps):] {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", stamp(d.at), d.step, d.Outcome, d.Reason)
	}
	return table.Flush()
}

// console is the address of a page of the AWS console.
func (s *stack) console(service, page string) string {
	return fmt.Sprintf("https://%s.console.aws.amazon.com/%s/home?region=%s%s", s.region, service, s.region, page)
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func orNone(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

// done is what one step has done.
type done struct {
	at   time.Time
	step string
	outcome
}

type outcome struct {
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
}

// outcomeOf reads what a step has done from what its state leaves.
func outcomeOf(step plan.Step, output *string) outcome {
	if step.Result == "" {
		return outcome{Outcome: "Loaded"}
	}
	var o outcome
	_ = json.Unmarshal(step.ResultIn([]byte(aws.ToString(output))), &o)
	return o
}
