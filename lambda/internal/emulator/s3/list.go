package s3

import (
	"cmp"
	"encoding/base64"
	"maps"
	"net/url"
	"slices"
	"strings"

	"lakegate/lambda/internal/emulator/wire"
)

// maxKeys is how many entries a listing has at most.
const maxKeys = 1000

// page is a portion of a listing.
type page struct {
	keys     []string
	prefixes []string
	// last is the last entry, after which the next portion begins.
	last      string
	truncated bool
}

// paginate lists sorted keys that begin with prefix and come after a given one.
// Keys that have the delimiter after the prefix are rolled up into one prefix.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
func paginate(keys []string, prefix, delimiter, after string, limit int) page {
	var p page
	for _, key := range keys {
		rest, ok := strings.CutPrefix(key, prefix)
		if !ok {
			continue
		}
		entry, rolled := key, false
		if i := strings.Index(rest, delimiter); delimiter != "" && i >= 0 {
			entry, rolled = prefix+rest[:i]+delimiter, true
		}
		if entry <= after || rolled && entry == p.last {
			continue
		}
		if len(p.keys)+len(p.prefixes) == limit {
			p.truncated = limit > 0
			return p
		}
		if p.last = entry; rolled {
			p.prefixes = append(p.prefixes, entry)
		} else {
			p.keys = append(p.keys, entry)
		}
	}
	return p
}

// keys are the keys that have a current version, in order.
func (b *bucket) keys() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(b.objects)), func(key string) bool { return b.current(key) == nil })
}

func encodeToken(last string) string { return base64.RawURLEncoding.EncodeToString([]byte(last)) }

func decodeToken(token string) (string, error) {
	last, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return "", &wire.Error{Code: "InvalidArgument", Message: "The continuation token provided is incorrect"}
	}
	return string(last), nil
}

// escaper encodes keys as the request wants them.
func (r *request) escaper() (func(string) string, error) {
	switch kind := r.query.Get("encoding-type"); kind {
	case "":
		return func(s string) string { return s }, nil
	case "url":
		return func(s string) string {
			return strings.NewReplacer("+", "%20", "%2F", "/").Replace(url.QueryEscape(s))
		}, nil
	default:
		return nil, &wire.Error{Code: "InvalidArgument", Message: "Invalid Encoding Method specified in Request: " + kind}
	}
}

type commonPrefix struct {
	Prefix string `xml:"Prefix"`
}

type listedObject struct {
	Key               string `xml:"Key"`
	LastModified      string `xml:"LastModified"`
	ETag              string `xml:"ETag"`
	ChecksumAlgorithm string `xml:"ChecksumAlgorithm"`
	ChecksumType      string `xml:"ChecksumType"`
	Size              int    `xml:"Size"`
	Owner             *owner `xml:"Owner"`
	StorageClass      string `xml:"StorageClass"`
}

// listing is what both versions of ListObjects tell.
type listing struct {
	Name           string         `xml:"Name"`
	Prefix         string         `xml:"Prefix"`
	Delimiter      string         `xml:"Delimiter,omitempty"`
	MaxKeys        int            `xml:"MaxKeys"`
	EncodingType   string         `xml:"EncodingType,omitempty"`
	IsTruncated    bool           `xml:"IsTruncated"`
	Contents       []listedObject `xml:"Contents"`
	CommonPrefixes []commonPrefix `xml:"CommonPrefixes"`
}

// list lists the objects after a given key.
func (s *Service) list(r *request, b *bucket, after string, owned bool) (listing, page, func(string) string, error) {
	limit, err := r.number("max-keys", maxKeys)
	if err != nil {
		return listing{}, page{}, nil, err
	}
	escape, err := r.escaper()
	if err != nil {
		return listing{}, page{}, nil, err
	}
	prefix, delimiter := r.query.Get("prefix"), r.query.Get("delimiter")
	p := paginate(b.keys(), prefix, delimiter, after, limit)
	out := listing{
		Name: b.Name, Prefix: escape(prefix), Delimiter: escape(delimiter), MaxKeys: limit,
		EncodingType: r.query.Get("encoding-type"), IsTruncated: p.truncated,
	}
	for _, key := range p.keys {
		v := b.current(key)
		entry := listedObject{
			Key: escape(key), LastModified: timestamp(v.modified), ETag: `"` + v.etag + `"`,
			ChecksumAlgorithm: strings.ToUpper(v.sum.algorithm), ChecksumType: v.sum.kind(),
			Size: len(v.body), StorageClass: "STANDARD",
		}
		if owned {
			o := s.canonical()
			entry.Owner = &o
		}
		out.Contents = append(out.Contents, entry)
	}
	for _, prefix := range p.prefixes {
		out.CommonPrefixes = append(out.CommonPrefixes, commonPrefix{escape(prefix)})
	}
	return out, p, escape, nil
}

func (s *Service) listObjectsV2(r *request, b *bucket) (*wire.Response, error) {
	token, startAfter := r.query.Get("continuation-token"), r.query.Get("start-after")
	last, err := decodeToken(token)
	if err != nil {
		return nil, err
	}
	found, p, escape, err := s.list(r, b, cmp.Or(last, startAfter), r.query.Get("fetch-owner") == "true")
	if err != nil {
		return nil, err
	}
	result := struct {
		listing
		KeyCount              int    `xml:"KeyCount"`
		StartAfter            string `xml:"StartAfter,omitempty"`
		ContinuationToken     string `xml:"ContinuationToken,omitempty"`
		NextContinuationToken string `xml:"NextContinuationToken,omitempty"`
	}{listing: found, KeyCount: len(p.keys) + len(p.prefixes), StartAfter: escape(startAfter), ContinuationToken: token}
	if p.truncated {
		result.NextContinuationToken = encodeToken(p.last)
	}
	return document("ListBucketResult", result), nil
}

func (s *Service) listObjects(r *request, b *bucket) (*wire.Response, error) {
	marker := r.query.Get("marker")
	found, p, escape, err := s.list(r, b, marker, true)
	if err != nil {
		return nil, err
	}
	result := struct {
		listing
		Marker     string `xml:"Marker"`
		NextMarker string `xml:"NextMarker,omitempty"`
	}{listing: found, Marker: escape(marker)}
	// Without a delimiter the client takes the last key.
	if p.truncated && r.query.Get("delimiter") != "" {
		result.NextMarker = escape(p.last)
	}
	return document("ListBucketResult", result), nil
}

type listedVersion struct {
	Key          string `xml:"Key"`
	VersionID    string `xml:"VersionId"`
	IsLatest     bool   `xml:"IsLatest"`
	LastModified string `xml:"LastModified"`
	ETag         string `xml:"ETag,omitempty"`
	Size         *int   `xml:"Size"`
	Owner        owner  `xml:"Owner"`
	StorageClass string `xml:"StorageClass,omitempty"`
}

// listObjectVersions lists all versions, by key and then newest first.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html
func (s *Service) listObjectVersions(r *request, b *bucket) (*wire.Response, error) {
	limit, err := r.number("max-keys", maxKeys)
	if err != nil {
		return nil, err
	}
	escape, err := r.escaper()
	if err != nil {
		return nil, err
	}
	if r.query.Get("delimiter") != "" {
		return nil, notImplemented("a listing of versions with a delimiter")
	}
	keyMarker, idMarker := r.query.Get("key-marker"), r.query.Get("version-id-marker")
	if keyMarker == "" && idMarker != "" {
		return nil, &wire.Error{Code: "InvalidArgument", Message: "A version-id marker cannot be specified without a key marker."}
	}
	result := struct {
		Name                string          `xml:"Name"`
		Prefix              string          `xml:"Prefix"`
		KeyMarker           string          `xml:"KeyMarker"`
		VersionIDMarker     string          `xml:"VersionIdMarker"`
		NextKeyMarker       string          `xml:"NextKeyMarker,omitempty"`
		NextVersionIDMarker string          `xml:"NextVersionIdMarker,omitempty"`
		MaxKeys             int             `xml:"MaxKeys"`
		EncodingType        string          `xml:"EncodingType,omitempty"`
		IsTruncated         bool            `xml:"IsTruncated"`
		Versions            []listedVersion `xml:"Version"`
		DeleteMarkers       []listedVersion `xml:"DeleteMarker"`
	}{
		Name: b.Name, Prefix: escape(r.query.Get("prefix")), KeyMarker: escape(keyMarker), VersionIDMarker: idMarker,
		MaxKeys: limit, EncodingType: r.query.Get("encoding-type"),
	}
	count, lastKey, lastID := 0, "", ""
	for _, key := range slices.Sorted(maps.Keys(b.objects)) {
		if !strings.HasPrefix(key, r.query.Get("prefix")) || key < keyMarker || key == keyMarker && idMarker == "" {
			continue
		}
		versions := slices.Clone(b.objects[key])
		slices.Reverse(versions)
		newest := versions[0]
		if key == keyMarker {
			i := slices.IndexFunc(versions, func(v *version) bool { return v.id == idMarker })
			versions = versions[i+1:]
		}
		for _, v := range versions {
			if count == limit {
				if limit > 0 {
					result.IsTruncated, result.NextKeyMarker, result.NextVersionIDMarker = true, escape(lastKey), lastID
				}
				return document("ListVersionsResult", result), nil
			}
			count, lastKey, lastID = count+1, key, v.id
			entry := listedVersion{
				Key: escape(key), VersionID: v.id, IsLatest: v == newest, LastModified: timestamp(v.modified), Owner: s.canonical(),
			}
			if v.marker {
				result.DeleteMarkers = append(result.DeleteMarkers, entry)
				continue
			}
			size := len(v.body)
			entry.ETag, entry.Size, entry.StorageClass = `"`+v.etag+`"`, &size, "STANDARD"
			result.Versions = append(result.Versions, entry)
		}
	}
	return document("ListVersionsResult", result), nil
}
