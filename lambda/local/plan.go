package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"

	"lakegate/lambda/internal/emulator/eventbridge"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/terminal"
	"lakegate/lambda/plan"
)

// planned shows what a spec would change, after another one was applied, if a
// base is given.
func planned(ctx context.Context, out io.Writer, file, base string, seed uint64) error {
	out = terminal.Writer{Out: out}
	c, err := load(out, file)
	if err != nil {
		return err
	}
	first := c
	if base != "" {
		if first, err = load(out, base); err != nil {
			return err
		}
	}
	cfg := first.config()
	cfg.Seed = seed
	w, err := first.start(ctx, cfg)
	if err != nil {
		return err
	}
	defer w.Close()
	if base != "" {
		events, err := commit(ctx, w, uploader{w}, first.path, first.text, "")
		if err != nil {
			return err
		}
		if readyOf(events) == nil {
			printFailure(out, events)
			return errReported
		}
		fmt.Fprintf(out, "%s was applied\n", base)
	}
	events, err := commit(ctx, w, uploader{w}, plan.ProposalPrefix+c.spec.Metadata.Name+".yaml", c.text, "")
	if err != nil {
		return err
	}
	p := planOf(events)
	if p == nil {
		return fmt.Errorf("planning %s: no event says what is planned", file)
	}
	if p.Refused != "" {
		fmt.Fprintf(out, "%s would be refused:\n%s\n", file, p.Refused)
		return errReported
	}
	fmt.Fprintf(out, "plan of %s\n", file)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range p.Changes {
		if c.Action != "Unwanted" {
			fmt.Fprintf(table, "  %s\t%s\t%s\t%s\n", c.Action, c.Step, c.Object, c.Reason)
		}
	}
	_ = table.Flush()
	fmt.Fprintf(out, "%s\n", p.Summary())
	printDifferences(out, p.Changes)
	return nil
}

// printDifferences prints what a plan would mend, or is forbidden by.
func printDifferences(out io.Writer, changes []report.PlannedChange) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, c := range changes {
		for _, d := range c.Differences {
			fmt.Fprintf(table, "  %s\t%s\t%s\t→ %s\n", d.Object, d.Field, cmp.Or(d.Found, "-"), cmp.Or(d.Wanted, "-"))
		}
	}
	_ = table.Flush()
}

// planOf returns the data of the Workspace Planned event, or nil.
func planOf(events []eventbridge.Event) *report.PlannedData {
	for _, e := range events {
		if e.DetailType == report.Planned {
			var d struct{ Data report.PlannedData }
			if json.Unmarshal(e.Detail, &d) == nil {
				return &d.Data
			}
		}
	}
	return nil
}
