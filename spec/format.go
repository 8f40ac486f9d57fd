package spec

import (
	"fmt"
	"net/netip"
	"reflect"
	"regexp"
	"strings"
	"sync"
	"unicode/utf8"
)

// Format is what the text of a field must look like. The format tags of the
// types name formats; validation and the JSON Schema both follow them.
type Format struct {
	// Noun with its article, as in "is not a VPC id".
	Noun string
	// Want completes "want …" with what to write.
	Want string
	// OneOf is the list of all allowed values, if there is one.
	OneOf []string
	// Pattern is a regular expression that RE2 and ECMAScript read alike. Empty
	// if there is a list of values.
	Pattern string
	// Min and Max number of characters. A Max of 0 means that the pattern
	// decides.
	Min, Max int

	// refuse says what is wrong with a text that has the pattern, or nothing.
	refuse func(text string) string
}

// awsID is the format of an id that AWS gives: a prefix and hexadecimal
// digits, 17 of them since 2016 and 8 before.
func awsID(noun, prefix string) Format {
	return Format{
		Noun:    noun,
		Want:    fmt.Sprintf("%s- and 8 or 17 hexadecimal digits, such as %s-0a1b2c3d4e5f60718", prefix, prefix),
		Pattern: "^" + prefix + "-[0-9a-f]{8}([0-9a-f]{9})?$",
	}
}

// freeText is text in one line with nothing at its ends that cannot be seen.
const freeText = `^[^\p{Z}\p{Cc}]([^\p{Cc}]*[^\p{Z}\p{Cc}])?$`

// formats by the names that the format tags use.
var formats = map[string]Format{
	"apiVersion": {Noun: "a version that is read here", Want: APIVersion, OneOf: []string{APIVersion}},
	"kind":       {Noun: "a kind that is read here", Want: Kind, OneOf: []string{Kind}},
	"name": {
		Noun:    "a workspace's name",
		Want:    "2 to 32 lower-case letters, digits and single hyphens, beginning with a letter and not ending with a hyphen",
		Pattern: `^[a-z]([a-z0-9]|-[a-z0-9])*$`, Min: 2, Max: 32,
	},
	"region": {Noun: "a region of Databricks", OneOf: RegionNames(), Want: choice(RegionNames())},
	"awsAccountId": {
		Noun: "an AWS account id", Want: `12 digits in quotes, such as "123456789012"`,
		Pattern: `^[0-9]{12}$`,
	},
	"uuid": {
		Noun: "a UUID", Want: "the UUID in lower case, such as 0d26daa6-5e44-4c97-a497-ef015f91254a",
		Pattern: `^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`,
	},
	"vpcId":           awsID("a VPC id", "vpc"),
	"subnetId":        awsID("a subnet id", "subnet"),
	"routeTableId":    awsID("a route table id", "rtb"),
	"securityGroupId": awsID("a security group id", "sg"),
	"vpcEndpointId":   awsID("a VPC endpoint id", "vpce"),
	"hostedZoneId": {
		Noun: "the id of a hosted zone", Want: "Z and up to 31 capital letters and digits",
		Pattern: `^Z[A-Z0-9]{1,31}$`,
	},
	"routeTarget": {
		Noun: "the target of a route", Want: "an id that begins with nat-, tgw-, pcx-, vgw-, eni- or vpce-",
		Pattern: `^(nat|tgw|pcx|vgw|eni|vpce)-[0-9a-f]{8}([0-9a-f]{9})?$`,
	},
	"destination": {
		Noun: "the destination of a route", Want: "an IPv4 block such as 0.0.0.0/0",
		Pattern: `^` + blockPattern + `$`,
		refuse:  refuseDestination,
	},
	"host": {
		Noun: "the name of a host", Want: "a name in lower case such as pypi.org",
		Pattern: `^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)+$`, Min: 4, Max: 253,
	},
	"drift":            {Noun: "a choice of what happens to drift", Want: "Report or Repair", OneOf: []string{Report, Repair}},
	"deletionPolicy":   {Noun: "a choice of what is deleted with the file", Want: "Retain or Delete", OneOf: []string{Retain, Delete}},
	"bucketDeletion":   {Noun: "a choice of what becomes of a root bucket with objects", Want: "Refuse or Force", OneOf: []string{Refuse, Force}},
	"endpointPolicies": {Noun: "a choice of endpoint policies", Want: "open or restricted", OneOf: []string{"open", "restricted"}},
	"accessLevel":      {Noun: "a level of private access", Want: "ACCOUNT or ENDPOINT", OneOf: []string{"ACCOUNT", "ENDPOINT"}},
	"instanceProfileArn": {
		Noun: "the ARN of an instance profile", Want: "arn:aws:iam::<account id>:instance-profile/<name>",
		Pattern: `^arn:aws:iam::[0-9]{12}:instance-profile/([!-~]*/)?[A-Za-z0-9_+=,.@-]{1,128}$`,
	},
	"keyArn": {
		Noun: "the ARN of a KMS key", Want: "arn:aws:kms:<region>:<account id>:key/<key id>",
		Pattern: `^arn:aws:kms:[a-z0-9-]+:[0-9]{12}:key/(mrk-[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})$`,
	},
	"keyAlias": {
		// https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
		Noun: "an alias of a KMS key", Want: "letters, digits and /_-, without alias/ before it",
		Pattern: `^[A-Za-z0-9/_-]+$`, Min: 1, Max: 250,
		refuse: refuseAlias,
	},
	"roleArn": {
		Noun: "the ARN of an IAM role", Want: "arn:aws:iam::<account id>:role/<name>",
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
		Pattern: `^arn:aws:iam::[0-9]{12}:role/([!-~]*/)?[A-Za-z0-9_+=,.@-]{1,64}$`,
	},
	"roleName": {
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
		Noun: "a name for an IAM role", Want: "letters, digits and _+=,.@-",
		Pattern: `^[A-Za-z0-9_+=,.@-]+$`, Min: 1, Max: 64,
	},
	"bucketArn": {
		Noun: "the ARN of an S3 bucket", Want: "arn:aws:s3:::<name>, and a name without dots",
		Pattern: `^arn:aws:s3:::[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`,
		refuse:  func(arn string) string { return refuseBucket(strings.TrimPrefix(arn, "arn:aws:s3:::")) },
	},
	"bucketName": {
		Noun: "a name for an S3 bucket", Want: "lower-case letters, digits and hyphens, with a letter or digit at both ends and no dots",
		Pattern: `^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`, Min: 3, Max: 63,
		refuse: refuseBucket,
	},
	"nameTag": {
		// https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions
		Noun: "a Name tag", Want: "letters, digits, inner spaces and _.:/=+-@",
		Pattern: `^[\p{L}\p{N}_.:/=+@-]([\p{L}\p{N} _.:/=+@-]*[\p{L}\p{N}_.:/=+@-])?$`, Min: 1, Max: 255,
	},
	"securityGroupName": {
		// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html
		Noun: "a name for a security group", Want: "letters from a to z, digits, inner spaces and ._-:/()#,@[]+=&;{}!$*",
		Pattern: groupText, Min: 1, Max: 255,
		refuse: refuseGroupName,
	},
	"securityGroupDescription": {
		Noun: "a description for a security group", Want: "letters from a to z, digits, inner spaces and ._-:/()#,@[]+=&;{}!$*",
		Pattern: groupText, Min: 1, Max: 255,
	},
	"workspaceName": {
		Noun: "a workspace's display name", Want: "text in one line, without spaces at its ends",
		Pattern: freeText, Min: 1, Max: 100,
	},
	"databricksName": {
		Noun: "a name in a Databricks account", Want: "text in one line, without spaces at its ends",
		Pattern: freeText, Min: 4, Max: 256,
	},
	"deploymentName": {
		Noun: "a deployment name", Want: "lower-case letters, digits and hyphens, with a letter or digit at both ends",
		Pattern: `^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`, Min: 1, Max: 64,
	},
	"endpointService": {
		Noun: "the name of an endpoint service", Want: "com.amazonaws.vpce.<region>.vpce-svc-<8 or 17 hexadecimal digits>",
		Pattern: `^com\.amazonaws\.vpce\.[a-z0-9-]+\.vpce-svc-[0-9a-f]{8}([0-9a-f]{9})?$`,
	},
	"cidr": {
		Noun: "a CIDR block", Want: "an IPv4 block such as 10.0.0.0/22",
		Pattern: `^` + blockPattern + `$`,
		refuse:  refuseCIDR,
	},
	"zone": {
		Noun: "an availability zone", Want: "the region and a letter, such as ap-northeast-1a",
		Pattern: `^[a-z]{2}(-[a-z]+)+-[0-9][a-z]$`,
	},
	"direction": {Noun: "a direction", Want: "ingress or egress", OneOf: []string{"ingress", "egress"}},
	"protocol":  {Noun: "a protocol", Want: "tcp or udp", OneOf: []string{"tcp", "udp"}},
	"ports": {
		Noun: "a port", Want: `"443", a range such as "8445-8451", or all`,
		Pattern: `^(all|[0-9]{1,5}(-[0-9]{1,5})?)$`,
		refuse:  func(text string) string { _, refusal := parsePorts(text); return refusal },
	},
	"peer": {
		Noun: "a peer", Want: "self, workspace, vpc or an IPv4 block such as 10.0.0.0/22",
		Pattern: `^(self|workspace|vpc|` + blockPattern + `)$`,
		refuse: func(text string) string {
			if text == "self" || text == "workspace" || text == "vpc" {
				return ""
			}
			return refuseCIDR(text)
		},
	},
}

const (
	blockPattern = `[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}`
	groupText    = `^[a-zA-Z0-9._:/()#,@\[\]+=&;{}!$*-]([a-zA-Z0-9 ._:/()#,@\[\]+=&;{}!$*-]*[a-zA-Z0-9._:/()#,@\[\]+=&;{}!$*-])?$`
)

// LookupFormat returns the format of that name.
func LookupFormat(name string) (Format, bool) {
	f, ok := formats[name]
	return f, ok
}

// patterns are compiled by the first spec that is read: few functions read one.
var patterns = sync.OnceValue(func() map[string]*regexp.Regexp {
	compiled := map[string]*regexp.Regexp{}
	for name, f := range formats {
		if f.Pattern != "" {
			compiled[name] = regexp.MustCompile(f.Pattern)
		}
	}
	return compiled
})

// refusal says what is wrong with the text of a field, or nothing.
func refusal(format, text string) string {
	f := formats[format]
	length := utf8.RuneCountInString(text)
	switch {
	case f.OneOf != nil:
		for _, value := range f.OneOf {
			if value == text {
				return ""
			}
		}
		return refuseOther(format, f, text)
	case !patterns()[format].MatchString(text):
		// A block says more than its pattern: see what is wrong with it.
		if f.refuse != nil && strings.ContainsAny(text, "/.:") {
			if reason := f.refuse(text); reason != "" {
				return reason
			}
		}
		return fmt.Sprintf("%s is not %s: want %s", quote(text), f.Noun, f.Want)
	case f.Max > 0 && (length < f.Min || length > f.Max):
		return fmt.Sprintf("%s is %d characters long: want %d to %d", quote(text), length, f.Min, f.Max)
	case f.refuse != nil:
		return f.refuse(text)
	}
	return ""
}

// refuseOther says why a value is not one of those that are allowed.
func refuseOther(format string, f Format, text string) string {
	if format == "region" {
		if r, known := LookupRegion(text); known {
			return fmt.Sprintf("%v; want %s", r.Supported(), f.Want)
		}
	}
	if meant := nearest(text, f.OneOf); meant != "" {
		return fmt.Sprintf("%s is not %s: did you mean %s?", quote(text), f.Noun, meant)
	}
	return fmt.Sprintf("%s is not %s: want %s", quote(text), f.Noun, f.Want)
}

// refuseBucket says what S3 has against a name, or nothing.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func refuseBucket(name string) string {
	for _, prefix := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, prefix) {
			return fmt.Sprintf("%s begins with %s, which S3 keeps to itself: choose another name", quote(name), prefix)
		}
	}
	for _, suffix := range []string{"-s3alias", "--ol-s3", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, suffix) {
			return fmt.Sprintf("%s ends with %s, which S3 keeps to itself: choose another name", quote(name), suffix)
		}
	}
	return ""
}

func refuseGroupName(name string) string {
	switch {
	case strings.HasPrefix(strings.ToLower(name), "sg-"):
		return fmt.Sprintf("%s begins with sg-, as ids do: choose another name, or give the group as id", quote(name))
	case strings.EqualFold(name, "default"):
		return "is the name of the group that every VPC has already: choose another"
	}
	return ""
}

func refuseAlias(alias string) string {
	for _, prefix := range []string{"alias/", "aws/"} {
		if strings.HasPrefix(alias, prefix) {
			return fmt.Sprintf("%s begins with %s, which KMS puts there or keeps to itself: leave it out", quote(alias), prefix)
		}
	}
	return ""
}

// refuseDestination says what is wrong with the block of a route, which may be
// the whole network.
func refuseDestination(text string) string {
	block, err := netip.ParsePrefix(text)
	if err != nil || !block.Addr().Is4() {
		return fmt.Sprintf("%s is not an IPv4 block: want one such as 0.0.0.0/0", quote(text))
	}
	if block != block.Masked() {
		return fmt.Sprintf("%s has bits beyond its prefix: want %s", quote(text), block.Masked())
	}
	return ""
}

func refuseCIDR(text string) string {
	_, refusal := parseCIDR(text)
	return refusal
}

// checkFormats notes every text that does not have the format of its field,
// and every required field that is missing.
func checkFormats(found *findings, v reflect.Value, path string) {
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			f := v.Type().Field(i)
			at := join(path, jsonName(f))
			switch field := v.Field(i); {
			case field.Kind() == reflect.String:
				checkText(found, field.String(), f, at)
			case isTextList(field.Type()):
				for j := range field.Len() {
					checkText(found, field.Index(j).String(), f, item(at, j))
				}
			default:
				checkFormats(found, field, at)
			}
		}
	case reflect.Pointer:
		if v.Elem().Kind() == reflect.Struct {
			checkFormats(found, v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			checkFormats(found, v.Index(i), item(path, i))
		}
	}
}

// isTextList says whether a field is a list of texts, each of which has the
// format of the field's tag.
func isTextList(t reflect.Type) bool {
	return t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String
}

func checkText(found *findings, text string, f reflect.StructField, path string) {
	format := f.Tag.Get("format")
	if text == "" {
		if !strings.Contains(f.Tag.Get("json"), ",omitempty") {
			found.add(path, "is missing: want %s", formats[format].Want)
		}
		return
	}
	if reason := refusal(format, text); reason != "" {
		found.add(path, "%s", reason)
	}
}
