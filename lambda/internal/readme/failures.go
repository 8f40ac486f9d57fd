package readme

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"
)

// Failure is a place in the code that makes an error with a remedy of its own.
type Failure struct {
	// Class is one of the classes of package plan.
	Class string
	// File that has it.
	File string
	// Message is what happened; what is only known when it runs is named in
	// guillemets, as in all texts here: ‹path›.
	Message string
	// Remedy says what to do.
	Remedy string
}

// Check is a check of a verification.
type Check struct {
	// File that has it.
	File string
	// What is true if it passes.
	What string
	// Remedy says what to do if it fails, or about what is only noted.
	Remedy string
	// Noted says that it never fails.
	Noted bool
}

// Ending is a code with which compute can end in the place of starting.
type Ending struct{ Code, Class, Remedy string }

// Code is what packages say to people, as their source has it.
type Code struct{ source *source }

// ReadCode reads packages by their folders.
func ReadCode(folders ...string) (*Code, error) {
	s, err := readSource(folders...)
	return &Code{s}, err
}

// functionsOf calls f for each function, in the order of files.
func (c *Code) functionsOf(f func(file sourceFile, s scope)) {
	for _, file := range c.source.files {
		for _, d := range file.Decls {
			if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
				f(file, scope{source: c.source, pkg: file.pkg, in: d})
			}
		}
	}
}

// Failures are the errors with remedies.
func (c *Code) Failures() []Failure {
	var all []Failure
	c.functionsOf(func(file sourceFile, s scope) {
		ast.Inspect(s.in, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || name(call.Fun) != "failure.New" && name(call.Fun) != "failure.As" {
				return true
			}
			for _, class := range s.texts(call.Args[0]) {
				for _, remedy := range c.remedies(s, call.Args[1]) {
					for _, message := range s.message(call) {
						f := Failure{Class: class, File: file.name, Message: message, Remedy: remedy}
						if remedy != "" && !slices.Contains(all, f) {
							all = append(all, f)
						}
					}
				}
			}
			return true
		})
	})
	return all
}

// remedies are the texts of a remedy. One that a client was given is looked up
// where it is given.
func (c *Code) remedies(s scope, e ast.Expr) []string {
	if !strings.HasSuffix(name(e), ".Remedy") {
		return s.texts(e)
	}
	var given []string
	c.functionsOf(func(_ sourceFile, s scope) {
		ast.Inspect(s.in, func(n ast.Node) bool {
			if l, ok := n.(*ast.CompositeLit); ok && strings.HasSuffix(name(l.Type), "Role") {
				given = append(given, s.member(l, "Remedy")...)
			}
			return true
		})
	})
	return given
}

// message is what a call says that has happened.
func (s scope) message(call *ast.CallExpr) []string {
	if name(call.Fun) == "failure.New" {
		return s.call(call)
	}
	return s.written(call.Args[2])
}

// Checks are the checks that have a remedy.
func (c *Code) Checks() []Check {
	var all []Check
	add := func(check Check) {
		if check.What != "" && check.Remedy != "" && !strings.HasPrefix(check.Remedy, "‹") && !slices.Contains(all, check) {
			all = append(all, check)
		}
	}
	c.functionsOf(func(file sourceFile, s scope) {
		what := map[string][]string{}
		ast.Inspect(s.in, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CompositeLit:
				if name(n.Type) != "document.Check" {
					return true
				}
				for _, row := range s.rows(n) {
					for _, w := range row.member(n, "What") {
						for _, remedy := range row.member(n, "Remedy") {
							add(Check{file.name, w, remedy, s.noted(n)})
						}
					}
				}
				what["c"] = s.member(n, "What")
			case *ast.AssignStmt:
				// A check that is made more precise after it was begun.
				for i, left := range n.Lhs {
					if len(n.Rhs) != len(n.Lhs) {
						continue
					}
					switch owner, member, _ := strings.Cut(name(left), "."); member {
					case "What":
						what[owner] = s.texts(n.Rhs[i])
					case "Remedy":
						for _, row := range s.rows(n) {
							for _, w := range what[owner] {
								for _, remedy := range row.texts(n.Rhs[i]) {
									add(Check{file.name, w, remedy, false})
								}
							}
						}
					}
				}
			}
			return true
		})
	})
	return all
}

func (s scope) member(c *ast.CompositeLit, key string) []string {
	for _, e := range c.Elts {
		if kv, ok := e.(*ast.KeyValueExpr); ok && name(kv.Key) == key {
			return s.texts(kv.Value)
		}
	}
	return nil
}

// noted says whether a check is only noted where it is made.
func (s scope) noted(c *ast.CompositeLit) bool {
	found := false
	ast.Inspect(s.in, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if ok && strings.HasSuffix(name(call.Fun), ".note") && call.Args[0] == ast.Expr(c) {
			found = true
		}
		return true
	})
	return found
}

// Endings are the codes in a table of code, class and remedy with this name.
func (c *Code) Endings(table string) []Ending {
	var all []Ending
	for _, file := range c.source.files {
		s := scope{source: c.source, pkg: file.pkg}
		for _, d := range file.Decls {
			d, ok := d.(*ast.GenDecl)
			if !ok || d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok || v.Names[0].Name != table || len(v.Values) == 0 {
					continue
				}
				rows, ok := v.Values[0].(*ast.CompositeLit)
				if !ok {
					continue
				}
				for _, e := range rows.Elts {
					if row, ok := e.(*ast.CompositeLit); ok {
						all = append(all, Ending{s.texts(row.Elts[0])[0], s.texts(row.Elts[1])[0], s.texts(row.Elts[2])[0]})
					}
				}
			}
		}
	}
	return all
}
