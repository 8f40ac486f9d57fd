package step_test

import (
	"encoding/json"
	"strings"
	"testing"

	"lakegate/lambda/internal/emulator"
)

func TestLoadSpec(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, text string) *run {
		return newRunOf(t, "mito.yaml", text, emulator.Config{Seed: 1})
	}
	refuse := func(t *testing.T, r *run, want string, texts ...string) {
		t.Helper()
		err := r.step("LoadSpec")
		if err == nil {
			t.Fatal("it was accepted")
		}
		c, m := class(err)
		same(t, "class", want, c)
		contains(t, m, texts...)
	}
	t.Run("good", func(t *testing.T) {
		t.Parallel()
		r := start(t, mito)
		if err := r.step("LoadSpec"); err != nil {
			t.Fatal(err)
		}
		if len(r.doc["digest"]) != 66 || r.doc["apiVersion"] == nil {
			t.Errorf("the document is %v", r.doc)
		}
	})
	t.Run("bad", func(t *testing.T) {
		t.Parallel()
		refuse(t, start(t, strings.Replace(mito, tokyoRegion, "mars", 1)), "SpecInvalid", "mito.yaml:", "mars", "push it again")
	})
	t.Run("another name", func(t *testing.T) {
		t.Parallel()
		refuse(t, start(t, strings.Replace(mito, "{name: mito}", "{name: kobe}", 1)), "SpecInvalid", "kobe", "mito.yaml")
	})
	t.Run("another account", func(t *testing.T) {
		t.Parallel()
		refuse(t, start(t, strings.Replace(mito, emulator.ExampleAWSAccount, "210987654321", 1)), "SpecInvalid", emulator.ExampleAWSAccount, "210987654321")
	})
	t.Run("two files", func(t *testing.T) {
		t.Parallel()
		r := start(t, mito)
		if _, err := r.world.Commit("workspaces/mito.yml", []byte(mito)); err != nil {
			t.Fatal(err)
		}
		refuse(t, r, "SpecInvalid", "mito.yml", "Delete one")
	})
	t.Run("renamed in the meantime", func(t *testing.T) {
		t.Parallel()
		r := start(t, mito)
		for _, path := range []string{"workspaces/mito.yaml", "workspaces/mito.yml"} {
			if _, err := r.world.Commit(path, []byte(mito)); err != nil {
				t.Fatal(err)
			}
		}
		refuse(t, r, "Superseded", "not the newest")
	})
	t.Run("in a folder", func(t *testing.T) {
		t.Parallel()
		r := start(t, mito)
		r.first["input"] = json.RawMessage(strings.Replace(string(r.first["input"]), `"mito"`, `"rejected-12345678"`, 1))
		refuse(t, r, "SpecInvalid", "metadata.name")
	})
	t.Run("a version that is gone", func(t *testing.T) {
		t.Parallel()
		r := start(t, mito)
		r.first["input"] = json.RawMessage(`{"workspace":"mito","revision":{"source":"s3","repository":"lakegate-specs","path":"workspaces/mito.yaml","version":"VX.iySn8Lakl4bHOiwX4YWTeinsbv_wi"}}`)
		refuse(t, r, "Superseded")
	})
}
