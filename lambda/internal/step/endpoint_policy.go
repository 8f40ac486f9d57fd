package step

import (
	"lakegate/lambda/internal/document"
	"lakegate/spec"
)

// databricksAccount is the AWS account of Databricks in the commercial
// partition.
const databricksAccount = "414351767826"

// restricted is the policy of an endpoint where the spec wants restricted
// policies; an empty one means full access.
func restricted(doc *document.Document, policy func(*document.Document) policy) string {
	if doc.Spec.PrivateLink.EndpointPolicies != "restricted" {
		return ""
	}
	return policy(doc).String()
}

var anybody = map[string]string{"AWS": "*"}

func by(account string) map[string]map[string]string {
	return map[string]map[string]string{"StringEquals": {"aws:PrincipalAccount": account}}
}

func of(account string) map[string]map[string]string {
	return map[string]map[string]string{"StringEquals": {"aws:ResourceAccount": account}}
}

// s3EndpointPolicy admits the root bucket, the buckets of Databricks in the
// region and the data buckets of the spec.
// https://docs.databricks.com/aws/en/security/network/classic/privatelink
// (the statements are those of databricks/terraform-databricks-sra)
func s3EndpointPolicy(doc *document.Document) policy {
	region, _ := spec.LookupRegion(doc.Spec.Region)
	root := doc.Spec.RootBucket.Name
	if arn := doc.Spec.RootBucket.ARN; arn != "" {
		root = arn[len("arn:aws:s3:::"):]
	}
	read := []string{"s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"}
	out := policy{Version: "2012-10-17", Statement: []statement{
		{
			Sid: "RootStorage", Effect: "Allow", Principal: anybody, Resource: buckets(root), Condition: by(databricksAccount),
			Action: []string{
				"s3:DeleteObject", "s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket", "s3:PutObject",
			},
		},
		{Sid: "Runtime", Effect: "Allow", Principal: anybody, Resource: buckets(region.ArtifactBuckets...), Condition: of(databricksAccount), Action: read},
	}}
	for _, b := range []struct {
		sid, bucket string
		actions     []string
	}{
		{"Datasets", region.DatasetsBucket, read},
		{"Logs", region.LogBucket, []string{"s3:GetBucketLocation", "s3:ListBucket", "s3:PutObject"}},
		{"SystemTables", region.SystemTablesBucket, read},
	} {
		if b.bucket != "" {
			out.Statement = append(out.Statement, statement{
				Sid: b.sid, Effect: "Allow", Principal: anybody, Action: b.actions, Resource: buckets(b.bucket), Condition: by(databricksAccount),
			})
		}
	}
	if data := doc.Spec.PrivateLink.DataBuckets; len(data) > 0 {
		out.Statement = append(out.Statement, statement{
			Sid: "Data", Effect: "Allow", Principal: anybody, Resource: buckets(data...),
			Action: []string{
				"s3:AbortMultipartUpload", "s3:DeleteObject", "s3:GetBucketLocation", "s3:GetObject", "s3:GetObjectVersion",
				"s3:ListBucket", "s3:ListMultipartUploadParts", "s3:PutObject",
			},
		})
	}
	return out
}

func buckets(names ...string) []string {
	var arns []string
	for _, n := range names {
		arns = append(arns, "arn:aws:s3:::"+n, "arn:aws:s3:::"+n+"/*")
	}
	return arns
}

// stsEndpointPolicy admits roles of the account, and of Databricks.
func stsEndpointPolicy(doc *document.Document) policy {
	own := []string{
		"sts:AssumeRole", "sts:DecodeAuthorizationMessage", "sts:GetAccessKeyInfo", "sts:GetSessionToken", "sts:TagSession",
	}
	theirs := []string{"sts:AssumeRole", "sts:GetSessionToken", "sts:TagSession"}
	return policy{Version: "2012-10-17", Statement: []statement{
		{Sid: "OwnAccount", Effect: "Allow", Principal: anybody, Action: own, Resource: []string{"*"}, Condition: by(doc.Spec.AWS.AccountID)},
		{Sid: "Databricks", Effect: "Allow", Principal: anybody, Action: theirs, Resource: []string{"*"}, Condition: by(databricksAccount)},
	}}
}

// kinesisEndpointPolicy admits the streams of Databricks, to which compute
// sends its logs.
func kinesisEndpointPolicy(doc *document.Document) policy {
	return policy{Version: "2012-10-17", Statement: []statement{{
		Sid: "Logs", Effect: "Allow", Principal: anybody, Condition: by(databricksAccount),
		Action:   []string{"kinesis:DescribeStream", "kinesis:PutRecord", "kinesis:PutRecords"},
		Resource: []string{"arn:aws:kinesis:" + doc.Spec.Region + ":" + databricksAccount + ":stream/*"},
	}}}
}

// glueEndpointPolicy admits the catalog of the account.
func glueEndpointPolicy(doc *document.Document) policy {
	return policy{Version: "2012-10-17", Statement: []statement{{
		Sid: "Catalog", Effect: "Allow", Principal: anybody, Action: glueActions,
		Resource:  []string{"arn:aws:glue:" + doc.Spec.Region + ":" + doc.Spec.AWS.AccountID + ":*"},
		Condition: by(doc.Spec.AWS.AccountID),
	}}}
}
