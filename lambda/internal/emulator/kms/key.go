package kms

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"lakegate/lambda/internal/emulator/wire"
)

type key struct {
	// place has the id as its name.
	place
	arn         string
	description string
	policy      string
	tags        map[string]string
	created     time.Time
	state       State
	// doomed is when the key goes; zero if it does not.
	doomed time.Time
	// rotated is when rotation began, and period its days; 0 if there is none.
	rotated time.Time
	period  int
}

// rotates says whether the key is rotated, which one that goes is not.
func (k *key) rotates() bool { return k.period > 0 && k.state != PendingDeletion }

type tag struct {
	TagKey, TagValue string
}

// maxTags of a key.
// https://docs.aws.amazon.com/general/latest/gr/aws_tagging.html
const maxTags = 50

// merge adds tags to those that there are.
func merge(old map[string]string, tags []tag) (map[string]string, error) {
	out := map[string]string{}
	for _, t := range tags {
		_, twice := out[t.TagKey]
		switch {
		case t.TagKey == "" || utf8.RuneCountInString(t.TagKey) > 128:
			return nil, validation(t.TagKey, "tags.member.tagKey", "Member must have length between 1 and 128")
		case utf8.RuneCountInString(t.TagValue) > 256:
			return nil, validation(t.TagValue, "tags.member.tagValue", "Member must have length less than or equal to 256")
		case strings.HasPrefix(strings.ToLower(t.TagKey), "aws:"):
			return nil, &wire.Error{Code: "TagException", Message: "Tag keys beginning with aws: are reserved"}
		case twice:
			return nil, &wire.Error{Code: "TagException", Message: "Duplicate tag keys"}
		}
		out[t.TagKey] = t.TagValue
	}
	for name, value := range old {
		if _, ok := out[name]; !ok {
			out[name] = value
		}
	}
	if len(out) > maxTags {
		return nil, limitExceeded("Too many tags")
	}
	return out, nil
}

type createKeyInput struct {
	Policy                         string
	Description                    string
	KeyUsage                       string
	KeySpec                        string
	CustomerMasterKeySpec          string
	Origin                         string
	MultiRegion                    bool
	Tags                           []tag
	BypassPolicyLockoutSafetyCheck bool
}

// supported refuses the keys that are not emulated.
func (in createKeyInput) supported() error {
	for _, member := range []struct{ name, value, only string }{
		{"KeyUsage", in.KeyUsage, "ENCRYPT_DECRYPT"},
		{"KeySpec", in.KeySpec, "SYMMETRIC_DEFAULT"},
		{"CustomerMasterKeySpec", in.CustomerMasterKeySpec, "SYMMETRIC_DEFAULT"},
		{"Origin", in.Origin, "AWS_KMS"},
	} {
		if member.value != "" && member.value != member.only {
			return notImplemented("the " + member.name + " " + member.value)
		}
	}
	if in.MultiRegion {
		return notImplemented("MultiRegion")
	}
	return nil
}

type keyOutput struct{ KeyMetadata metadata }

// https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
func (s *Service) createKey(c *wire.Call, in createKeyInput) (any, error) {
	if err := in.supported(); err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(in.Description) > 8192 {
		return nil, validation(in.Description, "description", "Member must have length less than or equal to 8192")
	}
	tags, err := merge(nil, in.Tags)
	if err != nil {
		return nil, err
	}
	text := cmp.Or(in.Policy, s.defaultPolicy())
	if err := s.checkPolicy(text, in.BypassPolicyLockoutSafetyCheck); err != nil {
		return nil, err
	}
	// fmt prints maps in the order of their keys.
	id := s.newID(fmt.Sprintf("%s/%s/%v", c.Region, in.Description, tags))
	k := &key{
		place: place{c.Region, id}, arn: s.arn(c.Region, "key/"+id), description: in.Description, policy: text, tags: tags,
		created: c.Time, state: Enabled,
	}
	s.keys[k.place] = k
	s.hub.Created("kms:" + k.arn)
	return keyOutput{s.metadata(k)}, nil
}

// metadata is a key as replies tell of it.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_KeyMetadata.html
type metadata struct {
	AWSAccountID          string `json:"AWSAccountId"`
	KeyID                 string `json:"KeyId"`
	Arn                   string
	CreationDate          *float64
	DeletionDate          *float64 `json:",omitempty"`
	Description           string
	Enabled               bool
	KeyState              State
	KeyUsage              string
	KeyManager            string
	KeySpec               string
	CustomerMasterKeySpec string
	EncryptionAlgorithms  []string
	Origin                string
	MultiRegion           bool
}

func (s *Service) metadata(k *key) metadata {
	return metadata{
		AWSAccountID: s.account, KeyID: k.name, Arn: k.arn, CreationDate: timestamp(k.created), DeletionDate: timestamp(k.doomed),
		Description: k.description, Enabled: k.state == Enabled, KeyState: k.state, KeyUsage: "ENCRYPT_DECRYPT", KeyManager: "CUSTOMER",
		KeySpec: "SYMMETRIC_DEFAULT", CustomerMasterKeySpec: "SYMMETRIC_DEFAULT", EncryptionAlgorithms: []string{"SYMMETRIC_DEFAULT"},
		Origin: "AWS_KMS", MultiRegion: strings.HasPrefix(k.name, "mrk-"),
	}
}

type keyIDInput struct {
	KeyID string `json:"KeyId"`
}

// describeKey is the one operation here that finds a key by its alias, too.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html
func (s *Service) describeKey(c *wire.Call, in keyIDInput) (any, error) {
	id, err := s.resource(c, "keyId", in.KeyID)
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(id, "alias/") {
		x, ok := s.aliases[place{c.Region, id}]
		if arn := s.arn(c.Region, id); !ok || !s.visible(c, arn) {
			return nil, notFound("Alias %s is not found.", arn)
		}
		in.KeyID = x.key
	}
	k, err := s.find(c, "keyId", in.KeyID)
	if err != nil {
		return nil, err
	}
	return keyOutput{s.metadata(k)}, nil
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html
func (s *Service) listKeys(c *wire.Call, in page) (any, error) {
	var ids []string
	for at, k := range s.keys {
		if at.region == c.Region && s.visible(c, k.arn) {
			ids = append(ids, at.name)
		}
	}
	ids, more, err := in.cut(ids, 100, 1000)
	if err != nil {
		return nil, err
	}
	type entry struct {
		KeyID  string `json:"KeyId"`
		KeyArn string
	}
	out := struct {
		Keys []entry
		next
	}{[]entry{}, more}
	for _, id := range ids {
		out.Keys = append(out.Keys, entry{id, s.arn(c.Region, "key/"+id)})
	}
	return out, nil
}

type listResourceTagsInput struct {
	KeyID string `json:"KeyId"`
	page
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_ListResourceTags.html
func (s *Service) listResourceTags(c *wire.Call, in listResourceTagsInput) (any, error) {
	k, err := s.find(c, "keyId", in.KeyID)
	if err != nil {
		return nil, err
	}
	names, more, err := in.cut(slices.Collect(maps.Keys(k.tags)), 50, 50)
	if err != nil {
		return nil, err
	}
	out := struct {
		Tags []tag
		next
	}{[]tag{}, more}
	for _, name := range names {
		out.Tags = append(out.Tags, tag{name, k.tags[name]})
	}
	return out, nil
}

type tagResourceInput struct {
	KeyID string `json:"KeyId"`
	Tags  []tag
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_TagResource.html
func (s *Service) tagResource(c *wire.Call, in tagResourceInput) (any, error) {
	k, err := s.alive(c, "keyId", in.KeyID)
	if err != nil {
		return nil, err
	}
	tags, err := merge(k.tags, in.Tags)
	if err != nil {
		return nil, err
	}
	k.tags = tags
	return nil, nil
}

type untagResourceInput struct {
	KeyID   string `json:"KeyId"`
	TagKeys []string
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_UntagResource.html
func (s *Service) untagResource(c *wire.Call, in untagResourceInput) (any, error) {
	k, err := s.alive(c, "keyId", in.KeyID)
	if err != nil {
		return nil, err
	}
	k.tags = maps.Clone(k.tags)
	for _, key := range in.TagKeys {
		delete(k.tags, key)
	}
	return nil, nil
}

type enableKeyRotationInput struct {
	KeyID                string `json:"KeyId"`
	RotationPeriodInDays *int
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html
func (s *Service) enableKeyRotation(c *wire.Call, in enableKeyRotationInput) (any, error) {
	period := 365
	if in.RotationPeriodInDays != nil {
		period = *in.RotationPeriodInDays
	}
	if period < 90 || period > 2560 {
		return nil, validation(period, "rotationPeriodInDays", "Member must have value between 90 and 2560")
	}
	k, err := s.alive(c, "keyId", in.KeyID)
	switch {
	case err != nil:
		return nil, err
	case k.state == Disabled:
		return nil, &wire.Error{Code: "DisabledException", Message: k.arn + " is disabled."}
	}
	k.rotated, k.period = c.Time, period
	return nil, nil
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html
func (s *Service) getKeyRotationStatus(c *wire.Call, in keyIDInput) (any, error) {
	k, err := s.find(c, "keyId", in.KeyID)
	if err != nil {
		return nil, err
	}
	out := struct {
		KeyID                string `json:"KeyId"`
		KeyRotationEnabled   bool
		NextRotationDate     *float64 `json:",omitempty"`
		RotationPeriodInDays int      `json:",omitempty"`
	}{KeyID: k.arn, KeyRotationEnabled: k.rotates()}
	if k.rotates() {
		due := k.rotated
		for !due.After(c.Time) {
			due = due.AddDate(0, 0, k.period)
		}
		out.NextRotationDate, out.RotationPeriodInDays = timestamp(due), k.period
	}
	return out, nil
}

type scheduleKeyDeletionInput struct {
	KeyID               string `json:"KeyId"`
	PendingWindowInDays *int
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
func (s *Service) scheduleKeyDeletion(c *wire.Call, in scheduleKeyDeletionInput) (any, error) {
	days := 30
	if in.PendingWindowInDays != nil {
		days = *in.PendingWindowInDays
	}
	if days < 7 || days > 30 {
		return nil, validation(days, "pendingWindowInDays", "Member must have value between 7 and 30")
	}
	k, err := s.alive(c, "keyId", in.KeyID)
	if err != nil {
		return nil, err
	}
	k.state, k.doomed = PendingDeletion, c.Time.AddDate(0, 0, days)
	return struct {
		KeyID               string `json:"KeyId"`
		DeletionDate        *float64
		KeyState            State
		PendingWindowInDays int
	}{k.arn, timestamp(k.doomed), k.state, days}, nil
}

// cancelKeyDeletion leaves the key disabled.
// https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html
func (s *Service) cancelKeyDeletion(c *wire.Call, in keyIDInput) (any, error) {
	k, err := s.find(c, "keyId", in.KeyID)
	switch {
	case err != nil:
		return nil, err
	case k.state != PendingDeletion:
		return nil, invalidState("%s is not pending deletion.", k.arn)
	}
	k.state, k.doomed = Disabled, time.Time{}
	return struct {
		KeyID string `json:"KeyId"`
	}{k.arn}, nil
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKey.html
func (s *Service) disableKey(c *wire.Call, in keyIDInput) (any, error) {
	return s.become(c, in.KeyID, Disabled)
}

// https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKey.html
func (s *Service) enableKey(c *wire.Call, in keyIDInput) (any, error) {
	return s.become(c, in.KeyID, Enabled)
}

func (s *Service) become(c *wire.Call, id string, state State) (any, error) {
	k, err := s.alive(c, "keyId", id)
	if err != nil {
		return nil, err
	}
	k.state = state
	return nil, nil
}
