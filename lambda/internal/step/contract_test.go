package step_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

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
var repeats = []string{"AcquireLease", "ReportReady"}

// mutating counts the calls of a step that can change something, beside those
// to the state bucket and the bus.
func mutating(calls []wire.Record, caller string) []string {
	var out []string
	for _, c := range calls {
		if c.Caller == caller && c.Mutating && c.Service != "events" && (c.Service != "s3" || c.Action != "PutObject") {
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
	for _, s := range plan.Workspace().Steps() {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			base := newRunFor(t, s.Name)
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
				r := newRunFor(t, s.Name)
				r.upTo(s.Name)
				r.world.Hub.StaleReads(1)
				if err := r.persist(s.Name); err != nil {
					t.Fatal(err)
				}
				sameWorld(t, want, r.world)
			})
			own, seen := 0, map[string]int{}
			for _, c := range first {
				if c.Caller != s.Name {
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
						faulty(t, s.Name, &wire.Fault{
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
		})
	}
}

// newRunFor is a run of an example for which a step has something to do.
func newRunFor(t *testing.T, step string) *run {
	switch step {
	case "EnsureCustomerManagedKeys", "RegisterCustomerManagedKeys":
		return newRun(t, "restricted.yaml")
	case "EnsureFrontEndEndpoint", "RegisterFrontEndEndpoint", "EnsureFrontEndDns", "VerifyFrontEnd":
		return newUsersRun(t, inUsersVPC)
	case "AssignMetastore":
		text := edited(t, "  tags: {team", "  metastore: {unityCatalog: {metastoreId: "+unityMetastore+"}}\n  tags: {team")
		r := newRunOf(t, "mito.yaml", text, emulator.Config{Seed: 1})
		r.world.Databricks.AddMetastore(unityMetastore, tokyoRegion)
		return r
	default:
		return newRun(t, "tokyo.yaml")
	}
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
func faulty(t *testing.T, name string, fault *wire.Fault, want []string) {
	r := newRunFor(t, name)
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
