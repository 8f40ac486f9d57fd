package s3_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/s3"
)

func TestCreateBucket(t *testing.T) {
	t.Parallel()
	k := newStack(t, httptest.NewServer)
	k.service.AddForeign("theirs")
	for _, c := range []struct {
		name, region, constraint string
		want                     string
	}{
		{"mine", "eu-west-1", "eu-west-1", ""},
		{"mine", "eu-west-1", "eu-west-1", "BucketAlreadyOwnedByYou"},
		{"mine", "us-east-1", "", "BucketAlreadyOwnedByYou"},
		{"old", "us-east-1", "", ""},
		{"old", "us-east-1", "", ""},
		{"global", "us-east-1", "ap-northeast-1", ""},
		{"european", "us-east-1", "EU", ""},
		{"theirs", "eu-west-1", "eu-west-1", "BucketAlreadyExists"},
		{"theirs", "us-east-1", "", "BucketAlreadyExists"},
		{"x1x", "eu-west-1", "", "IllegalLocationConstraintException"},
		{"x1x", "eu-west-1", "eu-west-2", "IllegalLocationConstraintException"},
		{"x1x", "us-east-1", "us-east-1", "InvalidLocationConstraint"},
		{"x1x", "eu-west-1", "nowhere", "InvalidLocationConstraint"},
		{"UPPER", "us-east-1", "", "InvalidBucketName"},
		{"dots..dots", "us-east-1", "", "InvalidBucketName"},
		{"10.0.0.1", "us-east-1", "", "InvalidBucketName"},
		{"xn--bucket", "us-east-1", "", "InvalidBucketName"},
		{"bucket-s3alias", "us-east-1", "", "InvalidBucketName"},
		{"-dash", "us-east-1", "", "InvalidBucketName"},
	} {
		in := &awss3.CreateBucketInput{Bucket: aws.String(c.name)}
		if c.constraint != "" {
			in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(c.constraint)}
		}
		_, err := k.client(c.region).CreateBucket(t.Context(), in)
		if got := code(err); got != c.want {
			t.Errorf("%s in %s with %q: got %q, want %q", c.name, c.region, c.constraint, got, c.want)
		}
	}
	for name, region := range map[string]string{"mine": "eu-west-1", "old": "us-east-1", "global": "ap-northeast-1", "european": "eu-west-1"} {
		if b, ok := k.service.Bucket(name); !ok || b.Region != region {
			t.Errorf("%s is in %s, want %s", name, b.Region, region)
		}
	}
	out, err := k.client("us-east-1").ListBuckets(t.Context(), &awss3.ListBucketsInput{BucketRegion: aws.String("eu-west-1"), MaxBuckets: aws.Int32(1)})
	want(t, err, "")
	if len(out.Buckets) != 1 || *out.Buckets[0].Name != "european" || out.ContinuationToken == nil {
		t.Errorf("got %+v", out)
	}
	out, err = k.client("us-east-1").ListBuckets(t.Context(), &awss3.ListBucketsInput{})
	want(t, err, "")
	if len(out.Buckets) != 4 || !out.Buckets[0].CreationDate.Equal(start) {
		t.Errorf("got %+v", out)
	}
}

func TestNewBucketIsPrivate(t *testing.T) {
	t.Parallel()
	k := newStack(t, httptest.NewServer)
	client, name := k.client("eu-west-1"), aws.String("root")
	_, err := client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: name, CreateBucketConfiguration: &types.CreateBucketConfiguration{
		LocationConstraint: "eu-west-1", Tags: []types.Tag{{Key: aws.String("lakegate:workspace"), Value: aws.String("team-a")}},
	}})
	want(t, err, "")
	got, ok := k.service.Bucket("root")
	expected := s3.Bucket{
		Name: "root", Region: "eu-west-1", Owner: account, Created: start,
		PublicAccessBlock: &s3.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true},
		Encryption:        s3.Encryption{Algorithm: "AES256"}, Ownership: "BucketOwnerEnforced",
		Tags: map[string]string{"lakegate:workspace": "team-a"},
	}
	if diff := cmp.Diff(expected, got); !ok || diff != "" {
		t.Error(diff)
	}
	head, err := client.HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: name})
	want(t, err, "")
	if aws.ToString(head.BucketRegion) != "eu-west-1" {
		t.Errorf("got %+v", head)
	}
}

func TestConfiguration(t *testing.T) {
	t.Parallel()
	_, client := bucket(t, "")
	ctx, name := t.Context(), aws.String("specs")

	versioning, err := client.GetBucketVersioning(ctx, &awss3.GetBucketVersioningInput{Bucket: name})
	want(t, err, "")
	if versioning.Status != "" {
		t.Errorf("got %+v", versioning)
	}
	_, err = client.PutBucketVersioning(ctx, &awss3.PutBucketVersioningInput{Bucket: name, VersioningConfiguration: &types.VersioningConfiguration{}})
	want(t, err, "IllegalVersioningConfigurationException")

	block, err := client.GetPublicAccessBlock(ctx, &awss3.GetPublicAccessBlockInput{Bucket: name})
	want(t, err, "")
	if c := block.PublicAccessBlockConfiguration; !*c.BlockPublicAcls || !*c.IgnorePublicAcls || !*c.BlockPublicPolicy || !*c.RestrictPublicBuckets {
		t.Errorf("got %+v", c)
	}
	_, err = client.DeletePublicAccessBlock(ctx, &awss3.DeletePublicAccessBlockInput{Bucket: name})
	want(t, err, "")
	_, err = client.GetPublicAccessBlock(ctx, &awss3.GetPublicAccessBlockInput{Bucket: name})
	want(t, err, "NoSuchPublicAccessBlockConfiguration")
	_, err = client.PutPublicAccessBlock(ctx, &awss3.PutPublicAccessBlockInput{Bucket: name,
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicPolicy: aws.Bool(true)}})
	want(t, err, "")
	block, err = client.GetPublicAccessBlock(ctx, &awss3.GetPublicAccessBlockInput{Bucket: name})
	want(t, err, "")
	if c := block.PublicAccessBlockConfiguration; *c.BlockPublicAcls || !*c.BlockPublicPolicy {
		t.Errorf("got %+v", c)
	}

	_, err = client.PutBucketEncryption(ctx, &awss3.PutBucketEncryptionInput{Bucket: name, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
		Rules: []types.ServerSideEncryptionRule{{BucketKeyEnabled: aws.Bool(true), ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
			SSEAlgorithm: "aws:kms", KMSMasterKeyID: aws.String("arn:aws:kms:us-east-1:123456789012:key/k"),
		}}},
	}})
	want(t, err, "")
	encryption, err := client.GetBucketEncryption(ctx, &awss3.GetBucketEncryptionInput{Bucket: name})
	want(t, err, "")
	if r := encryption.ServerSideEncryptionConfiguration.Rules; len(r) != 1 || !*r[0].BucketKeyEnabled || r[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm != "aws:kms" {
		t.Errorf("got %+v", r)
	}
	if out := put(t, client, "k", "x"); out.ServerSideEncryption != "aws:kms" || aws.ToString(out.SSEKMSKeyId) == "" || !aws.ToBool(out.BucketKeyEnabled) {
		t.Errorf("got %+v", out)
	}
	_, err = client.DeleteBucketEncryption(ctx, &awss3.DeleteBucketEncryptionInput{Bucket: name})
	want(t, err, "")
	if out := put(t, client, "k", "x"); out.ServerSideEncryption != "AES256" {
		t.Errorf("got %+v", out)
	}
	_, err = client.PutBucketEncryption(ctx, &awss3.PutBucketEncryptionInput{Bucket: name, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
		Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: "rot13"}}}}})
	want(t, err, "MalformedXML")

	_, err = client.GetBucketTagging(ctx, &awss3.GetBucketTaggingInput{Bucket: name})
	want(t, err, "NoSuchTagSet")
	tags := func(t ...string) *awss3.PutBucketTaggingInput {
		in := &awss3.PutBucketTaggingInput{Bucket: name, Tagging: &types.Tagging{TagSet: []types.Tag{}}}
		for pair := range slices.Chunk(t, 2) {
			in.Tagging.TagSet = append(in.Tagging.TagSet, types.Tag{Key: aws.String(pair[0]), Value: aws.String(pair[1])})
		}
		return in
	}
	_, err = client.PutBucketTagging(ctx, tags("b", "2", "a", "1"))
	want(t, err, "")
	tagged, err := client.GetBucketTagging(ctx, &awss3.GetBucketTaggingInput{Bucket: name})
	want(t, err, "")
	if len(tagged.TagSet) != 2 || *tagged.TagSet[0].Key != "a" || *tagged.TagSet[1].Value != "2" {
		t.Errorf("got %+v", tagged)
	}
	for _, wrong := range [][]string{{"a", "1", "a", "2"}, {"", "1"}, {"aws:x", "1"}, {"a", strings.Repeat("v", 257)}} {
		_, err = client.PutBucketTagging(ctx, tags(wrong...))
		want(t, err, "InvalidTag")
	}
	_, err = client.DeleteBucketTagging(ctx, &awss3.DeleteBucketTaggingInput{Bucket: name})
	want(t, err, "")
	_, err = client.GetBucketTagging(ctx, &awss3.GetBucketTaggingInput{Bucket: name})
	want(t, err, "NoSuchTagSet")

	controls, err := client.GetBucketOwnershipControls(ctx, &awss3.GetBucketOwnershipControlsInput{Bucket: name})
	want(t, err, "")
	if r := controls.OwnershipControls.Rules; len(r) != 1 || r[0].ObjectOwnership != "BucketOwnerEnforced" {
		t.Errorf("got %+v", r)
	}
	_, err = client.PutBucketOwnershipControls(ctx, &awss3.PutBucketOwnershipControlsInput{Bucket: name, OwnershipControls: &types.OwnershipControls{
		Rules: []types.OwnershipControlsRule{{ObjectOwnership: "ObjectWriter"}}}})
	want(t, err, "")
	_, err = client.DeleteBucketOwnershipControls(ctx, &awss3.DeleteBucketOwnershipControlsInput{Bucket: name})
	want(t, err, "")
	_, err = client.GetBucketOwnershipControls(ctx, &awss3.GetBucketOwnershipControlsInput{Bucket: name})
	want(t, err, "OwnershipControlsNotFoundError")

	notification, err := client.GetBucketNotificationConfiguration(ctx, &awss3.GetBucketNotificationConfigurationInput{Bucket: name})
	want(t, err, "")
	if notification.EventBridgeConfiguration == nil {
		t.Errorf("got %+v", notification)
	}
	_, err = client.PutBucketNotificationConfiguration(ctx, &awss3.PutBucketNotificationConfigurationInput{Bucket: name,
		NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{
			{QueueArn: aws.String("arn:aws:sqs:us-east-1:123456789012:q"), Events: []types.Event{"s3:ObjectCreated:*"}}}}})
	want(t, err, "NotImplemented")
}

func TestBucketPolicy(t *testing.T) {
	t.Parallel()
	k, client := bucket(t, "")
	ctx, name := t.Context(), aws.String("specs")
	const statement = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"%s"},"Action":["s3:GetObject"],"Resource":"%s"%s}]}`
	_, err := client.GetBucketPolicy(ctx, &awss3.GetBucketPolicyInput{Bucket: name})
	want(t, err, "NoSuchBucketPolicy")
	for text, expected := range map[string]string{
		"x":  "MalformedPolicy",
		"[]": "MalformedPolicy",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::specs/*"}]}`:               "MalformedPolicy",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject"}]}`:                                 "MalformedPolicy",
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"ec2:RunInstances","Resource":"arn:aws:s3:::x"}]}`: "MalformedPolicy",
		fmt.Sprintf(statement, "nobody", "arn:aws:s3:::specs/*", ""):                                                                        "MalformedPolicy",
		fmt.Sprintf(statement, "*", "arn:aws:s3:::other/*", ""):                                                                             "MalformedPolicy",
		fmt.Sprintf(statement, "*", "arn:aws:s3:::specs/*", ""):                                                                             "AccessDenied",
		fmt.Sprintf(statement, "arn:aws:iam::414351767826:root", "arn:aws:s3:::specs/*", strings.Repeat(" ", 21<<10)):                       "PolicyTooLarge",
		fmt.Sprintf(statement, "*", "arn:aws:s3:::specs/*", `,"Condition":{"StringEquals":{"aws:PrincipalAccount":"414351767826"}}`):        "",
		fmt.Sprintf(statement, "414351767826", "arn:aws:s3:::specs", ""):                                                                    "",
	} {
		_, err := client.PutBucketPolicy(ctx, &awss3.PutBucketPolicyInput{Bucket: name, Policy: aws.String(text)})
		if got := code(err); got != expected {
			t.Errorf("%.200s: got %q (%v), want %q", text, got, err, expected)
		}
	}
	text := fmt.Sprintf(statement, "arn:aws:iam::414351767826:root", "arn:aws:s3:::specs/*", "")
	_, err = client.PutBucketPolicy(ctx, &awss3.PutBucketPolicyInput{Bucket: name, Policy: aws.String(text)})
	want(t, err, "")
	out, err := client.GetBucketPolicy(ctx, &awss3.GetBucketPolicyInput{Bucket: name})
	want(t, err, "")
	if b, _ := k.service.Bucket("specs"); *out.Policy != text || b.Policy != text {
		t.Errorf("got %s", *out.Policy)
	}
	_, err = client.DeleteBucketPolicy(ctx, &awss3.DeleteBucketPolicyInput{Bucket: name})
	want(t, err, "")
	_, err = client.GetBucketPolicy(ctx, &awss3.GetBucketPolicyInput{Bucket: name})
	want(t, err, "NoSuchBucketPolicy")
}

func TestOtherRegionsAndOwners(t *testing.T) {
	t.Parallel()
	k := newStack(t, httptest.NewServer)
	k.service.Add(s3.Bucket{Name: "tokyo", Region: "ap-northeast-1"})
	k.service.Add(s3.Bucket{Name: "virginia", Region: "us-east-1"})
	k.service.AddForeign("theirs")
	client := k.client("us-east-1")
	for name, region := range map[string]string{"tokyo": "ap-northeast-1", "virginia": ""} {
		out, err := client.GetBucketLocation(t.Context(), &awss3.GetBucketLocationInput{Bucket: aws.String(name)})
		want(t, err, "")
		if string(out.LocationConstraint) != region {
			t.Errorf("%s is in %q, want %q", name, out.LocationConstraint, region)
		}
	}
	_, err := client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: aws.String("tokyo"), Key: aws.String("k")})
	want(t, err, "PermanentRedirect")
	_, err = client.HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: aws.String("theirs")})
	want(t, err, "Forbidden")
	_, err = client.GetBucketPolicy(t.Context(), &awss3.GetBucketPolicyInput{Bucket: aws.String("theirs")})
	want(t, err, "AccessDenied")
	_, err = client.HeadBucket(t.Context(), &awss3.HeadBucketInput{Bucket: aws.String("none")})
	want(t, err, "NotFound")
	_, err = client.ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: aws.String("none")})
	want(t, err, "NoSuchBucket")
}

func TestDeleteBucket(t *testing.T) {
	t.Parallel()
	k, client := bucket(t, "Enabled")
	out := put(t, client, "k", "x")
	_, err := client.DeleteBucket(t.Context(), &awss3.DeleteBucketInput{Bucket: aws.String("specs")})
	want(t, err, "BucketNotEmpty")
	_, err = client.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String("specs"), Key: aws.String("k"), VersionId: out.VersionId})
	want(t, err, "")
	_, err = client.DeleteBucket(t.Context(), &awss3.DeleteBucketInput{Bucket: aws.String("specs")})
	want(t, err, "")
	if _, ok := k.service.Bucket("specs"); ok {
		t.Error("the bucket is still there")
	}
}

func TestListings(t *testing.T) {
	t.Parallel()
	k, client := bucket(t, "")
	keys := []string{"a b.txt", "dir/one", "dir/sub/two", "dir/sub/three", "other/x", "z"}
	for _, key := range keys {
		if _, err := k.service.Put("specs", key, []byte(key)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name  string
		in    awss3.ListObjectsV2Input
		pages []string
	}{
		{"all", awss3.ListObjectsV2Input{}, []string{"a b.txt dir/one dir/sub/three dir/sub/two other/x z |"}},
		{"pages of 4", awss3.ListObjectsV2Input{MaxKeys: aws.Int32(4)}, []string{"a b.txt dir/one dir/sub/three dir/sub/two |", "other/x z |"}},
		{"folders", awss3.ListObjectsV2Input{Delimiter: aws.String("/")}, []string{"a b.txt z | dir/ other/"}},
		{"folders one by one", awss3.ListObjectsV2Input{Delimiter: aws.String("/"), MaxKeys: aws.Int32(1)}, []string{"a b.txt |", " | dir/", " | other/", "z |"}},
		{"in a folder", awss3.ListObjectsV2Input{Delimiter: aws.String("/"), Prefix: aws.String("dir/")}, []string{"dir/one | dir/sub/"}},
		{"long delimiter", awss3.ListObjectsV2Input{Delimiter: aws.String("/sub/")}, []string{"a b.txt dir/one other/x z | dir/sub/"}},
		{"after", awss3.ListObjectsV2Input{StartAfter: aws.String("dir/sub/two")}, []string{"other/x z |"}},
		{"none", awss3.ListObjectsV2Input{Prefix: aws.String("none")}, []string{" |"}},
	} {
		c.in.Bucket = aws.String("specs")
		var got []string
		pages := awss3.NewListObjectsV2Paginator(client, &c.in)
		for pages.HasMorePages() {
			out, err := pages.NextPage(t.Context())
			want(t, err, "")
			var contents, prefixes []string
			for _, o := range out.Contents {
				contents = append(contents, *o.Key)
			}
			for _, p := range out.CommonPrefixes {
				prefixes = append(prefixes, *p.Prefix)
			}
			if int(*out.KeyCount) != len(contents)+len(prefixes) {
				t.Errorf("%s: the key count is %d", c.name, *out.KeyCount)
			}
			got = append(got, strings.TrimSuffix(strings.Join(contents, " ")+" | "+strings.Join(prefixes, " "), " "))
		}
		if diff := cmp.Diff(c.pages, got); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
	first, err := client.ListObjects(t.Context(), &awss3.ListObjectsInput{Bucket: aws.String("specs"), Delimiter: aws.String("/"),
		MaxKeys: aws.Int32(2), EncodingType: "url"})
	want(t, err, "")
	if *first.Contents[0].Key != "a%20b.txt" || aws.ToString(first.NextMarker) != "dir/" || first.Contents[0].Owner == nil {
		t.Errorf("got %+v", first)
	}
	rest, err := client.ListObjects(t.Context(), &awss3.ListObjectsInput{Bucket: aws.String("specs"), Delimiter: aws.String("/"), Marker: first.NextMarker})
	want(t, err, "")
	if len(rest.Contents) != 1 || len(rest.CommonPrefixes) != 1 || *rest.IsTruncated {
		t.Errorf("got %+v", rest)
	}
	if diff := cmp.Diff([]string{"dir/sub/three", "dir/sub/two"}, k.service.Keys("specs", "dir/sub/")); diff != "" {
		t.Error(diff)
	}
	_, err = client.ListObjectsV2(t.Context(), &awss3.ListObjectsV2Input{Bucket: aws.String("specs"), ContinuationToken: aws.String("!")})
	want(t, err, "InvalidArgument")
}

func TestListVersions(t *testing.T) {
	t.Parallel()
	_, client := bucket(t, "Enabled")
	for _, key := range []string{"a", "b", "a", "c", "b"} {
		put(t, client, key, key)
	}
	_, err := client.DeleteObject(t.Context(), &awss3.DeleteObjectInput{Bucket: aws.String("specs"), Key: aws.String("b")})
	want(t, err, "")
	seen, markers, latest, count := map[string]int{}, 0, 0, 0
	pages := awss3.NewListObjectVersionsPaginator(client, &awss3.ListObjectVersionsInput{Bucket: aws.String("specs"), MaxKeys: aws.Int32(2)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(t.Context())
		want(t, err, "")
		count++
		for _, v := range out.Versions {
			seen[*v.Key]++
			if *v.IsLatest {
				latest++
			}
		}
		for _, m := range out.DeleteMarkers {
			markers++
			if *m.Key != "b" || !*m.IsLatest {
				t.Errorf("got %+v", m)
			}
		}
	}
	if diff := cmp.Diff(map[string]int{"a": 2, "b": 2, "c": 1}, seen); diff != "" || markers != 1 || latest != 2 || count != 3 {
		t.Errorf("%d markers, %d latest versions, %d pages, %s", markers, latest, count, diff)
	}
}
