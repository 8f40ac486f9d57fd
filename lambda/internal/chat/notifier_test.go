package chat_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/chat"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/telemetry"
	"lakegate/lambda/plan"
)

// bucket is the state bucket.
type bucket struct {
	awsapi.Objects
	bodies   map[string][]byte
	versions map[string]int
}

func (b *bucket) GetObject(_ context.Context, in *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	v := b.versions[*in.Key]
	if v == 0 {
		return nil, &smithy.GenericAPIError{Code: "NoSuchKey"}
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(b.bodies[*in.Key])), ETag: aws.String(strconv.Itoa(v))}, nil
}

func (b *bucket) PutObject(_ context.Context, in *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	v := b.versions[*in.Key]
	if fits := in.IfNoneMatch != nil && v == 0 || in.IfMatch != nil && *in.IfMatch == strconv.Itoa(v); !fits {
		return nil, &smithy.GenericAPIError{Code: "PreconditionFailed"}
	}
	body, err := io.ReadAll(in.Body)
	if err != nil {
		return nil, err
	}
	b.bodies[*in.Key], b.versions[*in.Key] = body, v+1
	return &s3.PutObjectOutput{ETag: aws.String(strconv.Itoa(v + 1))}, nil
}

// channel keeps what was sent: the thread and the kind.
type channel struct {
	threads, receipts bool
	sent              []string
}

func (c *channel) Threads() bool { return c.threads }

func (c *channel) Send(_ context.Context, m *chat.Message, thread string) (string, error) {
	c.sent = append(c.sent, thread+": "+m.Kind)
	if !c.receipts {
		return "", nil
	}
	return "root", nil
}

func TestWhatIsToldOnlyToThoseWhoKnowOfTheStart(t *testing.T) {
	t.Parallel()
	sent := time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)
	of := func(kind string, announced bool, data any) []byte {
		return eventOf(t, kind, report.Event{Metadata: report.Metadata{
			Workspace: "tokyo", CorrelationID: "tokyo-1", IdempotencyKey: "tokyo-1/" + strings.ToLower(strings.TrimPrefix(kind, "Workspace ")), Announced: announced,
		}, Data: data})
	}
	started := of(report.Started, true, report.StartedData{})
	step := of(report.StepCompleted, true, report.StepCompletedData{Step: "EnsureVpc", Outcome: "Created"})
	superseded := of(report.Superseded, false, report.FailedData{Class: plan.Superseded})
	for name, c := range map[string]struct {
		events [][]byte
		// after is how long after the events they are handled.
		after time.Duration
		deaf  bool
		// unnamed says that the start was told when the product gave no name.
		unnamed bool
		want    []string
		problem string
	}{
		"a step under its start":                {events: [][]byte{started, step}, want: []string{": Workspace Started", "root: Workspace Step Completed"}},
		"a step before its start":               {events: [][]byte{step}, after: time.Minute, problem: plan.Transient},
		"a step whose start never comes":        {events: [][]byte{step, step}, after: 4 * time.Minute},
		"a step under a start without a name":   {events: [][]byte{started, step}, unnamed: true, want: []string{": Workspace Started"}},
		"the end of what nobody was told of":    {events: [][]byte{superseded}},
		"the same without threads":              {events: [][]byte{superseded}, deaf: true},
		"the end of what somebody was told of":  {events: [][]byte{started, superseded}, want: []string{": Workspace Started", "root: Workspace Superseded"}},
		"the same without threads, being known": {events: [][]byte{started, superseded}, deaf: true, want: []string{": Workspace Started", "root: Workspace Superseded"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			to := &channel{threads: !c.deaf, receipts: !c.unnamed}
			objects := &bucket{bodies: map[string][]byte{}, versions: map[string]int{}}
			n := &chat.Notifier{
				Ledger: &chat.Ledger{Objects: func() awsapi.Objects { return objects }, Bucket: "state", Product: plan.Slack, Now: func() time.Time { return sent.Add(c.after) }},
				Open:   func(context.Context) (chat.Channel, error) { return to, nil },
				Forget: func() {},
				Pause:  func(context.Context, time.Duration) error { return nil },
			}
			var err error
			var lines bytes.Buffer
			for _, e := range c.events {
				ctx, invocation := telemetry.Begin(telemetry.To(t.Context(), telemetry.Output{Lines: &lines}), "NotifySlack", "", "", time.Now)
				err = n.Notify(ctx, e)
				invocation.End(ctx, "")
			}
			// Who looks for what was written about a workspace finds this, too.
			for line := range strings.Lines(lines.String()) {
				if !strings.Contains(line, `"workspace":"tokyo"`) || !strings.Contains(line, `"execution":"tokyo-1"`) {
					t.Errorf("a line does not say what it is about: %s", line)
				}
			}
			if c.problem == "" && err != nil || c.problem != "" && !failure.Is(err, c.problem) {
				t.Errorf("it ended with %v", err)
			}
			if diff := cmp.Diff(c.want, to.sent); diff != "" {
				t.Errorf("it was told (-want +got):\n%s", diff)
			}
		})
	}
}

func TestToPushWhatIsSuspendedIsNoNews(t *testing.T) {
	t.Parallel()
	for already, want := range map[bool]bool{false: true, true: false} {
		m, err := chat.From(eventOf(t, report.Suspended, report.Event{Data: report.SuspendedData{Message: "It stops.", Already: already}}))
		if err != nil || (m != nil) != want {
			t.Errorf("already %t says %+v, %v", already, m, err)
		}
	}
}

// A notification that has nothing but a title has a description all the same:
// without one it is dropped.
func TestEveryNotificationHasADescription(t *testing.T) {
	t.Parallel()
	m := &chat.Message{Mark: chat.Good, Title: "EnsureVpc: Created", Aside: true}
	if got := string(chat.RenderAmazonQ(m)); !strings.Contains(got, `"description":"EnsureVpc: Created"`) {
		t.Errorf("it is %s", got)
	}
}

// Who is told to come later does so for as long as an invocation has time.
func TestWhoIsToldToComeLater(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refusals, after int
		posted          bool
		waited          time.Duration
	}{
		"several times":         {refusals: 6, after: 2, posted: true, waited: 12 * time.Second},
		"again and again":       {refusals: 100, after: 3, waited: 18 * time.Second},
		"much later":            {refusals: 1, after: 600},
		"later than times last": {refusals: 1, after: 1 << 40},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			left, waited := c.refusals, time.Duration(0)
			product := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if left--; left >= 0 {
					w.Header().Set("Retry-After", strconv.Itoa(c.after))
					w.WriteHeader(http.StatusTooManyRequests)
				}
			}))
			t.Cleanup(product.Close)
			p := &chat.Poster{Pause: func(_ context.Context, d time.Duration) error { waited += d; return nil }}
			_, err := p.JSON(t.Context(), "Slack", product.URL, []byte(`{}`), nil)
			if posted := err == nil; posted != c.posted || !posted && !failure.Is(err, plan.Throttled) || waited != c.waited {
				t.Errorf("after %s it ended with %v", waited, err)
			}
		})
	}
}

// secrets count how often they are read.
type secrets struct {
	awsapi.Secrets
	reads int
}

func (s *secrets) GetSecretValue(context.Context, *secretsmanager.GetSecretValueInput, ...func(*secretsmanager.Options)) (*secretsmanager.GetSecretValueOutput, error) {
	s.reads++
	return &secretsmanager.GetSecretValueOutput{SecretString: aws.String(fmt.Sprintf(`{"channel": "C%d"}`, s.reads))}, nil
}

func TestASecretIsReadAnewAfterAWhile(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, time.November, 2, 9, 0, 0, 0, time.UTC)
	kept := &secrets{}
	s := &chat.Secret{Secrets: func() awsapi.Secrets { return kept }, ID: "lakegate/slack", Now: func() time.Time { return now }}
	for _, want := range []struct {
		after   time.Duration
		channel string
	}{{0, "C1"}, {4 * time.Minute, "C1"}, {2 * time.Minute, "C2"}, {time.Minute, "C2"}} {
		now = now.Add(want.after)
		var is struct{ Channel string }
		if err := s.Read(t.Context(), &is); err != nil || is.Channel != want.channel {
			t.Errorf("%s later it says %v, %v, want %s", want.after, is, err, want.channel)
		}
	}
}

// failing is a network that does not work.
type failing struct{ err error }

func (f failing) RoundTrip(*http.Request) (*http.Response, error) { return nil, f.err }

func TestNoErrorHasTheAddress(t *testing.T) {
	t.Parallel()
	echo := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "cannot post to http://"+r.Host+r.RequestURI, http.StatusBadRequest)
	}))
	t.Cleanup(echo.Close)
	for name, c := range map[string]struct {
		address   string
		transport http.RoundTripper
	}{
		"a host that has no address":        {"https://hooks.example.com/secret-path?sig=secret", failing{&net.DNSError{Err: "no such host", Name: "hooks.example.com"}}},
		"a reply that repeats what it gets": {echo.URL + "/secret-path?sig=secret", nil},
		"an address that is none":           {"https://hooks.example.com/%zz-secret", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := &chat.Poster{Transport: c.transport, Pause: func(context.Context, time.Duration) error { return nil }}
			_, err := p.JSON(t.Context(), "the webhook", c.address, []byte(`{}`), nil)
			if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "example.com") {
				t.Errorf("it ended with %v", err)
			}
		})
	}
}
