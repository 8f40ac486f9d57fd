package databricks

import (
	"fmt"
	"slices"

	"lakegate/lambda/internal/emulator/network"
	"lakegate/spec"
)

// glueConf is the setting of Spark that makes Glue its metastore.
const glueConf = "spark.databricks.hive.metastore.glueCatalog.enabled"

// databases lists what SHOW DATABASES lists on a node with these settings and
// this profile, or says why it fails: it goes to the metastore by the network.
func (s *Server) databases(ws *Workspace, m network.Machine, conf map[string]string, profileARN string) (names []string, failure string) {
	if ws.metastore != "" {
		return []string{"default", "information_schema"}, ""
	}
	if ws.legacyOff {
		return nil, "UnauthorizedAccessException: legacy access is disabled: the Hive metastore and Glue cannot be used"
	}
	if conf[glueConf] != "true" {
		host := hiveHost(ws.AWSRegion)
		if out, _ := s.reaches(m, host, 3306); out != network.Connected {
			return nil, fmt.Sprintf("MetaException: Could not connect to %s:3306: %s", host, out)
		}
		return []string{"default"}, ""
	}
	host := "glue." + ws.AWSRegion + ".amazonaws.com"
	out, address := s.reaches(m, host, 443)
	if out != network.Connected {
		return nil, fmt.Sprintf("SdkClientException: Unable to execute HTTP request: Connect to %s:443 failed: %s", host, out)
	}
	p, ok := s.cfg.AWS.InstanceProfile(profileARN)
	if !ok {
		return nil, "SdkClientException: Unable to load AWS credentials: there is no instance profile"
	}
	role, _ := s.cfg.AWS.Role(p.Role)
	const action = "glue:GetDatabases"
	account := accountOf(p.Role)
	catalog := "arn:aws:glue:" + ws.AWSRegion + ":" + account + ":catalog"
	if !permits(role.Policies, action, catalog) {
		return nil, fmt.Sprintf("AccessDeniedException: %s is not authorized to perform: %s", p.Role, action)
	}
	if !s.endpointPermits(m, address, action, catalog, account, account) {
		return nil, fmt.Sprintf("AccessDeniedException: %s is not authorized to perform: %s because no VPC endpoint policy allows the action", p.Role, action)
	}
	// Spark makes its default database where there is none.
	s.cfg.AWS.EnsureDatabase(account, ws.AWSRegion, "default")
	names = slices.Clone(s.cfg.AWS.Databases(account, ws.AWSRegion))
	return names, ""
}

func hiveHost(region string) string {
	r, _ := spec.LookupRegion(region)
	return r.HiveHost
}

func (s *Server) getLegacyAccess(_ *request, ws *Workspace) (any, error) {
	return map[string]any{
		"disable_legacy_access": map[string]bool{"value": ws.legacyOff}, "setting_name": "default", "etag": "1",
	}, nil
}

// DisableLegacyAccess turns the setting on for the workspace with this name.
func (s *Server) DisableLegacyAccess(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, ws := range s.workspaces.all() {
		if ws.WorkspaceName == name {
			ws.legacyOff = true
		}
	}
}
