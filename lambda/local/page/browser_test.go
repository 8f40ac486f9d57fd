//go:build browser

package page_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/codecommit"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/internal/emulator/chat"
	"lakegate/lambda/internal/emulator/eventbridge"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
)

var update = flag.Bool("update", false, "make the pictures of the README anew")

// browser is a tab that looks at the page of a site.
type browser struct {
	t *testing.T
	*site
	ctx context.Context

	mu sync.Mutex
	// wrong is what the browser complains of.
	wrong []string
}

// open opens the page in a browser of its own, without a profile.
func open(t *testing.T, s *site) *browser {
	t.Helper()
	options := []chromedp.ExecAllocatorOption{
		chromedp.ExecPath("chromium"), chromedp.Headless, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun, chromedp.NoDefaultBrowserCheck,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-sync", true), chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1440, 900), chromedp.WSURLReadTimeout(time.Minute),
	}
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(cancel)
	ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b := &browser{t: t, site: s, ctx: ctx}
	t.Cleanup(func() { b.site = nil })
	if err := chromedp.Listen(ctx, b.listen); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	b.do(chromedp.Navigate(s.server.URL + "/"))
	b.until(`document.querySelector("#live").dataset.state === "live"`)
	t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, w := range b.wrong {
			t.Error(w)
		}
	})
	return b
}

// listen notes errors, and requests that lead elsewhere or fail.
func (b *browser) listen(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.wrong = append(b.wrong, fmt.Sprintf("exception: %s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		b.wrong = append(b.wrong, fmt.Sprintf("console %s: %+v", e.Type, e.Args[0]))
	case *log.EventEntryAdded:
		b.wrong = append(b.wrong, fmt.Sprintf("log %s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
	case *network.EventRequestWillBeSent:
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && "http://"+u.Host != b.server.URL || e.Request.Method != "GET" {
			b.wrong = append(b.wrong, "request: "+e.Request.Method+" "+e.Request.URL)
		}
	case *network.EventResponseReceived:
		if e.Response.Status >= 400 {
			b.wrong = append(b.wrong, fmt.Sprintf("answer: %d %s", e.Response.Status, e.Response.URL))
		}
	case *network.EventLoadingFailed:
		if !e.Canceled {
			b.wrong = append(b.wrong, "failed: "+e.ErrorText)
		}
	}
}

// patience is how long one action may take.
const patience = time.Minute

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// call sends a command of the protocol.
func call[P, R any](b *browser, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	out, err := chromedp.Call(ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return out
}

// js evaluates an expression, which may be a promise.
func js[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	out, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("evaluating %s: %v", expression, err)
	}
	return out
}

// run evaluates statements.
func (b *browser) run(statements string) {
	b.t.Helper()
	js[chromedp.Void](b, "(() => { "+statements+" })()")
}

// until waits until an expression is true.
func (b *browser) until(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool]("Boolean("+expression+")", chromedp.WithPollingInterval(20*time.Millisecond))); err != nil {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.t.Fatalf("it never came to %s: %v\n%s", expression, err, strings.Join(b.wrong, "\n"))
	}
}

func (b *browser) key(keys ...string) {
	b.t.Helper()
	for _, k := range keys {
		b.do(chromedp.KeyEvent(k))
	}
}

// show opens a view.
func (b *browser) show(view string) {
	b.t.Helper()
	b.do(chromedp.Click("#tab-" + view))
	b.until(`!document.querySelector("#view-` + view + `").hidden`)
}

// prefer makes the browser say what its user prefers.
func (b *browser) prefer(feature, value string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: feature, Value: value}}})
}

func (b *browser) scheme(name string) {
	b.t.Helper()
	b.prefer("prefers-color-scheme", name)
}

// choose sets a value as a user does.
func (b *browser) choose(selector, value string) {
	b.t.Helper()
	b.run(fmt.Sprintf(`const e = document.querySelector(%q); e.value = %q; for (const kind of ["input", "change"]) e.dispatchEvent(new Event(kind, { bubbles: true }));`, selector, value))
}

// node is the selector of a step in the graph.
func node(step string) string { return `.node[data-name="` + step + `"]` }

func (b *browser) stateOf(step string) string {
	b.t.Helper()
	return js[string](b, fmt.Sprintf("document.querySelector(%q).dataset.state", node(step)))
}

var views = []string{"execution", "network", "events", "chat", "reports"}

// gate stops the world when an event of a history comes, until it is opened.
type gate struct {
	kind, state string
	reached     chan struct{}
	open        chan struct{}
}

func gates(s *site, pairs ...string) []*gate {
	var all []*gate
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, &gate{pairs[i], pairs[i+1], make(chan struct{}), make(chan struct{})})
	}
	left := slices.Clone(all)
	var mu sync.Mutex
	s.Executions.Watch(func(_ string, e asl.Event) {
		mu.Lock()
		defer mu.Unlock()
		if len(left) > 0 && e.Type == left[0].kind && e.Details["name"] == left[0].state {
			g := left[0]
			left = left[1:]
			close(g.reached)
			<-g.open
		}
	})
	return all
}

// An execution is seen from its beginning to its end, and then all that came of
// it.
func TestBrowserFollowsAnExecution(t *testing.T) {
	s := newSite(t, emulator.Config{Seed: 1, Chat: plan.Products()})
	b := open(t, s)
	if got := js[string](b, `document.querySelector("#graph").innerText`); !strings.Contains(got, "No execution yet") {
		t.Errorf("before a commit it says %q", got)
	}
	stops := gates(s, "TaskStateEntered", "EnsureSubnets", "WaitStateEntered", "WaitForEndpoints", "WaitStateEntered", "WaitForWorkspace")
	if _, err := s.Commit(tokyoPath, tokyo(t)); err != nil {
		t.Fatal(err)
	}
	<-stops[0].reached
	b.until(fmt.Sprintf(`document.querySelector(%q)?.dataset.state === "running"`, node("EnsureSubnets")))
	for step, want := range map[string]string{"LoadSpec": "succeeded", "EnsureVpc": "succeeded", "EnsureSecurityGroups": "none", "ReportReady": "none"} {
		if got := b.stateOf(step); got != want {
			t.Errorf("while EnsureSubnets runs, %s is %s, want %s", step, got, want)
		}
	}
	if got := js[string](b, `document.querySelector('.frame[aria-label^="PrepareAccounts"]').dataset.state`); got != "running" {
		t.Errorf("the frame around it is %s", got)
	}
	b.show("network")
	b.until(`document.querySelector(".map")?.getAttribute("aria-label").includes("0 subnets")`)
	b.show("execution")
	close(stops[0].open)
	<-stops[1].reached
	b.until(fmt.Sprintf(`document.querySelector(%q).dataset.state === "waiting"`, node("AwaitEndpoints")))
	close(stops[1].open)
	<-stops[2].reached
	b.until(fmt.Sprintf(`document.querySelector(%q).dataset.state === "waiting"`, node("AwaitWorkspace")))
	if *update {
		b.picture("execution.webp", "light", 1440, 900)
	}
	close(stops[2].open)
	s.settle(t)
	b.until(`document.querySelector("#summary .badge").dataset.state === "succeeded"`)
	for _, step := range plan.Workspace().Steps() {
		if got := b.stateOf(step.Name); got != "succeeded" && got != "skipped" {
			t.Errorf("%s is %s", step.Name, got)
		}
	}
	if got := js[string](b, `document.querySelector("#summary").innerText`); !strings.Contains(got, "52 of 52 steps") || !strings.Contains(got, "tokyo") {
		t.Errorf("it says %q", got)
	}
	b.until(`document.querySelector("#said").textContent.includes("succeeded")`)

	b.seeStep()
	b.seeNetwork()
	b.seeEvents()
	b.seeReports()
	b.seeMessages()
	// The next one is followed, one that was chosen is kept.
	b.show("execution")
	first := js[string](b, `document.querySelector("#executions").value`)
	s.commit(t)
	b.until(`document.querySelector("#executions").value !== "` + first + `" && document.querySelectorAll("#executions option").length === 2`)
	b.until(`document.querySelectorAll('.node[data-state="skipped"]').length > 20`)
	b.choose("#executions", first)
	b.until(`!document.querySelector("#newest").checked && document.querySelectorAll('.node[data-state="skipped"]').length < 20`)
	b.do(chromedp.Click("#newest"))
	b.until(`document.querySelector("#executions").value !== "` + first + `"`)

	// Another machine has another graph.
	if _, err := s.Remove(tokyoPath); err != nil {
		t.Fatal(err)
	}
	s.settle(t)
	b.until(`document.querySelector('.node[data-name="LoadRetirement"]')`)
}

// seeStep looks at what flowed into a step and out of it.
func (b *browser) seeStep() {
	b.t.Helper()
	b.do(chromedp.Click(node("EnsureVpc")))
	b.until(`!document.querySelector("#detail").hidden && document.querySelector("#data .tree")`)
	text := js[string](b, `document.querySelector("#detail").innerText`)
	for _, part := range []string{"EnsureVpc", "succeeded", "Created", "attempts", "entered", "added: "} {
		if !strings.Contains(text, part) {
			b.t.Errorf("the step does not say %q: %s", part, text)
		}
	}
	if data := js[string](b, `document.querySelector("#data").innerText`); !strings.Contains(data, "vpc-") {
		b.t.Errorf("its output is %s", data)
	}
	b.do(chromedp.Click(`#detail [data-part="input"]`))
	b.until(`document.querySelector("#data").getAttribute("aria-label") === "Input"`)
	if data := js[string](b, `document.querySelector("#data").innerText`); strings.Contains(data, "vpc-") || !strings.Contains(data, "workspace") {
		b.t.Errorf("its input is %s", data)
	}
	b.key(kb.Escape)
	b.until(`document.querySelector("#detail").hidden`)
}

// seeNetwork compares the picture with the world.
func (b *browser) seeNetwork() {
	b.t.Helper()
	b.show("network")
	b.until(`document.querySelectorAll(".map .endpoint").length > 0 && document.querySelector(".map").getAttribute("aria-label").includes("is RUNNING")`)
	text := js[string](b, `[...document.querySelectorAll(".map text")].map((e) => e.textContent).join("\n")`)
	parts := []string{
		"10.0.0.0/22", "10.0.1.0/24", "10.0.2.0/24", "10.0.3.0/24", "ap-northeast-1a", "ap-northeast-1c", "REST API", "relay", "S3 gateway endpoint",
		"STS", "Kinesis", "Glue", "available · private DNS", "Databricks control plane", "privatelink-test", "RUNNING", ".cloud.databricks.com",
		"security group pl-sg-1 of compute", "security group pl-sg-2 of endpoints", "No route leads out of the VPC.",
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			b.t.Errorf("the picture does not show %q:\n%s", part, text)
		}
	}
	if *update {
		b.picture("network.webp", "dark", 1280, 930)
	}
	// STS, Kinesis and Glue are in both workspace subnets.
	for expression, want := range map[string]int{
		`document.querySelectorAll(".map .subnet").length`:         3,
		`document.querySelectorAll(".map .endpoint").length`:       9,
		`document.querySelectorAll(".map .compute").length`:        2,
		`document.querySelectorAll(".map .way.good").length`:       6,
		`document.querySelectorAll("#objects tbody tr").length`:    len(b.Objects()),
		`document.querySelectorAll(".groups details").length`:      2,
		`document.querySelectorAll(".map .workspace").length`:      1,
		`document.querySelectorAll("#workspaces option").length`:   1,
		`document.querySelectorAll(".map .state.bad").length`:      0,
		`document.querySelectorAll(".groups details li").length`:   13,
		`document.querySelectorAll("#count-objects").length`:       1,
		`document.querySelectorAll(".map [data-role=s3]").length`:  1,
		`document.querySelectorAll(".map [data-role=sts]").length`: 2,
	} {
		if got := js[int](b, expression); got != want {
			b.t.Errorf("%s is %d, want %d", expression, got, want)
		}
	}
	// Text stays in the box that it is in.
	if outside := js[[]string](b, `[...document.querySelectorAll(".map text")].filter((e) => { const r = e.getBoundingClientRect(), m = document.querySelector(".map").getBoundingClientRect(); return r.left < m.left || r.right > m.right || r.bottom > m.bottom; }).map((e) => e.textContent)`); len(outside) > 0 {
		b.t.Errorf("text leaves the picture: %v", outside)
	}
}

// seeEvents filters the events and looks at one.
func (b *browser) seeEvents() {
	b.t.Helper()
	b.show("events")
	b.until(`document.querySelectorAll("#rows .row").length > 5`)
	b.do(chromedp.SendKeys("#filter", "ensurevpc"))
	b.until(`document.querySelectorAll("#rows .row").length === 1`)
	b.do(chromedp.Click("#rows .row"))
	b.until(`document.querySelector("#event h2")?.textContent === "Workspace Step Completed"`)
	if text := js[string](b, `document.querySelector("#event").textContent`); !strings.Contains(text, "executionArn") || !strings.Contains(text, "vpc-") {
		b.t.Errorf("the event is %s", text)
	}
	b.choose("#filter", "")
}

// seeReports looks at the verification and the plan.
func (b *browser) seeReports() {
	b.t.Helper()
	b.show("reports")
	b.until(`document.querySelectorAll(".checks").length > 5`)
	for _, part := range []string{"71 passed", "2 noted", "0 failed", "VerifyIsolation", "What compute may reach"} {
		if text := js[string](b, `document.querySelector("#report").textContent`); !strings.Contains(text, part) {
			b.t.Errorf("the report does not say %q", part)
		}
	}
	d := report.Drift{Workspace: "tokyo", Revision: "tokyo.yaml@1", Time: b.Clock.Now(), Deviations: []report.Deviation{{
		Step: "EnsureVpc", Difference: report.Difference{Object: "VPC vpc-1", Field: "enableDnsSupport", Found: "false", Wanted: "true"},
		By: &report.Hand{Who: "arn:aws:iam::123456789012:user/somebody", Call: "ec2:ModifyVpcAttribute", Time: b.Clock.Now()},
	}}}
	body, err := json.Marshal(d)
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := b.S3.Put(b.StateBucket, d.Key()[:len(d.Key())-len(".md")]+".json", body); err != nil {
		b.t.Fatal(err)
	}
	b.until(`document.querySelector("#reports option[value='drift/tokyo.json']")`)
	b.choose("#reports", "drift/tokyo.json")
	b.until(`["Drift of tokyo", "enableDnsSupport", "user/somebody", "ec2:ModifyVpcAttribute", "reported"].every((part) => document.querySelector("#report").textContent.includes(part))`)
	b.choose("#reports", "plans/tokyo.json")
	b.until(`document.querySelector("#report").textContent.includes("Plan of tokyo")`)
	if got := js[int](b, `document.querySelectorAll("#report tbody tr").length`); got < 20 {
		b.t.Errorf("the plan has %d rows", got)
	}
}

// seeMessages looks at what the products were told of the execution.
func (b *browser) seeMessages() {
	b.t.Helper()
	b.show("chat")
	for _, product := range plan.Products() {
		b.run(fmt.Sprintf("document.querySelector('#products [data-product=%s]').click()", product))
		b.until(`document.querySelector("#chat").dataset.product === "` + product + `" && document.querySelector("#chat .card." + "` + product + `")`)
		text := js[string](b, `document.querySelector("#chat").textContent`)
		if !strings.Contains(text, "tokyo") || !strings.Contains(text, "eady") {
			b.t.Errorf("%s was told %s", product, text)
		}
		// Of what is known nothing is shown as JSON but the events of a webhook.
		if raw := js[int](b, `document.querySelectorAll("#chat .data").length`); product != plan.Webhook && raw > 0 {
			b.t.Errorf("%s: %d elements are not known", product, raw)
		}
	}
	b.run("document.querySelector('#products [data-product=slack]').click()")
	b.until(`document.querySelector("#chat").dataset.product === "slack" && document.querySelectorAll("#chat .replies .message").length === 4`)
	if *update {
		b.picture("chat.webp", "light", 1120, 700)
	}
	b.run(`document.querySelector("#chat .more").click()`)
	b.until(`document.querySelectorAll("#chat .replies .message").length > 30 && !document.querySelector("#chat .more")`)
}

// Of several workspaces one is looked at, and stays so.
func TestBrowserChoosesAWorkspace(t *testing.T) {
	s := newSite(t)
	s.commit(t)
	if _, err := s.Commit(plan.SourcePrefix+"minimal.yaml", minimal(t)); err != nil {
		t.Fatal(err)
	}
	s.settle(t)
	b := open(t, s)
	b.show("network")
	for _, name := range []string{"tokyo", "minimal"} {
		b.until(`document.querySelector("#workspaces option[value=` + name + `]")`)
		b.choose("#workspaces", name)
		b.until(`document.querySelector(".map")?.getAttribute("aria-label").includes(" of ` + name + `:")`)
		region := map[string]string{"tokyo": "ap-northeast-1", "minimal": "eu-west-1"}[name]
		if text := js[string](b, `document.querySelector(".map").textContent`); !strings.Contains(text, region+"a") {
			t.Errorf("%s is not in %s: %s", name, region, text)
		}
	}
	if _, err := s.Remove(tokyoPath); err != nil {
		t.Fatal(err)
	}
	s.settle(t)
	b.until(`document.querySelector("#executions option").textContent.startsWith("tokyo")`)
	if got := js[string](b, `document.querySelector("#workspaces").value`); got != "minimal" {
		t.Errorf("then %s is chosen", got)
	}
}

// A step that failed is red, and says what to do; a redrive mends it.
func TestBrowserShowsAFailure(t *testing.T) {
	s := newSite(t)
	b := open(t, s)
	lift := s.forbid()
	s.commit(t)
	b.until(`document.querySelector("#summary .badge")?.dataset.state === "failed"`)
	if got := b.stateOf("EnsureSubnets"); got != "failed" {
		t.Errorf("the step is %s", got)
	}
	if got := b.stateOf("RegisterNetwork"); got != "missed" {
		t.Errorf("a step after it is %s", got)
	}
	colours := js[[]string](b, fmt.Sprintf(`(() => { const c = getComputedStyle(document.querySelector(%q)); const root = getComputedStyle(document.documentElement); const e = document.createElement("i"); e.style.color = root.getPropertyValue("--bad-line"); document.body.append(e); const bad = getComputedStyle(e).color; e.remove(); return [c.borderTopColor, bad]; })()`, node("EnsureSubnets")))
	if colours[0] != colours[1] {
		t.Errorf("its border is %s, want the red %s", colours[0], colours[1])
	}
	b.do(chromedp.Click(node("EnsureSubnets")))
	b.until(`document.querySelector("#detail .remedy")`)
	text := js[string](b, `document.querySelector("#detail").innerText`)
	for _, part := range []string{plan.AccessDenied, "What to do:", "Give the permission", "not authorized", "<img src=x onerror=pwned()>"} {
		if !strings.Contains(text, part) {
			t.Errorf("it does not say %q: %s", part, text)
		}
	}
	b.key(kb.Escape)
	b.show("events")
	b.until(`document.querySelector('#rows .row[data-kind="bad"]')`)
	b.show("execution")
	lift()
	s.redrive(t)
	b.until(`document.querySelector("#summary .badge").dataset.state === "succeeded"`)
	if got := js[string](b, `document.querySelector("#summary").innerText`); !strings.Contains(got, "redriven 1×") {
		t.Errorf("it says %q", got)
	}
}

// Whatever others have written is text: nothing of it runs.
func TestBrowserRunsNoTextOfOthers(t *testing.T) {
	const bad = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`
	s := newSite(t, emulator.Config{Seed: 1, Chat: plan.Products()})
	text := string(tokyo(t))
	text += "\n  tags:\n    note: 'javascript:window.pwned=1'\n"
	for _, product := range []string{"slack", "teams", "amazonq", "webhook"} {
		s.posted = append(s.posted, samples(product, bad)...)
	}
	b := open(t, s)
	client := codecommit.New(codecommit.Options{
		Region: s.Config.Region, BaseEndpoint: &s.AWSURL, Credentials: credentials.NewStaticCredentialsProvider("author", "emulated", ""),
	})
	if _, err := client.PutFile(t.Context(), &codecommit.PutFileInput{
		RepositoryName: &s.SourceRepository, BranchName: aws.String("main"), FilePath: aws.String(tokyoPath), FileContent: []byte(text),
		CommitMessage: aws.String(bad), Name: aws.String(bad), Email: aws.String("author@example.com"),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(plan.SourcePrefix+"hostile.yaml", []byte("apiVersion: lakegate.dev/v1\nkind: Workspace\nmetadata:\n  name: '"+bad+"'\nspec:\n  description: "+bad+"\n")); err != nil {
		t.Fatal(err)
	}
	s.Events.Emit(eventbridge.Event{Source: "aws." + bad, DetailType: bad, Region: s.Config.Region, Detail: json.RawMessage(`{"name":` + quoted(bad) + `,` + quoted(bad) + `:1}`)})
	s.settle(t)
	for _, view := range views {
		b.show(view)
		if view == "events" {
			b.choose("#bus", "")
			b.choose("#filter", "onerror")
			b.until(`document.querySelector("#rows").textContent.includes("onerror")`)
			b.run(`[...document.querySelectorAll("#rows .row")].find((r) => r.textContent.includes("onerror")).click()`)
			b.until(`document.querySelector("#event").textContent.includes("onerror")`)
		}
		if view == "chat" {
			for i := range 4 {
				b.run(fmt.Sprintf(`document.querySelectorAll("#products button")[%d].click()`, i))
				b.until(`document.querySelector("#chat").textContent.includes("onerror")`)
			}
		}
		if view == "reports" {
			b.until(`document.querySelector("#report").textContent.includes("onerror")`)
		}
		b.until(`document.querySelector("#live").dataset.state === "live"`)
	}
	if js[bool](b, `"pwned" in window || document.querySelector("main script, main img, #detail img, a[href^=javascript]") !== null`) {
		t.Error("text of others became part of the page")
	}
}

func quoted(s string) string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// samples are messages of a product with every element that it can have, and a
// text in each.
func samples(product, text string) []chat.Message {
	q := quoted(text)
	at := time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)
	payload := map[string]string{
		"slack": `{"text":` + q + `,"blocks":[
			{"type":"header","text":{"type":"plain_text","text":` + q + `}},
			{"type":"section","text":{"type":"plain_text","text":` + q + `},"fields":[{"type":"plain_text","text":` + q + `},{"type":"mrkdwn","text":"*bold* ` + "`code`" + `"}]},
			{"type":"rich_text","elements":[
				{"type":"rich_text_section","elements":[{"type":"text","text":` + q + `,"style":{"bold":true,"code":true}},{"type":"link","url":"javascript:window.pwned=1","text":"press"},{"type":"link","url":"https://console.example/","text":"console"}]},
				{"type":"rich_text_preformatted","elements":[{"type":"text","text":` + q + `}]},
				{"type":"rich_text_list","style":"bullet","elements":[{"type":"rich_text_section","elements":[{"type":"text","text":"one"}]},{"type":"rich_text_section","elements":[{"type":"text","text":"two"}]}]}]},
			{"type":"divider"},{"type":"context","elements":[{"type":"plain_text","text":"context"}]},
			{"type":"actions","elements":[{"type":"button","url":"http://127.0.0.1:4568/","text":{"type":"plain_text","text":"Open"}},{"type":"button","url":"https://console.example/","text":{"type":"plain_text","text":"Console"}}]},
			{"type":"unheard","text":` + q + `}]}`,
		"teams": `{"type":"message","attachments":[{"contentType":"application/vnd.microsoft.card.adaptive","content":{"type":"AdaptiveCard","version":"1.4","body":[
			{"type":"TextBlock","text":` + q + `,"weight":"Bolder","size":"Large"},
			{"type":"RichTextBlock","inlines":[{"type":"TextRun","text":` + q + `,"fontType":"Monospace"},{"type":"TextRun","text":"red","color":"Attention"}]},
			{"type":"FactSet","facts":[{"title":"who","value":` + q + `}]},
			{"type":"Container","style":"attention","items":[{"type":"TextBlock","text":"inside"}]},
			{"type":"ColumnSet","columns":[{"type":"Column","width":"stretch","items":[{"type":"TextBlock","text":"left"}]},{"type":"Column","items":[{"type":"TextBlock","text":"right"}]}]}],
			"actions":[{"type":"Action.OpenUrl","title":"Open","url":"https://console.example/"}]}}]}`,
		"amazonq": `{"version":"1.0","source":"custom","content":{"textType":"client-markdown","title":` + q + `,"description":"*bold* and ` + "`code`\\n```\\nblock\\n```\\n" + strings.Trim(q, `"`) + `\nLog: https://console.example/","nextSteps":[` + q + `],"keywords":["one",` + q + `]}}`,
		"webhook": `{"version":"0","detail-type":` + q + `,"detail":{"name":` + q + `}}`,
	}[product]
	m := chat.Message{Product: product, Time: at, Thread: "1", Payload: json.RawMessage(payload)}
	if product == "webhook" {
		m.Headers = map[string]string{"X-Signature": "sha256=00ff", "Content-Type": "application/json"}
	}
	if product == "slack" {
		m.ID, m.Thread = "1", ""
	}
	reply := m
	reply.ID, reply.Thread = "", "1"
	reply.Time = at.Add(time.Minute)
	other := m
	other.ID, other.Thread, other.Time = "2", "", at.Add(time.Hour)
	return []chat.Message{m, reply, other}
}

// Each product's messages are shown in its form, and threads as threads.
func TestBrowserShowsChat(t *testing.T) {
	s := newSite(t)
	for _, product := range []string{"slack", "teams", "amazonq", "webhook"} {
		s.posted = append(s.posted, samples(product, "What happened")...)
	}
	b := open(t, s)
	b.show("chat")
	b.ready("chat")
	for i, test := range []struct {
		product string
		has     map[string]int
	}{
		{"slack", map[string]int{"h2": 3, ".rich pre": 3, ".rich li": 6, ".actions .button": 6, "a.button": 3, "hr": 3, ".context": 3, ".fields p": 6, "b code": 3, ".data": 3}},
		{"teams", map[string]int{".card.teams": 3, ".large.bold": 3, "dl dt": 3, ".box-attention": 3, ".column-set .container": 6, ".actions .button": 3, "span.code": 3, "span.attention": 3, ".data": 0}},
		{"amazonq", map[string]int{".card.amazonq h2": 3, ".card b": 3, ".card code": 3, ".card pre": 3, ".card .address": 3, "li": 3, ".keywords .tag": 6, ".data": 0}},
		{"webhook", map[string]int{".card.webhook h2": 3, "dl dt": 6, ".data": 3}},
	} {
		b.run(fmt.Sprintf(`document.querySelectorAll("#products button")[%d].click()`, i))
		b.until(`document.querySelector("#chat").dataset.product === "` + test.product + `"`)
		test.has[".thread"], test.has[".replies .message"] = 2, 1
		for selector, want := range test.has {
			if got := js[int](b, `document.querySelectorAll("#chat `+strings.ReplaceAll(selector, ", ", ", #chat ")+`").length`); got != want {
				t.Errorf("%s: %d of %s, want %d", test.product, got, selector, want)
			}
		}
		if left := js[int](b, `[...document.querySelectorAll("#chat a")].filter((a) => !["127.0.0.1", "localhost"].includes(new URL(a.href).hostname)).length`); left > 0 {
			t.Errorf("%s: %d links lead away", test.product, left)
		}
	}
}

// The page stays quick with thousands of events, since few of them are in it.
func TestBrowserWithManyEvents(t *testing.T) {
	const many = 6000
	s := newSite(t)
	for i := range many {
		s.Events.Emit(eventbridge.Event{
			Source: "lakegate", DetailType: "Workspace Step Completed", Region: s.Config.Region,
			Detail: json.RawMessage(fmt.Sprintf(`{"metadata":{"workspace":"team-%04d"},"data":{"step":"EnsureVpc","outcome":"Created","reason":"event %d"}}`, i%100, i)),
		})
	}
	b := open(t, s)
	b.choose("#bus", "")
	began := time.Now()
	b.show("events")
	b.until(`document.querySelector("#shown").textContent === "6000 events" && document.querySelectorAll("#rows .row").length > 5`)
	t.Logf("%d events: shown after %s", many, time.Since(began).Round(time.Millisecond))
	count := func(when string) {
		t.Helper()
		if rows, all := js[int](b, `document.querySelectorAll("#rows .row").length`), js[int](b, `document.querySelectorAll("*").length`); rows > 60 || all > 900 {
			t.Errorf("%s: %d rows and %d elements are in the page", when, rows, all)
		}
	}
	count("at first")
	// The time of each step of a walk through the whole list, as a frame sees it.
	type walk struct{ Longest, Mean float64 }
	took := js[walk](b, `(async () => {
		const list = document.querySelector("#list"), times = [];
		for (let i = 0; i <= 100; i++) {
			const began = performance.now();
			list.scrollTop = (list.scrollHeight - list.clientHeight) * i / 100;
			await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
			times.push(performance.now() - began);
		}
		return { Longest: Math.max(...times), Mean: times.reduce((a, b) => a + b) / times.length };
	})()`)
	t.Logf("scrolling through all: a step takes %.0f ms on the average, at most %.0f ms, two frames included", took.Mean, took.Longest)
	b.until(`document.querySelector("#rows").textContent.includes("event 0")`)
	count("at the end")
	filtered := js[float64](b, `(async () => { const began = performance.now(); const f = document.querySelector("#filter"); f.value = "team-0042"; f.dispatchEvent(new Event("input")); return performance.now() - began; })()`)
	t.Logf("filtering takes %.1f ms", filtered)
	b.until(`document.querySelector("#shown").textContent === "60 of 6000 events"`)
	s.Events.Emit(eventbridge.Event{Source: "lakegate", DetailType: "Workspace Ready", Region: s.Config.Region, Detail: json.RawMessage(`{"metadata":{"workspace":"team-0042"}}`)})
	b.until(`document.querySelector("#shown").textContent === "61 of 6001 events" && document.querySelector("#rows .row").textContent.includes("Ready")`)
	count("filtered")
}

// Everything can be reached and used by keys alone, and what has the focus is
// seen.
func TestBrowserByKeyboard(t *testing.T) {
	s := newSite(t)
	s.commit(t)
	s.posted = samples("slack", "What happened")
	b := open(t, s)
	b.until(`document.querySelector("#summary .badge")?.dataset.state === "succeeded"`)
	const focused = `(() => { const e = document.activeElement, c = getComputedStyle(e); return { Name: e.id || e.dataset.name || e.className || e.tagName, Seen: c.outlineStyle !== "none" && parseFloat(c.outlineWidth) >= 2, Box: e.getBoundingClientRect().top >= 0 }; })()`
	type focus struct {
		Name      string
		Seen, Box bool
	}
	b.key(kb.Tab)
	if f := js[focus](b, focused); f.Name != "skip" || !f.Box {
		t.Errorf("first comes %+v, not the link to the content", f)
	}
	b.key(kb.Enter)
	b.until(`document.activeElement.id === "main"`)
	b.run(`document.activeElement.blur()`)
	b.run(`window.scrollTo(0, 0)`)

	want := []string{"skip", "tab-execution", "theme", "executions", "newest"}
	for _, step := range plan.Workspace().Steps() {
		want = append(want, step.Name)
	}
	b.run(`document.querySelector(".skip").focus()`)
	for i, name := range want {
		f := js[focus](b, focused)
		if f.Name != name || !f.Seen && i > 0 || !f.Box {
			t.Errorf("the focus is on %+v, want %s", f, name)
		}
		b.key(kb.Tab)
	}

	// A step opens and closes, and the focus comes back.
	b.do(chromedp.Focus(node("EnsureVpc")))
	b.key(kb.ArrowRight)
	b.until(`document.activeElement.dataset.name === "EnsureSubnets"`)
	b.key(kb.ArrowLeft, kb.Enter)
	b.until(`document.activeElement.id === "detail-title" && document.activeElement.textContent === "EnsureVpc"`)
	b.key(kb.Tab, kb.Tab, kb.ArrowRight)
	b.until(`document.activeElement.dataset.part === "input" && document.querySelector("#data").getAttribute("aria-label") === "Input"`)
	b.key(kb.Escape)
	b.until(`document.querySelector("#detail").hidden && document.activeElement.dataset.name === "EnsureVpc"`)

	// Arrows go through the views.
	b.do(chromedp.Focus("#tab-execution"))
	for _, view := range append(views[1:], views[0]) {
		b.key(kb.ArrowRight)
		b.until(`document.activeElement.id === "tab-` + view + `" && !document.querySelector("#view-` + view + `").hidden && document.querySelectorAll("[role=tabpanel].view:not([hidden])").length === 1`)
	}
	b.key(kb.End)
	b.until(`document.activeElement.id === "tab-reports"`)
	b.key(kb.Home, kb.ArrowRight, kb.ArrowRight)
	b.until(`document.activeElement.id === "tab-events" && document.querySelectorAll("#rows .row").length > 5`)
	b.do(chromedp.Focus("#list"))
	b.key(kb.ArrowDown, kb.ArrowDown)
	b.until(`document.querySelector("#list").getAttribute("aria-activedescendant") === "event-1" && document.querySelector("#event-1").getAttribute("aria-selected") === "true" && document.querySelector("#event h2")`)
	b.key(kb.End)
	b.until(`document.querySelector("#event-" + (document.querySelector("#rows .row").getAttribute("aria-setsize") - 1))?.getAttribute("aria-selected") === "true"`)
	b.show("chat")
	b.until(`document.querySelectorAll("#chat .thread").length === 2`)
	b.do(chromedp.Focus(`#products [tabindex="0"]`))
	b.key(kb.ArrowRight)
	b.until(`document.activeElement.dataset.product === "teams" && document.activeElement.getAttribute("aria-checked") === "true"`)

	// The theme is a button.
	b.do(chromedp.Focus("#theme"))
	b.key(kb.Enter, kb.Enter)
	b.until(`document.documentElement.dataset.theme === "dark" && getComputedStyle(document.documentElement).colorScheme === "dark"`)
}

// What has a role has a name, and no id is there twice.
func TestBrowserNamesWhatItShows(t *testing.T) {
	s := newSite(t)
	s.commit(t)
	s.posted = samples("slack", "What happened")
	b := open(t, s)
	for _, view := range views {
		b.show(view)
		b.ready(view)
		if view == "execution" {
			b.do(chromedp.Click(node("EnsureVpc")))
			b.until(`document.querySelector("#data .tree")`)
		}
		if bad := js[[]string](b, `[...document.querySelectorAll("button, select, input, [role], a, summary, [tabindex='0']")].filter((e) => e.getClientRects().length).filter((e) => {
			const by = e.getAttribute("aria-labelledby");
			const name = e.getAttribute("aria-label") || (by && document.getElementById(by)?.textContent) || e.labels?.[0]?.textContent || e.textContent;
			return !name?.trim() && !["presentation", "status"].includes(e.getAttribute("role")) ||
				(e.getAttribute("aria-controls") && !document.getElementById(e.getAttribute("aria-controls")));
		}).map((e) => e.outerHTML.slice(0, 120))`); len(bad) > 0 {
			t.Errorf("%s: these have no name, or control nothing: %v", view, bad)
		}
		if twice := js[[]string](b, `[...document.querySelectorAll("[id]")].map((e) => e.id).filter((id, i, all) => all.indexOf(id) !== i)`); len(twice) > 0 {
			t.Errorf("%s: ids that are there twice: %v", view, twice)
		}
		if view == "execution" {
			b.key(kb.Escape)
		}
	}
}

// ready waits until a view shows what it has.
func (b *browser) ready(view string) {
	b.t.Helper()
	b.until(map[string]string{
		"execution": `document.querySelector("#summary .badge")`, "network": `document.querySelector(".map")`, "events": `document.querySelector("#rows .row")`,
		"chat": `document.querySelector("#chat .thread")`, "reports": `document.querySelector("#report table")`,
	}[view])
}

// Text is legible in both schemes: its contrast is that of WCAG 2, level AA.
// https://www.w3.org/TR/WCAG22/#contrast-minimum
func TestBrowserContrast(t *testing.T) {
	s := newSite(t)
	lift := s.forbid()
	s.commit(t)
	lift()
	if _, err := s.Commit(plan.SourcePrefix+"minimal.yaml", minimal(t)); err != nil {
		t.Fatal(err)
	}
	s.settle(t)
	for _, product := range []string{"slack", "teams", "amazonq", "webhook"} {
		s.posted = append(s.posted, samples(product, "What happened")...)
	}
	b := open(t, s)
	seen := 0
	check := func(what string) {
		t.Helper()
		type finding struct {
			Seen int
			Low  []string
		}
		f := js[finding](b, contrast)
		seen += f.Seen
		for _, low := range f.Low {
			t.Errorf("%s: %s", what, low)
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		b.scheme(scheme)
		for _, view := range views {
			b.show(view)
			b.ready(view)
			switch view {
			case "execution":
				for i := range 2 {
					b.run(fmt.Sprintf(`(() => { const s = document.querySelector("#executions"); s.selectedIndex = %d; s.dispatchEvent(new Event("change")); })()`, i))
					b.until(fmt.Sprintf(`document.querySelector("#summary .badge").dataset.state === %q`, []string{"succeeded", "failed"}[i]))
					check(scheme + " " + view)
					b.do(chromedp.Click(node("EnsureSubnets")))
					b.until(`document.querySelector("#data .json-key, #data .muted")`)
					check(scheme + " a step")
					b.key(kb.Escape)
				}
			case "network":
				b.run(`document.querySelectorAll(".groups details").forEach((d) => { d.open = true; })`)
				check(scheme + " " + view)
			case "events":
				b.do(chromedp.Click("#rows .row"))
				b.until(`document.querySelector("#event h2")`)
				check(scheme + " " + view)
			case "chat":
				for i := range 4 {
					b.run(fmt.Sprintf(`document.querySelectorAll("#products button")[%d].click()`, i))
					check(scheme + " " + view)
				}
			default:
				check(scheme + " " + view)
			}
		}
	}
	b.run(`const e = document.createElement("p"); e.textContent = "faint"; e.style.color = "#777d88"; e.style.background = "#3a4048"; document.querySelector("#report").append(e);`)
	if low := js[struct{ Low []string }](b, contrast).Low; len(low) != 1 || !strings.Contains(low[0], "faint") {
		t.Errorf("of a text that is too faint it finds %v", low)
	}
	if seen < 2000 {
		t.Errorf("only %d texts were looked at", seen)
	}
	t.Logf("%d texts have the contrast of WCAG AA", seen)
}

func minimal(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("../../../spec/examples/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// contrast looks at every text that is shown, with what is behind it. Texts of a
// picture are compared with the boxes that they are in.
const contrast = `(() => {
	const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
	canvas.canvas.width = canvas.canvas.height = 1;
	const rgba = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
	const over = (top, under) => top.slice(0, 3).map((c, i) => c * top[3] + under[i] * (1 - top[3])).concat(1);
	const light = ([r, g, b]) => { const f = (v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }; return 0.2126 * f(r) + 0.7152 * f(g) + 0.0722 * f(b); };
	const ratio = (a, b) => { const [x, y] = [light(a), light(b)].sort((p, q) => q - p); return (x + 0.05) / (y + 0.05); };
	const behind = (e) => { const layers = []; for (; e; e = e.parentElement) { const c = rgba(getComputedStyle(e).backgroundColor); if (c[3] > 0) layers.push(c); if (c[3] === 1) break; } return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]); };
	const boxes = [...document.querySelectorAll(".map rect")];
	const inPicture = (e) => { const r = e.getBoundingClientRect(), x = r.left + r.width / 2, y = r.top + r.height / 2; let under = behind(e.closest("svg")); for (const box of boxes) { const b = box.getBoundingClientRect(); if (b.left <= x && x <= b.right && b.top <= y && y <= b.bottom) { const c = rgba(getComputedStyle(box).fill); if (c[3] > 0) under = over(c, under); } } return under; };
	const out = { Seen: 0, Low: [] };
	const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
	for (let n = walker.nextNode(); n; n = walker.nextNode()) {
		const e = n.parentElement, style = getComputedStyle(e);
		if (!n.textContent.trim() || e.closest(".hidden, option, script, noscript, title") || !e.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: false })) continue;
		const svg = e.namespaceURI.endsWith("svg");
		const under = svg ? inPicture(e) : behind(e);
		const text = over(rgba(svg ? style.fill : style.color), under);
		const size = parseFloat(style.fontSize), large = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700;
		out.Seen++;
		const r = ratio(text, under);
		if (r < (large ? 3 : 4.5)) out.Low.push(r.toFixed(2) + " " + e.tagName + "." + e.getAttribute("class") + " " + n.textContent.trim().slice(0, 40));
	}
	out.Low = [...new Set(out.Low)];
	return out;
})()`

// On a phone everything is in one column, and nothing makes the page wider than
// the screen.
func TestBrowserOnAPhone(t *testing.T) {
	s := newSite(t)
	s.commit(t)
	s.posted = samples("slack", "A word_that_has_no_place_to_break_and_is_longer_than_the_whole_screen_of_a_phone_is_wide")
	b := open(t, s)
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 360, Height: 740, DeviceScaleFactor: 2, Mobile: true})
	call(b, emulation.SetTouchEmulationEnabled, emulation.SetTouchEmulationEnabledParams{Enabled: true})
	fits := func(what string) {
		t.Helper()
		if width := js[int](b, `document.documentElement.scrollWidth`); width > 360 {
			wide := js[[]string](b, `[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > 361 && !e.closest(".picture, .scroll, .data, .tabs")).slice(0, 5).map((e) => e.outerHTML.slice(0, 100))`)
			t.Errorf("%s is %d wide: %v", what, width, wide)
		}
	}
	for _, view := range views {
		b.show(view)
		b.ready(view)
		fits(view)
		if view == "execution" {
			b.do(chromedp.Click(node("EnsureVpc")))
			b.until(`document.querySelector("#data .tree")`)
			fits("a step")
			if wide := js[float64](b, `document.querySelector("#detail").getBoundingClientRect().width`); wide > 360 {
				t.Errorf("the step is %.0f wide", wide)
			}
			b.do(chromedp.Click(`#detail .quiet`))
			b.until(`document.querySelector("#detail").hidden`)
			if small := js[[]string](b, `[...document.querySelectorAll(".node")].filter((e) => e.getBoundingClientRect().height < 24).map((e) => e.dataset.name)`); len(small) > 0 {
				t.Errorf("too small for a finger: %v", small)
			}
		}
	}
	b.show("network")
	if !js[bool](b, `(() => { const p = document.querySelector(".picture"); return p.scrollWidth > p.clientWidth; })()`) {
		t.Error("the picture does not scroll on its own")
	}
}

// Who wants no motion has none.
func TestBrowserWithoutMotion(t *testing.T) {
	s := newSite(t)
	stop := gates(s, "TaskStateEntered", "EnsureSubnets")[0]
	b := open(t, s)
	if _, err := s.Commit(tokyoPath, tokyo(t)); err != nil {
		t.Fatal(err)
	}
	<-stop.reached
	mark := fmt.Sprintf(`getComputedStyle(document.querySelector(%q)).animationName`, node("EnsureSubnets")+" .mark")
	b.until(fmt.Sprintf(`document.querySelector(%q)?.dataset.state === "running"`, node("EnsureSubnets")))
	if got := js[string](b, mark); got == "none" {
		t.Error("what runs does not move")
	}
	b.prefer("prefers-reduced-motion", "reduce")
	if got := js[string](b, mark); got != "none" {
		t.Errorf("it moves: %s", got)
	}
	close(stop.open)
	s.settle(t)
}

// picture makes a picture of the README anew.
func (b *browser) picture(name, scheme string, width, height int64) {
	b.t.Helper()
	// Without motion nothing is seen on its way from one colour to another.
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1})
	b.run(`document.activeElement.blur()`)
	b.until(`document.getAnimations().length === 0`)
	quality := int64(82)
	shot := call(b, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{Format: cdppage.CaptureScreenshotFormatWebp, Quality: &quality})
	if err := os.WriteFile(filepath.Join("testdata", name), shot.Data, 0o600); err != nil {
		b.t.Fatal(err)
	}
	if most := 150 << 10; len(shot.Data) > most {
		b.t.Errorf("%s has %d bytes, more than %d", name, len(shot.Data), most)
	}
	b.scheme("light")
	call(b, emulation.ClearDeviceMetricsOverride, cdp.Empty{})
}
