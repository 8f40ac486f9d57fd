package step_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/network"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// teamNetwork is a VPC of a network team: compute has subnets and a route table
// of its own, whose default route leads to a gateway with a firewall behind it.
type teamNetwork struct {
	vpc, public, table, target string
	compute                    []string
}

// The hosts that the firewall of the network team lets through.
var allowedHosts = []string{"pypi.org", "files.pythonhosted.org"}

// tokyoHive is the host of the Hive metastore.
func tokyoHive() string {
	region, _ := spec.LookupRegion(tokyoRegion)
	return region.HiveHost
}

// newTeamNetwork makes the VPC, with a NAT gateway or a transit gateway.
func (r *run) newTeamNetwork(nat bool) teamNetwork {
	r.t.Helper()
	n := teamNetwork{vpc: r.newVPC("10.20.0.0/22")}
	r.setDNS(n.vpc, true, true)
	n.public = r.newSubnet(n.vpc, "10.20.0.0/24", tokyoRegion+"a")
	n.compute = []string{r.newSubnet(n.vpc, "10.20.1.0/24", tokyoRegion+"a"), r.newSubnet(n.vpc, "10.20.2.0/24", tokyoRegion+"c")}
	n.table = r.newTable(n.vpc)
	for _, s := range n.compute {
		r.associate(n.table, s)
	}
	out := ec2.CreateRouteInput{RouteTableId: aws.String(n.table), DestinationCidrBlock: aws.String("0.0.0.0/0")}
	if nat {
		internet := must(r.ec2().CreateInternetGateway(r.t.Context(), &ec2.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
		must(r.ec2().AttachInternetGateway(r.t.Context(), &ec2.AttachInternetGatewayInput{InternetGatewayId: internet, VpcId: aws.String(n.vpc)}))
		table := r.newTable(n.vpc)
		r.associate(table, n.public)
		must(r.ec2().CreateRoute(r.t.Context(), &ec2.CreateRouteInput{
			RouteTableId: aws.String(table), DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: internet,
		}))
		n.target = r.newNAT(n)
		out.NatGatewayId = aws.String(n.target)
	} else {
		n.target = *must(r.ec2().CreateTransitGateway(r.t.Context(), &ec2.CreateTransitGatewayInput{})).TransitGateway.TransitGatewayId
		must(r.ec2().CreateTransitGatewayVpcAttachment(r.t.Context(), &ec2.CreateTransitGatewayVpcAttachmentInput{
			TransitGatewayId: aws.String(n.target), VpcId: aws.String(n.vpc), SubnetIds: n.compute,
		}))
		out.TransitGatewayId = aws.String(n.target)
	}
	must(r.ec2().CreateRoute(r.t.Context(), &out))
	return n
}

// newNAT makes a NAT gateway in the public subnet.
func (r *run) newNAT(n teamNetwork) string {
	r.t.Helper()
	address := must(r.ec2().AllocateAddress(r.t.Context(), &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc}))
	gateway := must(r.ec2().CreateNatGateway(r.t.Context(), &ec2.CreateNatGatewayInput{
		SubnetId: aws.String(n.public), AllocationId: address.AllocationId,
	})).NatGateway
	if gateway.State != types.NatGatewayStateAvailable {
		r.t.Fatalf("the NAT gateway is %s: %s", gateway.State, aws.ToString(gateway.FailureMessage))
	}
	return *gateway.NatGatewayId
}

// spec is that of a workspace in the network that uses the Hive metastore.
func (n teamNetwork) spec() string {
	return `apiVersion: lakegate.dev/v1
kind: Workspace
metadata: {name: hive}
spec:
  region: ap-northeast-1
  aws: {accountId: "123456789012"}
  databricks: {accountId: "8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34"}
  network:
    vpc: {id: ` + n.vpc + `, cidr: 10.20.0.0/22}
    workspaceSubnets:
      - {id: ` + strings.Join(n.compute, "}\n      - {id: ") + `}
  metastore:
    hive: {}
  egress:
    routes:
      - {destination: 0.0.0.0/0, target: ` + n.target + `}
    hosts: [` + strings.Join(allowedHosts, ", ") + `]
`
}

// passing are all hosts that the firewall has to let through.
func passing(more ...string) []string {
	return slices.Concat(allowedHosts, []string{tokyoHive()}, more)
}

// A workspace whose tables are known to the Hive metastore that Databricks runs
// ends Ready in a network with a firewall, and the report says what has been
// reached and what has not.
func TestHiveMetastore(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		nat, byName bool
		// noted are the gateways of the VPC, of which the team may have any.
		noted []string
	}{
		"behind a NAT gateway":              {nat: true, noted: []string{"isolation.internet-gateway", "isolation.nat-gateway"}},
		"behind a transit gateway, by name": {byName: true, noted: []string{"isolation.transit-gateway"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRunIn(t, emulator.Config{Seed: 1})
			n := r.newTeamNetwork(test.nat)
			r.world.Firewall(n.target, network.Firewall{Hosts: passing(), ByName: test.byName})
			must(r.world.Commit("workspaces/hive.yaml", []byte(n.spec())))
			if err := r.world.Clock.Idle(t.Context()); err != nil {
				t.Fatal(err)
			}
			v, page := r.reported()
			way := "0.0.0.0/0 by " + n.target
			same(t, "verdict", document.Passed, v.Verdict)
			contains(t, page,
				"- "+way+", as spec.egress.routes allows.",
				"- On TCP 443 by these routes: pypi.org, files.pythonhosted.org.",
				"- On TCP 3306 by these routes: "+tokyoHive()+", the Hive metastore",
				"What needs another host does not work")

			want := map[string]string{
				"metastore.legacy-access": "Passed: disable_legacy_access is false",
				"metastore.hive":          "Passed: connected",
				"metastore.databases":     "Passed: default",
				"sql.databases":           "Passed: default",

				"isolation.needed.s3":                      "Passed: connected",
				"isolation.needed.sts":                     "Passed: connected",
				"isolation.allowed.pypi.org":               "Passed: connected",
				"isolation.allowed.files.pythonhosted.org": "Passed: connected",
				"isolation.outside.example.com":            "Passed: timeout",
				"isolation.outside.1.1.1.1":                "Passed: timeout",
				"isolation.outside.8.8.8.8-tcp":            "Passed: timeout",
				"isolation.outside.8.8.8.8-udp":            "Passed: timeout",
				"isolation.outside.ipv6":                   "Passed: unreachable",
				"isolation.outside.other-region":           "Passed: timeout",
				"isolation.routes.ap-northeast-1a":         "Passed: beside those of the VPC and to S3 it has " + way,
				"isolation.routes.ap-northeast-1c":         "Passed: beside those of the VPC and to S3 it has " + way,
			}
			got, noted := map[string]string{}, []string{}
			for _, s := range v.Sections {
				for _, c := range s.Checks {
					if _, wanted := want[c.ID]; wanted || strings.HasPrefix(c.ID, "isolation.outside.") {
						got[c.ID] = c.Result + ": " + c.Seen
					}
					if c.Result == document.Noted {
						noted = append(noted, c.ID)
					}
				}
			}
			same(t, "report", want, got)
			same(t, "what is noted", append(slices.Clone(test.noted), "isolation.channel.dns", "isolation.channel.s3"), noted)
		})
	}
}

// reported is the report that the newest event of a workspace's being ready
// names.
func (r *run) reported() (v report.Verification, page string) {
	r.t.Helper()
	events := r.world.Events.Events(plan.EventBusName)
	last := events[len(events)-1]
	if last.DetailType != report.Ready {
		r.t.Fatalf("the execution ended with %s: %s", last.DetailType, last.Detail)
	}
	var ready struct{ Data report.ReadyData }
	if err := json.Unmarshal(last.Detail, &ready); err != nil {
		r.t.Fatal(err)
	}
	o, _ := r.world.S3.Get(r.world.StateBucket, ready.Data.Report)
	if err := json.Unmarshal(o.Body, &v); err != nil {
		r.t.Fatal(err)
	}
	o, _ = r.world.S3.Get(r.world.StateBucket, strings.TrimSuffix(ready.Data.Report, ".json")+".md")
	return v, string(o.Body)
}

// What is wrong with the way out makes the checks fail that it concerns, and no
// other.
func TestBrokenHiveMetastore(t *testing.T) {
	t.Parallel()
	routes := []string{"isolation.routes.ap-northeast-1a", "isolation.routes.ap-northeast-1c"}
	unreached := map[string][]string{
		"VerifyMetastore": {"metastore.databases", "metastore.hive"}, "VerifySqlWarehouse": {"sql.databases"},
	}
	for name, test := range map[string]struct {
		breaks func(*breaker, teamNetwork)
		fails  map[string][]string
		says   []string
	}{
		"nothing": {breaks: func(*breaker, teamNetwork) {}, fails: map[string][]string{}},

		"the firewall lets another host through": {
			breaks: func(b *breaker, n teamNetwork) {
				b.world.Firewall(n.target, network.Firewall{Hosts: passing("example.com")})
			},
			fails: map[string][]string{"VerifyIsolation": {"isolation.outside.example.com"}},
			says: []string{
				"Compute does not reach example.com, TCP 443: not true of example.com: connected",
				"look at the routes of the workspace subnets, at gateways, and at what stands behind them",
			},
		},
		"the firewall lets another host through, by name": {
			breaks: func(b *breaker, n teamNetwork) {
				b.world.Firewall(n.target, network.Firewall{Hosts: passing("1.1.1.1"), ByName: true})
			},
			fails: map[string][]string{"VerifyIsolation": {"isolation.outside.1.1.1.1"}},
			says:  []string{"Compute does not reach 1.1.1.1, TCP 443: not true of 1.1.1.1: connected"},
		},
		"a firewall that lets all through": {
			breaks: func(b *breaker, n teamNetwork) {
				b.world.Firewall(n.target, network.Firewall{Hosts: passing("example.com", "1.1.1.1", "s3.ap-northeast-2.amazonaws.com")})
			},
			fails: map[string][]string{"VerifyIsolation": {
				"isolation.outside.1.1.1.1", "isolation.outside.example.com", "isolation.outside.other-region",
			}},
			says: []string{"Compute does not reach s3.ap-northeast-2.amazonaws.com, TCP 443: not true of s3.ap-northeast-2.amazonaws.com: connected"},
		},
		"the firewall drops the metastore's host": {
			breaks: func(b *breaker, n teamNetwork) {
				b.world.Firewall(n.target, network.Firewall{Hosts: allowedHosts})
			},
			fails: unreached,
			says: []string{
				"The Hive metastore of Databricks can be reached: not true of " + tokyoHive() + ": timeout",
				"MetaException: Could not connect to " + tokyoHive() + ":3306: timeout",
				"the firewall has to admit it by address",
			},
		},
		"the firewall knows names of TLS alone": {
			breaks: func(b *breaker, n teamNetwork) {
				b.world.Firewall(n.target, network.Firewall{Hosts: allowedHosts, ByName: true})
			},
			// The connection is opened, and then nothing comes.
			fails: map[string][]string{"VerifyMetastore": {"metastore.databases"}, "VerifySqlWarehouse": {"sql.databases"}},
			says: []string{
				"Spark lists its databases: not true of",
				"MetaException: Could not connect to " + tokyoHive() + ":3306: timeout",
				"a route of spec.egress has to lead to " + tokyoHive() + ", and the firewall has to admit it by address: one that goes by names of TLS finds none",
			},
		},
		"the firewall drops a host of the spec": {
			breaks: func(b *breaker, n teamNetwork) {
				b.world.Firewall(n.target, network.Firewall{Hosts: []string{"pypi.org", tokyoHive()}})
			},
			fails: map[string][]string{"VerifyIsolation": {"isolation.allowed.files.pythonhosted.org"}},
			says: []string{
				"Compute reaches files.pythonhosted.org, as spec.egress allows: not true of files.pythonhosted.org: timeout",
				"Look at the firewall and the routes of spec.egress.",
			},
		},
		"the firewall drops a host of the spec, by name": {
			breaks: func(b *breaker, n teamNetwork) {
				b.world.Firewall(n.target, network.Firewall{Hosts: []string{"pypi.org", tokyoHive()}, ByName: true})
			},
			fails: map[string][]string{"VerifyIsolation": {"isolation.allowed.files.pythonhosted.org"}},
			says:  []string{"Compute reaches files.pythonhosted.org, as spec.egress allows: not true of files.pythonhosted.org: timeout"},
		},
		"TCP 3306 closed to compute": {
			breaks: func(b *breaker, _ teamNetwork) { compute, _ := b.groups(); b.revoke(compute, true, "tcp", 3306) },
			fails:  unreached,
			says: []string{
				"The Hive metastore of Databricks can be reached: not true of " + tokyoHive() + ": timeout",
				"The workspace group has to let TCP 3306 out",
			},
		},
		"a second route": {
			breaks: func(b *breaker, n teamNetwork) {
				_, err := b.api.CreateRoute(b.t.Context(), &ec2.CreateRouteInput{
					RouteTableId: aws.String(n.table), DestinationCidrBlock: aws.String("203.0.113.0/24"), NatGatewayId: aws.String(n.target),
				})
				b.must(err)
			},
			fails: map[string][]string{"VerifyIsolation": routes},
			says: []string{
				"No route of the subnet leads out of the VPC but those of spec.egress.routes: not true of subnet-",
				"it reaches 203.0.113.0/24 by nat-",
				"Remove the route, or allow it in spec.egress.routes.",
			},
		},
		"a route to another target": {
			breaks: func(b *breaker, n teamNetwork) {
				other := b.newNAT(n)
				b.world.Firewall(other, network.Firewall{Hosts: passing()})
				_, err := b.api.ReplaceRoute(b.t.Context(), &ec2.ReplaceRouteInput{
					RouteTableId: aws.String(n.table), DestinationCidrBlock: aws.String("0.0.0.0/0"), NatGatewayId: aws.String(other),
				})
				b.must(err)
			},
			fails: map[string][]string{"VerifyIsolation": routes},
			says:  []string{"it reaches 0.0.0.0/0 by nat-"},
		},
		"no route": {
			breaks: func(b *breaker, n teamNetwork) {
				_, err := b.api.DeleteRoute(b.t.Context(), &ec2.DeleteRouteInput{
					RouteTableId: aws.String(n.table), DestinationCidrBlock: aws.String("0.0.0.0/0"),
				})
				b.must(err)
			},
			fails: map[string][]string{
				"VerifyMetastore":    unreached["VerifyMetastore"],
				"VerifyIsolation":    {"isolation.allowed.files.pythonhosted.org", "isolation.allowed.pypi.org"},
				"VerifySqlWarehouse": unreached["VerifySqlWarehouse"],
			},
			says: []string{"a route of spec.egress has to lead to " + tokyoHive()},
		},
		"legacy access disabled": {
			breaks: func(b *breaker, _ teamNetwork) { b.world.Databricks.DisableLegacyAccess("hive") },
			fails: map[string][]string{
				"VerifyMetastore": {"metastore.databases", "metastore.legacy-access"}, "VerifySqlWarehouse": {"sql.databases"},
			},
			says: []string{"Turn off Disable legacy access"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &breaker{run: newRunIn(t, emulator.Config{Seed: 1, Manual: true})}
			t.Cleanup(b.world.Clock.Hold())
			n := b.newTeamNetwork(true)
			b.world.Firewall(n.target, network.Firewall{Hosts: passing()})
			b.commit("hive.yaml", n.spec())
			b.comeUp(true)
			test.breaks(b, n)
			failed, messages := b.verify()
			if diff := cmp.Diff(test.fails, failed); diff != "" {
				t.Errorf("what fails differs (-want +got):\n%s%s", diff, messages)
			}
			contains(t, messages, test.says...)
			if name == "a route to another target" && strings.Contains(messages, n.target) {
				t.Errorf("the message blames the target that is allowed: %s", messages)
			}
		})
	}
}
