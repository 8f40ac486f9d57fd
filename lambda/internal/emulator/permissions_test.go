package emulator_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"

	"lakegate/lambda/internal/emulator/iam"
	"lakegate/lambda/internal/emulator/iam/policy"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/survey"
	"lakegate/lambda/plan"
)

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
	s := newTalk(t)
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
	c.git("checkout", "--quiet", "-b", "rename")
	c.git("mv", tokyoPath, "workspaces/kyoto.yaml")
	c.commit("Rename", nil)
	s.request(c, "rename")
	c.git("checkout", "--quiet", "main")
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
	closed.push([]byte(strings.Replace(string(closed.text), "  tags:", "  tags:\n    owner: data", 1)))
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
	// What no event has told of: a push, a failure, a deletion in git.
	s.lose(true)
	s.push([]byte("nonsense"))
	s.survey(only(survey.Apply))
	s.survey(only(survey.Report))
	s.lose(false)
	c.git("rm", "--quiet", tokyoPath)
	c.push("Retire", map[string][]byte{"workspaces/kyoto.yaml": s.text})
	s.survey(map[string]int{survey.Stalled: 2})
	// A workspace moves: within its VPC, into another, into a given one and back.
	moving := newScene(t)
	moving.provided(givenNetwork(moving.text))
	moving.push(moving.text)
	moving.mustBeReady()
	for i, text := range [][]byte{otherSubnets(moving.text), otherVPC(moving.text), givenNetwork(moving.text), moving.text} {
		moving.Databricks.RunCompute("privatelink-test", fmt.Sprintf("etl-%d", i), fmt.Sprintf("dashboards-%d", i))
		moving.litter()
		moving.push(append(slices.Clone(text), "  change: {stopCompute: true}\n"...))
		moving.mustBeReady()
	}
	// And all of it is taken down, with what people and Databricks left there.
	closed.litter()
	closed.remove()
	closed.mustBeRetired()
	var missing []string
	called := map[string]bool{}
	for _, c := range slices.Concat(s.Hub.Calls(), closed.Hub.Calls(), given.Hub.Calls(), moving.Hub.Calls()) {
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
	return iam.ActionOf(c.Service, c.Action), true
}

func actions(permissions []plan.Permission) []string {
	var all []string
	for _, p := range permissions {
		all = append(all, p.Actions...)
	}
	return all
}

// A role that may tag can neither take what is somebody's nor take our marks off.
func TestTaggingIsNarrow(t *testing.T) {
	t.Parallel()
	type tags map[string]string
	const (
		mine = plan.TagWorkspace
		key  = plan.TagManaged
	)
	owned, nobodys := tags{key: plan.Owned}, tags{"Name": "theirs"}
	for _, kind := range []struct{ step, put, drop, object string }{
		{"EnsureVpc", "ec2:CreateTags", "ec2:DeleteTags", "arn:aws:ec2:eu-west-1:123456789012:vpc/vpc-1"},
		{"EnsureWorkspaceEndpoint", "ec2:CreateTags", "ec2:DeleteTags", "arn:aws:ec2:eu-west-1:123456789012:vpc-endpoint/vpce-1"},
		{"EnsureGlueInstanceProfile", "iam:TagInstanceProfile", "iam:UntagInstanceProfile", "arn:aws:iam::123456789012:instance-profile/x"},
		{"EnsureCustomerManagedKeys", "kms:TagResource", "kms:UntagResource", "arn:aws:kms:eu-west-1:123456789012:key/x"},
	} {
		text, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": statements(kind.step)})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := policy.Parse(string(text))
		if err != nil {
			t.Fatal(err)
		}
		for name, test := range map[string]struct {
			action  string
			has     tags
			put     tags
			drop    []string
			allowed bool
		}{
			"the author's, on ours":          {kind.put, owned, tags{"team": "data"}, nil, true},
			"the author's, off ours":         {kind.drop, owned, nil, []string{"team"}, true},
			"the author's, on somebody's":    {kind.put, nobodys, tags{"team": "data"}, nil, false},
			"the author's, off somebody's":   {kind.drop, nobodys, nil, []string{"team"}, false},
			"a mark, off ours":               {kind.drop, owned, nil, []string{"team", key}, false},
			"used, on somebody's":            {kind.put, nobodys, tags{plan.TagShared + "mito": plan.Used}, nil, true},
			"used and more, on somebody's":   {kind.put, nobodys, tags{plan.TagShared + "mito": plan.Used, "team": "data"}, nil, false},
			"adopted":                        {kind.put, nobodys, tags{key: plan.Owned, mine: "mito", "team": "data"}, nil, true},
			"a workspace, without ownership": {kind.put, nobodys, tags{mine: "mito"}, nil, false},
			"another workspace, on ours":     {kind.put, owned, tags{mine: "mito"}, nil, false},
		} {
			context := map[string][]string{}
			for k, v := range test.has {
				context["aws:ResourceTag/"+k] = []string{v}
			}
			keys := test.drop
			for k, v := range test.put {
				context["aws:RequestTag/"+k] = []string{v}
				keys = append(keys, k)
			}
			context["aws:TagKeys"] = keys
			got := policy.Evaluate(map[string]policy.Document{"role": doc}, policy.Request{Action: test.action, Resource: kind.object, Context: context})
			if (got.Decision == policy.Allowed) != test.allowed {
				t.Errorf("%s, %s: %s is %s", kind.step, name, test.action, got.Decision)
			}
		}
	}
}

// statements are what the role of a step allows, in account 123456789012.
func statements(step string) []map[string]any {
	fill := strings.NewReplacer(plan.Partition, "aws", plan.Account, "123456789012")
	var out []map[string]any
	for _, s := range plan.Workspace().Steps() {
		if s.Name != step {
			continue
		}
		for _, p := range s.Allow {
			resources := slices.Clone(p.Resources)
			for i := range resources {
				resources[i] = fill.Replace(resources[i])
			}
			one := map[string]any{"Effect": "Allow", "Action": p.Actions, "Resource": resources}
			if len(p.Conditions) > 0 {
				one["Condition"] = p.Conditions
			}
			out = append(out, one)
		}
	}
	return out
}

// unseen are the actions that IAM asks for beside the call that is made.
var unseen = map[string]string{
	"iam:PassRole":                       "iam:AddRoleToInstanceProfile",
	"route53:AssociateVPCWithHostedZone": "ec2:ModifyVpcEndpoint",
	"s3:TagResource":                     "s3:CreateBucket",
	// Of objects that were written before versioning was turned on.
	"s3:DeleteObject": "s3:DeleteObjectVersion",
}

// drift changes what was made in the account of the workspace, as somebody there
// might, so that it has to be mended.
func (s *scene) drift() {
	s.Helper()
	ctx, cfg, account := s.Context(), s.config("owner@"+s.spec.Spec.AWS.AccountID), s.there()
	role, bucket := s.spec.Spec.CrossAccountRole.Name, s.spec.Spec.RootBucket.Name
	for _, g := range account.EC2.SecurityGroups(s.Config.Region) {
		if g.Tags[plan.TagManaged] != plan.Owned {
			continue
		}
		if _, err := awsec2.NewFromConfig(cfg).AuthorizeSecurityGroupIngress(ctx, &awsec2.AuthorizeSecurityGroupIngressInput{
			GroupId: aws.String(g.ID), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22), CidrIp: aws.String("0.0.0.0/0"),
		}); err != nil {
			s.Fatal(err)
		}
	}
	if _, err := s.iam().UpdateAssumeRolePolicy(ctx, &awsiam.UpdateAssumeRolePolicyInput{
		RoleName: aws.String(role), PolicyDocument: aws.String(s.TargetTrust("nobody")),
	}); err != nil {
		s.Fatal(err)
	}
	if _, err := s.iam().AttachRolePolicy(ctx, &awsiam.AttachRolePolicyInput{
		RoleName: aws.String(role), PolicyArn: aws.String("arn:aws:iam::aws:policy/ReadOnlyAccess"),
	}); err != nil {
		s.Fatal(err)
	}
	for _, k := range account.KMS.Keys(s.Config.Region) {
		if _, err := kms.NewFromConfig(cfg).PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: aws.String(k.ARN), Policy: aws.String(
			`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{"AWS":"arn:aws:iam::` + account.ID + `:root"}}}`,
		)}); err != nil {
			s.Fatal(err)
		}
	}
	buckets := awss3.NewFromConfig(cfg, func(o *awss3.Options) { o.UsePathStyle = true })
	if _, err := buckets.DeletePublicAccessBlock(ctx, &awss3.DeletePublicAccessBlockInput{Bucket: aws.String(bucket)}); err != nil {
		s.Fatal(err)
	}
}

// The role of another account, as the template makes it, allows what is called
// there and nothing that is never called: what it does not allow is refused.
func TestTargetRoleAllowsWhatIsCalled(t *testing.T) {
	t.Parallel()
	closed := newSceneElsewhere(t, "locked-down", deletion, "bucketDeletion: Force")
	closed.propose(closed.text)
	closed.push(closed.text)
	closed.mustBeReady()
	closed.drift()
	closed.verify()
	var drifted report.DriftedData
	closed.sent(report.Drifted, &drifted)
	for _, d := range drifted.Deviations {
		if d.ID != "" && (d.By == nil || d.By.Who != "arn:aws:iam::"+otherAccount+":user/owner") {
			t.Errorf("%+v is said to be done by %+v", d.Difference, d.By)
		}
	}
	if len(drifted.Deviations) < 4 {
		t.Errorf("it has drifted in %+v", drifted.Deviations)
	}
	closed.push(tagged(closed.text))
	closed.mustBeReady()
	closed.push(closed.text)
	closed.mustBeReady()
	closed.litter()
	closed.remove()
	closed.mustBeRetired()
	given := newSceneElsewhere(t, "existing-vpc", deletion)
	given.push(given.text)
	given.mustBeReady()
	given.remove()
	given.mustBeRetired()
	called, functions := map[string]bool{}, map[string]bool{}
	for _, s := range plan.Steps() {
		functions[s.Name] = true
	}
	for _, f := range plan.Functions() {
		functions[f.Name] = true
	}
	for _, c := range slices.Concat(closed.Hub.Calls(), given.Hub.Calls()) {
		if name, ok := callOf(c); ok && c.Account == otherAccount && functions[c.Caller] {
			called[name] = true
			if c.Status == 403 || c.Status == 401 {
				t.Errorf("%s was refused %s", c.Caller, name)
			}
		}
	}
	for _, p := range plan.Target() {
		for _, action := range p.Actions {
			if !called[action] && !called[unseen[action]] {
				t.Errorf("the role allows %s, which nothing calls", action)
			}
		}
	}
}
