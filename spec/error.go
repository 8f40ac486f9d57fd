package spec

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// FieldError is one thing that is wrong with a spec.
type FieldError struct {
	// File as it was given to Load.
	File string
	// Line and Column of the value, from 1; the column counts characters. What
	// is missing is placed at the nearest thing around it.
	Line, Column int
	// Path of the field, such as spec.network.workspaceSubnets[0].cidr. Empty
	// if the file as a whole is wrong.
	Path string
	// Message says what is wrong and what to write instead.
	Message string
}

// Error returns file:line:column: path: message.
func (e FieldError) Error() string {
	text := fmt.Sprintf("%s:%d:%d: ", e.File, e.Line, e.Column)
	if e.Path != "" {
		text += e.Path + ": "
	}
	return text + e.Message
}

// Errors is everything that is wrong with a spec, in the order of the file.
type Errors []FieldError

// Error returns one line for each error.
func (e Errors) Error() string {
	lines := make([]string, len(e))
	for i, f := range e {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// position of something in a file, from 1.
type position struct{ line, column int }

// findings collects what is wrong with one file.
type findings struct {
	file string
	// places holds the position of every key and value that the file has, by
	// path.
	places map[string]position
	// silent holds the paths of which nothing more is said, because what the
	// author meant there is unknown.
	silent map[string]bool
	errors Errors
}

func newFindings(file string) *findings {
	return &findings{file: file, places: map[string]position{}, silent: map[string]bool{}}
}

// given reports whether the author has written something at the path.
func (f *findings) given(path string) bool {
	_, ok := f.places[path]
	return ok
}

// sound reports whether nothing is known against the value at the path.
func (f *findings) sound(path string) bool {
	return !f.silenced(path) && !slices.ContainsFunc(f.errors, func(e FieldError) bool { return e.Path == path })
}

func (f *findings) silenced(path string) bool {
	for ; path != "" && !f.silent[path]; path = parent(path) {
	}
	return f.silent[path]
}

// add notes an error at the path, or at what is nearest around it.
func (f *findings) add(path, format string, args ...any) {
	near := path
	for near != "" && !f.given(near) {
		near = parent(near)
	}
	at, ok := f.places[near]
	if !ok {
		at = position{1, 1}
	}
	f.addAt(at, path, format, args...)
}

// addAt notes an error at a position.
func (f *findings) addAt(at position, path, format string, args ...any) {
	if f.silenced(path) {
		return
	}
	e := FieldError{File: f.file, Line: at.line, Column: at.column, Path: path, Message: fmt.Sprintf(format, args...)}
	if !slices.Contains(f.errors, e) {
		f.errors = append(f.errors, e)
	}
}

// err returns all errors in the order of the file, or nil.
func (f *findings) err() error {
	if len(f.errors) == 0 {
		return nil
	}
	slices.SortStableFunc(f.errors, func(a, b FieldError) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	return f.errors
}

// parent returns the path of what holds the field: a.b of a.b.c and of a.b[0].
func parent(path string) string {
	return path[:max(0, strings.LastIndexAny(path, ".["))]
}

// join returns the path of a key inside of path.
func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// item returns the path of an element of the list at path.
func item(path string, index int) string { return fmt.Sprintf("%s[%d]", path, index) }

// entry returns the path of an author's own key in the map at path.
func entry(path, key string) string { return fmt.Sprintf("%s[%s]", path, quote(key)) }

// quote quotes a value of the author's, cut to a readable length.
func quote(value string) string {
	const most = 80
	if runes := []rune(value); len(runes) > most {
		value = string(runes[:most]) + "…"
	}
	return fmt.Sprintf("%q", value)
}

// choice joins words for a sentence: a, b or c.
func choice(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
