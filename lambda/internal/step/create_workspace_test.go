package step_test

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestCreateWorkspace(t *testing.T) {
	t.Parallel()
	const step = "CreateWorkspace"
	t.Run("made, then found", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.does(step, "Created", "databricks:CreateWorkspace")
		r.does(step, "Found")
		var w struct{ URL string }
		r.result(step, &w)
		if !strings.HasPrefix(w.URL, "https://dbc-") {
			t.Errorf("its URL is %s", w.URL)
		}
	})
	t.Run("of another storage", func(t *testing.T) {
		t.Parallel()
		r := at(t, "AwaitWorkspace")
		r.doc["storage"] = json.RawMessage(`{"id":"another"}`)
		r.refuses(step, "Conflict", "another", "spec.databricks.storageName", "metadata.name")
	})
	t.Run("a deployment name without a prefix", func(t *testing.T) {
		t.Parallel()
		r := at(t, step, "  databricks: {accountId:", "  databricks: {deploymentName: mito, accountId:")
		err := r.step(step)
		c, m := class(err)
		same(t, "class", "Conflict", c)
		contains(t, m, "prefix", "spec.databricks.deploymentName")
	})
	t.Run("FAILED, and mended", func(t *testing.T) {
		t.Parallel()
		r := at(t, step)
		r.world.Databricks.FailWorkspace("mito", "no room")
		if err := r.persist(step); err != nil {
			t.Fatal(err)
		}
		first := r.id(step)
		err := r.settle("AwaitWorkspace")
		c, m := class(err)
		same(t, "class", "ActionRequired", c)
		contains(t, m, "FAILED", "no room", "repaired")
		r.revise(step)
		r.does(step, "Updated", "databricks:UpdateWorkspace")
		same(t, "id", first, r.id(step))
		if err := r.persist("AwaitWorkspace"); err != nil {
			t.Fatal(err)
		}
	})
}
