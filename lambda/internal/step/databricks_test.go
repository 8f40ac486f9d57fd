package step_test

import (
	"net/url"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/emulator"
)

// console is the Databricks account behind Lakegate's back.
func (r *run) console() *databricksapi.Account {
	r.t.Helper()
	accounts := &databricksapi.Accounts{
		Secrets:  func() awsapi.Secrets { return awsapi.NewClients(r.author(tokyoRegion)).Secrets() },
		SecretID: "lakegate/databricks", Host: r.world.DatabricksURL,
	}
	account, err := accounts.Account(r.t.Context(), emulator.ExampleDatabricksAccount)
	if err != nil {
		r.t.Fatal(err)
	}
	return account
}

// secret puts another value into the secret of the service principal.
func (r *run) secret(value string) { r.world.Secrets.Put(tokyoRegion, "lakegate/databricks", value) }

// name of an object in a result.
func (r *run) name(step string) string {
	r.t.Helper()
	var o struct{ Name string }
	r.result(step, &o)
	return o.Name
}

func TestServicePrincipal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, value, class, text string }{
		{"wrong secret", `{"client_id": "b1f1e0a2-1c53-4b1e-8d3c-6a7d5e9f4c21", "client_secret": "wrong"}`, "AccessDenied", "account admin"},
		{"no JSON", `hunter2`, "ActionRequired", "client_secret"},
		{"incomplete", `{"client_id": "x"}`, "ActionRequired", "client_secret"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := at(t, "EnsurePrivateAccessSettings")
			// A function that has signed in stays so; this one has not.
			r.secret(tt.value)
			r.refuses("EnsurePrivateAccessSettings", tt.class, tt.text)
		})
	}
}

// storageOf makes a storage configuration by hand.
func (r *run) storageOf(name, bucket string) {
	r.t.Helper()
	_, err := r.console().Storage.Create(r.t.Context(), provisioning.CreateStorageConfigurationRequest{
		StorageConfigurationName: name, RootBucketInfo: provisioning.RootBucketInfo{BucketName: bucket},
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

const emulatedAccount = emulator.ExampleDatabricksAccount

// trustOf lets Databricks assume a role on behalf of an account.
func trustOf(account string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::414351767826:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"` + account + `"}}}]}`
}

// copyPolicy gives a role the permissions of another.
func (r *run) copyPolicy(from, to string) {
	r.t.Helper()
	client := iam.NewFromConfig(r.author("us-east-1"))
	name := aws.String("lakegate-databricks")
	found, err := client.GetRolePolicy(r.t.Context(), &iam.GetRolePolicyInput{RoleName: aws.String(from), PolicyName: name})
	if err != nil {
		r.t.Fatal(err)
	}
	text, err := url.QueryUnescape(aws.ToString(found.PolicyDocument))
	if err != nil {
		r.t.Fatal(err)
	}
	if _, err := client.PutRolePolicy(r.t.Context(), &iam.PutRolePolicyInput{RoleName: aws.String(to), PolicyName: name, PolicyDocument: aws.String(text)}); err != nil {
		r.t.Fatal(err)
	}
}
