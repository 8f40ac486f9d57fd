package report_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/report"
)

// Tags, policies and paths are written by others, and stay text on a page and in
// a comment on a pull request.
func TestTextStaysText(t *testing.T) {
	t.Parallel()
	const text = "a\\| b <img src=x> [c](https://example.org) `d`\r\n# e"
	difference := report.Difference{Object: "VPC vpc-1", Field: "tag Name", Found: text}
	plan := &report.Plan{Workspace: "tokyo", Revision: "proposed/" + text, Changes: []report.PlannedChange{{
		Step: "EnsureVpc", Action: "Update", Reason: text, Differences: []report.Difference{difference},
	}}}
	drift := &report.Drift{Workspace: "tokyo", Revision: "workspaces/tokyo.yaml@1", Deviations: []report.Deviation{{Difference: difference}}}
	for _, page := range []string{report.Comment([]*report.Plan{plan}, "state"), string(drift.Markdown())} {
		for _, mark := range []string{"\r", "\n# e", " <img", " [c]", " `d", `a\| b`} {
			if strings.Contains(page, mark) {
				t.Errorf("%q is in\n%s", mark, page)
			}
		}
		if want := `a\\\| b \<img src=x> \[c](https://example.org) ` + "\\`d\\`  # e"; !strings.Contains(page, want) {
			t.Errorf("the text is not in\n%s", page)
		}
	}
}

// An event may have 256 KB, and the page has all.
func TestAnEventHasTheFirstDifferences(t *testing.T) {
	t.Parallel()
	var changes []report.PlannedChange
	for range 3 {
		changes = append(changes, report.PlannedChange{Step: "EnsureVpc", Action: "Update", Differences: make([]report.Difference, 40)})
	}
	p := &report.Plan{Workspace: "tokyo", Changes: changes}
	var got []int
	for _, c := range p.Data("plans/tokyo.md").Changes {
		got = append(got, len(c.Differences))
	}
	if diff := cmp.Diff([]int{40, 10, 0}, got); diff != "" {
		t.Errorf("differences of each change (-want +got):\n%s", diff)
	}
	if n := len(p.Changes[2].Differences); n != 40 {
		t.Errorf("the plan itself has %d left", n)
	}
}
