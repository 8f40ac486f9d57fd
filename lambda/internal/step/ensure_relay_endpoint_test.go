package step_test

import "testing"

func TestEnsureRelayEndpoint(t *testing.T) {
	t.Parallel()
	_, service := tokyoServices(t)
	c := databricksEndpoint(endpointCase{
		step: "EnsureRelayEndpoint", object: "relay-endpoint", name: "mito-to-relay",
		given: "{name: mito-to-relay}", path: "spec.privateLink.relayEndpoint", service: service,
	})
	testEndpoint(t, c)
	testNamedService(t, c)
}
