// Package readme is for tests: it keeps README.md in step with the code. Parts of
// it between two marks are derived, and the commands in it are found, so that they
// can be run.
package readme

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Derive compares parts of a Markdown file, by the names of their marks, with what
// they have to be, or writes them anew.
//
//	<!-- begin name -->
//	…
//	<!-- end name -->
func Derive(t *testing.T, path string, parts map[string]string, update bool) {
	t.Helper()
	text, err := os.ReadFile(path) //nolint:gosec // the test names the file
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for mark, part := range parts {
		begin, end := "<!-- begin "+mark+" -->\n", "<!-- end "+mark+" -->"
		before, rest, ok := strings.Cut(got, begin)
		_, after, ok2 := strings.Cut(rest, end)
		if !ok || !ok2 {
			t.Fatalf("%s has no part %q", path, mark)
		}
		got = before + begin + part + end + after
	}
	if update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(text), got); diff != "" {
		t.Errorf("%s is out of date (make generate writes it anew):\n%s", path, diff)
	}
}
