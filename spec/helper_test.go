package spec_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"lakegate/spec"
)

// failer is what testing.T and rapid.T share.
type failer interface {
	Helper()
	Fatal(...any)
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no file is called %s: %v", pattern, err)
	}
	return files
}

func read(t *testing.T, file string) []byte {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func load(t *testing.T, file string) *spec.Workspace {
	t.Helper()
	return loadText(t, read(t, file))
}

func loadText(t *testing.T, text []byte) *spec.Workspace {
	t.Helper()
	w, err := spec.Load("spec.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func parse(t failer, cidr string) netip.Prefix {
	t.Helper()
	p, err := netip.ParsePrefix(cidr)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func prefix(address uint32, bits int) netip.Prefix {
	a := netip.AddrFrom4([4]byte{byte(address >> 24), byte(address >> 16), byte(address >> 8), byte(address)})
	return netip.PrefixFrom(a, bits).Masked()
}

func compileSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	text, err := jsonschema.UnmarshalJSON(bytes.NewReader(spec.Schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("workspace.schema.json", text); err != nil {
		t.Fatal(err)
	}
	schema, err := c.Compile("workspace.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// asJSON reads YAML as an editor does.
func asJSON(t *testing.T, text []byte) any {
	t.Helper()
	out, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(out))
	if err != nil {
		t.Fatal(err)
	}
	return v
}
