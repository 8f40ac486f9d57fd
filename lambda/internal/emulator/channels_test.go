package emulator_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/chat"
	"lakegate/lambda/plan"
)

// newTalk is a scene that tells every product.
func newTalk(t *testing.T) *scene {
	t.Helper()
	s := newScene(t)
	cfg := s.Config
	cfg.Chat = plan.Products()
	return newSceneIn(t, cfg, s.text)
}

// titles are what a product was told since some messages ago: the titles, with an
// arrow before what is under another message.
func (s *scene) titles(product string, since int) []string {
	s.Helper()
	var out []string
	for _, m := range s.Chat.Messages()[since:] {
		if m.Product != product {
			continue
		}
		title := titleOf(s, m)
		if m.Thread != "" && product == plan.Slack {
			title = "→ " + title
		}
		out = append(out, title)
	}
	return out
}

func titleOf(s *scene, m chat.Message) string {
	s.Helper()
	var p struct {
		Text        string
		Content     struct{ Title string }
		Attachments []struct{ Content struct{ FallbackText string } }
		DetailType  string `json:"detail-type"`
		Blocks      []struct {
			Type string
			Text struct{ Text string }
		}
	}
	if err := json.Unmarshal(m.Payload, &p); err != nil {
		s.Fatal(err)
	}
	switch {
	case m.Product == plan.Teams:
		return p.Attachments[0].Content.FallbackText
	case m.Product == plan.AmazonQ:
		return p.Content.Title
	case m.Product == plan.Webhook:
		return p.DetailType
	case p.Blocks[0].Type == "header":
		return p.Blocks[0].Text.Text
	default:
		return p.Text
	}
}

// told compares what was told to Slack, where steps are left out, and to Teams,
// which cannot thread, since some messages ago. It returns how many there are now.
func (s *scene) told(since int, want ...string) int {
	s.Helper()
	for _, product := range []string{plan.Slack, plan.Teams} {
		var got []string
		for _, title := range s.titles(product, since) {
			title = strings.TrimPrefix(title, "→ ")
			// Steps are named by a verb.
			if !strings.HasPrefix(strings.SplitN(title, " ", 2)[1], "tokyo") {
				continue
			}
			got = append(got, title)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			s.Errorf("%s was told (-want +got):\n%s", product, diff)
		}
	}
	if n := s.Chat.Dropped(); len(n) > 0 {
		s.Errorf("Amazon Q dropped %s", n[0].Payload)
	}
	return len(s.Chat.Messages())
}

func TestEveryChangeOfStateIsToldOnce(t *testing.T) {
	t.Parallel()
	s := newTalk(t)
	path := "workspaces/tokyo.yaml"
	text := string(s.text)

	if _, err := s.Commit("proposed/tokyo.yaml", s.text); err != nil {
		t.Fatal(err)
	}
	s.settle()
	n := s.told(0, "🔵 tokyo: proposed change")

	// Each delivery is made twice.
	s.World.Events.Duplicate(2)
	s.push(s.text)
	s.mustBeReady()
	s.World.Events.Duplicate(1)
	slack := s.titles(plan.Slack, n)
	if slack[0] != "🔵 tokyo: started" {
		t.Errorf("it begins with %q", slack[0])
	}
	if i := slices.IndexFunc(slack[1:], func(title string) bool { return !strings.HasPrefix(title, "→ ") }); i >= 0 {
		t.Errorf("%q is not under the start", slack[1+i])
	}
	for _, step := range []string{"→ ✅ EnsureVpc: Created", "→ ✅ VerifyIsolation: Verified"} {
		if c := len(slices.DeleteFunc(slices.Clone(slack), func(title string) bool { return !strings.HasPrefix(title, step) })); c != 1 {
			t.Errorf("%q is told %d times in:\n%s", step, c, strings.Join(slack, "\n"))
		}
	}
	n = s.told(n, "🔵 tokyo: started", "🔵 tokyo: plan", "✅ tokyo is ready")

	s.push(s.text)
	s.mustBeReady()
	n = s.told(n)

	s.push([]byte(strings.Replace(text, "region: ap-northeast-1", "region: mars-1", 1)))
	n = s.told(n, "❌ tokyo: spec rejected")
	s.push(s.text)
	n = s.told(n, "✅ tokyo has recovered")

	// Two revisions, of which the first is overtaken.
	tagged := strings.Replace(text, "spec:\n", "spec:\n  tags: {team: data}\n", 1)
	if strings.Contains(text, "\n  tags:") {
		tagged = strings.Replace(text, "  tags:\n", "  tags:\n    added: here\n", 1)
	}
	release := s.Clock.Hold()
	if _, err := s.Commit(path, []byte(tagged)); err != nil {
		t.Fatal(err)
	}
	if err := s.Clock.Sleep(t.Context(), 8*time.Second); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit(path, s.text); err != nil {
		t.Fatal(err)
	}
	release()
	s.settle()
	overtaken := s.titles(plan.Teams, n)
	if !slices.Contains(overtaken, "⚪ tokyo: superseded") {
		t.Errorf("Teams was told %v", overtaken)
	}
	n = len(s.Chat.Messages())

	group := s.status().Objects["securityGroups"][0]
	rules, err := awsec2.NewFromConfig(s.somebody()).DescribeSecurityGroupRules(t.Context(), &awsec2.DescribeSecurityGroupRulesInput{})
	if err != nil {
		t.Fatal(err)
	}
	var taken types.SecurityGroupRule
	for _, r := range rules.SecurityGroupRules {
		if *r.GroupId == group && *r.IsEgress && r.CidrIpv4 != nil {
			taken = r
			if _, err := awsec2.NewFromConfig(s.somebody()).RevokeSecurityGroupEgress(t.Context(), &awsec2.RevokeSecurityGroupEgressInput{
				GroupId: &group, SecurityGroupRuleIds: []string{*r.SecurityGroupRuleId},
			}); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	s.verify()
	n = s.told(n, "⚠️ tokyo differs from its spec")
	s.verify()
	n = s.told(n)

	// Whoever took it puts it back.
	if _, err := awsec2.NewFromConfig(s.somebody()).AuthorizeSecurityGroupEgress(t.Context(), &awsec2.AuthorizeSecurityGroupEgressInput{
		GroupId: &group, IpPermissions: []types.IpPermission{{
			IpProtocol: taken.IpProtocol, FromPort: taken.FromPort, ToPort: taken.ToPort, IpRanges: []types.IpRange{{CidrIp: taken.CidrIpv4}},
		}},
	}); err != nil {
		t.Fatal(err)
	}
	s.verify()
	n = s.told(n, "✅ tokyo has recovered")
	s.verify()
	n = s.told(n)

	s.push([]byte(strings.Replace(text, "spec:\n", "spec:\n  deletionPolicy: Delete\n", 1)))
	s.mustBeReady()
	n = s.told(n)
	if _, err := s.Remove(path); err != nil {
		t.Fatal(err)
	}
	s.settle()
	s.told(n, "🔵 tokyo: started", "✅ tokyo is retired")
	if dead := s.World.Events.DeadLetters(); len(dead) > 0 {
		t.Errorf("%d events were not delivered: %+v", len(dead), dead[0])
	}
	for _, m := range s.Chat.Messages() {
		if m.Product == plan.AmazonQ && m.Thread == "" {
			t.Errorf("Amazon Q has no thread for %s", m.Payload)
		}
	}
}

func TestAFailureNamesTheStepTheCauseAndTheWayOut(t *testing.T) {
	t.Parallel()
	s := newTalk(t)
	s.Databricks.SetPrivateLink("", false)
	s.push(s.text)
	var step string
	for _, m := range s.Chat.Messages() {
		title := titleOf(s, m)
		if m.Product == plan.Webhook || !strings.HasPrefix(title, "❌") {
			continue
		}
		_, step, _ = strings.Cut(title, "❌ tokyo failed at ")
		for _, part := range []string{"Register", "What to do", "ap-northeast-1", emulator.ExampleAWSAccount, "states/home", "s3/object"} {
			if part == "What to do" && m.Product == plan.AmazonQ {
				part = "nextSteps"
			}
			if !strings.Contains(string(m.Payload), part) {
				t.Errorf("%s is not told of %q: %s", m.Product, part, m.Payload)
			}
		}
	}
	if step == "" {
		t.Fatal("no failure was told")
	}
	n := len(s.Chat.Messages())
	s.Databricks.SetPrivateLink("", true)
	s.redrive()
	s.mustBeReady()
	s.told(n, "✅ tokyo has recovered")
}

func TestProductsThatFailAreAskedAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		faults []chat.Fault
		// lost says that the event ends as a dead letter.
		lost bool
	}{
		"throttled":          {faults: []chat.Fault{{Status: http.StatusTooManyRequests, RetryAfter: 7}}},
		"throttled for long": {faults: []chat.Fault{{Status: http.StatusTooManyRequests, RetryAfter: 600}, {Status: http.StatusTooManyRequests, RetryAfter: 600}}},
		"down":               {faults: []chat.Fault{{Status: http.StatusBadGateway}, {Status: http.StatusServiceUnavailable}}},
	} {
		for _, product := range []string{plan.Slack, plan.Teams, plan.Webhook} {
			t.Run(product+" "+name, func(t *testing.T) {
				t.Parallel()
				s := newTalk(t)
				s.Chat.Fail(product, c.faults...)
				s.push([]byte(strings.Replace(string(s.text), "region: ap-northeast-1", "region: mars-1", 1)))
				if got := s.titles(product, 0); len(got) != 1 {
					t.Errorf("%s was told %v", product, got)
				}
				if n := len(s.World.Events.DeadLetters()); n > 0 {
					t.Errorf("%d events were not delivered", n)
				}
			})
		}
	}
}

// A message whose reply was lost may be there twice, and is never missing.
func TestAMessageWhoseReplyWasLostIsNotMissing(t *testing.T) {
	t.Parallel()
	s := newTalk(t)
	s.Chat.Fail(plan.Slack, chat.Fault{Status: http.StatusBadGateway, Takes: true})
	s.push([]byte(strings.Replace(string(s.text), "region: ap-northeast-1", "region: mars-1", 1)))
	if got := s.titles(plan.Slack, 0); len(got) == 0 || len(got) > 2 {
		t.Errorf("Slack was told %v", got)
	}
}

func TestASecretThatWasMendedIsReadAnew(t *testing.T) {
	t.Parallel()
	s := newTalk(t)
	if err := s.SetChatSecret(plan.Slack, map[string]string{"token": "xoxb-old", "channel": chat.SlackChannel, "host": s.ChatURL + chat.SlackAPI}); err != nil {
		t.Fatal(err)
	}
	bad := []byte(strings.Replace(string(s.text), "region: ap-northeast-1", "region: mars-1", 1))
	release := s.Clock.Hold()
	if _, err := s.Commit("workspaces/tokyo.yaml", bad); err != nil {
		t.Fatal(err)
	}
	if err := s.Clock.Sleep(t.Context(), 30*time.Second); err != nil {
		t.Fatal(err)
	}
	if err := s.SetChatSecret(plan.Slack, map[string]string{"url": s.ChatURL + chat.SlackHook}); err != nil {
		t.Fatal(err)
	}
	release()
	s.settle()
	if diff := cmp.Diff([]string{"❌ tokyo: spec rejected"}, s.titles(plan.Slack, 0)); diff != "" {
		t.Errorf("Slack was told (-want +got):\n%s", diff)
	}
}
