package emulator_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"

	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

// compute returns the states of the clusters and SQL warehouses, by kind and
// name.
func (s *scene) compute() map[string]string {
	states := map[string]string{}
	for _, o := range s.Databricks.Objects() {
		if o.Kind == "clusters" || o.Kind == "warehouses" {
			if _, twice := states[o.Kind]; twice {
				s.Errorf("there is more than one of %s", o.Kind)
			}
			states[o.Kind] = o.State
		}
	}
	return states
}

func (s *scene) mustBeStopped() {
	s.Helper()
	c := s.compute()
	if c["clusters"] != "TERMINATED" || c["warehouses"] != "STOPPED" {
		s.Errorf("the compute is %v", c)
	}
}

// verification reads a report, in both its forms.
func (s *scene) verification(key string) (v report.Verification, markdown string, digest string) {
	s.Helper()
	o, ok := s.S3.Get(s.StateBucket, key)
	page, paged := s.S3.Get(s.StateBucket, strings.TrimSuffix(key, ".json")+".md")
	if !ok || !paged {
		s.Fatalf("there is no report %q", key)
	}
	if err := json.Unmarshal(o.Body, &v); err != nil {
		s.Fatal(err)
	}
	sum := sha256.Sum256(o.Body)
	return v, string(page.Body), hex.EncodeToString(sum[:])
}

func (s *scene) ec2() *ec2.Client {
	return ec2.New(ec2.Options{
		Region: s.Config.Region, BaseEndpoint: aws.String(s.AWSURL), Retryer: aws.NopRetryer{},
		Credentials: credentials.NewStaticCredentialsProvider("network-team", "test", ""),
	})
}

// A workspace that is Ready comes with a report whose digest is in the event,
// and its compute is stopped.
func TestVerificationReport(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	s.mustBeStopped()
	var ready report.ReadyData
	s.sent(report.Ready, &ready)
	v, page, digest := s.verification(ready.Report)
	if digest != ready.ReportDigest {
		t.Errorf("the event has the digest %s, the report is %s", ready.ReportDigest, digest)
	}
	if v.Verdict != "Passed" || v.Failed != 0 || v.Passed < 60 || v.Revision == "" || v.SpecDigest == "" {
		t.Errorf("the report says %s: %d passed, %d failed of %s %s", v.Verdict, v.Passed, v.Failed, v.Revision, v.SpecDigest)
	}
	noted := []string{}
	for _, section := range v.Sections {
		for _, c := range section.Checks {
			if c.ID == "" || c.What == "" || c.Object == "" || c.How == "" || c.Seen == "" || c.Time.IsZero() {
				t.Errorf("%s: the check %+v says not what, of what, how or when", section.Step, c)
			}
			if c.Result == "Noted" {
				noted = append(noted, c.ID)
			}
			if !strings.Contains(page, c.What) {
				t.Errorf("the page does not have %q", c.What)
			}
		}
	}
	if strings.Join(noted, " ") != "isolation.channel.dns isolation.channel.s3" {
		t.Errorf("noted are %v", noted)
	}
	if p := s.status().Verified; p == nil || p.Digest != digest {
		t.Errorf("the status has the verification %+v", p)
	}
}

// A verification that fails ends in Workspace Failed with class and remedy; the
// compute is stopped, nothing is torn down, and a redrive verifies again.
func TestVerificationFails(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.Databricks.SettlePrivateLink("privatelink-test", 3*time.Hour)
	s.push(s.text)
	// Cluster and SQL warehouse are started side by side; either may give up first.
	var failed report.FailedData
	s.sent(report.Failed, &failed)
	if failed.Step != "VerifyCluster" && failed.Step != "VerifySqlWarehouse" || failed.Class != plan.VerificationFailed {
		t.Errorf("%s has failed as %s", failed.Step, failed.Class)
	}
	if !strings.Contains(failed.Message, "NPIP_TUNNEL_SETUP_FAILURE") || !strings.Contains(failed.Remedy, "TCP 6666") {
		t.Errorf("the message is %s; the remedy %s", failed.Message, failed.Remedy)
	}
	v, page, _ := s.verification(failed.Report)
	if v.Verdict != "Failed" || len(v.Sections) == 0 || v.Failed != 1 || !strings.Contains(page, failed.Step) {
		t.Errorf("the report is %+v", v)
	}
	s.mustBeStopped()
	s.Databricks.SettlePrivateLink("privatelink-test", 0)
	if err := s.Clock.Sleep(t.Context(), time.Minute); err != nil {
		t.Fatal(err)
	}
	s.redrive()
	s.mustBeReady()
	s.mustBeStopped()
}

// What is opened by hand after a workspace was proven is found by the next push
// that changes something, and the next one after that verifies again although
// it changes nothing.
func TestVerificationIsDueAfterAFailure(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	vpc := s.EC2.VPCs(s.Config.Region)[0].ID
	gateway, err := s.ec2().CreateInternetGateway(t.Context(), &ec2.CreateInternetGatewayInput{})
	if err != nil {
		t.Fatal(err)
	}
	id := gateway.InternetGateway.InternetGatewayId
	attach := &ec2.AttachInternetGatewayInput{InternetGatewayId: id, VpcId: aws.String(vpc)}
	if _, err := s.ec2().AttachInternetGateway(t.Context(), attach); err != nil {
		t.Fatal(err)
	}
	// The description of a group cannot change, its rules can.
	changed := strings.Replace(string(s.text), `ports: "3306"`, `ports: "3307"`, 1)
	s.push([]byte(changed))
	failed := s.mustHaveFailed(plan.VerificationFailed, "VerifyIsolation")
	if !strings.Contains(failed.Message, aws.ToString(id)) {
		t.Errorf("the message does not name the gateway: %s", failed.Message)
	}
	s.mustBeStopped()
	s.push([]byte(changed + "\n# again\n"))
	s.mustHaveFailed(plan.VerificationFailed, "VerifyIsolation")
	if _, err := s.ec2().DetachInternetGateway(t.Context(), &ec2.DetachInternetGatewayInput{InternetGatewayId: id, VpcId: aws.String(vpc)}); err != nil {
		t.Fatal(err)
	}
	s.push([]byte(changed + "\n# once more\n"))
	s.mustBeReady()
	s.mustBeStopped()
}

// Compute of an execution that is stopped half-way is stopped too, and stops by
// itself where even that fails.
func TestAbandonedCompute(t *testing.T) {
	t.Parallel()
	for name, helped := range map[string]bool{"by the function": true, "by itself": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t)
			for _, f := range []string{"VerifyPorts", "VerifySqlWarehouse"} {
				s.Hub.Inject(&wire.Fault{Kind: wire.LoseReply, Service: "lambda", Action: "Invoke", Caller: plan.FunctionPrefix + f, Times: -1})
			}
			if !helped {
				s.Hub.Inject(&wire.Fault{Kind: wire.Refuse, Caller: "StopAbandonedCompute", Times: -1})
			}
			s.push(s.text)
			s.mustBeStopped()
			if !helped {
				// The event of the function is in the dead-letter queue.
				return
			}
			// A second attempt uses what is there.
			s.Hub.Clear()
			s.push(append(s.text, "\n# again\n"...))
			s.mustBeReady()
			s.mustBeStopped()
		})
	}
}

// The endpoint policies of the spec let the workspace work and close the
// channel to buckets of others.
func TestRestrictedPolicies(t *testing.T) {
	t.Parallel()
	s := newScene(t)
	s.push([]byte(strings.Replace(string(s.text), "  privateLink:\n", "  privateLink:\n    endpointPolicies: restricted\n", 1)))
	s.mustBeReady()
	var ready report.ReadyData
	s.sent(report.Ready, &ready)
	v, _, _ := s.verification(ready.Report)
	closed := false
	for _, section := range v.Sections {
		for _, c := range section.Checks {
			closed = closed || c.ID == "isolation.channel.s3" && c.Result == "Passed" && c.Seen == "HTTP 403"
		}
	}
	if !closed {
		t.Errorf("the channel to buckets of others is not proven to be closed: %+v", v.Sections)
	}
	// A policy that somebody has opened is closed again.
	var endpoint string
	for _, e := range s.EC2.Endpoints(s.Config.Region) {
		if e.Type == "Gateway" {
			endpoint = e.ID
		}
	}
	if _, err := s.ec2().ModifyVpcEndpoint(t.Context(), &ec2.ModifyVpcEndpointInput{VpcEndpointId: aws.String(endpoint), ResetPolicy: aws.Bool(true)}); err != nil {
		t.Fatal(err)
	}
	out, err := s.ec2().DescribeVpcEndpoints(t.Context(), &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{endpoint}})
	if err != nil {
		t.Fatal(err)
	}
	open := aws.ToString(out.VpcEndpoints[0].PolicyDocument)
	s.push([]byte(strings.Replace(string(s.text), "  privateLink:\n", "  privateLink:\n    endpointPolicies: restricted # still\n", 1)))
	s.mustBeReady()
	if e, _ := s.EC2.Endpoint(s.Config.Region, endpoint); e.Policy == open {
		t.Error("the policy is still open")
	}
}

// Unity Catalog: the metastore is assigned, and SQL lists its databases.
func TestUnityCatalog(t *testing.T) {
	t.Parallel()
	const metastore = "1b9f6f0e-52c7-4d0b-8a3e-7c44d2e9a561"
	s := newScene(t)
	before, _, found := strings.Cut(string(s.text), "  metastore:\n")
	if !found {
		t.Fatal("the spec has no metastore")
	}
	text := before + "  metastore:\n    unityCatalog: {metastoreId: " + metastore + "}\n"
	s.push([]byte(text))
	failed := s.mustHaveFailed(plan.Conflict, "AssignMetastore")
	if !strings.Contains(failed.Message, "does not exist") {
		t.Errorf("the message is %s", failed.Message)
	}
	s.Databricks.AddMetastore(metastore, s.Config.Region)
	s.redrive()
	s.mustBeReady()
}
