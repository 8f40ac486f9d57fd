package step

import (
	"context"
	"fmt"
	"time"

	"github.com/databricks/databricks-sdk-go/service/sql"

	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/probe"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// verifySQLWarehouse starts the smallest SQL warehouse that runs in the VPC, or
// the one that an earlier attempt has made, and lists databases with it. A
// serverless one would run elsewhere and prove nothing.
// https://docs.databricks.com/api/workspace/warehouses/create
func verifySQLWarehouse(ctx context.Context, d *Deps, doc *document.Document) (*document.WarehouseCheck, error) {
	out := &document.WarehouseCheck{}
	if doc.SQLWarehouseCheck != nil && doc.SQLWarehouseCheck.Ready {
		return doc.SQLWarehouseCheck, nil
	}
	why, err := holds(doc)
	if err != nil {
		return nil, err
	}
	if doc.Spec.Metastore == (spec.Metastore{}) {
		why = "the spec sets up no metastore"
	}
	if why != "" {
		out.Wait, out.Outcome = d.wait(nil, true, paceWarehouse), skipped(why)
		return out, nil
	}
	w, err := d.workspace(ctx, doc)
	if err != nil {
		return nil, err
	}
	var previous *document.Wait
	if doc.SQLWarehouseCheck != nil {
		*out, previous = *doc.SQLWarehouseCheck, &doc.SQLWarehouseCheck.Wait
		overdue := d.Now().Sub(previous.Looked) - time.Duration(previous.PauseSeconds)*time.Second
		if overdue > redriven {
			out.StatementID, out.Attempts, out.Begun, previous = "", 0, time.Time{}, nil
		}
	}
	found, err := findWarehouse(ctx, w, doc)
	if err != nil {
		return nil, err
	}
	out.ID, out.State = found.Id, string(found.State)
	var listed *probe.Result
	switch found.State {
	case sql.StateRunning:
		if listed, err = showDatabases(ctx, w, out); err != nil {
			return nil, err
		}
	case sql.StateStopped:
		out.StatementID = ""
		if err := d.startWarehouse(ctx, w, found, out); err != nil {
			return nil, d.keepEnd(ctx, doc, "VerifySqlWarehouse", "sql.runs", "A SQL warehouse starts", out.ID, err)
		}
	}
	if out.Attempts == 0 {
		out.Attempts, out.Begun = 1, d.Now().UTC()
	}
	out.Wait = d.wait(previous, listed != nil, paceWarehouse)
	if listed == nil {
		if found.State == sql.StateRunning {
			out.PauseSeconds = shortly
		}
		out.Outcome = outcomeOf(out.Wait, out.State)
		return out, late("VerifySqlWarehouse", out.Wait, "SQL warehouse "+verificationName+" ("+out.ID+")", out.State)
	}
	return out, d.concludeWarehouse(ctx, doc, out, *listed)
}

// concludeWarehouse compares what the warehouse lists with what Glue has.
func (d *Deps) concludeWarehouse(ctx context.Context, doc *document.Document, out *document.WarehouseCheck, listed probe.Result) error {
	p := d.newProof()
	c := document.Check{
		ID: "sql.databases", What: "A SQL warehouse lists its databases", Object: out.ID,
		How: "SHOW DATABASES on a pro warehouse, 2X-Small", Seen: list(listed.Values),
		Remedy: "Look at the metastore of the workspace, and whether the service principal may use it.",
	}
	ok := listed.Outcome == probe.Answered
	if !ok {
		c.Seen = listed.Error
	}
	switch {
	case doc.Spec.Metastore.Hive != nil:
		c.Remedy = hiveRemedy(doc)
	case doc.Spec.Metastore.Glue != nil:
		catalog, err := d.catalog(ctx, doc)
		if err != nil {
			return err
		}
		c.What, c.How = "A SQL warehouse lists the databases that Glue has", c.How+"; glue GetDatabases"
		c.Remedy = glueRemedy(doc)
		ok, c.Seen = sameDatabases(listed, catalog)
	}
	p.check(ok, c)
	var err error
	out.Checks, err = d.conclude(ctx, doc, "VerifySqlWarehouse", p)
	return err
}

// findWarehouse finds the warehouse, or creates it.
func findWarehouse(ctx context.Context, w *databricksapi.Workspace, doc *document.Document) (sql.EndpointInfo, error) {
	found, _, err := ensure(ctx, "SQL warehouse "+verificationName,
		func(ctx context.Context) ([]sql.EndpointInfo, error) {
			all, err := w.Warehouses.ListAll(ctx, sql.ListWarehousesRequest{})
			return matching(all, func(e sql.EndpointInfo) bool { return e.Name == verificationName }), err
		},
		func(e sql.EndpointInfo) string { return e.Id },
		func(ctx context.Context) (sql.EndpointInfo, error) {
			made, err := w.Warehouses.Create(ctx, sql.CreateWarehouseRequest{
				Name: verificationName, ClusterSize: "2X-Small", AutoStopMins: idleMinutes, MinNumClusters: 1, MaxNumClusters: 1,
				WarehouseType: sql.CreateWarehouseRequestWarehouseTypePro,
				Tags: &sql.EndpointTags{CustomTags: []sql.EndpointTagPair{
					{Key: plan.TagWorkspace, Value: doc.Workspace}, {Key: plan.TagManaged, Value: plan.Owned},
					{Key: plan.TagObject, Value: "verification-warehouse"},
				}},
				// It has to run in the VPC; false would be left out.
				ForceSendFields: []string{"EnableServerlessCompute"},
			})
			if failure.Code(err) == "RESOURCE_ALREADY_EXISTS" {
				return sql.EndpointInfo{}, failure.As(plan.NotReady, "", err)
			}
			if err != nil {
				return sql.EndpointInfo{}, err
			}
			return sql.EndpointInfo{Id: made.Response.Id, State: sql.StateStarting}, nil
		})
	return found, err
}

// startWarehouse starts a warehouse that has stopped. One that did not start in
// this execution is started again only for want of a settled PrivateLink.
func (d *Deps) startWarehouse(ctx context.Context, w *databricksapi.Workspace, found sql.EndpointInfo, out *document.WarehouseCheck) error {
	now := d.Now().UTC()
	if failed := found.Health != nil && found.Health.Status == sql.StatusFailed; failed && out.Attempts > 0 {
		reason := found.Health.FailureReason
		code := "UNKNOWN"
		if reason != nil {
			code = string(reason.Code)
		}
		if !unsettledCode(code) || now.Sub(out.Begun) >= settling {
			return ended("SQL warehouse", found.Id, out.Attempts, code, found.Health.Summary)
		}
	}
	if _, err := w.Warehouses.Start(ctx, sql.StartRequest{Id: found.Id}); err != nil {
		return fmt.Errorf("starting SQL warehouse %s: %w", found.Id, err)
	}
	if out.Attempts == 0 {
		out.Begun = now
	}
	out.Attempts++
	out.State = string(sql.StateStarting)
	return nil
}

// showDatabases runs the statement, or looks at the one that was started; nil
// means that it still runs.
// https://docs.databricks.com/api/workspace/statementexecution/executestatement
func showDatabases(ctx context.Context, w *databricksapi.Workspace, out *document.WarehouseCheck) (*probe.Result, error) {
	var got *sql.StatementResponse
	var err error
	if out.StatementID != "" {
		got, err = w.Statements.GetStatementByStatementId(ctx, out.StatementID)
	}
	if out.StatementID == "" || failure.IsNotFound(err) {
		got, err = w.Statements.ExecuteStatement(ctx, sql.ExecuteStatementRequest{
			WarehouseId: out.ID, Statement: "SHOW DATABASES", WaitTimeout: "0s",
			Disposition: sql.DispositionInline, Format: sql.FormatJsonArray,
		})
	}
	if err != nil {
		return nil, fmt.Errorf("running a statement on SQL warehouse %s: %w", out.ID, err)
	}
	out.StatementID = got.StatementId
	if got.Status == nil {
		return nil, nil
	}
	switch got.Status.State {
	case sql.StatementStateSucceeded:
		r := &probe.Result{Outcome: probe.Answered}
		if got.Result != nil {
			for _, row := range got.Result.DataArray {
				if len(row) > 0 {
					r.Values = append(r.Values, row[0])
				}
			}
		}
		return r, nil
	case sql.StatementStateFailed, sql.StatementStateCanceled, sql.StatementStateClosed:
		r := &probe.Result{Outcome: probe.Failed, Error: string(got.Status.State)}
		if got.Status.Error != nil {
			r.Error = got.Status.Error.Message
		}
		return r, nil
	default:
		return nil, nil
	}
}
