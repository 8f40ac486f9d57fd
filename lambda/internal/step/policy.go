package step

import (
	"encoding/json"
	"fmt"

	"lakegate/lambda/plan"
)

// databricksPrincipal stands for all of the AWS account of Databricks.
const databricksPrincipal = "arn:aws:iam::" + databricksAccount + ":root"

// policy is a policy document of IAM or S3.
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string                       `json:",omitempty"`
	Effect    string                       `json:""`
	Principal map[string]string            `json:",omitempty"`
	Action    []string                     `json:""`
	Resource  []string                     `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

func (p policy) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		panic(fmt.Sprintf("encoding policy: %v", err))
	}
	return string(text)
}

// trustPolicy lets Databricks assume the cross-account role, on behalf of this
// Databricks account only.
// https://docs.databricks.com/aws/en/admin/workspace/create-uc-workspace
func trustPolicy(databricksAccount string) policy {
	return policy{Version: "2012-10-17", Statement: []statement{{
		Effect: "Allow", Action: []string{"sts:AssumeRole"},
		Principal: map[string]string{"AWS": databricksPrincipal},
		Condition: map[string]map[string]string{"StringEquals": {"sts:ExternalId": databricksAccount}},
	}}}
}

// crossAccountPolicy lets Databricks run compute in a customer-managed VPC.
// https://docs.databricks.com/aws/en/admin/account-settings-e2/credentials
//
// It may pass the role of an instance profile to compute, if there is one.
func crossAccountPolicy(passed string) policy {
	p := policy{Version: "2012-10-17", Statement: []statement{
		{Effect: "Allow", Resource: []string{"*"}, Action: []string{
			"ec2:AssignPrivateIpAddresses", "ec2:CancelSpotInstanceRequests", "ec2:DescribeAvailabilityZones",
			"ec2:DescribeIamInstanceProfileAssociations", "ec2:DescribeInstanceStatus", "ec2:DescribeInstances",
			"ec2:DescribeInternetGateways", "ec2:DescribeNatGateways", "ec2:DescribeNetworkAcls",
			"ec2:DescribePrefixLists", "ec2:DescribeReservedInstancesOfferings", "ec2:DescribeRouteTables",
			"ec2:DescribeSecurityGroups", "ec2:DescribeSpotInstanceRequests", "ec2:DescribeSpotPriceHistory",
			"ec2:DescribeSubnets", "ec2:DescribeVolumes", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcs",
			"ec2:CreateTags", "ec2:DeleteTags", "ec2:GetSpotPlacementScores", "ec2:RequestSpotInstances",
			"ec2:DescribeFleetHistory", "ec2:ModifyFleet", "ec2:DeleteFleets", "ec2:DescribeFleetInstances",
			"ec2:DescribeFleets", "ec2:CreateFleet", "ec2:DeleteLaunchTemplate", "ec2:GetLaunchTemplateData",
			"ec2:CreateLaunchTemplate", "ec2:DescribeLaunchTemplates", "ec2:DescribeLaunchTemplateVersions",
			"ec2:ModifyLaunchTemplate", "ec2:DeleteLaunchTemplateVersions", "ec2:CreateLaunchTemplateVersion",
			"ec2:AssociateIamInstanceProfile", "ec2:AttachVolume", "ec2:AuthorizeSecurityGroupEgress",
			"ec2:AuthorizeSecurityGroupIngress", "ec2:CreateVolume", "ec2:DeleteVolume", "ec2:DetachVolume",
			"ec2:DisassociateIamInstanceProfile", "ec2:ReplaceIamInstanceProfileAssociation",
			"ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress", "ec2:RunInstances",
			"ec2:TerminateInstances",
		}},
		{
			Effect: "Allow", Action: []string{"iam:CreateServiceLinkedRole", "iam:PutRolePolicy"},
			Resource:  []string{"arn:aws:iam::*:role/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot"},
			Condition: map[string]map[string]string{"StringLike": {"iam:AWSServiceName": "spot.amazonaws.com"}},
		},
	}}
	if passed != "" {
		p.Statement = append(p.Statement, passRole(passed))
	}
	return p
}

// passRole lets a role be given to compute.
func passRole(arn string) statement {
	return statement{Effect: "Allow", Action: []string{"iam:PassRole"}, Resource: []string{arn}}
}

// ec2Trust lets instances have a role.
func ec2Trust() policy {
	return policy{Version: "2012-10-17", Statement: []statement{{
		Effect: "Allow", Action: []string{"sts:AssumeRole"}, Principal: map[string]string{"Service": "ec2.amazonaws.com"},
	}}}
}

// gluePolicyName is the name of the inline policy.
const gluePolicyName = plan.FunctionPrefix + "glue"

// glueActions are what Spark does with the Glue Data Catalog as its metastore.
// https://docs.databricks.com/aws/en/archive/external-metastores/aws-glue-metastore
var glueActions = []string{
	"glue:BatchCreatePartition", "glue:BatchDeletePartition", "glue:BatchGetPartition", "glue:CreateDatabase",
	"glue:CreateTable", "glue:CreateUserDefinedFunction", "glue:DeleteDatabase", "glue:DeletePartition",
	"glue:DeleteTable", "glue:DeleteUserDefinedFunction", "glue:GetDatabase", "glue:GetDatabases",
	"glue:GetPartition", "glue:GetPartitions", "glue:GetTable", "glue:GetTables", "glue:GetUserDefinedFunction",
	"glue:GetUserDefinedFunctions", "glue:UpdateDatabase", "glue:UpdatePartition", "glue:UpdateTable",
	"glue:UpdateUserDefinedFunction",
}

func gluePolicy() policy {
	return policy{Version: "2012-10-17", Statement: []statement{{
		Sid: "GrantCatalogAccessToGlue", Effect: "Allow", Action: glueActions, Resource: []string{"*"},
	}}}
}

// bucketPolicy lets Databricks use the root bucket, on behalf of this
// Databricks account only.
// https://docs.databricks.com/aws/en/admin/account-settings-e2/storage
func bucketPolicy(bucket, databricksAccount string) policy {
	return policy{Version: "2012-10-17", Statement: []statement{{
		Sid: "GrantDatabricksAccess", Effect: "Allow", Principal: map[string]string{"AWS": databricksPrincipal},
		Action: []string{
			"s3:GetObject", "s3:GetObjectVersion", "s3:PutObject", "s3:DeleteObject",
			"s3:ListBucket", "s3:GetBucketLocation",
		},
		Resource:  []string{"arn:aws:s3:::" + bucket + "/*", "arn:aws:s3:::" + bucket},
		Condition: map[string]map[string]string{"StringEquals": {"aws:PrincipalTag/DatabricksAccountId": databricksAccount}},
	}}}
}

// crossAccountPolicyName is the name of the inline policy.
const crossAccountPolicyName = plan.FunctionPrefix + "databricks"

// keyOwner lets the account itself decide about a key, as every key policy has
// to.
func keyOwner(account string) statement {
	return statement{
		Sid: "EnableOwnerAccountPermissions", Effect: "Allow", Principal: map[string]string{"AWS": "arn:aws:iam::" + account + ":root"},
		Action: []string{"kms:*"}, Resource: []string{"*"},
	}
}

// forDatabricks is Databricks on behalf of one of its accounts.
func forDatabricks(sid, databricksAccount string, conditions map[string]map[string]string, actions ...string) statement {
	if conditions == nil {
		conditions = map[string]map[string]string{}
	}
	conditions["StringEquals"] = map[string]string{"aws:PrincipalTag/DatabricksAccountId": databricksAccount}
	return statement{
		Sid: sid, Effect: "Allow", Principal: map[string]string{"AWS": databricksPrincipal}, Action: actions,
		Resource: []string{"*"}, Condition: conditions,
	}
}

// managedServicesKeyPolicy lets the control plane encrypt what it stores.
// https://docs.databricks.com/aws/en/security/keys/configure-customer-managed-keys
func managedServicesKeyPolicy(account, databricksAccount string) policy {
	return policy{Version: "2012-10-17", Statement: []statement{
		keyOwner(account),
		forDatabricks("AllowDatabricksManagedServices", databricksAccount, nil, "kms:Encrypt", "kms:Decrypt"),
	}}
}

// storageKeyPolicy lets Databricks encrypt the root bucket, and the
// cross-account role the volumes of compute.
// https://docs.databricks.com/aws/en/security/keys/configure-customer-managed-keys
func storageKeyPolicy(account, databricksAccount, role string) policy {
	return policy{Version: "2012-10-17", Statement: []statement{
		keyOwner(account),
		forDatabricks("AllowDatabricksRootStorage", databricksAccount, nil,
			"kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:DescribeKey"),
		forDatabricks("AllowDatabricksRootStorageGrants", databricksAccount, map[string]map[string]string{"Bool": {"kms:GrantIsForAWSResource": "true"}},
			"kms:CreateGrant", "kms:ListGrants", "kms:RevokeGrant"),
		{
			Sid: "AllowVolumesOfCompute", Effect: "Allow", Principal: map[string]string{"AWS": role}, Resource: []string{"*"},
			Action:    []string{"kms:Decrypt", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey"},
			Condition: map[string]map[string]string{"ForAnyValue:StringLike": {"kms:ViaService": "ec2.*.amazonaws.com"}},
		},
	}}
}
