package ec2_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"lakegate/lambda/internal/emulator/ec2"
)

// online attaches an internet gateway to a VPC.
func (w *world) online(vpc string) string {
	w.t.Helper()
	id := must[*awsec2.CreateInternetGatewayOutput](w.t)(w.CreateInternetGateway(w.t.Context(), &awsec2.CreateInternetGatewayInput{})).InternetGateway.InternetGatewayId
	must[*awsec2.AttachInternetGatewayOutput](w.t)(w.AttachInternetGateway(w.t.Context(), &awsec2.AttachInternetGatewayInput{InternetGatewayId: id, VpcId: &vpc}))
	return *id
}

func (w *world) address() string {
	w.t.Helper()
	return *must[*awsec2.AllocateAddressOutput](w.t)(w.AllocateAddress(w.t.Context(), &awsec2.AllocateAddressInput{Domain: types.DomainTypeVpc})).AllocationId
}

// nat leaves the request as it is: the client would write a token into it.
func (w *world) nat(in *awsec2.CreateNatGatewayInput) types.NatGateway {
	w.t.Helper()
	request := *in
	return *must[*awsec2.CreateNatGatewayOutput](w.t)(w.CreateNatGateway(w.t.Context(), &request)).NatGateway
}

func (w *world) nats(pairs ...string) []types.NatGateway {
	w.t.Helper()
	return must[*awsec2.DescribeNatGatewaysOutput](w.t)(w.DescribeNatGateways(w.t.Context(), &awsec2.DescribeNatGatewaysInput{Filter: filters(pairs...)})).NatGateways
}

func TestNatGateways(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	subnet := w.subnet(vpc, "10.0.1.0/24", "a")
	internet, address := w.online(vpc), w.address()
	in := &awsec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: &address, ClientToken: aws.String("once")}
	public := w.nat(in)
	if again := w.nat(in); *again.NatGatewayId != *public.NatGatewayId {
		t.Errorf("the repeated request created %s besides %s", *again.NatGatewayId, *public.NatGatewayId)
	}
	private := w.nat(&awsec2.CreateNatGatewayInput{SubnetId: &subnet, ConnectivityType: types.ConnectivityTypePrivate})
	got := w.nats("vpc-id", vpc, "subnet-id", subnet, "state", "available", "nat-gateway-id", *public.NatGatewayId)
	addresses := must[*awsec2.DescribeAddressesOutput](t)(w.DescribeAddresses(t.Context(), &awsec2.DescribeAddressesInput{AllocationIds: []string{address}})).Addresses
	if len(got) != 1 || *got[0].NatGatewayAddresses[0].PublicIp != *addresses[0].PublicIp || *got[0].NatGatewayAddresses[0].PrivateIp != "10.0.1.4" {
		t.Errorf("the public gateway is %+v with the addresses %+v", got, addresses)
	}
	if private.ConnectivityType != types.ConnectivityTypePrivate || private.NatGatewayAddresses[0].PublicIp != nil {
		t.Errorf("the private gateway is %+v", private)
	}
	interfaces := w.service.NetworkInterfaces(tokyo)
	if len(interfaces) != 2 || interfaces[0].HolderID != *public.NatGatewayId {
		t.Errorf("the gateways have the interfaces %+v", interfaces)
	}
	checkInvariants(t, w.service)

	_, err := w.ReleaseAddress(t.Context(), &awsec2.ReleaseAddressInput{AllocationId: &address})
	wantMessage(t, err, "InvalidIPAddress.InUse", "Address "+*addresses[0].PublicIp+" is in use.")
	_, err = w.DetachInternetGateway(t.Context(), &awsec2.DetachInternetGatewayInput{InternetGatewayId: &internet, VpcId: &vpc})
	wantCode(t, err, "DependencyViolation")
	_, err = w.DeleteSubnet(t.Context(), &awsec2.DeleteSubnetInput{SubnetId: &subnet})
	wantCode(t, err, "DependencyViolation")
	for _, id := range []*string{public.NatGatewayId, private.NatGatewayId} {
		must[*awsec2.DeleteNatGatewayOutput](t)(w.DeleteNatGateway(t.Context(), &awsec2.DeleteNatGatewayInput{NatGatewayId: id}))
		_, err = w.DeleteNatGateway(t.Context(), &awsec2.DeleteNatGatewayInput{NatGatewayId: id})
		wantCode(t, err, "NatGatewayNotFound")
	}
	must[*awsec2.ReleaseAddressOutput](t)(w.ReleaseAddress(t.Context(), &awsec2.ReleaseAddressInput{AllocationId: &address}))
	if got := w.nats("state", "deleted"); len(got) != 2 || got[0].DeleteTime == nil {
		t.Errorf("deleted gateways: %+v", got)
	}
	must[*awsec2.DeleteSubnetOutput](t)(w.DeleteSubnet(t.Context(), &awsec2.DeleteSubnetInput{SubnetId: &subnet}))
	w.pass(time.Hour)
	if got := w.nats(); len(got) != 0 {
		t.Errorf("gateways after an hour: %+v", got)
	}
}

func TestNatGatewaysFail(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	vpc := w.vpc("10.0.0.0/22")
	subnet, address := w.subnet(vpc, "10.0.1.0/24", "a"), w.address()
	in := &awsec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: &address}
	if g := w.nat(in); g.State != types.NatGatewayStateFailed || *g.FailureMessage != "Network "+vpc+" has no Internet gateway attached" {
		t.Errorf("without an internet gateway: %+v", g)
	}
	w.online(vpc)
	w.nat(in)
	if g := w.nat(in); g.State != types.NatGatewayStateFailed || *g.FailureCode != "Resource.AlreadyAssociated" {
		t.Errorf("with an address in use: %+v", g)
	}
	if n := len(w.service.NetworkInterfaces(tokyo)); n != 1 {
		t.Errorf("%d interfaces for one gateway that works", n)
	}
	for name, test := range map[string]struct {
		in   awsec2.CreateNatGatewayInput
		code string
	}{
		"no subnet":            {awsec2.CreateNatGatewayInput{SubnetId: aws.String("subnet-1"), AllocationId: &address}, "InvalidSubnetID.NotFound"},
		"no address":           {awsec2.CreateNatGatewayInput{SubnetId: &subnet}, "MissingParameter"},
		"unknown address":      {awsec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: aws.String("eipalloc-1")}, "InvalidAllocationID.NotFound"},
		"private with address": {awsec2.CreateNatGatewayInput{SubnetId: &subnet, AllocationId: &address, ConnectivityType: "private"}, "InvalidParameterCombination"},
		"unknown type":         {awsec2.CreateNatGatewayInput{SubnetId: &subnet, ConnectivityType: "x"}, "InvalidParameterValue"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.CreateNatGateway(t.Context(), &test.in)
			wantCode(t, err, test.code)
		})
	}
	states := map[string]int{}
	for _, g := range w.service.NATGateways(tokyo) {
		states[g.State]++
	}
	if states[ec2.StateFailed] != 2 || states[ec2.StateAvailable] != 1 {
		t.Errorf("gateways by state: %v", states)
	}
}

func TestAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first, second := w.address(), w.address()
	all := w.service.Addresses(tokyo)
	if len(all) != 2 || all[0].PublicIP == all[1].PublicIP {
		t.Fatalf("addresses: %+v", all)
	}
	out := must[*awsec2.DescribeAddressesOutput](t)(w.DescribeAddresses(t.Context(), &awsec2.DescribeAddressesInput{PublicIps: []string{all[1].PublicIP}}))
	if len(out.Addresses) != 1 || *out.Addresses[0].AllocationId != second {
		t.Errorf("by the public address: %+v", out.Addresses)
	}
	_, err := w.DescribeAddresses(t.Context(), &awsec2.DescribeAddressesInput{PublicIps: []string{"192.0.2.1"}})
	wantCode(t, err, "InvalidAddress.NotFound")
	must[*awsec2.ReleaseAddressOutput](t)(w.ReleaseAddress(t.Context(), &awsec2.ReleaseAddressInput{AllocationId: &first}))
	_, err = w.ReleaseAddress(t.Context(), &awsec2.ReleaseAddressInput{AllocationId: &first})
	wantCode(t, err, "InvalidAllocationID.NotFound")
}
