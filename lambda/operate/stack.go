package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// stack is a deployed stack.
type stack struct {
	region     string
	functions  *lambda.Client
	objects    *s3.Client
	executions *sfn.Client
	queues     *sqs.Client
	lines      *cloudwatchlogs.Client
	alarms     *cloudwatch.Client
	now        func() time.Time
}

func newStack(cfg aws.Config, now func() time.Time) *stack {
	return &stack{
		region:    cfg.Region,
		functions: lambda.NewFromConfig(cfg),
		objects: s3.NewFromConfig(cfg, func(o *s3.Options) {
			// Emulators are addressed by path.
			o.UsePathStyle = cfg.BaseEndpoint != nil
		}),
		executions: sfn.NewFromConfig(cfg),
		queues:     sqs.NewFromConfig(cfg),
		lines:      cloudwatchlogs.NewFromConfig(cfg),
		alarms:     cloudwatch.NewFromConfig(cfg),
		now:        now,
	}
}

// asksFirst is the function that is asked where the state is: it is in every
// stack, and its role may read the bucket.
const asksFirst = plan.FunctionPrefix + "LoadSpec"

// statuses are those in the state bucket. Its name is an operator's choice, and
// the functions are told it.
func (s *stack) statuses(ctx context.Context) (*report.Statuses, error) {
	out, err := s.functions.GetFunctionConfiguration(ctx, &lambda.GetFunctionConfigurationInput{FunctionName: aws.String(asksFirst)})
	if err != nil {
		return nil, fmt.Errorf("asking function %s in region %q for the state bucket (is the stack deployed there?): %w", asksFirst, s.region, err)
	}
	bucket := ""
	if out.Environment != nil {
		bucket = out.Environment.Variables[plan.EnvStateBucket]
	}
	if bucket == "" {
		return nil, fmt.Errorf("asking function %s in region %q for the state bucket: its variable %s is empty", asksFirst, s.region, plan.EnvStateBucket)
	}
	return &report.Statuses{Objects: func() awsapi.Objects { return s.objects }, Bucket: bucket}, nil
}

// deadLetters is about how many events could not be handled.
func (s *stack) deadLetters(ctx context.Context) (string, error) {
	queue, err := s.queues.GetQueueUrl(ctx, &sqs.GetQueueUrlInput{QueueName: aws.String(plan.DeadLetterQueueName)})
	if err != nil {
		return "", fmt.Errorf("looking for queue %s: %w", plan.DeadLetterQueueName, err)
	}
	const number = "ApproximateNumberOfMessages"
	out, err := s.queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{QueueUrl: queue.QueueUrl, AttributeNames: []types.QueueAttributeName{number}})
	if err != nil {
		return "", fmt.Errorf("counting the messages of queue %s: %w", plan.DeadLetterQueueName, err)
	}
	return out.Attributes[number], nil
}

// ringing are the alarms that have gone off. Who may not read them sees the rest
// all the same.
func (s *stack) ringing(ctx context.Context) string {
	var names []string
	pages := cloudwatch.NewDescribeAlarmsPaginator(s.alarms, &cloudwatch.DescribeAlarmsInput{
		AlarmNamePrefix: aws.String(plan.FunctionPrefix), StateValue: cwtypes.StateValueAlarm,
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return strings.TrimRight("cannot be read: "+failure.Code(err), ": ")
		}
		for _, a := range page.MetricAlarms {
			names = append(names, aws.ToString(a.AlarmName))
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}
