package sqs

import (
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// message is one message of a queue.
type message struct {
	id, body, sender string
	attributes       map[string]attribute
	sent             time.Time
	// hidden is until when it is delayed or in flight.
	hidden        time.Time
	received      int
	firstReceived time.Time
	// source is the ARN of the queue that gave it up to this dead-letter queue.
	source string
}

// attribute is a message attribute.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_MessageAttributeValue.html
type attribute struct {
	DataType    string
	StringValue *string `json:",omitempty"`
	BinaryValue []byte  `json:",omitempty"`
}

// size in bytes, as it counts toward the limit of a message.
func size(body string, attributes map[string]attribute) int {
	n := len(body)
	for name, a := range attributes {
		n += len(name) + len(a.DataType) + len(a.value())
	}
	return n
}

func (a attribute) value() []byte {
	if a.StringValue != nil {
		return []byte(*a.StringValue)
	}
	return a.BinaryValue
}

func (a attribute) check(name string) error {
	kind, _, _ := strings.Cut(a.DataType, ".")
	if !slices.Contains([]string{"String", "Number", "Binary"}, kind) {
		return refusal("InvalidParameterValue", "InvalidParameterValue",
			fmt.Sprintf("The message attribute '%s' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String.", name))
	}
	if (kind == "Binary") != (a.StringValue == nil) || len(a.value()) == 0 {
		return refusal("InvalidParameterValue", "InvalidParameterValue",
			fmt.Sprintf("Message attribute '%s' must contain a non-empty message attribute value for message attribute type '%s'.", name, a.DataType))
	}
	return nil
}

// digest is the MD5 digest of message attributes; empty if there are none.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html#sqs-attributes-md5-message-digest-calculation
func digest(attributes map[string]attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	h := md5.New()
	write := func(b []byte) {
		_ = binary.Write(h, binary.BigEndian, uint32(len(b)))
		h.Write(b)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		a := attributes[name]
		write([]byte(name))
		write([]byte(a.DataType))
		transport := byte(1)
		if a.StringValue == nil {
			transport = 2
		}
		h.Write([]byte{transport})
		write(a.value())
	}
	return hex.EncodeToString(h.Sum(nil))
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// allowed says whether a character may be in a message.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
func allowed(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || (r >= 0x20 && r <= 0xD7FF) || (r >= 0xE000 && r <= 0xFFFD) || r >= 0x10000
}

// send puts a message into a queue that it fits.
func (s *Service) send(q *queue, sender, body string, attributes map[string]attribute, delay time.Duration) (*message, error) {
	if body == "" {
		return nil, refusal("MissingParameter", "MissingParameter", "The request must contain the parameter MessageBody.")
	}
	if strings.ContainsFunc(body, func(r rune) bool { return !allowed(r) }) {
		return nil, refusal("InvalidMessageContents", "InvalidMessageContents", "Invalid characters were found in the message body.")
	}
	if len(attributes) > 10 {
		return nil, refusal("InvalidParameterValue", "InvalidParameterValue",
			fmt.Sprintf("Number of message attributes [%d] exceeds the allowed maximum [10].", len(attributes)))
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		if err := attributes[name].check(name); err != nil {
			return nil, err
		}
	}
	if most := q.number("MaximumMessageSize"); size(body, attributes) > most {
		return nil, refusal("InvalidParameterValue", "InvalidParameterValue",
			fmt.Sprintf("One or more parameters are invalid. Reason: Message must be shorter than %d bytes.", most))
	}
	now := s.hub.Clock.Now()
	s.sent++
	m := &message{
		id: fmt.Sprintf("00000000-0000-4000-9000-%012x", s.sent), body: body, sender: sender,
		attributes: attributes, sent: now, hidden: now.Add(delay),
	}
	q.messages = append(q.messages, m)
	return m, nil
}

type sendMessageInput struct {
	QueueURL                string `json:"QueueUrl"`
	MessageBody             string
	DelaySeconds            *int
	MessageAttributes       map[string]attribute
	MessageSystemAttributes map[string]attribute
	MessageDeduplicationID  string `json:"MessageDeduplicationId"`
	MessageGroupID          string `json:"MessageGroupId"`
}

type sendMessageOutput struct {
	MessageID              string `json:"MessageId"`
	MD5OfMessageBody       string
	MD5OfMessageAttributes string `json:",omitempty"`
}

func (s *Service) sendMessage(c *wire.Call, in sendMessageInput) (any, error) {
	q, err := s.find(c, in.QueueURL)
	switch {
	case err != nil:
		return nil, err
	case len(in.MessageSystemAttributes) > 0:
		return nil, notEmulated("MessageSystemAttributes")
	case in.MessageDeduplicationID != "":
		return nil, notEmulated("MessageDeduplicationId")
	case in.MessageGroupID != "":
		return nil, notEmulated("MessageGroupId")
	}
	delay := q.seconds("DelaySeconds")
	if in.DelaySeconds != nil {
		if *in.DelaySeconds < 0 || *in.DelaySeconds > 900 {
			return nil, invalid("DelaySeconds", strconv.Itoa(*in.DelaySeconds), "DelaySeconds must be >= 0 and <= 900.")
		}
		delay = time.Duration(*in.DelaySeconds) * time.Second
	}
	m, err := s.send(q, c.Caller, in.MessageBody, in.MessageAttributes, delay)
	if err != nil {
		return nil, err
	}
	return sendMessageOutput{m.id, md5Hex(m.body), digest(m.attributes)}, nil
}

type receiveMessageInput struct {
	QueueURL                    string `json:"QueueUrl"`
	AttributeNames              []string
	MessageSystemAttributeNames []string
	MessageAttributeNames       []string
	MaxNumberOfMessages         *int
	VisibilityTimeout           *int
	WaitTimeSeconds             *int
	ReceiveRequestAttemptID     string `json:"ReceiveRequestAttemptId"`
}

type receivedMessage struct {
	MessageID              string `json:"MessageId"`
	ReceiptHandle          string
	Body                   string
	MD5OfBody              string
	Attributes             map[string]string    `json:",omitempty"`
	MessageAttributes      map[string]attribute `json:",omitempty"`
	MD5OfMessageAttributes string               `json:",omitempty"`
}

type receiveMessageOutput struct {
	Messages []receivedMessage `json:",omitempty"`
}

// within returns a value that may be absent, or a refusal if it is out of range.
func within(name string, value *int, least, greatest, usual int) (int, error) {
	if value == nil {
		return usual, nil
	}
	if *value < least || *value > greatest {
		return 0, invalid(name, strconv.Itoa(*value), fmt.Sprintf("Must be between %d and %d, if provided.", least, greatest))
	}
	return *value, nil
}

func (s *Service) receiveMessage(c *wire.Call, in receiveMessageInput) (any, error) {
	q, err := s.find(c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	most, err := within("MaxNumberOfMessages", in.MaxNumberOfMessages, 1, 10, 1)
	if err != nil {
		return nil, err
	}
	timeout, err := within("VisibilityTimeout", in.VisibilityTimeout, 0, 43200, q.number("VisibilityTimeout"))
	if err != nil {
		return nil, err
	}
	if _, err := within("WaitTimeSeconds", in.WaitTimeSeconds, 0, 20, 0); err != nil {
		return nil, err
	}
	s.redrive(q, c.Time)
	var out receiveMessageOutput
	for _, m := range q.messages {
		if len(out.Messages) == most {
			break
		}
		if m.hidden.After(c.Time) {
			continue
		}
		m.received++
		if m.firstReceived.IsZero() {
			m.firstReceived = c.Time
		}
		m.hidden = c.Time.Add(time.Duration(timeout) * time.Second)
		out.Messages = append(out.Messages, m.reply(in))
	}
	return out, nil
}

// redrive moves the messages that were received too often to the dead-letter
// queue. As in the service, that happens when they would be received again.
func (s *Service) redrive(q *queue, now time.Time) {
	var policy redrive
	if err := json.Unmarshal([]byte(cmp.Or(q.attribute("RedrivePolicy"), "{}")), &policy); err != nil {
		return
	}
	arn, most, err := policy.limits()
	target, ok := s.queues[arn]
	if err != nil || !ok {
		return
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool {
		if m.hidden.After(now) || m.received < most {
			return false
		}
		moved := *m
		moved.source, moved.received, moved.firstReceived = q.arn, 0, time.Time{}
		target.messages = append(target.messages, &moved)
		return true
	})
}

func (m *message) reply(in receiveMessageInput) receivedMessage {
	all := map[string]string{
		"SenderId":                         m.sender,
		"SentTimestamp":                    strconv.FormatInt(m.sent.UnixMilli(), 10),
		"ApproximateReceiveCount":          strconv.Itoa(m.received),
		"ApproximateFirstReceiveTimestamp": strconv.FormatInt(m.firstReceived.UnixMilli(), 10),
	}
	if m.source != "" {
		all["DeadLetterQueueSourceArn"] = m.source
	}
	names := slices.Concat(in.AttributeNames, in.MessageSystemAttributeNames)
	if !slices.Contains(names, "All") {
		maps.DeleteFunc(all, func(name, _ string) bool { return !slices.Contains(names, name) })
	}
	attributes := maps.Clone(m.attributes)
	maps.DeleteFunc(attributes, func(name string, _ attribute) bool {
		return !slices.ContainsFunc(in.MessageAttributeNames, func(pattern string) bool {
			prefix, open := strings.CutSuffix(pattern, ".*")
			return pattern == "All" || pattern == name || (open && strings.HasPrefix(name, prefix))
		})
	})
	return receivedMessage{
		MessageID: m.id, ReceiptHandle: m.handle(), Body: m.body, MD5OfBody: md5Hex(m.body),
		Attributes: all, MessageAttributes: attributes, MD5OfMessageAttributes: digest(attributes),
	}
}

// handle is the receipt handle of the last reception.
func (m *message) handle() string {
	return base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "%s %d", m.id, m.received))
}

type deleteMessageInput struct {
	QueueURL      string `json:"QueueUrl"`
	ReceiptHandle string
}

// deleteMessage deletes the message of a handle. A handle that is not of the
// last reception is accepted and deletes nothing.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
func (s *Service) deleteMessage(c *wire.Call, in deleteMessageInput) (any, error) {
	q, err := s.find(c, in.QueueURL)
	if err != nil {
		return nil, err
	}
	text, err := base64.StdEncoding.DecodeString(in.ReceiptHandle)
	if err != nil || !strings.Contains(string(text), " ") {
		return nil, refusal("ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid",
			fmt.Sprintf("The input receipt handle %q is not a valid receipt handle.", in.ReceiptHandle))
	}
	q.messages = slices.DeleteFunc(q.messages, func(m *message) bool { return m.received > 0 && m.handle() == in.ReceiptHandle })
	return nil, nil
}
