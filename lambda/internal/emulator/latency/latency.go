// Package latency says how long the emulated services take. Each duration is
// drawn anew for each object, between 60 % and 140 % of what is documented, so
// that nothing can be tuned to one value; the same seed draws the same.
package latency

import (
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"
)

// Kind is something that takes time.
type Kind string

// What takes time, and how long it usually does. Field reports give 5 to 10
// minutes for an endpoint to Databricks, 5 to 7 for a workspace, 10 to 30
// seconds for an IAM change to be seen everywhere, 1 to 2 minutes (and up to 20
// at times) for PrivateLink to settle; the others are estimates.
const (
	// DatabricksEndpoint is from the acceptance of an endpoint's connection to
	// available.
	DatabricksEndpoint Kind = "databricks-endpoint"
	// AWSEndpoint is from the creation of an interface endpoint to an AWS
	// service to available.
	AWSEndpoint Kind = "aws-endpoint"
	// PrivateDNS is from the change of an endpoint's private DNS to available.
	PrivateDNS Kind = "private-dns"
	// EndpointDeletion is from the deletion of an interface endpoint until its
	// network interfaces are gone.
	EndpointDeletion Kind = "endpoint-deletion"
	// IAMPropagation is until an IAM change is seen by Databricks.
	IAMPropagation Kind = "iam-propagation"
	// WorkspaceProvisioning is from the creation of a workspace to RUNNING.
	WorkspaceProvisioning Kind = "workspace-provisioning"
	// PrivateLinkSettling is from RUNNING of a workspace until the relay knows
	// the endpoints of its compute.
	PrivateLinkSettling Kind = "private-link-settling"
	// ClusterStart is from the start of a cluster to RUNNING.
	ClusterStart Kind = "cluster-start"
	// WarehouseStart is from the start of a SQL warehouse to RUNNING.
	WarehouseStart Kind = "warehouse-start"
	// ContextStart is from the creation of an execution context to Running.
	ContextStart Kind = "context-start"
	// Command is what the notebook machinery adds to a command's own time.
	Command Kind = "command"
	// WorkspaceDeletion is from the deletion of a workspace to 404.
	WorkspaceDeletion Kind = "workspace-deletion"
	// Invocation is what one Lambda invocation costs, its API calls included.
	Invocation Kind = "invocation"
	// Transition is what Step Functions needs from one state to the next.
	Transition Kind = "transition"
	// EventDelivery is from an event to its target.
	EventDelivery Kind = "event-delivery"
)

// Usual is the middle of each distribution.
var Usual = map[Kind]time.Duration{
	DatabricksEndpoint:    7 * time.Minute,
	AWSEndpoint:           3 * time.Minute,
	PrivateDNS:            2 * time.Minute,
	EndpointDeletion:      2 * time.Minute,
	IAMPropagation:        12 * time.Second,
	WorkspaceProvisioning: 6 * time.Minute,
	PrivateLinkSettling:   75 * time.Second,
	ClusterStart:          270 * time.Second,
	WarehouseStart:        4 * time.Minute,
	ContextStart:          5 * time.Second,
	Command:               1500 * time.Millisecond,
	WorkspaceDeletion:     4 * time.Minute,
	Invocation:            700 * time.Millisecond,
	Transition:            30 * time.Millisecond,
	EventDelivery:         500 * time.Millisecond,
}

// Source draws durations. It is safe for concurrent use.
type Source struct {
	seed  uint64
	mu    sync.Mutex
	drawn map[Kind]map[string]time.Duration
}

// NewSource returns a source that draws the same for the same seed.
func NewSource(seed uint64) *Source {
	return &Source{seed: seed, drawn: map[Kind]map[string]time.Duration{}}
}

// Draw returns the duration of a kind for one object. It depends on seed, kind
// and key alone, not on the order in which things are asked for.
func (s *Source) Draw(kind Kind, key string) time.Duration {
	h := fnv.New64a()
	_, _ = h.Write([]byte(strconv.FormatUint(s.seed, 10) + "/" + string(kind) + "/" + key))
	r := rand.New(rand.NewPCG(s.seed, h.Sum64()))
	d := time.Duration(float64(Usual[kind]) * (0.6 + 0.8*r.Float64()))
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.drawn[kind] == nil {
		s.drawn[kind] = map[string]time.Duration{}
	}
	s.drawn[kind][key] = d
	return d
}

// Drawn returns what was drawn for a kind, by key.
func (s *Source) Drawn(kind Kind) map[string]time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]time.Duration{}
	for k, d := range s.drawn[kind] {
		out[k] = d
	}
	return out
}
