package plan

// Environment variables of the functions.
const (
	// EnvStep names the step or function that the process serves.
	EnvStep = "STEP"
	// EnvStateBucket is the name of the bucket of leases, status and reports.
	EnvStateBucket = "STATE_BUCKET"
	// EnvEventBus is the name of the bus that events are put on.
	EnvEventBus = "EVENT_BUS"
	// EnvDatabricksSecret is the id of the secret with the service principal.
	EnvDatabricksSecret = "DATABRICKS_SECRET"
	// EnvDatabricksHost is the account console's address, if not the usual one.
	EnvDatabricksHost = "DATABRICKS_HOST"
	// EnvChatSecret is the id of the secret that says where to post, of a function
	// that tells people, and EnvChatTopic the ARN of the topic to publish to.
	EnvChatSecret = "CHAT_SECRET"
	EnvChatTopic  = "CHAT_TOPIC_ARN"
	// EnvStateMachine is the ARN of the state machine.
	EnvStateMachine = "STATE_MACHINE_ARN"
	// EnvRetirementMachine is the ARN of the state machine that retires.
	EnvRetirementMachine = "RETIREMENT_MACHINE_ARN"
	// EnvSourceBucket is the name of the bucket that is watched for specs, if one is.
	EnvSourceBucket = "SOURCE_BUCKET"
	// EnvSourceRepository and EnvSourceBranch are the git repository that is
	// watched, if one is, and the branch of it.
	EnvSourceRepository = "SOURCE_REPOSITORY"
	EnvSourceBranch     = "SOURCE_BRANCH"
	// EnvFunctionsVPC is the VPC that the functions which call workspaces run in,
	// if they run in one.
	EnvFunctionsVPC = "FUNCTIONS_VPC"
	// EnvTargetRoles are the ARNs of the roles of other accounts that may be
	// assumed, separated by spaces, if there are any.
	EnvTargetRoles = "TARGET_ROLES"
	// EnvSlots is how many executions may work in one Databricks account at the
	// same time.
	EnvSlots = "SLOTS"
	// EnvEndpointsPerSecond is how many VPC endpoints may be made in one AWS
	// account and region.
	EnvEndpointsPerSecond = "ENDPOINTS_PER_SECOND"
)

// What an operator changes when a service has raised its limits.
const (
	// DefaultSlots leave the account API of Databricks a third of the 15 calls per
	// second that its own client allows itself.
	DefaultSlots = 200
	// DefaultEndpointsPerSecond is what EC2 grants an account in a region.
	// https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html
	DefaultEndpointsPerSecond = 0.3
)

// Sources of specs. Either or both are watched.
const (
	// S3 is a versioned bucket of Amazon S3.
	S3 = "s3"
	// CodeCommit is one branch of a git repository of AWS CodeCommit.
	CodeCommit = "codecommit"
)

// Sources returns every source of specs.
func Sources() []string { return []string{S3, CodeCommit} }

const (
	// StackName is the name of the stack, with which the names of its roles begin.
	StackName = "Lakegate"
	// SourcePrefix is the folder of the source that holds workspace specs.
	SourcePrefix = "workspaces/"
	// ProposalPrefix is the folder of the source for specs that are planned and
	// not applied.
	ProposalPrefix = "proposed/"
	// PlanPrefix is the folder of the state bucket that holds the newest plan of
	// each workspace.
	PlanPrefix = "plans/"
	// DriftPrefix is the folder of the state bucket that holds how each workspace
	// was last found to differ from its spec.
	DriftPrefix = "drift/"
	// ReportPrefix is the folder of the state bucket that holds what was checked
	// and the verification reports.
	ReportPrefix = "reports/"
	// LedgerPrefix is the folder of the state bucket that says in which workspace
	// compute was started.
	LedgerPrefix = "compute/"
	// RecordPrefix is the folder of the state bucket that holds the specs that were
	// attempted and applied last.
	RecordPrefix = "applied/"
	// SlotsKey is the object of the state bucket that says who may work.
	SlotsKey = "slots.json"
	// FunctionPrefix and a step's name make the name of a function.
	FunctionPrefix = "lakegate-"
	// LogGroupPrefix and a function's name make the name of its log group.
	LogGroupPrefix = "/aws/lambda/"
	// StateMachineName is the name of the state machine.
	StateMachineName = "lakegate-workspace"
	// RetirementMachineName is the name of the state machine that retires.
	RetirementMachineName = "lakegate-retirement"
	// EventBusName is the name of the bus that events are put on.
	EventBusName = "lakegate"
	// ArchiveName is the name of the archive of that bus.
	ArchiveName = FunctionPrefix + "events"
	// ArchiveDays is how long it keeps an event: a quarter, for whoever has to show
	// what happened.
	ArchiveDays = 92
	// DeadLetterQueueName is the name of the queue of events that were not
	// delivered.
	DeadLetterQueueName = FunctionPrefix + "dead-letters"
	// EventSource is the source of every event.
	EventSource = "lakegate"
)
