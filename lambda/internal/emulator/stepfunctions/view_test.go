package stepfunctions_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/stepfunctions"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
)

// Views show the newest execution first, and how it failed.
func TestViews(t *testing.T) {
	t.Parallel()
	a := &api{clock: clock.NewVirtual(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC))}
	hub := wire.NewHub(a.clock)
	s := stepfunctions.New(hub, latency.NewSource(1), "123456789012", a, nil)
	a.Client = sfn.NewFromConfig(wiretest.Serve(t, hub, s.Wire())("eu-west-1"))
	machine, err := a.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String("m"), Definition: aws.String(definition), RoleArn: aws.String("arn:aws:iam::123456789012:role/m"),
	})
	if err != nil {
		t.Fatal(err)
	}
	one := a.start(t, *machine.StateMachineArn, "one", `{"x":1}`)
	a.idle(t)
	a.mu.Lock()
	a.fail = true
	a.mu.Unlock()
	release := a.clock.Hold()
	two := a.start(t, *machine.StateMachineArn, "two", `{"x":2}`)
	if v, ok := s.View(two); !ok || v.Status != "RUNNING" || !v.Stop.IsZero() || v.Input != `{"x":2}` {
		t.Errorf("while it runs it is %+v", v)
	}
	release()
	a.idle(t)
	views := s.Views(10)
	if len(views) != 2 || views[0].ARN != two || views[1].ARN != one {
		t.Fatalf("the views are %+v", views)
	}
	if v := views[0]; v.Status != "FAILED" || v.Error != "Conflict" || v.Cause == "" || v.Stop.IsZero() {
		t.Errorf("the one that failed is %+v", v)
	}
	if v := views[1]; v.Status != "SUCCEEDED" || v.Error != "" || v.Name != "one" || v.MachineARN != *machine.StateMachineArn || v.Events != len(s.History(one, 0)) {
		t.Errorf("the one that succeeded is %+v", v)
	}
	if some := s.Views(1); len(some) != 1 || some[0].ARN != two {
		t.Errorf("the newest one is %+v", some)
	}
	all := s.History(one, 0)
	if rest := s.History(one, 3); len(rest) != len(all)-3 || rest[0].ID != all[3].ID {
		t.Errorf("from the fourth event there are %d of %d", len(rest), len(all))
	}
	if more := s.History(one, len(all)); more != nil {
		t.Errorf("after the last one there are %d", len(more))
	}
	if _, ok := s.View(one + "x"); ok || s.History(one+"x", 0) != nil {
		t.Error("there is one that was never started")
	}
}
