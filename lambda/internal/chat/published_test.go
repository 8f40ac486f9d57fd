//go:build npm

package chat_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"lakegate/lambda/internal/chat"
)

// What the products publish about their messages: Slack the types of its own
// SDKs, Microsoft the parser of its cards.
var published = []string{"@slack/types@2.19.0", "adaptivecards@2.11.3", "typescript@5.9.3"}

// readCards parses each card as clients do, at the version that it says, and
// prints what the parser complains of.
const readCards = `
const cards = require('adaptivecards'), fs = require('fs');
let bad = 0, read = 0;
for (const file of process.argv.slice(2)) {
  const card = JSON.parse(fs.readFileSync(file, 'utf8')).attachments[0].content;
  // These two are of Microsoft Teams and of the schema.
  delete card.msteams; delete card['$schema'];
  const context = new cards.SerializationContext(cards.Version.parse(card.version, new cards.SerializationContext()));
  const parsed = new cards.AdaptiveCard();
  parsed.parse(card, context);
  read++;
  for (let i = 0; i < context.eventCount; i++) { bad++; console.log(file + ': ' + context.getEventAt(i).message); }
  if (parsed.getItemCount() !== card.body.length || parsed.getActionCount() !== (card.actions || []).length) { bad++; console.log(file + ': the parser drops elements'); }
  const again = parsed.toJSON(new cards.SerializationContext(context.targetVersion));
  const members = v => JSON.stringify(v, (k, x) => x && typeof x === 'object' && !Array.isArray(x) ? Object.keys(x).sort().reduce((o, n) => (o[n] = x[n], o), {}) : x);
  if (members(again.body) !== members(card.body)) { bad++; console.log(file + ': the parser does not know all of\n' + members(card.body) + '\n' + members(again.body)); }
}
console.log(read + ' cards');
process.exit(bad ? 1 : 0);
`

// TestPublishedForms holds every message, and the hostile ones, against what the
// products publish.
func TestPublishedForms(t *testing.T) {
	dir := t.TempDir()
	run := func(name string, args ...string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), name, args...)
		cmd.Dir = dir
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Run(); err != nil {
			text := out.String()
			t.Fatalf("%s: %v\n%s", name, err, text[:min(len(text), 8000)])
		}
		return out.String()
	}
	write := func(name string, data []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("package.json", []byte(`{"private": true}`))
	run("npm", append([]string{"install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent"}, published...)...)

	events := variants(t)
	for name, text := range hostile {
		for kind, event := range hostileEvents(t, text) {
			events[strings.ReplaceAll(name, " ", "-")+"-"+kind] = event
		}
	}
	var slack strings.Builder
	slack.WriteString("import type { KnownBlock } from '@slack/types';\ninterface Message { text: string; mrkdwn: boolean; unfurl_links: boolean; unfurl_media: boolean; blocks: KnownBlock[] }\nexport const messages: Message[] = [\n")
	var cards []string
	for name, event := range events {
		m, err := chat.From(event)
		if err != nil {
			t.Fatal(err)
		}
		if m == nil {
			continue
		}
		slack.Write(chat.RenderSlack(m))
		slack.WriteString(",\n")
		file := name + ".json"
		write(file, chat.RenderTeams(m))
		cards = append(cards, file)
	}
	slack.WriteString("];\n")
	write("messages.ts", []byte(slack.String()))
	run("node", "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext", "messages.ts")
	write("cards.js", []byte(readCards))
	if got, want := strings.TrimSpace(run("node", append([]string{"cards.js"}, cards...)...)), fmt.Sprint(len(cards), " cards"); !strings.HasSuffix(got, want) {
		t.Errorf("the parser says %s, want %s", got, want)
	}

	// Both can say no.
	write("wrong.ts", []byte("import type { KnownBlock } from '@slack/types';\nexport const b: KnownBlock[] = [{ type: 'header', text: { type: 'mrkdwn', text: 'x' } }];\n"))
	wrong := exec.CommandContext(t.Context(), "node", "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext", "wrong.ts")
	wrong.Dir = dir
	if wrong.Run() == nil {
		t.Error("the types of Slack take a header with markup")
	}
	write("wrong.json", []byte(`{"attachments": [{"content": {"type": "AdaptiveCard", "version": "1.4", "body": [{"type": "RichText", "inlines": []}]}}]}`))
	wrong = exec.CommandContext(t.Context(), "node", "cards.js", "wrong.json")
	wrong.Dir = dir
	if wrong.Run() == nil {
		t.Error("the parser takes an element that does not exist")
	}
}
