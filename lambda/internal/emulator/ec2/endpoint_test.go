package ec2_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/ec2"
	"lakegate/lambda/internal/emulator/latency"
)

func TestDatabricksEndpointLifecycle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.resolvingVPC("10.0.0.0/22")
	subnet := w.subnet(vpc, "10.0.3.0/24", "a")
	e := w.endpoint(interfaceTo(workspaceService, vpc, "ws", subnet))
	id := *e.VpcEndpointId
	if e.State != "pendingAcceptance" {
		t.Errorf("a new endpoint is %s, want pendingAcceptance", e.State)
	}
	w.pass(24 * time.Hour)
	if got := w.state(id); got != "pendingAcceptance" {
		t.Errorf("without acceptance the endpoint is %s, want pendingAcceptance", got)
	}
	private := func() error {
		_, err := w.ModifyVpcEndpoint(t.Context(), &awsec2.ModifyVpcEndpointInput{VpcEndpointId: &id, PrivateDnsEnabled: aws.Bool(true)})
		return err
	}
	wantCode(t, private(), "IncorrectState")
	if err := w.service.AcceptEndpoint(tokyo, id, "somebody-else"); err == nil {
		t.Error("somebody who does not own the service could accept")
	}
	if err := w.service.AcceptEndpoint(tokyo, id, databricks); err != nil {
		t.Fatal(err)
	}
	key := tokyo + "/" + workspaceService + "/ws"
	w.settles(id, w.delays.Draw(latency.DatabricksEndpoint, key))
	if err := w.service.AcceptEndpoint(tokyo, id, databricks); err != nil || w.state(id) != "available" {
		t.Errorf("accepting twice: %v, state %s; want no change", err, w.state(id))
	}
	if err := private(); err != nil {
		t.Fatal(err)
	}
	w.settles(id, w.delays.Draw(latency.PrivateDNS, key))
	if err := private(); err != nil || w.state(id) != "available" {
		t.Errorf("enabling private DNS twice: %v, state %s; want no change", err, w.state(id))
	}
	out := must[*awsec2.DescribeVpcEndpointsOutput](t)(w.DescribeVpcEndpoints(t.Context(), &awsec2.DescribeVpcEndpointsInput{}))
	names := out.VpcEndpoints[0].DnsEntries
	if got := *names[len(names)-1].DnsName; got != "tokyo.privatelink.cloud.databricks.com" || !*out.VpcEndpoints[0].PrivateDnsEnabled {
		t.Errorf("last name %s, private DNS %t", got, *out.VpcEndpoints[0].PrivateDnsEnabled)
	}
}

// settles checks that an endpoint is pending for exactly so long.
func (w *world) settles(id string, d time.Duration) {
	w.t.Helper()
	w.pass(d - time.Millisecond)
	if got := w.state(id); got != "pending" {
		w.t.Errorf("the endpoint is %s, want pending", got)
	}
	w.pass(time.Millisecond)
	if got := w.state(id); got != "available" {
		w.t.Errorf("after %s the endpoint is %s, want available", d, got)
	}
}

func TestAWSEndpointDeletion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	subnet, group := w.subnet(vpc, "10.0.1.0/24", "a"), w.group(vpc, "g")
	in := interfaceTo(stsService, vpc, "sts", subnet)
	in.SecurityGroupIds = []string{group}
	e := w.endpoint(in)
	id := *e.VpcEndpointId
	w.settles(id, w.delays.Draw(latency.AWSEndpoint, tokyo+"/"+stsService+"/sts"))

	deleteSubnet := func() error {
		_, err := w.DeleteSubnet(t.Context(), &awsec2.DeleteSubnetInput{SubnetId: &subnet})
		return err
	}
	deleteGroup := func() error {
		_, err := w.DeleteSecurityGroup(t.Context(), &awsec2.DeleteSecurityGroupInput{GroupId: &group})
		return err
	}
	wantMessage(t, deleteSubnet(), "DependencyViolation", "The subnet '"+subnet+"' has dependencies and cannot be deleted.")
	wantMessage(t, deleteGroup(), "DependencyViolation", "resource "+group+" has a dependent object")
	deletion := &awsec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{id, "vpce-00000000000000000"}}
	out := must[*awsec2.DeleteVpcEndpointsOutput](t)(w.DeleteVpcEndpoints(t.Context(), deletion))
	if len(out.Unsuccessful) != 1 || *out.Unsuccessful[0].Error.Code != "InvalidVpcEndpointId.NotFound" {
		t.Errorf("unsuccessful: %+v, want the unknown endpoint", out.Unsuccessful)
	}
	if got := w.state(id); got != "deleting" {
		t.Errorf("the endpoint is %s, want deleting", got)
	}
	wantCode(t, deleteSubnet(), "DependencyViolation")
	w.pass(w.delays.Draw(latency.EndpointDeletion, tokyo+"/"+stsService+"/sts"))
	if got := w.state(id); got != "InvalidVpcEndpointId.NotFound" {
		t.Errorf("the endpoint is %s, want it gone", got)
	}
	wantCode(t, deleteGroup(), "")
	wantCode(t, deleteSubnet(), "")
	checkInvariants(t, w.service)
}

func TestEndpointEndsBadly(t *testing.T) {
	t.Parallel()
	lost := ec2.EndpointFailure{Code: "InternalError", Message: "capacity"}
	tests := map[string]struct {
		ruin func(t *testing.T, w *world, id string) error
		want string
	}{
		"rejected": {func(_ *testing.T, w *world, id string) error { return w.service.RejectEndpoint(tokyo, id, databricks) }, "rejected"},
		"rejected after acceptance": {func(_ *testing.T, w *world, id string) error {
			if err := w.service.AcceptEndpoint(tokyo, id, databricks); err != nil {
				return err
			}
			return w.service.RejectEndpoint(tokyo, id, databricks)
		}, "rejected"},
		"expired": {func(_ *testing.T, w *world, id string) error { return w.service.ExpireEndpoint(tokyo, id) }, "expired"},
		"failed":  {func(_ *testing.T, w *world, id string) error { return w.service.FailEndpoint(tokyo, id, lost) }, "failed"},
		"doomed": {func(_ *testing.T, w *world, id string) error {
			if got := w.state(id); got != "pendingAcceptance" {
				w.t.Errorf("a doomed endpoint is %s before it fails", got)
			}
			return w.service.AcceptEndpoint(tokyo, id, databricks)
		}, "failed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			if name == "doomed" {
				if err := w.service.FailNextEndpoint(tokyo, workspaceService, lost); err != nil {
					t.Fatal(err)
				}
			}
			vpc := w.resolvingVPC("10.0.0.0/22")
			in := interfaceTo(workspaceService, vpc, "ws", w.subnet(vpc, "10.0.3.0/24", "a"))
			in.PrivateDnsEnabled = aws.Bool(true)
			id := *w.endpoint(in).VpcEndpointId
			if err := test.ruin(t, w, id); err != nil {
				t.Fatal(err)
			}
			w.pass(time.Hour)
			if got := w.state(id); got != test.want {
				t.Errorf("the endpoint is %s, want %s", got, test.want)
			}
			if e, _ := w.service.Endpoint(tokyo, id); test.want == "failed" && e.Failure != lost {
				t.Errorf("failure %+v, want %+v", e.Failure, lost)
			}
			// Its name is free again.
			w.endpoint(in)
			checkInvariants(t, w.service)
		})
	}
}

func TestCreateVpcEndpointRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc, dark, other := w.resolvingVPC("10.0.0.0/22"), w.vpc("10.1.0.0/22"), w.resolvingVPC("10.2.0.0/22")
	a, d := w.subnet(vpc, "10.0.1.0/24", "a"), w.subnet(vpc, "10.0.2.0/24", "d")
	a2, foreign := w.subnet(vpc, "10.0.3.0/24", "a"), w.subnet(other, "10.2.0.0/24", "a")
	foreignGroup := w.group(other, "g")
	main := w.service.RouteTables(tokyo)[0].ID
	w.service.OfferService(tokyo, ec2.ServiceDetail{Name: "com.amazonaws.vpce.ap-northeast-1.vpce-svc-00000000000000001", Owner: databricks})
	taken := interfaceTo(stsService, vpc, "sts", a)
	taken.PrivateDnsEnabled = aws.Bool(true)
	w.endpoint(taken)
	gateway := &awsec2.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: aws.String(s3Service), RouteTableIds: []string{main}}
	w.endpoint(gateway)

	tests := map[string]struct {
		in            *awsec2.CreateVpcEndpointInput
		change        func(*awsec2.CreateVpcEndpointInput)
		code, message string
	}{
		"unknown service": {in: interfaceTo("com.amazonaws.vpce.ap-northeast-1.vpce-svc-1", vpc, "x", a),
			code: "InvalidServiceName", message: "The Vpc Endpoint Service 'com.amazonaws.vpce.ap-northeast-1.vpce-svc-1' does not exist"},
		"unknown vpc":    {in: interfaceTo(stsService, "vpc-00000000000000000", "x"), code: "InvalidVpcID.NotFound", message: "The vpc ID 'vpc-00000000000000000' does not exist"},
		"unknown subnet": {in: interfaceTo(stsService, vpc, "x", "subnet-1"), code: "InvalidSubnetID.NotFound", message: "The subnet ID 'subnet-1' does not exist"},
		"subnet of another vpc": {in: interfaceTo(stsService, vpc, "x", foreign),
			code: "InvalidParameter", message: "Subnet " + foreign + " and VPC " + vpc + " belong to different networks."},
		"group of another vpc": {in: interfaceTo(stsService, vpc, "x", a),
			change: func(in *awsec2.CreateVpcEndpointInput) { in.SecurityGroupIds = []string{foreignGroup} },
			code:   "InvalidParameter", message: "Security group " + foreignGroup + " and VPC " + vpc + " belong to different networks."},
		"zone without the service": {in: interfaceTo(workspaceService, vpc, "x", d),
			code: "InvalidParameter", message: "The VPC endpoint service " + workspaceService + " does not support the availability zone of the subnet: " + d + "."},
		"two subnets in a zone": {in: interfaceTo(relayService, vpc, "x", a, a2),
			code: "DuplicateSubnetsInSameZone", message: "Found another VPC endpoint subnet in the availability zone of " + a2 + ". VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service."},
		"private dns taken": {in: taken,
			code: "InvalidParameter", message: "private-dns-enabled cannot be set because there is already a conflicting DNS domain for sts.ap-northeast-1.amazonaws.com in the VPC " + vpc},
		"private dns by default": {in: interfaceTo(stsService, dark, "x"), change: func(in *awsec2.CreateVpcEndpointInput) { in.PrivateDnsEnabled = nil },
			code: "InvalidParameter", message: "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for " + dark},
		"private dns without a name": {in: interfaceTo("com.amazonaws.vpce.ap-northeast-1.vpce-svc-00000000000000001", vpc, "x", a),
			change: func(in *awsec2.CreateVpcEndpointInput) { in.PrivateDnsEnabled = aws.Bool(true) },
			code:   "InvalidParameter", message: "Private DNS can't be enabled because the service com.amazonaws.vpce.ap-northeast-1.vpce-svc-00000000000000001 does not provide a private DNS name."},
		"wrong type": {in: &awsec2.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: aws.String(stsService)},
			code: "InvalidParameter", message: "Endpoint type (Gateway) does not match available service types ([Interface])."},
		"second gateway": {in: gateway, code: "RouteAlreadyExists",
			message: "route table " + main + " already has a route with destination-prefix-list-id " + w.prefixList(s3Service)},
		"gateway in a subnet": {in: &awsec2.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: aws.String(s3Service), SubnetIds: []string{a}},
			code: "InvalidParameter", message: "Subnet IDs are only supported for Interface and GatewayLoadBalancer type VPC Endpoints."},
		"policy that is none": {in: interfaceTo(stsService, vpc, "x", a), change: func(in *awsec2.CreateVpcEndpointInput) { in.PolicyDocument = aws.String("{") },
			code: "InvalidPolicyDocument", message: "Invalid Policy Document"},
		"type that does not exist": {in: interfaceTo(stsService, vpc, "x", a), change: func(in *awsec2.CreateVpcEndpointInput) { in.VpcEndpointType = "Tube" },
			code: "InvalidVpcEndpointType", message: "The VPC endpoint type Tube is not valid."},
		"type that is not emulated": {in: interfaceTo(stsService, vpc, "x", a), change: func(in *awsec2.CreateVpcEndpointInput) { in.VpcEndpointType = "Resource" },
			code: "NotImplemented", message: "the endpoint type Resource is not emulated"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if test.change != nil {
				test.change(test.in)
			}
			_, err := w.CreateVpcEndpoint(t.Context(), test.in)
			wantMessage(t, err, test.code, test.message)
		})
	}
	if got := len(w.service.Endpoints(tokyo)); got != 2 {
		t.Errorf("%d endpoints after the refusals, want 2", got)
	}
	checkInvariants(t, w.service)
}

func (w *world) prefixList(service string) string {
	w.t.Helper()
	out := must[*awsec2.DescribePrefixListsOutput](w.t)(w.DescribePrefixLists(w.t.Context(), &awsec2.DescribePrefixListsInput{Filters: filters("prefix-list-name", service)}))
	return *out.PrefixLists[0].PrefixListId
}

func TestClientToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	in := interfaceTo(stsService, vpc, "sts", w.subnet(vpc, "10.0.1.0/24", "a"))
	in.ClientToken = aws.String("once")
	first, second := w.endpoint(in), w.endpoint(in)
	if *first.VpcEndpointId != *second.VpcEndpointId || len(w.service.Endpoints(tokyo)) != 1 {
		t.Errorf("the same request made %s and %s", *first.VpcEndpointId, *second.VpcEndpointId)
	}
	changed := *in
	changed.SubnetIds = nil
	_, err := w.CreateVpcEndpoint(t.Context(), &changed)
	wantCode(t, err, "IdempotentParameterMismatch")

	must[*awsec2.DeleteVpcEndpointsOutput](t)(w.DeleteVpcEndpoints(t.Context(), &awsec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{*first.VpcEndpointId}}))
	w.pass(time.Hour)
	if e := w.endpoint(in); *e.VpcEndpointId != *first.VpcEndpointId || e.State != "deleted" {
		t.Errorf("the request of a deleted endpoint gave %s, %s", *e.VpcEndpointId, e.State)
	}
	w.pass(24 * time.Hour)
	if e := w.endpoint(in); *e.VpcEndpointId == *first.VpcEndpointId {
		t.Error("the token was remembered for more than a day")
	}
}

func TestGatewayEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	main := w.service.RouteTables(tokyo)[0].ID
	table := *must[*awsec2.CreateRouteTableOutput](t)(w.CreateRouteTable(t.Context(), &awsec2.CreateRouteTableInput{VpcId: &vpc})).RouteTable.RouteTableId
	e := w.endpoint(&awsec2.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: aws.String(s3Service), RouteTableIds: []string{main}})
	if e.State != "available" || *e.PolicyDocument == "" {
		t.Errorf("a new gateway endpoint is %s with the policy %q", e.State, *e.PolicyDocument)
	}
	list := w.prefixList(s3Service)
	routesTo := func() []string {
		var tables []string
		for _, table := range w.service.RouteTables(tokyo) {
			if slices.ContainsFunc(table.Routes, func(r ec2.Route) bool { return r.Destination == list && r.Target == *e.VpcEndpointId }) {
				tables = append(tables, table.ID)
			}
		}
		return tables
	}
	if diff := cmp.Diff([]string{main}, routesTo()); diff != "" {
		t.Errorf("tables with a route (-want +got):\n%s", diff)
	}
	must[*awsec2.ModifyVpcEndpointOutput](t)(w.ModifyVpcEndpoint(t.Context(), &awsec2.ModifyVpcEndpointInput{
		VpcEndpointId: e.VpcEndpointId, AddRouteTableIds: []string{table}, RemoveRouteTableIds: []string{main},
		PolicyDocument: aws.String(`{"Statement":[]}`),
	}))
	if diff := cmp.Diff([]string{table}, routesTo()); diff != "" {
		t.Errorf("tables with a route (-want +got):\n%s", diff)
	}
	if got, _ := w.service.Endpoint(tokyo, *e.VpcEndpointId); got.Policy != `{"Statement":[]}` || got.State != ec2.StateAvailable {
		t.Errorf("after the change: policy %s, state %s", got.Policy, got.State)
	}
	_, err := w.DeleteRoute(t.Context(), &awsec2.DeleteRouteInput{RouteTableId: &table, DestinationPrefixListId: &list})
	wantCode(t, err, "InvalidParameterValue")
	must[*awsec2.DeleteVpcEndpointsOutput](t)(w.DeleteVpcEndpoints(t.Context(), &awsec2.DeleteVpcEndpointsInput{VpcEndpointIds: []string{*e.VpcEndpointId}}))
	if got := routesTo(); got != nil || w.state(*e.VpcEndpointId) != "InvalidVpcEndpointId.NotFound" {
		t.Errorf("after the deletion: routes in %v, state %s", got, w.state(*e.VpcEndpointId))
	}
}

func TestModifyInterfaceEndpoint(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	a, c, a2 := w.subnet(vpc, "10.0.1.0/24", "a"), w.subnet(vpc, "10.0.2.0/24", "c"), w.subnet(vpc, "10.0.3.0/24", "a")
	group := w.group(vpc, "g")
	id := *w.endpoint(interfaceTo(stsService, vpc, "sts", a)).VpcEndpointId
	before, _ := w.service.Endpoint(tokyo, id)
	w.pass(time.Hour)
	modify := func(in awsec2.ModifyVpcEndpointInput) error {
		in.VpcEndpointId = &id
		_, err := w.ModifyVpcEndpoint(t.Context(), &in)
		return err
	}
	wantCode(t, modify(awsec2.ModifyVpcEndpointInput{AddSubnetIds: []string{a2}}), "DuplicateSubnetsInSameZone")
	wantCode(t, modify(awsec2.ModifyVpcEndpointInput{RemoveSubnetIds: []string{c}}), "InvalidSubnetID.NotFound")
	wantCode(t, modify(awsec2.ModifyVpcEndpointInput{RemoveSecurityGroupIds: before.GroupIDs}), "InvalidParameter")
	wantCode(t, modify(awsec2.ModifyVpcEndpointInput{PrivateDnsEnabled: aws.Bool(true)}), "InvalidParameter")
	wantCode(t, modify(awsec2.ModifyVpcEndpointInput{AddRouteTableIds: []string{"rtb-1"}}), "InvalidParameter")
	if got := w.state(id); got != "available" {
		t.Errorf("after the refusals the endpoint is %s", got)
	}
	wantCode(t, modify(awsec2.ModifyVpcEndpointInput{
		AddSubnetIds: []string{c}, RemoveSubnetIds: []string{a}, AddSecurityGroupIds: []string{group}, RemoveSecurityGroupIds: before.GroupIDs,
	}), "")
	if got := w.state(id); got != "pending" {
		t.Errorf("after the change of subnets the endpoint is %s, want pending", got)
	}
	after, _ := w.service.Endpoint(tokyo, id)
	interfaces := w.service.NetworkInterfaces(tokyo)
	if !slices.Equal(after.SubnetIDs, []string{c}) || !slices.Equal(after.GroupIDs, []string{group}) || len(interfaces) != 1 ||
		!slices.Equal(interfaces[0].GroupIDs, []string{group}) || interfaces[0].SubnetID != c {
		t.Errorf("after the change: %+v with %+v", after, interfaces)
	}
	checkInvariants(t, w.service)
}

func TestEndpointServices(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out := must[*awsec2.DescribeVpcEndpointServicesOutput](t)(w.DescribeVpcEndpointServices(t.Context(), &awsec2.DescribeVpcEndpointServicesInput{ServiceNames: []string{workspaceService}}))
	got := out.ServiceDetails[0]
	want := types.ServiceDetail{
		ServiceName: aws.String(workspaceService), ServiceId: aws.String("vpce-svc-02691fd610d24fd64"), ServiceRegion: aws.String(tokyo),
		ServiceType:       []types.ServiceTypeDetail{{ServiceType: types.ServiceTypeInterface}},
		AvailabilityZones: []string{"ap-northeast-1a", "ap-northeast-1c"}, AvailabilityZoneIds: []string{"apne1-az4", "apne1-az1"},
		Owner: aws.String(databricks), AcceptanceRequired: aws.Bool(true), ManagesVpcEndpoints: aws.Bool(false), VpcEndpointPolicySupported: aws.Bool(false),
		BaseEndpointDnsNames: []string{"vpce-svc-02691fd610d24fd64.ap-northeast-1.vpce.amazonaws.com"},
		PrivateDnsName:       aws.String("tokyo.privatelink.cloud.databricks.com"), PrivateDnsNameVerificationState: types.DnsNameStateVerified,
		PrivateDnsNames:         []types.PrivateDnsDetails{{PrivateDnsName: aws.String("tokyo.privatelink.cloud.databricks.com")}},
		SupportedIpAddressTypes: []types.ServiceConnectivityType{types.ServiceConnectivityTypeIpv4}, Tags: []types.Tag{},
	}
	if diff := cmp.Diff(want, got, ignoreUnexported); diff != "" {
		t.Errorf("service (-want +got):\n%s", diff)
	}
	listed := must[*awsec2.DescribeVpcEndpointServicesOutput](t)(w.DescribeVpcEndpointServices(t.Context(), &awsec2.DescribeVpcEndpointServicesInput{}))
	if !slices.Contains(listed.ServiceNames, stsService) || slices.Contains(listed.ServiceNames, workspaceService) {
		t.Errorf("the list must have AWS services only: %s", strings.Join(listed.ServiceNames, " "))
	}
	w.service.WithdrawService(tokyo, workspaceService)
	_, err := w.DescribeVpcEndpointServices(t.Context(), &awsec2.DescribeVpcEndpointServicesInput{ServiceNames: []string{workspaceService}})
	wantMessage(t, err, "InvalidServiceName", "The Vpc Endpoint Service '"+workspaceService+"' does not exist")
}

func TestEndpointPolicies(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	e := w.endpoint(&awsec2.CreateVpcEndpointInput{VpcId: &vpc, ServiceName: aws.String(s3Service)})
	full := *e.PolicyDocument
	if !strings.Contains(full, `"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"`) {
		t.Errorf("an endpoint without a policy has %s", full)
	}
	modify := func(in awsec2.ModifyVpcEndpointInput) error {
		in.VpcEndpointId = e.VpcEndpointId
		_, err := w.ModifyVpcEndpoint(t.Context(), &in)
		return err
	}
	policy := func() string {
		out := must[*awsec2.DescribeVpcEndpointsOutput](t)(w.DescribeVpcEndpoints(t.Context(), &awsec2.DescribeVpcEndpointsInput{VpcEndpointIds: []string{*e.VpcEndpointId}}))
		return *out.VpcEndpoints[0].PolicyDocument
	}
	narrow := `{"Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}`
	wantCode(t, modify(awsec2.ModifyVpcEndpointInput{PolicyDocument: &narrow}), "")
	if got := policy(); got != narrow {
		t.Errorf("the policy is %s", got)
	}
	wantCode(t, modify(awsec2.ModifyVpcEndpointInput{PolicyDocument: &narrow, ResetPolicy: aws.Bool(true)}), "InvalidParameterCombination")
	wantMessage(t, modify(awsec2.ModifyVpcEndpointInput{PolicyDocument: aws.String("[]")}), "InvalidPolicyDocument", "Invalid Policy Document")
	if got := w.service.Endpoints(tokyo)[0].Policy; got != narrow {
		t.Errorf("the snapshot has the policy %s", got)
	}
	wantCode(t, modify(awsec2.ModifyVpcEndpointInput{ResetPolicy: aws.Bool(true)}), "")
	if got := policy(); got != full {
		t.Errorf("after the reset the policy is %s", got)
	}
}

func TestPrefixListCIDRs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	id := w.prefixList(s3Service)
	got := w.service.PrefixListCIDRs(tokyo, id)
	out := must[*awsec2.DescribePrefixListsOutput](t)(w.DescribePrefixLists(t.Context(), &awsec2.DescribePrefixListsInput{PrefixListIds: []string{id}}))
	if diff := cmp.Diff(out.PrefixLists[0].Cidrs, got); diff != "" || len(got) == 0 {
		t.Errorf("ranges (-described +got):\n%s", diff)
	}
	if w.service.PrefixListCIDRs(tokyo, "pl-1") != nil || w.service.PrefixListCIDRs("mars-1", id) != nil {
		t.Error("a list that does not exist has ranges")
	}
}

func TestSettleEndpoints(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.resolvingVPC("10.0.0.0/22")
	subnet := w.subnet(vpc, "10.0.0.0/24", "a")
	pending := w.endpoint(interfaceTo(stsService, vpc, "sts", subnet))
	waiting := w.endpoint(interfaceTo(workspaceService, vpc, "workspace", subnet))
	if err := w.service.SettleEndpoints(tokyo); err != nil {
		t.Fatal(err)
	}
	if got := w.state(*pending.VpcEndpointId); got != ec2.StateAvailable {
		t.Errorf("the endpoint of AWS is %s", got)
	}
	if got := w.state(*waiting.VpcEndpointId); got != ec2.StatePendingAcceptance {
		t.Errorf("the endpoint that nobody has accepted is %s", got)
	}
	checkInvariants(t, w.service)
	if err := w.service.SettleEndpoints("mars-1"); err == nil {
		t.Error("endpoints settle in a region that does not exist")
	}
}
