package step_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/document"
	emulated "lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// The subnets of mito.
const (
	firstSubnet    = "{name: mito-compute-1, cidr: 10.0.1.0/24}"
	secondSubnet   = "{name: mito-compute-2, cidr: 10.0.2.0/24}"
	endpointSubnet = "{name: mito-doors, cidr: 10.0.3.0/24}"
)

// newSubnet makes a subnet of the author's.
func (r *run) newSubnet(vpc, cidr, zone string) string {
	r.t.Helper()
	out := must(r.ec2().CreateSubnet(r.t.Context(), &ec2.CreateSubnetInput{
		VpcId: aws.String(vpc), CidrBlock: aws.String(cidr), AvailabilityZone: aws.String(zone),
	}))
	return *out.Subnet.SubnetId
}

func (r *run) subnets() document.Subnets {
	r.t.Helper()
	var out document.Subnets
	r.result("EnsureSubnets", &out)
	return out
}

// zones are those of the workspace subnets, then that of the endpoint subnet.
func (r *run) zones() []string {
	r.t.Helper()
	var out []string
	subnets := r.subnets()
	for _, s := range subnets.All() {
		out = append(out, s.AvailabilityZone)
	}
	return out
}

// offerIn offers one of the services of Databricks in some zones only.
func (r *run) offerIn(name string, zones ...string) {
	r.world.EC2.OfferService(tokyoRegion, emulated.ServiceDetail{
		Name: name, Owner: "414351767826", AcceptanceRequired: true,
		PrivateDNSName: "of." + name, AvailabilityZones: zones,
	})
}

func tokyoServices(t testing.TB) (workspace, relay string) {
	t.Helper()
	region, ok := spec.LookupRegion(tokyoRegion)
	if !ok {
		t.Fatal("the table has no Tokyo")
	}
	return region.WorkspaceServices[0], region.RelayService
}

func TestEnsureSubnets(t *testing.T) {
	t.Parallel()
	creates := []string{"ec2:CreateSubnet", "ec2:CreateSubnet", "ec2:CreateSubnet"}

	t.Run("made, then found", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		r.does("EnsureSubnets", "Created", creates...)
		type subnet struct {
			VPC, CIDR, Zone string
			Tags            map[string]string
		}
		var got []subnet
		for _, s := range r.world.EC2.Subnets(tokyoRegion) {
			if s.PublicIPs {
				t.Errorf("%s gives public addresses", s.ID)
			}
			got = append(got, subnet{s.VPCID, s.CIDR.String(), s.Zone, s.Tags})
		}
		vpc := r.id("EnsureVpc")
		same(t, "subnets", []subnet{
			{vpc, "10.0.1.0/24", "ap-northeast-1a", owned("workspace-subnet-1", "mito-compute-1")},
			{vpc, "10.0.2.0/24", "ap-northeast-1c", owned("workspace-subnet-2", "mito-compute-2")},
			{vpc, "10.0.3.0/24", "ap-northeast-1a", owned("endpoint-subnet", "mito-doors")},
		}, got)
		made := r.subnets()

		r.revise("EnsureSubnets")
		r.does("EnsureSubnets", "Found")
		found := r.subnets()
		for i, s := range made.All() {
			same(t, "id", s.ID, found.All()[i].ID)
		}
	})

	t.Run("zones", func(t *testing.T) {
		t.Parallel()
		workspace, relay := tokyoServices(t)
		for name, test := range map[string]struct {
			pairs            []string
			workspace, relay []string
			want             []string
		}{
			"where both services are": {
				workspace: []string{"ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1d"},
				relay:     []string{"ap-northeast-1d", "ap-northeast-1c"},
				want:      []string{"ap-northeast-1c", "ap-northeast-1d", "ap-northeast-1c"},
			},
			"named": {
				pairs: []string{
					firstSubnet, "{name: mito-compute-1, cidr: 10.0.1.0/24, availabilityZone: ap-northeast-1d}",
					endpointSubnet, "{name: mito-doors, cidr: 10.0.3.0/24, availabilityZone: ap-northeast-1c}",
				},
				want: []string{"ap-northeast-1d", "ap-northeast-1a", "ap-northeast-1c"},
			},
			"the second is named": {
				pairs: []string{secondSubnet, "{name: mito-compute-2, cidr: 10.0.2.0/24, availabilityZone: ap-northeast-1a}"},
				want:  []string{"ap-northeast-1c", "ap-northeast-1a", "ap-northeast-1a"},
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				r := at(t, "EnsureSubnets", test.pairs...)
				r.offerIn(workspace, test.workspace...)
				r.offerIn(relay, test.relay...)
				r.does("EnsureSubnets", "Created", creates...)
				same(t, "zones", test.want, r.zones())
			})
		}
	})

	t.Run("offered in one zone only", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		_, relay := tokyoServices(t)
		r.offerIn(relay, "ap-northeast-1c")
		err := r.step("EnsureSubnets")
		if name, _ := class(err); name != plan.Conflict {
			t.Fatalf("ends as %v", err)
		}
		r.refuses("EnsureSubnets", plan.Conflict, "offered in ap-northeast-1c only", "spec.network.workspaceSubnets[].availabilityZone")
	})

	t.Run("service not offered", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		_, relay := tokyoServices(t)
		r.world.EC2.WithdrawService(tokyoRegion, relay)
		r.refuses("EnsureSubnets", plan.ActionRequired, relay, "not offered in ap-northeast-1", "spec.privateLink.relayEndpoint.service")
	})

	t.Run("a lost subnet comes back in another zone than its neighbour", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSecurityGroups")
		first := r.subnets().Workspace[0]
		must(r.ec2().DeleteSubnet(t.Context(), &ec2.DeleteSubnetInput{SubnetId: aws.String(first.ID)}))
		r.does("EnsureSubnets", "Created", "ec2:CreateSubnet")
		same(t, "zones", []string{"ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1a"}, r.zones())
	})

	t.Run("given", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		vpc := r.id("EnsureVpc")
		one, two := r.newSubnet(vpc, "10.0.0.0/26", "ap-northeast-1d"), r.newSubnet(vpc, "10.0.0.64/26", "ap-northeast-1c")
		doors := r.newSubnet(vpc, "10.0.0.128/26", "ap-northeast-1c")
		r.revise("EnsureSubnets", firstSubnet, "{id: "+one+"}", secondSubnet, "{id: "+two+"}", endpointSubnet, "{id: "+doors+"}")
		r.does("EnsureSubnets", "Given", "ec2:CreateTags", "ec2:CreateTags", "ec2:CreateTags")
		r.does("EnsureSubnets", "Given")
		got := r.subnets()
		same(t, "ids", []string{one, two, doors}, append(got.WorkspaceIDs(), got.Endpoint.ID))
		same(t, "zones", []string{"ap-northeast-1d", "ap-northeast-1c", "ap-northeast-1c"}, r.zones())
		same(t, "CIDR", "10.0.0.64/26", got.Workspace[1].CIDR)
	})

	t.Run("the one that is made keeps out of the zone of the given one", func(t *testing.T) {
		t.Parallel()
		for _, test := range []struct {
			name, given, zone string
			want              []string
		}{
			{"first given", firstSubnet, "ap-northeast-1a", []string{"ap-northeast-1a", "ap-northeast-1c", "ap-northeast-1a"}},
			{"second given", secondSubnet, "ap-northeast-1a", []string{"ap-northeast-1c", "ap-northeast-1a", "ap-northeast-1a"}},
		} {
			t.Run(test.name, func(t *testing.T) {
				t.Parallel()
				r := at(t, "EnsureSubnets")
				id := r.newSubnet(r.id("EnsureVpc"), "10.0.0.0/26", test.zone)
				r.revise("EnsureSubnets", test.given, "{id: "+id+"}")
				r.does("EnsureSubnets", "Created", "ec2:CreateSubnet", "ec2:CreateSubnet", "ec2:CreateTags")
				same(t, "zones", test.want, r.zones())
			})
		}
	})

	for name, test := range map[string]struct{ given, path string }{
		"workspace": {secondSubnet, "spec.network.workspaceSubnets[1].id"},
		"endpoint":  {endpointSubnet, "spec.network.endpointSubnet.id"},
	} {
		t.Run("given in another VPC, "+name, func(t *testing.T) {
			t.Parallel()
			r := at(t, "EnsureSecurityGroups")
			vpc := r.newVPC("10.9.0.0/22")
			id := r.newSubnet(vpc, "10.9.0.0/24", "ap-northeast-1c")
			r.revise("EnsureSubnets", test.given, "{id: "+id+"}")
			r.refuses("EnsureSubnets", plan.Conflict, id, vpc, r.id("EnsureVpc"), test.path)
		})
		t.Run("given but missing, "+name, func(t *testing.T) {
			t.Parallel()
			r := at(t, "EnsureSecurityGroups")
			r.revise("EnsureSubnets", test.given, "{id: subnet-0123456789abcdef0}")
			r.refuses("EnsureSubnets", plan.Conflict, "subnet-0123456789abcdef0", "does not exist in ap-northeast-1", test.path)
		})
	}

	t.Run("given in one zone", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSecurityGroups")
		vpc := r.id("EnsureVpc")
		one, two := r.newSubnet(vpc, "10.0.0.0/26", "ap-northeast-1d"), r.newSubnet(vpc, "10.0.0.64/26", "ap-northeast-1d")
		r.revise("EnsureSubnets", firstSubnet, "{id: "+one+"}", secondSubnet, "{id: "+two+"}")
		r.refuses("EnsureSubnets", plan.Conflict, one, two, "both in ap-northeast-1d", "spec.network.workspaceSubnets")
	})

	for name, test := range map[string]struct {
		pairs []string
		texts []string
	}{
		"a CIDR that overlaps the present one": {
			[]string{"cidr: 10.0.1.0/24", "cidr: 10.0.0.0/23"},
			[]string{"10.0.1.0/24", "10.0.0.0/23", "spec.network.workspaceSubnets[0].cidr", "spec.network.vpc.cidr"},
		},
		"another zone": {
			[]string{secondSubnet, "{name: mito-compute-2, cidr: 10.0.2.0/24, availabilityZone: ap-northeast-1d}"},
			[]string{"ap-northeast-1c", "ap-northeast-1d", "spec.network.workspaceSubnets[1].availabilityZone"},
		},
		"another CIDR of the endpoints": {
			[]string{"cidr: 10.0.3.0/24", "cidr: 10.0.3.0/25"},
			[]string{"10.0.3.0/24", "10.0.3.0/25", "spec.network.endpointSubnet.cidr"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := at(t, "EnsureSecurityGroups")
			r.revise("EnsureSubnets", test.pairs...)
			r.refuses("EnsureSubnets", plan.Conflict, test.texts...)
		})
	}

	t.Run("other CIDRs", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSecurityGroups")
		before := r.subnets()
		r.revise("EnsureSubnets", "cidr: 10.0.1.0/24", "cidr: 10.0.0.0/25", "cidr: 10.0.2.0/24", "cidr: 10.0.0.128/25")
		r.does("EnsureSubnets", "Created", "ec2:CreateSubnet", "ec2:CreateSubnet")
		now := r.subnets()
		same(t, "endpoint subnet", before.Endpoint.ID, now.Endpoint.ID)
		same(t, "former", before.WorkspaceIDs(), now.Former)
		var fields []string
		for _, f := range now.Differences {
			fields = append(fields, f.Field+" "+f.Found+" "+f.Wanted)
		}
		same(t, "differences", []string{"CIDR 10.0.1.0/24 10.0.0.0/25", "CIDR 10.0.2.0/24 10.0.0.128/25"}, fields)
		r.does("EnsureSubnets", "Found")
		same(t, "subnets", now.WorkspaceIDs(), func() []string { s := r.subnets(); return s.WorkspaceIDs() }())
		r.revise("EnsureSubnets")
		r.does("EnsureSubnets", "Found")
		same(t, "subnets", before.WorkspaceIDs(), func() []string { s := r.subnets(); return s.WorkspaceIDs() }())
	})

	t.Run("block taken by somebody", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		r.newSubnet(r.id("EnsureVpc"), "10.0.1.0/25", "ap-northeast-1d")
		name, message := class(r.step("EnsureSubnets"))
		if name != plan.Conflict {
			t.Fatalf("ends as %s: %s", name, message)
		}
		same(t, "subnets", 1, len(r.world.EC2.Subnets(tokyoRegion)))
	})

	t.Run("another one of ours", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSecurityGroups")
		other := must(r.ec2().CreateSubnet(t.Context(), &ec2.CreateSubnetInput{
			VpcId: aws.String(r.id("EnsureVpc")), CidrBlock: aws.String("10.0.0.0/26"),
			TagSpecifications: ownedByMito(types.ResourceTypeSubnet, "endpoint-subnet"),
		}))
		// It does not fit, and so is nothing to hold the two apart.
		r.does("EnsureSubnets", "Found")
		same(t, "former", []string{*other.Subnet.SubnetId}, r.subnets().Former)
	})
}
