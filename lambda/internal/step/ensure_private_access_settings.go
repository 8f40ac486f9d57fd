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
	"lakegate/spec"
)

// ensurePrivateAccessSettings finds or creates the private access settings.
// Settings that differ are changed if they are this workspace's alone. They have
// no tags, so they are if no other workspace uses them, and this one does or the
// spec adopts them.
// https://docs.databricks.com/api/account/privateaccess/create
func ensurePrivateAccessSettings(ctx context.Context, d *Deps, doc *document.Document) (*document.Object, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	want := doc.Spec.PrivateLink.PrivateAccessSettings
	level, allowed := accessLevel(doc)
	if want.ID != "" {
		// Settings of the author's may have the level ENDPOINT without the spec
		// saying so.
		allowed = registrationsNeeded(doc)
	}
	public := want.PublicAccess == nil || *want.PublicAccess
	var found provisioning.PrivateAccessSettings
	outcome := document.Outcome{Outcome: document.Found}
	if want.ID != "" {
		given, err := account.PrivateAccessSettings.GetByPrivateAccessSettingsId(ctx, want.ID)
		if failure.IsNotFound(err) {
			return nil, missing("private access settings", want.ID, "", "spec.privateLink.privateAccessSettings.id")
		}
		if err != nil {
			return nil, fmt.Errorf("looking for private access settings %s: %w", want.ID, err)
		}
		found, outcome = *given, document.Outcome{Outcome: document.Given}
	} else {
		var created bool
		found, created, err = ensure(ctx, "private access settings "+want.Name,
			func(ctx context.Context) ([]provisioning.PrivateAccessSettings, error) {
				all, err := account.PrivateAccessSettings.List(databricksapi.Mentioning(ctx, want.Name))
				return matching(all, func(p provisioning.PrivateAccessSettings) bool { return p.PrivateAccessSettingsName == want.Name }), privateLinkOff(doc, err)
			},
			func(p provisioning.PrivateAccessSettings) string { return p.PrivateAccessSettingsId },
			func(ctx context.Context) (provisioning.PrivateAccessSettings, error) {
				out, err := account.PrivateAccessSettings.Create(ctx, provisioning.CreatePrivateAccessSettingsRequest{
					PrivateAccessSettingsName: want.Name, Region: doc.Spec.Region,
					PublicAccessEnabled: public, PrivateAccessLevel: level, AllowedVpcEndpointIds: allowed,
					// false would be left out.
					ForceSendFields: []string{"PublicAccessEnabled"},
				})
				if err != nil {
					return provisioning.PrivateAccessSettings{}, privateLinkOff(doc, overQuota(err, "private access settings"))
				}
				return *out, nil
			})
		if err != nil {
			return nil, err
		}
		if created {
			outcome = document.Outcome{Outcome: document.Created}
		}
	}
	what := entity{"private access settings " + found.PrivateAccessSettingsName, found.PrivateAccessSettingsId}
	if found.Region != doc.Spec.Region {
		return nil, differs(what, "region", found.Region, doc.Spec.Region, "spec.privateLink.privateAccessSettings.name or spec.region")
	}
	replace := provisioning.PrivateAccessSettings{
		PrivateAccessSettingsName: found.PrivateAccessSettingsName, Region: found.Region,
		PublicAccessEnabled: public, PrivateAccessLevel: level, AllowedVpcEndpointIds: allowed,
		// The whole object is replaced: what is left out is off or empty afterwards.
		ForceSendFields: []string{"PublicAccessEnabled"},
	}
	differ := settingsDiffer(what, found, replace, want.ID != "")
	switch {
	case want.ID != "" && differ != nil:
		return nil, differ
	case want.ID == "" && (differ != nil || surplus(found, replace)):
		ours, present, err := onlyOurs(ctx, account, doc, found.PrivateAccessSettingsId, differ)
		if err != nil {
			return nil, err
		}
		if !ours {
			break
		}
		former, err := formerDoors(ctx, account, doc, found, present)
		if err != nil {
			return nil, err
		}
		if replace.PrivateAccessLevel == endpointLevel && len(former) > 0 {
			replace.AllowedVpcEndpointIds = slices.Concat(replace.AllowedVpcEndpointIds, former)
			if settingsDiffer(what, found, replace, false) == nil && !surplus(found, replace) {
				break
			}
		}
		if _, err := account.PrivateAccessSettings.Replace(ctx, provisioning.ReplacePrivateAccessSettingsRequest{
			PrivateAccessSettingsId: found.PrivateAccessSettingsId, CustomerFacingPrivateAccessSettings: replace,
		}); err != nil {
			return nil, fmt.Errorf("changing %s: %w", what, err)
		}
		outcome = made(false, changing("changed public access, level or the endpoints that are admitted", settingsDifferences(what, found, replace)...))
	}
	return &document.Object{ID: found.PrivateAccessSettingsId, Name: found.PrivateAccessSettingsName, Outcome: outcome}, nil
}

// settingsDiffer is the Conflict of settings that do not do what the spec wants.
func settingsDiffer(what entity, found, want provisioning.PrivateAccessSettings, given bool) error {
	const path = "spec.privateLink.privateAccessSettings"
	if found.PublicAccessEnabled != want.PublicAccessEnabled {
		return differs(what, "public access", strconv.FormatBool(found.PublicAccessEnabled), strconv.FormatBool(want.PublicAccessEnabled), path+".publicAccess")
	}
	if !given && found.PrivateAccessLevel != want.PrivateAccessLevel {
		return differs(what, "level", string(found.PrivateAccessLevel), string(want.PrivateAccessLevel), path+".level")
	}
	if missing := without(want.AllowedVpcEndpointIds, found.AllowedVpcEndpointIds); found.PrivateAccessLevel == provisioning.PrivateAccessLevelEndpoint && len(missing) > 0 {
		return failure.New(plan.Conflict,
			"Add the registrations to the settings in the account console, or choose another "+path+".name.",
			"comparing %s: they do not admit %s", what, strings.Join(missing, ", "))
	}
	return nil
}

// settingsDifferences are all ways in which settings differ.
func settingsDifferences(what entity, found, want provisioning.PrivateAccessSettings) []document.Difference {
	var out []document.Difference
	for _, f := range []struct{ name, found, wanted string }{
		{"public access", strconv.FormatBool(found.PublicAccessEnabled), strconv.FormatBool(want.PublicAccessEnabled)},
		{"level", string(found.PrivateAccessLevel), string(want.PrivateAccessLevel)},
		{"admitted endpoints", listed(found.AllowedVpcEndpointIds), listed(want.AllowedVpcEndpointIds)},
	} {
		if f.found != f.wanted {
			out = append(out, what.differs(f.name, f.found, f.wanted))
		}
	}
	return out
}

// surplus says whether settings admit endpoints that the spec does not name.
func surplus(found, want provisioning.PrivateAccessSettings) bool {
	return found.PrivateAccessLevel == provisioning.PrivateAccessLevelEndpoint &&
		len(without(found.AllowedVpcEndpointIds, want.AllowedVpcEndpointIds)) > 0
}

// formerDoors are the endpoints through which compute of the workspace comes as
// long as it is in its present network. They stay admitted if they are.
func formerDoors(ctx context.Context, account *databricksapi.Account, doc *document.Document, found provisioning.PrivateAccessSettings, present string) ([]string, error) {
	if present == "" {
		return nil, nil
	}
	n, err := account.Networks.GetByNetworkId(ctx, present)
	if err != nil {
		return nil, fmt.Errorf("looking at network configuration %s: %w", present, err)
	}
	if n.VpcEndpoints == nil {
		return nil, nil
	}
	admitted := n.VpcEndpoints.RestApi
	if found.PrivateAccessLevel == endpointLevel {
		admitted = common(admitted, found.AllowedVpcEndpointIds)
	}
	return without(admitted, registrationsNeeded(doc)), nil
}

// onlyOurs says whether settings may be changed, and in which network the
// workspace is that has them. If they may not but differ, that is a Conflict; what
// they do beyond the spec may be for the others.
func onlyOurs(ctx context.Context, account *databricksapi.Account, doc *document.Document, id string, differ error) (ours bool, network string, err error) {
	all, err := account.Workspaces.List(ctx)
	if err != nil {
		return false, "", fmt.Errorf("looking for the workspaces of private access settings %s: %w", id, err)
	}
	ours = doc.Adopt
	var others []string
	for _, w := range all {
		switch {
		case w.PrivateAccessSettingsId != id:
		case w.WorkspaceName == doc.Spec.Databricks.WorkspaceName:
			ours, network = true, w.NetworkId
		default:
			others = append(others, fmt.Sprintf("%s (%d)", w.WorkspaceName, w.WorkspaceId))
		}
	}
	switch {
	case ours && len(others) == 0:
		return true, network, nil
	case differ == nil:
		return false, network, nil
	case len(others) > 0:
		return false, network, failure.As(plan.Conflict,
			"Choose another spec.privateLink.privateAccessSettings.name, so that this workspace has settings of its own, or set the fields to what the settings have.",
			fmt.Errorf("%w; they are not changed, since %s use them too", differ, strings.Join(others, ", ")))
	}
	return false, network, failure.As(plan.Conflict,
		fmt.Sprintf("Choose another spec.privateLink.privateAccessSettings.name, set the fields to what the settings have, or make them this workspace's own: metadata.annotations[%q]: %q.", spec.AdoptAnnotation, "true"),
		fmt.Errorf("%w; this workspace does not use them yet, so they may be somebody's", differ))
}

// accessLevel is which endpoints lead to the workspace: all that are registered
// with the account, or those of this spec.
func accessLevel(doc *document.Document) (level provisioning.PrivateAccessLevel, allowed []string) {
	if doc.Spec.PrivateLink.PrivateAccessSettings.Level != "ENDPOINT" {
		return provisioning.PrivateAccessLevelAccount, nil
	}
	return endpointLevel, registrationsNeeded(doc)
}

// endpointLevel admits the endpoints alone that are listed.
const endpointLevel = provisioning.PrivateAccessLevelEndpoint

// registrationsNeeded are the registrations that have to be admitted: that of
// compute, and that of the users.
func registrationsNeeded(doc *document.Document) []string {
	needed := []string{doc.WorkspaceRegistration.ID}
	if doc.Spec.PrivateLink.FrontEnd != nil {
		needed = append(needed, doc.FrontEndRegistration.ID)
	}
	return needed
}
