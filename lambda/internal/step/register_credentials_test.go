package step_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/databricks/databricks-sdk-go/service/provisioning"
)

func TestRegisterCredentials(t *testing.T) {
	t.Parallel()
	t.Run("IAM needs a while", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterCredentials")
		err := r.step("RegisterCredentials")
		if c, m := class(err); c != "NotReady" {
			t.Fatalf("the first attempt ends as %s: %s", c, m)
		}
		if err := r.persist("RegisterCredentials"); err != nil {
			t.Fatal(err)
		}
		r.does("RegisterCredentials", "Found")
	})
	t.Run("a role that will never do", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterCredentials")
		if _, err := iam.NewFromConfig(r.author("us-east-1")).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{
			RoleName: aws.String("lakegate-mito-hands"), PolicyName: aws.String("lakegate-databricks"),
		}); err != nil {
			t.Fatal(err)
		}
		err := r.persist("RegisterCredentials")
		c, m := class(err)
		if c != "NotReady" {
			t.Fatalf("it ends as %s: %s", c, m)
		}
		contains(t, m, "lakegate-mito-hands", "trust policy", "redrive")
	})
	t.Run("of another role", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterStorage")
		name, role := r.name("RegisterCredentials"), "arn:aws:iam::123456789012:role/other"
		if _, err := r.console().Credentials.DeleteByCredentialsId(t.Context(), r.id("RegisterCredentials")); err != nil {
			t.Fatal(err)
		}
		if _, err := iam.NewFromConfig(r.author("us-east-1")).CreateRole(t.Context(), &iam.CreateRoleInput{
			RoleName: aws.String("other"), AssumeRolePolicyDocument: aws.String(trustOf(emulatedAccount)),
		}); err != nil {
			t.Fatal(err)
		}
		r.copyPolicy("lakegate-mito-hands", "other")
		r.pass(time.Minute)
		if _, err := r.console().Credentials.Create(t.Context(), provisioning.CreateCredentialRequest{
			CredentialsName: name,
			AwsCredentials:  provisioning.CreateCredentialAwsCredentials{StsRole: &provisioning.CreateCredentialStsRole{RoleArn: role}},
		}); err != nil {
			t.Fatal(err)
		}
		r.refuses("RegisterCredentials", "Conflict", role, "lakegate-mito-hands", "spec.databricks.credentialsName")
	})
}
