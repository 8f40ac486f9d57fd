package emulator_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

const (
	otherAccount = "210987654321"
	otherRole    = "arn:aws:iam::" + otherAccount + ":role/lakegate"
)

// elsewhere is the spec of an example for another account.
func elsewhere(text []byte) []byte {
	other := strings.ReplaceAll(string(text), emulator.ExampleAWSAccount, otherAccount)
	return []byte(strings.Replace(other, `accountId: "`+otherAccount+`"`, `accountId: "`+otherAccount+"\"\n    roleArn: "+otherRole, 1))
}

// newSceneElsewhere is a scene in which everything exists that the spec of an
// example gives, in another account.
func newSceneElsewhere(t *testing.T, name string, lines ...string) *scene {
	t.Helper()
	s := newSceneOf(t, elsewhere(withPolicy(example(t, name), lines...)))
	if err := s.Provide(t.Context(), s.spec); err != nil {
		t.Fatal(err)
	}
	return s
}

// A workspace of another account is made, changed, proposed and retired as one
// of the own account is, and nothing of it is in the own account.
func TestWorkspaceElsewhere(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string][]string{
		"tokyo":        {deletion, "bucketDeletion: Force"},
		"restricted":   {deletion, "bucketDeletion: Force"},
		"locked-down":  {deletion, "bucketDeletion: Force"},
		"existing-vpc": {deletion},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here := newSceneOf(t, withPolicy(example(t, name), lines...))
			if err := here.Provide(t.Context(), here.spec); err != nil {
				t.Fatal(err)
			}
			here.push(here.text)
			here.mustBeReady()

			s := newSceneElsewhere(t, name, lines...)
			before, own, all := s.belongings(), s.Account.Inventory(), s.Inventory()
			p := s.propose(s.text)
			if p.Refused != "" || !slices.ContainsFunc(p.Changes, func(c report.PlannedChange) bool { return c.Action == "Create" }) {
				t.Errorf("the plan is %+v", p)
			}
			if diff := cmp.Diff(all, s.Inventory()); diff != "" {
				t.Errorf("the plan changed the world:\n%s", diff)
			}
			s.push(s.text)
			s.mustBeReady()
			if diff := cmp.Diff(made(here), made(s)); diff != "" {
				t.Errorf("the other account has another workspace than the own one would have:\n%s", diff)
			}

			calls := len(s.Hub.Calls())
			s.push(s.text)
			s.mustBeReady()
			if changes := s.Changes(calls); len(changes) > 0 {
				t.Errorf("the second run made %v", changes)
			}
			if n := s.Looks(calls); n == 0 || n > 60 {
				t.Errorf("the second run made %d calls", n)
			}

			s.push(tagged(s.text))
			s.mustBeReady()
			if changes := s.Changes(calls); len(changes) == 0 {
				t.Error("a change changed nothing")
			}
			if name != "existing-vpc" {
				s.litter()
			}
			s.remove()
			s.mustBeRetired()
			s.mustBeBare(before, all)
			if diff := cmp.Diff(own, s.Account.Inventory()); diff != "" {
				t.Errorf("the own account has changed:\n%s", diff)
			}
			for _, c := range s.Hub.Calls() {
				if c.Account == s.ID && builds(c) {
					t.Fatalf("%s called %s:%s in the own account", c.Caller, c.Service, c.Action)
				}
			}
		})
	}
}

// made is what the account of a workspace has of it, whichever account that is.
func made(s *scene) []string {
	var out []string
	for _, line := range s.there().Inventory() {
		stacks := strings.HasPrefix(line, "bucket "+s.SourceBucket) || strings.HasPrefix(line, "bucket "+s.StateBucket)
		// Where a role is assumed there is the role, and the functions' VPC leads to STS.
		assuming := strings.HasPrefix(line, "role lakegate ") || strings.HasPrefix(line, "endpoint unnamed") && strings.Contains(line, ".sts ")
		if !stacks && !assuming {
			out = append(out, strings.ReplaceAll(line, otherAccount, emulator.ExampleAWSAccount))
		}
	}
	return out
}

// tagged is a spec with one tag more.
func tagged(text []byte) []byte {
	if !strings.Contains(string(text), "\n  tags:") {
		return withPolicy(text, "tags: {owner: data}")
	}
	return []byte(strings.Replace(string(text), "\n  tags:", "\n  tags:\n    owner: data", 1))
}

// builds says whether a call is about what a workspace is made of.
func builds(c wire.Record) bool {
	return slices.Contains([]string{"ec2", "iam", "kms", "route53", "glue"}, c.Service) || c.Service == "s3" && strings.Contains(c.Action, "Bucket")
}

// trust replaces the trust policy of the role that is assumed.
func (s *scene) trust(policy string) {
	s.Helper()
	if _, err := s.iam().UpdateAssumeRolePolicy(s.Context(), &iam.UpdateAssumeRolePolicyInput{
		RoleName: aws.String("lakegate"), PolicyDocument: aws.String(policy),
	}); err != nil {
		s.Fatal(err)
	}
}

// iam is a client of who owns the account of the workspace.
func (s *scene) iam() *iam.Client {
	return iam.NewFromConfig(s.config("owner@" + s.spec.Spec.AWS.AccountID))
}

// A role that does not let the functions in is AccessDenied, with what to do;
// when it does, a redrive goes on.
func TestRoleThatCannotBeAssumed(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]func(s *scene) string{
		"another workspace": func(s *scene) string { return s.TargetTrust("osaka") },
		"another account": func(s *scene) string {
			return strings.ReplaceAll(s.TargetTrust("tokyo"), s.ID, "999988887777")
		},
		"other roles": func(s *scene) string {
			return strings.ReplaceAll(s.TargetTrust("tokyo"), plan.FunctionRoles, "Another-*")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSceneElsewhere(t, "tokyo")
			s.trust(test(s))
			inventory := s.Inventory()
			s.push(s.text)
			x := s.last()
			if aws.ToString(x.Error) != plan.AccessDenied {
				t.Fatalf("it ended with %s: %s", aws.ToString(x.Error), aws.ToString(x.Cause))
			}
			var data report.FailedData
			s.sent(report.Failed, &data)
			if !strings.Contains(data.Message, "assuming role "+otherRole) {
				t.Errorf("the message is %q", data.Message)
			}
			for _, part := range []string{otherRole, s.ID, `sts:ExternalId "tokyo"`, plan.FunctionRoles, "targetRoles", "make target-role"} {
				if !strings.Contains(data.Remedy, part) {
					t.Errorf("the remedy does not name %s: %s", part, data.Remedy)
				}
			}
			if p := s.propose(s.text); !strings.Contains(p.Refused, "assuming role "+otherRole) {
				t.Errorf("the plan says %+v", p)
			}
			if diff := cmp.Diff(inventory, s.Inventory()); diff != "" {
				t.Errorf("the world has changed:\n%s", diff)
			}
			s.trust(s.TargetTrust("tok*"))
			s.redrive()
			s.mustBeReady()
		})
	}
}

// A role that is withdrawn while an execution runs fails the step that needs it.
// It is never taken for an object that belongs to somebody else, which would be
// left behind, or be a Conflict.
func TestRoleIsWithdrawn(t *testing.T) {
	t.Parallel()
	s := newSceneElsewhere(t, "locked-down", deletion)
	before, inventory := s.belongings(), s.Inventory()
	// These look at AWS only when a workspace moves to another network.
	moving := []string{
		"RegisterWorkspaceEndpoint", "RegisterRelayEndpoint", "RegisterFrontEndEndpoint", "AwaitMovedEndpoints", "DeleteFormerNetwork",
	}
	// Each step is refused the role once.
	withdraw := func(graph plan.Sequence) map[string]*wire.Fault {
		faults := map[string]*wire.Fault{}
		for _, step := range graph.Steps() {
			if len(plan.TargetActions(step.Name)) > 0 {
				faults[step.Name] = &wire.Fault{
					Kind: wire.Refuse, Service: "sts", Caller: step.Name,
					Error: &wire.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: "not authorized to perform: sts:AssumeRole"},
				}
				s.Hub.Inject(faults[step.Name])
			}
		}
		return faults
	}
	// goOn redrives until all is done, and sees that each step has failed of it.
	goOn := func(faults map[string]*wire.Fault, last func() *sfn.DescribeExecutionOutput, redrive func()) {
		for range len(faults) {
			x := last()
			if x.Status == sfntypes.ExecutionStatusSucceeded {
				break
			}
			if aws.ToString(x.Error) != plan.AccessDenied || !strings.Contains(aws.ToString(x.Cause), "assuming role") {
				t.Fatalf("the execution ended with %s: %s", aws.ToString(x.Error), aws.ToString(x.Cause))
			}
			redrive()
		}
		for step, f := range faults {
			if s.Hub.Struck(f) != 1 && !slices.Contains(moving, step) {
				t.Errorf("%s did not need the role", step)
			}
		}
	}
	faults := withdraw(plan.Workspace())
	s.push(s.text)
	goOn(faults, s.last, s.redrive)
	s.mustBeReady()
	faults = withdraw(plan.Retirement())
	s.remove()
	goOn(faults, s.lastRetirement, s.redriveRetirement)
	s.mustBeRetired()
	s.mustBeBare(before, inventory)
}

// A role that does not exist is answered as one that lets nobody in.
func TestRoleThatDoesNotExist(t *testing.T) {
	t.Parallel()
	s := newSceneOf(t, elsewhere(example(t, "tokyo")))
	s.push(s.text)
	if x := s.last(); aws.ToString(x.Error) != plan.AccessDenied || !strings.Contains(aws.ToString(x.Cause), otherRole) {
		t.Errorf("it ended with %s: %s", aws.ToString(x.Error), aws.ToString(x.Cause))
	}
}

// A role that the stack does not allow is refused before anything is looked at,
// and named with the way to allow it. STS would refuse it, too.
func TestRoleThatTheStackDoesNotAllow(t *testing.T) {
	t.Parallel()
	s := newSceneElsewhere(t, "tokyo", deletion)
	text := []byte(strings.ReplaceAll(string(s.text), otherRole, otherRole+"-2"))
	s.push(text)
	data := s.mustHaveFailed(plan.AccessDenied, "LoadSpec")
	if !strings.Contains(data.Message, otherRole+"-2") || !strings.Contains(data.Remedy, "-c targetRoles=") {
		t.Errorf("it says %+v", data)
	}
	if p := s.propose(text); !strings.Contains(p.Refused, "-c targetRoles=") {
		t.Errorf("the plan says %+v", p)
	}
	for _, c := range s.Hub.Calls() {
		if c.Service == "sts" {
			t.Errorf("%s called sts:%s", c.Caller, c.Action)
		}
	}
	if s.mayAssume("EnsureVpc", otherRole+"-2") || s.mayAssume("LoadSpec", otherRole) || !s.mayAssume("EnsureVpc", otherRole) {
		t.Error("STS does not hold to what the stack allows")
	}
}

// mayAssume says whether a function gets credentials of a role.
func (s *scene) mayAssume(function, role string) bool {
	s.Helper()
	_, err := s.assume(function, role, s.spec.Metadata.Name)
	return err == nil
}

// Without a role another account is refused, with what to do.
func TestAccountWithoutRole(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push([]byte(strings.ReplaceAll(string(s.text), emulator.ExampleAWSAccount, otherAccount)))
	data := s.mustHaveFailed(plan.SpecInvalid, "LoadSpec")
	if !strings.Contains(data.Remedy, "spec.aws.roleArn") || !strings.Contains(data.Message, otherAccount) {
		t.Errorf("it says %+v", data)
	}
}

// A role of the own account is assumed as one of another.
func TestRoleOfTheOwnAccount(t *testing.T) {
	t.Parallel()
	text := strings.ReplaceAll(string(elsewhere(withPolicy(example(t, "tokyo"), deletion))), otherAccount, emulator.ExampleAWSAccount)
	s := newSceneOf(t, []byte(text))
	if err := s.Provide(t.Context(), s.spec); err != nil {
		t.Fatal(err)
	}
	s.push(s.text)
	s.mustBeReady()
	s.remove()
	s.mustBeRetired()
}

// A live workspace gets another role of its account at once, but cannot move to
// another account.
func TestRoleChanges(t *testing.T) {
	t.Parallel()
	second := otherRole + "-2"
	text := elsewhere(withPolicy(example(t, "tokyo"), deletion))
	parsed, err := spec.Load("tokyo.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	cfg := emulator.ConfigFor(parsed.Spec)
	cfg.Seed, cfg.TargetRoles = 7, []string{otherRole, second}
	s := newSceneIn(t, cfg, text)
	if err := s.Provide(t.Context(), s.spec); err != nil {
		t.Fatal(err)
	}
	s.push(s.text)
	s.mustBeReady()
	s.push(example(t, "tokyo"))
	if data := s.mustHaveFailed(plan.SpecInvalid, "AcquireLease"); !strings.Contains(data.Message, "spec.aws.accountId") {
		t.Errorf("it says %+v", data)
	}
	changed := []byte(strings.ReplaceAll(string(s.text), otherRole, second))
	s.push(changed)
	if x := s.last(); aws.ToString(x.Error) != plan.AccessDenied || !strings.Contains(aws.ToString(x.Cause), second) {
		t.Errorf("with a role that does not exist it ended with %s: %s", aws.ToString(x.Error), aws.ToString(x.Cause))
	}
	s.spec.Spec.AWS.RoleARN = second
	if err := s.Provide(t.Context(), s.spec); err != nil {
		t.Fatal(err)
	}
	calls := len(s.Hub.Calls())
	s.redrive()
	s.mustBeReady()
	for _, c := range s.Changes(calls) {
		if builds(c) {
			t.Errorf("another role changed %s:%s", c.Service, c.Action)
		}
	}
	s.remove()
	s.mustBeRetired()
}

// Credentials that expire in the course of an execution are replaced, and are
// used again until then.
func TestCredentialsExpire(t *testing.T) {
	t.Parallel()
	s := newSceneElsewhere(t, "tokyo")
	assumed := func(function string) (n int) {
		for _, c := range s.Hub.Calls() {
			if c.Service == "sts" && c.Caller == function {
				n++
			}
		}
		return n
	}
	s.stopAt("AwaitPrivateDns", s.push1)
	for _, pause := range []struct {
		pass time.Duration
		want int
	}{{0, 1}, {30 * time.Minute, 1}, {2 * time.Hour, 2}} {
		if err := s.Clock.Sleep(s.Context(), pause.pass); err != nil {
			t.Fatal(err)
		}
		s.stopAt("AwaitPrivateDns", s.redrive)
		if n := assumed("AwaitPrivateDns"); n != pause.want {
			t.Errorf("after %s the role was assumed %d times, want %d", pause.pass, n, pause.want)
		}
	}
	s.redrive()
	s.mustBeReady()
	for _, c := range s.Hub.Calls() {
		if c.Account == otherAccount && c.Status == 403 {
			t.Errorf("%s was refused %s:%s", c.Caller, c.Service, c.Action)
		}
	}
}

// The functions work for workspaces of several accounts at the same time, each
// in its own.
func TestAccountsAreNotMixed(t *testing.T) {
	t.Parallel()
	accounts := map[string]string{"mito": emulator.ExampleAWSAccount, "osaka": otherAccount, "kobe": "555566667777"}
	w, err := emulator.Start(emulator.Config{
		Seed: 7, Region: "eu-west-1", Accounts: []string{accounts["osaka"], accounts["kobe"]},
		TargetRoles: []string{otherRole, strings.ReplaceAll(otherRole, otherAccount, accounts["kobe"])},
	})
	if err != nil {
		t.Fatal(err)
	}
	// A test keeps what it has cleaned up until all tests have ended.
	open := w
	t.Cleanup(func() {
		open.Close()
		open = nil
	})
	texts := map[string][]byte{}
	for name, account := range accounts {
		text := strings.ReplaceAll(string(example(t, "minimal")), "name: minimal", "name: "+name)
		if account != w.ID {
			text = strings.ReplaceAll(string(elsewhere([]byte(text))), otherAccount, account)
		}
		texts[name] = []byte(text)
		parsed, err := spec.Load(name+".yaml", texts[name])
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Provide(t.Context(), parsed); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		release := w.Clock.Hold()
		for name, text := range texts {
			if _, err := w.Commit("workspaces/"+name+".yaml", text); err != nil {
				t.Fatal(err)
			}
		}
		release()
		if err := w.Clock.Idle(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, account := range accounts {
		var status report.Status
		o, _ := w.S3.Get(w.StateBucket, "status/"+name+".json")
		if err := json.Unmarshal(o.Body, &status); err != nil {
			t.Fatal(err)
		}
		if c := status.Condition(report.ConditionReady); c == nil || c.Status != "True" {
			t.Errorf("%s is not ready: %+v", name, status.Conditions)
		}
		vpcs := w.In(account).EC2.VPCs("eu-west-1")
		if len(vpcs) != 1 || vpcs[0].Tags[plan.TagWorkspace] != name {
			t.Errorf("account %s has the VPCs %+v", account, vpcs)
		}
		for other := range accounts {
			for _, line := range w.In(account).Inventory() {
				if other != name && strings.Contains(line, other) {
					t.Errorf("account %s of %s has %s", account, name, line)
				}
			}
		}
	}
}

// Who assumes the role with any client sees the other account, and may do there
// what the role may, as far as the session policy goes.
func TestAssumeRole(t *testing.T) {
	t.Parallel()
	s := newSceneElsewhere(t, "existing-vpc")
	name := s.spec.Metadata.Name
	if _, err := s.assume("EnsureVpc", otherRole, "another"); code(err) != "AccessDenied" {
		t.Errorf("with another external id: %v", err)
	}
	if _, err := s.assume("author", otherRole, name); code(err) != "AccessDenied" {
		t.Errorf("by who is no function: %v", err)
	}
	cfg, err := s.assume("EnsureVpc", otherRole, name)
	if err != nil {
		t.Fatal(err)
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
	if err != nil || aws.ToString(who.Account) != otherAccount || aws.ToString(who.Arn) != "arn:aws:sts::"+otherAccount+":assumed-role/lakegate/me" {
		t.Errorf("the caller is %+v, %v", who, err)
	}
	api := awsec2.NewFromConfig(cfg)
	out, err := api.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{})
	if err != nil || len(out.Vpcs) != 1 || aws.ToString(out.Vpcs[0].VpcId) != s.spec.Spec.Network.VPC.ID {
		t.Errorf("the VPCs are %+v, %v", out, err)
	}
	own, err := s.ec2().DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{})
	if err != nil || len(own.Vpcs) != 0 {
		t.Errorf("the VPCs of the own account are %+v, %v", own, err)
	}
	// The role does not allow it.
	if _, err := api.CreateInternetGateway(t.Context(), &awsec2.CreateInternetGatewayInput{}); code(err) != "UnauthorizedOperation" {
		t.Errorf("creating an internet gateway: %v", err)
	}
	// The bucket is another account's.
	if _, err := awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.UsePathStyle = true }).HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: aws.String(s.StateBucket)}); code(err) != "Forbidden" {
		t.Errorf("looking at the bucket of another account: %v", err)
	}
	if err := s.Clock.Sleep(t.Context(), time.Hour); err != nil {
		t.Fatal(err)
	}
	if _, err := api.DescribeVpcs(t.Context(), &awsec2.DescribeVpcsInput{}); code(err) != "RequestExpired" {
		t.Errorf("after an hour: %v", err)
	}
}

// config is that of a client with an access key.
func (s *scene) config(key string) aws.Config {
	return aws.Config{
		Region: s.Config.Region, BaseEndpoint: aws.String(s.AWSURL), Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		HTTPClient: &http.Client{Transport: wire.Buffered{}}, Credentials: credentials.NewStaticCredentialsProvider(key, "emulated", ""),
	}
}

// assume has a caller assume a role.
func (s *scene) assume(caller, role, externalID string) (aws.Config, error) {
	s.Helper()
	cfg := s.config(caller)
	out, err := sts.NewFromConfig(cfg).AssumeRole(s.Context(), &sts.AssumeRoleInput{
		RoleArn: aws.String(role), RoleSessionName: aws.String("me"), ExternalId: aws.String(externalID),
	})
	if err != nil {
		return cfg, err
	}
	c := out.Credentials
	cfg.Credentials = credentials.NewStaticCredentialsProvider(aws.ToString(c.AccessKeyId), aws.ToString(c.SecretAccessKey), aws.ToString(c.SessionToken))
	return cfg, nil
}

// code is the code of a service's error.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}
