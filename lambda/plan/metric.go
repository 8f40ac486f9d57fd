package plan

// Metric is one in CloudWatch, of the functions or of AWS.
type Metric struct {
	Namespace string
	// Name in CamelCase.
	Name string
	// Unit as CloudWatch names it; empty for a metric of AWS.
	Unit string
	// Dimensions are the sets of dimensions that it is published under: each value
	// of each is one more metric to pay for, so workspaces are in none, and nothing
	// is published that AWS publishes already. An empty set is the metric without
	// dimensions.
	Dimensions [][]string
	// Doc is one sentence.
	Doc string
}

// MetricNamespace of everything that the functions publish.
const MetricNamespace = "Lakegate"

// Namespaces of metrics of AWS.
const (
	namespaceLambda = "AWS/Lambda"
	namespaceStates = "AWS/States"
	namespaceQueues = "AWS/SQS"
)

// Dimensions of metrics.
const (
	// DimensionStep is the name of a step or function.
	DimensionStep = "Step"
	// DimensionClass is a failure class.
	DimensionClass = "Class"
	// DimensionOutcome says how something ended.
	DimensionOutcome = "Outcome"
	// DimensionFunction, DimensionMachine and DimensionQueue are those of AWS.
	DimensionFunction = "FunctionName"
	DimensionMachine  = "StateMachineArn"
	DimensionQueue    = "QueueName"
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
		Namespace: MetricNamespace, Name: "Executions", Unit: "Count", Dimensions: [][]string{{DimensionOutcome}},
		Doc: "Executions that have ended, by outcome.",
	}
	MetricFailures = Metric{
		Namespace: MetricNamespace, Name: "Failures", Unit: "Count", Dimensions: [][]string{{DimensionClass}},
		Doc: "Executions that somebody has to look after, by class.",
	}
	MetricTimeToReady = Metric{
		Namespace: MetricNamespace, Name: "TimeToReady", Unit: "Seconds", Dimensions: [][]string{{}},
		Doc: "Time from the start of an execution until its workspace was Ready, if it changed anything.",
	}
	MetricStepTime = Metric{
		Namespace: MetricNamespace, Name: "StepTime", Unit: "Seconds", Dimensions: [][]string{{DimensionStep}},
		Doc: "Time that a step took; of one that waits, since it looked first.",
	}
	MetricRetries = Metric{
		Namespace: MetricNamespace, Name: "Retries", Unit: "Count", Dimensions: [][]string{{DimensionClass}},
		Doc: "Invocations that ended in a class which is retried without anybody.",
	}
	MetricDeviations = Metric{
		Namespace: MetricNamespace, Name: "Deviations", Unit: "Count", Dimensions: [][]string{{}},
		Doc: "Differences that were found between applied specs and the world.",
	}
	MetricDispatched = Metric{
		Namespace: MetricNamespace, Name: "Dispatched", Unit: "Count", Dimensions: [][]string{{}},
		Doc: "Executions that were started because a spec was pushed or deleted.",
	}
	MetricSurveys = Metric{
		Namespace: MetricNamespace, Name: "Surveys", Unit: "Count", Dimensions: [][]string{{DimensionOutcome}},
		Doc: "Surveys that were completed, and that failed.",
	}
	MetricUnsurveyed = Metric{
		Namespace: MetricNamespace, Name: "Unsurveyed", Unit: "Count", Dimensions: [][]string{{}},
		Doc: "Workspaces of which a survey could decide or do nothing.",
	}
	MetricMessages = Metric{
		Namespace: MetricNamespace, Name: "Messages", Unit: "Count", Dimensions: [][]string{{DimensionStep, DimensionOutcome}},
		Doc: "Messages to people, by function, sent and failed.",
	}
)

// What AWS publishes of its services.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
// https://docs.aws.amazon.com/step-functions/latest/dg/procedure-cw-metrics.html
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
var (
	LambdaErrors = Metric{
		Namespace: namespaceLambda, Name: "Errors", Dimensions: [][]string{{DimensionFunction}},
		Doc: "Invocations that ended in an error.",
	}
	LambdaDuration = Metric{
		Namespace: namespaceLambda, Name: "Duration", Dimensions: [][]string{{DimensionFunction}},
		Doc: "Time of one invocation of a function.",
	}
	LambdaInvocations = Metric{
		Namespace: namespaceLambda, Name: "Invocations", Dimensions: [][]string{{DimensionFunction}},
		Doc: "Invocations of a function.",
	}
	ExecutionsFailed = Metric{
		Namespace: namespaceStates, Name: "ExecutionsFailed", Dimensions: [][]string{{DimensionMachine}},
		Doc: "Executions that failed.",
	}
	ExecutionsTimedOut = Metric{
		Namespace: namespaceStates, Name: "ExecutionsTimedOut", Dimensions: [][]string{{DimensionMachine}},
		Doc: "Executions that took longer than they may.",
	}
	ExecutionsAborted = Metric{
		Namespace: namespaceStates, Name: "ExecutionsAborted", Dimensions: [][]string{{DimensionMachine}},
		Doc: "Executions that somebody stopped.",
	}
	ExecutionsStarted = Metric{
		Namespace: namespaceStates, Name: "ExecutionsStarted", Dimensions: [][]string{{DimensionMachine}},
		Doc: "Executions that were started.",
	}
	OpenExecutions = Metric{
		Namespace: namespaceStates, Name: "OpenExecutionCount", Dimensions: [][]string{{}},
		Doc: "About how many executions of the account are running.",
	}
	MessagesVisible = Metric{
		Namespace: namespaceQueues, Name: "ApproximateNumberOfMessagesVisible", Dimensions: [][]string{{DimensionQueue}},
		Doc: "Messages of a queue.",
	}
)

// Metrics returns all that the functions publish.
func Metrics() []Metric {
	return []Metric{
		MetricExecutions, MetricFailures, MetricTimeToReady, MetricStepTime, MetricRetries,
		MetricDeviations, MetricDispatched, MetricSurveys, MetricUnsurveyed, MetricMessages,
	}
}

// NotifierPrefix begins the names of functions that send messages to people.
const NotifierPrefix = "Notify"

// Retried says whether the state machine retries a class by itself.
func Retried(class string) bool { return class == Transient || class == Throttled || class == NotReady }
