package emulator

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/spec"
)

// site is a VPC in which things are made. AWS chooses the ids that are empty.
type site struct {
	*provider
	vpc, mainTable string
	block          netip.Prefix
	// taken are the blocks of its subnets.
	taken []netip.Prefix
	// offered are the zones that have all services, free those of them that have
	// no subnet of compute, or of the users.
	offered, free []string
	// ownSubnet and ownGroup are made when they are first needed.
	ownSubnet, ownGroup string
}

// reserve keeps an id, if it is given, for the object that is made next.
func (p *provider) reserve(id string) error {
	if id == "" {
		return nil
	}
	return p.at.EC2.Reserve(p.want.Region, id)
}

// newSite makes a VPC whose endpoints can have private DNS names.
func (p *provider) newSite(ctx context.Context, id string, block netip.Prefix, services []string) (*site, error) {
	if err := p.reserve(id); err != nil {
		return nil, err
	}
	out, err := p.ec2.CreateVpc(ctx, &ec2.CreateVpcInput{CidrBlock: aws.String(block.String())})
	if err != nil {
		return nil, fmt.Errorf("creating VPC %s: %w", id, err)
	}
	v := &site{provider: p, vpc: aws.ToString(out.Vpc.VpcId), block: block}
	if _, err := p.ec2.ModifyVpcAttribute(ctx, &ec2.ModifyVpcAttributeInput{
		VpcId: aws.String(v.vpc), EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)},
	}); err != nil {
		return nil, fmt.Errorf("turning on DNS hostnames of VPC %s: %w", v.vpc, err)
	}
	tables, err := p.ec2.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{
		Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{v.vpc}}},
	})
	if err != nil {
		return nil, fmt.Errorf("looking for the main table of VPC %s: %w", v.vpc, err)
	}
	v.mainTable = aws.ToString(tables.RouteTables[0].RouteTableId)
	offered, err := p.ec2.DescribeVpcEndpointServices(ctx, &ec2.DescribeVpcEndpointServicesInput{ServiceNames: services})
	if err != nil {
		return nil, fmt.Errorf("looking for endpoint services of VPC %s: %w", v.vpc, err)
	}
	for i, s := range offered.ServiceDetails {
		if i == 0 {
			v.offered = slices.Clone(s.AvailabilityZones)
		}
		v.offered = slices.DeleteFunc(v.offered, func(zone string) bool { return !slices.Contains(s.AvailabilityZones, zone) })
	}
	if len(v.offered) == 0 {
		return nil, fmt.Errorf("choosing zones in VPC %s: none has all of %s", v.vpc, strings.Join(services, ", "))
	}
	v.free = slices.Clone(v.offered)
	return v, nil
}

// subnet makes a subnet in a zone that has none yet.
func (v *site) subnet(ctx context.Context, id string) (string, error) {
	if len(v.free) == 0 {
		return "", fmt.Errorf("choosing a zone for subnet %s of VPC %s: there are only %s", id, v.vpc, strings.Join(v.offered, ", "))
	}
	zone := v.free[0]
	v.free = v.free[1:]
	return v.subnetIn(ctx, id, zone)
}

func (v *site) subnetIn(ctx context.Context, id, zone string) (string, error) {
	block, err := v.freeBlock()
	if err != nil {
		return "", err
	}
	if err := v.reserve(id); err != nil {
		return "", err
	}
	out, err := v.ec2.CreateSubnet(ctx, &ec2.CreateSubnetInput{
		VpcId: aws.String(v.vpc), CidrBlock: aws.String(block.String()), AvailabilityZone: aws.String(zone),
	})
	if err != nil {
		return "", fmt.Errorf("creating subnet %s: %w", id, err)
	}
	return aws.ToString(out.Subnet.SubnetId), nil
}

// The largest and the smallest block that compute can have.
const largestBits, smallestBits = 17, 26

// freeBlock takes an eighth of the VPC, or less where no such part is free.
func (v *site) freeBlock() (netip.Prefix, error) {
	address := v.block.Addr().As4()
	first := binary.BigEndian.Uint32(address[:])
	for bits := min(max(v.block.Bits()+3, largestBits), smallestBits); bits <= smallestBits; bits++ {
		for i := range uint32(1) << max(bits-v.block.Bits(), 0) {
			binary.BigEndian.PutUint32(address[:], first+i<<(32-bits))
			block := netip.PrefixFrom(netip.AddrFrom4(address), bits)
			if bits >= v.block.Bits() && !slices.ContainsFunc(v.taken, block.Overlaps) {
				v.taken = append(v.taken, block)
				return block, nil
			}
		}
	}
	return netip.Prefix{}, fmt.Errorf("choosing a block in VPC %s: %s has no room for another subnet", v.vpc, v.block)
}

// group makes a security group with rules, beside the one by which everything
// may leave.
func (v *site) group(ctx context.Context, id, name string, rules []spec.Rule) (string, error) {
	if err := v.reserve(id); err != nil {
		return "", err
	}
	out, err := v.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		VpcId: aws.String(v.vpc), GroupName: aws.String(networkTeam + "-" + name), Description: aws.String("Made by the network team"),
	})
	if err != nil {
		return "", fmt.Errorf("creating security group %s: %w", id, err)
	}
	made := aws.ToString(out.GroupId)
	var in, outward []types.IpPermission
	for _, r := range rules {
		if r.Direction == "ingress" {
			in = append(in, v.permission(r, made))
		} else {
			outward = append(outward, v.permission(r, made))
		}
	}
	if _, err := v.ec2.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{GroupId: out.GroupId, IpPermissions: in}); err != nil {
		return "", fmt.Errorf("adding ingress rules to security group %s: %w", made, err)
	}
	if len(outward) == 0 {
		return made, nil
	}
	if _, err := v.ec2.AuthorizeSecurityGroupEgress(ctx, &ec2.AuthorizeSecurityGroupEgressInput{GroupId: out.GroupId, IpPermissions: outward}); err != nil {
		return "", fmt.Errorf("adding egress rules to security group %s: %w", made, err)
	}
	return made, nil
}

// permission is a rule of a spec as EC2 takes it. The peer workspace is the whole
// VPC where its group is yet to be created.
func (v *site) permission(r spec.Rule, self string) types.IpPermission {
	from, to := 0, 65535
	if r.Ports != "all" {
		first, last, isRange := strings.Cut(r.Ports, "-")
		from, _ = strconv.Atoi(first)
		if to = from; isRange {
			to, _ = strconv.Atoi(last)
		}
	}
	out := types.IpPermission{IpProtocol: aws.String(r.Protocol), FromPort: aws.Int32(int32(from)), ToPort: aws.Int32(int32(to))} //nolint:gosec // ports
	peer := r.Peer
	switch r.Peer {
	case "self":
		peer = self
	case "workspace":
		peer = cmp.Or(v.want.Network.SecurityGroups.Workspace.ID, v.block.String())
	case "vpc":
		peer = v.block.String()
	}
	if strings.HasPrefix(peer, "sg-") {
		out.UserIdGroupPairs = []types.UserIdGroupPair{{GroupId: aws.String(peer)}}
	} else {
		out.IpRanges = []types.IpRange{{CidrIp: aws.String(peer)}}
	}
	return out
}

// closeEgress removes the rule by which AWS lets everything leave a new group.
func (v *site) closeEgress(ctx context.Context, group string) error {
	if _, err := v.ec2.RevokeSecurityGroupEgress(ctx, &ec2.RevokeSecurityGroupEgressInput{
		GroupId:       aws.String(group),
		IpPermissions: []types.IpPermission{{IpProtocol: aws.String("-1"), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}},
	}); err != nil {
		return fmt.Errorf("removing the egress rule of security group %s: %w", group, err)
	}
	return nil
}

func (v *site) endpoint(ctx context.Context, id, service string, subnets, groups []string, privateDNS bool) (*types.VpcEndpoint, error) {
	if err := v.reserve(id); err != nil {
		return nil, err
	}
	out, err := v.ec2.CreateVpcEndpoint(ctx, &ec2.CreateVpcEndpointInput{
		VpcId: aws.String(v.vpc), ServiceName: aws.String(service), VpcEndpointType: types.VpcEndpointTypeInterface,
		SubnetIds: subnets, SecurityGroupIds: groups, PrivateDnsEnabled: aws.Bool(privateDNS),
	})
	if err != nil {
		return nil, fmt.Errorf("creating VPC endpoint %s to %s: %w", id, service, err)
	}
	return out.VpcEndpoint, nil
}

// s3Gateway makes the gateway endpoint to S3 on the main table.
func (v *site) s3Gateway(ctx context.Context, id string) error {
	if err := v.reserve(id); err != nil {
		return err
	}
	if _, err := v.ec2.CreateVpcEndpoint(ctx, &ec2.CreateVpcEndpointInput{
		VpcId: aws.String(v.vpc), ServiceName: aws.String(v.awsService("s3")), VpcEndpointType: types.VpcEndpointTypeGateway,
		RouteTableIds: []string{v.mainTable},
	}); err != nil {
		return fmt.Errorf("creating VPC endpoint %s to S3: %w", id, err)
	}
	return nil
}
