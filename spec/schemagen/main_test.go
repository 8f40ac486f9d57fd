package main

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/spec"
)

func TestCommittedIsGenerated(t *testing.T) {
	t.Chdir("..")
	schema, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	again, err := withReference(text, schema)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(again), string(text)); diff != "" {
		t.Errorf("README.md is out of date: run go generate ./spec (-want +got):\n%s", diff)
	}
	want, err := encode(schema)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(spec.Schema)); diff != "" {
		t.Errorf("workspace.schema.json is out of date: run go generate ./spec (-want +got):\n%s", diff)
	}
}

// node is the part of a schema that the test looks at.
type node struct {
	Ref                  string          `json:"$ref"`
	Defs                 map[string]node `json:"$defs"`
	Type                 string          `json:"type"`
	Description          string          `json:"description"`
	Pattern              string          `json:"pattern"`
	Enum                 []string        `json:"enum"`
	Properties           map[string]node `json:"properties"`
	AdditionalProperties json.RawMessage `json:"additionalProperties"`
}

func TestSchemaIsStrictAndExplained(t *testing.T) {
	t.Parallel()
	var schema node
	if err := json.Unmarshal(spec.Schema, &schema); err != nil {
		t.Fatal(err)
	}
	if len(schema.Defs) == 0 {
		t.Fatal("the schema has no definitions")
	}
	for name, def := range schema.Defs {
		if string(def.AdditionalProperties) != "false" || len(def.Properties) == 0 {
			t.Errorf("%s allows unknown keys, or has no known ones", name)
		}
		if def.Description == "" {
			t.Errorf("%s has no description", name)
		}
		for key, property := range def.Properties {
			if property.Description == "" {
				t.Errorf("%s.%s has no description", name, key)
			}
			if property.Type == "string" && property.Pattern == "" && property.Enum == nil {
				t.Errorf("%s.%s accepts any text", name, key)
			}
		}
	}
}

func TestReference(t *testing.T) {
	t.Chdir("..")
	schema, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	table := reference(schema)
	rows := map[string]bool{}
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| `") {
			continue
		}
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, ""), "|")
		if len(cells) != 6 || strings.TrimSpace(cells[4]) == "" {
			t.Errorf("no row of four cells that says something: %s", line)
		}
		if rows[cells[1]] {
			t.Errorf("%s is there twice", cells[1])
		}
		rows[cells[1]] = true
	}
	fields := 0
	for name, definition := range schema.Definitions {
		fields += definition.Properties.Len()
		for at := definition.Properties.Oldest(); at != nil; at = at.Next() {
			if _, rest, found := strings.Cut(at.Value.Description, "Default: "); found && strings.Contains(rest, "Default: ") {
				t.Errorf("%s.%s has two defaults", name, at.Key)
			}
		}
	}
	if len(rows) != fields {
		t.Errorf("there are %d rows for %d fields", len(rows), fields)
	}
	for _, row := range []string{
		"| `spec.aws.accountId` | 12 digits in quotes, such as \"123456789012\" | *required* | accountId is the 12-digit id of the AWS account, in quotes. |\n",
		"| `spec.change.stopCompute` | true or false | false | ",
		"| `spec.network.endpoints.sts` | as `spec.network.endpoints.s3` |  | ",
		"| `spec.network.workspaceSubnets[]` | 2 to 6 | two | ",
		"| `spec.network.vpc.name` | 1 to 255 characters: letters, digits, inner spaces and \\_.:/=+-@ | &lt;metadata.name&gt;-vpc | ",
	} {
		if !strings.Contains(table, row) {
			t.Errorf("there is no row %s", row)
		}
	}
}
