package page

import "lakegate/lambda/plan"

// machine is a state machine as the page draws it.
type machine struct {
	Name  string `json:"name"`
	Doc   string `json:"doc"`
	Graph []node `json:"graph"`
}

// node is a step, or a frame of what runs side by side.
type node struct {
	Name string `json:"name"`
	Doc  string `json:"doc"`
	// Waits says that the step is a loop of the states in which it waits.
	Waits bool `json:"waits,omitempty"`
	// Leave is the state that ends the execution early.
	Leave string `json:"leave,omitempty"`
	// Branches are those of a frame; a step has none.
	Branches [][]node `json:"branches,omitempty"`
}

// machines draws the graphs of the plan.
func machines() []machine {
	var out []machine
	for _, m := range plan.Machines() {
		out = append(out, machine{m.Name, m.Doc, nodes(m.Graph)})
	}
	return out
}

func nodes(s plan.Sequence) []node {
	var out []node
	for _, n := range s {
		switch n := n.(type) {
		case plan.Step:
			step := node{Name: n.Name, Doc: n.Doc, Waits: n.Await != nil}
			if n.Leave != nil {
				step.Leave = n.Leave.Name
			}
			out = append(out, step)
		case plan.Parallel:
			frame := node{Name: n.Name, Doc: n.Doc}
			for _, b := range n.Branches {
				frame.Branches = append(frame.Branches, nodes(b))
			}
			out = append(out, frame)
		}
	}
	return out
}
