package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/emulator/asl"
	"lakegate/lambda/plan"
)

// item is something that is paid for by quantity.
type item int

const (
	transitions item = iota
	invocations
	functionTime
	histories
	endpointHours
	clusterHours
	warehouseHours
	items
)

// prices are list prices in US dollars of the region Tokyo, without free tiers
// and discounts, as the price pages had them in November 2026 to the best of our
// knowledge; the DBU rates are those of the Enterprise tier. Change them here.
//
//	https://aws.amazon.com/step-functions/pricing/
//	https://aws.amazon.com/lambda/pricing/
//	https://aws.amazon.com/cloudwatch/pricing/
//	https://aws.amazon.com/privatelink/pricing/
//	https://aws.amazon.com/ec2/pricing/on-demand/
//	https://www.databricks.com/product/pricing
var prices = [items]struct {
	name, unit string
	dollars    float64
}{
	transitions:  {"Step Functions, state transitions", "1,000", 0.025 / 1000},
	invocations:  {"Lambda, requests", "1,000,000", 0.20 / 1e6},
	functionTime: {"Lambda, GB-seconds on arm64", "1,000,000", 13.3334 / 1e6},
	histories:    {"CloudWatch Logs, GB of histories", "one", 0.76},
	// In each zone, by hours begun.
	endpointHours: {"interface endpoints, hours in a zone", "one", 0.014},
	// One m5d.large and its 0.34 DBU of all-purpose compute.
	clusterHours: {"the cluster, hours", "one", 0.146 + 0.34*0.65},
	// A driver and a worker of i3.2xlarge and the 4 DBU of a 2X-Small pro warehouse.
	warehouseHours: {"the SQL warehouse, hours", "one", 2*0.732 + 4*0.78},
}

const (
	// functionGB is the memory of a function, and functionSeconds how long one
	// takes on the average: what it waits for is not simulated.
	functionGB      = 0.25
	functionSeconds = 0.7

	// What stays costs this in a month of 730 hours.
	// https://aws.amazon.com/kms/pricing/
	// https://aws.amazon.com/route53/pricing/
	// https://aws.amazon.com/secrets-manager/pricing/
	// https://aws.amazon.com/cloudwatch/pricing/
	monthHours        = 730
	perKeyMonth       = 1.0
	perZoneMonth      = 0.5
	perSecret         = 0.4
	perAlarmMonth     = 0.1
	perMetricMonth    = 0.3
	daysOfMonth       = 30
	workspacesOfMonth = 50
)

// paidFor are the specs whose costs the README has, and costSeeds how many
// simulations of the first are taken.
var paidFor = []string{
	"spec/examples/tokyo.yaml", "spec/examples/minimal.yaml", "spec/examples/existing-vpc.yaml",
	"spec/examples/restricted.yaml", "spec/examples/locked-down.yaml",
}

const costSeeds = 15

// spent is how much was used of each item.
type spent [items]float64

func (u spent) cost(i item) float64 { return u[i] * prices[i].dollars }

func (u spent) total() float64 {
	sum := 0.0
	for i := range items {
		sum += u.cost(i)
	}
	return sum
}

// meter adds up what a world uses.
type meter struct {
	world *emulator.World

	mu         sync.Mutex
	executions map[string]bool
	bytes      int
}

func newMeter(w *emulator.World) *meter {
	m := &meter{world: w, executions: map[string]bool{}}
	w.Executions.Watch(func(arn string, e asl.Event) {
		text, _ := json.Marshal(e)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.executions[arn], m.bytes = true, m.bytes+len(text)
	})
	return m
}

// read is what was used so far, without endpoints.
func (m *meter) read() spent {
	m.mu.Lock()
	defer m.mu.Unlock()
	var u spent
	for arn := range m.executions {
		u[transitions] += float64(m.world.Executions.Transitions(arn))
	}
	for _, c := range m.world.Hub.Calls() {
		if c.Service == "lambda" && c.Action == "Invoke" {
			u[invocations]++
		}
	}
	u[functionTime] = u[invocations] * functionGB * functionSeconds
	u[histories] = float64(m.bytes) / 1e9
	clusters, warehouses := m.world.Databricks.Ran()
	u[clusterHours], u[warehouseHours] = clusters.Hours(), warehouses.Hours()
	return u
}

// since is what was used after an earlier reading.
func (m *meter) since(before spent) spent {
	u := m.read()
	for i := range items {
		u[i] -= before[i]
	}
	return u
}

// addresses counts the interface endpoints of ours by zone: those that a spec
// gives are paid for anyway.
func addresses(w *emulator.World) int {
	n := 0
	for _, a := range w.Accounts {
		for _, e := range a.EC2.Endpoints(w.Config.Region) {
			if e.Tags[plan.TagManaged] == plan.Owned {
				n += len(e.InterfaceIDs)
			}
		}
	}
	return n
}

// first adds to what a first provisioning used its endpoints, by hours begun.
func (m *meter) first(took time.Duration) spent {
	u := m.read()
	u[endpointHours] = float64(addresses(m.world)) * math.Ceil(took.Hours())
	return u
}

// costs prints what Lakegate costs, as a part of the README: it is the same for
// the same number of seeds.
func costs(ctx context.Context, out io.Writer, files []string, seeds int) error {
	var firsts, repeats, looks []spent
	for seed := range seeds {
		first, again, look, err := spend(ctx, files[0], uint64(seed)+1) //nolint:gosec // a small number
		if err != nil {
			return fmt.Errorf("seed %d: %w", seed+1, err)
		}
		firsts, repeats, looks = append(firsts, first), append(repeats, again), append(looks, look)
	}
	first, again, look := typical(firsts), typical(repeats), typical(looks)
	fmt.Fprintf(out, "| what is used (medians of %d simulations), by list prices in Tokyo | a first provisioning, until Ready | a push that changes nothing | the daily look at a workspace |\n| --- | --- | --- | --- |\n", seeds)
	for i, p := range prices {
		fmt.Fprintf(out, "| %s, $%.6g for %s |", p.name, p.dollars*per[p.unit], p.unit)
		for _, u := range []spent{first, again, look} {
			fmt.Fprintf(out, " %s |", amount(u, item(i)))
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "| sum | **$%.2f** | **$%.4f** | **$%.4f** |\n", first.total(), again.total(), look.total())
	fmt.Fprintf(out, "\nThe daily looks at %d workspaces make $%.2f in a month of %d days, and the secret costs $%.2f.\n",
		workspacesOfMonth, workspacesOfMonth*daysOfMonth*look.total(), daysOfMonth, perSecret)
	alarms := len(plan.Alarms())
	fmt.Fprintf(out, "The %d alarms of a stack with every product of chat and the key of their topic cost $%.2f, and each metric $%.4f in an hour in which it is published: there is one for each step that was done, and a few more.\n\n",
		alarms, float64(alarms)*perAlarmMonth+perKeyMonth, perMetricMonth/monthHours)
	return standing(ctx, out, files)
}

// per is how many of an item its price is for.
var per = map[string]float64{"one": 1, "1,000": 1e3, "1,000,000": 1e6}

func amount(u spent, i item) string {
	if u[i] == 0 {
		return "-"
	}
	if u.cost(i) < 0.0001 {
		return fmt.Sprintf("%.3g: under $0.0001", u[i])
	}
	return fmt.Sprintf("%.3g: $%.4f", u[i], u.cost(i))
}

// typical are the medians of what was used.
func typical(all []spent) spent {
	var u spent
	for i := range items {
		var values []float64
		for _, one := range all {
			values = append(values, one[i])
		}
		slices.Sort(values)
		u[i] = middle(values)
	}
	return u
}

// spend runs a first provisioning, a push that changes nothing, and the day after.
func spend(ctx context.Context, file string, seed uint64) (first, again, look spent, err error) {
	c, err := load(io.Discard, file)
	if err != nil {
		return first, again, look, err
	}
	cfg := c.config()
	cfg.Seed = seed
	w, err := c.start(ctx, cfg)
	if err != nil {
		return first, again, look, err
	}
	defer w.Close()
	m := newMeter(w)
	began := w.Clock.Now()
	for i, used := range []*spent{&first, &again} {
		before := m.read()
		events, err := commit(ctx, w, uploader{w}, c.path, c.text, "")
		if err != nil {
			return first, again, look, err
		}
		if readyOf(events) == nil {
			return first, again, look, fmt.Errorf("%s did not end Ready", file)
		}
		if *used = m.since(before); i == 0 {
			*used = m.first(w.Clock.Now().Sub(began))
		}
	}
	before := m.read()
	w.Schedules.Pass(24 * time.Hour)
	if err := w.Clock.Idle(ctx); err != nil {
		return first, again, look, err
	}
	return first, again, m.since(before), nil
}

// standing prints what the workspaces of some specs cost as long as they exist,
// without what runs in them.
func standing(ctx context.Context, out io.Writer, files []string) error {
	fmt.Fprintf(out, "| what stays of | interface endpoints, by zone | keys | hosted zones | in a month of %d hours |\n| --- | --- | --- | --- | --- |\n", monthHours)
	for _, file := range files {
		c, err := load(io.Discard, file)
		if err != nil {
			return err
		}
		w, err := c.start(ctx, c.config())
		if err != nil {
			return err
		}
		given := map[string]int{}
		for _, o := range w.Objects() {
			given[o.Kind]++
		}
		events, err := commit(ctx, w, uploader{w}, c.path, c.text, "")
		if err != nil {
			return err
		}
		if readyOf(events) == nil {
			return fmt.Errorf("%s did not end Ready", file)
		}
		made := map[string]int{}
		for _, o := range w.Objects() {
			made[o.Kind]++
		}
		endpoints, keys, zones := addresses(w), made["key"]-given["key"], made["hosted zone"]-given["hosted zone"]
		w.Close()
		month := float64(endpoints)*monthHours*prices[endpointHours].dollars + float64(keys)*perKeyMonth + float64(zones)*perZoneMonth
		fmt.Fprintf(out, "| `%s` | %d | %d | %d | $%.2f |\n", strings.TrimPrefix(file, "./"), endpoints, keys, zones, month)
	}
	return nil
}
