package databricks

import (
	"crypto/rand"
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// tokenLife is how long an access token is valid.
// https://docs.databricks.com/aws/en/dev-tools/auth/oauth-m2m
const tokenLife = time.Hour

type token struct {
	client  string
	expires time.Time
}

// hostMetadata tells a client what kind of host this is and where its tokens
// come from.
func (s *Server) hostMetadata(r *request) (any, error) {
	if ws := s.workspaceOfHost(r.http.Host); ws != nil {
		return map[string]string{
			"oidc_endpoint": r.base() + "/oidc", "account_id": s.cfg.AccountID,
			"workspace_id": ws.id(), "host_type": "WORKSPACE_HOST", "cloud": "AWS",
		}, nil
	}
	return map[string]string{
		"oidc_endpoint": r.base() + "/oidc/accounts/{account_id}",
		"account_id":    s.cfg.AccountID, "host_type": "ACCOUNT_HOST", "cloud": "AWS",
	}, nil
}

// oauthMetadata is the discovery document of the account and of a workspace.
// https://datatracker.ietf.org/doc/html/rfc8414
func (s *Server) oauthMetadata(r *request) (any, error) {
	issuer, err := s.issuer(r)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"issuer":                                issuer,
		"authorization_endpoint":                issuer + "/v1/authorize",
		"token_endpoint":                        issuer + "/v1/token",
		"grant_types_supported":                 []string{"client_credentials"},
		"scopes_supported":                      []string{"all-apis"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post"},
	}, nil
}

// issuer is the address of the authorization server that a path belongs to.
func (s *Server) issuer(r *request) (string, error) {
	account := r.http.PathValue("account")
	switch account {
	case "":
		return r.base() + "/oidc", nil
	case s.cfg.AccountID:
		return r.base() + "/oidc/accounts/" + account, nil
	default:
		return "", refusal(http.StatusNotFound, "invalid_request", "The account %s does not exist", account)
	}
}

// issueToken serves the client credentials grant.
// https://datatracker.ietf.org/doc/html/rfc6749#section-4.4
func (s *Server) issueToken(r *request) (any, error) {
	if _, err := s.issuer(r); err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(r.call.Body))
	if err != nil {
		return nil, refusal(http.StatusBadRequest, "invalid_request", "The body is not a form: %v", err)
	}
	if grant := form.Get("grant_type"); grant != "client_credentials" {
		return nil, refusal(http.StatusBadRequest, "unsupported_grant_type", "The grant type %q is not supported", grant)
	}
	if scopes := strings.Fields(form.Get("scope")); len(scopes) > 0 && !slices.Contains(scopes, "all-apis") {
		return nil, refusal(http.StatusBadRequest, "invalid_scope", "The scope %q is not supported", form.Get("scope"))
	}
	client, secret := clientOf(r.http, form)
	want, known := s.cfg.Clients[client]
	if !known || subtle.ConstantTimeCompare([]byte(want), []byte(secret)) != 1 {
		return nil, refusal(http.StatusUnauthorized, "invalid_client", "Client authentication failed")
	}
	value := "dose" + rand.Text()
	s.tokens[value] = token{client: client, expires: s.wall().Add(tokenLife)}
	return map[string]any{
		"access_token": value, "token_type": "Bearer",
		"expires_in": int(tokenLife.Seconds()), "scope": "all-apis",
	}, nil
}

// clientOf reads the credentials of a client from the Authorization header, in
// which OAuth escapes them, or from the form.
func clientOf(req *http.Request, form url.Values) (client, secret string) {
	client, secret, ok := req.BasicAuth()
	if !ok {
		return form.Get("client_id"), form.Get("client_secret")
	}
	for _, v := range []*string{&client, &secret} {
		if plain, err := url.QueryUnescape(*v); err == nil {
			*v = plain
		}
	}
	return client, secret
}

// authenticate finds the client of an access token.
func (s *Server) authenticate(r *request) error {
	value := bearer(r.http)
	if value == "" {
		return refusal(http.StatusUnauthorized, "UNAUTHENTICATED",
			"Credential was not sent or was of an unsupported type for this API.")
	}
	t, ok := s.tokens[value]
	switch {
	case !ok:
		return refusal(http.StatusUnauthorized, "UNAUTHENTICATED", "Invalid access token.")
	case !s.wall().Before(t.expires):
		return refusal(http.StatusUnauthorized, "UNAUTHENTICATED", "Access token has expired.")
	}
	r.client = t.client
	return nil
}

func bearer(req *http.Request) string {
	scheme, value, _ := strings.Cut(req.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return ""
	}
	return value
}

// caller is who the log of calls names: the function that says so in a header,
// else the client.
func (s *Server) caller(req *http.Request) string {
	if name := req.Header.Get(CallerHeader); name != "" {
		return name
	}
	if client, _, ok := req.BasicAuth(); ok {
		return client
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tokens[bearer(req)].client
}

// workspaceOfHost finds the workspace that has a host of its own: its
// deployment name is the first label.
func (s *Server) workspaceOfHost(host string) *Workspace {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	label, _, _ := strings.Cut(host, ".")
	for _, ws := range s.workspaces.all() {
		if ws.DeploymentName == label {
			return ws
		}
	}
	return nil
}

// loginPage is where a refused browser ends.
func (s *Server) loginPage(r *request) (any, error) {
	if ws := s.workspaceOf(r); ws != nil {
		if _, err := s.arrive(r, ws.host()); err != nil {
			return nil, err
		}
	}
	return &wire.Response{
		Status: http.StatusOK,
		Header: http.Header{"Content-Type": {"text/html; charset=utf-8"}},
		Body:   []byte("<!doctype html><title>Databricks - Sign In</title>"),
	}, nil
}
