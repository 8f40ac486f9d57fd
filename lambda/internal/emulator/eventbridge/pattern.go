package eventbridge

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Pattern is an event pattern, ready to be matched. Its rules are those of
// AWS's own matcher (https://github.com/aws/event-ruler) as EventBridge uses it:
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
type Pattern struct{ root *objectPattern }

// PatternError says why a pattern is refused.
type PatternError struct {
	// Reason in the words that the service uses.
	Reason string
	// Path of the field, such as detail.object.key; empty for the whole pattern.
	Path string
}

func (e *PatternError) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return e.Reason + "\n at " + e.Path
}

// ErrTooManyCombinations is the refusal of a pattern whose $or fields multiply
// to more than a thousand combinations.
var ErrTooManyCombinations = errors.New("the event pattern has more than 1000 rule combinations")

const maxCombinations = 1000

// Compile parses an event pattern. It returns a *PatternError or
// ErrTooManyCombinations if the service would refuse it.
func Compile(text string) (*Pattern, error) {
	v, err := decode([]byte(text))
	if err != nil {
		return nil, &PatternError{Reason: "Invalid JSON: " + err.Error()}
	}
	m, ok := v.(map[string]any)
	if !ok {
		return nil, &PatternError{Reason: "Filter is not an object"}
	}
	root := newObjectPattern()
	if err := root.compile("", m, false); err != nil {
		return nil, err
	}
	if root.combinations() > maxCombinations {
		return nil, ErrTooManyCombinations
	}
	return &Pattern{root: root}, nil
}

// Match says whether the pattern matches an event, which must be a JSON object.
func (p *Pattern) Match(event []byte) (bool, error) {
	v, err := decode(event)
	if err != nil {
		return false, fmt.Errorf("decoding event: %w", err)
	}
	m, ok := v.(map[string]any)
	if !ok {
		return false, errors.New("decoding event: not a JSON object")
	}
	e := flatten(m)
	return p.root.match(e, e.root), nil
}

// decode reads one JSON value and keeps numbers as they are written.
func decode(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON value")
	}
	return v, nil
}

// objectPattern matches an object: every field, and one alternative of every
// $or.
type objectPattern struct {
	fields map[string]*fieldPattern
	ors    [][]*objectPattern
}

// fieldPattern matches what an event has under one key. Both parts are set only
// if keys with dots say so, since the service joins keys by dots.
type fieldPattern struct {
	leaf   *leaf
	object *objectPattern
}

// leaf matches if one value matches, or if it allows absence and the event has
// no value at the path.
type leaf struct {
	path   string
	values []valuePattern
	absent bool
}

func newObjectPattern() *objectPattern {
	return &objectPattern{fields: map[string]*fieldPattern{}}
}

const or = "$or"

// reservedInOr are the match types, which the service does not take as names of
// fields inside $or.
var reservedInOr = []string{
	"exactly", "prefix", "suffix", "anything-but", "exists", "numeric",
	"equals-ignore-case", "wildcard", "cidr", "=", "<", "<=", ">", ">=",
}

func (o *objectPattern) compile(path string, m map[string]any, inOr bool) error {
	if len(m) == 0 {
		return &PatternError{"Empty objects are not allowed", path}
	}
	for _, key := range slices.Sorted(maps.Keys(m)) {
		at := join(path, key)
		if key == or {
			if err := o.compileOr(path, m[key]); err != nil {
				return err
			}
			continue
		}
		if inOr && slices.Contains(reservedInOr, key) {
			return &PatternError{key + " is Ruler reserved fieldName which cannot be used inside $or.", at}
		}
		field := o.field(key)
		switch v := m[key].(type) {
		case map[string]any:
			if field.object == nil {
				field.object = newObjectPattern()
			}
			if err := field.object.compile(at, v, inOr); err != nil {
				return err
			}
		case []any:
			l, err := compileLeaf(at, v)
			if err != nil {
				return err
			}
			field.leaf = l
		default:
			return &PatternError{fmt.Sprintf("%q must be an object or an array", key), at}
		}
	}
	return nil
}

func (o *objectPattern) compileOr(path string, v any) error {
	list, ok := v.([]any)
	if !ok {
		return &PatternError{"It must be an Array followed with $or.", join(path, or)}
	}
	var alternatives []*objectPattern
	for _, v := range list {
		m, ok := v.(map[string]any)
		if !ok {
			return &PatternError{"Only JSON object is allowed in array of $or relationship.", join(path, or)}
		}
		alternative := newObjectPattern()
		if err := alternative.compile(path, m, true); err != nil {
			return err
		}
		alternatives = append(alternatives, alternative)
	}
	if len(alternatives) < 2 {
		return &PatternError{"There must have at least 2 Objects in $or relationship.", join(path, or)}
	}
	o.ors = append(o.ors, alternatives)
	return nil
}

// field returns the pattern of a key, below further objects if the key has dots.
func (o *objectPattern) field(key string) *fieldPattern {
	for {
		first, rest, dotted := strings.Cut(key, ".")
		f := o.fields[first]
		if f == nil {
			f = &fieldPattern{}
			o.fields[first] = f
		}
		if !dotted {
			return f
		}
		if f.object == nil {
			f.object = newObjectPattern()
		}
		o, key = f.object, rest
	}
}

func compileLeaf(path string, list []any) (*leaf, error) {
	if len(list) == 0 {
		return nil, &PatternError{"Empty arrays are not allowed", path}
	}
	l := &leaf{path: path}
	for _, v := range list {
		if isAbsence(v) {
			l.absent = true
			continue
		}
		value, reason := compileValue(v)
		if reason != "" {
			return nil, &PatternError{reason, path}
		}
		l.values = append(l.values, value)
	}
	return l, nil
}

// combinations counts the conjunctions that the pattern would be without $or.
func (o *objectPattern) combinations() int {
	n := 1
	for _, f := range o.fields {
		if f.object != nil {
			n = min(n*f.object.combinations(), maxCombinations+1)
		}
	}
	for _, alternatives := range o.ors {
		sum := 0
		for _, a := range alternatives {
			sum = min(sum+a.combinations(), maxCombinations+1)
		}
		n = min(n*sum, maxCombinations+1)
	}
	return n
}

func (o *objectPattern) match(e *flat, r record) bool {
	for key, f := range o.fields {
		if !f.match(e, r[key]) {
			return false
		}
	}
	for _, alternatives := range o.ors {
		if !slices.ContainsFunc(alternatives, func(a *objectPattern) bool { return a.match(e, r) }) {
			return false
		}
	}
	return true
}

func (f *fieldPattern) match(e *flat, s *slot) bool {
	if s == nil {
		s = &slot{}
	}
	if f.leaf != nil && !f.leaf.match(e, s) {
		return false
	}
	if f.object == nil {
		return true
	}
	if len(s.records) == 0 {
		return f.object.match(e, nil)
	}
	return slices.ContainsFunc(s.records, func(r record) bool { return f.object.match(e, r) })
}

func (l *leaf) match(e *flat, s *slot) bool {
	if l.absent && !e.present[l.path] {
		return true
	}
	return slices.ContainsFunc(s.values, func(v any) bool {
		return slices.ContainsFunc(l.values, func(p valuePattern) bool { return p(v) })
	})
}

// flat is an event as the service sees it: an array is a choice of its
// elements, an empty array or object is nothing, keys are joined by dots.
type flat struct {
	root record
	// present has the paths at which the event has a value. Absence is a matter
	// of the whole event, not of one element of an array.
	present map[string]bool
}

// record is one object.
type record map[string]*slot

// slot is what an object has under one key.
type slot struct {
	values  []any
	records []record
	// merged is the one of records that is not an element of an array.
	merged record
}

func flatten(m map[string]any) *flat {
	e := &flat{root: record{}, present: map[string]bool{}}
	e.addAll(e.root, "", m)
	return e
}

func (e *flat) addAll(r record, path string, m map[string]any) {
	for key, v := range m {
		r, last := r, key
		for {
			first, rest, dotted := strings.Cut(last, ".")
			if !dotted {
				break
			}
			r, last = r.slot(first).object(), rest
		}
		e.put(r.slot(last), join(path, key), v, false)
	}
}

func (e *flat) put(s *slot, path string, v any, inArray bool) {
	switch v := v.(type) {
	case map[string]any:
		r := record{}
		if inArray {
			s.records = append(s.records, r)
		} else {
			r = s.object()
		}
		e.addAll(r, path, v)
	case []any:
		for _, v := range v {
			e.put(s, path, v, true)
		}
	default:
		s.values = append(s.values, v)
		e.present[path] = true
	}
}

func (r record) slot(key string) *slot {
	if r[key] == nil {
		r[key] = &slot{}
	}
	return r[key]
}

func (s *slot) object() record {
	if s.merged == nil {
		s.merged = record{}
		s.records = append(s.records, s.merged)
	}
	return s.merged
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
