package plan

import (
	"slices"
	"strings"
)

// Common returns what the role of every step may do: announce what it did.
func Common() []Permission { return []Permission{sendEvents} }

var (
	sendEvents = Permission{
		Why:       "announce what was done",
		Actions:   []string{"events:PutEvents"},
		Resources: []string{EventBus},
	}
	// Without the right to list a bucket, S3 answers 403 and not 404 for an
	// object that does not exist.
	listState = Permission{
		Why:       "tell a missing object from a forbidden one",
		Actions:   []string{"s3:ListBucket"},
		Resources: []string{bucketARN(StateBucket)},
	}
	checkLease = Permission{
		Why:       "check the workspace's lease before acting, and take it again after a redrive",
		Actions:   []string{"s3:GetObject", "s3:PutObject"},
		Resources: []string{bucketARN(StateBucket) + "/leases/*"},
	}
	keepSlots = Permission{
		Why:       "take a slot, and give it back",
		Actions:   []string{"s3:GetObject", "s3:PutObject"},
		Resources: []string{bucketARN(StateBucket) + "/" + SlotsKey},
	}
	writeStatus = Permission{
		Why:       "keep the workspace's status",
		Actions:   []string{"s3:GetObject", "s3:PutObject"},
		Resources: []string{bucketARN(StateBucket) + "/status/*"},
	}
	readSource = Permission{
		Why:       "read specs",
		Actions:   []string{"s3:GetObject", "s3:GetObjectVersion"},
		Resources: []string{bucketARN(SourceBucket) + "/" + SourcePrefix + "*"},
		Source:    S3,
	}
	headSource = Permission{
		Why:       "see which version of a spec is the newest",
		Actions:   []string{"s3:GetObject"},
		Resources: []string{bucketARN(SourceBucket) + "/" + SourcePrefix + "*"},
		Source:    S3,
	}
	listSource = Permission{
		Why:       "tell a missing spec from a forbidden one",
		Actions:   []string{"s3:ListBucket"},
		Resources: []string{bucketARN(SourceBucket)},
		Source:    S3,
	}
	readRepository = Permission{
		Why:       "read specs",
		Actions:   []string{"codecommit:GetFile"},
		Resources: []string{repositoryARN},
		Source:    CodeCommit,
	}
	compareCommits = Permission{
		Why:       "find out which specs a push changed, and who made it",
		Actions:   []string{"codecommit:GetCommit", "codecommit:GetDifferences"},
		Resources: []string{repositoryARN},
		Source:    CodeCommit,
	}
	readSecret = Permission{
		Why:       "sign in to the Databricks account",
		Actions:   []string{"secretsmanager:GetSecretValue"},
		Resources: []string{DatabricksSecret},
	}
	keepChecks = Permission{
		Why:       "keep what was checked, for the report of an execution that fails later",
		Actions:   []string{"s3:PutObject"},
		Resources: []string{bucketARN(StateBucket) + "/" + ReportPrefix + "*"},
	}
	keepPlans = Permission{
		Why:       "write what is planned",
		Actions:   []string{"s3:PutObject"},
		Resources: []string{bucketARN(StateBucket) + "/" + PlanPrefix + "*"},
	}
	keepReports = Permission{
		Why:       "write the verification report",
		Actions:   []string{"s3:GetObject", "s3:PutObject"},
		Resources: []string{bucketARN(StateBucket) + "/" + ReportPrefix + "*"},
	}
	keepLedger = Permission{
		Why:       "note where compute is about to be started, so that it can be stopped after a crash",
		Actions:   []string{"s3:PutObject"},
		Resources: []string{bucketARN(StateBucket) + "/" + LedgerPrefix + "*"},
	}
	keepPools = Permission{
		Why:       "note what pools kept ready, so that they are refilled after a crash",
		Actions:   []string{"s3:GetObject", "s3:PutObject"},
		Resources: []string{bucketARN(StateBucket) + "/" + LedgerPrefix + "*/pools.json"},
	}
	readLedger = Permission{
		Why:       "find the workspace in which compute was started",
		Actions:   []string{"s3:GetObject"},
		Resources: []string{bucketARN(StateBucket) + "/" + LedgerPrefix + "*"},
	}
	readCatalog = Permission{
		Why:     "compare the databases of the Glue Data Catalog with those that Spark lists",
		Actions: []string{"glue:GetDatabases"},
		Resources: []string{
			"arn:" + Partition + ":glue:*:" + Account + ":catalog",
			"arn:" + Partition + ":glue:*:" + Account + ":database/*",
		},
	}
	describeExecutions = Permission{
		Why:       "see whether an execution still runs",
		Actions:   []string{"states:DescribeExecution"},
		Resources: executionARNs,
	}
	startExecutions = Permission{
		Why:       "start an execution",
		Actions:   []string{"states:StartExecution"},
		Resources: []string{StateMachine, RetirementMachine},
	}
	keepRecord = Permission{
		Why:       "keep what is attempted, for the day on which the spec is deleted",
		Actions:   []string{"s3:GetObject", "s3:PutObject"},
		Resources: []string{bucketARN(StateBucket) + "/" + RecordPrefix + "*"},
	}
	writeRecord = Permission{
		Why:       "keep what was applied last, for the day on which the spec is deleted",
		Actions:   []string{"s3:PutObject"},
		Resources: []string{bucketARN(StateBucket) + "/" + RecordPrefix + "*"},
	}
	readRecord = Permission{
		Why:       "read what was attempted and applied last",
		Actions:   []string{"s3:GetObject"},
		Resources: []string{bucketARN(StateBucket) + "/" + RecordPrefix + "*"},
	}
)

const repositoryARN = "arn:" + Partition + ":codecommit:" + Region + ":" + Account + ":" + SourceRepository

var executionARNs = []string{executionARN(StateMachineName), executionARN(RetirementMachineName)}

func executionARN(machine string) string {
	return "arn:" + Partition + ":states:" + Region + ":" + Account + ":execution:" + machine + ":*"
}

func bucketARN(name string) string { return "arn:" + Partition + ":s3:::" + name }

func ec2ARN(kind string) string { return "arn:" + Partition + ":ec2:*:" + Account + ":" + kind + "/*" }

// fenced are the permissions of a step that runs under the workspace's lease.
func fenced(own ...Permission) []Permission {
	return append([]Permission{checkLease, listState}, own...)
}

// look is the permission to describe: EC2 knows no resources for that.
func look(actions ...string) Permission {
	return Permission{Why: "find what exists", Actions: actions, Resources: []string{"*"}}
}

// Conditions that bind a right to what this project makes.
var (
	ifTaggedNew = map[string]map[string]string{"StringEquals": {"aws:RequestTag/" + TagManaged: Owned}}
	ifOurs      = map[string]map[string]string{"StringEquals": {"aws:ResourceTag/" + TagManaged: Owned}}
	// Tags of the author's, but none that say whose an object is.
	ifOursAndNotTheMarks = map[string]map[string]string{
		"StringEquals":               {"aws:ResourceTag/" + TagManaged: Owned},
		"ForAllValues:StringNotLike": {"aws:TagKeys": "lakegate:*"},
	}
	// What has no owner may get one, and only this one.
	ifAdopted = map[string]map[string]string{
		"StringEquals": {"aws:RequestTag/" + TagManaged: Owned},
		"Null":         {"aws:ResourceTag/" + TagManaged: "true"},
	}
	// On what is given by id or ARN there is nothing of ours but that it is used.
	ifMarkedAsUsed = map[string]map[string]string{"ForAllValues:StringLike": {"aws:TagKeys": TagShared + "*"}}
)

// tagging are the permissions to keep the tags of an object of ours, to adopt
// one that belongs to nobody, and to mark one that is given as used.
func tagging(put, drop string, resources ...string) []Permission {
	return []Permission{
		{Why: "keep its tags, if it is ours", Actions: []string{put, drop}, Resources: resources, Conditions: ifOursAndNotTheMarks},
		{Why: "adopt one that belongs to nobody", Actions: []string{put}, Resources: resources, Conditions: ifAdopted},
		{Why: "mark one that is given as used", Actions: []string{put}, Resources: resources, Conditions: ifMarkedAsUsed},
	}
}

func tagEC2(kind string) []Permission {
	return tagging("ec2:CreateTags", "ec2:DeleteTags", ec2ARN(kind))
}

// create is the permission to make an object of EC2 with our tags, in what it
// is made in.
func create(action, kind string, in ...string) []Permission {
	perms := []Permission{
		{
			Why: "create it, with our tags only", Actions: []string{"ec2:" + action},
			Resources: []string{ec2ARN(kind)}, Conditions: ifTaggedNew,
		},
		{
			Why: "tag it when it is created", Actions: []string{"ec2:CreateTags"},
			Resources:  []string{ec2ARN(kind)},
			Conditions: map[string]map[string]string{"StringEquals": {"ec2:CreateAction": action}},
		},
	}
	if len(in) > 0 {
		var resources []string
		for _, k := range in {
			resources = append(resources, ec2ARN(k))
		}
		perms = append(perms, Permission{
			Why: "create it in what is there", Actions: []string{"ec2:" + action}, Resources: resources,
		})
	}
	return perms
}

// change is the permission to change objects of EC2 that are ours.
func change(kind string, actions ...string) Permission {
	return Permission{Why: "change it, if it is ours", Actions: actions, Resources: []string{ec2ARN(kind)}, Conditions: ifOurs}
}

// privateDNS is what AWS asks for beside the endpoint when its private DNS
// names are turned on.
var privateDNS = Permission{
	Why:       "private DNS names are a hosted zone that AWS associates with the VPC",
	Actions:   []string{"route53:AssociateVPCWithHostedZone"},
	Resources: []string{hostedZoneARN},
}

const hostedZoneARN = "arn:" + Partition + ":route53:::hostedzone/*"

// endpoint are the permissions of a step that makes a VPC endpoint which refers
// to objects of these kinds.
func endpoint(in ...string) []Permission {
	refers := []string{}
	for _, k := range in {
		refers = append(refers, ec2ARN(k))
	}
	perms := fenced(look("ec2:DescribeVpcEndpoints", "ec2:DescribeVpcEndpointServices"))
	perms = append(perms, create("CreateVpcEndpoint", "vpc-endpoint", append([]string{"vpc"}, in...)...)...)
	perms = append(perms, tagEC2("vpc-endpoint")...)
	return append(perms,
		change("vpc-endpoint", "ec2:ModifyVpcEndpoint"),
		Permission{Why: "change what it refers to", Actions: []string{"ec2:ModifyVpcEndpoint"}, Resources: refers},
	)
}

func loadSpecAllow() []Permission { return []Permission{readSource, listSource, readRepository} }

func acquireLeaseAllow() []Permission {
	return fenced(writeStatus, readSource, listSource, readRepository, describeExecutions)
}

func acquireSlotAllow() []Permission { return fenced(keepSlots, readRecord, describeExecutions) }

func ensureVpcAllow() []Permission {
	return slices.Concat(
		fenced(look("ec2:DescribeVpcs", "ec2:DescribeVpcAttribute")),
		create("CreateVpc", "vpc"),
		tagEC2("vpc"),
		[]Permission{change("vpc", "ec2:ModifyVpcAttribute")},
	)
}

func ensureSubnetsAllow() []Permission {
	return slices.Concat(
		fenced(look("ec2:DescribeSubnets", "ec2:DescribeAvailabilityZones", "ec2:DescribeVpcEndpointServices")),
		create("CreateSubnet", "subnet", "vpc"),
		tagEC2("subnet"),
	)
}

func ensureSecurityGroupsAllow() []Permission {
	return slices.Concat(
		fenced(look("ec2:DescribeSecurityGroups", "ec2:DescribeSecurityGroupRules")),
		create("CreateSecurityGroup", "security-group", "vpc"),
		tagEC2("security-group"),
		[]Permission{
			change("security-group",
				"ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress",
				"ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"),
			{
				Why: "rules are objects of their own, which have no tags",
				Actions: []string{
					"ec2:AuthorizeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupIngress",
					"ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress",
				},
				Resources: []string{ec2ARN("security-group-rule")},
			},
		},
	)
}

func ensureRouteTablesAllow() []Permission {
	return slices.Concat(
		fenced(look("ec2:DescribeRouteTables")),
		create("CreateRouteTable", "route-table", "vpc"),
		tagEC2("route-table"),
		[]Permission{
			change("subnet", "ec2:AssociateRouteTable"),
			{Why: "the table may be given", Actions: []string{"ec2:AssociateRouteTable"}, Resources: []string{ec2ARN("route-table")}},
		},
	)
}

func verifyNetworkAclsAllow() []Permission { return fenced(look("ec2:DescribeNetworkAcls")) }

func awaitEndpointsAllow() []Permission { return fenced(look("ec2:DescribeVpcEndpoints")) }

func enablePrivateDNSAllow() []Permission {
	return fenced(look("ec2:DescribeVpcEndpoints"), change("vpc-endpoint", "ec2:ModifyVpcEndpoint"), privateDNS)
}

func awaitPrivateDNSAllow() []Permission {
	return append(awaitEndpointsAllow(), moveEndpoints()...)
}

// moveEndpoints are the permissions to put endpoints of ours elsewhere.
func moveEndpoints() []Permission {
	return []Permission{
		change("vpc-endpoint", "ec2:ModifyVpcEndpoint"),
		{
			Why: "change what it refers to", Actions: []string{"ec2:ModifyVpcEndpoint"},
			Resources: []string{ec2ARN("subnet"), ec2ARN("security-group"), ec2ARN("route-table")},
		},
	}
}

func ensureCrossAccountRoleAllow() []Permission {
	roles := []string{"arn:" + Partition + ":iam::" + Account + ":role/*"}
	return append(fenced(
		Permission{Why: "find the role", Actions: []string{"iam:GetRole", "iam:GetRolePolicy"}, Resources: roles},
		Permission{
			Why: "create it, with our tags only", Actions: []string{"iam:CreateRole", "iam:TagRole"},
			Resources: roles, Conditions: ifTaggedNew,
		},
		Permission{
			Why: "change it, if it is ours", Actions: []string{"iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"},
			Resources: roles, Conditions: ifOurs,
		},
	), tagging("iam:TagRole", "iam:UntagRole", roles...)...)
}

func ensureGlueInstanceProfileAllow() []Permission {
	roles := []string{"arn:" + Partition + ":iam::" + Account + ":role/*"}
	profiles := []string{"arn:" + Partition + ":iam::" + Account + ":instance-profile/*"}
	return slices.Concat(fenced(
		Permission{Why: "find the role", Actions: []string{"iam:GetRole", "iam:GetRolePolicy"}, Resources: roles},
		Permission{Why: "find the profile", Actions: []string{"iam:GetInstanceProfile"}, Resources: profiles},
		Permission{
			Why: "create the role, with our tags only", Actions: []string{"iam:CreateRole", "iam:TagRole"},
			Resources: roles, Conditions: ifTaggedNew,
		},
		Permission{
			Why: "change the role, if it is ours", Actions: []string{"iam:PutRolePolicy", "iam:UpdateAssumeRolePolicy"},
			Resources: roles, Conditions: ifOurs,
		},
		Permission{
			Why: "create the profile, with our tags only", Actions: []string{"iam:CreateInstanceProfile", "iam:TagInstanceProfile"},
			Resources: profiles, Conditions: ifTaggedNew,
		},
		Permission{
			Why: "put the role into the profile, if it is ours", Actions: []string{"iam:AddRoleToInstanceProfile"},
			Resources: profiles, Conditions: ifOurs,
		},
		Permission{
			Why: "a role that is put into a profile is passed to EC2", Actions: []string{"iam:PassRole"},
			Resources:  roles,
			Conditions: map[string]map[string]string{"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
		},
	),
		tagging("iam:TagRole", "iam:UntagRole", roles...),
		tagging("iam:TagInstanceProfile", "iam:UntagInstanceProfile", profiles...),
	)
}

func ensureCustomerManagedKeysAllow() []Permission {
	keys := []string{"arn:" + Partition + ":kms:*:" + Account + ":key/*"}
	aliases := []string{"arn:" + Partition + ":kms:*:" + Account + ":alias/*"}
	return append(fenced(
		Permission{Why: "find the keys", Actions: []string{"kms:ListKeys"}, Resources: []string{"*"}},
		Permission{
			Why: "see whether a key is ours and whom it admits", Actions: []string{"kms:DescribeKey", "kms:GetKeyPolicy", "kms:ListResourceTags", "kms:GetKeyRotationStatus"},
			Resources: keys,
		},
		Permission{Why: "create a key, with our tags only", Actions: []string{"kms:CreateKey"}, Resources: []string{"*"}, Conditions: ifTaggedNew},
		Permission{Why: "tag it when it is created", Actions: []string{"kms:TagResource"}, Resources: keys, Conditions: ifTaggedNew},
		Permission{
			Why: "change a key, if it is ours", Actions: []string{"kms:PutKeyPolicy", "kms:EnableKeyRotation", "kms:CreateAlias"},
			Resources: keys, Conditions: ifOurs,
		},
		Permission{Why: "name a key", Actions: []string{"kms:CreateAlias"}, Resources: aliases},
	), tagging("kms:TagResource", "kms:UntagResource", keys...)...)
}

func verifyIsolationAllow() []Permission {
	return fenced(readSecret, keepChecks, look(
		"ec2:DescribeEgressOnlyInternetGateways", "ec2:DescribeInternetGateways", "ec2:DescribeNatGateways",
		"ec2:DescribeRouteTables", "ec2:DescribeSubnets", "ec2:DescribeTransitGatewayVpcAttachments",
		"ec2:DescribeVpcPeeringConnections", "ec2:DescribeVpcs", "ec2:DescribeVpnGateways"))
}

func verifyNetworkAllow() []Permission {
	return fenced(readSecret, keepChecks, look(
		"ec2:DescribeNetworkAcls", "ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules",
		"ec2:DescribeSubnets", "ec2:DescribeVpcAttribute", "ec2:DescribeVpcEndpoints",
	))
}

// hosts are what a record may be about: the hosts of workspaces.
var hosts = map[string]map[string]string{
	"ForAllValues:StringLike": {"route53:ChangeResourceRecordSetsNormalizedRecordNames": "*.cloud.databricks.com"},
}

var readZones = Permission{
	Why: "find the zones of a VPC", Resources: []string{"*"},
	// The second is asked for by the first.
	Actions: []string{"route53:ListHostedZonesByVPC", "ec2:DescribeVpcs"},
}

var readZone = Permission{
	Why: "see whether a zone is ours and where it leads", Resources: []string{hostedZoneARN},
	Actions: []string{"route53:GetHostedZone", "route53:ListResourceRecordSets", "route53:ListTagsForResource"},
}

func ensureFrontEndDNSAllow() []Permission {
	return fenced(
		look("ec2:DescribeNetworkInterfaces", "ec2:DescribeVpcEndpoints"),
		readZones, readZone,
		Permission{Why: "create a zone, which has no ARN yet", Actions: []string{"route53:CreateHostedZone"}, Resources: []string{"*"}},
		Permission{
			Why: "lead the hosts of workspaces, and no other names, to the endpoint", Actions: []string{"route53:ChangeResourceRecordSets"},
			Resources: []string{hostedZoneARN}, Conditions: hosts,
		},
		Permission{Why: "tag it once it exists, which Route 53 binds to no condition", Actions: []string{"route53:ChangeTagsForResource"}, Resources: []string{hostedZoneARN}},
	)
}

func verifyFrontEndAllow() []Permission {
	return fenced(readSecret, keepChecks, readZones, readZone, look("ec2:DescribeSecurityGroupRules", "ec2:DescribeVpcEndpoints", "ec2:DescribeNetworkInterfaces"))
}

func stopAbandonedComputeAllow() []Permission {
	return []Permission{readLedger, listState, readSecret, describeExecutions}
}

func ensureRootBucketAllow() []Permission {
	buckets := []string{bucketARN("*")}
	return fenced(
		Permission{
			Why: "find the bucket",
			Actions: []string{
				"s3:GetBucketPolicy", "s3:GetBucketPublicAccessBlock", "s3:GetBucketTagging", "s3:ListBucket",
			},
			Resources: buckets,
		},
		Permission{
			Why: "create it, with our tags only", Actions: []string{"s3:CreateBucket", "s3:TagResource"},
			Resources: buckets,
		},
		Permission{
			Why: "close it to the public, open it to Databricks and keep its tags, in this account only", Actions: []string{"s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging"},
			Resources:  buckets,
			Conditions: map[string]map[string]string{"StringEquals": {"aws:ResourceAccount": Account}},
		},
	)
}

func databricksAllow() []Permission { return fenced(readSecret) }

// registerEndpointAllow lets a registration tell a name that a former endpoint of
// the workspace has from one that is somebody else's.
func registerEndpointAllow() []Permission {
	return fenced(readSecret, look("ec2:DescribeVpcEndpoints"))
}

func deleteFormerNetworkAllow() []Permission {
	var marked []string
	for _, k := range []string{"vpc", "subnet", "security-group", "route-table", "vpc-endpoint"} {
		marked = append(marked, ec2ARN(k))
	}
	return slices.Concat(fenced(
		readSecret, readRecord,
		look("ec2:DescribeRouteTables", "ec2:DescribeSecurityGroupRules", "ec2:DescribeSecurityGroups", "ec2:DescribeSubnets",
			"ec2:DescribeTags", "ec2:DescribeVpcEndpoints", "ec2:DescribeVpcs"),
		change("security-group", "ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"),
		Permission{
			Why: "rules are objects of their own, which have no tags", Actions: []string{"ec2:RevokeSecurityGroupEgress", "ec2:RevokeSecurityGroupIngress"},
			Resources: []string{ec2ARN("security-group-rule")},
		},
		change("vpc-endpoint", "ec2:DeleteVpcEndpoints"), change("security-group", "ec2:DeleteSecurityGroup"),
		change("subnet", "ec2:DeleteSubnet"), change("route-table", "ec2:DeleteRouteTable"), change("vpc", "ec2:DeleteVpc"),
		Permission{Why: "take our mark off what was given", Actions: []string{"ec2:DeleteTags"}, Resources: marked, Conditions: ifMarkedAsUsed},
	), removeLeftovers())
}

func reportReadyAllow() []Permission { return fenced(keepSlots, writeStatus, writeRecord) }

func dispatchAllow() []Permission {
	return []Permission{
		headSource, listSource, compareCommits, readRepository, ofCodeCommit(readRecord), ofCodeCommit(listState), ofCodeCommit(sendEvents), startExecutions,
	}
}

// surveyAllow is what reads every source and every status, and what reports an
// execution that has failed.
func surveyAllow() []Permission {
	return append(reportFailureAllow(), startExecutions, readRecord, headSource, listSource,
		Permission{
			Why: "see which specs the branch has", Actions: []string{"codecommit:GetBranch", "codecommit:GetFile", "codecommit:GetFolder"},
			Resources: []string{repositoryARN}, Source: CodeCommit,
		},
	)
}

// ofCodeCommit is a permission that is needed only if a repository is watched.
func ofCodeCommit(p Permission) Permission {
	p.Source = CodeCommit
	return p
}

func releaseGivenAllow() []Permission {
	unmark := func(action string, resources ...string) Permission {
		return Permission{Why: "take our mark off", Actions: []string{action}, Resources: resources, Conditions: ifMarkedAsUsed}
	}
	iamARN := func(kind string) string { return "arn:" + Partition + ":iam::" + Account + ":" + kind + "/*" }
	keys := "arn:" + Partition + ":kms:*:" + Account + ":key/*"
	var kinds []string
	for _, k := range []string{"vpc", "subnet", "security-group", "route-table", "vpc-endpoint"} {
		kinds = append(kinds, ec2ARN(k))
	}
	return fenced(
		look("ec2:DescribeTags"), unmark("ec2:DeleteTags", kinds...),
		Permission{Why: "see whether it has our mark", Actions: []string{"iam:GetRole"}, Resources: []string{iamARN("role")}},
		Permission{Why: "see whether it has our mark", Actions: []string{"iam:GetInstanceProfile"}, Resources: []string{iamARN("instance-profile")}},
		unmark("iam:UntagRole", iamARN("role")), unmark("iam:UntagInstanceProfile", iamARN("instance-profile")),
		Permission{Why: "see whether it has our mark", Actions: []string{"kms:ListResourceTags"}, Resources: []string{keys}},
		unmark("kms:UntagResource", keys),
		// Route 53 knows no condition on tags.
		Permission{
			Why: "take our mark off a zone", Actions: []string{"route53:ListTagsForResource", "route53:ChangeTagsForResource"},
			Resources: []string{hostedZoneARN},
		},
	)
}

// planProposalAllow is what the steps may look at, and the proposals.
func planProposalAllow() []Permission {
	return looking([]Permission{
		sendEvents, readSecret, readRepository, compareCommits, listState, keepPlans, ofCodeCommit(readRecord),
		{
			Why: "know what was applied last", Actions: []string{"s3:GetObject"},
			Resources: []string{bucketARN(StateBucket) + "/status/*"},
		},
		{
			Why: "comment on a pull request what it would change", Actions: []string{"codecommit:PostCommentForPullRequest"},
			Resources: []string{repositoryARN}, Source: CodeCommit,
		},
		{
			Why: "read proposed specs", Actions: []string{"s3:GetObject", "s3:GetObjectVersion"},
			Resources: []string{bucketARN(SourceBucket) + "/" + ProposalPrefix + "*"}, Source: S3,
		},
	})
}

// planChangesAllow is what the steps may look at, and what was found to differ.
func planChangesAllow() []Permission {
	drift := []Permission{
		{Why: "say how the world differs, once", Actions: []string{"s3:GetObject", "s3:PutObject"}, Resources: []string{bucketARN(StateBucket) + "/" + DriftPrefix + "*"}},
		// CloudTrail knows no resources for it.
		{Why: "find out who made it differ", Actions: []string{"cloudtrail:LookupEvents"}, Resources: []string{"*"}},
	}
	return looking(append(fenced(readSecret, writeStatus, keepRecord, keepPlans), drift...),
		verifyNetworkAllow(), verifyIsolationAllow())
}

// looking adds to permissions what the steps that make something, and others,
// may look at.
func looking(allow []Permission, others ...[]Permission) []Permission {
	for _, look := range slices.Concat([][]Permission{
		ensureVpcAllow(), ensureSubnetsAllow(), ensureSecurityGroupsAllow(), ensureRouteTablesAllow(),
		ensureGlueInstanceProfileAllow(), ensureCrossAccountRoleAllow(), ensureCustomerManagedKeysAllow(),
		ensureRootBucketAllow(), ensureFrontEndDNSAllow(), endpoint(),
	}, others) {
		for _, p := range look {
			p.Actions = slices.DeleteFunc(slices.Clone(p.Actions), func(action string) bool {
				_, operation, _ := strings.Cut(action, ":")
				return !slices.ContainsFunc([]string{"Describe", "Get", "List"}, func(verb string) bool { return strings.HasPrefix(operation, verb) })
			})
			// What only steps under a lease read stays out.
			state := slices.ContainsFunc(p.Resources, func(r string) bool { return strings.Contains(r, StateBucket) })
			same := slices.ContainsFunc(allow, func(other Permission) bool {
				return slices.Equal(other.Actions, p.Actions) && slices.Equal(other.Resources, p.Resources)
			})
			if len(p.Actions) > 0 && !state && !same {
				allow = append(allow, p)
			}
		}
	}
	return allow
}

func reportFailureAllow() []Permission {
	return []Permission{
		sendEvents, checkLease, keepSlots, listState, writeStatus, keepReports, describeExecutions,
		{Why: "find the step that failed", Actions: []string{"states:GetExecutionHistory"}, Resources: executionARNs},
	}
}
