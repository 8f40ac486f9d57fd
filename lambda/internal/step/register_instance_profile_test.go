package step_test

import (
	"context"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"lakegate/lambda/plan"
)

// A dry run that fails is tried again, and says what has to be true.
func TestRegisterInstanceProfileRefused(t *testing.T) {
	t.Parallel()
	const step = "RegisterInstanceProfile"
	for name, breaks := range map[string]func(*breaker){
		"the cross-account role may not pass the role": func(b *breaker) { b.dropPassRole() },
		"EC2 is not trusted": func(b *breaker) {
			_, err := b.iam().UpdateAssumeRolePolicy(context.Background(), &iam.UpdateAssumeRolePolicyInput{
				RoleName:       aws.String("databricks-glue-access"),
				PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ecs.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
			})
			b.must(err)
		},
		"the profile has lost its role": func(b *breaker) {
			_, err := b.iam().RemoveRoleFromInstanceProfile(context.Background(), &iam.RemoveRoleFromInstanceProfileInput{
				RoleName: aws.String("databricks-glue-access"), InstanceProfileName: aws.String("databricks-glue-access"),
			})
			b.must(err)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRun(t, "tokyo.yaml")
			r.upTo(step)
			breaks(&breaker{run: r})
			err := r.step(step)
			got, message := class(err)
			same(t, "class", plan.NotReady, got)
			contains(t, message, "Verification of the instance profile failed", "iam:PassRole", "trusts ec2.amazonaws.com", "databricks-glue-access")
		})
	}
}

func TestRegisterInstanceProfile(t *testing.T) {
	t.Parallel()
	r := newRun(t, "tokyo.yaml")
	r.upTo("RegisterInstanceProfile")
	r.does("RegisterInstanceProfile", "Created", "databricks:AddInstanceProfile")
	r.does("RegisterInstanceProfile", "Found")
	// Without Glue there is nothing to register.
	without := at(t, "RegisterInstanceProfile")
	without.does("RegisterInstanceProfile", "Skipped")
}
