package main

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsiam"
	"github.com/aws/jsii-runtime-go"

	"lakegate/lambda/plan"
)

// placeholders maps the placeholders of the plan to values, most of which are
// tokens that CloudFormation resolves.
type placeholders map[string]string

// placeholder does not match the policy variables of IAM, such as
// ${aws:PrincipalAccount}.
var placeholder = regexp.MustCompile(`\$\{[A-Za-z]+\}`)

// fill replaces the placeholders of a text. It panics on one that it does not
// know, since that is a defect of the plan.
func (p placeholders) fill(text string) string {
	return placeholder.ReplaceAllStringFunc(text, func(name string) string {
		value, ok := p[name]
		if !ok {
			panic(fmt.Sprintf("infra: unknown placeholder %s in %q", name, text))
		}
		return value
	})
}

// statement is a permission as IAM writes it.
func (p placeholders) statement(allow plan.Permission) map[string]any {
	resources := make([]string, len(allow.Resources))
	for i, r := range allow.Resources {
		resources[i] = p.fill(r)
	}
	out := map[string]any{"Effect": "Allow", "Action": allow.Actions, "Resource": resources}
	if len(allow.Conditions) > 0 {
		conditions := map[string]map[string]string{}
		for operator, keys := range allow.Conditions {
			conditions[operator] = map[string]string{}
			for key, value := range keys {
				conditions[operator][key] = p.fill(value)
			}
		}
		out["Condition"] = conditions
	}
	return out
}

// role makes a role that one service may assume and that may do what is
// allowed, nothing else.
func (p placeholders) role(stack awscdk.Stack, id, doc string, trust map[string]any, allow []plan.Permission) awsiam.CfnRole {
	statements := make([]any, len(allow))
	for i, permission := range allow {
		statements[i] = p.statement(permission)
	}
	role := awsiam.NewCfnRole(stack, &id, &awsiam.CfnRoleProps{
		Description:              &doc,
		AssumeRolePolicyDocument: policyDocument(trust),
		Policies: []any{&awsiam.CfnRole_PolicyProperty{
			PolicyName:     jsii.String("plan"),
			PolicyDocument: policyDocument(statements...),
		}},
	})
	if reasons := wildcards(allow); len(reasons) > 0 {
		suppress(role, "AwsSolutions-IAM5", strings.Join(reasons, "; "))
	}
	return role
}

func policyDocument(statements ...any) map[string]any {
	return map[string]any{"Version": "2012-10-17", "Statement": statements}
}

// assumedBy is the statement of a role's trust policy.
func assumedBy(service string, condition map[string]any) map[string]any {
	out := map[string]any{
		"Effect":    "Allow",
		"Action":    "sts:AssumeRole",
		"Principal": map[string]string{"Service": service},
	}
	if condition != nil {
		out["Condition"] = condition
	}
	return out
}

// wildcards returns the reasons of the permissions whose resources are
// patterns.
func wildcards(allow []plan.Permission) []string {
	var reasons []string
	for _, permission := range allow {
		pattern := slices.ContainsFunc(permission.Resources, func(r string) bool { return strings.Contains(r, "*") })
		if pattern && !slices.Contains(reasons, permission.Why) {
			reasons = append(reasons, permission.Why)
		}
	}
	return reasons
}

// suppress tells cdk-nag why a rule does not hold for a resource.
func suppress(resource awscdk.CfnResource, rule, reason string) {
	resource.AddMetadata(jsii.String("cdk_nag"), map[string]any{
		"rules_to_suppress": []any{map[string]string{"id": rule, "reason": reason}},
	})
}
