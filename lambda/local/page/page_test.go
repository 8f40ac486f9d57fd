package page_test

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/chat"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/local/page"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// The functions log as they do in AWS, which says nothing of the page.
func TestMain(m *testing.M) {
	slog.SetDefault(slog.New(slog.DiscardHandler))
	os.Exit(m.Run())
}

const tokyoPath = plan.SourcePrefix + "tokyo.yaml"

// site is a world and its page.
type site struct {
	*emulator.World
	server *httptest.Server
	// posted are messages that are shown beside those of the world.
	posted []chat.Message
}

// Messages are what the page shows as messages.
func (s *site) Messages() []chat.Message { return append(s.World.Chat.Messages(), s.posted...) }

// newSite makes a world, for the accounts of the examples if no other
// configuration is given.
func newSite(t *testing.T, config ...emulator.Config) *site {
	t.Helper()
	w, err := emulator.Start(append(config, emulator.Config{Seed: 1})[0])
	if err != nil {
		t.Fatal(err)
	}
	s := &site{World: w}
	s.server = httptest.NewServer(page.New(w, s))
	t.Cleanup(func() {
		s.server.Close()
		s.Close()
		// Cleanups are kept as long as tests run, and worlds are large.
		s.World, s.server = nil, nil
	})
	return s
}

// tokyo is the spec of the example.
func tokyo(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("../../../spec/examples/tokyo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// commit commits the spec of the example and waits for all that follows.
func (s *site) commit(t *testing.T) {
	t.Helper()
	if _, err := s.Commit(tokyoPath, tokyo(t)); err != nil {
		t.Fatal(err)
	}
	s.settle(t)
}

func (s *site) settle(t *testing.T) {
	t.Helper()
	if err := s.Clock.Idle(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// redrive redrives the newest execution, and waits for its end.
func (s *site) redrive(t *testing.T) {
	t.Helper()
	client := sfn.New(sfn.Options{
		Region: s.Config.Region, BaseEndpoint: aws.String(s.AWSURL), Credentials: credentials.NewStaticCredentialsProvider("operator", "emulated", ""),
	})
	arn := s.Executions.Views(1)[0].ARN
	if _, err := client.RedriveExecution(t.Context(), &sfn.RedriveExecutionInput{ExecutionArn: &arn}); err != nil {
		t.Fatal(err)
	}
	s.settle(t)
}

// get asks for a path, with what changes the request, and returns the answer.
func (s *site) get(t *testing.T, path string, change ...func(*http.Request)) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.server.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range change {
		c(r)
	}
	reply, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reply.Body.Close() }()
	body, err := io.ReadAll(reply.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply, string(body)
}

// read decodes the answer of the API.
func read[T any](t *testing.T, s *site, path string, query ...string) T {
	t.Helper()
	values := url.Values{}
	for i := 0; i < len(query); i += 2 {
		values.Set(query[i], query[i+1])
	}
	reply, body := s.get(t, path+"?"+values.Encode())
	var out T
	if err := json.Unmarshal([]byte(body), &out); err != nil || reply.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v: %s", path, reply.Status, err, body)
	}
	return out
}

func TestGuard(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	host := func(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }
	method := func(name string) func(*http.Request) { return func(r *http.Request) { r.Method = name } }
	for _, test := range []struct {
		name   string
		path   string
		change func(*http.Request)
		want   int
	}{
		{"by address", "/", host("127.0.0.1:4568"), 200},
		{"by name", "/", host("localhost:4568"), 200},
		{"without port", "/", host("localhost"), 200},
		{"by the name of others", "/", host("rebound.example:4568"), 403},
		{"by the name of others, the API", "/api/snapshot", host("rebound.example"), 403},
		{"by a name that begins as this machine's", "/", host("127.0.0.1.rebound.example"), 403},
		{"by no name", "/", host("[::]:4568"), 403},
		{"post", "/api/snapshot", method("POST"), 405},
		{"put", "/", method("PUT"), 405},
		{"delete", "/api/snapshot", method("DELETE"), 405},
		{"head", "/", method("HEAD"), 405},
		{"options", "/", method("OPTIONS"), 405},
		{"a file that is not there", "/none.js", func(*http.Request) {}, 404},
		{"a file outside", "/..%2fpage.go", func(*http.Request) {}, 404},
		{"an execution that is not there", "/api/execution?arn=none", func(*http.Request) {}, 404},
		{"a step that is not there", "/api/step?arn=none&name=EnsureVpc", func(*http.Request) {}, 404},
		{"an event that is not there", "/api/event?id=none", func(*http.Request) {}, 404},
		{"an object that is no report", "/api/report?key=status/tokyo.json", func(*http.Request) {}, 404},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			reply, body := s.get(t, test.path, test.change)
			if reply.StatusCode != test.want {
				t.Errorf("it answers %s, want %d: %s", reply.Status, test.want, body)
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Resource-Policy": "same-origin",
			} {
				if got := reply.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			policy := reply.Header.Get("Content-Security-Policy")
			for _, part := range []string{
				"default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'", "frame-ancestors 'none'",
			} {
				if !slices.Contains(strings.Split(policy, "; "), part) {
					t.Errorf("the policy %q lacks %q", policy, part)
				}
			}
			if strings.Contains(policy, "unsafe") || len(reply.Cookies()) > 0 {
				t.Errorf("the policy is %q, the cookies are %v", policy, reply.Cookies())
			}
		})
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/index.html": "text/html; charset=utf-8", "/style.css": "text/css; charset=utf-8",
		"/app.js": "text/javascript; charset=utf-8", "/icon.svg": "image/svg+xml", "/api/machines": "application/json",
	} {
		reply, body := s.get(t, path)
		if got := reply.Header.Get("Content-Type"); reply.StatusCode != http.StatusOK || got != kind {
			t.Errorf("%s is %q, %s", path, got, reply.Status)
		}
		for _, remote := range []string{"http://", "https://", "@import", "style=\""} {
			for line := range strings.Lines(body) {
				known := strings.Contains(line, "http://www.w3.org/2000/svg") || strings.HasPrefix(strings.TrimSpace(line), "//")
				if path != "/app.js" && strings.Contains(line, remote) && !known {
					t.Errorf("%s has %q: %s", path, remote, line)
				}
			}
		}
		again, _ := s.get(t, path, func(r *http.Request) { r.Header.Set("If-None-Match", reply.Header.Get("ETag")) })
		if again.StatusCode != http.StatusNotModified {
			t.Errorf("%s is sent again: %s", path, again.Status)
		}
	}
}

type stepShape struct {
	State, Outcome, Reason, Input, Output string
	Entered, Exited                       string
	Visits, Attempts                      int
	Failures                              []struct {
		Class, Message, Remedy string
		Again                  bool
	}
}

type executionShape struct {
	ARN, Name, Workspace, Status, Machine, Left string
	Redrives                                    int
	Failure                                     *struct{ Class, Message, Remedy string }
	Steps                                       map[string]stepShape
}

type snapshotShape struct {
	Executions []executionShape
	Workspaces []string
	Events     int
	LastEvent  string
	Reports    []struct{ Kind, Workspace, Key string }
}

// All that the page shows of an execution that succeeds.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if empty := read[snapshotShape](t, s, "/api/snapshot"); len(empty.Executions)+len(empty.Workspaces)+len(empty.Reports) > 0 {
		t.Errorf("before anything is committed there are %+v", empty)
	}
	s.commit(t)
	now := read[snapshotShape](t, s, "/api/snapshot")
	if len(now.Executions) != 1 || now.Executions[0].Status != "SUCCEEDED" || !slices.Equal(now.Workspaces, []string{"tokyo"}) || now.Events < 50 {
		t.Fatalf("the snapshot is %+v", now)
	}
	x := read[executionShape](t, s, "/api/execution", "arn", now.Executions[0].ARN)
	for _, step := range plan.Workspace().Steps() {
		if got := x.Steps[step.Name]; got.State != "succeeded" || got.Attempts == 0 || step.Result != "" && got.Outcome == "" {
			t.Errorf("%s is %+v", step.Name, got)
		}
	}
	if frame := x.Steps["ConnectVpc"]; frame.State != "succeeded" {
		t.Errorf("a frame is %+v", frame)
	}
	if await := x.Steps["AwaitEndpoints"]; await.Visits < 2 || await.Outcome != "Ready" {
		t.Errorf("a step that waits is %+v", await)
	}
	vpc := read[stepShape](t, s, "/api/step", "arn", x.ARN, "name", "EnsureVpc")
	if !strings.Contains(vpc.Input, `"workspace":"tokyo"`) || strings.Contains(vpc.Input, `"outcome":"Created","vpcId"`) || !strings.Contains(vpc.Output, "vpc-") {
		t.Errorf("it had the input %s and the output %s", vpc.Input, vpc.Output)
	}
	w := read[struct {
		Networks []struct {
			ID, CIDR  string
			Subnets   []struct{ ID, CIDR, Zone string }
			Endpoints []struct {
				Role, State string
				Gateway     bool
				Addresses   map[string]string
			}
			Groups     []struct{ In, Out []string }
			Exits      []any
			Workspaces []struct{ Name, Status, URL string }
		}
		Objects []struct{ Kind, ID string }
	}](t, s, "/api/world", "workspace", "tokyo")
	if len(w.Objects) != len(s.Objects()) || len(w.Networks) != 1 {
		t.Fatalf("it shows %d objects of %d in %d networks", len(w.Objects), len(s.Objects()), len(w.Networks))
	}
	n := w.Networks[0]
	if n.CIDR != "10.0.0.0/22" || len(n.Subnets) != 3 || len(n.Endpoints) != 6 || len(n.Groups) != 2 || len(n.Exits) != 0 ||
		len(n.Workspaces) != 1 || n.Workspaces[0].Status != "RUNNING" {
		t.Errorf("the network is %+v", n)
	}
	for _, e := range n.Endpoints {
		// Those to AWS services are in both workspace subnets, a gateway is in none.
		want := 2
		switch e.Role {
		case "workspace", "relay":
			want = 1
		case "s3":
			want = 0
		}
		if e.State != "available" || e.Gateway != (e.Role == "s3") || len(e.Addresses) != want {
			t.Errorf("an endpoint is %+v", e)
		}
	}
	if other := read[map[string][]any](t, s, "/api/world", "workspace", "osaka"); len(other["networks"]) != 0 {
		t.Errorf("another workspace has %v", other["networks"])
	}
	var kinds []string
	for _, r := range now.Reports {
		kinds = append(kinds, r.Kind)
		if body := read[map[string]any](t, s, "/api/report", "key", r.Key); body["workspace"] != "tokyo" {
			t.Errorf("the report %s is %v", r.Key, body)
		}
	}
	if slices.Sort(kinds); !slices.Equal(kinds, []string{"plan", "verification"}) {
		t.Errorf("the reports are %v", kinds)
	}
}

// The users' endpoint is in a VPC that the spec gives, and leads to the same
// workspace.
func TestFrontEnd(t *testing.T) {
	t.Parallel()
	const file = "../../../spec/examples/locked-down.yaml"
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := spec.Load(file, text)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, emulator.ConfigFor(want.Spec))
	if err := s.Provide(t.Context(), want); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(plan.SourcePrefix+"locked-down.yaml", text); err != nil {
		t.Fatal(err)
	}
	s.settle(t)
	w := read[struct {
		Networks []struct {
			Subnets    []struct{ Compute bool }
			Endpoints  []struct{ Role string }
			Workspaces []struct{ Status string }
		}
	}](t, s, "/api/world", "workspace", "locked-down")
	if len(w.Networks) != 2 || len(w.Networks[0].Endpoints) != 6 || len(w.Networks[1].Endpoints) != 1 {
		t.Fatalf("the networks are %+v", w.Networks)
	}
	home, users := w.Networks[0], w.Networks[1]
	if !home.Subnets[0].Compute || len(home.Workspaces) != 1 {
		t.Errorf("that of compute is %+v", home)
	}
	if users.Endpoints[0].Role != "frontEnd" || len(users.Subnets) != 2 || users.Subnets[0].Compute || len(users.Workspaces) != 1 {
		t.Errorf("that of the users is %+v", users)
	}
}

// What happens is told by every product.
func TestMessages(t *testing.T) {
	t.Parallel()
	s := newSite(t, emulator.Config{Seed: 1, Chat: plan.Products()})
	if none := read[[]any](t, s, "/api/messages"); len(none) > 0 {
		t.Errorf("before anything is committed there are %v", none)
	}
	s.commit(t)
	all := read[[]struct {
		Product, ID, Thread string
		Payload             map[string]any
		Headers             map[string]string
	}](t, s, "/api/messages")
	count := map[string]int{}
	for _, m := range all {
		count[m.Product]++
		if len(m.Payload) == 0 || (m.Product == plan.Webhook) != (m.Headers["webhook-signature"] != "") {
			t.Errorf("a message is %+v", m)
		}
	}
	for _, product := range plan.Products() {
		if count[product] == 0 {
			t.Errorf("%s has got nothing", product)
		}
	}
	if now := read[struct{ Messages int }](t, s, "/api/snapshot"); now.Messages != len(all) {
		t.Errorf("the snapshot counts %d of %d messages", now.Messages, len(all))
	}
}

// Events are sent once: after the first time those that are new.
func TestEvents(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.commit(t)
	type answer struct {
		Whole  bool
		Events []struct{ ID, Type, Workspace, Text string }
	}
	first := read[answer](t, s, "/api/events")
	if !first.Whole || len(first.Events) != len(s.Events.Events("")) {
		t.Errorf("it shows %d events of %d", len(first.Events), len(s.Events.Events("")))
	}
	last := first.Events[len(first.Events)-1]
	if more := read[answer](t, s, "/api/events", "after", last.ID); more.Whole || len(more.Events) > 0 {
		t.Errorf("after the last one are %d", len(more.Events))
	}
	s.commit(t)
	if more := read[answer](t, s, "/api/events", "after", last.ID); more.Whole || len(more.Events) != len(s.Events.Events(""))-len(first.Events) {
		t.Errorf("later there are %d more", len(more.Events))
	}
	i := slices.IndexFunc(first.Events, func(e struct{ ID, Type, Workspace, Text string }) bool {
		return strings.HasPrefix(e.Text, "EnsureVpc")
	})
	if i < 0 || first.Events[i].Workspace != "tokyo" {
		t.Fatalf("no event is of EnsureVpc: %+v", first.Events)
	}
	if whole := read[map[string]any](t, s, "/api/event", "id", first.Events[i].ID); whole["detail-type"] != first.Events[i].Type || whole["source"] != "lakegate" {
		t.Errorf("the event is %v", whole)
	}
}

// forbid makes EC2 refuse to create a subnet, until it is lifted.
func (s *site) forbid() (lift func()) {
	s.Hub.Inject(&wire.Fault{Kind: wire.Refuse, Service: "ec2", Action: "CreateSubnet", Times: -1, Error: &wire.Error{
		Status: 403, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation. <img src=x onerror=pwned()>",
	}})
	return s.Hub.Clear
}

// A failure is where it happened, and what was at work beside it was stopped; a
// redrive goes on there.
func TestFailure(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	lift := s.forbid()
	s.commit(t)
	look := func() executionShape {
		return read[executionShape](t, s, "/api/execution", "arn", s.Executions.Views(1)[0].ARN)
	}
	x := look()
	subnets := x.Steps["EnsureSubnets"]
	if x.Status != "FAILED" || subnets.State != "failed" || len(subnets.Failures) != 1 || x.Steps["PrepareAccounts"].State != "failed" {
		t.Fatalf("it is %s: %+v", x.Status, x.Steps)
	}
	if f := subnets.Failures[0]; f.Class != plan.AccessDenied || f.Remedy == "" || strings.Contains(f.Message, "What to do") || f.Again {
		t.Errorf("the failure is %+v", f)
	}
	if x.Failure == nil || x.Failure.Class != plan.AccessDenied || x.Steps["EnsureVpc"].State != "succeeded" {
		t.Errorf("the execution is %+v", x)
	}
	if _, reached := x.Steps["RegisterNetwork"]; reached {
		t.Error("a step after it was reached")
	}
	for name, step := range x.Steps {
		if name != "EnsureSubnets" && name != "PrepareAccounts" && step.State != "succeeded" && step.State != "stopped" {
			t.Errorf("%s is %s", name, step.State)
		}
	}
	lift()
	s.redrive(t)
	x = look()
	subnets = x.Steps["EnsureSubnets"]
	if x.Status != "SUCCEEDED" || x.Redrives != 1 || subnets.State != "succeeded" || subnets.Visits != 2 || !subnets.Failures[0].Again || x.Failure != nil {
		t.Errorf("redriven it is %s, %d times: %+v", x.Status, x.Redrives, subnets)
	}
}

// A spec that is committed in a suspended state is left alone, and the graph says
// where the execution ended.
func TestLeave(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	if _, err := s.Commit(tokyoPath, append(tokyo(t), "\n  suspend: true\n"...)); err != nil {
		t.Fatal(err)
	}
	s.settle(t)
	x := read[executionShape](t, s, "/api/execution", "arn", s.Executions.Views(1)[0].ARN)
	if x.Status != "SUCCEEDED" || x.Left == "" {
		t.Errorf("it is %s and ended by %q", x.Status, x.Left)
	}
}
