package spec

import (
	"maps"
	"regexp"
	"slices"
	"strings"
)

// What a rule of a security group can say.
const (
	Ingress = "ingress"
	Egress  = "egress"
	// PeerSelf is the group itself.
	PeerSelf = "self"
	// PeerWorkspace is the workspace group.
	PeerWorkspace = "workspace"
	// PeerVPC is the CIDR of the VPC.
	PeerVPC = "vpc"
)

// minObjectName and maxObjectName bound the names of objects in the Databricks
// account.
// https://docs.databricks.com/api/account/networks/create
const (
	minObjectName = 4
	maxObjectName = 256
)

// validation notes what is wrong with a spec.
type validation struct {
	*findings
	// written is the spec as it is in the file, spec with its defaults.
	written, spec *Workspace
}

func validate(found *findings, written, defaulted *Workspace) {
	v := &validation{found, written, defaulted}
	v.head()
	v.region()
	v.accounts()
	v.databricks()
	v.network()
	v.securityGroups()
	v.privateLink()
	v.roleAndBucket()
	v.tags()
}

// required notes a missing value. It reports whether there is one.
func (v *validation) required(path, value, want string) bool {
	if value == "" {
		v.add(path, "is missing: want %s", want)
		return false
	}
	return true
}

var workspaceName = regexp.MustCompile(`^[a-z]([a-z0-9]|-[a-z0-9]){1,31}$`)

func (v *validation) head() {
	w := v.spec
	if v.required("apiVersion", w.APIVersion, APIVersion) && w.APIVersion != APIVersion {
		v.add("apiVersion", "is %s: want %s", quote(w.APIVersion), APIVersion)
	}
	if v.required("kind", w.Kind, Kind) && w.Kind != Kind {
		v.add("kind", "is %s: want %s", quote(w.Kind), Kind)
	}
	name := w.Metadata.Name
	if v.required("metadata.name", name, "a name of 2 to 32 lower-case letters, digits and single hyphens") &&
		(!workspaceName.MatchString(name) || len(name) > 32) {
		v.add("metadata.name", "is %s: want 2 to 32 lower-case letters, digits and single hyphens, beginning with a letter and not ending with a hyphen", quote(name))
	}
	for _, key := range slices.Sorted(maps.Keys(w.Metadata.Annotations)) {
		path := entry("metadata.annotations", key)
		if len(key) > 253 {
			v.add(path, "has a key of %d characters: want at most 253", len(key))
		}
		if n := len(w.Metadata.Annotations[key]); n > 4096 {
			v.add(path, "has %d characters: want at most 4096", n)
		}
	}
}

func (v *validation) region() {
	name := v.spec.Spec.Region
	if !v.required("spec.region", name, "an AWS region such as eu-west-1") {
		return
	}
	r, ok := LookupRegion(name)
	if !ok {
		if meant := nearest(name, RegionNames()); meant != "" {
			v.add("spec.region", "is %s, which Databricks does not know: did you mean %s?", quote(name), meant)
			return
		}
		v.add("spec.region", "is %s, which Databricks does not know: want %s", quote(name), choice(RegionNames()))
		return
	}
	if err := r.Supported(); err != nil {
		v.add("spec.region", "cannot be used: %v", err)
	}
}

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	uuid      = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

func (v *validation) accounts() {
	aws, databricks := v.spec.Spec.AWS.AccountID, v.spec.Spec.Databricks.AccountID
	if v.required("spec.aws.accountId", aws, `the id of the AWS account, 12 digits in quotes`) && !accountID.MatchString(aws) {
		v.add("spec.aws.accountId", "is %s: want 12 digits in quotes", quote(aws))
	}
	if v.required("spec.databricks.accountId", databricks, "the id of the Databricks account, a UUID that the account console shows") && !uuid.MatchString(databricks) {
		v.add("spec.databricks.accountId", "is %s: want a UUID in lower case such as 7f3c2a10-5b8e-4d2f-9a61-0c4e8b7d2f35", quote(databricks))
	}
}

var deploymentName = regexp.MustCompile(`^([a-z0-9]|[a-z0-9][a-z0-9-]*[a-z0-9])$`)

func (v *validation) databricks() {
	d := v.spec.Spec.Databricks
	v.length("spec.databricks.workspaceName", d.WorkspaceName, 1, 100)
	if d.DeploymentName != "" && d.DeploymentName != "EMPTY" && (!deploymentName.MatchString(d.DeploymentName) || len(d.DeploymentName) > 64) {
		v.add("spec.databricks.deploymentName", "is %s: want at most 64 lower-case letters, digits and hyphens, beginning and ending with a letter or digit", quote(d.DeploymentName))
	}
	v.length("spec.databricks.credentialsName", d.CredentialsName, minObjectName, maxObjectName)
	v.length("spec.databricks.storageName", d.StorageName, minObjectName, maxObjectName)
	v.length("spec.databricks.networkName", d.NetworkName, minObjectName, maxObjectName)
}

// length checks the number of characters of a text.
func (v *validation) length(path, text string, least, most int) {
	if n := len([]rune(text)); text != "" && (n < least || n > most) {
		v.add(path, "has %d characters: want %d to %d", n, least, most)
	}
}

// pattern checks a text that may be absent.
func (v *validation) pattern(path, text string, allowed *regexp.Regexp, want string) bool {
	if text == "" || allowed.MatchString(text) {
		return true
	}
	v.add(path, "is %s: want %s", quote(text), want)
	return false
}

// id checks the form of an id of EC2.
func (v *validation) id(path, id, prefix string) {
	v.pattern(path, id, regexp.MustCompile(`^`+prefix+`-([0-9a-f]{8}|[0-9a-f]{17})$`), "an id such as "+prefix+"-0123456789abcdef0")
}

// alone refuses what is written beside an id: it is read from AWS.
func (v *validation) alone(path, id string, beside map[string]bool) {
	if id == "" {
		return
	}
	for _, key := range slices.Sorted(maps.Keys(beside)) {
		if beside[key] {
			v.add(join(path, key), "stands beside an id or ARN: with one the rest is read from AWS, so remove %s, or remove the other one to create a new one", key)
		}
	}
}

// tagText is what AWS allows in names that are tags.
// https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

// nameTag checks a name that becomes the tag Name.
func (v *validation) nameTag(path, name string) {
	v.length(path, name, 1, 255)
	v.pattern(path, name, tagText, "letters, digits, spaces and _.:/=+-@")
}

func (v *validation) privateLink() {
	p := v.spec.Spec.PrivateLink
	for _, e := range []struct {
		path     string
		endpoint DatabricksEndpoint
		written  DatabricksEndpoint
	}{
		{"spec.privateLink.workspaceEndpoint", p.WorkspaceEndpoint, v.written.Spec.PrivateLink.WorkspaceEndpoint},
		{"spec.privateLink.relayEndpoint", p.RelayEndpoint, v.written.Spec.PrivateLink.RelayEndpoint},
	} {
		v.id(e.path+".id", e.endpoint.ID, "vpce")
		v.alone(e.path, e.endpoint.ID, map[string]bool{"name": e.written.Name != ""})
		v.needsVPC(e.path+".id", e.endpoint.ID)
		v.nameTag(e.path+".name", e.endpoint.Name)
		v.length(e.path+".registrationName", e.endpoint.RegistrationName, minObjectName, maxObjectName)
		v.service(e.path+".service", e.endpoint.Service)
	}
	v.distinct("spec.privateLink.relayEndpoint.id", p.RelayEndpoint.ID, "spec.privateLink.workspaceEndpoint.id", p.WorkspaceEndpoint.ID)
	v.distinct("spec.privateLink.relayEndpoint.service", p.RelayEndpoint.Service, "spec.privateLink.workspaceEndpoint.service", p.WorkspaceEndpoint.Service)
	v.distinct("spec.privateLink.relayEndpoint.registrationName", p.RelayEndpoint.RegistrationName,
		"spec.privateLink.workspaceEndpoint.registrationName", p.WorkspaceEndpoint.RegistrationName)
	const settings = "spec.privateLink.privateAccessSettings"
	s := p.PrivateAccessSettings
	v.pattern(settings+".id", s.ID, uuid, "a UUID in lower case")
	v.alone(settings, s.ID, map[string]bool{"name": v.written.Spec.PrivateLink.PrivateAccessSettings.Name != ""})
	v.length(settings+".name", s.Name, minObjectName, maxObjectName)
	if s.PublicAccess != nil && !*s.PublicAccess {
		v.add(settings+".publicAccess", "is false: nobody could reach the workspace, neither its users nor the functions that check it, since it has no front-end endpoint; want true")
	}
}

var endpointService = regexp.MustCompile(`^com\.amazonaws\.vpce\.([a-z0-9-]+)\.vpce-svc-([0-9a-f]{8}|[0-9a-f]{17})$`)

// service checks the name of an endpoint service and its region.
func (v *validation) service(path, name string) {
	if !v.pattern(path, name, endpointService, "a name such as com.amazonaws.vpce.eu-west-1.vpce-svc-0123456789abcdef0") || name == "" {
		return
	}
	if region := endpointService.FindStringSubmatch(name)[1]; region != v.spec.Spec.Region {
		v.add(path, "is a service in %s: want one in %s, the region of the workspace", region, v.spec.Spec.Region)
	}
}

// distinct notes two fields that must differ but do not.
func (v *validation) distinct(path, value, otherPath, other string) {
	if value != "" && value == other {
		v.add(path, "is %s, which is also %s: want two different ones", quote(value), otherPath)
	}
}

var (
	roleARN    = regexp.MustCompile(`^arn:aws:iam::([0-9]{12}):role/[\w+=,.@/-]{1,512}$`)
	roleName   = regexp.MustCompile(`^[\w+=,.@-]{1,64}$`)
	bucketARN  = regexp.MustCompile(`^arn:aws:s3:::(.+)$`)
	bucketName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$`)
)

func (v *validation) roleAndBucket() {
	role, bucket := v.spec.Spec.CrossAccountRole, v.spec.Spec.RootBucket
	const rolePath, bucketPath = "spec.crossAccountRole", "spec.rootBucket"
	if v.pattern(rolePath+".arn", role.ARN, roleARN, "an ARN such as arn:aws:iam::123456789012:role/databricks") && role.ARN != "" {
		if account := roleARN.FindStringSubmatch(role.ARN)[1]; account != v.spec.Spec.AWS.AccountID {
			v.add(rolePath+".arn", "is a role of account %s: want one of %s, the account of the workspace", account, quote(v.spec.Spec.AWS.AccountID))
		}
	}
	v.alone(rolePath, role.ARN, map[string]bool{"name": v.written.Spec.CrossAccountRole.Name != ""})
	if v.written.Spec.CrossAccountRole.Name != "" || v.sound("metadata.name") {
		v.pattern(rolePath+".name", role.Name, roleName, "1 to 64 letters, digits and _+=,.@-")
	}
	if v.pattern(bucketPath+".arn", bucket.ARN, bucketARN, "an ARN such as arn:aws:s3:::my-bucket") && bucket.ARN != "" {
		v.bucketName(bucketPath+".arn", bucketARN.FindStringSubmatch(bucket.ARN)[1])
	}
	v.alone(bucketPath, bucket.ARN, map[string]bool{"name": v.written.Spec.RootBucket.Name != ""})
	if bucket.Name != "" && (v.written.Spec.RootBucket.Name != "" || v.sound("metadata.name") && v.sound("spec.aws.accountId")) {
		v.bucketName(bucketPath+".name", bucket.Name)
	}
}

// bucketName checks a name by the rules of S3, without dots: TLS certificates
// do not match names that have them.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
func (v *validation) bucketName(path, name string) {
	if !bucketName.MatchString(name) {
		v.add(path, "is the bucket name %s: want 3 to 63 lower-case letters, digits and hyphens, beginning and ending with a letter or digit", quote(name))
		return
	}
	for _, prefix := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, prefix) {
			v.add(path, "is the bucket name %s: S3 keeps names that begin with %s for itself", quote(name), prefix)
		}
	}
	for _, suffix := range []string{"-s3alias", "--ol-s3", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, suffix) {
			v.add(path, "is the bucket name %s: S3 keeps names that end with %s for itself", quote(name), suffix)
		}
	}
}

// maxTags leaves room for the tags that are set here.
const maxTags = 40

func (v *validation) tags() {
	tags := v.spec.Spec.Tags
	if len(tags) > maxTags {
		v.add("spec.tags", "has %d tags: want at most %d", len(tags), maxTags)
	}
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		path := entry("spec.tags", key)
		switch lower := strings.ToLower(key); {
		case key == "":
			v.add(path, "has an empty key: want a name")
		case strings.HasPrefix(lower, "aws:"):
			v.add(path, "begins with aws:, which AWS keeps for itself: want another key")
		case strings.HasPrefix(lower, "lakegate:"), key == "Name", key == "Vendor":
			v.add(path, "is a tag that is set for you: want another key")
		}
		if n := len([]rune(key)); n > 127 {
			v.add(path, "has a key of %d characters: want at most 127", n)
		}
		v.pattern(path, key, tagText, "a key of letters, digits, spaces and _.:/=+-@")
		value := tags[key]
		if n := len([]rune(value)); n > 255 {
			v.add(path, "has a value of %d characters: want at most 255", n)
		}
		v.pattern(path, value, tagText, "a value of letters, digits, spaces and _.:/=+-@")
	}
}
