// Package terminal keeps a terminal from obeying what others have written: names
// in specs, messages of commits and replies of services can have control
// characters in them.
package terminal

import (
	"io"
	"strings"
	"unicode"
)

// Literal returns a text without what a terminal might obey: control characters
// but for line breaks and tabs, and those that turn the direction of writing.
// https://unicode.org/reports/tr9/
func Literal(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// Writer writes texts literally. Each call of Write has to have whole
// characters, as those of package fmt have.
type Writer struct{ Out io.Writer }

// Write writes a text; how many bytes of it were written is not known if there
// is an error.
func (w Writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.Out, Literal(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
