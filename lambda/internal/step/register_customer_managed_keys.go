package step

import (
	"context"
	"slices"

	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
)

// registerCustomerManagedKeys registers the keys with the Databricks account,
// each for its use.
// https://docs.databricks.com/api/account/encryptionkeys/create
func registerCustomerManagedKeys(ctx context.Context, d *Deps, doc *document.Document) (*document.Keys, error) {
	keys, out := doc.CustomerManagedKeys, &document.Keys{}
	if keys.ManagedServices.ARN == "" && keys.Storage.ARN == "" {
		out.Outcome = skipped("the spec wants no keys of the customer")
		return out, nil
	}
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	for _, k := range []struct {
		key document.Object
		use provisioning.KeyUseCase
		to  *document.Object
	}{
		{keys.ManagedServices, provisioning.KeyUseCaseManagedServices, &out.ManagedServices},
		{keys.Storage, provisioning.KeyUseCaseStorage, &out.Storage},
	} {
		if k.key.ARN == "" {
			continue
		}
		found, err := registerKey(ctx, account, k.key, k.use)
		if err != nil {
			return nil, err
		}
		*k.to = *found
	}
	out.Outcome = together([]document.Object{out.ManagedServices, out.Storage}, document.Object.Did)
	return out, nil
}

func registerKey(ctx context.Context, account *databricksapi.Account, key document.Object, use provisioning.KeyUseCase) (*document.Object, error) {
	found, created, err := ensure(ctx, "registration of key "+key.ARN,
		func(ctx context.Context) ([]provisioning.CustomerManagedKey, error) {
			all, err := account.Keys.List(ctx)
			return matching(all, func(k provisioning.CustomerManagedKey) bool {
				return k.AwsKeyInfo != nil && k.AwsKeyInfo.KeyArn == key.ARN && slices.Contains(k.UseCases, use)
			}), err
		},
		func(k provisioning.CustomerManagedKey) string { return k.CustomerManagedKeyId },
		func(ctx context.Context) (provisioning.CustomerManagedKey, error) {
			info := &provisioning.CreateAwsKeyInfo{KeyArn: key.ARN, KeyAlias: key.Name}
			if use == provisioning.KeyUseCaseStorage {
				info.ReuseKeyForClusterVolumes = true
			}
			made, err := account.Keys.Create(ctx, provisioning.CreateCustomerManagedKeyRequest{
				AwsKeyInfo: info, UseCases: []provisioning.KeyUseCase{use},
			})
			if err != nil {
				return provisioning.CustomerManagedKey{}, overQuota(err, "customer-managed keys")
			}
			return *made, nil
		})
	if err != nil {
		return nil, err
	}
	return &document.Object{ID: found.CustomerManagedKeyId, ARN: key.ARN, Outcome: made(created)}, nil
}
