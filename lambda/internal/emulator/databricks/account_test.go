package databricks

import (
	"testing"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/provisioning"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var ignoreSent = cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".ForceSendFields" }, cmp.Ignore())

// TestObjects takes every kind of object through create, get, list and delete
// with the real client.
func TestObjects(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	millis := start.UnixMilli()

	credentials := ok(w.newCredentials("main"))(t)
	wantCredentials := &provisioning.Credential{
		AccountId: testAccount, CredentialsName: "main", CreationTime: millis, CredentialsId: credentials.CredentialsId,
		AwsCredentials: &provisioning.AwsCredentials{StsRole: &provisioning.StsRole{RoleArn: testRole}},
	}
	equal(t, wantCredentials, credentials)
	equal(t, wantCredentials, ok(w.client.Credentials.GetByCredentialsId(ctx, credentials.CredentialsId))(t))
	equal(t, []provisioning.Credential{*wantCredentials}, ok(w.client.Credentials.List(ctx))(t))

	storage := ok(w.newStorage("main", testBucket))(t)
	wantStorage := &provisioning.StorageConfiguration{
		AccountId: testAccount, StorageConfigurationName: "main", CreationTime: millis,
		StorageConfigurationId: storage.StorageConfigurationId,
		RootBucketInfo:         &provisioning.RootBucketInfo{BucketName: testBucket},
	}
	equal(t, wantStorage, storage)
	equal(t, wantStorage, ok(w.client.Storage.GetByStorageConfigurationId(ctx, storage.StorageConfigurationId))(t))
	equal(t, []provisioning.StorageConfiguration{*wantStorage}, ok(w.client.Storage.List(ctx))(t))

	rest := ok(w.newEndpoint("rest", "vpce-rest"))(t)
	wantRest := &provisioning.VpcEndpoint{
		AccountId: testAccount, VpcEndpointName: "rest", VpcEndpointId: rest.VpcEndpointId, Region: testRegion,
		AwsVpcEndpointId: "vpce-rest", AwsAccountId: "111122223333", State: "pending",
		AwsEndpointServiceId: "vpce-svc-02691fd610d24fd64", UseCase: provisioning.EndpointUseCaseWorkspaceAccess,
	}
	equal(t, wantRest, rest)
	relay := ok(w.newEndpoint("relay", "vpce-relay"))(t)
	if relay.UseCase != provisioning.EndpointUseCaseDataplaneRelayAccess {
		t.Errorf("use case of the relay endpoint is %s", relay.UseCase)
	}
	w.cloud.endpoints[testRegion+"/vpce-rest"] = Endpoint{AccountID: "111122223333", ServiceName: workspaceService, State: "Available"}
	wantRest.State = "available"
	equal(t, wantRest, ok(w.client.VpcEndpoints.GetByVpcEndpointId(ctx, rest.VpcEndpointId))(t))
	equal(t, []provisioning.VpcEndpoint{*wantRest, *relay}, ok(w.client.VpcEndpoints.List(ctx))(t))

	access := ok(w.newAccess("main", true))(t)
	wantAccess := &provisioning.PrivateAccessSettings{
		AccountId: testAccount, PrivateAccessSettingsName: "main", Region: testRegion, PublicAccessEnabled: true,
		PrivateAccessLevel: provisioning.PrivateAccessLevelAccount, PrivateAccessSettingsId: access.PrivateAccessSettingsId,
	}
	equal(t, wantAccess, access)
	ok(w.client.PrivateAccess.Replace(ctx, provisioning.ReplacePrivateAccessSettingsRequest{
		PrivateAccessSettingsId: access.PrivateAccessSettingsId,
		CustomerFacingPrivateAccessSettings: provisioning.PrivateAccessSettings{
			PrivateAccessSettingsName: "main", Region: testRegion,
			PrivateAccessLevel: provisioning.PrivateAccessLevelEndpoint, AllowedVpcEndpointIds: []string{rest.VpcEndpointId},
		},
	}))(t)
	wantAccess.PublicAccessEnabled = false
	wantAccess.PrivateAccessLevel = provisioning.PrivateAccessLevelEndpoint
	wantAccess.AllowedVpcEndpointIds = []string{rest.VpcEndpointId}
	equal(t, wantAccess, ok(w.client.PrivateAccess.GetByPrivateAccessSettingsId(ctx, access.PrivateAccessSettingsId))(t))
	equal(t, []provisioning.PrivateAccessSettings{*wantAccess}, ok(w.client.PrivateAccess.List(ctx))(t))

	network := ok(w.client.Networks.Create(ctx, networkRequest("main", rest.VpcEndpointId, relay.VpcEndpointId)))(t)
	wantNetwork := &provisioning.Network{
		AccountId: testAccount, NetworkName: "main", NetworkId: network.NetworkId, CreationTime: millis,
		VpcId: "vpc-1", SubnetIds: []string{"subnet-0", "subnet-1"}, SecurityGroupIds: []string{"sg-1"},
		VpcEndpoints: &provisioning.NetworkVpcEndpoints{
			RestApi: []string{rest.VpcEndpointId}, DataplaneRelay: []string{relay.VpcEndpointId},
		},
		VpcStatus: provisioning.VpcStatusUnattached,
	}
	equal(t, wantNetwork, network)
	equal(t, wantNetwork, ok(w.client.Networks.GetByNetworkId(ctx, network.NetworkId))(t))
	equal(t, []provisioning.Network{*wantNetwork}, ok(w.client.Networks.List(ctx))(t))

	key := ok(w.client.EncryptionKeys.Create(ctx, provisioning.CreateCustomerManagedKeyRequest{
		UseCases: []provisioning.KeyUseCase{provisioning.KeyUseCaseStorage},
		AwsKeyInfo: &provisioning.CreateAwsKeyInfo{
			KeyArn: "arn:aws:kms:ap-northeast-1:111122223333:key/1", KeyAlias: "alias/lake",
			ForceSendFields: []string{"ReuseKeyForClusterVolumes"},
		},
	}))(t)
	wantKey := &provisioning.CustomerManagedKey{
		AccountId: testAccount, CustomerManagedKeyId: key.CustomerManagedKeyId, CreationTime: millis,
		UseCases: []provisioning.KeyUseCase{provisioning.KeyUseCaseStorage},
		AwsKeyInfo: &provisioning.AwsKeyInfo{
			KeyArn: "arn:aws:kms:ap-northeast-1:111122223333:key/1", KeyAlias: "alias/lake", KeyRegion: testRegion,
		},
	}
	equal(t, wantKey, key)
	equal(t, wantKey, ok(w.client.EncryptionKeys.GetByCustomerManagedKeyId(ctx, key.CustomerManagedKeyId))(t))
	equal(t, []provisioning.CustomerManagedKey{*wantKey}, ok(w.client.EncryptionKeys.List(ctx))(t))

	var kinds []string
	for _, o := range w.Objects() {
		kinds = append(kinds, o.Kind+" "+o.Name+" "+o.State)
	}
	equal(t, []string{
		"credentials main ", "storage-configurations main ", "vpc-endpoints rest available", "vpc-endpoints relay pending",
		"private-access-settings main ", "networks main UNATTACHED",
		"customer-managed-keys arn:aws:kms:ap-northeast-1:111122223333:key/1 ",
	}, kinds)

	ok(w.client.Networks.DeleteByNetworkId(ctx, network.NetworkId))(t)
	ok(w.client.PrivateAccess.DeleteByPrivateAccessSettingsId(ctx, access.PrivateAccessSettingsId))(t)
	ok(w.client.VpcEndpoints.DeleteByVpcEndpointId(ctx, rest.VpcEndpointId))(t)
	ok(w.client.VpcEndpoints.DeleteByVpcEndpointId(ctx, relay.VpcEndpointId))(t)
	ok(w.client.Storage.DeleteByStorageConfigurationId(ctx, storage.StorageConfigurationId))(t)
	ok(w.client.Credentials.DeleteByCredentialsId(ctx, credentials.CredentialsId))(t)
	ok(w.client.EncryptionKeys.DeleteByCustomerManagedKeyId(ctx, key.CustomerManagedKeyId))(t)
	if left := w.Objects(); len(left) > 0 {
		t.Errorf("left after deletion: %v", left)
	}
	_, err := w.client.Networks.GetByNetworkId(ctx, network.NetworkId)
	if !apierr.IsMissing(err) {
		t.Errorf("reading a deleted network: %v", err)
	}
	equal(t, failure{404, "RESOURCE_DOES_NOT_EXIST", "Network " + network.NetworkId + " does not exist"}, failureOf(t, err))
}

func equal(t *testing.T, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, ignoreSent, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestAddPrivateAccessSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	given := PrivateAccessSettings{
		PrivateAccessSettingsID: "1b9f6f0e-52c7-4d0b-8a3e-7c44d2e9a561", PrivateAccessSettingsName: "network-team", Region: testRegion, PrivateAccessLevel: "ACCOUNT",
	}
	if err := w.AddPrivateAccessSettings(given); err != nil {
		t.Fatal(err)
	}
	found, err := w.client.PrivateAccess.GetByPrivateAccessSettingsId(t.Context(), given.PrivateAccessSettingsID)
	if err != nil {
		t.Fatal(err)
	}
	if found.PrivateAccessSettingsName != given.PrivateAccessSettingsName || found.AccountId != testAccount || found.PublicAccessEnabled {
		t.Errorf("the settings are %+v", found)
	}
	if err := w.AddPrivateAccessSettings(given); err == nil {
		t.Error("they were added twice")
	}
	given.PrivateAccessSettingsID = "1b9f6f0e-52c7-4d0b-8a3e-7c44d2e9a562"
	if err := w.AddPrivateAccessSettings(given); err == nil {
		t.Error("their name was taken twice")
	}
}
