package telemetry

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"lakegate/lambda/plan"
)

// Values are those of dimensions, by name.
type Values map[string]string

// Count publishes one value of a metric, with what the invocation of the context
// is about as properties, which cost nothing.
func Count(ctx context.Context, m plan.Metric, value float64, dimensions Values) {
	now := time.Now
	members := map[string]any{}
	if i := invocationOf(ctx); i != nil {
		now = i.now
		i.describe(members)
	}
	publish(ctx, now(), []point{{m, value}}, dimensions, members)
}

// End ends an invocation: it publishes what there is to say of it, and sends its
// trace segment. Class is that of the error it ended with; empty if there
// was none.
func (i *Invocation) End(ctx context.Context, class string) {
	now := i.now()
	took := now.Sub(i.began)
	i.mu.Lock()
	did := i.did
	i.mu.Unlock()
	var points []point
	dimensions := Values{plan.DimensionStep: i.step}
	if class == "" && did.finished {
		points = append(points, point{plan.MetricStepTime, max(did.waited, took).Seconds()})
	}
	if plan.Retried(class) {
		points = append(points, point{plan.MetricRetries, 1})
		dimensions[plan.DimensionClass] = class
	}
	if strings.HasPrefix(i.step, plan.NotifierPrefix) {
		switch {
		case class != "":
			points, dimensions[plan.DimensionOutcome] = append(points, point{plan.MetricMessages, 1}), plan.OutcomeFailed
		case did.outcome == plan.OutcomeSent:
			points, dimensions[plan.DimensionOutcome] = append(points, point{plan.MetricMessages, 1}), plan.OutcomeSent
		}
	}
	members := map[string]any{}
	i.describe(members)
	for name, value := range map[string]string{"outcome": did.outcome, "class": class} {
		if value != "" {
			members[name] = value
		}
	}
	publish(ctx, now, points, dimensions, members)
	i.send(outputOf(ctx).Segments, now, did.outcome, class)
}

// describe adds what is known of an invocation to the members of a line.
func (i *Invocation) describe(members map[string]any) {
	for _, p := range i.properties() {
		members[p.name] = p.value
	}
}

// point is a value of a metric.
type point struct {
	metric plan.Metric
	value  float64
}

// The embedded metric format of CloudWatch.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
type (
	embedded struct {
		// Timestamp in milliseconds since 1970.
		Timestamp         int64
		CloudWatchMetrics []directive
	}
	directive struct {
		Namespace  string
		Dimensions [][]string
		Metrics    []definition
	}
	definition struct{ Name, Unit string }
)

// publish writes a line from which CloudWatch takes the metrics. The members get
// those of the metrics and of their dimensions.
func publish(ctx context.Context, at time.Time, points []point, dimensions Values, members map[string]any) {
	lines := outputOf(ctx).Lines
	if lines == nil || len(points) == 0 {
		return
	}
	head := embedded{Timestamp: at.UnixMilli()}
	for _, p := range points {
		head.CloudWatchMetrics = append(head.CloudWatchMetrics, directive{
			Namespace: plan.MetricNamespace, Dimensions: p.metric.Dimensions,
			Metrics: []definition{{p.metric.Name, p.metric.Unit}},
		})
		members[p.metric.Name] = p.value
	}
	for name, value := range dimensions {
		members[name] = value
	}
	members["_aws"] = head
	text, err := json.Marshal(members)
	if err != nil {
		return
	}
	_, _ = lines.Write(append(text, '\n'))
}
