package main

import (
	"encoding/json"
	"fmt"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"lakegate/lambda/plan"
)

// newRules makes the rules on their buses, each with its function as the only target, and lets nothing but them and the functions
// put anything into the dead-letter queue.
func newRules(stack awscdk.Stack, values placeholders, buses map[string]*string, functions map[string]awslambda.CfnFunction, deadLetters awssqs.CfnQueue, wants func(plan.Rule) bool) {
	var rules []string
	for _, r := range plan.Rules() {
		if !wants(r) {
			continue
		}
		var pattern map[string]any
		if err := json.Unmarshal([]byte(values.fill(r.Pattern)), &pattern); err != nil {
			panic(fmt.Sprintf("infra: reading the pattern of rule %s: %v", r.Name, err))
		}
		target := functions[r.Target]
		rule := awsevents.NewCfnRule(stack, jsii.String(r.Name+"Rule"), &awsevents.CfnRuleProps{
			Name:         jsii.String(plan.FunctionPrefix + r.Name),
			Description:  &r.Doc,
			State:        jsii.String("ENABLED"),
			EventPattern: pattern,
			EventBusName: buses[r.Bus],
			Targets: []any{&awsevents.CfnRule_TargetProperty{
				Id:  &r.Target,
				Arn: target.AttrArn(),
				RetryPolicy: &awsevents.CfnRule_RetryPolicyProperty{
					MaximumEventAgeInSeconds: jsii.Number(r.MaxAge.Seconds()),
					MaximumRetryAttempts:     jsii.Number(r.MaxAttempts),
				},
				DeadLetterConfig: &awsevents.CfnRule_DeadLetterConfigProperty{Arn: deadLetters.AttrArn()},
			}},
		})
		awslambda.NewCfnPermission(stack, jsii.String(r.Name+"Permission"), &awslambda.CfnPermissionProps{
			Action:       jsii.String("lambda:InvokeFunction"),
			FunctionName: target.AttrArn(),
			Principal:    jsii.String("events.amazonaws.com"),
			SourceArn:    rule.AttrArn(),
		})
		rules = append(rules, *rule.AttrArn())
	}
	awssqs.NewCfnQueuePolicy(stack, jsii.String("DeadLetterQueuePolicy"), &awssqs.CfnQueuePolicyProps{
		Queues: &[]*string{deadLetters.Ref()},
		PolicyDocument: policyDocument(
			map[string]any{
				"Effect":    "Allow",
				"Principal": map[string]string{"Service": "events.amazonaws.com"},
				"Action":    "sqs:SendMessage",
				"Resource":  *deadLetters.AttrArn(),
				"Condition": map[string]any{"ArnEquals": map[string]any{"aws:SourceArn": rules}},
			},
			refuseHTTP("sqs:*", *deadLetters.AttrArn()),
		),
	})
}

// newArchive keeps what was said on the bus, so that it can be replayed.
func newArchive(stack awscdk.Stack, bus awsevents.CfnEventBus) {
	awsevents.NewCfnArchive(stack, jsii.String("EventArchive"), &awsevents.CfnArchiveProps{
		ArchiveName:   jsii.String(plan.ArchiveName),
		Description:   jsii.String("What Lakegate has said about its workspaces."),
		SourceArn:     bus.AttrArn(),
		RetentionDays: jsii.Number(plan.ArchiveDays),
	})
}

// newDeadLetterQueue makes the queue that keeps events for as long as SQS can,
// 14 days.
func newDeadLetterQueue(stack awscdk.Stack) awssqs.CfnQueue {
	queue := awssqs.NewCfnQueue(stack, jsii.String("DeadLetterQueue"), &awssqs.CfnQueueProps{
		QueueName:              jsii.String(plan.DeadLetterQueueName),
		MessageRetentionPeriod: jsii.Number(14 * 24 * 60 * 60),
		SqsManagedSseEnabled:   true,
	})
	suppress(queue, "AwsSolutions-SQS3", "The queue is the dead-letter queue of the rules and functions.")
	return queue
}
