package s3

import (
	"encoding/xml"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"lakegate/lambda/internal/emulator/iam/policy"
	"lakegate/lambda/internal/emulator/wire"
)

// maxPolicy is the size of a bucket policy in bytes.
const maxPolicy = 20 << 10

func (s *Service) getBucketPolicy(_ *request, b *bucket) (*wire.Response, error) {
	if b.Policy == "" {
		return nil, missing(b, "NoSuchBucketPolicy", "The bucket policy does not exist")
	}
	return &wire.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte(b.Policy)}, nil
}

// missing says that a bucket lacks a piece of configuration.
func missing(b *bucket, code, message string) *wire.Error {
	return &wire.Error{Status: http.StatusNotFound, Code: code, Message: message, Extra: map[string]any{"BucketName": b.Name}}
}

func (s *Service) putBucketPolicy(r *request, b *bucket) (*wire.Response, error) {
	malformed := func(message string) error { return &wire.Error{Code: "MalformedPolicy", Message: message} }
	text := string(r.payload)
	if len(text) > maxPolicy {
		return nil, &wire.Error{Code: "PolicyTooLarge", Message: "The policy exceeds the maximum allowed document size."}
	}
	doc, err := policy.Parse(text)
	switch {
	case !strings.HasPrefix(text, "{"), errors.Is(err, policy.ErrNotJSON):
		return nil, malformed("Policies must be valid JSON and the first byte must be '{'")
	case err != nil:
		return nil, malformed(err.Error())
	}
	for _, statement := range doc.Statements {
		if problem := misfit(statement, b.Name); problem != "" {
			return nil, malformed(problem)
		}
	}
	if b.PublicAccessBlock != nil && b.PublicAccessBlock.BlockPublicPolicy && slices.ContainsFunc(doc.Statements, public) {
		return nil, &wire.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: fmt.Sprintf(
			"User: %s is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::%s\" because public policies "+
				"are blocked by the BlockPublicPolicy block public access setting.", r.Caller, b.Name)}
	}
	b.Policy = text
	return empty(http.StatusNoContent), nil
}

var (
	accountID    = regexp.MustCompile(`^\d{12}$`)
	resourceARN  = regexp.MustCompile(`^arn:aws[a-z-]*:s3:::([^/]+)(/.*)?$`)
	principalARN = regexp.MustCompile(`^arn:aws[a-z-]*:(iam|sts)::\d{12}:(root|(user|role|assumed-role|federated-user)/.+)$`)
)

// misfit says why a statement cannot be part of the bucket's policy; empty if it
// can.
func misfit(statement policy.Statement, bucket string) string {
	if statement.Principals == nil && !statement.NotPrincipal {
		return "Missing required field Principal"
	}
	for _, name := range statement.Principals["AWS"] {
		if name != "*" && !accountID.MatchString(name) && !principalARN.MatchString(name) {
			return "Invalid principal in policy"
		}
	}
	for _, action := range slices.Concat(statement.Actions, statement.NotActions) {
		if action != "*" && !strings.HasPrefix(strings.ToLower(action), "s3:") {
			return "Policy has invalid action"
		}
	}
	resources := slices.Concat(statement.Resources, statement.NotResources)
	if len(resources) == 0 {
		return "Missing required field Resource"
	}
	for _, resource := range resources {
		m := resourceARN.FindStringSubmatch(resource)
		if m == nil || !policy.Wildcard(m[1], bucket) {
			return "Policy has invalid resource"
		}
	}
	return ""
}

// public says whether a statement opens the bucket to everyone.
func public(statement policy.Statement) bool {
	everyone := statement.NotPrincipal || statement.Principals["*"] != nil || slices.Contains(statement.Principals["AWS"], "*")
	return statement.Effect == "Allow" && everyone && len(statement.Conditions) == 0
}

func (s *Service) deleteBucketPolicy(_ *request, b *bucket) (*wire.Response, error) {
	b.Policy = ""
	return empty(http.StatusNoContent), nil
}

// PublicAccessBlock keeps a bucket from becoming public.
type PublicAccessBlock struct {
	BlockPublicAcls       bool
	IgnorePublicAcls      bool
	BlockPublicPolicy     bool
	RestrictPublicBuckets bool
}

func (s *Service) getPublicAccessBlock(_ *request, b *bucket) (*wire.Response, error) {
	if b.PublicAccessBlock == nil {
		return nil, missing(b, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found")
	}
	return document("PublicAccessBlockConfiguration", b.PublicAccessBlock), nil
}

func (s *Service) putPublicAccessBlock(r *request, b *bucket) (*wire.Response, error) {
	var config struct {
		XMLName xml.Name `xml:"PublicAccessBlockConfiguration"`
		PublicAccessBlock
	}
	if err := r.xml(&config); err != nil {
		return nil, err
	}
	b.PublicAccessBlock = &config.PublicAccessBlock
	return empty(http.StatusOK), nil
}

func (s *Service) deletePublicAccessBlock(_ *request, b *bucket) (*wire.Response, error) {
	b.PublicAccessBlock = nil
	return empty(http.StatusNoContent), nil
}

// Encryption is how a bucket encrypts new objects by default.
type Encryption struct {
	// Algorithm is AES256, aws:kms or aws:kms:dsse.
	Algorithm string
	// KeyID of KMS; empty for AES256 and for the key that AWS manages.
	KeyID string
	// BucketKey says whether S3 derives a key per bucket to save calls to KMS.
	BucketKey bool
	// Blocked are the kinds of encryption that uploads may not ask for.
	Blocked []string
}

type encryptionConfiguration struct {
	XMLName xml.Name         `xml:"ServerSideEncryptionConfiguration"`
	Rules   []encryptionRule `xml:"Rule"`
}

type encryptionRule struct {
	Default   *encryptionDefault `xml:"ApplyServerSideEncryptionByDefault"`
	BucketKey bool               `xml:"BucketKeyEnabled"`
	Blocked   *blockedEncryption `xml:"BlockedEncryptionTypes"`
}

type encryptionDefault struct {
	Algorithm string `xml:"SSEAlgorithm"`
	KeyID     string `xml:"KMSMasterKeyID,omitempty"`
}

type blockedEncryption struct {
	Types []string `xml:"EncryptionType"`
}

var encryptions = []string{"AES256", "aws:kms", "aws:kms:dsse"}

func (s *Service) getBucketEncryption(_ *request, b *bucket) (*wire.Response, error) {
	rule := encryptionRule{
		Default:   &encryptionDefault{Algorithm: b.Encryption.Algorithm, KeyID: b.Encryption.KeyID},
		BucketKey: b.Encryption.BucketKey,
	}
	if len(b.Encryption.Blocked) > 0 {
		rule.Blocked = &blockedEncryption{Types: b.Encryption.Blocked}
	}
	return document("ServerSideEncryptionConfiguration", encryptionConfiguration{Rules: []encryptionRule{rule}}), nil
}

func (s *Service) putBucketEncryption(r *request, b *bucket) (*wire.Response, error) {
	var config encryptionConfiguration
	if err := r.xml(&config); err != nil {
		return nil, err
	}
	if len(config.Rules) != 1 {
		return nil, malformedXML
	}
	rule := config.Rules[0]
	encryption := Encryption{Algorithm: "AES256", BucketKey: rule.BucketKey}
	if rule.Default != nil {
		encryption.Algorithm, encryption.KeyID = rule.Default.Algorithm, rule.Default.KeyID
	}
	if rule.Blocked != nil {
		encryption.Blocked = rule.Blocked.Types
	}
	if !slices.Contains(encryptions, encryption.Algorithm) {
		return nil, malformedXML
	}
	if encryption.Algorithm == "AES256" && encryption.KeyID != "" {
		return nil, &wire.Error{Code: "InvalidArgument", Message: "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse"}
	}
	b.Encryption = encryption
	return empty(http.StatusOK), nil
}

func (s *Service) deleteBucketEncryption(_ *request, b *bucket) (*wire.Response, error) {
	b.Encryption = Encryption{Algorithm: "AES256"}
	return empty(http.StatusNoContent), nil
}

type versioningConfiguration struct {
	XMLName   xml.Name `xml:"VersioningConfiguration"`
	Status    string   `xml:"Status,omitempty"`
	MfaDelete string   `xml:"MfaDelete,omitempty"`
}

func (s *Service) getBucketVersioning(_ *request, b *bucket) (*wire.Response, error) {
	return document("VersioningConfiguration", versioningConfiguration{Status: b.Versioning}), nil
}

func (s *Service) putBucketVersioning(r *request, b *bucket) (*wire.Response, error) {
	var config versioningConfiguration
	if err := r.xml(&config); err != nil {
		return nil, err
	}
	if config.MfaDelete == "Enabled" {
		return nil, notImplemented("MFA delete")
	}
	if config.Status != "Enabled" && config.Status != "Suspended" {
		return nil, &wire.Error{Code: "IllegalVersioningConfigurationException",
			Message: "The Versioning element must be specified"}
	}
	b.Versioning = config.Status
	return empty(http.StatusOK), nil
}

type tag struct {
	Key   string `xml:"Key"`
	Value string `xml:"Value"`
}

// tagMap checks tags and puts them in a map.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/CostAllocTagging.html
func tagMap(tags []tag) (map[string]string, error) {
	invalid := func(message string) error { return &wire.Error{Code: "InvalidTag", Message: message} }
	out := map[string]string{}
	for _, t := range tags {
		_, twice := out[t.Key]
		switch {
		case twice:
			return nil, invalid("Cannot provide multiple Tags with the same key")
		case t.Key == "" || len(t.Key) > 128:
			return nil, invalid("The TagKey you have provided is invalid")
		case len(t.Value) > 256:
			return nil, invalid("The TagValue you have provided is invalid")
		case strings.HasPrefix(t.Key, "aws:"):
			return nil, invalid("System tags cannot be added/updated by requester")
		}
		out[t.Key] = t.Value
	}
	if len(out) > 50 {
		return nil, &wire.Error{Code: "BadRequest", Message: "Bucket tag count cannot be greater than 50"}
	}
	return out, nil
}

type tagging struct {
	XMLName xml.Name `xml:"Tagging"`
	Tags    []tag    `xml:"TagSet>Tag"`
}

func (s *Service) getBucketTagging(_ *request, b *bucket) (*wire.Response, error) {
	if len(b.Tags) == 0 {
		return nil, missing(b, "NoSuchTagSet", "The TagSet does not exist")
	}
	var out tagging
	for _, key := range slices.Sorted(maps.Keys(b.Tags)) {
		out.Tags = append(out.Tags, tag{key, b.Tags[key]})
	}
	return document("Tagging", out), nil
}

func (s *Service) putBucketTagging(r *request, b *bucket) (*wire.Response, error) {
	var config tagging
	if err := r.xml(&config); err != nil {
		return nil, err
	}
	tags, err := tagMap(config.Tags)
	if err != nil {
		return nil, err
	}
	b.Tags = tags
	return empty(http.StatusNoContent), nil
}

func (s *Service) deleteBucketTagging(_ *request, b *bucket) (*wire.Response, error) {
	b.Tags = map[string]string{}
	return empty(http.StatusNoContent), nil
}

var ownerships = []string{"BucketOwnerEnforced", "BucketOwnerPreferred", "ObjectWriter"}

type ownershipControls struct {
	XMLName xml.Name `xml:"OwnershipControls"`
	Rules   []string `xml:"Rule>ObjectOwnership"`
}

func (s *Service) getBucketOwnershipControls(_ *request, b *bucket) (*wire.Response, error) {
	if b.Ownership == "" {
		return nil, missing(b, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found")
	}
	return document("OwnershipControls", ownershipControls{Rules: []string{b.Ownership}}), nil
}

func (s *Service) putBucketOwnershipControls(r *request, b *bucket) (*wire.Response, error) {
	var config ownershipControls
	if err := r.xml(&config); err != nil {
		return nil, err
	}
	if len(config.Rules) != 1 || !slices.Contains(ownerships, config.Rules[0]) {
		return nil, malformedXML
	}
	b.Ownership = config.Rules[0]
	return empty(http.StatusOK), nil
}

func (s *Service) deleteBucketOwnershipControls(_ *request, b *bucket) (*wire.Response, error) {
	b.Ownership = ""
	return empty(http.StatusNoContent), nil
}

type notificationConfiguration struct {
	XMLName     xml.Name   `xml:"NotificationConfiguration"`
	EventBridge *struct{}  `xml:"EventBridgeConfiguration"`
	Topics      []struct{} `xml:"TopicConfiguration"`
	Queues      []struct{} `xml:"QueueConfiguration"`
	Functions   []struct{} `xml:"CloudFunctionConfiguration"`
}

func (s *Service) getBucketNotification(_ *request, b *bucket) (*wire.Response, error) {
	var out notificationConfiguration
	if b.EventBridge {
		out.EventBridge = &struct{}{}
	}
	return document("NotificationConfiguration", out), nil
}

func (s *Service) putBucketNotification(r *request, b *bucket) (*wire.Response, error) {
	var config notificationConfiguration
	if err := r.xml(&config); err != nil {
		return nil, err
	}
	if len(config.Topics)+len(config.Queues)+len(config.Functions) > 0 {
		return nil, notImplemented("a notification that does not go to EventBridge")
	}
	b.EventBridge = config.EventBridge != nil
	return empty(http.StatusOK), nil
}
