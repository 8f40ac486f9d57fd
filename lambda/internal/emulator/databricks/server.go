// Package databricks is one emulated Databricks account on AWS over loopback
// HTTP: OAuth, the account API of provisioning, and the little of a workspace
// that is needed to sign in.
//
// It keeps the rules that a client meets: names that are taken, references in
// both directions, quotas, validation of the cross-account role, the root
// bucket and the network against the emulated AWS, states that change with
// time, and the error codes and texts of the service. What it does not know
// answers 501 with its name.
//
// The API is that of https://docs.databricks.com/api/account/introduction.
package databricks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/wire"
)

// CallerHeader names the function that makes a call, because all of them share
// one service principal.
const CallerHeader = "X-Lakegate-Caller"

// service is the name under which the hub knows the account.
const service = "databricks"

// maxBody bounds what a request may carry.
const maxBody = 1 << 20

// Server is one Databricks account. It learns its address from the Host header
// of each request, and is safe for concurrent use.
type Server struct {
	hub      *wire.Hub
	delays   *latency.Source
	cfg      Config
	mux      *http.ServeMux
	requests atomic.Int64
	// wall is the time by which tokens expire: clients compare their expiry
	// with the time of the machine.
	wall func() time.Time

	mu              sync.Mutex
	tokens          map[string]token
	noPrivateLink   map[string]bool
	doomed          map[string]string
	broken          map[string][]NetworkHealth
	settling        map[string]time.Duration
	metastores      map[string]string
	named           map[string]int
	created         int
	order           map[string]int
	credentials     collection[Credentials]
	storage         collection[StorageConfiguration]
	vpcEndpoints    collection[VPCEndpoint]
	privateAccess   collection[PrivateAccessSettings]
	networks        collection[Network]
	workspaces      collection[Workspace]
	customerManaged collection[CustomerManagedKey]
}

// New returns an account without objects, with PrivateLink enabled.
func New(hub *wire.Hub, delays *latency.Source, cfg Config) *Server {
	s := &Server{
		hub: hub, delays: delays, cfg: cfg.withDefaults(), mux: http.NewServeMux(), wall: time.Now,
		tokens:          map[string]token{},
		noPrivateLink:   map[string]bool{},
		doomed:          map[string]string{},
		broken:          map[string][]NetworkHealth{},
		settling:        map[string]time.Duration{},
		metastores:      maps.Clone(cfg.Metastores),
		named:           map[string]int{},
		order:           map[string]int{},
		credentials:     newCollection[Credentials](),
		storage:         newCollection[StorageConfiguration](),
		vpcEndpoints:    newCollection[VPCEndpoint](),
		privateAccess:   newCollection[PrivateAccessSettings](),
		networks:        newCollection[Network](),
		workspaces:      newCollection[Workspace](),
		customerManaged: newCollection[CustomerManagedKey](),
	}
	s.open("GET /.well-known/databricks-config", "GetHostMetadata", s.hostMetadata)
	s.open("GET /oidc/.well-known/oauth-authorization-server", "GetOAuthMetadata", s.oauthMetadata)
	s.open("GET /oidc/accounts/{account}/.well-known/oauth-authorization-server", "GetOAuthMetadata", s.oauthMetadata)
	s.open("POST /oidc/v1/token", "GetToken", s.issueToken)
	s.open("POST /oidc/accounts/{account}/v1/token", "GetToken", s.issueToken)
	s.open("GET /login.html", "GetLoginPage", s.loginPage)
	s.workspace("GET /api/2.0/preview/scim/v2/Me", "GetCurrentUser", s.me)

	s.account("POST", "credentials", "CreateCredentials", s.createCredentials)
	s.account("GET", "credentials", "ListCredentials", s.listCredentials)
	s.account("GET", "credentials/{id}", "GetCredentials", s.getCredentials)
	s.account("DELETE", "credentials/{id}", "DeleteCredentials", s.deleteCredentials)

	s.account("POST", "storage-configurations", "CreateStorageConfiguration", s.createStorage)
	s.account("GET", "storage-configurations", "ListStorageConfigurations", s.listStorage)
	s.account("GET", "storage-configurations/{id}", "GetStorageConfiguration", s.getStorage)
	s.account("DELETE", "storage-configurations/{id}", "DeleteStorageConfiguration", s.deleteStorage)

	s.account("POST", "vpc-endpoints", "CreateVpcEndpoint", s.createVPCEndpoint)
	s.account("GET", "vpc-endpoints", "ListVpcEndpoints", s.listVPCEndpoints)
	s.account("GET", "vpc-endpoints/{id}", "GetVpcEndpoint", s.getVPCEndpoint)
	s.account("DELETE", "vpc-endpoints/{id}", "DeleteVpcEndpoint", s.deleteVPCEndpoint)

	s.account("POST", "private-access-settings", "CreatePrivateAccessSettings", s.createPrivateAccessSettings)
	s.account("GET", "private-access-settings", "ListPrivateAccessSettings", s.listPrivateAccessSettings)
	s.account("GET", "private-access-settings/{id}", "GetPrivateAccessSettings", s.getPrivateAccessSettings)
	s.account("PUT", "private-access-settings/{id}", "ReplacePrivateAccessSettings", s.replacePrivateAccessSettings)
	s.account("DELETE", "private-access-settings/{id}", "DeletePrivateAccessSettings", s.deletePrivateAccessSettings)

	s.account("POST", "networks", "CreateNetwork", s.createNetwork)
	s.account("GET", "networks", "ListNetworks", s.listNetworks)
	s.account("GET", "networks/{id}", "GetNetwork", s.getNetwork)
	s.account("DELETE", "networks/{id}", "DeleteNetwork", s.deleteNetwork)

	s.account("POST", "workspaces", "CreateWorkspace", s.createWorkspace)
	s.account("GET", "workspaces", "ListWorkspaces", s.listWorkspaces)
	s.account("GET", "workspaces/{id}", "GetWorkspace", s.getWorkspace)
	s.account("PATCH", "workspaces/{id}", "UpdateWorkspace", s.updateWorkspace)
	s.account("DELETE", "workspaces/{id}", "DeleteWorkspace", s.deleteWorkspace)

	s.account("POST", "customer-managed-keys", "CreateCustomerManagedKey", s.createCustomerManagedKey)
	s.account("GET", "customer-managed-keys", "ListCustomerManagedKeys", s.listCustomerManagedKeys)
	s.account("GET", "customer-managed-keys/{id}", "GetCustomerManagedKey", s.getCustomerManagedKey)
	s.account("DELETE", "customer-managed-keys/{id}", "DeleteCustomerManagedKey", s.deleteCustomerManagedKey)

	s.account("POST", "workspaces/{workspace}/metastores/{id}", "CreateMetastoreAssignment", s.assignMetastore)
	s.account("PUT", "workspaces/{workspace}/metastores/{id}", "UpdateMetastoreAssignment", s.assignMetastore)
	s.account("DELETE", "workspaces/{workspace}/metastores/{id}", "DeleteMetastoreAssignment", s.unassignMetastore)
	s.account("GET", "workspaces/{workspace}/metastore", "GetMetastoreAssignment", s.getMetastoreAssignment)
	s.serveCompute()

	s.mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		name := req.Method + " " + req.URL.Path
		s.serve(w, req, name, refuseAPI, func(*request) (any, error) { return nil, notEmulated(name) })
	})
	return s
}

// ServeHTTP serves one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	release := s.hub.Clock.Hold()
	defer release()
	s.mux.ServeHTTP(w, req)
}

// SetPrivateLink says whether PrivateLink is enabled for the account in a
// region; an empty region means in all of them. Databricks enables it on
// request.
func (s *Server) SetPrivateLink(region string, enabled bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if region == "" && enabled {
		clear(s.noPrivateLink)
		return
	}
	s.noPrivateLink[region] = !enabled
}

func (s *Server) privateLink(region string) bool {
	off, said := s.noPrivateLink[region]
	if !said {
		off = s.noPrivateLink[""]
	}
	return !off && s.cfg.PricingTier == tierEnterprise
}

// request is one call with what it takes to serve it.
type request struct {
	call *wire.Call
	http *http.Request
	// client is the OAuth client id that the token was issued to.
	client string
}

// id is the last segment of the path of a single object.
func (r *request) id() string { return r.http.PathValue("id") }

// base is the address under which the client reached the server.
func (r *request) base() string {
	if r.http.TLS != nil {
		return "https://" + r.http.Host
	}
	return "http://" + r.http.Host
}

type operation func(*request) (any, error)

// open adds a route that needs no token.
func (s *Server) open(pattern, action string, op operation) {
	refuse := refuseAPI
	if strings.Contains(pattern, "/oidc/") {
		refuse = refuseOAuth
	}
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
		s.serve(w, req, action, refuse, op)
	})
}

// account adds a route of the account API.
func (s *Server) account(method, path, action string, op operation) {
	s.mux.HandleFunc(method+" /api/2.0/accounts/{account}/"+path, func(w http.ResponseWriter, req *http.Request) {
		s.serve(w, req, action, refuseAPI, func(r *request) (any, error) {
			if err := s.authenticate(r); err != nil {
				return nil, err
			}
			if err := s.checkAccount(r); err != nil {
				return nil, err
			}
			if _, err := s.arrive(r, accountHost); err != nil {
				return nil, err
			}
			return op(r)
		})
	})
}

// workspace adds a route of the workspace API.
func (s *Server) workspace(pattern, action string, op func(*request, *Workspace) (any, error)) {
	s.mux.HandleFunc(pattern, func(w http.ResponseWriter, req *http.Request) {
		s.serve(w, req, action, refuseAPI, func(r *request) (any, error) {
			if err := s.authenticate(r); err != nil {
				return nil, err
			}
			ws, err := s.enter(r)
			if err != nil {
				return nil, err
			}
			return op(r, ws)
		})
	})
}

func (s *Server) checkAccount(r *request) error {
	if r.http.PathValue("account") == s.cfg.AccountID {
		return nil
	}
	return refusal(http.StatusNotFound, "RESOURCE_DOES_NOT_EXIST",
		"The account does not exist or the user does not belong to this account")
}

// serve takes one call through the hub.
func (s *Server) serve(w http.ResponseWriter, req *http.Request, action string,
	encode func(*wire.Call, error) *wire.Response, op operation,
) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if err != nil {
		http.Error(w, "reading request body: "+err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	r := &request{http: req, call: &wire.Call{
		Service: service, Action: action, Caller: s.caller(req),
		RequestID: fmt.Sprintf("10000000-0000-4000-8000-%012x", s.requests.Add(1)),
		Time:      s.hub.Clock.Now(), Body: body, HTTP: req,
	}}
	act := func() *wire.Response {
		s.mu.Lock()
		defer s.mu.Unlock()
		result, err := op(r)
		if errors.Is(err, errNoReply) {
			return nil
		}
		if err != nil {
			return encode(r.call, err)
		}
		if raw, ok := result.(*wire.Response); ok {
			return raw
		}
		if strings.HasPrefix(action, "Create") {
			return reply(http.StatusCreated, result)
		}
		return reply(http.StatusOK, result)
	}
	refuse := func(e *wire.Error) *wire.Response { return encode(r.call, e) }
	// A route that is not known has no verb to go by, only its method.
	mutating := wire.Mutating(action) && req.Method != http.MethodGet
	out := s.hub.Do(r.call, mutating, act, refuse)
	if out == nil {
		panic(http.ErrAbortHandler)
	}
	for k, v := range out.Header {
		w.Header()[k] = v
	}
	w.Header().Set("X-Request-Id", r.call.RequestID)
	w.WriteHeader(out.Status)
	_, _ = w.Write(out.Body)
}

// decode reads the body of a request. Members that the service does not know
// are ignored, as clients send their own.
func decode[T any](r *request) (*T, error) {
	v := new(T)
	if err := json.Unmarshal(r.call.Body, v); err != nil {
		return nil, malformed("Could not parse request object: %v", err)
	}
	return v, nil
}

// checkName checks the name of an object, 4 to 256 characters.
func checkName(field, name string) error {
	switch n := len([]rune(name)); {
	case n == 0:
		return required(field)
	case n < 4, n > 256:
		return invalid("%s must have 4 to 256 characters, %q has %d", field, name, n)
	}
	return nil
}

func required(field string) error { return invalid("%s is required", field) }

// checkQuota refuses an object more than the account can have.
func checkQuota(noun string, have, quota int) error {
	if quota < 0 || have < quota {
		return nil
	}
	return invalidState("%s limit exceeded, only %d %ss are allowed", noun, quota, strings.ToLower(noun))
}

// millis is a time of the emulated service as its API writes it.
func (s *Server) millis() int64 { return s.hub.Clock.Now().UnixMilli() }
