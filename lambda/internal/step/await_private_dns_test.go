package step_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	emulated "lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/plan"
)

func TestAwaitPrivateDns(t *testing.T) {
	t.Parallel()
	const step = "AwaitPrivateDns"
	ensures := []string{"EnsureWorkspaceEndpoint", "EnsureRelayEndpoint", "EnsureS3Endpoint", "EnsureStsEndpoint", "EnsureKinesisEndpoint"}

	t.Run("waits for all five", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		if err := r.step(step); err != nil {
			t.Fatal(err)
		}
		first := r.waited(step)
		same(t, "outcome", "Waiting", first.Outcome.Outcome)
		if first.PauseSeconds < 110 || first.PauseSeconds > 120 {
			t.Errorf("the first pause is %d s", first.PauseSeconds)
		}
		r.does(step, "Ready")
		want := map[string]string{}
		for _, ensure := range ensures {
			want[r.id(ensure)] = "available"
			if e := r.endpoint(r.id(ensure)); e.Type == "Interface" && !e.PrivateDNS {
				t.Errorf("%s has no private DNS names", ensure)
			}
		}
		same(t, "states", want, r.waited(step).States)
	})

	t.Run("available without names, too late, then redriven", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.does(step, "Ready")
		id := r.id("EnsureStsEndpoint")
		r.modify(ec2.ModifyVpcEndpointInput{VpcEndpointId: aws.String(id), PrivateDnsEnabled: aws.Bool(false)})
		name, message := class(r.until(step))
		same(t, "class", plan.TimedOut, name)
		contains(t, message, id+" available")
		r.modify(ec2.ModifyVpcEndpointInput{VpcEndpointId: aws.String(id), PrivateDnsEnabled: aws.Bool(true)})
		r.pass(time.Hour)
		r.does(step, "Ready")
	})

	for _, ensure := range ensures {
		t.Run(ensure+" failed", func(t *testing.T) {
			t.Parallel()
			r := at(t, step)
			id := r.id(ensure)
			if err := r.world.EC2.FailEndpoint(tokyoRegion, id, emulated.EndpointFailure{Code: "InternalError", Message: "It broke."}); err != nil {
				t.Fatal(err)
			}
			r.refuses(step, plan.Conflict, id, "its state is failed (InternalError: It broke.)")
		})
	}
}
