package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"lakegate/lambda/internal/emulator"
	"lakegate/lambda/internal/terminal"
	"lakegate/lambda/plan"
	"lakegate/spec"
)

// committed is a spec that is ready to be committed.
type committed struct {
	// path in the source, and the text as it is in the file.
	path string
	text []byte
	spec *spec.Workspace
}

// load reads and validates a spec; what is wrong with it is printed.
func load(out io.Writer, file string) (*committed, error) {
	text, err := os.ReadFile(file) //nolint:gosec // the user names the file
	if err != nil {
		return nil, err
	}
	w, err := spec.Load(file, text)
	if err == nil {
		err = spec.CheckFileName(file, w.Metadata.Name)
	}
	if err != nil {
		fmt.Fprintln(terminal.Writer{Out: out}, err)
		if errs, ok := errors.AsType[spec.Errors](err); ok {
			fmt.Fprintf(out, "\n%d errors; nothing was committed.\n", len(errs))
		}
		return nil, errReported
	}
	return &committed{path: plan.SourcePrefix + filepath.Base(file), text: text, spec: w}, nil
}

// deletable lets a spec be deleted with all that it makes, if its author has
// said nothing of that and its layout allows to add a line.
func (c *committed) deletable() {
	if bytes.Contains(c.text, []byte("deletionPolicy")) {
		return
	}
	text := append(bytes.TrimRight(c.text, "\n"), "\n  deletionPolicy: "+spec.Delete+"\n"...)
	if w, err := spec.Load(c.path, text); err == nil {
		c.text, c.spec = text, w
	}
}

// start makes a world in which everything exists that the spec gives by id or
// ARN.
func (c *committed) start(ctx context.Context, cfg emulator.Config) (*emulator.World, error) {
	w, err := emulator.Start(cfg)
	if err != nil {
		return nil, err
	}
	if err := w.Provide(ctx, c.spec); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// config is a world for the accounts and the region of a spec.
func (c *committed) config() emulator.Config { return emulator.ConfigFor(c.spec.Spec) }
