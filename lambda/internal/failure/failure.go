// Package failure gives every error a class that says who acts, a remedy that
// says what to do next, and the name under which Step Functions sees it.
//
// Inside the process errors are wrapped with %w as usual. Only the edge of a
// handler calls AtEdge: Step Functions sees the Go type name of the outermost
// error, and a wrapped one would arrive as wrapError, which no retrier matches.
package failure

import (
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/lambda/messages"

	"lakegate/lambda/plan"
)

// Error is an error with a class and a remedy.
type Error struct {
	// Class is one of the classes of package plan.
	Class string
	// Remedy says what to do next; empty where the class says enough.
	Remedy string
	// Err says what was being done, to which object, and what came back.
	Err error
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns an error of a class with a remedy.
func New(class, remedy, format string, args ...any) error {
	return &Error{Class: class, Remedy: remedy, Err: fmt.Errorf(format, args...)}
}

// As gives an error a class and a remedy of the caller's choice.
func As(class, remedy string, err error) error {
	if err == nil {
		return nil
	}
	return &Error{Class: class, Remedy: remedy, Err: err}
}

// Is says whether an error is of a class.
func Is(err error, class string) bool { return err != nil && Classify(err).Class == class }

// remedyMark separates what happened from what to do in a message.
const remedyMark = "\n\nWhat to do: "

// Message is the text of an error for people: what happened, then what to do,
// without anything that is secret or different at every attempt.
func Message(err error) string {
	e := Classify(err)
	text := Scrub(e.Err.Error())
	if remedy := e.remedy(); remedy != "" {
		text += remedyMark + remedy
	}
	return text
}

// Split takes a message apart again: what happened, and what to do.
func Split(message string) (what, remedy string) {
	what, remedy, _ = strings.Cut(message, remedyMark)
	return what, remedy
}

// AtEdge converts an error to the form in which the Lambda runtime passes on
// its class as the error name.
func AtEdge(err error) error {
	if err == nil {
		return nil
	}
	e := Classify(err)
	return messages.InvokeResponse_Error{Type: e.Class, Message: Message(e)}
}

func (e *Error) remedy() string {
	if e.Remedy != "" {
		return e.Remedy
	}
	return remedies[e.Class]
}

// Remedy returns what to do about a class when an error itself says nothing.
func Remedy(class string) string { return remedies[class] }

// remedies are what to do about a class when the error itself says nothing.
var remedies = map[string]string{
	plan.Transient:          "The service failed or did not answer, also when asked again. Redrive the execution when it has recovered.",
	plan.Throttled:          "The service asked for fewer calls for minutes. Redrive the execution, or raise the rate limit of the account.",
	plan.NotReady:           "Something that was created did not become visible within minutes. Redrive the execution; if that does not help, look whether it was deleted.",
	plan.SpecInvalid:        "Correct the spec and push it again.",
	plan.AccessDenied:       "Give the permission that is named above (a role, a service control policy or a boundary withholds it), then redrive the execution.",
	plan.QuotaExceeded:      "Raise the quota that is named above or remove what is no longer used, then redrive the execution.",
	plan.ActionRequired:     "Arrange what is named above, then redrive the execution.",
	plan.Conflict:           "Decide which side is right and change the other one, then redrive the execution.",
	plan.VerificationFailed: "Remove the cause that is named above, then redrive the execution: it checks again.",
	plan.TimedOut:           "Look at the object that is named above. Redrive the execution to go on waiting.",
	plan.Superseded:         "Nothing: a newer revision of this workspace took over.",
	plan.Internal:           "This is a defect of Lakegate. The function's log has the details.",
}
