package plan

import (
	"fmt"
	"strings"
)

// Diagram renders a graph as a Mermaid flowchart: boxes are steps, hexagons
// steps that wait, frames what runs side by side.
func Diagram(graph Sequence) string {
	if err := graph.check(); err != nil {
		panic(err)
	}
	var out strings.Builder
	out.WriteString("flowchart TD\n")
	drawSequence(&out, graph, "  ")
	return out.String()
}

func drawSequence(out *strings.Builder, nodes Sequence, indent string) {
	for i, n := range nodes {
		switch n := n.(type) {
		case Step:
			left, right := "[", "]"
			if n.Await != nil {
				left, right = "{{", "}}"
			}
			fmt.Fprintf(out, "%s%s%s%s%s\n", indent, n.Name, left, n.Name, right)
			if leave := n.Leave; leave != nil {
				fmt.Fprintf(out, "%s%s -->|%s| %s([%s])\n", indent, n.Name, leave.Key, leave.Name, leave.Name)
			}
		case Parallel:
			fmt.Fprintf(out, "%ssubgraph %s\n", indent, n.Name)
			for _, b := range n.Branches {
				drawSequence(out, b, indent+"  ")
			}
			fmt.Fprintf(out, "%send\n", indent)
		}
		if i > 0 {
			fmt.Fprintf(out, "%s%s --> %s\n", indent, nodeName(nodes[i-1]), nodeName(n))
		}
	}
}

// Table renders the steps as rows of a Markdown table.
func Table(graph Sequence) string {
	var out strings.Builder
	out.WriteString("| state | what it does |\n| --- | --- |\n")
	for _, s := range graph.Steps() {
		fmt.Fprintf(&out, "| %s | %s |\n", s.Name, s.Doc)
	}
	return out.String()
}

// TableOfSchedules renders the schedules as rows of a Markdown table.
func TableOfSchedules() string {
	var out strings.Builder
	out.WriteString("| schedule | when | invokes | what it does |\n| --- | --- | --- | --- |\n")
	for _, s := range Schedules() {
		fmt.Fprintf(&out, "| %s%s | `%s`, within %.0f minutes | %s | %s |\n", FunctionPrefix, s.Name, s.Expression, s.Window.Minutes(), s.Target, s.Doc)
	}
	return out.String()
}

// TableOfAlarms renders the alarms as rows of a Markdown table.
func TableOfAlarms() string {
	var out strings.Builder
	out.WriteString("| alarm | watches | what it means, and what to do first |\n| --- | --- | --- |\n")
	for _, a := range Alarms() {
		fmt.Fprintf(&out, "| %s%s | %s %s | %s |\n", FunctionPrefix, a.Name, a.Metric.Namespace, a.Metric.Name, a.Doc)
	}
	return out.String()
}

// TableOfMetrics renders what the functions publish as rows of a Markdown table.
func TableOfMetrics() string {
	var out strings.Builder
	out.WriteString("| metric | unit | by | what it counts or measures |\n| --- | --- | --- | --- |\n")
	for _, m := range Metrics() {
		var sets []string
		for _, set := range m.Dimensions {
			if len(set) > 0 {
				sets = append(sets, strings.Join(set, " and "))
			}
		}
		fmt.Fprintf(&out, "| %s | %s | %s | %s |\n", m.Name, m.Unit, strings.Join(sets, "; "), m.Doc)
	}
	return out.String()
}
