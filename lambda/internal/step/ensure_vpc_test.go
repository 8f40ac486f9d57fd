package step_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// mito is a spec that names all that the tests of the AWS steps compare, so
// that they do not depend on defaults.
const mito = `apiVersion: lakegate.dev/v1
kind: Workspace
metadata: {name: mito}
spec:
  region: ap-northeast-1
  aws: {accountId: "123456789012"}
  databricks: {accountId: "8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34"}
  network:
    vpc: {name: mito-net, cidr: 10.0.0.0/22}
    workspaceSubnets:
      - {name: mito-compute-1, cidr: 10.0.1.0/24}
      - {name: mito-compute-2, cidr: 10.0.2.0/24}
    endpointSubnet: {name: mito-doors, cidr: 10.0.3.0/24}
    endpointRouteTable: {name: mito-local}
    securityGroups:
      workspace:
        name: mito-compute
        description: Compute of mito.
        rules:
          - {direction: ingress, protocol: tcp, ports: all, peer: self}
          - {direction: ingress, protocol: udp, ports: all, peer: self}
          - {direction: egress, protocol: tcp, ports: all, peer: self}
          - {direction: egress, protocol: udp, ports: all, peer: self}
          - {direction: egress, protocol: tcp, ports: "443", peer: 0.0.0.0/0}
          - {direction: egress, protocol: tcp, ports: "6666", peer: 0.0.0.0/0}
          - {direction: egress, protocol: tcp, ports: "8443-8451", peer: 0.0.0.0/0}
      endpoint:
        name: mito-doors
        description: Doors of mito.
        rules:
          - {direction: ingress, protocol: tcp, ports: "443", peer: workspace}
          - {direction: ingress, protocol: tcp, ports: "6666", peer: workspace}
          - {direction: ingress, protocol: tcp, ports: "8443-8451", peer: workspace}
          - {direction: egress, protocol: tcp, ports: "6666", peer: vpc}
    endpoints:
      s3: {name: mito-to-s3}
      sts: {name: mito-to-sts}
      kinesis: {name: mito-to-kinesis}
  privateLink:
    workspaceEndpoint: {name: mito-to-workspace}
    relayEndpoint: {name: mito-to-relay}
  crossAccountRole: {name: lakegate-mito-hands}
  rootBucket: {name: lakegate-mito-cellar}
  tags: {team: data, cost-center: "4711"}
`

const tokyoRegion = "ap-northeast-1"

// edited returns mito with some texts replaced, given in pairs of old and new.
func edited(t testing.TB, pairs ...string) string {
	t.Helper()
	text := mito
	for pair := range slices.Chunk(pairs, 2) {
		if strings.Count(text, pair[0]) != 1 {
			t.Fatalf("%q is not exactly once in the spec", pair[0])
		}
		text = strings.Replace(text, pair[0], pair[1], 1)
	}
	return text
}

// begin starts a world to which mito, with some texts replaced, is committed.
func begin(t testing.TB, pairs ...string) *run {
	t.Helper()
	r := newRunOf(t, "mito.yaml", mito, emulator.Config{Seed: 1})
	r.wants(pairs...)
	return r
}

// wants makes the run go on with mito with some texts replaced.
func (r *run) wants(pairs ...string) {
	r.t.Helper()
	w, err := spec.Decode("mito.yaml", []byte(edited(r.t, pairs...)))
	if err != nil {
		r.t.Fatal(err)
	}
	w.Default()
	text, err := json.Marshal(w.Spec)
	if err != nil {
		r.t.Fatal(err)
	}
	r.spec = text
}

// at is a run of mito, with some texts replaced, that has come to a step.
func at(t testing.TB, step string, pairs ...string) *run {
	t.Helper()
	r := begin(t, pairs...)
	r.upTo(step)
	return r
}

// revise begins a further execution, for mito with some texts replaced, and
// goes as far as to a step.
func (r *run) revise(step string, pairs ...string) {
	r.t.Helper()
	r.commit("mito.yaml", mito)
	r.wants(pairs...)
	r.upTo(step)
}

// does runs a step and compares its outcome and the calls that it made to
// change something.
func (r *run) does(step, outcome string, calls ...string) {
	r.t.Helper()
	before := len(r.world.Hub.Calls())
	if err := r.persist(step); err != nil {
		r.t.Fatalf("%s: %v", step, err)
	}
	if got := r.outcome(step); got != outcome {
		r.t.Errorf("%s ends as %s, want %s: %s", step, got, outcome, r.doc[stepOf(r.t, step).Result])
	}
	if diff := cmp.Diff(calls, mutating(r.world.Hub.Calls()[before:], step)); diff != "" {
		r.t.Errorf("the changing calls of %s differ:\n%s", step, diff)
	}
}

// refuses runs a step once that must end with a class of error, a message that
// has all the texts, and nothing changed.
func (r *run) refuses(step, want string, texts ...string) {
	r.t.Helper()
	before := len(r.world.Hub.Calls())
	err := r.step(step)
	if err == nil {
		r.t.Fatalf("%s does not refuse: %s", step, r.doc[stepOf(r.t, step).Result])
	}
	got, message := class(err)
	if got != want {
		r.t.Errorf("%s ends as %s, want %s: %s", step, got, want, message)
	}
	contains(r.t, message, texts...)
	if calls := mutating(r.world.Hub.Calls()[before:], step); len(calls) > 0 {
		r.t.Errorf("%s refuses but made %v", step, calls)
	}
}

// contains checks that a message has all the texts.
func contains(t testing.TB, message string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(message, text) {
			t.Errorf("the message does not have %q: %s", text, message)
		}
	}
}

// id is the id in the result of a step.
func (r *run) id(step string) string {
	r.t.Helper()
	var o struct{ ID string }
	r.result(step, &o)
	return o.ID
}

// author is how somebody else reaches the world's AWS.
func (r *run) author(region string) aws.Config {
	return aws.Config{
		Region: region, BaseEndpoint: aws.String(r.world.AWSURL), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider("author", "emulated", ""),
	}
}

// ec2 is EC2 behind Lakegate's back.
func (r *run) ec2() *ec2.Client { return ec2.NewFromConfig(r.author(tokyoRegion)) }

// must returns the value of a call that cannot fail in a test.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// owned are the tags of an object that Lakegate has made for mito.
func owned(object, name string) map[string]string {
	tags := map[string]string{
		"team": "data", "cost-center": "4711",
		plan.TagWorkspace: "mito", plan.TagManaged: plan.Owned, plan.TagObject: object,
	}
	if name != "" {
		tags["Name"] = name
	}
	return tags
}

// usedByMito are the tags that Lakegate puts on what the spec of mito gives.
var usedByMito = map[string]string{plan.TagShared + "mito": plan.Used}

// ownedByMito tags what somebody makes as if Lakegate had made it.
func ownedByMito(kind types.ResourceType, object string) []types.TagSpecification {
	out := types.TagSpecification{ResourceType: kind}
	for k, v := range owned(object, "") {
		out.Tags = append(out.Tags, types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	return []types.TagSpecification{out}
}

// same compares two values.
func same[T any](t testing.TB, what string, want, got T) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s differs:\n%s", what, diff)
	}
}

// newVPC makes a VPC of the author's.
func (r *run) newVPC(cidr string) string {
	r.t.Helper()
	out := must(r.ec2().CreateVpc(r.t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String(cidr)}))
	return *out.Vpc.VpcId
}

// setDNS sets the DNS attributes of a VPC.
func (r *run) setDNS(vpc string, support, hostnames bool) {
	r.t.Helper()
	// Hostnames need support, so the order depends on the direction.
	change := []*ec2.ModifyVpcAttributeInput{
		{VpcId: aws.String(vpc), EnableDnsSupport: &types.AttributeBooleanValue{Value: aws.Bool(support)}},
		{VpcId: aws.String(vpc), EnableDnsHostnames: &types.AttributeBooleanValue{Value: aws.Bool(hostnames)}},
	}
	if !support {
		slices.Reverse(change)
	}
	for _, in := range change {
		must(r.ec2().ModifyVpcAttribute(r.t.Context(), in))
	}
}

const givenVPC = "vpc: {name: mito-net, cidr: 10.0.0.0/22}"

func TestEnsureVpc(t *testing.T) {
	t.Parallel()

	t.Run("made, then found", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureVpc")
		r.does("EnsureVpc", "Created", "ec2:CreateVpc", "ec2:ModifyVpcAttribute")
		made := r.world.EC2.VPCs(tokyoRegion)
		if len(made) != 1 {
			t.Fatalf("there are %d VPCs", len(made))
		}
		v := made[0]
		same(t, "CIDR", "10.0.0.0/22", v.CIDR.String())
		same(t, "tags", owned("vpc", "mito-net"), v.Tags)
		same(t, "DNS", [2]bool{true, true}, [2]bool{v.DNSSupport, v.DNSHostnames})
		var result struct {
			ID, CIDR, Name string
			CIDRs          []string
		}
		r.result("EnsureVpc", &result)
		same(t, "result", v.ID, result.ID)
		same(t, "blocks", []string{"10.0.0.0/22"}, result.CIDRs)

		r.revise("EnsureVpc")
		r.does("EnsureVpc", "Found")
		same(t, "id", v.ID, r.id("EnsureVpc"))
	})

	for name, dns := range map[string]struct {
		support, hostnames bool
		calls              []string
	}{
		"hostnames off": {true, false, []string{"ec2:ModifyVpcAttribute"}},
		"both off":      {false, false, []string{"ec2:ModifyVpcAttribute", "ec2:ModifyVpcAttribute"}},
	} {
		t.Run(name+" behind its back", func(t *testing.T) {
			t.Parallel()
			r := at(t, "EnsureSubnets")
			r.setDNS(r.id("EnsureVpc"), dns.support, dns.hostnames)
			r.does("EnsureVpc", "Updated", dns.calls...)
			v := r.world.EC2.VPCs(tokyoRegion)[0]
			same(t, "DNS", [2]bool{true, true}, [2]bool{v.DNSSupport, v.DNSHostnames})
		})
		t.Run("given with "+name, func(t *testing.T) {
			t.Parallel()
			r := begin(t)
			id := r.newVPC("10.0.0.0/22")
			r.setDNS(id, dns.support, dns.hostnames)
			r.revise("EnsureVpc", givenVPC, "vpc: {id: "+id+", cidr: 10.0.0.0/22}")
			r.refuses("EnsureVpc", plan.Conflict, id, "is off", "aws ec2 modify-vpc-attribute --vpc-id "+id)
		})
	}

	t.Run("given", func(t *testing.T) {
		t.Parallel()
		r := begin(t)
		id := r.newVPC("10.0.0.0/20")
		r.setDNS(id, true, true)
		r.revise("EnsureVpc", givenVPC, "vpc: {id: "+id+", cidr: 10.0.0.0/20}")
		r.does("EnsureVpc", "Given", "ec2:CreateTags")
		same(t, "id", id, r.id("EnsureVpc"))
		same(t, "tags", usedByMito, r.world.EC2.VPCs(tokyoRegion)[0].Tags)
		r.does("EnsureVpc", "Given")
	})

	t.Run("given but missing", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureVpc", givenVPC, "vpc: {id: vpc-0123456789abcdef0, cidr: 10.0.0.0/22}")
		r.refuses("EnsureVpc", plan.Conflict, "vpc-0123456789abcdef0", "does not exist in ap-northeast-1", "spec.network.vpc.id")
	})

	t.Run("another CIDR", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		before := r.id("EnsureVpc")
		r.revise("EnsureVpc", "cidr: 10.0.0.0/22", "cidr: 10.0.0.0/20")
		r.does("EnsureVpc", "Created", "ec2:CreateVpc", "ec2:ModifyVpcAttribute")
		var out document.VPC
		r.result("EnsureVpc", &out)
		same(t, "former", []string{before}, out.Former)
		same(t, "differences", []document.Difference{{Object: "VPC " + before, ID: before, Field: "CIDR", Found: "10.0.0.0/22", Wanted: "10.0.0.0/20"}}, out.Differences)
		r.does("EnsureVpc", "Found")
		// And back.
		r.revise("EnsureVpc")
		r.does("EnsureVpc", "Found")
		same(t, "id", before, r.id("EnsureVpc"))
	})

	t.Run("several", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		other := must(r.ec2().CreateVpc(t.Context(), &ec2.CreateVpcInput{
			CidrBlock: aws.String("10.0.0.0/22"), TagSpecifications: ownedByMito(types.ResourceTypeVpc, "vpc"),
		}))
		r.refuses("EnsureVpc", plan.Conflict, "there are 2", r.id("EnsureVpc"), *other.Vpc.VpcId, "Delete all but one")
	})

	t.Run("a VPC of another workspace is not ours", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureVpc")
		specification := ownedByMito(types.ResourceTypeVpc, "vpc")
		for i, tag := range specification[0].Tags {
			if *tag.Key == plan.TagWorkspace {
				specification[0].Tags[i].Value = aws.String("nara")
			}
		}
		other := must(r.ec2().CreateVpc(t.Context(), &ec2.CreateVpcInput{CidrBlock: aws.String("10.0.0.0/22"), TagSpecifications: specification}))
		r.does("EnsureVpc", "Created", "ec2:CreateVpc", "ec2:ModifyVpcAttribute")
		if id := r.id("EnsureVpc"); id == *other.Vpc.VpcId {
			t.Errorf("took %s", id)
		}
	})

	t.Run("quota", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureVpc")
		r.world.EC2.LimitVPCs(0)
		if name, message := class(r.step("EnsureVpc")); name != plan.QuotaExceeded {
			t.Errorf("ends as %s: %s", name, message)
		}
	})
}
