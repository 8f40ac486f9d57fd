// Package secretsmanager emulates AWS Secrets Manager: secrets, their versions
// with staging labels, and deletion with a recovery window.
package secretsmanager

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// Service is the emulated Secrets Manager of one account in all regions. It is
// safe for concurrent use.
type Service struct {
	hub     *wire.Hub
	account string

	mu sync.Mutex
	// secrets by region and name.
	secrets map[place]*secret
}

type place struct{ region, name string }

type secret struct {
	place
	arn         string
	description string
	kmsKey      string
	tags        []tag
	created     time.Time
	changed     time.Time
	accessed    time.Time
	// deleted is when the secret was scheduled for deletion, and doomed when it
	// goes; both are zero if it is not.
	deleted, doomed time.Time
	versions        map[string]*version
}

type version struct {
	created time.Time
	// text or binary is the value; the other is nil.
	text   *string
	binary []byte
	stages []string
}

// Staging labels that Secrets Manager itself moves.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// New returns a Secrets Manager without secrets.
func New(hub *wire.Hub, account string) *Service {
	return &Service{hub: hub, account: account, secrets: map[place]*secret{}}
}

// Wire is the service as the router serves it.
func (s *Service) Wire() *wire.Service {
	return &wire.Service{Name: "secretsmanager", Protocol: wire.JSON11, Operations: map[string]wire.Operation{
		"CreateSecret":   serve(s, s.createSecret),
		"GetSecretValue": serve(s, s.getSecretValue),
		"PutSecretValue": serve(s, s.putSecretValue),
		"DescribeSecret": serve(s, s.describeSecret),
		"DeleteSecret":   serve(s, s.deleteSecret),
		"ListSecrets":    serve(s, s.listSecrets),
	}}
}

// serve is an operation that sees nothing that is gone by the time of its call.
func serve[In any](s *Service, op func(*wire.Call, In) (any, error)) wire.Operation {
	return wire.Decoded(&s.mu, func(c *wire.Call, in In) (any, error) {
		s.purge(c.Time)
		return op(c, in)
	})
}

// purge removes what was scheduled for deletion until now.
func (s *Service) purge(now time.Time) {
	maps.DeleteFunc(s.secrets, func(_ place, x *secret) bool { return !x.doomed.IsZero() && !x.doomed.After(now) })
}

// Put creates a secret or gives it a new value, and returns its ARN.
func (s *Service) Put(region, name, value string) (arn string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.hub.Clock.Now()
	x, ok := s.secrets[place{region, name}]
	if !ok {
		x = s.fresh(place{region, name}, now)
	}
	x.add(fmt.Sprintf("%032d", len(x.versions)+1), &version{created: now, text: &value}, []string{current})
	return x.arn
}

const suffixCharacters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// fresh creates a secret without a value. Its ARN ends in a hyphen and six
// characters that look random.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html#ARN_secretnamehyphen
func (s *Service) fresh(at place, now time.Time) *secret {
	h := sha256.Sum256(fmt.Appendf(nil, "%s/%s/%s %d", s.account, at.region, at.name, now.UnixNano()))
	var suffix strings.Builder
	for _, b := range h[:6] {
		suffix.WriteByte(suffixCharacters[int(b)%len(suffixCharacters)])
	}
	x := &secret{
		place: at, arn: fmt.Sprintf("arn:aws:secretsmanager:%s:%s:secret:%s-%s", at.region, s.account, at.name, suffix.String()),
		created: now, changed: now, versions: map[string]*version{},
	}
	s.secrets[at] = x
	return x
}

// add adds a version with staging labels, which move away from where they were.
// What loses AWSCURRENT becomes AWSPREVIOUS.
func (x *secret) add(id string, v *version, stages []string) {
	for _, stage := range stages {
		old := x.staged(stage)
		x.unstage(stage)
		if stage == current && old != nil {
			x.unstage(previous)
			old.stages = append(old.stages, previous)
		}
	}
	v.stages = slices.Clone(stages)
	x.versions[id] = v
	x.changed = v.created
}

func (x *secret) unstage(stage string) {
	for _, v := range x.versions {
		v.stages = slices.DeleteFunc(v.stages, func(s string) bool { return s == stage })
	}
}

// staged is the version that has a staging label; nil if none has.
func (x *secret) staged(stage string) *version {
	for _, v := range x.versions {
		if slices.Contains(v.stages, stage) {
			return v
		}
	}
	return nil
}

// find is the secret with a name, an ARN, or an ARN without the hyphen and the
// six characters at its end.
func (s *Service) find(c *wire.Call, id string) (*secret, error) {
	if id == "" {
		return nil, invalidParameter("You must provide a SecretId.")
	}
	for at, x := range s.secrets {
		if at.region == c.Region && (id == at.name || id == x.arn || id == x.arn[:len(x.arn)-7]) && s.visible(c, x) {
			return x, nil
		}
	}
	return nil, notFound("Secrets Manager can't find the specified secret.")
}

// visible says whether a call sees a secret: one that reads does not see what is
// too fresh.
func (s *Service) visible(c *wire.Call, x *secret) bool {
	return wire.Mutating(c.Action) || s.hub.Visible("secretsmanager:"+x.arn)
}

// alive is find for what refuses secrets that are scheduled for deletion.
func (s *Service) alive(c *wire.Call, id string) (*secret, error) {
	x, err := s.find(c, id)
	if err == nil && !x.doomed.IsZero() {
		return nil, invalidRequest("You can't perform this operation on the secret because it was marked for deletion.")
	}
	return x, err
}

func notFound(message string) *wire.Error {
	return &wire.Error{Code: "ResourceNotFoundException", Message: message}
}

func invalidRequest(message string) *wire.Error {
	return &wire.Error{Code: "InvalidRequestException", Message: message}
}

func invalidParameter(message string) *wire.Error {
	return &wire.Error{Code: "InvalidParameterException", Message: message}
}

// timestamp is a time as JSON replies have it, in seconds; nil if it is zero.
func timestamp(t time.Time) *float64 {
	if t.IsZero() {
		return nil
	}
	seconds := float64(t.UnixMilli()) / 1000
	return &seconds
}

type tag struct{ Key, Value string }

// value is the value in the input of a call.
type value struct {
	SecretString *string
	SecretBinary *string
}

// maxValue is the size of a secret's value in bytes.
// https://docs.aws.amazon.com/secretsmanager/latest/userguide/reference_limits.html
const maxValue = 65536

func (v value) version(now time.Time) (*version, error) {
	out := &version{created: now, text: v.SecretString}
	size := 0
	switch {
	case v.SecretString != nil && v.SecretBinary != nil:
		return nil, invalidParameter("You can't specify both a binary secret value and a string secret value in the same secret.")
	case v.SecretString != nil:
		size = len(*v.SecretString)
	case v.SecretBinary != nil:
		binary, err := base64.StdEncoding.DecodeString(*v.SecretBinary)
		if err != nil {
			return nil, invalidParameter("The binary secret value is not in base64.")
		}
		out.binary, size = binary, len(binary)
	}
	if size == 0 || size > maxValue {
		return nil, invalidParameter(fmt.Sprintf("A secret value has between 1 and %d bytes.", maxValue))
	}
	return out, nil
}

func (v *version) equal(w *version) bool {
	if v.text != nil && w.text != nil {
		return *v.text == *w.text
	}
	return v.text == nil && w.text == nil && bytes.Equal(v.binary, w.binary)
}

var secretName = regexp.MustCompile(`^[A-Za-z0-9/_+=.@-]{1,512}$`)

type createSecretInput struct {
	Name               string
	Description        string
	KmsKeyID           string `json:"KmsKeyId"`
	ClientRequestToken string
	Tags               []tag
	value
}

type secretOutput struct {
	ARN           string
	Name          string
	VersionID     string   `json:"VersionId,omitempty"`
	VersionStages []string `json:",omitempty"`
}

// createSecret creates a secret. The same ClientRequestToken with the same value
// is the same call.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
func (s *Service) createSecret(c *wire.Call, in createSecretInput) (any, error) {
	if !secretName.MatchString(in.Name) {
		return nil, &wire.Error{Code: "ValidationException",
			Message: "Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"}
	}
	var first *version
	if in.SecretString != nil || in.SecretBinary != nil {
		v, err := in.version(c.Time)
		if err != nil {
			return nil, err
		}
		first = v
	}
	id, err := versionID(c, in.ClientRequestToken)
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if x, ok := s.secrets[place{c.Region, in.Name}]; ok {
		same := x.versions[id]
		switch {
		case !x.doomed.IsZero():
			return nil, invalidRequest("You can't create this secret because a secret with this name is already scheduled for deletion.")
		case same != nil && first != nil && same.equal(first):
			return secretOutput{ARN: x.arn, Name: x.name, VersionID: id}, nil
		}
		return nil, &wire.Error{Code: "ResourceExistsException",
			Message: fmt.Sprintf("The operation failed because the secret %s already exists.", in.Name)}
	}
	x := s.fresh(place{c.Region, in.Name}, c.Time)
	x.description, x.kmsKey, x.tags = in.Description, in.KmsKeyID, in.Tags
	s.hub.Created("secretsmanager:" + x.arn)
	if first == nil {
		return secretOutput{ARN: x.arn, Name: x.name}, nil
	}
	x.add(id, first, []string{current})
	return secretOutput{ARN: x.arn, Name: x.name, VersionID: id}, nil
}

// versionID is the client's token, which names the version, or one made of the
// request.
func versionID(c *wire.Call, token string) (string, error) {
	id := cmp.Or(token, c.RequestID)
	if len(id) < 32 || len(id) > 64 {
		return "", invalidParameter("The ClientRequestToken must have between 32 and 64 characters.")
	}
	return id, nil
}

func checkTags(tags []tag) error {
	seen := map[string]bool{}
	for _, t := range tags {
		switch {
		case t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256:
			return invalidParameter("The tag " + t.Key + " is too short or too long.")
		case strings.HasPrefix(t.Key, "aws:"):
			return invalidParameter("Tag keys must not begin with aws:.")
		case seen[t.Key]:
			return invalidParameter("The tag " + t.Key + " is given twice.")
		}
		seen[t.Key] = true
	}
	if len(tags) > 50 {
		return invalidParameter("A secret has at most 50 tags.")
	}
	return nil
}

type getSecretValueInput struct {
	SecretID     string `json:"SecretId"`
	VersionID    string `json:"VersionId"`
	VersionStage string
}

// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
func (s *Service) getSecretValue(c *wire.Call, in getSecretValueInput) (any, error) {
	x, err := s.alive(c, in.SecretID)
	if err != nil {
		return nil, err
	}
	id, v := in.VersionID, x.versions[in.VersionID]
	if id == "" {
		stage := cmp.Or(in.VersionStage, current)
		if v = x.staged(stage); v == nil {
			return nil, notFound("Secrets Manager can't find the specified secret value for staging label: " + stage)
		}
		for name, candidate := range x.versions {
			if candidate == v {
				id = name
			}
		}
	}
	if v == nil {
		return nil, notFound("Secrets Manager can't find the specified secret value for VersionId: " + id)
	}
	if in.VersionStage != "" && !slices.Contains(v.stages, in.VersionStage) {
		return nil, invalidRequest("You provided a VersionStage that is not associated to the provided VersionId.")
	}
	x.accessed = c.Time
	return struct {
		ARN, Name     string
		VersionID     string   `json:"VersionId"`
		SecretString  *string  `json:",omitempty"`
		SecretBinary  []byte   `json:",omitempty"`
		VersionStages []string `json:",omitempty"`
		CreatedDate   *float64
	}{x.arn, x.name, id, v.text, v.binary, slices.Clone(v.stages), timestamp(v.created)}, nil
}

type putSecretValueInput struct {
	SecretID           string `json:"SecretId"`
	ClientRequestToken string
	VersionStages      []string
	value
}

// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
func (s *Service) putSecretValue(c *wire.Call, in putSecretValueInput) (any, error) {
	x, err := s.alive(c, in.SecretID)
	if err != nil {
		return nil, err
	}
	v, err := in.version(c.Time)
	if err != nil {
		return nil, err
	}
	id, err := versionID(c, in.ClientRequestToken)
	if err != nil {
		return nil, err
	}
	if old, ok := x.versions[id]; ok {
		if !old.equal(v) {
			return nil, &wire.Error{Code: "ResourceExistsException",
				Message: "You can't use ClientRequestToken " + id + " because that value is already in use for a version of secret " + x.arn + "."}
		}
		return secretOutput{x.arn, x.name, id, slices.Clone(old.stages)}, nil
	}
	stages := in.VersionStages
	if len(stages) == 0 || x.staged(current) == nil && !slices.Contains(stages, current) {
		stages = append([]string{current}, stages...)
	}
	x.add(id, v, stages)
	return secretOutput{x.arn, x.name, id, stages}, nil
}

// description is what is told of a secret without its value.
type description struct {
	ARN              string
	Name             string
	Description      string   `json:",omitempty"`
	KmsKeyID         string   `json:"KmsKeyId,omitempty"`
	CreatedDate      *float64 `json:",omitempty"`
	LastChangedDate  *float64 `json:",omitempty"`
	LastAccessedDate *float64 `json:",omitempty"`
	DeletedDate      *float64 `json:",omitempty"`
	Tags             []tag    `json:",omitempty"`
	// One of them, by the call.
	VersionIDsToStages     map[string][]string `json:"VersionIdsToStages,omitempty"`
	SecretVersionsToStages map[string][]string `json:",omitempty"`
}

func (x *secret) describe() description {
	return description{
		ARN: x.arn, Name: x.name, Description: x.description, KmsKeyID: x.kmsKey, Tags: x.tags,
		CreatedDate: timestamp(x.created), LastChangedDate: timestamp(x.changed),
		// AWS tells the day alone.
		LastAccessedDate: timestamp(x.accessed.Truncate(24 * time.Hour)), DeletedDate: timestamp(x.deleted),
	}
}

// stages are the staging labels of the versions that have any.
func (x *secret) stages() map[string][]string {
	out := map[string][]string{}
	for id, v := range x.versions {
		if len(v.stages) > 0 {
			out[id] = slices.Clone(v.stages)
		}
	}
	return out
}

type secretIDInput struct {
	SecretID string `json:"SecretId"`
}

func (s *Service) describeSecret(c *wire.Call, in secretIDInput) (any, error) {
	x, err := s.find(c, in.SecretID)
	if err != nil {
		return nil, err
	}
	out := x.describe()
	out.VersionIDsToStages = x.stages()
	return out, nil
}

type deleteSecretInput struct {
	SecretID                   string `json:"SecretId"`
	RecoveryWindowInDays       *int
	ForceDeleteWithoutRecovery bool
}

// deleteSecret schedules the deletion. To force it does not mind if the secret
// is not there.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
func (s *Service) deleteSecret(c *wire.Call, in deleteSecretInput) (any, error) {
	type output struct {
		ARN          string
		Name         string
		DeletionDate *float64
	}
	days := 30
	if in.RecoveryWindowInDays != nil {
		days = *in.RecoveryWindowInDays
		if in.ForceDeleteWithoutRecovery {
			return nil, invalidParameter("You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
		}
		if days < 7 || days > 30 {
			return nil, invalidParameter("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
		}
	}
	x, err := s.find(c, in.SecretID)
	if in.ForceDeleteWithoutRecovery {
		if err != nil {
			return output{in.SecretID, in.SecretID, timestamp(c.Time)}, nil //nolint:nilerr // a secret that does not exist is deleted
		}
		delete(s.secrets, x.place)
		return output{x.arn, x.name, timestamp(c.Time)}, nil
	}
	if err != nil {
		return nil, err
	}
	if x.doomed.IsZero() {
		x.deleted, x.doomed = c.Time, c.Time.AddDate(0, 0, days)
	}
	return output{x.arn, x.name, timestamp(x.doomed)}, nil
}

type listSecretsInput struct {
	Filters                []filter
	IncludePlannedDeletion bool
	MaxResults             *int
	NextToken              string
	SortOrder              string
}

type filter struct {
	Key    string
	Values []string
}

// listSecrets lists the secrets of a region by name.
// https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecrets.html
func (s *Service) listSecrets(c *wire.Call, in listSecretsInput) (any, error) {
	var found []*secret
	for at, x := range s.secrets {
		matches, err := x.matches(in.Filters)
		if err != nil {
			return nil, err
		}
		if at.region == c.Region && matches && (in.IncludePlannedDeletion || x.doomed.IsZero()) && s.visible(c, x) {
			found = append(found, x)
		}
	}
	slices.SortFunc(found, func(a, b *secret) int { return cmp.Compare(a.name, b.name) })
	if in.SortOrder == "desc" {
		slices.Reverse(found)
	}
	size, first := 100, 0
	if in.MaxResults != nil {
		size = *in.MaxResults
	}
	if in.NextToken != "" {
		n, err := strconv.Atoi(in.NextToken)
		if err != nil || n < 0 || n > len(found) {
			return nil, &wire.Error{Code: "InvalidNextTokenException", Message: "The NextToken value is invalid."}
		}
		first = n
	}
	if size < 1 || size > 100 {
		return nil, invalidParameter("MaxResults must be between 1 and 100.")
	}
	out := struct {
		SecretList []description
		NextToken  string `json:",omitempty"`
	}{SecretList: []description{}}
	last := min(first+size, len(found))
	for _, x := range found[first:last] {
		entry := x.describe()
		entry.SecretVersionsToStages = x.stages()
		out.SecretList = append(out.SecretList, entry)
	}
	if last < len(found) {
		out.NextToken = strconv.Itoa(last)
	}
	return out, nil
}

// matches says whether every filter has a value that something of the secret
// begins with. A value after ! must not match.
func (x *secret) matches(filters []filter) (bool, error) {
	for _, f := range filters {
		var candidates []string
		for _, t := range x.tags {
			switch f.Key {
			case "tag-key":
				candidates = append(candidates, t.Key)
			case "tag-value":
				candidates = append(candidates, t.Value)
			}
		}
		switch f.Key {
		case "tag-key", "tag-value":
		case "name":
			candidates = []string{x.name}
		case "description":
			candidates = []string{x.description}
		default:
			return false, &wire.Error{Status: 501, Code: "NotImplemented", Message: "secretsmanager: the filter " + f.Key + " is not emulated"}
		}
		if !slices.ContainsFunc(f.Values, func(want string) bool {
			want, negated := strings.CutPrefix(want, "!")
			return negated != slices.ContainsFunc(candidates, func(have string) bool { return strings.HasPrefix(have, want) })
		}) {
			return false, nil
		}
	}
	return true, nil
}
