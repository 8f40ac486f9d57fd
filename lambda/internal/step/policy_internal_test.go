package step

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/document"
)

var update = flag.Bool("update", false, "write the golden files")

// What Databricks and IAM are told, as they read it.
func TestPolicies(t *testing.T) {
	t.Parallel()
	const account = "8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34"
	for name, p := range map[string]policy{
		"cross_account_policy":        crossAccountPolicy(""),
		"pass_role_policy":            {Statement: crossAccountPolicy("arn:aws:iam::123456789012:role/glue").Statement[2:]},
		"glue_policy":                 gluePolicy(),
		"managed_services_key_policy": managedServicesKeyPolicy("123456789012", account),
		"storage_key_policy":          storageKeyPolicy("123456789012", account, "arn:aws:iam::123456789012:role/lakegate-mito-hands"),
		"s3_endpoint_policy":          s3EndpointPolicy(restrictedSpec()),
		"sts_endpoint_policy":         stsEndpointPolicy(restrictedSpec()),
		"kinesis_endpoint_policy":     kinesisEndpointPolicy(restrictedSpec()),
		"glue_endpoint_policy":        glueEndpointPolicy(restrictedSpec()),
		"trust_policy":                trustPolicy(account),
		"bucket_policy":               bucketPolicy("lakegate-mito-cellar", account),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got bytes.Buffer
			if err := json.Indent(&got, []byte(p.String()), "", "  "); err != nil {
				t.Fatal(err)
			}
			got.WriteByte('\n')
			file := filepath.Join("testdata", name+".json")
			if *update {
				if err := os.WriteFile(file, got.Bytes(), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got.String()); diff != "" {
				t.Errorf("%s differs (go test -update writes it):\n%s", file, diff)
			}
		})
	}
}

// restrictedSpec is a document whose spec wants restricted endpoint policies.
func restrictedSpec() *document.Document {
	doc := &document.Document{}
	doc.Spec.Region, doc.Spec.AWS.AccountID = "ap-northeast-1", "123456789012"
	doc.Spec.RootBucket.Name = "lakegate-mito-cellar"
	doc.Spec.PrivateLink.DataBuckets = []string{"mito-lake"}
	return doc
}

func TestSameJSON(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		a, b string
		want bool
	}{
		"order of keys":  {`{"a":1,"b":[1,2]}`, `{ "b": [1, 2], "a": 1 }`, true},
		"order of lists": {`{"b":[1,2]}`, `{"b":[2,1]}`, false},
		"value":          {`{"a":1}`, `{"a":2}`, false},
		"empty":          {``, `{}`, false},
		"no JSON":        {`{`, `{`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := sameJSON(test.a, test.b); got != test.want {
				t.Errorf("got %t", got)
			}
		})
	}
}

// The trust of a role of the author's may be written in many ways.
func TestTrustProblem(t *testing.T) {
	t.Parallel()
	const account = "8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34"
	statement := func(principal, condition string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + principal + condition + `}]}`
	}
	const (
		databricks = `{"AWS":"arn:aws:iam::414351767826:root"}`
		external   = `,"Condition":{"StringEquals":{"sts:ExternalId":"` + account + `"}}`
	)
	for name, test := range map[string]struct{ trust, want string }{
		"ours":              {trustPolicy(account).String(), ""},
		"as text":           {statement(databricks, external), ""},
		"account id":        {statement(`{"AWS":"414351767826"}`, external), ""},
		"among others":      {statement(`{"AWS":["arn:aws:iam::123456789012:root","arn:aws:iam::414351767826:root"]}`, external), ""},
		"several ids":       {statement(databricks, `,"Condition":{"StringEquals":{"sts:ExternalId":["other","`+account+`"]}}`), ""},
		"another id":        {statement(databricks, `,"Condition":{"StringEquals":{"sts:ExternalId":"other"}}`), "the external id of its trust policy is other, it must be the Databricks account id " + account},
		"no condition":      {statement(databricks, ""), "does not let arn:aws:iam::414351767826:root assume it with an external id"},
		"somebody else":     {statement(`{"AWS":"arn:aws:iam::999999999999:root"}`, external), "does not let arn:aws:iam::414351767826:root"},
		"a service":         {statement(`{"Service":"ec2.amazonaws.com"}`, ""), "does not let arn:aws:iam::414351767826:root"},
		"two statements":    {`{"Statement":[{"Effect":"Deny","Principal":` + databricks + `},{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + databricks + external + `}]}`, ""},
		"denied":            {`{"Statement":[{"Effect":"Deny","Principal":` + databricks + external + `}]}`, "does not let"},
		"one statement":     {`{"Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":` + databricks + external + `}}`, ""},
		"everybody":         {statement(`"*"`, external), ""},
		"everybody, listed": {statement(`{"AWS":"*"}`, external), ""},
		"no JSON":           {"{", "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := trustProblem(test.trust, account)
			if (got == "") != (test.want == "") || !bytes.Contains([]byte(got), []byte(test.want)) {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
