package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/iam/policy"
)

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := policy.Parse(`{"Version":"2012-10-17","Id":"x","Statement":{"Sid":"a","Effect":"Allow",
		"Principal":{"AWS":"arn:aws:iam::414351767826:root"},"Action":"sts:AssumeRole",
		"Condition":{"StringEquals":{"sts:ExternalId":"e"},"Bool":{"aws:SecureTransport":true},"NumericLessThan":{"k":[1,2]}}}}`)
	if err != nil {
		t.Fatal(err)
	}
	want := policy.Document{Version: "2012-10-17", Statements: []policy.Statement{{
		Sid: "a", Effect: "Allow",
		Principals: map[string][]string{"AWS": {"arn:aws:iam::414351767826:root"}},
		Actions:    []string{"sts:AssumeRole"},
		Conditions: map[string]map[string][]string{
			"StringEquals":    {"sts:ExternalId": {"e"}},
			"Bool":            {"aws:SecureTransport": {"true"}},
			"NumericLessThan": {"k": {"1", "2"}},
		},
	}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		``:                                       "invalid Json",
		`[]`:                                     "must be a JSON object",
		`null`:                                   "must be a JSON object",
		`{}`:                                     "no statement",
		`{"Statement":[]}`:                       "no statement",
		`{"Version":"2013-01-01"}`:               "Version must be",
		`{"version":"2012-10-17"}`:               `no element "version"`,
		`{"Statement":"x"}`:                      "must be a JSON object",
		`{"Statement":{"Action":"s3:*"}}`:        "Effect must be",
		`{"Statement":{"Effect":"Allow"}}`:       "Action is missing",
		`{"Statement":{"Effect":"Allow","A":1}}`: `no element "A"`,
		`{"Statement":{"Effect":"Allow","Action":[]}}`:                                     "a string or a list",
		`{"Statement":{"Effect":"Allow","Action":null}}`:                                   "a string or a list",
		`{"Statement":{"Effect":"Allow","Action":"a","NotAction":"b"}}`:                    "exclude each other",
		`{"Statement":{"Effect":"Allow","Action":"a","Principal":"me"}}`:                   "neither * nor an object",
		`{"Statement":{"Effect":"Allow","Action":"a","Principal":{"Aws":"*"}}}`:            `of the kind "Aws"`,
		`{"Statement":{"Effect":"Allow","Action":"a","Condition":{"Null":{"k":[null]}}}}`:  "a condition compares",
		`{"Statement":{"Effect":"Allow","Action":"a","Resource":"b","NotResource":["c"]}}`: "exclude each other",
	} {
		_, err := policy.Parse(text)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%s) = %v, want an error with %q", text, err, want)
		}
	}
	if _, err := policy.Parse("{"); !errors.Is(err, policy.ErrNotJSON) {
		t.Errorf("Parse({) = %v, want ErrNotJSON", err)
	}
}

func TestWildcard(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, s string
		want       bool
	}{
		{"*", "", true}, {"", "", true}, {"", "a", false}, {"a", "", false},
		{"ec2:*", "ec2:RunInstances", true}, {"ec2:Run*s", "ec2:RunInstances", true},
		{"ec2:Run*x", "ec2:RunInstances", false}, {"a?c", "abc", true}, {"a?c", "ac", false},
		{"*a*b*", "xxaxxbxx", true}, {"*ab", "aab", true}, {"a*", "b", false}, {"a**", "a", true},
	} {
		if got := policy.Wildcard(c.pattern, c.s); got != c.want {
			t.Errorf("Wildcard(%q, %q) = %v", c.pattern, c.s, got)
		}
	}
}

func TestEvaluate(t *testing.T) {
	t.Parallel()
	const allow = `{"Statement":[{"Effect":"Allow","Action":["ec2:Describe*","EC2:RunInstances"],"Resource":"*"},
		{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/glue-*"},
		{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"*","Condition":{"StringLike":{"iam:AWSServiceName":"spot.*"}}},
		{"Effect":"Allow","Action":"ec2:CreateVolume","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"2030-01-01"}}},
		{"Effect":"Allow","NotAction":"s3:*","Resource":"arn:aws:other:::x"},
		{"Effect":"Allow","Action":"s3:GetObject","NotResource":"arn:aws:s3:::secret/*"}]}`
	const deny = `{"Statement":{"Effect":"Deny","Action":"ec2:RunInstances","Resource":"*","Condition":{"StringEquals":{"ec2:Region":"eu-west-1"}}}}`
	documents := map[string]policy.Document{}
	for name, text := range map[string]string{"allow": allow, "deny": deny} {
		doc, err := policy.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		documents[name] = doc
	}
	for _, c := range []struct {
		action, resource string
		context          map[string][]string
		want             policy.Result
	}{
		{"ec2:DescribeVpcs", "*", nil, policy.Result{Decision: policy.Allowed, Matched: []string{"allow"}}},
		{"ec2:describevpcs", "*", nil, policy.Result{Decision: policy.Allowed, Matched: []string{"allow"}}},
		{"ec2:RunInstances", "*", nil, policy.Result{Decision: policy.Allowed, Matched: []string{"allow"}, Missing: []string{"ec2:Region"}}},
		{"ec2:RunInstances", "*", map[string][]string{"EC2:region": {"eu-west-1"}}, policy.Result{Decision: policy.ExplicitDeny, Matched: []string{"deny"}}},
		{"ec2:CreateVpc", "*", nil, policy.Result{Decision: policy.ImplicitDeny}},
		{"iam:PassRole", "arn:aws:iam::123456789012:role/glue-a", nil, policy.Result{Decision: policy.Allowed, Matched: []string{"allow"}}},
		{"iam:PassRole", "arn:aws:iam::123456789012:role/other", nil, policy.Result{Decision: policy.ImplicitDeny}},
		{"iam:CreateServiceLinkedRole", "*", map[string][]string{"iam:AWSServiceName": {"spot.amazonaws.com"}}, policy.Result{Decision: policy.Allowed, Matched: []string{"allow"}}},
		{"iam:CreateServiceLinkedRole", "*", nil, policy.Result{Decision: policy.ImplicitDeny, Missing: []string{"iam:AWSServiceName"}}},
		{"ec2:CreateVolume", "*", map[string][]string{"aws:CurrentTime": {"2020-01-01"}}, policy.Result{Decision: policy.ImplicitDeny}},
		{"sqs:SendMessage", "arn:aws:other:::x", nil, policy.Result{Decision: policy.Allowed, Matched: []string{"allow"}}},
		{"s3:PutObject", "arn:aws:other:::x", nil, policy.Result{Decision: policy.ImplicitDeny}},
		{"s3:GetObject", "arn:aws:s3:::secret/a", nil, policy.Result{Decision: policy.ImplicitDeny}},
	} {
		got := policy.Evaluate(documents, policy.Request{Action: c.action, Resource: c.resource, Context: c.context})
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s on %s with %v: %s", c.action, c.resource, c.context, diff)
		}
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		condition string
		context   map[string][]string
		want      bool
	}{
		{`{"Null":{"k":"true"}}`, nil, true},
		{`{"Null":{"k":"true"}}`, map[string][]string{"k": {"a"}}, false},
		{`{"Null":{"k":"false"}}`, map[string][]string{"k": {"a"}}, true},
		{`{"StringNotLike":{"k":"a*"}}`, map[string][]string{"k": {"ab"}}, false},
		{`{"StringNotLike":{"k":"a*"}}`, map[string][]string{"k": {"b"}}, true},
		{`{"ForAllValues:StringLike":{"k":["a*","b"]}}`, map[string][]string{"k": {"ab", "b"}}, true},
		{`{"ForAllValues:StringLike":{"k":"a*"}}`, map[string][]string{"k": {"ab", "b"}}, false},
		{`{"ForAllValues:StringLike":{"k":"a*"}}`, nil, true},
		{`{"ForAllValues:StringNotLike":{"k":"a*"}}`, map[string][]string{"k": {"b", "ab"}}, false},
		{`{"ForAllValues:StringNotLike":{"k":"a*"}}`, map[string][]string{"k": {"b", "c"}}, true},
		{`{"ForAnyValue:StringLike":{"k":"a*"}}`, map[string][]string{"k": {"ab"}}, false}, // not known here
	} {
		doc, err := policy.Parse(`{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":` + c.condition + `}}`)
		if err != nil {
			t.Fatal(err)
		}
		got := policy.Evaluate(map[string]policy.Document{"p": doc}, policy.Request{Action: "s3:GetObject", Resource: "*", Context: c.context})
		if (got.Decision == policy.Allowed) != c.want {
			t.Errorf("%s with %v is %s", c.condition, c.context, got.Decision)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`)
	f.Add(`{"Statement":{"Effect":"Deny","Principal":"*","NotAction":["a"],"Condition":{"Bool":{"k":true}}}}`)
	f.Fuzz(func(t *testing.T, text string) {
		doc, err := policy.Parse(text)
		if err == nil && len(doc.Statements) == 0 {
			t.Errorf("a document without statements was accepted: %s", text)
		}
		policy.Evaluate(map[string]policy.Document{"p": doc}, policy.Request{Action: "s3:GetObject", Resource: "*"})
	})
}
