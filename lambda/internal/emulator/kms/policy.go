package kms

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"lakegate/lambda/internal/emulator/iam/policy"
	"lakegate/lambda/internal/emulator/wire"
)

// maxPolicy is the size of a key policy in bytes.
// https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html
const maxPolicy = 32768

// defaultPolicy lets the IAM policies of the account decide.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
func (s *Service) defaultPolicy() string {
	return fmt.Sprintf(`{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : %q
    },
    "Action" : "kms:*",
    "Resource" : "*"
  } ]
}`, s.root())
}

func (s *Service) root() string { return "arn:aws:iam::" + s.account + ":root" }

var (
	// policyText is what a policy may be written in.
	policyText   = regexp.MustCompile(`^[\x{9}\x{A}\x{D}\x{20}-\x{FF}]*$`)
	principalARN = regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role|federated-user)/.+)$`)
	accountID    = regexp.MustCompile(`^\d{12}$`)
)

func malformed(format string, args ...any) *wire.Error {
	return &wire.Error{Code: "MalformedPolicyDocumentException", Message: fmt.Sprintf(format, args...)}
}

// checkPolicy refuses what is not a key policy and, unless the check is
// bypassed, one after which nobody of the account could change the policy.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html#prevent-unmanageable-key
func (s *Service) checkPolicy(text string, bypass bool) error {
	switch {
	case len(text) > maxPolicy:
		return limitExceeded(fmt.Sprintf("The key policy has more than %d bytes.", maxPolicy))
	case !policyText.MatchString(text):
		return malformed("The key policy contains characters that are not allowed.")
	}
	doc, err := policy.Parse(text)
	if err != nil {
		return malformed("The new key policy is not valid: %v", err)
	}
	for i, statement := range doc.Statements {
		if len(statement.Principals) == 0 && !statement.NotPrincipal {
			return malformed("Statement %d of the key policy has no principal.", i+1)
		}
		for _, principal := range statement.Principals["AWS"] {
			if principal != "*" && !accountID.MatchString(principal) && !principalARN.MatchString(principal) {
				return malformed("Policy contains a statement with one or more invalid principals.")
			}
		}
	}
	if !bypass && !s.manageable(doc) {
		return malformed("The new key policy will not allow you to update the key policy in the future.")
	}
	return nil
}

// manageable says whether somebody of the account may put another policy.
func (s *Service) manageable(doc policy.Document) bool {
	r := policy.Request{Action: "kms:PutKeyPolicy", Resource: "*", Context: map[string][]string{
		"kms:CallerAccount": {s.account}, "aws:PrincipalAccount": {s.account},
	}}
	allowed := false
	for _, statement := range doc.Statements {
		// A statement without a resource has no effect.
		matched, _ := statement.Matches(r)
		if !matched || statement.Resources == nil && statement.NotResources == nil {
			continue
		}
		switch {
		case statement.Effect == "Deny" && s.speaksTo(statement, s.everybody):
			return false
		case statement.Effect == "Allow" && s.speaksTo(statement, s.somebody):
			allowed = true
		}
	}
	return allowed
}

func (s *Service) speaksTo(statement policy.Statement, of func(principal string) bool) bool {
	return slices.ContainsFunc(slices.Concat(statement.Principals["*"], statement.Principals["AWS"]), of)
}

// everybody says whether a principal stands for the whole account.
func (s *Service) everybody(principal string) bool {
	return principal == "*" || principal == s.account || principal == s.root()
}

// somebody says whether a principal belongs to the account.
func (s *Service) somebody(principal string) bool {
	return s.everybody(principal) || strings.Contains(principal, "::"+s.account+":")
}

type keyPolicyInput struct {
	KeyID      string `json:"KeyId"`
	PolicyName string
}

// name is the name of the policy; there is but one.
func (in keyPolicyInput) name() (string, error) {
	if name := cmp.Or(in.PolicyName, "default"); name != "default" {
		return "", notFound("No such policy exists")
	}
	return "default", nil
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html
func (s *Service) getKeyPolicy(c *wire.Call, in keyPolicyInput) (any, error) {
	k, err := s.find(c, "keyId", in.KeyID)
	if err != nil {
		return nil, err
	}
	name, err := in.name()
	if err != nil {
		return nil, err
	}
	return struct{ Policy, PolicyName string }{k.policy, name}, nil
}

type putKeyPolicyInput struct {
	keyPolicyInput
	Policy                         string
	BypassPolicyLockoutSafetyCheck bool
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
func (s *Service) putKeyPolicy(c *wire.Call, in putKeyPolicyInput) (any, error) {
	k, err := s.find(c, "keyId", in.KeyID)
	if err != nil {
		return nil, err
	}
	if _, err := in.name(); err != nil {
		return nil, err
	}
	if in.Policy == "" {
		return nil, validation(in.Policy, "policy", "Member must have length greater than or equal to 1")
	}
	if err := s.checkPolicy(in.Policy, in.BypassPolicyLockoutSafetyCheck); err != nil {
		return nil, err
	}
	k.policy = in.Policy
	return nil, nil
}
