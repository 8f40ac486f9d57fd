package databricks

import (
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	sdk "github.com/databricks/databricks-sdk-go"
	"github.com/databricks/databricks-sdk-go/config"
	"github.com/databricks/databricks-sdk-go/service/compute"
	"github.com/databricks/databricks-sdk-go/service/sql"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/network"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/emulator/wire/wiretest"
	"lakegate/lambda/internal/probe"
)

const (
	glueProfile = "arn:aws:iam::111122223333:instance-profile/glue"
	glueRole    = "arn:aws:iam::111122223333:role/glue"
	ec2Trust    = `{"Statement":{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}}`
	glueAccess  = `{"Statement":{"Effect":"Allow","Action":"glue:*","Resource":"*"}}`
)

// lab is a world with a workspace whose compute is in a VPC that has all the
// endpoints that it needs.
type lab struct {
	*world
	api *sdk.WorkspaceClient
	id  int64
	// ec2 is where the VPC is, on a clock of its own.
	ec2   *awsec2.Client
	local *clock.Clock

	vpc, group string
	subnets    []string
	// endpoints by service: workspace, relay, sts, s3, glue.
	endpoints map[string]string
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{local: clock.NewVirtual(start), endpoints: map[string]string{}}
	hub := wire.NewHub(l.local)
	service := ec2.New(hub, latency.NewSource(1), "111122223333")
	for name, private := range map[string]string{workspaceService: privateName(testRegion), relayService: tunnelName(testRegion)} {
		service.OfferService(testRegion, ec2.ServiceDetail{Name: name, Owner: databricksAWSAccount, PrivateDNSName: private})
	}
	l.ec2 = awsec2.NewFromConfig(wiretest.Serve(t, hub, service.Wire())(testRegion))
	l.world = newWorld(t, func(c *Config) {
		c.Network = network.New(network.World{
			EC2: service, Alias: func(host string) (string, bool) { return l.Alias(host) },
			Ports: func(service string) []int {
				if service == relayService {
					return []int{portRelay}
				}
				return []int{portREST}
			},
		})
	})
	l.build()
	p := l.prepare()
	req := networkRequest("laboratory", p.rest, p.relay)
	req.VpcId, req.SubnetIds, req.SecurityGroupIds = l.vpc, l.subnets, []string{l.group}
	p.network = ok(l.client.Networks.Create(t.Context(), req))(t).NetworkId
	l.id = ok(l.world.start(p.request("lab")))(t).WorkspaceId
	l.settle()
	l.sleep(time.Hour)
	if got := l.look(l.id); got.WorkspaceStatus != "RUNNING" {
		t.Fatalf("the workspace is %s: %s", got.WorkspaceStatus, got.WorkspaceStatusMessage)
	}
	l.api = ok(sdk.NewWorkspaceClient(&sdk.Config{
		Host: l.web.URL, WorkspaceID: strconv.FormatInt(l.id, 10), ClientID: testClient, ClientSecret: testSecret,
		Credentials: config.M2mCredentials{}, RateLimitPerSecond: 10000, RetryTimeoutSeconds: 1,
	}))(t)
	return l
}

// build makes the VPC, and tells the cloud of it.
func (l *lab) build() {
	l.t.Helper()
	ctx, t := l.t.Context(), l.t
	l.vpc = *ok(l.ec2.CreateVpc(ctx, &awsec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/16")}))(t).Vpc.VpcId
	ok(l.ec2.ModifyVpcAttribute(ctx, &awsec2.ModifyVpcAttributeInput{
		VpcId: &l.vpc, EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(true)},
	}))(t)
	l.group = *ok(l.ec2.CreateSecurityGroup(ctx, &awsec2.CreateSecurityGroupInput{
		VpcId: &l.vpc, GroupName: aws.String("all"), Description: aws.String("compute and endpoints"),
	}))(t).GroupId
	ok(l.ec2.AuthorizeSecurityGroupIngress(ctx, &awsec2.AuthorizeSecurityGroupIngressInput{GroupId: &l.group, IpPermissions: []types.IpPermission{{
		IpProtocol: aws.String("-1"), UserIdGroupPairs: []types.UserIdGroupPair{{GroupId: &l.group}},
	}}}))(t)
	rules := l.cloud.groups[testRegion+"/sg-1"]
	group := SecurityGroup{VPCID: l.vpc}
	for _, r := range rules.Rules {
		if r.GroupID != "" {
			r.GroupID = l.group
		}
		group.Rules = append(group.Rules, r)
	}
	l.cloud.groups[testRegion+"/"+l.group] = group
	for i, zone := range []string{"a", "c"} {
		s := l.cloud.subnets[testRegion+"/subnet-"+strconv.Itoa(i)]
		id := *ok(l.ec2.CreateSubnet(ctx, &awsec2.CreateSubnetInput{
			VpcId: &l.vpc, CidrBlock: &s.CIDR, AvailabilityZone: aws.String(testRegion + zone),
		}))(t).Subnet.SubnetId
		s.VPCID = l.vpc
		l.cloud.subnets[testRegion+"/"+id] = s
		l.subnets = append(l.subnets, id)
	}
	tables := ok(l.ec2.DescribeRouteTables(ctx, &awsec2.DescribeRouteTablesInput{}))(t).RouteTables
	for name, service := range map[string]string{
		"workspace": workspaceService, "relay": relayService,
		"sts": "com.amazonaws.ap-northeast-1.sts", "glue": "com.amazonaws.ap-northeast-1.glue", "s3": "com.amazonaws.ap-northeast-1.s3",
	} {
		in := &awsec2.CreateVpcEndpointInput{VpcId: &l.vpc, ServiceName: &service}
		if name == "s3" {
			in.RouteTableIds = []string{*tables[0].RouteTableId}
		} else {
			in.VpcEndpointType, in.SubnetIds, in.SecurityGroupIds = types.VpcEndpointTypeInterface, l.subnets[:1], []string{l.group}
			in.PrivateDnsEnabled = aws.Bool(true)
		}
		l.endpoints[name] = *ok(l.ec2.CreateVpcEndpoint(ctx, in))(t).VpcEndpoint.VpcEndpointId
	}
	l.wait()
	l.cloud.roles[glueRole] = Role{Name: "glue", Changed: start.Add(-time.Hour), Trust: ec2Trust, Policies: []string{glueAccess}}
	l.cloud.profiles[glueProfile] = InstanceProfile{Name: "glue", Changed: start.Add(-time.Hour), Role: glueRole}
	editing(l.cloud.roles, testRole, func(r *Role) {
		r.Policies = append(r.Policies, `{"Statement":{"Effect":"Allow","Action":"iam:PassRole","Resource":"`+glueRole+`"}}`)
	})
	l.cloud.databases = []string{"sales"}
}

// wait lets what is pending in EC2 settle.
func (l *lab) wait() {
	l.t.Helper()
	l.local.After(time.Hour, func() {})
	if err := l.local.Idle(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) deleteEndpoint(name string) {
	l.t.Helper()
	ok(l.ec2.DeleteVpcEndpoints(l.t.Context(), &awsec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{l.endpoints[name]}}))(l.t)
	l.wait()
}

func (l *lab) policy(name, text string) {
	l.t.Helper()
	ok(l.ec2.ModifyVpcEndpoint(l.t.Context(), &awsec2.ModifyVpcEndpointInput{
		VpcEndpointId: aws.String(l.endpoints[name]), PolicyDocument: &text,
	}))(l.t)
}

// singleNode asks for the smallest cluster.
func singleNode(name string) compute.CreateCluster {
	return compute.CreateCluster{
		ClusterName: name, SparkVersion: "16.4.x-scala2.12", NodeTypeId: "m5d.large", AutoterminationMinutes: 10,
		SparkConf:       map[string]string{"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"},
		CustomTags:      map[string]string{"ResourceClass": "SingleNode"},
		ForceSendFields: []string{"NumWorkers", "AutoterminationMinutes"},
	}
}

// create asks for a cluster and does not wait for it.
func (l *lab) create(in compute.CreateCluster) string {
	l.t.Helper()
	return ok(l.api.Clusters.Create(l.t.Context(), in))(l.t).ClusterId
}

// cluster is one that runs.
func (l *lab) cluster(in compute.CreateCluster) string {
	l.t.Helper()
	id := l.create(in)
	l.sleep(l.clusterStart(in.ClusterName, 1))
	l.clusterIs(id, compute.StateRunning)
	return id
}

// stop stops a cluster.
func (l *lab) stop(id string) error {
	_, err := l.api.Clusters.Delete(l.t.Context(), compute.DeleteCluster{ClusterId: id})
	return err
}

// done stops the test unless a call went well.
func (l *lab) done(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// clusterStart is how long a start of a cluster takes, and a moment.
func (l *lab) clusterStart(name string, start int) time.Duration {
	return l.delays.Draw(latency.ClusterStart, "lab/"+name+"/"+strconv.Itoa(start)) + time.Millisecond
}

func (l *lab) clusterIs(id string, want compute.State) *compute.ClusterDetails {
	l.t.Helper()
	c := ok(l.api.Clusters.GetByClusterId(l.t.Context(), id))(l.t)
	if c.State != want {
		l.t.Fatalf("the cluster is %s, want %s: %s", c.State, want, c.StateMessage)
	}
	return c
}

// context is an execution context that takes commands.
func (l *lab) context(cluster string) string {
	l.t.Helper()
	id := ok(l.api.CommandExecution.Create(l.t.Context(), compute.CreateContext{ClusterId: cluster, Language: compute.LanguagePython}))(l.t).Response.Id
	l.sleep(10 * time.Second)
	return id
}

// execute starts the probe.
func (l *lab) execute(cluster, context string, attempts ...probe.Attempt) (string, error) {
	l.t.Helper()
	text := ok(probe.Command(attempts))(l.t)
	started, err := l.api.CommandExecution.Execute(l.t.Context(), compute.Command{
		ClusterId: cluster, ContextId: context, Language: compute.LanguagePython, Command: text,
	})
	if err != nil {
		return "", err
	}
	return started.Response.Id, nil
}

func (l *lab) command(cluster, context, id string) (*compute.CommandStatusResponse, error) {
	return l.api.CommandExecution.CommandStatus(l.t.Context(), compute.CommandStatusRequest{ClusterId: cluster, ContextId: context, CommandId: id})
}

// probed is what comes of an attempt on a cluster.
func (l *lab) probed(cluster, context string, a probe.Attempt) probe.Result {
	l.t.Helper()
	a.ID = "only"
	id := ok(l.execute(cluster, context, a))(l.t)
	l.sleep(time.Minute)
	got := ok(l.command(cluster, context, id))(l.t)
	if got.Status != compute.CommandStatusFinished {
		l.t.Fatalf("the command is %s", got.Status)
	}
	text, _ := got.Results.Data.(string)
	return ok(probe.Parse(text))(l.t)["only"]
}

// smallest asks for the smallest SQL warehouse.
func smallest(name string) sql.CreateWarehouseRequest {
	return sql.CreateWarehouseRequest{
		Name: name, ClusterSize: "2X-Small", AutoStopMins: 10, MinNumClusters: 1, MaxNumClusters: 1,
		WarehouseType: sql.CreateWarehouseRequestWarehouseTypePro, ForceSendFields: []string{"EnableServerlessCompute", "AutoStopMins"},
	}
}

// warehouse is one that runs.
func (l *lab) warehouse(in sql.CreateWarehouseRequest) string {
	l.t.Helper()
	id := ok(l.api.Warehouses.Create(l.t.Context(), in))(l.t).Response.Id
	l.sleep(l.warehouseStart(in.Name, 1))
	l.warehouseIs(id, sql.StateRunning)
	return id
}

// warehouseStart is how long a start of a SQL warehouse takes, and a moment.
func (l *lab) warehouseStart(name string, start int) time.Duration {
	return l.delays.Draw(latency.WarehouseStart, "lab/"+name+"/"+strconv.Itoa(start)) + time.Millisecond
}

func (l *lab) warehouseIs(id string, want sql.State) *sql.GetWarehouseResponse {
	l.t.Helper()
	w := ok(l.api.Warehouses.GetById(l.t.Context(), id))(l.t)
	if w.State != want {
		l.t.Fatalf("the warehouse is %s, want %s", w.State, want)
	}
	return w
}

// statement runs a statement.
func (l *lab) statement(warehouse, text string) (*sql.StatementResponse, error) {
	return l.api.StatementExecution.ExecuteStatement(l.t.Context(), sql.ExecuteStatementRequest{
		WarehouseId: warehouse, Statement: text, WaitTimeout: "0s",
	})
}
