package readme_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/readme"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	const text = "Run `make check`, or\n\n```sh\nmake demo   # the demonstration\naws s3 cp a \\\n  b\n\n# nothing\nmake demo\n```\n\n" +
		"```yaml\nmake: no command\n```\n\n`make` alone and `spec/examples` are none, `npx cdk bootstrap` is.\n"
	want := []string{"make demo", "aws s3 cp a b", "make check", "npx cdk bootstrap"}
	if diff := cmp.Diff(want, readme.Commands(text)); diff != "" {
		t.Errorf("the commands differ:\n%s", diff)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	const text = "# What is proven, and how\n\n[a](#what-is-proven-and-how), [b](#other), [c](https://example.com/), [d](spec/doc.go), `lambda/plan`\n"
	missing, files := readme.Links(text)
	if diff := cmp.Diff([][]string{{"#other"}, {"spec/doc.go", "lambda/plan"}}, [][]string{missing, files}); diff != "" {
		t.Errorf("the links differ:\n%s", diff)
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	code, err := readme.ReadCode("testdata/sample")
	if err != nil {
		t.Fatal(err)
	}
	failures := []readme.Failure{
		{"Conflict", "sample.go", "checking VPC ‹id›: its DNS is off", "Turn it on (aws ec2 --vpc-id ‹id›)."},
		{"AccessDenied", "sample.go", "signing in to ‹url›: ‹what the service said›", "Assign it."},
		{"AccessDenied", "sample.go", "signing in to ‹url›: ‹what the service said›", "Come from the VPC of ‹owner›."},
		{"Conflict", "sample.go", "comparing ‹name›: it is \"‹found›\"", "Set ‹path› back, or rename sample-1."},
	}
	if diff := cmp.Diff(failures, code.Failures()); diff != "" {
		t.Errorf("the failures differ:\n%s", diff)
	}
	checks := []readme.Check{
		{"sample.go", "TCP 443 is open", "Add egress of TCP 443.", false},
		{"sample.go", "TCP 6666 is open", "Add egress of TCP 6666.", false},
		{"sample.go", "There is a way", "Close it.", true},
		{"sample.go", "The names agree", "Look at ‹id›.", false},
		{"sample.go", "The names agree", "Look at the VPC.", false},
	}
	if diff := cmp.Diff(checks, code.Checks()); diff != "" {
		t.Errorf("the checks differ:\n%s", diff)
	}
	if diff := cmp.Diff([]readme.Ending{{"NPIP_", "Conflict", "Look at the relay."}}, code.Endings("endings")); diff != "" {
		t.Errorf("the codes differ:\n%s", diff)
	}
}
