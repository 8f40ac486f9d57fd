package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"lakegate/lambda/internal/emulator"
)

// author pushes specs to a world.
type author interface {
	// where specs go, for people.
	where() string
	// push brings a file to where specs are, under a path.
	push(ctx context.Context, path string, text []byte, message string) error
	// remove deletes the file at a path.
	remove(ctx context.Context, path, message string) error
	// close forgets what was kept for that on this machine.
	close()
}

// newAuthor returns an author who pushes to a source: s3 or git.
func newAuthor(ctx context.Context, w *emulator.World, source string) (author, error) {
	switch source {
	case "s3":
		return uploader{w}, nil
	case "git":
		return newCommitter(ctx, w)
	}
	return nil, fmt.Errorf("the source is %q, but it must be s3 or git", source)
}

// uploader puts specs into the source bucket.
type uploader struct{ world *emulator.World }

func (u uploader) where() string { return "s3://" + u.world.SourceBucket }

func (u uploader) push(_ context.Context, path string, text []byte, _ string) error {
	_, err := u.world.Commit(path, text)
	return err
}

func (u uploader) remove(_ context.Context, path, _ string) error {
	_, err := u.world.Remove(path)
	return err
}

func (uploader) close() {}

// committer works on a clone of the source repository, with the git of this
// machine.
type committer struct{ program, folder, address string }

func newCommitter(ctx context.Context, w *emulator.World) (*committer, error) {
	program, err := exec.LookPath("git")
	if err != nil {
		return nil, fmt.Errorf("pushing with git (install it, or leave SOURCE=git out): %w", err)
	}
	folder, err := os.MkdirTemp("", "lakegate-specs-")
	if err != nil {
		return nil, err
	}
	c := &committer{program, folder, w.CloneURL(w.SourceRepository)}
	if err := c.git(ctx, "clone", "--quiet", c.address, "."); err != nil {
		c.close()
		return nil, err
	}
	// The repository is empty, and so has no branch yet.
	if err := c.git(ctx, "checkout", "--quiet", "-b", "main"); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *committer) where() string { return c.address }

func (c *committer) push(ctx context.Context, path string, text []byte, message string) error {
	return c.pushAll(ctx, map[string][]byte{path: text}, message)
}

// pushAll pushes one commit with many files.
func (c *committer) pushAll(ctx context.Context, files map[string][]byte, message string) error {
	for path, text := range files {
		file := filepath.Join(c.folder, path)
		if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			return err
		}
	}
	return c.commit(ctx, message)
}

func (c *committer) remove(ctx context.Context, path, message string) error {
	if err := os.Remove(filepath.Join(c.folder, path)); err != nil {
		return err
	}
	return c.commit(ctx, message)
}

// commit commits whatever was changed, and pushes it.
func (c *committer) commit(ctx context.Context, message string) error {
	for _, args := range [][]string{
		{"add", "--all"}, {"commit", "--quiet", "--message", message}, {"push", "--quiet", "origin", "main"},
	} {
		if err := c.git(ctx, args...); err != nil {
			return err
		}
	}
	return nil
}

// git runs git in the clone, without the configuration of the user, so that it
// asks nothing and signs nothing.
func (c *committer) git(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, c.program, args...) //nolint:gosec // our own arguments
	cmd.Dir = c.folder
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=Spec Author", "GIT_AUTHOR_EMAIL=author@example.com",
		"GIT_COMMITTER_NAME=Spec Author", "GIT_COMMITTER_EMAIL=author@example.com",
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running git %s: %w: %s", args[0], err, out)
	}
	return nil
}

func (c *committer) close() { _ = os.RemoveAll(c.folder) }
