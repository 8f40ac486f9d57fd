package databricks

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"lakegate/lambda/internal/emulator/latency"
)

const nounWarehouse = "SQL warehouse"

// sqlConfig is what all SQL warehouses of a workspace have in common. A PUT
// replaces it whole.
// https://docs.databricks.com/api/workspace/warehouses/setworkspacewarehouseconfig
type sqlConfig struct {
	SecurityPolicy          string          `json:"security_policy"`
	DataAccessConfig        []confPair      `json:"data_access_config"`
	InstanceProfileARN      string          `json:"instance_profile_arn,omitempty"`
	Channel                 json.RawMessage `json:"channel,omitempty"`
	ConfigParam             json.RawMessage `json:"config_param,omitempty"`
	GlobalParam             json.RawMessage `json:"global_param,omitempty"`
	EnableServerlessCompute bool            `json:"enable_serverless_compute"`
	EnabledWarehouseTypes   json.RawMessage `json:"enabled_warehouse_types,omitempty"`
	SQLParameters           json.RawMessage `json:"sql_configuration_parameters,omitempty"`
	GoogleServiceAccount    string          `json:"google_service_account,omitempty"`
}

type confPair struct {
	Key   string `json:"key"`
	Value string `json:"value"`
}

func newSQLConfig() sqlConfig {
	return sqlConfig{
		SecurityPolicy: "DATA_ACCESS_CONTROL", DataAccessConfig: []confPair{},
		EnabledWarehouseTypes: json.RawMessage(`[{"warehouse_type":"CLASSIC","enabled":true},{"warehouse_type":"PRO","enabled":true}]`),
		SQLParameters:         json.RawMessage(`{"configuration_pairs":[{"key":"ANSI_MODE","value":"true"}]}`),
	}
}

func (s *Server) getSQLConfig(_ *request, ws *Workspace) (any, error) { return ws.sqlConfig, nil }

func (s *Server) setSQLConfig(r *request, ws *Workspace) (any, error) {
	in, err := decode[sqlConfig](r)
	if err != nil {
		return nil, err
	}
	switch in.SecurityPolicy {
	case "NONE", "DATA_ACCESS_CONTROL", "PASSTHROUGH":
	default:
		return nil, invalid("security_policy %q is not known", in.SecurityPolicy)
	}
	for _, p := range in.DataAccessConfig {
		if !strings.HasPrefix(p.Key, "spark.") {
			return nil, invalid("data_access_config: the key %q is not supported", p.Key)
		}
	}
	if in.InstanceProfileARN != "" && !slices.ContainsFunc(ws.profiles, func(p instanceProfile) bool { return p.ARN == in.InstanceProfileARN }) {
		return nil, invalid("The instance profile %s is not registered with this workspace", in.InstanceProfileARN)
	}
	ws.sqlConfig = *in
	for _, w := range ws.warehouses.all() {
		if w.State == warehouseRunning {
			s.startUp(ws, w)
		}
	}
	return struct{}{}, nil
}

// The states of a SQL warehouse.
const (
	warehouseStarting = "STARTING"
	warehouseRunning  = "RUNNING"
	warehouseStopped  = "STOPPED"
)

// Warehouse is a SQL warehouse.
// https://docs.databricks.com/api/workspace/warehouses
type Warehouse struct {
	ID                      string           `json:"id"`
	Name                    string           `json:"name"`
	ClusterSize             string           `json:"cluster_size"`
	AutoStopMins            int              `json:"auto_stop_mins"`
	WarehouseType           string           `json:"warehouse_type"`
	EnableServerlessCompute bool             `json:"enable_serverless_compute"`
	EnablePhoton            bool             `json:"enable_photon"`
	MinNumClusters          int              `json:"min_num_clusters"`
	MaxNumClusters          int              `json:"max_num_clusters"`
	SpotInstancePolicy      string           `json:"spot_instance_policy,omitempty"`
	Tags                    *WarehouseTags   `json:"tags,omitempty"`
	State                   string           `json:"state"`
	Health                  *WarehouseHealth `json:"health,omitempty"`
	CreatorName             string           `json:"creator_name"`

	starts int
	used   time.Time
	ran    time.Duration
	since  time.Time
}

// WarehouseTags are the tags of a SQL warehouse.
type WarehouseTags struct {
	CustomTags []confPair `json:"custom_tags"`
}

// WarehouseHealth says why a SQL warehouse did not start.
type WarehouseHealth struct {
	Status        string             `json:"status"`
	Summary       string             `json:"summary,omitempty"`
	Details       string             `json:"details,omitempty"`
	FailureReason *TerminationReason `json:"failure_reason,omitempty"`
}

var warehouseSizes = []string{"2X-Small", "X-Small", "Small", "Medium", "Large", "X-Large", "2X-Large", "3X-Large", "4X-Large"}

func (s *Server) createWarehouse(r *request, ws *Workspace) (any, error) {
	w, err := decode[Warehouse](r)
	if err != nil {
		return nil, err
	}
	switch {
	case s.cfg.Network == nil:
		return nil, notEmulated("compute without a network")
	case w.Name == "" || len(w.Name) > 100:
		return nil, invalid("name must have 1 to 100 characters")
	case !slices.Contains(warehouseSizes, w.ClusterSize):
		return nil, invalid("cluster_size %q is not known", w.ClusterSize)
	case w.EnableServerlessCompute:
		return nil, notEmulated("a serverless warehouse")
	case w.WarehouseType != "PRO" && w.WarehouseType != "CLASSIC":
		return nil, invalid("warehouse_type %q is not known", w.WarehouseType)
	case w.AutoStopMins != 0 && w.AutoStopMins < 10:
		return nil, invalid("auto_stop_mins must be 0 or at least 10")
	}
	for _, other := range ws.warehouses.all() {
		if other.Name == w.Name {
			return nil, exists(nounWarehouse, w.Name)
		}
	}
	w.ID = fmt.Sprintf("%x", s.digest("warehouses/"+ws.id(), w.Name)[:8])
	w.CreatorName = r.client
	add(s, &ws.warehouses, w.ID, w)
	s.startUp(ws, w)
	return map[string]string{"id": w.ID}, nil
}

// startUp starts a warehouse; what it needs is what a cluster needs.
func (s *Server) startUp(ws *Workspace, w *Warehouse) {
	w.starts++
	start := w.starts
	if w.State == warehouseRunning {
		w.ran += s.hub.Clock.Now().Sub(w.since)
	}
	w.State, w.Health, w.since = warehouseStarting, nil, s.hub.Clock.Now()
	whole := s.delays.Draw(latency.WarehouseStart, ws.WorkspaceName+"/"+w.Name+"/"+strconv.Itoa(start))
	current := func() bool { return w.State == warehouseStarting && w.starts == start }
	s.hub.Clock.After(whole*2/3, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !current() {
			return
		}
		if f := s.bootFault(ws, ws.sqlConfig.InstanceProfileARN); f != nil {
			w.halt(s.hub.Clock.Now())
			w.Health = &WarehouseHealth{Status: "FAILED", Summary: f.message, FailureReason: &TerminationReason{Code: f.code, Type: f.kind}}
			return
		}
		s.hub.Clock.After(whole-whole*2/3, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if current() {
				w.State, w.Health, w.used = warehouseRunning, &WarehouseHealth{Status: "HEALTHY"}, s.hub.Clock.Now()
			}
		})
	})
}

func (w *Warehouse) halt(at time.Time) {
	w.ran += at.Sub(w.since)
	w.State = warehouseStopped
}

// rest stops a warehouse that nobody has used for long, as of the time when it
// was long enough.
func (s *Server) rest(w *Warehouse) {
	limit := time.Duration(w.AutoStopMins) * time.Minute
	if w.State == warehouseRunning && limit > 0 && s.hub.Clock.Now().Sub(w.used) >= limit {
		w.halt(w.used.Add(limit))
	}
}

func (s *Server) listWarehouses(_ *request, ws *Workspace) (any, error) {
	for _, w := range ws.warehouses.all() {
		s.rest(w)
	}
	return map[string]any{"warehouses": list(s, &ws.warehouses, same)}, nil
}

func (s *Server) getWarehouse(r *request, ws *Workspace) (any, error) {
	w, err := find(s, &ws.warehouses, nounWarehouse, r.id())
	if err == nil {
		s.rest(w)
	}
	return w, err
}

func (s *Server) deleteWarehouse(r *request, ws *Workspace) (any, error) {
	w, err := take(&ws.warehouses, nounWarehouse, r.id())
	if err != nil {
		return nil, err
	}
	ws.warehouses.remove(w.ID)
	return struct{}{}, nil
}

func (s *Server) startWarehouse(r *request, ws *Workspace) (any, error) {
	w, err := take(&ws.warehouses, nounWarehouse, r.id())
	if err != nil {
		return nil, err
	}
	if s.rest(w); w.State == warehouseStopped {
		s.startUp(ws, w)
	}
	return struct{}{}, nil
}

func (s *Server) stopWarehouse(r *request, ws *Workspace) (any, error) {
	w, err := take(&ws.warehouses, nounWarehouse, r.id())
	if err != nil {
		return nil, err
	}
	if s.rest(w); w.State != warehouseStopped {
		w.halt(s.hub.Clock.Now())
	}
	return struct{}{}, nil
}

// statementRun is one statement that a warehouse runs.
// https://docs.databricks.com/api/workspace/statementexecution
type statementRun struct {
	id      string
	done    time.Time
	names   []string
	failure string
}

var showDatabases = regexp.MustCompile(`(?i)^\s*SHOW\s+(DATABASES|SCHEMAS)\s*;?\s*$`)

func (s *Server) executeStatement(r *request, ws *Workspace) (any, error) {
	in, err := decode[struct {
		WarehouseID string `json:"warehouse_id"`
		Statement   string `json:"statement"`
	}](r)
	if err != nil {
		return nil, err
	}
	w, err := take(&ws.warehouses, nounWarehouse, in.WarehouseID)
	if err != nil {
		return nil, err
	}
	if s.rest(w); w.State != warehouseRunning {
		return nil, notEmulated("a statement on a warehouse that does not run")
	}
	if !showDatabases.MatchString(in.Statement) {
		return nil, notEmulated("a statement other than SHOW DATABASES")
	}
	m, err := s.node(ws)
	if err != nil {
		return nil, err
	}
	conf := map[string]string{}
	for _, p := range ws.sqlConfig.DataAccessConfig {
		conf[p.Key] = p.Value
	}
	now := s.hub.Clock.Now()
	x := &statementRun{id: s.newUUID("statements", w.Name)}
	x.done = now.Add(s.delays.Draw(latency.Command, "statement/"+x.id))
	w.used = x.done
	x.names, x.failure = s.databases(ws, m, conf, ws.sqlConfig.InstanceProfileARN)
	ws.statements[x.id] = x
	return s.statement(x), nil
}

func (s *Server) getStatement(r *request, ws *Workspace) (any, error) {
	x, ok := ws.statements[r.id()]
	if !ok {
		return nil, missing("Statement", r.id())
	}
	return s.statement(x), nil
}

func (s *Server) statement(x *statementRun) any {
	out := map[string]any{"statement_id": x.id}
	switch {
	case s.hub.Clock.Now().Before(x.done):
		out["status"] = map[string]any{"state": "RUNNING"}
	case x.failure != "":
		out["status"] = map[string]any{"state": "FAILED", "error": map[string]string{"error_code": "BAD_REQUEST", "message": x.failure}}
	default:
		rows := [][]string{}
		for _, n := range x.names {
			rows = append(rows, []string{n})
		}
		out["status"] = map[string]any{"state": "SUCCEEDED"}
		out["manifest"] = map[string]any{"format": "JSON_ARRAY", "total_row_count": len(rows), "total_chunk_count": 1}
		out["result"] = map[string]any{"chunk_index": 0, "row_count": len(rows), "data_array": rows}
	}
	return out
}
