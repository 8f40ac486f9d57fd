// Package cloudtrail emulates the event history of AWS CloudTrail: who changed
// which resource, some minutes after it was done. Calls that only look are not
// kept.
//
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html
package cloudtrail

import (
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/plan"
)

// Delay is how long after a call its event is found: on average five minutes.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
const Delay = 5 * time.Minute

// Service is the history of one account in all regions. It is safe for
// concurrent use.
type Service struct {
	hub     *wire.Hub
	account string

	mu     sync.Mutex
	events []event
}

// event is one call that was to change something.
type event struct {
	at                      time.Time
	region, service, action string
	caller, request, code   string
	// session is the ARN of the caller's session of a role of this account; empty
	// if it has none.
	session string
	// names are all values of the request: what it was about is among them.
	names []string
}

// New returns a history that watches the calls of a hub.
func New(hub *wire.Hub, account string) *Service {
	s := &Service{hub: hub, account: account}
	hub.Watch(s.record)
	return s
}

// Wire is the service as the router serves it.
func (s *Service) Wire() *wire.Service {
	return &wire.Service{Name: "cloudtrail", Protocol: wire.JSON11, Operations: map[string]wire.Operation{
		"LookupEvents": wire.Decoded(&s.mu, s.lookupEvents),
	}}
}

// recorded are the services whose calls are management events. Those about
// objects in buckets are data events, which the history does not have.
var recorded = []string{"ec2", "iam", "s3", "kms", "route53", "glue", "secretsmanager", "states", "events", "codecommit"}

func (s *Service) record(c *wire.Call, mutating bool, reply *wire.Response) {
	if c.Account != "" && c.Account != s.account || !mutating || !slices.Contains(recorded, c.Service) || c.Service == "s3" && strings.Contains(c.Action, "Object") {
		return
	}
	e := event{
		at: c.Time, region: c.Region, service: c.Service, action: c.Action, caller: c.Caller, request: c.RequestID, session: c.Session, names: namesIn(c),
	}
	if c.Service == "iam" || c.Service == "route53" {
		// Events of global services are in one region only.
		e.region = "us-east-1"
	}
	if reply != nil && reply.Status >= 400 {
		e.code = codeOf(reply)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

// namesIn are the values of a request: of its form, its path and its JSON.
func namesIn(c *wire.Call) []string {
	var names []string
	for _, values := range c.Form {
		names = append(names, values...)
	}
	if len(c.Form) > 0 {
		return names
	}
	for _, part := range strings.Split(c.HTTP.URL.Path, "/") {
		if text, err := url.PathUnescape(part); err == nil && text != "" {
			names = append(names, text)
		}
	}
	var body any
	if json.Unmarshal(c.Body, &body) == nil {
		names = append(names, valuesIn(body)...)
	}
	return names
}

func valuesIn(v any) []string {
	var out []string
	switch v := v.(type) {
	case string:
		out = append(out, v)
	case []any:
		for _, one := range v {
			out = append(out, valuesIn(one)...)
		}
	case map[string]any:
		for _, one := range v {
			out = append(out, valuesIn(one)...)
		}
	}
	return out
}

// errorCode finds the code in an error document of any protocol.
var errorCode = regexp.MustCompile(`<Code>([^<]+)</Code>|"__type"\s*:\s*"(?:[^"#]*#)?([^"]+)"`)

func codeOf(reply *wire.Response) string {
	m := errorCode.FindSubmatch(reply.Body)
	if m == nil {
		return strconv.Itoa(reply.Status)
	}
	return string(m[1]) + string(m[2])
}

type lookupEventsInput struct {
	LookupAttributes   []struct{ AttributeKey, AttributeValue string }
	StartTime, EndTime float64
	MaxResults         int
	NextToken          string
}

const maxResults = 50

func (s *Service) lookupEvents(c *wire.Call, in lookupEventsInput) (any, error) {
	limit := maxResults
	if in.MaxResults != 0 {
		limit = in.MaxResults
	}
	if limit < 1 || limit > maxResults {
		return nil, &wire.Error{Code: "InvalidMaxResultsException", Message: "A max results value of " + strconv.Itoa(limit) + " is invalid. Specify a value between 1 and 50."}
	}
	if len(in.LookupAttributes) > 1 {
		return nil, &wire.Error{Code: "InvalidLookupAttributesException", Message: "You can specify only one lookup attribute."}
	}
	var matches func(event) bool
	for _, a := range in.LookupAttributes {
		switch a.AttributeKey {
		case "ResourceName":
			matches = func(e event) bool { return slices.Contains(e.names, a.AttributeValue) }
		case "EventName":
			matches = func(e event) bool { return e.action == a.AttributeValue }
		case "Username":
			matches = func(e event) bool { return e.caller == a.AttributeValue }
		default:
			return nil, &wire.Error{Code: "InvalidLookupAttributesException", Message: "Lookup attribute " + a.AttributeKey + " is not emulated."}
		}
	}
	first := 0
	if in.NextToken != "" {
		var err error
		if first, err = strconv.Atoi(in.NextToken); err != nil {
			return nil, &wire.Error{Code: "InvalidNextTokenException", Message: "The token is invalid."}
		}
	}
	found := []map[string]any{}
	passed := 0
	out := map[string]any{}
	for _, e := range slices.Backward(s.events) {
		switch {
		case e.region != c.Region, c.Time.Sub(e.at) < Delay, matches != nil && !matches(e),
			in.StartTime != 0 && seconds(e.at) < in.StartTime, in.EndTime != 0 && seconds(e.at) > in.EndTime:
			continue
		}
		if passed++; passed <= first {
			continue
		}
		if len(found) == limit {
			out["NextToken"] = strconv.Itoa(first + limit)
			break
		}
		found = append(found, s.describe(e))
	}
	out["Events"] = found
	return out, nil
}

func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// describe is an event as it is looked up, with its record.
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
func (s *Service) describe(e event) map[string]any {
	arn, kind := fmt.Sprintf("arn:aws:iam::%s:user/%s", s.account, e.caller), "IAMUser"
	// The caller of a function's call is its name.
	if slices.ContainsFunc(plan.Steps(), func(p plan.Step) bool { return p.Name == e.caller }) ||
		slices.ContainsFunc(plan.Functions(), func(f plan.Function) bool { return f.Name == e.caller }) {
		name := plan.FunctionPrefix + e.caller
		arn, kind = fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", s.account, name, name), "AssumedRole"
	}
	name := e.caller
	if e.session != "" {
		arn, kind, name = e.session, "AssumedRole", e.session[strings.LastIndex(e.session, "/")+1:]
	}
	record := map[string]any{
		"eventVersion": "1.11", "eventID": e.request, "requestID": e.request, "eventTime": e.at.UTC().Format(time.RFC3339),
		"eventSource": e.service + ".amazonaws.com", "eventName": e.action, "awsRegion": e.region, "readOnly": false,
		"eventType": "AwsApiCall", "managementEvent": true, "recipientAccountId": s.account,
		"userIdentity": map[string]any{"type": kind, "arn": arn, "accountId": s.account},
	}
	if e.code != "" {
		record["errorCode"] = e.code
	}
	// It is made of texts alone.
	text, _ := json.Marshal(record)
	resources := []map[string]string{}
	for _, n := range e.names {
		resources = append(resources, map[string]string{"ResourceName": n})
	}
	return map[string]any{
		"EventId": e.request, "EventName": e.action, "ReadOnly": "false", "EventTime": seconds(e.at), "EventSource": e.service + ".amazonaws.com",
		"Username": name, "Resources": resources, "CloudTrailEvent": string(text),
	}
}
