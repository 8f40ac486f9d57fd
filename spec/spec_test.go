package spec_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"

	"lakegate/spec"
)

func load(t testing.TB, file string) *spec.Workspace {
	t.Helper()
	w, err := spec.Load(file, read(t, file))
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestExamples(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("examples/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("examples has %v, error %v", files, err)
	}
	more, err := filepath.Glob("examples/repository/workspaces/*.yaml")
	if err != nil || len(more) == 0 {
		t.Fatalf("the example repository has %v, error %v", more, err)
	}
	for _, file := range slices.Concat(files, more) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			data := read(t, file)
			w := load(t, file)
			if err := spec.CheckFileName(file, w.Metadata.Name); err != nil {
				t.Error(err)
			}
			if err := compiledSchema(t).Validate(decodeAny(t, data)); err != nil {
				t.Error(err)
			}
			first, _, _ := strings.Cut(string(data), "\n")
			schema, found := strings.CutPrefix(first, "# yaml-language-server: $schema=")
			if !found || filepath.Join(filepath.Dir(file), schema) != "workspace.schema.json" {
				t.Error("the first line does not point editors to the schema")
			}
			checkRoundTrip(t, w)
		})
	}
}

// checkRoundTrip checks that a spec with its defaults, written out, is read
// back as the same.
func checkRoundTrip(t testing.TB, w *spec.Workspace) {
	t.Helper()
	for name, marshal := range map[string]func(any) ([]byte, error){"JSON": json.Marshal, "YAML": yaml.Marshal} {
		data, err := marshal(w)
		if err != nil {
			t.Fatal(err)
		}
		again, err := spec.Load("again.yaml", data)
		if err != nil {
			t.Fatalf("reading it back from %s: %v\n%s", name, err, data)
		}
		if diff := cmp.Diff(w, again); diff != "" {
			t.Errorf("read back from %s (-was +is):\n%s", name, diff)
		}
		if spec.Digest(w) != spec.Digest(again) {
			t.Errorf("read back from %s, the digest differs", name)
		}
	}
}

// TestTokyo holds the example against the names, blocks and rules of the
// documented manual procedure.
func TestTokyo(t *testing.T) {
	t.Parallel()
	want := &spec.Workspace{
		APIVersion: "lakegate.dev/v1",
		Kind:       "Workspace",
		Metadata:   spec.Metadata{Name: "tokyo"},
		Spec: spec.Spec{
			Region: "ap-northeast-1",
			AWS:    spec.AWS{AccountID: "123456789012"},
			Databricks: spec.Databricks{
				AccountID:       "8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34",
				WorkspaceName:   "privatelink-test",
				CredentialsName: "tokyo",
				StorageName:     "tokyo",
				NetworkName:     "databricks-privatelink",
			},
			Network: spec.Network{
				VPC: spec.VPC{Name: "privatelink-test", CIDR: "10.0.0.0/22"},
				WorkspaceSubnets: []spec.Subnet{
					{Name: "databricks-ws-1", CIDR: "10.0.1.0/24", AvailabilityZone: "ap-northeast-1a"},
					{Name: "databricks-ws-2", CIDR: "10.0.2.0/24", AvailabilityZone: "ap-northeast-1c"},
				},
				EndpointSubnet:     spec.Subnet{Name: "databricks-vpce", CIDR: "10.0.3.0/24", AvailabilityZone: "ap-northeast-1a"},
				EndpointRouteTable: spec.RouteTable{Name: "private-link-vpe-rt"},
				SecurityGroups: spec.SecurityGroups{
					Workspace: spec.SecurityGroup{
						Name: "pl-sg-1", Description: "SG for workspace subnet",
						Rules: []spec.Rule{
							{Direction: "ingress", Protocol: "tcp", Ports: "all", Peer: "self"},
							{Direction: "ingress", Protocol: "udp", Ports: "all", Peer: "self"},
							{Direction: "egress", Protocol: "tcp", Ports: "all", Peer: "self"},
							{Direction: "egress", Protocol: "udp", Ports: "all", Peer: "self"},
							{Direction: "egress", Protocol: "tcp", Ports: "443", Peer: "0.0.0.0/0"},
							{Direction: "egress", Protocol: "tcp", Ports: "3306", Peer: "0.0.0.0/0"},
							{Direction: "egress", Protocol: "tcp", Ports: "6666", Peer: "0.0.0.0/0"},
							{Direction: "egress", Protocol: "tcp", Ports: "8443-8451", Peer: "0.0.0.0/0"},
						},
					},
					Endpoint: spec.SecurityGroup{
						Name: "pl-sg-2", Description: "SG for vpce subnet",
						Rules: []spec.Rule{
							{Direction: "ingress", Protocol: "tcp", Ports: "443", Peer: "vpc"},
							{Direction: "ingress", Protocol: "tcp", Ports: "6666", Peer: "vpc"},
							{Direction: "ingress", Protocol: "tcp", Ports: "8443-8451", Peer: "vpc"},
							{Direction: "egress", Protocol: "tcp", Ports: "443", Peer: "vpc"},
							{Direction: "egress", Protocol: "tcp", Ports: "6666", Peer: "vpc"},
						},
					},
				},
				Endpoints: spec.ServiceEndpoints{
					S3:      spec.Endpoint{Name: "tokyo-s3"},
					STS:     spec.Endpoint{Name: "tokyo-sts"},
					Kinesis: spec.Endpoint{Name: "tokyo-kinesis"},
				},
			},
			PrivateLink: spec.PrivateLink{
				WorkspaceEndpoint: spec.DatabricksEndpoint{Name: "tokyo-workspace", RegistrationName: "workspace-rest-api"},
				RelayEndpoint:     spec.DatabricksEndpoint{Name: "tokyo-relay", RegistrationName: "scc-relay"},
				PrivateAccessSettings: spec.PrivateAccessSettings{
					Name: "private_access_settings2 for ap-northeast-1", PublicAccess: new(true),
				},
			},
			Metastore: spec.Metastore{Glue: &spec.Glue{
				Endpoint: spec.Endpoint{Name: "tokyo-glue"}, InstanceProfile: spec.InstanceProfile{Name: "databricks-glue-access"},
			}},
			CrossAccountRole: spec.Role{Name: "lakegate-tokyo-cross-account"},
			RootBucket:       spec.Bucket{Name: "lakegate-tokyo-root-123456789012"},
			Drift:            spec.Report,
			DeletionPolicy:   spec.Retain,
			BucketDeletion:   spec.Refuse,
		},
	}
	if diff := cmp.Diff(want, load(t, "examples/tokyo.yaml")); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTokyoIsTheDefault checks that the defaults are the layout of the manual
// procedure.
func TestTokyoIsTheDefault(t *testing.T) {
	t.Parallel()
	tokyo, minimal := load(t, "examples/tokyo.yaml"), load(t, "examples/minimal.yaml")
	blocks := func(w *spec.Workspace) []string {
		n := w.Spec.Network
		return []string{n.VPC.CIDR, n.WorkspaceSubnets[0].CIDR, n.WorkspaceSubnets[1].CIDR, n.EndpointSubnet.CIDR}
	}
	if diff := cmp.Diff(blocks(tokyo), blocks(minimal)); diff != "" {
		t.Errorf("(-tokyo +minimal):\n%s", diff)
	}
	zones := []string{minimal.Spec.Network.WorkspaceSubnets[0].AvailabilityZone, minimal.Spec.Network.EndpointSubnet.AvailabilityZone}
	if diff := cmp.Diff([]string{"", ""}, zones); diff != "" {
		t.Errorf("zones are chosen before AWS was asked: %s", diff)
	}
}

func TestDefaultLeavesWhatExists(t *testing.T) {
	t.Parallel()
	w := load(t, "examples/existing-vpc.yaml")
	n := w.Spec.Network
	want := spec.Network{
		VPC:                spec.VPC{ID: n.VPC.ID},
		WorkspaceSubnets:   []spec.Subnet{{ID: n.WorkspaceSubnets[0].ID}, {ID: n.WorkspaceSubnets[1].ID}},
		EndpointSubnet:     spec.Subnet{ID: n.EndpointSubnet.ID},
		EndpointRouteTable: spec.RouteTable{ID: n.EndpointRouteTable.ID},
		SecurityGroups: spec.SecurityGroups{
			Workspace: spec.SecurityGroup{ID: n.SecurityGroups.Workspace.ID},
			Endpoint:  spec.SecurityGroup{ID: n.SecurityGroups.Endpoint.ID},
		},
		Endpoints: spec.ServiceEndpoints{
			S3:      spec.Endpoint{Name: "existing-vpc-s3"},
			STS:     spec.Endpoint{Name: "existing-vpc-sts"},
			Kinesis: spec.Endpoint{Name: "existing-vpc-kinesis"},
		},
	}
	if diff := cmp.Diff(want, n); diff != "" {
		t.Errorf("network (-want +got):\n%s", diff)
	}
	if w.Spec.CrossAccountRole.Name != "" || w.Spec.RootBucket.Name != "" || w.Spec.PrivateLink.PrivateAccessSettings.Name != "" {
		t.Errorf("names beside ids and ARNs: %+v", w.Spec)
	}
	if public := w.Spec.PrivateLink.PrivateAccessSettings.PublicAccess; public == nil || !*public {
		t.Error("existing private access settings need not allow public access")
	}

	w.Spec.Network = spec.Network{VPC: spec.VPC{ID: n.VPC.ID}, EndpointSubnet: spec.Subnet{ID: n.EndpointSubnet.ID}}
	w.Spec.PrivateLink = spec.PrivateLink{WorkspaceEndpoint: spec.DatabricksEndpoint{ID: "vpce-0a1b2c3d4e5f60718"}}
	w.Default()
	if got := w.Spec.Network.WorkspaceSubnets[0].CIDR; got != "" {
		t.Errorf("a subnet of a VPC of unknown block gets %s", got)
	}
	if got := w.Spec.Network.EndpointRouteTable.Name; got != "" {
		t.Errorf("a given endpoint subnet gets the new route table %s", got)
	}
	if got, want := w.Spec.PrivateLink.WorkspaceEndpoint.RegistrationName, "existing-vpc-workspace"; got != want {
		t.Errorf("a given endpoint is registered as %q, want %q", got, want)
	}
}

func TestDefaultShortName(t *testing.T) {
	t.Parallel()
	data := strings.ReplaceAll(string(read(t, "examples/minimal.yaml")), "name: minimal", "name: ab")
	w, err := spec.Load("ab.yaml", []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	d := w.Spec.Databricks
	for _, got := range []string{d.CredentialsName, d.StorageName, d.NetworkName, w.Spec.PrivateLink.PrivateAccessSettings.Name} {
		if got != "lakegate-ab" {
			t.Errorf("got %q, want a name that Databricks accepts, lakegate-ab", got)
		}
	}
}

func TestDecodeFillsInNothing(t *testing.T) {
	t.Parallel()
	w, err := spec.Decode("minimal.yaml", read(t, "examples/minimal.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := &spec.Workspace{
		APIVersion: spec.APIVersion, Kind: spec.Kind,
		Metadata: spec.Metadata{Name: "minimal"},
		Spec: spec.Spec{
			Region:     "eu-west-1",
			AWS:        spec.AWS{AccountID: "123456789012"},
			Databricks: spec.Databricks{AccountID: "8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34"},
		},
	}
	if diff := cmp.Diff(want, w); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if _, err := spec.Decode("f.yaml", []byte("spec: {size: 1}\n")); err == nil {
		t.Error("an unknown key is accepted")
	}
}

func TestDecodeAccepts(t *testing.T) {
	t.Parallel()
	minimal := string(read(t, "examples/minimal.yaml"))
	want := spec.Digest(load(t, "examples/minimal.yaml"))
	for name, text := range map[string]string{
		"Windows line ends":   strings.ReplaceAll(minimal, "\n", "\r\n"),
		"byte order mark":     "\ufeff" + minimal,
		"document markers":    "---\n" + minimal + "...\n# the end\n",
		"no last line end":    strings.TrimSuffix(minimal, "\n"),
		"an empty mapping":    minimal + "  network: {}\n",
		"a default, written":  minimal + "  network: {vpc: {cidr: 10.0.0.0/22}}\n",
		"an explicit default": minimal + "  privateLink: {privateAccessSettings: {publicAccess: true}}\n",
		"a folded value":      strings.ReplaceAll(minimal, "eu-west-1", ">-\n    eu-west-1"),
	} {
		w, err := spec.Load("minimal.yaml", []byte(text))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if spec.Digest(w) != want {
			t.Errorf("%s: the digest differs", name)
		}
	}
}

func TestDigest(t *testing.T) {
	t.Parallel()
	bare, err := spec.Decode("minimal.yaml", read(t, "examples/minimal.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	before := *bare
	got := spec.Digest(bare)
	if diff := cmp.Diff(&before, bare); diff != "" {
		t.Errorf("Digest changes its argument:\n%s", diff)
	}
	if want := spec.Digest(load(t, "examples/minimal.yaml")); got != want {
		t.Errorf("the digest is %s without defaults and %s with them", got, want)
	}
	// A digest is part of names that outlive a version of this program.
	if want := "513374343cf2f3e75c38fe70ec204f0536d3a387c061a443469704a20f7a4a2a"; got != want {
		t.Errorf("the digest of minimal.yaml is %s, and was %s", got, want)
	}
	bare.Metadata.Annotations = map[string]string{"note": "changed"}
	if spec.Digest(bare) != got {
		t.Error("an annotation makes it another workspace")
	}
	bare.Metadata.Name = "another"
	if spec.Digest(bare) == got {
		t.Error("another name makes it no other workspace")
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	text := func(tags, buckets int) []byte {
		var more strings.Builder
		for i := range tags {
			fmt.Fprintf(&more, "    key%0117d: %s\n", i, strings.Repeat("x", 255))
		}
		out := bytes.Replace(read(t, "examples/restricted.yaml"), []byte("  tags:\n"), []byte("  tags:\n"+more.String()), 1)
		more.Reset()
		for i := range buckets {
			fmt.Fprintf(&more, "      - bucket%057d\n", i)
		}
		return bytes.Replace(out, []byte("    dataBuckets:\n"), []byte("    dataBuckets:\n"+more.String()), 1)
	}
	if _, err := spec.Load("restricted.yaml", text(38, 0)); err != nil {
		t.Errorf("all tags that there can be are too many: %v", err)
	}
	if _, err := spec.Load("restricted.yaml", text(38, 48)); err == nil || !strings.Contains(err.Error(), "spec: is too long") {
		t.Errorf("with all buckets: %v", err)
	}
}

func TestCheckFileName(t *testing.T) {
	t.Parallel()
	for _, file := range []string{"tokyo.yaml", "tokyo.yml", "workspaces/asia/tokyo.yaml"} {
		if err := spec.CheckFileName(file, "tokyo"); err != nil {
			t.Error(err)
		}
	}
	for _, file := range []string{"Tokyo.yaml", "tokyo.json", "tokyo", "tokyo.yaml/x", "old-tokyo.yaml"} {
		if err := spec.CheckFileName(file, "tokyo"); err == nil {
			t.Errorf("%s is accepted", file)
		}
	}
	want := `workspaces/osaka.yaml holds the workspace "tokyo": call the file tokyo.yaml, or change metadata.name`
	if got := spec.CheckFileName("workspaces/osaka.yaml", "tokyo"); got == nil || got.Error() != want {
		t.Errorf("got %v, want %s", got, want)
	}
}

func BenchmarkLoad(b *testing.B) {
	data := read(b, "examples/tokyo.yaml")
	for b.Loop() {
		if _, err := spec.Load("tokyo.yaml", data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDigest(b *testing.B) {
	w := load(b, "examples/tokyo.yaml")
	for b.Loop() {
		spec.Digest(w)
	}
}

// A name that makes the defaults of groups look like ids is a good one.
func TestNameLikeAnID(t *testing.T) {
	t.Parallel()
	text := strings.Replace(string(read(t, "examples/minimal.yaml")), "name: minimal", "name: sg-analytics", 1)
	w, err := spec.Load("sg-analytics.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	if got := w.Spec.Network.SecurityGroups.Workspace.Name; got != "lakegate-sg-analytics-workspace" {
		t.Errorf("the group is called %q", got)
	}
}
