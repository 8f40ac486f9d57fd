package step

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// registerCredentials registers the cross-account role with the Databricks
// account as a credential configuration. That can never be changed: a
// workspace whose spec names another role gets another configuration, under a
// name that says which role it is for.
// https://docs.databricks.com/api/account/credentials/create
func registerCredentials(ctx context.Context, d *Deps, doc *document.Document) (*document.Credentials, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	name, role := doc.Spec.Databricks.CredentialsName, doc.CrossAccountRole.ARN
	// all are the configurations of this workspace, whatever role they are for.
	var all []provisioning.Credential
	found, created, err := ensure(ctx, "credential configuration "+name,
		func(ctx context.Context) ([]provisioning.Credential, error) {
			every, err := account.Credentials.List(databricksapi.Mentioning(ctx, name))
			all = matching(every, func(c provisioning.Credential) bool {
				return c.CredentialsName == name || c.CredentialsName == nameFor(name, roleOf(c))
			})
			return matching(all, func(c provisioning.Credential) bool { return roleOf(c) == role }), err
		},
		func(c provisioning.Credential) string { return c.CredentialsId },
		func(ctx context.Context) (provisioning.Credential, error) {
			free := name
			if i := slices.IndexFunc(all, func(c provisioning.Credential) bool { return c.CredentialsName == name }); i >= 0 {
				if err := inUseByOurs(ctx, account, doc, all, all[i]); err != nil {
					return provisioning.Credential{}, err
				}
				free = nameFor(name, role)
			}
			return createCredentials(ctx, account, free, role)
		})
	if err != nil {
		return nil, err
	}
	out := &document.Credentials{Object: document.Object{ID: found.CredentialsId, Name: found.CredentialsName, Outcome: made(created)}}
	for _, c := range all {
		if c.CredentialsId != out.ID {
			out.Former = append(out.Former, c.CredentialsId)
		}
	}
	return out, nil
}

// nameFor is the name of an object of another content than the one that has the
// name itself, short enough for all services.
func nameFor(name, content string) string {
	sum := sha256.Sum256([]byte(content))
	return name[:min(len(name), 240)] + "-" + hex.EncodeToString(sum[:4])
}

func roleOf(c provisioning.Credential) string {
	if c.AwsCredentials == nil || c.AwsCredentials.StsRole == nil {
		return ""
	}
	return c.AwsCredentials.StsRole.RoleArn
}

// inUseByOurs tells a configuration for a former role from somebody else's of
// the same name: the workspace uses the former, or one that came after it.
func inUseByOurs(ctx context.Context, account *databricksapi.Account, doc *document.Document, ours []provisioning.Credential, taken provisioning.Credential) error {
	workspaces, err := account.Workspaces.List(ctx)
	if err != nil {
		return fmt.Errorf("looking for the workspace of credential configuration %s: %w", taken.CredentialsId, err)
	}
	for _, w := range workspaces {
		if w.WorkspaceName == doc.Spec.Databricks.WorkspaceName &&
			slices.ContainsFunc(ours, func(c provisioning.Credential) bool { return c.CredentialsId == w.CredentialsId }) {
			return nil
		}
	}
	return differs(entity{"credential configuration " + taken.CredentialsName, taken.CredentialsId}, "role", roleOf(taken), doc.CrossAccountRole.ARN,
		"spec.databricks.credentialsName or spec.crossAccountRole.arn")
}

func createCredentials(ctx context.Context, account *databricksapi.Account, name, role string) (provisioning.Credential, error) {
	out, err := account.Credentials.Create(ctx, provisioning.CreateCredentialRequest{
		CredentialsName: name,
		AwsCredentials:  provisioning.CreateCredentialAwsCredentials{StsRole: &provisioning.CreateCredentialStsRole{RoleArn: role}},
	})
	if api, ok := errors.AsType[*apierr.APIError](err); ok && api.StatusCode == http.StatusBadRequest {
		// Databricks tries the role, and IAM needs a while to spread it. The
		// reply does not tell that from a role that will never do.
		return provisioning.Credential{}, failure.As(plan.NotReady,
			"Databricks could not use the role "+role+" for minutes. Look whether its trust policy, its permissions, a service control policy or a permissions boundary was changed; then redrive the execution.", err)
	}
	if err != nil {
		return provisioning.Credential{}, err
	}
	return *out, nil
}

// removeFormer deletes the credential configurations for former roles that no
// workspace uses any more, and says which. The roles stay: compute that was
// started before may still run with them.
func removeFormer(ctx context.Context, account *databricksapi.Account, former []string) (removed []string, err error) {
	if len(former) == 0 {
		return nil, nil
	}
	workspaces, err := account.Workspaces.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for workspaces that use former credential configurations: %w", err)
	}
	existing, err := account.Credentials.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for former credential configurations: %w", err)
	}
	for _, id := range former {
		i := slices.IndexFunc(existing, func(c provisioning.Credential) bool { return c.CredentialsId == id })
		if i < 0 || slices.ContainsFunc(workspaces, func(w provisioning.Workspace) bool { return w.CredentialsId == id }) {
			continue
		}
		_, err := account.Credentials.DeleteByCredentialsId(ctx, id)
		switch {
		case failure.IsNotFound(err), failure.Code(err) == "INVALID_STATE":
			// It is gone, or the change of the workspace is not through yet: then
			// the next execution removes it.
		case err != nil:
			return removed, fmt.Errorf("deleting credential configuration %s: %w", id, err)
		default:
			removed = append(removed, id+" for role "+roleOf(existing[i]))
		}
	}
	return removed, nil
}
