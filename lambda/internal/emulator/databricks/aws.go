package databricks

import (
	"strings"
	"time"
)

// databricksAWSAccount is the AWS account that cross-account roles and root
// buckets trust.
// https://docs.databricks.com/aws/en/admin/account-settings-e2/credentials
const databricksAWSAccount = "414351767826"

// AWS is what the account sees of the customer's cloud, through the
// cross-account role and as the owner of the endpoint services. The server
// calls it while it serves a request, so an implementation must not call the
// server back. A look-up answers false for what does not exist.
type AWS interface {
	// Endpoint looks up a VPC endpoint by its id (vpce-…).
	Endpoint(region, id string) (Endpoint, bool)
	// AcceptEndpoint accepts the connection of an endpoint that waits for it,
	// and does nothing for one that does not.
	AcceptEndpoint(region, id string) error
	// Role looks up an IAM role by its ARN.
	Role(arn string) (Role, bool)
	// InstanceProfile looks up an instance profile by its ARN.
	InstanceProfile(arn string) (InstanceProfile, bool)
	// Key looks up a KMS key by its ARN.
	Key(arn string) (Key, bool)
	// Databases are the databases of the Glue Data Catalog of an AWS account;
	// EnsureDatabase makes one if there is none of that name.
	Databases(account, region string) []string
	EnsureDatabase(account, region, name string)
	// Bucket looks up an S3 bucket by its name.
	Bucket(name string) (Bucket, bool)
	// Subnet looks up a subnet of an AWS account by its id.
	Subnet(account, region, id string) (Subnet, bool)
	// SecurityGroup looks up a security group of an AWS account by its id.
	SecurityGroup(account, region, id string) (SecurityGroup, bool)
}

// Endpoint is a VPC endpoint.
type Endpoint struct {
	// AccountID of the AWS account that owns it.
	AccountID string
	VPCID     string
	// ServiceName is the endpoint service that it leads to.
	ServiceName string
	// State as EC2 reports it, such as pendingAcceptance or available.
	State string
}

// Role is an IAM role.
type Role struct {
	Name string
	// Changed is when the role, its trust policy or its permissions were last
	// changed.
	Changed time.Time
	// Trust is the trust policy, a JSON document.
	Trust string
	// Policies are all permission policies, inline and attached, JSON documents.
	Policies []string
}

// InstanceProfile is an instance profile and its role.
type InstanceProfile struct {
	Name string
	// Changed is when it last got or lost its role.
	Changed time.Time
	// Role is the ARN of its role; empty if it has none.
	Role string
}

// Key is a KMS key.
type Key struct {
	Enabled bool
	// Policy is the key policy, a JSON document.
	Policy string
}

// Bucket is an S3 bucket.
type Bucket struct {
	// AccountID of the AWS account that owns it.
	AccountID string
	Region    string
	// Policy is the bucket policy, a JSON document; empty if there is none.
	Policy string
	// PublicAccessBlocked says whether all four settings of the public access
	// block are on.
	PublicAccessBlocked bool
}

// Subnet is a subnet with the network ACL that guards it.
type Subnet struct {
	VPCID            string
	AvailabilityZone string
	// CIDR is its IPv4 block.
	CIDR string
	// ACL is the network ACL of the subnet, in any order.
	ACL []ACLEntry
}

// ACLEntry is one rule of a network ACL.
type ACLEntry struct {
	// Number orders the rules; the lowest that matches decides.
	Number int
	Egress bool
	Allow  bool
	// Protocol is -1 (all), 6 (TCP) or another protocol number.
	Protocol string
	// FromPort and ToPort bound the ports of TCP and UDP.
	FromPort, ToPort int
	// CIDR is the IPv4 block of the other side.
	CIDR string
}

// SecurityGroup is a security group.
type SecurityGroup struct {
	VPCID string
	Rules []SecurityRule
}

// SecurityRule is one rule of a security group.
type SecurityRule struct {
	Egress bool
	// Protocol is tcp, udp, -1 (all) or another protocol.
	Protocol string
	// FromPort and ToPort bound the ports of tcp and udp.
	FromPort, ToPort int
	// The other side is one of an IPv4 block, a security group and a prefix list.
	CIDR, GroupID, PrefixListID string
}

// accountOf is the AWS account in an ARN.
func accountOf(arn string) string {
	if parts := strings.SplitN(arn, ":", 6); len(parts) == 6 {
		return parts[4]
	}
	return ""
}
