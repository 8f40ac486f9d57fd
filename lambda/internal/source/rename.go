package source

import (
	"bytes"
	"context"
	"slices"

	"lakegate/lambda/internal/failure"
	"lakegate/lambda/internal/revision"
)

// Rename is a spec that was deleted and one that was added, which are the same
// but for the name of the workspace.
type Rename struct {
	From, To Change
}

// Renames returns the renames among the changes of one push.
func Renames(changes []Change) []Rename {
	var out []Rename
	for _, to := range changes {
		i := slices.IndexFunc(changes, func(from Change) bool { return from.Deleted && to.RenamedFrom == from.Workspace })
		if i >= 0 {
			out = append(out, Rename{From: changes[i], To: to})
		}
	}
	return out
}

// renames finds out which of the deleted specs were renamed. To git a rename is a
// deletion and an addition; their texts say whether they belong together.
func (c *CodeCommit) renames(ctx context.Context, d stateChange, changes []Change) error {
	var deleted, added []*Change
	for i := range changes {
		switch one := &changes[i]; {
		case one.Deleted:
			deleted = append(deleted, one)
		case one.Added && workspacePath.MatchString(one.Revision.Path):
			added = append(added, one)
		}
	}
	if len(deleted) == 0 || len(added) == 0 {
		return nil
	}
	before, err := c.texts(ctx, deleted, d.OldCommitID)
	if err != nil {
		return err
	}
	after, err := c.texts(ctx, added, d.CommitID)
	if err != nil {
		return err
	}
	for i, from := range deleted {
		for j, to := range added {
			if to.RenamedFrom == "" && renamed(before[i], after[j], from.Workspace, to.Workspace) {
				from.RenamedTo, to.RenamedFrom = to.Workspace, from.Workspace
				break
			}
		}
	}
	return nil
}

// renamed says whether two specs are the same but for the name of the workspace.
// An author who renames a spec may leave the old name wherever it is no
// workspace's.
func renamed(before, after []byte, from, to string) bool {
	same := func(text []byte) []byte { return bytes.ReplaceAll(text, []byte(from), []byte(to)) }
	return len(before) > 0 && bytes.Equal(same(before), same(after))
}

// reading is how many files are read side by side.
const reading = 8

// texts reads the specs of changes at a commit. What is too large for a spec has
// no text.
func (c *CodeCommit) texts(ctx context.Context, changes []*Change, commit string) ([][]byte, error) {
	texts, errs := make([][]byte, len(changes)), make([]error, len(changes))
	SideBySide(len(changes), reading, func(i int) {
		texts[i], errs[i] = c.text(ctx, changes[i].Revision, commit)
	})
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return texts, nil
}

func (c *CodeCommit) text(ctx context.Context, r revision.Revision, commit string) ([]byte, error) {
	out, err := c.find(ctx, r, commit)
	if failure.Code(err) == "FileTooLargeException" || err == nil && out == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return out.FileContent, nil
}
