package awsapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/emulator/clock"
	emulatedec2 "lakegate/lambda/internal/emulator/ec2"
	emulatediam "lakegate/lambda/internal/emulator/iam"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

const (
	homeAccount, otherAccount = "123456789012", "210987654321"

	anybody = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"*"},"Condition":{"StringEquals":{"sts:ExternalId":"tokyo"}}}}`
	look    = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`
)

// accounts are two accounts behind one address; the second has the role
// lakegate.
type accounts struct {
	hub     *wire.Hub
	clock   *clock.Clock
	clients *awsapi.Clients
}

func newAccounts(t *testing.T) *accounts {
	t.Helper()
	c := clock.NewVirtual(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	a := &accounts{hub: wire.NewHub(c), clock: c}
	router := wire.NewRouter(a.hub)
	var roles []*emulatediam.Service
	for _, id := range []string{homeAccount, otherAccount} {
		roles = append(roles, emulatediam.New(a.hub, id))
		router.ServeIn(id, roles[len(roles)-1].Wire())
		router.ServeIn(id, emulatedec2.New(a.hub, latency.NewSource(1), id).Wire())
	}
	sts := emulatediam.NewSTS(roles[0], roles[1])
	router.Serve(sts.Wire())
	router.Identify, router.Refuse = sts.Identify, sts.Refusal
	server := httptest.NewServer(router)
	t.Cleanup(server.Close)
	config := func(key string) aws.Config {
		return aws.Config{
			Region: "eu-west-1", BaseEndpoint: aws.String(server.URL), HTTPClient: &http.Client{Transport: wire.Buffered{}},
			Credentials: credentials.NewStaticCredentialsProvider(key, "emulated", ""),
		}
	}
	owner := iam.NewFromConfig(config("owner@" + otherAccount))
	if _, err := owner.CreateRole(t.Context(), &iam.CreateRoleInput{RoleName: aws.String("lakegate"), AssumeRolePolicyDocument: aws.String(anybody)}); err != nil {
		t.Fatal(err)
	}
	if _, err := owner.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("lakegate"), PolicyName: aws.String("all"), PolicyDocument: aws.String(look),
	}); err != nil {
		t.Fatal(err)
	}
	a.clients = awsapi.NewClients(config("EnsureVpc"))
	return a
}

func role(session string) awsapi.Role {
	return awsapi.Role{
		ARN: "arn:aws:iam::" + otherAccount + ":role/lakegate", ExternalID: "tokyo", Session: session,
		Policy: plan.SessionPolicy("EnsureVpc"), Remedy: "Ask its owner.",
	}
}

// calls are those of a service, by the account that they were for.
func (a *accounts) calls(service string) []string {
	var out []string
	for _, c := range a.hub.Calls() {
		if c.Service == service && c.Caller == "EnsureVpc" {
			out = append(out, c.Account)
		}
	}
	return out
}

func (a *accounts) vpcs(t *testing.T, clients *awsapi.Clients) error {
	t.Helper()
	_, err := clients.EC2("eu-west-1").DescribeVpcs(t.Context(), &ec2.DescribeVpcsInput{})
	return err
}

// Clients of a role go to its account, those without one stay at home, and
// neither takes the other's credentials.
func TestAssume(t *testing.T) {
	t.Parallel()
	a := newAccounts(t)
	there := a.clients.Assume(role("tokyo-1"), a.clock.Now)
	if n := len(a.calls("sts")); n != 0 {
		t.Errorf("the role was assumed %d times before it was needed", n)
	}
	for _, clients := range []*awsapi.Clients{there, a.clients, there, a.clients.Assume(role("tokyo-1"), a.clock.Now), a.clients} {
		if err := a.vpcs(t, clients); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := a.calls("ec2"), []string{otherAccount, homeAccount, otherAccount, otherAccount, homeAccount}; !slices.Equal(got, want) {
		t.Errorf("the calls were for %v, want %v", got, want)
	}
	if n := len(a.calls("sts")); n != 1 {
		t.Errorf("the role was assumed %d times", n)
	}
	// Another session is another caller to CloudTrail.
	if err := a.vpcs(t, a.clients.Assume(role("tokyo-2"), a.clock.Now)); err != nil {
		t.Fatal(err)
	}
	if n := len(a.calls("sts")); n != 2 {
		t.Errorf("for another execution the role was assumed %d times", n)
	}
}

// What is the stack's own is not called with the role.
func TestAssumeLeavesTheStackAlone(t *testing.T) {
	t.Parallel()
	a := newAccounts(t)
	there := a.clients.Assume(role("tokyo-1"), a.clock.Now)
	_, _ = there.Objects().GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("state"), Key: aws.String("x")})
	_, _ = there.Executions().DescribeExecution(t.Context(), &sfn.DescribeExecutionInput{ExecutionArn: aws.String("x")})
	if n := len(a.calls("sts")); n != 0 {
		t.Errorf("the role was assumed %d times", n)
	}
}

// Credentials are replaced some minutes before they expire.
func TestCredentialsAreReplaced(t *testing.T) {
	t.Parallel()
	a := newAccounts(t)
	there := a.clients.Assume(role("tokyo-1"), a.clock.Now)
	for _, step := range []struct {
		pass time.Duration
		want int
	}{{0, 1}, {50 * time.Minute, 1}, {5 * time.Minute, 2}, {3 * time.Hour, 3}} {
		if err := a.clock.Sleep(t.Context(), step.pass); err != nil {
			t.Fatal(err)
		}
		if err := a.vpcs(t, there); err != nil {
			t.Fatal(err)
		}
		if n := len(a.calls("sts")); n != step.want {
			t.Errorf("after %s more the role was assumed %d times, want %d", step.pass, n, step.want)
		}
	}
}

// A refusal has a class, a remedy and a name, also where it is deep in an error
// of another service; what passes is no refusal.
func TestRefusedRole(t *testing.T) {
	t.Parallel()
	a := newAccounts(t)
	wrong := role("tokyo-1")
	wrong.ExternalID = "osaka"
	err := a.vpcs(t, a.clients.Assume(wrong, a.clock.Now))
	e := failure.Classify(err)
	if e.Class != plan.AccessDenied || e.Remedy != "Ask its owner." || !errors.Is(err, awsapi.ErrRefused) {
		t.Errorf("it is %s, %q: %v", e.Class, e.Remedy, err)
	}
	a.hub.Inject(&wire.Fault{Kind: wire.Throttle, Service: "sts"})
	err = a.vpcs(t, a.clients.Assume(role("tokyo-1"), a.clock.Now))
	if !failure.Is(err, plan.Throttled) || errors.Is(err, awsapi.ErrRefused) {
		t.Errorf("too many calls are %v", err)
	}
	if err := a.vpcs(t, a.clients.Assume(role("tokyo-1"), a.clock.Now)); err != nil {
		t.Errorf("the next call: %v", err)
	}
}

// A rehearsal looks with the role and changes nothing, whichever comes first.
func TestRehearsalWithRole(t *testing.T) {
	t.Parallel()
	a := newAccounts(t)
	for name, clients := range map[string]func(*awsapi.Rehearsal) *awsapi.Clients{
		"assumed, then rehearsed": func(r *awsapi.Rehearsal) *awsapi.Clients {
			return a.clients.Assume(role("tokyo-1"), a.clock.Now).Rehearse(r)
		},
		"rehearsed, then assumed": func(r *awsapi.Rehearsal) *awsapi.Clients {
			return a.clients.Rehearse(r).Assume(role("tokyo-1"), a.clock.Now)
		},
	} {
		r := &awsapi.Rehearsal{}
		c := clients(r)
		if err := a.vpcs(t, c); err != nil {
			t.Fatal(err)
		}
		if _, err := c.EC2("eu-west-1").CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")}); err != nil {
			t.Fatal(err)
		}
		if got := r.Take(); !slices.Equal(got, []string{"ec2:CreateVpc"}) || !c.Rehearsed() {
			t.Errorf("%s: it noted %v", name, got)
		}
	}
	if a.clients.Assume(role("tokyo-1"), a.clock.Now).Rehearsed() {
		t.Error("a rehearsal is left behind")
	}
	if got := a.calls("ec2"); !slices.Equal(got, []string{otherAccount, otherAccount}) {
		t.Errorf("the calls were for %v", got)
	}
	if n := len(a.calls("sts")); n != 1 {
		t.Errorf("the role was assumed %d times", n)
	}
}

// A process that lives for many executions does not keep the credentials of all.
func TestRolesAreForgotten(t *testing.T) {
	t.Parallel()
	a := newAccounts(t)
	first := a.clients.Assume(role("0"), a.clock.Now)
	for i := range 200 {
		a.clients.Assume(role(strconv.Itoa(i)), a.clock.Now)
	}
	if a.clients.Assume(role("0"), a.clock.Now) == first {
		t.Error("the first one is still kept")
	}
	if err := a.vpcs(t, first); err != nil {
		t.Errorf("and cannot be used: %v", err)
	}
}
