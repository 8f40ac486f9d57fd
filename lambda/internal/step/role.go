package step

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// roleWish is what a role of ours should be.
type roleWish struct {
	name, description string
	// object is the value of the object tag, givenPath where the spec can give an
	// existing one.
	object, givenPath string
	// trust and permissions are policies; the latter is inline, under a name.
	trust, policyName, permissions string
}

type foundRole struct {
	id, arn string
	change
}

// ensureRole finds or creates a role with its trust and its inline policy.
func ensureRole(ctx context.Context, api awsapi.IAM, doc *document.Document, want roleWish) (out foundRole, created bool, err error) {
	role, created, err := ensure(ctx, "role "+want.name,
		func(ctx context.Context) ([]types.Role, error) {
			out, err := api.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(want.name)})
			if failure.Code(err) == "NoSuchEntity" {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			return []types.Role{*out.Role}, nil
		},
		func(r types.Role) string { return aws.ToString(r.Arn) },
		func(ctx context.Context) (types.Role, error) {
			tags := awsapi.Owned(doc.Spec.Tags, doc.Workspace, want.object, "")
			out, err := api.CreateRole(ctx, &iam.CreateRoleInput{
				RoleName: aws.String(want.name), AssumeRolePolicyDocument: aws.String(want.trust), Tags: tags.IAM(),
				Description: aws.String(want.description),
			})
			if failure.Code(err) == "EntityAlreadyExists" {
				// The two looks may not have seen what an earlier attempt made.
				return types.Role{}, failure.As(plan.NotReady, "", err)
			}
			if err != nil {
				return types.Role{}, err
			}
			return *out.Role, nil
		})
	if err != nil {
		return out, false, err
	}
	out = foundRole{id: aws.ToString(role.RoleId), arn: aws.ToString(role.Arn)}
	tagged := change{}
	if tags := awsapi.OfIAM(role.Tags); !created {
		if err := claim(doc, "role "+want.name, out.arn, want.givenPath, tags); err != nil {
			return out, false, err
		}
		if tagged, err = roleTagger(api, want.name, tags).own(ctx, doc, want.object, ""); err != nil {
			return out, false, err
		}
	}
	differences, err := convergeRole(ctx, api, role, want)
	out.change = tagged.and(changing("changed its trust or permissions", differences...))
	return out, created, err
}

// convergeRole writes trust and permissions where they differ.
func convergeRole(ctx context.Context, api awsapi.IAM, role types.Role, want roleWish) (differences []document.Difference, err error) {
	this := entity{"role", want.name}
	// IAM answers with policies that are encoded as in a URL.
	if trust := decoded(role.AssumeRolePolicyDocument); !sameJSON(trust, want.trust) {
		if _, err := api.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
			RoleName: role.RoleName, PolicyDocument: aws.String(want.trust),
		}); err != nil {
			return nil, fmt.Errorf("changing the trust of role %s: %w", want.name, err)
		}
		differences = append(differences, this.differsInPolicy("trust", trust, want.trust))
	}
	out, err := api.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: role.RoleName, PolicyName: aws.String(want.policyName)})
	found := ""
	switch {
	case err == nil:
		found = decoded(out.PolicyDocument)
	case failure.Code(err) != "NoSuchEntity":
		return differences, fmt.Errorf("reading the permissions of role %s: %w", want.name, err)
	}
	if sameJSON(found, want.permissions) {
		return differences, nil
	}
	if _, err := api.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: role.RoleName, PolicyName: aws.String(want.policyName), PolicyDocument: aws.String(want.permissions),
	}); err != nil {
		return differences, fmt.Errorf("writing the permissions of role %s: %w", want.name, err)
	}
	return append(differences, this.differsInPolicy("policy "+want.policyName, found, want.permissions)), nil
}

// nameOf is the name in the ARN of a role or of an instance profile.
func nameOf(arn string) string { return arn[strings.LastIndex(arn, "/")+1:] }
