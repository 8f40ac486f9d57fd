package main

import (
	"cmp"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awskms"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/aws-cdk-go/awscdk/v2/awssns"
	"github.com/aws/jsii-runtime-go"

	"lakegate/lambda/plan"
)

// longestLook is how far back an alarm looks at the most.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
const longestLook = 7 * 24 * time.Hour

// newAlarms makes the alarms of the plan, which all tell one topic, and returns
// their ARNs. What watches a function that the stack does not have is left out.
func newAlarms(stack awscdk.Stack, values placeholders, functions map[string]awslambda.CfnFunction, topic *string, s settings) []string {
	var arns []string
	for _, a := range plan.Alarms() {
		if name, ok := a.Values[plan.DimensionFunction]; ok && functions[strings.TrimPrefix(name, plan.FunctionPrefix)] == nil {
			continue
		}
		missing := "notBreaching"
		if a.Schedule != "" {
			periods, ok := periodsOf(a, s)
			if !ok {
				continue
			}
			// A function that is not invoked publishes nothing at all.
			a.Periods, missing = periods, "breaching"
		}
		comparison := "GreaterThanOrEqualToThreshold"
		if a.Below {
			comparison = "LessThanThreshold"
		}
		var dimensions []any
		for _, key := range dimensionsOf(a.Metric, a.Values) {
			dimensions = append(dimensions, &awscloudwatch.CfnAlarm_DimensionProperty{Name: jsii.String(key), Value: jsii.String(values.fill(a.Values[key]))})
		}
		alarm := awscloudwatch.NewCfnAlarm(stack, jsii.String(a.Name+"Alarm"), &awscloudwatch.CfnAlarmProps{
			AlarmName:          jsii.String(plan.FunctionPrefix + a.Name),
			AlarmDescription:   jsii.String(a.Doc),
			Namespace:          jsii.String(a.Metric.Namespace),
			MetricName:         jsii.String(a.Metric.Name),
			Dimensions:         dimensions,
			Statistic:          jsii.String(a.Statistic),
			Period:             jsii.Number(a.Period.Seconds()),
			EvaluationPeriods:  jsii.Number(a.Periods),
			DatapointsToAlarm:  jsii.Number(a.Periods),
			Threshold:          jsii.Number(a.Threshold),
			ComparisonOperator: &comparison,
			TreatMissingData:   &missing,
			AlarmActions:       &[]*string{topic},
		})
		arns = append(arns, *alarm.AttrArn())
	}
	return arns
}

// periodsOf is for how many periods a schedule may leave its function alone:
// from one occurrence to the end of the window of the next one, and one period
// that has only begun. It is false if there is no schedule, or one of which
// CloudWatch does not look back far enough.
func periodsOf(a plan.Alarm, s settings) (int, bool) {
	if s.DriftSchedule == never {
		return 0, false
	}
	for _, x := range plan.Schedules() {
		if x.Name != a.Schedule {
			continue
		}
		interval, ok := plan.Interval(cmp.Or(s.DriftSchedule, x.Expression))
		n := int(math.Ceil((interval+x.Window).Hours()/a.Period.Hours())) + 1
		return n, ok && time.Duration(n)*a.Period <= longestLook
	}
	panic(fmt.Sprintf("infra: alarm %s follows the unknown schedule %s", a.Name, a.Schedule))
}

// dimensionsOf are the dimensions of a metric that have values, in the metric's
// order.
func dimensionsOf(m plan.Metric, values map[string]string) []string {
	for _, set := range m.Dimensions {
		known := 0
		for _, key := range set {
			if _, ok := values[key]; ok {
				known++
			}
		}
		if known == len(set) && known == len(values) {
			return set
		}
	}
	panic(fmt.Sprintf("infra: metric %s has no dimensions %v", m.Name, values))
}

// newAlarmTopic makes the topic that alarms tell, encrypted with a key of its
// own: CloudWatch may not use the one that AWS manages for SNS.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Notify_Users_Alarm_Changes.html
func newAlarmTopic(stack awscdk.Stack) *string {
	arn := func(service, resource, name string) string {
		return *stack.FormatArn(&awscdk.ArnComponents{
			Service: &service, Resource: &resource, ResourceName: &name, ArnFormat: awscdk.ArnFormat_COLON_RESOURCE_NAME,
		})
	}
	ofOurAlarms := map[string]any{
		"ArnLike":      map[string]any{"aws:SourceArn": arn("cloudwatch", "alarm", plan.FunctionPrefix+"*")},
		"StringEquals": map[string]any{"aws:SourceAccount": *stack.Account()},
	}
	cloudWatch := map[string]string{"Service": "cloudwatch.amazonaws.com"}
	root := stack.FormatArn(&awscdk.ArnComponents{Service: jsii.String("iam"), Region: jsii.String(""), Resource: jsii.String("root"), ArnFormat: awscdk.ArnFormat_NO_RESOURCE_NAME})
	key := awskms.NewCfnKey(stack, jsii.String("AlarmKey"), &awskms.CfnKeyProps{
		Description:       jsii.String("Encrypts what Lakegate's alarms say."),
		EnableKeyRotation: true,
		KeyPolicy: policyDocument(
			map[string]any{
				"Effect": "Allow", "Principal": map[string]string{"AWS": *root}, "Action": "kms:*", "Resource": "*",
			},
			map[string]any{
				"Effect": "Allow", "Principal": cloudWatch, "Action": []string{"kms:Decrypt", "kms:GenerateDataKey*"}, "Resource": "*",
				"Condition": ofOurAlarms,
			},
		),
	})
	topic := awssns.NewCfnTopic(stack, jsii.String("AlarmTopic"), &awssns.CfnTopicProps{
		TopicName:      jsii.String(plan.FunctionPrefix + "alarms"),
		DisplayName:    jsii.String("Lakegate alarms"),
		KmsMasterKeyId: key.AttrArn(),
	})
	awssns.NewCfnTopicPolicy(stack, jsii.String("AlarmTopicPolicy"), &awssns.CfnTopicPolicyProps{
		Topics: &[]*string{topic.Ref()},
		PolicyDocument: policyDocument(
			map[string]any{
				"Effect": "Allow", "Principal": cloudWatch, "Action": "sns:Publish", "Resource": *topic.Ref(), "Condition": ofOurAlarms,
			},
			refuseHTTP("sns:Publish", *topic.Ref()),
		),
	})
	return topic.Ref()
}
