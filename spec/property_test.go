package spec

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// block draws a canonical IPv4 block.
func block(shortest, longest int) *rapid.Generator[netip.Prefix] {
	return rapid.Custom(func(t *rapid.T) netip.Prefix {
		n := rapid.Uint32().Draw(t, "address")
		addr := netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
		return netip.PrefixFrom(addr, rapid.IntRange(shortest, longest).Draw(t, "bits")).Masked()
	})
}

// addresses returns the first and last address of a block, as numbers.
func addresses(p netip.Prefix) (first, last *big.Int) {
	raw := p.Addr().As4()
	first = new(big.Int).SetBytes(raw[:])
	size := new(big.Int).Lsh(big.NewInt(1), uint(32-p.Bits()))
	return first, new(big.Int).Add(first, size.Sub(size, big.NewInt(1)))
}

func TestQuartersCoverTheBlock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		whole := block(0, 30).Draw(t, "block")
		next, end := addresses(whole)
		for n := range 4 {
			part, ok := quarter(whole, n)
			if !ok || part != part.Masked() || !contains(whole, part) {
				t.Fatalf("quarter %d of %s is %s, %v", n, whole, part, ok)
			}
			first, last := addresses(part)
			if first.Cmp(next) != 0 {
				t.Fatalf("quarter %d of %s begins at %s", n, whole, part)
			}
			next = new(big.Int).Add(last, big.NewInt(1))
		}
		if next.Sub(next, big.NewInt(1)).Cmp(end) != 0 {
			t.Fatalf("the quarters of %s leave something over", whole)
		}
	})
	if part, ok := quarter(netip.MustParsePrefix("10.0.0.0/31"), 0); ok {
		t.Errorf("10.0.0.0/31 has the quarter %s", part)
	}
}

func TestContains(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		outer := block(0, 32).Draw(t, "outer")
		inner := block(0, 32).Draw(t, "inner")
		if rapid.Bool().Draw(t, "related") {
			inner = netip.PrefixFrom(outer.Addr(), inner.Bits()).Masked()
		}
		outerFirst, outerLast := addresses(outer)
		innerFirst, innerLast := addresses(inner)
		want := outerFirst.Cmp(innerFirst) <= 0 && innerLast.Cmp(outerLast) <= 0
		if got := contains(outer, inner); got != want {
			t.Fatalf("contains(%s, %s) = %v", outer, inner, got)
		}
	})
}

func TestParseCIDR(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		canonical := block(0, 32).Draw(t, "block")
		if got, refusal := parseCIDR(canonical.String()); refusal != "" || got != canonical {
			t.Fatalf("parseCIDR(%s) = %s, %q", canonical, got, refusal)
		}
		_, last := addresses(canonical)
		raw := last.FillBytes(make([]byte, 4))
		other := netip.PrefixFrom(netip.AddrFrom4([4]byte(raw)), canonical.Bits())
		if other == canonical {
			return
		}
		if _, refusal := parseCIDR(other.String()); !strings.HasSuffix(refusal, "write "+canonical.String()) {
			t.Fatalf("parseCIDR(%s) advises %q, want %s", other, refusal, canonical)
		}
	})
}

func TestParsePorts(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		first := rapid.IntRange(0, 70000).Draw(t, "first")
		last := rapid.IntRange(0, 70000).Draw(t, "last")
		got, refusal := parsePorts(fmt.Sprintf("%d-%d", first, last))
		valid := 1 <= first && first < last && last <= 65535
		if (refusal == "") != valid || valid && got != (portRange{first, last}) {
			t.Fatalf("parsePorts(%d-%d) = %v, %q", first, last, got, refusal)
		}
		got, refusal = parsePorts(fmt.Sprint(first))
		if valid := 1 <= first && first <= 65535; (refusal == "") != valid || valid && got != (portRange{first, first}) {
			t.Fatalf("parsePorts(%d) = %v, %q", first, got, refusal)
		}
	})
	for _, text := range []string{"", "-", "1-", "-1", "1-2-3", "01", "1 ", "+1", "１", "ALL", "99999999999999999999"} {
		if got, refusal := parsePorts(text); refusal == "" {
			t.Errorf("parsePorts(%q) = %v", text, got)
		}
	}
}

// drawn is a spec in which much is left out, given by id or named, at random.
// It is valid.
func drawn(t *rapid.T) *Workspace {
	maybe := func(label string) bool { return rapid.Bool().Draw(t, label) }
	text := func(format, label string) string {
		f := formats[format]
		return rapid.StringMatching(f.Pattern).Filter(func(s string) bool { return refusal(format, s) == "" }).Draw(t, label)
	}
	id := 0
	newID := func(prefix string) string { id++; return fmt.Sprintf("%s-%017x", prefix, id) }

	w := &Workspace{APIVersion: APIVersion, Kind: Kind}
	w.Metadata.Name = text("name", "name")
	w.Spec.Region = rapid.SampledFrom(RegionNames()).Draw(t, "region")
	w.Spec.AWS.AccountID = text("awsAccountId", "awsAccountId")
	w.Spec.Databricks.AccountID = text("uuid", "uuid")
	if maybe("tags") {
		w.Spec.Tags = map[string]string{"team": "a"}
	}

	n := &w.Spec.Network
	if maybe("cidr") {
		n.VPC.CIDR = rapid.SampledFrom([]string{"10.4.0.0/16", "172.20.0.0/20", "192.168.0.0/22", "100.64.1.0/24"}).Draw(t, "block")
	}
	if maybe("vpc") {
		n.VPC.ID = newID("vpc")
		if maybe("subnets") {
			n.WorkspaceSubnets = []Subnet{{ID: newID("subnet")}, {ID: newID("subnet")}}
		}
		if maybe("endpointSubnet") {
			n.EndpointSubnet.ID = newID("subnet")
		}
		if maybe("routeTable") {
			n.EndpointRouteTable.ID = newID("rtb")
		}
		if maybe("workspaceGroup") {
			n.SecurityGroups.Workspace.ID = newID("sg")
		}
		if maybe("endpointGroup") {
			n.SecurityGroups.Endpoint.ID = newID("sg")
		}
		if maybe("s3") {
			n.Endpoints.S3.ID = newID("vpce")
		}
		if maybe("relay") {
			w.Spec.PrivateLink.RelayEndpoint.ID = newID("vpce")
		}
		if n.VPC.CIDR == "" && (n.WorkspaceSubnets == nil || n.EndpointSubnet.ID == "") {
			n.VPC.CIDR = "10.0.0.0/22"
		}
	} else {
		if maybe("vpcName") {
			n.VPC.Name = text("nameTag", "nameTag")
		}
		if maybe("zones") {
			n.WorkspaceSubnets = []Subnet{{AvailabilityZone: w.Spec.Region + "a"}, {AvailabilityZone: w.Spec.Region + "b"}}
		}
	}
	if maybe("settings") {
		w.Spec.PrivateLink.PrivateAccessSettings.ID = text("uuid", "settings")
	}
	if maybe("bucket") {
		w.Spec.RootBucket.ARN = text("bucketArn", "bucketArn")
	}
	if maybe("workspaceName") {
		w.Spec.Databricks.WorkspaceName = text("workspaceName", "workspaceName")
	}
	return w
}

// TestDefault checks of specs of all kinds that the defaults are legal, that
// filling them in twice is filling them in once, and that the result means what
// the spec meant.
func TestDefault(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		bare := drawn(t)
		once := copyOf(t, bare)
		once.Default()
		twice := copyOf(t, once)
		twice.Default()
		if diff := cmp.Diff(once, twice); diff != "" {
			t.Fatalf("the second time changes something:\n%s", diff)
		}
		if Digest(bare) != Digest(once) {
			t.Fatal("the defaults change the digest")
		}
		for name, w := range map[string]*Workspace{"bare": bare, "complete": once} {
			data, err := json.Marshal(w)
			if err != nil {
				t.Fatal(err)
			}
			loaded, err := Load("f", data)
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, data)
			}
			if diff := cmp.Diff(once, loaded); diff != "" {
				t.Fatalf("%s (-want +got):\n%s", name, diff)
			}
		}
	})
}

func copyOf(t *rapid.T, w *Workspace) *Workspace {
	data, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	c := new(Workspace)
	if err := json.Unmarshal(data, c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestNoRuleIsNeedlessOrMissing takes each default rule away in turn, and
// checks that validation misses exactly those without which nothing starts.
func TestNoRuleIsNeedlessOrMissing(t *testing.T) {
	t.Parallel()
	optional := map[string]bool{"8443": true, "8444": true, "8445-8451": true}
	for i, r := range WorkspaceRules() {
		w := sample()
		rules := WorkspaceRules()
		w.Spec.Network.SecurityGroups.Workspace.Rules = slices.Concat(rules[:i], rules[i+1:])
		if got := loads(t, w); got != optional[r.Ports] {
			t.Errorf("workspace group without %v: valid %v", r, got)
		}
	}
	for i, r := range EndpointRules() {
		w := sample()
		rules := EndpointRules()
		w.Spec.Network.SecurityGroups.Endpoint.Rules = slices.Concat(rules[:i], rules[i+1:])
		if got := loads(t, w); got != optional[r.Ports] {
			t.Errorf("endpoint group without %v: valid %v", r, got)
		}
	}
}

// TestTightRules checks rules that are narrower than the defaults and let
// through all that is needed.
func TestTightRules(t *testing.T) {
	t.Parallel()
	w := sample()
	w.Spec.Network.SecurityGroups.Workspace.Rules = []Rule{
		{"ingress", "tcp", "1-65535", "self"},
		{"ingress", "udp", "all", "self"},
		{"egress", "tcp", "all", "vpc"},
		{"egress", "udp", "all", "10.0.0.0/16"},
		{"egress", "tcp", "443", "52.192.0.0/11"},
	}
	w.Spec.Network.SecurityGroups.Endpoint.Rules = []Rule{
		{"ingress", "tcp", "443-6666", "10.0.1.0/24"},
		{"ingress", "tcp", "443-6666", "10.0.2.0/24"},
	}
	if !loads(t, w) {
		t.Error("the rules are refused")
	}
}

func sample() *Workspace {
	w := &Workspace{APIVersion: APIVersion, Kind: Kind, Metadata: Metadata{Name: "sample"}}
	w.Spec.Region = "ap-northeast-1"
	w.Spec.AWS.AccountID = "123456789012"
	w.Spec.Databricks.AccountID = "8f2c4a10-93de-4b7a-9c51-6d0e2f7b1a34"
	return w
}

func loads(t *testing.T, w *Workspace) bool {
	t.Helper()
	data, err := json.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Load("f", data)
	if err != nil {
		t.Log(err)
	}
	return err == nil
}

// TestFormats checks that every text field has a format, and that no format is
// there for nothing.
func TestFormats(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, f := range textFields() {
		name := f.Tag.Get("format")
		if _, ok := LookupFormat(name); !ok {
			t.Errorf("%s has the unknown format %q", f.Name, name)
		}
		used[name] = true
	}
	for name, f := range formats {
		if !used[name] {
			t.Errorf("no field has the format %s", name)
		}
		if f.Noun == "" || f.Want == "" || (f.Pattern == "") == (f.OneOf == nil) {
			t.Errorf("format %s is incomplete: %+v", name, f)
		}
	}
}
