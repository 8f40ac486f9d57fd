package databricks

import (
	"cmp"
	"regexp"
	"strconv"
	"time"
)

const nounWorkspace = "Workspace"

// The states of a workspace.
const (
	statusProvisioning = "PROVISIONING"
	statusRunning      = "RUNNING"
	statusFailed       = "FAILED"
	statusCancelling   = "CANCELLING"
)

const tierEnterprise = "ENTERPRISE"

// Workspace is a workspace with a customer-managed VPC.
// https://docs.databricks.com/api/account/workspaces
type Workspace struct {
	WorkspaceID             int64             `json:"workspace_id"`
	WorkspaceName           string            `json:"workspace_name"`
	AWSRegion               string            `json:"aws_region"`
	CreationTime            int64             `json:"creation_time"`
	DeploymentName          string            `json:"deployment_name"`
	WorkspaceStatus         string            `json:"workspace_status"`
	WorkspaceStatusMessage  string            `json:"workspace_status_message"`
	AccountID               string            `json:"account_id"`
	CredentialsID           string            `json:"credentials_id"`
	StorageConfigurationID  string            `json:"storage_configuration_id"`
	NetworkID               string            `json:"network_id,omitempty"`
	PrivateAccessSettingsID string            `json:"private_access_settings_id,omitempty"`
	ManagedServicesKeyID    string            `json:"managed_services_customer_managed_key_id,omitempty"`
	StorageKeyID            string            `json:"storage_customer_managed_key_id,omitempty"`
	PricingTier             string            `json:"pricing_tier"`
	ComputeMode             string            `json:"compute_mode,omitempty"`
	CustomTags              map[string]string `json:"custom_tags,omitempty"`

	// attempt counts the times that provisioning has started.
	attempt int
	// settled is when the relay knows the endpoints of compute.
	settled time.Time
	// metastore is the id of the assigned metastore of Unity Catalog.
	metastore string
	// legacyOff is the setting disable_legacy_access.
	legacyOff bool
	// moves counts the changes of the network, lost what ran meanwhile.
	moves, lost int

	profiles  []instanceProfile
	pools     []pool
	sqlConfig sqlConfig
	clusters  collection[Cluster]
	contexts  map[string]*executionContext
	// opened counts the contexts that there have been.
	opened   int64
	commands map[string]*command
	// warehouses and their statements.
	warehouses collection[Warehouse]
	statements map[string]*statementRun
}

func (w *Workspace) id() string { return strconv.FormatInt(w.WorkspaceID, 10) }

// URL is where people find the workspace.
func (w *Workspace) URL() string { return "https://" + w.DeploymentName + ".cloud.databricks.com" }

// createWorkspace starts a workspace. Two workspaces can have the same name.
func (s *Server) createWorkspace(r *request) (any, error) {
	ws, err := decode[Workspace](r)
	if err != nil {
		return nil, err
	}
	if n := len([]rune(ws.WorkspaceName)); n < 1 || n > 100 {
		return nil, invalid("workspace_name must have 1 to 100 characters, has %d", n)
	}
	if ws.AWSRegion == "" {
		return nil, required("aws_region")
	}
	if err := s.checkModes(ws); err != nil {
		return nil, err
	}
	if err := s.checkReferences(ws); err != nil {
		return nil, err
	}
	if err := checkTags(ws.CustomTags); err != nil {
		return nil, err
	}
	if ws.DeploymentName, err = s.deploymentName(ws); err != nil {
		return nil, err
	}
	ws.WorkspaceID = s.newWorkspaceID(ws.WorkspaceName)
	ws.AccountID = s.cfg.AccountID
	ws.CreationTime = s.millis()
	ws.clusters, ws.warehouses = newCollection[Cluster](), newCollection[Warehouse]()
	ws.contexts, ws.commands, ws.statements = map[string]*executionContext{}, map[string]*command{}, map[string]*statementRun{}
	ws.sqlConfig = newSQLConfig()
	add(s, &s.workspaces, ws.id(), ws)
	s.attach(ws)
	s.provision(ws)
	return ws, nil
}

func (s *Server) listWorkspaces(*request) (any, error) { return list(s, &s.workspaces, same), nil }

func (s *Server) getWorkspace(r *request) (any, error) {
	return find(s, &s.workspaces, nounWorkspace, r.id())
}

func (s *Server) deleteWorkspace(r *request) (any, error) {
	ws, err := take(&s.workspaces, nounWorkspace, r.id())
	if err != nil {
		return nil, err
	}
	if ws.WorkspaceStatus != statusCancelling {
		s.cancel(ws)
	}
	return ws, nil
}

// checkModes checks the enumerations, and refuses what is not emulated.
func (s *Server) checkModes(ws *Workspace) error {
	ws.PricingTier = cmp.Or(ws.PricingTier, s.cfg.PricingTier)
	switch ws.PricingTier {
	case "COMMUNITY_EDITION", "DEDICATED", tierEnterprise, "PREMIUM", "STANDARD":
	default:
		return invalid("pricing_tier %q is not known", ws.PricingTier)
	}
	switch ws.ComputeMode {
	case "", "HYBRID":
	case "SERVERLESS":
		return notEmulated("compute_mode SERVERLESS")
	default:
		return invalid("compute_mode %q is not known", ws.ComputeMode)
	}
	if ws.NetworkID == "" {
		return notEmulated("a workspace without network_id, in a VPC that Databricks manages,")
	}
	return nil
}

// checkReferences checks that everything a workspace is made of exists, fits
// together and is free.
func (s *Server) checkReferences(ws *Workspace) error {
	if ws.CredentialsID == "" {
		return required("credentials_id")
	}
	if _, ok := s.credentials.byID[ws.CredentialsID]; !ok {
		return invalid("credentials_id: credential configuration %s does not exist", ws.CredentialsID)
	}
	if ws.StorageConfigurationID == "" {
		return required("storage_configuration_id")
	}
	if _, ok := s.storage.byID[ws.StorageConfigurationID]; !ok {
		return invalid("storage_configuration_id: storage configuration %s does not exist", ws.StorageConfigurationID)
	}
	n, ok := s.networks.byID[ws.NetworkID]
	if !ok {
		return invalid("network_id: network %s does not exist", ws.NetworkID)
	}
	if n.WorkspaceID != 0 && n.WorkspaceID != ws.WorkspaceID {
		return invalidState("Network %s is being used by active workspace %s", n.NetworkID, n.workspaceID())
	}
	if region := s.networkRegion(n); region != "" && region != ws.AWSRegion {
		return invalid("network %s is in region %s, the workspace is in %s", n.NetworkID, region, ws.AWSRegion)
	}
	if err := s.checkKey("managed_services_customer_managed_key_id", ws.ManagedServicesKeyID, keyManagedServices); err != nil {
		return err
	}
	if err := s.checkKey("storage_customer_managed_key_id", ws.StorageKeyID, keyStorage); err != nil {
		return err
	}
	return s.checkPrivateLink(ws, n)
}

// checkPrivateLink checks the private access settings of a workspace.
// https://github.com/databricks/terraform-provider-databricks/pull/1668
func (s *Server) checkPrivateLink(ws *Workspace, n *Network) error {
	const refused = "Cannot create PrivateLink workspace: "
	if ws.PrivateAccessSettingsID == "" {
		if n.VPCEndpoints != nil {
			return invalid(refused + "private_access_settings_id is required for a network with vpc_endpoints")
		}
		return nil
	}
	p, ok := s.privateAccess.byID[ws.PrivateAccessSettingsID]
	switch {
	case !ok:
		return invalid("private_access_settings_id: private access settings %s do not exist", ws.PrivateAccessSettingsID)
	case ws.PricingTier != tierEnterprise:
		return invalid(refused+"pricing_tier is %s", ws.PricingTier)
	case p.Region != ws.AWSRegion:
		return invalid("private access settings %s are for region %s, the workspace is in %s",
			p.PrivateAccessSettingsID, p.Region, ws.AWSRegion)
	case !p.PublicAccessEnabled && !s.frontEnd(p, n):
		return invalid(refused + "public_access_enabled is false and there is no front-end VPC endpoint")
	}
	return nil
}

func (s *Server) checkKey(field, id, use string) error {
	if id == "" {
		return nil
	}
	k, ok := s.customerManaged.byID[id]
	if !ok {
		return invalid("%s: customer-managed key %s does not exist", field, id)
	}
	for _, have := range k.UseCases {
		if have == use {
			return nil
		}
	}
	return invalid("%s: customer-managed key %s is not for use case %s", field, id, use)
}

func checkTags(tags map[string]string) error {
	for k, v := range tags {
		if n := len([]rune(k)); n < 1 || n > 127 {
			return invalid("custom_tags: the key %q must have 1 to 127 characters", k)
		}
		if n := len([]rune(v)); n > 255 {
			return invalid("custom_tags: the value of %q must have at most 255 characters", k)
		}
	}
	return nil
}

var subdomain = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$`)

// deploymentName is the first label of a workspace's host: the account's prefix
// and the wanted name, or one that the service makes up.
func (s *Server) deploymentName(ws *Workspace) (string, error) {
	name := ws.DeploymentName
	switch {
	case name == "":
		return s.newDeploymentName(ws.WorkspaceName), nil
	case s.cfg.DeploymentPrefix == "":
		return "", invalid("Deployment name cannot be used until a deployment name prefix is defined")
	case name == "EMPTY":
		name = s.cfg.DeploymentPrefix
	default:
		name = s.cfg.DeploymentPrefix + "-" + name
	}
	if !subdomain.MatchString(name) {
		return "", invalid("Deployment name %q must be a subdomain of at most 64 characters", name)
	}
	for _, other := range s.workspaces.all() {
		if other.DeploymentName == name {
			return "", exists("Deployment name", name)
		}
	}
	return name, nil
}

func workspaceHeader(r *request) string {
	return cmp.Or(r.http.Header.Get("X-Databricks-Workspace-Id"), r.http.Header.Get("X-Databricks-Org-Id"))
}

// workspaceOf finds the workspace that a request names by header or by host.
func (s *Server) workspaceOf(r *request) *Workspace {
	if id := workspaceHeader(r); id != "" {
		return s.workspaces.byID[id]
	}
	return s.workspaceOfHost(r.http.Host)
}

// enter finds the workspace that a request is for, by header or by host, and
// refuses those that its caller cannot reach.
func (s *Server) enter(r *request) (*Workspace, error) {
	id := workspaceHeader(r)
	ws := s.workspaceOf(r)
	if ws == nil && id == "" {
		return nil, invalid("The request names no workspace, neither by host nor by header X-Databricks-Workspace-Id")
	}
	if ws == nil || ws.WorkspaceStatus != statusRunning {
		return nil, refusal(403, "PERMISSION_DENIED", "Unauthorized access to Org: %s", id)
	}
	endpoint, err := s.arrive(r, ws.host())
	if err != nil {
		return nil, err
	}
	if !s.admits(ws, endpoint) {
		return nil, shutOut(ws)
	}
	return ws, nil
}
