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

// deleteGlueInstanceProfile deletes the instance profile with which compute
// called Glue, and then its role.
func deleteGlueInstanceProfile(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	api := d.AWS.IAM()
	var removed []string
	for _, name := range glueProfiles(doc) {
		profile, err := ownedProfile(ctx, api, doc, name)
		if err != nil {
			return nil, err
		}
		if profile != nil {
			if err := deleteProfile(ctx, api, profile); err != nil {
				return nil, err
			}
			removed = append(removed, "instance profile "+name)
		}
		role, err := ownedRole(ctx, api, doc, name)
		if err != nil {
			return nil, err
		}
		if role != nil {
			if err := deleteRole(ctx, api, name); err != nil {
				return nil, err
			}
			removed = append(removed, "role "+name)
		}
	}
	return removal(removed, nil), nil
}

// glueProfiles are the names of the instance profile, which its role has too.
func glueProfiles(doc *document.Document) []string {
	return ofSpecs(doc, func(s spec.Spec) []string {
		if s.Metastore.Glue == nil {
			return nil
		}
		return []string{s.Metastore.Glue.InstanceProfile.Name}
	})
}

// ownedProfile is the instance profile of a name, nil unless it is ours.
func ownedProfile(ctx context.Context, api awsapi.IAM, doc *document.Document, name string) (*types.InstanceProfile, error) {
	out, err := api.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: aws.String(name)})
	if failure.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for instance profile %s: %w", name, err)
	}
	if !awsapi.OfIAM(out.InstanceProfile.Tags).IsOwnedBy(doc.Workspace) {
		return nil, nil
	}
	return out.InstanceProfile, nil
}

// deleteProfile takes the role out of a profile and deletes the profile.
func deleteProfile(ctx context.Context, api awsapi.IAM, p *types.InstanceProfile) error {
	name := aws.ToString(p.InstanceProfileName)
	for _, r := range p.Roles {
		if _, err := api.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{
			InstanceProfileName: p.InstanceProfileName, RoleName: r.RoleName,
		}); err != nil && !failure.IsNotFound(err) {
			return fmt.Errorf("taking role %s out of instance profile %s: %w", aws.ToString(r.RoleName), name, err)
		}
	}
	if _, err := api.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: p.InstanceProfileName}); err != nil && !failure.IsNotFound(err) {
		return stillUsed("instance profile "+name, err)
	}
	return nil
}
