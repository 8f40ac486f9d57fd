package step

import (
	"context"
	"fmt"

	"github.com/databricks/databricks-sdk-go/service/compute"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// registerInstanceProfile lets compute of the workspace have the instance
// profile. Databricks tries it out by a dry run of an instance.
// https://docs.databricks.com/api/workspace/instanceprofiles/add
func registerInstanceProfile(ctx context.Context, d *Deps, doc *document.Document) (*document.Object, error) {
	profile := doc.GlueInstanceProfile
	if doc.Spec.Metastore.Glue == nil {
		return &document.Object{Outcome: skipped("no instance profile is needed")}, nil
	}
	w, err := d.workspace(ctx, doc)
	if err != nil {
		return nil, err
	}
	_, created, err := ensure(ctx, "registration of "+profile.ARN,
		func(ctx context.Context) ([]compute.InstanceProfile, error) {
			all, err := w.InstanceProfiles.ListAll(ctx)
			return matching(all, func(p compute.InstanceProfile) bool { return p.InstanceProfileArn == profile.ARN }), err
		},
		func(p compute.InstanceProfile) string { return p.InstanceProfileArn },
		func(ctx context.Context) (compute.InstanceProfile, error) {
			// A role of another name has to be said.
			role := ""
			if profile.RoleARN != "" && nameOf(profile.RoleARN) != profile.Name {
				role = profile.RoleARN
			}
			err := w.InstanceProfiles.Add(ctx, compute.AddInstanceProfile{InstanceProfileArn: profile.ARN, IamRoleArn: role})
			return compute.InstanceProfile{InstanceProfileArn: profile.ARN}, explainDryRun(doc, err)
		})
	if err != nil {
		return nil, err
	}
	return &document.Object{ID: profile.ARN, Name: profile.Name, Outcome: made(created)}, nil
}

// explainDryRun says what a dry run that failed can mean. IAM needs a while to
// spread a profile, and the reply does not tell that from one that will never
// do, so it is tried again within bounds.
func explainDryRun(doc *document.Document, err error) error {
	switch failure.Code(err) {
	case "DRY_RUN_FAILED":
		return failure.As(plan.NotReady, fmt.Sprintf(
			"Databricks could not start an instance with the profile for minutes. Three things have to be true: role %s trusts ec2.amazonaws.com; the cross-account role %s has %s; the profile has the name of its role. An encoded message is decoded by aws sts decode-authorization-message. Then redrive the execution.",
			doc.GlueInstanceProfile.RoleARN, doc.CrossAccountRole.ARN, policy{Statement: []statement{passRole(doc.GlueInstanceProfile.RoleARN)}}), err)
	case "RESOURCE_ALREADY_EXISTS":
		return failure.As(plan.NotReady, "", err)
	}
	return err
}
