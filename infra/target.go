package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"lakegate/lambda/plan"
)

// targetRole is the argument that asks for the template of the role of another
// account in the place of the stack.
const targetRole = "target-role"

// targetTemplate is a CloudFormation template for another AWS account: the role
// that the functions assume there, which may do what the plan does with a
// workspace. It is text and no part of the app, since it is deployed with the
// credentials of who owns that account.
func targetTemplate() ([]byte, error) {
	values := placeholders{plan.Partition: "${AWS::Partition}", plan.Account: "${AWS::AccountId}"}
	home := "arn:${AWS::Partition}:iam::${LakegateAccount}:"
	resources, attached := map[string]any{}, []any{}
	for i, permissions := range plan.TargetPolicies() {
		id := fmt.Sprintf("Policy%d", i+1)
		statements := make([]any, len(permissions))
		for j, p := range permissions {
			statements[j] = substituted(values.statement(p))
		}
		resources[id] = map[string]any{
			"Type": "AWS::IAM::ManagedPolicy",
			"Properties": map[string]any{
				"Description":    "What Lakegate does with a workspace of this account.",
				"PolicyDocument": policyDocument(statements...),
			},
		}
		attached = append(attached, map[string]any{"Ref": id})
	}
	resources["Role"] = map[string]any{
		"Type": "AWS::IAM::Role",
		"Properties": map[string]any{
			"RoleName":    map[string]any{"Ref": "RoleName"},
			"Description": "Assumed by Lakegate for the workspaces of this account.",
			"AssumeRolePolicyDocument": policyDocument(substituted(map[string]any{
				"Effect":    "Allow",
				"Action":    plan.AssumeTargets(nil).Actions,
				"Principal": map[string]any{"AWS": home + "root"},
				"Condition": map[string]any{
					"ArnLike":    map[string]any{"aws:PrincipalArn": home + "role/" + plan.FunctionRoles},
					"StringLike": map[string]any{plan.ExternalIDKey: map[string]any{"Ref": "Workspaces"}},
				},
			})),
			"ManagedPolicyArns": attached,
		},
	}
	text, err := json.MarshalIndent(map[string]any{
		"AWSTemplateFormatVersion": "2010-09-09",
		"Description":              "The role that Lakegate assumes for the workspaces of this account.",
		"Parameters": map[string]any{
			"LakegateAccount": map[string]any{
				"Type": "String", "Description": "The AWS account that Lakegate runs in.", "AllowedPattern": "^[0-9]{12}$",
			},
			"Workspaces": map[string]any{
				"Type": "CommaDelimitedList", "Description": "The names of the workspaces that may be made here; * stands for any text.",
			},
			"RoleName": map[string]any{
				"Type": "String", "Description": "The name of the role.", "Default": "lakegate",
			},
		},
		"Resources": resources,
		"Outputs": map[string]any{
			"RoleArn": map[string]any{
				"Description": "What targetRoles of the stack and spec.aws.roleArn name.",
				"Value":       map[string]any{"Fn::GetAtt": []string{"Role", "Arn"}},
			},
		},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the template of the role: %w", err)
	}
	return append(text, '\n'), nil
}

// substituted lets CloudFormation fill in the texts that have its parameters.
func substituted(value any) any {
	switch value := value.(type) {
	case string:
		if strings.Contains(value, "${") {
			return map[string]any{"Fn::Sub": value}
		}
		return value
	case []string:
		out := make([]any, len(value))
		for i, v := range value {
			out[i] = substituted(v)
		}
		return out
	case map[string]string:
		out := map[string]any{}
		for k, v := range value {
			out[k] = substituted(v)
		}
		return out
	case map[string]map[string]string:
		out := map[string]any{}
		for k, v := range value {
			out[k] = substituted(v)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for k, v := range value {
			out[k] = substituted(v)
		}
		return out
	}
	return value
}
