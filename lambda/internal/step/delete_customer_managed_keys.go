package step

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"lakegate/lambda/internal/awsapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/spec"
)

// keyWindow is how many days a key can be had back: the most that KMS offers.
// https://docs.aws.amazon.com/kms/latest/developerguide/deleting-keys.html
const keyWindow = 30

// deleteCustomerManagedKeys schedules the deletion of the keys and then deletes
// their aliases. A key stays if its registration does, or what it has encrypted.
func deleteCustomerManagedKeys(ctx context.Context, d *Deps, doc *document.Document) (*document.Removal, error) {
	api := d.AWS.Keys(doc.Spec.Region)
	keys, err := ownedKeys(ctx, api, doc)
	if err != nil {
		return nil, err
	}
	var removed []string
	var left []document.Left
	for _, k := range keys {
		what := "key " + k.arn
		if why, yes := needed(doc, append(k.aliases, k.arn)...); yes {
			left = append(left, document.Left{What: what, Why: why})
			continue
		}
		if !k.going {
			_, err := api.ScheduleKeyDeletion(ctx, &kms.ScheduleKeyDeletionInput{KeyId: aws.String(k.arn), PendingWindowInDays: aws.Int32(keyWindow)})
			switch {
			case failure.Code(err) == "KMSInvalidStateException", failure.IsNotFound(err):
				// It is scheduled already.
			case err != nil:
				return nil, fmt.Errorf("scheduling the deletion of %s: %w", what, err)
			}
			removed = append(removed, fmt.Sprintf("%s, in %d days", what, keyWindow))
		}
		for _, alias := range k.aliases {
			if _, err := api.DeleteAlias(ctx, &kms.DeleteAliasInput{AliasName: aws.String(alias)}); err != nil && !failure.IsNotFound(err) {
				return nil, fmt.Errorf("deleting %s: %w", alias, err)
			}
			removed = append(removed, alias)
		}
	}
	return removal(removed, left), nil
}

// ownedKey is a key of ours.
type ownedKey struct {
	arn string
	// aliases of the spec that lead to it.
	aliases []string
	// going says that its deletion is scheduled.
	going bool
}

// ownedKeys lists the keys that were created for the workspace: those of the
// spec's aliases, and those that have no alias yet or any more.
func ownedKeys(ctx context.Context, api awsapi.Keys, doc *document.Document) ([]*ownedKey, error) {
	aliases := aliasesOf(doc,
		func(s spec.Spec) *spec.Key { return s.Encryption.ManagedServicesKey },
		func(s spec.Spec) *spec.Key { return s.Encryption.StorageKey })
	if len(aliases) == 0 {
		return nil, nil
	}
	var keys []*ownedKey
	byARN := map[string]*ownedKey{}
	add := func(m *types.KeyMetadata) *ownedKey {
		arn := aws.ToString(m.Arn)
		if byARN[arn] == nil {
			byARN[arn] = &ownedKey{arn: arn, going: m.KeyState == types.KeyStatePendingDeletion || m.KeyState == types.KeyStatePendingReplicaDeletion}
			keys = append(keys, byARN[arn])
		}
		return byARN[arn]
	}
	for _, alias := range aliases {
		found, err := keyOfAlias(ctx, api, doc, alias)
		if err != nil {
			return nil, err
		}
		if found != nil {
			k := add(found)
			k.aliases = append(k.aliases, alias)
		}
	}
	all, err := pages(func(token *string) ([]types.KeyListEntry, *string, error) {
		out, err := api.ListKeys(ctx, &kms.ListKeysInput{Marker: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Keys, out.NextMarker, nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing keys: %w", err)
	}
	for _, entry := range all {
		arn := aws.ToString(entry.KeyArn)
		if byARN[arn] != nil {
			continue
		}
		ours, err := isOurKey(ctx, api, doc, arn)
		if err != nil {
			return nil, err
		}
		if !ours {
			continue
		}
		out, err := api.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: entry.KeyArn})
		if err != nil {
			return nil, fmt.Errorf("looking at key %s: %w", arn, err)
		}
		add(out.KeyMetadata)
	}
	return keys, nil
}
