// Package plan is the one list that everything else is derived from: the steps
// that turn a spec into a workspace, their order, their parallel branches,
// their deadlines and their permissions; the functions that start and report
// executions; the event rules that wake those.
//
// It renders the Amazon States Language definition, and diagrams and tables of the
// README.
// The CDK app derives functions, roles and rules from it, the binary its
// registry of handlers, the emulator its own stack. Tests compare them all.
//
// The package is data and rendering, standard library only.
package plan
