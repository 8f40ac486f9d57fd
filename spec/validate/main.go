// Command validate checks workspace specs as the state machine does, and shows
// what is wrong with them where it is wrong. It needs no accounts and no
// network.
//
//	go run ./spec/validate FILE...
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"lakegate/spec"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: validate FILE...")
		os.Exit(2)
	}
	if !run(os.Args[1:], os.Stdout, os.Stderr) {
		os.Exit(1)
	}
}

// run checks all files and reports whether all of them are valid.
func run(files []string, stdout, stderr io.Writer) bool {
	valid := true
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			fmt.Fprintln(stderr, err)
			valid = false
			continue
		}
		w, err := spec.Load(file, data)
		if err == nil {
			err = spec.CheckFileName(file, w.Metadata.Name)
		}
		if err != nil {
			explain(stderr, data, err)
			valid = false
			continue
		}
		fmt.Fprintf(stdout, "%s: valid: %s\n", file, summary(w))
	}
	return valid
}

// summary says in one line what the spec would make.
func summary(w *spec.Workspace) string {
	vpc := w.Spec.Network.VPC
	network := fmt.Sprintf("new VPC %s %s", vpc.Name, vpc.CIDR)
	if vpc.ID != "" {
		network = "existing VPC " + vpc.ID
	}
	return fmt.Sprintf("workspace %s in %s, %d workspace subnets in %s",
		w.Metadata.Name, w.Spec.Region, len(w.Spec.Network.WorkspaceSubnets), network)
}

// maxExcerpt is the longest line, in bytes, that is worth showing.
const maxExcerpt = 300

// explain prints each error, the line that it is about, and a caret below the
// column.
func explain(out io.Writer, data []byte, err error) {
	all, ok := errors.AsType[spec.Errors](err)
	if !ok {
		fmt.Fprintln(out, err)
		return
	}
	lines := strings.Split(string(data), "\n")
	for _, e := range all {
		fmt.Fprintln(out, e)
		if e.Line > len(lines) || len(lines[e.Line-1]) > maxExcerpt {
			continue
		}
		line := strings.TrimRight(lines[e.Line-1], "\r")
		fmt.Fprintf(out, "    %s\n    %s^\n", printable(line), indent(line, e.Column-1))
	}
}

// printable replaces what a terminal might obey.
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
