package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"

	"lakegate/lambda/internal/awsapi"
)

// AmazonQ publishes custom notifications for Amazon Q Developer in chat
// applications, which brings them to Slack or Microsoft Teams and threads them.
// https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html
type AmazonQ struct {
	Topics func() awsapi.Topics
	// TopicARN of the topic that the channel's configuration subscribes to.
	TopicARN string
}

// notification is a custom notification; what has another form is dropped without
// a word.
type notification struct {
	Version  string               `json:"version"`
	Source   string               `json:"source"`
	ID       string               `json:"id"`
	Content  notificationContent  `json:"content"`
	Metadata notificationMetadata `json:"metadata"`
}

type notificationContent struct {
	TextType    string   `json:"textType"`
	Title       string   `json:"title"`
	Description string   `json:"description"`
	NextSteps   []string `json:"nextSteps,omitempty"`
	Keywords    []string `json:"keywords,omitempty"`
}

type notificationMetadata struct {
	ThreadID          string            `json:"threadId,omitempty"`
	Summary           string            `json:"summary"`
	EventType         string            `json:"eventType"`
	RelatedResources  []string          `json:"relatedResources,omitempty"`
	AdditionalContext map[string]string `json:"additionalContext,omitempty"`
}

// amazonQMessage is how long a notification may be as a whole, so that its
// description has no more than 8,000 characters.
const amazonQMessage = 8000

// Threads says whether messages of one execution can be put under each other.
func (q *AmazonQ) Threads() bool { return true }

// inert puts wide forms in the place of the characters that are markup in one of
// the clients: a title or a paragraph is Markdown there, each of its own kind, and
// has no way to escape that both know. In a code block only those of the second
// kind end it or are read.
func inert(s string, markup string) string {
	s = strings.Map(func(r rune) rune {
		if strings.ContainsRune(markup, r) {
			return r + wide
		}
		return r
	}, s)
	if markup == inText {
		// Clients make links of addresses.
		s = strings.ReplaceAll(s, "://", string(':'+wide)+"//")
	}
	return s
}

// wide is how far the wide form of a character is from it.
const wide = 0xFEE0

// workspaceURL is the address of a workspace, which is a link by itself.
var workspaceURL = regexp.MustCompile(`^https://[a-z0-9-]+(\.[a-z0-9-]+)*\.databricks\.(com|us)$`)

const (
	inText = "*_~`<>[]@#|&!\\"
	inCode = "`<>&"
)

// RenderAmazonQ is a message as a custom notification.
func RenderAmazonQ(m *Message) []byte {
	return fit(amazonQMessage, func(detail int) []byte {
		// Links would be escaped, which clients undo.
		var out strings.Builder
		enc := json.NewEncoder(&out)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(notificationOf(m, detail)); err != nil {
			panic("chat: encoding what cannot fail to be encoded: " + err.Error())
		}
		return []byte(strings.TrimSuffix(out.String(), "\n"))
	})
}

func notificationOf(m *Message, detail int) notification {
	literal := func(s string, most int) string { return inert(line(s, most), inText) }
	var paragraphs []string
	if m.Text != "" {
		paragraphs = append(paragraphs, inert(clip(m.Text, detail), inText))
	}
	if m.Detail != "" {
		paragraphs = append(paragraphs, "```\n"+inert(clip(m.Detail, detail), inCode)+"\n```")
	}
	var facts []string
	for _, f := range m.Facts {
		switch {
		case workspaceURL.MatchString(f.Value):
			facts = append(facts, f.Name+": "+f.Value)
		case f.Value != "":
			facts = append(facts, f.Name+": "+literal(f.Value, min(detail, 400)))
		}
	}
	for _, l := range m.Links {
		facts = append(facts, l.Text+": "+l.URL)
	}
	if len(facts) > 0 {
		paragraphs = append(paragraphs, strings.Join(facts, "\n"))
	}
	// A notification without a description is dropped.
	if len(paragraphs) == 0 {
		paragraphs = []string{literal(m.Title, 200)}
	}
	n := notification{
		Version: "1.0", Source: "custom", ID: m.Key,
		Content: notificationContent{
			TextType: "client-markdown", Title: string(m.Mark) + " " + literal(m.Title, 200), Description: strings.Join(paragraphs, "\n\n"),
		},
		Metadata: notificationMetadata{
			ThreadID: m.Thread, Summary: literal(m.Title+" "+m.Text, 200), EventType: m.Kind, RelatedResources: m.Resources,
		},
	}
	if m.Next != "" {
		n.Content.NextSteps = []string{inert(clip(m.Next, detail), inText)}
	}
	if m.Workspace != "" {
		name := literal(m.Workspace, 100)
		n.Content.Keywords = []string{"Lakegate", name}
		n.Metadata.AdditionalContext = map[string]string{"workspace": name}
	}
	return n
}

// Send publishes a message. The thread is that of the execution, by its name.
func (q *AmazonQ) Send(ctx context.Context, m *Message, _ string) (receipt string, err error) {
	out, err := q.Topics().Publish(ctx, &sns.PublishInput{TopicArn: &q.TopicARN, Message: aws.String(string(RenderAmazonQ(m)))})
	if err != nil {
		return "", fmt.Errorf("publishing to topic %s: %w", q.TopicARN, err)
	}
	return aws.ToString(out.MessageId), nil
}
