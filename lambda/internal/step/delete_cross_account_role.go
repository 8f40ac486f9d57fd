package step

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/spec"
)

// deleteCrossAccountRole deletes the role that Databricks assumed, unless a
// credential configuration that stays refers to it.
func deleteCrossAccountRole(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	var removed []string
	var left []document.Left
	for _, name := range crossAccountRoles(doc) {
		role, err := ownedRole(ctx, d.AWS.IAM(), doc, name)
		if err != nil {
			return nil, err
		}
		if role == nil {
			continue
		}
		if why, yes := needed(doc, aws.ToString(role.Arn)); yes {
			left = append(left, document.Left{What: "role " + name, Why: why})
			continue
		}
		if err := deleteRole(ctx, d.AWS.IAM(), name); err != nil {
			return nil, err
		}
		removed = append(removed, "role "+name)
	}
	return removal(removed, left), nil
}

func crossAccountRoles(doc *document.Document) []string {
	return ofSpecs(doc, func(s spec.Spec) []string { return []string{s.CrossAccountRole.Name} })
}

// ownedRole is the role of a name, nil unless it is ours.
func ownedRole(ctx context.Context, api awsapi.IAM, doc *document.Document, name string) (*types.Role, error) {
	out, err := api.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
	if failure.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for role %s: %w", name, err)
	}
	if !awsapi.OfIAM(out.Role.Tags).IsOwnedBy(doc.Workspace) {
		return nil, nil
	}
	return out.Role, nil
}

// deleteRole deletes a role of ours with its policies, also with those that
// somebody has added.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html
func deleteRole(ctx context.Context, api awsapi.IAM, name string) error {
	inline, err := pages(func(marker *string) ([]string, *string, error) {
		out, err := api.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: aws.String(name), Marker: marker})
		if err != nil {
			return nil, nil, err
		}
		return out.PolicyNames, out.Marker, nil
	})
	if failure.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("listing the policies of role %s: %w", name, err)
	}
	for _, p := range inline {
		if _, err := api.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: aws.String(name), PolicyName: aws.String(p)}); err != nil && !failure.IsNotFound(err) {
			return fmt.Errorf("deleting policy %s of role %s: %w", p, name, err)
		}
	}
	attached, err := pages(func(marker *string) ([]types.AttachedPolicy, *string, error) {
		out, err := api.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: aws.String(name), Marker: marker})
		if err != nil {
			return nil, nil, err
		}
		return out.AttachedPolicies, out.Marker, nil
	})
	if err != nil && !failure.IsNotFound(err) {
		return fmt.Errorf("listing the attached policies of role %s: %w", name, err)
	}
	for _, p := range attached {
		if _, err := api.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: aws.String(name), PolicyArn: p.PolicyArn}); err != nil && !failure.IsNotFound(err) {
			return fmt.Errorf("detaching policy %s from role %s: %w", aws.ToString(p.PolicyArn), name, err)
		}
	}
	if _, err := api.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: aws.String(name)}); err != nil && !failure.IsNotFound(err) {
		return stillUsed("role "+name, err)
	}
	return nil
}
