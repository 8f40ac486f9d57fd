package step

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// createWorkspace finds or creates the workspace. Names of workspaces need not
// be unique in Databricks; here they are, since the name is all by which a
// workspace whose creation was not answered can be found again. A FAILED one is
// kept and repaired: the same objects are set once more, which makes Databricks
// provision it again.
// https://docs.databricks.com/api/account/workspaces/create
func createWorkspace(ctx context.Context, d *Deps, doc *document.Document) (*document.Workspace, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	want := provisioning.CreateWorkspaceRequest{
		WorkspaceName:           doc.Spec.Databricks.WorkspaceName,
		DeploymentName:          doc.Spec.Databricks.DeploymentName,
		AwsRegion:               doc.Spec.Region,
		CredentialsId:           doc.Credentials.ID,
		StorageConfigurationId:  doc.Storage.ID,
		NetworkId:               doc.Network.ID,
		PrivateAccessSettingsId: doc.PrivateAccessSettings.ID,
		CustomTags:              doc.Spec.Tags,
	}
	if keys := doc.KeyRegistrations; keys != nil {
		want.ManagedServicesCustomerManagedKeyId, want.StorageCustomerManagedKeyId = keys.ManagedServices.ID, keys.Storage.ID
	}
	found, created, err := ensure(ctx, "workspace "+want.WorkspaceName,
		func(ctx context.Context) ([]provisioning.Workspace, error) {
			all, err := account.Workspaces.List(databricksapi.Mentioning(ctx, want.WorkspaceName))
			return matching(all, func(w provisioning.Workspace) bool { return w.WorkspaceName == want.WorkspaceName }), err
		},
		func(w provisioning.Workspace) string { return strconv.FormatInt(w.WorkspaceId, 10) },
		func(ctx context.Context) (provisioning.Workspace, error) {
			// The SDK's wait is not used: Step Functions waits.
			wait, err := account.Workspaces.Create(ctx, want)
			if err != nil {
				return provisioning.Workspace{}, explainWorkspace(err)
			}
			return *wait.Response, nil
		})
	if err != nil {
		return nil, err
	}
	outcome := document.Outcome{Outcome: document.Created}
	if !created {
		if found.WorkspaceStatus == cancelling {
			return nil, failure.New(plan.NotReady, "Wait until Databricks has deleted the workspace, some minutes, then redrive the execution: it makes a new one.",
				"looking for %s: it is being deleted", workspaceText(found))
		}
		if outcome, err = convergeWorkspace(ctx, account, doc, found, want); err != nil {
			return nil, err
		}
	}
	removed, err := removeFormer(ctx, account, doc.Credentials.Former)
	if err != nil {
		return nil, err
	}
	for _, former := range removed {
		outcome = also(outcome, changing("removed its former credential configuration "+former, workspaceEntity(found).differs("former credential configuration", former, "")))
	}
	return &document.Workspace{
		Object: document.Object{
			ID: strconv.FormatInt(found.WorkspaceId, 10), Name: found.WorkspaceName, Outcome: outcome,
		},
		DeploymentName: found.DeploymentName,
		URL:            urlOf(found),
		Status:         string(found.WorkspaceStatus),
	}, nil
}

// explainWorkspace tells the author what can be wrong with the request: all
// that it refers to exists, so a refusal is about the names.
func explainWorkspace(err error) error {
	api, ok := errors.AsType[*apierr.APIError](err)
	if !ok || api.StatusCode != http.StatusBadRequest {
		return err
	}
	return failure.As(plan.Conflict,
		"Correct what Databricks names. A deployment name works only for accounts with a prefix: without one, remove spec.databricks.deploymentName.", err)
}

// convergeWorkspace changes what can be changed of a workspace that is there, in
// one request. What cannot is a Conflict.
// https://docs.databricks.com/api/account/workspaces/update
func convergeWorkspace(ctx context.Context, account *databricksapi.Account, doc *document.Document, found provisioning.Workspace, want provisioning.CreateWorkspaceRequest) (document.Outcome, error) {
	if err := workspaceDiffers(found, want); err != nil {
		return document.Outcome{}, err
	}
	var (
		to      provisioning.Workspace
		mask    []string
		changes change
		noted   string
	)
	this := workspaceEntity(found)
	for _, field := range []struct {
		name, found, want string
		to                *string
		what              string
	}{
		{"credentials_id", found.CredentialsId, want.CredentialsId, &to.CredentialsId, "changed its credential configuration"},
		{"network_id", found.NetworkId, want.NetworkId, &to.NetworkId, "moved it to another network"},
		{"private_access_settings_id", found.PrivateAccessSettingsId, want.PrivateAccessSettingsId, &to.PrivateAccessSettingsId, "changed its private access settings"},
		{"managed_services_customer_managed_key_id", found.ManagedServicesCustomerManagedKeyId, want.ManagedServicesCustomerManagedKeyId, &to.ManagedServicesCustomerManagedKeyId, "added its key for managed services"},
		{"storage_customer_managed_key_id", found.StorageCustomerManagedKeyId, want.StorageCustomerManagedKeyId, &to.StorageCustomerManagedKeyId, "added its key for storage"},
	} {
		if field.found != field.want {
			mask, *field.to = append(mask, field.name), field.want
			changes = changes.and(changing(field.what, this.differs(field.name, field.found, field.want)))
		}
	}
	put, drop := awsapi.Tags(found.CustomTags).Diff(want.CustomTags, formerTags(doc))
	switch tags := changedTags(found.CustomTags, put, drop); {
	case len(put)+len(drop) == 0:
	case len(tags) == 0:
		// An update without tags changes nothing.
		noted = "Databricks does not remove the last tags of a workspace: " + strings.Join(drop, ", ") + " stay"
	default:
		mask, to.CustomTags = append(mask, "custom_tags"), tags
		changes = changes.and(changing("changed its tags", this.tagsDiffer(found.CustomTags, put, drop)...))
	}
	if found.WorkspaceStatus == provisioning.WorkspaceStatusFailed {
		// The same objects are set once more, which provisions it again.
		to.CredentialsId, to.StorageConfigurationId, to.NetworkId = want.CredentialsId, want.StorageConfigurationId, want.NetworkId
		mask = append(slices.DeleteFunc(mask, func(m string) bool { return m == "credentials_id" || m == "network_id" }), "credentials_id", "storage_configuration_id", "network_id")
		changes = changes.and(changing("it was FAILED and is provisioned again", this.differs("status", string(found.WorkspaceStatus), string(provisioning.WorkspaceStatusRunning))))
	}
	if len(mask) == 0 {
		return document.Outcome{Outcome: document.Found, Reason: noted}, nil
	}
	if s := found.WorkspaceStatus; s != provisioning.WorkspaceStatusRunning && s != provisioning.WorkspaceStatusFailed {
		return document.Outcome{}, failure.New(plan.NotReady,
			"The workspace can be changed only while it is RUNNING: redrive the execution when it is.",
			"changing workspace %s (%d): it is %s", found.WorkspaceName, found.WorkspaceId, s)
	}
	if _, err := account.Workspaces.Update(ctx, provisioning.UpdateWorkspaceRequest{
		WorkspaceId: found.WorkspaceId, UpdateMask: strings.Join(mask, ","), CustomerFacingWorkspace: to,
	}); err != nil {
		return document.Outcome{}, fmt.Errorf("changing %s of workspace %s (%d): %w", strings.Join(mask, ", "), found.WorkspaceName, found.WorkspaceId, err)
	}
	outcome := made(false, changes)
	outcome.Reason = because(outcome.Reason, noted)
	return outcome, nil
}

func workspaceEntity(w provisioning.Workspace) entity {
	return entity{"workspace " + w.WorkspaceName, strconv.FormatInt(w.WorkspaceId, 10)}
}

func workspaceDiffers(found provisioning.Workspace, want provisioning.CreateWorkspaceRequest) error {
	what := workspaceEntity(found)
	// An account can have a prefix for all of its deployment names, and EMPTY
	// stands for nothing but the prefix.
	if name := want.DeploymentName; name != "" && name != "EMPTY" && found.DeploymentName != name && !strings.HasSuffix(found.DeploymentName, "-"+name) {
		return differs(what, "deployment name", found.DeploymentName, name, "spec.databricks.deploymentName")
	}
	if found.NetworkId == "" {
		return failure.New(plan.Conflict,
			"Push a spec of another metadata.name to have a new workspace: one in a VPC that Databricks manages cannot move into another.",
			"comparing %s: it has no network configuration, the spec wants %s", what, want.NetworkId)
	}
	for _, field := range []struct {
		name, found, wanted, path string
		// add is whether a live workspace can get what it does not have.
		add bool
	}{
		{"region", found.AwsRegion, want.AwsRegion, "spec.region", false},
		{"storage configuration", found.StorageConfigurationId, want.StorageConfigurationId, "spec.databricks.storageName", false},
		{"key for managed services", found.ManagedServicesCustomerManagedKeyId, want.ManagedServicesCustomerManagedKeyId, "spec.encryption.managedServicesKey", true},
		{"key for storage", found.StorageCustomerManagedKeyId, want.StorageCustomerManagedKeyId, "spec.encryption.storageKey", true},
	} {
		if field.found != field.wanted && (field.found != "" || !field.add) {
			return failure.As(plan.Conflict,
				fmt.Sprintf("Set %s to what the workspace has, or push a spec of another metadata.name to have a new one.", field.path),
				&mismatch{what, field.name, field.found, cmp.Or(field.wanted, "none")})
		}
	}
	return nil
}
