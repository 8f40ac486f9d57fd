package databricks

import "strings"

const nounVPCEndpoint = "VPC endpoint"

// The use cases of a registered endpoint. WORKSPACE_ACCESS and GENERAL_ACCESS
// are the older and the newer word for the same.
const (
	useCaseWorkspace = "WORKSPACE_ACCESS"
	useCaseRelay     = "DATAPLANE_RELAY_ACCESS"
)

// VPCEndpoint is the registration of an AWS VPC endpoint.
// https://docs.databricks.com/api/account/vpcendpoints
type VPCEndpoint struct {
	VPCEndpointID        string `json:"vpc_endpoint_id"`
	AccountID            string `json:"account_id"`
	VPCEndpointName      string `json:"vpc_endpoint_name"`
	AWSVPCEndpointID     string `json:"aws_vpc_endpoint_id"`
	AWSEndpointServiceID string `json:"aws_endpoint_service_id"`
	UseCase              string `json:"use_case"`
	Region               string `json:"region"`
	AWSAccountID         string `json:"aws_account_id"`
	State                string `json:"state"`
}

// createVPCEndpoint registers an endpoint and accepts its connection. The reply
// says pending; what EC2 says is read later.
func (s *Server) createVPCEndpoint(r *request) (any, error) {
	e, err := decode[VPCEndpoint](r)
	if err != nil {
		return nil, err
	}
	if !s.privateLink(e.Region) {
		return nil, forbidden()
	}
	if err := checkName("vpc_endpoint_name", e.VPCEndpointName); err != nil {
		return nil, err
	}
	if e.Region == "" {
		return nil, required("region")
	}
	if e.AWSVPCEndpointID == "" {
		return nil, required("aws_vpc_endpoint_id")
	}
	for _, other := range s.vpcEndpoints.all() {
		switch {
		case other.AWSVPCEndpointID == e.AWSVPCEndpointID:
			// https://github.com/databricks/terraform-provider-databricks/issues/5715
			return nil, exists(nounVPCEndpoint, e.AWSVPCEndpointID)
		case other.VPCEndpointName == e.VPCEndpointName:
			return nil, exists(nounVPCEndpoint, e.VPCEndpointName)
		}
	}
	if err := checkQuota(nounVPCEndpoint, len(s.vpcEndpoints.ids), s.cfg.Quotas.VPCEndpoints); err != nil {
		return nil, err
	}
	seen, ok := s.cfg.AWS.Endpoint(e.Region, e.AWSVPCEndpointID)
	if !ok {
		return nil, malformed("Private link endpoint %s was not found in region %s", e.AWSVPCEndpointID, e.Region)
	}
	services := s.cfg.Services[e.Region]
	switch seen.ServiceName {
	case services.Workspace:
		e.UseCase = s.cfg.WorkspaceUseCase
	case services.Relay:
		e.UseCase = useCaseRelay
	default:
		return nil, malformed("Private link endpoint %s leads to %s, which is not a service of Databricks in region %s",
			e.AWSVPCEndpointID, seen.ServiceName, e.Region)
	}
	if state := lowerFirst(seen.State); dead(state) {
		return nil, malformed("Private link endpoint %s is in state %s", e.AWSVPCEndpointID, state)
	}
	if err := s.cfg.AWS.AcceptEndpoint(e.Region, e.AWSVPCEndpointID); err != nil {
		return nil, malformed("Private link endpoint %s could not be accepted: %v", e.AWSVPCEndpointID, err)
	}
	e.VPCEndpointID = s.newUUID("vpc-endpoints", e.VPCEndpointName)
	e.AccountID = s.cfg.AccountID
	e.AWSAccountID = seen.AccountID
	e.AWSEndpointServiceID = seen.ServiceName[strings.LastIndexByte(seen.ServiceName, '.')+1:]
	e.State = "pending"
	add(s, &s.vpcEndpoints, e.VPCEndpointID, e)
	return e, nil
}

func (s *Server) listVPCEndpoints(*request) (any, error) {
	return list(s, &s.vpcEndpoints, s.endpointNow), nil
}

func (s *Server) getVPCEndpoint(r *request) (any, error) {
	e, err := find(s, &s.vpcEndpoints, nounVPCEndpoint, r.id())
	if err != nil {
		return nil, err
	}
	return s.endpointNow(e), nil
}

// endpointNow is a registration with the state that EC2 has now.
func (s *Server) endpointNow(e *VPCEndpoint) VPCEndpoint {
	e.State = "deleted"
	if seen, ok := s.cfg.AWS.Endpoint(e.Region, e.AWSVPCEndpointID); ok {
		e.State = lowerFirst(seen.State)
	}
	return *e
}

func (s *Server) deleteVPCEndpoint(r *request) (any, error) {
	e, err := take(&s.vpcEndpoints, nounVPCEndpoint, r.id())
	if err != nil {
		return nil, err
	}
	for id, n := range s.networks.all() {
		if n.VPCEndpoints == nil || !n.VPCEndpoints.has(e.VPCEndpointID) {
			continue
		}
		if n.WorkspaceID != 0 {
			return nil, inUse("VPC Endpoint", n.workspaceID())
		}
		return nil, invalidState("Unable to delete, VPC Endpoint is being used by network %s", id)
	}
	for id, p := range s.privateAccess.all() {
		if p.lists(e.VPCEndpointID) {
			return nil, invalidState("Unable to delete, VPC Endpoint is being used by private access settings %s", id)
		}
	}
	s.vpcEndpoints.remove(e.VPCEndpointID)
	return e, nil
}

// dead says whether an endpoint can no longer become available.
func dead(state string) bool {
	switch state {
	case "rejected", "failed", "expired", "deleting", "deleted":
		return true
	default:
		return false
	}
}

// lowerFirst writes a state of EC2 as the API answers it; the constants of the
// AWS SDK begin with a capital.
func lowerFirst(state string) string {
	if state == "" {
		return ""
	}
	return strings.ToLower(state[:1]) + state[1:]
}
