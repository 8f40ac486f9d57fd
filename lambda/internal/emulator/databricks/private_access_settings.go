package databricks

import (
	"cmp"
	"fmt"
	"slices"
)

const nounPrivateAccess = "Private access settings"

const levelEndpoint = "ENDPOINT"

// PrivateAccessSettings say who may reach a workspace, and how.
// https://docs.databricks.com/api/account/privateaccess
type PrivateAccessSettings struct {
	PrivateAccessSettingsID   string   `json:"private_access_settings_id"`
	AccountID                 string   `json:"account_id"`
	PrivateAccessSettingsName string   `json:"private_access_settings_name"`
	Region                    string   `json:"region"`
	PublicAccessEnabled       bool     `json:"public_access_enabled"`
	PrivateAccessLevel        string   `json:"private_access_level"`
	AllowedVPCEndpointIDs     []string `json:"allowed_vpc_endpoint_ids,omitempty"`
}

func (p *PrivateAccessSettings) lists(endpointID string) bool {
	return slices.Contains(p.AllowedVPCEndpointIDs, endpointID)
}

func (s *Server) createPrivateAccessSettings(r *request) (any, error) {
	p, err := decode[PrivateAccessSettings](r)
	if err != nil {
		return nil, err
	}
	if err := s.checkPrivateAccess(p, ""); err != nil {
		return nil, err
	}
	if err := checkQuota("Private access setting", len(s.privateAccess.ids), s.cfg.Quotas.PrivateAccessSettings); err != nil {
		return nil, err
	}
	p.PrivateAccessSettingsID = s.newUUID("private-access-settings", p.PrivateAccessSettingsName)
	p.AccountID = s.cfg.AccountID
	add(s, &s.privateAccess, p.PrivateAccessSettingsID, p)
	return p, nil
}

// AddPrivateAccessSettings adds settings with an id of the caller's choice, as if
// they had been there for long.
func (s *Server) AddPrivateAccessSettings(p PrivateAccessSettings) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.privateAccess.byID[p.PrivateAccessSettingsID]; taken {
		return fmt.Errorf("adding private access settings %s: they exist", p.PrivateAccessSettingsID)
	}
	if err := s.checkPrivateAccess(&p, ""); err != nil {
		return fmt.Errorf("adding private access settings %s: %w", p.PrivateAccessSettingsID, err)
	}
	p.AccountID = s.cfg.AccountID
	add(s, &s.privateAccess, p.PrivateAccessSettingsID, &p)
	return nil
}

func (s *Server) listPrivateAccessSettings(*request) (any, error) {
	return list(s, &s.privateAccess, same), nil
}

func (s *Server) getPrivateAccessSettings(r *request) (any, error) {
	return find(s, &s.privateAccess, nounPrivateAccess, r.id())
}

// replacePrivateAccessSettings overwrites the whole object: what the body omits
// is off afterwards, public access too.
func (s *Server) replacePrivateAccessSettings(r *request) (any, error) {
	old, err := take(&s.privateAccess, nounPrivateAccess, r.id())
	if err != nil {
		return nil, err
	}
	p, err := decode[PrivateAccessSettings](r)
	if err != nil {
		return nil, err
	}
	if err := s.checkPrivateAccess(p, old.PrivateAccessSettingsID); err != nil {
		return nil, err
	}
	if p.Region != old.Region {
		return nil, invalid("region of private access settings %s cannot be changed from %s to %s",
			old.PrivateAccessSettingsID, old.Region, p.Region)
	}
	p.PrivateAccessSettingsID, p.AccountID = old.PrivateAccessSettingsID, old.AccountID
	*old = *p
	return old, nil
}

func (s *Server) deletePrivateAccessSettings(r *request) (any, error) {
	p, err := take(&s.privateAccess, nounPrivateAccess, r.id())
	if err != nil {
		return nil, err
	}
	for id, ws := range s.workspaces.all() {
		if ws.PrivateAccessSettingsID == p.PrivateAccessSettingsID {
			return nil, inUse("Private Access Settings", id)
		}
	}
	s.privateAccess.remove(p.PrivateAccessSettingsID)
	return p, nil
}

// checkPrivateAccess checks settings that are to have the given id, and fills
// in the default level.
func (s *Server) checkPrivateAccess(p *PrivateAccessSettings, id string) error {
	if err := checkName("private_access_settings_name", p.PrivateAccessSettingsName); err != nil {
		return err
	}
	if p.Region == "" {
		return required("region")
	}
	p.PrivateAccessLevel = cmp.Or(p.PrivateAccessLevel, "ACCOUNT")
	switch p.PrivateAccessLevel {
	case "ACCOUNT", "ANY":
		if len(p.AllowedVPCEndpointIDs) > 0 {
			return invalid("allowed_vpc_endpoint_ids can be set only with private_access_level ENDPOINT")
		}
	case levelEndpoint:
		for _, endpoint := range p.AllowedVPCEndpointIDs {
			if _, ok := s.vpcEndpoints.byID[endpoint]; !ok {
				return invalid("allowed_vpc_endpoint_ids: VPC endpoint %s does not exist", endpoint)
			}
		}
	default:
		return invalid("private_access_level must be ACCOUNT or ENDPOINT, is %q", p.PrivateAccessLevel)
	}
	for other, v := range s.privateAccess.all() {
		if other != id && v.PrivateAccessSettingsName == p.PrivateAccessSettingsName {
			return exists(nounPrivateAccess, p.PrivateAccessSettingsName)
		}
	}
	return nil
}

// frontEnd says whether users can reach a workspace with these settings and
// this network through PrivateLink: a registered workspace endpoint is admitted
// that is not merely the back-end one of compute.
func (s *Server) frontEnd(p *PrivateAccessSettings, n *Network) bool {
	for id, e := range s.vpcEndpoints.all() {
		if e.UseCase == useCaseRelay || e.Region != p.Region {
			continue
		}
		if p.PrivateAccessLevel == levelEndpoint && p.lists(id) {
			return true
		}
		backEnd := n.VPCEndpoints != nil && n.VPCEndpoints.has(id)
		if p.PrivateAccessLevel != levelEndpoint && !backEnd {
			return true
		}
	}
	return false
}
