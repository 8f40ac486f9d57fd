package readme

import (
	"regexp"
	"slices"
	"strings"
)

var (
	shell  = regexp.MustCompile("(?ms)^```sh\n(.*?)^```")
	inline = regexp.MustCompile("`((?:make|aws|npx|go|git|bin/local) [^`]+)`")
	remark = regexp.MustCompile(`(^|\s+)#.*$`)
)

// Commands are the commands of a Markdown text, each once: the lines of its shell
// blocks, without remarks, and what is set in code and begins with the name of a
// program.
func Commands(text string) []string {
	var all []string
	add := func(command string) {
		if command = strings.TrimSpace(command); command != "" && !slices.Contains(all, command) {
			all = append(all, command)
		}
	}
	for _, block := range shell.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(strings.ReplaceAll(block[1], "\\\n", "")) {
			add(strings.Join(strings.Fields(remark.ReplaceAllString(strings.TrimRight(line, "\n"), "")), " "))
		}
	}
	for _, code := range inline.FindAllStringSubmatch(text, -1) {
		add(code[1])
	}
	return all
}
