package failure_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/databricks/databricks-sdk-go/apierr"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

func awsError(code string, status int) error {
	return &smithy.OperationError{ServiceID: "EC2", OperationName: "CreateVpc", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
		Err:      &smithy.GenericAPIError{Code: code, Message: "words that must not matter: throttled, denied"},
	}}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		err  error
		want string
	}{
		{"own class", failure.New(plan.Conflict, "ask", "comparing x"), plan.Conflict},
		{"own class, wrapped", fmt.Errorf("doing: %w", failure.New(plan.TimedOut, "", "waiting")), plan.TimedOut},
		{"EC2 throttles", awsError("RequestLimitExceeded", 503), plan.Throttled},
		{"S3 throttles", awsError("SlowDown", 503), plan.Throttled},
		{"EC2 denies", awsError("UnauthorizedOperation", 403), plan.AccessDenied},
		{"unknown code with 403", awsError("NobodyKnows", 403), plan.AccessDenied},
		{"unknown code with 429", awsError("NobodyKnows", 429), plan.Throttled},
		{"unknown code with 500", awsError("NobodyKnows", 500), plan.Transient},
		{"unknown code with 400", awsError("NobodyKnows", 400), plan.Internal},
		{"not emulated", awsError("NotImplemented", 501), plan.Internal},
		{"fresh id", awsError("InvalidVpcID.NotFound", 400), plan.NotReady},
		{"fresh role", awsError("NoSuchEntity", 404), plan.NotReady},
		{"quota", awsError("VpcLimitExceeded", 400), plan.QuotaExceeded},
		{"name taken", awsError("BucketAlreadyExists", 409), plan.Conflict},
		{"lost race", awsError("PreconditionFailed", 412), plan.Transient},
		{"no answer", &smithy.OperationError{Err: errors.New("EOF")}, plan.Transient},
		{"deadline", fmt.Errorf("asking: %w", context.DeadlineExceeded), plan.Transient},
		{"no reply", fmt.Errorf("asking: %w", failure.ErrNoReply), plan.Transient},
		{"Databricks throttles", &apierr.APIError{StatusCode: 429}, plan.Throttled},
		{"Databricks fails", &apierr.APIError{StatusCode: 502}, plan.Transient},
		{"Databricks denies", &apierr.APIError{StatusCode: 401}, plan.AccessDenied},
		{"Databricks has no such thing", &apierr.APIError{StatusCode: 404}, plan.NotReady},
		{"Databricks has no such cluster", &apierr.APIError{
			StatusCode: 400, ErrorCode: "INVALID_PARAMETER_VALUE", Message: "Cluster 1102-090000-6a4b487a does not exist",
		}, plan.NotReady},
		{"Databricks has it already", &apierr.APIError{StatusCode: 409}, plan.Conflict},
		{"Databricks refuses", &apierr.APIError{StatusCode: 400, ErrorCode: "INVALID_PARAMETER_VALUE"}, plan.Internal},
		{"anything else", errors.New("what"), plan.Internal},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if got := failure.Classify(fmt.Errorf("doing it: %w", tt.err)).Class; got != tt.want {
				t.Errorf("class is %s, want %s", got, tt.want)
			}
		})
	}
}

// Step Functions sees the type name of the outermost error: for every class,
// however deep it is wrapped, that is the class.
func TestAtEdge(t *testing.T) {
	t.Parallel()
	for _, class := range plan.Classes() {
		err := fmt.Errorf("running: %w", fmt.Errorf("doing: %w", failure.New(class, "Do this.", "creating VPC x")))
		got, ok := failure.AtEdge(err).(messages.InvokeResponse_Error) //nolint:errorlint // the runtime asserts the type, too
		if !ok || got.Type != class {
			t.Errorf("the edge of %s is %#v", class, got)
		}
		what, remedy := failure.Split(got.Message)
		if what != "running: doing: creating VPC x" || remedy != "Do this." {
			t.Errorf("message of %s is %q", class, got.Message)
		}
		if failure.Remedy(class) == "" {
			t.Errorf("nothing says what to do about %s", class)
		}
	}
	if failure.AtEdge(nil) != nil {
		t.Error("no error became one")
	}
}

func TestScrub(t *testing.T) {
	t.Parallel()
	for _, secret := range []string{
		"Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
		"client_secret=hunter2hunter2",
		`{"access_token": "hunter2hunter2"}`,
		"https://example.test/path?X-Amz-Signature=hunter2hunter2&a=b",
		"secret dose0123456789abcdef0123456789abcdef",
		"operation error EC2: CreateVpc, https response error StatusCode: 400, RequestID: hunter2hunter2, api error X: y",
		"key AKIAIOSFODNN7EXAMPLE",
	} {
		got := failure.Scrub("before " + secret + " after")
		for _, part := range []string{"hunter2", "eyJ", "dose0", "AKIA", "Signature"} {
			if strings.Contains(got, part) {
				t.Errorf("%q still holds %q", got, part)
			}
		}
		if !strings.HasPrefix(got, "before ") {
			t.Errorf("%q lost its beginning", got)
		}
	}
	if got := failure.Scrub(strings.Repeat("é", 10_000)); len(got) > 9<<10 || !strings.HasSuffix(got, "…") {
		t.Errorf("a long text has %d bytes", len(got))
	}
}

func TestIsNotFound(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"Databricks":            {&apierr.APIError{StatusCode: 404}, true},
		"a cluster":             {&apierr.APIError{StatusCode: 400, ErrorCode: "INVALID_PARAMETER_VALUE", Message: "Cluster x does not exist"}, true},
		"something of clusters": {&apierr.APIError{StatusCode: 400, ErrorCode: "INVALID_PARAMETER_VALUE", Message: "Node type x is not supported."}, false},
		"a state of clusters":   {&apierr.APIError{StatusCode: 400, ErrorCode: "INVALID_STATE", Message: "Cluster x does not exist"}, false},
		"EC2":                   {awsError("InvalidVpcID.NotFound", 400), true},
		"IAM":                   {awsError("NoSuchEntity", 404), true},
		"another error of EC2":  {awsError("VpcLimitExceeded", 400), false},
		"anything else":         {errors.New("not found"), false},
		"nothing":               {nil, false},
	} {
		err := tt.err
		if err != nil {
			err = fmt.Errorf("looking: %w", err)
		}
		if got := failure.IsNotFound(err); got != tt.want {
			t.Errorf("%s: %t, want %t", name, got, tt.want)
		}
	}
}
