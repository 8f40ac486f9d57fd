package step

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// registerNetwork registers VPC, subnets, security group and both endpoints
// with the Databricks account as a network configuration. That can never be
// changed: a workspace whose spec wants another network gets another
// configuration, under a name that tells the two apart.
// https://docs.databricks.com/api/account/networks/create
func registerNetwork(ctx context.Context, d *Deps, doc *document.Document) (*document.Network, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	name := doc.Spec.Databricks.NetworkName
	want := provisioning.CreateNetworkRequest{
		NetworkName:      name,
		VpcId:            doc.VPC.ID,
		SubnetIds:        doc.Subnets.WorkspaceIDs(),
		SecurityGroupIds: []string{doc.SecurityGroups.Workspace.ID},
		VpcEndpoints: &provisioning.NetworkVpcEndpoints{
			RestApi:        []string{doc.WorkspaceRegistration.ID},
			DataplaneRelay: []string{doc.RelayRegistration.ID},
		},
	}
	r := &networking{account: account, doc: doc}
	found, created, err := ensure(ctx, "network configuration "+name,
		func(ctx context.Context) ([]provisioning.Network, error) {
			r.all, err = account.Networks.List(ctx)
			return matching(r.all, func(n provisioning.Network) bool {
				return isNetworkName(n, name) && len(networkDifferences(n, want)) == 0
			}), privateLinkOff(doc, err)
		},
		func(n provisioning.Network) string { return n.NetworkId },
		func(ctx context.Context) (provisioning.Network, error) {
			if want.NetworkName, err = r.freeName(ctx, want); err != nil {
				return provisioning.Network{}, err
			}
			if err := shared(r.all, want); err != nil {
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
	out := &document.Network{Object: document.Object{ID: found.NetworkId, Name: found.NetworkName, Outcome: made(created)}}
	moving := doc.WorkspaceEndpoint.Moving || doc.RelayEndpoint.Moving
	if found.WorkspaceId != 0 && !moving {
		return out, nil
	}
	// Perhaps the workspace is in another one.
	w, err := r.workspace(ctx)
	if err != nil || w == nil || w.NetworkId == found.NetworkId && !moving {
		return out, err
	}
	out.Mover = &document.Workspace{
		Object:         document.Object{ID: strconv.FormatInt(w.WorkspaceId, 10), Name: w.WorkspaceName, Outcome: document.Outcome{Outcome: document.Found}},
		DeploymentName: w.DeploymentName, URL: urlOf(*w), Status: string(w.WorkspaceStatus),
	}
	if i := slices.IndexFunc(r.all, func(n provisioning.Network) bool { return n.NetworkId == w.NetworkId }); i >= 0 && w.NetworkId != found.NetworkId {
		out.Former = []string{w.NetworkId}
		if created {
			out.Differences = networkDifferences(r.all[i], want)
		}
	}
	return out, nil
}

// networking makes the network configuration of one workspace.
type networking struct {
	account *databricksapi.Account
	doc     *document.Document
	// all are the configurations of the account.
	all []provisioning.Network
	// present is the workspace, once it was looked for.
	present *provisioning.Workspace
	looked  bool
}

// workspace is the workspace as it is now; nil if there is none.
func (r *networking) workspace(ctx context.Context) (*provisioning.Workspace, error) {
	if r.looked {
		return r.present, nil
	}
	all, err := r.account.Workspaces.List(databricksapi.Mentioning(ctx, r.doc.Spec.Databricks.WorkspaceName))
	if err != nil {
		return nil, fmt.Errorf("looking for the workspace of network configuration %s: %w", r.doc.Spec.Databricks.NetworkName, err)
	}
	for _, w := range all {
		if w.WorkspaceName == r.doc.Spec.Databricks.WorkspaceName && w.WorkspaceStatus != cancelling {
			r.present = &w
		}
	}
	r.looked = true
	return r.present, nil
}

// freeName is the spec's name, or one with a digest of the content where the
// name is that of a former network of this workspace.
func (r *networking) freeName(ctx context.Context, want provisioning.CreateNetworkRequest) (string, error) {
	i := slices.IndexFunc(r.all, func(n provisioning.Network) bool { return n.NetworkName == want.NetworkName })
	if i < 0 {
		return want.NetworkName, nil
	}
	taken := r.all[i]
	w, err := r.workspace(ctx)
	if err != nil {
		return "", err
	}
	if w != nil && w.NetworkId == taken.NetworkId || madeOf(taken, r.doc) {
		return nameFor(want.NetworkName, contentOf(want.VpcId, want.SubnetIds, want.SecurityGroupIds, want.VpcEndpoints)), nil
	}
	return "", networkDiffers(taken, want)
}

// madeOf says whether a configuration is made of what this workspace had before.
func madeOf(n provisioning.Network, doc *document.Document) bool {
	return slices.Contains(doc.VPC.Former, n.VpcId) || len(common(n.SubnetIds, doc.Subnets.Former)) > 0 ||
		len(common(n.SecurityGroupIds, doc.SecurityGroups.Former)) > 0
}

// isNetworkName says whether a configuration has a name of the spec: that
// itself, or with the digest of its content.
func isNetworkName(n provisioning.Network, name string) bool {
	return n.NetworkName == name || n.NetworkName == nameFor(name, contentOf(n.VpcId, n.SubnetIds, n.SecurityGroupIds, n.VpcEndpoints))
}

// contentOf is what a configuration consists of, as one text.
func contentOf(vpc string, subnets, groups []string, endpoints *provisioning.NetworkVpcEndpoints) string {
	if endpoints == nil {
		endpoints = &provisioning.NetworkVpcEndpoints{}
	}
	all := []string{vpc}
	for _, ids := range [][]string{subnets, groups, endpoints.RestApi, endpoints.DataplaneRelay} {
		all = append(all, strings.Join(slices.Sorted(slices.Values(ids)), " "))
	}
	return strings.Join(all, "\x00")
}

// shared names the network configuration that already has one of the subnets or
// groups: Databricks allows each in one only, and does not say which.
func shared(all []provisioning.Network, want provisioning.CreateNetworkRequest) error {
	for _, n := range all {
		both := append(common(n.SubnetIds, want.SubnetIds), common(n.SecurityGroupIds, want.SecurityGroupIds)...)
		if len(both) > 0 {
			return failure.New(plan.Conflict,
				"A network is replaced as a whole: give all workspace subnets and the workspace security group anew in spec.network (other CIDR blocks, or other ids), or delete that network configuration.",
				"%s belongs to network configuration %s (%s), which workspace %d uses", strings.Join(both, ", "), n.NetworkName, n.NetworkId, n.WorkspaceId)
		}
	}
	return nil
}

func common(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

// networkDiffers is the Conflict of a configuration that has the wanted name and
// is somebody else's.
func networkDiffers(found provisioning.Network, want provisioning.CreateNetworkRequest) error {
	for _, f := range networkDifferences(found, want) {
		return failure.As(plan.Conflict,
			"A network configuration cannot be changed, and this one was not made by this workspace: set spec.databricks.networkName to a new name, or make the network as it was.",
			&mismatch{networkEntity(found), f.Field, f.Found, f.Wanted})
	}
	return nil
}

func networkEntity(n provisioning.Network) entity {
	return entity{"network configuration " + n.NetworkName, n.NetworkId}
}

// networkDifferences are the ways in which a configuration is not as wanted.
func networkDifferences(found provisioning.Network, want provisioning.CreateNetworkRequest) (all []document.Difference) {
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
		if listed(field.found) != listed(field.wanted) {
			all = append(all, networkEntity(found).differs(field.name, listed(field.found), listed(field.wanted)))
		}
	}
	return all
}
