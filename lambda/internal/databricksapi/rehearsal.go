package databricksapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"lakegate/lambda/internal/awsapi"
)

// Rehearse returns accounts that only look: a call that would change something
// is noted and answered as if it had been made. Complete adds to such an answer
// what only the service knows.
func (a *Accounts) Rehearse(note func(call string), complete func(kind string, answer map[string]any)) *Accounts {
	return &Accounts{
		Secrets: a.Secrets, SecretID: a.SecretID, Host: a.Host,
		Transport: rehearsal{next: a.Transport, note: note, complete: complete},
	}
}

type rehearsal struct {
	next     http.RoundTripper
	note     func(string)
	complete func(kind string, answer map[string]any)
}

// RoundTrip makes requests that look, and answers the others with what they
// say, and with the id that the object would get.
func (r rehearsal) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodGet || strings.HasPrefix(req.URL.Path, "/oidc/") {
		next := r.next
		if next == nil {
			next = http.DefaultTransport
		}
		return next.RoundTrip(req)
	}
	kind := path.Base(req.URL.Path)
	r.note("databricks:" + req.Method + " " + kind)
	said := map[string]any{}
	if req.Body != nil {
		text, err := io.ReadAll(req.Body)
		if err != nil {
			return nil, err
		}
		if err := req.Body.Close(); err != nil {
			return nil, err
		}
		if len(text) > 0 {
			if err := json.Unmarshal(text, &said); err != nil {
				return nil, fmt.Errorf("decoding the request %s %s: %w", req.Method, kind, err)
			}
		}
	}
	if member, ok := ids[kind]; ok {
		said[member] = awsapi.New + kind
	}
	if kind == "workspaces" {
		// It is a number.
		said["workspace_id"], said["deployment_name"] = 0, awsapi.New+"workspace"
	}
	r.complete(kind, said)
	text, err := json.Marshal(said)
	if err != nil {
		return nil, err
	}
	return &http.Response{
		Status: "200 OK", StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}}, ContentLength: int64(len(text)), Body: io.NopCloser(bytes.NewReader(text)),
	}, nil
}

// ids are the members that hold the ids of objects.
var ids = map[string]string{
	"credentials":             "credentials_id",
	"storage-configurations":  "storage_configuration_id",
	"vpc-endpoints":           "vpc_endpoint_id",
	"private-access-settings": "private_access_settings_id",
	"networks":                "network_id",
	"customer-managed-keys":   "customer_managed_key_id",
}
