package logs

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// term is one word of a filter pattern: plain, optional (?) or excluded (-), a
// word or a text in quotes.
var term = regexp.MustCompile(`^([?-]?)(?:([A-Za-z0-9_]+)|"((?:[^"\\]|\\.)*)")(?:\s+|$)`)

// compileFilter compiles a filter pattern of plain terms: a message matches if
// it has all plain terms and none of the excluded ones or, if there are only
// optional ones, one of those. Of the patterns for JSON it knows those that
// compare members with texts; patterns for columns and regular expressions are
// refused.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
func compileFilter(pattern string) (match func(message string) bool, err error) {
	rest := strings.TrimSpace(pattern)
	if strings.HasPrefix(rest, "{") {
		return compileMembers(rest)
	}
	if rest != "" && strings.ContainsRune("[%", rune(rest[0])) {
		return nil, notEmulated(fmt.Sprintf("the filter pattern %q, which is more than plain terms,", pattern))
	}
	var all, some, none []string
	for rest != "" {
		m := term.FindStringSubmatch(rest)
		if m == nil {
			return nil, invalid(fmt.Sprintf("Invalid character(s) in term '%s'", rest))
		}
		rest = rest[len(m[0]):]
		text := m[2] + strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(m[3])
		switch m[1] {
		case "?":
			some = append(some, text)
		case "-":
			none = append(none, text)
		default:
			all = append(all, text)
		}
	}
	if len(some) > 0 && len(all)+len(none) > 0 {
		return nil, notEmulated(fmt.Sprintf("the filter pattern %q, which mixes optional and other terms,", pattern))
	}
	return func(message string) bool {
		in := func(text string) bool { return strings.Contains(message, text) }
		missing := func(text string) bool { return !in(text) }
		return !slices.ContainsFunc(all, missing) && !slices.ContainsFunc(none, in) &&
			(len(some) == 0 || slices.ContainsFunc(some, in))
	}, nil
}

// comparison is a member of a JSON object and the text that it has to be, without
// the wildcard * that the service knows.
var comparison = regexp.MustCompile(`^\s*\$\.([A-Za-z0-9_]+)\s*=\s*"([^"*\\]*)"\s*$`)

// compileMembers compiles a pattern such as { $.level = "ERROR" && $.step = "x" }:
// a message matches if it is a JSON object that has all these members.
func compileMembers(pattern string) (match func(message string) bool, err error) {
	inner, closed := strings.CutSuffix(strings.TrimPrefix(pattern, "{"), "}")
	if !closed {
		return nil, invalid("Invalid filter pattern")
	}
	want := map[string]string{}
	for part := range strings.SplitSeq(inner, "&&") {
		m := comparison.FindStringSubmatch(part)
		if m == nil {
			return nil, notEmulated(fmt.Sprintf("the filter pattern %q, which does more than compare members with texts,", pattern))
		}
		want[m[1]] = m[2]
	}
	return func(message string) bool {
		var object map[string]json.RawMessage
		if json.Unmarshal([]byte(message), &object) != nil {
			return false
		}
		for name, value := range want {
			var got string
			if json.Unmarshal(object[name], &got) != nil || got != value {
				return false
			}
		}
		return true
	}, nil
}
