package plan

// Metric is one that the functions publish, in MetricNamespace.
type Metric struct {
	// Name in CamelCase.
	Name string
	// Unit as CloudWatch names it.
	Unit string
	// Dimensions are the sets of dimensions that it is published under: each set is
	// one more metric to pay for, so workspaces are in none. An empty set is the
	// metric without dimensions.
	Dimensions [][]string
	// Doc is one sentence.
	Doc string
}

// MetricNamespace of everything that the functions publish.
const MetricNamespace = "Lakegate"

// Dimensions of metrics.
const (
	// DimensionStep is the name of a step or function.
	DimensionStep = "Step"
	// DimensionClass is a failure class.
	DimensionClass = "Class"
	// DimensionOutcome says how something ended.
	DimensionOutcome = "Outcome"
)

// Outcomes of executions.
const (
	// OutcomeReady is a workspace that was made or changed and is proven.
	OutcomeReady = "Ready"
	// OutcomeUnchanged is one that was as its spec wants it.
	OutcomeUnchanged = "Unchanged"
	// OutcomeFailed is an execution that somebody has to look after; the metric has
	// its class as well.
	OutcomeFailed = "Failed"
	// OutcomeRejected is a spec that is not valid.
	OutcomeRejected = "Rejected"
	// OutcomeSuperseded is an execution that a newer revision has overtaken.
	OutcomeSuperseded = "Superseded"
	// OutcomeRetired is a workspace whose spec was deleted.
	OutcomeRetired = "Retired"
	// OutcomeSuspended is a spec that stops reconciling.
	OutcomeSuspended = "Suspended"
)

// ExecutionOutcomes returns every outcome of an execution, the good ones first.
func ExecutionOutcomes() []string {
	return []string{
		OutcomeReady, OutcomeUnchanged, OutcomeRetired, OutcomeSuspended, OutcomeSuperseded, OutcomeRejected, OutcomeFailed,
	}
}

// Outcomes of surveys and of messages.
const (
	// OutcomeCompleted is a survey that has looked at everything.
	OutcomeCompleted = "Completed"
	// OutcomeSent is a message that was taken.
	OutcomeSent = "Sent"
)

// What the functions publish.
var (
	MetricExecutions = Metric{
		Name: "Executions", Unit: "Count", Dimensions: [][]string{{DimensionOutcome}},
		Doc: "Executions that have ended, by outcome.",
	}
	MetricFailures = Metric{
		Name: "Failures", Unit: "Count", Dimensions: [][]string{{DimensionClass}},
		Doc: "Executions that somebody has to look after, by class.",
	}
	MetricTimeToReady = Metric{
		Name: "TimeToReady", Unit: "Seconds", Dimensions: [][]string{{}},
		Doc: "Time from the start of an execution until its workspace was Ready, if it changed anything.",
	}
	MetricStepTime = Metric{
		Name: "StepTime", Unit: "Seconds", Dimensions: [][]string{{DimensionStep}},
		Doc: "Time that a step took; of one that waits, since it looked first.",
	}
	MetricInvocationTime = Metric{
		Name: "InvocationTime", Unit: "Milliseconds", Dimensions: [][]string{{DimensionStep}},
		Doc: "Time of one invocation of a function.",
	}
	MetricRetries = Metric{
		Name: "Retries", Unit: "Count", Dimensions: [][]string{{DimensionClass}},
		Doc: "Invocations that ended in a class which is retried without anybody.",
	}
	MetricDeviations = Metric{
		Name: "Deviations", Unit: "Count", Dimensions: [][]string{{}},
		Doc: "Differences that were found between applied specs and the world.",
	}
	MetricDispatched = Metric{
		Name: "Dispatched", Unit: "Count", Dimensions: [][]string{{}},
		Doc: "Executions that were started because a spec was pushed or deleted.",
	}
	MetricSurveys = Metric{
		Name: "Surveys", Unit: "Count", Dimensions: [][]string{{DimensionOutcome}},
		Doc: "Surveys that were completed, and that failed.",
	}
	MetricUnsurveyed = Metric{
		Name: "Unsurveyed", Unit: "Count", Dimensions: [][]string{{}},
		Doc: "Workspaces of which a survey could decide or do nothing.",
	}
	MetricMessages = Metric{
		Name: "Messages", Unit: "Count", Dimensions: [][]string{{DimensionStep, DimensionOutcome}},
		Doc: "Messages to people, by function, sent and failed.",
	}
)

// Metrics returns all that the functions publish.
func Metrics() []Metric {
	return []Metric{
		MetricExecutions, MetricFailures, MetricTimeToReady, MetricStepTime, MetricInvocationTime, MetricRetries,
		MetricDeviations, MetricDispatched, MetricSurveys, MetricUnsurveyed, MetricMessages,
	}
}

// NotifierPrefix begins the names of functions that send messages to people.
const NotifierPrefix = "Notify"

// Retried says whether the state machine retries a class by itself.
func Retried(class string) bool { return class == Transient || class == Throttled || class == NotReady }
