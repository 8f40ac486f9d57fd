package step

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// ensureVpc finds or creates the VPC, with DNS resolution and DNS hostnames on:
// private DNS names of endpoints work with both only.
func ensureVpc(ctx context.Context, d *Deps, doc *document.Document) (*document.VPC, error) {
	want := doc.Spec.Network.VPC
	api := d.AWS.EC2(doc.Spec.Region)
	vpc, created, former, err := findVPC(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	out := &document.VPC{
		Object: document.Object{ID: aws.ToString(vpc.VpcId), Name: awsapi.OfEC2(vpc.Tags)["Name"]},
		CIDR:   aws.ToString(vpc.CidrBlock),
	}
	for _, block := range vpc.CidrBlockAssociationSet {
		if block.CidrBlockState != nil && block.CidrBlockState.State == types.VpcCidrBlockStateCodeAssociated {
			out.CIDRs = append(out.CIDRs, aws.ToString(block.CidrBlock))
		}
	}
	if want.ID == "" && out.CIDR != want.CIDR {
		return nil, differs(entity{"VPC", out.ID}, "CIDR", out.CIDR, want.CIDR, "spec.network.vpc.cidr")
	}
	tags, tagged := ec2Tagger(api, "VPC", out.ID, vpc.Tags), change{}
	if want.ID == "" && !created {
		if tagged, err = tags.own(ctx, doc, "vpc", want.Name); err != nil {
			return nil, err
		}
		out.Name = want.Name
	}
	dns, err := enableDNS(ctx, api, out.ID, want.ID == "")
	if err != nil {
		return nil, err
	}
	out.Outcome = made(created, tagged, changing("turned on DNS", dns...))
	for _, v := range former {
		id := aws.ToString(v.VpcId)
		out.Former = append(out.Former, id)
		if created {
			out.Outcome = inPlaceOf(out.Outcome, entity{"VPC", id}, "CIDR", aws.ToString(v.CidrBlock), want.CIDR)
		}
	}
	if want.ID != "" {
		if out.Outcome, err = tags.share(ctx, doc); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// findVPC finds or creates the VPC. Former are the others of this workspace,
// which have another block.
func findVPC(ctx context.Context, api awsapi.EC2, doc *document.Document) (found types.Vpc, created bool, former []types.Vpc, err error) {
	want := doc.Spec.Network.VPC
	if want.ID != "" {
		out, err := api.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{VpcIds: []string{want.ID}})
		if failure.IsNotFound(err) || err == nil && len(out.Vpcs) == 0 {
			return found, false, nil, missing("VPC", want.ID, doc.Spec.Region, "spec.network.vpc.id")
		}
		if err != nil {
			return found, false, nil, fmt.Errorf("looking for VPC %s: %w", want.ID, err)
		}
		return out.Vpcs[0], false, nil, nil
	}
	this := thing[types.Vpc]{
		kind: "VPC", object: "vpc", name: want.Name, path: "spec.network.vpc",
		label: func(v types.Vpc) (string, string, awsapi.Tags) {
			tags := awsapi.OfEC2(v.Tags)
			return aws.ToString(v.VpcId), tags["Name"], tags
		},
		fits: func(v types.Vpc) bool { return aws.ToString(v.CidrBlock) == want.CIDR },
	}
	var all []types.Vpc
	found, created, err = ensure(ctx, "VPC "+want.Name,
		picking(doc, this, func(ctx context.Context) ([]types.Vpc, error) {
			all, err = pages(func(token *string) ([]types.Vpc, *string, error) {
				out, err := api.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{NextToken: token})
				if err != nil {
					return nil, nil, err
				}
				return out.Vpcs, out.NextToken, nil
			})
			return all, err
		}),
		func(v types.Vpc) string { return aws.ToString(v.VpcId) },
		func(ctx context.Context) (types.Vpc, error) {
			tags := awsapi.Owned(doc.Spec.Tags, doc.Workspace, "vpc", want.Name)
			out, err := api.CreateVpc(ctx, &ec2.CreateVpcInput{
				CidrBlock: aws.String(want.CIDR), TagSpecifications: tags.EC2(types.ResourceTypeVpc),
			})
			if err != nil {
				return types.Vpc{}, err
			}
			return *out.Vpc, nil
		})
	return found, created, this.former(doc, all, aws.ToString(found.VpcId)), err
}

// enableDNS turns on what is off, if the VPC is ours.
func enableDNS(ctx context.Context, api awsapi.EC2, id string, ours bool) (off []document.Difference, err error) {
	on := &types.AttributeBooleanValue{Value: aws.Bool(true)}
	for _, a := range []struct {
		name   types.VpcAttributeName
		modify *ec2.ModifyVpcAttributeInput
		value  func(*ec2.DescribeVpcAttributeOutput) *types.AttributeBooleanValue
	}{
		{
			types.VpcAttributeNameEnableDnsSupport,
			&ec2.ModifyVpcAttributeInput{VpcId: aws.String(id), EnableDnsSupport: on},
			func(o *ec2.DescribeVpcAttributeOutput) *types.AttributeBooleanValue { return o.EnableDnsSupport },
		},
		{
			// Hostnames need DNS support, so they come second.
			types.VpcAttributeNameEnableDnsHostnames,
			&ec2.ModifyVpcAttributeInput{VpcId: aws.String(id), EnableDnsHostnames: on},
			func(o *ec2.DescribeVpcAttributeOutput) *types.AttributeBooleanValue { return o.EnableDnsHostnames },
		},
	} {
		out, err := api.DescribeVpcAttribute(ctx, &ec2.DescribeVpcAttributeInput{VpcId: aws.String(id), Attribute: a.name})
		if err != nil {
			return off, fmt.Errorf("reading %s of VPC %s: %w", a.name, id, err)
		}
		if v := a.value(out); v != nil && aws.ToBool(v.Value) {
			continue
		}
		if !ours {
			return off, failure.New(plan.Conflict,
				fmt.Sprintf("Turn it on (aws ec2 modify-vpc-attribute --vpc-id %s), or give another VPC.", id),
				"checking VPC %s: %s is off; private DNS names of endpoints need it", id, a.name)
		}
		if _, err := api.ModifyVpcAttribute(ctx, a.modify); err != nil {
			return off, fmt.Errorf("turning on %s of VPC %s: %w", a.name, id, err)
		}
		off = append(off, entity{"VPC", id}.differs(string(a.name), "false", "true"))
	}
	return off, nil
}
