package spec

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

const (
	// maxSize of a file in bytes.
	maxSize = 256 << 10
	// maxTokens of a file. A spec with all that AWS allows has fewer than
	// 3,000. The parser needs time in proportion to its square, and stack in
	// proportion to it.
	maxTokens = 5000
)

// Decode reads a spec as it is written: nothing is filled in, and only its
// structure is checked. What is not plain, unambiguous YAML of the types of
// this package is refused: an unknown or repeated key, a value of another
// type, an empty value, an anchor, alias, merge key or tag, a second document,
// anything above 256 KiB. The error is Errors and says all that is wrong.
func Decode(file string, data []byte) (*Workspace, error) {
	found := newFindings(file)
	w := decode(found, data)
	if err := found.err(); err != nil {
		return nil, err
	}
	return w, nil
}

// decode reads as much as it can and notes the rest. It returns nil if there
// is no document to speak of.
func decode(found *findings, data []byte) *Workspace {
	root := parse(found, data)
	if root == nil {
		return nil
	}
	w := new(Workspace)
	d := decoder{found}
	d.value(root, reflect.ValueOf(w).Elem(), "")
	return w
}

// parse returns the body of the only document, or nil.
func parse(found *findings, data []byte) (body ast.Node) {
	// Specs come from whoever may push one, and the parser is not ours.
	defer func() {
		if r := recover(); r != nil {
			body = nil
			found.add("", "is not YAML that can be read: %v", r)
		}
	}()
	if len(data) > maxSize {
		found.add("", "has %d bytes: want at most %d", len(data), maxSize)
		return nil
	}
	data = bytes.TrimPrefix(data, []byte("\ufeff"))
	if at, what := unreadable(data); what != "" {
		found.addAt(at, "", "has %s: want plain text in UTF-8", what)
		return nil
	}
	tokens := lexer.Tokenize(string(data))
	if !plain(found, tokens) {
		return nil
	}
	// Repeated keys are found below, with their paths.
	tree, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		at := position{1, 1}
		message := err.Error()
		if e, ok := errors.AsType[yaml.Error](err); ok {
			at, message = positionOf(e.GetToken()), e.GetMessage()
		}
		found.addAt(at, "", "is not YAML: %s", message)
		return nil
	}
	for _, doc := range tree.Docs {
		switch {
		case doc.Body == nil || doc.Body.Type() == ast.CommentType:
		case body != nil:
			found.addAt(positionOf(start(doc.Body)), "", "has a second document: want one workspace per file")
			return nil
		default:
			body = doc.Body
		}
	}
	if body == nil {
		found.add("", "is empty: want a workspace spec, beginning with apiVersion: %s", APIVersion)
	}
	return body
}

// unreadable finds the first thing that is not text.
func unreadable(data []byte) (position, string) {
	at := position{1, 1}
	for len(data) > 0 {
		r, size := utf8.DecodeRune(data)
		switch {
		case r == utf8.RuneError && size == 1:
			return at, fmt.Sprintf("the byte 0x%02X, which is not UTF-8", data[0])
		case r < ' ' && r != '\t' && r != '\n' && r != '\r', r == 0x7F, r >= 0x80 && r < 0xA0:
			return at, fmt.Sprintf("the control character %U", r)
		case r == '\n':
			at = position{at.line + 1, 0}
		}
		at.column++
		data = data[size:]
	}
	return at, ""
}

// plain notes the first use of a feature of YAML that a spec does not need,
// and that makes files grow when read or mean something else than they seem to.
func plain(found *findings, tokens token.Tokens) bool {
	refuse := func(t *token.Token, format string, args ...any) bool {
		found.addAt(positionOf(t), "", format, args...)
		return false
	}
	count, documents, begun := 0, 0, false
	for _, t := range tokens {
		if t.Type == token.CommentType {
			continue
		}
		if count++; count > maxTokens {
			return refuse(t, "has more than %d words and signs: want a single workspace spec", maxTokens)
		}
		switch t.Type {
		case token.AnchorType, token.AliasType:
			return refuse(t, "has an anchor or alias: write the value out in each place; a value that begins with & or * needs quotes")
		case token.MergeKeyType:
			return refuse(t, "has a merge key: write the keys out")
		case token.TagType:
			return refuse(t, "has a tag: write the plain value; a value that begins with ! needs quotes")
		case token.DirectiveType:
			return refuse(t, "has a directive: remove the line")
		case token.MappingKeyType:
			return refuse(t, "has a complex key: write key: value; a value that begins with ? needs quotes")
		case token.DocumentHeaderType:
			if documents++; documents > 1 || begun {
				return refuse(t, "has a second document: want one workspace per file")
			}
		case token.DocumentEndType:
		default:
			begun = true
		}
	}
	return true
}

// decoder copies a tree into values of Go, and notes what does not fit.
type decoder struct{ *findings }

func (d decoder) value(n ast.Node, v reflect.Value, path string) {
	if !d.given(path) {
		d.places[path] = positionOf(start(n))
	}
	switch v.Kind() {
	case reflect.Struct:
		d.mapping(n, path, func(key string, at position, value ast.Node) {
			d.field(key, at, value, v, path)
		})
	case reflect.Map:
		d.mapping(n, path, func(key string, at position, value ast.Node) {
			if v.IsNil() {
				v.Set(reflect.MakeMap(v.Type()))
			}
			var text string
			if d.text(value, entry(path, key), &text) {
				d.places[entry(path, key)] = at
				v.SetMapIndex(reflect.ValueOf(key), reflect.ValueOf(text))
			}
		})
	case reflect.Slice:
		list, ok := n.(*ast.SequenceNode)
		if !ok {
			d.refuse(n, path, "a list")
			return
		}
		if len(list.Values) == 0 {
			d.empty(path, "list")
			return
		}
		v.Set(reflect.MakeSlice(v.Type(), len(list.Values), len(list.Values)))
		for i, value := range list.Values {
			d.value(value, v.Index(i), item(path, i))
		}
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.value(n, v.Elem(), path)
	case reflect.Bool:
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.refuse(n, path, "true or false, without quotes")
			return
		}
		d.places[path] = positionOf(start(n))
		v.SetBool(b.Value)
	case reflect.String:
		var text string
		if !d.text(n, path, &text) {
			return
		}
		if text == "" {
			d.empty(path, "text")
			return
		}
		v.SetString(text)
	default:
		panic(fmt.Sprintf("spec: no way to decode a %s at %s", v.Type(), path))
	}
}

// mapping calls each for the pairs of a mapping whose keys are not repeated.
func (d decoder) mapping(n ast.Node, path string, each func(key string, at position, value ast.Node)) {
	pairs, ok := n.(*ast.MappingNode)
	if !ok {
		d.refuse(n, path, "key: value pairs")
		return
	}
	first := map[string]position{}
	for _, pair := range pairs.Values {
		token := pair.Key.GetToken()
		at := positionOf(token)
		if before, repeated := first[token.Value]; repeated {
			d.addAt(at, path, "has the key %s twice, first in line %d: remove one", quote(token.Value), before.line)
			continue
		}
		first[token.Value] = at
		each(token.Value, at, pair.Value)
	}
}

// field decodes the value of a struct's field, by the name in its json tag.
func (d decoder) field(key string, at position, value ast.Node, v reflect.Value, path string) {
	var known []string
	for i := range v.NumField() {
		name := jsonName(v.Type().Field(i))
		if name == key {
			d.places[join(path, key)] = at
			d.value(value, v.Field(i), join(path, key))
			return
		}
		known = append(known, name)
	}
	if meant := nearest(key, known); meant != "" {
		d.addAt(at, path, "has the unknown key %s: did you mean %s?", quote(key), meant)
		d.silent[join(path, meant)] = true
		return
	}
	d.addAt(at, path, "has the unknown key %s: want %s", quote(key), choice(known))
}

// number is what other readers of YAML take for one, even if this parser does
// not: 0123456789, which cannot be octal.
var number = regexp.MustCompile(`^[-+]?[0-9][0-9_]*$`)

func (d decoder) refuseNumber(n ast.Node, path string) {
	d.addAt(positionOf(start(n)), path, "is a number to YAML, which may drop zeros: put it in quotes, %q", n.GetToken().Value)
	d.silent[path] = true
}

// text stores the text of a scalar.
func (d decoder) text(n ast.Node, path string, to *string) bool {
	switch n := n.(type) {
	case *ast.StringNode:
		if n.Token.Type == token.StringType && number.MatchString(n.Value) {
			d.refuseNumber(n, path)
			return false
		}
		*to = n.Value
	case *ast.LiteralNode:
		*to = n.Value.Value
	default:
		d.refuse(n, path, "text")
		return false
	}
	d.places[path] = positionOf(start(n))
	return true
}

// refuse notes a value of the wrong type. After that nothing else is said
// about the value or about what it should have held.
func (d decoder) refuse(n ast.Node, path, want string) {
	at := positionOf(start(n))
	written := n.GetToken().Value
	switch n.(type) {
	case *ast.NullNode:
		d.add(path, "has no value: want %s, or remove the key", want)
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		if want == "text" {
			d.refuseNumber(n, path)
		} else {
			d.addAt(at, path, "is the number %s: want %s", written, want)
		}
	case *ast.BoolNode:
		if want == "text" {
			d.addAt(at, path, "is a truth value to YAML: put it in quotes, %q", written)
		} else {
			d.addAt(at, path, "is %s: want %s", written, want)
		}
	case *ast.MappingNode:
		d.addAt(at, path, "is key: value pairs: want %s", want)
	case *ast.SequenceNode:
		d.addAt(at, path, "is a list: want %s", want)
	default:
		d.addAt(at, path, "is text: want %s", want)
	}
	d.silent[path] = true
}

// empty notes an empty value: it might mean nothing at all or the default, and
// to security groups the difference matters.
func (d decoder) empty(path, what string) {
	d.add(path, "is an empty %s: give a value, or remove the key if you mean the default", what)
	d.silent[path] = true
}

// start returns the token at which a node begins.
func start(n ast.Node) *token.Token {
	switch n := n.(type) {
	case *ast.MappingNode:
		// A block mapping's own token is its first colon.
		if len(n.Values) > 0 && n.Start.Type == token.MappingValueType {
			return n.Values[0].Key.GetToken()
		}
	case *ast.LiteralNode:
		return n.Start
	}
	return n.GetToken()
}

func positionOf(t *token.Token) position {
	if t == nil || t.Position == nil {
		return position{1, 1}
	}
	if t.Type == token.ImplicitNullType && t.Prev != nil {
		// What is left out is after the sign that announces it.
		t = t.Prev
	}
	return position{max(1, t.Position.Line), max(1, t.Position.Column)}
}

// jsonName returns the name of a field in its json tag.
func jsonName(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
	return name
}

// nearest returns the one of the names that a misspelt word most likely means,
// or nothing.
func nearest(word string, names []string) string {
	best, least := "", 1+max(1, min(utf8.RuneCountInString(word), 12)/3)
	for _, name := range names {
		if n := distance(strings.ToLower(word), strings.ToLower(name)); n < least {
			best, least = name, n
		}
	}
	return best
}

// distance counts the letters to insert, delete or replace between two words
// (Levenshtein).
func distance(a, b string) int {
	// No word that is meant is this long, and the work grows with the product.
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for i := range row {
		row[i] = i
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := corner
			if a[i] != b[j] {
				replaced++
			}
			corner = row[j+1]
			row[j+1] = min(replaced, row[j]+1, corner+1)
		}
	}
	return row[len(b)]
}
