package main

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/spec"
)

func TestCommittedSchemaIsGenerated(t *testing.T) {
	t.Chdir("..")
	want, err := generate()
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
