package databricks

import "fmt"

const nounPool = "Instance pool"

// pool is an instance pool of a workspace. None is created by an action; tests
// add them.
// https://docs.databricks.com/api/workspace/instancepools
type pool struct {
	ID    string `json:"instance_pool_id"`
	Name  string `json:"instance_pool_name"`
	State string `json:"state"`
}

// AddPool adds a pool to the workspaces of a name.
func (s *Server) AddPool(workspace, pool string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ws := range s.workspaces.all() {
		if ws.WorkspaceName == workspace {
			ws.pools = append(ws.pools, newPool(len(ws.pools)+1, pool))
		}
	}
}

func newPool(n int, name string) pool {
	return pool{ID: fmt.Sprintf("1102-090000-pool-%d", n), Name: name, State: "ACTIVE"}
}

func (s *Server) listPools(_ *request, ws *Workspace) (any, error) {
	return map[string]any{"instance_pools": ws.pools}, nil
}

func (s *Server) deletePool(r *request, ws *Workspace) (any, error) {
	in, err := decode[pool](r)
	if err != nil {
		return nil, err
	}
	for i, p := range ws.pools {
		if p.ID == in.ID {
			ws.pools = append(ws.pools[:i:i], ws.pools[i+1:]...)
			return struct{}{}, nil
		}
	}
	return nil, refusal(404, "RESOURCE_DOES_NOT_EXIST", "%s %s does not exist", nounPool, in.ID)
}
