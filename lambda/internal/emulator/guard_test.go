package emulator_test

import (
	"net/http"
	"strings"
	"testing"

	"lakegate/lambda/internal/emulator"
)

// Nothing outside this machine can be reached.
func TestGuard(t *testing.T) {
	t.Parallel()
	for _, address := range []string{"https://ec2.eu-west-1.amazonaws.com/", "http://10.0.0.1/", "https://accounts.cloud.databricks.com/", "http://localhost.example.test/"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		reply, err := emulator.Guard{}.RoundTrip(r)
		if err == nil {
			_ = reply.Body.Close()
		}
		if err == nil || !strings.Contains(err.Error(), "refusing") {
			t.Errorf("%s: %v", address, err)
		}
	}
}
