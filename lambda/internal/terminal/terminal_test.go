package terminal_test

import (
	"bytes"
	"fmt"
	"testing"

	"lakegate/lambda/internal/terminal"
)

func TestLiteral(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a line\n\tand another, 東京 ✓":    "a line\n\tand another, 東京 ✓",
		"\x1b]0;title\x07\x1b[2J":        "\uFFFD]0;title\uFFFD\uFFFD[2J",
		"over\rwritten\b":                "over\uFFFDwritten\uFFFD",
		"one byte \u009b31m":             "one byte \uFFFD31m",
		"tokyo\u202egnp.exe\u2066hidden": "tokyo\uFFFDgnp.exe\uFFFDhidden",
	} {
		if got := terminal.Literal(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
		var out bytes.Buffer
		if n, err := fmt.Fprint(terminal.Writer{Out: &out}, text); err != nil || n != len(text) || out.String() != want {
			t.Errorf("of %q was written %q, %d bytes, %v", text, out.String(), n, err)
		}
	}
}
