// Package spec is the contract with authors: the types of a workspace spec,
// its strict decoding from YAML, its defaults, its validation, the regions it
// may name, and the JSON Schema that editors use.
//
// A spec says what a workspace should be. An id or ARN that is given means
// "use mine": it is verified and never changed or deleted. None means
// "create": it is made under the name given beside it, and owned.
//
// The package imports no SDK and nothing else of this project, so that any
// tool can read a spec exactly as the state machine does.
package spec
