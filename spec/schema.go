package spec

import _ "embed"

//go:generate go run ./schemagen

// Schema is the JSON Schema (draft 2020-12) of a spec, for editors. It knows
// the structure and the format of each field; what Load checks beyond that
// concerns several fields at once.
//
//go:embed workspace.schema.json
var Schema []byte
