package ec2_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

func TestIpv6Blocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	subnet, table := w.subnet(vpc, "10.0.1.0/24", "a"), w.table(vpc)
	added := must[*awsec2.AssociateVpcCidrBlockOutput](t)(w.AssociateVpcCidrBlock(t.Context(), &awsec2.AssociateVpcCidrBlockInput{VpcId: &vpc, AmazonProvidedIpv6CidrBlock: aws.Bool(true)})).Ipv6CidrBlockAssociation
	block := *added.Ipv6CidrBlock
	if !strings.HasSuffix(block, "::/56") {
		t.Errorf("the VPC got %s", block)
	}
	if _, other := w.dualStackVPC("10.1.0.0/22"); other == block {
		t.Errorf("two VPCs have %s", block)
	}
	for _, table := range []string{table, w.service.RouteTables(tokyo)[0].ID, w.table(vpc)} {
		if r := w.route(table, block); aws.ToString(r.GatewayId) != "local" || r.DestinationCidrBlock != nil {
			t.Errorf("%s has the route %+v", table, r)
		}
	}
	got := must[*awsec2.DescribeVpcsOutput](t)(w.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{Filters: filters("ipv6-cidr-block-association.ipv6-cidr-block", block)})).Vpcs
	if len(got) != 1 || *got[0].Ipv6CidrBlockAssociationSet[0].AssociationId != *added.AssociationId || got[0].Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlockState.State != types.VpcCidrBlockStateCodeAssociated {
		t.Errorf("the VPC with the block: %+v", got)
	}

	part := strings.Replace(block, "/56", "/64", 1)
	associate := func(subnet, cidr string) error {
		_, err := w.AssociateSubnetCidrBlock(t.Context(), &awsec2.AssociateSubnetCidrBlockInput{SubnetId: &subnet, Ipv6CidrBlock: &cidr})
		return err
	}
	wantCode(t, associate(subnet, "2001:db8:ffff::/64"), "InvalidSubnet.Range")
	wantCode(t, associate(subnet, strings.Replace(block, "/56", "/72", 1)), "InvalidSubnet.Range")
	wantCode(t, associate(subnet, "10.0.1.0/24"), "InvalidParameterValue")
	wantCode(t, associate("subnet-1", part), "InvalidSubnetID.NotFound")
	wantCode(t, associate(subnet, part), "")
	wantCode(t, associate(subnet, part), "InvalidParameterValue")
	wantCode(t, associate(w.subnet(vpc, "10.0.2.0/24", "a"), part), "InvalidSubnet.Conflict")
	subnets := must[*awsec2.DescribeSubnetsOutput](t)(w.DescribeSubnets(t.Context(), &awsec2.DescribeSubnetsInput{Filters: filters("ipv6-cidr-block-association.ipv6-cidr-block", part)})).Subnets
	if len(subnets) != 1 || *subnets[0].SubnetId != subnet || *subnets[0].Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock != part {
		t.Fatalf("subnets with %s: %+v", part, subnets)
	}
	if s := w.service.Subnets(tokyo)[0]; s.CIDR6.String() != part {
		t.Errorf("the snapshot has %s", s.CIDR6)
	}

	drop := func(id *string) error {
		_, err := w.DisassociateVpcCidrBlock(t.Context(), &awsec2.DisassociateVpcCidrBlockInput{AssociationId: id})
		return err
	}
	wantCode(t, drop(added.AssociationId), "InvalidCidrBlock.InUse")
	free := &awsec2.DisassociateSubnetCidrBlockInput{AssociationId: subnets[0].Ipv6CidrBlockAssociationSet[0].AssociationId}
	must[*awsec2.DisassociateSubnetCidrBlockOutput](t)(w.DisassociateSubnetCidrBlock(t.Context(), free))
	_, err := w.DisassociateSubnetCidrBlock(t.Context(), free)
	wantCode(t, err, "InvalidSubnetCidrBlockAssociationID.NotFound")
	wantCode(t, drop(added.AssociationId), "")
	wantCode(t, drop(added.AssociationId), "InvalidVpcCidrBlockAssociationID.NotFound")
	if r := w.route(table, block); r.State != "" {
		t.Errorf("the route of the block is left: %+v", r)
	}
	wantCode(t, drop(got[0].CidrBlockAssociationSet[0].AssociationId), "OperationNotPermitted")
	checkInvariants(t, w.service)
}

func TestSecondaryBlocks(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	associate := func(in awsec2.AssociateVpcCidrBlockInput) error {
		in.VpcId = &vpc
		_, err := w.AssociateVpcCidrBlock(t.Context(), &in)
		return err
	}
	wantCode(t, associate(awsec2.AssociateVpcCidrBlockInput{}), "MissingParameter")
	wantCode(t, associate(awsec2.AssociateVpcCidrBlockInput{CidrBlock: aws.String("10.1.0.0/22"), AmazonProvidedIpv6CidrBlock: aws.Bool(true)}), "InvalidParameterCombination")
	wantCode(t, associate(awsec2.AssociateVpcCidrBlockInput{CidrBlock: aws.String("10.0.2.0/24")}), "InvalidVpc.Range")
	for i := range 4 {
		wantCode(t, associate(awsec2.AssociateVpcCidrBlockInput{CidrBlock: aws.String(fmt.Sprintf("10.%d.0.0/22", i+1))}), "")
	}
	wantMessage(t, associate(awsec2.AssociateVpcCidrBlockInput{CidrBlock: aws.String("10.9.0.0/22")}), "CidrLimitExceeded",
		"This network '"+vpc+"' has met its maximum number of allowed CIDRs: 5")
	for range 5 {
		wantCode(t, associate(awsec2.AssociateVpcCidrBlockInput{AmazonProvidedIpv6CidrBlock: aws.Bool(true)}), "")
	}
	wantCode(t, associate(awsec2.AssociateVpcCidrBlockInput{AmazonProvidedIpv6CidrBlock: aws.Bool(true)}), "CidrLimitExceeded")
	if v := w.service.VPCs(tokyo)[0]; len(v.Secondary) != 4 || len(v.CIDR6) != 5 {
		t.Errorf("the snapshot is %+v", v)
	}
	subnet := w.subnet(vpc, "10.2.1.0/24", "a")
	second := w.service.VPCs(tokyo)[0].Secondary[1].ID
	_, err := w.DisassociateVpcCidrBlock(t.Context(), &awsec2.DisassociateVpcCidrBlockInput{AssociationId: &second})
	wantCode(t, err, "InvalidCidrBlock.InUse")
	must[*awsec2.DeleteSubnetOutput](t)(w.DeleteSubnet(t.Context(), &awsec2.DeleteSubnetInput{SubnetId: &subnet}))
	must[*awsec2.DisassociateVpcCidrBlockOutput](t)(w.DisassociateVpcCidrBlock(t.Context(), &awsec2.DisassociateVpcCidrBlockInput{AssociationId: &second}))
	got := must[*awsec2.DescribeVpcsOutput](t)(w.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{Filters: filters("cidr-block-association.cidr-block", "10.3.0.0/22")})).Vpcs
	if len(got) != 1 || len(got[0].CidrBlockAssociationSet) != 4 || *got[0].CidrBlock != "10.0.0.0/22" {
		t.Errorf("the VPC with the block: %+v", got)
	}
}

func TestDualStackSubnet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc, block := w.dualStackVPC("10.0.0.0/22")
	in := &awsec2.CreateSubnetInput{VpcId: &vpc, CidrBlock: aws.String("10.0.1.0/24"), Ipv6CidrBlock: aws.String("2001:db8:ffff::/64")}
	_, err := w.CreateSubnet(t.Context(), in)
	wantCode(t, err, "InvalidSubnet.Range")
	part := strings.Replace(block, "/56", "/64", 1)
	in.Ipv6CidrBlock = &part
	s := must[*awsec2.CreateSubnetOutput](t)(w.CreateSubnet(t.Context(), in)).Subnet
	if len(s.Ipv6CidrBlockAssociationSet) != 1 || *s.Ipv6CidrBlockAssociationSet[0].Ipv6CidrBlock != part {
		t.Errorf("the subnet is %+v", s)
	}
}
