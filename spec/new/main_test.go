package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"lakegate/spec"
)

// written returns what the command writes.
func written(t *testing.T, args ...string) (file, text string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "osaka.yaml")
	var stdout, stderr bytes.Buffer
	args = append([]string{"-name", "osaka", "-region", "ap-northeast-1", "-out", file, "-schema", "../workspace.schema.json"}, args...)
	if err := run(args, &stdout, &stderr); err != nil {
		t.Fatal(err)
	}
	if stdout.String() != file+"\n" || stderr.Len() > 0 {
		t.Errorf("it says %q and %q", stdout.String(), stderr.String())
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return file, string(data)
}

func load(t *testing.T, text string) *spec.Workspace {
	t.Helper()
	w, err := spec.Load("osaka.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestNewIsValid(t *testing.T) {
	t.Parallel()
	file, text := written(t)
	w := load(t, text)
	if w.Metadata.Name != "osaka" || w.Spec.Region != "ap-northeast-1" {
		t.Errorf("it is %s in %s", w.Metadata.Name, w.Spec.Region)
	}
	if got := strings.Count(text, "EXAMPLE"); got != 2 {
		t.Errorf("%d values are said to be examples", got)
	}
	first, _, _ := strings.Cut(text, "\n")
	way, found := strings.CutPrefix(first, "# yaml-language-server: $schema=")
	if !found {
		t.Fatalf("the first line is %s", first)
	}
	linked, err := os.ReadFile(filepath.Join(filepath.Dir(file), way))
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(linked, spec.Schema) {
		t.Errorf("%s is not the JSON Schema", way)
	}
	for line := range strings.Lines(text) {
		if strings.Contains(line, "##") && len([]rune(line)) > width+1 {
			t.Errorf("the line is too long: %s", line)
		}
	}
	checkSchema(t, text)

	_, text = written(t, "-account", "210987654321", "-databricks-account", "0d26daa6-5e44-4c97-a497-ef015f91254a")
	if w := load(t, text); w.Spec.AWS.AccountID != "210987654321" || w.Spec.Databricks.AccountID != "0d26daa6-5e44-4c97-a497-ef015f91254a" {
		t.Errorf("the accounts are %+v", w.Spec)
	}
	if strings.Contains(text, "EXAMPLE") {
		t.Error("what the author gave is said to be an example")
	}
}

func checkSchema(t *testing.T, text string) {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(spec.Schema))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("schema.json", document); err != nil {
		t.Fatal(err)
	}
	schema, err := compiler.Compile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		t.Fatal(err)
	}
	if err := schema.Validate(value); err != nil {
		t.Errorf("%v\n%s", err, text)
	}
}

// uncommented sets one field that is left out, as an author does.
func uncommented(t *testing.T, text, indent, key string) string {
	t.Helper()
	var out strings.Builder
	within, done := false, false
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, indent+"# "+key+":") {
			within, done = true, true
		} else if !strings.HasPrefix(line, indent+"#  ") && !strings.HasPrefix(line, indent+"# -") {
			within = false
		}
		if within {
			line = indent + strings.TrimPrefix(line, indent+"# ")
		}
		out.WriteString(line)
	}
	if !done {
		t.Fatalf("%s is not mentioned", key)
	}
	return out.String()
}

// changes are the fields that make another workspace of it. Of annotations and
// change the digest knows nothing.
var changes = map[string]bool{
	"roleArn": true, "deploymentName": true, "metastore": true, "egress": true, "encryption": true, "suspend": true, "tags": true,
}

// needs are the fields that another one cannot be without.
var needs = map[string]string{"egress": "  network: {vpc: {id: vpc-0a1b2c3d4e5f60718, cidr: 10.0.0.0/22}}\n"}

// TestEveryField checks that each field can be set by itself, and that what is
// shown of it is its default, or an example.
func TestEveryField(t *testing.T) {
	t.Parallel()
	_, text := written(t)
	digest := spec.Digest(load(t, text))
	count := 0
	for _, part := range []struct {
		indent string
		of     reflect.Type
	}{
		{"  ", reflect.TypeFor[spec.Metadata]()}, {"  ", reflect.TypeFor[spec.Spec]()},
		{"    ", reflect.TypeFor[spec.AWS]()}, {"    ", reflect.TypeFor[spec.Databricks]()},
	} {
		for i := range part.of.NumField() {
			key, options, _ := strings.Cut(part.of.Field(i).Tag.Get("json"), ",")
			if options == "" {
				if !strings.Contains(text, "\n"+part.indent+key+":") {
					t.Errorf("%s is not set", key)
				}
				continue
			}
			count++
			set := uncommented(t, text, part.indent, key) + needs[key]
			w := load(t, set)
			checkSchema(t, set)
			if changed := spec.Digest(w) != digest; changed != changes[key] {
				t.Errorf("%s: says otherwise %v, want %v", key, changed, changes[key])
			}
		}
	}
	if count < 15 {
		t.Errorf("there are %d fields", count)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	present := filepath.Join(dir, "kobe.yaml")
	if err := os.WriteFile(present, []byte("mine"), 0o644); err != nil {
		t.Fatal(err)
	}
	regions := strings.Join(spec.RegionNames()[:3], ", ")
	for _, test := range []struct {
		name string
		args []string
		want []string
	}{
		{"nothing", nil, []string{"metadata.name: is missing: want 2 to 32", "spec.region: is missing: want " + regions}},
		{"a name", []string{"-name", "Kobe", "-region", "eu-west-1"}, []string{`metadata.name: "Kobe" is not a workspace's name`}},
		{"a name that is YAML", []string{"-name", "x\nkind: y", "-region", "eu-west-1"}, []string{"metadata.name"}},
		{"a region", []string{"-name", "kobe", "-region", "eu-wset-1"}, []string{`spec.region: "eu-wset-1"`, "eu-west-1"}},
		{"an unknown region", []string{"-name", "kobe", "-region", "mars-1"}, []string{`spec.region: "mars-1"`, regions}},
		{"an account", []string{"-name", "kobe", "-region", "eu-west-1", "-account", "1"}, []string{"spec.aws.accountId"}},
		{"another file name", []string{"-name", "kobe", "-region", "eu-west-1", "-out", filepath.Join(dir, "osaka.yaml")}, []string{"call the file kobe.yaml"}},
		{"a file", []string{"-name", "kobe", "-region", "eu-west-1", "-out", present}, []string{"file exists"}},
		{"a folder", []string{"-name", "kobe", "-region", "eu-west-1", "-out", filepath.Join(dir, "none", "kobe.yaml")}, []string{"no such file"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := test.args
			var stdout, stderr bytes.Buffer
			err := run(args, &stdout, &stderr)
			if err == nil {
				t.Fatalf("it writes %s", stdout.String())
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("it says %v, want %s", err, want)
				}
			}
		})
	}
	t.Cleanup(func() {
		left, err := os.ReadDir(dir)
		if err != nil || len(left) != 1 {
			t.Errorf("there is %v, error %v", left, err)
		}
		if data, _ := os.ReadFile(present); string(data) != "mine" {
			t.Errorf("the file has become %s", data)
		}
	})
}
