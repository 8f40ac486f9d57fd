package catalogue_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/invopop/jsonschema"

	"lakegate/lambda/internal/readme"
	"lakegate/lambda/internal/report"
	"lakegate/lambda/internal/report/catalogue"
)

var update = flag.Bool("update", false, "write the schemas, the examples and the part of README.md anew")

// reflector derives schemas from types and comments.
func reflector(t *testing.T) *jsonschema.Reflector {
	t.Helper()
	// Consumers let members pass that they do not know.
	r := &jsonschema.Reflector{DoNotReference: true, AllowAdditionalProperties: true, Anonymous: true}
	for _, folder := range []string{"..", "../../revision"} {
		if err := r.AddGoComments("lakegate/lambda/internal/report/catalogue", folder, jsonschema.WithFullComment()); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range r.CommentMap {
		// The lines of a comment are no paragraphs.
		r.CommentMap[name] = strings.Join(strings.Fields(text), " ")
	}
	return r
}

func schemaOf(t *testing.T, r *jsonschema.Reflector, k catalogue.Kind) []byte {
	t.Helper()
	root := r.Reflect(&report.Event{})
	root.ID = jsonschema.ID("https://lakegate.dev/v1/events/" + k.Name() + ".schema.json")
	root.Title, root.Description = k.DetailType, k.Doc
	data := r.Reflect(k.New())
	data.Version = ""
	root.Properties.Set("data", data)
	out, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range "<>&" {
		out = bytes.ReplaceAll(out, fmt.Appendf(nil, `\u%04x`, c), []byte(string(c)))
	}
	return append(out, '\n')
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s differs (go test ./lambda/internal/report/catalogue -update writes it anew):\n%s", file, diff)
	}
}

func TestSchemasAndExamplesAreThoseOfTheTypes(t *testing.T) {
	t.Parallel()
	r := reflector(t)
	for _, k := range catalogue.Kinds() {
		schema := schemaOf(t, r, k)
		if !bytes.Contains(schema, []byte("IdempotencyKey is the same")) {
			t.Errorf("the schema of %s lacks the comments of the types", k.DetailType)
		}
		golden(t, k.Name()+".schema.json", schema)
		example, err := json.MarshalIndent(k.Example, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, filepath.Join("testdata", k.Name()+".json"), append(example, '\n'))
	}
}

func TestExamplesKeepTheirSchemas(t *testing.T) {
	t.Parallel()
	for _, k := range catalogue.Kinds() {
		detail, err := json.Marshal(k.Example)
		if err != nil {
			t.Fatal(err)
		}
		if err := catalogue.Check(k.DetailType, detail); err != nil {
			t.Errorf("%s: %v", k.DetailType, err)
		}
	}
}

func TestEventsThatAreWrongAreFound(t *testing.T) {
	t.Parallel()
	detail, err := json.Marshal(catalogue.Kinds()[0].Example)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ detailType, detail string }{
		"unknown kind":   {"Workspace Vanished", string(detail)},
		"no object":      {report.Planned, `[]`},
		"no JSON":        {report.Planned, `{`},
		"missing member": {report.Planned, `{"metadata":{},"data":{}}`},
		"wrong type":     {report.Planned, strings.Replace(string(detail), `"workspace":"tokyo"`, `"workspace":1`, 1)},
		"no time":        {report.Planned, strings.Replace(string(detail), `"timestamp":"2026-11-02T09:00:00Z"`, `"timestamp":"today"`, 1)},
		"invented":       {report.Planned, strings.Replace(string(detail), `"data":{`, `"data":{"invented":1,`, 1)},
		"other data":     {report.Ready, string(detail)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := catalogue.Check(c.detailType, []byte(c.detail)); err == nil {
				t.Error("it was taken")
			}
		})
	}
}

func TestREADMEIsDerived(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| detail-type | is sent when | schema and example |\n| --- | --- | --- |\n")
	const folder = "lambda/internal/report/catalogue/"
	for _, k := range catalogue.Kinds() {
		fmt.Fprintf(&table, "| `%s` | %s | [schema](%s), [example](%s) |\n",
			k.DetailType, k.Doc, folder+k.Name()+".schema.json", folder+"testdata/"+k.Name()+".json")
	}
	readme.Derive(t, "../../../../README.md", map[string]string{"events": table.String()}, *update)
}
