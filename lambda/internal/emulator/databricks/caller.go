package databricks

import (
	"errors"

	"lakegate/lambda/internal/emulator/network"
	"lakegate/lambda/internal/emulator/wire"
)

// accountHost is the account console, which has no private address.
const accountHost = "accounts.cloud.databricks.com"

// errNoReply is a call that finds no way to the host.
var errNoReply = errors.New("no reply")

// arrive follows a call to a host. It returns the VPC endpoint through which it
// comes; none means that it comes over the public network.
func (s *Server) arrive(r *request, host string) (endpoint string, err error) {
	if s.cfg.Machine == nil {
		return "", nil
	}
	m, placed := s.cfg.Machine(r.call.Caller)
	if !placed {
		return "", nil
	}
	outcome, address := s.reaches(m, host, portREST)
	if outcome != network.Connected {
		return "", errNoReply
	}
	e, _ := s.cfg.Network.Endpoint(m, address)
	return e.ID, nil
}

// admits says whether the private access settings of a workspace let in what
// comes through an endpoint, or over the public network.
// https://docs.databricks.com/aws/en/security/network/classic/private-access-settings
func (s *Server) admits(ws *Workspace, endpoint string) bool {
	p, ok := s.privateAccess.byID[ws.PrivateAccessSettingsID]
	if !ok || endpoint == "" {
		return !ok || p.PublicAccessEnabled
	}
	for id, e := range s.vpcEndpoints.all() {
		if e.AWSVPCEndpointID == endpoint && e.UseCase != useCaseRelay {
			return p.PrivateAccessLevel != levelEndpoint || p.lists(id)
		}
	}
	return false
}

// shutOut is how a workspace answers who is not admitted; the SDK takes the
// redirect to this page as PRIVATE_LINK_VALIDATION_ERROR.
func shutOut(ws *Workspace) error {
	return &verbatim{&wire.Response{Status: 302, Header: map[string][]string{
		"Location": {"/login.html?error=private-link-validation-error:" + ws.id()},
	}}}
}
