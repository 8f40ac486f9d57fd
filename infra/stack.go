package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsevents"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3assets"
	"github.com/aws/aws-cdk-go/awscdk/v2/awsstepfunctions"
	"github.com/aws/jsii-runtime-go"

	"lakegate/lambda/plan"
)

// stackName is the stack's name and the value of tagStack.
const stackName = plan.StackName

// tagStack marks everything that the stack makes.
const tagStack = "lakegate:stack"

// tagStep is the tag of a function with the name of its step: what it costs is
// found by it.
const tagStep = "lakegate:step"

// newStack makes the one stack, for whichever account and region it is
// deployed to.
//
// All resources are plain CloudFormation ones at the top of the stack: the
// template then has readable logical ids, roles with exactly the planned
// statements, and no custom resources.
func newStack(app awscdk.App, s settings) error {
	if err := s.check(); err != nil {
		return err
	}
	if err := checkAsset(s.Asset); err != nil {
		return err
	}
	stack := awscdk.NewStack(app, jsii.String(stackName), &awscdk.StackProps{
		Description: jsii.String("Turns committed workspace specs into private Databricks workspaces."),
		// A template may have a million characters, of which spaces were half.
		SuppressTemplateIndentation: jsii.Bool(true),
	})
	code := awss3assets.NewAsset(stack, jsii.String("Code"), &awss3assets.AssetProps{Path: &s.Asset})

	buckets := newBuckets(stack, s)
	bus := awsevents.NewCfnEventBus(stack, jsii.String("EventBus"), &awsevents.CfnEventBusProps{
		Name:        jsii.String(plan.EventBusName),
		Description: jsii.String("What Lakegate says about its workspaces."),
	})
	deadLetters := newDeadLetterQueue(stack)
	arn := func(service, kind, name string) string {
		return *stack.FormatArn(&awscdk.ArnComponents{
			Service: &service, Resource: &kind, ResourceName: &name,
			ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
		})
	}
	values := placeholders{
		plan.Partition:   *stack.Partition(),
		plan.Account:     *stack.Account(),
		plan.Region:      *stack.Region(),
		plan.StateBucket: *buckets.state.Ref(),
		plan.EventBus:    *bus.AttrArn(),
		// Secrets Manager adds six characters to the name.
		// https://docs.aws.amazon.com/secretsmanager/latest/userguide/auth-and-access_iam-policies.html
		plan.DatabricksSecret: arn("secretsmanager", "secret", s.DatabricksSecret+"-??????"),
	}
	variables := []variable{
		{plan.EnvStateBucket, plan.StateBucket, *buckets.state.Ref()},
		{plan.EnvEventBus, plan.EventBus, *bus.Ref()},
		{plan.EnvDatabricksSecret, plan.DatabricksSecret, s.DatabricksSecret},
		{plan.EnvDatabricksHost, plan.DatabricksSecret, s.DatabricksHost},
		// Every step may have to know whether it runs where users are.
		{plan.EnvFunctionsVPC, "", s.FunctionsVPC},
		{plan.EnvTargetRoles, "", strings.Join(s.TargetRoles, " ")},
		{plan.EnvSlots, plan.SlotsKey, s.Slots},
		{plan.EnvEndpointsPerSecond, plan.SlotsKey, s.EndpointsPerSecond},
	}
	for _, m := range plan.Machines() {
		// By its name: roles of functions mention the state machine, and the state
		// machine mentions the functions.
		values[m.Placeholder] = arn("states", "stateMachine", m.Name)
		variables = append(variables, variable{m.Env, m.Placeholder, values[m.Placeholder]})
	}
	// A permission or rule of a source that is not watched would have
	// placeholders that are not known.
	if s.watches(plan.S3) {
		values[plan.SourceBucket] = *buckets.source.Ref()
		variables = append(variables, variable{plan.EnvSourceBucket, plan.SourceBucket, *buckets.source.Ref()})
		output(stack, "SourceBucketName", "Workspace specs go here, under "+plan.SourcePrefix+".", buckets.source.Ref())
	}
	if s.watches(plan.CodeCommit) {
		repository := newRepository(stack, s)
		values[plan.SourceRepository], values[plan.SourceBranch] = *repository, s.SourceBranch
		variables = append(variables,
			variable{plan.EnvSourceRepository, plan.SourceRepository, *repository},
			variable{plan.EnvSourceBranch, plan.SourceRepository, s.SourceBranch})
		output(stack, "SourceCloneUrl", "Workspace specs go here, under "+plan.SourcePrefix+" of the branch "+s.SourceBranch+".", cloneURL(stack, repository))
	}
	for placeholder, name := range map[string]string{plan.SlackSecret: s.SlackSecret, plan.TeamsSecret: s.TeamsSecret, plan.WebhookSecret: s.WebhookSecret} {
		values[placeholder] = arn("secretsmanager", "secret", name+"-??????")
		variables = append(variables, variable{plan.EnvChatSecret, placeholder, name})
	}
	if s.tells(plan.AmazonQ) {
		topic := newChatTopic(stack, s)
		values[plan.ChatTopic] = *topic.Ref()
		variables = append(variables, variable{plan.EnvChatTopic, plan.ChatTopic, *topic.Ref()})
		output(stack, "ChatTopicArn", "Amazon Q Developer in chat applications reads this.", topic.Ref())
	}
	newArchive(stack, bus)
	functions := newFunctions(stack, functionProps{
		code: code, values: values, deadLetters: deadLetters, network: networkOf(s), watches: s.watches, tells: s.tells, variables: variables,
		targetRoles: s.TargetRoles,
	})
	machines := map[string]awsstepfunctions.CfnStateMachine{}
	for _, m := range plan.Machines() {
		machines[m.ID] = newStateMachine(stack, m, functions)
	}
	newRules(stack, values, map[string]*string{plan.EventBusName: bus.Ref()}, functions, deadLetters, func(r plan.Rule) bool { return s.watches(r.Source) && s.tells(r.Product) })
	if s.DriftSchedule != never {
		newSchedules(stack, functions, deadLetters, s.DriftSchedule)
	}

	topic := &s.AlarmTopic
	if s.AlarmTopic == "" {
		topic = newAlarmTopic(stack)
	}
	newDashboard(stack, values, functions, newAlarms(stack, values, functions, topic, s))

	output(stack, "StateBucketName", "Leases, status and reports.", buckets.state.Ref())
	output(stack, "StateMachineArn", "One execution for each changed spec.", machines["StateMachine"].Ref())
	output(stack, "RetirementMachineArn", "One execution for each deleted spec.", machines["RetirementMachine"].Ref())
	output(stack, "EventBusName", "What is said about workspaces.", bus.Ref())
	output(stack, "DeadLetterQueueUrl", "Events that no function could take.", deadLetters.Ref())
	output(stack, "AlarmTopicArn", "Who is to be told of alarms subscribes here.", topic)

	awscdk.Tags_Of(stack).Add(jsii.String(tagStack), jsii.String(stackName), nil)
	return nil
}

// checkAsset says what to do about a missing bootstrap; the CDK would upload
// whatever the folder holds.
func checkAsset(folder string) error {
	bootstrap := filepath.Join(folder, "bootstrap")
	info, err := os.Stat(bootstrap)
	if err != nil {
		return fmt.Errorf("reading the functions' binary (run \"make build\" first): %w", err)
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("reading the functions' binary (run \"make build\" first): %s is not a file", bootstrap)
	}
	return nil
}

func output(stack awscdk.Stack, id, doc string, value *string) {
	awscdk.NewCfnOutput(stack, &id, &awscdk.CfnOutputProps{Description: &doc, Value: value})
}
