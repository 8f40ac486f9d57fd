package plan

import "time"

// Workspace is the graph that takes a committed spec to a running workspace:
// what depends on nothing of each other runs side by side.
func Workspace() Sequence {
	return Sequence{
		loadSpec,
		acquireLease,
		Parallel{
			Name: "PrepareAccounts",
			Doc:  "Make everything that a workspace is created from, in the AWS account and in the Databricks account.",
			Branches: []Sequence{
				{
					ensureVpc,
					Parallel{
						Name: "DivideVpc",
						Doc:  "Subnets and security groups need nothing but the VPC.",
						Branches: []Sequence{
							{ensureSubnets},
							{ensureSecurityGroups},
						},
					},
					Parallel{
						Name: "ConnectVpc",
						Doc:  "Endpoints to the control plane and to AWS services are the only ways out of the VPC.",
						Branches: []Sequence{
							{ensureWorkspaceEndpoint, registerWorkspaceEndpoint},
							{ensureRelayEndpoint, registerRelayEndpoint},
							{ensureStsEndpoint},
							{ensureKinesisEndpoint},
							{ensureRouteTables, ensureS3Endpoint},
							{verifyNetworkAcls},
						},
					},
					awaitEndpoints,
				},
				{ensureCrossAccountRole, registerCredentials},
				{ensureRootBucket, registerStorage},
				{ensurePrivateAccessSettings},
			},
		},
		registerNetwork,
		Parallel{
			Name: "StartWorkspace",
			Doc:  "Private DNS settles while Databricks provisions the workspace.",
			Branches: []Sequence{
				{createWorkspace, awaitWorkspace},
				{enablePrivateDNS, awaitPrivateDNS},
			},
		},
		reportReady,
	}
}

// Functions returns the functions that are no states: what starts an execution
// and what reports one that failed.
func Functions() []Function { return []Function{dispatch, reportFailure} }

// usual is the timeout of a step that makes a handful of calls.
const usual = 60 * time.Second

var loadSpec = Step{
	Name: "LoadSpec", Timeout: usual,
	Doc: "Read the committed spec, fill in its defaults and validate it.",
	Input: map[string]any{
		"workspace.$": "$.workspace",
		"revision.$":  "$.revision",
		"execution": map[string]any{
			"arn.$":       "$$.Execution.Id",
			"name.$":      "$$.Execution.Name",
			"startTime.$": "$$.Execution.StartTime",
		},
	},
	Allow: loadSpecAllow(),
}

var acquireLease = Step{
	Name: "AcquireLease", Result: "lease", Timeout: usual,
	Doc:   "Wait until no other execution works on this workspace, and take its lease.",
	Await: &Await{Noun: "Lease", Within: 2 * time.Hour},
	Allow: acquireLeaseAllow(),
}

var ensureVpc = Step{
	Name: "EnsureVpc", Result: "vpc", Timeout: usual,
	Doc:   "Find or create the VPC, with DNS resolution and DNS hostnames on.",
	Allow: ensureVpcAllow(),
}

var ensureSubnets = Step{
	Name: "EnsureSubnets", Result: "subnets", Timeout: usual,
	Doc:   "Find or create the workspace subnets, each in its own zone, and the endpoint subnet.",
	Allow: ensureSubnetsAllow(),
}

var ensureSecurityGroups = Step{
	Name: "EnsureSecurityGroups", Result: "securityGroups", Timeout: usual,
	Doc:   "Find or create the security groups of compute and of the endpoints, with exactly the rules of the spec.",
	Allow: ensureSecurityGroupsAllow(),
}

var ensureRouteTables = Step{
	Name: "EnsureRouteTables", Result: "routeTables", Timeout: usual,
	Doc:   "Find or create the endpoint subnet's route table, and find the table of each workspace subnet.",
	Allow: ensureRouteTablesAllow(),
}

var verifyNetworkAcls = Step{
	Name: "VerifyNetworkAcls", Result: "networkAcls", Timeout: usual,
	Doc:   "Check that the network ACLs of the subnets let through what Databricks needs.",
	Allow: verifyNetworkAclsAllow(),
}

var ensureWorkspaceEndpoint = Step{
	Name: "EnsureWorkspaceEndpoint", Result: "workspaceEndpoint", Timeout: usual,
	Doc:   "Find or create the VPC endpoint to the workspace's web application and REST API.",
	Allow: endpoint("subnet", "security-group"),
}

var ensureRelayEndpoint = Step{
	Name: "EnsureRelayEndpoint", Result: "relayEndpoint", Timeout: usual,
	Doc:   "Find or create the VPC endpoint to the secure cluster connectivity relay.",
	Allow: endpoint("subnet", "security-group"),
}

var ensureS3Endpoint = Step{
	Name: "EnsureS3Endpoint", Result: "s3Endpoint", Timeout: usual,
	Doc:   "Find or create the gateway endpoint to S3 on the route tables of the workspace subnets.",
	Allow: endpoint("route-table"),
}

var ensureStsEndpoint = Step{
	Name: "EnsureStsEndpoint", Result: "stsEndpoint", Timeout: usual,
	Doc:   "Find or create the interface endpoint to STS in the workspace subnets.",
	Allow: append(endpoint("subnet", "security-group"), privateDNS),
}

var ensureKinesisEndpoint = Step{
	Name: "EnsureKinesisEndpoint", Result: "kinesisEndpoint", Timeout: usual,
	Doc:   "Find or create the interface endpoint to Kinesis in the workspace subnets.",
	Allow: append(endpoint("subnet", "security-group"), privateDNS),
}

var registerWorkspaceEndpoint = Step{
	Name: "RegisterWorkspaceEndpoint", Result: "workspaceRegistration", Timeout: usual,
	Doc:   "Register the workspace endpoint with the Databricks account, which accepts its connection.",
	Allow: databricksAllow(),
}

var registerRelayEndpoint = Step{
	Name: "RegisterRelayEndpoint", Result: "relayRegistration", Timeout: usual,
	Doc:   "Register the relay endpoint with the Databricks account, which accepts its connection.",
	Allow: databricksAllow(),
}

var awaitEndpoints = Step{
	Name: "AwaitEndpoints", Result: "endpoints", Timeout: usual,
	Doc:   "Wait until both endpoints to the control plane are available.",
	Await: &Await{Noun: "Endpoints", Within: 30 * time.Minute},
	Allow: awaitEndpointsAllow(),
}

var ensureCrossAccountRole = Step{
	Name: "EnsureCrossAccountRole", Result: "crossAccountRole", Timeout: usual,
	Doc:   "Find or create the IAM role that Databricks assumes to run compute.",
	Allow: ensureCrossAccountRoleAllow(),
}

var registerCredentials = Step{
	Name: "RegisterCredentials", Result: "credentials", Timeout: usual,
	Doc:   "Register the cross-account role with the Databricks account as a credential configuration.",
	Allow: databricksAllow(),
}

var ensureRootBucket = Step{
	Name: "EnsureRootBucket", Result: "rootBucket", Timeout: usual,
	Doc:   "Find or create the bucket of the workspace's root storage, closed to the public and open to Databricks.",
	Allow: ensureRootBucketAllow(),
}

var registerStorage = Step{
	Name: "RegisterStorage", Result: "storage", Timeout: usual,
	Doc:   "Register the root bucket with the Databricks account as a storage configuration.",
	Allow: databricksAllow(),
}

var ensurePrivateAccessSettings = Step{
	Name: "EnsurePrivateAccessSettings", Result: "privateAccessSettings", Timeout: usual,
	Doc:   "Find or create the private access settings, which say who may reach the workspace.",
	Allow: databricksAllow(),
}

var registerNetwork = Step{
	Name: "RegisterNetwork", Result: "network", Timeout: usual,
	Doc:   "Register VPC, subnets, security group and both endpoints with the Databricks account as a network configuration.",
	Allow: databricksAllow(),
}

var createWorkspace = Step{
	Name: "CreateWorkspace", Result: "databricksWorkspace", Timeout: usual,
	Doc:   "Find or create the workspace from its credentials, storage, network and private access settings.",
	Allow: databricksAllow(),
}

var awaitWorkspace = Step{
	Name: "AwaitWorkspace", Result: "workspaceStatus", Timeout: usual,
	Doc:   "Wait until the workspace is RUNNING and its network is valid.",
	Await: &Await{Noun: "Workspace", Within: 40 * time.Minute},
	Allow: databricksAllow(),
}

var enablePrivateDNS = Step{
	Name: "EnablePrivateDns", Result: "privateDns", Timeout: usual,
	Doc:   "Turn on the private DNS names of both endpoints to the control plane.",
	Allow: enablePrivateDNSAllow(),
}

var awaitPrivateDNS = Step{
	Name: "AwaitPrivateDns", Result: "privateDnsStatus", Timeout: usual,
	Doc:   "Wait until every endpoint is available, with its private DNS names on.",
	Await: &Await{Noun: "PrivateDns", Within: 30 * time.Minute},
	Allow: awaitEndpointsAllow(),
}

var reportReady = Step{
	Name: "ReportReady", Result: "report", Timeout: usual,
	Doc:   "Write the workspace's status, release its lease and send the Workspace Ready event.",
	Allow: reportReadyAllow(),
}

var dispatch = Function{
	Name: "Dispatch", Timeout: usual,
	Doc:   "Starts one execution for each changed spec.",
	Allow: dispatchAllow(),
}

var reportFailure = Function{
	Name: "ReportFailure", Timeout: usual,
	Doc:   "Reports an execution that failed, timed out or was stopped.",
	Allow: reportFailureAllow(),
}
