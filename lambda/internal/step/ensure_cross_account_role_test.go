package step_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/google/go-cmp/cmp"

	emulated "lakegate/lambda/internal/emulator/iam"
	"lakegate/lambda/plan"
)

// iam is IAM behind Lakegate's back.
func (r *run) iam() *iam.Client { return iam.NewFromConfig(r.author("us-east-1")) }

const (
	roleName = "lakegate-mito-hands"
	roleARN  = "arn:aws:iam::123456789012:role/" + roleName
)

// role is what exists of a role.
func (r *run) role(arn string) emulated.Role {
	r.t.Helper()
	role, ok := r.world.IAM.Role(arn)
	if !ok {
		r.t.Fatalf("there is no role %s", arn)
	}
	return role
}

// trust is a trust policy for the account of Databricks.
func trust(externalID string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",` +
		`"Principal":{"AWS":"arn:aws:iam::414351767826:root"},"Condition":{"StringEquals":{"sts:ExternalId":"` + externalID + `"}}}]}`
}

// newRole makes a role of the author's.
func (r *run) newRole(name, path, trust string) string {
	r.t.Helper()
	out := must(r.iam().CreateRole(r.t.Context(), &iam.CreateRoleInput{
		RoleName: aws.String(name), Path: aws.String(path), AssumeRolePolicyDocument: aws.String(trust),
	}))
	return *out.Role.Arn
}

// golden compares a JSON text with a golden file, by meaning.
func golden(t testing.TB, file, text string) {
	t.Helper()
	var want, got any
	if err := json.Unmarshal(must(os.ReadFile("testdata/"+file)), &want); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs:\n%s", file, diff)
	}
}

func TestEnsureCrossAccountRole(t *testing.T) {
	t.Parallel()
	const (
		step    = "EnsureCrossAccountRole"
		given   = "{name: lakegate-mito-hands}"
		account = "8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34"
	)
	asItShouldBe := func(t *testing.T, r *run) {
		t.Helper()
		role := r.role(roleARN)
		golden(t, "trust_policy.json", role.Trust)
		golden(t, "cross_account_policy.json", role.Policies["lakegate-databricks"])
	}
	made := func(t *testing.T) *run {
		t.Helper()
		r := at(t, step)
		r.does(step, "Created", "iam:CreateRole", "iam:PutRolePolicy")
		return r
	}

	t.Run("made, then found", func(t *testing.T) {
		t.Parallel()
		r := made(t)
		asItShouldBe(t, r)
		role := r.role(roleARN)
		same(t, "tags", owned("cross-account-role", ""), role.Tags)
		same(t, "number of policies", 1, len(role.Policies)+len(role.Attached))
		var got struct{ Name, ARN string }
		r.result(step, &got)
		same(t, "result", roleName+" "+roleARN, got.Name+" "+got.ARN)

		r.revise(step)
		r.does(step, "Found")
		r.result(step, &got)
		same(t, "ARN", roleARN, got.ARN)
	})

	for name, test := range map[string]struct {
		drift func(*run)
		calls []string
	}{
		"trust changed": {
			func(r *run) {
				must(r.iam().UpdateAssumeRolePolicy(r.t.Context(), &iam.UpdateAssumeRolePolicyInput{
					RoleName: aws.String(roleName), PolicyDocument: aws.String(trust("another")),
				}))
			},
			[]string{"iam:UpdateAssumeRolePolicy"},
		},
		"policy changed": {
			func(r *run) {
				must(r.iam().PutRolePolicy(r.t.Context(), &iam.PutRolePolicyInput{
					RoleName: aws.String(roleName), PolicyName: aws.String("lakegate-databricks"),
					PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`),
				}))
			},
			[]string{"iam:PutRolePolicy"},
		},
		"policy removed": {
			func(r *run) {
				must(r.iam().DeleteRolePolicy(r.t.Context(), &iam.DeleteRolePolicyInput{
					RoleName: aws.String(roleName), PolicyName: aws.String("lakegate-databricks"),
				}))
			},
			[]string{"iam:PutRolePolicy"},
		},
	} {
		t.Run(name+" behind its back", func(t *testing.T) {
			t.Parallel()
			r := made(t)
			test.drift(r)
			r.does(step, "Updated", test.calls...)
			asItShouldBe(t, r)
			r.does(step, "Found")
		})
	}

	t.Run("a policy of somebody's stays", func(t *testing.T) {
		t.Parallel()
		r := made(t)
		const text = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ec2:*","Resource":"*"}]}`
		must(r.iam().PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
			RoleName: aws.String(roleName), PolicyName: aws.String("guard"), PolicyDocument: aws.String(text),
		}))
		r.does(step, "Found")
		same(t, "policy", text, r.role(roleARN).Policies["guard"])
	})

	t.Run("name taken by somebody", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.newRole(roleName, "/", trust("another"))
		r.refuses(step, plan.Conflict, roleARN, "was not made by this workspace", "spec.crossAccountRole.arn")
		same(t, "trust", trust("another"), r.role(roleARN).Trust)
	})

	for name, path := range map[string]string{"given": "/", "given, in a path": "/team/data/"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := at(t, step)
			arn := r.newRole("hands", path, trust(account))
			r.revise(step, given, "{arn: \""+arn+"\"}")
			r.does(step, "Given", "iam:TagRole")
			r.does(step, "Given")
			var got struct{ ARN string }
			r.result(step, &got)
			same(t, "ARN", arn, got.ARN)
			same(t, "number of policies", 0, len(r.role(arn).Policies))
			same(t, "number of roles", 1, len(r.world.IAM.Roles()))
		})
	}

	t.Run("given but missing", func(t *testing.T) {
		t.Parallel()
		const arn = "arn:aws:iam::123456789012:role/nobody"
		r := at(t, step, given, "{arn: \""+arn+"\"}")
		r.refuses(step, plan.Conflict, arn, "does not exist in this account", "spec.crossAccountRole.arn")
	})

	t.Run("given in another path", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.newRole("hands", "/team/", trust(account))
		r.revise(step, given, "{arn: \"arn:aws:iam::123456789012:role/hands\"}")
		r.refuses(step, plan.Conflict, "arn:aws:iam::123456789012:role/hands", "does not exist")
	})

	t.Run("given with another external id", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		arn := r.newRole("hands", "/", trust("another"))
		r.revise(step, given, "{arn: \""+arn+"\"}")
		r.refuses(step, plan.Conflict, arn, "another", account, "Set the role's trust policy to {")
		same(t, "trust", trust("another"), r.role(arn).Trust)
	})

	t.Run("quota", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.world.IAM.LimitRoles(0)
		name, _ := class(r.step(step))
		same(t, "class", plan.QuotaExceeded, name)
	})
}
