package sqs_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/sqs"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type stack struct {
	*awssqs.Client
	clock   *clock.Clock
	service *sqs.Service
	reach   func(region string) aws.Config
	url     string
}

var want = wiretest.Want

func newStack(t *testing.T) *stack {
	t.Helper()
	k := &stack{clock: clock.NewVirtual(start)}
	hub := wire.NewHub(k.clock)
	k.service = sqs.New(hub, "123456789012")
	k.reach = wiretest.Serve(t, hub, k.service.Wire())
	k.Client = k.client("eu-west-1")
	k.url = *k.reach("").BaseEndpoint
	return k
}

func (k *stack) client(region string) *awssqs.Client { return awssqs.NewFromConfig(k.reach(region)) }

// pass lets time pass.
func (k *stack) pass(t *testing.T, d time.Duration) {
	t.Helper()
	k.clock.After(d, func() {})
	if err := k.clock.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (k *stack) queue(t *testing.T, name string, attributes map[string]string) *string {
	t.Helper()
	out, err := k.CreateQueue(t.Context(), &awssqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
	want(t, err, "")
	return out.QueueUrl
}

func (k *stack) send(t *testing.T, queue *string, body string) {
	t.Helper()
	_, err := k.SendMessage(t.Context(), &awssqs.SendMessageInput{QueueUrl: queue, MessageBody: &body})
	want(t, err, "")
}

func (k *stack) receive(t *testing.T, in *awssqs.ReceiveMessageInput) []types.Message {
	t.Helper()
	out, err := k.ReceiveMessage(t.Context(), in)
	want(t, err, "")
	return out.Messages
}

func (k *stack) attributes(t *testing.T, queue *string, names ...types.QueueAttributeName) map[string]string {
	t.Helper()
	out, err := k.GetQueueAttributes(t.Context(), &awssqs.GetQueueAttributesInput{QueueUrl: queue, AttributeNames: names})
	want(t, err, "")
	return out.Attributes
}

func TestQueue(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	queue := k.queue(t, "dead-letters", map[string]string{"VisibilityTimeout": "60"})
	if want := k.url + "/123456789012/dead-letters"; *queue != want {
		t.Errorf("the URL is %s, want %s", *queue, want)
	}
	if again := k.queue(t, "dead-letters", map[string]string{"VisibilityTimeout": "60"}); *again != *queue {
		t.Errorf("a second CreateQueue gave %s", *again)
	}
	_, err := k.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String("dead-letters"), Attributes: map[string]string{"VisibilityTimeout": "61"}})
	want(t, err, "QueueAlreadyExists")
	if _, ok := errors.AsType[*types.QueueNameExists](err); !ok {
		t.Errorf("%T is not the modelled exception", err)
	}
	found, err := k.GetQueueUrl(ctx, &awssqs.GetQueueUrlInput{QueueName: aws.String("dead-letters")})
	want(t, err, "")
	if *found.QueueUrl != *queue {
		t.Errorf("GetQueueUrl gave %s", *found.QueueUrl)
	}
	k.pass(t, time.Minute)
	_, err = k.SetQueueAttributes(ctx, &awssqs.SetQueueAttributesInput{QueueUrl: queue, Attributes: map[string]string{"DelaySeconds": "5", "Policy": "{}"}})
	want(t, err, "")
	got := k.attributes(t, queue, types.QueueAttributeNameAll)
	if diff := cmp.Diff(map[string]string{
		"QueueArn": "arn:aws:sqs:eu-west-1:123456789012:dead-letters", "Policy": "{}", "SqsManagedSseEnabled": "true",
		"VisibilityTimeout": "60", "DelaySeconds": "5", "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
		"ReceiveMessageWaitTimeSeconds": "0", "CreatedTimestamp": fmt.Sprint(start.Unix()), "LastModifiedTimestamp": fmt.Sprint(start.Unix() + 60),
		"ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesNotVisible": "0", "ApproximateNumberOfMessagesDelayed": "0",
	}, got); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	if got := k.attributes(t, queue, "DelaySeconds", "RedrivePolicy"); len(got) != 1 || got["DelaySeconds"] != "5" {
		t.Errorf("two attributes, one of them not set, are %v", got)
	}
	_, err = k.DeleteQueue(ctx, &awssqs.DeleteQueueInput{QueueUrl: queue})
	want(t, err, "")
	_, err = k.GetQueueAttributes(ctx, &awssqs.GetQueueAttributesInput{QueueUrl: queue})
	want(t, err, "AWS.SimpleQueueService.NonExistentQueue")
}

func TestListQueues(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	for _, name := range []string{"b-2", "a-1", "b-1", "b-3"} {
		k.queue(t, name, nil)
	}
	other, err := k.client("us-east-1").ListQueues(t.Context(), &awssqs.ListQueuesInput{})
	want(t, err, "")
	if len(other.QueueUrls) != 0 {
		t.Errorf("the other region has %v", other.QueueUrls)
	}
	var got []string
	pages := awssqs.NewListQueuesPaginator(k, &awssqs.ListQueuesInput{QueueNamePrefix: aws.String("b-"), MaxResults: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		want(t, err, "")
		if len(page.QueueUrls) > 2 {
			t.Errorf("a page has %d queues", len(page.QueueUrls))
		}
		got = append(got, page.QueueUrls...)
	}
	prefix := k.url + "/123456789012/"
	if diff := cmp.Diff([]string{prefix + "b-1", prefix + "b-2", prefix + "b-3"}, got); diff != "" {
		t.Errorf("queues (-want +got):\n%s", diff)
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	queue := k.queue(t, "work", nil)
	sent, err := k.SendMessage(ctx, &awssqs.SendMessageInput{QueueUrl: queue, MessageBody: aws.String("This is a test message"),
		MessageAttributes: map[string]types.MessageAttributeValue{
			"RULE_ARN": {DataType: aws.String("String"), StringValue: aws.String("arn")},
			"raw":      {DataType: aws.String("Binary.gif"), BinaryValue: []byte{1, 2}},
		}})
	want(t, err, "")
	if got := aws.ToString(sent.MD5OfMessageBody); got != "fafb00f5732ab283681e124bf8747ed1" {
		t.Errorf("the digest of the body is %s", got)
	}
	if got := aws.ToString(sent.MD5OfMessageAttributes); got != attributesDigest {
		t.Errorf("the digest of the attributes is %s", got)
	}
	got := k.receive(t, &awssqs.ReceiveMessageInput{QueueUrl: queue, WaitTimeSeconds: 20,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}, MessageAttributeNames: []string{"RULE.*", "nothing"}})
	if len(got) != 1 {
		t.Fatalf("received %d messages", len(got))
	}
	m := got[0]
	if *m.MessageId != *sent.MessageId || *m.Body != "This is a test message" {
		t.Errorf("received %s %q", *m.MessageId, *m.Body)
	}
	if len(m.MessageAttributes) != 1 || *m.MessageAttributes["RULE_ARN"].StringValue != "arn" {
		t.Errorf("the attributes are %v", m.MessageAttributes)
	}
	if diff := cmp.Diff(map[string]string{"SenderId": "tester", "SentTimestamp": fmt.Sprint(start.UnixMilli()),
		"ApproximateReceiveCount": "1", "ApproximateFirstReceiveTimestamp": fmt.Sprint(start.UnixMilli())}, m.Attributes); diff != "" {
		t.Errorf("system attributes (-want +got):\n%s", diff)
	}
	_, err = k.DeleteMessage(ctx, &awssqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: m.ReceiptHandle})
	want(t, err, "")
	k.pass(t, time.Hour)
	if got := k.receive(t, &awssqs.ReceiveMessageInput{QueueUrl: queue}); len(got) != 0 {
		t.Errorf("received %d messages after the deletion", len(got))
	}
}

// attributesDigest was computed with another implementation:
//
//	s = lambda b: struct.pack(">I", len(b)) + b
//	md5(s(b"RULE_ARN")+s(b"String")+b"\x01"+s(b"arn")+s(b"raw")+s(b"Binary.gif")+b"\x02"+s(b"\x01\x02"))
const attributesDigest = "88e1a1d6d785444cbd2546f503d11677"

func TestVisibility(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	queue := k.queue(t, "work", nil)
	k.send(t, queue, "a")
	k.send(t, queue, "b")
	first := k.receive(t, &awssqs.ReceiveMessageInput{QueueUrl: queue, MaxNumberOfMessages: 10})
	if len(first) != 2 || *first[0].Body != "a" || *first[1].Body != "b" {
		t.Fatalf("received %v", first)
	}
	k.pass(t, 29*time.Second)
	if got := k.receive(t, &awssqs.ReceiveMessageInput{QueueUrl: queue}); len(got) != 0 {
		t.Errorf("received %d messages that are in flight", len(got))
	}
	if got := k.attributes(t, queue, "ApproximateNumberOfMessagesNotVisible"); got["ApproximateNumberOfMessagesNotVisible"] != "2" {
		t.Errorf("in flight are %v", got)
	}
	k.pass(t, time.Second)
	second := k.receive(t, &awssqs.ReceiveMessageInput{QueueUrl: queue, VisibilityTimeout: 5})
	if len(second) != 1 || *second[0].Body != "a" || *second[0].ReceiptHandle == *first[0].ReceiptHandle {
		t.Fatalf("received %v", second)
	}
	// The first handle is out of date: accepted, but nothing is deleted.
	_, err := k.DeleteMessage(t.Context(), &awssqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: first[0].ReceiptHandle})
	want(t, err, "")
	k.pass(t, 5*time.Second)
	if got := k.receive(t, &awssqs.ReceiveMessageInput{QueueUrl: queue, MaxNumberOfMessages: 10}); len(got) != 2 {
		t.Errorf("received %d messages after the timeout", len(got))
	}
}

func TestDelayRetentionPurge(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	queue := k.queue(t, "slow", map[string]string{"DelaySeconds": "10", "MessageRetentionPeriod": "60"})
	k.send(t, queue, "late")
	_, err := k.SendMessage(t.Context(), &awssqs.SendMessageInput{QueueUrl: queue, MessageBody: aws.String("later"), DelaySeconds: 20})
	want(t, err, "")
	if got := k.receive(t, &awssqs.ReceiveMessageInput{QueueUrl: queue}); len(got) != 0 {
		t.Errorf("received %d messages that are delayed", len(got))
	}
	k.pass(t, 10*time.Second)
	if got := k.attributes(t, queue, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed"); got["ApproximateNumberOfMessages"] != "1" || got["ApproximateNumberOfMessagesDelayed"] != "1" {
		t.Errorf("the counts are %v", got)
	}
	k.pass(t, 50*time.Second)
	if got := k.service.Messages(k.service.ARN("eu-west-1", "slow")); len(got) != 0 {
		t.Errorf("%d messages outlived the retention period", len(got))
	}
	k.send(t, queue, "purged")
	_, err = k.PurgeQueue(t.Context(), &awssqs.PurgeQueueInput{QueueUrl: queue})
	want(t, err, "")
	if got := k.service.Messages(k.service.ARN("eu-west-1", "slow")); len(got) != 0 {
		t.Errorf("%d messages outlived the purge", len(got))
	}
	_, err = k.PurgeQueue(t.Context(), &awssqs.PurgeQueueInput{QueueUrl: queue})
	want(t, err, "AWS.SimpleQueueService.PurgeQueueInProgress")
}

func TestRedrive(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	dead := k.queue(t, "dead", nil)
	queue := k.queue(t, "work", map[string]string{
		"RedrivePolicy": fmt.Sprintf(`{"deadLetterTargetArn":%q,"maxReceiveCount":"2"}`, k.service.ARN("eu-west-1", "dead")),
	})
	k.send(t, queue, "poison")
	for range 2 {
		if got := k.receive(t, &awssqs.ReceiveMessageInput{QueueUrl: queue, VisibilityTimeout: 1}); len(got) != 1 {
			t.Fatalf("received %d messages", len(got))
		}
		k.pass(t, time.Second)
	}
	if got := k.receive(t, &awssqs.ReceiveMessageInput{QueueUrl: queue}); len(got) != 0 {
		t.Errorf("received %d messages a third time", len(got))
	}
	got := k.receive(t, &awssqs.ReceiveMessageInput{QueueUrl: dead, MessageSystemAttributeNames: []types.MessageSystemAttributeName{"All"}})
	if len(got) != 1 || *got[0].Body != "poison" || got[0].Attributes["DeadLetterQueueSourceArn"] != k.service.ARN("eu-west-1", "work") {
		t.Errorf("the dead-letter queue gave %v", got)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	queue := k.queue(t, "work", map[string]string{"MaximumMessageSize": "1024"})
	create := func(name string, attributes map[string]string) error {
		_, err := k.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: &name, Attributes: attributes})
		return err
	}
	send := func(in awssqs.SendMessageInput) error {
		in.QueueUrl = queue
		_, err := k.SendMessage(ctx, &in)
		return err
	}
	receive := func(in awssqs.ReceiveMessageInput) error {
		in.QueueUrl = queue
		_, err := k.ReceiveMessage(ctx, &in)
		return err
	}
	tests := []struct {
		name, want string
		err        error
	}{
		{"name with a space", "InvalidParameterValue", create("a b", nil)},
		{"long name", "InvalidParameterValue", create(strings.Repeat("a", 81), nil)},
		{"FIFO queue", "NotImplemented", create("a.fifo", nil)},
		{"FIFO attribute", "NotImplemented", create("a", map[string]string{"FifoQueue": "true"})},
		{"unknown attribute", "InvalidAttributeName", create("a", map[string]string{"Colour": "red"})},
		{"timeout out of range", "InvalidAttributeValue", create("a", map[string]string{"VisibilityTimeout": "43201"})},
		{"redrive policy without count", "InvalidParameterValue", create("a", map[string]string{"RedrivePolicy": `{"deadLetterTargetArn":"x"}`})},
		{"redrive policy that is no JSON", "InvalidParameterValue", create("a", map[string]string{"RedrivePolicy": `x`})},
		{"empty body", "MissingParameter", send(awssqs.SendMessageInput{MessageBody: aws.String("")})},
		{"control character", "InvalidMessageContents", send(awssqs.SendMessageInput{MessageBody: aws.String("\x01")})},
		{"long body", "InvalidParameterValue", send(awssqs.SendMessageInput{MessageBody: aws.String(strings.Repeat("a", 1025))})},
		{"delay out of range", "InvalidParameterValue", send(awssqs.SendMessageInput{MessageBody: aws.String("a"), DelaySeconds: 901})},
		{"message group", "NotImplemented", send(awssqs.SendMessageInput{MessageBody: aws.String("a"), MessageGroupId: aws.String("g")})},
		{"attribute of no type", "InvalidParameterValue", send(awssqs.SendMessageInput{MessageBody: aws.String("a"),
			MessageAttributes: map[string]types.MessageAttributeValue{"a": {DataType: aws.String("Text"), StringValue: aws.String("x")}}})},
		{"attribute without value", "InvalidParameterValue", send(awssqs.SendMessageInput{MessageBody: aws.String("a"),
			MessageAttributes: map[string]types.MessageAttributeValue{"a": {DataType: aws.String("String")}}})},
		{"eleven messages", "InvalidParameterValue", receive(awssqs.ReceiveMessageInput{MaxNumberOfMessages: 11})},
		{"long wait", "InvalidParameterValue", receive(awssqs.ReceiveMessageInput{WaitTimeSeconds: 21})},
		{"no such queue", "AWS.SimpleQueueService.NonExistentQueue", func() error {
			_, err := k.SendMessage(ctx, &awssqs.SendMessageInput{QueueUrl: aws.String(k.url + "/123456789012/other"), MessageBody: aws.String("a")})
			return err
		}()},
		{"other account", "AWS.SimpleQueueService.NonExistentQueue", func() error {
			_, err := k.SendMessage(ctx, &awssqs.SendMessageInput{QueueUrl: aws.String(k.url + "/210987654321/work"), MessageBody: aws.String("a")})
			return err
		}()},
		{"bad receipt handle", "ReceiptHandleIsInvalid", func() error {
			_, err := k.DeleteMessage(ctx, &awssqs.DeleteMessageInput{QueueUrl: queue, ReceiptHandle: aws.String("x")})
			return err
		}()},
		{"batch", "NotImplemented", func() error {
			_, err := k.DeleteMessageBatch(ctx, &awssqs.DeleteMessageBatchInput{QueueUrl: queue, Entries: []types.DeleteMessageBatchRequestEntry{{Id: aws.String("a"), ReceiptHandle: aws.String("x")}}})
			return err
		}()},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			want(t, tt.err, tt.want)
		})
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	queue := k.queue(t, "work", nil)
	arn := k.service.ARN("eu-west-1", "work")
	if err := k.service.Send(arn, "event", map[string]string{"ERROR_CODE": "NO_RESOURCE"}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]sqs.Message{{ID: "00000000-0000-4000-9000-000000000001", Body: "event",
		Attributes: map[string]string{"ERROR_CODE": "NO_RESOURCE"}, Sent: start}}, k.service.Messages(arn)); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	got := k.receive(t, &awssqs.ReceiveMessageInput{QueueUrl: queue, MessageAttributeNames: []string{"All"}})
	if len(got) != 1 || *got[0].MessageAttributes["ERROR_CODE"].StringValue != "NO_RESOURCE" {
		t.Errorf("received %v", got)
	}
	if err := k.service.Send(k.service.ARN("eu-west-1", "other"), "event", nil); !errors.Is(err, sqs.ErrNoQueue) {
		t.Errorf("got %v, want %v", err, sqs.ErrNoQueue)
	}
}
