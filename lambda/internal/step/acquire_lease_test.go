package step_test

import (
	"encoding/json"
	"strings"
	"testing"

	"lakegate/lambda/internal/emulator/wire"
)

func TestAcquireLease(t *testing.T) {
	t.Parallel()
	t.Run("taken, and said", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureVpc")
		var l struct{ Generation int }
		r.result("AcquireLease", &l)
		same(t, "generation", 1, l.Generation)
		status, ok := r.world.S3.Get(r.world.StateBucket, "status/mito.json")
		if !ok || !strings.Contains(string(status.Body), `"Reconciling"`) {
			t.Errorf("the status is %s", status.Body)
		}
	})
	t.Run("not told at first", func(t *testing.T) {
		t.Parallel()
		r := at(t, "AcquireLease")
		r.world.Hub.Inject(&wire.Fault{Kind: wire.Refuse, Service: "events", Action: "PutEvents", Times: -1})
		if err := r.step("AcquireLease"); err == nil {
			t.Fatal("it went on")
		}
		r.world.Hub.Clear()
		if err := r.step("AcquireLease"); err != nil {
			t.Fatal(err)
		}
		// What the status said before is not lost.
		var l struct{ Interrupted bool }
		r.result("AcquireLease", &l)
		same(t, "interrupted", false, l.Interrupted)
	})
	t.Run("not the newest", func(t *testing.T) {
		t.Parallel()
		r := at(t, "AcquireLease")
		if _, err := r.world.Commit("workspaces/mito.yaml", []byte(mito)); err != nil {
			t.Fatal(err)
		}
		r.refuses("AcquireLease", "Superseded", "not the newest")
	})
	t.Run("lost to another execution", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		older := r.doc
		r.revise("EnsureVpc")
		r.doc = older
		r.refuses("EnsureSubnets", "Superseded")
	})
	t.Run("a document of another version", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureVpc")
		r.doc["apiVersion"] = json.RawMessage(`"lakegate.dev/v9"`)
		r.refuses("EnsureVpc", "Internal", "lakegate.dev/v9")
	})
	t.Run("a document that lacks what the step needs", func(t *testing.T) {
		t.Parallel()
		r := at(t, "EnsureSubnets")
		delete(r.doc, "vpc")
		r.refuses("EnsureSubnets", "Internal", "panicked")
	})
}
