package databricksapi

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
)

// answering answers every request with the same text.
type answering struct {
	status int
	text   string
}

func (a answering) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Body: io.NopCloser(strings.NewReader(a.text)), ContentLength: int64(len(a.text))}, nil
}

// Of a list only those objects are left that mention one of the texts; all else
// is as it came.
func TestMentioning(t *testing.T) {
	t.Parallel()
	const list = `[{"id": "1", "name": "a-1"}, {"id": "2", "name": "b"}, {"id": "3", "vpc": {"id": "vpc-1"}}]`
	for name, test := range map[string]struct {
		method string
		status int
		texts  []string
		text   string
		want   string
	}{
		"a name":               {http.MethodGet, 200, []string{"b"}, list, `[{"id":"2","name":"b"}]`},
		"a name or an id":      {http.MethodGet, 200, []string{"b", "vpc-1"}, list, `[{"id":"2","name":"b"},{"id":"3","vpc":{"id":"vpc-1"}}]`},
		"none":                 {http.MethodGet, 200, []string{"zurich"}, list, `[]`},
		"no text":              {http.MethodGet, 200, nil, list, list},
		"an unusual text":      {http.MethodGet, 200, []string{"b", "über uns"}, list, list},
		"no list":              {http.MethodGet, 200, []string{"c"}, `{"name": "b"}`, `{"name": "b"}`},
		"an empty list":        {http.MethodGet, 200, []string{"c"}, `[]`, `[]`},
		"a failure":            {http.MethodGet, 404, []string{"c"}, `[{"error_code": "x"}]`, `[{"error_code": "x"}]`},
		"something is created": {http.MethodPost, 200, []string{"c"}, list, list},
	} {
		ctx := context.Background()
		if test.texts != nil {
			ctx = Mentioning(ctx, test.texts...)
		}
		req, err := http.NewRequestWithContext(ctx, test.method, "https://accounts.example/api/2.0/accounts/x/networks", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := once{answering{test.status, test.text}}.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || string(body) != test.want || resp.ContentLength != int64(len(body)) {
			t.Errorf("%s: %s (%d), %v, want %s", name, body, resp.ContentLength, err, test.want)
		}
	}
}
