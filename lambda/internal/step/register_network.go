package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// registerNetwork registers VPC, subnets, security group and both endpoints
// with the Databricks account as a network configuration, which can never be
// changed.
// https://docs.databricks.com/api/account/networks/create
func registerNetwork(ctx context.Context, d *Deps, doc *document.Document) (*document.Object, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	want := provisioning.CreateNetworkRequest{
		NetworkName:      doc.Spec.Databricks.NetworkName,
		VpcId:            doc.VPC.ID,
		SubnetIds:        doc.Subnets.WorkspaceIDs(),
		SecurityGroupIds: []string{doc.SecurityGroups.Workspace.ID},
		VpcEndpoints: &provisioning.NetworkVpcEndpoints{
			RestApi:        []string{doc.WorkspaceRegistration.ID},
			DataplaneRelay: []string{doc.RelayRegistration.ID},
		},
	}
	var all []provisioning.Network
	found, created, err := ensure(ctx, "network configuration "+want.NetworkName,
		func(ctx context.Context) ([]provisioning.Network, error) {
			all, err = account.Networks.List(ctx)
			return matching(all, func(n provisioning.Network) bool { return n.NetworkName == want.NetworkName }), privateLinkOff(doc, err)
		},
		func(n provisioning.Network) string { return n.NetworkId },
		func(ctx context.Context) (provisioning.Network, error) {
			if err := shared(all, want); err != nil {
				return provisioning.Network{}, err
			}
			out, err := account.Networks.Create(ctx, want)
			if err != nil {
				return provisioning.Network{}, privateLinkOff(doc, overQuota(err, "network configurations"))
			}
			return *out, nil
		})
	if err != nil {
		return nil, err
	}
	out := &document.Object{ID: found.NetworkId, Name: found.NetworkName, Outcome: made(created)}
	if created {
		return out, nil
	}
	return out, networkDiffers(found, want)
}

// shared names the network configuration that already has one of the subnets or
// groups: Databricks allows each in one only, and does not say which.
func shared(all []provisioning.Network, want provisioning.CreateNetworkRequest) error {
	for _, n := range all {
		both := append(common(n.SubnetIds, want.SubnetIds), common(n.SecurityGroupIds, want.SecurityGroupIds)...)
		if len(both) > 0 {
			return failure.New(plan.Conflict,
				"Give other subnets and another security group in spec.network, or delete that network configuration.",
				"%s belongs to network configuration %s (%s), which workspace %d uses", strings.Join(both, ", "), n.NetworkName, n.NetworkId, n.WorkspaceId)
		}
	}
	return nil
}

func common(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

func networkDiffers(found provisioning.Network, want provisioning.CreateNetworkRequest) error {
	endpoints := found.VpcEndpoints
	if endpoints == nil {
		endpoints = &provisioning.NetworkVpcEndpoints{}
	}
	for _, field := range []struct {
		name          string
		found, wanted []string
	}{
		{"VPC", []string{found.VpcId}, []string{want.VpcId}},
		{"subnets", found.SubnetIds, want.SubnetIds},
		{"security groups", found.SecurityGroupIds, want.SecurityGroupIds},
		{"workspace endpoint", endpoints.RestApi, want.VpcEndpoints.RestApi},
		{"relay endpoint", endpoints.DataplaneRelay, want.VpcEndpoints.DataplaneRelay},
	} {
		a, b := slices.Sorted(slices.Values(field.found)), slices.Sorted(slices.Values(field.wanted))
		if !slices.Equal(a, b) {
			return failure.New(plan.Conflict,
				"A network configuration cannot be changed: set spec.databricks.networkName to a new name, or make the network as it was.",
				"comparing network configuration %s (%s): its %s is %s, the spec wants %s", found.NetworkName, found.NetworkId,
				field.name, fmt.Sprint(a), fmt.Sprint(b))
		}
	}
	return nil
}
