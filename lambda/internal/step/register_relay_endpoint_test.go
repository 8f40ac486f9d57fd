package step_test

import "testing"

func TestRegisterRelayEndpoint(t *testing.T) {
	t.Parallel()
	r := at(t, "RegisterRelayEndpoint")
	r.does("RegisterRelayEndpoint", "Created", "databricks:CreateVpcEndpoint")
	r.does("RegisterRelayEndpoint", "Found")
	var made struct{ UseCase string }
	r.result("RegisterRelayEndpoint", &made)
	same(t, "use case", "DATAPLANE_RELAY_ACCESS", made.UseCase)
	// The workspace's endpoint in its place is noticed.
	r.doc["relayEndpoint"] = r.doc["workspaceEndpoint"]
	r.refuses("RegisterRelayEndpoint", "Conflict", "WORKSPACE_ACCESS", "swapped")
}
