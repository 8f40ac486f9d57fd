package databricks

import (
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"lakegate/lambda/internal/emulator/latency"
	"lakegate/lambda/internal/emulator/network"
	"lakegate/lambda/internal/probe"
)

// executionContext is where commands run, one after the other.
// https://docs.databricks.com/api/workspace/commandexecution
type executionContext struct {
	id, cluster, language string
	ready                 time.Time
	// free is when the last command has ended.
	free time.Time
	// start is the start of the cluster that the context belongs to.
	start int
}

type command struct {
	id, context string
	started     time.Time
	done        time.Time
	output      string
}

func (s *Server) createContext(r *request, ws *Workspace) (any, error) {
	in, err := decode[struct {
		ClusterID string `json:"clusterId"`
		Language  string `json:"language"`
	}](r)
	if err != nil {
		return nil, err
	}
	c, err := s.runningCluster(ws, in.ClusterID)
	if err != nil {
		return nil, err
	}
	if in.Language != "python" {
		return nil, notEmulated("a context of language " + in.Language)
	}
	x := &executionContext{
		id: fmt.Sprintf("%d", 1_000_000_000_000_000_000+ws.opened), cluster: c.ClusterID, language: in.Language, start: c.starts,
		ready: s.hub.Clock.Now().Add(s.delays.Draw(latency.ContextStart, fmt.Sprintf("%s/%d", c.ClusterName, ws.opened))),
	}
	ws.opened++
	ws.contexts[x.id] = x
	c.used = s.hub.Clock.Now()
	return map[string]string{"id": x.id}, nil
}

func (s *Server) runningCluster(ws *Workspace, id string) (*Cluster, error) {
	c, err := s.cluster(ws, id)
	if err != nil {
		return nil, err
	}
	if c.State != clusterRunning {
		return nil, invalidState("ClusterNotReadyException: Cluster %s is in state %s.", id, c.State)
	}
	return c, nil
}

// contextOf finds a context whose cluster still runs.
func (s *Server) contextOf(ws *Workspace, cluster, id string) (*executionContext, *Cluster, error) {
	c, err := s.runningCluster(ws, cluster)
	if err != nil {
		return nil, nil, err
	}
	x, ok := ws.contexts[id]
	if !ok || x.cluster != cluster || x.start != c.starts {
		return nil, nil, missing("Context", id)
	}
	return x, c, nil
}

func (s *Server) getContext(r *request, ws *Workspace) (any, error) {
	q := r.http.URL.Query()
	x, _, err := s.contextOf(ws, q.Get("clusterId"), q.Get("contextId"))
	if err != nil {
		return nil, err
	}
	return map[string]string{"id": x.id, "status": s.contextState(x)}, nil
}

func (s *Server) contextState(x *executionContext) string {
	if s.hub.Clock.Now().Before(x.ready) {
		return "Pending"
	}
	return "Running"
}

func (s *Server) destroyContext(r *request, ws *Workspace) (any, error) {
	in, err := decode[struct {
		ClusterID string `json:"clusterId"`
		ContextID string `json:"contextId"`
	}](r)
	if err != nil {
		return nil, err
	}
	if _, ok := ws.contexts[in.ContextID]; !ok {
		return nil, missing("Context", in.ContextID)
	}
	delete(ws.contexts, in.ContextID)
	return struct{}{}, nil
}

// executeCommand runs a command against the network as it is when the command
// begins. Only the probe of this project can be run: there is no Python here.
func (s *Server) executeCommand(r *request, ws *Workspace) (any, error) {
	in, err := decode[struct {
		ClusterID string `json:"clusterId"`
		ContextID string `json:"contextId"`
		Language  string `json:"language"`
		Command   string `json:"command"`
	}](r)
	if err != nil {
		return nil, err
	}
	x, c, err := s.contextOf(ws, in.ClusterID, in.ContextID)
	if err != nil {
		return nil, err
	}
	if s.contextState(x) != "Running" {
		return nil, invalidState("ContextNotReady: Context %s is Pending.", x.id)
	}
	attempts, err := probe.Attempts(in.Command)
	if err != nil {
		return nil, notEmulated("a command other than the probe")
	}
	m, err := s.node(ws)
	if err != nil {
		return nil, err
	}
	var results []probe.Result
	longest := 0
	for _, a := range attempts {
		result := s.try(ws, c, m, a)
		results = append(results, result)
		longest = max(longest, result.Milliseconds)
	}
	k := &command{id: fmt.Sprintf("%x", s.digest("commands", x.id)[:16]), context: x.id, started: s.hub.Clock.Now()}
	if k.output, err = probe.Output(results); err != nil {
		return nil, err
	}
	took := time.Duration(longest)*time.Millisecond + s.delays.Draw(latency.Command, ws.WorkspaceName+"/"+k.id)
	if k.started.Before(x.free) {
		// A context runs one command at a time.
		k.started = x.free
	}
	k.done = k.started.Add(took)
	if x.free = k.done; k.done.After(c.used) {
		c.used = k.done
	}
	ws.commands[k.id] = k
	return map[string]string{"id": k.id}, nil
}

func (s *Server) getCommand(r *request, ws *Workspace) (any, error) {
	q := r.http.URL.Query()
	x, _, err := s.contextOf(ws, q.Get("clusterId"), q.Get("contextId"))
	if err != nil {
		return nil, err
	}
	k, ok := ws.commands[q.Get("commandId")]
	if !ok || k.context != x.id {
		return nil, missing("Command", q.Get("commandId"))
	}
	if s.hub.Clock.Now().Before(k.done) {
		return map[string]any{"id": k.id, "status": "Running", "results": nil}, nil
	}
	return map[string]any{"id": k.id, "status": "Finished", "results": map[string]any{"resultType": "text", "data": k.output}}, nil
}

// instant is how long what succeeds takes, in milliseconds.
const instant = 12

// try makes one attempt from a node.
func (s *Server) try(ws *Workspace, c *Cluster, m network.Machine, a probe.Attempt) probe.Result {
	out := probe.Result{ID: a.ID, Milliseconds: instant}
	switch a.Kind {
	case probe.Resolve, probe.Connect, probe.TLS, probe.DNS, probe.DNSOverTCP:
		addresses, ok := s.addressesOf(m, a.Host)
		if !ok {
			out.Outcome, out.Error = probe.Unresolved, "[Errno -2] Name or service not known"
			return out
		}
		for _, address := range addresses {
			out.Addresses = append(out.Addresses, address.String())
		}
		if out.Outcome = probe.Resolved; a.Kind == probe.Resolve {
			return out
		}
		protocol := map[string]string{probe.Connect: network.TCP, probe.TLS: network.TLS, probe.DNS: network.UDP, probe.DNSOverTCP: network.TLS}[a.Kind]
		s.connect(&out, m, addresses[0], a.Port, protocol, a.Host, a.Seconds)
		if a.Kind == probe.DNS || a.Kind == probe.DNSOverTCP {
			out.Addresses = nil
			if out.Outcome == probe.Connected {
				out.Outcome = probe.Answered
			}
		}
	case probe.Get:
		u, err := url.Parse(a.URL)
		if err != nil {
			out.Outcome, out.Error = probe.Failed, err.Error()
			return out
		}
		addresses, ok := s.addressesOf(m, u.Hostname())
		if !ok {
			out.Outcome, out.Error = probe.Unresolved, "[Errno -2] Name or service not known"
			return out
		}
		if s.connect(&out, m, addresses[0], 443, network.TLS, u.Hostname(), a.Seconds); out.Outcome == probe.Connected {
			out.Outcome, out.Status = probe.Answered, s.fetch(m, u.Hostname(), u.Path, addresses[0])
		}
	case probe.Databases:
		names, failure := s.databases(ws, m, c.SparkConf, c.profile())
		out.Outcome, out.Values, out.Milliseconds = probe.Answered, names, 900
		if failure != "" {
			out.Outcome, out.Error = probe.Failed, failure
		}
	case probe.Conf:
		out.Outcome = probe.Answered
		if v, ok := c.SparkConf[a.Key]; ok {
			out.Values = []string{v}
		}
	default:
		out.Outcome, out.Error = probe.Failed, "KeyError: '"+a.Kind+"'"
	}
	return out
}

func (s *Server) addressesOf(m network.Machine, host string) ([]netip.Addr, bool) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, true
	}
	return s.cfg.Network.Resolve(m, host)
}

func (s *Server) connect(out *probe.Result, m network.Machine, to netip.Addr, port int, protocol, host string, seconds int) {
	out.Outcome = string(s.cfg.Network.Connect(m, to, port, protocol, host))
	switch network.Outcome(out.Outcome) {
	case network.Timeout:
		out.Error, out.Milliseconds = "timed out", 1000*max(seconds, 1)
	case network.Refused:
		out.Error = "[Errno 111] Connection refused"
	case network.Unreachable:
		out.Error = "[Errno 101] Network is unreachable"
	}
}
