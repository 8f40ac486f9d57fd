package spec

const (
	// APIVersion is the version of the contract that this package reads.
	APIVersion = "lakegate.dev/v1"
	// Kind is the only kind of document that this package reads.
	Kind = "Workspace"
	// Protected is the key of the annotation that keeps a workspace from being
	// deleted with its file: "true", or "false" for what is said by no annotation.
	Protected = "lakegate.dev/protected"
)

// What becomes of a workspace whose file is deleted, and of a root bucket that
// has objects.
const (
	Retain = "Retain"
	Delete = "Delete"
	Refuse = "Refuse"
	Force  = "Force"
)

// What happens when the world is found to differ from what was applied.
const (
	Report = "Report"
	Repair = "Repair"
)

// The tag format of a field names the Format that its text must have.

// Workspace is one private Databricks workspace on AWS, as its author wants it.
type Workspace struct {
	// APIVersion is always lakegate.dev/v1.
	APIVersion string `json:"apiVersion" format:"apiVersion"`
	// Kind is always Workspace.
	Kind string `json:"kind" format:"kind"`
	// Metadata names the workspace and carries what is said about it.
	Metadata Metadata `json:"metadata"`
	// Spec is the wanted state.
	Spec Spec `json:"spec"`
}

// Metadata names a workspace and carries what is said about it.
type Metadata struct {
	// Name identifies the workspace in this stack: the file must be called
	// <name>.yaml, and every object that is created is tagged with it. 2 to 32
	// lower-case letters, digits and single hyphens; it starts with a letter
	// and does not end with a hyphen.
	Name string `json:"name" format:"name"`
	// Annotations are notes for people and switches for the machine, by key.
	// lakegate.dev/adopt: "true" lets the workspace take over what has the names
	// of its spec and belongs to no workspace.
	// Keys have up to 128 letters, digits and . _ / -, values up to 4096
	// bytes; there are up to 50. With lakegate.dev/protected: "true" the
	// workspace stays when its file is deleted, whatever deletionPolicy says.
	Annotations map[string]string `json:"annotations,omitempty"`
}

// AdoptAnnotation lets a workspace take over what has the names that its spec
// chooses and belongs to nobody here. Its value is true or false.
const AdoptAnnotation = "lakegate.dev/adopt"

// Adopts says whether what has the wanted names and belongs to nobody is taken
// over.
func (w *Workspace) Adopts() bool { return w.Metadata.Annotations[AdoptAnnotation] == "true" }

// Spec is the wanted state of a workspace.
type Spec struct {
	// Region is the AWS region of the workspace and of all its objects.
	Region string `json:"region" format:"region"`
	// AWS says in which AWS account the workspace lives.
	AWS AWS `json:"aws"`
	// Databricks says in which Databricks account the workspace lives, and
	// under which names.
	Databricks Databricks `json:"databricks"`
	// Network is the customer-managed VPC.
	Network Network `json:"network,omitzero"`
	// PrivateLink is the back-end connection from compute to control plane.
	PrivateLink PrivateLink `json:"privateLink,omitzero"`
	// Metastore says where tables are known. Default: none is set up, and
	// Databricks decides.
	Metastore Metastore `json:"metastore,omitzero"`
	// Egress says what compute may reach outside of the VPC, which has to be given
	// by id. Default: nothing; the workspace is proven to be closed.
	Egress Egress `json:"egress,omitzero"`
	// Encryption is with keys of the customer. Default: with keys of AWS and
	// Databricks.
	Encryption Encryption `json:"encryption,omitzero"`
	// CrossAccountRole is the IAM role that Databricks assumes to run compute.
	CrossAccountRole Role `json:"crossAccountRole,omitzero"`
	// RootBucket is the S3 bucket of the workspace's root storage.
	RootBucket Bucket `json:"rootBucket,omitzero"`
	// Change says how far a change of a live workspace may go.
	Change Change `json:"change,omitzero"`
	// Suspend stops reconciling: what exists stays as it is, whatever else the
	// spec says, until it is removed or false again.
	Suspend bool `json:"suspend,omitempty"`
	// Drift says what happens when the world is found to differ from what was
	// applied. With Report it is told, with Repair it is also mended, and the
	// workspace verified anew. Default: Report.
	Drift string `json:"drift,omitempty" format:"drift"`
	// DeletionPolicy says what becomes of the workspace and its objects when the
	// file is deleted. With Retain they stay as they are; with Delete all that
	// was created here is deleted, and nothing that was given by id or ARN. It
	// counts once a spec with it was applied. Default: Retain.
	DeletionPolicy string `json:"deletionPolicy,omitempty" format:"deletionPolicy"`
	// BucketDeletion says what deletionPolicy Delete does with a root bucket that
	// has objects. With Refuse it is kept, with Force it is emptied and deleted.
	// Default: Refuse.
	BucketDeletion string `json:"bucketDeletion,omitempty" format:"bucketDeletion"`
	// Tags are put on every AWS object that is created, and on the workspace.
	// Up to 40; keys have up to 127 characters, values up to 255. Name, Vendor
	// and keys that begin with aws: or lakegate: are taken.
	Tags map[string]string `json:"tags,omitempty"`
}

// Change says how far a change of a live workspace may go.
type Change struct {
	// StopCompute lets a change of the network stop what runs in the present one:
	// clusters, idle instances of pools, and classic SQL warehouses. Without it
	// such a change is refused as long as something runs. Default: false.
	StopCompute bool `json:"stopCompute,omitempty"`
}

// AWS says in which AWS account the workspace lives.
type AWS struct {
	// AccountID is the 12-digit id of the AWS account, in quotes.
	AccountID string `json:"accountId" format:"awsAccountId"`
	// RoleARN is the ARN of the IAM role that Lakegate assumes for everything in
	// that account. The account that Lakegate runs in needs none, any other one
	// does. Default: none.
	RoleARN string `json:"roleArn,omitempty" format:"roleArn"`
}

// Databricks says in which Databricks account the workspace lives, and under
// which names its objects are registered there.
type Databricks struct {
	// AccountID is the UUID of the Databricks account, as the account console
	// shows it.
	AccountID string `json:"accountId" format:"uuid"`
	// WorkspaceName is the name people see, 1 to 100 characters.
	// Default: metadata.name.
	WorkspaceName string `json:"workspaceName,omitempty" format:"workspaceName"`
	// DeploymentName is the part of the URL after the account's prefix, up to
	// 64 lower-case letters, digits and hyphens. It works only for accounts
	// that have such a prefix; without it Databricks chooses a name.
	DeploymentName string `json:"deploymentName,omitempty" format:"deploymentName"`
	// CredentialsName is the name of the credential configuration, 4 to 256
	// characters. Default: metadata.name, or lakegate-<metadata.name> if that
	// has fewer than 4 characters.
	CredentialsName string `json:"credentialsName,omitempty" format:"databricksName"`
	// StorageName is the name of the storage configuration, 4 to 256
	// characters. Default: as for credentialsName.
	StorageName string `json:"storageName,omitempty" format:"databricksName"`
	// NetworkName is the name of the network configuration, 4 to 256
	// characters. A configuration never changes: another network gets another
	// one, called <networkName>-<8 hexadecimal digits>, which takes the place of
	// the former. Default: as for credentialsName.
	NetworkName string `json:"networkName,omitempty" format:"databricksName"`
}

// Network is the customer-managed VPC: it has no way to the internet, only
// endpoints. What is given by id has to lie in a VPC that is given by id. A live
// workspace whose VPC, subnets or workspace group change moves into another
// network: all workspace subnets have to change together, without overlapping the
// present ones in the same VPC, and spec.change says whether compute may be
// stopped for that.
type Network struct {
	// VPC is the virtual network.
	VPC VPC `json:"vpc,omitzero"`
	// WorkspaceSubnets are the two to six subnets that compute runs in, each
	// in an availability zone of its own. Default: two.
	WorkspaceSubnets []Subnet `json:"workspaceSubnets,omitempty" jsonschema:"minItems=2,maxItems=6"`
	// EndpointSubnet holds the two endpoints of the control plane.
	EndpointSubnet Subnet `json:"endpointSubnet,omitzero"`
	// EndpointRouteTable is the route table of the endpoint subnet; it has the
	// local route only. The workspace subnets use the VPC's main table.
	EndpointRouteTable RouteTable `json:"endpointRouteTable,omitzero"`
	// SecurityGroups are the firewall rules of compute and of the endpoints.
	SecurityGroups SecurityGroups `json:"securityGroups,omitzero"`
	// Endpoints are the ways to AWS services that compute needs.
	Endpoints ServiceEndpoints `json:"endpoints,omitzero"`
}

// VPC is the virtual network: given by id, or created from name and CIDR.
type VPC struct {
	// ID of an existing VPC (vpc-…) to use. Without it a VPC is created. With
	// it there is no name.
	ID string `json:"id,omitempty" format:"vpcId"`
	// Name tag of the VPC. Default: <metadata.name>-vpc.
	Name string `json:"name,omitempty" format:"nameTag"`
	// CIDR is the IPv4 block of the VPC, /16 to /28, and /16 to /24 when the
	// workspace subnets are derived from it. For a given VPC it is the block
	// that holds the subnets; without it the subnets that are created there
	// need CIDRs of their own. Default: 10.0.0.0/22, for a VPC that is created.
	CIDR string `json:"cidr,omitempty" format:"cidr"`
}

// Subnet is given by id, or created from name, CIDR and zone.
type Subnet struct {
	// ID of an existing subnet (subnet-…) to use. Without it one is created.
	// With it there is nothing else: the rest is read from AWS.
	ID string `json:"id,omitempty" format:"subnetId"`
	// Name tag of the subnet, unique among the subnets.
	// Default: <metadata.name>-workspace-1, -2, … and <metadata.name>-endpoints.
	Name string `json:"name,omitempty" format:"nameTag"`
	// CIDR is the IPv4 block, inside the VPC's. Workspace subnets are /17 to
	// /26, the endpoint subnet /16 to /28. Default: the second and third
	// quarter of the VPC for the first two subnets of the workspace, the fourth
	// for the endpoints.
	CIDR string `json:"cidr,omitempty" format:"cidr"`
	// AvailabilityZone such as ap-northeast-1a. Default: a zone in which the
	// endpoint services are offered, a different one for each workspace
	// subnet; it is chosen when the subnet is created.
	AvailabilityZone string `json:"availabilityZone,omitempty" format:"zone"`
}

// RouteTable is given by id, or created by name.
type RouteTable struct {
	// ID of an existing route table (rtb-…) to use. Without it one is created,
	// unless the endpoint subnet is given by id: that keeps the table it has.
	// With it there is no name.
	ID string `json:"id,omitempty" format:"routeTableId"`
	// Name tag of the table. Default: <metadata.name>-endpoints, for a table
	// that is created.
	Name string `json:"name,omitempty" format:"nameTag"`
}

// SecurityGroups are the firewall rules of compute and of the endpoints.
type SecurityGroups struct {
	// Workspace is the group of compute, and of the interface endpoints of AWS
	// services.
	Workspace SecurityGroup `json:"workspace,omitzero"`
	// Endpoint is the group of the two endpoints of the control plane.
	Endpoint SecurityGroup `json:"endpoint,omitzero"`
}

// SecurityGroup is given by id, or created from name, description and rules.
type SecurityGroup struct {
	// ID of an existing security group (sg-…) to use. Without it one is
	// created. With it there is nothing else: the rest is read from AWS.
	ID string `json:"id,omitempty" format:"securityGroupId"`
	// Name of the group, unique in its VPC: a group that takes the place of one of
	// this name gets 8 hexadecimal digits after it. Default: <metadata.name>-workspace
	// and <metadata.name>-endpoints, with lakegate- before it where that would
	// begin with sg-, as ids do.
	Name string `json:"name,omitempty" format:"securityGroupName"`
	// Description of the group; AWS never lets it be changed.
	// Default: "Compute of <metadata.name>" and "Control-plane endpoints of
	// <metadata.name>".
	Description string `json:"description,omitempty" format:"securityGroupDescription"`
	// Rules are all rules of the group, up to 60 for each direction. Default:
	// what the Databricks documentation asks for.
	Rules []Rule `json:"rules,omitempty" jsonschema:"minItems=1,maxItems=120"`
}

// Rule is one rule of a security group.
type Rule struct {
	// Direction is ingress or egress.
	Direction string `json:"direction" format:"direction"`
	// Protocol is tcp or udp.
	Protocol string `json:"protocol" format:"protocol"`
	// Ports is one port ("443", in quotes), a range ("8445-8451") or "all".
	Ports string `json:"ports" format:"ports"`
	// Peer is the other side: self (the group itself), workspace (the
	// workspace group), vpc (the VPC's CIDR), or an IPv4 CIDR block.
	Peer string `json:"peer" format:"peer"`
}

// ServiceEndpoints are the ways to AWS services that compute needs in a
// network without internet.
type ServiceEndpoints struct {
	// S3 is a gateway endpoint on the route tables of the workspace subnets.
	S3 Endpoint `json:"s3,omitzero"`
	// STS is an interface endpoint in the workspace subnets.
	STS Endpoint `json:"sts,omitzero"`
	// Kinesis is an interface endpoint in the workspace subnets.
	Kinesis Endpoint `json:"kinesis,omitzero"`
}

// Endpoint is a VPC endpoint: given by id, or created.
type Endpoint struct {
	// ID of an existing VPC endpoint (vpce-…) to use. Without it one is
	// created. With it there is no name.
	ID string `json:"id,omitempty" format:"vpcEndpointId"`
	// Name tag of the endpoint. Default: <metadata.name>-<service>, such as
	// <metadata.name>-s3.
	Name string `json:"name,omitempty" format:"nameTag"`
}

// PrivateLink is the back-end connection from compute to control plane.
type PrivateLink struct {
	// WorkspaceEndpoint leads to the workspace's web application and REST API.
	WorkspaceEndpoint DatabricksEndpoint `json:"workspaceEndpoint,omitzero"`
	// RelayEndpoint leads to the secure cluster connectivity relay.
	RelayEndpoint DatabricksEndpoint `json:"relayEndpoint,omitzero"`
	// FrontEnd is the connection from users to the web application and REST
	// API. Default: there is none, and users come over the public network.
	FrontEnd *FrontEnd `json:"frontEnd,omitempty"`
	// PrivateAccessSettings says who may reach the workspace, and how.
	PrivateAccessSettings PrivateAccessSettings `json:"privateAccessSettings,omitzero"`
	// EndpointPolicies is restricted to let the endpoints of S3, STS, Kinesis
	// and Glue reach only what the workspace needs: its root bucket, the buckets
	// and roles of Databricks, the account's own roles, catalog and data buckets.
	// Default: open, which AWS calls full access.
	EndpointPolicies string `json:"endpointPolicies,omitempty" format:"endpointPolicies"`
	// DataBuckets are further buckets that compute may use where
	// endpointPolicies is restricted.
	DataBuckets []string `json:"dataBuckets,omitempty" format:"bucketName" jsonschema:"minItems=1,maxItems=50"`
}

// FrontEnd is an interface endpoint from a VPC of the users to the workspace
// service, its registration, and the private hosted zone of the workspace's
// host.
type FrontEnd struct {
	// ID of an existing VPC endpoint (vpce-…) to use. Without it one is
	// created, in vpc. With it there is nothing else but registrationName and
	// hostedZone.
	ID string `json:"id,omitempty" format:"vpcEndpointId"`
	// Name tag of the endpoint. Default: <metadata.name>-front-end.
	Name string `json:"name,omitempty" format:"nameTag"`
	// VPC that users are in or are routed through.
	VPC string `json:"vpc,omitempty" format:"vpcId"`
	// Subnets of that VPC, each in a zone of its own, that get the endpoint's
	// addresses.
	Subnets []string `json:"subnets,omitempty" format:"subnetId" jsonschema:"minItems=1,maxItems=6"`
	// SecurityGroups of that VPC; they must admit TCP 443 from the users.
	SecurityGroups []string `json:"securityGroups,omitempty" format:"securityGroupId" jsonschema:"minItems=1,maxItems=5"`
	// RegistrationName is the name under which the endpoint is registered with
	// the Databricks account, 4 to 256 characters. Default: the endpoint's
	// name, or <metadata.name>-front-end for an endpoint that is given by id.
	RegistrationName string `json:"registrationName,omitempty" format:"databricksName"`
	// HostedZone is the id of an existing private hosted zone of that VPC which
	// leads the workspace's host, or the name of its region below
	// privatelink.cloud.databricks.com, to the endpoint; it is checked and not
	// changed. Default: a zone for exactly that host is created and associated
	// with the VPC, so that no other name of the VPC leads elsewhere.
	HostedZone string `json:"hostedZone,omitempty" format:"hostedZoneId"`
}

// DatabricksEndpoint is an interface endpoint to a service of Databricks, and
// its registration with the Databricks account.
type DatabricksEndpoint struct {
	// ID of an existing VPC endpoint (vpce-…) to use. Without it one is
	// created. With it there is no name and no service.
	ID string `json:"id,omitempty" format:"vpcEndpointId"`
	// Name tag of the endpoint. Default: <metadata.name>-workspace and
	// <metadata.name>-relay.
	Name string `json:"name,omitempty" format:"nameTag"`
	// Service is the name of the endpoint service, when the region's table is
	// out of date. Default: what the table has for the region; it stays empty
	// until the endpoint is created.
	Service string `json:"service,omitempty" format:"endpointService"`
	// RegistrationName is the name under which the endpoint is registered with
	// the Databricks account, 4 to 256 characters; for an endpoint that takes the
	// place of a former one with 8 hexadecimal digits after it. Default: the
	// endpoint's name, or <metadata.name>-workspace and <metadata.name>-relay for an
	// endpoint that is given by id.
	RegistrationName string `json:"registrationName,omitempty" format:"databricksName"`
}

// PrivateAccessSettings says who may reach the workspace, and how.
type PrivateAccessSettings struct {
	// ID of existing private access settings (a UUID) to use. Without it they
	// are created. With it there is no name.
	ID string `json:"id,omitempty" format:"uuid"`
	// Name of the settings, 4 to 256 characters. Default: as for
	// databricks.credentialsName.
	Name string `json:"name,omitempty" format:"databricksName"`
	// PublicAccess keeps the workspace reachable over the public network
	// beside the private one. Without frontEnd only true is possible; false
	// also needs the functions that verify the workspace to be in the front-end
	// VPC. Existing settings must have the same value. Default: true.
	PublicAccess *bool `json:"publicAccess,omitempty"`
	// Level is ACCOUNT to admit every endpoint that is registered with the
	// Databricks account, or ENDPOINT to admit only those of this spec.
	// Default: ENDPOINT with frontEnd, else ACCOUNT.
	Level string `json:"level,omitempty" format:"accessLevel"`
}

// Metastore says where tables are known: at most one of its members.
type Metastore struct {
	// Glue is the Glue Data Catalog of the AWS account in the region.
	Glue *Glue `json:"glue,omitempty"`
	// UnityCatalog is a metastore of Unity Catalog.
	UnityCatalog *UnityCatalog `json:"unityCatalog,omitempty"`
	// Hive is the Hive metastore that Databricks runs for the region. It is in
	// the public network, and so needs spec.egress.
	Hive *Hive `json:"hive,omitempty"`
}

// Glue is the Glue Data Catalog of the AWS account in the region.
type Glue struct {
	// Endpoint is the interface endpoint to Glue in the workspace subnets.
	Endpoint Endpoint `json:"endpoint,omitzero"`
	// InstanceProfile is what compute calls Glue with.
	InstanceProfile InstanceProfile `json:"instanceProfile,omitzero"`
}

// InstanceProfile is an instance profile and the role of the same name: given
// by ARN, or created by name.
type InstanceProfile struct {
	// ARN of an existing instance profile to use, in the spec's AWS account.
	// Without it profile and role are created. With it there is no name.
	ARN string `json:"arn,omitempty" format:"instanceProfileArn"`
	// Name of profile and role to create, unique in the account. Default:
	// lakegate-<metadata.name>-glue.
	Name string `json:"name,omitempty" format:"roleName"`
}

// UnityCatalog is a metastore of Unity Catalog.
type UnityCatalog struct {
	// MetastoreID is the UUID of a metastore of the same region.
	MetastoreID string `json:"metastoreId" format:"uuid"`
}

// Hive is the Hive metastore that Databricks runs for the region.
type Hive struct {
	// Host of the metastore, when the region's table is out of date. Default:
	// what the table has for the region; it stays empty until it is needed.
	Host string `json:"host,omitempty" format:"host"`
}

// Egress is what compute may reach outside of the VPC, by routes that a network
// team has made.
type Egress struct {
	// Routes of the workspace subnets that may exist beside those to the VPC
	// and to S3. Default: none.
	Routes []EgressRoute `json:"routes,omitempty" jsonschema:"minItems=1,maxItems=20"`
	// Hosts that a firewall on that way lets through on port 443; it is checked
	// that they can be reached, and that others cannot. Default: none.
	Hosts []string `json:"hosts,omitempty" format:"host" jsonschema:"minItems=1,maxItems=20"`
}

// EgressRoute is one route out of the VPC.
type EgressRoute struct {
	// Destination is the IPv4 block of the route, such as 0.0.0.0/0.
	Destination string `json:"destination" format:"destination"`
	// Target is the id of a NAT gateway, transit gateway, peering connection,
	// virtual private gateway, network interface or firewall endpoint.
	Target string `json:"target" format:"routeTarget"`
}

// Encryption is with keys of the customer in AWS KMS.
type Encryption struct {
	// ManagedServicesKey encrypts what the control plane stores: notebooks,
	// secrets, queries.
	ManagedServicesKey *Key `json:"managedServicesKey,omitempty"`
	// StorageKey encrypts the root bucket and the volumes of compute.
	StorageKey *Key `json:"storageKey,omitempty"`
}

// Key is a symmetric key in AWS KMS: given by ARN, or created.
type Key struct {
	// ARN of an existing key to use, in the spec's region. Its policy must
	// admit Databricks; it is checked and not changed. Without it one is
	// created. With it there is no alias.
	ARN string `json:"arn,omitempty" format:"keyArn"`
	// Alias of the key to create, without alias/. Default:
	// lakegate-<metadata.name>-managed-services and
	// lakegate-<metadata.name>-storage.
	Alias string `json:"alias,omitempty" format:"keyAlias"`
}

// Role is an IAM role: given by ARN, or created by name.
type Role struct {
	// ARN of an existing role to use, in the spec's AWS account. Without it
	// one is created. With it there is no name.
	ARN string `json:"arn,omitempty" format:"roleArn"`
	// Name of the role to create, unique in the account. Default:
	// lakegate-<metadata.name>-cross-account.
	Name string `json:"name,omitempty" format:"roleName"`
}

// Bucket is an S3 bucket: given by ARN, or created by name.
type Bucket struct {
	// ARN of an existing bucket to use. Without it one is created. With it
	// there is no name.
	ARN string `json:"arn,omitempty" format:"bucketArn"`
	// Name of the bucket to create, unique in all of AWS; without dots, which
	// the certificates of S3 do not cover. Default:
	// lakegate-<metadata.name>-root-<AWS account id>.
	Name string `json:"name,omitempty" format:"bucketName"`
}
