package databricks

import (
	"strconv"

	"lakegate/lambda/internal/emulator/latency"
)

// FailWorkspace makes the next provisioning of a workspace with this name end
// in FAILED with the message. The workspace need not exist yet; one that is
// being set up fails if its inputs have not been checked yet.
func (s *Server) FailWorkspace(name, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doomed[name] = message
}

// attach makes a network belong to a workspace.
func (s *Server) attach(ws *Workspace) {
	n := s.networks.byID[ws.NetworkID]
	n.WorkspaceID = ws.WorkspaceID
	s.examine(n)
}

func (s *Server) detach(networkID string) {
	n := s.networks.byID[networkID]
	n.WorkspaceID = 0
	s.examine(n)
}

// uproot ends what runs in the network that a running workspace has left, and
// lets nothing start until the relay knows the new endpoints.
// https://docs.databricks.com/api/workspaces/v1/update-workspace-public
func (s *Server) uproot(ws *Workspace) {
	if ws.WorkspaceStatus != statusRunning {
		return
	}
	ws.moves++
	settling, said := s.settling[ws.WorkspaceName]
	if !said {
		settling = s.delays.Draw(latency.PrivateLinkSettling, ws.WorkspaceName+"/"+strconv.Itoa(ws.moves))
	}
	now := s.hub.Clock.Now()
	ws.settled = now.Add(settling)
	for _, c := range ws.clusters.all() {
		if s.idle(c); c.State != clusterTerminated {
			c.end(now, "NETWORK_CONFIGURATION_FAILURE", "CLIENT_ERROR", map[string]string{"databricks_error_message": "The network of the workspace was changed."})
			ws.lost++
		}
	}
	for _, w := range ws.warehouses.all() {
		if s.rest(w); w.State != warehouseStopped {
			w.halt(now)
			ws.lost++
		}
	}
}

// Lost counts the clusters and SQL warehouses that ran in a network when its
// workspace left it.
func (s *Server) Lost(workspace string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	lost := 0
	for _, ws := range s.workspaces.all() {
		if ws.WorkspaceName == workspace {
			lost += ws.lost
		}
	}
	return lost
}

// provision sets a workspace up: after a third of the time the service has
// looked at what it is made of, and fails it if something is wrong.
func (s *Server) provision(ws *Workspace) {
	ws.attempt++
	ws.WorkspaceStatus = statusProvisioning
	ws.WorkspaceStatusMessage = "Workspace resources are being set up."
	key := ws.WorkspaceName
	if ws.attempt > 1 {
		key += "/" + strconv.Itoa(ws.attempt)
	}
	whole := s.delays.Draw(latency.WorkspaceProvisioning, key)
	s.hub.Clock.After(whole/3, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if ws.WorkspaceStatus != statusProvisioning {
			return
		}
		if fault := s.workspaceFault(ws); fault != "" {
			ws.WorkspaceStatus, ws.WorkspaceStatusMessage = statusFailed, fault
			return
		}
		s.hub.Clock.After(whole-whole/3, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			if ws.WorkspaceStatus == statusProvisioning {
				ws.WorkspaceStatus, ws.WorkspaceStatusMessage = statusRunning, "Workspace is running."
				settling, said := s.settling[ws.WorkspaceName]
				if !said {
					settling = s.delays.Draw(latency.PrivateLinkSettling, ws.WorkspaceName)
				}
				ws.settled = s.hub.Clock.Now().Add(settling)
			}
		})
	})
}

// workspaceFault says why a workspace cannot be set up; empty if it can. What
// is wrong with a network is told by the network itself.
func (s *Server) workspaceFault(ws *Workspace) string {
	if message, ok := s.doomed[ws.WorkspaceName]; ok {
		delete(s.doomed, ws.WorkspaceName)
		return message
	}
	if fault := s.roleFault(s.credentials.byID[ws.CredentialsID].AWSCredentials.STSRole.RoleARN); fault != "" {
		return fault
	}
	if fault := s.bucketFault(s.storage.byID[ws.StorageConfigurationID].RootBucketInfo.BucketName, ws.AWSRegion); fault != "" {
		return fault
	}
	n := s.networks.byID[ws.NetworkID]
	if s.examine(n); n.VPCStatus == vpcBroken {
		return "Workspace failed to launch. The network configuration " + n.NetworkName + " is not valid."
	}
	return ""
}

// cancel takes a workspace down. Until it is gone, everything that it is made
// of is in use.
func (s *Server) cancel(ws *Workspace) {
	ws.WorkspaceStatus, ws.WorkspaceStatusMessage = statusCancelling, "Workspace is being deleted."
	s.hub.Clock.After(s.delays.Draw(latency.WorkspaceDeletion, ws.WorkspaceName), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.workspaces.remove(ws.id())
		s.detach(ws.NetworkID)
	})
}
