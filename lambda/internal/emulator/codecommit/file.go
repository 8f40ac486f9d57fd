package codecommit

import (
	"maps"
	"slices"
	"strings"
)

// maxFile is how large a file may be for the API: 6 MB.
// https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html
const maxFile = 6 << 20

// modes are the names that the API has for modes of files.
var modes = map[string]string{"NORMAL": normal, "EXECUTABLE": executable, "SYMLINK": symlink}

// modeName is the name of a mode; that of old commits may have more bits.
func modeName(mode string) string {
	switch mode {
	case executable:
		return "EXECUTABLE"
	case symlink:
		return "SYMLINK"
	}
	return "NORMAL"
}

// cleanPath checks a path and takes away the slash that it may begin with.
// https://docs.aws.amazon.com/codecommit/latest/userguide/limits.html
func cleanPath(path string) (string, error) {
	path = strings.TrimPrefix(path, "/")
	if path == "" {
		return "", refused("PathRequired", "A path is required.")
	}
	parts := strings.Split(path, "/")
	if len(path) > 4096 || len(parts) > 21 || strings.ContainsAny(path, "\x00\n") || strings.HasSuffix(path, `\`) ||
		slices.ContainsFunc(parts, func(part string) bool {
			return part == "" || part == "." || part == ".." || strings.EqualFold(part, ".git")
		}) {
		return "", refused("InvalidPath", "The path is not valid: %s.", path)
	}
	return path, nil
}

// cleanFolder is cleanPath for folders: the empty path is the whole repository,
// and a slash may end it.
func cleanFolder(path string) (string, error) {
	if path = strings.Trim(path, "/"); path == "" {
		return "", nil
	}
	return cleanPath(path)
}

type getFileInput struct{ RepositoryName, CommitSpecifier, FilePath string }

type getFileOutput struct {
	BlobID      string `json:"blobId"`
	CommitID    string `json:"commitId"`
	FileContent []byte `json:"fileContent"`
	FileMode    string `json:"fileMode"`
	FilePath    string `json:"filePath"`
	FileSize    int    `json:"fileSize"`
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetFile.html
func (s *Service) getFile(q *request, in getFileInput) (any, error) {
	r, err := s.lookup(q, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	path, err := cleanPath(in.FilePath)
	if err != nil {
		return nil, err
	}
	c, err := r.head(in.CommitSpecifier)
	if err != nil {
		return nil, err
	}
	e, ok, err := r.find(c.tree, path)
	if err != nil {
		return nil, err
	}
	if !ok || e.mode == folder || e.mode == submodule {
		return nil, refused("FileDoesNotExist", "Could not find path %s", path)
	}
	_, content, err := r.object(e.id)
	if err != nil {
		return nil, err
	}
	if len(content) > maxFile {
		return nil, tooLarge(path)
	}
	return getFileOutput{BlobID: e.id, CommitID: c.id, FileContent: filled(content), FileMode: modeName(e.mode), FilePath: path, FileSize: len(content)}, nil
}

func tooLarge(what string) error {
	return refused("FileTooLarge", "%s is larger than 6 MB: read it with git.", what)
}

// filled makes an empty content one that is not null in JSON.
func filled(content []byte) []byte { return append([]byte{}, content...) }

type getBlobInput struct{ RepositoryName, BlobID string }

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetBlob.html
func (s *Service) getBlob(q *request, in getBlobInput) (any, error) {
	r, err := s.lookup(q, in.RepositoryName)
	switch {
	case err != nil:
		return nil, err
	case in.BlobID == "":
		return nil, refused("BlobIdRequired", "The id of a blob is required.")
	case !objectID.MatchString(in.BlobID):
		return nil, refused("InvalidBlobId", "The id of the blob is not valid: %s.", in.BlobID)
	}
	kind, content, err := r.object(in.BlobID)
	switch {
	case err != nil:
		return nil, err
	case kind != "blob":
		return nil, refused("BlobIdDoesNotExist", "The blob %s does not exist.", in.BlobID)
	case len(content) > maxFile:
		return nil, tooLarge("Blob " + in.BlobID)
	}
	return struct {
		Content []byte `json:"content"`
	}{filled(content)}, nil
}

type getFolderInput struct{ RepositoryName, CommitSpecifier, FolderPath string }

type treeInfo struct {
	AbsolutePath string `json:"absolutePath"`
	RelativePath string `json:"relativePath"`
	BlobID       string `json:"blobId,omitempty"`
	CommitID     string `json:"commitId,omitempty"`
	FileMode     string `json:"fileMode,omitempty"`
	TreeID       string `json:"treeId,omitempty"`
}

type getFolderOutput struct {
	CommitID      string     `json:"commitId"`
	Files         []treeInfo `json:"files"`
	FolderPath    string     `json:"folderPath"`
	SubFolders    []treeInfo `json:"subFolders"`
	SubModules    []treeInfo `json:"subModules"`
	SymbolicLinks []treeInfo `json:"symbolicLinks"`
	TreeID        string     `json:"treeId"`
}

// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetFolder.html
func (s *Service) getFolder(q *request, in getFolderInput) (any, error) {
	r, err := s.lookup(q, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	path, err := cleanFolder(in.FolderPath)
	if err != nil {
		return nil, err
	}
	c, err := r.head(in.CommitSpecifier)
	if err != nil {
		return nil, err
	}
	at, ok, err := r.find(c.tree, path)
	if err != nil {
		return nil, err
	}
	if !ok || at.mode != folder {
		return nil, refused("FolderDoesNotExist", "Could not find folder %s", path)
	}
	entries, err := r.tree(at.id)
	if err != nil {
		return nil, err
	}
	out := getFolderOutput{
		CommitID: c.id, FolderPath: path, TreeID: at.id,
		Files: []treeInfo{}, SubFolders: []treeInfo{}, SubModules: []treeInfo{}, SymbolicLinks: []treeInfo{},
	}
	for _, e := range entries {
		i := treeInfo{AbsolutePath: strings.TrimPrefix(path+"/"+e.name, "/"), RelativePath: e.name}
		switch e.mode {
		case folder:
			i.TreeID = e.id
			out.SubFolders = append(out.SubFolders, i)
		case submodule:
			i.CommitID = e.id
			out.SubModules = append(out.SubModules, i)
		case symlink:
			i.BlobID, i.FileMode = e.id, modeName(e.mode)
			out.SymbolicLinks = append(out.SymbolicLinks, i)
		default:
			i.BlobID, i.FileMode = e.id, modeName(e.mode)
			out.Files = append(out.Files, i)
		}
	}
	return out, nil
}

type getDifferencesInput struct {
	RepositoryName, BeforeCommitSpecifier, AfterCommitSpecifier string
	BeforePath, AfterPath                                       string
	MaxResults                                                  *int
	NextToken                                                   string
}

type blobMetadata struct {
	BlobID string `json:"blobId"`
	Mode   string `json:"mode"`
	Path   string `json:"path"`
}

type difference struct {
	After      *blobMetadata `json:"afterBlob,omitempty"`
	Before     *blobMetadata `json:"beforeBlob,omitempty"`
	ChangeType string        `json:"changeType"`
}

// maxDifferences is how many there are on a page. The service does not say.
const maxDifferences = 400

// getDifferences compares what is under a path of each commit; a file that was
// renamed is one that is gone and one that is new. Paths in the reply begin at
// the folders that are compared, as in the example of the AWS CLI.
// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_GetDifferences.html
// https://docs.aws.amazon.com/cli/latest/reference/codecommit/get-differences.html
func (s *Service) getDifferences(q *request, in getDifferencesInput) (any, error) {
	r, err := s.lookup(q, in.RepositoryName)
	if err != nil {
		return nil, err
	}
	after, err := r.under(in.AfterCommitSpecifier, in.AfterPath)
	if err != nil {
		return nil, err
	}
	if (in.BeforePath == "") != (in.AfterPath == "" || in.BeforeCommitSpecifier == "") {
		return nil, notEmulated("GetDifferences with the path of one commit and not of the other")
	}
	before := map[string]entry{}
	if in.BeforeCommitSpecifier != "" {
		if before, err = r.under(in.BeforeCommitSpecifier, in.BeforePath); err != nil {
			return nil, err
		}
	}
	part, next, err := page(compare(before, after), in.NextToken, in.MaxResults, maxDifferences)
	if err != nil {
		return nil, err
	}
	return struct {
		Differences []difference `json:"differences"`
		NextToken   string       `json:",omitempty"`
	}{part, next}, nil
}

// under returns all files below a folder of a commit.
func (r *repository) under(specifier, path string) (map[string]entry, error) {
	c, err := r.resolve(specifier)
	if err != nil {
		return nil, err
	}
	if path, err = cleanFolder(path); err != nil {
		return nil, err
	}
	e, ok, err := r.find(c.tree, path)
	switch {
	case err != nil:
		return nil, err
	case !ok:
		return nil, refused("PathDoesNotExist", "The path %s does not exist in commit %s.", path, c.id)
	case e.mode != folder:
		return nil, notEmulated("GetDifferences of the path of a file")
	}
	out := map[string]entry{}
	return out, r.files(e.id, "", out)
}

// compare lists how two sets of files differ, by path.
func compare(before, after map[string]entry) []difference {
	both := maps.Clone(before)
	maps.Copy(both, after)
	var out []difference
	for _, path := range slices.Sorted(maps.Keys(both)) {
		b, had := before[path]
		a, has := after[path]
		if had && has && a.id == b.id && a.mode == b.mode {
			continue
		}
		d := difference{ChangeType: "M"}
		if had {
			d.Before = &blobMetadata{b.id, b.mode, path}
		} else {
			d.ChangeType = "A"
		}
		if has {
			d.After = &blobMetadata{a.id, a.mode, path}
		} else {
			d.ChangeType = "D"
		}
		out = append(out, d)
	}
	return out
}

// fileInfo is a FileMetadata.
// https://docs.aws.amazon.com/codecommit/latest/APIReference/API_FileMetadata.html
type fileInfo struct {
	AbsolutePath string `json:"absolutePath"`
	BlobID       string `json:"blobId"`
	FileMode     string `json:"fileMode"`
}

func infoOf(b *blobMetadata) fileInfo {
	return fileInfo{AbsolutePath: b.Path, BlobID: b.BlobID, FileMode: modeName(b.Mode)}
}
