package step_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/plan"
)

// edit changes the document of a run behind its back, as a further execution of
// a spec that has been edited would have it.
func (r *run) edit(change func(*document.Document)) {
	r.t.Helper()
	text, err := json.Marshal(r.doc)
	if err != nil {
		r.t.Fatal(err)
	}
	doc, err := document.Decode(text)
	if err != nil {
		r.t.Fatal(err)
	}
	change(doc)
	for key, value := range map[string]any{"spec": doc.Spec, "adopt": doc.Adopt, "lease": doc.Lease} {
		if r.doc[key], err = json.Marshal(value); err != nil {
			r.t.Fatal(err)
		}
	}
}

// tags gives the spec tags, as of an execution that has noted these and all
// that were written before.
func (r *run) tags(tags map[string]string) {
	r.edit(func(doc *document.Document) {
		doc.Spec.Tags = tags
		doc.Lease.TagKeys = slices.Compact(slices.Sorted(slices.Values(slices.AppendSeq(doc.Lease.TagKeys, maps.Keys(tags)))))
	})
}

// tagged lists all that has tags in EC2.
func (r *run) tagged() map[string]map[string]string {
	all := map[string]map[string]string{}
	e := r.world.EC2
	for _, x := range e.VPCs(tokyoRegion) {
		all[x.ID] = x.Tags
	}
	for _, x := range e.Subnets(tokyoRegion) {
		all[x.ID] = x.Tags
	}
	for _, x := range e.SecurityGroups(tokyoRegion) {
		all[x.ID] = x.Tags
	}
	for _, x := range e.RouteTables(tokyoRegion) {
		all[x.ID] = x.Tags
	}
	for _, x := range e.Endpoints(tokyoRegion) {
		all[x.ID] = x.Tags
	}
	return all
}

// disown takes our marks off everything, as if somebody had made it by hand.
func (r *run) disown() {
	r.t.Helper()
	ctx := r.t.Context()
	marks := []string{plan.TagWorkspace, plan.TagManaged, plan.TagObject}
	var drop []types.Tag
	for _, key := range marks {
		drop = append(drop, types.Tag{Key: aws.String(key)})
	}
	for id := range r.tagged() {
		must(r.ec2().DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: []string{id}, Tags: drop}))
	}
	roles := iam.NewFromConfig(r.author("us-east-1"))
	for _, role := range r.world.IAM.Roles() {
		must(roles.UntagRole(ctx, &iam.UntagRoleInput{RoleName: aws.String(role.Name), TagKeys: marks}))
		if found, err := roles.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: aws.String(role.Name)}); err == nil {
			for _, p := range found.InstanceProfiles {
				must(roles.UntagInstanceProfile(ctx, &iam.UntagInstanceProfileInput{InstanceProfileName: p.InstanceProfileName, TagKeys: marks}))
			}
		}
	}
	keys := kms.NewFromConfig(r.author(tokyoRegion))
	for _, k := range r.world.KMS.Keys(tokyoRegion) {
		must(keys.UntagResource(ctx, &kms.UntagResourceInput{KeyId: aws.String(k.ARN), TagKeys: marks}))
	}
	buckets := s3.NewFromConfig(r.author(tokyoRegion), func(o *s3.Options) { o.UsePathStyle = true })
	for _, b := range r.world.S3.Buckets() {
		if b.Tags[plan.TagManaged] != "" {
			must(buckets.DeleteBucketTagging(ctx, &s3.DeleteBucketTaggingInput{Bucket: aws.String(b.Name)}))
		}
	}
}

// owners are the steps that make objects of AWS which have tags.
func owners() []string {
	var names []string
	for _, s := range plan.Workspace().Steps() {
		if strings.HasPrefix(s.Name, "Ensure") && s.Name != "EnsurePrivateAccessSettings" {
			names = append(names, s.Name)
		}
	}
	return names
}

// done is a run of an example in which a step has done its work.
func done(t *testing.T, step string) *run {
	t.Helper()
	r := newRunFor(t, step)
	r.upTo(step)
	if err := r.persist(step); err != nil {
		t.Fatal(err)
	}
	return r
}

// everything is all that exists, with all tags.
func (r *run) everything() []string {
	all := r.world.Inventory()
	// Ids differ between worlds, names do not.
	var tags []string
	for _, x := range r.tagged() {
		tags = append(tags, fmt.Sprint(x))
	}
	slices.Sort(tags)
	return append(all, tags...)
}

// converges checks the contract of a step that has something to change: with
// any call that changes something refused, throttled or answered by nothing, it
// ends with the same world, and run again it changes nothing.
func converges(t *testing.T, step string, prepare func(*testing.T) *run, calls ...string) {
	t.Helper()
	base := prepare(t)
	base.does(step, "Updated", calls...)
	want := base.everything()
	before := len(base.world.Hub.Calls())
	if err := base.persist(step); err != nil {
		t.Fatal(err)
	}
	if again := mutating(base.world.Hub.Calls()[before:], step); len(again) > 0 {
		t.Errorf("the second run made %v", again)
	}
	if got := base.outcome(step); got != "Found" && got != "Given" {
		t.Errorf("the second run ends as %s", got)
	}
	seen := map[string]int{}
	for i, call := range calls {
		service, action, _ := strings.Cut(call, ":")
		earlier := seen[call]
		seen[call]++
		for _, kind := range []wire.FaultKind{wire.Refuse, wire.Throttle, wire.LoseReply} {
			t.Run(fmt.Sprintf("%s/%d-%s", kind, i, action), func(t *testing.T) {
				t.Parallel()
				r := prepare(t)
				fault := &wire.Fault{Kind: kind, Caller: step, Service: service, Action: action, After: earlier}
				r.world.Hub.Inject(fault)
				if err := r.persist(step); err != nil {
					c, m := class(err)
					t.Fatalf("a fault that passes ended as %s: %s", c, m)
				}
				if r.world.Hub.Struck(fault) == 0 {
					t.Fatal("the fault did not strike")
				}
				same(t, "the world", want, r.everything())
			})
		}
	}
}

// Tags of the author follow the spec on all that is ours, and those of others
// stay.
func TestTagsFollowTheSpec(t *testing.T) {
	t.Parallel()
	calls := map[string][]string{
		"EnsureSubnets":             repeat(3, "ec2:DeleteTags", "ec2:CreateTags"),
		"EnsureSecurityGroups":      repeat(2, "ec2:DeleteTags", "ec2:CreateTags"),
		"EnsureGlueInstanceProfile": {"iam:UntagRole", "iam:TagRole", "iam:UntagInstanceProfile", "iam:TagInstanceProfile"},
		"EnsureCrossAccountRole":    {"iam:UntagRole", "iam:TagRole"},
		"EnsureCustomerManagedKeys": repeat(2, "kms:UntagResource", "kms:TagResource"),
		"EnsureRootBucket":          {"s3:PutBucketTagging"},
		"EnsureFrontEndDns":         repeat(2, "route53:ChangeTagsForResource"),
	}
	for _, step := range owners() {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			wanted := calls[step]
			if wanted == nil {
				wanted = []string{"ec2:DeleteTags", "ec2:CreateTags"}
			}
			converges(t, step, func(t *testing.T) *run {
				r := newRunFor(t, step)
				r.upTo(step)
				r.tags(map[string]string{"team": "data", "cost-center": "4711"})
				if err := r.persist(step); err != nil {
					t.Fatal(err)
				}
				// One more, one with another value, one less.
				r.tags(map[string]string{"team": "platform", "owner": "ada"})
				return r
			}, wanted...)
		})
	}
	t.Run("those of others stay", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		id := r.id("EnsureVpc")
		must(r.ec2().CreateTags(t.Context(), &ec2.CreateTagsInput{Resources: []string{id}, Tags: []types.Tag{
			{Key: aws.String("scanner"), Value: aws.String("x")}, {Key: aws.String("Vendor"), Value: aws.String("Databricks")},
		}}))
		r.revise("EnsureVpc", `tags: {team: data, cost-center: "4711"}`, "tags: {team: platform}")
		r.does("EnsureVpc", "Updated", "ec2:DeleteTags", "ec2:CreateTags")
		want := owned("vpc", "mito-net")
		maps.Copy(want, map[string]string{"team": "platform", "scanner": "x", "Vendor": "Databricks"})
		delete(want, "cost-center")
		same(t, "tags", want, r.world.EC2.VPCs(tokyoRegion)[0].Tags)
	})
	t.Run("the name too", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		r.revise("EnsureVpc", "vpc: {name: mito-net,", "vpc: {name: mito-web,")
		r.does("EnsureVpc", "Updated", "ec2:CreateTags")
		same(t, "tags", owned("vpc", "mito-web"), r.world.EC2.VPCs(tokyoRegion)[0].Tags)
	})
}

func repeat(n int, calls ...string) []string { return slices.Repeat(calls, n) }

// What has the wanted names but not our marks is refused, and adopted if the
// spec says so.
func TestAdopt(t *testing.T) {
	t.Parallel()
	calls := map[string][]string{
		"EnsureSubnets":             repeat(3, "ec2:CreateTags"),
		"EnsureSecurityGroups":      repeat(2, "ec2:CreateTags"),
		"EnsureGlueInstanceProfile": {"iam:TagRole", "iam:TagInstanceProfile"},
		"EnsureCrossAccountRole":    {"iam:TagRole"},
		"EnsureCustomerManagedKeys": repeat(2, "kms:TagResource"),
		"EnsureRootBucket":          {"s3:PutBucketTagging"},
	}
	for _, step := range owners() {
		if step == "EnsureFrontEndDns" {
			// A zone that is ours is known by the reference it was made with.
			continue
		}
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			r := done(t, step)
			want := r.everything()
			r.disown()
			r.refuses(step, plan.Conflict, "was not made by this workspace", "to use it as it is", `metadata.annotations["lakegate.dev/adopt"]: "true"`)
			wanted := calls[step]
			if wanted == nil {
				wanted = []string{"ec2:CreateTags"}
			}
			converges(t, step, func(t *testing.T) *run {
				r := done(t, step)
				r.disown()
				r.edit(func(doc *document.Document) { doc.Adopt = true })
				return r
			}, wanted...)
			r.edit(func(doc *document.Document) { doc.Adopt = true })
			// The steps before it have lost what is theirs.
			for _, s := range plan.Workspace().Steps() {
				if s.Name == step {
					break
				}
				if slices.Contains(owners(), s.Name) {
					if err := r.persist(s.Name); err != nil {
						t.Fatal(err)
					}
				}
			}
			if err := r.persist(step); err != nil {
				t.Fatal(err)
			}
			same(t, "the world", want, r.everything())
		})
	}
}

func TestAdoptVpc(t *testing.T) {
	t.Parallel()
	named := func(r *run, cidr string, tags map[string]string) string {
		id := r.newVPC(cidr)
		in := &ec2.CreateTagsInput{Resources: []string{id}, Tags: []types.Tag{{Key: aws.String("Name"), Value: aws.String("mito-net")}}}
		for k, v := range tags {
			in.Tags = append(in.Tags, types.Tag{Key: aws.String(k), Value: aws.String(v)})
		}
		must(r.ec2().CreateTags(t.Context(), in))
		return id
	}
	adopt := func(r *run) { r.edit(func(doc *document.Document) { doc.Adopt = true }) }

	t.Run("only what fits", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureVpc")
		id := named(r, "10.8.0.0/22", nil)
		adopt(r)
		r.refuses("EnsureVpc", plan.Conflict, id, "10.8.0.0/22", "10.0.0.0/22", "spec.network.vpc.cidr")
	})
	t.Run("several", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureVpc")
		one, two := named(r, "10.0.0.0/22", nil), named(r, "10.0.0.0/22", nil)
		adopt(r)
		r.refuses("EnsureVpc", plan.Conflict, one, two, "could be adopted", "spec.network.vpc.id")
	})
	t.Run("not what another workspace uses", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureVpc")
		id := named(r, "10.0.0.0/22", map[string]string{plan.TagShared + "nara": plan.Used})
		adopt(r)
		r.refuses("EnsureVpc", plan.Conflict, id, "workspace nara uses", "spec.network.vpc.id")
	})
	t.Run("what another workspace owns is passed over", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureVpc")
		id := named(r, "10.0.0.0/22", map[string]string{plan.TagWorkspace: "nara", plan.TagManaged: plan.Owned, plan.TagObject: "vpc"})
		adopt(r)
		r.does("EnsureVpc", "Created", "ec2:CreateVpc", "ec2:ModifyVpcAttribute")
		if r.id("EnsureVpc") == id {
			t.Error("took it")
		}
	})
	t.Run("converged", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureVpc")
		id := named(r, "10.0.0.0/22", map[string]string{"theirs": "stays"})
		adopt(r)
		r.does("EnsureVpc", "Updated", "ec2:CreateTags", "ec2:ModifyVpcAttribute")
		same(t, "id", id, r.id("EnsureVpc"))
		want := owned("vpc", "mito-net")
		want["theirs"] = "stays"
		same(t, "tags", want, r.world.EC2.VPCs(tokyoRegion)[0].Tags)
		r.does("EnsureVpc", "Found")
	})
	t.Run("a role of another workspace is not", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterCredentials")
		must(iam.NewFromConfig(r.author("us-east-1")).TagRole(t.Context(), &iam.TagRoleInput{
			RoleName: aws.String("lakegate-mito-hands"), Tags: []iamtypes.Tag{{Key: aws.String(plan.TagWorkspace), Value: aws.String("nara")}},
		}))
		adopt(r)
		r.refuses("EnsureCrossAccountRole", plan.Conflict, "lakegate-mito-hands", "but by nara", "spec.crossAccountRole.arn")
	})
}

// A network team may keep others from tagging what is theirs.
func TestGivenThatMayNotBeTagged(t *testing.T) {
	t.Parallel()
	r := begin(t)
	id := r.newVPC("10.0.0.0/22")
	r.setDNS(id, true, true)
	r.revise("EnsureVpc", givenVPC, "vpc: {id: "+id+", cidr: 10.0.0.0/22}")
	r.world.Hub.Inject(&wire.Fault{
		Kind: wire.Refuse, Service: "ec2", Action: "CreateTags", Times: -1,
		Error: &wire.Error{Status: 403, Code: "UnauthorizedOperation", Message: "You are not authorized to perform this operation."},
	})
	if err := r.persist("EnsureVpc"); err != nil {
		t.Fatal(err)
	}
	var did document.Outcome
	r.result("EnsureVpc", &did)
	same(t, "outcome", document.Outcome{Outcome: "Given", Reason: "VPC " + id + " does not have the tag lakegate:shared:mito: AccessDenied"}, did)
	same(t, "tags", map[string]string{}, r.world.EC2.VPCs(tokyoRegion)[0].Tags)
}

// live is a run of mito, with some texts replaced, whose workspace runs.
func live(t *testing.T, pairs ...string) *run {
	t.Helper()
	return at(t, "VerifyWorkspace", pairs...)
}

// goesOn makes the run go on with mito with some texts replaced, and does steps
// again.
func (r *run) goesOn(steps []string, pairs ...string) {
	r.t.Helper()
	r.wants(pairs...)
	r.doc["spec"] = r.spec
	for _, step := range steps {
		if err := r.persist(step); err != nil {
			r.t.Fatalf("%s: %v", step, err)
		}
	}
}

// inDatabricks is the workspace as the account API has it.
func (r *run) inDatabricks() provisioning.Workspace {
	r.t.Helper()
	all, err := r.console().Workspaces.List(r.t.Context())
	if err != nil || len(all) != 1 {
		r.t.Fatalf("there are %d workspaces: %v", len(all), err)
	}
	return all[0]
}

func TestChangeWorkspace(t *testing.T) {
	t.Parallel()
	const step = "CreateWorkspace"

	t.Run("tags", func(t *testing.T) {
		t.Parallel()
		converges(t, step, func(t *testing.T) *run {
			r := live(t)
			r.tags(map[string]string{"team": "platform", "owner": "ada"})
			return r
		}, "databricks:UpdateWorkspace")
		r := live(t)
		r.tags(map[string]string{"team": "platform", "owner": "ada"})
		r.does(step, "Updated", "databricks:UpdateWorkspace")
		same(t, "tags", map[string]string{"team": "platform", "owner": "ada"}, r.inDatabricks().CustomTags)
	})

	t.Run("the last tags stay, and that is said", func(t *testing.T) {
		t.Parallel()
		r := live(t)
		r.tags(nil)
		r.does(step, "Found")
		var did document.Outcome
		r.result(step, &did)
		contains(t, did.Reason, "does not remove the last tags", "cost-center, team")
	})

	encrypted := []string{"  tags: {team", "  encryption: {managedServicesKey: {}, storageKey: {}}\n  tags: {team"}
	keys := []string{"EnsureCustomerManagedKeys", "RegisterCustomerManagedKeys"}
	t.Run("keys are added", func(t *testing.T) {
		t.Parallel()
		converges(t, step, func(t *testing.T) *run {
			r := live(t)
			r.goesOn(keys, encrypted...)
			return r
		}, "databricks:UpdateWorkspace")
	})

	t.Run("keys are not removed", func(t *testing.T) {
		t.Parallel()
		r := live(t, encrypted...)
		r.goesOn(keys)
		r.refuses(step, plan.Conflict, "key for managed services", "the spec wants none", "spec.encryption.managedServicesKey")
	})

	t.Run("another deployment name", func(t *testing.T) {
		t.Parallel()
		r := live(t)
		r.edit(func(doc *document.Document) { doc.Spec.Databricks.DeploymentName = "other" })
		r.refuses(step, plan.Conflict, "deployment name is dbc-", "the spec wants other", "spec.databricks.deploymentName")
	})

	t.Run("while it is PROVISIONING", func(t *testing.T) {
		t.Parallel()
		r := at(t, "AwaitWorkspace")
		r.tags(map[string]string{"team": "platform"})
		r.refuses(step, plan.NotReady, "PROVISIONING")
	})
}

// A workspace whose spec names another role gets another credential
// configuration, and the former one goes.
func TestRotateCredentials(t *testing.T) {
	t.Parallel()
	const hands, arms = "crossAccountRole: {name: lakegate-mito-hands}", "crossAccountRole: {name: lakegate-mito-arms}"
	other := func(t *testing.T) *run {
		r := live(t)
		r.goesOn([]string{"EnsureCrossAccountRole", "RegisterCredentials"}, hands, arms)
		return r
	}
	t.Run("contract", func(t *testing.T) {
		t.Parallel()
		converges(t, "CreateWorkspace", other, "databricks:UpdateWorkspace", "databricks:DeleteCredentials")
	})
	t.Run("there and back", func(t *testing.T) {
		t.Parallel()
		r := live(t)
		before := r.inDatabricks().CredentialsId
		r.goesOn([]string{"EnsureCrossAccountRole"}, hands, arms)
		// IAM needs a while to spread the role.
		r.pass(time.Minute)
		r.does("RegisterCredentials", "Created", "databricks:CreateCredentials")
		r.does("CreateWorkspace", "Updated", "databricks:UpdateWorkspace", "databricks:DeleteCredentials")
		r.does("RegisterCredentials", "Found")
		same(t, "credentials", r.id("RegisterCredentials"), r.inDatabricks().CredentialsId)
		if name := r.name("RegisterCredentials"); !strings.HasPrefix(name, "mito-") {
			t.Errorf("the configuration is called %s", name)
		}
		r.goesOn([]string{"EnsureCrossAccountRole", "RegisterCredentials", "CreateWorkspace"})
		same(t, "name", "mito", r.name("RegisterCredentials"))
		all, err := r.console().Credentials.List(t.Context())
		if err != nil || len(all) != 1 || all[0].CredentialsId == before {
			t.Errorf("there are %v: %v", all, err)
		}
	})
}

func TestChangePrivateAccessSettings(t *testing.T) {
	t.Parallel()
	const step = "EnsurePrivateAccessSettings"
	closed := func(doc *document.Document) {
		doc.Spec.PrivateLink.PrivateAccessSettings.PublicAccess = aws.Bool(false)
	}
	only := func(doc *document.Document) { doc.Spec.PrivateLink.PrivateAccessSettings.Level = "ENDPOINT" }
	settings := func(r *run) provisioning.PrivateAccessSettings {
		found, err := r.console().PrivateAccessSettings.GetByPrivateAccessSettingsId(r.t.Context(), r.id(step))
		if err != nil {
			r.t.Fatal(err)
		}
		return *found
	}
	for name, change := range map[string]func(*document.Document){"public access": closed, "level": only} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			converges(t, step, func(t *testing.T) *run {
				r := live(t)
				r.edit(change)
				return r
			}, "databricks:ReplacePrivateAccessSettings")
		})
	}
	t.Run("false is sent, and so is who is admitted", func(t *testing.T) {
		t.Parallel()
		r := live(t)
		r.edit(closed)
		r.edit(only)
		r.does(step, "Updated", "databricks:ReplacePrivateAccessSettings")
		got := settings(r)
		same(t, "public access", false, got.PublicAccessEnabled)
		same(t, "level", provisioning.PrivateAccessLevelEndpoint, got.PrivateAccessLevel)
		same(t, "endpoints", []string{r.id("RegisterWorkspaceEndpoint")}, got.AllowedVpcEndpointIds)
		// An endpoint that somebody has admitted is not in the spec.
		got.AllowedVpcEndpointIds = append(got.AllowedVpcEndpointIds, r.id("RegisterRelayEndpoint"))
		got.ForceSendFields = []string{"PublicAccessEnabled"}
		if _, err := r.console().PrivateAccessSettings.Replace(t.Context(), provisioning.ReplacePrivateAccessSettingsRequest{
			PrivateAccessSettingsId: got.PrivateAccessSettingsId, CustomerFacingPrivateAccessSettings: got,
		}); err != nil {
			t.Fatal(err)
		}
		r.does(step, "Updated", "databricks:ReplacePrivateAccessSettings")
		same(t, "endpoints", 1, len(settings(r).AllowedVpcEndpointIds))
	})
	t.Run("another workspace uses them", func(t *testing.T) {
		t.Parallel()
		r := live(t)
		r.edit(closed)
		// The workspace that exists is another one's.
		r.edit(func(doc *document.Document) { doc.Spec.Databricks.WorkspaceName = "nara" })
		r.refuses(step, plan.Conflict, "public access is true, the spec wants false", "mito (", "use them too", "privateAccessSettings.name")
	})
	t.Run("adopted before the workspace exists", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterNetwork")
		r.edit(closed)
		r.refuses(step, plan.Conflict, "does not use them yet", "lakegate.dev/adopt")
		r.edit(func(doc *document.Document) { doc.Adopt = true })
		r.does(step, "Updated", "databricks:ReplacePrivateAccessSettings")
	})
}

// What makes a workspace another one is refused before anything is looked at.
func TestIdentityStays(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ old, new, path string }{
		"region":             {"region: ap-northeast-1", "region: eu-west-1", "spec.region"},
		"Databricks account": {emulatedAccount, "11111111-2222-4333-8444-555555555555", "spec.databricks.accountId"},
		"workspace name":     {"  databricks: {accountId:", "  databricks: {workspaceName: other, accountId:", "spec.databricks.workspaceName"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			r.upTo("")
			r.revise("AcquireLease", test.old, test.new)
			r.refuses("AcquireLease", plan.SpecInvalid, test.path, "a workspace cannot change it", "metadata.name")
		})
	}
}
