package main

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/constructs-go/constructs/v10"

	"lakegate/lambda/plan"
)

// settings are what an operator chooses, as CDK context (-c key=value or
// cdk.json).
type settings struct {
	// Asset (context asset) is the folder that holds the functions' bootstrap.
	Asset string
	// Source (source) is where specs are watched: plan.S3, plan.CodeCommit or both.
	Source string
	// SourceRepository (sourceRepository) is the name of a repository of CodeCommit
	// that exists; empty means that the stack makes repositoryName. SourceBranch
	// (sourceBranch) is the branch of it that is watched.
	SourceRepository, SourceBranch string
	// SourceBucket, StateBucket and LogBucket (sourceBucket, stateBucket,
	// logBucket) are names of buckets that the stack makes. Empty means
	// lakegate-<what it holds>-<account>-<region>.
	SourceBucket, StateBucket, LogBucket string
	// DatabricksSecret (databricksSecret) is the name of the secret with the
	// service principal. The stack does not make it, since its value is the
	// operator's.
	DatabricksSecret string
	// DatabricksHost (databricksHost) is the account console's address, if it
	// is not the usual one.
	DatabricksHost string
	// DriftSchedule (driftSchedule) says when all specs and workspaces are looked
	// at: rate(…) or cron(…), or none for never. Empty means as the plan has it.
	DriftSchedule string
	// Slots (slots) is how many executions may work in one Databricks account at
	// the same time, and EndpointsPerSecond (endpointsPerSecond) how many VPC
	// endpoints may be made in one AWS account and region; 0 means any number.
	Slots, EndpointsPerSecond string
	// SlackSecret, TeamsSecret and WebhookSecret (slackSecret, teamsSecret,
	// webhookSecret) are the names of secrets that say where to post; empty means
	// that the product is not told.
	SlackSecret, TeamsSecret, WebhookSecret string
	// AmazonQ (amazonQ) makes a topic for Amazon Q Developer in chat applications if
	// it is true. AmazonQSlack (amazonQSlack) is a channel of Slack that it is
	// configured to notify, as workspace/channel, and AmazonQTeams (amazonQTeams) one
	// of Microsoft Teams, as team/tenant/channel.
	AmazonQ, AmazonQSlack, AmazonQTeams string
	// FunctionsVPC (functionsVpc) is the VPC of the users, if the functions that
	// call workspaces are to run there: workspaces that are closed to the public
	// network admit them only so. FunctionsSubnets and FunctionsSecurityGroups
	// (functionsSubnets, functionsSecurityGroups) are ids in it, as a list or
	// separated by commas.
	FunctionsVPC                              string
	FunctionsSubnets, FunctionsSecurityGroups []string
	// TargetRoles (targetRoles) are the ARNs of the roles of other accounts that
	// the functions may assume, as a list or separated by commas; none by default.
	TargetRoles []string
	// AlarmTopic (alarmTopic) is the ARN of a topic of SNS that alarms tell, which
	// has to let CloudWatch publish; empty means that the stack makes one.
	AlarmTopic string
}

// topicARN is the ARN of a topic of SNS.
var topicARN = regexp.MustCompile(`^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w-]{1,256}$`)

// secretName is the name of a secret: an ARN or a pattern would allow more than
// that one.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
var secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)

// roleARN is the ARN of a role that can be assumed: a pattern would allow more
// than anybody has looked at.
var roleARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=.@/-]+$`)

// maxTargetRoles is how many characters the roles may have: all variables of a
// function have 4 KB.
// https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
const maxTargetRoles = 3000

// both is the setting of Source for either source.
const both = "both"

// never is the setting of DriftSchedule for no schedule.
const never = "none"

// expression is what EventBridge Scheduler takes for something that recurs.
// https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
var expression = regexp.MustCompile(`^(rate\([1-9][0-9]* (minute|hour|day)s?\)|cron\([^ ()]+( [^ ()]+){5}\))$`)

// watches says whether a source is watched; what is of no source is always
// wanted.
func (s settings) watches(source string) bool {
	return source == "" || s.Source == source || s.Source == both
}

// tells says whether a product of chat is told; what is of none is always wanted.
func (s settings) tells(product string) bool {
	switch product {
	case plan.Slack:
		return s.SlackSecret != ""
	case plan.Teams:
		return s.TeamsSecret != ""
	case plan.Webhook:
		return s.WebhookSecret != ""
	case plan.AmazonQ:
		return s.AmazonQ == yes || s.AmazonQSlack != "" || s.AmazonQTeams != ""
	default:
		return true
	}
}

// yes is the setting of what is made only if somebody says so.
const yes = "true"

// Channels of Amazon Q, by the ids that the products give them.
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-chatbot-slackchannelconfiguration.html
// https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-chatbot-microsoftteamschannelconfiguration.html
var (
	slackChannel = regexp.MustCompile(`^[0-9A-Z]{1,255}/[A-Za-z0-9]{1,255}$`)
	teamsChannel = regexp.MustCompile(`^[0-9A-Fa-f-]{36}/[0-9A-Fa-f-]{36}/\S{1,255}$`)
)

// check refuses settings that are not known or do not fit together.
func (s settings) check() error {
	if choices := append(plan.Sources(), both); !slices.Contains(choices, s.Source) {
		return fmt.Errorf("reading the context: source is %q, but it must be one of %s", s.Source, strings.Join(choices, ", "))
	}
	if s.DriftSchedule != "" && s.DriftSchedule != never && !expression.MatchString(s.DriftSchedule) {
		return fmt.Errorf("reading the context: driftSchedule is %q, but it must be rate(value unit), cron(six fields) or %s", s.DriftSchedule, never)
	}
	for key, value := range map[string]string{"slots": s.Slots, "endpointsPerSecond": s.EndpointsPerSecond} {
		if n, err := strconv.ParseFloat(cmp.Or(value, "0"), 64); err != nil || n < 0 {
			return fmt.Errorf("reading the context: %s is %q, but it must be a number", key, value)
		}
	}
	switch {
	case s.AlarmTopic != "" && !topicARN.MatchString(s.AlarmTopic):
		return fmt.Errorf("reading the context: alarmTopic is %q, but it must be the ARN of a topic of SNS", s.AlarmTopic)
	case s.AmazonQ != "" && s.AmazonQ != yes && s.AmazonQ != "false":
		return fmt.Errorf("reading the context: amazonQ is %q, but it must be true or false", s.AmazonQ)
	case s.AmazonQSlack != "" && !slackChannel.MatchString(s.AmazonQSlack):
		return fmt.Errorf("reading the context: amazonQSlack is %q, but it must be the ids of a workspace and a channel, as T07EA123LEP/C07EZ1ABC23", s.AmazonQSlack)
	case s.AmazonQTeams != "" && !teamsChannel.MatchString(s.AmazonQTeams):
		return fmt.Errorf("reading the context: amazonQTeams is %q, but it must be the ids of a team, a tenant and a channel, separated by /", s.AmazonQTeams)
	}
	for key, name := range map[string]string{"slackSecret": s.SlackSecret, "teamsSecret": s.TeamsSecret, "webhookSecret": s.WebhookSecret} {
		if name != "" && !secretName.MatchString(name) {
			return fmt.Errorf("reading the context: %s is %q, but it must be the name of a secret", key, name)
		}
	}
	given := 0
	for _, is := range []bool{s.FunctionsVPC != "", len(s.FunctionsSubnets) > 0, len(s.FunctionsSecurityGroups) > 0} {
		if is {
			given++
		}
	}
	if given != 0 && given != 3 {
		return fmt.Errorf("reading the context: functionsVpc, functionsSubnets and functionsSecurityGroups are given together or not at all")
	}
	for _, arn := range s.TargetRoles {
		if !roleARN.MatchString(arn) {
			return fmt.Errorf("reading the context: targetRoles has %q, but it must be ARNs of IAM roles", arn)
		}
	}
	if n := len(strings.Join(s.TargetRoles, " ")); n > maxTargetRoles {
		return fmt.Errorf("reading the context: targetRoles has %d characters, and the functions take %d", n, maxTargetRoles)
	}
	return nil
}

func settingsFrom(node constructs.Node) settings {
	get := func(key, otherwise string) string {
		switch value := node.TryGetContext(&key).(type) {
		case string:
			if value != "" {
				return value
			}
		case float64:
			return fmt.Sprint(value)
		case bool:
			return fmt.Sprint(value)
		}
		return otherwise
	}
	list := func(key string) []string {
		var out []string
		switch value := node.TryGetContext(&key).(type) {
		case string:
			out = strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
		case []any:
			for _, v := range value {
				out = append(out, fmt.Sprint(v))
			}
		}
		return out
	}
	return settings{
		Asset:            get("asset", "dist"),
		Source:           get("source", plan.S3),
		SourceRepository: get("sourceRepository", ""),
		SourceBranch:     get("sourceBranch", "main"),
		SourceBucket:     get("sourceBucket", ""),
		StateBucket:      get("stateBucket", ""),
		LogBucket:        get("logBucket", ""),
		DatabricksSecret: get("databricksSecret", "lakegate/databricks"),
		DatabricksHost:   get("databricksHost", ""),

		DriftSchedule:      get("driftSchedule", ""),
		Slots:              get("slots", fmt.Sprint(plan.DefaultSlots)),
		EndpointsPerSecond: get("endpointsPerSecond", fmt.Sprint(plan.DefaultEndpointsPerSecond)),

		SlackSecret:   get("slackSecret", ""),
		TeamsSecret:   get("teamsSecret", ""),
		WebhookSecret: get("webhookSecret", ""),
		AmazonQ:       get("amazonQ", ""),
		AmazonQSlack:  get("amazonQSlack", ""),
		AmazonQTeams:  get("amazonQTeams", ""),

		FunctionsVPC:            get("functionsVpc", ""),
		FunctionsSubnets:        list("functionsSubnets"),
		FunctionsSecurityGroups: list("functionsSecurityGroups"),

		TargetRoles: list("targetRoles"),

		AlarmTopic: get("alarmTopic", ""),
	}
}
