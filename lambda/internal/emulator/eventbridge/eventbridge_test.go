package eventbridge_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/eventbridge"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/plan"
)

func TestMatch(t *testing.T) {
	t.Parallel()
	const event = `{"source":"aws.s3","detail-type":"Object Created","detail":{"n":5,"ok":true,"none":null,"list":["a","b"],"key":"workspaces/tokyo.yaml"}}`
	for pattern, want := range map[string]bool{
		`{"source":["aws.s3"]}`:                                               true,
		`{"source":["aws.sqs","aws.s3"]}`:                                     true,
		`{"source":["aws.sqs"]}`:                                              false,
		`{"source":["aws.s3"],"detail":{"n":[5]}}`:                            true,
		`{"source":["aws.s3"],"detail":{"n":["5"]}}`:                          false,
		`{"detail":{"ok":[true]}}`:                                            true,
		`{"detail":{"none":[null]}}`:                                          true,
		`{"detail":{"missing":[null]}}`:                                       false,
		`{"detail":{"list":["b"]}}`:                                           true,
		`{"detail":{"list":["c"]}}`:                                           false,
		`{"detail":{"key":[{"prefix":"workspaces/"}]}}`:                       true,
		`{"detail":{"key":[{"prefix":"plans/"}]}}`:                            false,
		`{"detail":{"key":[{"suffix":".yaml"}]}}`:                             true,
		`{"detail":{"key":[{"suffix":".yml"}]}}`:                              false,
		`{"detail":{"key":[{"wildcard":"workspaces/*.yaml"}]}}`:               true,
		`{"detail":{"key":[{"wildcard":"work*tok*yaml"}]}}`:                   true,
		`{"detail":{"key":[{"wildcard":"workspaces/*.yml"}]}}`:                false,
		`{"detail":{"key":[{"wildcard":"workspaces/tokyo.yaml"}]}}`:           true,
		`{"detail":{"key":[{"equals-ignore-case":"WORKSPACES/tokyo.YAML"}]}}`: true,
		`{"detail":{"key":[{"anything-but":"workspaces/osaka.yaml"}]}}`:       true,
		`{"detail":{"key":[{"anything-but":["workspaces/tokyo.yaml"]}]}}`:     false,
		`{"detail":{"key":[{"exists":true}]}}`:                                true,
		`{"detail":{"key":[{"exists":false}]}}`:                               false,
		`{"detail":{"gone":[{"exists":false}]}}`:                              true,
		`{"detail":{"deep":{"er":["x"]}}}`:                                    false,
	} {
		got, err := eventbridge.Match([]byte(pattern), []byte(event))
		if err != nil || got != want {
			t.Errorf("%s: %t, %v", pattern, got, err)
		}
	}
	for _, bad := range []string{
		`{"source":"aws.s3"}`, `{"source":[]}`, `{"source":[{"nearly":"x"}]}`, `{"source":[{"prefix":"a","suffix":"b"}]}`, `[`, `{"a":{"b":1}}`,
	} {
		if _, err := eventbridge.Match([]byte(bad), []byte(event)); err == nil {
			t.Errorf("%s was accepted", bad)
		}
	}
}

// The rules that are deployed take the events that they should, and no others.
func TestRulesOfThePlan(t *testing.T) {
	t.Parallel()
	fill := strings.NewReplacer(plan.SourceBucket, "specs", plan.StateMachine, "arn:machine")
	s3 := func(bucket, key string) string {
		return fmt.Sprintf(`{"source":"aws.s3","detail-type":"Object Created","detail":{"bucket":{"name":%q},"object":{"key":%q}}}`, bucket, key)
	}
	status := func(machine, status string) string {
		return fmt.Sprintf(`{"source":"aws.states","detail-type":"Step Functions Execution Status Change","detail":{"status":%q,"stateMachineArn":%q}}`, status, machine)
	}
	cases := map[string]map[string]bool{
		"SpecPushed": {
			s3("specs", "workspaces/tokyo.yaml"): true, s3("specs", "workspaces/tokyo.yml"): true,
			s3("other", "workspaces/tokyo.yaml"): false, s3("specs", "proposed/tokyo.yaml"): false,
			s3("specs", "workspaces/tokyo.json"): false, s3("specs", "status/tokyo.yaml"): false,
			strings.Replace(s3("specs", "workspaces/tokyo.yaml"), "Created", "Deleted", 1): false,
		},
		"ExecutionFailed": {
			status("arn:machine", "FAILED"): true, status("arn:machine", "TIMED_OUT"): true, status("arn:machine", "ABORTED"): true,
			status("arn:machine", "SUCCEEDED"): false, status("arn:machine", "RUNNING"): false, status("arn:other", "FAILED"): false,
		},
	}
	for _, r := range plan.Rules() {
		if len(cases[r.Name]) == 0 {
			t.Errorf("rule %s has no case", r.Name)
		}
		for event, want := range cases[r.Name] {
			got, err := eventbridge.Match([]byte(fill.Replace(r.Pattern)), []byte(event))
			if err != nil || got != want {
				t.Errorf("%s takes %s: %t, %v", r.Name, event, got, err)
			}
		}
	}
}

// A target that fails is tried again until the rule's bounds; then the event is
// a dead letter.
func TestDelivery(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name           string
		failures, most int
		maxAge         time.Duration
		calls          int64
		dead           int
	}{
		{"at once", 0, 3, time.Hour, 1, 0},
		{"after two failures", 2, 3, time.Hour, 3, 0},
		{"too many failures", 99, 3, time.Hour, 4, 1},
		{"too old", 99, 185, 10 * time.Second, 4, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := clock.NewVirtual(time.Unix(0, 0))
			var calls atomic.Int64
			s := eventbridge.New(wire.NewHub(c), latency.NewSource(1), "123456789012", func(context.Context, string, []byte) error {
				if calls.Add(1) <= int64(tt.failures) {
					return errors.New("not now")
				}
				return nil
			})
			if err := s.AddRule(eventbridge.Rule{Name: "r", Bus: "default", Pattern: `{"source":["x"]}`, TargetARN: "t", MaxAttempts: tt.most, MaxAge: tt.maxAge}); err != nil {
				t.Fatal(err)
			}
			s.Emit(eventbridge.Event{Source: "x", Detail: []byte(`{}`)})
			s.Emit(eventbridge.Event{Source: "y", Detail: []byte(`{}`)})
			if err := c.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			if calls.Load() != tt.calls || len(s.DeadLetters()) != tt.dead {
				t.Errorf("%d calls and %d dead letters, want %d and %d", calls.Load(), len(s.DeadLetters()), tt.calls, tt.dead)
			}
		})
	}
}

func FuzzMatch(f *testing.F) {
	f.Add(`{"source":[{"wildcard":"*a*b*"}]}`, `{"source":"aab"}`)
	f.Add(`{"a":[{"anything-but":[1]}]}`, `{"a":[1,2]}`)
	f.Fuzz(func(_ *testing.T, pattern, event string) {
		_, _ = eventbridge.Match([]byte(pattern), []byte(event))
	})
}
