package plan

// Permission is one statement of a role: the actions on the resources, under
// the conditions.
type Permission struct {
	// Why in a few words: a row of the documentation.
	Why string
	// Actions such as ec2:CreateVpc; never a wildcard.
	Actions []string
	// Resources are ARNs with placeholders, or * where the service knows no
	// other.
	Resources []string
	// Conditions by operator and key, as in IAM.
	Conditions map[string]map[string]string
	// Source that it is for; empty means whichever is watched.
	Source string
}

// Placeholders of resources, conditions, patterns and the definition. The CDK
// app and the emulator replace them. A step's name as placeholder, such as
// ${EnsureVpc}, is the ARN of its function.
const (
	Partition        = "${Partition}"
	Account          = "${Account}"
	Region           = "${Region}"
	SourceBucket     = "${SourceBucket}"
	SourceRepository = "${SourceRepository}"
	SourceBranch     = "${SourceBranch}"
	StateBucket      = "${StateBucket}"
	EventBus         = "${EventBus}"
	DatabricksSecret = "${DatabricksSecret}"
	SlackSecret      = "${SlackSecret}"
	TeamsSecret      = "${TeamsSecret}"
	WebhookSecret    = "${WebhookSecret}"
	ChatTopic        = "${ChatTopic}"
	StateMachine     = "${StateMachine}"
	// RetirementMachine is the one that retires.
	RetirementMachine = "${RetirementMachine}"
)

// Tag keys that mark what this project made or uses. They are part of
// permissions, and so of the plan.
const (
	// TagWorkspace holds metadata.name of the spec.
	TagWorkspace = "lakegate:workspace"
	// TagManaged holds owned for what was created or adopted here.
	TagManaged = "lakegate:managed"
	// TagObject holds which object of the workspace it is, such as
	// workspace-subnet-1; it stays when a name changes.
	TagObject = "lakegate:object"
	// TagSubnets holds the ids of the workspace subnets that a security group of
	// compute was made for: both are in one network configuration, for good.
	TagSubnets = "lakegate:subnets"
	// Owned is the value of TagManaged.
	Owned = "owned"
	// TagShared, and after it the name of a workspace, is on what a spec gives by
	// id or ARN. Several workspaces can use one object, so each has a key of its
	// own, which it can remove without the others. Such an object never has
	// TagManaged from us: only what has it may be changed or deleted.
	TagShared = "lakegate:shared:"
	// Used is the value of TagShared.
	Used = "used"
)
