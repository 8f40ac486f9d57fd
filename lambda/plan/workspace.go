package plan

import (
	"slices"
	"strings"
	"time"
)

// Workspace is the graph that takes a committed spec to a running workspace:
// what depends on nothing of each other runs side by side.
func Workspace() Sequence {
	return Sequence{
		loadSpec,
		acquireLease,
		acquireSlot,
		planChanges,
		Parallel{
			Name: "PrepareAccounts",
			Doc:  "Make everything that a workspace is created from, in the AWS account and in the Databricks account.",
			Branches: []Sequence{
				{
					// Which group is the right one depends on the subnets: a network
					// configuration binds both to each other for good.
					ensureVpc, ensureSubnets, ensureSecurityGroups,
					Parallel{
						Name: "ConnectVpc",
						Doc:  "Endpoints to the control plane and to AWS services are the only ways out of the VPC.",
						Branches: []Sequence{
							{ensureWorkspaceEndpoint, registerWorkspaceEndpoint},
							{ensureRelayEndpoint, registerRelayEndpoint},
							{ensureFrontEndEndpoint, registerFrontEndEndpoint},
							{ensureStsEndpoint},
							{ensureKinesisEndpoint},
							{ensureGlueEndpoint},
							{ensureRouteTables, ensureS3Endpoint},
							{verifyNetworkAcls},
						},
					},
					Parallel{
						Name: "AdmitEndpoints",
						Doc:  "While the endpoints become available, it is settled which of them lead to the workspace.",
						Branches: []Sequence{
							{awaitEndpoints},
							{ensurePrivateAccessSettings},
						},
					},
				},
				{
					ensureGlueInstanceProfile, ensureCrossAccountRole, registerCredentials,
					ensureCustomerManagedKeys, registerCustomerManagedKeys,
				},
				{ensureRootBucket, registerStorage},
			},
		},
		registerNetwork, stopRunningCompute,
		Parallel{
			Name: "StartWorkspace",
			Doc:  "Private DNS settles while Databricks provisions the workspace.",
			Branches: []Sequence{
				{createWorkspace, ensureFrontEndDNS, awaitWorkspace},
				{enablePrivateDNS, awaitPrivateDNS},
			},
		},
		Parallel{
			Name: "OpenWorkspace",
			Doc:  "The workspace is entered for the first time, and its network is looked at from both sides.",
			Branches: []Sequence{
				{verifyWorkspace},
				{registerInstanceProfile},
				{assignMetastore},
				{awaitMovedEndpoints, verifyNetwork},
				{verifyFrontEnd},
			},
		},
		Parallel{
			Name: "ProveWorkspace",
			Doc:  "A cluster and a SQL warehouse show what works, and what cannot be reached.",
			Branches: []Sequence{
				{
					verifyCluster,
					Parallel{
						Name: "ProbeFromCluster",
						Doc:  "Each probe is a command that runs on the cluster.",
						Branches: []Sequence{
							{verifyPrivateDNS},
							{verifyPorts},
							{verifyMetastore},
							{verifyIsolation},
						},
					},
				},
				{configureSQLWarehouses, verifySQLWarehouse},
			},
		},
		stopCompute,
		reportVerification,
		deleteFormerNetwork,
		reportReady,
	}
}

// Machines returns the state machines.
func Machines() []Machine {
	return []Machine{
		{
			ID: "StateMachine", Name: StateMachineName, Placeholder: StateMachine, Env: EnvStateMachine, Key: "workspace",
			Doc:   "Turns a workspace spec into a running, private Databricks workspace.",
			Graph: Workspace(),
		},
		{
			ID: "RetirementMachine", Name: RetirementMachineName, Placeholder: RetirementMachine, Env: EnvRetirementMachine, Key: "retirement",
			Doc:   "Takes down the workspace of a spec that was deleted, as far as that spec allowed it.",
			Graph: Retirement(),
		},
	}
}

// Steps returns the steps of all machines, each once.
func Steps() []Step {
	var steps []Step
	for _, m := range Machines() {
		for _, s := range m.Graph.Steps() {
			if !slices.ContainsFunc(steps, func(other Step) bool { return other.Name == s.Name }) {
				steps = append(steps, s)
			}
		}
	}
	return steps
}

// Functions returns the functions that are no states: what starts an execution,
// what plans a proposal, what reports an execution that failed and stops its
// compute, what looks for that which no event has told of, and what tells people.
func Functions() []Function {
	return []Function{dispatch, planProposal, reportFailure, stopAbandonedCompute, survey, notifySlack, notifyTeams, notifyAmazonQ, notifyWebhook}
}

// Makes says whether a step makes something that the plan of a proposal shows:
// it is not one that waits or checks, nor one that works in the workspace, which
// may not admit who plans, or not exist.
func (s Step) Makes() bool {
	if s.CallsWorkspace || s.Await != nil {
		return false
	}
	return slices.ContainsFunc([]string{"Ensure", "Register", "Create", "Enable", "Assign"}, func(verb string) bool {
		return strings.HasPrefix(s.Name, verb)
	})
}

// Configures says whether a step makes or sets something in the workspace itself.
func (s Step) Configures() bool {
	return s.CallsWorkspace && s.Await == nil && (strings.HasPrefix(s.Name, "Register") || strings.HasPrefix(s.Name, "Configure"))
}

// ServicesOfCallers are the AWS services that the functions which call
// workspaces call too, sorted: where these run in a VPC, it needs ways there.
func ServicesOfCallers() []string {
	var services []string
	add := func(calls bool, allow []Permission) {
		for _, p := range allow {
			for _, action := range p.Actions {
				service, _, _ := strings.Cut(action, ":")
				if calls && !slices.Contains(services, service) {
					services = append(services, service)
				}
			}
		}
	}
	for _, s := range Steps() {
		add(s.CallsWorkspace, append(Common(), s.Allow...))
	}
	for _, f := range Functions() {
		add(f.CallsWorkspace, f.Allow)
	}
	slices.Sort(services)
	return services
}

// probing is how long a probe may take, with the start of a cluster that was
// stopped in the meantime.
const probing = 30 * time.Minute

// usual is the timeout of a step that makes a handful of calls.
const usual = 60 * time.Second

var loadSpec = Step{
	Name: "LoadSpec", Timeout: usual,
	Doc: "Read the committed spec, fill in its defaults and validate it.",
	Input: map[string]any{
		"input.$": "$",
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
	Leave: &Leave{Name: "LeftAlone", Key: "leave", Doc: "The spec is suspended, or there is nothing to verify while another execution is at work: nothing is touched."},
	Allow: acquireLeaseAllow(),
}

var acquireSlot = Step{
	Name: "AcquireSlot", Result: "slot", Timeout: usual,
	Doc: "Wait until the services have room for one more execution.",
	// What ten thousand workspaces in one region take, and some more.
	Await: &Await{Noun: "Slot", Within: 7 * 24 * time.Hour},
	Allow: acquireSlotAllow(),
}

var planChanges = Step{
	Name: "PlanChanges", Result: "plan", Timeout: 2 * time.Minute,
	Doc:   "Compare the spec with what exists, and say what will be made, changed or replaced, or what forbids it.",
	Leave: &Leave{Name: "Compared", Key: "leave", Choice: "ChangesWanted", Doc: "The world was compared with the spec, and is left as it is."},
	Allow: planChangesAllow(),
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

var ensureGlueEndpoint = Step{
	Name: "EnsureGlueEndpoint", Result: "glueEndpoint", Timeout: usual,
	Doc:   "Find or create the interface endpoint to Glue in the workspace subnets.",
	Allow: append(endpoint("subnet", "security-group"), privateDNS),
}

var ensureGlueInstanceProfile = Step{
	Name: "EnsureGlueInstanceProfile", Result: "glueInstanceProfile", Timeout: usual,
	Doc:   "Find or create the instance profile, and its role, with which compute calls Glue.",
	Allow: ensureGlueInstanceProfileAllow(),
}

var ensureCustomerManagedKeys = Step{
	Name: "EnsureCustomerManagedKeys", Result: "customerManagedKeys", Timeout: usual,
	Doc:   "Find or create the KMS keys of managed services and storage, with policies that admit Databricks.",
	Allow: ensureCustomerManagedKeysAllow(),
}

var registerCustomerManagedKeys = Step{
	Name: "RegisterCustomerManagedKeys", Result: "keyRegistrations", Timeout: usual,
	Doc:   "Register the KMS keys with the Databricks account.",
	Allow: databricksAllow(),
}

var ensureFrontEndEndpoint = Step{
	Name: "EnsureFrontEndEndpoint", Result: "frontEndEndpoint", Timeout: usual,
	Doc:   "Find or create the VPC endpoint through which users reach the workspace.",
	Allow: endpoint("subnet", "security-group"),
}

var registerFrontEndEndpoint = Step{
	Name: "RegisterFrontEndEndpoint", Result: "frontEndRegistration", Timeout: usual,
	Doc:   "Register the users' endpoint with the Databricks account, which accepts its connection.",
	Allow: registerEndpointAllow(),
}

var ensureFrontEndDNS = Step{
	Name: "EnsureFrontEndDns", Result: "frontEndDns", Timeout: usual,
	Doc:   "Find or create the private hosted zones that lead the workspace's hosts to the users' endpoint.",
	Allow: ensureFrontEndDNSAllow(),
}

var verifyFrontEnd = Step{
	Name: "VerifyFrontEnd", Result: "frontEndCheck", Timeout: usual,
	Doc:   "Check that users reach the workspace by their endpoint and, if it is closed to the public, in no other way.",
	Allow: verifyFrontEndAllow(),
}

var registerWorkspaceEndpoint = Step{
	Name: "RegisterWorkspaceEndpoint", Result: "workspaceRegistration", Timeout: usual,
	Doc:   "Register the workspace endpoint with the Databricks account, which accepts its connection.",
	Allow: registerEndpointAllow(),
}

var registerRelayEndpoint = Step{
	Name: "RegisterRelayEndpoint", Result: "relayRegistration", Timeout: usual,
	Doc:   "Register the relay endpoint with the Databricks account, which accepts its connection.",
	Allow: registerEndpointAllow(),
}

var awaitEndpoints = Step{
	Name: "AwaitEndpoints", Result: "endpoints", Timeout: usual,
	Doc:   "Wait until the endpoints to the control plane are available.",
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

var stopRunningCompute = Step{
	Name: "StopRunningCompute", Result: "runningCompute", Timeout: usual, CallsWorkspace: true,
	Doc:   "Before a workspace gets another network, stop what runs in the present one, if the spec says so.",
	Await: &Await{Noun: "RunningCompute", Within: time.Hour},
	Allow: fenced(readSecret, keepPools),
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
	Doc:   "Wait until every endpoint is available, where the spec wants it and with its private DNS names on.",
	Await: &Await{Noun: "PrivateDns", Within: 30 * time.Minute},
	Allow: awaitPrivateDNSAllow(),
}

var awaitMovedEndpoints = Step{
	Name: "AwaitMovedEndpoints", Result: "movedEndpoints", Timeout: usual,
	Doc:   "Move endpoints out of former subnets and groups, and wait until they are available again.",
	Await: &Await{Noun: "MovedEndpoints", Within: time.Hour},
	Allow: awaitPrivateDNSAllow(),
}

var verifyWorkspace = Step{
	Name: "VerifyWorkspace", Result: "workspaceCheck", Timeout: usual, CallsWorkspace: true,
	Doc:   "Check that the workspace answers at its URL and lets the service principal in.",
	Allow: fenced(readSecret, keepChecks, keepLedger),
}

var registerInstanceProfile = Step{
	Name: "RegisterInstanceProfile", Result: "instanceProfileRegistration", Timeout: usual, CallsWorkspace: true,
	Doc:   "Register the instance profile with the workspace, which tries it out.",
	Allow: databricksAllow(),
}

var assignMetastore = Step{
	Name: "AssignMetastore", Result: "metastoreAssignment", Timeout: usual,
	Doc:   "Assign the metastore of Unity Catalog to the workspace.",
	Allow: databricksAllow(),
}

var verifyNetwork = Step{
	Name: "VerifyNetwork", Result: "networkCheck", Timeout: usual,
	Doc:   "Check what Databricks says of the network, and the routes, groups and endpoints of the VPC.",
	Allow: verifyNetworkAllow(),
}

var verifyCluster = Step{
	Name: "VerifyCluster", Result: "clusterCheck", Timeout: usual, CallsWorkspace: true,
	Doc:   "Start the smallest cluster, and wait until it runs.",
	Await: &Await{Noun: "Cluster", Within: 50 * time.Minute},
	Allow: fenced(readSecret, keepChecks),
}

var verifyPrivateDNS = Step{
	Name: "VerifyPrivateDns", Result: "privateDnsCheck", Timeout: usual, CallsWorkspace: true,
	Doc:   "Check from the cluster that the hosts of the control plane are the addresses of the endpoints.",
	Await: &Await{Noun: "PrivateDnsProbe", Within: probing},
	Allow: fenced(readSecret, keepChecks, look("ec2:DescribeVpcEndpoints", "ec2:DescribeNetworkInterfaces")),
}

var verifyPorts = Step{
	Name: "VerifyPorts", Result: "portsCheck", Timeout: usual, CallsWorkspace: true,
	Doc:   "Check from the cluster that the ports of the control plane are open.",
	Await: &Await{Noun: "PortsProbe", Within: probing},
	Allow: fenced(readSecret, keepChecks),
}

var verifyMetastore = Step{
	Name: "VerifyMetastore", Result: "metastoreCheck", Timeout: usual, CallsWorkspace: true,
	Doc:   "Check from the cluster that Spark lists the databases that the metastore has.",
	Await: &Await{Noun: "MetastoreProbe", Within: probing},
	Allow: fenced(readSecret, keepChecks, readCatalog),
}

var verifyIsolation = Step{
	Name: "VerifyIsolation", Result: "isolationCheck", Timeout: usual, CallsWorkspace: true,
	Doc:   "Check that the cluster reaches what it needs and nothing outside.",
	Await: &Await{Noun: "IsolationProbe", Within: probing},
	Allow: verifyIsolationAllow(),
}

var configureSQLWarehouses = Step{
	Name: "ConfigureSqlWarehouses", Result: "sqlWarehouses", Timeout: usual, CallsWorkspace: true,
	Doc:   "Let SQL warehouses use the instance profile and the metastore.",
	Allow: databricksAllow(),
}

var verifySQLWarehouse = Step{
	Name: "VerifySqlWarehouse", Result: "sqlWarehouseCheck", Timeout: usual, CallsWorkspace: true,
	Doc:   "Start the smallest SQL warehouse, and check that it lists the databases that the metastore has.",
	Await: &Await{Noun: "SqlWarehouse", Within: 50 * time.Minute},
	Allow: fenced(readSecret, keepChecks, readCatalog),
}

var stopCompute = Step{
	Name: "StopCompute", Result: "compute", Timeout: usual, CallsWorkspace: true,
	Doc:   "Stop the cluster and the SQL warehouse that were started for the checks.",
	Allow: fenced(readSecret, keepPools),
}

var reportVerification = Step{
	Name: "ReportVerification", Result: "verification", Timeout: usual,
	Doc:   "Write the report of everything that was checked.",
	Allow: fenced(keepReports),
}

var deleteFormerNetwork = Step{
	Name: "DeleteFormerNetwork", Result: "formerNetwork", Timeout: usual,
	Doc:   "Take down what is left of a network that the workspace had before.",
	Await: &Await{Noun: "FormerNetwork", Within: 2 * time.Hour},
	Allow: deleteFormerNetworkAllow(),
}

var reportReady = Step{
	Name: "ReportReady", Result: "report", Timeout: usual, Final: true,
	Doc:   "Write the workspace's status, release its lease and slot and send the Workspace Ready event.",
	Allow: reportReadyAllow(),
}

var dispatch = Function{
	// One push may change thousands of specs, and Step Functions starts only so
	// many executions per second.
	Name: "Dispatch", Timeout: 5 * time.Minute,
	Doc:     "Starts one execution for each spec that was changed or deleted.",
	OnError: "Until then a push or a deletion has no effect. First: read the last lines of its log; the event is in the dead-letter queue if all attempts fail.",
	Allow:   dispatchAllow(),
}

var planProposal = Function{
	Name: "PlanProposal", Timeout: 2 * time.Minute,
	Doc:     "Says what a proposed spec would change, and changes nothing.",
	OnError: "A pull request or a proposed spec has got no plan. First: read the last lines of its log; then push the proposal again.",
	Allow:   planProposalAllow(),
}

var reportFailure = Function{
	Name: "ReportFailure", Timeout: usual,
	Doc:     "Reports an execution that failed, timed out or was stopped.",
	OnError: "An execution has ended and nobody was told: its workspace's status, lease and slot are as they were. First: make status; the next survey reports it.",
	Allow:   reportFailureAllow(),
}

var stopAbandonedCompute = Function{
	Name: "StopAbandonedCompute", Timeout: usual, CallsWorkspace: true,
	Doc:     "Stops the cluster and the SQL warehouse of an execution that did not come to an end.",
	OnError: "Compute of a failed verification may still cost money. It stops by itself after ten idle minutes. First: look for what is called lakegate-verification in the workspace.",
	Allow:   stopAbandonedComputeAllow(),
}

var survey = Function{
	// The most that Lambda offers: it looks at every spec there is.
	Name: "Survey", Timeout: 15 * time.Minute,
	Doc:     "Looks at every spec and every workspace, and makes good what events have missed.",
	OnError: "What events have missed is not made good, and drift is not seen. First: read the last lines of its log.",
	Allow:   surveyAllow(),
}
