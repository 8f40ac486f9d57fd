package main

import (
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awschatbot"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"lakegate/lambda/plan"
)

// newChatTopic makes the topic that Amazon Q Developer in chat applications
// reads, and the configurations of the channels that it notifies. Nobody can run
// anything from them: their role may do nothing.
func newChatTopic(stack awscdk.Stack, s settings) awssns.CfnTopic {
	topic := awssns.NewCfnTopic(stack, jsii.String("ChatTopic"), &awssns.CfnTopicProps{
		TopicName: jsii.String(plan.FunctionPrefix + "chat"), DisplayName: jsii.String("Lakegate"),
	})
	suppress(topic, "AwsSolutions-SNS2", "What is published has nothing secret, and a key would have to be open to Amazon Q.")
	awssns.NewCfnTopicPolicy(stack, jsii.String("ChatTopicPolicy"), &awssns.CfnTopicPolicyProps{
		Topics:         &[]*string{topic.Ref()},
		PolicyDocument: policyDocument(refuseHTTP("sns:Publish", *topic.Ref())),
	})
	if s.AmazonQSlack == "" && s.AmazonQTeams == "" {
		return topic
	}
	role := placeholders{}.role(stack, "ChatRole", "Of channels that are notified and may do nothing.", assumedBy("chatbot.amazonaws.com", map[string]any{
		"StringEquals": map[string]string{"aws:SourceAccount": *stack.Account()},
	}), []plan.Permission{{Why: "be a policy, which must have a statement", Actions: []string{"sns:GetTopicAttributes"}, Resources: []string{*topic.Ref()}}})
	// Without a guardrail a channel has that of an administrator.
	guardrails := jsii.Strings("arn:" + *stack.Partition() + ":iam::aws:policy/AWSDenyAll")
	if team, channel, ok := strings.Cut(s.AmazonQSlack, "/"); ok {
		awschatbot.NewCfnSlackChannelConfiguration(stack, jsii.String("SlackChannel"), &awschatbot.CfnSlackChannelConfigurationProps{
			ConfigurationName: jsii.String("lakegate-slack"), IamRoleArn: role.AttrArn(), SlackWorkspaceId: &team, SlackChannelId: &channel,
			SnsTopicArns: &[]*string{topic.Ref()}, GuardrailPolicies: guardrails, LoggingLevel: jsii.String("ERROR"),
		})
	}
	if ids := strings.SplitN(s.AmazonQTeams, "/", 3); len(ids) == 3 {
		awschatbot.NewCfnMicrosoftTeamsChannelConfiguration(stack, jsii.String("TeamsChannel"), &awschatbot.CfnMicrosoftTeamsChannelConfigurationProps{
			ConfigurationName: jsii.String("lakegate-teams"), IamRoleArn: role.AttrArn(), TeamId: &ids[0], TeamsTenantId: &ids[1], TeamsChannelId: &ids[2],
			SnsTopicArns: &[]*string{topic.Ref()}, GuardrailPolicies: guardrails, LoggingLevel: jsii.String("ERROR"),
		})
	}
	return topic
}
