package metrics_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"lakegate/lambda/internal/emulator/metrics"
)

func TestTake(t *testing.T) {
	t.Parallel()
	var s metrics.Store
	for _, line := range []string{
		`{"_aws":{"Timestamp":1793610004000,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["A"],[]],"Metrics":[{"Name":"M","Unit":"Count"}]}]},"M":2,"A":"x"}`,
		`{"_aws":{"Timestamp":1793610004000,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["A","B"]],"Metrics":[{"Name":"M","Unit":"Count"}]}]},"M":5,"A":"x","B":"y"}`,
		`{"_aws":{"Timestamp":1793610004000,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["A"]],"Metrics":[{"Name":"M"},{"Name":"L"}]}]},"M":-1,"L":"text","A":"x"}`,
		// Nothing is taken of these.
		`{"_aws":{"Timestamp":1793610004000,"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[["A"]],"Metrics":[{"Name":"M"}]}]},"M":9}`,
		`{"_aws":{"CloudWatchMetrics":[{"Namespace":"N","Dimensions":[[]],"Metrics":[{"Name":"M"}]}]},"M":9}`,
		`{"message":"\"_aws\""}`, `no "_aws"`, `{"M":9}`, ``,
	} {
		s.Take(line)
	}
	want := map[string]metrics.Statistics{
		metrics.Key("N", "M", map[string]string{"A": "x"}): {Count: 2, Sum: 1, Min: -1, Max: 2},
		metrics.Key("N", "M", nil):                         {Count: 1, Sum: 2, Min: 2, Max: 2},
		"N M A=x B=y":                                      {Count: 1, Sum: 5, Min: 5, Max: 5},
	}
	if diff := cmp.Diff(want, s.All()); diff != "" {
		t.Errorf("metrics (-want +got):\n%s", diff)
	}
}
