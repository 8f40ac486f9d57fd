// Package revision names what authors push: one version of one spec.
package revision

// Revision is one version of one spec at its source.
type Revision struct {
	// Source is s3 or codecommit.
	Source string `json:"source"`
	// Repository is the bucket, or the name of the git repository.
	Repository string `json:"repository"`
	// Branch of the git repository that the revision was pushed to; empty if it is
	// none.
	Branch string `json:"branch,omitempty"`
	// Path of the spec in the repository.
	Path string `json:"path"`
	// Version is the object's version id, or the commit.
	Version string `json:"version"`
	// Author and Message, its first line, are those of the commit: they tell
	// people whose change it is, and nothing depends on them.
	Author  string `json:"author,omitempty"`
	Message string `json:"message,omitempty"`
}

// String names a revision for people: path@version, with a commit as short as
// git prints it.
func (r Revision) String() string {
	version := r.Version
	if r.Branch != "" {
		version = version[:min(len(version), 8)]
	}
	return r.Path + "@" + version
}

// Signed is String and, where it is known, the author.
func (r Revision) Signed() string {
	if r.Author == "" {
		return r.String()
	}
	return r.String() + " by " + r.Author
}
