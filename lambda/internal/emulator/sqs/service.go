// Package sqs emulates Amazon SQS: standard queues with delays, visibility
// timeouts, retention and redrive to a dead-letter queue. Long polling is
// answered at once; FIFO queues are refused.
package sqs

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// ErrNoQueue is the refusal of a message to a queue that does not exist.
var ErrNoQueue = errors.New("the queue does not exist")

// Service is the emulated Amazon SQS of one account in all regions. It is safe
// for concurrent use.
type Service struct {
	hub     *wire.Hub
	account string

	mu sync.Mutex
	// queues by ARN.
	queues map[string]*queue
	// sent counts messages; their ids come from it.
	sent int
}

// New returns an Amazon SQS without queues.
func New(hub *wire.Hub, account string) *Service {
	return &Service{hub: hub, account: account, queues: map[string]*queue{}}
}

// Wire is the service as the router serves it. It speaks the JSON protocol, as
// the AWS CLI and all SDKs do since 2023.
func (s *Service) Wire() *wire.Service {
	return &wire.Service{Name: "sqs", Protocol: wire.JSON10, Operations: map[string]wire.Operation{
		"CreateQueue":        wire.Decoded(&s.mu, s.createQueue),
		"GetQueueUrl":        wire.Decoded(&s.mu, s.getQueueURL),
		"GetQueueAttributes": wire.Decoded(&s.mu, s.getQueueAttributes),
		"SetQueueAttributes": wire.Decoded(&s.mu, s.setQueueAttributes),
		"ListQueues":         wire.Decoded(&s.mu, s.listQueues),
		"DeleteQueue":        wire.Decoded(&s.mu, s.deleteQueue),
		"PurgeQueue":         wire.Decoded(&s.mu, s.purgeQueue),
		"SendMessage":        wire.Decoded(&s.mu, s.sendMessage),
		"ReceiveMessage":     wire.Decoded(&s.mu, s.receiveMessage),
		"DeleteMessage":      wire.Decoded(&s.mu, s.deleteMessage),
	}}
}

// Add makes a queue with the default attributes, as a deployment does.
func (s *Service) Add(region, name string) {
	now := s.hub.Clock.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	arn := s.ARN(region, name)
	s.queues[arn] = &queue{arn: arn, name: name, attributes: map[string]string{}, created: now, modified: now}
}

// Send puts a message into a queue, as a service does that delivers to it. The
// attributes are of type String. The error is ErrNoQueue or a *wire.Error.
func (s *Service) Send(queueARN, body string, attributes map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, ok := s.queues[queueARN]
	if !ok {
		return fmt.Errorf("sending to %s: %w", queueARN, ErrNoQueue)
	}
	typed := map[string]attribute{}
	for name, value := range attributes {
		typed[name] = attribute{DataType: "String", StringValue: &value}
	}
	if _, err := s.send(q, "events.amazonaws.com", body, typed, q.seconds("DelaySeconds")); err != nil {
		return fmt.Errorf("sending to %s: %w", queueARN, err)
	}
	return nil
}

// Message is a message that is in a queue.
type Message struct {
	ID   string
	Body string
	// Attributes that are text.
	Attributes map[string]string
	Sent       time.Time
}

// Messages returns what is in a queue, oldest first, without receiving it.
func (s *Service) Messages(queueARN string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, ok := s.queues[queueARN]
	if !ok {
		return nil
	}
	q.expire(s.hub.Clock.Now())
	var out []Message
	for _, m := range q.messages {
		text := map[string]string{}
		for name, a := range m.attributes {
			if a.StringValue != nil {
				text[name] = *a.StringValue
			}
		}
		out = append(out, Message{ID: m.id, Body: m.body, Attributes: text, Sent: m.sent})
	}
	return out
}

// ARN is the ARN of a queue.
func (s *Service) ARN(region, name string) string {
	return fmt.Sprintf("arn:aws:sqs:%s:%s:%s", region, s.account, name)
}

// URL is the URL of a queue for a client that reached the service as it did in
// this call.
func (s *Service) url(c *wire.Call, name string) string {
	return (&url.URL{Scheme: "http", Host: c.HTTP.Host, Path: "/" + s.account + "/" + name}).String()
}

// find returns the queue of a URL, in the region of the call.
func (s *Service) find(c *wire.Call, queueURL string) (*queue, error) {
	u, err := url.Parse(queueURL)
	if err != nil || u.Host == "" {
		return nil, refusal("InvalidAddress", "InvalidAddress", fmt.Sprintf("The address %s is not valid for this endpoint.", queueURL))
	}
	q, ok := s.queues[s.ARN(c.Region, path.Base(u.Path))]
	if !ok || u.Path != "/"+s.account+"/"+q.name {
		return nil, noSuchQueue()
	}
	q.expire(c.Time)
	return q, nil
}

func noSuchQueue() error {
	return refusal("QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue", "The specified queue does not exist.")
}

// refusal is an error with the code that the service had before it spoke JSON,
// which many clients still look for.
// https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
func refusal(code, queryCode, message string) *wire.Error {
	return &wire.Error{Code: code, Message: message, Header: http.Header{"X-Amzn-Query-Error": {queryCode + ";Sender"}}}
}

func invalid(name, value, reason string) error {
	return refusal("InvalidParameterValue", "InvalidParameterValue", fmt.Sprintf("Value %s for parameter %s is invalid. Reason: %s", value, name, reason))
}

func notEmulated(what string) error {
	return &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "sqs: " + what + " is not emulated"}
}
