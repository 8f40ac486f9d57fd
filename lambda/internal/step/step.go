// Package step holds the steps of the plan, one file each, named as the state
// is. Every step observes, decides and acts, and is safe to repeat: it finds
// what it made before by id, tag or name; converges what is ours and differs;
// and stops with a Conflict before it touches what is not ours.
package step

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/lease"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/slot"
	"lakegate/lambda/internal/source"
	"lakegate/lambda/internal/telemetry"
	"lakegate/lambda/plan"
)

// Deps is what steps act on.
type Deps struct {
	AWS        *awsapi.Clients
	Databricks *databricksapi.Accounts
	Source     source.Source
	Leases     *lease.Store
	Slots      *slot.Store
	Statuses   *report.Statuses
	Records    *report.Records
	Publisher  *report.Publisher
	Evidence   *report.Evidence
	// EndpointsPerSecond is how many VPC endpoints may be made in one account and
	// region; 0 means any number.
	EndpointsPerSecond float64
	// FunctionsVPC is the VPC that the functions which call workspaces run in;
	// empty if they run in none.
	FunctionsVPC string
	// TargetRoles are the roles of other accounts that the stack allows to assume.
	TargetRoles []string
	// Resolve returns the addresses of a host as this function sees them.
	Resolve func(ctx context.Context, host string) ([]string, error)
	Now     func() time.Time
}

// Func is a step: it takes the document and returns what it adds to it.
type Func func(context.Context, *Deps, *document.Document) (result, error)

// result is what a step adds to the document; each has an Outcome.
type result interface{ Did() document.Outcome }

// Registry holds the step of each state by its name.
var Registry = map[string]Func{
	"LoadSpec":                    as(loadSpec),
	"AcquireLease":                as(acquireLease),
	"AcquireSlot":                 as(acquireSlot),
	"EnsureVpc":                   as(ensureVpc),
	"EnsureSubnets":               as(ensureSubnets),
	"EnsureSecurityGroups":        as(ensureSecurityGroups),
	"EnsureRouteTables":           as(ensureRouteTables),
	"VerifyNetworkAcls":           as(verifyNetworkAcls),
	"EnsureWorkspaceEndpoint":     as(ensureWorkspaceEndpoint),
	"EnsureRelayEndpoint":         as(ensureRelayEndpoint),
	"EnsureS3Endpoint":            as(ensureS3Endpoint),
	"EnsureStsEndpoint":           as(ensureStsEndpoint),
	"EnsureKinesisEndpoint":       as(ensureKinesisEndpoint),
	"EnsureFrontEndEndpoint":      as(ensureFrontEndEndpoint),
	"RegisterFrontEndEndpoint":    as(registerFrontEndEndpoint),
	"EnsureFrontEndDns":           as(ensureFrontEndDNS),
	"VerifyFrontEnd":              as(verifyFrontEnd),
	"RegisterWorkspaceEndpoint":   as(registerWorkspaceEndpoint),
	"RegisterRelayEndpoint":       as(registerRelayEndpoint),
	"AwaitEndpoints":              as(awaitEndpoints),
	"EnsureCrossAccountRole":      as(ensureCrossAccountRole),
	"RegisterCredentials":         as(registerCredentials),
	"EnsureRootBucket":            as(ensureRootBucket),
	"RegisterStorage":             as(registerStorage),
	"EnsurePrivateAccessSettings": as(ensurePrivateAccessSettings),
	"RegisterNetwork":             as(registerNetwork),
	"AwaitMovedEndpoints":         as(awaitMovedEndpoints),
	"StopRunningCompute":          as(stopRunningCompute),
	"CreateWorkspace":             as(createWorkspace),
	"AwaitWorkspace":              as(awaitWorkspace),
	"EnablePrivateDns":            as(enablePrivateDNS),
	"AwaitPrivateDns":             as(awaitPrivateDNS),
	"EnsureGlueEndpoint":          as(ensureGlueEndpoint),
	"EnsureGlueInstanceProfile":   as(ensureGlueInstanceProfile),
	"EnsureCustomerManagedKeys":   as(ensureCustomerManagedKeys),
	"RegisterCustomerManagedKeys": as(registerCustomerManagedKeys),
	"VerifyWorkspace":             as(verifyWorkspace),
	"RegisterInstanceProfile":     as(registerInstanceProfile),
	"AssignMetastore":             as(assignMetastore),
	"VerifyNetwork":               as(verifyNetwork),
	"VerifyCluster":               as(verifyCluster),
	"VerifyPrivateDns":            as(verifyPrivateDNS),
	"VerifyPorts":                 as(verifyPorts),
	"VerifyMetastore":             as(verifyMetastore),
	"VerifyIsolation":             as(verifyIsolation),
	"ConfigureSqlWarehouses":      as(configureSQLWarehouses),
	"VerifySqlWarehouse":          as(verifySQLWarehouse),
	"StopCompute":                 as(stopCompute),
	"ReportVerification":          as(reportVerification),
	"DeleteFormerNetwork":         as(deleteFormerNetwork),
	"ReportReady":                 as(reportReady),

	"LoadRetirement":                as(loadRetirement),
	"LoadWorkspace":                 as(loadWorkspace),
	"StopWorkspaceCompute":          retiring(stopWorkspaceCompute),
	"ReleaseGiven":                  retiring(releaseGiven),
	"DeleteWorkspace":               retiring(deleteWorkspace),
	"AwaitWorkspaceGone":            awaiting(awaitWorkspaceGone),
	"DeregisterNetwork":             retiring(deregisterNetwork),
	"DeletePrivateAccessSettings":   retiring(deletePrivateAccessSettings),
	"DeregisterEndpoints":           retiring(deregisterEndpoints),
	"DeregisterStorage":             retiring(deregisterStorage),
	"DeregisterCredentials":         retiring(deregisterCredentials),
	"DeregisterCustomerManagedKeys": retiring(deregisterCustomerManagedKeys),
	"DeleteFrontEndDns":             retiring(deleteFrontEndDNS),
	"DeleteEndpoints":               retiring(deleteEndpoints),
	"AwaitEndpointsGone":            awaiting(awaitEndpointsGone),
	"DeleteLeftovers":               awaiting(deleteLeftovers),
	"DeleteSecurityGroups":          retiring(deleteSecurityGroups),
	"DeleteSubnets":                 retiring(deleteSubnets),
	"DeleteRouteTables":             retiring(deleteRouteTables),
	"DeleteVpc":                     retiring(deleteVpc),
	"DeleteCrossAccountRole":        retiring(deleteCrossAccountRole),
	"DeleteGlueInstanceProfile":     retiring(deleteGlueInstanceProfile),
	"DeleteRootBucket":              awaiting(deleteRootBucket),
	"DeleteCustomerManagedKeys":     retiring(deleteCustomerManagedKeys),
	"AuditRetirement":               as(auditRetirement),
	"ReportRetired":                 as(reportRetired),
}

// It runs the other steps, which the compiler takes for a circle.
func init() { Registry["PlanChanges"] = as(planChanges) }

func as[R result](f func(context.Context, *Deps, *document.Document) (R, error)) Func {
	return func(ctx context.Context, d *Deps, doc *document.Document) (result, error) { return f(ctx, d, doc) }
}

// Run runs the step of one state: it decodes the document, checks the lease,
// does the work and announces it.
func (d *Deps) Run(ctx context.Context, name string, payload []byte) (out any, err error) {
	f, ok := Registry[name]
	if !ok {
		return nil, fmt.Errorf("running step %s: there is no such step", name)
	}
	doc, err := decode(name, payload)
	if err != nil {
		return nil, err
	}
	telemetry.About(ctx, telemetry.Subject{
		Workspace: doc.Workspace, Revision: doc.Revision.String(), Execution: doc.Execution.Name, Mode: doc.Mode,
	})
	defer func() {
		if value := recover(); value != nil {
			// The value may hold anything, so it stays out of the error.
			slog.ErrorContext(ctx, "step panicked", "panic", fmt.Sprint(value), "stack", string(debug.Stack()))
			err = failure.New(plan.Internal, "", "running step %s: it panicked", name)
		}
	}()
	// The first two steps run before there is a lease.
	if doc.Lease != nil && doc.Lease.Ready && !patient(name) {
		if err := d.Leases.Check(ctx, doc.Workspace, doc.Execution.ARN, doc.Lease.Generation); err != nil {
			return nil, err
		}
	}
	r, err := f(ctx, d.in(name, doc), doc)
	if err != nil {
		return nil, err
	}
	did := r.Did()
	slog.InfoContext(ctx, "step done", "outcome", did.Outcome, "reason", did.Reason, "ids", subjectsOf(r))
	telemetry.Did(ctx, did.Outcome, d.waited(r), did.Outcome != document.Waiting)
	d.announce(ctx, name, doc, r)
	return r, nil
}

// subjectsOf are the ids of what a result is about, if it is about objects.
func subjectsOf(r result) []string {
	if r, ok := r.(interface{ IDs() []string }); ok {
		return r.IDs()
	}
	return nil
}

// waited is for how long a step has looked for something.
func (d *Deps) waited(r result) time.Duration {
	if w, ok := r.(interface{ Began() time.Time }); ok && !w.Began().IsZero() {
		return d.Now().Sub(w.Began())
	}
	return 0
}

// inPlan are the steps of the plan by their names; each invocation asks for one.
var inPlan = sync.OnceValue(func() map[string]plan.Step {
	steps := map[string]plan.Step{}
	for _, s := range plan.Steps() {
		steps[s.Name] = s
	}
	return steps
})

// patient says whether a newer execution waits for the step.
func patient(name string) bool { return inPlan()[name].Patient }

// announce sends the event of a step that has done its work. An event that
// cannot be sent fails nothing: the execution's history has it all.
func (d *Deps) announce(ctx context.Context, name string, doc *document.Document, r result) {
	did := r.Did()
	if did.Outcome == document.Waiting || name == "ReportReady" || name == "ReportRetired" {
		return
	}
	data := report.StepCompletedData{
		Step: name, Outcome: did.Outcome, Reason: did.Reason, IDs: subjectsOf(r),
		DurationSeconds: int(d.Now().Sub(doc.Execution.StartTime).Seconds()),
	}
	if !loads(name) {
		data.Result = r
	}
	if err := d.Publisher.Publish(ctx, report.StepCompleted, name, subject(doc), data); err != nil {
		slog.WarnContext(ctx, "event not sent", "error", failure.Message(err))
	}
}

func subject(doc *document.Document) report.Subject {
	return report.Subject{
		Workspace: doc.Workspace, Revision: doc.Revision,
		ExecutionARN: doc.Execution.ARN, ExecutionName: doc.Execution.Name, Announced: announced(doc),
	}
}

// loads says whether a step is the first one of its machine.
func loads(name string) bool { return name == "LoadSpec" || name == "LoadRetirement" }

// decode reads the document. The first step gets the input of the execution
// instead.
func decode(name string, payload []byte) (*document.Document, error) {
	if !loads(name) {
		return document.Decode(payload)
	}
	var first struct {
		Input     document.Input     `json:"input"`
		Execution document.Execution `json:"execution"`
	}
	if err := json.Unmarshal(payload, &first); err != nil {
		return nil, fmt.Errorf("decoding input of execution: %w", err)
	}
	in := first.Input
	return &document.Document{Workspace: in.Workspace, Revision: in.Revision, Mode: cmp.Or(in.Mode, document.Apply), Execution: first.Execution}, nil
}
