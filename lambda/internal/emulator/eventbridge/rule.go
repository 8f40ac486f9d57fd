package eventbridge

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// rule sends the events of a bus that match its pattern to its targets.
type rule struct {
	arn, bus, name, description, role string
	text                              string
	pattern                           *Pattern
	enabled                           bool
	// targets in the order in which they were put.
	targets []target
}

// target is where a rule sends events.
// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
type target struct {
	ID               string            `json:"Id"`
	ARN              string            `json:"Arn"`
	RoleARN          string            `json:"RoleArn,omitempty"`
	Input            string            `json:",omitempty"`
	InputPath        string            `json:",omitempty"`
	InputTransformer *inputTransformer `json:",omitempty"`
	DeadLetterConfig *deadLetterConfig `json:",omitempty"`
	RetryPolicy      *retryPolicy      `json:",omitempty"`
}

type deadLetterConfig struct {
	ARN string `json:"Arn"`
}

type retryPolicy struct {
	MaximumRetryAttempts     *int `json:",omitempty"`
	MaximumEventAgeInSeconds *int `json:",omitempty"`
}

// Bounds and defaults of retries.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
const (
	maxAttempts = 185
	leastAge    = 60
	greatestAge = 86400
)

func (t target) retries() int {
	if t.RetryPolicy != nil && t.RetryPolicy.MaximumRetryAttempts != nil {
		return *t.RetryPolicy.MaximumRetryAttempts
	}
	return maxAttempts
}

func (t target) maxAge() time.Duration {
	age := greatestAge
	if t.RetryPolicy != nil && t.RetryPolicy.MaximumEventAgeInSeconds != nil {
		age = *t.RetryPolicy.MaximumEventAgeInSeconds
	}
	return time.Duration(age) * time.Second
}

// service is the service in the ARN, such as lambda.
func (t target) service() string { return serviceOf(t.ARN) }

func serviceOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[5] == "" {
		return ""
	}
	return parts[2]
}

// maxPattern is the greatest length of an event pattern.
const maxPattern = 4096

func compile(text string) (*Pattern, error) {
	if len(text) > maxPattern {
		return nil, constraint(text[:64]+"…", "eventPattern", "Member must have length less than or equal to 4096")
	}
	p, err := Compile(text)
	if errors.Is(err, ErrTooManyCombinations) {
		return nil, &wire.Error{Code: "LimitExceededException", Message: err.Error()}
	}
	if err != nil {
		return nil, &wire.Error{Code: "InvalidEventPatternException", Message: "Event pattern is not valid. Reason: " + err.Error()}
	}
	return p, nil
}

type putRuleInput struct {
	Name               string
	EventPattern       string
	ScheduleExpression string
	State              string
	Description        string
	RoleArn            string
	EventBusName       string
	Tags               []tag
}

// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
func (s *Service) putRule(c *wire.Call, in putRuleInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !rulePattern.MatchString(in.Name):
		return nil, constraint(in.Name, "name", `Member must satisfy regular expression pattern: [\.\-_A-Za-z0-9]+`)
	case in.ScheduleExpression != "":
		return nil, notEmulated("ScheduleExpression")
	case in.EventPattern == "":
		return nil, invalid("Parameter(s) EventPattern or ScheduleExpression must be specified.")
	case in.State == "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS":
		return nil, notEmulated("the state " + in.State)
	case in.State != "" && in.State != "ENABLED" && in.State != "DISABLED":
		return nil, constraint(in.State, "state", "Member must satisfy enum value set: [ENABLED, DISABLED, ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]")
	case len(in.Description) > 512:
		return nil, constraint(in.Description[:64]+"…", "description", "Member must have length less than or equal to 512")
	}
	b, err := s.findBus(c, in.EventBusName)
	if err != nil {
		return nil, err
	}
	pattern, err := compile(in.EventPattern)
	if err != nil {
		return nil, err
	}
	r := b.rules[in.Name]
	if r == nil {
		if len(b.rules) >= maxRules {
			return nil, limitExceeded()
		}
		r = &rule{arn: ruleARN(b, in.Name), bus: b.name, name: in.Name}
		b.rules[in.Name] = r
	}
	r.text, r.pattern, r.enabled = in.EventPattern, pattern, in.State != "DISABLED"
	r.description, r.role = in.Description, in.RoleArn
	return struct{ RuleArn string }{r.arn}, nil
}

// ruleARN has the name of the bus unless it is the default one.
func ruleARN(b *bus, name string) string {
	prefix, _, _ := strings.Cut(b.arn, ":event-bus/")
	if b.name == defaultBus {
		return prefix + ":rule/" + name
	}
	return prefix + ":rule/" + b.name + "/" + name
}

type ruleInput struct {
	Name         string
	EventBusName string
}

// findRule returns a rule and its bus.
func (s *Service) findRule(c *wire.Call, name, busName string) (*rule, error) {
	b, err := s.findBus(c, busName)
	if err != nil {
		return nil, err
	}
	if r := b.rules[name]; r != nil {
		return r, nil
	}
	return nil, notFound("Rule %s does not exist on EventBus %s.", name, b.name)
}

type ruleOutput struct {
	Name, Arn, EventBusName, EventPattern, State string
	Description                                  string `json:",omitempty"`
	RoleArn                                      string `json:",omitempty"`
	CreatedBy                                    string `json:",omitempty"`
}

func (r *rule) output() ruleOutput {
	state := "DISABLED"
	if r.enabled {
		state = "ENABLED"
	}
	return ruleOutput{Name: r.name, Arn: r.arn, EventBusName: r.bus, EventPattern: r.text, State: state, Description: r.description, RoleArn: r.role}
}

func (s *Service) describeRule(c *wire.Call, in ruleInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findRule(c, in.Name, in.EventBusName)
	if err != nil {
		return nil, err
	}
	out := r.output()
	out.CreatedBy = s.account
	return out, nil
}

func (s *Service) listRules(c *wire.Call, in listInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.findBus(c, in.EventBusName)
	if err != nil {
		return nil, err
	}
	var all []ruleOutput
	for _, r := range b.sorted() {
		if strings.HasPrefix(r.name, in.NamePrefix) {
			all = append(all, r.output())
		}
	}
	list, next, err := page(all, in.NextToken, in.Limit)
	if err != nil {
		return nil, err
	}
	return struct {
		Rules     []ruleOutput
		NextToken string `json:",omitempty"`
	}{list, next}, nil
}

// sorted returns the rules of a bus by name.
func (b *bus) sorted() []*rule {
	var out []*rule
	for _, name := range slices.Sorted(maps.Keys(b.rules)) {
		out = append(out, b.rules[name])
	}
	return out
}

type deleteRuleInput struct {
	Name         string
	EventBusName string
	Force        bool
}

func (s *Service) deleteRule(c *wire.Call, in deleteRuleInput) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.findBus(c, in.EventBusName)
	if err != nil {
		return nil, err
	}
	r := b.rules[in.Name]
	switch {
	case r == nil:
		// As in the service, that is what was asked for.
		return nil, nil
	case len(r.targets) > 0:
		return nil, invalid("Rule can't be deleted since it has targets.")
	}
	delete(b.rules, in.Name)
	return nil, nil
}

func (s *Service) enableRule(c *wire.Call, in ruleInput) (any, error)  { return s.turn(c, in, true) }
func (s *Service) disableRule(c *wire.Call, in ruleInput) (any, error) { return s.turn(c, in, false) }

func (s *Service) turn(c *wire.Call, in ruleInput, on bool) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.findRule(c, in.Name, in.EventBusName)
	if err != nil {
		return nil, err
	}
	r.enabled = on
	return nil, nil
}

type testEventPatternInput struct {
	EventPattern string
	Event        string
}

// https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_TestEventPattern.html
func (s *Service) testEventPattern(_ *wire.Call, in testEventPatternInput) (any, error) {
	p, err := compile(in.EventPattern)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(in.Event), &fields); err != nil {
		return nil, invalid("Parameter Event is not valid. Reason: %v", err)
	}
	for _, name := range []string{"id", "account", "source", "time", "region", "resources", "detail-type"} {
		if _, ok := fields[name]; !ok {
			return nil, invalid("Parameter Event is not valid. Reason: %s is a required argument.", name)
		}
	}
	match, err := p.Match([]byte(in.Event))
	if err != nil {
		return nil, invalid("Parameter Event is not valid. Reason: %v", err)
	}
	return struct{ Result bool }{match}, nil
}
