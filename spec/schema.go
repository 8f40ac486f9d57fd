package spec

import _ "embed"

// Schema is the JSON Schema of a workspace spec, for editors. It checks the
// structure; Load checks what can be known beyond that.
//
//go:generate go run ./schemagen
//go:embed workspace.schema.json
var Schema []byte
