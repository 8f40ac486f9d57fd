package report_test

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"lakegate/lambda/internal/report"
)

// A comment has all plans as long as there is room, and then a line for each.
func TestComment(t *testing.T) {
	t.Parallel()
	var plans []*report.Plan
	for i := range 1000 {
		p := &report.Plan{Workspace: fmt.Sprintf("w%d", i)}
		switch i % 4 {
		case 0:
			p.Refused = strings.Repeat("é", 200)
		case 1:
			p.Changes = []report.PlannedChange{{Step: "EnsureVpc", Action: "Create", Object: strings.Repeat("é", 200)}}
		case 2:
			p.Retirement = &report.PlannedRetirement{Old: report.OldDeleted, Message: "All of it.", Removed: []string{"VPC vpc-1"}}
			p.Renamed = &report.RenamedData{From: p.Workspace, To: "other", Message: strings.Repeat("é", 200)}
		}
		plans = append(plans, p)
	}
	for n, parts := range map[int][]string{
		4:    {"# Plan of workspace w0", "# Plan of workspace w3", "The spec would be deleted. All of it.", "| Delete | VPC vpc-1 |"},
		50:   {"# Plans of 50 workspaces", "`plans/<name>.md` in the bucket `state`", "**w0**: would be refused", "**w1**: 1 to create", "**w2**: renamed from w2 to other, would be deleted: 1 to delete, 0 to keep", "**w49**"},
		1000: {"# Plans of 1000 workspaces", "**w100**", "more\n"},
	} {
		text := report.Comment(plans[:n], "state")
		if size := utf8.RuneCountInString(text); size > 10240 {
			t.Errorf("%d plans make %d characters", n, size)
		}
		for _, part := range parts {
			if !strings.Contains(text, part) {
				t.Errorf("the comment of %d plans does not say %q:\n%s", n, part, text)
			}
		}
	}
}
