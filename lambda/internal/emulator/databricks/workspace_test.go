package databricks

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/emulator/latency"
)

// TestWorkspace takes a workspace from creation to deletion.
func TestWorkspace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.prepare()
	req := p.request("lake")
	req.DeploymentName = "lake"
	ws := ok(w.start(req))(t)
	equal(t, &provisioning.Workspace{
		AccountId: testAccount, WorkspaceId: ws.WorkspaceId, WorkspaceName: "lake", DeploymentName: "acme-lake",
		AwsRegion: testRegion, CreationTime: start.UnixMilli(), PricingTier: provisioning.PricingTierEnterprise,
		CredentialsId: p.credentials, StorageConfigurationId: p.storage, NetworkId: p.network, PrivateAccessSettingsId: p.access,
		WorkspaceStatus: "PROVISIONING", WorkspaceStatusMessage: "Workspace resources are being set up.",
	}, ws)
	if ws.WorkspaceId < 1e15 || ws.WorkspaceId >= 1e16 {
		t.Errorf("workspace id %d has not 16 digits", ws.WorkspaceId)
	}
	network := ok(w.client.Networks.GetByNetworkId(t.Context(), p.network))(t)
	if network.WorkspaceId != ws.WorkspaceId || network.VpcStatus != provisioning.VpcStatusValid {
		t.Errorf("network of the workspace: %+v", network)
	}

	whole := w.delays.Draw(latency.WorkspaceProvisioning, "lake")
	w.sleep(whole - time.Second)
	if got := w.look(ws.WorkspaceId).WorkspaceStatus; got != "PROVISIONING" {
		t.Errorf("one second early the workspace is %s", got)
	}
	w.sleep(time.Second)
	if got := w.look(ws.WorkspaceId); got.WorkspaceStatus != "RUNNING" || got.WorkspaceStatusMessage != "Workspace is running." {
		t.Errorf("the workspace is %s: %s", got.WorkspaceStatus, got.WorkspaceStatusMessage)
	}
	for _, o := range w.Objects() {
		if v, is := o.Value.(Workspace); is && v.URL() != "https://acme-lake.cloud.databricks.com" {
			t.Errorf("URL of the workspace is %s", v.URL())
		}
	}

	refusals := map[string]error{}
	_, refusals["Credentials"] = w.client.Credentials.DeleteByCredentialsId(t.Context(), p.credentials)
	_, refusals["Storage Configuration"] = w.client.Storage.DeleteByStorageConfigurationId(t.Context(), p.storage)
	_, refusals["Network"] = w.client.Networks.DeleteByNetworkId(t.Context(), p.network)
	_, refusals["VPC Endpoint"] = w.client.VpcEndpoints.DeleteByVpcEndpointId(t.Context(), p.relay)
	_, refusals["Private Access Settings"] = w.client.PrivateAccess.DeleteByPrivateAccessSettingsId(t.Context(), p.access)
	for noun, err := range refusals {
		want := failure{400, "INVALID_STATE", "Unable to delete, " + noun + " is being used by active workspace " + strconv.FormatInt(network.WorkspaceId, 10)}
		equal(t, want, failureOf(t, err))
	}

	gone := ok(w.client.Workspaces.DeleteByWorkspaceId(t.Context(), ws.WorkspaceId))(t)
	if gone.WorkspaceStatus != provisioning.WorkspaceStatusCancelling {
		t.Errorf("a workspace that is being deleted is %s", gone.WorkspaceStatus)
	}
	w.sleep(w.delays.Draw(latency.WorkspaceDeletion, "lake") - time.Second)
	w.look(ws.WorkspaceId)
	w.sleep(time.Second)
	if _, err := w.client.Workspaces.GetByWorkspaceId(t.Context(), ws.WorkspaceId); !apierr.IsMissing(err) {
		t.Errorf("reading a deleted workspace: %v", err)
	}
	network = ok(w.client.Networks.DeleteByNetworkId(t.Context(), p.network))(t)
	if network.VpcStatus != provisioning.VpcStatusUnattached || network.WorkspaceId != 0 {
		t.Errorf("the network is %s, of workspace %d", network.VpcStatus, network.WorkspaceId)
	}
}

// TestNames creates two workspaces of one name: the service does not mind.
func TestNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.prepare()
	first := ok(w.start(p.request("lake")))(t)
	p.network = ok(w.client.Networks.Create(t.Context(), second(networkRequest("more", p.rest, p.relay))))(t).NetworkId
	other := ok(w.start(p.request("lake")))(t)
	if first.WorkspaceId == other.WorkspaceId || first.DeploymentName == other.DeploymentName {
		t.Errorf("two workspaces share %d or %s", first.WorkspaceId, first.DeploymentName)
	}
	if !strings.HasPrefix(first.DeploymentName, "dbc-") || len(first.DeploymentName) != len("dbc-12345678-1234") {
		t.Errorf("the deployment name is %s", first.DeploymentName)
	}
	if all := ok(w.client.Workspaces.List(t.Context()))(t); len(all) != 2 {
		t.Errorf("%d workspaces are listed", len(all))
	}
}

// TestFailure breaks one thing that only the provisioning finds out.
func TestFailure(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name      string
		spoil     func(*world)
		message   string
		network   provisioning.VpcStatus
		unhealthy []provisioning.NetworkHealth
	}{
		{
			name:    "asked for",
			spoil:   func(w *world) { w.FailWorkspace("lake", "The control plane is out of order.") },
			message: "The control plane is out of order.", network: "VALID",
		},
		{
			name:    "role is gone",
			spoil:   func(w *world) { delete(w.cloud.roles, testRole) },
			message: notValid, network: "VALID",
		},
		{
			name:    "no bucket",
			spoil:   func(w *world) { delete(w.cloud.buckets, testBucket) },
			message: "The root storage bucket root-bucket does not exist.", network: "VALID",
		},
		{
			name: "bucket is elsewhere",
			spoil: func(w *world) {
				editing(w.cloud.buckets, testBucket, func(b *Bucket) { b.Region = "us-east-1" })
			},
			message: "The root storage bucket root-bucket is in region us-east-1, the workspace is in ap-northeast-1.", network: "VALID",
		},
		{
			name: "bucket is public",
			spoil: func(w *world) {
				editing(w.cloud.buckets, testBucket, func(b *Bucket) { b.PublicAccessBlocked = false })
			},
			message: "The root storage bucket root-bucket does not block public access.", network: "VALID",
		},
		{
			name:    "bucket without policy",
			spoil:   func(w *world) { editing(w.cloud.buckets, testBucket, func(b *Bucket) { b.Policy = "" }) },
			message: "The policy of the root storage bucket root-bucket does not allow Databricks all of the required actions.", network: "VALID",
		},
		{
			name: "bucket policy for another account",
			spoil: func(w *world) {
				editing(w.cloud.buckets, testBucket, func(b *Bucket) { b.Policy = strings.ReplaceAll(b.Policy, testAccount, "other") })
			},
			message: "The policy of the root storage bucket root-bucket does not allow Databricks all of the required actions.", network: "VALID",
		},
		{
			name: "network is broken",
			spoil: func(w *world) {
				w.BreakNetwork("main", NetworkHealth{ErrorType: "vpc", ErrorMessage: "The VPC is on strike"})
			},
			message: "Workspace failed to launch. The network configuration main is not valid.", network: "BROKEN",
			unhealthy: []provisioning.NetworkHealth{{ErrorType: "vpc", ErrorMessage: "The VPC is on strike"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.prepare()
			tt.spoil(w)
			ws := ok(w.start(p.request("lake")))(t)
			w.sleep(w.delays.Draw(latency.WorkspaceProvisioning, "lake")/3 - time.Second)
			if got := w.look(ws.WorkspaceId).WorkspaceStatus; got != "PROVISIONING" {
				t.Errorf("before it was looked at the workspace is %s", got)
			}
			w.settle()
			got := w.look(ws.WorkspaceId)
			if got.WorkspaceStatus != "FAILED" || got.WorkspaceStatusMessage != tt.message {
				t.Errorf("the workspace is %s: %s", got.WorkspaceStatus, got.WorkspaceStatusMessage)
			}
			network := ok(w.client.Networks.GetByNetworkId(t.Context(), p.network))(t)
			equal(t, tt.network, network.VpcStatus)
			equal(t, tt.unhealthy, network.ErrorMessages)
		})
	}
}

// TestRepair mends a failed workspace, once in AWS and once by another network.
func TestRepair(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.prepare()
	w.FailWorkspace("lake", "Out of order.")
	ws := ok(w.start(p.request("lake")))(t)
	w.settle()
	ok(w.client.Workspaces.Update(t.Context(), provisioning.UpdateWorkspaceRequest{
		WorkspaceId: ws.WorkspaceId, CustomerFacingWorkspace: provisioning.Workspace{CredentialsId: p.credentials},
	}))(t)
	w.BreakNetwork("main", NetworkHealth{ErrorType: "subnet", ErrorMessage: "Too small"})
	if got := w.look(ws.WorkspaceId).WorkspaceStatus; got != "PROVISIONING" {
		t.Errorf("after the update the workspace is %s", got)
	}
	w.settle()
	if got := w.look(ws.WorkspaceId).WorkspaceStatus; got != "FAILED" {
		t.Errorf("with a broken network the workspace is %s", got)
	}
	more := ok(w.client.Networks.Create(t.Context(), second(networkRequest("more", p.rest, p.relay))))(t)
	ok(w.client.Workspaces.Update(t.Context(), provisioning.UpdateWorkspaceRequest{
		WorkspaceId: ws.WorkspaceId, UpdateMask: "network_id",
		CustomerFacingWorkspace: provisioning.Workspace{NetworkId: more.NetworkId, WorkspaceName: "ignored"},
	}))(t)
	w.settle()
	if got := w.look(ws.WorkspaceId); got.WorkspaceStatus != "RUNNING" || got.NetworkId != more.NetworkId {
		t.Errorf("after the repair the workspace is %s with network %s", got.WorkspaceStatus, got.NetworkId)
	}
	if got := ok(w.client.Networks.GetByNetworkId(t.Context(), more.NetworkId))(t); got.WorkspaceId != ws.WorkspaceId || got.VpcStatus != "VALID" {
		t.Errorf("the other network is %s, of workspace %d", got.VpcStatus, got.WorkspaceId)
	}
	w.MendNetwork("main")
	old := ok(w.client.Networks.DeleteByNetworkId(t.Context(), p.network))(t)
	equal(t, provisioning.VpcStatusUnattached, old.VpcStatus)
}

// TestUpdate changes a running workspace.
func TestUpdate(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.prepare()
	ws := ok(w.start(p.request("lake")))(t)
	patch := func(mask string, change provisioning.Workspace) error {
		_, err := w.client.Workspaces.Update(t.Context(), provisioning.UpdateWorkspaceRequest{
			WorkspaceId: ws.WorkspaceId, UpdateMask: mask, CustomerFacingWorkspace: change,
		})
		return err
	}
	id := strconv.FormatInt(ws.WorkspaceId, 10)
	equal(t, failure{400, "INVALID_STATE", "Workspace " + id + " cannot be updated while it is PROVISIONING"},
		failureOf(t, patch("", provisioning.Workspace{CredentialsId: p.credentials})))
	w.settle()

	plain := second(networkRequest("plain", "", ""))
	plain.VpcEndpoints = nil
	plainID := ok(w.client.Networks.Create(t.Context(), plain))(t).NetworkId
	for _, tt := range []struct {
		mask   string
		change provisioning.Workspace
		want   string
	}{
		{"", provisioning.Workspace{AwsRegion: "us-east-1"}, "aws_region of a workspace cannot be updated"},
		{"", provisioning.Workspace{WorkspaceName: "pond"}, "workspace_name of a workspace cannot be updated"},
		{"deployment_name", provisioning.Workspace{DeploymentName: "pond"}, "update_mask: deployment_name of a workspace cannot be updated"},
		{"private_access_settings_id", provisioning.Workspace{}, "private_access_settings_id cannot be removed from a workspace"},
		{"", provisioning.Workspace{StorageConfigurationId: "1"}, "storage_configuration_id of a running workspace cannot be updated"},
		{"", provisioning.Workspace{NetworkId: plainID}, "network_id: a workspace with PrivateLink cannot change to a network without vpc_endpoints"},
		{"", provisioning.Workspace{CustomTags: map[string]string{"": "x"}}, `custom_tags: the key "" must have 1 to 127 characters`},
	} {
		equal(t, failure{400, "INVALID_PARAMETER_VALUE", tt.want}, failureOf(t, patch(tt.mask, tt.change)))
	}
	err := patch("", provisioning.Workspace{NetworkConnectivityConfigId: "1"})
	equal(t, failure{501, "NOT_IMPLEMENTED", "network_connectivity_config_id is not emulated"}, failureOf(t, err))

	before := w.look(ws.WorkspaceId)
	unchanged := *before
	if err := patch("", unchanged); err != nil {
		t.Errorf("sending a workspace as it is: %v", err)
	}
	for _, tags := range []map[string]string{{"owner": "sea"}, {"team": "lake"}, {}} {
		err := patch("custom_tags", provisioning.Workspace{CustomTags: tags})
		if err != nil {
			t.Fatal(err)
		}
	}
	access := ok(w.newAccess("more", true))(t).PrivateAccessSettingsId
	if err := patch("", provisioning.Workspace{PrivateAccessSettingsId: access}); err != nil {
		t.Fatal(err)
	}
	before.CustomTags = map[string]string{"team": "lake"}
	before.PrivateAccessSettingsId = access
	equal(t, before, w.look(ws.WorkspaceId))
	if before.WorkspaceStatus != "RUNNING" {
		t.Errorf("a changed workspace is %s", before.WorkspaceStatus)
	}
}

// TestFrontEnd creates workspaces without public access.
func TestFrontEnd(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		front bool
		level provisioning.PrivateAccessLevel
		// allowed are the registrations that the settings list.
		allowed []string
		want    bool
	}{
		{name: "no front end", level: "ACCOUNT"},
		{name: "any endpoint of the account", level: "ACCOUNT", front: true, want: true},
		{name: "none is listed", level: "ENDPOINT", front: true},
		{name: "the relay is listed", level: "ENDPOINT", front: true, allowed: []string{"relay"}},
		{name: "the front end is listed", level: "ENDPOINT", front: true, allowed: []string{"front"}, want: true},
		{name: "one endpoint for both", level: "ENDPOINT", allowed: []string{"rest"}, want: true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.prepare()
			ids := map[string]string{"rest": p.rest, "relay": p.relay}
			if tt.front {
				ids["front"] = ok(w.newEndpoint("front", "vpce-front"))(t).VpcEndpointId
			}
			var allowed []string
			for _, name := range tt.allowed {
				allowed = append(allowed, ids[name])
			}
			p.access = ok(w.client.PrivateAccess.Create(t.Context(), provisioning.CreatePrivateAccessSettingsRequest{
				PrivateAccessSettingsName: "closed", Region: testRegion,
				PrivateAccessLevel: tt.level, AllowedVpcEndpointIds: allowed,
			}))(t).PrivateAccessSettingsId
			_, err := w.start(p.request("lake"))
			if tt.want {
				if err != nil {
					t.Error(err)
				}
				return
			}
			equal(t, failure{
				400, "INVALID_PARAMETER_VALUE",
				"Cannot create PrivateLink workspace: public_access_enabled is false and there is no front-end VPC endpoint",
			}, failureOf(t, err))
		})
	}
}

// TestKeys gives a workspace customer-managed keys.
func TestKeys(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.prepare()
	key := func(id string, use provisioning.KeyUseCase) string {
		return ok(w.client.EncryptionKeys.Create(t.Context(), provisioning.CreateCustomerManagedKeyRequest{
			UseCases:   []provisioning.KeyUseCase{use},
			AwsKeyInfo: &provisioning.CreateAwsKeyInfo{KeyArn: "arn:aws:kms:ap-northeast-1:111122223333:key/" + id},
		}))(t).CustomerManagedKeyId
	}
	managed, storage, other := key("1", "MANAGED_SERVICES"), key("2", "STORAGE"), key("3", "STORAGE")
	req := p.request("lake")
	req.ManagedServicesCustomerManagedKeyId = storage
	_, err := w.start(req)
	equal(t, failure{
		400, "INVALID_PARAMETER_VALUE",
		"managed_services_customer_managed_key_id: customer-managed key " + storage + " is not for use case MANAGED_SERVICES",
	}, failureOf(t, err))
	req.ManagedServicesCustomerManagedKeyId = managed
	ws := ok(w.start(req))(t)
	w.settle()
	patch := func(id string) error {
		_, err := w.client.Workspaces.Update(t.Context(), provisioning.UpdateWorkspaceRequest{
			WorkspaceId: ws.WorkspaceId, CustomerFacingWorkspace: provisioning.Workspace{StorageCustomerManagedKeyId: id},
		})
		return err
	}
	if err := patch(storage); err != nil {
		t.Fatal(err)
	}
	equal(t, failure{
		400, "INVALID_PARAMETER_VALUE", "storage_customer_managed_key_id of a workspace can be added, not changed",
	}, failureOf(t, patch(other)))
	for _, id := range []string{managed, storage} {
		_, err := w.client.EncryptionKeys.DeleteByCustomerManagedKeyId(t.Context(), id)
		equal(t, failure{
			400, "INVALID_STATE",
			"Unable to delete, Customer-managed Key is being used by active workspace " + strconv.FormatInt(ws.WorkspaceId, 10),
		}, failureOf(t, err))
	}
	ok(w.client.EncryptionKeys.DeleteByCustomerManagedKeyId(t.Context(), other))(t)
}

// TestCancel deletes a workspace while it is being set up.
func TestCancel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := w.prepare()
	ws := ok(w.start(p.request("lake")))(t)
	ok(w.client.Workspaces.DeleteByWorkspaceId(t.Context(), ws.WorkspaceId))(t)
	again := ok(w.client.Workspaces.DeleteByWorkspaceId(t.Context(), ws.WorkspaceId))(t)
	equal(t, provisioning.WorkspaceStatusCancelling, again.WorkspaceStatus)
	w.settle()
	equal(t, 0, len(ok(w.client.Workspaces.List(t.Context()))(t)))
	ok(w.start(p.request("lake")))(t)
}

// TestNetworkHealth spoils the VPC of a running workspace.
func TestNetworkHealth(t *testing.T) {
	t.Parallel()
	const subnet, group = testRegion + "/subnet-0", testRegion + "/sg-1"
	acl := func(w *world, change func(*[]ACLEntry)) {
		editing(w.cloud.subnets, subnet, func(s *Subnet) {
			s.ACL = slices.Clone(s.ACL)
			change(&s.ACL)
		})
	}
	without := func(w *world, drop func(SecurityRule) bool) {
		editing(w.cloud.groups, group, func(g *SecurityGroup) { g.Rules = slices.DeleteFunc(slices.Clone(g.Rules), drop) })
	}
	tests := []struct {
		name  string
		spoil func(*world)
		want  []provisioning.NetworkHealth
		warn  []provisioning.NetworkWarning
	}{
		{name: "nothing", spoil: func(*world) {}},
		{
			name:  "subnet is gone",
			spoil: func(w *world) { delete(w.cloud.subnets, subnet) },
			want:  []provisioning.NetworkHealth{{ErrorType: "subnet", ErrorMessage: "Subnet subnet-0 does not exist in region ap-northeast-1"}},
		},
		{
			name:  "subnet of another VPC",
			spoil: func(w *world) { editing(w.cloud.subnets, subnet, func(s *Subnet) { s.VPCID = "vpc-2" }) },
			want:  []provisioning.NetworkHealth{{ErrorType: "vpc", ErrorMessage: "Subnet subnet-0 is in VPC vpc-2, not in vpc-1"}},
		},
		{
			name: "one zone",
			spoil: func(w *world) {
				editing(w.cloud.subnets, subnet, func(s *Subnet) { s.AvailabilityZone = testRegion + "c" })
			},
			want: []provisioning.NetworkHealth{{ErrorType: "subnet", ErrorMessage: "Subnets subnet-0 and subnet-1 are both in availability zone ap-northeast-1c"}},
		},
		{
			name:  "small subnet",
			spoil: func(w *world) { editing(w.cloud.subnets, subnet, func(s *Subnet) { s.CIDR = "10.0.0.0/27" }) },
			want:  []provisioning.NetworkHealth{{ErrorType: "subnet", ErrorMessage: "Subnet subnet-0 has netmask /27; it must be between /17 and /26"}},
		},
		{
			name:  "tight subnet",
			spoil: func(w *world) { editing(w.cloud.subnets, subnet, func(s *Subnet) { s.CIDR = "10.0.0.0/26" }) },
			warn:  []provisioning.NetworkWarning{{WarningType: "subnet", WarningMessage: "Subnet subnet-0 has netmask /26 and can hold few nodes"}},
		},
		{
			name: "inbound is denied first",
			spoil: func(w *world) {
				acl(w, func(e *[]ACLEntry) { *e = append(*e, ACLEntry{Number: 50, Protocol: "-1", CIDR: "10.9.0.0/16"}) })
			},
			want: []provisioning.NetworkHealth{{ErrorType: "networkAcl", ErrorMessage: "The first inbound rule of the network ACL of subnet subnet-0 must allow all traffic from 0.0.0.0/0"}},
		},
		{
			name: "relay port is denied",
			spoil: func(w *world) {
				acl(w, func(e *[]ACLEntry) {
					*e = append(*e, ACLEntry{Number: 50, Egress: true, Protocol: "6", FromPort: 6000, ToPort: 7000, CIDR: anywhere})
				})
			},
			want: []provisioning.NetworkHealth{{ErrorType: "networkAcl", ErrorMessage: "The network ACL of subnet subnet-0 does not allow outbound TCP 6666 to 0.0.0.0/0"}},
		},
		{
			name:  "security group is gone",
			spoil: func(w *world) { delete(w.cloud.groups, group) },
			want:  []provisioning.NetworkHealth{{ErrorType: "securityGroup", ErrorMessage: "Security group sg-1 does not exist in region ap-northeast-1"}},
		},
		{
			name:  "no UDP among nodes",
			spoil: func(w *world) { without(w, func(r SecurityRule) bool { return r.Protocol == "udp" && !r.Egress }) },
			want:  []provisioning.NetworkHealth{{ErrorType: "securityGroup", ErrorMessage: "Security groups [sg-1] must allow all udp ingress of the group itself"}},
		},
		{
			name:  "no way to the relay",
			spoil: func(w *world) { without(w, func(r SecurityRule) bool { return r.FromPort == 6666 }) },
			want:  []provisioning.NetworkHealth{{ErrorType: "securityGroup", ErrorMessage: "Security groups [sg-1] must allow egress on TCP port 6666"}},
		},
		{
			name: "rules by block",
			spoil: func(w *world) {
				editing(w.cloud.groups, group, func(g *SecurityGroup) {
					g.Rules = []SecurityRule{{Protocol: "-1", CIDR: "10.0.0.0/16"}, {Egress: true, Protocol: "-1", CIDR: anywhere}}
				})
			},
		},
		{
			name: "rules by a block that is too small",
			spoil: func(w *world) {
				editing(w.cloud.groups, group, func(g *SecurityGroup) {
					g.Rules = []SecurityRule{{Protocol: "-1", CIDR: "10.0.0.0/24"}, {Egress: true, Protocol: "-1", CIDR: anywhere}}
				})
			},
			want: []provisioning.NetworkHealth{
				{ErrorType: "securityGroup", ErrorMessage: "Security groups [sg-1] must allow all tcp ingress of the group itself"},
				{ErrorType: "securityGroup", ErrorMessage: "Security groups [sg-1] must allow all udp ingress of the group itself"},
			},
		},
		{
			name:  "endpoint is gone",
			spoil: func(w *world) { delete(w.cloud.endpoints, testRegion+"/vpce-relay") },
			want:  []provisioning.NetworkHealth{{ErrorType: "vpc", ErrorMessage: "VPC endpoint vpce-relay is in state deleted"}},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			p := w.prepare()
			ok(w.start(p.request("lake")))(t)
			w.settle()
			tt.spoil(w)
			got := ok(w.client.Networks.GetByNetworkId(t.Context(), p.network))(t)
			equal(t, tt.want, got.ErrorMessages)
			equal(t, tt.warn, got.WarningMessages)
			status := provisioning.VpcStatusValid
			switch {
			case len(tt.want) > 0:
				status = provisioning.VpcStatusBroken
			case len(tt.warn) > 0:
				status = provisioning.VpcStatusWarned
			}
			equal(t, status, got.VpcStatus)
			equal(t, status, ok(w.client.Networks.List(t.Context()))(t)[0].VpcStatus)
		})
	}
}
