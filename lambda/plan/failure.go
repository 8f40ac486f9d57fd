package plan

import "time"

// Failure classes are the error names that Step Functions sees. A class says
// who acts: the machine (it retries), the author, an operator, or the
// maintainers of this project.
const (
	// Transient is a fault of a service or of the network that passes.
	Transient = "Transient"
	// Throttled is a service that asks for fewer calls.
	Throttled = "Throttled"
	// NotReady is something that exists but is not visible everywhere yet, as
	// fresh ids and IAM changes are for a while.
	NotReady = "NotReady"
	// SpecInvalid is a spec that its author has to mend.
	SpecInvalid = "SpecInvalid"
	// AccessDenied is a permission that an operator has to give.
	AccessDenied = "AccessDenied"
	// QuotaExceeded is a limit that an operator has to raise.
	QuotaExceeded = "QuotaExceeded"
	// ActionRequired is something that people have to arrange outside of AWS
	// and Databricks APIs, such as enabling PrivateLink.
	ActionRequired = "ActionRequired"
	// Conflict is a world that differs from the spec in a way that must not be
	// mended without asking.
	Conflict = "Conflict"
	// VerificationFailed is a workspace that runs, but was shown not to work or
	// not to be closed. Nothing is torn down.
	VerificationFailed = "VerificationFailed"
	// TimedOut is a wait that took longer than its deadline.
	TimedOut = "TimedOut"
	// Superseded is an execution that a newer revision has overtaken.
	Superseded = "Superseded"
	// Internal is a defect of this project.
	Internal = "Internal"
)

// Classes returns every failure class, retried ones first.
func Classes() []string {
	return []string{
		Transient, Throttled, NotReady, SpecInvalid, AccessDenied, QuotaExceeded,
		ActionRequired, Conflict, VerificationFailed, TimedOut, Superseded, Internal,
	}
}

var actors = map[string]string{
	Transient: "nobody; an operator, if it lasts", Throttled: "nobody; an operator, if it lasts", NotReady: "nobody; an operator, if it lasts",
	SpecInvalid: "author", AccessDenied: "operator", QuotaExceeded: "operator", ActionRequired: "operator",
	Conflict: "author or operator", VerificationFailed: "operator", TimedOut: "operator", Superseded: "nobody", Internal: "maintainers of Lakegate",
}

// Actor says who has to act on a failure of a class.
func Actor(class string) string { return actors[class] }

// Retrier is one retry rule of every Task state.
type Retrier struct {
	Errors      []string
	Interval    time.Duration
	MaxAttempts int
	BackoffRate float64
	MaxDelay    time.Duration
}

// Retriers returns the retry rules of every Task state. Errors that are not
// named here fail the execution at once.
func Retriers() []Retrier {
	return []Retrier{
		{
			// Steps are safe to repeat, so a function that died or timed out is
			// simply run again.
			Errors: []string{
				Transient, "Lambda.ServiceException", "Lambda.AWSLambdaException",
				"Lambda.SdkClientException", "Lambda.ClientExecutionTimeoutException",
				"Lambda.Unknown", "Sandbox.Timedout", "States.Timeout",
			},
			Interval: 2 * time.Second, MaxAttempts: 6, BackoffRate: 2, MaxDelay: 60 * time.Second,
		},
		{
			// Whoever is refused has to wait until those before it are served: by the
			// tightest limit, 0.3 calls per second, that is an hour for a thousand
			// calls. The jitter halves the pauses on the average, so the rule waits for
			// more than one and a half.
			Errors:   []string{Throttled, "Lambda.TooManyRequestsException"},
			Interval: 4 * time.Second, MaxAttempts: 100, BackoffRate: 2, MaxDelay: 120 * time.Second,
		},
		{
			// IAM changes are usually visible within seconds and at the latest
			// within about two minutes; the rule waits for up to four.
			Errors:   []string{NotReady},
			Interval: 4 * time.Second, MaxAttempts: 14, BackoffRate: 1.5, MaxDelay: 20 * time.Second,
		},
	}
}
