package plan_test

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"lakegate/lambda/internal/readme"
	"lakegate/lambda/plan"
)

var update = flag.Bool("update", false, "write golden files and the generated parts of README.md")

func TestDefinitionGolden(t *testing.T) {
	t.Parallel()
	for _, m := range plan.Machines() {
		golden(t, m.Key+".asl.json", string(m.Definition()))
	}
}

func TestDiagramGolden(t *testing.T) {
	t.Parallel()
	for _, m := range plan.Machines() {
		golden(t, m.Key+".mmd", plan.Diagram(m.Graph))
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (go test ./lambda/plan -update writes it anew):\n%s", name, diff)
	}
}

// The README shows what the plan says.
func TestREADMEIsDerived(t *testing.T) {
	t.Parallel()
	minimal, err := os.ReadFile("../../spec/examples/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	parts := map[string]string{
		"alarms":        plan.TableOfAlarms(),
		"metrics":       plan.TableOfMetrics(),
		"minimal":       "```yaml\n" + string(minimal) + "```\n",
		"permissions":   plan.TablesOfPermissions(),
		"schedules":     plan.TableOfSchedules(),
		"services":      strings.Join(plan.ServicesOfCallers(), ", ") + "\n",
		"stack diagram": "```mermaid\n" + plan.StackDiagram() + "```\n",
	}
	for _, m := range plan.Machines() {
		parts[m.Key+" diagram"] = "```mermaid\n" + plan.Diagram(m.Graph) + "```\n"
		parts[m.Key+" steps"] = plan.Table(m.Graph)
	}
	readme.Derive(t, "../../README.md", parts, *update)
}

type machine struct {
	StartAt string
	States  map[string]state
}

type state struct {
	Type, Resource, Next, Default string
	End                           bool
	Choices                       []struct{ Next string }
	Branches                      []machine
	Retry                         []struct{ ErrorEquals []string }
	Catch                         []any
}

// Every state can be reached, every path ends, every function is a step's, and
// no error is caught: a failed step must fail the execution, so that a redrive
// resumes there.
func TestDefinitionIsWellFormed(t *testing.T) {
	t.Parallel()
	for _, planned := range plan.Machines() {
		var m machine
		if err := json.Unmarshal(planned.Definition(), &m); err != nil {
			t.Fatal(err)
		}
		functions := map[string]bool{}
		walk(t, m, functions)
		var steps []string
		for _, s := range planned.Graph.Steps() {
			steps = append(steps, "${"+s.Name+"}")
		}
		slices.Sort(steps)
		if diff := cmp.Diff(steps, slices.Sorted(maps.Keys(functions))); diff != "" {
			t.Errorf("the functions of %s are not those of the plan:\n%s", planned.Name, diff)
		}
	}
}

func walk(t *testing.T, m machine, functions map[string]bool) {
	t.Helper()
	reached := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if reached[name] {
			return
		}
		s, ok := m.States[name]
		if !ok {
			t.Errorf("state %q does not exist", name)
			return
		}
		reached[name] = true
		if len(s.Catch) > 0 {
			t.Errorf("state %q catches errors", name)
		}
		ends := s.End || s.Type == "Succeed"
		for _, next := range append([]string{s.Next, s.Default}, choices(s)...) {
			if next != "" {
				ends = true
				visit(next)
			}
		}
		if !ends {
			t.Errorf("state %q leads nowhere", name)
		}
		if s.Type == "Task" {
			functions[s.Resource] = true
			for _, r := range s.Retry {
				for _, e := range r.ErrorEquals {
					if !slices.Contains(plan.Classes(), e) && !regexp.MustCompile(`^(Lambda|States|Sandbox)\.`).MatchString(e) {
						t.Errorf("state %q retries %q, which nothing raises", name, e)
					}
				}
			}
		}
		for _, b := range s.Branches {
			walk(t, b, functions)
		}
	}
	visit(m.StartAt)
	for name := range m.States {
		if !reached[name] {
			t.Errorf("state %q cannot be reached", name)
		}
	}
}

func choices(s state) []string {
	var names []string
	for _, c := range s.Choices {
		names = append(names, c.Next)
	}
	return names
}

var placeholder = regexp.MustCompile(`\$\{(\w+)\}`)

// Every permission names its actions, its reason and known placeholders; a
// resource is * only where an action describes.
func TestPermissions(t *testing.T) {
	t.Parallel()
	all := map[string][]plan.Permission{"Common": plan.Common()}
	for _, s := range plan.Steps() {
		all[s.Name] = s.Allow
	}
	for _, f := range plan.Functions() {
		all[f.Name] = f.Allow
	}
	known := []string{"Partition", "Account", "Region", "SourceBucket", "SourceRepository", "StateBucket", "EventBus", "DatabricksSecret", "StateMachine", "RetirementMachine",
		"SlackSecret", "TeamsSecret", "WebhookSecret", "ChatTopic"}
	for name, permissions := range all {
		if len(permissions) == 0 {
			t.Errorf("%s may do nothing", name)
		}
		for _, p := range permissions {
			if p.Why == "" || len(p.Actions) == 0 || len(p.Resources) == 0 {
				t.Errorf("%s: permission %v says not why, what or where", name, p)
			}
			for _, a := range p.Actions {
				service, action, ok := strings.Cut(a, ":")
				if !ok || strings.Contains(a, "*") {
					t.Errorf("%s: action %q is not one action", name, a)
				}
				// These know no resources; a key that is created has to have our tags.
				without := service == "ec2" && strings.HasPrefix(action, "Describe") || a == "kms:ListKeys" || a == "kms:CreateKey" && len(p.Conditions) > 0 ||
					a == "route53:ListHostedZonesByVPC" || a == "route53:CreateHostedZone" || a == "cloudtrail:LookupEvents"
				if slices.Contains(p.Resources, "*") && !without {
					t.Errorf("%s: %s is allowed on every resource", name, a)
				}
			}
			for _, r := range p.Resources {
				for _, m := range placeholder.FindAllStringSubmatch(r, -1) {
					if !slices.Contains(known, m[1]) {
						t.Errorf("%s: resource %q has an unknown placeholder", name, r)
					}
				}
			}
		}
	}
}

func TestRulesInvokeFunctions(t *testing.T) {
	t.Parallel()
	var functions []string
	for _, f := range plan.Functions() {
		functions = append(functions, f.Name)
	}
	for _, r := range plan.Rules() {
		if !slices.Contains(functions, r.Target) {
			t.Errorf("rule %s invokes %q, which is no function", r.Name, r.Target)
		}
		if !json.Valid([]byte(r.Pattern)) {
			t.Errorf("the pattern of rule %s is no JSON", r.Name)
		}
		if r.MaxAge <= 0 || r.MaxAttempts <= 0 || r.Doc == "" {
			t.Errorf("rule %s has no bounds or no sentence", r.Name)
		}
	}
}

func TestSchedulesInvokeFunctions(t *testing.T) {
	t.Parallel()
	for _, s := range plan.Schedules() {
		if !slices.ContainsFunc(plan.Functions(), func(f plan.Function) bool { return f.Name == s.Target }) {
			t.Errorf("schedule %s invokes %q, which is no function", s.Name, s.Target)
		}
		if !json.Valid([]byte(s.Input)) || !strings.Contains(s.Input, plan.ScheduledTime) {
			t.Errorf("the input of schedule %s is %s", s.Name, s.Input)
		}
		if s.MaxAge <= 0 || s.MaxAttempts <= 0 || s.Window <= 0 || s.Doc == "" || s.Expression == "" {
			t.Errorf("schedule %s has no bounds, no time or no sentence", s.Name)
		}
	}
}

// A step that two machines share is one function, so it has to be the same step;
// whether an execution may end there is the machine's matter.
func TestStepsOfMachines(t *testing.T) {
	t.Parallel()
	once := map[string]plan.Step{}
	for _, s := range plan.Steps() {
		once[s.Name] = s
	}
	for _, m := range plan.Machines() {
		for _, s := range m.Graph.Steps() {
			if diff := cmp.Diff(once[s.Name], s, cmpopts.IgnoreFields(plan.Step{}, "Leave")); diff != "" {
				t.Errorf("%s is another step in %s:\n%s", s.Name, m.Name, diff)
			}
			if s.Patient && s.Await == nil {
				t.Errorf("%s waits for nothing", s.Name)
			}
		}
	}
}

func TestGraphThatIsNotWellFormed(t *testing.T) {
	t.Parallel()
	step := plan.Step{Name: "A", Doc: "Does it.", Result: "a", Timeout: 1}
	for name, graph := range map[string]plan.Sequence{
		"empty":            {},
		"name used twice":  {step, step},
		"result twice":     {step, plan.Step{Name: "B", Doc: "Does it.", Result: "a", Timeout: 1}},
		"no sentence":      {plan.Step{Name: "A", Timeout: 1}},
		"no timeout":       {plan.Step{Name: "A", Doc: "Does it."}},
		"empty branch":     {plan.Parallel{Name: "P", Branches: []plan.Sequence{{}}}},
		"name of its loop": {plan.Step{Name: "A", Doc: "Does it.", Result: "a", Timeout: 1, Await: &plan.Await{Noun: "B"}}, plan.Step{Name: "BReady", Doc: "Does it.", Timeout: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			defer func() {
				if recover() == nil {
					t.Error("it was accepted")
				}
			}()
			plan.Machine{Graph: graph}.Definition()
		})
	}
}
