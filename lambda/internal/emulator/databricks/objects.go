package databricks

import (
	"cmp"
	"slices"
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
	}
	for id, v := range s.customerManaged.all() {
		out = append(out, Object{"customer-managed-keys", id, v.AWSKeyInfo.KeyARN, "", *v})
	}
	slices.SortFunc(out, func(a, b Object) int { return cmp.Compare(s.order[a.ID], s.order[b.ID]) })
	return out
}
