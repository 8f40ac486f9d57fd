package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Digest returns the SHA-256, in hexadecimal, of what a spec means: two specs
// have the same digest if they are the same once both have their defaults,
// whatever their comments, order and layout. Annotations, what happens when the
// file is deleted or the world drifts, and what a change may stop say nothing
// about the workspace itself, and are left out: nothing has to be verified anew
// for them.
func Digest(w *Workspace) string {
	data, err := json.Marshal(w)
	if err != nil {
		panic(fmt.Sprintf("spec: encoding a workspace: %v", err))
	}
	var full Workspace
	if err := json.Unmarshal(data, &full); err != nil {
		panic(fmt.Sprintf("spec: copying a workspace: %v", err))
	}
	full.Default()
	full.Metadata.Annotations, full.Spec.Change = nil, Change{}
	full.Spec.Drift, full.Spec.DeletionPolicy, full.Spec.BucketDeletion = "", "", ""
	if data, err = json.Marshal(full); err != nil {
		panic(fmt.Sprintf("spec: encoding a workspace: %v", err))
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
