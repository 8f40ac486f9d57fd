package databricks

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestAllowed(t *testing.T) {
	t.Parallel()
	want := access{
		principal: "arn:aws:iam::414351767826:root", action: "s3:GetObject", resource: "arn:aws:s3:::root/any",
		context: map[string]string{"aws:PrincipalTag/DatabricksAccountId": "account", "aws:SecureTransport": "true"},
	}
	const everything = `{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}`
	tests := []struct {
		name, policy string
		want         bool
	}{
		{"none", ``, false},
		{"no statement", `{}`, false},
		{"one statement", `{"Statement":` + everything + `}`, true},
		{"account id", `{"Statement":[{"Effect":"Allow","Principal":{"AWS":["1","414351767826"]},"Action":"s3:Get*","Resource":"arn:aws:s3:::root/*"}]}`, true},
		{"another account", `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"1"},"Action":"*","Resource":"*"}]}`, false},
		{"a service", `{"Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"*","Resource":"*"}]}`, false},
		{"another action", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":["s3:PutObject"],"Resource":"*"}]}`, false},
		{"case of the action", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"S3:getobject","Resource":"*"}]}`, true},
		{"not another action", `{"Statement":[{"Effect":"Allow","Principal":"*","NotAction":"s3:PutObject","Resource":"*"}]}`, true},
		{"another resource", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:s3:::root"}]}`, false},
		{"not another resource", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","NotResource":"arn:aws:s3:::root"}]}`, true},
		{"tag", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:principaltag/DatabricksAccountId":"account"}}}]}`, true},
		{"another tag", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/DatabricksAccountId":["x"]}}}]}`, false},
		{"absent key", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"StringLike":{"aws:SourceVpc":"*"}}}]}`, false},
		{"unknown operator", `{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*","Condition":{"DateLessThan":{"aws:CurrentTime":"x"}}}]}`, false},
		{"denied", `{"Statement":[` + everything + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*/any"}]}`, false},
		{"denied elsewhere", `{"Statement":[` + everything + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*/unity-catalog/*"}]}`, true},
		{"denied without TLS", `{"Statement":[` + everything + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":false}}}]}`, true},
		{"denied to others", `{"Statement":[` + everything + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalTag/DatabricksAccountId":"account"}}}]}`, true},
		{"denied to us", `{"Statement":[` + everything + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*","Condition":{"StringNotLike":{"aws:PrincipalTag/DatabricksAccountId":"x*"}}}]}`, false},
	}
	for _, tt := range tests {
		if got := allowed(tt.policy, want); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

func TestGrants(t *testing.T) {
	t.Parallel()
	const narrow = `{"Statement":[{"Effect":"Allow","Action":"ec2:Run*","Resource":"arn:aws:ec2:*:*:volume/*","Condition":{"StringEquals":{"aws:RequestTag/Vendor":"Databricks"}}}]}`
	for _, tt := range []struct {
		name      string
		documents []string
		want      bool
	}{
		{"none", nil, false},
		{"narrowed", []string{narrow}, true},
		{"denied in another document", []string{narrow, `{"Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}`}, false},
		{"denied in part", []string{narrow, `{"Statement":[{"Effect":"Deny","Action":"*","Resource":"arn:aws:ec2:*:*:image/*"}]}`}, true},
	} {
		var policies []statement
		for _, document := range tt.documents {
			policies = append(policies, statementsOf(document)...)
		}
		if got := grants(policies, "ec2:RunInstances"); got != tt.want {
			t.Errorf("%s: got %v", tt.name, got)
		}
	}
}

// TestGlob compares the matching of wildcards with that of an expression.
func TestGlob(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*?]{0,8}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[ab]{0,8}`).Draw(t, "s")
		want := regexp.MustCompile("^" + strings.NewReplacer("*", ".*", "?", ".").Replace(pattern) + "$").MatchString(s)
		if got := glob(pattern, s); got != want {
			t.Fatalf("glob(%q, %q) = %v", pattern, s, got)
		}
	})
}

// FuzzPolicy reads any document without a panic, and never lets an empty one
// allow anything.
func FuzzPolicy(f *testing.F) {
	f.Add(`{"Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}`)
	f.Add(`{"Statement":{"Principal":{"AWS":[1,true,null]},"Condition":{"Bool":{"a":false}}}}`)
	f.Fuzz(func(t *testing.T, document string) {
		a := access{principal: "arn:aws:iam::1:root", action: "s3:GetObject", resource: "r"}
		if allowed(document, a) && !strings.Contains(strings.ToLower(document), "statement") {
			t.Errorf("%q allows something", document)
		}
		grants(statementsOf(document), a.action)
	})
}
