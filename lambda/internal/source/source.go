// Package source finds out which specs changed and reads them: events of a
// source become executions, one per changed spec.
package source

import (
	"context"
	"fmt"
	"strings"

	"lakegate/lambda/internal/revision"
)

// Source is where specs are kept.
type Source interface {
	// Read returns the content of a revision. One that is not there any more is
	// Superseded.
	Read(context.Context, revision.Revision) ([]byte, error)
	// Newest says whether the path of a revision still has the content that it
	// has in that revision.
	Newest(context.Context, revision.Revision) (bool, error)
	// Exists says whether the path of a revision exists now, in whatever version.
	Exists(context.Context, revision.Revision) (bool, error)
}

// Sources asks the source that a revision is of, by its name.
type Sources map[string]Source

// Read returns the content of a revision.
func (s Sources) Read(ctx context.Context, r revision.Revision) ([]byte, error) {
	of, err := s.of(r)
	if err != nil {
		return nil, err
	}
	return of.Read(ctx, r)
}

// Newest says whether a revision is the newest of its path.
func (s Sources) Newest(ctx context.Context, r revision.Revision) (bool, error) {
	of, err := s.of(r)
	if err != nil {
		return false, err
	}
	return of.Newest(ctx, r)
}

// Exists says whether the path of a revision exists.
func (s Sources) Exists(ctx context.Context, r revision.Revision) (bool, error) {
	of, err := s.of(r)
	if err != nil {
		return false, err
	}
	return of.Exists(ctx, r)
}

func (s Sources) of(r revision.Revision) (Source, error) {
	of, ok := s[r.Source]
	if !ok {
		return nil, fmt.Errorf("reading revision %s: source %q is not known", r, r.Source)
	}
	return of, nil
}

// Change is a spec that changed.
type Change struct {
	Workspace string
	Revision  revision.Revision
	// Content tells contents apart; it need not be read for that.
	Content string
	// Added says that there was no spec at its path before, Deleted that there is
	// none any more; its revision is the deletion then.
	Added, Deleted bool
	// RenamedTo is the workspace that a deleted spec has become that of, RenamedFrom
	// the one that an added spec was that of.
	RenamedTo, RenamedFrom string
	// Push tells pushes apart that bring the same revision: one that goes back to
	// an older commit does, after another one has been applied.
	Push string
}

// OtherEnding is a revision's path with the other of both endings.
func OtherEnding(r revision.Revision) revision.Revision {
	if base, ok := strings.CutSuffix(r.Path, ".yaml"); ok {
		r.Path = base + ".yml"
	} else {
		r.Path = strings.TrimSuffix(r.Path, ".yml") + ".yaml"
	}
	return r
}

// isSpec says whether a path is that of a spec in a folder, as the rules do for
// buckets.
func isSpec(prefix, path string) bool {
	return strings.HasPrefix(path, prefix) && (strings.HasSuffix(path, ".yaml") || strings.HasSuffix(path, ".yml"))
}
