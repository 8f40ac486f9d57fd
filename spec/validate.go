package spec

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Load reads a spec, fills in what it leaves out, and checks it. The error is
// Errors and says all that is wrong, in the order of the file. What only AWS or
// Databricks can tell, such as whether an id exists, is not checked.
func Load(file string, data []byte) (*Workspace, error) {
	found := newFindings(file)
	w := decode(found, data)
	if w == nil {
		return nil, found.err()
	}
	if err := otherContract(found, w); err != nil {
		return nil, err
	}
	checkFormats(found, reflect.ValueOf(*w), "")
	w.Default()
	checker{found, w}.check()
	if err := found.err(); err != nil {
		return nil, err
	}
	return w, nil
}

// CheckFileName returns an error unless the file has the name of the workspace
// in it: what is in a folder is then known from the names of its files, and no
// two files claim the same workspace.
func CheckFileName(file, name string) error {
	base := filepath.Base(file)
	if base == name+".yaml" || base == name+".yml" {
		return nil
	}
	return fmt.Errorf("%s holds the workspace %s: call the file %s.yaml, or change metadata.name", file, quote(name), name)
}

// otherContract returns the only error worth reporting about a document that
// says of itself that it is something else.
func otherContract(found *findings, w *Workspace) error {
	header := newFindings(found.file)
	header.places = found.places
	for path, field := range map[string]string{"apiVersion": w.APIVersion, "kind": w.Kind} {
		if reason := refusal(path, field); field != "" && reason != "" {
			header.add(path, "%s", reason)
		}
	}
	return header.err()
}

// checker checks the rules that concern more than the format of one field, on
// a spec that has its defaults.
type checker struct {
	*findings
	*Workspace
}

func (c checker) check() {
	c.checkSize()
	c.checkAnnotations()
	c.checkTags()
	c.checkOwners()
	c.checkNetwork()
	c.checkSecurityGroups()
	c.checkPrivateLink()
	c.checkMetastore()
	c.checkEgress()
	c.checkEncryption()
	c.checkDeletion()
}

// maxEncoded bounds a spec with its defaults, in bytes of JSON. Every branch of a
// state machine returns the document with the spec in it, and all branches of a
// state together may be 256 KiB.
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
const maxEncoded = 18 << 10

func (c checker) checkSize() {
	text, err := json.Marshal(c.Spec)
	if err != nil {
		panic(fmt.Sprintf("spec: encoding a workspace: %v", err))
	}
	if n := len(text); n > maxEncoded {
		c.add("spec", "is too long: with its defaults it takes %d bytes, and at most %d can be carried from step to step; shorten lists and tags", n, maxEncoded)
	}
}

const (
	maxAnnotations     = 50
	maxAnnotationValue = 4096
)

var annotationKey = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9._/-]{0,126}[A-Za-z0-9])?$`)

func (c checker) checkAnnotations() {
	const path = "metadata.annotations"
	if n := len(c.Metadata.Annotations); n > maxAnnotations {
		c.add(path, "has %d entries: want at most %d", n, maxAnnotations)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Metadata.Annotations)) {
		if !annotationKey.MatchString(key) {
			c.add(entry(path, key), "is not an annotation key: want up to 128 letters, digits and . _ / -, with a letter or digit at both ends")
		}
		if n := len(c.Metadata.Annotations[key]); n > maxAnnotationValue {
			c.add(entry(path, key), "has %d bytes: want at most %d", n, maxAnnotationValue)
		}
	}
	if adopt, ok := c.Metadata.Annotations[AdoptAnnotation]; ok && adopt != "true" && adopt != "false" {
		c.add(entry(path, AdoptAnnotation), `is %q: want "true" or "false", in quotes`, adopt)
	}
	if value, ok := c.Metadata.Annotations[Protected]; ok && value != "true" && value != "false" {
		c.add(entry(path, Protected), "is %s: want \"true\" or \"false\", in quotes", quote(value))
	}
}

// checkDeletion refuses to force what would not happen.
func (c checker) checkDeletion() {
	const path = "spec.bucketDeletion"
	switch {
	case c.Spec.BucketDeletion != Force:
	case c.Spec.DeletionPolicy == Retain:
		c.add(path, "is Force, but deletionPolicy is Retain, which deletes nothing: write deletionPolicy: Delete, or remove bucketDeletion")
	case c.Spec.RootBucket.ARN != "":
		c.add(path, "is Force, but the bucket is given by ARN, and what is given is never deleted: remove bucketDeletion")
	}
}

const (
	// AWS allows 50 tags on an object; the rest is for this project's own and
	// for those that Databricks puts on compute.
	maxTags = 40
	// Route 53 takes ten for a hosted zone, and four are Lakegate's.
	// https://docs.aws.amazon.com/Route53/latest/APIReference/API_ChangeTagsForResource.html
	maxZoneTags = 6
	// Databricks has the tighter limits of the two.
	maxTagKey   = 127
	maxTagValue = 255
)

var tagText = regexp.MustCompile(`^[\p{L}\p{N} _.:/=+@-]*$`)

func (c checker) checkTags() {
	const path = "spec.tags"
	if n := len(c.Spec.Tags); n > maxTags {
		c.add(path, "has %d tags: want at most %d, which leaves room for the tags of AWS and Databricks", n, maxTags)
	} else if f := c.Spec.PrivateLink.FrontEnd; n > maxZoneTags && f != nil && f.HostedZone == "" {
		c.add(path, "has %d tags: want at most %d, which the hosted zones of the front end can take beside those of Lakegate; or give %s.hostedZone", n, maxZoneTags, frontEndPath)
	}
	folded := map[string]string{}
	for _, key := range slices.Sorted(maps.Keys(c.Spec.Tags)) {
		at, value := entry(path, key), c.Spec.Tags[key]
		if reason := refuseTagKey(key); reason != "" {
			c.add(at, "%s", reason)
		}
		if n := utf8.RuneCountInString(value); n > maxTagValue {
			c.add(at, "has a value of %d characters: want at most %d", n, maxTagValue)
		} else if !tagText.MatchString(value) {
			c.add(at, "has the value %s: want letters, digits, spaces and _.:/=+-@", quote(value))
		}
		// https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html
		if other, taken := folded[strings.ToLower(key)]; taken {
			c.add(at, "differs from %s in case only, which IAM does not tell apart: remove one", quote(other))
		}
		folded[strings.ToLower(key)] = key
	}
}

func refuseTagKey(key string) string {
	n := utf8.RuneCountInString(key)
	switch {
	case n == 0 || n > maxTagKey:
		return fmt.Sprintf("has a key of %d characters: want 1 to %d", n, maxTagKey)
	case !tagText.MatchString(key) || strings.TrimSpace(key) != key:
		return "is not a tag key: want letters, digits, inner spaces and _.:/=+-@"
	case strings.HasPrefix(strings.ToLower(key), "aws:"):
		return "begins with aws:, which AWS keeps to itself: choose another key"
	case strings.HasPrefix(strings.ToLower(key), "lakegate:"):
		return "begins with lakegate:, which marks what was created for a workspace: choose another key"
	case key == "Name":
		return "is set from the name of each object: remove the tag, and name the objects"
	case key == "Vendor":
		return "is set by Databricks on compute: choose another key"
	}
	return ""
}

// checkOwners checks the roles and the bucket.
func (c checker) checkOwners() {
	const assumed = "spec.aws.roleArn"
	c.sameAccount(assumed, c.Spec.AWS.RoleARN, "a role")
	if arn := c.Spec.AWS.RoleARN; arn != "" && arn == c.Spec.CrossAccountRole.ARN {
		c.add(assumed, "is also spec.crossAccountRole.arn, the role that Databricks assumes: want a role that Lakegate alone assumes")
	}
	c.exclusive("spec.crossAccountRole", "arn", "name")
	c.exclusive("spec.rootBucket", "arn", "name")

	c.sameAccount("spec.crossAccountRole.arn", c.Spec.CrossAccountRole.ARN, "a role")
}

// exclusive notes keys that are given beside an id or ARN: they would be
// ignored, or contradict what exists.
func (c checker) exclusive(path, id string, others ...string) {
	if !c.given(join(path, id)) {
		return
	}
	for _, key := range others {
		if c.given(join(path, key)) {
			c.add(join(path, key), "is given beside %s: what exists is taken as it is, so remove %s, or remove %s to have one created", id, key, id)
		}
	}
}
