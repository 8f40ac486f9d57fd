package report

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"lakegate/lambda/plan"
)

// maxComment is how many characters a comment on a pull request may have.
// https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html
const maxComment = 10_240

// Comment is what plans say on a pull request: all of it if there is room, else
// one line for each plan, whose whole page is in a bucket.
func Comment(plans []*Plan, bucket string) string {
	var pages, lines []string
	for _, p := range plans {
		pages = append(pages, string(p.Markdown()))
		lines = append(lines, "- "+p.line()+"\n")
	}
	if text := strings.Join(pages, "\n"); utf8.RuneCountInString(text) <= maxComment {
		return text
	}
	text := fmt.Sprintf("# Plans of %d workspaces\n\nEach is `%s<name>.md` in the bucket `%s`.\n\n", len(plans), plan.PlanPrefix, bucket)
	const more = "- and %d more\n"
	for i, line := range lines {
		if rest := fmt.Sprintf(more, len(lines)-i); utf8.RuneCountInString(text+line+rest) > maxComment {
			return text + rest
		}
		text += line
	}
	return text
}

// line is a plan in one line.
func (p *Plan) line() string {
	text := p.Summary()
	switch {
	case p.Retirement != nil:
		text = "would be deleted: " + text
	case p.Refused != "":
		text = "would be refused"
	}
	if p.Renamed != nil {
		text = fmt.Sprintf("renamed from %s to %s, ", p.Renamed.From, p.Renamed.To) + text
	}
	return "**" + p.Workspace + "**: " + text
}
