package emulator

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"lakegate/lambda/plan"
)

// targetRole makes the role that functions assume in the account of the
// workspace, as the template makes it that the CDK app derives from the plan.
func (p *provider) targetRole(ctx context.Context) error {
	arn := p.want.AWS.RoleARN
	if arn == "" {
		return nil
	}
	path, name := pathAndName(arn)
	if _, err := p.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: aws.String(name), Path: aws.String(path), AssumeRolePolicyDocument: aws.String(p.w.TargetTrust(p.name)),
	}); err != nil {
		return fmt.Errorf("creating role %s: %w", arn, err)
	}
	fill := strings.NewReplacer(plan.Partition, "aws", plan.Account, p.at.ID)
	for i, permissions := range plan.TargetPolicies() {
		var statements []statement
		for _, one := range permissions {
			statements = append(statements, filled(one, fill))
		}
		managed := p.at.IAM.AddPolicy(fmt.Sprintf("%s-%d", name, i+1), policyOf(statements...))
		if _, err := p.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String(name), PolicyArn: aws.String(managed)}); err != nil {
			return fmt.Errorf("attaching policy %s to role %s: %w", managed, arn, err)
		}
	}
	return nil
}

// TargetTrust is the trust policy of a role that the functions of this world
// assume for a workspace.
func (w *World) TargetTrust(workspace string) string {
	root := "arn:aws:iam::" + w.ID + ":"
	return policyOf(allow("sts:AssumeRole", statement{
		"Principal": principal(root + "root"),
		"Condition": map[string]any{
			"ArnLike":    map[string]string{"aws:PrincipalArn": root + "role/" + plan.FunctionRoles},
			"StringLike": map[string]string{plan.ExternalIDKey: workspace},
		},
	}))
}

// filled is a permission as a statement for one account.
func filled(p plan.Permission, fill *strings.Replacer) statement {
	var resources []string
	for _, r := range p.Resources {
		resources = append(resources, fill.Replace(r))
	}
	out := allow(p.Actions, statement{"Resource": resources})
	if len(p.Conditions) == 0 {
		return out
	}
	conditions := map[string]map[string]string{}
	for operator, keys := range p.Conditions {
		conditions[operator] = map[string]string{}
		for key, value := range keys {
			conditions[operator][key] = fill.Replace(value)
		}
	}
	out["Condition"] = conditions
	return out
}
