// Package s3 emulates Amazon S3: buckets and their configuration, objects with
// versions and conditional writes, multipart uploads, and the events that
// EventBridge gets.
//
// Reads are strongly consistent, as those of S3 are; only a fresh bucket may be
// invisible for a while. Nobody's permission is checked.
package s3

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// ConditionalRequestConflict is what S3 answers to a conditional write that
// raced with another. Calls are served one after the other here, so it happens
// only as the Error of an injected fault.
var ConditionalRequestConflict = &wire.Error{Status: http.StatusConflict, Code: "ConditionalRequestConflict",
	Message: "The conditional request cannot succeed due to a conflicting operation against this resource."}

// Service is the emulated S3 of one account. It is safe for concurrent use.
type Service struct {
	hub     *wire.Hub
	account string
	notify  func(ObjectEvent)
	names   *Names

	mu      sync.Mutex
	buckets map[string]*bucket
}

// Names are the names of buckets, which all accounts share. It is safe for
// concurrent use.
type Names struct {
	mu    sync.Mutex
	owner map[string]string
}

// claim makes a name an account's, and says whether it is now: it may be
// another's.
func (n *Names) claim(name, account string) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.owner == nil {
		n.owner = map[string]string{}
	}
	if n.owner[name] == "" {
		n.owner[name] = account
	}
	return n.owner[name] == account
}

// free gives up a name.
func (n *Names) free(name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	delete(n.owner, name)
}

// foreign says whether a name is another account's.
func (s *Service) foreign(name string) bool {
	s.names.mu.Lock()
	defer s.names.mu.Unlock()
	owner := s.names.owner[name]
	return owner != "" && owner != s.account
}

// New returns an S3 without buckets. notify is called after each change of an
// object in a bucket whose events go to EventBridge, in the order of the
// changes of one caller; nil means that nobody listens.
func New(hub *wire.Hub, account string, notify func(ObjectEvent)) *Service {
	if notify == nil {
		notify = func(ObjectEvent) {}
	}
	return &Service{hub: hub, account: account, notify: notify, names: &Names{}, buckets: map[string]*bucket{}}
}

// Share lets the account share the names of buckets with others. It is called
// before the first bucket is made.
func (s *Service) Share(n *Names) { s.names = n }

// AddForeign makes a bucket name taken by another account.
func (s *Service) AddForeign(name string) { s.names.claim(name, "another account") }

// Wire is the service as the router serves it.
func (s *Service) Wire() *wire.Service {
	operations := map[string]wire.Operation{}
	for action, op := range map[string]func(*request) (*wire.Response, error){
		"ListBuckets":  s.listBuckets,
		"CreateBucket": s.createBucket,
		"HeadBucket":   s.headBucket,
		"DeleteBucket": s.deleteBucket,
	} {
		operations[action] = s.serve(op)
	}
	for action, op := range map[string]func(*request, *bucket) (*wire.Response, error){
		"GetBucketLocation":                  s.getBucketLocation,
		"GetBucketPolicy":                    s.getBucketPolicy,
		"PutBucketPolicy":                    s.putBucketPolicy,
		"DeleteBucketPolicy":                 s.deleteBucketPolicy,
		"GetPublicAccessBlock":               s.getPublicAccessBlock,
		"PutPublicAccessBlock":               s.putPublicAccessBlock,
		"DeletePublicAccessBlock":            s.deletePublicAccessBlock,
		"GetBucketEncryption":                s.getBucketEncryption,
		"PutBucketEncryption":                s.putBucketEncryption,
		"DeleteBucketEncryption":             s.deleteBucketEncryption,
		"GetBucketVersioning":                s.getBucketVersioning,
		"PutBucketVersioning":                s.putBucketVersioning,
		"GetBucketTagging":                   s.getBucketTagging,
		"PutBucketTagging":                   s.putBucketTagging,
		"DeleteBucketTagging":                s.deleteBucketTagging,
		"GetBucketOwnershipControls":         s.getBucketOwnershipControls,
		"PutBucketOwnershipControls":         s.putBucketOwnershipControls,
		"DeleteBucketOwnershipControls":      s.deleteBucketOwnershipControls,
		"GetBucketNotificationConfiguration": s.getBucketNotification,
		"PutBucketNotificationConfiguration": s.putBucketNotification,
		"ListObjects":                        s.listObjects,
		"ListObjectsV2":                      s.listObjectsV2,
		"ListObjectVersions":                 s.listObjectVersions,
		"PutObject":                          s.putObject,
		"GetObject":                          s.getObject,
		"HeadObject":                         s.getObject,
		"DeleteObject":                       s.deleteObject,
		"DeleteObjects":                      s.deleteObjects,
		"CopyObject":                         s.copyObject,
		"CreateMultipartUpload":              s.createMultipartUpload,
		"UploadPart":                         s.uploadPart,
		"CompleteMultipartUpload":            s.completeMultipartUpload,
		"AbortMultipartUpload":               s.abortMultipartUpload,
	} {
		operations[action] = s.serve(func(r *request) (*wire.Response, error) {
			b, err := s.find(r)
			if err != nil {
				return nil, err
			}
			return op(r, b)
		})
	}
	return &wire.Service{Name: "s3", Protocol: wire.REST, Namespace: namespace, Operations: operations, Route: route, Fail: fail}
}

// request is a call whose address and payload have been decoded.
type request struct {
	*wire.Call
	bucket, key string
	query       url.Values
	header      http.Header
	payload     []byte
	// sum is the additional checksum of the payload.
	sum checksum
	// events happened while the request was served.
	events []ObjectEvent
}

// serve decodes a call and serves it while nothing else changes. Events are told
// after that, so that who listens may call back.
func (s *Service) serve(op func(*request) (*wire.Response, error)) wire.Operation {
	return func(c *wire.Call) (any, error) {
		r, err := decodeRequest(c)
		if err != nil {
			return nil, err
		}
		s.mu.Lock()
		reply, err := op(r)
		s.mu.Unlock()
		for _, e := range r.events {
			s.notify(e)
		}
		if err != nil {
			return nil, err
		}
		return reply, nil
	}
}

// understood are the headers beginning with x-amz- that change nothing here or
// that are honoured somewhere.
var understood = []string{
	"X-Amz-Acl", "X-Amz-Bucket-Object-Lock-Enabled", "X-Amz-Checksum-", "X-Amz-Confirm-Remove-Self-Bucket-Access",
	"X-Amz-Content-Sha256", "X-Amz-Copy-Source", "X-Amz-Copy-Source-If-Match", "X-Amz-Copy-Source-If-None-Match",
	"X-Amz-Date", "X-Amz-Decoded-Content-Length", "X-Amz-Expected-Bucket-Owner", "X-Amz-Meta-", "X-Amz-Metadata-Directive",
	"X-Amz-Mp-Object-Size", "X-Amz-Object-Ownership", "X-Amz-Request-Payer", "X-Amz-Sdk-Checksum-Algorithm",
	"X-Amz-Security-Token", "X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id",
	"X-Amz-Server-Side-Encryption-Bucket-Key-Enabled", "X-Amz-Source-Expected-Bucket-Owner", "X-Amz-Storage-Class",
	"X-Amz-Trailer", "X-Amz-User-Agent",
}

func decodeRequest(c *wire.Call) (*request, error) {
	r := &request{Call: c, query: c.HTTP.URL.Query(), header: c.HTTP.Header.Clone(), payload: c.Body}
	r.bucket, r.key = address(c.HTTP)
	for name := range r.header {
		if strings.HasPrefix(name, "X-Amz-") && !slices.ContainsFunc(understood, func(u string) bool {
			return name == u || strings.HasSuffix(u, "-") && strings.HasPrefix(name, u)
		}) {
			return nil, notImplemented("the header " + strings.ToLower(name))
		}
	}
	if class := r.header.Get("X-Amz-Storage-Class"); class != "" && class != "STANDARD" {
		return nil, notImplemented("the storage class " + class)
	}
	if err := r.decodePayload(); err != nil {
		return nil, err
	}
	var err error
	r.sum, err = verify(r.payload, r.header)
	return r, err
}

func (r *request) decodePayload() error {
	hash := r.header.Get("X-Amz-Content-Sha256")
	if !strings.HasPrefix(hash, "STREAMING-") {
		if got := sha256.Sum256(r.payload); len(hash) == 64 && hash != hex.EncodeToString(got[:]) {
			return &wire.Error{Code: "XAmzContentSHA256Mismatch",
				Message: "The provided 'x-amz-content-sha256' header does not match what was computed."}
		}
		return nil
	}
	payload, trailer, err := decodeChunked(r.payload)
	if err != nil {
		return &wire.Error{Code: "IncompleteBody", Message: "The request body terminated unexpectedly: " + err.Error()}
	}
	if r.header.Get("X-Amz-Decoded-Content-Length") != strconv.Itoa(len(payload)) {
		return &wire.Error{Code: "IncompleteBody",
			Message: "You did not provide the number of bytes specified by the x-amz-decoded-content-length HTTP header."}
	}
	for name := range strings.SplitSeq(r.header.Get("X-Amz-Trailer"), ",") {
		name = strings.TrimSpace(name)
		if name == "" {
			continue
		}
		value := trailer.Get(name)
		if value == "" {
			return &wire.Error{Code: "MalformedTrailerError",
				Message: "The request contained trailing data that was not well-formed or did not conform to our published schema."}
		}
		r.header.Set(name, value)
	}
	r.payload = payload
	return nil
}

// xml decodes the payload. The root element must be that of the type.
func (r *request) xml(into any) error {
	if err := xml.Unmarshal(r.payload, into); err != nil {
		return malformedXML
	}
	return nil
}

// number reads a query parameter that is a number from 0 to limit.
func (r *request) number(name string, limit int) (int, error) {
	text := r.query.Get(name)
	if text == "" {
		return limit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, &wire.Error{Code: "InvalidArgument", Message: fmt.Sprintf("Provided %s not an integer or within integer range", name)}
	}
	return min(n, limit), nil
}

// sourceIP is the address of the client without its port.
func (r *request) sourceIP() string {
	host, _, err := net.SplitHostPort(r.HTTP.RemoteAddr)
	if err != nil {
		return r.HTTP.RemoteAddr
	}
	return host
}

var malformedXML = &wire.Error{Code: "MalformedXML",
	Message: "The XML you provided was not well-formed or did not validate against our published schema"}

func notImplemented(what string) *wire.Error {
	return &wire.Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "s3: " + what + " is not emulated"}
}

// fail encodes an error. Extra members whose names begin with x-amz- are
// headers, the others are elements.
func fail(c *wire.Call, e *wire.Error) *wire.Response {
	status := e.Status
	if status == 0 {
		status = http.StatusBadRequest
	}
	reply := &wire.Response{Status: status, Header: http.Header{}}
	var body bytes.Buffer
	body.WriteString(xml.Header + "<Error>")
	element := func(name, value string) {
		fmt.Fprintf(&body, "<%s>", name)
		_ = xml.EscapeText(&body, []byte(value))
		fmt.Fprintf(&body, "</%s>", name)
	}
	element("Code", e.Code)
	element("Message", e.Message)
	for _, name := range slices.Sorted(maps.Keys(e.Extra)) {
		if value := fmt.Sprint(e.Extra[name]); strings.HasPrefix(name, "x-amz-") {
			reply.Header.Set(name, value)
		} else {
			element(name, value)
		}
	}
	element("RequestId", c.RequestID)
	element("HostId", hostID(c.RequestID))
	body.WriteString("</Error>")
	if c.HTTP.Method != http.MethodHead && status != http.StatusNotModified {
		reply.Header.Set("Content-Type", "application/xml")
		reply.Body = body.Bytes()
	}
	return reply
}

// hostID is the second identifier that every reply of S3 has.
func hostID(requestID string) string {
	h := sha256.Sum256([]byte(requestID))
	return hex.EncodeToString(h[:])
}

func empty(status int) *wire.Response { return &wire.Response{Status: status, Header: http.Header{}} }

// document is a reply that carries XML.
func document(root string, v any) *wire.Response {
	var body bytes.Buffer
	body.WriteString(xml.Header)
	start := xml.StartElement{Name: xml.Name{Local: root}, Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: namespace}}}
	if err := xml.NewEncoder(&body).EncodeElement(v, start); err != nil {
		panic(fmt.Sprintf("encoding %T: %v", v, err))
	}
	return &wire.Response{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/xml"}}, Body: body.Bytes()}
}

// timestamp is a time as the XML documents of S3 have it.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
