package databricks

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/databricks/databricks-sdk-go"
	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/config"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/wire"
)

const (
	testAccount = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
	testClient  = "5f0e7a52-0000-4000-8000-00000000c11e"
	testSecret  = "a secret/with:odd%characters"
	testRegion  = "ap-northeast-1"
	testRole    = "arn:aws:iam::111122223333:role/cross-account"
	testBucket  = "root-bucket"

	workspaceService = "com.amazonaws.vpce.ap-northeast-1.vpce-svc-02691fd610d24fd64"
	relayService     = "com.amazonaws.vpce.ap-northeast-1.vpce-svc-02aa633bda3edbec0"
)

// cloud is an AWS account in memory. Its maps may be changed while no request
// is served.
type cloud struct {
	mu        sync.Mutex
	endpoints map[string]Endpoint
	roles     map[string]Role
	buckets   map[string]Bucket
	subnets   map[string]Subnet
	groups    map[string]SecurityGroup
	profiles  map[string]InstanceProfile
	databases []string
}

func (c *cloud) Endpoint(region, id string) (Endpoint, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.endpoints[region+"/"+id]
	return e, ok
}

func (c *cloud) AcceptEndpoint(region, id string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.endpoints[region+"/"+id]
	if !ok {
		return errors.New("no such endpoint")
	}
	if e.State == "pendingAcceptance" {
		e.State = "pending"
		c.endpoints[region+"/"+id] = e
	}
	return nil
}

func (c *cloud) Role(arn string) (Role, bool) { r, ok := c.roles[arn]; return r, ok }

func (c *cloud) Bucket(name string) (Bucket, bool) { b, ok := c.buckets[name]; return b, ok }

func (c *cloud) Subnet(_, region, id string) (Subnet, bool) {
	s, ok := c.subnets[region+"/"+id]
	return s, ok
}

func (c *cloud) SecurityGroup(_, region, id string) (SecurityGroup, bool) {
	g, ok := c.groups[region+"/"+id]
	return g, ok
}

// editing changes a value of a map.
func editing[V any](m map[string]V, key string, change func(*V)) {
	v := m[key]
	change(&v)
	m[key] = v
}

// goodCloud has everything that one good workspace needs, and endpoints for a
// second one.
func goodCloud() *cloud {
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole",
		"Principal":{"AWS":"arn:aws:iam::414351767826:root"},
		"Condition":{"StringEquals":{"sts:ExternalId":"` + testAccount + `"}}}]}`
	permissions := `{"Statement":[{"Effect":"Allow","Resource":"*","Action":["` + strings.Join(crossAccountActions, `","`) + `"]}]}`
	policy := `{"Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::414351767826:root"},
		"Action":["s3:GetObject","s3:GetObjectVersion","s3:PutObject","s3:DeleteObject","s3:ListBucket","s3:GetBucketLocation"],
		"Resource":["arn:aws:s3:::root-bucket/*","arn:aws:s3:::root-bucket"],
		"Condition":{"StringEquals":{"aws:PrincipalTag/DatabricksAccountId":["` + testAccount + `"]}}}]}`
	acl := []ACLEntry{
		{Number: 32767, Protocol: "-1", CIDR: anywhere},
		{Number: 100, Allow: true, Protocol: "-1", CIDR: anywhere},
		{Number: 32767, Egress: true, Protocol: "-1", CIDR: anywhere},
		{Number: 100, Egress: true, Allow: true, Protocol: "-1", CIDR: anywhere},
	}
	c := &cloud{
		endpoints: map[string]Endpoint{},
		roles: map[string]Role{testRole: {
			Name: "cross-account", Changed: start.Add(-time.Hour), Trust: trust, Policies: []string{permissions},
		}},
		buckets: map[string]Bucket{testBucket: {Region: testRegion, Policy: policy, PublicAccessBlocked: true}},
		subnets: map[string]Subnet{},
		groups:  map[string]SecurityGroup{}, profiles: map[string]InstanceProfile{},
	}
	for _, id := range []string{"vpce-rest", "vpce-rest-2", "vpce-front"} {
		c.endpoints[testRegion+"/"+id] = Endpoint{
			AccountID: "111122223333", VPCID: "vpc-1", ServiceName: workspaceService, State: "pendingAcceptance",
		}
	}
	for _, id := range []string{"vpce-relay", "vpce-relay-2"} {
		c.endpoints[testRegion+"/"+id] = Endpoint{
			AccountID: "111122223333", VPCID: "vpc-1", ServiceName: relayService, State: "pendingAcceptance",
		}
	}
	c.endpoints[testRegion+"/vpce-s3"] = Endpoint{ServiceName: "com.amazonaws.ap-northeast-1.s3", State: "available"}
	for i := range 4 {
		c.subnets[fmt.Sprintf("%s/subnet-%d", testRegion, i)] = Subnet{
			VPCID: "vpc-1", AvailabilityZone: testRegion + string("ac"[i%2]), CIDR: fmt.Sprintf("10.0.%d.0/24", i), ACL: acl,
		}
	}
	for _, id := range []string{"sg-1", "sg-2"} {
		c.groups[testRegion+"/"+id] = SecurityGroup{VPCID: "vpc-1", Rules: []SecurityRule{
			{Protocol: "tcp", ToPort: 65535, GroupID: id},
			{Protocol: "udp", ToPort: 65535, GroupID: id},
			{Egress: true, Protocol: "tcp", ToPort: 65535, GroupID: id},
			{Egress: true, Protocol: "udp", ToPort: 65535, GroupID: id},
			{Egress: true, Protocol: "tcp", FromPort: 443, ToPort: 443, CIDR: anywhere},
			{Egress: true, Protocol: "tcp", FromPort: 6666, ToPort: 6666, CIDR: anywhere},
		}}
	}
	return c
}

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// world is an account with its clock, cloud and a real client.
type world struct {
	*Server
	t      *testing.T
	clock  *clock.Clock
	cloud  *cloud
	web    *httptest.Server
	client *sdk.AccountClient
	// pass lets the clock run.
	pass func()
}

// newWorld returns a world in which time stands still until settle or sleep.
func newWorld(t *testing.T, changes ...func(*Config)) *world {
	t.Helper()
	w := &world{t: t, clock: clock.NewVirtual(start), cloud: goodCloud()}
	cfg := Config{
		AccountID:        testAccount,
		Clients:          map[string]string{testClient: testSecret},
		DeploymentPrefix: "acme",
		Services:         map[string]EndpointServices{testRegion: {Workspace: workspaceService, Relay: relayService}},
		AWS:              w.cloud,
	}
	for _, change := range changes {
		change(&cfg)
	}
	w.pass = w.clock.Hold()
	w.Server = New(wire.NewHub(w.clock), latency.NewSource(7), cfg)
	w.web = httptest.NewServer(w.Server)
	t.Cleanup(w.web.Close)
	client, err := sdk.NewAccountClient(&sdk.Config{
		Host: w.web.URL, AccountID: testAccount, ClientID: testClient, ClientSecret: testSecret,
		Credentials: config.M2mCredentials{}, RateLimitPerSecond: 10000, RetryTimeoutSeconds: 1,
	})
	if err != nil {
		t.Fatal(err)
	}
	w.client = client
	return w
}

// settle lets everything happen that is to happen.
func (w *world) settle() {
	w.t.Helper()
	w.pass()
	if err := w.clock.Idle(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.pass = w.clock.Hold()
}

// sleep lets some time pass.
func (w *world) sleep(d time.Duration) {
	w.t.Helper()
	if err := w.clock.Sleep(w.t.Context(), d); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) ctx() context.Context { return w.t.Context() }

// ok stops the test unless the call went well.
func ok[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// parts are the ids of what a workspace is made of.
type parts struct {
	credentials, storage, rest, relay, access, network string
}

func (w *world) newCredentials(name string) (*provisioning.Credential, error) {
	return w.client.Credentials.Create(w.ctx(), provisioning.CreateCredentialRequest{
		CredentialsName: name,
		AwsCredentials: provisioning.CreateCredentialAwsCredentials{
			StsRole: &provisioning.CreateCredentialStsRole{RoleArn: testRole},
		},
	})
}

func (w *world) newStorage(name, bucket string) (*provisioning.StorageConfiguration, error) {
	return w.client.Storage.Create(w.ctx(), provisioning.CreateStorageConfigurationRequest{
		StorageConfigurationName: name, RootBucketInfo: provisioning.RootBucketInfo{BucketName: bucket},
	})
}

func (w *world) newEndpoint(name, id string) (*provisioning.VpcEndpoint, error) {
	return w.client.VpcEndpoints.Create(w.ctx(), provisioning.CreateVpcEndpointRequest{
		VpcEndpointName: name, AwsVpcEndpointId: id, Region: testRegion,
	})
}

func (w *world) newAccess(name string, public bool) (*provisioning.PrivateAccessSettings, error) {
	return w.client.PrivateAccess.Create(w.ctx(), provisioning.CreatePrivateAccessSettingsRequest{
		PrivateAccessSettingsName: name, Region: testRegion, PublicAccessEnabled: public,
		ForceSendFields: []string{"PublicAccessEnabled"},
	})
}

func networkRequest(name, rest, relay string) provisioning.CreateNetworkRequest {
	return provisioning.CreateNetworkRequest{
		NetworkName: name, VpcId: "vpc-1",
		SubnetIds: []string{"subnet-0", "subnet-1"}, SecurityGroupIds: []string{"sg-1"},
		VpcEndpoints: &provisioning.NetworkVpcEndpoints{RestApi: []string{rest}, DataplaneRelay: []string{relay}},
	}
}

// second makes a request for a network use the other subnets and group.
func second(req provisioning.CreateNetworkRequest) provisioning.CreateNetworkRequest {
	req.SubnetIds, req.SecurityGroupIds = []string{"subnet-2", "subnet-3"}, []string{"sg-2"}
	return req
}

// prepare registers what a workspace is made of.
func (w *world) prepare() parts {
	w.t.Helper()
	p := parts{
		credentials: ok(w.newCredentials("main"))(w.t).CredentialsId,
		storage:     ok(w.newStorage("main", testBucket))(w.t).StorageConfigurationId,
		rest:        ok(w.newEndpoint("rest", "vpce-rest"))(w.t).VpcEndpointId,
		relay:       ok(w.newEndpoint("relay", "vpce-relay"))(w.t).VpcEndpointId,
		access:      ok(w.newAccess("main", true))(w.t).PrivateAccessSettingsId,
	}
	p.network = ok(w.client.Networks.Create(w.ctx(), networkRequest("main", p.rest, p.relay)))(w.t).NetworkId
	return p
}

func (p parts) request(name string) provisioning.CreateWorkspaceRequest {
	return provisioning.CreateWorkspaceRequest{
		WorkspaceName: name, AwsRegion: testRegion, CredentialsId: p.credentials, StorageConfigurationId: p.storage,
		NetworkId: p.network, PrivateAccessSettingsId: p.access,
	}
}

// start creates a workspace without waiting for it.
func (w *world) start(req provisioning.CreateWorkspaceRequest) (*provisioning.Workspace, error) {
	wait, err := w.client.Workspaces.Create(w.ctx(), req)
	if err != nil {
		return nil, err
	}
	return wait.Response, nil
}

func (w *world) look(id int64) *provisioning.Workspace {
	w.t.Helper()
	return ok(w.client.Workspaces.GetByWorkspaceId(w.ctx(), id))(w.t)
}

// failure is what a client sees of an error.
type failure struct {
	Status  int
	Code    string
	Message string
}

func failureOf(t *testing.T, err error) failure {
	t.Helper()
	e, isAPI := errors.AsType[*apierr.APIError](err)
	if !isAPI {
		t.Fatalf("got %v, want an error of the API", err)
	}
	return failure{e.StatusCode, e.ErrorCode, e.Message}
}

func (c *cloud) InstanceProfile(arn string) (InstanceProfile, bool) {
	p, ok := c.profiles[arn]
	return p, ok
}
func (c *cloud) Key(string) (Key, bool)         { return Key{}, false }
func (c *cloud) Databases(_, _ string) []string { return c.databases }
func (c *cloud) EnsureDatabase(_, _, name string) {
	if !slices.Contains(c.databases, name) {
		c.databases = append(c.databases, name)
	}
}
