package step_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// Whatever a spec calls its own, what another workspace has made is not touched:
// a retirement whose spec names all that Tokyo has takes down only what is Mito's.
func TestRetirementLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	r := newRunOf(t, "tokyo.yaml", deletable(t, "tokyo.yaml"), emulator.Config{Seed: 1})
	r.upTo("VerifyWorkspace")
	want := r.world.Inventory()
	var tokyo document.Document
	r.decode(&tokyo)
	r.commit("mito.yaml", mito+"  deletionPolicy: Delete\n  bucketDeletion: Force\n")
	r.upTo("VerifyWorkspace")
	r.remove("mito.yaml")
	r.upTo("LoadWorkspace")
	var doc document.Document
	r.decode(&doc)
	confused := tokyo.Spec
	confused.Network.VPC.ID, confused.PrivateLink.WorkspaceEndpoint.ID = "", ""
	doc.Retirement.Applied = &confused
	r.encode(doc)
	for _, s := range plan.Retirement().Steps() {
		if s.Name == "LoadRetirement" || s.Name == "AcquireLease" || s.Name == "ReportRetired" {
			continue
		}
		if err := r.persist(s.Name); err != nil {
			t.Fatalf("%s: %v", s.Name, err)
		}
	}
	kept := func(lines []string) []string {
		// What the two have in common is told apart by nothing in the inventory.
		return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(l, "network ACL") })
	}
	same(t, "world", kept(want), kept(r.world.Inventory()))
}

// decode reads the document of a run, encode replaces it.
func (r *run) decode(into *document.Document) {
	r.t.Helper()
	data, err := json.Marshal(r.doc)
	if err != nil {
		r.t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		r.t.Fatal(err)
	}
}

func (r *run) encode(doc document.Document) {
	r.t.Helper()
	data, err := json.Marshal(doc)
	if err != nil {
		r.t.Fatal(err)
	}
	r.doc = map[string]json.RawMessage{}
	if err := json.Unmarshal(data, &r.doc); err != nil {
		r.t.Fatal(err)
	}
}

// All that runs in the workspace is stopped, whoever started it.
func TestStopWorkspaceCompute(t *testing.T) {
	t.Parallel()
	const step = "StopWorkspaceCompute"
	r := newRunOf(t, "tokyo.yaml", deletable(t, "tokyo.yaml"), emulator.Config{Seed: 1})
	r.upTo("StopCompute")
	r.litter()
	r.remove("tokyo.yaml")
	r.upTo(step)
	r.does(step, document.Deleted, "databricks:TerminateCluster", "databricks:StopWarehouse", "databricks:DeleteInstancePool")
	r.does(step, document.Absent)
}

// A group of somebody else's that names one of ours keeps it, and the failure
// says so.
func TestDeleteSecurityGroupsThatAreUsed(t *testing.T) {
	t.Parallel()
	const step = "DeleteSecurityGroups"
	r := newRunOf(t, "tokyo.yaml", deletable(t, "tokyo.yaml"), emulator.Config{Seed: 1})
	r.upTo("VerifyWorkspace")
	var made document.Document
	r.decode(&made)
	r.remove("tokyo.yaml")
	r.upTo(step)
	if _, err := r.world.EC2.Launch(made.Spec.Region, made.Subnets.Workspace[0].ID, []string{made.SecurityGroups.Workspace.ID}, nil); err != nil {
		t.Fatal(err)
	}
	err := r.persist(step)
	got, message := class(err)
	same(t, "class", plan.NotReady, got)
	contains(t, message, made.SecurityGroups.Workspace.ID, "network interfaces")
}

// What is needed to find what was made is kept before it is made, and holds no
// more than that.
func TestRecord(t *testing.T) {
	t.Parallel()
	r := newRunOf(t, "mito.yaml", mito, emulator.Config{Seed: 1})
	r.upTo("EnsureVpc")
	o, ok := r.world.S3.Get(r.world.StateBucket, plan.RecordPrefix+"mito.json")
	if !ok {
		t.Fatal("there is no record")
	}
	var record struct {
		Attempted struct {
			Revision string
			Spec     spec.Spec
		}
		Applied any
	}
	if err := json.Unmarshal(o.Body, &record); err != nil {
		t.Fatal(err)
	}
	if record.Applied != nil || record.Attempted.Spec.DeletionPolicy != spec.Retain || record.Attempted.Spec.RootBucket.Name != "lakegate-mito-cellar" {
		t.Errorf("the record is %s", o.Body)
	}
}
