package step_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"lakegate/lambda/plan"
)

func TestEnsureStsEndpoint(t *testing.T) {
	t.Parallel()
	c := awsEndpoint(endpointCase{
		step: "EnsureStsEndpoint", object: "sts-endpoint", name: "mito-to-sts",
		given: "{name: mito-to-sts}", path: "spec.network.endpoints.sts",
		service: "com.amazonaws.ap-northeast-1.sts",
	})
	testEndpoint(t, c)
	testPrivateDNS(t, c)
}

// testPrivateDNS is what the steps must do whose endpoint gets its private DNS
// names in the create call.
func testPrivateDNS(t *testing.T, c endpointCase) {
	t.Helper()
	// somebody makes an endpoint of the author's to the same service.
	somebody := func(r *run, privateDNS bool) string {
		r.t.Helper()
		return r.newEndpoint(ec2.CreateVpcEndpointInput{
			VpcId: aws.String(r.id("EnsureVpc")), ServiceName: aws.String(c.service), VpcEndpointType: c.kind,
			PrivateDnsEnabled: aws.Bool(privateDNS),
		})
	}

	t.Run("private DNS names held by another endpoint", func(t *testing.T) {
		t.Parallel()
		r := at(t, c.step)
		holder := somebody(r, true)
		name, message := class(r.step(c.step))
		same(t, "class", plan.Conflict, name)
		contains(t, message, holder+" already has the private DNS names of "+c.service, r.id("EnsureVpc"), "Give "+holder+" as the id")
		same(t, "owner's tags", map[string]string{}, r.endpoint(holder).Tags)
	})

	t.Run("private DNS names off behind its back", func(t *testing.T) {
		t.Parallel()
		r := at(t, c.step)
		r.does(c.step, "Created", "ec2:CreateVpcEndpoint")
		id := r.id(c.step)
		r.whole(c, id)
		r.modify(ec2.ModifyVpcEndpointInput{VpcEndpointId: aws.String(id), PrivateDnsEnabled: aws.Bool(false)})
		r.pass(5 * time.Minute)
		r.does(c.step, "Updated", "ec2:ModifyVpcEndpoint")
		r.placed(c, id)
	})

	t.Run("private DNS names given to another endpoint behind its back", func(t *testing.T) {
		t.Parallel()
		r := at(t, c.step)
		r.does(c.step, "Created", "ec2:CreateVpcEndpoint")
		id := r.id(c.step)
		r.whole(c, id)
		r.modify(ec2.ModifyVpcEndpointInput{VpcEndpointId: aws.String(id), PrivateDnsEnabled: aws.Bool(false)})
		r.pass(5 * time.Minute)
		holder := somebody(r, true)
		name, message := class(r.step(c.step))
		same(t, "class", plan.Conflict, name)
		contains(t, message, id, holder+" already has the private DNS names of "+c.service)
	})

	t.Run("given without private DNS names", func(t *testing.T) {
		t.Parallel()
		r := at(t, c.step)
		id := somebody(r, false)
		r.revise(c.step, c.given, "{id: "+id+"}")
		r.refuses(c.step, plan.Conflict, id, "its private DNS names are off", "--vpc-endpoint-id "+id+" --private-dns-enabled")
	})
}
