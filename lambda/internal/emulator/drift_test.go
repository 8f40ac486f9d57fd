package emulator_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/databricks/databricks-sdk-go/service/sql"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/revision"
	"lakegate/lambda/internal/survey"
	"lakegate/lambda/plan"
)

// somebody is a person with credentials of the account.
func (s *scene) somebody() aws.Config {
	return aws.Config{
		Region: s.Config.Region, BaseEndpoint: aws.String(s.AWSURL), Retryer: func() aws.Retryer { return aws.NopRetryer{} },
		HTTPClient: &http.Client{Transport: wire.Buffered{}}, Credentials: credentials.NewStaticCredentialsProvider("jane", "test", ""),
	}
}

// workspace is the workspace's own API, as an administrator calls it.
func (s *scene) workspace() *databricksapi.Workspace {
	s.Helper()
	accounts := &databricksapi.Accounts{
		Secrets:  func() awsapi.Secrets { return awsapi.NewClients(s.somebody()).Secrets() },
		SecretID: "lakegate/databricks", Host: s.DatabricksURL,
	}
	status := s.status()
	w, err := accounts.Workspace(s.Context(), s.Config.DatabricksAccount, status.URL, status.Objects["databricksWorkspace"][0])
	if err != nil {
		s.Fatal(err)
	}
	return w
}

// verify runs the machine in verify mode on the last spec that was committed,
// when CloudTrail knows what was done before.
func (s *scene) verify() {
	s.Helper()
	release := s.Clock.Hold()
	defer release()
	if err := s.Clock.Sleep(s.Context(), 10*time.Minute); err != nil {
		s.Fatal(err)
	}
	s.startVerification()
	release()
	s.settle()
}

func (s *scene) startVerification() {
	s.Helper()
	path := "workspaces/" + s.spec.Metadata.Name + ".yaml"
	head, ok := s.S3.Get(s.SourceBucket, path)
	if !ok {
		s.Fatal("there is no spec")
	}
	input, err := json.Marshal(document.Input{
		Workspace: s.spec.Metadata.Name, Mode: document.Verify,
		Revision: revision.Revision{Source: plan.S3, Repository: s.SourceBucket, Path: path, Version: head.VersionID},
	})
	if err != nil {
		s.Fatal(err)
	}
	if _, err := s.sfn.StartExecution(s.Context(), &sfn.StartExecutionInput{
		StateMachineArn: aws.String(s.StateMachineARN()), Input: aws.String(string(input)),
		Name: aws.String(fmt.Sprintf("%s-verify-%d", s.spec.Metadata.Name, s.Clock.Now().Unix())),
	}); err != nil {
		s.Fatal(err)
	}
}

// Each thing that somebody does behind the spec's back is found by the step that
// it concerns, with both values and who it was; told once; and mended, if the
// spec says so, as far as a step can.
func TestDrift(t *testing.T) {
	t.Parallel()
	objects := func(s *scene, key string, i int) string { return s.status().Objects[key][i] }
	for name, test := range map[string]struct {
		do func(context.Context, *scene, aws.Config) error
		// step finds it, by the field; found and wanted are in the values.
		step, field, found, wanted string
		// by is the call that did it.
		by string
		// stays says that no step mends it.
		stays bool
	}{
		"a tag": {
			do: func(ctx context.Context, s *scene, cfg aws.Config) error {
				_, err := awsec2.NewFromConfig(cfg).CreateTags(ctx, &awsec2.CreateTagsInput{
					Resources: []string{objects(s, "vpc", 0)}, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("mine")}},
				})
				return err
			},
			step: "EnsureVpc", field: "tag Name", found: "mine", wanted: "privatelink-test", by: "ec2:CreateTags",
		},
		"a rule": {
			do: func(ctx context.Context, s *scene, cfg aws.Config) error {
				_, err := awsec2.NewFromConfig(cfg).AuthorizeSecurityGroupIngress(ctx, &awsec2.AuthorizeSecurityGroupIngressInput{
					GroupId: aws.String(objects(s, "securityGroups", 0)),
					IpPermissions: []types.IpPermission{{
						IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}},
					}},
				})
				return err
			},
			step: "EnsureSecurityGroups", field: "ingress rule", found: "tcp 22 0.0.0.0/0", by: "ec2:AuthorizeSecurityGroupIngress",
		},
		"an endpoint that is deleted": {
			do: func(ctx context.Context, s *scene, cfg aws.Config) error {
				_, err := awsec2.NewFromConfig(cfg).DeleteVpcEndpoints(ctx, &awsec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{objects(s, "stsEndpoint", 0)}})
				return err
			},
			step: "EnsureStsEndpoint", field: "existence", found: "missing", wanted: "present", by: "ec2:DeleteVpcEndpoints",
		},
		"trust of the role": {
			do: func(ctx context.Context, s *scene, cfg aws.Config) error {
				_, err := iam.NewFromConfig(cfg).UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{
					RoleName:       aws.String(s.spec.Spec.CrossAccountRole.Name),
					PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`),
				})
				return err
			},
			step: "EnsureCrossAccountRole", field: "trust", found: "ec2.amazonaws.com", wanted: "414351767826", by: "iam:UpdateAssumeRolePolicy",
		},
		"the SQL configuration": {
			do: func(ctx context.Context, s *scene, _ aws.Config) error {
				return s.workspace().Warehouses.SetWorkspaceWarehouseConfig(ctx, sql.SetWorkspaceWarehouseConfigRequest{
					SecurityPolicy: sql.SetWorkspaceWarehouseConfigRequestSecurityPolicyDataAccessControl,
				})
			},
			step: "ConfigureSqlWarehouses", field: "instance profile", wanted: ":instance-profile/",
		},
		"public access to the bucket": {
			do: func(ctx context.Context, s *scene, cfg aws.Config) error {
				_, err := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true }).DeletePublicAccessBlock(ctx,
					&s3.DeletePublicAccessBlockInput{Bucket: aws.String(objects(s, "rootBucket", 0))})
				return err
			},
			step: "EnsureRootBucket", field: "public access block", found: "not complete", wanted: "complete", by: "s3:DeletePublicAccessBlock",
		},
		"a network ACL": {
			do: func(ctx context.Context, s *scene, cfg aws.Config) error {
				api := awsec2.NewFromConfig(cfg)
				acls, err := api.DescribeNetworkAcls(ctx, &awsec2.DescribeNetworkAclsInput{
					Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{objects(s, "vpc", 0)}}},
				})
				if err != nil {
					return err
				}
				_, err = api.CreateNetworkAclEntry(ctx, &awsec2.CreateNetworkAclEntryInput{
					NetworkAclId: acls.NetworkAcls[0].NetworkAclId, RuleNumber: aws.Int32(1), Egress: aws.Bool(false),
					Protocol: aws.String("-1"), CidrBlock: aws.String("0.0.0.0/0"), RuleAction: types.RuleActionDeny,
				})
				return err
			},
			step: "VerifyNetwork", field: "acl", found: "inbound", wanted: "let through", by: "ec2:CreateNetworkAclEntry", stays: true,
		},
		"a way out": {
			do: func(ctx context.Context, s *scene, cfg aws.Config) error {
				api := awsec2.NewFromConfig(cfg)
				made, err := api.CreateInternetGateway(ctx, &awsec2.CreateInternetGatewayInput{})
				if err != nil {
					return err
				}
				_, err = api.AttachInternetGateway(ctx, &awsec2.AttachInternetGatewayInput{
					InternetGatewayId: made.InternetGateway.InternetGatewayId, VpcId: aws.String(objects(s, "vpc", 0)),
				})
				return err
			},
			step: "VerifyIsolation", field: "isolation.", found: "igw-", stays: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.push(s.text)
			s.mustBeReady()
			before := s.Inventory()
			s.verify()
			s.mustBeReady()
			if err := test.do(t.Context(), s, s.somebody()); err != nil {
				t.Fatal(err)
			}
			calls := len(s.Hub.Calls())
			s.verify()
			if made := s.Changes(calls); len(made) > 0 {
				t.Errorf("to report, it made %v", made)
			}
			data := s.mustHaveDrifted()
			i := slices.IndexFunc(data.Deviations, func(v report.Deviation) bool {
				return v.Step == test.step && strings.HasPrefix(v.Field, test.field) && strings.Contains(v.Found, test.found) && strings.Contains(v.Wanted, test.wanted)
			})
			if i < 0 {
				t.Fatalf("the drift is %+v", data.Deviations)
			}
			if by := data.Deviations[i].By; test.by != "" && (by == nil || by.Call != test.by || !strings.HasSuffix(by.Who, "/jane")) {
				t.Errorf("it was done by %+v", by)
			}
			told := s.count(report.Drifted)
			s.verify()
			if n := s.count(report.Drifted) - told; n != 0 {
				t.Errorf("it was told %d times more", n)
			}
			s.push(append(slices.Clone(s.text), "  drift: Repair\n"...))
			if test.stays {
				return
			}
			// A push mends by itself; the drift comes back for the schedule to find.
			s.mustBeReady()
			if err := test.do(t.Context(), s, s.somebody()); err != nil {
				t.Fatal(err)
			}
			s.verify()
			s.mustBeReady()
			if got := s.changed(); !slices.Contains(got, test.step) {
				t.Errorf("the steps that changed something are %v", got)
			}
			if diff := cmp.Diff(kinds(before), kinds(s.Inventory())); diff != "" {
				t.Errorf("the world differs from before:\n%s", diff)
			}
		})
	}
}

// kinds are the kinds of the things that exist, as often as there are: ids of
// what was made anew differ.
func kinds(inventory []string) []string {
	var out []string
	for _, line := range inventory {
		kind, _, _ := strings.Cut(line, " ")
		out = append(out, kind)
	}
	slices.Sort(out)
	return out
}

// mustHaveDrifted checks what a run leaves that found drift and only told it.
func (s *scene) mustHaveDrifted() report.DriftedData {
	s.Helper()
	if x := s.last(); x.Status != sfntypes.ExecutionStatusSucceeded {
		s.Fatalf("the execution is %s: %s %s", x.Status, aws.ToString(x.Error), aws.ToString(x.Cause))
	}
	if c := s.statusOf(report.ConditionDrifted); c == nil || c.Status != "True" {
		s.Errorf("the status says nothing of it: %+v", s.status().Conditions)
	}
	if c := s.statusOf(report.ConditionReady); c == nil || c.Status != "True" {
		s.Errorf("the workspace is not ready any more: %+v", s.status().Conditions)
	}
	var data report.DriftedData
	s.sent(report.Drifted, &data)
	if page, ok := s.S3.Get(s.StateBucket, data.Key); !ok || !strings.Contains(string(page.Body), "# Drift of workspace "+s.spec.Metadata.Name) {
		s.Errorf("the page %s is %s", data.Key, page.Body)
	}
	return data
}

// count says how many events of a detail type were sent.
func (s *scene) count(detailType string) int {
	n := 0
	for _, e := range s.World.Events.Events(plan.EventBusName) {
		if e.DetailType == detailType {
			n++
		}
	}
	return n
}

// What was not applied has not drifted, and what is being applied is left alone.
func TestVerifyLeavesAlone(t *testing.T) {
	t.Parallel()
	t.Run("a suspended spec", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.push(s.text)
		s.push(append(slices.Clone(s.text), "  suspend: true\n"...))
		before := len(s.Hub.Calls())
		s.verify()
		if made := s.Changes(before); len(made) > 0 || s.statusOf(report.ConditionSuspended) == nil {
			t.Errorf("it made %v; the conditions are %+v", made, s.status().Conditions)
		}
	})
	t.Run("a spec that failed", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		s.push(s.text)
		s.mustBeReady()
		s.Hub.Inject(&wire.Fault{Kind: wire.Refuse, Service: "ec2", Action: "CreateTags", Times: -1, Error: &wire.Error{Status: 403, Code: "UnauthorizedOperation"}})
		s.push(append(slices.Clone(s.text), "  tags: {team: data}\n"...))
		s.mustHaveFailed(plan.AccessDenied, "EnsureVpc")
		s.verify()
		if x := s.last(); x.Status != sfntypes.ExecutionStatusSucceeded || s.count(report.Drifted) != 0 {
			t.Errorf("the execution is %s; %d events say drift", x.Status, s.count(report.Drifted))
		}
		if s.statusOf(report.ConditionStalled) == nil {
			t.Errorf("the conditions are %+v", s.status().Conditions)
		}
	})
	t.Run("another execution at work", func(t *testing.T) {
		t.Parallel()
		s := newScene(t)
		release := s.Clock.Hold()
		if _, err := s.Commit("workspaces/tokyo.yaml", s.text); err != nil {
			t.Fatal(err)
		}
		s.Clock.After(3*time.Minute, s.startVerification)
		release()
		s.settle()
		s.mustBeReadyAll()
	})
}

// mustBeReadyAll checks that every execution has come to its end.
func (s *scene) mustBeReadyAll() {
	s.Helper()
	list, err := s.sfn.ListExecutions(s.Context(), &sfn.ListExecutionsInput{StateMachineArn: aws.String(s.StateMachineARN())})
	if err != nil {
		s.Fatal(err)
	}
	for _, x := range list.Executions {
		if x.Status != sfntypes.ExecutionStatusSucceeded {
			s.Errorf("execution %s is %s: %s", aws.ToString(x.Name), x.Status, s.causeOf(x.ExecutionArn))
		}
	}
	if c := s.statusOf(report.ConditionReady); c == nil || c.Status != "True" {
		s.Errorf("conditions are %+v", s.status().Conditions)
	}
}

func (s *scene) causeOf(execution *string) string {
	s.Helper()
	out, err := s.sfn.DescribeExecution(s.Context(), &sfn.DescribeExecutionInput{ExecutionArn: execution})
	if err != nil {
		s.Fatal(err)
	}
	return aws.ToString(out.Error) + ": " + aws.ToString(out.Cause)
}

// A network that is gone, or that nobody can tell from others any more, is told as
// drift. No schedule moves the workspace into a new one for that, or stops what
// runs in it.
func TestDriftOfNetwork(t *testing.T) {
	t.Parallel()
	for name, lines := range map[string]string{"Report": "", "Repair": "  drift: Repair\n  change: {stopCompute: true}\n"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			s.push(append(slices.Clone(s.text), lines...))
			s.mustBeReady()
			vpc := s.status().Objects["vpc"][0]
			var tags []types.Tag
			for _, key := range []string{plan.TagWorkspace, plan.TagManaged, plan.TagObject, "Name"} {
				tags = append(tags, types.Tag{Key: aws.String(key)})
			}
			if _, err := awsec2.NewFromConfig(s.somebody()).DeleteTags(t.Context(), &awsec2.DeleteTagsInput{Resources: []string{vpc}, Tags: tags}); err != nil {
				t.Fatal(err)
			}
			before := len(s.Hub.Calls())
			s.verify()
			if x := s.last(); x.Status != sfntypes.ExecutionStatusSucceeded {
				t.Fatalf("the execution is %s: %s", x.Status, aws.ToString(x.Cause))
			}
			drift := s.mustHaveDrifted()
			if !slices.ContainsFunc(drift.Deviations, func(v report.Deviation) bool { return v.ID == vpc && v.Found == "missing" }) {
				t.Errorf("it told %+v", drift.Deviations)
			}
			if made := s.Changes(before); drift.Repair || len(made) > 0 {
				t.Errorf("it made %v", made)
			}
		})
	}
}

// Drift is told although the event cannot be sent at once, and each time that it
// was mended and has come back.
func TestDriftIsTold(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(append(slices.Clone(s.text), "  drift: Repair\n"...))
	s.mustBeReady()
	for i := range 2 {
		if _, err := awsec2.NewFromConfig(s.somebody()).CreateTags(t.Context(), &awsec2.CreateTagsInput{
			Resources: s.status().Objects["vpc"], Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("mine")}},
		}); err != nil {
			t.Fatal(err)
		}
		s.Hub.Inject(&wire.Fault{Kind: wire.Refuse, Service: "events", Action: "PutEvents", Caller: "PlanChanges", Times: 3})
		s.verify()
		s.mustBeReady()
		s.Hub.Clear()
		if n := s.count(report.Drifted); n != i+1 {
			t.Errorf("after drift %d there are %d events", i+1, n)
		}
	}
}

// An execution that ends before it has touched anything leaves the workspace as
// ready as it was, and one that verifies is not followed by one that applies.
func TestReadyWhatever(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	ready := func(class string) {
		s.Helper()
		if c := s.statusOf(report.ConditionReady); c == nil || c.Status != "True" {
			s.Errorf("after %s the conditions are %+v", class, s.status().Conditions)
		}
	}
	s.Hub.Inject(&wire.Fault{Kind: wire.Refuse, Service: "s3", Caller: "AcquireLease", Times: -1})
	s.verify()
	s.mustHaveFailed(plan.Transient, "AcquireLease")
	s.Hub.Clear()
	ready(plan.Transient)
	s.survey(map[string]int{survey.Verify: 1})
	s.push([]byte(strings.Replace(string(s.text), "  aws:\n", "  aws:\n    roleArn: arn:aws:iam::123456789012:role/unknown\n", 1)))
	s.mustHaveFailed(plan.AccessDenied, "LoadSpec")
	ready(plan.AccessDenied)
}
