package document

import "lakegate/spec"

// Retirement is what was decided about a workspace whose spec was deleted. The
// document's Spec is the one that was attempted last.
type Retirement struct {
	// Delete says that what was created here is taken down; otherwise it stays,
	// and Reason says why.
	Delete bool   `json:"delete"`
	Reason string `json:"reason,omitempty"`
	// Force says that a root bucket with objects is emptied.
	Force bool `json:"force,omitempty"`
	// Applied is the spec that was applied last, if it is not the one that was
	// attempted last: what either has made is ours.
	Applied *spec.Spec `json:"applied,omitempty"`
	// Objects are the ids of what existed when it was applied, by result key.
	Objects map[string][]string `json:"objects,omitempty"`
}

// Workspaces are those that are taken down: one, if any.
type Workspaces struct {
	Outcome
	Workspaces []Workspace `json:"workspaces,omitempty"`
}

// Removal is what a step has taken down.
type Removal struct {
	Outcome
	Removed []string `json:"removed,omitempty"`
	Kept    []Left   `json:"kept,omitempty"`
}

// Left is something that stays, and why.
type Left struct {
	What string `json:"what"`
	Why  string `json:"why"`
	// Needs are ids, names and ARNs of what it refers to, which therefore stays
	// too.
	Needs []string `json:"needs,omitempty"`
}

// RemovalWait is what a step takes down that needs time for it.
type RemovalWait struct {
	Removal
	Wait
	// Objects counts what was deleted in a bucket.
	Objects int `json:"objects,omitempty"`
}

// Audit is what was found at the end.
type Audit struct {
	Outcome
	Left []Left `json:"left"`
}

// RetiredReport is what was told at the end of a retirement.
type RetiredReport struct {
	Outcome
	Removed []string `json:"removed,omitempty"`
	Left    []Left   `json:"left,omitempty"`
	// DurationSeconds from the start of the execution.
	DurationSeconds int `json:"durationSeconds"`
}

// Specs returns the specs that may have made something.
func (d *Document) Specs() []spec.Spec {
	specs := []spec.Spec{d.Spec}
	if d.Retirement != nil && d.Retirement.Applied != nil {
		specs = append(specs, *d.Retirement.Applied)
	}
	return specs
}

// Removals returns what the steps of a retirement have done so far.
func (d *Document) Removals() []Removal {
	var all []Removal
	for _, r := range []*Removal{
		d.StoppedCompute, d.DeletedWorkspace, d.DeregisteredNetwork, d.DeletedPrivateAccessSettings, d.DeregisteredEndpoints,
		d.DeregisteredStorage, d.DeregisteredCredentials, d.DeregisteredKeys, d.DeletedFrontEndDNS, d.DeletedEndpoints,
		d.DeletedSecurityGroups, d.DeletedSubnets, d.DeletedRouteTables, d.DeletedVPC,
		d.DeletedCrossAccountRole, d.DeletedGlueInstanceProfile, d.DeletedKeys, d.ReleasedGiven,
	} {
		if r != nil {
			all = append(all, *r)
		}
	}
	for _, r := range []*RemovalWait{d.DeletedLeftovers, d.DeletedRootBucket} {
		if r != nil {
			all = append(all, r.Removal)
		}
	}
	return all
}

// Kept returns what stays so far, and why.
func (d *Document) Kept() []Left {
	var all []Left
	for _, r := range d.Removals() {
		all = append(all, r.Kept...)
	}
	return all
}
