package step_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/plan"
)

// somebodys makes an endpoint of the author's to the workspace's service.
func (r *run) somebodys(privateDNS bool) string {
	r.t.Helper()
	service, _ := tokyoServices(r.t)
	return r.newEndpoint(ec2.CreateVpcEndpointInput{
		VpcId: aws.String(r.id("EnsureVpc")), ServiceName: aws.String(service), VpcEndpointType: types.VpcEndpointTypeInterface,
		PrivateDnsEnabled: aws.Bool(privateDNS),
	})
}

func TestEnablePrivateDns(t *testing.T) {
	t.Parallel()
	const step = "EnablePrivateDns"
	names := func(r *run) []bool {
		return []bool{r.endpoint(r.id("EnsureWorkspaceEndpoint")).PrivateDNS, r.endpoint(r.id("EnsureRelayEndpoint")).PrivateDNS}
	}

	t.Run("turned on, then found", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		same(t, "names before", []bool{false, false}, names(r))
		r.does(step, "Updated", "ec2:ModifyVpcEndpoint", "ec2:ModifyVpcEndpoint")
		same(t, "names", []bool{true, true}, names(r))
		var got struct{ Endpoints []string }
		r.result(step, &got)
		same(t, "endpoints", []string{r.id("EnsureWorkspaceEndpoint"), r.id("EnsureRelayEndpoint")}, got.Endpoints)
		r.does(step, "Found")
	})

	t.Run("off behind its back", func(t *testing.T) {
		t.Parallel()
		r := at(t, "ReportReady")
		r.modify(ec2.ModifyVpcEndpointInput{
			VpcEndpointId: aws.String(r.id("EnsureRelayEndpoint")), PrivateDnsEnabled: aws.Bool(false),
		})
		r.pass(20 * time.Minute)
		r.does(step, "Updated", "ec2:ModifyVpcEndpoint")
		same(t, "names", []bool{true, true}, names(r))
	})

	t.Run("held by another endpoint", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		holder := r.somebodys(true)
		service, _ := tokyoServices(t)
		name, message := class(r.step(step))
		same(t, "class", plan.Conflict, name)
		contains(t, message, r.id("EnsureWorkspaceEndpoint"), holder+" already has the private DNS names of "+service, "Give "+holder+" as the id")
		same(t, "names of the holder", true, r.endpoint(holder).PrivateDNS)
	})

	t.Run("VPC without DNS hostnames", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.setDNS(r.id("EnsureVpc"), true, false)
		name, message := class(r.step(step))
		same(t, "class", plan.Conflict, name)
		contains(t, message, "enableDnsHostnames", "Correct what AWS names")
	})

	for name, on := range map[string]bool{"on": true, "off": false} {
		t.Run("given, with names "+name, func(t *testing.T) {
			t.Parallel()
			r := at(t, "EnsureWorkspaceEndpoint")
			id := r.somebodys(on)
			r.revise(step, "{name: mito-to-workspace}", "{id: "+id+"}")
			if on {
				r.does(step, "Updated", "ec2:ModifyVpcEndpoint")
				same(t, "names", []bool{true, true}, names(r))
				return
			}
			r.refuses(step, plan.Conflict, id, "its private DNS names are off", "--vpc-endpoint-id "+id+" --private-dns-enabled")
		})
	}
}
