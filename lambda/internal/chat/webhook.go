package chat

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// Webhook posts events as they are to an address of the operator's, signed by the
// Standard Webhooks specification, version 1, for which there are libraries in
// every language.
// https://www.standardwebhooks.com
type Webhook struct {
	URL string
	// Key is whsec_ and the key in Base64.
	Key  string
	Post *Poster
	Now  func() time.Time
}

// Deliver posts an event. The id of the delivery is the same if it is sent again.
func (w *Webhook) Deliver(ctx context.Context, id string, event []byte) error {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(w.Key, "whsec_"))
	if err != nil || len(key) < 24 {
		return failure.New(plan.AccessDenied, "Put a key into the secret: whsec_ and 24 to 64 random bytes in Base64.",
			"reading the key of the webhook: it is no Base64 of at least 24 bytes")
	}
	at := strconv.FormatInt(w.Now().Unix(), 10)
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, event)
	_, err = w.Post.JSON(ctx, "the webhook", w.URL, event, map[string]string{
		"webhook-id": id, "webhook-timestamp": at,
		"webhook-signature": "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)),
	})
	return err
}
