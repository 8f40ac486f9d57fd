package iam

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"lakegate/lambda/internal/emulator/iam/policy"
	"lakegate/lambda/internal/emulator/wire"
)

// Role is what other services see of a role.
type Role struct {
	Name string
	ARN  string
	// Changed is when the trust policy or a permissions policy last changed.
	Changed time.Time
	// Trust is the text of the trust policy.
	Trust string
	// Policies are the texts of the inline policies by name.
	Policies map[string]string
	// Attached are the ARNs of the managed policies.
	Attached []string
	Tags     map[string]string
}

// Role returns the role with an ARN.
func (s *Service) Role(arn string) (Role, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.byARN(arn)
	if r == nil {
		return Role{}, false
	}
	out := Role{
		Name: r.name, ARN: r.arn, Changed: r.changed, Trust: r.trust,
		Policies: maps.Clone(r.policies), Attached: slices.Clone(r.attached), Tags: map[string]string{},
	}
	for _, t := range r.tags {
		out.Tags[t.Key] = t.Value
	}
	return out, true
}

func (s *Service) byARN(arn string) *role {
	for _, r := range s.roles {
		if r.arn == arn {
			return r
		}
	}
	return nil
}

// role is a role of the account.
type role struct {
	name, path, id, arn string
	description         string
	created, changed    time.Time
	trust               string
	maxSession          int
	policies            map[string]string
	attached            []string
	tags                []tag
	used                time.Time
	usedIn              string
}

// roleXML is a role as the replies have it.
type roleXML struct {
	Path                     string
	RoleName                 string
	RoleID                   string `xml:"RoleId"`
	Arn                      string
	CreateDate               string
	AssumeRolePolicyDocument string
	Description              string `xml:",omitempty"`
	MaxSessionDuration       int
	Tags                     []tag        `xml:"Tags>member"`
	RoleLastUsed             *lastUsedXML `xml:"RoleLastUsed"`
}

type lastUsedXML struct {
	LastUsedDate string `xml:",omitempty"`
	Region       string `xml:",omitempty"`
}

// summary is what the lists tell of a role: neither its tags nor its last use.
func (r *role) summary() roleXML {
	return roleXML{
		Path: r.path, RoleName: r.name, RoleID: r.id, Arn: r.arn, CreateDate: timestamp(r.created),
		AssumeRolePolicyDocument: escape(r.trust), Description: r.description, MaxSessionDuration: r.maxSession,
	}
}

func (r *role) details() roleXML {
	out := r.summary()
	out.Tags, out.RoleLastUsed = r.tags, &lastUsedXML{}
	if !r.used.IsZero() {
		out.RoleLastUsed = &lastUsedXML{LastUsedDate: timestamp(r.used), Region: r.usedIn}
	}
	return out
}

type roleResult struct{ Role roleXML }

// findRole is the role that a call names.
func (s *Service) findRole(c *wire.Call) (*role, error) {
	name, err := name(c, "RoleName", 64)
	if err != nil {
		return nil, err
	}
	r, ok := s.roles[name]
	if !ok || !s.visible(c, r.arn) {
		return nil, noSuchEntity("The role with name %s cannot be found.", name)
	}
	return r, nil
}

// https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
func (s *Service) createRole(c *wire.Call) (any, error) {
	if err := refuseParameters(c, "PermissionsBoundary"); err != nil {
		return nil, err
	}
	name, err := name(c, "RoleName", 64)
	if err != nil {
		return nil, err
	}
	path, err := path(c)
	if err != nil {
		return nil, err
	}
	r := &role{name: name, path: path, arn: "arn:aws:iam::" + s.account + ":role" + path + name, maxSession: 3600, policies: map[string]string{}}
	if err := r.describe(c); err != nil {
		return nil, err
	}
	if r.trust, err = s.trustPolicy(c.Form.Get("AssumeRolePolicyDocument"), "assumeRolePolicyDocument"); err != nil {
		return nil, err
	}
	if r.tags, err = tags(c, nil); err != nil {
		return nil, err
	}
	for other := range s.roles {
		if strings.EqualFold(other, name) {
			return nil, alreadyExists("Role with name %s already exists.", name)
		}
	}
	if len(s.roles) >= s.maxRoles {
		return nil, limitExceeded("Cannot exceed quota for RolesPerAccount: %d", s.maxRoles)
	}
	r.id, r.created, r.changed = s.identifier("AROA", name), c.Time, c.Time
	s.roles[name] = r
	s.hub.Created("iam:" + r.arn)
	out := r.summary()
	out.Tags = r.tags
	return roleResult{out}, nil
}

// describe reads the parameters that UpdateRole can change.
func (r *role) describe(c *wire.Call) error {
	if c.Form.Has("Description") {
		r.description = c.Form.Get("Description")
		if len(r.description) > 1000 {
			return invalid(r.description, "description", "Member must have length less than or equal to 1000")
		}
	}
	if text := c.Form.Get("MaxSessionDuration"); text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds < 3600 || seconds > 43200 {
			return invalid(text, "maxSessionDuration", "Member must have value between 3600 and 43200")
		}
		r.maxSession = seconds
	}
	return nil
}

// Quotas of policy documents in characters other than white space.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const (
	maxTrust    = 2048
	maxInline   = 10240
	maxAttached = 10
)

// size counts the characters of a policy as the quotas do.
func size(text string) int {
	n := 0
	for _, r := range text {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

var (
	accountID    = regexp.MustCompile(`^\d{12}$`)
	principalARN = regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::(\d{12}):(root|(user|role|assumed-role|federated-user)/.+)$`)
	stsAction    = regexp.MustCompile(`^(?i:sts):`)
)

// trustPolicy checks the text of a trust policy. A principal of the own account
// must exist.
func (s *Service) trustPolicy(text, member string) (string, error) {
	if text == "" {
		return "", invalid("", member, "Member must not be null")
	}
	doc, err := policy.Parse(text)
	switch {
	case errors.Is(err, policy.ErrNotJSON):
		return "", malformedPolicy("%v", policy.ErrNotJSON)
	case err != nil:
		return "", malformedPolicy("Syntax errors in policy: %v", err)
	case size(text) > maxTrust:
		return "", limitExceeded("Cannot exceed quota for ACLSizePerRole: %d", maxTrust)
	}
	for _, statement := range doc.Statements {
		switch {
		case statement.Resources != nil || statement.NotResources != nil:
			return "", malformedPolicy("Has prohibited field Resource")
		case statement.NotPrincipal:
			return "", malformedPolicy("AssumeRolepolicy contained an invalid principal: \"NotPrincipal\".")
		case statement.Principals == nil:
			return "", malformedPolicy("Missing required field Principal")
		}
		for _, action := range slices.Concat(statement.Actions, statement.NotActions) {
			if !stsAction.MatchString(action) {
				return "", malformedPolicy("AssumeRole policy may only specify STS AssumeRole actions.")
			}
		}
		for _, principal := range statement.Principals["AWS"] {
			if !s.validPrincipal(principal) {
				return "", malformedPolicy("Invalid principal in policy: \"AWS\":%q", principal)
			}
		}
		for _, service := range statement.Principals["Service"] {
			if !strings.Contains(service, ".") {
				return "", malformedPolicy("Invalid principal in policy: \"SERVICE\":%q", service)
			}
		}
	}
	return text, nil
}

func (s *Service) validPrincipal(principal string) bool {
	if principal == "*" || accountID.MatchString(principal) {
		return true
	}
	m := principalARN.FindStringSubmatch(principal)
	switch {
	case m == nil:
		return false
	case m[2] == s.account && m[4] == "role":
		return s.byARN(principal) != nil
	}
	return true
}

func (s *Service) getRole(c *wire.Call) (any, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	return roleResult{r.details()}, nil
}

func (s *Service) updateAssumeRolePolicy(c *wire.Call) (any, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	trust, err := s.trustPolicy(c.Form.Get("PolicyDocument"), "policyDocument")
	if err != nil {
		return nil, err
	}
	r.trust, r.changed = trust, c.Time
	return nil, nil
}

func (s *Service) updateRole(c *wire.Call) (any, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	return nil, r.describe(c)
}

// https://docs.aws.amazon.com/IAM/latest/APIReference/API_DeleteRole.html
func (s *Service) deleteRole(c *wire.Call) (any, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	switch {
	case len(r.policies) > 0:
		return nil, deleteConflict("delete policies")
	case len(r.attached) > 0:
		return nil, deleteConflict("detach all policies")
	case len(s.profilesOf(r)) > 0:
		return nil, deleteConflict("remove roles from instance profile")
	}
	delete(s.roles, r.name)
	return nil, nil
}

func (s *Service) listRoles(c *wire.Call) (any, error) {
	var found []roleXML
	for _, name := range slices.Sorted(maps.Keys(s.roles)) {
		if r := s.roles[name]; strings.HasPrefix(r.path, c.Form.Get("PathPrefix")) && s.visible(c, r.arn) {
			found = append(found, r.summary())
		}
	}
	items, rest, err := page(c, found)
	type result struct {
		Roles []roleXML `xml:"Roles>member"`
		more
	}
	return result{items, rest}, err
}

func (s *Service) tagRole(c *wire.Call) (any, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	all, err := tags(c, r.tags)
	if err != nil {
		return nil, err
	}
	r.tags = all
	return nil, nil
}

func (s *Service) untagRole(c *wire.Call) (any, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	for _, key := range members(c.Form, "TagKeys") {
		r.tags = slices.DeleteFunc(slices.Clone(r.tags), func(t tag) bool { return strings.EqualFold(t.Key, key) })
	}
	return nil, nil
}

func (s *Service) listRoleTags(c *wire.Call) (any, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	items, rest, err := page(c, r.tags)
	type result struct {
		Tags []tag `xml:"Tags>member"`
		more
	}
	return result{items, rest}, err
}

// putRolePolicy writes an inline policy.
// https://docs.aws.amazon.com/IAM/latest/APIReference/API_PutRolePolicy.html
func (s *Service) putRolePolicy(c *wire.Call) (any, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	name, err := name(c, "PolicyName", 128)
	if err != nil {
		return nil, err
	}
	text := c.Form.Get("PolicyDocument")
	if err := identityPolicy(text); err != nil {
		return nil, err
	}
	total := size(text)
	for other, text := range r.policies {
		if other != name {
			total += size(text)
		}
	}
	if total > maxInline {
		return nil, limitExceeded("Maximum policy size of %d bytes exceeded for role %s", maxInline, r.name)
	}
	if _, ok := r.policies[name]; !ok {
		s.hub.Created("iam:" + r.arn + "/" + name)
	}
	r.policies[name], r.changed = text, c.Time
	return nil, nil
}

var vendorAction = regexp.MustCompile(`^([A-Za-z0-9-]+:.+|\*)$`)

// identityPolicy checks a policy that belongs to a role.
func identityPolicy(text string) error {
	if text == "" {
		return invalid("", "policyDocument", "Member must not be null")
	}
	doc, err := policy.Parse(text)
	switch {
	case errors.Is(err, policy.ErrNotJSON):
		return malformedPolicy("Syntax errors in policy.")
	case err != nil:
		return malformedPolicy("Syntax errors in policy: %v", err)
	}
	for _, statement := range doc.Statements {
		switch {
		case statement.Principals != nil || statement.NotPrincipal:
			return malformedPolicy("Policy document should not specify a principal.")
		case statement.Resources == nil && statement.NotResources == nil:
			return malformedPolicy("Policy statement must contain resources.")
		}
		for _, action := range slices.Concat(statement.Actions, statement.NotActions) {
			if !vendorAction.MatchString(action) {
				return malformedPolicy("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
			}
		}
		for _, resource := range slices.Concat(statement.Resources, statement.NotResources) {
			if resource != "*" && strings.Count(resource, ":") < 5 {
				return malformedPolicy("Resource %s must be in ARN format or \"*\".", resource)
			}
		}
	}
	return nil
}

// rolePolicy finds the inline policy that a call names.
func (s *Service) rolePolicy(c *wire.Call) (*role, string, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, "", err
	}
	name, err := name(c, "PolicyName", 128)
	if err != nil {
		return nil, "", err
	}
	if _, ok := r.policies[name]; !ok || !s.visible(c, r.arn+"/"+name) {
		return nil, "", noSuchEntity("The role policy with name %s cannot be found.", name)
	}
	return r, name, nil
}

func (s *Service) getRolePolicy(c *wire.Call) (any, error) {
	r, name, err := s.rolePolicy(c)
	if err != nil {
		return nil, err
	}
	type result struct{ RoleName, PolicyName, PolicyDocument string }
	return result{r.name, name, escape(r.policies[name])}, nil
}

func (s *Service) deleteRolePolicy(c *wire.Call) (any, error) {
	r, name, err := s.rolePolicy(c)
	if err != nil {
		return nil, err
	}
	delete(r.policies, name)
	r.changed = c.Time
	return nil, nil
}

func (s *Service) listRolePolicies(c *wire.Call) (any, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(r.policies)), func(name string) bool { return !s.visible(c, r.arn+"/"+name) })
	items, rest, err := page(c, names)
	type result struct {
		PolicyNames []string `xml:"PolicyNames>member"`
		more
	}
	return result{items, rest}, err
}

// attachRolePolicy takes the policies that AWS manages, whichever they are, and
// those of the account that AddPolicy has made, as CreatePolicy is not emulated.
func (s *Service) attachRolePolicy(c *wire.Call) (any, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	arn := c.Form.Get("PolicyArn")
	switch {
	case !strings.HasPrefix(arn, "arn:"):
		return nil, &wire.Error{Code: "InvalidInput", Message: fmt.Sprintf("ARN %s is not valid.", arn)}
	case !strings.HasPrefix(arn, "arn:aws:iam::aws:policy/") && s.managed[arn] == "":
		return nil, noSuchEntity("Policy %s does not exist or is not attachable.", arn)
	case slices.Contains(r.attached, arn):
		return nil, nil
	case len(r.attached) == maxAttached:
		return nil, limitExceeded("Cannot exceed quota for PoliciesPerRole: %d", maxAttached)
	}
	r.attached, r.changed = append(slices.Clone(r.attached), arn), c.Time
	return nil, nil
}

func (s *Service) detachRolePolicy(c *wire.Call) (any, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	arn := c.Form.Get("PolicyArn")
	if !slices.Contains(r.attached, arn) {
		return nil, noSuchEntity("Policy %s was not found.", arn)
	}
	r.attached, r.changed = slices.DeleteFunc(slices.Clone(r.attached), func(a string) bool { return a == arn }), c.Time
	return nil, nil
}

func (s *Service) listAttachedRolePolicies(c *wire.Call) (any, error) {
	r, err := s.findRole(c)
	if err != nil {
		return nil, err
	}
	type attached struct{ PolicyName, PolicyArn string }
	var found []attached
	for _, arn := range r.attached {
		found = append(found, attached{arn[strings.LastIndex(arn, "/")+1:], arn})
	}
	items, rest, err := page(c, found)
	type result struct {
		AttachedPolicies []attached `xml:"AttachedPolicies>member"`
		more
	}
	return result{items, rest}, err
}

// notEmulated says that a call asks for what cannot be answered here.
func notEmulated(message string) *wire.Error {
	return &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: message}
}

// Roles returns all roles, by name.
func (s *Service) Roles() []Role {
	s.mu.Lock()
	var arns []string
	for _, r := range s.roles {
		arns = append(arns, r.arn)
	}
	s.mu.Unlock()
	slices.Sort(arns)
	var out []Role
	for _, arn := range arns {
		if r, ok := s.Role(arn); ok {
			out = append(out, r)
		}
	}
	return out
}
