// Command schemagen writes workspace.schema.json and the reference in the README
// from the types of package spec: their doc comments become descriptions, their
// format tags patterns and lists of values. Run it with go generate in the folder
// spec.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"reflect"
	"strings"

	"github.com/invopop/jsonschema"

	"lakegate/spec"
)

const file = "workspace.schema.json"

func main() {
	log.SetFlags(0)
	if err := write(); err != nil {
		log.Fatal(err)
	}
}

func write() error {
	root, err := generate()
	if err != nil {
		return err
	}
	schema, err := encode(root)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(readme)
	if err != nil {
		return err
	}
	if text, err = withReference(text, root); err != nil {
		return err
	}
	if err := os.WriteFile(readme, text, 0o644); err != nil {
		return err
	}
	return os.WriteFile(file, schema, 0o644)
}

// generate returns the schema. It reads the comments from the sources in the
// working directory, which must be the folder spec.
func generate() (*jsonschema.Schema, error) {
	reflector := jsonschema.Reflector{BaseSchemaID: "https://lakegate.dev"}
	if err := reflector.AddGoComments("lakegate/spec", "./", jsonschema.WithFullComment()); err != nil {
		return nil, fmt.Errorf("reading the comments of package spec: %w", err)
	}
	for name, text := range reflector.CommentMap {
		// The lines of a comment are no paragraphs.
		reflector.CommentMap[name] = strings.Join(strings.Fields(text), " ")
	}
	root := reflector.Reflect(&spec.Workspace{})
	root.ID = "https://lakegate.dev/v1/workspace.schema.json"
	root.Title = "Lakegate workspace"
	if err := describe(root.Definitions, reflect.TypeFor[spec.Workspace]()); err != nil {
		return nil, err
	}
	return root, nil
}

func encode(root *jsonschema.Schema) ([]byte, error) {
	schema, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encoding the schema: %w", err)
	}
	// The library escapes for HTML, whatever its caller says.
	for _, c := range "<>&" {
		schema = bytes.ReplaceAll(schema, fmt.Appendf(nil, `\u%04x`, c), []byte(string(c)))
	}
	return append(schema, '\n'), nil
}

// describe puts the formats of a type's fields, and of the types below, into
// their properties, and calls fields as authors do: accountId, not AccountID.
func describe(definitions jsonschema.Definitions, t reflect.Type) error {
	switch t.Kind() {
	case reflect.Slice, reflect.Pointer:
		return describe(definitions, t.Elem())
	case reflect.Struct:
	default:
		return nil
	}
	for i := range t.NumField() {
		field := t.Field(i)
		key, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		property, ok := definitions[t.Name()].Properties.Get(key)
		if !ok {
			return fmt.Errorf("the schema of %s has no property %s", t.Name(), key)
		}
		if rest, begins := strings.CutPrefix(property.Description, field.Name+" "); begins && key != strings.ToLower(key) {
			property.Description = key + " " + rest
		}
		list := field.Type == reflect.TypeFor[[]string]()
		if field.Type.Kind() != reflect.String && !list {
			if err := describe(definitions, field.Type); err != nil {
				return err
			}
			continue
		}
		if list {
			property = property.Items
		}
		format, ok := spec.LookupFormat(field.Tag.Get("format"))
		if !ok {
			return fmt.Errorf("%s.%s has the unknown format %q", t.Name(), field.Name, field.Tag.Get("format"))
		}
		property.Pattern = format.Pattern
		for _, value := range format.OneOf {
			property.Enum = append(property.Enum, value)
		}
		if format.Max > 0 {
			property.MinLength, property.MaxLength = new(uint64(format.Min)), new(uint64(format.Max))
		}
	}
	return nil
}
