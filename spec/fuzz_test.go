package spec_test

import (
	"path/filepath"
	"testing"

	"lakegate/spec"
)

// FuzzLoad checks of any input that Load ends, and that it either says where
// the input is wrong or makes a spec that is read back as the same.
func FuzzLoad(f *testing.F) {
	for _, pattern := range []string{"examples/*.yaml", "testdata/invalid/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("%s has no files, error %v", pattern, err)
		}
		for _, file := range files {
			f.Add(read(f, file))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w, err := spec.Load("fuzz.yaml", data)
		if (w == nil) == (err == nil) {
			t.Fatalf("got the workspace %v and the error %v", w, err)
		}
		if err != nil {
			for _, e := range err.(spec.Errors) { //nolint:errorlint // Load promises this very type
				if e.Line < 1 || e.Column < 1 || e.Message == "" {
					t.Errorf("%+v does not say what is wrong where", e)
				}
			}
			return
		}
		checkRoundTrip(t, w)
	})
}
