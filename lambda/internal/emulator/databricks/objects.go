package databricks

import (
	"cmp"
	"slices"
	"time"
)

// Object is one object of the account, for people to look at.
type Object struct {
	// Kind is the segment of the path, such as vpc-endpoints.
	Kind string
	ID   string
	// Name of the object; a customer-managed key has the ARN of its key.
	Name string
	// State is the status of a workspace, a network or a registered endpoint,
	// and empty for what has none.
	State string
	// Value is the object itself, such as a Workspace.
	Value any
}

// Objects returns a copy of everything in the account, in the order of creation
// and whether reads see it yet or not.
func (s *Server) Objects() []Object {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Object
	for id, v := range s.credentials.all() {
		out = append(out, Object{"credentials", id, v.CredentialsName, "", *v})
	}
	for id, v := range s.storage.all() {
		out = append(out, Object{"storage-configurations", id, v.StorageConfigurationName, "", *v})
	}
	for id, v := range s.vpcEndpoints.all() {
		now := s.endpointNow(v)
		out = append(out, Object{"vpc-endpoints", id, v.VPCEndpointName, now.State, now})
	}
	for id, v := range s.privateAccess.all() {
		out = append(out, Object{"private-access-settings", id, v.PrivateAccessSettingsName, "", *v})
	}
	for id, v := range s.networks.all() {
		s.examine(v)
		out = append(out, Object{"networks", id, v.NetworkName, v.VPCStatus, *v})
	}
	for id, v := range s.workspaces.all() {
		out = append(out, Object{"workspaces", id, v.WorkspaceName, v.WorkspaceStatus, *v})
		out = append(out, s.inside(v)...)
	}
	for id, v := range s.customerManaged.all() {
		out = append(out, Object{"customer-managed-keys", id, v.AWSKeyInfo.KeyARN, "", *v})
	}
	slices.SortStableFunc(out, func(a, b Object) int { return cmp.Compare(s.order[a.ID], s.order[b.ID]) })
	return out
}

// inside is what is in a workspace.
func (s *Server) inside(ws *Workspace) []Object {
	var out []Object
	for _, p := range ws.profiles {
		id := ws.id() + "/" + p.ARN
		s.order[id] = s.order[ws.id()]
		out = append(out, Object{"instance-profiles", id, p.ARN, "", p})
	}
	for id, c := range ws.clusters.all() {
		s.idle(c)
		out = append(out, Object{"clusters", id, c.ClusterName, c.State, *c})
	}
	for id, w := range ws.warehouses.all() {
		s.rest(w)
		out = append(out, Object{"warehouses", id, w.Name, w.State, *w})
	}
	return out
}

// Ran says how long the machines of the clusters and SQL warehouses of all
// workspaces have been running, their starts included.
func (s *Server) Ran() (clusters, warehouses time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.hub.Clock.Now()
	for _, ws := range s.workspaces.all() {
		for _, c := range ws.clusters.all() {
			if clusters += c.ran; c.State != clusterTerminated {
				clusters += now.Sub(c.since)
			}
		}
		for _, w := range ws.warehouses.all() {
			if warehouses += w.ran; w.State != warehouseStopped {
				warehouses += now.Sub(w.since)
			}
		}
	}
	return clusters, warehouses
}
