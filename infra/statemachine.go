package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/jsii-runtime-go"

	"lakegate/lambda/plan"
)

// newStateMachine makes a state machine from the definition as the plan renders
// it, byte for byte; the ARNs of the functions are substitutions.
func newStateMachine(stack awscdk.Stack, machine plan.Machine, functions map[string]awslambda.CfnFunction) awsstepfunctions.CfnStateMachine {
	arns := map[string]string{}
	invoke := plan.Permission{Why: "run the steps", Actions: []string{"lambda:InvokeFunction"}}
	for _, s := range machine.Graph.Steps() {
		arns[s.Name] = *functions[s.Name].AttrArn()
		invoke.Resources = append(invoke.Resources, arns[s.Name])
	}

	// Other names would make Step Functions rewrite a resource policy of
	// limited size for each new log group.
	// https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
	logs := awslogs.NewCfnLogGroup(stack, jsii.String(machine.ID+"Logs"), &awslogs.CfnLogGroupProps{
		LogGroupName:    jsii.String("/aws/vendedlogs/states/" + machine.Name),
		RetentionInDays: jsii.Number(logRetentionDays),
	})
	role := placeholders{}.role(stack, machine.ID+"Role", "Runs the steps of an execution.",
		assumedBy("states.amazonaws.com", map[string]any{
			"StringEquals": map[string]string{"aws:SourceAccount": *stack.Account()},
		}),
		[]plan.Permission{
			invoke,
			{
				Why: "deliver logs, for which CloudWatch Logs knows no resources",
				Actions: []string{
					"logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery",
					"logs:DeleteLogDelivery", "logs:ListLogDeliveries", "logs:PutResourcePolicy",
					"logs:DescribeResourcePolicies", "logs:DescribeLogGroups",
				},
				Resources: []string{"*"},
			},
			{
				Why: "send traces, for which X-Ray knows no resources",
				Actions: []string{
					"xray:PutTraceSegments", "xray:PutTelemetryRecords",
					"xray:GetSamplingRules", "xray:GetSamplingTargets",
				},
				Resources: []string{"*"},
			},
		})
	return awsstepfunctions.NewCfnStateMachine(stack, jsii.String(machine.ID), &awsstepfunctions.CfnStateMachineProps{
		StateMachineName:        jsii.String(machine.Name),
		StateMachineType:        jsii.String("STANDARD"),
		RoleArn:                 role.AttrArn(),
		DefinitionString:        jsii.String(string(machine.Definition())),
		DefinitionSubstitutions: arns,
		LoggingConfiguration: &awsstepfunctions.CfnStateMachine_LoggingConfigurationProperty{
			Level:                jsii.String("ALL"),
			IncludeExecutionData: true,
			Destinations: []any{&awsstepfunctions.CfnStateMachine_LogDestinationProperty{
				CloudWatchLogsLogGroup: &awsstepfunctions.CfnStateMachine_CloudWatchLogsLogGroupProperty{
					LogGroupArn: logs.AttrArn(),
				},
			}},
		},
		TracingConfiguration: &awsstepfunctions.CfnStateMachine_TracingConfigurationProperty{Enabled: true},
	})
}
