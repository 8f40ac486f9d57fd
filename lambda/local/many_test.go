package main

import (
	"bytes"
	"strings"
	"testing"

	"lakegate/lambda/plan"
)

// All come to their end, within what the limits allow, also spread over regions.
func TestMany(t *testing.T) {
	t.Parallel()
	for regions, bucket := range map[int]string{1: "ec2:CreateVpcEndpoint", 4: "ec2:CreateVpcEndpoint"} {
		var out bytes.Buffer
		if err := many(t.Context(), &out, manyOptions{12, regions, plan.DefaultSlots, plan.DefaultEndpointsPerSecond, 1}); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{"12, 0, 0", bucket, "Throttled"} {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%d regions: it does not say %q:\n%s", regions, part, out.String())
			}
		}
	}
}
