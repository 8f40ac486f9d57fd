package main

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/invopop/jsonschema"

	"lakegate/spec"
)

const (
	readme         = "../README.md"
	beginReference = "<!-- begin spec reference -->\n"
	endReference   = "<!-- end spec reference -->\n"
)

// withReference returns the text of the README with the reference of today.
func withReference(text []byte, schema *jsonschema.Schema) ([]byte, error) {
	before, rest, begins := bytes.Cut(text, []byte(beginReference))
	_, after, ends := bytes.Cut(rest, []byte(endReference))
	if !begins || !ends {
		return nil, fmt.Errorf("%s has no lines %q and %q", readme, strings.TrimSpace(beginReference), strings.TrimSpace(endReference))
	}
	return bytes.Join([][]byte{before, []byte(beginReference), []byte(reference(schema)), []byte(endReference), after}, nil), nil
}

// reference is a table of all fields.
func reference(schema *jsonschema.Schema) string {
	t := table{definitions: schema.Definitions, first: map[string]string{}}
	t.out.WriteString("<details>\n<summary>Every field</summary>\n\n")
	t.out.WriteString("| field | value | default | |\n| --- | --- | --- | --- |\n")
	t.fields("", reflect.TypeFor[spec.Workspace]())
	t.out.WriteString("\n</details>\n")
	return t.out.String()
}

// table is written from the schema, which has the comments, and from the types,
// which have the formats.
type table struct {
	out         strings.Builder
	definitions jsonschema.Definitions
	// first is the path at which a type was written.
	first map[string]string
}

func (t *table) fields(path string, of reflect.Type) {
	definition := t.definitions[of.Name()]
	for i := range of.NumField() {
		field := of.Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		property, _ := definition.Properties.Get(key)
		at := path + key
		says, preset, _ := strings.Cut(property.Description, "Default: ")
		says, preset = strings.TrimSpace(says), strings.TrimSuffix(preset, ".")
		inner, many := field.Type, false
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			many = many || inner.Kind() == reflect.Slice
			inner = inner.Elem()
		}
		if many {
			at += "[]"
		}
		value := escape(valueOf(field, property, many))
		first, written := t.first[inner.Name()]
		if inner.Kind() == reflect.Struct && written {
			value = strings.TrimSpace(value + " as `" + first + "`")
		}
		preset = escape(preset)
		if slices.Contains(definition.Required, key) {
			preset = "*required*"
		}
		fmt.Fprintf(&t.out, "| `%s` | %s | %s | %s |\n", at, value, preset, escape(says))
		if inner.Kind() == reflect.Struct && !written {
			t.first[inner.Name()] = at
			t.fields(at+".", inner)
		}
	}
}

// escape keeps a text from being read as Markdown.
var escape = strings.NewReplacer(
	`\`, `\\`, `*`, `\*`, `_`, `\_`, "`", "\\`", `[`, `\[`, `]`, `\]`, `|`, `\|`, `<`, `&lt;`, `>`, `&gt;`, `&`, `&amp;`,
).Replace

// valueOf says what may be written.
func valueOf(field reflect.StructField, property *jsonschema.Schema, many bool) string {
	kind := field.Type.Kind()
	if kind == reflect.Pointer {
		kind = field.Type.Elem().Kind()
	}
	value := ""
	switch {
	case kind == reflect.Bool:
		value = "true or false"
	case kind == reflect.Map:
		value = "texts by key"
	case field.Tag.Get("format") != "":
		format, _ := spec.LookupFormat(field.Tag.Get("format"))
		if value = format.Want; format.Max > 0 && !strings.Contains(value, fmt.Sprint(format.Max)) {
			value = fmt.Sprintf("%d to %d characters: %s", format.Min, format.Max, value)
		}
	}
	if !many {
		return value
	}
	bounds := ""
	if property.MinItems != nil && property.MaxItems != nil {
		bounds = fmt.Sprintf("%d to %d", *property.MinItems, *property.MaxItems)
	}
	if value == "" {
		return bounds
	}
	return bounds + " of: " + value
}
