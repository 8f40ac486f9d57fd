package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/eventbridge"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// demo makes what a spec gives by id or ARN, commits the spec to an emulated
// stack, follows its execution, shows what exists then, and commits the file
// again. It fails unless the first run ends Ready and the second one changes
// nothing. Then it can delete the spec, and show what is left.
func demo(ctx context.Context, out io.Writer, file, source string, seed uint64, retire bool) error {
	c, err := load(out, file)
	if err != nil {
		return err
	}
	if retire {
		c.deletable()
	}
	began := time.Now()
	cfg := c.config()
	cfg.Seed = seed
	w, err := c.start(ctx, cfg)
	if err != nil {
		return err
	}
	defer w.Close()
	by, err := newAuthor(ctx, w, source)
	if err != nil {
		return err
	}
	defer by.close()
	if len(w.Objects()) > 0 {
		fmt.Fprintf(out, "made first, as the spec gives it\n")
		printObjects(out, w)
		fmt.Fprintln(out)
	}
	out, stop := follow(w, out)
	defer stop()
	fmt.Fprintf(out, "commit %s to %s as %s\n", file, by.where(), c.path)
	first, err := commit(ctx, w, by, c.path, c.text, "Add workspace "+c.spec.Metadata.Name)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "\nwhat exists\n")
	printObjects(out, w)
	printEvents(out, first)
	ready := readyOf(first)
	if ready == nil {
		printFailure(out, first)
		return errReported
	}
	if err := printReport(out, w, ready); err != nil {
		return err
	}
	fmt.Fprintf(out, "\nworkspace %s is ready at %s\n", c.spec.Metadata.Name, ready.URL)
	fmt.Fprintf(out, "simulated %s, real %s\n", time.Duration(ready.DurationSeconds)*time.Second, time.Since(began).Round(10*time.Millisecond))

	text := c.text
	if source == "git" {
		if err := elsewhere(ctx, out, w, by); err != nil {
			return err
		}
		// To git the same content is no change.
		text = append([]byte("# Committed again.\n"), text...)
		fmt.Fprintf(out, "\ncommit the spec again, with one more comment\n")
	} else {
		fmt.Fprintf(out, "\ncommit the same file again\n")
	}
	before := len(w.Hub.Calls())
	second, err := commit(ctx, w, by, c.path, text, "Say that nothing changes")
	if err != nil {
		return err
	}
	calls := w.Changes(before)
	again := readyOf(second)
	if again == nil || len(again.Changed) > 0 || len(calls) > 0 {
		fmt.Fprintf(out, "\nthe second run was not without change: %v\n", calls)
		printFailure(out, second)
		return errReported
	}
	fmt.Fprintf(out, "\nnothing changed: %d calls looked, none changed anything\n", w.Looks(before))
	if !retire {
		return nil
	}
	return showRetirement(ctx, out, w, by, c)
}

// showRetirement deletes the spec, and shows what becomes of the workspace.
func showRetirement(ctx context.Context, out io.Writer, w *emulator.World, by author, c *committed) error {
	fmt.Fprintf(out, "\ndelete %s from %s\n", c.path, by.where())
	seen := len(w.Events.Events(plan.EventBusName))
	if err := by.remove(ctx, c.path, "Retire workspace "+c.spec.Metadata.Name); err != nil {
		return err
	}
	if err := w.Clock.Idle(ctx); err != nil {
		return err
	}
	events := w.Events.Events(plan.EventBusName)[seen:]
	printEvents(out, events)
	for _, e := range events {
		var d struct{ Data report.RetiredData }
		if e.DetailType != report.Retired || json.Unmarshal(e.Detail, &d) != nil {
			continue
		}
		fmt.Fprintf(out, "\n%s\n", d.Data.Message)
		for _, l := range d.Data.Left {
			fmt.Fprintf(out, "  %s: %s\n", l.What, l.Why)
		}
		fmt.Fprintf(out, "\nwhat exists\n")
		printObjects(out, w)
		return nil
	}
	printFailure(out, events)
	return errReported
}

// elsewhere commits something that is no spec, and fails if that leads to
// anything.
func elsewhere(ctx context.Context, out io.Writer, w *emulator.World, by author) error {
	fmt.Fprintf(out, "\ncommit a README beside the spec\n")
	events, err := commit(ctx, w, by, "README.md", []byte("Workspaces are defined here.\n"), "Say what this is")
	if err != nil {
		return err
	}
	if len(events) > 0 {
		return fmt.Errorf("a commit that touches no spec led to %d events", len(events))
	}
	fmt.Fprintf(out, "\nno execution was started\n")
	return nil
}

// printReport shows the verification report, one line for each check, and
// compares it with the digest in the event.
func printReport(out io.Writer, w *emulator.World, ready *report.ReadyData) error {
	o, ok := w.S3.Get(w.StateBucket, ready.Report)
	if !ok {
		return fmt.Errorf("the report %s does not exist", ready.Report)
	}
	if sum := sha256.Sum256(o.Body); hex.EncodeToString(sum[:]) != ready.ReportDigest {
		return fmt.Errorf("the report %s does not have the digest of the event", ready.Report)
	}
	var v report.Verification
	if err := json.Unmarshal(o.Body, &v); err != nil {
		return fmt.Errorf("decoding the report %s: %w", ready.Report, err)
	}
	fmt.Fprintf(out, "\nverification of %s\n", v.Workspace)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range v.Sections {
		for _, c := range s.Checks {
			fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\n", c.Result, s.Step, c.What, c.Object, c.Seen)
		}
	}
	_ = table.Flush()
	fmt.Fprintf(out, "  %s: %d passed, %d noted, %d failed; s3://%s/%s, sha256 %s…\n",
		v.Verdict, v.Passed, v.Noted, v.Failed, w.StateBucket, ready.Report, ready.ReportDigest[:12])
	if v.Failed > 0 {
		return fmt.Errorf("the report has checks that failed")
	}
	return nil
}

// commit lets an author push a file, waits until everything that follows is
// done, and returns the events on the bus that it led to.
func commit(ctx context.Context, w *emulator.World, by author, path string, text []byte, message string) ([]eventbridge.Event, error) {
	seen := len(w.Events.Events(plan.EventBusName))
	if err := by.push(ctx, path, text, message); err != nil {
		return nil, err
	}
	if err := w.Clock.Idle(ctx); err != nil {
		return nil, err
	}
	return w.Events.Events(plan.EventBusName)[seen:], nil
}

// readyOf returns the data of the Workspace Ready event, or nil.
func readyOf(events []eventbridge.Event) *report.ReadyData {
	for _, e := range events {
		if e.DetailType == report.Ready {
			var d struct{ Data report.ReadyData }
			if json.Unmarshal(e.Detail, &d) == nil {
				return &d.Data
			}
		}
	}
	return nil
}

func printFailure(out io.Writer, events []eventbridge.Event) {
	for _, e := range events {
		if e.DetailType == report.Failed || e.DetailType == report.Rejected {
			var d struct{ Data report.FailedData }
			if json.Unmarshal(e.Detail, &d) == nil {
				fmt.Fprintf(out, "\n%s: %s %s\n%s\n\nwhat to do: %s\n", e.DetailType, d.Data.Class, d.Data.Step, d.Data.Message, d.Data.Remedy)
			}
		}
	}
}

func printEvents(out io.Writer, events []eventbridge.Event) {
	count := map[string]int{}
	var order []string
	for _, e := range events {
		if count[e.DetailType]++; count[e.DetailType] == 1 {
			order = append(order, e.DetailType)
		}
	}
	fmt.Fprintf(out, "\nevents on the bus %s\n", plan.EventBusName)
	for _, t := range order {
		fmt.Fprintf(out, "  %3d × %s\n", count[t], t)
	}
}

func printObjects(out io.Writer, w *emulator.World) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, o := range w.Objects() {
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", o.Kind, o.Name, o.ID, o.More)
	}
	_ = table.Flush()
}
