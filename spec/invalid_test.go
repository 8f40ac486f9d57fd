package spec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"lakegate/spec"
)

var update = flag.Bool("update", false, "write the golden files")

// TestInvalid holds every file of testdata/invalid against the errors that are
// expected in it. The prefix of a file's name says who has to find them:
//
//	syntax     the parser: it is not one plain YAML document
//	structure  the schema too: keys and types
//	format     the schema too: the text of one field
//	rule       Load alone: the schema finds nothing
//	several    the schema finds some of them
func TestInvalid(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/invalid/*.yaml")
	if err != nil || len(files) < 70 {
		t.Fatalf("testdata/invalid has %d files, error %v", len(files), err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data := read(t, file)
			w, err := spec.Load(filepath.Base(file), data)
			if err == nil {
				t.Fatalf("Load accepts the file: %+v", w)
			}
			if w != nil {
				t.Error("Load returns a workspace beside the error")
			}
			all, ok := errors.AsType[spec.Errors](err)
			if !ok {
				t.Fatalf("the error is a %T, not Errors: %v", err, err)
			}
			checkPlaces(t, data, all)
			golden(t, strings.TrimSuffix(file, ".yaml")+".txt", []byte(err.Error()+"\n"))

			kind, _, _ := strings.Cut(filepath.Base(file), "-")
			if kind == "syntax" {
				return
			}
			schemaErr := compiledSchema(t).Validate(decodeAny(t, data))
			if refused := schemaErr != nil; refused != (kind != "rule") {
				t.Errorf("the schema says %v", schemaErr)
			}
		})
	}
}

// checkPlaces checks that every error points into the file, in order.
func checkPlaces(t *testing.T, data []byte, all spec.Errors) {
	t.Helper()
	lines := bytes.Split(data, []byte("\n"))
	last := spec.FieldError{}
	for _, e := range all {
		if e.Line < 1 || e.Column < 1 || e.Line > len(lines) || e.Column > len(lines[e.Line-1])+1 {
			t.Errorf("%v is not a place in the file", e)
		}
		if e.Line < last.Line || e.Line == last.Line && e.Column < last.Column {
			t.Errorf("%v comes after %v", e, last)
		}
		last = e
	}
}

func TestSyntaxTooLarge(t *testing.T) {
	t.Parallel()
	minimal := read(t, "examples/minimal.yaml")
	fill := func(size int, line string) []byte {
		return append(bytes.Repeat([]byte(line), (size-len(minimal))/len(line)), minimal...)
	}
	if _, err := spec.Load("f", fill(255<<10, "# comment\n")); err != nil {
		t.Errorf("255 KiB of comments: %v", err)
	}
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"bytes": {fill(257<<10, "# comment\n"), "f:1:1: has 263168 bytes: want at most 262144"},
		"words": {fill(20<<10, "a: b\n"), "f:1667:4: has more than 5000 words and signs: want a single workspace spec"},
	} {
		_, err := spec.Load("f", test.data)
		if err == nil || err.Error() != test.want {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(string(read(t, file)), string(got)); diff != "" {
		t.Errorf("%s (-want +got; -update writes it):\n%s", file, diff)
	}
}

func read(t testing.TB, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func compiledSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(spec.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("workspace.schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("workspace.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// decodeAny returns a document as the schema's validator wants it.
func decodeAny(t *testing.T, data []byte) any {
	t.Helper()
	var document any
	if err := yaml.UnmarshalWithOptions(data, &document, yaml.AllowDuplicateMapKey()); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	document, err = jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return document
}
