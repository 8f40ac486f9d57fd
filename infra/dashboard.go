package main

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awscloudwatch"
	"github.com/aws/aws-cdk-go/awscdk/v2/awslambda"
	"github.com/aws/jsii-runtime-go"

	"lakegate/lambda/plan"
)

// widget is one of a dashboard, as CloudWatch writes it.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
type widget struct {
	Type       string `json:"type"`
	X          int    `json:"x"`
	Y          int    `json:"y"`
	Width      int    `json:"width"`
	Height     int    `json:"height"`
	Properties any    `json:"properties"`
}

// graph is what a widget of metrics shows.
type graph struct {
	Title   string `json:"title"`
	Region  string `json:"region"`
	View    string `json:"view"`
	Stacked bool   `json:"stacked"`
	Period  int    `json:"period"`
	Metrics []any  `json:"metrics"`
	YAxis   *yAxis `json:"yAxis,omitempty"`
}

type yAxis struct {
	Left axis `json:"left"`
}

type axis struct {
	Min       int  `json:"min"`
	ShowUnits bool `json:"showUnits"`
}

// alarmList is what a widget of alarms shows.
type alarmList struct {
	Title  string   `json:"title"`
	Alarms []string `json:"alarms"`
}

// line is one line of a graph.
type line struct {
	metric plan.Metric
	values map[string]string
	stat   string
	label  string
}

// A dashboard is 24 units wide: three graphs side by side.
const dashboardWidth, graphWidth, graphHeight = 24, 8, 6

// dashboard lays out widgets from left to right and from top to bottom.
type dashboard struct {
	region  string
	values  placeholders
	widgets []widget
	x, y    int
}

// newDashboard makes the dashboard of the stack, which shows the functions that
// the stack has.
func newDashboard(stack awscdk.Stack, values placeholders, made map[string]awslambda.CfnFunction, alarms []string) {
	d := &dashboard{region: *stack.Region(), values: values}
	d.add(dashboardWidth, 3, "alarm", alarmList{Title: "Alarms", Alarms: alarms})

	d.graph("How executions ended", true, lines(plan.MetricExecutions, plan.DimensionOutcome, plan.ExecutionOutcomes()))
	d.graph("Failures by class", true, lines(plan.MetricFailures, plan.DimensionClass, plan.Classes()))
	d.graph("Executions that run, in the account and region", false, []line{{plan.OpenExecutions, nil, "Maximum", "running"}})

	d.graph("Time to Ready (seconds)", false, []line{
		{plan.MetricTimeToReady, nil, "p50", "median"}, {plan.MetricTimeToReady, nil, "p90", "p90"}, {plan.MetricTimeToReady, nil, "p99", "p99"},
	})
	d.ranking("Slowest steps, with what they wait for (seconds)", plan.MetricStepTime)
	d.rankingOfFunctions("Slowest invocations (milliseconds)", plan.LambdaDuration)

	d.graph("Executions started", true, append(
		[]line{{plan.MetricDispatched, nil, "Sum", "by a push or deletion"}}, perMachine(plan.ExecutionsStarted)...))
	d.graph("Retries by class; Throttled are throttles", true, lines(plan.MetricRetries, plan.DimensionClass, retriedClasses()))
	d.graph("Executions that did not succeed, as AWS counts them", true, append(append(
		perMachine(plan.ExecutionsFailed), perMachine(plan.ExecutionsTimedOut)...), perMachine(plan.ExecutionsAborted)...))

	var functions, messages []line
	for _, f := range plan.Functions() {
		if made[f.Name] == nil {
			continue
		}
		functions = append(functions, line{plan.LambdaErrors, map[string]string{plan.DimensionFunction: plan.FunctionPrefix + f.Name}, "Sum", f.Name})
		if strings.HasPrefix(f.Name, plan.NotifierPrefix) {
			for _, outcome := range []string{plan.OutcomeSent, plan.OutcomeFailed} {
				messages = append(messages, line{
					plan.MetricMessages, map[string]string{plan.DimensionStep: f.Name, plan.DimensionOutcome: outcome}, "Sum", f.Name + " " + outcome,
				})
			}
		}
	}
	d.graph("Errors of functions that are no steps", true, functions)
	d.graph("Dead letters", false, []line{{plan.MessagesVisible, map[string]string{plan.DimensionQueue: plan.DeadLetterQueueName}, "Maximum", "waiting"}})
	d.graph("Drift and surveys", false, append(
		[]line{{plan.MetricDeviations, nil, "Sum", "deviations"}, {plan.MetricUnsurveyed, nil, "Sum", "workspaces not surveyed"}},
		lines(plan.MetricSurveys, plan.DimensionOutcome, []string{plan.OutcomeCompleted, plan.OutcomeFailed})...))
	if len(messages) > 0 {
		d.graph("Messages to people", true, messages)
	}

	body, err := json.Marshal(map[string]any{"start": "-P7D", "widgets": d.widgets})
	if err != nil {
		panic(fmt.Sprintf("infra: encoding the dashboard: %v", err))
	}
	awscloudwatch.NewCfnDashboard(stack, jsii.String("Dashboard"), &awscloudwatch.CfnDashboardProps{
		DashboardName: jsii.String(stackName), DashboardBody: jsii.String(string(body)),
	})
}

// lines has a line for each value of a dimension.
func lines(m plan.Metric, dimension string, values []string) []line {
	var out []line
	for _, v := range values {
		out = append(out, line{m, map[string]string{dimension: v}, "Sum", v})
	}
	return out
}

// perMachine has a line for each state machine.
func perMachine(m plan.Metric) []line {
	var out []line
	for _, machine := range plan.Machines() {
		out = append(out, line{m, map[string]string{plan.DimensionMachine: machine.Placeholder}, "Sum", machine.Name + " " + m.Name})
	}
	return out
}

func retriedClasses() []string {
	var out []string
	for _, class := range plan.Classes() {
		if plan.Retried(class) {
			out = append(out, class)
		}
	}
	return out
}

// graph adds a graph of metrics over time.
func (d *dashboard) graph(title string, stacked bool, of []line) {
	g := graph{Title: title, Region: d.region, View: "timeSeries", Stacked: stacked, Period: 3600, YAxis: &yAxis{}}
	for _, l := range of {
		metric := []any{l.metric.Namespace, l.metric.Name}
		for _, key := range dimensionsOf(l.metric, l.values) {
			metric = append(metric, key, d.values.fill(l.values[key]))
		}
		g.Metrics = append(g.Metrics, append(metric, map[string]string{"stat": l.stat, "label": l.label}))
	}
	d.add(graphWidth, graphHeight, "metric", g)
}

// ranking adds a graph of the steps with the greatest values of a metric.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-querylanguage.html
func (d *dashboard) ranking(title string, m plan.Metric) {
	d.expression(title, fmt.Sprintf("SELECT MAX(%s) FROM SCHEMA(%s, %s) GROUP BY %s ORDER BY MAX() DESC LIMIT 10",
		m.Name, m.Namespace, plan.DimensionStep, plan.DimensionStep))
}

// rankingOfFunctions adds a graph of our functions with the greatest values of a
// metric of AWS, which has those of others, too.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
func (d *dashboard) rankingOfFunctions(title string, m plan.Metric) {
	d.expression(title, fmt.Sprintf(`SORT(SEARCH('{%s,%s} MetricName="%s" %s=%s', 'Maximum', 3600), MAX, DESC, 10)`,
		m.Namespace, plan.DimensionFunction, m.Name, plan.DimensionFunction, strings.TrimSuffix(plan.FunctionPrefix, "-")))
}

func (d *dashboard) expression(title, expression string) {
	d.add(graphWidth, graphHeight, "metric", graph{
		Title: title, Region: d.region, View: "timeSeries", Period: 3600, YAxis: &yAxis{},
		Metrics: []any{[]any{map[string]string{"id": "slowest", "label": "", "expression": expression}}},
	})
}

func (d *dashboard) add(width, height int, kind string, properties any) {
	if d.x+width > dashboardWidth {
		d.x, d.y = 0, d.y+d.widgets[len(d.widgets)-1].Height
	}
	d.widgets = append(d.widgets, widget{Type: kind, X: d.x, Y: d.y, Width: width, Height: height, Properties: properties})
	d.x += width
}
