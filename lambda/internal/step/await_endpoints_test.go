package step_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"lakegate/lambda/internal/document"
	emulated "lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/plan"
)

func (r *run) waited(step string) document.Endpoints {
	r.t.Helper()
	var out document.Endpoints
	r.result(step, &out)
	return out
}

// until looks again and again until a step ends with an error.
func (r *run) until(step string) error {
	r.t.Helper()
	for range 200 {
		if err := r.step(step); err != nil {
			return err
		}
		w := r.waited(step)
		if w.Ready {
			r.t.Fatalf("%s is ready", step)
		}
		r.pass(time.Duration(w.PauseSeconds) * time.Second)
	}
	r.t.Fatalf("%s never ends", step)
	return nil
}

// unregistered is a run that has both endpoints to the control plane, of which
// Databricks does not know yet.
func unregistered(t testing.TB) *run {
	t.Helper()
	r := at(t, "EnsureWorkspaceEndpoint")
	r.does("EnsureWorkspaceEndpoint", "Created", "ec2:CreateVpcEndpoint")
	r.does("EnsureRelayEndpoint", "Created", "ec2:CreateVpcEndpoint")
	return r
}

func TestAwaitEndpoints(t *testing.T) {
	t.Parallel()
	const step = "AwaitEndpoints"

	t.Run("waits once for long", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.pass(time.Second)
		if err := r.step(step); err != nil {
			t.Fatal(err)
		}
		first := r.waited(step)
		workspace, relay := r.id("EnsureWorkspaceEndpoint"), r.id("EnsureRelayEndpoint")
		same(t, "outcome", "Waiting", first.Outcome.Outcome)
		same(t, "pause", 240, first.PauseSeconds)
		same(t, "states", map[string]string{workspace: "pending", relay: "pending"}, first.States)
		r.does(step, "Ready")
		last := r.waited(step)
		same(t, "states", map[string]string{workspace: "available", relay: "available"}, last.States)
		same(t, "since", first.Since, last.Since)
		r.revise(step)
		r.does(step, "Ready")
	})

	t.Run("too late, then redriven", func(t *testing.T) {
		t.Parallel()
		// Nobody registers the endpoints, so nobody accepts them.
		r := unregistered(t)
		workspace, relay := r.id("EnsureWorkspaceEndpoint"), r.id("EnsureRelayEndpoint")
		err := r.until(step)
		name, message := class(err)
		same(t, "class", plan.TimedOut, name)
		contains(t, message, workspace+" pendingAcceptance", relay+" pendingAcceptance")
		if waited := r.waited(step); waited.Looked.Sub(waited.Since) > 31*time.Minute {
			t.Errorf("waited %s", waited.Looked.Sub(waited.Since))
		}

		// A redrive comes with the document of the last look that succeeded.
		r.pass(time.Hour)
		if err := r.step(step); err != nil {
			t.Fatal(err)
		}
		same(t, "outcome", "Waiting", r.outcome(step))
		for _, id := range []string{workspace, relay} {
			if err := r.world.EC2.AcceptEndpoint(tokyoRegion, id, "414351767826"); err != nil {
				t.Fatal(err)
			}
		}
		r.does(step, "Ready")
	})

	t.Run("ready after the deadline", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		if err := r.step(step); err != nil {
			t.Fatal(err)
		}
		w := r.waited(step)
		w.PauseSeconds = int((3 * time.Hour).Seconds())
		r.doc["endpoints"] = must(json.Marshal(w))
		r.pass(3 * time.Hour)
		r.does(step, "Ready")
	})

	for state, happen := range map[string]func(*run, string) error{
		"rejected": func(r *run, id string) error { return r.world.EC2.RejectEndpoint(tokyoRegion, id, "414351767826") },
		"failed": func(r *run, id string) error {
			return r.world.EC2.FailEndpoint(tokyoRegion, id, emulated.EndpointFailure{Code: "InternalError", Message: "It broke."})
		},
		"deleting": func(r *run, id string) error {
			_, err := r.ec2().DeleteVpcEndpoints(r.t.Context(), &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{id}})
			return err
		},
	} {
		t.Run(state+" while it is waited for", func(t *testing.T) {
			t.Parallel()
			r := at(t, step)
			if err := r.step(step); err != nil {
				t.Fatal(err)
			}
			id := r.id("EnsureRelayEndpoint")
			if err := happen(r, id); err != nil {
				t.Fatal(err)
			}
			r.refuses(step, plan.Conflict, id, "its state is "+state, "aws ec2 delete-vpc-endpoints --vpc-endpoint-ids "+id)
		})
	}

	t.Run("expired while it is waited for", func(t *testing.T) {
		t.Parallel()
		r := unregistered(t)
		id := r.id("EnsureWorkspaceEndpoint")
		if err := r.world.EC2.ExpireEndpoint(tokyoRegion, id); err != nil {
			t.Fatal(err)
		}
		r.refuses(step, plan.Conflict, id, "its state is expired")
	})

	t.Run("one of two", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterRelayEndpoint")
		r.pass(20 * time.Minute)
		if err := r.step(step); err != nil {
			t.Fatal(err)
		}
		same(t, "states", map[string]string{
			r.id("EnsureWorkspaceEndpoint"): "available", r.id("EnsureRelayEndpoint"): "pendingAcceptance",
		}, r.waited(step).States)
		same(t, "ready", false, r.waited(step).Ready)
	})
}
