package spec_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"lakegate/spec"
)

var update = flag.Bool("update", false, "write the golden messages")

func TestExamples(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	for _, file := range glob(t, "examples/*.yaml") {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			text := read(t, file)
			w, err := spec.Load(file, text)
			if err != nil {
				t.Fatal(err)
			}
			if err := spec.CheckFileName(file, w.Metadata.Name); err != nil {
				t.Error(err)
			}
			if err := schema.Validate(asJSON(t, text)); err != nil {
				t.Errorf("the schema refuses it: %v", err)
			}
			// Spelled out, it is the same spec.
			spelled, err := yaml.MarshalWithOptions(w, yaml.UseJSONMarshaler())
			if err != nil {
				t.Fatal(err)
			}
			again, err := spec.Decode(file, spelled)
			if err != nil {
				t.Fatalf("%v\n%s", err, spelled)
			}
			if spec.Digest(w) != spec.Digest(again) {
				t.Errorf("spelled out it is another spec:\n%s", cmp.Diff(w, again))
			}
		})
	}
}

// Every bad spec is refused with exactly the messages beside it.
func TestInvalid(t *testing.T) {
	t.Parallel()
	files := glob(t, "testdata/invalid/*.yaml")
	if len(files) < 100 {
		t.Errorf("there are %d bad specs only", len(files))
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			_, err := spec.Load(filepath.Base(file), read(t, file))
			if err == nil {
				t.Fatal("it was accepted")
			}
			got := err.Error() + "\n"
			golden := strings.TrimSuffix(file, ".yaml") + ".txt"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(string(read(t, golden)), got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	text := read(t, "examples/minimal.yaml")
	for name, big := range map[string][]byte{
		"bytes":  append(bytes.Clone(text), bytes.Repeat([]byte("# padding\n"), 30_000)...),
		"words":  append(bytes.Clone(text), bytes.Repeat([]byte("a: b\n"), 5_000)...),
		"nested": append([]byte("a: "), bytes.Repeat([]byte("["), 4_000)...),
	} {
		if _, err := spec.Load("big.yaml", big); err == nil {
			t.Errorf("%s: it was accepted", name)
		}
	}
}

func TestFileName(t *testing.T) {
	t.Parallel()
	for file, ok := range map[string]bool{
		"tokyo.yaml": true, "specs/tokyo.yml": true, "osaka.yaml": false, "tokyo.json": false, "Tokyo.yaml": false,
	} {
		if err := spec.CheckFileName(file, "tokyo"); (err == nil) != ok {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// The Tokyo example yields the procedure's network, name by name.
func TestTokyo(t *testing.T) {
	t.Parallel()
	w := load(t, "examples/tokyo.yaml")
	n := w.Spec.Network
	got := []string{n.VPC.Name, n.VPC.CIDR}
	for _, s := range append(slices.Clone(n.WorkspaceSubnets), n.EndpointSubnet) {
		got = append(got, s.Name, s.CIDR)
	}
	got = append(got, n.EndpointRouteTable.Name, n.SecurityGroups.Workspace.Name, n.SecurityGroups.Endpoint.Name)
	want := []string{
		"privatelink-test", "10.0.0.0/22", "databricks-ws-1", "10.0.1.0/24", "databricks-ws-2", "10.0.2.0/24",
		"databricks-vpce", "10.0.3.0/24", "private-link-vpe-rt", "pl-sg-1", "pl-sg-2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if rules := n.SecurityGroups; len(rules.Workspace.Rules) != 7 || len(rules.Endpoint.Rules) != 4 {
		t.Errorf("the groups have %d and %d rules", len(rules.Workspace.Rules), len(rules.Endpoint.Rules))
	}
}

// What is left out comes out as the comments of the fields say.
func TestDefaults(t *testing.T) {
	t.Parallel()
	w := load(t, "examples/minimal.yaml")
	text, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	const golden = "testdata/minimal.json"
	if *update {
		if err := os.WriteFile(golden, append(text, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(string(read(t, golden)), string(text)+"\n"); diff != "" {
		t.Error(diff)
	}
}

// Whatever VPC is given, the derived spec is valid or is refused; defaults are
// filled in once; and the subnets are inside the VPC and apart.
func TestDerivedNetwork(t *testing.T) {
	t.Parallel()
	text := string(read(t, "examples/minimal.yaml"))
	rapid.Check(t, func(t *rapid.T) {
		bits := rapid.IntRange(8, 30).Draw(t, "bits")
		block := prefix(rapid.Uint32().Draw(t, "address"), bits)
		w, err := spec.Load("minimal.yaml", []byte(text+"  network: {vpc: {cidr: "+block.String()+"}}\n"))
		if err != nil {
			if _, ok := errors.AsType[spec.Errors](err); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			if bits >= 16 && bits <= 24 && block.Addr().IsPrivate() && !strings.Contains(err.Error(), "overlaps") {
				t.Fatalf("a VPC of %s was refused: %v", block, err)
			}
			return
		}
		n := w.Spec.Network
		blocks := []string{n.WorkspaceSubnets[0].CIDR, n.WorkspaceSubnets[1].CIDR, n.EndpointSubnet.CIDR}
		for i, a := range blocks {
			p := parse(t, a)
			if !block.Contains(p.Addr()) || p.Bits() != bits+2 {
				t.Fatalf("%s is no quarter of %s", a, block)
			}
			for _, b := range blocks[:i] {
				if p.Overlaps(parse(t, b)) {
					t.Fatalf("%s overlaps %s", a, b)
				}
			}
		}
		before := spec.Digest(w)
		w.Default()
		if spec.Digest(w) != before {
			t.Fatal("a second Default changed something")
		}
	})
}

func TestDigest(t *testing.T) {
	t.Parallel()
	text := read(t, "examples/minimal.yaml")
	same := append([]byte("# a comment\n"), text...)
	same = append(same, "  network: {vpc: {cidr: 10.0.0.0/22}}\n"...)
	other := append(bytes.Clone(text), "  network: {vpc: {cidr: 10.1.0.0/22}}\n"...)
	a, b, c := loadText(t, text), loadText(t, same), loadText(t, other)
	if spec.Digest(a) != spec.Digest(b) {
		t.Error("a comment and a spelled-out default make another digest")
	}
	if spec.Digest(a) == spec.Digest(c) {
		t.Error("another VPC has the same digest")
	}
}

func TestRegions(t *testing.T) {
	t.Parallel()
	names := spec.RegionNames()
	if len(names) < 16 {
		t.Errorf("there are %d regions", len(names))
	}
	seen := map[string]string{}
	for _, name := range names {
		r, ok := spec.LookupRegion(name)
		if !ok || r.Supported() != nil || len(r.WorkspaceServices) == 0 || r.RelayService == "" {
			t.Errorf("%s: %+v", name, r)
		}
		for _, s := range append(slices.Clone(r.WorkspaceServices), r.RelayService) {
			if !strings.HasPrefix(s, "com.amazonaws.vpce."+name+".vpce-svc-") {
				t.Errorf("%s has the service %s", name, s)
			}
			if other := seen[s]; other != "" {
				t.Errorf("%s and %s have the same service %s", name, other, s)
			}
			seen[s] = name
		}
	}
	if r, _ := spec.LookupRegion("ap-southeast-3"); len(r.WorkspaceServices) != 2 {
		t.Errorf("the services of ap-southeast-3 are %v; sources disagree about two", r.WorkspaceServices)
	}
}

// The committed schema is the one of the types, and every field has a
// description.
func TestSchemaIsGenerated(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "go", "run", "./schemagen", "-print").Output()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(spec.Schema), string(out)); diff != "" {
		t.Errorf("workspace.schema.json is out of date (go generate ./spec):\n%s", diff)
	}
	var root map[string]any
	if err := json.Unmarshal(spec.Schema, &root); err != nil {
		t.Fatal(err)
	}
	describe(t, root, "")
}

func describe(t *testing.T, s map[string]any, path string) {
	t.Helper()
	if items, ok := s["items"].(map[string]any); ok {
		describe(t, items, path)
	}
	properties, _ := s["properties"].(map[string]any)
	if properties != nil && s["additionalProperties"] != false {
		t.Errorf("%s takes unknown keys", path)
	}
	for _, key := range slices.Sorted(maps.Keys(properties)) {
		field, _ := properties[key].(map[string]any)
		if field["description"] == nil || field["description"] == "" {
			t.Errorf("%s.%s has no description", path, key)
		}
		describe(t, field, path+"."+key)
	}
}

// What is wrong by structure alone, the schema refuses as well.
func TestSchemaRefuses(t *testing.T) {
	t.Parallel()
	schema := compileSchema(t)
	for _, name := range []string{
		"api-version", "kind", "kind-missing", "name-upper-case", "number-for-account", "unknown-key", "unknown-top-level",
		"text-for-list", "text-for-truth", "number-for-port", "region-unknown", "databricks-account-no-uuid", "vpc-id",
		"rule-direction", "rule-protocol", "list-for-text",
	} {
		if err := schema.Validate(asJSON(t, read(t, "testdata/invalid/"+name+".yaml"))); err == nil {
			t.Errorf("the schema accepts %s", name)
		}
	}
}

func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"examples/*.yaml", "testdata/invalid/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(text)
		}
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		w, err := spec.Load("fuzz.yaml", text)
		if err != nil {
			if errs, ok := errors.AsType[spec.Errors](err); !ok || len(errs) == 0 {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		before := spec.Digest(w)
		w.Default()
		if spec.Digest(w) != before {
			t.Error("a second Default changed something")
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	text, err := os.ReadFile("examples/tokyo.yaml")
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := spec.Load("tokyo.yaml", text); err != nil {
			b.Fatal(err)
		}
	}
}
