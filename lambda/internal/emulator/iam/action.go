package iam

import (
	"slices"

	"lakegate/lambda/internal/emulator/iam/policy"
)

// actions are the actions that IAM checks for API calls, where the names differ.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
var actions = map[string]string{
	"s3:HeadBucket":           "s3:ListBucket",
	"s3:HeadObject":           "s3:GetObject",
	"s3:ListObjectsV2":        "s3:ListBucket",
	"s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
	"s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
	"s3:ListObjectVersions":   "s3:ListBucketVersions",
	// Of a version; without one it is s3:DeleteObject.
	"s3:DeleteObjects": "s3:DeleteObjectVersion",
}

// ActionOf is the action that IAM checks for a call.
func ActionOf(service, call string) string {
	name := service + ":" + call
	if other, ok := actions[name]; ok {
		return other
	}
	return name
}

// allows says whether policies allow an action on anything, under whichever
// conditions, and none denies it on everything.
func allows(action string, documents ...policy.Document) bool {
	allowed := false
	for _, doc := range documents {
		for _, s := range doc.Statements {
			speaks, _ := policy.Statement{Actions: s.Actions, NotActions: s.NotActions}.Matches(policy.Request{Action: action})
			if speaks && s.Effect == "Deny" && len(s.Conditions) == 0 && slices.Contains(s.Resources, "*") {
				return false
			}
			allowed = allowed || speaks && s.Effect == "Allow"
		}
	}
	return allowed
}

// permits says whether the policies of a role allow an action. Managed policies
// that AddPolicy did not tell of allow nothing.
func (s *Service) permits(roleARN, action string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.byARN(roleARN)
	if r == nil {
		return false
	}
	var documents []policy.Document
	add := func(text string) {
		if doc, err := policy.Parse(text); err == nil {
			documents = append(documents, doc)
		}
	}
	for _, text := range r.policies {
		add(text)
	}
	for _, arn := range r.attached {
		add(s.managed[arn])
	}
	return allows(action, documents...)
}

// AddPolicy makes a managed policy of the account.
func (s *Service) AddPolicy(name, text string) (arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	arn = "arn:aws:iam::" + s.account + ":policy/" + name
	s.managed[arn] = text
	return arn
}

// roleID is the unique identifier of a role, or empty.
func (s *Service) roleID(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r, ok := s.roles[name]; ok {
		return r.id
	}
	return ""
}
