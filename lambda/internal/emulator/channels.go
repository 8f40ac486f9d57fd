package emulator

import (
	"encoding/json"
	"fmt"

	"lakegate/lambda/internal/emulator/chat"
	"lakegate/lambda/plan"
)

// openChannels makes the topic, and the secrets that say where to post: Slack as a
// bot, which can thread.
func (w *World) openChannels() error {
	w.Topics.Add(w.Config.Region, chatTopic)
	for product, value := range map[string]map[string]string{
		plan.Slack:   {"token": slackToken, "channel": chat.SlackChannel, "host": w.ChatURL + chat.SlackAPI},
		plan.Teams:   {"url": w.ChatURL + chat.TeamsHook},
		plan.Webhook: {"url": w.ChatURL + chat.Hook, "key": webhookKey},
	} {
		if err := w.SetChatSecret(product, value); err != nil {
			return err
		}
	}
	return nil
}

// SetChatSecret says anew where to post for a product, and as whom.
func (w *World) SetChatSecret(product string, value map[string]string) error {
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("encoding the secret of %s: %w", product, err)
	}
	w.Secrets.Put(w.Config.Region, chatSecret(product), string(text))
	return nil
}

func chatSecret(product string) string { return "lakegate/" + product }

// secretOf is the secret of a function that tells people; empty if it has none.
func secretOf(function string) string {
	for _, f := range plan.Functions() {
		if f.Name == function && f.Product != "" {
			return chatSecret(f.Product)
		}
	}
	return ""
}
