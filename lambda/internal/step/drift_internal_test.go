package step

import "testing"

func TestNameOfObject(t *testing.T) {
	t.Parallel()
	for step, want := range map[string]string{"EnsureStsEndpoint": "StsEndpoint", "RegisterNetwork": "Network", "CreateWorkspace": "Workspace"} {
		if got := nameOfObject(step); got != want {
			t.Errorf("%s is of %q, not %q", step, got, want)
		}
	}
}
