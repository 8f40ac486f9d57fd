package step_test

import "testing"

func TestEnsureKinesisEndpoint(t *testing.T) {
	t.Parallel()
	c := awsEndpoint(endpointCase{
		step: "EnsureKinesisEndpoint", object: "kinesis-endpoint", name: "mito-to-kinesis",
		given: "{name: mito-to-kinesis}", path: "spec.network.endpoints.kinesis",
		service: "com.amazonaws.ap-northeast-1.kinesis-streams",
	})
	testEndpoint(t, c)
	testPrivateDNS(t, c)
}
