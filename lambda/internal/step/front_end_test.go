package step_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	route53types "github.com/aws/aws-sdk-go-v2/service/route53/types"
	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// The users' VPC of the locked-down example.
const (
	usersVPC     = "vpc-0a1b2c3d4e5f60718"
	usersSubnet  = "subnet-0a1b2c3d4e5f60711"
	usersGroup   = "sg-0a1b2c3d4e5f60711"
	publicAccess = "      publicAccess: false\n"
)

// newUsersRun is a run of the locked-down example, edited, with the functions
// that call workspaces in a VPC; what the spec gives exists.
func newUsersRun(t *testing.T, functions *emulator.Placement, edits ...string) *run {
	t.Helper()
	data, err := os.ReadFile("../../../spec/examples/locked-down.yaml")
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for i := 0; i < len(edits); i += 2 {
		if !strings.Contains(text, edits[i]) {
			t.Fatalf("the example has no %q", edits[i])
		}
		text = strings.ReplaceAll(text, edits[i], edits[i+1])
	}
	w, err := spec.Load("locked-down.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	r := newRunOf(t, "locked-down.yaml", text, emulator.Config{Seed: 1, Functions: functions})
	if err := r.world.Provide(context.Background(), w); err != nil {
		t.Fatal(err)
	}
	return r
}

// inUsersVPC is where the functions of the example have to run.
var inUsersVPC = &emulator.Placement{VPC: usersVPC, Subnets: []string{usersSubnet}, Groups: []string{usersGroup}}

// A workspace that would be closed to the functions that call it is refused
// before anything is made for it, with all that would be locked out.
func TestLockOutIsRefused(t *testing.T) {
	t.Parallel()
	const elsewhere = "vpc-0f1e2d3c4b5a69788"
	other := &emulator.Placement{VPC: elsewhere, Subnets: []string{"subnet-0f1e2d3c4b5a69788"}, Groups: []string{"sg-0f1e2d3c4b5a69788"}}
	given := []string{
		"      vpc: vpc-0a1b2c3d4e5f60718\n", "", "      subnets:\n", "      id: vpce-0a1b2c3d4e5f60718\n",
		"        - subnet-0a1b2c3d4e5f60711\n", "", "        - subnet-0a1b2c3d4e5f60712\n", "",
		"      securityGroups:\n", "", "        - sg-0a1b2c3d4e5f60711 # admits TCP 443 from the users\n", "",
	}
	for name, test := range map[string]struct {
		functions *emulator.Placement
		edits     []string
		step      string
		says      []string
	}{
		"outside of any VPC":                {nil, nil, "LoadSpec", []string{"run outside of any VPC and not in " + usersVPC}},
		"in another VPC":                    {other, nil, "LoadSpec", []string{"run in " + elsewhere + " and not in " + usersVPC}},
		"outside, with an endpoint by id":   {nil, given, "LoadSpec", []string{"not in the VPC of the front-end endpoint"}},
		"elsewhere, with an endpoint by id": {other, given, "EnsureFrontEndEndpoint", []string{"run in " + elsewhere}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newUsersRun(t, test.functions, test.edits...)
			r.upTo(test.step)
			err := r.step(test.step)
			got, message := class(err)
			same(t, "class", plan.ActionRequired, got)
			contains(t, message, append(test.says, "VerifyWorkspace", "VerifyCluster", "StopAbandonedCompute", "-c functionsVpc", "publicAccess to true")...)
		})
	}
	// With public access on nobody is locked out.
	r := newUsersRun(t, nil, publicAccess, "")
	if err := r.step("LoadSpec"); err != nil {
		t.Error(err)
	}
	// Nor by a suspended workspace, which is left as it is.
	r = newUsersRun(t, nil, "\nspec:\n", "\nspec:\n  suspend: true\n")
	if err := r.step("LoadSpec"); err != nil {
		t.Error(err)
	}
}

// The VPC of the workspace has its endpoint already.
func TestFrontEndInTheWorkspaceVPC(t *testing.T) {
	t.Parallel()
	r := newUsersRun(t, inUsersVPC)
	r.upTo("EnsureFrontEndEndpoint")
	var vpc map[string]any
	r.result("EnsureVpc", &vpc)
	vpc["id"] = usersVPC
	data, err := json.Marshal(vpc)
	if err != nil {
		t.Fatal(err)
	}
	r.doc["vpc"] = data
	got, message := class(r.step("EnsureFrontEndEndpoint"))
	same(t, "class", plan.Conflict, got)
	contains(t, message, usersVPC, "the VPC of the workspace's clusters", "spec.privateLink.frontEnd")
}

// The front end is made, found again, and given: a zone of the author's is
// checked and not changed.
func TestEnsureFrontEndDns(t *testing.T) {
	t.Parallel()
	const step = "EnsureFrontEndDns"
	r := newUsersRun(t, inUsersVPC)
	r.upTo(step)
	r.does(step, "Created", "route53:CreateHostedZone", "route53:ChangeTagsForResource", "route53:ChangeResourceRecordSets",
		"route53:CreateHostedZone", "route53:ChangeTagsForResource", "route53:ChangeResourceRecordSets")
	r.does(step, "Found")
	var dns document.FrontEndDNS
	r.result(step, &dns)
	if len(dns.Zones) != 2 || len(dns.Addresses) != 2 || !strings.HasPrefix(dns.Hosts[1], "dbc-dp-") {
		t.Errorf("it says %+v", dns)
	}
	// What somebody has changed is mended.
	b := &breaker{run: r}
	b.lead(dns.Zones[0].ID, dns.Hosts[0], "198.51.100.7")
	r.does(step, "Updated", "route53:ChangeResourceRecordSets")
	r.does(step, "Found")
}

func TestGivenHostedZone(t *testing.T) {
	t.Parallel()
	const step = "EnsureFrontEndDns"
	const zone = "      vpc: vpc-0a1b2c3d4e5f60718\n"
	r := newUsersRun(t, inUsersVPC, zone, zone+"      hostedZone: Z0123456789ABCDEFGHIJ\n")
	r.upTo(step)
	err := r.step(step)
	got, message := class(err)
	same(t, "class", plan.ActionRequired, got)
	contains(t, message, "hosted zone Z0123456789ABCDEFGHIJ", "does not lead to endpoint", "Add an A record", "tokyo.privatelink.cloud.databricks.com")

	var e document.Endpoint
	r.result("EnsureFrontEndEndpoint", &e)
	b := &breaker{run: r, api: ec2.NewFromConfig(r.author(tokyoRegion))}
	b.alias("Z0123456789ABCDEFGHIJ", "tokyo.privatelink.cloud.databricks.com", e.ID)
	r.does(step, "Given", "route53:ChangeTagsForResource")
	r.upTo("")
}

// A zone of a host that somebody else has made is not touched, unless the spec
// adopts it.
func TestForeignHostedZone(t *testing.T) {
	t.Parallel()
	const step = "EnsureFrontEndDns"
	r := newUsersRun(t, inUsersVPC)
	r.upTo(step)
	b := &breaker{run: r}
	var w document.Workspace
	r.result("CreateWorkspace", &w)
	b.newZone(strings.TrimPrefix(w.URL, "https://"))
	err := r.step(step)
	got, message := class(err)
	same(t, "class", plan.Conflict, got)
	contains(t, message, "was not made by this workspace", "spec.privateLink.frontEnd.hostedZone", "lakegate.dev/adopt")
	r.edit(func(doc *document.Document) { doc.Adopt = true })
	r.does(step, "Created", "route53:ChangeTagsForResource", "route53:ChangeResourceRecordSets",
		"route53:CreateHostedZone", "route53:ChangeTagsForResource", "route53:ChangeResourceRecordSets")
	r.edit(func(doc *document.Document) { doc.Adopt = false })
	r.does(step, "Found")
}

// Every way to break the front end makes the checks fail that it concerns, and
// no other.
func TestBrokenFrontEnd(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	dns := func(b *breaker) document.FrontEndDNS {
		var out document.FrontEndDNS
		b.result("EnsureFrontEndDns", &out)
		return out
	}
	settings := func(b *breaker, change func(*provisioning.PrivateAccessSettings)) {
		console, id := b.console(), b.idOf("EnsurePrivateAccessSettings")
		s, err := console.PrivateAccessSettings.GetByPrivateAccessSettingsId(ctx, id)
		b.must(err)
		change(s)
		s.ForceSendFields = []string{"PublicAccessEnabled"}
		_, err = console.PrivateAccessSettings.Replace(ctx, provisioning.ReplacePrivateAccessSettingsRequest{
			PrivateAccessSettingsId: id, CustomerFacingPrivateAccessSettings: *s,
		})
		b.must(err)
	}
	path := []string{"workspace.private-path"}
	for name, test := range map[string]broken{
		"nothing": {breaks: func(*breaker) {}, fails: map[string][]string{}},
		"endpoint deleted": {
			breaks: func(b *breaker) { b.deleteEndpoint("EnsureFrontEndEndpoint") },
			fails: map[string][]string{
				"VerifyFrontEnd":  {"front-end.dns.driver", "front-end.dns.workspace", "front-end.endpoint", "front-end.registration"},
				"VerifyWorkspace": path,
			},
			says: "The users' endpoint to the workspace is available: not true of vpce-",
		},
		"group closed": {
			breaks: func(b *breaker) {
				b.revoke(usersGroup, false, "tcp", 443)
			},
			fails: map[string][]string{"VerifyFrontEnd": {"front-end.group.443"}, "VerifyWorkspace": {plan.Transient}},
			says:  "Add ingress of TCP 443 from the networks of the users",
		},
		"not listed": {
			breaks: func(b *breaker) {
				id := b.idOf("RegisterFrontEndEndpoint")
				settings(b, func(s *provisioning.PrivateAccessSettings) {
					s.AllowedVpcEndpointIds = slices.DeleteFunc(s.AllowedVpcEndpointIds, func(x string) bool { return x == id })
				})
			},
			fails: map[string][]string{"VerifyFrontEnd": {"front-end.admitted"}, "VerifyWorkspace": {plan.AccessDenied}},
			says:  "this function comes from " + usersVPC,
		},
		"open to the public": {
			breaks: func(b *breaker) {
				settings(b, func(s *provisioning.PrivateAccessSettings) { s.PublicAccessEnabled = true })
			},
			fails: map[string][]string{"VerifyFrontEnd": {"front-end.public", "front-end.public-access"}},
			says:  "it let the service principal in",
		},
		"host leads elsewhere": {
			breaks: func(b *breaker) { b.lead(dns(b).Zones[0].ID, dns(b).Hosts[0], "198.51.100.7") },
			fails:  map[string][]string{"VerifyFrontEnd": {"front-end.dns.workspace"}, "VerifyWorkspace": path},
			says:   "leads it to 198.51.100.7",
		},
		"host of drivers leads to the endpoint of compute": {
			breaks: func(b *breaker) { b.alias(dns(b).Zones[1].ID, dns(b).Hosts[1], b.idOf("EnsureWorkspaceEndpoint")) },
			fails:  map[string][]string{"VerifyFrontEnd": {"front-end.dns.driver"}},
			says:   "dbc-dp-",
		},
		"zone deleted": {
			breaks: func(b *breaker) { b.deleteZone(dns(b).Zones[0].ID, dns(b).Hosts[0]) },
			fails:  map[string][]string{"VerifyFrontEnd": {"front-end.dns.workspace"}, "VerifyWorkspace": path},
			says:   "so it leads to the public network",
		},
		"zone deleted and the name hidden": {
			breaks: func(b *breaker) {
				b.deleteZone(dns(b).Zones[0].ID, dns(b).Hosts[0])
				b.newZone("cloud.databricks.com")
			},
			fails: map[string][]string{"VerifyFrontEnd": {"front-end.dns.workspace"}, "VerifyWorkspace": {plan.Internal}},
			says:  "and so hides it",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newUsersRun(t, inUsersVPC)
			r.upTo("VerifyWorkspace")
			b := &breaker{run: r, api: ec2.NewFromConfig(r.author(tokyoRegion))}
			test.breaks(b)
			failed, messages := map[string][]string{}, ""
			for _, s := range []string{"VerifyFrontEnd", "VerifyWorkspace"} {
				if err := b.persist(s); err != nil {
					class, message := class(err)
					messages += message + "\n"
					failed[s] = b.failedChecks(s, class)
				}
			}
			if diff := cmp.Diff(test.fails, failed); diff != "" {
				t.Errorf("what fails differs (-want +got):\n%s%s", diff, messages)
			}
			contains(t, messages, test.says)
		})
	}
}

// Functions in a VPC that has no way to an AWS service do not come far.
func TestFunctionsNeedWays(t *testing.T) {
	t.Parallel()
	r := newUsersRun(t, inUsersVPC)
	r.upTo("VerifyWorkspace")
	b := &breaker{run: r, api: ec2.NewFromConfig(r.author(tokyoRegion))}
	out, err := b.api.DescribeVpcEndpoints(context.Background(), &ec2.DescribeVpcEndpointsInput{Filters: []types.Filter{
		{Name: aws.String("vpc-id"), Values: []string{usersVPC}},
		{Name: aws.String("service-name"), Values: []string{"com.amazonaws." + tokyoRegion + ".secretsmanager"}},
	}})
	b.must(err)
	_, err = b.api.DeleteVpcEndpoints(context.Background(), &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{aws.ToString(out.VpcEndpoints[0].VpcEndpointId)}})
	b.must(err)
	b.pass(5 * time.Minute)
	got, message := class(r.step("VerifyWorkspace"))
	same(t, "class", plan.Transient, got)
	contains(t, message, "reading secret")
}

// lead makes a name of a zone lead to an address.
func (b *breaker) lead(zone, name, address string) {
	b.t.Helper()
	b.record(zone, route53types.ChangeActionUpsert, &route53types.ResourceRecordSet{
		Name: aws.String(name), Type: route53types.RRTypeA, TTL: aws.Int64(60),
		ResourceRecords: []route53types.ResourceRecord{{Value: aws.String(address)}},
	})
}

// alias makes a name of a zone lead to an endpoint.
func (b *breaker) alias(zone, name, endpoint string) {
	b.t.Helper()
	out, err := b.api.DescribeVpcEndpoints(context.Background(), &ec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{endpoint}})
	b.must(err)
	entry := out.VpcEndpoints[0].DnsEntries[0]
	b.record(zone, route53types.ChangeActionUpsert, &route53types.ResourceRecordSet{
		Name: aws.String(name), Type: route53types.RRTypeA,
		AliasTarget: &route53types.AliasTarget{DNSName: entry.DnsName, HostedZoneId: entry.HostedZoneId},
	})
}

func (b *breaker) record(zone string, action route53types.ChangeAction, record *route53types.ResourceRecordSet) {
	b.t.Helper()
	_, err := b.zones().ChangeResourceRecordSets(context.Background(), &route53.ChangeResourceRecordSetsInput{
		HostedZoneId: aws.String(zone),
		ChangeBatch:  &route53types.ChangeBatch{Changes: []route53types.Change{{Action: action, ResourceRecordSet: record}}},
	})
	b.must(err)
}

// deleteZone deletes a zone with the record of its name.
func (b *breaker) deleteZone(id, name string) {
	b.t.Helper()
	ctx := context.Background()
	out, err := b.zones().ListResourceRecordSets(ctx, &route53.ListResourceRecordSetsInput{
		HostedZoneId: aws.String(id), StartRecordName: aws.String(name), StartRecordType: route53types.RRTypeA, MaxItems: aws.Int32(1),
	})
	b.must(err)
	b.record(id, route53types.ChangeActionDelete, &out.ResourceRecordSets[0])
	_, err = b.zones().DeleteHostedZone(ctx, &route53.DeleteHostedZoneInput{Id: aws.String(id)})
	b.must(err)
}

// newZone makes a zone of the users' VPC.
func (b *breaker) newZone(name string) {
	b.t.Helper()
	_, err := b.zones().CreateHostedZone(context.Background(), &route53.CreateHostedZoneInput{
		Name: aws.String(name), CallerReference: aws.String("by hand"),
		HostedZoneConfig: &route53types.HostedZoneConfig{PrivateZone: true},
		VPC:              &route53types.VPC{VPCId: aws.String(usersVPC), VPCRegion: tokyoRegion},
	})
	b.must(err)
}
