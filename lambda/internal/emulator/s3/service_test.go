package s3_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"lakegate/lambda/internal/emulator/clock"
	"lakegate/lambda/internal/emulator/s3"
	"lakegate/lambda/internal/emulator/wire"
)

const account = "123456789012"

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// stack is an emulated S3 behind HTTP.
type stack struct {
	hub     *wire.Hub
	service *s3.Service
	server  *httptest.Server

	mu     sync.Mutex
	events []s3.ObjectEvent
}

func newStack(t testing.TB, serve func(http.Handler) *httptest.Server) *stack {
	t.Helper()
	k := &stack{hub: wire.NewHub(clock.NewVirtual(start))}
	k.service = s3.New(k.hub, account, func(e s3.ObjectEvent) {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.events = append(k.events, e)
	})
	router := wire.NewRouter(k.hub)
	router.Serve(k.service.Wire())
	k.server = serve(router)
	t.Cleanup(k.server.Close)
	return k
}

// client is a real client of one region.
func (k *stack) client(region string, options ...func(*awss3.Options)) *awss3.Client {
	return awss3.New(awss3.Options{
		Region: region, BaseEndpoint: aws.String(k.server.URL), HTTPClient: k.server.Client(),
		Credentials:      credentials.NewStaticCredentialsProvider("EnsureRootBucket", "secret", ""),
		RetryMaxAttempts: 1,
		// What clients that load the default configuration do.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	}, options...)
}

// heard returns the events so far.
func (k *stack) heard() []s3.ObjectEvent {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.events)
}

// bucket is a stack with one bucket of the given versioning in us-east-1.
func bucket(t testing.TB, versioning string) (*stack, *awss3.Client) {
	t.Helper()
	k := newStack(t, httptest.NewServer)
	k.service.Add(s3.Bucket{Name: "specs", Region: "us-east-1", Versioning: versioning, EventBridge: true})
	return k, k.client("us-east-1")
}

// code is the error code of an API error; empty if there is none.
func code(err error) string {
	if e, ok := errors.AsType[smithy.APIError](err); ok {
		return e.ErrorCode()
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func want(t *testing.T, err error, expected string) {
	t.Helper()
	if got := code(err); got != expected {
		t.Fatalf("got the error %q (%v), want %q", got, err, expected)
	}
}

func TestUnknownActionsAreNamed(t *testing.T) {
	t.Parallel()
	_, client := bucket(t, "")
	_, err := client.GetBucketAcl(t.Context(), &awss3.GetBucketAclInput{Bucket: aws.String("specs")})
	want(t, err, "NotImplemented")
	if !strings.Contains(err.Error(), "GET bucket?acl") {
		t.Errorf("the error does not name the action: %v", err)
	}
	_, err = client.UploadPartCopy(t.Context(), &awss3.UploadPartCopyInput{Bucket: aws.String("specs"), Key: aws.String("k"),
		UploadId: aws.String("u"), PartNumber: aws.Int32(1), CopySource: aws.String("specs/a")})
	want(t, err, "NotImplemented")
	_, err = client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("specs"), Key: aws.String("k"), Tagging: aws.String("a=b")})
	want(t, err, "NotImplemented")
}

func TestVirtualHostStyle(t *testing.T) {
	t.Parallel()
	k := newStack(t, httptest.NewServer)
	port := k.server.URL[strings.LastIndex(k.server.URL, ":"):]
	dial := func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, k.server.Listener.Addr().String())
	}
	client := k.client("us-east-1", func(o *awss3.Options) {
		o.BaseEndpoint = aws.String("http://localhost" + port)
		o.HTTPClient = &http.Client{Transport: &http.Transport{DialContext: dial}}
	})
	if _, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String("virtual.host")}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("virtual.host"), Key: aws.String("a/b c"),
		Body: strings.NewReader("x")}); err != nil {
		t.Fatal(err)
	}
	if got, ok := k.service.Get("virtual.host", "a/b c"); !ok || string(got.Body) != "x" {
		t.Errorf("got %v, %v", got, ok)
	}
}

func TestInjectedConflict(t *testing.T) {
	t.Parallel()
	k, client := bucket(t, "Enabled")
	k.hub.Inject(&wire.Fault{Kind: wire.Refuse, Service: "s3", Action: "PutObject", Error: s3.ConditionalRequestConflict})
	put := &awss3.PutObjectInput{Bucket: aws.String("specs"), Key: aws.String("lease"), IfNoneMatch: aws.String("*"), Body: strings.NewReader("1")}
	_, err := client.PutObject(t.Context(), put)
	want(t, err, "ConditionalRequestConflict")
	put.Body = strings.NewReader("1")
	_, err = client.PutObject(t.Context(), put)
	want(t, err, "")
}

func TestFreshBucketIsInvisible(t *testing.T) {
	t.Parallel()
	k := newStack(t, httptest.NewServer)
	client := k.client("us-east-1")
	k.hub.StaleReads(2)
	_, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String("fresh")})
	want(t, err, "")
	_, err = client.HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: aws.String("fresh")})
	want(t, err, "NotFound")
	_, err = client.GetPublicAccessBlock(t.Context(), &awss3.GetPublicAccessBlockInput{Bucket: aws.String("fresh")})
	want(t, err, "NoSuchBucket")
	_, err = client.HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: aws.String("fresh")})
	want(t, err, "")
}

func TestLostReply(t *testing.T) {
	t.Parallel()
	k, client := bucket(t, "Enabled")
	k.hub.Inject(&wire.Fault{Kind: wire.LoseReply, Action: "PutObject"})
	_, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("specs"), Key: aws.String("k"), Body: strings.NewReader("x")})
	if err == nil {
		t.Fatal("the reply was not lost")
	}
	if _, ok := k.service.Get("specs", "k"); !ok {
		t.Error("the object was not written")
	}
	if got := len(k.heard()); got != 1 {
		t.Errorf("got %d events, want 1", got)
	}
}

// Every checksum that a client can send is verified, in a header and, over TLS,
// in the trailer of an aws-chunked body.
func TestChecksums(t *testing.T) {
	t.Parallel()
	for name, serve := range map[string]func(http.Handler) *httptest.Server{
		"header": httptest.NewServer, "trailer": httptest.NewTLSServer,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newStack(t, serve)
			k.service.Add(s3.Bucket{Name: "specs", Region: "us-east-1"})
			for _, algorithm := range []types.ChecksumAlgorithm{"", "CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"} {
				body := strings.Repeat("lakegate ", 9000) + string(algorithm)
				var sent http.Header
				client := k.client("us-east-1", func(o *awss3.Options) {
					o.HTTPClient = recorder{k.server.Client(), &sent}
				})
				_, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("specs"), Key: aws.String("k"),
					Body: strings.NewReader(body), ChecksumAlgorithm: algorithm, ContentEncoding: aws.String("gzip")})
				if err != nil {
					t.Fatalf("%q: %v", algorithm, err)
				}
				if streamed := sent.Get("X-Amz-Content-Sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"; streamed != (name == "trailer") {
					t.Fatalf("%q: the test does not send what it should: %v", algorithm, sent)
				}
				out, err := client.HeadObject(t.Context(), &awss3.HeadObjectInput{Bucket: aws.String("specs"), Key: aws.String("k"), ChecksumMode: "ENABLED"})
				if err != nil {
					t.Fatal(err)
				}
				if aws.ToInt64(out.ContentLength) != int64(len(body)) || aws.ToString(out.ContentEncoding) != "gzip" || out.ChecksumType != "FULL_OBJECT" {
					t.Errorf("%q: got %v bytes of encoding %v and checksum %v", algorithm, aws.ToInt64(out.ContentLength), aws.ToString(out.ContentEncoding), out.ChecksumType)
				}
				if got := read(t, client, "k"); got != body {
					t.Errorf("%q: the content differs", algorithm)
				}
			}
		})
	}
}

func TestWrongDigestsAreRefused(t *testing.T) {
	t.Parallel()
	k := newStack(t, httptest.NewServer)
	k.service.Add(s3.Bucket{Name: "specs", Region: "us-east-1"})
	const signed = "AWS4-HMAC-SHA256 Credential=key/20260301/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
	for _, c := range []struct {
		name, body string
		header     map[string]string
		want       string
	}{
		{"crc32", "x", map[string]string{"x-amz-checksum-crc32": "AAAAAA=="}, "BadDigest"},
		{"crc64nvme", "x", map[string]string{"x-amz-checksum-crc64nvme": "AAAAAAAAAAA="}, "BadDigest"},
		{"sha512", "x", map[string]string{"x-amz-checksum-sha512": "AAAA"}, "BadDigest"},
		{"xxhash3", "x", map[string]string{"x-amz-checksum-xxhash3": "AAAAAAAAAAA="}, "NotImplemented"},
		{"md5", "x", map[string]string{"content-md5": "AAAAAAAAAAAAAAAAAAAAAA=="}, "BadDigest"},
		{"sha256 of the payload", "x", map[string]string{"x-amz-content-sha256": strings.Repeat("0", 64)}, "XAmzContentSHA256Mismatch"},
		{"cut chunk", "5\r\nabc", map[string]string{"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}, "IncompleteBody"},
		{"wrong length", "1\r\na\r\n0\r\n\r\n", map[string]string{
			"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": "2",
		}, "IncompleteBody"},
		{"no trailer", "1\r\na\r\n0\r\n\r\n", map[string]string{
			"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": "1", "x-amz-trailer": "x-amz-checksum-crc32",
		}, "MalformedTrailerError"},
		{"wrong trailer", "1\r\na\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n", map[string]string{
			"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x-amz-decoded-content-length": "1", "x-amz-trailer": "x-amz-checksum-crc32",
		}, "BadDigest"},
		{"storage class", "x", map[string]string{"x-amz-storage-class": "GLACIER"}, "NotImplemented"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, k.server.URL+"/specs/k", strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", signed)
			for name, value := range c.header {
				req.Header.Set(name, value)
			}
			resp, err := k.server.Client().Do(req)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = resp.Body.Close() })
			if got := readAll(t, resp.Body); !strings.Contains(got, "<Code>"+c.want+"</Code>") {
				t.Errorf("got %d %s, want %s", resp.StatusCode, got, c.want)
			}
		})
	}
}

// recorder keeps the header of the last request.
type recorder struct {
	client *http.Client
	sent   *http.Header
}

func (r recorder) Do(req *http.Request) (*http.Response, error) {
	*r.sent = req.Header.Clone()
	return r.client.Do(req)
}

// A presigned address carries its signature and its checksum mode in the query,
// which must not be taken for a subresource.
func TestPresignedRequest(t *testing.T) {
	t.Parallel()
	k, client := bucket(t, "")
	put(t, client, "k", "content")
	signed, err := awss3.NewPresignClient(client).PresignGetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("specs"), Key: aws.String("k")})
	want(t, err, "")
	req, err := http.NewRequestWithContext(t.Context(), signed.Method, signed.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := k.server.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if got := readAll(t, resp.Body); resp.StatusCode != http.StatusOK || got != "content" {
		t.Errorf("got %d %s", resp.StatusCode, got)
	}
}
