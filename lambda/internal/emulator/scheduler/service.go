// Package scheduler emulates Amazon EventBridge Scheduler: schedules of the
// default group that invoke a target at a rate, by cron or once, with a flexible
// window, retries and a dead-letter queue.
//
// On a clock that runs by itself schedules are due by themselves. A virtual clock
// jumps to the next timer whenever nothing else can run, and a schedule would
// always be the next: there a schedule is due only up to a time that a caller
// lets pass, or when it is fired.
package scheduler

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/sqs"
	"lakegate/lambda/internal/emulator/wire"
)

// Deliver hands an input to a target.
type Deliver func(ctx context.Context, targetARN string, payload []byte) error

// Service is the emulated EventBridge Scheduler of one account in all regions. It
// is safe for concurrent use.
type Service struct {
	hub     *wire.Hub
	account string
	queues  *sqs.Service
	// targets by the service in their ARN. Others are refused.
	targets map[string]Deliver
	// runs says that the clock runs by itself.
	runs bool

	mu sync.Mutex
	// schedules by ARN.
	schedules map[string]*schedule
	dead      []Dead
}

// schedule is a schedule as it was made or changed last: it is never changed
// itself, so that what is on its way knows whether it still holds.
type schedule struct {
	scheduleInput
	arn, region       string
	created, modified time.Time
	when              expression
}

// New returns a scheduler without schedules.
func New(hub *wire.Hub, account string, queues *sqs.Service, targets map[string]Deliver, runs bool) *Service {
	return &Service{hub: hub, account: account, queues: queues, targets: targets, runs: runs, schedules: map[string]*schedule{}}
}

// Wire is the service as the router serves it.
func (s *Service) Wire() *wire.Service {
	return &wire.Service{
		Name: "scheduler", Protocol: wire.REST, Route: route,
		Operations: map[string]wire.Operation{
			"CreateSchedule": s.createSchedule, "UpdateSchedule": s.updateSchedule, "GetSchedule": s.getSchedule,
			"DeleteSchedule": s.deleteSchedule, "ListSchedules": s.listSchedules,
		},
		Fail: func(_ *wire.Call, e *wire.Error) *wire.Response {
			out := reply(map[string]string{"Message": e.Message})
			out.Status = cmp.Or(e.Status, http.StatusBadRequest)
			out.Header.Set("X-Amzn-Errortype", e.Code)
			return out
		},
	}
}

const root = "/schedules"

// route names the action of a request.
// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Operations.html
func route(r *http.Request) string {
	switch name, one := strings.CutPrefix(r.URL.Path, root+"/"); {
	case strings.TrimSuffix(r.URL.Path, "/") == root && r.Method == http.MethodGet:
		return "ListSchedules"
	case !one || name == "" || strings.Contains(name, "/"):
		return r.Method + " " + r.URL.Path
	}
	action, ok := map[string]string{
		http.MethodPost: "CreateSchedule", http.MethodPut: "UpdateSchedule", http.MethodGet: "GetSchedule", http.MethodDelete: "DeleteSchedule",
	}[r.Method]
	if !ok {
		return r.Method + " " + r.URL.Path
	}
	return action
}

func reply(body any) *wire.Response {
	text, err := json.Marshal(body)
	if err != nil {
		panic(fmt.Sprintf("scheduler: encoding a reply: %v", err))
	}
	return &wire.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: text}
}

// scheduleInput is what a schedule is made of. A member that is not here is
// refused.
// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
type scheduleInput struct {
	ClientToken                string `json:",omitempty"`
	Description                string `json:",omitempty"`
	FlexibleTimeWindow         window
	GroupName                  string `json:",omitempty"`
	ScheduleExpression         string
	ScheduleExpressionTimezone string `json:",omitempty"`
	State                      string `json:",omitempty"`
	Target                     target
}

type window struct {
	Mode                   string
	MaximumWindowInMinutes int `json:",omitempty"`
}

type target struct {
	ARN              string            `json:"Arn"`
	RoleARN          string            `json:"RoleArn"`
	Input            string            `json:",omitempty"`
	RetryPolicy      *retryPolicy      `json:",omitempty"`
	DeadLetterConfig *deadLetterConfig `json:",omitempty"`
}

type retryPolicy struct {
	MaximumEventAgeInSeconds *int `json:",omitempty"`
	MaximumRetryAttempts     *int `json:",omitempty"`
}

type deadLetterConfig struct {
	ARN string `json:"Arn"`
}

// defaultGroup is the only group.
const defaultGroup = "default"

var namePattern = regexp.MustCompile(`^[0-9a-zA-Z-_.]{1,64}$`)

func (s *Service) arn(region, name string) string {
	return fmt.Sprintf("arn:aws:scheduler:%s:%s:schedule/%s/%s", region, s.account, defaultGroup, name)
}

// put makes or replaces a schedule. The caller holds the lock.
func (s *Service) put(region, name string, in scheduleInput) (*schedule, error) {
	in.GroupName, in.State = cmp.Or(in.GroupName, defaultGroup), cmp.Or(in.State, "ENABLED")
	in.ScheduleExpressionTimezone, in.ClientToken = cmp.Or(in.ScheduleExpressionTimezone, "UTC"), ""
	now := s.hub.Clock.Now()
	x := &schedule{scheduleInput: in, arn: s.arn(region, name), region: region, created: now, modified: now}
	if err := s.check(region, name, in); err != nil {
		return nil, err
	}
	var err error
	if x.when, err = parse(in.ScheduleExpression, now); err != nil {
		return nil, invalid("Invalid Schedule Expression %s: %v.", in.ScheduleExpression, err)
	}
	if old := s.schedules[x.arn]; old != nil {
		x.created = old.created
	}
	s.schedules[x.arn] = x
	if s.runs {
		// A rate is due at once.
		s.arm(x, now.Add(-time.Nanosecond), time.Time{})
	}
	return x, nil
}

// check reports why a schedule would be refused.
func (s *Service) check(region, name string, in scheduleInput) error {
	t := in.Target
	service := ""
	if parts := strings.SplitN(t.ARN, ":", 6); len(parts) == 6 {
		service = parts[2]
	}
	switch {
	case !namePattern.MatchString(name):
		return invalid("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[0-9a-zA-Z-_.]+$", name)
	case in.GroupName != defaultGroup:
		return notEmulated("a schedule group")
	case in.ScheduleExpressionTimezone != "UTC":
		return notEmulated("the time zone " + in.ScheduleExpressionTimezone)
	case in.State != "ENABLED" && in.State != "DISABLED":
		return invalid("1 validation error detected: Value '%s' at 'state' failed to satisfy constraint: Member must satisfy enum value set: [ENABLED, DISABLED]", in.State)
	case in.FlexibleTimeWindow.Mode != "OFF" && in.FlexibleTimeWindow.Mode != "FLEXIBLE":
		return invalid("1 validation error detected: Value '%s' at 'flexibleTimeWindow.mode' failed to satisfy constraint: Member must satisfy enum value set: [OFF, FLEXIBLE]", in.FlexibleTimeWindow.Mode)
	case (in.FlexibleTimeWindow.Mode == "FLEXIBLE") != (in.FlexibleTimeWindow.MaximumWindowInMinutes > 0), in.FlexibleTimeWindow.MaximumWindowInMinutes > 1440:
		return invalid("MaximumWindowInMinutes is required for FLEXIBLE, from 1 to 1440, and for nothing else.")
	case service == "" || t.RoleARN == "":
		return invalid("Target Arn and RoleArn are required.")
	case s.targets[service] == nil:
		return notEmulated("a target of the service " + service)
	case !json.Valid([]byte(t.Input)):
		return notEmulated("a target whose input is no JSON")
	case t.retries() < 0 || t.retries() > 185:
		return invalid("MaximumRetryAttempts is from 0 to 185.")
	case t.maxAge() < time.Minute || t.maxAge() > 24*time.Hour:
		return invalid("MaximumEventAgeInSeconds is from 60 to 86400.")
	case t.DeadLetterConfig != nil && !strings.HasPrefix(t.DeadLetterConfig.ARN, "arn:aws:sqs:"+region+":"):
		return invalid("%s is not the ARN of a queue in %s.", t.DeadLetterConfig.ARN, region)
	}
	return nil
}

func (t target) retries() int {
	if t.RetryPolicy == nil || t.RetryPolicy.MaximumRetryAttempts == nil {
		return 185
	}
	return *t.RetryPolicy.MaximumRetryAttempts
}

func (t target) maxAge() time.Duration {
	if t.RetryPolicy == nil || t.RetryPolicy.MaximumEventAgeInSeconds == nil {
		return 24 * time.Hour
	}
	return time.Duration(*t.RetryPolicy.MaximumEventAgeInSeconds) * time.Second
}

func (s *Service) createSchedule(c *wire.Call) (any, error) { return s.write(c, false) }

func (s *Service) updateSchedule(c *wire.Call) (any, error) { return s.write(c, true) }

func (s *Service) write(c *wire.Call, exists bool) (any, error) {
	var in scheduleInput
	decoder := json.NewDecoder(bytes.NewReader(c.Body))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return nil, &wire.Error{Code: "SerializationException", Message: fmt.Sprintf("the input of %s is not understood: %v", c.Action, err)}
	}
	name := nameOf(c)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch old := s.schedules[s.arn(c.Region, name)]; {
	case exists && old == nil:
		return nil, notFound(name)
	case !exists && old != nil:
		return nil, &wire.Error{Status: http.StatusConflict, Code: "ConflictException", Message: "Schedule " + name + " already exists."}
	}
	x, err := s.put(c.Region, name, in)
	if err != nil {
		return nil, err
	}
	return reply(map[string]string{"ScheduleArn": x.arn}), nil
}

// scheduleOutput is a schedule in a reply; times are seconds since 1970.
type scheduleOutput struct {
	ARN                  string `json:"Arn"`
	Name                 string
	CreationDate         float64
	LastModificationDate float64
	scheduleInput
}

func (x *schedule) name() string { return x.arn[strings.LastIndex(x.arn, "/")+1:] }

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_GetSchedule.html
func (s *Service) getSchedule(c *wire.Call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.find(c)
	if err != nil {
		return nil, err
	}
	return reply(scheduleOutput{x.arn, x.name(), seconds(x.created), seconds(x.modified), x.scheduleInput}), nil
}

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_DeleteSchedule.html
func (s *Service) deleteSchedule(c *wire.Call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	x, err := s.find(c)
	if err != nil {
		return nil, err
	}
	delete(s.schedules, x.arn)
	return reply(struct{}{}), nil
}

// find returns the schedule that a call names.
func (s *Service) find(c *wire.Call) (*schedule, error) {
	if group := cmp.Or(c.HTTP.URL.Query().Get("groupName"), defaultGroup); group != defaultGroup {
		return nil, notEmulated("a schedule group")
	}
	name := nameOf(c)
	x := s.schedules[s.arn(c.Region, name)]
	if x == nil {
		return nil, notFound(name)
	}
	return x, nil
}

func nameOf(c *wire.Call) string {
	name, err := url.PathUnescape(strings.TrimPrefix(c.HTTP.URL.EscapedPath(), root+"/"))
	if err != nil {
		return ""
	}
	return name
}

type summary struct {
	ARN                  string `json:"Arn"`
	Name                 string
	GroupName            string
	State                string
	CreationDate         float64
	LastModificationDate float64
	Target               struct {
		ARN string `json:"Arn"`
	}
}

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_ListSchedules.html
func (s *Service) listSchedules(c *wire.Call) (any, error) {
	query := c.HTTP.URL.Query()
	first, limit := 0, 100
	for name, into := range map[string]*int{"NextToken": &first, "MaxResults": &limit} {
		if text := query.Get(name); text != "" {
			n, err := strconv.Atoi(text)
			if err != nil || n < 1 || name == "MaxResults" && n > 100 {
				return nil, invalid("Parameter %s is not valid: %s.", name, text)
			}
			*into = n
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all := []summary{}
	for _, arn := range slices.Sorted(maps.Keys(s.schedules)) {
		x := s.schedules[arn]
		if x.region != c.Region || !strings.HasPrefix(x.name(), query.Get("NamePrefix")) || query.Get("State") != "" && query.Get("State") != x.State {
			continue
		}
		one := summary{
			ARN: x.arn, Name: x.name(), GroupName: x.GroupName, State: x.State,
			CreationDate: seconds(x.created), LastModificationDate: seconds(x.modified),
		}
		one.Target.ARN = x.Target.ARN
		all = append(all, one)
	}
	out := struct {
		NextToken string `json:",omitempty"`
		Schedules []summary
	}{Schedules: all[min(first, len(all)):min(first+limit, len(all))]}
	if first+limit < len(all) {
		out.NextToken = strconv.Itoa(first + limit)
	}
	return reply(out), nil
}

func notFound(name string) error {
	return &wire.Error{Status: http.StatusNotFound, Code: "ResourceNotFoundException", Message: "Schedule " + name + " does not exist."}
}

func invalid(format string, args ...any) error {
	return &wire.Error{Code: "ValidationException", Message: fmt.Sprintf(format, args...)}
}

func notEmulated(what string) error {
	return &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "scheduler: " + what + " is not emulated"}
}
