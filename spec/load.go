package spec

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Load reads a spec, fills in its defaults and validates it. The error is
// Errors and says all that is wrong with the file.
func Load(file string, data []byte) (*Workspace, error) {
	found := newFindings(file)
	w := decode(found, data)
	// Of a file that is no mapping nothing more can be said.
	if w != nil && !found.silent[""] {
		written := *w
		w.Default()
		validate(found, &written, w)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return w, nil
}

// CheckFileName refuses a spec whose file is not called after the workspace:
// the file name tells which workspace a commit is about, before the file is
// read.
func CheckFileName(file, name string) error {
	base := filepath.Base(file)
	if base == name+".yaml" || base == name+".yml" {
		return nil
	}
	stem := strings.TrimSuffix(strings.TrimSuffix(base, ".yaml"), ".yml")
	return Errors{{
		File: file, Line: 1, Column: 1, Path: "metadata.name",
		Message: fmt.Sprintf("is %s, but the file is called %s: rename the file to %s.yaml, or set metadata.name to %s", quote(name), quote(base), name, quote(stem)),
	}}
}
