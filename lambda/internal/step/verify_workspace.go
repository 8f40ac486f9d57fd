package step

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/iam"

	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// verifyWorkspace checks that the workspace answers and lets the service
// principal in. Before any compute is started it notes where, so that it can be
// stopped after a crash.
func verifyWorkspace(ctx context.Context, d *Deps, doc *document.Document) (*document.Checks, error) {
	why, err := holds(doc)
	if err != nil {
		return nil, err
	}
	if why != "" {
		return &document.Checks{Outcome: skipped(why)}, nil
	}
	w, err := d.workspace(ctx, doc)
	if err != nil {
		return nil, err
	}
	p := d.newProof()
	status, err := w.Answers(ctx)
	if err != nil {
		return nil, fmt.Errorf("calling %s: %w", w.URL, err)
	}
	if status >= http.StatusInternalServerError || status == http.StatusTooManyRequests {
		return nil, failure.New(plan.Transient, "Look at the status page of Databricks.", "calling %s: HTTP %d", w.URL, status)
	}
	p.check(true, document.Check{
		ID: "workspace.answers", What: "The workspace answers at its URL", Object: w.URL,
		How: "GET /login.html, without signing in", Seen: fmt.Sprintf("HTTP %d", status),
	})
	me, err := w.Users.Me(ctx, iam.MeRequest{})
	switch {
	case err == nil:
		p.check(true, document.Check{
			ID: "workspace.sign-in", What: "The service principal signs in", Object: w.URL,
			How: "OAuth, then GET /api/2.0/preview/scim/v2/Me", Seen: "signed in as " + me.UserName,
		})
	case isDenied(err):
		return nil, lockedOut(doc, err)
	default:
		return nil, fmt.Errorf("signing in to %s: %w", w.URL, err)
	}
	if err := d.Evidence.Open(ctx, doc.Workspace, report.Ledger{
		Account: doc.Spec.Databricks.AccountID, URL: w.URL, WorkspaceID: doc.DatabricksWorkspace.ID, Execution: doc.Execution.ARN,
	}); err != nil {
		return nil, err
	}
	out, err := d.conclude(ctx, doc, "VerifyWorkspace", p)
	return &out, err
}

// workspace opens the workspace's own API.
func (d *Deps) workspace(ctx context.Context, doc *document.Document) (*databricksapi.Workspace, error) {
	return d.Databricks.Workspace(ctx, doc.Spec.Databricks.AccountID, doc.DatabricksWorkspace.URL, doc.DatabricksWorkspace.ID)
}

func isDenied(err error) bool {
	api, ok := errors.AsType[*apierr.APIError](err)
	return ok && (api.StatusCode == http.StatusForbidden || api.StatusCode == http.StatusUnauthorized)
}

// lockedOut explains why the workspace does not let this function in.
func lockedOut(doc *document.Document, err error) error {
	remedy := "Assign the service principal to the workspace as an admin (account console, Workspaces, Permissions), then redrive the execution."
	if strings.Contains(failure.Code(err), "PRIVATE_LINK") {
		remedy = "The workspace admits its endpoints only, and this function does not come through one: allow public access in the private access settings, then redrive the execution."
	}
	return failure.As(plan.AccessDenied, remedy, fmt.Errorf("signing in to %s: %w", doc.DatabricksWorkspace.URL, err))
}
