package ec2_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/smithy-go"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/wire"
)

const tokyo = "ap-northeast-1"

// databricks is the AWS account that owns the offered services.
const databricks = "414351767826"

const (
	workspaceService = "com.amazonaws.vpce.ap-northeast-1.vpce-svc-02691fd610d24fd64"
	relayService     = "com.amazonaws.vpce.ap-northeast-1.vpce-svc-02aa633bda3edbec0"
	stsService       = "com.amazonaws.ap-northeast-1.sts"
	s3Service        = "com.amazonaws.ap-northeast-1.s3"
)

// world is an emulated EC2 and a client that talks to it over HTTP.
type world struct {
	*awsec2.Client
	t       testing.TB
	clock   *clock.Clock
	hub     *wire.Hub
	delays  *latency.Source
	service *ec2.Service
	url     string
	close   func()
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewVirtual(time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)), delays: latency.NewSource(1)}
	w.hub = wire.NewHub(w.clock)
	w.service = ec2.New(w.hub, w.delays, "")
	w.service.OfferService(tokyo, ec2.ServiceDetail{
		Name: workspaceService, Owner: databricks, AcceptanceRequired: true,
		PrivateDNSName: "tokyo.privatelink.cloud.databricks.com", AvailabilityZones: []string{"ap-northeast-1a", "ap-northeast-1c"},
	})
	w.service.OfferService(tokyo, ec2.ServiceDetail{
		Name: relayService, Owner: databricks, AcceptanceRequired: true,
		PrivateDNSName: "tunnel.privatelink.ap-northeast-1.cloud.databricks.com",
	})
	router := wire.NewRouter(w.hub)
	router.Serve(w.service.Wire())
	server := httptest.NewServer(router)
	w.close = server.Close
	t.Cleanup(server.Close)
	w.url = server.URL
	w.Client = w.in(tokyo)
	return w
}

// in returns a client for another region.
func (w *world) in(region string) *awsec2.Client {
	return awsec2.NewFromConfig(aws.Config{
		Region: region, BaseEndpoint: &w.url,
		HTTPClient: &http.Client{Transport: wire.Buffered{}}, RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("tester", "secret", ""),
	})
}

// pass lets time pass.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	release := w.clock.Hold()
	defer release()
	if err := w.clock.Sleep(w.t.Context(), d); err != nil {
		w.t.Fatalf("sleeping: %v", err)
	}
}

// must fails the test on an error.
func must[T any](t testing.TB) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// code is the error code of a reply, empty if there was no error.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func wantCode(t testing.TB, err error, want string) {
	t.Helper()
	if got := code(err); got != want {
		t.Errorf("error code %q, want %q (%v)", got, want, err)
	}
}

func wantMessage(t testing.TB, err error, code, message string) {
	t.Helper()
	api, ok := errors.AsType[smithy.APIError](err)
	if !ok || api.ErrorCode() != code || api.ErrorMessage() != message {
		t.Errorf("error %v\nwant %s: %s", err, code, message)
	}
}

func (w *world) vpc(cidr string) string {
	w.t.Helper()
	out := must[*awsec2.CreateVpcOutput](w.t)(w.CreateVpc(w.t.Context(), &awsec2.CreateVpcInput{CidrBlock: &cidr}))
	return *out.Vpc.VpcId
}

// resolvingVPC has both DNS attributes on.
func (w *world) resolvingVPC(cidr string) string {
	w.t.Helper()
	id := w.vpc(cidr)
	must[*awsec2.ModifyVpcAttributeOutput](w.t)(w.ModifyVpcAttribute(w.t.Context(), &awsec2.ModifyVpcAttributeInput{
		VpcId: &id, EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)},
	}))
	return id
}

func (w *world) subnet(vpc, cidr, zone string) string {
	w.t.Helper()
	out := must[*awsec2.CreateSubnetOutput](w.t)(w.CreateSubnet(w.t.Context(), &awsec2.CreateSubnetInput{
		VpcId: &vpc, CidrBlock: &cidr, AvailabilityZone: aws.String(tokyo + zone),
	}))
	return *out.Subnet.SubnetId
}

func (w *world) group(vpc, name string) string {
	w.t.Helper()
	out := must[*awsec2.CreateSecurityGroupOutput](w.t)(w.CreateSecurityGroup(w.t.Context(), &awsec2.CreateSecurityGroupInput{
		VpcId: &vpc, GroupName: &name, Description: aws.String("test"),
	}))
	return *out.GroupId
}

func (w *world) endpoint(in *awsec2.CreateVpcEndpointInput) types.VpcEndpoint {
	w.t.Helper()
	return *must[*awsec2.CreateVpcEndpointOutput](w.t)(w.CreateVpcEndpoint(w.t.Context(), in)).VpcEndpoint
}

// interfaceTo asks for an interface endpoint without private DNS.
func interfaceTo(service, vpc, name string, subnets ...string) *awsec2.CreateVpcEndpointInput {
	return &awsec2.CreateVpcEndpointInput{
		VpcEndpointType: types.VpcEndpointTypeInterface, ServiceName: &service, VpcId: &vpc, SubnetIds: subnets,
		PrivateDnsEnabled: aws.Bool(false),
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeVpcEndpoint, Tags: []types.Tag{{Key: aws.String("Name"), Value: &name}},
		}},
	}
}

func (w *world) state(id string) string {
	w.t.Helper()
	out, err := w.DescribeVpcEndpoints(w.t.Context(), &awsec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{id}})
	if err != nil {
		return code(err)
	}
	return string(out.VpcEndpoints[0].State)
}

func filters(pairs ...string) []types.Filter {
	var out []types.Filter
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, types.Filter{Name: &pairs[i], Values: []string{pairs[i+1]}})
	}
	return out
}
