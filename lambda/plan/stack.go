package plan

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// StackDiagram renders what wakes what as a Mermaid flowchart: where events come
// from, the rules and schedules that match them, the functions that those invoke,
// and the state machines, whose ends are events again.
func StackDiagram() string {
	var out strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&out, "  "+format+"\n", args...) }
	out.WriteString("flowchart LR\n")
	origins := map[string]string{"aws.s3": "SourceBucket", "aws.codecommit": "SourceBranch", EventSource: "EventBus"}
	line("SourceBucket[(specs in S3)]")
	line("SourceBranch[(specs in CodeCommit)]")
	for _, f := range Functions() {
		line("%s[%s]", f.Name, f.Name)
		if f.Product != "" {
			line("%s --> %s>%s]", f.Name, f.Product, f.Product)
		}
	}
	for _, m := range Machines() {
		line("%s[[%s: %d steps]]", m.ID, m.Name, len(m.Graph.Steps()))
	}
	line("EventBus((bus %s))", EventBusName)
	for _, s := range Schedules() {
		line("%sSchedule([every day]) -->|%s| %s", s.Name, s.Name, s.Target)
	}
	for _, r := range Rules() {
		var p struct {
			Source []string
			Detail struct{ StateMachineARN []string }
		}
		if err := json.Unmarshal([]byte(r.Pattern), &p); err != nil {
			panic(fmt.Sprintf("plan: reading the pattern of rule %s: %v", r.Name, err))
		}
		for _, source := range p.Source {
			if source != "aws.states" {
				line("%s -->|%s| %s", origins[source], r.Name, r.Target)
				continue
			}
			for _, m := range Machines() {
				if slices.Contains(p.Detail.StateMachineARN, m.Placeholder) {
					line("%s -->|%s| %s", m.ID, r.Name, r.Target)
				}
			}
		}
	}
	for _, f := range Functions() {
		for _, m := range Machines() {
			if allows(f.Allow, "states:StartExecution", m.Placeholder) {
				line("%s --> %s", f.Name, m.ID)
			}
		}
		if allows(f.Allow, "events:PutEvents", EventBus) {
			line("%s -.-> EventBus", f.Name)
		}
	}
	for _, m := range Machines() {
		line("%s -.-> EventBus", m.ID)
	}
	return out.String()
}

// allows says whether permissions have an action on a resource.
func allows(permissions []Permission, action, resource string) bool {
	return slices.ContainsFunc(permissions, func(p Permission) bool {
		return slices.Contains(p.Actions, action) && slices.Contains(p.Resources, resource)
	})
}
