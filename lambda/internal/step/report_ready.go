package step

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/report"
)

// reportReady tells that the workspace is as the spec wants it. The lease is
// released last: a report that failed is made again under it.
func reportReady(ctx context.Context, d *Deps, doc *document.Document) (*document.Report, error) {
	changed, err := changedSteps(doc)
	if err != nil {
		return nil, err
	}
	now := d.Now()
	duration := int(now.Sub(doc.Execution.StartTime).Seconds())
	out := &document.Report{
		Outcome: document.Outcome{Outcome: document.Ready}, URL: doc.DatabricksWorkspace.URL,
		Changed: changed, Objects: objectsOf(doc), Verification: doc.Verification.Report, DurationSeconds: duration,
	}
	status, err := d.Statuses.Read(ctx, doc.Workspace)
	if err != nil {
		return nil, err
	}
	reason, message := "WorkspaceUnchanged", "Everything is as the spec wants it; nothing was changed."
	if len(changed) > 0 {
		reason, message = "WorkspaceReady", fmt.Sprintf("The workspace runs at %s.", out.URL)
	}
	out.Reason = message
	// An execution that is redriven took its lease before it failed, and one that
	// verifies comes here only to mend what has drifted.
	recovered := doc.Lease.Recovers || troubled(status) || doc.Mode == document.Verify
	status.Attempt(doc.Revision, doc.Execution.ARN)
	status.LastAppliedRevision, status.URL, status.Objects = doc.Revision.String(), out.URL, out.Objects
	status.Verified = &report.Proof{
		SpecDigest: doc.Verification.SpecDigest, Report: doc.Verification.Report, Digest: doc.Verification.Digest, Time: doc.Verification.Time,
	}
	// What an earlier spec had and this one has not is gone by now.
	identity := identityOf(doc)
	status.TagKeys, status.Applied = slices.Sorted(maps.Keys(doc.Spec.Tags)), &identity
	status.Set(now, report.Condition{Type: report.ConditionReady, Status: "True", Reason: reason, Message: message})
	if err := d.Statuses.Write(ctx, status); err != nil {
		return nil, err
	}
	if err := d.applied(ctx, doc, out.Objects); err != nil {
		return nil, err
	}
	if err := d.Publisher.Publish(ctx, report.Ready, "ready", subject(doc), report.ReadyData{
		URL: out.URL, Changed: changed, Objects: out.Objects, DurationSeconds: duration, Settled: settled(doc), Recovered: recovered,
		Report: doc.Verification.Report, ReportDigest: doc.Verification.Digest,
	}); err != nil {
		return nil, err
	}
	return out, d.release(ctx, doc)
}

// release gives back what the execution holds.
func (d *Deps) release(ctx context.Context, doc *document.Document) error {
	if doc.Slot != nil && doc.Slot.Held {
		if err := d.Slots.Release(ctx, doc.Execution.ARN); err != nil {
			return err
		}
	}
	return d.Leases.Release(ctx, doc.Workspace, doc.Execution.ARN)
}

// applied notes what the workspace was made from, for the day on which its spec
// is deleted.
func (d *Deps) applied(ctx context.Context, doc *document.Document, objects map[string][]string) error {
	attempt, err := attemptOf(doc)
	if err != nil {
		return err
	}
	attempt.Objects = objects
	return d.Records.Write(ctx, &report.Record{Workspace: doc.Workspace, Attempted: attempt, Applied: attempt})
}

// objectsOf lists the ids of all that exists.
func objectsOf(doc *document.Document) map[string][]string {
	all := map[string][]string{
		"vpc":                   {doc.VPC.ID},
		"subnets":               append(doc.Subnets.WorkspaceIDs(), doc.Subnets.Endpoint.ID),
		"securityGroups":        {doc.SecurityGroups.Workspace.ID, doc.SecurityGroups.Endpoint.ID},
		"routeTables":           append(append([]string(nil), doc.RouteTables.Workspace...), doc.RouteTables.Endpoint.ID),
		"workspaceEndpoint":     {doc.WorkspaceEndpoint.ID},
		"relayEndpoint":         {doc.RelayEndpoint.ID},
		"s3Endpoint":            {doc.S3Endpoint.ID},
		"stsEndpoint":           {doc.STSEndpoint.ID},
		"kinesisEndpoint":       {doc.KinesisEndpoint.ID},
		"workspaceRegistration": {doc.WorkspaceRegistration.ID},
		"relayRegistration":     {doc.RelayRegistration.ID},
		"crossAccountRole":      {doc.CrossAccountRole.ARN},
		"credentials":           {doc.Credentials.ID},
		"rootBucket":            {doc.RootBucket.ID},
		"storage":               {doc.Storage.ID},
		"privateAccessSettings": {doc.PrivateAccessSettings.ID},
		"network":               {doc.Network.ID},
		"databricksWorkspace":   {doc.DatabricksWorkspace.ID},
	}
	if doc.Spec.Metastore.Glue != nil {
		all["glueEndpoint"] = []string{doc.GlueEndpoint.ID}
		all["glueInstanceProfile"] = []string{doc.GlueInstanceProfile.ARN}
	}
	if doc.Spec.PrivateLink.FrontEnd != nil {
		all["frontEndEndpoint"] = []string{doc.FrontEndEndpoint.ID}
		all["frontEndRegistration"] = []string{doc.FrontEndRegistration.ID}
		for _, zone := range doc.FrontEndDNS.Zones {
			all["frontEndZones"] = append(all["frontEndZones"], zone.ID)
		}
	}
	for name, key := range map[string]document.Object{
		"managedServicesKey": doc.CustomerManagedKeys.ManagedServices, "storageKey": doc.CustomerManagedKeys.Storage,
	} {
		if key.ARN != "" {
			all[name] = []string{key.ARN}
		}
	}
	return all
}
