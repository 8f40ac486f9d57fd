package emulator_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/internal/emulator/network"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// specs that give what no example gives, without what all have in common.
var givenSpecs = map[string]string{
	"everything": `
  network:
    vpc: {id: vpc-0a1b2c3d4e5f60718, cidr: 10.8.0.0/22}
    workspaceSubnets: [{id: subnet-0a1b2c3d4e5f60711}, {id: subnet-0a1b2c3d4e5f60712}, {id: subnet-0a1b2c3d4e5f60714}]
    endpointSubnet: {id: subnet-0a1b2c3d4e5f60713}
    endpointRouteTable: {id: rtb-0a1b2c3d4e5f60718}
    securityGroups: {workspace: {id: sg-0a1b2c3d4e5f60711}, endpoint: {id: sg-0a1b2c3d4e5f60712}}
    endpoints: {s3: {id: vpce-0a1b2c3d4e5f60711}, sts: {id: vpce-0a1b2c3d4e5f60712}, kinesis: {id: vpce-0a1b2c3d4e5f60713}}
  privateLink:
    workspaceEndpoint: {id: vpce-0a1b2c3d4e5f60714}
    relayEndpoint: {id: vpce-0a1b2c3d4e5f60715}
    privateAccessSettings: {id: 1b9f6f0e-52c7-4d0b-8a3e-7c44d2e9a561}
  metastore:
    glue:
      endpoint: {id: vpce-0a1b2c3d4e5f60716}
      instanceProfile: {arn: "arn:aws:iam::123456789012:instance-profile/data/glue-reader"}
  encryption:
    managedServicesKey: {arn: "arn:aws:kms:ap-northeast-1:123456789012:key/mrk-0123456789abcdef0123456789abcdef"}
    storageKey: {arn: "arn:aws:kms:ap-northeast-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
  crossAccountRole: {arn: "arn:aws:iam::123456789012:role/team/data/databricks"}
  rootBucket: {arn: "arn:aws:s3:::example-databricks-root"}
`,
	"a part": `
  network:
    vpc: {id: vpc-0a1b2c3d4e5f60718}
    workspaceSubnets: [{id: subnet-0a1b2c3d4e5f60711}, {cidr: 10.5.0.0/24, availabilityZone: ap-northeast-1a}]
    endpointSubnet: {cidr: 10.5.32.0/24}
    endpointRouteTable: {id: rtb-0a1b2c3d4e5f60718}
    securityGroups: {endpoint: {id: sg-0a1b2c3d4e5f60712}}
    endpoints: {sts: {id: vpce-0a1b2c3d4e5f60712}}
  metastore:
    unityCatalog: {metastoreId: 2c8e5f0e-52c7-4d0b-8a3e-7c44d2e9a561}
  encryption:
    managedServicesKey: {arn: "arn:aws:kms:ap-northeast-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
    storageKey: {arn: "arn:aws:kms:ap-northeast-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"}
`,
	"endpoints alone": `
  network:
    vpc: {id: vpc-0a1b2c3d4e5f60718, cidr: 10.6.0.0/24}
    endpoints: {kinesis: {id: vpce-0a1b2c3d4e5f60713}}
  privateLink:
    workspaceEndpoint: {id: vpce-0a1b2c3d4e5f60714}
    relayEndpoint: {id: vpce-0a1b2c3d4e5f60715}
  metastore:
    glue:
      instanceProfile: {arn: "arn:aws:iam::123456789012:instance-profile/glue-reader"}
`,
	"a way out": `
  network:
    vpc: {id: vpc-0a1b2c3d4e5f60718}
    workspaceSubnets: [{id: subnet-0a1b2c3d4e5f60711}, {id: subnet-0a1b2c3d4e5f60712}]
    endpointSubnet: {id: subnet-0a1b2c3d4e5f60713}
    securityGroups: {workspace: {id: sg-0a1b2c3d4e5f60711}}
  metastore:
    hive: {}
  egress:
    routes: [{destination: 0.0.0.0/0, target: tgw-0a1b2c3d4e5f60718}]
    hosts: [pypi.org]
`,
	"a front end by id": `
  privateLink:
    frontEnd: {id: vpce-0a1b2c3d4e5f60714, hostedZone: Z0123456789ABCDEFGHIJ}
`,
}

const givenHeader = `apiVersion: lakegate.dev/v1
kind: Workspace
metadata: {name: given}
spec:
  region: ap-northeast-1
  aws: {accountId: "123456789012"}
  databricks: {accountId: 8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34}
`

var givenID = regexp.MustCompile(`\b(?:(?:vpc|subnet|rtb|sg|vpce|tgw)-[0-9a-f]{17}|arn:aws:[^\s"]+|Z[0-9A-Z]{20})\b`)

// What a spec gives exists, with it the workspace becomes ready, and it is the
// same afterwards.
func TestProvide(t *testing.T) {
	t.Parallel()
	texts := map[string][]byte{}
	files, err := filepath.Glob("../../../spec/examples/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("there are no examples: %v", err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".yaml")
		texts[name] = example(t, name)
	}
	for name, text := range givenSpecs {
		texts[name] = []byte(givenHeader + text)
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSceneOf(t, text)
			if err := s.Provide(t.Context(), s.spec); err != nil {
				t.Fatal(err)
			}
			before := s.belongings()
			for id, text := range before {
				if strings.Contains(text, "lakegate:") {
					t.Errorf("%s is tagged as ours: %s", id, text)
				}
			}
			for line := range strings.Lines(string(text)) {
				line, _, _ = strings.Cut(line, "#")
				for _, id := range givenID.FindAllString(line, -1) {
					if before[id] == "" {
						t.Errorf("%s does not exist", id)
					}
				}
			}
			if id := s.spec.Spec.PrivateLink.PrivateAccessSettings.ID; id != "" && before[id] == "" {
				t.Errorf("private access settings %s do not exist", id)
			}
			s.push(text)
			s.mustBeReady()
			var ready report.ReadyData
			s.sent(report.Ready, &ready)
			if v, _, _ := s.verification(ready.Report); v.Failed > 0 {
				t.Errorf("the verification has %d failed checks", v.Failed)
			}
			after := s.belongings()
			for id, text := range before {
				if after[id] != text {
					t.Errorf("%s was %s\nand is %s", id, text, after[id])
				}
			}
			calls := len(s.Hub.Calls())
			s.push(text)
			s.mustBeReady()
			if changes := s.Changes(calls); len(changes) > 0 {
				t.Errorf("the second run made %v", changes)
			}
		})
	}
}

// belongings describes what exists, by id or ARN, without the states of
// endpoints, which pass, without the marks of what is used, and without what route tables have for endpoints and
// subnets of the workspace.
func (s *scene) belongings() map[string]string {
	s.Helper()
	out := map[string]string{}
	add := func(id string, v any) {
		text, err := json.Marshal(v)
		if err != nil {
			s.Fatal(err)
		}
		// What is given is marked as used, and nothing more.
		out[id] = strings.ReplaceAll(string(text), fmt.Sprintf("%q:%q", plan.TagShared+s.spec.Metadata.Name, plan.Used), "")
	}
	region := s.Config.Region
	for _, x := range s.there().EC2.VPCs(region) {
		add(x.ID, x)
	}
	ours := map[string]bool{}
	for _, x := range s.there().EC2.Subnets(region) {
		ours[x.ID] = x.Tags[plan.TagManaged] == plan.Owned
		add(x.ID, x)
	}
	for _, x := range s.there().EC2.RouteTables(region) {
		x.Routes = slices.DeleteFunc(x.Routes, func(r ec2.Route) bool { return strings.HasPrefix(r.Target, "vpce-") })
		all := x.Associations
		x.Associations = nil
		for _, a := range all {
			if !ours[a.SubnetID] {
				x.Associations = append(x.Associations, a)
			}
		}
		add(x.ID, x)
	}
	for _, x := range s.there().EC2.SecurityGroups(region) {
		add(x.ID, x)
	}
	for _, x := range s.there().EC2.Rules(region) {
		add(x.ID, x)
	}
	for _, x := range s.there().EC2.Endpoints(region) {
		x.State = ""
		add(x.ID, x)
	}
	for _, x := range s.there().EC2.TransitGateways(region) {
		add(x.ID, x)
	}
	for _, x := range s.there().IAM.Roles() {
		add(x.ARN, x)
	}
	if glue := s.spec.Spec.Metastore.Glue; glue != nil {
		if x, ok := s.there().IAM.InstanceProfile(glue.InstanceProfile.ARN); ok {
			add(x.ARN, x)
		}
	}
	for _, x := range s.there().S3.Buckets() {
		add("arn:aws:s3:::"+x.Name, x)
	}
	for _, x := range s.there().KMS.Keys(region) {
		add(x.ARN, x)
	}
	for _, x := range s.there().Zones.Zones() {
		add(x.ID, x)
	}
	for _, x := range s.Databricks.Objects() {
		if x.Kind == "private-access-settings" {
			add(x.ID, x)
		}
	}
	return out
}

// In the users' VPC, which lies in different zones, machines reach what the
// functions call, and through a hosted zone the workspace.
func TestProvideFrontEnd(t *testing.T) {
	t.Parallel()
	for name, text := range map[string][]byte{
		"locked-down": example(t, "locked-down"), "by id": []byte(givenHeader + givenSpecs["a front end by id"]),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSceneOf(t, text)
			if err := s.Provide(t.Context(), s.spec); err != nil {
				t.Fatal(err)
			}
			region := s.Config.Region
			vpcs, subnets := s.EC2.VPCs(region), s.EC2.Subnets(region)
			if len(vpcs) != 1 || !vpcs[0].DNSSupport || !vpcs[0].DNSHostnames {
				t.Fatalf("the VPCs are %+v", vpcs)
			}
			zones := map[string]bool{}
			for _, x := range subnets {
				zones[x.Zone] = true
			}
			if len(subnets) != 2 || len(zones) != 2 {
				t.Fatalf("the subnets are %+v", subnets)
			}
			var groups []string
			for _, g := range s.EC2.SecurityGroups(region) {
				if g.Name == "default" {
					continue
				}
				groups = append(groups, g.ID)
				var rules []string
				for _, r := range s.EC2.Rules(region) {
					if r.GroupID == g.ID {
						rules = append(rules, fmt.Sprint(r.Egress, r.Protocol, r.FromPort, r.ToPort, r.CIDR))
					}
				}
				slices.Sort(rules)
				if want := []string{fmt.Sprint(false, "tcp", 443, 443, "10.20.0.0/20"), fmt.Sprint(true, "-1", -1, -1, "0.0.0.0/0")}; !slices.Equal(rules, want) {
					t.Errorf("the rules of %s are %v", g.ID, rules)
				}
			}
			m := network.Machine{Region: region, Subnet: subnets[0].ID, Groups: groups, Address: subnets[0].CIDR.Addr().Next()}
			reached := map[string]bool{}
			services := plan.ServicesOfCallers()
			for _, service := range services {
				addresses, ok := s.Network.Resolve(m, service+"."+region+".amazonaws.com")
				if !ok || s.Network.Connect(m, addresses[0], 443, "tcp", "") != network.Connected {
					t.Errorf("%s is not reached at %v", service, addresses)
					continue
				}
				e, _ := s.Network.Endpoint(m, addresses[0])
				reached[e.Service] = true
			}
			if len(reached) != len(services) {
				t.Errorf("the endpoints on the way are to %v", slices.Sorted(maps.Keys(reached)))
			}
			f := s.spec.Spec.PrivateLink.FrontEnd
			if f.ID == "" {
				if vpcs[0].ID != f.VPC || !slices.Equal(groups, f.SecurityGroups) || subnets[0].ID != f.Subnets[0] || subnets[1].ID != f.Subnets[1] {
					t.Errorf("VPC %s, subnets %+v and groups %v are not those of %+v", vpcs[0].ID, subnets, groups, f)
				}
				return
			}
			r, _ := spec.LookupRegion(region)
			e, _ := s.EC2.Endpoint(region, f.ID)
			if e.Service != r.WorkspaceServices[0] || e.VPCID != vpcs[0].ID || e.State != ec2.StatePendingAcceptance {
				t.Errorf("the front-end endpoint is %+v", e)
			}
			addresses, ok := s.Network.Resolve(m, r.DatabricksName+".privatelink.cloud.databricks.com")
			if !ok || len(addresses) != len(e.InterfaceIDs) || !vpcs[0].CIDR.Contains(addresses[0]) {
				t.Errorf("the hosted zone leads to %v", addresses)
			}
		})
	}
}

// What cannot be made is an error, and not a later surprise.
func TestProvideRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct{ text, says string }{
		"more subnets than zones": {`
  network:
    vpc: {id: vpc-0a1b2c3d4e5f60718}
    workspaceSubnets: [{id: subnet-0a1b2c3d4e5f60711}, {id: subnet-0a1b2c3d4e5f60712}, {id: subnet-0a1b2c3d4e5f60713}, {id: subnet-0a1b2c3d4e5f60714}]
    endpointSubnet: {id: subnet-0a1b2c3d4e5f60715}
`, "choosing a zone for subnet subnet-0a1b2c3d4e5f60714"},
		"a full VPC": {`
  network:
    vpc: {id: vpc-0a1b2c3d4e5f60718, cidr: 10.0.0.0/26}
    workspaceSubnets: [{id: subnet-0a1b2c3d4e5f60711}, {id: subnet-0a1b2c3d4e5f60712}]
    endpointSubnet: {id: subnet-0a1b2c3d4e5f60713}
`, "has no room for another subnet"},
		"a route target": {`
  network:
    vpc: {id: vpc-0a1b2c3d4e5f60718}
    workspaceSubnets: [{id: subnet-0a1b2c3d4e5f60711}, {id: subnet-0a1b2c3d4e5f60712}]
    endpointSubnet: {id: subnet-0a1b2c3d4e5f60713}
  egress:
    routes: [{destination: 0.0.0.0/0, target: eni-0a1b2c3d4e5f60718}]
`, "making the route target eni-0a1b2c3d4e5f60718"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSceneOf(t, []byte(givenHeader+test.text))
			if err := s.Provide(t.Context(), s.spec); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("the error is %v", err)
			}
		})
	}
}
