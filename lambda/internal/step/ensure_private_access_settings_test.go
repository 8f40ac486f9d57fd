package step_test

import (
	"slices"
	"testing"

	"github.com/databricks/databricks-sdk-go/service/provisioning"
)

func TestEnsurePrivateAccessSettings(t *testing.T) {
	t.Parallel()
	const step = "EnsurePrivateAccessSettings"
	make := func(r *run, name, region string, public bool) string {
		p, err := r.console().PrivateAccessSettings.Create(t.Context(), provisioning.CreatePrivateAccessSettingsRequest{
			PrivateAccessSettingsName: name, Region: region, PublicAccessEnabled: public,
			PrivateAccessLevel: provisioning.PrivateAccessLevelAccount, ForceSendFields: []string{"PublicAccessEnabled"},
		})
		if err != nil {
			t.Fatal(err)
		}
		return p.PrivateAccessSettingsId
	}
	t.Run("made, then found", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.does(step, "Created", "databricks:CreatePrivateAccessSettings")
		r.does(step, "Found")
	})
	t.Run("given", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		id := make(r, "somebody's", tokyoRegion, true)
		r.wants("  crossAccountRole:", "    privateAccessSettings: {id: "+id+"}\n  crossAccountRole:")
		r.doc["spec"] = r.spec
		r.does(step, "Given")
		same(t, "id", id, r.id(step))
	})
	t.Run("given but missing", func(t *testing.T) {
		t.Parallel()
		r := at(t, step, "  crossAccountRole:", "    privateAccessSettings: {id: 11111111-2222-4333-8444-555555555555}\n  crossAccountRole:")
		r.refuses(step, "Conflict", "11111111-2222-4333-8444-555555555555", "spec.privateLink.privateAccessSettings.id")
	})
	for name, made := range map[string]struct {
		region string
		public bool
		texts  []string
	}{
		"in another region": {"eu-west-1", true, []string{"eu-west-1", tokyoRegion}},
		"closed":            {tokyoRegion, false, []string{"false", "true", "does not use them yet", "lakegate.dev/adopt"}},
	} {
		t.Run("found, "+name, func(t *testing.T) {
			t.Parallel()
			r := at(t, step)
			make(r, "mito", made.region, made.public)
			r.refuses(step, "Conflict", made.texts...)
		})
	}
	t.Run("compute of both networks is admitted while the workspace moves", func(t *testing.T) {
		t.Parallel()
		only := []string{"  crossAccountRole:", "    privateAccessSettings: {level: ENDPOINT}\n  crossAccountRole:"}
		r := begin(t, only...)
		r.upTo("")
		first := r.id("RegisterWorkspaceEndpoint")
		admitted := func() []string {
			p, err := r.console().PrivateAccessSettings.GetByPrivateAccessSettingsId(t.Context(), r.id(step))
			if err != nil {
				t.Fatal(err)
			}
			return p.AllowedVpcEndpointIds
		}
		same(t, "at first", []string{first}, admitted())
		r.revise(step, append(slices.Clone(only), "cidr: 10.0.0.0/22", "cidr: 10.8.0.0/22", "cidr: 10.0.1.0/24", "cidr: 10.8.1.0/24",
			"cidr: 10.0.2.0/24", "cidr: 10.8.2.0/24", "cidr: 10.0.3.0/24", "cidr: 10.8.3.0/24")...)
		r.does(step, "Updated", "databricks:ReplacePrivateAccessSettings")
		same(t, "meanwhile", []string{r.id("RegisterWorkspaceEndpoint"), first}, admitted())
		r.does(step, "Found")
		r.upTo("")
		same(t, "at last", []string{r.id("RegisterWorkspaceEndpoint")}, admitted())
	})
	t.Run("given, and admitting listed endpoints only", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		p, err := r.console().PrivateAccessSettings.Create(t.Context(), provisioning.CreatePrivateAccessSettingsRequest{
			PrivateAccessSettingsName: "somebody's", Region: tokyoRegion, PublicAccessEnabled: true,
			PrivateAccessLevel: provisioning.PrivateAccessLevelEndpoint,
		})
		if err != nil {
			t.Fatal(err)
		}
		r.wants("  crossAccountRole:", "    privateAccessSettings: {id: "+p.PrivateAccessSettingsId+"}\n  crossAccountRole:")
		r.doc["spec"] = r.spec
		r.refuses(step, "Conflict", "do not admit "+r.id("RegisterWorkspaceEndpoint"))
	})
	t.Run("PrivateLink is off", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.world.Databricks.SetPrivateLink("", false)
		if err := r.step(step); err != nil {
			c, m := class(err)
			same(t, "class", "ActionRequired", c)
			contains(t, m, tokyoRegion)
		}
	})
}
