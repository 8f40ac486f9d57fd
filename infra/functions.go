package main

import (
	"slices"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslogs"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssqs"
	"github.com/aws/jsii-runtime-go"

	"lakegate/lambda/plan"
)

const (
	// logRetentionDays outlasts the 14 days in which an execution can be
	// redriven.
	logRetentionDays = 90
	// memoryMegabytes also decides the share of a CPU, which a function that
	// waits for other services does not need.
	memoryMegabytes = 256
	// asyncRetries and asyncMaxAge are the most that Lambda offers.
	// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html
	asyncRetries       = 2
	asyncMaxAgeSeconds = 6 * 60 * 60
)

// functionProps is what all functions have in common.
type functionProps struct {
	code        awss3assets.Asset
	values      placeholders
	variables   []variable
	deadLetters awssqs.CfnQueue
	// watches says whether a source of specs is watched, and tells whether a product
	// of chat is told.
	watches, tells func(string) bool
	// network is that of the functions which call workspaces; nil means none.
	network *awslambda.CfnFunction_VpcConfigProperty
	// targetRoles are the roles of other accounts that may be assumed.
	targetRoles []string
}

// networkOf is the network that the settings want, or nil.
func networkOf(s settings) *awslambda.CfnFunction_VpcConfigProperty {
	if s.FunctionsVPC == "" {
		return nil
	}
	return &awslambda.CfnFunction_VpcConfigProperty{
		SubnetIds:        jsii.Strings(s.FunctionsSubnets...),
		SecurityGroupIds: jsii.Strings(s.FunctionsSecurityGroups...),
	}
}

// standInVPC is what Lambda asks for to place a function in a VPC.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions
var standInVPC = plan.Permission{
	Why: "let Lambda place the function in a VPC, for which EC2 knows no resources",
	Actions: []string{
		"ec2:AssignPrivateIpAddresses", "ec2:CreateNetworkInterface", "ec2:DeleteNetworkInterface",
		"ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets", "ec2:UnassignPrivateIpAddresses",
	},
	Resources: []string{"*"},
}

// variable is an environment variable of those functions whose role mentions a
// placeholder; an empty placeholder means all. An empty value means that there
// is none.
type variable struct{ name, placeholder, value string }

// newFunctions makes the function of each step and of each plan.Function, by
// name.
func newFunctions(stack awscdk.Stack, props functionProps) map[string]awslambda.CfnFunction {
	made := map[string]awslambda.CfnFunction{}
	for _, s := range plan.Steps() {
		made[s.Name] = newFunction(stack, props, plan.Function{
			Name: s.Name, Doc: s.Doc, Timeout: s.Timeout, CallsWorkspace: s.CallsWorkspace,
			Allow: append(plan.Common(), s.Allow...),
		})
	}
	for _, f := range plan.Functions() {
		if !props.tells(f.Product) {
			continue
		}
		f.Allow = append(slices.Clone(f.Allow), plan.Permission{
			Why:       "keep an event that the function failed on",
			Actions:   []string{"sqs:SendMessage"},
			Resources: []string{*props.deadLetters.AttrArn()},
		})
		made[f.Name] = newFunction(stack, props, f)
		// The dead-letter queue of a rule takes what could not be handed to
		// Lambda; this one takes what the function failed on.
		awslambda.NewCfnEventInvokeConfig(stack, jsii.String(f.Name+"Async"), &awslambda.CfnEventInvokeConfigProps{
			FunctionName:             made[f.Name].Ref(),
			Qualifier:                jsii.String("$LATEST"),
			MaximumRetryAttempts:     jsii.Number(asyncRetries),
			MaximumEventAgeInSeconds: jsii.Number(asyncMaxAgeSeconds),
			DestinationConfig: &awslambda.CfnEventInvokeConfig_DestinationConfigProperty{
				OnFailure: &awslambda.CfnEventInvokeConfig_OnFailureProperty{Destination: props.deadLetters.AttrArn()},
			},
		})
	}
	return made
}

func newFunction(stack awscdk.Stack, props functionProps, f plan.Function) awslambda.CfnFunction {
	f.Allow = slices.DeleteFunc(slices.Clone(f.Allow), func(p plan.Permission) bool { return !props.watches(p.Source) })
	name := plan.FunctionPrefix + f.Name
	logs := awslogs.NewCfnLogGroup(stack, jsii.String(f.Name+"Logs"), &awslogs.CfnLogGroupProps{
		LogGroupName:    jsii.String(plan.LogGroupPrefix + name),
		RetentionInDays: jsii.Number(logRetentionDays),
	})
	inVPC := f.CallsWorkspace && props.network != nil
	if inVPC {
		f.Allow = append(f.Allow, standInVPC)
	}
	if len(props.targetRoles) > 0 && len(plan.TargetActions(f.Name)) > 0 {
		f.Allow = append(f.Allow, plan.AssumeTargets(props.targetRoles))
	}
	role := props.values.role(stack, f.Name+"Role", f.Doc, assumedBy("lambda.amazonaws.com", nil), append([]plan.Permission{
		{
			Why:       "write its own log",
			Actions:   []string{"logs:CreateLogStream", "logs:PutLogEvents"},
			Resources: []string{*logs.AttrArn()},
		},
		{
			Why:       "send traces, for which X-Ray knows no resources",
			Actions:   []string{"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
			Resources: []string{"*"},
		},
	}, f.Allow...))
	function := awslambda.NewCfnFunction(stack, jsii.String(f.Name+"Function"), &awslambda.CfnFunctionProps{
		FunctionName:  &name,
		Description:   &f.Doc,
		Runtime:       jsii.String("provided.al2023"),
		Architectures: jsii.Strings("arm64"),
		Handler:       jsii.String("bootstrap"),
		Code: &awslambda.CfnFunction_CodeProperty{
			S3Bucket: props.code.S3BucketName(),
			S3Key:    props.code.S3ObjectKey(),
		},
		Role:        role.AttrArn(),
		Timeout:     jsii.Number(f.Timeout.Seconds()),
		MemorySize:  jsii.Number(memoryMegabytes),
		Environment: &awslambda.CfnFunction_EnvironmentProperty{Variables: props.environment(f)},
		LoggingConfig: &awslambda.CfnFunction_LoggingConfigProperty{
			LogFormat: jsii.String("JSON"),
			LogGroup:  logs.Ref(),
		},
		TracingConfig: &awslambda.CfnFunction_TracingConfigProperty{Mode: jsii.String("Active")},
		Tags:          &[]*awscdk.CfnTag{{Key: jsii.String(tagStep), Value: &f.Name}},
	})
	if inVPC {
		function.SetVpcConfig(props.network)
	}
	return function
}

// environment gives a function the variables of those things that its role may
// use.
func (props functionProps) environment(f plan.Function) map[string]string {
	env := map[string]string{plan.EnvStep: f.Name}
	for _, v := range props.variables {
		used := slices.ContainsFunc(f.Allow, func(p plan.Permission) bool {
			return strings.Contains(strings.Join(p.Resources, " "), v.placeholder)
		})
		if used && v.value != "" {
			env[v.name] = v.value
		}
	}
	return env
}
