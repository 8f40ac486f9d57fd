package limits_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"lakegate/lambda/internal/emulator/limits"
	"lakegate/lambda/internal/emulator/wire"
	"lakegate/lambda/plan"
)

// Every limit says where it is from and lets something through; what is planned
// with is what is enforced.
func TestServices(t *testing.T) {
	t.Parallel()
	all := limits.Services()
	for _, l := range all {
		if l.Source == "" || l.Burst < 1 || l.PerSecond <= 0 {
			t.Errorf("%+v", l)
		}
	}
	i := slices.IndexFunc(all, func(l wire.Limit) bool { return slices.Contains(l.Actions, "CreateVpcEndpoint") && l.Service == "ec2" })
	if all[i].PerSecond != plan.DefaultEndpointsPerSecond {
		t.Errorf("endpoints are made at %g per second, and planned at %g", all[i].PerSecond, plan.DefaultEndpointsPerSecond)
	}
	var account wire.Limit
	for _, l := range all {
		if l.Service == "databricks" {
			account = l
		}
	}
	for action, limited := range map[string]bool{
		"CreateWorkspace": true, "GetWorkspace": true, "ListVpcEndpoints": true, "ReplacePrivateAccessSettings": true,
		"GetCluster": false, "GetToken": false, "ListWarehouses": false,
	} {
		is := slices.ContainsFunc(account.Actions, func(a string) bool { return strings.HasPrefix(action, strings.TrimSuffix(a, "*")) })
		if is != limited {
			t.Errorf("%s is limited by the account: %t", action, is)
		}
	}
}

func TestLongest(t *testing.T) {
	t.Parallel()
	slow, fast := wire.Limit{Service: "slow", Burst: 4, PerSecond: 0.5}, wire.Limit{Service: "fast", Burst: 10, PerSecond: 10}
	hundred := func(wire.Use) int { return 100 }
	took, by := limits.Longest([]wire.Use{{Limit: fast, Served: 30}, {Limit: slow, Served: 2}, {Limit: fast}}, hundred)
	if took != 392*time.Second || by.Limit.Service != "slow" {
		t.Errorf("it takes %s, by %s", took, by.Limit.Service)
	}
	if took, _ := limits.Longest(nil, hundred); took != 0 {
		t.Errorf("nothing takes %s", took)
	}
}
