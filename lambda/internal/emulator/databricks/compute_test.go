package databricks

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/databricks/databricks-sdk-go/service/catalog"
	"github.com/databricks/databricks-sdk-go/service/compute"
	"github.com/databricks/databricks-sdk-go/service/sql"

	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/probe"
)

// TestCluster takes a cluster from its creation to its deletion.
func TestCluster(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	id := l.create(singleNode("small"))
	c := l.clusterIs(id, compute.StatePending)
	equal(t, []any{"small", "m5d.large", 0, 10, "API", testClient}, []any{c.ClusterName, c.NodeTypeId, c.NumWorkers, c.AutoterminationMinutes, string(c.ClusterSource), c.CreatorUserName})
	_, err := l.api.Clusters.Start(t.Context(), compute.StartCluster{ClusterId: id})
	equal(t, failure{400, "INVALID_STATE", "Cluster " + id + " is in unexpected state PENDING."}, failureOf(t, err))

	l.sleep(l.clusterStart("small", 1) - time.Second)
	l.clusterIs(id, compute.StatePending)
	l.sleep(time.Second)
	l.clusterIs(id, compute.StateRunning)

	l.done(l.stop(id))
	c = l.clusterIs(id, compute.StateTerminated)
	equal(t, &compute.TerminationReason{
		Code: "USER_REQUEST", Type: "SUCCESS", Parameters: map[string]string{"username": testClient},
	}, c.TerminationReason)
	// It is no error to stop what has stopped.
	l.done(l.stop(id))

	ok(l.api.Clusters.Start(t.Context(), compute.StartCluster{ClusterId: id}))(t)
	if c := l.clusterIs(id, compute.StatePending); c.TerminationReason != nil {
		t.Errorf("a cluster that is started has ended by %v", c.TerminationReason)
	}
	// One that is stopped while it starts does not run later.
	l.done(l.stop(id))
	l.sleep(l.clusterStart("small", 2))
	l.clusterIs(id, compute.StateTerminated)
	ok(l.api.Clusters.Start(t.Context(), compute.StartCluster{ClusterId: id}))(t)
	l.sleep(l.clusterStart("small", 3))
	l.clusterIs(id, compute.StateRunning)

	// Names need not be unique.
	other := l.create(singleNode("small"))
	if all := ok(l.api.Clusters.ListAll(t.Context(), compute.ListClustersRequest{}))(t); len(all) != 2 || other == id {
		t.Errorf("there are %d clusters, the newest is %s beside %s", len(all), other, id)
	}
	for _, cluster := range []string{id, other} {
		l.done(l.api.Clusters.PermanentDeleteByClusterId(t.Context(), cluster))
	}
	if all := ok(l.api.Clusters.ListAll(t.Context(), compute.ListClustersRequest{}))(t); len(all) != 0 {
		t.Errorf("there are %d clusters", len(all))
	}
	missing := failure{400, "INVALID_PARAMETER_VALUE", "Cluster " + id + " does not exist"}
	_, err = l.api.Clusters.GetByClusterId(t.Context(), id)
	equal(t, missing, failureOf(t, err))
	_, err = l.api.Clusters.Start(t.Context(), compute.StartCluster{ClusterId: id})
	equal(t, missing, failureOf(t, err))
	equal(t, missing, failureOf(t, l.stop(id)))
	equal(t, missing, failureOf(t, l.api.Clusters.PermanentDeleteByClusterId(t.Context(), id)))
}

func TestClusterRefusals(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	for name, test := range map[string]struct {
		change func(*compute.CreateCluster)
		want   failure
	}{
		"a runtime that is not known": {
			func(c *compute.CreateCluster) { c.SparkVersion = "1.0.x" }, failure{400, "INVALID_PARAMETER_VALUE", "Invalid spark version 1.0.x."},
		},
		"a node type that is not known": {
			func(c *compute.CreateCluster) { c.NodeTypeId = "z1.tiny" }, failure{400, "INVALID_PARAMETER_VALUE", "Node type z1.tiny is not supported."},
		},
		"workers": {
			func(c *compute.CreateCluster) { c.NumWorkers = 2 }, failure{501, "NOT_IMPLEMENTED", "a cluster with workers is not emulated"},
		},
		"no workers, without the setting": {
			func(c *compute.CreateCluster) { c.SparkConf = nil }, failure{400, "INVALID_PARAMETER_VALUE", "A cluster without workers must be a single-node cluster."},
		},
		"no workers, without the tag": {
			func(c *compute.CreateCluster) { c.CustomTags = nil }, failure{400, "INVALID_PARAMETER_VALUE", "A cluster without workers must be a single-node cluster."},
		},
		"termination too soon": {
			func(c *compute.CreateCluster) { c.AutoterminationMinutes = 9 }, failure{400, "INVALID_PARAMETER_VALUE", "autotermination_minutes must be 0 or between 10 and 10000."},
		},
		"termination too late": {
			func(c *compute.CreateCluster) { c.AutoterminationMinutes = 10001 }, failure{400, "INVALID_PARAMETER_VALUE", "autotermination_minutes must be 0 or between 10 and 10000."},
		},
		"an instance profile that is not registered": {
			func(c *compute.CreateCluster) {
				c.AwsAttributes = &compute.AwsAttributes{InstanceProfileArn: glueProfile}
			},
			failure{400, "INVALID_PARAMETER_VALUE", "The instance profile " + glueProfile + " is not registered with this workspace."},
		},
	} {
		in := singleNode("small")
		test.change(&in)
		_, err := l.api.Clusters.Create(t.Context(), in)
		if got := failureOf(t, err); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
	if all := ok(l.api.Clusters.ListAll(t.Context(), compute.ListClustersRequest{}))(t); len(all) != 0 {
		t.Errorf("there are %d clusters", len(all))
	}
	// The newer way to say so.
	in := singleNode("small")
	in.SparkConf, in.CustomTags, in.IsSingleNode = nil, nil, true
	l.create(in)
}

// Nothing is started without a network.
func TestComputeWithoutNetwork(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	l.cfg.Network = nil
	_, err := l.api.Clusters.Create(t.Context(), singleNode("small"))
	equal(t, failure{501, "NOT_IMPLEMENTED", "compute without a network is not emulated"}, failureOf(t, err))
	_, err = l.api.Warehouses.Create(t.Context(), smallest("small"))
	equal(t, failure{501, "NOT_IMPLEMENTED", "compute without a network is not emulated"}, failureOf(t, err))
}

func TestAutoTermination(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	idle, forever, used := singleNode("idle"), singleNode("forever"), singleNode("used")
	forever.AutoterminationMinutes = 0
	first, second, third := l.cluster(idle), l.cluster(forever), l.cluster(used)
	began := l.clock.Now()
	context := l.context(third)
	l.clusterIs(first, compute.StateRunning)
	// The others have started since, so the first may have been idle for long.
	l.sleep(20 * time.Minute)
	c := l.clusterIs(first, compute.StateTerminated)
	equal(t, &compute.TerminationReason{
		Code: "INACTIVITY", Type: "SUCCESS", Parameters: map[string]string{"inactivity_duration_min": "10"},
	}, c.TerminationReason)
	if ended := time.UnixMilli(c.TerminatedTime); ended.After(began.Add(10 * time.Minute)) {
		t.Errorf("it ended at %s, idle since before %s", ended, began)
	}
	l.clusterIs(second, compute.StateRunning)
	// To make a context is to use a cluster, and that was too long ago as well.
	l.clusterIs(third, compute.StateTerminated)
	_, err := l.execute(third, context)
	equal(t, failure{400, "INVALID_STATE", "ClusterNotReadyException: Cluster " + third + " is in state TERMINATED."}, failureOf(t, err))
}

// What runs on a cluster keeps it up from the end of a command on; who merely
// looks does not.
func TestAutoTerminationCountsFromTheLastCommand(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	id := l.cluster(singleNode("used"))
	context := l.context(id)
	l.sleep(9 * time.Minute)
	command := ok(l.execute(id, context, probe.Attempt{ID: "a", Kind: probe.Databases}))(t)
	ended := l.clock.Now()
	for ok(l.command(id, context, command))(t).Status != compute.CommandStatusFinished {
		l.sleep(100 * time.Millisecond)
		ended = l.clock.Now()
	}
	for range 9 {
		l.sleep(time.Minute)
		ok(l.command(id, context, command))(t)
		ok(l.api.CommandExecution.ContextStatus(t.Context(), compute.ContextStatusRequest{ClusterId: id, ContextId: context}))(t)
	}
	l.sleep(ended.Add(10*time.Minute - time.Second).Sub(l.clock.Now()))
	l.clusterIs(id, compute.StateRunning)
	l.sleep(time.Second)
	l.clusterIs(id, compute.StateTerminated)
}

// What a node lacks ends its start with a code, of a cluster and of a SQL
// warehouse alike, and it starts once that is there.
func TestStartFaults(t *testing.T) {
	t.Parallel()
	const denied = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::other/*"}]}`
	for name, test := range map[string]struct {
		breaks  func(*lab)
		code    string
		kind    string
		message string
		// mends, if it can be mended.
		mends func(*lab)
	}{
		"nothing": {breaks: func(*lab) {}},
		"no subnet": {
			breaks: func(l *lab) { delete(l.cloud.subnets, testRegion+"/"+l.subnets[0]) },
			code:   "CLOUD_PROVIDER_LAUNCH_FAILURE", kind: "CLOUD_FAILURE", message: "does not exist",
		},
		"DNS off": {
			breaks: func(l *lab) { l.dns(false) }, mends: func(l *lab) { l.dns(true) },
			code: "NETWORK_CHECK_DNS_SERVER_FAILURE", kind: "CLIENT_ERROR", message: "The DNS server of the VPC does not answer.",
		},
		"no S3": {
			breaks: func(l *lab) { l.deleteEndpoint("s3") },
			code:   "NETWORK_CHECK_STORAGE_FAILURE", kind: "CLIENT_ERROR", message: ":443: timeout",
		},
		"S3 closed by a policy": {
			breaks: func(l *lab) { l.policy("s3", denied) },
			mends: func(l *lab) {
				ok(l.ec2.ModifyVpcEndpoint(l.t.Context(), &awsec2.ModifyVpcEndpointInput{VpcEndpointId: aws.String(l.endpoints["s3"]), ResetPolicy: aws.Bool(true)}))(l.t)
			},
			code: "STORAGE_DOWNLOAD_FAILURE", kind: "CLIENT_ERROR", message: "Access Denied when downloading the runtime",
		},
		"no control plane": {
			breaks: func(l *lab) { l.deleteEndpoint("workspace") },
			code:   "NETWORK_CHECK_CONTROL_PLANE_FAILURE", kind: "CLIENT_ERROR", message: ".cloud.databricks.com:443: timeout",
		},
		"no relay": {
			breaks: func(l *lab) { l.deleteEndpoint("relay") },
			code:   "NPIP_TUNNEL_SETUP_FAILURE", kind: "SERVICE_FAULT", message: "tunnel.privatelink.ap-northeast-1.cloud.databricks.com:6666 could not be set up: timeout",
		},
		"PrivateLink has not settled": {
			breaks: func(l *lab) { l.SettlePrivateLink("lab", time.Hour) }, mends: func(l *lab) { l.SettlePrivateLink("lab", 0) },
			code: "NPIP_TUNNEL_SETUP_FAILURE", kind: "SERVICE_FAULT", message: "The relay does not know the endpoint.",
		},
		"endpoints swapped": {
			breaks: func(l *lab) { l.SwapEndpoints("laboratory") }, mends: func(l *lab) { l.SwapEndpoints("laboratory") },
			code: "NPIP_TUNNEL_SETUP_FAILURE", kind: "SERVICE_FAULT", message: "The relay does not know the endpoint.",
		},
		"no STS": {
			breaks: func(l *lab) { l.deleteEndpoint("sts") },
			code:   "STS_CLIENT_SETUP_FAILURE", kind: "CLIENT_ERROR", message: "sts.ap-northeast-1.amazonaws.com:443: timeout",
		},
		"a profile that is gone": {
			breaks: func(l *lab) { delete(l.cloud.profiles, glueProfile) },
			code:   "AWS_INSTANCE_PROFILE_UPDATE_FAILURE", kind: "CLIENT_ERROR", message: glueProfile,
		},
		"a role that may not be passed": {
			breaks: func(l *lab) { editing(l.cloud.roles, testRole, func(r *Role) { r.Policies = r.Policies[:1] }) },
			code:   "AWS_AUTHORIZATION_FAILURE", kind: "CLIENT_ERROR", message: "iam:PassRole on " + glueRole,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			l.done(l.api.InstanceProfiles.Add(t.Context(), compute.AddInstanceProfile{InstanceProfileArn: glueProfile}))
			l.done(l.api.Warehouses.SetWorkspaceWarehouseConfig(t.Context(), sql.SetWorkspaceWarehouseConfigRequest{
				SecurityPolicy: sql.SetWorkspaceWarehouseConfigRequestSecurityPolicyNone, InstanceProfileArn: glueProfile,
			}))
			test.breaks(l)
			in := singleNode("small")
			in.AwsAttributes = &compute.AwsAttributes{InstanceProfileArn: glueProfile}
			id := l.create(in)
			warehouse := ok(l.api.Warehouses.Create(t.Context(), smallest("small")))(t).Response.Id
			l.sleep(9 * time.Minute)
			if test.code == "" {
				l.clusterIs(id, compute.StateRunning)
				l.warehouseIs(warehouse, sql.StateRunning)
				return
			}
			c, w := l.clusterIs(id, compute.StateTerminated), l.warehouseIs(warehouse, sql.StateStopped)
			if r := c.TerminationReason; string(r.Code) != test.code || string(r.Type) != test.kind || !strings.Contains(c.StateMessage, test.message) {
				t.Errorf("the cluster ended by %+v: %s", r, c.StateMessage)
			}
			if r := w.Health.FailureReason; w.Health.Status != sql.StatusFailed || string(r.Code) != test.code || string(r.Type) != test.kind || !strings.Contains(w.Health.Summary, test.message) {
				t.Errorf("the warehouse ended by %+v: %s", r, w.Health.Summary)
			}
			if test.mends == nil {
				return
			}
			test.mends(l)
			ok(l.api.Clusters.Start(t.Context(), compute.StartCluster{ClusterId: id}))(t)
			ok(l.api.Warehouses.Start(t.Context(), sql.StartRequest{Id: warehouse}))(t)
			l.sleep(9 * time.Minute)
			l.clusterIs(id, compute.StateRunning)
			l.warehouseIs(warehouse, sql.StateRunning)
		})
	}
}

func (l *lab) dns(on bool) {
	l.t.Helper()
	ok(l.ec2.ModifyVpcAttribute(l.t.Context(), &awsec2.ModifyVpcAttributeInput{
		VpcId: &l.vpc, EnableDnsSupport: &types.AttributeBooleanValue{Value: &on},
	}))(l.t)
}

// TestCommands takes execution contexts and commands through their states.
func TestCommands(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	create := func(cluster string, language compute.Language) (string, error) {
		made, err := l.api.CommandExecution.Create(t.Context(), compute.CreateContext{ClusterId: cluster, Language: language})
		if err != nil {
			return "", err
		}
		return made.Response.Id, nil
	}
	contextIs := func(cluster, context string) (compute.ContextStatus, error) {
		got, err := l.api.CommandExecution.ContextStatus(t.Context(), compute.ContextStatusRequest{ClusterId: cluster, ContextId: context})
		if err != nil {
			return "", err
		}
		return got.Status, nil
	}
	id := l.create(singleNode("small"))
	_, err := create(id, compute.LanguagePython)
	equal(t, failure{400, "INVALID_STATE", "ClusterNotReadyException: Cluster " + id + " is in state PENDING."}, failureOf(t, err))
	l.sleep(l.clusterStart("small", 1))
	_, err = create("none", compute.LanguagePython)
	equal(t, failure{400, "INVALID_PARAMETER_VALUE", "Cluster none does not exist"}, failureOf(t, err))
	_, err = create(id, compute.LanguageScala)
	equal(t, failure{501, "NOT_IMPLEMENTED", "a context of language scala is not emulated"}, failureOf(t, err))

	context := ok(create(id, compute.LanguagePython))(t)
	equal(t, compute.ContextStatusPending, ok(contextIs(id, context))(t))
	_, err = l.execute(id, context)
	equal(t, failure{400, "INVALID_STATE", "ContextNotReady: Context " + context + " is Pending."}, failureOf(t, err))
	l.sleep(l.delays.Draw(latency.ContextStart, "small/0"))
	equal(t, compute.ContextStatusRunning, ok(contextIs(id, context))(t))
	_, err = contextIs(id, "none")
	equal(t, failure{404, "RESOURCE_DOES_NOT_EXIST", "Context none does not exist"}, failureOf(t, err))

	_, err = l.api.CommandExecution.Execute(t.Context(), compute.Command{ClusterId: id, ContextId: context, Language: compute.LanguagePython, Command: "print(1)"})
	equal(t, failure{501, "NOT_IMPLEMENTED", "a command other than the probe is not emulated"}, failureOf(t, err))
	_, err = l.execute(id, "none")
	equal(t, failure{404, "RESOURCE_DOES_NOT_EXIST", "Context none does not exist"}, failureOf(t, err))

	// A context runs one command at a time, each for as long as its slowest
	// attempt takes.
	slow := probe.Attempt{ID: "a", Kind: probe.Connect, Host: "10.0.200.1", Port: 443, Seconds: 30}
	first, second := ok(l.execute(id, context, slow))(t), ok(l.execute(id, context, slow))(t)
	for _, step := range []struct {
		after         time.Duration
		first, second compute.CommandStatus
	}{
		{29 * time.Second, compute.CommandStatusRunning, compute.CommandStatusRunning},
		{11 * time.Second, compute.CommandStatusFinished, compute.CommandStatusRunning},
		{30 * time.Second, compute.CommandStatusFinished, compute.CommandStatusFinished},
	} {
		l.sleep(step.after)
		equal(t, []compute.CommandStatus{step.first, step.second},
			[]compute.CommandStatus{ok(l.command(id, context, first))(t).Status, ok(l.command(id, context, second))(t).Status})
	}
	_, err = l.command(id, context, "none")
	equal(t, failure{404, "RESOURCE_DOES_NOT_EXIST", "Command none does not exist"}, failureOf(t, err))

	other := l.context(id)
	_, err = l.command(id, other, first)
	equal(t, failure{404, "RESOURCE_DOES_NOT_EXIST", "Command " + first + " does not exist"}, failureOf(t, err))
	destroy := compute.DestroyContext{ClusterId: id, ContextId: context}
	l.done(l.api.CommandExecution.Destroy(t.Context(), destroy))
	equal(t, failure{404, "RESOURCE_DOES_NOT_EXIST", "Context " + context + " does not exist"}, failureOf(t, l.api.CommandExecution.Destroy(t.Context(), destroy)))
	_, err = l.command(id, context, first)
	equal(t, failure{404, "RESOURCE_DOES_NOT_EXIST", "Context " + context + " does not exist"}, failureOf(t, err))
	// Ids are not used again.
	if third := ok(create(id, compute.LanguagePython))(t); third == context || third == other {
		t.Errorf("%s is the id of a second context", third)
	}
	equal(t, compute.ContextStatusRunning, ok(contextIs(id, other))(t))

	// With the cluster its contexts end.
	l.done(l.stop(id))
	_, err = contextIs(id, other)
	equal(t, failure{400, "INVALID_STATE", "ClusterNotReadyException: Cluster " + id + " is in state TERMINATED."}, failureOf(t, err))
	ok(l.api.Clusters.Start(t.Context(), compute.StartCluster{ClusterId: id}))(t)
	l.sleep(l.clusterStart("small", 2))
	_, err = contextIs(id, other)
	equal(t, failure{404, "RESOURCE_DOES_NOT_EXIST", "Context " + other + " does not exist"}, failureOf(t, err))
}

// What the probe finds is what the network is when the command begins.
func TestAttempts(t *testing.T) {
	t.Parallel()
	l := newLab(t)
	in := singleNode("small")
	in.SparkConf["a.setting"] = "1"
	in.AutoterminationMinutes = 0
	id := l.cluster(in)
	context := l.context(id)
	host := ok(l.client.Workspaces.GetByWorkspaceId(t.Context(), l.id))(t).DeploymentName + ".cloud.databricks.com"
	for name, test := range map[string]struct {
		attempt probe.Attempt
		want    probe.Result
	}{
		"a name of an endpoint": {probe.Attempt{Kind: probe.Resolve, Host: host}, probe.Result{Outcome: probe.Resolved}},
		"a port that is open":   {probe.Attempt{Kind: probe.Connect, Host: host, Port: 443, Seconds: 3}, probe.Result{Outcome: probe.Connected}},
		"TLS":                   {probe.Attempt{Kind: probe.TLS, Host: host, Port: 443, Seconds: 3}, probe.Result{Outcome: probe.Connected}},
		"a port that is closed": {probe.Attempt{Kind: probe.Connect, Host: host, Port: 8443, Seconds: 3}, probe.Result{Outcome: probe.Refused, Error: "[Errno 111] Connection refused"}},
		"no way":                {probe.Attempt{Kind: probe.TLS, Host: "pypi.org", Port: 443, Seconds: 3}, probe.Result{Outcome: probe.Timeout, Error: "timed out"}},
		"IPv6":                  {probe.Attempt{Kind: probe.TLS, Host: "2606:4700:4700::1111", Port: 443, Seconds: 3}, probe.Result{Outcome: probe.Unreachable, Error: "[Errno 101] Network is unreachable"}},
		"DNS elsewhere":         {probe.Attempt{Kind: probe.DNS, Host: "8.8.8.8", Port: 53, Seconds: 3}, probe.Result{Outcome: probe.Timeout, Error: "timed out"}},
		"DNS elsewhere, by TCP": {probe.Attempt{Kind: probe.DNSOverTCP, Host: "8.8.8.8", Port: 53, Seconds: 3}, probe.Result{Outcome: probe.Timeout, Error: "timed out"}},
		"a public bucket":       {probe.Attempt{Kind: probe.Get, URL: "https://amazon-ssm-ap-northeast-1.s3.ap-northeast-1.amazonaws.com/latest/VERSION", Seconds: 3}, probe.Result{Outcome: probe.Answered, Status: 200}},
		"a bucket of one's own": {probe.Attempt{Kind: probe.Get, URL: "https://root-bucket.s3.ap-northeast-1.amazonaws.com/x", Seconds: 3}, probe.Result{Outcome: probe.Answered, Status: 403}},
		"a page elsewhere":      {probe.Attempt{Kind: probe.Get, URL: "https://example.com/", Seconds: 3}, probe.Result{Outcome: probe.Timeout, Error: "timed out"}},
		"a setting":             {probe.Attempt{Kind: probe.Conf, Key: "a.setting"}, probe.Result{Outcome: probe.Answered, Values: []string{"1"}}},
		"no setting":            {probe.Attempt{Kind: probe.Conf, Key: "b.setting"}, probe.Result{Outcome: probe.Answered}},
		"another kind":          {probe.Attempt{Kind: "ping"}, probe.Result{Outcome: probe.Failed, Error: "KeyError: 'ping'"}},
	} {
		got := l.probed(id, context, test.attempt)
		got.ID, got.Addresses, got.Milliseconds = "", nil, 0
		t.Run(name, func(t *testing.T) { equal(t, test.want, got) })
	}
	l.dns(false)
	for _, kind := range []string{probe.Resolve, probe.Connect, probe.Get} {
		got := l.probed(id, context, probe.Attempt{Kind: kind, Host: host, URL: "https://" + host})
		equal(t, probe.Unresolved, got.Outcome)
	}
}

// What Spark and SQL list depends on the metastore, and on the way there.
func TestDatabases(t *testing.T) {
	t.Parallel()
	const metastore = "1b9f6f0e-52c7-4d0b-8a3e-7c44d2e9a561"
	hive := hiveHost(testRegion)
	const glueHost = "glue.ap-northeast-1.amazonaws.com"
	for name, test := range map[string]struct {
		glue    bool
		change  func(*lab)
		names   []string
		failure string
	}{
		"the Hive metastore of Databricks": {failure: "MetaException: Could not connect to " + hive + ":3306: timeout"},
		"Glue":                             {glue: true, names: []string{"sales", "default"}},
		"Glue, with its default":           {glue: true, change: func(l *lab) { l.cloud.databases = []string{"default"} }, names: []string{"default"}},
		"Glue without an endpoint": {
			glue: true, change: func(l *lab) { l.deleteEndpoint("glue") },
			failure: "SdkClientException: Unable to execute HTTP request: Connect to " + glueHost + ":443 failed: timeout",
		},
		"Glue without DNS": {
			glue: true, change: func(l *lab) { l.dns(false) },
			failure: "SdkClientException: Unable to execute HTTP request: Connect to " + glueHost + ":443 failed: unresolved",
		},
		"Glue without a profile": {
			glue: true, change: func(l *lab) { delete(l.cloud.profiles, glueProfile) },
			failure: "SdkClientException: Unable to load AWS credentials: there is no instance profile",
		},
		"Glue without permission": {
			glue: true, change: func(l *lab) { editing(l.cloud.roles, glueRole, func(r *Role) { r.Policies = nil }) },
			failure: "AccessDeniedException: " + glueRole + " is not authorized to perform: glue:GetDatabases",
		},
		"Glue closed by a policy": {
			glue: true, change: func(l *lab) {
				l.policy("glue", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"glue:GetTable","Resource":"*"}]}`)
			},
			failure: "AccessDeniedException: " + glueRole + " is not authorized to perform: glue:GetDatabases because no VPC endpoint policy allows the action",
		},
		"legacy access disabled": {
			glue: true, change: func(l *lab) { l.DisableLegacyAccess("lab") },
			failure: "UnauthorizedAccessException: legacy access is disabled: the Hive metastore and Glue cannot be used",
		},
		"Unity Catalog": {
			change: func(l *lab) {
				l.AddMetastore(metastore, testRegion)
				ok(l.client.MetastoreAssignments.Create(l.t.Context(), catalog.AccountsCreateMetastoreAssignment{
					WorkspaceId: l.id, MetastoreId: metastore,
				}))(l.t)
			},
			names: []string{"default", "information_schema"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t)
			in, set := singleNode("small"), sql.SetWorkspaceWarehouseConfigRequest{SecurityPolicy: sql.SetWorkspaceWarehouseConfigRequestSecurityPolicyNone}
			if test.glue {
				l.done(l.api.InstanceProfiles.Add(t.Context(), compute.AddInstanceProfile{InstanceProfileArn: glueProfile}))
				in.SparkConf[glueConf], in.AwsAttributes = "true", &compute.AwsAttributes{InstanceProfileArn: glueProfile}
				set.DataAccessConfig, set.InstanceProfileArn = []sql.EndpointConfPair{{Key: glueConf, Value: "true"}}, glueProfile
			}
			l.done(l.api.Warehouses.SetWorkspaceWarehouseConfig(t.Context(), set))
			id, warehouse := l.cluster(in), l.warehouse(smallest("small"))
			context := l.context(id)
			if test.change != nil {
				test.change(l)
			}
			got := l.probed(id, context, probe.Attempt{Kind: probe.Databases})
			got.ID, got.Milliseconds = "", 0
			want := probe.Result{Outcome: probe.Answered, Values: test.names}
			if test.failure != "" {
				want = probe.Result{Outcome: probe.Failed, Error: test.failure}
			}
			equal(t, want, got)

			x := ok(l.statement(warehouse, "show databases;"))(t)
			equal(t, sql.StatementStateRunning, x.Status.State)
			l.sleep(time.Minute)
			x = ok(l.api.StatementExecution.GetStatementByStatementId(t.Context(), x.StatementId))(t)
			if test.failure != "" {
				equal(t, sql.StatementStateFailed, x.Status.State)
				equal(t, test.failure, x.Status.Error.Message)
				return
			}
			equal(t, sql.StatementStateSucceeded, x.Status.State)
			var names []string
			for _, row := range x.Result.DataArray {
				names = append(names, row...)
			}
			equal(t, test.names, names)
		})
	}
}
