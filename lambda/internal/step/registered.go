package step

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"

	"github.com/databricks/databricks-sdk-go/apierr"
	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// registered is an object of the Databricks account, where nothing has tags: it
// is ours if its name and what it refers to are. The id of a registration is that
// of its endpoint in AWS.
type registered struct {
	id, what string
	// named says that its name is of the spec, fits that what it refers to is ours
	// or given in the spec.
	named, fits bool
	// needs are the objects of ours in AWS that it refers to.
	needs  []string
	delete func(context.Context) error
}

// deregister deletes what is ours. What is used elsewhere stays, and so does
// what refers to objects of ours under another name: somebody else made that.
func deregister(ctx context.Context, all []registered) (*document.Removal, error) {
	var removed []string
	var left []document.Left
	for _, r := range all {
		if !r.named || !r.fits {
			left = append(left, r.foreign()...)
			continue
		}
		err := r.delete(ctx)
		if failure.IsNotFound(err) {
			continue
		}
		if why, yes := refused(err); yes {
			left = append(left, document.Left{What: r.what, Why: why, Needs: r.needs})
			continue
		}
		if api, ok := errors.AsType[*apierr.APIError](err); ok && api.StatusCode == http.StatusConflict {
			// The account API answers so while it still takes the workspace down.
			return nil, failure.As(plan.NotReady, "", fmt.Errorf("deleting %s: %w", r.what, err))
		}
		if err != nil {
			return nil, fmt.Errorf("deleting %s: %w", r.what, err)
		}
		removed = append(removed, r.what)
	}
	return removal(removed, left), nil
}

// foreign says why something stays that is not wholly ours, if it is anything
// to us.
func (r registered) foreign() []document.Left {
	switch {
	case r.named:
		return []document.Left{{What: r.what, Why: "it has our name, but refers to something that is not ours"}}
	case len(r.needs) > 0:
		return []document.Left{{What: r.what, Why: "it refers to " + r.needs[0] + " under a name that is not ours", Needs: r.needs}}
	}
	return nil
}

// roles are the ARNs of the cross-account role: given, or made here. A name in a
// spec alone makes no role ours: a spec that was copied names what is another
// workspace's.
func (d *Deps) roles(ctx context.Context, doc *document.Document) (all, made []string, err error) {
	all = ofSpecs(doc, func(s spec.Spec) []string { return []string{s.CrossAccountRole.ARN} })
	for _, name := range crossAccountRoles(doc) {
		arn := "arn:" + partitionOf(doc.Execution.ARN) + ":iam::" + doc.Spec.AWS.AccountID + ":role/" + name
		role, err := ownedRole(ctx, d.AWS.IAM(), doc, name)
		if err != nil {
			return nil, nil, err
		}
		if role != nil || slices.Contains(doc.Retirement.Objects["crossAccountRole"], arn) {
			made = append(made, arn)
		}
	}
	return append(all, made...), made, nil
}

// rootBuckets are the names of the root bucket, as roles are those of the role.
func (d *Deps) rootBuckets(ctx context.Context, doc *document.Document) (all, made []string, err error) {
	all = ofSpecs(doc, func(s spec.Spec) []string {
		if s.RootBucket.ARN == "" {
			return nil
		}
		return []string{bucketOf(s.RootBucket.ARN)}
	})
	for _, name := range bucketNames(doc) {
		ours, err := isOurBucket(ctx, d.AWS.Buckets(doc.Spec.Region), doc, name)
		if err != nil {
			return nil, nil, err
		}
		if ours || slices.Contains(doc.Retirement.Objects["rootBucket"], name) {
			made = append(made, name)
		}
	}
	return append(all, made...), made, nil
}

// bucketNames are the names of the root bucket where none is given.
func bucketNames(doc *document.Document) []string {
	return ofSpecs(doc, func(s spec.Spec) []string { return []string{s.RootBucket.Name} })
}

func (d *Deps) credentialsOf(ctx context.Context, account *databricksapi.Account, doc *document.Document) ([]registered, map[string]bool, error) {
	all, err := account.Credentials.List(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("listing credential configurations: %w", err)
	}
	names := ofSpecs(doc, func(s spec.Spec) []string { return []string{s.Databricks.CredentialsName} })
	arns, made, err := d.roles(ctx, doc)
	if err != nil {
		return nil, nil, err
	}
	ours := map[string]bool{}
	var out []registered
	for _, c := range all {
		arn := ""
		if c.AwsCredentials != nil && c.AwsCredentials.StsRole != nil {
			arn = c.AwsCredentials.StsRole.RoleArn
		}
		r := registered{
			what:  fmt.Sprintf("credential configuration %s (%s)", c.CredentialsName, c.CredentialsId),
			named: slices.Contains(names, c.CredentialsName), fits: slices.Contains(arns, arn),
			needs: common(made, []string{arn}),
			delete: func(ctx context.Context) error {
				_, err := account.Credentials.DeleteByCredentialsId(ctx, c.CredentialsId)
				return err
			},
		}
		ours[c.CredentialsId] = r.named && r.fits
		out = append(out, r)
	}
	return out, ours, nil
}

func (d *Deps) storageOf(ctx context.Context, account *databricksapi.Account, doc *document.Document) ([]registered, map[string]bool, error) {
	all, err := account.Storage.List(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("listing storage configurations: %w", err)
	}
	names := ofSpecs(doc, func(s spec.Spec) []string { return []string{s.Databricks.StorageName} })
	buckets, made, err := d.rootBuckets(ctx, doc)
	if err != nil {
		return nil, nil, err
	}
	ours := map[string]bool{}
	var out []registered
	for _, c := range all {
		bucket := ""
		if c.RootBucketInfo != nil {
			bucket = c.RootBucketInfo.BucketName
		}
		r := registered{
			what:  fmt.Sprintf("storage configuration %s (%s)", c.StorageConfigurationName, c.StorageConfigurationId),
			named: slices.Contains(names, c.StorageConfigurationName), fits: slices.Contains(buckets, bucket),
			needs: common(made, []string{bucket}),
			delete: func(ctx context.Context) error {
				_, err := account.Storage.DeleteByStorageConfigurationId(ctx, c.StorageConfigurationId)
				return err
			},
		}
		ours[c.StorageConfigurationId] = r.named && r.fits
		out = append(out, r)
	}
	return out, ours, nil
}

// networksOf returns the network configurations that are ours, and whether one
// still belongs to a workspace that is going.
func networksOf(ctx context.Context, account *databricksapi.Account, doc *document.Document, made []string) ([]registered, error) {
	all, err := account.Networks.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing network configurations: %w", err)
	}
	names := networkNames(doc)
	known := slices.Concat(made, doc.Retirement.Objects["vpc"], ofSpecs(doc, func(s spec.Spec) []string { return []string{s.Network.VPC.ID} }))
	var out []registered
	for _, n := range all {
		out = append(out, registered{
			id: n.NetworkId, what: fmt.Sprintf("network configuration %s (%s)", n.NetworkName, n.NetworkId),
			named: slices.ContainsFunc(names, func(name string) bool { return isNetworkName(n, name) }), fits: slices.Contains(known, n.VpcId),
			needs: common(made, []string{n.VpcId}),
			delete: func(ctx context.Context) error {
				_, err := account.Networks.DeleteByNetworkId(ctx, n.NetworkId)
				return err
			},
		})
	}
	return out, nil
}

func networkNames(doc *document.Document) []string {
	return ofSpecs(doc, func(s spec.Spec) []string { return []string{s.Databricks.NetworkName} })
}

func settingsOf(ctx context.Context, account *databricksapi.Account, doc *document.Document) ([]registered, error) {
	all, err := account.PrivateAccessSettings.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing private access settings: %w", err)
	}
	names := ofSpecs(doc, func(s spec.Spec) []string { return []string{s.PrivateLink.PrivateAccessSettings.Name} })
	var out []registered
	for _, p := range all {
		out = append(out, registered{
			what:  fmt.Sprintf("private access settings %s (%s)", p.PrivateAccessSettingsName, p.PrivateAccessSettingsId),
			named: slices.Contains(names, p.PrivateAccessSettingsName),
			fits: slices.ContainsFunc(doc.Specs(), func(s spec.Spec) bool {
				want := s.PrivateLink.PrivateAccessSettings
				level := provisioning.PrivateAccessLevelAccount
				if want.Level == "ENDPOINT" {
					level = provisioning.PrivateAccessLevelEndpoint
				}
				return p.Region == s.Region && p.PrivateAccessLevel == level && want.PublicAccess != nil && p.PublicAccessEnabled == *want.PublicAccess
			}),
			delete: func(ctx context.Context) error {
				_, err := account.PrivateAccessSettings.DeleteByPrivateAccessSettingsId(ctx, p.PrivateAccessSettingsId)
				return err
			},
		})
	}
	return out, nil
}

// registrationsOf returns the registrations of endpoints; made are the ids of those
// endpoints that were created here.
func registrationsOf(ctx context.Context, account *databricksapi.Account, doc *document.Document, made []string) ([]registered, error) {
	all, err := account.VPCEndpoints.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing registrations of endpoints: %w", err)
	}
	names := ofSpecs(doc, func(s spec.Spec) []string {
		return append([]string{s.PrivateLink.WorkspaceEndpoint.RegistrationName, s.PrivateLink.RelayEndpoint.RegistrationName}, frontEndOf(s).RegistrationName)
	})
	known := slices.Concat(made, doc.Retirement.Objects["workspaceEndpoint"], doc.Retirement.Objects["relayEndpoint"], doc.Retirement.Objects["frontEndEndpoint"],
		ofSpecs(doc, func(s spec.Spec) []string {
			return []string{s.PrivateLink.WorkspaceEndpoint.ID, s.PrivateLink.RelayEndpoint.ID, frontEndOf(s).ID}
		}))
	var out []registered
	for _, e := range all {
		out = append(out, registered{
			id: e.AwsVpcEndpointId, what: fmt.Sprintf("registration %s (%s)", e.VpcEndpointName, e.VpcEndpointId),
			named: slices.ContainsFunc(names, func(name string) bool {
				return e.VpcEndpointName == name || e.VpcEndpointName == nameFor(name, e.AwsVpcEndpointId)
			}),
			fits:  slices.Contains(known, e.AwsVpcEndpointId),
			needs: common(made, []string{e.AwsVpcEndpointId}),
			delete: func(ctx context.Context) error {
				_, err := account.VPCEndpoints.DeleteByVpcEndpointId(ctx, e.VpcEndpointId)
				return err
			},
		})
	}
	return out, nil
}

// frontEndOf is the front end of a spec, empty if it has none.
func frontEndOf(s spec.Spec) spec.FrontEnd {
	if s.PrivateLink.FrontEnd == nil {
		return spec.FrontEnd{}
	}
	return *s.PrivateLink.FrontEnd
}

// keysOf returns the registrations of keys, which have no names: the key and
// what it is for are all there is. made are the ARNs of the keys that were
// created here.
func keysOf(ctx context.Context, account *databricksapi.Account, doc *document.Document, made map[provisioning.KeyUseCase][]string) ([]registered, error) {
	all, err := account.Keys.List(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing registrations of keys: %w", err)
	}
	given := map[provisioning.KeyUseCase][]string{
		provisioning.KeyUseCaseManagedServices: ofSpecs(doc, func(s spec.Spec) []string { return keyARN(s.Encryption.ManagedServicesKey) }),
		provisioning.KeyUseCaseStorage:         ofSpecs(doc, func(s spec.Spec) []string { return keyARN(s.Encryption.StorageKey) }),
	}
	var out []registered
	for _, k := range all {
		arn := ""
		if k.AwsKeyInfo != nil {
			arn = k.AwsKeyInfo.KeyArn
		}
		r := registered{
			what: fmt.Sprintf("registration of key %s (%s)", arn, k.CustomerManagedKeyId),
			delete: func(ctx context.Context) error {
				_, err := account.Keys.DeleteByCustomerManagedKeyId(ctx, k.CustomerManagedKeyId)
				return err
			},
		}
		for use, arns := range made {
			if slices.Contains(arns, arn) {
				r.needs = []string{arn}
				r.named = r.named || slices.Contains(k.UseCases, use)
			}
			r.named = r.named || slices.Contains(given[use], arn) && len(k.UseCases) == 1 && k.UseCases[0] == use
		}
		r.fits = r.named
		out = append(out, r)
	}
	return out, nil
}

func keyARN(k *spec.Key) []string {
	if k == nil {
		return nil
	}
	return []string{k.ARN}
}

// workspacesOf returns the workspaces that are ours: by name, and made of our
// credentials and storage.
func (d *Deps) workspacesOf(ctx context.Context, account *databricksapi.Account, doc *document.Document) (ours []provisioning.Workspace, foreign []document.Left, err error) {
	_, credentials, err := d.credentialsOf(ctx, account, doc)
	if err != nil {
		return nil, nil, err
	}
	_, storage, err := d.storageOf(ctx, account, doc)
	if err != nil {
		return nil, nil, err
	}
	all, err := account.Workspaces.List(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("listing workspaces: %w", err)
	}
	names := ofSpecs(doc, func(s spec.Spec) []string { return []string{s.Databricks.WorkspaceName} })
	for _, w := range all {
		switch {
		case !slices.Contains(names, w.WorkspaceName):
		case credentials[w.CredentialsId] && storage[w.StorageConfigurationId]:
			ours = append(ours, w)
		default:
			foreign = append(foreign, document.Left{What: workspaceText(w), Why: "it has our name, but is made of configurations that are not ours"})
		}
	}
	return ours, foreign, nil
}

// urlOf is where people find a workspace.
func urlOf(w provisioning.Workspace) string {
	return "https://" + w.DeploymentName + ".cloud.databricks.com"
}

func workspaceText(w provisioning.Workspace) string {
	return "workspace " + w.WorkspaceName + " (" + strconv.FormatInt(w.WorkspaceId, 10) + ")"
}
