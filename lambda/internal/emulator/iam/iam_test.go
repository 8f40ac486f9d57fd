package iam_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/iam"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
)

const (
	account = "123456789012"
	trust   = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
 "Principal":{"AWS":"arn:aws:iam::414351767826:root"},"Condition":{"StringEquals":{"sts:ExternalId":"dbx account"}}}]}`
	ec2Trust = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}}`
	allowAll = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}`
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

type stack struct {
	hub     *wire.Hub
	service *iam.Service
	reach   func(region string) aws.Config
	iam     *awsiam.Client
}

var want = wiretest.Want

func newStack(t *testing.T) *stack {
	t.Helper()
	hub := wire.NewHub(clock.NewVirtual(start))
	k := &stack{hub: hub, service: iam.New(hub, account)}
	k.reach = wiretest.Serve(t, hub, k.service.Wire(), iam.NewSTS(k.service).Wire())
	k.iam = awsiam.NewFromConfig(k.reach("us-east-1"))
	return k
}

func (k *stack) sts(key, token string) *sts.Client {
	cfg := k.reach("eu-west-1")
	cfg.Credentials = credentials.NewStaticCredentialsProvider(key, "secret", token)
	return sts.NewFromConfig(cfg)
}

// role creates a role.
func (k *stack) role(t *testing.T, name, trust string) string {
	t.Helper()
	out, err := k.iam.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: aws.String(name), AssumeRolePolicyDocument: aws.String(trust)})
	want(t, err, "")
	return *out.Role.Arn
}

func decoded(t *testing.T, document *string) string {
	t.Helper()
	text, err := url.PathUnescape(*document)
	if err != nil || strings.ContainsAny(*document, "{ +") {
		t.Fatalf("the document is not encoded as RFC 3986 has it: %s", *document)
	}
	return text
}

func TestRole(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx, name := t.Context(), aws.String("lakegate-team-a")
	created, err := k.iam.CreateRole(ctx, &awsiam.CreateRoleInput{RoleName: name, Path: aws.String("/lakegate/"), AssumeRolePolicyDocument: aws.String(trust),
		Description: aws.String("for Databricks"), MaxSessionDuration: aws.Int32(7200),
		Tags: []types.Tag{{Key: aws.String("lakegate:workspace"), Value: aws.String("team-a")}}})
	want(t, err, "")
	r := created.Role
	if *r.Arn != "arn:aws:iam::123456789012:role/lakegate/lakegate-team-a" || !strings.HasPrefix(*r.RoleId, "AROA") || len(*r.RoleId) != 21 ||
		!r.CreateDate.Equal(start) || decoded(t, r.AssumeRolePolicyDocument) != trust || len(r.Tags) != 1 {
		t.Errorf("got %+v", r)
	}
	_, err = k.iam.CreateRole(ctx, &awsiam.CreateRoleInput{RoleName: aws.String("Lakegate-Team-A"), AssumeRolePolicyDocument: aws.String(trust)})
	want(t, err, "EntityAlreadyExists")

	got, err := k.iam.GetRole(ctx, &awsiam.GetRoleInput{RoleName: name})
	want(t, err, "")
	if g := got.Role; *g.MaxSessionDuration != 7200 || *g.Description != "for Databricks" || decoded(t, g.AssumeRolePolicyDocument) != trust ||
		*g.Tags[0].Value != "team-a" || g.RoleLastUsed == nil || g.RoleLastUsed.LastUsedDate != nil {
		t.Errorf("got %+v", g)
	}
	_, err = k.iam.GetRole(ctx, &awsiam.GetRoleInput{RoleName: aws.String("none")})
	want(t, err, "NoSuchEntity")

	_, err = k.iam.UpdateRole(ctx, &awsiam.UpdateRoleInput{RoleName: name, Description: aws.String("")})
	want(t, err, "")
	_, err = k.iam.TagRole(ctx, &awsiam.TagRoleInput{RoleName: name, Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}})
	want(t, err, "")
	_, err = k.iam.TagRole(ctx, &awsiam.TagRoleInput{RoleName: name, Tags: []types.Tag{{Key: aws.String("b"), Value: aws.String("1")}, {Key: aws.String("B"), Value: aws.String("1")}}})
	want(t, err, "InvalidInput")
	_, err = k.iam.UntagRole(ctx, &awsiam.UntagRoleInput{RoleName: name, TagKeys: []string{"lakegate:workspace"}})
	want(t, err, "")
	listed, err := k.iam.ListRoleTags(ctx, &awsiam.ListRoleTagsInput{RoleName: name})
	want(t, err, "")
	if len(listed.Tags) != 1 || *listed.Tags[0].Key != "a" {
		t.Errorf("got %+v", listed.Tags)
	}

	_, err = k.iam.UpdateAssumeRolePolicy(ctx, &awsiam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: aws.String(ec2Trust)})
	want(t, err, "")
	view, ok := k.service.Role(*r.Arn)
	expected := iam.Role{Name: *name, ARN: *r.Arn, Changed: start, Trust: ec2Trust, Policies: map[string]string{}, Tags: map[string]string{"a": "1"}}
	if diff := cmp.Diff(expected, view); !ok || diff != "" {
		t.Error(diff)
	}
	_, err = k.iam.DeleteRole(ctx, &awsiam.DeleteRoleInput{RoleName: name})
	want(t, err, "")
	if _, ok := k.service.Role(*r.Arn); ok {
		t.Error("the role is still there")
	}
	if again := k.role(t, *name, trust); again == *r.Arn {
		t.Errorf("the path is ignored: %s", again)
	}
}

func TestCreateRoleRefuses(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	for _, c := range []struct {
		problem string
		in      awsiam.CreateRoleInput
		want    string
	}{
		{"name", awsiam.CreateRoleInput{RoleName: aws.String("a b")}, "ValidationError"},
		{"long name", awsiam.CreateRoleInput{RoleName: aws.String(strings.Repeat("a", 65))}, "ValidationError"},
		{"empty name", awsiam.CreateRoleInput{RoleName: aws.String("")}, "ValidationError"},
		{"path", awsiam.CreateRoleInput{Path: aws.String("x")}, "ValidationError"},
		{"session", awsiam.CreateRoleInput{MaxSessionDuration: aws.Int32(60)}, "ValidationError"},
		{"boundary", awsiam.CreateRoleInput{PermissionsBoundary: aws.String("arn:aws:iam::aws:policy/x")}, "NotImplemented"},
		{"tag", awsiam.CreateRoleInput{Tags: []types.Tag{{Key: aws.String("aws:x"), Value: aws.String("")}}}, "InvalidInput"},
		{"json", awsiam.CreateRoleInput{AssumeRolePolicyDocument: aws.String("{")}, "MalformedPolicyDocument"},
		{"syntax", awsiam.CreateRoleInput{AssumeRolePolicyDocument: aws.String("{}")}, "MalformedPolicyDocument"},
		{"resource", awsiam.CreateRoleInput{AssumeRolePolicyDocument: aws.String(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}}`)}, "MalformedPolicyDocument"},
		{"no principal", awsiam.CreateRoleInput{AssumeRolePolicyDocument: aws.String(`{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole"}}`)}, "MalformedPolicyDocument"},
		{"action", awsiam.CreateRoleInput{AssumeRolePolicyDocument: aws.String(`{"Statement":{"Effect":"Allow","Principal":"*","Action":"ec2:*"}}`)}, "MalformedPolicyDocument"},
		{"principal", awsiam.CreateRoleInput{AssumeRolePolicyDocument: aws.String(strings.ReplaceAll(trust, "arn:aws:iam::414351767826:root", "me"))}, "MalformedPolicyDocument"},
		{"unknown role", awsiam.CreateRoleInput{AssumeRolePolicyDocument: aws.String(strings.ReplaceAll(trust, "414351767826:root", account+":role/none"))}, "MalformedPolicyDocument"},
		{"service", awsiam.CreateRoleInput{AssumeRolePolicyDocument: aws.String(strings.ReplaceAll(ec2Trust, "ec2.amazonaws.com", "ec2"))}, "MalformedPolicyDocument"},
		{"size", awsiam.CreateRoleInput{AssumeRolePolicyDocument: aws.String(strings.ReplaceAll(trust, "dbx account", strings.Repeat("x", 2048)))}, "LimitExceeded"},
	} {
		if c.in.RoleName == nil {
			c.in.RoleName = aws.String("r")
		}
		if c.in.AssumeRolePolicyDocument == nil {
			c.in.AssumeRolePolicyDocument = aws.String(trust)
		}
		_, err := k.iam.CreateRole(t.Context(), &c.in)
		if e, ok := errors.AsType[smithy.APIError](err); !ok || e.ErrorCode() != c.want {
			t.Errorf("%s: got %v, want %s", c.problem, err, c.want)
		}
	}
	k.service.LimitRoles(1)
	arn := k.role(t, "first", trust)
	_, err := k.iam.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: aws.String("second"), AssumeRolePolicyDocument: aws.String(trust)})
	want(t, err, "LimitExceeded")
	_, err = k.iam.UpdateAssumeRolePolicy(t.Context(), &awsiam.UpdateAssumeRolePolicyInput{RoleName: aws.String("first"),
		PolicyDocument: aws.String(strings.ReplaceAll(trust, "arn:aws:iam::414351767826:root", arn))})
	want(t, err, "")
}

func TestInlinePolicies(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx, role := t.Context(), aws.String("r")
	arn := k.role(t, "r", trust)
	write := func(name, text string) error {
		_, err := k.iam.PutRolePolicy(ctx, &awsiam.PutRolePolicyInput{RoleName: role, PolicyName: aws.String(name), PolicyDocument: aws.String(text)})
		return err
	}
	changed := make(chan error)
	k.hub.Clock.After(time.Minute, func() { changed <- write("p", allowAll) })
	want(t, <-changed, "")
	if view, _ := k.service.Role(arn); !view.Changed.Equal(start.Add(time.Minute)) || view.Policies["p"] != allowAll {
		t.Errorf("got %+v", view)
	}
	got, err := k.iam.GetRolePolicy(ctx, &awsiam.GetRolePolicyInput{RoleName: role, PolicyName: aws.String("p")})
	want(t, err, "")
	if decoded(t, got.PolicyDocument) != allowAll || *got.RoleName != "r" || *got.PolicyName != "p" {
		t.Errorf("got %+v", got)
	}
	for text, expected := range map[string]string{
		"{": "MalformedPolicyDocument", trust: "MalformedPolicyDocument",
		`{"Statement":{"Effect":"Allow","Action":"ec2:*"}}`:                                                               "MalformedPolicyDocument",
		`{"Statement":{"Effect":"Allow","Action":"RunInstances","Resource":"*"}}`:                                         "MalformedPolicyDocument",
		`{"Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"vpc-1"}}`:                                            "MalformedPolicyDocument",
		`{"Statement":{"Effect":"Allow","Action":"ec2:` + strings.Repeat("x", 10240-len(allowAll)) + `","Resource":"*"}}`: "LimitExceeded",
	} {
		want(t, write("q", text), expected)
	}
	want(t, write("a", allowAll), "")
	names, err := k.iam.ListRolePolicies(ctx, &awsiam.ListRolePoliciesInput{RoleName: role, MaxItems: aws.Int32(1)})
	want(t, err, "")
	if !slices.Equal(names.PolicyNames, []string{"a"}) || !names.IsTruncated {
		t.Errorf("got %+v", names)
	}
	names, err = k.iam.ListRolePolicies(ctx, &awsiam.ListRolePoliciesInput{RoleName: role, Marker: names.Marker})
	want(t, err, "")
	if !slices.Equal(names.PolicyNames, []string{"p"}) || names.IsTruncated {
		t.Errorf("got %+v", names)
	}
	_, err = k.iam.DeleteRole(ctx, &awsiam.DeleteRoleInput{RoleName: role})
	want(t, err, "DeleteConflict")
	for _, name := range []string{"a", "p"} {
		_, err = k.iam.DeleteRolePolicy(ctx, &awsiam.DeleteRolePolicyInput{RoleName: role, PolicyName: aws.String(name)})
		want(t, err, "")
	}
	_, err = k.iam.GetRolePolicy(ctx, &awsiam.GetRolePolicyInput{RoleName: role, PolicyName: aws.String("p")})
	want(t, err, "NoSuchEntity")
}

func TestManagedPolicies(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx, role := t.Context(), aws.String("r")
	arn := k.role(t, "r", trust)
	attach := func(policy string) error {
		_, err := k.iam.AttachRolePolicy(ctx, &awsiam.AttachRolePolicyInput{RoleName: role, PolicyArn: &policy})
		return err
	}
	const managed = "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"
	want(t, attach("not an arn at all, whatever it is"), "InvalidInput")
	want(t, attach("arn:aws:iam::123456789012:policy/none"), "NoSuchEntity")
	want(t, attach(managed), "")
	want(t, attach(managed), "")
	got, err := k.iam.ListAttachedRolePolicies(ctx, &awsiam.ListAttachedRolePoliciesInput{RoleName: role})
	want(t, err, "")
	if len(got.AttachedPolicies) != 1 || *got.AttachedPolicies[0].PolicyName != "AmazonSSMManagedInstanceCore" {
		t.Errorf("got %+v", got.AttachedPolicies)
	}
	_, err = k.iam.SimulatePrincipalPolicy(ctx, &awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: &arn, ActionNames: []string{"ec2:RunInstances"}})
	want(t, err, "NotImplemented")
	_, err = k.iam.DeleteRole(ctx, &awsiam.DeleteRoleInput{RoleName: role})
	want(t, err, "DeleteConflict")
	for i := range 9 {
		want(t, attach(fmt.Sprintf("arn:aws:iam::aws:policy/Other%d", i)), "")
	}
	want(t, attach("arn:aws:iam::aws:policy/Other9"), "LimitExceeded")
	detach := &awsiam.DetachRolePolicyInput{RoleName: role, PolicyArn: aws.String(managed)}
	_, err = k.iam.DetachRolePolicy(ctx, detach)
	want(t, err, "")
	_, err = k.iam.DetachRolePolicy(ctx, detach)
	want(t, err, "NoSuchEntity")
}

func TestInstanceProfile(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx, name := t.Context(), aws.String("glue")
	roleARN := k.role(t, "glue", ec2Trust)
	k.role(t, "other", ec2Trust)
	created, err := k.iam.CreateInstanceProfile(ctx, &awsiam.CreateInstanceProfileInput{InstanceProfileName: name,
		Tags: []types.Tag{{Key: aws.String("a"), Value: aws.String("1")}}})
	want(t, err, "")
	arn := *created.InstanceProfile.Arn
	_, err = k.iam.CreateInstanceProfile(ctx, &awsiam.CreateInstanceProfileInput{InstanceProfileName: name})
	want(t, err, "EntityAlreadyExists")
	add := &awsiam.AddRoleToInstanceProfileInput{InstanceProfileName: name, RoleName: aws.String("glue")}
	_, err = k.iam.AddRoleToInstanceProfile(ctx, add)
	want(t, err, "")
	_, err = k.iam.AddRoleToInstanceProfile(ctx, add)
	want(t, err, "LimitExceeded")
	_, err = k.iam.TagInstanceProfile(ctx, &awsiam.TagInstanceProfileInput{InstanceProfileName: name, Tags: []types.Tag{{Key: aws.String("A"), Value: aws.String("2")}}})
	want(t, err, "")
	got, err := k.iam.GetInstanceProfile(ctx, &awsiam.GetInstanceProfileInput{InstanceProfileName: name})
	want(t, err, "")
	if p := got.InstanceProfile; arn != "arn:aws:iam::123456789012:instance-profile/glue" || len(p.Roles) != 1 || *p.Roles[0].Arn != roleARN ||
		decoded(t, p.Roles[0].AssumeRolePolicyDocument) != ec2Trust || len(p.Tags) != 1 || *p.Tags[0].Value != "2" {
		t.Errorf("got %+v", p)
	}
	if view, ok := k.service.InstanceProfile(arn); !ok || view != (iam.InstanceProfile{Name: "glue", ARN: arn, Changed: start, Role: roleARN}) {
		t.Errorf("got %+v", view)
	}
	k.service.Settle()
	view, _ := k.service.InstanceProfile(arn)
	if role, _ := k.service.Role(roleARN); !view.Changed.IsZero() || !role.Changed.IsZero() {
		t.Errorf("the profile changed at %s, its role at %s", view.Changed, role.Changed)
	}
	if _, ok := k.service.InstanceProfile("none"); ok {
		t.Error("there is a profile without a name")
	}
	of, err := k.iam.ListInstanceProfilesForRole(ctx, &awsiam.ListInstanceProfilesForRoleInput{RoleName: aws.String("glue")})
	want(t, err, "")
	if len(of.InstanceProfiles) != 1 || *of.InstanceProfiles[0].InstanceProfileName != "glue" {
		t.Errorf("got %+v", of)
	}
	_, err = k.iam.DeleteRole(ctx, &awsiam.DeleteRoleInput{RoleName: aws.String("glue")})
	want(t, err, "DeleteConflict")
	_, err = k.iam.DeleteInstanceProfile(ctx, &awsiam.DeleteInstanceProfileInput{InstanceProfileName: name})
	want(t, err, "DeleteConflict")
	_, err = k.iam.RemoveRoleFromInstanceProfile(ctx, &awsiam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: name, RoleName: aws.String("other")})
	want(t, err, "NoSuchEntity")
	_, err = k.iam.RemoveRoleFromInstanceProfile(ctx, &awsiam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: name, RoleName: aws.String("glue")})
	want(t, err, "")
	_, err = k.iam.DeleteInstanceProfile(ctx, &awsiam.DeleteInstanceProfileInput{InstanceProfileName: name})
	want(t, err, "")
	_, err = k.iam.GetInstanceProfile(ctx, &awsiam.GetInstanceProfileInput{InstanceProfileName: name})
	want(t, err, "NoSuchEntity")
}

func TestListRoles(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	for i := range 250 {
		k.role(t, fmt.Sprintf("role-%03d", i), trust)
	}
	_, err := k.iam.CreateRole(t.Context(), &awsiam.CreateRoleInput{RoleName: aws.String("apart"), Path: aws.String("/apart/"), AssumeRolePolicyDocument: aws.String(trust)})
	want(t, err, "")
	names, count := map[string]bool{}, 0
	pages := awsiam.NewListRolesPaginator(k.iam, &awsiam.ListRolesInput{})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		want(t, err, "")
		count++
		for _, r := range out.Roles {
			names[*r.RoleName] = true
		}
	}
	if len(names) != 251 || count != 3 {
		t.Errorf("got %d roles on %d pages", len(names), count)
	}
	out, err := k.iam.ListRoles(t.Context(), &awsiam.ListRolesInput{PathPrefix: aws.String("/apart/")})
	want(t, err, "")
	if len(out.Roles) != 1 {
		t.Errorf("got %+v", out.Roles)
	}
	_, err = k.iam.ListRoles(t.Context(), &awsiam.ListRolesInput{Marker: aws.String("x")})
	want(t, err, "ValidationError")
	_, err = k.iam.ListRoles(t.Context(), &awsiam.ListRolesInput{MaxItems: aws.Int32(2000)})
	want(t, err, "ValidationError")
}

func TestSimulatePrincipalPolicy(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx, arn := t.Context(), aws.String(k.role(t, "r", trust))
	_, err := k.iam.PutRolePolicy(ctx, &awsiam.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ec2:Run*","Resource":"*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/glue"},
		{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"*","Condition":{"StringLike":{"iam:AWSServiceName":"spot.amazonaws.com"}}}]}`)})
	want(t, err, "")
	out, err := k.iam.SimulatePrincipalPolicy(ctx, &awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: arn,
		ActionNames:     []string{"ec2:RunInstances", "ec2:CreateVpc", "iam:PassRole", "iam:CreateServiceLinkedRole"},
		ResourceArns:    []string{"arn:aws:iam::123456789012:role/glue", "*"},
		PolicyInputList: []string{`{"Statement":{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"arn:aws:iam::*:role/glue"}}`},
		ContextEntries: []types.ContextEntry{{ContextKeyName: aws.String("iam:AWSServiceName"), ContextKeyType: "string",
			ContextKeyValues: []string{"spot.amazonaws.com"}}}})
	want(t, err, "")
	var got []string
	for _, r := range out.EvaluationResults {
		line := fmt.Sprintf("%s %s %s", *r.EvalActionName, *r.EvalResourceName, r.EvalDecision)
		for _, m := range r.MatchedStatements {
			line += " " + *m.SourcePolicyId
		}
		got = append(got, line)
	}
	if diff := cmp.Diff([]string{
		"ec2:RunInstances arn:aws:iam::123456789012:role/glue explicitDeny PolicyInputList.1",
		"ec2:RunInstances * allowed role_r_p",
		"ec2:CreateVpc arn:aws:iam::123456789012:role/glue implicitDeny",
		"ec2:CreateVpc * implicitDeny",
		"iam:PassRole arn:aws:iam::123456789012:role/glue allowed role_r_p",
		"iam:PassRole * implicitDeny",
		"iam:CreateServiceLinkedRole arn:aws:iam::123456789012:role/glue allowed role_r_p",
		"iam:CreateServiceLinkedRole * allowed role_r_p",
	}, got); diff != "" {
		t.Error(diff)
	}
	out, err = k.iam.SimulatePrincipalPolicy(ctx, &awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: arn, ActionNames: []string{"iam:CreateServiceLinkedRole"}})
	want(t, err, "")
	if r := out.EvaluationResults[0]; r.EvalDecision != "implicitDeny" || !slices.Equal(r.MissingContextValues, []string{"iam:AWSServiceName"}) {
		t.Errorf("got %+v", r)
	}
	for _, c := range []struct {
		in   awsiam.SimulatePrincipalPolicyInput
		want string
	}{
		{awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String("arn:aws:iam::123456789012:role/none")}, "NoSuchEntity"},
		{awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: aws.String("nothing that looks like an ARN")}, "InvalidInput"},
		{awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: arn, ActionNames: []string{"RunInstances"}}, "InvalidInput"},
		{awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: arn, ActionNames: []string{}}, "ValidationError"},
		{awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: arn, PolicyInputList: []string{"{"}}, "InvalidInput"},
		{awsiam.SimulatePrincipalPolicyInput{PolicySourceArn: arn, ResourcePolicy: aws.String("{}")}, "NotImplemented"},
	} {
		if c.in.ActionNames == nil {
			c.in.ActionNames = []string{"ec2:RunInstances"}
		}
		_, err := k.iam.SimulatePrincipalPolicy(ctx, &c.in)
		want(t, err, c.want)
	}
}

func TestFreshObjectsAreInvisible(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	k.hub.StaleReads(1)
	k.role(t, "r", trust)
	// Writes see what reads do not.
	_, err := k.iam.PutRolePolicy(ctx, &awsiam.PutRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p"), PolicyDocument: aws.String(allowAll)})
	want(t, err, "")
	_, err = k.iam.GetRole(ctx, &awsiam.GetRoleInput{RoleName: aws.String("r")})
	want(t, err, "NoSuchEntity")
	names, err := k.iam.ListRolePolicies(ctx, &awsiam.ListRolePoliciesInput{RoleName: aws.String("r")})
	want(t, err, "")
	if len(names.PolicyNames) != 0 {
		t.Errorf("got %v", names.PolicyNames)
	}
	_, err = k.iam.GetRolePolicy(ctx, &awsiam.GetRolePolicyInput{RoleName: aws.String("r"), PolicyName: aws.String("p")})
	want(t, err, "")
	_, err = k.iam.CreateInstanceProfile(ctx, &awsiam.CreateInstanceProfileInput{InstanceProfileName: aws.String("i")})
	want(t, err, "")
	_, err = k.iam.GetInstanceProfile(ctx, &awsiam.GetInstanceProfileInput{InstanceProfileName: aws.String("i")})
	want(t, err, "NoSuchEntity")
	_, err = k.iam.GetInstanceProfile(ctx, &awsiam.GetInstanceProfileInput{InstanceProfileName: aws.String("i")})
	want(t, err, "")
}

func TestUnknownActionIsNamed(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	_, err := k.iam.CreateUser(t.Context(), &awsiam.CreateUserInput{UserName: aws.String("u")})
	want(t, err, "NotImplemented")
	if !strings.Contains(err.Error(), "CreateUser") {
		t.Error(err)
	}
}

func TestSecurityTokenService(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	who, err := k.sts("CreateWorkspace", "").GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	want(t, err, "")
	if *who.Arn != "arn:aws:sts::123456789012:assumed-role/CreateWorkspace/CreateWorkspace" || *who.Account != account || !strings.HasSuffix(*who.UserId, ":CreateWorkspace") {
		t.Errorf("got %+v", who)
	}
	arn := k.role(t, "r", strings.ReplaceAll(trust, "414351767826", account))
	service, others := k.role(t, "service", ec2Trust), k.role(t, "others", trust)
	client := k.sts("CreateWorkspace", "")
	for _, c := range []struct {
		role, externalID, session string
		duration                  int32
		want                      string
	}{
		{arn, "another", "s", 0, "AccessDenied"},
		{arn, "", "s", 0, "AccessDenied"},
		{service, "", "s", 0, "AccessDenied"},
		{others, "dbx account", "s", 0, "AccessDenied"},
		{"arn:aws:iam::123456789012:role/none", "dbx account", "s", 0, "AccessDenied"},
		{arn, "dbx account", "a b", 0, "ValidationError"},
		{arn, "dbx account", "s", 60, "ValidationError"},
		{arn, "dbx account", "s", 7200, "ValidationError"},
		{"something that is not an ARN", "dbx account", "s", 0, "ValidationError"},
	} {
		in := &sts.AssumeRoleInput{RoleArn: &c.role, RoleSessionName: &c.session}
		if c.externalID != "" {
			in.ExternalId = &c.externalID
		}
		if c.duration != 0 {
			in.DurationSeconds = &c.duration
		}
		_, err := client.AssumeRole(ctx, in)
		want(t, err, c.want)
	}
	out, err := client.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: &arn, RoleSessionName: aws.String("session"), ExternalId: aws.String("dbx account"), DurationSeconds: aws.Int32(900)})
	want(t, err, "")
	if *out.AssumedRoleUser.Arn != "arn:aws:sts::123456789012:assumed-role/r/session" || !out.Credentials.Expiration.Equal(start.Add(15*time.Minute)) {
		t.Errorf("got %+v", out)
	}
	who, err = k.sts(*out.Credentials.AccessKeyId, *out.Credentials.SessionToken).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	want(t, err, "")
	if *who.Arn != *out.AssumedRoleUser.Arn || *who.UserId != *out.AssumedRoleUser.AssumedRoleId {
		t.Errorf("got %+v", who)
	}
	role, err := k.iam.GetRole(ctx, &awsiam.GetRoleInput{RoleName: aws.String("r")})
	want(t, err, "")
	if used := role.Role.RoleLastUsed; used.LastUsedDate == nil || *used.Region != "eu-west-1" {
		t.Errorf("got %+v", used)
	}
}
