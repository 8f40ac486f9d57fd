// Command validate checks specs and prints everything that is wrong with them.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"lakegate/spec"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: validate FILE...")
		os.Exit(2)
	}
	ok := true
	for _, file := range os.Args[1:] {
		ok = check(os.Stdout, file) && ok
	}
	if !ok {
		os.Exit(1)
	}
}

func check(out io.Writer, file string) bool {
	text, err := os.ReadFile(file) //nolint:gosec // the user names the file
	if err != nil {
		fmt.Fprintln(out, err)
		return false
	}
	w, err := spec.Load(file, text)
	if err == nil {
		err = spec.CheckFileName(file, w.Metadata.Name)
	}
	if err == nil {
		fmt.Fprintf(out, "%s: valid: workspace %s in %s, AWS account %s\n", file, w.Metadata.Name, w.Spec.Region, w.Spec.AWS.AccountID)
		return true
	}
	lines := strings.Split(string(text), "\n")
	if errs, ok := errors.AsType[spec.Errors](err); ok {
		for _, e := range errs {
			fmt.Fprintln(out, e)
			if e.Line <= len(lines) {
				excerpt(out, lines[e.Line-1], e.Column)
			}
		}
		fmt.Fprintf(out, "%d errors\n", len(errs))
		return false
	}
	fmt.Fprintln(out, err)
	return false
}

// excerpt shows a line with a mark under a column.
func excerpt(out io.Writer, line string, column int) {
	const most = 160
	runes := []rune(strings.TrimRight(line, "\r"))
	if len(runes) > most || column > len(runes)+1 {
		return
	}
	indent := strings.Map(func(r rune) rune {
		if r == '\t' {
			return r
		}
		return ' '
	}, string(runes[:column-1]))
	fmt.Fprintf(out, "    %s\n    %s^\n", string(runes), indent)
}
