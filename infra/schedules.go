package main

import (
	"cmp"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsscheduler"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"lakegate/lambda/plan"
)

// newSchedules makes the schedules, each with a role of its own that may invoke
// its function and nothing else. The expression is the operator's, if there is
// one.
func newSchedules(stack awscdk.Stack, functions map[string]awslambda.CfnFunction, deadLetters awssqs.CfnQueue, expression string) {
	for _, s := range plan.Schedules() {
		target := functions[s.Target]
		// Of a single schedule the service does not say that it is the source.
		// https://docs.aws.amazon.com/scheduler/latest/UserGuide/cross-service-confused-deputy-prevention.html
		group := stack.FormatArn(&awscdk.ArnComponents{
			Service: jsii.String("scheduler"), Resource: jsii.String("schedule-group"), ResourceName: jsii.String("default"),
		})
		role := placeholders{}.role(stack, s.Name+"ScheduleRole", "Invokes "+s.Target+" on a schedule.",
			assumedBy("scheduler.amazonaws.com", map[string]any{
				"StringEquals": map[string]string{"aws:SourceAccount": *stack.Account(), "aws:SourceArn": *group},
			}),
			[]plan.Permission{
				{Why: "invoke the function", Actions: []string{"lambda:InvokeFunction"}, Resources: []string{*target.AttrArn()}},
				{Why: "keep what could not be invoked", Actions: []string{"sqs:SendMessage"}, Resources: []string{*deadLetters.AttrArn()}},
			})
		awsscheduler.NewCfnSchedule(stack, jsii.String(s.Name+"Schedule"), &awsscheduler.CfnScheduleProps{
			Name:                       jsii.String(plan.FunctionPrefix + s.Name),
			Description:                &s.Doc,
			State:                      jsii.String("ENABLED"),
			ScheduleExpression:         jsii.String(cmp.Or(expression, s.Expression)),
			ScheduleExpressionTimezone: jsii.String("UTC"),
			FlexibleTimeWindow: &awsscheduler.CfnSchedule_FlexibleTimeWindowProperty{
				Mode: jsii.String("FLEXIBLE"), MaximumWindowInMinutes: jsii.Number(s.Window.Minutes()),
			},
			Target: &awsscheduler.CfnSchedule_TargetProperty{
				Arn:     target.AttrArn(),
				RoleArn: role.AttrArn(),
				Input:   &s.Input,
				RetryPolicy: &awsscheduler.CfnSchedule_RetryPolicyProperty{
					MaximumEventAgeInSeconds: jsii.Number(s.MaxAge.Seconds()),
					MaximumRetryAttempts:     jsii.Number(s.MaxAttempts),
				},
				DeadLetterConfig: &awsscheduler.CfnSchedule_DeadLetterConfigProperty{Arn: deadLetters.AttrArn()},
			},
		})
	}
}
