package s3

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// Bucket is a bucket's configuration.
type Bucket struct {
	Name string
	// Region such as eu-west-1.
	Region string
	// Owner is an account id.
	Owner   string
	Created time.Time
	// Policy is the text of the bucket policy; empty if there is none.
	Policy string
	// PublicAccessBlock is nil if there is none.
	PublicAccessBlock *PublicAccessBlock
	Encryption        Encryption
	// Ownership is BucketOwnerEnforced, BucketOwnerPreferred or ObjectWriter;
	// empty if there are no ownership controls.
	Ownership string
	// Versioning is Enabled or Suspended; empty if it never was enabled.
	Versioning string
	Tags       map[string]string
	// EventBridge says whether EventBridge gets the bucket's events.
	EventBridge bool
}

// bucket is a bucket with its objects.
type bucket struct {
	Bucket
	// objects are the versions of each key, oldest first; never an empty list.
	objects map[string][]*version
	uploads map[string]*upload
	// changes counts what happened to each key. It makes identifiers differ and
	// gives events an order, whatever happens to other keys meanwhile.
	changes map[string]uint64
}

// Bucket returns the configuration of one of the account's buckets.
func (s *Service) Bucket(name string) (Bucket, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[name]
	if !ok {
		return Bucket{}, false
	}
	return b.config(), true
}

// config is a copy of the configuration.
func (b *bucket) config() Bucket {
	out := b.Bucket
	out.Tags = maps.Clone(b.Tags)
	if b.PublicAccessBlock != nil {
		block := *b.PublicAccessBlock
		out.PublicAccessBlock = &block
	}
	return out
}

// Add creates a bucket with the given name, region, versioning, tags, policy and
// EventBridge setting, as if it had been there for long. The rest is what every
// new bucket has.
func (s *Service) Add(b Bucket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fresh := s.fresh(b.Name, b.Region, s.hub.Clock.Now())
	fresh.Versioning, fresh.Policy, fresh.EventBridge = b.Versioning, b.Policy, b.EventBridge
	maps.Copy(fresh.Tags, b.Tags)
	s.names.claim(b.Name, s.account)
	s.buckets[b.Name] = fresh
}

// fresh is a bucket as S3 has created them since April 2023: nothing public, no
// access control lists, encrypted.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/create-bucket-faq.html
func (s *Service) fresh(name, region string, now time.Time) *bucket {
	return &bucket{
		Bucket: Bucket{
			Name: name, Region: region, Owner: s.account, Created: now,
			PublicAccessBlock: &PublicAccessBlock{
				BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true,
			},
			Encryption: Encryption{Algorithm: "AES256"},
			Ownership:  "BucketOwnerEnforced",
			Tags:       map[string]string{},
		},
		objects: map[string][]*version{}, uploads: map[string]*upload{}, changes: map[string]uint64{},
	}
}

// find is the bucket that a request is about.
func (s *Service) find(r *request) (*bucket, error) {
	if s.foreign(r.bucket) {
		return nil, accessDenied()
	}
	b, ok := s.buckets[r.bucket]
	if !ok || s.unseen(r) {
		return nil, &wire.Error{Status: http.StatusNotFound, Code: "NoSuchBucket",
			Message: "The specified bucket does not exist", Extra: map[string]any{"BucketName": r.bucket}}
	}
	if owner := r.header.Get("X-Amz-Expected-Bucket-Owner"); owner != "" && owner != b.Owner {
		return nil, accessDenied()
	}
	// The location can be asked for from everywhere.
	if r.Region != b.Region && r.Action != "GetBucketLocation" {
		return nil, &wire.Error{
			Status: http.StatusMovedPermanently, Code: "PermanentRedirect",
			Message: "The bucket you are attempting to access must be addressed using the specified endpoint. " +
				"Please send all future requests to this endpoint.",
			Extra: map[string]any{
				"Bucket": b.Name, "Endpoint": "s3." + b.Region + ".amazonaws.com", "x-amz-bucket-region": b.Region,
			},
		}
	}
	return b, nil
}

// unseen says whether the request reads the configuration of a bucket that is
// still too fresh to be seen.
func (s *Service) unseen(r *request) bool {
	reads := r.Action == "HeadBucket" || strings.HasPrefix(r.Action, "GetBucket") || r.Action == "GetPublicAccessBlock"
	return reads && !s.hub.Visible("s3:"+r.bucket)
}

func accessDenied() *wire.Error {
	return &wire.Error{Status: http.StatusForbidden, Code: "AccessDenied", Message: "Access Denied"}
}

var (
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
	regionName = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
)

// validName applies the naming rules of general purpose buckets.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func validName(name string) bool {
	if !bucketName.MatchString(name) || strings.Contains(name, "..") {
		return false
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return false
	}
	for _, prefix := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	for _, suffix := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, suffix) {
			return false
		}
	}
	return true
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
func (s *Service) createBucket(r *request) (*wire.Response, error) {
	if !validName(r.bucket) {
		return nil, &wire.Error{Code: "InvalidBucketName", Message: "The specified bucket is not valid.",
			Extra: map[string]any{"BucketName": r.bucket}}
	}
	if r.header.Get("X-Amz-Bucket-Object-Lock-Enabled") == "true" {
		return nil, notImplemented("object lock")
	}
	var config struct {
		XMLName            xml.Name  `xml:"CreateBucketConfiguration"`
		LocationConstraint string    `xml:"LocationConstraint"`
		Location           *struct{} `xml:"Location"`
		Tags               []tag     `xml:"Tags>Tag"`
	}
	if len(r.payload) > 0 {
		if err := r.xml(&config); err != nil {
			return nil, err
		}
	}
	if config.Location != nil {
		return nil, notImplemented("a directory bucket")
	}
	region, err := location(r.Region, config.LocationConstraint)
	if err != nil {
		return nil, err
	}
	tags, err := tagMap(config.Tags)
	if err != nil {
		return nil, err
	}
	ownership := r.header.Get("X-Amz-Object-Ownership")
	if ownership != "" && !slices.Contains(ownerships, ownership) {
		return nil, &wire.Error{Code: "InvalidArgument", Message: "Invalid x-amz-object-ownership header: " + ownership}
	}
	if acl := r.header.Get("X-Amz-Acl"); acl != "" && acl != "private" {
		return nil, &wire.Error{Code: "InvalidBucketAclWithObjectOwnership",
			Message: "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"}
	}
	if !s.names.claim(r.bucket, s.account) {
		return nil, &wire.Error{Status: http.StatusConflict, Code: "BucketAlreadyExists",
			Message: "The requested bucket name is not available. The bucket namespace is shared by all users of the system. " +
				"Please select a different name and try again.", Extra: map[string]any{"BucketName": r.bucket}}
	}
	if old, ok := s.buckets[r.bucket]; ok && (old.Region != "us-east-1" || region != "us-east-1") {
		return nil, &wire.Error{Status: http.StatusConflict, Code: "BucketAlreadyOwnedByYou",
			Message: "Your previous request to create the named bucket succeeded and you already own it.",
			Extra:   map[string]any{"BucketName": r.bucket}}
	} else if !ok {
		b := s.fresh(r.bucket, region, r.Time)
		b.Tags = tags
		if ownership != "" {
			b.Ownership = ownership
		}
		s.buckets[r.bucket] = b
		s.hub.Created("s3:" + r.bucket)
	}
	reply := empty(http.StatusOK)
	reply.Header.Set("Location", "/"+r.bucket)
	return reply, nil
}

// location is the region in which a bucket is to be created. The endpoint of
// us-east-1 is the old global one: it takes every constraint but its own.
func location(endpoint, constraint string) (string, error) {
	region := constraint
	if region == "EU" {
		region = "eu-west-1"
	}
	switch {
	case region == "" && endpoint == "us-east-1":
		return endpoint, nil
	case region == "":
		region = "unspecified"
	case region == "us-east-1" && endpoint == region, !regionName.MatchString(region):
		return "", &wire.Error{Code: "InvalidLocationConstraint", Message: "The specified location-constraint is not valid",
			Extra: map[string]any{"LocationConstraint": constraint}}
	case region == endpoint, endpoint == "us-east-1":
		return region, nil
	}
	return "", &wire.Error{Code: "IllegalLocationConstraintException",
		Message: fmt.Sprintf("The %s location constraint is incompatible for the region specific endpoint this request was sent to.", region)}
}

func (s *Service) headBucket(r *request) (*wire.Response, error) {
	b, err := s.find(r)
	if err != nil {
		return nil, err
	}
	reply := empty(http.StatusOK)
	reply.Header.Set("X-Amz-Bucket-Region", b.Region)
	reply.Header.Set("X-Amz-Access-Point-Alias", "false")
	return reply, nil
}

func (s *Service) deleteBucket(r *request) (*wire.Response, error) {
	b, err := s.find(r)
	if err != nil {
		return nil, err
	}
	if len(b.objects) > 0 {
		message := "The bucket you tried to delete is not empty"
		if b.Versioning != "" {
			message += ". You must delete all versions in the bucket."
		}
		return nil, &wire.Error{Status: http.StatusConflict, Code: "BucketNotEmpty", Message: message,
			Extra: map[string]any{"BucketName": b.Name}}
	}
	delete(s.buckets, b.Name)
	s.names.free(b.Name)
	return empty(http.StatusNoContent), nil
}

// owner is how XML documents name an account.
type owner struct {
	ID string `xml:"ID"`
}

// canonical is the canonical user id of the account.
func (s *Service) canonical() owner {
	h := sha256.Sum256([]byte("canonical user of " + s.account))
	return owner{ID: hex.EncodeToString(h[:])}
}

func (s *Service) listBuckets(r *request) (*wire.Response, error) {
	type entry struct {
		Name         string `xml:"Name"`
		CreationDate string `xml:"CreationDate"`
		BucketRegion string `xml:"BucketRegion"`
		BucketARN    string `xml:"BucketArn"`
	}
	limit, err := r.number("max-buckets", 10000)
	if err != nil {
		return nil, err
	}
	after, err := decodeToken(r.query.Get("continuation-token"))
	if err != nil {
		return nil, err
	}
	names := slices.DeleteFunc(slices.Sorted(maps.Keys(s.buckets)), func(name string) bool {
		region := r.query.Get("bucket-region")
		return region != "" && s.buckets[name].Region != region
	})
	p := paginate(names, r.query.Get("prefix"), "", after, limit)
	var result struct {
		Owner             owner   `xml:"Owner"`
		Buckets           []entry `xml:"Buckets>Bucket"`
		Prefix            string  `xml:"Prefix,omitempty"`
		ContinuationToken string  `xml:"ContinuationToken,omitempty"`
	}
	result.Owner, result.Prefix = s.canonical(), r.query.Get("prefix")
	for _, name := range p.keys {
		b := s.buckets[name]
		result.Buckets = append(result.Buckets, entry{name, timestamp(b.Created), b.Region, "arn:aws:s3:::" + name})
	}
	if p.truncated {
		result.ContinuationToken = encodeToken(p.last)
	}
	return document("ListAllMyBucketsResult", result), nil
}

// getBucketLocation answers with nothing for us-east-1.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
func (s *Service) getBucketLocation(_ *request, b *bucket) (*wire.Response, error) {
	region := b.Region
	if region == "us-east-1" {
		region = ""
	}
	return document("LocationConstraint", region), nil
}

// Buckets returns the configuration of all of the account's buckets, by name.
func (s *Service) Buckets() []Bucket {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Bucket
	for _, name := range slices.Sorted(maps.Keys(s.buckets)) {
		out = append(out, s.buckets[name].config())
	}
	return out
}
