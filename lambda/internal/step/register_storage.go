package step

import (
	"context"

	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// registerStorage registers the root bucket with the Databricks account as a
// storage configuration, which can never be changed.
// https://docs.databricks.com/api/account/storage/create
func registerStorage(ctx context.Context, d *Deps, doc *document.Document) (*document.Object, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	name, bucket := doc.Spec.Databricks.StorageName, doc.RootBucket.Name
	found, created, err := ensure(ctx, "storage configuration "+name,
		func(ctx context.Context) ([]provisioning.StorageConfiguration, error) {
			all, err := account.Storage.List(databricksapi.Mentioning(ctx, name))
			return matching(all, func(s provisioning.StorageConfiguration) bool { return s.StorageConfigurationName == name }), err
		},
		func(s provisioning.StorageConfiguration) string { return s.StorageConfigurationId },
		func(ctx context.Context) (provisioning.StorageConfiguration, error) {
			out, err := account.Storage.Create(ctx, provisioning.CreateStorageConfigurationRequest{
				StorageConfigurationName: name,
				RootBucketInfo:           provisioning.RootBucketInfo{BucketName: bucket},
			})
			if err != nil {
				return provisioning.StorageConfiguration{}, overQuota(err, "storage configurations")
			}
			return *out, nil
		})
	if err != nil {
		return nil, err
	}
	out := &document.Object{ID: found.StorageConfigurationId, Name: name, Outcome: made(created)}
	if created {
		return out, nil
	}
	if found.RootBucketInfo != nil && found.RootBucketInfo.BucketName != bucket {
		return nil, differs(entity{"storage configuration " + name, out.ID}, "bucket", found.RootBucketInfo.BucketName, bucket, "spec.databricks.storageName or spec.rootBucket")
	}
	return out, nil
}

// overQuota gives the error by which the account API says that there are too
// many objects of a kind its class: on a create, INVALID_STATE means that.
func overQuota(err error, kind string) error {
	if failure.Code(err) != "INVALID_STATE" {
		return err
	}
	return failure.As(plan.QuotaExceeded,
		"Remove "+kind+" that are no longer used, or ask Databricks to raise the limit; then redrive the execution.", err)
}
