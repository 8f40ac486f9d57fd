// Package iam emulates AWS IAM, as far as roles and instance profiles go, and
// AWS STS.
//
// Only calls with the credentials of AssumeRole are checked against policies;
// SimulatePrincipalPolicy evaluates them. A change is in force at once here: who reads roles in another service,
// as Databricks does, applies the time that a change takes to get there.
package iam

import (
	"cmp"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"lakegate/lambda/internal/emulator/wire"
)

// Service is the emulated IAM of one account. It is safe for concurrent
// use.
type Service struct {
	hub     *wire.Hub
	account string

	mu       sync.Mutex
	maxRoles int
	roles    map[string]*role
	profiles map[string]*profile
	// managed are the managed policies of the account by their ARNs.
	managed map[string]string
	// created counts what was created under each name, so that each incarnation
	// has another identifier.
	created map[string]int
}

// New returns an IAM without roles.
func New(hub *wire.Hub, account string) *Service {
	return &Service{
		hub: hub, account: account, maxRoles: 1000,
		roles: map[string]*role{}, profiles: map[string]*profile{}, managed: map[string]string{}, created: map[string]int{},
	}
}

// LimitRoles sets the quota of roles per account, which is 1000 otherwise.
func (s *Service) LimitRoles(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.maxRoles = n
}

// Settle lets every change so far count as one that was made long ago, which has
// spread to all who read roles.
func (s *Service) Settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.roles {
		r.changed = time.Time{}
	}
	for _, p := range s.profiles {
		p.changed = time.Time{}
	}
}

// Wire is IAM as the router serves it.
func (s *Service) Wire() *wire.Service {
	operations := map[string]wire.Operation{
		"CreateRole":                  s.createRole,
		"GetRole":                     s.getRole,
		"UpdateAssumeRolePolicy":      s.updateAssumeRolePolicy,
		"UpdateRole":                  s.updateRole,
		"DeleteRole":                  s.deleteRole,
		"ListRoles":                   s.listRoles,
		"TagRole":                     s.tagRole,
		"UntagRole":                   s.untagRole,
		"ListRoleTags":                s.listRoleTags,
		"PutRolePolicy":               s.putRolePolicy,
		"GetRolePolicy":               s.getRolePolicy,
		"DeleteRolePolicy":            s.deleteRolePolicy,
		"ListRolePolicies":            s.listRolePolicies,
		"AttachRolePolicy":            s.attachRolePolicy,
		"DetachRolePolicy":            s.detachRolePolicy,
		"ListAttachedRolePolicies":    s.listAttachedRolePolicies,
		"CreateInstanceProfile":       s.createInstanceProfile,
		"GetInstanceProfile":          s.getInstanceProfile,
		"AddRoleToInstanceProfile":    s.addRoleToInstanceProfile,
		"DeleteInstanceProfile":       s.deleteInstanceProfile,
		"ListInstanceProfilesForRole": s.listInstanceProfilesForRole,
		"TagInstanceProfile":          s.tagInstanceProfile,
		"UntagInstanceProfile":        s.untagInstanceProfile,
		"SimulatePrincipalPolicy":     s.simulatePrincipalPolicy,

		"RemoveRoleFromInstanceProfile": s.removeRoleFromInstanceProfile,
	}
	return &wire.Service{
		Name: "iam", Protocol: wire.Query, Namespace: "https://iam.amazonaws.com/doc/2010-05-08/", Operations: s.locked(operations),
	}
}

// locked serves each call while nothing else changes.
func (s *Service) locked(operations map[string]wire.Operation) map[string]wire.Operation {
	for action, op := range operations {
		operations[action] = func(c *wire.Call) (any, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return op(c)
		}
	}
	return operations
}

// identifier makes a unique identifier, such as AROA and 17 characters.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
func (s *Service) identifier(prefix, name string) string {
	s.created[prefix+name]++
	h := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s %d", s.account, prefix, name, s.created[prefix+name]))
	return prefix + base32.StdEncoding.EncodeToString(h[:])[:17]
}

// visible says whether a call sees an object: one that reads does not see what
// is too fresh.
func (s *Service) visible(c *wire.Call, id string) bool {
	return wire.Mutating(c.Action) && c.Action != "AssumeRole" || s.hub.Visible("iam:"+id)
}

func noSuchEntity(format string, args ...any) *wire.Error {
	return &wire.Error{Status: http.StatusNotFound, Code: "NoSuchEntity", Message: fmt.Sprintf(format, args...)}
}

func alreadyExists(format string, args ...any) *wire.Error {
	return &wire.Error{Status: http.StatusConflict, Code: "EntityAlreadyExists", Message: fmt.Sprintf(format, args...)}
}

func limitExceeded(format string, args ...any) *wire.Error {
	return &wire.Error{Status: http.StatusConflict, Code: "LimitExceeded", Message: fmt.Sprintf(format, args...)}
}

func deleteConflict(message string) *wire.Error {
	return &wire.Error{Status: http.StatusConflict, Code: "DeleteConflict", Message: "Cannot delete entity, must " + message + " first."}
}

func malformedPolicy(format string, args ...any) *wire.Error {
	return &wire.Error{Code: "MalformedPolicyDocument", Message: fmt.Sprintf(format, args...)}
}

func invalid(value, member, constraint string) *wire.Error {
	if value = "'" + value + "'"; value == "''" {
		value = "null"
	}
	return &wire.Error{Code: "ValidationError", Message: fmt.Sprintf(
		"1 validation error detected: Value %s at '%s' failed to satisfy constraint: %s", value, member, constraint)}
}

// refuseParameters answers to parameters that would change what is done but that
// are not emulated.
func refuseParameters(c *wire.Call, names ...string) error {
	for _, name := range names {
		for key := range c.Form {
			if key == name || strings.HasPrefix(key, name+".") {
				return &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented",
					Message: fmt.Sprintf("the parameter %s of %s:%s is not emulated", name, c.Service, c.Action)}
			}
		}
	}
	return nil
}

var namePattern = regexp.MustCompile(`^[\w+=,.@-]+$`)

// name reads a required parameter that is a name of at most limit characters.
func name(c *wire.Call, parameter string, limit int) (string, error) {
	value, member := c.Form.Get(parameter), strings.ToLower(parameter[:1])+parameter[1:]
	switch {
	case value == "":
		return "", invalid(value, member, "Member must not be null")
	case len(value) > limit:
		return "", invalid(value, member, fmt.Sprintf("Member must have length less than or equal to %d", limit))
	case !namePattern.MatchString(value):
		return "", invalid(value, member, `Member must satisfy regular expression pattern: [\w+=,.@-]+`)
	}
	return value, nil
}

var pathPattern = regexp.MustCompile(`^/([\x21-\x7e]+/)?$`)

func path(c *wire.Call) (string, error) {
	value := cmp.Or(c.Form.Get("Path"), "/")
	if !pathPattern.MatchString(value) || len(value) > 512 {
		return "", &wire.Error{Code: "ValidationError", Message: "The specified value for path is invalid. It must begin and end with / " +
			"and contain only alphanumeric characters and/or / characters."}
	}
	return value, nil
}

// members reads a list of strings.
func members(form url.Values, list string) []string {
	var out []string
	for i := 1; ; i++ {
		key := fmt.Sprintf("%s.member.%d", list, i)
		if !form.Has(key) {
			return out
		}
		out = append(out, form.Get(key))
	}
}

type tag struct{ Key, Value string }

const maxTags = 50

// tags reads the parameter Tags on top of the tags that are there.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
func tags(c *wire.Call, old []tag) ([]tag, error) {
	out, seen := append([]tag(nil), old...), map[string]bool{}
	for i := 1; ; i++ {
		prefix := fmt.Sprintf("Tags.member.%d.", i)
		if !c.Form.Has(prefix + "Key") {
			break
		}
		t := tag{c.Form.Get(prefix + "Key"), c.Form.Get(prefix + "Value")}
		lower := strings.ToLower(t.Key)
		switch {
		case seen[lower]:
			return nil, &wire.Error{Code: "InvalidInput", Message: "Duplicate tag keys found. Please note that Tag keys are case insensitive."}
		case t.Key == "" || utf8.RuneCountInString(t.Key) > 128:
			return nil, invalid(t.Key, fmt.Sprintf("tags.%d.member.key", i), "Member must have length between 1 and 128")
		case utf8.RuneCountInString(t.Value) > 256:
			return nil, invalid(t.Value, fmt.Sprintf("tags.%d.member.value", i), "Member must have length less than or equal to 256")
		case strings.HasPrefix(lower, "aws:"):
			return nil, &wire.Error{Code: "InvalidInput", Message: "The tag key prefix aws: is reserved."}
		}
		seen[lower] = true
		out = put(out, t)
	}
	if len(out) > maxTags {
		return nil, limitExceeded("The number of tags has reached the maximum limit.")
	}
	return out, nil
}

// put sets a tag; their keys do not depend on case.
func put(tags []tag, t tag) []tag {
	for i := range tags {
		if strings.EqualFold(tags[i].Key, t.Key) {
			tags[i] = t
			return tags
		}
	}
	return append(tags, t)
}

// more says whether a list goes on.
type more struct {
	IsTruncated bool
	Marker      string `xml:",omitempty"`
}

// page cuts the portion out of a list that the call asks for.
func page[T any](c *wire.Call, items []T) ([]T, more, error) {
	first, size := 0, 100
	var err error
	if text := c.Form.Get("MaxItems"); text != "" {
		if size, err = strconv.Atoi(text); err != nil || size < 1 || size > 1000 {
			return nil, more{}, invalid(text, "maxItems", "Member must have value between 1 and 1000")
		}
	}
	if text := c.Form.Get("Marker"); text != "" {
		if first, err = strconv.Atoi(text); err != nil || first < 0 || first > len(items) {
			return nil, more{}, &wire.Error{Code: "ValidationError", Message: "Invalid Marker: " + text}
		}
	}
	if last := first + size; last < len(items) {
		return items[first:last], more{IsTruncated: true, Marker: strconv.Itoa(last)}, nil
	}
	return items[first:], more{}, nil
}

// timestamp is a time as the replies have it.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// escape encodes a policy document as the replies of IAM carry it (RFC 3986).
func escape(text string) string { return strings.ReplaceAll(url.QueryEscape(text), "+", "%20") }
