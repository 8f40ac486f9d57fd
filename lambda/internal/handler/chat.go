package handler

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/chat"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/telemetry"
	"lakegate/lambda/plan"
)

// notifier returns what a function does that tells people; nil if the name is
// that of another function.
func notifier(name string, cfg Config, clients *awsapi.Clients) func(context.Context, []byte) error {
	secret := &chat.Secret{Secrets: clients.Secrets, ID: cfg.ChatSecret, Now: cfg.Now}
	post := &chat.Poster{Transport: cfg.ChatTransport, Pause: cfg.Pause}
	n := &chat.Notifier{
		Ledger: &chat.Ledger{Objects: clients.Objects, Bucket: cfg.StateBucket, Now: cfg.Now},
		Forget: secret.Forget, Pause: cfg.Pause,
	}
	switch name {
	case "NotifySlack":
		n.Ledger.Product = plan.Slack
		n.Open = func(ctx context.Context) (chat.Channel, error) {
			var s struct{ Token, Channel, URL, Host string }
			err := secret.Read(ctx, &s)
			return &chat.Slack{Token: s.Token, Channel: s.Channel, URL: s.URL, Host: s.Host, Post: post}, err
		}
	case "NotifyTeams":
		n.Ledger.Product = plan.Teams
		n.Open = func(ctx context.Context) (chat.Channel, error) {
			var s struct{ URL string }
			err := secret.Read(ctx, &s)
			return &chat.Teams{URL: s.URL, Post: post}, err
		}
	case "NotifyAmazonQ":
		n.Ledger.Product = plan.AmazonQ
		n.Open = func(context.Context) (chat.Channel, error) {
			return &chat.AmazonQ{Topics: clients.Topics, TopicARN: cfg.ChatTopic}, nil
		}
	case "NotifyWebhook":
		return func(ctx context.Context, payload []byte) error { return deliver(ctx, secret, post, cfg.Now, payload) }
	default:
		return nil
	}
	return n.Notify
}

// deliver posts an event as it is.
func deliver(ctx context.Context, secret *chat.Secret, post *chat.Poster, now func() time.Time, payload []byte) error {
	var e struct {
		Detail struct {
			Metadata report.Metadata `json:"metadata"`
		} `json:"detail"`
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return fmt.Errorf("decoding event: %w", err)
	}
	about := e.Detail.Metadata
	telemetry.About(ctx, telemetry.Subject{Workspace: about.Workspace, Revision: about.Revision, Execution: about.CorrelationID})
	var s struct{ URL, Key string }
	if err := secret.Read(ctx, &s); err != nil {
		return err
	}
	err := (&chat.Webhook{URL: s.URL, Key: s.Key, Post: post, Now: now}).Deliver(ctx, about.IdempotencyKey, payload)
	if failure.Is(err, plan.AccessDenied) {
		secret.Forget()
	}
	if err == nil {
		telemetry.Did(ctx, plan.OutcomeSent, 0, false)
	}
	return err
}

// pause waits by the wall's time.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
