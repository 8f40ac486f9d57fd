package databricks

import "net/http"

// AddMetastore adds a metastore of Unity Catalog to a region.
func (s *Server) AddMetastore(id, region string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.metastores == nil {
		s.metastores = map[string]string{}
	}
	s.metastores[id] = region
}

// assignMetastore gives a workspace a metastore, or another one.
// https://docs.databricks.com/api/account/accountmetastoreassignments
func (s *Server) assignMetastore(r *request) (any, error) {
	ws, err := take(&s.workspaces, nounWorkspace, r.http.PathValue("workspace"))
	if err != nil {
		return nil, err
	}
	region, ok := s.metastores[r.id()]
	switch {
	case !ok:
		return nil, missing("Metastore", r.id())
	case region != ws.AWSRegion:
		return nil, invalid("Metastore %s is in region %s, the workspace is in %s", r.id(), region, ws.AWSRegion)
	case r.http.Method == http.MethodPost && ws.metastore != "":
		return nil, refusal(http.StatusConflict, "METASTORE_ALREADY_ASSIGNED", "Workspace %s has the metastore %s", ws.id(), ws.metastore)
	}
	ws.metastore = r.id()
	return struct{}{}, nil
}

func (s *Server) unassignMetastore(r *request) (any, error) {
	ws, err := take(&s.workspaces, nounWorkspace, r.http.PathValue("workspace"))
	if err != nil {
		return nil, err
	}
	if ws.metastore != r.id() {
		return nil, missing("Metastore assignment", r.id())
	}
	ws.metastore = ""
	return struct{}{}, nil
}

func (s *Server) getMetastoreAssignment(r *request) (any, error) {
	ws, err := take(&s.workspaces, nounWorkspace, r.http.PathValue("workspace"))
	if err != nil {
		return nil, err
	}
	if ws.metastore == "" {
		return nil, refusal(http.StatusNotFound, "METASTORE_DOES_NOT_EXIST", "No metastore assigned for the workspace %s", ws.id())
	}
	return map[string]any{"metastore_assignment": map[string]any{"workspace_id": ws.WorkspaceID, "metastore_id": ws.metastore}}, nil
}
