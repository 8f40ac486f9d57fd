package databricks

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"lakegate/lambda/internal/emulator/latency"
)

// The states of a cluster.
const (
	clusterPending    = "PENDING"
	clusterRunning    = "RUNNING"
	clusterTerminated = "TERMINATED"
)

// Cluster is a cluster of a workspace; what it was asked for is kept as it came.
// https://docs.databricks.com/api/workspace/clusters
type Cluster struct {
	ClusterID              string             `json:"cluster_id"`
	ClusterName            string             `json:"cluster_name"`
	SparkVersion           string             `json:"spark_version"`
	NodeTypeID             string             `json:"node_type_id"`
	NumWorkers             int                `json:"num_workers"`
	IsSingleNode           bool               `json:"is_single_node,omitempty"`
	Kind                   string             `json:"kind,omitempty"`
	DataSecurityMode       string             `json:"data_security_mode,omitempty"`
	SingleUserName         string             `json:"single_user_name,omitempty"`
	AutoterminationMinutes int                `json:"autotermination_minutes"`
	SparkConf              map[string]string  `json:"spark_conf,omitempty"`
	CustomTags             map[string]string  `json:"custom_tags,omitempty"`
	AWSAttributes          *AWSAttributes     `json:"aws_attributes,omitempty"`
	EnableElasticDisk      bool               `json:"enable_elastic_disk,omitempty"`
	State                  string             `json:"state"`
	StateMessage           string             `json:"state_message"`
	StartTime              int64              `json:"start_time"`
	TerminatedTime         int64              `json:"terminated_time,omitempty"`
	TerminationReason      *TerminationReason `json:"termination_reason,omitempty"`
	CreatorUserName        string             `json:"creator_user_name"`
	ClusterSource          string             `json:"cluster_source"`

	// starts counts the starts, used is when the last command on it ends. since is
	// the last start, ran how long its machines ran before that.
	starts int
	used   time.Time
	ran    time.Duration
	since  time.Time
}

// AWSAttributes are the parts of a cluster that only AWS has.
type AWSAttributes struct {
	InstanceProfileARN string `json:"instance_profile_arn,omitempty"`
	Availability       string `json:"availability,omitempty"`
	ZoneID             string `json:"zone_id,omitempty"`
	FirstOnDemand      int    `json:"first_on_demand,omitempty"`
	EBSVolumeCount     int    `json:"ebs_volume_count,omitempty"`
	EBSVolumeSize      int    `json:"ebs_volume_size,omitempty"`
	EBSVolumeType      string `json:"ebs_volume_type,omitempty"`
}

// TerminationReason is why a cluster does not run.
type TerminationReason struct {
	Code       string            `json:"code"`
	Type       string            `json:"type"`
	Parameters map[string]string `json:"parameters,omitempty"`
}

// nodeTypes are some of the nodes that a region has.
var nodeTypes = []map[string]any{
	{"node_type_id": "m5d.large", "instance_type_id": "m5d.large", "memory_mb": 8192, "num_cores": 2, "category": "General Purpose", "description": "m5d.large", "node_instance_type": map[string]any{"instance_type_id": "m5d.large", "local_disks": 1}},
	{"node_type_id": "i3.xlarge", "instance_type_id": "i3.xlarge", "memory_mb": 31232, "num_cores": 4, "category": "Storage Optimized", "description": "i3.xlarge", "node_instance_type": map[string]any{"instance_type_id": "i3.xlarge", "local_disks": 1}},
	{"node_type_id": "m4.large", "instance_type_id": "m4.large", "memory_mb": 8192, "num_cores": 2, "category": "General Purpose", "description": "m4.large", "is_deprecated": true, "support_ebs_volumes": true},
	{"node_type_id": "m6gd.large", "instance_type_id": "m6gd.large", "memory_mb": 8192, "num_cores": 2, "is_graviton": true, "category": "General Purpose", "description": "m6gd.large", "node_instance_type": map[string]any{"instance_type_id": "m6gd.large", "local_disks": 1}},
	{"node_type_id": "g4dn.xlarge", "instance_type_id": "g4dn.xlarge", "memory_mb": 16384, "num_cores": 4, "num_gpus": 1, "category": "GPU Accelerated", "description": "g4dn.xlarge", "node_instance_type": map[string]any{"instance_type_id": "g4dn.xlarge", "local_disks": 1}},
}

var sparkVersions = []map[string]string{
	{"key": "17.1.x-scala2.13", "name": "17.1 (includes Apache Spark 4.0.0, Scala 2.13)"},
	{"key": "16.4.x-scala2.12", "name": "16.4 LTS (includes Apache Spark 3.5.2, Scala 2.12)"},
	{"key": "16.4.x-gpu-ml-scala2.12", "name": "16.4 LTS ML (includes Apache Spark 3.5.2, GPU, Scala 2.12)"},
	{"key": "15.4.x-scala2.12", "name": "15.4 LTS (includes Apache Spark 3.5.0, Scala 2.12)"},
	{"key": "15.4.x-aarch64-scala2.12", "name": "15.4 LTS aarch64 (includes Apache Spark 3.5.0, Scala 2.12)"},
}

// serveCompute adds the routes of a workspace's compute.
func (s *Server) serveCompute() {
	s.workspace("POST /api/2.1/clusters/create", "CreateCluster", s.createCluster)
	s.workspace("GET /api/2.1/clusters/list", "ListClusters", s.listClusters)
	s.workspace("GET /api/2.1/clusters/get", "GetCluster", s.getCluster)
	s.workspace("POST /api/2.1/clusters/start", "StartCluster", s.startCluster)
	s.workspace("POST /api/2.1/clusters/delete", "TerminateCluster", s.terminateCluster)
	s.workspace("POST /api/2.1/clusters/permanent-delete", "DeleteCluster", s.deleteCluster)
	s.workspace("GET /api/2.1/clusters/list-node-types", "ListNodeTypes", func(*request, *Workspace) (any, error) {
		return map[string]any{"node_types": nodeTypes}, nil
	})
	s.workspace("GET /api/2.1/clusters/spark-versions", "ListSparkVersions", func(*request, *Workspace) (any, error) {
		return map[string]any{"versions": sparkVersions}, nil
	})
	s.workspace("POST /api/1.2/contexts/create", "CreateContext", s.createContext)
	s.workspace("GET /api/1.2/contexts/status", "GetContext", s.getContext)
	s.workspace("POST /api/1.2/contexts/destroy", "DestroyContext", s.destroyContext)
	s.workspace("POST /api/1.2/commands/execute", "ExecuteCommand", s.executeCommand)
	s.workspace("GET /api/1.2/commands/status", "GetCommand", s.getCommand)

	s.workspace("GET /api/2.0/instance-pools/list", "ListInstancePools", s.listPools)
	s.workspace("POST /api/2.0/instance-pools/edit", "EditInstancePool", s.editPool)
	s.workspace("POST /api/2.0/instance-pools/delete", "DeleteInstancePool", s.deletePool)

	s.workspace("POST /api/2.0/instance-profiles/add", "AddInstanceProfile", s.addInstanceProfile)
	s.workspace("GET /api/2.0/instance-profiles/list", "ListInstanceProfiles", s.listInstanceProfiles)
	s.workspace("POST /api/2.0/instance-profiles/remove", "RemoveInstanceProfile", s.removeInstanceProfile)

	s.workspace("GET /api/2.0/sql/config/warehouses", "GetWarehouseConfig", s.getSQLConfig)
	s.workspace("PUT /api/2.0/sql/config/warehouses", "SetWarehouseConfig", s.setSQLConfig)
	s.workspace("POST /api/2.0/sql/warehouses", "CreateWarehouse", s.createWarehouse)
	s.workspace("GET /api/2.0/sql/warehouses", "ListWarehouses", s.listWarehouses)
	s.workspace("GET /api/2.0/sql/warehouses/{id}", "GetWarehouse", s.getWarehouse)
	s.workspace("DELETE /api/2.0/sql/warehouses/{id}", "DeleteWarehouse", s.deleteWarehouse)
	s.workspace("POST /api/2.0/sql/warehouses/{id}/start", "StartWarehouse", s.startWarehouse)
	s.workspace("POST /api/2.0/sql/warehouses/{id}/stop", "StopWarehouse", s.stopWarehouse)
	s.workspace("POST /api/2.0/sql/statements", "ExecuteStatement", s.executeStatement)
	s.workspace("GET /api/2.0/sql/statements/{id}", "GetStatement", s.getStatement)
	s.workspace("GET /api/2.0/settings/types/disable_legacy_access/names/default", "GetDisableLegacyAccess", s.getLegacyAccess)
}

func (s *Server) createCluster(r *request, ws *Workspace) (any, error) {
	c, err := decode[Cluster](r)
	if err != nil {
		return nil, err
	}
	known := func(list []map[string]any, key, value string) bool {
		return slices.ContainsFunc(list, func(m map[string]any) bool { return m[key] == value })
	}
	switch {
	case s.cfg.Network == nil:
		return nil, notEmulated("compute without a network")
	case !slices.ContainsFunc(sparkVersions, func(v map[string]string) bool { return v["key"] == c.SparkVersion }):
		return nil, invalid("Invalid spark version %s.", c.SparkVersion)
	case !known(nodeTypes, "node_type_id", c.NodeTypeID):
		return nil, invalid("Node type %s is not supported.", c.NodeTypeID)
	case c.NumWorkers != 0:
		return nil, notEmulated("a cluster with workers")
	case !c.IsSingleNode && (c.SparkConf["spark.databricks.cluster.profile"] != "singleNode" || c.CustomTags["ResourceClass"] != "SingleNode"):
		return nil, invalid("A cluster without workers must be a single-node cluster.")
	case c.AutoterminationMinutes != 0 && (c.AutoterminationMinutes < 10 || c.AutoterminationMinutes > 10000):
		return nil, invalid("autotermination_minutes must be 0 or between 10 and 10000.")
	}
	if p := c.profile(); p != "" && !slices.ContainsFunc(ws.profiles, func(q instanceProfile) bool { return q.ARN == p }) {
		return nil, invalid("The instance profile %s is not registered with this workspace.", p)
	}
	c.ClusterID = fmt.Sprintf("1102-0900%02d-%x", len(ws.clusters.ids), s.digest("clusters/"+ws.id(), c.ClusterName)[:4])
	c.CreatorUserName, c.ClusterSource = r.client, "API"
	add(s, &ws.clusters, c.ClusterID, c)
	s.boot(ws, c)
	return map[string]string{"cluster_id": c.ClusterID}, nil
}

// RunCompute adds a running cluster and a running SQL warehouse of these names to
// the workspaces of a name, as if their users had started them.
func (s *Server) RunCompute(workspace, cluster, warehouse string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.hub.Clock.Now()
	for _, ws := range s.workspaces.all() {
		if ws.WorkspaceName != workspace {
			continue
		}
		c := &Cluster{
			ClusterID: fmt.Sprintf("1102-0900%02d-%x", len(ws.clusters.ids), s.digest("clusters/"+ws.id(), cluster)[:4]), ClusterName: cluster,
			SparkVersion: sparkVersions[1]["key"], NodeTypeID: "m5d.large", State: clusterRunning, ClusterSource: "UI", starts: 1, used: now, since: now,
		}
		add(s, &ws.clusters, c.ClusterID, c)
		w := &Warehouse{
			ID: fmt.Sprintf("%x", s.digest("warehouses/"+ws.id(), warehouse)[:8]), Name: warehouse, ClusterSize: "Small", WarehouseType: "PRO",
			State: warehouseRunning, starts: 1, used: now, since: now,
		}
		add(s, &ws.warehouses, w.ID, w)
	}
}

// StopAll stops all that runs in the workspaces of a name and empties their pools,
// as their users would.
func (s *Server) StopAll(workspace string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.hub.Clock.Now()
	for _, ws := range s.workspaces.all() {
		if ws.WorkspaceName != workspace {
			continue
		}
		for _, c := range ws.clusters.all() {
			if c.State != clusterTerminated {
				c.end(now, "USER_REQUEST", "SUCCESS", nil)
			}
		}
		for _, w := range ws.warehouses.all() {
			if w.State != warehouseStopped {
				w.halt(now)
			}
		}
		for i := range ws.pools {
			ws.pools[i].MinIdle, ws.pools[i].Stats.Idle = 0, 0
		}
	}
}

func (c *Cluster) profile() string {
	if c.AWSAttributes == nil {
		return ""
	}
	return c.AWSAttributes.InstanceProfileARN
}

// boot starts a cluster: after two thirds of the time its node looks at what it
// needs, and the cluster ends if that is not there.
func (s *Server) boot(ws *Workspace, c *Cluster) {
	c.starts++
	start := c.starts
	c.State, c.StateMessage, c.TerminationReason = clusterPending, "Finding instances for new nodes, acquiring more instances if necessary", nil
	c.StartTime, c.TerminatedTime, c.since = s.millis(), 0, s.hub.Clock.Now()
	whole := s.delays.Draw(latency.ClusterStart, ws.WorkspaceName+"/"+c.ClusterName+"/"+strconv.Itoa(start))
	current := func() bool { return c.State == clusterPending && c.starts == start }
	s.hub.Clock.After(whole*2/3, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !current() {
			return
		}
		if f := s.bootFault(ws, c.profile()); f != nil {
			c.end(s.hub.Clock.Now(), f.code, f.kind, map[string]string{"databricks_error_message": f.message})
			return
		}
		s.hub.Clock.After(whole-whole*2/3, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if current() {
				c.State, c.StateMessage, c.used = clusterRunning, "", s.hub.Clock.Now()
			}
		})
	})
}

// end terminates a cluster.
func (c *Cluster) end(at time.Time, code, kind string, parameters map[string]string) {
	c.ran += at.Sub(c.since)
	c.State, c.StateMessage, c.TerminatedTime = clusterTerminated, "", at.UnixMilli()
	c.TerminationReason = &TerminationReason{Code: code, Type: kind, Parameters: parameters}
	for _, m := range []string{"databricks_error_message", "inactivity_duration_min", "username"} {
		if text := parameters[m]; text != "" {
			c.StateMessage = text
		}
	}
}

// idle ends a cluster on which nothing has run for long, as of the time when it
// was long enough.
func (s *Server) idle(c *Cluster) {
	limit := time.Duration(c.AutoterminationMinutes) * time.Minute
	if c.State == clusterRunning && limit > 0 && s.hub.Clock.Now().Sub(c.used) >= limit {
		c.end(c.used.Add(limit), "INACTIVITY", "SUCCESS", map[string]string{"inactivity_duration_min": strconv.Itoa(c.AutoterminationMinutes)})
	}
}

func (s *Server) listClusters(_ *request, ws *Workspace) (any, error) {
	for _, c := range ws.clusters.all() {
		s.idle(c)
	}
	return map[string]any{"clusters": list(s, &ws.clusters, same)}, nil
}

func (s *Server) getCluster(r *request, ws *Workspace) (any, error) {
	id := r.http.URL.Query().Get("cluster_id")
	c, ok := ws.clusters.byID[id]
	if !ok || !s.hub.Visible(id) {
		return nil, noCluster(id)
	}
	s.idle(c)
	return c, nil
}

// noCluster is what the service answers in the place of 404.
// https://github.com/databricks/databricks-sdk-go/blob/main/apierr/error_overrides.go
func noCluster(id string) error { return invalid("Cluster %s does not exist", id) }

// cluster finds a cluster to change it, as it is by now.
func (s *Server) cluster(ws *Workspace, id string) (*Cluster, error) {
	c, ok := ws.clusters.byID[id]
	if !ok {
		return nil, noCluster(id)
	}
	s.idle(c)
	return c, nil
}

// clusterOf finds the cluster that the body of a request names.
func (s *Server) clusterOf(r *request, ws *Workspace) (*Cluster, error) {
	in, err := decode[struct {
		ClusterID string `json:"cluster_id"`
	}](r)
	if err != nil {
		return nil, err
	}
	return s.cluster(ws, in.ClusterID)
}

func (s *Server) startCluster(r *request, ws *Workspace) (any, error) {
	c, err := s.clusterOf(r, ws)
	if err != nil {
		return nil, err
	}
	if c.State != clusterTerminated {
		return nil, invalidState("Cluster %s is in unexpected state %s.", c.ClusterID, c.State)
	}
	s.boot(ws, c)
	return struct{}{}, nil
}

func (s *Server) terminateCluster(r *request, ws *Workspace) (any, error) {
	c, err := s.clusterOf(r, ws)
	if err != nil {
		return nil, err
	}
	if c.State != clusterTerminated {
		c.end(s.hub.Clock.Now(), "USER_REQUEST", "SUCCESS", map[string]string{"username": r.client})
	}
	return struct{}{}, nil
}

func (s *Server) deleteCluster(r *request, ws *Workspace) (any, error) {
	c, err := s.clusterOf(r, ws)
	if err != nil {
		return nil, err
	}
	ws.clusters.remove(c.ClusterID)
	return struct{}{}, nil
}
