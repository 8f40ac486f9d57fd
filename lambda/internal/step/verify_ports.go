package step

import (
	"context"
	"fmt"
	"strconv"

	"lakegate/lambda/internal/document"
	"lakegate/lambda/internal/probe"
)

// connectSeconds is how long a connection may take: within a region it takes
// milliseconds.
const connectSeconds = 3

// reached is a port that compute connects to.
type reached struct {
	host
	port int
	// consequence is what does not work without it; empty if nothing works.
	consequence string
}

func portsOf(doc *document.Document) []reached {
	var ports []reached
	for _, h := range hostsOf(doc) {
		if h.name == "relay" {
			ports = append(ports, reached{h, 6666, ""})
			continue
		}
		ports = append(ports, reached{h, 443, ""})
		if h.name != "workspace" {
			continue
		}
		ports = append(ports,
			reached{h, 8443, "Calls of newer runtimes to the control plane will fail."},
			reached{h, 8444, "Logs and lineage of Unity Catalog will be lost."})
		for n := 8445; n <= 8451; n++ {
			ports = append(ports, reached{h, n, "Databricks keeps the port for what is to come."})
		}
	}
	return ports
}

// verifyPorts checks that compute can connect to the control plane and to AWS
// services. The newer ports of the control plane fail nothing: reports differ
// on whether the endpoint serves them.
func verifyPorts(ctx context.Context, d *Deps, doc *document.Document) (*document.Probe, error) {
	if done, err := d.unneeded(doc, doc.PortsCheck); done != nil || err != nil {
		return done, err
	}
	ports := portsOf(doc)
	var attempts []probe.Attempt
	for _, t := range ports {
		attempts = append(attempts, probe.Attempt{ID: t.id(), Kind: probe.Connect, Host: t.host.host, Port: t.port, Seconds: connectSeconds})
	}
	out, results, err := d.onCluster(ctx, doc, "VerifyPorts", doc.PortsCheck, attempts)
	if err != nil || results == nil {
		return out, err
	}
	p := d.newProof()
	for _, t := range ports {
		r := results[t.id()]
		c := document.Check{
			ID: t.id(), What: fmt.Sprintf("TCP %d to %s is open", t.port, t.host.host), Object: t.ID,
			How: fmt.Sprintf("the cluster connected to it, within %d s", connectSeconds), Seen: seenOf(r),
			Remedy: fmt.Sprintf("TCP %d has to be let out by the workspace group and admitted by the group of %s, and no network ACL may block it.", t.port, t.ID),
		}
		if r.Outcome != probe.Connected && t.consequence != "" {
			c.Remedy = t.consequence
			p.note(c)
			continue
		}
		p.check(r.Outcome == probe.Connected, c)
	}
	out.Checks, err = d.conclude(ctx, doc, "VerifyPorts", p)
	return out, err
}

func (p reached) id() string { return "port." + p.name + "." + strconv.Itoa(p.port) }

// seenOf says in a word what came of an attempt. Times are left out: they say
// nothing and differ.
func seenOf(r probe.Result) string {
	if r.Status != 0 {
		return fmt.Sprintf("HTTP %d", r.Status)
	}
	if r.Outcome == "" {
		return "the probe said nothing"
	}
	return r.Outcome
}
