package main

import (
	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/aws/aws-cdk-go/awscdk/v2/awss3"
	"github.com/aws/jsii-runtime-go"

	"lakegate/lambda/plan"
)

// buckets are the stack's buckets.
type buckets struct {
	// source holds the specs that authors push, if S3 is watched. All versions
	// are kept: they are the revisions that executions read.
	source awss3.CfnBucket
	// state holds leases, status and reports.
	state awss3.CfnBucket
}

const (
	// accessLogDays is how long it can be looked up who read or wrote what.
	accessLogDays = 365
	// toldDays is how long it is kept what was posted to chat: no event is delivered
	// as late.
	toldDays = 90
	// stateHistoryDays is how long a replaced version of a lease, status or
	// report is kept.
	stateHistoryDays = 90
	// abandonedUploadDays is after how long an unfinished upload is removed.
	abandonedUploadDays = 7
)

func newBuckets(stack awscdk.Stack, s settings) buckets {
	name := func(chosen, holds string) *string {
		if chosen == "" {
			chosen = "lakegate-" + holds + "-" + *stack.Account() + "-" + *stack.Region()
		}
		return &chosen
	}
	abandoned := &awss3.CfnBucket_RuleProperty{
		Id:     jsii.String("abandoned-uploads"),
		Status: jsii.String("Enabled"),
		AbortIncompleteMultipartUpload: &awss3.CfnBucket_AbortIncompleteMultipartUploadProperty{
			DaysAfterInitiation: jsii.Number(abandonedUploadDays),
		},
	}
	logs := newBucket(stack, "LogBucket", &awss3.CfnBucketProps{
		BucketName: name(s.LogBucket, "logs"),
		LifecycleConfiguration: &awss3.CfnBucket_LifecycleConfigurationProperty{Rules: []any{
			abandoned,
			&awss3.CfnBucket_RuleProperty{
				Id:               jsii.String("old-logs"),
				Status:           jsii.String("Enabled"),
				ExpirationInDays: jsii.Number(accessLogDays),
				NoncurrentVersionExpiration: &awss3.CfnBucket_NoncurrentVersionExpirationProperty{
					NoncurrentDays: jsii.Number(1),
				},
			},
		}},
	})
	state := newBucket(stack, "StateBucket", &awss3.CfnBucketProps{
		BucketName: name(s.StateBucket, "state"),
		LoggingConfiguration: &awss3.CfnBucket_LoggingConfigurationProperty{
			DestinationBucketName: logs.Ref(), LogFilePrefix: jsii.String("state/"),
		},
		LifecycleConfiguration: &awss3.CfnBucket_LifecycleConfigurationProperty{Rules: []any{
			abandoned,
			&awss3.CfnBucket_RuleProperty{
				Id:     jsii.String("history"),
				Status: jsii.String("Enabled"),
				NoncurrentVersionExpiration: &awss3.CfnBucket_NoncurrentVersionExpirationProperty{
					NoncurrentDays: jsii.Number(stateHistoryDays),
				},
			},
			&awss3.CfnBucket_RuleProperty{
				Id: jsii.String("told"), Status: jsii.String("Enabled"), Prefix: jsii.String(plan.ChatPrefix),
				ExpirationInDays: jsii.Number(toldDays),
			},
		}},
	})

	newBucketPolicy(stack, "StateBucketPolicy", state)
	made, logged := buckets{state: state}, []string{*state.AttrArn()}
	if s.watches(plan.S3) {
		made.source = newSourceBucket(stack, name(s.SourceBucket, "specs"), logs, abandoned)
		logged = append([]string{*made.source.AttrArn()}, logged...)
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
	newBucketPolicy(stack, "LogBucketPolicy", logs, map[string]any{
		"Effect":    "Allow",
		"Principal": map[string]string{"Service": "logging.s3.amazonaws.com"},
		"Action":    "s3:PutObject",
		"Resource":  *logs.AttrArn() + "/*",
		"Condition": map[string]any{
			"ArnEquals":    map[string]any{"aws:SourceArn": logged},
			"StringEquals": map[string]string{"aws:SourceAccount": *stack.Account()},
		},
	})
	return made
}

func newSourceBucket(stack awscdk.Stack, name *string, logs awss3.CfnBucket, abandoned *awss3.CfnBucket_RuleProperty) awss3.CfnBucket {
	source := newBucket(stack, "SourceBucket", &awss3.CfnBucketProps{
		BucketName: name,
		NotificationConfiguration: &awss3.CfnBucket_NotificationConfigurationProperty{
			EventBridgeConfiguration: &awss3.CfnBucket_EventBridgeConfigurationProperty{EventBridgeEnabled: true},
		},
		LoggingConfiguration: &awss3.CfnBucket_LoggingConfigurationProperty{
			DestinationBucketName: logs.Ref(), LogFilePrefix: jsii.String("specs/"),
		},
		LifecycleConfiguration: &awss3.CfnBucket_LifecycleConfigurationProperty{Rules: []any{abandoned}},
	})
	newBucketPolicy(stack, "SourceBucketPolicy", source)
	return source
}

// newBucket makes a versioned, encrypted and private bucket that outlives the
// stack. What the stack's buckets have in common is decided here.
func newBucket(stack awscdk.Stack, id string, props *awss3.CfnBucketProps) awss3.CfnBucket {
	props.VersioningConfiguration = &awss3.CfnBucket_VersioningConfigurationProperty{Status: jsii.String("Enabled")}
	props.BucketEncryption = &awss3.CfnBucket_BucketEncryptionProperty{
		ServerSideEncryptionConfiguration: []any{&awss3.CfnBucket_ServerSideEncryptionRuleProperty{
			ServerSideEncryptionByDefault: &awss3.CfnBucket_ServerSideEncryptionByDefaultProperty{SseAlgorithm: jsii.String("AES256")},
		}},
	}
	props.PublicAccessBlockConfiguration = &awss3.CfnBucket_PublicAccessBlockConfigurationProperty{
		BlockPublicAcls: true, BlockPublicPolicy: true, IgnorePublicAcls: true, RestrictPublicBuckets: true,
	}
	props.OwnershipControls = &awss3.CfnBucket_OwnershipControlsProperty{
		Rules: []any{&awss3.CfnBucket_OwnershipControlsRuleProperty{ObjectOwnership: jsii.String("BucketOwnerEnforced")}},
	}
	bucket := awss3.NewCfnBucket(stack, &id, props)
	bucket.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
	return bucket
}

func newBucketPolicy(stack awscdk.Stack, id string, bucket awss3.CfnBucket, statements ...any) {
	policy := awss3.NewCfnBucketPolicy(stack, &id, &awss3.CfnBucketPolicyProps{
		Bucket:         bucket.Ref(),
		PolicyDocument: policyDocument(append(statements, refuseHTTP("s3:*", *bucket.AttrArn(), *bucket.AttrArn()+"/*"))...),
	})
	// A bucket that outlives the stack goes on refusing plain HTTP.
	policy.ApplyRemovalPolicy(awscdk.RemovalPolicy_RETAIN, nil)
}

// refuseHTTP is the statement of a resource's policy that refuses whatever
// does not come over TLS.
func refuseHTTP(actions string, resources ...string) map[string]any {
	return map[string]any{
		"Effect":    "Deny",
		"Principal": map[string]string{"AWS": "*"},
		"Action":    actions,
		"Resource":  resources,
		"Condition": map[string]any{"Bool": map[string]string{"aws:SecureTransport": "false"}},
	}
}
