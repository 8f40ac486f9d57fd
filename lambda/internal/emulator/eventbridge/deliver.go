package eventbridge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/logs"
	"lakegate/lambda/internal/emulator/sqs"
)

// Failure is how a target failed, as the dead-letter queue tells it.
type Failure struct {
	Code, Message string
}

func (f *Failure) Error() string { return f.Code + ": " + f.Message }

// Codes of failures. The service does not retry what only a person can mend:
// a target that does not exist, a missing permission, an input that is not JSON.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
const (
	NoResource      = "NO_RESOURCE"
	NoPermissions   = "NO_PERMISSIONS"
	InvalidJSON     = "INVALID_JSON"
	Throttling      = "THROTTLING"
	ErrorFromTarget = "ERROR_FROM_TARGET"
)

func (f *Failure) permanent() bool {
	return f.Code == NoResource || f.Code == NoPermissions || f.Code == InvalidJSON
}

// delivery is one event on its way to one target.
type delivery struct {
	event    Event
	accepted time.Time
	rule     *rule
	target   target
	// key names the delivery where durations are drawn.
	key string
	// failure of the last attempt.
	failure *Failure
}

// match returns the deliveries that the rules of a bus ask for. The caller holds
// the lock. An event is forwarded from one bus to another only once.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-bus-to-bus.html
func (s *Service) match(b *bus, e Event, forwarded bool) []*delivery {
	doc := e.JSON()
	var out []*delivery
	for _, r := range b.sorted() {
		if !r.enabled {
			continue
		}
		if match, err := r.pattern.Match(doc); err != nil {
			panic(fmt.Sprintf("eventbridge: matching event %s: %v", e.ID, err))
		} else if !match {
			continue
		}
		for _, t := range r.targets {
			if forwarded && t.service() == "events" {
				continue
			}
			// The rule may change while the event is on its way.
			fixed := *r
			for i := range s.copies {
				d := &delivery{event: e, accepted: s.hub.Clock.Now(), rule: &fixed, target: t, key: e.ID + "/" + r.arn + "/" + t.ID}
				if i > 0 {
					d.key += "/copy/" + strconv.Itoa(i)
				}
				out = append(out, d)
			}
		}
	}
	return out
}

// schedule makes an attempt after the time that a delivery takes and, if it is a
// retry, a pause. The first attempt is retry 0.
func (s *Service) schedule(d *delivery, retry int) {
	key, pause := d.key, time.Duration(0)
	if retry > 0 {
		key, pause = key+"/retry/"+strconv.Itoa(retry), backoff(retry)
	}
	s.hub.Clock.After(pause+s.delays.Draw(latency.EventDelivery, key), func() { s.attempt(d, retry) })
}

// backoff is the pause before a retry: 1 s, 2 s, 4 s and so on up to eight
// minutes, so that the usual 185 retries take about the usual 24 hours.
func backoff(retry int) time.Duration {
	return min(time.Second<<min(retry-1, 16), 8*time.Minute)
}

func (s *Service) attempt(d *delivery, retry int) {
	if retry > 0 && s.hub.Clock.Now().Sub(d.accepted) > d.target.maxAge() {
		s.giveUp(d, retry-1, "MaximumEventAgeInSeconds")
		return
	}
	err := s.deliver(d)
	if err == nil {
		return
	}
	var known bool
	if d.failure, known = errors.AsType[*Failure](err); !known {
		d.failure = &Failure{ErrorFromTarget, err.Error()}
	}
	switch {
	case d.failure.permanent():
		s.giveUp(d, retry, "")
	case retry >= d.target.retries():
		s.giveUp(d, retry, "MaximumRetryAttempts")
	default:
		s.schedule(d, retry+1)
	}
}

// deliver makes one attempt.
func (s *Service) deliver(d *delivery) error {
	payload, err := d.target.payload(d.rule, d.event, d.accepted)
	if err != nil {
		return &Failure{InvalidJSON, err.Error()}
	}
	arn := d.target.ARN
	switch service := d.target.service(); service {
	case "events":
		return s.forward(arn, d.event)
	case "sqs":
		if err = s.targets.Queues.Send(arn, string(payload), nil); errors.Is(err, sqs.ErrNoQueue) {
			return &Failure{NoResource, err.Error()}
		}
		return err
	case "logs":
		if err = s.targets.Groups.Deliver(arn, d.rule.name, string(payload)); errors.Is(err, logs.ErrNoGroup) {
			return &Failure{NoResource, err.Error()}
		}
		return err
	default:
		return s.targets.Others[service](context.Background(), arn, payload) //nolint:forbidigo // a delivery has no caller
	}
}

// forward puts an event on another bus, as it is.
func (s *Service) forward(busARN string, e Event) error {
	s.mu.Lock()
	exists := s.bus(busARN) != nil
	s.mu.Unlock()
	if !exists {
		return &Failure{NoResource, "Event bus " + busARN + " does not exist."}
	}
	s.accept(busARN, e, true)
	return nil
}

// giveUp sends the event to the dead-letter queue of the target after some
// retries. Exhausted is the limit that was reached; empty if it was none.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
func (s *Service) giveUp(d *delivery, retries int, exhausted string) {
	dead := Dead{Event: d.event, Rule: d.rule.arn, Target: d.target.ARN, Failure: *d.failure, Retries: retries, Exhausted: exhausted}
	if d.target.DeadLetterConfig != nil && s.targets.Queues != nil {
		attributes := map[string]string{
			"RULE_ARN": dead.Rule, "TARGET_ARN": dead.Target, "ERROR_CODE": dead.Failure.Code,
			"ERROR_MESSAGE": cmp.Or(dead.Failure.Message, dead.Failure.Code), "RETRY_ATTEMPTS": strconv.Itoa(retries),
		}
		if exhausted != "" {
			attributes["EXHAUSTED_RETRY_CONDITION"] = exhausted
		}
		// As in the service, an event that the queue does not take is gone.
		if queue := d.target.DeadLetterConfig.ARN; s.targets.Queues.Send(queue, string(d.event.JSON()), attributes) == nil {
			dead.Queue = queue
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dead = keep(s.dead, dead)
}
