package iam

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"lakegate/lambda/internal/emulator/iam/policy"
	"lakegate/lambda/internal/emulator/wire"
)

// principal is who makes a call.
type principal struct {
	arn, id string
}

// caller is the principal behind an access key. One that AssumeRole did not give
// is taken for the role of the function that has the key's name.
func (s *Service) caller(key string) principal {
	if p, ok := s.sessions[key]; ok {
		return p
	}
	id := "AROA" + fmt.Sprintf("%X", sha256.Sum256([]byte(key)))[:17]
	if r, ok := s.roles[key]; ok {
		id = r.id
	}
	return principal{arn: fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", s.account, key, key), id: id + ":" + key}
}

// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
func (s *Service) getCallerIdentity(c *wire.Call) (any, error) {
	p := s.caller(c.Caller)
	type result struct {
		Arn     string
		UserID  string `xml:"UserId"`
		Account string
	}
	return result{p.arn, p.id, s.account}, nil
}

// assumeRole gives credentials for a role whose trust policy lets AWS principals
// in and whose conditions, such as an external id, are met. Which AWS principals
// it names is not compared.
// https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
func (s *Service) assumeRole(c *wire.Call) (any, error) {
	if err := refuseParameters(c, "Policy", "PolicyArns", "Tags", "TransitiveTagKeys", "SerialNumber", "TokenCode", "SourceIdentity", "ProvidedContexts"); err != nil {
		return nil, err
	}
	session, err := name(c, "RoleSessionName", 64)
	if err != nil {
		return nil, err
	}
	arn := c.Form.Get("RoleArn")
	if !principalARN.MatchString(arn) {
		return nil, &wire.Error{Code: "ValidationError", Message: arn + " is invalid"}
	}
	r := s.byARN(arn)
	if r == nil || !s.visible(c, r.arn) || !trusts(r.trust, c.Form.Get("ExternalId")) {
		return nil, &wire.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: fmt.Sprintf(
			"User: %s is not authorized to perform: sts:AssumeRole on resource: %s", s.caller(c.Caller).arn, arn)}
	}
	duration, err := sessionDuration(c, r)
	if err != nil {
		return nil, err
	}
	r.used, r.usedIn = c.Time, c.Region
	p := principal{arn: fmt.Sprintf("arn:aws:sts::%s:assumed-role/%s/%s", s.account, r.name, session), id: r.id + ":" + session}
	key := s.identifier("ASIA", r.name+"/"+session)[:20]
	s.sessions[key] = p
	secret := sha256.Sum256([]byte("secret of " + key))
	return assumeRoleResult{
		Credentials: credentialsXML{
			AccessKeyID: key, SecretAccessKey: base64.StdEncoding.EncodeToString(secret[:30]),
			SessionToken: base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "session of %s", key)), Expiration: timestamp(c.Time.Add(duration)),
		},
		AssumedRoleUser: assumedRoleXML{p.id, p.arn},
	}, nil
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

func sessionDuration(c *wire.Call, r *role) (time.Duration, error) {
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
	return time.Duration(seconds) * time.Second, nil
}

// trusts says whether a trust policy lets an AWS principal with an external id
// in.
func trusts(trust, externalID string) bool {
	doc, err := policy.Parse(trust)
	if err != nil {
		return false
	}
	request := policy.Request{Action: "sts:AssumeRole", Context: map[string][]string{}}
	if externalID != "" {
		request.Context["sts:ExternalId"] = []string{externalID}
	}
	matches := func(effect string) bool {
		return slices.ContainsFunc(doc.Statements, func(s policy.Statement) bool {
			matched, _ := s.Matches(request)
			return s.Effect == effect && matched && (s.Principals["AWS"] != nil || s.Principals["*"] != nil)
		})
	}
	return matches("Allow") && !matches("Deny")
}
