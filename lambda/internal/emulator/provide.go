package emulator

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/route53"

	"lakegate/lambda/internal/emulator/databricks"
	"lakegate/lambda/internal/emulator/s3"
	"lakegate/spec"
)

// networkTeam is who makes what specs give by id, as the log of calls has it.
const networkTeam = "network-team"

// Provide makes in the emulated accounts what a spec gives by id or ARN, as a
// network team has done before the spec was written: fit for use, and not ours.
// The spec is valid and has its defaults.
func (w *World) Provide(ctx context.Context, s *spec.Workspace) error {
	there := w.In(s.Spec.AWS.AccountID)
	if there == nil {
		return fmt.Errorf("making what %s gives: there is no account %s", s.Metadata.Name, s.Spec.AWS.AccountID)
	}
	cfg := aws.Config{
		Region: s.Spec.Region, BaseEndpoint: aws.String(w.AWSURL),
		Credentials: credentials.NewStaticCredentialsProvider(networkTeam+"@"+there.ID, "emulated", ""),
		HTTPClient:  &http.Client{Transport: Guard{}},
		Retryer:     func() aws.Retryer { return aws.NopRetryer{} },
	}
	p := &provider{
		w: w, at: there, name: s.Metadata.Name, want: s.Spec,
		ec2: ec2.NewFromConfig(cfg), iam: iam.NewFromConfig(cfg), zones: route53.NewFromConfig(cfg),
	}
	for _, provide := range []func(context.Context) error{
		p.targetRole, p.network, p.frontEnd, p.instanceProfile, p.crossAccountRole, p.keys, p.databricks,
	} {
		if err := provide(ctx); err != nil {
			return err
		}
	}
	p.rootBucket()
	// It was all there for long.
	there.IAM.Settle()
	return there.EC2.SettleEndpoints(s.Spec.Region)
}

// provider makes what one spec gives.
type provider struct {
	w *World
	// at is the account of the workspace with this name.
	at    *Account
	name  string
	want  spec.Spec
	ec2   *ec2.Client
	iam   *iam.Client
	zones *route53.Client
}

// statement is one statement of a policy document.
type statement map[string]any

func policyOf(statements ...statement) string {
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements})
	if err != nil {
		panic(fmt.Sprintf("encoding policy: %v", err))
	}
	return string(text)
}

func allow(actions any, more statement) statement {
	out := statement{"Effect": "Allow", "Action": actions}
	maps.Copy(out, more)
	return out
}

func equals(key, value string) map[string]any {
	return map[string]any{"StringEquals": map[string]string{key: value}}
}

// principal is all of an AWS account, or one role.
func principal(arn string) map[string]string { return map[string]string{"AWS": arn} }

const databricksPrincipal = "arn:aws:iam::" + databricksAWSAccount + ":root"

// crossAccountRole makes the role that Databricks assumes.
// https://docs.databricks.com/aws/en/admin/account-settings-e2/credentials
func (p *provider) crossAccountRole(ctx context.Context) error {
	arn := p.want.CrossAccountRole.ARN
	if arn == "" {
		return nil
	}
	trust := policyOf(allow("sts:AssumeRole", statement{
		"Principal": principal(databricksPrincipal), "Condition": equals("sts:ExternalId", p.want.Databricks.AccountID),
	}))
	permissions := []statement{
		allow(databricks.CrossAccountActions(), statement{"Resource": "*"}),
		allow([]string{"iam:CreateServiceLinkedRole", "iam:PutRolePolicy"}, statement{
			"Resource":  "arn:aws:iam::*:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot",
			"Condition": map[string]any{"StringLike": map[string]string{"iam:AWSServiceName": "spot.amazonaws.com"}},
		}),
	}
	if glue := p.want.Metastore.Glue; glue != nil {
		passed := "arn:aws:iam::" + p.want.AWS.AccountID + ":role/" + glue.InstanceProfile.Name
		if given := glue.InstanceProfile.ARN; given != "" {
			passed = roleOf(given)
		}
		permissions = append(permissions, allow("iam:PassRole", statement{"Resource": passed}))
	}
	return p.role(ctx, arn, trust, policyOf(permissions...))
}

// instanceProfile makes the profile with which compute calls Glue, and its role
// of the same name.
// https://docs.databricks.com/aws/en/archive/external-metastores/aws-glue-metastore
func (p *provider) instanceProfile(ctx context.Context) error {
	glue := p.want.Metastore.Glue
	if glue == nil || glue.InstanceProfile.ARN == "" {
		return nil
	}
	arn := glue.InstanceProfile.ARN
	trust := policyOf(allow("sts:AssumeRole", statement{"Principal": map[string]string{"Service": "ec2.amazonaws.com"}}))
	role := roleOf(arn)
	if err := p.role(ctx, role, trust, policyOf(allow("glue:*", statement{"Resource": "*"}))); err != nil {
		return err
	}
	path, name := pathAndName(arn)
	if _, err := p.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: aws.String(name), Path: aws.String(path)}); err != nil {
		return fmt.Errorf("creating instance profile %s: %w", arn, err)
	}
	_, roleName := pathAndName(role)
	if _, err := p.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{
		InstanceProfileName: aws.String(name), RoleName: aws.String(roleName),
	}); err != nil {
		return fmt.Errorf("putting role %s into instance profile %s: %w", role, arn, err)
	}
	return nil
}

// maxRoleName is the longest name of a role; that of an instance profile may be
// longer.
const maxRoleName = 64

// roleOf is the role of an instance profile.
func roleOf(profileARN string) string {
	account, _, _ := strings.Cut(profileARN, ":instance-profile/")
	path, name := pathAndName(profileARN)
	return account + ":role" + path + name[:min(len(name), maxRoleName)]
}

// pathAndName are the two parts of the ARN of a role or of an instance profile.
func pathAndName(arn string) (path, name string) {
	last := strings.LastIndexByte(arn, '/')
	return arn[strings.IndexByte(arn, '/') : last+1], arn[last+1:]
}

func (p *provider) role(ctx context.Context, arn, trust, permissions string) error {
	path, name := pathAndName(arn)
	if _, err := p.iam.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: aws.String(name), Path: aws.String(path), AssumeRolePolicyDocument: aws.String(trust),
	}); err != nil {
		return fmt.Errorf("creating role %s: %w", arn, err)
	}
	if _, err := p.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{
		RoleName: aws.String(name), PolicyName: aws.String(networkTeam), PolicyDocument: aws.String(permissions),
	}); err != nil {
		return fmt.Errorf("writing the permissions of role %s: %w", arn, err)
	}
	return nil
}

// rootBucket makes the bucket as S3 makes them, closed to the public, and opens
// it to Databricks.
// https://docs.databricks.com/aws/en/admin/account-settings-e2/storage
func (p *provider) rootBucket() {
	arn := p.want.RootBucket.ARN
	if arn == "" {
		return
	}
	p.at.S3.Add(s3.Bucket{
		Name: arn[strings.LastIndexByte(arn, ':')+1:], Region: p.want.Region,
		Policy: policyOf(allow([]string{
			"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject", "s3:ListBucket", "s3:GetBucketLocation",
		}, statement{
			"Principal": principal(databricksPrincipal), "Resource": []string{arn + "/*", arn},
			"Condition": equals("aws:PrincipalTag/DatabricksAccountId", p.want.Databricks.AccountID),
		})),
	})
}

// keys makes the keys, each for both uses: the spec may give one key twice.
// https://docs.databricks.com/aws/en/security/keys/configure-customer-managed-keys
func (p *provider) keys(context.Context) error {
	role := p.want.CrossAccountRole.ARN
	if role == "" {
		role = "arn:aws:iam::" + p.want.AWS.AccountID + ":role/" + p.want.CrossAccountRole.Name
	}
	forAccount := equals("aws:PrincipalTag/DatabricksAccountId", p.want.Databricks.AccountID)
	policy := policyOf(
		allow("kms:*", statement{"Principal": principal("arn:aws:iam::" + p.want.AWS.AccountID + ":root"), "Resource": "*"}),
		allow([]string{
			"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey", "kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant",
		}, statement{"Principal": principal(databricksPrincipal), "Resource": "*", "Condition": forAccount}),
		allow([]string{"kms:Decrypt", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"}, statement{
			"Principal": principal(role), "Resource": "*",
			"Condition": map[string]any{"ForAnyValue:StringLike": map[string]string{"kms:ViaService": "ec2.*.amazonaws.com"}},
		}),
	)
	made := map[string]bool{"": true}
	for _, k := range []*spec.Key{p.want.Encryption.ManagedServicesKey, p.want.Encryption.StorageKey} {
		if k == nil || made[k.ARN] {
			continue
		}
		made[k.ARN] = true
		if err := p.at.KMS.Add(k.ARN, policy); err != nil {
			return err
		}
	}
	return nil
}

// databricks makes what is given of the Databricks account.
func (p *provider) databricks(context.Context) error {
	if m := p.want.Metastore.UnityCatalog; m != nil {
		p.w.Databricks.AddMetastore(m.MetastoreID, p.want.Region)
	}
	settings := p.want.PrivateLink.PrivateAccessSettings
	if settings.ID == "" {
		return nil
	}
	return p.w.Databricks.AddPrivateAccessSettings(databricks.PrivateAccessSettings{
		PrivateAccessSettingsID: settings.ID, PrivateAccessSettingsName: networkTeam, Region: p.want.Region,
		PublicAccessEnabled: *settings.PublicAccess, PrivateAccessLevel: "ACCOUNT",
	})
}
