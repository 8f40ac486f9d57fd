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
	role, created, err := ensureRole(ctx, api, doc, roleWish{
		name: doc.Spec.CrossAccountRole.Name, object: "cross-account-role", givenPath: "spec.crossAccountRole.arn",
		description: "Lets Databricks run compute of workspace " + doc.Workspace + ".",
		trust:       trustPolicy(doc.Spec.Databricks.AccountID).String(),
		policyName:  crossAccountPolicyName, permissions: crossAccountPolicy(passedRole(doc)).String(),
	})
	if err != nil {
		return nil, err
	}
	return &document.Object{
		ID: role.id, ARN: role.arn, Name: doc.Spec.CrossAccountRole.Name,
		Outcome: made(created, role.change),
	}, nil
}

// passedRole is the role of the instance profile that compute gets, if any.
func passedRole(doc *document.Document) string {
	if doc.GlueInstanceProfile == nil {
		return ""
	}
	return doc.GlueInstanceProfile.RoleARN
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
	name := nameOf(arn)
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
	outcome, err := roleTagger(api, name, awsapi.OfIAM(out.Role.Tags)).share(ctx, doc)
	if err != nil {
		return nil, err
	}
	return &document.Object{ID: aws.ToString(out.Role.RoleId), ARN: arn, Name: name, Outcome: outcome}, nil
}

// trustProblem returns why Databricks cannot assume a role, or an empty string.
func trustProblem(trust, externalID string) string {
	var p struct {
		Statement oneOrMany[struct {
			Effect    string
			Principal principal
			Condition map[string]map[string]oneOrMany[string]
		}]
	}
	if err := json.Unmarshal([]byte(trust), &p); err != nil {
		return "its trust policy cannot be read"
	}
	ids := []string{}
	for _, s := range p.Statement {
		if s.Effect != "Allow" || !slices.ContainsFunc(s.Principal.AWS, isDatabricks) {
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

func isDatabricks(aws string) bool {
	return aws == databricksPrincipal || aws == "414351767826" || aws == "*"
}

// principal is who may assume a role: accounts, or "*" for everybody.
type principal struct{ AWS oneOrMany[string] }

// UnmarshalJSON accepts both forms.
func (p *principal) UnmarshalJSON(data []byte) error {
	var everybody string
	if json.Unmarshal(data, &everybody) == nil {
		p.AWS = oneOrMany[string]{everybody}
		return nil
	}
	type plain principal
	return json.Unmarshal(data, (*plain)(p))
}

// oneOrMany is a value of a policy that may stand alone or in a list.
type oneOrMany[T any] []T

// UnmarshalJSON accepts both forms.
func (o *oneOrMany[T]) UnmarshalJSON(data []byte) error {
	var one T
	if json.Unmarshal(data, &one) == nil {
		*o = oneOrMany[T]{one}
		return nil
	}
	return json.Unmarshal(data, (*[]T)(o))
}
