package databricks

import "fmt"

const nounPool = "Instance pool"

// pool is an instance pool of a workspace. None is created by an action; tests
// add them.
// https://docs.databricks.com/api/workspace/instancepools
type pool struct {
	ID          string    `json:"instance_pool_id"`
	Name        string    `json:"instance_pool_name"`
	NodeTypeID  string    `json:"node_type_id"`
	MinIdle     int       `json:"min_idle_instances"`
	MaxCapacity int       `json:"max_capacity,omitempty"`
	IdleMinutes int       `json:"idle_instance_autotermination_minutes"`
	State       string    `json:"state"`
	Stats       poolStats `json:"stats"`
}

type poolStats struct {
	Idle int `json:"idle_count"`
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
	return pool{
		ID: fmt.Sprintf("1102-090000-pool-%d", n), Name: name, NodeTypeID: "m5d.large", MinIdle: 1, IdleMinutes: 60,
		State: "ACTIVE", Stats: poolStats{Idle: 1},
	}
}

// Pools lists the pools of the workspaces of a name, with how many idle instances
// they are to keep and have.
func (s *Server) Pools(workspace string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, ws := range s.workspaces.all() {
		for _, p := range ws.pools {
			if ws.WorkspaceName == workspace {
				all = append(all, fmt.Sprintf("%s keeps %d for %d minutes, has %d", p.Name, p.MinIdle, p.IdleMinutes, p.Stats.Idle))
			}
		}
	}
	return all
}

// editPool changes what a pool keeps ready. Instances that are idle for longer
// than they may be go, or are started, at once.
func (s *Server) editPool(r *request, ws *Workspace) (any, error) {
	in, err := decode[pool](r)
	if err != nil {
		return nil, err
	}
	for i := range ws.pools {
		p := &ws.pools[i]
		if p.ID != in.ID {
			continue
		}
		if in.NodeTypeID != p.NodeTypeID {
			return nil, invalid("node_type_id of a pool cannot be changed")
		}
		p.Name, p.MinIdle, p.MaxCapacity, p.IdleMinutes = in.Name, in.MinIdle, in.MaxCapacity, in.IdleMinutes
		if p.Stats.Idle < p.MinIdle || p.IdleMinutes == 0 {
			p.Stats.Idle = p.MinIdle
		}
		return struct{}{}, nil
	}
	return nil, refusal(404, "RESOURCE_DOES_NOT_EXIST", "%s %s does not exist", nounPool, in.ID)
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
