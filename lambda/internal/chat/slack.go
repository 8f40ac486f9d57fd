package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// Slack posts as a bot, which can thread, or into a webhook, which cannot.
type Slack struct {
	// Token of the bot and the channel's id; or the URL of an incoming webhook.
	Token, Channel string
	URL            string
	// Host of the API; empty means DefaultSlackHost.
	Host string
	Post *Poster
}

// DefaultSlackHost is the API of Slack.
const DefaultSlackHost = "https://slack.com"

// Limits of Slack: of a header, of all blocks of a message together as it was
// found to refuse them, and of the text that notifications show.
// https://docs.slack.dev/reference/block-kit/blocks/header-block
// https://github.com/slackapi/bolt-js/issues/2509
const (
	slackHeader  = 150
	slackMessage = 12000
	slackSummary = 300
)

// Threads says whether messages of one execution can be put under each other.
func (s *Slack) Threads() bool { return s.Token != "" }

type block map[string]any

// richText is a block whose text is literal, whatever is in it.
// https://docs.slack.dev/reference/block-kit/blocks/rich-text-block
func richText(sections ...block) block { return block{"type": "rich_text", "elements": sections} }

func section(elements ...block) block {
	return block{"type": "rich_text_section", "elements": elements}
}

func text(s string) block { return block{"type": "text", "text": s} }

func bold(s string) block {
	return block{"type": "text", "text": s, "style": block{"bold": true}}
}

// RenderSlack is a message in Slack's form, without where it goes.
func RenderSlack(m *Message) []byte {
	return fit(slackMessage, func(detail int) []byte {
		out, err := json.Marshal(slackOf(m, detail))
		if err != nil {
			panic("chat: encoding what cannot fail to be encoded: " + err.Error())
		}
		return out
	})
}

func slackOf(m *Message, detail int) block {
	title := string(m.Mark) + " " + line(m.Title, slackHeader-3)
	var blocks []block
	if m.Aside {
		blocks = append(blocks, richText(section(bold(title), text("  "+clip(m.Text, detail)))))
	} else {
		blocks = append(blocks, block{"type": "header", "text": block{"type": "plain_text", "text": title, "emoji": false}})
		var parts []block
		if m.Text != "" {
			parts = append(parts, section(text(clip(m.Text, detail))))
		}
		if m.Detail != "" {
			parts = append(parts, block{"type": "rich_text_preformatted", "elements": []block{text(clip(m.Detail, detail))}})
		}
		if m.Next != "" {
			parts = append(parts, section(bold("What to do: "), text(clip(m.Next, detail))))
		}
		var facts []block
		for _, f := range m.Facts {
			if f.Value != "" {
				facts = append(facts, bold(f.Name+": "), text(line(f.Value, min(detail, 400))+"\n"))
			}
		}
		for i, l := range m.Links {
			if i > 0 {
				facts = append(facts, text(" · "))
			}
			facts = append(facts, block{"type": "link", "url": l.URL, "text": l.Text})
		}
		if len(facts) > 0 {
			parts = append(parts, section(facts...))
		}
		if len(parts) > 0 {
			blocks = append(blocks, richText(parts...))
		}
	}
	return block{
		"text":   slackEscape(line(title+" "+m.Text, slackSummary)),
		"mrkdwn": false, "unfurl_links": false, "unfurl_media": false,
		"blocks": blocks,
	}
}

// slackEscape keeps a text from being read as a mention or a link.
// https://docs.slack.dev/messaging/formatting-message-text#escaping
func slackEscape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// Send posts a message, under another one if thread is not empty, and returns
// what names it, for the messages that follow.
func (s *Slack) Send(ctx context.Context, m *Message, thread string) (receipt string, err error) {
	body := RenderSlack(m)
	if s.Token == "" {
		_, err := s.Post.JSON(ctx, "Slack", s.URL, body, nil)
		return "", slackRefusal(err)
	}
	var members map[string]any
	if err := json.Unmarshal(body, &members); err != nil {
		return "", fmt.Errorf("decoding a message for Slack: %w", err)
	}
	members["channel"] = s.Channel
	if thread != "" {
		members["thread_ts"] = thread
		// How it ends is shown in the channel as well.
		members["reply_broadcast"] = !m.Aside && m.Mark != Going
	}
	if body, err = json.Marshal(members); err != nil {
		return "", fmt.Errorf("encoding a message for Slack: %w", err)
	}
	host := s.Host
	if host == "" {
		host = DefaultSlackHost
	}
	// https://docs.slack.dev/reference/methods/chat.postMessage
	reply, err := s.Post.JSON(ctx, "Slack", host+"/api/chat.postMessage", body, map[string]string{"Authorization": "Bearer " + s.Token})
	if err != nil {
		return "", err
	}
	var said struct {
		OK    bool   `json:"ok"`
		Error string `json:"error"`
		TS    string `json:"ts"`
	}
	if err := json.Unmarshal(reply, &said); err != nil {
		return "", failure.New(plan.Transient, "", "posting to Slack: the reply is no JSON")
	}
	if !said.OK {
		return "", slackFailure(said.Error)
	}
	return said.TS, nil
}

// slackFailure gives an error of Slack its class.
func slackFailure(code string) error {
	err := fmt.Errorf("posting to Slack: %s", line(code, 100))
	switch code {
	case "ratelimited", "rate_limited", "message_limit_exceeded":
		return failure.As(plan.Throttled, "", err)
	case "internal_error", "fatal_error", "service_unavailable", "request_timeout":
		return failure.As(plan.Transient, "", err)
	case "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope", "no_permission",
		"channel_not_found", "not_in_channel", "is_archived", "restricted_action", "org_login_required", "ekm_access_denied", "team_access_not_granted":
		return failure.As(plan.AccessDenied,
			"Give the app the scope chat:write, invite it to the channel, and put its token and the channel's id into the secret.", err)
	default:
		return failure.As(plan.Internal, "", err)
	}
}

// slackRefusal says what to do about a webhook that is refused.
func slackRefusal(err error) error {
	if failure.Is(err, plan.AccessDenied) {
		return failure.As(plan.AccessDenied, "Make an incoming webhook anew, and put its URL into the secret.", err)
	}
	return err
}
