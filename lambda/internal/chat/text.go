package chat

import (
	"strings"
	"unicode"
	"unicode/utf16"

	"github.com/rivo/uniseg"
)

// clean leaves of a text what can be seen: control characters, and those that
// turn the direction of writing, would let it look like something else.
// https://unicode.org/reports/tr9/
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r == '\u2028', r == '\u2029':
			return '\n'
		case unicode.Is(unicode.Cc, r), unicode.Is(unicode.Bidi_Control, r), r == unicode.ReplacementChar:
			return '\uFFFD'
		default:
			return r
		}
	}, strings.ToValidUTF8(text, "\uFFFD"))
}

// clip cleans a text and cuts it to a number of UTF-16 units, by which products
// count, between what people take for characters.
func clip(text string, most int) string {
	// A unit has three bytes at the most, and nobody should wait for the rest.
	text = clean(text[:min(len(text), 4*most)])
	if units(text) <= most {
		return text
	}
	const ellipsis = "…"
	var out strings.Builder
	left := most - len(utf16.Encode([]rune(ellipsis)))
	for state, rest := -1, text; rest != ""; {
		var cluster string
		cluster, rest, _, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if left -= units(cluster); left < 0 {
			break
		}
		out.WriteString(cluster)
	}
	return strings.TrimRightFunc(out.String(), unicode.IsSpace) + ellipsis
}

// line is clip for what has to stay on one line.
func line(text string, most int) string {
	return clip(strings.Join(strings.Fields(clean(text[:min(len(text), 4*most)])), " "), most)
}

func units(text string) int {
	n := 0
	for _, r := range text {
		n += utf16.RuneLen(r)
	}
	return n
}

// fit renders with less and less detail until the payload is short enough.
func fit(most int, render func(detail int) []byte) []byte {
	detail := 3000
	for {
		out := render(detail)
		if len(out) <= most || detail < 16 {
			return out
		}
		detail /= 2
	}
}
