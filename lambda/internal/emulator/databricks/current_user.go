package databricks

// me answers who the caller is; all service principals are admins of all
// workspaces.
// https://docs.databricks.com/api/workspace/currentuser/me
func (s *Server) me(r *request, ws *Workspace) (any, error) {
	out := reply(200, map[string]any{
		"schemas":  []string{"urn:ietf:params:scim:schemas:core:2.0:User"},
		"id":       r.client,
		"userName": r.client,
		"active":   true,
		"groups":   []map[string]string{{"display": "admins", "type": "direct"}},
	})
	out.Header["X-Databricks-Org-Id"] = []string{ws.id()}
	return out, nil
}
