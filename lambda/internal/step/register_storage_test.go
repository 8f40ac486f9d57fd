package step_test

import "testing"

func TestRegisterStorage(t *testing.T) {
	t.Parallel()
	t.Run("made, then found", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterStorage")
		r.does("RegisterStorage", "Created", "databricks:CreateStorageConfiguration")
		first := r.id("RegisterStorage")
		r.does("RegisterStorage", "Found")
		if again := r.id("RegisterStorage"); again != first {
			t.Errorf("%s was found, %s made", again, first)
		}
	})
	t.Run("of another bucket", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterStorage")
		r.storageOf("mito", "somebody-elses")
		r.refuses("RegisterStorage", "Conflict", "somebody-elses", "lakegate-mito-cellar", "spec.databricks.storageName")
	})
	t.Run("too many", func(t *testing.T) {
		t.Parallel()
		r := at(t, "RegisterStorage")
		for i := range 50 {
			r.storageOf("storage-"+string(rune('a'+i/10))+string(rune('0'+i%10)), "bucket-of-others")
		}
		if err := r.step("RegisterStorage"); err == nil {
			t.Fatal("it does not refuse")
		} else if c, m := class(err); c != "QuotaExceeded" {
			t.Errorf("it ends as %s: %s", c, m)
		} else {
			contains(t, m, "50", "raise the limit")
		}
	})
}
