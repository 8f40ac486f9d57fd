package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// auditRetirement looks for everything that is left with our tags or names. What
// no step has said why it stays is a failure.
func auditRetirement(ctx context.Context, d *Deps, doc *document.Document) (*document.Audit, error) {
	out := &document.Audit{Left: []document.Left{}}
	if doc.Digest == "" {
		out.Outcome = skipped(doc.Retirement.Reason)
		return out, nil
	}
	found, err := d.everything(ctx, doc)
	if err != nil {
		return nil, err
	}
	if !doc.Retirement.Delete {
		for _, what := range found {
			out.Left = append(out.Left, document.Left{What: what, Why: doc.Retirement.Reason})
		}
		out.Outcome = document.Outcome{Outcome: document.Kept, Reason: fmt.Sprintf("%d objects stay", len(found))}
		return out, nil
	}
	out.Left = append(out.Left, doc.Kept()...)
	var unexplained []string
	for _, what := range found {
		if !slices.ContainsFunc(out.Left, func(l document.Left) bool { return l.What == what }) {
			unexplained = append(unexplained, what)
		}
	}
	if len(unexplained) > 0 {
		return nil, failure.New(plan.NotReady, "Delete what is named above, or put the spec back, push it and delete it again; then redrive the execution.",
			"looking for what is left of workspace %s: there is still %s", doc.Workspace, strings.Join(unexplained, ", "))
	}
	out.Outcome = document.Outcome{Outcome: document.Verified, Reason: "nothing is left"}
	if len(out.Left) > 0 {
		out.Outcome = document.Outcome{Outcome: document.Kept, Reason: fmt.Sprintf("%d objects stay", len(out.Left))}
	}
	return out, nil
}

// everything lists what there is of a workspace in both accounts, in the words
// of the steps that take it down.
func (d *Deps) everything(ctx context.Context, doc *document.Document) ([]string, error) {
	var found []string
	api := d.AWS.EC2(doc.Spec.Region)
	vpcs, err := ownedVPCs(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	endpoints, err := ownedEndpoints(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	for _, look := range []func(context.Context, awsapi.EC2, *document.Document) ([]owned, error){ownedSubnets, ownedTables, ownedGroups} {
		all, err := look(ctx, api, doc)
		if err != nil {
			return nil, err
		}
		found = append(found, whats(all)...)
	}
	found = slices.Concat(whats(vpcs), found, whats(endpoints))
	for _, look := range []func(context.Context, *document.Document) ([]string, error){
		d.rolesLeft, d.bucketsLeft, d.zonesLeft, d.keysLeft,
		func(ctx context.Context, doc *document.Document) ([]string, error) {
			return d.registrationsLeft(ctx, doc, idsOf(vpcs), idsOf(endpoints))
		},
	} {
		all, err := look(ctx, doc)
		if err != nil {
			return nil, err
		}
		found = append(found, all...)
	}
	return found, nil
}

func (d *Deps) rolesLeft(ctx context.Context, doc *document.Document) (found []string, err error) {
	for _, name := range append(crossAccountRoles(doc), glueProfiles(doc)...) {
		role, err := ownedRole(ctx, d.AWS.IAM(), doc, name)
		if err != nil {
			return nil, err
		}
		if role != nil {
			found = append(found, "role "+name)
		}
	}
	for _, name := range glueProfiles(doc) {
		profile, err := ownedProfile(ctx, d.AWS.IAM(), doc, name)
		if err != nil {
			return nil, err
		}
		if profile != nil {
			found = append(found, "instance profile "+name)
		}
	}
	return found, nil
}

func (d *Deps) bucketsLeft(ctx context.Context, doc *document.Document) (found []string, err error) {
	for _, name := range bucketNames(doc) {
		ours, err := isOurBucket(ctx, d.AWS.Buckets(doc.Spec.Region), doc, name)
		if err != nil {
			return nil, err
		}
		if ours {
			found = append(found, "bucket "+name)
		}
	}
	return found, nil
}

func (d *Deps) zonesLeft(ctx context.Context, doc *document.Document) (found []string, err error) {
	zones, err := d.ownedZones(ctx, doc)
	for _, z := range zones {
		found = append(found, zoneText(z))
	}
	return found, err
}

// keysLeft leaves out the keys whose deletion is scheduled.
func (d *Deps) keysLeft(ctx context.Context, doc *document.Document) (found []string, err error) {
	keys, err := ownedKeys(ctx, d.AWS.Keys(doc.Spec.Region), doc)
	for _, k := range keys {
		if !k.going {
			found = append(found, "key "+k.arn)
		}
	}
	return found, err
}

func (d *Deps) registrationsLeft(ctx context.Context, doc *document.Document, vpcs, endpoints []string) (found []string, err error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	ours, _, err := d.workspacesOf(ctx, account, doc)
	if err != nil {
		return nil, err
	}
	for _, w := range ours {
		found = append(found, workspaceText(w))
	}
	keys, err := ownedKeys(ctx, d.AWS.Keys(doc.Spec.Region), doc)
	if err != nil {
		return nil, err
	}
	made := map[provisioning.KeyUseCase][]string{}
	for _, k := range keys {
		for _, use := range []provisioning.KeyUseCase{provisioning.KeyUseCaseManagedServices, provisioning.KeyUseCaseStorage} {
			made[use] = append(made[use], k.arn)
		}
	}
	for _, look := range []func() ([]registered, error){
		func() ([]registered, error) { all, _, err := d.credentialsOf(ctx, account, doc); return all, err },
		func() ([]registered, error) { all, _, err := d.storageOf(ctx, account, doc); return all, err },
		func() ([]registered, error) { return networksOf(ctx, account, doc, vpcs) },
		func() ([]registered, error) { return settingsOf(ctx, account, doc) },
		func() ([]registered, error) { return registrationsOf(ctx, account, doc, endpoints) },
		func() ([]registered, error) { return keysOf(ctx, account, doc, made) },
	} {
		all, err := look()
		if err != nil {
			return nil, err
		}
		for _, r := range all {
			if r.named && r.fits {
				found = append(found, r.what)
			}
		}
	}
	return found, nil
}
