package step

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// ensureSubnets finds or creates the workspace subnets, each in a zone of its
// own, and the endpoint subnet.
func ensureSubnets(ctx context.Context, d *Deps, doc *document.Document) (*document.Subnets, error) {
	s := &subnetting{api: d.AWS.EC2(doc.Spec.Region), doc: doc}
	all, err := s.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("looking for subnets of VPC %s: %w", doc.VPC.ID, err)
	}
	s.all = all
	wanted := doc.Spec.Network
	out := &document.Subnets{
		Outcome:   document.Outcome{Outcome: document.Found},
		Workspace: make([]document.Subnet, len(wanted.WorkspaceSubnets)),
	}
	// Zones that are taken are known before one is chosen.
	for i, w := range wanted.WorkspaceSubnets {
		zone := w.AvailabilityZone
		if w.ID != "" {
			if out.Workspace[i], err = s.given(ctx, w.ID, workspaceSubnetPath(i)+".id"); err != nil {
				return nil, err
			}
			zone = out.Workspace[i].AvailabilityZone
		} else if found, err := s.thing(w, workspaceSubnet(i), workspaceSubnetPath(i)).among(doc, s.all); err != nil {
			return nil, err
		} else if len(found) > 0 {
			zone = aws.ToString(found[0].AvailabilityZone)
		} else if err := s.overlaps(w, workspaceSubnetPath(i)); err != nil {
			return nil, err
		}
		s.taken = append(s.taken, zone)
	}
	const path = "spec.network.endpointSubnet"
	if w := wanted.EndpointSubnet; w.ID == "" {
		if found, err := s.thing(w, "endpoint-subnet", path).among(doc, s.all); err != nil {
			return nil, err
		} else if len(found) == 0 {
			if err := s.overlaps(w, path); err != nil {
				return nil, err
			}
		}
	}
	for i, w := range wanted.WorkspaceSubnets {
		if w.ID != "" {
			continue
		}
		if out.Workspace[i], err = s.ensure(ctx, w, workspaceSubnet(i), workspaceSubnetPath(i), true); err != nil {
			return nil, err
		}
		s.taken[i] = out.Workspace[i].AvailabilityZone
	}
	out.Endpoint, err = s.ensure(ctx, wanted.EndpointSubnet, "endpoint-subnet", path, false)
	if err != nil {
		return nil, err
	}
	out.Outcome = together(out.All(), func(x document.Subnet) document.Outcome { return x.Outcome })
	if err := distinctZones(out.Workspace); err != nil {
		return nil, err
	}
	out.Former = s.replaced(out)
	for _, given := range s.used {
		did, err := given.share(ctx, doc)
		if err != nil {
			return nil, err
		}
		out.Reason = because(out.Reason, did.Reason)
	}
	return out, nil
}

// replaced lists the other subnets of this workspace in the VPC, and notes at
// those that take the place of one how they differ from it.
func (s *subnetting) replaced(out *document.Subnets) (former []string) {
	using := map[string]*document.Subnet{"endpoint-subnet": &out.Endpoint}
	ids := []string{out.Endpoint.ID}
	for i := range out.Workspace {
		using[workspaceSubnet(i)] = &out.Workspace[i]
		ids = append(ids, out.Workspace[i].ID)
	}
	for _, x := range s.thing(spec.Subnet{}, "", "").former(s.doc, s.all, ids...) {
		id, tags := aws.ToString(x.SubnetId), awsapi.OfEC2(x.Tags)
		former = append(former, id)
		now := using[tags[plan.TagObject]]
		if !tags.IsOwnedBy(s.doc.Workspace) || now == nil || now.Outcome.Outcome != document.Created {
			continue
		}
		for _, f := range []struct{ name, was, is string }{
			{"CIDR", aws.ToString(x.CidrBlock), now.CIDR},
			{"zone", aws.ToString(x.AvailabilityZone), now.AvailabilityZone},
		} {
			if f.was != f.is {
				now.Outcome = inPlaceOf(now.Outcome, entity{"subnet", id}, f.name, f.was, f.is)
				out.Differences = append(out.Differences, now.Outcome.Differences[len(now.Outcome.Differences)-1])
			}
		}
	}
	return former
}

func workspaceSubnet(i int) string { return fmt.Sprintf("workspace-subnet-%d", i+1) }

func workspaceSubnetPath(i int) string { return fmt.Sprintf("spec.network.workspaceSubnets[%d]", i) }

// together is the outcome of several objects: what changed most, and all that
// differed.
func together[T any](all []T, did func(T) document.Outcome) document.Outcome {
	outcome := document.Outcome{Outcome: document.Given}
	rank := []string{document.Given, document.Found, document.Updated, document.Created}
	for _, one := range all {
		is, was := slices.Index(rank, did(one).Outcome), slices.Index(rank, outcome.Outcome)
		if is > was || is == was && outcome.Reason == "" {
			outcome = did(one)
		}
	}
	outcome.Differences = nil
	for _, one := range all {
		outcome.Differences = append(outcome.Differences, did(one).Differences...)
	}
	return outcome
}

// distinctZones refuses given subnets that share a zone.
func distinctZones(subnets []document.Subnet) error {
	byZone := map[string]string{}
	for _, s := range subnets {
		if other, ok := byZone[s.AvailabilityZone]; ok {
			return failure.New(plan.Conflict,
				"Give subnets in different zones in spec.network.workspaceSubnets.",
				"checking workspace subnets: %s and %s are both in %s", other, s.ID, s.AvailabilityZone)
		}
		byZone[s.AvailabilityZone] = s.ID
	}
	return nil
}

// subnetting makes the subnets of one workspace.
type subnetting struct {
	api awsapi.EC2
	doc *document.Document
	// all are the subnets of the VPC.
	all []types.Subnet
	// used are those that the spec gives.
	used []tagger
	// taken are the zones of the workspace subnets.
	taken []string
	// offered are the zones in which every endpoint service is offered.
	offered []string
}

// list returns the subnets of the VPC.
func (s *subnetting) list(ctx context.Context) ([]types.Subnet, error) {
	filters := []types.Filter{{Name: aws.String("vpc-id"), Values: []string{s.doc.VPC.ID}}}
	return pages(func(token *string) ([]types.Subnet, *string, error) {
		out, err := s.api.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: filters, NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Subnets, out.NextToken, nil
	})
}

func (s *subnetting) thing(want spec.Subnet, object, path string) thing[types.Subnet] {
	return thing[types.Subnet]{
		kind: "subnet", object: object, name: want.Name, path: path,
		label: func(x types.Subnet) (string, string, awsapi.Tags) {
			tags := awsapi.OfEC2(x.Tags)
			return aws.ToString(x.SubnetId), tags["Name"], tags
		},
		fits: func(x types.Subnet) bool {
			return aws.ToString(x.CidrBlock) == want.CIDR &&
				(want.AvailabilityZone == "" || aws.ToString(x.AvailabilityZone) == want.AvailabilityZone)
		},
	}
}

func (s *subnetting) ensure(ctx context.Context, want spec.Subnet, object, path string, workspace bool) (document.Subnet, error) {
	if want.ID != "" {
		return s.given(ctx, want.ID, path+".id")
	}
	found, created, err := ensure(ctx, "subnet "+want.Name,
		picking(s.doc, s.thing(want, object, path), remembering(s.all, s.list)),
		func(x types.Subnet) string { return aws.ToString(x.SubnetId) },
		func(ctx context.Context) (types.Subnet, error) {
			zone, err := s.zone(ctx, want, workspace)
			if err != nil {
				return types.Subnet{}, err
			}
			tags := awsapi.Owned(s.doc.Spec.Tags, s.doc.Workspace, object, want.Name)
			out, err := s.api.CreateSubnet(ctx, &ec2.CreateSubnetInput{
				VpcId: aws.String(s.doc.VPC.ID), CidrBlock: aws.String(want.CIDR), AvailabilityZone: aws.String(zone),
				TagSpecifications: tags.EC2(types.ResourceTypeSubnet),
			})
			if failure.Code(err) == "InvalidSubnet.Conflict" {
				return types.Subnet{}, failure.As(plan.Conflict,
					fmt.Sprintf("Choose another block for %s.cidr, or give the existing subnet as %s.id.", path, path), err)
			}
			if err != nil {
				return types.Subnet{}, err
			}
			return *out.Subnet, nil
		})
	if err != nil {
		return document.Subnet{}, err
	}
	out := describeSubnet(found)
	switch {
	case created:
		out.Outcome = document.Outcome{Outcome: document.Created}
	case out.CIDR != want.CIDR:
		return out, differs(entity{"subnet", out.ID}, "CIDR", out.CIDR, want.CIDR, path+".cidr")
	case want.AvailabilityZone != "" && out.AvailabilityZone != want.AvailabilityZone:
		return out, differs(entity{"subnet", out.ID}, "zone", out.AvailabilityZone, want.AvailabilityZone, path+".availabilityZone")
	default:
		tagged, err := ec2Tagger(s.api, "subnet", out.ID, found.Tags).own(ctx, s.doc, object, want.Name)
		if err != nil {
			return out, err
		}
		out.Name, out.Outcome = want.Name, made(false, tagged)
	}
	return out, nil
}

// overlaps refuses a subnet whose block others have, before any is made. A
// subnet of this workspace stays until the workspace has left it.
func (s *subnetting) overlaps(want spec.Subnet, path string) error {
	block, err := netip.ParsePrefix(want.CIDR)
	if err != nil {
		return fmt.Errorf("reading %s.cidr: %w", path, err)
	}
	for _, x := range s.all {
		other, err := netip.ParsePrefix(aws.ToString(x.CidrBlock))
		if err != nil || !other.Overlaps(block) {
			continue
		}
		remedy := fmt.Sprintf("Choose another block for %s.cidr, or give the existing subnet as %s.id.", path, path)
		if awsapi.OfEC2(x.Tags).IsOwnedBy(s.doc.Workspace) {
			remedy = fmt.Sprintf("The present subnets stay until the workspace has left them: choose a block for %s.cidr that overlaps none of them, set it and %s.availabilityZone back, or change spec.network.vpc.cidr, so that all of it is made in another VPC.", path, path)
		}
		return failure.New(plan.Conflict, remedy, "creating subnet %s, %s in %s: subnet %s has %s in %s", want.Name, want.CIDR,
			cmp.Or(want.AvailabilityZone, "any zone"), aws.ToString(x.SubnetId), other, aws.ToString(x.AvailabilityZone))
	}
	return nil
}

func (s *subnetting) given(ctx context.Context, id, path string) (document.Subnet, error) {
	out, err := s.api.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{id}})
	if failure.IsNotFound(err) || err == nil && len(out.Subnets) == 0 {
		return document.Subnet{}, missing("subnet", id, s.doc.Spec.Region, path)
	}
	if err != nil {
		return document.Subnet{}, fmt.Errorf("looking for subnet %s: %w", id, err)
	}
	found := out.Subnets[0]
	if vpc := aws.ToString(found.VpcId); vpc != s.doc.VPC.ID {
		return document.Subnet{}, unfit(entity{"subnet", id}, "VPC", vpc, s.doc.VPC.ID, path)
	}
	subnet := describeSubnet(found)
	subnet.Outcome = document.Outcome{Outcome: document.Given}
	s.used = append(s.used, ec2Tagger(s.api, "subnet", id, found.Tags))
	return subnet, nil
}

func describeSubnet(x types.Subnet) document.Subnet {
	return document.Subnet{
		Object:           document.Object{ID: aws.ToString(x.SubnetId), Name: awsapi.OfEC2(x.Tags)["Name"]},
		CIDR:             aws.ToString(x.CidrBlock),
		AvailabilityZone: aws.ToString(x.AvailabilityZone),
	}
}

// zone returns the zone that the spec names, or one in which every endpoint
// service is offered and, for a workspace subnet, no other one is.
func (s *subnetting) zone(ctx context.Context, want spec.Subnet, workspace bool) (string, error) {
	if want.AvailabilityZone != "" {
		return want.AvailabilityZone, nil
	}
	if s.offered == nil {
		zones, err := offeredZones(ctx, s.api, s.doc)
		if err != nil {
			return "", err
		}
		s.offered = zones
	}
	for _, zone := range s.offered {
		if !workspace || !slices.Contains(s.taken, zone) {
			return zone, nil
		}
	}
	return "", failure.New(plan.Conflict,
		"Name the zones in spec.network.workspaceSubnets[].availabilityZone.",
		"choosing a zone in %s: the endpoint services are offered in %s only", s.doc.Spec.Region, strings.Join(s.offered, ", "))
}
