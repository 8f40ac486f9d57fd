package step

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// awaitWorkspace waits until the workspace is RUNNING and its network, which
// Databricks checks only once it is attached, is valid.
func awaitWorkspace(ctx context.Context, d *Deps, doc *document.Document) (*document.WorkspaceStatus, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	id, err := strconv.ParseInt(doc.DatabricksWorkspace.ID, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("reading workspace id %q: %w", doc.DatabricksWorkspace.ID, err)
	}
	what := fmt.Sprintf("workspace %s (%d)", doc.DatabricksWorkspace.Name, id)
	w, err := account.Workspaces.GetByWorkspaceId(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("looking at %s: %w", what, err)
	}
	out := &document.WorkspaceStatus{Status: string(w.WorkspaceStatus)}
	ready := w.WorkspaceStatus == provisioning.WorkspaceStatusRunning
	// Unknown words are waited for: there are more than the SDK knows.
	ended := strings.HasPrefix(out.Status, "CANCEL") ||
		w.WorkspaceStatus == provisioning.WorkspaceStatusFailed || w.WorkspaceStatus == provisioning.WorkspaceStatusBanned
	if ready || ended {
		network, err := account.Networks.GetByNetworkId(ctx, doc.Network.ID)
		if err != nil {
			return nil, fmt.Errorf("looking at network configuration %s: %w", doc.Network.ID, err)
		}
		out.NetworkStatus = string(network.VpcStatus)
		if ended || network.VpcStatus == provisioning.VpcStatusBroken {
			return nil, workspaceFailed(what, w, network)
		}
		ready = network.VpcStatus != provisioning.VpcStatusUnattached
		if w.NetworkId != doc.Network.ID {
			// A change that goes wrong may be undone without a word.
			ready, out.Reason = false, "in network "+w.NetworkId+" and not yet in "+doc.Network.ID
		}
		if network.VpcStatus == provisioning.VpcStatusWarned {
			out.Reason = "network " + strings.Join(networkMessages(network), "; ")
		}
	}
	var previous *document.Wait
	if doc.WorkspaceStatus != nil {
		previous = &doc.WorkspaceStatus.Wait
	}
	out.Wait = d.wait(previous, ready, paceWorkspace)
	reason := strings.TrimSpace(out.Status + " " + w.WorkspaceStatusMessage + " " + out.Reason)
	out.Outcome = outcomeOf(out.Wait, reason)
	return out, late("AwaitWorkspace", out.Wait, what, reason)
}

// workspaceFailed says what Databricks says about a workspace that will not
// run, and about its network. Nothing is deleted.
func workspaceFailed(what string, w *provisioning.Workspace, network *provisioning.Network) error {
	text := fmt.Sprintf("its status is %s: %s", w.WorkspaceStatus, w.WorkspaceStatusMessage)
	if messages := networkMessages(network); len(messages) > 0 {
		text += fmt.Sprintf("; network configuration %s (%s) is %s: %s", network.NetworkName, network.NetworkId,
			network.VpcStatus, strings.Join(messages, "; "))
	}
	return failure.New(plan.ActionRequired,
		"Remove the cause that is named above, then push the spec again: the workspace is kept and will be repaired in place.",
		"waiting for %s: %s", what, text)
}

func networkMessages(network *provisioning.Network) []string {
	var messages []string
	for _, e := range network.ErrorMessages {
		messages = append(messages, fmt.Sprintf("%s: %s", e.ErrorType, e.ErrorMessage))
	}
	for _, w := range network.WarningMessages {
		messages = append(messages, fmt.Sprintf("%s: %s", w.WarningType, w.WarningMessage))
	}
	return messages
}
