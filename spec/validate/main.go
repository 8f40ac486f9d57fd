// Command validate checks workspace specs as the state machine does, and shows
// what is wrong with them where it is wrong. It needs no accounts and no
// network.
//
//	go run ./spec/validate PATH...
//
// A path is a file, or a folder with files that end in .yaml or .yml. The exit
// status is 0 if all specs are valid, 1 if one is not or cannot be read, 2 if
// none was named. In a workflow of GitHub Actions what is wrong is annotated.
package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"lakegate/spec"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: validate PATH...")
		os.Exit(2)
	}
	var to reporter = terminal{os.Stderr}
	// https://docs.github.com/en/actions/reference/workflows-and-actions/variables#default-environment-variables
	if os.Getenv("GITHUB_ACTIONS") == "true" {
		to = workflow{os.Stdout}
	}
	if !run(os.Args[1:], os.Stdout, to) {
		os.Exit(1)
	}
}

// reporter says what is wrong.
type reporter interface {
	// spec is about a file with the text data.
	spec(file string, data []byte, err error)
	// path is about one that cannot be read.
	path(path string, err error)
}

// run checks all specs at the paths and reports whether all of them are valid.
func run(paths []string, stdout io.Writer, to reporter) bool {
	valid := true
	// Two files that hold the same workspace would take it from each other.
	holds := map[string]string{}
	for _, path := range paths {
		files, err := specs(path)
		if err != nil {
			to.path(path, err)
			valid = false
			continue
		}
		if len(files) == 0 {
			fmt.Fprintf(stdout, "%s: no specs\n", printable(path))
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				to.path(file, err)
				valid = false
				continue
			}
			w, err := spec.Load(file, data)
			if err == nil {
				err = spec.CheckFileName(file, w.Metadata.Name)
			}
			if err == nil {
				err = checkAlone(holds, filepath.Clean(file), w.Metadata.Name)
			}
			if err != nil {
				to.spec(file, data, err)
				valid = false
				continue
			}
			fmt.Fprintf(stdout, "%s: valid: %s\n", printable(file), printable(summary(w)))
		}
	}
	return valid
}

// checkAlone returns an error if another file holds the workspace.
func checkAlone(holds map[string]string, file, name string) error {
	if other := holds[name]; other != "" && other != file {
		return fmt.Errorf("%s holds the workspace %q, and so does %s: remove one of them", file, name, other)
	}
	holds[name] = file
	return nil
}

// specs returns the files that a path stands for. Of a folder these are all
// below it, without what is hidden.
func specs(path string) ([]string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []string{path}, nil
	}
	var files []string
	err = filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case file != path && strings.HasPrefix(entry.Name(), "."):
			if entry.IsDir() {
				return filepath.SkipDir
			}
		case !entry.IsDir() && slices.Contains([]string{".yaml", ".yml"}, filepath.Ext(file)):
			files = append(files, file)
		}
		return nil
	})
	return files, err
}

// summary says in one line what the spec would make.
func summary(w *spec.Workspace) string {
	vpc := w.Spec.Network.VPC
	network := fmt.Sprintf("new VPC %s %s", vpc.Name, vpc.CIDR)
	if vpc.ID != "" {
		network = "existing VPC " + vpc.ID
	}
	return fmt.Sprintf("workspace %s in %s, %d workspace subnets in %s",
		w.Metadata.Name, w.Spec.Region, len(w.Spec.Network.WorkspaceSubnets), network)
}
