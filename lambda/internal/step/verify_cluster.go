package step

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/databricks/databricks-sdk-go/service/compute"

	"lakegate/lambda/internal/databricksapi"
	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/failure"
	"lakegate/lambda/plan"
)

const (
	// verificationName is the name of the cluster and the SQL warehouse that are
	// started for the checks; a workspace has one of each.
	verificationName = "lakegate-verification"
	// idleMinutes is when they stop by themselves, whatever happens; the least
	// that Databricks allows.
	idleMinutes = 10
	// settling is how long PrivateLink may need after a workspace has begun to
	// run; field reports go up to 20 minutes.
	settling = 20 * time.Minute
)

// verifyCluster starts the smallest cluster, or the one that an earlier attempt
// has made, and waits until it runs and takes commands.
// https://docs.databricks.com/api/workspace/clusters/create
func verifyCluster(ctx context.Context, d *Deps, doc *document.Document) (*document.ClusterCheck, error) {
	out := &document.ClusterCheck{}
	why, err := holds(doc)
	if err != nil {
		return nil, err
	}
	if why != "" {
		out.Wait, out.Outcome = d.wait(nil, true, paceCluster), skipped(why)
		return out, nil
	}
	w, err := d.workspace(ctx, doc)
	if err != nil {
		return nil, err
	}
	var previous *document.Wait
	if doc.ClusterCheck != nil {
		*out, previous = *doc.ClusterCheck, &doc.ClusterCheck.Wait
		if d.Now().Sub(previous.Looked) > time.Duration(previous.PauseSeconds)*time.Second+redriven {
			// A redrive: what was tried before counts no more.
			out.Attempts, out.Begun, previous = 0, time.Time{}, nil
		}
	}
	c, err := findCluster(ctx, w, doc)
	if err != nil {
		return nil, err
	}
	out.ID, out.State = c.ClusterId, string(c.State)
	ready := false
	switch c.State {
	case compute.StateRunning:
		if ready, err = openContexts(ctx, w, out); err != nil {
			return nil, err
		}
	case compute.StateTerminated, compute.StateError, compute.StateUnknown:
		if err := d.startCluster(ctx, w, c, out); err != nil {
			return nil, d.keepEnd(ctx, doc, "VerifyCluster", "cluster.runs", "A cluster starts and takes commands", out.ID, err)
		}
		out.Contexts = nil
	}
	if out.Attempts == 0 {
		out.Attempts, out.Begun = 1, d.Now().UTC()
	}
	out.Wait = d.wait(previous, ready, paceCluster)
	what := "cluster " + verificationName + " (" + out.ID + ")"
	if !ready {
		if c.State == compute.StateRunning {
			out.PauseSeconds = shortly
		}
		out.Outcome = outcomeOf(out.Wait, out.State)
		return out, late("VerifyCluster", out.Wait, what, out.State)
	}
	p := d.newProof()
	p.check(true, document.Check{
		ID: "cluster.runs", What: "A cluster starts and takes commands", Object: out.ID,
		How:  fmt.Sprintf("POST /clusters/create: %s, one node of %s", c.SparkVersion, c.NodeTypeId),
		Seen: fmt.Sprintf("RUNNING after %s, in attempt %d", d.Now().Sub(out.Begun).Round(time.Second), out.Attempts),
	})
	out.Checks, err = d.conclude(ctx, doc, "VerifyCluster", p)
	return out, err
}

// redriven is how much later than proposed a look may come before it is taken
// for a redrive, which wants to know how it is now. One that came late because
// it was retried merely looks anew.
const redriven = 45 * time.Second

// shortly is when to look again at what takes seconds.
const shortly = 3

// findCluster finds the cluster, or creates it.
func findCluster(ctx context.Context, w *databricksapi.Workspace, doc *document.Document) (compute.ClusterDetails, error) {
	if doc.ClusterCheck != nil && doc.ClusterCheck.ID != "" {
		c, err := w.Clusters.GetByClusterId(ctx, doc.ClusterCheck.ID)
		if err == nil {
			return *c, nil
		}
		if !failure.IsNotFound(err) {
			return compute.ClusterDetails{}, fmt.Errorf("looking at cluster %s: %w", doc.ClusterCheck.ID, err)
		}
	}
	c, _, err := ensure(ctx, "cluster "+verificationName,
		func(ctx context.Context) ([]compute.ClusterDetails, error) {
			all, err := w.Clusters.ListAll(ctx, compute.ListClustersRequest{})
			return matching(all, func(c compute.ClusterDetails) bool { return c.ClusterName == verificationName }), err
		},
		func(c compute.ClusterDetails) string { return c.ClusterId },
		func(ctx context.Context) (compute.ClusterDetails, error) {
			want, err := wantedCluster(ctx, w, doc)
			if err != nil {
				return compute.ClusterDetails{}, err
			}
			made, err := w.Clusters.Create(ctx, want)
			if err != nil {
				return compute.ClusterDetails{}, err
			}
			return compute.ClusterDetails{
				ClusterId: made.ClusterId, State: compute.StatePending, SparkVersion: want.SparkVersion, NodeTypeId: want.NodeTypeId,
			}, nil
		})
	return c, err
}

// wantedCluster is the smallest cluster with a runtime of long-term support.
func wantedCluster(ctx context.Context, w *databricksapi.Workspace, doc *document.Document) (compute.CreateCluster, error) {
	runtime, err := w.Clusters.SelectSparkVersion(ctx, compute.SparkVersionRequest{LongTermSupport: true, Latest: true})
	if err != nil {
		return compute.CreateCluster{}, fmt.Errorf("choosing a runtime: %w", err)
	}
	node, err := w.Clusters.SelectNodeType(ctx, compute.NodeTypeRequest{LocalDisk: true})
	if err != nil {
		return compute.CreateCluster{}, fmt.Errorf("choosing a node type: %w", err)
	}
	c := compute.CreateCluster{
		ClusterName: verificationName, SparkVersion: runtime, NodeTypeId: node,
		AutoterminationMinutes: idleMinutes,
		DataSecurityMode:       compute.DataSecurityModeNone,
		SparkConf:              map[string]string{"spark.databricks.cluster.profile": "singleNode", "spark.master": "local[*]"},
		CustomTags: map[string]string{
			"ResourceClass": "SingleNode", plan.TagWorkspace: doc.Workspace, plan.TagManaged: plan.Owned, plan.TagObject: "verification-cluster",
		},
		AwsAttributes: &compute.AwsAttributes{Availability: compute.AwsAvailabilityOnDemand, ZoneId: "auto"},
		// No workers; 0 would be left out.
		ForceSendFields: []string{"NumWorkers"},
	}
	switch {
	case doc.Spec.Metastore.Glue != nil:
		c.SparkConf[glueConf] = "true"
		c.AwsAttributes.InstanceProfileArn = doc.GlueInstanceProfile.ARN
	case doc.Spec.Metastore.UnityCatalog != nil:
		c.DataSecurityMode = compute.DataSecurityModeSingleUser
	}
	return c, nil
}

// startCluster starts a cluster that has stopped. One that ended by itself in
// an earlier attempt is started again only if it ended for want of a settled
// PrivateLink.
func (d *Deps) startCluster(ctx context.Context, w *databricksapi.Workspace, c compute.ClusterDetails, out *document.ClusterCheck) error {
	now := d.Now().UTC()
	if out.Attempts > 0 && !stopped(c.TerminationReason) {
		if !unsettled(c.TerminationReason) || now.Sub(out.Begun) >= settling {
			return clusterEnded(c, out)
		}
	}
	if _, err := w.Clusters.Start(ctx, compute.StartCluster{ClusterId: c.ClusterId}); err != nil {
		if failure.Code(err) == "INVALID_STATE" {
			// It has been started in the meantime.
			return nil
		}
		return fmt.Errorf("starting cluster %s: %w", c.ClusterId, err)
	}
	if out.Attempts == 0 {
		out.Begun = now
	}
	out.Attempts++
	out.State = string(compute.StatePending)
	return nil
}

// probes are the steps that run a command on the cluster.
var probes = []string{"VerifyPrivateDns", "VerifyPorts", "VerifyMetastore", "VerifyIsolation"}

// openContexts makes an execution context for each probe, and says whether all
// of them take commands.
func openContexts(ctx context.Context, w *databricksapi.Workspace, out *document.ClusterCheck) (ready bool, err error) {
	contexts := map[string]string{}
	maps.Copy(contexts, out.Contexts)
	out.Contexts, ready = contexts, true
	for _, step := range probes {
		id, runs, err := openContext(ctx, w, out.ID, contexts[step])
		if err != nil {
			return false, err
		}
		contexts[step] = id
		ready = ready && runs
	}
	return ready, nil
}

// openContext looks at a context, or makes one, and says whether it takes
// commands.
// https://docs.databricks.com/api/workspace/commandexecution/create
func openContext(ctx context.Context, w *databricksapi.Workspace, cluster, id string) (string, bool, error) {
	if id != "" {
		got, err := w.Commands.ContextStatus(ctx, compute.ContextStatusRequest{ClusterId: cluster, ContextId: id})
		switch {
		case failure.IsNotFound(err):
		case err != nil:
			return "", false, fmt.Errorf("looking at context %s of cluster %s: %w", id, cluster, err)
		case got.Status != compute.ContextStatusError:
			return id, got.Status == compute.ContextStatusRunning, nil
		}
	}
	made, err := w.Commands.Create(ctx, compute.CreateContext{ClusterId: cluster, Language: compute.LanguagePython})
	if err != nil {
		return "", false, fmt.Errorf("creating a context on cluster %s: %w", cluster, err)
	}
	return made.Response.Id, false, nil
}

// stopped says whether a cluster was stopped on purpose.
func stopped(r *compute.TerminationReason) bool {
	return r == nil || slices.Contains([]string{"INACTIVITY", "USER_REQUEST", "JOB_FINISHED"}, string(r.Code))
}

// unsettled says whether a cluster may have ended because PrivateLink has not
// settled yet.
func unsettled(r *compute.TerminationReason) bool { return unsettledCode(string(r.Code)) }

func unsettledCode(code string) bool {
	return strings.HasPrefix(code, "NPIP_") || strings.HasPrefix(code, "BOOTSTRAP_TIMEOUT") ||
		strings.HasPrefix(code, "CONTROL_PLANE_REQUEST_FAILURE") || code == "NETWORK_CHECK_CONTROL_PLANE_FAILURE"
}

// endings say what the codes with which a cluster ends mean here. There are more
// codes than the SDK knows.
// https://docs.databricks.com/api/workspace/clusters/get (termination_reason)
var endings = []struct{ code, class, remedy string }{
	{"NPIP_", plan.VerificationFailed, "Compute could not open its tunnel to the relay: TCP 6666 to the relay endpoint, its private DNS name, and dataplane_relay of the network configuration have to be right."},
	{"BOOTSTRAP_TIMEOUT", plan.VerificationFailed, "The node did not reach the control plane in time: look at private DNS, at TCP 443 and 6666 to the endpoints, and at the S3 endpoint."},
	{"NETWORK_CHECK_CONTROL_PLANE", plan.VerificationFailed, "The node did not reach the workspace endpoint: look at its private DNS name and at TCP 443 from the workspace group."},
	{"CONTROL_PLANE_REQUEST_FAILURE", plan.VerificationFailed, "The node did not reach the workspace endpoint: look at its private DNS name and at TCP 443 from the workspace group."},
	{"NETWORK_CHECK_DNS", plan.VerificationFailed, "The node found no DNS server: enableDnsSupport of the VPC has to be on."},
	{"DNS_RESOLUTION", plan.VerificationFailed, "The node could not resolve a host: look at private hosted zones that hide names of Databricks or AWS."},
	{"NETWORK_CHECK_STORAGE", plan.VerificationFailed, "The node did not reach S3: the S3 endpoint has to be on the route table of the workspace subnets."},
	{"STORAGE_DOWNLOAD", plan.VerificationFailed, "The node could not download the runtime: look at the S3 endpoint's route and policy; the artifact buckets of Databricks in the region have to be allowed."},
	{"STS_CLIENT_SETUP", plan.VerificationFailed, "The node did not reach STS: look at the STS endpoint, its private DNS names and its security group."},
	{"AWS_AUTHORIZATION", plan.AccessDenied, "The cross-account role lacks a permission, perhaps iam:PassRole for the instance profile's role, or a service control policy denies it."},
	{"AWS_INSTANCE_PROFILE", plan.Conflict, "The instance profile does not exist or has no role."},
	{"UPDATE_INSTANCE_PROFILE", plan.Conflict, "The instance profile does not exist or has no role."},
	{"AWS_INACCESSIBLE_KMS_KEY", plan.AccessDenied, "The policy of the storage key has to let the cross-account role use the key and create grants, by EC2."},
	{"AWS_INSUFFICIENT_FREE_ADDRESSES", plan.QuotaExceeded, "The workspace subnets have no free addresses: a node needs two."},
	{"SUBNET_EXHAUSTED", plan.QuotaExceeded, "The workspace subnets have no free addresses: a node needs two."},
	{"AWS_INSUFFICIENT_INSTANCE_CAPACITY", plan.TimedOut, "AWS has no instance of that type in the zone at the moment; try again later."},
	{"AWS_RESOURCE_QUOTA", plan.QuotaExceeded, "Raise the quota of vCPUs of On-Demand instances in the region."},
}

// keepEnd keeps for the report that compute did not start.
func (d *Deps) keepEnd(ctx context.Context, doc *document.Document, step, id, what, object string, ended error) error {
	text, remedy := failure.Split(failure.Message(ended))
	p := d.newProof()
	p.check(false, document.Check{ID: id, What: what, Object: object, How: "it was started", Seen: text, Remedy: remedy})
	if err := d.Evidence.Keep(ctx, doc.Workspace, doc.Execution.Name, step, reported(p.checks)); err != nil {
		return err
	}
	return ended
}

// clusterEnded explains why a cluster did not start.
func clusterEnded(c compute.ClusterDetails, out *document.ClusterCheck) error {
	message := c.StateMessage
	if m := c.TerminationReason.Parameters["databricks_error_message"]; m != "" {
		message = m
	}
	return ended("cluster", c.ClusterId, out.Attempts, string(c.TerminationReason.Code)+" ("+string(c.TerminationReason.Type)+")", message)
}

// ended explains why compute did not start, by the code with which it ended.
func ended(kind, id string, attempts int, code, message string) error {
	class, remedy := plan.VerificationFailed, "Look at the events of "+verificationName+" in the workspace (Compute)."
	for _, e := range endings {
		if strings.HasPrefix(code, e.code) {
			class, remedy = e.class, e.remedy
			break
		}
	}
	return failure.New(class, remedy+" Then redrive the execution.", "starting %s %s (%s), attempt %d: it ended with %s: %s",
		kind, verificationName, id, attempts, code, message)
}
