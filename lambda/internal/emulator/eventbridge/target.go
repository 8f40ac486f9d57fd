package eventbridge

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"lakegate/lambda/internal/emulator/wire"
)

type putTargetsInput struct {
	Rule         string
	EventBusName string
	Targets      []target
}

// entriesOutput is the reply of calls that treat every entry by itself. The
// emulator refuses the whole call instead, as the service does for what it can
// see at once.
type entriesOutput struct {
	FailedEntryCount int
	FailedEntries    []struct{}
}

// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
func (s *Service) putTargets(c *wire.Call, in putTargetsInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findRule(c, in.Rule, in.EventBusName)
	if err != nil {
		return nil, err
	}
	if n := len(in.Targets); n < 1 || n > 100 {
		return nil, constraint(fmt.Sprintf("%d targets", n), "targets", "Member must have length between 1 and 100")
	}
	targets := slices.Clone(r.targets)
	for _, t := range in.Targets {
		if err := s.checkTarget(c.Region, t); err != nil {
			return nil, err
		}
		if i := slices.IndexFunc(targets, func(x target) bool { return x.ID == t.ID }); i >= 0 {
			targets[i] = t
		} else {
			targets = append(targets, t)
		}
	}
	if len(targets) > maxTargets {
		return nil, limitExceeded()
	}
	r.targets = targets
	return entriesOutput{FailedEntries: []struct{}{}}, nil
}

// checkTarget reports why a target would be refused.
func (s *Service) checkTarget(region string, t target) error {
	if !rulePattern.MatchString(t.ID) {
		return constraint(t.ID, "targets.1.member.id", `Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`)
	}
	switch service := t.service(); {
	case service == "":
		return invalid("Parameter %s is not valid. Reason: Provided Arn is not in correct format.", t.ARN)
	case service == "states" && t.RoleARN == "":
		return invalid("RoleArn is required for target %s.", t.ARN)
	case service == "sqs" && strings.HasSuffix(t.ARN, ".fifo"):
		return notEmulated("a FIFO queue as a target")
	case service == "events" && !strings.Contains(t.ARN, ":event-bus/"):
		return notEmulated("the target " + t.ARN)
	case service == "sqs" && s.targets.Queues != nil, service == "logs" && s.targets.Groups != nil, service == "events":
	case s.targets.Others[service] == nil:
		return notEmulated("a target of the service " + service)
	}
	given := 0
	for _, is := range []bool{t.Input != "", t.InputPath != "", t.InputTransformer != nil} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return invalid("Only one of Input, InputPath, or InputTransformer must be provided for target %s.", t.ID)
	case t.Input != "" && !json.Valid([]byte(t.Input)):
		return invalid("Invalid Input for target %s: not valid JSON.", t.ID)
	}
	if t.InputPath != "" {
		if _, err := parsePath(t.InputPath); err != nil {
			return invalid("Invalid InputPath for target %s: %v.", t.ID, err)
		}
	}
	if t.InputTransformer != nil {
		if err := t.InputTransformer.check(); err != nil {
			return invalid("Invalid InputTransformer for target %s: %v.", t.ID, err)
		}
	}
	return s.checkRetries(region, t)
}

func (s *Service) checkRetries(region string, t target) error {
	if n := t.retries(); n < 0 || n > maxAttempts {
		return constraint(fmt.Sprint(n), "targets.1.member.retryPolicy.maximumRetryAttempts", "Member must have value between 0 and 185")
	}
	if n := int(t.maxAge().Seconds()); n < leastAge || n > greatestAge {
		return constraint(fmt.Sprint(n), "targets.1.member.retryPolicy.maximumEventAgeInSeconds", "Member must have value between 60 and 86400")
	}
	if t.DeadLetterConfig == nil {
		return nil
	}
	arn := t.DeadLetterConfig.ARN
	if !strings.HasPrefix(arn, fmt.Sprintf("arn:aws:sqs:%s:", region)) || strings.HasSuffix(arn, ".fifo") {
		return invalid("Parameter DeadLetterConfig.Arn is not valid. Reason: %s is not the ARN of a standard queue in %s.", arn, region)
	}
	return nil
}

type listTargetsInput struct {
	Rule         string
	EventBusName string
	NextToken    string
	Limit        *int
}

func (s *Service) listTargetsByRule(c *wire.Call, in listTargetsInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findRule(c, in.Rule, in.EventBusName)
	if err != nil {
		return nil, err
	}
	list, next, err := page(r.targets, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	return struct {
		Targets   []target
		NextToken string `json:",omitempty"`
	}{list, next}, nil
}

type removeTargetsInput struct {
	Rule         string
	EventBusName string
	IDs          []string `json:"Ids"`
	Force        bool
}

func (s *Service) removeTargets(c *wire.Call, in removeTargetsInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findRule(c, in.Rule, in.EventBusName)
	if err != nil {
		return nil, err
	}
	r.targets = slices.DeleteFunc(slices.Clone(r.targets), func(t target) bool { return slices.Contains(in.IDs, t.ID) })
	return entriesOutput{FailedEntries: []struct{}{}}, nil
}

type listRuleNamesInput struct {
	TargetArn    string
	EventBusName string
	NextToken    string
	Limit        *int
}

func (s *Service) listRuleNamesByTarget(c *wire.Call, in listRuleNamesInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.findBus(c, in.EventBusName)
	if err != nil {
		return nil, err
	}
	var all []string
	for _, r := range b.sorted() {
		if slices.ContainsFunc(r.targets, func(t target) bool { return t.ARN == in.TargetArn }) {
			all = append(all, r.name)
		}
	}
	list, next, err := page(all, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	return struct {
		RuleNames []string
		NextToken string `json:",omitempty"`
	}{list, next}, nil
}
