package step

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/spec"
)

// deregisterCustomerManagedKeys deletes the registrations of the keys, also of
// those that the spec gives: they were made for this use.
// https://docs.databricks.com/api/account/encryptionkeys/delete
func deregisterCustomerManagedKeys(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	if !slices.ContainsFunc(doc.Specs(), wantsKeys) {
		return &document.Removal{Outcome: skipped("the spec wants no keys of the customer")}, nil
	}
	api := d.AWS.Keys(doc.Spec.Region)
	made := map[provisioning.KeyUseCase][]string{
		provisioning.KeyUseCaseManagedServices: doc.Retirement.Objects["managedServicesKey"],
		provisioning.KeyUseCaseStorage:         doc.Retirement.Objects["storageKey"],
	}
	for use, key := range map[provisioning.KeyUseCase]func(spec.Spec) *spec.Key{
		provisioning.KeyUseCaseManagedServices: func(s spec.Spec) *spec.Key { return s.Encryption.ManagedServicesKey },
		provisioning.KeyUseCaseStorage:         func(s spec.Spec) *spec.Key { return s.Encryption.StorageKey },
	} {
		for _, alias := range aliasesOf(doc, key) {
			found, err := keyOfAlias(ctx, api, doc, alias)
			if err != nil {
				return nil, err
			}
			if found != nil {
				made[use] = append(made[use], aws.ToString(found.Arn))
			}
		}
	}
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	all, err := keysOf(ctx, account, doc, made)
	if err != nil {
		return nil, err
	}
	return deregister(ctx, all)
}

func wantsKeys(s spec.Spec) bool {
	return s.Encryption.ManagedServicesKey != nil || s.Encryption.StorageKey != nil
}

// aliasesOf are the aliases of keys that are created.
func aliasesOf(doc *document.Document, keys ...func(spec.Spec) *spec.Key) []string {
	return ofSpecs(doc, func(s spec.Spec) []string {
		var aliases []string
		for _, key := range keys {
			if k := key(s); k != nil && k.ARN == "" {
				aliases = append(aliases, "alias/"+k.Alias)
			}
		}
		return aliases
	})
}

// keyOfAlias is the key of an alias, nil unless it is ours.
func keyOfAlias(ctx context.Context, api awsapi.Keys, doc *document.Document, alias string) (*types.KeyMetadata, error) {
	out, err := api.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(alias)})
	if failure.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for key %s: %w", alias, err)
	}
	ours, err := isOurKey(ctx, api, doc, aws.ToString(out.KeyMetadata.Arn))
	if err != nil || !ours {
		return nil, err
	}
	return out.KeyMetadata, nil
}

func isOurKey(ctx context.Context, api awsapi.Keys, doc *document.Document, arn string) (bool, error) {
	tags, err := tagsOfKey(ctx, api, arn)
	if withheld(err) || failure.IsNotFound(err) {
		// Somebody else's: its policy may keep even its tags to itself.
		return false, nil
	}
	return tags.IsOwnedBy(doc.Workspace), err
}
