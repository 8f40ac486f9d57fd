package databricks

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// updatable are the members of a workspace that PATCH can change, and whether
// a failed workspace starts anew when one of them is sent.
// https://docs.databricks.com/api/account/workspaces/update
var updatable = map[string]struct{ restarts bool }{
	"credentials_id":                           {restarts: true},
	"storage_configuration_id":                 {restarts: true},
	"network_id":                               {restarts: true},
	"private_access_settings_id":               {restarts: true},
	"managed_services_customer_managed_key_id": {restarts: true},
	"storage_customer_managed_key_id":          {restarts: true},
	"custom_tags":                              {},
}

// immutable are the members that never change. The others, such as the status,
// are the service's own.
var immutable = []string{"aws_region", "deployment_name", "workspace_name", "pricing_tier", "compute_mode"}

// updateWorkspace changes a workspace. With update_mask the named members are
// taken from the body, without it all that the body has.
func (s *Server) updateWorkspace(r *request) (any, error) {
	ws, err := take(&s.workspaces, nounWorkspace, r.id())
	if err != nil {
		return nil, err
	}
	switch ws.WorkspaceStatus {
	case statusRunning, statusFailed:
	default:
		return nil, invalidState("Workspace %s cannot be updated while it is %s", ws.id(), ws.WorkspaceStatus)
	}
	fields, err := changes(r, ws)
	if err != nil {
		return nil, err
	}
	next := *ws
	next.CustomTags = nil
	restart := false
	for name, value := range fields {
		if err := json.Unmarshal(member(name, value), &next); err != nil {
			return nil, malformed("Could not parse %s: %v", name, err)
		}
		restart = restart || updatable[name].restarts
	}
	if len(next.CustomTags) == 0 {
		next.CustomTags = ws.CustomTags
	}
	if err := s.checkUpdate(ws, &next); err != nil {
		return nil, err
	}
	before := ws.NetworkID
	*ws = next
	if ws.NetworkID != before {
		s.detach(before)
		s.attach(ws)
		s.uproot(ws)
	}
	// A workspace in a customer-managed VPC stays RUNNING while it is changed.
	if restart && ws.WorkspaceStatus == statusFailed {
		s.provision(ws)
	}
	return ws, nil
}

// changes are the members that a request wants to set.
func changes(r *request, ws *Workspace) (map[string]json.RawMessage, error) {
	body, err := decode[map[string]json.RawMessage](r)
	if err != nil {
		return nil, err
	}
	fields := map[string]json.RawMessage{}
	if mask := r.http.URL.Query().Get("update_mask"); mask != "" {
		for name := range strings.SplitSeq(mask, ",") {
			name = strings.TrimSpace(name)
			if name == "network_connectivity_config_id" {
				return nil, notEmulated(name)
			}
			if _, ok := updatable[name]; !ok {
				return nil, invalid("update_mask: %s of a workspace cannot be updated", name)
			}
			value, ok := (*body)[name]
			if !ok && name == "custom_tags" {
				// No tags mean no change.
				continue
			}
			if !ok || string(value) == "null" {
				return nil, invalid("%s cannot be removed from a workspace", name)
			}
			fields[name] = value
		}
		return fields, nil
	}
	have := map[string]any{}
	if err := json.Unmarshal(reply(0, ws).Body, &have); err != nil {
		return nil, err
	}
	for name, value := range *body {
		_, changes := updatable[name]
		var want any
		if err := json.Unmarshal(value, &want); err != nil {
			return nil, malformed("Could not parse %s: %v", name, err)
		}
		switch {
		case name == "network_connectivity_config_id":
			return nil, notEmulated(name)
		case want == "" || want == nil:
			// Clients send what they leave alone as empty.
		case slices.Contains(immutable, name) && !reflect.DeepEqual(want, have[name]):
			return nil, invalid("%s of a workspace cannot be updated", name)
		case changes:
			fields[name] = value
		}
	}
	return fields, nil
}

// member is a document with one member.
func member(name string, value json.RawMessage) []byte {
	text, err := json.Marshal(map[string]json.RawMessage{name: value})
	if err != nil {
		return value
	}
	return text
}

// checkUpdate checks what may change in which state.
func (s *Server) checkUpdate(ws, next *Workspace) error {
	if next.StorageConfigurationID != ws.StorageConfigurationID && ws.WorkspaceStatus != statusFailed {
		return invalid("storage_configuration_id of a running workspace cannot be updated")
	}
	if ws.PrivateAccessSettingsID != "" && next.PrivateAccessSettingsID == "" {
		return invalid("private_access_settings_id cannot be removed from a workspace")
	}
	if ws.StorageKeyID != "" && next.StorageKeyID != ws.StorageKeyID {
		return invalid("storage_customer_managed_key_id of a workspace can be added, not changed")
	}
	if err := s.checkReferences(next); err != nil {
		return err
	}
	if s.networks.byID[ws.NetworkID].VPCEndpoints != nil && s.networks.byID[next.NetworkID].VPCEndpoints == nil {
		return invalid("network_id: a workspace with PrivateLink cannot change to a network without vpc_endpoints")
	}
	if !maps.Equal(next.CustomTags, ws.CustomTags) {
		return checkTags(next.CustomTags)
	}
	return nil
}
