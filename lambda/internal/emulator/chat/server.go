// Package chat stands in for the products of chat: it takes messages as they do,
// refuses what they refuse, and keeps what was posted.
package chat

import (
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"lakegate/lambda/internal/emulator/clock"
)

// Message is what was posted.
type Message struct {
	// Product is slack, teams, amazonq or webhook.
	Product string
	// ID of the message where the product gives one, and Thread that of the message
	// or of the thread that it is put under.
	ID, Thread string
	Time       time.Time
	// Payload is the JSON as it was sent.
	Payload json.RawMessage
	// Headers are those of a webhook.
	Headers map[string]string
}

// Server is a Slack, a Microsoft Teams and a webhook under one address, and keeps
// what Amazon Q would show. It is safe for concurrent use.
type Server struct {
	clock *clock.Clock
	// Token of the bot, and Key that webhooks are signed with.
	Token, Key string

	mu       sync.Mutex
	messages []Message
	dropped  []Message
	faults   map[string][]Fault
	watchers []func(Message)
}

// Fault is a reply in the place of a message that is taken.
type Fault struct {
	Status int
	// RetryAfter in seconds; 0 means none.
	RetryAfter int
	// Error of Slack, in a reply with status 200; empty means none.
	Error string
	// Takes says that the message is taken all the same.
	Takes bool
}

// Paths of the products.
const (
	SlackHook = "/slack/hook"
	SlackAPI  = "/slack"
	TeamsHook = "/teams"
	Hook      = "/webhook"
	// SlackChannel is the id of the channel that exists.
	SlackChannel = "C0LAKEGATE"
)

// New returns a server to which nothing was posted.
func New(c *clock.Clock, token, key string) *Server {
	return &Server{clock: c, Token: token, Key: key, faults: map[string][]Fault{}}
}

// Messages returns what was posted, in the order in which it came.
func (s *Server) Messages() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// Dropped returns the notifications that Amazon Q drops without a word, as they
// do not have its form.
func (s *Server) Dropped() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.dropped)
}

// Watch calls a function for every message from now on. It must not block.
func (s *Server) Watch(watcher func(Message)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watchers = append(s.watchers, watcher)
}

// Fail lets the next posts to a product fail, one after the other.
func (s *Server) Fail(product string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults[product] = append(s.faults[product], faults...)
}

func (s *Server) fault(product string) (f Fault, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := s.faults[product]
	if len(waiting) == 0 {
		return Fault{}, false
	}
	s.faults[product] = waiting[1:]
	return waiting[0], true
}

func (s *Server) keep(m Message) Message {
	s.mu.Lock()
	m.Time = s.clock.Now()
	if m.Product == "slack" {
		m.ID = fmt.Sprintf("%d.%06d", m.Time.Unix(), len(s.messages))
	}
	s.messages = append(s.messages, m)
	watchers := s.watchers
	s.mu.Unlock()
	for _, watch := range watchers {
		watch(m)
	}
	return m
}

// ServeHTTP takes messages.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	release := s.clock.Hold()
	defer release()
	product, serve := s.route(r)
	if serve == nil || r.Method != http.MethodPost {
		http.Error(w, "no such address", http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f, failing := s.fault(product)
	if failing && f.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	if failing && !f.Takes {
		if f.Error != "" {
			reply(w, map[string]any{"ok": false, "error": f.Error})
			return
		}
		http.Error(w, "refused", f.Status)
		return
	}
	if failing {
		// The message is taken, and the reply is lost.
		serve(&discard{}, r, body)
		http.Error(w, "lost", f.Status)
		return
	}
	serve(w, r, body)
}

// discard takes a reply that nobody gets.
type discard struct{ header http.Header }

func (d *discard) Header() http.Header {
	if d.header == nil {
		d.header = http.Header{}
	}
	return d.header
}
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

type serving func(w http.ResponseWriter, r *http.Request, body []byte)

func (s *Server) route(r *http.Request) (product string, serve serving) {
	switch r.URL.Path {
	case SlackAPI + "/api/chat.postMessage":
		return "slack", s.postMessage
	case SlackHook:
		return "slack", s.slackHook
	case TeamsHook:
		return "teams", s.teams
	case Hook:
		return "webhook", s.hook
	default:
		return "", nil
	}
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v)
}

// slackMessage is what Slack looks at of a message.
type slackMessage struct {
	Channel  string `json:"channel"`
	ThreadTS string `json:"thread_ts"`
	Text     string `json:"text"`
	Blocks   []struct {
		Type string `json:"type"`
		Text struct {
			Text string `json:"text"`
		} `json:"text"`
	} `json:"blocks"`
}

// refusal is the error of Slack about a message; empty if there is none. The
// length of all blocks together is in no document: it was found at about 13,200.
func (m *slackMessage) refusal(size int) string {
	switch {
	case len(m.Blocks) == 0 && m.Text == "":
		return "no_text"
	case len(m.Blocks) > 50:
		return "invalid_blocks"
	case size > 13200:
		return "msg_blocks_too_long"
	case len(m.Text) > 40000:
		return "msg_too_long"
	}
	for _, b := range m.Blocks {
		if b.Type == "header" && (b.Text.Text == "" || len(utf16.Encode([]rune(b.Text.Text))) > 150) {
			return "invalid_blocks"
		}
	}
	return ""
}

// https://docs.slack.dev/reference/methods/chat.postMessage
func (s *Server) postMessage(w http.ResponseWriter, r *http.Request, body []byte) {
	refuse := func(code string) { reply(w, map[string]any{"ok": false, "error": code}) }
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if subtle.ConstantTimeCompare([]byte(token), []byte(s.Token)) != 1 {
		refuse("invalid_auth")
		return
	}
	var m slackMessage
	if json.Unmarshal(body, &m) != nil {
		refuse("invalid_json")
		return
	}
	if m.Channel != SlackChannel {
		refuse("channel_not_found")
		return
	}
	if code := m.refusal(len(body)); code != "" {
		refuse(code)
		return
	}
	kept := s.keep(Message{Product: "slack", Thread: m.ThreadTS, Payload: body})
	reply(w, map[string]any{"ok": true, "channel": m.Channel, "ts": kept.ID})
}

// https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks
func (s *Server) slackHook(w http.ResponseWriter, _ *http.Request, body []byte) {
	var m slackMessage
	if json.Unmarshal(body, &m) != nil {
		http.Error(w, "invalid_payload", http.StatusBadRequest)
		return
	}
	if code := m.refusal(len(body)); code != "" {
		http.Error(w, code, http.StatusBadRequest)
		return
	}
	s.keep(Message{Product: "slack", Payload: body})
	_, _ = io.WriteString(w, "ok")
}

// https://learn.microsoft.com/en-us/connectors/teams/
func (s *Server) teams(w http.ResponseWriter, _ *http.Request, body []byte) {
	var m struct {
		Type        string
		Attachments []struct {
			ContentType string
			Content     struct{ Type, Version string }
		}
	}
	switch {
	case len(body) > 28<<10:
		http.Error(w, "RequestEntityTooLarge", http.StatusRequestEntityTooLarge)
	case json.Unmarshal(body, &m) != nil || m.Type != "message" || len(m.Attachments) != 1 ||
		m.Attachments[0].ContentType != "application/vnd.microsoft.card.adaptive" || m.Attachments[0].Content.Type != "AdaptiveCard":
		http.Error(w, "the workflow cannot read the card", http.StatusBadRequest)
	default:
		s.keep(Message{Product: "teams", Payload: body})
		w.WriteHeader(http.StatusAccepted)
	}
}

// hook takes what is signed as the Standard Webhooks specification has it,
// whenever that was: the clock here is not the wall's.
func (s *Server) hook(w http.ResponseWriter, r *http.Request, body []byte) {
	key, err := webhooks.NewWebhook(s.Key)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if err := key.VerifyIgnoringTimestamp(body, r.Header); err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	headers := map[string]string{}
	for _, name := range []string{"webhook-id", "webhook-timestamp", "webhook-signature"} {
		headers[name] = r.Header.Get(name)
	}
	s.keep(Message{Product: "webhook", Payload: body, Headers: headers})
	w.WriteHeader(http.StatusNoContent)
}

// Notify takes what was published to the topic of Amazon Q, and drops what is no
// custom notification.
// https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
func (s *Server) Notify(body string) {
	var n struct {
		Version, Source, ID string
		Content             struct{ TextType, Title, Description string }
		Metadata            struct {
			ThreadID string `json:"threadId"`
		}
	}
	m := Message{Product: "amazonq", Payload: json.RawMessage(body)}
	if json.Unmarshal([]byte(body), &n) != nil || n.Version != "1.0" || n.Source != "custom" || n.Content.Description == "" || len(n.Content.Description) > 8000 ||
		n.Content.TextType != "" && n.Content.TextType != "client-markdown" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.dropped = append(s.dropped, m)
		return
	}
	m.Thread = n.Metadata.ThreadID
	s.keep(m)
}
