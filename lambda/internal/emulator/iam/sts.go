package iam

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/iam/policy"
	"lakegate/lambda/internal/emulator/wire"
)

// STS is the emulated AWS STS of all accounts. It is safe for concurrent use.
type STS struct {
	// RoleOf names the role of a caller, by its access key; nil, or an empty name,
	// means that the role has the caller's name. May says whether its policies let
	// the caller assume a role; nil means that they do. Both are set before the
	// first call.
	RoleOf func(caller string) string
	May    func(caller, roleARN string) bool

	home     *Service
	accounts map[string]*Service

	mu sync.Mutex
	// sessions by the access keys that AssumeRole gave.
	sessions map[string]Session
	issued   int
}

// NewSTS returns the STS of accounts. Access keys that it did not give are of
// principals of the first one, unless they end in @ and the id of another.
func NewSTS(home *Service, others ...*Service) *STS {
	s := &STS{home: home, accounts: map[string]*Service{home.account: home}, sessions: map[string]Session{}}
	for _, o := range others {
		s.accounts[o.account] = o
	}
	return s
}

// Wire is STS as the router serves it.
func (s *STS) Wire() *wire.Service {
	return &wire.Service{
		Name: "sts", Protocol: wire.Query, Namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
		Operations: map[string]wire.Operation{"GetCallerIdentity": s.getCallerIdentity, "AssumeRole": s.assumeRole},
	}
}

// Session is who is behind an access key.
type Session struct {
	// Account that the calls are for.
	Account string
	// Caller is the access key that began it: the name of a function, or of
	// somebody else.
	Caller string
	// Assumed says that it is a session of a role that has policies here.
	Assumed bool

	roleARN, arn, id string
	// chained says that a session which it begins is of a role that was assumed by
	// a role.
	chained bool
	policy  *policy.Document
	expires time.Time
}

// Who returns who is behind an access key.
func (s *STS) Who(key string) Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.who(key)
}

func (s *STS) who(key string) Session {
	if known, ok := s.sessions[key]; ok {
		return known
	}
	account, name := s.home, key
	if caller, id, ok := strings.Cut(key, "@"); ok && s.accounts[id] != nil {
		account, name = s.accounts[id], caller
	}
	role, ofFunction := name, false
	if s.RoleOf != nil && account == s.home {
		if known := s.RoleOf(name); known != "" {
			role, ofFunction = known, true
		}
	}
	id := account.roleID(role)
	if id == "" {
		id = "AROA" + fmt.Sprintf("%X", sha256.Sum256([]byte(role)))[:17]
	}
	return Session{
		Account: account.account, Caller: name, roleARN: "arn:aws:iam::" + account.account + ":role/" + role,
		arn: fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account.account, role, name), id: id + ":" + name, chained: ofFunction,
	}
}

// Identify notes who is behind the access key of a call.
func (s *STS) Identify(c *wire.Call) {
	who := s.Who(c.AccessKey)
	c.Caller, c.Account = who.Caller, who.Account
	if who.Assumed {
		c.Session = who.arn
	}
}

// Refusal is the answer to a call that its session does not allow; nil means
// that it does. Only what AssumeRole gave is looked at, and only the names of
// actions: which resources a call is about, and under which conditions it is
// allowed, is not.
func (s *STS) Refusal(c *wire.Call) *wire.Error {
	s.mu.Lock()
	session, ok := s.sessions[c.AccessKey]
	s.mu.Unlock()
	if !ok {
		return nil
	}
	if !c.Time.Before(session.expires) {
		return expired(c)
	}
	action := ActionOf(c.Service, c.Action)
	if action == "sts:GetCallerIdentity" || s.accounts[session.Account].permits(session.roleARN, action) && (session.policy == nil || allows(action, *session.policy)) {
		return nil
	}
	return denied(c, session, action)
}

// expired is what a service says of credentials that were good once.
func expired(c *wire.Call) *wire.Error {
	switch c.Service {
	case "ec2":
		return &wire.Error{Code: "RequestExpired", Message: "Request has expired."}
	case "s3":
		return &wire.Error{Code: "ExpiredToken", Message: "The provided token has expired."}
	case "glue", "kms":
		return &wire.Error{Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}
	}
	return &wire.Error{Status: http.StatusForbidden, Code: "ExpiredToken", Message: "The security token included in the request is expired"}
}

// denied is what a service says where no policy allows a call.
func denied(c *wire.Call, by Session, action string) *wire.Error {
	message := fmt.Sprintf("User: %s is not authorized to perform: %s because no identity-based policy allows the %s action", by.arn, action, action)
	switch c.Service {
	case "ec2":
		return &wire.Error{Status: http.StatusForbidden, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation. " + message}
	case "glue", "kms":
		return &wire.Error{Code: "AccessDeniedException", Message: message}
	}
	return &wire.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: message}
}

// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func (s *STS) getCallerIdentity(c *wire.Call) (any, error) {
	who := s.Who(c.AccessKey)
	type result struct {
		Arn     string
		UserID  string `xml:"UserId"`
		Account string
	}
	return result{who.arn, who.id, who.Account}, nil
}

// maxSessionPolicy is how many characters a session policy may have.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
const maxSessionPolicy = 2048

// assumeRole gives credentials for a role whose trust policy lets the caller in,
// if the caller's own policies let it go there.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func (s *STS) assumeRole(c *wire.Call) (any, error) {
	if err := refuseParameters(c, "PolicyArns", "Tags", "TransitiveTagKeys", "SerialNumber", "TokenCode", "SourceIdentity", "ProvidedContexts"); err != nil {
		return nil, err
	}
	name, err := name(c, "RoleSessionName", 64)
	if err != nil {
		return nil, err
	}
	narrow, err := sessionPolicy(c)
	if err != nil {
		return nil, err
	}
	arn := c.Form.Get("RoleArn")
	if !principalARN.MatchString(arn) {
		return nil, &wire.Error{Code: "ValidationError", Message: arn + " is invalid"}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	by := s.who(c.AccessKey)
	account := s.accounts[strings.Split(arn, ":")[4]]
	if account == nil || !by.Assumed && s.May != nil && !s.May(by.Caller, arn) {
		return nil, notTrusted(by, arn)
	}
	account.mu.Lock()
	defer account.mu.Unlock()
	r := account.byARN(arn)
	if r == nil || !account.visible(c, r.arn) || !trusts(r.trust, by, c.Form.Get("ExternalId")) {
		return nil, notTrusted(by, arn)
	}
	duration, err := sessionDuration(c, r, by.chained)
	if err != nil {
		return nil, err
	}
	r.used, r.usedIn = c.Time, c.Region
	s.issued++
	key := fmt.Sprintf("ASIA%X", sha256.Sum256(fmt.Appendf(nil, "%s/%s %d", arn, name, s.issued)))[:20]
	assumed := Session{
		Account: account.account, Caller: by.Caller, Assumed: true, chained: true,
		roleARN: arn, arn: fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", account.account, r.name, name), id: r.id + ":" + name,
		policy: narrow, expires: c.Time.Add(duration),
	}
	s.sessions[key] = assumed
	secret := sha256.Sum256([]byte("secret of " + key))
	return assumeRoleResult{
		Credentials: credentialsXML{
			AccessKeyID: key, SecretAccessKey: base64.StdEncoding.EncodeToString(secret[:30]),
			SessionToken: base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "session of %s", key)), Expiration: timestamp(assumed.expires),
		},
		AssumedRoleUser: assumedRoleXML{assumed.id, assumed.arn},
	}, nil
}

// notTrusted is the one answer of STS, whichever side keeps the caller out.
func notTrusted(by Session, arn string) *wire.Error {
	return &wire.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: fmt.Sprintf(
		"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", by.arn, arn)}
}

type assumeRoleResult struct {
	Credentials     credentialsXML
	AssumedRoleUser assumedRoleXML
}

type credentialsXML struct {
	AccessKeyID     string `xml:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      string
}

type assumedRoleXML struct {
	AssumedRoleID string `xml:"AssumedRoleId"`
	Arn           string
}

func sessionPolicy(c *wire.Call) (*policy.Document, error) {
	text := c.Form.Get("Policy")
	if text == "" {
		return nil, nil
	}
	if len(text) > maxSessionPolicy {
		return nil, invalid(text, "policy", fmt.Sprintf("Member must have length less than or equal to %d", maxSessionPolicy))
	}
	doc, err := policy.Parse(text)
	if err != nil {
		return nil, malformedPolicy("%s", err)
	}
	return &doc, nil
}

// maxChained is how long a session of a role lasts that a session assumed.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
const maxChained = time.Hour

func sessionDuration(c *wire.Call, r *role, chained bool) (time.Duration, error) {
	text := c.Form.Get("DurationSeconds")
	if text == "" {
		return time.Hour, nil
	}
	seconds, err := strconv.Atoi(text)
	if err != nil || seconds < 900 || seconds > 43200 {
		return 0, invalid(text, "durationSeconds", "Member must have value between 900 and 43200")
	}
	if seconds > r.maxSession {
		return 0, &wire.Error{Code: "ValidationError", Message: "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}
	}
	duration := time.Duration(seconds) * time.Second
	if chained && duration > maxChained {
		return 0, &wire.Error{Code: "ValidationError", Message: "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."}
	}
	return duration, nil
}

// trusts says whether a trust policy lets a caller with an external id in.
func trusts(trust string, by Session, externalID string) bool {
	doc, err := policy.Parse(trust)
	if err != nil {
		return false
	}
	request := policy.Request{Action: "sts:AssumeRole", Context: map[string][]string{
		"aws:PrincipalArn": {by.roleARN}, "aws:PrincipalAccount": {by.Account},
	}}
	if externalID != "" {
		request.Context["sts:ExternalId"] = []string{externalID}
	}
	named := []string{"*", by.Account, "arn:aws:iam::" + by.Account + ":root", by.roleARN, by.arn}
	matches := func(effect string) bool {
		return slices.ContainsFunc(doc.Statements, func(s policy.Statement) bool {
			matched, _ := s.Matches(request)
			return s.Effect == effect && matched && slices.ContainsFunc(slices.Concat(s.Principals["AWS"], s.Principals["*"]), func(p string) bool {
				return slices.Contains(named, p)
			})
		})
	}
	return matches("Allow") && !matches("Deny")
}
