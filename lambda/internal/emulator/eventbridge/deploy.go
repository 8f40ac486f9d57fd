package eventbridge

import (
	"fmt"
	"time"
)

// Rule is a rule with one target, as a deployment makes it.
type Rule struct {
	// Bus is the name of a bus that exists.
	Name, Bus, Pattern, Description string
	TargetARN                       string
	// RoleARN is required for state machines.
	RoleARN string
	// DeadLetterARN is the queue of events that are given up; empty for none.
	DeadLetterARN string
	// MaxAttempts of retries, and how long they may last; zero for 24 hours.
	MaxAttempts int
	MaxAge      time.Duration
	Disabled    bool
}

// AddBus makes an event bus, as a deployment does.
func (s *Service) AddBus(region, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bus(s.busARN(region, name)) == nil {
		s.addBus(region, name, "")
	}
}

// AddRule makes or replaces a rule and its target. What the API would refuse is
// an error.
func (s *Service) AddRule(region string, r Rule) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b := s.bus(s.busARN(region, r.Bus))
	if b == nil {
		return fmt.Errorf("adding rule %s: no event bus %s in %s", r.Name, r.Bus, region)
	}
	pattern, err := compile(r.Pattern)
	if err != nil {
		return fmt.Errorf("adding rule %s: %w", r.Name, err)
	}
	t := target{ID: "target", ARN: r.TargetARN, RoleARN: r.RoleARN, RetryPolicy: &retryPolicy{MaximumRetryAttempts: &r.MaxAttempts}}
	if r.MaxAge > 0 {
		age := int(r.MaxAge / time.Second)
		t.RetryPolicy.MaximumEventAgeInSeconds = &age
	}
	if r.DeadLetterARN != "" {
		t.DeadLetterConfig = &deadLetterConfig{ARN: r.DeadLetterARN}
	}
	if err := s.checkTarget(region, t); err != nil {
		return fmt.Errorf("adding rule %s: %w", r.Name, err)
	}
	b.rules[r.Name] = &rule{
		arn: ruleARN(b, r.Name), bus: b.name, name: r.Name, description: r.Description,
		text: r.Pattern, pattern: pattern, enabled: !r.Disabled, targets: []target{t},
	}
	return nil
}
