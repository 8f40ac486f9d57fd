package emulator_test

import (
	"slices"
	"strings"
	"testing"

	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/plan"
)

// iamAction is the action that IAM checks for an API call, where the names
// differ.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
var iamAction = map[string]string{
	"s3:HeadBucket":           "s3:ListBucket",
	"s3:HeadObject":           "s3:GetObject",
	"s3:GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
	"s3:PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
	"s3:ListObjectVersions":   "s3:ListBucketVersions",
	// Of a version; without one it is s3:DeleteObject.
	"s3:DeleteObjects": "s3:DeleteObjectVersion",
}

// Whatever a function calls, its role allows: in a first run, in one without
// change, in one that is refused, and in one whose world has to be mended.
func TestRolesAllowWhatIsCalled(t *testing.T) {
	t.Parallel()
	allowed := map[string][]string{}
	for _, s := range plan.Steps() {
		allowed[s.Name] = actions(append(plan.Common(), s.Allow...))
	}
	for _, f := range plan.Functions() {
		allowed[f.Name] = actions(f.Allow)
	}
	s := newScene(t)
	s.push(s.text)
	s.mustBeReady()
	s.push(s.text)
	s.mustBeReady()
	s.push([]byte("nonsense"))
	s.Databricks.FailWorkspace(s.spec.Spec.Databricks.WorkspaceName, "no room")
	s.push(s.text)
	c := cloneOf(t, s.World, s.SourceRepository)
	c.push("Add", map[string][]byte{"workspaces/tokyo.yaml": s.text})
	s.settle()
	// A front end, keys and endpoint policies, with functions in a VPC.
	closed := newSceneOf(t, withPolicy(example(t, "locked-down"), deletion, "bucketDeletion: Force"))
	if err := closed.Provide(t.Context(), closed.spec); err != nil {
		t.Fatal(err)
	}
	closed.propose(closed.text)
	closed.push(closed.text)
	closed.propose(closed.text)
	closed.mustBeReady()
	// Tags that come and go, on everything that can be ours.
	tagged := append(slices.Clone(s.text), "  tags: {team: data}\n"...)
	s.push(tagged)
	s.mustBeReady()
	s.push(s.text)
	s.mustBeReady()
	closed.push([]byte(strings.Replace(string(closed.text), "  tags:", "  tags:\n    owner: ada", 1)))
	closed.mustBeReady()
	closed.push(closed.text)
	closed.mustBeReady()
	// What a network team gives.
	given := newSceneOf(t, example(t, "existing-vpc"))
	if err := given.Provide(t.Context(), given.spec); err != nil {
		t.Fatal(err)
	}
	given.push(given.text)
	given.mustBeReady()
	// And all of it is taken down, with what people and Databricks left there.
	closed.litter()
	closed.remove()
	closed.mustBeRetired()
	var missing []string
	called := map[string]bool{}
	for _, c := range slices.Concat(s.Hub.Calls(), closed.Hub.Calls(), given.Hub.Calls()) {
		name, ok := callOf(c)
		if !ok || allowed[c.Caller] == nil {
			continue
		}
		called[c.Caller] = true
		if !slices.Contains(allowed[c.Caller], name) && !slices.Contains(missing, c.Caller+" "+name) {
			missing = append(missing, c.Caller+" "+name)
		}
	}
	if len(missing) > 0 {
		t.Errorf("roles lack:\n%s", strings.Join(missing, "\n"))
	}
	for name := range allowed {
		if !called[name] {
			t.Errorf("%s called nothing", name)
		}
	}
}

// callOf names a call as IAM does; what is no call to AWS has no name.
func callOf(c wire.Record) (string, bool) {
	switch c.Service {
	case "databricks", "lambda":
		return "", false
	}
	name := c.Service + ":" + c.Action
	if other, ok := iamAction[name]; ok {
		name = other
	}
	return name, true
}

func actions(permissions []plan.Permission) []string {
	var all []string
	for _, p := range permissions {
		all = append(all, p.Actions...)
	}
	return all
}
