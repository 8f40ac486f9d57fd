// Package kms emulates symmetric keys of AWS KMS: their policies, aliases, tags,
// rotation and deletion. Nothing is encrypted with them.
package kms

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// The states of a key.
const (
	Enabled         = "Enabled"
	Disabled        = "Disabled"
	PendingDeletion = "PendingDeletion"
)

// Key is a symmetric key.
type Key struct {
	ID, ARN, Region string
	// State is one of the constants.
	State, Policy, Description string
	// Aliases have the prefix alias/.
	Aliases  []string
	Tags     map[string]string
	Rotation bool
	Created  time.Time
}

// Service is the emulated KMS of one account in all regions. It is safe for
// concurrent use.
type Service struct {
	hub     *wire.Hub
	account string

	mu   sync.Mutex
	keys []*Key
}

// New returns a KMS without keys.
func New(hub *wire.Hub, account string) *Service { return &Service{hub: hub, account: account} }

// Wire is the service as the router serves it.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html
func (s *Service) Wire() *wire.Service {
	return &wire.Service{Name: "kms", Protocol: wire.JSON11, Operations: map[string]wire.Operation{
		"CreateKey":            serve(s, s.createKey),
		"DescribeKey":          serve(s, s.describeKey),
		"ListKeys":             serve(s, s.listKeys),
		"ListResourceTags":     serve(s, s.listResourceTags),
		"GetKeyPolicy":         serve(s, s.getKeyPolicy),
		"PutKeyPolicy":         serve(s, s.putKeyPolicy),
		"CreateAlias":          serve(s, s.createAlias),
		"EnableKeyRotation":    serve(s, s.enableKeyRotation),
		"GetKeyRotationStatus": serve(s, s.getKeyRotationStatus),
		"DisableKey":           serve(s, s.disableKey),
		"EnableKey":            serve(s, s.enableKey),
		"ScheduleKeyDeletion":  serve(s, s.scheduleKeyDeletion),
	}}
}

// Keys returns a copy of all keys, in the order of their creation.
func (s *Service) Keys() []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Key
	for _, k := range s.keys {
		c := *k
		c.Aliases, c.Tags = slices.Clone(k.Aliases), maps.Clone(k.Tags)
		out = append(out, c)
	}
	return out
}

// Key returns a copy of the key with an ARN.
func (s *Service) Key(arn string) (Key, bool) {
	for _, k := range s.Keys() {
		if k.ARN == arn {
			return k, true
		}
	}
	return Key{}, false
}

func serve[In any](s *Service, op func(*wire.Call, In) (any, error)) wire.Operation {
	return func(c *wire.Call) (any, error) {
		var in In
		decoder := json.NewDecoder(bytes.NewReader(c.Body))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&in); err != nil {
			return nil, &wire.Error{Code: "SerializationException", Message: fmt.Sprintf("the input of %s is not understood: %v", c.Action, err)}
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		return op(c, in)
	}
}

func refuse(code, format string, args ...any) error {
	return &wire.Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

type tag struct{ TagKey, TagValue string }

type createKeyInput struct {
	Policy, Description, KeyUsage, KeySpec, Origin string
	Tags                                           []tag
	MultiRegion                                    bool
	BypassPolicyLockoutSafetyCheck                 bool
}

func (s *Service) createKey(c *wire.Call, in createKeyInput) (any, error) {
	for _, given := range [][2]string{{in.KeyUsage, "ENCRYPT_DECRYPT"}, {in.KeySpec, "SYMMETRIC_DEFAULT"}, {in.Origin, "AWS_KMS"}} {
		if given[0] != "" && given[0] != given[1] {
			return nil, &wire.Error{Status: 501, Code: "NotImplemented", Message: given[0] + " is not emulated"}
		}
	}
	if in.MultiRegion {
		return nil, &wire.Error{Status: 501, Code: "NotImplemented", Message: "MultiRegion is not emulated"}
	}
	if in.Policy == "" {
		in.Policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` + s.account + `:root"},"Action":"kms:*","Resource":"*"}]}`
	}
	if err := s.checkPolicy(in.Policy); err != nil {
		return nil, err
	}
	k := &Key{
		Region: c.Region, State: Enabled, Policy: in.Policy, Description: in.Description, Tags: map[string]string{}, Created: c.Time,
	}
	for _, t := range in.Tags {
		k.Tags[t.TagKey] = t.TagValue
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%v/%d", s.account, c.Region, in.Tags, len(s.keys)))
	// The bits of a random UUID, version 4.
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	k.ID = fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	k.ARN = "arn:aws:kms:" + c.Region + ":" + s.account + ":key/" + k.ID
	s.keys = append(s.keys, k)
	s.hub.Created(k.ID)
	return map[string]any{"KeyMetadata": s.metadata(k)}, nil
}

// checkPolicy refuses a policy after which nobody could change it again.
func (s *Service) checkPolicy(text string) error {
	var p struct {
		Statement []struct {
			Effect    string
			Principal any
			Action    any
		}
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		return refuse("MalformedPolicyDocumentException", "The policy is not a JSON document: %v", err)
	}
	for _, st := range p.Statement {
		who, what := fmt.Sprint(st.Principal), fmt.Sprint(st.Action)
		if st.Effect == "Allow" && strings.Contains(who, s.account) && (strings.Contains(what, "kms:*") || strings.Contains(what, "kms:PutKeyPolicy")) {
			return nil
		}
	}
	return refuse("MalformedPolicyDocumentException", "The new key policy will not allow you to update the key policy in the future.")
}

func (s *Service) metadata(k *Key) map[string]any {
	return map[string]any{
		"AWSAccountId": s.account, "KeyId": k.ID, "Arn": k.ARN, "CreationDate": float64(k.Created.Unix()), "Enabled": k.State == Enabled,
		"Description": k.Description, "KeyUsage": "ENCRYPT_DECRYPT", "KeyState": k.State, "Origin": "AWS_KMS", "KeyManager": "CUSTOMER",
		"CustomerMasterKeySpec": "SYMMETRIC_DEFAULT", "KeySpec": "SYMMETRIC_DEFAULT", "EncryptionAlgorithms": []string{"SYMMETRIC_DEFAULT"},
		"MultiRegion": false,
	}
}

// find looks a key up by id, ARN, alias or alias ARN. Aliases and ids become
// visible together.
func (s *Service) find(c *wire.Call, id string) (*Key, error) {
	name := id
	if i := strings.Index(id, ":alias/"); i >= 0 {
		name = id[i+1:]
	}
	for _, k := range s.keys {
		if k.Region == c.Region && (k.ID == id || k.ARN == id || slices.Contains(k.Aliases, name)) && s.hub.Visible(k.ID) {
			return k, nil
		}
	}
	if strings.HasPrefix(name, "alias/") {
		return nil, refuse("NotFoundException", "Alias arn:aws:kms:%s:%s:%s is not found.", c.Region, s.account, name)
	}
	return nil, refuse("NotFoundException", "Key '%s' does not exist", id)
}

// usable finds a key that is not about to be deleted.
func (s *Service) usable(c *wire.Call, id string) (*Key, error) {
	k, err := s.find(c, id)
	if err == nil && k.State == PendingDeletion {
		return nil, refuse("KMSInvalidStateException", "%s is pending deletion.", k.ARN)
	}
	return k, err
}

type keyInput struct {
	KeyID string `json:"KeyId"`
}

func (s *Service) describeKey(c *wire.Call, in keyInput) (any, error) {
	k, err := s.find(c, in.KeyID)
	if err != nil {
		return nil, err
	}
	return map[string]any{"KeyMetadata": s.metadata(k)}, nil
}

type pageInput struct {
	KeyID  string `json:"KeyId"`
	Limit  int
	Marker string
}

// listKeys lists at most a hundred keys at a time.
func (s *Service) listKeys(c *wire.Call, in pageInput) (any, error) {
	limit := in.Limit
	if limit == 0 {
		limit = 100
	}
	from := 0
	if in.Marker != "" {
		n, err := strconv.Atoi(in.Marker)
		if err != nil {
			return nil, refuse("InvalidMarkerException", "Could not deserialize marker '%s'", in.Marker)
		}
		from = n
	}
	out := map[string]any{"Truncated": false}
	entries := []map[string]string{}
	for i, k := range s.keys {
		if i < from || k.Region != c.Region || !s.hub.Visible(k.ID) {
			continue
		}
		if len(entries) == limit {
			out["Truncated"], out["NextMarker"] = true, strconv.Itoa(i)
			break
		}
		entries = append(entries, map[string]string{"KeyId": k.ID, "KeyArn": k.ARN})
	}
	out["Keys"] = entries
	return out, nil
}

func (s *Service) listResourceTags(c *wire.Call, in pageInput) (any, error) {
	k, err := s.find(c, in.KeyID)
	if err != nil {
		return nil, err
	}
	tags := []tag{}
	for _, key := range slices.Sorted(maps.Keys(k.Tags)) {
		tags = append(tags, tag{key, k.Tags[key]})
	}
	return map[string]any{"Tags": tags, "Truncated": false}, nil
}

type policyInput struct {
	KeyID      string `json:"KeyId"`
	PolicyName string
	Policy     string

	BypassPolicyLockoutSafetyCheck bool
}

func (s *Service) getKeyPolicy(c *wire.Call, in policyInput) (any, error) {
	k, err := s.find(c, in.KeyID)
	if err != nil {
		return nil, err
	}
	if in.PolicyName != "" && in.PolicyName != "default" {
		return nil, refuse("NotFoundException", "No such policy exists")
	}
	return map[string]string{"Policy": k.Policy, "PolicyName": "default"}, nil
}

func (s *Service) putKeyPolicy(c *wire.Call, in policyInput) (any, error) {
	k, err := s.usable(c, in.KeyID)
	if err != nil {
		return nil, err
	}
	if err := s.checkPolicy(in.Policy); err != nil {
		return nil, err
	}
	k.Policy = in.Policy
	return struct{}{}, nil
}

type aliasInput struct {
	AliasName   string
	TargetKeyID string `json:"TargetKeyId"`
}

func (s *Service) createAlias(c *wire.Call, in aliasInput) (any, error) {
	if !strings.HasPrefix(in.AliasName, "alias/") || strings.HasPrefix(in.AliasName, "alias/aws/") {
		return nil, refuse("InvalidAliasNameException", "Alias must start with the prefix \"alias/\" and not \"alias/aws/\".")
	}
	k, err := s.usable(c, in.TargetKeyID)
	if err != nil {
		return nil, err
	}
	for _, other := range s.keys {
		if other.Region == c.Region && slices.Contains(other.Aliases, in.AliasName) {
			return nil, refuse("AlreadyExistsException", "An alias with the name arn:aws:kms:%s:%s:%s already exists", c.Region, s.account, in.AliasName)
		}
	}
	k.Aliases = append(k.Aliases, in.AliasName)
	return struct{}{}, nil
}

type rotationInput struct {
	KeyID                string `json:"KeyId"`
	RotationPeriodInDays int
}

func (s *Service) enableKeyRotation(c *wire.Call, in rotationInput) (any, error) {
	k, err := s.usable(c, in.KeyID)
	if err != nil {
		return nil, err
	}
	if k.State != Enabled {
		return nil, refuse("DisabledException", "%s is disabled.", k.ARN)
	}
	k.Rotation = true
	return struct{}{}, nil
}

func (s *Service) getKeyRotationStatus(c *wire.Call, in keyInput) (any, error) {
	k, err := s.usable(c, in.KeyID)
	if err != nil {
		return nil, err
	}
	return map[string]any{"KeyRotationEnabled": k.Rotation, "KeyId": k.ARN}, nil
}

func (s *Service) disableKey(c *wire.Call, in keyInput) (any, error) { return s.turn(c, in, Disabled) }
func (s *Service) enableKey(c *wire.Call, in keyInput) (any, error)  { return s.turn(c, in, Enabled) }

func (s *Service) turn(c *wire.Call, in keyInput, state string) (any, error) {
	k, err := s.usable(c, in.KeyID)
	if err != nil {
		return nil, err
	}
	k.State = state
	return struct{}{}, nil
}

type deletionInput struct {
	KeyID               string `json:"KeyId"`
	PendingWindowInDays int
}

func (s *Service) scheduleKeyDeletion(c *wire.Call, in deletionInput) (any, error) {
	k, err := s.usable(c, in.KeyID)
	if err != nil {
		return nil, err
	}
	days := in.PendingWindowInDays
	if days == 0 {
		days = 30
	}
	if days < 7 || days > 30 {
		return nil, refuse("ValidationException", "PendingWindowInDays must be 7 to 30.")
	}
	k.State = PendingDeletion
	return map[string]any{
		"KeyId": k.ARN, "KeyState": k.State, "PendingWindowInDays": days, "DeletionDate": float64(c.Time.AddDate(0, 0, days).Unix()),
	}, nil
}
