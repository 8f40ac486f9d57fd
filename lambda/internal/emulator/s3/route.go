package s3

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// actions by method, level and the query parameter that selects a subresource.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html
var actions = map[string]string{
	"GET /": "ListBuckets",

	"PUT bucket":                      "CreateBucket",
	"HEAD bucket":                     "HeadBucket",
	"DELETE bucket":                   "DeleteBucket",
	"GET bucket":                      "ListObjects",
	"GET bucket?location":             "GetBucketLocation",
	"GET bucket?policy":               "GetBucketPolicy",
	"PUT bucket?policy":               "PutBucketPolicy",
	"DELETE bucket?policy":            "DeleteBucketPolicy",
	"GET bucket?publicAccessBlock":    "GetPublicAccessBlock",
	"PUT bucket?publicAccessBlock":    "PutPublicAccessBlock",
	"DELETE bucket?publicAccessBlock": "DeletePublicAccessBlock",
	"GET bucket?encryption":           "GetBucketEncryption",
	"PUT bucket?encryption":           "PutBucketEncryption",
	"DELETE bucket?encryption":        "DeleteBucketEncryption",
	"GET bucket?versioning":           "GetBucketVersioning",
	"PUT bucket?versioning":           "PutBucketVersioning",
	"GET bucket?tagging":              "GetBucketTagging",
	"PUT bucket?tagging":              "PutBucketTagging",
	"DELETE bucket?tagging":           "DeleteBucketTagging",
	"GET bucket?ownershipControls":    "GetBucketOwnershipControls",
	"PUT bucket?ownershipControls":    "PutBucketOwnershipControls",
	"DELETE bucket?ownershipControls": "DeleteBucketOwnershipControls",
	"GET bucket?notification":         "GetBucketNotificationConfiguration",
	"PUT bucket?notification":         "PutBucketNotificationConfiguration",
	"GET bucket?versions":             "ListObjectVersions",
	"POST bucket?delete":              "DeleteObjects",

	"PUT object":             "PutObject",
	"GET object":             "GetObject",
	"HEAD object":            "HeadObject",
	"DELETE object":          "DeleteObject",
	"POST object?uploads":    "CreateMultipartUpload",
	"PUT object?uploadId":    "UploadPart",
	"POST object?uploadId":   "CompleteMultipartUpload",
	"DELETE object?uploadId": "AbortMultipartUpload",
}

// parameters of the query that do not select a subresource.
var parameters = []string{
	"bucket-region", "continuation-token", "delimiter", "encoding-type", "fetch-owner", "key-marker", "list-type",
	"marker", "max-buckets", "max-keys", "prefix", "start-after", "version-id-marker", "versionId", "x-id",
}

// route names the action of a request. One that is not emulated is named by its
// method, level and subresource.
func route(r *http.Request) string {
	bucket, key := address(r)
	query := r.URL.Query()
	name := r.Method
	switch {
	case bucket == "":
		name += " /"
	case key == "":
		name += " bucket"
	default:
		name += " object"
	}
	if selectors := subresources(query); len(selectors) > 0 {
		name += "?" + strings.Join(selectors, "&")
	}
	action, ok := actions[name]
	if !ok {
		return name
	}
	switch {
	case action == "ListObjects" && query.Get("list-type") == "2":
		return "ListObjectsV2"
	case action == "PutObject" && r.Header.Get("X-Amz-Copy-Source") != "":
		return "CopyObject"
	case action == "UploadPart" && r.Header.Get("X-Amz-Copy-Source") != "":
		return "UploadPartCopy"
	}
	return action
}

func subresources(query url.Values) []string {
	var out []string
	for name := range query {
		switch {
		case slices.Contains(parameters, name):
		case strings.HasPrefix(name, "X-Amz-"): // the signature of a presigned request
		case name == "partNumber" && query.Has("uploadId"):
		default:
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// address finds bucket and key: bucket.localhost/key or anything/bucket/key.
func address(r *http.Request) (bucket, key string) {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	path := strings.TrimPrefix(r.URL.Path, "/")
	if bucket, ok := strings.CutSuffix(host, ".localhost"); ok {
		return bucket, path
	}
	bucket, key, _ = strings.Cut(path, "/")
	return bucket, key
}
