package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/invopop/jsonschema"

	"lakegate/spec"
)

// render returns a spec as it is, without a comment.
func render(w spec.Workspace) ([]byte, error) {
	text, err := yaml.Marshal(w)
	if err != nil {
		return nil, fmt.Errorf("encoding the spec: %w", err)
	}
	return text, nil
}

// write returns the text of a new spec. Lines that begin with ## are the
// descriptions of the JSON Schema; those that begin with # are fields that may be
// left out. Without their # they are valid, and most of them what holds without
// them too.
func write(w spec.Workspace, schema string) ([]byte, error) {
	var root jsonschema.Schema
	if err := json.Unmarshal(spec.Schema, &root); err != nil {
		return nil, fmt.Errorf("decoding the JSON Schema: %w", err)
	}
	t := &writer{definitions: root.Definitions, examples: map[string]bool{
		"spec.aws.accountId":        w.Spec.AWS.AccountID == "",
		"spec.databricks.accountId": w.Spec.Databricks.AccountID == "",
	}}
	t.line("", "# yaml-language-server: $schema="+schema)
	t.line("", "")
	t.text("", "Lines with two signs describe the field below them. A field with one sign is left out: take the sign and the blank after it away from each of its lines to set it.")
	if err := t.fields("", "", reflect.ValueOf(full(withAccounts(w)))); err != nil {
		return nil, err
	}
	return []byte(t.out.String()), nil
}

// full is a spec in which every field has a value that it may have: its default,
// or what an author might mean by it.
func full(w spec.Workspace) spec.Workspace {
	w.Default()
	w.Metadata.Annotations = map[string]string{spec.Protected: "true"}
	s := &w.Spec
	s.AWS.RoleARN = "arn:aws:iam::" + s.AWS.AccountID + ":role/lakegate"
	s.Databricks.DeploymentName = w.Metadata.Name
	// They are many, and seldom changed.
	s.Network.SecurityGroups.Workspace.Rules, s.Network.SecurityGroups.Endpoint.Rules = nil, nil
	s.Metastore = spec.Metastore{Glue: &spec.Glue{}}
	s.Egress = spec.Egress{Routes: []spec.EgressRoute{{Destination: "0.0.0.0/0", Target: "tgw-0a1b2c3d4e5f60718"}}}
	s.Encryption = spec.Encryption{ManagedServicesKey: &spec.Key{}, StorageKey: &spec.Key{}}
	s.Change = spec.Change{StopCompute: true}
	s.Suspend = true
	s.Tags = map[string]string{"team": "data"}
	return w
}

// width of the descriptions, with what is before them.
const width = 80

type writer struct {
	out         strings.Builder
	definitions jsonschema.Definitions
	// examples are the paths of required fields whose value the author did not
	// give.
	examples map[string]bool
}

// fields writes the fields of a struct: those that are required as they are,
// the others as comments.
func (t *writer) fields(indent, path string, v reflect.Value) error {
	definition := t.definitions[v.Type().Name()]
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
		property, ok := definition.Properties.Get(key)
		if !ok {
			return fmt.Errorf("the JSON Schema of %s has no property %s", v.Type().Name(), key)
		}
		required := slices.Contains(definition.Required, key)
		// What can have one value only explains itself.
		if len(property.Enum) != 1 {
			t.describe(indent, property.Description, t.examples[path+key])
		}
		if required && v.Field(i).Kind() == reflect.Struct {
			t.line(indent, key+":")
			if err := t.fields(indent+"  ", path+key+".", v.Field(i)); err != nil {
				return err
			}
			continue
		}
		text, err := yaml.Marshal(map[string]any{key: v.Field(i).Interface()})
		if err != nil {
			return fmt.Errorf("encoding %s%s: %w", path, key, err)
		}
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimRight(line, "\n"); !required {
				line = "# " + line
			}
			t.line(indent, line)
		}
	}
	return nil
}

func (t *writer) describe(indent, description string, example bool) {
	if example {
		description += " THIS ONE IS AN EXAMPLE: write yours."
	}
	if indent != "" || !strings.HasSuffix(t.out.String(), "\n\n") {
		t.line("", "")
	}
	t.text(indent, description)
}

// text writes a text in lines of the width.
func (t *writer) text(indent, text string) {
	line := "##"
	for word := range strings.FieldsSeq(text) {
		if len(indent)+utf8.RuneCountInString(line+" "+word) > width {
			t.line(indent, line)
			line = "##"
		}
		line += " " + word
	}
	t.line(indent, line)
}

func (t *writer) line(indent, text string) {
	if text != "" {
		text = indent + text
	}
	t.out.WriteString(text + "\n")
}
