// Package emulator runs the whole stack on this machine: AWS and Databricks
// over loopback HTTP, with the same definition, rules, functions and handlers
// that are deployed, on a clock that is virtual or runs faster than the wall.
//
// It stands in for services that cannot run here. Real clients can use it: the
// AWS CLI, the SDKs, the Databricks clients.
package emulator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"lakegate/lambda/internal/emulator/chat"
	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/codecommit"
	"lakegate/lambda/internal/emulator/databricks"
	"lakegate/lambda/internal/emulator/eventbridge"
	"lakegate/lambda/internal/emulator/iam"
	"lakegate/lambda/internal/emulator/lambdaservice"
	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/logs"
	"lakegate/lambda/internal/emulator/metrics"
	"lakegate/lambda/internal/emulator/network"
	"lakegate/lambda/internal/emulator/s3"
	"lakegate/lambda/internal/emulator/scheduler"
	"lakegate/lambda/internal/emulator/secretsmanager"
	"lakegate/lambda/internal/emulator/sns"
	"lakegate/lambda/internal/emulator/sqs"
	"lakegate/lambda/internal/emulator/stepfunctions"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/handler"
	"lakegate/lambda/internal/report/catalogue"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// Config is how a world is made. Its zero value is one on a virtual clock, on
// ports that are free, for the accounts of the examples.
type Config struct {
	// Seed of everything that is drawn.
	Seed uint64
	// Speed of the clock; 0 means virtual.
	Speed float64
	// Start of time; zero means a fixed day.
	Start time.Time
	// Region of the stack; empty means ap-northeast-1.
	Region string
	// AWSAccount of the stack and DatabricksAccount; empty means those of the
	// examples.
	AWSAccount, DatabricksAccount string
	// Accounts are the ids of further AWS accounts. Access keys that end in @ and
	// one of them are of its own people.
	Accounts []string
	// TargetRoles are the roles that the stack allows its functions to assume.
	TargetRoles []string
	// AWSPort and DatabricksPort on loopback; 0 means any that is free.
	AWSPort, DatabricksPort int
	// Functions says where the functions run that call workspaces; nil means
	// outside of any VPC.
	Functions *Placement
	// Slots and EndpointsPerSecond are what an operator sets; 0 means the defaults
	// of the plan, and a negative number that there is no bound.
	Slots              int
	EndpointsPerSecond float64
	// Limits of the services that are enforced; nil means none.
	Limits []wire.Limit
	// Chat are the products of chat that the stack tells, of plan.Products.
	Chat []string
	// Many is a world of very many workspaces: quotas of objects have been raised,
	// neither the calls nor the data that flows are kept, and events are taken
	// unread.
	Many bool
	// Logs keeps what functions write, in CloudWatch Logs and as metrics; Many keeps
	// none.
	Logs bool
	// Manual leaves rules and schedules out: nothing is started by itself.
	Manual bool
}

// The accounts of the examples.
const (
	ExampleAWSAccount        = "123456789012"
	ExampleDatabricksAccount = "8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34"
)

// World is a running stack and everything around it.
type World struct {
	Config Config
	Clock  *clock.Clock
	Hub    *wire.Hub
	Delays *latency.Source

	// Account is that of the stack, the first of Accounts.
	*Account
	Accounts []*Account
	STS      *iam.STS

	Secrets    *secretsmanager.Service
	Events     *eventbridge.Service
	Schedules  *scheduler.Service
	Queues     *sqs.Service
	Logs       *logs.Service
	Metrics    *metrics.Store
	Functions  *lambdaservice.Service
	Executions *stepfunctions.Service
	Databricks *databricks.Server
	Network    *network.Network
	Topics     *sns.Service
	// Chat stands in for Slack, Microsoft Teams, Amazon Q and a webhook.
	Chat *chat.Server

	// Repositories are those of CodeCommit.
	Repositories *codecommit.Service

	// AWSURL and DatabricksURL are the addresses of the endpoints.
	AWSURL, DatabricksURL, ChatURL string
	// SourceBucket and StateBucket are the buckets of the stack, and
	// SourceRepository its git repository, of which the branch main is watched.
	SourceBucket, StateBucket string
	SourceRepository          string

	// invalid says what was wrong with events that are not as the catalogue
	// describes them.
	invalid []error
	servers []*http.Server
	hasten  int

	mu        sync.Mutex
	firewalls map[string]network.Firewall
}

const (
	sourceBucket = "lakegate-specs"
	stateBucket  = "lakegate-state"
	// The repository and the branch are those that the CDK app chooses.
	sourceRepository = "lakegate-specs"
	sourceBranch     = "main"
	secretName       = "lakegate/databricks"
	chatTopic        = "lakegate-chat"
	slackToken       = "xoxb-emulated-token-of-the-bot"
	webhookKey       = "whsec_ZW11bGF0ZWQta2V5LW9mLXRoZS13ZWJob29rLjMyYg=="
	clientID         = "b1f1e0a2-1c53-4b1e-8d3c-6a7d5e9f4c21"
	clientSecret     = "emulated-secret-of-the-service-principal"
	// databricksAWSAccount owns the endpoint services of the control plane.
	databricksAWSAccount = "414351767826"
)

// exampleDatabases are in the Glue Data Catalog of every region.
var exampleDatabases = []string{"finance", "sales", "web_logs"}

// Start makes a world and serves it. The caller closes it.
func Start(cfg Config) (*World, error) {
	if cfg.Start.IsZero() {
		cfg.Start = time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)
	}
	cfg.Region = orElse(cfg.Region, "ap-northeast-1")
	cfg.AWSAccount = orElse(cfg.AWSAccount, ExampleAWSAccount)
	cfg.DatabricksAccount = orElse(cfg.DatabricksAccount, ExampleDatabricksAccount)
	c := clock.NewVirtual(cfg.Start)
	if cfg.Speed > 0 {
		c = clock.NewScaled(cfg.Start, cfg.Speed)
	}
	w := &World{
		Config: cfg, Clock: c, Hub: wire.NewHub(c), Delays: latency.NewSource(cfg.Seed),
		SourceBucket: sourceBucket, StateBucket: stateBucket, SourceRepository: sourceRepository, firewalls: map[string]network.Firewall{},
	}
	w.Hub.Lean = cfg.Many
	w.Hub.Enforce(cfg.Limits)
	w.makeAWS()
	w.makeDatabricks()
	w.Hub.Reach = w.reach
	if err := w.serve(); err != nil {
		w.Close()
		return nil, err
	}
	if err := w.deploy(); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// makeAWS makes the services, and what exists before the stack: the endpoint
// services of Databricks and the secret.
func (w *World) makeAWS() {
	account, region := w.Config.AWSAccount, w.Config.Region
	names := &s3.Names{}
	w.Account = w.newAccount(account, names, func(e s3.ObjectEvent) {
		source, detailType, resources, detail, region := e.Entry()
		w.Events.Emit(eventbridge.Event{
			Source: source, DetailType: detailType, Resources: resources, Detail: detail, Region: region, Time: e.Time,
		})
	})
	w.Accounts = []*Account{w.Account}
	var others []*iam.Service
	for _, id := range w.Config.Accounts {
		other := w.newAccount(id, names, nil)
		w.Accounts, others = append(w.Accounts, other), append(others, other.IAM)
	}
	w.STS = iam.NewSTS(w.IAM, others...)
	w.STS.RoleOf, w.STS.May = w.roleOf, w.mayAssume
	w.Secrets = secretsmanager.New(w.Hub, account)
	w.Functions = lambdaservice.New(w.Hub, account, region)
	w.Queues = sqs.New(w.Hub, account)
	w.Logs, w.Metrics = logs.New(w.Hub, account), &metrics.Store{}
	if w.Config.Logs && !w.Config.Many {
		w.Functions.Log = func(function, stream, line string) {
			w.Logs.Write(region, plan.LogGroupPrefix+function, stream, line)
			w.Metrics.Take(line)
		}
	}
	w.Events = eventbridge.New(w.Hub, w.Delays, account, eventbridge.Targets{
		Queues: w.Queues, Groups: w.Logs, Others: map[string]eventbridge.Deliver{"lambda": w.invoke},
	})
	w.Chat = chat.New(w.Clock, slackToken, webhookKey)
	w.Topics = sns.New(w.Hub, account, func(_ string, m sns.Message) { w.Chat.Notify(m.Body) })
	w.Schedules = scheduler.New(w.Hub, account, w.Queues, map[string]scheduler.Deliver{"lambda": w.invoke}, w.Config.Speed > 0)
	w.Executions = stepfunctions.New(w.Hub, w.Delays, account, w.Functions, func(s stepfunctions.StatusChange) {
		w.Events.Emit(eventbridge.Event{
			Source: "aws.states", DetailType: "Step Functions Execution Status Change",
			Resources: []string{s.ARN}, Detail: s.Detail, Region: s.Region, Time: s.Time,
		})
	})
	if w.Config.Many {
		w.Executions.Lean = true
		w.EC2.LimitVPCs(math.MaxInt)
		w.IAM.LimitRoles(math.MaxInt)
	}
	w.Repositories = codecommit.New(w.Hub, account, func(e codecommit.Event) {
		w.Events.Emit(eventbridge.Event{
			Source: "aws.codecommit", DetailType: e.DetailType, Resources: []string{e.ARN}, Detail: e.Detail, Region: e.Region, Time: e.Time,
		})
	})
	secret, err := json.Marshal(map[string]string{"client_id": clientID, "client_secret": clientSecret})
	if err != nil {
		panic(err)
	}
	w.Secrets.Put(region, secretName, string(secret))
}

// inspect holds what Lakegate says against the catalogue of its events.
func (w *World) inspect(source, detailType string, detail []byte) error {
	if source != plan.EventSource {
		return nil
	}
	err := catalogue.Check(detailType, detail)
	if err != nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.invalid = append(w.invalid, err)
	}
	return err
}

// Invalid says what was wrong with events that were refused, as they are not what
// the catalogue describes.
func (w *World) Invalid() []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.invalid)
}

// invoke hands an event to a function.
func (w *World) invoke(ctx context.Context, function string, payload []byte) error {
	if _, failed := w.Functions.Invoke(ctx, function, payload); failed != nil {
		return fmt.Errorf("%s: %s", failed.Error, failed.Cause)
	}
	return nil
}

func (w *World) makeDatabricks() {
	services := map[string]databricks.EndpointServices{}
	for _, name := range spec.RegionNames() {
		r, _ := spec.LookupRegion(name)
		services[name] = databricks.EndpointServices{Workspace: r.WorkspaceServices[0], Relay: r.RelayService}
	}
	w.Network = network.New(network.World{
		EC2: everyEC2{w}, Zones: w.zones, Ports: portsOf(services), Firewall: w.firewall,
		Alias: func(host string) (string, bool) {
			// It may be asked only while Databricks serves a call, as for such hosts.
			if !strings.HasSuffix(host, ".cloud.databricks.com") {
				return "", false
			}
			return w.Databricks.Alias(host)
		},
	})
	var quotas databricks.Quotas
	if w.Config.Many {
		quotas = databricks.Quotas{Credentials: -1, StorageConfigurations: -1, VPCEndpoints: -1, PrivateAccessSettings: -1, CustomerManagedKeys: -1}
	}
	w.Databricks = databricks.New(w.Hub, w.Delays, databricks.Config{
		AccountID: w.Config.DatabricksAccount,
		Clients:   map[string]string{clientID: clientSecret},
		Quotas:    quotas,
		AWS:       awsView{w}, Network: w.Network, Services: services, Machine: w.machine,
	})
}

// zones are the private hosted zones as the network sees them.
func (w *World) zones() []network.Zone {
	var out []network.Zone
	for _, a := range w.Accounts {
		for _, z := range a.Zones.Zones() {
			if !z.Private {
				continue
			}
			zone := network.Zone{Name: strings.TrimSuffix(z.Name, ".")}
			for _, v := range z.VPCs {
				zone.VPCs = append(zone.VPCs, network.VPC{Region: v.Region, ID: v.ID})
			}
			for _, r := range z.Records {
				zone.Records = append(zone.Records, network.Record{Name: r.Name, Type: r.Type, Values: r.Values, Alias: r.AliasDNSName})
			}
			out = append(out, zone)
		}
	}
	return out
}

// portsOf returns which ports an endpoint service listens on: the workspace
// service those of its APIs, the relay its own, AWS services HTTPS.
func portsOf(services map[string]databricks.EndpointServices) func(string) []int {
	ports := map[string][]int{}
	for _, s := range services {
		ports[s.Workspace] = []int{443, 8443, 8444, 8445, 8446, 8447, 8448, 8449, 8450, 8451}
		ports[s.Relay] = []int{6666}
	}
	return func(service string) []int {
		if p, ok := ports[service]; ok {
			return p
		}
		return []int{443}
	}
}

// Firewall puts a firewall behind the target of a route.
func (w *World) Firewall(target string, f network.Firewall) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.firewalls[target] = f
}

func (w *World) firewall(target string) (network.Firewall, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	f, ok := w.firewalls[target]
	return f, ok
}

// serve opens both endpoints.
func (w *World) serve() error {
	router := wire.NewRouter(w.Hub)
	router.Identify, router.Refuse = w.STS.Identify, w.STS.Refusal
	router.Serve(w.STS.Wire())
	for _, s := range []*wire.Service{
		w.Secrets.Wire(), w.Events.Wire(), w.Schedules.Wire(), w.Queues.Wire(), w.Logs.Wire(), w.Functions.Wire(), w.Executions.Wire(),
		w.Topics.Wire(), w.Repositories.Wire(),
	} {
		router.ServeIn(w.ID, s)
	}
	for _, a := range w.Accounts {
		for _, s := range a.services() {
			router.ServeIn(a.ID, s)
		}
	}
	// A bucket's name has three characters or more, so git's path is no object's.
	both := http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, codecommit.GitPath) {
			w.Repositories.ServeHTTP(rw, r)
			return
		}
		router.ServeHTTP(rw, r)
	})
	var err error
	if w.AWSURL, err = w.listen(w.Config.AWSPort, both); err != nil {
		return fmt.Errorf("serving AWS: %w", err)
	}
	if w.DatabricksURL, err = w.listen(w.Config.DatabricksPort, w.Databricks); err != nil {
		return fmt.Errorf("serving Databricks: %w", err)
	}
	if len(w.Config.Chat) > 0 {
		if w.ChatURL, err = w.listen(0, w.Chat); err != nil {
			return fmt.Errorf("serving chat: %w", err)
		}
	}
	return nil
}

func (w *World) listen(port int, h http.Handler) (string, error) {
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)) //nolint:noctx // a listener for the life of the world
	if err != nil {
		return "", err
	}
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	w.servers = append(w.servers, server)
	go func() { _ = server.Serve(l) }()
	return "http://" + l.Addr().String(), nil
}

// CloneURL is the address of a repository for git, with credentials of the
// author.
func (w *World) CloneURL(repository string) string {
	return (&url.URL{
		Scheme: "http", User: url.UserPassword("author", "emulated"), Host: strings.TrimPrefix(w.AWSURL, "http://"),
		Path: codecommit.GitPath + repository,
	}).String()
}

// Close ends the servers and removes the repositories.
func (w *World) Close() {
	for _, s := range w.servers {
		_ = s.Close()
	}
	_ = w.Repositories.Close()
}

// deploy makes what the CDK app deploys, from the same sources.
func (w *World) deploy() error {
	w.S3.Add(s3.Bucket{Name: sourceBucket, Region: w.Config.Region, Versioning: "Enabled", EventBridge: true})
	w.S3.Add(s3.Bucket{Name: stateBucket, Region: w.Config.Region, Versioning: "Enabled"})
	w.Repositories.Add(w.Config.Region, sourceRepository)
	w.Events.AddBus(w.Config.Region, plan.EventBusName)
	if !w.Config.Many {
		if err := w.Events.AddArchive(w.Config.Region, plan.ArchiveName, plan.EventBusName, plan.ArchiveDays); err != nil {
			return err
		}
		w.Events.Inspect(w.inspect)
	}
	w.Queues.Add(w.Config.Region, plan.DeadLetterQueueName)
	if err := w.openChannels(); err != nil {
		return err
	}
	for _, s := range plan.Steps() {
		if err := w.register(s.Name, s.Timeout); err != nil {
			return err
		}
	}
	for _, f := range plan.Functions() {
		if err := w.register(f.Name, f.Timeout); err != nil {
			return err
		}
	}
	for _, m := range plan.Machines() {
		if err := w.Executions.Add(w.Config.Region, m.Name, []byte(w.definition(m))); err != nil {
			return err
		}
	}
	if w.Config.Manual {
		return nil
	}
	for _, r := range plan.Rules() {
		if r.Product != "" && !slices.Contains(w.Config.Chat, r.Product) {
			continue
		}
		if err := w.Events.AddRule(w.Config.Region, eventbridge.Rule{
			Name: plan.FunctionPrefix + r.Name, Bus: cmp.Or(r.Bus, "default"), Pattern: w.substitute(r.Pattern), Description: r.Doc,
			TargetARN: w.Functions.ARN(plan.FunctionPrefix + r.Target), MaxAttempts: r.MaxAttempts, MaxAge: r.MaxAge,
			DeadLetterARN: w.Queues.ARN(w.Config.Region, plan.DeadLetterQueueName),
		}); err != nil {
			return err
		}
	}
	for _, x := range plan.Schedules() {
		if err := w.Schedules.Add(w.Config.Region, scheduler.Schedule{
			Name: plan.FunctionPrefix + x.Name, Description: x.Doc, Expression: x.Expression, Window: x.Window, Input: x.Input,
			TargetARN:   w.Functions.ARN(plan.FunctionPrefix + x.Target),
			RoleARN:     "arn:aws:iam::" + w.Config.AWSAccount + ":role/" + plan.FunctionPrefix + x.Name + "-schedule",
			MaxAttempts: x.MaxAttempts, MaxAge: x.MaxAge, DeadLetterARN: w.Queues.ARN(w.Config.Region, plan.DeadLetterQueueName),
		}); err != nil {
			return err
		}
	}
	return nil
}

// Definition is the definition of the state machine that makes workspaces, with
// the functions of this world.
func (w *World) Definition() string { return w.definition(plan.Machines()[0]) }

func (w *World) definition(m plan.Machine) string { return w.substitute(string(m.Definition())) }

// HastenWaits shortens the pauses that steps propose, for an interpreter that
// waits by the wall and not by the clock.
func (w *World) HastenWaits(times int) { w.hasten = times }

// substitute puts this world's names in the place of the plan's placeholders.
func (w *World) substitute(text string) string {
	pairs := []string{
		plan.Partition, "aws", plan.Account, w.Config.AWSAccount, plan.Region, w.Config.Region,
		plan.SourceRepository, sourceRepository, plan.SourceBranch, sourceBranch,
		plan.SourceBucket, sourceBucket, plan.StateBucket, stateBucket,
	}
	for _, m := range plan.Machines() {
		pairs = append(pairs, m.Placeholder, w.machineARN(m.Name))
	}
	for _, s := range plan.Steps() {
		pairs = append(pairs, "${"+s.Name+"}", w.Functions.ARN(plan.FunctionPrefix+s.Name))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// register makes the function of a name from the handler that is deployed. Its
// access key is its name, so that the log of calls tells who called.
func (w *World) register(name string, timeout time.Duration) error {
	h, err := handler.New(name, handler.Config{
		AWS: aws.Config{
			Region: w.Config.Region, BaseEndpoint: aws.String(w.AWSURL),
			Credentials: credentials.NewStaticCredentialsProvider(name, "emulated", ""),
			HTTPClient:  &http.Client{Transport: Guard{}},
		},
		StateBucket: stateBucket, EventBus: plan.EventBusName, DatabricksSecret: secretName,
		StateMachine: w.StateMachineARN(), Retirement: w.RetirementMachineARN(), DatabricksHost: w.DatabricksURL,
		SourceBucket: sourceBucket, SourceRepository: sourceRepository, SourceBranch: sourceBranch,
		DatabricksTransport: Guard{Caller: name}, Now: w.Clock.Now,
		FunctionsVPC: w.functionsVPC(), TargetRoles: w.Config.TargetRoles, Resolve: w.resolver(name),
		Pause: w.Functions.Pause, ChatSecret: secretOf(name), ChatTopic: w.Topics.ARN(w.Config.Region, chatTopic), ChatTransport: Guard{},
		Slots: max(0, cmp.Or(w.Config.Slots, plan.DefaultSlots)), EndpointsPerSecond: max(0, cmp.Or(w.Config.EndpointsPerSecond, plan.DefaultEndpointsPerSecond)),
	})
	if err != nil {
		return err
	}
	environment := map[string]string{plan.EnvStep: name, plan.EnvStateBucket: stateBucket, plan.EnvEventBus: plan.EventBusName}
	w.Functions.Register(plan.FunctionPrefix+name, timeout, environment, func(ctx context.Context, payload []byte) ([]byte, error) {
		// One of these serves one call at a time, and writes all replies into the
		// same bytes.
		out, err := lambda.NewHandler(h).Invoke(ctx, payload)
		if w.hasten > 1 && err == nil {
			out = hasten(out, w.hasten)
		}
		return out, err
	})
	return nil
}

// StateMachineARN is the ARN of the state machine that makes workspaces.
func (w *World) StateMachineARN() string { return w.machineARN(plan.StateMachineName) }

// RetirementMachineARN is the ARN of the state machine that retires them.
func (w *World) RetirementMachineARN() string { return w.machineARN(plan.RetirementMachineName) }

func (w *World) machineARN(name string) string {
	return fmt.Sprintf("arn:aws:states:%s:%s:stateMachine:%s", w.Config.Region, w.Config.AWSAccount, name)
}

// ExecutionARN is the ARN of an execution.
func (w *World) ExecutionARN(name string) string {
	return strings.Replace(w.StateMachineARN(), ":stateMachine:", ":execution:", 1) + ":" + name
}

// Commit puts a spec into the source bucket, as an author does, and returns its
// version.
func (w *World) Commit(path string, text []byte) (version string, err error) {
	// What this leads to must not run before the caller is ready.
	release := w.Clock.Hold()
	defer release()
	o, err := w.S3.Put(sourceBucket, path, text)
	if err != nil {
		return "", fmt.Errorf("putting %s into %s: %w", path, sourceBucket, err)
	}
	return o.VersionID, nil
}

// Remove deletes a spec from the source bucket, as an author does, and returns
// the version of the deletion.
func (w *World) Remove(path string) (version string, err error) {
	release := w.Clock.Hold()
	defer release()
	if version, err = w.S3.Delete(sourceBucket, path); err != nil {
		return "", fmt.Errorf("deleting %s from %s: %w", path, sourceBucket, err)
	}
	return version, nil
}

// Invoke calls the function of a step or function, without a state machine. Its
// error is what the handler returned.
func (w *World) Invoke(ctx context.Context, name string, payload []byte) ([]byte, error) {
	out, failed := w.Functions.Invoke(ctx, plan.FunctionPrefix+name, payload)
	if failed == nil {
		return out, nil
	}
	var cause struct {
		Message string `json:"errorMessage"`
	}
	if err := json.Unmarshal([]byte(failed.Cause), &cause); err != nil {
		return nil, errors.Join(fmt.Errorf("invoking %s: %s: %s", name, failed.Error, failed.Cause), err)
	}
	return nil, messages.InvokeResponse_Error{Type: failed.Error, Message: cause.Message}
}

// Secret is the secret of the service principal, for tests that look for it
// where it must not be.
func (w *World) Secret() string { return clientSecret }

// hasten divides the pause of a result, if it has one.
func hasten(result []byte, times int) []byte {
	var members map[string]json.RawMessage
	var pause int
	if json.Unmarshal(result, &members) != nil || json.Unmarshal(members["pauseSeconds"], &pause) != nil || pause == 0 {
		return result
	}
	members["pauseSeconds"] = json.RawMessage(fmt.Sprint(max(1, pause/times)))
	out, err := json.Marshal(members)
	if err != nil {
		return result
	}
	return out
}
