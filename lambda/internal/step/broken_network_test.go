package step_test

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/route53"
	"github.com/databricks/databricks-sdk-go/service/compute"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/plan"
)

// broken is one way to break the network of a workspace that runs, the checks
// that fail by it, and something that the message says.
type broken struct {
	// breaks breaks it while the cluster runs, or before it is started.
	breaks func(*breaker)
	before bool
	// fails are the ids of the checks that fail, by step; a step that fails in
	// another way has its class.
	fails map[string][]string
	says  string
	// notes is how many ports at least are noted as closed.
	notes int
}

// breaker is somebody who changes things by hand.
type breaker struct {
	*run
	api *ec2.Client
}

func (b *breaker) must(err error) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
}

// idOf is the id that a step has found.
func (b *breaker) idOf(step string) string {
	b.t.Helper()
	return b.id(step)
}

func (b *breaker) vpc() string { return b.idOf("EnsureVpc") }

func (b *breaker) subnets() []string {
	var s struct{ Workspace []struct{ ID string } }
	b.result("EnsureSubnets", &s)
	var ids []string
	for _, x := range s.Workspace {
		ids = append(ids, x.ID)
	}
	return ids
}

func (b *breaker) endpointSubnet() string {
	var s struct{ Endpoint struct{ ID string } }
	b.result("EnsureSubnets", &s)
	return s.Endpoint.ID
}

func (b *breaker) groups() (compute, doors string) {
	var g struct{ Workspace, Endpoint struct{ ID string } }
	b.result("EnsureSecurityGroups", &g)
	return g.Workspace.ID, g.Endpoint.ID
}

func (b *breaker) mainTable() string {
	var t struct{ Workspace []string }
	b.result("EnsureRouteTables", &t)
	return t.Workspace[0]
}

// revoke removes the rules of a group that have a direction and a first port.
func (b *breaker) revoke(group string, egress bool, protocol string, port int32) {
	b.t.Helper()
	out, err := b.api.DescribeSecurityGroupRules(context.Background(), &ec2.DescribeSecurityGroupRulesInput{
		Filters: []types.Filter{{Name: aws.String("group-id"), Values: []string{group}}},
	})
	b.must(err)
	var ids []string
	for _, r := range out.SecurityGroupRules {
		if aws.ToBool(r.IsEgress) == egress && aws.ToString(r.IpProtocol) == protocol && aws.ToInt32(r.FromPort) == port {
			ids = append(ids, aws.ToString(r.SecurityGroupRuleId))
		}
	}
	if len(ids) == 0 {
		b.t.Fatalf("%s has no such rule", group)
	}
	if egress {
		_, err = b.api.RevokeSecurityGroupEgress(context.Background(), &ec2.RevokeSecurityGroupEgressInput{GroupId: aws.String(group), SecurityGroupRuleIds: ids})
	} else {
		_, err = b.api.RevokeSecurityGroupIngress(context.Background(), &ec2.RevokeSecurityGroupIngressInput{GroupId: aws.String(group), SecurityGroupRuleIds: ids})
	}
	b.must(err)
}

func (b *breaker) deleteEndpoint(step string) {
	b.t.Helper()
	_, err := b.api.DeleteVpcEndpoints(context.Background(), &ec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{b.idOf(step)}})
	b.must(err)
	b.pass(5 * time.Minute)
}

func (b *breaker) privateDNSOff(step string) {
	b.t.Helper()
	_, err := b.api.ModifyVpcEndpoint(context.Background(), &ec2.ModifyVpcEndpointInput{
		VpcEndpointId: aws.String(b.idOf(step)), PrivateDnsEnabled: aws.Bool(false),
	})
	b.must(err)
	b.pass(5 * time.Minute)
}

func (b *breaker) policy(step, text string) {
	b.t.Helper()
	_, err := b.api.ModifyVpcEndpoint(context.Background(), &ec2.ModifyVpcEndpointInput{
		VpcEndpointId: aws.String(b.idOf(step)), PolicyDocument: aws.String(text),
	})
	b.must(err)
}

// internet attaches an internet gateway.
func (b *breaker) internet() string {
	b.t.Helper()
	g, err := b.api.CreateInternetGateway(context.Background(), &ec2.CreateInternetGatewayInput{})
	b.must(err)
	id := g.InternetGateway.InternetGatewayId
	_, err = b.api.AttachInternetGateway(context.Background(), &ec2.AttachInternetGatewayInput{InternetGatewayId: id, VpcId: aws.String(b.vpc())})
	b.must(err)
	return aws.ToString(id)
}

// nat makes a NAT gateway in a public subnet.
func (b *breaker) nat() string {
	b.t.Helper()
	gateway := b.internet()
	subnet, table := b.newSubnet(b.vpc(), "10.0.0.0/24", tokyoRegion+"a"), b.newTable(b.vpc())
	b.associate(table, subnet)
	_, err := b.api.CreateRoute(context.Background(), &ec2.CreateRouteInput{
		RouteTableId: aws.String(table), DestinationCidrBlock: aws.String("0.0.0.0/0"), GatewayId: aws.String(gateway),
	})
	b.must(err)
	return b.natIn(subnet)
}

// natIn makes a NAT gateway in a subnet.
func (b *breaker) natIn(subnet string) string {
	b.t.Helper()
	a, err := b.api.AllocateAddress(context.Background(), &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc})
	b.must(err)
	g, err := b.api.CreateNatGateway(context.Background(), &ec2.CreateNatGatewayInput{SubnetId: aws.String(subnet), AllocationId: a.AllocationId})
	b.must(err)
	return aws.ToString(g.NatGateway.NatGatewayId)
}

// transit attaches the VPC to a transit gateway.
func (b *breaker) transit() string {
	b.t.Helper()
	g, err := b.api.CreateTransitGateway(context.Background(), &ec2.CreateTransitGatewayInput{})
	b.must(err)
	_, err = b.api.CreateTransitGatewayVpcAttachment(context.Background(), &ec2.CreateTransitGatewayVpcAttachmentInput{
		TransitGatewayId: g.TransitGateway.TransitGatewayId, VpcId: aws.String(b.vpc()), SubnetIds: []string{b.endpointSubnet()},
	})
	b.must(err)
	return aws.ToString(g.TransitGateway.TransitGatewayId)
}

// acl puts a rule before all others of the workspace subnets' network ACL.
func (b *breaker) acl(egress bool, port int32, action types.RuleAction) {
	b.t.Helper()
	out, err := b.api.DescribeNetworkAcls(context.Background(), &ec2.DescribeNetworkAclsInput{
		Filters: []types.Filter{{Name: aws.String("vpc-id"), Values: []string{b.vpc()}}},
	})
	b.must(err)
	_, err = b.api.CreateNetworkAclEntry(context.Background(), &ec2.CreateNetworkAclEntryInput{
		NetworkAclId: out.NetworkAcls[0].NetworkAclId, RuleNumber: aws.Int32(50), Protocol: aws.String("6"), RuleAction: action,
		Egress: aws.Bool(egress), CidrBlock: aws.String("0.0.0.0/0"), PortRange: &types.PortRange{From: aws.Int32(port), To: aws.Int32(port)},
	})
	b.must(err)
}

func (b *breaker) attribute(in *ec2.ModifyVpcAttributeInput) {
	b.t.Helper()
	in.VpcId = aws.String(b.vpc())
	_, err := b.api.ModifyVpcAttribute(context.Background(), in)
	b.must(err)
}

// Every way to break the network makes the checks fail that it concerns, with
// what to do, and no other.
func TestBrokenNetwork(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	off := &types.AttributeBooleanValue{Value: aws.Bool(false)}
	for name, test := range brokenNetworks(ctx, off) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &breaker{run: newRun(t, "tokyo.yaml")}
			b.comeUp(!test.before)
			test.breaks(b)
			failed, messages := b.verify()
			if diff := cmp.Diff(test.fails, failed); diff != "" {
				t.Errorf("what fails differs (-want +got):\n%s%s", diff, messages)
			}
			contains(t, messages, test.says)
			if noted := b.checks(b.execution(), "VerifyPorts", "Noted"); len(noted) < test.notes {
				t.Errorf("%v are noted, want %d", noted, test.notes)
			}
		})
	}
}

// comeUp brings a workspace to where it is verified, with its compute running
// or yet to be started.
func (b *breaker) comeUp(running bool) {
	b.t.Helper()
	b.api = b.run.ec2()
	b.upTo("VerifyWorkspace")
	steps := []string{"VerifyWorkspace", "RegisterInstanceProfile", "AssignMetastore", "ConfigureSqlWarehouses"}
	if running {
		steps = append(steps, "VerifyCluster", "VerifySqlWarehouse")
	}
	for _, s := range steps {
		b.must(b.persist(s))
	}
	// The checks are made again, on the compute that runs.
	for _, s := range []string{"VerifyCluster", "VerifySqlWarehouse"} {
		delete(b.doc, stepOf(b.t, s).Result)
	}
}

// verify makes every check, and returns those that fail, by step, and what is
// said of them.
func (b *breaker) verify() (failed map[string][]string, messages string) {
	b.t.Helper()
	failed = map[string][]string{}
	for _, s := range plan.Workspace().Steps() {
		if !strings.HasPrefix(s.Name, "Verify") || s.Name == "VerifyNetworkAcls" {
			continue
		}
		if _, broken := failed["VerifyCluster"]; broken && s.Name != "VerifySqlWarehouse" {
			// Without a cluster there is no probe.
			continue
		}
		if err := b.persist(s.Name); err != nil {
			class, message := class(err)
			messages += message + "\n"
			failed[s.Name] = b.failedChecks(s.Name, class)
		}
	}
	return failed, messages
}

// failedChecks are the checks that a step has kept as failed; a step that did
// not come so far has its class alone.
func (b *breaker) failedChecks(step, class string) []string {
	if class != plan.VerificationFailed {
		return []string{class}
	}
	if ids := b.checks(b.execution(), step, "Failed"); len(ids) > 0 {
		return ids
	}
	return []string{class}
}

// execution is the name of the execution.
func (b *breaker) execution() string {
	b.t.Helper()
	var e struct{ Name string }
	if err := json.Unmarshal(b.doc["execution"], &e); err != nil {
		b.t.Fatal(err)
	}
	return e.Name
}

// workspaceName is metadata.name of the spec.
func (b *breaker) workspaceName() string {
	b.t.Helper()
	var name string
	b.must(json.Unmarshal(b.doc["workspace"], &name))
	return name
}

// checks are the ids of the checks of a step that have a result.
func (b *breaker) checks(execution, step, result string) []string {
	b.t.Helper()
	o, ok := b.world.S3.Get(b.world.StateBucket, "reports/"+b.workspaceName()+"/"+execution+"/checks/"+step+".json")
	if !ok {
		return nil
	}
	var section struct{ Checks []struct{ ID, Result string } }
	if err := json.Unmarshal(o.Body, &section); err != nil {
		b.t.Fatal(err)
	}
	var ids []string
	for _, c := range section.Checks {
		if c.Result == result {
			ids = append(ids, c.ID)
		}
	}
	slices.Sort(ids)
	return ids
}

// settleLate lets the relay know the endpoints only so long after now.
func (b *breaker) settleLate(after time.Duration) {
	b.world.Databricks.SettlePrivateLink("privatelink-test", after)
}

func (b *breaker) dropPassRole() {
	b.t.Helper()
	out, err := b.iam().GetRolePolicy(context.Background(), &iam.GetRolePolicyInput{
		RoleName: aws.String("lakegate-tokyo-cross-account"), PolicyName: aws.String("lakegate-databricks"),
	})
	b.must(err)
	text, err := url.QueryUnescape(aws.ToString(out.PolicyDocument))
	b.must(err)
	_, err = b.iam().PutRolePolicy(context.Background(), &iam.PutRolePolicyInput{
		RoleName: out.RoleName, PolicyName: out.PolicyName, PolicyDocument: aws.String(strings.Replace(text, "iam:PassRole", "iam:GetRole", 1)),
	})
	b.must(err)
}

// deleteCluster deletes the cluster for good, after it was seen to run.
func (b *breaker) deleteCluster() {
	b.t.Helper()
	b.must(b.persist("VerifyCluster"))
	b.must(b.workspace().Clusters.PermanentDelete(context.Background(), compute.PermanentDeleteCluster{ClusterId: b.idOf("VerifyCluster")}))
}

func (b *breaker) dropGlue() {
	b.t.Helper()
	_, err := b.iam().DeleteRolePolicy(context.Background(), &iam.DeleteRolePolicyInput{
		RoleName: aws.String("databricks-glue-access"), PolicyName: aws.String("lakegate-glue"),
	})
	b.must(err)
}

func (b *breaker) iam() *iam.Client { return iam.NewFromConfig(b.author(tokyoRegion)) }

func (b *breaker) zones() *route53.Client { return route53.NewFromConfig(b.author(tokyoRegion)) }
