package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"lakegate/lambda/plan"
)

// ofAWS are the metrics of AWS that exist, each with its dimensions, as the
// documentation of the services has them.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
// https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
var ofAWS = []string{
	"AWS/Lambda Errors FunctionName", "AWS/Lambda Invocations FunctionName", "AWS/Lambda Duration FunctionName", "AWS/Lambda Throttles FunctionName",
	"AWS/States ExecutionsStarted StateMachineArn", "AWS/States ExecutionsSucceeded StateMachineArn", "AWS/States ExecutionsFailed StateMachineArn",
	"AWS/States ExecutionsTimedOut StateMachineArn", "AWS/States ExecutionsAborted StateMachineArn", "AWS/States OpenExecutionCount",
	"AWS/SQS ApproximateNumberOfMessagesVisible QueueName", "AWS/SQS ApproximateAgeOfOldestMessage QueueName",
}

// known are all metrics that something publishes, with their dimensions.
func known() map[string]bool {
	out := map[string]bool{}
	for _, m := range ofAWS {
		out[m] = true
	}
	for _, m := range plan.Metrics() {
		for _, set := range m.Dimensions {
			out[strings.Join(append([]string{m.Namespace, m.Name}, set...), " ")] = true
		}
	}
	return out
}

// valueIsKnown says whether a dimension can have a value.
func valueIsKnown(dimension, value string) bool {
	switch dimension {
	case plan.DimensionFunction:
		return slices.Contains(functionNames(), strings.TrimPrefix(value, plan.FunctionPrefix))
	case plan.DimensionMachine:
		return value == arnOf(plan.StateMachineName) || value == arnOf(plan.RetirementMachineName)
	case plan.DimensionQueue:
		return value == plan.DeadLetterQueueName
	case plan.DimensionStep:
		return slices.Contains(functionNames(), value)
	case plan.DimensionClass:
		return slices.Contains(plan.Classes(), value)
	case plan.DimensionOutcome:
		return slices.Contains(append(plan.ExecutionOutcomes(), plan.OutcomeCompleted, plan.OutcomeSent), value)
	}
	return false
}

func has(t template, id string) bool {
	_, ok := t.Resources[id]
	return ok
}

func TestAlarms(t *testing.T) {
	t.Parallel()
	metrics := known()
	var golden strings.Builder
	alarms := synthesised.ofType("AWS::CloudWatch::Alarm")
	for _, id := range slices.Sorted(maps.Keys(alarms)) {
		p, _ := readable(alarms[id].Properties).(map[string]any)
		key := []string{fmt.Sprint(p["Namespace"]), fmt.Sprint(p["MetricName"])}
		var values []string
		if p["Dimensions"] != nil {
			for _, d := range list(p["Dimensions"]) {
				name, value := fmt.Sprint(at(d, "Name")), fmt.Sprint(at(d, "Value"))
				key, values = append(key, name), append(values, name+"="+value)
				if !valueIsKnown(name, value) {
					t.Errorf("%s: there is no %s %s", id, name, value)
				}
			}
		}
		if metric := strings.Join(key, " "); !metrics[metric] {
			t.Errorf("%s watches %s, which nothing publishes", id, metric)
		}
		if got := p["AlarmActions"]; !gocmp.Equal(got, []any{"${AlarmTopic}"}) {
			t.Errorf("%s tells %v", id, got)
		}
		period, _ := p["Period"].(float64)
		periods, _ := p["EvaluationPeriods"].(float64)
		// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
		if longest := 24 * 3600.0; period < 3600 && period*periods > longest || period*periods > 7*longest {
			t.Errorf("%s looks back %g seconds", id, period*periods)
		}
		fmt.Fprintf(&golden, "%v\n  %s %s\n  %v of %g s %v %v, %g times; missing data is %v\n  %v\n\n", p["AlarmName"],
			strings.Join(key[:2], " "), strings.Join(values, " "), p["Statistic"], period, p["ComparisonOperator"], p["Threshold"], periods,
			p["TreatMissingData"], p["AlarmDescription"])
	}
	checkGolden(t, "testdata/alarms.txt", golden.String())
	for _, a := range plan.Alarms() {
		watched, ofFunction := a.Values[plan.DimensionFunction]
		want := !ofFunction || has(synthesised, strings.TrimPrefix(watched, plan.FunctionPrefix)+"Function")
		if got := has(synthesised, a.Name+"Alarm"); got != want {
			t.Errorf("alarm %s is there: %t, want %t", a.Name, got, want)
		}
	}
}

// What watches the schedule follows it, and is not there where there is none or
// CloudWatch does not look back so far.
func TestMissedSurvey(t *testing.T) {
	t.Parallel()
	if _, ok := fromGit.Resources["SurveyMissedAlarm"]; ok {
		t.Error("an alarm watches a schedule that does not exist")
	}
	if got := synthesised.Resources["SurveyMissedAlarm"].Properties["TreatMissingData"]; got != "breaching" {
		t.Errorf("missing data is %v", got)
	}
	var alarm plan.Alarm
	for _, a := range plan.Alarms() {
		if a.Name == "SurveyMissed" {
			alarm = a
		}
	}
	// The window of the schedule is an hour, and the hour that has begun is one more.
	for expression, want := range map[string]int{
		"": 26, "rate(1 day)": 26, "rate(10 minutes)": 3, "rate(6 hours)": 8, "rate(6 days)": 146, "cron(0 6 ? * MON-FRI *)": 74,
		"rate(7 days)": 0, "cron(0 6 ? * MON *)": 0, "cron(0 6 1 * ? *)": 0, never: 0,
	} {
		if got, ok := periodsOf(alarm, settings{DriftSchedule: expression}); ok != (want > 0) || ok && got != want {
			t.Errorf("%q: %d hours, %t, want %d", expression, got, ok, want)
		}
	}
}

// The topic takes alarms of this stack and nothing else, encrypted; who has a
// topic gets no other.
func TestAlarmTopic(t *testing.T) {
	t.Parallel()
	if got := readable(synthesised.Resources["AlarmTopic"].Properties["KmsMasterKeyId"]); got != "${AlarmKey.Arn}" {
		t.Errorf("the topic is encrypted with %v", got)
	}
	for id, document := range map[string]string{"AlarmTopicPolicy": "PolicyDocument", "AlarmKey": "KeyPolicy"} {
		for _, s := range statements(synthesised.Resources[id].Properties[document]) {
			if at(s, "Principal", "Service") != "cloudwatch.amazonaws.com" {
				continue
			}
			if got := at(s, "Condition", "ArnLike", "aws:SourceArn"); got != "arn:${AWS::Partition}:cloudwatch:${AWS::Region}:${AWS::AccountId}:alarm:lakegate-*" {
				t.Errorf("%s lets CloudWatch in for %v", id, got)
			}
		}
	}
	for _, id := range []string{"AlarmTopic", "AlarmTopicPolicy", "AlarmKey"} {
		if !has(synthesised, id) || has(placed, id) {
			t.Errorf("%s is there without a topic of the operator's: %t, and with one: %t", id, has(synthesised, id), has(placed, id))
		}
	}
	for id, r := range placed.ofType("AWS::CloudWatch::Alarm") {
		if got := r.Properties["AlarmActions"]; !gocmp.Equal(got, []any{operatorsTopic}) {
			t.Errorf("%s tells %v", id, got)
		}
	}
}

// searched is a search for the metrics of our functions.
var searched = regexp.MustCompile(`^SORT\(SEARCH\('\{([\w/]+),(\w+)\} MetricName="(\w+)" (\w+)=lakegate', 'Maximum', 3600\), MAX, DESC, 10\)$`)

// queried is a query of Metrics Insights.
var queried = regexp.MustCompile(`^SELECT MAX\((\w+)\) FROM SCHEMA\((\w+), (\w+)\) GROUP BY (\w+) ORDER BY MAX\(\) DESC LIMIT 10$`)

// Every graph shows metrics that something publishes, and every metric that the
// functions publish is in a graph.
func TestDashboard(t *testing.T) {
	t.Parallel()
	body, _ := readable(synthesised.Resources["Dashboard"].Properties["DashboardBody"]).(string)
	var indented bytes.Buffer
	if err := json.Indent(&indented, []byte(body), "", "  "); err != nil {
		t.Fatal(err)
	}
	checkGolden(t, "testdata/dashboard.json", indented.String()+"\n")
	var d struct {
		Widgets []struct {
			Type                string
			X, Y, Width, Height int
			Properties          struct {
				Title   string
				Region  string
				Metrics [][]any
				Alarms  []string
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &d); err != nil {
		t.Fatal(err)
	}
	metrics, shown := known(), map[string]bool{}
	for _, w := range d.Widgets {
		if w.X+w.Width > dashboardWidth || w.Width < 1 || w.Height < 1 || w.Properties.Title == "" {
			t.Errorf("widget %q is at %d, %d and %d wide", w.Properties.Title, w.X, w.Y, w.Width)
		}
		if w.Type == "alarm" {
			if n := len(w.Properties.Alarms); n != len(synthesised.ofType("AWS::CloudWatch::Alarm")) {
				t.Errorf("the dashboard shows %d alarms", n)
			}
			continue
		}
		if w.Properties.Region != "${AWS::Region}" || len(w.Properties.Metrics) == 0 {
			t.Errorf("widget %q shows %d metrics of %s", w.Properties.Title, len(w.Properties.Metrics), w.Properties.Region)
		}
		for _, m := range w.Properties.Metrics {
			options, _ := m[len(m)-1].(map[string]any)
			var key []string
			if query, ok := options["expression"].(string); ok {
				asked, found := queried.FindStringSubmatch(query), searched.FindStringSubmatch(query)
				switch {
				case asked != nil && asked[3] == asked[4]:
					key = []string{asked[2], asked[1], asked[3]}
				case found != nil && found[2] == found[4]:
					key = []string{found[1], found[3], found[2]}
				default:
					t.Errorf("widget %q asks %s", w.Properties.Title, query)
					continue
				}
			} else {
				key = []string{fmt.Sprint(m[0]), fmt.Sprint(m[1])}
				for i := 2; i+1 < len(m); i += 2 {
					key = append(key, fmt.Sprint(m[i]))
					if !valueIsKnown(fmt.Sprint(m[i]), fmt.Sprint(m[i+1])) {
						t.Errorf("widget %q: there is no %v %v", w.Properties.Title, m[i], m[i+1])
					}
				}
			}
			metric := strings.Join(key, " ")
			shown[key[1]] = true
			if !metrics[metric] {
				t.Errorf("widget %q shows %s, which nothing publishes", w.Properties.Title, metric)
			}
		}
	}
	notifies := slices.ContainsFunc(plan.Functions(), func(f plan.Function) bool {
		return strings.HasPrefix(f.Name, plan.NotifierPrefix) && has(synthesised, f.Name+"Function")
	})
	for _, m := range plan.Metrics() {
		if !shown[m.Name] && (m.Name != plan.MetricMessages.Name || notifies) {
			t.Errorf("no graph shows %s", m.Name)
		}
	}
}
