package databricks

import (
	"slices"
	"strconv"
)

const nounNetwork = "Network"

// The states of the VPC behind a network.
const (
	vpcUnattached = "UNATTACHED"
	vpcValid      = "VALID"
	vpcWarned     = "WARNED"
	vpcBroken     = "BROKEN"
)

// Network is a network configuration: the customer-managed VPC of a workspace.
// https://docs.databricks.com/api/account/networks
type Network struct {
	NetworkID        string               `json:"network_id"`
	AccountID        string               `json:"account_id"`
	WorkspaceID      int64                `json:"workspace_id,omitempty"`
	NetworkName      string               `json:"network_name"`
	VPCID            string               `json:"vpc_id"`
	SubnetIDs        []string             `json:"subnet_ids"`
	SecurityGroupIDs []string             `json:"security_group_ids"`
	VPCEndpoints     *NetworkVPCEndpoints `json:"vpc_endpoints,omitempty"`
	VPCStatus        string               `json:"vpc_status"`
	ErrorMessages    []NetworkHealth      `json:"error_messages,omitempty"`
	WarningMessages  []NetworkWarning     `json:"warning_messages,omitempty"`
	CreationTime     int64                `json:"creation_time"`
}

// NetworkVPCEndpoints are the registered endpoints of a network, one each.
type NetworkVPCEndpoints struct {
	RESTAPI        []string `json:"rest_api"`
	DataplaneRelay []string `json:"dataplane_relay"`
}

func (e *NetworkVPCEndpoints) has(id string) bool {
	return slices.Contains(e.RESTAPI, id) || slices.Contains(e.DataplaneRelay, id)
}

// NetworkHealth is one reason why a network is BROKEN. The type is one of
// credentials, networkAcl, securityGroup, subnet and vpc.
type NetworkHealth struct {
	ErrorType    string `json:"error_type"`
	ErrorMessage string `json:"error_message"`
}

// NetworkWarning is one reason why a network is WARNED. The type is subnet or
// securityGroup.
type NetworkWarning struct {
	WarningType    string `json:"warning_type"`
	WarningMessage string `json:"warning_message"`
}

func (n *Network) workspaceID() string { return strconv.FormatInt(n.WorkspaceID, 10) }

// createNetwork does not look at the VPC: the service does that when the
// network is attached to a workspace.
func (s *Server) createNetwork(r *request) (any, error) {
	n, err := decode[Network](r)
	if err != nil {
		return nil, err
	}
	if err := s.checkNetwork(n); err != nil {
		return nil, err
	}
	n.NetworkID = s.newUUID("networks", n.NetworkName)
	n.AccountID = s.cfg.AccountID
	n.WorkspaceID = 0
	n.VPCStatus, n.ErrorMessages, n.WarningMessages = vpcUnattached, nil, nil
	n.CreationTime = s.millis()
	add(s, &s.networks, n.NetworkID, n)
	return n, nil
}

func (s *Server) checkNetwork(n *Network) error {
	if err := checkName("network_name", n.NetworkName); err != nil {
		return err
	}
	switch {
	case n.VPCID == "":
		return required("vpc_id")
	case len(unique(n.SubnetIDs)) < 2:
		return invalid("subnet_ids must name at least two subnets")
	case len(n.SecurityGroupIDs) < 1 || len(n.SecurityGroupIDs) > 5:
		return invalid("security_group_ids must name one to five security groups")
	}
	if n.VPCEndpoints != nil {
		if err := s.checkNetworkEndpoints(n.VPCEndpoints); err != nil {
			return err
		}
	}
	for id, other := range s.networks.all() {
		if other.NetworkName == n.NetworkName {
			return exists(nounNetwork, n.NetworkName)
		}
		for _, subnet := range n.SubnetIDs {
			if slices.Contains(other.SubnetIDs, subnet) {
				return invalid("Subnet %s is already used by network %s", subnet, id)
			}
		}
		for _, group := range n.SecurityGroupIDs {
			if slices.Contains(other.SecurityGroupIDs, group) {
				return invalid("Security group %s is already used by network %s", group, id)
			}
		}
	}
	return nil
}

// checkNetworkEndpoints checks that a network names one registered endpoint
// for each of the two back-end services, both of one region.
func (s *Server) checkNetworkEndpoints(e *NetworkVPCEndpoints) error {
	if len(e.RESTAPI) != 1 || len(e.DataplaneRelay) != 1 {
		return invalid("vpc_endpoints must name one endpoint each for rest_api and dataplane_relay")
	}
	rest, ok := s.vpcEndpoints.byID[e.RESTAPI[0]]
	if !ok {
		return invalid("vpc_endpoints.rest_api: VPC endpoint %s does not exist", e.RESTAPI[0])
	}
	relay, ok := s.vpcEndpoints.byID[e.DataplaneRelay[0]]
	if !ok {
		return invalid("vpc_endpoints.dataplane_relay: VPC endpoint %s does not exist", e.DataplaneRelay[0])
	}
	switch {
	case !s.privateLink(rest.Region):
		return forbidden()
	case rest.UseCase == useCaseRelay:
		return malformed("Private link endpoint %s has use case %s and cannot serve rest_api", rest.VPCEndpointID, rest.UseCase)
	case relay.UseCase != useCaseRelay:
		return malformed("Private link endpoint %s has use case %s and cannot serve dataplane_relay", relay.VPCEndpointID, relay.UseCase)
	case rest.Region != relay.Region:
		return malformed("Private link endpoints %s and %s are in different regions, %s and %s",
			rest.VPCEndpointID, relay.VPCEndpointID, rest.Region, relay.Region)
	}
	for _, v := range []*VPCEndpoint{rest, relay} {
		if state := s.endpointNow(v).State; dead(state) {
			return malformed("Private link endpoint %s is in state %s", v.VPCEndpointID, state)
		}
	}
	return nil
}

// listNetworks answers the health that was last found; only a look at one
// network finds it anew.
func (s *Server) listNetworks(*request) (any, error) { return list(s, &s.networks, same), nil }

func (s *Server) getNetwork(r *request) (any, error) {
	n, err := find(s, &s.networks, nounNetwork, r.id())
	if err != nil {
		return nil, err
	}
	s.examine(n)
	return n, nil
}

func (s *Server) deleteNetwork(r *request) (any, error) {
	n, err := take(&s.networks, nounNetwork, r.id())
	if err != nil {
		return nil, err
	}
	if n.WorkspaceID != 0 {
		return nil, inUse("Network", n.workspaceID())
	}
	s.networks.remove(n.NetworkID)
	return n, nil
}

// networkRegion is the region of a network's endpoints; a network without
// endpoints has none of its own.
func (s *Server) networkRegion(n *Network) string {
	if n.VPCEndpoints == nil {
		return ""
	}
	e, ok := s.vpcEndpoints.byID[n.VPCEndpoints.RESTAPI[0]]
	if !ok {
		return ""
	}
	return e.Region
}

func unique(ids []string) []string {
	sorted := slices.Sorted(slices.Values(ids))
	return slices.Compact(sorted)
}
