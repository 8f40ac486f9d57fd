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
	"lakegate/lambda/plan"
)

// ensureGlueInstanceProfile finds or creates the instance profile with which
// compute calls Glue, and its role of the same name.
// https://docs.databricks.com/aws/en/archive/external-metastores/aws-glue-metastore
func ensureGlueInstanceProfile(ctx context.Context, d *Deps, doc *document.Document) (*document.InstanceProfile, error) {
	glue := doc.Spec.Metastore.Glue
	if glue == nil {
		return &document.InstanceProfile{Object: document.Object{Outcome: skipped("Glue is not the metastore")}}, nil
	}
	api := d.AWS.IAM()
	if glue.InstanceProfile.ARN != "" {
		return givenProfile(ctx, api, doc)
	}
	name := glue.InstanceProfile.Name
	tags := awsapi.Owned(doc.Spec.Tags, doc.Workspace, "glue-instance-profile", "").IAM()
	role, roleCreated, err := ensureRole(ctx, api, doc, roleWish{
		name: name, object: "glue-instance-profile", givenPath: "spec.metastore.glue.instanceProfile.arn",
		description: "Lets compute of workspace " + doc.Workspace + " call Glue.",
		trust:       ec2Trust().String(), policyName: gluePolicyName, permissions: gluePolicy().String(),
	})
	if err != nil {
		return nil, err
	}
	profile, created, err := ensure(ctx, "instance profile "+name,
		func(ctx context.Context) ([]types.InstanceProfile, error) {
			out, err := api.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: aws.String(name)})
			if failure.Code(err) == "NoSuchEntity" {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			return []types.InstanceProfile{*out.InstanceProfile}, nil
		},
		func(p types.InstanceProfile) string { return aws.ToString(p.Arn) },
		func(ctx context.Context) (types.InstanceProfile, error) {
			out, err := api.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String(name), Tags: tags})
			if failure.Code(err) == "EntityAlreadyExists" {
				return types.InstanceProfile{}, failure.As(plan.NotReady, "", err)
			}
			if err != nil {
				return types.InstanceProfile{}, err
			}
			return *out.InstanceProfile, nil
		})
	if err != nil {
		return nil, err
	}
	arn := aws.ToString(profile.Arn)
	tagged := change{}
	if has := awsapi.OfIAM(profile.Tags); !created {
		if err := claim(doc, "instance profile "+name, arn, "spec.metastore.glue.instanceProfile.arn", has); err != nil {
			return nil, err
		}
		if tagged, err = profileTagger(api, name, has).own(ctx, doc, "glue-instance-profile", ""); err != nil {
			return nil, err
		}
	}
	filled, err := fillProfile(ctx, api, profile, name)
	if err != nil {
		return nil, err
	}
	return &document.InstanceProfile{
		Object: document.Object{
			ID: aws.ToString(profile.InstanceProfileId), Name: name, ARN: arn,
			Outcome: made(created, tagged, filled, remade(roleCreated, role)),
		},
		RoleARN: role.arn,
	}, nil
}

// fillProfile puts the role into the profile, which can have only one.
func fillProfile(ctx context.Context, api awsapi.IAM, p types.InstanceProfile, role string) (change, error) {
	this := entity{"instance profile", aws.ToString(p.InstanceProfileName)}
	if len(p.Roles) > 0 {
		if has := aws.ToString(p.Roles[0].RoleName); has != role {
			return change{}, differs(this, "role", has, role, "spec.metastore.glue.instanceProfile.name")
		}
		return change{}, nil
	}
	_, err := api.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{
		InstanceProfileName: p.InstanceProfileName, RoleName: aws.String(role),
	})
	if code := failure.Code(err); code == "LimitExceeded" || code == "EntityAlreadyExists" {
		// It has its role by now; the look came too early.
		return change{}, failure.As(plan.NotReady, "", err)
	}
	if err != nil {
		return change{}, fmt.Errorf("putting role %s into %s: %w", role, this, err)
	}
	return changing("changed its role", this.differs("role", "", role)), nil
}

// remade is the change of the role in a profile.
func remade(created bool, role foundRole) change {
	if created {
		return changing("changed its role", entity{"role", nameOf(role.arn)}.differs("role", "", role.arn))
	}
	return changing("changed its role", role.differences...)
}

func givenProfile(ctx context.Context, api awsapi.IAM, doc *document.Document) (*document.InstanceProfile, error) {
	const path = "spec.metastore.glue.instanceProfile.arn"
	arn := doc.Spec.Metastore.Glue.InstanceProfile.ARN
	name := nameOf(arn)
	out, err := api.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: aws.String(name)})
	if failure.Code(err) == "NoSuchEntity" || err == nil && aws.ToString(out.InstanceProfile.Arn) != arn {
		return nil, missing("instance profile", arn, "", path)
	}
	if err != nil {
		return nil, fmt.Errorf("looking for instance profile %s: %w", arn, err)
	}
	p := out.InstanceProfile
	if len(p.Roles) == 0 {
		return nil, failure.New(plan.Conflict, "Put a role that may use Glue into the profile, then redrive the execution.",
			"checking instance profile %s: it has no role", arn)
	}
	outcome, err := profileTagger(api, name, awsapi.OfIAM(p.Tags)).share(ctx, doc)
	if err != nil {
		return nil, err
	}
	return &document.InstanceProfile{
		Object:  document.Object{ID: aws.ToString(p.InstanceProfileId), Name: name, ARN: arn, Outcome: outcome},
		RoleARN: aws.ToString(p.Roles[0].Arn),
	}, nil
}
