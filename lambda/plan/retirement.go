package plan

import "time"

// Retirement is the graph that takes down what Workspace has made, in the
// opposite order: whatever refers to an object goes before it.
func Retirement() Sequence {
	// A deleted spec is neither suspended nor verified.
	lease := acquireLease
	lease.Leave = nil
	return Sequence{
		loadRetirement,
		lease,
		acquireSlot,
		loadWorkspace,
		stopWorkspaceCompute,
		deleteWorkspace,
		awaitWorkspaceGone,
		deregisterNetwork,
		Parallel{
			Name: "LeaveDatabricks",
			Doc:  "Nothing in the Databricks account refers to the AWS account any more.",
			Branches: []Sequence{
				{deletePrivateAccessSettings, deregisterEndpoints},
				{deregisterStorage},
				{deregisterCredentials},
				{deregisterCustomerManagedKeys},
			},
		},
		Parallel{
			Name: "LeaveAccount",
			Doc:  "Network, roles and bucket need nothing of each other.",
			Branches: []Sequence{
				{
					deleteFrontEndDNS, deleteEndpoints, awaitEndpointsGone, deleteLeftovers,
					Parallel{
						Name: "EmptyVpc",
						Doc:  "Subnets and security groups need nothing but to be empty.",
						Branches: []Sequence{
							{deleteSecurityGroups},
							{deleteSubnets, deleteRouteTables},
						},
					},
					deleteVpc,
				},
				{deleteCrossAccountRole, deleteGlueInstanceProfile},
				{deleteRootBucket, deleteCustomerManagedKeys},
				{releaseGiven},
			},
		},
		auditRetirement,
		reportRetired,
	}
}

var loadRetirement = Step{
	Name: "LoadRetirement", Timeout: usual,
	Doc:   "Read what was applied last, and see whether it may be taken down.",
	Input: loadSpec.Input,
	Allow: []Permission{readSource, listSource, readRepository, readRecord, listState},
}

var loadWorkspace = Step{
	Name: "LoadWorkspace", Result: "loadedWorkspace", Timeout: usual,
	Doc:   "Find the workspace, and see whether it runs.",
	Allow: fenced(readSecret, readRoles, readBuckets),
}

var stopWorkspaceCompute = Step{
	Name: "StopWorkspaceCompute", Result: "stoppedCompute", Timeout: usual, CallsWorkspace: true,
	Doc:   "Stop all clusters, pools and SQL warehouses of the workspace.",
	Allow: databricksAllow(),
}

var deleteWorkspace = Step{
	Name: "DeleteWorkspace", Result: "deletedWorkspace", Timeout: usual,
	Doc:   "Delete the workspace.",
	Allow: fenced(readSecret, readRoles, readBuckets),
}

var awaitWorkspaceGone = Step{
	Name: "AwaitWorkspaceGone", Result: "workspaceGone", Timeout: usual, Patient: true,
	Doc:   "Wait until the workspace is gone and its network is free.",
	Await: &Await{Noun: "WorkspaceGone", Within: 40 * time.Minute},
	Allow: fenced(readSecret, readRoles, readBuckets),
}

var deregisterNetwork = Step{
	Name: "DeregisterNetwork", Result: "deregisteredNetwork", Timeout: usual,
	Doc:   "Delete the network configuration.",
	Allow: fenced(readSecret, look("ec2:DescribeVpcs")),
}

var deletePrivateAccessSettings = Step{
	Name: "DeletePrivateAccessSettings", Result: "deletedPrivateAccessSettings", Timeout: usual,
	Doc:   "Delete the private access settings.",
	Allow: databricksAllow(),
}

var deregisterEndpoints = Step{
	Name: "DeregisterEndpoints", Result: "deregisteredEndpoints", Timeout: usual,
	Doc:   "Delete the registrations of the endpoints of workspace, relay and users.",
	Allow: fenced(readSecret, look("ec2:DescribeVpcEndpoints")),
}

var deregisterStorage = Step{
	Name: "DeregisterStorage", Result: "deregisteredStorage", Timeout: usual,
	Doc:   "Delete the storage configuration.",
	Allow: fenced(readSecret, readBuckets),
}

var deregisterCredentials = Step{
	Name: "DeregisterCredentials", Result: "deregisteredCredentials", Timeout: usual,
	Doc:   "Delete the credential configuration.",
	Allow: fenced(readSecret, readRoles),
}

var deregisterCustomerManagedKeys = Step{
	Name: "DeregisterCustomerManagedKeys", Result: "deregisteredKeys", Timeout: usual,
	Doc:   "Delete the registrations of the KMS keys.",
	Allow: fenced(readSecret, readKeys),
}

var deleteFrontEndDNS = Step{
	Name: "DeleteFrontEndDns", Result: "deletedFrontEndDns", Timeout: usual,
	Doc:   "Delete the private hosted zones that lead to the users' endpoint.",
	Allow: deleteFrontEndDNSAllow(),
}

var deleteEndpoints = Step{
	Name: "DeleteEndpoints", Result: "deletedEndpoints", Timeout: usual,
	Doc:   "Delete the VPC endpoints, also that of the users.",
	Allow: fenced(look("ec2:DescribeVpcEndpoints"), change("vpc-endpoint", "ec2:DeleteVpcEndpoints")),
}

var awaitEndpointsGone = Step{
	Name: "AwaitEndpointsGone", Result: "endpointsGone", Timeout: usual, Patient: true,
	Doc:   "Wait until the endpoints and their network interfaces are gone.",
	Await: &Await{Noun: "EndpointsGone", Within: 30 * time.Minute},
	Allow: awaitEndpointsAllow(),
}

var deleteLeftovers = Step{
	Name: "DeleteLeftovers", Result: "deletedLeftovers", Timeout: usual,
	Doc:   "Terminate instances of Databricks that its workspace left in our subnets, and delete their network interfaces.",
	Await: &Await{Noun: "Leftovers", Within: 30 * time.Minute},
	Allow: deleteLeftoversAllow(),
}

var deleteSecurityGroups = Step{
	Name: "DeleteSecurityGroups", Result: "deletedSecurityGroups", Timeout: usual,
	Doc:   "Delete the security groups, first that which names the other.",
	Allow: fenced(look("ec2:DescribeSecurityGroups"), change("security-group", "ec2:DeleteSecurityGroup")),
}

var deleteSubnets = Step{
	Name: "DeleteSubnets", Result: "deletedSubnets", Timeout: usual,
	Doc:   "Delete the subnets.",
	Allow: fenced(look("ec2:DescribeSubnets"), change("subnet", "ec2:DeleteSubnet")),
}

var releaseGiven = Step{
	Name: "ReleaseGiven", Result: "releasedGiven", Timeout: usual,
	Doc:   "Take the mark of this workspace off what its spec gave by id or ARN.",
	Allow: releaseGivenAllow(),
}

var deleteRouteTables = Step{
	Name: "DeleteRouteTables", Result: "deletedRouteTables", Timeout: usual,
	Doc:   "Delete the route table of the endpoints.",
	Allow: fenced(look("ec2:DescribeRouteTables"), change("route-table", "ec2:DeleteRouteTable")),
}

var deleteVpc = Step{
	Name: "DeleteVpc", Result: "deletedVpc", Timeout: usual,
	Doc:   "Delete the VPC.",
	Allow: fenced(look("ec2:DescribeVpcs"), change("vpc", "ec2:DeleteVpc")),
}

var deleteCrossAccountRole = Step{
	Name: "DeleteCrossAccountRole", Result: "deletedCrossAccountRole", Timeout: usual,
	Doc:   "Delete the IAM role that Databricks assumed.",
	Allow: fenced(deleteRoles()...),
}

var deleteGlueInstanceProfile = Step{
	Name: "DeleteGlueInstanceProfile", Result: "deletedGlueInstanceProfile", Timeout: usual,
	Doc:   "Delete the instance profile with which compute called Glue, and its role.",
	Allow: deleteGlueInstanceProfileAllow(),
}

var deleteRootBucket = Step{
	Name: "DeleteRootBucket", Result: "deletedRootBucket", Timeout: usual,
	Doc: "Delete the root bucket if it is empty, or empty it first if the spec forces that.",
	// Emptying takes as long as there are objects.
	Await: &Await{Noun: "RootBucket", Within: 5 * time.Hour},
	Allow: deleteRootBucketAllow(),
}

var deleteCustomerManagedKeys = Step{
	Name: "DeleteCustomerManagedKeys", Result: "deletedKeys", Timeout: usual,
	Doc:   "Schedule the deletion of the KMS keys, after 30 days, and delete their aliases.",
	Allow: deleteCustomerManagedKeysAllow(),
}

var auditRetirement = Step{
	Name: "AuditRetirement", Result: "retirementAudit", Timeout: usual,
	Doc:   "Look for everything that is left with our tags or names.",
	Allow: auditRetirementAllow(),
}

var reportRetired = Step{
	Name: "ReportRetired", Result: "retired", Timeout: usual, Final: true,
	Doc:   "Write the workspace's status, release its lease and slot and send the Workspace Retired event.",
	Allow: reportRetiredAllow(),
}
