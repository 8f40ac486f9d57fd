package databricks

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// access is one thing that somebody wants to do with an AWS resource.
type access struct {
	principal string
	action    string
	// resource is empty for a trust policy, which has none.
	resource string
	// context holds the condition keys that are present.
	context map[string]string
}

// allowed evaluates a resource policy: something allows the access and nothing
// denies it. A document that cannot be read allows nothing.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
func allowed(document string, a access) bool {
	allow := false
	for _, st := range statementsOf(document) {
		if !st.Principal.matches(a.principal) || !st.covers(a.action) || !st.touches(a.resource) {
			continue
		}
		switch st.Effect {
		case "Allow":
			allow = allow || st.Condition.hold(a.context, false)
		case "Deny":
			if st.Condition.hold(a.context, true) {
				return false
			}
		}
	}
	return allow
}

// grants says whether permission policies let a role use an action at all, on
// whatever resources and conditions: Databricks supports policies that are
// restricted to a VPC.
func grants(policies []statement, action string) bool {
	allow := false
	for _, st := range policies {
		if !st.covers(action) {
			continue
		}
		switch {
		case st.Effect == "Allow":
			allow = true
		case st.Effect == "Deny" && len(st.Condition) == 0 && slices.Contains(st.Resource, "*"):
			return false
		}
	}
	return allow
}

type statement struct {
	Effect      string
	Principal   principals
	Action      stringList
	NotAction   stringList
	Resource    stringList
	NotResource stringList
	Condition   conditions
}

// statementsOf reads a policy; one that cannot be read has no statements.
func statementsOf(document string) []statement {
	var many struct{ Statement []statement }
	if json.Unmarshal([]byte(document), &many) == nil {
		return many.Statement
	}
	var one struct{ Statement statement }
	if json.Unmarshal([]byte(document), &one) == nil {
		return []statement{one.Statement}
	}
	return nil
}

func (st *statement) covers(action string) bool {
	fold := func(patterns []string) bool {
		return slices.ContainsFunc(patterns, func(p string) bool {
			return glob(strings.ToLower(p), strings.ToLower(action))
		})
	}
	if len(st.NotAction) > 0 {
		return !fold(st.NotAction)
	}
	return fold(st.Action)
}

func (st *statement) touches(resource string) bool {
	match := func(p string) bool { return glob(p, resource) }
	switch {
	case resource == "":
		return true
	case len(st.NotResource) > 0:
		return !slices.ContainsFunc(st.NotResource, match)
	default:
		return slices.ContainsFunc(st.Resource, match)
	}
}

// principals are the AWS principals of a statement.
type principals []string

// UnmarshalJSON reads "*" and {"AWS": …}.
func (p *principals) UnmarshalJSON(text []byte) error {
	var everyone string
	if json.Unmarshal(text, &everyone) == nil {
		*p = principals{everyone}
		return nil
	}
	var by struct{ AWS stringList }
	if err := json.Unmarshal(text, &by); err != nil {
		return err
	}
	*p = principals(by.AWS)
	return nil
}

func (p principals) matches(arn string) bool {
	account := strings.TrimSuffix(strings.TrimPrefix(arn, "arn:aws:iam::"), ":root")
	return slices.Contains(p, "*") || slices.Contains(p, arn) || slices.Contains(p, account)
}

// conditions are the tests of a statement: operator, key, values.
type conditions map[string]map[string]stringList

// hold says whether all tests hold. An operator that is not known holds as
// unknown says.
func (c conditions) hold(context map[string]string, unknown bool) bool {
	for operator, tests := range c {
		for key, values := range tests {
			if !holds(operator, key, values, context, unknown) {
				return false
			}
		}
	}
	return true
}

func holds(operator, key string, values []string, context map[string]string, unknown bool) bool {
	have, present := "", false
	for k, v := range context {
		if strings.EqualFold(k, key) {
			have, present = v, true
		}
	}
	like := func(want string) bool { return glob(want, have) }
	fold := func(want string) bool { return strings.EqualFold(want, have) }
	// A key of a request has one value here.
	switch strings.TrimPrefix(operator, "ForAnyValue:") {
	case "StringEquals", "ArnEquals":
		return present && slices.Contains(values, have)
	case "StringEqualsIgnoreCase", "Bool":
		return present && slices.ContainsFunc(values, fold)
	case "StringLike", "ArnLike":
		return present && slices.ContainsFunc(values, like)
	case "StringNotEquals", "ArnNotEquals":
		return !present || !slices.Contains(values, have)
	case "StringNotLike", "ArnNotLike":
		return !present || !slices.ContainsFunc(values, like)
	default:
		return unknown
	}
}

// stringList is a string or a list of them.
type stringList []string

// UnmarshalJSON reads one value or many; a boolean or a number counts as its
// text.
func (l *stringList) UnmarshalJSON(text []byte) error {
	var v any
	if err := json.Unmarshal(text, &v); err != nil {
		return err
	}
	many, ok := v.([]any)
	if !ok {
		many = []any{v}
	}
	*l = nil
	for _, one := range many {
		*l = append(*l, fmt.Sprint(one))
	}
	return nil
}

// glob matches * (any characters, also none) and ? (one character).
func glob(pattern, s string) bool {
	for {
		switch {
		case pattern == "":
			return s == ""
		case pattern[0] == '*':
			for i := range len(s) + 1 {
				if glob(pattern[1:], s[i:]) {
					return true
				}
			}
			return false
		case s == "" || (pattern[0] != '?' && pattern[0] != s[0]):
			return false
		}
		pattern, s = pattern[1:], s[1:]
	}
}
