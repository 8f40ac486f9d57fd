package readme

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// source is the code of some packages, as far as texts for people are in it.
type source struct {
	files []sourceFile
	// declared texts by package and name.
	declared map[string]ast.Expr
	// functions by package and name.
	functions map[string]*ast.FuncDecl
	// messages are the formats of types that are errors, by package and type.
	messages map[string]ast.Expr
}

type sourceFile struct {
	// name of the file, without its folder, and of its package.
	name, pkg string
	*ast.File
}

// readSource reads Go packages, without their tests.
func readSource(folders ...string) (*source, error) {
	s := &source{declared: map[string]ast.Expr{}, functions: map[string]*ast.FuncDecl{}, messages: map[string]ast.Expr{}}
	set := token.NewFileSet()
	for _, folder := range folders {
		//nolint:staticcheck // build tags do not matter here: no package of this module has any
		packages, err := parser.ParseDir(set, folder, func(f fs.FileInfo) bool { return !strings.HasSuffix(f.Name(), "_test.go") }, 0)
		if err != nil {
			return nil, fmt.Errorf("reading the code in %s: %w", folder, err)
		}
		for name, p := range packages {
			for path, f := range p.Files {
				s.files = append(s.files, sourceFile{path[strings.LastIndexByte(path, '/')+1:], name, f})
				s.declare(name, f)
			}
		}
	}
	slices.SortFunc(s.files, func(a, b sourceFile) int { return strings.Compare(a.pkg+"/"+a.name, b.pkg+"/"+b.name) })
	return s, nil
}

func (s *source) declare(pkg string, f *ast.File) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil {
				s.functions[pkg+"."+d.Name.Name] = d
				continue
			}
			if receiver, ok := d.Recv.List[0].Type.(*ast.StarExpr); ok && d.Name.Name == "Error" {
				if name, ok := receiver.X.(*ast.Ident); ok {
					s.messages[pkg+"."+name.Name] = returned(d)
				}
			}
		case *ast.GenDecl:
			if d.Tok == token.IMPORT {
				continue
			}
			for _, spec := range d.Specs {
				values, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				for i, name := range values.Names {
					if i < len(values.Values) {
						if e := fixed(values.Values[i]); e != nil {
							s.declared[pkg+"."+name.Name] = e
						}
					}
				}
			}
		}
	}
}

// fixed is a text that a package declares, also as an error, or nil.
func fixed(e ast.Expr) ast.Expr {
	if c, ok := e.(*ast.CallExpr); ok && len(c.Args) == 1 {
		if f, ok := c.Fun.(*ast.SelectorExpr); ok && f.Sel.Name == "New" {
			e = c.Args[0]
		}
	}
	if _, ok := literal(e); ok || isSum(e) {
		return e
	}
	return nil
}

// returned is what a function returns that does nothing else, or nil.
func returned(d *ast.FuncDecl) ast.Expr {
	if len(d.Body.List) == 1 {
		if r, ok := d.Body.List[0].(*ast.ReturnStmt); ok && len(r.Results) == 1 {
			return r.Results[0]
		}
	}
	return nil
}

func literal(e ast.Expr) (string, bool) {
	l, ok := e.(*ast.BasicLit)
	if !ok {
		return "", false
	}
	if l.Kind != token.STRING {
		return l.Value, true
	}
	text, err := strconv.Unquote(l.Value)
	return text, err == nil
}

// scope is where an expression stands: a function of a package, and what a
// variable of a loop over a table stands for.
type scope struct {
	*source
	pkg string
	in  *ast.FuncDecl
	row map[string]ast.Expr
}

var verb = regexp.MustCompile(`%[-+#0-9.]*[a-zA-Z]`)

// texts are what an expression may be for people. What is only known when it runs
// is named in guillemets: ‹path›. A variable is followed to what it is given.
func (s scope) texts(e ast.Expr) []string {
	if variable, ok := e.(*ast.Ident); ok && s.in != nil {
		if assigned := s.assigned(variable.Name); len(assigned) > 0 {
			return assigned
		}
	}
	if sum, ok := e.(*ast.BinaryExpr); ok {
		return each(s.texts(sum.X), s.texts(sum.Y), func(a, b string) string { return a + b })
	}
	return s.written(e)
}

// written are the texts of an expression as it stands there.
func (s scope) written(e ast.Expr) []string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, _ := literal(e)
		return []string{text}
	case *ast.ParenExpr:
		return s.written(e.X)
	case *ast.BinaryExpr:
		return each(s.written(e.X), s.written(e.Y), func(a, b string) string { return a + b })
	case *ast.Ident:
		if text := s.declared[s.pkg+"."+e.Name]; text != nil {
			return scope{source: s.source, pkg: s.pkg}.written(text)
		}
	case *ast.SelectorExpr:
		if text := s.declared[name(e)]; text != nil {
			pkg, _, _ := strings.Cut(name(e), ".")
			return scope{source: s.source, pkg: pkg}.written(text)
		}
		if value, ok := s.row[name(e)]; ok {
			return s.written(value)
		}
	case *ast.CallExpr:
		if text := s.call(e); text != nil {
			return text
		}
	case *ast.UnaryExpr:
		return s.written(e.X)
	case *ast.CompositeLit:
		if message := s.messages[s.pkg+"."+name(e.Type)]; message != nil {
			return scope{source: s.source, pkg: s.pkg}.written(message)
		}
	}
	return []string{"‹" + s.words(e) + "›"}
}

// call is the text of a call that makes one, or nil.
func (s scope) call(e *ast.CallExpr) []string {
	switch name(e.Fun) {
	case "fmt.Sprintf", "fmt.Errorf":
		return s.format(e.Args)
	case "failure.New":
		return s.format(e.Args[2:])
	case "string":
		return s.written(e.Args[0])
	}
	if f := s.functions[s.pkg+"."+name(e.Fun)]; f != nil && returned(f) != nil && makesText(f) {
		return scope{source: s.source, pkg: s.pkg, in: f}.written(returned(f))
	}
	return nil
}

// format puts texts in the places of a format.
func (s scope) format(args []ast.Expr) []string {
	out := s.written(args[0])
	for _, arg := range args[1:] {
		out = each(out, s.written(arg), func(format, text string) string {
			at := verb.FindStringIndex(strings.ReplaceAll(format, "%%", "··"))
			if at == nil {
				return format
			}
			if format[at[1]-1] == 'q' {
				text = `"` + text + `"`
			}
			return format[:at[0]] + text + format[at[1]:]
		})
	}
	for i := range out {
		out[i] = strings.ReplaceAll(out[i], "%%", "%")
	}
	return out
}

// makesText says whether a function returns a string.
func makesText(f *ast.FuncDecl) bool {
	return f.Type.Results != nil && len(f.Type.Results.List) == 1 && name(f.Type.Results.List[0].Type) == "string"
}

// assigned are the texts that a variable of the function is given, as far as they
// are texts.
func (s scope) assigned(variable string) []string {
	var out []string
	add := func(s scope, e ast.Expr) {
		if texts := s.written(e); !strings.HasPrefix(texts[0], "‹") || isSum(e) {
			out = append(out, texts...)
		}
	}
	ast.Inspect(s.in, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if !ok || a.Tok != token.ASSIGN && a.Tok != token.DEFINE {
			return true
		}
		for i, left := range a.Lhs {
			if name(left) != variable {
				continue
			}
			if len(a.Lhs) == len(a.Rhs) {
				add(s, a.Rhs[i])
				continue
			}
			call, ok := a.Rhs[0].(*ast.CallExpr)
			if !ok || s.functions[s.pkg+"."+name(call.Fun)] == nil {
				continue
			}
			// One of several results of a function.
			f := s.functions[s.pkg+"."+name(call.Fun)]
			ast.Inspect(f, func(n ast.Node) bool {
				if r, ok := n.(*ast.ReturnStmt); ok && len(r.Results) == len(a.Lhs) {
					add(scope{source: s.source, pkg: s.pkg, in: f}, r.Results[i])
				}
				return true
			})
		}
		return true
	})
	return out
}

func isSum(e ast.Expr) bool {
	_, ok := e.(*ast.BinaryExpr)
	return ok
}

// rows are the scopes of a loop over a table that is written out there: one for
// each row. Without such a loop around it there is one scope.
func (s scope) rows(at ast.Node) []scope {
	scopes := []scope{s}
	ast.Inspect(s.in, func(n ast.Node) bool {
		loop, ok := n.(*ast.RangeStmt)
		if !ok || at.Pos() < loop.Body.Pos() || at.End() > loop.Body.End() {
			return true
		}
		table, ok := loop.X.(*ast.CompositeLit)
		if !ok {
			return true
		}
		list, ok := table.Type.(*ast.ArrayType)
		if !ok {
			return true
		}
		columns, ok := list.Elt.(*ast.StructType)
		if !ok {
			return true
		}
		scopes = nil
		for _, element := range table.Elts {
			row, ok := element.(*ast.CompositeLit)
			if !ok {
				continue
			}
			this := scope{s.source, s.pkg, s.in, map[string]ast.Expr{}}
			i := 0
			for _, column := range columns.Fields.List {
				for _, field := range column.Names {
					if i < len(row.Elts) {
						this.row[name(loop.Value)+"."+field.Name] = row.Elts[i]
					}
					i++
				}
			}
			scopes = append(scopes, this)
		}
		return true
	})
	return scopes
}

func each(as, bs []string, join func(a, b string) string) []string {
	var out []string
	for _, a := range as {
		for _, b := range bs {
			out = append(out, join(a, b))
		}
	}
	return out
}

// name is an identifier, or one behind another.
func name(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		if x := name(e.X); x != "" {
			return x + "." + e.Sel.Name
		}
	}
	return ""
}

// words say in plain words what an expression stands for.
func (s scope) words(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		if e.Name == "err" {
			return "what the service said"
		}
		if len(e.Name) > 2 || e.Name == "id" {
			return plain(e.Name)
		}
		return s.kind(e.Name)
	case *ast.SelectorExpr:
		last := plain(e.Sel.Name)
		if len(last) < 2 || last == "of" {
			return "…"
		}
		if owner := s.words(e.X); owner != "…" && slices.Contains([]string{"id", "arn", "name", "service", "role arn"}, last) {
			return owner + " " + last
		}
		return last
	case *ast.CallExpr:
		called := name(e.Fun)
		switch {
		case called == "len":
			return "number"
		case s.functions[s.pkg+"."+called] != nil && strings.Contains(plain(called), " "):
			// trustPolicy(account), accountOf(arn).
			return strings.TrimSuffix(plain(called), " of")
		case len(e.Args) > 0 && name(e.Args[0]) != "doc":
			// strings.Join(ids, ", "), aws.ToString(id): what it is made of.
			return s.words(e.Args[0])
		case len(e.Args) > 0:
			return plain(called[strings.LastIndexByte(called, '.')+1:])
		}
		if f, ok := e.Fun.(*ast.SelectorExpr); ok {
			return s.words(f.X)
		}
	case *ast.IndexExpr:
		return s.words(e.X)
	case *ast.UnaryExpr:
		return s.words(e.X)
	case *ast.ParenExpr:
		return s.words(e.X)
	}
	return "…"
}

// kind is what the type of a parameter is called.
func (s scope) kind(parameter string) string {
	if s.in != nil {
		for _, field := range s.in.Type.Params.List {
			for _, n := range field.Names {
				if full := name(field.Type); n.Name == parameter && full != "" {
					return plain(full[strings.LastIndexByte(full, '.')+1:])
				}
			}
		}
	}
	return "…"
}

// plain splits a name into words: endpointID, VPC, networkName.
func plain(name string) string {
	if strings.ToUpper(name) == name {
		return strings.ToLower(name)
	}
	var out strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1])) {
			out.WriteByte(' ')
		}
		out.WriteRune(unicode.ToLower(r))
	}
	return out.String()
}
