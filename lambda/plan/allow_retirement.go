package plan

import "slices"

var (
	allRoles    = []string{"arn:" + Partition + ":iam::" + Account + ":role/*"}
	allProfiles = []string{"arn:" + Partition + ":iam::" + Account + ":instance-profile/*"}
	allKeys     = []string{"arn:" + Partition + ":kms:*:" + Account + ":key/*"}
	allAliases  = []string{"arn:" + Partition + ":kms:*:" + Account + ":alias/*"}
)

var (
	findKeys = Permission{Why: "find the keys", Actions: []string{"kms:ListKeys"}, Resources: []string{"*"}}
	readKeys = Permission{
		Why: "see whether a key is ours", Actions: []string{"kms:DescribeKey", "kms:ListResourceTags"}, Resources: allKeys,
	}
)

var (
	readRoles   = Permission{Why: "see whether the role is ours", Actions: []string{"iam:GetRole"}, Resources: allRoles}
	readBuckets = Permission{Why: "see whether the root bucket is ours", Actions: []string{"s3:GetBucketTagging"}, Resources: []string{bucketARN("*")}}
)

// ofDatabricks binds a right to what Databricks has started.
var ofDatabricks = map[string]map[string]string{"StringEquals": {"aws:ResourceTag/Vendor": "Databricks"}}

func deleteFrontEndDNSAllow() []Permission {
	zones := []string{hostedZoneARN}
	return fenced(
		look("ec2:DescribeVpcEndpoints"), readZones, readZone,
		Permission{
			Why: "remove the records of the hosts of workspaces", Actions: []string{"route53:ChangeResourceRecordSets"},
			Resources: zones, Conditions: hosts,
		},
		Permission{
			Why: "delete it; Route 53 knows no tags in conditions, and refuses to delete zones that still hold records", Actions: []string{"route53:DeleteHostedZone"},
			Resources: zones,
		},
	)
}

func deleteLeftoversAllow() []Permission {
	return slices.Concat(fenced(look("ec2:DescribeSecurityGroups", "ec2:DescribeSubnets")), removeLeftovers())
}

// removeLeftovers are the permissions to end what Databricks has left running.
func removeLeftovers() []Permission {
	return []Permission{
		look("ec2:DescribeInstances", "ec2:DescribeNetworkInterfaces"),
		{
			Why: "terminate what Databricks has started", Actions: []string{"ec2:TerminateInstances"},
			Resources: []string{ec2ARN("instance")}, Conditions: ofDatabricks,
		},
		{
			Why: "delete what Databricks has attached to it", Actions: []string{"ec2:DeleteNetworkInterface"},
			Resources: []string{ec2ARN("network-interface")}, Conditions: ofDatabricks,
		},
	}
}

// deleteRoles are the permissions to delete a role of ours with its policies.
func deleteRoles() []Permission {
	return []Permission{
		{
			Why: "find the role and its policies", Resources: allRoles,
			Actions: []string{"iam:GetRole", "iam:ListRolePolicies", "iam:ListAttachedRolePolicies"},
		},
		{
			Why: "delete it, if it is ours", Actions: []string{"iam:DeleteRole", "iam:DeleteRolePolicy", "iam:DetachRolePolicy"},
			Resources: allRoles, Conditions: ifOurs,
		},
	}
}

func deleteGlueInstanceProfileAllow() []Permission {
	return fenced(append(deleteRoles(),
		Permission{Why: "find the profile", Actions: []string{"iam:GetInstanceProfile"}, Resources: allProfiles},
		Permission{
			Why: "delete the profile, if it is ours", Actions: []string{"iam:DeleteInstanceProfile", "iam:RemoveRoleFromInstanceProfile"},
			Resources: allProfiles, Conditions: ifOurs,
		},
	)...)
}

// ofAccount binds a right to buckets of this account. S3 knows no tags of
// buckets in conditions unless each bucket is set up for that; the step looks at
// them itself.
var ofAccount = map[string]map[string]string{"StringEquals": {"aws:ResourceAccount": Account}}

func deleteRootBucketAllow() []Permission {
	return fenced(
		Permission{
			Why: "find the bucket and its objects", Resources: []string{bucketARN("*")},
			Actions: []string{"s3:GetBucketTagging", "s3:ListBucket", "s3:ListBucketVersions"},
		},
		Permission{
			Why: "empty it, where the spec forces that", Actions: []string{"s3:DeleteObject", "s3:DeleteObjectVersion"},
			Resources: []string{bucketARN("*") + "/*"}, Conditions: ofAccount,
		},
		Permission{Why: "delete it once it is empty", Actions: []string{"s3:DeleteBucket"}, Resources: []string{bucketARN("*")}, Conditions: ofAccount},
	)
}

func deleteCustomerManagedKeysAllow() []Permission {
	return fenced(findKeys, readKeys,
		Permission{Why: "delete a key, if it is ours", Actions: []string{"kms:ScheduleKeyDeletion", "kms:DeleteAlias"}, Resources: allKeys, Conditions: ifOurs},
		Permission{Why: "delete its name", Actions: []string{"kms:DeleteAlias"}, Resources: allAliases},
	)
}

func auditRetirementAllow() []Permission {
	return slices.Concat(fenced(readSecret, findKeys, readKeys, readZones, readZone,
		look("ec2:DescribeRouteTables", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs"),
		readRoles, readBuckets,
		Permission{Why: "find the instance profile", Actions: []string{"iam:GetInstanceProfile"}, Resources: allProfiles},
	))
}

func reportRetiredAllow() []Permission {
	return fenced(keepSlots, writeStatus, Permission{
		Why: "forget a workspace of which nothing is left", Actions: []string{"s3:DeleteObject"},
		Resources: []string{bucketARN(StateBucket) + "/" + RecordPrefix + "*"},
	})
}
