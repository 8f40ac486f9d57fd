package iam_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/iam"
	"lakegate/lambda/internal/emulator/wire"
)

const other = "210987654321"

// accounts are two accounts, of which the second has the role there.
func accounts(t *testing.T, trust string) (*iam.STS, *clock.Clock) {
	t.Helper()
	c := clock.NewVirtual(start)
	hub := wire.NewHub(c)
	home, there := iam.New(hub, account), iam.New(hub, other)
	s := iam.NewSTS(home, there)
	create := there.Wire().Operations["CreateRole"]
	call := &wire.Call{Service: "iam", Action: "CreateRole", Time: c.Now(), Form: map[string][]string{
		"RoleName": {"there"}, "AssumeRolePolicyDocument": {trust}, "MaxSessionDuration": {"7200"},
	}}
	if _, err := create(call); err != nil {
		t.Fatal(err)
	}
	put := there.Wire().Operations["PutRolePolicy"]
	if _, err := put(&wire.Call{Service: "iam", Action: "PutRolePolicy", Time: c.Now(), Form: map[string][]string{
		"RoleName": {"there"}, "PolicyName": {"p"}, "PolicyDocument": {
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ec2:Describe*","kms:ListKeys","s3:ListBucket","sts:AssumeRole"],"Resource":"*"},
			{"Effect":"Deny","Action":"ec2:DescribeTags","Resource":"*"}]}`},
	}}); err != nil {
		t.Fatal(err)
	}
	return s, c
}

const roleThere = "arn:aws:iam::" + other + ":role/there"

func trusting(principal, condition string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":%q}%s}}`, principal, condition)
}

// assume has a caller assume the role there, and returns the access key.
func assume(s *iam.STS, c *clock.Clock, caller string, more ...string) (string, error) {
	form := map[string][]string{"RoleArn": {roleThere}, "RoleSessionName": {"me"}}
	for i := 0; i < len(more); i += 2 {
		form[more[i]] = []string{more[i+1]}
	}
	out, err := s.Wire().Operations["AssumeRole"](&wire.Call{Service: "sts", Action: "AssumeRole", AccessKey: caller, Time: c.Now(), Form: form})
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("%+v", out)
	_, key, _ := strings.Cut(text, "AccessKeyID:")
	key, _, _ = strings.Cut(key, " ")
	return key, nil
}

func TestTrustOfAnotherAccount(t *testing.T) {
	t.Parallel()
	root := "arn:aws:iam::" + account + ":root"
	for name, test := range map[string]struct {
		trust  string
		caller string
		more   []string
		in     bool
	}{
		"the account":             {trusting(root, ""), "Look", nil, true},
		"its id":                  {trusting(account, ""), "Look", nil, true},
		"anybody":                 {trusting("*", ""), "Look", nil, true},
		"another account":         {trusting("arn:aws:iam::999988887777:root", ""), "Look", nil, false},
		"the role":                {trusting("arn:aws:iam::"+account+":role/Stack-Look", ""), "Look", nil, true},
		"another role":            {trusting("arn:aws:iam::"+account+":role/Stack-Other", ""), "Look", nil, false},
		"roles of a pattern":      {trusting(root, `,"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/Stack-*"}}`), "Look", nil, true},
		"other roles":             {trusting(root, `,"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/Other-*"}}`), "Look", nil, false},
		"an external id":          {trusting(root, `,"Condition":{"StringLike":{"sts:ExternalId":["a","tok*"]}}`), "Look", []string{"ExternalId", "tokyo"}, true},
		"another external id":     {trusting(root, `,"Condition":{"StringLike":{"sts:ExternalId":["a","tok*"]}}`), "Look", []string{"ExternalId", "osaka"}, false},
		"no external id":          {trusting(root, `,"Condition":{"StringLike":{"sts:ExternalId":"*"}}`), "Look", nil, false},
		"who may not go there":    {trusting(root, ""), "Stay", nil, false},
		"somebody of the account": {trusting("arn:aws:iam::"+other+":root", ""), "owner@" + other, nil, true},
		"a stranger there":        {trusting("arn:aws:iam::"+other+":root", ""), "Look", nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := accounts(t, test.trust)
			s.RoleOf = func(caller string) string { return "Stack-" + caller }
			s.May = func(caller, role string) bool { return caller != "Stay" && role == roleThere }
			key, err := assume(s, c, test.caller, test.more...)
			if (err == nil) != test.in {
				t.Fatalf("it is answered %v", err)
			}
			if err != nil {
				if e, ok := errors.AsType[*wire.Error](err); !ok || e.Code != "AccessDenied" {
					t.Errorf("it is answered %v", err)
				}
				return
			}
			who := s.Who(key)
			if caller, _, _ := strings.Cut(test.caller, "@"); who.Account != other || who.Caller != caller || !who.Assumed {
				t.Errorf("behind the key is %+v", who)
			}
		})
	}
}

// A session may do what both the role's policies and its own allow, for an hour.
func TestSessionIsRefused(t *testing.T) {
	t.Parallel()
	s, c := accounts(t, trusting("*", ""))
	narrow := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["ec2:DescribeVpcs","ec2:CreateVpc","iam:GetRole"],"Resource":"*"}}`
	wide, err := assume(s, c, "Look")
	if err != nil {
		t.Fatal(err)
	}
	narrowed, err := assume(s, c, "Look", "Policy", narrow)
	if err != nil {
		t.Fatal(err)
	}
	refusal := func(key, service, action string, after time.Duration) string {
		e := s.Refusal(&wire.Call{AccessKey: key, Service: service, Action: action, Time: c.Now().Add(after)})
		if e == nil {
			return ""
		}
		return e.Code
	}
	for _, test := range []struct {
		key, service, action string
		after                time.Duration
		want                 string
	}{
		{"Look", "ec2", "CreateVpc", 0, ""},
		{wide, "ec2", "DescribeVpcs", 0, ""},
		{wide, "ec2", "DescribeVpcs", time.Hour - time.Second, ""},
		{wide, "ec2", "DescribeTags", 0, "UnauthorizedOperation"},
		{wide, "ec2", "CreateVpc", 0, "UnauthorizedOperation"},
		{wide, "s3", "HeadBucket", 0, ""},
		{wide, "s3", "GetObject", 0, "AccessDenied"},
		{wide, "kms", "ListKeys", 0, ""},
		{wide, "kms", "CreateKey", 0, "AccessDeniedException"},
		{wide, "iam", "GetRole", 0, "AccessDenied"},
		{wide, "sts", "GetCallerIdentity", 0, ""},
		{narrowed, "ec2", "DescribeVpcs", 0, ""},
		{narrowed, "ec2", "DescribeSubnets", 0, "UnauthorizedOperation"},
		{narrowed, "ec2", "CreateVpc", 0, "UnauthorizedOperation"},
		{narrowed, "iam", "GetRole", 0, "AccessDenied"},
		{wide, "ec2", "DescribeVpcs", time.Hour, "RequestExpired"},
		{wide, "s3", "HeadBucket", time.Hour, "ExpiredToken"},
		{wide, "kms", "ListKeys", time.Hour, "ExpiredTokenException"},
		{wide, "sts", "GetCallerIdentity", time.Hour, "ExpiredToken"},
	} {
		if got := refusal(test.key, test.service, test.action, test.after); got != test.want {
			t.Errorf("%s %s:%s after %s is answered %q, want %q", test.key, test.service, test.action, test.after, got, test.want)
		}
	}
	for policy, want := range map[string]string{
		`{`: "MalformedPolicyDocument", narrow + strings.Repeat(" ", 2048): "ValidationError",
	} {
		_, err := assume(s, c, "Look", "Policy", policy)
		if e, ok := errors.AsType[*wire.Error](err); !ok || e.Code != want {
			t.Errorf("a policy of %d characters is answered %v, want %s", len(policy), err, want)
		}
	}
}

// A session of a role that a role has assumed lasts an hour at most.
func TestChainedSessions(t *testing.T) {
	t.Parallel()
	s, c := accounts(t, trusting("*", ""))
	s.RoleOf = func(string) string { return "" }
	first, err := assume(s, c, "Look", "DurationSeconds", "7200")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := assume(s, c, first, "DurationSeconds", "3600"); err != nil {
		t.Error(err)
	}
	_, err = assume(s, c, first, "DurationSeconds", "7200")
	if e, ok := errors.AsType[*wire.Error](err); !ok || e.Code != "ValidationError" {
		t.Errorf("two hours are answered %v", err)
	}
	if who := s.Who(first); who.Caller != "Look" {
		t.Errorf("the caller is %s", who.Caller)
	}
}

// A managed policy that is known counts as an inline one does.
func TestManagedPolicy(t *testing.T) {
	t.Parallel()
	k := newStack(t)
	ctx := t.Context()
	arn := k.role(t, "r", strings.ReplaceAll(trust, "414351767826", account))
	managed := k.service.AddPolicy("look", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:Describe*","Resource":"*"}}`)
	_, err := k.iam.AttachRolePolicy(ctx, &awsiam.AttachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: aws.String(managed + "-none")})
	want(t, err, "NoSuchEntity")
	_, err = k.iam.AttachRolePolicy(ctx, &awsiam.AttachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: &managed})
	want(t, err, "")
	out, err := k.iam.SimulatePrincipalPolicy(ctx, &awsiam.SimulatePrincipalPolicyInput{
		PolicySourceArn: &arn, ActionNames: []string{"ec2:DescribeVpcs", "ec2:CreateVpc"},
	})
	want(t, err, "")
	if got := out.EvaluationResults; got[0].EvalDecision != "allowed" || got[1].EvalDecision != "implicitDeny" {
		t.Errorf("got %+v", got)
	}
}

// An access key may name its account.
func TestCallerOfAnotherAccount(t *testing.T) {
	t.Parallel()
	s, _ := accounts(t, trusting("*", ""))
	for key, want := range map[string]string{"owner": account, "owner@" + other: other, "owner@999988887777": account} {
		if got := s.Who(key); got.Account != want {
			t.Errorf("%s is of account %s", key, got.Account)
		}
	}
}
