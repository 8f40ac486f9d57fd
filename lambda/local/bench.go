package main

import (
	"archive/zip"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/eventbridge"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/plan"
)

// bench measures what the documentation claims and prints each figure beside
// what it is compared to.
func bench(ctx context.Context, out io.Writer, file, asset string, runs int) error {
	c, err := load(out, file)
	if err != nil {
		return err
	}
	var ratios, seconds, dollars []float64
	var transitions, looks, changes []int
	for seed := range runs {
		m, err := measure(ctx, c, uint64(seed)+1) //nolint:gosec // a small number
		if err != nil {
			return fmt.Errorf("seed %d: %w", seed+1, err)
		}
		ratios, seconds = append(ratios, m.ratio), append(seconds, m.ready.Seconds())
		dollars = append(dollars, m.used.total())
		transitions, looks, changes = append(transitions, m.transitions), append(looks, m.looks), append(changes, m.changes)
	}
	slices.Sort(ratios)
	slices.Sort(seconds)
	slices.Sort(dollars)
	slices.Sort(transitions)
	slices.Sort(looks)
	fmt.Fprintf(out, "%s, %d seeds, virtual clock\n", file, runs)
	row := func(what, figure, aim string) { fmt.Fprintf(out, "  %-72s %-34s aim: %s\n", what, figure, aim) }
	row("commit to Ready, simulated", fmt.Sprintf("median %s", time.Duration(middle(seconds))*time.Second), "-")
	row("commit to Ready over the longest chain the services impose", fmt.Sprintf("median %.3f, worst %.3f", middle(ratios), ratios[len(ratios)-1]), "median 1.03, worst 1.06")
	row("state transitions of a first provisioning", fmt.Sprintf("median %d, worst %d", middle(transitions), transitions[len(transitions)-1]), "median at most 300")
	row("calls to EC2, IAM, S3 configuration, Databricks of a run without change", fmt.Sprintf("at most %d, %d mutating", looks[len(looks)-1], slices.Max(changes)), "at most 40, 0 mutating")
	row("a first provisioning and its verification, in US dollars by list prices", fmt.Sprintf("median %.2f, worst %.2f", middle(dollars), dollars[len(dollars)-1]), "under 1.00")
	if err := assetSize(out, asset, row); err != nil {
		return err
	}
	if err := startup(ctx, row); err != nil {
		return err
	}
	fmt.Fprintln(out)
	return costs(ctx, out, paidFor, costSeeds)
}

func middle[T any](sorted []T) T { return sorted[len(sorted)/2] }

// outside is how long an attempt to reach the outside waits before it gives up.
const outside = 3 * time.Second

type measured struct {
	ready       time.Duration
	ratio       float64
	transitions int
	looks       int
	changes     int
	used        spent
}

// measure runs a first provisioning and a run without change.
func measure(ctx context.Context, c *committed, seed uint64) (measured, error) {
	cfg := c.config()
	cfg.Seed = seed
	w, err := c.start(ctx, cfg)
	if err != nil {
		return measured{}, err
	}
	defer w.Close()
	paid := newMeter(w)
	began := w.Clock.Now()
	events, err := commit(ctx, w, uploader{w}, c.path, c.text, "")
	if err != nil {
		return measured{}, err
	}
	var m measured
	for _, e := range events {
		if e.DetailType == "Workspace Ready" {
			m.ready = e.Time.Sub(began)
		}
	}
	if m.ready == 0 {
		return m, fmt.Errorf("it did not end Ready")
	}
	m.ratio = m.ready.Seconds() / chain(w).Seconds()
	m.transitions = w.Executions.Transitions(executionOf(events))
	m.used = paid.first(m.ready)
	before := len(w.Hub.Calls())
	if events, err = commit(ctx, w, uploader{w}, c.path, c.text, ""); err != nil {
		return m, err
	}
	if readyOf(events) == nil {
		return m, fmt.Errorf("the second run did not end Ready")
	}
	m.looks, m.changes = w.Looks(before), len(w.Changes(before))
	return m, nil
}

// chain is the longest chain of durations that the services themselves impose:
// the endpoints to the control plane become available; Databricks provisions
// the workspace while private DNS settles; a cluster starts and takes commands,
// of which the longest fails to reach the outside, while a SQL warehouse starts
// and runs a statement.
func chain(w *emulator.World) time.Duration {
	longest := func(kind latency.Kind) time.Duration {
		var most time.Duration
		for _, d := range w.Delays.Drawn(kind) {
			most = max(most, d)
		}
		return most
	}
	first := max(longest(latency.DatabricksEndpoint), longest(latency.IAMPropagation))
	second := max(longest(latency.WorkspaceProvisioning), longest(latency.PrivateDNS))
	cluster := longest(latency.ClusterStart) + longest(latency.ContextStart) + outside + longest(latency.Command)
	return first + second + max(cluster, longest(latency.WarehouseStart)+longest(latency.Command))
}

// executionOf returns the execution that events are about.
func executionOf(events []eventbridge.Event) string {
	for _, e := range events {
		var d struct {
			Metadata struct {
				ExecutionARN string `json:"executionArn"`
			}
		}
		if json.Unmarshal(e.Detail, &d) == nil && strings.Contains(d.Metadata.ExecutionARN, plan.StateMachineName) {
			return d.Metadata.ExecutionARN
		}
	}
	return ""
}

// assetSize packs the asset as a deployment does and prints its size.
func assetSize(out io.Writer, folder string, row func(what, figure, aim string)) error {
	path := filepath.Join(folder, "bootstrap")
	text, err := os.ReadFile(path) //nolint:gosec // the user names the folder
	if err != nil {
		fmt.Fprintf(out, "  the asset was not measured: %v (make build)\n", err)
		return nil
	}
	var size counter
	z := zip.NewWriter(&size)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) { return flate.NewWriter(w, flate.DefaultCompression) })
	f, err := z.Create("bootstrap")
	if err != nil {
		return err
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	row("Lambda asset, zipped", fmt.Sprintf("%.1f MB (%.1f MB unpacked)", float64(size)/1e6, float64(len(text))/1e6), "under 15 MB")
	return nil
}

// counter counts what is written to it.
type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
