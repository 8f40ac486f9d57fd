package plan

import (
	"fmt"
	"time"
)

// Alarm watches one metric, and tells people.
type Alarm struct {
	// Name in CamelCase.
	Name string
	// Doc is the alarm's description, for whoever is woken by it: what it means and
	// what to do first.
	Doc string
	// Metric, and the values of its dimensions, which may have placeholders.
	Metric Metric
	Values map[string]string
	// Statistic of the metric over a Period. The alarm goes off when the last
	// Periods of them are all at the threshold or above it, or below it if Below says
	// so.
	Statistic string
	Period    time.Duration
	Periods   int
	Threshold float64
	Below     bool
	// Schedule that the metric follows: the periods have to be as many as the
	// schedule needs, and without it there is no alarm. Empty for most.
	Schedule string
}

// watched is how often most alarms look.
const watched = 5 * time.Minute

// Alarms returns what people are told of by CloudWatch. For Step Functions an
// execution that was overtaken, or whose spec was rejected, has failed like any
// other, so failures are those that ReportFailure counts; alarms on its own errors
// and on dead letters tell if it does not.
func Alarms() []Alarm {
	alarms := []Alarm{once("ExecutionFailed", MetricExecutions, map[string]string{DimensionOutcome: OutcomeFailed},
		"An execution failed, and somebody has to look after it. First: make status, or open the red state of the execution. Its error says who acts and what to do; then redrive the execution or push the spec again.")}
	for _, m := range Machines() {
		of := map[string]string{DimensionMachine: m.Placeholder}
		alarms = append(
			alarms,
			once(m.ID+"TimedOut", ExecutionsTimedOut, of, fmt.Sprintf(
				"An execution of %s took longer than it may, which no step has noticed. First: open the execution and see in which state it waited; then push the spec again.", m.Name)),
			once(m.ID+"Aborted", ExecutionsAborted, of, fmt.Sprintf(
				"Somebody stopped an execution of %s. What exists stays as it is. First: ask who did it and why (CloudTrail, StopExecution); then redrive the execution or push the spec again.", m.Name)),
		)
	}
	alarms = append(alarms, Alarm{
		Name:   "DeadLetters",
		Doc:    "An event could not be handled by any attempt, so that a push, a deletion or a failure may have had no effect. First: receive the messages of the queue, which hold the event and the error; mend the cause; then the next survey makes good what was missed, or push the spec again. Delete the messages when done.",
		Metric: MessagesVisible, Values: map[string]string{DimensionQueue: DeadLetterQueueName},
		Statistic: "Maximum", Period: watched, Periods: 1, Threshold: 1,
	})
	for _, f := range Functions() {
		// A product that is slow once is asked again; what none of the attempts could
		// tell is a dead letter.
		if f.Product != "" {
			continue
		}
		doc := f.OnError
		if doc == "" {
			doc = f.Doc + " First: read the last lines of its log, which have the error."
		}
		alarms = append(alarms, once(f.Name+"Failed", LambdaErrors, map[string]string{DimensionFunction: FunctionPrefix + f.Name},
			"An invocation of "+FunctionPrefix+f.Name+" failed; AWS Lambda tries it twice more. "+doc))
	}
	for _, s := range Schedules() {
		alarms = append(alarms, Alarm{
			Name:   s.Name + "Missed",
			Doc:    "The schedule " + FunctionPrefix + s.Name + " has not invoked its function for longer than it should take. What events have missed is not made good, and drift is not seen. First: see that the schedule is enabled and that its role may invoke the function; then invoke the function by hand.",
			Metric: LambdaInvocations, Values: map[string]string{DimensionFunction: FunctionPrefix + s.Target},
			Statistic: "Sum", Period: time.Hour, Threshold: 1, Below: true, Schedule: s.Name,
		})
	}
	return append(alarms, once("Unsurveyed", MetricUnsurveyed, nil,
		"The survey could decide or do nothing of some workspaces. First: read the log of "+FunctionPrefix+survey.Name+" or its event Survey Completed, which list them with the error of each."))
}

// once is an alarm that goes off at the first occurrence.
func once(name string, m Metric, values map[string]string, doc string) Alarm {
	return Alarm{
		Name: name, Doc: doc, Metric: m, Values: values,
		Statistic: "Sum", Period: watched, Periods: 1, Threshold: 1,
	}
}
