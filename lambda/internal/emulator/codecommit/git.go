package codecommit

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1" //nolint:gosec // the ids of git are SHA-1
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// settings make every git here leave each object in a file of its own, where it
// can be read without starting a process, and take pushes.
var settings = []string{
	"-c", "receive.unpackLimit=2147483647", "-c", "fastimport.unpackLimit=2147483647",
	"-c", "receive.autogc=false", "-c", "gc.auto=0",
	"-c", "http.receivepack=true", "-c", "init.defaultBranch=main",
}

// environment keeps the configuration of the user and of the machine out.
var environment = []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_DEFAULT_HASH=sha1"}

// repository is a bare git repository and what the service knows of it.
type repository struct {
	name, id, region, arn string
	description           string
	created, modified     time.Time
	// program is the path of git, and folder where the repository is; both are
	// empty until it is used.
	program, folder string
	// branch is the default branch; empty until one exists.
	branch string
	// refs are the ids of references by full name.
	refs map[string]string
}

const (
	heads = "refs/heads/"
	tags  = "refs/tags/"
)

// git runs git in the repository and returns what it printed.
func (r *repository) git(stdin io.Reader, args ...string) (string, error) {
	var out, failure bytes.Buffer
	cmd := exec.Command(r.program, append(slices.Clone(settings), args...)...) //nolint:noctx // a change is not left half done
	cmd.Dir, cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = r.folder, environment, stdin, &out, &failure
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("running git %s in repository %s: %w: %s", args[0], r.name, err, bytes.TrimSpace(failure.Bytes()))
	}
	return strings.TrimSpace(out.String()), nil
}

// readRefs asks git for all references.
func (r *repository) readRefs() (map[string]string, error) {
	out, err := r.git(nil, "for-each-ref", "--format=%(objectname) %(refname)")
	if err != nil {
		return nil, err
	}
	refs := map[string]string{}
	for line := range strings.Lines(out) {
		id, name, _ := strings.Cut(strings.TrimSpace(line), " ")
		refs[name] = id
	}
	return refs, nil
}

// branches returns the names of all branches, sorted.
func (r *repository) branches() []string {
	names := []string{}
	for _, ref := range slices.Sorted(maps.Keys(r.refs)) {
		if name, ok := strings.CutPrefix(ref, heads); ok {
			names = append(names, name)
		}
	}
	return names
}

// object reads an object. Its kind is empty if it does not exist.
// https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
func (r *repository) object(id string) (kind string, content []byte, err error) {
	file, err := os.Open(filepath.Join(r.folder, "objects", id[:2], id[2:]))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("reading object %s: %w", id, err)
	}
	defer func() { _ = file.Close() }()
	inflated, err := zlib.NewReader(file)
	if err != nil {
		return "", nil, fmt.Errorf("reading object %s: %w", id, err)
	}
	text, err := io.ReadAll(inflated)
	if err != nil {
		return "", nil, fmt.Errorf("reading object %s: %w", id, err)
	}
	header, content, _ := bytes.Cut(text, []byte{0})
	kind, _, _ = strings.Cut(string(header), " ")
	return kind, content, nil
}

// blobID is the id of a blob with this content.
func blobID(content []byte) string {
	h := sha1.New() //nolint:gosec // the ids of git are SHA-1
	fmt.Fprintf(h, "blob %d\x00", len(content))
	_, _ = h.Write(content)
	return hex.EncodeToString(h.Sum(nil))
}

// commit is a commit object.
type commit struct {
	id, tree          string
	parents           []string
	author, committer person
	message           string
	// more are the headers that have no member here.
	more string
}

// person is who made a commit, and when: seconds since 1970 and the offset.
type person struct {
	Name  string `json:"name"`
	Email string `json:"email"`
	Date  string `json:"date"`
}

// commit reads a commit, or that at which a tag points; nil means that there is
// none.
func (r *repository) commit(id string) (*commit, error) {
	kind, content, err := r.object(id)
	if err != nil {
		return nil, err
	}
	header, message, _ := strings.Cut(string(content), "\n\n")
	switch kind {
	case "tag":
		line, _, _ := strings.Cut(header, "\n")
		return r.commit(strings.TrimPrefix(line, "object "))
	case "commit":
	default:
		return nil, nil
	}
	c := &commit{id: id, message: message}
	for line := range strings.Lines(header) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch name {
		case "tree":
			c.tree = value
		case "parent":
			c.parents = append(c.parents, value)
		case "author":
			c.author = parsePerson(value)
		case "committer":
			c.committer = parsePerson(value)
		default:
			c.more += line
		}
	}
	return c, nil
}

// parsePerson takes "Name <email> seconds offset" apart.
func parsePerson(text string) person {
	name, rest, _ := strings.Cut(text, "<")
	email, date, _ := strings.Cut(rest, ">")
	return person{Name: strings.TrimSpace(name), Email: email, Date: strings.TrimSpace(date)}
}

// The modes of entries of a tree.
const (
	normal     = "100644"
	executable = "100755"
	symlink    = "120000"
	submodule  = "160000"
	folder     = "40000"
)

// entry is what a tree holds under a name.
type entry struct {
	name, mode, id string
}

// tree reads a tree object.
func (r *repository) tree(id string) ([]entry, error) {
	_, content, err := r.object(id)
	if err != nil {
		return nil, err
	}
	var out []entry
	for len(content) > 0 {
		header, rest, ok := bytes.Cut(content, []byte{0})
		mode, name, spaced := strings.Cut(string(header), " ")
		if !ok || !spaced || len(rest) < sha1.Size {
			return nil, fmt.Errorf("reading tree %s: it is malformed", id)
		}
		out = append(out, entry{name: name, mode: mode, id: hex.EncodeToString(rest[:sha1.Size])})
		content = rest[sha1.Size:]
	}
	return out, nil
}

// find returns what is at a path under a tree. The empty path is the tree.
func (r *repository) find(tree, path string) (e entry, ok bool, err error) {
	e = entry{mode: folder, id: tree}
	if path == "" {
		return e, true, nil
	}
	for name := range strings.SplitSeq(path, "/") {
		if e.mode != folder {
			return entry{}, false, nil
		}
		entries, err := r.tree(e.id)
		if err != nil {
			return entry{}, false, err
		}
		i := slices.IndexFunc(entries, func(e entry) bool { return e.name == name })
		if i < 0 {
			return entry{}, false, nil
		}
		e = entries[i]
	}
	return e, true, nil
}

// files adds everything under a tree that is not a folder, by path.
func (r *repository) files(tree, prefix string, into map[string]entry) error {
	entries, err := r.tree(tree)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.mode != folder {
			into[prefix+e.name] = entry{mode: e.mode, id: e.id}
		} else if err := r.files(e.id, prefix+e.name+"/", into); err != nil {
			return err
		}
	}
	return nil
}

// mergeBase is the best common ancestor of two commits; empty if there is none.
func (r *repository) mergeBase(a, b string) (string, error) {
	base, err := r.git(nil, "merge-base", a, b)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return "", nil
	}
	return base, err
}

// change is what a commit does to one file.
type change struct {
	path string
	// mode is empty if the file is deleted.
	mode string
	// id of the blob, and its content if it may be new.
	id      string
	content []byte
}

// quoted escapes what would end a path in the stream of fast-import.
var quoted = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// write makes a commit on a branch. No parent means that the branch is new.
// https://git-scm.com/docs/git-fast-import
func (r *repository) write(branch, parent, author, message string, changes []change) error {
	var in bytes.Buffer
	fmt.Fprintf(&in, "commit %s%s\nauthor %s\ncommitter %s\ndata %d\n%s\n", heads, branch, author, author, len(message), message)
	if parent != "" {
		fmt.Fprintf(&in, "from %s\n", parent)
	}
	for _, c := range changes {
		if c.mode == "" {
			fmt.Fprintf(&in, "D \"%s\"\n", quoted.Replace(c.path))
		}
	}
	for _, c := range changes {
		switch {
		case c.mode == "":
		case c.content == nil:
			fmt.Fprintf(&in, "M %s %s \"%s\"\n", c.mode, c.id, quoted.Replace(c.path))
		default:
			fmt.Fprintf(&in, "M %s inline \"%s\"\ndata %d\n%s\n", c.mode, quoted.Replace(c.path), len(c.content), c.content)
		}
	}
	_, err := r.git(&in, "fast-import", "--quiet", "--date-format=raw")
	return err
}
