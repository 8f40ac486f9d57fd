// Package policy reads IAM policy documents and decides what they allow, as far
// as the emulated services need it: Allow and Deny, wildcards, and the simple
// string conditions.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Document is a policy document.
type Document struct {
	// Version is 2012-10-17 or 2008-10-17; the latter if the document has none.
	Version    string
	Statements []Statement
}

// Statement is one statement of a policy document. An element that the document
// does not have is nil.
type Statement struct {
	// Sid is the optional name of the statement.
	Sid string
	// Effect is Allow or Deny.
	Effect string
	// Principals by kind, such as AWS or Service. The principal "*" is the value
	// "*" of the kind "*".
	Principals map[string][]string
	// NotPrincipal says that the document has the element NotPrincipal.
	NotPrincipal bool
	Actions      []string
	NotActions   []string
	Resources    []string
	NotResources []string
	// Conditions are values by operator and context key.
	Conditions map[string]map[string][]string
}

// ErrNotJSON says that the text of a policy is not JSON.
var ErrNotJSON = errors.New("This policy contains invalid Json") //nolint:staticcheck // the service's own words

// Parse reads a policy document. Names of elements are compared exactly, as AWS
// does.
func Parse(text string) (Document, error) {
	if !json.Valid([]byte(text)) {
		return Document{}, ErrNotJSON
	}
	members, err := object([]byte(text))
	if err != nil {
		return Document{}, errors.New("a policy must be a JSON object")
	}
	doc := Document{Version: "2008-10-17"}
	for name, raw := range members {
		switch name {
		case "Version":
			if err := json.Unmarshal(raw, &doc.Version); err != nil || (doc.Version != "2012-10-17" && doc.Version != "2008-10-17") {
				return Document{}, errors.New("the policy's Version must be 2012-10-17 or 2008-10-17")
			}
		case "Id":
			var id string
			if err := json.Unmarshal(raw, &id); err != nil {
				return Document{}, errors.New("the policy's Id must be a string")
			}
		case "Statement":
			if doc.Statements, err = statements(raw); err != nil {
				return Document{}, err
			}
		default:
			return Document{}, fmt.Errorf("a policy has no element %q", name)
		}
	}
	if len(doc.Statements) == 0 {
		return Document{}, errors.New("the policy has no statement")
	}
	return doc, nil
}

// object reads the members of a JSON object.
func object(raw []byte) (map[string]json.RawMessage, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		return nil, err
	}
	if members == nil {
		return nil, errors.New("null is not an object")
	}
	return members, nil
}

func statements(raw json.RawMessage) ([]Statement, error) {
	list := []json.RawMessage{raw}
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
	}
	var out []Statement
	for i, raw := range list {
		s, err := statement(raw)
		if err != nil {
			return nil, fmt.Errorf("statement %d: %w", i+1, err)
		}
		out = append(out, s)
	}
	return out, nil
}

func statement(raw json.RawMessage) (Statement, error) {
	members, err := object(raw)
	if err != nil {
		return Statement{}, errors.New("a statement must be a JSON object")
	}
	var s Statement
	for name, raw := range members {
		switch name {
		case "Sid":
			err = json.Unmarshal(raw, &s.Sid)
		case "Effect":
			err = json.Unmarshal(raw, &s.Effect)
		case "Principal":
			s.Principals, err = principals(raw)
		case "NotPrincipal":
			s.NotPrincipal = true
			_, err = principals(raw)
		case "Action":
			s.Actions, err = oneOrMany(raw)
		case "NotAction":
			s.NotActions, err = oneOrMany(raw)
		case "Resource":
			s.Resources, err = oneOrMany(raw)
		case "NotResource":
			s.NotResources, err = oneOrMany(raw)
		case "Condition":
			s.Conditions, err = conditions(raw)
		default:
			return Statement{}, fmt.Errorf("a statement has no element %q", name)
		}
		if err != nil {
			return Statement{}, fmt.Errorf("element %s: %w", name, err)
		}
	}
	switch {
	case s.Effect != "Allow" && s.Effect != "Deny":
		return Statement{}, errors.New("the Effect must be Allow or Deny")
	case s.Actions == nil && s.NotActions == nil:
		return Statement{}, errors.New("the element Action is missing")
	case s.Actions != nil && s.NotActions != nil:
		return Statement{}, errors.New("the elements Action and NotAction exclude each other")
	case s.Resources != nil && s.NotResources != nil:
		return Statement{}, errors.New("the elements Resource and NotResource exclude each other")
	}
	return s, nil
}

func principals(raw json.RawMessage) (map[string][]string, error) {
	var everyone string
	if err := json.Unmarshal(raw, &everyone); err == nil {
		if everyone != "*" {
			return nil, fmt.Errorf("the principal %q is neither * nor an object", everyone)
		}
		return map[string][]string{"*": {"*"}}, nil
	}
	members, err := object(raw)
	if err != nil {
		return nil, err
	}
	out := map[string][]string{}
	for kind, raw := range members {
		if !slices.Contains([]string{"AWS", "Service", "Federated", "CanonicalUser"}, kind) {
			return nil, fmt.Errorf("there are no principals of the kind %q", kind)
		}
		if out[kind], err = oneOrMany(raw); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func conditions(raw json.RawMessage) (map[string]map[string][]string, error) {
	operators, err := object(raw)
	if err != nil {
		return nil, err
	}
	out := map[string]map[string][]string{}
	for operator, raw := range operators {
		keys, err := object(raw)
		if err != nil {
			return nil, err
		}
		out[operator] = map[string][]string{}
		for key, raw := range keys {
			if out[operator][key], err = values(raw); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// oneOrMany reads a string or a list of at least one string.
func oneOrMany(raw json.RawMessage) ([]string, error) {
	var one string
	if err := json.Unmarshal(raw, &one); err == nil && !bytes.Equal(raw, []byte("null")) {
		return []string{one}, nil
	}
	var many []string
	if err := json.Unmarshal(raw, &many); err != nil || len(many) == 0 {
		return nil, errors.New("a string or a list of strings is expected")
	}
	return many, nil
}

// values reads the operands of a condition, which may be numbers and booleans
// too.
func values(raw json.RawMessage) ([]string, error) {
	list := []json.RawMessage{raw}
	if bytes.HasPrefix(bytes.TrimSpace(raw), []byte("[")) {
		if err := json.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
	}
	out := []string{}
	for _, raw := range list {
		var value any
		if err := json.Unmarshal(raw, &value); err != nil {
			return nil, err
		}
		switch value := value.(type) {
		case string:
			out = append(out, value)
		case bool, float64:
			out = append(out, string(raw))
		default:
			return nil, errors.New("a condition compares with strings, numbers and booleans only")
		}
	}
	return out, nil
}

// Request is what a policy is asked about.
type Request struct {
	// Action such as ec2:RunInstances.
	Action string
	// Resource is an ARN, or * for any.
	Resource string
	// Context holds the values of the context keys.
	Context map[string][]string
}

// Matches says whether the statement speaks about the request, whatever its
// principal, and which context keys it wanted that the request does not have.
// A condition operator that is not known is not met.
func (s Statement) Matches(r Request) (matched bool, missing []string) {
	if s.Actions != nil && !anyMatch(s.Actions, r.Action, true) {
		return false, nil
	}
	if s.NotActions != nil && anyMatch(s.NotActions, r.Action, true) {
		return false, nil
	}
	if s.Resources != nil && !anyMatch(s.Resources, r.Resource, false) {
		return false, nil
	}
	if s.NotResources != nil && anyMatch(s.NotResources, r.Resource, false) {
		return false, nil
	}
	return s.conditionsMet(r.Context)
}

func (s Statement) conditionsMet(context map[string][]string) (met bool, missing []string) {
	met = true
	for operator, keys := range s.Conditions {
		for key, want := range keys {
			have, ok := lookup(context, key)
			if !ok && operator != "Null" {
				missing = append(missing, key)
			}
			met = met && compare(operator, have, ok, want)
		}
	}
	slices.Sort(missing)
	return met, slices.Compact(missing)
}

// lookup finds a context key; their names do not depend on case.
func lookup(context map[string][]string, key string) ([]string, bool) {
	for name, values := range context {
		if strings.EqualFold(name, key) {
			return values, true
		}
	}
	return nil, false
}

// compare applies one condition operator.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
func compare(operator string, have []string, present bool, want []string) bool {
	operator, ifExists := strings.CutSuffix(operator, "IfExists")
	if ifExists && !present {
		return true
	}
	if operator == "Null" {
		return slices.Contains(want, strconv.FormatBool(!present))
	}
	operator, all := strings.CutPrefix(operator, "ForAllValues:")
	var equal func(have, want string) bool
	switch operator {
	case "StringEquals", "StringNotEquals":
		equal = func(have, want string) bool { return have == want }
	case "Bool", "StringEqualsIgnoreCase":
		equal = strings.EqualFold
	case "StringLike", "StringNotLike", "ArnLike", "ArnEquals":
		equal = func(have, want string) bool { return Wildcard(want, have) }
	default:
		return false
	}
	matches := func(have string) bool {
		return slices.ContainsFunc(want, func(want string) bool { return equal(have, want) })
	}
	switch negated := strings.HasPrefix(operator, "StringNot"); {
	case negated:
		return !slices.ContainsFunc(have, matches)
	case all:
		// Without any value it is met too.
		return !slices.ContainsFunc(have, func(have string) bool { return !matches(have) })
	}
	return slices.ContainsFunc(have, matches)
}

func anyMatch(patterns []string, s string, foldCase bool) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		if foldCase {
			return Wildcard(strings.ToLower(pattern), strings.ToLower(s))
		}
		return Wildcard(pattern, s)
	})
}

// Wildcard says whether s matches a pattern in which * stands for any number of
// characters and ? for one.
func Wildcard(pattern, s string) bool {
	star, resume := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p, i = p+1, i+1
		case star >= 0:
			resume++
			p, i = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// Decision is the outcome of an evaluation, in the words of the policy
// simulator.
type Decision string

// The outcomes of an evaluation.
const (
	Allowed      Decision = "allowed"
	ExplicitDeny Decision = "explicitDeny"
	ImplicitDeny Decision = "implicitDeny"
)

// Result is the outcome of an evaluation and what led to it.
type Result struct {
	Decision Decision
	// Matched are the names of the policies that decided.
	Matched []string
	// Missing are the context keys that conditions wanted and that were not given.
	Missing []string
}

// Evaluate decides a request by the identity policies given by name: a Deny
// wins, then an Allow, and what nothing speaks about is denied.
func Evaluate(documents map[string]Document, r Request) Result {
	var allowing, denying, missing []string
	for name, doc := range documents {
		for _, s := range doc.Statements {
			matched, lacking := s.Matches(r)
			missing = append(missing, lacking...)
			switch {
			case !matched:
			case s.Effect == "Deny":
				denying = append(denying, name)
			default:
				allowing = append(allowing, name)
			}
		}
	}
	result := Result{Decision: ImplicitDeny, Missing: unique(missing)}
	switch {
	case len(denying) > 0:
		result.Decision, result.Matched = ExplicitDeny, unique(denying)
	case len(allowing) > 0:
		result.Decision, result.Matched = Allowed, unique(allowing)
	}
	return result
}

func unique(s []string) []string {
	slices.Sort(s)
	return slices.Compact(s)
}
