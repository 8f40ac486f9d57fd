package step

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/databricks/databricks-sdk-go/service/provisioning"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

// ensurePrivateAccessSettings finds or creates the private access settings.
// They may serve several workspaces, so settings that differ are not changed.
// https://docs.databricks.com/api/account/privateaccess/create
func ensurePrivateAccessSettings(ctx context.Context, d *Deps, doc *document.Document) (*document.Object, error) {
	account, err := d.Databricks.Account(ctx, doc.Spec.Databricks.AccountID)
	if err != nil {
		return nil, err
	}
	want := doc.Spec.PrivateLink.PrivateAccessSettings
	level, allowed := accessLevel(doc)
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
				all, err := account.PrivateAccessSettings.List(ctx)
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
	what := "private access settings " + found.PrivateAccessSettingsName + " (" + found.PrivateAccessSettingsId + ")"
	if found.Region != doc.Spec.Region {
		return nil, differs(what, "region", found.Region, doc.Spec.Region, "spec.privateLink.privateAccessSettings.name or spec.region")
	}
	if found.PublicAccessEnabled != public {
		return nil, differs(what, "public access", strconv.FormatBool(found.PublicAccessEnabled), strconv.FormatBool(public), "spec.privateLink.privateAccessSettings.publicAccess")
	}
	if want.ID == "" && found.PrivateAccessLevel != level {
		return nil, differs(what, "level", string(found.PrivateAccessLevel), string(level), "spec.privateLink.privateAccessSettings.level")
	}
	if missing := without(allowed, found.AllowedVpcEndpointIds); found.PrivateAccessLevel == provisioning.PrivateAccessLevelEndpoint && len(missing) > 0 {
		return nil, failure.New(plan.Conflict,
			"Add the registrations to the settings in the account console, or choose another spec.privateLink.privateAccessSettings.name.",
			"comparing %s: they do not admit %s", what, strings.Join(missing, ", "))
	}
	return &document.Object{ID: found.PrivateAccessSettingsId, Name: found.PrivateAccessSettingsName, Outcome: outcome}, nil
}

// accessLevel is which endpoints lead to the workspace: all that are registered
// with the account, or those of this spec.
func accessLevel(doc *document.Document) (level provisioning.PrivateAccessLevel, allowed []string) {
	if doc.Spec.PrivateLink.PrivateAccessSettings.Level != "ENDPOINT" {
		return provisioning.PrivateAccessLevelAccount, nil
	}
	allowed = []string{doc.WorkspaceRegistration.ID}
	if doc.Spec.PrivateLink.FrontEnd != nil {
		allowed = append(allowed, doc.FrontEndRegistration.ID)
	}
	return provisioning.PrivateAccessLevelEndpoint, allowed
}
