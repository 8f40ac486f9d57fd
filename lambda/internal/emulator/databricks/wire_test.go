package databricks

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	sdk "github.com/databricks/databricks-sdk-go"
	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/config"
	"github.com/databricks/databricks-sdk-go/service/iam"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/emulator/wire"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// answer is a reply as it came over the wire.
type answer struct {
	status int
	header http.Header
	body   string
}

// send makes a request without any client's help. Headers come in pairs.
func (w *world) send(method, path, body string, headers ...string) answer {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.ctx(), method, w.web.URL+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	for pair := range slices.Chunk(headers, 2) {
		if pair[0] == "Host" {
			req.Host = pair[1]
		}
		req.Header.Set(pair[0], pair[1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// token fetches a token by hand.
func (w *world) token() string {
	w.t.Helper()
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {"all-apis"}, "client_id": {testClient}, "client_secret": {testSecret},
	}
	a := w.send("POST", "/oidc/accounts/"+testAccount+"/v1/token", form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	var doc struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.Unmarshal([]byte(a.body), &doc); err != nil || doc.TokenType != "Bearer" || doc.ExpiresIn != 3600 {
		w.t.Fatalf("token endpoint answered %d: %s", a.status, a.body)
	}
	return doc.AccessToken
}

// TestShapes compares replies byte by byte with golden files.
func TestShapes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	api := func(method, path, body string) answer {
		return w.send(method, "/api/2.0/accounts/"+testAccount+path, body, "Authorization", "Bearer "+w.token())
	}
	id := func(a answer, member string) string {
		var doc map[string]any
		if err := json.Unmarshal([]byte(a.body), &doc); err != nil {
			t.Fatal(err)
		}
		return doc[member].(string)
	}
	var out bytes.Buffer
	show := func(method, path, body string) answer {
		a := api(method, path, body)
		out.WriteString(method + " " + path + "\n" + body + "\n" + strconv.Itoa(a.status) + " " + a.header.Get("Content-Type") + "\n")
		if json.Indent(&out, []byte(a.body), "", "  ") != nil {
			out.WriteString(a.body)
		}
		out.WriteString("\n\n")
		return a
	}
	credentials := show("POST", "/credentials", `{"credentials_name":"main","aws_credentials":{"sts_role":{"role_arn":"`+testRole+`"}}}`)
	storage := show("POST", "/storage-configurations", `{"storage_configuration_name":"main","root_bucket_info":{"bucket_name":"root-bucket"}}`)
	rest := show("POST", "/vpc-endpoints", `{"vpc_endpoint_name":"workspace-rest-api","region":"ap-northeast-1","aws_vpc_endpoint_id":"vpce-rest"}`)
	relay := show("POST", "/vpc-endpoints", `{"vpc_endpoint_name":"scc-relay","region":"ap-northeast-1","aws_vpc_endpoint_id":"vpce-relay"}`)
	access := show("POST", "/private-access-settings", `{"private_access_settings_name":"main","region":"ap-northeast-1","public_access_enabled":true}`)
	show("PUT", "/private-access-settings/"+id(access, "private_access_settings_id"), `{"private_access_settings_name":"main","region":"ap-northeast-1"}`)
	show("PUT", "/private-access-settings/"+id(access, "private_access_settings_id"), `{"private_access_settings_name":"main","region":"ap-northeast-1","public_access_enabled":true,"private_access_level":"ANY"}`)
	network := show("POST", "/networks", `{"network_name":"main","vpc_id":"vpc-1","subnet_ids":["subnet-0","subnet-1"],"security_group_ids":["sg-1"],`+
		`"vpc_endpoints":{"dataplane_relay":["`+id(relay, "vpc_endpoint_id")+`"],"rest_api":["`+id(rest, "vpc_endpoint_id")+`"]}}`)
	show("POST", "/workspaces", `{"workspace_name":"lake","deployment_name":"lake","aws_region":"ap-northeast-1",`+
		`"account_id":"ignored","is_no_public_ip_enabled":true,`+
		`"credentials_id":"`+id(credentials, "credentials_id")+`","storage_configuration_id":"`+id(storage, "storage_configuration_id")+`",`+
		`"network_id":"`+id(network, "network_id")+`","private_access_settings_id":"`+id(access, "private_access_settings_id")+`"}`)
	show("GET", "/networks/"+id(network, "network_id")+"?", "")
	show("GET", "/customer-managed-keys", "")
	show("POST", "/customer-managed-keys", `{"use_cases":["STORAGE"],"aws_key_info":{"key_arn":"arn:aws:kms:ap-northeast-1:111122223333:key/1"}}`)
	show("DELETE", "/networks/"+id(network, "network_id"), "")
	show("GET", "/credentials/none", "")
	show("POST", "/credentials", `{"credentials_name":`)
	show("POST", "/credentials", `{"credentials_name":7}`)

	golden := filepath.Join("testdata", "shapes.golden")
	if *update {
		if err := os.WriteFile(golden, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, string(want), out.String())
}

// TestOAuth walks through the discovery of the token endpoint, and its refusals.
func TestOAuth(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	equal(t, `{"account_id":"`+testAccount+`","cloud":"AWS","host_type":"ACCOUNT_HOST","oidc_endpoint":"`+w.web.URL+`/oidc/accounts/{account_id}"}`,
		w.send("GET", "/.well-known/databricks-config", "").body)
	var doc map[string]any
	if err := json.Unmarshal([]byte(w.send("GET", "/oidc/accounts/"+testAccount+"/.well-known/oauth-authorization-server", "").body), &doc); err != nil {
		t.Fatal(err)
	}
	equal(t, any(w.web.URL+"/oidc/accounts/"+testAccount+"/v1/token"), doc["token_endpoint"])

	const form = "grant_type=client_credentials&scope=all-apis"
	for _, tt := range []struct {
		name, path, body, client, secret string
		status                           int
		code                             string
	}{
		{"good", "/oidc/v1/token", form, testClient, url.QueryEscape(testSecret), 200, ""},
		{"wrong secret", "/oidc/v1/token", form, testClient, "guess", 401, "invalid_client"},
		{"wrong client", "/oidc/v1/token", form, "nobody", url.QueryEscape(testSecret), 401, "invalid_client"},
		{"no client", "/oidc/v1/token", form, "", "", 401, "invalid_client"},
		{"wrong grant", "/oidc/v1/token", "grant_type=password", testClient, testSecret, 400, "unsupported_grant_type"},
		{"wrong scope", "/oidc/v1/token", "grant_type=client_credentials&scope=sql", testClient, testSecret, 400, "invalid_scope"},
		{"no form", "/oidc/v1/token", "%zz", testClient, testSecret, 400, "invalid_request"},
		{"wrong account", "/oidc/accounts/other/v1/token", form, testClient, testSecret, 404, "invalid_request"},
	} {
		req, err := http.NewRequestWithContext(t.Context(), "POST", w.web.URL+tt.path, strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		req.SetBasicAuth(tt.client, tt.secret)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var got struct {
			Error string `json:"error"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != tt.status || got.Error != tt.code {
			t.Errorf("%s: got %d %s, want %d %s", tt.name, resp.StatusCode, got.Error, tt.status, tt.code)
		}
	}
	for name, value := range map[string]string{"none": "", "basic": "Basic eDp5", "unknown": "Bearer dose0"} {
		if a := w.send("GET", "/api/2.0/accounts/"+testAccount+"/networks", "", "Authorization", value); a.status != 401 {
			t.Errorf("authorization %s: %d %s", name, a.status, a.body)
		}
	}
}

// TestWorkspaceClient signs in to a workspace, by header and by host.
func TestWorkspaceClient(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.prepare()
	ws := ok(w.start(p.request("lake")))(t)
	client := ok(sdk.NewWorkspaceClient(&sdk.Config{
		Host: w.web.URL, WorkspaceID: strconv.FormatInt(ws.WorkspaceId, 10),
		ClientID: testClient, ClientSecret: testSecret, Credentials: config.M2mCredentials{}, RetryTimeoutSeconds: 1,
	}))(t)
	_, err := client.CurrentUser.Me(t.Context(), iam.MeRequest{})
	equal(t, failure{403, "PERMISSION_DENIED", "Unauthorized access to Org: " + strconv.FormatInt(ws.WorkspaceId, 10)}, failureOf(t, err))
	w.settle()
	me := ok(client.CurrentUser.Me(t.Context(), iam.MeRequest{}))(t)
	equal(t, testClient, me.UserName)
	equal(t, ws.WorkspaceId, ok(client.CurrentWorkspaceID(t.Context()))(t))

	host := ws.DeploymentName + ".cloud.databricks.com"
	a := w.send("GET", "/.well-known/databricks-config", "", "Host", host)
	if !strings.Contains(a.body, `"host_type":"WORKSPACE_HOST"`) || !strings.Contains(a.body, `"oidc_endpoint":"http://`+host+`/oidc"`) {
		t.Errorf("the host of the workspace says %s", a.body)
	}
	if a := w.send("GET", "/api/2.0/preview/scim/v2/Me", "", "Host", host, "Authorization", "Bearer "+w.token()); a.status != 200 {
		t.Errorf("by host: %d %s", a.status, a.body)
	}
	if a := w.send("GET", "/api/2.0/preview/scim/v2/Me", "", "Authorization", "Bearer "+w.token()); a.status != 400 {
		t.Errorf("without a workspace: %d %s", a.status, a.body)
	}

	ok(w.client.PrivateAccess.Replace(t.Context(), provisioning.ReplacePrivateAccessSettingsRequest{
		PrivateAccessSettingsId: p.access,
		CustomerFacingPrivateAccessSettings: provisioning.PrivateAccessSettings{
			PrivateAccessSettingsName: "main", Region: testRegion,
		},
	}))(t)
	_, err = client.CurrentUser.Me(t.Context(), iam.MeRequest{})
	if got := failureOf(t, err); got.Code != "PRIVATE_LINK_VALIDATION_ERROR" {
		t.Errorf("locked out: got %+v", got)
	}
}

// TestHub sees the faults of the hub arrive at the client, and the log.
func TestHub(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ok(w.client.Credentials.List(t.Context()))(t)

	w.hub.Inject(&wire.Fault{Kind: wire.LoseReply, Service: "databricks", Action: "CreateCredentials"})
	_, err := w.newCredentials("main")
	if _, answered := errors.AsType[*apierr.APIError](err); err == nil || answered {
		t.Errorf("a lost reply: %v", err)
	}
	equal(t, 1, len(ok(w.client.Credentials.List(t.Context()))(t)))

	w.hub.Inject(&wire.Fault{Kind: wire.Throttle, Action: "ListNetworks"})
	// The client would try again, by the time of the machine.
	a := w.send("GET", "/api/2.0/accounts/"+testAccount+"/networks", "", CallerHeader, "RegisterNetwork")
	if a.status != 429 || !strings.Contains(a.body, `"error_code":"RESOURCE_EXHAUSTED"`) {
		t.Errorf("throttled: %d %s", a.status, a.body)
	}

	w.hub.Inject(&wire.Fault{Kind: wire.Refuse, Action: "DeleteNetwork", Error: &wire.Error{Status: 409}})
	_, err = w.client.Networks.DeleteByNetworkId(t.Context(), "any")
	equal(t, failure{409, "", "Conflict"}, failureOf(t, err))

	w.hub.StaleReads(2)
	storage := ok(w.newStorage("main", testBucket))(t)
	_, err = w.client.Storage.GetByStorageConfigurationId(t.Context(), storage.StorageConfigurationId)
	if !apierr.IsMissing(err) {
		t.Errorf("first read: %v", err)
	}
	equal(t, 0, len(ok(w.client.Storage.List(t.Context()))(t)))
	equal(t, 1, len(ok(w.client.Storage.List(t.Context()))(t)))

	w.send("GET", "/api/2.0/accounts/"+testAccount+"/workspaces", "", CallerHeader, "CreateWorkspace")
	var log []string
	for _, c := range w.hub.Calls() {
		line := c.Service + " " + c.Action + " " + c.Caller + " " + strconv.Itoa(c.Status)
		if c.Mutating {
			line += " mutating"
		}
		log = append(log, strings.ReplaceAll(line, testClient, "client"))
	}
	equal(t, []string{
		"databricks GetHostMetadata  200",
		"databricks GetOAuthMetadata  200",
		"databricks GetToken client 200",
		"databricks ListCredentials client 200",
		"databricks CreateCredentials client 0 mutating",
		"databricks ListCredentials client 200",
		"databricks ListNetworks RegisterNetwork 429",
		"databricks DeleteNetwork client 409 mutating",
		"databricks CreateStorageConfiguration client 201 mutating",
		"databricks GetStorageConfiguration client 404",
		"databricks ListStorageConfigurations client 200",
		"databricks ListStorageConfigurations client 200",
		"databricks ListWorkspaces CreateWorkspace 401",
	}, log)
}

// TestRepeatable makes the same objects in two worlds, in another order.
func TestRepeatable(t *testing.T) {
	t.Parallel()
	ids := func(names ...string) map[string]string {
		w := newWorld(t)
		out := map[string]string{}
		for _, name := range names {
			out[name] = ok(w.newStorage(name, testBucket))(t).StorageConfigurationId
		}
		return out
	}
	equal(t, ids("first", "second"), ids("second", "first"))
}

// TestWrongSecret is what an operator with an old secret sees.
func TestWrongSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client := ok(sdk.NewAccountClient(&sdk.Config{
		Host: w.web.URL, AccountID: testAccount, ClientID: testClient, ClientSecret: "old",
		Credentials: config.M2mCredentials{}, RetryTimeoutSeconds: 1,
	}))(t)
	if _, err := client.Credentials.List(t.Context()); err == nil || !strings.Contains(err.Error(), "invalid_client") {
		t.Errorf("with an old secret: %v", err)
	}
}

// TestWarpedToken keeps a token valid while the clock of the services jumps.
func TestWarpedToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ok(w.client.Credentials.List(t.Context()))(t)
	w.sleep(48 * time.Hour)
	ok(w.client.Credentials.List(t.Context()))(t)
}
