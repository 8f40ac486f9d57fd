package iam

import (
	"fmt"
	"strings"

	"lakegate/lambda/internal/emulator/iam/policy"
	"lakegate/lambda/internal/emulator/wire"
)

type matchedXML struct {
	SourcePolicyID   string `xml:"SourcePolicyId"`
	SourcePolicyType string
}

type evaluationXML struct {
	EvalActionName       string
	EvalResourceName     string
	EvalDecision         policy.Decision
	MatchedStatements    []matchedXML `xml:"MatchedStatements>member"`
	MissingContextValues []string     `xml:"MissingContextValues>member"`
}

// simulatePrincipalPolicy evaluates the inline policies of a role, and those
// that the call adds, for each action on each resource.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
func (s *Service) simulatePrincipalPolicy(c *wire.Call) (any, error) {
	if err := refuseParameters(c, "ResourcePolicy", "PermissionsBoundaryPolicyInputList", "CallerArn", "ResourceOwner", "ResourceHandlingOption"); err != nil {
		return nil, err
	}
	documents, err := s.simulated(c)
	if err != nil {
		return nil, err
	}
	resources := members(c.Form, "ResourceArns")
	if len(resources) == 0 {
		resources = []string{"*"}
	}
	context := contextEntries(c)
	var found []evaluationXML
	for _, action := range members(c.Form, "ActionNames") {
		if vendor, _, ok := strings.Cut(action, ":"); !ok || vendor == "" || strings.Contains(action, "*") {
			return nil, &wire.Error{Code: "InvalidInput", Message: "Invalid Action: " + action}
		}
		for _, resource := range resources {
			outcome := policy.Evaluate(documents, policy.Request{Action: action, Resource: resource, Context: context})
			entry := evaluationXML{
				EvalActionName: action, EvalResourceName: resource, EvalDecision: outcome.Decision, MissingContextValues: outcome.Missing,
			}
			for _, name := range outcome.Matched {
				entry.MatchedStatements = append(entry.MatchedStatements, matchedXML{name, "IAM Policy"})
			}
			found = append(found, entry)
		}
	}
	if found == nil {
		return nil, invalid("", "actionNames", "Member must not be null")
	}
	items, rest, err := page(c, found)
	type result struct {
		EvaluationResults []evaluationXML `xml:"EvaluationResults>member"`
		more
	}
	return result{items, rest}, err
}

// simulated are the policies that a simulation evaluates, by the identifier that
// its result tells.
func (s *Service) simulated(c *wire.Call) (map[string]policy.Document, error) {
	arn := c.Form.Get("PolicySourceArn")
	if !principalARN.MatchString(arn) {
		return nil, &wire.Error{Code: "InvalidInput", Message: "Invalid Entity Arn: " + arn}
	}
	r := s.byARN(arn)
	if r == nil || !s.visible(c, r.arn) {
		return nil, noSuchEntity("The entity %s cannot be found.", arn)
	}
	documents := map[string]policy.Document{}
	for _, arn := range r.attached {
		if s.managed[arn] == "" {
			return nil, notEmulated(fmt.Sprintf("the contents of the managed policy %s are not known, so it cannot be simulated", arn))
		}
		doc, err := policy.Parse(s.managed[arn])
		if err != nil {
			return nil, fmt.Errorf("parsing policy %s: %w", arn, err)
		}
		documents[arn[strings.LastIndex(arn, "/")+1:]] = doc
	}
	for name, text := range r.policies {
		doc, err := policy.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("parsing policy %s of %s, which was accepted: %w", name, r.name, err)
		}
		if s.visible(c, r.arn+"/"+name) {
			documents["role_"+r.name+"_"+name] = doc
		}
	}
	for i, text := range members(c.Form, "PolicyInputList") {
		if err := identityPolicy(text); err != nil {
			return nil, &wire.Error{Code: "InvalidInput", Message: err.Error()}
		}
		doc, err := policy.Parse(text)
		if err != nil {
			return nil, fmt.Errorf("parsing policy %d of the call, which was accepted: %w", i+1, err)
		}
		documents[fmt.Sprintf("PolicyInputList.%d", i+1)] = doc
	}
	return documents, nil
}

func contextEntries(c *wire.Call) map[string][]string {
	out := map[string][]string{}
	for i := 1; ; i++ {
		entry := fmt.Sprintf("ContextEntries.member.%d", i)
		if !c.Form.Has(entry + ".ContextKeyName") {
			return out
		}
		out[c.Form.Get(entry+".ContextKeyName")] = members(c.Form, entry+".ContextKeyValues")
	}
}
