package spec

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// Digest tells whether two specs want the same: the hexadecimal SHA-256 of the
// spec with its defaults, as JSON. Comments, order and spelled-out defaults do
// not matter.
func Digest(w *Workspace) string {
	defaulted := *w
	// Default writes into lists, which the copy shares.
	text, err := json.Marshal(defaulted)
	if err == nil {
		var deep Workspace
		if err = json.Unmarshal(text, &deep); err == nil {
			deep.Default()
			text, err = json.Marshal(deep)
		}
	}
	if err != nil {
		panic(fmt.Sprintf("spec: encoding: %v", err))
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
