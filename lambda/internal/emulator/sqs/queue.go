package sqs

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// queue is one standard queue.
type queue struct {
	arn, name string
	// attributes that a client can set.
	attributes        map[string]string
	created, modified time.Time
	purged            time.Time
	messages          []*message
}

// numbers are the numeric attributes with their least, greatest and default
// values.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
var numbers = map[string]struct{ least, greatest, usual int }{
	"DelaySeconds":                  {0, 900, 0},
	"MaximumMessageSize":            {1024, 1 << 20, 1 << 20},
	"MessageRetentionPeriod":        {60, 1209600, 345600},
	"ReceiveMessageWaitTimeSeconds": {0, 20, 0},
	"VisibilityTimeout":             {0, 43200, 30},
	"KmsDataKeyReusePeriodSeconds":  {60, 86400, 300},
}

// texts are the other attributes that can be set.
var texts = []string{"Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "SqsManagedSseEnabled"}

// fifo are attributes of queues that are not emulated.
var fifo = []string{"FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"}

// redrive is a queue's RedrivePolicy.
type redrive struct {
	DeadLetterTargetARN string          `json:"deadLetterTargetArn"`
	MaxReceiveCount     json.RawMessage `json:"maxReceiveCount"`
}

// limits returns where messages go that were received too often, and how often
// that is. The target is empty if there is none.
func (r redrive) limits() (target string, count int, err error) {
	count, err = strconv.Atoi(strings.Trim(string(r.MaxReceiveCount), `"`))
	return r.DeadLetterTargetARN, count, err
}

func checkAttributes(attributes map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		value := attributes[name]
		number, isNumber := numbers[name]
		switch {
		case slices.Contains(fifo, name):
			return notEmulated("the attribute " + name + " of FIFO queues")
		case isNumber:
			n, err := strconv.Atoi(value)
			if err != nil || n < number.least || n > number.greatest {
				return refusal("InvalidAttributeValue", "InvalidAttributeValue", "Invalid value for the parameter "+name+".")
			}
		case name == "RedrivePolicy" && value != "":
			var r redrive
			if err := json.Unmarshal([]byte(value), &r); err != nil {
				return invalid("RedrivePolicy", value, "Redrive policy is not a valid JSON map.")
			}
			if _, count, err := r.limits(); err != nil || count < 1 || count > 1000 {
				return invalid("RedrivePolicy", value, "Invalid value for maxReceiveCount.")
			}
		case !slices.Contains(texts, name):
			return refusal("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute "+name+".")
		}
	}
	return nil
}

func (q *queue) set(attributes map[string]string) {
	for name, value := range attributes {
		// An empty policy takes the policy away.
		if value == "" {
			delete(q.attributes, name)
			continue
		}
		q.attributes[name] = value
	}
}

func (q *queue) attribute(name string) string {
	if value, ok := q.attributes[name]; ok {
		return value
	}
	if number, ok := numbers[name]; ok {
		return strconv.Itoa(number.usual)
	}
	if name == "SqsManagedSseEnabled" {
		return strconv.FormatBool(q.attributes["KmsMasterKeyId"] == "")
	}
	return ""
}

func (q *queue) number(name string) int {
	n, err := strconv.Atoi(q.attribute(name))
	if err != nil {
		panic(fmt.Sprintf("sqs: the attribute %s of %s was not checked: %v", name, q.arn, err))
	}
	return n
}

func (q *queue) seconds(name string) time.Duration {
	return time.Duration(q.number(name)) * time.Second
}

// expire removes the messages whose retention period is over.
func (q *queue) expire(now time.Time) {
	retention := q.seconds("MessageRetentionPeriod")
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return now.Sub(m.sent) >= retention })
}

// count returns how many messages can be received, are in flight, are delayed.
func (q *queue) count(now time.Time) (visible, inFlight, delayed int) {
	for _, m := range q.messages {
		switch {
		case !m.hidden.After(now):
			visible++
		case m.received > 0:
			inFlight++
		default:
			delayed++
		}
	}
	return visible, inFlight, delayed
}

var queueName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)

type createQueueInput struct {
	QueueName  string
	Attributes map[string]string
	Tags       map[string]string `json:"tags"`
}

type queueURLOutput struct {
	QueueURL string `json:"QueueUrl"`
}

// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
func (s *Service) createQueue(c *wire.Call, in createQueueInput) (any, error) {
	if strings.HasSuffix(in.QueueName, ".fifo") {
		return nil, notEmulated("a FIFO queue")
	}
	if !queueName.MatchString(in.QueueName) {
		return nil, refusal("InvalidParameterValue", "InvalidParameterValue",
			"Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
	}
	if err := checkAttributes(in.Attributes); err != nil {
		return nil, err
	}
	arn := s.ARN(c.Region, in.QueueName)
	if q, ok := s.queues[arn]; ok {
		for _, name := range slices.Sorted(maps.Keys(in.Attributes)) {
			if q.attribute(name) != in.Attributes[name] {
				return nil, refusal("QueueNameExists", "QueueAlreadyExists",
					"A queue already exists with the same name and a different value for attribute "+name)
			}
		}
		return queueURLOutput{s.url(c, q.name)}, nil
	}
	q := &queue{arn: arn, name: in.QueueName, attributes: map[string]string{}, created: c.Time, modified: c.Time}
	q.set(in.Attributes)
	s.queues[arn] = q
	return queueURLOutput{s.url(c, q.name)}, nil
}

type getQueueURLInput struct {
	QueueName              string
	QueueOwnerAWSAccountID string `json:"QueueOwnerAWSAccountId"`
}

func (s *Service) getQueueURL(c *wire.Call, in getQueueURLInput) (any, error) {
	q, ok := s.queues[s.ARN(c.Region, in.QueueName)]
	if !ok || (in.QueueOwnerAWSAccountID != "" && in.QueueOwnerAWSAccountID != s.account) {
		return nil, noSuchQueue()
	}
	return queueURLOutput{s.url(c, q.name)}, nil
}

type getQueueAttributesInput struct {
	QueueURL       string `json:"QueueUrl"`
	AttributeNames []string
}

func (s *Service) getQueueAttributes(c *wire.Call, in getQueueAttributesInput) (any, error) {
	q, err := s.find(c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	visible, inFlight, delayed := q.count(c.Time)
	all := map[string]string{
		"QueueArn":                              q.arn,
		"CreatedTimestamp":                      strconv.FormatInt(q.created.Unix(), 10),
		"LastModifiedTimestamp":                 strconv.FormatInt(q.modified.Unix(), 10),
		"ApproximateNumberOfMessages":           strconv.Itoa(visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(inFlight),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(delayed),
	}
	for name := range numbers {
		all[name] = q.attribute(name)
	}
	for _, name := range texts {
		all[name] = q.attribute(name)
	}
	if all["KmsMasterKeyId"] == "" {
		delete(all, "KmsDataKeyReusePeriodSeconds")
	}
	wanted := map[string]string{}
	for _, name := range in.AttributeNames {
		if name == "All" {
			maps.Copy(wanted, all)
			continue
		}
		_, isNumber := numbers[name]
		value, known := all[name]
		if !known && !isNumber && !slices.Contains(fifo, name) {
			return nil, refusal("InvalidAttributeName", "InvalidAttributeName", "Unknown Attribute "+name+".")
		}
		wanted[name] = value
	}
	maps.DeleteFunc(wanted, func(_, value string) bool { return value == "" })
	return struct {
		Attributes map[string]string `json:",omitempty"`
	}{wanted}, nil
}

type setQueueAttributesInput struct {
	QueueURL   string `json:"QueueUrl"`
	Attributes map[string]string
}

func (s *Service) setQueueAttributes(c *wire.Call, in setQueueAttributesInput) (any, error) {
	q, err := s.find(c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	if err := checkAttributes(in.Attributes); err != nil {
		return nil, err
	}
	q.set(in.Attributes)
	q.modified = c.Time
	return nil, nil
}

type listQueuesInput struct {
	QueueNamePrefix string
	NextToken       string
	MaxResults      int
}

type listQueuesOutput struct {
	QueueUrls []string `json:",omitempty"`
	NextToken string   `json:",omitempty"`
}

func (s *Service) listQueues(c *wire.Call, in listQueuesInput) (any, error) {
	if in.MaxResults < 0 || in.MaxResults > 1000 {
		return nil, invalid("MaxResults", strconv.Itoa(in.MaxResults), "MaxResults must be an integer between 1 and 1000.")
	}
	prefix := s.ARN(c.Region, in.QueueNamePrefix)
	var out listQueuesOutput
	last := ""
	for _, arn := range slices.Sorted(maps.Keys(s.queues)) {
		if !strings.HasPrefix(arn, prefix) || arn <= in.NextToken {
			continue
		}
		// Without MaxResults there are at most 1000 and no token.
		if len(out.QueueUrls) == cmp.Or(in.MaxResults, 1000) {
			if in.MaxResults > 0 {
				out.NextToken = last
			}
			break
		}
		last = arn
		out.QueueUrls = append(out.QueueUrls, s.url(c, s.queues[arn].name))
	}
	return out, nil
}

type queueInput struct {
	QueueURL string `json:"QueueUrl"`
}

func (s *Service) deleteQueue(c *wire.Call, in queueInput) (any, error) {
	q, err := s.find(c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	delete(s.queues, q.arn)
	return nil, nil
}

// A queue can be purged once a minute.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html
func (s *Service) purgeQueue(c *wire.Call, in queueInput) (any, error) {
	q, err := s.find(c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	if !q.purged.IsZero() && c.Time.Sub(q.purged) < time.Minute {
		return nil, refusal("PurgeQueueInProgress", "AWS.SimpleQueueService.PurgeQueueInProgress",
			fmt.Sprintf("Only one PurgeQueue operation on %s is allowed every 60 seconds.", q.name))
	}
	q.purged, q.messages = c.Time, nil
	return nil, nil
}
