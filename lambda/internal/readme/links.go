package readme

import (
	"regexp"
	"slices"
	"strings"
)

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	path    = regexp.MustCompile("`((?:spec|infra|lambda)/[\\w./-]+)`")
	dropped = regexp.MustCompile(`[^\w\- ]`)
)

// Links are what a Markdown text leads to within the repository: the headings
// that it has not although it names them, and the files that it names.
func Links(text string) (missing, files []string) {
	var anchors []string
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		anchors = append(anchors, "#"+strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(h[1]), ""), " ", "-"))
	}
	for _, l := range append(link.FindAllStringSubmatch(text, -1), path.FindAllStringSubmatch(text, -1)...) {
		switch to := l[1]; {
		case strings.HasPrefix(to, "https://"):
		case !strings.HasPrefix(to, "#"):
			files = append(files, to)
		case !slices.Contains(anchors, to):
			missing = append(missing, to)
		}
	}
	return missing, files
}
