package report_test

import (
	"strings"
	"testing"

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
