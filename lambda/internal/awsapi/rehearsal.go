package awsapi

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	route53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
)

// Rehearsal takes the place of every call that would change something: it notes
// the call and answers as if it had been made. Calls that look are made. It is
// safe for concurrent use.
type Rehearsal struct {
	mu    sync.Mutex
	calls []string
	// buckets that would be created: they have names and no ids.
	buckets []string
}

// Note adds a call that was not made.
func (r *Rehearsal) Note(call string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.calls = append(r.calls, call)
}

// Take returns the calls that were noted since it was asked last.
func (r *Rehearsal) Take() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	calls := r.calls
	r.calls = nil
	return calls
}

// Rehearse returns clients that only look.
func (c *Clients) Rehearse(r *Rehearsal) *Clients {
	rehearse := func(config aws.Config) aws.Config {
		config = config.Copy()
		config.APIOptions = append(config.APIOptions, func(stack *middleware.Stack) error {
			return stack.Initialize.Add(middleware.InitializeMiddlewareFunc("Rehearsal", r.handle), middleware.After)
		})
		return config
	}
	// A role is assumed all the same: looking takes it, too.
	clients := newClients(rehearse(c.home), rehearse(c.target), c.roles)
	clients.rehearsed = true
	return clients
}

// Rehearsed says whether these clients only look.
func (c *Clients) Rehearsed() bool { return c.rehearsed }

// Looks says whether an operation changes nothing.
func Looks(operation string) bool {
	for _, verb := range []string{"Describe", "Get", "List", "Head", "Lookup"} {
		if strings.HasPrefix(operation, verb) {
			return true
		}
	}
	return false
}

func (r *Rehearsal) handle(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (out middleware.InitializeOutput, md middleware.Metadata, err error) {
	operation := middleware.GetOperationName(ctx)
	if Looks(operation) {
		if out.Result = r.imagined(in.Parameters); out.Result != nil {
			return out, md, nil
		}
		return next.HandleInitialize(ctx, in)
	}
	r.Note(strings.ToLower(middleware.GetServiceID(ctx)) + ":" + operation)
	if bucket, ok := in.Parameters.(*s3.CreateBucketInput); ok {
		r.mu.Lock()
		r.buckets = append(r.buckets, aws.ToString(bucket.Bucket))
		r.mu.Unlock()
	}
	out.Result, err = pretended(in.Parameters)
	return out, md, err
}

// New begins the id of what is yet to be created.
const New = "new-"

// IsNew says whether an id or ARN is of what is yet to be created.
func IsNew(id string) bool { return strings.Contains(id, New) }

// pretended is the answer to a call that would change something, as far as it is
// read: the ids of what would be created.
func pretended(input any) (any, error) {
	id := func(kind string) *string { return aws.String(New + kind) }
	switch in := input.(type) {
	case *ec2.CreateVpcInput:
		return &ec2.CreateVpcOutput{Vpc: &ec2types.Vpc{
			VpcId: id("vpc"), CidrBlock: in.CidrBlock, Tags: tagsIn(in.TagSpecifications), CidrBlockAssociationSet: []ec2types.VpcCidrBlockAssociation{{
				CidrBlock: in.CidrBlock, CidrBlockState: &ec2types.VpcCidrBlockState{State: ec2types.VpcCidrBlockStateCodeAssociated},
			}},
		}}, nil
	case *ec2.CreateSubnetInput:
		return &ec2.CreateSubnetOutput{Subnet: &ec2types.Subnet{
			SubnetId: id("subnet-" + aws.ToString(in.CidrBlock)), VpcId: in.VpcId, CidrBlock: in.CidrBlock, AvailabilityZone: in.AvailabilityZone,
			Tags: tagsIn(in.TagSpecifications),
		}}, nil
	case *ec2.CreateSecurityGroupInput:
		return &ec2.CreateSecurityGroupOutput{GroupId: id("group-" + aws.ToString(in.GroupName))}, nil
	case *ec2.CreateRouteTableInput:
		return &ec2.CreateRouteTableOutput{RouteTable: &ec2types.RouteTable{RouteTableId: id("route-table"), VpcId: in.VpcId, Tags: tagsIn(in.TagSpecifications)}}, nil
	case *ec2.CreateVpcEndpointInput:
		return &ec2.CreateVpcEndpointOutput{VpcEndpoint: &ec2types.VpcEndpoint{
			VpcEndpointId: id("endpoint-" + aws.ToString(in.ServiceName)), VpcId: in.VpcId, ServiceName: in.ServiceName, VpcEndpointType: in.VpcEndpointType,
			State: ec2types.StatePending, SubnetIds: in.SubnetIds, RouteTableIds: in.RouteTableIds, PrivateDnsEnabled: in.PrivateDnsEnabled,
			Tags: tagsIn(in.TagSpecifications),
		}}, nil
	case *iam.CreateRoleInput:
		return &iam.CreateRoleOutput{Role: &iamtypes.Role{
			RoleName: in.RoleName, RoleId: id("role"), Arn: id("role-" + aws.ToString(in.RoleName)), AssumeRolePolicyDocument: in.AssumeRolePolicyDocument, Tags: in.Tags,
		}}, nil
	case *iam.CreateInstanceProfileInput:
		return &iam.CreateInstanceProfileOutput{InstanceProfile: &iamtypes.InstanceProfile{
			InstanceProfileName: in.InstanceProfileName, Arn: id("profile-" + aws.ToString(in.InstanceProfileName)), InstanceProfileId: id("profile"),
		}}, nil
	case *kms.CreateKeyInput:
		return &kms.CreateKeyOutput{KeyMetadata: &kmstypes.KeyMetadata{
			KeyId: id("key"), Arn: id("key"), KeyState: kmstypes.KeyStateEnabled, KeySpec: kmstypes.KeySpecSymmetricDefault,
			KeyUsage: kmstypes.KeyUsageTypeEncryptDecrypt,
		}}, nil
	case *route53.CreateHostedZoneInput:
		return &route53.CreateHostedZoneOutput{HostedZone: &route53types.HostedZone{Id: id("zone-" + aws.ToString(in.Name)), Name: in.Name}}, nil
	}
	// What else the answers have is not read.
	if out := empty(input); out != nil {
		return out, nil
	}
	return nil, fmt.Errorf("rehearsing %T: its answer is not known", input)
}

// tagsIn are the tags of a create call.
func tagsIn(specifications []ec2types.TagSpecification) []ec2types.Tag {
	var tags []ec2types.Tag
	for _, s := range specifications {
		tags = append(tags, s.Tags...)
	}
	return tags
}

// imagined is the answer to a question about what is yet to be created; nothing
// if the question is about what exists.
func (r *Rehearsal) imagined(input any) any {
	switch in := input.(type) {
	case *s3.GetBucketPolicyInput:
		if r.made(in.Bucket) {
			return &s3.GetBucketPolicyOutput{}
		}
	case *s3.GetPublicAccessBlockInput:
		if r.made(in.Bucket) {
			return &s3.GetPublicAccessBlockOutput{}
		}
	case *ec2.DescribeVpcAttributeInput:
		if IsNew(aws.ToString(in.VpcId)) {
			// As AWS makes a VPC.
			return &ec2.DescribeVpcAttributeOutput{
				EnableDnsSupport:   &ec2types.AttributeBooleanValue{Value: aws.Bool(true)},
				EnableDnsHostnames: &ec2types.AttributeBooleanValue{Value: aws.Bool(false)},
			}
		}
	case *ec2.DescribeRouteTablesInput:
		if about(in.Filters) {
			return &ec2.DescribeRouteTablesOutput{RouteTables: []ec2types.RouteTable{{
				RouteTableId: aws.String(New + "main-route-table"), Associations: []ec2types.RouteTableAssociation{{Main: aws.Bool(true)}},
			}}}
		}
	case *ec2.DescribeSubnetsInput:
		if about(in.Filters) {
			return &ec2.DescribeSubnetsOutput{}
		}
	case *ec2.DescribeSecurityGroupsInput:
		if about(in.Filters) {
			return &ec2.DescribeSecurityGroupsOutput{}
		}
	case *ec2.DescribeSecurityGroupRulesInput:
		if about(in.Filters) {
			return &ec2.DescribeSecurityGroupRulesOutput{}
		}
	case *ec2.DescribeVpcEndpointsInput:
		ids := slices.Clone(in.VpcEndpointIds)
		for _, f := range in.Filters {
			if aws.ToString(f.Name) == "vpc-endpoint-id" {
				ids = append(ids, f.Values...)
			}
		}
		if about(in.Filters) || slices.ContainsFunc(ids, IsNew) {
			out := &ec2.DescribeVpcEndpointsOutput{}
			for _, id := range ids {
				out.VpcEndpoints = append(out.VpcEndpoints, ec2types.VpcEndpoint{
					VpcEndpointId: aws.String(id), State: ec2types.StateAvailable,
					DnsEntries: []ec2types.DnsEntry{{DnsName: aws.String(New + "name"), HostedZoneId: aws.String(New + "zone")}},
				})
			}
			return out
		}
	case *kms.GetKeyRotationStatusInput:
		if IsNew(aws.ToString(in.KeyId)) {
			return &kms.GetKeyRotationStatusOutput{}
		}
	case *kms.GetKeyPolicyInput:
		if IsNew(aws.ToString(in.KeyId)) {
			return &kms.GetKeyPolicyOutput{}
		}
	case *route53.ListTagsForResourceInput:
		if IsNew(aws.ToString(in.ResourceId)) {
			return &route53.ListTagsForResourceOutput{}
		}
	case *route53.ListResourceRecordSetsInput:
		if IsNew(aws.ToString(in.HostedZoneId)) {
			return &route53.ListResourceRecordSetsOutput{}
		}
	}
	return nil
}

func (r *Rehearsal) made(bucket *string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Contains(r.buckets, aws.ToString(bucket))
}

// about says whether filters ask for what belongs to something new.
func about(filters []ec2types.Filter) bool {
	return slices.ContainsFunc(filters, func(f ec2types.Filter) bool { return slices.ContainsFunc(f.Values, IsNew) })
}

// empty is the answer to a call of whose answer nothing is read.
func empty(input any) any {
	switch input.(type) {
	case *ec2.AssociateRouteTableInput:
		return &ec2.AssociateRouteTableOutput{}
	case *ec2.AuthorizeSecurityGroupEgressInput:
		return &ec2.AuthorizeSecurityGroupEgressOutput{}
	case *ec2.AuthorizeSecurityGroupIngressInput:
		return &ec2.AuthorizeSecurityGroupIngressOutput{}
	case *ec2.CreateTagsInput:
		return &ec2.CreateTagsOutput{}
	case *ec2.DeleteTagsInput:
		return &ec2.DeleteTagsOutput{}
	case *ec2.ModifyVpcAttributeInput:
		return &ec2.ModifyVpcAttributeOutput{}
	case *ec2.ModifyVpcEndpointInput:
		return &ec2.ModifyVpcEndpointOutput{}
	case *ec2.RevokeSecurityGroupEgressInput:
		return &ec2.RevokeSecurityGroupEgressOutput{}
	case *ec2.RevokeSecurityGroupIngressInput:
		return &ec2.RevokeSecurityGroupIngressOutput{}
	case *iam.AddRoleToInstanceProfileInput:
		return &iam.AddRoleToInstanceProfileOutput{}
	case *iam.TagRoleInput:
		return &iam.TagRoleOutput{}
	case *iam.UntagRoleInput:
		return &iam.UntagRoleOutput{}
	case *iam.TagInstanceProfileInput:
		return &iam.TagInstanceProfileOutput{}
	case *iam.UntagInstanceProfileInput:
		return &iam.UntagInstanceProfileOutput{}
	case *iam.PutRolePolicyInput:
		return &iam.PutRolePolicyOutput{}
	case *iam.UpdateAssumeRolePolicyInput:
		return &iam.UpdateAssumeRolePolicyOutput{}
	case *s3.CreateBucketInput:
		return &s3.CreateBucketOutput{}
	case *s3.PutBucketPolicyInput:
		return &s3.PutBucketPolicyOutput{}
	case *s3.PutBucketTaggingInput:
		return &s3.PutBucketTaggingOutput{}
	case *s3.PutPublicAccessBlockInput:
		return &s3.PutPublicAccessBlockOutput{}
	case *kms.CreateAliasInput:
		return &kms.CreateAliasOutput{}
	case *kms.EnableKeyRotationInput:
		return &kms.EnableKeyRotationOutput{}
	case *kms.TagResourceInput:
		return &kms.TagResourceOutput{}
	case *kms.UntagResourceInput:
		return &kms.UntagResourceOutput{}
	case *kms.PutKeyPolicyInput:
		return &kms.PutKeyPolicyOutput{}
	case *route53.ChangeResourceRecordSetsInput:
		return &route53.ChangeResourceRecordSetsOutput{}
	case *route53.ChangeTagsForResourceInput:
		return &route53.ChangeTagsForResourceOutput{}
	}
	return nil
}
