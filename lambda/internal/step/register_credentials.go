package step

import (
	"context"
	"errors"
	"net/http"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// registerCredentials registers the cross-account role with the Databricks
// account as a credential configuration, which can never be changed.
// https://docs.databricks.com/api/account/credentials/create
func registerCredentials(ctx context.Context, d *Deps, doc *document.Document) (*document.Object, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	name, role := doc.Spec.Databricks.CredentialsName, doc.CrossAccountRole.ARN
	found, created, err := ensure(ctx, "credential configuration "+name,
		func(ctx context.Context) ([]provisioning.Credential, error) {
			all, err := account.Credentials.List(ctx)
			return matching(all, func(c provisioning.Credential) bool { return c.CredentialsName == name }), err
		},
		func(c provisioning.Credential) string { return c.CredentialsId },
		func(ctx context.Context) (provisioning.Credential, error) {
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
		})
	if err != nil {
		return nil, err
	}
	out := &document.Object{ID: found.CredentialsId, Name: name, Outcome: made(created)}
	if created {
		return out, nil
	}
	if found.AwsCredentials != nil && found.AwsCredentials.StsRole != nil && found.AwsCredentials.StsRole.RoleArn != role {
		return nil, differs("credential configuration "+name+" ("+out.ID+")", "role", found.AwsCredentials.StsRole.RoleArn, role, "spec.databricks.credentialsName or spec.crossAccountRole.arn")
	}
	return out, nil
}
