package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// The role that a spec names is assumed for all that a workspace is made of. Its
// trust policy knows who assumes it by these two.
const (
	// FunctionRoles is the pattern of the names of the functions' roles, as
	// CloudFormation makes them.
	FunctionRoles = StackName + "-*"
	// ExternalIDKey is the condition key of the external id, which is the name of
	// the workspace: who owns the account says which workspaces it takes.
	ExternalIDKey = "sts:ExternalId"
)

// maxPolicy is how many characters a managed policy may have, less what is
// around its statements.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
const maxPolicy = 6144 - 64

// AssumeTargets is the permission to assume the roles of other accounts that the
// stack allows.
func AssumeTargets(roles []string) Permission {
	return Permission{
		Why: "work in the accounts of workspaces", Actions: []string{"sts:AssumeRole"}, Resources: roles,
	}
}

// InTarget says whether a permission is about what a workspace is made of, which
// lies in the AWS account of the workspace. All else is the stack's own.
func (p Permission) InTarget() bool {
	service, _, _ := strings.Cut(p.Actions[0], ":")
	switch service {
	case "cloudtrail", "ec2", "glue", "iam", "kms", "route53":
		return true
	case "s3":
		// The stack's buckets are named, a root bucket may have any name.
		return strings.HasPrefix(p.Resources[0], bucketARN("*"))
	}
	return false
}

// TargetActions returns the actions of a step or function in the AWS account of
// a workspace, sorted.
func TargetActions(name string) []string {
	var actions []string
	for _, s := range Steps() {
		if s.Name == name {
			actions = append(actions, targetActions(s.Allow)...)
		}
	}
	for _, f := range Functions() {
		if f.Name == name {
			actions = append(actions, targetActions(f.Allow)...)
		}
	}
	return union(actions)
}

func targetActions(allow []Permission) []string {
	var actions []string
	for _, p := range allow {
		if p.InTarget() {
			actions = append(actions, p.Actions...)
		}
	}
	return actions
}

// SessionPolicy narrows what the role of a workspace's account allows to what one
// step or function does there. It has the actions only: with resources and
// conditions the longest would be longer than a session policy may be, and the
// role's own policies have them.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html#reference_iam-quotas-entity-length
func SessionPolicy(name string) string {
	actions := TargetActions(name)
	if len(actions) == 0 {
		return ""
	}
	text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{
		map[string]any{"Effect": "Allow", "Action": actions, "Resource": "*"},
	}})
	if err != nil {
		panic(fmt.Sprintf("plan: encoding the session policy of %s: %v", name, err))
	}
	return string(text)
}

// Target returns what the role of a workspace's account has to allow: what any
// step or function does there, and nothing else.
func Target() []Permission {
	var single []Permission
	add := func(allow []Permission) {
		for _, p := range allow {
			if !p.InTarget() {
				continue
			}
			for _, action := range p.Actions {
				single = append(single, Permission{Why: p.Why, Actions: []string{action}, Resources: p.Resources, Conditions: p.Conditions})
			}
		}
	}
	for _, s := range Steps() {
		add(s.Allow)
	}
	for _, f := range Functions() {
		add(f.Allow)
	}
	// Neither merge allows an action on what no step has it on.
	merged := merge(single, func(p Permission) string { return fmt.Sprint(p.Actions, p.Conditions) })
	merged = merge(merged, func(p Permission) string { return fmt.Sprint(p.Resources, p.Conditions) })
	slices.SortStableFunc(merged, func(a, b Permission) int { return strings.Compare(a.Actions[0], b.Actions[0]) })
	return merged
}

// TargetPolicies divides Target into managed policies: it is too long for one,
// and for the inline policies of a role.
func TargetPolicies() [][]Permission {
	var policies [][]Permission
	left := 0
	for _, p := range Target() {
		n := lengthOf(p)
		if n > left {
			policies, left = append(policies, nil), maxPolicy
		}
		policies[len(policies)-1] = append(policies[len(policies)-1], p)
		left -= n
	}
	return policies
}

// lengthOf is about how many characters a permission has as a statement.
func lengthOf(p Permission) int {
	text, err := json.Marshal(map[string]any{"Effect": "Allow", "Action": p.Actions, "Resource": p.Resources, "Condition": p.Conditions})
	if err != nil {
		panic(fmt.Sprintf("plan: encoding permission %v: %v", p, err))
	}
	return len(text) + len(",")
}

// merge makes one permission of those that have a key in common.
func merge(all []Permission, key func(Permission) string) []Permission {
	var merged []Permission
	at := map[string]int{}
	for _, p := range all {
		i, known := at[key(p)]
		if !known {
			i = len(merged)
			at[key(p)] = i
			merged = append(merged, Permission{Why: p.Why, Conditions: p.Conditions})
		}
		m := &merged[i]
		m.Actions, m.Resources = union(m.Actions, p.Actions), union(m.Resources, p.Resources)
	}
	return merged
}

// union is what is in any of the lists, sorted.
func union(lists ...[]string) []string {
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(lists...))))
}
