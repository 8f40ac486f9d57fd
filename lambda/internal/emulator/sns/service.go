// Package sns emulates Amazon SNS as far as it is published to: topics, and what
// was published to each, in the order in which it came.
package sns

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// Service is the emulated SNS of one account in all regions. It is safe for
// concurrent use.
type Service struct {
	hub     *wire.Hub
	account string

	mu sync.Mutex
	// topics are what was published, by ARN.
	topics map[string][]Message
	count  int
	// watch is called with what is published.
	watch func(topicARN string, m Message)
}

// Message is what was published.
type Message struct {
	ID, Subject, Body string
	Time              time.Time
}

// New returns an SNS without topics. Watch, if it is not nil, is called with
// everything that is published; it must not block.
func New(hub *wire.Hub, account string, watch func(topicARN string, m Message)) *Service {
	return &Service{hub: hub, account: account, topics: map[string][]Message{}, watch: watch}
}

// Wire is the service as the router serves it.
func (s *Service) Wire() *wire.Service {
	return &wire.Service{
		Name: "sns", Protocol: wire.Query, Namespace: "http://sns.amazonaws.com/doc/2010-03-31/",
		Operations: map[string]wire.Operation{
			"CreateTopic": s.createTopic, "ListTopics": s.listTopics, "DeleteTopic": s.deleteTopic, "Publish": s.publish,
		},
	}
}

// ARN of a topic.
func (s *Service) ARN(region, name string) string {
	return fmt.Sprintf("arn:aws:sns:%s:%s:%s", region, s.account, name)
}

// Add makes a topic, as a deployment does.
func (s *Service) Add(region, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.topics[s.ARN(region, name)] = nil
}

var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
func (s *Service) createTopic(c *wire.Call) (any, error) {
	name := c.Form.Get("Name")
	if !topicName.MatchString(name) {
		return nil, invalid("Topic Name")
	}
	for member := range c.Form {
		if strings.HasPrefix(member, "Attributes.") {
			return nil, &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "sns: attributes of topics are not emulated"}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	arn := s.ARN(c.Region, name)
	if _, ok := s.topics[arn]; !ok {
		s.topics[arn] = nil
	}
	return struct{ TopicArn string }{arn}, nil
}

func (s *Service) listTopics(c *wire.Call) (any, error) {
	type member struct{ TopicArn string }
	var out struct {
		Topics struct {
			Member []member `xml:"member"`
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, arn := range slices.Sorted(maps.Keys(s.topics)) {
		if strings.HasPrefix(arn, s.ARN(c.Region, "")) {
			out.Topics.Member = append(out.Topics.Member, member{arn})
		}
	}
	return out, nil
}

func (s *Service) deleteTopic(c *wire.Call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.topics, c.Form.Get("TopicArn"))
	return nil, nil
}

// maxMessage is how long a message may be, in bytes.
const maxMessage = 256 << 10

// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
func (s *Service) publish(c *wire.Call) (any, error) {
	arn, body, subject := cmp.Or(c.Form.Get("TopicArn"), c.Form.Get("TargetArn")), c.Form.Get("Message"), c.Form.Get("Subject")
	for member := range c.Form {
		if strings.HasPrefix(member, "MessageAttributes.") || member == "MessageStructure" || member == "PhoneNumber" || member == "MessageGroupId" {
			return nil, &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "sns: " + member + " is not emulated"}
		}
	}
	switch {
	case body == "":
		return nil, &wire.Error{Code: "InvalidParameter", Message: "Invalid parameter: Empty message"}
	case len(body) > maxMessage:
		return nil, &wire.Error{Code: "InvalidParameter", Message: "Invalid parameter: Message too long"}
	case len(subject) > 100 || strings.ContainsAny(subject, "\n\r"):
		return nil, invalid("Subject")
	}
	s.mu.Lock()
	kept, ok := s.topics[arn]
	if !ok {
		s.mu.Unlock()
		return nil, &wire.Error{Status: http.StatusNotFound, Code: "NotFound", Message: "Topic does not exist"}
	}
	s.count++
	m := Message{ID: fmt.Sprintf("00000000-0000-5000-8000-%012x", s.count), Subject: subject, Body: body, Time: c.Time}
	s.topics[arn] = append(kept, m)
	watch := s.watch
	s.mu.Unlock()
	if watch != nil {
		watch(arn, m)
	}
	return struct {
		MessageID string `xml:"MessageId"`
	}{m.ID}, nil
}

func invalid(what string) error {
	return &wire.Error{Code: "InvalidParameter", Message: "Invalid parameter: " + what}
}

// Published returns what was published to a topic.
func (s *Service) Published(topicARN string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.topics[topicARN])
}
