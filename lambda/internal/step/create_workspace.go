package step

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

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
			all, err := account.Workspaces.List(ctx)
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
	outcome := document.Outcome{Outcome: document.Found}
	switch {
	case created:
		outcome = document.Outcome{Outcome: document.Created}
	default:
		if found.WorkspaceStatus == cancelling {
			return nil, failure.New(plan.NotReady, "Wait until Databricks has deleted the workspace, some minutes, then redrive the execution: it makes a new one.",
				"looking for %s: it is being deleted", workspaceText(found))
		}
		if err := workspaceDiffers(found, want); err != nil {
			return nil, err
		}
		if found.WorkspaceStatus == provisioning.WorkspaceStatusFailed {
			if err := repairWorkspace(ctx, account, found); err != nil {
				return nil, err
			}
			outcome = document.Outcome{Outcome: document.Updated, Reason: "it was FAILED and is provisioned again"}
		}
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

func workspaceDiffers(found provisioning.Workspace, want provisioning.CreateWorkspaceRequest) error {
	what := fmt.Sprintf("workspace %s (%d)", found.WorkspaceName, found.WorkspaceId)
	for _, field := range []struct{ name, found, wanted, path string }{
		{"region", found.AwsRegion, want.AwsRegion, "spec.region"},
		{"credential configuration", found.CredentialsId, want.CredentialsId, "spec.databricks.credentialsName"},
		{"storage configuration", found.StorageConfigurationId, want.StorageConfigurationId, "spec.databricks.storageName"},
		{"network configuration", found.NetworkId, want.NetworkId, "spec.databricks.networkName"},
		{"key for managed services", found.ManagedServicesCustomerManagedKeyId, want.ManagedServicesCustomerManagedKeyId, "spec.encryption.managedServicesKey"},
		{"key for storage", found.StorageCustomerManagedKeyId, want.StorageCustomerManagedKeyId, "spec.encryption.storageKey"},
		{"private access settings", found.PrivateAccessSettingsId, want.PrivateAccessSettingsId, "spec.privateLink.privateAccessSettings"},
	} {
		if field.found != field.wanted {
			return failure.New(plan.Conflict,
				fmt.Sprintf("Set %s to what the workspace has, or choose another spec.databricks.workspaceName to create a new one.", field.path),
				"comparing %s: its %s is %s, the spec wants %s", what, field.name, field.found, field.wanted)
		}
	}
	return nil
}

func repairWorkspace(ctx context.Context, account *databricksapi.Account, w provisioning.Workspace) error {
	_, err := account.Workspaces.Update(ctx, provisioning.UpdateWorkspaceRequest{
		WorkspaceId: w.WorkspaceId,
		UpdateMask:  "credentials_id,storage_configuration_id,network_id",
		CustomerFacingWorkspace: provisioning.Workspace{
			CredentialsId: w.CredentialsId, StorageConfigurationId: w.StorageConfigurationId, NetworkId: w.NetworkId,
		},
	})
	if err != nil {
		return fmt.Errorf("repairing workspace %s (%d): %w", w.WorkspaceName, w.WorkspaceId, err)
	}
	return nil
}
