// Package handler makes the handler of one function from its name: it wires
// the packages together, for the binary as for the emulator.
package handler

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/lease"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/slot"
	"lakegate/lambda/internal/source"
	"lakegate/lambda/internal/step"
	"lakegate/lambda/internal/survey"
	"lakegate/lambda/internal/telemetry"
	"lakegate/lambda/plan"
)

// Config is what a function is told by its environment.
type Config struct {
	// AWS is the SDK's configuration, with the region and the role's credentials.
	AWS aws.Config
	// StateBucket, EventBus, DatabricksSecret and the machines are names and ARNs
	// of the stack.
	StateBucket      string
	EventBus         string
	DatabricksSecret string
	StateMachine     string
	Retirement       string
	// SourceBucket, and SourceBranch of SourceRepository, are where specs are
	// watched; empty where they are not.
	SourceBucket                   string
	SourceRepository, SourceBranch string
	// ChatSecret is the id of the secret that says where to post, and ChatTopic the
	// ARN of the topic to publish to, of a function that tells people.
	ChatSecret, ChatTopic string
	// ChatTransport of requests to products of chat; nil means the default one.
	ChatTransport http.RoundTripper
	// Slots is how many executions may work in one Databricks account at the same
	// time, EndpointsPerSecond how many VPC endpoints may be made in one AWS account
	// and region; 0 means any number.
	Slots              int
	EndpointsPerSecond float64
	// DatabricksHost is the account console; empty means the usual one.
	DatabricksHost string
	// DatabricksTransport of requests to Databricks; nil means the default one.
	DatabricksTransport http.RoundTripper
	// FunctionsVPC is the VPC that the functions which call workspaces run in;
	// empty if they run in none.
	FunctionsVPC string
	// TargetRoles are the roles of other accounts that may be assumed.
	TargetRoles []string
	// Resolve returns the addresses of a host; nil means as this machine does.
	Resolve func(ctx context.Context, host string) ([]string, error)
	// Pause waits within an invocation; nil means by the wall's time.
	Pause func(context.Context, time.Duration) error
	// Now is the time; nil means the wall's.
	Now func() time.Time
}

// Handler serves one kind of invocation. Its errors are those of the edge: see
// package failure.
type Handler func(ctx context.Context, payload json.RawMessage) (any, error)

// surveyName is the name of the function that looks at everything.
const surveyName = "Survey"

// margin is kept of an invocation's time, so that the function ends with an
// error of its own instead of being cut off.
const margin = 3 * time.Second

// New returns the handler of the step or function with this name. An unknown
// name is an error that lists the known ones.
func New(name string, cfg Config) (Handler, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Pause == nil {
		cfg.Pause = pause
	}
	if cfg.Resolve == nil {
		cfg.Resolve = net.DefaultResolver.LookupHost
	}
	clients := awsapi.NewClients(cfg.AWS)
	leases := &lease.Store{Objects: clients.Objects, Bucket: cfg.StateBucket, Now: cfg.Now}
	slots := &slot.Store{Objects: clients.Objects, Bucket: cfg.StateBucket, Slots: cfg.Slots, Now: cfg.Now}
	publisher := &report.Publisher{Events: clients.Events, Bus: cfg.EventBus, Now: cfg.Now, Observe: observe}
	statuses := &report.Statuses{Objects: clients.Objects, Bucket: cfg.StateBucket}
	records := &report.Records{Objects: clients.Objects, Bucket: cfg.StateBucket}
	evidence := &report.Evidence{Objects: clients.Objects, Bucket: cfg.StateBucket}
	git := &source.CodeCommit{Repositories: clients.Repositories}
	starter := source.Starter{Executions: clients.Executions, StateMachine: cfg.StateMachine, Retirement: cfg.Retirement, Pause: cfg.Pause}
	failures := &report.Failures{
		Executions: clients.Executions, Publisher: publisher, Statuses: statuses, Evidence: evidence,
		Release: func(ctx context.Context, workspace, execution string) error {
			return errors.Join(slots.Release(ctx, execution), leases.Release(ctx, workspace, execution))
		},
		Now: cfg.Now,
	}
	switch name {
	case "ReportFailure":
		return edge(name, cfg.Now, func(ctx context.Context, payload []byte) (any, error) { return nil, failures.Report(ctx, payload) }), nil
	case surveyName:
		s := &survey.Survey{
			Places: places(cfg, &source.S3{Objects: clients.Objects}, git), Starter: starter, Executions: clients.Executions,
			Statuses: statuses, Records: records, Failures: failures, Publisher: publisher, Now: cfg.Now,
		}
		return edge(name, cfg.Now, func(ctx context.Context, payload []byte) (any, error) { return s.Run(ctx, payload) }), nil
	}
	if notify := notifier(name, cfg, clients); notify != nil {
		return edge(name, cfg.Now, func(ctx context.Context, payload []byte) (any, error) { return nil, notify(ctx, payload) }), nil
	}
	deps := &step.Deps{
		AWS: clients,
		Databricks: &databricksapi.Accounts{
			Secrets: clients.Secrets, SecretID: cfg.DatabricksSecret,
			Host: cfg.DatabricksHost, Transport: cfg.DatabricksTransport,
		},
		Source: source.Sources{plan.S3: &source.S3{Objects: clients.Objects}, plan.CodeCommit: git},
		Leases: leases, Slots: slots, EndpointsPerSecond: cfg.EndpointsPerSecond, Statuses: statuses, Records: records, Publisher: publisher, Evidence: evidence, Now: cfg.Now,
		FunctionsVPC: cfg.FunctionsVPC, TargetRoles: cfg.TargetRoles, Resolve: cfg.Resolve,
	}
	if name == "Dispatch" {
		d := &source.Dispatcher{
			Starter: starter, S3: &source.S3{Objects: clients.Objects}, CodeCommit: git,
			Renamed: func(ctx context.Context, r source.Rename, execution string) error {
				return deps.ReportRename(ctx, r, report.Subject{
					Workspace: r.To.Workspace, Revision: r.To.Revision, ExecutionARN: execution, ExecutionName: source.ExecutionName(r.To),
				})
			},
		}
		return edge(name, cfg.Now, func(ctx context.Context, payload []byte) (any, error) {
			started, err := d.Dispatch(ctx, payload)
			countDispatched(ctx, started)
			return started, err
		}), nil
	}
	if name == "PlanProposal" {
		return edge(name, cfg.Now, func(ctx context.Context, payload []byte) (any, error) {
			proposal, err := git.Proposals(ctx, payload)
			if err != nil {
				return nil, err
			}
			var plans []*report.Plan
			for _, c := range proposal.Changes {
				p, err := deps.Propose(ctx, c, proposal.Account)
				if err != nil {
					return nil, err
				}
				plans = append(plans, p)
			}
			if proposal.PullRequest == nil || len(plans) == 0 {
				return nil, nil
			}
			return nil, git.Comment(ctx, *proposal.PullRequest, report.Comment(plans, cfg.StateBucket))
		}), nil
	}
	if name == "StopAbandonedCompute" {
		return edge(name, cfg.Now, func(ctx context.Context, payload []byte) (any, error) {
			workspace, execution, err := report.AbandonedBy(payload)
			if err != nil || workspace == "" {
				return nil, err
			}
			telemetry.About(ctx, telemetry.Subject{Workspace: workspace, Execution: source.NameOf(execution)})
			return deps.StopAbandoned(ctx, workspace, execution)
		}), nil
	}
	if _, ok := step.Registry[name]; !ok {
		return nil, fmt.Errorf("%s is %q: it must be one of %s", plan.EnvStep, name, strings.Join(Names(), ", "))
	}
	return edge(name, cfg.Now, func(ctx context.Context, payload []byte) (any, error) { return deps.Run(ctx, name, payload) }), nil
}

// places are where specs are watched.
func places(cfg Config, objects *source.S3, git *source.CodeCommit) []source.Place {
	var all []source.Place
	if cfg.SourceBucket != "" {
		all = append(all, &source.Bucket{S3: objects, Name: cfg.SourceBucket})
	}
	if cfg.SourceRepository != "" {
		all = append(all, &source.Branch{CodeCommit: git, Repository: cfg.SourceRepository, Name: cfg.SourceBranch})
	}
	return all
}

// Names returns the names of all steps and functions, sorted.
func Names() []string {
	names := slices.Collect(maps.Keys(step.Registry))
	for _, f := range plan.Functions() {
		names = append(names, f.Name)
	}
	slices.Sort(names)
	return names
}

// edge keeps the deadline, gives errors the names that Step Functions sees, and
// says how each invocation went.
func edge(name string, now func() time.Time, run func(context.Context, []byte) (any, error)) Handler {
	return func(ctx context.Context, payload json.RawMessage) (any, error) {
		if deadline, ok := ctx.Deadline(); ok {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, deadline.Add(-margin))
			defer cancel()
		}
		ctx, invocation := begin(ctx, name, now)
		out, err := run(ctx, payload)
		if err != nil {
			class := failure.Classify(err).Class
			if plan.Retried(class) {
				slog.WarnContext(ctx, "it will be tried again", "class", class, "error", failure.Message(err))
			} else {
				slog.ErrorContext(ctx, "it failed", "class", class, "error", failure.Message(err))
			}
			countFailed(ctx, name)
			invocation.End(ctx, class)
			return nil, failure.AtEdge(err)
		}
		invocation.End(ctx, "")
		return out, nil
	}
}
