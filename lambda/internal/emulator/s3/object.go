package s3

import (
	"crypto/md5" //nolint:gosec // the ETag of S3 is an MD5 digest
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/wire"
)

// null is the id of a version written while the bucket was not versioned.
const null = "null"

// version is one version of an object, or a delete marker.
type version struct {
	id       string
	marker   bool
	modified time.Time
	// etag without quotes.
	etag string
	body []byte
	sum  checksum
	// header is what the writer said about the content, for the readers.
	header http.Header
}

// current is the newest version of a key unless that is a delete marker; nil if
// there is none.
func (b *bucket) current(key string) *version {
	v := b.newest(key)
	if v == nil || v.marker {
		return nil
	}
	return v
}

// newest is the newest version of a key, delete markers included.
func (b *bucket) newest(key string) *version {
	versions := b.objects[key]
	if len(versions) == 0 {
		return nil
	}
	return versions[len(versions)-1]
}

// discard removes a version and says what it was; nil if it was not there.
func (b *bucket) discard(key, id string) *version {
	versions := b.objects[key]
	i := slices.IndexFunc(versions, func(v *version) bool { return v.id == id })
	if i < 0 {
		return nil
	}
	gone := versions[i]
	if len(versions) == 1 {
		delete(b.objects, key)
	} else {
		b.objects[key] = slices.Delete(slices.Clone(versions), i, i+1)
	}
	return gone
}

// add makes v the newest version of a key. While a bucket is not versioned, or
// versioning is suspended, it replaces the null version.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/AddingObjectstoVersionSuspendedBuckets.html
func (b *bucket) add(key string, v *version) {
	v.id = null
	if b.Versioning == "Enabled" {
		v.id = b.identifier(key)
	} else {
		b.discard(key, null)
	}
	b.objects[key] = append(b.objects[key], v)
}

// next numbers the changes of a key.
func (b *bucket) next(key string) uint64 {
	b.changes[key]++
	return b.changes[key]
}

// identifier makes an opaque identifier like those of versions and uploads.
func (b *bucket) identifier(key string) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s/%s %d", b.Name, key, b.next(key)))
	return strings.ReplaceAll(base64.RawURLEncoding.EncodeToString(h[:24]), "-", ".")
}

// versionHeader tells the version of an object; a bucket that never was
// versioned does not tell any.
func (b *bucket) versionHeader(h http.Header, v *version) {
	if b.Versioning != "" {
		h.Set("X-Amz-Version-Id", v.id)
	}
}

// created notes the event that a version was created.
func (s *Service) created(r *request, b *bucket, key string, v *version, reason string) {
	e := s.event(r, b, key, v)
	e.Reason, e.Size, e.ETag = reason, int64(len(v.body)), v.etag
	r.tell(b, e)
}

// deleted notes the event that a version was deleted for good, or that a delete
// marker was created.
func (s *Service) deleted(r *request, b *bucket, key string, v *version, kind string) {
	e := s.event(r, b, key, v)
	e.Reason, e.DeletionType = "DeleteObject", kind
	if kind == markerCreated {
		e.ETag = v.etag
	}
	r.tell(b, e)
}

const (
	markerCreated = "Delete Marker Created"
	deletedGood   = "Permanently Deleted"
)

func (s *Service) event(r *request, b *bucket, key string, v *version) ObjectEvent {
	e := ObjectEvent{
		Time: r.Time, Region: b.Region, Bucket: b.Name, Key: key,
		Sequencer: fmt.Sprintf("%08x%08x", r.Time.Unix(), b.next(key)),
		RequestID: r.RequestID, Requester: s.account, SourceIP: r.sourceIP(),
	}
	if b.Versioning != "" {
		e.VersionID = v.id
	}
	return e
}

func (r *request) tell(b *bucket, e ObjectEvent) {
	if b.EventBridge {
		r.events = append(r.events, e)
	}
}

// kept are the headers of a write that every read repeats.
var kept = []string{"Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Type", "Expires"}

// content takes what the writer says about the content out of the header of a
// write.
func content(h http.Header) http.Header {
	out := http.Header{}
	for name, values := range h {
		if slices.Contains(kept, name) || strings.HasPrefix(name, "X-Amz-Meta-") {
			out[name] = values
		}
	}
	// aws-chunked is the encoding of the request, not of the object.
	encodings := slices.DeleteFunc(strings.Split(out.Get("Content-Encoding"), ","), func(e string) bool {
		e = strings.TrimSpace(e)
		return e == "aws-chunked" || e == ""
	})
	out.Del("Content-Encoding")
	if len(encodings) > 0 {
		out.Set("Content-Encoding", strings.Join(encodings, ","))
	}
	if out.Get("Content-Type") == "" {
		out.Set("Content-Type", "binary/octet-stream")
	}
	return out
}

// sse are the headers that tell how an object is encrypted.
var sse = []string{
	"X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled",
}

// encrypt adds to an object's header how it is encrypted: as the write asks, else
// as the bucket does by default.
func encrypt(object, write http.Header, byDefault Encryption) error {
	algorithm := write.Get(sse[0])
	if algorithm != "" && !slices.Contains(encryptions, algorithm) {
		return &wire.Error{Code: "InvalidArgument", Message: "The encryption method specified is not supported"}
	}
	if algorithm != "" {
		for _, name := range sse {
			if value := write.Get(name); value != "" {
				object.Set(name, value)
			}
		}
		return nil
	}
	object.Set(sse[0], byDefault.Algorithm)
	if byDefault.KeyID != "" {
		object.Set(sse[1], byDefault.KeyID)
	}
	if byDefault.BucketKey {
		object.Set(sse[2], "true")
	}
	return nil
}

// checkWrite refuses what a bucket does not take: access control lists where the
// owner of the bucket owns everything, and unmet conditions.
func checkWrite(r *request, b *bucket, key string) error {
	acl := r.header.Get("X-Amz-Acl")
	switch {
	case len(key) > 1024:
		return &wire.Error{Code: "KeyTooLongError", Message: "Your key is too long"}
	case acl == "" || acl == "bucket-owner-full-control" || acl == "private" && b.Ownership != "BucketOwnerEnforced":
	case b.Ownership == "BucketOwnerEnforced":
		return &wire.Error{Code: "AccessControlListNotSupported", Message: "The bucket does not allow ACLs"}
	default:
		return notImplemented("the access control list " + acl)
	}
	return precondition(r.header, b.current(key), key)
}

// precondition applies the conditions of a write.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
func precondition(h http.Header, current *version, key string) error {
	if want := h.Get("If-None-Match"); want != "" {
		if want != "*" {
			return notImplemented("a conditional write with If-None-Match other than *")
		}
		if current != nil {
			return preconditionFailed("If-None-Match")
		}
	}
	if want := h.Get("If-Match"); want != "" {
		if current == nil {
			return noSuchKey(key)
		}
		if !sameETag(want, current.etag) {
			return preconditionFailed("If-Match")
		}
	}
	return nil
}

func sameETag(header, etag string) bool { return strings.Trim(header, `"`) == etag }

func preconditionFailed(condition string) *wire.Error {
	return &wire.Error{Status: http.StatusPreconditionFailed, Code: "PreconditionFailed",
		Message: "At least one of the pre-conditions you specified did not hold", Extra: map[string]any{"Condition": condition}}
}

func noSuchKey(key string) *wire.Error {
	return &wire.Error{Status: http.StatusNotFound, Code: "NoSuchKey", Message: "The specified key does not exist.",
		Extra: map[string]any{"Key": key}}
}

func etagOf(body []byte) string {
	h := md5.Sum(body) //nolint:gosec // see the import
	return hex.EncodeToString(h[:])
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
func (s *Service) putObject(r *request, b *bucket) (*wire.Response, error) {
	if err := checkWrite(r, b, r.key); err != nil {
		return nil, err
	}
	v := &version{modified: r.Time, etag: etagOf(r.payload), body: r.payload, sum: r.sum, header: content(r.header)}
	if err := encrypt(v.header, r.header, b.Encryption); err != nil {
		return nil, err
	}
	b.add(r.key, v)
	s.created(r, b, r.key, v, "PutObject")
	reply := empty(http.StatusOK)
	b.describe(reply.Header, v)
	v.sum.tell(reply.Header)
	return reply, nil
}

// describe tells what was written.
func (b *bucket) describe(h http.Header, v *version) {
	h.Set("ETag", `"`+v.etag+`"`)
	b.versionHeader(h, v)
	for _, name := range sse {
		if value := v.header.Get(name); value != "" {
			h.Set(name, value)
		}
	}
}

// read finds the version that a request asks for.
func (b *bucket) read(key, id string) (*version, error) {
	if id == "" {
		newest := b.newest(key)
		if newest == nil {
			return nil, noSuchKey(key)
		}
		if newest.marker {
			err := noSuchKey(key)
			err.Extra["x-amz-delete-marker"], err.Extra["x-amz-version-id"] = "true", newest.id
			return nil, err
		}
		return newest, nil
	}
	i := slices.IndexFunc(b.objects[key], func(v *version) bool { return v.id == id })
	if i < 0 {
		return nil, &wire.Error{Status: http.StatusNotFound, Code: "NoSuchVersion", Message: "The specified version does not exist.",
			Extra: map[string]any{"Key": key, "VersionId": id}}
	}
	v := b.objects[key][i]
	if v.marker {
		return nil, &wire.Error{Status: http.StatusMethodNotAllowed, Code: "MethodNotAllowed",
			Message: "The specified method is not allowed against this resource.",
			Extra: map[string]any{"Method": "GET", "ResourceType": "DeleteMarker",
				"x-amz-delete-marker": "true", "x-amz-version-id": v.id}}
	}
	return v, nil
}

// getObject serves HeadObject too, which tells everything but the content.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
func (s *Service) getObject(r *request, b *bucket) (*wire.Response, error) {
	v, err := b.read(r.key, r.query.Get("versionId"))
	if err != nil {
		return nil, err
	}
	if err := readCondition(r.header, v); err != nil {
		return nil, err
	}
	reply := &wire.Response{Status: http.StatusOK, Header: v.header.Clone(), Body: v.body}
	b.describe(reply.Header, v)
	reply.Header.Set("Last-Modified", v.modified.UTC().Format(http.TimeFormat))
	reply.Header.Set("Accept-Ranges", "bytes")
	first, last, partial, err := byteRange(r.header.Get("Range"), len(v.body))
	if err != nil {
		return nil, err
	}
	switch {
	case partial:
		reply.Status, reply.Body = http.StatusPartialContent, v.body[first:last+1]
		reply.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, last, len(v.body)))
	case r.header.Get("X-Amz-Checksum-Mode") == "ENABLED":
		v.sum.tell(reply.Header)
	}
	reply.Header.Set("Content-Length", strconv.Itoa(len(reply.Body)))
	if r.Action == "HeadObject" {
		reply.Body = nil
	}
	return reply, nil
}

// readCondition applies the conditions of a read; If-Match goes before
// If-Unmodified-Since and If-None-Match before If-Modified-Since.
func readCondition(h http.Header, v *version) error {
	notModified := &wire.Error{Status: http.StatusNotModified, Code: "NotModified", Message: "Not Modified"}
	modified := v.modified.Truncate(time.Second)
	if want := h.Get("If-Match"); want != "" {
		if want != "*" && !sameETag(want, v.etag) {
			return preconditionFailed("If-Match")
		}
	} else if since, err := http.ParseTime(h.Get("If-Unmodified-Since")); err == nil && modified.After(since) {
		return preconditionFailed("If-Unmodified-Since")
	}
	if want := h.Get("If-None-Match"); want != "" {
		if want == "*" || sameETag(want, v.etag) {
			return notModified
		}
	} else if since, err := http.ParseTime(h.Get("If-Modified-Since")); err == nil && !modified.After(since) {
		return notModified
	}
	return nil
}

// byteRange reads a Range header with one range; as HTTP wants, one that it does
// not understand is ignored.
func byteRange(header string, size int) (first, last int, partial bool, err error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	from, to, dash := strings.Cut(spec, "-")
	if !ok || !dash {
		return 0, 0, false, nil
	}
	first, last = 0, size-1
	switch n, err := strconv.Atoi(to); {
	case to == "" && from != "":
	case err != nil || n < 0:
		return 0, 0, false, nil //nolint:nilerr // S3 ignores a range that it cannot read
	case from == "":
		first = max(0, size-n)
		if n == 0 {
			first = size
		}
	default:
		last = min(last, n)
	}
	if from != "" {
		n, err := strconv.Atoi(from)
		if err != nil || n < 0 || (to != "" && n > last && n < size) {
			return 0, 0, false, nil //nolint:nilerr // S3 ignores a range that it cannot read
		}
		first = n
	}
	if first >= size {
		return 0, 0, false, &wire.Error{Status: http.StatusRequestedRangeNotSatisfiable, Code: "InvalidRange",
			Message: "The requested range is not satisfiable", Extra: map[string]any{"ActualObjectSize": size, "RangeRequested": header}}
	}
	return first, last, true, nil
}

// removal is what became of a key that was deleted.
type removal struct {
	// marker says that a delete marker was created, or deleted.
	marker bool
	// id is the version that was created or deleted; empty if there is none.
	id string
}

// remove deletes a version for good, or, without an id, the object, of which a
// versioned bucket keeps all versions under a delete marker.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/DeleteMarker.html
func (s *Service) remove(r *request, b *bucket, key, id, ifMatch string) (removal, error) {
	if err := deleteCondition(b, key, ifMatch); err != nil {
		return removal{}, err
	}
	if id != "" {
		gone := b.discard(key, id)
		if gone == nil {
			return removal{id: id}, nil
		}
		s.deleted(r, b, key, gone, deletedGood)
		return removal{marker: gone.marker, id: id}, nil
	}
	if b.Versioning == "" {
		if gone := b.discard(key, null); gone != nil {
			s.deleted(r, b, key, gone, deletedGood)
		}
		return removal{}, nil
	}
	marker := &version{marker: true, modified: r.Time, etag: etagOf(nil)}
	b.add(key, marker)
	s.deleted(r, b, key, marker, markerCreated)
	return removal{marker: true, id: marker.id}, nil
}

// deleteCondition applies the condition of a delete to the current version.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-deletes.html
func deleteCondition(b *bucket, key, ifMatch string) error {
	newest := b.newest(key)
	switch {
	case ifMatch == "":
		return nil
	case newest == nil:
		return noSuchKey(key)
	case newest.marker, ifMatch != "*" && !sameETag(ifMatch, newest.etag):
		return preconditionFailed("If-Match")
	}
	return nil
}

func (s *Service) deleteObject(r *request, b *bucket) (*wire.Response, error) {
	done, err := s.remove(r, b, r.key, r.query.Get("versionId"), r.header.Get("If-Match"))
	if err != nil {
		return nil, err
	}
	reply := empty(http.StatusNoContent)
	if done.id != "" {
		reply.Header.Set("X-Amz-Version-Id", done.id)
	}
	if done.marker {
		reply.Header.Set("X-Amz-Delete-Marker", "true")
	}
	return reply, nil
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
func (s *Service) deleteObjects(r *request, b *bucket) (*wire.Response, error) {
	var config struct {
		XMLName xml.Name `xml:"Delete"`
		Quiet   bool     `xml:"Quiet"`
		Objects []struct {
			Key       string `xml:"Key"`
			VersionID string `xml:"VersionId"`
			ETag      string `xml:"ETag"`
		} `xml:"Object"`
	}
	if err := r.xml(&config); err != nil {
		return nil, err
	}
	if len(config.Objects) == 0 || len(config.Objects) > 1000 {
		return nil, malformedXML
	}
	type deleted struct {
		Key                   string `xml:"Key"`
		VersionID             string `xml:"VersionId,omitempty"`
		DeleteMarker          bool   `xml:"DeleteMarker,omitempty"`
		DeleteMarkerVersionID string `xml:"DeleteMarkerVersionId,omitempty"`
	}
	type failed struct {
		Key       string `xml:"Key"`
		VersionID string `xml:"VersionId,omitempty"`
		Code      string `xml:"Code"`
		Message   string `xml:"Message"`
	}
	var result struct {
		Deleted []deleted `xml:"Deleted"`
		Errors  []failed  `xml:"Error"`
	}
	for _, o := range config.Objects {
		done, err := s.remove(r, b, o.Key, o.VersionID, o.ETag)
		if err != nil {
			e := asWire(err)
			result.Errors = append(result.Errors, failed{o.Key, o.VersionID, e.Code, e.Message})
			continue
		}
		entry := deleted{Key: o.Key, VersionID: o.VersionID, DeleteMarker: done.marker}
		if done.marker {
			entry.DeleteMarkerVersionID = done.id
		}
		if !config.Quiet {
			result.Deleted = append(result.Deleted, entry)
		}
	}
	return document("DeleteResult", result), nil
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CopyObject.html
func (s *Service) copyObject(r *request, b *bucket) (*wire.Response, error) {
	from, key, id, err := s.copySource(r)
	if err != nil {
		return nil, err
	}
	source, err := from.read(key, id)
	if err != nil {
		return nil, err
	}
	if want := r.header.Get("X-Amz-Copy-Source-If-Match"); want != "" && !sameETag(want, source.etag) {
		return nil, preconditionFailed("x-amz-copy-source-If-Match")
	}
	if want := r.header.Get("X-Amz-Copy-Source-If-None-Match"); want != "" && sameETag(want, source.etag) {
		return nil, preconditionFailed("x-amz-copy-source-If-None-Match")
	}
	if err := checkWrite(r, b, r.key); err != nil {
		return nil, err
	}
	v := &version{modified: r.Time, body: source.body, etag: etagOf(source.body), sum: source.sum, header: content(source.header)}
	if v.sum.composite {
		v.sum = sum(v.sum.algorithm, v.body)
	}
	if algorithm := strings.ToLower(r.header.Get("X-Amz-Checksum-Algorithm")); algorithm != "" {
		if _, ok := algorithms[algorithm]; !ok {
			return nil, notImplemented("the checksum " + algorithm)
		}
		v.sum = sum(algorithm, v.body)
	}
	replace := r.header.Get("X-Amz-Metadata-Directive") == "REPLACE"
	if replace {
		v.header = content(r.header)
	} else if from == b && key == r.key && id == "" && r.header.Get(sse[0]) == "" {
		return nil, &wire.Error{Code: "InvalidRequest", Message: "This copy request is illegal because it is trying to copy an object to " +
			"itself without changing the object's metadata, storage class, website redirect location or encryption attributes."}
	}
	if err := encrypt(v.header, r.header, b.Encryption); err != nil {
		return nil, err
	}
	b.add(r.key, v)
	s.created(r, b, r.key, v, "CopyObject")
	reply := document("CopyObjectResult", struct {
		LastModified string
		ETag         string
		ChecksumType string
		Checksum     checksum
	}{timestamp(v.modified), `"` + v.etag + `"`, v.sum.kind(), v.sum})
	b.describe(reply.Header, v)
	reply.Header.Del("ETag")
	if id != "" || from.Versioning != "" {
		reply.Header.Set("X-Amz-Copy-Source-Version-Id", source.id)
	}
	return reply, nil
}

// MarshalXML writes the checksum as the element of its algorithm.
func (c checksum) MarshalXML(e *xml.Encoder, _ xml.StartElement) error {
	if c.algorithm == "" {
		return nil
	}
	return e.EncodeElement(c.value, xml.StartElement{Name: xml.Name{Local: c.element()}})
}

// copySource finds what x-amz-copy-source names.
func (s *Service) copySource(r *request) (from *bucket, key, id string, err error) {
	text, query, _ := strings.Cut(r.header.Get("X-Amz-Copy-Source"), "?")
	text, err = url.PathUnescape(strings.TrimPrefix(text, "/"))
	name, key, ok := strings.Cut(text, "/")
	values, queryErr := url.ParseQuery(query)
	if err != nil || queryErr != nil || !ok || key == "" {
		return nil, "", "", &wire.Error{Code: "InvalidArgument",
			Message: "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"}
	}
	if s.foreign(name) {
		return nil, "", "", accessDenied()
	}
	from, ok = s.buckets[name]
	if !ok {
		return nil, "", "", &wire.Error{Status: http.StatusNotFound, Code: "NoSuchBucket",
			Message: "The specified bucket does not exist", Extra: map[string]any{"BucketName": name}}
	}
	if owner := r.header.Get("X-Amz-Source-Expected-Bucket-Owner"); owner != "" && owner != from.Owner {
		return nil, "", "", accessDenied()
	}
	return from, key, values.Get("versionId"), nil
}

// Object is the current version of an object.
type Object struct {
	Key string
	// VersionID is null if the object was written while the bucket was not
	// versioned.
	VersionID string
	// ETag without quotes.
	ETag     string
	Modified time.Time
	Body     []byte
}

// Put writes an object, as the account itself would. Listeners hear of it.
func (s *Service) Put(bucket, key string, body []byte) (Object, error) {
	s.mu.Lock()
	b, ok := s.buckets[bucket]
	if !ok {
		s.mu.Unlock()
		return Object{}, fmt.Errorf("putting %s: there is no bucket %s", key, bucket)
	}
	body = slices.Clone(body)
	v := &version{modified: s.hub.Clock.Now(), etag: etagOf(body), body: body, sum: sum(defaultAlgorithm, body), header: content(nil)}
	v.header.Set(sse[0], b.Encryption.Algorithm)
	b.add(key, v)
	r := &request{Call: &wire.Call{Time: v.modified, RequestID: b.identifier(key), HTTP: &http.Request{RemoteAddr: "127.0.0.1:0"}}}
	s.created(r, b, key, v, "PutObject")
	s.mu.Unlock()
	for _, e := range r.events {
		s.notify(e)
	}
	return Object{key, v.id, v.etag, v.modified, slices.Clone(body)}, nil
}

// Delete deletes an object, as the account itself would, and returns the version
// of the deletion. Listeners hear of it.
func (s *Service) Delete(bucket, key string) (version string, err error) {
	s.mu.Lock()
	b, ok := s.buckets[bucket]
	if !ok {
		s.mu.Unlock()
		return "", fmt.Errorf("deleting %s: there is no bucket %s", key, bucket)
	}
	r := &request{Call: &wire.Call{Time: s.hub.Clock.Now(), RequestID: b.identifier(key), HTTP: &http.Request{RemoteAddr: "127.0.0.1:0"}}}
	done, err := s.remove(r, b, key, "", "")
	s.mu.Unlock()
	for _, e := range r.events {
		s.notify(e)
	}
	return done.id, err
}

// Get reads the current version of an object.
func (s *Service) Get(bucket, key string) (Object, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[bucket]
	if !ok {
		return Object{}, false
	}
	v := b.current(key)
	if v == nil {
		return Object{}, false
	}
	return Object{key, v.id, v.etag, v.modified, slices.Clone(v.body)}, true
}

// Keys lists the keys of a bucket that begin with a prefix, in order.
func (s *Service) Keys(bucket, prefix string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, ok := s.buckets[bucket]
	if !ok {
		return nil
	}
	return paginate(b.keys(), prefix, "", "", len(b.objects)).keys
}

// asWire returns the error of the service itself.
func asWire(err error) *wire.Error {
	if e, ok := errors.AsType[*wire.Error](err); ok {
		return e
	}
	return &wire.Error{Code: "InternalError", Message: err.Error()}
}
