package step_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	emulated "lakegate/lambda/internal/emulator/s3"
	"lakegate/lambda/plan"
)

// s3 is S3 behind Lakegate's back.
func (r *run) s3() *s3.Client {
	return s3.NewFromConfig(r.author(tokyoRegion), func(o *s3.Options) { o.UsePathStyle = true })
}

const bucketName = "lakegate-mito-cellar"

// bucket is what exists of a bucket.
func (r *run) bucket(name string) emulated.Bucket {
	r.t.Helper()
	b, ok := r.world.S3.Bucket(name)
	if !ok {
		r.t.Fatalf("there is no bucket %s", name)
	}
	return b
}

// openBucket takes the public access block off a bucket.
func (r *run) openBucket(name string) {
	r.t.Helper()
	must(r.s3().DeletePublicAccessBlock(r.t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: aws.String(name)}))
}

func TestEnsureRootBucket(t *testing.T) {
	t.Parallel()
	const (
		step  = "EnsureRootBucket"
		given = "{name: lakegate-mito-cellar}"
		own   = `{arn: "arn:aws:s3:::cellar"}`
	)
	closed := emulated.PublicAccessBlock{BlockPublicAcls: true, IgnorePublicAcls: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}
	asItShouldBe := func(t *testing.T, r *run) {
		t.Helper()
		b := r.bucket(bucketName)
		golden(t, "bucket_policy.json", b.Policy)
		same(t, "public access block", &closed, b.PublicAccessBlock)
	}
	made := func(t *testing.T) *run {
		t.Helper()
		r := at(t, step)
		// S3 closes new buckets by itself.
		r.does(step, "Created", "s3:CreateBucket", "s3:PutBucketPolicy")
		return r
	}
	// databricks is a policy of the author's that names Databricks.
	const databricks = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::414351767826:root"},` +
		`"Action":"s3:*","Resource":["arn:aws:s3:::cellar","arn:aws:s3:::cellar/*"]}]}`

	t.Run("made, then found", func(t *testing.T) {
		t.Parallel()
		r := made(t)
		asItShouldBe(t, r)
		b := r.bucket(bucketName)
		same(t, "tags", owned("root-bucket", ""), b.Tags)
		same(t, "region", tokyoRegion, b.Region)
		same(t, "versioning", "", b.Versioning)
		same(t, "encryption", "AES256", b.Encryption.Algorithm)
		var got struct{ ID, ARN string }
		r.result(step, &got)
		same(t, "result", bucketName+" arn:aws:s3:::"+bucketName, got.ID+" "+got.ARN)

		r.revise(step)
		r.does(step, "Found")
	})

	t.Run("made in us-east-1", func(t *testing.T) {
		t.Parallel()
		r := at(t, step, "region: "+tokyoRegion, "region: us-east-1")
		r.does(step, "Created", "s3:CreateBucket", "s3:PutBucketPolicy")
		same(t, "region", "us-east-1", r.bucket(bucketName).Region)
	})

	for name, test := range map[string]struct {
		drift func(*run)
		calls []string
	}{
		"public access block removed": {
			func(r *run) { r.openBucket(bucketName) },
			[]string{"s3:PutPublicAccessBlock"},
		},
		"public access block weakened": {
			func(r *run) {
				must(r.s3().PutPublicAccessBlock(r.t.Context(), &s3.PutPublicAccessBlockInput{
					Bucket: aws.String(bucketName),
					PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
						BlockPublicAcls: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true),
					},
				}))
			},
			[]string{"s3:PutPublicAccessBlock"},
		},
		"policy changed": {
			func(r *run) {
				must(r.s3().PutBucketPolicy(r.t.Context(), &s3.PutBucketPolicyInput{
					Bucket: aws.String(bucketName),
					Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::` + bucketName + `/*"}]}`),
				}))
			},
			[]string{"s3:PutBucketPolicy"},
		},
		"policy and block removed": {
			func(r *run) {
				must(r.s3().DeleteBucketPolicy(r.t.Context(), &s3.DeleteBucketPolicyInput{Bucket: aws.String(bucketName)}))
				r.openBucket(bucketName)
			},
			[]string{"s3:PutPublicAccessBlock", "s3:PutBucketPolicy"},
		},
	} {
		t.Run(name+" behind its back", func(t *testing.T) {
			t.Parallel()
			r := made(t)
			test.drift(r)
			r.does(step, "Updated", test.calls...)
			asItShouldBe(t, r)
			r.does(step, "Found")
		})
	}

	for name, tags := range map[string]map[string]string{
		"nobody":            nil,
		"another workspace": {plan.TagWorkspace: "nara", plan.TagManaged: plan.Owned},
		"a shared one":      {plan.TagWorkspace: "mito", plan.TagManaged: "shared"},
	} {
		t.Run("name taken in this account, by "+name, func(t *testing.T) {
			t.Parallel()
			r := at(t, step)
			r.world.S3.Add(emulated.Bucket{Name: bucketName, Region: tokyoRegion, Tags: tags})
			before := r.bucket(bucketName)
			r.refuses(step, plan.Conflict, "bucket "+bucketName, "was not made by this workspace", "spec.rootBucket.arn")
			same(t, "bucket", before, r.bucket(bucketName))
		})
	}

	t.Run("name taken in another account", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.world.S3.AddForeign(bucketName)
		r.refuses(step, plan.Conflict, bucketName, "Choose another spec.rootBucket.name")
	})

	t.Run("in another region", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.world.S3.Add(emulated.Bucket{Name: bucketName, Region: "eu-west-1", Tags: owned("root-bucket", "")})
		r.refuses(step, plan.Conflict, bucketName, "eu-west-1", tokyoRegion, "Choose another spec.rootBucket.name")
	})

	t.Run("given", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		r.world.S3.Add(emulated.Bucket{Name: "cellar", Region: tokyoRegion, Policy: databricks})
		before := r.bucket("cellar")
		r.revise(step, given, own)
		r.does(step, "Given")
		same(t, "bucket", before, r.bucket("cellar"))
		same(t, "id", "cellar", r.id(step))
	})

	for name, test := range map[string]struct {
		bucket func(*run)
		texts  []string
	}{
		"missing": {
			func(*run) {}, []string{"bucket cellar", "does not exist", "spec.rootBucket.arn"},
		},
		"of another account": {
			func(r *run) { r.world.S3.AddForeign("cellar") }, []string{"bucket cellar", "Choose another spec.rootBucket.arn", "belongs to another AWS account"},
		},
		"in another region": {
			func(r *run) {
				r.world.S3.Add(emulated.Bucket{Name: "cellar", Region: "eu-west-1", Policy: databricks})
			},
			[]string{"bucket cellar", "eu-west-1", tokyoRegion, "Choose another spec.rootBucket.arn"},
		},
		"open to the public": {
			func(r *run) {
				r.world.S3.Add(emulated.Bucket{Name: "cellar", Region: tokyoRegion, Policy: databricks})
				r.openBucket("cellar")
			},
			[]string{"bucket cellar", "public access block is not complete", "Block all public access"},
		},
		"without a policy": {
			func(r *run) { r.world.S3.Add(emulated.Bucket{Name: "cellar", Region: tokyoRegion}) },
			[]string{"bucket cellar", "does not name arn:aws:iam::414351767826:root", "Add this to its policy", `"arn:aws:s3:::cellar/*"`},
		},
	} {
		t.Run("given but "+name, func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			test.bucket(r)
			r.revise(step, given, own)
			r.refuses(step, plan.Conflict, test.texts...)
		})
	}
}
