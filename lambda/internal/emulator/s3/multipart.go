package s3

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"lakegate/lambda/internal/emulator/wire"
)

// minPart is the size of every part but the last, in bytes.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
const minPart = 5 << 20

// upload is a multipart upload that is under way.
type upload struct {
	key       string
	header    http.Header
	algorithm string
	composite bool
	parts     map[int]part
}

type part struct {
	body []byte
	etag string
	sum  checksum
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateMultipartUpload.html
func (s *Service) createMultipartUpload(r *request, b *bucket) (*wire.Response, error) {
	if err := checkWrite(r, b, r.key); err != nil {
		return nil, err
	}
	u := &upload{key: r.key, header: content(r.header), algorithm: defaultAlgorithm, parts: map[int]part{}}
	if err := encrypt(u.header, r.header, b.Encryption); err != nil {
		return nil, err
	}
	if named := strings.ToLower(r.header.Get("X-Amz-Checksum-Algorithm")); named != "" {
		if _, ok := algorithms[named]; !ok {
			return nil, notImplemented("the checksum " + named)
		}
		u.algorithm = named
		u.composite = named != defaultAlgorithm && r.header.Get("X-Amz-Checksum-Type") != "FULL_OBJECT"
	}
	id := b.identifier(r.key)
	b.uploads[id] = u
	reply := document("InitiateMultipartUploadResult", struct {
		Bucket, Key string
		UploadID    string `xml:"UploadId"`
	}{b.Name, r.key, id})
	reply.Header.Set("X-Amz-Checksum-Algorithm", strings.ToUpper(u.algorithm))
	reply.Header.Set("X-Amz-Checksum-Type", checksum{composite: u.composite}.kind())
	return reply, nil
}

// find is the upload that a request is about.
func (b *bucket) find(r *request) (*upload, error) {
	u, ok := b.uploads[r.query.Get("uploadId")]
	if !ok || u.key != r.key {
		return nil, &wire.Error{Status: http.StatusNotFound, Code: "NoSuchUpload", Message: "The specified upload does not exist. " +
			"The upload ID may be invalid, or the upload may have been aborted or completed.",
			Extra: map[string]any{"UploadId": r.query.Get("uploadId")}}
	}
	return u, nil
}

func (s *Service) uploadPart(r *request, b *bucket) (*wire.Response, error) {
	u, err := b.find(r)
	if err != nil {
		return nil, err
	}
	number, err := strconv.Atoi(r.query.Get("partNumber"))
	if err != nil || number < 1 || number > 10000 {
		return nil, &wire.Error{Code: "InvalidArgument", Message: "Part number must be an integer between 1 and 10000, inclusive"}
	}
	p := part{body: r.payload, etag: etagOf(r.payload), sum: sum(u.algorithm, r.payload)}
	u.parts[number] = p
	reply := empty(http.StatusOK)
	reply.Header.Set("ETag", `"`+p.etag+`"`)
	reply.Header.Set(checksumPrefix+p.sum.algorithm, p.sum.value)
	return reply, nil
}

// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
func (s *Service) completeMultipartUpload(r *request, b *bucket) (*wire.Response, error) {
	u, err := b.find(r)
	if err != nil {
		return nil, err
	}
	if err := precondition(r.header, b.current(r.key), r.key); err != nil {
		return nil, err
	}
	var config struct {
		XMLName xml.Name       `xml:"CompleteMultipartUpload"`
		Parts   []completePart `xml:"Part"`
	}
	if err := r.xml(&config); err != nil {
		return nil, err
	}
	v, err := u.assemble(config.Parts)
	if err != nil {
		return nil, err
	}
	v.modified = r.Time
	b.add(r.key, v)
	delete(b.uploads, r.query.Get("uploadId"))
	s.created(r, b, r.key, v, "CompleteMultipartUpload")
	reply := document("CompleteMultipartUploadResult", struct {
		Location, Bucket, Key, ETag, ChecksumType string
		Checksum                                  checksum
	}{"http://" + r.HTTP.Host + r.HTTP.URL.Path, b.Name, r.key, `"` + v.etag + `"`, v.sum.kind(), v.sum})
	b.describe(reply.Header, v)
	reply.Header.Del("ETag")
	return reply, nil
}

type completePart struct {
	Number int    `xml:"PartNumber"`
	ETag   string `xml:"ETag"`
}

// assemble makes a version of the parts.
func (u *upload) assemble(listed []completePart) (*version, error) {
	if len(listed) == 0 {
		return nil, malformedXML
	}
	var body, digests, sums []byte
	for i, l := range listed {
		p, ok := u.parts[l.Number]
		switch {
		case i > 0 && l.Number <= listed[i-1].Number:
			return nil, &wire.Error{Code: "InvalidPartOrder", Message: "The list of parts was not in ascending order. Parts must be ordered by part number."}
		case !ok || !sameETag(l.ETag, p.etag):
			return nil, &wire.Error{Code: "InvalidPart", Message: "One or more of the specified parts could not be found. " +
				"The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."}
		case i < len(listed)-1 && len(p.body) < minPart:
			return nil, &wire.Error{Code: "EntityTooSmall", Message: "Your proposed upload is smaller than the minimum allowed size",
				Extra: map[string]any{"PartNumber": l.Number, "ProposedSize": len(p.body), "MinSizeAllowed": minPart}}
		}
		etag, err := hex.DecodeString(p.etag)
		if err != nil {
			panic("an ETag that is not hexadecimal: " + p.etag)
		}
		body, digests = append(body, p.body...), append(digests, etag...)
		sums = append(sums, digest(u.algorithm, p.body)...)
	}
	v := &version{body: body, header: u.header, etag: fmt.Sprintf("%s-%d", etagOf(digests), len(listed)), sum: sum(u.algorithm, body)}
	if u.composite {
		v.sum.composite = true
		v.sum.value = fmt.Sprintf("%s-%d", base64.StdEncoding.EncodeToString(digest(u.algorithm, sums)), len(listed))
	}
	return v, nil
}

func (s *Service) abortMultipartUpload(r *request, b *bucket) (*wire.Response, error) {
	if _, err := b.find(r); err != nil {
		return nil, err
	}
	delete(b.uploads, r.query.Get("uploadId"))
	return empty(http.StatusNoContent), nil
}
