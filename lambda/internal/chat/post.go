package chat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// Poster posts JSON. The addresses are secrets, so they are in no error.
type Poster struct {
	// Transport of the requests; nil means the default one.
	Transport http.RoundTripper
	// Pause waits within an invocation.
	Pause func(context.Context, time.Duration) error
}

const (
	// maxReply is how much of a reply is read.
	maxReply = 64 << 10
	// patience is how long one waits that is told to come later. With the wait for
	// the message above and two replies it has to fit into an invocation: one that
	// is cut off keeps its claim.
	patience = 20 * time.Second
	// answersWithin is how long a reply may take.
	answersWithin = 10 * time.Second
)

// JSON posts a body to the address of a product and returns the reply. It waits as
// long as it has patience if it is told to come later: steps that run side by side
// are told of at once, and Slack takes about one message a second. It follows no
// redirect, which would lead the body elsewhere.
// https://docs.slack.dev/apis/web-api/rate-limits
func (p *Poster) JSON(ctx context.Context, product, address string, body []byte, header map[string]string) ([]byte, error) {
	if err := checkAddress(address); err != nil {
		return nil, failure.New(plan.AccessDenied, "Put the address into the secret: https://…", "posting to %s: %w", product, err)
	}
	for left := patience; ; {
		reply, wait, err := p.once(ctx, product, address, body, header)
		if wait == 0 || wait > left {
			return reply, err
		}
		left -= wait
		if err := p.Pause(ctx, wait); err != nil {
			return nil, fmt.Errorf("waiting for %s: %w", product, err)
		}
	}
}

// checkAddress refuses addresses to which the body would go unencrypted, except
// on this machine.
func checkAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return errors.New("the address is none")
	}
	if ip := net.ParseIP(u.Hostname()); u.Scheme != "https" && (ip == nil || !ip.IsLoopback()) {
		return errors.New("the address does not begin with https")
	}
	return nil
}

// once posts once. Wait is how long the product wants to be left alone.
func (p *Poster) once(ctx context.Context, product, address string, body []byte, header map[string]string) (reply []byte, wait time.Duration, err error) {
	ctx, cancel := context.WithTimeout(ctx, answersWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return nil, 0, fmt.Errorf("posting to %s: the address is none", product)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	for name, value := range header {
		req.Header.Set(name, value)
	}
	client := &http.Client{Transport: p.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(req)
	if err != nil {
		if about, ok := errors.AsType[*url.Error](err); ok {
			err = about.Err
		}
		return nil, 0, failure.New(plan.Transient, "", "posting to %s: %s", product, without(req.URL, err.Error()))
	}
	defer func() { _ = resp.Body.Close() }()
	reply, err = io.ReadAll(io.LimitReader(resp.Body, maxReply))
	if err != nil {
		return nil, 0, failure.As(plan.Transient, "", fmt.Errorf("reading the reply of %s: %w", product, err))
	}
	switch status := resp.StatusCode; {
	case status >= 200 && status < 300:
		return reply, 0, nil
	case status == http.StatusTooManyRequests:
		seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
		if err != nil || seconds < 1 {
			seconds = 1
		}
		return nil, time.Duration(min(seconds, 3600)) * time.Second, failure.New(plan.Throttled, "", "posting to %s: it answers 429, too many requests", product)
	case status >= 500 || status == http.StatusRequestTimeout:
		return nil, 0, failure.New(plan.Transient, "", "posting to %s: it answers %d", product, status)
	case status == http.StatusBadRequest || status == http.StatusRequestEntityTooLarge:
		return nil, 0, failure.New(plan.Internal, "", "posting to %s: it answers %d, %s", product, status, line(without(req.URL, string(reply)), 100))
	default:
		return nil, 0, failure.New(plan.AccessDenied, "Look whether the address in the secret is still good.", "posting to %s: it answers %d", product, status)
	}
}

// without leaves an address out of a text: the error of a connection names the
// host, and a reply may repeat what it was asked.
func without(address *url.URL, text string) string {
	for _, part := range []string{address.String(), address.RequestURI(), address.Hostname()} {
		// The root is the path of every address.
		if len(part) > 1 {
			text = strings.ReplaceAll(text, part, "***")
		}
	}
	return text
}
