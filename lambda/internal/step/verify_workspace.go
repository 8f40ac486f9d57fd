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
	if err := d.checkPath(ctx, doc, p); err != nil {
		return nil, err
	}
	if p.failed() {
		// What follows would fail for this reason, and not say so.
		out, err := d.conclude(ctx, doc, "VerifyWorkspace", p)
		return &out, err
	}
	status, err := w.Answers(ctx)
	if err != nil {
		return nil, d.unreached(w.URL, err)
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
		return nil, d.lockedOut(doc.DatabricksWorkspace.URL, err)
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

// checkPath looks whether this function reaches the workspace by the users'
// endpoint, if it runs in their VPC.
func (d *Deps) checkPath(ctx context.Context, doc *document.Document, p *proof) error {
	if d.FunctionsVPC == "" || doc.FrontEndEndpoint == nil || doc.FrontEndEndpoint.VPC != d.FunctionsVPC {
		return nil
	}
	host := hostOf(doc)
	found, err := d.Resolve(ctx, host)
	if err != nil {
		return fmt.Errorf("resolving %s: %w", host, err)
	}
	p.check(len(found) > 0 && len(without(found, doc.FrontEndDNS.Addresses)) == 0, document.Check{
		ID: "workspace.private-path", What: fmt.Sprintf("%s leads to the users' endpoint (%s)", host, strings.Join(doc.FrontEndDNS.Addresses, ", ")),
		Object: doc.FrontEndEndpoint.ID, How: "this function, which runs in " + d.FunctionsVPC + ", resolved the name", Seen: strings.Join(found, ", "),
		Remedy: "Look for a private hosted zone or a forwarding rule of the VPC that leads the name elsewhere.",
	})
	return nil
}

// unreached says where this function runs, which a workspace that does not
// answer cannot.
func (d *Deps) unreached(url string, err error) error {
	err = fmt.Errorf("calling %s: %w", url, err)
	if d.FunctionsVPC == "" {
		return err
	}
	return failure.As(failure.Classify(err).Class, fmt.Sprintf(
		"This function runs in %s: look whether the workspace's host leads to an endpoint there, or to the public network by a NAT gateway, and whether the functions' security groups let TCP 443 out; then redrive the execution.", d.FunctionsVPC), err)
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
func (d *Deps) lockedOut(url string, err error) error {
	remedy := "Assign the service principal to the workspace as an admin (account console, Workspaces, Permissions), then redrive the execution."
	if strings.Contains(failure.Code(err), "PRIVATE_LINK") {
		from := "the public network"
		if d.FunctionsVPC != "" {
			from = d.FunctionsVPC
		}
		remedy = "The workspace admits its endpoints only, and this function comes from " + from + ": give the spec a front end there and deploy the functions into it, or allow public access in the private access settings; then redrive the execution."
	}
	return failure.As(plan.AccessDenied, remedy, fmt.Errorf("signing in to %s: %w", url, err))
}
