package scheduler

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Schedule is a schedule as a deployment makes it.
type Schedule struct {
	Name, Description string
	// Expression is rate(…), cron(…) or at(…), in UTC.
	Expression string
	// Window in which the target is invoked; zero for at once.
	Window             time.Duration
	TargetARN, RoleARN string
	// Input is JSON with the attributes of the scheduler.
	Input string
	// DeadLetterARN is the queue of invocations that are given up; empty for none.
	DeadLetterARN string
	MaxAttempts   int
	MaxAge        time.Duration
}

// Dead is an invocation that its target did not take.
type Dead struct {
	Schedule, Target, Error string
	// Due is when it was due, Retries how often it was tried again.
	Due     time.Time
	Retries int
}

// Add makes or replaces a schedule. What the API would refuse is an error.
func (s *Service) Add(region string, x Schedule) error {
	age := int(x.MaxAge / time.Second)
	in := scheduleInput{
		Description: x.Description, FlexibleTimeWindow: window{Mode: "OFF"}, ScheduleExpression: x.Expression,
		Target: target{
			ARN: x.TargetARN, RoleARN: x.RoleARN, Input: x.Input,
			RetryPolicy: &retryPolicy{MaximumEventAgeInSeconds: &age, MaximumRetryAttempts: &x.MaxAttempts},
		},
	}
	if x.Window > 0 {
		in.FlexibleTimeWindow = window{"FLEXIBLE", int(x.Window / time.Minute)}
	}
	if x.DeadLetterARN != "" {
		in.Target.DeadLetterConfig = &deadLetterConfig{x.DeadLetterARN}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.put(region, x.Name, in); err != nil {
		return fmt.Errorf("adding schedule %s: %w", x.Name, err)
	}
	return nil
}

// DeadLetters returns the invocations that were given up, whether or not there
// was a queue for them.
func (s *Service) DeadLetters() []Dead {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.dead)
}

// Fire invokes the target of a schedule as if it were due now.
func (s *Service) Fire(region, name string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	x := s.schedules[s.arn(region, name)]
	if x == nil {
		return fmt.Errorf("firing schedule %s: it does not exist in %s", name, region)
	}
	now := s.hub.Clock.Now()
	s.hub.Clock.After(0, func() { s.attempt(x, now, now, 0) })
	return nil
}

// Pass lets a virtual clock go on for a time, in which schedules are due.
func (s *Service) Pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	// What is due first must not run before all of it is known.
	release := s.hub.Clock.Hold()
	defer release()
	now := s.hub.Clock.Now()
	until := now.Add(d)
	for _, arn := range slices.Sorted(maps.Keys(s.schedules)) {
		s.arm(s.schedules[arn], now, until)
	}
	s.hub.Clock.After(d, func() {})
}

// arm waits until a schedule is due for the first time after another one. A zero
// until means for ever. The caller holds the lock.
func (s *Service) arm(x *schedule, after, until time.Time) {
	due, ok := x.when.next(after)
	if !ok || !until.IsZero() && due.After(until) {
		return
	}
	s.hub.Clock.After(due.Sub(s.hub.Clock.Now()), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.schedules[x.arn] != x {
			return
		}
		if x.State == "ENABLED" {
			s.hub.Clock.After(x.delay(due), func() { s.attempt(x, due, s.hub.Clock.Now(), 0) })
		}
		s.arm(x, due, until)
	})
}

// delay is when in its window an invocation is made, which looks random and is
// the same in every run.
func (x *schedule) delay(due time.Time) time.Duration {
	if x.FlexibleTimeWindow.MaximumWindowInMinutes == 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = fmt.Fprint(h, x.arn, due.Unix())
	return time.Duration(h.Sum64() % uint64(x.FlexibleTimeWindow.MaximumWindowInMinutes) * uint64(time.Minute))
}

// attempt invokes the target; the first attempt is retry 0, which began at a time.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
func (s *Service) attempt(x *schedule, due, began time.Time, retry int) {
	service := strings.SplitN(x.Target.ARN, ":", 6)[2]
	id := fmt.Sprintf("%016x", uint64(due.UnixNano())+uint64(retry))
	payload := strings.NewReplacer(
		"<aws.scheduler.schedule-arn>", x.arn,
		"<aws.scheduler.scheduled-time>", due.UTC().Format(time.RFC3339),
		"<aws.scheduler.execution-id>", id,
		"<aws.scheduler.attempt-number>", strconv.Itoa(retry+1),
	).Replace(x.Target.Input)
	err := s.targets[service](context.Background(), x.Target.ARN, []byte(payload)) //nolint:forbidigo // an invocation has no caller
	if err == nil {
		return
	}
	pause := min(time.Second<<min(retry, 16), 8*time.Minute)
	exhausted := ""
	switch {
	case retry >= x.Target.retries():
		exhausted = "MaximumRetryAttempts"
	case s.hub.Clock.Now().Add(pause).Sub(began) > x.Target.maxAge():
		exhausted = "MaximumEventAgeInSeconds"
	default:
		s.hub.Clock.After(pause, func() { s.attempt(x, due, began, retry+1) })
		return
	}
	s.giveUp(x, due, payload, retry, exhausted, err)
}

// giveUp sends an invocation to the dead-letter queue of its target.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
func (s *Service) giveUp(x *schedule, due time.Time, payload string, retries int, exhausted string, why error) {
	if d := x.Target.DeadLetterConfig; d != nil {
		// As in the service, what the queue does not take is gone.
		_ = s.queues.Send(d.ARN, payload, map[string]string{
			"SCHEDULE_ARN": x.arn, "TARGET_ARN": x.Target.ARN, "SCHEDULED_TIME": due.UTC().Format(time.RFC3339),
			"ERROR_CODE": "ERROR_FROM_TARGET", "ERROR_MESSAGE": why.Error(), "RETRY_ATTEMPTS": strconv.Itoa(retries),
			"EXHAUSTED_RETRY_CONDITION": exhausted,
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = append(s.dead, Dead{Schedule: x.arn, Target: x.Target.ARN, Error: why.Error(), Due: due, Retries: retries})
}
