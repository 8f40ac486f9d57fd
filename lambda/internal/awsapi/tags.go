package awsapi

import (
	"maps"
	"slices"

	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	route53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lakegate/lambda/plan"
)

// Tags are the tags of one object, by key.
type Tags map[string]string

// Owned returns the tags of an object of a workspace that is created here: the
// author's, the name, and the three that mark it as ours.
func Owned(author map[string]string, workspace, object, name string) Tags {
	tags := Tags{}
	maps.Copy(tags, author)
	if name != "" {
		tags["Name"] = name
	}
	tags[plan.TagWorkspace] = workspace
	tags[plan.TagManaged] = plan.Owned
	tags[plan.TagObject] = object
	return tags
}

// EC2 returns the tags in the form of a create call.
func (t Tags) EC2(kind ec2types.ResourceType) []ec2types.TagSpecification {
	spec := ec2types.TagSpecification{ResourceType: kind}
	for _, k := range slices.Sorted(maps.Keys(t)) {
		spec.Tags = append(spec.Tags, ec2types.Tag{Key: aws.String(k), Value: aws.String(t[k])})
	}
	return []ec2types.TagSpecification{spec}
}

// IAM returns the tags in the form of IAM.
func (t Tags) IAM() []iamtypes.Tag {
	var tags []iamtypes.Tag
	for _, k := range slices.Sorted(maps.Keys(t)) {
		tags = append(tags, iamtypes.Tag{Key: aws.String(k), Value: aws.String(t[k])})
	}
	return tags
}

// KMS returns the tags in the form of KMS.
func (t Tags) KMS() []kmstypes.Tag {
	var tags []kmstypes.Tag
	for _, k := range slices.Sorted(maps.Keys(t)) {
		tags = append(tags, kmstypes.Tag{TagKey: aws.String(k), TagValue: aws.String(t[k])})
	}
	return tags
}

// OfKMS reads the tags of a key.
func OfKMS(tags []kmstypes.Tag) Tags {
	out := Tags{}
	for _, t := range tags {
		out[aws.ToString(t.TagKey)] = aws.ToString(t.TagValue)
	}
	return out
}

// Route53 returns the tags in the form of Route 53.
func (t Tags) Route53() []route53types.Tag {
	var tags []route53types.Tag
	for _, k := range slices.Sorted(maps.Keys(t)) {
		tags = append(tags, route53types.Tag{Key: aws.String(k), Value: aws.String(t[k])})
	}
	return tags
}

// OfRoute53 reads the tags of a hosted zone.
func OfRoute53(tags []route53types.Tag) Tags {
	out := Tags{}
	for _, t := range tags {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

// S3 returns the tags in the form of S3.
func (t Tags) S3() []s3types.Tag {
	var tags []s3types.Tag
	for _, k := range slices.Sorted(maps.Keys(t)) {
		tags = append(tags, s3types.Tag{Key: aws.String(k), Value: aws.String(t[k])})
	}
	return tags
}

// OwnedBy returns the filters that find an object of a workspace.
func OwnedBy(workspace, object string) []ec2types.Filter {
	return append(AllOwnedBy(workspace), ec2types.Filter{Name: aws.String("tag:" + plan.TagObject), Values: []string{object}})
}

// AllOwnedBy returns the filters that find all objects of a workspace.
func AllOwnedBy(workspace string) []ec2types.Filter {
	return []ec2types.Filter{
		{Name: aws.String("tag:" + plan.TagWorkspace), Values: []string{workspace}},
		{Name: aws.String("tag:" + plan.TagManaged), Values: []string{plan.Owned}},
	}
}

// OfEC2 reads the tags of an object of EC2.
func OfEC2(tags []ec2types.Tag) Tags {
	out := Tags{}
	for _, t := range tags {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

// OfIAM reads the tags of an object of IAM.
func OfIAM(tags []iamtypes.Tag) Tags {
	out := Tags{}
	for _, t := range tags {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

// OfS3 reads the tags of a bucket.
func OfS3(tags []s3types.Tag) Tags {
	out := Tags{}
	for _, t := range tags {
		out[aws.ToString(t.Key)] = aws.ToString(t.Value)
	}
	return out
}

// IsOwnedBy says whether the tags mark an object as ours and of this workspace.
func (t Tags) IsOwnedBy(workspace string) bool {
	return t[plan.TagWorkspace] == workspace && t[plan.TagManaged] == plan.Owned
}
