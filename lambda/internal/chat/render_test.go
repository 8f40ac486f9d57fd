package chat_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/chat"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/report/catalogue"
	"lakegate/lambda/plan"
)

var update = flag.Bool("update", false, "write golden files")

// renderers are the products that have a form of their own.
var renderers = map[string]func(*chat.Message) []byte{
	plan.Slack: chat.RenderSlack, plan.Teams: chat.RenderTeams, plan.AmazonQ: chat.RenderAmazonQ,
}

// eventOf is an event as a rule delivers it.
func eventOf(t testing.TB, detailType string, detail report.Event) []byte {
	t.Helper()
	text, err := json.Marshal(detail)
	if err != nil {
		t.Fatal(err)
	}
	event, err := json.Marshal(map[string]any{
		"version": "0", "id": "e0e2baf8-ea66-413d-9bb2-313672b5682f", "detail-type": detailType, "source": plan.EventSource,
		"account": "123456789012", "time": "2026-11-02T09:00:00Z", "region": "ap-northeast-1",
		"resources": []string{detail.Metadata.ExecutionARN}, "detail": json.RawMessage(text),
	})
	if err != nil {
		t.Fatal(err)
	}
	return event
}

// variants are the examples of the catalogue, and what else there is to say.
func variants(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, k := range catalogue.Kinds() {
		out[k.Name()] = eventOf(t, k.DetailType, k.Example)
		e := k.Example
		switch d := e.Data.(type) {
		case report.PlannedData:
			e.Metadata.ExecutionARN, e.Metadata.CorrelationID, e.Metadata.Announced = "", "proposal-3f9a1c7e5b20", false
			out["workspace-planned-proposal"] = eventOf(t, k.DetailType, e)
			refused := d
			refused.Changes, refused.Refused = nil, `tokyo.yaml:9:11: spec.region is "tokyo": it must be a region`
			e.Data = refused
			out["workspace-planned-refused"] = eventOf(t, k.DetailType, e)
		case report.StartedData:
			e.Data = report.StartedData{}
			out["workspace-started-new"] = eventOf(t, k.DetailType, e)
			e.Data = report.StartedData{Retires: true, Applied: d.Applied}
			out["workspace-started-retirement"] = eventOf(t, k.DetailType, e)
		case report.ReadyData:
			d.Recovered = true
			e.Data = d
			out["workspace-ready-recovered"] = eventOf(t, k.DetailType, e)
		case report.SurveyedData:
			d.Failed, d.Failures = 1, []report.SurveyFailure{{Workspace: "osaka", Class: plan.AccessDenied, Message: "reading status of osaka: AccessDenied"}}
			e.Data = d
			out["survey-failed"] = eventOf(t, k.DetailType, e)
		}
	}
	return out
}

func TestEveryMessageOfEveryProduct(t *testing.T) {
	t.Parallel()
	for name, event := range variants(t) {
		m, err := chat.From(event)
		if err != nil {
			t.Fatal(err)
		}
		if name == "survey-completed" {
			if m != nil {
				t.Errorf("a survey that has found nothing says %q", m.Title)
			}
			continue
		}
		if m == nil {
			t.Errorf("%s says nothing", name)
			continue
		}
		for product, render := range renderers {
			t.Run(product+"/"+name, func(t *testing.T) {
				t.Parallel()
				golden(t, filepath.Join("testdata", product, name+".json"), render(m))
			})
		}
	}
}

// A workspace may be called like what stands for the execution of a proposal.
func TestAPlanOfAWorkspaceCalledProposalIsNoProposal(t *testing.T) {
	t.Parallel()
	k := catalogue.Kinds()[0]
	e := k.Example
	e.Metadata.Workspace, e.Metadata.CorrelationID = "proposal", "proposal-3f9a1c7e5b20"
	m, err := chat.From(eventOf(t, k.DetailType, e))
	if err != nil {
		t.Fatal(err)
	}
	if m.Title != "proposal: plan" {
		t.Errorf("the title is %q", m.Title)
	}
}

func golden(t *testing.T, file string, payload []byte) {
	t.Helper()
	var got bytes.Buffer
	if err := json.Indent(&got, payload, "", "  "); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	if *update {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("%s differs (go test ./lambda/internal/chat -update writes it anew):\n%s", file, diff)
	}
}

// hostile are names and messages that somebody might put into a spec, a commit or
// an object's name.
var hostile = map[string]string{
	"slack mention":     "<!channel> <@U012AB3CD> <#C0123|general> @here",
	"slack link":        "<https://evil.test|Open the console>",
	"address":           "https://evil.test http://evil.test/a.databricks.com",
	"markdown":          "*bold* _it_ ~no~ `code` ```\nfence\n``` # head\n- item\n[click](https://evil.test)",
	"html":              `</pre><script>alert(1)</script><img src=x onerror=alert(1)><at>everyone</at>`,
	"card functions":    "{{DATE(2026-11-02T09:00:00Z,SHORT)}} ${$root.secret} {{TIME(2026)}}",
	"json":              `","blocks":[{"type":"divider"}],"x":"\u0000` + "\x00\x1b[31mred\x07",
	"direction":         "\u202egnp.exe\u202c \u2066hidden\u2069 \u200fabc",
	"emoji and flags":   strings.Repeat("👩‍👩‍👧‍👦🇯🇵é", 2000),
	"very long":         strings.Repeat("x", 200_000),
	"broken encoding":   "tokyo\xff\xfe\xed\xa0\x80 " + strings.Repeat("\xf0\x9f\x91", 50),
	"many lines":        strings.Repeat("a\n", 20_000),
	"markup in a fence": "```\n" + strings.Repeat("`", 5000) + "<!here>",
}

// hostileEvents put a text wherever somebody else's text can come from.
func hostileEvents(t testing.TB, text string) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for _, k := range catalogue.Kinds() {
		e := k.Example
		m := &e.Metadata
		m.Workspace, m.Revision = text, text
		m.Change.Author, m.Change.Message, m.Change.Path, m.Change.Version, m.Change.Repository = text, text, text, text, text
		switch d := e.Data.(type) {
		case report.PlannedData:
			d.Refused = text
			e.Data = d
		case report.StartedData:
			d.Applied = text
			e.Data = d
		case report.StepCompletedData:
			d.Reason = text
			e.Data = d
		case report.ReadyData:
			d.URL, d.Report = text, text
			e.Data = d
		case report.FailedData:
			d.Step, d.Message, d.Remedy, d.Report = text, text, text, text
			e.Data = d
		case report.DriftedData:
			d.Message = text
			d.Deviations = []report.Deviation{{Step: text, Difference: report.Difference{Object: text, Field: text, Found: text, Wanted: text}, By: &report.Hand{Who: text, Call: text, Time: time.Unix(0, 0)}}}
			e.Data = d
		case report.SuspendedData:
			d.Message = text
			e.Data = d
		case report.RenamedData:
			d.From, d.To, d.Message = text, text, text
			e.Data = d
		case report.RetiredData:
			d.Message, d.Left = text, []report.Left{{What: text, Why: text}}
			e.Data = d
		case report.SurveyedData:
			d.Failed, d.Failures = 1, []report.SurveyFailure{{Workspace: text, Class: text, Message: text}}
			e.Data = d
		}
		out[k.Name()] = eventOf(t, k.DetailType, e)
	}
	return out
}

func TestNothingInATextIsMarkup(t *testing.T) {
	t.Parallel()
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for kind, event := range hostileEvents(t, text) {
				m, err := chat.From(event)
				if err != nil || m == nil {
					t.Fatalf("%s: %v, %v", kind, m, err)
				}
				for product, render := range renderers {
					if err := harmless(product, render(m)); err != nil {
						t.Errorf("%s in %s: %v", kind, product, err)
					}
				}
			}
		})
	}
}

func FuzzNothingInATextIsMarkup(f *testing.F) {
	for _, text := range hostile {
		f.Add(text[:min(len(text), 4000)])
	}
	f.Fuzz(func(t *testing.T, text string) {
		for kind, event := range hostileEvents(t, text) {
			m, err := chat.From(event)
			if err != nil || m == nil {
				t.Fatalf("%s: %v, %v", kind, m, err)
			}
			for product, render := range renderers {
				if err := harmless(product, render(m)); err != nil {
					t.Errorf("%s in %s: %v", kind, product, err)
				}
			}
		}
	})
}

// harmless says what of a payload a product would refuse or read as markup.
func harmless(product string, payload []byte) error {
	var doc any
	if err := json.Unmarshal(payload, &doc); err != nil {
		return err
	}
	if !utf8.Valid(payload) {
		return fmt.Errorf("it is no UTF-8")
	}
	if most := map[string]int{plan.Slack: 13000, plan.Teams: 28 << 10, plan.AmazonQ: 8000}[product]; len(payload) > most {
		return fmt.Errorf("it has %d bytes", len(payload))
	}
	var problem error
	note := func(format string, args ...any) {
		if problem == nil {
			problem = fmt.Errorf(format, args...)
		}
	}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case []any:
			for i, x := range v {
				walk(fmt.Sprintf("%s[%d]", path, i), x)
			}
		case map[string]any:
			kind, _ := v["type"].(string)
			switch product {
			case plan.Slack:
				if strings.Contains(kind, "mrkdwn") || strings.Contains(kind, "markdown") || kind == "user" || kind == "usergroup" || kind == "broadcast" || kind == "channel" {
					note("%s is of the kind %s", path, kind)
				}
				if blocks, ok := v["blocks"].([]any); ok && len(blocks) > 50 {
					note("%d blocks", len(blocks))
				}
				if kind == "plain_text" && (v["emoji"] != false || units(v["text"]) > 150) {
					note("the header is %v", v)
				}
			case plan.Teams:
				if kind == "TextBlock" || kind == "FactSet" {
					note("%s reads Markdown", path)
				}
				if s, _ := v["text"].(string); strings.Contains(s, "{{") {
					note("%s has a function: %s", path, s)
				}
			}
			for key, x := range v {
				s, isText := x.(string)
				if key == "url" && isText && !strings.HasPrefix(s, "https://ap-northeast-1.console.aws.amazon.com/") {
					note("a link leads to %s", s)
				}
				walk(path+"."+key, x)
			}
		case string:
			for _, r := range v {
				if r < ' ' && r != '\n' || r >= 0x202a && r <= 0x202e || r >= 0x2066 && r <= 0x2069 {
					note("%s has the character %U", path, r)
				}
			}
			if product == plan.Slack && path == ".text" && strings.ContainsAny(strings.NewReplacer("&amp;", "", "&lt;", "", "&gt;", "").Replace(v), "<>&") {
				note("the summary has markup: %s", v)
			}
			if product == plan.AmazonQ && strings.HasPrefix(path, ".content") {
				literal := v
				if before, code, ok := strings.Cut("\n"+v, "\n```\n"); ok {
					inner, after, closed := strings.Cut(code, "\n```")
					if !closed || strings.ContainsAny(inner, "`<>&") {
						note("%s: a code block is not closed, or has markup", path)
					}
					literal = before + after
				}
				for _, l := range strings.Split(literal, "\n") {
					// Links are ours.
					if name, address, ok := strings.Cut(l, ": https://ap-northeast-1.console.aws.amazon.com/"); ok && !strings.ContainsAny(name+address, "<>*`[] ") {
						continue
					}
					if strings.ContainsAny(l, "*_~`<>[]@#|&!\\") || strings.Contains(l, "://") {
						note("%s has markup: %q", path, l)
					}
				}
			}
		}
	}
	walk("", doc)
	return problem
}

func units(v any) int {
	s, _ := v.(string)
	return len(utf16.Encode([]rune(s)))
}
