package step

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/glue"
	"github.com/aws/aws-sdk-go-v2/service/glue/types"
	"github.com/databricks/databricks-sdk-go/service/settings"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/probe"
	"lakegate/spec"
)

// verifyMetastore checks that Spark uses the metastore of the spec: with Glue,
// that it lists the databases that the Glue API lists.
func verifyMetastore(ctx context.Context, d *Deps, doc *document.Document) (*document.Probe, error) {
	if done, err := d.unneeded(doc, doc.MetastoreCheck); done != nil || err != nil {
		return done, err
	}
	m := doc.Spec.Metastore
	attempts := []probe.Attempt{{ID: "databases", Kind: probe.Databases}}
	switch {
	case m.Glue != nil:
		attempts = append(attempts, probe.Attempt{ID: "conf", Kind: probe.Conf, Key: glueConf})
	case m.Hive != nil:
		attempts = append(attempts, probe.Attempt{ID: "hive", Kind: probe.Connect, Host: hiveHost(doc), Port: 3306, Seconds: connectSeconds})
	case m.UnityCatalog == nil:
		out := &document.Probe{Wait: d.wait(nil, true, paceProbe)}
		out.Outcome = skipped("the spec sets up no metastore")
		return out, nil
	}
	out, results, err := d.onCluster(ctx, doc, "VerifyMetastore", doc.MetastoreCheck, attempts)
	if err != nil || results == nil {
		return out, err
	}
	p := d.newProof()
	if m.Glue != nil || m.Hive != nil {
		if err := d.checkLegacy(ctx, doc, p); err != nil {
			return nil, err
		}
	}
	listed := results["databases"]
	c := document.Check{
		ID: "metastore.databases", What: "Spark lists its databases", Object: doc.ClusterCheck.ID, How: "the cluster ran SHOW DATABASES",
		Seen: list(listed.Values), Remedy: "Look at the assignment of the metastore to the workspace, and whether the service principal may use it.",
	}
	ok := listed.Outcome == probe.Answered
	if !ok {
		c.Seen = listed.Error
	}
	switch {
	case m.Glue != nil:
		if ok, c, err = d.checkGlue(ctx, doc, p, results, c); err != nil {
			return nil, err
		}
	case m.Hive != nil:
		p.check(results["hive"].Outcome == probe.Connected, document.Check{
			ID: "metastore.hive", What: "The Hive metastore of Databricks can be reached", Object: hiveHost(doc),
			How: "the cluster connected to TCP 3306", Seen: seenOf(results["hive"]), Remedy: hiveRemedy(doc),
		})
		// A firewall may let the connection be opened and stop what is said on it.
		c.Remedy = hiveRemedy(doc)
	}
	p.check(ok, c)
	out.Checks, err = d.conclude(ctx, doc, "VerifyMetastore", p)
	return out, err
}

// hiveHost is the host of the Hive metastore that Databricks runs.
func hiveHost(doc *document.Document) string {
	if h := doc.Spec.Metastore.Hive.Host; h != "" {
		return h
	}
	region, _ := spec.LookupRegion(doc.Spec.Region)
	return region.HiveHost
}

func hiveRemedy(doc *document.Document) string {
	return fmt.Sprintf("The workspace group has to let TCP 3306 out, a route of spec.egress has to lead to %s, and the firewall has to admit it by address: "+
		"one that goes by names of TLS finds none on that port.", hiveHost(doc))
}

// checkLegacy looks at the setting that forbids Glue and Hive as metastores.
func (d *Deps) checkLegacy(ctx context.Context, doc *document.Document, p *proof) error {
	w, err := d.workspace(ctx, doc)
	if err != nil {
		return err
	}
	off := false
	setting, err := w.LegacyAccess.Get(ctx, settings.GetDisableLegacyAccessRequest{})
	switch {
	case failure.IsNotFound(err):
	case err != nil:
		return fmt.Errorf("reading the setting disable_legacy_access: %w", err)
	default:
		off = setting.DisableLegacyAccess.Value
	}
	p.check(!off, document.Check{
		ID: "metastore.legacy-access", What: "Metastores other than Unity Catalog are allowed", Object: doc.DatabricksWorkspace.URL,
		How: "GET the setting disable_legacy_access", Seen: fmt.Sprintf("disable_legacy_access is %t", off),
		Remedy: "Turn off Disable legacy access in the workspace's settings (Security), or use Unity Catalog.",
	})
	return nil
}

// checkGlue compares what Spark lists with what the Glue API lists.
func (d *Deps) checkGlue(ctx context.Context, doc *document.Document, p *proof, results map[string]probe.Result, c document.Check) (bool, document.Check, error) {
	catalog, err := d.catalog(ctx, doc)
	if err != nil {
		return false, c, err
	}
	set := slices.Equal(results["conf"].Values, []string{"true"})
	p.check(set, document.Check{
		ID: "metastore.conf", What: glueConf + " is true", Object: doc.ClusterCheck.ID, How: "the cluster read its setting",
		Seen: list(results["conf"].Values), Remedy: "Delete the cluster " + verificationName + ": it is made anew with the setting.",
	})
	ok, seen := sameDatabases(results["databases"], catalog)
	c.What, c.Seen = "Spark lists the databases that Glue has", seen
	c.How = "the cluster ran SHOW DATABASES; glue GetDatabases"
	c.Remedy = glueRemedy(doc)
	return ok, c, nil
}

func glueRemedy(doc *document.Document) string {
	return fmt.Sprintf("Look at the endpoint %s to Glue and its private DNS names, and whether role %s may use Glue.", doc.GlueEndpoint.ID, doc.GlueInstanceProfile.RoleARN)
}

// sameDatabases compares the databases that SQL lists with those of Glue.
// Spark makes default when it needs it, so that one does not count.
func sameDatabases(listed probe.Result, catalog []string) (bool, string) {
	if listed.Outcome != probe.Answered {
		return false, listed.Error
	}
	plain := func(names []string) []string {
		out := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "default" })
		slices.Sort(out)
		return out
	}
	if a, b := plain(listed.Values), plain(catalog); !slices.Equal(a, b) {
		return false, fmt.Sprintf("Spark lists %s, Glue has %s", list(listed.Values), list(catalog))
	}
	return true, "both have " + list(listed.Values)
}

// list names things, not too many.
func list(names []string) string {
	const most = 10
	switch {
	case len(names) == 0:
		return "none"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	default:
		return strings.Join(names, ", ")
	}
}

// catalog lists the databases of the Glue Data Catalog.
// https://docs.aws.amazon.com/glue/latest/webapi/API_GetDatabases.html
func (d *Deps) catalog(ctx context.Context, doc *document.Document) ([]string, error) {
	api := d.AWS.Catalog(doc.Spec.Region)
	all, err := pages(func(token *string) ([]types.Database, *string, error) {
		out, err := api.GetDatabases(ctx, &glue.GetDatabasesInput{NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.DatabaseList, out.NextToken, nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing the databases of Glue in %s: %w", doc.Spec.Region, err)
	}
	var names []string
	for _, db := range all {
		names = append(names, aws.ToString(db.Name))
	}
	return names, nil
}
