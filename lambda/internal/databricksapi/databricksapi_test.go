package databricksapi

import (
	"context"
	"net/http"
	"testing"
)

// redirecting answers every request with a redirect to another host.
type redirecting struct{ hosts []string }

func (r *redirecting) RoundTrip(req *http.Request) (*http.Response, error) {
	r.hosts = append(r.hosts, req.URL.Host)
	return &http.Response{
		StatusCode: http.StatusSeeOther, Request: req, Body: http.NoBody,
		Header: http.Header{"Location": {"https://login.elsewhere.example/"}},
	}, nil
}

// A redirect is the answer of the workspace; where it leads need not be within
// reach of a private network.
func TestAnswersFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	to := &redirecting{}
	w := Workspace{answers: (&Accounts{Transport: to}).answers("https://dbc-a.cloud.databricks.com", "")}
	status, err := w.Answers(context.Background())
	if err != nil || status != http.StatusSeeOther {
		t.Errorf("got HTTP %d, %v, want 303", status, err)
	}
	if len(to.hosts) != 1 || to.hosts[0] != "dbc-a.cloud.databricks.com" {
		t.Errorf("asked %v, want only the workspace", to.hosts)
	}
}
