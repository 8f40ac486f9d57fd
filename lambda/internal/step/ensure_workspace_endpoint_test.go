package step_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/emulator"
	emulated "lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// endpointCase is what one of the steps that make a VPC endpoint has to do.
type endpointCase struct {
	step, object, name string
	// given is the text in the spec, and path where it is.
	given, path string
	service     string
	kind        types.VpcEndpointType
	privateDNS  bool
	// accepted says that the owner of the service accepts the connection.
	accepted bool
	subnets  func(*run) []string
	groups   func(*run) []string
	tables   func(*run) []string
}

func none(*run) []string { return nil }

// databricksEndpoint is what both endpoints to the control plane have in
// common.
func databricksEndpoint(c endpointCase) endpointCase {
	c.kind, c.accepted, c.tables = types.VpcEndpointTypeInterface, true, none
	c.subnets = func(r *run) []string { return []string{r.subnets().Endpoint.ID} }
	c.groups = func(r *run) []string { return []string{r.groups().Endpoint.ID} }
	return c
}

// awsEndpoint is what both interface endpoints to services of AWS have in
// common.
func awsEndpoint(c endpointCase) endpointCase {
	c.kind, c.privateDNS, c.tables = types.VpcEndpointTypeInterface, true, none
	c.subnets = func(r *run) []string { s := r.subnets(); return s.WorkspaceIDs() }
	c.groups = func(r *run) []string { return []string{r.groups().Workspace.ID} }
	return c
}

// newEndpoint makes an endpoint of the author's.
func (r *run) newEndpoint(in ec2.CreateVpcEndpointInput) string {
	r.t.Helper()
	return *must(r.ec2().CreateVpcEndpoint(r.t.Context(), &in)).VpcEndpoint.VpcEndpointId
}

func (r *run) modify(in ec2.ModifyVpcEndpointInput) {
	r.t.Helper()
	must(r.ec2().ModifyVpcEndpoint(r.t.Context(), &in))
}

// endpoint is what exists of an endpoint.
func (r *run) endpoint(id string) emulated.Endpoint {
	r.t.Helper()
	e, ok := r.world.EC2.Endpoint(tokyoRegion, id)
	if !ok {
		r.t.Fatalf("there is no endpoint %s", id)
	}
	return e
}

// whole lets an endpoint become available.
func (r *run) whole(c endpointCase, id string) {
	r.t.Helper()
	if c.accepted {
		if err := r.world.EC2.AcceptEndpoint(tokyoRegion, id, "414351767826"); err != nil {
			r.t.Fatal(err)
		}
	}
	r.pass(20 * time.Minute)
	same(r.t, "state", "available", r.endpoint(id).State)
}

// placed compares where an endpoint is with where it has to be.
func (r *run) placed(c endpointCase, id string) {
	r.t.Helper()
	e := r.endpoint(id)
	same(r.t, "subnets", c.subnets(r), e.SubnetIDs)
	same(r.t, "groups", c.groups(r), e.GroupIDs)
	same(r.t, "route tables", c.tables(r), e.RouteTableIDs)
	same(r.t, "private DNS", c.privateDNS, e.PrivateDNS)
}

// testEndpoint is what all the steps that make a VPC endpoint must do.
func testEndpoint(t *testing.T, c endpointCase) {
	t.Helper()

	// made is a run that has made the endpoint.
	made := func(t *testing.T) (*run, string) {
		t.Helper()
		r := at(t, c.step)
		r.does(c.step, "Created", "ec2:CreateVpcEndpoint")
		return r, r.id(c.step)
	}

	t.Run("made, then found", func(t *testing.T) {
		t.Parallel()
		r, id := made(t)
		e := r.endpoint(id)
		same(t, "tags", owned(c.object, c.name), e.Tags)
		same(t, "service", c.service, e.Service)
		same(t, "type", string(c.kind), e.Type)
		same(t, "VPC", r.id("EnsureVpc"), e.VPCID)
		r.placed(c, id)
		var got struct{ Name, Service, State string }
		r.result(c.step, &got)
		same(t, "result", c.name+" "+c.service, got.Name+" "+got.Service)

		r.revise(c.step)
		r.does(c.step, "Found")
		same(t, "id", id, r.id(c.step))
	})

	t.Run("given", func(t *testing.T) {
		t.Parallel()
		r := at(t, c.step)
		in := ec2.CreateVpcEndpointInput{
			VpcId: aws.String(r.id("EnsureVpc")), ServiceName: aws.String(c.service), VpcEndpointType: c.kind,
		}
		if c.privateDNS {
			in.PrivateDnsEnabled = aws.Bool(true)
		}
		id := r.newEndpoint(in)
		r.revise(c.step, c.given, "{id: "+id+"}")
		r.does(c.step, "Given", "ec2:CreateTags")
		same(t, "id", id, r.id(c.step))
		same(t, "tags", usedByMito, r.endpoint(id).Tags)
		r.does(c.step, "Given")
	})

	t.Run("given but missing", func(t *testing.T) {
		t.Parallel()
		r := at(t, c.step, c.given, "{id: vpce-0123456789abcdef0}")
		r.refuses(c.step, plan.Conflict, "vpce-0123456789abcdef0", "does not exist in ap-northeast-1", c.path+".id")
	})

	t.Run("given in another VPC", func(t *testing.T) {
		t.Parallel()
		r := at(t, c.step)
		vpc := r.newVPC("10.9.0.0/22")
		id := r.newEndpoint(ec2.CreateVpcEndpointInput{
			VpcId: aws.String(vpc), ServiceName: aws.String(c.service), VpcEndpointType: c.kind, PrivateDnsEnabled: aws.Bool(false),
		})
		r.revise(c.step, c.given, "{id: "+id+"}")
		r.refuses(c.step, plan.Conflict, id, vpc, r.id("EnsureVpc"), "Correct "+c.path+".id")
	})

	t.Run("given to another service", func(t *testing.T) {
		t.Parallel()
		r := at(t, c.step)
		id := r.newEndpoint(ec2.CreateVpcEndpointInput{
			VpcId: aws.String(r.id("EnsureVpc")), ServiceName: aws.String("com.amazonaws.ap-northeast-1.logs"),
			VpcEndpointType: types.VpcEndpointTypeInterface,
		})
		r.revise(c.step, c.given, "{id: "+id+"}")
		r.refuses(c.step, plan.Conflict, id, "com.amazonaws.ap-northeast-1.logs", c.service, c.path)
	})

	bad := map[string]func(*run, string) error{
		"failed": func(r *run, id string) error {
			return r.world.EC2.FailEndpoint(tokyoRegion, id, emulated.EndpointFailure{Code: "InternalError", Message: "It broke."})
		},
	}
	if c.accepted {
		bad["rejected"] = func(r *run, id string) error { return r.world.EC2.RejectEndpoint(tokyoRegion, id, "414351767826") }
		bad["expired"] = func(r *run, id string) error { return r.world.EC2.ExpireEndpoint(tokyoRegion, id) }
	}
	for state, happen := range bad {
		t.Run(state, func(t *testing.T) {
			t.Parallel()
			r, id := made(t)
			if err := happen(r, id); err != nil {
				t.Fatal(err)
			}
			texts := []string{id, c.service, "its state is " + state, "aws ec2 delete-vpc-endpoints --vpc-endpoint-ids " + id}
			if state == "failed" {
				texts = append(texts, "InternalError: It broke.")
			}
			r.refuses(c.step, plan.Conflict, texts...)
			// Given by id, it is no better.
			r.revise(c.step, c.given, "{id: "+id+"}")
			r.refuses(c.step, plan.Conflict, texts...)
		})
	}

	t.Run("deleted behind its back", func(t *testing.T) {
		t.Parallel()
		r, id := made(t)
		must(r.ec2().DeleteVpcEndpoints(t.Context(), &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{id}}))
		// An endpoint that is being deleted holds its private DNS names.
		r.pass(20 * time.Minute)
		// The execution's token gives back the deleted one at first.
		r.does(c.step, "Created", "ec2:CreateVpcEndpoint", "ec2:CreateVpcEndpoint")
		if r.id(c.step) == id {
			t.Error("it is the deleted one")
		}
		r.placed(c, r.id(c.step))
	})

	t.Run("several", func(t *testing.T) {
		t.Parallel()
		r, id := made(t)
		in := ec2.CreateVpcEndpointInput{
			VpcId: aws.String(r.id("EnsureVpc")), ServiceName: aws.String(c.service), VpcEndpointType: c.kind,
			TagSpecifications: ownedByMito(types.ResourceTypeVpcEndpoint, c.object), PrivateDnsEnabled: aws.Bool(false),
		}
		other := r.newEndpoint(in)
		r.refuses(c.step, plan.Conflict, "there are 2", id, other, "Delete all but one")
	})

	t.Run("the same service, of somebody else", func(t *testing.T) {
		t.Parallel()
		r := at(t, c.step)
		other := r.newEndpoint(ec2.CreateVpcEndpointInput{
			VpcId: aws.String(r.id("EnsureVpc")), ServiceName: aws.String(c.service), VpcEndpointType: c.kind, PrivateDnsEnabled: aws.Bool(false),
		})
		r.does(c.step, "Created", "ec2:CreateVpcEndpoint")
		if r.id(c.step) == other {
			t.Errorf("took %s", other)
		}
	})

	if c.kind == types.VpcEndpointTypeInterface {
		for name, drift := range map[string]func(*run) ec2.ModifyVpcEndpointInput{
			"group added": func(r *run) ec2.ModifyVpcEndpointInput {
				return ec2.ModifyVpcEndpointInput{AddSecurityGroupIds: []string{r.newGroup(r.id("EnsureVpc"), "somebody")}}
			},
			"group replaced": func(r *run) ec2.ModifyVpcEndpointInput {
				return ec2.ModifyVpcEndpointInput{
					AddSecurityGroupIds:    []string{r.newGroup(r.id("EnsureVpc"), "somebody")},
					RemoveSecurityGroupIds: c.groups(r),
				}
			},
			"subnet added": func(r *run) ec2.ModifyVpcEndpointInput {
				return ec2.ModifyVpcEndpointInput{AddSubnetIds: []string{r.newSubnet(r.id("EnsureVpc"), "10.0.0.0/26", "ap-northeast-1d")}}
			},
			"subnet removed": func(r *run) ec2.ModifyVpcEndpointInput {
				return ec2.ModifyVpcEndpointInput{RemoveSubnetIds: c.subnets(r)[:1]}
			},
		} {
			t.Run(name+" behind its back", func(t *testing.T) {
				t.Parallel()
				r, id := made(t)
				r.whole(c, id)
				in := drift(r)
				in.VpcEndpointId = aws.String(id)
				r.modify(in)
				r.pass(20 * time.Minute)
				r.does(c.step, "Updated", "ec2:ModifyVpcEndpoint")
				e := r.endpoint(id)
				same(t, "groups", c.groups(r), e.GroupIDs)
				same(t, "subnets", slices.Sorted(slices.Values(c.subnets(r))), slices.Sorted(slices.Values(e.SubnetIDs)))
			})
		}
	}

	t.Run("not offered", func(t *testing.T) {
		t.Parallel()
		r := at(t, c.step)
		r.world.EC2.WithdrawService(tokyoRegion, c.service)
		r.refuses(c.step, plan.ActionRequired, c.service, "not offered in ap-northeast-1 to this account", "redrive the execution")
	})
}

func TestEnsureWorkspaceEndpoint(t *testing.T) {
	t.Parallel()
	service, _ := tokyoServices(t)
	c := databricksEndpoint(endpointCase{
		step: "EnsureWorkspaceEndpoint", object: "workspace-endpoint", name: "mito-to-workspace",
		given: "{name: mito-to-workspace}", path: "spec.privateLink.workspaceEndpoint", service: service,
	})
	testEndpoint(t, c)
	testNamedService(t, c)
}

// namedService is a service that the table does not have.
const namedService = "com.amazonaws.vpce.ap-northeast-1.vpce-svc-0123456789abcdef0"

// The spec's name of a service comes before the table's.
func testNamedService(t *testing.T, c endpointCase) {
	t.Helper()
	named := []string{c.given, strings.Replace(c.given, "}", ", service: "+namedService+"}", 1)}
	t.Run("service named", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		r.offerIn(namedService)
		r.revise(c.step, named...)
		r.does(c.step, "Created", "ec2:CreateVpcEndpoint")
		same(t, "service", namedService, r.endpoint(r.id(c.step)).Service)
	})
	t.Run("service named later", func(t *testing.T) {
		t.Parallel()
		r := at(t, c.step)
		if err := r.step(c.step); err != nil {
			t.Fatal(err)
		}
		r.offerIn(namedService)
		r.revise(c.step, named...)
		r.refuses(c.step, plan.Conflict, c.service, namedService, "Set "+c.path+".service to "+c.service)
	})
}

// Public sources disagree about the workspace's service in Jakarta; the one
// that is offered is used.
func TestEnsureWorkspaceEndpointOfDisputedService(t *testing.T) {
	t.Parallel()
	const jakarta = "ap-southeast-3"
	region, ok := spec.LookupRegion(jakarta)
	if !ok || len(region.WorkspaceServices) != 2 {
		t.Fatalf("the table has %v for %s", region.WorkspaceServices, jakarta)
	}
	first, second := region.WorkspaceServices[0], region.WorkspaceServices[1]
	begin := func(t *testing.T, offered ...string) *run {
		t.Helper()
		r := newRunOf(t, "mito.yaml", edited(t, "region: "+tokyoRegion, "region: "+jakarta), emulator.Config{Seed: 1})
		r.upTo("EnsureWorkspaceEndpoint")
		r.world.EC2.WithdrawService(jakarta, first)
		for _, name := range offered {
			r.world.EC2.OfferService(jakarta, emulated.ServiceDetail{Name: name, Owner: "414351767826", AcceptanceRequired: true})
		}
		return r
	}
	for name, test := range map[string]struct {
		offered []string
		want    string
	}{
		"the first":  {[]string{first}, first},
		"the second": {[]string{second}, second},
		"both":       {[]string{second, first}, first},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begin(t, test.offered...)
			r.does("EnsureWorkspaceEndpoint", "Created", "ec2:CreateVpcEndpoint")
			same(t, "service", test.want, r.world.EC2.Endpoints(jakarta)[0].Service)
			r.does("EnsureWorkspaceEndpoint", "Found")
		})
	}
	t.Run("none", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		r.refuses("EnsureWorkspaceEndpoint", plan.ActionRequired, first+" or "+second, jakarta, "spec.privateLink.workspaceEndpoint.service")
	})
}
