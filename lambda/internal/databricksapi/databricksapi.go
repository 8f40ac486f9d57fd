// Package databricksapi is the part of Databricks that the steps use: the
// account API and the workspace API over databricks-sdk-go, signed in as a service principal whose
// secret is in AWS Secrets Manager.
package databricksapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/databricks/databricks-sdk-go/client"
	"github.com/databricks/databricks-sdk-go/config"
	"github.com/databricks/databricks-sdk-go/httpclient"
	"github.com/databricks/databricks-sdk-go/service/catalog"
	"github.com/databricks/databricks-sdk-go/service/compute"
	"github.com/databricks/databricks-sdk-go/service/iam"
	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/databricks/databricks-sdk-go/service/settings"
	"github.com/databricks/databricks-sdk-go/service/sql"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// DefaultHost is the account console of the AWS commercial partition.
const DefaultHost = "https://accounts.cloud.databricks.com"

// Account is one Databricks account.
type Account struct {
	ID                    string
	Credentials           *provisioning.CredentialsAPI
	Storage               *provisioning.StorageAPI
	VPCEndpoints          *provisioning.VpcEndpointsAPI
	PrivateAccessSettings *provisioning.PrivateAccessAPI
	Networks              *provisioning.NetworksAPI
	Workspaces            *provisioning.WorkspacesAPI
	Keys                  *provisioning.EncryptionKeysAPI
	Metastores            *catalog.AccountMetastoreAssignmentsAPI
}

// Workspace is the API of one workspace.
type Workspace struct {
	// URL under which people find it.
	URL              string
	Users            *iam.CurrentUserAPI
	Clusters         *compute.ClustersAPI
	Commands         *compute.CommandExecutionAPI
	InstancePools    *compute.InstancePoolsAPI
	InstanceProfiles *compute.InstanceProfilesAPI
	Warehouses       *sql.WarehousesAPI
	Statements       *sql.StatementExecutionAPI
	LegacyAccess     *settings.DisableLegacyAccessAPI

	answers func(context.Context) (int, error)
}

// Answers asks for the login page without signing in and returns the status of
// the reply, or an error if none came.
func (w *Workspace) Answers(ctx context.Context) (status int, err error) { return w.answers(ctx) }

// Accounts opens Databricks accounts and keeps them open for the life of the
// process. It is safe for concurrent use.
type Accounts struct {
	// Secrets reads the secret.
	Secrets func() awsapi.Secrets
	// SecretID is the name or ARN of the secret with the service principal.
	SecretID string
	// Host of the account console; empty means DefaultHost.
	Host string
	// Transport of the requests; nil means the default one.
	Transport http.RoundTripper

	mu         sync.Mutex
	open       map[string]*Account
	workspaces map[string]*Workspace
}

// servicePrincipal is the value of the secret.
type servicePrincipal struct {
	ClientID     string `json:"client_id"`
	ClientSecret string `json:"client_secret"`
}

// Account returns the account with this id, signed in as the service principal.
func (a *Accounts) Account(ctx context.Context, id string) (*Account, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if account := a.open[id]; account != nil {
		return account, nil
	}
	principal, err := a.principal(ctx)
	if err != nil {
		return nil, err
	}
	account, err := a.connect(id, principal)
	if err != nil {
		return nil, fmt.Errorf("connecting to Databricks account %s: %w", id, err)
	}
	if a.open == nil {
		a.open = map[string]*Account{}
	}
	a.open[id] = account
	return account, nil
}

// Workspace returns the workspace with this URL and id, signed in as the service
// principal. It talks to the workspace alone, not to the account console.
func (a *Accounts) Workspace(ctx context.Context, accountID, address, id string) (*Workspace, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if w := a.workspaces[address]; w != nil {
		return w, nil
	}
	principal, err := a.principal(ctx)
	if err != nil {
		return nil, err
	}
	cfg := &config.Config{Host: address}
	if a.Host != "" {
		// One host serves the account and all workspaces, which are told apart by
		// a header.
		cfg.Host, cfg.AccountID, cfg.WorkspaceID = a.Host, accountID, id
	}
	c, err := a.client(cfg, principal)
	if err != nil {
		return nil, fmt.Errorf("connecting to workspace %s: %w", address, err)
	}
	w := &Workspace{
		URL:              address,
		Users:            iam.NewCurrentUser(c),
		Clusters:         compute.NewClusters(c),
		Commands:         compute.NewCommandExecution(c),
		InstancePools:    compute.NewInstancePools(c),
		InstanceProfiles: compute.NewInstanceProfiles(c),
		Warehouses:       sql.NewWarehouses(c),
		Statements:       sql.NewStatementExecution(c),
		LegacyAccess:     settings.NewDisableLegacyAccess(c),
		answers:          a.answers(cfg.Host, cfg.WorkspaceID),
	}
	if a.workspaces == nil {
		a.workspaces = map[string]*Workspace{}
	}
	a.workspaces[address] = w
	return w, nil
}

func (a *Accounts) answers(host, workspace string) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, host+"/login.html", http.NoBody)
		if err != nil {
			return 0, err
		}
		if workspace != "" {
			req.Header.Set("X-Databricks-Workspace-Id", workspace)
		}
		// A redirect is an answer, and may lead out of the private network.
		client := &http.Client{
			Transport:     once{a.Transport},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
		resp, err := client.Do(req)
		if err != nil {
			return 0, err
		}
		return resp.StatusCode, resp.Body.Close()
	}
}

func (a *Accounts) principal(ctx context.Context) (*servicePrincipal, error) {
	out, err := a.Secrets().GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: aws.String(a.SecretID)})
	if err != nil {
		err = fmt.Errorf("reading secret %s: %w", a.SecretID, err)
		if failure.IsNotFound(err) {
			return nil, failure.As(plan.ActionRequired, fmt.Sprintf(
				`Create the secret %s in AWS Secrets Manager with {"client_id": "…", "client_secret": "…"} of a service principal that is account admin in Databricks, then redrive the execution.`, a.SecretID), err)
		}
		return nil, err
	}
	var p servicePrincipal
	// The decoder's error may quote the value, so it is left out.
	if json.Unmarshal([]byte(aws.ToString(out.SecretString)), &p) != nil || p.ClientID == "" || p.ClientSecret == "" {
		return nil, failure.New(plan.ActionRequired,
			`Store {"client_id": "…", "client_secret": "…"} of the Databricks service principal in the secret, then redrive the execution.`,
			"reading secret %s: it has no client_id and client_secret", a.SecretID)
	}
	return &p, nil
}

func (a *Accounts) connect(id string, p *servicePrincipal) (*Account, error) {
	c, err := a.client(&config.Config{Host: cmp.Or(a.Host, DefaultHost), AccountID: id}, p)
	if err != nil {
		return nil, err
	}
	return &Account{
		ID:                    id,
		Credentials:           provisioning.NewCredentials(c),
		Storage:               provisioning.NewStorage(c),
		VPCEndpoints:          provisioning.NewVpcEndpoints(c),
		PrivateAccessSettings: provisioning.NewPrivateAccess(c),
		Networks:              provisioning.NewNetworks(c),
		Workspaces:            provisioning.NewWorkspaces(c),
		Keys:                  provisioning.NewEncryptionKeys(c),
		Metastores:            catalog.NewAccountMetastoreAssignments(c),
	}, nil
}

// client signs in to the host of a configuration.
func (a *Accounts) client(cfg *config.Config, p *servicePrincipal) (*client.DatabricksClient, error) {
	cfg.ClientID, cfg.ClientSecret = p.ClientID, p.ClientSecret
	// The default chain of ways to sign in would hide why one failed.
	cfg.Credentials, cfg.HTTPTransport, cfg.HTTPTimeoutSeconds = config.M2mCredentials{}, once{a.Transport}, 30
	cfg.Loaders = []config.Loader{nowhere{}}
	// A function makes a handful of calls, and its caller waits: a service that
	// is asked too often says so, and the step is run again later.
	cfg.RateLimitPerSecond = 1000
	if err := cfg.EnsureResolved(); err != nil {
		return nil, err
	}
	transport, err := config.HTTPClientConfigFromConfig(cfg)
	if err != nil {
		return nil, err
	}
	// As with the AWS clients, nothing is sent twice: the API has no idempotency
	// tokens, and Step Functions runs the step again, which looks first.
	transport.ErrorRetriable = func(context.Context, error) bool { return false }
	transport.TransientErrors = nil
	return client.NewWithClient(cfg, httpclient.NewApiClient(transport))
}

// nowhere keeps the SDK from reading files and the environment.
type nowhere struct{}

func (nowhere) Name() string                   { return "nowhere" }
func (nowhere) Configure(*config.Config) error { return nil }

// once keeps the SDK from repeating a request after a broken connection, which
// it decides by the text of the error, and from hiding why a sign-in failed.
type once struct{ next http.RoundTripper }

func (o once) RoundTrip(r *http.Request) (*http.Response, error) {
	next := o.next
	if next == nil {
		next = http.DefaultTransport
	}
	resp, err := next.RoundTrip(r)
	if err != nil {
		if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
			return nil, err
		}
		return nil, noReply{err}
	}
	if strings.HasPrefix(r.URL.Path, "/oidc/") && resp.StatusCode >= http.StatusBadRequest {
		_ = resp.Body.Close()
		return nil, signInFailed(resp.StatusCode)
	}
	if err := onlyMentioned(r, resp); err != nil {
		return nil, noReply{err}
	}
	return resp, nil
}

func signInFailed(status int) error {
	switch {
	case status == http.StatusTooManyRequests:
		return failure.New(plan.Throttled, "", "signing in to Databricks: HTTP %d", status)
	case status >= http.StatusInternalServerError:
		return failure.New(plan.Transient, "", "signing in to Databricks: HTTP %d", status)
	default:
		return failure.New(plan.AccessDenied,
			"Look in the Databricks account console whether the service principal exists, has an OAuth secret that has not expired, and is account admin; store its client_id and client_secret in the secret, then redrive the execution.",
			"signing in to Databricks: HTTP %d", status)
	}
}

// noReply hides the text of a connection error, but not the error.
type noReply struct{ cause error }

func (noReply) Error() string     { return "no reply from Databricks" }
func (e noReply) Unwrap() []error { return []error{failure.ErrNoReply, e.cause} }
