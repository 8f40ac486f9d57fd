package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"lakegate/spec"
)

// terminal tells people.
type terminal struct{ out io.Writer }

func (t terminal) path(_ string, err error) { fmt.Fprintln(t.out, printable(err.Error())) }

// maxExcerpt is the longest line, in bytes, that is worth showing.
const maxExcerpt = 300

// spec prints each error, the line that it is about, and a caret below the
// column.
func (t terminal) spec(_ string, data []byte, err error) {
	all, ok := errors.AsType[spec.Errors](err)
	if !ok {
		fmt.Fprintln(t.out, printable(err.Error()))
		return
	}
	lines := strings.Split(string(data), "\n")
	for _, e := range all {
		fmt.Fprintln(t.out, printable(e.Error()))
		if e.Line > len(lines) || len(lines[e.Line-1]) > maxExcerpt {
			continue
		}
		line := strings.TrimRight(lines[e.Line-1], "\r")
		fmt.Fprintf(t.out, "    %s\n    %s^\n", printable(line), indent(line, e.Column-1))
	}
}

// printable replaces what a terminal might obey, and what would end the line: a
// workflow takes the beginning of one for a command.
func printable(line string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && unicode.IsControl(r) {
			return '\uFFFD'
		}
		return r
	}, line)
}

// indent returns white space as wide as the first characters of a line: tabs
// stay, and East Asian characters take two columns.
func indent(line string, characters int) string {
	var out strings.Builder
	for _, r := range line {
		if characters--; characters < 0 {
			break
		}
		switch {
		case r == '\t':
			out.WriteRune('\t')
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
			out.WriteRune('\u3000')
		default:
			out.WriteRune(' ')
		}
	}
	return out.String()
}
