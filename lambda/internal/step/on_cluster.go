package step

import (
	"context"
	"fmt"
	"time"

	"github.com/databricks/databricks-sdk-go/service/compute"

	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/probe"
)

// onCluster makes attempts from the cluster: it starts a command, and has the
// results when the command has ended. Until then it returns none.
func (d *Deps) onCluster(ctx context.Context, doc *document.Document, step string, previous *document.Probe, attempts []probe.Attempt) (*document.Probe, map[string]probe.Result, error) {
	w, err := d.workspace(ctx, doc)
	if err != nil {
		return nil, nil, err
	}
	out := &document.Probe{ContextID: doc.ClusterCheck.Contexts[step]}
	var waited *document.Wait
	if previous != nil {
		out.ContextID, waited = previous.ContextID, &previous.Wait
		if d.Now().Sub(previous.Looked) < time.Duration(previous.PauseSeconds)*time.Second+redriven {
			out.CommandID = previous.CommandID
		}
	}
	output, err := runCommand(ctx, w, doc.ClusterCheck.ID, out, attempts)
	if isGoneFromCluster(err) {
		out.CommandID = ""
		err = d.reopen(ctx, w, doc, out)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("running a probe on cluster %s: %w", doc.ClusterCheck.ID, err)
	}
	out.Wait = d.wait(waited, output != "", paceProbe)
	if output == "" {
		out.Outcome = outcomeOf(out.Wait, "the probe runs")
		return out, nil, late(step, out.Wait, "the probe on cluster "+doc.ClusterCheck.ID, "running")
	}
	results, err := probe.Parse(output)
	return out, results, err
}

// runCommand starts the command, or looks at the one that was started, and
// returns what it has printed, or nothing if it still runs.
func runCommand(ctx context.Context, w *databricksapi.Workspace, cluster string, out *document.Probe, attempts []probe.Attempt) (string, error) {
	if out.CommandID == "" {
		text, err := probe.Command(attempts)
		if err != nil {
			return "", err
		}
		started, err := w.Commands.Execute(ctx, compute.Command{
			ClusterId: cluster, ContextId: out.ContextID, Language: compute.LanguagePython, Command: text,
		})
		if err != nil {
			return "", err
		}
		out.CommandID = started.Response.Id
		return "", nil
	}
	got, err := w.Commands.CommandStatus(ctx, compute.CommandStatusRequest{ClusterId: cluster, ContextId: out.ContextID, CommandId: out.CommandID})
	if err != nil {
		return "", err
	}
	switch got.Status {
	case compute.CommandStatusFinished:
		if got.Results == nil || got.Results.ResultType != compute.ResultTypeText {
			return "", fmt.Errorf("the command ended without text")
		}
		return fmt.Sprint(got.Results.Data), nil
	case compute.CommandStatusError, compute.CommandStatusCancelled:
		// The output of a command may hold anything, so it stays out.
		return "", fmt.Errorf("the command ended as %s", got.Status)
	default:
		return "", nil
	}
}

// isGoneFromCluster says whether the cluster, the context or the command is not
// there any more: the cluster was stopped in the meantime.
func isGoneFromCluster(err error) bool {
	return failure.IsNotFound(err) || failure.Code(err) == "INVALID_STATE"
}

// reopen starts the cluster again, or makes a context on it, after it was
// stopped.
func (d *Deps) reopen(ctx context.Context, w *databricksapi.Workspace, doc *document.Document, out *document.Probe) error {
	c, err := findCluster(ctx, w, doc)
	if err != nil {
		return err
	}
	switch c.State {
	case compute.StateRunning:
		out.ContextID, _, err = openContext(ctx, w, c.ClusterId, out.ContextID)
	case compute.StateTerminated, compute.StateError:
		out.ContextID = ""
		err = d.startCluster(ctx, w, c, &document.ClusterCheck{ID: c.ClusterId})
	}
	return err
}
