package step_test

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/internal/step"
	"lakegate/lambda/plan"
)

// Every step of the plan has a handler, and there is no other.
func TestRegistryIsThePlan(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range plan.Steps() {
		names = append(names, s.Name)
	}
	slices.Sort(names)
	if diff := cmp.Diff(names, slices.Sorted(maps.Keys(step.Registry))); diff != "" {
		t.Errorf("plan and registry differ:\n%s", diff)
	}
}

// repeats are steps that tell or take something again when they run again;
// their calls change nothing but the state bucket.
var repeats = []string{"AcquireLease", "ReportReady", "ReportRetired"}

// mutating counts the calls of a step that can change something, beside those
// to the state bucket and the bus.
func mutating(calls []wire.Record, caller string) []string {
	var out []string
	for _, c := range calls {
		if c.Caller == caller && c.Mutating && c.Service != "events" && (c.Service != "s3" || c.Action != "PutObject" && c.Action != "DeleteObject") {
			out = append(out, c.Service+":"+c.Action)
		}
	}
	return out
}

// The contract of every step: run again, it changes nothing and finds the same;
// with any reply lost, any call refused and any first read stale, it ends with
// the same world. It runs over the plan, so that no step can be left out.
func TestContract(t *testing.T) {
	t.Parallel()
	for machine, begin := range map[string]func(*testing.T, string) *run{
		plan.StateMachineName: newRunFor, plan.RetirementMachineName: newRetirementFor,
	} {
		i := slices.IndexFunc(plan.Machines(), func(m plan.Machine) bool { return m.Name == machine })
		for _, s := range plan.Machines()[i].Graph.Steps() {
			t.Run(machine+"/"+s.Name, func(t *testing.T) {
				t.Parallel()
				keepsContract(t, s, begin, machine == plan.StateMachineName || s.Name == "LoadRetirement")
			})
		}
	}
}

// common are the calls of nearly every step: to sign in, to check the lease, to
// tell what was done. That they may fail is tried with every step of the first
// machine.
var common = []string{"GetSecretValue", "GetHostMetadata", "GetOAuthMetadata", "GetToken", "GetObject", "PutEvents"}

func keepsContract(t *testing.T, s plan.Step, begin func(*testing.T, string) *run, all bool) {
	base := begin(t, s.Name)
	base.upTo(s.Name)
	before := len(base.world.Hub.Calls())
	if err := base.persist(s.Name); err != nil {
		t.Fatal(err)
	}
	first := base.world.Hub.Calls()[before:]
	want := base.world.Inventory()

	t.Run("again", func(t *testing.T) { again(t, base, s, want) })
	t.Run("stale", func(t *testing.T) {
		t.Parallel()
		r := begin(t, s.Name)
		r.upTo(s.Name)
		r.world.Hub.StaleReads(1)
		if err := r.persist(s.Name); err != nil {
			t.Fatal(err)
		}
		sameWorld(t, want, r.world)
	})
	own, seen := 0, map[string]int{}
	for _, c := range first {
		if c.Caller != s.Name || !all && slices.Contains(common, c.Action) {
			continue
		}
		kinds := []wire.FaultKind{wire.Refuse}
		if c.Mutating {
			kinds = append(kinds, wire.Throttle, wire.LoseReply)
		}
		earlier := seen[c.Service+c.Action]
		seen[c.Service+c.Action]++
		if earlier > 0 && !c.Mutating {
			// A further look of the same kind is like the first one.
			continue
		}
		for _, kind := range kinds {
			t.Run(fmt.Sprintf("%s/%d-%s", kind, own, c.Action), func(t *testing.T) {
				t.Parallel()
				faulty(t, begin(t, s.Name), s.Name, &wire.Fault{
					Kind: kind, Caller: s.Name, Service: c.Service, Action: c.Action, After: earlier,
				}, want)
			})
		}
		own++
		if own == 12 && s.Await != nil {
			// The further looks of a wait are like the first ones.
			break
		}
	}
}

// newRetirementFor is a run that retires what an example has made, with
// something to do for a step.
func newRetirementFor(t *testing.T, step string) *run {
	var r *run
	switch step {
	case "DeregisterCustomerManagedKeys", "DeleteCustomerManagedKeys":
		r = newRunOf(t, "restricted.yaml", deletable(t, "restricted.yaml"), emulator.Config{Seed: 1})
	case "DeleteFrontEndDns":
		r = newUsersRun(t, inUsersVPC, "  region: ap-northeast-1\n", "  region: ap-northeast-1\n  deletionPolicy: Delete\n")
	default:
		r = newRunOf(t, "tokyo.yaml", deletable(t, "tokyo.yaml"), emulator.Config{Seed: 1})
	}
	// What is checked of the workspace makes nothing that would be taken down.
	r.upTo("VerifyWorkspace")
	r.litter()
	r.remove(r.file)
	return r
}

// deletable is an example that wants all deleted.
func deletable(t *testing.T, file string) string {
	t.Helper()
	text, err := os.ReadFile("../../../spec/examples/" + file)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimRight(string(text), "\n") + "\n  deletionPolicy: Delete\n  bucketDeletion: Force\n"
}

// litter leaves what people and Databricks leave: a pool, an instance and an
// interface in a subnet of the workspace, objects in its bucket.
func (r *run) litter() {
	r.t.Helper()
	var doc document.Document
	r.decode(&doc)
	r.world.Databricks.AddPool(doc.DatabricksWorkspace.Name, "idle")
	subnet, groups, vendor := doc.Subnets.Workspace[0].ID, []string{doc.SecurityGroups.Workspace.ID}, map[string]string{"Vendor": "Databricks"}
	if _, err := r.world.EC2.Launch(doc.Spec.Region, subnet, groups, vendor); err != nil {
		r.t.Fatal(err)
	}
	if _, err := r.world.EC2.Abandon(doc.Spec.Region, subnet, "databricks_netif", groups, vendor); err != nil {
		r.t.Fatal(err)
	}
	for _, key := range []string{"oregon-prod/0.jar", "tmp/a b"} {
		if _, err := r.world.S3.Put(doc.RootBucket.Name, key, []byte("x")); err != nil {
			r.t.Fatal(err)
		}
	}
}

// newRunFor is a run of an example for which a step has something to do.
func newRunFor(t *testing.T, step string) *run {
	switch step {
	case "EnsureCustomerManagedKeys", "RegisterCustomerManagedKeys":
		return newRun(t, "restricted.yaml")
	case "EnsureFrontEndEndpoint", "RegisterFrontEndEndpoint", "EnsureFrontEndDns", "VerifyFrontEnd":
		return newUsersRun(t, inUsersVPC)
	case "StopRunningCompute", "DeleteFormerNetwork":
		return newMove(t, step)
	case "AssignMetastore":
		text := edited(t, "  tags: {team", "  metastore: {unityCatalog: {metastoreId: "+unityMetastore+"}}\n  tags: {team")
		r := newRunOf(t, "mito.yaml", text, emulator.Config{Seed: 1})
		r.world.Databricks.AddMetastore(unityMetastore, tokyoRegion)
		return r
	default:
		return newRun(t, "tokyo.yaml")
	}
}

// newMove is a run that moves a workspace in which something runs: into another
// VPC with other subnets, and for the step that takes the former network down
// with what Databricks has left there.
func newMove(t *testing.T, step string) *run {
	t.Helper()
	text, err := os.ReadFile("../../../spec/examples/tokyo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r := newRunOf(t, "tokyo.yaml", string(text), emulator.Config{Seed: 1})
	r.upTo("")
	if step == "DeleteFormerNetwork" {
		r.litter()
	}
	r.world.Databricks.RunCompute("privatelink-test", "etl", "dashboards")
	r.world.Databricks.AddPool("privatelink-test", "warm")
	r.commit("tokyo.yaml", strings.ReplaceAll(string(text), "10.0.", "10.8.")+"  change: {stopCompute: true}\n")
	return r
}

const unityMetastore = "1b9f6f0e-52c7-4d0b-8a3e-7c44d2e9a561"

// again runs a step a second time.
func again(t *testing.T, r *run, s plan.Step, want []string) {
	ids := string(r.doc[s.Result])
	before := len(r.world.Hub.Calls())
	if err := r.persist(s.Name); err != nil {
		t.Fatal(err)
	}
	if calls := mutating(r.world.Hub.Calls()[before:], s.Name); len(calls) > 0 {
		t.Errorf("the second run made %v", calls)
	}
	sameWorld(t, want, r.world)
	if s.Result != "" && !slices.Contains(repeats, s.Name) {
		o := r.outcome(s.Name)
		if o == "Created" || o == "Updated" {
			t.Errorf("the second run says it %s something: first %s, then %s", strings.ToLower(o), ids, r.doc[s.Result])
		}
	}
}

// faulty runs a step in a fresh world with one call of its own going wrong.
func faulty(t *testing.T, r *run, name string, fault *wire.Fault, want []string) {
	r.upTo(name)
	r.world.Hub.Inject(fault)
	// An error that the state machine does not retry ends this.
	if err := r.persist(name); err != nil {
		c, m := class(err)
		t.Fatalf("a fault that passes ended as %s: %s", c, m)
	}
	if r.world.Hub.Struck(fault) == 0 {
		t.Fatal("the fault did not strike")
	}
	sameWorld(t, want, r.world)
}

// sameWorld compares what exists, by kind and name.
func sameWorld(t *testing.T, want []string, w *emulator.World) {
	t.Helper()
	if diff := cmp.Diff(want, w.Inventory()); diff != "" {
		t.Errorf("the world differs:\n%s", diff)
	}
}
