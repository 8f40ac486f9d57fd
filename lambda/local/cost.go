package main

import (
	"time"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/plan"
)

// prices are list prices in US dollars of the region Tokyo, without free tiers
// and discounts, as the price pages had them in November 2026 to the best of our
// knowledge; the DBU rates are those of the Enterprise tier. Change them here.
//
//	https://aws.amazon.com/step-functions/pricing/
//	https://aws.amazon.com/lambda/pricing/
//	https://aws.amazon.com/privatelink/pricing/
//	https://aws.amazon.com/ec2/pricing/on-demand/
//	https://www.databricks.com/product/pricing
const (
	perTransition = 0.025 / 1000
	perInvocation = 0.20 / 1e6
	// perGBSecond of a function on arm64.
	perGBSecond = 0.0000133334
	// perEndpointHour of an interface endpoint in one zone.
	perEndpointHour = 0.014
	// perClusterHour is one m5d.large and its 0.34 DBU of all-purpose compute.
	perClusterHour = 0.146 + 0.34*0.65
	// perWarehouseHour is a driver and a worker of i3.2xlarge and the 4 DBU of a
	// 2X-Small pro warehouse.
	perWarehouseHour = 2*0.732 + 4*0.78

	functionGB      = 0.25
	functionSeconds = 0.7
)

// cost is what a first provisioning costs until the workspace is Ready.
type cost struct{ orchestration, endpoints, compute float64 }

func (c cost) total() float64 { return c.orchestration + c.endpoints + c.compute }

func costOf(w *emulator.World, m measured) cost {
	hours := func(d time.Duration) float64 { return d.Hours() }
	calls := 0.0
	for _, c := range w.Hub.Calls() {
		if c.Service == "lambda" && c.Action == "Invoke" {
			calls++
		}
	}
	clusters, warehouses := w.Databricks.Ran()
	addresses := 0
	for _, e := range w.EC2.Endpoints(w.Config.Region) {
		// Those that the spec gives are paid for anyway.
		if e.Tags[plan.TagManaged] == plan.Owned {
			addresses += len(e.InterfaceIDs)
		}
	}
	return cost{
		orchestration: float64(m.transitions)*perTransition + calls*(perInvocation+functionGB*functionSeconds*perGBSecond),
		endpoints:     float64(addresses) * hours(m.ready) * perEndpointHour,
		compute:       hours(clusters)*perClusterHour + hours(warehouses)*perWarehouseHour,
	}
}
