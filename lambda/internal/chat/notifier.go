package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/telemetry"
	"lakegate/lambda/plan"
)

// Channel is where messages go.
type Channel interface {
	// Threads says whether messages of one execution can be put under each other.
	Threads() bool
	// Send posts a message, under another one if thread is not empty, and returns
	// what names it.
	Send(ctx context.Context, m *Message, thread string) (receipt string, err error)
}

// Notifier tells one product what the events of the bus say, each once.
type Notifier struct {
	Ledger *Ledger
	// Open returns the channel.
	Open func(context.Context) (Channel, error)
	// Forget is called when the product has refused who we are.
	Forget func()
	// Pause waits within an invocation.
	Pause func(context.Context, time.Duration) error
}

const (
	// beginning is how often a reply looks for the message that it belongs under,
	// and hesitation the pause in between: events overtake each other.
	beginning  = 8
	hesitation = 2 * time.Second
	// interest in a step is lost after that time, if there is nothing to put it
	// under: it is shorter than what passes until Lambda tries for the third time.
	interest = 3 * time.Minute
)

// Notify posts the message of an event, if there is one.
func (n *Notifier) Notify(ctx context.Context, payload []byte) error {
	m, err := From(payload)
	if err != nil || m == nil {
		return err
	}
	telemetry.About(ctx, telemetry.Subject{Workspace: m.Workspace, Revision: m.Revision, Execution: m.Thread})
	channel, err := n.Open(ctx)
	if err != nil {
		return err
	}
	if m.Aside && !channel.Threads() {
		return nil
	}
	etag, ok, err := n.Ledger.claim(ctx, m.Key)
	if err != nil || !ok {
		return err
	}
	receipt, told, err := n.post(ctx, channel, m)
	if err != nil {
		if failure.Is(err, plan.AccessDenied) {
			n.Forget()
		}
		// Whoever tries again need not wait until the claim has run out.
		if _, undone := n.Ledger.write(ctx, m.Key, entry{}, etag); undone != nil {
			slog.WarnContext(ctx, "claim not given back", "message", m.Key, "error", failure.Message(undone))
		}
		return err
	}
	if told {
		telemetry.Did(ctx, plan.OutcomeSent, 0, false)
	}
	_, err = n.Ledger.write(ctx, m.Key, entry{Claimed: n.Ledger.Now().UTC(), Posted: true, Receipt: receipt}, etag)
	return err
}

// post posts a message where it belongs: under that which has told of the start,
// or on its own. What is of interest only to those who were told of the start is
// not told to others.
func (n *Notifier) post(ctx context.Context, channel Channel, m *Message) (receipt string, told bool, err error) {
	if m.Kind == report.Started || !channel.Threads() && m.Kind != report.Superseded {
		receipt, err = channel.Send(ctx, m, "")
		return receipt, true, err
	}
	for try := 1; ; try++ {
		root, _, err := n.Ledger.read(ctx, m.Thread+"/started")
		if err != nil {
			return "", false, err
		}
		switch {
		case m.Kind == report.Superseded && !root.Posted, m.Aside && root.Posted && root.Receipt == "":
			// The latter was told when the product could not thread yet.
			return "", false, nil
		case root.Posted, !m.Reply:
			receipt, err = channel.Send(ctx, m, root.Receipt)
			return receipt, true, err
		case try < beginning:
			if err := n.Pause(ctx, hesitation); err != nil {
				return "", false, fmt.Errorf("waiting for the message that %s belongs under: %w", m.Key, err)
			}
		case m.Aside && n.Ledger.Now().Sub(m.Time) > interest:
			return "", false, nil
		case m.Aside:
			return "", false, failure.New(plan.Transient, "", "posting %s: the message that it belongs under is not there yet", m.Key)
		default:
			receipt, err = channel.Send(ctx, m, "")
			return receipt, true, err
		}
	}
}

// Secret reads a secret, and remembers it for a while. It is safe for concurrent
// use.
type Secret struct {
	Secrets func() awsapi.Secrets
	ID      string
	Now     func() time.Time

	mu   sync.Mutex
	text string
	read time.Time
}

// remembered is for how long a secret is: who has written another channel into it
// sees that soon, though the old one is as good.
const remembered = 5 * time.Minute

// Read decodes the secret, which is JSON.
func (s *Secret) Read(ctx context.Context, into any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if now := s.Now(); s.text == "" || now.Sub(s.read) > remembered {
		out, err := s.Secrets().GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &s.ID})
		if err != nil {
			return fmt.Errorf("reading secret %s: %w", s.ID, err)
		}
		s.text, s.read = aws.ToString(out.SecretString), now
	}
	if json.Unmarshal([]byte(s.text), into) != nil {
		// The error would have parts of it.
		s.text = ""
		return failure.New(plan.ActionRequired, "Put the JSON into it that the README describes.", "decoding secret %s: it is not the JSON that is expected", s.ID)
	}
	return nil
}

// Forget lets the secret be read anew: it may have been changed.
func (s *Secret) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.text = ""
}
