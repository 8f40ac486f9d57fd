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
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// keyWish is what a key should be.
type keyWish struct {
	*spec.Key
	// object is the value of the object tag, path where the spec speaks of it.
	object, path, description string
	policy                    policy
}

// ensureCustomerManagedKeys finds or creates the keys that the spec wants, with
// policies that admit Databricks.
func ensureCustomerManagedKeys(ctx context.Context, d *Deps, doc *document.Document) (*document.Keys, error) {
	want, out := doc.Spec.Encryption, &document.Keys{}
	if want.ManagedServicesKey == nil && want.StorageKey == nil {
		out.Outcome = skipped("the spec wants no keys of the customer")
		return out, nil
	}
	api := d.AWS.Keys(doc.Spec.Region)
	account, databricks := doc.Spec.AWS.AccountID, doc.Spec.Databricks.AccountID
	for _, k := range []struct {
		wish keyWish
		to   *document.Object
	}{
		{keyWish{want.ManagedServicesKey, "managed-services-key", "spec.encryption.managedServicesKey",
			"What the control plane stores for workspace " + doc.Workspace + ".", managedServicesKeyPolicy(account, databricks)}, &out.ManagedServices},
		{keyWish{want.StorageKey, "storage-key", "spec.encryption.storageKey",
			"Root bucket and volumes of workspace " + doc.Workspace + ".", storageKeyPolicy(account, databricks, doc.CrossAccountRole.ARN)}, &out.Storage},
	} {
		if k.wish.Key == nil {
			continue
		}
		found, err := ensureKey(ctx, api, doc, k.wish)
		if err != nil {
			return nil, err
		}
		*k.to = *found
	}
	out.Outcome = together([]document.Object{out.ManagedServices, out.Storage}, document.Object.Did)
	return out, nil
}

func ensureKey(ctx context.Context, api awsapi.Keys, doc *document.Document, want keyWish) (*document.Object, error) {
	if want.ARN != "" {
		return givenKey(ctx, api, doc, want)
	}
	alias := "alias/" + want.Alias
	key, created, err := ensure(ctx, "key "+alias,
		func(ctx context.Context) ([]types.KeyMetadata, error) {
			out, err := api.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(alias)})
			if failure.Code(err) == "NotFoundException" {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			return []types.KeyMetadata{*out.KeyMetadata}, nil
		},
		func(k types.KeyMetadata) string { return aws.ToString(k.Arn) },
		func(ctx context.Context) (types.KeyMetadata, error) { return createKey(ctx, api, doc, want, alias) })
	if err != nil {
		return nil, err
	}
	arn := aws.ToString(key.Arn)
	var tags awsapi.Tags
	if !created {
		if tags, err = tagsOfKey(ctx, api, arn); err != nil {
			return nil, err
		}
		if err := claim(doc, "key "+alias, arn, want.path+".arn", tags); err != nil {
			return nil, err
		}
	}
	if key.KeyState != types.KeyStateEnabled {
		return nil, failure.New(plan.Conflict, "Enable the key, or cancel its deletion (aws kms cancel-key-deletion), then redrive the execution.",
			"checking key %s (%s): its state is %s", arn, alias, key.KeyState)
	}
	if key.KeySpec != types.KeySpecSymmetricDefault {
		return nil, differs(entity{"key " + alias, arn}, "spec", string(key.KeySpec), string(types.KeySpecSymmetricDefault), want.path+".alias")
	}
	tagged := change{}
	if !created {
		if tagged, err = keyTagger(api, arn, tags).own(ctx, doc, want.object, want.Alias); err != nil {
			return nil, err
		}
	}
	differences, err := convergeKey(ctx, api, arn, want.policy.String())
	if err != nil {
		return nil, err
	}
	return &document.Object{ID: aws.ToString(key.KeyId), ARN: arn, Name: alias, Outcome: made(created, tagged, changing("changed its policy or rotation", differences...))}, nil
}

// createKey makes a key and names it. A key whose creation was not answered has
// no name yet and is found by its tags: the call knows no token.
func createKey(ctx context.Context, api awsapi.Keys, doc *document.Document, want keyWish, alias string) (types.KeyMetadata, error) {
	key, err := namelessKey(ctx, api, doc.Workspace, want.object)
	if err != nil {
		return types.KeyMetadata{}, err
	}
	if key == nil {
		tags := awsapi.Owned(doc.Spec.Tags, doc.Workspace, want.object, want.Alias)
		out, err := api.CreateKey(ctx, &kms.CreateKeyInput{
			Policy: aws.String(want.policy.String()), Description: aws.String(want.description), Tags: tags.KMS(),
		})
		if failure.Code(err) == "MalformedPolicyDocumentException" {
			// The policy names a role that KMS does not see yet.
			return types.KeyMetadata{}, failure.As(plan.NotReady, "", err)
		}
		if err != nil {
			return types.KeyMetadata{}, err
		}
		key = out.KeyMetadata
	}
	_, err = api.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String(alias), TargetKeyId: key.KeyId})
	switch failure.Code(err) {
	case "AlreadyExistsException", "NotFoundException":
		// One of the two is not visible yet.
		return types.KeyMetadata{}, failure.As(plan.NotReady, "", err)
	}
	return *key, err
}

// namelessKey looks through all keys for one of ours; nil if there is none.
func namelessKey(ctx context.Context, api awsapi.Keys, workspace, object string) (*types.KeyMetadata, error) {
	all, err := pages(func(token *string) ([]types.KeyListEntry, *string, error) {
		out, err := api.ListKeys(ctx, &kms.ListKeysInput{Marker: token})
		if err != nil {
			return nil, nil, err
		}
		return out.Keys, out.NextMarker, nil
	})
	if err != nil {
		return nil, err
	}
	for _, k := range all {
		tags, err := tagsOfKey(ctx, api, aws.ToString(k.KeyArn))
		if withheld(err) || failure.IsNotFound(err) {
			// Somebody else's: its policy may keep even its tags to itself.
			continue
		}
		if err != nil {
			return nil, err
		}
		if !tags.IsOwnedBy(workspace) || tags[plan.TagObject] != object {
			continue
		}
		out, err := api.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: k.KeyArn})
		if err != nil {
			return nil, err
		}
		if out.KeyMetadata.KeyState == types.KeyStateEnabled {
			return out.KeyMetadata, nil
		}
	}
	return nil, nil
}

func tagsOfKey(ctx context.Context, api awsapi.Keys, arn string) (awsapi.Tags, error) {
	out, err := api.ListResourceTags(ctx, &kms.ListResourceTagsInput{KeyId: aws.String(arn)})
	if err != nil {
		return nil, fmt.Errorf("reading the tags of key %s: %w", arn, err)
	}
	return awsapi.OfKMS(out.Tags), nil
}

// convergeKey writes the policy where it differs and turns rotation on.
func convergeKey(ctx context.Context, api awsapi.Keys, arn, policy string) (differences []document.Difference, err error) {
	this := entity{"key", arn}
	found, err := api.GetKeyPolicy(ctx, &kms.GetKeyPolicyInput{KeyId: aws.String(arn)})
	if err != nil {
		return nil, fmt.Errorf("reading the policy of key %s: %w", arn, err)
	}
	if !sameJSON(aws.ToString(found.Policy), policy) {
		if _, err := api.PutKeyPolicy(ctx, &kms.PutKeyPolicyInput{KeyId: aws.String(arn), Policy: aws.String(policy)}); err != nil {
			return nil, fmt.Errorf("writing the policy of key %s: %w", arn, err)
		}
		differences = append(differences, this.differsInPolicy("policy", aws.ToString(found.Policy), policy))
	}
	rotation, err := api.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: aws.String(arn)})
	if err != nil {
		return differences, fmt.Errorf("reading the rotation of key %s: %w", arn, err)
	}
	if rotation.KeyRotationEnabled {
		return differences, nil
	}
	if _, err := api.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: aws.String(arn)}); err != nil {
		return differences, fmt.Errorf("turning on the rotation of key %s: %w", arn, err)
	}
	return append(differences, this.differs("rotation", "off", "on")), nil
}

// givenKey checks that a key of the author's can be used. Whether its policy
// admits Databricks is seen when compute starts.
func givenKey(ctx context.Context, api awsapi.Keys, doc *document.Document, want keyWish) (*document.Object, error) {
	out, err := api.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(want.ARN)})
	if failure.Code(err) == "NotFoundException" {
		return nil, missing("key", want.ARN, "", want.path+".arn")
	}
	if err != nil {
		return nil, fmt.Errorf("looking for key %s: %w", want.ARN, err)
	}
	if k := out.KeyMetadata; k.KeyState != types.KeyStateEnabled || k.KeySpec != types.KeySpecSymmetricDefault {
		return nil, failure.New(plan.Conflict, "Give a symmetric key that is enabled as "+want.path+".arn.",
			"checking key %s: it is %s and %s", want.ARN, k.KeyState, k.KeySpec)
	}
	tags, err := tagsOfKey(ctx, api, want.ARN)
	if err != nil && !withheld(err) {
		return nil, err
	}
	outcome, err := keyTagger(api, want.ARN, tags).share(ctx, doc)
	if err != nil {
		return nil, err
	}
	return &document.Object{ID: aws.ToString(out.KeyMetadata.KeyId), ARN: want.ARN, Outcome: outcome}, nil
}
