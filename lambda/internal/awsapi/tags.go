package awsapi

import (
	"maps"
	"slices"
	"strings"

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
	return []ec2types.TagSpecification{{ResourceType: kind, Tags: t.EC2Tags()}}
}

// EC2Tags returns the tags in the form of EC2.
func (t Tags) EC2Tags() []ec2types.Tag {
	var tags []ec2types.Tag
	for _, k := range slices.Sorted(maps.Keys(t)) {
		tags = append(tags, ec2types.Tag{Key: aws.String(k), Value: aws.String(t[k])})
	}
	return tags
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

// Diff compares the tags of an object with those that it should have. It returns
// what has to be put on it and the keys that have to go: those that an earlier
// spec had. Tags of others stay.
func (t Tags) Diff(want Tags, former []string) (put Tags, drop []string) {
	put = Tags{}
	for k, v := range want {
		if has, ok := t[k]; !ok || has != v {
			put[k] = v
		}
	}
	for _, k := range former {
		_, wanted := want[k]
		if _, has := t[k]; has && !wanted {
			drop = append(drop, k)
		}
	}
	slices.Sort(drop)
	return put, drop
}

// Owner returns the workspace that owns an object, or an empty string.
func (t Tags) Owner() string {
	if t[plan.TagManaged] != plan.Owned {
		return ""
	}
	return t[plan.TagWorkspace]
}

// Users returns the workspaces whose specs give an object by id or ARN, sorted.
func (t Tags) Users() []string {
	var users []string
	for k := range t {
		if user, ok := strings.CutPrefix(k, plan.TagShared); ok {
			users = append(users, user)
		}
	}
	slices.Sort(users)
	return users
}

// IsOwnedBy says whether the tags mark an object as ours and of this workspace.
func (t Tags) IsOwnedBy(workspace string) bool {
	return t[plan.TagWorkspace] == workspace && t[plan.TagManaged] == plan.Owned
}
