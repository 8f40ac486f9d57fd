package document

// IDs of what the result of a step is about, for a line of a log.

// IDs returns the id, if there is one.
func (o Object) IDs() []string {
	if o.ID == "" {
		return nil
	}
	return []string{o.ID}
}

// IDs returns those of all subnets.
func (s *Subnets) IDs() []string { return append(s.WorkspaceIDs(), s.Endpoint.IDs()...) }

// IDs returns those of both groups.
func (s *SecurityGroups) IDs() []string { return append(s.Workspace.IDs(), s.Endpoint.IDs()...) }

// IDs returns those of all tables.
func (r *RouteTables) IDs() []string { return append(r.Endpoint.IDs(), r.Workspace...) }

// IDs returns those of the keys that the spec wants.
func (k *Keys) IDs() []string { return append(k.ManagedServices.IDs(), k.Storage.IDs()...) }

// IDs returns what was taken down.
func (r Removal) IDs() []string { return r.Removed }
