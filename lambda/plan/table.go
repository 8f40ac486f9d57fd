package plan

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Treatment says what the retry rules make of a class of failures.
func Treatment(class string) string {
	for _, r := range Retriers() {
		if !slices.Contains(r.Errors, class) {
			continue
		}
		var longest time.Duration
		pause := r.Interval
		for range r.MaxAttempts {
			longest += pause
			pause = min(time.Duration(float64(pause)*r.BackoffRate), r.MaxDelay)
		}
		// Jitter takes half of each pause on the average.
		return fmt.Sprintf("tries again %d times, for about %s, then fails", r.MaxAttempts, strings.TrimSuffix((longest/2).Round(time.Minute).String(), "0s"))
	}
	return "fails at once"
}

// TablesOfPermissions renders what each function may do beside what all may, by
// the steps of each machine and the other functions. Those that may do the same
// are named together.
func TablesOfPermissions() string {
	var out strings.Builder
	every := fenced(Common()...)
	out.WriteString("What every step may do that works under the lease of its workspace:\n\n")
	writePermissions(&out, []group{{[]string{"these"}, every}})
	seen := map[string]bool{}
	for _, m := range Machines() {
		var groups []group
		for _, s := range m.Graph.Steps() {
			if !seen[s.Name] {
				groups = gather(groups, s.Name, s.Allow, every)
			}
			seen[s.Name] = true
		}
		fmt.Fprintf(&out, "\n<details>\n<summary>And the steps of %s</summary>\n\n", m.Name)
		writePermissions(&out, groups)
		out.WriteString("\n</details>\n")
	}
	var groups []group
	for _, f := range Functions() {
		groups = gather(groups, f.Name, f.Allow, nil)
	}
	out.WriteString("\n<details>\n<summary>Functions that are no steps</summary>\n\n")
	writePermissions(&out, groups)
	out.WriteString("\n</details>\n")
	return out.String()
}

// group is what several functions may do.
type group struct {
	names []string
	allow []Permission
}

// gather adds a function to those that may do the same, without what is said of
// all.
func gather(groups []group, name string, allow, every []Permission) []group {
	same := func(a, b Permission) bool { return rowOf(a) == rowOf(b) }
	own := slices.DeleteFunc(slices.Clone(allow), func(p Permission) bool {
		return slices.ContainsFunc(every, func(q Permission) bool { return same(p, q) })
	})
	for i := range groups {
		if slices.EqualFunc(groups[i].allow, own, same) {
			groups[i].names = append(groups[i].names, name)
			return groups
		}
	}
	return append(groups, group{[]string{name}, own})
}

func writePermissions(out *strings.Builder, groups []group) {
	out.WriteString("| who | may | on | if | why |\n| --- | --- | --- | --- | --- |\n")
	for _, g := range groups {
		who := strings.Join(g.names, ", ")
		if len(g.allow) == 0 {
			fmt.Fprintf(out, "| %s | nothing else | | | |\n", who)
		}
		for _, p := range merged(g.allow) {
			fmt.Fprintf(out, "| %s | %s\n", who, rowOf(p))
			who = ""
		}
	}
}

// merged puts together what is allowed for the same reason on the same things.
func merged(allow []Permission) []Permission {
	var out []Permission
	for _, p := range allow {
		bare := p
		bare.Actions = nil
		i := slices.IndexFunc(out, func(q Permission) bool {
			q.Actions = nil
			return rowOf(q) == rowOf(bare)
		})
		if i < 0 {
			p.Actions = slices.Clone(p.Actions)
			out = append(out, p)
			continue
		}
		for _, action := range p.Actions {
			if !slices.Contains(out[i].Actions, action) {
				out[i].Actions = append(out[i].Actions, action)
			}
		}
	}
	return out
}

func rowOf(p Permission) string {
	var resources, conditions []string
	for _, r := range p.Resources {
		resources = append(resources, "`"+short(r)+"`")
	}
	for _, operator := range slices.Sorted(maps.Keys(p.Conditions)) {
		for _, key := range slices.Sorted(maps.Keys(p.Conditions[operator])) {
			conditions = append(conditions, fmt.Sprintf("`%s` %s `%s`", key, operators[operator], short(p.Conditions[operator][key])))
		}
	}
	why := p.Why
	if p.Source != "" {
		why += "; where specs are in " + p.Source
	}
	return fmt.Sprintf("%s | %s | %s | %s |", strings.Join(p.Actions, ", "), strings.Join(resources, ", "), strings.Join(conditions, ", "), why)
}

// operators of conditions in words. Null is true of a tag that is not there.
var operators = map[string]string{
	"StringEquals": "is", "StringLike": "is like", "Null": "is absent:",
	"ForAllValues:StringLike": "all like", "ForAllValues:StringNotLike": "none like",
}

// short leaves out of an ARN what is the same in all, and what shows placeholders
// plainly.
func short(arn string) string {
	if rest, ok := strings.CutPrefix(arn, "arn:"+Partition+":"); ok {
		parts := strings.SplitN(rest, ":", 4)
		arn = parts[len(parts)-1]
		if parts[0] == "s3" && arn == "*" {
			arn = "any bucket"
		}
	}
	return strings.NewReplacer("${", "<", "}", ">").Replace(arn)
}
