package scheduler_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/scheduler"
	"lakegate/lambda/internal/emulator/sqs"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
)

const (
	region   = "eu-west-1"
	function = "arn:aws:lambda:eu-west-1:123456789012:function:look"
	role     = "arn:aws:iam::123456789012:role/scheduler"
	queue    = "arn:aws:sqs:eu-west-1:123456789012:dead"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stack is the service with a function that the test scripts.
type stack struct {
	*testing.T
	*scheduler.Service
	clock  *clock.Clock
	queues *sqs.Service
	url    string

	mu   sync.Mutex
	seen []string
	// fails is how often the function fails.
	fails int
}

func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{T: t, clock: clock.NewVirtual(start)}
	hub := wire.NewHub(s.clock)
	s.queues = sqs.New(hub, "123456789012")
	s.queues.Add(region, "dead")
	s.Service = scheduler.New(hub, "123456789012", s.queues, map[string]scheduler.Deliver{"lambda": s.invoke}, false)
	s.url = *wiretest.Serve(t, hub, s.Wire())(region).BaseEndpoint
	return s
}

func (s *stack) invoke(_ context.Context, target string, payload []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails > 0 {
		s.fails--
		return errors.New("it is busy")
	}
	if target != function {
		s.Errorf("%s was invoked", target)
	}
	s.seen = append(s.seen, s.clock.Now().Sub(start).String()+" "+string(payload))
	return nil
}

// pass lets time pass, and returns what was invoked.
func (s *stack) pass(d time.Duration) []string {
	s.Helper()
	s.Pass(d)
	if err := s.clock.Idle(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

// call makes a request as a client does, and returns status and reply.
func (s *stack) call(method, path, body string) (int, map[string]any) {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	credentials, err := wiretest.Serve(s.T, wire.NewHub(s.clock))(region).Credentials.Retrieve(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	if err := v4.NewSigner().SignHTTP(s.Context(), credentials, r, hex.EncodeToString(sum[:]), "scheduler", region, start); err != nil {
		s.Fatal(err)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	text, err := io.ReadAll(reply.Body)
	if err != nil {
		s.Fatal(err)
	}
	out := map[string]any{}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&out); err != nil {
		s.Fatalf("%s %s: %s: %v", method, path, text, err)
	}
	return reply.StatusCode, out
}

// https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
func TestAPI(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	body := `{"ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": {"Arn": "` + function + `", "RoleArn": "` + role + `", "Input": "{}"}}`
	if status, out := s.call("POST", "/schedules/look", body); status != 200 || out["ScheduleArn"] != "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/look" {
		t.Fatalf("%d %v", status, out)
	}
	if status, out := s.call("POST", "/schedules/look", body); status != 409 {
		t.Errorf("made again: %d %v", status, out)
	}
	if status, out := s.call("GET", "/schedules/look", ""); status != 200 || out["State"] != "ENABLED" || out["GroupName"] != "default" || out["ScheduleExpressionTimezone"] != "UTC" {
		t.Errorf("%d %v", status, out)
	}
	if status, out := s.call("PUT", "/schedules/look", strings.Replace(body, "1 hour", "2 hours", 1)); status != 200 {
		t.Errorf("%d %v", status, out)
	}
	if status, out := s.call("GET", "/schedules?NamePrefix=lo", ""); status != 200 || len(out["Schedules"].([]any)) != 1 {
		t.Errorf("%d %v", status, out)
	}
	if got := s.pass(5 * time.Hour); len(got) != 2 {
		t.Errorf("it was invoked at %v", got)
	}
	if status, out := s.call("DELETE", "/schedules/look", ""); status != 200 {
		t.Errorf("%d %v", status, out)
	}
	for _, method := range []string{"GET", "DELETE"} {
		if status, out := s.call(method, "/schedules/look", ""); status != 404 {
			t.Errorf("%s: %d %v", method, status, out)
		}
	}
	if status, out := s.call("PUT", "/schedules/look", body); status != 404 {
		t.Errorf("%d %v", status, out)
	}
	if got := s.pass(5 * time.Hour); len(got) > 0 {
		t.Errorf("after it was deleted it was invoked at %v", got)
	}
	for name, test := range map[string]struct {
		from, to string
		status   int
	}{
		"expression":  {"rate(1 hour)", "hourly", 400},
		"window":      {`{"Mode": "OFF"}`, `{"Mode": "FLEXIBLE"}`, 400},
		"no role":     {role, "", 400},
		"no target":   {function, "look", 400},
		"state":       {`"Target"`, `"State": "OFF", "Target"`, 400},
		"time zone":   {`"Target"`, `"ScheduleExpressionTimezone": "Asia/Tokyo", "Target"`, 501},
		"group":       {`"Target"`, `"GroupName": "ours", "Target"`, 501},
		"member":      {`"Target"`, `"EndDate": 1, "Target"`, 400},
		"queue":       {"arn:aws:lambda", "arn:aws:sqs", 501},
		"no attempts": {`"Input"`, `"RetryPolicy": {"MaximumRetryAttempts": 186}, "Input"`, 400},
		"age":         {`"Input"`, `"RetryPolicy": {"MaximumEventAgeInSeconds": 59}, "Input"`, 400},
		"dead":        {`"Input"`, `"DeadLetterConfig": {"Arn": "x"}, "Input"`, 400},
	} {
		changed := strings.Replace(body, test.from, test.to, 1)
		if status, out := s.call("POST", "/schedules/other", changed); changed == body || status != test.status {
			t.Errorf("%s: %d %v", name, status, out)
		}
	}
	for path, method := range map[string]string{"/schedules/look": "PATCH", "/schedule-groups": "GET", "/schedules/": "POST"} {
		if status, out := s.call(method, path, ""); status != 501 {
			t.Errorf("%s %s: %d %v", method, path, status, out)
		}
	}
}

// A schedule is due as often as its expression says, as long as time passes, and
// keeps no clock going.
func TestDue(t *testing.T) {
	t.Parallel()
	for expression, test := range map[string]struct {
		pass time.Duration
		want string
	}{
		"rate(1 day)":                   {50 * time.Hour, "24h 48h"},
		"rate(90 minutes)":              {4 * time.Hour, "1h30m 3h"},
		"cron(0 6 * * ? *)":             {48 * time.Hour, "18h 42h"},
		"cron(0/30 13 * * ? *)":         {24 * time.Hour, "1h 1h30m"},
		"cron(15 12 ? * MON-WED,SUN *)": {72 * time.Hour, "15m 24h15m 48h15m"},
		"cron(0 0 1 JAN,APR ? *)":       {40 * 24 * time.Hour, "732h"},
		"cron(0 0 ? * 3 2026)":          {9 * 24 * time.Hour, "36h 204h"},
		"cron(0 0 29 2 ? 2027)":         {700 * 24 * time.Hour, ""},
		"at(2026-03-01T13:30:00)":       {24 * time.Hour, "1h30m"},
		"at(2026-03-01T11:00:00)":       {24 * time.Hour, ""},
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			s := newStack(t)
			if err := s.Add(region, scheduler.Schedule{Name: "look", Expression: expression, TargetARN: function, RoleARN: role, Input: "{}", MaxAge: time.Hour}); err != nil {
				t.Fatal(err)
			}
			if got := s.pass(0); len(got) > 0 {
				t.Errorf("without time it was invoked at %v", got)
			}
			var got, want []string
			for _, one := range s.pass(test.pass) {
				at, _, _ := strings.Cut(one, " ")
				got = append(got, at)
			}
			for _, text := range strings.Fields(test.want) {
				at, err := time.ParseDuration(text)
				if err != nil {
					t.Fatal(err)
				}
				want = append(want, at.String())
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("it was invoked at:\n%s", diff)
			}
			if now := s.clock.Now().Sub(start); now != test.pass {
				t.Errorf("%s have passed", now)
			}
		})
	}
	for _, bad := range []string{
		"", "rate(1 days)", "rate(2 day)", "rate(0 days)", "rate(1 week)", "cron(0 6 * * *)", "cron(0 6 * * * *)", "cron(60 6 * * ? *)",
		"cron(0 6 L * ? *)", "cron(0 6 ? * 8 *)", "cron(0/x 6 * * ? *)", "cron(1-x 6 * * ? *)", "at(tomorrow)",
	} {
		if err := newStack(t).Add(region, scheduler.Schedule{Name: "look", Expression: bad, TargetARN: function, RoleARN: role, Input: "{}", MaxAge: time.Hour}); err == nil {
			t.Errorf("%q was accepted", bad)
		}
	}
}

// The function is invoked within the window, with the time at which it was due in
// every attempt, and what it never takes goes to the queue.
func TestAttempts(t *testing.T) {
	t.Parallel()
	s := newStack(t)
	input := `{"due": "<aws.scheduler.scheduled-time>", "attempt": <aws.scheduler.attempt-number>, "of": "<aws.scheduler.schedule-arn>"}`
	// The attributes are no JSON before they are replaced.
	input = strings.Replace(input, `<aws.scheduler.attempt-number>`, `"<aws.scheduler.attempt-number>"`, 1)
	if err := s.Add(region, scheduler.Schedule{
		Name: "look", Expression: "rate(1 day)", Window: time.Hour, TargetARN: function, RoleARN: role, Input: input,
		DeadLetterARN: queue, MaxAttempts: 3, MaxAge: time.Hour,
	}); err != nil {
		t.Fatal(err)
	}
	s.fails = 2
	got := s.pass(25 * time.Hour)
	if len(got) != 1 {
		t.Fatalf("it was invoked at %v", got)
	}
	at, payload, _ := strings.Cut(got[0], " ")
	if after, err := time.ParseDuration(at); err != nil || after < 24*time.Hour || after > 25*time.Hour+3*time.Second {
		t.Errorf("it was invoked after %s", at)
	}
	want := `{"due": "2026-03-02T12:00:00Z", "attempt": "3", "of": "arn:aws:scheduler:eu-west-1:123456789012:schedule/default/look"}`
	if diff := cmp.Diff(want, payload); diff != "" {
		t.Error(diff)
	}
	s.fails = 99
	if err := s.Fire(region, "look"); err != nil {
		t.Fatal(err)
	}
	if got := s.pass(time.Hour); len(got) > 0 {
		t.Errorf("it was invoked at %v", got)
	}
	dead, kept := s.DeadLetters(), s.queues.Messages(queue)
	if len(dead) != 1 || dead[0].Retries != 3 || len(kept) != 1 || !strings.Contains(kept[0].Body, "2026-03-02T13:00:00Z") {
		t.Errorf("%+v and %+v are left", dead, kept)
	}
	if err := s.Fire(region, "none"); err == nil {
		t.Error("a schedule was fired that does not exist")
	}
}
