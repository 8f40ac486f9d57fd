package s3_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lakegate/lambda/internal/emulator/s3"
)

var update = flag.Bool("update", false, "write the golden files")

func readAll(t testing.TB, r io.Reader) string {
	t.Helper()
	body, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func read(t testing.TB, client *awss3.Client, key string) string {
	t.Helper()
	out, err := client.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: aws.String("specs"), Key: aws.String(key)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = out.Body.Close() })
	return readAll(t, out.Body)
}

func put(t testing.TB, client *awss3.Client, key, body string) *awss3.PutObjectOutput {
	t.Helper()
	out, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("specs"), Key: aws.String(key), Body: strings.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestObject(t *testing.T) {
	t.Parallel()
	_, client := bucket(t, "Enabled")
	ctx, name, key := t.Context(), aws.String("specs"), aws.String("workspaces/a b+ü.yaml")
	first, err := client.PutObject(ctx, &awss3.PutObjectInput{Bucket: name, Key: key, Body: strings.NewReader("one"),
		ContentType: aws.String("text/yaml"), CacheControl: aws.String("no-store"), Metadata: map[string]string{"Owner": "data"}})
	want(t, err, "")
	if aws.ToString(first.ETag) != `"f97c5d29941bfb1b2fdab0874906ab82"` || first.ServerSideEncryption != "AES256" || first.VersionId == nil {
		t.Errorf("got %+v", first)
	}
	_, err = client.PutObject(ctx, &awss3.PutObjectInput{Bucket: name, Key: key, Body: strings.NewReader("two, longer")})
	want(t, err, "")

	old, err := client.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: key, VersionId: first.VersionId})
	want(t, err, "")
	if readAll(t, old.Body) != "one" || old.Metadata["owner"] != "data" || aws.ToString(old.ContentType) != "text/yaml" ||
		aws.ToString(old.CacheControl) != "no-store" || !old.LastModified.Equal(start) {
		t.Errorf("got %+v", old)
	}
	_, err = client.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: key, VersionId: aws.String("nothing")})
	want(t, err, "NoSuchVersion")
	_, err = client.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: name, Key: aws.String("missing")})
	want(t, err, "NotFound")
	_, err = client.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: aws.String("missing")})
	want(t, err, "NoSuchKey")

	for spec, expected := range map[string]string{
		"bytes=0-2": "two", "bytes=5-": "longer", "bytes=-6": "longer", "bytes=5-100": "longer", "bytes=-100": "two, longer",
		"bytes=2-1": "two, longer", "lines=1-2": "two, longer", "bytes=a-b": "two, longer", "bytes=-": "two, longer",
	} {
		out, err := client.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: key, Range: aws.String(spec)})
		want(t, err, "")
		if got := readAll(t, out.Body); got != expected {
			t.Errorf("%s: got %q, want %q", spec, got, expected)
		}
	}
	for _, spec := range []string{"bytes=11-", "bytes=50-60", "bytes=-0"} {
		_, err = client.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: key, Range: aws.String(spec)})
		want(t, err, "InvalidRange")
	}

	_, err = client.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: key, IfMatch: first.ETag})
	want(t, err, "PreconditionFailed")
	_, err = client.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: key, VersionId: first.VersionId, IfNoneMatch: first.ETag})
	want(t, err, "NotModified")
	_, err = client.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: key, IfModifiedSince: aws.Time(start)})
	want(t, err, "NotModified")
	_, err = client.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: key, IfUnmodifiedSince: aws.Time(start.AddDate(0, 0, -1))})
	want(t, err, "PreconditionFailed")

	gone, err := client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: name, Key: key})
	want(t, err, "")
	if !aws.ToBool(gone.DeleteMarker) || gone.VersionId == nil {
		t.Errorf("got %+v", gone)
	}
	_, err = client.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: key})
	want(t, err, "NoSuchKey")
	_, err = client.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: key, VersionId: gone.VersionId})
	want(t, err, "MethodNotAllowed")
	_, err = client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: name, Key: key, IfMatch: aws.String("*")})
	want(t, err, "PreconditionFailed")
	_, err = client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: name, Key: aws.String("missing"), IfMatch: aws.String("*")})
	want(t, err, "NoSuchKey")
	_, err = client.PutObject(ctx, &awss3.PutObjectInput{Bucket: name, Key: key, IfMatch: first.ETag})
	want(t, err, "NoSuchKey")
	undone, err := client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: name, Key: key, VersionId: gone.VersionId})
	want(t, err, "")
	if !aws.ToBool(undone.DeleteMarker) || aws.ToString(undone.VersionId) != aws.ToString(gone.VersionId) {
		t.Errorf("got %+v", undone)
	}
	if got := read(t, client, *key); got != "two, longer" {
		t.Errorf("got %q", got)
	}
	_, err = client.PutObject(ctx, &awss3.PutObjectInput{Bucket: name, Key: key, ACL: types.ObjectCannedACLPublicRead})
	want(t, err, "AccessControlListNotSupported")
	_, err = client.PutObject(ctx, &awss3.PutObjectInput{Bucket: name, Key: aws.String(strings.Repeat("k", 1025))})
	want(t, err, "KeyTooLongError")
	_, err = client.PutObject(ctx, &awss3.PutObjectInput{Bucket: name, Key: key, ExpectedBucketOwner: aws.String("999999999999")})
	want(t, err, "AccessDenied")
}

func TestConditionalWrites(t *testing.T) {
	t.Parallel()
	_, client := bucket(t, "Enabled")
	write := func(body string, condition func(*awss3.PutObjectInput)) (*awss3.PutObjectOutput, error) {
		in := &awss3.PutObjectInput{Bucket: aws.String("specs"), Key: aws.String("lease"), Body: strings.NewReader(body)}
		condition(in)
		return client.PutObject(t.Context(), in)
	}
	fresh := func(in *awss3.PutObjectInput) { in.IfNoneMatch = aws.String("*") }
	one, err := write("1", fresh)
	want(t, err, "")
	_, err = write("2", fresh)
	want(t, err, "PreconditionFailed")
	two, err := write("2", func(in *awss3.PutObjectInput) { in.IfMatch = one.ETag })
	want(t, err, "")
	_, err = write("3", func(in *awss3.PutObjectInput) { in.IfMatch = one.ETag })
	want(t, err, "PreconditionFailed")
	_, err = write("3", func(in *awss3.PutObjectInput) { in.IfNoneMatch = two.ETag })
	want(t, err, "NotImplemented")
	if got := read(t, client, "lease"); got != "2" {
		t.Errorf("got %q", got)
	}
	_, err = client.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String("specs"), Key: aws.String("lease"), IfMatch: one.ETag})
	want(t, err, "PreconditionFailed")
	_, err = client.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String("specs"), Key: aws.String("lease"), IfMatch: two.ETag})
	want(t, err, "")
	_, err = write("4", fresh)
	want(t, err, "")
}

func TestCopy(t *testing.T) {
	t.Parallel()
	k, client := bucket(t, "Enabled")
	k.service.AddForeign("theirs")
	ctx, name := t.Context(), aws.String("specs")
	one := put(t, client, "a b", "one")
	put(t, client, "a b", "two")
	_, err := client.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: name, Key: aws.String("copy"),
		CopySource: aws.String("specs/a%20b?versionId=" + *one.VersionId), Metadata: map[string]string{"x": "y"}, MetadataDirective: "REPLACE"})
	want(t, err, "")
	if got := read(t, client, "copy"); got != "one" {
		t.Errorf("got %q", got)
	}
	out, err := client.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: name, Key: aws.String("copy")})
	want(t, err, "")
	if out.Metadata["x"] != "y" || aws.ToString(out.ETag) != aws.ToString(one.ETag) {
		t.Errorf("got %+v", out)
	}
	for source, expected := range map[string]string{
		"specs/copy": "InvalidRequest", "specs/none": "NoSuchKey", "none/copy": "NoSuchBucket", "specs": "InvalidArgument", "theirs/k": "AccessDenied",
	} {
		_, err = client.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: name, Key: aws.String("copy"), CopySource: aws.String(source)})
		want(t, err, expected)
	}
	_, err = client.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: name, Key: aws.String("new"), CopySource: aws.String("specs/copy"),
		CopySourceIfNoneMatch: one.ETag})
	want(t, err, "PreconditionFailed")
	_, err = client.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: name, Key: aws.String("copy"), CopySource: aws.String("specs/a%20b"),
		IfNoneMatch: aws.String("*")})
	want(t, err, "PreconditionFailed")
}

func TestDeleteObjects(t *testing.T) {
	t.Parallel()
	_, client := bucket(t, "Enabled")
	one := put(t, client, "a", "one")
	put(t, client, "b", "two")
	out, err := client.DeleteObjects(t.Context(), &awss3.DeleteObjectsInput{Bucket: aws.String("specs"), Delete: &types.Delete{Objects: []types.ObjectIdentifier{
		{Key: aws.String("a"), VersionId: one.VersionId}, {Key: aws.String("b")}, {Key: aws.String("c"), ETag: aws.String("x")},
	}}})
	want(t, err, "")
	if len(out.Deleted) != 2 || out.Deleted[0].DeleteMarkerVersionId != nil || out.Deleted[1].DeleteMarkerVersionId == nil ||
		len(out.Errors) != 1 || aws.ToString(out.Errors[0].Code) != "NoSuchKey" {
		t.Errorf("got %+v", out)
	}
}

func TestMultipartUpload(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		algorithm types.ChecksumAlgorithm
		kind      types.ChecksumType
		composite bool
	}{{"", "", false}, {"CRC32", "", true}, {"CRC32", "FULL_OBJECT", false}, {"SHA256", "COMPOSITE", true}} {
		t.Run(string(c.algorithm+"/"+types.ChecksumAlgorithm(c.kind)), func(t *testing.T) {
			t.Parallel()
			k, client := bucket(t, "")
			ctx, name, key := t.Context(), aws.String("specs"), aws.String("big")
			begun, err := client.CreateMultipartUpload(ctx, &awss3.CreateMultipartUploadInput{Bucket: name, Key: key,
				ChecksumAlgorithm: c.algorithm, ChecksumType: c.kind, ContentType: aws.String("text/plain")})
			want(t, err, "")
			var parts []types.CompletedPart
			for i, body := range []string{strings.Repeat("a", 5<<20), "tail"} {
				out, err := client.UploadPart(ctx, &awss3.UploadPartInput{Bucket: name, Key: key, UploadId: begun.UploadId,
					PartNumber: aws.Int32(int32(i + 1)), Body: strings.NewReader(body), ChecksumAlgorithm: c.algorithm})
				want(t, err, "")
				parts = append(parts, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: out.ETag})
			}
			complete := func(parts ...types.CompletedPart) (*awss3.CompleteMultipartUploadOutput, error) {
				return client.CompleteMultipartUpload(ctx, &awss3.CompleteMultipartUploadInput{Bucket: name, Key: key, UploadId: begun.UploadId,
					MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
			}
			_, err = complete(parts[1], parts[0])
			want(t, err, "EntityTooSmall")
			_, err = complete(parts[0], parts[0])
			want(t, err, "InvalidPartOrder")
			_, err = complete(types.CompletedPart{PartNumber: aws.Int32(7), ETag: aws.String("x")})
			want(t, err, "InvalidPart")
			out, err := complete(parts...)
			want(t, err, "")
			if !strings.HasSuffix(aws.ToString(out.ETag), `-2"`) {
				t.Errorf("the ETag is %s", aws.ToString(out.ETag))
			}
			if (out.ChecksumType == "COMPOSITE") != c.composite {
				t.Errorf("the checksum is %s", out.ChecksumType)
			}
			if got := read(t, client, "big"); got != strings.Repeat("a", 5<<20)+"tail" {
				t.Error("the content differs")
			}
			_, err = complete(parts...)
			want(t, err, "NoSuchUpload")
			if events := k.heard(); len(events) != 1 || events[0].Reason != "CompleteMultipartUpload" || events[0].Size != 5<<20+4 {
				t.Errorf("got %+v", events)
			}
		})
	}
}

func TestAbortMultipartUpload(t *testing.T) {
	t.Parallel()
	_, client := bucket(t, "")
	begun, err := client.CreateMultipartUpload(t.Context(), &awss3.CreateMultipartUploadInput{Bucket: aws.String("specs"), Key: aws.String("k")})
	want(t, err, "")
	abort := &awss3.AbortMultipartUploadInput{Bucket: aws.String("specs"), Key: aws.String("k"), UploadId: begun.UploadId}
	_, err = client.AbortMultipartUpload(t.Context(), abort)
	want(t, err, "")
	_, err = client.AbortMultipartUpload(t.Context(), abort)
	want(t, err, "NoSuchUpload")
}

// The events are those that S3 sends to EventBridge.
func TestEvents(t *testing.T) {
	t.Parallel()
	k, client := bucket(t, "")
	ctx, name, key := t.Context(), aws.String("specs"), aws.String("workspaces/team a.yaml")
	put(t, client, *key, "hello")
	_, err := client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: name, Key: key})
	want(t, err, "")
	_, err = client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: name, Key: aws.String("never there")})
	want(t, err, "")
	_, err = client.PutBucketVersioning(ctx, &awss3.PutBucketVersioningInput{Bucket: name, VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"}})
	want(t, err, "")
	out := put(t, client, *key, "hello")
	_, err = client.CopyObject(ctx, &awss3.CopyObjectInput{Bucket: name, Key: aws.String("copy"), CopySource: aws.String("specs/workspaces/team%20a.yaml")})
	want(t, err, "")
	_, err = client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: name, Key: key})
	want(t, err, "")
	_, err = client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: name, Key: key, VersionId: out.VersionId})
	want(t, err, "")
	if _, err := k.service.Put("specs", "seeded", []byte("x")); err != nil {
		t.Fatal(err)
	}
	_, err = client.PutBucketNotificationConfiguration(ctx, &awss3.PutBucketNotificationConfigurationInput{Bucket: name,
		NotificationConfiguration: &types.NotificationConfiguration{}})
	want(t, err, "")
	put(t, client, "unheard", "x")

	var got bytes.Buffer
	last := map[string]string{}
	for _, e := range k.heard() {
		source, kind, resources, detail, region := e.Entry()
		fmt.Fprintf(&got, "%s | %s | %v | %s\n", source, kind, resources, region)
		if err := json.Indent(&got, detail, "", "  "); err != nil {
			t.Fatal(err)
		}
		got.WriteString("\n")
		if e.Sequencer <= last[e.Key] {
			t.Errorf("the sequencer %s of %s does not come after %s", e.Sequencer, e.Key, last[e.Key])
		}
		last[e.Key] = e.Sequencer
	}
	golden(t, "events.golden", got.Bytes())
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	expected, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(expected), string(got)); diff != "" {
		t.Error(diff)
	}
}

// model is what a versioned key should be: its versions, oldest first.
type model struct {
	versions []modelVersion
}

type modelVersion struct {
	id, body, etag string
	marker         bool
}

func (m *model) current() (modelVersion, bool) {
	if len(m.versions) == 0 || m.versions[len(m.versions)-1].marker {
		return modelVersion{}, false
	}
	return m.versions[len(m.versions)-1], true
}

// replace drops the null version, which a suspended or unversioned bucket
// overwrites.
func (m *model) replace(v modelVersion) {
	if v.id == "null" {
		m.drop("null")
	}
	m.versions = append(m.versions, v)
}

func (m *model) drop(id string) {
	var kept []modelVersion
	for _, v := range m.versions {
		if v.id != id {
			kept = append(kept, v)
		}
	}
	m.versions = kept
}

// A key behaves like a map from versions to contents under random puts, deletes
// and conditions, whatever the versioning of the bucket.
func TestKeyBehavesLikeAModel(t *testing.T) {
	t.Parallel()
	k, client := bucket(t, "")
	ctx, name := t.Context(), aws.String("specs")
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		bucketName := fmt.Sprintf("model-%d", run)
		name = &bucketName
		k.service.Add(s3.Bucket{Name: bucketName, Region: "us-east-1"})
		key, m, versioning := aws.String("k"), &model{}, ""
		fail := func(what string, err error, expected string) {
			if got := code(err); got != expected {
				t.Fatalf("%s: got %q, want %q; the model is %+v", what, got, expected, m.versions)
			}
		}
		id := func(p *string) string {
			if versioning == "" {
				if p != nil {
					t.Fatalf("an unversioned bucket told the version %s", *p)
				}
				return "null"
			}
			return aws.ToString(p)
		}
		anETag := func() *string {
			if len(m.versions) == 0 || rapid.IntRange(0, 4).Draw(t, "unknown etag") == 0 {
				return aws.String(`"0123"`)
			}
			return aws.String(rapid.SampledFrom(m.versions).Draw(t, "etag of").etag)
		}
		t.Repeat(map[string]func(*rapid.T){
			"put": func(*rapid.T) {
				body := rapid.StringN(0, 8, 16).Draw(t, "body")
				in := &awss3.PutObjectInput{Bucket: name, Key: key, Body: strings.NewReader(body)}
				current, exists := m.current()
				expected := ""
				switch rapid.SampledFrom([]string{"none", "if-none-match", "if-match"}).Draw(t, "condition") {
				case "if-none-match":
					in.IfNoneMatch = aws.String("*")
					if exists {
						expected = "PreconditionFailed"
					}
				case "if-match":
					in.IfMatch = anETag()
					if !exists {
						expected = "NoSuchKey"
					} else if current.etag != *in.IfMatch {
						expected = "PreconditionFailed"
					}
				}
				out, err := client.PutObject(ctx, in)
				fail("put", err, expected)
				if err == nil {
					m.replace(modelVersion{id: id(out.VersionId), body: body, etag: *out.ETag})
				}
			},
			"delete": func(*rapid.T) {
				in := &awss3.DeleteObjectInput{Bucket: name, Key: key}
				current, exists := m.current()
				expected := ""
				if rapid.Bool().Draw(t, "conditional") {
					in.IfMatch = anETag()
					if len(m.versions) == 0 {
						expected = "NoSuchKey"
					} else if !exists || current.etag != *in.IfMatch {
						expected = "PreconditionFailed"
					}
				}
				out, err := client.DeleteObject(ctx, in)
				fail("delete", err, expected)
				if err != nil {
					return
				}
				if versioning == "" {
					m.drop("null")
					return
				}
				m.replace(modelVersion{id: id(out.VersionId), marker: true, etag: `"-"`})
			},
			"delete version": func(*rapid.T) {
				if len(m.versions) == 0 {
					t.Skip("nothing to delete")
				}
				v := rapid.SampledFrom(m.versions).Draw(t, "version")
				out, err := client.DeleteObject(ctx, &awss3.DeleteObjectInput{Bucket: name, Key: key, VersionId: &v.id})
				fail("delete version", err, "")
				if aws.ToBool(out.DeleteMarker) != v.marker {
					t.Fatalf("deleting %+v told delete marker %v", v, aws.ToBool(out.DeleteMarker))
				}
				m.drop(v.id)
			},
			"versioning": func(*rapid.T) {
				versioning = rapid.SampledFrom([]string{"Enabled", "Suspended"}).Draw(t, "versioning")
				_, err := client.PutBucketVersioning(ctx, &awss3.PutBucketVersioningInput{Bucket: name,
					VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatus(versioning)}})
				fail("versioning", err, "")
			},
			"": func(*rapid.T) {
				current, exists := m.current()
				out, err := client.GetObject(ctx, &awss3.GetObjectInput{Bucket: name, Key: key})
				if !exists {
					fail("get", err, "NoSuchKey")
				} else {
					fail("get", err, "")
					body, readErr := io.ReadAll(out.Body)
					if readErr != nil || string(body) != current.body || *out.ETag != current.etag || id(out.VersionId) != current.id {
						t.Fatalf("get: got %q with %s and %s, want %+v", body, *out.ETag, id(out.VersionId), current)
					}
				}
				listed, err := client.ListObjectVersions(ctx, &awss3.ListObjectVersionsInput{Bucket: name})
				fail("list", err, "")
				if len(listed.Versions)+len(listed.DeleteMarkers) != len(m.versions) {
					t.Fatalf("listed %d versions and %d markers, want %+v", len(listed.Versions), len(listed.DeleteMarkers), m.versions)
				}
				for _, v := range m.versions {
					_, err := client.HeadObject(ctx, &awss3.HeadObjectInput{Bucket: name, Key: key, VersionId: aws.String(v.id)})
					if v.marker {
						fail("head marker", err, "MethodNotAllowed")
					} else {
						fail("head version", err, "")
					}
				}
			},
		})
	})
}
