package codecommit

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

type getCommitInput struct{ RepositoryName, CommitID string }

type commitInfo struct {
	AdditionalData string   `json:"additionalData"`
	Author         person   `json:"author"`
	CommitID       string   `json:"commitId"`
	Committer      person   `json:"committer"`
	Message        string   `json:"message"`
	Parents        []string `json:"parents"`
	TreeID         string   `json:"treeId"`
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetCommit.html
func (s *Service) getCommit(q *request, in getCommitInput) (any, error) {
	r, err := s.lookup(q, in.RepositoryName)
	switch {
	case err != nil:
		return nil, err
	case in.CommitID == "":
		return nil, refused("CommitIdRequired", "The id of a commit is required.")
	case !objectID.MatchString(in.CommitID):
		return nil, refused("InvalidCommitId", "The id of the commit is not valid: %s.", in.CommitID)
	}
	c, err := r.commit(in.CommitID)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, refused("CommitIdDoesNotExist", "The commit %s does not exist.", in.CommitID)
	}
	return struct {
		Commit commitInfo `json:"commit"`
	}{commitInfo{
		AdditionalData: c.more, Author: c.author, CommitID: c.id, Committer: c.committer, Message: c.message,
		Parents: append([]string{}, c.parents...), TreeID: c.tree,
	}}, nil
}

// Limits of a commit that the API makes; names, addresses and messages in
// bytes.
// https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html
// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_CreateCommit.html
const (
	maxEntries    = 100
	maxContent    = 7 << 20
	maxMessage    = 256 << 10
	maxAuthorName = 1024
	maxEmail      = 256
	keptFile      = ".gitkeep"
)

// draft is a commit in the making.
type draft struct {
	r              *repository
	branch, parent string
	name, email    string
	message        string
	keep           bool
	// before is what the parent has, and after what the commit will have.
	before, after map[string]entry
	// contents of new blobs by id, and how many bytes they are.
	contents map[string][]byte
	size     int
}

// draft checks what the actions that make commits have in common.
func (s *Service) draft(q *request, repositoryName, branch, parent, name, email, message string) (*draft, error) {
	r, err := s.lookup(q, repositoryName)
	if err != nil {
		return nil, err
	}
	if err := checkBranch(branch); err != nil {
		return nil, err
	}
	d := &draft{r: r, branch: branch, parent: parent, name: name, email: email, message: message,
		before: map[string]entry{}, contents: map[string][]byte{}}
	tip := r.refs[heads+branch]
	switch {
	case len(name) > maxAuthorName:
		return nil, refused("NameLengthExceeded", "The name of an author has at most %d characters.", maxAuthorName)
	case len(email) > maxEmail || strings.ContainsAny(email, "<>\n"):
		return nil, refused("InvalidEmail", "The email address is not valid.")
	case len(message) > maxMessage:
		return nil, refused("CommitMessageLengthExceeded", "A commit message has at most 256 KB.")
	case tip == "" && r.refs[tags+branch] != "":
		return nil, refused("BranchNameIsTagName", "The name is that of a tag: %s.", branch)
	case len(r.branches()) == 0 && parent == "":
		d.after = map[string]entry{}
		return d, nil
	case tip == "" && len(r.branches()) > 0:
		return nil, noBranch(branch)
	case parent == "":
		return nil, refused("ParentCommitIdRequired", "The id of the parent commit is required: the branch %s is at %s.", branch, tip)
	case !objectID.MatchString(parent):
		return nil, refused("InvalidParentCommitId", "The id of the parent commit is not valid: %s.", parent)
	}
	c, err := r.commit(parent)
	switch {
	case err != nil:
		return nil, err
	case c == nil:
		return nil, refused("ParentCommitDoesNotExist", "The parent commit %s does not exist.", parent)
	case parent != tip:
		return nil, refused("ParentCommitIdOutdated", "The branch %s is at %s and not at %s.", branch, tip, parent)
	}
	if err := r.files(c.tree, "", d.before); err != nil {
		return nil, err
	}
	d.after = maps.Clone(d.before)
	return d, nil
}

// put adds a file or gives it a new content.
func (d *draft) put(path, mode string, content []byte) error {
	d.size += len(content)
	if len(content) > maxFile || d.size > maxContent {
		return refused("FileContentSizeLimitExceeded", "A file has at most 6 MB, and all files of a commit at most 7 MB: use git.")
	}
	id := blobID(content)
	d.contents[id] = content
	return d.set(path, entry{mode: mode, id: id})
}

func (d *draft) set(path string, e entry) error {
	if d.before[path].mode == submodule {
		return intoSubmodule(path)
	}
	d.after[path] = e
	return nil
}

func intoSubmodule(path string) error {
	return refused("FilePathConflictsWithSubmodulePath", "The path %s is that of a submodule.", path)
}

// mode decodes a mode of a file; the usual one may be missing.
func mode(name, usual string) (string, error) {
	if name == "" {
		return usual, nil
	}
	m, ok := modes[name]
	if !ok {
		return "", refused("InvalidFileMode", "The mode of the file is not valid: %s.", name)
	}
	return m, nil
}

// checkNames says whether a name is both a file and a folder.
func (d *draft) checkNames() error {
	for path, e := range d.after {
		for i := range len(path) {
			if path[i] != '/' {
				continue
			}
			above, ok := d.after[path[:i]]
			switch {
			case !ok:
			case above.mode == submodule:
				return intoSubmodule(path[:i])
			case d.before[path] == e:
				return refused("FileNameConflictsWithDirectoryName", "%s is a folder.", path[:i])
			default:
				return refused("DirectoryNameConflictsWithFileName", "%s is a file, and so %s cannot be in it.", path[:i], path)
			}
		}
	}
	return nil
}

// keepFolders puts a file into each folder that would vanish.
func (d *draft) keepFolders() {
	held := func(folder string) bool {
		for path := range d.after {
			if strings.HasPrefix(path, folder+"/") {
				return true
			}
		}
		return false
	}
	for path := range d.before {
		if _, stays := d.after[path]; stays {
			continue
		}
		if i := strings.LastIndexByte(path, '/'); i > 0 && !held(path[:i]) {
			id := blobID(nil)
			d.contents[id] = []byte{}
			d.after[path[:i]+"/"+keptFile] = entry{mode: normal, id: id}
		}
	}
}

// commit writes the draft and returns what it changed.
func (s *Service) commit(q *request, d *draft) (*commit, []difference, error) {
	if err := d.checkNames(); err != nil {
		return nil, nil, err
	}
	if d.keep {
		d.keepFolders()
	}
	differences := compare(d.before, d.after)
	var changes []change
	for _, x := range differences {
		c := change{}
		if x.After == nil {
			c.path = x.Before.Path
		} else {
			c = change{path: x.After.Path, mode: x.After.Mode, id: x.After.BlobID, content: d.contents[x.After.BlobID]}
		}
		changes = append(changes, c)
	}
	name := d.name
	if name == "" {
		name = q.caller
	}
	author := fmt.Sprintf("%s <%s> %d +0000", strings.NewReplacer("<", "", ">", "", "\n", " ").Replace(name), d.email, q.Time.Unix())
	if err := d.r.write(d.branch, d.parent, author, d.message, changes); err != nil {
		return nil, nil, err
	}
	if err := s.settle(q, d.r, nil); err != nil {
		return nil, nil, err
	}
	c, err := d.r.commit(d.r.refs[heads+d.branch])
	return c, differences, err
}

type putFileInput struct {
	RepositoryName, BranchName, FilePath, FileMode string
	FileContent                                    []byte
	ParentCommitID, CommitMessage, Name, Email     string
}

type fileOutput struct {
	BlobID   string `json:"blobId"`
	CommitID string `json:"commitId"`
	FilePath string `json:"filePath,omitempty"`
	TreeID   string `json:"treeId"`
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_PutFile.html
func (s *Service) putFile(q *request, in putFileInput) (any, error) {
	d, err := s.draft(q, in.RepositoryName, in.BranchName, in.ParentCommitID, in.Name, in.Email, in.CommitMessage)
	if err != nil {
		return nil, err
	}
	path, err := cleanPath(in.FilePath)
	if err != nil {
		return nil, err
	}
	if len(in.FileContent) == 0 {
		return nil, refused("FileContentRequired", "The content of a file is required: this API adds no empty files.")
	}
	old, had := d.before[path]
	usual := normal
	if had {
		usual = old.mode
	}
	m, err := mode(in.FileMode, usual)
	if err != nil {
		return nil, err
	}
	if err := d.put(path, m, in.FileContent); err != nil {
		return nil, err
	}
	if had && old.id == d.after[path].id && old.mode == m {
		return nil, refused("SameFileContent", "%s has this content already.", path)
	}
	if d.message == "" {
		d.message = map[bool]string{true: "Edited ", false: "Added "}[had] + path
	}
	c, _, err := s.commit(q, d)
	if err != nil {
		return nil, err
	}
	return fileOutput{BlobID: d.after[path].id, CommitID: c.id, TreeID: c.tree}, nil
}

type deleteFileInput struct {
	RepositoryName, BranchName, FilePath       string
	ParentCommitID, CommitMessage, Name, Email string
	KeepEmptyFolders                           bool
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_DeleteFile.html
func (s *Service) deleteFile(q *request, in deleteFileInput) (any, error) {
	d, err := s.draft(q, in.RepositoryName, in.BranchName, in.ParentCommitID, in.Name, in.Email, in.CommitMessage)
	if err != nil {
		return nil, err
	}
	path, err := cleanPath(in.FilePath)
	if err != nil {
		return nil, err
	}
	old, err := d.remove(path)
	if err != nil {
		return nil, err
	}
	d.keep = in.KeepEmptyFolders
	if d.message == "" {
		d.message = "Deleted " + path
	}
	c, _, err := s.commit(q, d)
	if err != nil {
		return nil, err
	}
	return fileOutput{BlobID: old.id, CommitID: c.id, FilePath: path, TreeID: c.tree}, nil
}

// remove deletes a file that the parent has.
func (d *draft) remove(path string) (entry, error) {
	old, ok := d.before[path]
	switch {
	case !ok:
		return old, refused("FileDoesNotExist", "Could not find path %s", path)
	case old.mode == submodule:
		return old, intoSubmodule(path)
	}
	delete(d.after, path)
	return old, nil
}

type createCommitInput struct {
	RepositoryName, BranchName, ParentCommitID string
	AuthorName, Email, CommitMessage           string
	KeepEmptyFolders                           bool
	PutFiles                                   []putFileEntry
	DeleteFiles                                []deleteFileEntry
	SetFileModes                               []setFileModeEntry
}

type putFileEntry struct {
	FilePath, FileMode string
	FileContent        []byte
	SourceFile         *struct {
		FilePath string
		IsMove   bool
	}
}

type deleteFileEntry struct{ FilePath string }

type setFileModeEntry struct{ FilePath, FileMode string }

type createCommitOutput struct {
	CommitID string     `json:"commitId"`
	TreeID   string     `json:"treeId"`
	Added    []fileInfo `json:"filesAdded"`
	Updated  []fileInfo `json:"filesUpdated"`
	Deleted  []fileInfo `json:"filesDeleted"`
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_CreateCommit.html
func (s *Service) createCommit(q *request, in createCommitInput) (any, error) {
	d, err := s.draft(q, in.RepositoryName, in.BranchName, in.ParentCommitID, in.AuthorName, in.Email, in.CommitMessage)
	if err != nil {
		return nil, err
	}
	switch n := len(in.PutFiles) + len(in.DeleteFiles) + len(in.SetFileModes); {
	case n == 0:
		return nil, refused("FileEntryRequired", "A commit changes at least one file.")
	case n > maxEntries:
		return nil, refused("MaximumFileEntriesExceeded", "A commit changes at most %d files, not %d: use git.", maxEntries, n)
	}
	d.keep = in.KeepEmptyFolders
	if err := d.apply(in); err != nil {
		return nil, err
	}
	if maps.Equal(d.before, d.after) {
		return nil, refused("NoChange", "The commit would change nothing.")
	}
	if d.message == "" {
		d.message = "Changed files"
	}
	c, differences, err := s.commit(q, d)
	if err != nil {
		return nil, err
	}
	out := createCommitOutput{CommitID: c.id, TreeID: c.tree, Added: []fileInfo{}, Updated: []fileInfo{}, Deleted: []fileInfo{}}
	for _, x := range differences {
		switch x.ChangeType {
		case "A":
			out.Added = append(out.Added, infoOf(x.After))
		case "M":
			out.Updated = append(out.Updated, infoOf(x.After))
		default:
			out.Deleted = append(out.Deleted, infoOf(x.Before))
		}
	}
	return out, nil
}

// apply does to the draft what the entries of a CreateCommit say, each for
// another path.
func (d *draft) apply(in createCommitInput) error {
	var seen []string
	claim := func(path string) (string, error) {
		path, err := cleanPath(path)
		if err == nil && slices.Contains(seen, path) {
			err = refused("SamePathRequest", "The path %s is there twice.", path)
		}
		seen = append(seen, path)
		return path, err
	}
	for _, x := range in.DeleteFiles {
		path, err := claim(x.FilePath)
		if err != nil {
			return err
		}
		if _, err := d.remove(path); err != nil {
			return err
		}
	}
	for _, x := range in.SetFileModes {
		path, err := claim(x.FilePath)
		if err != nil {
			return err
		}
		if x.FileMode == "" {
			return refused("FileModeRequired", "The mode of %s is required.", path)
		}
		m, err := mode(x.FileMode, "")
		if err != nil {
			return err
		}
		old, ok := d.before[path]
		if !ok {
			return refused("FileDoesNotExist", "Could not find path %s", path)
		}
		if err := d.set(path, entry{mode: m, id: old.id}); err != nil {
			return err
		}
	}
	var puts []string
	for _, x := range in.PutFiles {
		path, err := claim(x.FilePath)
		if err != nil {
			return err
		}
		for _, other := range puts {
			if strings.HasPrefix(path, other+"/") || strings.HasPrefix(other, path+"/") {
				return refused("PutFileEntryConflict", "%s and %s cannot both be files.", path, other)
			}
		}
		puts = append(puts, path)
		if err := d.putEntry(path, x, claim); err != nil {
			return err
		}
	}
	return nil
}

func (d *draft) putEntry(path string, x putFileEntry, claim func(string) (string, error)) error {
	usual := normal
	if old, ok := d.before[path]; ok {
		usual = old.mode
	}
	if x.SourceFile == nil {
		m, err := mode(x.FileMode, usual)
		switch {
		case err != nil:
			return err
		case x.FileContent == nil:
			return refused("SourceFileOrContentRequired", "The content of %s is required, or a file to take it from.", path)
		case len(x.FileContent) == 0:
			return notEmulated("an empty file in CreateCommit")
		}
		return d.put(path, m, x.FileContent)
	}
	if x.FileContent != nil {
		return refused("FileContentAndSourceFileSpecified", "%s has both a content and a file to take it from.", path)
	}
	from, err := cleanPath(x.SourceFile.FilePath)
	if err != nil {
		return err
	}
	source, ok := d.before[from]
	switch {
	case !ok || source.mode == submodule:
		return refused("FileDoesNotExist", "Could not find path %s", from)
	case from == keptFile || strings.HasSuffix(from, "/"+keptFile):
		return refused("RestrictedSourceFile", "%s is neither copied nor moved.", from)
	}
	m, err := mode(x.FileMode, source.mode)
	if err != nil {
		return err
	}
	if x.SourceFile.IsMove {
		if _, err := claim(from); err != nil {
			return err
		}
		delete(d.after, from)
	}
	return d.set(path, entry{mode: m, id: source.id})
}
