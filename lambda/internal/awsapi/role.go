package awsapi

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// Role is an IAM role of the account of a workspace, and how it is assumed.
type Role struct {
	ARN string
	// ExternalID is what the trust policy of the role may ask for.
	ExternalID string
	// Session is the name that CloudTrail shows.
	Session string
	// Policy narrows what the role allows; empty means that it does not.
	Policy string
	// Remedy says what to do if the role is refused.
	Remedy string
}

// ErrRefused is that a role may not be assumed. It says nothing of the object
// that was asked for.
var ErrRefused = errors.New("the role may not be assumed")

const (
	// early is how long before they expire credentials are replaced, which is more
	// than an invocation takes.
	early = 6 * time.Minute
	// mostRoles is how many roles a process keeps: each execution has another
	// session.
	mostRoles = 64
)

// roles are the clients of the roles that were assumed, for as long as the
// process lives.
type roles struct {
	config aws.Config

	mu      sync.Mutex
	clients map[Role]*Clients
}

// Assume returns clients that use a role for what lies in the account of a
// workspace. The role is assumed by the first call to there, and again before
// its credentials expire, by the time that now tells.
func (c *Clients) Assume(r Role, now func() time.Time) *Clients {
	c.roles.mu.Lock()
	defer c.roles.mu.Unlock()
	known := c.roles.clients[r]
	if known != nil && !c.rehearsed {
		return known
	}
	target := c.target.Copy()
	if known != nil {
		target.Credentials = known.target.Credentials
	} else {
		target.Credentials = &session{role: r, config: c.roles.config, now: now}
	}
	clients := newClients(c.home, target, c.roles)
	if clients.rehearsed = c.rehearsed; c.rehearsed {
		// A rehearsal is of one document alone.
		return clients
	}
	if len(c.roles.clients) >= mostRoles {
		clear(c.roles.clients)
	}
	c.roles.clients[r] = clients
	return clients
}

// session are the credentials of one role.
type session struct {
	role   Role
	config aws.Config
	now    func() time.Time

	mu      sync.Mutex
	current aws.Credentials
}

// Retrieve returns credentials that are good for an invocation.
func (s *session) Retrieve(ctx context.Context) (aws.Credentials, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current.HasKeys() && s.now().Before(s.current.Expires.Add(-early)) {
		return s.current, nil
	}
	in := &sts.AssumeRoleInput{
		RoleArn: aws.String(s.role.ARN), RoleSessionName: aws.String(s.role.Session), ExternalId: aws.String(s.role.ExternalID),
	}
	if s.role.Policy != "" {
		in.Policy = aws.String(s.role.Policy)
	}
	out, err := sts.NewFromConfig(s.config).AssumeRole(ctx, in)
	if failure.Is(err, plan.AccessDenied) {
		return aws.Credentials{}, failure.As(plan.AccessDenied, s.role.Remedy, fmt.Errorf("assuming role %s: %w: %w", s.role.ARN, ErrRefused, err))
	}
	if err != nil {
		return aws.Credentials{}, fmt.Errorf("assuming role %s: %w", s.role.ARN, err)
	}
	s.current = aws.Credentials{
		AccessKeyID: aws.ToString(out.Credentials.AccessKeyId), SecretAccessKey: aws.ToString(out.Credentials.SecretAccessKey),
		SessionToken: aws.ToString(out.Credentials.SessionToken), Source: s.role.ARN,
		CanExpire: true, Expires: aws.ToTime(out.Credentials.Expiration),
	}
	return s.current, nil
}
