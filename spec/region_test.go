package spec_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/spec"
)

func TestRegions(t *testing.T) {
	t.Parallel()
	names := spec.RegionNames()
	if len(names) != 16 || !slices.IsSorted(names) {
		t.Errorf("got %d regions, want 16 in order: %v", len(names), names)
	}
	for _, name := range names {
		r, ok := spec.LookupRegion(name)
		if !ok || r.Supported() != nil || r.Name != name {
			t.Errorf("%s is not known or not supported: %+v", name, r)
		}
		for _, service := range append(slices.Clone(r.WorkspaceServices), r.RelayService) {
			if !strings.HasPrefix(service, "com.amazonaws.vpce."+name+".vpce-svc-0") || len(service) != len("com.amazonaws.vpce..vpce-svc-")+len(name)+17 {
				t.Errorf("%s has the endpoint service %q", name, service)
			}
		}
		if slices.Contains(r.WorkspaceServices, r.RelayService) || len(r.WorkspaceServices) == 0 {
			t.Errorf("%s has the workspace services %v and the relay service %s", name, r.WorkspaceServices, r.RelayService)
		}
		if r.DatabricksName == "" || len(r.ArtifactBuckets) == 0 || r.LogBucket == "" || r.DatasetsBucket == "" || r.SystemTablesBucket == "" {
			t.Errorf("%s lacks a name or bucket: %+v", name, r)
		}
	}
}

func TestLookupRegion(t *testing.T) {
	t.Parallel()
	tokyo, ok := spec.LookupRegion("ap-northeast-1")
	if !ok {
		t.Fatal("ap-northeast-1 is not known")
	}
	want := []string{"com.amazonaws.vpce.ap-northeast-1.vpce-svc-02691fd610d24fd64"}
	if diff := cmp.Diff(want, tokyo.WorkspaceServices); diff != "" {
		t.Errorf("workspace services of Tokyo (-want +got):\n%s", diff)
	}
	if got, want := tokyo.RelayService, "com.amazonaws.vpce.ap-northeast-1.vpce-svc-02aa633bda3edbec0"; got != want {
		t.Errorf("relay service of Tokyo: got %s, want %s", got, want)
	}
	if got, want := tokyo.WebappHost+" "+tokyo.RelayHost, "tokyo.cloud.databricks.com tunnel.ap-northeast-1.cloud.databricks.com"; got != want {
		t.Errorf("hosts of Tokyo: got %s, want %s", got, want)
	}

	// Sources disagree about this one: both candidates are kept.
	jakarta, _ := spec.LookupRegion("ap-southeast-3")
	want = []string{
		"com.amazonaws.vpce.ap-southeast-3.vpce-svc-07a698e7e9ccfd04a",
		"com.amazonaws.vpce.ap-southeast-3.vpce-svc-0fec4092997affd53",
	}
	if diff := cmp.Diff(want, jakarta.WorkspaceServices); diff != "" {
		t.Errorf("workspace services of Jakarta (-want +got):\n%s", diff)
	}

	for name, want := range map[string]string{
		"eu-north-1":    "region eu-north-1 is not supported: Databricks offers no back-end PrivateLink there",
		"us-gov-west-1": "region us-gov-west-1 is not supported: it is in the partition aws-us-gov, whose Databricks accounts, hosts and ARNs differ",
	} {
		r, ok := spec.LookupRegion(name)
		if err := r.Supported(); !ok || err == nil || err.Error() != want {
			t.Errorf("%s: known %v, got %v, want %s", name, ok, err, want)
		}
		if slices.Contains(spec.RegionNames(), name) {
			t.Errorf("%s is listed as supported", name)
		}
	}
	if _, ok := spec.LookupRegion("mars-north-7"); ok {
		t.Error("mars-north-7 is known")
	}
}
