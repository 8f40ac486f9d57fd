package step

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"lakegate/lambda/internal/document"
)

// entity is an object that differs: what kind it is of, with its name where it has
// one, and its id.
type entity struct{ kind, id string }

func (s entity) String() string { return s.kind + " " + s.id }

// differs is one way in which it is not as the spec wants it.
func (s entity) differs(field, found, wanted string) document.Difference {
	return document.Difference{Object: s.String(), ID: s.id, Field: field, Found: brief(found), Wanted: brief(wanted)}
}

// maxValue bounds a value in a difference, in runes: it goes through documents
// and events, and to people.
const maxValue = 300

func brief(text string) string {
	if runes := []rune(text); len(runes) > maxValue {
		return string(runes[:maxValue-1]) + "…"
	}
	return text
}

// listed is a value of several.
func listed(all []string) string { return strings.Join(slices.Sorted(slices.Values(all)), ", ") }

// change is what was changed about an object: in a few words, and in values. The
// zero change is none.
type change struct {
	did         string
	differences []document.Difference
}

// changing is the change that mends differences; none if there are none.
func changing(did string, differences ...document.Difference) change {
	if len(differences) == 0 {
		return change{}
	}
	return change{did, differences}
}

// and joins changes.
func (c change) and(other change) change {
	return change{because(c.did, other.did), slices.Concat(c.differences, other.differences)}
}

// made is the outcome of an object of ours: created, or found and perhaps
// changed.
func made(created bool, changes ...change) document.Outcome {
	if created {
		return document.Outcome{Outcome: document.Created}
	}
	out := document.Outcome{Outcome: document.Found}
	for _, c := range changes {
		out = also(out, c)
	}
	return out
}

// also adds a change to an outcome; what was created has none.
func also(o document.Outcome, c change) document.Outcome {
	if c.did == "" || o.Outcome == document.Created {
		return o
	}
	o.Outcome = document.Updated
	if !strings.Contains(o.Reason, c.did) {
		o.Reason = because(o.Reason, c.did)
	}
	o.Differences = append(slices.Clone(o.Differences), c.differences...)
	return o
}

// because joins what was done to an object, leaving out what was not.
func because(did ...string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(did), func(one string) bool { return one == "" }), "; ")
}

// mismatch is a difference that is not mended.
type mismatch struct {
	of     entity
	field  string
	found  string
	wanted string
}

func (m *mismatch) Error() string {
	return fmt.Sprintf("comparing %s: its %s is %s, the spec wants %s", m.of, m.field, m.found, m.wanted)
}

// mismatchOf is the difference for which a step has stopped, if it has for one.
func mismatchOf(err error) []document.Difference {
	if m, ok := errors.AsType[*mismatch](err); ok {
		return []document.Difference{m.of.differs(m.field, m.found, m.wanted)}
	}
	return nil
}

// differsInPolicy is how a policy differs: in the statements that only one side
// has.
func (s entity) differsInPolicy(field, found, wanted string) document.Difference {
	a, b := statementsOf(found), statementsOf(wanted)
	return s.differs(field, strings.Join(without(a, b), " "), strings.Join(without(b, a), " "))
}

// statementsOf returns the statements of a policy in a form that can be
// compared; a text that is no policy is taken for one statement.
func statementsOf(text string) []string {
	if text == "" {
		return nil
	}
	var p struct{ Statement oneOrMany[map[string]any] }
	if json.Unmarshal([]byte(text), &p) != nil || len(p.Statement) == 0 {
		return []string{text}
	}
	out := make([]string, 0, len(p.Statement))
	for _, s := range p.Statement {
		// What was decoded can be encoded again.
		one, _ := json.Marshal(s)
		out = append(out, string(one))
	}
	return out
}
