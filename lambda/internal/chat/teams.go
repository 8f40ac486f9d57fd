package chat

import (
	"context"
	"encoding/json"
	"strings"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// Teams posts into a channel of Microsoft Teams by the webhook of a workflow. It
// cannot thread.
// https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/add-incoming-webhook
type Teams struct {
	URL  string
	Post *Poster
}

// teamsMessage is how long a message may be, of the 28 KB that a workflow takes.
// https://learn.microsoft.com/en-us/connectors/teams/
const teamsMessage = 24 << 10

// Threads says whether messages of one execution can be put under each other.
func (t *Teams) Threads() bool { return false }

// runs is a block whose text is literal: a TextBlock would read Markdown.
// https://adaptivecards.microsoft.com/?topic=RichTextBlock
func runs(inlines ...block) block { return block{"type": "RichTextBlock", "inlines": inlines} }

// run is a piece of literal text. Cards replace {{DATE(…)}} and {{TIME(…)}}, so
// braces are kept apart.
func run(s string, more block) block {
	out := block{"type": "TextRun", "text": strings.ReplaceAll(s, "{{", "{\u2060{")}
	for k, v := range more {
		out[k] = v
	}
	return out
}

// RenderTeams is a message in the form of Microsoft Teams.
func RenderTeams(m *Message) []byte {
	return fit(teamsMessage, func(detail int) []byte {
		out, err := json.Marshal(block{"type": "message", "attachments": []block{{
			"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": nil, "content": cardOf(m, detail),
		}}})
		if err != nil {
			panic("chat: encoding what cannot fail to be encoded: " + err.Error())
		}
		return out
	})
}

func cardOf(m *Message, detail int) block {
	title := string(m.Mark) + " " + line(m.Title, 200)
	body := []block{runs(run(title, block{"size": "Large", "weight": "Bolder"}))}
	paragraph := func(s string, inlines ...block) {
		// Line breaks in a run are not kept everywhere.
		for _, l := range strings.Split(s, "\n") {
			body = append(body, runs(append(inlines, run(l, nil))...))
			inlines = nil
		}
	}
	if m.Text != "" {
		paragraph(clip(m.Text, detail))
	}
	if m.Detail != "" {
		var lines []block
		for _, l := range strings.Split(clip(m.Detail, detail), "\n") {
			lines = append(lines, runs(run(l, block{"fontType": "Monospace"})))
		}
		body = append(body, block{"type": "Container", "style": "emphasis", "items": lines})
	}
	if m.Next != "" {
		paragraph(clip(m.Next, detail), run("What to do: ", block{"weight": "Bolder"}))
	}
	for _, f := range m.Facts {
		if f.Value != "" {
			body = append(body, runs(run(f.Name+": ", block{"weight": "Bolder"}), run(line(f.Value, min(detail, 400)), nil)))
		}
	}
	card := block{
		"$schema": "http://adaptivecards.io/schemas/adaptive-card.json", "type": "AdaptiveCard", "version": "1.4",
		"fallbackText": title, "msteams": block{"width": "Full"}, "body": body,
	}
	var actions []block
	for _, l := range m.Links {
		actions = append(actions, block{"type": "Action.OpenUrl", "title": l.Text, "url": l.URL})
	}
	if actions != nil {
		card["actions"] = actions
	}
	return card
}

// Send posts a message.
func (t *Teams) Send(ctx context.Context, m *Message, _ string) (receipt string, err error) {
	_, err = t.Post.JSON(ctx, "Microsoft Teams", t.URL, RenderTeams(m), nil)
	if failure.Is(err, plan.AccessDenied) {
		err = failure.As(plan.AccessDenied, "Look whether the workflow is on, and put the URL of its webhook into the secret.", err)
	}
	return "", err
}
