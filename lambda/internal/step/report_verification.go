package step

import (
	"context"
	"fmt"
	"strings"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/report"
)

// reportVerification writes the report of everything that was checked. Where
// nothing had to be checked again, the last report still holds.
func reportVerification(ctx context.Context, d *Deps, doc *document.Document) (*document.Verification, error) {
	if doc.ClusterCheck.Outcome.Outcome == document.Skipped && doc.Lease.Verified != nil {
		return &document.Verification{Outcome: skipped(doc.ClusterCheck.Reason), Proof: *doc.Lease.Verified}, nil
	}
	sections, err := checksOf(doc)
	if err != nil {
		return nil, err
	}
	v := &report.Verification{
		Workspace: doc.Workspace, WorkspaceID: doc.DatabricksWorkspace.ID, URL: doc.DatabricksWorkspace.URL,
		Revision: doc.Revision.String(), Change: doc.Revision, SpecDigest: doc.Digest, Execution: doc.Execution.ARN, Time: d.Now().UTC(),
		Verdict: document.Passed, Egress: egressOf(doc), Sections: sections,
	}
	key, digest, err := d.Evidence.Write(ctx, v)
	if err != nil {
		return nil, err
	}
	return &document.Verification{
		Outcome: document.Outcome{
			Outcome: document.Verified, Reason: fmt.Sprintf("%d checks passed, %d noted; %s", v.Passed, v.Noted, key),
		},
		Proof:  document.Proof{SpecDigest: doc.Digest, Report: key, Digest: digest, Time: v.Time},
		Passed: v.Passed, Noted: v.Noted,
	}, nil
}

// egressOf says what compute may reach outside of the VPC by the spec, and what
// therefore does not work.
func egressOf(doc *document.Document) []string {
	e := doc.Spec.Egress
	if len(e.Routes) == 0 {
		return []string{
			"Nothing outside of the VPC but the endpoints of Databricks and AWS: spec.egress allows no route.",
			"Public package repositories (PyPI, CRAN, Maven) cannot be used: install libraries from a bucket or from a mirror with an endpoint.",
			"Buckets in other regions cannot be used: the endpoint leads to S3 in " + doc.Spec.Region + ".",
			"The Hive metastore that Databricks runs cannot be used: it is in the public network.",
			"Model serving that fetches models or images from outside does not work.",
		}
	}
	var lines []string
	for _, r := range e.Routes {
		lines = append(lines, fmt.Sprintf("%s by %s, as spec.egress.routes allows.", r.Destination, r.Target))
	}
	if len(e.Hosts) > 0 {
		lines = append(lines, "On TCP 443 by these routes: "+strings.Join(e.Hosts, ", ")+".")
	}
	if doc.Spec.Metastore.Hive != nil {
		lines = append(lines, "On TCP 3306 by these routes: "+hiveHost(doc)+", the Hive metastore that Databricks runs. "+
			"It holds names and columns of tables outside of this AWS account.")
	}
	return append(lines,
		"What needs another host does not work: package repositories of other names (PyPI needs pypi.org and files.pythonhosted.org), "+
			"buckets in other regions, model serving that fetches models or images from there.")
}
