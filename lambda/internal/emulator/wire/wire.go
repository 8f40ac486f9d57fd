// Package wire is what the emulated services share at the level of HTTP: the
// router that finds a service by the credential scope of the signature, the
// protocols of AWS, the log of calls, and the faults that are injected.
package wire

import (
	"net/http"
	"net/url"
	"time"
)

// Call is one request to an emulated service.
type Call struct {
	// Service is the signing name, such as ec2, or databricks.
	Service string
	// Action is the operation's name, such as CreateVpc.
	Action string
	// Caller is the access key id or OAuth client id that made the call. In the
	// emulator it is the name of the Lambda function that owns it, also where the
	// function has assumed a role.
	Caller string
	// AccessKey is the access key id itself, and Account the AWS account whose
	// services it leads to; empty for Databricks.
	AccessKey, Account string
	// Session is the ARN of the session, where the caller has assumed a role.
	Session string
	// Region of the credential scope; empty for Databricks.
	Region string
	// RequestID of the reply.
	RequestID string
	// Time of the emulated services at which the call arrived.
	Time time.Time
	// Form holds the parameters of the query protocols.
	Form url.Values
	// Body is the whole body of the request.
	Body []byte
	// HTTP is the request itself; its body has been read.
	HTTP *http.Request
}

// Operation serves one action. It returns what the protocol of its service
// encodes: a value for encoding/xml (query) or encoding/json, a *Response for
// REST. Its error should be an *Error; any other is an internal failure (500).
type Operation func(*Call) (any, error)

// Response is a reply as it goes over the wire.
type Response struct {
	Status int
	Header http.Header
	Body   []byte
}

// Error is a fault that a service reports to its client.
type Error struct {
	// Status is the HTTP status, 400 if zero.
	Status int
	// Code is the service's error code, such as InvalidVpcID.NotFound.
	Code string
	// Message for people.
	Message string
	// Extra members of a JSON error document.
	Extra map[string]any
	// Header is what a JSON reply has beside the headers of its protocol.
	Header http.Header
}

func (e *Error) Error() string { return e.Code + ": " + e.Message }

// Protocol is how a service speaks.
type Protocol int

// The protocols of the emulated services.
const (
	// EC2Query takes a form and answers XML with the response element of the
	// action and requestId.
	EC2Query Protocol = iota
	// Query takes a form and answers XML with <ActionResponse><ActionResult>.
	Query
	// JSON10 and JSON11 take and answer JSON; the action is in X-Amz-Target.
	JSON10
	JSON11
	// REST is decoded by the service itself.
	REST
)

// Service is one emulated AWS service.
type Service struct {
	// Name is the signing name in the credential scope, such as ec2.
	Name string
	// Protocol is how it speaks.
	Protocol Protocol
	// Namespace of the XML replies.
	Namespace string
	// Operations by action.
	Operations map[string]Operation
	// Route names the action of a REST request; empty if there is none.
	Route func(*http.Request) string
	// Fail encodes the error of a REST service.
	Fail func(*Call, *Error) *Response
}
