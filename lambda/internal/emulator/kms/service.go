// Package kms emulates AWS Key Management Service: symmetric keys with their
// policies, aliases, tags, rotation and deletion. It encrypts nothing.
//
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html
package kms

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// Service is the emulated KMS of one account in all regions, to be served to the
// clients of AWS and inspected by tests. It is safe for concurrent use.
// https://docs.aws.amazon.com/kms/latest/APIReference/Welcome.html
type Service struct {
	hub     *wire.Hub
	account string

	mu sync.Mutex
	// keys by region and id.
	keys map[place]*key
	// aliases by region and name, which begins with alias/.
	aliases map[place]*alias
	// created counts the keys that were created alike.
	created map[string]int
}

type place struct{ region, name string }

// New returns a KMS without keys, as a new account has it.
// https://docs.aws.amazon.com/kms/latest/APIReference/Welcome.html
func New(hub *wire.Hub, account string) *Service {
	return &Service{hub: hub, account: account, keys: map[place]*key{}, aliases: map[place]*alias{}, created: map[string]int{}}
}

// Wire is the service as the router serves it.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html
func (s *Service) Wire() *wire.Service {
	return &wire.Service{Name: "kms", Protocol: wire.JSON11, Operations: map[string]wire.Operation{
		"CreateKey":            serve(s, s.createKey),
		"DescribeKey":          serve(s, s.describeKey),
		"ListKeys":             serve(s, s.listKeys),
		"ListResourceTags":     serve(s, s.listResourceTags),
		"TagResource":          serve(s, s.tagResource),
		"UntagResource":        serve(s, s.untagResource),
		"GetKeyPolicy":         serve(s, s.getKeyPolicy),
		"PutKeyPolicy":         serve(s, s.putKeyPolicy),
		"CreateAlias":          serve(s, s.createAlias),
		"ListAliases":          serve(s, s.listAliases),
		"DeleteAlias":          serve(s, s.deleteAlias),
		"EnableKeyRotation":    serve(s, s.enableKeyRotation),
		"GetKeyRotationStatus": serve(s, s.getKeyRotationStatus),
		"ScheduleKeyDeletion":  serve(s, s.scheduleKeyDeletion),
		"CancelKeyDeletion":    serve(s, s.cancelKeyDeletion),
		"DisableKey":           serve(s, s.disableKey),
		"EnableKey":            serve(s, s.enableKey),
	}}
}

// serve is an operation that sees nothing that is gone by the time of its call.
func serve[In any](s *Service, op func(*wire.Call, In) (any, error)) wire.Operation {
	return wire.Decoded(&s.mu, func(c *wire.Call, in In) (any, error) {
		s.purge(c.Time)
		return op(c, in)
	})
}

// purge removes the keys whose waiting period has ended, and their aliases.
func (s *Service) purge(now time.Time) {
	maps.DeleteFunc(s.keys, func(at place, k *key) bool {
		gone := !k.doomed.IsZero() && !k.doomed.After(now)
		if gone {
			maps.DeleteFunc(s.aliases, func(a place, x *alias) bool { return a.region == at.region && x.key == at.name })
		}
		return gone
	})
}

// State is the state of a key.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
type State string

// The states of a key that are reached here.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html
const (
	Enabled         State = "Enabled"
	Disabled        State = "Disabled"
	PendingDeletion State = "PendingDeletion"
)

// Key is a key as it is, whatever calls see of it, for tests and inventories.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html
type Key struct {
	ID, ARN string
	State   State
	// Policy as it was put.
	Policy string
	// Aliases by name, such as alias/team.
	Aliases []string
	Tags    map[string]string
	// Rotation says whether the key is rotated.
	Rotation    bool
	Description string
}

// Keys are the keys of a region by id, so that tests can tell what is left.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html
func (s *Service) Keys(region string) []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.purge(s.hub.Clock.Now())
	var out []Key
	for at, k := range s.keys {
		if at.region == region {
			out = append(out, s.view(k))
		}
	}
	slices.SortFunc(out, func(a, b Key) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// Key is the key with an ARN, for who was given one.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html
func (s *Service) Key(arn string) (Key, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.purge(s.hub.Clock.Now())
	for _, k := range s.keys {
		if k.arn == arn {
			return s.view(k), true
		}
	}
	return Key{}, false
}

// Add creates a key with the given ARN and policy, as if it had been there for
// long: callers of the API cannot choose its id.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
func (s *Service) Add(arn, policy string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || arn != s.arn(parts[3], parts[5]) || !keyID.MatchString(strings.TrimPrefix(parts[5], "key/")) {
		return fmt.Errorf("adding key %s: want the ARN of a key of account %s", arn, s.account)
	}
	at := place{parts[3], strings.TrimPrefix(parts[5], "key/")}
	if _, taken := s.keys[at]; taken {
		return fmt.Errorf("adding key %s: it exists", arn)
	}
	if err := s.checkPolicy(policy, false); err != nil {
		return fmt.Errorf("adding key %s: %w", arn, err)
	}
	s.keys[at] = &key{place: at, arn: arn, policy: policy, tags: map[string]string{}, created: s.hub.Clock.Now(), state: Enabled}
	return nil
}

func (s *Service) view(k *key) Key {
	return Key{
		ID: k.name, ARN: k.arn, State: k.state, Policy: k.policy, Tags: maps.Clone(k.tags),
		Aliases: s.aliasesOf(k), Rotation: k.rotates(), Description: k.description,
	}
}

func (s *Service) arn(region, resource string) string {
	return fmt.Sprintf("arn:aws:kms:%s:%s:%s", region, s.account, resource)
}

// newID makes an id that depends on what the key is for, so that the order in
// which keys are created does not matter.
func (s *Service) newID(purpose string) string {
	s.created[purpose]++
	h := sha256.Sum256(fmt.Appendf(nil, "%s/%s %d", s.account, purpose, s.created[purpose]))
	h[6], h[8] = h[6]&0x0f|0x40, h[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}

// visible says whether a call sees an object: one that reads does not see what
// is too fresh.
func (s *Service) visible(c *wire.Call, arn string) bool {
	return wire.Mutating(c.Action) || s.hub.Visible("kms:"+arn)
}

// keyID is the id of a key; that of a multi-Region key begins with mrk-.
// https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#key-id
var keyID = regexp.MustCompile(`^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$`)

// resource is the part of an id or ARN behind the account, which must be this
// one, as must the region.
func (s *Service) resource(c *wire.Call, member, id string) (string, error) {
	if id == "" || len(id) > 2048 {
		return "", validation(id, member, "Member must have length between 1 and 2048")
	}
	if !strings.HasPrefix(id, "arn:") {
		return id, nil
	}
	parts := strings.SplitN(id, ":", 6)
	switch {
	case len(parts) < 6 || parts[2] != "kms" || !strings.HasPrefix(parts[5], "key/") && !strings.HasPrefix(parts[5], "alias/"):
		return "", invalidARN(id)
	case parts[3] != c.Region:
		return "", notFound("Invalid arn %s", parts[3])
	case parts[4] != s.account:
		return "", &wire.Error{Code: "AccessDeniedException", Message: fmt.Sprintf(
			"User: %s is not authorized to perform: kms:%s on this resource because the resource does not exist in this Region, "+
				"no resource-based policies allow access, or a resource-based policy explicitly denies access", c.Caller, c.Action)}
	}
	return strings.TrimPrefix(parts[5], "key/"), nil
}

// find is the key with an id or an ARN.
func (s *Service) find(c *wire.Call, member, id string) (*key, error) {
	name, err := s.resource(c, member, id)
	if err != nil {
		return nil, err
	}
	if !keyID.MatchString(name) {
		if strings.HasPrefix(id, "arn:") {
			return nil, invalidARN(id)
		}
		return nil, notFound("Invalid keyId '%s'", id)
	}
	k, ok := s.keys[place{c.Region, name}]
	if !ok || !s.visible(c, k.arn) {
		return nil, notFound("Key '%s' does not exist", s.arn(c.Region, "key/"+name))
	}
	return k, nil
}

// alive is find for what refuses keys that are going to be deleted.
func (s *Service) alive(c *wire.Call, member, id string) (*key, error) {
	k, err := s.find(c, member, id)
	if err == nil && k.state == PendingDeletion {
		return nil, invalidState("%s is pending deletion.", k.arn)
	}
	return k, err
}

func notFound(format string, args ...any) *wire.Error {
	return &wire.Error{Code: "NotFoundException", Message: fmt.Sprintf(format, args...)}
}

func invalidARN(id string) *wire.Error {
	return &wire.Error{Code: "InvalidArnException", Message: "Invalid arn " + id}
}

func invalidState(format string, args ...any) *wire.Error {
	return &wire.Error{Code: "KMSInvalidStateException", Message: fmt.Sprintf(format, args...)}
}

func limitExceeded(message string) *wire.Error {
	return &wire.Error{Code: "LimitExceededException", Message: message}
}

func notImplemented(what string) *wire.Error {
	return &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "kms: " + what + " is not emulated"}
}

func validation(value any, member, constraint string) *wire.Error {
	return &wire.Error{Code: "ValidationException", Message: fmt.Sprintf(
		"1 validation error detected: Value '%v' at '%s' failed to satisfy constraint: %s", value, member, constraint)}
}

// timestamp is a time as JSON replies have it, in seconds; nil if it is zero.
func timestamp(t time.Time) *float64 {
	if t.IsZero() {
		return nil
	}
	seconds := float64(t.UnixMilli()) / 1000
	return &seconds
}

// page is what the inputs of lists have in common.
type page struct {
	Limit  *int
	Marker string
}

// next is what the outputs of lists have in common.
type next struct {
	NextMarker string `json:",omitempty"`
	Truncated  bool
}

// cut selects the page of names, which it puts in order. A marker is the last
// name of a page, so that what comes or goes between two pages shifts nothing.
func (p page) cut(names []string, size, most int) ([]string, next, error) {
	if p.Limit != nil {
		size = *p.Limit
	}
	if size < 1 || size > most {
		return nil, next{}, validation(size, "limit", fmt.Sprintf("Member must have value between 1 and %d", most))
	}
	after, err := base64.StdEncoding.DecodeString(p.Marker)
	if err != nil {
		return nil, next{}, &wire.Error{Code: "InvalidMarkerException", Message: "Could not deserialize marker '" + p.Marker + "'"}
	}
	slices.Sort(names)
	names = slices.DeleteFunc(names, func(name string) bool { return name <= string(after) })
	if len(names) <= size {
		return names, next{}, nil
	}
	return names[:size], next{base64.StdEncoding.EncodeToString([]byte(names[size-1])), true}, nil
}
