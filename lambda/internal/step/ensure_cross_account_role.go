package step

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// ensureCrossAccountRole finds or creates the role that Databricks assumes to
// run compute, with its trust and permissions.
func ensureCrossAccountRole(ctx context.Context, d *Deps, doc *document.Document) (*document.Object, error) {
	api := d.AWS.IAM()
	if doc.Spec.CrossAccountRole.ARN != "" {
		return givenRole(ctx, api, doc)
	}
	name := doc.Spec.CrossAccountRole.Name
	trust := trustPolicy(doc.Spec.Databricks.AccountID).String()
	role, created, err := ensure(ctx, "role "+name,
		func(ctx context.Context) ([]types.Role, error) {
			out, err := api.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
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
			tags := awsapi.Owned(doc.Spec.Tags, doc.Workspace, "cross-account-role", "")
			out, err := api.CreateRole(ctx, &iam.CreateRoleInput{
				RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(trust), Tags: tags.IAM(),
				Description: aws.String("Lets Databricks run compute of workspace " + doc.Workspace + "."),
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
		return nil, err
	}
	if !created && !awsapi.OfIAM(role.Tags).IsOwnedBy(doc.Workspace) {
		return nil, foreign("role "+name, aws.ToString(role.Arn), "spec.crossAccountRole.arn")
	}
	out := &document.Object{ID: aws.ToString(role.RoleId), ARN: aws.ToString(role.Arn), Name: name}
	changed, err := convergeRole(ctx, api, role, trust)
	if err != nil {
		return nil, err
	}
	out.Outcome = made(created, changed, "changed its trust or permissions")
	return out, nil
}

// convergeRole writes trust and permissions where they differ.
func convergeRole(ctx context.Context, api awsapi.IAM, role types.Role, trust string) (changed bool, err error) {
	name := aws.ToString(role.RoleName)
	// IAM answers with policies that are encoded as in a URL.
	if !sameJSON(decoded(role.AssumeRolePolicyDocument), trust) {
		if _, err := api.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
			RoleName: role.RoleName, PolicyDocument: aws.String(trust),
		}); err != nil {
			return false, fmt.Errorf("changing the trust of role %s: %w", name, err)
		}
		changed = true
	}
	permissions := crossAccountPolicy().String()
	found, err := api.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: role.RoleName, PolicyName: aws.String(crossAccountPolicyName)})
	switch {
	case err == nil && sameJSON(decoded(found.PolicyDocument), permissions):
		return changed, nil
	case err != nil && failure.Code(err) != "NoSuchEntity":
		return changed, fmt.Errorf("reading the permissions of role %s: %w", name, err)
	}
	if _, err := api.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: role.RoleName, PolicyName: aws.String(crossAccountPolicyName), PolicyDocument: aws.String(permissions),
	}); err != nil {
		return changed, fmt.Errorf("writing the permissions of role %s: %w", name, err)
	}
	return true, nil
}

func decoded(s *string) string {
	text, err := url.QueryUnescape(aws.ToString(s))
	if err != nil {
		return aws.ToString(s)
	}
	return text
}

// givenRole checks that Databricks can assume the author's role on behalf of
// the account; its permissions are checked by Databricks.
func givenRole(ctx context.Context, api awsapi.IAM, doc *document.Document) (*document.Object, error) {
	arn := doc.Spec.CrossAccountRole.ARN
	name := arn[strings.LastIndex(arn, "/")+1:]
	out, err := api.GetRole(ctx, &iam.GetRoleInput{RoleName: aws.String(name)})
	if failure.Code(err) == "NoSuchEntity" || err == nil && aws.ToString(out.Role.Arn) != arn {
		return nil, missing("role", arn, "", "spec.crossAccountRole.arn")
	}
	if err != nil {
		return nil, fmt.Errorf("looking for role %s: %w", arn, err)
	}
	if problem := trustProblem(decoded(out.Role.AssumeRolePolicyDocument), doc.Spec.Databricks.AccountID); problem != "" {
		return nil, failure.New(plan.Conflict,
			"Set the role's trust policy to "+trustPolicy(doc.Spec.Databricks.AccountID).String(),
			"checking role %s: %s", arn, problem)
	}
	return &document.Object{
		ID: aws.ToString(out.Role.RoleId), ARN: arn, Name: name, Outcome: document.Outcome{Outcome: document.Given},
	}, nil
}

// trustProblem returns why Databricks cannot assume a role, or an empty string.
func trustProblem(trust, externalID string) string {
	var p struct {
		Statement []struct {
			Effect    string
			Principal struct{ AWS oneOrMany }
			Condition map[string]map[string]oneOrMany
		}
	}
	if err := json.Unmarshal([]byte(trust), &p); err != nil {
		return "its trust policy cannot be read"
	}
	ids := []string{}
	for _, s := range p.Statement {
		if s.Effect != "Allow" || !slices.Contains(s.Principal.AWS, databricksPrincipal) && !slices.Contains(s.Principal.AWS, "414351767826") {
			continue
		}
		found := s.Condition["StringEquals"]["sts:ExternalId"]
		if slices.Contains(found, externalID) {
			return ""
		}
		ids = append(ids, found...)
	}
	if len(ids) == 0 {
		return "its trust policy does not let " + databricksPrincipal + " assume it with an external id"
	}
	return fmt.Sprintf("the external id of its trust policy is %s, it must be the Databricks account id %s", strings.Join(ids, ", "), externalID)
}

// oneOrMany is a value of a policy that may be a string or a list.
type oneOrMany []string

// UnmarshalJSON accepts both forms.
func (o *oneOrMany) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*o = oneOrMany{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(o))
}
